"""Numbers for an exercise by hand: short decimals, and nothing saturated, dead or at a bend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSetting
from chainrule.explaining.signs import rule_of_activation, rule_of_loss
from chainrule.explaining.trace import Step, Trace, trace
from chainrule.network import Network
from chainrule.notation import Choice, read_rule, rebuilt

MOST_PARAMETERS = 100
TRIES = 2000
BEND = 0.05  # how far a score, or an error, keeps from where a rule has a corner
FLAT = 0.15  # a slope below this is that of a saturated neuron
LARGEST_SCORE = 3.0
SHARES = (0.05, 0.95)  # between which probabilities lie
LOSSES = (0.01, 3.0)
GRADIENTS = (0.01, 2.0)  # between which the largest one of the last layer lies
VANISHING = 0.3  # how much smaller it may be in each layer before
Floats = NDArray[np.float64]
WEIGHTS = np.array([k / 10 for k in range(-9, 10) if k])
BIASES = np.array([k / 10 for k in range(-5, 6)])
INPUTS = np.array([k / 10 for k in range(-10, 16) if k])
TARGETS = {
    "sigmoid": (0.0, 1.0), "softplus": (0.5, 1.0, 1.5), "relu": (0.5, 1.0, 1.5),
    "exp": (0.5, 1.0, 2.0), "tanh": (-0.5, 0.5), "softsign": (-0.5, 0.5),
}  # fmt: skip
OTHER_TARGETS = (-1.0, -0.5, 0.5, 1.0, 1.5)


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is given in an exercise."""

    parameters: Floats
    x: Floats
    y: Floats


def friendly(network: Network, seed: int, learning_rate: float) -> Numbers:
    """Return numbers by which a step of a network can be computed by hand.

    Raises
    ------
    BadSetting
        If the network is too large for that, or none were found.

    Examples
    --------
    >>> numbers = friendly(Network((2, 1), output="sigmoid"), seed=3, learning_rate=0.5)
    >>> numbers.x.round(1).tolist() == numbers.x.tolist()
    True
    """
    if network.n_parameters > MOST_PARAMETERS:
        raise BadSetting(
            f"a sheet to be done by hand has {MOST_PARAMETERS} parameters at most, and a network "
            f"of sizes {'-'.join(map(str, network.sizes))} has {network.n_parameters}; take "
            "smaller sizes"
        )
    random = np.random.default_rng(seed)
    step = Step("gd", learning_rate)
    for _ in range(TRIES):
        numbers = _drawn(network, random)
        if not fault(trace(network, numbers.parameters, numbers.x, numbers.y, step)):
            return numbers
    raise BadSetting(
        f"no friendly numbers were found for this network and learning_rate={learning_rate:g} in "
        f"{TRIES} tries; take smaller sizes, another learning rate, or another seed"
    )


def _drawn(network: Network, random: np.random.Generator) -> Numbers:
    theta = np.zeros(network.n_parameters)
    for W, b in network.layers(theta):
        W[:] = _some(WEIGHTS, W.size, random).reshape(W.shape)
        b[:] = _some(BIASES, b.size, random)
    return Numbers(theta, _some(INPUTS, network.sizes[0], random), _target(network, random))


def _some(values: Floats, size: int, random: np.random.Generator) -> Floats:
    """Draw numbers that are not the same, as long as there are enough."""
    drawn: Floats = random.choice(values, size, replace=size > len(values))
    return drawn


def _target(network: Network, random: np.random.Generator) -> Floats:
    size = network.sizes[-1]
    if network.loss == "cross_entropy" or network.output == "softmax":
        chosen: Floats = np.eye(size)[random.integers(size)]
        return chosen
    if network.loss == "poisson":
        allowed: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)
    elif network.loss == "binary_cross_entropy":
        allowed = (0.0, 1.0)
    else:
        allowed = TARGETS.get(str(network.output), OTHER_TARGETS)
    return np.array(allowed)[random.integers(len(allowed), size=size)]


def fault(done: Trace) -> str:
    """Return what is unfriendly about the numbers of a step, or an empty text."""
    assert done.gradient is not None
    assert done.y is not None
    network, layers = done.network, range(1, done.depth + 1)
    if found := next(filter(None, (_fault_of_layer(done, l) for l in layers)), ""):
        return found
    for l in layers:
        largest = np.abs(done.gradient[network.starts[l - 1] : network.starts[l]]).max()
        least = GRADIENTS[0] * VANISHING ** (done.depth - l)
        if not _inside(largest, (least, GRADIENTS[1])):
            return f"the gradient of layer {l} is too small or too large"
    if has_corner(rule_of_loss(network.loss)) and not done.fused:
        error = np.abs(done.A[-1] - done.y)
        corner = network.loss_parameter if network.loss == "huber" else 0.0
        if (np.abs(error - (corner or 0.0)) < BEND).any():
            return "the loss is at a bend"
    if not _inside(done.loss, LOSSES):
        return "the loss is too small or too large"
    return "" if done.loss_after < done.loss else "the loss does not get smaller"


def _fault_of_layer(done: Trace, l: int) -> str:
    assert done.slopes is not None
    name, slopes, hidden = done.network.activations[l - 1], done.slopes[l], l < done.depth
    if hidden and (np.abs(done.Z[l]) < BEND).any():
        return f"a score of layer {l} is nearly 0"
    if (np.abs(done.Z[l]) > LARGEST_SCORE).any():
        return f"a score of layer {l} is large"
    flat = 0 if slopes is None else int((np.abs(slopes) < FLAT).sum())
    may = done.network.sizes[l] // 2 if hidden and has_corner(rule_of_activation(name)) else 0
    shares = name in ("sigmoid", "softmax")
    if flat > may or (shares and not _inside(done.A[l], SHARES)):
        return f"layer {l} is saturated, or dead"
    return ""


def _inside(values: Any, bounds: tuple[float, float]) -> bool:
    return bool(np.all((values >= bounds[0]) & (values <= bounds[1])))


def has_corner(rule: Any) -> bool:
    """Say whether a rule is put together of several pieces.

    Examples
    --------
    >>> from chainrule.rules import ACTIVATIONS
    >>> [name for name, rule in ACTIVATIONS.items() if has_corner(rule)]
    ['relu', 'leaky_relu', 'elu', 'selu', 'softplus']
    """
    if rule is None:
        return False
    return any(_has_choice(line.right) for line in read_rule(rule, {}, ["value", "slope"]))


def _has_choice(expression: Any) -> bool:
    found = isinstance(expression, Choice)

    def look(part: Any) -> Any:
        nonlocal found
        found = found or _has_choice(part)
        return part

    rebuilt(expression, look)
    return found
