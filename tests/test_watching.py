"""What the estimators tell while they train, and what is left after Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from itertools import count

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import chainrule
from chainrule.perceptron import STOCHASTIC
from chainrule.restarts import trained
from chainrule.rules import WHOLESALE

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 3))
NUMBER = np.tanh(X[:, 0] * X[:, 1]) + X[:, 2]
PLAIN = {"hidden_layer_sizes": (4,), "activation": "tanh", "random_state": 1, "max_iter": 6}
OWN_STEPS = sorted(WHOLESALE)
COLOUR = r"\x1b\[[39]\d"

pytestmark = pytest.mark.compiled_only  # whole trainings


def regressor(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return chainrule.MLPRegressor(**PLAIN | settings).fit(X, NUMBER)


@pytest.fixture
def terminal(monkeypatch):
    """Let Rich take standard error for a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def last_shown(err):
    return re.sub(r"\x1b\[[0-9;?]*\w", "", err).replace("\r", "\n").strip().splitlines()[-1]


@pytest.mark.parametrize("solver", [*STOCHASTIC, *OWN_STEPS])
def test_a_bar_follows_every_solver(solver, terminal, capsys):
    model = regressor(solver=solver, verbose="bar")
    out, err = capsys.readouterr()
    assert out == ""
    assert last_shown(err).startswith("epoch 6/6 ")
    assert f"loss {model.loss_:.4g} " in last_shown(err)
    assert re.search(COLOUR, err)
    np.testing.assert_array_equal(model._packed(), regressor(solver=solver)._packed())


def test_the_bar_shows_the_validation_loss_and_ends_where_the_training_does(terminal, capsys):
    model = regressor(
        verbose="bar",
        early_stopping=True,
        max_iter=500,
        learning_rate_init=0.05,
        n_iter_no_change=3,
    )
    said = last_shown(capsys.readouterr().err)
    assert said.startswith(f"epoch {model.n_iter_}/{model.n_iter_} ")
    assert f"validation {model.validation_loss_curve_[-1]:.4g} " in said
    assert model.n_iter_ < 500


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_bar_counts_the_epochs_of_all_restarts(n_jobs, terminal, capsys):
    epochs = count(1)
    regressor(
        verbose="bar", n_restarts=3, n_jobs=n_jobs, max_iter=300, learning_rate_init=0.1,
        callback=lambda model: next(epochs) < 0,
    )  # fmt: skip
    total = next(epochs) - 1
    assert total < 900
    assert last_shown(capsys.readouterr().err).startswith(f"epoch {total}/{total} ")


def test_no_color_is_heeded(terminal, monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    regressor(verbose="bar")
    err = capsys.readouterr().err
    assert last_shown(err).startswith("epoch 6/6 ")
    assert not re.search(COLOUR, err)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"n_restarts": 2}], ids=str)
def test_where_there_is_no_terminal_a_bar_is_lines(settings, monkeypatch, capsys):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    printed = []
    for verbose in ("bar", True):
        regressor(**settings, verbose=verbose)
        printed.append(capsys.readouterr())
    assert printed[0] == printed[1]
    assert printed[0].out.startswith("Iteration 1, loss = ")
    assert printed[0].err == ""


def test_the_terminal_is_loaded_only_for_a_bar():
    code = "import sys, chainrule.estimators; print('chainrule.terminal' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"False"


@pytest.mark.parametrize("solver", OWN_STEPS)
def test_a_callback_hears_every_step(solver):
    heard = []

    def callback(model):
        heard.append((model.n_iter_, model.loss_, model._packed(), model.predict(X)))

    model = regressor(solver=solver, callback=callback)
    assert [h[0] for h in heard] == [1, 2, 3, 4, 5, 6]
    assert heard[-1][1] == model.loss_
    for steps in (2, 5):
        alone = regressor(solver=solver, max_iter=steps)
        np.testing.assert_allclose(heard[steps - 1][2], alone._packed(), rtol=1e-12)
        np.testing.assert_allclose(heard[steps - 1][3], alone.predict(X), rtol=1e-12)
        np.testing.assert_allclose(heard[steps - 1][1], alone.loss_, rtol=1e-12)


@pytest.mark.parametrize("solver", OWN_STEPS)
def test_a_callback_stops_every_solver(solver):
    model = chainrule.MLPRegressor(**PLAIN, solver=solver, callback=lambda m: m.n_iter_ == 3)
    model.fit(X, NUMBER)  # and no warning
    assert model.n_iter_ == 3
    alone = regressor(solver=solver, max_iter=3)
    np.testing.assert_allclose(model._packed(), alone._packed(), rtol=1e-12)
    np.testing.assert_allclose(model.loss_, alone.loss_, rtol=1e-12)


