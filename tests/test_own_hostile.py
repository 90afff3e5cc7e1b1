"""A user's own rules against NumPy, hostile sources, and slopes that are nearly right."""

import contextlib
import copy
import inspect
import math
import os
import pickle
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV

import naive
from chainrule import (
    MLPRegressor,
    Network,
    Rule,
    forward,
    gradient,
    jit,
    kernels,
    layout,
    own,
    train,
)
from chainrule.engine import checked_data, layer_outputs, mean_loss
from chainrule.errors import BadRule, BadSetting
from chainrule.formula import DEEPEST, MOST_CHARACTERS
from chainrule.levenberg import levenberg_marquardt
from chainrule.own import rule_in_file
from chainrule.rules import ACTIVATIONS, LOSSES
from chainrule.slopecheck import BESIDE, OUTPUTS, SCORES, STEPS
from tolerances import DIFFERENCE, DIFFERENCE_STEP, FORWARD, GRADIENT, TRAINING, assert_close

DTYPES = [np.float64, np.float32]
exp = None  # what a name is where the rule stands does not matter


def bump(z):
    """A bump: a = e^(-z^2), a' = -2 z a."""
    a = exp(-z * z)
    slope = -2.0 * z * a
    return a, slope


def bent(x):
    return x if x > 0 else x / (1 - x), 1 if x > 0 else (1 - x) ** -2


def biased(a, y, k=1.5):
    """Too low costs more than too high: an error of e costs e^2 / 2, and below 0 k times that."""
    e = a - y
    k = k if e < 0.0 else 1.0  # a name may be taken again
    return 0.5 * k * e * e, k * e


def quartic(output, target):
    return (output - target) ** 4, 4 * (output - target) ** 3


@pytest.fixture(autouse=True)
def _reference(monkeypatch):
    """Give the naive reference the same formulas, in NumPy."""
    for rule, pair in {
        bump: (lambda z: np.exp(-(z**2)), lambda z: -2 * z * np.exp(-(z**2))),
        bent: (
            lambda z: np.where(z > 0, z, z / (1 + np.abs(z))),
            lambda z: np.where(z > 0, 1.0, 1 / (1 + np.abs(z)) ** 2),
        ),
    }.items():
        monkeypatch.setitem(naive.ACTIVATIONS, Rule(rule), pair)
    for rule, pair in {
        biased: (
            lambda a, y, p: np.where(a < y, p, 1.0) * (a - y) ** 2 / 2,
            lambda a, y, p: np.where(a < y, p, 1.0) * (a - y),
        ),
        quartic: (lambda a, y, p: (a - y) ** 4, lambda a, y, p: 4 * (a - y) ** 3),
    }.items():
        monkeypatch.setitem(naive.LOSSES, Rule(rule), pair)


def problem(network, n, seed=0):
    random = np.random.default_rng([seed, n, *network.sizes])
    theta = random.normal(0, 0.6, network.n_parameters)
    return (
        theta,
        random.normal(size=(n, network.sizes[0])),
        random.normal(size=(n, network.sizes[-1])),
    )


# What a rule becomes


def test_a_rule_can_be_copied_and_pickled():
    for same in (pickle.loads, copy.copy, copy.deepcopy):
        given = pickle.dumps(Rule(bump)) if same is pickle.loads else Rule(bump)
        assert same(given) == Rule(bump)
        assert same(given)(0.5) == (math.exp(-0.25), -math.exp(-0.25))
    assert Rule(biased)(1.0, 3.0, 2.0) == (4.0, -4.0)
    assert Rule(biased)(1.0, 3.0) == (3.0, -3.0)


def test_a_rule_with_the_name_of_ours_is_still_the_users():
    mine = Rule("def relu(z):\n    return 3.0 * z, 3.0")
    network = Network((1, 1), output=mine)
    assert network != Network((1, 1), output="relu")
    assert forward(network, np.array([1.0, 0.0]), [[-2.0]]).tolist() == [[-6.0]]


