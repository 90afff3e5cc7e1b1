"""The course of an estimator's training, epoch by epoch, as scikit-learn's classes take it."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from chainrule import kernels
from chainrule.arguments import own_parameters
from chainrule.course import Plateau
from chainrule.engine import Objective, forward
from chainrule.frames import on_numbers
from chainrule.layout import (
    EPOCHS,
    FIRST_STEP,
    STEP,
    Chunk,
    Data,
    Settings,
    begin,
    no_data,
)
from chainrule.network import Network
from chainrule.resuming import Resumed
from chainrule.rules import OPTIMISERS
from chainrule.schedules import SCHEDULES
from chainrule.telling import Watch

SKLEARNS_SCHEDULES = ("constant", "invscaling", "adaptive")


class Part(NamedTuple):
    """Rows with their targets (n, n_out) and weights, or None."""

    X: Any
    y: Any
    weight: Any


class _Steps:
    """The compiled steps on one set of data."""

    def __init__(
        self, model: Any, network: Network, theta: NDArray[Any], data: Data, batch: int
    ) -> None:
        solver, own = _rule_of(model)
        self.data = data
        self.settings = Settings(
            batch,
            own_parameters(solver, own),
            list(OPTIMISERS).index(solver),
            l1=float(model.l1),
            alpha=float(model.alpha),
            dropout=float(model.dropout),
            clip_norm=np.inf if model.clip_norm is None else float(model.clip_norm),
            share=model._share(),
            by_rows=True,
        )
        seed = model._random_state.randint(2**31) if model.dropout else 0
        self.plan, self.state = begin(network, theta, batch, seed)

    def epoch(self, rates: NDArray[Any]) -> float:
        """Run through the data once; return the mean loss, or NaN if it overflowed."""
        chunk = Chunk(0, rates, np.zeros(1), np.zeros(0))
        place = self.state.place
        place[FIRST_STEP], place[EPOCHS] = place[STEP], 0
        held = no_data(self.data)
        status = kernels.run(self.plan, self.settings, self.state, self.data, held, chunk)
        return np.nan if status == kernels.DIVERGED else float(chunk.losses[0])


def _rule_of(model: Any) -> tuple[str, dict[str, float]]:
    """Return the rule of a solver, and the rule's own parameters."""
    adam = {"beta1": model.beta_1, "beta2": model.beta_2, "epsilon": model.epsilon}
    if model.solver == "sgd":
        return "nesterov" if model.nesterovs_momentum else "sgd", {"momentum": model.momentum}
    own = {"adam": adam, "adamw": adam, "rmsprop": {"epsilon": model.epsilon}}
    rule = {"adam": "adam_section2"}.get(model.solver, model.solver)
    return rule, own.get(model.solver, {})


class _Rate:
    """The learning rate of an estimator's epochs."""

    def __init__(self, model: Any, steps: int) -> None:
        self.model, self.steps, self.now = model, steps, float(model.learning_rate_init)
        self.plateau = Plateau()

    def of_epoch(self, epoch: int) -> NDArray[Any]:
        """Return the rate of each step of an epoch, or of all of them."""
        schedule = self.model.learning_rate
        share = None if schedule in SKLEARNS_SCHEDULES else SCHEDULES[schedule]
        if share is None:
            return np.array([self.now])
        first, last = epoch * self.steps, max(1, self.model.max_iter) * self.steps
        return self.now * share(np.arange(first, first + self.steps), last)

    def after_epoch(self) -> None:
        """Let the rate follow the course."""
        model = self.model
        if model.solver == "sgd" and model.learning_rate == "invscaling":
            self.now = model.learning_rate_init / (model.t_ + 1) ** model.power_t
        elif model.learning_rate == "plateau":
            losses = model.validation_loss_curve_ or model.loss_curve_
            self.now = model.learning_rate_init * self.plateau.factor_after(losses[-1])

    def lowered(self) -> tuple[bool, str]:
        """Lower an adaptive rate in place of a stop; say whether it was, and what follows."""
        if not (self.model.solver == "sgd" and self.model.learning_rate == "adaptive"):
            return False, "Stopping."
        if self.now <= 1e-6:
            return False, "Learning rate too small. Stopping."
        self.now /= 5.0
        return True, f"Setting learning rate to {self.now:f}"


def split(model: Any, part: Part) -> tuple[Part, Part]:
    """Hold out a share of the rows for validation."""
    X, y, weight = part
    stratify = y if model.n_outputs_ == 1 and is_classifier(model) else None
    arrays = (X, y) if weight is None else (X, y, weight)
    parts = train_test_split(
        *arrays,
        random_state=model._random_state,
        test_size=model.validation_fraction,
        stratify=stratify,
    )
    if len(parts[1]) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
    none = () if weight is not None else (None,)
    return Part(*parts[0::2], *none), Part(*parts[1::2], *none)


def _batch(model: Any, n: int) -> int:
    if isinstance(model.batch_size, str):
        return min(200, n)
    if model.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=6,
        )
    return int(np.clip(model.batch_size, 1, n))


