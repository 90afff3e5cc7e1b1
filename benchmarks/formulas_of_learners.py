"""Formulas as learners write them: activations, slopes and losses, on arrays and on numbers.

Nothing of the package is used here: the programs that the checker is measured on must not
share a line with it.
"""

SELU = "1.0507009873554805", "1.6732632423543772"
FUNCTIONS = {
    "identity": "z",
    "sigmoid": "1 / (1 + np.exp(-z))",
    "tanh": "np.tanh(z)",
    "relu": "np.maximum(0, z)",
    "leaky_relu": "np.where(z > 0, z, 0.01 * z)",
    "elu": "np.where(z > 0, z, np.exp(z) - 1)",
    "selu": f"{SELU[0]} * np.where(z > 0, z, {SELU[1]} * (np.exp(z) - 1))",
    "softplus": "np.log(1 + np.exp(z))",
    "silu": "z / (1 + np.exp(-z))",
    "gelu": "z * 0.5 * (1 + np.vectorize(math.erf)(z / np.sqrt(2)))",
    "softsign": "z / (1 + np.abs(z))",
    "exp": "np.exp(z)",
}
SLOPES = {
    "identity": "1.0",
    "sigmoid": "{a} * (1 - {a})",
    "tanh": "(1 - {a} ** 2)",
    "relu": "({z} > 0)",
    "leaky_relu": "np.where({z} > 0, 1.0, 0.01)",
    "elu": "np.where({z} > 0, 1.0, np.exp({z}))",
    "selu": f"{SELU[0]} * np.where({{z}} > 0, 1.0, {SELU[1]} * np.exp({{z}}))",
    "softplus": "sigmoid({z})",
    "silu": "(sigmoid({z}) + {z} * sigmoid({z}) * (1 - sigmoid({z})))",
    "gelu": "(0.5 * (1 + np.vectorize(math.erf)({z} / np.sqrt(2))) "
    "+ {z} * np.exp(-{z} ** 2 / 2) / np.sqrt(2 * np.pi))",
    "softsign": "(1 / (1 + np.abs({z})) ** 2)",
    "exp": "np.exp({z})",
}
ERRORS = {
    "half_squared_error": "({a} - {y})",
    "absolute_error": "np.sign({a} - {y})",
    "huber": "np.clip({a} - {y}, -1.0, 1.0)",
    "quantile": "np.where({a} > {y}, 0.5, -0.5)",
    "binary_cross_entropy": "({a} - {y})",
    "poisson": "({a} - {y})",
    "cross_entropy": "({a} - {y})",
}
OF_OUTPUT = {  # dL/dA where the loss is usually taken together with the activation
    "binary_cross_entropy": "({a} - {y}) / ({a} * (1 - {a}))",
    "poisson": "(1 - {y} / {a})",
    "cross_entropy": "(-{y} / {a})",
}
LOSSES = {
    "half_squared_error": "0.5 * np.sum(({a} - {y}) ** 2)",
    "binary_cross_entropy": "-np.sum({y} * np.log({a}) + (1 - {y}) * np.log(1 - {a}))",
    "cross_entropy": "-np.sum({y} * np.log({a}))",
}


def helpers(names, axis):
    """Return the lines of a learner's helper functions."""
    names = [*dict.fromkeys([*names, "sigmoid"])]
    lines = ["import math", "import numpy as np", ""]
    for name in names:
        if name == "softmax":
            lines += [
                f"def softmax(z, axis={axis}):",
                "    e = np.exp(z - np.max(z, axis=axis, keepdims=True))",
                "    return e / np.sum(e, axis=axis, keepdims=True)", "",
            ]  # fmt: skip
        else:
            lines += [f"def {name}(z):", f"    return {FUNCTIONS[name]}", ""]
    return lines
