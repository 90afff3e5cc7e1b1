"""The tables of the playground: toys, uploads and their limits, and choices that must fit them."""

import gzip
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from chainrule.datasets import penguins_path
from chainrule.errors import BadTable
from chainrule.fitting import fit
from chainrule.playing import settling, sources
from chainrule.playing.choices import BadChoice, Choices, choices_of
from chainrule.playing.settling import arguments, ready, settle
from chainrule.playing.sources import find, neuron_table, shelf, table_of, table_source
from chainrule.playing.toys import TOYS, toy

SHELF = shelf()


def settled(change, source, before=None):
    choices = choices_of(change, before)
    table = table_of(source, choices.data)
    choices, notes = settle(choices, source, table, change)
    return choices, notes, table


# toys


def far(table):
    return np.hypot(*points(table).T)


def points(table):
    return np.column_stack([table["x1"].to_numpy(), table["x2"].to_numpy()])


def labels(table):
    return np.array(table["label"].to_pylist())


def test_a_disc_in_a_ring():
    table = toy("circle", rows=400, noise=0.0)
    assert far(table)[labels(table) == "A"].max() <= 0.5
    ring = far(table)[labels(table) == "B"]
    assert 0.75 <= ring.min() < ring.max() <= 1.0


def test_exclusive_or():
    table = toy("xor", rows=400, noise=0.0)
    x1, x2 = points(table).T
    np.testing.assert_array_equal(labels(table) == "B", (x1 > 0) != (x2 > 0))
    assert min(np.abs(x1).min(), np.abs(x2).min()) >= 0.1


def test_moons():
    table = toy("moons", rows=400, noise=0.0)
    upper = points(table)[labels(table) == "A"]
    lower = points(table)[labels(table) == "B"]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1.0, lower[:, 1] - 0.5), 1.0)
    assert upper[:, 1].min() >= 0.0
    assert lower[:, 1].max() <= 0.5


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_heaps_lie_on_a_circle(classes):
    table = toy("gaussians", rows=6000, noise=0.0, classes=classes)
    for k in range(classes):
        middle = points(table)[labels(table) == "ABCDEF"[k]].mean(axis=0)
        angle = 2 * np.pi * k / classes
        np.testing.assert_allclose(middle, [np.cos(angle), np.sin(angle)], atol=0.03)


@pytest.mark.parametrize("classes", [2, 4])
def test_arms_of_a_spiral_are_turned_copies(classes):
    table = toy("spiral", rows=400, noise=0.0, classes=classes)
    along = (far(table) - 0.05) / 0.95
    turn = np.arctan2(*points(table).T[::-1]) / (2 * np.pi) - 1.5 * along
    expected = np.array(["ABCDEF".index(k) for k in labels(table)]) / classes
    away = (turn - expected + 0.5) % 1.0 - 0.5
    np.testing.assert_allclose(away, 0.0, atol=1e-12)


def test_numbers_over_a_plane():
    table = toy("plane", rows=100, noise=0.0)
    x1, x2 = points(table).T
    np.testing.assert_allclose(table["value"].to_numpy(), x1 + x2 / 2)
    bumps = toy("bumps", rows=2000, noise=0.0)
    height, at = bumps["value"].to_numpy(), points(bumps)
    assert np.abs(at[height.argmax()] - [-0.5, 0.5]).max() < 0.1
    assert np.abs(at[height.argmin()] - [0.5, 0.5]).max() < 0.1


@given(st.sampled_from(list(TOYS)), st.integers(10, 60), st.integers(0, 5), st.integers(2, 6))
def test_toys_are_drawn_by_the_seed_in_even_shares(name, rows, seed, classes):
    table = toy(name, rows=rows, seed=seed, classes=classes)
    assert table.num_rows == rows
    assert table == toy(name, rows=rows, seed=seed, classes=classes)
    assert table != toy(name, rows=rows, seed=seed + 1, classes=classes)
    if TOYS[name].points:
        _, counts = np.unique(labels(table), return_counts=True)
        assert len(counts) == min(classes, TOYS[name].most_classes)
        assert counts.max() - counts.min() <= 1


