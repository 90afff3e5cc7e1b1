"""Losses: ``f(a, y) -> (loss, slope)`` with slope = d loss / da, for one output.

A loss in ``LINKS`` takes the score z in place of the output a: its formula has
the link (the named activation) inside it, in a form that cannot overflow, and
its slope is a - y. A third argument, where there is one, is the loss's own
parameter, with its default.

Cross-entropy joins all outputs of a sample and is an array function; it stands
in ``kernels.py`` under the same name.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.elementary import exp, log1p


def half_squared_error(a: float, y: float) -> tuple[float, float]:
    """Half the squared error, L = (a - y)^2 / 2, whose slope is a - y.

    Equations (4) to (9) of the source document.
    """
    error = a - y
    loss = 0.5 * error * error
    slope = error
    return loss, slope


def absolute_error(a: float, y: float) -> tuple[float, float]:
    """The distance |a - y|. The slope is the sign of a - y, and 0 where they meet."""
    error = a - y
    loss = abs(error)
    slope = 1.0 if error > 0.0 else (-1.0 if error < 0.0 else error)
    return loss, slope


def huber(a: float, y: float, delta: float = 1.0) -> tuple[float, float]:
    """Half the squared error near the target, linear beyond delta (Huber, 1964)."""
    error = a - y
    far = abs(error) - delta
    loss = 0.5 * error * error if far <= 0.0 else delta * (far + 0.5 * delta)
    slope = delta if error > delta else (-delta if error < -delta else error)
    return loss, slope


def quantile(a: float, y: float, level: float = 0.5) -> tuple[float, float]:
    """The pinball loss, least at the given quantile of y (Koenker & Bassett, 1978).

    Being too low costs ``level`` a unit, being too high ``1 - level``. The slope
    where they meet is 0.
    """
    error = a - y
    loss = (1.0 - level) * error if error > 0.0 else -level * error
    slope = 1.0 - level if error > 0.0 else (-level if error < 0.0 else error)
    return loss, slope


def binary_cross_entropy(z: float, y: float) -> tuple[float, float]:
    """Minus the log likelihood of y under the probability sigmoid(z).

    -y log a - (1 - y) log(1 - a) with a = sigmoid(z) is max(z, 0) - y z +
    log(1 + e^-|z|), which no score overflows; its slope is a - y.
    """
    loss = (0.0 if z < 0.0 else z) - y * z + log1p(exp(-abs(z)))
    slope = 1.0 / (1.0 + exp(-z)) - y
    return loss, slope


def poisson(z: float, y: float) -> tuple[float, float]:
    """Minus the Poisson log likelihood of a count y at the rate e^z, less log y!."""
    rate = exp(z)
    loss = rate - y * z
    slope = rate - y
    return loss, slope


LOSSES: dict[str, Callable[..., tuple[float, float]] | None] = {
    "half_squared_error": half_squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "quantile": quantile,
    "binary_cross_entropy": binary_cross_entropy,
    "poisson": poisson,
    "cross_entropy": None,
}

LINKS = {"binary_cross_entropy": "sigmoid", "poisson": "exp", "cross_entropy": "softmax"}
