"""All parameters in one object, as learners hand them over: dictionaries, lists, pairs."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.checking.packing import Shapes
from chainrule.checking.roles import role_of
from chainrule.checking.sources import space_of
from chainrule.checking.steps import Case


def bundles(source: str, depth: int) -> list[str]:
    """Return the ways to hand over all parameters as one argument, the likeliest first."""
    numbered = re.findall(r"""["']([A-Za-z]+)_?(\d+)["']""", source)
    spelled = {key for key, _ in numbered}
    spelled |= set(re.findall(r"""f["']([A-Za-z]+)_?\{""", source))
    spelled |= set(re.findall(r"""["']([A-Za-z]+)_?["']\s*\+\s*str""", source))
    if any(role_of(key) in ("W", "b") for key in spelled):
        return ["dict"]
    fields = re.findall(r"(?<!self)(?<!np)\.([A-Za-z]+)_?(\d+)\b", source)
    if any(role_of(key) in ("W", "b") for key, _ in fields):
        return ["object"]
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


def kind_of_object(function: Any, roles: dict[str, str]) -> Callable[[Case, Shapes, str], Any]:
    """Return what makes the object with attributes W1, b1, ... that a function takes."""
    wanted = next((name for name, role in roles.items() if role == "params"), "")
    parameter = inspect.signature(function).parameters.get(wanted)
    kind = parameter.annotation if parameter else None
    kind = space_of(function).get(kind, kind) if isinstance(kind, str) else kind
    kinds = [kind, *space_of(function).values()]
    fitting = next((each for each in kinds if _fields(each)), None)

    def made(case: Case, shapes: Shapes, source: str) -> Any:
        parts = bundle("dict", case, shapes, source)
        if fitting is None:
            found = re.findall(r"\.([A-Za-z]+_?)(\d+)\b", source)
            named = [word + number for word, number in found if role_of(word) in ("W", "b")]
            return types.SimpleNamespace(**_renamed(parts, sorted(set(named), key=_order)))
        return fitting(**_renamed(parts, _fields(fitting)))

    return made


def _fields(kind: Any) -> list[str]:
    """Return the fields of a dataclass or named tuple that holds weights and biases alone."""
    names: list[str] = list(getattr(kind, "_fields", ())) if isinstance(kind, type) else []
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    known = [role_of(name) or " " for name in names]
    return names if names and all(role[0] in "Wb" for role in known) else []


def _order(name: str) -> tuple[int, str]:
    role = role_of(name) or ""
    return int(role[1:] or 0), role[:1]


def _renamed(parts: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return W1, b1, ... under the names that they have in an object."""
    numbers = sorted({_order(name)[0] for name in names})
    lookup = {
        (role_of(key) or "")[0] + str(l): value
        for l in range(1, len(parts) // 2 + 1)
        for key, value in parts.items()
        if _order(key)[0] - min(_order(each)[0] for each in parts) + 1 == l
    }
    return {
        name: lookup[(role_of(name) or "")[0] + str(numbers.index(_order(name)[0]) + 1)]
        for name in names
    }
