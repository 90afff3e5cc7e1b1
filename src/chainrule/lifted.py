"""The rules lifted to arrays, and the few array functions that are no rule for numbers.

``activate(code, outputs, slopes)``, ``lose(code, outputs, targets, shares, parameter,
deltas)`` and ``update(code, thetas, gradients, ms, vs, rate, t, hyperparameters)``
choose a rule by its place in the registry. Arrays of a layer have the shape (O, B).
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from chainrule.elementary import exp, log
from chainrule.jit import inner, switch
from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS

SOFTMAX = len(ACTIVATIONS)  # its code, after those of the rules
HYPERPARAMETERS = 4  # the most that an optimiser has

# The loops that carry a rule to arrays. Names of a loop end in _, those of rules do not.


def _activation_loop(rule: Callable[..., Any]) -> str:
    return """
for i_ in range(outputs_.size):
    z = outputs_[i_]
    RULE
    outputs_[i_], slopes_[i_] = RESULT
return
"""


def _loss_loop(rule: Callable[..., Any]) -> str:
    output, _, *parameter = signature(rule).parameters
    return f"""
{"".join(parameter) or "unused_"} = parameter_
total_ = 0.0
for o_ in range(outputs_.shape[0]):
    part_ = shares_.dtype.type(0)
    for b_ in range(shares_.size):
        {output}, y = outputs_[o_, b_], targets_[o_, b_]
        RULE
        loss_, slope_ = RESULT
        part_ += shares_[b_] * loss_
        deltas_[o_, b_] = shares_[b_] * slope_
    total_ += part_
return total_
"""


def _update_loop(rule: Callable[..., Any]) -> str:
    names = list(signature(rule).parameters)[6:]
    names += [f"unused{i}_" for i in range(len(names), HYPERPARAMETERS)]
    return f"""
{", ".join(names)} = hyperparameters_
rate, t = rate_, t_
for i_ in range(thetas_.size):
    theta, g, m, v = thetas_[i_], gradients_[i_], ms_[i_], vs_[i_]
    RULE
    thetas_[i_], ms_[i_], vs_[i_] = RESULT
return
"""


@inner
def softmax(z: Any) -> None:
    """Turn the scores of each sample into probabilities: a_k = e^z_k / sum of e^z.

    The largest score is taken off first, so that nothing overflows. In place.
    """
    outputs, samples = z.shape
    for b in range(samples):
        top = z[0, b]
        for o in range(1, outputs):
            top = max(top, z[o, b])
        total = z.dtype.type(0)
        for o in range(outputs):
            z[o, b] = exp(z[o, b] - top)
            total += z[o, b]
        for o in range(outputs):
            z[o, b] /= total


@inner
def softmax_slope(a: Any, delta: Any, samples: int) -> None:
    """Carry dL/da through a softmax: dL/dz_k = a_k (dL/da_k - sum of dL/da a). In place."""
    for b in range(samples):
        mean = a.dtype.type(0)
        for o in range(a.shape[0]):
            mean += a[o, b] * delta[o, b]
        for o in range(a.shape[0]):
            delta[o, b] = a[o, b] * (delta[o, b] - mean)


@inner
def cross_entropy(z: Any, y: Any, share: Any, parameter: Any, delta: Any) -> Any:
    """Return the mean over samples of -sum of y_k log a_k, with a = softmax(z).

    log a_k = z_k - log(sum of e^z), in which the largest score is taken off, and
    the slope is a_k times the sum of y, less y_k.
    """
    outputs = z.shape[0]
    total = 0.0
    for b in range(share.size):
        top = z[0, b]
        for o in range(1, outputs):
            top = max(top, z[o, b])
        spread = z.dtype.type(0)
        mass = z.dtype.type(0)
        score = z.dtype.type(0)
        for o in range(outputs):
            delta[o, b] = exp(z[o, b] - top)
            spread += delta[o, b]
            mass += y[o, b]
            score += y[o, b] * (z[o, b] - top)
        total += share[b] * (mass * log(spread) - score)
        for o in range(outputs):
            delta[o, b] = share[b] * (mass * delta[o, b] / spread - y[o, b])
    return total


activate = switch(ACTIVATIONS, 2, _activation_loop, "outputs_, slopes_")
lose = switch(
    LOSSES, 2, _loss_loop, "outputs_, targets_, shares_, parameter_, deltas_",
    arrays={"cross_entropy": cross_entropy},
)  # fmt: skip
update = switch(
    OPTIMISERS, 3, _update_loop, "thetas_, gradients_, ms_, vs_, rate_, t_, hyperparameters_"
)
