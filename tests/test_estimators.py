"""The estimators beside scikit-learn's own: weights, courses, conventions."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as sklearns
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import chainrule

pytestmark = [
    pytest.mark.compiled_only,  # whole trainings
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, THREE = make_classification(200, 8, n_informative=5, n_classes=3, random_state=0)
TWO = np.where(THREE > 0, "yes", "no")
MANY = np.stack([THREE == 1, X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1).astype(int)
NUMBER = X[:, 0] ** 2 + X[:, 1]
NUMBERS = np.stack([NUMBER, X[:, 2]], axis=1)
COUNT = np.random.default_rng(0).poisson(np.exp(0.3 * X[:, 0]))
WEIGHT = np.random.default_rng(1).uniform(0.1, 2.0, len(X))
TARGETS = {
    "three classes": ("MLPClassifier", THREE, {}),
    "two classes": ("MLPClassifier", TWO, {}),
    "labels": ("MLPClassifier", MANY, {}),
    "numbers": ("MLPRegressor", NUMBER, {}),
    "counts": ("MLPRegressor", COUNT, {"loss": "poisson"}),
    "several numbers": ("MLPRegressor", NUMBERS, {}),
    "several counts": ("MLPRegressor", np.stack([COUNT, COUNT[::-1]], 1), {"loss": "poisson"}),
}
USUAL = {"hidden_layer_sizes": (7, 5), "random_state": 3, "max_iter": 20, "alpha": 0.1}


def pair(name, **settings):
    return [getattr(package, name)(**settings) for package in (sklearns, chainrule)]


def fitted(target, sample_weight=None, table=X, **settings):
    name, y, own = TARGETS[target]
    both = pair(name, **(USUAL | own | settings))
    return [model.fit(table, y, sample_weight=sample_weight) for model in both]


def assert_alike(theirs, ours, tolerance=1e-8):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(theirs, name), getattr(ours, name), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)
    assert theirs.n_iter_ == ours.n_iter_
    assert theirs.t_ == ours.t_
    assert theirs.out_activation_ == ours.out_activation_


def assert_alike_in_course(theirs, ours):
    assert_alike(theirs, ours)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-8)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_"):
        given = getattr(theirs, name, None)
        if given is None:
            assert getattr(ours, name, None) is None
        else:
            np.testing.assert_allclose(getattr(ours, name), given, rtol=1e-8)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_weights_are_scikit_learns(solver, activation, target):
    assert_alike_in_course(*fitted(target, solver=solver, activation=activation))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("target", ["three classes", "numbers", "counts", "several numbers"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_with_sample_weights(early_stopping, target, solver):
    settings = {"early_stopping": early_stopping, "batch_size": 30, "max_iter": 60, "tol": 1e-3}
    both = fitted(target, sample_weight=WEIGHT, solver=solver, **settings)
    if target == "counts" and solver != "lbfgs":  # the deviance's constant is not by batches here
        assert_alike(*both)
    else:
        assert_alike_in_course(*both)


SETTINGS = [
    {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 3},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"shuffle": False, "batch_size": 33},
    {"batch_size": 1},
    {"alpha": 0.0},
    {"tol": 0.05, "n_iter_no_change": 2},
    {"learning_rate_init": 0.02, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"solver": "sgd", "momentum": 0.3, "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    {"solver": "lbfgs", "max_iter": 60, "tol": 0.03},
    {"hidden_layer_sizes": 4},
    {"hidden_layer_sizes": []},
]


@pytest.mark.parametrize("target", ["three classes", "two classes", "numbers", "several numbers"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_setting_means_the_same(settings, target):
    assert_alike_in_course(*fitted(target, **settings))


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_are_scikit_learns(target):
    theirs, ours = fitted(target)
    np.testing.assert_allclose(
        ours.score(X, TARGETS[target][1]), theirs.score(X, TARGETS[target][1])
    )
    if hasattr(theirs, "classes_"):
        assert ours.predict(X).tolist() == theirs.predict(X).tolist()
        assert ours.classes_.tolist() == theirs.classes_.tolist()
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)
        np.testing.assert_allclose(
            ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-7
        )
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}, {"shuffle": False}], ids=str)
def test_partial_fit_goes_on(settings):
    both = pair("MLPClassifier", **(USUAL | settings))
    for _ in range(4):
        for model in both:
            model.partial_fit(X, TWO, classes=["no", "yes"])
    assert_alike_in_course(*both)
    both = pair("MLPRegressor", **(USUAL | settings))
    for _ in range(4):
        for model in both:
            model.partial_fit(X, NUMBER)
    assert_alike_in_course(*both)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_warm_start_goes_on(solver):
    both = pair("MLPClassifier", **(USUAL | {"warm_start": True, "max_iter": 5, "solver": solver}))
    for _ in range(3):
        for model in both:
            model.fit(X, THREE)
    assert_alike_in_course(*both)
    with pytest.raises(ValueError, match="same classes"):
        both[1].fit(X, TWO == "yes")


def test_sparse_tables_give_the_same_weights():
    dense = fitted("three classes")[1]
    for make in (scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        sparse = fitted("three classes", table=make(X))[1]
        assert_alike(dense, sparse, 1e-12)
        np.testing.assert_array_equal(sparse.predict(make(X)), dense.predict(X))


def test_float32_stays_float32():
    theirs, ours = fitted("numbers", table=X.astype(np.float32))
    assert ours.coefs_[0].dtype == ours.predict(X.astype(np.float32)).dtype == np.float32
    assert_alike(theirs, ours, 1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_all_checks_of_scikit_learn(name):
    model = getattr(chainrule, name)(max_iter=100)
    results = check_estimator(model, on_fail=None, on_skip=None)
    assert len(results) > 50
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


def test_among_the_tools_of_scikit_learn():
    model = chainrule.MLPClassifier((5,), max_iter=300, learning_rate_init=0.01, random_state=0)
    pipe = make_pipeline(StandardScaler(), model)
    assert cross_val_score(pipe, X, THREE, cv=3).mean() > 0.4
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, THREE)
    assert search.best_params_["mlpclassifier__alpha"] in (0.1, 1.0)
    again = pickle.loads(pickle.dumps(pipe.fit(X, THREE)))
    np.testing.assert_array_equal(again.predict_proba(X), pipe.predict_proba(X))


def test_a_pickled_model_goes_on_as_the_model():
    model = chainrule.MLPClassifier(**USUAL).partial_fit(X, THREE, classes=[0, 1, 2])
    again = pickle.loads(pickle.dumps(model))
    assert_alike(model.partial_fit(X, THREE), again.partial_fit(X, THREE), 0)


BAD = {
    "hidden_layer_sizes must be > 0": {"hidden_layer_sizes": (3, 0)},
    "'solver' parameter of MLPClassifier must be": {"solver": "magic"},
    "'alpha' parameter of MLPClassifier must be": {"alpha": -1},
    "The validation set is too small": {"early_stopping": True, "validation_fraction": 0.004},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_settings_are_refused(message):
    table, y = (X, TWO) if "small" not in message else (X, NUMBER)
    name = "MLPClassifier" if "small" not in message else "MLPRegressor"
    with pytest.raises(ValueError, match=message):
        getattr(chainrule, name)(**BAD[message]).fit(table, y)


def test_partial_fit_is_for_stochastic_solvers():
    with pytest.raises(AttributeError):
        chainrule.MLPClassifier(solver="lbfgs").partial_fit(X, TWO, classes=["no", "yes"])


def test_an_unfinished_training_warns_and_overflow_raises():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        chainrule.MLPRegressor(max_iter=2).fit(X, NUMBER)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        chainrule.MLPRegressor(max_iter=2, solver="lbfgs").fit(X, NUMBER)
    with pytest.raises(ValueError, match="non-finite"):
        chainrule.MLPRegressor(solver="sgd", learning_rate_init=1e9).fit(X * 1e9, NUMBER)
