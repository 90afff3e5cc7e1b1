"""The target of a table: which task it asks for, its classes, its mean and scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import cells
from chainrule.columns import Target
from chainrule.errors import BadTable

FEW_CLASSES = 20
MOST_FLOAT_CLASSES = 100


def known_rows(table: Any, target: str) -> NDArray[np.bool_]:
    """Return which rows have a target: neither null, nor NaN, nor empty text.

    Training leaves the other rows out; their number is ``(~known).sum()``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> known_rows(pa.table({"y": [1.5, None, float("nan")]}), "y")
    array([ True, False, False])
    """
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if target not in table.column_names:
        near = cells.did_you_mean(target, table.column_names)
        raise BadTable(f"there is no column '{target}'; {near}")
    column = cells.decoded(table.column(target))
    known = pc.is_valid(column)
    if pt.is_floating(column.type):
        known = pc.and_(known, pc.fill_null(pc.invert(pc.is_nan(column)), False))
    elif cells.is_text(column.type):
        known = pc.and_(known, pc.fill_null(pc.not_equal(column, ""), False))
    return np.asarray(known.to_numpy(), dtype=np.bool_)


def learn_target(
    column: Any, name: str, task: str | None, known: NDArray[np.bool_], used: NDArray[np.bool_]
) -> tuple[Target, NDArray[np.float64]]:
    """Decide the task, and learn the classes or the mean and scale.

    The rule, where ``task`` does not force it: text, booleans and declared
    categories ask for classification. So do whole numbers with at most 20
    different values (two, if their type is float) where each value is in two rows
    or more, or where they are 0 and 1. All other numbers ask for regression.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    name : str
    task : {"classification", "regression"} or None
    known : ndarray of bool
        The rows with a target; the classes are theirs.
    used : ndarray of bool
        The training rows among them; mean and scale are theirs.

    Returns
    -------
    target : Target
    values : ndarray of float64
        Class number or value of each used row.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = np.ones(4, dtype=bool)
    >>> learn_target(pa.chunked_array([[3, 5, 3, 5]]), "y", None, rows, rows)[0].reason
    '2 different whole numbers, each in 2 rows or more'
    """
    inferred, reason = _inferred(column, name, known)
    if task is not None:
        reason = "as asked"
    if (task or inferred) == "classification":
        target = _classes(column, name, known, reason)
        return target, class_codes(column, target)[used].astype(np.float64)
    try:
        values = cells.numbers(column, name)
    except BadTable as error:
        raise BadTable(f"regression needs a target of numbers: {error}") from None
    check_finite(values, name)
    values = values[used]
    if values.min() == values.max():
        raise BadTable(f"the target '{name}' is {values[0]:g} in every row; nothing can be learned")
    mean, scale = moments(values)
    return Target(name, "regression", mean=mean, scale=scale, reason=reason), values


def _inferred(column: Any, name: str, known: NDArray[np.bool_]) -> tuple[str, str]:
    import pyarrow.types as pt

    if pt.is_dictionary(column.type):
        return "classification", "declared as categories"
    if cells.is_text(column.type):
        return "classification", "text"
    if pt.is_boolean(column.type):
        return "classification", "true or false"
    if not cells.is_number(column.type):
        raise BadTable(
            f"the target '{name}' holds {column.type}; chainrule predicts numbers and classes"
        )
    values = cells.numbers(column, name)
    check_finite(values, name)
    different, counts = np.unique(values[known], return_counts=True)
    most = FEW_CLASSES if pt.is_integer(column.type) else 2
    if len(different) <= most and np.array_equal(different, np.floor(different)):
        if counts.min() > 1:
            why = f"{len(different)} different whole numbers, each in {counts.min()} rows or more"
            return "classification", why
        if np.isin(different, (0.0, 1.0)).all():
            return "classification", "0 and 1"
    return "regression", f"numbers, {len(different)} different ones"


def _classes(column: Any, name: str, known: NDArray[np.bool_], reason: str) -> Target:
    import pyarrow.types as pt

    type_ = cells.decoded(column).type
    class_type = "string"
    if pt.is_boolean(type_):
        class_type = "boolean"
    elif cells.is_number(type_):
        class_type = "integer" if pt.is_integer(type_) else "float"
    found = [label for label in cells.texts(column, name).unique().to_pylist() if label is not None]
    order = {"integer": int, "float": float}.get(class_type, str)
    classes = tuple(sorted(found, key=order))
    rows = int(known.sum())
    if len(classes) < 2:
        only = f"'{classes[0]}' is the only one" if classes else "there is none"
        raise BadTable(f"two classes are needed in the target '{name}'; {only} in {rows} rows")
    many = class_type == "float" and len(classes) > MOST_FLOAT_CLASSES
    if many or (len(classes) > FEW_CLASSES and 2 * len(classes) > rows):
        advice = "choose another column" if class_type == "string" else "choose regression"
        raise BadTable(
            f"the target '{name}' has {len(classes)} different values in {rows} rows, too many "
            f"to be classes; {advice}"
        )
    return Target(name, "classification", classes, class_type, reason=reason)


def class_codes(column: Any, target: Target) -> NDArray[np.int64]:
    """Return the class number of each row; -1 where it is missing or no known class.

    Examples
    --------
    >>> import pyarrow as pa
    >>> target = Target("y", "classification", ("no", "yes"))
    >>> class_codes(pa.chunked_array([["yes", "no", "maybe", None]]), target)
    array([ 1,  0, -1, -1])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if target.class_type == "boolean":
        truths = cells.truths(column, target.name)
        return np.where(np.isnan(truths), -1.0, truths).astype(np.int64)
    like = () if target.class_type == "string" else target.classes
    labels = cells.texts(column, target.name, like=like)
    codes = pc.index_in(labels, value_set=pa.array(target.classes, type=labels.type))
    return np.asarray(pc.fill_null(codes, -1).to_numpy(), dtype=np.int64)


def moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation, 1 in place of a deviation that is only rounding.

    The values are brought near 1 by a power of two first, so that none overflows.

    Examples
    --------
    >>> moments(np.array([1.0, 3.0]))
    (2.0, 1.0)
    >>> moments(np.array([0.1, 0.1, 0.1]))[1]
    1.0
    >>> moments(np.array([-1e300, 1e300]))
    (0.0, 1e+300)
    """
    if len(values) == 0:
        return 0.0, 1.0
    exponent = int(np.frexp(np.abs(values).max())[1])
    unit = np.ldexp(values, -exponent)
    mean, deviation = float(unit.mean()), float(unit.std())
    scale = float(np.ldexp(deviation, exponent))
    constant = deviation <= np.finfo(np.float64).eps or scale == 0.0
    return float(np.ldexp(mean, exponent)), 1.0 if constant else scale


def check_finite(values: NDArray[np.float64], name: str) -> None:
    """Raise BadTable, naming column and row, if a value is infinite."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise BadTable(
            f"row {row + 1} of column '{name}' holds {values[row]}; write a finite number or "
            "leave the cell empty"
        )
