"""Tables to numbers and back: what is decided, what it becomes, and what is refused."""

import copy
import datetime as dt
import json
from dataclasses import asdict
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.datasets import penguins, penguins_path
from chainrule.errors import BadModelFile, BadSetting, BadTable
from chainrule.reading import read_table
from chainrule.table import (
    Column,
    TableSpec,
    Target,
    feature_names,
    features,
    in_target_units,
    known_rows,
    labels,
    learn_columns,
    summary_rows,
    target_values,
)

N = 40
Y = [0.5 * i * i for i in range(N)]


def learned(values, type_=None, name="x", **settings_):
    """Learn one column beside a target of 40 different numbers."""
    table = pa.table(
        {name: pa.array(values, type_), "y": Y[: len(values)], "other": Y[len(values) - 1 :: -1]}
    )
    return learn_columns(table, "y", **settings_).columns[0]


def spec_of(**columns):
    """Learn a small table whose target is called y."""
    return learn_columns(pa.table(columns), "y")


# What a column is


@pytest.mark.parametrize(
    ("values", "type_", "kind", "reason"),
    [
        ([1.5, 2.5] * 20, None, "numeric", "numbers"),
        ([1, 2] * 20, None, "numeric", "numbers"),
        ([1, None] * 20, None, "numeric", "numbers, 20 of 40 missing"),
        ([1.0, float("nan")] * 20, None, "numeric", "numbers, 20 of 40 missing"),
        ([Decimal("1.5"), Decimal("2.5")] * 20, None, "numeric", "numbers"),
        ([dt.timedelta(1), dt.timedelta(2)] * 20, None, "numeric", "numbers"),
        ([dt.time(1), dt.time(2)] * 20, None, "numeric", "numbers"),
        ([True, False] * 20, None, "boolean", "true or false"),
        ([dt.date(2024, 1, 1 + i % 9) for i in range(N)], None, "date", "dates"),
        ([dt.datetime(2024, 1, 1 + i % 9) for i in range(N)], None, "date", "dates"),
        (["a", "b"] * 20, None, "categorical", "text"),
        (["a", "b"] * 20, "large_string", "categorical", "text"),
        (["a", "b"] * 20, "string_view", "categorical", "text"),
        (["a", ""] * 20, None, "categorical", "text, 20 of 40 missing"),
        ([None] * N, None, "dropped", "all missing"),
        ([None] * N, "string", "dropped", "all missing"),
        ([""] * N, None, "dropped", "all missing"),
        ([float("nan")] * N, None, "dropped", "all missing"),
        ([3] * N, None, "dropped", "constant: always 3"),
        (["a"] * N, None, "dropped", "constant: always 'a'"),
        ([True] * N, None, "dropped", "constant: always True"),
        ([3, None] * 20, None, "numeric", "numbers, 20 of 40 missing"),
        (["a", None] * 20, None, "categorical", "text, 20 of 40 missing"),
        ([[1]] * N, None, "dropped", "holds list<item: int64>"),
        ([b"a", b"b"] * 20, None, "dropped", "holds binary"),
        (
            [f"p{i}" for i in range(N)],
            None,
            "dropped",
            "identifier: 40 different values in 40 rows",
        ),
        (["p0", "p1", *(f"p{i}" for i in range(38))], None, "categorical", "text"),
        (
            ["p0", *(f"p{i}" for i in range(39))],
            None,
            "dropped",
            "identifier: 39 different values in 40 rows",
        ),
        (
            list(range(100, 100 + N)),
            None,
            "dropped",
            "identifier: a row counter, 40 different values in 40 rows",
        ),
        ([i * 7 % N for i in range(N)], None, "dropped", "identifier: a row counter, 40 diff"),
        ([i * 7 for i in range(N)], None, "numeric", "numbers"),
        ([float(i) for i in range(N)], None, "numeric", "numbers"),
        (Y, None, "dropped", "repeats the target, value for value: 'y'"),
    ],
)
def test_kinds_and_reasons(values, type_, kind, reason):
    column = learned(values, type_)
    assert column.kind == kind
    assert column.reason.startswith(reason)
    assert column.missing == ("missing" in reason and kind != "dropped")


@pytest.mark.parametrize(
    "name", ["id", "ID", "passenger_id", "PassengerId", "user-id", "row index"]
)
def test_different_whole_numbers_under_the_name_of_an_identifier(name):
    column = learned([i * i * 1000 for i in range(N)], name=name)
    assert column.reason == f"identifier: named '{name}', 40 different values in 40 rows"


