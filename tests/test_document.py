"""The document's system: a test for each of its equations (1) to (27), then its program."""

import importlib
import inspect

import mpmath
import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose, assert_array_equal

from chainrule.document import feedforward_nn
from chainrule.engine import forward, gradient, mean_loss
from chainrule.errors import BadSetting, Diverged
from chainrule.network import Network
from chainrule.rules.activations import sigmoid
from chainrule.rules.losses import half_squared_error
from chainrule.rules.optimisers import gd
from tolerances import ALGEBRA, DIFFERENCE, SIGMAS

X = np.array([0.5, -1.25, 2.0])
Y = 0.75
W = np.array([[0.3], [-0.1], [0.2]])
B = 0.4
PARAMETERS = np.append(W.ravel(), B)
NEURON = Network((3, 1), output="sigmoid")
SCORES = [-30.0, -3.5, -0.5, 0.0, 0.25, 1.0, 7.0]
PAIRS = [(0.2, 0.0), (0.9, 1.0), (0.5, 0.75), (0.999, 0.001)]

mp = mpmath.mp.clone()
mp.dps = 50


def exactly(values):
    return [mp.mpf(float(v)) for v in np.ravel(values)]


def exact_score(w=W, b=B, x=X):
    """Z of equation (2), with 50 digits."""
    return mp.fsum(a * c for a, c in zip(exactly(w), exactly(x), strict=True)) + mp.mpf(float(b))


def exact_output(z):
    return 1 / (1 + mp.exp(-mp.mpf(z)))


def exact_loss(w=W, b=B):
    return (exact_output(exact_score(w, b)) - mp.mpf(Y)) ** 2 / 2


def one_step(rate, **start):
    """Return w and b after one epoch: what (26) and (27) make of w, b and the gradient."""
    given = {"w": W, "b": B} | start
    return feedforward_nn(1, X, Y, learning_rate=rate, report_every=None, **given)


# 3 Initialization


