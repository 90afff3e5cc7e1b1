"""Weights alone, such as PyTorch's ``state_dict``: their names tell the order of the layers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSetting, BadSource
from chainrule.importing.assembling import Origin, Wanted, assembled
from chainrule.importing.chain import Chain
from chainrule.model import Model
from chainrule.modelfile import is_model
from chainrule.network import HIDDEN

DTYPES = ("F32", "F64")
LARGEST = 1 << 31  # bytes


def from_tensor_file(path: Path, wanted: Wanted) -> Model:
    """Return the model of a ``.safetensors`` file of weights and biases."""
    from safetensors import SafetensorError, safe_open

    if is_model(path):
        raise BadSource(f"{path} is a model of chainrule already")
    if os.path.getsize(path) > LARGEST:
        raise BadSource(f"{path} is larger than {LARGEST:,} bytes, no small network")
    try:
        with safe_open(path, "np") as file:
            names = list(file.keys())
            types = {name: file.get_slice(name).get_dtype() for name in names}
            for name, dtype in types.items():
                if dtype not in DTYPES:
                    raise BadSource(f"{path}: '{name}' holds {dtype}; save it as float32")
            tensors = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise BadSource(f"{path} is damaged, or no file of weights ({error})") from None
    return from_tensors(tensors, wanted, path.name)


def from_tensors(tensors: Mapping[str, Any], wanted: Wanted, origin: str = "a state dict") -> Model:
    """Return the model of weights (n_out, n_in) and biases, as PyTorch's Linear has them."""
    layers = _layers({name: _array(tensor, name) for name, tensor in tensors.items()})
    hidden = _hidden(wanted.hidden, len(layers) - 1)
    chain = Chain()
    for (stem, (W, b)), name in zip(layers.items(), (*hidden, "identity"), strict=True):
        chain.affine(W.T, b, f"'{stem}'")
        chain.activation(name, f"'{stem}'")
    return assembled(chain, wanted, Origin(f"the weights in {origin}", "", {}))


def _array(tensor: Any, name: str) -> NDArray[Any]:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
    try:
        return np.asarray(tensor)
    except (TypeError, ValueError) as error:
        raise BadSource(f"'{name}' cannot be read as numbers ({error})") from None


def _layers(arrays: dict[str, NDArray[Any]]) -> dict[str, tuple[NDArray[Any], Any]]:
    """Return W and b of each layer, in the order of the numbers in their names."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        stem, _, part = name.rpartition(".")
        if (part, array.ndim) not in (("weight", 2), ("bias", 1)):
            raise BadSource(
                f"'{name}' {array.shape} is neither the weight nor the bias of a Linear; other "
                "layers cannot be imported"
            )
        found.setdefault(stem, {})[part] = array
    alone = next((stem for stem, parts in found.items() if "weight" not in parts), None)
    if alone is not None or not found:
        what = "there are no weights" if alone is None else f"'{alone}' has a bias and no weight"
        raise BadSource(f"{what}; a network's names are such as 0.weight, 0.bias, 2.weight")
    if len(found) > 1 and len({re.sub(r"\d+", "#", stem) for stem in found}) > 1:
        raise BadSource(
            f"the names {', '.join(sorted(found))} do not tell the order of the layers; save a "
            "Sequential's state dict, or import the module in Python"
        )
    order = sorted(found, key=lambda stem: [int(digits) for digits in re.findall(r"\d+", stem)])
    return {stem: (found[stem]["weight"], found[stem].get("bias")) for stem in order}


def _hidden(given: Any, n: int) -> tuple[Any, ...]:
    if given is None and n:
        raise BadSetting(
            f"weights do not tell the activations of {n} hidden layers; give hidden='relu', or "
            f"one for each, of {', '.join(HIDDEN)}"
        )
    names = (given,) * n if given is None or isinstance(given, str) else tuple(given)
    if len(names) != n:
        raise BadSetting(f"hidden names {len(names)} activations, and there are {n} hidden layers")
    return names
