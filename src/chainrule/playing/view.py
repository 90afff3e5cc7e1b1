"""What one tab looks at: a JSON document from the page, checked, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.playing import readers

LEAST_SIZE, MOST_SIZE = 10, 200
MOST = 2**31
PARTS = ("train", "validation")


@dataclass(frozen=True)
class Surface:
    """The prediction over two columns, the others held at values."""

    x: str
    y: str
    held: Mapping[str, float | str] = field(default_factory=dict)
    size: int = 100


@dataclass(frozen=True)
class Worked:
    """A row whose step is worked out, and what of it is followed."""

    part: str = "train"
    row: int = 0
    weight: tuple[int, ...] | None = None
    neuron: tuple[int, ...] | None = None


@dataclass(frozen=True)
class View:
    """What a tab looks at.

    Attributes
    ----------
    surface : Surface or None
    maps : bool
        A small map of each neuron over the same two columns.
    compare : int or None
        A snapshot to compare with.
    metrics, histograms : bool
    worked : Worked or None
    hidden_tab : bool
    """

    surface: Surface | None = None
    maps: bool = False
    compare: int | None = None
    metrics: bool = False
    histograms: bool = False
    worked: Worked | None = None
    hidden_tab: bool = False


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise readers.BadChoice(f"{where} must be true or false", where)
    return value


def _held(value: Any, where: str) -> float | str:
    """Read the value of a column: a number, or the text of a category."""
    if isinstance(value, str):
        return str(readers.text(value, where))
    return float(readers.number()(value, where))


_WHOLE = readers.whole(0, MOST)
_SURFACE: dict[str, readers.Reader] = {
    "x": readers.text,
    "y": readers.text,
    "held": readers.mapping(_held, 200),
    "size": readers.whole(LEAST_SIZE, MOST_SIZE),
}


def _places(count: int) -> readers.Reader:
    def read(value: Any, where: str) -> tuple[int, ...]:
        found = readers.sequence(_WHOLE, count)(value, where)
        if len(found) != count:
            raise readers.BadChoice(f"{where} must be a list of {count} whole numbers", where)
        return tuple(found)

    return read


_WORKED: dict[str, readers.Reader] = {
    "part": readers.one_of(PARTS),
    "row": _WHOLE,
    "weight": readers.maybe(_places(3)),
    "neuron": readers.maybe(_places(2)),
}


def _read(value: Any, where: str, known: Mapping[str, readers.Reader]) -> dict[str, Any]:
    found = readers.object_of(value, tuple(known), where)
    return {name: known[name](item, f"{where}.{name}") for name, item in found.items()}


def _surface(value: Any, where: str) -> Surface:
    return Surface(**{"x": "", "y": ""} | _read(value, where, _SURFACE))


_VIEW: dict[str, readers.Reader] = {
    "surface": readers.maybe(_surface),
    "maps": _flag,
    "compare": readers.maybe(_WHOLE),
    "metrics": _flag,
    "histograms": _flag,
    "worked": readers.maybe(lambda value, where: Worked(**_read(value, where, _WORKED))),
    "hidden_tab": _flag,
}


def read_view(document: Any) -> View:
    """Return a view from what the page sent.

    Raises
    ------
    BadChoice
        If something in it is unknown or of another type.

    Examples
    --------
    >>> read_view({"surface": {"x": "a", "y": "b"}, "maps": True}).surface
    Surface(x='a', y='b', held={}, size=100)
    """
    return View(**_read(document, "view", _VIEW))
