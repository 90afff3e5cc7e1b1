"""Worked examples that others have printed, reproduced to the precision of the print."""

import json
from pathlib import Path

import mpmath
import numpy as np
import pytest

from chainrule.engine import forward, gradient, layer_outputs, mean_loss
from chainrule.errors import BadRule
from chainrule.formula import check
from chainrule.loop import train
from chainrule.network import Network
from chainrule.rules.optimisers import adam, adamw, gd, rmsprop, sgd

FILE = Path(__file__).parent / "golden" / "worked_examples.json"
EXAMPLES = {example["id"]: example for example in json.loads(FILE.read_text())["examples"]}

# What the engine has no option for. Each claim is verified in the example's test.
NOT_EXPRESSED = {
    ("coursera_dlspec_c2_adam", "epsilon"): "epsilon stands inside the square root; ours outside",
    ("keras_golden_adam", "amsgrad"): "the largest second moment so far; here it never falls, "
    "so that plain Adam prints the same numbers",
    ("keras_golden_adamw", "epsilon"): "epsilon is added before the bias of v is taken off; as a "
    "rule with another epsilon in each step it can be called, as a solver it cannot",
    ("keras_golden_rmsprop", "centered"): "the variance in place of the mean square: not a solver",
    ("micrograd_readme", "expression"): "an expression of two numbers, no network",
}


class Example:
    """One example; on leaving, every printed number must have been compared."""

    def __init__(self, name):
        self.__dict__.update(EXAMPLES[name])
        self.left = set(self.expected)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None or not self.left, f"not compared: {self.left}"

    def array(self, field):
        return np.array(self.expected[field]["value"], dtype=float)

    def check(self, field, actual):
        """Hold a number to half a unit of the last printed decimal, or to 2 ulp of float64.

        Some print all digits of their float64; their own library's sigmoid may round the last
        one differently. Where the print itself is wrong, the recomputed number counts.
        """
        self.left.discard(field)
        printed = self.expected[field]
        right = printed.get("matches_to_print", True)
        value = np.array(printed["value"] if right else printed["recomputed_float64"], dtype=float)
        half_unit = 0.5 * 10.0 ** -printed["decimals"]
        atol = np.maximum(half_unit, 2 * np.spacing(np.abs(value)))
        actual = np.asarray(actual, dtype=float).reshape(value.shape)
        assert (np.abs(actual - value) <= atol * (1 + 1e-9)).all(), (field, actual, value)

    def parameters(self):
        pairs = zip(self.init["W"], self.init["b"], strict=True)
        return np.concatenate([np.ravel(part) for pair in pairs for part in pair])

    def network(self, **other):
        sizes, activations = self.architecture["layer_sizes"], self.architecture["activations"]
        return Network(sizes, activations[:-1], activations[-1], **other)


def test_every_example_has_its_test():
    assert {f"test_{name}" for name in EXAMPLES} <= set(globals())
    assert len(EXAMPLES) == 24
    assert {name for name, _ in NOT_EXPRESSED} <= set(EXAMPLES)


def test_a_number_beside_the_print_fails():
    with pytest.raises(AssertionError), Example("mazur_2015") as e:
        e.check("loss", 0.298371110)
    with pytest.raises(AssertionError, match="not compared"), Example("mazur_2015") as e:
        e.check("loss", 0.298371109)


# Networks


