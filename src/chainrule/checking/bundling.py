"""All parameters in one object, as learners hand them over: dictionaries, lists, pairs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from chainrule.checking.packing import Shapes
from chainrule.checking.roles import role_of
from chainrule.checking.steps import Case


def bundles(source: str, depth: int) -> list[str]:
    """Return the ways to hand over all parameters as one argument, the likeliest first."""
    numbered = re.findall(r"""["']([A-Za-z]+)_?(\d+)["']""", source)
    spelled = {key for key, _ in numbered}
    spelled |= set(re.findall(r"""f["']([A-Za-z]+)_?\{""", source))
    spelled |= set(re.findall(r"""["']([A-Za-z]+)_?["']\s*\+\s*str""", source))
    if any(role_of(key) in ("W", "b") for key in spelled):
        return ["dict"]
    words = re.findall(r"""["']([A-Za-z]+)["']""", source)
    if any(role_of(key) in ("W", "b") for key in words):
        lists = ["dicts", "dict of lists"]
        return lists if depth > 1 else ["dict of arrays", *lists]
    return ["pairs", "dict", "lists", "flat", "in turn"]


def bundle(kind: str, case: Case, shapes: Shapes, source: str) -> Any:
    """Return the parameters of a case in one object."""
    Ws = [shapes.weight(W) for W, _ in case.layers]
    bs = [shapes.bias(b) for _, b in case.layers]
    w, b, start = _keys(source)
    pairs = list(zip(Ws, bs, strict=True))
    match kind:
        case "pairs":
            return pairs
        case "lists":
            return (Ws, bs)
        case "in turn":
            return [part for pair in pairs for part in pair]
        case "flat":
            return np.concatenate([np.ravel(part) for pair in pairs for part in pair])
        case "dicts":
            return [{w: W, b: bias} for W, bias in pairs]
        case "dict of lists":
            return {w: Ws, b: bs}
        case "dict of arrays":
            return {w: Ws[0], b: bs[0]}
    return {f"{w}{l}": W for l, W in enumerate(Ws, start)} | {
        f"{b}{l}": bias for l, bias in enumerate(bs, start)
    }


def _keys(source: str) -> tuple[str, str, int]:
    """Return how a source spells the keys of weights and biases, and the first number."""
    words = re.findall(r"""["']([A-Za-z]+_?)(\d*)(?=["'{])""", source)
    found: dict[str, str] = {}
    for word, _ in words:
        role = role_of(word)
        if role in ("W", "b"):
            found.setdefault(role, word)
    numbers = [int(number) for word, number in words if number and role_of(word) in ("W", "b")]
    return found.get("W", "W"), found.get("b", "b"), min(numbers, default=1)
