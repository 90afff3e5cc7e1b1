"""One weight, along every path from it to the loss: the products add up to its gradient."""

from __future__ import annotations

import heapq
import re
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from chainrule.errors import BadSetting
from chainrule.explaining.parts import TICKED, Line, Lines, Part, Section, Words
from chainrule.explaining.signs import Signs, product
from chainrule.explaining.trace import differences
from chainrule.notation import Derivative, Expression, Rest, Sum, Symbol, put_in

Path = tuple[int, ...]  # the neurons of the layers after the weight, from its own


def followed(signs: Signs, weight: str | tuple[int, int, int]) -> Section:
    """Return the section on one weight."""
    l, i, j = parsed(weight, signs.sizes)
    if signs.trace.y is None:
        raise BadSetting("without a target there is no loss that a weight could be followed to")
    place = signs.place(l, i, j)
    gradient = signs.by_parameter(place)
    count = prod(signs.sizes[l + 1 :])
    paths = best_paths(signs, l, j, max(signs.most, 8))
    alive = [path for path in paths if path_product(signs, l, i, path)]
    if not alive:
        return _dead(signs, l, i, j, count)
    paths = alive
    lines: list[Line] = []
    parts: list[Symbol] = []
    for path in paths:
        factors = factors_of(signs, l, i, path)
        value = path_product(signs, l, i, path)
        name = f"P_{len(parts) + 1}"
        right: Any = product(*factors)
        lines.append(Line(Symbol(name, value=value), right, value, note=_through(signs, l, path)))
        parts.append(Symbol(name, value=value))
    terms: list[Expression] = list(parts)
    if count > len(paths):
        assert gradient.value is not None
        rest = gradient.value - sum(part.value for part in parts if part.value is not None)
        terms.append(Rest(count - len(paths), rest))
    total = terms[0] if len(terms) == 1 else Sum(tuple(terms))
    check = differences(signs.trace, np.array([place]))[place]
    lines.append(Line(gradient, total, gradient.value, check=check))
    words = Words(
        "One path leads from this weight to the loss. The product of its factors is the gradient."
        if count == 1
        else f"{count:,} paths lead from this weight to the loss. Each is a product of factors, "
        "from the loss back to the weight; their sum is the gradient."
    )
    shown = put_in(signs.W(l, i, j))
    title = Symbol("W", signs.layer(l), signs.W(l, i, j).at)
    head = Lines((Line(title, None, shown.value),))
    section: tuple[Part, ...] = (head, words, Lines(tuple(lines)), Words(TICKED))
    return Section(f"One weight: layer {l}, from {i} to {j}", section)


def path_product(signs: Signs, l: int, i: int, path: Path) -> float:
    """Return the product of the factors along a path."""
    return float(prod(factor.value for factor in factors_of(signs, l, i, path)))


def _dead(signs: Signs, l: int, i: int, j: int, count: int) -> Section:
    """Return the section on a weight that no path takes to the loss."""
    factors = factors_of(signs, l, i, best_paths(signs, l, j, 1)[0])
    zero = next(factor for factor in factors if factor.value == 0.0)
    many = "The only path is" if count == 1 else f"All {count:,} paths are"
    words = Words((f"{many} 0, and so is the gradient of this weight. On the first of them, ",
                   replace(zero, value=None), " = 0."))  # fmt: skip
    line = Line(signs.by_parameter(signs.place(l, i, j)), product(*factors), 0.0)
    return Section(f"One weight: layer {l}, from {i} to {j}", (words, Lines((line,))))


def parsed(weight: str | tuple[int, int, int], sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return layer, from and to, counted from 1.

    Examples
    --------
    >>> parsed("2:3,1", (2, 4, 1))
    (2, 3, 1)
    """
    found: Any = weight
    if isinstance(weight, str):
        match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*", weight)
        found = tuple(map(int, match.groups())) if match else ()
    if len(found) != 3 or not all(isinstance(part, int | np.integer) for part in found):
        raise BadSetting(f"weight={weight!r} must be LAYER:FROM,TO, counted from 1, such as 1:2,3")
    l, i, j = map(int, found)
    if not 1 <= l < len(sizes):
        raise BadSetting(f"weight={weight!r}: the network has the layers 1 to {len(sizes) - 1}")
    if not (1 <= i <= sizes[l - 1] and 1 <= j <= sizes[l]):
        raise BadSetting(
            f"weight={weight!r}: the weights of layer {l} go from 1..{sizes[l - 1]} to "
            f"1..{sizes[l]}"
        )
    return l, i, j


def best_paths(signs: Signs, l: int, j: int, most: int) -> list[Path]:
    """Return the paths from neuron j of layer l to the outputs with the largest products first.

    The best ones from a neuron go on from the best ones of the neurons after it, so it is
    enough to keep so many of each.
    """
    depth = signs.trace.depth
    best: dict[int, list[tuple[float, Path]]] = {
        k: [(abs(_last(signs, k)), (k,))] for k in range(1, signs.sizes[-1] + 1)
    }
    for layer in range(depth - 1, l - 1, -1):
        W = signs.weights(layer + 1)
        slopes = signs.trace.slopes[layer]
        assert slopes is not None
        neurons = [j] if layer == l else range(1, signs.sizes[layer] + 1)
        found = {}
        for k in neurons:
            onward = (
                (abs(slopes[k - 1] * W[k - 1, n - 1]) * value, (k, *path))
                for n, kept in best.items()
                for value, path in kept
            )
            found[k] = heapq.nlargest(most, onward)
        best = found
    return [path for _, path in best[j]]


def _last(signs: Signs, k: int) -> float:
    return float(signs.trace.deltas[signs.trace.depth][k - 1])


def factors_of(signs: Signs, l: int, i: int, path: Path) -> list[Any]:
    """Return the factors along a path, from the loss back to the weight."""
    depth = signs.trace.depth
    out = path[-1]
    joined = signs.trace.joined
    factors: list[Any] = list((signs.by_Z(depth, out),) if joined else signs.chain(depth, out))
    for layer in range(depth, l, -1):
        k, before = path[layer - l], path[layer - l - 1]
        W = signs.W(layer, before, k)
        factors.append(Derivative(signs.Z(layer, k), signs.A(layer - 1, before), W.value))
        factors.append(signs.slope(layer - 1, before))
    factors.append(Derivative(signs.Z(l, path[0]), signs.W(l, i, path[0]), signs.A(l - 1, i).value))
    return factors


def _through(signs: Signs, l: int, path: Path) -> str:
    """Name the neurons of a path."""
    return "via " + "→".join(map(str, path)) if len(path) > 1 else ""
