"""The compiled core: forward, loss, backward, update, and whole epochs of them.

Letters of shapes: B samples of a batch, I inputs and O outputs of a layer.
Samples are columns, as in the source document, so that every inner loop runs
over the batch and even a layer of one neuron vectorises.

A layer's parameters lie as one matrix V = [W; b] of shape (I + 1, O), and its
input has a last row of ones, A = [X; 1]. So Z = V^T A is W^T X + b, equation (2),
and dL/dV = A delta^T holds dL/dW and dL/db together, equations (24) and (25).

The columns are padded to whole vectors; what the padding holds is never counted.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from chainrule.elementary import exp, log
from chainrule.jit import inlined, inner, kernel, switch
from chainrule.products import VECTOR_BYTES, matrix, multiply, vector
from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS

SOFTMAX = len(ACTIVATIONS)
CROSS_ENTROPY = list(LOSSES).index("cross_entropy")
ADAMW = list(OPTIMISERS).index("adamw")
HYPERPARAMETERS = 4

DONE, STOPPED, DIVERGED = 0, 1, 2


class Plan(NamedTuple):
    """Where everything lies, and which rule each layer uses."""

    sizes: Any  # neurons of each layer, the input first
    activations: Any  # code of each layer after the input
    loss: int
    loss_parameter: float
    parameters: Any  # start of each layer's [W; b] in the flat parameters
    outputs: Any  # start of each layer's A in the workspace, the input first
    slopes: Any  # start of each layer's dA/dZ
    deltas: Any  # two places for dL/dZ, used in turn
    turned: int  # delta with samples as rows
    targets: int
    shares: int  # each sample's share in the mean


class Data(NamedTuple):
    """Samples as rows, as the user has them, and the order in which they are taken."""

    X: Any
    Y: Any
    weight: Any  # of each sample; of size 0 where all count alike
    order: Any


class Settings(NamedTuple):
    """What stays the same during a training."""

    batch_size: int
    shuffle: bool
    optimiser: int
    hyperparameters: Any
    l1: float
    l2: float
    clip_norm: float  # inf: no clipping
    patience: int  # epochs without improvement before the stop; -1: never
    tolerance: float


class State(NamedTuple):
    """What training changes: parameters, memories, and the place in the run."""

    theta: Any
    gradient: Any
    m: Any
    v: Any
    best: Any  # parameters with the least loss, on the validation data if there are any
    finite: Any  # parameters after the last epoch without overflow
    place: Any  # see the indices below
    random: Any  # state of the shuffling
    work: Any


STEP, BEST_LOSS, WAITED, BEST_EPOCH = range(4)


class Chunk(NamedTuple):
    """A few epochs, run in one call."""

    first: int
    rates: Any  # learning rate of each step; of size 1 where it is constant
    losses: Any
    validation_losses: Any


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
    part_ = shares_[0] * 0
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
        total = z[0, b] * 0
        for o in range(outputs):
            z[o, b] = exp(z[o, b] - top)
            total += z[o, b]
        for o in range(outputs):
            z[o, b] /= total


@inner
def softmax_slope(a: Any, delta: Any, samples: int) -> None:
    """Carry dL/da through a softmax: dL/dz_k = a_k (dL/da_k - sum of dL/da a). In place."""
    for b in range(samples):
        mean = a[0, b] * 0
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
        spread = z[0, b] * 0
        mass = z[0, b] * 0
        score = z[0, b] * 0
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


def padded(columns: int, itemsize: int) -> int:
    """Round a number of columns up to whole vectors."""
    lanes = VECTOR_BYTES // itemsize
    return (columns + lanes - 1) // lanes * lanes


_padded = inlined(padded)


@inlined
def load(plan: Any, data: Any, begin: int, count: int, work: Any) -> int:
    """Copy samples into the columns of the workspace; return the padded width."""
    width = _padded(count, work.itemsize)
    features = plan.sizes[0]
    inputs = matrix(work, plan.outputs[0], features + 1, width)
    for start in range(0, features, 64):  # few rows at a time, to stay in the nearest cache
        stop = min(features, start + 64)
        for b in range(count):
            row = data.order[begin + b]
            for i in range(start, stop):
                inputs[i, b] = data.X[row, i]
    for i in range(features):
        for b in range(count, width):
            inputs[i, b] = 0
    for b in range(width):
        inputs[features, b] = 1
    return width


@inlined
def load_targets(plan: Any, data: Any, begin: int, count: int, work: Any, total: Any) -> None:
    """Copy targets, and each sample's share of a mean over the weight ``total``."""
    outputs = plan.sizes[-1]
    targets = matrix(work, plan.targets, outputs, _padded(count, work.itemsize))
    shares = vector(work, plan.shares, count)
    for b in range(count):
        row = data.order[begin + b]
        for o in range(outputs):
            targets[o, b] = data.Y[row, o]
        shares[b] = (data.weight[row] if data.weight.size else 1) / total


