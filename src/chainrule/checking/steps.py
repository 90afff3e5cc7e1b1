"""One step of back-propagation in plain NumPy, with every factor of it open to a change.

The samples are rows. For layer l = L, ..., 1, with A_0 = X and m samples,

    delta_l = carry_l * slope_l         carry_L = dL/dA_L, carry_l = delta_(l+1) W_(l+1)^T
    dW_l = A_(l-1)^T delta_l / m        db_l = sum over the samples of delta_l / m

which are equations (24) and (25) of the source document for every layer. An edit stands for a
mistake: it takes the value of one factor and gives another one in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from chainrule.checking.ruled import Array, apply, softmax
from chainrule.network import Network, own_parameter
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES

Layers = tuple[tuple[Array, Array], ...]
Edit = Callable[[Any, "Now"], Any]
Edits = Mapping[tuple[str, int], tuple[Edit, ...]]


@dataclass(frozen=True, eq=False)
class Case:
    """Samples, parameters and settings at which a gradient is asked for.

    X is (m, n_in), Y (m, n_out); layers holds W (n_in, n_out) and b (n_out,) of each layer.
    """

    network: Network
    layers: Layers
    X: Array
    Y: Array
    l2: float = 0.0
    rate: float = 0.25


@dataclass
class Now:
    """Where a backward pass is: what edits may look at."""

    run: Pass
    l: int
    share: float  # 1/m, or 1 where the gradients are sums
    deltas: dict[int, Array] = field(default_factory=dict)
    carries: dict[int, Array] = field(default_factory=dict)
    dWs: dict[int, Array] = field(default_factory=dict)  # noqa: N815


class Pass:
    """The forward pass of a case, and what its backward passes share."""

    def __init__(self, case: Case) -> None:
        self.case, self.network, self.depth = case, case.network, len(case.layers)
        self.Z: list[Array] = [case.X]  # layers count from 1; Z[0] stands for the input
        self.A: list[Array] = [case.X]
        for (W, b), name in zip(case.layers, self.network.activations, strict=True):
            self.Z.append(self.A[-1] @ W + b)
            Z = self.Z[-1]
            self.A.append(softmax(Z) if name == "softmax" else apply(name, ACTIVATIONS, Z)[0])
        self._slopes: dict[int, Array] = {}
        self._kept: dict[float, Now] = {}

    @property
    def fused(self) -> bool:
        """Whether the loss is taken from the scores, so that delta_L = dL/dZ_L at once."""
        return str(self.network.loss) in LINKS

    def has_slope(self, l: int) -> bool:
        """Whether delta_l has f'(Z_l) as a factor."""
        last = l == self.depth
        return not (last and (self.fused or self.network.output == "softmax"))

    def slope(self, l: int) -> Array:
        """Return f'(Z_l)."""
        if l not in self._slopes:
            name = self.network.activations[l - 1]
            self._slopes[l] = apply(name, ACTIVATIONS, self.Z[l])[1]
        return self._slopes[l]

    @cached_property
    def error(self) -> Array:
        """dL/dA_L of each sample, or dL/dZ_L where the loss is taken from the scores."""
        Y = self.case.Y
        if self.network.loss == "cross_entropy":
            shares: Array = softmax(self.Z[-1]) * Y.sum(axis=1, keepdims=True) - Y
            return shares
        return self.loss_of(self.network.loss, self.Z[-1] if self.fused else self.A[-1])[1]

    def loss_of(
        self, loss: Any, outputs: Array, targets: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the values and the slopes of a loss; targets are the case's unless given."""
        own = own_parameter(loss)
        if own is not None and loss == self.network.loss:
            own = self.network.loss_parameter
        Y = self.case.Y if targets is None else targets
        return apply(loss, LOSSES, outputs, Y, *(() if own is None else (own,)))

    @cached_property
    def loss(self) -> float:
        """The sum over the samples of the loss, without penalty."""
        if self.network.loss == "cross_entropy":
            return float(-(self.case.Y * np.log(softmax(self.Z[-1]))).sum())
        values, _ = self.loss_of(self.network.loss, self.Z[-1] if self.fused else self.A[-1])
        return float(values.sum())

    def backward(
        self, edits: Edits, share: float, start: int | None = None
    ) -> Iterator[tuple[int, Array, Array, Array]]:
        """Yield l, delta_l, dW_l and db_l from the last layer to the first.

        Layers above ``start`` are left out; they are taken as exact.

        Raises
        ------
        ValueError
            If the edits give shapes that cannot be multiplied.
        """
        start = self.depth if start is None else start
        now = Now(self, start, share)
        if start < self.depth:
            exact = self._exact(share)
            for own, known in ((now.deltas, exact.deltas), (now.carries, exact.carries),
                               (now.dWs, exact.dWs)):  # fmt: skip
                own.update({l: known[l] for l in range(start + 1, self.depth + 1)})
        yield from self._from(now, edits)

    def trail(self, edits: Edits, share: float) -> Now:
        """Return what a backward pass leaves behind: every carry, delta and dW."""
        now = Now(self, self.depth, share)
        for _ in self._from(now, edits):
            pass
        return now

    def _exact(self, share: float) -> Now:
        """Return what an exact backward pass leaves behind."""
        if share not in self._kept:
            self._kept[share] = self.trail({}, share)
        return self._kept[share]

    def _from(self, now: Now, edits: Edits) -> Iterator[tuple[int, Array, Array, Array]]:
        layers, l2 = self.case.layers, self.case.l2

        def edited(slot: str, value: Any) -> Any:
            for edit in edits.get((slot, now.l), ()):
                value = edit(value, now)
            return value

        for l in range(now.l, 0, -1):
            now.l = l
            if l == self.depth:
                carry = self.error
            else:
                passed = edited("passed", now.deltas[l + 1])
                carry = passed @ edited("weights", layers[l][0]).T
            now.carries[l] = carry = edited("carry", carry)
            now.deltas[l] = delta = edited("delta", self._delta(carry, edited, l))
            dW = edited("sum_W", edited("input", self.A[l - 1]).T @ delta)
            db = edited("sum_b", delta.sum(axis=0))
            dW = edited("dW", dW * edited("share_W", now.share))
            db = edited("db", db * edited("share_b", now.share))
            if l2:
                dW = dW + edited("penalty_W", l2 * layers[l - 1][0])
                db = db + edited("penalty_b", np.zeros(()))
            now.dWs[l] = dW = edited("all_W", dW)
            yield l, delta, dW, edited("all_b", db)

    def _delta(self, carry: Array, edited: Callable[[str, Any], Any], l: int) -> Any:
        """Return carry * slope, or through the Jacobian of a softmax."""
        if self.has_slope(l):
            return carry * edited("slope", self.slope(l))
        if self.fused:
            return carry
        A = self.A[l]  # a softmax in front of a loss of its outputs
        return A * (carry - (carry * A).sum(axis=1, keepdims=True))


@lru_cache(maxsize=64)
def pass_of(case: Case) -> Pass:
    """Return the forward pass of a case; it is kept, as many ways are tried at one case."""
    return Pass(case)
