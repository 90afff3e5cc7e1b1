"""Initial weights of one's own, and networks that are not trained."""

import copy
import io
import pickle
import warnings
from itertools import pairwise, product

import joblib
import numpy as np
import pytest
import sklearn.neural_network as sklearns
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import chainrule
from chainrule.engine import gradient, mean_loss
from chainrule.network import Network
from chainrule.perceptron import STOCHASTIC

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(70, 3))
NUMBER = X[:, 0] * X[:, 1]
THREE = np.digitize(X[:, 0], [-0.5, 0.6])
SIZES = {"MLPRegressor": (3, 5, 4, 1), "MLPClassifier": (3, 5, 4, 3)}
TARGETS = {"MLPRegressor": NUMBER, "MLPClassifier": THREE}
SETTINGS = {"hidden_layer_sizes": (5, 4), "activation": "tanh", "random_state": 2, "alpha": 0.05}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def initial(name, seed=0):
    random, sizes = np.random.default_rng(seed), SIZES[name]
    W = [random.normal(size=shape) for shape in pairwise(sizes)]
    return {"coefs_init": W, "intercepts_init": [random.normal(size=n) for n in sizes[1:]]}


def assert_weights(model, coefs, intercepts, tolerance=0.0):
    ours, expected = [*model.coefs_, *model.intercepts_], [*coefs, *intercepts]
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam"},
        {"solver": "sgd", "batch_size": 9},
        {"solver": "lbfgs"},
        {"solver": "adam", "shuffle": False},
    ],
    ids=str,
)
def test_from_the_same_weights_both_train_the_same(settings, name):
    settings = SETTINGS | {"max_iter": 12, "n_iter_no_change": 50} | settings
    given = initial(name)
    theirs = getattr(sklearns, name)(**settings | {"max_iter": 1}, warm_start=True)
    theirs.fit(X, TARGETS[name])
    theirs.coefs_ = [W.copy() for W in given["coefs_init"]]
    theirs.intercepts_ = [b.copy() for b in given["intercepts_init"]]
    theirs.set_params(max_iter=12).fit(X, TARGETS[name])
    ours = getattr(chainrule, name)(**settings, **given).fit(X, TARGETS[name])
    assert_weights(ours, theirs.coefs_, theirs.intercepts_, 1e-8)
    assert ours.n_iter_ == theirs.n_iter_
    untouched = initial(name)
    for key in given:  # training left the arrays of the caller alone
        for one, other in zip(given[key], untouched[key], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "solver"),
    [*product(SIZES, [*STOCHASTIC, "lbfgs"]), ("MLPRegressor", "lm")],
)
def test_no_epochs_leave_the_weights_as_they_were(name, solver):
    given, y = initial(name), TARGETS[name]
    model = getattr(chainrule, name)(**SETTINGS, **given, solver=solver, max_iter=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert_weights(model, given["coefs_init"], given["intercepts_init"])
    assert (model.n_iter_, model.t_) == (0, 0)
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = np.tanh(hidden @ model.coefs_[1] + model.intercepts_[1])
    scores = hidden @ model.coefs_[2] + model.intercepts_[2]
    penalty = 0.05 / 2 * sum((W**2).sum() for W in model.coefs_) / len(X)
    if name == "MLPRegressor":
        np.testing.assert_allclose(model.predict(X), scores[:, 0], rtol=1e-12)
        expected = np.mean((scores[:, 0] - y) ** 2) / 2 + penalty
    else:
        assert model.predict(X).tolist() == scores.argmax(axis=1).tolist()
        expected = penalty - np.mean(np.log(model.predict_proba(X)[np.arange(70), y]))
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-12)


def test_without_weights_given_those_drawn_stay():
    drawn = chainrule.MLPRegressor(**SETTINGS, max_iter=0).fit(X, NUMBER)
    barely = chainrule.MLPRegressor(**SETTINGS, max_iter=1, learning_rate_init=1e-300)
    barely.fit(X, NUMBER)
    assert_weights(drawn, barely.coefs_, barely.intercepts_)
    weight = np.linspace(1, 2, 70)
    penalised = chainrule.MLPRegressor(**SETTINGS | {"alpha": 0.0}, max_iter=0, l1=0.3)
    loss = penalised.fit(X, NUMBER, weight).loss_
    expected = mean_loss(Network((3, 5, 4, 1), "tanh"), penalised._packed(), X, NUMBER, weight)
    expected += 0.3 * sum(np.abs(W).sum() for W in penalised.coefs_)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)


