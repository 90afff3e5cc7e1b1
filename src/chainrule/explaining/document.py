"""Show an explanation as a LaTeX document, for pdflatex and lualatex alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from chainrule.boxes import clean
from chainrule.explaining.parts import Explanation, Grid, Line, Lines, Sketch, Words
from chainrule.explaining.shown import cell, is_short, pieces, sides_of, verdict, wordy
from chainrule.explaining.sketch import as_picture
from chainrule.notation import Choice, Expression
from chainrule.typesetting import latex, latex_text, text

RELATIONS = {"=": "=", "←": "\\leftarrow", "~": "\\sim"}
SMALL, TINY, MOST = 68, 80, 90  # characters of a table's row: at full size, smaller, at most
WIDEST_CELL = 30
LONG_WORDS = 36
PAGE = 36  # rows of a table that stays on one page
PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage{iftex}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb,array,longtable,booktabs}
\IfFileExists{pict2e.sty}{\usepackage{pict2e}}{}
% A letter without a glyph is shown by its number.
\newcommand{\absent}[1]{\mbox{\fboxsep=1pt\fbox{\tiny\texttt{#1}}}}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{textcomp}
  \IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
  \newcommand{\lacking}[2]{\ifcsname u8:\detokenize{#1}\endcsname\else
    \DeclareUnicodeCharacter{#2}{\absent{#2}}\fi}
\else
  \usepackage{fontspec}
  \newfontface{\plainface}{Latin Modern Roman}
  % Where it is there, another font has letters that this one lacks.
  \IfFontExistsTF{DejaVu Sans}{\newfontface{\otherface}{DejaVu Sans}}{\let\otherface=\plainface}
  \newcommand{\lacking}[2]{{\plainface\iffontchar\font"#2 \else
    \otherface\iffontchar\font"#2 \replaced{#2}{{\otherface\char"#2 }}\else
    \replaced{#2}{\absent{#2}}\fi\fi}}
  \newcommand{\replaced}[2]{\begingroup\lccode`\~="#1 \lowercase{\endgroup
    \protected\gdef~}{#2}\global\catcode"#1=13 }
\fi
% An equation: what is on its left, its sides, what stands at the right margin. It is set
% in one row if it fits, else a side a row; a long side breaks at its signs.
\newsavebox{\leftbox}\newsavebox{\wholebox}\newlength{\leftroom}\newlength{\room}
\newcommand{\blank}{\rule{0pt}{1.8em}\underline{\hspace{14em}}}
\newcommand{\side}{}
\newcommand{\startrow}{\noindent\hangindent=2.2em\hangafter=1 $\displaystyle}
\newcommand{\nextside}{$\par\nobreak\startrow{}}
\newcommand{\equate}[3]{%
  \sbox{\leftbox}{$\displaystyle#1$}%
  \sbox{\wholebox}{\let\side\relax$\displaystyle{}#2\quad$#3}%
  \ifdim\wd\leftbox>\leftroom\par\noindent\hspace*{-\leftroom}\usebox{\leftbox}%
    \par\nobreak\noindent\else\par\noindent\llap{\usebox{\leftbox}}\fi
  \setlength{\room}{\linewidth}\addtolength{\room}{-\leftskip}%
  \ifdim\wd\wholebox>\room\let\side\nextside\else\let\side\relax\fi
  \hangindent=2.2em\hangafter=1 $\displaystyle{}#2$%
  \ifx\relax#3\relax\else\unskip\nobreak\hfil\penalty50\hskip1em\hbox{}\nobreak\hfill\mbox{#3}\fi
  \par}
% Words that are too long for the left of an equation, or for its right margin.
\newcommand{\wordsabove}[1]{\par{\leftskip=1em\noindent#1\par}\nobreak}
\newcommand{\wordsbelow}[1]{\nobreak{\noindent#1\par}}
\newenvironment{equations}[1]{\par\medskip
  \settowidth{\leftroom}{$\displaystyle#1$}%
  \ifdim\leftroom>.3\linewidth\setlength{\leftroom}{.3\linewidth}\fi
  \setlength{\parindent}{0pt}\setlength{\parskip}{5pt plus 2pt}%
  \setlength{\leftskip}{1em}\addtolength{\leftskip}{\leftroom}%
  \setlength{\rightskip}{0pt plus 1fil}\setlength{\parfillskip}{0pt}%
  \lineskiplimit=2pt\lineskip=3pt\tolerance=9999\emergencystretch=3em
  \relpenalty=9999\binoppenalty=100\medmuskip=4mu plus 2mu minus 1mu
  \let\centred=\cdot\renewcommand{\cdot}{\centred\penalty600 }}{\par\medskip}
\setlength{\parindent}{0pt}\setlength{\parskip}{6pt plus 2pt}
\setlength{\LTleft}{0pt}
\setlength{\emergencystretch}{3em}
"""


def as_latex(explanation: Explanation) -> str:
    """Return an explanation as a LaTeX document."""
    digits = explanation.digits
    body = [f"\\section*{{\\raggedright\\LARGE {_prose(explanation.title)}}}"]
    for section in explanation.sections:
        body += ["\\clearpage"] if section.new_page else []
        body.append(f"\\section*{{\\raggedright {_prose(section.title)}}}")
        for part in section.parts:
            if isinstance(part, Words):
                body.append(_words(part, digits))
            elif isinstance(part, Sketch):
                body.append(as_picture(part))
            elif isinstance(part, Grid):
                body += _tables(part, digits)
            else:
                body.append("\n".join(_equations(part, digits)))
    content = unicodedata.normalize("NFC", "\n\n".join(body))
    others = sorted({sign for sign in content if not sign.isascii()})
    lacking = "".join(f"\\lacking{{{sign}}}{{{ord(sign):04X}}}\n" for sign in others)
    return f"{PREAMBLE}{lacking}\\begin{{document}}\n{content}\n\\end{{document}}\n"


