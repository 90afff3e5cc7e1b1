"""Programs in the styles in which newcomers write them: each is called, and judged rightly."""

import textwrap

import pytest

from chainrule import Network, check
from chainrule.checking import checker
from chainrule.checking.assigning import assignments
from chainrule.checking.loading import choices, read, run, take
from chainrule.checking.sandbox import said_in

SIGMOIDS = Network((3, 4, 2), "sigmoid", "sigmoid")
ENTROPY = Network((3, 4, 1), "sigmoid", "sigmoid", "binary_cross_entropy")
TANH = Network((3, 4, 1), "tanh")
HEAD = "import numpy as np\n\ndef sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n\n"

STACKED = """
    def affine(A, W, b):
        return W @ A + b, (A, W, b)

    def model_forward(X, parameters):
        caches, A = [], X
        for l in range(1, len(parameters) // 2 + 1):
            Z, cache = affine(A, parameters["W" + str(l)], parameters["b" + str(l)])
            A = sigmoid(Z)
            caches.append((cache, A))
        return A, caches

    def model_backward(AL, Y, caches):
        grads, m = {}, AL.shape[1]
        dZ = AL - Y
        for l in range(len(caches), 0, -1):
            (A_prev, W, b), A = caches[l - 1]
            if l < len(caches):
                dZ = dA * A * (1 - A)
            grads["dW" + str(l)] = dZ @ A_prev.T / m
            grads["db" + str(l)] = dZ.sum(axis=1, keepdims=True) / m
            dA = W.T @ dZ
        return grads
"""
BY_HAND = """
    def forward_prop(W1, b1, W2, b2, X):
        Z1 = W1.dot(X) + b1
        A1 = np.tanh(Z1)
        A2 = W2.dot(A1) + b2
        return Z1, A1, A2

    def backward_prop(Z1, A1, A2, W2, X, Y):
        m = X.shape[1]
        dZ2 = A2 - Y
        dW2 = dZ2.dot(A1.T) / m
        db2 = dZ2.sum(axis=1, keepdims=True) / m
        dZ1 = W2.T.dot(dZ2) * (1 - A1 ** 2)
        return dZ1.dot(X.T) / m, dZ1.sum(axis=1, keepdims=True) / m, dW2, db2
"""
GERMAN = """
    def vorwaerts_und_rueckwaerts(gewichte1, schwelle1, gewichte2, schwelle2, eingaben, ziele):
        m = len(eingaben)
        h = sigmoid(eingaben @ gewichte1 + schwelle1)
        aus = sigmoid(h @ gewichte2 + schwelle2)
        d2 = (aus - ziele) * aus * (1 - aus)
        d1 = d2 @ gewichte2.T * h * (1 - h)
        return eingaben.T @ d1 / m, d1.mean(axis=0), h.T @ d2 / m, d2.mean(axis=0)
"""
FRENCH = """
    class Reseau:
        def __init__(self, n_entrees, n_cachees, n_sorties, taux=0.5):
            self.poids1 = np.ones((n_entrees, n_cachees))
            self.biais1 = np.ones(n_cachees)
            self.poids2 = np.ones((n_cachees, n_sorties))
            self.biais2 = np.ones(n_sorties)
            self.taux = taux

        def calculer(self, X):
            self.h = sigmoid(X @ self.poids1 + self.biais1)
            self.s = sigmoid(self.h @ self.poids2 + self.biais2)

        def retropropagation(self, X, y):
            d2 = (self.s - y) * self.s * (1 - self.s) / len(X)
            d1 = d2 @ self.poids2.T * self.h * (1 - self.h)
            self.poids2 -= self.taux * self.h.T @ d2
            self.biais2 -= self.taux * d2.sum(0)
            self.poids1 -= self.taux * X.T @ d1
            self.biais1 -= self.taux * d1.sum(0)
"""
NAMELESS = """
    def g(p1, q1, p2, q2, inp, want):
        u = np.tanh(inp @ p1 + q1)
        e = (u @ p2 + q2 - want) / len(inp)
        f = e @ p2.T * (1 - u * u)
        return inp.T @ f, f.sum(0), u.T @ e, e.sum(0)
"""
IN_TURN = """
    get_ipython().run_line_magic("matplotlib", "inline")

    def grad(theta, X, y):
        w1, c1, w2, c2 = theta
        h = sigmoid(X @ w1 + c1)
        d2 = (sigmoid(h @ w2 + c2) - y) / len(X)
        d1 = d2 @ w2.T * h * (1 - h)
        return [X.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)]
"""
UNROLLED = """
    def backprop(theta, X, y):
        n, k = X.shape[1], 4
        W1, b1 = theta[:n * k].reshape(n, k), theta[n * k:n * k + k]
        W2, b2 = theta[n * k + k:-1].reshape(k, 1), theta[-1:]
        h = np.tanh(X @ W1 + b1)
        d2 = (h @ W2 + b2 - y) / len(X)
        d1 = d2 @ W2.T * (1 - h ** 2)
        return np.concatenate([(X.T @ d1).ravel(), d1.sum(0), (h.T @ d2).ravel(), d2.sum(0)])
"""
OBJECT = """
    from dataclasses import dataclass

    @dataclass
    class Parameters:
        W1: np.ndarray
        b1: np.ndarray
        W2: np.ndarray
        b2: np.ndarray

    def backward(p: Parameters, x, y):
        h = np.tanh(x @ p.W1 + p.b1)
        d2 = (h @ p.W2 + p.b2 - y) / len(x)
        d1 = d2 @ p.W2.T * (1 - h ** 2)
        return Parameters(x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0))
"""
MOMENTUM = """
    def step(params, velocity, X, y, lr=0.1, mu=0.9):
        h = np.tanh(X @ params["W1"] + params["b1"])
        d2 = (h @ params["W2"] + params["b2"] - y) / len(X)
        d1 = d2 @ params["W2"].T * (1 - h ** 2)
        grads = {"W1": X.T @ d1, "b1": d1.sum(0), "W2": h.T @ d2, "b2": d2.sum(0)}
        for k in grads:
            velocity[k] = mu * velocity[k] - lr * grads[k]
            params[k] = params[k] + velocity[k]
        return params, velocity
"""
LAYERS = """
    class Dense:
        def __init__(self, n_in, n_out):
            self.W, self.b = np.ones((n_out, n_in)), np.ones((n_out, 1))

        def forward(self, x):
            self.x = x
            return self.W @ x + self.b

        def backward(self, grad, rate):
            back = self.W.T @ grad
            self.W = self.W - rate * grad @ self.x.T
            self.b = self.b - rate * grad
            return back

    class Tanh:
        def forward(self, x):
            self.a = np.tanh(x)
            return self.a

        def backward(self, grad, rate):
            return grad * (1 - self.a ** 2)

    def mse(y, out):
        return 0.5 * np.sum((y - out) ** 2)

    def mse_prime(y, out):
        return out - y

    network = [Dense(3, 4), Tanh(), Dense(4, 1)]

    def train(network, loss, loss_prime, x_train, y_train, epochs=10, learning_rate=0.1):
        for _ in range(epochs):
            for x, y in zip(x_train, y_train):
                out = x
                for layer in network:
                    out = layer.forward(out)
                grad = loss_prime(y, out)
                for layer in reversed(network):
                    grad = layer.backward(grad, learning_rate)
"""
COST = """
    def cost_function(Theta1, b1, Theta2, b2, X, y):
        m = len(X)
        h = sigmoid(X @ Theta1.T + b1)
        a = sigmoid(h @ Theta2.T + b2)
        J = -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)) / m
        d2 = a - y
        d1 = d2 @ Theta2 * h * (1 - h)
        Theta1_grad, Theta2_grad = d1.T @ X / m, d2.T @ h / m
        b1_grad, b2_grad = d1.sum(0) / m, d2.sum(0) / m
        return J, Theta1_grad, b1_grad, Theta2_grad, b2_grad
"""
OPTIMIZE = """
    def propagate(w, b, X, Y):
        m = X.shape[1]
        A = sigmoid(w.T @ X + b)
        return {"dw": X @ (A - Y).T / m, "db": np.sum(A - Y) / m}, 0.0

    def optimize(w, b, X, Y, num_iterations, learning_rate):
        for i in range(num_iterations):
            grads, cost = propagate(w, b, X, Y)
            w = w - learning_rate * grads["dw"]
            b = b - learning_rate * grads["db"]
        return {"w": w, "b": b}, grads, []
"""
ALPHA = """
    def gradients(W1, b1, W2, b2, X, y, alpha=0.01):
        Z = X @ W1 + b1
        d2 = (np.where(Z > 0, Z, alpha * Z) @ W2 + b2 - y) / len(X)
        d1 = d2 @ W2.T * np.where(Z > 0, 1, alpha)
        return X.T @ d1, d1.sum(0), np.where(Z > 0, Z, alpha * Z).T @ d2, d2.sum(0)
"""
PLAIN = """
    def backward(W1, b1, W2, b2, X, y):
        m = len(X)
        A1 = np.tanh(X @ W1 + b1)
        A2 = sigmoid(A1 @ W2 + b2)
        d2 = (A2 - y) * A2 * (1 - A2)
        d1 = d2 @ W2.T * (1 - A1 ** 2)
        return X.T @ d1 / m, d1.sum(0) / m, A1.T @ d2 / m, d2.sum(0) / m
"""
UPDATED = """
    class Net:
        def __init__(self, sizes):
            self.W = [np.ones(pair) for pair in zip(sizes, sizes[1:])]
            self.b = [np.ones(n) for n in sizes[1:]]

        def forward(self, X):
            self.A = [X, np.tanh(X @ self.W[0] + self.b[0])]
            self.A.append(self.A[1] @ self.W[1] + self.b[1])

        def backward(self, y):
            d = (self.A[2] - y) / len(y)
            self.dW, self.db = [None, self.A[1].T @ d], [None, d.sum(0)]
            d = (d @ self.W[1].T) * (1 - self.A[1] ** 2)
            self.dW[0], self.db[0] = self.A[0].T @ d, d.sum(0)

        def update(self):
            self.W = [W + dW for W, dW in zip(self.W, self.dW)]
"""
FROM_FORWARD = """
    def forward(x, net):
        h = sigmoid(x @ net["w1"] + net["b1"])
        return h, sigmoid(h @ net["w2"] + net["b2"])

    def backward(x, h, yhat, y, net):
        d2 = yhat - y
        d1 = d2 @ net["w2"].T * h * (1 - h)
        n = len(x)
        return {"w1": x.T @ d1 / n, "b1": d1.mean(0), "w2": h.T @ d2 / n, "b2": d2.mean(0)}
"""
FROM_THE_LOSS = """
    class Net:
        def __init__(self, ni, nh, no):
            self.W1, self.b1 = np.ones((ni, nh)), np.ones(nh)
            self.W2, self.b2 = np.ones((nh, no)), np.ones(no)

        def __call__(self, x):
            self.x, self.h = x, np.tanh(x @ self.W1 + self.b1)
            return self.h @ self.W2 + self.b2

        def backward(self, dout):
            self.grad_W2, self.grad_b2 = self.h.T @ dout, dout.sum(0)
            dh = dout @ self.W2.T * (1 - self.h ** 2)
            self.grad_W1, self.grad_b1 = self.x.T @ dh, dh.sum(0)
"""
NAMED_TUPLE = """
    from collections import namedtuple

    Weights = namedtuple("Weights", "w1 b1 w2 b2")

    def loss_and_grad(params, x, y):
        w1, b1, w2, b2 = params
        h = np.tanh(x @ w1 + b1)
        o = h @ w2 + b2
        d = (o - y) / len(x)
        dh = d @ w2.T * (1 - h * h)
        return 0.5 * np.sum((o - y) ** 2) / len(x), Weights(x.T @ dh, dh.sum(0), h.T @ d, d.sum(0))
"""
RIGHT = {
    "from forward": (FROM_FORWARD, ENTROPY), "from the loss": (FROM_THE_LOSS, TANH),
    "named tuple": (NAMED_TUPLE, TANH),
    "stacked": (STACKED, ENTROPY), "by hand": (BY_HAND, TANH), "german": (GERMAN, SIGMOIDS),
    "french": (FRENCH, SIGMOIDS), "nameless": (NAMELESS, TANH), "in turn": (IN_TURN, ENTROPY),
    "unrolled": (UNROLLED, TANH), "object": (OBJECT, TANH), "momentum": (MOMENTUM, TANH),
    "layers": (LAYERS, TANH), "cost": (COST, ENTROPY),
    "optimize": (OPTIMIZE, Network((3, 1), output="sigmoid", loss="binary_cross_entropy")),
    "alpha": (ALPHA, Network((3, 4, 1), "leaky_relu")), "update": (UPDATED, TANH),
}  # fmt: skip


