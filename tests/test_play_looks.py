"""What is seen of a run: each number again by another way."""

import time

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from chainrule.engine import layer_outputs
from chainrule.playing import looks, snapshots
from chainrule.playing.choices import choices_of
from chainrule.playing.readers import BadChoice
from chainrule.playing.run import Run
from chainrule.playing.scene import MOST_POINTS, scene_of
from chainrule.playing.scores import scores
from chainrule.playing.settling import ready, settle
from chainrule.playing.snapshots import MOST, Snapshots
from chainrule.playing.sources import shelf, table_of, table_source
from chainrule.playing.spread import FLAT, OFF, SQUASHING, spread
from chainrule.rules import ACTIVATIONS

SOURCES = shelf()


def look_at(change, source=None, steps=60):
    """Return a run that has gone some steps, its scene, and its table."""
    choices = choices_of(change)
    found = source or SOURCES[choices.data.source]
    table = table_of(found, choices.data)
    choices, _ = settle(choices, found, table)
    run = Run(ready(choices, found, table), choices)
    run.advance(steps)
    return run, scene_of(run.prepared, table), table


def mixed(rows=200, classes=3):
    """Return a table of every kind of column, with gaps."""
    random = np.random.default_rng(5)
    number = random.normal(10.0, 3.0, rows)
    kind = random.integers(0, 3, rows)
    flag = random.random(rows) < 0.7
    colours = np.array(["red", "green", "blue"])[kind]
    place = np.floor(number / 3 + kind).astype(int) % classes
    return pa.table(
        {
            "number": pa.array(number, mask=random.random(rows) < 0.1),
            "kind": pa.array(colours, mask=random.random(rows) < 0.1),
            "flag": flag,
            "day": pa.array((random.integers(0, 900, rows) + 19000).astype("int32")).cast("date32"),
            "other": random.normal(size=rows),
            "target": np.array(["p", "q", "r"])[place] if classes > 1 else number * 100 + 5000,
        }
    )


MIXED = table_source("mixed.csv", mixed())
TWO = table_source("two.csv", mixed(classes=2))
NUMBERS = table_source("numbers.csv", mixed(classes=1))


def raw_rows(scene, table, x, y, held, size):
    """Return the raw rows of a surface's cells, as a person would write them."""
    n, columns = size * size, {}
    for name, axis in scene.axes.items():
        low, high = axis.range
        centres = np.array([low + (i + 0.5) / size * (high - low) for i in range(size)])
        if name in (x, y):
            places = np.tile(centres, size) if name == x else np.repeat(centres, size)
        elif name in held:
            places = np.full(n, axis.bands.index(held[name]) if axis.bands else held[name])
        else:
            places = np.full(n, usual(table, name, scene))
        kind = axis.column.kind
        if kind == "categorical":
            columns[name] = [axis.bands[int(np.round(p))] for p in places]
        elif kind == "boolean":
            columns[name] = [bool(np.round(p)) for p in places]
        elif kind == "date":
            columns[name] = pa.array(np.round(places * 86400e6).astype("int64")).cast(
                "timestamp[us]"
            )
        else:
            columns[name] = places
    return pa.table(columns)


def usual(table, name, scene):
    """Return the mean, or the most frequent value's place."""
    axis, column = scene.axes[name], table.column(name)
    if axis.bands:
        found = [str(v).lower() for v in column.to_pylist() if v is not None]
        return axis.bands.index(max(axis.bands, key=found.count))
    if axis.column.kind == "date":
        column = column.cast("int32")
    return np.mean([v for v in column.to_pylist() if v is not None])


@pytest.mark.parametrize(
    ("x", "y", "held"),
    [
        ("number", "other", {}),
        ("other", "number", {"kind": "blue", "flag": "true", "day": 19500.0}),
        ("kind", "number", {"other": -2.0, "flag": "false"}),
        ("flag", "kind", {}),
        ("day", "flag", {"kind": "green"}),
    ],
)
@pytest.mark.parametrize("source", [MIXED, TWO, NUMBERS])
def test_a_surface_is_what_the_model_predicts_for_its_raw_rows(source, x, y, held):
    run, scene, table = look_at({"data": {"source": source.key}}, source)
    head, block = looks.surface(scene, run.theta, x, y, held, size=20)
    model, rows = run.model(), raw_rows(scene, table, x, y, held, 20)
    assert (head["x"], head["y"]) == (x, y)
    if source is NUMBERS:
        assert head["kind"] == "number"
        low, high = head["range"]
        values = low + block.ravel() / 255 * (high - low)
        assert_allclose(values, model.predict(rows), atol=(high - low) / 500)
        assert low <= min(table["target"].to_pylist())
        assert high >= max(table["target"].to_pylist())
        return
    expected = model.predict_proba(rows)
    if source is TWO:
        assert head["kind"] == "binary"
        assert_array_equal(block.ravel(), looks.quantised(expected[:, 1], 0, 1))
        assert np.abs(block.ravel() / 255 - expected[:, 1]).max() < 0.5 / 255 + 1e-6
        return
    assert (head["kind"], block.shape) == ("classes", (20, 20, 2))
    assert_array_equal(block.reshape(-1, 2)[:, 0], expected.argmax(axis=1))
    assert np.abs(block.reshape(-1, 2)[:, 1] / 255 - expected.max(axis=1)).max() < 0.5 / 255 + 1e-6


