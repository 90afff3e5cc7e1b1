"""A run's settings as a command and as Python code that train the same."""

from __future__ import annotations

import shlex
from typing import Any

from chainrule.arguments import learning_rate_of
from chainrule.playing.choices import own_defaults
from chainrule.playing.planning import Plan
from chainrule.playing.run import GOING, Run
from chainrule.playing.settling import arguments
from chainrule.schedules import STRETCHED

DEFAULTS: dict[str, Any] = {
    "kinds": {},
    "drop": (),
    "task": None,
    "preset": None,
    "loss": None,
    "loss_parameter": None,
    "scheme": "xavier_normal",
    "l1": 0.0,
    "l2": 0.0,
    "dropout": 0.0,
    "clip_norm": None,
    "seed": 0,
}
OPTIONS = (  # that the command has of its own; what is not among them goes with --set
    "task", "preset", "loss", "loss_parameter", "scheme", "solver", "learning_rate", "schedule",
    "batch_size", "epochs", "patience", "l1", "l2", "dropout", "clip_norm", "validation",
    "test_size", "seed", "dtype",
)  # fmt: skip
PENGUINS = "shipped:penguins"
WORDS = {"batch_size": "all", "patience": "none"}  # for None
TEMPERED = (
    "After the training, chainrule train divides the last layer's weights and biases by one "
    "number, fitted to the validation rows, so that probabilities are honest. All else is the "
    "same to the bit."
)


def told(run: Run, plan: Plan, path: str | None = None) -> dict[str, str]:
    """Return the command and the code that train as a run does, and what else is to be known.

    Parameters
    ----------
    run : Run
    plan : Plan
    path : str, optional
        Of the table's file, where it was given on the command line.

    Examples
    --------
    >>> from chainrule.playing.choices import Choices
    >>> from chainrule.playing.planning import planned
    >>> from chainrule.playing.sources import shelf
    >>> plan = planned(shelf(), {"data": {"source": "shipped:penguins"}}, Choices())
    >>> print(told(Run(plan.prepared, plan.choices), plan)["command"])
    chainrule train --target species --hidden-layer-sizes 8 --hidden tanh --solver adam ...
    """
    given = settings_of(run, plan)
    target = given.pop("target")
    table = table_name(plan, path)
    return {
        "command": _command(table, target, given),
        "python": _python(table, target, given),
        "note": " ".join(_notes(run, plan, table, path)),
    }


def table_name(plan: Plan, path: str | None = None) -> str | None:
    """Return what file holds the table; None for the penguins, which come with the package."""
    if plan.source.key == PENGUINS:
        return None
    return path or f"{plan.source.key.partition(':')[2]}.csv"


def settings_of(run: Run, plan: Plan) -> dict[str, Any]:
    """Return the keywords of ``chainrule.fit`` that are not its defaults, the target first."""
    choices = run.choices
    given = arguments(choices, plan.source, plan.table)
    training = choices.training
    given["learning_rate"] = learning_rate_of(training.solver, training.learning_rate)
    if _stopped_by_loss(run):
        given |= {"epochs": run.epoch, "patience": None}
    if choices.network.preset is not None:
        del given["hidden_layer_sizes"], given["hidden"]
    elif not given["hidden_layer_sizes"]:
        del given["hidden"]
    elif len(set(given["hidden"])) == 1:
        given["hidden"] = given["hidden"][0]
    if training.solver != "adamw" and given["schedule"] == "constant":
        del given["schedule"]
    if given["dtype"] == ("float32" if choices.network.preset is None else "float64"):
        del given["dtype"]
    own = own_defaults(training.solver)
    usual = DEFAULTS | {name: v for name, v in own.items() if name != "weight_decay"}
    order = ("target", "task", "kinds", "drop", "preset", "hidden_layer_sizes", "hidden", "loss",
             "loss_parameter", "scheme", "solver", "learning_rate", "schedule", *own,
             "batch_size", "epochs", "patience")  # fmt: skip
    names = [name for name in order if name in given]
    names += [name for name in given if name not in names and name != "ensemble"]
    return {n: given[n] for n in names if n not in usual or given[n] != usual[n]}


def _stopped_by_loss(run: Run) -> bool:
    stop = run.choices.training.stop_loss
    watched = run.validation_loss if len(run.held.X) else run.loss
    return stop is not None and run.status == "ended" and watched <= stop


