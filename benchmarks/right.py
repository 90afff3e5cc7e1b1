"""Right programs, for false alarms: many networks, styles and conventions.

Besides the styles of ``learners.py``, with mean or sum and with or without the loss:

    layers      lists of weights and biases, loops over the layers, zs and activations kept
    cached      forward(X, parameters) -> output, cache; backward(parameters, cache, X, Y) -> grads
    single      one sample, np.outer
    plain       Python lists and math, no arrays
    network     a class of layers, each with forward and backward
"""

import random

from formulas_of_learners import ERRORS, LOSSES, helpers
from learners import STYLES, Plan, Slip, program, slope

HIDDEN = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "silu", "gelu",
          "softsign", "identity")  # fmt: skip
OUTPUTS = {
    "half_squared_error": ("identity", "sigmoid", "tanh", "relu", "softplus"),
    "binary_cross_entropy": ("sigmoid",),
    "cross_entropy": ("softmax",),
    "huber": ("identity", "tanh"),
    "absolute_error": ("identity", "softplus"),
    "quantile": ("identity",),
    "poisson": ("exp",),
}
MORE_STYLES = ("layers", "cached", "single", "plain", "network")


def right_programs(count, seed):
    """Yield (plan, style, words, source) of right programs."""
    draw = random.Random(seed)
    for number in range(count):
        plan = _plan(draw, number)
        every = (*STYLES, *MORE_STYLES)
        style = every[number % len(every)]
        if style == "plain":
            plan = Plan(plan.name, plan.sizes[-2:-1] + plan.sizes[-1:], ("sigmoid",),
                        "half_squared_error")  # fmt: skip
        if style in MORE_STYLES:
            plan = Plan(plan.name, plan.sizes, plan.activations, plan.loss)
            yield plan, style, "mean", MAKERS[style](plan)
            continue
        summed = draw.random() < 0.4
        loss = plan.loss in LOSSES and style in ("rows", "columns") and draw.random() < 0.5
        slips = _sums(plan) if summed and not (loss and not summed) and not loss else ()
        words = ("sum" if slips else "mean") + (", with its loss" if loss else "")
        yield plan, style, words, program(plan, style, slips, loss=loss and not plan.l2)


def _plan(draw, number):
    loss = draw.choice(list(OUTPUTS))
    depth = draw.randint(1, 4)
    least = 2 if loss == "cross_entropy" else 1
    sizes = (*(draw.randint(2, 5) for _ in range(depth)), draw.randint(least, 3))
    activations = (*(draw.choice(HIDDEN) for _ in range(depth - 1)), draw.choice(OUTPUTS[loss]))
    return Plan(f"right {number}", sizes, activations, loss, l2=draw.random() < 0.25)


def _sums(plan):
    layers = range(1, plan.depth + 1)
    every = tuple(f"{kind}{l}" for l in layers for kind in ("mean", "meanb"))
    return (Slip("sum", tuple(layers), every, ""),)


def _indexed(plan, l, a, z):
    return slope("rows", plan, l, a=a, z=z) if plan.has_slope(l) else "1.0"


def _layers(plan):
    lines = helpers(plan.activations, -1)
    lines += ["def backprop(X, Y, weights, biases):", "    a = X", "    activations, zs = [X], []"]
    names = ", ".join(plan.activations)
    lines += [
        f"    functions = [{names}]",
        "    for W, b, f in zip(weights, biases, functions):",
        "        z = np.dot(a, W) + b", "        zs.append(z)", "        a = f(z)",
        "        activations.append(a)",
        "    nabla_w = [np.zeros(W.shape) for W in weights]",
        "    nabla_b = [np.zeros(b.shape) for b in biases]",
    ]  # fmt: skip
    slopes = [_indexed(plan, l, f"activations[{l}]", f"zs[{l - 1}]")
              for l in range(1, plan.depth + 1)]  # fmt: skip
    error = ERRORS[plan.loss].format(a="activations[-1]", y="Y")
    lines.append(f"    delta = {error} * {slopes[-1]}")
    lines += [
        "    delta = delta / len(X)", "    nabla_w[-1] = np.dot(activations[-2].T, delta)",
        "    nabla_b[-1] = delta.sum(axis=0).reshape(biases[-1].shape)",
    ]  # fmt: skip
    if plan.depth > 1:
        lines.append(f"    slopes = [{', '.join(f'lambda: {s}' for s in slopes)}]")
        lines += [
            "    for l in range(len(weights) - 2, -1, -1):",
            "        delta = np.dot(delta, weights[l + 1].T) * slopes[l]()",
            "        nabla_w[l] = np.dot(activations[l].T, delta)",
            "        nabla_b[l] = delta.sum(axis=0).reshape(biases[l].shape)",
        ]
    lines.append("    return nabla_w, nabla_b")
    return "\n".join(lines) + "\n"