def test_the_lowest_row_of_a_surface_is_the_lowest_of_y():
    plain = {"data": {"source": "toy:plane", "noise": 0.0}, "network": {"hidden_layer_sizes": []}}
    run, scene, _ = look_at(plain, steps=3000)
    head, block = looks.surface(scene, run.theta, "x2", "x1", size=10)  # value = x1 + x2 / 2
    assert (head["x"], head["y"]) == ("x2", "x1")
    steps = np.diff(block.astype(float))
    assert (steps > 0).all()
    assert (np.diff(block.astype(float), axis=0) > 1.5 * steps.mean()).all()
    assert head["x_range"][0] == pytest.approx(-1.1, abs=0.03)


def test_unknown_columns_of_a_surface_are_the_first_two():
    run, scene, _ = look_at({"data": {"source": "shipped:penguins"}})
    assert list(scene.axes)[:2] == ["island", "bill_length_mm"]
    head, _ = looks.surface(scene, run.theta, "x1", "<b>", {"x9": 3.0, "sex": "no such"}, 20)
    assert (head["x"], head["y"]) == ("island", "bill_length_mm")
    assert head["x_range"] == [-0.5, 2.5]
    head, _ = looks.surface(scene, run.theta, "sex", "sex", None, 20)
    assert (head["x"], head["y"]) == ("sex", "island")


def test_a_table_of_one_input_has_a_surface_too():
    source = table_source("one.csv", b"a,b\n" + b"".join(b"%d,%f\n" % (k, k / 7) for k in range(9)))
    run, scene, _ = look_at({}, source)
    head, block = looks.surface(scene, run.theta, "a", "?", size=20)
    assert (head["x"], head["y"]) == ("a", "a")
    assert (block == block[0]).all()
    about, blocks = looks.points(scene, "a", "?")
    assert about["count"] == 9
    assert sorted(blocks["points_xy"][:, 0]) == list(range(9))


def test_values_far_out_are_held_at_the_end_of_what_can_be_seen():
    run, scene, _ = look_at({}, MIXED)
    assert scene.axes["kind"].place_of(1e300) == 2.0
    for value in (1e300, -1e300):
        grid = scene.grid("kind", "flag", {"number": value}, 5)
        assert_allclose(grid[:, 0], np.sign(value) * 1e6, rtol=1e-6)
        looks.surface(scene, run.theta, "kind", "flag", {"number": value}, 20)


def test_grids_are_kept_a_few_at_a_time():
    _, scene, _ = look_at({}, steps=1)
    grids = [scene.grid("x1", "x2", {}, size) for size in range(5, 20)]
    assert len(scene.grids) == 6
    assert scene.grid("x1", "x2", {}, 19) is grids[-1]
    assert scene.grid("x1", "x2", {}, 5) is not grids[0]


@pytest.mark.parametrize("source", ["toy:bumps", "toy:moons", "toy:gaussians"])
@pytest.mark.parametrize("steps", [1, 100])
def test_a_run_that_failed_can_still_be_looked_at(source, steps):
    wild = {"solver": "gd", "learning_rate": 1e19, "batch_size": 8}
    layers = {"hidden_layer_sizes": [5, 4], "hidden": ["relu", "selu"]}
    change = {"data": {"source": source, "classes": 3}, "training": wild, "network": layers}
    run, scene, _ = look_at(change, steps=0)
    while run.status == "going" and run.step < 2000:
        run.advance(steps)
    assert run.status == "failed"
    wildest = np.where(np.arange(len(run.theta)) % 2, 1, -1) * np.finfo(np.float32).max
    for theta in (run.theta, wildest.astype(np.float32)):
        _, block = looks.surface(scene, theta, "x1", "x2")
        assert block.dtype == np.uint8
        head, _ = looks.maps(scene, theta, "x1", "x2")
        assert np.isfinite(head["ranges"]).all()
        found, _ = scores(scene, theta, run.step)
        shown = [*found["train"].values(), *found["validation"].values()]
        assert all(value is None or np.isfinite(value) for value in shown)
        histograms, _ = spread(scene, theta, run.gradient)
        assert all(np.isfinite([one["low"], one["high"]]).all() for one in histograms)
    assert np.isfinite(run.theta).all()
    assert Snapshots().keep(run, scene).head["step"] == run.step


