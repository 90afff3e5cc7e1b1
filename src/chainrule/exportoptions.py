"""The options of ``chainrule export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chainrule.options import OUTPUT, _option

LANGUAGES = ("c", "javascript", "onnx", "python", "sql")
DIALECTS = ("sqlite", "postgresql", "duckdb")

To = Annotated[
    str | None,
    _option(
        OUTPUT,
        f"{', '.join(LANGUAGES)}. Default: by the ending of the output.",
        metavar="LANGUAGE",
        autocompletion=lambda: list(LANGUAGES),
    ),
]
ArtefactFile = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Where to write it. Default: the model's name with the language's ending, in this folder.",
        "--output",
        "-o",
        metavar="FILE",
    ),
]
ArtefactName = Annotated[
    str | None,
    _option(
        OUTPUT, "What names in it begin with. Default: the file's name.", "--name", metavar="NAME"
    ),
]
Dialect = Annotated[
    str,
    _option(OUTPUT, f"Of SQL: {', '.join(DIALECTS)}. Default: sqlite.", metavar="NAME"),
]
SqlTable = Annotated[
    str, _option(OUTPUT, "The table that the SELECT reads. Default: data.", metavar="NAME")
]
FixedPoint = Annotated[
    int,
    _option(
        OUTPUT,
        "Of C: whole numbers only, with weights of 16 or 8 bits. Default: 0, floating point.",
        metavar="BITS",
    ),
]
Calibrate = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Of fixed point: raw rows, best the training's, to fit its formats to and to measure its "
        "errors on. Default: rows that are made up.",
        metavar="TABLE",
    ),
]
Inputs = Annotated[
    str,
    _option(
        OUTPUT,
        "Of ONNX: columns, an input for each column, or tensor, one for all. Default: columns.",
        metavar="NAME",
    ),
]
