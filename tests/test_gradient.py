"""Forward and gradient: against the naive reference, along random directions, by coordinates."""

import numpy as np
import pytest

import naive
from chainrule.engine import forward, gradient, layer_outputs, mean_loss
from chainrule.errors import BadSetting
from chainrule.network import HIDDEN, OUTPUTS, Network
from chainrule.rules import LINKS, LOSSES
from tolerances import DIFFERENCE, DIFFERENCE_STEP, FORWARD, GRADIENT, assert_close, close

DEPTHS = {0: (3, 2), 1: (3, 5, 2), 2: (3, 4, 6, 2), 3: (3, 5, 4, 3, 2)}
N = 9
DTYPES = [np.float64, np.float32]
BENT = ("relu", "leaky_relu", "elu", "selu")


def outputs_of(loss):
    return [LINKS[loss], "identity"] if loss in LINKS else list(OUTPUTS)


def targets(random, loss, output, n, n_out):
    """Targets that the loss is made for, away from where its slope jumps."""
    if loss == "cross_entropy":
        return np.eye(n_out)[random.integers(0, n_out, n)]
    if loss == "binary_cross_entropy":
        return random.uniform(0, 1, (n, n_out))
    if loss == "poisson":
        return random.poisson(2.0, (n, n_out)).astype(float)
    return random.normal(0, 2, (n, n_out))


def problem(sizes, hidden, output, loss, n=N, seed=0, **other):
    """Return a network, parameters with biases, X and Y."""
    network = Network(sizes, hidden, output, loss, **other)
    random = np.random.default_rng([seed, n, *sizes])
    theta = random.normal(0, 0.6, network.n_parameters)
    X = random.normal(0, 1, (n, sizes[0]))
    return network, theta, X, targets(random, loss, output, n, sizes[-1])


COMBINATIONS = [
    (hidden, output, loss, depth)
    for loss in LOSSES
    for output in outputs_of(loss)
    for depth in DEPTHS
    for hidden in (HIDDEN if depth and output in ("identity", "sigmoid") else ("tanh",))
]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_activation_and_loss_agree_with_the_reference(loss, depth):
    random = np.random.default_rng(1)
    count = 0
    for hidden, output, _, _ in (c for c in COMBINATIONS if c[2:] == (loss, depth)):
        network, theta, X, Y = problem(DEPTHS[depth], hidden, output, loss)
        what = f"{hidden} {output} {loss}"
        value, slope = gradient(network, theta, X, Y)
        expected, slopes = naive.gradient(network, theta, X, Y)
        assert abs(value - expected) <= GRADIENT[np.float64] * max(1.0, abs(expected)), what
        assert close(slope, slopes, GRADIENT[np.float64]), what
        assert value == mean_loss(network, theta, X, Y), what
        along_a_direction(network, theta, X, Y, slope, random)
        count += 1
    assert count == sum(c[2:] == (loss, depth) for c in COMBINATIONS) > 0


def along_a_direction(network, theta, X, Y, slope, random):
    """Hold slope · d against a central difference of the loss along a random unit vector d."""
    d = random.normal(size=len(theta))
    d /= np.linalg.norm(d)
    h = DIFFERENCE_STEP
    scores = naive.forward(network, theta, X)[0][:-1]
    if (
        network.activations[0] in BENT
        and min((np.abs(z).min() for z in scores), default=1) < 99 * h
    ):
        return  # a score beside the bend of a relu: the difference is no derivative there
    up, down = (mean_loss(network, theta + s * h * d, X, Y) for s in (1, -1))
    scale = max(np.linalg.norm(slope), abs(up), 1e-3)
    assert abs((up - down) / (2 * h) - slope @ d) <= DIFFERENCE * scale, network


@pytest.mark.parametrize("loss", ["half_squared_error", "binary_cross_entropy"])
def test_coordinate_by_coordinate(loss):
    network, theta, X, Y = problem((3, 5, 4, 2), ("gelu", "silu"), "sigmoid", loss)
    slope = gradient(network, theta, X, Y)[1]
    h = DIFFERENCE_STEP
    for i, step in enumerate(h * np.eye(len(theta))):
        up, down = (mean_loss(network, theta + s * step, X, Y) for s in (1, -1))
        assert abs((up - down) / (2 * h) - slope[i]) <= DIFFERENCE, i


