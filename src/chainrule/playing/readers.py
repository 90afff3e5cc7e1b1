"""Readers of what comes from outside: a value and where it stands in, the checked value out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from chainrule.errors import BadSetting
from chainrule.rules import WHOLESALE

LONGEST = 1000  # characters of a name

Reader = Callable[[Any, str], Any]


class BadChoice(BadSetting):
    """A choice cannot be used.

    Attributes
    ----------
    where : str or None
        Which, such as "network.hidden_layer_sizes".
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.where = where


def object_of(value: Any, names: tuple[str, ...] | None, where: str) -> dict[str, Any]:
    """Read an object of some of these names, or of any."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise BadChoice(f"{where or 'the settings'} must be an object, not {_shown(value)}", where)
    for name in value:
        if names is not None and name not in names:
            path = f"{where}.{name[:60]}".removeprefix(".")
            raise BadChoice(f"there is no setting {path}; there are {', '.join(names)}", path)
    return value


def text(value: Any, where: str) -> str:
    """Read a name."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise _wrong(value, where, f"text of at most {LONGEST} characters")
    return value


def whole(least: int, most: int) -> Reader:
    """Return a reader of whole numbers."""

    def read(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _wrong(value, where, f"a whole number from {least:,} to {most:,}")
        return value

    return read


def number(
    least: float = -inf, most: float = inf, above: bool = False, below: bool = False
) -> Reader:
    """Return a reader of finite numbers; ``above`` and ``below`` shut the limits out."""
    if most < inf:
        wanted = f"a number from {least:g} to {'below ' if below else ''}{most:g}"
    else:
        wanted = f"a number {'above' if above else 'not below'} {least:g}"
    wanted = "a finite number" if least == -inf else wanted

    def read(value: Any, where: str) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        fits = fits and abs(value) < 1e300 and least <= value <= most
        if not fits or (above and value == least) or (below and value == most):
            raise _wrong(value, where, wanted)
        return float(value)

    return read


def one_of(names: Sequence[str]) -> Reader:
    """Return a reader of one of some names."""

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in names:
            raise _wrong(value, where, f"one of {', '.join(names)}")
        return value

    return read


def solver(names: Sequence[str]) -> Reader:
    """Return a reader of solvers that says why some are not among them."""

    def read(value: Any, where: str) -> str:
        if isinstance(value, str) and value in WHOLESALE:
            raise BadChoice(
                f"{where}: {value} takes all rows at once and finds its own steps, so it has no "
                "batches and no learning rate to watch here; chainrule train has it",
                where,
            )
        return str(one_of(names)(value, where))

    return read


def maybe(reader: Reader) -> Reader:
    """Return a reader that takes null too."""
    return lambda value, where: None if value is None else reader(value, where)


def sequence(reader: Reader, most: int) -> Reader:
    """Return a reader of lists."""

    def read(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > most:
            count = f" of {len(value)}" if isinstance(value, list) else ""
            raise BadChoice(f"{where} must be a list of at most {most}, not one{count}", where)
        return tuple(reader(item, f"{where}[{i}]") for i, item in enumerate(value))

    return read


def mapping(reader: Reader, most: int) -> Reader:
    """Return a reader of objects of any names."""

    def read(value: Any, where: str) -> dict[str, Any]:
        if len(object_of(value, None, where)) > most:
            raise BadChoice(f"{where} has {len(value)} entries; {most} are the most", where)
        return {text(k, where): reader(item, f"{where}.{k[:60]}") for k, item in value.items()}

    return read


def _wrong(value: Any, where: str, wanted: str) -> BadChoice:
    return BadChoice(f"{where} is {_shown(value)}; it must be {wanted}", where)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