@pytest.mark.compiled_only
def test_a_large_network_has_a_coarser_surface():
    run, scene, _ = look_at({"network": {"hidden_layer_sizes": [512, 512]}}, steps=1)
    assert looks.surface(scene, run.theta, "x1", "x2")[1].shape == (33, 33)


def test_of_many_classes_fewer_rows_are_scored():
    rows = b"".join(b"%d,%d,k%d\n" % (i % 97, i % 89, i % 100) for i in range(9000))
    source = table_source("many.csv", b"x,y,t\n" + rows)
    chosen = choices_of({"data": {"source": source.key}})
    scene = scene_of(ready(chosen, source, source.table), source.table)
    assert len(scene.prepared.train) > 6000
    assert {part: len(scored) for part, scored in scene.scored.items()} == {
        "train": 2000,
        "validation": 2000,
    }


def test_a_network_of_many_inputs_has_a_coarser_surface(monkeypatch):
    monkeypatch.setattr(looks, "MOST_INPUTS", 2 * 50**2)
    run, scene, _ = look_at({}, steps=1)
    assert looks.surface(scene, run.theta, "x1", "x2")[1].shape == (50, 50)


def test_maps_are_the_outputs_of_every_neuron():
    run, scene, _ = look_at({"network": {"hidden_layer_sizes": [3, 4], "hidden": ["tanh", "relu"]}})
    head, block = looks.maps(scene, run.theta, "x1", "x2")
    assert head["neurons"][:4] == [[1, 1], [1, 2], [1, 3], [2, 1]]
    assert head["neurons"][-1] == [3, 1]
    assert block.shape == (8, 20, 20)
    layers = layer_outputs(run.network, run.theta, scene.grid("x1", "x2", {}, 20))
    expected = np.hstack(layers).T.reshape(8, 20, 20)
    for k, (low, high) in enumerate(head["ranges"]):
        width = (high - low) or 1.0
        assert_allclose(low + block[k] / 255 * width, expected[k], atol=width / 500)
    assert head["ranges"][0] == [-1.0, 1.0]
    assert head["ranges"][3][0] == 0.0
    many = look_at({"network": {"hidden_layer_sizes": [64]}}, steps=1)
    assert looks.maps(many[1], many[0].theta, "x1", "x2") == (None, None)


def test_points_are_rows_of_the_table():
    run, scene, table = look_at({"data": {"source": "shipped:penguins", "target": "body_mass_g"}})
    head, blocks = looks.points(scene, "bill_length_mm", "island")
    mass, length = (
        np.array(table.column(n).to_pylist(), float) for n in ("body_mass_g", "bill_length_mm")
    )
    rows = np.flatnonzero(~np.isnan(mass))
    assert head == {"count": len(rows), "of": ["train", "validation"]}
    assert_allclose(blocks["points_target"], mass[rows], rtol=1e-6)
    assert_allclose(blocks["points_xy"][:, 0], length[rows], rtol=1e-6)
    islands = np.array(table.column("island").to_pylist())[rows]
    bands = np.array(scene.axes["island"].bands)[np.round(blocks["points_xy"][:, 1]).astype(int)]
    assert_array_equal(bands, islands)
    assert_array_equal(np.flatnonzero(blocks["points_part"]), run.prepared.validation)
    assert [blocks[name].dtype for name in blocks] == [np.float32, np.float32, np.uint8]


def test_points_without_a_place_are_left_out_and_there_are_not_too_many():
    scene = look_at({}, MIXED)[1]
    absent = np.isnan(scene.axes["number"].values).sum()
    assert absent > 5
    assert looks.points(scene, "number", "other")[0]["count"] == 200 - absent
    many = look_at({"data": {"rows": 5000}}, steps=1)[1]
    blocks = looks.points(many, "x1", "x2")[1]
    assert len(blocks["points_xy"]) == MOST_POINTS
    assert_array_equal(blocks["points_xy"], looks.points(many, "x1", "x2")[1]["points_xy"])