def test_noise_is_a_standard_deviation():
    rows = 5000
    still, noisy = toy("moons", rows=rows, noise=0.0), toy("moons", rows=rows, noise=0.5)
    spread = (points(noisy) - points(still)).std()
    assert abs(spread - 0.5) < 6 * 0.5 / np.sqrt(4 * rows)


# sources


@pytest.mark.parametrize("key", SHELF)
def test_every_table_on_offer_trains(key):
    source = SHELF[key]
    choices, notes, table = settled({"data": {"source": key}}, source)
    prepared = ready(choices, source, table)
    assert notes == ()
    assert prepared.spec.target.name == source.target
    kind = "regression" if key in ("toy:plane", "toy:bumps") else "classification"
    assert prepared.spec.target.task == kind


def test_the_documents_inputs_reach_the_neuron_as_they_are():
    choices, _, table = settled(
        {"data": {"source": "shipped:document", "validation": 0}, "network": {"preset": "neuron"}},
        SHELF["shipped:document"],
    )
    prepared = ready(choices, SHELF["shipped:document"], table)
    raw = np.array([list(row.values()) for row in neuron_table().to_pylist()], float)
    np.testing.assert_array_equal(prepared.X, raw[:, :3])
    np.testing.assert_array_equal(prepared.values, (raw[:, :3].sum(axis=1) > 0).astype(int))


def test_body_mass_of_the_penguins_is_a_number():
    penguins = SHELF["shipped:penguins"]
    change = {"data": {"source": penguins.key, "target": "body_mass_g"}}
    choices, _, table = settled(change, penguins)
    prepared = ready(choices, penguins, table)
    assert (prepared.spec.target.task, prepared.ignored) == ("regression", 2)


def test_a_given_table_stands_on_the_shelf_under_its_files_name():
    found = shelf({str(penguins_path()): penguins_path()})["table:penguins"]
    assert (found.title, found.kind, found.table.num_rows) == ("penguins", "table", 344)
    with pytest.raises(BadTable, match=r"there is no file nowhere\.csv"):
        shelf({"nowhere.csv": "nowhere.csv"})
    with pytest.raises(BadChoice, match="there is no table 'table:x'") as error:
        find(SHELF, "table:x")
    assert error.value.where == "data.source"


def test_the_usual_target_is_the_last_column_that_can_be_predicted():
    texts = [f"person {i}" for i in range(40)]
    table = pa.table({"a": np.arange(40.0), "b": ["u", "v"] * 20, "name": texts, "one": [1] * 40})
    assert table_source("people.csv", table).target == "b"
    assert table_source("people.csv", table, "a").target == "a"
    with pytest.raises(BadTable, match="people has no column 'c'; the columns are: a, b"):
        table_source("people.csv", table, "c")


# uploads


def csv(rows, columns):
    head = ",".join(f"c{k}" for k in range(columns))
    return (head + "\n" + (",".join("1" * columns) + "\n") * rows).encode()