@inlined
def weight_of(data: Any, begin: int, end: int) -> float:
    """Return the weight of a run of samples: their number where all count alike."""
    if data.weight.size == 0:
        return float(end - begin)
    total = 0.0
    for b in range(begin, end):
        total += data.weight[data.order[b]]
    return total


@inlined
def forward(plan: Any, parameters: Any, work: Any, width: int) -> None:
    """Fill the outputs and slopes of every layer: Z = V^T A, equation (2); A = f(Z), (3)."""
    last = plan.activations.size - 1
    for l in range(last + 1):
        n_in, n_out = plan.sizes[l], plan.sizes[l + 1]
        V = matrix(parameters, plan.parameters[l], n_in + 1, n_out)
        A = matrix(work, plan.outputs[l], n_in + 1, width)
        Z = matrix(work, plan.outputs[l + 1], n_out, width)
        multiply(V.T, A, Z, False)
        if plan.activations[l] == SOFTMAX:
            softmax(Z)
        else:
            flat = vector(work, plan.outputs[l + 1], n_out * width)
            slope = vector(work, plan.slopes[l + 1], n_out * width)
            activate(plan.activations[l], flat, slope)
        ones = vector(work, plan.outputs[l + 1] + n_out * width, width)
        for b in range(width):
            ones[b] = 1


@inlined
def loss_and_delta(plan: Any, work: Any, count: int, width: int) -> float:
    """Return the loss of the samples' shares, and leave dL/dZ of the last layer."""
    last = plan.activations.size
    n_out = plan.sizes[last]
    A = matrix(work, plan.outputs[last], n_out, width)
    Y = matrix(work, plan.targets, n_out, width)
    delta = matrix(work, plan.deltas[last % 2], n_out, width)
    share = vector(work, plan.shares, count)
    parameter = work.dtype.type(plan.loss_parameter)
    loss = float(lose(plan.loss, A, Y, share, parameter, delta))
    for o in range(n_out):
        for b in range(count, width):
            delta[o, b] = 0
    if plan.activations[last - 1] == SOFTMAX:
        softmax_slope(A, delta, count)
    elif plan.activations[last - 1] != 0:  # the identity, code 0, has the slope 1
        times_slope(plan, work, last, width)
    return loss


@inlined
def times_slope(plan: Any, work: Any, layer: int, width: int) -> None:
    """Multiply: dL/dZ = dL/dA dA/dZ, the first two factors of equation (24)."""
    size = plan.sizes[layer] * width
    delta = vector(work, plan.deltas[layer % 2], size)
    slope = vector(work, plan.slopes[layer], size)
    for i in range(size):
        delta[i] *= slope[i]


@inlined
def backward(plan: Any, parameters: Any, work: Any, count: int, gradient: Any, add: bool) -> None:
    """Carry dL/dZ from the last layer to the first, leaving every dL/dV = A delta^T."""
    width = _padded(count, work.itemsize)
    for l in range(plan.activations.size - 1, -1, -1):
        n_in, n_out = plan.sizes[l], plan.sizes[l + 1]
        A = matrix(work, plan.outputs[l], n_in + 1, width)
        delta = matrix(work, plan.deltas[(l + 1) % 2], n_out, width)
        G = matrix(gradient, plan.parameters[l], n_in + 1, n_out)
        if n_out < 4:
            narrow_outer(A, delta, G, add)
        else:
            turned = matrix(work, plan.turned, count, _padded(n_out, work.itemsize))
            for b in range(count):
                for o in range(n_out):
                    turned[b, o] = delta[o, b]
            multiply(A, turned, G, add)
        if l > 0:
            V = matrix(parameters, plan.parameters[l], n_in + 1, n_out)
            multiply(V, delta, matrix(work, plan.deltas[l % 2], n_in, width), False)
            times_slope(plan, work, l, width)


