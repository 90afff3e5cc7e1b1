"""The text of a column's cells to values: numbers, booleans, dates, or missing.

Columns are pyarrow ChunkedArrays of strings. A column has a type only if all its
cells have it; the functions give None where one has not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MISSING = (
    *("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN"),
    *("NULL", "Null", "null", "None"),
)
MARKS = ("?", "-", "--", ".")  # missing where everything else in the column is a value
NUMBER_START = re.compile(r"(?i)[+-]?(\d|\.\d|inf|nan)")
DATE_START = re.compile(r"\d{4}-\d\d-\d\d")
GERMAN = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?([eE][+-]?\d+)?$"


def typed(text: Any, kind: str | None = None, decimal_comma: bool = False) -> Any:
    """Give a column of text the type that all its cells have, or that its kind asks for.

    What has no type stays text, without space around it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> text = pa.chunked_array([["1", " 2 ", "?"]])
    >>> typed(text).to_pylist(), typed(text, "categorical").to_pylist()
    ([1, 2, None], ['1', '2', '?'])
    """
    found = None
    if kind in (None, "numeric"):
        found = as_numbers(text, decimal_comma)
    if found is None and kind in (None, "boolean"):
        found = as_words(text, ("true",), ("false",))
    if found is None and kind in (None, "date"):
        found = as_dates(text)
    return _trimmed(text) if found is None else found


def as_numbers(text: Any, decimal_comma: bool = False) -> Any:
    """Return text as int64, else as float64, or None if a cell is no number.

    Space around a number, and ``MARKS`` for a missing one, are understood. With
    ``decimal_comma``, so are ``3,14`` and ``1.234,5`` where all cells are of that form.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_numbers(pa.chunked_array([["1", "2"]])).to_pylist()
    [1, 2]
    >>> as_numbers(pa.chunked_array([["1", " 1.5", "?"]])).to_pylist()
    [1.0, 1.5, None]
    >>> as_numbers(pa.chunked_array([["3,14", "2"]]), decimal_comma=True).to_pylist()
    [3.14, 2.0]
    """
    import pyarrow.compute as pc

    found = _numbers(text)
    if found is not None or _starts_otherwise(text, NUMBER_START):
        return found
    bare = _bare(text)
    found = _numbers(bare)
    if found is None and decimal_comma and pc.all(pc.match_substring_regex(bare, GERMAN)).as_py():
        bare = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
        found = _cast(bare, "double")
    return found


def as_words(text: Any, yes: Sequence[str], no: Sequence[str]) -> Any:
    """Return text as booleans, or None if a cell is, in any case, none of the words.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_words(pa.chunked_array([["True", "false", None]]), ["true"], ["false"]).to_pylist()
    [True, False, None]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _starts_otherwise(text, re.compile(f"(?i)({'|'.join((*yes, *no))})$")):
        return None
    words = pc.ascii_lower(_bare(text))
    true = pc.is_in(words, value_set=pa.array(yes, type=words.type))
    false = pc.is_in(words, value_set=pa.array(no, type=words.type))
    understood = pc.or_(pc.or_(true, false), pc.is_null(words))
    if not pc.all(understood, min_count=0).as_py():
        return None
    return pc.if_else(pc.is_valid(words), true, pa.scalar(None, pa.bool_()))


def as_dates(text: Any) -> Any:
    """Return ISO 8601 text as dates, else as timestamps, or None if a cell is neither.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_dates(pa.chunked_array([["2024-01-31"]])).type
    DataType(date32[day])
    >>> as_dates(pa.chunked_array([["2024-01-31", "2024-01-31T12:00"]])).type
    TimestampType(timestamp[us])
    """
    import pyarrow as pa

    if _starts_otherwise(text, DATE_START):
        return None
    bare = _bare(text)
    moments = [pa.timestamp(unit, zone) for unit in ("us", "ns") for zone in (None, "UTC")]
    for type_ in (pa.date32(), *moments):
        found = _cast(bare, type_)
        if found is not None:
            return found
    return None


def without(text: Any, spellings: Sequence[str]) -> Any:
    """Return text with null in place of the given spellings.

    Examples
    --------
    >>> import pyarrow as pa
    >>> without(pa.chunked_array([["a", ""]]), [""]).to_pylist()
    ['a', None]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_in(text, value_set=pa.array(spellings, type=text.type))
    if not pc.any(missing).as_py():
        return text
    return pc.if_else(missing, pa.scalar(None, text.type), text)


def _numbers(text: Any) -> Any:
    """Cast to float64 first: the cast to int64 also takes the hexadecimal 0x1F."""
    numbers = _cast(text, "double")
    whole = None if numbers is None else _cast(text, "int64")
    return numbers if whole is None else whole


def _cast(text: Any, type_: Any) -> Any:
    import pyarrow as pa

    try:
        return text.cast(type_)
    except pa.ArrowInvalid:
        return None


def _trimmed(text: Any) -> Any:
    """Remove space by the ASCII function: the first call of the other takes 0.2 s."""
    import pyarrow.compute as pc

    return without(pc.ascii_trim_whitespace(text), MISSING)


def _bare(text: Any) -> Any:
    return without(_trimmed(text), MARKS)


def _starts_otherwise(text: Any, pattern: re.Pattern[str]) -> bool:
    """Whether the first cell settles that the column is none of the pattern's."""
    import pyarrow.compute as pc

    place = pc.index(pc.is_valid(text), True).as_py()
    if place < 0:
        return False
    first = text[place].as_py().strip()
    return first not in (*MISSING, *MARKS) and not pattern.match(first)
