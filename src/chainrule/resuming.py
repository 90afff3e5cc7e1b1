"""Checkpoints of the estimators: what an epoch changes, kept, and put back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checkpoint import Checkpoint
from chainrule.course import Plateau
from chainrule.layout import Data, State
from chainrule.network import Network
from chainrule.schedules import STRETCHED

KEPT = ("theta", "m", "v", "place", "random")  # of the state
COUNTS = ("n_iter_", "t_", "_no_improvement_count")
NUMBERS = ("loss_", "best_loss_", "best_validation_score_")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
SAID = (  # by network and weights, or of no effect on them
    "activation", "callback", "checkpoint", "coefs_init", "intercepts_init", "loss", "max_iter",
    "n_jobs", "verbose",
)  # fmt: skip


class Resumed:
    """The checkpoint of a fit, or nothing where none was asked for.

    Parameters
    ----------
    model : Perceptron
    network : Network
    arrays : sequence of ndarray or None
        All rows, targets and weights.
    state, data : State, Data
        What the kernels change: the state, and the order of the rows.
    rate : object
        Its ``now`` and ``plateau`` are the course of the learning rate.
    """

    def __init__(
        self, model: Any, network: Network, arrays: Any, state: State, data: Data, rate: Any
    ) -> None:
        self.model, self.state, self.data, self.rate, self.ended = model, state, data, rate, False
        self.best, self.file = state.theta.copy(), None
        if model.checkpoint is not None and not model._incremental:
            given = {k: v for k, v in model.get_params().items() if k not in SAID}
            given |= {k: v.__qualname__ for k, v in given.items() if hasattr(v, "__qualname__")}
            length = model.max_iter if model.learning_rate in STRETCHED else None
            parts = (type(model).__name__, network, given, length, state.theta, *arrays)
            self.file = Checkpoint(model.checkpoint, *parts)
            self._load(self.file.load())

    def _load(self, arrays: dict[str, NDArray[Any]] | None) -> None:
        if arrays is None:
            return
        for name in KEPT:
            getattr(self.state, name)[:] = arrays[name]
        self.data.order[:], self.best = arrays["order"], arrays["best"]
        model, (counts, numbers) = self.model, (arrays["counts"], arrays["numbers"])
        for name, count in zip(COUNTS, counts.tolist(), strict=True):
            setattr(model, name, count)
        for name, number in zip(NUMBERS, numbers.tolist(), strict=True):
            setattr(model, name, None if np.isnan(number) else number)
        for name in CURVES:
            if getattr(model, name) is not None:
                getattr(model, name).extend(arrays[name].tolist())
        self.rate.now, *plateau = arrays["rate"].tolist()
        self.rate.plateau = Plateau(plateau[0], int(plateau[1]), plateau[2])
        position, has_gauss, gauss = arrays["draws"].tolist()
        draws = ("MT19937", arrays["keys"], int(position), int(has_gauss), gauss)
        model._random_state.set_state(draws)
        self.ended = bool(arrays["ended"][0])

    def save(self, ended: bool, at_once: bool) -> None:
        """Write how far the fit is, if a checkpoint was asked for and it is time."""
        if self.file is None or not (at_once or self.file.due()) or self.model.n_iter_ == 0:
            return
        model, plateau = self.model, self.rate.plateau
        _, keys, *draws = model._random_state.get_state()
        numbers = [getattr(model, name) for name in NUMBERS]
        arrays = {name: getattr(self.state, name) for name in KEPT}
        arrays |= {name: np.array(getattr(model, name) or [], float) for name in CURVES}
        self.file.save(
            arrays
            | {
                "order": self.data.order,
                "best": self.best,
                "counts": np.array([getattr(model, name) for name in COUNTS], np.int64),
                "numbers": np.array([np.nan if n is None else n for n in numbers], float),
                "rate": np.array([self.rate.now, plateau.lowest, plateau.waited, plateau.factor]),
                "keys": keys,
                "draws": np.array(draws, float),
                "ended": np.array([ended]),
            }
        )