@pytest.mark.parametrize("name", ["humid", "paid", "width", "valid", "identity"])
def test_names_that_only_look_like_identifiers(name):
    assert learned([i * i * 1000 for i in range(N)], name=name).kind == "numeric"


def test_text_in_few_rows_is_no_identifier():
    assert learned([f"p{i}" for i in range(19)], name="n").categories[:2] == ("p0", "p1")


@pytest.mark.parametrize(
    ("n_categories", "n_rows", "kind"),
    [
        (50, 300, "categorical"),
        (51, 300, "dropped"),
        (51, 508, "dropped"),
        (51, 510, "categorical"),
        (200, 2000, "categorical"),
        (201, 4020, "dropped"),
    ],
)
def test_too_many_categories_are_text(n_categories, n_rows, kind):
    words = [f"w{i % n_categories}" for i in range(n_rows)]
    table = pa.table(
        {"c": words, "z": [0.5 * i for i in range(n_rows)], "y": ["u", "v"] * (n_rows // 2)}
    )
    column = learn_columns(table, "y").columns[0]
    assert column.kind == kind
    assert len(column.categories) == (n_categories if kind == "categorical" else 0)
    if kind == "dropped":
        assert column.reason == f"text: {n_categories} different values in {n_rows} rows"
    declared = table.set_column(0, "c", table["c"].dictionary_encode())
    assert learn_columns(declared, "y").columns[0].kind == (
        "dropped" if n_categories > 200 else "categorical"
    )


@pytest.mark.parametrize("type_", ["string", "large_string"])
def test_the_one_value_that_is_no_number_is_named(type_):
    column = learned([str(i / 4) for i in range(39)] + ["abc"], type_)
    assert column.reason == (
        "identifier: 40 different values in 40 rows; 39 values are numbers, but not 'abc' in row 40"
    )


@pytest.mark.parametrize(
    "copy_of",
    [
        ["no", "yes"] * 20,
        [False, True] * 20,
        [7, 3] * 20,
        pa.array(["b", "a"] * 20).dictionary_encode(),
    ],
)
def test_a_copy_of_the_classes_is_dropped(copy_of):
    gap = ["no", "yes"] * 19 + [None, "yes"]
    spec = spec_of(copy=copy_of, near=[0, 1] * 19 + [1, 1], gap=gap, y=[0, 1] * 20)
    assert [c.kind for c in spec.columns] == ["dropped", "numeric", "categorical"]
    assert spec.columns[0].reason == "repeats the target, value for value: 'y'"


def test_kinds_can_be_forced_and_columns_left_out():
    table = pa.table(
        {
            "number": ["1", " 2.5", "?"],
            "code": [1, 2, 1],
            "float code": [0.5, 2.0, None],
            "flag": ["yes", "no", None],
            "bits": [1, 0, 1],
            "day": ["1970-01-02", "1970-01-04", None],
            "same": [5, 5, 5],
            "away": [1.5, 2.5, 9.5],
            "gone": [1.5, 2.5, 9.5],
            "y": [1.5, 2.5, 9.5],
        }
    )
    kinds = {
        "number": "numeric",
        "code": "categorical",
        "float code": "categorical",
        "flag": "boolean",
        "bits": "boolean",
        "day": "date",
        "same": "numeric",
        "away": "dropped",
    }
    spec = learn_columns(table, "y", kinds=kinds, drop=["gone"])
    assert [c.kind for c in spec.columns] == [*kinds.values(), "dropped"]
    assert spec.columns[-1].reason == spec.columns[-2].reason == "left out as asked"
    assert spec.columns[0].reason == "as asked, 1 of 3 missing"
    assert spec.columns[2].categories == ("0.5", "2")
    names = feature_names(spec)
    found = dict(zip(names, features(spec, table).T.tolist(), strict=True))
    assert found["number"] == [-1.0, 1.0, 0.0]
    assert found["number missing"] == [0.0, 0.0, 1.0]
    assert found["code=1"] == [1.0, 0.0, 1.0]
    assert found["float code=2"] == [0.0, 1.0, 0.0]
    assert found["flag"] == [1.0, 0.0, 0.5]
    assert found["bits"] == [1.0, 0.0, 1.0]
    assert found["day"] == [-1.0, 1.0, 0.0]
    assert found["same"] == [0.0, 0.0, 0.0]
    assert found["day missing"] == found["flag missing"] == [0.0, 0.0, 1.0]
    assert not [name for name in names if name.startswith(("away", "gone"))]


# What a column becomes


@pytest.fixture
def mixed():
    """A table of all kinds with missing values, and its spec."""
    table = pa.table(
        {
            "x": pa.array([1, 3, None, 8], "int32"),
            "c": ["v", "u", None, "v"],
            "b": [True, None, False, True],
            "d": [dt.date(1970, 1, 3), dt.date(1970, 1, 5), None, dt.date(1970, 1, 10)],
            "z": [1.0, 1.0, 1.0, 1.0],
            "y": ["p", "q", "p", "q"],
        }
    )
    return table, learn_columns(table, "y")


def test_features_of_all_kinds(mixed):
    table, spec = mixed
    expected = {
        "x": (np.array([1, 3, 4, 8]) - 4) / np.std([1, 3, 8]),
        "x missing": [0, 0, 1, 0],
        "c=u": [0, 1, 0, 0],
        "c=v": [1, 0, 0, 1],
        "c missing": [0, 0, 1, 0],
        "b": [1, 2 / 3, 0, 1],
        "b missing": [0, 1, 0, 0],
        "d": (np.array([2, 4, 5, 9]) - 5) / np.std([2, 4, 9]),
        "d missing": [0, 0, 1, 0],
    }
    assert feature_names(spec) == list(expected)
    assert spec.width == len(expected)
    for dtype, tolerance in ((np.float64, 1e-15), (np.float32, 1e-7)):
        X = features(spec, table, dtype)
        assert X.dtype == dtype
        assert X.flags.c_contiguous
        np.testing.assert_allclose(X.T, list(expected.values()), rtol=tolerance, atol=tolerance)


def test_columns_are_found_by_name_and_other_columns_ignored(mixed):
    table, spec = mixed
    shuffled = table.select(["d", "b", "x", "c"]).append_column("new", pa.array([1] * 4))
    np.testing.assert_array_equal(features(spec, shuffled), features(spec, table))


def test_an_empty_table_has_no_rows(mixed):
    table, spec = mixed
    assert features(spec, table.slice(0, 0)).shape == (0, 9)
    texts = pa.table({name: pa.array([], "string") for name in "xcbd"})
    assert features(spec, texts).shape == (0, 9)


def test_an_unseen_category_is_all_zeros_and_not_missing(mixed):
    table, spec = mixed
    new = table.set_column(1, "c", pa.array(["w", "v", None, ""]))
    block = features(spec, new)[:, 2:5]
    assert block.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_missing_where_training_had_none():
    spec = spec_of(x=[1.0, 3.0], c=["u", "v"], b=[True, False], y=[0.5, 2.5])
    none = pa.table({"x": [None], "c": pa.array([None], "string"), "b": [None]})
    assert feature_names(spec) == ["x", "c=u", "c=v", "b"]
    assert features(spec, none).tolist() == [[0.0, 0.0, 0.0, 0.5]]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 3], "int8"),
        pa.array([1, 3], "uint64"),
        pa.array([1.0, 3.0], "float32"),
        pa.array([1.0, 3.0], "float16"),
        pa.array([Decimal("1.0"), Decimal("3.0")]),
        pa.array(["1", "3.0"]),
        pa.array(["1", "3.0"], "large_string"),
        pa.array(["1", "3.0"], "string_view"),
        pa.array(["1", "3.0"]).dictionary_encode(),
        pa.array([1, 3]).dictionary_encode(),
        pa.chunked_array([[1], [], [3]]),
        pa.array([dt.timedelta(seconds=1), dt.timedelta(seconds=3)]),
        pa.array([1000, 3000], pa.time32("ms")),
    ],
)
def test_numbers_of_any_type_encode_alike(values):
    spec = spec_of(x=[1.0, 3.0], y=[0.5, 2.5])
    assert features(spec, pa.table({"x": values})).tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.0, 3.0, 1.0]),
        pa.array([1, 3, 1], "int8"),
        pa.array(["1", "3", "1.0"]),
        pa.array(["1", "3", "01"]).dictionary_encode(),
        pa.array([Decimal("1.00"), Decimal("3.00"), Decimal("1.00")]),
    ],
)
def test_codes_of_any_type_encode_alike(values):
    table = pa.table({"x": [1, 3, 3], "y": [0.5, 2.5, 1.0]})
    spec = learn_columns(table, "y", kinds={"x": "categorical"})
    assert features(spec, pa.table({"x": values})).tolist() == [[1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([dt.datetime(1970, 1, 1, 12), dt.datetime(1970, 1, 3, 12)]),
        pa.array([0.5 * 86400e3, 2.5 * 86400e3]).cast("int64").cast(pa.timestamp("ms", "UTC")),
        pa.array(["1970-01-01T12:00", "1970-01-03 12:00:00"]),
    ],
)
def test_dates_of_any_type_encode_alike(values):
    spec = spec_of(x=[dt.datetime(1970, 1, 1, 12), dt.datetime(1970, 1, 3, 12)], y=[0.5, 2.5])
    assert (spec.columns[0].mean, spec.columns[0].scale) == (1.5, 1.0)
    assert features(spec, pa.table({"x": values})).tolist() == [[-1.0], [1.0]]


