"""The rules lifted to arrays, and the few array functions that are no rule for numbers.

``activate(code, outputs, slopes)``, ``lose(code, outputs, targets, shares, parameter,
deltas)`` and ``update(code, thetas, gradients, ms, vs, rate, t, hyperparameters)``
choose a rule by its place in the registry. Arrays of a layer have the shape (O, B).
"""

from __future__ import annotations

from typing import Any

from chainrule.elementary import exp, log
from chainrule.jit import COMPILED, call_at, inner, switch
from chainrule.loops import activation_loop, loss_loop, update_loop
from chainrule.own import call_own
from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS

SOFTMAX = len(ACTIVATIONS)  # its code, after those of the rules


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


def _call(arguments: str, sizes: str) -> str:
    """Return the call of a user's rule, whose code is the address of its machine code."""
    compiled = f"call_at(code_, ({arguments}, {sizes}))"
    return compiled if COMPILED else f"call_own(code_, {arguments})"


ACTIVATED = "outputs_, slopes_"
LOST = "outputs_, targets_, shares_, parameter_, deltas_"
UPDATED = "thetas_, gradients_, ms_, vs_, rate_, t_, hyperparameters_"
OWN = {"call_at": call_at, "call_own": call_own}

activate = switch(
    ACTIVATIONS, 2, activation_loop, ACTIVATED, other=_call(ACTIVATED, "outputs_.size"), names=OWN
)
lose = switch(
    LOSSES, 2, loss_loop, LOST,
    other=f"return {_call(LOST, 'outputs_.shape[0], shares_.size')}",
    names=OWN | {"cross_entropy": cross_entropy},
)  # fmt: skip
update = switch(OPTIMISERS, 3, update_loop, UPDATED)