@inlined
def narrow_outer(A: Any, delta: Any, G: Any, add: bool) -> None:
    """Set G = A delta^T for few outputs, by sums over the samples."""
    for i in range(G.shape[0]):
        for o in range(G.shape[1]):
            total = G[i, o] if add else G[i, o] * 0
            for b in range(delta.shape[1]):
                total += A[i, b] * delta[o, b]
            G[i, o] = total


@inlined
def batch_gradient(
    plan: Any, theta: Any, gradient: Any, work: Any, data: Any, begin: int, end: int
) -> float:
    """Return the mean loss of a batch and fill its gradient."""
    chunk = samples_at_once(plan, work)
    total = weight_of(data, begin, end)
    share = work.dtype.type(total if total > 0 else 1.0)
    loss = 0.0
    for start in range(begin, end, chunk):
        count = min(chunk, end - start)
        width = load(plan, data, start, count, work)
        load_targets(plan, data, start, count, work, share)
        forward(plan, theta, work, width)
        loss += loss_and_delta(plan, work, count, width)
        backward(plan, theta, work, count, gradient, start > begin)
    return loss


@inlined
def samples_at_once(plan: Any, work: Any) -> int:
    """Return how many samples the workspace holds: the shares lie at its end."""
    return work.size - plan.shares


@kernel
def mean_loss(plan: Any, theta: Any, data: Any, work: Any) -> float:
    """Return the mean loss over all samples, without penalty."""
    n = data.X.shape[0]
    chunk = samples_at_once(plan, work)
    total = work.dtype.type(weight_of(data, 0, n))
    loss = 0.0
    for start in range(0, n, chunk):
        count = min(chunk, n - start)
        width = load(plan, data, start, count, work)
        load_targets(plan, data, start, count, work, total)
        forward(plan, theta, work, width)
        loss += loss_and_delta(plan, work, count, width)
    return loss


@kernel
def outputs(plan: Any, theta: Any, data: Any, work: Any, first: int, result: Any) -> None:
    """Fill result (samples, neurons) with the outputs of layers first, first + 1, ..."""
    n = data.X.shape[0]
    chunk = samples_at_once(plan, work)
    for start in range(0, n, chunk):
        count = min(chunk, n - start)
        width = load(plan, data, start, count, work)
        forward(plan, theta, work, width)
        column = 0
        for l in range(first, plan.sizes.size):
            A = matrix(work, plan.outputs[l], plan.sizes[l], width)
            for b in range(count):
                for o in range(plan.sizes[l]):
                    result[start + b, column + o] = A[o, b]
            column += plan.sizes[l]


@inlined
def penalise(plan: Any, theta: Any, gradient: Any, l1: float, l2: float) -> float:
    """Return l1 |w| + l2 w^2 / 2 summed over the weights, and add its slope. Biases are free."""
    one, two = theta.dtype.type(l1), theta.dtype.type(l2)
    total = 0.0
    for l in range(plan.activations.size):
        size = plan.sizes[l] * plan.sizes[l + 1]
        w = vector(theta, plan.parameters[l], size)
        g = vector(gradient, plan.parameters[l], size)
        part = two * 0
        for i in range(size):
            part += one * abs(w[i]) + two * w[i] * w[i] / 2
            g[i] += one * np.sign(w[i]) + two * w[i]
        total += part
    return total


@inlined
def clip(gradient: Any, norm: float) -> None:
    """Shorten the gradient to a norm, where it is longer."""
    total = 0.0
    for i in range(gradient.size):
        total += gradient[i] * gradient[i]
    length = np.sqrt(total)
    if length > norm:
        factor = gradient.dtype.type(norm / length)
        for i in range(gradient.size):
            gradient[i] *= factor