def test_huge_and_nearly_constant_numbers():
    spec = spec_of(huge=[-1e300, 1e300], near=[0.1 + 0.2, 0.3], tiny=[0.0, 5e-324], y=[0.5, 2.5])
    huge, near, tiny = spec.columns
    assert (huge.mean, huge.scale) == (0.0, 1e300)
    assert near.scale == tiny.scale == 1.0
    table = pa.table({"huge": [-1e300], "near": [0.3], "tiny": [0.0]})
    np.testing.assert_allclose(features(spec, table), [[-1.0, 0.0, 0.0]], atol=1e-15)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e300])
def test_numbers_that_leave_the_range_are_refused(value):
    spec = spec_of(x=[1.0, 3.0], y=[0.5, 2.5])
    table = pa.table({"x": [1.0, 2.0, value]})
    with pytest.raises(BadTable, match=r"row 3 of column 'x' holds (-?inf|1e\+300), too far"):
        features(spec, table, np.float32)
    if np.isfinite(value):
        assert features(spec, table)[2, 0] == value
        return
    with pytest.raises(BadTable, match="row 3 of column 'x'"):
        features(spec, table)
    with pytest.raises(BadTable, match=r"row 3 of column 'x' holds -?inf; write a finite number"):
        learn_columns(table.append_column("y", pa.array([0.5, 1.5, 2.5])), "y")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("x", ["1", "2", "many"], "row 3 of column 'x' holds 'many', which is not a number"),
        ("x", ["1", "1,5", "x" * 99], "row 2 of column 'x' holds '1,5'"),
        ("x", ["x" * 99] * 3, r"holds 'x{37}\.\.\.', which is not a number"),
        ("x", [[1]] * 3, "column 'x' holds list<.*>, not numbers"),
        ("x", [dt.date(2024, 1, 1)] * 3, r"column 'x' holds date32\[day\], not numbers"),
        ("b", ["true", "perhaps", ""], "row 2 of column 'b' holds 'perhaps', which is not true"),
        ("b", [0, 1, 2], "row 3 of column 'b' holds 2, not true or false"),
        ("d", ["1970-01-01", "1970-13-01", ""], "row 2 of column 'd' holds '1970-13-01', which is"),
        ("d", [1.5, 2.5, 3.5], "column 'd' holds double, not dates"),
        ("c", [[1]] * 3, "column 'c' holds list<.*>, not categories"),
    ],
)
def test_cells_of_another_kind_are_named(mixed, name, values, message):
    table, spec = mixed
    table = table.slice(0, 3)
    bad = table.set_column(table.column_names.index(name), name, pa.array(values))
    with pytest.raises(BadTable, match=message):
        features(spec, bad)