def as_parquet(table):
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def test_uploads_are_read_in_all_their_forms():
    table = pa.table({"a": [1.5, None, 3.0], "b": ["u", "v", "u"]})
    text = b"a,b\n1.5,u\n,v\n3,u\n"
    for data in (text, gzip.compress(text), gzip.compress(text[:9]) + gzip.compress(text[9:])):
        assert table_source("t.csv", data).table.to_pylist() == table.to_pylist()
    assert table_source("t.parquet", as_parquet(table)).table == table


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "bad is empty"),
        (b"a\n1\n2\n", "only the column 'a'"),
        (csv(3, 201), "bad has 201 columns, and the playground takes 200; chainrule train"),
        (csv(0, 50_000), "bad has 50,000 columns, and the playground takes 200"),
        (csv(200_001, 2), "bad has 200,001 rows, and the playground takes 200,000"),
        (b"\x00\x01\x02\x03" * 50, "bad"),
        (b"PK\x03\x04....", "a zip file or an Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PAR1 and no more", "damaged Parquet"),
        (gzip.compress(csv(99, 3))[:-9], "is gzipped and cut short"),
        (gzip.compress(csv(99, 3))[:-8] + b"\xff" * 8, "is gzipped and damaged"),
        (gzip.compress(gzip.compress(csv(99, 3))), "is gzipped twice"),
        (b"a,a\n1,2\n", "'a' at positions 1, 2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data, said):
    with pytest.raises(BadTable) as error:
        table_source("bad.csv", data)
    assert said in str(error.value)


def test_what_unpacks_to_too_much_is_refused_before_it_takes_memory(monkeypatch):
    monkeypatch.setattr(sources, "UNPACKED", 1 << 20)
    bomb = gzip.compress(b"a,b\n" + b"0" * (1 << 21))
    with pytest.raises(BadTable, match="bomb unpacks to more than 1 MiB, the most here"):
        table_source("bomb.csv.gz", bomb)
    many = gzip.compress(b"0" * (1 << 19)) * 3
    with pytest.raises(BadTable, match="bomb unpacks to more than 1 MiB"):
        table_source("bomb.csv.gz", many)
    numbers = np.random.default_rng(0).random(1 << 17)
    wide = as_parquet(pa.table({"a": numbers, "b": numbers}))
    with pytest.raises(BadTable, match="bomb unpacks to more than 1 MiB"):
        table_source("bomb.parquet", wide)


ROWS = b"a,b\n" + b"1,1\n" * 50


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ROWS, "bad has 51 rows, and the playground takes 5"),
        (b"a,b" + b"\n" * 52, "bad has 52 rows"),
        (b"a,b" + b"\r" * 52, "bad has 52 rows"),
        (b"a,b\n" + b"," * 20, "bad has more cells than 5 rows of 4 columns"),
        (b"a,b\n1,2\n3," + b"x" * 64, "bad has a line of more than 0 MiB after line 3"),
        (b"a,b\n1," + b"x" * 64 + b"\n3,4\n", "bad has a line of more than 0 MiB after line 2"),
    ],
)
def test_text_that_would_take_minutes_to_read_is_refused_before(data, said, monkeypatch):
    monkeypatch.setitem(sources.LIMITS, "rows", 5)
    monkeypatch.setitem(sources.LIMITS, "columns", 4)
    monkeypatch.setattr(sources, "LINE", 64)
    monkeypatch.setattr(sources, "table_from_bytes", None)  # would fail if it were called
    for content in (data, gzip.compress(data)):
        with pytest.raises(BadTable) as error:
            table_source("bad.csv", content)
        assert said in str(error.value)


def test_lists_with_many_values_in_a_parquet_file_are_not_read(monkeypatch):
    monkeypatch.setitem(sources.LIMITS, "rows", 50)
    monkeypatch.setitem(sources.LIMITS, "columns", 4)
    monkeypatch.setattr(sources, "table_from_bytes", None)  # would fail if it were called
    data = as_parquet(pa.table({"a": [[0] * 300, [1]], "b": [1, 2]}))
    with pytest.raises(BadTable, match="bomb has lists of too many values in its cells"):
        table_source("bomb.parquet", data)


def test_a_gzipped_file_of_very_many_members_is_read_in_time():
    data = gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n3,4\n5,5\n") * 20_000
    assert table_source("members.csv.gz", data).table.num_rows == 60_000


def test_a_long_text_that_repeats_is_counted_as_often_as_it_stands(monkeypatch):
    texts = pa.array(["u" * 20_000, None, "v"] * 50)
    data = as_parquet(pa.table({"a.b": texts, "b": np.arange(150.0)}))
    assert len(data) < 20_000
    monkeypatch.setattr(sources, "table_from_bytes", None)  # would fail if it were called
    monkeypatch.setattr(sources, "UNPACKED", 1_000_000)
    with pytest.raises(BadTable, match="bomb unpacks to more than"):
        table_source("bomb.parquet", data)
    monkeypatch.undo()
    assert table_source("fine.parquet", data).table.num_rows == 150


