"""The model file: one ``.safetensors`` file with parameters and one JSON document.

The tensor ``parameters`` has the flat vector of each network, (networks, n_parameters),
and ``residuals`` what intervals are made of, (n, n_out): both float32, or both float64.
The metadata entry ``chainrule`` holds the document:

    format       2
    network      sizes, hidden, output, loss, loss_parameter; a user's own rule by its source
    table        the columns and the target, ``TableSpec.to_json``
    training     version, settings, rows, scores, and the course of each network
    checksum     SHA-256 of the document without this entry, and of the tensors

Reading runs no code. Every length and every type is checked before it is used,
and what is unknown is refused. The same model gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, fields
from itertools import pairwise
from math import prod
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import TableSpec
from chainrule.ensemble import Ensemble
from chainrule.errors import BadModelFile, BadRule, BadSetting
from chainrule.files import write_whole
from chainrule.network import Network
from chainrule.own import Rule
from chainrule.summary import Summary, read_summary, summary_document
from chainrule.untrusted import keys, number, parsed, require, text, wholes

FORMAT = 2
KEY = "chainrule"
TENSORS = ("parameters", "residuals")  # in the order of the file
LARGEST_HEADER = 1 << 26  # bytes; a table of 100,000 columns needs a quarter of it
LARGEST_SIZE = 1 << 31  # neurons of a layer
ENTRY = ("dtype", "shape", "data_offsets")
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


class Contents(NamedTuple):
    """What a model file holds."""

    ensemble: Ensemble
    spec: TableSpec
    summary: Summary


def write_model(path: str | os.PathLike[str], contents: Contents) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    BadSetting
        If the file cannot be written, or is too large to be read again.
    """
    write_whole(path, to_bytes(contents))


def to_bytes(contents: Contents) -> bytes:
    """Return a model file's bytes.

    Examples
    --------
    >>> from chainrule.columns import Column, Target
    >>> spec = TableSpec((Column("x", "numeric"),), Target("y", "regression"))
    >>> ensemble = Ensemble(Network((1, 1)), np.array([[2.0, 1.0]]), np.empty((0, 1)))
    >>> from_bytes(to_bytes(Contents(ensemble, spec, Summary("0.1.0")))).ensemble.parameters
    array([[2., 1.]])
    """
    from safetensors.numpy import save

    ensemble, spec, summary = contents
    dtype = ensemble.parameters.dtype.newbyteorder("<")
    tensors = {name: np.ascontiguousarray(getattr(ensemble, name), dtype) for name in TENSORS}
    document = {
        "format": FORMAT,
        "network": _network_document(ensemble.network),
        "table": spec.to_json(),
        "training": summary_document(summary),
    }
    document["checksum"] = _checksum(document, b"".join(t.tobytes() for t in tensors.values()))
    content = _canonical(document)
    if len(content) > LARGEST_HEADER // 2:
        raise BadSetting(
            f"the columns of this model take {len(content):,} bytes, more than a model file holds; "
            "drop columns with many categories"
        )
    return bytes(save(tensors, metadata={KEY: content}))


def _network_document(network: Network) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(network)))  # type: ignore[no-any-return]  # tuples as lists