def test_equation_01():
    """W ~ N(0, 2 / (n_in + n_out)): mean, variance, and the shape of the distribution."""
    n = 20_000
    draws = np.array([feedforward_nn(0, X, Y, seed=seed)[0].ravel() for seed in range(n // 40)])
    variance = 2 / (3 + 1)
    count = draws.size
    assert abs(draws.mean()) < SIGMAS * np.sqrt(variance / count)
    assert abs(draws.var() - variance) < SIGMAS * variance * np.sqrt(2 / count)
    wide = Network((100, 60), output="sigmoid").initial(seed=5)[:6000]
    spread = np.sqrt(2 / 160)
    shares = [np.mean(np.abs(wide) < k * spread) for k in (1, 2, 3)]
    assert_allclose(shares, [0.6827, 0.9545, 0.9973], atol=SIGMAS * 0.5 / np.sqrt(6000))


def test_equation_01_bias_starts_at_zero():
    assert feedforward_nn(0, X, Y, seed=3)[1].tolist() == [0.0]


# 4 Forward propagation


def test_equation_02():
    """Z = W X + b, seen through an identity output."""
    z = forward(Network((3, 1)), PARAMETERS, [X])[0, 0]
    assert abs(z - exact_score()) < 1e-15


def test_equation_03():
    """A = 1 / (1 + e^-Z), by the rule and through the engine."""
    for z in SCORES:
        assert abs(sigmoid(z)[0] / exact_output(z) - 1) < 1e-15
        through = forward(Network((1, 1), output="sigmoid"), np.array([1.0, 0.0]), [[z]])[0, 0]
        assert abs(through / exact_output(z) - 1) < 1e-15


# 5 Loss


def test_equation_04():
    """L = (A - Y)^2 / 2, with the half."""
    for a, y in PAIRS:
        exact = (mp.mpf(a) - mp.mpf(y)) ** 2 / 2
        assert abs(half_squared_error(a, y)[0] - exact) < 1e-16
    assert abs(mean_loss(NEURON, PARAMETERS, [X], [Y]) - exact_loss()) < 1e-16


# 6.1.1 Derivative of the loss with respect to the activation


def test_equation_05():
    """The loss that 6.1.1 starts from is that of equation (4)."""
    a, y = sympy.symbols("a y", real=True)
    assert sympy.expand(half_squared_error(a, y)[0] - (a - y) ** 2 / 2) == 0


def test_equation_06():
    """dL/dA is the derivative of the half square: a numerical one, at 50 digits."""
    for a, y in PAIRS:
        exact = mp.diff(lambda v, y=y: (v - mp.mpf(y)) ** 2 / 2, mp.mpf(a))
        assert abs(half_squared_error(a, y)[1] - exact) < 1e-16


def test_equation_07():
    """1/2 · 2 (A - Y) · d(A - Y)/dA: the factors, one by one."""
    a, y = sympy.symbols("a y")
    inner = a - y
    outer = sympy.diff(sympy.Symbol("u") ** 2 / 2, "u").subs("u", inner)
    assert sympy.expand(half_squared_error(a, y)[1] - outer * sympy.diff(inner, a)) == 0


def test_equation_08():
    """The inner derivative is 1: a change of A is a change of A - Y."""
    assert half_squared_error(0.9, 0.25)[1] - half_squared_error(0.4, 0.25)[1] == 0.5


def test_equation_09():
    """dL/dA = A - Y."""
    for a, y in PAIRS:
        assert half_squared_error(a, y)[1] == a - y


# 6.1.2 Derivative of the activation with respect to the score


def test_equation_10():
    """The activation that 6.1.2 starts from is the sigmoid of equation (3)."""
    assert [sigmoid(z)[0] for z in SCORES] == [float(1 / (1 + np.exp(-z))) for z in SCORES]


def test_equation_11():
    """dA/dZ is the derivative of the sigmoid: a numerical one, at 50 digits."""
    for z in SCORES:
        exact = mp.diff(exact_output, mp.mpf(z))
        assert abs(sigmoid(z)[1] - exact) < 1e-16  # absolute: 1 - A loses digits as A nears 1


def test_equation_12():
    """sigma(Z) (1 - sigma(Z)), in algebra."""
    z = sympy.Symbol("z", real=True)
    s = 1 / (1 + sympy.exp(-z))
    assert sympy.simplify(sympy.diff(s, z) - s * (1 - s)) == 0
    for value in SCORES:
        exact = (s * (1 - s)).subs(z, sympy.Rational(value)).evalf(30)
        assert abs(sigmoid(value)[1] - exact) < 1e-16


def test_equation_13():
    """dA/dZ = A (1 - A), from A alone."""
    for z in SCORES:
        a, slope = sigmoid(z)
        assert slope == a * (1.0 - a)


# 6.1.3 and 6.1.4 Derivatives of the linear combination. A neuron without an activation, under
# a loss with the slope 1, has dZ/dW and dZ/db as its gradient.

SLOPE_ONE = Network((3, 1), loss="absolute_error")
FAR_BELOW = [-100.0]  # where the absolute error |Z - Y| is Z + 100


def dz():
    loss, slope = gradient(SLOPE_ONE, PARAMETERS, [X], FAR_BELOW)
    assert_allclose(loss - 100.0, float(exact_score()), rtol=1e-13)
    return slope


def score(parameters):
    return forward(Network((3, 1)), parameters, [X])[0, 0]


def test_equation_14():
    """The linear combination is that of equation (2)."""
    assert abs(score(PARAMETERS) - exact_score()) < 1e-15


def test_equation_15():
    """dZ/dW is the derivative of W X + b: a numerical one, at 50 digits."""
    for i in range(3):
        exact = mp.diff(lambda v, i=i: exact_score(np.where(np.arange(3) == i, 0, W.ravel()))
                        + v * mp.mpf(X[i]), mp.mpf(W[i, 0]))  # fmt: skip
        assert abs(dz()[i] - exact) < 1e-15


def test_equation_16():
    """The derivative of the sum is the sum of the derivatives: b takes no part in dZ/dW."""
    moved = PARAMETERS + np.array([0, 0, 0, 5.0])
    assert_array_equal(gradient(SLOPE_ONE, moved, [X], FAR_BELOW)[1][:3], dz()[:3])


def test_equation_17():
    """X + 0: the step of W by h along X changes Z by h |X|^2 and nothing else."""
    moved = PARAMETERS + 0.5 * np.append(X, 0.0)
    assert_allclose(score(moved) - score(PARAMETERS), 0.5 * X @ X, rtol=1e-14)


def test_equation_18():
    """dZ/dW = X."""
    assert_array_equal(dz()[:3], X)


def test_equation_19():
    """The linear combination that 6.1.4 starts from adds b once."""
    assert_allclose(
        score(PARAMETERS + np.array([0, 0, 0, 0.25])) - score(PARAMETERS), 0.25, rtol=1e-14
    )


def test_equation_20():
    """dZ/db is the derivative of W X + b: a numerical one, at 50 digits."""
    exact = mp.diff(lambda v: exact_score(W, 0.0) + v, mp.mpf(B))
    assert abs(dz()[3] - exact) < 1e-15


def test_equation_21():
    """W X takes no part in dZ/db."""
    moved = PARAMETERS + np.array([3.0, -2.0, 1.0, 0.0])
    assert gradient(SLOPE_ONE, moved, [X], FAR_BELOW)[1][3] == dz()[3]


def test_equation_22():
    """0 + 1: what b adds to Z does not depend on X."""
    assert gradient(SLOPE_ONE, PARAMETERS, [7 * X], FAR_BELOW)[1][3] == dz()[3]


def test_equation_23():
    """dZ/db = 1."""
    assert dz()[3] == 1.0


# 6.2 The chain rule


def exact_delta():
    a = exact_output(exact_score())
    return (a - mp.mpf(Y)) * a * (1 - a)


def test_equation_24():
    """dL/dW = (A - Y) A (1 - A) X: the product, and a numerical derivative of L."""
    slope = gradient(NEURON, PARAMETERS, [X], [Y])[1][:3]
    for i, x in enumerate(X):
        assert abs(slope[i] / (exact_delta() * mp.mpf(x)) - 1) < 1e-14

        def along(v, i=i):
            w = [v if j == i else mp.mpf(W[j, 0]) for j in range(3)]
            z = mp.fsum(p * mp.mpf(q) for p, q in zip(w, X, strict=True)) + mp.mpf(B)
            return (exact_output(z) - mp.mpf(Y)) ** 2 / 2

        assert abs(mp.diff(along, mp.mpf(W[i, 0])) - exact_delta() * mp.mpf(x)) < ALGEBRA


def test_equation_25():
    """dL/db = (A - Y) A (1 - A): the product, and a central difference of the engine's loss."""
    slope = gradient(NEURON, PARAMETERS, [X], [Y])[1][3]
    assert abs(slope / exact_delta() - 1) < 1e-14
    h = np.array([0, 0, 0, 1e-5])
    up, down = (mean_loss(NEURON, PARAMETERS + s * h, [X], [Y]) for s in (1, -1))
    assert_allclose((up - down) / 2e-5, slope, rtol=DIFFERENCE)


# 7 Gradient descent


def test_equation_26():
    """W = W - eta dL/dW, for the rule and for a whole epoch."""
    assert gd(0.5, 2.0, 0.0, 0.0, 0.125, 1.0)[0] == 0.25
    for rate in (0.005, 0.5, 20.0):
        w, _ = one_step(rate)
        for i in range(3):
            exact = mp.mpf(W[i, 0]) - mp.mpf(rate) * exact_delta() * mp.mpf(X[i])
            assert abs(w[i, 0] - exact) < 1e-14


def test_equation_27():
    """b = b - eta dL/db."""
    for rate in (0.005, 0.5, 20.0):
        exact = mp.mpf(B) - mp.mpf(rate) * exact_delta()
        assert abs(one_step(rate)[1][0] - exact) < 1e-14


def test_every_equation_has_its_test():
    assert {f"test_equation_{n:02}" for n in range(1, 28)} <= set(globals())


def test_the_step_is_0_005_by_default():
    assert inspect.signature(feedforward_nn).parameters["learning_rate"].default == 0.005
    default = feedforward_nn(3, X, Y, w=W, b=B, report_every=None)
    given = feedforward_nn(3, X, Y, w=W, b=B, report_every=None, learning_rate=0.005)
    assert_array_equal(default[0], given[0])


# 8 The training loop, as the equations say it


def by_the_equations(epochs, x, y, w, b, rate):
    """Equations (2) to (27) in NumPy: x of shape (n_in, m), y (m,), w (n_in, 1), b number."""
    for _ in range(epochs):
        a = 1 / (1 + np.exp(-(w.T @ x + b)))
        delta = (a - y) * a * (1 - a)
        w = w - rate * (x * delta).mean(axis=1, keepdims=True)
        b = b - rate * delta.mean()
    return w, b


BATCH = np.array([[0.5, -0.2, 1.0, 0.0], [-1.25, 0.3, 0.2, 1.0], [2.0, 0.1, -1.0, 0.5]])
TARGETS = np.array([0.75, 0.1, 1.0, 0.0])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X, [Y]),
        (X, [[Y]]),
        (X.reshape(3, 1), Y),
        (X.reshape(3, 1), np.array([Y])),
        (X.reshape(3, 1), np.array([[Y]])),
        (X.tolist(), np.float32(Y)),
        (BATCH, TARGETS),
        (BATCH, TARGETS.reshape(1, 4)),
        (BATCH.tolist(), TARGETS.tolist()),
        (BATCH[:, :2], TARGETS[:2]),
    ],
)
def test_every_shape_follows_the_equations(x, y):
    w, b = feedforward_nn(250, x, y, learning_rate=0.5, w=W, b=B, report_every=None)
    columns = np.asarray(x, dtype=float).reshape(3, -1)
    expected = by_the_equations(250, columns, np.asarray(y, dtype=float).ravel(), W, B, 0.5)
    assert w.shape == (3, 1)
    assert b.shape == (1,)
    assert w.dtype == b.dtype == np.float64
    assert_allclose(w, expected[0], rtol=1e-12)
    assert_allclose(b[0], expected[1], rtol=1e-12)


