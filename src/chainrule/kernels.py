"""The compiled core: whole epochs in one call, and the outputs of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.jit import inlined, kernel
from chainrule.layout import (
    BEST_EPOCH,
    BEST_LOSS,
    EPOCHS,
    FIRST_STEP,
    NO_OPTIMISER,
    STEP,
    WAITED,
    Data,
    Plan,
)
from chainrule.lifted import update
from chainrule.passes import (
    backward,
    forward,
    forward_with_dropout,
    load,
    load_targets,
    loss_and_delta,
    weight_of,
)
from chainrule.products import matrix, vector
from chainrule.rules import OPTIMISERS

ADAMW = list(OPTIMISERS).index("adamw")

DONE, STOPPED, DIVERGED = 0, 1, 2


@kernel
def outputs(places: Any, theta: Any, samples: Any, work: Any, first: int, result: Any) -> None:
    """Fill result (samples, neurons) with the outputs of layers first, first + 1, ...

    ``places`` and ``samples`` are a Plan and Data as plain tuples: to tell the types of
    named ones takes Numba longer than a row.
    """
    plan, data = Plan(*places), Data(*samples)
    n = data.X.shape[0]
    chunk = work.size - plan.shares
    for start in range(0, n, chunk):
        count = min(chunk, n - start)
        load(plan, data, start, count, work)
        forward(plan, theta, work, count)
        column = 0
        for l in range(first, plan.sizes.size):
            A = matrix(work, plan.outputs[l], plan.sizes[l], count)
            for b in range(count):
                for o in range(plan.sizes[l]):
                    result[start + b, column + o] = A[o, b]
            column += plan.sizes[l]


@inlined
def penalise(plan: Any, settings: Any, theta: Any, gradient: Any, weight: float) -> float:
    """Return l1 |w| + l2 w^2 / 2 summed over the weights, and add its slope. Biases are free."""
    share = settings.alpha / weight if weight > 0 else 0.0
    one, two = theta.dtype.type(settings.l1), theta.dtype.type(settings.l2 + share)
    total = 0.0
    layers = plan.activations.size if one != 0 or two != 0 else 0
    for l in range(layers):
        size = plan.sizes[l] * plan.sizes[l + 1]
        w = vector(theta, plan.parameters[l], size)
        g = vector(gradient, plan.parameters[l], size)
        part = theta.dtype.type(0)
        for i in range(size):
            part += one * abs(w[i]) + two * w[i] * w[i] / 2
            g[i] += one * np.sign(w[i]) + two * w[i]
        total += part
    return total


@inlined
def clip(gradient: Any, norm: float) -> None:
    """Shorten the gradient to a norm, where it is longer."""
    total = 0.0
    if norm < np.inf:
        for i in range(gradient.size):
            total += gradient[i] * gradient[i]
    length = np.sqrt(total)
    if length > norm:
        factor = gradient.dtype.type(norm / length)
        for i in range(gradient.size):
            gradient[i] *= factor


@inlined
def take_step(plan: Any, settings: Any, state: Any, rates: Any) -> None:
    """Apply the optimiser to every parameter."""
    if settings.optimiser == NO_OPTIMISER:
        return
    rate = rates[min(int(state.place[STEP] - state.place[FIRST_STEP]), rates.size - 1)]
    state.place[STEP] += 1
    number = state.theta.dtype.type
    eta, t = number(rate), number(state.place[STEP])
    h = settings.hyperparameters
    h0, h1, h2, h3 = number(h[0]), number(h[1]), number(h[2]), number(h[3])
    parts = 2 * plan.activations.size if settings.optimiser == ADAMW else 1
    for part in range(parts):
        start, size, decay = 0, state.theta.size, h3
        if settings.optimiser == ADAMW:  # weight decay, the fourth, leaves biases alone
            l = part // 2
            weights = plan.sizes[l] * plan.sizes[l + 1]
            start, size = plan.parameters[l], weights
            if part % 2 == 1:
                start, size, decay = start + weights, plan.sizes[l + 1], number(0)
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
    total = values.dtype.type(0)
    for i in range(values.size):
        total += values[i] - values[i]
    return bool(total == 0)


@inlined
def copy(source: Any, target: Any) -> None:
    """Copy one vector over another."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def run(plan: Any, settings: Any, state: Any, data: Any, validation: Any, chunk: Any) -> int:
    """Train for some epochs; return how it ended.

    Where ``data`` is empty, nothing is learned: the validation loss is taken, or
    else the loss that ``chunk`` holds, and judged. Where there is no optimiser, the
    last gradient is left in the state.
    """
    held = state.work.size - plan.shares  # samples that the workspace holds
    for number in range(chunk.losses.size):
        if settings.shuffle:
            shuffle(data.order, state.random)
        loss = chunk.losses[number]  # of whoever found the parameters, where there are no data
        for phase in range(2):
            learning = phase == 0
            samples = data if learning else validation
            n = samples.X.shape[0]
            if n == 0:
                continue
            size = settings.batch_size if learning else n
            loss, weight = 0.0, 0.0
            begin = 0
            while begin < n:  # a range with a step costs a division
                end = min(n, begin + size)
                total = weight_of(samples, begin, end)
                mean = 0.0
                start = begin
                while start < end:
                    count = min(held, end - start)
                    load(plan, samples, start, count, state.work)
                    load_targets(plan, samples, start, count, state.work, total)
                    dropout = settings.dropout if learning else 0.0
                    forward_with_dropout(
                        plan, state.theta, state.work, count, dropout, state.random
                    )
                    mean += loss_and_delta(plan, state.work, count)
                    if learning:
                        backward(
                            plan, state.theta, state.work, count, state.gradient, start > begin
                        )
                    start += count
                mean *= settings.share
                if learning:
                    mean += penalise(plan, settings, state.theta, state.gradient, total)
                    if not np.isfinite(mean):
                        chunk.losses[number] = mean
                        return DIVERGED
                    clip(state.gradient, settings.clip_norm)
                    take_step(plan, settings, state, chunk.rates)
                part = float(end - begin) if settings.by_rows else float(total)
                loss += mean * part
                weight += part
                begin = end
            loss /= weight
            if not learning:
                chunk.validation_losses[number] = loss
            elif all_finite(state.theta):
                chunk.losses[number] = loss
                copy(state.theta, state.finite)
            else:
                return DIVERGED
        state.place[EPOCHS] += 1
        if judge(state, loss, settings.tolerance, chunk.first + number, settings.patience):
            return STOPPED
    return DONE


@inlined
def judge(state: Any, loss: float, tolerance: float, epoch: int, patience: int) -> bool:
    """Keep the parameters with the least loss; say whether patience is at its end."""
    if loss < state.place[BEST_LOSS] - tolerance:
        state.place[BEST_LOSS] = loss
        state.place[BEST_EPOCH] = epoch
        state.place[WAITED] = 0
        copy(state.theta, state.best)
    else:
        state.place[WAITED] += 1
    return bool(0 <= patience < state.place[WAITED])
