"""The options of the command: their names, types and help. Choices are the registries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from chainrule.columns import TASKS
from chainrule.errors import BadSetting
from chainrule.initial import INITIALISERS
from chainrule.network import HIDDEN
from chainrule.own import Rule, rule_in_file
from chainrule.prepare import SOLVERS
from chainrule.rules import LOSSES
from chainrule.schedules import SCHEDULES

FORMS = ("text", "markdown", "latex", "html", "json")

if TYPE_CHECKING:
    SolverName = str
    ScheduleName = str
    SchemeName = str
    TaskName = str
    PresetName = str
    TypeName = str
    FormName = str
else:
    SolverName = Literal[SOLVERS]
    ScheduleName = Literal[tuple(SCHEDULES)]
    SchemeName = Literal[tuple(INITIALISERS)]
    TaskName = Literal[tuple(TASKS)]
    PresetName = Literal["neuron"]
    TypeName = Literal["float32", "float64"]
    FormName = Literal[FORMS]

TABLE, NETWORK, TRAINING, OUTPUT = "Table", "Network", "Training", "Output"


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


def _choice(panel: str, names: Iterable[str], text: str) -> Any:
    return _option(panel, f"{', '.join(names)}. {text}", metavar="NAME")


def _table(text: str) -> Any:
    return typer.Argument(help=text, metavar="TABLE", show_default=False)


Model = Annotated[
    Path,
    typer.Argument(help="A model that chainrule train saved.", metavar="MODEL", show_default=False),
]
Table = Annotated[str, _table("CSV (also gzipped) or Parquet; - is standard input.")]
TrainTable = Annotated[
    str | None,
    _table("CSV (also gzipped) or Parquet; - is standard input. Default: the shipped penguins."),
]
Json = Annotated[bool, _option(OUTPUT, "Print JSON for machines on standard output.", "--json")]

Target = Annotated[str | None, _option(TABLE, "The column to predict.", metavar="COLUMN")]
Task = Annotated[TaskName | None, _choice(TABLE, TASKS, "Default: by the values of the target.")]
Kind = Annotated[
    list[str] | None,
    _option(
        TABLE,
        "What a column is: numeric, categorical, boolean, date or dropped. Repeatable.",
        metavar="COLUMN=KIND",
    ),
]
Drop = Annotated[
    list[str] | None, _option(TABLE, "Leave a column out. Repeatable.", metavar="COLUMN")
]
Weight = Annotated[
    str | None,
    _option(
        TABLE,
        "The column that says what each row counts in the training; it is no input.",
        "--weight",
        metavar="COLUMN",
    ),
]
TestSize = Annotated[
    float | None,
    _option(TABLE, "Share of the rows held out for the scores, 0 for none. Default: 0.2."),
]
Validation = Annotated[
    float | None,
    _option(
        TABLE,
        "Train one network, which is stopped early by this share of the other rows. 0 for none.",
    ),
]
Ensemble = Annotated[
    int | None,
    _option(
        TRAINING,
        "Train so many networks, each without one of as many parts of the rows, by which it is "
        "stopped early, and predict the mean of theirs. Default: 5.",
        min=1,
    ),
]
Intervals = Annotated[
    float | None,
    _option(
        TRAINING,
        "Predict numbers with a lower and an upper bound, for this share of the rows.",
        metavar="SHARE",
    ),
]
Coverage = Annotated[
    float | None,
    _option(
        OUTPUT,
        "Add a lower and an upper bound, between which this share of the rows lies. "
        "Default: as in training.",
        "--intervals",
        metavar="SHARE",
    ),
]

Preset = Annotated[
    PresetName | None,
    _option(
        NETWORK,
        "One sigmoid neuron under half the squared error, by plain gradient descent.",
        metavar="NAME",
    ),
]
Sizes = Annotated[
    str | None,
    _option(
        NETWORK, "Neurons of the hidden layers, or none. Default: 128-64.", metavar="32-16|none"
    ),
]
Hidden = Annotated[
    str | None,
    _option(
        NETWORK,
        f"Activation of the hidden layers, or one for each, with commas: "
        f"{', '.join(HIDDEN)}. Or a rule of your own, f(z) -> (a, slope), as FILE.py:NAME. "
        "Default: relu.",
        metavar="NAME[,NAME...]",
        autocompletion=lambda: list(HIDDEN),
    ),
]
Loss = Annotated[
    str | None,
    _option(
        NETWORK,
        f"{', '.join(LOSSES)}. Or a rule of your own, f(a, y) -> (loss, slope), as FILE.py:NAME. "
        "Default: by the target.",
        metavar="NAME",
        autocompletion=lambda: list(LOSSES),
    ),
]
LossParameter = Annotated[
    float | None, _option(NETWORK, "delta of huber (default 1), level of quantile (0.5).")
]

Scheme = Annotated[
    SchemeName | None,
    _choice(NETWORK, INITIALISERS, "How the weights are drawn. Default: xavier_normal."),
]

Solver = Annotated[
    SolverName | None,
    _choice(TRAINING, SOLVERS, "auto chooses by rows, parameters and loss. Default: adamw."),
]
LearningRate = Annotated[
    float | None, _option(TRAINING, "Default: 0.01 for adamw, else the solver's.")
]
Schedule = Annotated[
    ScheduleName | None,
    _choice(TRAINING, SCHEDULES, "Default: one_cycle for adamw, else constant."),
]
Epochs = Annotated[
    int | None,
    _option(
        TRAINING, "The most passes over the rows. Default: 10,000 steps for adamw, else 500.", min=0
    ),
]
BatchSize = Annotated[
    str | None, _option(TRAINING, "Rows of a step, or all. Default: 32.", metavar="N|all")
]
Patience = Annotated[
    str | None,
    _option(
        TRAINING,
        "Stop after so many epochs without a lower validation loss, and keep the best. "
        "Default: 0.3 of the epochs for adamw, else 20.",
        metavar="N|none",
    ),
]
L1 = Annotated[float | None, _option(TRAINING, "Penalty on |w|. Default: 0.", "--l1")]
L2 = Annotated[float | None, _option(TRAINING, "Penalty on w^2 / 2. Default: 0.", "--l2")]
ClipNorm = Annotated[float | None, _option(TRAINING, "Shorten longer gradients to this.")]
Dropout = Annotated[
    float | None, _option(TRAINING, "Share of hidden outputs left out in a step. Default: 0.")
]
Set = Annotated[
    list[str] | None,
    _option(
        TRAINING,
        "The solver's own parameter, such as momentum=0.8.",
        "--set",
        metavar="NAME=NUMBER",
    ),
]
Seed = Annotated[
    int | None, _option(TRAINING, "The same seed gives the same model. Default: 0.", min=0)
]
Dtype = Annotated[TypeName | None, _choice(TRAINING, ("float32", "float64"), "Default: float32.")]

Output = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Where to save. Default: the table's name with .safetensors, in this folder.",
        "--output",
        "-o",
        metavar="MODEL",
    ),
]
Checkpoint = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Write how far the training is every few seconds; the same command goes on from there. "
        "Removed at the end.",
        metavar="FILE",
    ),
]
Plot = Annotated[
    str | None, _option(OUTPUT, "Draw the losses to a PNG or SVG file.", metavar="FILE")
]
LogEvery = Annotated[
    int | None,
    _option(OUTPUT, "Print a line every so many epochs, in place of the bar.", min=1, metavar="N"),
]
Predictions = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "A .csv or .parquet file. Default: CSV on standard output.",
        "--output",
        "-o",
        metavar="FILE",
    ),
]
Truth = Annotated[
    str | None,
    _option(
        TABLE, "The column with the truth. Default: as in training.", "--target", metavar="COLUMN"
    ),
]

Explained = Annotated[
    Path | None,
    typer.Argument(help="A model that chainrule train saved.", metavar="MODEL", show_default=False),
]
ExplainedTable = Annotated[
    str | None,
    _table(
        "CSV (also gzipped) or Parquet, with the row; - is standard input. Default: the shipped "
        "penguins."
    ),
]
Row = Annotated[int, typer.Option(help="Which row of the table, from 1.", metavar="K", min=1)]
Member = Annotated[
    int, typer.Option("--network", help="Which of the model's networks.", metavar="N", min=1)
]
Weight_ = Annotated[
    str | None,
    typer.Option(
        "--weight",
        help="Follow one weight along all paths from it to the loss. Layers and neurons count "
        "from 1.",
        metavar="LAYER:FROM,TO",
        show_default=False,
    ),
]
Neuron = Annotated[
    str | None,
    typer.Option(
        help="Show one neuron: its sum term by term, its output, what comes back to it.",
        metavar="LAYER:NUMBER",
        show_default=False,
    ),
]
Most = Annotated[
    int | None,
    typer.Option(
        help="How many neurons of a layer and terms of a sum are shown. Default: all of a small "
        "network, 4 of a large one.",
        metavar="N",
        min=1,
        show_default=False,
    ),
]
Digits = Annotated[int, typer.Option(help="Significant digits.", metavar="N", min=1, max=17)]
Form = Annotated[
    FormName | None,
    _option(
        OUTPUT,
        f"{', '.join(FORMS)}. Default: by the ending of the output: .txt, .md, .tex and so on.",
        "--format",
        metavar="NAME",
    ),
]
Page = Annotated[
    Path | None, _option(OUTPUT, "Write it to a file.", "--output", "-o", metavar="FILE")
]
Source = Annotated[
    bool,
    _option(OUTPUT, "Print the rules themselves: every activation, loss, optimiser.", "--source"),
]

PASSED = (
    "task", "sample_weight", "preset", "loss_parameter", "test_size", "validation", "seed", "dtype",
    "ensemble", "intervals", "scheme", "solver", "learning_rate", "schedule", "epochs", "l1", "l2",
    "clip_norm", "dropout",
)  # fmt: skip
PARSED = ("hidden_layer_sizes", "hidden", "loss", "batch_size", "patience")


def settings_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of ``chainrule.fit`` from the options that were given.

    Examples
    --------
    >>> settings_of({"hidden_layer_sizes": "32-16", "batch_size": "all", "l2": 0.1, "seed": None})
    {'l2': 0.1, 'hidden_layer_sizes': (32, 16), 'batch_size': None}
    """
    found = {name: given[name] for name in PASSED if given.get(name) is not None}
    if (sizes := given.get("hidden_layer_sizes")) is not None:
        found["hidden_layer_sizes"] = _sizes(sizes)
    if (hidden := given.get("hidden")) is not None:
        rules = tuple(_rule(name.strip()) for name in hidden.split(","))
        found["hidden"] = rules if len(rules) > 1 else rules[0]
    if (loss := given.get("loss")) is not None:
        found["loss"] = _rule(loss)
    for name, word in (("batch_size", "all"), ("patience", "none")):
        if (value := given.get(name)) is not None:
            found[name] = None if value == word else _whole(name, value, word)
    if kinds := given.get("kind"):
        found["kinds"] = dict(_pair("--kind", text) for text in kinds)
    if drop := given.get("drop"):
        found["drop"] = tuple(drop)
    return found | {name: _number(name, v) for name, v in _pairs("--set", given.get("set_"))}


def _rule(text: str) -> str | Rule:
    return rule_in_file(text) if ":" in text else text


def _sizes(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    if not re.fullmatch(r"[0-9]{1,9}([-,x][0-9]{1,9})*", text):
        raise BadSetting(
            f"--hidden-layer-sizes {text} must be numbers with - between, such as 32-16, or none"
        )
    return tuple(int(size) for size in re.split("[-,x]", text))


def _whole(name: str, text: str, word: str) -> int:
    try:
        return int(text)
    except ValueError:
        option = "--" + name.replace("_", "-")
        raise BadSetting(f"{option} {text} must be a whole number, or {word}") from None


def _pairs(option: str, texts: list[str] | None) -> list[tuple[str, str]]:
    return [_pair(option, text) for text in texts or ()]


def _pair(option: str, text: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not (sign and name and value):
        raise BadSetting(f"{option} {text} must have the form NAME=VALUE")
    return name, value


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadSetting(f"--set {name}={text}: {text!r} is not a number") from None
