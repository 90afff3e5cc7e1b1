"""What an explanation is made of: sections of words, equations and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isclose

from chainrule.notation import Expression, Number, put_in
from chainrule.typesetting import DIGITS, text

TICK = "✓"
TICKED = (
    "The tick behind a gradient says that finite differences of the loss, (L(w + h) − L(w − h)) / "
    "2h, give the same number, to a part in 100,000 or to 10⁻⁹, which is as far as they can tell."
)
SHARE = 1e-5  # of a gradient, by which finite differences may be off
NOISE = 1e-9  # what rounding of the loss leaves in them


def tick(gradient: float, difference: float) -> str:
    """Return the sign of whether finite differences give the same number as a gradient."""
    return TICK if isclose(gradient, difference, rel_tol=SHARE, abs_tol=NOISE) else "≠"


class Live(str):
    """Text that is another one with another sample, as a live number is another number."""

    __slots__ = ()


@dataclass(frozen=True)
class Line:
    """One equation: what it is, in signs, with the numbers put in, and its value.

    Attributes
    ----------
    left : Expression or str
    right : Expression or None
        None, with no value either, is a blank to be filled in.
    value : float or None
        The engine's own number.
    relation : str
        "=", or "←" for an update, or "~" for what is drawn.
    equation : str
        Its number in the source document, such as "24".
    check : float or None
        The same number by finite differences of the loss.
    note : str
        A few words.
    """

    left: Expression | str
    right: Expression | None = None
    value: float | None = None
    relation: str = "="
    equation: str = ""
    check: float | None = None
    note: str = ""

    @property
    def numbers(self) -> Expression | None:
        """The right side with the numbers put in, or None where that says nothing more."""
        if self.right is None or self.value is None:
            return None
        numbers: Expression = put_in(self.right)
        return None if numbers is self.right or isinstance(numbers, Number) else numbers


@dataclass(frozen=True)
class Lines:
    """Equations, one below the other."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Words:
    """A paragraph: plain text, in which names of columns may be any, and signs among it."""

    text: str | tuple[str | Expression, ...]


Cell = Expression | str | float | None


@dataclass(frozen=True)
class Grid:
    """A table; numbers in it are the engine's own."""

    heads: tuple[Expression | str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Sketch:
    """A drawing of a network: the neurons of each layer, and what a layer is called."""

    sizes: tuple[int, ...]
    names: tuple[str, ...]


Part = Lines | Words | Grid | Sketch


@dataclass(frozen=True)
class Section:
    """A part of an explanation, under a title; it may begin a page where there are pages."""

    title: str
    parts: tuple[Part, ...]
    new_page: bool = False


@dataclass(frozen=True)
class Explanation:
    """Mathematics in sections.

    Attributes
    ----------
    title : str
    sections : tuple of Section
    digits : int
        With how many significant digits numbers are shown. They are kept in full.
    """

    title: str
    sections: tuple[Section, ...]
    digits: int = field(default=DIGITS)

    def lines(self) -> Iterator[Line]:
        """Yield all equations."""
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Lines):
                    yield from part.lines

    @property
    def values(self) -> Mapping[str, float]:
        """The numbers of all equations by what stands on their left, the first of each.

        What is updated stands there as "W[1] after".
        """
        found: dict[str, float] = {}
        for line in self.lines():
            left = line.left if isinstance(line.left, str) else text(line.left)
            if line.value is not None:
                found.setdefault(f"{left} after" if line.relation == "←" else left, line.value)
        return found
