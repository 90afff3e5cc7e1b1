"""One step of the engine on one sample, and every number on its way.

Nothing is computed here a second time: each number is taken from the engine, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule import kernels
from chainrule.arguments import at_least_zero, learning_rate_of, own_parameters, whole
from chainrule.engine import Objective, checked_data, checked_parameters, forward, gradient
from chainrule.errors import BadSetting
from chainrule.layout import FIRST_STEP, STEP, Chunk, Data, Settings, begin, no_data
from chainrule.network import Network
from chainrule.rules import LINKS, OPTIMISERS, WHOLESALE

Floats = NDArray[np.float64]


def nothing() -> Floats:
    """Return an array that is empty until it is known."""
    return np.zeros(0)


@dataclass(frozen=True)
class Step:
    """How the parameters are updated.

    Attributes
    ----------
    solver : str
    learning_rate : float or None
        None takes the solver's usual one.
    number : int
        Of the step, from 1: t of the formulas.
    m, v : ndarray of shape (n_parameters,) or None
        The solver's memories before the step; None where it begins with zeros.
    l1, l2 : float
    clip_norm : float or None
    hyperparameters : dict
        The solver's own, such as ``{"momentum": 0.9}``.
    """

    solver: str = "gd"
    learning_rate: float | None = None
    number: int = 1
    m: Any = None
    v: Any = None
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    hyperparameters: Any = None


@dataclass(frozen=True, eq=False)
class Trace:
    """The numbers of one step. Lists by layer begin with the input, as layer 0.

    Without a target there is only the way forward, and the rest is empty.

    Attributes
    ----------
    network : Network
    theta, theta_after : ndarray of shape (n_parameters,)
        The parameters before and after the step.
    y : ndarray of shape (n_out,) or None
    Z, A : list of ndarray
        Scores and outputs of each layer.
    slopes : list of ndarray or None
        dA/dZ, None where no such factor is in the chain.
    errors : list of ndarray
        dL/dA of each layer; of the last one dL/dZ where the loss is taken from the scores.
    deltas : list of ndarray
        dL/dZ.
    gradient, penalised, followed : ndarray of shape (n_parameters,)
        Of the loss; with the penalties; as the solver is given it, after clipping.
    loss, penalty, loss_after : float
        The loss of the sample; the penalty; their sum after the step.
    checked : dict of int to float
        The finite differences that were taken already, by the place of the parameter.
    """

    network: Network
    theta: Floats
    A: list[Floats]
    Z: list[Floats]
    step: Step
    y: Floats | None = None
    slopes: list[Floats | None] = field(default_factory=list)
    errors: list[Floats] = field(default_factory=list)
    deltas: list[Floats] = field(default_factory=list)
    gradient: Floats = field(default_factory=nothing)
    penalised: Floats = field(default_factory=nothing)
    followed: Floats = field(default_factory=nothing)
    loss: float = 0.0
    penalty: float = 0.0
    loss_after: float = 0.0
    theta_after: Floats = field(default_factory=nothing)
    m: Floats = field(default_factory=nothing)
    v: Floats = field(default_factory=nothing)
    m_after: Floats = field(default_factory=nothing)
    v_after: Floats = field(default_factory=nothing)
    rate: float = 0.0
    checked: dict[int, float] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """The number of layers after the input."""
        return len(self.network.sizes) - 1

    @property
    def fused(self) -> bool:
        """Whether the loss is taken from the scores, with the activation in it."""
        return self.network.loss in LINKS

    @property
    def joined(self) -> bool:
        """Whether a softmax stands before a loss of its outputs: it joins all of them."""
        return self.network.output == "softmax" and not self.fused


def trace(network: Network, parameters: ArrayLike, x: ArrayLike, y: Any, step: Step) -> Trace:
    """Run one step of the engine on one sample.

    Parameters
    ----------
    network : Network
    parameters : array-like of shape (n_parameters,)
    x : array-like of shape (n_in,)
    y : array-like of shape (n_out,), a number for one output, a class number, or None
    step : Step

    Raises
    ------
    BadSetting
        If shapes do not fit, or numbers are not finite.
    """
    theta = checked_parameters(network, np.array(parameters, dtype=np.float64))
    if not np.isfinite(theta).all():
        raise BadSetting("parameters hold NaN or infinity; the mathematics needs finite ones")
    inputs = _sample("x", x, network.sizes[0])
    layers = range(1, len(network.sizes))
    scores = [inputs[0], *(_scores(network, theta, inputs, l) for l in layers)]
    outputs = [inputs[0], *(_outputs(network, theta, inputs, l) for l in layers)]
    done = Trace(network, theta, outputs, scores, step)
    if y is None:
        return done
    targets = y if _is_class(network, y) else _sample("y", y, network.sizes[-1])
    data = checked_data(network, inputs, np.ravel(targets) if _is_class(network, y) else targets,
                        None, np.dtype(np.float64))  # fmt: skip
    return _with_step(_with_gradient(done, data), data)


def _is_class(network: Network, y: Any) -> bool:
    return bool(network.loss == "cross_entropy" and np.size(y) == 1)


def _sample(name: str, values: Any, size: int) -> Floats:
    try:
        array = np.array(values, dtype=np.float64).reshape(1, -1)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name} must be one sample, of numbers: {error}") from None
    if array.shape[1] != size:
        raise BadSetting(
            f"{name} of shape {np.shape(values)} must be one sample, of shape ({size},)"
        )
    return array


def _cut(network: Network, theta: Floats, l: int, output: Any) -> tuple[Network, Floats]:
    """Return the network up to layer l, with another activation there, and its parameters."""
    first = Network(
        network.sizes[: l + 1],
        hidden=network.activations[: l - 1] if l > 1 else "relu",
        output=output,
    )
    return first, theta[: first.n_parameters]


def _scores(network: Network, theta: Floats, inputs: Floats, l: int) -> Floats:
    """Return Z of layer l: the output of the network that ends there, without activation."""
    scores: Floats = forward(*_cut(network, theta, l, "identity"), inputs)[0]
    return scores


def _outputs(network: Network, theta: Floats, inputs: Floats, l: int) -> Floats:
    outputs: Floats = forward(*_cut(network, theta, l, network.activations[l - 1]), inputs)[0]
    return outputs


def _with_gradient(done: Trace, data: Data) -> Trace:
    """Run forward and backward, and read what they leave in the workspace."""
    network, theta, depth = done.network, done.theta, done.depth
    objective = Objective(network, data)
    loss, slope = objective.loss_and_gradient(theta)
    if not np.isfinite(loss):
        raise BadSetting("the loss of this sample is not finite, so there is no step to explain")
    plan, work = objective.plan, objective.state.work
    slopes: list[Floats | None] = [None]
    for l in range(1, depth + 1):
        start = int(plan.slopes[l])
        is_factor = l < depth or not (done.fused or done.joined)
        slopes.append(work[start : start + network.sizes[l]].copy() if is_factor else None)
    layers = network.layers(slope)
    deltas = [np.zeros(0), *(b.copy() for _, b in layers)]  # of one sample, db is delta
    errors = [np.zeros(0)] * (depth + 1)
    errors[depth] = _error(done, data)
    for l in range(1, depth):
        W = network.layers(theta)[l][0]
        errors[l] = W @ deltas[l + 1]
    return replace(
        done, y=data.Y[0], slopes=slopes, errors=errors, deltas=deltas, gradient=slope, loss=loss
    )


def _error(done: Trace, data: Data) -> Floats:
    """Return the slope of the loss by what it is taken from: the outputs, or the scores.

    The engine gives it as the gradient of biases after a layer that passes on what it gets.
    """
    network, size = done.network, done.network.sizes[-1]
    passing = Network(
        (size, size), output="identity", loss=network.loss, loss_parameter=network.loss_parameter
    )
    theta = np.concatenate([np.eye(size).ravel(), np.zeros(size)])
    taken = done.Z[-1] if done.fused else done.A[-1]
    slope: Floats = gradient(passing, theta, taken[None], data.Y)[1][-size:]
    return slope


def _with_step(done: Trace, data: Data) -> Trace:
    """Take the step of the solver."""
    step, network, theta = done.step, done.network, done.theta
    l1, l2 = at_least_zero("l1", step.l1), at_least_zero("l2", step.l2)
    objective = Objective(network, data, l1=l1, l2=l2)
    total, penalised = objective.loss_and_gradient(theta)
    if step.solver in WHOLESALE:
        after, rate = _by_solver(done, data, l2), 1.0
        done = replace(done, followed=penalised)
    else:
        rate = learning_rate_of(step.solver, step.learning_rate)
        done = _by_rule(done, data, rate)
        after = done.theta_after
    loss_after = objective.loss_and_gradient(after)[0]
    return replace(
        done, penalised=penalised, penalty=total - done.loss, theta_after=after,
        loss_after=loss_after, rate=rate,
    )  # fmt: skip


def _by_rule(done: Trace, data: Data, rate: float) -> Trace:
    step = done.step
    plan, state = begin(done.network, done.theta.copy(), batch_size=1, seed=0)
    for name, memory in (("m", step.m), ("v", step.v)):
        if memory is not None:
            given = np.asarray(memory, dtype=np.float64)
            if given.shape != state.m.shape:
                raise BadSetting(f"{name} of shape {given.shape} must be of shape {state.m.shape}")
            getattr(state, name)[:] = given
    m, v = state.m.copy(), state.v.copy()
    state.place[STEP] = whole("step", step.number, 1) - 1
    state.place[FIRST_STEP] = state.place[STEP]
    settings = Settings(
        1, own_parameters(step.solver, step.hyperparameters or {}),
        optimiser=list(OPTIMISERS).index(step.solver), l1=step.l1, l2=step.l2,
        clip_norm=np.inf if step.clip_norm is None else at_least_zero("clip_norm", step.clip_norm),
    )  # fmt: skip
    chunk = Chunk(0, np.array([rate]), np.zeros(1), np.zeros(0))
    kernels.run(plan, settings, state, data, no_data(data), chunk)
    return replace(
        done, followed=state.gradient, theta_after=state.theta, m=m, v=v, m_after=state.m,
        v_after=state.v,
    )  # fmt: skip


def _by_solver(done: Trace, data: Data, l2: float) -> Floats:
    """Return the parameters after the first step of a solver that finds its steps itself."""
    from chainrule.loop import train

    training = train(
        done.network, data.X, data.Y, solver=done.step.solver, epochs=1, l2=l2, batch_size=None,
        parameters=done.theta,
    )  # fmt: skip
    after: Floats = training.parameters
    return after


def differences(done: Trace, places: NDArray[np.int64]) -> dict[int, float]:
    """Return the gradient of the loss by finite differences, at some of the parameters."""
    assert done.y is not None
    data = checked_data(done.network, done.A[0][None], done.y[None], None, np.dtype(np.float64))
    objective, found = Objective(done.network, data), done.checked
    theta = done.theta.copy()
    for place in map(int, places):
        if place in found:
            continue
        here = theta[place]
        size = 1e-5 * max(1.0, abs(here))
        theta[place] = above = here + size
        high = objective.loss(theta)
        theta[place] = below = here - size
        found[place] = (high - objective.loss(theta)) / (above - below)
        theta[place] = here
    return found