def test_a_rule_from_a_file_that_is_not_run(tmp_path):
    path = tmp_path / "rules.py"
    path.write_text(
        "raise SystemExit('run')\n\n\ndef helper(z):\n    return open(z)\n\n\n"
        + inspect.getsource(bump)
        + "\n\nasync def later(z):\n    pass\n"
    )
    assert rule_in_file(f"{path}:bump") == Rule(bump)
    with pytest.raises(BadRule, match=r"rule helper, line 5: it must return 2 values"):
        rule_in_file(f"{path}:helper")
    for name in ("absent", "later", ""):
        with pytest.raises(BadRule, match=rf"no function {name}; it has helper, bump"):
            rule_in_file(f"{path}:{name}")
    with pytest.raises(BadRule, match="No such file"):
        rule_in_file(f"{tmp_path}/absent.py:bump")
    for content in (b"def f(", b"\0", b"\xff\xfe", b"-" * 100_000 + b"1", b"(" * 1000):
        path.write_bytes(content)
        with pytest.raises(BadRule, match="cannot be read as Python"):
            rule_in_file(f"{path}:bump")


# What is refused


def test_functions_without_a_source_are_refused():
    names = {}
    exec("def made(z):\n    return z, 1.0", names)
    for rule in (names["made"], math.exp, np.tanh):
        with pytest.raises(BadRule, match=r"source cannot be read.*give its source as text"):
            Network((1, 2, 1), hidden=rule)
    with pytest.raises(BadRule, match="not a lambda"):
        Network((1, 2, 1), hidden=lambda z: (z, 1.0))


