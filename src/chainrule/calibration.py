"""Calibration by rows that a network did not learn from: residuals, and a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import forward, gradient
from chainrule.network import Network
from chainrule.rules import LINKS

KEPT_RESIDUALS = 10_000
HIGHEST_TEMPERATURE = 100.0

Rows = tuple[NDArray[Any], NDArray[Any]]


def calibrated(
    network: Network, parameters: NDArray[Any], held: Sequence[Rows]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the parameters of calibrated networks, and their residuals.

    Where targets are numbers, the residuals are kept. Where they are classes, the scores of
    all members are divided by one ``temperature``, by way of their last weights and biases.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (members, n_parameters)
    held : sequence of (X, Y)
        The rows that each member did not learn from; empty where there are none.

    Returns
    -------
    parameters : ndarray of shape (members, n_parameters)
    residuals : ndarray of shape (n, n_out)
    """
    if not held:
        return parameters, np.empty((0, network.sizes[-1]), parameters.dtype)
    Y = np.concatenate([Y for _, Y in held])
    if _gives_probabilities(network):
        scores = _joined(replace(network, output="identity"), parameters, held)
        last = np.arange(network.n_parameters) >= network.starts[-2]
        T = parameters.dtype.type(temperature(network, scores, Y))
        parameters = np.where(last, parameters / T, parameters)
    return parameters, residuals_of(network, _joined(network, parameters, held), Y)


def _joined(network: Network, parameters: NDArray[Any], held: Sequence[Rows]) -> NDArray[Any]:
    """Return what each member gives for its own rows, one below the other."""
    pairs = zip(parameters, held, strict=True)
    return np.concatenate([forward(network, theta, X) for theta, (X, _) in pairs])


def takes_classes(network: Network) -> bool:
    """Say whether the targets are classes, as far as the network tells."""
    return network.output == "softmax" or network.loss in ("cross_entropy", "binary_cross_entropy")


def _gives_probabilities(network: Network) -> bool:
    """Say whether outputs are probabilities whose loss is computed from scores."""
    return takes_classes(network) and LINKS.get(network.loss) == network.output


def residuals_of(network: Network, outputs: NDArray[Any], Y: NDArray[Any]) -> NDArray[Any]:
    """Return how far outputs are from numbers, in rising order; none for classes.

    Of more than ``KEPT_RESIDUALS``, as many are kept, each the largest of as many: a margin
    can only grow by that.

    Examples
    --------
    >>> residuals_of(Network((1, 1)), np.array([[1.0], [5.0]]), np.array([[3.0], [4.0]]))
    array([[1.],
           [2.]])
    """
    if takes_classes(network):
        return outputs[:0]
    residuals = np.sort(np.abs(Y - outputs), axis=0)
    n = len(residuals)
    if n <= KEPT_RESIDUALS:
        return residuals
    ranks = np.ceil(np.arange(1, KEPT_RESIDUALS + 1) * n / KEPT_RESIDUALS).astype(int)
    kept: NDArray[Any] = residuals[ranks - 1]
    return kept


def temperature(network: Network, scores: NDArray[Any], Y: NDArray[Any]) -> float:
    """Return the T for which scores / T have the least loss (Guo et al., 2017).

    A network that has overfitted is too sure of its classes, and T above 1 takes that back.
    T is never below 1: on few rows without an error the loss would fall for ever.

    Parameters
    ----------
    network : Network
        Its output and loss are used.
    scores : ndarray of shape (n, n_out)
        What the last layer gives before the output's activation.
    Y : ndarray of shape (n, n_out)

    Examples
    --------
    >>> network = Network((1, 1), output="sigmoid", loss="binary_cross_entropy")
    >>> scores = np.array([[3.0], [3.0], [3.0], [3.0]])  # a chance of 95 %
    >>> T = temperature(network, scores, np.array([[1.0], [1.0], [1.0], [0.0]]))
    >>> round(3.0 / T, 4), round(float(np.log(0.75 / 0.25)), 4)
    (1.0986, 1.0986)
    """
    k = scores.shape[1]
    last = replace(network, sizes=(k, k), hidden="relu")
    unchanged = np.vstack((np.eye(k), np.zeros((1, k))))

    def rises(factor: float) -> bool:
        """Whether the loss, which is convex in the factor on scores, rises at it."""
        _, slope = gradient(last, (factor * unchanged).ravel(), scores, Y)
        return float(slope[: k * k].reshape(k, k).trace()) > 0.0

    low, high = 1.0 / HIGHEST_TEMPERATURE, 1.0
    if not rises(high):
        return 1.0
    for _ in range(50):
        middle = sqrt(low * high)
        low, high = (low, middle) if rises(middle) else (middle, high)
    return 1.0 / high