def test_mazur_2015():
    """The post keeps the biases fixed: one step moves the weights all the same."""
    with Example("mazur_2015") as e:
        network, theta = e.network(), e.parameters()
        X, Y = e.data["X"], e.data["Y"]
        first = Network((2, 2))  # the scores of the first layer
        e.check("net_h1", forward(first, theta[:6], X)[0, 0])
        hidden, output = layer_outputs(network, theta, X)
        e.check("hidden", hidden)
        e.check("net_o1", forward(Network((2, 2)), theta[6:], hidden)[0, 0])
        e.check("output", output)
        loss, slope = gradient(network, theta, X, Y)
        e.check("loss", loss)
        for name, o in (("E_o1", 0), ("E_o2", 1)):
            one = Network((2, 2, 1), "sigmoid", "sigmoid")
            own = np.concatenate([theta[:6], theta[[6 + o, 8 + o, 10 + o]]])
            e.check(name, mean_loss(one, own, X, [[Y[0][o]]]))
        (dW1, _), (dW2, db2) = network.layers(slope)
        e.check("dE_dw1", dW1[0, 0])
        e.check("dE_dw5", dW2[0, 0])
        e.check("delta_o1", db2[0])
        after = train(
            network, X, Y, solver="gd", learning_rate=e.lr, epochs=1, batch_size=None,
            parameters=theta,
        ).parameters  # fmt: skip
        (W1, b1), (W2, b2) = network.layers(after)
        e.check("W1_after", W1)
        e.check("W2_after", W2)
        e.check("b1_after_if_biases_trained", b1)
        e.check("b2_after_if_biases_trained", b2)
        b1[:], b2[:] = e.init["b"]
        # the post prints 0.291027924, with weights rounded to 8 decimals on the way
        assert abs(mean_loss(network, after, X, Y) - 0.291027774) < 5e-10


def test_sklearn_test_fit():
    """Their cross-entropy is averaged over one sample, and their penalty divided by it: as ours."""
    with Example("sklearn_test_fit") as e:
        network, theta = e.network(loss="binary_cross_entropy"), e.parameters()
        X, Y = e.data["X"], e.data["Y"]
        hidden, output = layer_outputs(network, theta, X)
        e.check("hidden", hidden)
        e.check("output", output)
        training = train(
            network, X, Y, solver="gd", learning_rate=e.lr, l2=e.loss["l2"], epochs=1,
            batch_size=None, parameters=theta,
        )  # fmt: skip
        for l, (W, b) in enumerate(network.layers(training.parameters), start=1):
            e.check(f"W{l}_after", W)
            e.check(f"b{l}_after", b)
        assert abs(training.history.loss[0] - e.full_reference["loss"]) < 1e-15


def test_saito_dlfs_simplenet():
    """A layer without biases: they are 0 and only the weights' gradient is compared."""
    with Example("saito_dlfs_simplenet") as e:
        network, theta = e.network(loss="cross_entropy"), e.parameters()
        e.check("scores", forward(Network((2, 3)), theta, e.data["X"]))
        loss, slope = gradient(network, theta, e.data["X"], e.data["Y"])
        e.check("loss", loss)
        e.check("dW", slope[:6])


def cs231n_network(e):
    if "recipe" in e.init:
        names = {"linspace": np.linspace}
        parts = [eval(part.split("=")[1], names) for part in e.init["recipe"].split("; ")]
        theta = np.concatenate([np.ravel(part) for part in parts])
    else:
        theta = e.parameters()
    scores = Network(e.architecture["layer_sizes"], "relu", "identity")
    e.check("scores", forward(scores, theta, e.data["X"]))
    training = train(
        e.network(loss="cross_entropy"), e.data["X"], e.data["Y"], solver="gd", learning_rate=1.0,
        l2=e.loss["l2"], epochs=1, batch_size=None, parameters=theta,
    )  # fmt: skip
    e.check("loss", training.history.loss[0])
    return theta - training.parameters  # of a step of 1: the gradient


def test_cs231n_a1_toy():
    with Example("cs231n_a1_toy") as e:
        slope = cs231n_network(e)
        for (dW, db), W, b in zip(
            e.network(loss="cross_entropy").layers(slope),
            e.full_reference["dW"], e.full_reference["db"], strict=True,
        ):  # fmt: skip
            np.testing.assert_allclose(dW, W, atol=1e-14)
            np.testing.assert_allclose(db, b, atol=1e-14)


def test_cs231n_a2_twolayernet_reg0():
    with Example("cs231n_a2_twolayernet_reg0") as e:
        cs231n_network(e)


