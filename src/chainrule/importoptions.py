"""The options of ``chainrule import``: their names, types and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.network import HIDDEN, OUTPUTS
from chainrule.options import NETWORK, OUTPUT, TABLE


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


Source = Annotated[
    Path,
    typer.Argument(
        help="A file that ends in .onnx, .keras or .safetensors.",
        metavar="FILE",
        show_default=False,
    ),
]
Inputs = Annotated[
    str | None,
    _option(
        TABLE,
        "The names of the columns. Default: those in the file, else x1,x2 and so on.",
        "--inputs",
        metavar="NAME,NAME...",
    ),
]
Target = Annotated[
    str,
    _option(TABLE, "What is predicted. Default: target.", "--target", metavar="NAME"),
]
Classes = Annotated[
    str | None,
    _option(
        TABLE,
        "The classes, in the order of the outputs. Default: those in the file, else 0,1 and so on.",
        "--classes",
        metavar="NAME,NAME...",
    ),
]
Hidden = Annotated[
    str | None,
    _option(
        NETWORK,
        "Of weights alone: the activation of the hidden layers, or one for each, with commas: "
        f"{', '.join(HIDDEN)}.",
        "--hidden",
        metavar="NAME[,NAME...]",
        autocompletion=lambda: list(HIDDEN),
    ),
]
Output = Annotated[
    str | None,
    _option(
        NETWORK,
        "The activation of the outputs, where the file ends in scores: softmax or sigmoid for "
        "classes.",
        "--output",
        metavar="NAME",
        autocompletion=lambda: list(OUTPUTS),
    ),
]
Model = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Where to save. Default: the file's name with .safetensors, in this folder.",
        "-o",
        metavar="MODEL",
    ),
]
