"""Watch a learner's code as it runs: every number that it gives a name, and on which line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType
from typing import Any

import numpy as np

from chainrule.checking.ruled import Array

MOST_VALUES = 20_000
LARGEST = 10_000  # numbers of an array that is still kept


@dataclass(frozen=True, eq=False)
class Value:
    """Numbers that got a name: which, in which function, and by which line."""

    name: str
    numbers: Array
    line: int
    function: str


@dataclass
class Trace:
    """What a run of some files' code gave names to, in the order of time."""

    files: frozenset[str]
    values: list[Value] = field(default_factory=list)
    stops: dict[int, dict[str, Any]] = field(default_factory=dict)  # names at lines asked for
    _known: dict[int, dict[str, bytes]] = field(default_factory=dict)
    _lines: dict[int, int] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Watch a frame, if it is of these files; Python calls it."""
        if frame.f_code.co_filename not in self.files or len(self.values) > MOST_VALUES:
            return None
        key = id(frame)
        if event == "call":
            self._known[key] = {}
            self._note(frame, frame.f_code.co_firstlineno)
            self._lines[key] = frame.f_lineno
        else:
            line = self._lines.get(key, frame.f_lineno)
            self._note(frame, line)
            self._lines[key] = frame.f_lineno
            if event == "line" and self.stops.get(frame.f_lineno) == {}:
                self.stops[frame.f_lineno] = frame.f_globals | _copied(frame.f_locals)
            if event == "return":
                self._returned(frame, argument)
        return self

    def _note(self, frame: FrameType, line: int) -> None:
        known = self._known.setdefault(id(frame), {})
        for name, value in list(frame.f_locals.items()):
            for full, numbers in numbers_in(name, value):
                mark = numbers.tobytes()
                if known.get(full) != mark:
                    known[full] = mark
                    self.values.append(Value(full, numbers, line, frame.f_code.co_name))

    def _returned(self, frame: FrameType, value: Any) -> None:
        name = f"{frame.f_code.co_name}(...)"
        self.values += [
            Value(full, numbers, frame.f_lineno, frame.f_code.co_name)
            for full, numbers in numbers_in(name, value)
        ]
        self._known.pop(id(frame), None)

    @cached_property
    def all_numbers(self) -> Array:
        """All numbers, sorted."""
        parts = [value.numbers.ravel() for value in self.values]
        together = np.concatenate(parts) if parts else np.zeros(0)
        return np.unique(together[np.isfinite(together)])

    def holds(self, wanted: Array) -> bool:
        """Say whether all these numbers came up, each somewhere."""
        numbers = self.all_numbers
        if not numbers.size:
            return False
        flat = np.ravel(wanted)
        places = np.searchsorted(numbers, flat)
        near = [numbers[np.clip(places + k, 0, len(numbers) - 1)] for k in (-1, 0)]
        distance = np.minimum(*(np.abs(each - flat) for each in near))
        return bool((distance <= 1e-9 * np.maximum(np.abs(flat), 1e-3)).all())

    def first(self, wanted: Array) -> int | None:
        """Return when these numbers first came up, all samples at once or each on its own."""
        times = [k for k, value in enumerate(self.values) if same(value.numbers, wanted)]
        if times:
            return times[0]
        rows = [
            next((k for k, v in enumerate(self.values) if same(v.numbers, row)), None)
            for row in wanted
        ]
        known = [k for k in rows if k is not None]
        return known[0] if len(known) == len(rows) and wanted.shape[1] > 0 else None

    def all_of(self, wanted: Array) -> list[Value]:
        """Return the values that are this array, turned or flat as it may be."""
        return [value for value in self.values if same(value.numbers, wanted)]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what runs inside."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


def _copied(names: dict[str, Any]) -> dict[str, Any]:
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in names.items()}


def same(theirs: Array, wanted: Array) -> bool:
    """Say whether two arrays hold the same numbers in the same order, or turned."""
    if theirs.size != wanted.size:
        return False
    scale = 1e-9 * max(float(np.abs(wanted).max(initial=0.0)), 1e-3)
    with np.errstate(invalid="ignore"):
        return any(
            bool((np.abs(theirs.ravel() - each.ravel()) <= scale).all())
            for each in (wanted, wanted.T)
        )


def numbers_in(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Array]]:
    """Yield the arrays in a value: it, or what a list, a dictionary or an object holds."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        return
    if isinstance(value, (int, float, np.number, np.ndarray)):
        if np.size(value) <= LARGEST and np.asarray(value).dtype.kind in "iufb":
            yield name, np.array(value, dtype=float)
    elif depth < 2 and isinstance(value, Mapping):
        for key, part in list(value.items()):
            yield from numbers_in(f"{name}[{key!r}]", part, depth + 1)
    elif isinstance(value, (list, tuple)) and len(value) <= LARGEST:
        try:
            whole = np.array(value, dtype=float)
        except (TypeError, ValueError):
            whole = np.zeros(0)
        if whole.size:
            yield name, whole
        if depth < 2 and len(value) <= 50:
            for k, part in enumerate(value):
                if not isinstance(part, (int, float)):
                    yield from numbers_in(f"{name}[{k}]", part, depth + 1)
    elif depth == 0 and hasattr(value, "__dict__") and not callable(value):
        for key, part in list(vars(value).items()):
            yield from numbers_in(f"{name}.{key}", part, depth + 1)
