"""Every rule: its slope is the derivative, in algebra and at 50 digits; so is the machine code."""

import ast
import inspect
import math
import types

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

import naive
from chainrule import elementary
from chainrule.engine import forward, gradient
from chainrule.formula import check
from chainrule.network import Network
from chainrule.rules import ACTIVATIONS, LEARNING_RATES, LINKS, LOSSES, OPTIMISERS
from tolerances import ALGEBRA, ROUNDED_CONSTANTS, RULE

DTYPES = [np.float64, np.float32]
SCALAR_LOSSES = {name: rule for name, rule in LOSSES.items() if rule}
mp = mpmath.mp.clone()
mp.dps = 50

# Decimals in rules that stand for numbers without an end: each is the nearest float64.
ROUNDED = {
    0.3989422804014327: 1 / sympy.sqrt(2 * sympy.pi),
    0.7071067811865476: 1 / sympy.sqrt(2),
}


def test_decimals_are_the_nearest_float64():
    for decimal, number in ROUNDED.items():
        assert float(sympy.N(number, 40)) == decimal


# A rule over other numbers: its own source, with other elementary functions


def over(rule, functions, constant, choose):
    """Rebuild a rule from its source over any kind of numbers."""

    class Rewrite(ast.NodeTransformer):
        def visit_Constant(self, node):
            if isinstance(node.value, str):
                return node
            return ast.Call(ast.Name("constant_", ast.Load()), [node], [])

        def visit_IfExp(self, node):
            parts = [self.visit(part) for part in (node.test, node.body, node.orelse)]
            return ast.Call(ast.Name("choose_", ast.Load()), parts, [])

    tree = ast.parse(inspect.getsource(rule))
    tree.body[0].returns = None
    for argument in tree.body[0].args.args:
        argument.annotation = None
    tree = ast.fix_missing_locations(Rewrite().visit(tree))
    names = functions | {"constant_": constant, "choose_": choose}
    exec(compile(tree, inspect.getsourcefile(rule), "exec"), names)
    return names[rule.__name__]


def symbolic(rule):
    """The rule over SymPy's expressions; every condition must be decided by the assumptions."""

    def choose(condition, yes, no):
        decided = condition
        if isinstance(condition, sympy.core.relational.Relational):
            decided = condition.func(sympy.factor(condition.lhs - condition.rhs), 0)
        assert decided in (sympy.true, sympy.false), f"{condition} is not decided"
        return yes if decided == sympy.true else no

    functions = {
        "exp": sympy.exp,
        "expm1": lambda x: sympy.exp(x) - 1,
        "log": sympy.log,
        "log1p": lambda x: sympy.log(1 + x),
        "tanh": sympy.tanh,
        "erf": sympy.erf,
        "sqrt": sympy.sqrt,
        "abs": sympy.Abs,
    }
    return over(rule, functions, lambda c: ROUNDED.get(c, sympy.Rational(str(c))), choose)


def exact(rule):
    """The rule's own code, with the functions of mpmath at 50 digits."""
    names = {f.__name__: getattr(mp, f.__name__) for f in elementary.PRECISIONS}
    # mpmath's log1p and expm1 guard their digits; sqrt is the standard library's in a rule
    names |= {"sqrt": mp.sqrt}
    return types.FunctionType(rule.__code__, rule.__globals__ | names, None, rule.__defaults__)


def derivative_is_zero(expression):
    return sympy.simplify(sympy.expand(expression.rewrite(sympy.exp))) == 0


# Activations


