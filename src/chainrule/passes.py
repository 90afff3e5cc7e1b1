"""One batch: samples in, forward, loss, backward.

Letters of shapes: B samples, I inputs and O outputs of a layer. Samples are
columns, as in the source document, so that every inner loop runs over the batch
and even a layer of one neuron vectorises.

A layer's parameters lie as one matrix V = [W; b] of shape (I + 1, O), and its
input has a last row of ones, A = [X; 1]. So Z = V^T A is W^T X + b, equation (2),
and dL/dV = A delta^T holds dL/dW and dL/db together, equations (24) and (25).

Rows follow one another without gaps, so that a whole layer is also one vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.jit import inlined
from chainrule.lifted import SOFTMAX, activate, lose, softmax, softmax_slope
from chainrule.products import matrix, multiply, rows_to_columns, vector


@inlined
def load(plan: Any, data: Any, begin: int, count: int, work: Any) -> None:
    """Copy samples into the columns of the workspace, over a row of ones."""
    features = plan.sizes[0]
    inputs = matrix(work, plan.outputs[0], features, count)
    rows_to_columns(data.X, data.order, begin, inputs)
    ones = vector(work, plan.outputs[0] + features * count, count)
    for b in range(count):
        ones[b] = 1


@inlined
def load_targets(plan: Any, data: Any, begin: int, count: int, work: Any, total: Any) -> None:
    """Copy targets, and each sample's share of a mean over the weight ``total``."""
    targets = matrix(work, plan.targets, plan.sizes[-1], count)
    rows_to_columns(data.Y, data.order, begin, targets)
    shares = vector(work, plan.shares, count)
    share = 1.0 / total if total > 0 else 0.0
    for b in range(count):
        shares[b] = share
    if data.weight.size:
        for b in range(count):
            shares[b] *= data.weight[data.order[begin + b]]


@inlined
def weight_of(data: Any, begin: int, end: int) -> float:
    """Return the weight of a run of samples: their number where all count alike."""
    total = float(end - begin)
    if data.weight.size == 0:
        return total
    total = 0.0
    for b in range(begin, end):
        total += data.weight[data.order[b]]
    return total


@inlined
def forward(plan: Any, parameters: Any, work: Any, count: int) -> None:
    """Fill the outputs and slopes of every layer."""
    for l in range(plan.activations.size):
        forward_layer(plan, parameters, work, count, l)


@inlined
def forward_with_dropout(
    plan: Any, parameters: Any, work: Any, count: int, dropout: float, random: Any
) -> None:
    """Fill the outputs and slopes of every layer, leaving some outputs of hidden layers out."""
    for l in range(plan.activations.size):
        forward_layer(plan, parameters, work, count, l)
        if dropout > 0 and l + 1 < plan.activations.size:
            drop_out(plan, work, l + 1, count, dropout, random)


