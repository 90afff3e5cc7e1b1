"""Elementary functions in arithmetic that a compiler can vectorise.

A loop over ``math.exp`` calls a library once a number; a loop over these is
plain arithmetic and runs on whole vectors. Each function has a float64 form and
a shorter float32 form; the public name takes the form of its argument. NaN
passes through, infinities and overflow saturate without a warning.

Errors are the largest of over 300,000 points, rounded up, in units of the last place
(ulp) of the result, or of 1 where said; ``tests/test_elementary.py`` holds them
against 50-digit arithmetic.

    =======  ========  ========  ==========================================
    name     float64   float32   method
    =======  ========  ========  ==========================================
    exp      1.1       1.1       x = k ln 2 + r, Taylor's series in r
    expm1    1.9       1.7       as exp, without its leading 1
    log      2.0       2.0       x = 2^k m, the series of artanh
    log1p    2.5       2.5       log, corrected for the rounding of 1 + x
    tanh     2.6       2.6       expm1(2x) / (expm1(2x) + 2)
    erf      0.8 of 1  1.2 of 1  two polynomials, fitted at Chebyshev nodes
    =======  ========  ========  ==========================================
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, sqrt
from typing import Any

import numpy as np

__all__ = ["PRECISIONS", "erf", "exp", "expm1", "log", "log1p", "sqrt", "tanh"]


def exp(x: Any) -> Any:
    """Return e^x."""
    return np.float32(_exp_single(x)) if isinstance(x, np.float32) else _exp_double(x)


def expm1(x: Any) -> Any:
    """Return e^x - 1 without the loss of digits near 0."""
    return np.float32(_expm1_single(x)) if isinstance(x, np.float32) else _expm1_double(x)


def log(x: Any) -> Any:
    """Return the natural logarithm; -inf at 0 and NaN below."""
    return np.float32(_log_single(x)) if isinstance(x, np.float32) else _log_double(x)


def log1p(x: Any) -> Any:
    """Return log(1 + x) without the loss of digits near 0."""
    return np.float32(_log1p_single(x)) if isinstance(x, np.float32) else _log1p_double(x)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return np.float32(_tanh_single(x)) if isinstance(x, np.float32) else _tanh_double(x)


def erf(x: Any) -> Any:
    """Return the error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return np.float32(_erf_single(x)) if isinstance(x, np.float32) else _erf_double(x)


# Powers of two, exponents and mantissas are written and read as bits.


def two_to_the_double(k: Any) -> Any:
    """Return 2^k for a whole k in -1022 .. 1023."""
    return np.int64((np.int64(np.int32(k)) + 1023) << 52).view(np.float64)


def two_to_the_single(k: Any) -> Any:
    """Return 2^k for a whole k in -126 .. 127."""
    return np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)


def exponent_double(x: Any) -> Any:
    """Return the whole k with 1 <= x / 2^k < 2, for a normal x > 0."""
    return np.float64(np.int32(np.float64(x).view(np.int64) >> 52) - 1023)


def exponent_single(x: Any) -> Any:
    """Return the whole k with 1 <= x / 2^k < 2, for a normal x > 0."""
    return np.float32((np.float32(x).view(np.int32) >> np.int32(23)) - np.int32(127))


def mantissa_double(x: Any) -> Any:
    """Return m with x = 2^k m and 1 <= m < 2, for a normal x > 0."""
    bits = np.float64(x).view(np.int64)
    return np.int64((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64)


def mantissa_single(x: Any) -> Any:
    """Return m with x = 2^k m and 1 <= m < 2, for a normal x > 0."""
    bits = np.float32(x).view(np.int32)
    return np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)


# exp and expm1: x = k ln 2 + r with |r| <= ln(2) / 2. ln 2 is taken in two parts,
# the first so short that k times it is exact; 2^k in two factors, so that results
# next to overflow and below the normal numbers come out right.


def _exp_double(x: Any) -> Any:
    bounded = 709.782712893384 if x > 709.782712893384 else (-746.0 if x < -746.0 else x)
    k = np.floor(bounded * 1.4426950408889634 + 0.5) if x == x else 0.0
    r = bounded - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    half = np.floor(0.5 * k)
    result = (1.0 + _taylor_double(r)) * two_to_the_double(half) * two_to_the_double(k - half)
    return inf if x > 709.782712893384 else result


