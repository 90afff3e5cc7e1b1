"""Show an explanation as text: readable at 80 columns, the same on a terminal and in a file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len, set_cell_size

from chainrule.explaining.parts import TICK, Explanation, Grid, Line, Lines, Sketch, Words, tick
from chainrule.explaining.sketch import as_lines
from chainrule.notation import Choice, Number
from chainrule.typesetting import text

INDENT = "  "
BLANK = "____________"


def as_text(explanation: Explanation, width: int = 80) -> str:
    """Return an explanation as text."""
    lines = [explanation.title, "═" * min(width, len(explanation.title))]
    for section in explanation.sections:
        lines += ["", section.title, "─" * min(width, len(section.title))]
        for place, part in enumerate(section.parts):
            if place and not isinstance(part, Words):
                lines.append("")
            lines += part_lines(part, width, explanation.digits)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def part_lines(part: Any, width: int, digits: int) -> list[str]:
    """Return the lines of one part of a section."""
    if isinstance(part, Words):
        return ["", *textwrap.wrap(said(part, digits), width)]
    if isinstance(part, Sketch):
        return as_lines(part)
    if isinstance(part, Grid):
        return list(_grid(part, width, digits))
    assert isinstance(part, Lines)
    left = max((len(_left(line, digits)) for line in part.lines), default=0)
    left = min(left, width // 3)
    return [row for line in part.lines for row in _equation(line, left, width, digits)]


def said(words: Words, digits: int) -> str:
    """Return a paragraph as text."""
    pieces = (words.text,) if isinstance(words.text, str) else words.text
    return "".join(piece if isinstance(piece, str) else text(piece, digits) for piece in pieces)


def _left(line: Line, digits: int) -> str:
    return line.left if isinstance(line.left, str) else text(line.left, digits)


def sides_of(line: Line, digits: int) -> list[str]:
    """Return what stands on the right: in signs, with the numbers put in, the value."""
    if line.right is None and line.value is None:
        return [BLANK]
    sides = []
    if line.right is not None and not (line.value is not None and isinstance(line.right, Number)):
        right = text(line.right, digits)
        alone = line.value is None or not isinstance(line.right, Choice)
        sides.append(right if alone else f"({right})")
    if (numbers := line.numbers) is not None:
        sides.append(text(numbers, digits))
    if line.value is not None:
        value = text(Number(line.value), digits)
        if not sides or sides[-1] != value:
            sides.append(value)
    return sides


def remark(line: Line, digits: int) -> str:
    """Return what stands behind an equation: its check, its number in the document."""
    parts = []
    if line.check is not None and line.value is not None:
        mark = tick(line.value, line.check)
        parts.append(
            mark if mark == TICK else f"≠ {text(Number(line.check), digits)} by differences"
        )
    parts += [line.note] if line.note else []
    parts += [f"({line.equation})"] if line.equation else []
    return " ".join(parts)


def _equation(line: Line, left: int, width: int, digits: int) -> Iterator[str]:
    """Yield the rows of an equation: one if it fits, else a side a row."""
    head = _left(line, digits)
    sides, behind = sides_of(line, digits), remark(line, digits)
    room = width - len(INDENT) - left - 3
    relations = [line.relation] + ["="] * (len(sides) - 1)
    joined = "".join(f" {r} {s}" for r, s in zip(relations, sides, strict=True))
    whole = INDENT + head.ljust(left) + joined
    if len(whole) + len(behind) + 2 <= width:
        gap = max(2, width - len(whole) - len(behind))
        yield whole + (" " * gap + behind if behind else "")
        return
    lead = INDENT + head.ljust(left)
    for place, (relation, side) in enumerate(zip(relations, sides, strict=True)):
        last = place == len(sides) - 1
        pieces = wrapped(side, room - (len(behind) + 2 if last else 0))
        for number, piece in enumerate(pieces):
            row = f"{lead} {relation if number == 0 else ' '} {piece}"
            lead = INDENT + " " * left
            if last and number == len(pieces) - 1 and behind:
                row += " " * max(2, width - len(row) - len(behind)) + behind
            yield row


def wrapped(side: str, width: int) -> list[str]:
    """Break a side of an equation before its signs, and leave products and brackets whole.

    Examples
    --------
    >>> wrapped("0.1·1 − 0.2·2 + (8 smaller terms)", 20)
    ['0.1·1 − 0.2·2', '+ (8 smaller terms)']
    """
    bound = re.sub(r" ([+−]) ", " \\1\u00a0", side).replace(" · ", "\u00a0·\u00a0")
    bound = re.sub(r"\(\d+ smaller terms?\)", lambda rest: rest[0].replace(" ", "\u00a0"), bound)
    pieces = textwrap.wrap(bound, width, break_long_words=False) or [side]
    return [piece.replace("\u00a0", " ") for piece in pieces]


def _grid(grid: Grid, width: int, digits: int) -> Iterator[str]:
    """Yield a table's rows: numbers to the right, words to the left."""

    def cell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        return text(Number(float(value)) if isinstance(value, float | int) else value, digits)

    table = [[cell(value) for value in row] for row in (grid.heads, *grid.rows)]
    columns = list(zip(*table, strict=True))
    wordy = [
        all(value is None or isinstance(value, str) for value in column)
        for column in zip(*grid.rows, strict=True)
    ] or [True] * len(grid.heads)
    widths = [max(map(cell_len, column)) for column in columns]
    spare = width - len(INDENT) - 2 * (len(widths) - 1)
    while sum(widths) > spare and max(widths) > 12:
        widths[widths.index(max(widths))] -= 1
    for place, row in enumerate(table):
        cells = [
            set_cell_size(cut(value, w), w) if words or k == 0 else cut(value, w).rjust(w)
            for k, (value, w, words) in enumerate(zip(row, widths, wordy, strict=True))
        ]
        yield INDENT + "  ".join(cells)
        if place == 0:
            yield INDENT + "  ".join("─" * w for w in widths)


def cut(value: str, width: int) -> str:
    """Return text of so many characters at most."""
    short = cell_len(value) <= width
    return value if short else set_cell_size(value, width - 1).rstrip() + "…"
