"""A small drawing of a network: circles in columns, joined by lines, as SVG, LaTeX or text."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from chainrule.boxes import clean
from chainrule.explaining.parts import Sketch
from chainrule.markup import latex_text

RADIUS, ROW, COLUMN, TOP, LEFT = 15, 44, 150, 30, 65  # of the SVG
TEXT_COLUMN = 16
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def described(sketch: Sketch) -> str:
    """Return the drawing in words.

    Examples
    --------
    >>> described(Sketch((3, 2), ("input", "tanh")))
    '3 neurons (input), each joined to all of 2 neurons (tanh)'
    """
    layers = [
        f"{size} neuron{'s' if size > 1 else ''} ({clean(name)})"
        for size, name in zip(sketch.sizes, sketch.names, strict=True)
    ]
    return ", each joined to all of ".join(layers)


def _heights(sketch: Sketch, row: float) -> list[list[float]]:
    """Return how far below the top each neuron lies, layer by layer."""
    tallest = max(sketch.sizes)
    return [[(tallest - size + 2 * k + 1) * row / 2 for k in range(size)] for size in sketch.sizes]


def _joined(sketch: Sketch, row: float, column: float) -> Iterator[tuple[float, ...]]:
    """Yield both ends of every line, from circle to circle."""
    for l, (before, after) in enumerate(pairwise(_heights(sketch, row))):
        for y1 in before:
            for y2 in after:
                yield l * column, y1, (l + 1) * column, y2


def as_svg(sketch: Sketch) -> str:
    """Return the drawing for an HTML page."""
    width = (len(sketch.sizes) - 1) * COLUMN + 2 * LEFT
    height = max(sketch.sizes) * ROW + TOP
    parts = [
        f"<svg class='sketch' viewBox='0 0 {width} {height}' width='{width}' role='img' "
        f"aria-label='{escape(described(sketch))}' fill='none' stroke='currentColor'>"
    ]
    for x1, y1, x2, y2 in _joined(sketch, ROW, COLUMN):
        share = RADIUS / ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        dx, dy = (x2 - x1) * share, (y2 - y1) * share
        start, end = (x1 + dx + LEFT, y1 + dy + TOP), (x2 - dx + LEFT, y2 - dy + TOP)
        parts.append(
            f"<line x1='{start[0]:.1f}' y1='{start[1]:.1f}' x2='{end[0]:.1f}' y2='{end[1]:.1f}' "
            "opacity='.4'/>"
        )
    for l, heights in enumerate(_heights(sketch, ROW)):
        x = l * COLUMN + LEFT
        parts.append(_svg_text(x, 18, sketch.names[l]))
        for number, y in enumerate(heights, start=1):
            parts.append(f"<circle cx='{x}' cy='{y + TOP:.1f}' r='{RADIUS}'/>")
            parts.append(_svg_text(x, y + TOP + 5, str(number)))
    return "".join([*parts, "</svg>"])


def _svg_text(x: float, y: float, words: str) -> str:
    return (
        f"<text x='{x}' y='{y:.1f}' text-anchor='middle' fill='currentColor' stroke='none' "
        f"font-size='14'>{escape(clean(words))}</text>"
    )


def as_picture(sketch: Sketch) -> str:
    """Return the drawing as a picture of LaTeX, in millimetres."""
    row, column, radius = 11.0, 38.0, 3.6
    width, height = (len(sketch.sizes) - 1) * column + 30, max(sketch.sizes) * row
    parts = [
        "\\begin{center}\\setlength{\\unitlength}{1mm}"
        f"\\begin{{picture}}({width:g},{height + 8:g})(-15,0)"
    ]
    for x1, y1, x2, y2 in _joined(sketch, row, column):
        share = radius / ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        dx, dy = (x2 - x1) * share, (y2 - y1) * share
        ends = (x1 + dx, height - y1 - dy, x2 - dx, height - y2 + dy)
        middle = (ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2
        parts.append(
            f"\\qbezier({ends[0]:.2f},{ends[1]:.2f})({middle[0]:.2f},{middle[1]:.2f})"
            f"({ends[2]:.2f},{ends[3]:.2f})"
        )
    for l, heights in enumerate(_heights(sketch, row)):
        x, name = l * column, latex_text(sketch.names[l])
        parts.append(f"\\put({x:g},{height + 5:g}){{\\makebox(0,0){{{name}}}}}")
        for number, y in enumerate(heights, start=1):
            place = f"({x:g},{height - y:.2f})"
            parts.append(f"\\put{place}{{\\circle{{{2 * radius:g}}}}}")
            parts.append(f"\\put{place}{{\\makebox(0,0){{{number}}}}}")
    return "\n".join([*parts, "\\end{picture}\\end{center}"])


def as_lines(sketch: Sketch) -> list[str]:
    r"""Return the drawing as lines of text: an arrow stands for the lines to the next layer.

    Examples
    --------
    >>> print("\n".join(as_lines(Sketch((3, 2, 1), ("input", "tanh", "sigmoid")))))
         input            tanh          sigmoid
           ①
                           ①
           ②       ──▶             ──▶     ①
                           ②
           ③
    """
    tallest = max(sketch.sizes)
    names = [clean(name)[: TEXT_COLUMN - 1].center(TEXT_COLUMN) for name in sketch.names]
    rows = ["".join(names)]
    for place in range(2 * tallest - 1):
        row = ""
        for size in sketch.sizes:
            number, between = divmod(place - tallest + size, 2)
            there = not between and 0 <= number < size
            row += (CIRCLED[number : number + 1] or "○" if there else "").center(TEXT_COLUMN)
        if place == tallest - 1:
            for l in range(1, len(sketch.sizes)):
                row = f"{row[: l * TEXT_COLUMN - 1]}──▶{row[l * TEXT_COLUMN + 2 :]}"
        rows.append(row)
    return [row.rstrip() for row in rows]
