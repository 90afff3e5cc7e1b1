"""Raw tables to numbers and back, by what was learned of the columns.

Tables are pyarrow Tables, as ``chainrule.reading.read_table`` returns them. Rows
in messages count from 1, without the header.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import cells
from chainrule.columns import Column, Inputs, TableSpec, Target
from chainrule.errors import BadTable
from chainrule.kinds import learn_columns, learn_inputs
from chainrule.target import class_codes, known_rows

__all__ = [
    "Column",
    "Inputs",
    "SummaryRow",
    "TableSpec",
    "Target",
    "feature_names",
    "features",
    "in_target_units",
    "known_rows",
    "labels",
    "learn_columns",
    "learn_inputs",
    "summary_rows",
    "target_values",
]


def features(spec: Inputs, table: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Turn raw rows into the network's inputs.

    Columns are found by name; their order, and columns that the spec does not
    use, do not matter. ``Column`` says how each kind becomes numbers.

    Parameters
    ----------
    spec : Inputs or TableSpec
    table : pyarrow.Table
    dtype : float64 or float32

    Returns
    -------
    ndarray of shape (n_rows, spec.width)

    Raises
    ------
    BadTable
        If a column is absent, or a cell cannot be encoded, naming it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, 3.0], "c": ["u", "v"], "y": [0.5, 2.5]})
    >>> features(learn_columns(table, "y"), table)
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]])
    """
    X = np.zeros((table.num_rows, spec.width), dtype=dtype)
    used = [column for column in spec.columns if column.kind != "dropped"]
    start = 0
    for column, values in zip(used, _columns(table, [c.name for c in used]), strict=True):
        _encode(column, values, X[:, start : start + column.width])
        start += column.width
    return X


def _columns(table: Any, names: list[str]) -> list[Any]:
    """Return the columns of these names, each of which the table must have once."""
    present = Counter(table.column_names)
    for name in names:
        if present[name] != 1:
            how_often = "appears twice" if present[name] else "is absent"
            near = cells.did_you_mean(name, table.column_names)
            raise BadTable(f"column '{name}' {how_often} in the table; {near}")
    return [table.column(name) for name in names]


