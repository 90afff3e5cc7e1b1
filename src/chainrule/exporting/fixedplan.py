"""A model in whole numbers: formats, integer weights, and tables of the activations.

A number v with f fraction bits is held as the integer round(v 2^f). Weights have the bits that
are asked for, activations 16, scores 32, and each layer one f for its weights, its scores and
its activations, chosen by what some rows reach in it, with room for twice as much. Beyond that
numbers saturate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, frexp, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import cells
from chainrule.columns import Column
from chainrule.errors import BadSetting
from chainrule.exporting.samples import used
from chainrule.network import Network
from chainrule.own import Rule

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
WIDTHS = (8, 16)  # of a weight
LIMIT = 2**15 - 1  # of an activation
LARGEST = 2**31 - 1  # of a score, a raw number and an output
MISSING = -(2**31)  # a raw number that is missing
SHARE_BITS = 15  # of probabilities: 32768 is certain
FINEST = 20  # fraction bits of scores
SEGMENTS = 1024  # of a table at most
DECAY = -12.0  # below it, e^z is less than half of a share's last bit
STRAIGHT = ("identity", "relu", "leaky_relu")  # computed without a table


@dataclass(frozen=True)
class Line:
    """(x multiplier - offset) / 2^shift, rounded."""

    multiplier: int
    offset: int
    shift: int


@dataclass(frozen=True)
class Field:
    """How a column stands in a raw row, and the line that standardises it, of numbers."""

    column: Column
    bits: int = 0
    line: Line = Line(1, 0, 0)


@dataclass(frozen=True)
class Table:
    """An activation as straight pieces of 2^step between values, from ``low`` on.

    ``error`` is the largest difference from the rule between its ends, measured.
    """

    low: int
    step: int
    values: Integers
    error: float


@dataclass(frozen=True)
class Layer:
    """Weights (members, O, I), biases (members, O), and the bits of what comes out."""

    rule: str
    weights: Integers
    biases: Integers
    weight_bits: int
    shift: int
    score_bits: int
    bits: int
    table: Table | None

    @property
    def sum_limit(self) -> int:
        """What no sum of the layer exceeds, with the half that rounding adds."""
        sums = LIMIT * np.abs(self.weights).sum(axis=2) + np.abs(self.biases)
        return int(sums.max()) + (1 << self.shift >> 1)


@dataclass(frozen=True)
class Plan:
    """All integers of a model.

    ``bits`` are those of a raw prediction, and ``value`` makes it of the sum of the members'
    outputs, of numbers; of classes these are shares of 2^15.
    """

    width: int
    fields: tuple[Field, ...]
    input_bits: int
    layers: tuple[Layer, ...]
    bits: int
    value: Line

    @property
    def wide(self) -> bool:
        """Whether sums need 64 bits."""
        return max(layer.sum_limit for layer in self.layers) > LARGEST


def planned(model: Any, width: int, table: Any) -> Plan:
    """Return a model in integers.

    Parameters
    ----------
    model : chainrule.Model
    width : int
        Bits of a weight, 8 or 16.
    table : pyarrow.Table
        Raw rows, by which the formats are chosen.

    Raises
    ------
    BadSetting
        If the width is another, or a number cannot be held.
    """
    from chainrule.table import features

    if width not in WIDTHS:
        raise BadSetting(f"fixed_point={width!r} must be 8 or 16, the bits of a weight")
    X = features(model.spec, table)
    reached = max(1.0, 2.0 * float(np.abs(X).max(initial=0.0)))
    input_bits = max(4, min(14, fitting(reached, LIMIT)))
    fields = tuple(_field(column, table, input_bits) for column in used(model.spec))
    network = model.network
    A = np.stack([X] * len(model.ensemble))
    views = [network.layers(theta.astype(np.float64)) for theta in model.parameters]
    layers, bits = [], input_bits
    for l, rule in enumerate(network.activations):
        weights = np.stack([view[l][0].T for view in views])
        biases = np.stack([view[l][1] for view in views])
        Z = A @ weights.transpose(0, 2, 1) + biases[:, None]
        last = l == len(network.activations) - 1
        shares = model.spec.target.task == "classification"
        layer = _layer(rule, (weights, biases), Z, bits, width, last, shares)
        layers.append(layer)
        A, bits = Z if last else value_of(rule, Z), layer.bits
    return Plan(width, fields, input_bits, tuple(layers), *_value(model, layers[-1], Z))


def fitting(largest: float, limit: int) -> int:
    """Return the most fraction bits with which a number stays within a limit.

    Examples
    --------
    >>> fitting(1.0, 32767), fitting(0.9, 32767), fitting(100.0, 127)
    (14, 15, 0)
    """
    return floor(log2(limit / max(largest, 1e-30)))


def value_of(rule: str | Rule, z: Floats) -> Floats:
    """Return a rule's values, as the engine computes them."""
    from chainrule.engine import forward

    one = Network((1, 1), output=rule)
    values: Floats = forward(one, np.array([1.0, 0.0]), z.reshape(-1, 1))
    return values.reshape(z.shape)


