"""Show an explanation as one HTML page with MathML, or as a part of a notebook.

The page needs no network, no script and no font of its own. It follows the reader's choice
of light or dark, prints, and on a narrow screen a wide equation scrolls in its own box.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from chainrule.boxes import clean
from chainrule.explaining.parts import Explanation, Grid, Line, Lines, Section, Sketch, Words
from chainrule.explaining.shown import cell, pieces, sides_of, verdict, wordy
from chainrule.explaining.sketch import as_svg
from chainrule.explaining.style import PAGE, SCOPED
from chainrule.notation import Choice, Expression
from chainrule.typesetting import mathml, mathml_pieces, text

BREAKABLE = 24  # characters from which on a sum may go over several lines
BLANK = "<span class='blank' role='img' aria-label='to be filled in'></span>"


def as_html(explanation: Explanation) -> str:
    """Return an explanation as one HTML page."""
    title = _safe(explanation.title)
    sections = explanation.sections
    links = "".join(
        f"<li><a href='#part-{place}'>{_safe(section.title)}</a></li>"
        for place, section in enumerate(sections, start=1)
    )
    body = "\n".join(
        _section(section, place, explanation.digits)
        for place, section in enumerate(sections, start=1)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{title}</title>
<style>{PAGE}{SCOPED}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the mathematics</a>
<header><h1 dir="auto">{title}</h1></header>
<nav aria-label="Contents"><ol>{links}</ol></nav>
<main id="content" class="chainrule-derivation">
{body}
</main>
</body>
</html>
"""


def as_fragment(explanation: Explanation) -> str:
    """Return an explanation for a notebook, with a style that holds for nothing else there."""
    body = "".join(
        f"<h4 dir='auto'>{_safe(section.title)}</h4>{_inside(section, explanation.digits)}"
        for section in explanation.sections
    )
    return (  # MathJax leaves it alone, whatever dollar signs are in it
        f"<div class='chainrule-derivation mathjax_ignore tex2jax_ignore'><style>{SCOPED}</style>"
        f"<h3 dir='auto'>{_safe(explanation.title)}</h3>{body}</div>"
    )


def _section(section: Section, place: int, digits: int) -> str:
    kind = " class='new-page'" if section.new_page else ""
    title = f"<h2 id='part-{place}' dir='auto'>{_safe(section.title)}</h2>"
    return (
        f"<section{kind} aria-labelledby='part-{place}'>{title}{_inside(section, digits)}</section>"
    )


def _safe(words: str) -> str:
    return escape(clean(words))


def _inside(section: Section, digits: int) -> str:
    return "\n".join(_part(part, digits) for part in section.parts)


def _part(part: Any, digits: int) -> str:
    if isinstance(part, Words):
        return f"<p dir='auto'>{_words(part, digits)}</p>"
    if isinstance(part, Grid):
        return _table(part, digits)
    if isinstance(part, Sketch):
        return as_svg(part)
    assert isinstance(part, Lines)
    return f"<div class='lines'>{''.join(_equation(line, digits) for line in part.lines)}</div>"


def _words(words: Words, digits: int) -> str:
    return "".join(
        escape(piece) if isinstance(piece, str) else _math(mathml(piece, digits))
        for piece in pieces(words)
    )


def _math(inside: str) -> str:
    return f"<math displaystyle='true'><mrow>{inside}</mrow></math>"


def _equation(line: Line, digits: int) -> str:
    """Return an equation as three cells: the left, the sides, and the remarks."""
    left = _safe(line.left) if isinstance(line.left, str) else _math(mathml(line.left, digits))
    sides, relation, expressions = "", line.relation, sides_of(line, digits)
    for side in expressions:
        wide = " wide" if isinstance(side, Choice) and len(expressions) > 1 else ""
        sides += f"<span class='side{wide}'>{_side(side, relation, digits)}</span>"
        relation = "="
    if not expressions:
        sides = f"<span class='side'>{_math(_relation(relation))}{BLANK}</span>"
    remarks = "".join(_remarks(line, digits))
    return (
        f"<div class='equation'><span class='left'>{left}</span>"
        f"<span class='sides'>{sides}</span><span class='remark'>{remarks}</span></div>"
    )


def _relation(relation: str) -> str:
    return f"<mo form='infix'>{escape(relation)}</mo>"


def _side(side: Expression, relation: str, digits: int) -> str:
    """Return one side with the relation before it; between terms a line can break."""
    whole = len(text(side, digits)) < BREAKABLE
    terms = [mathml(side, digits)] if whole else mathml_pieces(side, digits)
    return "<wbr/>".join(_math(term) for term in [_relation(relation) + terms[0], *terms[1:]])


def _remarks(line: Line, digits: int) -> Iterator[str]:
    if (found := verdict(line, digits)) is not None:
        agrees, number = found
        said = f"by finite differences: {number}"
        sign = "✓" if agrees else f"≠ {number}"
        kind = "check" if agrees else "wrong"
        yield f"<span class='{kind}' role='img' aria-label='{said}' title='{said}'>{sign}</span>"
    if line.note:
        yield f"<span class='note' dir='auto'>{_safe(line.note)}</span>"
    if line.equation:
        number = _safe(line.equation)
        said = f"equation {number} of the source document"
        yield f"<span class='number' title='{said}'>({number})</span>"


def _table(grid: Grid, digits: int) -> str:
    words = wordy(grid)
    heads = "".join(
        f"<th scope='col'{_kind(left)} dir='auto'>{_cell(value, digits)}</th>"
        for value, left in zip(grid.heads, words, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{_kind(left)} dir='auto'>{_cell(value, digits)}</td>"
            for value, left in zip(row, words, strict=True)
        )
        + "</tr>"
        for row in grid.rows
    )
    return (
        "<div class='scroll' role='region' aria-label='table' tabindex='0'><table>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _kind(words: bool) -> str:
    return " class='words'" if words else ""


def _cell(value: object, digits: int) -> str:
    shown = cell(value, digits)
    return escape(shown) if isinstance(shown, str) else _math(mathml(shown, digits))
