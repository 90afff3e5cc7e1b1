"""The mistakes of the catalogue at every place of a network, each as an edit of one factor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.ruled import Array, apply, slope_by_output, softmax
from chainrule.checking.steps import Edit, Edits, Now, Pass
from chainrule.own import Rule
from chainrule.rules import ACTIVATIONS, LOSSES


@dataclass(frozen=True, eq=False)
class Variant:
    """A mistake at a place.

    Attributes
    ----------
    name : str
        In the catalogue.
    layers : tuple of int
        The layers in which it stands, from 1.
    slots : tuple of str
        The factors that it changes.
    edits : mapping of (slot, layer) to edits
    detail : str
        What the catalogue's words leave open, such as the other activation.
    """

    name: str
    layers: tuple[int, ...]
    slots: tuple[str, ...]
    edits: Edits
    detail: str = ""


def variants(run: Pass, updates: bool, share: float) -> Iterator[Variant]:
    """Yield all mistakes that a network of this shape has room for.

    Parameters
    ----------
    run : Pass
        Some forward pass of the network: its shapes count.
    updates : bool
        Whether the code steps itself, so that it may use weights that are updated.
    share : float
        1/m, or 1 where gradients are sums over the samples.
    """
    yield from _errors(run)
    yield from _slopes(run)
    yield from _signs_and_factors(run)
    yield from _means(run, share)
    if run.case.l2:
        yield from _penalties(run)
    yield from _biases(run)
    yield from _passing(run, updates)
    yield from _inputs(run)
    yield from _samples(run)
    yield from _shapes(run)
    yield from _integers(run)


def _at(
    name: str, slots: Sequence[str], places: Iterable[int], edit: Edit, detail: str = ""
) -> Iterator[Variant]:
    """Yield a mistake at each place alone, at all of them, and at all but the last."""
    places = tuple(places)
    groups = [(l,) for l in places]
    if len(places) > 1:
        groups += [places]
    if len(places) > 2:
        groups += [places[:-1]]
    for group in groups:
        edits = {(slot, l): (edit,) for l in group for slot in slots}
        yield Variant(name, group, tuple(slots), edits, detail)


def _errors(run: Pass) -> Iterator[Variant]:
    L = run.depth
    yield from _at("target_minus_output", ["carry"], [L], lambda value, now: -value)
    if run.network.output == "softmax":
        yield from _at("softmax_axis", ["delta"], [L], _softmax_over_samples)
    for loss in LOSSES:
        for with_slope in (False, True):
            if loss != run.network.loss or run.fused:
                detail = f"of {loss}" + (", times f'(Z)" if with_slope else "")
                edit = _other_loss(loss, with_slope)
                yield from _at("slope_of_another_loss", ["delta"], [L], edit, detail)


def _other_loss(loss: str, with_slope: bool) -> Edit:
    def edit(value: Any, now: Now) -> Any:
        A, Y = now.run.A[-1], now.run.case.Y
        with np.errstate(all="ignore"):
            if loss == "binary_cross_entropy":
                slope = (A - Y) / (A * (1 - A))
            elif loss == "cross_entropy":
                slope = -Y / A
            elif loss == "poisson":
                slope = 1 - Y / A
            else:
                slope = now.run.loss_of(loss, A)[1]
            return slope * output_slope(now.run) if with_slope else slope

    return edit


def output_slope(run: Pass) -> Array:
    """Return f'(Z_L) elementwise, for a softmax the diagonal of its Jacobian."""
    A = run.A[-1]
    if run.network.output == "softmax":
        diagonal: Array = A * (1 - A)
        return diagonal
    return run.slope(run.depth)


def _softmax_over_samples(value: Any, now: Now) -> Any:
    run = now.run
    A = softmax(run.Z[-1].T).T
    if run.fused:
        return A - run.case.Y
    error = run.loss_of(run.network.loss, A)[1]
    return A * (error - (error * A).sum(axis=1, keepdims=True))