def test_absent_and_doubled_columns(mixed):
    table, spec = mixed
    with pytest.raises(BadTable, match="column 'x' is absent in the table; did you mean 'X'"):
        features(spec, table.rename_columns(["X", "c", "b", "d", "z", "y"]))
    with pytest.raises(BadTable, match="column 'x' appears twice"):
        features(spec, table.rename_columns(["x", "c", "b", "d", "x", "y"]))
    with pytest.raises(BadTable, match="name appears twice"):
        learn_columns(table.rename_columns(["x", "c", "b", "d", "x", "y"]), "y")
    features(spec, table.drop_columns(["z", "y"]))  # what is not used need not be there


def test_the_text_of_a_late_row_is_named_with_its_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1.5,1\n2.5,2.5\n")
    spec = learn_columns(read_table(path), "y")
    path.write_text("x\n" + "1\n" * 120_000 + "abc\n")
    with pytest.raises(BadTable, match="row 120001 of column 'x' holds 'abc'"):
        features(spec, read_table(path, columns=spec.kinds))


# The target


@pytest.mark.parametrize(
    ("values", "task", "classes", "class_type"),
    [
        (["b", "a", "b", "a"], "classification", ("a", "b"), "string"),
        ([True, False, True, True], "classification", ("false", "true"), "boolean"),
        ([10, 9, 9, 10], "classification", ("9", "10"), "integer"),
        ([-1, 1, 1, -1], "classification", ("-1", "1"), "integer"),
        ([0, 1, 1, 1], "classification", ("0", "1"), "integer"),
        ([0.0, 1.0, 1.0, 1.0], "classification", ("0", "1"), "float"),
        ([1.0, 2.0, 2.0, 1.0], "classification", ("1", "2"), "float"),
        ([2**60, 2**60 + 1] * 2, "classification", (str(2**60), str(2**60 + 1)), "integer"),
        ([0, 5, 5, 5], "regression", (), "string"),
        ([0.5, 1.0, 1.0, 0.5], "regression", (), "string"),
        ([1.0, 2.0, 3.0, 4.0], "regression", (), "string"),
        ([Decimal("1.5"), Decimal("2.5")] * 2, "regression", (), "string"),
        (list(range(20)) * 2, "classification", tuple(map(str, range(20))), "integer"),
        (list(range(21)) * 2, "regression", (), "string"),
    ],
)
def test_the_task_is_inferred(values, task, classes, class_type):
    target = spec_of(x=[0.5 * i for i in range(len(values))], y=values).target
    assert (target.task, target.classes, target.class_type) == (task, classes, class_type)
    assert target.reason