@pytest.fixture
def judge(tmp_path):
    def judged(source, network, said=None):
        path = tmp_path / "net.py"
        path.write_text(HEAD + textwrap.dedent(source))
        content = read(path)
        module = run(path, content)
        return checker.first_that_runs(
            choices(path, content),
            lambda name: checker.checked(take(module, path, name), network, {}, said_in(said)),
            module,
        )

    return judged


@pytest.mark.parametrize("style", RIGHT)
def test_right_code_of_each_style_is_right(judge, style):
    report = judge(*RIGHT[style])
    assert report.verdict == "correct", report.message
    assert report.precision < 1e-12


@pytest.mark.parametrize(
    ("style", "old", "new", "name", "layers"),
    [
        ("stacked", "dA * A * (1 - A)", "dA * (1 - A)", "slope_incomplete", (1,)),
        ("by hand", " * (1 - A1 ** 2)", "", "slope_left_out", (1,)),
        ("german", "(aus - ziele)", "(ziele - aus)", "target_minus_output", (2,)),
        ("french", "(self.s - y)", "(y - self.s)", "target_minus_output", (2,)),
        ("nameless", " * (1 - u * u)", "", "slope_left_out", (1,)),
        ("in turn", " * h * (1 - h)", "", "slope_left_out", (1,)),
        ("unrolled", "(1 - h ** 2)", "(1 - h)", "slope_incomplete", (1,)),
        ("object", "(1 - h ** 2)", "(1 - h)", "slope_incomplete", (1,)),
        ("layers", "grad * (1 - self.a ** 2)", "grad", "slope_left_out", (1,)),
        ("cost", "@ Theta2 * h * (1 - h)", "@ Theta2", "slope_left_out", (1,)),
        ("optimize", "X @ (A - Y).T / m", "X @ (A - Y).T", "mean_on_one_gradient", (1,)),
    ],
)  # fmt: skip
def test_a_mistake_in_each_style_is_named(judge, style, old, new, name, layers):
    source, network = RIGHT[style]
    assert old in source
    report = judge(source.replace(old, new), network)
    assert [(m.name, m.layers) for m in report.mistakes] == [(name, layers)], report.message