def _canonical(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _checksum(document: dict[str, Any], data: bytes) -> str:
    rest = {name: entry for name, entry in document.items() if name != "checksum"}
    digest = hashlib.sha256(_canonical(rest).encode())
    digest.update(data)
    return digest.hexdigest()


def is_model(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is a model of chainrule, of whatever version."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return KEY in parsed(_header_bytes(file, size)[8:], "header")["__metadata__"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_model(path: str | os.PathLike[str]) -> Contents:
    """Read a model file, checking everything in it.

    Raises
    ------
    BadModelFile
        If it is no model, damaged, or of a version that is not known.
    """
    try:
        with open(path, "rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise BadModelFile(f"there is no model file {path}; train one, or check the path") from None
    except IsADirectoryError:
        raise BadModelFile(f"{path} is a folder; give the model file in it") from None
    except BadModelFile as error:
        raise BadModelFile(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadModelFile(f"{path} cannot be read: {reason}") from None


def from_bytes(content: bytes) -> Contents:
    """Return what the bytes of a model file hold; ``read_model`` without the file."""
    return _read(io.BytesIO(content), len(content))


def _read(file: IO[bytes], size: int) -> Contents:
    head = _header_bytes(file, size)
    header = parsed(head[8:], "header")
    document = _document(header)
    dtype, shapes = _tensors(header, size - len(head))
    network = _network(document["network"], shapes["parameters"][1])
    require(shapes["residuals"][1] == network.sizes[-1], "residuals.shape", "that of the outputs")
    spec = TableSpec.from_json(document["table"])
    _check_fit(network, spec)
    summary = read_summary(document["training"])
    data = file.read()
    if document["checksum"] != _checksum(document, data):
        raise BadModelFile("the file is damaged (its checksum is another one); get it again")
    parameters, residuals = _arrays(head + data, dtype)
    return Contents(Ensemble(network, parameters, residuals), spec, summary)


def _header_bytes(file: IO[bytes], size: int) -> bytes:
    """Return the length of the header and the header, having checked that they can be there."""
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or not 2 <= length <= size - 8:
        raise BadModelFile(
            "this is no model file, or it is cut short; give a file that `chainrule train` wrote"
        )
    require(length <= LARGEST_HEADER, f"header of {length:,} bytes", "of a size that can be read")
    header = file.read(length)
    if len(header) < length or not header.startswith(b"{"):
        raise BadModelFile("this is no model file; give a file that `chainrule train` wrote")
    return head + header


def _tensors(header: Any, size: int) -> tuple[np.dtype[Any], dict[str, list[int]]]:
    """Return the type of the tensors and their shapes, which fill the file."""
    entries = keys(header, ("__metadata__", *TENSORS), "header")
    code = text(keys(entries["parameters"], ENTRY, "parameters")["dtype"], "parameters.dtype")
    require(code in DTYPES, "parameters.dtype", "F32 or F64")
    shapes, end = {}, 0
    for name in TENSORS:
        entry = keys(entries[name], ENTRY, name)
        require(entry["dtype"] == code, f"{name}.dtype", code)
        shape = wholes(entry["shape"], f"{name}.shape")
        require(len(shape) == 2, f"{name}.shape", "of two dimensions")
        begin, end = end, end + prod(shape) * DTYPES[code].itemsize
        offsets = wholes(entry["data_offsets"], f"{name}.data_offsets")
        require(offsets == [begin, end], f"{name}.data_offsets", f"[{begin}, {end}]")
        shapes[name] = shape
    require(end == size, "header", f"one of {size} bytes")
    require(shapes["parameters"][0] > 0, "parameters.shape", "that of a network or more")
    return DTYPES[code], shapes


def _document(header: Any) -> dict[str, Any]:
    require(isinstance(header, dict) and "__metadata__" in header, "header", "one with metadata")
    metadata = keys(header["__metadata__"], (KEY,), "metadata")
    document = parsed(text(metadata[KEY], f"metadata.{KEY}"), "document")
    if isinstance(document, dict) and document.get("format", FORMAT) != FORMAT:
        raise BadModelFile(
            f"the model is of format {document['format']!r}, this version of chainrule reads "
            f"{FORMAT}; update chainrule, or train the model again"
        )
    return keys(document, ("checksum", "format", "network", "table", "training"), "document")


def _network(document: Any, n: int) -> Network:
    names = tuple(entry.name for entry in fields(Network))
    found = keys(document, names, "network")
    sizes = wholes(found["sizes"], "network.sizes")
    require(all(0 < s < LARGEST_SIZE for s in sizes), "network.sizes", "of possible sizes")
    total = sum((i + 1) * o for i, o in pairwise(sizes))
    require(total == n, "network.sizes", f"those of a network with {n} parameters")
    hidden, parameter = found["hidden"], found["loss_parameter"]
    try:
        if isinstance(hidden, list):
            hidden = tuple(_rule(each, "network.hidden") for each in hidden)
        return Network(
            tuple(sizes),
            hidden=hidden if isinstance(hidden, tuple) else _rule(hidden, "network.hidden"),
            output=_rule(found["output"], "network.output"),
            loss=_rule(found["loss"], "network.loss"),
            loss_parameter=None if parameter is None else number(parameter, "loss_parameter"),
        )
    except (BadSetting, BadRule) as error:
        raise BadModelFile(f"the model's network cannot be: {error}") from None


def _rule(value: Any, where: str) -> str | Rule:
    """Read the name of a rule, or the source of a user's own."""
    if isinstance(value, dict):
        return Rule(text(keys(value, ("source",), where)["source"], f"{where}.source"))
    return text(value, where)


def _check_fit(network: Network, spec: TableSpec) -> None:
    """Check that the columns give the network's inputs and that its outputs fit the target."""
    require(
        network.sizes[0] == spec.width,
        "network.sizes",
        f"of {spec.width} inputs, which its columns give",
    )
    outputs, classes = network.sizes[-1], len(spec.target.classes)
    fits = outputs == 1 and network.output != "softmax"
    if spec.target.task == "classification":
        sigmoid = outputs == 1 and classes == 2 and network.output == "sigmoid"
        fits = sigmoid or (outputs == classes and network.output == "softmax")
    require(fits, "network.output", f"one for {spec.target.task} ({classes} classes)")


def _arrays(content: bytes, dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
        arrays = [tensors[name].astype(dtype.newbyteorder("=")) for name in TENSORS]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadModelFile(f"the file is damaged ({error}); get it again") from None
    for name, array in zip(TENSORS, arrays, strict=True):
        infinite = ~np.isfinite(array)
        if infinite.any():
            place = tuple(map(int, np.argwhere(infinite)[0]))
            raise BadModelFile(
                f"{name}{list(place)} (from 0) is {array[place]}, which is not finite; train again"
            )
    rising = bool((np.diff(arrays[1], axis=0, prepend=0.0) >= 0.0).all())
    require(rising, "residuals", "distances in rising order")
    return arrays