def test_one_half_given_leaves_the_other_as_drawn():
    given = initial("MLPRegressor")
    drawn = chainrule.MLPRegressor(**SETTINGS, max_iter=0).fit(X, NUMBER)
    for name in given:
        half = chainrule.MLPRegressor(**SETTINGS, max_iter=0, **{name: given[name]}).fit(X, NUMBER)
        kept = {"coefs_init": drawn.coefs_, "intercepts_init": drawn.intercepts_} | {
            name: given[name]
        }
        assert_weights(half, *kept.values())


def test_warm_starts_and_partial_fit_go_on_from_them():
    given = initial("MLPRegressor")
    network = Network((3, 5, 4, 1), "tanh")
    theta = chainrule.MLPRegressor(**SETTINGS, max_iter=0, **given).fit(X, NUMBER)._packed()
    settings = SETTINGS | {"solver": "gd", "batch_size": 70, "alpha": 0.0, "tol": 0.0} | given
    steps = [theta := theta - 0.1 * gradient(network, theta, X, NUMBER)[1] for _ in range(3)]
    warm = chainrule.MLPRegressor(**settings, learning_rate_init=0.1, max_iter=1, warm_start=True)
    little = chainrule.MLPRegressor(**settings, learning_rate_init=0.1, max_iter=0)
    for step in steps:
        np.testing.assert_allclose(warm.fit(X, NUMBER)._packed(), step, rtol=1e-10)
        np.testing.assert_allclose(little.partial_fit(X, NUMBER)._packed(), step, rtol=1e-10)
    np.testing.assert_array_equal(
        warm._packed(), warm.set_params(max_iter=0).fit(X, NUMBER)._packed()
    )


def test_clones_begin_from_them_too():
    model = chainrule.MLPRegressor(**SETTINGS, max_iter=3, **initial("MLPRegressor"))
    other = clone(model)
    assert_weights(other.fit(X, NUMBER), model.fit(X, NUMBER).coefs_, model.intercepts_)
    assert "coefs_init" in repr(model)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_take_the_type_of_the_rows(dtype):
    given = initial("MLPRegressor")
    model = chainrule.MLPRegressor(**SETTINGS, max_iter=0, **given).fit(X.astype(dtype), NUMBER)
    assert {W.dtype for W in [*model.coefs_, *model.intercepts_]} == {np.dtype(dtype)}
    np.testing.assert_array_equal(model.coefs_[1], given["coefs_init"][1].astype(dtype))