@pytest.mark.parametrize("loss", LOSSES)
def test_single_precision_stays_single_and_near(loss):
    for output in outputs_of(loss):
        network, theta, X, Y = problem((4, 7, 5, 3), ("tanh", "gelu"), output, loss, n=33)
        theta32 = theta.astype(np.float32)
        value, slope = gradient(network, theta32, X, Y)
        expected, slopes = naive.gradient(network, theta32.astype(float), X, Y)
        assert slope.dtype == np.float32
        assert abs(value - expected) <= GRADIENT[np.float32] * max(1.0, abs(expected))
        assert_close(slope, slopes, GRADIENT[np.float32])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(3, 5, 2), (6, 9, 4)])
def test_every_batch_size_around_paddings_and_chunks(dtype, sizes):
    """1 to 70 samples cross every width of vector; 127 to 129 and 255 to 257 every chunk."""
    for n in [*range(1, 71), 127, 128, 129, 255, 256, 257, 300]:
        network, theta, X, Y = problem(sizes, "tanh", "sigmoid", "half_squared_error", n=n)
        value, slope = gradient(network, theta.astype(dtype), X, Y)
        expected, slopes = naive.gradient(network, theta.astype(dtype).astype(float), X, Y)
        assert abs(value - expected) <= GRADIENT[dtype] * max(1.0, expected), n
        assert close(slope, slopes, GRADIENT[dtype]), n
        outputs = forward(network, theta.astype(dtype), X)
        assert outputs.shape == (n, sizes[-1])
        assert outputs.dtype == dtype
        expected = naive.forward(network, theta.astype(dtype).astype(float), X)[1][-1]
        assert close(outputs, expected, FORWARD[dtype]), n


@pytest.mark.compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 13, 32])
def test_every_width_of_layers(dtype, n):
    """1 to 40 neurons cross every tile of the products and the switch for narrow layers."""
    for width in range(1, 41):
        for sizes in [(width, 3), (3, width), (3, width, 2), (width, width)]:
            network, theta, X, Y = problem(sizes, "tanh", "identity", "huber", n=n)
            slope = gradient(network, theta.astype(dtype), X, Y)[1]
            slopes = naive.gradient(network, theta.astype(dtype).astype(float), X, Y)[1]
            assert close(slope, slopes, GRADIENT[dtype]), sizes


def test_wide_layers():
    for sizes in [(3, 100, 1), (100, 65, 3), (1, 130, 33, 2)]:
        network, theta, X, Y = problem(sizes, "tanh", "identity", "half_squared_error", n=150)
        theta /= 5
        slope = gradient(network, theta, X, Y)[1]
        assert_close(slope, naive.gradient(network, theta, X, Y)[1], GRADIENT[np.float64])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", [5, 300])
def test_sample_weights(loss, n):
    for output in outputs_of(loss):
        network, theta, X, Y = problem((3, 4, 2), "tanh", output, loss, n=n)
        weight = np.random.default_rng(3).uniform(0, 2, n)
        weight[::3] = 0.0
        value, slope = gradient(network, theta, X, Y, weight)
        expected, slopes = naive.gradient(network, theta, X, Y, weight)
        assert abs(value - expected) <= GRADIENT[np.float64] * max(1.0, expected)
        assert_close(slope, slopes, GRADIENT[np.float64])
        assert mean_loss(network, theta, X, Y, weight) == value


def test_weights_are_counts():
    """Weight 0 leaves a sample out, 2 takes it twice, and a common factor changes nothing."""
    network, theta, X, Y = problem((3, 4, 1), "tanh", "sigmoid", "half_squared_error", n=4)
    counted = gradient(network, theta, X[[0, 2, 2, 3]], Y[[0, 2, 2, 3]])
    for factor in (1.0, 0.125, 70.0):
        weighted = gradient(network, theta, X, Y, factor * np.array([1.0, 0.0, 2.0, 1.0]))
        assert_close(weighted[0], counted[0], 1e-14)
        assert_close(weighted[1], counted[1], 1e-13)


@pytest.mark.parametrize("loss", ["huber", "quantile"])
@pytest.mark.parametrize("parameter", [0.05, 0.3, 0.9])
def test_a_losss_own_parameter(loss, parameter):
    network, theta, X, Y = problem(
        (3, 4, 2), "tanh", "identity", loss, n=50, loss_parameter=parameter
    )
    value, slope = gradient(network, theta, X, Y)
    expected, slopes = naive.gradient(network, theta, X, Y)
    assert_close(value, expected, GRADIENT[np.float64])
    assert_close(slope, slopes, GRADIENT[np.float64])