def presses(epoch):
    """Return a callback in which Ctrl-C is pressed after an epoch."""

    def callback(model):
        if model.n_iter_ == epoch:
            signal.raise_signal(signal.SIGINT)

    return callback


@pytest.mark.parametrize("solver", ["adam", *OWN_STEPS])
def test_ctrl_c_keeps_what_there_is(solver):
    model = chainrule.MLPRegressor(**PLAIN, solver=solver, callback=presses(3))
    with pytest.warns(UserWarning, match="Training interrupted by user.") as caught:
        model.fit(X, NUMBER)
    assert len(caught) == 1  # none of convergence
    assert caught[0].filename == __file__
    alone = regressor(solver=solver, max_iter=3)
    np.testing.assert_allclose(model._packed(), alone._packed(), rtol=1e-12)
    assert model.n_iter_ == 3
    np.testing.assert_allclose(model.loss_, alone.loss_, rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", *OWN_STEPS])
def test_ctrl_c_before_the_first_epoch_is_done_leaves_a_model(solver, monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    untrained = regressor(solver=solver, max_iter=0)
    monkeypatch.setattr("chainrule.kernels.run", pressed)
    monkeypatch.setattr("chainrule.perceptron.Perceptron._loss_now", lambda *_: 1.5)
    model = chainrule.MLPRegressor(**PLAIN, solver=solver)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, NUMBER)
    np.testing.assert_array_equal(model._packed(), untrained._packed())
    assert (model.n_iter_, model.loss_) == (0, 1.5)


def test_ctrl_c_keeps_the_best_restart_and_begins_no_other():
    begun = []

    def callback(model):
        if model.n_iter_ == 1:
            begun.append(model.random_state)
        if len(begun) == 3 and model.n_iter_ == 2:
            signal.raise_signal(signal.SIGINT)

    settings = {"n_restarts": 8, "callback": callback, "learning_rate_init": 0.05}
    model = chainrule.MLPRegressor(**PLAIN | settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, NUMBER)
    assert [str(w.message) for w in caught] == ["Training interrupted by user."]
    alone = [
        regressor(random_state=seed, learning_rate_init=0.05, max_iter=epochs)
        for seed, epochs in zip(begun, (6, 6, 2), strict=True)
    ]
    best = min(alone, key=lambda m: m.loss_)
    np.testing.assert_array_equal(model._packed(), best._packed())
    assert model.loss_curve_ == best.loss_curve_


@pytest.mark.parametrize("solver", ["adam", *OWN_STEPS])
def test_ctrl_c_ends_restarts_in_threads(solver):
    heard, both = [], threading.Barrier(2, timeout=30)

    def callback(model):
        heard.append((model.random_state, model.n_iter_))
        if both.wait() == 0 and model.n_iter_ == 2:  # two are under way
            os.kill(os.getpid(), signal.SIGINT)
        if model.n_iter_ == 2:
            time.sleep(1)  # the main thread looks up meanwhile

    settings = {"n_restarts": 8, "n_jobs": 2, "solver": solver, "callback": callback}
    model = chainrule.MLPRegressor(**PLAIN | settings)
    with pytest.warns(UserWarning, match="interrupted") as caught:
        model.fit(X, NUMBER)
    assert [str(w.message) for w in caught] == ["Training interrupted by user."]
    assert caught[0].filename == __file__
    assert len({seed for seed, _ in heard}) == 2
    assert model.n_iter_ == max(epochs for _, epochs in heard) == 2
    alone = [regressor(solver=solver, random_state=s, max_iter=2) for s in {s for s, _ in heard}]
    best = min(alone, key=lambda m: m.loss_)
    np.testing.assert_allclose(model._packed(), best._packed(), rtol=1e-12)


def test_the_error_of_one_restart_ends_the_others():
    begun = []

    def call(number):
        begun.append(number)
        if number == 1:
            raise ValueError("the second")
        return number

    for jobs in (1, 2):
        begun.clear()
        with pytest.raises(ValueError, match="the second"):
            trained(call, range(50), jobs, threading.Event())
        assert len(begun) < 50


def test_nothing_to_keep_is_an_interrupt():
    def call(number):
        raise KeyboardInterrupt

    for jobs in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            trained(call, range(3), jobs, threading.Event())