@pytest.mark.parametrize("sign", ["positive", "negative"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_is_the_derivative_in_algebra(name, sign):
    z = sympy.Symbol("z", **{sign: True})
    a, slope = symbolic(ACTIVATIONS[name])(z)
    assert derivative_is_zero(sympy.diff(a, z) - slope)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_wrong_slope_is_found_in_algebra(name):
    z = sympy.Symbol("z", positive=True)
    a, slope = symbolic(ACTIVATIONS[name])(z)
    assert not derivative_is_zero(sympy.diff(a, z) - slope * sympy.Rational(1001, 1000))
    assert not derivative_is_zero(sympy.diff(a, z) + slope)


POINTS = [-30.0, -9.5, -3.0, -1.0, -0.4, -1e-3, 1e-3, 0.3, 0.9999, 2.5, 6.0, 30.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_is_the_derivative_at_50_digits(name):
    rule = exact(ACTIVATIONS[name])
    tolerance = ROUNDED_CONSTANTS if name == "gelu" else ALGEBRA
    for point in POINTS:
        derivative = mp.diff(lambda z: rule(z)[0], mp.mpf(point))
        slope = rule(mp.mpf(point))[1]
        assert abs(slope - derivative) <= tolerance * (1 + abs(derivative)), point


def through_the_engine(name, points, dtype):
    """The compiled value and slope of an activation: a neuron with weight 1 and bias z.

    Under the absolute error and a target far below, the slope of the loss is that of the neuron.
    """
    network = Network((1, 1), output=name, loss="absolute_error")
    values, slopes = [], []
    for z in points:
        theta = np.array([1.0, z], dtype)
        values.append(forward(network, theta, [[0.0]])[0, 0])
        target = -1e30 if np.isfinite(values[-1]) else 0.0
        slopes.append(gradient(network, theta, [[0.0]], [target])[1][1])
    return np.array(values), np.array(slopes)


def near(actual, expected, tolerance):
    """Say whether a number is right, relative to 1 or to its own size."""
    return abs(mp.mpf(float(actual)) - expected) <= tolerance * max(1, abs(expected))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_python_and_machine_code_agree_with_50_digits(name, dtype):
    points = [float(dtype(p)) for p in [*POINTS, *np.linspace(-12, 12, 41)]]
    reference = exact(ACTIVATIONS[name])
    values, slopes = through_the_engine(name, points, dtype)
    for point, value, slope in zip(points, values, slopes, strict=True):
        a, derivative = reference(mp.mpf(point))
        assert near(value, a, RULE[dtype]), point
        assert near(slope, derivative, RULE[dtype]), point
        if dtype is np.float64:
            in_python = ACTIVATIONS[name](point)
            assert near(in_python[0], a, RULE[dtype]), point
            assert near(in_python[1], derivative, RULE[dtype]), point


# Conventions at special points. None: the formula leaves the finite numbers there.

AT = {
    #              value and slope at 0, and the limits far below and far above
    "identity": ((0.0, 1.0), (-math.inf, 1.0), (math.inf, 1.0)),
    "sigmoid": ((0.5, 0.25), (0.0, 0.0), (1.0, 0.0)),
    "tanh": ((0.0, 1.0), (-1.0, 0.0), (1.0, 0.0)),
    "relu": ((0.0, 0.0), (0.0, 0.0), (math.inf, 1.0)),
    "leaky_relu": ((0.0, 0.01), (-math.inf, 0.01), (math.inf, 1.0)),
    "elu": ((0.0, 1.0), (-1.0, 0.0), (math.inf, 1.0)),
    "selu": ((0.0, 1.7580993408473766), (-1.7580993408473766, 0.0), (math.inf, 1.05070098735548)),
    "softplus": ((0.6931471805599453, 0.5), (0.0, 0.0), (math.inf, 1.0)),
    "silu": ((0.0, 0.5), None, None),  # infinity times 0
    "gelu": ((0.0, 0.5), None, None),  # infinity times 0
    "softsign": ((0.0, 1.0), None, None),  # infinity times 0
    "exp": ((1.0, 1.0), (0.0, 0.0), (math.inf, math.inf)),
}


def test_every_activation_has_its_conventions():
    assert AT.keys() == ACTIVATIONS.keys()


def same(actual, expected):
    return expected is None or math.isclose(actual, expected, rel_tol=1e-6, abs_tol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_conventions_at_zero(name):
    for z in (0.0, -0.0):
        value, slope = ACTIVATIONS[name](z)
        assert same(value, AT[name][0][0])
        assert same(slope, AT[name][0][1])
    for dtype in DTYPES:
        (value,), (slope,) = through_the_engine(name, [0.0], dtype)
        assert same(value, AT[name][0][0])
        assert same(slope, AT[name][0][1])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_infinities_saturate_without_a_warning(name):
    for z, expected in zip((-math.inf, math.inf), AT[name][1:], strict=True):
        if expected:
            value, slope = ACTIVATIONS[name](z)
            assert same(value, expected[0])
            assert same(slope, expected[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_scores_saturate_without_a_warning(name, dtype):
    """Scores of a thousand and of 1e30 give a number (or an honest infinity), never NaN."""
    points = [-1e30, -1000.0, 1000.0, 1e30]
    network = Network((1, 1), output=name)
    for z in points:
        value = forward(network, np.array([1.0, z], dtype), [[0.0]])[0, 0]
        expected = ACTIVATIONS[name](z)[0]
        assert not math.isnan(value)
        assert not math.isnan(ACTIVATIONS[name](z)[1])
        assert math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-30)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_nan_passes_through(name):
    assert math.isnan(ACTIVATIONS[name](math.nan)[0])
    for dtype in DTYPES:
        theta = np.array([1.0, np.nan], dtype)
        assert np.isnan(forward(Network((1, 1), output=name), theta, [[0.0]])).all()


# Losses


def signs_of_the_error():
    """y and a with a - y of each sign, and for huber on each side of delta."""
    y = sympy.Symbol("y", real=True)
    p = sympy.Symbol("p", positive=True)
    return y, [(y + p, p, 1), (y - p, p, -1)]


LEVEL = sympy.Symbol("level", positive=True)
DELTA = sympy.Symbol("delta", positive=True)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("name", ["half_squared_error", "absolute_error", "quantile"])
def test_loss_slope_in_algebra(name, side):
    y, p = sympy.Symbol("y", real=True), sympy.Symbol("p", positive=True)
    own = (LEVEL,) if name == "quantile" else ()
    loss, slope = symbolic(SCALAR_LOSSES[name])(y + side * p, y, *own)
    assert sympy.simplify(side * sympy.diff(loss, p) - slope) == 0  # da = side dp


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("far", [True, False])
def test_huber_slope_in_algebra(far, side):
    y, p = sympy.Symbol("y", real=True), sympy.Symbol("p", positive=True)
    distance = DELTA + p if far else DELTA / (1 + p)  # beyond delta, or within
    loss, slope = symbolic(SCALAR_LOSSES["huber"])(y + side * distance, y, DELTA)
    assert sympy.simplify(sympy.diff(loss, p) - slope * side * sympy.diff(distance, p)) == 0


def test_huber_is_continuous_at_delta():
    near_, far = (
        sympy.Rational(1, 2) * DELTA**2,
        symbolic(SCALAR_LOSSES["huber"])(DELTA + sympy.Symbol("p", positive=True), 0, DELTA)[0],
    )
    assert sympy.simplify(far.subs("p", 0).subs(sympy.Symbol("p", positive=True), 0) - near_) == 0


@pytest.mark.parametrize("sign", ["positive", "negative"])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "poisson"])
def test_score_loss_slope_in_algebra(name, sign):
    z, y = sympy.Symbol("z", **{sign: True}), sympy.Symbol("y", real=True)
    loss, slope = symbolic(SCALAR_LOSSES[name])(z, y)
    assert derivative_is_zero(sympy.diff(loss, z) - slope)


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_binary_cross_entropy_is_the_log_likelihood(sign):
    """-y log a - (1 - y) log(1 - a) with a = sigmoid(z), and its slope is a - y."""
    z, y = sympy.Symbol("z", **{sign: True}), sympy.Symbol("y", real=True)
    a = 1 / (1 + sympy.exp(-z))
    loss, slope = symbolic(SCALAR_LOSSES["binary_cross_entropy"])(z, y)
    assert sympy.simplify(slope - (a - y)) == 0
    textbook = -y * sympy.log(a) - (1 - y) * sympy.log(1 - a)
    difference = sympy.expand(loss - textbook)
    assert sympy.simplify(sympy.diff(difference, z)) == 0
    assert abs(difference.subs({z: 2 if sign == "positive" else -2, y: 0.3}).evalf(30)) < 1e-14


def number(low, high):
    return st.floats(low, high, allow_subnormal=False)


OWN_PARAMETER = {"huber": number(0.01, 20), "quantile": number(0.01, 0.99)}


def compiled_loss(name, a, y, own, dtype):
    """The loss and slope of one output through the engine: a neuron with bias a."""
    network = Network((1, 1), loss=name, loss_parameter=own)
    loss, slope = gradient(network, np.array([0.0, a], dtype), [[0.0]], [y])
    return loss, slope[1]


@pytest.mark.parametrize("name", SCALAR_LOSSES)
@given(st.data())
def test_losses_at_50_digits(name, data):
    ends = {"binary_cross_entropy": (0, 1), "poisson": (0, 20)}.get(name, (-20, 20))
    a, y = data.draw(number(-20, 20), "a"), data.draw(number(*ends), "y")
    own = data.draw(OWN_PARAMETER.get(name, st.none()), "own")
    arguments = () if own is None else (mp.mpf(own),)
    bend = {"huber": own}.get(name, 0.0)
    if name in ("huber", "quantile", "absolute_error"):
        assume(abs(abs(a - y) - bend) > 1e-3)
    rule = exact(SCALAR_LOSSES[name])
    loss, slope = rule(mp.mpf(a), mp.mpf(y), *arguments)
    derivative = mp.diff(lambda v: rule(v, mp.mpf(y), *arguments)[0], mp.mpf(a), h=mp.mpf("1e-20"))
    assert abs(slope - derivative) <= mp.mpf("1e-15") * (1 + abs(slope))
    in_python = SCALAR_LOSSES[name](a, y, *(() if own is None else (own,)))
    scale = 1 + abs(a) + abs(y) + abs(a * y) + abs(loss)  # rounding of y z and of a - y
    for value, slope_, dtype in [
        (*in_python, np.float64),
        (*compiled_loss(name, a, y, own, np.float64), np.float64),
        (*compiled_loss(name, a, y, own, np.float32), np.float32),
    ]:
        assert abs(mp.mpf(float(value)) - loss) <= RULE[dtype] * scale
        jump = 0 if dtype is np.float64 else 1e-3  # where float32 rounds a and y
        if dtype is np.float64 or abs(abs(a - y) - bend) > jump:
            assert abs(mp.mpf(float(slope_)) - slope) <= RULE[dtype] * scale


@given(number(-5, 5), number(-5, 5), number(0.05, 0.95), number(0.05, 5))
def test_losses_are_those_of_the_reference(a, y, level, delta):
    for name, (loss, slope) in naive.LOSSES.items():
        own = {"huber": delta, "quantile": level}.get(name)
        ours = SCALAR_LOSSES[name](a, y, *(() if own is None else (own,)))
        assert math.isclose(ours[0], loss(a, y, own), rel_tol=1e-12, abs_tol=1e-12)
        assert math.isclose(ours[1], float(slope(a, y, own)), rel_tol=1e-12, abs_tol=1e-12)


def test_conventions_of_losses_where_output_and_target_meet():
    assert SCALAR_LOSSES["absolute_error"](2.0, 2.0) == (0.0, 0.0)
    assert SCALAR_LOSSES["quantile"](2.0, 2.0, 0.9) == (0.0, 0.0)
    assert SCALAR_LOSSES["huber"](2.0, 2.0) == (0.0, 0.0)
    assert SCALAR_LOSSES["huber"](3.0, 2.0, 1.0) == (0.5, 1.0)
    for dtype in DTYPES:
        assert compiled_loss("absolute_error", 2.0, 2.0, None, dtype) == (0.0, 0.0)
        assert compiled_loss("quantile", 2.0, 2.0, 0.9, dtype) == (0.0, 0.0)
        assert compiled_loss("huber", 3.0, 2.0, 1.0, dtype) == (0.5, 1.0)


@pytest.mark.parametrize("name", SCALAR_LOSSES)
def test_nan_passes_through_losses(name):
    for a, y in [(math.nan, 0.5), (0.5, math.nan)]:
        loss, slope = SCALAR_LOSSES[name](a, y)
        assert math.isnan(loss)
        assert math.isnan(slope)
    for dtype in DTYPES:
        loss, slope = compiled_loss(name, np.nan, 0.5, None, dtype)
        assert math.isnan(loss)
        assert math.isnan(slope)


def test_scores_far_out_cost_what_they_should():
    assert SCALAR_LOSSES["binary_cross_entropy"](-1e4, 1.0) == (1e4, -1.0)
    assert SCALAR_LOSSES["binary_cross_entropy"](1e4, 1.0) == (0.0, 0.0)
    assert SCALAR_LOSSES["poisson"](-1e4, 0.0) == (0.0, 0.0)
    loss, _ = SCALAR_LOSSES["binary_cross_entropy"](50.0, 1.0)
    assert math.isclose(loss, math.exp(-50), rel_tol=1e-14)  # not rounded to 0


# Cross-entropy and softmax, which join the outputs of a sample


@given(st.lists(number(-30, 30), min_size=2, max_size=6), st.integers(0, 5))
def test_cross_entropy_at_50_digits(scores, label):
    k = len(scores)
    label %= k
    network = Network((1, k), output="softmax", loss="cross_entropy")
    theta = np.concatenate([np.zeros(k), scores])
    loss, slope = gradient(network, theta, [[0.0]], [label])
    powers = [mp.exp(mp.mpf(z)) for z in scores]
    probabilities = [p / mp.fsum(powers) for p in powers]
    assert abs(mp.mpf(loss) + mp.log(probabilities[label])) <= RULE[np.float64] * 60
    outputs = forward(network, theta, [[0.0]])[0]
    for i, p in enumerate(probabilities):
        assert abs(mp.mpf(float(outputs[i])) - p) <= RULE[np.float64]
        assert abs(mp.mpf(float(slope[k + i])) - (p - (i == label))) <= RULE[np.float64]
    assert outputs.sum() == pytest.approx(1.0, abs=1e-15 * k)


def test_softmax_does_not_overflow():
    network = Network((1, 3), output="softmax")
    for dtype in DTYPES:
        theta = np.array([0, 0, 0, 1e4, 1e4, -1e4], dtype)
        assert forward(network, theta, [[0.0]]).tolist() == [[0.5, 0.5, 0.0]]


# Optimisers


OWN = {
    "gd": [],
    "sgd": [number(0, 0.999)],
    "nesterov": [number(0, 0.999)],
    "rmsprop": [number(0, 0.9999), number(1e-10, 1)],
    "adam": [number(0, 0.999), number(0, 0.9999), number(1e-10, 1)],
    "adam_section2": [number(0, 0.999), number(0, 0.9999), number(1e-10, 1)],
    "adamw": [number(0, 0.999), number(0, 0.9999), number(1e-10, 1), number(0, 1)],
    "rprop": [number(1.01, 3), number(0.1, 0.9), number(1, 50), number(1e-8, 1e-3)],
}
NAMES = {
    name: [p for p, v in inspect.signature(rule).parameters.items() if v.default is not v.empty]
    for name, rule in OPTIMISERS.items()
}


def test_every_optimiser_is_varied():
    assert OWN.keys() == OPTIMISERS.keys() == LEARNING_RATES.keys()
    assert all(len(OWN[name]) == len(NAMES[name]) for name in OWN)


@pytest.mark.parametrize("name", OPTIMISERS)
@given(st.data())
def test_optimisers_are_those_of_the_reference(name, data):
    own = [data.draw(strategy) for strategy in OWN[name]]
    rate, theta = data.draw(number(1e-5, 1)), data.draw(number(-5, 5))
    gradients = data.draw(st.lists(number(-10, 10), min_size=1, max_size=8))
    m = v = 0.0
    expected, memory = np.array([theta]), {}
    for t, g in enumerate(gradients, start=1):
        theta, m, v = OPTIMISERS[name](theta, g, m, v, rate, float(t), *own)
        expected = naive.OPTIMISERS[name](
            expected, np.array([g]), memory, rate, t, np.array([True]),
            **dict(zip(NAMES[name], own, strict=True)),
        )  # fmt: skip
        assert math.isclose(theta, expected[0], rel_tol=1e-9, abs_tol=1e-9)


def test_optimisers_by_hand():
    assert OPTIMISERS["gd"](1.0, 2.0, 0.0, 0.0, 0.25, 1.0) == (0.5, 0.0, 0.0)
    assert OPTIMISERS["sgd"](1.0, 2.0, -0.5, 0.0, 0.25, 1.0, 0.5) == (0.25, -0.75, 0.0)
    assert OPTIMISERS["nesterov"](1.0, 2.0, -0.5, 0.0, 0.25, 1.0, 0.5) == (0.125, -0.75, 0.0)
    assert OPTIMISERS["rmsprop"](1.0, 2.0, 0.0, 0.0, 0.5, 1.0, 0.75, 0.0) == (0.0, 0.0, 1.0)
    theta, m, v = OPTIMISERS["adam"](1.0, 2.0, 0.0, 0.0, 0.5, 1.0, 0.75, 0.75, 0.0)
    assert (theta, m, v) == (0.5, 0.5, 1.0)  # its first step is the rate, whatever the gradient
    theta, _, _ = OPTIMISERS["adamw"](1.0, 2.0, 0.0, 0.0, 0.5, 1.0, 0.75, 0.75, 0.0, 0.5)
    assert theta == 0.25  # the same, less 0.5 * 0.5 * theta
    rprop = OPTIMISERS["rprop"]
    assert rprop(1.0, 3.0, 0.0, 0.0, 0.125, 1.0) == (0.875, 3.0, 0.125)
    assert rprop(1.0, 3.0, 1.0, 0.5, 0.125, 2.0, 1.5) == (0.25, 3.0, 0.75)  # grows
    assert rprop(1.0, -3.0, 1.0, 0.5, 0.125, 2.0) == (1.0, 0.0, 0.25)  # turns: shrinks and waits
    assert rprop(1.0, -3.0, 0.0, 0.5, 0.125, 3.0) == (1.5, -3.0, 0.5)  # and goes back
    assert rprop(1.0, 3.0, 1.0, 40.0, 0.125, 2.0)[2] == 48.0
    assert rprop(1.0, 3.0, 1.0, 49.0, 0.125, 2.0)[2] == 50.0
    assert rprop(1.0, -3.0, 1.0, 1.5e-6, 0.125, 2.0)[2] == 1e-6


# The registries


@pytest.mark.parametrize(
    ("registry", "results"), [(ACTIVATIONS, 2), (SCALAR_LOSSES, 2), (OPTIMISERS, 3)]
)
def test_every_rule_is_in_the_grammar(registry, results):
    for rule in registry.values():
        assert check(rule, results).name == rule.__name__
        assert rule.__doc__[0].isupper()


def test_registries():
    assert LINKS.keys() <= LOSSES.keys()
    assert set(LINKS.values()) <= {*ACTIVATIONS, "softmax"}
    assert set(naive.ACTIVATIONS) == set(ACTIVATIONS)
    assert {*naive.LOSSES, *naive.SCORE_LOSSES} == set(LOSSES)
    assert set(naive.OPTIMISERS) == set(OPTIMISERS)
    assert all(rate > 0 for rate in LEARNING_RATES.values())
