"""Where objects of a learner's code hold weights and biases, or the gradients of these."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np

from chainrule.checking.packing import Shapes
from chainrule.checking.reading import Unreadable
from chainrule.checking.roles import is_gradient, parameter_of, plain
from chainrule.checking.steps import Case

Place = tuple[Any, Any]  # a dictionary or a list, and the key in it


def layers_of(value: Any) -> list[dict[str, Place]]:
    """Return the parameters of each layer of a list that has any; of anything else none."""
    if not isinstance(value, list) or not value:
        return []
    steps = all(hasattr(part, "__dict__") and hasattr(part, "backward") for part in value)
    return [place for part in value if (place := parameters_in(part, 1))] if steps else []


def with_parameters(layers: Any, case: Case, shapes: Shapes) -> Any:
    """Return a copy of a list of layers that has the parameters of a case."""
    made = copy.deepcopy(layers)
    places = layers_of(made)
    if len(places) != len(case.layers):
        raise Unreadable(f"its list of layers has parameters in {len(places)} of them")
    for place, (W, b) in zip(places, case.layers, strict=True):
        for name, value in (("W1", shapes.weight(W)), ("b1", shapes.bias(b))):
            holder, key = place[name]
            if np.ndim(holder[key]) != np.ndim(value):
                raise Unreadable(f"{key} has the shape {np.shape(holder[key])} there")
            holder[key] = value
    return made


def held_by(layers: Any) -> dict[str, Any]:
    """Return W1, b1, W2, ... as a list of layers holds them."""
    return {
        f"{name[0]}{l}": holder[key]
        for l, place in enumerate(layers_of(layers), 1)
        for name, (holder, key) in place.items()
    }


def parameters_in(object_: Any, depth: int, gradients: bool = False) -> dict[str, Place]:
    """Return where an object keeps W1, b1, W2, ..., or the gradients of these."""
    found: dict[str, Place] = {}
    numbered: dict[tuple[str, int], Place] = {}
    for name, value in list(vars(object_).items()):
        kind = parameter_of(name)
        if kind and is_gradient(name) == gradients:
            if kind[1] is not None:
                numbered[kind[0], kind[1]] = (vars(object_), name)
            elif (
                isinstance(value, list) and len(value) == depth and (depth > 1 or np.ndim(value[0]))
            ):
                found |= {f"{kind[0]}{l}": (value, l - 1) for l in range(1, depth + 1)}
            elif isinstance(value, dict):
                found |= _in_dictionary(value, depth, kind[0])
            else:
                numbered[kind[0], 1] = (vars(object_), name)
        elif isinstance(value, dict):
            wanted = re.search("grad", plain(name)) is not None
            if wanted == gradients or any(is_gradient(str(k)) == gradients for k in value):
                found |= _in_dictionary(value, depth, None, None if wanted else gradients)
        elif isinstance(value, (list, tuple)) and value and hasattr(value[0], "__dict__"):
            holders = [p for p in (parameters_in(v, 1, gradients) for v in value) if p]
            for l, place in enumerate(holders, 1):
                found |= {f"{key[0]}{l}": where for key, where in place.items()}
    if not found and not numbered and not gradients:
        numbered = _in_order(object_, depth)
    if numbered:
        first = min(number for _, number in numbered)
        found |= {f"{letter}{k - first + 1}": p for (letter, k), p in numbered.items()}
    return found


def _in_order(object_: Any, depth: int) -> dict[tuple[str, int], Place]:
    """Return parameters such as w_hidden and b_output, in the order in which they are made."""
    found: dict[tuple[str, int], Place] = {}
    for letter, word in (("W", r"w|weights?"), ("b", r"b|bias(es)?")):
        short = r"ih|ho|xh|hh|hy|i|h|o"
        names = [
            name for name, value in vars(object_).items()
            if re.fullmatch(rf"({word})_\w+|\w+_({word})|({word})_?({short})", name, re.I)
            and np.ndim(value) and not is_gradient(name)
        ]  # fmt: skip
        if len(names) == depth:
            found |= {(letter, l): (vars(object_), name) for l, name in enumerate(names, 1)}
    return found


def _in_dictionary(
    values: dict[Any, Any], depth: int, letter: str | None, gradients: bool | None = None
) -> dict[str, Place]:
    found: dict[str, Place] = {}
    keys: dict[tuple[str, int], Any] = {}
    for key in values:
        kind = parameter_of(str(key))
        if letter and isinstance(key, int):
            keys[letter, key] = key
        elif kind and kind[1] is not None and gradients in (None, is_gradient(str(key))):
            keys[kind[0], kind[1]] = key
        elif kind and kind[1] is None and gradients in (None, is_gradient(str(key))):
            value = values[key]
            if isinstance(value, list) and len(value) == depth:
                found |= {f"{kind[0]}{l}": (value, l - 1) for l in range(1, depth + 1)}
            else:
                keys[kind[0], 1] = key
    first = min((number for _, number in keys), default=1)
    return found | {f"{name}{k - first + 1}": (values, key) for (name, k), key in keys.items()}
