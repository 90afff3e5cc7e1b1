"""The estimators in the places where scikit-learn's stand: its own tools take both alike."""

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(3, 2, size=(90, 3))
LABELS = np.where(X[:, 0] + RANDOM.normal(size=90) > X[:, 1], "yes", "no")
NUMBER = X[:, 0] - X[:, 1] * X[:, 2]
WEIGHT = RANDOM.uniform(0.5, 2, 90)
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 6, "random_state": 4}
PACKAGES = (chainrule, neural_network)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifiers(**settings):
    return [package.MLPClassifier(**SETTINGS | settings) for package in PACKAGES]


def regressors(**settings):
    return [package.MLPRegressor(**SETTINGS | settings) for package in PACKAGES]


def assert_alike(values):
    ours, theirs = values
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


WRAPPED = {
    "pipeline": lambda m: make_pipeline(StandardScaler(), m),
    "calibrated": lambda m: CalibratedClassifierCV(m, cv=3),
    "bagging": lambda m: BaggingClassifier(m, n_estimators=3, random_state=0),
    "voting": lambda m: VotingClassifier(
        [("net", m), ("line", LogisticRegression())], voting="soft"
    ),
    "grid": lambda m: GridSearchCV(m, {"alpha": [1e-4, 1.0], "activation": ["tanh", "relu"]}, cv=3),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_classifiers_inside_of_others(name):
    assert_alike([WRAPPED[name](m).fit(X, LABELS).predict_proba(X) for m in classifiers()])


def test_regressors_inside_of_others():
    for wrap in (
        lambda m: make_pipeline(StandardScaler(), m),
        lambda m: BaggingRegressor(m, n_estimators=3, random_state=0),
        lambda m: StackingRegressor([("net", m), ("line", LinearRegression())], cv=3),
        lambda m: GridSearchCV(m, {"alpha": [1e-4, 1.0]}, cv=3),
    ):
        assert_alike([wrap(m).fit(X, NUMBER).predict(X) for m in regressors()])


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation(n_jobs):
    assert_alike([cross_val_score(m, X, LABELS, cv=3, n_jobs=n_jobs) for m in classifiers()])


def test_permutation_importance():
    fitted = [m.fit(X, NUMBER) for m in regressors(solver="lbfgs", max_iter=40)]
    importances = [permutation_importance(m, X, NUMBER, random_state=0) for m in fitted]
    assert_alike([i.importances_mean for i in importances])
    assert importances[0].importances_mean.min() > 0


def test_frames_give_names_and_come_out_of_transformers():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    ours, theirs = (
        make_pipeline(StandardScaler(), m).set_output(transform="pandas").fit(frame, NUMBER)
        for m in regressors()
    )
    assert_alike([ours.predict(frame), theirs.predict(frame)])
    assert ours[-1].feature_names_in_.tolist() == ["a", "b", "c"]
    for model in (ours[-1], theirs[-1]):
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame.rename(columns={"a": "z"}))
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(X)


def test_a_scorer_of_early_stopping_does_not_miss_the_names():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    settings = SETTINGS | {"early_stopping": True, "scoring": "f1_macro"}
    model = chainrule.MLPClassifier(**settings).fit(frame, LABELS)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    plain = chainrule.MLPClassifier(**settings).fit(X, LABELS)
    assert model.validation_scores_ == plain.validation_scores_


def test_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        scores, weight = [], {"sample_weight": WEIGHT}
        for model in regressors():
            model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            routed = make_pipeline(scaler, model)
            scores.append(cross_validate(routed, X, NUMBER, cv=3, params=weight)["test_score"])
        assert_alike(scores)
        model = regressors()[0].set_fit_request(sample_weight=True)
        routed = make_pipeline(scaler, model).fit(X, NUMBER, **weight)
        direct = regressors()[0].fit(scaler.fit_transform(X), NUMBER, WEIGHT)
        np.testing.assert_array_equal(direct.coefs_[0], routed[-1].coefs_[0])


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize(
    "copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, through_joblib]
)
def test_copies_predict_and_go_on_alike(copied):
    model = classifiers()[0].fit(X, LABELS)
    other = copied(model)
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    for each in (model, other):
        each.set_params(random_state=1).partial_fit(X, LABELS)
    np.testing.assert_array_equal(other.coefs_[0], model.coefs_[0])


