"""One SELECT scores a table as the model does, in every database."""

import datetime
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule
from chainrule import BadSetting, Network
from chainrule.columns import Column, Target
from chainrule.datasets import penguins
from chainrule.exporting.samples import outputs_of, samples, table_of, used
from chainrule.exporting.sql import output_names, query, run, self_test
from chainrule.exporting.sqldialect import DIALECTS, quoted, text
from chainrule.exporting.sqlrules import levels, steps
from chainrule.exporting.targets import TOLERANCES, largest_difference
from chainrule.network import HIDDEN
from chainrule.rules import ACTIVATIONS
from databases import MARK, TYPES, database, server  # noqa: F401
from rawrows import FAR, ODD_RULES, SCORES, every_row, random_rows, value_of
from test_export import BUMP, HOSTILE, KINDS, MIXED, NUMBER, model_of

DAY = datetime.datetime(1970, 1, 1)
NUMBER_OF = "number of the row"


def cell_of(kind, dialect, cell):
    """Return a cell as a table of the database has it."""
    if cell is None or kind in ("numeric", "categorical"):
        return cell
    if kind == "boolean":
        return int(cell) if dialect == "sqlite" else bool(cell)
    moment = DAY + datetime.timedelta(milliseconds=round(cell * 86_400_000))
    return moment.isoformat(sep=" ", timespec="milliseconds") if dialect == "sqlite" else moment


def fill_table(database, model, columns, name="t", kinds=None):  # noqa: F811
    """Make a table of rows, with a number for each, which the model has no use for."""
    dialect, connection = database
    types = TYPES[dialect] | (kinds or {})
    columns_of = used(model.spec)
    declared = [f"{quoted(c.name)} {types.get(c.name, types[c.kind])}" for c in columns_of]
    declared += [f"{quoted(NUMBER_OF)} INTEGER"]
    connection.execute("DROP VIEW IF EXISTS seen")
    connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
    connection.execute(f"CREATE TABLE {quoted(name)} ({', '.join(declared)})")
    cells = [[cell_of(c.kind, dialect, v) for v in columns[c.name]] for c in columns_of]
    rows = [(*row, k) for k, row in enumerate(zip(*cells, strict=True))]
    marks = ", ".join([MARK[dialect]] * len(declared))
    if rows:
        connection.cursor().executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", rows)


def answers(database, sql):  # noqa: F811
    """Return the columns that a query gives, in the order of the numbers of the rows."""
    cursor = database[1].execute(sql)
    names = [entry[0] for entry in cursor.description]
    rows = cursor.fetchall()
    place = names.index(NUMBER_OF)
    rows.sort(key=lambda row: row[place])
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def difference(database, model, far=FAR, count=40):  # noqa: F811
    """Score a table, look at the labels, and return how far the numbers are from the model's.

    Databases compute in float64, so a model of float32 is compared with itself in float64.
    """
    columns, _ = every_row(model, far, count)
    expected = outputs_of(in_double(model), columns)
    fill_table(database, model, columns)
    found = answers(database, query(model, database[0], "t"))
    names = output_names(model)
    assert found[NUMBER_OF] == list(range(len(expected)))
    if model.spec.target.task == "regression":
        return largest_difference(numbers(found, names[:1]), expected)
    predicted = model.predict(table_of(model.spec, columns)).tolist()
    assert found[names[0]] == predicted
    return largest_difference(numbers(found, names[1:]), expected)


def in_double(model):
    """Return a model with the same parameters that computes in float64."""
    ensemble = replace(model.ensemble, parameters=model.parameters.astype(np.float64))
    return replace(model, ensemble=ensemble)


def numbers(found, names):
    return np.array([found[name] for name in names], dtype=np.float64).T


@pytest.mark.parametrize("hidden", [*HIDDEN, chainrule.Rule(BUMP)], ids=str)
def test_every_activation_with_every_output_in_both_types(database, hidden):  # noqa: F811
    for (output, target), dtype in [(k, d) for k in KINDS.values() for d in TOLERANCES]:
        sizes = (output.sizes[0], 5, 4, output.sizes[-1])
        network = Network(sizes, hidden=hidden, output=output.output, loss=output.loss)
        coverage = 0.9 if target is NUMBER else None
        far = FAR[:1] if output.output == "exp" else FAR
        model = model_of(network, target, dtype, members=3, coverage=coverage)
        assert difference(database, model, far, 12) <= 1e-12, (output.output, dtype)


