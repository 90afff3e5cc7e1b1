"""A ``Sequential`` of Keras 3 to a model: an object in memory, or a ``.keras`` file.

The file is a zip with the layers' settings as JSON and their weights as HDF5. It is read
without Keras, and no code in it is run.
"""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadInput, BadSource
from chainrule.importing.assembling import Origin, Wanted, assembled
from chainrule.importing.chain import Chain
from chainrule.model import Model
from chainrule.untrusted import parsed

NAMED = {
    "linear": "identity", "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "elu": "elu",
    "selu": "selu", "softplus": "softplus", "softsign": "softsign", "silu": "silu",
    "swish": "silu", "gelu": "gelu", "exponential": "exp", "softmax": "softmax",
    "log_softmax": "softmax",
}  # fmt: skip
LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "Softmax": "softmax"}
SETTINGS: dict[str, dict[str, Any]] = {  # those that a rule has, by the layer
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "LeakyReLU": {"negative_slope": 0.01},
    "ELU": {"alpha": 1.0},
    "Softmax": {"axis": -1},
    "Normalization": {"invert": False},
}
NOTHING = ("InputLayer", "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise",
           "ActivityRegularization", "Flatten", "Identity")  # fmt: skip
GROUPS = {"Dense": "dense", "Normalization": "normalization",
          "BatchNormalization": "batch_normalization"}  # fmt: skip
DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, LookupError,
    ValueError, TypeError, AttributeError, RuntimeError, OverflowError,
)  # fmt: skip
LARGEST_CONFIG, LARGEST_WEIGHTS = 1 << 24, 1 << 31  # bytes


class Layer(NamedTuple):
    """What is known of a layer."""

    kind: str
    config: dict[str, Any]
    weights: list[NDArray[Any]]

    @property
    def where(self) -> str:
        """Its name, for messages."""
        return f"layer '{self.config.get('name', '')}' ({self.kind})"


