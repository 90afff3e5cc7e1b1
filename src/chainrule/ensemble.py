"""Several networks in the place of one: their mean, their spread, intervals around the mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.arguments import dtype_of, whole
from chainrule.course import Training
from chainrule.engine import checked_data, forward
from chainrule.errors import BadSetting
from chainrule.loop import train
from chainrule.network import Network


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks that were trained on different rows from different weights.

    Attributes
    ----------
    network : Network
        The description that all members share.
    parameters : ndarray of shape (members, n_parameters)
    trainings : tuple of Training
        How each member was trained.
    residuals : ndarray of shape (n, n_out)
        For each output, how far the member that was trained without a row was from its
        target, in rising order.
    """

    network: Network
    parameters: NDArray[Any]
    trainings: tuple[Training, ...]
    residuals: NDArray[Any]

    def outputs(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of every member, (members, n, n_out)."""
        return np.array([forward(self.network, theta, X) for theta in self.parameters])

    def mean(self, X: ArrayLike) -> NDArray[Any]:
        """Return the mean of the members' outputs, (n, n_out): the prediction."""
        mean: NDArray[Any] = self.outputs(X).mean(axis=0)
        return mean

    def spread(self, X: ArrayLike) -> NDArray[Any]:
        """Return the standard deviation of the members' outputs, (n, n_out).

        It says where they disagree, and is no error bar: for that there is ``interval``.
        """
        spread: NDArray[Any] = self.outputs(X).std(axis=0, ddof=1)
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
            The mean, less and plus the residual q that ``ceil((n + 1) coverage)`` of the
            n training rows do not exceed; infinite where n is too small for the promise.

        Notes
        -----
        Cross-conformal prediction (Vovk, 2015): each residual is of a member that did not
        learn from the row. Members stop early by these rows, which makes residuals a
        little small, and the mean of all is better than one, which makes up for it.
        """
        if not (isinstance(coverage, int | float) and 0.0 < coverage < 1.0):
            raise BadSetting(f"coverage={coverage!r} must be a share in (0, 1), such as 0.9")
        n = len(self.residuals)
        rank = int(np.ceil((n + 1) * coverage - 1e-9))
        q = self.residuals[rank - 1] if rank <= n else np.inf
        mean = self.mean(X)
        return mean - q, mean + q


def train_ensemble(
    network: Network,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    members: int = 5,
    seed: int = 0,
    n_jobs: int | None = None,
    sample_weight: ArrayLike | None = None,
    **settings: Any,
) -> Ensemble:
    """Train several networks at once, one on each core.

    The rows are dealt out to as many folds as there are members. A member learns from all
    rows but its own fold, from weights of its own, and ``patience`` looks at that fold.

    Parameters
    ----------
    network : Network
    X, Y, sample_weight
        As for ``chainrule.train``. Rows of a class are dealt out evenly.
    members : int, default 5
    seed : int, default 0
        The same seed gives the same bits, whatever ``n_jobs``.
    n_jobs : int, optional
        How many are trained at a time. Default: one on each core.
    **settings
        Further keywords of ``chainrule.train``.

    Returns
    -------
    Ensemble

    Examples
    --------
    >>> X = np.linspace(-2, 2, 200).reshape(-1, 1)
    >>> Y = np.sin(X) + np.random.default_rng(0).normal(0, 0.1, X.shape)
    >>> ensemble = train_ensemble(Network((1, 8, 1), "tanh"), X, Y, solver="lm", patience=5)
    >>> lower, upper = ensemble.interval(X, 0.9)
    >>> bool(0.85 < np.mean((lower < Y) & (Y < upper)) < 0.95)
    True
    """
    for name in ("validation", "parameters", "callback"):
        if name in settings:
            raise BadSetting(f"{name!r} is for one network: use chainrule.train")
    seed, members = whole("seed", seed, 0), whole("members", members, 2)
    dtype = dtype_of(settings.pop("dtype", None), None, X)
    data = checked_data(network, X, Y, sample_weight, dtype)
    if len(data.X) < members:
        raise BadSetting(
            f"{members} members need as many rows, and X has {len(data.X)}: take fewer members"
        )
    fold = deal(_classes(network, data.Y), members, seed)
    seeds = np.random.SeedSequence([seed, 2]).generate_state(members)

    def member(j: int) -> Training:
        learn, held = fold != j, fold == j
        return train(
            network, data.X[learn], data.Y[learn], validation=(data.X[held], data.Y[held]),
            sample_weight=data.weight[learn] if data.weight.size else None,
            seed=int(seeds[j]), dtype=dtype, **settings,
        )  # fmt: skip

    trainings = in_threads(member, members, n_jobs)
    residuals = np.empty(data.Y.shape)
    for j, training in enumerate(trainings):
        held = fold == j
        outputs = forward(network, training.parameters, data.X[held])
        residuals[held] = np.abs(data.Y[held] - outputs)
    parameters = np.array([training.parameters for training in trainings])
    return Ensemble(network, parameters, trainings, np.sort(residuals, axis=0))


def deal(classes: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row: each class is dealt out evenly, in random order.

    Examples
    --------
    >>> classes = np.array([0, 0, 0, 0, 1, 1])
    >>> fold = deal(classes, folds=2, seed=0)
    >>> [np.bincount(fold[classes == k]).tolist() for k in (0, 1)]
    [[2, 2], [1, 1]]
    """
    order = np.random.default_rng([seed, 3]).permutation(len(classes))
    by_class = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(len(classes), np.int64)
    fold[by_class] = np.arange(len(classes)) % folds
    return fold


def _classes(network: Network, Y: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class of each row, or 0 where targets are numbers."""
    if network.output == "softmax" or network.loss == "cross_entropy":
        return np.asarray(Y.argmax(axis=1), np.int64)
    if network.loss == "binary_cross_entropy" and Y.shape[1] == 1:
        return (Y[:, 0] > 0.5).astype(np.int64)
    return np.zeros(len(Y), np.int64)


def in_threads(
    call: Callable[[int], Training], times: int, n_jobs: int | None
) -> tuple[Training, ...]:
    """Return call(0), call(1), ..., several at a time: kernels release the lock of Python."""
    jobs = (os.cpu_count() or 1) if n_jobs is None else whole("n_jobs", n_jobs, 1)
    with ThreadPoolExecutor(jobs) as pool:
        return tuple(pool.map(call, range(times)))