@pytest.mark.parametrize("n_in", [1, 2, 17])
def test_any_number_of_inputs(n_in):
    x = np.linspace(-1, 1, n_in)
    w, b = feedforward_nn(5, x, 1.0, seed=1, report_every=None, learning_rate=1.0)
    start = feedforward_nn(0, x, 1.0, seed=1)[0]
    expected = by_the_equations(5, x.reshape(-1, 1), 1.0, start, 0.0, 1.0)
    assert_allclose(w, expected[0], rtol=1e-13)
    assert_allclose(b[0], expected[1], rtol=1e-13)


def test_a_mean_over_samples_does_not_change_when_they_are_doubled():
    once = feedforward_nn(50, BATCH, TARGETS, w=W, b=B, report_every=None)
    twice = feedforward_nn(
        50, np.hstack([BATCH] * 2), np.hstack([TARGETS] * 2), w=W, b=B, report_every=None
    )
    assert_allclose(twice[0], once[0], rtol=1e-12)


def test_no_epochs_give_the_initial_parameters_and_no_line(capsys):
    w, b = feedforward_nn(0, X, Y, seed=9)
    assert_array_equal(w, Network((3, 1)).initial(seed=9)[:3].reshape(3, 1))
    assert b.tolist() == [0.0]
    w, b = feedforward_nn(0, X, Y, w=W, b=B)
    assert_array_equal(w, W)
    assert b.tolist() == [B]
    assert capsys.readouterr().out == ""