@pytest.mark.parametrize("rule", [*ACTIVATIONS.values(), *ODD_RULES])
def test_rules_become_expressions_that_give_their_values(database, rule):  # noqa: F811
    dialect, connection = database
    z = np.concatenate([SCORES, [-745.0, -200.0, 200.0, 1e9, -1e9]])
    if dialect == "postgresql" and isinstance(rule, str):
        z = SCORES  # its products and powers end in an error where they are infinite
    made = steps(rule, DIALECTS[dialect])
    real = DIALECTS[dialect].real
    values = " UNION ALL ".join(f"SELECT {k} AS k, CAST({v!r} AS {real}) AS z"
                                for k, v in enumerate(z.tolist()))  # fmt: skip
    names = {name: name for name in ["z", *(n for n, _ in made.columns)]}
    chain = f"SELECT k, z FROM ({values}) AS s"
    for group in levels(made.columns):
        added = ", ".join(f"{e.format_map(names)} AS {n}" for n, e in group)
        chain = f"SELECT s.*, {added} FROM ({chain}) AS s"
    value = made.value.format_map(names)
    rows = connection.execute(f"SELECT {value} FROM ({chain}) AS s ORDER BY k").fetchall()
    found = np.array([row[0] for row in rows], dtype=np.float64)
    expected = np.array([value_of(rule, each) for each in z])
    np.testing.assert_allclose(found, expected, rtol=2e-14, atol=1e-190)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_raw_rows_of_every_kind_of_column(database, dtype):  # noqa: F811
    network = Network((sum(c.width for c in MIXED), 6, 1), hidden="tanh")
    model = model_of(network, NUMBER, dtype, columns=MIXED, members=2)
    assert difference(database, model) <= 1e-12


def test_one_network_without_a_number_leaves_none(database):  # noqa: F811
    entropy = chainrule.Rule("def entropy(z): s = log(z); return z * s, 1.0 + s")
    model = model_of(Network((3, 1), output=entropy), NUMBER, members=2)
    columns = random_rows(model)
    expected = outputs_of(model, columns)
    assert 0.1 < np.isnan(expected).mean() < 0.9
    fill_table(database, model, columns)
    found = numbers(answers(database, query(model, database[0], "t")), ["prediction"])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_intervals_are_the_models(database):  # noqa: F811
    model = model_of(Network((3, 4, 1)), NUMBER, coverage=0.9)
    columns = random_rows(model)
    fill_table(database, model, columns)
    found = answers(database, query(model, database[0], "t"))
    for name, bound in zip(
        ("lower", "upper"), model.predict_interval(table_of(model.spec, columns)), strict=True
    ):
        np.testing.assert_allclose(found[name], bound, rtol=1e-13)


def test_intervals_without_a_promise_are_infinite(database):  # noqa: F811
    model = model_of(Network((3, 4, 1)), NUMBER, coverage=0.999)
    fill_table(database, model, random_rows(model, 3))
    found = answers(database, query(model, database[0], "t"))
    assert found["lower"] == [-np.inf] * 3
    assert found["upper"] == [np.inf] * 3


@pytest.mark.parametrize(
    ("class_type", "classes"),
    [
        ("string", ("it's \\' \n价\U0001f600", "'; DROP TABLE t; --")),
        ("integer", ("-3", "5")),
        ("float", ("0.5", "7.25")),
        ("boolean", ("false", "true")),
    ],
)
def test_labels_have_the_targets_type(database, class_type, classes):  # noqa: F811
    network = Network((3, 1), output="sigmoid", loss="binary_cross_entropy")
    model = model_of(network, Target("y", "classification", classes, class_type))
    columns = random_rows(model)
    fill_table(database, model, columns)
    found = answers(database, query(model, database[0], "t"))["prediction"]
    assert found == model.predict(table_of(model.spec, columns)).tolist()
    assert len(set(found)) == 2
    if class_type == "boolean" and database[0] != "sqlite":
        assert set(found) == {True, False}
        assert all(isinstance(label, bool) for label in found)


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_trained_models_of_the_penguins_on_all_their_rows(database, target):  # noqa: F811
    model = chainrule.fit(penguins(), target, epochs=3, hidden_layer_sizes=(16, 8))
    table = penguins()
    columns = {c.name: table.column(c.name).to_pylist() for c in model.spec.columns}
    fill_table(database, model, columns, "birds")
    found = answers(database, query(model, database[0], "birds"))
    names = output_names(model)
    if target == "body_mass_g":
        assert found["prediction"] == pytest.approx(model.predict(table).tolist(), rel=1e-5)
    else:
        assert found["prediction"] == model.predict(table).tolist()
        assert names == ["prediction", "p_Adelie", "p_Chinstrap", "p_Gentoo"]
        assert largest_difference(numbers(found, names[1:]), model.predict_proba(table)) <= 1e-5


