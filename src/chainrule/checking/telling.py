"""How a report reads: on a terminal, as plain text, and in a notebook."""

from __future__ import annotations

import io
import re
from html import escape
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from chainrule.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH = 80
LONGEST = 70  # characters of a line of code that are shown
MARKS = {
    "correct": ("✓", "bold green"),
    "mistake": ("✗", "bold yellow"),
    "unknown": ("?", "bold yellow"),
    "failed": ("!", "bold red"),
}


def told(report: Any, width: int = WIDTH) -> str:
    """Return a report as plain text.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> print(told(SimpleNamespace(
    ...     verdict="correct", name="gradients", message="All gradients are right.", mistakes=(),
    ...     network="3-1, sigmoid", convention="", precision=2e-16, tried="", notes=(),
    ...     wrong=None)))
    ✓ gradients: All gradients are right.
    <BLANKLINE>
      network    3-1, sigmoid
      precision  2e-16 of the largest number in a gradient
    """
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, highlight=False)
    show(report, console)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().split("\n"))


def show(report: Any, console: Console) -> None:
    """Print a report."""
    from rich.text import Text

    mark, style = MARKS.get(report.verdict, ("?", ""))
    head = Text().append(f"{mark} ", style=style)
    name, said = headline(report)
    head.append(printable(name), style="bold")
    head.append(printable(said))
    console.print(head)
    for number, mistake in enumerate(report.mistakes, 1):
        console.print()
        console.print(_mistake(mistake, _title(report, number)))
    if report.wrong:
        console.print()
        console.print(_wrong(report.wrong))
    facts = facts_of(report)
    if facts:
        console.print()
        console.print(_pairs(facts, indent=2))


def headline(report: Any) -> tuple[str, str]:
    """Return the name, and the verdict in a sentence that goes on from there."""
    n, said = len(report.mistakes), str(report.message)
    if report.verdict == "mistake" and not said:
        said = "one mistake was found." if n == 1 else f"{n} mistakes were found."
    if said.startswith(f"{report.name} "):
        return report.name, said.removeprefix(report.name)
    if re.search(rf"\bin {re.escape(report.name)}\b", said):
        return "", said
    return report.name, f": {said}"


def facts_of(report: Any) -> list[tuple[str, str]]:
    """Return what was judged, and how, by the names under which it is shown."""
    found = [("network", report.network), ("called by", report.convention)]
    if (
        report.precision is not None
        and (reached := f"{report.precision:.1g}") not in report.message
    ):
        found.append(("precision", f"{reached} of the largest number in a gradient"))
    found.append(("tried", report.tried))
    found += [("note", note) for note in report.notes]
    return [(name, text) for name, text in found if text]


def points(mistake: Any) -> list[tuple[str, str]]:
    """Return what there is to say of a mistake, besides its name and the line of code."""
    _, why = _split(mistake.message)
    found = [("should be", mistake.equation), ("yours is", mistake.instead)]
    if mistake.corrected:
        found.append(("try", mistake.corrected.strip()))
    found.append(("why", why))
    same = ", ".join(mistake.also)
    found.append(("name", mistake.name + (f", here the same as {same}" if same else "")))
    return [(name, text) for name, text in found if text]


def _split(message: str) -> tuple[str, str]:
    """Split a message into the sentence that names the mistake and those that explain it."""
    head, stop, rest = message.partition(". ")
    return head[:1].upper() + head[1:] + ("." if stop else ""), rest


def caret(code: str, corrected: str | None) -> str:
    r"""Return the signs under a line of code that mark where a right one is different.

    Examples
    --------
    >>> for code, corrected in [("d = a - y", "d = (a - y) * s"), ("d = y - a", "d = a - y")]:
    ...     print(code, caret(code, corrected), sep="\n")
    d = a - y
        ^^^^^
    d = y - a
        ^^^^^
    """
    if not corrected or corrected == code:
        return ""
    before = _alike(code, corrected)
    after = _alike(code[before:][::-1], corrected[before:][::-1])
    end = max(len(code) - after, before + 1)
    return " " * before + "^" * (end - before)


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _code(line: int | None, code: str | None, corrected: str | None = None) -> str:
    """Return the learner's line with its number, and marks under it."""
    if not code:
        return f"line {line}" if line else ""
    code = code.strip()
    code, marks = _cut(code, caret(code, corrected.strip() if corrected else None))
    number = f"{line} │ " if line else "│ "
    below = " " * (len(number) - 2) + f"│ {marks}" if marks else ""
    return "\n".join(text for text in (f"{number}{code}", below) if text)


