"""The options of ``chainrule check``: their names, types and help."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from chainrule.checking.packing import BIASES, SAMPLES, TARGETS, WEIGHTS
from chainrule.errors import BadSetting
from chainrule.network import HIDDEN, OUTPUTS, Network
from chainrule.own import Rule, rule_in_file
from chainrule.rules import LOSSES

if TYPE_CHECKING:
    WeightsName = str
    SamplesName = str
    TargetsName = str
    BiasesName = str
else:
    WeightsName = Literal[tuple(WEIGHTS)]
    SamplesName = Literal[tuple(SAMPLES)]
    TargetsName = Literal[tuple(TARGETS)]
    BiasesName = Literal[tuple(BIASES)]

NETWORK, HINTS, CLASS, LIMITS, OUTPUT = (
    "Network", "Hints (else found by trying)", "A folder of submissions", "Limits", "Output",
)  # fmt: skip


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


def _choice(names: Iterable[str], text: str) -> Any:
    return _option(HINTS, f"{', '.join(names)}. {text}", metavar="NAME")


Code = Annotated[
    str,
    typer.Argument(
        help="FILE.py, FILE.py:NAME of a function or class, or a folder of submissions.",
        metavar="FILE.py[:NAME]|FOLDER",
        show_default=False,
    ),
]
Sizes = Annotated[
    str | None,
    _option(
        NETWORK,
        "Neurons of all layers, inputs and outputs included. Default: as the code has it, where "
        "that can be seen.",
        "--sizes",
        metavar="3-4-1",
    ),
]
Hidden = Annotated[
    str | None,
    _option(
        NETWORK,
        f"Activation of the hidden layers, or one for each, with commas: {', '.join(HIDDEN)}. "
        "Or a rule of your own, as FILE.py:NAME. Default: as in the code, else relu.",
        "--hidden",
        metavar="NAME[,NAME...]",
        autocompletion=lambda: list(HIDDEN),
    ),
]
Output = Annotated[
    str | None,
    _option(
        NETWORK,
        f"Activation of the output: {', '.join(OUTPUTS)}. Default: as in the code, else identity.",
        "--output",
        metavar="NAME",
        autocompletion=lambda: list(OUTPUTS),
    ),
]
Loss = Annotated[
    str | None,
    _option(
        NETWORK,
        f"{', '.join(LOSSES)}. Default: as in the code, else half_squared_error.",
        "--loss",
        metavar="NAME",
        autocompletion=lambda: list(LOSSES),
    ),
]
Weights = Annotated[WeightsName | None, _choice(WEIGHTS, "The shape of a layer's weights.")]
Samples = Annotated[SamplesName | None, _choice(SAMPLES, "How samples are handed over.")]
Targets = Annotated[TargetsName | None, _choice(TARGETS, "The shape of the targets.")]
Biases = Annotated[BiasesName | None, _choice(BIASES, "The shape of a layer's biases.")]
Function = Annotated[
    str | None,
    _option(
        CLASS,
        "The function or class to judge in each file. Default: the one that looks like "
        "back-propagation.",
        "--function",
        metavar="NAME",
    ),
]
Grades = Annotated[
    Path | None, _option(CLASS, "Write a row for each submission.", "--csv", metavar="FILE")
]
Jobs = Annotated[int, _option(CLASS, "Submissions at a time. Default: 2.", min=1, metavar="N")]
Timeout = Annotated[
    float,
    _option(
        LIMITS,
        "The most that a file may take. Default: 60.",
        metavar="SECONDS",
        min=0.1,
        max=86_400.0,
    ),
]
Memory = Annotated[
    int,
    _option(LIMITS, "The most memory that a file may take. Default: 2048.", metavar="MB", min=1),
]

Json = Annotated[bool, _option(OUTPUT, "Print JSON for machines on standard output.", "--json")]


def hints_of(given: dict[str, Any]) -> dict[str, str]:
    """Return the hints that were given.

    Examples
    --------
    >>> hints_of({"weights": "out_in", "samples": None, "json": True})
    {'weights': 'out_in'}
    >>> hints_of({"sizes": "3-4-1", "hidden": "tanh"})  # the rest may be inferred
    {'said': 'sizes=3-4-1 hidden=tanh'}
    """
    names = ("weights", "samples", "targets", "biases")
    hints = {name: given[name] for name in names if given.get(name) is not None}
    said = {name: given[name] for name in ("sizes", *_OPEN) if given.get(name)}
    open_ = len(said) < 4 and not any(re.search("[:,]", said.get(name, "")) for name in _OPEN)
    if said and open_:
        hints["said"] = " ".join(f"{name}={value}" for name, value in said.items())
    return hints


_OPEN = ("hidden", "output", "loss")


def network_of(given: dict[str, Any]) -> Network | None:
    """Return the network that the options describe, or None where they leave too much open.

    Examples
    --------
    >>> network_of({"sizes": "3-4-1", "hidden": "tanh", "output": "sigmoid", "loss": None})
    Network(sizes=(3, 4, 1), hidden='tanh', output='sigmoid', loss='half_squared_error',
            loss_parameter=None)
    """
    named = {name: given[name] for name in ("hidden", "output", "loss") if given.get(name)}
    sizes = given.get("sizes")
    if sizes is None:
        if named and "said" not in hints_of(given):
            raise BadSetting(f"--{next(iter(named))} goes with --sizes, such as --sizes 3-4-1")
        return None
    if not re.fullmatch(r"[0-9]{1,9}([-,x][0-9]{1,9})+", sizes):
        raise BadSetting(
            f"--sizes {sizes} must be numbers with - between, from the inputs to the outputs, "
            "such as 3-4-1"
        )
    settings: dict[str, Any] = {name: _rule(text) for name, text in named.items()}
    if "hidden" in named:
        rules = tuple(_rule(name.strip()) for name in named["hidden"].split(","))
        settings["hidden"] = rules if len(rules) > 1 else rules[0]
    try:
        return Network(tuple(int(size) for size in re.split("[-,x]", sizes)), **settings)
    except BadSetting:
        if "loss" in named and "output" not in named:
            return None
        raise


def _rule(text: str) -> str | Rule:
    return rule_in_file(text) if ":" in text else text
