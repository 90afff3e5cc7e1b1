"""The options of ``chainrule play``: their names, types and help."""

from __future__ import annotations

from typing import Annotated, Any

import typer

TABLE, SERVER = "Table", "Server"


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


Source = Annotated[
    str | None,
    typer.Argument(
        help="CSV (also gzipped) or Parquet; - is standard input. Or a model, to begin with its "
        "network and its weights. Default: a toy table.",
        metavar="TABLE|MODEL",
        show_default=False,
    ),
]
ModelsTable = Annotated[
    str | None,
    typer.Argument(
        help="With a model: the table to train it on.", metavar="TABLE", show_default=False
    ),
]
Target = Annotated[
    str | None, _option(TABLE, "The column to predict. Default: the last.", metavar="COLUMN")
]
Host = Annotated[
    str,
    _option(
        SERVER,
        "The address to listen on. Default: 127.0.0.1, which only this machine reaches; any other "
        "lets in whoever reaches it and knows the token.",
        metavar="ADDRESS",
    ),
]
Port = Annotated[
    int | None,
    _option(
        SERVER,
        "The port; 0 takes any that is free. Default: the first free one from 8000 on.",
        min=0,
        max=65535,
        metavar="N",
    ),
]
AllowHost = Annotated[
    list[str] | None,
    _option(
        SERVER,
        "A name under which browsers reach this server, besides localhost. Repeatable.",
        metavar="NAME",
    ),
]
State = Annotated[
    str | None,
    _option(
        TABLE,
        "Open the page as it was: what “Copy a command” gave on it, from s= on. It names its "
        "table, and does not hold it.",
        metavar="TEXT",
    ),
]
Browser = Annotated[bool, _option(SERVER, "Do not open the page in the browser.", "--no-browser")]
