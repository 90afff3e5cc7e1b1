"""Delimited text to a table: encoding, delimiter, header, cells, and the type of each column.

Types are decided over the whole file: every cell is read as text first, and a
column has a type only if all its cells have it.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from chainrule import parsing
from chainrule.errors import BadTable

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 100  # rows that the delimiter is told from
CHUNK = 1 << 24
BLOCK, LARGEST_BLOCK = 1 << 22, (1 << 31) - 1  # bytes that pyarrow takes at once


def parse(data: bytes, where: str, kinds: Mapping[str, str]) -> Any:
    r"""Return the table in the bytes of a delimited text file.

    Parameters
    ----------
    data : bytes
        Not empty, and no longer compressed.
    where : str
        What messages call the file.
    kinds : mapping of str to str
        The kind of some columns, which are not decided from the parsing.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    BadTable
        If the text is no table, naming the line.

    Examples
    --------
    >>> parse(b"x;y\n1;2,5\n;3\n", "example", {}).to_pydict()
    {'x': [1, None], 'y': [2.5, 3.0]}
    """
    import pyarrow as pa

    text = _utf8(data, where)
    delimiter, header = _layout(text)
    names = _names(header, where)
    if b"\n" not in text and b"\r" not in text:
        raise BadTable(f"{where} has column names but no rows")
    table = _read(text, delimiter, names, where)
    comma = delimiter != ","
    columns = {name: parsing.typed(table.column(name), kinds.get(name), comma) for name in names}
    return pa.table(columns)


def _utf8(data: bytes, where: str) -> bytes:
    """Return text as UTF-8 without a byte order mark; what is not Unicode is cp1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise BadTable(f"{where} is no valid UTF-16; save it as UTF-8") from None
    zero = data.find(b"\0")
    if zero >= 0:
        raise BadTable(
            f"{where} has a NUL byte in line {_line(data, zero)}, so it is no text; save it as "
            "CSV in UTF-8"
        )
    data = data.removeprefix(codecs.BOM_UTF8)
    if not _is_utf8(data):
        try:
            data = data.decode("cp1252").encode()
        except UnicodeDecodeError:
            data = data.decode("latin-1").encode()
    if not re.search(rb"\S", data):
        raise BadTable(f"{where} is empty; it needs a line of column names, and rows")
    return data


def _is_utf8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), CHUNK):
            decoder.decode(view[start : start + CHUNK], start + CHUNK >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _layout(text: bytes) -> tuple[str, list[str]]:
    """Return the delimiter that gives most rows as many fields as the header, and the header."""
    best, found = (-1.0, 0), (",", [""])
    for delimiter in DELIMITERS:
        rows = [fields for fields, _ in islice(_rows(text, delimiter), SAMPLE)]
        fits = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        score = (round(fits, 2), len(rows[0])) if len(rows[0]) > 1 else (0.0, 1)
        if score > best:
            best, found = score, (delimiter, [name.decode() for name in rows[0]])
    return found


def _rows(text: bytes, delimiter: str, position: int = 0) -> Iterator[tuple[list[bytes], bool]]:
    """Give each row's fields, and whether its quotes are closed; split as pyarrow splits."""
    d = re.escape(delimiter.encode())
    pattern = rb'(?:"((?:[^"]++|"")*+)("|\Z))?([^\r\n%b]*)(%b|\r\n|\r|\n|\Z)' % (d, d)
    field = re.compile(pattern)
    fields, ended = [], False
    while not ended:
        match = field.match(text, position)
        assert match  # each part of the pattern can be empty
        inside, quote, rest, after = match.groups()
        fields.append((inside or b"").replace(b'""', b'"') + rest)
        closed, ended, position = quote != b"", after == b"", match.end()
        if after != delimiter.encode():
            if inside is not None or fields != [b""]:
                yield fields, closed
            fields = []


def _names(header: list[str], where: str) -> list[str]:
    """Return the column names; a column without one is called ``column_3`` by its place."""
    names = [name.strip() or f"column_{i + 1}" for i, name in enumerate(header)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [str(i + 1) for i, name in enumerate(names) if name == twice[0]]
        raise BadTable(
            f"{where} has the column name '{twice[0]}' at positions {', '.join(places)}; names "
            "must differ, and the first line must hold them"
        )
    return names


def _read(text: bytes, delimiter: str, names: list[str], where: str) -> Any:
    """Return all cells as strings, null where they are missing."""
    import pyarrow as pa

    found = None
    try:
        table = _strings(text, delimiter, names)
    except pa.ArrowInvalid as error:
        found = _complaint(text, delimiter, len(names), where)
        found = found or f"{where} cannot be read as delimited text: {error}"
    else:
        if _may_end_in_quotes(text, table.column(-1), delimiter):
            found = _complaint(text, delimiter, len(names), where)
        if not found and table.num_rows == 0:
            found = f"{where} has column names but no rows"
    if found:
        raise BadTable(found)
    return table


def _strings(text: bytes, delimiter: str, names: list[str], block: int = BLOCK) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    blank = re.match(rb"[\r\n]*", text)
    before = _line(text, blank.end()) if blank else 1
    try:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(
                column_names=names,
                skip_rows_after_names=before,
                block_size=min(block, len(text) + 1),
            ),
            csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in text),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=parsing.MISSING,
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if "straddling" in str(error) and block < len(text):  # a row is longer than a block
            return _strings(text, delimiter, names, LARGEST_BLOCK)
        raise


def _complaint(text: bytes, delimiter: str, n_names: int, where: str) -> str | None:
    """Say what is wrong in the first line that is no row of the table, by a second look."""
    d = re.escape(delimiter.encode())
    field = rb'(?:"(?:[^"]++|"")*+"|(?!"))[^\r\n%b]*+' % d
    rows = rb"(?:(?:%b(?:%b%b){%d})?(?:\r\n|\r|\n|\Z))*+" % (field, d, field, n_names - 1)
    good = re.match(rows, text)
    if not good or good.end() == len(text):
        return None
    fields, closed = next(_rows(text, delimiter, good.end()))
    place = f"{where}, line {_line(text, good.end())}"
    if not closed:
        return f"{place}: a quote opens and is never closed; close or remove it"
    return (
        f"{place}: {len(fields)} fields where the header has {n_names}; add or remove some, or "
        f"put quotes around text that holds the delimiter {delimiter!r}"
    )


def _line(text: bytes, position: int) -> int:
    """Return the number of the line that a position is in."""
    return 1 + (text.count(b"\n", 0, position) or text.count(b"\r", 0, position))


def _may_end_in_quotes(text: bytes, last_column: Any, delimiter: str) -> bool:
    """Whether the last cell may be the inside of a quote that nothing closes."""
    if b'"' not in text:
        return False
    last = last_column[-1].as_py() if len(last_column) else None
    if text.count(b'"') % 2 or last is None:
        return True
    inside = b'"' + last.replace('"', '""').encode()
    return text.endswith(tuple(before + inside for before in (delimiter.encode(), b"\n", b"\r")))