def is_keras(source: Any) -> bool:
    """Say whether something is a model of Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(source, keras.Model)


def from_keras(source: Any, wanted: Wanted) -> Model:
    """Return the model of a Sequential in memory."""
    if type(source).__name__ != "Sequential":
        raise BadSource(f"a {type(source).__name__} of Keras cannot be imported; a Sequential can")
    layers = []
    for layer in source.layers:
        own = not type(layer).__module__.startswith("keras.src.layers.")
        kind = f"{type(layer).__module__}.{type(layer).__name__}" if own else type(layer).__name__
        layers.append(Layer(kind, layer.get_config(), layer.get_weights()))
    return _model(layers, wanted, f"Keras {sys.modules['keras'].__version__}")


def from_keras_file(path: Path, wanted: Wanted) -> Model:
    """Return the model of a Sequential in a ``.keras`` file."""
    try:
        import h5py
    except ImportError:
        raise BadSource(
            f"{path} holds its weights as HDF5, which needs h5py: pip install 'chainrule[keras]'"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            config = parsed(_member(archive, "config.json", LARGEST_CONFIG), "config.json")
            content = _member(archive, "model.weights.h5", LARGEST_WEIGHTS)
        with h5py.File(io.BytesIO(content), "r") as weights:
            layers = list(_layers(config, weights, len(content)))
        return _model(layers, wanted, f"Keras, {path.name}")
    except BadInput as error:
        raise BadSource(f"{path}: {error}") from None
    except DAMAGE as error:
        raise BadSource(f"{path} is damaged, or no file of Keras 3 ({error})") from None


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    if name not in archive.namelist():
        raise BadSource(f"it has no {name}, as the files of Keras 3 have; save it by Keras 3 again")
    with archive.open(name) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise BadSource(f"its {name} is larger than {largest:,} bytes, no small network's")
    return content


def _layers(config: Any, weights: Any, size: int) -> Iterator[Layer]:
    kind = config["class_name"]
    if kind != "Sequential" or config.get("registered_name"):
        raise BadSource(f"a {kind} of Keras cannot be imported; a Sequential can")
    seen: Counter[str] = Counter()
    for entry in config["config"]["layers"]:
        kind, own = entry["class_name"], entry.get("registered_name") or ""
        if own or entry["module"] != "keras.layers":
            yield Layer(own or f"{entry['module']}.{kind}", entry["config"], [])
            continue
        arrays: list[NDArray[Any]] = []
        if kind in GROUPS:
            name, n = GROUPS[kind], seen[kind]
            arrays = _arrays(weights, f"layers/{name}_{n}" if n else f"layers/{name}", size)
            seen[kind] += 1
        yield Layer(kind, entry["config"], arrays)


def _arrays(weights: Any, name: str, size: int) -> list[NDArray[Any]]:
    """Read the weights of a layer, which lie in the file itself, plainly."""
    import h5py

    group = weights
    for part in f"{name}/vars".split("/"):
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise BadSource(f"its weights have no {name}; save it by Keras 3 again")
        group = group[part]
    found = []
    for number in range(len(group)):
        link, data = group.get(str(number), getlink=True), group.get(str(number))
        plain = isinstance(link, h5py.HardLink) and isinstance(data, h5py.Dataset)
        if not plain or data.external or data.is_virtual or data.compression or data.nbytes > size:
            raise BadSource(f"its weights {name}/vars/{number} are not plain numbers in the file")
        found.append(np.asarray(data[()]))
    return found


def _model(layers: list[Layer], wanted: Wanted, origin: str) -> Model:
    chain = Chain()
    for layer in layers:
        _check(layer)
        READERS.get(layer.kind, _activation)(chain, layer)
    return assembled(chain, wanted, Origin(origin, "", {}))


def _check(layer: Layer) -> None:
    if layer.kind not in (*LAYERS, *NOTHING, *READERS):
        raise BadSource(
            f"{layer.where} cannot be imported; a Sequential of these can: "
            f"{', '.join([*READERS, *LAYERS, *NOTHING])}"
        )
    dtype = layer.config.get("dtype") or "float32"
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    if name not in ("float32", "float64"):
        raise BadSource(f"{layer.where} computes in {name}; convert it to float32")
    for setting, wanted in SETTINGS.get(layer.kind, {}).items():
        value = layer.config.get(setting, wanted)
        if value != wanted:
            raise BadSource(f"{layer.where} has {setting}={value!r}, and here it is {wanted!r}")


def _activation(chain: Chain, layer: Layer) -> None:
    if layer.kind in LAYERS:
        chain.activation(LAYERS[layer.kind], layer.where)


def _named(chain: Chain, layer: Layer) -> None:
    given = layer.config["activation"]
    if not (isinstance(given, str) and given in NAMED):
        name = given.get("class_name", given) if isinstance(given, dict) else given
        raise BadSource(
            f"the activation {name!r} of {layer.where} cannot be imported; these can: "
            f"{', '.join(NAMED)}"
        )
    chain.activation(NAMED[given], layer.where)


def _dense(chain: Chain, layer: Layer) -> None:
    if len(layer.weights) != 1 + bool(layer.config["use_bias"]):
        raise BadSource(f"{layer.where} has {len(layer.weights)} arrays of weights")
    W = layer.weights[0]
    if W.shape[-1:] != (layer.config["units"],):
        raise BadSource(f"{layer.where} has weights {W.shape} for {layer.config['units']} neurons")
    chain.affine(W, layer.weights[1] if len(layer.weights) > 1 else None, layer.where)
    _named(chain, layer)


def _normalisation(chain: Chain, layer: Layer) -> None:
    given = [layer.config.get(name) for name in ("mean", "variance")]
    found = layer.weights if None in given else [np.array(each, np.float32) for each in given]
    if len(found) < 2 or layer.config.get("axis") not in (-1, [-1], [1], 1, None):
        raise BadSource(f"{layer.where} does not scale each input by itself, or is not adapted")
    mean, variance = (np.ravel(part) for part in found[:2])
    chain.scaling(mean, np.maximum(np.sqrt(variance), np.float32(1e-7)), layer.where)


def _batches(chain: Chain, layer: Layer) -> None:
    arrays, config = list(layer.weights), layer.config
    if len(arrays) != 2 + bool(config["scale"]) + bool(config["center"]):
        raise BadSource(f"{layer.where} has {len(arrays)} arrays of weights")
    ones = np.ones_like(arrays[-1])
    gamma = arrays.pop(0) if config["scale"] else ones
    beta = arrays.pop(0) if config["center"] else 0 * ones
    epsilon = ones.dtype.type(config["epsilon"])
    chain.normalised(arrays[0], arrays[1] + epsilon, gamma, beta, layer.where)


READERS: dict[str, Callable[[Chain, Layer], None]] = {
    "Dense": _dense,
    "Activation": _named,
    "Normalization": _normalisation,
    "BatchNormalization": _batches,
}