def calls_back(model: Any, network: Network, theta: NDArray[Any]) -> bool:
    """Call the model's callback, if it has one, with the present weights; True stops."""
    if model.callback is None:
        return False
    model._unpack(network, theta)
    return bool(model.callback(model))


def run(
    model: Any, network: Network, part: Part, held: Part | None, epochs: int, watch: Watch
) -> None:
    """Train a model for some epochs, or until it stops improving.

    Parameters
    ----------
    model : Perceptron
        Its parameters are read and its fitted attributes changed.
    network : Network
    part : Part
        The rows to train on.
    held : Part, optional
        The rows for validation.
    epochs : int
        1 for ``partial_fit``, which goes on where the last call ended.
    watch : Watch
        Hears of each epoch.
    """
    n, incremental = len(part.X), model._incremental
    data = model._data(*part, model.coefs_[0].dtype)
    batch = _batch(model, n)
    steps = _Steps(model, network, model._packed().copy(), data, batch)
    rate, state, judge = _Rate(model, -(-n // batch)), steps.state, _Judge(model, network, held)
    if incremental and model._optimiser_ is not None:
        state.m[:], state.v[:], state.place[STEP], rate.now = model._optimiser_
    shift, ended = model._shift(part.y, part.weight), False
    resumed = Resumed(model, network, [*part, *(held or ())], state, data, rate)
    try:
        for epoch in range(epochs if resumed.ended else model.n_iter_, epochs):
            if model.shuffle:
                indices = np.arange(n)
                model._random_state.shuffle(indices)
                data.order[:] = data.order[indices]
            loss = steps.epoch(rate.of_epoch(epoch))
            if np.isnan(loss):
                state.theta[:] = np.nan
            model.n_iter_ += 1
            model.loss_ = loss + shift
            model.t_ += n
            model.loss_curve_.append(model.loss_)
            if judge.is_best(state.theta):
                resumed.best = state.theta.copy()
            watch.hears(model, n)
            rate.after_epoch()
            if calls_back(model, network, state.theta) or watch.interrupted.is_set():
                break
            if model._no_improvement_count > model.n_iter_no_change:
                goes_on, what_follows = rate.lowered()
                watch.says(f"{judge.why()} {what_follows}")
                if not goes_on:
                    ended = True
                    break
                model._no_improvement_count = 0
            resumed.save(ended=False, at_once=False)
            if not incremental and model.n_iter_ == model.max_iter:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the "
                    "optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=5,
                )
    except KeyboardInterrupt:
        watch.interrupted.set()
    resumed.save(ended or resumed.ended, at_once=True)
    model._optimiser_ = (state.m, state.v, state.place[STEP], rate.now)
    restored = model.early_stopping and not incremental
    model._unpack(network, resumed.best if restored else state.theta)


class _Judge:
    """What an epoch was worth, by the loss on its rows or on those held out."""

    def __init__(self, model: Any, network: Network, held: Part | None) -> None:
        self.model, self.network, self.held, self.scorer = model, network, held, None
        if held is not None:
            data = model._data(*held, model.coefs_[0].dtype)
            self.objective = Objective(network, data, share=model._share())
            self.shift = model._shift(held.y, held.weight)
        if model.scoring not in (None, "loss"):
            self.scorer = check_scoring(model, model.scoring)

    def is_best(self, theta: NDArray[Any]) -> bool:
        """Enter an epoch's score or loss; say whether its score is the best so far."""
        model = self.model
        if self.held is not None:
            model.validation_loss_curve_.append(self.objective.loss(theta) + self.shift)
        if not model.early_stopping:
            loss = model.loss_curve_[-1]
            worse = loss > model.best_loss_ - model.tol
            model.best_loss_ = min(loss, model.best_loss_)
            better = False
        else:
            score = self._score(theta)
            model.validation_scores_.append(score)
            worse = score < model.best_validation_score_ + model.tol
            better = score > model.best_validation_score_
            if better:
                model.best_validation_score_ = score
        model._no_improvement_count = model._no_improvement_count + 1 if worse else 0
        return bool(better)

    def why(self) -> str:
        """Say why the training is at its end, in scikit-learn's words."""
        model = self.model
        what = "Validation score" if model.early_stopping else "Training loss"
        return (
            f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} "
            "consecutive epochs."
        )

    def _score(self, theta: NDArray[Any]) -> float:
        assert self.held is not None
        X, y, weight = self.held
        if self.model.scoring == "loss":
            return -float(self.model.validation_loss_curve_[-1])
        outputs = forward(self.network, theta, X)
        if not np.isfinite(outputs).all():
            return np.nan
        if self.scorer is None:
            return float(self.model._score_of(y, outputs, weight))
        self.model._unpack(self.network, theta)
        more = {} if weight is None else {"sample_weight": weight}
        with on_numbers(self.model):
            return float(self.scorer(self.model, X, self.model._truth(y), **more))
