"""What the marked-up forms of an explanation share: Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.boxes import clean
from chainrule.explaining.parts import TICK, Grid, Line, Words, tick
from chainrule.notation import Expression, Negative, Number, Product, Sum
from chainrule.typesetting import text

SHORT = 66  # characters of an equation that is set in one row
WIDE = 90  # and of one row of a long sum


def sides_of(line: Line, digits: int) -> list[Expression]:
    """Return what stands on the right: in signs, with the numbers put in, the value.

    The value is left out where the side before it, with so many digits, is the same.
    """
    given = None if line.value is not None and isinstance(line.right, Number) else line.right
    sides = [side for side in (given, line.numbers) if side is not None]
    if line.value is not None:
        value = Number(line.value, live=True)
        if not (sides and _is_figure(sides[-1]) and text(sides[-1], digits) == text(value, digits)):
            sides.append(value)
    return sides


def _is_figure(side: Expression) -> bool:
    """Say whether a side may look like a number; of others it is not asked how they look."""
    return isinstance(side, Number) or (isinstance(side, Negative) and _is_figure(side.of))


def is_short(line: Line, sides: list[Expression], digits: int) -> bool:
    """Say whether an equation fits into one row."""
    left = line.left if isinstance(line.left, str) else text(line.left, digits)
    length = len(left) + sum(len(text(side, digits)) + 3 for side in sides)
    return length + len(line.note) <= SHORT


def broken(expression: Expression, printed: list[str], digits: int) -> list[str]:
    """Join the printed terms or factors of an expression to rows that are not too long."""
    if isinstance(expression, Sum):
        parts = expression.terms
    elif isinstance(expression, Product):
        parts = expression.factors
    else:
        return printed
    rows, used = [""], 0
    for part, piece in zip(parts, printed, strict=True):
        length = len(text(part, digits)) + 3
        if used and used + length > WIDE:
            rows, used = [*rows, ""], 0
        rows[-1] += piece
        used += length
    return rows


def verdict(line: Line, digits: int) -> tuple[bool, str] | None:
    """Say whether finite differences confirm a gradient, and their number."""
    if line.check is None or line.value is None:
        return None
    return tick(line.value, line.check) == TICK, text(Number(line.check), digits)


def cell(value: Any, digits: int) -> str | Expression:
    """Return what a table shows in a cell: words, or mathematics; a number as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Number) or not hasattr(value, "__dataclass_fields__"):
        return text(value if isinstance(value, Number) else Number(float(value)), digits)
    expression: Expression = value
    return expression


def wordy(grid: Grid) -> list[bool]:
    """Say which columns of a table hold words or signs: they are set to the left."""
    columns = zip(*grid.rows, strict=True) if grid.rows else [()] * len(grid.heads)
    return [
        place == 0 or all(value is None or isinstance(value, str) for value in column)
        for place, column in enumerate(columns)
    ]


def pieces(words: Words) -> Iterator[str | Expression]:
    """Yield the words of a paragraph, and the signs among them."""
    for piece in (words.text,) if isinstance(words.text, str) else words.text:
        yield type(piece)(clean(piece)) if isinstance(piece, str) else piece