def _slopes(run: Pass) -> Iterator[Variant]:
    places = [l for l in range(1, run.depth + 1) if run.has_slope(l)]
    names = run.network.activations

    def taken(function: Callable[[Any, Now], Any]) -> Edit:
        return lambda value, now: function(names[now.l - 1], now)

    yield from _at("slope_left_out", ["slope"], places, lambda value, now: np.ones_like(value))
    at_a = taken(lambda f, now: apply(f, ACTIVATIONS, now.run.A[now.l])[1])
    yield from _at("slope_at_a", ["slope"], places, at_a)
    by_output = [l for l in places if slope_by_output(_rule(names[l - 1]))]
    at_z = taken(lambda f, now: slope_by_output(_rule(f))(now.run.Z[now.l], now.run.Z[now.l])[0])
    yield from _at("slope_at_z", ["slope"], by_output, at_z)
    yield from _wrong_tensors(run, places)
    for other, rule in ACTIVATIONS.items():
        where = [l for l in places if names[l - 1] != other]
        edit: Edit = lambda value, now, g=other: apply(g, ACTIVATIONS, now.run.Z[now.l])[1]  # type: ignore[misc]
        yield from _at("slope_of_another_activation", ["slope"], where, edit, other)
        if formula := slope_by_output(rule):
            edit = lambda value, now, h=formula: h(now.run.Z[now.l], now.run.A[now.l])[0]  # type: ignore[misc]
            yield from _at("slope_of_another_activation", ["slope"], where, edit, other)


def _rule(name: Any) -> Any:
    return name if isinstance(name, Rule) else ACTIVATIONS[name]


def _wrong_tensors(run: Pass, places: list[int]) -> Iterator[Variant]:
    names, sizes = run.network.activations, run.network.sizes

    def tensor(l: int, what: str, get: Callable[[Now], Any]) -> Iterator[Variant]:
        edit: Edit = lambda value, now: apply(names[l - 1], ACTIVATIONS, get(now))[1]
        yield from _at("mask_of_wrong_tensor", ["slope"], [l], edit, what)

    for l in places:
        yield from tensor(l, f"dL/dA_{l}", lambda now: now.carries[now.l])
        for k in range(run.depth + 1):
            if k == l or sizes[k] != sizes[l]:
                continue
            yield from tensor(l, f"Z_{k}" if k else "X", lambda now, k=k: now.run.Z[k])  # type: ignore[misc]
            if k:
                yield from tensor(l, f"A_{k}", lambda now, k=k: now.run.A[k])  # type: ignore[misc]
        if l < run.depth and sizes[l + 1] == sizes[l]:
            yield from tensor(l, f"delta_{l + 1}", lambda now: now.deltas[now.l + 1])


def _signs_and_factors(run: Pass) -> Iterator[Variant]:
    layers = range(1, run.depth + 1)
    for name, factor in (("sign", -1.0), ("factor_two", 2.0), ("factor_half", 0.5)):
        edit: Edit = lambda value, now, factor=factor: factor * value  # type: ignore[misc]
        for l in layers:
            yield from _at(name, ["delta"], [l], edit)
        for slots in (["dW"], ["db"], ["dW", "db"], ["penalty_W"] if run.case.l2 else []):
            if slots:
                yield from _at(name, slots, layers, edit)


def _means(run: Pass, share: float) -> Iterator[Variant]:
    layers = range(1, run.depth + 1)
    if len(run.case.X) == 1:
        return
    divided: Edit = lambda value, now: value / len(now.run.case.X)
    times: Edit = lambda value, now: value * len(now.run.case.X)
    if share == 1.0:
        for slot in ("share_W", "share_b"):
            yield from _at("mean_on_one_gradient", [slot], layers, divided)
        return
    for slot in ("share_W", "share_b"):
        yield from _at("mean_on_one_gradient", [slot], layers, times)
        yield from _at("mean_doubled", [slot], layers, divided)
    yield from _at("mean_missing", ["share_W", "share_b"], layers, times)
    yield from _at("mean_doubled", ["share_W", "share_b"], layers, divided)


def _penalties(run: Pass) -> Iterator[Variant]:
    layers = range(1, run.depth + 1)
    averaged: Edit = lambda value, now: value / len(now.run.case.X)

    def of_bias(value: Any, now: Now) -> Any:
        return now.run.case.l2 * now.run.case.layers[now.l - 1][1]

    yield from _at("penalty_left_out", ["penalty_W"], layers, lambda value, now: 0.0 * value)
    yield from _at("penalty_averaged", ["penalty_W"], layers, averaged)
    yield from _at("penalty_on_biases", ["penalty_b"], layers, of_bias)
    both: Edit = lambda value, now: averaged(of_bias(value, now), now)
    yield from _at("penalty_on_biases", ["penalty_b"], layers, both, "averaged")


