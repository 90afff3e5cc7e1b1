"""Several networks in the place of one: their mean, their spread, intervals around the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.errors import BadSetting
from chainrule.network import Network

if TYPE_CHECKING:
    from chainrule.course import Training


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks that were trained on different rows from different weights, or a single one.

    Attributes
    ----------
    network : Network
        The description that all members share.
    parameters : ndarray of shape (members, n_parameters)
    residuals : ndarray of shape (n, n_out)
        For each output, how far a member that was trained without a row was from its
        target, in rising order. Of shape (0, n_out) where targets are classes.
    trainings : tuple of Training
        How each member was trained; empty for a model from a file.
    """

    network: Network
    parameters: NDArray[Any]
    residuals: NDArray[Any]
    trainings: tuple[Training, ...] = ()

    def __len__(self) -> int:
        return len(self.parameters)

    def outputs(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of every member, (members, n, n_out)."""
        from chainrule.engine import forward

        return np.array([forward(self.network, theta, X) for theta in self.parameters])

    def mean(self, X: ArrayLike) -> NDArray[Any]:
        """Return the mean of the members' outputs, (n, n_out): the prediction."""
        mean: NDArray[Any] = self.outputs(X).mean(axis=0)
        return mean

    def spread(self, X: ArrayLike) -> NDArray[Any]:
        """Return the standard deviation of the members' outputs, (n, n_out).

        It says where they disagree, and is no error bar: for that there is ``interval``.
        It is 0 for a single network.
        """
        spread: NDArray[Any] = self.outputs(X).std(axis=0, ddof=min(1, len(self) - 1))
        return spread

    def interval(self, X: ArrayLike, coverage: float = 0.9) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the bounds between which targets of further rows lie with a probability.

        Parameters
        ----------
        X : array-like of shape (n, n_in)
        coverage : float, default 0.9
            The share of the targets that shall lie between the bounds.

        Returns
        -------
        lower, upper : ndarray of shape (n, n_out)
            The mean, less and plus the ``margin``.

        Notes
        -----
        Cross-conformal prediction (Vovk, 2015): each residual is of a member that did not
        learn from the row. Members stop early by these rows, which makes residuals a
        little small, and the mean of all is better than one, which makes up for it.
        """
        mean, margin = self.mean(X), self.margin(coverage)
        return mean - margin, mean + margin

    def margin(self, coverage: float = 0.9) -> NDArray[Any]:
        """Return half the width of the intervals, (n_out,).

        It is the residual that ``ceil((n + 1) coverage)`` of the n training rows do not
        exceed, and infinite where n is too small for the promise.
        """
        n = len(self.residuals)
        if n == 0:
            raise BadSetting(
                "there are no rows that a network did not learn from, or the targets are classes: "
                "an interval needs a target of numbers, and an ensemble or validation rows"
            )
        rank = int(np.ceil((n + 1) * coverage_of("coverage", coverage) - 1e-9))
        return self.residuals[rank - 1] if rank <= n else np.full(self.residuals.shape[1], np.inf)


def single(network: Network, parameters: NDArray[Any]) -> Ensemble:
    """Return one network as an ensemble, without residuals."""
    residuals = np.empty((0, network.sizes[-1]), parameters.dtype)
    return Ensemble(network, parameters[None], residuals)


def coverage_of(name: str, value: Any) -> float:
    """Return the share of the targets that intervals are to hold, or raise BadSetting."""
    if not (isinstance(value, int | float) and 0.0 < value < 1.0):
        raise BadSetting(f"{name}={value!r} must be a share in (0, 1), such as 0.9")
    return float(value)