def test_a_key_in_place_of_all_columns(database):  # noqa: F811
    model = model_of(*KINDS["softmax"])
    columns, expected = every_row(model)
    fill_table(database, model, columns)
    dialect, connection = database
    connection.execute("CREATE VIEW seen AS SELECT * FROM t")
    found = answers(database, query(model, dialect, "seen", key=NUMBER_OF))
    assert list(found) == [NUMBER_OF, "prediction", "p_a", "p_b", "p_c"]
    assert largest_difference(numbers(found, ["p_a", "p_b", "p_c"]), expected) <= 1e-12


def test_a_key_need_not_be_unique(database):  # noqa: F811
    model = model_of(*KINDS["identity"])
    columns = {name: [*cells, *cells] for name, cells in random_rows(model, 2).items()}
    fill_table(database, model, columns)
    dialect, connection = database
    connection.execute(f'UPDATE t SET "{NUMBER_OF}" = 7')
    rows = connection.execute(query(model, dialect, "t", key=NUMBER_OF)).fetchall()
    assert {row[0] for row in rows} == {7}
    found = sorted(row[1] for row in rows)
    assert found == pytest.approx(sorted(outputs_of(model, columns)[:, 0]), rel=1e-12)


def test_a_table_in_a_schema(database):  # noqa: F811
    dialect = database[0]
    model = model_of(*KINDS["identity"])
    fill_table(database, model, random_rows(model, 3))
    schema = {"sqlite": "main", "postgresql": "public", "duckdb": "main"}[dialect]
    assert answers(database, query(model, dialect, (schema, "t"))) == answers(
        database, query(model, dialect, "t")
    )


def test_an_empty_table(database):  # noqa: F811
    model = model_of(*KINDS["softmax"])
    fill_table(database, model, {c.name: [] for c in used(model.spec)})
    assert answers(database, query(model, database[0], "t"))["prediction"] == []


def test_cells_that_are_kept_in_other_types(database):  # noqa: F811
    dialect = database[0]
    model = model_of(Network((sum(c.width for c in MIXED), 3, 1)), NUMBER, columns=MIXED)
    columns = random_rows(model)
    columns["doors"] = [(2.0, 4.0, 3.0, None)[k % 4] for k in range(40)]
    columns["number"] = [None if v is None else round(v) for v in columns["number"]]
    columns["day"] = [None if v is None else float(round(v)) for v in columns["day"]]
    told = columns | {"doors": [None if v is None else str(int(v)) for v in columns["doors"]]}
    kinds = {"doors": TYPES[dialect]["numeric"], "number": "INTEGER", "flag": "INTEGER"}
    if dialect != "sqlite":
        kinds["day"] = "DATE"
    expected = outputs_of(model, told)
    columns = columns | {"flag": [None if v is None else int(v) for v in columns["flag"]]}
    if dialect == "postgresql":
        kinds["doors"], kinds["town"] = "numeric(6, 2)", "char(40)"
        kinds["flag"] = "text"
        columns["flag"] = [None if v is None else ("no", "YES")[v] for v in columns["flag"]]
    bare = model_of(model.network, NUMBER, columns=tuple(
        Column(c.name, "numeric") if c.name == "flag" else c for c in MIXED))  # fmt: skip
    fill_table(database, bare, columns, kinds=kinds)
    found = answers(database, query(model, dialect, "t"))
    assert largest_difference(numbers(found, ["prediction"]), expected) <= 1e-12


def test_text_is_compared_letter_by_letter(database):  # noqa: F811
    dialect = database[0]
    column = Column("town", "categorical", categories=("ulm", "Ulm"))
    model = model_of(Network((2, 1)), NUMBER, columns=(column,))
    columns = {"town": ["ulm", "ULM", "Ulm", "Ulm "]}
    nocase = {"town": "TEXT COLLATE NOCASE"} if dialect != "postgresql" else {}
    fill_table(database, model, columns, kinds=nocase)
    found = answers(database, query(model, dialect, "t"))
    assert largest_difference(numbers(found, ["prediction"]), outputs_of(model, columns)) <= 1e-12


def test_nan_is_missing(database):  # noqa: F811
    dialect = database[0]
    model = model_of(*KINDS["identity"], columns=(MIXED[0], Column("x", "numeric")))
    columns = random_rows(model, 6)
    expected = outputs_of(model, columns | {"number": [None] * 6})
    fill_table(database, model, columns | {"number": [float("nan")] * 6})
    found = answers(database, query(model, dialect, "t"))
    assert largest_difference(numbers(found, ["prediction"]), expected) <= 1e-12


NAMES = ('x"; DROP TABLE t; --', *(name for name in HOSTILE if name and len(name) < 64))


