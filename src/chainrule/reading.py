"""Read a table from a file, from standard input, or from a data frame."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from chainrule import csvfile, parsing
from chainrule.errors import BadTable

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
OTHERS = {
    b"PK\x03\x04": "a zip file or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x80\x04\x95": "a pickle",
    b"\x93NUMPY": "a NumPy array",
    b"%PDF": "a PDF",
}


def read_table(source: Any, *, columns: Mapping[str, str] | None = None) -> Any:
    """Read a table, with types that are decided over all of it.

    A file's format is told from its first bytes, not from its name: Parquet, or
    delimited text with ``,`` ``;`` tab or ``|``, either of them also gzipped. Text
    is UTF-8 or UTF-16 with a byte order mark; what is not valid UTF-8 to its end
    is read as Windows-1252. The first line holds the column names; a column
    without one is called by its place, such as ``column_3``.

    A column of text becomes whole numbers, else numbers, else booleans (true and
    false), else ISO 8601 dates, if all its cells can; else it stays text, without
    space around it. Missing are: an empty cell, NA, N/A, n/a, #N/A, <NA>, NaN,
    nan, NAN, NULL, Null, null and None; and in a column whose other cells are
    numbers, booleans or dates also ``?``, ``-``, ``--`` and ``.``. A decimal comma
    is understood where the comma is not the delimiter.

    Parameters
    ----------
    source : str, path, or data frame
        ``"-"`` is standard input. Frames are those of pandas, polars and pyarrow
        and others that narwhals knows; a pandas index is not a column. Their types
        are kept; a column of mixed Python objects is read as text.
    columns : mapping of str to str, optional
        The kind of some columns (``TableSpec.kinds``), so that a file is read as
        the one that was trained on.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    BadTable
        If the source cannot be read, naming file and line.

    Examples
    --------
    >>> from chainrule.datasets import penguins_path
    >>> read_table(penguins_path()).schema.field("body_mass_g").type
    DataType(double)
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if name == "-":
            return table_from_bytes(sys.stdin.buffer.read(), "standard input", columns or {})
        return table_from_bytes(_bytes_of(name), os.fsdecode(name), columns or {})
    return _from_frame(source)


def _bytes_of(path: str | bytes) -> bytes:
    shown = os.fsdecode(path)
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise BadTable(f"there is no file {shown}") from None
    except IsADirectoryError:
        raise BadTable(f"{shown} is a folder; give one file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadTable(f"{shown} cannot be read: {reason}") from None


def table_from_bytes(data: bytes, where: str, kinds: Mapping[str, str]) -> Any:
    """Read a table from the bytes of a file; ``where`` is what messages call it."""
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except EOFError:
            raise BadTable(f"{where} is gzipped and cut short; get it again") from None
        except (OSError, zlib.error) as error:
            raise BadTable(f"{where} is gzipped and damaged ({error}); get it again") from None
    if not data:
        raise BadTable(f"{where} is empty; it needs a line of column names, and rows")
    if data.startswith(PARQUET):
        return _from_parquet(data, where)
    for magic, what in OTHERS.items():
        if data.startswith(magic):
            raise BadTable(f"{where} is {what}; save the table as CSV or Parquet")
    return csvfile.parse(data, where, kinds)


def _from_parquet(data: bytes, where: str) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise BadTable(f"{where} is a damaged Parquet file ({first}); write it again") from None
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    table = table.drop_columns(index)
    if table.num_rows == 0 or table.num_columns == 0:
        raise BadTable(f"{where} has {table.num_columns} columns and {table.num_rows} rows")
    _check_unique(table.column_names, where)
    return table


def _from_frame(source: Any) -> Any:
    import narwhals as nw
    import pyarrow as pa

    if isinstance(source, pa.RecordBatch):
        source = pa.Table.from_batches([source])
    if isinstance(source, pa.Table):
        _check_unique(source.column_names, "the table")
        return source
    try:
        frame = nw.from_native(source)
    except nw.exceptions.DuplicateError:
        _check_unique([str(name) for name in source.columns], "the table")
        raise
    except TypeError:
        raise BadTable(
            f"a {type(source).__module__}.{type(source).__qualname__} is no table; give the path "
            "of a CSV or Parquet file, '-', or a frame of pandas, polars or pyarrow"
        ) from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    names = [str(name) for name in frame.columns]
    _check_unique(names, "the table")
    arrays = [_arrow(frame, place, name) for place, name in enumerate(names)]
    return pa.table(dict(zip(names, arrays, strict=True)))


def _arrow(frame: Any, place: int, name: str) -> Any:
    """Return one column of a frame; mixed Python objects are read as text would be."""
    import narwhals as nw
    import pyarrow as pa

    series = frame[:, place]
    try:
        return series.to_arrow()
    except (pa.ArrowException, TypeError, OverflowError) as error:
        if series.dtype != nw.Object:
            first = str(error).splitlines()[0]
            raise BadTable(f"column '{name}' cannot be read: {first}; convert it first") from None
    missing = series.is_null().to_list()
    text = [None if m else str(v) for m, v in zip(missing, series.to_list(), strict=True)]
    return parsing.typed(pa.chunked_array([pa.array(text, "string")]))


def _check_unique(names: list[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            places = ", ".join(str(i + 1) for i, other in enumerate(names) if other == name)
            raise BadTable(
                f"{where} has the column name '{name}' at positions {places}; names must differ"
            )
