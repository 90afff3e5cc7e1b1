"""Run what `chainrule export` writes on many rows at once, and say how far it is from the model.

C is compiled to a shared library, once for all models of a call; databases score a table.
"""

from __future__ import annotations

import ctypes
import datetime
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chainrule import cells
from chainrule.exporting.onnx import graph, outputs_in, run
from chainrule.exporting.onnxinputs import feeds
from chainrule.exporting.samples import UNSEEN, outputs_of, samples, table_of, used
from chainrule.exporting.sql import output_names, query
from chainrule.exporting.sqldialect import quoted
from chainrule.exporting.targets import Options, largest_difference, written
from chainrule.table import labels

C99 = ("cc", "-std=c99", "-x", "c")
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
FAR = (12.0, -40.0)  # standard deviations
TYPES = {
    "sqlite": ("REAL", "TEXT", "INTEGER", "TEXT"),
    "postgresql": ("double precision", "timestamp", "boolean", "text"),
    "duckdb": ("DOUBLE", "TIMESTAMP", "BOOLEAN", "VARCHAR"),
}
KINDS = ("numeric", "date", "boolean", "categorical")
EPOCH = datetime.datetime(1970, 1, 1)
NODE = """
import { readFileSync, writeFileSync } from "node:fs";
const said = [];
for (const [k, rows] of JSON.parse(readFileSync("rows.json", "utf8")).entries()) {
  const m = await import(`./m${k}.mjs`);
  const both = m.predictProba || ((row) => [m.predict(row)]);
  said.push(rows.map((row) => [m.predict(row), both(row)]));
}
writeFileSync("said.json", JSON.stringify(said));
"""
Columns = dict[str, list[Any]]


class Given(NamedTuple):
    """What is said of rows: (rows, K) probabilities or (rows, 1) values; labels or values."""

    outputs: Any
    labels: list[Any]


def by_model(model: Any, columns: Columns) -> Given:
    """Return what an artefact must give."""
    said = model.predict(table_of(model.spec, columns)).tolist()
    return Given(outputs_of(model, columns), said)


def apart(found: Given, expected: Given, classes: bool) -> tuple[float, int]:
    """Return the largest difference, and how many labels are others.

    Where two classes are equally likely, to the last digits of the model's type, either is right.
    """
    different = 0
    if classes:
        second, first = np.sort(expected.outputs, axis=1)[:, -2:].T
        clear = first - second > 4 * np.finfo(expected.outputs.dtype).eps
        each = zip(found.labels, expected.labels, clear, strict=True)
        different = sum(a != b and c for a, b, c in each)
    return largest_difference(
        np.asarray(found.outputs, dtype=np.float64), expected.outputs
    ), different


def cells_of(model: Any, table: Any) -> Columns:
    """Return a table's raw cells, None where one is missing, as artefacts take them."""
    read = model._read(table)
    found: Columns = {}
    for column in used(model.spec):
        values = read.column(column.name)
        if column.kind == "categorical":
            found[column.name] = cells.texts(values, column.name, column.categories).to_pylist()
            continue
        reader = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}
        made = reader[column.kind](values, column.name).tolist()
        truth = column.kind == "boolean"
        found[column.name] = [None if v != v else bool(v) if truth else v for v in made]
    return found


def roughened(model: Any, columns: Columns, seed: int = 0, far: Any = FAR) -> Columns:
    """Return the rows with a seventh of the cells missing, and some far off or never seen."""
    random = np.random.default_rng(seed)
    found = {}
    for column in used(model.spec):
        made = list(columns[column.name])
        for k, turn in enumerate(random.random(len(made))):
            if turn < 1 / 7:
                made[k] = None
            elif turn < 1 / 4 and column.kind == "numeric":
                made[k] = column.mean + float(random.choice(far)) * column.scale
            elif turn < 1 / 4 and column.kind == "categorical":
                made[k] = UNSEEN
        found[column.name] = made
    return found


