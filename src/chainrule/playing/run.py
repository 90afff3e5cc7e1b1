"""One training on the compiled engine, that can be taken a step at a time.

Whole epochs run in one compiled call, as ``chainrule.train`` runs them. A part of an epoch
is run by the same kernel on the rows of its batches, in the order that the kernel's own
shuffle gives, so that single steps, parts and whole epochs in any mixture give the same
bits as ``train``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import __version__, kernels
from chainrule.arguments import learning_rate_of, own_parameters
from chainrule.course import History, Plateau, Training
from chainrule.engine import checked_data
from chainrule.layout import (
    BEST_EPOCH,
    BEST_LOSS,
    EPOCHS,
    FIRST_STEP,
    STEP,
    WAITED,
    Chunk,
    Data,
    Settings,
    begin,
    no_data,
)
from chainrule.playing.choices import Choices, makes_a_new_run, still_exact
from chainrule.playing.curve import Curve
from chainrule.prepare import Prepared
from chainrule.rules import OPTIMISERS
from chainrule.schedules import SCHEDULES
from chainrule.summary import Course, Summary

if TYPE_CHECKING:
    from chainrule.model import Model

KEPT = ("theta", "gradient", "m", "v", "best", "finite", "place", "random")  # of the state
WORK_A_CALL = 20_000_000  # multiplications and additions: some milliseconds
GOING, ENDED, FAILED = "going", "ended", "failed"


class Run:
    """One training: the arrays that kernels change, the curve, and how it stands.

    Parameters
    ----------
    prepared : Prepared
    choices : Choices
    start : ndarray of shape (n_parameters,), optional
        Where to start; default: as the choices draw it.

    Attributes
    ----------
    status : {"going", "ended", "failed"}
        Whether further steps can be taken; "ended" may go on when the conditions change.
    why : str
        Why it ended or failed, for people.
    step, epoch, batch_in_epoch : int
        Steps done; whole epochs done; steps done of the present epoch.
    steps_per_epoch : int
    theta, gradient : ndarray of shape (n_parameters,)
        The parameters, and the gradient of the last step, penalty and clipping included. They
        are the run's own arrays, which the next step changes.
    curve : Curve
    exact : bool
        Whether ``chainrule.train`` under the present choices reaches the same parameters.

    Examples
    --------
    >>> from chainrule.playing.settling import ready
    >>> from chainrule.playing.sources import shelf, table_of
    >>> moons, chosen = shelf()["toy:moons"], Choices()
    >>> run = Run(ready(chosen, moons, table_of(moons, chosen.data)), chosen)
    >>> run.advance(3), run.advance(20), run.epoch, run.batch_in_epoch, run.steps_per_epoch
    (3, 20, 3, 2, 7)
    """

    def __init__(
        self, prepared: Prepared, choices: Choices, start: NDArray[Any] | None = None
    ) -> None:
        self.prepared, self.choices = prepared, choices
        self.network, self.dtype = prepared.network, prepared.settings["dtype"]
        X, Y, train, held = prepared.X, prepared.Y, prepared.train, prepared.validation
        self.data = checked_data(self.network, X[train], Y[train], None, self.dtype)
        self.held = no_data(self.data)
        if len(held):
            self.held = checked_data(self.network, X[held], Y[held], None, self.dtype)
        n = len(train)
        self.batch_size = choices.training.batch_size or n
        self.steps_per_epoch = -(-n // self.batch_size)
        self._drawn = start is None
        if start is None:
            start = self.network.initial(choices.seed, choices.network.scheme, self.dtype)
        self._start = start.astype(self.dtype)
        self.rewind()

    def rewind(self) -> None:
        """Go back to the initial parameters."""
        theta = self._start.copy()
        self.plan, self.state = begin(self.network, theta, self.batch_size, self.choices.seed)
        self.batch_in_epoch, self._order, self._total = 0, self.data.order[:0].copy(), 0.0
        self._plateau, self._factor = Plateau(), 1.0
        self._last: NDArray[Any] | None = None  # parameters of the last step, while the best show
        self.status, self.why, self.exact = GOING, "", self._drawn
        self._use(self.choices)
        self.curve = Curve(self._first_losses())

    def _use(self, choices: Choices) -> None:
        self.choices, given = choices, choices.training
        self.rate = learning_rate_of(given.solver, given.learning_rate)
        self.settings = Settings(
            batch_size=self.batch_size,
            hyperparameters=own_parameters(given.solver, dict(given.hyperparameters)),
            optimiser=list(OPTIMISERS).index(given.solver),
            shuffle=bool(self.prepared.settings.get("shuffle", True)),
            l1=float(given.l1),
            l2=float(given.l2),
            clip_norm=np.inf if given.clip_norm is None else float(given.clip_norm),
            dropout=float(given.dropout),
            patience=-1 if given.patience is None else given.patience,
        )

    @property
    def theta(self) -> NDArray[Any]:
        """The parameters."""
        return self.state.theta  # type: ignore[no-any-return]

    @property
    def gradient(self) -> NDArray[Any]:
        """The gradient of the last step."""
        return self.state.gradient  # type: ignore[no-any-return]

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state.place[STEP])

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return int(self.state.place[EPOCHS])

    @property
    def loss(self) -> float:
        """The objective of the present epoch so far, else of the last one, else of the start."""
        if self.batch_in_epoch:
            return self._total / self._rows_done
        return float(self.curve.last[0] if self.epoch else self.curve.start[0])

    @property
    def validation_loss(self) -> float:
        """The validation loss after the last epoch; NaN where there are no such rows."""
        return float(self.curve.last[1] if self.epoch else self.curve.start[1])

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._rates(self.step, 1)[0])

    @property
    def _rows_done(self) -> int:
        return min(self.batch_in_epoch * self.batch_size, len(self.data.X))

    def points(self) -> NDArray[np.float32]:
        """Return the curve: epochs done, loss, validation loss."""
        if not self.batch_in_epoch:
            return self.curve.points()
        return self.curve.points((self.step / self.steps_per_epoch, self.loss))

    def moments(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the optimiser's two memories as the next step finds them."""
        return self.state.m.copy(), self.state.v.copy()

    def next_rows(self) -> NDArray[np.intp]:
        """Return which rows of ``prepared`` the next step takes."""
        order = self._order if self.batch_in_epoch else self._shuffled(self.state.random.copy())
        first = self._rows_done
        return self.prepared.train[order[first : first + self.batch_size]]

    def advance(self, steps: int) -> int:
        """Take so many steps, unless the run ends or fails before; return how many were taken."""
        before = self.step
        while self.status == GOING and (left := steps - (self.step - before)) > 0:
            if self.batch_in_epoch == 0 and left >= self.steps_per_epoch:
                self._whole(left // self.steps_per_epoch)
            else:
                self._part(min(left, self.steps_per_epoch - self.batch_in_epoch))
        return self.step - before

    def change(self, choices: Choices) -> None:
        """Go on under other choices, which differ only in what acts on a run as it is."""
        assert not makes_a_new_run(self.choices, choices)
        self.exact = self.exact and (self.step == 0 or still_exact(self.choices, choices))
        self._use(choices)
        if self.status == FAILED:
            return
        self.status, self.why = GOING, ""
        if self._last is not None:
            self.theta[:], self._last = self._last, None
        if self.step:
            self._end_if_due()
        else:
            self.curve.start = self._first_losses()

    def _rates(self, first: int, count: int) -> NDArray[np.float64]:
        """Return the rate of the steps to come, or of every one of them."""
        share = SCHEDULES[self.choices.training.schedule]
        if self.choices.training.schedule == "constant" or share is None:
            return np.array([self.rate * self._factor])
        steps = self.choices.training.epochs * self.steps_per_epoch
        return self.rate * share(np.arange(first, first + count), steps)

    def _whole(self, epochs: int) -> None:
        """Run whole epochs in one compiled call."""
        training = self.choices.training
        rows = len(self.data.X) + len(self.held.X)
        many = max(1, WORK_A_CALL // (rows * (100 + 6 * len(self.theta))))
        alone = training.schedule == "plateau" or training.stop_loss is not None
        done = self.epoch
        count = min(1 if alone else many, epochs, training.epochs - done)
        rates = self._rates(self.step, count * self.steps_per_epoch)
        chunk = Chunk(done, rates, np.zeros(count), np.zeros(count if len(self.held.X) else 0))
        self.state.place[FIRST_STEP] = self.state.place[STEP]
        status = kernels.run(self.plan, self.settings, self.state, self.data, self.held, chunk)
        self._enter(chunk, status)

    def _part(self, steps: int) -> None:
        """Run some steps of an epoch; at its end, take the validation loss and judge it."""
        if self.batch_in_epoch == 0:
            self._order, self._total = self._shuffled(self.state.random), 0.0
        first = self._rows_done
        rows = self._order[first : first + steps * self.batch_size]
        data = self.data
        order = np.arange(len(rows), dtype=data.order.dtype)
        X, Y = (values.take(rows, 0, mode="clip") for values in (data.X, data.Y))  # the fast way
        part = Data(X, Y, data.weight, order)
        chunk = Chunk(0, self._rates(self.step, steps), np.zeros(1), np.zeros(0))
        if self._unjudged(part, chunk) == kernels.DIVERGED:
            self._fail()
            return
        self._total += float(chunk.losses[0]) * len(rows)
        self.batch_in_epoch += steps
        if self.batch_in_epoch < self.steps_per_epoch:
            return
        losses, held = np.array([self.loss]), np.zeros(1 if len(self.held.X) else 0)
        self.batch_in_epoch = 0
        chunk = Chunk(self.epoch, chunk.rates[-1:], losses, held)
        plain, nothing = self.settings._replace(shuffle=False), no_data(data)
        self._enter(chunk, kernels.run(self.plan, plain, self.state, nothing, self.held, chunk))

    def _unjudged(self, data: Data, chunk: Chunk) -> int:
        """Run one epoch on some rows, that is none in the eyes of patience."""
        place = self.state.place.copy()
        place[BEST_LOSS], place[FIRST_STEP] = -np.inf, place[STEP]
        plain = self.settings._replace(shuffle=False, patience=-1)
        state = self.state._replace(place=place)
        nothing = no_data(self.data)
        status = kernels.run(self.plan, plain, state, data, nothing, chunk)
        self.state.place[STEP] = place[STEP]
        return int(status)

    def _shuffled(self, random: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the order of an epoch, by the kernel's own shuffle, which changes ``random``."""
        order = np.arange(len(self.data.X), dtype=self.data.order.dtype)
        if self.settings.shuffle:
            place = self.state.place.copy()
            place[BEST_LOSS] = -np.inf
            nothing = no_data(self.data)._replace(order=order)
            chunk = Chunk(0, np.ones(1), np.zeros(1), np.zeros(0))
            state = self.state._replace(place=place, random=random)
            kernels.run(self.plan, self.settings, state, nothing, no_data(self.data), chunk)
        return order

    def _enter(self, chunk: Chunk, status: int) -> None:
        """Enter the epochs that a call ran, and see whether the run ends or fails."""
        count = self.epoch - chunk.first
        last = np.minimum(np.arange(1, count + 1) * self.steps_per_epoch, len(chunk.rates)) - 1
        losses, held = chunk.losses[:count], chunk.validation_losses[:count]
        self.curve.enter(losses, held, chunk.rates[last])
        if count and self.choices.training.schedule == "plateau":
            judged = held if len(held) else losses
            self._factor = self._plateau.factor_after(float(judged[-1]))
        if status == kernels.DIVERGED:
            self._fail()
        else:
            self._end_if_due()

    def _end_if_due(self) -> None:
        training, place = self.choices.training, self.state.place
        what = "validation loss" if len(self.held.X) else "loss"
        value = self.curve.last[1 if len(self.held.X) else 0]
        if training.patience is not None and place[WAITED] > training.patience:
            self.why = (
                f"the {what} has not fallen for more than {training.patience} epochs; the "
                f"parameters of epoch {int(place[BEST_EPOCH]) + 1}, the best, are back"
            )
        elif training.stop_loss is not None and value <= training.stop_loss:
            self.why = f"the {what} is {value:.4g}, at or below {training.stop_loss:g} as asked"
        elif self.epoch >= training.epochs and self.batch_in_epoch == 0:
            self.why = f"the {training.epochs:,} epochs asked for are done"
        else:
            return
        self.status = ENDED
        if training.patience is not None and place[BEST_EPOCH] >= 0:
            self._last = self.theta.copy()
            self.theta[:] = self.state.best

    def _fail(self) -> None:
        """Keep the last finite parameters, and say what to do."""
        self.theta[:] = self.state.finite
        rate, clipped = self.learning_rate, self.choices.training.clip_norm is not None
        clip = "" if clipped else ", or a clip norm of 1"
        self.status = FAILED
        self.why = (
            f"NaN: in epoch {self.epoch + 1} the loss or a weight left the finite numbers. The "
            f"steps are too long at a learning rate of {rate:g}: try {rate / 10:g}{clip}, then "
            "rewind. The last finite parameters are shown"
        )

    def _first_losses(self) -> tuple[float, float]:
        """Return loss, penalty included, and validation loss before the first step."""
        theta = self.theta.astype(np.float64)
        weights = [W for W, _ in self.network.layers(theta)]
        one, two = self.settings.l1, self.settings.l2
        penalty = sum(float(one * np.abs(W).sum() + two / 2 * (W * W).sum()) for W in weights)
        return self._loss_on(self.data) + penalty, self._loss_on(self.held)

    def _loss_on(self, data: Data) -> float:
        """Return the loss on some rows at the present parameters, without penalty."""
        if not len(data.X):
            return float("nan")
        order = np.arange(len(data.X), dtype=data.order.dtype)
        chunk = Chunk(0, np.ones(1), np.zeros(1), np.zeros(1))
        place = self.state.place.copy()
        place[BEST_LOSS] = -np.inf
        state = self.state._replace(place=place)
        plain = self.settings._replace(shuffle=False, patience=-1)
        kernels.run(self.plan, plain, state, no_data(data), data._replace(order=order), chunk)
        return float(chunk.validation_losses[0])

    def model(self) -> Model:
        """Return the network as it is now, with its columns: to save, to export, to predict.

        Its parameters are those that are shown; ``chainrule.fit`` would temper probabilities
        by the validation rows.
        """
        from chainrule.folds import ensemble_of
        from chainrule.model import Model

        stopped: Any = {GOING: "interrupted", FAILED: "diverged"}.get(self.status, "epochs")
        best = int(self.state.place[BEST_EPOCH]) if self._last is not None else None
        training = Training(self.theta.copy(), History(), stopped, best, 0.0)
        held = [(self.held.X, self.held.Y)] if len(self.held.X) else []
        given = self.choices.training
        recorded = self.prepared.recorded | given.own | {"learning_rate": self.rate}
        for name in ("l1", "l2", "dropout", "clip_norm", "epochs", "patience"):
            recorded[name] = getattr(given, name)
        course = Course(stopped, self.epoch, best, self.curve.history(), self.curve.every)
        summary = Summary(__version__, recorded, self.prepared.rows, {}, (course,))
        ensemble = ensemble_of(self.network, [training], held)
        shown = replace(ensemble, parameters=training.parameters[None], trainings=())
        return Model(shown, self.prepared.spec, summary)

    def copy_state(self) -> dict[str, Any]:
        """Return all that a run changes, as it is now."""
        arrays = {name: getattr(self.state, name).copy() for name in KEPT}
        return arrays | {
            "order": self._order.copy(),
            "last": None if self._last is None else self._last.copy(),
            "plateau": replace(self._plateau),
            "curve": self.curve.copy(),
            "choices": self.choices,
            **{name: getattr(self, name) for name in PLAIN},
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go back to what ``copy_state`` returned, of this run or one on the same data."""
        for name in KEPT:
            getattr(self.state, name)[:] = kept[name]
        self._use(kept["choices"])
        self._order = kept["order"].copy()
        self._last = None if kept["last"] is None else kept["last"].copy()
        self._plateau, self.curve = replace(kept["plateau"]), kept["curve"].copy()
        for name in PLAIN:
            setattr(self, name, kept[name])


PLAIN = ("batch_in_epoch", "_total", "_factor", "status", "why", "exact")