def test_scores_of_classes_are_those_of_the_model():
    run, scene, table = look_at({}, MIXED, steps=300)
    found, blocks = scores(scene, run.theta, run.step)
    model = run.model()
    for part, rows in (("train", run.prepared.train), ("validation", run.prepared.validation)):
        expected = model.evaluate(table.take(pa.array(rows)))
        for name in ("accuracy", "log_loss", "roc_auc"):
            assert found[part][name] == pytest.approx(expected[name], rel=1e-5)
        matrix = np.array(found["confusion"][part])
        assert matrix.sum() == len(rows)
        assert np.trace(matrix) / len(rows) == pytest.approx(expected["accuracy"])
        truth = np.array(table["target"].to_pylist())[rows]
        assert_array_equal(matrix.sum(axis=1), [(truth == k).sum() for k in "pqr"])
    assert found["confusion"]["classes"] == ["p", "q", "r"]
    assert (found["step"], blocks) == (300, {})


def test_scores_of_numbers_come_with_pairs():
    run, scene, table = look_at({}, NUMBERS, steps=300)
    found, blocks = scores(scene, run.theta, run.step)
    expected = run.model().evaluate(table.take(pa.array(run.prepared.validation)))
    for name in ("rmse", "mae", "r2"):
        assert found["validation"][name] == pytest.approx(expected[name], rel=1e-5)
    rows = np.concatenate([run.prepared.train, run.prepared.validation])
    truth = np.array(table["target"].to_pylist())[rows]
    pairs = np.column_stack([run.model().predict(table)[rows], truth])
    assert_allclose(blocks["predicted_actual"], pairs, rtol=1e-4)
    assert_array_equal(np.bincount(blocks["predicted_part"]), [len(run.prepared.train), 60])
    assert found["confusion"] is None


def test_of_many_rows_some_are_scored():
    n = 30_000
    random = np.random.default_rng(1)
    table = pa.table({"x": random.normal(size=n), "y": random.integers(0, 2, n)})
    run, scene, _ = look_at({}, table_source("many.csv", table), steps=1)
    found, _ = scores(scene, run.theta, 1)
    assert found["rows"] == {"train": 20_000, "validation": 9_000}
    assert np.sum(found["confusion"]["train"]) == 20_000
    wide = {"network": {"hidden_layer_sizes": [500, 500]}}
    scene = look_at(wide, table_source("many.csv", table), steps=0)[1]
    assert {part: len(rows) for part, rows in scene.scored.items()} == {
        "train": 793, "validation": 793,
    }  # fmt: skip
    assert set(scene.scored["train"]) <= set(scene.prepared.train)


def test_scores_that_are_not_defined_are_none():
    run, scene, _ = look_at({"data": {"source": "shipped:document", "validation": 0.1}}, steps=2)
    found, _ = scores(scene, run.theta, 2)
    assert len(run.prepared.validation) == 1
    assert found["validation"]["roc_auc"] is None  # a single class


def test_histograms_count_all_values():
    run, scene, _ = look_at({"network": {"hidden_layer_sizes": [3, 4], "hidden": ["tanh", "relu"]}})
    found, _ = spread(scene, run.theta, run.gradient)
    assert [(one["what"], one["layer"]) for one in found] == [
        (what, l) for what in ("weights", "activations", "gradients") for l in (1, 2, 3)
    ]
    values = [W for W, _ in run.network.layers(run.theta)]
    values += layer_outputs(run.network, run.theta, run.prepared.X[run.prepared.train])
    values += [W for W, _ in run.network.layers(run.gradient)]
    for one, expected in zip(found, values, strict=True):
        counts, edges = np.histogram(expected.astype(float), bins=30)
        assert sum(one["counts"]) == expected.size
        assert np.abs(np.array(one["counts"]) - counts).max() <= 1  # on an edge, by rounding
        assert_allclose([one["low"], one["high"]], edges[[0, -1]])


def test_before_the_first_step_there_are_no_gradients():
    run, scene, _ = look_at({}, steps=0)
    assert {one["what"] for one in spread(scene, run.theta, run.gradient)[0]} == {
        "weights",
        "activations",
    }


