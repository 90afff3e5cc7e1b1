"""The signs of a network's numbers, each with its number: Z, A, W, b and their derivatives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.explaining.trace import Trace
from chainrule.formula import arguments_of
from chainrule.notation import (
    Derivative,
    Expression,
    Product,
    Rest,
    Sum,
    Symbol,
)
from chainrule.rules import ACTIVATIONS, LOSSES

LOSS = Symbol("L")
IN_FULL = 200  # parameters up to which a network is shown whole
MANY = 8  # inputs of a layer, of which those that are 0 are left out
FEW = 4  # what is shown of each layer and each sum of a larger one


@dataclass(frozen=True)
class Signs:
    """The signs of a trace.

    Layers count from 1, and carry their number where there is more than one; neurons count
    from 1, and carry their number where the layer has more than one.

    Attributes
    ----------
    trace : Trace
    most : int
        Neurons of a layer, and terms of a sum, that are shown.
    only : (layer, neuron), optional
        The one neuron of its layer that is shown.
    loss : Symbol, default L
        The sign of the loss whose gradient it is.
    steady : bool
        Whether, of a network that is shown whole, no number decides which terms are shown.
    """

    trace: Trace
    most: int
    only: tuple[int, int] | None = None
    loss: Symbol = LOSS
    steady: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer."""
        return self.trace.network.sizes

    def layer(self, l: int) -> int | None:
        """Return the number that a layer's signs carry."""
        return l if self.trace.depth > 1 else None

    def _at(self, l: int, j: Any) -> tuple[Any, ...]:
        return (j,) if self.sizes[l] > 1 else ()

    def _one(self, letter: str, l: int, j: Any, values: Any) -> Symbol:
        value = float(values[j - 1]) if isinstance(j, int) and values is not None else None
        return Symbol(letter, self.layer(l), self._at(l, j), value)

    def Z(self, l: int, j: Any) -> Symbol:
        """Return a score; j is a number from 1, or a letter."""
        return self._one("Z", l, j, self.trace.Z[l])

    def A(self, l: int, j: Any) -> Symbol:
        """Return an output, of layer 0 an input X."""
        if l == 0:
            return Symbol("X", None, self._at(0, j), self._value(self.trace.A[0], j))
        return self._one("A", l, j, self.trace.A[l])

    def Y(self, j: Any) -> Symbol:
        """Return a target."""
        return Symbol("Y", None, self._at(self.trace.depth, j), self._value(self.trace.y, j))

    def _value(self, values: Any, j: Any) -> float | None:
        return float(values[j - 1]) if isinstance(j, int) and values is not None else None

    @cached_property
    def layers(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Weights, (n_in, n_out), and biases of each layer."""
        return self.trace.network.layers(self.trace.theta)

    def weights(self, l: int) -> NDArray[Any]:
        """Return the weights of a layer, (n_in, n_out)."""
        return self.layers[l - 1][0]

    def W(self, l: int, i: Any, j: Any, letter: str = "W") -> Symbol:
        """Return a weight from neuron i of the layer before to neuron j."""
        known = isinstance(i, int) and isinstance(j, int)
        value = float(self.weights(l)[i - 1, j - 1]) if known else None
        at = (i, j) if self.sizes[l] > 1 else (i,) if self.sizes[l - 1] > 1 else ()
        return Symbol(letter, self.layer(l), at, value)

    def b(self, l: int, j: Any, letter: str = "b") -> Symbol:
        """Return a bias."""
        return self._one(letter, l, j, self.layers[l - 1][1])

    def parameter(self, place: int, letter: str = "") -> Symbol:
        """Return the weight or bias at a place of the flat parameters; a letter goes before."""
        starts = self.trace.network.starts
        l = bisect_right(starts, place)
        i, j = divmod(int(place) - starts[l - 1], self.sizes[l])
        if i == self.sizes[l - 1]:
            return self.b(l, j + 1, f"{letter}b")
        return self.W(l, i + 1, j + 1, f"{letter}W")

    def place(self, l: int, i: int | None, j: int) -> int:
        """Return the place of a weight, or of a bias where i is None."""
        row = self.sizes[l - 1] if i is None else i - 1
        return self.trace.network.starts[l - 1] + row * self.sizes[l] + j - 1

    def by_A(self, l: int, j: Any) -> Derivative:
        """Return dL/dA."""
        return Derivative(self.loss, self.A(l, j), self._of(self.trace.errors, l, j))

    def by_Z(self, l: int, j: Any) -> Derivative:
        """Return dL/dZ, the delta."""
        return Derivative(self.loss, self.Z(l, j), self._of(self.trace.deltas, l, j))

    def slope(self, l: int, j: Any) -> Derivative:
        """Return dA/dZ."""
        return Derivative(self.A(l, j), self.Z(l, j), self._of(self.trace.slopes, l, j))

    def _of(self, lists: Any, l: int, j: Any) -> float | None:
        return self._value(lists[l], j) if lists else None

    def by_parameter(self, place: int) -> Derivative:
        """Return dL/dW or dL/db."""
        return Derivative(self.loss, self.parameter(place), float(self.trace.gradient[place]))

    def chain(self, l: int, j: Any) -> tuple[Derivative, ...]:
        """Return the factors of dL/dZ, of which each has a line of its own."""
        if self.trace.slopes[l] is None:
            return (self.by_Z(l, j),)
        return self.by_A(l, j), self.slope(l, j)

    def neurons(self, l: int) -> list[int]:
        """Return the neurons of a layer that are shown: those with the largest dL/dZ."""
        if self.only is not None and self.only[0] == l:
            return [self.only[1]]
        values = self.trace.deltas[l] if self.trace.deltas else self.trace.A[l]
        return largest(values, self.most)

    def inputs(self, l: int) -> list[int]:
        """Return the inputs of a layer that are shown: the largest, of many those not 0."""
        values = self.trace.A[l - 1]
        return [i for i in largest(values, self.most) if values[i - 1] or len(values) <= MANY]

    def sum_of(
        self,
        values: NDArray[Any],
        term: Callable[[int], Expression],
        always: Sequence[Expression] = (),
        most: int = 0,
    ) -> Expression:
        """Return a sum of the largest terms, how many are left out, and what is always there.

        Parameters
        ----------
        values : ndarray
            Of all terms.
        term : callable
            Gives the term of a number, from 1.
        always : sequence
            Terms that are written out whatever they are.
        most : int, optional
            How many of the others are.
        """
        kept = largest(values, most or self.most)
        left = len(values) - len(kept)
        rest = float(values.sum() - values[[k - 1 for k in kept]].sum()) if left else 0.0
        parts: list[Expression] = [*map(term, kept), *([Rest(left, rest)] if left else []), *always]
        return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def largest(values: NDArray[Any], most: int) -> list[int]:
    """Return the numbers, from 1, of the largest values, in the order in which they stand.

    Examples
    --------
    >>> largest(np.array([0.1, -3.0, 2.0]), 2)
    [2, 3]
    """
    order = np.argsort(-np.abs(values), kind="stable")[:most]
    return [int(k) + 1 for k in np.sort(order)]


def rule_of_activation(name: Any) -> Any:
    """Return the source of an activation, or None where it is a function of arrays."""
    return ACTIVATIONS.get(name) if isinstance(name, str) else name.source


def rule_of_loss(name: Any) -> Any:
    """Return the source of a loss, or None where it is a function of arrays."""
    return LOSSES.get(name) if isinstance(name, str) else name.source


def product(*factors: Expression) -> Expression:
    """Return a product of factors, or the only one."""
    return factors[0] if len(factors) == 1 else Product(factors)


def own_argument(signs: Signs) -> dict[str, Expression]:
    """Return the loss's own parameter, where it has one, as a further argument."""
    network = signs.trace.network
    if network.loss_parameter is None:
        return {}
    name = arguments_of(rule_of_loss(network.loss))[2]
    return {name: Symbol(name, value=network.loss_parameter)}
