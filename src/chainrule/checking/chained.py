"""Mistakes in the factors of the chain: the error, the slopes, what is passed back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.checking.ruled import Array, apply, slope_by_output, softmax
from chainrule.checking.steps import Edit, Now, Pass
from chainrule.checking.variant import Get, Variant, at, put, times
from chainrule.own import Rule
from chainrule.rules import ACTIVATIONS, LOSSES

Incomplete = tuple[str, Callable[[Array], Any]]
INCOMPLETE: dict[str, tuple[Incomplete, ...]] = {
    "sigmoid": (
        ("A where A (1 - A) belongs", lambda A: A),
        ("1 - A where A (1 - A) belongs", lambda A: 1 - A),
        ("A (1 + A) where A (1 - A) belongs", lambda A: A * (1 + A)),
        ("A^2 where A (1 - A) belongs", lambda A: A * A),
    ),
    "tanh": (
        ("A where 1 - A^2 belongs", lambda A: A),
        ("1 - A where 1 - A^2 belongs", lambda A: 1 - A),
        ("A^2 where 1 - A^2 belongs", lambda A: A * A),
        ("1 + A^2 where 1 - A^2 belongs", lambda A: 1 + A * A),
    ),
}


def errors(run: Pass) -> Iterator[Variant]:
    """Yield mistakes in dL/dA at the output."""
    L = run.depth
    yield from at("target_minus_output", ["carry"], [L], times(-1.0))
    if run.network.output == "softmax":
        yield from at("softmax_axis", ["delta"], [L], put(_softmax_over_samples))
    for loss in LOSSES:
        for with_slope in (False, True):
            if loss == run.network.loss and not (run.fused and not with_slope):
                continue
            edit = put(_of_loss(loss, with_slope))
            if run.fused and loss == run.network.loss:
                yield from at("slope_left_out", ["delta"], [L], edit)
                continue
            detail = f"of {loss}" + (", times f'(Z)" if with_slope else "")
            if with_slope and run.has_slope(L):
                edit = put(_of_loss(loss, False))
            slot = "carry" if with_slope and run.has_slope(L) else "delta"
            yield from at("slope_of_another_loss", [slot], [L], edit, detail)


def _of_loss(loss: str, with_slope: bool) -> Get:
    def slope_of(run: Pass) -> Array:
        A, Y = run.A[-1], run.case.Y
        match loss:
            case "binary_cross_entropy":
                slope: Array = (A - Y) / (A * (1 - A))
            case "cross_entropy":
                slope = -Y / A
            case "poisson":
                slope = 1 - Y / A
            case _:
                slope = run.loss_of(loss, A)[1]
        return slope

    def get(now: Now) -> Any:
        with np.errstate(all="ignore"):
            slope = slope_of(now.run)
            return slope * output_slope(now.run) if with_slope else slope

    return get


def output_slope(run: Pass) -> Array:
    """Return f'(Z_L) elementwise, for a softmax the diagonal of its Jacobian."""
    A = run.A[-1]
    if run.network.output == "softmax":
        diagonal: Array = A * (1 - A)
        return diagonal
    return run.slope(run.depth)


def _softmax_over_samples(now: Now) -> Any:
    run = now.run
    A = softmax(run.Z[-1].T).T
    if run.fused:
        return A - run.case.Y
    error = run.loss_of(run.network.loss, A)[1]
    return A * (error - (error * A).sum(axis=1, keepdims=True))


def slopes(run: Pass) -> Iterator[Variant]:
    """Yield mistakes in f'(Z)."""
    places = [l for l in range(1, run.depth + 1) if run.has_slope(l)]
    names = run.network.activations

    def taken(function: Callable[[Any, Now], Any]) -> Edit:
        return lambda value, now: function(names[now.l - 1], now)

    yield from at("slope_left_out", ["slope"], places, lambda value, now: np.ones_like(value))
    at_a = taken(lambda f, now: apply(f, ACTIVATIONS, now.run.A[now.l])[1])
    yield from at("slope_at_a", ["slope"], places, at_a)
    by_output = [l for l in places if slope_by_output(_rule(names[l - 1]))]
    at_z = taken(lambda f, now: slope_by_output(_rule(f))(now.run.Z[now.l], now.run.Z[now.l])[0])
    yield from at("slope_at_z", ["slope"], by_output, at_z)
    yield from _incomplete(run, places)
    yield from _wrong_tensors(run, places)
    for other, rule in ACTIVATIONS.items():
        if other == "identity":
            continue  # that is slope_left_out
        where = [l for l in places if names[l - 1] != other]
        name = "slope_of_another_activation"
        yield from at(name, ["slope"], where, put(_slope_at_z(other)), other)
        if formula := slope_by_output(rule):
            yield from at(name, ["slope"], where, put(_by_formula(formula)), other)


def _slope_at_z(other: str) -> Get:
    return lambda now: apply(other, ACTIVATIONS, now.run.Z[now.l])[1]


def _by_formula(formula: Any) -> Get:
    return lambda now: formula(now.run.Z[now.l], now.run.A[now.l])[0]


