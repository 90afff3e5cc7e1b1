"""Rows that an artefact is tried on, with the outputs that it must give.

A model file holds no rows, so these are made up: around the mean of each column and far from
it, with every category, with missing values, and with a category that training did not see.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import Column, TableSpec

ROWS = 8
SPREAD = (0.0, 1.0, -1.0, 0.37, -2.3, 12.0, -0.71, None)  # in standard deviations; None: missing
UNSEEN = "never seen before"
LEAST = 1e-3  # of a probability: below it, differences are taken of this in its place
TINY = 1e-100
EPOCH_DAYS = 719_163  # of 1970-01-01 in the calendar of datetime.date


class Samples(NamedTuple):
    """Rows, and what the model says of them.

    Attributes
    ----------
    columns : dict of str to list
        The cells of each column that the model uses; None where one is missing. Dates are
        days since 1970-01-01.
    outputs : ndarray of shape (rows, K) or (rows, 1)
        Probabilities, or values in the target's units.
    """

    columns: dict[str, list[Any]]
    outputs: NDArray[Any]


def used(spec: TableSpec) -> list[Column]:
    """Return the columns that the model makes inputs of."""
    return [column for column in spec.columns if column.kind != "dropped"]


def samples(model: Any, rows: int = ROWS) -> Samples:
    """Return some rows and the model's outputs.

    Examples
    --------
    >>> from chainrule import fit
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=2)
    >>> found = samples(model)
    >>> found.columns["island"], found.outputs.shape
    (['Biscoe', 'Dream', 'Torgersen', 'Biscoe', 'never seen before', 'Torgersen', 'Biscoe', None],
    (8, 3))
    """
    columns = {
        column.name: [_cell(column, k, place) for k in range(rows)]
        for place, column in enumerate(used(model.spec))
    }
    return Samples(columns, outputs_of(model, columns))


def outputs_of(model: Any, columns: dict[str, list[Any]]) -> NDArray[Any]:
    """Return what the model says of rows: probabilities, or values in the target's units."""
    table = table_of(model.spec, columns)
    if model.spec.target.task == "classification":
        shares: NDArray[Any] = model.predict_proba(table)
        return shares
    values: NDArray[Any] = model.predict(table)[:, None]
    return values


def in_double(model: Any) -> Any:
    """Return a model of the same parameters that computes in float64, as some languages do."""
    ensemble = replace(model.ensemble, parameters=model.parameters.astype(np.float64))
    return replace(model, ensemble=ensemble)


def least(outputs: NDArray[Any]) -> float:
    """Return what differences are relative to where an output is smaller.

    A number near 0 is what is left of larger ones that cancel, and keeps their rounding errors,
    in the model as in the artefact. So it is held against an output of middle size.

    Examples
    --------
    >>> least(np.array([[30.0], [-20.0], [1e-7]])), least(np.array([[0.4, 0.6]]))
    (20.0, 0.001)
    """
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return LEAST
    return max(float(np.nanmedian(np.abs(outputs))), TINY) if outputs.size else LEAST


def table_of(spec: TableSpec, columns: dict[str, list[Any]]) -> Any:
    """Return rows as a pyarrow Table, with dates as dates."""
    import pyarrow as pa

    types = {"numeric": pa.float64(), "boolean": pa.bool_(), "categorical": pa.string()}
    arrays = {}
    for column in used(spec):
        cells = columns[column.name]
        if column.kind == "date":
            ticks = [None if cell is None else round(cell * 86_400_000) for cell in cells]
            arrays[column.name] = pa.array(ticks, pa.int64()).cast(pa.timestamp("ms"))
        else:
            arrays[column.name] = pa.array(cells, types[column.kind])
    return pa.table(arrays)


def _cell(column: Column, k: int, place: int) -> Any:
    turn = (k + 3 * place) % len(SPREAD) if k else 0
    if SPREAD[turn] is None or k == ROWS - 1:
        return None
    if column.kind == "categorical":
        return UNSEEN if turn == 4 else column.categories[k % max(1, len(column.categories))]
    if column.kind == "boolean":
        return bool(turn % 2)
    value = column.mean + float(SPREAD[turn] or 0.0) * column.scale
    if column.kind == "date":
        return float(np.clip(round(value), -EPOCH_DAYS + 366, 2_900_000))
    return value