def line(slope: float, intercept: float, room: int) -> Line:
    """Return slope x + intercept in integers, with a multiplier of at most ``room`` bits.

    Examples
    --------
    >>> line(0.5, 3.0, 10)
    Line(multiplier=512, offset=-3072, shift=10)
    """
    shift = max(0, min(30 if intercept else 44, room - frexp(slope)[1]))
    multiplier = max(1, round(slope * 2.0**shift))
    return Line(multiplier, -round(Fraction(intercept) * 2**shift), shift)


def _field(column: Column, table: Any, input_bits: int) -> Field:
    """Choose the fraction bits of a raw number, few where the table's cells need no more."""
    if column.kind not in ("numeric", "date"):
        return Field(column)
    read = cells.days if column.kind == "date" else cells.numbers
    values = read(table.column(column.name), column.name)
    values = values[~np.isnan(values)]
    far = max(abs(column.mean) + 16.0 * column.scale, float(np.abs(values).max(initial=0.0)))
    most = min(15 - frexp(column.scale)[1], fitting(far, LARGEST), 60)
    exact = [
        bits
        for bits in range(most)
        if column.scale * 2.0**bits > 0.01 and np.all(values * 2.0**bits % 1.0 == 0.0)
    ]
    bits = exact[0] if exact and len(values) > 1 else most
    if bits != most or column.scale * 2.0**bits >= 64.0:
        return Field(column, bits, _standardised(column, bits, input_bits))
    raise BadSetting(
        f"column '{column.name}' has mean {column.mean:g} and sd {column.scale:g}: 32 bits do not "
        "hold it finely enough; train on the column less its mean"
    )


def _standardised(column: Column, bits: int, input_bits: int) -> Line:
    """Return (x - mean) / scale as a line from the raw number, exact at the mean."""
    slope = 2.0 ** (input_bits - bits) / column.scale
    shift = max(0, min(60, 29 - frexp(slope)[1]))
    multiplier = round(slope * 2.0**shift)
    return Line(multiplier, round(Fraction(column.mean) * Fraction(2) ** bits * multiplier), shift)


def _layer(
    rule: str | Rule,
    parameters: tuple[Floats, Floats],
    Z: Floats,
    bits: int,
    width: int,
    last: bool,
    shares: bool,
) -> Layer:
    weights, biases = parameters
    heaviest = float(np.abs(weights).max())
    weight_bits = min(
        24,
        fitting(heaviest, 2 ** (width - 1) - 1),
        fitting(float(np.abs(biases).max()), 2**30) - bits,
    )
    most = bits + weight_bits
    if most < 4:
        raise BadSetting(
            f"a layer has weights up to {heaviest:g}, too large beside its other numbers for "
            "fixed point; train with more weight decay, or export without it"
        )
    low, high = _room(Z)
    scores = min(most, FINEST, fitting(max(abs(low), abs(high)) + 1.0, 2**29))
    table, out = None, scores
    if rule == "softmax":
        table, out = _table("exp", (DECAY, 0.0), scores, SHARE_BITS, 2**SHARE_BITS), SHARE_BITS
    elif str(rule) in STRAIGHT and not isinstance(rule, Rule):
        reached = 2.0 * float(np.abs(value_of(rule, Z)).max(initial=0.0))
        out = min(most, SHARE_BITS if last and shares else scores if last else 14)
        scores = out = out if last else min(out, fitting(reached, LIMIT))
    else:
        low, high = _finite(rule, (low, high), Z)
        grid = value_of(rule, np.linspace(low, high, 4096))
        top = float(np.abs(grid).max())
        limit = LARGEST // 4 if last else LIMIT
        out = SHARE_BITS if last and shares else min(FINEST if last else 15, fitting(top, limit))
        if not last and top <= 1.0:
            out = SHARE_BITS  # 1 is held as 32767 / 32768
        table = _table(rule, _bent(grid, low, high, out), scores, out, limit)
    return Layer(
        f"{rule}, a rule of the user's own" if isinstance(rule, Rule) else rule,
        np.rint(weights * 2.0**weight_bits).astype(np.int64),
        np.rint(biases * 2.0**most).astype(np.int64),
        weight_bits,
        most - scores,
        scores,
        out,
        table,
    )