def _biases(run: Pass) -> Iterator[Variant]:
    layers = range(1, run.depth + 1)
    for detail, factor in (("", False), ("not divided by m either", True)):

        def scaled(reduced: Callable[[Array], Any], factor: bool = factor) -> Edit:
            return lambda value, now: reduced(now.deltas[now.l]) * (1.0 if factor else now.share)

        if len(run.case.X) > 1:
            yield from _at("bias_not_summed", ["db"], layers, scaled(lambda d: d), detail)
        wide = [l for l in layers if run.network.sizes[l] > 1]
        by_row, whole = scaled(lambda d: d.sum(axis=1)), scaled(lambda d: d.sum())
        yield from _at("bias_summed_over_neurons", ["db"], wide, by_row, detail)
        yield from _at("bias_summed_over_neurons", ["db"], wide, whole, detail)
        if len(run.case.X) > 1:
            narrow = [l for l in layers if run.network.sizes[l] == 1]
            yield from _at("bias_not_summed", ["db"], narrow, scaled(lambda d: d[:, 0]), detail)


def _passing(run: Pass, updates: bool) -> Iterator[Variant]:
    sizes, case = run.network.sizes, run.case
    inner = range(1, run.depth)  # the layers that receive a delta
    square = [l for l in inner if sizes[l] == sizes[l + 1]]
    yield from _at("transpose_missing", ["weights"], square, lambda value, now: value.T, "W")
    yield from _at("transpose_missing", ["dW"], range(1, run.depth + 1), lambda value, now: value.T, "dW")
    for l in inner:
        for k in range(1, run.depth + 1):
            W = case.layers[k - 1][0].shape
            for turned in (False, True):
                if k != l + 1 and (W[::-1] if turned else W) == (sizes[l], sizes[l + 1]):
                    edit: Edit = lambda value, now, k=k, turned=turned: _turned(  # type: ignore[misc]
                        now.run.case.layers[k - 1][0], turned
                    )
                    yield from _at("weights_of_wrong_layer", ["weights"], [l], edit, f"W_{k}")
    if updates:
        for factor, detail in ((1.0, ""), (-1.0, "in the other direction")):
            edit = lambda value, now, s=factor: value - s * now.run.case.rate * now.dWs[now.l + 1]  # type: ignore[misc]
            yield from _at("weights_already_updated", ["weights"], inner, edit, detail)
    yield from _not_passed_on(run, inner)


def _turned(W: Array, turned: bool) -> Array:
    return W.T if turned else W


def _not_passed_on(run: Pass, inner: range) -> Iterator[Variant]:
    name = "delta_not_passed_on"
    carried: Edit = lambda value, now: now.carries[now.l + 1]
    yield from _at(name, ["passed"], inner, carried, "dL/dA of the next layer")
    plain: Edit = lambda value, now: now.run.A[-1] - now.run.case.Y
    errors: Edit = lambda value, now: now.run.error
    for edit, detail in ((plain, "A - Y of the output"), (errors, "dL/dA of the output")):
        yield from _at(name, ["passed"], inner, edit, detail)
        yield from _at(name, ["carry"], inner, _as_wide(edit), f"{detail}, without W")
        through = _through_output(edit)
        yield from _at(name, ["carry"], range(1, run.depth - 1), through, f"{detail}, through W_L")
    alone: Edit = lambda value, now: now.deltas[now.l + 1]
    yield from _at(name, ["carry"], inner, _as_wide(alone), "the next delta, without W")
    yield from _at(name, ["carry"], inner, lambda value, now: np.ones_like(value), "nothing")


def _as_wide(edit: Edit) -> Edit:
    return lambda value, now: edit(value, now) * np.ones_like(value)


def _through_output(edit: Edit) -> Edit:
    return lambda value, now: (
        edit(value, now) @ now.run.case.layers[-1][0].T * np.ones_like(value)
    )


def _inputs(run: Pass) -> Iterator[Variant]:
    for l in range(1, run.depth + 1):
        for k in range(run.depth + 1):
            tensors = [("Z", run.Z)] if k else []
            tensors += [("A" if k else "X", run.A)] if k != l - 1 else []
            for letter, _ in tensors:
                what = f"{letter}_{k}" if k else "X"
                edit: Edit = lambda value, now, k=k, letter=letter: (  # type: ignore[misc]
                    now.run.Z[k] if letter == "Z" else now.run.A[k]
                )
                yield from _at("input_of_wrong_layer", ["input"], [l], edit, what)
    below: Edit = lambda value, now: now.run.Z[now.l - 1]
    yield from _at("input_of_wrong_layer", ["input"], range(2, run.depth + 1), below, "Z")
    own: Edit = lambda value, now: now.run.A[now.l]
    yield from _at("input_of_wrong_layer", ["input"], range(1, run.depth + 1), own, "A")