def test_classes_are_one_hot():
    network, theta, X, _ = problem((3, 4, 3), "tanh", "softmax", "cross_entropy", n=7)
    classes = np.array([0, 1, 2, 2, 1, 0, 2])
    by_class = gradient(network, theta, X, classes)
    by_row = gradient(network, theta, X, np.eye(3)[classes])
    assert by_class[0] == by_row[0]
    np.testing.assert_array_equal(by_class[1], by_row[1])
    np.testing.assert_array_equal(gradient(network, theta, X, classes.astype(float))[1], by_row[1])
    soft = np.random.default_rng(0).dirichlet([1, 1, 1], 7)
    assert_close(
        gradient(network, theta, X, soft)[1],
        naive.gradient(network, theta, X, soft)[1],
        GRADIENT[np.float64],
    )


def test_targets_of_cross_entropy_need_not_sum_to_1():
    network, theta, X, _ = problem((3, 4, 3), "tanh", "softmax", "cross_entropy", n=7)
    Y = np.random.default_rng(5).uniform(0, 1, (7, 3))
    Y[2] = 0.0
    value, slope = gradient(network, theta, X, Y)
    expected, slopes = naive.gradient(network, theta, X, Y)
    assert_close(value, expected, GRADIENT[np.float64])
    assert_close(slope, slopes, GRADIENT[np.float64])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_layer_outputs_are_those_of_every_layer(output, dtype):
    network, theta, X, _ = problem((3, 5, 4, 2), ("relu", "selu"), output, "half_squared_error")
    theta = theta.astype(dtype)
    found = layer_outputs(network, theta, X)
    expected = naive.forward(network, theta.astype(float), X)[1][1:]
    assert [a.shape for a in found] == [(N, 5), (N, 4), (N, 2)]
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        assert_close(a, b, FORWARD[dtype])
    np.testing.assert_array_equal(found[-1], forward(network, theta, X))


@pytest.mark.parametrize(("loss", "link"), LINKS.items())
def test_a_score_loss_trains_on_scores_and_predicts_through_its_link(loss, link):
    linked, theta, X, Y = problem((3, 4, 2), "tanh", link, loss)
    scores = Network((3, 4, 2), "tanh", "identity", loss)
    assert gradient(linked, theta, X, Y)[0] == gradient(scores, theta, X, Y)[0]
    z = forward(scores, theta, X)
    by_hand = naive.softmax(z) if link == "softmax" else naive.ACTIVATIONS[link][0](z)
    assert_close(forward(linked, theta, X), by_hand, FORWARD[np.float64])


def test_a_link_by_hand_gives_the_same_slope():
    """Cross-entropy from scores is cross-entropy of the softmax; its slope is a - y."""
    network, theta, X, Y = problem((3, 3), "tanh", "softmax", "cross_entropy")
    a = forward(network, theta, X)
    (_, db), = network.layers(gradient(network, theta, X, Y)[1])  # fmt: skip
    assert_close(db, (a - Y).mean(axis=0), 1e-14)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_score_overflows(loss, dtype):
    """Scores of 500 and -500: the loss is the distance to the target, exactly."""
    network = Network((2, 2), output="identity", loss=loss)
    theta = np.array([500.0, 0.0, 0.0, -500.0, 0.0, 0.0], dtype)
    value, slope = gradient(network, theta, [[1.0, 1.0]], [[0.0, 1.0]])
    assert value == 1000.0
    assert slope.tolist() == [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]


def test_a_loss_next_to_0_is_not_rounded_to_0():
    network = Network((1, 1), loss="binary_cross_entropy")
    assert mean_loss(network, np.array([40.0, 0.0]), [[1.0]], [1.0]) > 0  # not rounded to 0


