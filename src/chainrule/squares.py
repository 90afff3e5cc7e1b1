"""The normal equations of half the squared error: H = J^T S J and g = J^T S r.

Letters of shapes: n samples, O outputs, P parameters, B samples of a block, I inputs
of a layer. For each sample and output, r = a - y is the residual, a row of J holds
the slopes da/dtheta, and S the sample's share s in the mean, so that

    loss = sum of s r^2 / 2,    g = dloss/dtheta = J^T S r,    H = J^T S J.

H is the loss's second derivative without the part that r multiplies (Gauss and
Newton). A row of J is what back-propagation gives for one sample whose dL/da is 1
at one output and 0 at the others: delta = da/dZ goes back through the layers as
in equation (24), and dL/dV = A delta^T, equation (25), is written down for each
sample where training takes the sum.

J is never held as a whole. A block of it, of B samples and one output, has rows
sqrt(s) [da/dtheta, r], and its product with itself is added to N = [H g; g^T 2 loss].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.jit import inlined, kernel
from chainrule.lifted import SOFTMAX, softmax_slope
from chainrule.passes import forward, load, load_targets, times_slope
from chainrule.products import matrix, multiply, vector

ROWS_AT_ONCE = 8  # of N: one tile of the product, which stays in the nearest cache


@kernel
def add_normal_equations(
    plan: Any, theta: Any, data: Any, span: Any, total: float, work: Any, block: Any, N: Any
) -> None:
    """Add some samples to N = [H g; g^T 2 loss].

    Parameters
    ----------
    plan : Plan
        Laid out for training, for blocks of B samples.
    theta : float64 array of shape (P,)
    data : Data
    span : (begin, end)
        The samples to take.
    total : float
        The weight of all samples: the mean is taken over it.
    work : array
        The workspace of the plan.
    block : array of shape (B, at least P + 1)
        Room for the rows of J and r.
    N : array of shape (P + 1, P + 1)
        Only its upper triangle counts; what is below is left half done.
    """
    begin, end = span
    while begin < end:
        count = min(block.shape[0], end - begin)
        load(plan, data, begin, count, work)
        load_targets(plan, data, begin, count, work, total)
        forward(plan, theta, work, count)
        for o in range(plan.sizes[-1]):
            residuals(plan, work, count, o, block, theta.size)
            slope_of_output(plan, work, count, o)
            rows_of_jacobian(plan, theta, work, count, block)
            add_square(block[:count], N)
        begin += count


@inlined
def residuals(plan: Any, work: Any, count: int, o: int, block: Any, column: int) -> None:
    """Leave sqrt(s) r of one output in a column."""
    a = vector(work, plan.outputs[-1] + o * count, count)
    y = vector(work, plan.targets + o * count, count)
    share = vector(work, plan.shares, count)
    for b in range(count):
        block[b, column] = np.sqrt(share[b]) * (a[b] - y[b])


@inlined
def slope_of_output(plan: Any, work: Any, count: int, o: int) -> None:
    """Leave the last layer's delta = sqrt(s) da_o/dZ: the slope of one output alone."""
    last = plan.activations.size
    delta = matrix(work, plan.deltas[last % 2], plan.sizes[last], count)
    share = vector(work, plan.shares, count)
    for k in range(plan.sizes[last]):
        for b in range(count):
            delta[k, b] = np.sqrt(share[b]) if k == o else 0.0
    if plan.activations[last - 1] == SOFTMAX:
        softmax_slope(matrix(work, plan.outputs[last], plan.sizes[last], count), delta, count)
    else:
        times_slope(plan, work, last, count)


@inlined
def rows_of_jacobian(plan: Any, parameters: Any, work: Any, count: int, block: Any) -> None:
    """Carry delta from the last layer to the first, leaving each sample's own A delta^T."""
    for l in range(plan.activations.size - 1, -1, -1):
        n_in, n_out = plan.sizes[l], plan.sizes[l + 1]
        A = matrix(work, plan.outputs[l], n_in + 1, count)
        delta = matrix(work, plan.deltas[(l + 1) % 2], n_out, count)
        for i in range(n_in + 1):
            for o in range(n_out):
                column = plan.parameters[l] + i * n_out + o
                for b in range(count):
                    block[b, column] = A[i, b] * delta[o, b]
        if l > 0:
            V = matrix(parameters, plan.parameters[l], n_in + 1, n_out)
            multiply(V, delta, matrix(work, plan.deltas[l % 2], n_in, count), count < 0)
            times_slope(plan, work, l, count)


@inlined
def add_square(block: Any, N: Any) -> None:
    """Add block^T block to the upper triangle of N, a strip of rows at a time."""
    size = N.shape[0]
    start = 0
    while start < size:
        end = min(size, start + ROWS_AT_ONCE)
        multiply(block[:, start:end].T, block[:, start:size], N[start:end, start:], size > 0)
        start = end