def _samples(run: Pass) -> Iterator[Variant]:
    if len(run.case.X) == 1:
        return
    for k, detail in ((-1, "the last"), (0, "the first")):

        def weights(value: Any, now: Now, k: int = k) -> Any:
            return np.outer(now.run.A[now.l - 1][k], now.deltas[now.l][k]) * now.share

        def biases(value: Any, now: Now, k: int = k) -> Any:
            return now.deltas[now.l][k] * now.share

        layers = range(1, run.depth + 1)
        groups = [(l,) for l in layers] + ([tuple(layers)] if run.depth > 1 else [])
        for group in groups:
            both = {("dW", l): (weights,) for l in group} | {("db", l): (biases,) for l in group}
            for slots in (("dW", "db"), ("dW",), ("db",)):
                edits = {key: edit for key, edit in both.items() if key[0] in slots}
                yield Variant("gradients_replaced", group, slots, edits, detail)


def _shapes(run: Pass) -> Iterator[Variant]:
    layers, m = range(1, run.depth + 1), len(run.case.X)
    if run.network.sizes[-1] == 1 and m > 1:
        for turned in (False, True):
            for slope_turned in (False, True):
                edit = _spread(turned, slope_turned)
                yield from _at("broadcast", ["delta"], [run.depth], edit, "A - Y")
    one = [l for l in layers if run.network.sizes[l] == 1]
    rows: Edit = lambda value, now: np.tile(value.T, (len(value), 1))
    yield from _at("broadcast", ["all_W"], [l for l in one if run.network.sizes[l - 1] > 1], rows, "dW")
    wide = [l for l in layers if run.network.sizes[l] > 1]
    tiled: Edit = lambda value, now: np.tile(value, (value.size, 1))
    yield from _at("broadcast", ["all_b"], wide, tiled, "db")


def _spread(turned: bool, slope_turned: bool) -> Edit:
    def edit(value: Any, now: Now) -> Any:
        run = now.run
        Z, A = run.Z[-1], run.A[-1]
        error = run.loss_of(run.network.loss, Z if run.fused else A, run.case.Y.T)[1]
        slope = output_slope(run) if run.has_slope(run.depth) else np.ones_like(A)
        delta = error * (slope.T if slope_turned else slope)
        return delta.T if turned else delta

    return edit


def _integers(run: Pass) -> Iterator[Variant]:
    layers = range(1, run.depth + 1)
    for cut, how in ((np.trunc, "cut"), (np.floor, "rounded down"), (np.zeros_like, "0")):
        edit: Edit = lambda value, now, cut=cut: cut(value)  # type: ignore[misc]
        for slots in (["dW", "db"], ["dW"], ["db"]):
            yield from _at("integer_arithmetic", slots, layers, edit, how)
        for slot in ("delta", "slope", "carry", "input", "passed"):
            for l in layers:
                yield from _at("integer_arithmetic", [slot], [l], edit, how)
    floored: Edit = lambda value, now: np.floor(value / now.share) * now.share
    summed: Edit = lambda value, now: np.floor(value)
    for slots in (["dW", "db"], ["dW"], ["db"]):
        yield from _at("integer_arithmetic", slots, layers, floored, "before the mean")
    yield from _at("integer_arithmetic", ["dW"], layers, summed, "//")
    edits = {("dW", l): (_stored_weights,) for l in layers}
    yield Variant("integer_arithmetic", tuple(layers), ("dW",), edits, "at each sample")
    both = edits | {("db", l): (_stored_biases,) for l in layers}
    yield Variant("integer_arithmetic", tuple(layers), ("dW", "db"), both, "at each sample")


def _stored_weights(value: Any, now: Now) -> Any:
    total = np.zeros(value.shape)
    for a, d in zip(now.run.A[now.l - 1], now.deltas[now.l], strict=True):
        total = np.trunc(total + np.outer(a, d))
    return total * now.share


def _stored_biases(value: Any, now: Now) -> Any:
    total = np.zeros(value.shape)
    for d in now.deltas[now.l]:
        total = np.trunc(total + d)
    return total * now.share


