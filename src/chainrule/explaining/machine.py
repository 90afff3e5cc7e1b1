"""An explanation for machines: JSON types, expressions as text, numbers in full."""

from __future__ import annotations

from typing import Any

from chainrule.explaining.parts import Explanation, Grid, Line, Part, Sketch, Words
from chainrule.explaining.plain import said
from chainrule.typesetting import text


def as_document(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as a document of JSON types.

    Each part of a section has one key: "words", "equations", "table" or "network".
    """
    return {
        "title": explanation.title,
        "sections": [
            {
                "title": section.title,
                "parts": [_part(part, explanation.digits) for part in section.parts],
            }
            for section in explanation.sections
        ],
    }


def _part(part: Part, digits: int) -> dict[str, Any]:
    if isinstance(part, Words):
        return {"words": said(part, digits)}
    if isinstance(part, Grid):
        rows = [[_shown(cell, digits) for cell in row] for row in (part.heads, *part.rows)]
        return {"table": {"heads": rows[0], "rows": rows[1:]}}
    if isinstance(part, Sketch):
        return {"network": {"sizes": list(part.sizes), "layers": list(part.names)}}
    return {"equations": [_equation(line, digits) for line in part.lines]}


def _equation(line: Line, digits: int) -> dict[str, Any]:
    """Return an equation; "difference" is its value by finite differences of the loss."""
    return {
        "left": _shown(line.left, digits),
        "relation": line.relation,
        "right": _shown(line.right, digits),
        "numbers": _shown(line.numbers, digits),
        "value": line.value,
        "difference": line.check,
        "equation": line.equation or None,
        "note": line.note or None,
    }


def _shown(value: Any, digits: int) -> Any:
    plain = value is None or isinstance(value, str | float | int)
    return value if plain else text(value, digits)
