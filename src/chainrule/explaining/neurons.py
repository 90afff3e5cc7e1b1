"""One neuron: its sum term by term, its output, and what comes back to it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import BadSetting
from chainrule.explaining.chain import deltas, errors, gradients, slopes
from chainrule.explaining.forward import activations, scores
from chainrule.explaining.parts import TICKED, Cell, Grid, Lines, Part, Section, Words
from chainrule.explaining.signs import Signs, largest
from chainrule.notation import Expression

TERMS = 64  # of a neuron's sum that are shown


def alone(signs: Signs, neuron: str | tuple[int, int]) -> Section:
    """Return the section on one neuron."""
    l, j = located(neuron, signs.sizes)
    one = replace(signs, only=(l, j), most=TERMS)
    name = signs.trace.network.activations[l - 1]
    sum_ = [line for line in scores(one, l) if line.value is not None]
    parts: list[Part] = [
        Words("Its score is the sum of its inputs, each times its weight, and of its bias:"),
        _table(one, l, j),
        Lines(tuple(sum_)),
        Words(f"Its output, by the activation {name}:"),
        Lines(tuple(activations(one, l, name))),
    ]
    if signs.trace.y is not None:
        parts += [
            Words("What comes back to it, and is shared out to its weights:"),
            Lines((*errors(one, l), *slopes(one, l), *deltas(one, l))),
            Lines(tuple(gradients(one, l))),
            Words(TICKED),
        ]
    return Section(f"One neuron: layer {l}, number {j}", tuple(parts))


def _table(signs: Signs, l: int, j: int) -> Grid:
    """Return a row for each term of a neuron's sum."""
    products = signs.weights(l)[:, j - 1] * signs.trace.A[l - 1]
    rows: list[tuple[Cell, ...]] = []
    for i in largest(products, signs.most):
        W, A = signs.W(l, i, j), signs.A(l - 1, i)
        rows.append((_bare(W), W.value, _bare(A), A.value, float(products[i - 1])))
    b = signs.b(l, j)
    rows.append((_bare(b), b.value, "", "", b.value))
    return Grid(("weight", "value", "input", "value", "product"), tuple(rows))


def _bare(sign: Any) -> Expression:
    return replace(sign, value=None)  # type: ignore[no-any-return]


def located(neuron: str | tuple[int, int], sizes: tuple[int, ...]) -> tuple[int, int]:
    """Return layer and number, counted from 1.

    Examples
    --------
    >>> located("2:3", (2, 4, 3))
    (2, 3)
    """
    found: Any = neuron
    if isinstance(neuron, str):
        match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", neuron)
        found = tuple(map(int, match.groups())) if match else ()
    if len(found) != 2 or not all(isinstance(part, int | np.integer) for part in found):
        raise BadSetting(f"neuron={neuron!r} must be LAYER:NUMBER, counted from 1, such as 1:2")
    l, j = map(int, found)
    if not 1 <= l < len(sizes):
        raise BadSetting(f"neuron={neuron!r}: the network has the layers 1 to {len(sizes) - 1}")
    if not 1 <= j <= sizes[l]:
        raise BadSetting(f"neuron={neuron!r}: the neurons of layer {l} go from 1 to {sizes[l]}")
    return l, j
