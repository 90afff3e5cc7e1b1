"""A model as ONNX: standard operators, from raw columns to labels or values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import __version__
from chainrule.columns import Column, TableSpec
from chainrule.errors import BadSetting
from chainrule.exporting.categories import has_numbers, missing_texts, numbers_alone
from chainrule.exporting.onnxinputs import INPUTS, KINDS, OUTPUTS, TENSOR, input_names, legible
from chainrule.exporting.onnxnodes import Nodes, add_rule, add_softmax
from chainrule.exporting.samples import Samples, used
from chainrule.own import Rule
from chainrule.rules import ACTIVATIONS

OPSET = 21
IR_VERSION = 10  # of the same release
ADVICE = "writing ONNX needs the package onnx; install it with: pip install 'chainrule[onnx]'"


def graph(model: Any, samples: Samples, inputs: str = "columns") -> bytes:
    """Return a model as the content of an ``.onnx`` file.

    Its outputs are ``label`` (rows,) and ``probabilities`` (rows, classes); or ``value``
    (rows,), and with intervals ``lower`` and ``upper``. The metadata say how each column is
    written, and hold rows with the outputs that they must give.

    Parameters
    ----------
    model : chainrule.Model
    samples : Samples
        For the self-test in the metadata.
    inputs : {"columns", "tensor"}, default "columns"
        One input of shape (rows, 1) for each column, with its name, or one of shape
        (rows, columns), called "columns". Numbers are float64 in both: what is far from 0 is
        standardised before it is rounded.

    Raises
    ------
    BadSetting
        If onnx is not installed, or a column of text were to go into a tensor.
    """
    try:
        from onnx import checker, helper, shape_inference
    except ImportError:
        raise BadSetting(ADVICE) from None
    if inputs not in INPUTS:
        raise BadSetting(f"inputs={inputs!r} is not one of {', '.join(INPUTS)}")
    names = input_names(model.spec, inputs)
    nodes = Nodes(np.dtype(model.parameters.dtype), set(names.values()) | set(OUTPUTS))
    features = _features(nodes, model.spec, names, inputs)
    outputs = _outputs(nodes, model, _networks(nodes, model, features))
    made = helper.make_graph(
        nodes.nodes,
        legible(model.spec.target.name) or "model",
        _declared(model.spec, names, inputs),
        outputs,
        initializer=list(nodes.constants.values()),
        doc_string=_about(model, names, inputs),
    )
    whole = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="chainrule",
        producer_version=__version__,
    )
    helper.set_model_props(whole, _metadata(model, names, inputs, samples))
    whole = shape_inference.infer_shapes(whole, check_type=True, strict_mode=True)
    checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


def run(content: bytes, feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]] | None:
    """Return what onnxruntime computes, by the names of outputs; None where it is absent."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, options, providers=providers)
    found = session.run(None, dict(feed))
    return dict(zip((output.name for output in session.get_outputs()), found, strict=True))


