"""Activations: ``f(z) -> (a, slope)`` with slope = da/dz, for one number z."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.elementary import erf, exp, expm1, log1p, tanh


def identity(z: float) -> tuple[float, float]:
    """Pass the score on: a = z."""
    a = z
    slope = 1.0
    return a, slope


def sigmoid(z: float) -> tuple[float, float]:
    """Squash into (0, 1): a = 1 / (1 + e^-z), and a' = a (1 - a).

    Equations (3) and (13) of the source document. For a large negative z the
    exponential is infinite and a is 0, without a warning.
    """
    a = 1.0 / (1.0 + exp(-z))
    slope = a * (1.0 - a)
    return a, slope


def hyperbolic_tangent(z: float) -> tuple[float, float]:
    """Squash into (-1, 1): a = tanh z, and a' = 1 - a^2."""
    a = tanh(z)
    slope = 1.0 - a * a
    return a, slope


def relu(z: float) -> tuple[float, float]:
    """Keep what is positive: a = max(z, 0). The slope at 0 is 0, as in PyTorch."""
    a = 0.0 if z < 0.0 else z
    slope = 1.0 if z > 0.0 else 0.0
    return a, slope


def leaky_relu(z: float) -> tuple[float, float]:
    """Let a hundredth of what is negative through (Maas et al., 2013)."""
    a = z if z > 0.0 else 0.01 * z
    slope = 1.0 if z > 0.0 else 0.01
    return a, slope


def elu(z: float) -> tuple[float, float]:
    """Bend smoothly to -1: a = e^z - 1 below zero (Clevert et al., 2015)."""
    a = z if z > 0.0 else expm1(z)
    slope = 1.0 if z > 0.0 else a + 1.0
    return a, slope


def selu(z: float) -> tuple[float, float]:
    """Scale an elu so that mean 0 and variance 1 reproduce themselves.

    The two numbers solve the fixed-point equations of Klambauer et al. (2017).
    """
    tail = 1.0507009873554805 * 1.6732632423543772
    a = 1.0507009873554805 * z if z > 0.0 else tail * expm1(z)
    slope = 1.0507009873554805 if z > 0.0 else a + tail
    return a, slope


def softplus(z: float) -> tuple[float, float]:
    """Smooth the relu: a = log(1 + e^z), in a form that cannot overflow."""
    a = (0.0 if z < 0.0 else z) + log1p(exp(-abs(z)))
    slope = 1.0 / (1.0 + exp(-z))
    return a, slope


def silu(z: float) -> tuple[float, float]:
    """Gate the score by its own sigmoid. Product rule with s' = s (1 - s)."""
    s = 1.0 / (1.0 + exp(-z))
    a = z * s
    slope = s + a * (1.0 - s)
    return a, slope


def gelu(z: float) -> tuple[float, float]:
    """Gate the score by the normal distribution function (Hendrycks & Gimpel, 2016).

    a = z Phi(z) with Phi(z) = (1 + erf(z / sqrt 2)) / 2, whose slope is the
    density phi(z) = e^(-z^2 / 2) / sqrt(2 pi).
    """
    phi = 0.3989422804014327 * exp(-0.5 * z * z)
    below = 0.5 * (1.0 + erf(0.7071067811865476 * z))
    a = z * below
    slope = below + z * phi
    return a, slope


def softsign(z: float) -> tuple[float, float]:
    """Squash without an exponential: a = z / (1 + |z|)."""
    d = 1.0 / (1.0 + abs(z))
    a = z * d
    slope = d * d
    return a, slope


def exponential(z: float) -> tuple[float, float]:
    """Make positive: a = e^z, its own slope. The link of the Poisson loss."""
    a = exp(z)
    slope = a
    return a, slope


ACTIVATIONS: dict[str, Callable[[float], tuple[float, float]]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": hyperbolic_tangent,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "softsign": softsign,
    "exp": exponential,
}