def test_a_clone_is_untrained_and_equal():
    model = chainrule.MLPRegressor(**SETTINGS, l1=0.1)
    model.fit(X, NUMBER)
    other = clone(model)
    assert not hasattr(other, "coefs_")
    assert other.get_params() == model.get_params()
    assert repr(other) == repr(model)
    assert "MLPRegressor" in model._repr_html_()


def test_what_is_wrong_is_said_in_the_same_words():
    wrong = [
        {"hidden_layer_sizes": -1}, {"solver": "newton"}, {"alpha": -1.0}, {"batch_size": 0},
        {"momentum": 2.0}, {"tol": -1}, {"n_iter_no_change": 0}, {"hidden_layer_sizes": (3, 0)},
    ]  # fmt: skip
    for settings in wrong:
        said = []
        for model in regressors(**settings):
            with pytest.raises(ValueError, match=next(iter(settings))) as caught:
                model.fit(X, NUMBER)
            said.append(str(caught.value).split(" must be")[0])
        assert said[0] == said[1]
    for y in (np.append(NUMBER[1:], np.nan), NUMBER[1:]):
        said = []
        for model in regressors():
            with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared below
                model.fit(X, y)
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_both_warn_alike():
    said = []
    ours, theirs = classifiers(max_iter=1, batch_size=1000)
    for model in (ours, theirs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, LABELS)
        said.append([(w.category, str(w.message)) for w in caught])
        assert {w.filename for w in caught if model is ours} <= {__file__}
    assert said[0] == said[1]
    assert said[0][-1][0] is ConvergenceWarning


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_warnings_point_to_the_call_of_fit(solver):
    with pytest.warns(ConvergenceWarning, match=f"{solver} failed") as caught:
        regressors()[0].set_params(solver=solver, max_iter=2).fit(X, NUMBER)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam", "tol": 0.02, "n_iter_no_change": 2, "max_iter": 400},
        {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 400},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "max_iter": 400},
    ],
    ids=["loss", "score", "adaptive"],
)
def test_both_print_the_same_lines(settings, capsys):
    printed = []
    for model in classifiers(**settings, verbose=True):
        model.fit(X, LABELS)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].endswith("Stopping.\n")


def test_weights_set_by_hand_are_trained_on():
    models = classifiers(solver="sgd", momentum=0.0, alpha=0.0, batch_size=90)
    W, b = [RANDOM.normal(size=shape) for shape in ((3, 5), (5, 1))], [np.zeros(5), np.ones(1)]
    for model in models:
        model.coefs_, model.intercepts_ = [w.copy() for w in W], [v.copy() for v in b]
        model.n_outputs_, model.n_layers_, model.out_activation_ = 1, 3, "logistic"
        model.t_, model.loss_curve_, model.best_loss_ = 0, [], np.inf
        model.n_features_in_, model._no_improvement_count = 3, 0
        model.partial_fit(X, LABELS, classes=["no", "yes"])
    for ours, theirs in zip(models[0].coefs_, models[1].coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    assert not np.array_equal(models[0].coefs_[0], W[0])


def test_the_rate_of_a_warm_start_follows_the_steps_of_all_fits():
    settings = {"solver": "sgd", "learning_rate": "invscaling", "warm_start": True, "max_iter": 1}
    models = regressors(**settings, learning_rate_init=0.01)
    for _ in range(3):
        assert_alike([model.fit(X, NUMBER).coefs_[0] for model in models])
        assert models[0].t_ == models[1].t_