# What nobody said of the network


@pytest.mark.parametrize(
    "said", ["sizes=3-4-1", "sizes=3-4-1 hidden=tanh", "loss=half_squared_error"]
)
def test_what_was_not_said_is_inferred(judge, said):
    sizes = (3, 4, 1) if "sizes" in said else None
    network = sizes and Network(sizes, "tanh" if "hidden" in said else "relu")
    report = judge(PLAIN, network, said)
    assert report.verdict == "correct", report.message
    assert "3-4-1, tanh, sigmoid, half_squared_error" in report.notes[0]


def test_a_loss_that_nobody_said_and_that_does_not_show_is_the_default(judge):
    source = PLAIN.replace(" * A2 * (1 - A2)", "")
    report = judge(
        source, Network((3, 4, 1), "tanh", "sigmoid"), "sizes=3-4-1 hidden=tanh output=sigmoid"
    )
    assert [m.name for m in report.mistakes] == ["slope_left_out"]


def test_what_was_said_stands(judge):
    report = judge(
        PLAIN, Network((3, 4, 1), "relu", "sigmoid"), "sizes=3-4-1 hidden=relu output=sigmoid"
    )
    assert report.verdict != "correct"


# Shapes that do not fit


@pytest.mark.parametrize(
    ("old", "new", "name", "corrected"),
    [
        ("d2 @ W2.T", "d2 @ W2", "transpose_missing", "d1 = d2 @ W2.T * (1 - A1 ** 2)"),
        ("d1 = d2 @ W2.T", "d1 = W2.T @ d2", "transpose_missing", None),
        ("- A1 ** 2", "- X ** 2", "mask_of_wrong_tensor", "d1 = d2 @ W2.T * (1 - A1 ** 2)"),
        ("@ W2.T * (1", "@ W1.T * (1", "weights_of_wrong_layer", "d1 = d2 @ W2.T * (1 - A1 ** 2)"),
    ],
)  # fmt: skip
def test_code_that_breaks_off_at_a_shape_is_mended(judge, old, new, name, corrected):
    assert old in PLAIN
    report = judge(PLAIN.replace(old, new), Network((3, 4, 1), "tanh", "sigmoid"))
    assert (report.verdict, [m.name for m in report.mistakes]) == ("mistake", [name])
    (mistake,) = report.mistakes
    assert (mistake.line, mistake.layers) == (12, (1,))
    assert corrected is None or mistake.corrected == corrected