def _cached(plan):
    lines = helpers(plan.activations, 0)
    layers = range(1, plan.depth + 1)
    lines += ["def forward_propagation(X, parameters):", "    A0 = X"]
    for l in layers:
        lines += [f"    W{l} = parameters['W{l}']", f"    b{l} = parameters['b{l}']",
                  f"    Z{l} = np.dot(W{l}, A{l - 1}) + b{l}",
                  f"    A{l} = {plan.activations[l - 1]}(Z{l})"]  # fmt: skip
    kept = ", ".join(f"'Z{l}': Z{l}, 'A{l}': A{l}" for l in layers)
    lines += [f"    cache = {{{kept}}}", f"    return A{plan.depth}, cache", ""]
    lines += ["def backprop(parameters, cache, X, Y):", "    m = X.shape[1]", "    grads = {}"]
    for l in reversed(layers):
        a, z = f"cache['A{l}']", f"cache['Z{l}']"
        factor = slope("rows", plan, l, a=a, z=z) if plan.has_slope(l) else "1.0"
        if l == plan.depth:
            carry = ERRORS[plan.loss].format(a=a, y="Y")
        else:
            carry = f"np.dot(parameters['W{l + 1}'].T, dZ{l + 1})"
        before = f"cache['A{l - 1}']" if l > 1 else "X"
        lines += [
            f"    dZ{l} = {carry} * {factor}",
            f"    grads['dW{l}'] = 1 / m * np.dot(dZ{l}, {before}.T)",
            f"    grads['db{l}'] = 1 / m * np.sum(dZ{l}, axis=1, keepdims=True)",
        ]
    return "\n".join([*lines, "    return grads"]) + "\n"


def _single(plan):
    lines = helpers(plan.activations, -1)
    layers = range(1, plan.depth + 1)
    lines += [f"def backprop(x, y, {', '.join(f'W{l}, b{l}' for l in layers)}):", "    a0 = x"]
    for l in layers:
        lines += [
            f"    z{l} = W{l} @ a{l - 1} + b{l}",
            f"    a{l} = {plan.activations[l - 1]}(z{l})",
        ]
    for l in reversed(layers):
        factor = slope("loops", plan, l) if plan.has_slope(l) else "1.0"
        carry = f"W{l + 1}.T @ d{l + 1}"
        if l == plan.depth:
            carry = ERRORS[plan.loss].format(a=f"a{l}", y="y")
        lines += [f"    d{l} = ({carry}) * {factor}", f"    dW{l} = np.outer(d{l}, a{l - 1})"]
    parts = ", ".join(f"dW{l}, d{l}" for l in layers)
    return "\n".join([*lines, f"    return {parts}"]) + "\n"


def _plain(plan):
    n_in, n_out = plan.sizes
    return f"""import math

def sigmoid(z):
    return 1 / (1 + math.exp(-z))

def backprop(w, b, xs, ys):
    dw = [[0.0] * {n_out} for _ in range({n_in})]
    db = [0.0] * {n_out}
    for x, y in zip(xs, ys):
        for j in range({n_out}):
            z = sum(x[i] * w[i][j] for i in range({n_in})) + b[j]
            a = sigmoid(z)
            d = (a - y[j]) * a * (1 - a)
            for i in range({n_in}):
                dw[i][j] += d * x[i] / len(xs)
            db[j] += d / len(xs)
    return dw, db
"""


def _network(plan):
    lines = helpers(plan.activations, -1)
    lines += [
        "class Layer:",
        "    def __init__(self, n_in, n_out):",
        "        self.W = np.random.randn(n_in, n_out)", "        self.b = np.zeros((1, n_out))",
        "    def forward(self, A):",
        "        self.A = A", "        self.Z = A @ self.W + self.b", "        return self.Z",
        "    def backward(self, dZ):",
        "        m = len(dZ)", "        self.dW = self.A.T @ dZ / m",
        "        self.db = np.sum(dZ, axis=0, keepdims=True) / m",
        "        return dZ @ self.W.T", "",
        "class backprop:",
        "    def __init__(self, sizes):",
        "        self.layers = [Layer(i, o) for i, o in zip(sizes[:-1], sizes[1:])]",
        "    def forward(self, X):", "        A0 = X",
    ]  # fmt: skip
    for l in range(1, plan.depth + 1):
        lines += [f"        Z{l} = self.layers[{l - 1}].forward(A{l - 1})",
                  f"        A{l} = {plan.activations[l - 1]}(Z{l})"]  # fmt: skip
    kept = ", ".join(f"Z{l}, A{l}" for l in range(1, plan.depth + 1))
    lines += [f"        self.kept = {kept}", f"        return A{plan.depth}",
              "    def backward(self, Y):", f"        {kept} = self.kept"]  # fmt: skip
    for l in range(plan.depth, 0, -1):
        factor = slope("rows", plan, l) if plan.has_slope(l) else "1.0"
        carry = ERRORS[plan.loss].format(a=f"A{l}", y="Y") if l == plan.depth else f"dA{l}"
        lines.append(f"        dA{l - 1} = self.layers[{l - 1}].backward({carry} * {factor})")
    return "\n".join(lines) + "\n"


MAKERS = {"layers": _layers, "cached": _cached, "single": _single, "plain": _plain,
          "network": _network}  # fmt: skip
