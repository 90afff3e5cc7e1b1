"""A chain of layers, the names of columns, classes: to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.cells import number_text
from chainrule.columns import Column, TableSpec, Target
from chainrule.ensemble import single
from chainrule.errors import BadSetting, BadSource
from chainrule.importing.chain import Chain
from chainrule.importing.inputs import Feature, columns_for
from chainrule.importing.pipelines import names_of, through
from chainrule.model import Model
from chainrule.network import OUTPUTS, Network
from chainrule.summary import IMPORTED, Summary

LOSSES = {"softmax": "cross_entropy", "exp": "poisson"}
ADVICE = {
    1: "give output='sigmoid' if it is the score of a class",
    2: "give output='softmax' if they are the scores of classes",
}


@dataclass(frozen=True)
class Wanted:
    """What the user says of a network: names, and what its weights do not tell.

    Attributes
    ----------
    inputs : sequence of str or of Column, a fitted preprocessor of scikit-learn, or None
    target : str or Target
    classes : sequence or None
    hidden, output : str or None
    """

    inputs: Any = None
    target: Any = "target"
    classes: Any = None
    hidden: Any = None
    output: Any = None


@dataclass(frozen=True)
class Origin:
    """Where a network is from.

    Attributes
    ----------
    name : str
        For people.
    columns : str
        Who standardised the columns, for people.
    settings : dict
        How it was trained, as far as a step of the training needs it.
    """

    name: str
    columns: str
    settings: dict[str, Any]


def assembled(
    chain: Chain,
    wanted: Wanted,
    origin: Origin,
    features: Sequence[Feature] | None = None,
    names: Sequence[str] = (),
) -> Model:
    """Put a model together.

    Parameters
    ----------
    chain : Chain
    wanted : Wanted
    origin : Origin
    features, names : optional
        What the inputs of the first layer are made of, and the columns of the table. By
        default as ``wanted.inputs`` says.
    """
    from chainrule import __version__

    chain.ends()
    columns = _columns(chain, wanted, origin, features, names)
    network = _network(chain, wanted.output)
    target = _target(network, wanted)
    if target.task == "regression" and network.loss == "binary_cross_entropy":
        network = replace(network, loss="half_squared_error")
    used = [c for c in columns if c.kind != "dropped" or c.name != target.name]
    spec = TableSpec(tuple(used), target)
    _check_names(spec)
    parts = [part.ravel() for pair in chain.weights for part in pair]
    parameters = np.concatenate(parts).astype(chain.dtype)
    _check_finite(parameters, spec)
    settings = {IMPORTED: _described(chain, origin)} | origin.settings
    return Model(single(network, parameters), spec, Summary(__version__, settings=settings))


def _columns(
    chain: Chain,
    wanted: Wanted,
    origin: Origin,
    features: Sequence[Feature] | None,
    names: Sequence[str],
) -> Sequence[Column]:
    """Return the columns; the chain's first layer becomes one that takes what they give."""
    columns = None
    if features is None:
        features, names, columns = _inputs(chain, wanted.inputs)
    if columns is not None:
        return columns
    given = type(wanted.inputs).__name__ if hasattr(wanted.inputs, "transform") else ""
    reason = (
        given or origin.columns or ("scaled by the network" if _scales(chain) else "not scaled")
    )
    W, b = chain.weights[0]
    made = columns_for(_scaled(features, chain), names, W, b, reason)
    chain.weights[0] = (made.W, made.b)
    return made.columns


def _inputs(
    chain: Chain, inputs: Any
) -> tuple[Sequence[Feature], Sequence[str], Sequence[Column] | None]:
    """Return features and names, or columns, as the user gave them."""
    n = chain.sizes[0]
    if hasattr(inputs, "transform"):
        names = names_of(inputs, None)
        features = through(inputs, [Feature(name) for name in names])
        if len(features) != n:
            raise BadSource(f"inputs gives {len(features)} numbers, and the network takes {n}")
        return features, names, None
    given = [f"x{i + 1}" for i in range(n)] if inputs is None else list(inputs)
    width = sum(each.width if isinstance(each, Column) else 1 for each in given)
    if width != n:
        what = f"names {len(given)} columns" if width == len(given) else f"gives {width} numbers"
        raise BadSetting(f"inputs {what}, and the network takes {n} numbers")
    if any(isinstance(each, Column) for each in given):
        if _scales(chain):
            raise BadSetting("inputs are columns, but the network scales its inputs by itself")
        return (), (), [e if isinstance(e, Column) else Column(str(e), "numeric") for e in given]
    names = [str(each) for each in given]
    return [Feature(name) for name in names], names, None