def test_shapes_that_no_one_change_mends_are_told(judge):
    source = PLAIN.replace("d2 @ W2.T", "d2 @ W2").replace("X.T @ d1", "d1 @ X")
    report = judge(source, Network((3, 4, 1), "tanh", "sigmoid"))
    assert report.verdict == "failed"
    assert "line 12, `d1 = d2 @ W2" in report.message


def test_a_script_that_breaks_off_in_its_own_call_is_judged(judge):
    call = (
        "\n    backward(np.ones((3, 4)), 0, np.ones((4, 1)), 0, np.ones((5, 3)), np.ones((5, 1)))\n"
    )
    report = judge(
        PLAIN.replace("d2 @ W2.T", "d2 @ W2") + call, Network((3, 4, 1), "tanh", "sigmoid")
    )
    assert [m.name for m in report.mistakes] == ["transpose_missing"]
    assert "does not run" in report.notes[-1]


# Notes


def test_a_step_that_is_not_judged_is_said(judge):
    notes = judge(UPDATED, TANH).notes
    assert notes == ("Its gradients are judged; the step that update() takes is not.",)


def test_code_for_one_output_is_said_to_be(judge):
    report = judge(
        NAMELESS.replace("e = (", "e = np.reshape(").replace("- want)", "- want, (-1, 1))"), TANH
    )
    assert report.verdict == "correct", report.message
    assert any(note.startswith("It takes one output only") for note in report.notes)