def test_seeds():
    same = [feedforward_nn(10, X, Y, seed=4, report_every=None)[0] for _ in range(2)]
    assert_array_equal(*same)
    assert (feedforward_nn(10, X, Y, seed=5, report_every=None)[0] != same[0]).all()
    fresh = [feedforward_nn(0, X, Y)[0] for _ in range(2)]
    assert (fresh[0] != fresh[1]).all()


def test_given_parameters_are_used_and_left_alone():
    w, b = W.copy(), np.array([B])
    after = feedforward_nn(10, X, Y, w=w, b=b, report_every=None)
    assert_array_equal(w, W)
    assert b.tolist() == [B]
    flat = feedforward_nn(10, X, Y, w=W.ravel(), b=B, report_every=None)
    assert_array_equal(flat[0], after[0])
    only_w = feedforward_nn(0, X, Y, w=W)
    assert_array_equal(only_w[0], W)
    assert only_w[1].tolist() == [0.0]
    only_b = feedforward_nn(0, X, Y, b=0.5, seed=2)
    assert_array_equal(only_b[0], feedforward_nn(0, X, Y, seed=2)[0])
    assert only_b[1].tolist() == [0.5]


# The line of progress


def test_progress_lines(capsys):
    feedforward_nn(201, X, Y, w=W, b=B, learning_rate=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for epoch, line in zip((0, 100, 200), lines, strict=True):
        w, b = by_the_equations(epoch, X.reshape(3, 1), Y, W, B, 0.5)
        a = 1 / (1 + np.exp(-(w.T @ X + b)[0]))
        assert line == (
            f"Epoch {epoch}: w = [{w[0, 0]:.3f}, {w[1, 0]:.3f}, {w[2, 0]:.3f}], "
            f"b = [{b:.3f}], loss = {(a - Y) ** 2 / 2:.3f}"
        )
    assert "%" not in "".join(lines)


def test_progress_of_a_batch_shows_the_mean_loss(capsys):
    feedforward_nn(1, BATCH, TARGETS, w=W, b=B)
    a = 1 / (1 + np.exp(-(W.T @ BATCH + B)))
    loss = ((a - TARGETS) ** 2 / 2).mean()
    assert capsys.readouterr().out == (
        f"Epoch 0: w = [0.300, -0.100, 0.200], b = [0.400], loss = {loss:.3f}\n"
    )


@pytest.mark.parametrize(("every", "epochs", "count"), [(1, 3, 3), (7, 14, 2), (7, 15, 3)])
def test_lines_come_every_so_many_epochs_and_change_no_bit(capsys, every, epochs, count):
    told = feedforward_nn(epochs, BATCH, TARGETS, w=W, b=B, report_every=every)
    assert capsys.readouterr().out.count("Epoch") == count
    silent = feedforward_nn(epochs, BATCH, TARGETS, w=W, b=B, report_every=None)
    assert capsys.readouterr().out == ""
    assert_array_equal(told[0], silent[0])
    assert_array_equal(told[1], silent[1])


def test_ctrl_c_ends_the_training_and_not_only_its_block(monkeypatch, capsys):
    module = importlib.import_module("chainrule.document")

    def interrupt(progress):
        if progress.epoch == 4:
            raise KeyboardInterrupt

    def second_block_is_interrupted(*arguments, **settings):
        second = capsys.readouterr().out.startswith("Epoch 10:")
        return module_train(*arguments, **settings, callback=interrupt if second else None)

    module_train = module.train
    monkeypatch.setattr(module, "train", second_block_is_interrupted)
    w, b = feedforward_nn(1000, X, Y, w=W, b=B, report_every=10)
    assert capsys.readouterr().out == ""
    expected = feedforward_nn(15, X, Y, w=W, b=B, report_every=None)
    assert_array_equal(w, expected[0])
    assert_array_equal(b, expected[1])


# What is refused


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"x": 1.0}, "x of shape"),
        ({"x": []}, "x of shape"),
        ({"x": np.zeros((3, 0)), "y": []}, "x of shape"),
        ({"x": np.zeros((1, 3, 1))}, "x of shape"),
        ({"x": [1.0, np.nan, 2.0]}, "x holds NaN"),
        ({"x": [1.0, np.inf, 2.0]}, "x holds"),
        ({"x": ["a", "b", "c"]}, "x must be"),
        ({"x": [[1.0], [1.0, 2.0]]}, "x must be"),
        ({"y": [1.0, 2.0]}, r"y of shape \(2,\)"),
        ({"y": np.nan}, "y holds"),
        ({"y": None}, "y"),
        ({"x": BATCH, "y": 1.0}, "y of shape"),
        ({"x": BATCH, "y": TARGETS.reshape(4, 1)}, "y of shape"),
        ({"x": BATCH.T, "y": TARGETS}, "columns are 3 samples"),
        ({"w": [1.0, 2.0]}, "w of shape"),
        ({"w": W.T}, "w of shape"),
        ({"w": np.full((3, 1), np.inf)}, "w holds"),
        ({"b": [1.0, 2.0]}, "b of shape"),
        ({"b": np.nan}, "b holds"),
        ({"epochs": -1}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": np.nan}, "learning_rate"),
        ({"report_every": 0}, "report_every"),
        ({"report_every": -5}, "report_every"),
        ({"seed": -1}, "seed"),
        ({"seed": "one"}, "seed"),
    ],
)
@pytest.mark.parametrize("epochs", [0, 1])
def test_bad_settings_are_named(change, named, epochs):
    arguments = {"epochs": epochs, "x": X, "y": Y, "report_every": None} | change
    with pytest.raises(BadSetting, match=named):
        feedforward_nn(**arguments)


