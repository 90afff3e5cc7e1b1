"""A user's own activation or loss: values, slopes, bits, files, and what is refused."""

import inspect
import json
import math
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import chainrule
from chainrule import Rule, fit, load
from chainrule.datasets import penguins
from chainrule.engine import forward, gradient, layer_outputs, mean_loss
from chainrule.errors import BadModelFile, BadRule, BadSetting
from chainrule.folds import train_ensemble
from chainrule.formula import MOST_CHARACTERS
from chainrule.loop import train
from chainrule.modelfile import from_bytes
from chainrule.network import Network
from chainrule.own import rule_in_file
from chainrule.rules import ACTIVATIONS, LOSSES
from test_modelfile import forged, put, tiny, to_bytes
from tolerances import assert_close

RANDOM = np.random.default_rng(8)
X = RANDOM.normal(size=(150, 3))
Y = np.sin(X[:, :2]) + 0.1


def bump(z):
    """A bump: a = e^(-z^2), a' = -2 z a."""
    a = exp(-z * z)  # noqa: F821
    slope = -2.0 * z * a
    return a, slope


def square_root(x: float) -> tuple[float, float]:
    y = sqrt(1.0 + x**2)  # noqa: F821
    return y, x / y


def log_cosh(a, y):
    e = abs(a - y)
    loss = e + log1p(exp(-2.0 * e)) - 0.6931471805599453  # noqa: F821
    slope = tanh(a - y)  # noqa: F821
    return loss, slope


def bent(guess, truth, knee=0.5):
    far = guess - truth
    loss = sqrt(knee * knee + far * far) - knee  # noqa: F821
    slope = far / sqrt(knee * knee + far * far)  # noqa: F821
    return loss, slope


def test_outputs_are_those_of_numpy():
    network = Network((3, 5, 4, 2), hidden=(bump, square_root), output=bump)
    theta = network.initial(seed=1)
    (V, b), (W, c), (U, d) = network.layers(theta)
    first = np.exp(-((X @ V + b) ** 2))
    second = np.sqrt(1 + (first @ W + c) ** 2)
    third = np.exp(-((second @ U + d) ** 2))
    for found, expected in zip(
        layer_outputs(network, theta, X), (first, second, third), strict=True
    ):
        assert_close(found, expected, 1e-13)
    found = forward(network, theta.astype(np.float32), X[:1].astype(np.float32))
    assert_close(found, third[:1], 1e-5)


@pytest.mark.parametrize(
    ("loss", "parameter", "formula"),
    [
        (log_cosh, None, lambda e, _: np.log(np.cosh(e))),
        (bent, None, lambda e, _: np.sqrt(0.25 + e**2) - 0.5),
        (bent, 2.0, lambda e, _: np.sqrt(4 + e**2) - 2),
    ],
)
def test_losses_are_those_of_numpy(loss, parameter, formula):
    network = Network((3, 4, 2), "tanh", loss=loss, loss_parameter=parameter)
    theta = network.initial(seed=2)
    weight = RANDOM.uniform(0, 2, 150)
    rows = formula(forward(network, theta, X) - Y, parameter).sum(axis=1)
    assert_close(mean_loss(network, theta, X, Y), rows.mean(), 1e-12)
    assert_close(mean_loss(network, theta, X, Y, weight), np.average(rows, weights=weight), 1e-12)


@pytest.mark.parametrize("rows", [1, 2, 128, 150])
@pytest.mark.parametrize(
    "network",
    [
        Network((3, 4, 2), hidden=bump),
        Network((3, 4, 4, 2), hidden=(square_root, "tanh"), output=square_root, loss=bent),
        Network((3, 2), output=bump, loss=log_cosh),
        Network((3, 4, 2), "tanh", "softmax", loss=log_cosh),
    ],
)
def test_gradients_agree_with_differences(network, rows):
    theta = network.initial(seed=3)
    _, slope = gradient(network, theta, X[:rows], Y[:rows])
    for seed in range(3):
        d = np.random.default_rng(seed).normal(size=theta.shape)
        up, down = (mean_loss(network, theta + s * 1e-6 * d, X[:rows], Y[:rows]) for s in (1, -1))
        assert_close(slope @ d, (up - down) / 2e-6, 1e-7)