def test_too_large_a_file_is_refused(monkeypatch):
    monkeypatch.setitem(sources.LIMITS, "upload_bytes", 100)
    with pytest.raises(BadTable, match="big has 103 bytes; 100 are the most"):
        table_source("big.csv", b"a,b\n" + b"1,2\n" * 24 + b"1,2")


def test_a_parquet_file_that_claims_too_many_rows_is_not_read(monkeypatch):
    monkeypatch.setitem(sources.LIMITS, "rows", 3)
    data = as_parquet(pa.table({"a": [1, 2, 3, 4], "b": [1, 2, 3, 5]}))
    monkeypatch.setattr(sources, "table_from_bytes", None)  # would fail if it were called
    with pytest.raises(BadTable, match="t has 4 rows, and the playground takes 3"):
        table_source("t.parquet", data)


@given(st.binary(max_size=80), st.sampled_from([b"", b"a,b\n", b"PAR1", b"\x1f\x8b\x08\x00"]))
def test_any_bytes_are_a_table_or_refused(data, start):
    try:
        source = table_source("x", start + data)
    except BadTable:
        return
    assert source.target in source.table.column_names


def test_hostile_names_stay_text():
    name = "<img src=x onerror=alert(1)>"
    source = table_source(f"../../{name}.csv", f'"{name}",b\n1,2\n3,4\n'.encode())
    assert source.table.column_names[0] == name
    assert source.key == "table:alert(1)>" or "/" not in source.key


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b/c.csv", "c"), ("c.csv.gz", "c"), ("C.PARQUET", "C"), ("\u202e.csv", "table"),
        ("..", "table"), ("", "table"), ("a" * 300, "a" * 100), ("my data.tsv", "my data"),
    ],
)  # fmt: skip
def test_names_of_files(path, name):
    assert sources.name_of(path) == name


# settling


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ({"data": {"target": "y"}}, "data.target", "there is no column 'y' to predict"),
        ({"data": {"columns": ["x3"]}}, "data.columns", "there is no column 'x3'"),
        ({"data": {"columns": ["label"]}}, "data.columns", "no column is left to feed"),
        ({"data": {"columns": []}}, "data.columns", "no column is left to feed"),
        ({"data": {"kinds": {"x3": "date"}}}, "data.kinds", "there is no column 'x3' that"),
        ({"data": {"kinds": {"label": "date"}}}, "data.kinds", "no column 'label' that could"),
        ({"data": {"task": "regression"}}, "data.task", "regression needs a target of numbers"),
        ({"network": {"loss": "poisson"}}, "network.loss", "not go with 2 classes of 'label'"),
    ],
)
def test_what_was_asked_for_and_does_not_fit_is_refused(change, where, said):
    moons = SHELF["toy:moons"]
    with pytest.raises(BadChoice) as error:
        settled(change, moons)
    assert said in str(error.value)
    assert error.value.where == where


def test_what_was_there_before_and_does_not_fit_falls_back_with_a_note():
    penguins, plane = SHELF["shipped:penguins"], SHELF["toy:plane"]
    before = choices_of({"data": {"source": penguins.key}, "network": {"loss": "cross_entropy"}})
    choices, notes, table = settled({"data": {"source": "toy:plane"}}, plane, before)
    assert choices.network.loss is None
    assert notes == (
        "the loss cross_entropy does not go with the numbers of 'value': the usual one is taken",
    )
    assert ready(choices, plane, table).network.loss == "half_squared_error"
    counts = choices_of({"data": {"source": "toy:x"}, "network": {"loss": "poisson"}})
    choices, notes, _ = settled({"data": {"source": "toy:plane"}}, plane, counts)
    assert choices.network.loss is None  # values below 0 are no counts


