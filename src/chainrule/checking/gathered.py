"""Mistakes where gradients are gathered: inputs, sums, means, penalties, shapes, whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.checking.chained import A_of, Z_of, output_slope
from chainrule.checking.steps import Edit, Now, Pass
from chainrule.checking.variant import Get, Variant, at, put, times

BOTH = ["dW", "db"]
SHARES = ["share_W", "share_b"]


def signs_and_factors(run: Pass) -> Iterator[Variant]:
    """Yield turned signs, twice and half, of a delta or of gradients."""
    layers = range(1, run.depth + 1)
    for name, factor in (("sign", -1.0), ("factor_two", 2.0), ("factor_half", 0.5)):
        for l in layers:
            yield from at(name, ["delta"], [l], times(factor))
        for slots in (["dW"], ["db"], BOTH):
            yield from at(name, slots, layers, times(factor))
        if run.case.l2:
            yield from at(name, ["penalty_W"], layers, times(factor), "in the penalty")


def means(run: Pass, share: float) -> Iterator[Variant]:
    """Yield mistakes in the division by the number of samples."""
    layers, m = range(1, run.depth + 1), len(run.case.X)
    if m == 1:
        return
    if share == 1.0:
        for slot in SHARES:
            yield from at("mean_on_one_gradient", [slot], layers, _by_samples(-1))
        for l in layers:
            yield from at("mean_doubled", SHARES, [l], _by_samples(-1), "the others are sums")
        return
    for slot in SHARES:
        yield from at("mean_on_one_gradient", [slot], layers, _by_samples(1))
        yield from at("mean_doubled", [slot], layers, _by_samples(-1), "on one of dW and db")
    yield from at("mean_missing", SHARES, layers, _by_samples(1))
    yield from at("mean_doubled", SHARES, layers, _by_samples(-1))
    for l in layers[:-1]:
        yield from at("mean_doubled", ["delta"], [l], _by_samples(-1))
    for what, count in _COUNTS.items():
        places = [l for l in layers if "samples" in what or count(Now(run, l, share)) > 1]
        for slots in (SHARES, *([slot] for slot in SHARES)):
            yield from at("mean_of_wrong_count", slots, places, put(_one_in(count)), what)


def _by_samples(power: int) -> Edit:
    return lambda value, now: value * float(len(now.run.case.X)) ** power


_COUNTS: dict[str, Get] = {
    "the number of inputs of the network": lambda now: now.run.network.sizes[0],
    "the number of inputs of the layer": lambda now: now.run.network.sizes[now.l - 1],
    "the number of neurons of the layer": lambda now: now.run.network.sizes[now.l],
    "samples times neurons": lambda now: len(now.run.case.X) * now.run.network.sizes[now.l],
}


def _one_in(count: Get) -> Get:
    return lambda now: 1.0 / count(now)


def penalties(run: Pass) -> Iterator[Variant]:
    """Yield mistakes in the penalty's part."""
    if not run.case.l2:
        return
    layers = range(1, run.depth + 1)

    def of_bias(now: Now) -> Any:
        return now.run.case.l2 * now.run.case.layers[now.l - 1][1]

    yield from at("penalty_left_out", ["penalty_W"], layers, times(0.0))
    yield from at("penalty_averaged", ["penalty_W"], layers, _by_samples(-1))
    yield from at("penalty_on_biases", ["penalty_b"], layers, put(of_bias))
    averaged = put(lambda now: of_bias(now) / len(now.run.case.X))
    yield from at("penalty_on_biases", ["penalty_b"], layers, averaged, "divided by m")


def biases(run: Pass) -> Iterator[Variant]:
    """Yield mistakes in the sum that makes db."""
    layers, several = range(1, run.depth + 1), len(run.case.X) > 1
    wide = [l for l in layers if run.network.sizes[l] > 1]
    narrow = [l for l in layers if run.network.sizes[l] == 1]
    as_it_is = put(lambda now: now.deltas[now.l])
    first = put(lambda now: now.deltas[now.l][:, 0])
    if several:
        for places, edit in ((layers, as_it_is), (narrow, first)):
            yield from at("bias_not_summed", ["sum_b"], places, edit)
            yield from _undivided("bias_not_summed", places, edit)
    by_row = put(lambda now: now.deltas[now.l].sum(axis=1))
    whole = put(lambda now: now.deltas[now.l].sum())
    for edit in (by_row, whole):
        yield from at("bias_summed_over_neurons", ["sum_b"], wide, edit)


def _undivided(name: str, places: Sequence[int], edit: Edit) -> Iterator[Variant]:
    """Yield a mistake in the sum by which the division is lost as well."""
    groups = [(l,) for l in places] + ([tuple(places)] if len(places) > 1 else [])
    for group in groups:
        edits = {("sum_b", l): (edit,) for l in group}
        edits |= {("share_b", l): (put(lambda now: 1.0),) for l in group}
        yield Variant(name, group, ("sum_b", "share_b"), edits, "not divided by m either")