def _exp_single(x: Any) -> Any:
    bounded = 88.72283 if x > 88.72283 else (-104.0 if x < -104.0 else x)
    k = np.floor(bounded * 1.4426950408889634 + 0.5) if x == x else 0.0
    r = bounded - k * 0.693359375 + k * 2.12194440e-4
    half = np.floor(0.5 * k)
    result = (1.0 + _taylor_single(r)) * two_to_the_single(half) * two_to_the_single(k - half)
    return inf if x > 88.72283 else result


def _expm1_double(x: Any) -> Any:
    bounded = 709.782712893384 if x > 709.782712893384 else (-50.0 if x < -50.0 else x)
    k = np.floor(bounded * 1.4426950408889634 + 0.5) if x == x else 0.0
    r = bounded - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    half = np.floor(0.5 * k)
    first, one = two_to_the_double(half), two_to_the_double(half - k)
    result = (first * _taylor_double(r) + (first - one)) * two_to_the_double(k - half)
    return inf if x > 709.782712893384 else result


def _expm1_single(x: Any) -> Any:
    bounded = 88.72283 if x > 88.72283 else (-30.0 if x < -30.0 else x)
    k = np.floor(bounded * 1.4426950408889634 + 0.5) if x == x else 0.0
    r = bounded - k * 0.693359375 + k * 2.12194440e-4
    half = np.floor(0.5 * k)
    first, one = two_to_the_single(half), two_to_the_single(half - k)
    result = (first * _taylor_single(r) + (first - one)) * two_to_the_single(k - half)
    return inf if x > 88.72283 else result


def _taylor_double(r: Any) -> Any:
    """Return e^r - 1 for |r| <= 0.35: the terms r^n / n! to n = 13."""
    high = (1 / 479001600) + r * (1 / 6227020800)
    high = (1 / 362880) + r * ((1 / 3628800) + r * ((1 / 39916800) + r * high))
    high = (1 / 720) + r * ((1 / 5040) + r * ((1 / 40320) + r * high))
    return r + r * r * (0.5 + r * ((1 / 6) + r * ((1 / 24) + r * ((1 / 120) + r * high))))


def _taylor_single(r: Any) -> Any:
    """Return e^r - 1 for |r| <= 0.35: the terms r^n / n! to n = 7."""
    high = (1 / 24) + r * ((1 / 120) + r * ((1 / 720) + r * (1 / 5040)))
    return r + r * r * (0.5 + r * ((1 / 6) + r * high))


def _tanh_double(x: Any) -> Any:
    e = _expm1_double(40.0 if x > 20.0 else (-40.0 if x < -20.0 else 2.0 * x))
    return e / (e + 2.0)


def _tanh_single(x: Any) -> Any:
    e = _expm1_single(20.0 if x > 10.0 else (-20.0 if x < -10.0 else 2.0 * x))
    return e / (e + 2.0)


# log: x = 2^k m with m in 0.7 .. 1.4, and log m = 2 artanh s with s = (m - 1) / (m + 1).


def _log_double(x: Any) -> Any:
    tiny = x < 2.2250738585072014e-308
    normal = x * 18014398509481984.0 if tiny else x
    normal = normal if 0.0 < normal < inf else 1.0
    k, m = exponent_double(normal), mantissa_double(normal)
    k, m = (k + 1.0, 0.5 * m) if m > 1.4142135623730951 else (k, m)
    k = k - 54.0 if tiny else k
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    high = (2 / 15) + z * ((2 / 17) + z * ((2 / 19) + z * (2 / 21)))
    high = (2 / 7) + z * ((2 / 9) + z * ((2 / 11) + z * ((2 / 13) + z * high)))
    tail = s * z * ((2 / 3) + z * ((2 / 5) + z * high))
    result = k * 0.6931471803691238 + (2.0 * s + (tail + k * 1.9082149292705877e-10))
    return result if 0.0 < x < inf else (-inf if x == 0.0 else (x if x > 0.0 else nan))


