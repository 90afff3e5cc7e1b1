"""Any column of a table to an array of numbers, or to text.

Columns are pyarrow ChunkedArrays. Rows in messages count from 1, without the header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import parsing
from chainrule.errors import BadTable

YES = ("true", "yes", "t", "y", "on", "1")
NO = ("false", "no", "f", "n", "off", "0")
PER_DAY = {"s": 86400.0, "ms": 86400e3, "us": 86400e6, "ns": 86400e9}
SHOWN = 20


def numbers(column: Any, name: str) -> NDArray[np.float64]:
    """Return a column as float64, NaN where a value is missing.

    Numbers, decimals and booleans are taken as they are, times and durations in
    seconds, and text if all of it can be read as numbers.

    Raises
    ------
    BadTable
        If a cell is no number, naming column, row and value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> numbers(pa.chunked_array([[1, None, 3]]), "x")
    array([ 1., nan,  3.])
    """
    import pyarrow.types as pt

    column = decoded(column)
    if is_text(column.type):
        column = _read_text(column, name, parsing.as_numbers, "a number")
    if pt.is_time(column.type) or pt.is_duration(column.type):
        ticks = _floats(column.cast(f"int{column.type.bit_width}"))
        return ticks / (PER_DAY[column.type.unit] / PER_DAY["s"])
    if not (is_number(column.type) or pt.is_boolean(column.type) or pt.is_null(column.type)):
        raise BadTable(
            f"column '{name}' holds {column.type}, not numbers; leave it out or convert it first"
        )
    return _floats(column)


def days(column: Any, name: str) -> NDArray[np.float64]:
    """Return dates as days since 1970-01-01 (UTC where a zone is given), NaN where missing.

    Examples
    --------
    >>> import pyarrow as pa
    >>> days(pa.chunked_array([["1970-01-02", "1970-01-03T12:00"]]), "day")
    array([1. , 2.5])
    """
    import pyarrow.types as pt

    column = decoded(column)
    if is_text(column.type):
        column = _read_text(column, name, parsing.as_dates, "a date such as 2024-01-31")
    if pt.is_timestamp(column.type):
        return _floats(column.cast("int64")) / PER_DAY[column.type.unit]
    if not (pt.is_date(column.type) or pt.is_null(column.type)):
        raise BadTable(f"column '{name}' holds {column.type}, not dates; convert it first")
    return _floats(column.cast("date32").cast("int32"))


def truths(column: Any, name: str) -> NDArray[np.float64]:
    """Return a column as 1 (true) and 0 (false), NaN where missing.

    Booleans, the numbers 0 and 1, and the words of ``YES`` and ``NO`` are understood.

    Examples
    --------
    >>> import pyarrow as pa
    >>> truths(pa.chunked_array([["yes", "No", None]]), "smoker")
    array([ 1.,  0., nan])
    """
    column = decoded(column)
    wanted = "true or false (or yes and no, or 1 and 0)"
    if is_text(column.type):
        column = _read_text(column, name, lambda text: parsing.as_words(text, YES, NO), wanted)
    values = numbers(column, name)
    wrong = ~np.isnan(values) & (values != 0.0) & (values != 1.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadTable(f"row {row + 1} of column '{name}' holds {values[row]:g}, not {wanted}")
    return values


def texts(column: Any, name: str, like: Sequence[str] = ()) -> Any:
    """Return a column as text: whole numbers as "7", booleans as "true", empty text as null.

    Where ``like`` holds numbers only, text is brought into their form: "7.0" becomes "7".

    Examples
    --------
    >>> import pyarrow as pa
    >>> texts(pa.chunked_array([[7.0, 0.5, None]]), "x").to_pylist()
    ['7', '0.5', None]
    >>> texts(pa.chunked_array([["7.0", "b"]]), "x", like=("7", "8")).to_pylist()
    ['7', 'b']
    """
    import pyarrow as pa
    import pyarrow.types as pt

    column = decoded(column)
    if is_text(column.type):
        column = parsing.without(column, ("",))
        if not like or any(number_text(label) != label for label in like):
            return column
    elif pt.is_nested(column.type) or pt.is_binary(column.type):
        raise BadTable(f"column '{name}' holds {column.type}, not categories; leave it out")
    codes = column.dictionary_encode().combine_chunks()
    spelled = [number_text(value) for value in codes.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(spelled, "string").take(codes.indices)])


def number_text(value: Any) -> str | None:
    """Spell a value so that equal numbers of any type have the same text.

    Text is a number as it is in tables: "1_0" is not 10, and "٧" is not 7.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if number != number:
        return None
    whole = number.is_integer() and abs(number) < 2.0**53
    return str(int(number)) if whole else repr(value if isinstance(value, int) else number)


def is_text(type_: Any) -> bool:
    """Whether a column of this pyarrow type holds text."""
    import pyarrow.types as pt

    return bool(pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_))


def is_number(type_: Any) -> bool:
    """Whether a column of this pyarrow type holds integers, floats or decimals."""
    import pyarrow.types as pt

    return bool(pt.is_integer(type_) or pt.is_floating(type_) or pt.is_decimal(type_))


def decoded(column: Any) -> Any:
    """Return a dictionary-encoded column as its values, and any text as plain strings."""
    import pyarrow.types as pt

    if pt.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast("string") if pt.is_string_view(column.type) else column


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return what a message adds about a name that is not there.

    Examples
    --------
    >>> did_you_mean("specie", ["species", "island"])
    "did you mean 'species'? The columns are: species, island"
    """
    names = list(names)
    close = get_close_matches(name, names, n=1) or [n for n in names if n.lower() == name.lower()]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = f"the columns are: {', '.join(names[:SHOWN])}{more}"
    return f"did you mean '{close[0]}'? T{listed[1:]}" if close else listed


def _floats(column: Any) -> NDArray[np.float64]:
    values = column.cast("double", safe=False).to_numpy()
    return np.asarray(values, dtype=np.float64)


def _read_text(text: Any, name: str, read: Callable[[Any], Any], wanted: str) -> Any:
    """Read text as values, or name the first cell that cannot be read, found by bisection."""
    found = read(text)
    if found is not None:
        return found
    good, bad = 0, len(text)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if read(text.slice(0, middle)) is None else (middle, bad)
    value = str(text[bad - 1].as_py())
    shown = value if len(value) <= 40 else f"{value[:37]}..."
    raise BadTable(f"row {bad} of column '{name}' holds {shown!r}, which is not {wanted}")
