"""A model as one SELECT, which scores a table inside its database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.columns import Column
from chainrule.errors import BadSetting
from chainrule.exporting.samples import Samples, least, used
from chainrule.exporting.spelling import comment
from chainrule.exporting.sqldialect import Dialect, dialect_of, most, number, quoted, text
from chainrule.exporting.sqlnetworks import Scored, duckdb, postgresql, sqlite

PREDICTION = "prediction"
MOST_BYTES = 63  # of a name in PostgreSQL
MOST_OUTPUTS = 1500  # PostgreSQL has 1664 columns of a result
EXPECTED = "chainrule_expected"
ROW = "chainrule_row"
ROWIDS = ("rowid", "oid", "_rowid_")


def query(model: Any, dialect: str, table: str | Sequence[str], key: str | None = None) -> str:
    """Return a SELECT of a table's rows with the model's predictions.

    After the columns of the table come ``prediction``, and for classes the probability of each,
    ``p_`` and its name; with intervals ``lower`` and ``upper``. Numbers are NULL (or NaN) where
    they are missing, and so is empty text; dates are DATE or TIMESTAMP, in SQLite ISO text.
    Text in a column of numbers counts as 0 in SQLite, and is an error in the others. PostgreSQL
    has no infinity that comes of arithmetic: cells so far away that scores overflow are an error.

    Parameters
    ----------
    model : chainrule.Model
    dialect : {"sqlite", "postgresql", "duckdb"}
    table : str or sequence of str
        Its name, with the schema before it as ``("public", "houses")``.
    key : str, optional
        A column to select in place of all. SQLite needs one where a table has no rowid: for
        a view, or a table WITHOUT ROWID.

    Raises
    ------
    BadSetting
        If the dialect is unknown, a layer is too wide for it, or a name has a NUL in it.

    Examples
    --------
    >>> from chainrule import fit
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=2, ensemble=1, hidden_layer_sizes=())
    >>> print(query(model, "duckdb", "birds").splitlines()[-2])
    p.m2 AS "p_Gentoo"
    """
    spelled = dialect_of(dialect)
    names = [table] if isinstance(table, str) else list(table)
    return _query(model, dialect, spelled, ".".join(map(quoted, names)), key, _rowid(model))


def self_test(model: Any, dialect: str, samples: Samples) -> str:
    """Return a SELECT of one number: the largest difference from what the model gives for rows.

    It needs no table. Differences are relative to the expected number, and to no less than
    ``samples.least``.
    """
    spelled = dialect_of(dialect)
    if dialect == "sqlite":
        model, samples = _nameable(model, samples)
    rows = _rows(model, dialect, spelled, samples)
    whole = _query(model, dialect, spelled, rows, None, ROW)
    count = samples.outputs.shape[1]
    names = output_names(model)
    found = [names[0]] if model.spec.target.task == "regression" else names[1:]
    smallest, differences = number(least(samples.outputs), spelled), []
    for k in range(count):
        size = f"{spelled.greatest}(abs({EXPECTED}{k}), {smallest})"
        one = f"abs({quoted(found[k])} - {EXPECTED}{k}) / {size}"
        differences.append(f"COALESCE({one}, {spelled.infinity})")
    return f"SELECT max({most(differences, spelled)}) AS largest_difference FROM (\n{whole}) AS s\n"


def run(sql: str, dialect: str) -> list[tuple[Any, ...]] | None:
    """Run a SELECT in an empty database in memory; None where there is none of this dialect."""
    dialect_of(dialect)
    if dialect == "sqlite":
        import sqlite3

        connection = sqlite3.connect(":memory:")
        try:
            connection.execute("SELECT exp(1)")
        except sqlite3.OperationalError:  # built without mathematical functions
            return None
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    if dialect == "duckdb":
        try:
            import duckdb
        except ImportError:
            return None
        found: list[tuple[Any, ...]] = duckdb.connect().execute(sql).fetchall()
        return found
    return None


def output_names(model: Any, key: str | None = None) -> list[str]:
    """Return the names of the columns that the query adds: none is a column of the model.

    Databases tell names apart whatever the case of their letters, and PostgreSQL by their
    first 63 bytes.
    """
    target = model.spec.target
    wished = [PREDICTION]
    if target.task == "classification":
        wished += [f"p_{label}" for label in target.classes]
    elif model.coverage is not None:
        wished += ["lower", "upper"]
    taken = {_key(column.name) for column in model.spec.columns} | {_key(key or "")}
    names = []
    for wish in wished:
        name, count = _cut(wish.replace("\0", " "), ""), 2
        while _key(name) in taken:
            name, count = _cut(wish.replace("\0", " "), f"_{count}"), count + 1
        taken.add(_key(name))
        names.append(name)
    return names


def _key(name: str) -> str:
    return name.casefold()


def _cut(name: str, end: str) -> str:
    room = MOST_BYTES - len(end)
    return name.encode()[:room].decode(errors="ignore") + end


def _rowid(model: Any) -> str:
    """Return one of SQLite's names of a row's number that no column of the model has."""
    taken = {column.name.lower() for column in model.spec.columns}
    return next((name for name in ROWIDS if name not in taken), ROWIDS[0])


def _query(
    model: Any, dialect: str, spelled: Dialect, table: str, key: str | None, row: str
) -> str:
    if model.network.sizes[-1] > MOST_OUTPUTS and dialect == "postgresql":
        raise BadSetting(
            f"{model.network.sizes[-1]} classes are too many for PostgreSQL, which has 1664 "
            "columns of a result; take another database"
        )
    if dialect == "sqlite":
        given = "row_number() OVER ()" if key is not None else f"chainrule_rows.{row}"
        scored = sqlite(model, table, key, given)
    else:
        scored = {"postgresql": postgresql, "duckdb": duckdb}[dialect](model, table, key)
    outputs = zip(_outputs(model, spelled, scored), output_names(model, key), strict=True)
    selected = [scored.columns, *(f"{value} AS {quoted(name)}" for value, name in outputs)]
    return (
        f"{_about(model, spelled)}\nWITH "
        + ",\n".join(scored.tables)
        + "\nSELECT "
        + ",\n".join(selected)
        + f"\nFROM {scored.source}\n"
    )


def _about(model: Any, spelled: Dialect) -> str:
    target = model.spec.target
    return "\n".join([
        f"-- Predicts {comment(target.name)} for each row of a table, in {spelled.title}.",
        f"-- Written by chainrule {__version__}. {len(model.ensemble)} network(s) of "
        f"{'-'.join(map(str, model.network.sizes))}.",
    ])  # fmt: skip


def _outputs(model: Any, spelled: Dialect, scored: Scored) -> list[str]:
    """Return the expressions of the prediction and of what comes with it."""
    target, means = model.spec.target, scored.means
    if target.task == "classification":
        shares = [f"(1e0 - {means[0]})", means[0]] if len(means) == 1 else means
        return [_label(model, spelled, shares, scored.top), *shares]
    scale, mean = number(target.scale, spelled), number(target.mean, spelled)
    made = [means[0]]
    if model.coverage is not None:
        margin = number(float(model.ensemble.margin(model.coverage)[0]), spelled)
        made += [f"({means[0]} - {margin})", f"({means[0]} + {margin})"]
    return [f"({value} * {scale} + {mean})" for value in made]


def _label(model: Any, spelled: Dialect, shares: list[str], top: str) -> str:
    """Return the first of the likeliest classes."""
    labels = _labels(model, spelled)
    if len(shares) == 2:
        no, yes = shares
        return f"CASE WHEN {no} >= {yes} THEN {labels[0]} WHEN {yes} > {no} THEN {labels[1]} END"
    cases = zip(shares, labels, strict=True)
    return f"CASE {' '.join(f'WHEN {share} = {top} THEN {label}' for share, label in cases)} END"


def _labels(model: Any, spelled: Dialect) -> list[str]:
    target = model.spec.target
    if target.class_type == "integer":
        return list(target.classes)
    if target.class_type == "float":
        return [number(float(label), spelled) for label in target.classes]
    if target.class_type == "boolean":
        words = ("0", "1") if spelled is dialect_of("sqlite") else ("FALSE", "TRUE")
        return [words[label == "true"] for label in target.classes]
    return [text(label, spelled) for label in target.classes]


def _rows(model: Any, dialect: str, spelled: Dialect, samples: Samples) -> str:
    """Return rows as a subquery, with their number and the outputs that they must give."""
    selects = []
    for k, expected in enumerate(samples.outputs):
        parts = [
            f"{_cell(column, samples.columns[column.name][k], dialect, spelled)} "
            f"AS {quoted(column.name)}"
            for column in used(model.spec)
        ]
        parts += [
            f"CAST({number(float(value), spelled)} AS {spelled.real}) AS {EXPECTED}{i}"
            for i, value in enumerate(expected)
        ]
        selects.append(f"SELECT {k} AS {ROW}, {', '.join(parts)}")
    return "(" + "\nUNION ALL ".join(selects) + ")"


def _nameable(model: Any, samples: Samples) -> tuple[Any, Samples]:
    """Rename columns called true and false, which SQLite allows in a table, not in a subquery."""
    longer = 1 + max(len(column.name) for column in model.spec.columns)
    called = [c.name for c in model.spec.columns if c.name.lower() in ("true", "false")]
    names = {name: name.ljust(longer) for name in called}
    columns = tuple(replace(c, name=names.get(c.name, c.name)) for c in model.spec.columns)
    cells = {names.get(name, name): cells for name, cells in samples.columns.items()}
    renamed = replace(model, spec=replace(model.spec, columns=columns))
    return renamed, samples._replace(columns=cells)


def _cell(column: Column, cell: Any, dialect: str, spelled: Dialect) -> str:
    kinds = {"numeric": spelled.real, "date": "TIMESTAMP", "boolean": "BOOLEAN"}
    kind = kinds.get(column.kind, "VARCHAR" if dialect == "duckdb" else "TEXT")
    if column.kind == "date" and dialect == "sqlite":
        kind = "TEXT"
    if cell is None:
        return f"CAST(NULL AS {kind})"
    if column.kind == "date":
        moment = np.datetime64(round(cell * 86_400_000), "ms")
        return f"CAST('{str(moment).replace('T', ' ')}' AS {kind})"
    if column.kind == "boolean":
        return str(int(cell)) if dialect == "sqlite" else str(bool(cell)).upper()
    if column.kind == "categorical":
        return f"CAST({text(str(cell), spelled)} AS {kind})"
    return f"CAST({number(float(cell), spelled)} AS {kind})"