def _log_single(x: Any) -> Any:
    tiny = x < 1.1754944e-38
    normal = x * 16777216.0 if tiny else x
    normal = normal if 0.0 < normal < inf else 1.0
    k, m = exponent_single(normal), mantissa_single(normal)
    k, m = (k + 1.0, 0.5 * m) if m > 1.4142135 else (k, m)
    k = k - 24.0 if tiny else k
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    tail = s * z * ((2 / 3) + z * ((2 / 5) + z * ((2 / 7) + z * (2 / 9))))
    result = k * 0.693359375 + (2.0 * s + (tail - k * 2.12194440e-4))
    return result if 0.0 < x < inf else (-inf if x == 0.0 else (x if x > 0.0 else nan))


def _log1p_double(x: Any) -> Any:
    y = 1.0 + x
    lost = (x - (y - 1.0)) / y if 0.0 < y < inf else 0.0
    return _log_double(y) + lost


def _log1p_single(x: Any) -> Any:
    y = 1.0 + x
    lost = (x - (y - 1.0)) / y if 0.0 < y < inf else 0.0
    return _log_single(y) + lost


# erf: x P(x^2) to 1, and 1 - e^(-x^2) Q(t) beyond, t = (x - c) / (x + c). The
# coefficients interpolate at Chebyshev nodes, computed with 60 digits.

_P_DOUBLE = (
    -7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07,
    1.6447424703317362e-06, -1.492473690741966e-05, 0.00012055294904839707,
    -0.0008548325975389692, 0.0052239776071164225, -0.02686617064323777,
    0.11283791670945006, -0.37612638903183543, 1.1283791670955126,
)  # fmt: skip
_Q_DOUBLE = (
    1.2801900862962662e-06, 2.023603179641757e-06, -8.008021319412685e-06,
    -1.284889451252353e-05, 6.406182073530546e-05, 4.525472635483354e-05,
    -0.0005970623517093284, 0.0007077464443901538, 0.004269136347508256,
    -0.024392499318273194, 0.07166583719774874, -0.15011593650078744,
    0.24560380171233195, -0.32623356004303716, 0.17900115118138996,
)  # fmt: skip
_P_SINGLE = tuple(
    np.float32(c)
    for c in (
        7.875875062685488e-05, -0.000801686428716587, 0.005189087423433974,
        -0.026854212010626412, 0.11283594715160218, -0.37612626666720334,
        1.1283791658483509,
    )
)  # fmt: skip
_Q_SINGLE = tuple(
    np.float32(c)
    for c in (
        -0.0008379754387023134, 0.006811140131085635, 0.0037323717589395444,
        -0.07896830612793473, 0.2416582015255602, -0.4271859897684867,
        0.25539567631050575,
    )
)  # fmt: skip


def horner(coefficients: Any, x: Any) -> Any:
    """Return the polynomial with these coefficients, highest first, at x."""
    total = coefficients[0]
    for c in coefficients[1:]:
        total = total * x + c
    return total


def _erf_double(x: Any) -> Any:
    a = abs(x)
    a = 6.0 if a > 6.0 else a
    u = a * a
    near = a * horner(_P_DOUBLE, u if u < 1.0 else 1.0)
    far = 1.0 - _exp_double(-u) * horner(_Q_DOUBLE, (a - 3.0) / (a + 3.0))
    result = far if a > 1.0 else near
    return -result if x < 0.0 else result


def _erf_single(x: Any) -> Any:
    a = abs(x)
    a = 4.0 if a > 4.0 else a
    u = a * a
    near = a * horner(_P_SINGLE, u if u < 1.0 else 1.0)
    far = 1.0 - _exp_single(-u) * horner(_Q_SINGLE, (a - 2.0) / (a + 2.0))
    result = far if a > 1.0 else near
    return -result if x < 0.0 else result


# What a compiler needs to know: the two forms of each function, and the helpers.

PRECISIONS: dict[Callable[[Any], Any], tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    exp: (_exp_single, _exp_double),
    expm1: (_expm1_single, _expm1_double),
    log: (_log_single, _log_double),
    log1p: (_log1p_single, _log1p_double),
    tanh: (_tanh_single, _tanh_double),
    erf: (_erf_single, _erf_double),
}
BITS = (
    two_to_the_double, two_to_the_single, exponent_double, exponent_single,
    mantissa_double, mantissa_single, horner,
)  # fmt: skip
HELPERS = (_taylor_single, _taylor_double)