def _room(Z: Floats) -> tuple[float, float]:
    """Return the scores that were reached, and half as far again on both sides."""
    low, high = float(Z.min(initial=0.0)), float(Z.max(initial=0.0))
    more = max(1.0, (high - low) / 2)
    return low - more, high + more


def _finite(rule: str | Rule, ends: tuple[float, float], Z: Floats) -> tuple[float, float]:
    """Return the ends of a table, without room where a rule is not finite there."""
    for low, high in (ends, (float(Z.min()), float(Z.max()))):
        top = float(np.abs(value_of(rule, np.linspace(low, high, 4096))).max())
        if top < 2.0**28:
            return low, high
    raise BadSetting(
        f"{rule} reaches {top:g} for scores from {low:.3g} to {high:.3g}, too much for fixed point"
    )


def _bent(grid: Floats, low: float, high: float, bits: int) -> tuple[float, float]:
    """Return the part of a range outside of which a rule is constant, to half a last bit."""
    half = 2.0 ** (-bits - 1)
    z = np.linspace(low, high, len(grid))
    left = np.flatnonzero(np.abs(grid - grid[0]) > half)
    right = np.flatnonzero(np.abs(grid - grid[-1]) > half)
    if not len(left):
        return low, high
    return float(z[max(0, left[0] - 1)]), float(z[min(len(z) - 1, right[-1] + 1)])


def _table(
    rule: str | Rule, ends: tuple[float, float], score_bits: int, bits: int, limit: int
) -> Table:
    """Return the smallest table whose error is two last bits at most, or the largest."""
    low, high = ends
    best = None
    for k in range(-20, score_bits + 1):
        first, end = floor(low * 2.0**k), max(ceil(high * 2.0**k), floor(low * 2.0**k) + 1)
        if end - first > SEGMENTS and best is not None:
            break
        if end - first < 4 and k < score_bits:
            continue
        places = np.arange(first, end + 1, dtype=np.float64)
        values = np.rint(value_of(rule, places * 2.0**-k) * 2.0**bits).clip(-limit, limit)
        z = np.linspace(low, high, 16 * (end - first) + 1)
        straight = np.interp(z * 2.0**k, places, values)
        error = float(np.abs(straight * 2.0**-bits - value_of(rule, z)).max())
        step = score_bits - k
        best = Table(first * 2**step, step, values.astype(np.int64), error)
        if error <= 2.0 ** (1 - bits):
            break
    assert best is not None
    return best


def _value(model: Any, layer: Layer, Z: Floats) -> tuple[int, Line]:
    """Return the bits of a prediction, and the line that makes it of the members' sum."""
    target, members = model.spec.target, len(model.ensemble)
    if target.task == "classification":
        return SHARE_BITS, Line(1, 0, 0)
    rule = model.network.activations[-1]
    reached = 1.0 + 2.0 * float(np.abs(value_of(rule, Z)).max(initial=0.0))
    bits = min(16 - frexp(target.scale)[1], fitting(abs(target.mean) + 2 * target.scale, 2**29))
    bits = min(bits, fitting(abs(target.mean) + target.scale * reached, 2**30))
    if target.scale * 2.0**bits < 64.0:
        raise BadSetting(
            f"the target '{target.name}' has mean {target.mean:g} and sd {target.scale:g}: 32 bits "
            "do not hold it finely enough; train on the target less its mean"
        )
    slope = target.scale * 2.0 ** (bits - layer.bits) / members
    room = 28 - ceil(log2(members))
    return bits, line(slope, target.mean * 2.0**bits, room)