def _prose(words: str) -> str:
    """Return text that can be broken within long words too."""
    return latex_text(re.sub(r"\S{30,}", _breakable, clean(words)))


def _breakable(word: re.Match[str]) -> str:
    return re.sub(r"(.{8})(?=.)", "\\1\u200b", word[0])


def _words(words: Words, digits: int) -> str:
    said = "".join(
        _prose(piece) if isinstance(piece, str) else f"${latex(piece, digits)}$"
        for piece in pieces(words)
    )
    return f"{said}\\par\\nobreak" if said.endswith(":") else said


def _equations(part: Lines, digits: int) -> Iterator[str]:
    """Yield equations; the room on their left is that of the longest of the short ones."""
    lefts = {_left(line, digits): _length(line.left, digits) for line in part.lines}
    yield f"\\begin{{equations}}{{{max(lefts, key=lambda left: lefts[left], default='')}}}"
    yield from (_equation(line, digits) for line in part.lines)
    yield "\\end{equations}"


def _left(line: Line, digits: int) -> str:
    left = line.left
    if isinstance(left, str):
        return "" if len(left) > LONG_WORDS else f"\\text{{{latex_text(left)}}}"
    return latex(left, digits)


def _length(left: Expression | str, digits: int) -> int:
    return len(left if isinstance(left, str) else text(left, digits))


def _equation(line: Line, digits: int) -> str:
    expressions = sides_of(line, digits)
    sides = [latex(side, digits) for side in expressions] or ["\\blank"]
    for place, side in enumerate(expressions[:-1]):
        sides[place] += "\\qquad" if isinstance(side, Choice) else ""
    between = " = " if is_short(line, expressions, digits) else " \\side = "
    relation = RELATIONS.get(line.relation, line.relation)
    right = f"{relation} {between.join(sides)}"
    equation = f"\\equate{{{_left(line, digits)}}}{{{right}}}{{{_remark(line, digits)}}}"
    if isinstance(line.left, str) and len(line.left) > LONG_WORDS:
        equation = f"\\wordsabove{{{_prose(line.left)}}}\n{equation}"
    if len(line.note) > LONG_WORDS:
        equation += f"\n\\wordsbelow{{{_prose(line.note)}}}"
    return equation


def _remark(line: Line, digits: int) -> str:
    parts = []
    if (found := verdict(line, digits)) is not None:
        agrees, number = found
        parts.append("$\\checkmark$" if agrees else latex_text(f"≠ {number} by differences"))
    parts += [latex_text(line.note)] if 0 < len(line.note) <= LONG_WORDS else []
    parts += [f"({latex_text(line.equation)})"] if line.equation else []
    return " ".join(parts)


def _tables(grid: Grid, digits: int) -> Iterator[str]:
    """Yield a table; one that is too wide is cut into several, each with the first column."""
    rows = [[cell(value, digits) for value in row] for row in (grid.heads, *grid.rows)]
    widths = [max(_width(row[k], digits) for row in rows) for k in range(len(grid.heads))]
    words = wordy(grid)
    block: list[int] = []
    for k in range(1, len(widths)):
        if block and widths[0] + sum(widths[j] for j in block) + widths[k] > MOST:
            yield _table(rows, [0, *block], widths, words, digits)
            block = []
        block.append(k)
    if widths:
        yield _table(rows, [0, *block], widths, words, digits)


def _width(shown: str | Expression, digits: int) -> int:
    return min(len(shown if isinstance(shown, str) else text(shown, digits)), WIDEST_CELL) + 3


def _table(
    rows: list[list[str | Expression]], block: list[int], widths: list[int], words: list[bool],
    digits: int,
) -> str:  # fmt: skip
    total = sum(widths[k] for k in block)
    size = "" if total <= SMALL else "\\small" if total <= TINY else "\\footnotesize"
    long = len(rows) > PAGE
    form = "".join(_column(widths[k], words[k], long) for k in block)
    head, *body = [" & ".join(_cell(row[k], digits) for k in block) for row in rows]
    top = f"\\toprule\n{head} \\\\\n\\midrule\n"
    inside = "".join(f"{row} \\\\\n" for row in body)
    if long:
        kind, inside = "longtable", f"{top}\\endhead\n\\bottomrule\n\\endfoot\n{inside}"
    else:
        kind, inside = "tabular", f"{top}{inside}\\bottomrule\n"
    spaces = "\\setlength{\\tabcolsep}{4pt}\\renewcommand{\\arraystretch}{1.2}\\medskip"
    begin, end = f"\\begin{{{kind}}}{{@{{}}{form}@{{}}}}", f"\\end{{{kind}}}"
    return f"{{{size}{spaces}{begin}\n{inside}{end}\\par\\medskip}}"


def _column(width: int, words: bool, long: bool) -> str:
    """Return how a column is set; in a table over several pages, all rows are of one width."""
    if words and (long or width >= WIDEST_CELL + 3):
        return f">{{\\raggedright\\arraybackslash}}p{{{width * 0.5:g}em}}"
    return "l" if words else f"w{{r}}{{{width * 0.5 - 1:g}em}}" if long else "r"


def _cell(shown: str | Expression, digits: int) -> str:
    return f"{{}}{_prose(shown)}" if isinstance(shown, str) else f"${latex(shown, digits)}$"
