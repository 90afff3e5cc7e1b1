"""A naive reference of everything, in NumPy: samples as rows, loops where they are clear.

It shares no line with the package but the names and the layout of the flat
parameters, [W (n_in, n_out), b (n_out,)] for each layer in turn.
"""

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _normal_cdf(z):
    return (1 + _erf(z / math.sqrt(2))) / 2


def _normal_pdf(z):
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

# name: (function, derivative)
ACTIVATIONS = {
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, 0.01 * z),
        lambda z: np.where(z > 0, 1.0, 0.01),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
        lambda z: np.where(z > 0, 1.0, np.exp(np.minimum(z, 0))),
    ),
    "selu": (
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * (np.exp(np.minimum(z, 0)) - 1)),
        lambda z: SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0))),
    ),
    "softplus": (lambda z: np.logaddexp(0, z), _sigmoid),
    "silu": (
        lambda z: z * _sigmoid(z),
        lambda z: _sigmoid(z) * (1 + z * (1 - _sigmoid(z))),
    ),
    "gelu": (lambda z: z * _normal_cdf(z), lambda z: _normal_cdf(z) + z * _normal_pdf(z)),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "exp": (np.exp, np.exp),
}


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# name: (loss of each output, slope with respect to the output), of outputs A and targets Y
LOSSES = {
    "half_squared_error": (lambda a, y, p: (a - y) ** 2 / 2, lambda a, y, p: a - y),
    "absolute_error": (lambda a, y, p: np.abs(a - y), lambda a, y, p: np.sign(a - y)),
    "huber": (
        lambda a, y, p: np.where(
            np.abs(a - y) <= p, (a - y) ** 2 / 2, p * np.abs(a - y) - p**2 / 2
        ),
        lambda a, y, p: np.clip(a - y, -p, p),
    ),
    "quantile": (
        lambda a, y, p: np.maximum(p * (y - a), (p - 1) * (y - a)),
        lambda a, y, p: np.where(a > y, 1 - p, np.where(a < y, -p, 0.0)),
    ),
}

# name: (loss of each output, its slope), of scores Z and targets Y
SCORE_LOSSES = {
    "binary_cross_entropy": (
        lambda z, y: -y * np.log(_sigmoid(z)) - (1 - y) * np.log(1 - _sigmoid(z)),
        lambda z, y: _sigmoid(z) - y,
    ),
    "poisson": (lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y),
    "cross_entropy": (
        lambda z, y: -y * np.log(softmax(z)),
        lambda z, y: softmax(z) * y.sum(axis=1, keepdims=True) - y,
    ),
}


def layers(network, parameters):
    place, result = 0, []
    for n_in, n_out in zip(network.sizes[:-1], network.sizes[1:], strict=True):
        W = parameters[place : place + n_in * n_out].reshape(n_in, n_out)
        place += n_in * n_out
        result.append((W, parameters[place : place + n_out]))
        place += n_out
    return result


class Dropout:
    """Which outputs are left out: a hash (SplitMix64) of the number of the draw."""

    def __init__(self, seed, share):
        self.i = int(np.random.SeedSequence(seed).generate_state(2, np.uint64)[1])
        self.share, self.factors = share, []

    def draw(self):
        x = self.i * 0x9E3779B97F4A7C15 % 2**64
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        self.i = (self.i + 1) % 2**64
        return ((x ^ (x >> 31)) >> 11) / 2**53

    def leave_out(self, A):
        kept = [[self.draw() >= self.share for _ in A] for _ in A.T]  # a neuron after another
        self.factors.append(np.array(kept).T / (1 - self.share))
        return A * self.factors[-1]


def forward(network, parameters, X, dropout=None):
    """Return the scores Z and the outputs A of every layer, the input among the outputs."""
    scores, outputs = [], [np.asarray(X, dtype=float)]
    names = network.activations
    for (W, b), name in zip(layers(network, parameters), names, strict=True):
        scores.append(outputs[-1] @ W + b)
        function = softmax if name == "softmax" else ACTIVATIONS[name][0]
        outputs.append(function(scores[-1]))
        if dropout and len(scores) < len(names):
            outputs[-1] = dropout.leave_out(outputs[-1])
    return scores, outputs