def test_scores_far_out_are_no_fault():
    """Z of -3000 and 3000: A is 0 and 1, without a warning (warnings are errors here)."""
    for sign in (-1.0, 1.0):
        w, b = feedforward_nn(2, X, Y, w=sign * 1000 * np.ones((3, 1)), b=B, report_every=None)
        assert_array_equal(w, sign * 1000 * np.ones((3, 1)))  # A (1 - A) is 0: nothing is learned
        assert b.tolist() == [B]


def test_overflow_is_an_error_that_counts_from_the_last_line():
    with pytest.raises(Diverged, match="epoch 0"):
        feedforward_nn(1, [1e300], 1.0, w=[0.0], learning_rate=1e30, report_every=None)
    with pytest.raises(Diverged) as caught:
        feedforward_nn(1, [1e300], 1.0, w=[0.0], learning_rate=1e30, report_every=1)
    assert caught.value.__notes__ == ["Epochs are counted from epoch 0, the last line of progress."]
    assert_array_equal(caught.value.training.parameters, [0.0, 0.0])


# The faults of the printed code, which the equations do not have (docs/document.md)


def printed_sigmoid(z):
    return 1 / (1 + np.exp(-z))


def printed_feedforward_nn(epochs, x, y, w, learning_rate=0.005):
    """The document's program as printed, but for w, which is given, and its missing names."""
    b = 0
    for epoch in range(epochs):
        z = np.dot(w.T, x) + b
        a = printed_sigmoid(z)
        dl_dw = (a - y) * a * (1 - a) * x
        dl_db = (a - y) * a * (1 - a)
        w = w - learning_rate * dl_dw
        b = b - learning_rate * dl_db
        if epoch % 100 == 0:
            line = f"Epoch {epoch}: w = {list(map('{:.3f}%'.format, w.flatten()))}, "
            line += f"b = {list(map('{:.3f}%'.format, b))}, "
            line += f"loss = {list(map('{:.3f}%'.format, (a - y) ** 2))}"
            print(line)  # noqa: T201
    return w, b


