"""What ``chainrule worksheet`` does; ``cli.py`` has its arguments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chainrule.commands import first_call
from chainrule.errors import BadSetting
from chainrule.explaincommand import form_of, show
from chainrule.files import check_folder
from chainrule.own import rule_in_file

LOSSES = {"softmax": "cross_entropy", "exp": "poisson"}  # that go with an output


def worksheet_command(
    sizes: str,
    rules: tuple[str, str, str | None],
    seed: int,
    learning_rate: float,
    answers: bool,
    form: str | None,
    file: Path | None,
) -> None:
    """Make an exercise sheet, on the terminal or in a file."""
    from chainrule.explaining.worksheet import worksheet
    from chainrule.network import Network

    form = form_of(form, file)
    if file is not None:
        check_folder(file)
    hidden, output, loss = rules
    names = tuple(_rule(name.strip()) for name in hidden.split(","))
    network = Network(
        _sizes(sizes),
        hidden=names if len(names) > 1 else names[0],
        output=_rule(output),
        loss=_rule(loss or LOSSES.get(output, "half_squared_error")),
    )
    first_call("float64")
    sheet = worksheet(network, seed, learning_rate=learning_rate, answers=answers)
    show(sheet, form, file)


def _rule(text: str) -> Any:
    return rule_in_file(text) if ":" in text else text


def _sizes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[0-9]{1,9}([-,x][0-9]{1,9})+", text):
        raise BadSetting(f"--sizes {text} must be two or more numbers with -, such as 3-2-1")
    return tuple(int(size) for size in re.split("[-,x]", text))
