"""Decide from the rows of a table what each column is, and keep what encoding needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import cells
from chainrule.columns import KINDS, TASKS, Column, Inputs, TableSpec, Target
from chainrule.errors import BadSetting, BadTable
from chainrule.target import check_finite, known_rows, learn_target, moments

FEW_ROWS = 20  # below this, values that all differ say nothing
MANY_CATEGORIES = 50
MOST_CATEGORIES = 200
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
READERS = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}
REASONS = {"numeric": "numbers", "date": "dates", "boolean": "true or false"}
ID_NAME = re.compile(r"(^|[_\W])(?i:id|idx|index|uuid|guid)$|[a-z]I[dD]$")


def learn_columns(
    table: Any,
    target: str,
    *,
    task: str | None = None,
    kinds: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    rows: NDArray[np.bool_] | None = None,
) -> TableSpec:
    """Decide what each column of a table is, and learn what encoding it needs.

    A column is numeric, date or boolean if its type is, and categorical if it
    holds text. It is dropped if all of it is missing; if it is constant; if it
    repeats the target, value for value; if it is an identifier (text that is
    different in nearly every row, a row counter, different whole numbers under a
    name such as ``id``); or if it has too many categories (more than 50 that
    appear in fewer than ten rows each, or more than 200). ``Column.reason`` says
    which it was. These rules, but for missing and constant columns, need 20 rows.

    Parameters
    ----------
    table : pyarrow.Table
    target : str
        Rows without a target are left out.
    task : {"classification", "regression"}, optional
        Else inferred from the target; ``chainrule.target.learn_target`` has the rule.
    kinds : mapping of str to str, optional
        The kind of some columns; they are not dropped by the rules above.
    drop : sequence of str
        Columns to leave out.
    rows : ndarray of bool, optional
        The training rows. Means, scales and categories are theirs; the classes
        are those of all rows.

    Raises
    ------
    BadTable
        If a column or cell cannot be used, naming it.
    BadSetting
        If ``task``, ``kinds`` or ``drop`` cannot be used.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, 2.0, 3.0], "z": [5, 5, 5], "y": ["a", "b", "a"]})
    >>> spec = learn_columns(table, "y")
    >>> [(column.name, column.kind, column.reason) for column in spec.columns]
    [('x', 'numeric', 'numbers'), ('z', 'dropped', 'constant: always 5')]
    >>> spec.target.classes
    ('a', 'b')
    """
    names = list(table.column_names)
    _check_settings(names, target, task, dict(kinds or {}), drop)
    known = known_rows(table, target)
    used = known if rows is None else known & rows
    if not used.any():
        raise BadTable(f"no row of {table.num_rows} has a value in the target column '{target}'")
    goal, values = learn_target(table.column(target), target, task, known, used)
    columns = []
    for name in names:
        if name != target:
            kind = "dropped" if name in drop else (kinds or {}).get(name)
            column = _learned(table.column(name), name, kind, used)
            if kind is None and column.width:
                column = _unless_copy(column, table.column(name), used, goal, values)
            columns.append(column)
    spec = TableSpec(tuple(columns), goal)
    _refuse_nothing(spec, f" '{target}'")
    return spec


def learn_inputs(table: Any, kinds: Mapping[str, str] | None = None) -> Inputs:
    """Decide what each column is where the target is not in the table.

    The rules are those of ``learn_columns``, but for the one about copies of the target.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"x": [1.0, None, 3.0], "c": ["u", "v", "u"]})
    >>> [(column.kind, column.reason) for column in learn_inputs(table).columns]
    [('numeric', 'numbers, 1 of 3 missing'), ('categorical', 'text')]
    """
    given, used = dict(kinds or {}), np.ones(table.num_rows, np.bool_)
    _check_kinds(table.column_names, given)
    inputs = Inputs(
        tuple(_learned(table.column(n), n, given.get(n), used) for n in table.column_names)
    )
    _refuse_nothing(inputs)
    return inputs


def _refuse_nothing(inputs: Inputs, target: str = "") -> None:
    if inputs.width == 0:
        why = "; ".join(f"'{c.name}' {c.reason}" for c in inputs.columns[: cells.SHOWN])
        raise BadTable(
            f"no column is left to predict{target} from ({why or 'there is no other column'}); "
            "give the kind of a column to keep it"
        )


def _unless_copy(
    column: Column,
    raw: Any,
    used: NDArray[np.bool_],
    target: Target,
    values: NDArray[np.float64],
) -> Column:
    if not _repeats(raw, used, values, len(target.classes)):
        return column
    return Column(column.name, "dropped", f"repeats the target, value for value: '{target.name}'")


def _check_settings(
    names: list[str], target: str, task: str | None, kinds: dict[str, str], drop: Sequence[str]
) -> None:
    if len(set(names)) < len(names):
        raise BadTable("a column name appears twice in the table; names must differ")
    if target not in names:
        raise BadTable(f"there is no column '{target}'; {cells.did_you_mean(target, names)}")
    if task is not None and task not in TASKS:
        raise BadSetting(f"task={task!r} is not one of {', '.join(TASKS)}")
    for name in (*kinds, *drop):
        if name == target:
            raise BadSetting(f"column '{name}' is the target; its task can be given, not its kind")
    _check_kinds(names, kinds, drop)


def _check_kinds(names: Sequence[str], kinds: Mapping[str, str], drop: Sequence[str] = ()) -> None:
    for name in (*kinds, *drop):
        if name not in names:
            raise BadSetting(f"there is no column '{name}'; {cells.did_you_mean(name, names)}")
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise BadSetting(f"kind {kind!r} of column '{name}' is not one of {', '.join(KINDS)}")


def natural_kind(type_: Any) -> str | None:
    """Return the kind that a pyarrow type asks for, or None if it is of no use here.

    Examples
    --------
    >>> import pyarrow as pa
    >>> natural_kind(pa.decimal128(5, 2)), natural_kind(pa.list_(pa.int8()))
    ('numeric', None)
    """
    import pyarrow.types as pt

    if pt.is_dictionary(type_) or cells.is_text(type_):
        return "categorical"
    if pt.is_boolean(type_):
        return "boolean"
    if pt.is_date(type_) or pt.is_timestamp(type_):
        return "date"
    timed = pt.is_time(type_) or pt.is_duration(type_)
    return "numeric" if cells.is_number(type_) or timed or pt.is_null(type_) else None


def _learned(column: Any, name: str, forced: str | None, used: NDArray[np.bool_]) -> Column:
    kind = forced or natural_kind(column.type)
    if kind == "dropped":
        return Column(name, "dropped", "left out as asked")
    if kind is None:
        return Column(name, "dropped", f"holds {column.type}")
    if kind == "categorical":
        return _categorical(column, name, forced, used)
    values = READERS[kind](column, name)
    check_finite(values, name)
    values = values[used]
    known = values[~np.isnan(values)]
    absent = len(values) - len(known)
    why = None if forced else _why_drop_numbers(_rows_of(column, used), name, known, absent)
    if why:
        return Column(name, "dropped", why)
    mean, scale = moments(known)
    reason = _reason("as asked" if forced else REASONS[kind], absent, len(values))
    if kind == "boolean":
        return Column(name, kind, reason, fill=mean, missing=absent > 0)
    return Column(name, kind, reason, mean, scale, fill=mean, missing=absent > 0)


def _why_drop_numbers(
    column: Any, name: str, known: NDArray[np.float64], absent: int
) -> str | None:
    import pyarrow.types as pt

    if len(known) == 0:
        return "all missing"
    least, greatest = float(known.min()), float(known.max())
    if absent:
        return None
    if least == greatest:
        return f"constant: always {column[0].as_py()}"
    if not pt.is_integer(column.type) or len(known) < FEW_ROWS:
        return None
    counter = greatest - least < 2 * len(known)
    if (counter or ID_NAME.search(name)) and len(np.unique(known)) == len(known):
        what = "a row counter" if counter else f"named '{name}'"
        return f"identifier: {what}, {len(known)} different values in {len(known)} rows"
    return None


def _categorical(column: Any, name: str, forced: str | None, used: NDArray[np.bool_]) -> Column:
    import pyarrow.types as pt

    text = _rows_of(cells.texts(column, name), used)
    absent = text.null_count
    known = len(text) - absent
    categories = tuple(sorted(text.drop_null().unique().to_pylist()))
    if forced is None:
        declared = pt.is_dictionary(column.type)
        why = _why_drop_text(categories, known, absent, declared)
        odd = "" if declared else _odd_text(column, categories)
        if why:
            return Column(name, "dropped", why + odd)
        reason = ("declared as categories" if declared else "text") + odd
    else:
        reason = "as asked"
    reason = _reason(reason, absent, len(text))
    return Column(name, "categorical", reason, categories=categories, missing=absent > 0)


def _why_drop_text(
    categories: tuple[str, ...], known: int, absent: int, declared: bool
) -> str | None:
    n = len(categories)
    if n == 0:
        return "all missing"
    if n == 1 and not absent:
        return f"constant: always {categories[0]!r}"
    counted = f"{n} different values in {known} rows"
    if not declared and known >= FEW_ROWS and n > 0.95 * known:
        return f"identifier: {counted}"
    if n > MOST_CATEGORIES or (not declared and n > MANY_CATEGORIES and 10 * n > known):
        return f"text: {counted}"
    return None


def _odd_text(column: Any, categories: tuple[str, ...]) -> str:
    """Say which value keeps a column from being numbers, where most of its values are."""
    import pyarrow.compute as pc

    odd = [value for value in categories if not NUMBER.match(value)]
    if not odd or 2 * len(odd) >= len(categories):
        return ""
    row, value = min((pc.index(column, value).as_py() + 1, value) for value in odd[: cells.SHOWN])
    others = len(categories) - len(odd)
    return f"; {others} values are numbers, but not {value[:40]!r} in row {row}"


def _repeats(column: Any, used: NDArray[np.bool_], values: NDArray[np.float64], n: int) -> bool:
    """Whether each value of a column goes with one value of the target, and the reverse."""
    import pyarrow.types as pt

    column = cells.decoded(column)
    if len(values) < FEW_ROWS:
        return False
    if n == 0:
        return cells.is_number(column.type) and np.array_equal(
            cells.numbers(column, "")[used], values
        )
    if not (cells.is_text(column.type) or pt.is_boolean(column.type) or pt.is_integer(column.type)):
        return False
    codes = _rows_of(column, used).dictionary_encode().combine_chunks()
    if codes.null_count or len(codes.dictionary) != n:
        return False
    return len(np.unique(codes.indices.to_numpy() * float(n) + values)) == n


def _rows_of(column: Any, used: NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return column if used.all() else column.filter(pa.array(used))


def _reason(reason: str, absent: int, rows: int) -> str:
    return f"{reason}, {absent} of {rows} missing" if absent else reason
