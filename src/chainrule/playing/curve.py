"""The losses of a run's epochs, thinned as they come, so that they always fit a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

KEPT = 1000
LOSS, VALIDATION, RATE = 0, 1, 2


class Curve:
    """Loss, validation loss and learning rate of the epochs; of many, every 2nd, 4th, ...

    Attributes
    ----------
    start : tuple of float
        Loss and validation loss before the first step; NaN where there is none.
    count : int
        How many epochs were entered.
    every : int
        The epochs that are kept are 0, every, 2 every, ...
    last : ndarray of shape (3,)
        Of the last epoch.

    Examples
    --------
    >>> curve = Curve(start=(9.0, np.nan))
    >>> curve.enter(np.arange(3000.0), [], np.ones(3000))
    >>> curve.every, len(curve.points()), curve.points()[[0, 1, -1], :2].tolist()
    (4, 752, [[0.0, 9.0], [1.0, 0.0], [3000.0, 2999.0]])
    """

    def __init__(self, start: tuple[float, float] = (np.nan, np.nan)) -> None:
        self.start, self.count, self.every = start, 0, 1
        self.last = np.full(3, np.nan)
        self.kept = np.zeros((0, 3))

    def enter(self, losses: ArrayLike, validation_losses: ArrayLike, rates: ArrayLike) -> None:
        """Enter epochs; ``validation_losses`` is empty where there are no validation rows."""
        loss = np.asarray(losses, float)
        n = len(loss)
        if n == 0:
            return
        found = np.full((n, 3), np.nan)
        found[:, LOSS], found[:, RATE] = loss, rates
        if np.size(validation_losses):
            found[:, VALIDATION] = validation_losses
        self.last = found[-1].copy()
        first = -self.count % self.every
        self.count += n
        self.kept = np.concatenate([self.kept, found[first :: self.every]])
        while len(self.kept) > KEPT - 3:
            self.kept, self.every = self.kept[::2].copy(), 2 * self.every

    def points(self, running: tuple[float, float] | None = None) -> NDArray[np.float32]:
        """Return rows of epochs done, loss and validation loss, at most a thousand.

        Parameters
        ----------
        running : (float, float), optional
            Epochs done, with the part of the present one, and the loss of that part.
        """
        epochs = np.arange(len(self.kept)) * self.every + 1.0
        rows = [np.column_stack([epochs, self.kept[:, :2]])]
        if not np.isnan(self.start[0]):
            rows.insert(0, np.array([[0.0, *self.start]]))
        if self.count and epochs[-1] < self.count:
            rows.append(np.array([[self.count, *self.last[:2]]]))
        if running is not None:
            rows.append(np.array([[*running, np.nan]]))
        with np.errstate(over="ignore"):  # a run that is about to fail
            return np.concatenate(rows)[-KEPT:].astype(np.float32)

    def history(self) -> dict[str, list[float]]:
        """Return what is kept as ``chainrule.summary.Course`` takes it."""
        names = {"loss": LOSS, "validation_loss": VALIDATION, "learning_rate": RATE}
        curves = {name: self.kept[:, place] for name, place in names.items()}
        return {name: [] if np.isnan(v).all() else v.tolist() for name, v in curves.items()}

    def copy(self) -> Curve:
        """Return a copy that later epochs do not change."""
        other = Curve(self.start)
        other.count, other.every = self.count, self.every
        other.last, other.kept = self.last.copy(), self.kept.copy()
        return other


def finite(value: Any) -> float | None:
    """Return a number as JSON has it: None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None
