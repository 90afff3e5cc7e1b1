"""Scores, the linear model and the baseline, against scikit-learn."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from chainrule import metrics
from chainrule.columns import Target
from chainrule.engine import forward, mean_loss
from chainrule.ensemble import Ensemble, single
from chainrule.network import Network

BINARY = Network((2, 3, 1), output="sigmoid", loss="binary_cross_entropy")


def drawn(seed, n, classes, ties):
    random = np.random.default_rng(seed)
    codes = np.append(np.arange(classes), random.integers(0, classes, n))
    shares = random.dirichlet(np.ones(classes), n + classes)
    if ties:
        shares = np.round(shares, 1)  # many equal values; the rows need not sum to 1 here
    return codes, shares


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(2, 5), st.booleans())
def test_class_scores_are_scikit_learns(seed, n, classes, ties):
    codes, shares = drawn(seed, n, classes, ties)
    found = metrics.class_scores(codes, shares)
    assert found["accuracy"] == reference.accuracy_score(codes, shares.argmax(axis=1))
    if classes == 2:
        expected = reference.roc_auc_score(codes, shares[:, 1])
    else:
        areas = [reference.roc_auc_score(codes == k, shares[:, k]) for k in range(classes)]
        expected = np.mean(areas)
    assert found["roc_auc"] == pytest.approx(expected, abs=1e-12)


def test_the_area_over_several_classes_is_scikit_learns_one_versus_rest():
    codes, shares = drawn(1, 50, 4, ties=False)
    expected = reference.roc_auc_score(codes, shares, multi_class="ovr", average="macro")
    assert metrics.class_scores(codes, shares)["roc_auc"] == pytest.approx(expected, abs=1e-12)


def test_the_area_is_nan_where_a_class_is_absent():
    shares = np.full((3, 3), 1 / 3)
    assert math.isnan(metrics.class_scores(np.array([0, 1, 1]), shares)["roc_auc"])
    assert math.isnan(metrics.class_scores(np.array([1, 1]), shares[:2, :2])["roc_auc"])


@given(st.integers(0, 2**32), st.integers(2, 50), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_number_scores_are_scikit_learns(seed, n, mean, scale):
    random = np.random.default_rng(seed)
    y = mean + scale * random.normal(size=n)
    given_ = y + scale * random.normal(size=n)
    found = metrics.number_scores(y, given_)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(y, given_), rel=1e-12)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y, given_), rel=1e-12)
    assert found["r2"] == pytest.approx(reference.r2_score(y, given_), rel=1e-9)


def test_r2_of_one_value_is_nan():
    assert math.isnan(metrics.number_scores(np.array([2.0, 2.0]), np.array([1.0, 2.0]))["r2"])


def test_the_log_loss_is_scikit_learns():
    random = np.random.default_rng(5)
    X = random.normal(size=(40, 2))
    codes = random.integers(0, 2, 40)
    parameters = BINARY.initial(seed=1)
    shares = metrics.probabilities(single(BINARY, parameters), X)
    expected = reference.log_loss(codes, shares)
    assert metrics.log_loss(single(BINARY, parameters), X, codes) == pytest.approx(
        expected, rel=1e-12
    )
    squared = Network((2, 3, 1), output="sigmoid")
    assert metrics.log_loss(single(squared, parameters), X, codes) == pytest.approx(
        expected, rel=1e-12
    )


def test_the_log_loss_of_three_classes_is_scikit_learns():
    random = np.random.default_rng(6)
    X = random.normal(size=(40, 2))
    codes = np.arange(40) % 3
    network = Network((2, 3), output="softmax")
    parameters = network.initial(seed=1)
    expected = reference.log_loss(codes, forward(network, parameters, X))
    assert metrics.log_loss(single(network, parameters), X, codes) == pytest.approx(
        expected, rel=1e-12
    )


def test_errors_are_in_the_units_of_the_target():
    target = Target("y", "regression", mean=100.0, scale=20.0)
    network = replace(single(Network((1, 1)), np.zeros(2)), residuals=RESIDUALS)
    X, values = np.zeros((2, 1)), np.array([-1.0, 2.0])
    expected = {"rmse": math.sqrt(1000), "mae": 30.0, "r2": pytest.approx(1 - 2000 / 1800)}
    assert metrics.scores(network, target, X, values) == expected
    scores = metrics.scores(network, target, X, values, coverage=0.5)
    assert scores == expected | {"covered": 0.5, "width": 60.0}


RESIDUALS = np.array([[1.0], [1.5], [2.0]])  # the second of 3 covers half


@pytest.mark.parametrize("k", [1, 3])
def test_the_log_loss_of_several_networks_is_of_their_mean(k):
    random = np.random.default_rng(9)
    X, codes = random.normal(size=(30, 2)), np.arange(30) % max(k, 2)
    network = Network((2, k), output="softmax" if k > 1 else "sigmoid")
    parameters = random.normal(size=(4, network.n_parameters))
    several = Ensemble(network, parameters, np.empty((0, k)))
    shares = np.mean([metrics.probabilities(single(network, p), X) for p in parameters], axis=0)
    assert metrics.probabilities(several, X) == pytest.approx(shares, rel=1e-14)
    expected = reference.log_loss(codes, shares)
    assert metrics.log_loss(several, X, codes) == pytest.approx(expected, rel=1e-12)


def test_the_log_loss_of_a_certain_mistake_is_finite():
    network = Network((1, 1), output="sigmoid")
    certain = Ensemble(network, np.array([[0.0, 2000.0], [0.0, 3000.0]]), np.empty((0, 1)))
    loss = metrics.log_loss(certain, np.zeros((1, 1)), np.array([0]))
    assert loss == pytest.approx(2000 + math.log(2))


def table(name):
    X, y = {"cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}[name](
        return_X_y=True
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    if name == "diabetes":
        return X, y, ((y - y.mean()) / y.std())[:, None], Network((X.shape[1], 5, 1))
    if name == "wine":
        network = Network((X.shape[1], 5, 3), output="softmax", loss="cross_entropy")
        return X, y, np.eye(3)[y], network
    network = Network((X.shape[1], 5, 1), output="sigmoid", loss="half_squared_error")
    return X, y, y[:, None].astype(float), network


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes"])
def test_the_linear_model_reaches_the_optimum_of_scikit_learns(name, dtype):
    X, y, Y, network = table(name)
    line = metrics.linear(network, X.astype(dtype), Y.astype(dtype))
    plain, parameters = line.network, line.parameters[0]
    if name == "diabetes":
        model = Ridge(1.0).fit(X, Y[:, 0])
    else:
        model = LogisticRegression(max_iter=10_000, tol=1e-8).fit(X, y)
    theirs = np.append(np.atleast_2d(model.coef_).T.ravel(), model.intercept_)

    def objective(theta):
        W = plain.layers(theta)[0][0]
        return mean_loss(plain, theta, X, Y) + 0.5 / len(X) * float((W**2).sum())

    best = objective(theirs)
    assert plain.sizes == (X.shape[1], Y.shape[1])
    assert best - 1e-9 <= objective(parameters.astype(np.float64)) <= best + 1e-6


def test_a_linear_model_of_counts_is_a_poisson_regression():
    random = np.random.default_rng(7)
    X = random.normal(size=(200, 2))
    y = random.poisson(np.exp(1 + 0.5 * X[:, 0]))
    network = Network((2, 4, 1), output="exp", loss="poisson")
    parameters = metrics.linear(network, X, y[:, None].astype(float)).parameters[0]
    model = PoissonRegressor(alpha=1 / 200, tol=1e-10, max_iter=1000).fit(X, y)
    assert parameters == pytest.approx(np.append(model.coef_, model.intercept_), abs=2e-3)


@pytest.mark.parametrize(
    ("output", "loss", "k"),
    [
        ("softmax", "cross_entropy", 3),
        ("sigmoid", "binary_cross_entropy", 1),
        ("exp", "poisson", 1),
    ],
)
def test_the_baseline_gives_the_mean_to_every_row(output, loss, k):
    random = np.random.default_rng(8)
    Y = random.dirichlet(np.ones(3), 20)[:, :k]
    constant = metrics.baseline(Network((2, 4, k), output=output, loss=loss), Y)
    given_ = constant.mean(random.normal(size=(5, 2)))
    assert given_ == pytest.approx(np.tile(Y.mean(axis=0), (5, 1)), rel=1e-12)


def test_the_baseline_of_numbers_has_an_r2_of_0():
    Y = np.array([[1.0], [2.0], [6.0]])
    constant = metrics.baseline(Network((1, 1)), Y)
    target = Target("y", "regression")
    assert metrics.scores(constant, target, np.ones((3, 1)), Y[:, 0])["r2"] == 0.0


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_baseline_of_one_class_is_finite(output):
    k = 1 if output == "sigmoid" else 2
    Y = np.ones((4, 1)) if k == 1 else np.tile([[0.0, 1.0]], (4, 1))
    constant = metrics.baseline(Network((1, k), output=output), Y.astype(np.float32))
    assert np.isfinite(constant.parameters).all()
    shares = metrics.probabilities(constant, np.ones((1, 1), np.float32))
    assert shares == pytest.approx(np.array([[0.0, 1.0]]), abs=1e-6)
