"""The tables on offer: toys, those that the package brings, those given, those uploaded."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.cells import did_you_mean
from chainrule.columns import Target
from chainrule.datasets import penguins
from chainrule.errors import BadTable
from chainrule.playing.choices import LIMITS, BadChoice, Data
from chainrule.playing.toys import TOYS, toy
from chainrule.reading import GZIP, PARQUET, read_table, table_from_bytes
from chainrule.target import known_rows, learn_target

UNPACKED = 512 << 20  # bytes of a table that came compressed
LINE = 1 << 20  # bytes of a line
DELIMITERS = (b",", b";", b"\t", b"|")


@dataclass(frozen=True, eq=False)
class Source:
    """A table on offer.

    Attributes
    ----------
    key : str
        Such as "toy:moons", "shipped:penguins" or "table:<name>".
    title : str
        For people.
    kind : {"toy", "shipped", "table"}
    table : pyarrow.Table or None
        None for a toy, which is drawn as the choices say.
    target : str
        The column that is predicted where nothing else is chosen.
    columns : tuple of str
        The columns that may be the target.
    """

    key: str
    title: str
    kind: str
    table: Any
    target: str
    columns: tuple[str, ...]


def shelf(given: Mapping[str, Any] | None = None) -> dict[str, Source]:
    """Return the tables that are there from the start, by key.

    Parameters
    ----------
    given : mapping of str to table, optional
        Tables of the command line, by name: paths, or frames.

    Raises
    ------
    BadTable
        If a given table cannot be read, or is too large.

    Examples
    --------
    >>> list(shelf())[-2:], shelf()["shipped:penguins"].target
    (['shipped:penguins', 'shipped:document'], 'species')
    """
    found = {}
    for name, about in TOYS.items():
        target = "label" if about.points else "value"
        key = f"toy:{name}"
        found[key] = Source(key, about.title, "toy", None, target, (target,))
    found |= {
        source.key: source
        for source in (
            _held("shipped:penguins", "Palmer penguins", "shipped", penguins(), "species"),
            _held("shipped:document", "the document's neuron", "shipped", neuron_table(), "y"),
        )
    }
    for name, table in (given or {}).items():
        found |= {(source := table_source(name, table)).key: source}
    return found


def neuron_table() -> Any:
    """Return a table for the source document's neuron: three inputs, and what most of them say.

    The document has no data. These are all eight rows of three inputs that are 1 or -1, so
    that the columns have mean 0 and deviation 1 and reach the neuron as they are.

    Examples
    --------
    >>> neuron_table().to_pylist()[1]
    {'x1': -1.0, 'x2': -1.0, 'x3': 1.0, 'y': 0}
    """
    import pyarrow as pa

    rows = list(product((-1.0, 1.0), repeat=3))
    inputs = {f"x{i + 1}": [row[i] for row in rows] for i in range(3)}
    return pa.table(inputs | {"y": [int(sum(row) > 0) for row in rows]})


def table_source(name: str, table: Any, target: str | None = None) -> Source:
    r"""Return a source of a table: a path, a frame, or the bytes of a file.

    Parameters
    ----------
    name : str
        The name of a file; folders and endings are left out.
    table : path, data frame or bytes
    target : str, optional
        Default: the last column that can be predicted.

    Raises
    ------
    BadTable
        If it cannot be read, is too large, or has not two columns.

    Examples
    --------
    >>> source = table_source("heights.csv", b"age,height\n3,95\n4,102\n")
    >>> source.key, source.target, source.table.num_rows
    ('table:heights', 'height', 2)
    """
    short = name_of(name)
    table = _from_bytes(table, short) if isinstance(table, bytes) else read_table(table)
    _check_size(short, table.num_rows, table.num_columns)
    if table.num_columns < 2:
        raise BadTable(
            f"{short} has only the column '{table.column_names[0]}'; a target and a column to "
            "predict it from are needed"
        )
    names = table.column_names
    if target is not None and target not in names:
        raise BadTable(f"{short} has no column '{target}'; {did_you_mean(target, names)}")
    return _held(f"table:{short}", short, "table", table, target or _usual_target(table))


def _usual_target(table: Any) -> str:
    for name in reversed(table.column_names):
        with suppress(BadTable, BadChoice):
            return goal_of(table, name).name
    return str(table.column_names[-1])


def goal_of(table: Any, target: str, task: str | None = None) -> Target:
    """Return what the target is: its task and its classes.

    Examples
    --------
    >>> from chainrule.datasets import penguins
    >>> goal_of(penguins(), "species").classes
    ('Adelie', 'Chinstrap', 'Gentoo')
    """
    known = known_rows(table, target)
    if not known.any():
        raise BadTable(f"no row of {table.num_rows} has a value in the target column '{target}'")
    rows = table.filter(known)
    every = np.ones(rows.num_rows, dtype=np.bool_)
    try:
        return learn_target(rows.column(target), target, task, every, every)[0]
    except BadTable as error:
        raise BadChoice(str(error), "data.task" if task else "data.target") from None


def name_of(path: str) -> str:
    r"""Return the name of a file, without folders and endings.

    Examples
    --------
    >>> name_of("C:\\data\\heights.csv.gz"), name_of("../.csv")
    ('heights', 'table')
    """
    name = Path(path.replace("\\", "/")).name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet", ".pq"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    legible = "".join(c for c in name if c.isprintable()).strip(". ")
    return legible[:100] or "table"


def table_of(source: Source, data: Data) -> Any:
    """Return the table of a source: a toy's is drawn by the choices.

    Examples
    --------
    >>> table_of(shelf()["toy:plane"], Data(rows=20)).num_rows
    20
    """
    if source.kind != "toy":
        return source.table
    name = source.key.removeprefix("toy:")
    return toy(name, rows=data.rows, noise=data.noise, seed=data.seed, classes=data.classes)


def find(sources: Mapping[str, Source], key: str) -> Source:
    """Return a source, or say that there is none.

    Examples
    --------
    >>> find(shelf(), "toy:moon")
    Traceback (most recent call last):
        ...
    chainrule.playing.readers.BadChoice: there is no table 'toy:moon'; there are toy:moons, ...
    """
    if key not in sources:
        known = ", ".join(list(sources)[:20])
        raise BadChoice(f"there is no table {key[:100]!r}; there are {known}", "data.source")
    return sources[key]


def _held(key: str, title: str, kind: str, table: Any, target: str) -> Source:
    return Source(key, title, kind, table, target, tuple(table.column_names))


def _from_bytes(data: bytes, name: str) -> Any:
    """Read what was uploaded; what claims too much is refused before it takes memory."""
    most = int(LIMITS["upload_bytes"])
    if len(data) > most:
        raise BadTable(f"{name} has {len(data):,} bytes; {most:,} are the most")
    data = _unpacked(data, name)
    if data.startswith(PARQUET):
        _check_parquet(data, name)
    else:
        _check_text(data, name)
    return table_from_bytes(data, name, {})


def _unpacked(data: bytes, name: str) -> bytes:
    if not data.startswith(GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(UNPACKED + 1)
    except EOFError:
        raise BadTable(f"{name} is gzipped and cut short; get it again") from None
    except (OSError, zlib.error) as error:
        raise BadTable(f"{name} is gzipped and damaged ({error}); get it again") from None
    if len(unpacked) > UNPACKED:
        raise BadTable(f"{name} unpacks to more than {UNPACKED >> 20} MiB, the most here")
    if unpacked.startswith(GZIP):
        raise BadTable(f"{name} is gzipped twice; unpack it once")
    return unpacked


def _check_text(data: bytes, name: str) -> None:
    """Refuse what is no table of the size that is taken, before reading takes minutes over it.

    A cell in quotes may hold delimiters and ends of lines, so there is room for many of them.
    """
    rows, columns = int(LIMITS["rows"]), int(LIMITS["columns"])
    fields = max(data[:LINE].split(b"\n", 1)[0].count(mark) for mark in DELIMITERS) + 1
    lines = max(data.count(b"\n"), data.count(b"\r"))
    _check_size(name, lines if lines > 10 * rows else 0, fields if fields > 10 * columns else 0)
    if max(data.count(mark) for mark in DELIMITERS) > rows * columns:
        raise BadTable(f"{name} has more cells than {rows:,} rows of {columns} columns, the most")
    start, number = 0, 1
    while start + LINE < len(data):
        end = max(data.rfind(mark, start, start + LINE) for mark in (b"\n", b"\r"))
        if end < 0:
            raise BadTable(
                f"{name} has a line of more than {LINE >> 20} MiB after line {number:,}; is it a "
                "table of text?"
            )
        number += data.count(b"\n", start, end + 1)
        start = end + 1


def _check_parquet(data: bytes, name: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        about = parquet.ParquetFile(pa.BufferReader(data)).metadata
        _check_size(name, about.num_rows, about.num_columns)
        if _values(about) > LIMITS["rows"] * LIMITS["columns"]:
            raise BadTable(f"{name} has lists of too many values in its cells; leave them out")
        claimed = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if claimed > UNPACKED or _bytes_of_texts(data) > UNPACKED:
            raise BadTable(f"{name} unpacks to more than {UNPACKED >> 20} MiB, the most here")
    except (pa.ArrowException, OSError):
        return  # reading says what is wrong with it


def _values(about: Any) -> int:
    """Return how many values a Parquet file has, those of lists in its cells too."""
    groups = (about.row_group(i) for i in range(about.num_row_groups))
    return sum(group.column(k).num_values for group in groups for k in range(group.num_columns))


def _bytes_of_texts(data: bytes) -> int:
    """Return how long the texts of a Parquet file are, without writing out those that repeat."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt
    from pyarrow import parquet

    schema = parquet.read_schema(pa.BufferReader(data))
    of_text = (pt.is_string, pt.is_large_string, pt.is_binary, pt.is_large_binary)
    names = [entry.name for entry in schema if any(has(entry.type) for has in of_text)]
    file = parquet.ParquetFile(pa.BufferReader(data), read_dictionary=names)
    total = 0
    for group, name in product(range(file.num_row_groups), names):
        for chunk in file.read_row_group(group, columns=[name]).column(name).chunks:
            lengths = pc.fill_null(pc.binary_length(chunk.dictionary), 0).to_numpy()
            total += int(lengths[chunk.indices.drop_null().to_numpy()].sum(dtype=np.int64))
    return total


def _check_size(name: str, rows: int, columns: int) -> None:
    for found, what in ((rows, "rows"), (columns, "columns")):
        most = int(LIMITS[what])
        if found > most:
            raise BadTable(
                f"{name} has {found:,} {what}, and the playground takes {most:,}; chainrule train "
                "takes them all"
            )