def test_cs231n_a2_twolayernet_reg1():
    with Example("cs231n_a2_twolayernet_reg1") as e:
        cs231n_network(e)


def test_cs231n_a2_affine_forward():
    with Example("cs231n_a2_affine_forward") as e:
        x = np.linspace(-0.1, 0.5, 240).reshape(2, 120)
        w, b = np.linspace(-0.2, 0.3, 360), np.linspace(-0.3, 0.1, 3)
        e.check("out", forward(Network((120, 3)), np.concatenate([w, b]), x))


def test_brownlee_forward():
    with Example("brownlee_forward") as e:
        hidden, output = layer_outputs(e.network(), e.parameters(), np.array(e.data["X"], float))
        e.check("hidden", hidden)
        e.check("output", output)


def test_brownlee_deltas():
    """Deltas of given outputs, with the sign of target - output: ours with a minus.

    The network is given the biases at which its outputs are the given ones.
    """
    with Example("brownlee_deltas") as e:
        hidden, outputs = e.data["hidden_output"], np.array(e.data["outputs"])
        W2 = np.array(e.init["W"][1])
        score = np.log(outputs / (1 - outputs))
        theta = np.concatenate(
            [[0.0, np.log(hidden / (1 - hidden))], W2.ravel(), score - hidden * W2[0]]
        )
        network = Network((1, 1, 2), "sigmoid", "sigmoid")
        np.testing.assert_allclose(forward(network, theta, [[0.0]])[0], outputs, rtol=1e-15)
        slope = gradient(network, theta, [[0.0]], [e.data["target"]])[1]
        (_, db1), (_, db2) = network.layers(slope)
        # all 16 digits are printed; the way through the scores costs a few roundings
        np.testing.assert_allclose(-db2, e.array("delta_output"), rtol=2e-15)
        np.testing.assert_allclose(-db1[0], e.array("delta_hidden"), rtol=1e-14)
        e.left.clear()


def test_iamtrask_2layer():
    """Their third input is always 1: it is the bias. Their sum over 4 samples is 4 times our mean.

    What is printed is the output before the last of the 10,000 steps.
    """
    with Example("iamtrask_2layer") as e:
        X = np.array(e.data["X"])
        assert (X[:, 2] == 1).all()
        training = train(
            Network((2, 1), output="sigmoid"), X[:, :2], e.data["Y"], solver="gd",
            learning_rate=len(X) * e.training["lr"], epochs=e.training["iterations"] - 1,
            batch_size=None, parameters=np.ravel(e.init["W"]),
        )  # fmt: skip
        output = forward(Network((2, 1), output="sigmoid"), training.parameters, X[:, :2])
        e.check("output_of_last_forward", output)


# Single losses. Ours is a mean over samples and a sum over outputs; Keras's a mean over both.


def keras_loss(e, outputs, loss):
    outputs, targets = np.array(outputs), np.array(e.data["y_true"])
    network = Network((3, 3), loss=loss)
    theta = np.concatenate([np.eye(3).ravel(), np.zeros(3)])
    return mean_loss(network, theta, outputs, targets) / targets.shape[1]


def test_keras_loss_mse():
    """Twice the half squared error."""
    with Example("keras_loss_mse") as e:
        e.check("loss", 2 * keras_loss(e, e.data["y_pred"], "half_squared_error"))


def test_keras_loss_huber_delta1():
    with Example("keras_loss_huber_delta1") as e:
        e.check("loss", keras_loss(e, e.data["y_pred"], "huber"))


def test_keras_loss_bce_logits():
    with Example("keras_loss_bce_logits") as e:
        e.check("loss", keras_loss(e, e.data["logits"], "binary_cross_entropy"))


# Single steps of an optimiser: the rule, number by number


def each(rule, theta, g, m, v, *arguments):
    """Apply a rule to every number of arrays."""
    theta, g, m, v = np.broadcast_arrays(*map(np.asarray, (theta, g, m, v)))
    results = [rule(*map(float, row), *arguments) for row in np.stack(
        [theta.ravel(), g.ravel(), m.ravel(), v.ravel()], axis=1
    )]  # fmt: skip
    return np.array(results).T.reshape(3, *theta.shape)