@pytest.mark.parametrize("key", ["shipped:penguins", "toy:plane", "toy:gaussians"])
def test_the_neuron_is_left_where_it_does_not_fit(key):
    neuron = choices_of({"network": {"preset": "neuron"}, "data": {"classes": 3}})
    choices, notes, table = settled({"data": {"source": key}}, SHELF[key], neuron)
    assert choices.network.preset is None
    assert notes == ("the document's neuron does not go with this table: it is left",)
    ready(choices, SHELF[key], table)
    stays, notes, _ = settled({"data": {"source": "toy:xor"}}, SHELF["toy:xor"], neuron)
    assert (stays.network.preset, notes) == ("neuron", ())
    asked = {"data": {"source": key}, "network": {"preset": "neuron"}}
    choices, _, table = settled(asked, SHELF[key], neuron)
    with pytest.raises(BadChoice, match="preset='neuron'") as error:
        ready(choices, SHELF[key], table)
    assert error.value.where == "network.preset"


def test_a_parameter_of_a_loss_that_has_none_is_named():
    moons = SHELF["toy:moons"]
    choices, _, table = settled({"network": {"loss_parameter": 2.0}}, moons)
    with pytest.raises(BadChoice, match="has no parameter of its own") as error:
        ready(choices, moons, table)
    assert error.value.where == "network.loss_parameter"


def test_columns_that_are_not_chosen_are_dropped():
    penguins = SHELF["shipped:penguins"]
    change = {"data": {"source": penguins.key, "columns": ["island", "bill_depth_mm"],
                       "kinds": {"bill_depth_mm": "categorical"}}}  # fmt: skip
    choices, _, table = settled(change, penguins)
    prepared = ready(choices, penguins, table)
    kinds = {c.name: c.kind for c in prepared.spec.columns}
    assert [n for n, kind in kinds.items() if kind != "dropped"] == ["island", "bill_depth_mm"]
    assert kinds["bill_depth_mm"] == "categorical"


def test_too_much_is_refused_before_it_takes_memory():
    source = SHELF["toy:moons"]
    choices, _, table = settled({"network": {"hidden_layer_sizes": [512] * 6}}, source)
    with pytest.raises(BadChoice, match="has 1,315,329 parameters, and the playground takes 1,0"):
        ready(choices, source, table)
    many = np.repeat([f"k{i}" for i in range(150)], 2)
    classes = table_source("many.csv", pa.table({"x": np.arange(300.0) / 7, "y": many}))
    choices, _, table = settled({}, classes)
    with pytest.raises(BadChoice, match="'y' has 150 classes, and the playground takes 100"):
        ready(choices, classes, table)
    n = 100_000
    texts = {f"t{k}": np.array([f"v{i}" for i in range(190)])[np.arange(n) % 190] for k in range(9)}
    wide = table_source("wide.csv", pa.table(texts | {"y": np.arange(n) / 3}))
    choices, _, table = settled({"data": {"target": "y"}}, wide)
    with pytest.raises(BadTable, match="100,000 rows of about 1,710 inputs are too many"):
        ready(choices, wide, table)


def test_arguments_are_those_of_fit():
    """The model that ``fit`` trains with them is the run's, but for its tempered probabilities."""
    from chainrule.playing.run import Run

    bumps = SHELF["toy:bumps"]
    choices, _, table = settled({"data": {"source": bumps.key}, "training": {"epochs": 9}}, bumps)
    model = fit(table, **arguments(choices, bumps, table))
    run = Run(ready(choices, bumps, table), choices)
    run.advance(10**6)
    np.testing.assert_array_equal(model.parameters[0], run.theta)
    assert model.summary.settings == run.model().summary.settings
    assert Choices() == choices_of({})


def test_a_step_over_too_much_at_once_is_refused_with_how_much_is_possible(monkeypatch):
    moons = shelf()["toy:moons"]
    network = {"hidden_layer_sizes": [64, 64]}
    monkeypatch.setattr(settling, "MOST_IN_A_STEP", 400_000)
    chosen = choices_of({"network": network, "training": {"batch_size": None}})
    table = table_of(moons, chosen.data)
    with pytest.raises(BadChoice, match="210 rows of a network of 4,417 parameters") as error:
        ready(chosen, moons, table)
    assert "take a batch of at most 90 rows" in str(error.value)
    assert error.value.where == "training.batch_size"
    for size in (90, 32):
        chosen = choices_of({"network": network, "training": {"batch_size": size}})
        assert ready(chosen, moons, table).network.n_parameters == 4417