def copied(function):
    """Return a rule of the same lines as one that chainrule has."""
    return Rule(inspect.getsource(function))


@pytest.mark.compiled_only
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if n != "exp"])
def test_the_copy_of_an_activation_trains_alike(name, dtype):
    settings = {"epochs": 3, "seed": 1, "dtype": dtype, "batch_size": 32, "l2": 0.01}
    own, known = (
        train(Network((3, 6, 2), hidden=hidden), X, Y, **settings)
        for hidden in (copied(ACTIVATIONS[name]), name)
    )
    assert_close(own.parameters, known.parameters, 1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.compiled_only
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["half_squared_error", "absolute_error", "huber", "quantile"])
def test_the_copy_of_a_loss_trains_alike(name, dtype):
    settings = {"epochs": 3, "seed": 1, "dtype": dtype, "batch_size": 32}
    parameter = 0.3 if name in ("huber", "quantile") else None
    own, known = (
        train(Network((3, 6, 2), loss=loss, loss_parameter=parameter), X, Y, **settings)
        for loss in (copied(LOSSES[name]), name)
    )
    assert_close(own.parameters, known.parameters, 1e-5 if dtype == np.float32 else 1e-12)
    assert_close(own.history.loss, known.history.loss, 1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.compiled_only
@pytest.mark.parametrize("solver", ["lbfgs", "lm", "rprop"])
def test_every_solver_takes_them(solver):
    network = Network((3, 6, 2), hidden=bump)
    training = train(network, X, Y, solver=solver, epochs=60, batch_size=None)
    assert training.history.loss[-1] < 0.2 * training.history.loss[0]


@pytest.mark.compiled_only
def test_the_estimators_take_them():
    settings = {
        "hidden_layer_sizes": (6, 4),
        "max_iter": 3,
        "random_state": 1,
        "n_iter_no_change": 9,
    }
    own = chainrule.MLPRegressor(activation=copied(ACTIVATIONS["tanh"]).function, **settings)
    known = chainrule.MLPRegressor(activation="tanh", **settings)
    with pytest.warns(ConvergenceWarning):
        assert_close(own.fit(X, Y).predict(X), known.fit(X, Y).predict(X), 1e-12)
    assert clone(own).activation is own.activation
    mixed = chainrule.MLPRegressor(
        activation=[bump, "tanh"], loss=bent, loss_parameter=2.0, **settings
    )
    with pytest.warns(ConvergenceWarning):
        mixed.fit(X, Y)
    network = Network((3, 6, 4, 2), (bump, "tanh"), loss=bent, loss_parameter=2.0)
    joined = [
        np.ravel(a) for pair in zip(mixed.coefs_, mixed.intercepts_, strict=True) for a in pair
    ]
    assert_close(mixed.predict(X), forward(network, np.concatenate(joined), X), 1e-13)
    assert_close(pickle.loads(pickle.dumps(mixed)).predict(X), mixed.predict(X), 0)
    classes = chainrule.MLPClassifier(activation=bump, solver="lbfgs", random_state=0, max_iter=500)
    assert classes.fit(X, X[:, 0] ** 2 > 0.5).score(X, X[:, 0] ** 2 > 0.5) > 0.98
    with pytest.raises(BadRule, match="the slope is given as"):
        chainrule.MLPRegressor(activation=lambda_like).fit(X, Y)


def lambda_like(z):
    return z * z, z


@pytest.mark.compiled_only
def test_threads_do_not_change_a_bit():
    network = Network((3, 6, 2), hidden=bump, loss=bent)
    one, four = (train_ensemble(network, X, Y, members=4, epochs=20, n_jobs=n) for n in (1, 4))
    assert one.parameters.tobytes() == four.parameters.tobytes()


def test_a_network_is_known_by_the_source():
    network = Network((3, 6, 2), hidden=bump, loss=bent)
    again = Network((3, 6, 2), hidden=Rule(network.hidden.source), loss=bent)
    assert network == again
    assert hash(network) == hash(again)
    assert pickle.loads(pickle.dumps(network)) == network
    assert network != Network((3, 6, 2), hidden=square_root, loss=bent)
    assert (str(network.hidden), network.loss_parameter) == ("bump", 0.5)
    assert network.hidden.function.__doc__.startswith("A bump")
    assert network.hidden.function(1.0) == (math.exp(-1), -2 * math.exp(-1))


# What is refused


def test_slopes_that_are_nearly_right_are_refused():
    def missed(z):
        a = exp(-z * z)  # noqa: F821
        return a, -2.002 * z * a

    def turned(z):
        a = exp(-z * z)  # noqa: F821
        return a, 2.0 * z * a

    def left_out(a, y):
        return 0.5 * (a - y) ** 2, 1.0

    for rule, loss in ((missed, False), (turned, False), (left_out, True)):
        message = rf"rule {rule.__name__}: at .* the slope is given as .*"
        with pytest.raises(BadRule, match=message):
            Network((3, 1), loss=rule) if loss else Network((3, 1), output=rule)


SOURCES = {
    "no def": ("1 + 1", "one def"),
    "two defs": ("def f(z): return z, 1.0\ndef g(z): return z, 1.0", "one def"),
    "no Python": ("def f(z: return", "cannot be read"),
    "a lambda": ("f = lambda z: (z, 1.0)", "one def"),
    "a call": ("def f(z): return open(z), 1.0", "outside the grammar"),
    "an attribute": ("def f(z): return z.real, 1.0", "outside the grammar"),
    "an import": ("def f(z):\n    import os\n    return z, 1.0", "only assignments"),
    "a default that is a call": ("def f(a, y, p=print(1)): return a - y, 1.0", "a default is a"),
    "a decorator": ("@print\ndef f(z): return z, 1.0", "no decorator"),
    "a default of text": ("def f(a, y, p='x'): return a - y, 1.0", "outside the grammar"),
    "a default too early": ("def f(z=1.0): return z, 1.0", "takes .z=1.0."),
    "no arguments": ("def f(): return 1.0, 1.0", "an activation is f"),
    "four arguments": ("def f(a, b, c, d): return a, 1.0", "an activation is f"),
    "no default": ("def f(a, y, p): return a - y, 1.0", "an activation is f"),
    "one result": ("def f(z): return z", "it must return 2 values"),
    "a global": ("def f(z): return z * scale, scale", "'scale' is not an argument"),
    "a tower": ("def f(z): return z + 9 ** 9 ** 9 ** 9, 1.0", "too large a power"),
    "a high power": ("def f(z): return z ** 1000, 1.0", "too large a power"),
    "a huge number": ("def f(z): return z + 1" + "0" * 400 + ", 1.0", "too large"),
    "a long source": (
        "def f(z): return z" + " + z" * MOST_CHARACTERS + ", 1.0",
        "10,000 characters at most",
    ),
    "deep": ("def f(z): return " + "-" * 4000 + "z, 1.0", "cannot be read|40 deep"),
    "nested": ("def f(z): return " + "(" * 300 + "z" + ")" * 300 + ", 1.0", "cannot be read"),
    "a long sum": ("def f(z): return " + "+".join(["z"] * 400) + ", 400.0", "40 deep"),
    "a reserved name": ("def f(exp): return exp, 1.0", "reserved"),
    "a name of ours": ("def tanh(z): return z, 1.0", "take another name"),
    "nothing finite": ("def f(z): return log(-1.0 - z * z), 1.0", "no finite number"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources_that_are_refused(name):
    source, message = SOURCES[name]
    with pytest.raises(BadRule, match=message):
        Rule(source)


def test_annotations_are_left_out():
    rule = Rule("def f(z: print(1)) -> print(2):\n    return z, 1.0")
    assert rule.source == "def f(z):\n    return (z, 1.0)"


def test_a_rule_in_the_wrong_place_is_refused():
    with pytest.raises(BadRule, match=r"an activation is f\(z\)"):
        Network((3, 4, 1), hidden=log_cosh)
    with pytest.raises(BadRule, match=r"a loss is f\(a, y\)"):
        Network((3, 4, 1), loss=bump)
    with pytest.raises(BadSetting, match="hidden=3 is not one of"):
        Network((3, 4, 1), hidden=3)
    with pytest.raises(BadRule, match=r"not a lambda|its source cannot be read"):
        Network((3, 4, 1), hidden=lambda z: (z, 1.0))


# Files and the command


@pytest.mark.compiled_only
def test_a_model_keeps_the_rule(tmp_path):
    model = fit(penguins(), "body_mass_g", hidden=(bump, "tanh"), loss=bent, epochs=5)
    model.save(tmp_path / "m.safetensors")
    back = load(tmp_path / "m.safetensors")
    assert back.network == model.network
    assert back.predict(penguins()).tobytes() == model.predict(penguins()).tobytes()
    classes = fit(penguins(), "species", hidden=bump, epochs=30)
    assert classes.summary.scores["network"]["accuracy"] > 0.8


WITH_RULE = to_bytes(tiny(network=Network((4, 2, 1), hidden=bump, output="sigmoid")))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"source": "def f(z): return z, 2.0"}, "the slope is given as"),
        ({"source": "def f(z): return open(z), 1.0"}, "outside the grammar"),
        ({"source": "def f(a, y): return a - y, 1.0"}, "an activation is f"),
        ({"source": "def f(z): return " + "z + " * 400 + "z, 401.0"}, "40 deep"),
        ({"source": "def f(z): return z, 1.0 + 0.0 * z**0.5"}, "a slope must be finite"),
        ({"source": "def f(z): return z if z < 3.0 else 3.0, 1.0"}, "at z = 3.2 the slope"),
        ({"source": "def f(z): range = z; return range, 1.0"}, "'range' is reserved"),
        ({"source": "@print\ndef f(z): return z, 1.0"}, "no decorator"),
        ({"source": 1}, "network.hidden.source"),
        ({"name": "f"}, "network.hidden"),
        ([{"source": "import os"}], "one def"),
        ("bump", "hidden='bump'"),
    ],
)
def test_a_forged_rule_is_refused(value, message):
    assert from_bytes(WITH_RULE).ensemble.network.hidden.name == "bump"
    with pytest.raises(BadModelFile, match=message):
        from_bytes(forged(put(value, "network", "hidden"), good=WITH_RULE))


