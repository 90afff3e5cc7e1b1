"""What goes into a model's ONNX graph: the names of its inputs, and rows as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import TableSpec
from chainrule.exporting.samples import used

INPUTS = ("columns", "tensor")
OUTPUTS = ("label", "probabilities", "value", "lower", "upper")
TENSOR = "columns"
KINDS = {
    "numeric": "a number, NaN where missing",
    "date": "days since 1970-01-01, NaN where missing",
    "boolean": "1 true, 0 false, NaN where missing",
    "categorical": 'text, "" where missing; whole numbers as "7" or "7.0"',
}


def input_names(spec: TableSpec, inputs: str = "columns") -> dict[str, str]:
    """Return the name of the input that each column goes into.

    It is the column's own, but for the empty name, control characters and the names of outputs.

    Examples
    --------
    >>> from chainrule.columns import Column, Target
    >>> columns = Column("mass (g)", "numeric"), Column("label", "numeric")
    >>> input_names(TableSpec(columns, Target("y", "regression")))
    {'mass (g)': 'mass (g)', 'label': 'label column'}
    """
    columns = [column.name for column in used(spec)]
    if inputs == "tensor":
        return dict.fromkeys(columns, TENSOR)
    found: dict[str, str] = {}
    plain = {name for name in columns if name and name == legible(name)} - set(OUTPUTS)
    for column in columns:
        name = column
        if name not in plain:
            name = f"{legible(column)} column".strip()
            number = 2
            while name in plain or name in found.values():
                name, number = f"{legible(column)} column {number}".strip(), number + 1
        found[column] = name
    return found


def legible(name: str) -> str:
    """Return a name without control characters, and space around it."""
    return "".join(sign for sign in name if sign >= " " and sign != "\x7f").strip(" ")


def feeds(
    spec: TableSpec, columns: Mapping[str, list[Any]], inputs: str = "columns"
) -> dict[str, NDArray[Any]]:
    """Return what a runtime is given for rows, of which None is a missing cell.

    Examples
    --------
    >>> from chainrule.columns import Column, Target
    >>> spec = TableSpec((Column("x", "numeric"),), Target("y", "regression"))
    >>> feeds(spec, {"x": [1.0, None]})
    {'x': array([[ 1.],
           [nan]])}
    """
    names, arrays = input_names(spec, inputs), {}
    for column in used(spec):
        cells = columns[column.name]
        if column.kind == "categorical" and inputs == "columns":
            values = np.array([cell or "" for cell in cells], dtype=object)
        else:
            values = np.array([np.nan if c in (None, "") else float(c) for c in cells], np.float64)
        arrays[column.name] = values[:, None]
    if inputs == "tensor":
        return {TENSOR: np.hstack(list(arrays.values()))}
    return {names[column]: array for column, array in arrays.items()}