def _encode(column: Column, values: Any, block: NDArray[Any]) -> None:
    if column.kind == "categorical":
        _encode_categories(column, values, block)
        return
    read = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}[column.kind]
    numbers = read(values, column.name)
    absent = np.isnan(numbers)
    if column.missing:
        block[:, 1] = absent
    encoded = np.where(absent, column.fill, numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        encoded -= column.mean
        encoded /= column.scale
    limit = np.finfo(block.dtype).max
    if len(encoded) and not (-limit <= encoded.min() and encoded.max() <= limit):
        row = int(np.argmax(~(np.abs(encoded) <= limit)))
        raise BadTable(
            f"row {row + 1} of column '{column.name}' holds {numbers[row]:g}, too far from the "
            f"training rows (mean {column.mean:g}, sd {column.scale:g}); write a finite number "
            "near them or leave the cell empty"
        )
    block[:, 0] = encoded


def _encode_categories(column: Column, values: Any, block: NDArray[Any]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = cells.texts(values, column.name, like=column.categories)
    codes = pc.index_in(text, value_set=pa.array(column.categories, type=text.type))
    places = pc.fill_null(codes, -1).to_numpy()
    rows = np.flatnonzero(places >= 0)
    block[rows, places[rows]] = 1
    if column.missing:
        block[:, -1] = pc.is_null(text).to_numpy()


def feature_names(spec: Inputs) -> list[str]:
    """Name each of the network's inputs.

    Examples
    --------
    >>> sex = Column("sex", "categorical", categories=("f", "m"), missing=True)
    >>> feature_names(TableSpec((Column("mass", "numeric"), sex), Target("y", "regression")))
    ['mass', 'sex=f', 'sex=m', 'sex missing']
    """
    names = []
    for column in spec.columns:
        if column.kind == "categorical":
            names += [f"{column.name}={category}" for category in column.categories]
        elif column.kind != "dropped":
            names.append(column.name)
        if column.missing:
            names.append(f"{column.name} missing")
    return names


def target_values(spec: TableSpec, table: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return what the network is trained on: class numbers, or standardised values.

    Parameters
    ----------
    spec : TableSpec
    table : pyarrow.Table
        Every row with a target; ``known_rows`` tells which.
    dtype : float64 or float32
        For regression; class numbers are int64.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    BadTable
        If a target is missing, infinite, or of a class that training did not see.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, 3.0, 4.0], "y": ["b", "a", "b"]})
    >>> target_values(learn_columns(table, "y"), table)
    array([1, 0, 1])
    """
    target = spec.target
    column = _columns(table, [target.name])[0]
    absent = ~known_rows(table, target.name)
    if absent.any():
        row = int(np.argmax(absent)) + 1
        raise BadTable(
            f"the target '{target.name}' is missing in {absent.sum()} rows, the first of them "
            f"row {row}; leave them out"
        )
    if target.task == "classification":
        codes = class_codes(column, target)
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            raise BadTable(
                f"row {row + 1} of the target '{target.name}' holds {column[row].as_py()!r}, "
                f"which is none of the classes {', '.join(target.classes[: cells.SHOWN])}"
            )
        return codes
    y = np.zeros((table.num_rows, 1), dtype=dtype)
    _encode(Column(target.name, "numeric", mean=target.mean, scale=target.scale), column, y)
    return y[:, 0]


def labels(spec: TableSpec, indices: Any) -> NDArray[Any]:
    """Return the classes of class numbers, in the target's own type.

    Examples
    --------
    >>> target = Target("y", "classification", ("3", "5"), "integer")
    >>> labels(TableSpec((Column("x", "numeric"),), target), [1, 0, 1])
    array([5, 3, 5])
    """
    classes, class_type = spec.target.classes, spec.target.class_type
    if class_type == "string":
        values = np.array(classes)
    elif class_type == "boolean":
        values = np.array([label == "true" for label in classes])
    else:
        values = np.array([int(c) if class_type == "integer" else float(c) for c in classes])
    return values[np.asarray(indices, dtype=np.intp)]


def in_target_units(spec: TableSpec, standardised: Any) -> NDArray[Any]:
    """Undo the standardisation of a regression target.

    Examples
    --------
    >>> spec = TableSpec((Column("x", "numeric"),), Target("y", "regression", mean=4.0, scale=2.0))
    >>> in_target_units(spec, np.array([0.0, 1.5]))
    array([4., 7.])
    """
    return np.asarray(standardised) * spec.target.scale + spec.target.mean


class SummaryRow(NamedTuple):
    """One line of what was decided about a table."""

    column: str
    kind: str
    became: str


def summary_rows(spec: Inputs) -> list[SummaryRow]:
    """Say for each column, and last for a target, what it is, what it became, and why.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, None, 3.0], "z": [5, 5, 5], "y": ["a", "b", "a"]})
    >>> for row in summary_rows(learn_columns(table, "y")):
    ...     print(*row, sep=" | ")
    x | numeric | standardised, mean 2, sd 1; and whether missing (numbers, 1 of 3 missing)
    z | dropped | dropped: constant: always 5
    y | target | classification, 2 classes: a, b (text)
    """
    rows = [SummaryRow(c.name, c.kind, _became(c)) for c in spec.columns]
    if not isinstance(spec, TableSpec):
        return rows
    target = spec.target
    if target.task == "classification":
        shown = ", ".join(target.classes[:6]) + (", ..." if len(target.classes) > 6 else "")
        what = f"classification, {len(target.classes)} classes: {shown}"
    elif (target.mean, target.scale) == (0.0, 1.0):
        what = "regression, as it is"
    else:
        what = f"regression, mean {_short(target.mean)}, sd {_short(target.scale)}"
    return [*rows, SummaryRow(target.name, "target", f"{what} ({target.reason})")]


def _became(column: Column) -> str:
    if column.kind == "dropped":
        return f"dropped: {column.reason}"
    n = len(column.categories)
    plain = column.kind == "numeric" and (column.mean, column.scale) == (0.0, 1.0)
    what = (
        "as it is"
        if plain
        else {
            "numeric": f"standardised, mean {_short(column.mean)}, sd {_short(column.scale)}",
            "date": f"days, standardised, mean {_day(column.mean)}, sd {_short(column.scale)}",
            "boolean": "0 and 1",
            "categorical": f"one-hot, {n} {'category' if n == 1 else 'categories'}",
        }[column.kind]
    )
    return f"{what}{'; and whether missing' if column.missing else ''} ({column.reason})"


def _short(number: float) -> str:
    """Give a number three digits, but no exponent where it is of everyday size."""
    return f"{number:.0f}" if 1e3 <= abs(number) < 1e6 else f"{number:.3g}"


def _day(days: float) -> str:
    return str(np.datetime64(round(days), "D")) if abs(days) < 1e6 else f"day {days:.3g}"