def _cut(code: str, marks: str) -> tuple[str, str]:
    r"""Cut what is too long for a line out of it, but not what is marked.

    Examples
    --------
    >>> code, marks = _cut(f"y = {'+ a ' * 40} + b", " " * 166 + "^")
    >>> print(code, marks, sep="\n")
    …+ a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + a  + b
                                                                       ^
    """
    if len(code) <= LONGEST:
        return code, marks
    first = len(marks) - len(marks.lstrip())
    room = LONGEST - 2  # besides the signs of what is cut off
    start = max(0, min(first - 20, len(code) - room)) if len(marks) > room else 0
    end = start + room
    before, after = "…" if start else "", "…" if end < len(code) else ""
    return f"{before}{code[start:end]}{after}", " " * len(before) + marks[start:end]


def _title(report: Any, number: int) -> str:
    """Return the sentence above a mistake; "" where it stands in the verdict already."""
    title, _ = _split(report.mistakes[number - 1].message)
    if len(report.mistakes) > 1:
        return f"{number}. {title}"
    return "" if title.rpartition(": ")[2].rstrip(".") in report.message else title


def _mistake(mistake: Any, title: str) -> RenderableType:
    code = _code(mistake.line, mistake.code, mistake.corrected)
    return _block(title, code, _pairs(points(mistake)))


def _wrong(wrong: Any) -> RenderableType:
    return _block(first_wrong(wrong), _code(wrong.line, wrong.code))


def first_wrong(wrong: Any) -> str:
    """Say which quantity on the way is the first that is wrong."""
    name = f", which is {wrong.name} here," if wrong.name else ""
    return (
        f"The first that is wrong is {wrong.quantity} of layer {wrong.layer}{name} by up to "
        f"{wrong.difference:.3g}."
    )


def _block(title: str, code: str, *rest: RenderableType) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    if title:
        parts += [Text(printable(title), style="bold"), ""]
    if code:
        lines = "\n".join(map(printable, code.split("\n")))
        parts += [Padding(Text(lines, style="cyan"), (0, 0, 0, 2)), ""]
    shown = [*parts, *rest] if rest else parts[:-1]
    return Padding(Group(*shown), (0, 0, 0, 2))


def _pairs(pairs: list[tuple[str, str]], indent: int = 0) -> RenderableType:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row(Text(name, style="dim"), Text(printable(text)))
    return Padding(grid, (0, 0, 0, indent))


def html(report: Any) -> str:
    """Return a report for a notebook, in its own colours.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> html(SimpleNamespace(verdict="failed", name="f<1>", message="It ended.", mistakes=(),
    ...     network="", convention="", precision=None, tried="", notes=(), wrong=None))
    '<div><p>! <b>f&lt;1&gt;</b>: It ended.</p></div>'
    """
    mark = MARKS.get(report.verdict, ("?", ""))[0]
    name, said = headline(report)
    parts = [f"<p>{mark} <b>{escape(name)}</b>{escape(said)}</p>"]
    for number, mistake in enumerate(report.mistakes, 1):
        if title := _title(report, number):
            parts.append(f"<p><b>{escape(title)}</b></p>")
        if code := _code(mistake.line, mistake.code, mistake.corrected):
            parts.append(f"<pre>{escape(code)}</pre>")
        parts.append(_rows(points(mistake)))
    if report.wrong:
        parts.append(f"<p><b>{escape(first_wrong(report.wrong))}</b></p>")
        if code := _code(report.wrong.line, report.wrong.code):
            parts.append(f"<pre>{escape(code)}</pre>")
    parts.append(_rows(facts_of(report)))
    return f"<div>{''.join(parts)}</div>"


def _rows(pairs: list[tuple[str, str]]) -> str:
    cell = '<td style="text-align:left;padding:0 1em 0 0">'
    rows = [f"<tr>{cell}{name}</td>{cell}{escape(text)}</td></tr>" for name, text in pairs]
    return f'<table style="margin:0.6em 0">{"".join(rows)}</table>' if rows else ""
