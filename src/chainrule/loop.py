"""The training loop: split, batches, schedule, early stopping, history."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule import kernels
from chainrule.arguments import (
    at_least_zero,
    dtype_of,
    learning_rate_of,
    own_parameters,
    share,
    split,
    whole,
)
from chainrule.checkpoint import Checkpoint
from chainrule.course import Callback, History, Plateau, Progress, Training
from chainrule.engine import checked_parameters
from chainrule.errors import BadSetting, Diverged
from chainrule.layout import (
    BEST_EPOCH,
    EPOCHS,
    FIRST_STEP,
    NO_OPTIMISER,
    STEP,
    Chunk,
    Data,
    Settings,
    begin,
    no_data,
)
from chainrule.network import Network
from chainrule.rules import OPTIMISERS, WHOLESALE
from chainrule.schedules import SCHEDULES, STRETCHED
from chainrule.wholesale import check_wholesale, descend

# Short epochs are joined into calls of some tenths of a second, so that Ctrl-C is heard.
# Work is counted in multiplications and additions.
WORK_A_CALL = 4_000_000_000
WORK_A_SAMPLE = 2_000

KEPT = ("theta", "m", "v", "best", "finite", "place", "random")  # of the state, in a checkpoint


def train(
    network: Network,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    solver: str = "adam",
    learning_rate: float | None = None,
    schedule: str = "constant",
    epochs: int = 200,
    batch_size: int | None = 32,
    seed: int = 0,
    shuffle: bool = True,
    sample_weight: ArrayLike | None = None,
    validation: float | tuple[ArrayLike, ArrayLike] | None = None,
    patience: int | None = None,
    tolerance: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_norm: float | None = None,
    dropout: float = 0.0,
    parameters: NDArray[Any] | None = None,
    scheme: str = "xavier_normal",
    dtype: DTypeLike | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    callback: Callback | None = None,
    **hyperparameters: float,
) -> Training:
    """Train a network.

    Parameters
    ----------
    network : Network
    X : array-like of shape (n, n_in)
    Y : array-like of shape (n, n_out), or (n,) for one output or for classes
    solver : str, default "adam"
        gd, sgd (momentum), nesterov, rmsprop, adam, adamw or rprop. Or one that takes
        all samples at once, whatever the batch size, and finds its own steps, an epoch
        each: lbfgs, or lm (Levenberg-Marquardt, for small networks and half the
        squared error).
    learning_rate : float, optional
        Default: ``chainrule.rules.LEARNING_RATES[solver]``, such as 0.001 for adam.
    schedule : str, default "constant"
        constant, inverse_scaling, cosine, one_cycle, or plateau: half the rate
        after 10 epochs in which the validation (else training) loss did not fall.
    epochs : int, default 200
        0 gives the initial parameters back.
    batch_size : int or None, default 32
        Samples a step; None takes all of them.
    seed : int, default 0
        Of the initial weights, the validation split and the order of the
        batches. The same seed gives the same bits on the same machine.
    shuffle : bool, default True
        New random batches each epoch, else the rows in order.
    sample_weight : array-like of shape (n,), optional
    validation : float or (X, Y), optional
        A share of the rows to hold out, or validation data of your own.
    patience : int, optional
        Stop when the validation (else training) loss has not fallen for more
        than this many epochs, and return the best parameters. Without validation
        data an epoch is judged by its training loss, taken while it ran.
    tolerance : float, default 0
        By how much a loss must be lower to count as fallen.
    l1, l2 : float, default 0
        Adds l1 sum |w| + l2 / 2 sum w^2 over the weights; biases are free.
    clip_norm : float, optional
        Shorten gradients that are longer than this.
    dropout : float, default 0
        The share of the hidden neurons' outputs that every step leaves out at random.
        Predictions use them all.
    parameters : ndarray of shape (n_parameters,), optional
        Where to start; default: ``network.initial(seed, scheme, dtype)``.
    scheme : str, default "xavier_normal"
    dtype : float32 or float64, optional
        Default: of ``parameters``, else float32 if X is float32, else float64.
    checkpoint : path, optional
        A ``.safetensors`` file that is written every few seconds and at the end. The same
        call goes on from it, to the same bits as without a stop; not for lbfgs and lm.
        More epochs may be asked for then, unless the schedule (cosine, one_cycle) is
        stretched over them.
    callback : callable, optional
        Called with a ``Progress`` after every epoch; True stops the training.
    **hyperparameters : float
        The solver's own, such as ``momentum=0.9`` or ``beta1=0.9``.

    Returns
    -------
    Training

    Raises
    ------
    BadSetting
        If an argument cannot be used.
    Diverged
        If the loss is not finite any more. Its ``training`` holds the last
        finite parameters.

    Notes
    -----
    Ctrl-C stops after the running call and gives back the best parameters so far.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> network = Network((1, 8, 1), hidden="tanh")
    >>> training = train(network, X, X**2, epochs=300, learning_rate=0.01)
    >>> training.history.loss[-1] < 0.01 < training.history.loss[0]
    True
    """
    dtype = dtype_of(dtype, parameters, X)
    seed = whole("seed", seed, 0)
    if parameters is None:
        parameters = network.initial(seed, scheme, dtype)
    theta = checked_parameters(network, parameters).astype(dtype)
    if not np.isfinite(theta).all():
        raise BadSetting("parameters hold NaN or infinity: training must start from finite ones")
    data, held = split(network, X, Y, sample_weight, validation, seed, dtype)
    if schedule not in SCHEDULES:
        raise BadSetting(f"schedule={schedule!r} is not one of {', '.join(SCHEDULES)}")
    wholesale = solver in WHOLESALE
    if wholesale:
        own = hyperparameters | {
            "learning_rate": learning_rate,
            "l1": l1,
            "clip_norm": clip_norm,
            "dropout": dropout,
            "checkpoint": checkpoint,
        }
        check_wholesale(solver, own | {"schedule": schedule != "constant"})
    rate = 1.0 if wholesale else learning_rate_of(solver, learning_rate)
    n = len(data.X)
    settings = Settings(
        batch_size=n if batch_size is None else whole("batch_size", batch_size, 1),
        shuffle=bool(shuffle),
        optimiser=NO_OPTIMISER if wholesale else list(OPTIMISERS).index(solver),
        hyperparameters=own_parameters("gd" if wholesale else solver, hyperparameters),
        l1=at_least_zero("l1", l1),
        l2=at_least_zero("l2", l2),
        clip_norm=np.inf if clip_norm is None else at_least_zero("clip_norm", clip_norm),
        dropout=share("dropout", dropout),
        patience=-1 if patience is None else whole("patience", patience, 0),
        tolerance=at_least_zero("tolerance", tolerance),
    )
    epochs = whole("epochs", epochs, 0)
    file = None
    if checkpoint is not None:
        length = epochs if schedule in STRETCHED else None
        parts = (network, *settings, *data, *held, theta, seed, rate, schedule, length)
        file = Checkpoint(checkpoint, *parts)
    loop = _Loop(network, settings, data, held, theta, seed)
    if wholesale:
        return loop.descend(solver, epochs, callback)
    return loop.run(epochs, rate, schedule, callback, file)


class _Loop:
    """A training on its way: the arrays that kernels change, and the history."""

    def __init__(
        self,
        network: Network,
        settings: Settings,
        data: Data,
        held: Data,
        theta: NDArray[Any],
        seed: int,
    ) -> None:
        self.network, self.settings, self.data, self.held = network, settings, data, held
        self.plan, self.state = begin(network, theta, settings.batch_size, seed)
        self.steps = -(-len(data.X) // settings.batch_size)
        self.chunk = Chunk(0, np.zeros(1), np.zeros(0), np.zeros(0))
        self.history = History()
        self.plateau = Plateau()
        self.started = time.perf_counter()

    def run(
        self,
        epochs: int,
        rate: float,
        schedule: str,
        callback: Callback | None,
        file: Checkpoint | None,
    ) -> Training:
        stopped = self._resume(file)
        rows = len(self.data.X) + len(self.held.X)
        by_epoch = callback is not None or schedule == "plateau"
        work = rows * (WORK_A_SAMPLE + 6 * len(self.state.theta))
        many = 1 if by_epoch else max(1, WORK_A_CALL // work)
        try:
            while (done := len(self.history.loss)) < epochs and stopped == "epochs":
                count = min(many, epochs - done)
                status = self._call(done, count, self._rates(schedule, rate, done, count, epochs))
                if status == kernels.DIVERGED:
                    raise self._divergence(rate)
                if status == kernels.STOPPED:
                    stopped = "patience"
                if callback is not None and callback(self._progress(epochs)):
                    stopped = "callback"
                if file and file.due():
                    file.save(self._arrays(stopped))
        except KeyboardInterrupt:
            self._enter()
            stopped = "interrupted"
        if file:
            file.save(self._arrays(stopped))
        return self._result(stopped)

    def _arrays(self, stopped: str) -> dict[str, NDArray[Any]]:
        """Return all that a training changes."""
        kept = {name: getattr(self.state, name) for name in KEPT}
        curves = {name: np.array(curve) for name, curve in vars(self.history).items()}
        return kept | curves | {"out_of_patience": np.array([stopped == "patience"])}

    def _resume(self, file: Checkpoint | None) -> Any:
        """Go on from a checkpoint, if there is one; say whether the training was at its end."""
        arrays = file.load() if file else None
        if arrays is None:
            return "epochs"
        for name in KEPT:
            getattr(self.state, name)[:] = arrays[name]
        for name, curve in vars(self.history).items():
            curve += arrays[name].tolist()
        losses = self.history.validation_loss or self.history.loss
        for loss in losses[:-1]:  # of the last it hears before the next epoch
            self.plateau.factor_after(loss)
        return "patience" if arrays["out_of_patience"][0] else "epochs"

    def descend(self, solver: str, epochs: int, callback: Callback | None) -> Training:
        """Let a solver find its own steps, and judge the parameters after each."""
        stopped: Any = "epochs"

        def report(theta: NDArray[Any], loss: float) -> bool:
            nonlocal stopped
            self.state.theta[:], self.state.finite[:] = theta, theta
            if self._look(loss):
                stopped = "patience"
            if callback is not None and callback(self._progress(epochs)):
                stopped = "callback"
            return bool(stopped != "epochs")

        try:
            if epochs and descend(
                solver, self.network, self.state.theta.copy(), self.data,
                l2=self.settings.l2, epochs=epochs, report=report,
            ):  # fmt: skip
                stopped = "converged"
        except KeyboardInterrupt:
            self._enter()
            stopped = "interrupted"
        return self._result(stopped)

    def _look(self, loss: float) -> bool:
        """Enter a step that is not the kernel's own; say whether patience is at its end."""
        done, validated = len(self.history.loss), int(len(self.held.X) > 0)
        self.chunk = Chunk(done, np.ones(1), np.array([loss]), np.zeros(validated))
        nothing = no_data(self.data)
        ended = kernels.run(self.plan, self.settings, self.state, nothing, self.held, self.chunk)
        self._enter()
        return bool(ended == kernels.STOPPED)

    def _rates(
        self, schedule: str, rate: float, done: int, count: int, epochs: int
    ) -> NDArray[np.float64]:
        """Return the rate of all the steps to come, or of every one of them."""
        share, steps = SCHEDULES[schedule], self.steps
        if schedule == "constant":
            return np.array([rate])
        if share is None:
            losses = self.history.validation_loss or self.history.loss
            return np.array([rate * self.plateau.factor_after(losses[-1])] if losses else [rate])
        return rate * share(np.arange(done * steps, (done + count) * steps), epochs * steps)

    def _call(self, done: int, count: int, rates: NDArray[np.float64]) -> int:
        """Run some epochs in one compiled call, and enter them in the history."""
        validated = count if len(self.held.X) else 0
        self.state.place[FIRST_STEP] = self.state.place[STEP]
        self.chunk = Chunk(done, rates, np.zeros(count), np.zeros(validated))
        status = kernels.run(self.plan, self.settings, self.state, self.data, self.held, self.chunk)
        self._enter()
        return int(status)

    def _enter(self) -> None:
        """Enter what has run in the history; a second time adds nothing."""
        done, rates, losses, validation_losses = self.chunk
        run = int(self.state.place[EPOCHS]) - done
        last = np.minimum(np.arange(1, run + 1) * self.steps, len(rates)) - 1
        history = self.history
        for curve, values in (
            (history.validation_loss, validation_losses[:run]),
            (history.learning_rate, rates[last]),
            (history.loss, losses[:run]),
        ):
            curve += values[len(curve) - done :].tolist()

    def _progress(self, epochs: int) -> Progress:
        done = len(self.history.loss)
        seconds = time.perf_counter() - self.started
        return Progress(
            epoch=done - 1,
            epochs=epochs,
            loss=self.history.loss[-1],
            validation_loss=self.history.validation_loss[-1] if len(self.held.X) else None,
            learning_rate=self.history.learning_rate[-1],
            parameters=self.state.theta,
            samples_per_second=done * len(self.data.X) / seconds,
        )

    def _result(self, stopped: Any) -> Training:
        best = self.settings.patience >= 0 or stopped == "interrupted"
        best = best and self.state.place[BEST_EPOCH] >= 0
        return Training(
            parameters=(self.state.best if best else self.state.finite).copy(),
            history=self.history,
            stopped=stopped,
            best_epoch=int(self.state.place[BEST_EPOCH]) if best else None,
            seconds=time.perf_counter() - self.started,
        )

    def _divergence(self, rate: float) -> Diverged:
        epoch = len(self.history.loss)
        return Diverged(
            f"the loss is not finite any more in epoch {epoch} (learning rate {rate:g}): try "
            f"a smaller one such as learning_rate={rate / 10:g}, clip_norm=1, or standardised "
            "inputs. The last finite parameters are in the error's `training`",
            self._result("diverged"),
        )