def test_names_cannot_break_out(database):  # noqa: F811
    columns = tuple(
        Column(name, "categorical", categories=(f"{name}'1", f"{name}\t2\\"), missing=True)
        for name in (*NAMES, "prediction", "p_a", "rowid", "t", "whole", "a0", "TRUE", "null")
    )
    network = Network((3 * len(columns), 3), output="softmax", loss="cross_entropy")
    long = "very long " * 30
    classes = (f"{long}1", f"{long}2", "a\n'; --")
    model = model_of(
        network, Target("\n; DROP TABLE t", "classification", classes), columns=columns
    )
    assert difference(database, model) <= 1e-12


SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@given(
    st.lists(st.text(SIGNS, min_size=1, max_size=9), min_size=2, max_size=5, unique_by=str.casefold)
)
@settings(max_examples=20)
def test_any_names_in_sqlite_and_duckdb(names):
    columns = tuple(Column(name, "categorical", categories=(name,)) for name in names)
    network = Network((len(columns), 2), output="softmax", loss="cross_entropy")
    classes = (names[0] + "x", names[1])
    model = model_of(network, Target(names[0], "classification", classes), columns=columns)
    for dialect in ("sqlite", "duckdb"):
        sql = self_test(model, dialect, samples(model))
        assert run(sql, dialect)[0][0] <= 1e-12, (dialect, names)


def test_a_nul_is_refused():
    model = model_of(Network((3, 1)), NUMBER, columns=tuple(Column(n, "numeric") for n in "a\0b"))
    with pytest.raises(BadSetting, match="holds the character NUL"):
        query(model, "sqlite", "t")
    with pytest.raises(BadSetting, match="holds the character NUL"):
        text("a\0", DIALECTS["duckdb"])


def test_outputs_have_names_of_their_own():
    columns = tuple(Column(name, "numeric") for name in ("Prediction", "p_b", "x"))
    classes = ("a", "A", "b", "y" * 100, "y" * 101)
    network = Network((3, 5), output="softmax", loss="cross_entropy")
    names = output_names(model_of(network, Target("y", "classification", classes), columns=columns))
    assert names[:4] == ["prediction_2", "p_a", "p_A_2", "p_b_2"]
    assert len({name.casefold() for name in names}) == 6
    assert max(len(name.encode()) for name in names) <= 63


@pytest.mark.parametrize("kind", KINDS)
def test_the_self_test_needs_no_table(database, kind):  # noqa: F811
    dialect, connection = database
    for model in (model_of(*KINDS[kind]), model_of(Network((12, 3, 1)), NUMBER, columns=MIXED)):
        sql = self_test(model, dialect, samples(model))
        ((found,),) = connection.execute(sql).fetchall()
        assert 0.0 <= found <= 1e-12
        assert run(sql, dialect) == (None if dialect == "postgresql" else [(found,)])


def test_the_self_test_fails_where_numbers_are_wrong(database):  # noqa: F811
    dialect, connection = database
    model = model_of(*KINDS["softmax"])
    first = repr(float(model.parameters[0, 0]))
    sql = self_test(model, dialect, samples(model))
    assert sql.count(first) == 1
    sql = sql.replace(first, repr(float(first) + 0.1))
    ((found,),) = connection.execute(sql).fetchall()
    assert 1e-4 < found < 1.0


def test_a_wide_network_in_every_database(database):  # noqa: F811
    network = Network((300, 1100, 1), hidden="relu")
    model = model_of(network, NUMBER, members=1)
    assert difference(database, model, FAR[:1], 4) <= 1e-12


def test_what_is_too_wide_is_refused():
    model = model_of(Network((2, 2500, 1)), NUMBER)
    with pytest.raises(BadSetting, match="a layer of 2500 is too wide for SQLite"):
        query(model, "sqlite", "t")
    classes = tuple(map(str, range(1700)))
    network = Network((2, 1700), output="softmax", loss="cross_entropy")
    model = model_of(network, Target("y", "classification", classes))
    with pytest.raises(BadSetting, match="1700 classes are too many for PostgreSQL"):
        query(model, "postgresql", "t")
    with pytest.raises(BadSetting, match="dialect='oracle' is not one of sqlite, postgresql"):
        query(model, "oracle", "t")


def test_many_classes(database):  # noqa: F811
    classes = tuple(f"class {k}" for k in range(300))
    network = Network((3, 300), output="softmax", loss="cross_entropy")
    assert difference(database, model_of(network, Target("y", "classification", classes))) <= 1e-12


def test_a_view_in_sqlite_needs_a_key():
    model = model_of(*KINDS["identity"])
    connection = sqlite3.connect(":memory:")
    fill_table(("sqlite", connection), model, random_rows(model, 2))
    connection.execute("CREATE VIEW seen AS SELECT * FROM t")
    with pytest.raises(sqlite3.OperationalError, match="give the query a key"):
        connection.execute(query(model, "sqlite", "seen"))