def _command(table: str | None, target: str, given: dict[str, Any]) -> str:
    words = ["chainrule", "train"]
    if table is not None:
        words.append(_as_word(f"./{table}" if table.startswith("-") else table))
    words += _option("target", target)
    for name, value in given.items():
        if name == "kinds":
            for column, kind in value.items():
                words += _option("kind", f"{column}={kind}")
        elif name == "drop":
            for column in value:
                words += _option("drop", column)
        elif name == "hidden_layer_sizes":
            words += _option(name, "-".join(map(str, value)) or "none")
        elif name == "hidden":
            words += _option(name, value if isinstance(value, str) else ",".join(value))
        elif name in OPTIONS:
            words += _option(name, WORDS[name] if value is None else _number(value))
        else:
            words += _option("set", f"{name}={_number(value)}")
    return " ".join(words)


def _number(value: Any) -> str:
    """Return a number so that it is read back to the same bits.

    Examples
    --------
    >>> _number(1e-8), _number(0.0), _number("adam"), _number(32)
    ('1e-08', '0', 'adam', '32')
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _as_word(text: str) -> str:
    return shlex.quote(text)


def _option(name: str, value: str) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if value.startswith("-"):
        return [f"{option}={_as_word(value)}"]
    return [option, _as_word(value)]


def _python(table: str | None, target: str, given: dict[str, Any]) -> str:
    """Return the code.

    Examples
    --------
    >>> print(_python("moons.csv", "label", {"hidden": "tanh", "l2": 0.1}))
    from chainrule import fit
    <BLANKLINE>
    model = fit(
        "moons.csv",
        "label",
        hidden="tanh",
        l2=0.1,
    )
    model.save("moons.safetensors")
    """
    lines = ["from chainrule import fit"]
    if table is None:
        lines.append("from chainrule.datasets import penguins_path")
    stem = "penguins" if table is None else table.replace("\\", "/").rpartition("/")[2]
    stem = stem.partition(".")[0] or "model"
    lines += ["", "model = fit("]
    lines.append(f"    {'penguins_path()' if table is None else _text(table)},")
    lines.append(f"    {_text(target)},")
    lines += [f"    {name}={_value(value)}," for name, value in given.items()]
    lines += [")", f"model.save({_text(stem + '.safetensors')})"]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)}: {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        inside = ", ".join(map(_value, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def _text(text: str) -> str:
    """Return text as a literal with double quotes.

    Examples
    --------
    >>> print(_text('a "b"'), _text("plain"))
    'a "b"' "plain"
    """
    literal = repr(text)
    plain = literal.startswith("'") and '"' not in literal
    return f'"{literal[1:-1]}"' if plain else literal


def _where_it_is(run: Run) -> list[str]:
    """Say how the weights as they are now are had, while an exact run goes on."""
    training = run.choices.training
    if run.status != GOING or run.step == 0:
        return []
    if training.schedule in STRETCHED:
        return [
            f"These train for all epochs. The {training.schedule} schedule is stretched over them, "
            f"so fewer would not give the weights of epoch {run.epoch}."
        ]
    if run.batch_in_epoch:
        return [
            f"These train for all epochs. The run is within epoch {run.epoch + 1}; press Epoch "
            "until it is at the end of one to read here how its weights are had."
        ]
    option, keyword = f"--epochs {run.epoch}", f"epochs={run.epoch}"
    if training.patience is not None:
        option, keyword = f"{option} --patience none", f"{keyword}, patience=None"
    return [
        f"These train for all epochs. With {option} (in Python {keyword}) they stop at the "
        f"weights that this run has after epoch {run.epoch}."
    ]


def _notes(run: Run, plan: Plan, table: str | None, path: str | None) -> list[str]:
    """Return what else is to be known."""
    notes, training = [], run.choices.training
    if plan.start is not None:
        notes.append("This run began with the weights of a model, and these begin with new ones.")
    elif not run.exact:
        notes.append(
            "Settings were changed on the way, so this run is not what these train from the start."
        )
    else:
        notes += _where_it_is(run)
    if table is not None and path is None:
        notes.append(f"{table} is the table of this page: save it from here beside the command.")
    if training.stop_loss is not None:
        notes.append(
            f"These train for the {run.epoch} epochs after which the loss was low enough."
            if _stopped_by_loss(run)
            else f"The stop at a loss of {training.stop_loss:g} is the page's own; these train for "
            "all epochs."
        )
    network = run.network
    probable = network.loss in ("binary_cross_entropy", "cross_entropy")
    if probable and len(run.held.X):
        notes.append(TEMPERED)
    return notes