# What arguments stand for


def test_no_two_arguments_are_the_targets_or_the_parameters():
    def step(params, X, y, state, t=1, lr=0.1): ...

    roles = assignments(step, 2)[0]
    assert roles == {"params": "params", "X": "x", "y": "y", "state": "zeros", "lr": "rate"}


def test_places_decide_where_names_tell_nothing():
    def nameless(p1, q1, p2, q2, inp, want): ...

    wanted = ["W1", "b1", "W2", "b2", "x", "y"]
    assert list(assignments(nameless, 2)[0].values()) == wanted


GENERATORS = ("np.random.default_rng(3)", "np.random.RandomState(3)")


@pytest.mark.parametrize("made", GENERATORS)
def test_a_generator_beside_the_function_draws_the_same_in_every_call(made, tmp_path):
    path = tmp_path / "loop.py"
    path.write_text(
        f"import numpy as np\nrng = {made}\n\n\n"
        "def start(n):\n    return rng.normal(size=(n, 1))\n\n\n"
        "def train(X, y, epochs=5, eta=0.1):\n"
        "    w = start(X.shape[1])\n    b = np.zeros(1)\n"
        "    for _ in range(epochs):\n"
        "        d = X @ w + b - y.reshape(-1, 1)\n"
        "        w = w - eta * X.T @ d / len(X)\n"
        "        b = b - eta * d.mean(axis=0)\n"
        "    return w, b\n"
    )
    assert check(f"{path}:train", Network((3, 1))).verdict == "correct"
