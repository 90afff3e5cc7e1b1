"""Train on tables, predict from raw rows: values, splits, presets, refusals."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn.metrics import accuracy_score, log_loss

import chainrule
from chainrule import (
    BadSetting,
    BadTable,
    Diverged,
    Network,
    fit,
    forward,
    load,
    train,
    train_ensemble,
)  # fmt: skip
from chainrule.datasets import penguins, penguins_path
from chainrule.prepare import TEST, TRAIN, VALIDATION, _parts, prepare
from chainrule.table import features, target_values

pytestmark = pytest.mark.compiled_only  # whole trainings


@pytest.fixture(scope="module")
def model():
    return fit(penguins(), "species")


@pytest.fixture(scope="module")
def weights():
    return fit(penguins(), "body_mass_g", epochs=50)


def numbers(n=200, seed=0):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, n))
    return pd.DataFrame({"a": a, "b": b, "y": 3 * a - 2 * b + 10})


# Training


def test_the_penguins_are_told_apart(model):
    scores = model.summary.scores
    assert scores["network"]["accuracy"] > 0.95
    assert scores["linear"]["accuracy"] > 0.95
    assert 0.4 < scores["baseline"]["accuracy"] < 0.5
    assert scores["baseline"]["roc_auc"] == 0.5
    assert model.summary.rows == {"train": 275, "validation": 0, "test": 69}
    assert model.parameters.shape == (5, model.network.n_parameters)


def test_a_number_is_predicted_in_its_own_units(weights):
    scores = weights.summary.scores
    assert scores["network"]["r2"] > 0.8
    assert scores["network"]["rmse"] < 350 < 700 < scores["baseline"]["rmse"]
    mass = np.array(penguins()["body_mass_g"].to_numpy(), dtype=float)
    assert abs(np.nanmean(weights.predict(penguins()) - mass)) < 100


def test_a_line_is_learned_exactly():
    model = fit(numbers(), "y", hidden_layer_sizes=(), solver="rprop", batch_size=None, epochs=500)
    table = pd.DataFrame({"a": [0.0, 1.0, 0.0], "b": [0.0, 0.0, 1.0]})
    assert model.predict(table) == pytest.approx(np.array([10.0, 13.0, 8.0]), abs=1e-2)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(model):
    again, other = fit(penguins(), "species"), fit(penguins(), "species", seed=1)
    assert again.parameters.tobytes() == model.parameters.tobytes()
    assert again.summary == model.summary
    assert other.parameters.tobytes() != model.parameters.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saved_and_loaded_it_predicts_the_same_bits(dtype, tmp_path):
    model = fit(penguins(), "species", dtype=dtype, epochs=20)
    model.save(tmp_path / "m.safetensors")
    back = load(tmp_path / "m.safetensors")
    assert back.parameters.dtype == dtype
    assert back.summary == model.summary
    shares = model.predict_proba(penguins())
    assert back.predict_proba(penguins()).tobytes() == shares.tobytes()
    assert back.histories == model.histories
    assert len(back.histories) == 5


def test_the_scores_are_those_of_predictions(model):
    table = penguins()
    truth = np.array(table["species"].to_pylist())
    scores = model.evaluate(table)
    assert scores["accuracy"] == accuracy_score(truth, model.predict(table))
    shares = model.predict_proba(table)
    assert shares.sum(axis=1) == pytest.approx(np.ones(344), abs=1e-6)
    shares = shares.astype(float) / shares.sum(axis=1, keepdims=True, dtype=float)
    assert scores["log_loss"] == pytest.approx(log_loss(truth, shares), rel=1e-4)


def test_predictions_are_the_engines(model):
    X = features(model.spec, penguins(), np.float32)
    shares = np.mean([forward(model.network, theta, X) for theta in model.parameters], axis=0)
    assert model.predict_proba(penguins()).tobytes() == shares.tobytes()


def test_the_default_is_the_ensemble_of_five_folds(model):
    prepared = prepare(penguins(), "species")
    settings = {
        "solver": "adamw", "learning_rate": 0.01, "schedule": "one_cycle", "weight_decay": 0.1,
        "batch_size": 32, "epochs": 600, "patience": 180, "seed": 0, "dtype": np.float32,
    }  # fmt: skip
    rows = prepared.train
    alone = train_ensemble(model.network, prepared.X[rows], prepared.Y[rows], **settings)
    assert model.network.sizes == (14, 128, 64, 3)
    assert model.parameters.tobytes() == alone.parameters.tobytes()


def test_one_network_is_a_training():
    model = fit(penguins(), "body_mass_g", ensemble=1, epochs=40)
    prepared = prepare(penguins(), "body_mass_g", ensemble=1)
    rows, held = prepared.train, prepared.validation
    assert (len(rows), len(held), len(prepared.test)) == (233, 41, 68)
    X, Y = prepared.X, prepared.Y
    settings = prepared.settings | {"epochs": 40, "patience": 12}
    alone = train(model.network, X[rows], Y[rows], validation=(X[held], Y[held]), **settings)
    assert model.parameters.tobytes() == alone.parameters.tobytes()
    assert model.histories == (alone.history,)
    error = np.abs(forward(model.network, alone.parameters, X[held]) - Y[held])
    assert model.ensemble.residuals.tobytes() == np.sort(error, axis=0).tobytes()
    assert (model.predict_spread(penguins()) == 0).all()


@pytest.mark.parametrize("members", [1, 3])
def test_a_column_of_weights_is_what_rows_count(members):
    table = numbers(90).assign(w=np.arange(90) % 3)
    settings = {"ensemble": members, "epochs": 10, "hidden_layer_sizes": 4}
    model = fit(table, "y", sample_weight="w", **settings)
    plain = prepare(table, "y", drop=["w"], **settings)
    rows, held = plain.train, plain.validation
    given = plain.settings | {"sample_weight": table["w"].to_numpy()[rows]}
    if members == 1:
        watched = (plain.X[held], plain.Y[held])
        alone = train(plain.network, plain.X[rows], plain.Y[rows], validation=watched, **given)
        assert model.parameters[0].tobytes() == alone.parameters.tobytes()
    else:
        several = train_ensemble(plain.network, plain.X[rows], plain.Y[rows], members=3, **given)
        assert model.parameters.tobytes() == several.parameters.tobytes()
    assert model.predict(table.drop(columns="w")).shape == (90,)
    assert model.summary.settings["sample_weight"] == "w"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, -1.0, 1.0, 1.0], "row 2 of the weights 'w' is -1"),
        ([1.0, 1.0, np.inf, 1.0], "row 3 of the weights 'w' is inf"),
        ([None, 1.0, 1.0, 1.0], "row 1 of the weights 'w' is nan"),
        ([0.0] * 4, "are 0 in all 4 rows"),
        (["much"] * 4, "'w'"),
    ],
)
def test_weights_that_are_refused(values, message):
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "b", "a", "b"], "w": values})
    with pytest.raises(BadTable, match=message):
        fit(table, "y", sample_weight="w")
    with pytest.raises(BadTable, match="there is no column 'v' of weights"):
        fit(table, "y", sample_weight="v")


def test_intervals_are_in_the_targets_units(tmp_path):
    model = fit(penguins(), "body_mass_g", ensemble=3, intervals=0.8, epochs=30)
    mean, scale = model.predict(penguins()), model.spec.target.scale
    lower, upper = model.predict_interval(penguins())
    margin = model.ensemble.margin(0.8)[0] * scale
    assert upper - mean == pytest.approx(np.full(344, margin), rel=1e-6)
    assert mean - lower == pytest.approx(np.full(344, margin), rel=1e-6)
    wider = model.predict_interval(penguins(), 0.95)
    assert (wider[1] - wider[0] > upper - lower).all()
    scores = model.evaluate(penguins())
    mass = np.array(penguins()["body_mass_g"].to_numpy(), dtype=float)
    inside = (lower <= mass) & (mass <= upper)
    assert scores["covered"] == inside.sum() / np.isfinite(mass).sum()
    assert scores["width"] == pytest.approx(2 * margin)
    assert set(model.summary.scores["network"]) == {"rmse", "mae", "r2", "covered", "width"}
    model.save(tmp_path / "m.safetensors")
    assert (
        load(tmp_path / "m.safetensors").predict_interval(penguins())[0].tolist() == lower.tolist()
    )


def test_the_spread_is_that_of_the_networks(model, weights):
    X = features(weights.spec, penguins(), np.float32)
    each = [forward(weights.network, theta, X)[:, 0] for theta in weights.parameters]
    expected = np.std(each, axis=0, ddof=1) * weights.spec.target.scale
    assert weights.predict_spread(penguins()) == pytest.approx(expected, rel=1e-5)
    assert model.predict_spread(penguins()).shape == (344, 3)
    two = fit(penguins(), "sex", epochs=3)
    assert two.predict_spread(penguins()).shape == (344, 2)


def test_settings_follow_the_number_of_rows():
    table = numbers(2500)
    large = prepare(table, "y").recorded
    assert {k: large[k] for k in ("epochs", "patience", "weight_decay", "ensemble")} == {
        "epochs": 200, "patience": 60, "weight_decay": 0.1, "ensemble": 5,
    }  # fmt: skip  # 1,600 rows a member, 50 steps an epoch
    assert prepare(table, "y", ensemble=1, validation=0, test_size=0).recorded["epochs"] == 127
    assert prepare(table, "y", batch_size=None).recorded["epochs"] == 600
    assert prepare(table, "y", epochs=50).recorded["patience"] == 15
    assert prepare(table, "y", epochs=50, patience=None).recorded["patience"] is None
    huge = prepare(numbers(40_000), "y", test_size=0).recorded
    assert (huge["epochs"], huge["weight_decay"]) == (20, 400 / 32_000)
    other = prepare(table, "y", solver="adam").recorded
    assert (other["learning_rate"], other["schedule"], other["epochs"]) == (0.001, "constant", 500)
    assert prepare(numbers(11), "y").recorded["ensemble"] == 1


def test_the_same_bits_on_any_number_of_cores(model):
    again = fit(penguins(), "species", n_jobs=1)
    assert again.parameters.tobytes() == model.parameters.tobytes()


def test_all_kinds_of_tables_give_the_same(model, tmp_path):
    table = penguins()
    expected = model.predict_proba(table)
    parquet.write_table(table, tmp_path / "p.parquet")
    for other in (
        table.to_pandas(), pl.from_arrow(table), penguins_path(), tmp_path / "p.parquet",
        table.select(table.column_names[::-1]), table.drop_columns(["species"]),
        table.append_column("more", pa.array(range(344))),
    ):  # fmt: skip
        assert model.predict_proba(other).tobytes() == expected.tobytes()


def test_unseen_categories_and_missing_values_are_taken(model):
    row = {name: [None] for name in penguins().column_names}
    assert model.predict(pa.table(row)).shape == (1,)
    row["island"] = ["Atlantis"]
    assert np.isfinite(model.predict_proba(pa.table(row))).all()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([3, 5], np.integer),
        ([True, False], np.bool_),
        (["no", "yes"], np.str_),
        ([0.5, 1.5], float),
    ],
)
def test_classes_keep_their_type(values, kind):
    x = np.linspace(-1, 1, 60)
    table = pa.table({"x": x, "y": pa.array([values[int(v > 0)] for v in x])})
    model = fit(table, "y", task="classification", learning_rate=0.05, epochs=100)
    found = model.predict(table)
    assert isinstance(found[0].item() if kind is float else found[0], kind)
    assert (found == np.array(table["y"].to_pylist())).mean() > 0.9
    assert model.predict_proba(table).shape == (60, 2)
    assert model.network.sizes[-1] == 1


def test_a_callback_sees_every_epoch_and_can_stop():
    seen = []

    def callback(progress):
        seen.append((progress.epoch, progress.loss, progress.validation_loss))
        return progress.epoch == 4

    model = fit(penguins(), "species", ensemble=1, callback=callback)
    assert [epoch for epoch, _, _ in seen] == [0, 1, 2, 3, 4]
    assert [loss for _, loss, _ in seen] == model.histories[0].loss
    assert [loss for _, _, loss in seen] == model.histories[0].validation_loss
    assert model.summary.courses[0].stopped == "callback"


def test_the_settings_of_a_training_are_passed_on():
    model = fit(
        penguins(), "species", solver="sgd", momentum=0.5, schedule="cosine", epochs=7,
        batch_size=64, patience=None, l1=1e-4, l2=1e-3, clip_norm=1.0, hidden_layer_sizes=(8, 4),
        hidden=("tanh", "elu"), learning_rate=0.1,
    )  # fmt: skip
    assert model.network.sizes == (14, 8, 4, 3)
    assert model.network.activations == ("tanh", "elu", "softmax")
    assert model.summary.settings["momentum"] == 0.5
    for history in model.histories:
        assert len(history.learning_rate) == 7
        assert history.learning_rate[-1] < 0.02


def test_divergence_surfaces_with_the_last_finite_parameters():
    with pytest.raises(Diverged) as caught:
        fit(numbers(), "y", solver="gd", learning_rate=1e6, batch_size=None)
    assert np.isfinite(caught.value.training.parameters).all()


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "half_squared_error"])
def test_losses_for_numbers(loss):
    model = fit(numbers(), "y", loss=loss, epochs=200, learning_rate=0.01)
    assert model.network.output == "identity"
    assert model.summary.scores["network"]["r2"] > 0.95


def test_the_poisson_loss_predicts_rates_of_counts():
    table = numbers()
    counts = np.random.default_rng(0).poisson(np.exp(table["a"]))
    table = table.assign(y=counts)
    model = fit(table, "y", task="regression", loss="poisson", learning_rate=0.01)
    assert model.network.output == "exp"
    assert (model.predict(table) > 0).all()
    assert model.predict(table).mean() == pytest.approx(counts.mean(), rel=0.25)
    with pytest.raises(BadSetting, match="goes down to -1"):
        fit(table.assign(y=counts - 1), "y", task="regression", loss="poisson")


def test_two_classes_by_softmax_and_by_squares():
    table = penguins()
    by_scores = fit(table, "sex", loss="cross_entropy", epochs=30)
    assert by_scores.network.sizes[-1] == 2
    by_squares = fit(table, "species", loss="half_squared_error")
    assert by_squares.network.output == "softmax"
    assert by_squares.summary.scores["network"]["accuracy"] > 0.9


# Rows


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=80),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.integers(0, 2**40),
)
def test_each_part_has_its_share_of_each_class(strata, test_size, validation, seed):
    strata = np.array(strata)
    parts = _parts(strata, test_size, validation, seed)
    for k in np.unique(strata):
        n = int((strata == k).sum())
        held = int((parts[strata == k] == TEST).sum())
        assert (parts[strata == k] == TRAIN).any()
        assert abs(held - n * test_size) <= 1.0 or held == n - 1
        watched = int((parts[strata == k] == VALIDATION).sum())
        assert abs(watched - (n - held) * validation) <= 1.0 or watched == n - held - 1


def test_nothing_is_learned_from_the_rows_that_are_held_out():
    table = penguins().to_pandas()
    prepared = prepare(table, "species")
    held = prepared.test
    changed = table.copy()
    changed.loc[held, ["bill_length_mm", "body_mass_g"]] = 1e6
    changed.loc[held, "island"] = "Atlantis"
    again = prepare(changed, "species")
    assert (again.test == held).all()
    assert again.spec == prepared.spec
    assert again.X[prepared.train].tobytes() == prepared.X[prepared.train].tobytes()
    one, other = fit(table, "species", epochs=5), fit(changed, "species", epochs=5)
    assert one.parameters.tobytes() == other.parameters.tobytes()


def test_the_parts_are_apart_and_cover_the_rows():
    prepared = prepare(penguins(), "sex", validation=0.2)
    joined = np.concatenate([prepared.train, prepared.validation, prepared.test])
    assert sorted(joined) == list(range(333))
    assert prepared.ignored == 11


def test_without_held_out_rows_there_are_no_scores():
    model = fit(penguins(), "species", test_size=0, epochs=3)
    assert model.summary.scores == {}
    assert model.summary.rows == {"train": 344, "validation": 0, "test": 0}
    one = fit(penguins(), "species", test_size=0, epochs=3, validation=0.15)
    assert one.summary.rows == {"train": 292, "validation": 52, "test": 0}


def test_two_rows_are_enough_to_train_on():
    model = fit(pa.table({"x": [0.0, 1.0], "y": [0.5, 2.5]}), "y", epochs=400, learning_rate=0.01)
    assert model.predict(pa.table({"x": [0.0, 1.0]})) == pytest.approx([0.5, 2.5], abs=0.05)


def test_evaluate_takes_a_target_of_another_name(model):
    table = penguins()
    renamed = table.rename_columns(["truth", *table.column_names[1:]])
    assert model.evaluate(renamed, "truth") == model.evaluate(table)
    both = table.append_column("truth", table["species"])
    assert model.evaluate(both, "truth") == model.evaluate(table)
    with pytest.raises(BadTable, match="no column 'trouth'"):
        model.evaluate(renamed, "trouth")


def test_evaluate_leaves_rows_without_a_target_out(model):
    table = penguins()
    species = pa.array([None, *table["species"].to_pylist()[1:]])
    some = table.set_column(0, "species", species)
    assert model.evaluate(some) == model.evaluate(table.slice(1))
    with pytest.raises(BadTable, match="no row of 344 has a value"):
        model.evaluate(table.set_column(0, "species", pa.nulls(344, "string")))


# The preset


def test_the_neuron_is_the_documents_network():
    random = np.random.default_rng(2)
    x = random.normal(size=(3, 80))
    y = 1 / (1 + np.exp(-(x[0] - x[1])))
    table = pd.DataFrame({"p": x[0], "q": x[1], "r": x[2], "y": y})
    model = fit(table, "y", preset="neuron", test_size=0, seed=4)
    assert model.network == Network((3, 1), output="sigmoid", loss="half_squared_error")
    assert model.parameters.dtype == np.float64

    X = features(model.spec, pa.Table.from_pandas(table))
    start = model.network.initial(seed=4)
    w, b = chainrule.feedforward_nn(1000, X.T, y, w=start[:3], b=start[3], report_every=None)
    assert model.parameters.tobytes() == np.append(w, b).tobytes()
    assert target_values(model.spec, pa.Table.from_pandas(table)).tobytes() == y.tobytes()
    assert ((model.predict(table) > 0) & (model.predict(table) < 1)).all()


def test_the_neuron_takes_two_classes_and_other_settings():
    table = penguins().drop_columns(["species", "island"])
    model = fit(table, "sex", preset="neuron", epochs=3000, learning_rate=0.5)
    assert model.summary.courses[0].epochs == 3000
    assert model.summary.scores["network"]["accuracy"] > 0.8
    assert model.predict_proba(table).shape == (344, 2)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("sex", {}, "species, island are categorical"),
        ("sex", {"drop": ["island"]}, "species is categorical: drop it"),
        ("species", {"drop": ["island", "sex"]}, "3 classes"),
        ("body_mass_g", {"drop": ["island", "sex", "species"]}, "from 2700 to 6300"),
        ("sex", {"hidden_layer_sizes": (3,)}, "hidden_layer_sizes"),
        ("sex", {"loss": "huber"}, "loss='huber'"),
    ],
)
def test_what_the_neuron_refuses(target, options, message):
    with pytest.raises(BadSetting, match=message):
        fit(penguins(), target, preset="neuron", **options)


# Refusals


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("species", {"preset": "brain"}, "preset='brain'"),
        ("species", {"test_size": 1}, "test_size=1"),
        ("species", {"test_size": True}, "test_size=True"),
        ("species", {"validation": -0.1}, "validation=-0.1"),
        ("species", {"seed": -1}, "seed=-1"),
        ("species", {"seed": 0.5}, "seed=0.5"),
        ("species", {"dtype": "float16"}, "float32 or float64"),
        ("species", {"task": "ranking"}, "task='ranking'"),
        ("species", {"kinds": {"island": "colour"}}, "colour"),
        ("species", {"drop": ["isle"]}, "isle"),
        ("species", {"hidden_layer_sizes": (0,)}, "sizes"),
        ("species", {"hidden": "relo"}, "hidden='relo'"),
        ("species", {"loss": "poisson"}, "3 classes; the usual one is cross_entropy"),
        ("species", {"loss": "binary_cross_entropy"}, "3 classes"),
        ("species", {"loss": "hinge"}, "loss='hinge'"),
        ("body_mass_g", {"loss": "cross_entropy"}, "regression"),
        ("species", {"solver": "magic"}, "solver='magic'"),
        ("species", {"momentum": 0.9}, "not a parameter of adamw"),
        ("species", {"ensemble": 0}, "ensemble=0 must be a whole number, 1 or more"),
        ("species", {"ensemble": 400}, "400 members need as many rows, and X has 275"),
        ("species", {"ensemble": 5, "validation": 0.2}, "or take ensemble=1"),
        ("species", {"intervals": 0.9}, "'species' has 3 classes"),
        ("body_mass_g", {"intervals": 90}, "intervals=90 must be a share"),
        ("body_mass_g", {"intervals": 0.9, "validation": 0}, "needs rows that a network"),
        ("body_mass_g", {"n_jobs": 0}, "n_jobs=0"),
        ("species", {"batch_size": 0}, "batch_size=0"),
        ("species", {"sample_weight": [1.0]}, "sample_weight=list is no column's name"),
        ("species", {"parameters": [1.0]}, "chainrule.train"),
        ("species", {"epochs": -1}, "epochs=-1"),
    ],
)
def test_settings_that_are_refused(target, options, message):
    with pytest.raises(BadSetting, match=message):
        fit(penguins(), target, **options)


def test_intervals_of_classes_are_refused(model, weights):
    with pytest.raises(BadSetting, match="there are no intervals; use predict_proba"):
        model.predict_interval(penguins())
    with pytest.raises(BadSetting, match=r"coverage=0 must be"):
        weights.predict_interval(penguins(), 0)


def test_probabilities_of_numbers_are_refused(weights):
    with pytest.raises(BadSetting, match="there are no probabilities"):
        weights.predict_proba(penguins())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"x": [1.0], "y": ["a"]}, "'a' is the only one in 1 rows"),
        ({"x": [1.0, 2.0], "y": ["a", "a"]}, "'a' is the only one"),
        ({"x": [1.0, 2.0], "y": [None, None]}, "no row of 2 has a value"),
        ({"x": [5.0, 5.0], "y": ["a", "b"]}, "no column is left"),
        ({"x": [1.0, np.inf], "y": ["a", "b"]}, "row 2 of column 'x' holds inf"),
        ({"x": [1.0, 2.0], "y": [1.0, np.inf]}, "'y' holds inf"),
        ({"x": [1.0, 2.0]}, "no column 'y'"),
    ],
)
def test_tables_that_are_refused(table, message):
    with pytest.raises(BadTable, match=message):
        fit(pa.table(table), "y")


def test_its_face_is_short(model):
    one = fit(penguins(), "species", ensemble=1, hidden_layer_sizes=8, epochs=1)
    assert repr(one) == "<Model of 'species': 14-8-3, classification>"
    assert repr(model) == "<Model of 'species': 5 times 14-128-64-3, classification>"