def test_declared_categories_are_classes_even_if_they_are_numbers():
    y = pa.array([5, 7, 9, 5]).dictionary_encode()
    target = spec_of(x=[0.5, 1.5, 2.5, 9.0], y=y).target
    assert (target.classes, target.class_type) == (("5", "7", "9"), "integer")


def test_the_task_can_be_forced():
    table = pa.table({"x": [0.5, 1.5, 2.5], "y": [1, 5, 1], "s": ["1", "5", "1"], "f": [1.5, 2, 2]})
    spec = learn_columns(table, "y", task="regression", drop=["s", "f"])
    assert (spec.target.task, spec.target.mean) == ("regression", pytest.approx(7 / 3))
    assert spec.target.reason == "as asked"
    assert learn_columns(table, "s", task="regression").target.mean == pytest.approx(7 / 3)
    target = learn_columns(table, "f", task="classification").target
    assert (target.classes, target.class_type) == (("1.5", "2"), "float")


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["a", "b"] * 20, "regression", "needs a target of numbers: row 1 of column 'y' holds 'a'"),
        (Y, "classification", "has 40 different values in 40 rows, too many.* choose regression"),
        ([f"n{i}" for i in range(N)], None, "40 different values in 40 rows.* another column"),
        (["a"] * N, None, "'a' is the only one in 40 rows"),
        ([1] * N, "classification", "'1' is the only one in 40 rows"),
        ([2.5] * N, None, "the target 'y' is 2.5 in every row"),
        ([None] * N, None, "no row of 40 has a value in the target column 'y'"),
        ([float("nan")] * N, None, "no row of 40 has a value"),
        ([1.5] * 39 + [float("inf")], None, "row 40 of column 'y' holds inf"),
        ([dt.date(2024, 1, 1)] * N, None, "chainrule predicts numbers and classes"),
        ([[1]] * N, None, "chainrule predicts numbers and classes"),
    ],
)
def test_targets_that_cannot_be_learned(values, task, message):
    table = pa.table({"x": [0.5 * i for i in range(N)], "y": values})
    with pytest.raises(BadTable, match=message):
        learn_columns(table, "y", task=task)


def test_hundreds_of_float_classes():
    y = [0.5 * (i % 101) for i in range(404)]
    with pytest.raises(BadTable, match=r"101 different values in 404 rows.* choose regression"):
        learn_columns(pa.table({"x": y[::-1], "y": y}), "y", task="classification")


def test_settings_that_cannot_be_used(mixed):
    table, _ = mixed
    with pytest.raises(BadTable, match=r"no column 'Y'; did you mean 'y'\? The columns are: x, c,"):
        learn_columns(table, "Y")
    with pytest.raises(BadTable, match="no column 'Y'"):
        known_rows(table, "Y")
    for wrong in (
        {"task": "clustering"},
        {"kinds": {"nope": "numeric"}},
        {"kinds": {"x": "number"}},
        {"kinds": {"y": "numeric"}},
        {"drop": ["nope"]},
        {"drop": ["y"]},
    ):
        with pytest.raises(BadSetting):
            learn_columns(table, "y", **wrong)
    with pytest.raises(BadTable, match=r"no column is left .*'x' left out as asked; 'c' left out"):
        learn_columns(table, "y", drop=["x", "c", "b", "d"])
    with pytest.raises(BadTable, match="there is no other column"):
        learn_columns(table.select(["y"]), "y")


