"""Show an explanation as Markdown: for GitHub, Jupyter and MkDocs alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chainrule.boxes import clean
from chainrule.explaining.parts import Explanation, Grid, Line, Lines, Sketch, Words
from chainrule.explaining.shown import broken, cell, is_short, pieces, sides_of, verdict, wordy
from chainrule.explaining.sketch import as_lines
from chainrule.notation import Choice, Expression
from chainrule.typesetting import latex, latex_pieces

BLANK = "\\underline{\\hspace{12em}}"
RELATIONS = {"=": "=", "←": "\\leftarrow", "~": "\\sim"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]|~$]")
_IN_MATHEMATICS = {
    "_": "\\_", "%": "\\%", "#": "\\#", "&": "\\&", "$": "\\$", "{": "\\{", "}": "\\}",
    "\\": "\\backslash ", "<": "\\lt ", ">": "\\gt ", "|": "\\vert ", "~": "\\sim ",
    "^": "\\wedge ", "*": "\\ast ", "`": "'", "'": "\\text{’}",
}  # fmt: skip


def as_markdown(explanation: Explanation) -> str:
    r"""Return an explanation as Markdown, its mathematics as LaTeX between dollar signs.

    Examples
    --------
    >>> from chainrule.explaining.parts import Section
    >>> from chainrule.notation import Power, Number, Symbol
    >>> line = Line(Symbol("a"), Power(Symbol("x", value=1.5), Number(2.0)), 2.25, equation="3")
    >>> print(as_markdown(Explanation("A square", (Section("All of it", (Lines((line,)),)),))))
    # A square
    <BLANKLINE>
    ## All of it
    <BLANKLINE>
    $$
    \begin{aligned}
    a &= x^{2} = 1.5^{2} = 2.25 && (3)
    \end{aligned}
    $$
    <BLANKLINE>
    """
    blocks = [f"# {escaped(explanation.title)}"]
    for section in explanation.sections:
        blocks += ["---"] if section.new_page else []
        blocks.append(f"## {escaped(section.title)}")
        for part in section.parts:
            if isinstance(part, Words):
                blocks.append(_words(part, explanation.digits))
            elif isinstance(part, Sketch):
                blocks.append("\n".join(["```text", *as_lines(part), "```"]))
            elif isinstance(part, Grid):
                blocks.append("\n".join(_grid(part, explanation.digits)))
            else:
                blocks.append("\n".join(_equations(part, explanation.digits)))
    return "\n\n".join(blocks) + "\n"


def escaped(words: str) -> str:
    r"""Make text from anywhere safe in Markdown, where it begins a line too.

    Examples
    --------
    >>> print(escaped("1. <b> of a_b"))
    1\. &lt;b> of a\_b
    """
    return re.sub(r"^([-+#>=]|\d+(?=[.)](\s|$)))", _not_a_list, _inline(words))


def _inline(words: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", clean(words).replace("&", "&amp;").replace("<", "&lt;"))


def _not_a_list(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0][0].isdigit() else f"\\{found[0]}"


def _words(words: Words, digits: int) -> str:
    return "".join(
        escaped(piece) if isinstance(piece, str) else f"${mathematics(piece, digits)}$"
        for piece in pieces(words)
    )


def mathematics(expression: Expression, digits: int) -> str:
    """Return an expression as LaTeX without signs that Markdown would take for its own."""
    return _tame(latex(expression, digits))


def _tame(latex: str) -> str:
    return latex.replace("|", "\\vert ").replace("<", "\\lt ").replace(">", "\\gt ")


def _side(expression: Expression, digits: int) -> str:
    """Return a side of an equation; a long sum goes over several rows."""
    rows = broken(expression, latex_pieces(expression, digits), digits)
    return " \\\\\n&\\qquad ".join(_tame(row.strip()) for row in rows)


def words_in_mathematics(words: str) -> str:
    r"""Return text from anywhere for mathematical mode, as MathJax and KaTeX both take it.

    Examples
    --------
    >>> print(words_in_mathematics("bill_length (mm)"))
    \text{bill}\_\text{length (mm)}
    """
    parts = re.split("([" + re.escape("".join(_IN_MATHEMATICS)) + "])", clean(words))
    return "".join(_IN_MATHEMATICS.get(p, f"\\text{{{p}}}" if p else "") for p in parts)


def _equations(part: Lines, digits: int) -> Iterator[str]:
    yield "$$"
    yield "\\begin{aligned}"
    rows = [row for line in part.lines for row in _rows(line, digits)]
    yield " \\\\\n".join(rows)
    yield "\\end{aligned}"
    yield "$$"


def _rows(line: Line, digits: int) -> Iterator[str]:
    """Yield the rows of an equation: one if it fits, else a side a row."""
    left = _left(line, digits)
    expressions = sides_of(line, digits)
    sides = [_side(side, digits) for side in expressions] or [BLANK]
    for place, side in enumerate(expressions[:-1]):
        sides[place] += "\\qquad" if isinstance(side, Choice) else ""
    relation, behind = RELATIONS.get(line.relation, line.relation), _remark(line, digits)
    if is_short(line, expressions, digits):
        sides = [" = ".join(sides)]
    for place, printed in enumerate(sides):
        last = f" && {behind}" if behind and place == len(sides) - 1 else ""
        yield f"{left} &{relation} {printed}{last}".lstrip()
        left, relation = "", "="


def _left(line: Line, digits: int) -> str:
    left = line.left
    return words_in_mathematics(left) if isinstance(left, str) else mathematics(left, digits)


def _remark(line: Line, digits: int) -> str:
    parts = []
    if (found := verdict(line, digits)) is not None:
        agrees, number = found
        parts.append("\\checkmark" if agrees else f"\\ne \\text{{{number} by differences}}")
    parts += [words_in_mathematics(line.note)] if line.note else []
    parts += [f"({line.equation})"] if line.equation else []
    return "\\;".join(parts)


def _grid(grid: Grid, digits: int) -> Iterator[str]:
    table = [[_cell(value, digits) for value in row] for row in (grid.heads, *grid.rows)]
    yield f"| {' | '.join(table[0])} |"
    yield "|" + "|".join(":---" if words else "---:" for words in wordy(grid)) + "|"
    yield from (f"| {' | '.join(row)} |" for row in table[1:])


def _cell(value: object, digits: int) -> str:
    shown = cell(value, digits)
    return _inline(shown) if isinstance(shown, str) else f"${mathematics(shown, digits)}$"
