"""Every activation with every output, and real tables: C, JavaScript and Python agree.

Of ONNX and SQL, ``test_export_onnx.py`` and ``test_export_sql.py`` hold the same.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import chainrule
from chainrule.datasets import penguins
from chainrule.exporting.samples import in_double, outputs_of
from chainrule.exporting.targets import TOLERANCES

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from agreement import cast, grid
from artefacts import (
    apart,
    by_c,
    by_javascript,
    by_model,
    by_onnx,
    by_python,
    by_sql,
    cells_of,
    roughened,
)

NODE = shutil.which("node")
COMPILERS = {
    "gcc": ("gcc", "-std=c99", "-x", "c"),
    "g++": ("g++", "-std=c++11", "-x", "c++"),
    "clang": ("clang", "-std=c99", "-x", "c"),
    "clang++": ("clang++", "-std=c++11", "-x", "c++"),
}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_activation_with_every_output_in_c(compiler, dtype, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    names, models, rows = zip(*grid(dtype), strict=True)
    found = by_c(models, rows, tmp_path, COMPILERS[compiler], level="-O0")
    for name, model, columns, given in zip(names, models, rows, found, strict=True):
        assert_near(name, model, columns, given)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_every_activation_with_every_output_in_javascript(dtype, tmp_path):
    if NODE is None:
        pytest.skip("node is not installed")
    names, models, rows = zip(*grid(dtype), strict=True)
    found = by_javascript(models, rows, tmp_path)
    for name, model, columns, given in zip(names, models, rows, found, strict=True):
        assert_near(name, model, columns, given, in64=True)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_every_activation_with_every_output_in_python(dtype, tmp_path):
    for name, model, columns in grid(dtype):
        assert_near(name, model, columns, by_python(model, columns, tmp_path), in64=True)


def assert_near(name, model, columns, given, in64=False):
    """In float64, whatever the type of the model; labels are always the model's own."""
    classes = bool(model.spec.target.classes)
    difference, others = apart(given, by_model(model, columns), classes)
    assert others == 0, name
    if in64:
        difference, _ = apart(given, by_model(in_double(model), columns), False)
    within = TOLERANCES["float64" if in64 else str(model.parameters.dtype)]
    assert difference <= within, (name, difference)


def test_a_grid_has_what_is_hard():
    cells, far = [], 0
    for name, model, columns in grid("float64"):
        cells += [cell for column in columns.values() for cell in column]
        far += max(abs(v) for v in columns["number"] if v is not None) > 40
        assert len(np.unique(outputs_of(model, columns)[:, 0])) > 10, name
    assert 1 / 10 < cells.count(None) / len(cells) < 1 / 5
    assert cells.count("never seen before") > 200
    assert far > 40


# a few rows of titanic, mpg and california, with what trips a reader: missing cells, truths, names

TITANIC = {
    "survived": [0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1],
    "sex": ["male", "female", "female", "male", "male", "female"] * 2,
    "age": [22.0, 38.0, None, 35.0, 54.0, 2.0, 27.0, None, 0.42, 80.0, 20.0, None],
    "fare": [7.25, 71.2833, 7.925, 53.1, 8.05, 512.3292, 0.0, 51.8625, 21.075, 11.13, 30.07, 16.7],
    "deck": [None, "C", None, "E", None, "B", "C", None, "E", "B", None, "C"],
    "embark_town": ["Southampton", "Cherbourg", None, "Queenstown"] * 3,
    "adult_male": [True, False, False, True, True, False] * 2,
}
CARS = {
    "mpg": [18.0, 15.0, 26.5, 44.3, 22.0, 9.0, 31.5, 25.0, 13.0, 36.4, 20.2, 29.0],
    "cylinders": [8, 8, 4, 4, 6, 8, 4, 3, 8, 5, 6, 4],
    "horsepower": [130.0, 165.0, None, 48.0, 95.0, 193.0, 71.0, 90.0, 150.0, 67.0, None, 62.0],
    "weight": [3504, 3693, 2515, 2085, 2833, 4732, 1990, 2124, 4997, 2950, 2965, 1845],
    "origin": ["usa", "usa", "europe", "europe", "usa", "usa", "japan", "japan"] + ["usa"] * 4,
}
HOUSES = {
    "median_house_value": [452600.0, 358500.0, 14999.0, 500001.0, 342200.0, 269700.0] * 2,
    "longitude": [-122.23, -122.22, -117.2, -118.3, -124.35, -114.31] * 2,
    "total_rooms": [880.0, 7099.0, 2.0, 39320.0, 1627.0, 919.0] * 2,
    "total_bedrooms": [129.0, 1106.0, None, 6210.0, 280.0, None] * 2,
    "median_income": [8.3252, 0.4999, 7.2574, 15.0001, 3.8462, 4.0368] * 2,
    "ocean_proximity": ["NEAR BAY", "<1H OCEAN", "INLAND", "ISLAND", "NEAR OCEAN", "INLAND"] * 2,
}
TABLES = {
    "survived": pa.table(TITANIC),
    "mpg": pa.table(CARS),
    "origin": pa.table(CARS),
    "median_house_value": pa.table(HOUSES),
    "ocean_proximity": pa.table(HOUSES),
    "species": penguins().take(list(range(0, 344, 5))),
    "body_mass_g": penguins().take(list(range(0, 344, 5))),
}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("target", TABLES)
def test_tables_in_every_language(target, dtype, tmp_path):
    import sqlite3

    import duckdb

    table = TABLES[target]
    known = table.filter(pa.compute.is_valid(table.column(target)))
    settings = {"hidden_layer_sizes": (16, 8)}
    if target == "survived":
        settings["task"] = "classification"
    model = cast(chainrule.fit(known, target, epochs=20, ensemble=3, **settings), dtype)
    rows = cells_of(model, table)
    rough = roughened(model, rows, seed=3)
    columns = {name: rows[name] + rough[name] for name in rows}
    given = {
        "python": by_python(model, columns, tmp_path),
        "onnx": by_onnx(model, columns, tmp_path),
        "sqlite": by_sql(model, columns, "sqlite", sqlite3.connect(":memory:")),
        "duckdb": by_sql(model, columns, "duckdb", duckdb.connect()),
    }
    if NODE:
        given["javascript"] = by_javascript([model], [columns], tmp_path)[0]
    if shutil.which("cc"):
        given["c"] = by_c([model], [columns], tmp_path)[0]
    for name, found in given.items():
        assert_near((target, name), model, columns, found, name not in ("c", "onnx"))


def test_a_wrong_artefact_is_seen(tmp_path):
    name, model, columns = next(iter(grid("float64")))
    given = by_python(model, columns, tmp_path)
    ensemble = replace(model.ensemble, parameters=model.parameters * 1.001)
    with pytest.raises(AssertionError):
        assert_near(name, replace(model, ensemble=ensemble), columns, given)
