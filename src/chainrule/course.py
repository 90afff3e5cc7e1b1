"""What a training tells: the losses of its epochs, its progress, its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PLATEAU_PATIENCE = 10
PLATEAU_FACTOR = 0.5


@dataclass
class History:
    """The losses of every epoch.

    Attributes
    ----------
    loss : list of float
        The objective, penalty included: the mean of the batches' losses, each
        taken before its step. Of lbfgs and lm: the loss after the step.
    validation_loss : list of float
        The loss on the validation data after the epoch, without penalty. Empty
        where there are no validation data.
    learning_rate : list of float
        The rate of the epoch's last step; 1 for lbfgs and lm.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Training:
    """What training gives.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        The best parameters where early stopping was on, else the last.
    history : History
    stopped : str
        Why it ended: "epochs", "patience", "callback", "interrupted" or "diverged";
        "converged" where a solver that finds its own steps found none that helps.
    best_epoch : int or None
        The epoch (from 0) of ``parameters``, with early stopping.
    seconds : float
        The time of the whole training.
    """

    parameters: NDArray[Any]
    history: History
    stopped: Literal["epochs", "patience", "callback", "interrupted", "diverged", "converged"]
    best_epoch: int | None
    seconds: float


@dataclass(frozen=True)
class Progress:
    """What a callback is told after each epoch, counted from 0.

    ``member`` is the network's number in an ensemble, from 0.
    """

    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None
    learning_rate: float
    parameters: NDArray[Any]
    samples_per_second: float
    member: int = 0


Callback = Callable[[Progress], bool | None]


@dataclass
class Plateau:
    """Lowers the rate each time that the loss failed to fall for long enough."""

    lowest: float = np.inf
    waited: int = 0
    factor: float = 1.0

    def factor_after(self, loss: float) -> float:
        """Return the factor on the rate after another epoch's loss."""
        if loss < self.lowest:
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1
        if self.waited > PLATEAU_PATIENCE:
            self.factor, self.waited = self.factor * PLATEAU_FACTOR, 0
        return self.factor
