"""Levenberg-Marquardt: its normal equations against the reference, its steps, its ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

import naive
from chainrule import levenberg
from chainrule.engine import checked_data, forward, gradient, mean_loss
from chainrule.errors import BadSetting
from chainrule.levenberg import levenberg_marquardt, needed_bytes, refuse_too_many
from chainrule.network import HIDDEN, OUTPUTS, Network
from tolerances import (
    DIFFERENCE,
    DIFFERENCE_STEP,
    NORMAL_EQUATIONS,
    OF_EXP,
    assert_close,
    close,
)


def problem(sizes, hidden="tanh", output="identity", n=9, seed=0):
    """Return a network, parameters with biases, X, Y and weights."""
    random = np.random.default_rng([seed, n, *sizes])
    network = Network(sizes, hidden, output)
    theta = random.normal(0, 0.6, network.n_parameters)
    X, Y = random.normal(size=(n, sizes[0])), random.normal(size=(n, sizes[-1]))
    return network, theta, X, Y, random.uniform(0.1, 2, n)


def normal_equations(network, theta, X, Y, sample_weight=None, l2=0.0):
    """Return the loss, g and H as the package computes them."""
    data = checked_data(network, X, Y, sample_weight, np.float64)
    objective = levenberg._Objective(network, data, l2)
    g, diagonal = objective.linearise(theta)
    H = np.triu(objective.normal[:-1, :-1])
    np.testing.assert_array_equal(diagonal, np.diag(H))
    return objective.value(theta), g, H + np.triu(H, 1).T


def steps(network, theta, X, Y, *, sample_weight=None, epochs=1000, dtype=np.float64, **settings):
    """Return the steps, and why they ended."""
    data = checked_data(network, X, Y, sample_weight, dtype)
    running = levenberg_marquardt(network, theta, data, **settings)
    taken = []
    while len(taken) < epochs:
        try:
            taken.append(next(running))
        except StopIteration as end:
            return taken, end.value
    return taken, "epochs"


def curve(n=60):
    x = np.linspace(-2, 2, n).reshape(-1, 1)
    return x, np.sin(2 * x)


# The normal equations


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.lists(st.sampled_from(HIDDEN), min_size=2, max_size=2),
    st.sampled_from(OUTPUTS),
    st.integers(1, 20),
    st.booleans(),
    st.integers(0, 1000),
)
def test_normal_equations_are_those_of_the_reference(sizes, hidden, output, n, weighted, seed):
    if output == "softmax":
        sizes = [*sizes[:-1], sizes[-1] + 1]
    network, theta, X, Y, weight = problem(sizes, hidden[: len(sizes) - 2], output, n, seed)
    weight = weight if weighted else None
    found = normal_equations(network, theta, X, Y, weight)
    for part, expected in zip(
        found, naive.normal_equations(network, theta, X, Y, weight), strict=True
    ):
        assert_close(part, expected, OF_EXP if output == "exp" else NORMAL_EQUATIONS)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_loss_and_slope_are_the_engines(hidden, output):
    network, theta, X, Y, weight = problem((3, 5, 4, 2), hidden, output, n=40)
    loss, g, _ = normal_equations(network, theta, X, Y, weight)
    expected, slope = gradient(network, theta, X, Y, weight)
    assert_close(loss, expected, NORMAL_EQUATIONS)
    assert_close(g, slope, NORMAL_EQUATIONS)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_the_jacobian_of_the_reference_is_a_derivative(output):
    network, theta, X, *_ = problem((3, 4, 2), "gelu", output)
    J = naive.jacobian(network, theta, X)
    for i, step in enumerate(DIFFERENCE_STEP * np.eye(len(theta))):
        up, down = (naive.forward(network, theta + s * step, X)[1][-1] for s in (1, -1))
        assert_close(J[:, :, i], (up - down) / (2 * DIFFERENCE_STEP), DIFFERENCE)


@pytest.mark.parametrize("n", [1, 7, 8, 127, 128, 129, 300])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 5, 1), (3, 11, 4, 2)])
def test_every_size_of_blocks(sizes, n):
    network, theta, X, Y, weight = problem(sizes, n=n)
    found = normal_equations(network, theta, X, Y, weight)
    for part, expected in zip(
        found, naive.normal_equations(network, theta, X, Y, weight), strict=True
    ):
        assert_close(part, expected, NORMAL_EQUATIONS)


def test_many_samples_go_in_calls_that_add_up(monkeypatch):
    network, theta, X, Y, weight = problem((2, 5, 2), n=700)
    whole = normal_equations(network, theta, X, Y, weight)
    monkeypatch.setattr(levenberg, "WORK_A_CALL", 0)  # 128 samples each
    for part, expected in zip(normal_equations(network, theta, X, Y, weight), whole, strict=True):
        assert_close(part, expected, NORMAL_EQUATIONS)


def test_rows_of_the_block_never_lie_at_powers_of_two():
    for parameters in (1, 6, 7, 8, 15, 511, 1023):
        columns = levenberg._block_columns(parameters)
        assert columns > parameters
        assert columns % 8 == 0
        assert columns // 8 % 2 == 1


def test_the_penalty_is_on_weights_alone():
    network, theta, X, Y, _ = problem((3, 4, 2))
    loss, g, H = normal_equations(network, theta, X, Y)
    penalised = normal_equations(network, theta, X, Y, l2=0.3)
    extra, slope = naive.penalty(network, theta, 0.0, 0.3)
    assert_close(penalised[0], loss + extra, NORMAL_EQUATIONS)
    assert_close(penalised[1], g + slope, NORMAL_EQUATIONS)
    assert_close(penalised[2], H + 0.3 * np.diag(naive.weights_mask(network)), NORMAL_EQUATIONS)


@pytest.mark.parametrize("miss", ["without shares", "transposed W", "one sample less", "halved"])
def test_near_misses_fail(miss):
    network, theta, X, Y, weight = problem((3, 5, 3))
    H = normal_equations(network, theta, X, Y, weight)[2]
    order = np.arange(len(theta))
    order[:15] = order[:15].reshape(3, 5).T.ravel()
    wrong = {
        "without shares": normal_equations(network, theta, X, Y)[2],
        "transposed W": H[np.ix_(order, order)],
        "one sample less": normal_equations(network, theta, X[1:], Y[1:], weight[1:])[2],
        "halved": H / 2,
    }[miss]
    expected = naive.normal_equations(network, theta, X, Y, weight)[2]
    assert not close(wrong, expected, NORMAL_EQUATIONS)


# The steps


@given(
    st.sampled_from(HIDDEN), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.01]),
    st.integers(0, 100),
)  # fmt: skip
def test_the_objective_falls_in_every_step(hidden, outputs, weighted, l2, seed):
    network, theta, X, Y, weight = problem((2, 4, outputs), hidden, n=30, seed=seed)
    weight = weight if weighted else None
    before = theta.copy()
    taken, _ = steps(network, theta, X, Y, sample_weight=weight, l2=l2, epochs=8)
    np.testing.assert_array_equal(theta, before)
    last = mean_loss(network, theta, X, Y, weight) + naive.penalty(network, theta, 0.0, l2)[0]
    assert taken
    for step in taken:
        expected = mean_loss(network, step.theta, X, Y, weight)
        expected += naive.penalty(network, step.theta, 0.0, l2)[0]
        assert_close(step.loss, expected, NORMAL_EQUATIONS)
        assert step.loss < last
        last = step.loss


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_linear_network_is_the_exact_ridge(l2, weighted):
    network, theta, X, Y, weight = problem((3, 2), n=40)
    weight = weight if weighted else np.ones(40)
    taken, reason = steps(network, theta, X, Y, sample_weight=weight, l2=l2)
    ones = np.column_stack([X, np.ones(40)])
    share = weight / weight.sum()
    H = (ones.T * share) @ ones + l2 * np.diag([1, 1, 1, 0])
    assert_close(taken[-1].theta.reshape(4, 2), np.linalg.solve(H, (ones.T * share) @ Y), 1e-8)
    assert reason in ("gradient", "fall")
    assert len(taken) <= 5


def test_the_minimum_is_that_of_scipy():
    network, _, _, _, _ = problem((1, 3, 1))
    X, Y = curve()
    Y = Y + np.random.default_rng(3).normal(0, 0.1, Y.shape)
    penalty = np.sqrt(1e-4 * len(X)) * naive.weights_mask(network)  # no valley without an end

    def residuals(theta):
        return np.append((forward(network, theta, X) - Y).ravel(), penalty * theta)

    for seed in range(4):
        theta = network.initial(seed)
        taken, reason = steps(network, theta, X, Y, tolerance=1e-12, l2=1e-4)
        tight = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
        peer = least_squares(residuals, taken[-1].theta + 1e-4, method="lm", **tight)
        assert abs(taken[-1].loss - peer.cost / len(X)) <= 1e-9 * taken[-1].loss, (seed, reason)


def test_a_sine_is_fitted_in_few_epochs():
    network = Network((1, 10, 1), hidden="tanh")
    losses = [
        steps(network, network.initial(seed), *curve(), epochs=100)[0][-1].loss for seed in range(4)
    ]
    assert min(losses) < 5e-5


def test_a_training_goes_on_as_if_never_stopped():
    network = Network((1, 5, 1), hidden="tanh")
    X, Y = curve()
    whole, _ = steps(network, network.initial(1), X, Y, epochs=12)
    stop = whole[4]
    rest, _ = steps(network, stop.theta, X, Y, epochs=7, mu=stop.mu)
    for found, expected in zip(rest, whole[5:], strict=True):
        for part, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(part, other)


def test_a_step_that_overflows_raises_the_damping():
    """From a = e^-5, the parabola of e^z foresees a step of 10^5."""
    network = Network((1, 1), output="exp")
    taken, _ = steps(network, np.array([0.0, -5.0]), [[0.0], [0.0]], [1000.0, 1000.0])
    assert taken[0].mu > 10 * levenberg.FIRST_MU
    assert_close(taken[-1].theta, [0.0, np.log(1000)], 1e-8)


def test_parameters_without_effect_do_no_harm():
    network, theta, X, Y, _ = problem((3, 6, 1), "relu", n=30)
    X[:, 1] = 0
    network.layers(theta)[0][1][0] = -100  # a neuron that is never awake
    taken, _ = steps(network, theta, X, Y, epochs=20)
    (W, b), (V, _) = network.layers(taken[-1].theta - theta)
    assert np.isfinite(taken[-1].theta).all()
    assert not W[1].any()
    assert not W[:, 0].any()
    assert b[0] == V[0, 0] == 0


def test_single_precision_is_computed_in_double():
    network, theta, X, Y, _ = problem((3, 4, 1), n=30)
    rounded = [a.astype(np.float32) for a in (theta, X, Y)]
    single, _ = steps(network, *rounded, dtype=np.float32, epochs=5)
    double, _ = steps(network, *(a.astype(float) for a in rounded), epochs=5)
    for found, expected in zip(single, double, strict=True):
        assert found.theta.dtype == np.float64
        np.testing.assert_array_equal(found.theta, expected.theta)


# The ends


def test_an_exact_fit_ends_by_its_gradient():
    network = Network((1, 1))
    taken, reason = steps(network, np.zeros(2), [[0.0], [1.0]], [1.0, 3.0])
    assert reason == "gradient"
    assert_close(taken[-1].theta, [2.0, 1.0], 1e-8)
    assert steps(network, np.array([2.0, 1.0]), [[0.0], [1.0]], [1.0, 3.0]) == ([], "gradient")


def test_a_small_fall_ends_it():
    network, theta, X, Y, _ = problem((3, 5, 1), n=60)
    taken, reason = steps(network, theta, X, Y, tolerance=1e-3)
    falls = -np.diff([step.loss for step in taken])
    assert reason == "fall"
    assert falls[-1] <= 1e-3 * taken[-1].loss
    assert (falls[:-1] > 0).all()


@pytest.mark.parametrize("unit", [1e-8, 1e-6, 1e-3, 1e3, 1e6])
def test_steps_that_damping_makes_small_do_not_end_it(unit):
    """Of inputs of 10^-6 the slopes are so small that the first damping lets nothing move."""
    network, theta, X, _, _ = problem((3, 1), n=40)
    Y = X @ np.ones((3, 1))
    taken, _ = steps(network, theta, X * unit, Y)
    assert taken[-1].loss < 1e-12


def test_where_no_step_helps_the_damping_ends_it():
    network, theta, X, Y, _ = problem((3, 2), n=20)
    taken, reason = steps(network, theta, X, Y, tolerance=0.0)
    assert reason == "damping"
    assert np.abs(gradient(network, taken[-1].theta, X, Y)[1]).max() < 1e-9


def test_another_loss_is_refused():
    network = Network((1, 1), loss="huber")
    with pytest.raises(BadSetting, match=r"half_squared_error.*huber"):
        steps(network, np.zeros(2), [[0.0]], [1.0])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"l2": -1.0}, "l2"),
        ({"tolerance": np.nan}, "tolerance"),
        ({"mu": np.inf}, "mu"),
    ],
)
def test_bad_settings_are_named(settings, named):
    with pytest.raises(BadSetting, match=named):
        steps(Network((1, 1)), np.zeros(2), [[0.0]], [1.0], **settings)


def test_a_start_that_overflows_is_refused():
    network = Network((1, 1), output="exp")
    with pytest.raises(BadSetting, match="loss is inf before the first step"):
        steps(network, np.array([0.0, 1000.0]), [[0.0]], [1.0])


def test_too_many_parameters_are_refused_before_anything_is_reserved():
    assert needed_bytes(1000) == 8 * (2 * 1001**2 + 128 * 1016)
    refuse_too_many(1000)
    network = Network((1000, 100, 1))
    data = checked_data(network, np.zeros((1, 1000)), [1.0], None, float)
    with pytest.raises(BadSetting, match=r"100,201 parameters needs 160\.7 GB.*lbfgs"):
        levenberg_marquardt(network, network.initial(), data)


def test_half_of_the_memory_is_the_limit(monkeypatch):
    monkeypatch.setattr(levenberg.os, "sysconf", lambda name: 1 << 10, raising=False)
    monkeypatch.setattr(levenberg.os, "sysconf_names", {"SC_PHYS_PAGES": 0}, raising=False)
    refuse_too_many(100)  # of a machine with 1 MiB
    with pytest.raises(BadSetting, match=r"200 parameters.*limit of 0\.0 GB"):
        refuse_too_many(200)