def outputs_in(found: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return outputs as those of samples are: (rows, K) probabilities, or (rows, 1) values."""
    return found["probabilities"] if "probabilities" in found else found["value"][:, None]


def _features(nodes: Nodes, spec: TableSpec, names: dict[str, str], inputs: str) -> str:
    """Add the nodes from raw columns to the networks' inputs, in the order of the model."""
    columns = used(spec)
    numbers = [column for column in columns if column.kind != "categorical"]
    texts = [column for column in columns if column.kind == "categorical"]
    if inputs == "tensor":
        cells = {column.name: _of_tensor(nodes, columns, column) for column in texts}
        chosen = _pick(nodes, TENSOR, [columns.index(c) for c in numbers], len(columns), "numbers")
    else:
        cells = {column.name: names[column.name] for column in texts}
        chosen = _together(nodes, [names[column.name] for column in numbers], "numbers")
    parts, order = [], list[tuple[str, int]]()
    if numbers:
        parts += _numbers(nodes, numbers, chosen)
        order += [(column.name, 0) for column in numbers]
        order += [(column.name, 1) for column in numbers if column.missing]
    if texts:
        parts.append(_one_hot(nodes, texts, cells, inputs))
        order += [(column.name, k) for column in texts for k in range(column.width)]
    features = _together(nodes, parts, "features")
    wanted = [(column.name, k) for column in columns for k in range(column.width)]
    return _pick(nodes, features, [order.index(place) for place in wanted], len(order), "x")


def _together(nodes: Nodes, parts: list[str], name: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else ""
    return nodes.add("Concat", parts, name, axis=1)


def _pick(nodes: Nodes, tensor: str, places: list[int], width: int, name: str) -> str:
    if not places or places == list(range(width)):
        return tensor
    return nodes.add("Gather", [tensor, nodes.array(places, f"{name}/places")], name, axis=1)


def _numbers(nodes: Nodes, columns: list[Column], raw: str) -> list[str]:
    """Fill in, standardise, and say what is missing."""
    mean, scale, fill = (
        nodes.array(np.array([[getattr(column, what) for column in columns]]), f"numbers/{what}")
        for what in ("mean", "scale", "fill")
    )
    absent = nodes.add("IsNaN", [raw], "numbers/missing")
    filled = nodes.add("Where", [absent, fill, raw], "numbers/filled")
    centred = nodes.add("Sub", [filled, mean], "numbers/centred")
    parts = [_cast(nodes, nodes.add("Div", [centred, scale], "numbers/standardised"), np.float64)]
    marked = [place for place, column in enumerate(columns) if column.missing]
    if marked:
        absent = _pick(nodes, absent, marked, len(columns), "numbers/marked")
        parts.append(_cast(nodes, absent, np.bool_))
    return parts


def _one_hot(nodes: Nodes, columns: list[Column], cells: dict[str, str], inputs: str) -> str:
    """Compare with every category, and say what is missing."""
    parts = []
    for column in columns:
        name, cell = nodes.name(f"one_hot/{legible(column.name)}"), cells[column.name]
        labels: list[Any] = list(column.categories)
        if inputs == "tensor":
            labels = [float(label) for label in labels]
        known = nodes.array(_row(labels), f"{name}/categories")
        is_it = nodes.add("Equal", [cell, known], f"{name}/is")
        if inputs == "columns" and has_numbers(column):  # 7 may come as "7.0"
            other = nodes.array(_row([_with_point(label) for label in labels]), f"{name}/other")
            is_other = nodes.add("Equal", [cell, other], f"{name}/is_other")
            is_it = nodes.add("Or", [is_it, is_other], f"{name}/either")
        parts.append(_cast(nodes, is_it, np.bool_))
        if column.missing and inputs == "tensor":
            parts.append(_cast(nodes, nodes.add("IsNaN", [cell], f"{name}/missing"), np.bool_))
        elif column.missing:
            texts = nodes.array(_row(missing_texts(column)), f"{name}/missing/texts")
            each = nodes.add("Equal", [cell, texts], f"{name}/missing/is")
            axis = nodes.array(np.array([1]), f"{name}/missing/axis")
            each = _cast(nodes, each, np.bool_)
            parts.append(nodes.add("ReduceMax", [each, axis], f"{name}/missing"))
    return _together(nodes, parts, "one_hot")


def _with_point(label: str) -> str:
    return f"{label}.0" if re.fullmatch(r"-?\d+", label) else label


def _row(labels: Sequence[Any]) -> NDArray[Any]:
    """Return labels as an array of one row; texts, or numbers."""
    return np.array([labels], dtype=object if isinstance(labels[0], str) else np.float64)


def _of_tensor(nodes: Nodes, columns: list[Column], column: Column) -> str:
    """Return a column of numbers that are categories, or refuse one of text."""
    if not numbers_alone(column):
        raise BadSetting(
            f"column '{column.name}' holds text, which a tensor of numbers cannot hold; "
            "take inputs='columns', with one input for each column"
        )
    place = nodes.array([columns.index(column)], f"one_hot/{legible(column.name)}/place")
    return nodes.add("Gather", [TENSOR, place], f"one_hot/{legible(column.name)}", axis=1)


def _cast(nodes: Nodes, tensor: str, given: Any) -> str:
    from onnx import helper

    if nodes.dtype == given:
        return tensor
    to = helper.np_dtype_to_tensor_dtype(nodes.dtype)
    return nodes.add("Cast", [tensor], f"{tensor}/{nodes.dtype}", to=to)


def _networks(nodes: Nodes, model: Any, x: str) -> str:
    """Add the networks, all at once where they are several, and return their mean output.

    Then tensors are (networks, rows, neurons), and weights (networks, inputs, outputs).
    """
    network, members = model.network, len(model.ensemble)
    layers = [network.layers(theta) for theta in model.parameters]
    a = x
    for l, rule in enumerate(network.activations):
        prefix = "output" if l == len(network.activations) - 1 else f"hidden{l + 1}"
        weights = np.stack([layer[l][0] for layer in layers])
        biases = np.stack([layer[l][1][None] for layer in layers])
        if members == 1:
            given = nodes.array(weights[0], f"{prefix}/W"), nodes.array(biases[0, 0], f"{prefix}/b")
            z = nodes.add("Gemm", [a, *given], f"{prefix}/z")
        else:
            product = nodes.add("MatMul", [a, nodes.array(weights, f"{prefix}/W")], f"{prefix}/Wa")
            z = nodes.add("Add", [product, nodes.array(biases, f"{prefix}/b")], f"{prefix}/z")
        a = _activated(nodes, rule, z, prefix)
    if members == 1:
        return a
    axis = nodes.array(np.array([0]), "mean/axis")
    return nodes.add("ReduceMean", [a, axis], "mean", keepdims=0)


def _activated(nodes: Nodes, rule: str | Rule, z: str, prefix: str) -> str:
    if rule == "identity":
        return z
    if rule == "softmax":
        return add_softmax(nodes, z, f"{prefix}/softmax")
    source = rule.source if isinstance(rule, Rule) else ACTIVATIONS[rule]
    return add_rule(nodes, source, z, f"{prefix}/{rule}")


def _outputs(nodes: Nodes, model: Any, mean: str) -> list[Any]:
    """Add the nodes from the networks' output to the graph's, and declare these."""
    from onnx import TensorProto, helper

    target = model.spec.target
    if target.task == "regression":
        given = _values(nodes, model, mean)
        return [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows"]) for name in given]
    if model.network.sizes[-1] == 1:
        other = nodes.add("Sub", [nodes.number(1.0), mean], "other")
        nodes.add("Concat", [other, mean], "probabilities", axis=1, exactly=True)
    else:
        nodes.add("Identity", [mean], "probabilities", exactly=True)
    best = nodes.add("ArgMax", ["probabilities"], "best", axis=1, keepdims=0)
    classes = _classes(model.spec)
    nodes.add("Gather", [nodes.array(classes, "classes"), best], "label", axis=0, exactly=True)
    kind = (
        TensorProto.STRING
        if classes.dtype == object
        else helper.np_dtype_to_tensor_dtype(classes.dtype)
    )
    real = helper.np_dtype_to_tensor_dtype(nodes.dtype)
    return [
        helper.make_tensor_value_info("label", kind, ["rows"]),
        helper.make_tensor_value_info("probabilities", real, ["rows", len(classes)]),
    ]


def _values(nodes: Nodes, model: Any, mean: str) -> list[str]:
    """Add the values in the target's units, in float64 as the model gives them."""
    from onnx import TensorProto

    target, single = model.spec.target, nodes.dtype != np.float64
    if single:
        mean = nodes.add("Cast", [mean], f"{mean}/float64", to=TensorProto.DOUBLE)
    flat = nodes.add("Squeeze", [mean, nodes.array(np.array([1]), "value/axis")], "standardised")
    scale = nodes.array(np.float64(target.scale), "target/scale")
    centre = nodes.array(np.float64(target.mean), "target/mean")
    moved = {"value": flat}
    if model.coverage is not None:
        margin = nodes.array(np.float64(model.ensemble.margin(model.coverage)[0]), "target/margin")
        moved["lower"] = nodes.add("Sub", [flat, margin], "standardised/lower")
        moved["upper"] = nodes.add("Add", [flat, margin], "standardised/upper")
    for name, tensor in moved.items():
        scaled = nodes.add("Mul", [tensor, scale], f"{name}/scaled")
        nodes.add("Add", [scaled, centre], name, exactly=True)
    return list(moved)


def _classes(spec: TableSpec) -> NDArray[Any]:
    """Return the classes in a type of ONNX: text, int64, uint64, float64, bool."""
    from chainrule.table import labels

    target = spec.target
    if target.class_type == "string":
        return np.array(target.classes, dtype=object)
    found = labels(spec, range(len(target.classes)))
    return found if found.dtype.kind in "biuf" else np.array(target.classes, dtype=object)


def _declared(spec: TableSpec, names: dict[str, str], inputs: str) -> list[Any]:
    from onnx import TensorProto, helper

    columns = used(spec)
    if inputs == "tensor":
        about = f"The columns {', '.join(column.name for column in columns)}, in this order."
        shape = ["rows", len(columns)]
        return [helper.make_tensor_value_info(TENSOR, TensorProto.DOUBLE, shape, about)]
    return [
        helper.make_tensor_value_info(
            names[column.name],
            TensorProto.STRING if column.kind == "categorical" else TensorProto.DOUBLE,
            ["rows", 1],
            f"{column.name}: {KINDS[column.kind]}",
        )
        for column in columns
    ]


def _about(model: Any, names: dict[str, str], inputs: str) -> str:
    target, network = model.spec.target, model.network
    given = "one input for each column" if inputs == "columns" else "all columns in one input"
    lines = [
        f"Predicts {target.name} from raw rows; {given}.",
        f"{len(model.ensemble)} network(s) of {'-'.join(map(str, network.sizes))}.",
    ]
    if target.task == "classification":
        lines.append(f"label is the likeliest class of: {', '.join(target.classes)}.")
    elif model.coverage is not None:
        lines.append(f"{model.coverage:.0%} of the rows lie between lower and upper.")
    return "\n".join(lines)


def _metadata(model: Any, names: dict[str, str], inputs: str, samples: Samples) -> dict[str, str]:
    """Return what a reader of the file wants to know, as JSON where it is not plain text."""
    columns = [
        {"name": c.name, "input": names[c.name], "kind": c.kind, "cells": KINDS[c.kind]}
        for c in used(model.spec)
    ]
    expected = samples.outputs.astype(np.float64).tolist()
    target = model.spec.target
    found = {
        "task": target.task,
        "target": target.name,
        "columns": json.dumps(columns),
        "self_test": json.dumps({"rows": samples.columns, "outputs": expected}),
    }
    if target.classes:
        found["classes"] = json.dumps(target.classes)
    if model.coverage is not None:
        found["coverage"] = str(model.coverage)
    return found
