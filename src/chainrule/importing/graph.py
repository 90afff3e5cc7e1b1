"""The expression of an ONNX file to a chain of layers, from the output inwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isclose, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadInput, BadSource
from chainrule.importing.assembling import Origin, Wanted, assembled
from chainrule.importing.chain import Chain
from chainrule.importing.onnxfile import Node, read_onnx
from chainrule.model import Model

ACTIVATIONS = {
    "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Elu": "elu", "Selu": "selu",
    "Softplus": "softplus", "Softsign": "softsign", "LeakyRelu": "leaky_relu", "Gelu": "gelu",
    "Swish": "silu", "Exp": "exp", "Softmax": "softmax", "LogSoftmax": "softmax",
}  # fmt: skip
SETTINGS: dict[str, dict[str, tuple[Any, ...]]] = {  # those that a rule has, by the operator
    "Elu": {"alpha": (1.0,)},
    "Selu": {"alpha": (1.6732632423543772,), "gamma": (1.0507009873554805,)},
    "LeakyRelu": {"alpha": (0.01,)},
    "Gelu": {"approximate": (b"none",)},
    "Swish": {"alpha": (1.0,)},
    "Softmax": {"axis": (-1, 1)},
    "LogSoftmax": {"axis": (-1, 1)},
    "Flatten": {"axis": (1,)},
    "Gemm": {"transA": (0,)},
    "BatchNormalization": {"training_mode": (0,)},
    "Concat": {"axis": (1, -1)},
    "Cast": {"to": (1, 11)},
}
EPSILON = float(np.float32(1e-5))  # of BatchNormalization, unless it is given
THRESHOLD = 20.0  # from where PyTorch takes the score for its softplus
Step = Callable[[Chain], None]


def from_onnx(path: Path, wanted: Wanted) -> Model:
    """Return the model of an ONNX file."""
    try:
        graph = read_onnx(path)
        steps: list[Step] = []
        node, names = graph.output, None
        while names is None:
            node, step = _peeled(node)
            steps += [step] if step else []
            names = _names(node, len(graph.inputs))
        chain = Chain()
        for step in reversed(steps):
            step(chain)
        if wanted.classes is None and graph.classes and chain.activations:
            wanted = replace(wanted, classes=graph.classes)
        if wanted.inputs is None and names:
            wanted = replace(wanted, inputs=names)
        return assembled(chain, wanted, Origin(f"{graph.producer}, {path.name}", "", {}))
    except BadInput as error:
        raise type(error)(f"{path}: {error}") from None
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise BadSource(f"{path} is damaged ({error})") from None


def _names(node: Node, n: int) -> list[str] | None:
    """Return the names of the columns where the inputs are reached, of one input none."""
    if node.op == "input":
        if n > 1:
            raise BadSource(f"the network takes the input '{node.where}' alone, of {n}")
        return []
    if node.op == "Concat" and all(isinstance(a, Node) for a in node.args):
        _check(node)
        inputs = [_through_casts(arg) for arg in node.args]
        if all(each.op == "input" and each.settings["width"] == 1 for each in inputs):
            return [each.where for each in inputs]
    return None


def _through_casts(node: Node) -> Node:
    while node.op == "Cast" and isinstance(node.args[0], Node):
        _check(node)
        node = node.args[0]
    return node


def _peeled(node: Node) -> tuple[Node, Step | None]:
    """Return what an operator is applied to, and what it does to a chain."""
    for pattern, name in PATTERNS:
        if (inner := pattern(node)) is not None:
            return inner, _activation(name, node.where)
    _check(node)
    read = READERS.get(node.op)
    if read is not None:
        return read(node)
    if node.op in ACTIVATIONS:
        return _inner(node), _activation(ACTIVATIONS[node.op], node.where)
    raise BadSource(
        f"{node.where} cannot be imported; these can: {', '.join(sorted([*READERS, *ACTIVATIONS]))}"
    )


def _activation(name: str, where: str) -> Step:
    return lambda chain: chain.activation(name, where)


def _check(node: Node) -> None:
    for name, values in SETTINGS.get(node.op, {}).items():
        value = node.settings.get(name, values[0])
        near = isinstance(value, float) and isclose(value, values[0], rel_tol=1e-6)
        if value not in values and not near:
            raise BadSource(f"{node.where} has {name}={value!r}, and here it is {values[0]!r}")


def _inner(node: Node, place: int = 0) -> Node:
    inner = node.args[place] if place < len(node.args) else None
    if not isinstance(inner, Node):
        raise BadSource(f"{node.where} is of constants; it cannot be imported")
    return inner


def _fixed(node: Node, place: int) -> NDArray[Any]:
    """Return a constant operand."""
    value = node.args[place] if place < len(node.args) else None
    if not isinstance(value, np.ndarray):
        raise BadSource(f"{node.where} takes two values that depend on the inputs")
    return value


def _vector(node: Node, place: int) -> NDArray[Any]:
    """Return a constant operand that is the same for all rows."""
    value = _fixed(node, place)
    if value.ndim > 1 and any(n != 1 for n in value.shape[:-1]):
        raise BadSource(f"{node.where} takes a constant of shape {value.shape}, other for each row")
    return value.reshape(-1) if value.size > 1 else value.reshape(())


def _gemm(node: Node) -> tuple[Node, Step]:
    W = _fixed(node, 1)
    W = W.T if node.settings.get("transB", 0) else W
    alpha, beta = (node.settings.get(name, 1.0) for name in ("alpha", "beta"))
    b = None
    if len(node.args) > 2 and node.args[2] is not None:
        b = np.broadcast_to(_vector(node, 2), W.shape[-1:])
        b = b if beta == 1.0 else b * b.dtype.type(beta)
    W = W if alpha == 1.0 else W * W.dtype.type(alpha)
    return _inner(node), lambda chain: chain.affine(W, b, node.where)


def _matmul(node: Node) -> tuple[Node, Step]:
    W = _fixed(node, 1)
    return _inner(node), lambda chain: chain.affine(W, None, node.where)


def _operands(node: Node) -> tuple[Node, NDArray[Any], bool]:
    """Return the operand that depends on the inputs, the other, and whether this is the first."""
    first = isinstance(node.args[0], np.ndarray)
    return _inner(node, int(first)), _vector(node, int(not first)), first


def _add(node: Node) -> tuple[Node, Step]:
    inner, c, _ = _operands(node)
    return inner, lambda chain: chain.scaling(-c, _one(c), node.where)


def _sub(node: Node) -> tuple[Node, Step]:
    inner, c, turned = _operands(node)
    if turned:  # c - x = (x - c) / -1
        return inner, lambda chain: chain.scaling(c, -_one(c), node.where)
    return inner, lambda chain: chain.scaling(c, _one(c), node.where)


def _mul(node: Node) -> tuple[Node, Step]:
    inner, c, _ = _operands(node)
    if (c == 0).any():
        raise BadSource(f"{node.where} multiplies by 0; leave out what it is of")
    return inner, lambda chain: chain.scaling(0 * c, 1 / c.astype(np.float64), node.where)


def _div(node: Node) -> tuple[Node, Step]:
    inner, c, turned = _operands(node)
    if turned:
        raise BadSource(f"{node.where} divides by what depends on the inputs")
    return inner, lambda chain: chain.scaling(0 * c, c, node.where)


def _one(like: NDArray[Any]) -> Any:
    return like.dtype.type(1)


def _scaler(node: Node) -> tuple[Node, Step]:
    offset, scale = (np.array(node.settings[name], np.float64) for name in ("offset", "scale"))
    if (scale == 0).any():
        raise BadSource(f"{node.where} multiplies by 0; leave out what it is of")
    return _inner(node), lambda chain: chain.scaling(offset, 1 / scale, node.where)


def _batches(node: Node) -> tuple[Node, Step]:
    gamma, beta, mean, variance = (_vector(node, place) for place in (1, 2, 3, 4))
    variance = variance + variance.dtype.type(node.settings.get("epsilon", EPSILON))
    return _inner(node), lambda chain: chain.normalised(mean, variance, gamma, beta, node.where)


def _filled(node: Node) -> tuple[Node, Step]:
    """Read what stands in for a missing number: c where x is NaN, else x."""
    missing, _, x = node.args
    if not (isinstance(missing, Node) and missing.op == "IsNaN" and missing.args[0] is x):
        raise BadSource(f"{node.where} chooses by something else than what is missing")
    fill = _vector(node, 1)
    return _inner(node, 2), lambda chain: chain.filled(fill, node.where)


def _nothing(node: Node) -> tuple[Node, None]:
    return _inner(node), None


def _dropout(node: Node) -> tuple[Node, None]:
    training = node.args[2] if len(node.args) > 2 else None
    if training is not None and (isinstance(training, Node) or training.any()):
        raise BadSource(f"{node.where} is in training mode; export the network for use")
    return _inner(node), None


def _reshaped(node: Node) -> tuple[Node, Step]:
    shape = _fixed(node, 1).ravel().tolist()

    def step(chain: Chain) -> None:
        width = chain.sizes[-1] if chain.weights else shape[-1]
        if len(shape) != 2 or shape[0] not in (-1, 0) or shape[1] not in (width, -1):
            raise BadSource(f"{node.where} reshapes to {shape}, no row of the numbers before it")

    return _inner(node), step


def _squeezed(node: Node) -> tuple[Node, Step]:
    axes = node.args[1].tolist() if len(node.args) > 1 else node.settings.get("axes")

    def step(chain: Chain) -> None:
        if axes not in ([1], [-1]) or chain.sizes[-1] != 1:
            raise BadSource(f"{node.where} squeezes more than a single output")

    return _inner(node), step


def _joined(node: Node) -> tuple[Node, None]:
    """Read 1 - p beside p, the probabilities of two classes."""
    second = node.args[1] if len(node.args) == 2 else None
    first = node.args[0]
    if isinstance(first, Node) and isinstance(second, Node) and first.op == "Sub":
        one, p = first.args[0], first.args[1]
        if isinstance(one, np.ndarray) and one.size == 1 and one.item() == 1 and p is second:
            return second, None
    raise BadSource(f"{node.where} joins values, which cannot be imported but for inputs")


def _silu(node: Node) -> Node | None:
    """Find z in z sigmoid(z)."""
    if node.op == "Mul":
        for z, gate in (node.args, node.args[::-1]):
            if isinstance(gate, Node) and gate.op == "Sigmoid" and gate.args[0] is z:
                return z  # type: ignore[no-any-return]
    return None


def _sigmoid(node: Node) -> Node | None:
    """Find z in 1 / (1 + e^-z)."""
    below = node.args[1] if node.op == "Div" and _number(node.args[0]) == 1.0 else None
    if not isinstance(below, Node) or below.op != "Add":
        return None
    for one, power in (below.args, below.args[::-1]):
        if isinstance(power, Node) and power.op == "Exp" and _number(one) == 1.0:
            minus = power.args[0]
            return minus.args[0] if isinstance(minus, Node) and minus.op == "Neg" else None
    return None


def _softplus(node: Node) -> Node | None:
    """Find z in softplus(z), which PyTorch takes for z where it is large."""
    if node.op != "Where" or not all(isinstance(arg, Node) for arg in node.args):
        return None
    far, z, near = node.args
    limit = far.args[1] if far.op == "Greater" and far.args[0] is z else None
    large = isinstance(limit, np.ndarray) and limit.size == 1 and limit.item() >= THRESHOLD
    return z if large and near.op == "Softplus" and near.args[0] is z else None


def _gelu(node: Node) -> Node | None:
    """Find z in z (1 + erf(z / sqrt 2)) / 2, with the factors in any order."""
    if node.op not in ("Mul", "Div"):
        return None
    below = _find(node, _below, 3)
    z = None if below is None else _below(below)
    if z is None:
        return None
    factor, others = _factors(node, (z, below))
    return z if isclose(factor, 0.5, rel_tol=1e-6) and {*others} == {z, below} else None


def _below(node: Node) -> Node | None:
    """Find z in 1 + erf(z / sqrt 2)."""
    if node.op != "Add":
        return None
    for one, error in (node.args, node.args[::-1]):
        if isinstance(error, Node) and error.op == "Erf" and _number(one) == 1.0:
            inner = error.args[0]
            if isinstance(inner, Node) and inner.op in ("Mul", "Div"):
                z = next((arg for arg in inner.args if isinstance(arg, Node)), None)
                factor, others = _factors(inner, (z,))
                if others == [z] and isclose(factor, sqrt(0.5), rel_tol=1e-6):
                    return z
    return None


def _find(node: Any, test: Callable[[Node], Any], depth: int) -> Node | None:
    if not isinstance(node, Node) or depth < 0:
        return None
    if test(node) is not None:
        return node
    found = (_find(arg, test, depth - 1) for arg in node.args if node.op in ("Mul", "Div"))
    return next((each for each in found if each is not None), None)


def _factors(node: Node, atoms: tuple[Any, ...], depth: int = 4) -> tuple[float, list[Node]]:
    """Return the constant and the other factors of a product; NaN where it is none of atoms."""
    factor, others = 1.0, []
    for place, arg in enumerate(node.args):
        divides = node.op == "Div" and place == 1
        if (number := _number(arg)) is not None and number != 0.0:
            factor *= 1 / number if divides else number
        elif any(arg is atom for atom in atoms) and not divides:
            others.append(arg)
        elif isinstance(arg, Node) and arg.op in ("Mul", "Div") and not divides and depth:
            inner, more = _factors(arg, atoms, depth - 1)
            factor, others = factor * inner, others + more
        else:
            factor = float("nan")
    return factor, others


def _number(value: Any) -> float | None:
    return float(value.item()) if isinstance(value, np.ndarray) and value.size == 1 else None


PATTERNS = ((_sigmoid, "sigmoid"), (_silu, "silu"), (_gelu, "gelu"), (_softplus, "softplus"))
READERS: dict[str, Callable[[Node], tuple[Node, Step | None]]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Scaler": _scaler,
    "Where": _filled,
    "BatchNormalization": _batches,
    "Identity": _nothing,
    "Cast": _nothing,
    "Flatten": _nothing,
    "ZipMap": _nothing,
    "Dropout": _dropout,
    "Reshape": _reshaped,
    "Squeeze": _squeezed,
    "Concat": _joined,
}