RULES = '''"""My rules."""
import no_such_module

raise SystemExit("this is never run")


def bump(z: float):
    """A bump."""
    a = exp(-z * z)
    return a, -2.0 * z * a


def close(a, y):
    return 0.5 * (a - y) ** 2, a - y
'''


@pytest.mark.compiled_only
def test_the_command_takes_rules_of_a_file(tmp_path):
    (tmp_path / "rules.py").write_text(RULES)
    command = [sys.executable, "-c", "from chainrule.cli import main; main()"]
    options = ["train", "--target", "body_mass_g", "--hidden", "rules.py:bump,tanh", "--loss"]
    more = ["--epochs", "3", "-o", "m.safetensors", "--json"]
    done = subprocess.run(
        [*command, *options, "rules.py:close", *more], cwd=tmp_path, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["network"]["activations"] == ["bump", "tanh", "identity"]
    model = load(tmp_path / "m.safetensors")
    assert model.network.hidden == (Rule(bump_source()), "tanh")
    done = subprocess.run([*command, "show", "m.safetensors"], cwd=tmp_path, capture_output=True)
    assert b"12 inputs" in done.stdout
    done = subprocess.run(
        [*command, *options, "rules.py:far", *more], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 2
    assert b"rules.py has no function far; it has bump, close" in done.stderr


def bump_source():
    return "def bump(z):\n    '''A bump.'''\n    a = exp(-z * z)\n    return a, -2.0 * z * a"


def test_files_that_are_no_python_are_refused(tmp_path):
    (tmp_path / "a.py").write_bytes(b"\xff\xfe\x00")
    for path, message in (("nowhere.py", "No such file"), (str(tmp_path / "a.py"), "Python")):
        with pytest.raises(BadRule, match=message):
            rule_in_file(f"{path}:bump")
    assert not Path("nowhere.py").exists()
    assert replace(Network((1, 1)), hidden="tanh").hidden == "tanh"


def test_a_rule_of_roots_is_checked_where_it_has_values():
    assert Rule("def power(z):\n    r = sqrt(z)\n    return z * r, 1.5 * r").name == "power"
    with pytest.raises(BadRule, match="differences of the value"):
        Rule("def power(z):\n    r = sqrt(z)\n    return z * r, 1.6 * r")
    with pytest.raises(BadRule, match="a slope must be finite where the value is"):
        Rule("def root(z):\n    r = sqrt(z)\n    return r, 0.5 / r")