def _rule(name: Any) -> Any:
    return name if isinstance(name, Rule) else ACTIVATIONS[name]


def _incomplete(run: Pass, places: list[int]) -> Iterator[Variant]:
    names = run.network.activations
    for activation, forms in INCOMPLETE.items():
        where = [l for l in places if names[l - 1] == activation]
        for detail, form in forms:
            yield from at("slope_incomplete", ["slope"], where, put(_of_output(form)), detail)
    itself = [l for l in places if names[l - 1] not in (*INCOMPLETE, "identity")]
    output = put(_of_output(lambda A: A))
    yield from at("slope_incomplete", ["slope"], itself, output, "f(Z) where f'(Z) belongs")


def _of_output(form: Callable[[Array], Any]) -> Get:
    return lambda now: form(now.run.A[now.l])


def _wrong_tensors(run: Pass, places: list[int]) -> Iterator[Variant]:
    names, sizes = run.network.activations, run.network.sizes

    def tensor(l: int, what: str, get: Get) -> Iterator[Variant]:
        slope = put(lambda now: apply(names[l - 1], ACTIVATIONS, get(now))[1])
        yield from at("mask_of_wrong_tensor", ["slope"], [l], slope, what)
        if formula := slope_by_output(_rule(names[l - 1])):
            by_output = put(lambda now: formula(get(now), get(now))[0])
            yield from at("mask_of_wrong_tensor", ["slope"], [l], by_output, what)

    for l in places:
        yield from tensor(l, f"dL/dA_{l}", lambda now: now.carries[now.l])
        for k in range(run.depth + 1):
            if k != l and sizes[k] in (sizes[l], 1):
                yield from tensor(l, f"Z_{k}" if k else "X", Z_of(k))
                if k:
                    yield from tensor(l, f"A_{k}", A_of(k))
        if l < run.depth and sizes[l + 1] in (sizes[l], 1):
            yield from tensor(l, f"delta_{l + 1}", lambda now: now.deltas[now.l + 1])


def Z_of(k: int) -> Get:  # noqa: N802
    """Return what looks up the scores of layer k."""
    return lambda now: now.run.Z[k]


def A_of(k: int) -> Get:  # noqa: N802
    """Return what looks up the outputs of layer k."""
    return lambda now: now.run.A[k]


def passing(run: Pass, updates: bool) -> Iterator[Variant]:
    """Yield mistakes in dL/dA = delta_next @ W_next.T."""
    sizes = run.network.sizes
    inner = range(1, run.depth)  # the layers that receive a delta
    square = [l for l in inner if sizes[l] == sizes[l + 1]]
    yield from at("transpose_missing", ["weights"], square, lambda value, now: value.T, "W")
    for l in inner:
        for k in range(1, run.depth + 1):
            shape = (sizes[k - 1], sizes[k])
            for turned in (False, True):
                if k != l + 1 and shape[:: -1 if turned else 1] == (sizes[l], sizes[l + 1]):
                    edit = put(_weights_of(k, turned))
                    yield from at("weights_of_wrong_layer", ["weights"], [l], edit, f"W_{k}")
    if updates:
        for factor, detail in ((1.0, ""), (-1.0, "in the other direction")):
            yield from at("weights_already_updated", ["weights"], inner, _stepped(factor), detail)
    yield from _not_passed_on(run, inner)


def _weights_of(k: int, turned: bool) -> Get:
    def get(now: Now) -> Any:
        W = now.run.case.layers[k - 1][0]
        return W.T if turned else W

    return get


def _stepped(factor: float) -> Edit:
    return lambda value, now: value - factor * now.run.case.rate * now.dWs[now.l + 1]


def _not_passed_on(run: Pass, inner: range) -> Iterator[Variant]:
    name = "delta_not_passed_on"
    yield from at(
        name, ["passed"], inner, put(lambda now: now.carries[now.l + 1]), "dL/dA of the next layer"
    )
    plain: Get = lambda now: now.run.A[-1] - now.run.case.Y  # noqa: E731
    error: Get = lambda now: now.run.error  # noqa: E731
    for get, detail in ((plain, "A - Y of the output"), (error, "dL/dA of the output")):
        yield from at(name, ["passed"], inner, put(get), detail)
        yield from at(name, ["carry"], inner, _spread(get), f"{detail}, without W")
        through = _through_output(get)
        yield from at(name, ["carry"], range(1, run.depth - 1), through, f"{detail}, through W_L")
    if run.depth > 2:
        last = put(lambda now: now.deltas[now.run.depth])
        yield from at(name, ["passed"], range(1, run.depth - 1), last, "delta of the output")
    alone = _spread(lambda now: now.deltas[now.l + 1])
    yield from at(name, ["carry"], inner, alone, "the next delta, without W")
    yield from at(name, ["carry"], inner, lambda value, now: np.ones_like(value), "nothing")


def _spread(get: Get) -> Edit:
    return lambda value, now: get(now) * np.ones_like(value)


def _through_output(get: Get) -> Edit:
    return lambda value, now: get(now) @ now.run.case.layers[-1][0].T * np.ones_like(value)