@inlined
def take_step(plan: Any, settings: Any, state: Any, rate: float) -> None:
    """Apply the optimiser to every parameter."""
    state.place[STEP] += 1
    number = state.theta.dtype.type
    eta, t = number(rate), number(state.place[STEP])
    h = settings.hyperparameters
    h0, h1, h2, h3 = number(h[0]), number(h[1]), number(h[2]), number(h[3])
    if settings.optimiser != ADAMW:
        update(
            settings.optimiser, state.theta, state.gradient, state.m, state.v, eta, t,
            (h0, h1, h2, h3),
        )  # fmt: skip
        return
    for l in range(plan.activations.size):  # weight decay, the fourth, leaves biases alone
        weights = plan.sizes[l] * plan.sizes[l + 1]
        for start, size, decay in (
            (plan.parameters[l], weights, h3),
            (plan.parameters[l] + weights, plan.sizes[l + 1], number(0)),
        ):
            update(
                settings.optimiser,
                vector(state.theta, start, size), vector(state.gradient, start, size),
                vector(state.m, start, size), vector(state.v, start, size),
                eta, t, (h0, h1, h2, decay),
            )  # fmt: skip


@inlined
def shuffle(order: Any, random: Any) -> None:
    """Put 0 .. n-1 in random order (Fisher and Yates), with Marsaglia's xorshift64."""
    for i in range(order.size):
        order[i] = i
    x = random[0]
    for i in range(order.size - 1, 0, -1):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        j = np.int64(((x >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]
    random[0] = x


@inlined
def all_finite(values: Any) -> bool:
    """Say whether no value is NaN or infinite: the sum of v - v is then 0."""
    total = values[0] * 0
    for i in range(values.size):
        total += values[i] - values[i]
    return total == 0


@inlined
def epoch(plan: Any, settings: Any, state: Any, data: Any, chunk: Any, number: int) -> float:
    """Train once through the data; return the mean of the batches' losses, or NaN."""
    if settings.shuffle:
        shuffle(data.order, state.random)
    n = data.X.shape[0]
    steps = (n + settings.batch_size - 1) // settings.batch_size
    loss, weight = 0.0, 0.0
    for s in range(steps):
        begin = s * settings.batch_size
        end = min(n, begin + settings.batch_size)
        batch_loss = batch_gradient(plan, state.theta, state.gradient, state.work, data, begin, end)
        if settings.l1 != 0 or settings.l2 != 0:
            batch_loss += penalise(plan, state.theta, state.gradient, settings.l1, settings.l2)
        if not np.isfinite(batch_loss):
            return np.nan
        if settings.clip_norm < np.inf:
            clip(state.gradient, settings.clip_norm)
        rate = chunk.rates[min(number * steps + s, chunk.rates.size - 1)]
        take_step(plan, settings, state, rate)
        part = weight_of(data, begin, end)
        loss += batch_loss * part
        weight += part
    return loss / weight


@kernel
def run(
    plan: Any, settings: Any, state: Any, data: Any, validation: Any, chunk: Any
) -> tuple[int, int]:
    """Train for some epochs; return how many were run and how it ended."""
    for number in range(chunk.losses.size):
        loss = epoch(plan, settings, state, data, chunk, number)
        if not (np.isfinite(loss) and all_finite(state.theta)):
            return number, DIVERGED
        state.finite[:] = state.theta
        chunk.losses[number] = loss
        judged = loss
        if validation.X.shape[0] > 0:
            judged = mean_loss(plan, state.theta, validation, state.work)
            chunk.validation_losses[number] = judged
        if judged < state.place[BEST_LOSS] - settings.tolerance:
            state.place[BEST_LOSS] = judged
            state.place[BEST_EPOCH] = chunk.first + number
            state.place[WAITED] = 0
            state.best[:] = state.theta
        else:
            state.place[WAITED] += 1
            if 0 <= settings.patience < state.place[WAITED]:
                return number + 1, STOPPED
    return chunk.losses.size, DONE


@kernel
def loss_and_gradient(plan: Any, theta: Any, data: Any, work: Any, result: Any) -> float:
    """Return the mean loss over all samples, and fill its gradient."""
    return batch_gradient(plan, theta, result, work, data, 0, data.X.shape[0])