@pytest.mark.parametrize("n", [0, 1])
def test_tables_of_no_row_and_of_one(mixed, n):
    table, _ = mixed
    with pytest.raises(
        BadTable, match="no row of 0 has a value" if n == 0 else "the only one in 1"
    ):
        learn_columns(table.slice(0, n), "y")


def test_rows_without_a_target_teach_nothing():
    table = pa.table(
        {
            "x": [1.0, 3.0, 100.0, 100.0],
            "c": ["u", "v", "w", "w"],
            "y": pa.array([0.5, 2.5, None, float("nan")]),
        }
    )
    assert known_rows(table, "y").tolist() == [True, True, False, False]
    spec = learn_columns(table, "y")
    assert (spec.columns[0].mean, spec.columns[1].categories) == (2.0, ("u", "v"))
    assert (spec.target.mean, spec.target.scale) == (1.5, 1.0)
    assert target_values(spec, table.slice(0, 2)).tolist() == [-1.0, 1.0]
    with pytest.raises(BadTable, match="'y' is missing in 2 rows, the first of them row 3"):
        target_values(spec, table)
    texts = pa.table({"y": pa.array(["a", "", None]).dictionary_encode()})
    assert known_rows(texts, "y").tolist() == [True, False, False]


def test_training_rows_teach_the_columns_and_all_rows_the_classes():
    table = pa.table({"x": [1.0, 3.0, 9.0], "c": ["u", "v", "w"], "y": ["a", "b", "z"]})
    spec = learn_columns(table, "y", rows=np.array([True, True, False]))
    assert (spec.columns[0].mean, spec.columns[1].categories) == (2.0, ("u", "v"))
    assert spec.target.classes == ("a", "b", "z")
    with pytest.raises(BadTable, match="row 3 of column 'x' holds inf"):
        learn_columns(
            table.set_column(0, "x", pa.array([1.0, 2.0, float("inf")])),
            "y",
            rows=np.array([False, True, True]),
        )


@pytest.mark.parametrize(
    ("values", "again"),
    [
        (["b", "a", "b"], pa.array(["b", "a", "b"]).dictionary_encode()),
        ([3, 5, 3], pa.array(["3", "5.0", "3"])),
        ([3, 5, 3], pa.array([3.0, 5.0, 3.0])),
        ([True, False, True], pa.array(["True", "false", "TRUE"])),
        ([0.0, 1.0, 0.0], pa.array([0, 1, 0])),
    ],
)
def test_classes_to_numbers_and_back(values, again):
    table = pa.table({"x": [0.5, 1.5, 9.5], "y": values})
    spec = learn_columns(table, "y", task="classification")
    codes = target_values(spec, table, np.float32)
    assert codes.dtype == np.int64
    assert labels(spec, codes).tolist() == values
    assert type(labels(spec, codes).tolist()[0]) is type(values[0])
    assert target_values(spec, pa.table({"y": again})).tolist() == codes.tolist()


@pytest.mark.parametrize("value", ["c", "", None])
def test_an_unknown_class_is_named(value):
    spec = spec_of(x=[0.5, 1.5], y=["a", "b"])
    message = "row 2 of the target 'y' holds 'c', which is none of the classes a, b"
    with pytest.raises(BadTable, match=message if value else "missing in 1 rows"):
        target_values(spec, pa.table({"y": ["a", value]}))


def test_a_regression_target_and_back():
    y = np.array([3.0, -1.0, 7.5, 1e-3])
    table = pa.table({"x": [0.5, 1.5, 9.5, 3.0], "y": y})
    spec = learn_columns(table, "y")
    z = target_values(spec, table)
    np.testing.assert_allclose(z, (y - y.mean()) / y.std(), rtol=1e-14)
    np.testing.assert_allclose(in_target_units(spec, z), y, rtol=1e-14, atol=1e-14)
    assert target_values(spec, table, np.float32).dtype == np.float32
    assert in_target_units(spec, z.astype(np.float32)).dtype == np.float32
    with pytest.raises(BadTable, match="row 1 of column 'y' holds 'high'"):
        target_values(spec, pa.table({"y": ["high"]}))


# The penguins, from every source


