"""The options of ``chainrule worksheet``: their names, types and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.options import NETWORK, OUTPUT


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


Sizes = Annotated[
    str, _option(NETWORK, "Inputs, hidden neurons, outputs. Default: 3-2-1.", metavar="3-2-1")
]
Hidden = Annotated[
    str,
    _option(
        NETWORK,
        "Activation of the hidden layers, or one for each, with commas. Default: tanh.",
        "--hidden",
        metavar="NAME[,NAME...]",
    ),
]
Output = Annotated[
    str,
    _option(NETWORK, "Activation of the outputs. Default: sigmoid.", "--output", metavar="NAME"),
]
Loss = Annotated[
    str | None,
    _option(
        NETWORK,
        "Default: cross_entropy for softmax, poisson for exp, else half_squared_error.",
        "--loss",
        metavar="NAME",
    ),
]
Seed = Annotated[
    int, _option(OUTPUT, "Another seed gives other numbers. Default: 0.", "--seed", min=0)
]
LearningRate = Annotated[float, _option(NETWORK, "Of the step. Default: 0.5.", "--learning-rate")]
Answers = Annotated[bool, _option(OUTPUT, "Add the worked solution, on a new page.", "--answers")]
File = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Write it to a .txt, .md, .tex, .html or .json file. Default: text on the terminal.",
        "-o",
        metavar="FILE",
    ),
]
