"""Find the gradients in what a learner's function returned: tuples, lists, dictionaries."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.checking.roles import is_gradient, parameter_of, plain, role_of

Found = dict[str, Any]


class Unreadable(Exception):
    """Code that cannot be called, or a result in which no gradients are to be seen."""


class NothingToRead(Unreadable):
    """A result in which no gradients are to be seen: the code was called, and ran."""


def read(
    result: Any, sizes: Sequence[int], names: Sequence[str], biases: bool = True
) -> tuple[float | None, Found]:
    """Return the loss, or None, and the gradients (or parameters) by their names W1, b1, W2, ...

    Parameters
    ----------
    result : object
        What a learner's function returned.
    sizes : sequence of int
        Of the network.
    names : sequence of str
        What stands in its return statement, where that is known.
    biases : bool, default True
        Whether the code has biases.

    Raises
    ------
    Unreadable

    Examples
    --------
    >>> read((0.5, {"dW1": [[1.0]], "db1": [2.0]}), (1, 1), [])
    (0.5, {'W1': [[1.0]], 'b1': [2.0]})
    """
    depth = len(sizes) - 1
    result = mapping_of(result) or result
    if not biases and not isinstance(result, Mapping):
        return _weights_alone(result, depth, names)
    if isinstance(result, Mapping):
        return _from_mapping(result, sizes)
    if isinstance(result, np.ndarray) and result.dtype != object:
        return None, {"flat": result}
    if not isinstance(result, (tuple, list)):
        raise NothingToRead(f"it returns {_kind(result)}, and no gradients")
    parts = list(result)
    named = list(names) if len(names) == len(parts) else [""] * len(parts)
    parts, named = _chosen(parts, named, depth)
    loss, parts, named = _without_loss(parts, named, depth)
    if len(parts) == 1:
        return loss, read(parts[0], sizes, [])[1]
    if len(parts) == 2 * depth and depth == 1:
        return loss, _two(parts, named)
    if len(parts) == 2 * depth and all(map(_is_array, parts)) and not _are_layers(parts, depth):
        return loss, _in_turn(parts, named, depth)
    if len(parts) == 2 and _are_two_lists(parts, named, sizes):
        return loss, _two_lists(parts, named)
    if len(parts) == depth and all(isinstance(part, (tuple, list, Mapping)) for part in parts):
        return loss, _by_layer(parts)
    raise NothingToRead(f"it returns {_kind(result)} of {len(parts)} parts; gradients of {depth} "
                     "layers are not to be seen in it")  # fmt: skip


def mapping_of(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of an object that is made to hold some, or None of another one."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if isinstance(value, types.SimpleNamespace) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    ):
        return vars(value)
    return None


def _chosen(parts: list[Any], named: list[str], depth: int) -> tuple[list[Any], list[str]]:
    """Leave out what stands beside the gradients or the parameters: caches, states."""
    words = [plain(re.sub(r"(?i)new|updated|_(?=_)", "", name)) for name in named]
    for pattern in (r"grads?|gradients?", r"params?|parameters|weights|theta"):
        mine = [k for k, word in enumerate(words) if re.fullmatch(pattern, word)]
        if len(mine) == 1 and mapping_of(parts[mine[0]]):
            kept = [k for k in range(len(parts)) if k in mine or _is_number(parts[k])]
            return [parts[k] for k in kept], [named[k] for k in kept]
    arrays = [k for k, part in enumerate(parts) if isinstance(part, np.ndarray)]
    more = len(parts) > 2 * depth + 1 or not any(map(_is_number, parts))
    if more and len(arrays) == 2 * depth < len(parts):
        return [parts[k] for k in arrays], [named[k] for k in arrays]
    return parts, named


def _weights_alone(result: Any, depth: int, names: Sequence[str]) -> tuple[float | None, Found]:
    if isinstance(result, np.ndarray) and depth == 1:
        return None, {"W1": result}
    parts = list(result) if isinstance(result, (tuple, list)) else []
    named = list(names) if len(names) == len(parts) else [""] * len(parts)
    loss = None
    if len(parts) == depth + 1:
        losses = [k for k, part in enumerate(parts) if _is_number(part)]
        if losses:
            loss = float(parts.pop(losses[0]))
            named.pop(losses[0])
    if len(parts) != depth:
        raise NothingToRead(
            f"it returns {_kind(result)}; gradients of {depth} matrices of weights are not in it"
        )
    numbers = [kind[1] for name in named if (kind := parameter_of(name)) and kind[1] is not None]
    order = numbers if len(set(numbers)) == depth else list(range(depth))
    first = min(order, default=0)
    return loss, {f"W{k - first + 1}": part for k, part in zip(order, parts, strict=True)}


def _kind(result: Any) -> str:
    return "nothing" if result is None else f"a {type(result).__name__}"


def _list(part: Any) -> list[Any]:
    return list(part) if isinstance(part, (list, tuple, np.ndarray)) and _ndim(part) else []


def _ndim(part: Any) -> int:
    try:
        return np.ndim(part)
    except ValueError:  # lists of different lengths
        return 1


def _is_array(part: Any) -> bool:
    try:
        return np.asarray(part, dtype=float).ndim <= 2
    except (TypeError, ValueError):
        return False


def _is_number(part: Any) -> bool:
    try:
        return _ndim(part) == 0 and np.isfinite(float(part))
    except (TypeError, ValueError):
        return False


def _are_layers(parts: list[Any], depth: int) -> bool:
    return len(parts) == 2 and all(isinstance(part, (list, tuple)) for part in parts) and depth > 1


def _are_two_lists(parts: list[Any], named: list[str], sizes: Sequence[int]) -> bool:
    """Say whether it is all W and all b; two layers of (W, b) look much the same."""
    depth, lists = len(sizes) - 1, [_list(part) for part in parts]
    if any(len(each) != depth for each in lists):
        return False
    letters = [
        {kind[0] for word in re.findall(r"[\w.]+", name) if (kind := parameter_of(word))}
        for name in named
    ]
    if all(letters):
        return len(letters[0] | letters[1]) == 2 and len(letters[0]) == 1
    if depth != 2:
        return True
    wide = sizes[1] * sizes[2]
    layers = np.size(lists[0][1]) == sizes[1] and np.size(lists[1][0]) == wide
    both = np.size(lists[0][1]) == wide and np.size(lists[1][0]) == sizes[1]
    if both and layers:
        return _ndim(lists[0][1]) == 2 and 1 not in np.shape(lists[0][1])[:1]
    return both or not layers


def _without_loss(
    parts: list[Any], names: list[str], depth: int
) -> tuple[float | None, list[Any], list[str]]:
    """Take the loss out, a single number before or behind the gradients; caches go too."""
    for k, part in enumerate(parts):
        surplus = len(parts) not in (2 * depth, depth) or any(
            isinstance(other, (Mapping, list, tuple)) for other in parts
        )
        told = role_of(names[k]) == "loss" if names[k].isidentifier() else surplus
        if told and _is_number(part) and len(parts) > 1:
            rest, others = parts[:k] + parts[k + 1 :], names[:k] + names[k + 1 :]
            return float(part), rest, others
    return None, parts, names


def _two(parts: list[Any], names: list[str]) -> Found:
    parts = [
        part[0] if isinstance(part, (list, tuple)) and len(part) == 1 and _ndim(part[0]) else part
        for part in parts
    ]
    kinds = [parameter_of(name) for name in names]
    turned = [kind[0] for kind in kinds if kind] == ["b", "W"]
    W, b = reversed(parts) if turned else parts
    return {"W1": W, "b1": b}


def _two_lists(parts: list[Any], names: list[str]) -> Found:
    kinds = [parameter_of(name) for name in names]
    turned = [kind[0] for kind in kinds if kind] == ["b", "W"]
    Ws, bs = map(_list, reversed(parts) if turned else parts)
    found = {f"W{l}": W for l, W in enumerate(Ws, 1)}
    return found | {f"b{l}": b for l, b in enumerate(bs, 1)}


def _in_turn(parts: list[Any], names: list[str], depth: int) -> Found:
    kinds = [parameter_of(name) for name in names]
    if all(kind and kind[1] is not None for kind in kinds):
        first = min(kind[1] for kind in kinds if kind)  # type: ignore[type-var]
        return {
            f"{kind[0]}{kind[1] - first + 1}": part  # type: ignore[operator]
            for kind, part in zip(kinds, parts, strict=True)
            if kind
        }
    order = [f"{letter}{l}" for l in range(1, depth + 1) for letter in "Wb"]
    if _ndim(parts[1]) == _ndim(parts[0]) == 2 and min(np.shape(parts[1])) > 1:
        order = [f"{letter}{l}" for letter in "Wb" for l in range(1, depth + 1)]
    return dict(zip(order, parts, strict=True))


def _by_layer(parts: list[Any]) -> Found:
    found: Found = {}
    for l, part in enumerate(parts, 1):
        if isinstance(part, Mapping):
            for key, value in part.items():
                if kind := parameter_of(str(key)):
                    found[f"{kind[0]}{l}"] = value
        elif len(part) == 2:
            found |= {f"W{l}": part[0], f"b{l}": part[1]}
    return found


def _from_mapping(result: Mapping[Any, Any], sizes: Sequence[int]) -> tuple[float | None, Found]:
    """Read a dictionary; of the gradients in it and the parameters, the gradients count."""
    loss: float | None = None
    found: Found = {}
    numbered: dict[tuple[str, int, int], Any] = {}
    for key, value in result.items():
        name = str(key)
        kind = parameter_of(name)
        if kind is None:
            if role_of(name) == "loss" and _is_number(value):
                loss = float(value)
            elif re.fullmatch(r"grads?|gradients?|params?|parameters", plain(name)):
                return loss, read(value, sizes, [])[1]
        elif kind[1] is None and len(sizes) > 2:
            found |= {f"{kind[0]}{l}": part for l, part in enumerate(_list(value), 1)}
        else:
            numbered[kind[0], kind[1] or 0, _gradient_first(name)] = value
    if numbered:
        best = min(key[2] for key in numbered)
        first = min(key[1] for key in numbered)
        for (letter, l, rank), value in numbered.items():
            if rank == best:
                found[f"{letter}{l - first + 1}"] = value
    if not found:
        raise NothingToRead(f"it returns a dictionary with {', '.join(map(str, result))}; no name "
                         "of a gradient, such as dW1, is among them")  # fmt: skip
    return loss, found


def _gradient_first(name: str) -> int:
    return 0 if is_gradient(name) else 1
