"""From a table to what is trained: the split of the rows, the columns, the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import TASKS, TableSpec, Target
from chainrule.errors import BadSetting, BadTable
from chainrule.network import Network
from chainrule.recipe import FEW_ROWS, HIDDEN, MEMBERS, NEURON, choose_solver, settings_for
from chainrule.rules import LEARNING_RATES, LINKS, OPTIMISERS, WHOLESALE

TRAIN, VALIDATION, TEST = 0, 1, 2
SOLVERS = ("auto", *OPTIMISERS, *WHOLESALE)
PRESETS = ("neuron",)
VALIDATION_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table that is ready to be trained on.

    Attributes
    ----------
    spec : TableSpec
    network : Network
    X : ndarray of shape (n, n_in)
        Of all rows with a target.
    values : ndarray of shape (n,)
        Class numbers, or standardised values.
    Y : ndarray of shape (n, n_out)
        The same as the network takes it: one-hot for several outputs.
    weight : ndarray of shape (n,), or None
        What each row counts.
    train, validation, test : ndarray of int
        Which rows are for what.
    members : int
        How many networks are trained. Each of several leaves out some of the ``train`` rows,
        for its early stopping, and there are no ``validation`` rows.
    ignored : int
        How many rows have no target.
    settings : dict
        The keywords of ``chainrule.train``.
    recorded : dict
        All settings, for the summary.
    """

    spec: TableSpec
    network: Network
    X: NDArray[Any]
    values: NDArray[Any]
    Y: NDArray[Any]
    weight: NDArray[np.float64] | None
    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    members: int
    ignored: int
    settings: dict[str, Any]
    recorded: dict[str, Any]

    @property
    def rows(self) -> dict[str, int]:
        """How many rows are for what."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: len(rows) for name, rows in parts.items()}


def prepare(
    table: Any,
    target: str,
    *,
    hidden_layer_sizes: int | Sequence[int] | None = None,
    hidden: Any = "relu",
    loss: Any = None,
    loss_parameter: float | None = None,
    task: str | None = None,
    preset: str | None = None,
    kinds: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    test_size: float = 0.2,
    validation: float | None = None,
    ensemble: int | None = None,
    intervals: float | None = None,
    sample_weight: str | None = None,
    seed: int = 0,
    dtype: str | None = None,
    **settings: Any,
) -> Prepared:
    """Read a table, split its rows, learn its columns, and choose a network.

    ``chainrule.fitting.fit`` describes the parameters.

    Examples
    --------
    >>> from chainrule.datasets import penguins_path
    >>> prepared = prepare(penguins_path(), "species")
    >>> prepared.network.sizes, prepared.network.loss, prepared.rows
    ((14, 128, 64, 3), 'cross_entropy', {'train': 275, 'validation': 0, 'test': 69})
    """
    from chainrule.arguments import dtype_of, whole
    from chainrule.reading import read_table
    from chainrule.table import features, target_values
    from chainrule.target import known_rows

    if task is not None and task not in TASKS:
        raise BadSetting(f"task={task!r} is not one of {', '.join(TASKS)}")
    neuron = _is_neuron(preset, hidden_layer_sizes, loss)
    _check_names(settings)
    number_type = dtype_of(dtype or ("float64" if neuron else "float32"), None, None)
    held_out = _share("test_size", test_size)
    raw = read_table(table, columns=kinds)
    known = known_rows(raw, target)
    rows = raw if known.all() else raw.filter(known)
    if rows.num_rows == 0:
        raise BadTable(f"no row of {raw.num_rows} has a value in the target column '{target}'")
    learned = rows.num_rows - round(rows.num_rows * held_out)
    members = _members(ensemble, validation, neuron, learned)
    watched = _watched(validation, members, neuron)
    parts = _parts(_strata(rows, target, task), held_out, watched, whole("seed", seed, 0))
    weight = None if sample_weight is None else _weights(rows, sample_weight)
    drop = (*drop, sample_weight) if sample_weight else drop
    spec = _spec(rows, target, task, kinds, drop, parts == TEST, neuron, loss)
    network = _network(spec, neuron, hidden_layer_sizes, hidden, loss, loss_parameter)
    values = target_values(spec, rows, number_type)
    _check_values(network, spec.target, values)
    _check_intervals(intervals, spec.target, members > 1 or watched > 0)
    trained = int((parts == TRAIN).sum())
    trained -= trained // members if members > 1 else 0
    full, asked = _settings(settings, trained, network, neuron)
    asked |= {"preset": preset, "dtype": str(number_type), "test_size": held_out}
    asked |= {"validation": watched, "ensemble": members, "intervals": intervals}
    asked |= {"sample_weight": sample_weight} if sample_weight else {}
    return Prepared(
        spec=spec,
        network=network,
        X=features(spec, rows, number_type),
        values=values,
        Y=_outputs(network, values, number_type),
        weight=weight,
        train=np.flatnonzero(parts == TRAIN),
        validation=np.flatnonzero(parts == VALIDATION),
        test=np.flatnonzero(parts == TEST),
        members=members,
        ignored=raw.num_rows - rows.num_rows,
        settings=full | {"seed": seed, "dtype": number_type},
        recorded=asked | _resolved(full | {"seed": seed}),
    )


def _is_neuron(preset: str | None, sizes: Any, loss: str | None) -> bool:
    if preset is None:
        return False
    if preset not in PRESETS:
        raise BadSetting(f"preset={preset!r} is not one of {', '.join(PRESETS)}")
    given = {"hidden_layer_sizes": sizes, "loss": loss}
    for name, value in given.items():
        if value is not None and value != ():
            raise BadSetting(
                f"{name}={value!r} does not go with preset='neuron', which is one neuron under "
                "half the squared error; leave one of the two out"
            )
    return True


def _check_names(settings: dict[str, Any]) -> None:
    if "parameters" in settings:
        raise BadSetting("'parameters' goes with arrays: use chainrule.train, not chainrule.fit")


def _resolved(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as they are recorded: plain numbers, and the learning rate in use."""
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()}
    rate = plain["learning_rate"]
    usual = LEARNING_RATES.get(settings["solver"])
    return plain | {"learning_rate": usual if rate is None else rate}


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise BadSetting(f"{name}={value!r} must be a share of the rows, from 0 to below 1")
    return float(value)