def test_a_file_that_was_edited_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "edited_rules.py"
    path.write_text("def first(z):\n    return z, 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    import edited_rules

    path.write_text("def other(z):\n    return z, 1.0\n\n")
    with pytest.raises(BadRule, match="rule first, line 1: other stands there now"):
        Rule(edited_rules.first)


def decorated(function):
    return function


@decorated
def wrapped(z):
    return z, 1.0


def with_default(z, k=2.0):
    return k * z, k


def without_default(a, y, k):
    return k * (a - y) ** 2, 2.0 * k * (a - y)


def computed_default(a, y, k=-(1.0)):
    return k * (a - y) ** 2, 2.0 * k * (a - y)


def default_of_target(a, y=1.0):
    return (a - y) ** 2, 2.0 * (a - y)


def four(a, y, k=1.0, m=1.0):
    return (a - y) ** 2, 2.0 * (a - y)


def nothing():
    return 1.0, 0.0


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (wrapped, "no decorator"),
        (with_default, "takes .z, k=2.0.: an activation is f"),
        (without_default, "takes .a, y, k."),
        (computed_default, "line .*a default is a number"),
        (default_of_target, "takes .a, y=1.0."),
        (four, "takes .a, y, k=1.0, m=1.0."),
        (nothing, "takes"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_other_arguments_are_refused(rule, named):
    with pytest.raises(BadRule, match=f"rule {rule.__name__}.*{named}"):
        Rule(rule)


def test_parameters_that_a_loss_cannot_have():
    with pytest.raises(BadSetting, match="has no parameter"):
        Network((1, 2, 1), loss=quartic, loss_parameter=2.0)
    for value in (0.0, -1.0, math.inf, math.nan, "1"):
        with pytest.raises(BadSetting, match="loss_parameter="):
            Network((1, 2, 1), loss=biased, loss_parameter=value)
    zero = Rule("def f(a, y, k=0):\n    return (a - y) ** 2, 2.0 * (a - y)")
    with pytest.raises(BadSetting, match=r"loss_parameter=0\.0"):
        Network((1, 2, 1), loss=zero)


def activation(*lines, name="f"):
    return "\n    ".join([f"def {name}(z):", *lines])


HOSTILE = {
    "a call": activation("a = __import__('os').system('x')", "return a, 1.0"),
    "an attribute": activation("a = z.__class__", "return a, 1.0"),
    "builtins": activation("a = __builtins__", "return a, 1.0"),
    "an import": activation("import os", "return z, 1.0"),
    "a default": "def f(a, y, k=__import__('os')):\n    return (a - y) ** 2, 2.0 * (a - y)",
    "a decorator": "@open\ndef f(z):\n    return z, 1.0",
    "a second statement": activation("return z, 1.0") + "\nimport os",
    "code before": "import os\n" + activation("return z, 1.0"),
    "a class": "class f:\n    pass",
    "an async def": "async " + activation("return z, 1.0"),
    "a lambda": "lambda z: (z, 1.0)",
    "nothing": "",
    "a NUL": "def f(z):\0\n    return z, 1.0",
    "not Python": "def f(z) return z",
    "lone surrogates": activation("a = z + \ud800", "return a, 1.0"),
    "a long source": activation("return z, 1.0") + " " * MOST_CHARACTERS,
    "a long number": activation(f"return z + {'9' * 3000}, 1.0"),
    "a number past Python's digits": activation(f"return z + {'9' * 3990}, 1.0").replace("9", "1"),
    "a large number": activation("return z + 1e999, 1.0"),
    "a tower of powers": activation("a = 9**9**9**9", "return z, 1.0"),
    "a tower on z": activation("a = z**9**9", "return z, 1.0"),
    "a large exponent": activation(f"a = z**{'9' * 300}", "return z, 1.0"),
    "parentheses": activation(f"return {'(' * 1500}z{')' * 1500}, 1.0"),
    "signs": activation(f"return {'-' * 3000}z, 1.0"),
    "a deep sum": activation(f"return {'z+' * (DEEPEST + 5)}z, 1.0"),
    "deep conditions": activation(f"return {'z if z<0 else ' * 100}z, 1.0"),
    "deep calls": activation(f"return {'exp(' * 90}z{')' * 90}, 1.0"),
    "deep powers": activation(f"return {'9**' * 90}9, 1.0"),
    "a deep lambda": activation(f"return {'lambda:' * 90}z, 1.0"),
    "a deep comprehension": activation(f"return [z for z in {'-' * 3000}z], 1.0"),
    "many parts": activation(*["a = z + z"] * 300, "return z, 1.0"),
    "a name of the loops": activation("range = z", "return range, 1.0"),
    "another name of the loops": activation("i_ = z", "return i_, 1.0"),
    "an argument of the loops": "def f(outputs_):\n    return outputs_, 1.0",
    "its own name taken": activation("a = exp(z)", "return a, a", name="exp"),
    "debug": activation("__debug__ = z", "return z, 1.0"),
    "a global": activation("global z", "return z, 1.0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_are_refused_at_once(name):
    started = time.perf_counter()
    with pytest.raises(BadRule) as caught:
        Rule(HOSTILE[name])
    assert time.perf_counter() - started < 5.0  # what is not limited takes minutes, or for ever
    assert len(str(caught.value)) < 6000


EXTREME = {
    "a tower on z": activation("a = 9**9**z**64", "return z, 1.0"),
    "an exponent": activation("a = 2**z", "return a, 0.6931471805599453 * a"),
    "a large negative exponent": activation("a = z**-99999999999999999999", "return z, 1.0"),
    "divisions by 0": activation("a = 1/0 + z**-1 + log(z)**-1/(log(z)**-1)", "return z, 1.0"),
    "doublings": activation(*["a = z"], *["a = a * a"] * 90, "return z, 1.0"),
    "roots of what is below 0": activation(
        "a = z**0.5", "b = 1.0 if a < 0.0 else 2.0", "return z, 1.0"
    ),
    "names of placeholders": activation("RULE = 3.0 * z", "RESULT = 3.0", "return RULE, RESULT"),
    "as deep as may be": activation(f"return {'z+' * (DEEPEST - 3)}z, {DEEPEST - 2}.0"),
    "no letters of ours": "def f(ζ):\n    ä = 2.0 * ζ\n    return ä, 2.0",
    "many calls": activation("a = z", *["a = exp(a)"] * 100, "return z, 1.0"),
}


@pytest.mark.parametrize("name", EXTREME)
def test_extreme_rules_that_are_in_the_grammar_run(name):
    """They may not stop Python, nor the compiler, and in both they give the same."""
    started = time.perf_counter()
    network = Network((1, 1), output=Rule(EXTREME[name]))
    for dtype in DTYPES:
        theta = np.array([1.0, 0.5], dtype)
        found = forward(network, theta, [[0.25]])[0, 0]
        assert_close(found, network.output(0.75)[0], FORWARD[dtype])
    assert time.perf_counter() - started < 20.0


@given(st.text(max_size=60), st.text(st.sampled_from("z+-*/()<. \n01eif ls,"), max_size=60))
def test_any_text_is_refused_or_a_rule(text, formula):
    value, line = activation(f"return {formula}, 1.0"), activation(formula, "return z, 1.0")
    for source in (text, value, line):
        with contextlib.suppress(BadRule):
            Rule(source)


# The slope is the derivative


def test_every_rule_of_ours_is_accepted():
    for rule in (*ACTIVATIONS.values(), *filter(None, LOSSES.values())):
        assert Rule(rule).name == rule.__name__


MISSES = {"x 1.001": "1.001 * ({})", "wrong sign": "-({})", "x 2": "2.0 * ({})", "0": "0.0 * ({})"}


@pytest.mark.parametrize("miss", MISSES)
def test_near_misses_are_refused(miss):
    for rule in (
        *ACTIVATIONS.values(),
        *filter(None, LOSSES.values()),
        bump,
        bent,
        biased,
        quartic,
    ):
        head, _, returned = Rule(rule).source.rpartition("return (")
        value, slope = returned.removesuffix(")").split(", ")
        wrong = f"{head}return ({value}, {MISSES[miss].format(slope)})"
        with pytest.raises(
            BadRule, match=r"the slope is given as \S+, and differences .* give \S+$"
        ):
            Rule(wrong)


def test_a_refusal_names_point_slope_and_difference():
    with pytest.raises(BadRule) as caught:
        Rule("def bump(z):\n    a = exp(-z * z)\n    return a, -z * a")
    assert str(caught.value) == (
        "rule bump: at z = -0.139 the slope is given as 0.13634, and differences of the value "
        "give 0.27268"
    )
    with pytest.raises(
        BadRule, match=r"rule f: at a = 0.217, y = 0.31 the slope is given as -0.186"
    ):
        Rule("def f(a, y):\n    return 0.5 * (a - y) ** 2, 2.0 * (a - y)")


WRONG_IN_PART = {
    "on one side": activation("return z if z > 0.0 else 0.1 * z, 1.0"),
    "beyond 3": activation("return z, 1.0 if z < 3.0 else 1.01"),
    "far out": activation("return z, 1.0 if z < 100.0 else 0.0"),
    "near 0": activation("return z, 1.0 if abs(z) > 0.1 else 0.9"),
    "for targets below 0": "def f(a, y):\n    e = a - y\n    return e * e, 2 * e if y > 0 else 0",
    "nan at 0": activation("return abs(z), z / abs(z)"),
    "infinite at 0": activation("return sqrt(abs(z)), 0.5 * z / abs(z) ** 1.5"),
    "nan where they meet": "def f(a, y):\n    return abs(a - y), (a - y) / abs(a - y)",
    "value and slope exchanged": activation("return -2.0 * z * exp(-z * z), exp(-z * z)"),
    "nowhere finite": activation("return log(-1.0 - abs(z)), 1.0"),
}


@pytest.mark.parametrize("name", WRONG_IN_PART)
def test_a_slope_that_is_wrong_in_part_is_refused(name):
    with pytest.raises(BadRule, match=r"at . = .*the slope is|no finite number"):
        Rule(WRONG_IN_PART[name])


RIGHT = {
    "a step": activation("return 1.0 if z > 0.0 else 0.0, 0.0"),
    "a bend on a point of the grid": activation(
        f"return abs(z - {SCORES[3]}), 1.0 if z > {SCORES[3]} else -1.0"
    ),
    "bends at round numbers": activation(
        "a = -1.0 if z < -2.5 else (1.0 if z > 2.5 else 0.4 * z)",
        "return a, 0.0 if abs(z) > 2.5 else 0.4",
    ),
    "narrow": activation("a = exp(-1000.0 * z * z)", "return a, -2000.0 * z * a"),
    "steep": activation("a = exp(z * z)", "return a, 2.0 * z * a"),
    "large": activation("return 1e12 * z * z, 2e12 * z"),
    "defined on one side": activation("return log(z), 1.0 / z"),
    "rounded": activation("e = exp(-z)", "return log(1.0 + e), -e / (1.0 + e)"),
    "of probabilities": "def f(p, y):\n    q = 1 - p\n"
    "    return -y * log(p) - (1 - y) * log(q), (p - y) / (p * q)",
    "of rates": "def f(a, y):\n    return a - y * log(a), 1 - y / a",
    "by the exponential of the error": "def f(a, y, k=0.5):\n    e = exp(k * (a - y))\n"
    "    return e - k * (a - y) - 1, k * e - k",
    "of a power that varies": "def f(a, y, p=1.5):\n    e = abs(a - y)\n"
    "    s = 1.0 if a > y else -1.0\n    return e ** p, p * e ** (p - 1.0) * s",
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_slope_is_accepted(name):
    assert Rule(RIGHT[name])


def test_the_losss_own_parameter_is_checked_at_its_value():
    source = "def f(a, y, k=2.0):\n    return 0.5 * k * (a - y) ** 2, k * k / 2 * (a - y)"
    assert Network((1, 1), loss=Rule(source)).loss_parameter == 2.0
    with pytest.raises(BadRule, match="slope"):
        Network((1, 1), loss=Rule(source), loss_parameter=3.0)


def test_the_points_lie_beside_round_numbers():
    for point in (*SCORES, *OUTPUTS):
        if 0 < abs(point) < 20:
            assert abs(point - round(2 * point) / 2) > 2 * max(STEPS) * max(1, abs(point)), point
    assert 5 * max(STEPS) < BESIDE


# Values and gradients, in machine code (or plain Python) against NumPy

PLACES = [
    {"hidden": bump},
    {"hidden": bump, "output": bent},
    {"hidden": (bent, "tanh"), "output": bump},
    {"hidden": ("relu", bump), "output": "softmax"},
    {"hidden": bent, "loss": quartic},
    {"hidden": bent, "loss": biased},
    {"loss": biased, "loss_parameter": 0.3},
    {"hidden": bump, "output": "softmax", "loss": biased, "loss_parameter": 7.0},
    {"hidden": bump, "output": "sigmoid", "loss": "binary_cross_entropy"},
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", range(len(PLACES)))
def test_values_and_gradients_are_those_of_numpy(place, dtype):
    network = Network((3, 5, 4, 2), **PLACES[place])
    for n in (1, 2, 9, 33, 130):
        theta, X, Y = problem(network, n)
        if network.loss == "binary_cross_entropy":
            Y = 1 / (1 + np.exp(-Y))
        single = theta.astype(dtype)
        expected, slopes = naive.gradient(network, single.astype(float), X, Y)
        value, slope = gradient(network, single, X, Y)
        assert slope.dtype == dtype
        assert abs(value - expected) <= GRADIENT[dtype] * max(1.0, abs(expected))
        assert_close(slope, slopes, GRADIENT[dtype])
        assert value == mean_loss(network, single, X, Y)
        outputs = naive.forward(network, single.astype(float), X)[1]
        assert_close(forward(network, single, X), outputs[-1], FORWARD[dtype])
        for found, wanted in zip(layer_outputs(network, single, X), outputs[1:], strict=True):
            assert_close(found, wanted, FORWARD[dtype])


@pytest.mark.parametrize("place", [1, 3, 7])
def test_coordinate_by_coordinate(place):
    network = Network((3, 4, 3, 2), **PLACES[place])
    theta, X, Y = problem(network, 6)
    slope = gradient(network, theta, X, Y)[1]
    for i, step in enumerate(DIFFERENCE_STEP * np.eye(len(theta))):
        up, down = (mean_loss(network, theta + s * step, X, Y) for s in (1, -1))
        assert abs((up - down) / (2 * DIFFERENCE_STEP) - slope[i]) <= DIFFERENCE, i


def test_sample_weights_and_dropout():
    network = Network((3, 8, 2), bump, bent, biased)
    theta, X, Y = problem(network, 12)
    weight = np.arange(12.0)
    _, slopes = naive.gradient(network, theta, X, Y, weight)
    assert_close(gradient(network, theta, X, Y, weight)[1], slopes, GRADIENT[np.float64])
    settings = {"solver": "adam", "learning_rate": 0.01, "epochs": 3, "batch_size": 5}
    trained = train(network, X, Y, parameters=theta, seed=4, dropout=0.3, **settings)
    expected, losses = naive.train(network, theta, X, Y, seed=4, dropout=0.3, **settings)
    assert_close(trained.parameters, expected, TRAINING[np.float64])
    assert_close(trained.history.loss, losses, TRAINING[np.float64])


COPIES = [
    *({"hidden": name, "output": name} for name in ACTIVATIONS if name != "exp"),
    *(
        {"hidden": "tanh", "loss": n}
        for n in LOSSES
        if n not in ("poisson", "binary_cross_entropy", "cross_entropy")
    ),
]


@pytest.mark.compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 7, 32])
def test_a_copy_of_our_rule_gives_our_bits(batch, dtype):
    """The same loop, compiled apart: no sum is taken in another order."""
    for names in COPIES:
        copies = {k: Rule((LOSSES if k == "loss" else ACTIVATIONS)[v]) for k, v in names.items()}
        ours, theirs = (Network((3, 8, 8, 2), **chosen) for chosen in (names, copies))
        theta, X, Y = problem(ours, 50)
        one, other = (
            train(n, X, Y, parameters=theta.astype(dtype), epochs=20, batch_size=batch, patience=5)
            for n in (ours, theirs)
        )
        np.testing.assert_array_equal(one.parameters, other.parameters, str(names))
        assert one.history == other.history


# What the machine does with it


def table(n=200):
    random = np.random.default_rng(3)
    X = random.normal(size=(n, 2))
    return X, np.exp(-((X[:, 0] - X[:, 1]) ** 2)) + 0.01 * random.normal(size=n)


def test_a_step_of_levenberg_and_marquardt():
    X, y = table(60)
    network = Network((2, 6, 1), hidden=bump)
    theta = network.initial(2)
    steps = levenberg_marquardt(network, theta, checked_data(network, X, y, None, float))
    loss, g, H = naive.normal_equations(network, theta, X, y[:, None])
    first = next(steps)
    assert_close(first.theta - theta, np.linalg.solve(H + 1e-3 * np.eye(len(g)), -g), 1e-6)
    assert first.loss < loss
    with pytest.raises(BadSetting, match="lowers loss='half_squared_error', not 'biased'"):
        train(replace(network, loss=biased), X, y, solver="lm")


@pytest.mark.compiled_only
def test_other_processes_compile_for_themselves():
    """As text, which a notebook's function becomes too, a rule needs no file over there."""
    X, y = table(60)
    grid = {"activation": [Rule(bump), "relu"], "alpha": [1e-4, 1.0]}
    model = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=40, random_state=0)
    scores = []
    for jobs in (None, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence, here and over there
            search = GridSearchCV(model, grid, n_jobs=jobs, cv=2).fit(X, y)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)
    assert np.isfinite(scores).all()


def test_threads_that_meet_a_new_rule_agree():
    fresh = Rule(
        "def fresh(z):\n    g = exp(-0.37 * z * z)\n    return z * g, g * (1.0 - 0.74 * z * z)"
    )
    X, y = table()
    network = Network((2, 5, 1), hidden=fresh, loss=biased)
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: train(network, X, y, epochs=5).parameters, range(8)))
    for run in runs:
        np.testing.assert_array_equal(run, runs[0])


@pytest.mark.compiled_only
def test_the_kernels_are_not_compiled_again():
    X, y = table(40)
    train(Network((2, 3, 1)), X, y, epochs=1)
    before = len(kernels.run.signatures), sorted(jit.cache_folder().iterdir())
    fresh = Rule("def fresh(z):\n    return z * abs(z), 2.0 * abs(z)")
    train(Network((2, 3, 1), fresh, loss=quartic), X, y, epochs=1)
    assert (len(kernels.run.signatures), sorted(jit.cache_folder().iterdir())) == before


def test_addresses_are_in_plans_alone():
    network = Network((2, 3, 1), hidden=bump, loss=quartic)
    code = int(layout.lay_out(network, 8, 1, training=True).activations[0])
    assert code == own.code_of(Rule(bump), 8) > 999
    for stored in (pickle.dumps(network), repr(network).encode(), repr(vars(network)).encode()):
        assert str(code).encode() not in stored
        assert code.to_bytes(8, "little") not in stored


def test_without_the_compiler_the_same_numbers_come_out():
    code = (
        "import numpy as np; from chainrule import Network, Rule, gradient, train;"
        f"bump, loss = Rule({Rule(bump).source!r}), Rule({Rule(biased).source!r});"
        "n = Network((2, 3, 1), hidden=bump, output=bump, loss=loss);"
        "X = np.linspace(-1, 1, 10).reshape(5, 2);"
        "loss, g = gradient(n, n.initial(3), X, X[:, 0]);"
        "print(loss, *g, *train(n, X, X[:, 0], epochs=2).parameters)"
    )
    with_compiler, without = (
        np.array(
            subprocess.check_output(
                [sys.executable, "-c", code],
                env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
                text=True,
            ).split(),
            dtype=float,
        )
        for disabled in ("0", "1")
    )
    np.testing.assert_allclose(with_compiler, without, rtol=1e-12, atol=1e-15)
