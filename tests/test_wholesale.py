"""Solvers that find their own steps, in the loop: lbfgs and lm."""

import numpy as np
import pytest

import naive
from chainrule import loop
from chainrule.datasets import penguins
from chainrule.engine import Objective, checked_data, gradient, mean_loss
from chainrule.errors import BadSetting
from chainrule.fitting import fit
from chainrule.loop import train
from chainrule.network import Network
from chainrule.recipe import choose_solver
from chainrule.rules import WHOLESALE
from tolerances import GRADIENT, assert_close

NETWORK = Network((2, 5, 1), "tanh")
RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(60, 2))
Y = np.sin(X[:, :1]) * X[:, 1:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", WHOLESALE)
def test_the_loss_falls_to_where_the_slope_is_nothing(solver, dtype):
    training = train(NETWORK, X, Y, solver=solver, l2=1e-3, epochs=1000, dtype=dtype)
    assert training.stopped == "converged"
    assert training.parameters.dtype == dtype
    losses = training.history.loss
    assert (np.diff(losses) <= 0).all()
    theta = training.parameters.astype(float)
    assert_close(
        losses[-1], mean_loss(NETWORK, theta, X, Y) + naive.penalty(NETWORK, theta, 0.0, 1e-3)[0],
        GRADIENT[dtype],
    )  # fmt: skip
    slope = gradient(NETWORK, theta, X, Y)[1]
    for W, part in zip(NETWORK.layers(theta), NETWORK.layers(slope), strict=True):
        np.testing.assert_allclose(part[0], -1e-3 * W[0], atol=2e-5)
        np.testing.assert_allclose(part[1], 0, atol=2e-5)
    assert training.history.learning_rate == [1.0] * len(losses)


def test_both_reach_the_same_minimum_of_a_convex_loss():
    line = Network((2, 1))
    found = [train(line, X, Y, solver=s, l2=0.1, epochs=500).parameters for s in WHOLESALE]
    assert_close(found[0], found[1], 1e-4)


@pytest.mark.parametrize("solver", WHOLESALE)
def test_patience_keeps_the_best_parameters(solver):
    noisy = Y + RANDOM.normal(0, 0.5, Y.shape)
    network = Network((2, 20, 1), "tanh")
    held = X[40:], noisy[40:]
    training = train(
        network, X[:40], noisy[:40], validation=held, solver=solver, patience=5, epochs=500
    )
    curve = training.history.validation_loss
    assert training.stopped == "patience"
    assert training.best_epoch == int(np.argmin(curve))
    assert len(curve) == training.best_epoch + 7
    assert_close(mean_loss(network, training.parameters, *held), min(curve), 1e-12)


@pytest.mark.parametrize("solver", WHOLESALE)
def test_epochs_and_callbacks_stop_it(solver):
    assert len(train(NETWORK, X, Y, solver=solver, epochs=3).history.loss) == 3
    start = NETWORK.initial(0)
    unmoved = train(NETWORK, X, Y, solver=solver, epochs=0, parameters=start)
    np.testing.assert_array_equal(unmoved.parameters, start)
    heard = []

    def callback(progress):
        heard.append(progress.loss)
        return len(heard) == 4

    stopped = train(NETWORK, X, Y, solver=solver, epochs=50, callback=callback)
    assert stopped.stopped == "callback"
    assert heard == stopped.history.loss
    assert len(heard) == 4


@pytest.mark.parametrize("solver", WHOLESALE)
def test_ctrl_c_keeps_the_best(solver):
    def callback(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    training = train(NETWORK, X, Y, solver=solver, epochs=50, callback=callback)
    assert training.stopped == "interrupted"
    assert len(training.history.loss) == 3
    assert_close(mean_loss(NETWORK, training.parameters, X, Y), training.history.loss[2], 1e-12)


@pytest.mark.parametrize("solver", WHOLESALE)
@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.1), ("l1", 0.1), ("clip_norm", 1.0), ("schedule", "cosine"),
     ("momentum", 0.5)],
)  # fmt: skip
def test_what_it_cannot_follow_is_refused(solver, name, value):
    with pytest.raises(BadSetting, match=f"{name} does not go with solver='{solver}'"):
        train(NETWORK, X, Y, solver=solver, **{name: value})


def test_a_start_that_overflows_is_refused():
    network = Network((1, 1), output="exp")
    with pytest.raises(BadSetting, match="before the first step"):
        train(network, [[1.0]], [1.0], solver="lbfgs", parameters=np.array([0.0, 1000.0]))


def test_the_objective_is_the_gradient_with_its_penalty():
    theta = NETWORK.initial(3)
    data = checked_data(NETWORK, X, Y, None, np.float64)
    loss, slope = Objective(NETWORK, data, l2=0.2, alpha=6.0).loss_and_gradient(theta)
    plain, expected = gradient(NETWORK, theta, X, Y)
    extra, of_penalty = naive.penalty(NETWORK, theta, 0.0, 0.3)  # 0.2 + 6 / 60
    np.testing.assert_allclose(loss, plain + extra, rtol=1e-12)
    np.testing.assert_allclose(slope, expected + of_penalty, rtol=1e-10, atol=1e-14)


def test_a_share_is_of_the_loss_that_is_reported_alone():
    theta = NETWORK.initial(3)
    data = checked_data(NETWORK, X, Y, None, np.float64)
    objective = Objective(NETWORK, data, l1=0.1, l2=0.2, share=0.25)
    plain, expected = gradient(NETWORK, theta, X, Y)
    extra, of_penalty = naive.penalty(NETWORK, theta, 0.1, 0.2)
    loss, slope = objective.loss_and_gradient(theta)
    np.testing.assert_allclose(loss, 0.25 * plain + extra, rtol=1e-12)
    np.testing.assert_allclose(slope, expected + of_penalty, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(objective.loss(theta), 0.25 * plain, rtol=1e-12)


def test_auto_chooses_by_size_and_loss_and_says_why():
    assert choose_solver(1000, 100, "half_squared_error")[0] == "lm"
    assert choose_solver(1000, 1000, "half_squared_error")[0] == "lbfgs"
    assert choose_solver(1000, 100, "binary_cross_entropy")[0] == "lbfgs"
    assert choose_solver(1000, 100, "absolute_error")[0] == "adamw"
    assert choose_solver(100_000, 100, "half_squared_error")[0] == "adamw"
    options = {"solver": "auto", "hidden_layer_sizes": 32, "epochs": 5}
    settings = fit(penguins(), "species", **options).summary.settings
    assert settings["solver"] == "lbfgs"
    assert "579 parameters on 220 rows" in settings["solver_chosen"]
    assert settings["learning_rate"] is None


def test_the_loop_knows_every_name():
    with pytest.raises(BadSetting, match="adam_section2, lbfgs, lm"):
        loop.train(NETWORK, X, Y, solver="newton")