def test_the_penguins_from_every_source(tmp_path):
    table = penguins()
    spec = learn_columns(table, "species")
    X, y = features(spec, table), target_values(spec, table)
    assert X.shape == (344, 14)
    assert spec.target.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert np.bincount(y).tolist() == [152, 68, 124]
    assert spec.columns[1].mean == pytest.approx(43.92193, abs=1e-5)
    assert spec.columns[1].scale == pytest.approx(5.4516, abs=1e-4)
    frame = pd.read_csv(penguins_path())
    frame.to_parquet(tmp_path / "p.parquet")
    frame.to_csv(tmp_path / "p.csv", sep=";", decimal=",", index=False, encoding="utf-16")
    sources = [frame, frame.iloc[:, ::-1], frame.convert_dtypes(), pl.from_pandas(frame)]
    sources += [frame.astype({"island": "category", "species": "category"})]
    sources += [tmp_path / "p.parquet", tmp_path / "p.csv"]
    for source in sources:
        again = read_table(source)
        np.testing.assert_array_equal(features(spec, again), X)
        np.testing.assert_array_equal(target_values(spec, again), y)
        relearned = learn_columns(again, "species")
        assert {(c.name, c.kind, c.mean, c.scale, c.categories) for c in relearned.columns} == {
            (c.name, c.kind, c.mean, c.scale, c.categories) for c in spec.columns
        }


def test_the_summary_says_what_and_why():
    table = penguins().append_column("id", pa.array(range(344)))
    assert [tuple(row) for row in summary_rows(learn_columns(table, "species"))] == [
        ("island", "categorical", "one-hot, 3 categories (text)"),
        *(
            (
                name,
                "numeric",
                f"standardised, {moments}; and whether missing (numbers, 2 of 344 missing)",
            )
            for name, moments in [
                ("bill_length_mm", "mean 43.9, sd 5.45"),
                ("bill_depth_mm", "mean 17.2, sd 1.97"),
                ("flipper_length_mm", "mean 201, sd 14"),
                ("body_mass_g", "mean 4202, sd 801"),
            ]
        ),
        (
            "sex",
            "categorical",
            "one-hot, 2 categories; and whether missing (text, 11 of 344 missing)",
        ),
        (
            "id",
            "dropped",
            "dropped: identifier: a row counter, 344 different values in 344 rows",
        ),
        ("species", "target", "classification, 3 classes: Adelie, Chinstrap, Gentoo (text)"),
    ]


def test_the_summary_of_dates_booleans_and_regression(mixed):
    table, _ = mixed
    spec = learn_columns(table.set_column(5, "y", pa.array([0.5, 1.5, 2.5, 3.5])), "y")
    rows = {row.column: row.became for row in summary_rows(spec)}
    assert rows["d"].startswith("days, standardised, mean 1970-01-06, sd 2.94; and whether missing")
    assert rows["b"] == "0 and 1; and whether missing (true or false, 1 of 4 missing)"
    assert rows["z"] == "dropped: constant: always 1.0"
    assert rows["y"] == "regression, mean 2, sd 1.12 (numbers, 4 different ones)"


# The model file's document

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
KINDS_OF_VALUES = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(-1e300, 1e300) | st.just(float("nan")),
    "float32": st.floats(allow_infinity=False, width=32),
    "string": TEXT,
    "bool": st.booleans(),
    "date32": st.dates(),
}


@st.composite
def tables(draw):
    """Any mixture of columns, with missing values, and a target with two values."""
    n = draw(st.integers(2, 12))
    names = draw(st.lists(TEXT.filter(lambda name: name != "y"), unique=True, max_size=5))
    columns = {}
    for name in names:
        type_ = draw(st.sampled_from(sorted(KINDS_OF_VALUES)))
        cell = st.none() | KINDS_OF_VALUES[type_]
        column = pa.array(draw(st.lists(cell, min_size=n, max_size=n)), type_)
        columns[name] = column.dictionary_encode() if draw(st.booleans()) else column
    pairs = [("a", "b"), (0, 1), (False, True), (0.5, 1e9), (" ", "é\n")]
    low, high = draw(st.sampled_from(pairs))
    rest = draw(st.lists(st.sampled_from([low, high]), min_size=n - 2, max_size=n - 2))
    columns["y"] = pa.array([low, high, *rest])
    columns["y "] = pa.array([0.25 * i for i in range(n)])
    return pa.table(columns)


@settings(max_examples=150, deadline=None)
@given(tables())
def test_a_spec_survives_json_to_the_bit(table):
    spec = learn_columns(table, "y")
    again = TableSpec.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False)))
    assert again == spec
    X = features(spec, table)
    assert X.shape == (table.num_rows, len(feature_names(spec)))
    assert np.isfinite(X).all()
    assert features(again, table).tobytes() == X.tobytes()
    y = target_values(spec, table)
    assert target_values(again, table).tobytes() == y.tobytes()
    back = labels(again, y) if spec.target.task == "classification" else in_target_units(spec, y)
    if spec.target.task == "classification":
        assert back.tolist() == table["y"].to_pylist()
    else:
        np.testing.assert_allclose(back, table["y"].to_numpy(), rtol=1e-12, atol=1e-6)
    for column in spec.columns:
        if column.kind in ("numeric", "date") and column.scale != 1.0:
            block = X[:, feature_names(spec).index(column.name)]
            assert abs(block.mean()) < 1e-6


