"""What an estimator tells while it trains, as lines or as a bar; and whether Ctrl-C was pressed."""

from __future__ import annotations

import time
import warnings
from threading import Event, Lock
from types import TracebackType
from typing import Any

import numpy as np

from chainrule.course import Progress


class Watch:
    """Hears of every epoch, and knows by ``interrupted`` that the user wants no more of them.

    Several trainings in threads share one.

    Parameters
    ----------
    verbose : bool, int or "bar"
        scikit-learn's lines on standard output; or a bar on standard error, if that is a
        terminal.
    epochs : int
        How many there are at most, in each training.
    trainings : int, default 1

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(n_iter_=1, loss_=0.5, early_stopping=False)
    >>> with Watch(True, epochs=10) as watch:
    ...     watch.hears(model, rows=100)
    Iteration 1, loss = 0.50000000
    """

    def __init__(self, verbose: Any, epochs: int, trainings: int = 1) -> None:
        self.interrupted = Event()
        self._bar = _bar(epochs, trainings) if verbose == "bar" else None
        self._lines = bool(verbose) and self._bar is None

    def __enter__(self) -> Watch:
        if self._bar is not None:
            self._bar.shown.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.shown.__exit__()
        if kind is None and self.interrupted.is_set():
            warnings.warn("Training interrupted by user.", stacklevel=4)

    def hears(self, model: Any, rows: int) -> None:
        """Tell of an epoch on some rows."""
        if self._lines:
            self.says(f"Iteration {model.n_iter_}, loss = {model.loss_:.8f}")
            if model.early_stopping and model.validation_scores_:
                self.says(f"Validation score: {model.validation_scores_[-1]:f}")
        elif self._bar is not None:
            self._bar.epoch(model, rows)

    def says(self, text: str) -> None:
        """Print a line, where lines are wanted."""
        if self._lines:
            print(text)  # noqa: T201

    def ends(self, model: Any) -> None:
        """Take the epochs that a training did not need off the bar."""
        if self._bar is not None:
            self._bar.end(model.n_iter_)


class _Bar:
    """One bar for all trainings."""

    def __init__(self, shown: Any, epochs: int, trainings: int) -> None:
        self.shown, self._lock = shown, Lock()
        self._epochs, self._all, self._done, self._rows = epochs, epochs * trainings, 0, 0
        self._start, self._losses = time.perf_counter(), (np.nan, None)

    def epoch(self, model: Any, rows: int) -> None:
        held = getattr(model, "validation_loss_curve_", None)
        with self._lock:
            self._done += 1
            self._rows += rows
            self._losses = model.loss_, held[-1] if held else None
            self._show()

    def end(self, epochs: int) -> None:
        with self._lock:
            self._all -= self._epochs - epochs
            if epochs:
                self._show()

    def _show(self) -> None:
        seconds = time.perf_counter() - self._start
        self.shown(
            Progress(
                self._done - 1, self._all, *self._losses, learning_rate=np.nan,
                parameters=np.empty(0), samples_per_second=self._rows / seconds,
            )
        )  # fmt: skip


def _bar(epochs: int, trainings: int) -> _Bar | None:
    """Return a bar, or None where standard error is no terminal that can show it."""
    from chainrule.terminal import ProgressBar, standard_error

    console = standard_error()
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    return _Bar(ProgressBar(console, epochs * trainings), epochs, trainings)
