"""What a playground begins with: a toy, a table of the command line, or a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.cells import did_you_mean
from chainrule.errors import BadSetting, BadTable
from chainrule.exporting.samples import table_of as table_of_cells
from chainrule.exporting.samples import used
from chainrule.own import Rule
from chainrule.playing.choices import SOLVERS, Choices, own_defaults
from chainrule.playing.planning import Plan, planned
from chainrule.playing.scene import scene_of
from chainrule.playing.settling import MOST_IN_A_STEP
from chainrule.playing.sources import Source, shelf, table_source
from chainrule.playing.worked import rows_of
from chainrule.table import features, labels, target_values
from chainrule.target import known_rows

if TYPE_CHECKING:
    from chainrule.columns import Column
    from chainrule.model import Model

MADE_UP = 200  # rows
FOLLOWED = ("batch_size", "l1", "l2", "dropout", "clip_norm", "learning_rate")
STILL = (
    "no table was given with the model, so its rows are made up and their targets are its own "
    "predictions: there is nothing to learn from them. Choose or drop a table, or start with "
    "chainrule play MODEL TABLE"
)


def with_table(
    name: str,
    table: Any,
    target: str | None,
    *,
    task: str | None = None,
    kinds: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    seed: int = 0,
) -> tuple[dict[str, Source], Plan]:
    """Begin with a table.

    Parameters
    ----------
    name : str
        Of its file.
    table : pyarrow.Table
    target : str or None
        Default: the last column.
    task, kinds, drop, seed
        As ``chainrule.fit`` takes them.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 3.0, 4.0], "n": [1, 1, 2, 3]})
    >>> sources, plan = with_table("small.csv", table, "y", drop=["n"])
    >>> plan.source.key, plan.prepared.network.sizes
    ('table:small', (1, 8, 1))
    """
    source = table_source(name, table, target)
    names = source.table.column_names
    for wrong in set(drop) - set(names):
        raise BadTable(f"there is no column '{wrong}' to leave out; {did_you_mean(wrong, names)}")
    data: dict[str, Any] = {"source": source.key, "target": source.target, "task": task}
    data["kinds"] = dict(kinds or {})
    if drop:
        data["columns"] = [n for n in names if n not in drop and n != source.target]
    sources = {source.key: source, **shelf()}
    change = {"data": data, "seed": seed}
    return sources, planned(sources, change, Choices())


def with_model(
    name: str, model: Model, table: Any = None, *, seed: int = 0
) -> tuple[dict[str, Source], Plan]:
    """Begin with a model's network, columns and parameters.

    Parameters
    ----------
    name : str
        Of its file, or the table's if there is one.
    model : Model
        The first of its networks is taken.
    table : pyarrow.Table, optional
        To train on. Without it rows are made up, and there is no training.
    seed : int
        Of the split and the batches.

    Raises
    ------
    BadSetting
        If the network has rules of somebody's own.
    BadTable
        If the table has not the model's columns.

    Examples
    --------
    >>> from chainrule import fit
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=2, hidden_layer_sizes=4)
    >>> _, plan = with_model("penguins.csv", model, penguins())
    >>> bool((plan.start == model.parameters[0]).all()), plan.prepared.network.sizes
    (True, (14, 4, 3))
    """
    network, spec = model.network, model.spec
    own = [str(rule) for rule in (*network.activations, network.loss) if isinstance(rule, Rule)]
    if own:
        raise BadSetting(
            f"the model has a rule of its own, {own[0]}, and the playground takes the built-in "
            "ones; chainrule explain shows its steps"
        )
    made_up = table is None
    if made_up:
        table = _made_up(model)
        source = Source(
            f"table:{name}", f"{name}: made-up rows", "table", table, spec.target.name,
            (spec.target.name,),
        )  # fmt: skip
    else:
        source = table_source(name, table, spec.target.name)
    sources = {source.key: source, **shelf()}
    plan = planned(sources, _settings_of(model, source, seed, made_up), Choices())
    known = known_rows(source.table, spec.target.name)
    rows = source.table if known.all() else source.table.filter(known)
    dtype = plan.prepared.X.dtype
    values = target_values(spec, rows, dtype)
    outputs = network.sizes[-1]
    Y = values[:, None] if outputs == 1 else np.eye(outputs, dtype=dtype)[values.astype(np.intp)]
    prepared = replace(
        plan.prepared, spec=spec, network=network, X=features(spec, rows, dtype), values=values, Y=Y
    )
    still = STILL if made_up else ""
    return sources, plan._replace(
        prepared=prepared,
        scene=scene_of(prepared, source.table),
        rows=rows_of(prepared, source.table),
        start=model.parameters[0].copy(),
        still=still,
    )


def _settings_of(model: Model, source: Source, seed: int, made_up: bool) -> dict[str, Any]:
    """Return the settings that come nearest to how a model was trained."""
    network, spec, settings = model.network, model.spec, model.summary.settings
    names = [column.name for column in used(spec)]
    kinds = {column.name: column.kind for column in used(spec)}
    data: dict[str, Any] = {
        "source": source.key,
        "target": spec.target.name,
        "task": spec.target.task,
        "columns": names,
        "kinds": kinds,
    }
    if made_up:
        data["validation"] = 0.0
    training: dict[str, Any] = {}
    solver = settings.get("solver")
    if solver in SOLVERS:
        training = {"solver": solver} | {k: settings[k] for k in FOLLOWED if k in settings}
        training["hyperparameters"] = {
            name: settings[name] for name in own_defaults(str(solver)) if name in settings
        }
        rows = min(training.get("batch_size") or source.table.num_rows, source.table.num_rows)
        if rows * network.n_parameters > MOST_IN_A_STEP:
            training.pop("batch_size", None)
    layers: dict[str, Any] = {
        "hidden_layer_sizes": list(network.sizes[1:-1]),
        "hidden": [str(rule) for rule in network.activations[:-1]],
    }
    usual = {0: "half_squared_error", 2: "binary_cross_entropy"}
    if network.loss != usual.get(len(spec.target.classes), "cross_entropy"):
        layers |= {"loss": network.loss, "loss_parameter": network.loss_parameter}
    if settings.get("preset") == "neuron":
        layers = {"preset": "neuron"}
    document = {"data": data, "network": layers, "training": training, "seed": seed}
    return document | {"dtype": str(model.parameters.dtype)}


def _made_up(model: Model) -> Any:
    """Return rows around the means of a model's columns, with what its network says of them."""
    from chainrule.ensemble import single

    random = np.random.default_rng(0)
    cells = {column.name: _cells(column, random) for column in used(model.spec)}
    table = table_of_cells(model.spec, cells)
    alone = replace(model, ensemble=single(model.network, model.parameters[0]))
    if model.spec.target.task == "regression":
        return table.append_column(model.spec.target.name, [alone.predict(table)])
    shares = alone.predict_proba(table)
    likeliest = shares.argmax(axis=1)
    never = np.setdiff1d(np.arange(shares.shape[1]), likeliest)  # and yet they are classes
    for place, number in enumerate(never):
        likeliest[place] = number
    return table.append_column(model.spec.target.name, [labels(model.spec, likeliest)])


def _cells(column: Column, random: np.random.Generator) -> list[Any]:
    if column.kind == "categorical":
        return list(random.choice(column.categories, MADE_UP)) if column.categories else []
    if column.kind == "boolean":
        return [bool(cell) for cell in random.integers(0, 2, MADE_UP)]
    values = column.mean + column.scale * random.normal(size=MADE_UP)
    return [float(cell) for cell in values]
