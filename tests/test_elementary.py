"""The elementary functions against 50 digits: the worst errors, as elementary.py states them."""

import math
import re

import mpmath
import numba
import numpy as np
import pytest

from chainrule import elementary
from chainrule.elementary import PRECISIONS
from chainrule.jit import COMPILED, OPTIONS

DTYPES = [np.float64, np.float32]
FUNCTIONS = {function.__name__: function for function in PRECISIONS}
mp = mpmath.mp.clone()
mp.dps = 50


def stated():
    """Read the table in the module's docstring: the worst error of each, (float64, float32)."""
    rows = re.findall(
        r"^ +(\w+) +([\d.]+)(?: of 1)? +([\d.]+)(?: of 1)? ", elementary.__doc__, re.M
    )
    return {name: (float(double), float(single)) for name, double, single in rows}


OF_ONE = {"erf"}  # in ulp of 1, not of the result


def points(name, dtype, n=1500):
    """Numbers of every size that the function takes: dense near 0 and 1, and to its limits."""
    random = np.random.default_rng(7)
    info = np.finfo(dtype)
    if name in ("exp", "expm1"):
        low = -103.0 if dtype is np.float32 else -744.0
        high = 88.7 if dtype is np.float32 else 709.7
        if name == "expm1":
            low /= 2
        parts = [random.uniform(low, high, n), random.uniform(-2, 2, n), near_halves(n)]
    elif name == "log":
        exponents = random.uniform(np.log2(float(info.smallest_subnormal)), info.maxexp - 1, n)
        parts = [2.0**exponents, random.uniform(0.5, 2, n), 1 + random.uniform(-1, 1, n) * 1e-3]
    elif name == "log1p":
        parts = [10 ** random.uniform(-18, 30, n), random.uniform(-0.999, 2, n),
                 random.uniform(-1, 1, n) * 1e-3]  # fmt: skip
    else:
        parts = [random.uniform(-7, 7, n), random.uniform(-1.2, 1.2, n),
                 random.choice([-1, 1], n) * 10 ** random.uniform(-30, 0, n)]  # fmt: skip
    return np.unique(np.concatenate(parts).astype(dtype))


def near_halves(n):
    """Numbers around k ln 2 and (k + 1/2) ln 2, where the range is cut."""
    k = np.arange(-60, 60) / 2
    return (k[:, None] * math.log(2) + np.linspace(-1e-6, 1e-6, max(1, n // 120))).ravel()


def spacing(value, dtype):
    return np.spacing(np.maximum(np.abs(value.astype(dtype)), np.finfo(dtype).tiny))


def worst(name, x, y):
    """Return the largest error in ulp: of the result, or of 1."""
    exact = [getattr(mp, name)(mp.mpf(float(v))) for v in x]
    dtype = y.dtype.type
    rounded = np.array([float(e) for e in exact]).astype(dtype)
    unit = np.finfo(dtype).eps if name in OF_ONE else spacing(rounded, dtype)
    error = np.array([float(abs(mp.mpf(float(v)) - e)) for v, e in zip(y, exact, strict=True)])
    return float((error / np.broadcast_to(unit, error.shape)).max())


def compiled(name):
    function = FUNCTIONS[name]

    @numba.njit(**OPTIONS)
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    def run(x):
        y = np.empty_like(x)
        loop(x, y)
        return y

    return run


def in_python(name):
    return lambda x: np.array([FUNCTIONS[name](v) for v in x])


RUNS = {"python": in_python, "compiled": compiled}
runs = pytest.mark.parametrize(
    "run", ["python", pytest.param("compiled", marks=pytest.mark.compiled_only)]
)


def test_the_table_names_every_function():
    assert stated().keys() == FUNCTIONS.keys()


@runs
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_worst_error(name, dtype, run):
    x = points(name, dtype)
    y = RUNS[run](name)(x)
    assert y.dtype == dtype
    limit = stated()[name][DTYPES.index(dtype)]
    error = worst(name, x, y)
    assert error <= limit
    assert error > limit / 2  # else the table is too pessimistic


def test_an_error_of_an_ulp_is_seen():
    x = np.linspace(0.1, 2, 50)
    assert worst("exp", x, np.exp(x) * (1 + 8 * np.finfo(float).eps)) > 3


SPECIAL = {
    "exp": {0.0: 1.0, math.inf: math.inf, -math.inf: 0.0, 1000.0: math.inf, -1000.0: 0.0},
    "expm1": {0.0: 0.0, math.inf: math.inf, -math.inf: -1.0, 1000.0: math.inf, -1000.0: -1.0},
    "log": {1.0: 0.0, 0.0: -math.inf, math.inf: math.inf, -1.0: math.nan, -math.inf: math.nan},
    "log1p": {0.0: 0.0, -1.0: -math.inf, math.inf: math.inf, -2.0: math.nan},
    "tanh": {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 1000.0: 1.0, -1000.0: -1.0},
    "erf": {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 1000.0: 1.0, -1000.0: -1.0},
}


@runs
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(name, dtype, run):
    x = np.array([*SPECIAL[name], math.nan], dtype)
    y = RUNS[run](name)(x)
    np.testing.assert_array_equal(y, np.array([*SPECIAL[name].values(), math.nan], dtype))


@runs
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
def test_odd_at_zero(name, dtype, run):
    """Numbers too small for a second digit come back, times the slope at 0."""
    tiny = np.array([1e-30, -1e-30, 1e-20, -1e-20], dtype)
    slope = 2 / math.sqrt(math.pi) if name == "erf" else 1.0
    y = RUNS[run](name)(tiny)
    np.testing.assert_allclose(y, slope * tiny.astype(float), rtol=4 * np.finfo(dtype).eps)


@runs
@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "erf", "log", "log1p"])
def test_near_monotone(name, run):
    """From one number to a next that is clearly larger no result falls by more than 2 ulp."""
    x = np.sort(points(name, np.float64, 400))
    y = RUNS[run](name)(x)
    unit = np.maximum(np.spacing(np.abs(y[1:])), np.finfo(float).eps if name == "erf" else 0.0)
    assert (np.diff(y) >= -2 * unit).all()


def test_the_edges_of_exp():
    largest = 709.782712893384
    assert elementary.exp(largest) == pytest.approx(math.exp(largest), rel=1e-15)
    assert elementary.exp(math.nextafter(largest, 1000)) == math.inf
    assert elementary.exp(-745.1) == math.exp(-745.1) > 0  # the smallest subnormal
    assert elementary.exp(-746.0) == 0.0


def test_the_type_of_the_argument_is_kept():
    for function in FUNCTIONS.values():
        assert type(function(np.float32(0.5))) is np.float32
        assert isinstance(function(0.5), float)


@pytest.mark.compiled_only
def test_single_precision_is_not_promoted():
    assert COMPILED
    for name in FUNCTIONS:
        function = FUNCTIONS[name]
        typed = numba.njit(**OPTIONS)(lambda x, f=function: f(x))
        assert isinstance(typed(np.float32(0.5)), float)
        (signature,) = typed.nopython_signatures
        assert signature.return_type == numba.float32