def gradient(network, parameters, X, Y, sample_weight=None, dropout=None):
    """Return the mean loss and its flat gradient, by equations (24) and (25) in matrix form."""
    scores, outputs = forward(network, parameters, X, dropout)
    Z, A = scores[-1], outputs[-1]
    Y = np.asarray(Y, dtype=float).reshape(len(A), -1)
    weight = np.ones(len(A)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    share = (weight / weight.sum()).reshape(-1, 1)
    if network.loss in SCORE_LOSSES:
        loss, slope = SCORE_LOSSES[network.loss]
        total, delta = (share * loss(Z, Y)).sum(), share * slope(Z, Y)
    else:
        loss, slope = LOSSES[network.loss]
        total = (share * loss(A, Y, network.loss_parameter)).sum()
        delta = share * slope(A, Y, network.loss_parameter)
        if network.output == "softmax":
            delta = A * (delta - (delta * A).sum(axis=1, keepdims=True))
        else:
            delta = delta * ACTIVATIONS[network.output][1](Z)
    parts = []
    weights = layers(network, parameters)
    for l in range(len(weights) - 1, -1, -1):
        parts = [(outputs[l].T @ delta).ravel(), delta.sum(axis=0), *parts]
        if l > 0:
            derivative = ACTIVATIONS[network.activations[l - 1]][1]
            delta = (delta @ weights[l][0].T) * derivative(scores[l - 1])
            delta *= dropout.factors.pop() if dropout else 1.0
    return float(total), np.concatenate(parts)


def jacobian(network, parameters, X):
    """Return da/dtheta (n, outputs, parameters): slopes of a loss with one residual of 1."""
    outputs, one = forward(network, parameters, X)[1][-1], np.eye(network.sizes[-1])
    rows = [
        [gradient(network, parameters, x[None], (a - e)[None])[1] for e in one]
        for x, a in zip(X, outputs, strict=True)
    ]
    return np.array(rows)


def normal_equations(network, parameters, X, Y, sample_weight=None):
    """Return the loss, its slope g = J^T S r, and H = J^T S J, of half the squared error."""
    r = forward(network, parameters, X)[1][-1] - Y
    J = jacobian(network, parameters, X)
    share = np.full(len(X), 1 / len(X))
    if sample_weight is not None:
        share = sample_weight / sample_weight.sum()
    g, H = np.einsum("b,bop,bo->p", share, J, r), np.einsum("b,bop,boq->pq", share, J, J)
    return np.einsum("b,bo,bo->", share, r, r) / 2, g, H


# One step each: f(theta, g, memory, rate, t, is_weight, own parameters) -> theta. ``memory`` is a
# dictionary that starts empty.


def _gd(theta, g, memory, rate, t, is_weight):
    return theta - rate * g


def _sgd(theta, g, memory, rate, t, is_weight, momentum=0.9):
    memory["velocity"] = momentum * memory.get("velocity", 0.0) - rate * g
    return theta + memory["velocity"]


def _nesterov(theta, g, memory, rate, t, is_weight, momentum=0.9):
    """Written with the velocity looked ahead: theta is where the gradient is taken."""
    before = memory.get("velocity", np.zeros_like(theta))
    after = momentum * before - rate * g
    memory["velocity"] = after
    return theta - momentum * before + (1 + momentum) * after


def _rmsprop(theta, g, memory, rate, t, is_weight, rho=0.9, epsilon=1e-8):
    memory["square"] = rho * memory.get("square", 0.0) + (1 - rho) * g**2
    return theta - rate * g / (np.sqrt(memory["square"]) + epsilon)


def _adam(theta, g, memory, rate, t, is_weight, beta1=0.9, beta2=0.999, epsilon=1e-8):
    memory["mean"] = beta1 * memory.get("mean", 0.0) + (1 - beta1) * g
    memory["square"] = beta2 * memory.get("square", 0.0) + (1 - beta2) * g**2
    mean = memory["mean"] / (1 - beta1**t)
    square = memory["square"] / (1 - beta2**t)
    return theta - rate * mean / (np.sqrt(square) + epsilon)


def _adam_section2(theta, g, memory, rate, t, is_weight, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The same as Adam with an epsilon that shrinks with the bias of the square."""
    return _adam(
        theta, g, memory, rate, t, is_weight, beta1, beta2, epsilon / np.sqrt(1 - beta2**t)
    )


def _adamw(theta, g, memory, rate, t, is_weight, weight_decay=0.01, **own):
    decayed = theta - rate * weight_decay * np.where(is_weight, theta, 0.0)
    return _adam(decayed, g, memory, rate, t, is_weight, **own)


def _rprop(theta, g, memory, rate, t, is_weight, grow=1.2, shrink=0.5, largest=50.0, smallest=1e-6):
    """One parameter at a time, as in Igel & Hüsken (2000), iRprop-."""
    before = memory.setdefault("gradient", np.zeros_like(theta))
    size = memory.setdefault("size", np.full_like(theta, rate))
    theta = theta.copy()
    for i in range(len(theta)):
        g_i = g[i]
        if before[i] * g_i > 0:
            size[i] = min(size[i] * grow, largest)
        elif before[i] * g_i < 0:
            size[i] = max(size[i] * shrink, smallest)
            g_i = 0.0
        theta[i] -= math.copysign(size[i], g_i) if g_i != 0 else 0.0
        before[i] = g_i
    return theta


OPTIMISERS = {
    "gd": _gd,
    "sgd": _sgd,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
    "rprop": _rprop,
    "adam_section2": _adam_section2,
}


def weights_mask(network):
    """Say of each flat parameter whether it is a weight, and not a bias."""
    parts = []
    for n_in, n_out in zip(network.sizes[:-1], network.sizes[1:], strict=True):
        parts += [np.ones(n_in * n_out, bool), np.zeros(n_out, bool)]
    return np.concatenate(parts)


def penalty(network, theta, l1, l2):
    """Return the penalty on the weights, and its slope."""
    w = np.where(weights_mask(network), theta, 0.0)
    return l1 * np.abs(w).sum() + l2 / 2 * (w**2).sum(), l1 * np.sign(w) + l2 * w


def clipped(g, norm):
    length = np.sqrt((g**2).sum())
    return g * (norm / length) if norm is not None and length > norm else g


# The rate of one step, as a share of the learning rate.


def _one_cycle(step, steps):
    """As PyTorch's OneCycleLR: from 1/25 up, at 30 % the top, down to 1/25/10000, by cosines."""
    top = 0.3 * steps - 1
    if step <= top:
        start, end, way = 1 / 25, 1.0, step / top if top else 0.0
    else:
        start, end, way = 1.0, 1 / 25 / 1e4, (step - top) / (steps - 1 - top)
    return end + (start - end) / 2 * (1 + math.cos(math.pi * way))


SCHEDULES = {
    "constant": lambda step, steps: 1.0,
    "inverse_scaling": lambda step, steps: (step + 1) ** -0.5,
    "cosine": lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2,
    "one_cycle": _one_cycle,
}


def plateau_shares(losses, patience=10, factor=0.5):
    """Return the share of each epoch's rate, as PyTorch's ReduceLROnPlateau with threshold 0."""
    share, best, bad, shares = 1.0, math.inf, 0, []
    for loss in losses:
        shares.append(share)
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            share, bad = share * factor, 0
    return shares


class Shuffler:
    """The order of every epoch: Fisher and Yates's shuffle, with Marsaglia's xorshift64."""

    def __init__(self, seed):
        self.x = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) | 1

    def order(self, n):
        rows = list(range(n))
        for i in range(n - 1, 0, -1):
            self.x ^= (self.x << 13) % 2**64
            self.x ^= self.x >> 7
            self.x ^= (self.x << 17) % 2**64
            j = (self.x >> 32) * (i + 1) >> 32
            rows[i], rows[j] = rows[j], rows[i]
        return rows


def train(
    network, theta, X, Y, *, solver, learning_rate, epochs, batch_size=None, seed=None,
    schedule="constant", sample_weight=None, l1=0.0, l2=0.0, clip_norm=None, rate_share=None,
    dropout=0.0, **own,
):  # fmt: skip
    """Return the parameters and the loss of every epoch. ``seed=None``: rows in order."""
    X, theta = np.asarray(X, dtype=float), np.array(theta, dtype=float)
    Y = np.asarray(Y, dtype=float).reshape(len(X), -1)
    n = len(X)
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    batch_size = batch_size or n
    starts = range(0, n, batch_size)
    shuffler = Shuffler(seed) if seed is not None else None
    dropping = Dropout(seed, dropout) if dropout else None
    memory, losses, t, mask = {}, [], 0, weights_mask(network)
    for epoch in range(epochs):
        order = shuffler.order(n) if shuffler else list(range(n))
        total = 0.0
        for start in starts:
            rows = order[start : start + batch_size]
            loss, g = gradient(network, theta, X[rows], Y[rows], weight[rows], dropping)
            extra, slope = penalty(network, theta, l1, l2)
            total += (loss + extra) * weight[rows].sum()
            if rate_share is not None:
                rate = learning_rate * rate_share[epoch]
            else:
                rate = learning_rate * SCHEDULES[schedule](t, epochs * len(starts))
            t += 1
            theta = OPTIMISERS[solver](
                theta, clipped(g + slope, clip_norm), memory, rate, t, mask, **own
            )
        losses.append(total / weight.sum())
    return theta, losses