def _members(ensemble: Any, validation: Any, neuron: bool, rows: int) -> int:
    """Return how many networks are trained."""
    from chainrule.arguments import whole

    if ensemble is None:
        return 1 if neuron or validation is not None or rows < FEW_ROWS else MEMBERS
    members = whole("ensemble", ensemble, 1)
    if members > 1 and validation is not None:
        raise BadSetting(
            f"validation={validation!r} is for one network, and of an ensemble each is stopped by "
            "rows that it leaves to the others; leave it out, or take ensemble=1"
        )
    return members


def _watched(validation: Any, members: int, neuron: bool) -> float:
    """Return the share of the rows that the early stopping of a single network looks at."""
    if validation is None:
        return 0.0 if neuron or members > 1 else VALIDATION_SHARE
    return _share("validation", validation)


def _settings(
    given: dict[str, Any], rows: int, network: Network, neuron: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all settings of a training on so many rows, and why its solver was chosen."""
    if given.get("solver") != "auto":
        return (NEURON | given if neuron else settings_for(rows, given)), {}
    solver, why = choose_solver(rows, network.n_parameters, network.loss)
    full, _ = _settings(given | {"solver": solver}, rows, network, neuron)
    return full, {"solver_chosen": why}


def _check_intervals(coverage: Any, target: Target, held: bool) -> None:
    from chainrule.ensemble import coverage_of

    if coverage is None:
        return
    coverage_of("intervals", coverage)
    if target.task == "classification":
        raise BadSetting(
            f"intervals={coverage!r} is for a target of numbers, and '{target.name}' has "
            f"{len(target.classes)} classes, whose probabilities are predicted; leave it out"
        )
    if not held:
        raise BadSetting(
            f"intervals={coverage!r} needs rows that a network does not learn from: an ensemble, "
            "or a share for validation"
        )


def _strata(rows: Any, target: str, task: str | None) -> NDArray[np.int64]:
    """Return the class of each row, or 0 for a target of numbers."""
    from chainrule.target import class_codes, learn_target

    every = np.ones(rows.num_rows, dtype=np.bool_)
    goal, _ = learn_target(rows.column(target), target, task, every, every)
    if goal.task == "regression":
        return np.zeros(rows.num_rows, dtype=np.int64)
    return class_codes(rows.column(target), goal)


def _parts(
    strata: NDArray[np.int64], test_size: float, validation: float, seed: int
) -> NDArray[np.int8]:
    """Deal the rows out to training, validation and test, each class in the same shares."""
    parts = np.full(len(strata), TRAIN, dtype=np.int8)
    for part, share in ((TEST, test_size), (VALIDATION, validation)):
        rest = np.flatnonzero(parts == TRAIN)
        shuffled = np.random.default_rng([seed, part]).permutation(rest)
        by_class = shuffled[np.argsort(strata[shuffled], kind="stable")]
        held = np.floor(np.arange(len(rest) + 1) * share + 0.5)
        chosen = by_class[np.diff(held) > 0]
        parts[chosen] = part
        emptied = np.setdiff1d(strata[rest], strata[parts == TRAIN])  # keep a row of each class
        classes, first = np.unique(strata[chosen], return_index=True)
        parts[chosen[first[np.isin(classes, emptied)]]] = TRAIN
    return parts


def _weights(rows: Any, name: Any) -> NDArray[np.float64]:
    """Return what each row counts."""
    from chainrule import cells

    if not isinstance(name, str):
        raise BadSetting(
            f"sample_weight={type(name).__name__} is no column's name; weights in an array go with "
            "chainrule.train"
        )
    if name not in rows.column_names:
        near = cells.did_you_mean(name, rows.column_names)
        raise BadTable(f"there is no column '{name}' of weights; {near}")
    weight: NDArray[np.float64] = cells.numbers(rows.column(name), name)
    wrong = ~(np.isfinite(weight) & (weight >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadTable(
            f"row {row + 1} of the weights '{name}' is {weight[row]:g}; write a number, 0 or more"
        )
    if not weight.any():
        raise BadTable(f"the weights '{name}' are 0 in all {len(weight)} rows")
    return weight


def _spec(
    rows: Any,
    target: str,
    task: str | None,
    kinds: Mapping[str, str] | None,
    drop: Sequence[str],
    held_out: NDArray[np.bool_],
    neuron: bool,
    loss: str | None,
) -> TableSpec:
    """Learn the columns from the rows that are not held out."""
    from chainrule.table import learn_columns

    spec = learn_columns(rows, target, task=task, kinds=kinds, drop=drop, rows=~held_out)
    if neuron:
        _check_neuron(spec)
    if spec.target.task == "regression" and (neuron or loss == "poisson"):
        reason = f"{spec.target.reason}, not standardised"
        spec = replace(spec, target=replace(spec.target, mean=0.0, scale=1.0, reason=reason))
    return spec


def _check_neuron(spec: TableSpec) -> None:
    categorical = [column.name for column in spec.columns if column.kind == "categorical"]
    if categorical:
        raise BadSetting(
            f"preset='neuron' takes columns of numbers, and {', '.join(categorical)} "
            f"{'is' if len(categorical) == 1 else 'are'} categorical: drop "
            f"{'it' if len(categorical) == 1 else 'them'}, or leave the preset out"
        )
    n = len(spec.target.classes)
    if n > 2:
        raise BadSetting(
            f"preset='neuron' has one output, for two classes or a number from 0 to 1, and the "
            f"target '{spec.target.name}' has {n} classes; leave the preset out"
        )


def _check_values(network: Network, target: Target, values: NDArray[Any]) -> None:
    if target.task == "classification":
        return
    low, high = float(values.min()), float(values.max())
    if network.output == "sigmoid" and not 0.0 <= low <= high <= 1.0:
        raise BadSetting(
            f"preset='neuron' gives numbers from 0 to 1, and the target '{target.name}' goes from "
            f"{low:g} to {high:g}; scale it, or leave the preset out"
        )
    if network.loss == "poisson" and low < 0.0:
        raise BadSetting(
            f"loss='poisson' is for counts, and the target '{target.name}' goes down to {low:g}; "
            "choose another loss"
        )


def _network(
    spec: TableSpec,
    neuron: bool,
    hidden_layer_sizes: int | Sequence[int] | None,
    hidden: Any,
    loss: Any,
    loss_parameter: float | None,
) -> Network:
    """Choose output and loss by the target."""
    if neuron:
        return Network((spec.width, 1), output="sigmoid", loss="half_squared_error")
    if hidden_layer_sizes is None:
        hidden_layer_sizes = HIDDEN
    between = (hidden_layer_sizes,) if isinstance(hidden_layer_sizes, int) else hidden_layer_sizes
    classes = len(spec.target.classes)
    default = {0: "half_squared_error", 2: "binary_cross_entropy"}.get(classes, "cross_entropy")
    loss = loss or default
    own = LINKS.get(loss)
    allowed = {0: (None, "exp"), 2: (None, "sigmoid", "softmax")}.get(classes, (None, "softmax"))
    if own not in allowed:
        raise BadSetting(
            f"loss={loss!r} does not go with {spec.target.task}"
            f"{f' into {classes} classes' if classes else ''}; the usual one is {default}"
        )
    output = own or {0: "identity", 2: "sigmoid"}.get(classes, "softmax")
    outputs = classes if output == "softmax" else 1
    return Network(
        (spec.width, *between, outputs),
        hidden=hidden,
        output=output,
        loss=loss,
        loss_parameter=loss_parameter,
    )


def _outputs(network: Network, values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return the values as the network gives them: one-hot for several outputs."""
    k = network.sizes[-1]
    return values.astype(dtype)[:, None] if k == 1 else np.eye(k, dtype=dtype)[values]
