"""Affine maps, activations and scalings, as they come one after the other, to layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import BadSource

Floats = NDArray[np.float64]
TYPES = (np.dtype(np.float32), np.dtype(np.float64))


class Chain:
    """Layers in the making. ``where`` names the operator in messages.

    Attributes
    ----------
    weights : list of (W (n_in, n_out), b (n_out,))
    activations : list of str or Rule
        One for each layer.
    mean, scale : float64
        What the inputs are standardised by: (x - mean) / scale, numbers or one of each input.
    fill : float64, optional
        What an input that is missing counts as, before it is standardised.
    folded : list of str
        The operators that became part of a neighbour's weights.

    Examples
    --------
    >>> chain = Chain()
    >>> chain.scaling(2.0, 4.0, "Normalization")
    >>> chain.affine([[1.0, 0.0]], [0.0, 0.5], "Dense 1")
    >>> chain.activation("relu", "ReLU 1")
    >>> chain.affine([[1.0], [2.0]], None, "Dense 2")
    >>> chain.sizes, chain.activations, float(chain.mean)
    ((1, 2, 1), ['relu', 'identity'], 2.0)
    """

    def __init__(self) -> None:
        self.weights: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self.activations: list[Any] = []
        self.mean: Any = 0.0
        self.scale: Any = 1.0
        self.fill: Any = None
        self.folded: list[str] = []
        self._closed = True  # whether the last layer has its activation
        self._waiting: tuple[Floats, Floats, str] | None = None  # a scaling between layers

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the input first."""
        if not self.weights:
            raise BadSource("there is no layer of weights; a network has one or more")
        return (len(self.weights[0][0]), *(len(b) for _, b in self.weights))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the weights: float32 where all are."""
        return np.result_type(*(part for pair in self.weights for part in pair))

    def affine(self, W: ArrayLike, b: ArrayLike | None, where: str) -> None:
        """Add Z = A W + b; without b it is 0."""
        W = _numbers(W, where)
        b = np.zeros(W.shape[-1:], W.dtype) if b is None else _numbers(b, where)
        if W.ndim != 2 or 0 in W.shape or b.shape != W.shape[1:]:
            raise BadSource(f"{where} has weights {W.shape} and biases {b.shape}, no layer's")
        if self.weights and len(W) != len(self.weights[-1][1]):
            raise BadSource(
                f"{where} takes {len(W)} numbers, and the layer before gives "
                f"{len(self.weights[-1][1])}"
            )
        if self._waiting is not None:
            mean, scale, _ = self._waiting
            W, b = _like(W, W / _column(scale)), _like(b, b - (mean / scale) @ W)
            self._waiting = None
        if not self.weights:
            W = self._first(W, where)
        self.weights.append((W, b))
        self.activations.append("identity")
        self._closed = False

    def activation(self, name: Any, where: str) -> None:
        """Add A = f(Z)."""
        if not self.weights or self._waiting is not None:
            raise BadSource(f"{where} does not follow a layer of weights; it cannot be imported")
        if name == "identity":
            return
        if self._closed:
            raise BadSource(
                f"{where} follows the activation {self.activations[-1]}; a layer has only one"
            )
        self.activations[-1] = name
        self._closed = True

    def scaling(self, mean: ArrayLike, scale: ArrayLike, where: str) -> None:
        """Add (x - mean) / scale, of each neuron; next to a layer it becomes part of it."""
        mean, scale = _numbers(mean, where), _numbers(scale, where)
        mean, scale = mean.astype(np.float64), scale.astype(np.float64)
        if mean.ndim > 1 or scale.ndim > 1 or (scale == 0.0).any():
            raise BadSource(f"{where} scales by 0, or by more than a number for each neuron")
        if not self.weights:
            widths = {np.size(part) for part in (self.mean, self.scale, mean, scale)} - {1}
            if len(widths) > 1:
                raise BadSource(f"{where} scales {max(widths)} numbers, and there are others")
            self.mean, self.scale = self.mean + self.scale * mean, self.scale * scale
        elif self._closed:
            waiting = (np.zeros(self.sizes[-1]), np.ones(self.sizes[-1]), where)
            before, factor, _ = self._waiting or waiting
            self._waiting = before + factor * self._fitting(mean, where), factor * scale, where
        else:
            W, b = self.weights[-1]
            mean, scale = self._fitting(mean, where), self._fitting(scale, where)
            self.weights[-1] = _like(W, W / scale), _like(b, (b - mean) / scale)
        if self.weights and (scale != 1.0).any():  # else it is a bias
            self.folded.append(where)

    def filled(self, values: ArrayLike, where: str) -> None:
        """Let inputs that are missing count as these, a number or one of each."""
        values = _numbers(values, where).astype(np.float64)
        plain = np.size(self.mean) == np.size(self.scale) == 1 and (self.mean, self.scale) == (0, 1)
        if self.weights or self.fill is not None or not plain or values.ndim > 1:
            raise BadSource(f"{where} fills in what is missing after something was done to it")
        self.fill = values

    def normalised(
        self, mean: ArrayLike, variance: ArrayLike, gamma: ArrayLike, beta: ArrayLike, where: str
    ) -> None:
        """Add (x - mean) / sqrt(variance) * gamma + beta: batch normalisation after training."""
        mean, variance, gamma, beta = (_numbers(a, where) for a in (mean, variance, gamma, beta))
        if (variance <= 0.0).any() or (gamma == 0.0).any():
            raise BadSource(f"{where} has a variance or a factor of 0; remove what it is of")
        self.scaling(mean, np.sqrt(variance), where)
        self.scaling(-beta / gamma, 1.0 / gamma, where)

    def ends(self) -> None:
        """Check that nothing is left over."""
        if self._waiting is not None:
            raise BadSource(
                f"{self._waiting[2]} scales what the last activation gives; leave it out, and "
                "scale the target instead"
            )

    def _fitting(self, values: Floats, where: str) -> Floats:
        n = self.sizes[-1]
        if values.ndim and len(values) not in (1, n):
            raise BadSource(f"{where} is of {len(values)} numbers, and the layer before gives {n}")
        return np.broadcast_to(values, n)

    def _first(self, W: NDArray[Any], where: str) -> NDArray[Any]:
        """Check the scaling of the inputs, and give its signs to the weights."""
        for name in ("mean", "scale", "fill"):
            part = getattr(self, name)
            if part is not None and np.ndim(part) and len(part) not in (1, len(W)):
                raise BadSource(f"{where} takes {len(W)} numbers, and {len(part)} are scaled")
            setattr(self, name, part[0] if np.shape(part) == (1,) else part)
        if (np.asarray(self.scale) < 0.0).any():
            W = _like(W, W * _column(np.broadcast_to(np.sign(self.scale), len(W))))
            self.scale = np.abs(self.scale)
        return W


def _column(values: Floats) -> Floats:
    return values[:, None] if values.ndim else values


def _like(array: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(array.dtype)


def _numbers(values: ArrayLike, where: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.newbyteorder("=") not in TYPES:
        raise BadSource(f"{where} holds {array.dtype}; convert it to float32 or float64")
    if not np.isfinite(array).all():
        raise BadSource(f"{where} holds numbers that are not finite; train it again")
    return array.astype(array.dtype.newbyteorder("="))