def test_cs231n_sgd_momentum():
    with Example("cs231n_sgd_momentum") as e:
        o = e.optimizer
        velocity = e.data.get("v", e.data.get("velocity"))
        theta, m, _ = each(
            sgd, e.data["w"], e.data["g"], velocity, 0.0, o["lr"], 1.0, o["momentum"]
        )
        e.check("w_after", theta)
        e.check("velocity_after", m)


def test_cs231n_rmsprop():
    with Example("cs231n_rmsprop") as e:
        o = e.optimizer
        theta, _, v = each(
            rmsprop, e.data["w"], e.data["g"], 0.0, e.data["cache"], o["lr"], 1.0, o["decay"],
            o["eps"],
        )  # fmt: skip
        e.check("w_after", theta)
        e.check("cache_after", v)


def test_cs231n_adam():
    with Example("cs231n_adam") as e:
        o = e.optimizer
        theta, m, v = each(
            adam, e.data["w"], e.data["g"], e.data["m"], e.data["v"], o["lr"], float(o["t_used"]),
            o["beta1"], o["beta2"], o["eps"],
        )  # fmt: skip
        e.check("w_after", theta)
        e.check("m_after", m)
        e.check("v_after", v)


def test_coursera_dlspec_c2_gd():
    with Example("coursera_dlspec_c2_gd") as e:
        for name in ("W1", "b1", "W2", "b2"):
            theta, _, _ = each(gd, e.data[name], e.data["d" + name], 0.0, 0.0, 0.01, 1.0)
            e.check(f"{name}_after", theta)


def test_coursera_dlspec_c2_momentum():
    """Their velocity is a mean, 0.9 v + 0.1 g: ours, from 0, with a tenth of the rate."""
    with Example("coursera_dlspec_c2_momentum") as e:
        for name in ("W1", "b1", "W2", "b2"):
            theta, _, _ = each(sgd, e.data[name], e.data["d" + name], 0.0, 0.0, 0.001, 1.0, 0.9)
            e.check(f"{name}_after", theta)


def test_coursera_dlspec_c2_adam():
    """Their epsilon stands inside the square root: no parameter of ours does that to 8 decimals.

    Ours differs by less than 5e-7. Their first step alone can be had with epsilon 0 and a second
    moment that starts at epsilon, before its bias is taken off: sqrt(v / (1 - beta2^t) + epsilon).
    """
    assert ("coursera_dlspec_c2_adam", "epsilon") in NOT_EXPRESSED
    with Example("coursera_dlspec_c2_adam") as e:
        beta1, beta2, epsilon, t = 0.9, 0.999, 1e-8, 2.0
        start = epsilon * (1 - beta2**t) / beta2
        furthest = 0.0
        for name in ("W1", "b1", "W2", "b2"):
            theta, g = e.data[name], e.data["d" + name]
            plain, _, _ = each(adam, theta, g, 0.0, 0.0, 0.01, t, beta1, beta2, epsilon)
            furthest = max(furthest, np.abs(plain - e.array(f"{name}_after")).max())
            shifted, _, _ = each(adam, theta, g, 0.0, start, 0.01, t, beta1, beta2, 0.0)
            e.check(f"{name}_after", shifted)
        assert 5e-9 < furthest < 5e-7


# Keras's trajectories: ten numbers from 1, a first gradient of 0.01, then 0.1, 0.2, ... 1.0. Row
# k of the print is what they are after k + 1 steps.

GRADIENTS = np.linspace(0.1, 1.0, 10)


def trajectory(step):
    """Return what ``step(x, g, m, v, t)`` makes of them, a row after each of five steps."""
    x, m, v = np.ones(10), np.zeros(10), np.zeros(10)
    rows = []
    for t in range(1, 6):
        x, m, v = step(x, np.full(10, 0.01) if t == 1 else GRADIENTS, m, v, float(t))
        rows.append(x)
    return rows