def document(mixed):
    return copy.deepcopy(mixed[1].to_json())


INTEGERS = asdict(Target("y", "classification", ("1", "2"), "integer"))
INTEGERS["classes"] = ["1", str(2**64)]
HOSTILE = [
    (("columns",), {}, "table.columns is not a list"),
    (("columns",), [], "gives no feature"),
    (("columns", 0), [], r"table.columns\[0\] is not an object"),
    (("columns", 0, "name"), 5, r"table.columns\[0\].name is not text"),
    (("columns", 0, "name"), "\ud800", "text of valid characters"),
    (("columns", 0, "name"), "c", "has a name twice"),
    (("columns", 0, "name"), "y", "has a name twice"),
    (("columns", 0, "kind"), "number", "kind is not one of numeric, categorical"),
    (("columns", 0, "reason"), None, r"reason is not text"),
    (("columns", 0, "mean"), "1", "mean is not a number"),
    (("columns", 0, "mean"), True, "mean is not a number"),
    (("columns", 0, "mean"), float("nan"), "mean is not finite"),
    (("columns", 0, "mean"), 10**400, "mean is not finite"),
    (("columns", 0, "scale"), 0.0, "scale is not above 0"),
    (("columns", 0, "scale"), -1.0, "scale is not above 0"),
    (("columns", 0, "fill"), float("inf"), "fill is not finite"),
    (("columns", 0, "categories"), ["a"], "categories is not empty for a column of kind numeric"),
    (("columns", 1, "categories"), "uv", "categories is not a list"),
    (("columns", 1, "categories"), ["u", 1], r"columns\[1\].categories\[1\] is not text"),
    (("columns", 1, "categories"), ["u", "u"], "categories is not free of repetitions"),
    (("columns", 0, "missing"), 1, "missing is not true or false"),
    (("columns", 0, "code"), "import os", r"columns\[0\] has the unknown code"),
    (("target",), None, "table.target is not an object"),
    (("target", "task"), "ranking", "task is not one of classification, regression"),
    (("target", "task"), "regression", "classes is not empty for regression"),
    (("target", "classes"), ["a"], "classes is not two classes or more"),
    (("target", "class_type"), "date", "class_type is not a known type"),
    (("target", "class_type"), "integer", "classes is not of type integer"),
    (("target", "class_type"), "float", "classes is not of type float"),
    (("target", "class_type"), "boolean", "classes is not of type boolean"),
    (("target",), INTEGERS, "classes is not of type integer"),
    (("target", "scale"), 0, "scale is not above 0"),
    (("extra",), 1, "table has the unknown extra"),
]


@pytest.mark.parametrize(("path", "value", "message"), HOSTILE)
def test_hostile_documents_are_refused(mixed, path, value, message):
    hostile = document(mixed)
    place = hostile
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadModelFile, match=message):
        TableSpec.from_json(hostile)


def test_every_field_of_the_document_must_be_there(mixed):
    whole = document(mixed)
    for place in (whole, whole["columns"][0], whole["target"]):
        for key in list(place):
            value = place.pop(key)
            with pytest.raises(BadModelFile, match=f"lacks {key}"):
                TableSpec.from_json(whole)
            place[key] = value
    assert TableSpec.from_json(whole) == mixed[1]
    for wrong in (None, [], "x", 5):
        with pytest.raises(BadModelFile, match="table is not an object"):
            TableSpec.from_json(wrong)


def test_whole_numbers_in_a_document_are_numbers(mixed):
    whole = document(mixed)
    whole["columns"][0]["mean"] = 4
    assert type(TableSpec.from_json(whole).columns[0].mean) is float


def test_the_kinds_for_reading():
    columns = (Column("x", "numeric"), Column("c", "categorical", categories=("1",)))
    for class_type, kind in [("string", "categorical"), ("integer", "numeric"), ("boolean",) * 2]:
        target = Target("y", "classification", ("1", "2"), class_type)
        assert TableSpec(columns, target).kinds == {"x": "numeric", "c": "categorical", "y": kind}
    assert TableSpec(columns, Target("y", "regression")).kinds["y"] == "numeric"
