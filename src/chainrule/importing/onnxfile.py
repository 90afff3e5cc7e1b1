"""An ONNX file as one expression: the output, of what it is made, down to the inputs.

What a file holds is data alone, and no operator is run. One that cannot be imported does no
harm where the output does not depend on it, such as those that make labels of probabilities.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSource

LARGEST_FILE = 1 << 31  # bytes
MOST_NODES = 10_000
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
REALS = (1, 11)  # float and double, by the numbers of the format


class Node:
    """An operator of the graph, or one of its inputs.

    Attributes
    ----------
    op : str
        "input" for an input, whose name is ``where`` and whose width is in ``settings``.
    args : list of Node, ndarray or None
    settings : dict
        Its attributes.
    where : str
        Its name, for messages.
    """

    def __init__(self, op: str, args: list[Any], settings: dict[str, Any], where: str) -> None:
        self.op, self.args, self.settings, self.where = op, args, settings, where


class Graph(NamedTuple):
    """What is taken from a file."""

    output: Node
    inputs: list[Node]
    classes: list[Any] | None
    producer: str


def read_onnx(path: Path) -> Graph:
    """Read an ONNX file.

    Raises
    ------
    BadSource
        If it is damaged, too large, keeps its numbers in other files, or has several outputs.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise BadSource(
            f"{path} needs the package onnx to be read: pip install 'chainrule[onnx]'"
        ) from None
    if os.path.getsize(path) > LARGEST_FILE:
        raise BadSource(f"it is larger than {LARGEST_FILE:,} bytes, no small network")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
        return _graph(model)
    except BadSource:
        raise
    except (DecodeError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise BadSource(f"it is damaged, or no ONNX file ({error})") from None


def _graph(model: Any) -> Graph:
    graph = model.graph
    if not graph.node or not model.opset_import:
        raise BadSource("it is no ONNX file, or it is cut short")
    if len(graph.node) > MOST_NODES:
        raise BadSource(f"it has {len(graph.node):,} nodes, no small network")
    if graph.sparse_initializer:
        raise BadSource("it has sparse weights, which cannot be imported; store them densely")
    values: dict[str, Any] = {"": None}
    values |= {tensor.name: _array(tensor, f"'{tensor.name}'") for tensor in graph.initializer}
    inputs = [_input(value) for value in graph.input if value.name not in values]
    values |= {node.where: node for node in inputs}
    classes = None
    for entry in graph.node:
        node = _node(entry, values)
        classes = _labels(node) or classes
        values[entry.output[0]] = _constant(node) if node.op == "Constant" else node
    return Graph(_output(graph, values), inputs, classes, _producer(model))


def _node(entry: Any, values: dict[str, Any]) -> Node:
    import onnx

    where = f"node '{entry.name or entry.output[0]}' ({entry.op_type})"
    absent = next((name for name in entry.input if name not in values), None)
    if absent is not None:
        raise BadSource(f"{where} takes '{absent}', which nothing before it gives")
    op = entry.op_type if entry.domain in DOMAINS else f"{entry.domain}.{entry.op_type}"
    settings = {}
    for attribute in entry.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            settings[attribute.name] = _array(attribute.t, where)
        elif attribute.type in (1, 2, 3, 6, 7, 8):  # numbers and strings, and lists of them
            settings[attribute.name] = onnx.helper.get_attribute_value(attribute)
        else:
            op = f"{op} with the attribute {attribute.name}"
    return Node(op, [values[name] for name in entry.input], settings, where)


def _array(tensor: Any, where: str) -> NDArray[Any]:
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise BadSource(
            f"{where} keeps its numbers in another file, which is not read; save the model with "
            "all of them in one file"
        )
    if min(tensor.dims, default=0) < 0:
        raise BadSource(f"{where} is damaged: its shape is {list(tensor.dims)}")
    array: NDArray[Any] = numpy_helper.to_array(tensor)
    return array


def _constant(node: Node) -> Any:
    """Return the value of a constant."""
    (value,) = node.settings.values()
    return np.asarray(value, np.float32 if isinstance(value, float) else None)


def _input(value: Any) -> Node:
    dims = value.type.tensor_type.shape.dim
    width = int(dims[-1].dim_value) if len(dims) == 2 else 0
    return Node("input", [], {"width": width}, value.name)


def _output(graph: Any, values: dict[str, Any]) -> Node:
    """Return the one output of real numbers, or of maps from classes to these."""
    found = [
        value.name
        for value in graph.output
        if value.type.HasField("sequence_type") or value.type.tensor_type.elem_type in REALS
    ]
    if len(found) != 1:
        names = ", ".join(value.name for value in graph.output)
        raise BadSource(f"one output of numbers is needed; of {names} there are {len(found)}")
    node = values.get(found[0])
    if not isinstance(node, Node):
        raise BadSource(f"its output '{found[0]}' is not computed")
    return node


def _labels(node: Node) -> list[Any] | None:
    """Return the classes that a node makes labels of."""
    numbered = list(node.settings.get("keys_int64s", ()))  # of a LabelEncoder
    names = ("classlabels_int64s", "classlabels_strings")
    for name in (*names, "values_strings") if numbered == [*range(len(numbered))] else names:
        if labels := node.settings.get(name):
            return [each.decode() if isinstance(each, bytes) else each for each in labels]
    chooses = node.op == "ArrayFeatureExtractor" or (
        node.op == "Gather" and isinstance(node.args[1], Node) and node.args[1].op == "ArgMax"
    )
    if chooses and isinstance(node.args[0], np.ndarray):
        found = node.args[0].ravel()
        whole = np.issubdtype(found.dtype, np.integer)
        return [int(each) if whole else str(each) for each in found]
    return None


def _producer(model: Any) -> str:
    made = " ".join(part for part in (model.producer_name, model.producer_version) if part)
    return f"ONNX by {made[:80]}" if made else "ONNX"
