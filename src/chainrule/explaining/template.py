"""An explanation as a template, that stays, and its numbers, that change with every step.

The template is a document of JSON types. In it a number is the place of a slot, and all that
stands in slots is text, in one list: numbers, what a column is called, what a cell says. No
text from a table is in the LaTeX, and what fills a slot is shown as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from chainrule.boxes import clean
from chainrule.explaining.markdown import RELATIONS
from chainrule.explaining.parts import (
    Cell,
    Explanation,
    Grid,
    Line,
    Live,
    Part,
    Sketch,
    Words,
    tick,
)
from chainrule.explaining.shown import pieces, sides_of, wordy
from chainrule.notation import Choice, Expression, Number
from chainrule.slots import Slots

Document = dict[str, Any]


class Template:
    r"""What stays of an explanation, and the texts of its slots.

    Parameters
    ----------
    explanation : Explanation

    Attributes
    ----------
    numbers : list of str
        The text of each slot.
    key : str
        Explanations with the same key differ in their numbers only.

    Examples
    --------
    >>> from chainrule.explaining.parts import Lines, Section
    >>> from chainrule.notation import Power, Symbol
    >>> line = Line(Symbol("a"), Power(Symbol("x", value=1.5), Number(2.0)), 2.25)
    >>> template = Template(Explanation("A square", (Section("All", (Lines((line,)),)),)))
    >>> print(template.document["sections"][0]["parts"][0]["lines"][0]["latex"])
    a = x^{2} = \text{@0@}^{2} = \text{@1@}
    >>> template.numbers
    ['1.5', '2.25']
    """

    def __init__(self, explanation: Explanation) -> None:
        self._digits = explanation.digits
        self._slots = Slots(explanation.digits)
        self._said: list[tuple[Document, Callable[[], str]]] = []
        self._document = {
            "title": clean(explanation.title),
            "sections": [
                {
                    "title": clean(section.title),
                    "parts": [self._part(p) for p in section.parts if not isinstance(p, Sketch)],
                }
                for section in explanation.sections
            ],
        }
        self.numbers = self._slots.texts
        shape = json.dumps(self._document, ensure_ascii=False, separators=(",", ":"))
        self.key = hashlib.sha256(shape.encode()).hexdigest()[:16]

    @property
    def document(self) -> Document:
        """The template itself, with the reading of each equation."""
        for document, say in self._said:
            document["said"] = say()
        self._said.clear()
        return self._document

    def _part(self, part: Part) -> Document:
        if isinstance(part, Words):
            return {"words": [self._piece(piece) for piece in pieces(part)]}
        if isinstance(part, Grid):
            return self._table(part)
        assert not isinstance(part, Sketch)
        return {"lines": [self._line(line) for line in part.lines]}

    def _piece(self, piece: str | Expression) -> str | Document:
        if isinstance(piece, Number):
            piece = Number(piece.value, piece.constant, live=True)
            return {"slot": self._slots.of(piece, "bare")}
        if isinstance(piece, Live):
            return {"slot": self._slots.put(clean(piece))}
        return clean(piece) if isinstance(piece, str) else self._mathematics(piece)

    def _mathematics(self, expression: Expression) -> Document:
        found = {"latex": self._slots.latex(expression)}
        self._said.append((found, lambda: self._slots.text(expression)))
        return found

    def _table(self, grid: Grid) -> Document:
        heads = [self._cell(head) for head in grid.heads]
        rows = [[self._cell(value, changes=True) for value in row] for row in grid.rows]
        return {"table": {"heads": heads, "rows": rows, "wordy": wordy(grid)}}

    def _cell(self, value: Cell, changes: bool = False) -> str | Document:
        if isinstance(value, float | int | Number):
            return self._piece(value if isinstance(value, Number) else Number(float(value)))
        if isinstance(value, str) or value is None:
            shown = clean(value or "")
            return {"slot": self._slots.put(shown)} if changes else shown
        return self._mathematics(value)

    def _line(self, line: Line) -> Document:
        sides: list[Expression] = sides_of(line, self._digits)
        latex, say = self._equation(line, sides)
        found: Document = {"latex": latex, "equation": line.equation or None}
        if line.value is not None:
            last = sides[-1]
            number = last if isinstance(last, Number) else Number(line.value, live=True)
            found["slot"] = self._slots.of(number, "bare")
        if line.note:
            found["note"] = self._piece(line.note)
        if line.check is not None and line.value is not None:
            check = Number(line.check, live=True)
            mark = self._slots.put(tick(line.value, line.check))
            found |= {"check": self._slots.of(check, "bare"), "mark": mark}
        self._said.append((found, say))
        return found

    def _equation(self, line: Line, sides: list[Expression]) -> tuple[str, Callable[[], str]]:
        """Return an equation as LaTeX, and how it is read, later."""
        slots, left, name = self._slots, line.left, -1
        if isinstance(left, str):
            name = slots.put(clean(left))
            head = f"\\text{{@{name}@}}"
        else:
            head = slots.latex(left)
        printed = [slots.latex(side) for side in sides]
        for place, side in enumerate(sides[:-1]):
            printed[place] += "\\qquad" if isinstance(side, Choice) else ""
        relation = RELATIONS.get(line.relation, line.relation)
        latex = f"{head} {relation} {' = '.join(printed)}"

        def say() -> str:
            first = f"@{name}@" if isinstance(left, str) else slots.text(left)
            return f"{first} {line.relation} {' = '.join(map(slots.text, sides))}"

        return latex, say


def filled(text: str, numbers: list[str]) -> Iterator[str]:
    """Yield the pieces of a text whose slots are filled.

    Examples
    --------
    >>> "".join(filled("a = @0@·@1@", ["2", "@0@"]))
    'a = 2·@0@'
    """
    for place, piece in enumerate(text.split("@")):
        yield numbers[int(piece)] if place % 2 else piece
