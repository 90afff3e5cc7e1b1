"""What ``chainrule import`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chainrule import terminal
from chainrule.commands import description
from chainrule.errors import BadSetting, BadSource
from chainrule.files import check_folder


def import_command(
    source: Path,
    inputs: str | None,
    target: str,
    classes: str | None,
    rules: tuple[str | None, str | None],
    path: Path | None,
    as_json: bool,
) -> None:
    """Import a file, and save it as a model."""
    from chainrule.importing.sources import import_model
    from chainrule.modelfile import is_model

    path = path or Path(f"{source.stem}.safetensors")
    check_folder(path)
    if path.is_file() and not is_model(path):
        raise BadSetting(
            f"{path} is there already and is no model of chainrule, so it is not overwritten; "
            "choose another name with -o"
        )
    hidden = _names(rules[0])
    try:
        model = import_model(
            source,
            inputs=_names(inputs),
            target=target,
            classes=_labels(_names(classes)),
            hidden=hidden[0] if hidden and len(hidden) == 1 else hidden,
            output=rules[1],
        )
    except (BadSetting, BadSource) as error:
        named = re.sub(r"\b(inputs|target|classes|hidden|output)=", r"--\1 ", str(error))
        raise type(error)(named) from None
    model.save(path)
    if as_json:
        terminal.write_json(description(model) | {"model": str(path)})
        return
    out, shown = terminal.standard_output(), terminal.shown(str(path))
    out.print(terminal.columns_table(model.spec))
    out.print()
    out.print(terminal.facts({"Network": terminal.network_line(model.network)}))
    out.print(f"\nSaved [bold]{shown}[/bold] ({path.stat().st_size / 1000:.0f} kB)")
    out.print(f"Next: chainrule predict {shown} TABLE", style="dim")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _labels(names: list[str] | None) -> list[Any] | None:
    """Return whole numbers where all labels are such, as a table would have them."""
    whole = names is not None and all(name.removeprefix("-").isdecimal() for name in names)
    return [int(name) for name in names or ()] if whole else names
