"""What the page is told once: what can be chosen, the present table, the present network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule import cells
from chainrule.columns import KINDS, Column
from chainrule.initial import INITIALISERS
from chainrule.network import HIDDEN, Network
from chainrule.playing.choices import LIMITS, SOLVERS, own_defaults
from chainrule.playing.guided import GUIDED
from chainrule.playing.scene import Scene
from chainrule.playing.sources import Source
from chainrule.rules import LEARNING_RATES, LOSSES
from chainrule.schedules import SCHEDULES
from chainrule.table import feature_names

READERS = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}


def options(sources: Mapping[str, Source]) -> dict[str, Any]:
    """Return what can be chosen on the page.

    Examples
    --------
    >>> from chainrule.playing.sources import shelf
    >>> found = options(shelf())
    >>> found["sources"][0]["key"], found["solvers"][1]["hyperparameters"]
    ('toy:moons', {'momentum': 0.9})
    """
    return {
        "sources": [
            {"key": s.key, "title": s.title, "kind": s.kind, "targets": list(s.columns)}
            for s in sources.values()
        ],
        "activations": list(HIDDEN),
        "losses": list(LOSSES),
        "solvers": [
            {
                "name": name,
                "learning_rate": LEARNING_RATES[name],
                "hyperparameters": own_defaults(name),
            }
            for name in SOLVERS
        ],
        "schedules": list(SCHEDULES),
        "schemes": list(INITIALISERS),
        "kinds": list(KINDS),
        "limits": LIMITS,
        "guided": [
            {"key": key, "title": example.title, "text": example.text, "look": example.look}
            for key, example in GUIDED.items()
        ],
    }


def table_head(scene: Scene, table: Any) -> dict[str, Any]:
    """Return what there is to say of a table as a run reads it.

    Examples
    --------
    >>> from chainrule.playing.choices import Choices
    >>> from chainrule.playing.scene import scene_of
    >>> from chainrule.playing.settling import ready
    >>> from chainrule.playing.sources import shelf
    >>> source = shelf()["shipped:penguins"]
    >>> scene = scene_of(ready(Choices(), source, source.table), source.table)
    >>> head = table_head(scene, source.table)
    >>> head["task"], head["columns"][0]["usual"], head["columns"][1]["low"]
    ('classification', 'Biscoe', 32.1)
    """
    prepared = scene.prepared
    spec, rows = prepared.spec, prepared.rows
    target, number = spec.target, spec.target.task == "regression"
    return {
        "rows": {
            "train": rows["train"],
            "validation": rows["validation"],
            "ignored": prepared.ignored,
        },
        "task": target.task,
        "target": target.name,
        "classes": list(target.classes),
        "target_mean": target.mean if number else None,
        "target_scale": target.scale if number else None,
        "columns": [_column(column, table, scene) for column in spec.columns],
        "inputs": feature_names(spec),
    }


def _column(column: Column, table: Any, scene: Scene) -> dict[str, Any]:
    low, high = _range(column, table)
    axis = scene.axes.get(column.name)
    bands = axis.bands if axis is not None else ()
    return {
        "name": column.name,
        "kind": column.kind,
        "used": column.kind != "dropped",
        "reason": column.reason,
        "categories": list(column.categories),
        "low": low,
        "high": high,
        "mean": column.mean if column.kind in READERS else None,
        "usual": bands[int(axis.usual)] if axis is not None and bands else None,
        "missing": column.missing,
    }


def _range(column: Column, table: Any) -> tuple[float | None, float | None]:
    """Return the least and the largest value of a column, as the surface counts them."""
    if column.kind not in READERS:
        return None, None
    values = READERS[column.kind](table.column(column.name), column.name)
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (None, None)


def network_head(network: Network) -> dict[str, Any]:
    """Return what there is to say of a network.

    Examples
    --------
    >>> network_head(Network((2, 3, 1), hidden="tanh"))["starts"]
    [0, 9, 13]
    """
    return {
        "sizes": list(network.sizes),
        "activations": [str(rule) for rule in network.activations],
        "output": str(network.output),
        "loss": str(network.loss),
        "n_parameters": network.n_parameters,
        "starts": list(network.starts),
    }