def _scaled(features: Sequence[Feature], chain: Chain) -> list[Feature]:
    n = len(features)
    means, scales = (np.broadcast_to(part, n) for part in (chain.mean, chain.scale))
    if chain.fill is not None:
        fills = np.broadcast_to(chain.fill, n)
        features = [replace(f, fill=float(c)) for f, c in zip(features, fills, strict=True)]
    return [
        feature.scaled(float(mean), float(scale))
        for feature, mean, scale in zip(features, means, scales, strict=True)
    ]


def _scales(chain: Chain) -> bool:
    return bool(
        chain.fill is not None or np.any(chain.mean) or np.any(np.asarray(chain.scale) != 1.0)
    )


def _described(chain: Chain, origin: Origin) -> str:
    if not chain.folded:
        return origin.name
    names = list(dict.fromkeys(chain.folded))
    shown = ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
    return f"{origin.name}; part of the weights: {shown}"


def _network(chain: Chain, asked: Any) -> Network:
    *hidden, output = chain.activations
    if asked is not None:
        if asked not in OUTPUTS:
            raise BadSetting(f"output={asked!r} is not one of {', '.join(OUTPUTS)}")
        if output not in ("identity", asked):
            raise BadSetting(f"output={asked!r}, but the network ends in {output}")
        output = asked
    n = chain.sizes[-1]
    if n > 1 and output != "softmax":
        given = "" if output == "identity" else f" {output}"
        raise BadSource(
            f"the network has {n}{given} outputs. A model predicts one number, or one of several "
            "classes by softmax; "
            + (ADVICE[2] if output == "identity" else "several targets cannot be imported")
        )
    loss = LOSSES.get(str(output), "half_squared_error")
    if output == "sigmoid":
        loss = "binary_cross_entropy"
    return Network(chain.sizes, tuple(hidden) or "relu", output, loss)


def _target(network: Network, wanted: Wanted) -> Target:
    """Return the target: classes where the output is sigmoid or softmax, else a number."""
    given, of_classes = wanted.target, network.output in ("sigmoid", "softmax")
    if not of_classes and wanted.classes is not None:
        raise BadSetting(
            f"classes were given, and the network ends in {network.output}; "
            + ADVICE[min(2, network.sizes[-1])]
        )
    if isinstance(given, Target):
        return _fitting(given, network)
    if not of_classes:
        return Target(str(given), "regression", reason="the network gives a number")
    n = max(2, network.sizes[-1])
    labels = list(range(n)) if wanted.classes is None else list(wanted.classes)
    if len(labels) != n:
        raise BadSetting(f"classes names {len(labels)}, and the network tells {n} apart")
    reason = f"the network ends in {network.output}"
    return Target(str(given), "classification", *_classes(labels), reason=reason)


def _fitting(target: Target, network: Network) -> Target:
    """Check a target that the user describes."""
    n = network.sizes[-1]
    if target.task == "regression":
        fits = n == 1
    else:
        fits = len(target.classes) == max(2, n) and network.output in ("sigmoid", "softmax")
    if not fits or target.scale <= 0.0:
        raise BadSetting(
            f"target={target!r} does not fit a network of {n} outputs that ends in {network.output}"
        )
    return target


def _classes(labels: list[Any]) -> tuple[tuple[str, ...], str]:
    """Return classes as text, and their type."""
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    words = tuple(word for label in plain if (word := number_text(label)))
    if len(set(words)) < len(plain):
        raise BadSetting(f"classes={plain!r} has a class twice, or an empty one")
    for name, kind in (("boolean", bool), ("integer", int), ("float", int | float)):
        if all(isinstance(label, kind) for label in plain):
            return words, name
    return words, "string"


def _check_finite(parameters: NDArray[Any], spec: TableSpec) -> None:
    scales = [column.scale for column in spec.columns] + [spec.target.scale]
    numbers: list[Any] = [parameters, scales, [column.mean for column in spec.columns]]
    if min(scales) <= 0.0 or not all(np.isfinite(part).all() for part in numbers):
        raise BadSource("its numbers overflow where a scaling becomes part of the weights")


def _check_names(spec: TableSpec) -> None:
    names = [column.name for column in spec.columns] + [spec.target.name]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise BadSetting(f"'{twice}' is the name of two columns; give others by inputs or target")