def test_printed_code_trains_three_neurons_for_a_flat_sample():
    w, b = printed_feedforward_nn(1, X, Y, W)
    assert w.shape == (3, 3)
    w, b = printed_feedforward_nn(50, X, Y, W, learning_rate=0.5)
    assert w.shape == (3, 3)
    assert b.shape == (3,)
    ours = feedforward_nn(50, X, Y, w=W, learning_rate=0.5, report_every=None)
    right = by_the_equations(50, X.reshape(3, 1), Y, W, 0.0, 0.5)
    assert_allclose(ours[0], right[0], rtol=1e-12)
    assert not np.isclose(w, right[0]).all(axis=0).any()  # no column is the right neuron


def test_printed_code_fails_at_its_first_line_for_a_column():
    with pytest.raises(TypeError, match="unsupported format string"):
        printed_feedforward_nn(1, X.reshape(3, 1), Y, W)
    assert feedforward_nn(1, X.reshape(3, 1), Y, w=W, report_every=1)[0].shape == (3, 1)


def test_printed_code_fails_for_a_batch():
    with pytest.raises((TypeError, ValueError)):
        printed_feedforward_nn(1, BATCH, TARGETS, W)
    assert feedforward_nn(1, BATCH, TARGETS, w=W, report_every=None)[0].shape == (3, 1)


def test_printed_loss_is_twice_the_loss_and_a_per_cent(capsys):
    printed_feedforward_nn(1, X, 0.0, W)
    text = capsys.readouterr().out
    a = float(exact_output(exact_score(b=0.0)))
    assert f"loss = ['{a**2:.3f}%']" in text
    feedforward_nn(1, X, 0.0, w=W)
    assert f"loss = {a**2 / 2:.3f}\n" in capsys.readouterr().out


def test_printed_line_joins_new_parameters_with_the_old_error(capsys):
    printed_feedforward_nn(1, X, Y, W, learning_rate=100.0)
    text = capsys.readouterr().out
    a = float(exact_output(exact_score(b=0.0)))
    assert f"loss = ['{(a - Y) ** 2:.3f}%']" in text
    assert "w = ['0.300%'" not in text


def test_printed_sigmoid_warns_of_overflow():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert printed_sigmoid(np.float64(-1000.0)) == 0.0
    assert sigmoid(-1000.0) == (0.0, 0.0)
