"""A ``Sequential`` of PyTorch to a model. PyTorch is not imported here: its object is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSource
from chainrule.importing.assembling import Origin, Wanted, assembled
from chainrule.importing.chain import Chain
from chainrule.model import Model

ACTIVATIONS = {
    "ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "SiLU": "silu", "GELU": "gelu",
    "ELU": "elu", "SELU": "selu", "Softplus": "softplus", "Softsign": "softsign",
    "LeakyReLU": "leaky_relu", "Softmax": "softmax", "LogSoftmax": "softmax",
}  # fmt: skip
SETTINGS: dict[str, dict[str, tuple[Any, ...]]] = {  # those that a rule has, by the module
    "GELU": {"approximate": ("none",)},
    "ELU": {"alpha": (1.0,)},
    "LeakyReLU": {"negative_slope": (0.01,)},
    "Softplus": {"beta": (1.0,), "threshold": (20.0,)},
    "Softmax": {"dim": (-1, 1, None)},
    "LogSoftmax": {"dim": (-1, 1, None)},
    "Flatten": {"start_dim": (1,), "end_dim": (-1,)},
}
NOTHING = ("Identity", "Dropout", "AlphaDropout", "Flatten")  # in use, of a row of numbers


def is_module(source: Any) -> bool:
    """Say whether something is a module of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def from_module(source: Any, wanted: Wanted) -> Model:
    """Return the model of a Sequential of linear layers and activations."""
    chain, logs = Chain(), False
    for where, layer in _leaves(source, ""):
        kind = type(layer).__name__
        where = f"module {where} ({kind})" if where else kind
        _check(layer, kind, where)
        READERS.get(kind, _activation)(chain, layer, where)
        logs = logs or kind == "LogSoftmax"
    version = sys.modules["torch"].__version__
    logarithms = "; LogSoftmax read as softmax" if logs else ""
    return assembled(chain, wanted, Origin(f"PyTorch {version}{logarithms}", "", {}))


def _leaves(module: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Go through the modules of a Sequential, at any depth."""
    if type(module) is not sys.modules["torch"].nn.Sequential:
        yield where, module
        return
    _check_hooks(module, f"module {where} (Sequential)")
    for name, inner in module.named_children():
        yield from _leaves(inner, f"{where}.{name}".lstrip("."))


def _check(layer: Any, kind: str, where: str) -> None:
    own = type(layer) is not getattr(sys.modules["torch"].nn, kind, None)
    if own or kind not in (*ACTIVATIONS, *NOTHING, *READERS):
        advice = " Give the Sequential in it, or export it to ONNX and import that." if own else ""
        raise BadSource(
            f"{where} cannot be imported; a Sequential of these can: "
            f"{', '.join([*READERS, *ACTIVATIONS, *NOTHING])}.{advice}"
        )
    _check_hooks(layer, where)
    for name, values in SETTINGS.get(kind, {}).items():
        if (value := getattr(layer, name)) not in values:
            raise BadSource(f"{where} has {name}={value!r}, and here it is {values[0]!r}")


def _check_hooks(module: Any, where: str) -> None:
    if module._forward_hooks or module._forward_pre_hooks:
        raise BadSource(f"{where} has hooks, code that runs beside it; remove them first")


def _activation(chain: Chain, layer: Any, where: str) -> None:
    name = ACTIVATIONS.get(type(layer).__name__)
    if name is not None:
        chain.activation(name, where)


def _linear(chain: Chain, layer: Any, where: str) -> None:
    bias = None if layer.bias is None else _array(layer.bias, where)
    chain.affine(_array(layer.weight, where).T, bias, where)


def _normalised(chain: Chain, layer: Any, where: str) -> None:
    if layer.running_mean is None:
        raise BadSource(f"{where} keeps no running statistics; each row depends on its batch")
    mean, variance = (_array(a, where) for a in (layer.running_mean, layer.running_var))
    ones = np.ones_like(mean)
    gamma, beta = (
        (_array(a, where) for a in (layer.weight, layer.bias)) if layer.affine else (ones, 0 * ones)
    )
    chain.normalised(mean, variance + layer.eps, gamma, beta, where)


def _array(tensor: Any, where: str) -> NDArray[Any]:
    torch = sys.modules["torch"]
    if tensor.dtype not in (torch.float32, torch.float64):
        raise BadSource(f"{where} holds {tensor.dtype}; convert it first, by .float()")
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


READERS: dict[str, Callable[[Chain, Any, str], None]] = {
    "Linear": _linear,
    "BatchNorm1d": _normalised,
}