@pytest.mark.parametrize("rule", [*OFF, *SQUASHING])
def test_ill_neurons_are_named(rule):
    run, scene, _ = look_at({"network": {"hidden_layer_sizes": [3], "hidden": [rule]}}, steps=0)
    theta = run.theta.copy()
    (W, b), _ = run.network.layers(theta)
    W[:, 1], b[1] = 0.0, -100.0  # off, and at its end
    W[:, 2], b[2] = 0.1, 0.5
    _, ill = spread(scene, theta, run.gradient)
    what = "dead" if rule in OFF else "saturated"
    assert [(one["layer"], one["neuron"], one["what"]) for one in ill] == [(1, 2, what)]
    assert ill[0]["text"].startswith(f"Neuron 2 of hidden layer 1 is {what}: ")


def test_slopes_of_squashing_rules_are_those_of_the_rules():
    for name, share in SQUASHING.items():
        for z in np.linspace(-6, 6, 25):
            a, slope = ACTIVATIONS[name](z)
            assert share(a) == pytest.approx(slope / ACTIVATIONS[name](0.0)[1])
    assert FLAT == 0.05
    assert all(ACTIVATIONS[name](-1.0) == (0.0, 0.0) for name in OFF)


@pytest.mark.compiled_only
def test_looking_takes_less_than_five_milliseconds():
    run, scene, _ = look_at({"network": {"hidden_layer_sizes": [16]}})

    def look():
        looks.surface(scene, run.theta, "x1", "x2")
        looks.maps(scene, run.theta, "x1", "x2")
        scores(scene, run.theta, 1)

    seconds = []
    for _ in range(30):
        start = time.perf_counter()
        look()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.005


def test_a_loss_beyond_float32_is_drawn_as_infinite():
    wild = {"solver": "gd", "learning_rate": 1e100, "epochs": 3, "batch_size": None}
    change = {"data": {"source": "toy:plane"}, "training": wild, "dtype": "float64"}
    run, _, _ = look_at(change | {"network": {"hidden_layer_sizes": []}}, steps=2)
    assert run.curve.last[0] > 1e100
    assert run.points()[-1, 1] == np.inf


def test_snapshots_are_kept_compared_and_gone_back_to():
    run, scene, _ = look_at({}, steps=100)
    shelf_ = Snapshots()
    first = shelf_.keep(run, scene, "  early\n")
    theta, points = run.theta.copy(), run.points()
    run.advance(501)
    second = shelf_.keep(run, scene)
    told = shelf_.told()
    assert [one["name"] for one in told] == ["early", "Run 2"]
    assert (told[0]["step"], told[1]["step"], told[1]["epoch"]) == (100, 601, 85)
    assert told[0]["loss"] > told[1]["loss"]
    assert told[0]["scores"]["part"] == "validation"
    assert told[0]["settings"] == "moons, 8 tanh, adam at 0.01, seed 0"
    assert_array_equal(first.theta, theta)
    _, now = looks.surface(scene, run.theta, "x1", "x2", size=20)
    _, then = looks.surface(first.scene, first.theta, "x1", "x2", size=20)
    assert (now != then).any()
    again = Run(first.scene.prepared, first.choices)
    again.restore(first.state)
    assert_array_equal(again.theta, theta)
    assert_array_equal(again.points(), points)
    again.advance(501)
    assert_array_equal(again.theta, second.theta)
    assert_array_equal(first.theta, theta)  # going on has not changed what is kept
    shelf_.rename(first.number, "the first")
    shelf_.forget(second.number)
    assert [one["name"] for one in shelf_.told()] == ["the first"]


def test_snapshots_of_other_tables_count_with_their_rows(monkeypatch):
    run, scene, _ = look_at({}, steps=1)
    other, another, _ = look_at({"data": {"seed": 1}}, steps=1)
    rows = sum(scene.prepared.X.shape) * 4
    kept = Snapshots()
    kept.keep(run, scene)
    state = run.copy_state()
    size = sum(value.nbytes for value in state.values() if isinstance(value, np.ndarray))
    monkeypatch.setattr(snapshots, "MOST_BYTES", 2 * size + rows)
    with pytest.raises(BadChoice, match="the snapshots would take"):
        kept.keep(other, another)
    assert kept.keep(run, scene).number == 2  # the present rows are there anyway


def test_snapshots_have_limits_and_clear_words():
    run, scene, _ = look_at({}, steps=1)
    shelf_ = Snapshots()
    for _ in range(MOST):
        shelf_.keep(run, scene)
    with pytest.raises(BadChoice, match="20 snapshots are kept, the most; forget one first"):
        shelf_.keep(run, scene)
    for number in (99, "1", True, None):
        with pytest.raises(BadChoice, match="there is no such snapshot any more"):
            shelf_.find(number)
    shelf_.forget(3)
    assert shelf_.keep(run, scene).number == MOST + 1  # no number is given twice
