"""The weights of an estimator: drawn, given, and joined in one vector."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

Layers = tuple[list[NDArray[Any]], list[NDArray[Any]]]


def drawn(names: Sequence[str], sizes: Sequence[int], random_state: Any, dtype: Any) -> Layers:
    """Draw weights and biases as Glorot and Bengio (2010) do, from the random state.

    Parameters
    ----------
    names : sequence of str
        The activation by which each layer after the inputs is drawn.
    sizes : sequence of int
    random_state : numpy.random.RandomState
    dtype : float64 or float32

    Returns
    -------
    coefs, intercepts : list of ndarray
        W of shape (n_in, n_out) and b of shape (n_out,) of each layer.
    """
    coefs, intercepts = [], []
    for name, (fan_in, fan_out) in zip(names, pairwise(sizes), strict=True):
        bound = np.sqrt((2.0 if name == "logistic" else 6.0) / (fan_in + fan_out))
        W = random_state.uniform(-bound, bound, (fan_in, fan_out))
        b = random_state.uniform(-bound, bound, fan_out)
        coefs.append(W.astype(dtype, copy=False))
        intercepts.append(b.astype(dtype, copy=False))
    return coefs, intercepts


def given(name: str, arrays: Any, sizes: Sequence[int], dtype: Any) -> list[NDArray[Any]]:
    """Return copies of the weights or biases of every layer, if they fit its size.

    Examples
    --------
    >>> given("intercepts_init", [[0.0, 0.0, 0.0]], (2, 3), float)
    [array([0., 0., 0.])]
    >>> given("coefs_init", [np.ones((3, 2))], (2, 3), float)
    Traceback (most recent call last):
    ...
    ValueError: coefs_init[0] of shape (3, 2) must be of shape (2, 3): from the inputs to ...
    """
    layers = len(sizes) - 1
    if len(arrays) != layers:
        raise ValueError(
            f"{name} holds {len(arrays)} arrays for {layers} layers; give one for each layer after "
            f"the inputs, which have the sizes {', '.join(map(str, sizes[1:]))}"
        )
    copies = []
    for l, (shape, array) in enumerate(zip(pairwise(sizes), arrays, strict=True)):
        wanted = shape if name == "coefs_init" else shape[1:]
        where = f"{_layer(l, layers)} to {_layer(l + 1, layers)}"
        values = np.array(array, dtype, order="C")
        if values.shape != wanted:
            raise ValueError(
                f"{name}[{l}] of shape {values.shape} must be of shape {wanted}: from {where}"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"{name}[{l}], from {where}, holds NaN or infinity")
        copies.append(values)
    return copies


def _layer(l: int, last: int) -> str:
    return {0: "the inputs", last: "the outputs"}.get(l, f"hidden layer {l}")


def in_one(coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return all weights in one new vector: W and b of each layer in turn."""
    pairs = zip(coefs, intercepts, strict=True)
    return np.concatenate([np.ravel(part) for pair in pairs for part in pair])


class Joined:
    """All weights in one vector, of which each W and b is a view.

    What is written into a view is in the vector; ``holds`` tells whether an estimator
    still has these views, or was given other arrays.

    Parameters
    ----------
    coefs, intercepts : list of ndarray
        They are copied.

    Examples
    --------
    >>> joined = Joined([np.eye(2)], [np.zeros(2)])
    >>> joined.coefs[0][1, 0] = 7.0
    >>> joined.vector
    array([1., 0., 7., 1., 0., 0.])
    >>> joined.holds(joined.coefs, joined.intercepts), joined.holds([np.eye(2)], [np.zeros(2)])
    (True, False)
    """

    def __init__(self, coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]) -> None:
        self.vector, start = in_one(coefs, intercepts), 0
        self.coefs: list[NDArray[Any]] = []
        self.intercepts: list[NDArray[Any]] = []
        for W, b in zip(coefs, intercepts, strict=True):
            between, end = start + np.size(W), start + np.size(W) + np.size(b)
            self.coefs.append(self.vector[start:between].reshape(np.shape(W)))
            self.intercepts.append(self.vector[between:end])
            start = end
        self._views = (*self.coefs, *self.intercepts)

    def holds(self, coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]) -> bool:
        """Say whether these are the very views."""
        parts = (*coefs, *intercepts)
        return len(parts) == len(self._views) and all(map(is_, parts, self._views))