def inputs(run: Pass) -> Iterator[Variant]:
    """Yield other tensors in the place of the layer's input, and dW turned."""
    layers = range(1, run.depth + 1)
    name = "input_of_wrong_layer"
    for l in layers:
        for k in range(run.depth + 1):
            if k:
                yield from at(name, ["input"], [l], put(Z_of(k)), f"Z_{k}")
            if k != l - 1:
                yield from at(name, ["input"], [l], put(A_of(k)), f"A_{k}" if k else "X")
    below: Get = lambda now: now.run.Z[now.l - 1]  # noqa: E731
    own: Get = lambda now: now.run.A[now.l]  # noqa: E731
    yield from at(name, ["input"], layers[1:], put(below), "Z of the layer before")
    yield from at(name, ["input"], layers, put(own), "the layer's own A")
    yield from at("transpose_missing", ["dW"], layers, lambda value, now: value.T, "dW")


def samples(run: Pass) -> Iterator[Variant]:
    """Yield gradients of one sample in the place of all."""
    if len(run.case.X) == 1:
        return
    layers = range(1, run.depth + 1)
    groups = [(l,) for l in layers] + ([tuple(layers)] if run.depth > 1 else [])
    for k, detail in ((-1, "the last sample's is left"), (0, "the first sample's is left")):
        for group in groups:
            edits = {("sum_W", l): (_weights_of_sample(k),) for l in group}
            edits |= {("sum_b", l): (_biases_of_sample(k),) for l in group}
            for slots in (("sum_W", "sum_b"), ("sum_W",), ("sum_b",)):
                some = {key: edit for key, edit in edits.items() if key[0] in slots}
                yield Variant("gradients_replaced", group, slots, some, detail)


def _weights_of_sample(k: int) -> Edit:
    return put(lambda now: np.outer(now.run.A[now.l - 1][k], now.deltas[now.l][k]))


def _biases_of_sample(k: int) -> Edit:
    return put(lambda now: now.deltas[now.l][k])


def shapes(run: Pass) -> Iterator[Variant]:
    """Yield shapes that are broadcast against each other."""
    layers = range(1, run.depth + 1)
    if run.network.sizes[-1] == 1 and len(run.case.X) > 1:
        for turned in (False, True):
            for slope_turned in (False, True):
                edit = put(_error_of_all_pairs(turned, slope_turned))
                yield from at("broadcast", ["delta"], [run.depth], edit, "A - Y")
    narrow = [l for l in layers if run.network.sizes[l] == 1 < run.network.sizes[l - 1]]
    wide = [l for l in layers if run.network.sizes[l] > 1]
    rows: Edit = lambda value, now: np.tile(value.T, (len(value), 1))  # noqa: E731
    tiled: Edit = lambda value, now: np.tile(value, (value.size, 1))  # noqa: E731
    yield from at("broadcast", ["all_W"], narrow, rows, "dW")
    yield from at("broadcast", ["all_b"], wide, tiled, "db")


def _error_of_all_pairs(turned: bool, slope_turned: bool) -> Get:
    def get(now: Now) -> Any:
        run = now.run
        Z, A = run.Z[-1], run.A[-1]
        error = run.loss_of(run.network.loss, Z if run.fused else A, run.case.Y.T)[1]
        slope = output_slope(run) if run.has_slope(run.depth) else np.ones_like(A)
        delta = error * (slope.T if slope_turned else slope)
        return delta.T if turned else delta

    return get


def integers(run: Pass) -> Iterator[Variant]:
    """Yield numbers that are cut to whole ones."""
    layers = range(1, run.depth + 1)
    name = "integer_arithmetic"
    for cut, how in ((np.trunc, "cut"), (np.floor, "rounded down")):
        for slots in (BOTH, ["dW"], ["db"]):
            yield from at(name, slots, layers, _cut(cut), how)
        for slots in (["sum_W", "sum_b"], ["sum_W"], ["sum_b"]):
            yield from at(name, slots, layers, _cut(cut), f"{how} before the mean")
        for slot in ("delta", "slope", "carry", "input", "passed"):
            for l in layers:
                yield from at(name, [slot], [l], _cut(cut), how)
    stored: tuple[tuple[str, ...], ...] = (("sum_W",), ("sum_b",), ("sum_W", "sum_b"))
    for each in stored:
        edits = {(slot, l): (_STORED[slot],) for l in layers for slot in each}
        yield Variant(name, tuple(layers), each, edits, "cut at each sample")
        for l in layers if run.depth > 1 else ():
            some = {key: edit for key, edit in edits.items() if key[1] == l}
            yield Variant(name, (l,), each, some, "cut at each sample")


def _cut(cut: Callable[[Any], Any]) -> Edit:
    return lambda value, now: cut(value)


def _stored_weights(value: Any, now: Now) -> Any:
    total = np.zeros(value.shape)
    for a, d in zip(now.run.A[now.l - 1], now.deltas[now.l], strict=True):
        total = np.trunc(total + np.outer(a, d))
    return total


def _stored_biases(value: Any, now: Now) -> Any:
    total = np.zeros(value.shape)
    for d in now.deltas[now.l]:
        total = np.trunc(total + d)
    return total


_STORED: dict[str, Edit] = {"sum_W": _stored_weights, "sum_b": _stored_biases}
