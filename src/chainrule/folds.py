"""Train several networks at once, each without one fold of the rows, and calibrate them by it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.arguments import dtype_of, whole
from chainrule.calibration import Rows, calibrated, takes_classes
from chainrule.checkpoint import numbered
from chainrule.course import Callback, Progress, Training
from chainrule.engine import checked_data
from chainrule.ensemble import Ensemble
from chainrule.errors import BadSetting
from chainrule.loop import train
from chainrule.network import Network
from chainrule.threads import in_threads


def ensemble_of(
    network: Network,
    trainings: Sequence[Training],
    held: Sequence[Rows],
) -> Ensemble:
    """Return the ensemble of some trainings, calibrated with the rows that each did not see."""
    parameters = np.array([training.parameters for training in trainings])
    parameters, residuals = calibrated(network, parameters, held)
    return Ensemble(network, parameters, residuals, tuple(trainings))


def train_ensemble(
    network: Network,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    members: int = 5,
    seed: int = 0,
    n_jobs: int | None = None,
    sample_weight: ArrayLike | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    callback: Callback | None = None,
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
    checkpoint : path, optional
        Each member has a file, with its number put after the name.
    callback : callable, optional
        Called with a ``Progress`` after every epoch of every member, one call at a time;
        True stops that member, which is ``progress.member``.
    **settings
        Further keywords of ``chainrule.train``.

    Returns
    -------
    Ensemble

    Notes
    -----
    After Ctrl-C the ensemble has the members that had begun, each with its best parameters
    so far, and the residuals of their rows.

    Examples
    --------
    >>> X = np.linspace(-2, 2, 200).reshape(-1, 1)
    >>> Y = np.sin(X) + np.random.default_rng(0).normal(0, 0.1, X.shape)
    >>> ensemble = train_ensemble(Network((1, 8, 1), "tanh"), X, Y, solver="lm", patience=5)
    >>> lower, upper = ensemble.interval(X, 0.9)
    >>> bool(0.85 < np.mean((lower < Y) & (Y < upper)) < 0.95)
    True
    """
    for name in ("validation", "parameters"):
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
    lock, stop = threading.Lock(), threading.Event()

    def member(j: int) -> Training:
        def after_epoch(progress: Progress) -> bool | None:
            if stop.is_set():
                raise KeyboardInterrupt
            with lock:
                return callback(replace(progress, member=j)) if callback else None

        learn, held = fold != j, fold == j
        return train(
            network, data.X[learn], data.Y[learn], validation=(data.X[held], data.Y[held]),
            sample_weight=data.weight[learn] if data.weight.size else None,
            seed=int(seeds[j]), dtype=dtype, callback=after_epoch,
            checkpoint=None if checkpoint is None else numbered(checkpoint, j), **settings,
        )  # fmt: skip

    jobs = (os.cpu_count() or 1) if n_jobs is None else whole("n_jobs", n_jobs, 1)
    trained = in_threads(member, members, jobs, stop)
    held = [np.flatnonzero(fold == j) for j in trained]
    trainings = tuple(trained.values())
    return ensemble_of(network, trainings, [(data.X[rows], data.Y[rows]) for rows in held])


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
    """Return the class of each row, or 0 where targets are numbers, or several classes."""
    if not takes_classes(network):
        return np.zeros(len(Y), np.int64)
    if network.loss == "binary_cross_entropy":
        return (Y[:, 0] > 0.5).astype(np.int64) if Y.shape[1] == 1 else np.zeros(len(Y), np.int64)
    return np.asarray(Y.argmax(axis=1), np.int64)