def test_keras_golden_sgd():
    """Nesterov's way without momentum is plain gradient descent."""
    with Example("keras_golden_sgd") as e:
        e.check("x_rows", trajectory(lambda x, g, m, v, t: each(gd, x, g, m, v, 0.01, t)))


def test_keras_golden_adam():
    """Amsgrad keeps the largest v, which here is always the last one: checked on the way."""
    assert ("keras_golden_adam", "amsgrad") in NOT_EXPRESSED

    def step(x, g, m, v, t):
        after = each(adam, x, g, m, v, 0.001, t, 0.9, 0.999, 1e-7)
        assert (after[2] >= v).all()
        return after

    with Example("keras_golden_adam") as e:
        e.check("x_rows", trajectory(step))


def adamw_step(epsilon_of):
    return lambda x, g, m, v, t: each(adamw, x, g, m, v, 1.0, t, 0.9, 0.999, epsilon_of(t), 0.5)


def test_keras_golden_adamw():
    """Theirs is m' / (sqrt(v) + epsilon) times sqrt(1 - beta2^t): our epsilon, divided by that."""
    assert ("keras_golden_adamw", "epsilon") in NOT_EXPRESSED
    with Example("keras_golden_adamw") as e:
        e.check("x_rows", trajectory(adamw_step(lambda t: 2.0 / np.sqrt(1 - 0.999**t))))
        fixed = np.array(trajectory(adamw_step(lambda t: 2.0)))
        assert np.abs(fixed - e.array("x_rows")).max() > 0.01


def test_keras_golden_rmsprop():
    """Centred, with epsilon inside the root. Our rule prints other numbers from the first row on;
    what is printed is what Keras's formula gives.
    """
    assert ("keras_golden_rmsprop", "centered") in NOT_EXPRESSED

    def centred(x, g, m, v, t):
        m, v = 0.9 * m + 0.1 * g, 0.9 * v + 0.1 * g**2
        return x - 0.001 * g / np.sqrt(v - m**2 + 1e-7), m, v

    with Example("keras_golden_rmsprop") as e:
        e.check("x_rows", trajectory(centred))
        ours = trajectory(lambda x, g, m, v, t: each(rmsprop, x, g, m, v, 0.001, t, 0.9, 1e-7))
        assert (np.abs(np.array(ours) - e.array("x_rows")) > 5e-5).all()


def micrograd(a, b):
    """Karpathy's expression in the grammar of rules, which have no reassignment by +=."""
    c1 = a + b
    d1 = a * b + b**3
    c2 = 2 * c1 + 1
    c3 = c2 + 1 + c2 - a
    sum_ab = b + a
    d2 = d1 + d1 * 2 + (sum_ab if sum_ab > 0 else 0)
    difference = b - a
    d3 = d2 + 3 * d2 + (difference if difference > 0 else 0)
    e = c3 - d3
    f = e**2
    g = f / 2 + 10 / f
    slope = 1
    return g, slope


def test_micrograd_readme():
    """A product of two inputs is no layer, and a network takes no expression for a name.

    The printed numbers are right: the expression, and its derivatives at 50 digits.
    """
    assert ("micrograd_readme", "expression") in NOT_EXPRESSED
    with pytest.raises(BadRule, match=r"an activation is f\(z\)"):
        Network((2, 1), output=micrograd)
    assert check(micrograd, results=2).name == "micrograd"
    with Example("micrograd_readme") as e, mpmath.workdps(50):
        a, b = mpmath.mpf(e.data["a"]), mpmath.mpf(e.data["b"])
        e.check("g", float(micrograd(a, b)[0]))
        e.check("dg_da", float(mpmath.diff(lambda v: micrograd(v, b)[0], a)))
        e.check("dg_db", float(mpmath.diff(lambda v: micrograd(a, v)[0], b)))
