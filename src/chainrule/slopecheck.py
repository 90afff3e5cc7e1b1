"""Hold the slope that a rule gives against differences of the values that it gives.

At points over the usual range of scores, outputs and targets, and far from it, the slope
must be (f(x + h) - f(x - h)) / 2h for one of three h. Three are taken because one too wide
bends away, and one too narrow leaves rounding. A bend, as relu has at 0, is no fault: there
the differences on both sides of the point decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import BadRule

# Odd numbers, because rules bend at round ones; 0 is there because scores often are.
# Those near 0 come first, because they tell most to who reads the message.
FAR = (-120.7, -50.3, -20.7, 20.7, 50.3, 120.7)
SCORES = sorted((0.0, *(0.371 * i - 7.93 for i in range(43)), *FAR), key=abs)
OUTPUTS = (0.217, 0.471, 0.733, 0.962, 0.038, 0.0, -0.43, 1.37, -2.21, 2.71, -6.13, -31.7, 33.9)
TARGETS = (0.31, 1.0, 0.0, -1.3, 2.6, -5.9, 17.0)
STEPS = (1e-5, 1e-3, 1e-7)  # of 1, or of the point itself
BESIDE = 0.013  # the same, for the look at both sides of a bend
TOLERANCE = 1e-4  # of the slope
ROUNDING = 1e-9  # of 1, or of the value
FEWEST = 3  # points at which a rule must be finite

Number = np.float64
Function = Callable[..., tuple[Any, Any]]


def check_activation(name: str, argument: str, function: Function) -> None:
    """Refuse an activation whose slope is not da/dz.

    Raises
    ------
    BadRule
        It names the point, the slope that is given, and the one that differences give.

    Examples
    --------
    >>> check_activation("square", "z", lambda z: (z * z, z))
    Traceback (most recent call last):
        ...
    chainrule.errors.BadRule: rule square: at z = -0.139 the slope is given as -0.139, and
    differences of the value give -0.278
    """
    finite = [_holds(name, function, z, f"{argument} = {z:.6g}") for z in SCORES]
    _refuse_infinite(name, sum(finite))


def check_loss(name: str, arguments: Sequence[str], function: Function) -> None:
    """Refuse a loss of an output and a target whose slope is not dloss/da."""
    output, target = arguments
    finite = 0
    for y in TARGETS:
        for a in (*OUTPUTS, y):
            place = f"{output} = {a:.6g}, {target} = {y:.6g}"
            finite += _holds(name, partial(_swapped, function, Number(y)), a, place)
    _refuse_infinite(name, finite)


def _swapped(function: Function, y: Any, a: Any) -> tuple[Any, Any]:
    return function(a, y)


def _refuse_infinite(name: str, finite: int) -> None:
    if finite < FEWEST:
        raise BadRule(
            f"rule {name}: its value is no finite number at nearly all of the points that were "
            "tried, so its slope cannot be checked"
        )


def _holds(name: str, function: Function, at: float, place: str) -> bool:
    """Check a point; say whether the value is finite there and around, as a check needs."""
    x = Number(at)
    value, slope = _both(function, x)
    if not np.isfinite(value):
        return False
    if not np.isfinite(slope):
        raise BadRule(
            f"rule {name}: at {place} the slope is given as {slope:g}, and the value is "
            f"{value:.6g}; a slope must be finite where the value is"
        )
    side = BESIDE * max(1.0, abs(x))
    found = _difference(function, x)
    if not np.isfinite(found):
        return False
    if not any(_agrees(function, point) for point in (x, x - side, x + side)):
        raise BadRule(
            f"rule {name}: at {place} the slope is given as {slope:.6g}, and differences of the "
            f"value give {found:.6g}"
        )
    return True


def _agrees(function: Function, x: Any) -> bool:
    value, slope = _both(function, x)
    for step in STEPS:
        found = _difference(function, x, step)
        allowed = TOLERANCE * max(abs(slope), abs(found)) + ROUNDING * max(1.0, abs(value))
        if abs(slope - found) <= allowed:
            return True
    return False


def _difference(function: Function, x: Any, step: float = STEPS[0]) -> Any:
    h = step * max(1.0, abs(x))
    below, above = x - h, x + h
    with np.errstate(all="ignore"):
        return (_both(function, above)[0] - _both(function, below)[0]) / (above - below)


def _both(function: Function, x: Any) -> tuple[Any, Any]:
    """Return value and slope; NaN where Python has no number, as for a division by 0."""
    with np.errstate(all="ignore"):
        try:
            value, slope = function(x)
            return Number(value), Number(slope)
        except (ArithmeticError, ValueError):  # ValueError: math's sqrt of what is below 0
            return Number("nan"), Number("nan")