def by_c(
    models: Sequence[Any],
    rows: Sequence[Columns],
    folder: Path,
    compiler: Sequence[str] = C99,
    level: str = "-O1",
) -> list[Given]:
    """Return what headers in C give, each model's on its own rows."""
    parts = []
    for m, model in enumerate(models):
        (folder / f"m{m}.h").write_text(written(model, "c", Options(f"m{m}"))[".h"])
        parts.append(_all_in_c(model, f"m{m}"))
    (folder / "all.c").write_text("\n".join(parts))
    flags = [*compiler, level, *STRICT, "-fPIC", "-shared"]
    done = subprocess.run(
        [*flags, "all.c", "-o", "all.so", "-lm"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    library = ctypes.CDLL(str(folder / "all.so"))
    return [_called(library, f"m{m}", each, rows[m]) for m, each in enumerate(models)]


def _all_in_c(model: Any, name: str) -> str:
    k, classes = model.spec.target.classes, bool(model.spec.target.classes)
    real = "float" if classes and model.parameters.dtype == np.float32 else "double"
    one = f"best[i] = {name}_predict(rows + i, out + {len(k)} * i);"
    if not classes:
        one = f"out[i] = {name}_predict(rows + i); best[i] = 0;"
    outside = '#ifdef __cplusplus\nextern "C" {\n#endif\n'
    return (
        f'#include "{name}.h"\n{outside}'
        f"void all_{name}(const {name}_row *rows, int n, {real} *out, int *best);\n"
        f"void all_{name}(const {name}_row *rows, int n, {real} *out, int *best)\n"
        f"{{ int i; for (i = 0; i < n; i++) {{ {one} }} }}\n"
        + (
            f"const char *class_{name}(int k);\n"
            f"const char *class_{name}(int k) {{ return {name}_class(k); }}\n"
            if classes
            else ""
        )
        + "#ifdef __cplusplus\n}\n#endif\n"
    )


def _called(library: Any, name: str, model: Any, columns: Columns) -> Given:
    kinds = [(c, ctypes.c_char_p if c.kind == "categorical" else ctypes.c_double)
             for c in used(model.spec)]  # fmt: skip
    row = type("Row", (ctypes.Structure,), {"_fields_": [(f"f{k}", kind) for k, (_, kind)
                                                         in enumerate(kinds)]})  # fmt: skip
    count = len(next(iter(columns.values())))
    made = []
    for column, kind in kinds:
        values = columns[column.name]
        if kind is ctypes.c_double:
            made.append([np.nan if cell is None else float(cell) for cell in values])
        else:
            made.append([None if cell is None else cell.encode() for cell in values])
    array = (row * count)(*(row(*each) for each in zip(*made, strict=True)))
    classes = model.spec.target.classes
    single = bool(classes) and model.parameters.dtype == np.float32
    out = np.empty((count, max(1, len(classes))), np.float32 if single else np.float64)
    best = np.empty(count, np.intc)
    getattr(library, f"all_{name}")(array, count, out.ctypes.data_as(ctypes.c_void_p),
                                    best.ctypes.data_as(ctypes.c_void_p))  # fmt: skip
    if not classes:
        return Given(out, out[:, 0].tolist())
    spell = getattr(library, f"class_{name}")
    spell.restype = ctypes.c_char_p
    names = [spell(k).decode() for k in range(len(classes))]
    assert tuple(names) == classes, names
    return Given(out, labels(model.spec, best).tolist())


def by_javascript(models: Sequence[Any], rows: Sequence[Columns], folder: Path) -> list[Given]:
    """Return what ES modules give in node, each model's on its own rows."""
    for m, model in enumerate(models):
        (folder / f"m{m}.mjs").write_text(written(model, "javascript", Options("m"))[".mjs"])
    (folder / "rows.json").write_text(json.dumps([_rows(columns) for columns in rows]))
    (folder / "all.mjs").write_text(NODE)
    done = subprocess.run(["node", "all.mjs"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [
        Given(np.array([each[1] for each in found], np.float64), [each[0] for each in found])
        for found in json.loads((folder / "said.json").read_text())
    ]


def by_python(model: Any, columns: Columns, folder: Path) -> Given:
    """Return what the Python file gives."""
    space: dict[str, Any] = {"__name__": "m"}
    exec(written(model, "python", Options("m"))[".py"], space)
    rows = _rows(columns)
    said = [space["predict"](row) for row in rows]
    if not model.spec.target.classes:
        return Given(np.array(said)[:, None], said)
    return Given(np.array([space["predict_proba"](row) for row in rows]), said)


def by_onnx(model: Any, columns: Columns, folder: Path) -> Given:
    """Return what onnxruntime gives."""
    found = run(graph(model, samples(model)), feeds(model.spec, columns))
    assert found is not None, "onnxruntime is not installed"
    return Given(outputs_in(found), found[next(iter(found))].tolist())


def by_sql(model: Any, columns: Columns, dialect: str, connection: Any) -> Given:
    """Return what a database gives of a table of the rows."""
    types = dict(zip(KINDS, TYPES[dialect], strict=True))
    declared = [f"{quoted(c.name)} {types[c.kind]}" for c in used(model.spec)]
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS t")
    cursor.execute(f"CREATE TEMP TABLE t (chainrule_k INTEGER, {', '.join(declared)})")
    made = [[_kept(c.kind, cell, dialect) for cell in columns[c.name]] for c in used(model.spec)]
    marks = ", ".join(["%s" if dialect == "postgresql" else "?"] * (len(made) + 1))
    rows = [(k, *row) for k, row in enumerate(zip(*made, strict=True))]
    cursor.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    found = sorted(cursor.execute(query(model, dialect, "t", key="chainrule_k")).fetchall())
    assert [row[0] for row in found] == list(range(len(rows)))
    first = 2 if model.spec.target.classes else 1
    end = len(output_names(model)) + 1 if first == 2 else 2
    return Given(np.array([row[first:end] for row in found]), [row[1] for row in found])


def _kept(kind: str, cell: Any, dialect: str) -> Any:
    if cell is None or kind in ("numeric", "categorical"):
        return cell
    if kind == "boolean":
        return int(cell) if dialect == "sqlite" else cell
    moment = EPOCH + datetime.timedelta(milliseconds=round(cell * 86_400_000))
    return moment.isoformat(sep=" ", timespec="milliseconds") if dialect == "sqlite" else moment


def _rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def runners(postgresql: str | None = None) -> dict[str, Callable[[Any, Columns, Path], Given]]:
    """Return what can run here, by name."""
    found: dict[str, Callable[[Any, Columns, Path], Given]] = {}
    for name, command in (
        ("gcc", ("gcc", "-std=c99", "-x", "c")),
        ("g++", ("g++", "-std=c++11", "-x", "c++")),
        ("clang", ("clang", "-std=c99", "-x", "c")),
        ("clang++", ("clang++", "-std=c++11", "-x", "c++")),
    ):
        if shutil.which(command[0]):
            found[name] = lambda m, rows, at, c=command: by_c([m], [rows], at, c)[0]
    if shutil.which("node"):
        found["JavaScript"] = lambda m, rows, at: by_javascript([m], [rows], at)[0]
    found["Python"], found["ONNX"] = by_python, by_onnx
    found["SQLite"] = lambda m, rows, at: by_sql(m, rows, "sqlite", sqlite3.connect(":memory:"))
    if postgresql is not None:
        import psycopg

        server = psycopg.connect(postgresql, autocommit=True, prepare_threshold=None)
        found["PostgreSQL"] = lambda m, rows, at: by_sql(m, rows, "postgresql", server)
    import duckdb

    found["DuckDB"] = lambda m, rows, at: by_sql(m, rows, "duckdb", duckdb.connect())
    return found
