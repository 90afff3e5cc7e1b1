"""What scikit-learn's users asked for and its classes do not have."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, make_scorer, mean_absolute_error

import chainrule
from chainrule.engine import gradient, mean_loss
from chainrule.errors import BadSetting
from chainrule.network import HIDDEN, Network
from chainrule.perceptron import STOCHASTIC

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 4))
NUMBER = np.sin(X[:, 0]) + X[:, 1] ** 2
THREE = np.digitize(X[:, 0] + X[:, 1] * 0.3, [-0.8, 0.9])
PLAIN = {"hidden_layer_sizes": (6,), "activation": "tanh", "random_state": 3, "max_iter": 8}


def fitted(kind, y, fit=None, rows=slice(None), **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**PLAIN | settings).fit(X[rows], y, **fit or {})


def classifier(y=THREE, **settings):
    return fitted(chainrule.MLPClassifier, y, **settings)


def regressor(y=NUMBER, **settings):
    return fitted(chainrule.MLPRegressor, y, **settings)


def assert_same(one, other):
    np.testing.assert_allclose(one._packed(), other._packed(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weights_are_sample_weights(solver):
    weights = {0: 3.0, 1: 0.5, 2: 1.0}
    by_class = classifier(class_weight=weights, solver=solver)
    by_row = classifier(solver=solver, fit={"sample_weight": np.array([3.0, 0.5, 1.0])[THREE]})
    assert_same(by_class, by_row)
    share = np.bincount(THREE)[THREE] * 3 / len(THREE)
    assert_same(
        classifier(class_weight="balanced", solver=solver),
        classifier(solver=solver, fit={"sample_weight": 1 / share}),
    )
    both = classifier(class_weight=weights, solver=solver, fit={"sample_weight": 1 + X[:, 0] ** 2})
    product = (1 + X[:, 0] ** 2) * np.array([3.0, 0.5, 1.0])[THREE]
    assert_same(both, classifier(solver=solver, fit={"sample_weight": product}))


@pytest.mark.parametrize("name", ["logistic", *HIDDEN])
def test_every_activation(name):
    model = regressor(activation=name)
    own = "sigmoid" if name == "logistic" else name
    network = Network((4, 6, 1), own)
    expected = chainrule.forward(network, model._packed(), X)[:, 0]
    np.testing.assert_array_equal(model.predict(X), expected)


def test_an_activation_for_each_layer():
    settings = {"hidden_layer_sizes": (6, 5), "activation": ["relu", "tanh"]}
    model = regressor(**settings)
    relu = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    tanh = np.tanh(relu @ model.coefs_[1] + model.intercepts_[1])
    layers = model.layer_outputs(X)
    np.testing.assert_allclose(layers[0], relu, atol=1e-12)
    np.testing.assert_allclose(layers[1], tanh, atol=1e-12)
    np.testing.assert_array_equal(layers[2][:, 0], model.predict(X))
    with pytest.raises(ValueError, match="2 activations for 1 hidden"):
        regressor(activation=["relu", "tanh"])
    with pytest.raises(ValueError, match="'sine' is not one of"):
        regressor(activation=["sine"])


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
@pytest.mark.parametrize(
    ("loss", "parameter"), [("absolute_error", None), ("huber", 0.7), ("quantile", 0.9)]
)
def test_other_losses_fall(solver, loss, parameter):
    settings = {"loss": loss, "loss_parameter": parameter, "alpha": 0.0}
    rate = 0.05 if solver != "rmsprop" else 0.01
    model = regressor(solver=solver, learning_rate_init=rate, max_iter=40, **settings)
    network = Network((4, 6, 1), "tanh", loss=loss, loss_parameter=parameter)
    start = regressor(solver=solver, learning_rate_init=1e-12, max_iter=1, **settings)
    losses = [mean_loss(network, m._packed(), X, NUMBER) for m in (start, model)]
    assert losses[1] < 0.8 * losses[0]


def test_a_quantile_lies_above_its_share():
    model = regressor(
        loss="quantile", loss_parameter=0.9, max_iter=3000, learning_rate_init=0.01, tol=0.0
    )
    assert 0.85 <= np.mean(model.predict(X) >= NUMBER) <= 0.95


def test_levenberg_marquardt_ends_where_the_slope_is_nothing():
    model = regressor(solver="lm", max_iter=500, alpha=0.8)
    network = Network((4, 6, 1), "tanh")
    _, slope = gradient(network, model._packed(), X, NUMBER)
    for W, part in zip(model.coefs_, network.layers(slope), strict=True):
        np.testing.assert_allclose(part[0], -0.01 * W, atol=1e-5)
    assert model.n_iter_ < 500
    with pytest.warns(ConvergenceWarning, match="lm failed to converge after 2"):
        chainrule.MLPRegressor(solver="lm", max_iter=2).fit(X, NUMBER)
    with pytest.raises(BadSetting, match="half_squared_error"):
        classifier(solver="lm")


def test_validation_data_of_ones_own():
    held = {"X_val": X[60:], "y_val": NUMBER[60:], "sample_weight_val": np.arange(1.0, 21.0)}
    plain = regressor()
    watched = regressor(fit=held)
    assert_same(plain, watched)
    assert len(watched.validation_loss_curve_) == 8
    network = Network((4, 6, 1), "tanh")
    expected = mean_loss(network, watched._packed(), X[60:], NUMBER[60:], np.arange(1.0, 21.0))
    np.testing.assert_allclose(watched.validation_loss_curve_[-1], expected, rtol=1e-12)
    assert plain.validation_loss_curve_ == []
    labelled = classifier(fit={"X_val": X[60:], "y_val": THREE[60:]})
    expected = log_loss(THREE[60:], labelled.predict_proba(X[60:]), labels=[0, 1, 2])
    np.testing.assert_allclose(labelled.validation_loss_curve_[-1], expected, rtol=1e-10)


@pytest.mark.parametrize("scoring", ["loss", "neg_mean_absolute_error", make_scorer(
    mean_absolute_error, greater_is_better=False), None])  # fmt: skip
def test_early_stopping_looks_at_any_score(scoring):
    network = Network((4, 6, 1), "tanh")
    held = {"X_val": X[60:], "y_val": NUMBER[60:]}
    model = regressor(
        early_stopping=True, scoring=scoring, max_iter=400, learning_rate_init=0.05, fit=held
    )
    score = {
        "loss": lambda: -mean_loss(network, model._packed(), X[60:], NUMBER[60:]),
        None: lambda: model.score(X[60:], NUMBER[60:]),
    }.get(scoring, lambda: -mean_absolute_error(NUMBER[60:], model.predict(X[60:])))()
    assert model.n_iter_ < 400
    assert max(model.validation_scores_) == model.best_validation_score_
    np.testing.assert_allclose(score, model.best_validation_score_, rtol=1e-10)  # the best restored


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
@pytest.mark.parametrize("max_iter", [0, 7])
def test_the_loss_of_several_numbers_is_their_mean(max_iter, solver):
    numbers, weight = np.column_stack([NUMBER, X[:, 3], X[:, 2] ** 2]), 1 + X[:, 0] ** 2
    fit = {"sample_weight": weight}
    model = regressor(numbers, solver=solver, max_iter=max_iter, alpha=0.7, fit=fit)
    error = np.average((model.predict(X) - numbers) ** 2, weights=weight, axis=0).mean() / 2
    penalty = 0.7 / 2 / weight.sum() * sum((W**2).sum() for W in model.coefs_)
    np.testing.assert_allclose(model.loss_, error + penalty, rtol=1e-10)


def test_the_validation_loss_of_several_numbers_is_their_mean():
    numbers = np.column_stack([NUMBER, X[:, 3]])
    model = regressor(numbers[:60], fit={"X_val": X[60:], "y_val": numbers[60:]}, rows=slice(60))
    expected = np.mean((model.predict(X[60:]) - numbers[60:]) ** 2) / 2
    np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-12)


def test_partial_fit_scores_every_call_on_validation_data_of_ones_own():
    model = chainrule.MLPClassifier(**PLAIN, early_stopping=True)
    held = {"X_val": X[60:], "y_val": THREE[60:]}
    for _ in range(5):
        model.partial_fit(X[:60], THREE[:60], classes=[0, 1, 2], **held)
    assert len(model.validation_scores_) == 5
    assert model.validation_scores_[-1] == model.score(X[60:], THREE[60:])
    assert len(model.loss_curve_) == len(model.validation_loss_curve_) == 5
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    number = chainrule.MLPRegressor(**PLAIN)
    number.partial_fit(X[:60], NUMBER[:60], X_val=X[60:], y_val=NUMBER[60:])
    expected = mean_loss(Network((4, 6, 1), "tanh"), number._packed(), X[60:], NUMBER[60:])
    np.testing.assert_allclose(number.validation_loss_curve_, [expected], rtol=1e-12)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_partial_fit_holds_out_no_rows_that_it_would_train_on(name):
    model = getattr(chainrule, name)(**PLAIN, early_stopping=True)
    more = {"classes": [0, 1, 2]} if name == "MLPClassifier" else {}
    with pytest.raises(ValueError, match=r"does not support early_stopping=True.*give X_val"):
        model.partial_fit(X, THREE, **more)
    assert not hasattr(model, "coefs_")


def test_partial_fit_of_several_labels():
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0.5]).astype(int)
    model = chainrule.MLPClassifier(**PLAIN | {"learning_rate_init": 0.05})
    for _ in range(300):
        model.partial_fit(X, labels)
    assert (model.predict(X) == labels).mean() > 0.95


def test_a_callback_hears_every_epoch_and_stops():
    heard = []

    def callback(model):
        heard.append((model.n_iter_, model.loss_, model.coefs_[0].copy()))
        return len(heard) == 4

    model = regressor(callback=callback)
    assert [h[0] for h in heard] == [1, 2, 3, 4]
    assert [h[1] for h in heard] == model.loss_curve_
    np.testing.assert_array_equal(heard[-1][2], model.coefs_[0])


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_restarts_keep_the_best_whatever_the_threads(n_jobs, early_stopping):
    settings = {"early_stopping": early_stopping, "learning_rate_init": 0.02}
    model = regressor(n_restarts=5, n_jobs=n_jobs, **settings)
    seeds = np.random.RandomState(3).randint(np.iinfo(np.int32).max, size=5)
    alone = [regressor(random_state=int(seed), **settings) for seed in seeds]
    if early_stopping:
        best = max(alone, key=lambda m: m.best_validation_score_)
    else:
        best = min(alone, key=lambda m: m.loss_)
    np.testing.assert_array_equal(model._packed(), best._packed())
    assert model.get_params()["n_restarts"] == 5
    assert model.loss_curve_ == best.loss_curve_


def test_the_penalty_on_absolute_weights_empties_them():
    penalised = regressor(l1=0.05, max_iter=600, learning_rate_init=0.01, solver="sgd", alpha=0.0)
    free = regressor(max_iter=600, learning_rate_init=0.01, solver="sgd", alpha=0.0)
    small = [np.mean(np.abs(m.coefs_[0]) < 0.02) for m in (penalised, free)]
    assert small[0] > small[1] + 0.2


def test_clipping_bounds_a_step():
    model = regressor(solver="gd", clip_norm=0.5, max_iter=1, learning_rate_init=0.1, batch_size=80)
    start = regressor(solver="gd", max_iter=1, learning_rate_init=1e-14, batch_size=80)
    step = np.linalg.norm(model._packed() - start._packed())
    np.testing.assert_allclose(step, 0.05, rtol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "plateau"])
def test_schedules_are_those_of_train(schedule):
    settings = {"solver": "gd", "learning_rate_init": 0.1, "batch_size": 16, "shuffle": False}
    model = regressor(
        learning_rate=schedule, alpha=0.0, max_iter=40, n_iter_no_change=40, tol=0.0, **settings
    )
    start = regressor(max_iter=1, alpha=0.0, **settings | {"learning_rate_init": 1e-300})
    network = Network((4, 6, 1), "tanh")
    ours = chainrule.train(
        network, X, NUMBER, solver="gd", learning_rate=0.1, schedule=schedule, epochs=40,
        batch_size=16, shuffle=False, parameters=start._packed(),
    )  # fmt: skip
    np.testing.assert_allclose(model._packed(), ours.parameters, rtol=1e-9)


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_of_their_own_steps_speak_too(solver, capsys):
    regressor(solver=solver, verbose=True, max_iter=3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2", "Iteration 3"]
    with pytest.raises(BadSetting, match="l1 does not go with"):
        regressor(solver=solver, l1=0.1)


def test_dropout_follows_the_random_state():
    models = [regressor(dropout=share, random_state=seed) for share, seed in
              [(0.5, 1), (0.5, 1), (0.5, 2), (0.0, 1)]]  # fmt: skip
    np.testing.assert_array_equal(models[0]._packed(), models[1]._packed())
    assert not np.allclose(models[0]._packed(), models[2]._packed())
    assert not np.allclose(models[0]._packed(), models[3]._packed())
    with pytest.raises(ValueError, match="dropout"):
        regressor(dropout=1.0)
    with pytest.raises(BadSetting, match="dropout does not go with"):
        regressor(solver="lbfgs", dropout=0.5)
