"""Optimisers: ``f(theta, g, m, v, rate, t, ...) -> (theta, m, v)``.

theta is one parameter, g its gradient, m and v its two memories (0 at the
start), rate the learning rate and t the number of the step, from 1. Further
arguments are the optimiser's own parameters, with their defaults.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.elementary import sqrt

State = tuple[float, float, float]


def gd(theta: float, g: float, m: float, v: float, rate: float, t: float) -> State:
    """Gradient descent. Equations (26) and (27) of the source document."""
    theta = theta - rate * g
    return theta, m, v


def sgd(
    theta: float, g: float, m: float, v: float, rate: float, t: float, momentum: float = 0.9
) -> State:
    """Gradient descent with momentum: m is the velocity (Polyak, 1964)."""
    m = momentum * m - rate * g
    theta = theta + m
    return theta, m, v


def nesterov(
    theta: float, g: float, m: float, v: float, rate: float, t: float, momentum: float = 0.9
) -> State:
    """Momentum with the gradient taken one velocity ahead (Sutskever et al., 2013)."""
    m = momentum * m - rate * g
    theta = theta + momentum * m - rate * g
    return theta, m, v


def rmsprop(
    theta: float, g: float, m: float, v: float, rate: float, t: float,
    rho: float = 0.9, epsilon: float = 1e-8,
) -> State:  # fmt: skip
    """Divide by the root of the running mean square (Tieleman & Hinton, 2012)."""
    v = rho * v + (1.0 - rho) * g * g
    theta = theta - rate * g / (sqrt(v) + epsilon)
    return theta, m, v


def adam(
    theta: float, g: float, m: float, v: float, rate: float, t: float,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
) -> State:  # fmt: skip
    """Two running moments, unbiased (Kingma & Ba, 2015, algorithm 1)."""
    m = beta1 * m + (1.0 - beta1) * g
    v = beta2 * v + (1.0 - beta2) * g * g
    unbias1 = 1.0 / (1.0 - beta1**t)
    unbias2 = 1.0 / (1.0 - beta2**t)
    theta = theta - rate * (m * unbias1) / (sqrt(v * unbias2) + epsilon)
    return theta, m, v


def adam_section2(
    theta: float, g: float, m: float, v: float, rate: float, t: float,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
) -> State:  # fmt: skip
    """Adam in the order of section 2 of its paper, as scikit-learn computes it.

    epsilon stands beside the root of the biased v.
    """
    m = beta1 * m + (1.0 - beta1) * g
    v = beta2 * v + (1.0 - beta2) * g * g
    step = rate * sqrt(1.0 - beta2**t) / (1.0 - beta1**t)
    theta = theta - step * m / (sqrt(v) + epsilon)
    return theta, m, v


def adamw(
    theta: float, g: float, m: float, v: float, rate: float, t: float,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01,
) -> State:  # fmt: skip
    """Adam with the decay of the weights apart (Loshchilov & Hutter, 2019).

    The decay is 0 for biases.
    """
    m = beta1 * m + (1.0 - beta1) * g
    v = beta2 * v + (1.0 - beta2) * g * g
    unbias1 = 1.0 / (1.0 - beta1**t)
    unbias2 = 1.0 / (1.0 - beta2**t)
    step = (m * unbias1) / (sqrt(v * unbias2) + epsilon)
    theta = theta - rate * (step + weight_decay * theta)
    return theta, m, v


def rprop(
    theta: float, g: float, m: float, v: float, rate: float, t: float,
    grow: float = 1.2, shrink: float = 0.5, largest: float = 50.0, smallest: float = 1e-6,
) -> State:  # fmt: skip
    """Step by the sign of the gradient alone (Riedmiller & Braun, 1993; iRprop-).

    m is the gradient before, v the size of the step, which starts at rate. Where
    the gradient changes its sign the step shrinks and the parameter waits.
    """
    turn = g * m
    size = v if v > 0.0 else rate
    grown = size * grow if size * grow < largest else largest
    shrunk = size * shrink if size * shrink > smallest else smallest
    v = grown if turn > 0.0 else (shrunk if turn < 0.0 else size)
    m = g if turn >= 0.0 else 0.0
    theta = theta - v if m > 0.0 else (theta + v if m < 0.0 else theta)
    return theta, m, v


OPTIMISERS: dict[str, Callable[..., State]] = {
    "gd": gd,
    "sgd": sgd,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "rprop": rprop,
    "adam_section2": adam_section2,
}

# No rules for one parameter: they take all samples and all parameters at once, see wholesale.py.
WHOLESALE = ("lbfgs", "lm")

LEARNING_RATES = {
    "gd": 0.005,
    "sgd": 0.01,
    "nesterov": 0.01,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
    "rprop": 0.1,
    "adam_section2": 0.001,
}