WRONG = {
    r"coefs_init\[1\] of shape \(5, 3\) must be of shape \(5, 4\): from hidden layer 1 to hidden "
    "layer 2": {"coefs_init": [np.ones((3, 5)), np.ones((5, 3)), np.ones((4, 1))]},
    r"intercepts_init\[2\] of shape \(2,\) must be of shape \(1,\): from hidden layer 2 to the "
    "outputs": {"intercepts_init": [np.ones(5), np.ones(4), np.ones(2)]},
    "coefs_init holds 2 arrays for 3 layers": {"coefs_init": [np.ones((3, 5)), np.ones((5, 1))]},
    r"intercepts_init\[0\], from the inputs to hidden layer 1, holds NaN": {
        "intercepts_init": [np.full(5, np.nan), np.ones(4), np.ones(1)]
    },
    "'coefs_init' parameter of MLPRegressor must be": {"coefs_init": 3},
    "n_restarts=2 trains from weights that differ": {
        "n_restarts": 2, "coefs_init": initial("MLPRegressor")["coefs_init"]
    },
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_refused_by_layer(message):
    with pytest.raises(ValueError, match=message):
        chainrule.MLPRegressor(**SETTINGS, **WRONG[message]).fit(X, NUMBER)


def test_restarts_that_are_not_made_do_not_mind_them():
    given = initial("MLPRegressor")
    one = chainrule.MLPRegressor(**SETTINGS, **given).partial_fit(X, NUMBER)
    other = chainrule.MLPRegressor(**SETTINGS, **given, n_restarts=3).partial_fit(X, NUMBER)
    assert_weights(other, one.coefs_, one.intercepts_)


def test_one_epoch_still_warns():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(1\) reached"):
        chainrule.MLPRegressor(**SETTINGS, max_iter=1).fit(X, NUMBER)


def by_hand(model):
    """Predict from what ``coefs_`` and ``intercepts_`` hold at present."""
    values = X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        values = np.tanh(values @ W + b)
    return (values @ model.coefs_[-1] + model.intercepts_[-1])[:, 0]


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIED = {
    "fitted": lambda model: model,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "joblib": through_joblib,
    "twice": lambda model: copy.deepcopy(pickle.loads(pickle.dumps(model))),
}


def scaled(model):
    model.coefs_[1] *= 3.0


def one_number(model):
    model.coefs_[0][2, 1] = 5.0


def one_bias(model):
    model.intercepts_[2][:] = -1.0


def one_array(model):
    model.coefs_[1] = np.full((5, 4), 0.3)


def one_bias_array(model):
    model.intercepts_[0] = np.arange(5.0)


def lists(model):
    model.coefs_ = [W / 2 for W in model.coefs_]
    model.intercepts_ = [b - 1 for b in model.intercepts_]


def swapped(model):
    model.coefs_ = [model.coefs_[0], model.coefs_[1][::-1].copy(), model.coefs_[2]]


CHANGES = [scaled, one_number, one_bias, one_array, one_bias_array, lists, swapped]


@pytest.mark.parametrize("copied", COPIED)
@pytest.mark.parametrize("change", CHANGES)
def test_predictions_follow_every_change_of_the_weights(change, copied):
    first = chainrule.MLPRegressor(**SETTINGS, max_iter=3).fit(X, NUMBER)
    before = first.predict(X)
    model = COPIED[copied](first)
    np.testing.assert_array_equal(model.predict(X), before)
    change(model)
    after = model.predict(X)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, by_hand(model), rtol=1e-10)
    np.testing.assert_allclose(model.predict(X[:1]), after[:1], rtol=1e-10)
    if model is not first:
        np.testing.assert_array_equal(first.predict(X), before)
    again = COPIED[copied](model)
    np.testing.assert_array_equal(again.predict(X), after)
    weights = [W.copy() for W in model.coefs_]
    other = chainrule.MLPRegressor(
        **SETTINGS, max_iter=3, coefs_init=weights, intercepts_init=model.intercepts_
    )
    other.partial_fit(X, NUMBER)
    model._optimiser_ = None
    model.partial_fit(X, NUMBER)  # which begins from the changed weights
    np.testing.assert_array_equal(model._packed(), other._packed())


def test_the_weights_of_a_copy_are_its_own_vector():
    first = chainrule.MLPRegressor(**SETTINGS, max_iter=3).fit(X, NUMBER)
    assert "_joined" not in first.__getstate__()
    for copied in COPIED.values():
        model = copied(first)
        vector = model._packed()
        assert vector is model._packed()  # and not joined for every prediction
        model.coefs_[0][0, 0] = 0.125
        assert vector[0] == 0.125


def test_rows_of_what_is_not_finite_are_refused_one_by_one():
    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        model = chainrule.MLPRegressor(**SETTINGS, max_iter=3).fit(rows, NUMBER)
        for value in (np.nan, np.inf, -np.inf):
            row = rows[:1].copy()
            row[0, 1] = value
            with pytest.raises(ValueError, match="Input X contains"):
                model.predict(row)
        huge = np.full((1, 3), np.finfo(dtype).max / 8)  # whose squares overflow
        np.testing.assert_allclose(
            model.predict(huge), model.predict(np.vstack([huge, huge]))[:1], rtol=1e-5
        )
