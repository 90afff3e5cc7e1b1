"""From choices and a table to what is trained: what does not fit falls back, or is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import cells
from chainrule.cells import did_you_mean
from chainrule.columns import Target
from chainrule.errors import BadSetting, BadTable
from chainrule.kinds import MOST_CATEGORIES, natural_kind
from chainrule.playing.choices import LIMITS, BadChoice, Choices, Net, Training
from chainrule.playing.sources import Source, goal_of
from chainrule.prepare import Prepared, prepare
from chainrule.rules import LINKS

MOST_NUMBERS = 100_000_000  # of the network's inputs for all rows
MOST_IN_A_STEP = 1_000_000_000  # rows times parameters: up to 0.2 seconds

PLACES = {name: f"network.{name}" for name in Net.__dataclass_fields__}
PLACES |= {name: f"training.{name}" for name in Training.__dataclass_fields__}
PLACES |= {"task": "data.task", "validation": "data.validation", "seed": "seed", "dtype": "dtype"}


def settle(
    choices: Choices, source: Source, table: Any, asked: Mapping[str, Any] | None = None
) -> tuple[Choices, tuple[str, ...]]:
    """Let choices that do not go with a table fall back, unless they were asked for just now.

    Parameters
    ----------
    choices : Choices
    source : Source
    table : pyarrow.Table
        Of the source.
    asked : mapping, optional
        The document that led to these choices: what it names is refused where it does not
        fit. Default: all is refused.

    Returns
    -------
    choices : Choices
    notes : tuple of str
        What fell back, for people.

    Raises
    ------
    BadChoice
        If something that was asked for does not fit.

    Examples
    --------
    >>> from chainrule.playing.choices import choices_of
    >>> from chainrule.playing.sources import shelf, table_of
    >>> chosen = choices_of({"network": {"loss": "poisson"}})
    >>> moons = shelf()["toy:moons"]
    >>> settled, notes = settle(chosen, moons, table_of(moons, chosen.data), {})
    >>> settled.network.loss, notes
    (None, ("the loss poisson does not go with 2 classes of 'label': the usual one is taken",))
    """
    strict = asked is None
    given = {name: set((asked or {}).get(name) or {}) for name in ("data", "network")}
    names, data, notes = table.column_names, choices.data, []

    def wrong(part: str, name: str, message: str, note: str) -> None:
        if strict or name in given[part]:
            raise BadChoice(message, f"{part}.{name}")
        notes.append(note)

    if data.target is not None and data.target not in names:
        near = did_you_mean(data.target, names)
        said = f"there is no column '{data.target}' to predict; {near}"
        wrong("data", "target", said, f"the target is '{source.target}' now")
        data = replace(data, target=None)
    target = data.target or source.target
    kinds = {name: kind for name, kind in data.kinds.items() if name in names and name != target}
    for name in set(data.kinds) - set(kinds):
        said = f"there is no column '{name}' that could be of a kind; {did_you_mean(name, names)}"
        wrong("data", "kinds", said, f"the kind of '{name}' is forgotten")
    data = replace(data, kinds=kinds)
    if data.columns is not None:
        unknown = [name for name in data.columns if name not in names]
        if unknown:
            said = f"there is no column '{unknown[0]}'; {did_you_mean(unknown[0], names)}"
            wrong("data", "columns", said, f"the column '{unknown[0]}' is left out")
        columns = tuple(name for name in data.columns if name in names and name != target)
        if not columns:
            said = "no column is left to feed the network: choose one besides the target"
            wrong("data", "columns", said, "all columns feed the network")
        data = replace(data, columns=columns or None)
    choices = replace(choices, data=data)
    network, goal = choices.network, goal_of(table, target, data.task)
    if network.loss is not None and not _goes_with(network.loss, goal, table):
        what = f"{len(goal.classes)} classes" if goal.classes else "the numbers"
        said = f"the loss {network.loss} does not go with {what} of '{target}'"
        wrong("network", "loss", said, f"{said}: the usual one is taken")
        network = replace(network, loss=None, loss_parameter=None)
    kept_over = network.preset == "neuron" and not strict and "preset" not in given["network"]
    if kept_over and not _neuron_fits(choices, goal, table):
        notes.append("the document's neuron does not go with this table: it is left")
        network = replace(network, preset=None)
    return replace(choices, network=network), tuple(notes)


def _goes_with(loss: str, goal: Target, table: Any) -> bool:
    """Say whether a loss goes with a target, as ``prepare`` has it."""
    if loss == "poisson" and goal.task == "regression":
        return _range_of(goal, table)[0] >= 0.0
    allowed = {0: (None, "exp"), 2: (None, "sigmoid", "softmax")}
    return LINKS.get(loss) in allowed.get(len(goal.classes), (None, "softmax"))


def _neuron_fits(choices: Choices, goal: Target, table: Any) -> bool:
    """Say whether the preset of one neuron goes with a table, as ``prepare`` has it."""
    data, kinds = choices.data, choices.data.kinds
    used = [n for n in data.columns or table.column_names if n != goal.name]
    found = [kinds.get(name) or natural_kind(table.column(name).type) for name in used]
    if "categorical" in found or len(goal.classes) > 2:
        return False
    low, high = (0.0, 1.0) if goal.classes else _range_of(goal, table)
    return low >= 0.0 and high <= 1.0


def _range_of(goal: Target, table: Any) -> tuple[float, float]:
    values = cells.numbers(table.column(goal.name), goal.name)
    return float(np.nanmin(values)), float(np.nanmax(values))


def arguments(choices: Choices, source: Source, table: Any) -> dict[str, Any]:
    """Return what ``chainrule.fit`` is given for the same run, but for the table.

    Examples
    --------
    >>> from chainrule.playing.sources import shelf, table_of
    >>> moons, chosen = shelf()["toy:moons"], Choices()
    >>> given = arguments(chosen, moons, table_of(moons, chosen.data))
    >>> given["target"], given["hidden"], given["beta1"], given["test_size"]
    ('label', ('tanh',), 0.9, 0.0)
    """
    data, network, training = choices.data, choices.network, choices.training
    target = data.target or source.target
    kept = table.column_names if data.columns is None else data.columns
    neuron = network.preset == "neuron"
    return {
        "target": target,
        "kinds": dict(data.kinds),
        "drop": tuple(n for n in table.column_names if n not in kept and n != target),
        "task": data.task,
        "test_size": 0.0,
        "validation": data.validation,
        "ensemble": 1,
        "preset": network.preset,
        "hidden_layer_sizes": network.hidden_layer_sizes,
        "hidden": "relu" if neuron else network.hidden,
        "loss": network.loss,
        "loss_parameter": network.loss_parameter,
        "scheme": network.scheme,
        "solver": training.solver,
        "learning_rate": training.learning_rate,
        "schedule": training.schedule,
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        "patience": training.patience,
        "l1": training.l1,
        "l2": training.l2,
        "dropout": training.dropout,
        "clip_norm": training.clip_norm,
        "seed": choices.seed,
        "dtype": choices.dtype,
        **training.own,
    }


def ready(choices: Choices, source: Source, table: Any) -> Prepared:
    """Prepare a table for a run.

    Raises
    ------
    BadChoice
        If a choice does not go with the table, or makes too large a network.
    BadTable
        If the table cannot be trained on.

    Examples
    --------
    >>> from chainrule.playing.sources import shelf, table_of
    >>> moons, chosen = shelf()["toy:moons"], Choices()
    >>> prepared = ready(chosen, moons, table_of(moons, chosen.data))
    >>> prepared.network.sizes, prepared.rows
    ((2, 8, 1), {'train': 210, 'validation': 90, 'test': 0})
    """
    given = arguments(choices, source, table)
    used = [name for name in table.column_names if name not in (given["target"], *given["drop"])]
    _check_width(table, used, given["kinds"])
    goal = goal_of(table, given["target"], given["task"])
    most = int(LIMITS["classes"])
    if len(goal.classes) > most:
        raise BadChoice(
            f"the target '{goal.name}' has {len(goal.classes)} classes, and the playground takes "
            f"{most}; choose another target, or regression",
            "data.target",
        )
    try:
        prepared = prepare(table, **given)
    except BadSetting as error:
        raise BadChoice(str(error), _place(str(error))) from None
    count, most = prepared.network.n_parameters, int(LIMITS["parameters"])
    if count > most:
        raise BadChoice(
            f"the network has {count:,} parameters, and the playground takes {most:,}: take "
            "fewer neurons or columns",
            "network.hidden_layer_sizes",
        )
    batch = min(choices.training.batch_size or len(prepared.train), len(prepared.train))
    if batch * count > MOST_IN_A_STEP:
        raise BadChoice(
            f"one step over {batch:,} rows of a network of {count:,} parameters takes too long "
            f"to be watched or paused: take a batch of at most {MOST_IN_A_STEP // count:,} rows",
            "training.batch_size",
        )
    return prepared


def _place(message: str) -> str | None:
    """Return which choice a message of the library is about."""
    if "no parameter of its own" in message:
        return "network.loss_parameter"
    found = re.match(r"(\w+)=", message)
    if found:
        return PLACES.get(found[1])
    return "data.columns" if "column" in message else None


def _check_width(table: Any, used: list[str], kinds: Mapping[str, str]) -> None:
    """Refuse what would become more numbers than memory is for."""
    import pyarrow.compute as pc
    import pyarrow.types as pt

    width = 0
    for name in used:
        column = table.column(name)
        text = pt.is_string(column.type) or pt.is_large_string(column.type)
        many = pc.count_distinct(column).as_py() if text or kinds.get(name) == "categorical" else 1
        forced = kinds.get(name) == "categorical"
        width += many if forced else min(many, MOST_CATEGORIES)
    if width * table.num_rows > MOST_NUMBERS:
        raise BadTable(
            f"{table.num_rows:,} rows of about {width:,} inputs are too many to train on here: "
            "leave out columns with many categories"
        )
