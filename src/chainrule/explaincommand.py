"""What ``chainrule explain`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.highlighter import RegexHighlighter
from rich.text import Text
from rich.theme import Theme

from chainrule import terminal
from chainrule.commands import first_call
from chainrule.errors import BadSetting
from chainrule.files import check_folder, write_whole

if TYPE_CHECKING:
    from chainrule.explaining.derivation import Derivation
    from chainrule.model import Model

ENDINGS = {".txt": "text", ".md": "markdown", ".tex": "latex", ".html": "html", ".json": "json"}
WIDEST = 110  # longer lines are tiring to read


def explain_command(
    model: Path | None,
    table: str | None,
    row: int,
    member: int,
    source: bool,
    form: str | None,
    output: Path | None,
    settings: dict[str, Any],
) -> None:
    """Show a step of a model, or the rules, on the terminal or in a file."""
    form = form_of(form, output)
    if output is not None:
        check_folder(output)
    derivation = _rules(model, settings) if source else _step(model, table, row, member, settings)
    show(derivation, form, output)


def _rules(model: Path | None, settings: dict[str, Any]) -> Derivation:
    from chainrule.explaining.reference import source

    if model is not None or settings["weight"] or settings["neuron"]:
        raise BadSetting("--source shows the rules, and goes with no model")
    return source()


def _step(
    model: Path | None, table: str | None, row: int, member: int, settings: dict[str, Any]
) -> Derivation:
    from chainrule.model import load

    if model is None:
        raise BadSetting(
            "give a model and a table, such as `chainrule explain houses.safetensors houses.csv "
            "--row 3`, or --source for the rules"
        )
    found = load(model)
    rows = table or _shipped(found)
    first_call("float64")
    return found.explain(rows, row, member=member, **settings)


def _shipped(model: Model) -> Path:
    """Return the shipped table, where the model is of its columns."""
    from chainrule.datasets import penguins, penguins_path

    if not set(model.spec.kinds) <= set(penguins().column_names):
        raise BadSetting("give a table too, with the row to explain")
    return penguins_path()


def form_of(form: str | None, output: Path | None) -> str:
    """Return how to write it: as asked, or by a file's ending."""
    if form is not None:
        return form
    if output is None:
        return "text"
    if output.suffix.lower() not in ENDINGS:
        raise BadSetting(
            f"the ending of {output} must be one of {', '.join(ENDINGS)}; or give --format"
        )
    return ENDINGS[output.suffix.lower()]


def show(derivation: Derivation, form: str, output: Path | None) -> None:
    """Write an explanation to a file, whole or not at all, or to standard output."""
    if output is None and form == "text":
        _print(derivation)
        return
    written = {
        "json": lambda: (
            json.dumps(terminal.finite(derivation.to_dict()), ensure_ascii=False) + "\n"
        ),
        "text": derivation.to_text,
        "markdown": derivation.to_markdown,
        "latex": derivation.to_latex,
        "html": derivation.to_html,
    }[form]()
    if output is None:
        terminal.write_bytes(written.encode())
        return
    write_whole(output, written.encode())
    out = terminal.standard_output()
    out.print(f"Wrote [bold]{terminal.shown(str(output))}[/bold]")


class _Highlighter(RegexHighlighter):
    base_style = "explain."
    highlights = [  # noqa: RUF012
        r"(?m)(?P<title>^.+\n[═─]+$)",
        r"(?P<tick>✓)",
        r"(?m)(?P<off>≠.*$)",
        r"(?m)(?P<equation>\(\d+\)$)",
    ]


THEME = Theme(
    {
        "explain.title": "bold",
        "explain.tick": "green",
        "explain.off": "bold red",
        "explain.equation": "dim",
    }
)


def _print(derivation: Derivation) -> None:
    """Print text, with colours on a terminal."""
    out = terminal.standard_output()
    width = min(out.width, WIDEST) if sys.stdout.isatty() else 80
    text = Text(derivation.to_text(width).rstrip("\n"))
    _Highlighter().highlight(text)
    out.push_theme(THEME)
    out.print(text, soft_wrap=True)