@inlined
def drop_out(plan: Any, work: Any, layer: int, count: int, dropout: float, random: Any) -> None:
    """Leave each output out with a probability p: A <- A k / (1 - p), k = 0 or 1.

    Division by 1 - p keeps the mean, so that predictions need no dropout (Srivastava et
    al., 2014). The slope dA/dZ has the same factor, and back-propagation needs no other
    line. Draw number i is a hash of i (SplitMix64: Steele, Lea & Flood, 2014).
    """
    size = plan.sizes[layer] * count
    A = vector(work, plan.outputs[layer], size)
    slope = vector(work, plan.slopes[layer], size)
    kept = work.dtype.type(1.0 / (1.0 - dropout))
    for i in range(size):
        x = (random[1] + np.uint64(i)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        uniform = np.float64(x >> np.uint64(11)) / 9007199254740992.0  # 2^53
        factor = kept if uniform >= dropout else work.dtype.type(0)
        A[i] *= factor
        slope[i] *= factor
    random[1] += np.uint64(size)


@inlined
def forward_layer(plan: Any, parameters: Any, work: Any, count: int, l: int) -> None:
    """Fill the outputs and slopes of a layer: Z = V^T A, equation (2); A = f(Z), (3)."""
    add = count < 0  # False, but not a constant, for which multiply would be compiled again
    n_in, n_out = plan.sizes[l], plan.sizes[l + 1]
    V = matrix(parameters, plan.parameters[l], n_in + 1, n_out)
    A = matrix(work, plan.outputs[l], n_in + 1, count)
    Z = matrix(work, plan.outputs[l + 1], n_out, count)
    if count == 1:
        one_sample(V, A, Z)
    else:
        multiply(V.T, A, Z, add)
    if plan.activations[l] == SOFTMAX:
        softmax(Z)
    else:
        flat = vector(work, plan.outputs[l + 1], n_out * count)
        slope = vector(work, plan.slopes[l + 1], n_out * count)
        activate(plan.activations[l], flat, slope)
    ones = vector(work, plan.outputs[l + 1] + n_out * count, count)
    for b in range(count):
        ones[b] = 1


@inlined
def one_sample(V: Any, A: Any, Z: Any) -> None:
    """Set Z = V^T A for a single column, where there is no batch to vectorise over."""
    last = V.shape[0] - 1
    for o in range(Z.shape[0]):
        Z[o, 0] = V[last, o]
    for i in range(last):
        x = A[i, 0]
        for o in range(Z.shape[0]):
            Z[o, 0] += V[i, o] * x


@inlined
def loss_and_delta(plan: Any, work: Any, count: int) -> float:
    """Return the loss of the samples' shares, and leave dL/dZ of the last layer."""
    last = plan.activations.size
    n_out = plan.sizes[last]
    A = matrix(work, plan.outputs[last], n_out, count)
    Y = matrix(work, plan.targets, n_out, count)
    delta = matrix(work, plan.deltas[last % 2], n_out, count)
    share = vector(work, plan.shares, count)
    parameter = work.dtype.type(plan.loss_parameter)
    loss = float(lose(plan.loss, A, Y, share, parameter, delta))
    if plan.activations[last - 1] == SOFTMAX:
        softmax_slope(A, delta, count)
    elif plan.activations[last - 1] != 0:  # the identity, code 0, has the slope 1
        times_slope(plan, work, last, count)
    return loss


@inlined
def times_slope(plan: Any, work: Any, layer: int, count: int) -> None:
    """Multiply: dL/dZ = dL/dA dA/dZ, the first two factors of equation (24)."""
    size = plan.sizes[layer] * count
    delta = vector(work, plan.deltas[layer % 2], size)
    slope = vector(work, plan.slopes[layer], size)
    for i in range(size):
        delta[i] *= slope[i]


@inlined
def backward(plan: Any, parameters: Any, work: Any, count: int, gradient: Any, add: bool) -> None:
    """Carry dL/dZ from the last layer to the first, leaving every dL/dV = A delta^T."""
    for l in range(plan.activations.size - 1, -1, -1):
        n_in, n_out = plan.sizes[l], plan.sizes[l + 1]
        A = matrix(work, plan.outputs[l], n_in + 1, count)
        delta = matrix(work, plan.deltas[(l + 1) % 2], n_out, count)
        G = matrix(gradient, plan.parameters[l], n_in + 1, n_out)
        if n_out < 4:
            narrow_outer(A, delta, G, add)
        else:
            turned = matrix(work, plan.turned, count, n_out)
            rows_to_columns(delta, plan.identity, np.int64(0), turned)  # not another constant type
            multiply(A, turned, G, add)
        if l > 0:
            V = matrix(parameters, plan.parameters[l], n_in + 1, n_out)
            multiply(V, delta, matrix(work, plan.deltas[l % 2], n_in, count), count < 0)
            times_slope(plan, work, l, count)


@inlined
def narrow_outer(A: Any, delta: Any, G: Any, add: bool) -> None:
    """Set G = A delta^T for few outputs, by sums over the samples."""
    for i in range(G.shape[0]):
        for o in range(G.shape[1]):
            total = G[i, o] if add else G.dtype.type(0)
            for b in range(delta.shape[1]):
                total += A[i, b] * delta[o, b]
            G[i, o] = total
