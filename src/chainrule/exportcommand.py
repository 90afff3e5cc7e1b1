"""What ``chainrule export`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from chainrule import terminal
from chainrule.commands import first_call

WRONG = 1


def export_command(
    model: Path,
    to: str | None,
    output: Path | None,
    name: str | None,
    options: dict[str, Any],
    as_json: bool,
) -> None:
    """Write a model in another language, try it, and say how near it comes."""
    from chainrule.exporting import footprint
    from chainrule.exporting.artefact import export, target_of
    from chainrule.exporting.spelling import identifier
    from chainrule.exporting.targets import target
    from chainrule.model import load

    to = target_of(to, output)
    found = load(model)
    output = output or Path(f"{model.stem}{target(to).ending}")
    name = name or identifier(output.stem, otherwise="model")
    first_call(found.parameters.dtype)
    done = export(found, to, output, name=name, **options)
    out = terminal.standard_output(quiet=as_json)
    files = ", ".join(f"[bold]{terminal.shown(str(path))}[/bold]" for path in done.files)
    out.print(f"Wrote {files} ({done.bytes / 1000:.0f} kB)")
    if done.told:
        how = (
            f"Not tried: {done.by}"
            if done.largest is None
            else f"Tried with {done.by}: every integer is right"
        )
        out.print(f"{how}\n{terminal.shown(done.told)}")
    elif done.largest is None:
        out.print(f"Not tried: {done.by}")
    else:
        out.print(
            f"Tried with {done.by}: the largest difference from the model is {done.largest:.1g} "
            "of an output"
        )
    if done.compiled_bytes:
        out.print(footprint.told(done.compiled_bytes))
    if as_json:
        terminal.write_json(
            {
                "files": [str(path) for path in done.files],
                "bytes": done.bytes,
                "largest_difference": done.largest,
                "tried_with": done.by,
                "right": done.right,
                "told": done.told,
                "compiled_bytes": done.compiled_bytes,
            }
        )
    if not done.right:
        terminal.standard_error().print(
            "chainrule: it does not give the model's numbers: do not use it, and report this"
        )
        raise typer.Exit(WRONG)