def test_nothing_given_is_changed():
    network, theta, X, Y = problem((3, 4, 2), "tanh", "sigmoid", "half_squared_error")
    kept = [a.copy() for a in (theta, X, Y)]
    gradient(network, theta, X, Y)
    forward(network, theta, X)
    for a, b in zip((theta, X, Y), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_any_memory_layout_will_do():
    network, theta, X, Y = problem((3, 4, 2), "tanh", "sigmoid", "half_squared_error")
    expected = gradient(network, theta, X, Y)[1]
    frozen = theta.copy()
    frozen.flags.writeable = False
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    for t, x, y in [
        (frozen, X, Y),
        (theta, np.asfortranarray(X), np.asfortranarray(Y)),
        (theta, wide, Y.tolist()),
        (np.repeat(theta, 2)[::2], X, Y),
    ]:
        np.testing.assert_array_equal(gradient(network, t, x, y)[1], expected)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"X": np.zeros((4, 2))}, "X of shape"),
        ({"X": np.zeros(3)}, "X of shape"),
        ({"X": np.zeros((0, 3)), "Y": np.zeros((0, 2))}, "X has no rows"),
        ({"X": np.full((4, 3), np.nan)}, "X holds nan at row 0, column 0"),
        ({"X": np.where(np.arange(12).reshape(4, 3) == 7, np.inf, 0)}, "inf at row 2, column 1"),
        ({"X": [["a"] * 3] * 4}, "X must be"),
        ({"Y": np.zeros((3, 2))}, "X has 4 rows and Y 3"),
        ({"Y": np.zeros((4, 3))}, "Y of shape"),
        ({"Y": np.zeros(4)}, "Y of shape"),
        ({"Y": np.full((4, 2), np.inf)}, "Y holds"),
        ({"sample_weight": np.ones(3)}, "sample_weight of shape"),
        ({"sample_weight": -np.ones(4)}, "sample_weight"),
        ({"sample_weight": np.zeros(4)}, "sample_weight"),
        ({"sample_weight": np.full(4, np.nan)}, "sample_weight"),
        ({"sample_weight": ["a"] * 4}, "sample_weight"),
        ({"parameters": np.zeros(7)}, "parameters of shape"),
        ({"parameters": np.zeros((2, 4))}, "parameters of shape"),
    ],
)
def test_bad_arrays_are_named(change, named):
    arguments = {
        "network": Network((3, 2)),
        "parameters": np.zeros(8),
        "X": np.zeros((4, 3)),
        "Y": np.zeros((4, 2)),
    } | change
    with pytest.raises(BadSetting, match=named):
        gradient(**arguments)


@pytest.mark.parametrize("classes", [[0, 1, 3], [0, -1, 1], [0.5, 1, 2], ["a", "b", "c"],
                                     [0, 1, np.nan]])  # fmt: skip
def test_bad_classes_are_named(classes):
    network = Network((1, 3), output="softmax", loss="cross_entropy")
    with pytest.raises(BadSetting, match="Y"):
        gradient(network, np.zeros(6), np.ones((3, 1)), classes)


@pytest.mark.parametrize(
    ("loss", "bad", "good"),
    [
        ("binary_cross_entropy", [-0.1, 1.1], [0.0, 0.5, 1.0]),
        ("poisson", [-1.0], [0.0, 2.5, 1e6]),
        ("cross_entropy", [-0.1], [0.0, 0.5, 1.0]),
        ("half_squared_error", [], [-1e6, 1e6]),
    ],
)
def test_targets_that_a_loss_cannot_take_are_named(loss, bad, good):
    network = Network((1, 2), loss=loss)
    for value in bad:
        with pytest.raises(BadSetting, match=f"Y holds {value:g} at row 1.*{loss}"):
            gradient(network, np.zeros(4), np.ones((2, 1)), [[0.5, 0.5], [value, 0.5]])
    for value in good:
        loss_ = gradient(network, np.zeros(4), np.ones((2, 1)), [[0.5, 0.5], [value, 0.5]])[0]
        assert np.isfinite(loss_)


# Test the tester: what is nearly right must fail


def near_misses(slope, network):
    (W, _), *_ = network.layers(slope)
    transposed = slope.copy()
    transposed[: W.size] = W.T.ravel()
    swapped = slope.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    one_off = slope.copy()
    one_off[-1] += 1e-3 * np.abs(slope).max()
    no_bias = slope.copy()
    network.layers(no_bias)[0][1][:] = 0
    return {
        "x 1.001": 1.001 * slope,
        "wrong sign": -slope,
        "missing 1/n": N * slope,
        "transposed": transposed,
        "two swapped": swapped,
        "one off by 1e-3": one_off,
        "without biases": no_bias,
        "missing half": 2 * slope,
    }


@pytest.mark.parametrize("miss", ["x 1.001", "wrong sign", "missing 1/n", "transposed",
                                  "two swapped", "one off by 1e-3", "without biases",
                                  "missing half"])  # fmt: skip
def test_near_misses_fail(miss):
    network, theta, X, Y = problem((3, 5, 2), "tanh", "sigmoid", "half_squared_error")
    slope = gradient(network, theta, X, Y)[1]
    wrong = near_misses(slope, network)[miss]
    assert not close(wrong, naive.gradient(network, theta, X, Y)[1], GRADIENT[np.float64])
    with pytest.raises(AssertionError):
        along_a_direction(network, theta, X, Y, wrong, np.random.default_rng(0))
