"""A run before its next step, and that step itself, taken by the engine on copies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import kernels
from chainrule.engine import checked_data, gradient
from chainrule.explaining.parts import Line, Lines, Live, Part, Section, Words
from chainrule.explaining.signs import Signs
from chainrule.explaining.trace import Step, Trace
from chainrule.explaining.update import update_of
from chainrule.layout import BEST_LOSS, FIRST_STEP, NO_OPTIMISER, STEP, Chunk, begin, no_data
from chainrule.network import Network
from chainrule.notation import Number, Quotient, Sum, Symbol
from chainrule.playing.choices import Choices
from chainrule.playing.run import GOING, Run
from chainrule.prepare import Prepared

BATCH = Symbol("L_batch")


class Moment(NamedTuple):
    """A run before its next step. All arrays are copies.

    Attributes
    ----------
    prepared : Prepared
    choices : Choices
    theta, gradient : ndarray of shape (n_parameters,)
        The parameters, and the gradient of the last step.
    step : Step
        The next one: its number, learning rate, and memories.
    going : bool
        Whether the run takes further steps.
    rows : ndarray of int
        Which rows of ``prepared`` the next step takes.
    batch : Trace or None
        That step, if it was asked for.
    """

    prepared: Prepared
    choices: Choices
    theta: NDArray[Any]
    gradient: NDArray[Any]
    step: Step
    going: bool
    rows: NDArray[np.intp]
    batch: Trace | None

    @property
    def network(self) -> Network:
        """The network of the run."""
        return self.prepared.network


def moment_of(run: Run, batch: bool = False) -> Moment:
    """Return a run as it is now; with ``batch`` its next step is taken, on copies."""
    given, (m, v) = run.choices.training, run.moments()
    rate = run.learning_rate or run.rate  # cosine ends at 0
    step = Step(given.solver, rate, run.step + 1, m, v, given.l1, given.l2, given.clip_norm,
                given.own)  # fmt: skip
    rows = run.next_rows()
    taken = _batch(run, step, rows) if batch else None
    return Moment(
        run.prepared, run.choices, run.theta.copy(), run.gradient.copy(), step,
        run.status == GOING, rows, taken,
    )  # fmt: skip


class Taken(NamedTuple):
    """What a step of the engine leaves: its gradient, and what it changed."""

    gradient: NDArray[np.float64]
    theta: NDArray[np.float64]
    m: NDArray[np.float64]
    v: NDArray[np.float64]


def _step(run: Run, rate: float, rows: NDArray[np.intp], **settings: Any) -> Taken:
    """Take the run's next step, under some other settings, on copies of its arrays."""
    data = checked_data(run.network, run.prepared.X[rows], run.prepared.Y[rows], None, run.dtype)
    plan, state = begin(run.network, run.theta.copy(), run.batch_size, seed=0)
    for name in ("m", "v", "random", "place"):
        getattr(state, name)[:] = getattr(run.state, name)
    state.place[BEST_LOSS], state.place[FIRST_STEP] = -np.inf, state.place[STEP]
    given = run.settings._replace(**{"shuffle": False, "patience": -1} | settings)
    chunk = Chunk(0, np.array([rate]), np.zeros(1), np.zeros(0))
    kernels.run(plan, given, state, data, no_data(data), chunk)
    arrays = (state.gradient, state.theta, state.m, state.v)
    return Taken(*(np.asarray(array, np.float64) for array in arrays))


def _batch(run: Run, step: Step, rows: NDArray[np.intp]) -> Trace:
    """Return the run's next step, with the gradient of its batch."""
    rate = float(step.learning_rate or 0.0)
    taken = _step(run, rate, rows)
    penalised = slope = taken.gradient
    bare: dict[str, Any] = {"optimiser": NO_OPTIMISER, "clip_norm": np.inf}
    if step.clip_norm is not None:
        penalised = slope = _step(run, rate, rows, **bare).gradient
    if step.l1 or step.l2:
        slope = _step(run, rate, rows, **bare, l1=0.0, l2=0.0).gradient
    return Trace(
        run.network, run.theta.astype(np.float64), [], [], step, gradient=slope,
        penalised=penalised, followed=taken.gradient, theta_after=taken.theta,
        m=step.m.astype(np.float64), v=step.v.astype(np.float64), m_after=taken.m,
        v_after=taken.v, rate=rate,
    )  # fmt: skip


def own_update(moment: Moment, number: int, weight: tuple[int, int, int]) -> Section:
    """Return the section on a weight's update in the run's next step.

    Parameters
    ----------
    moment : Moment
        With its batch.
    number : int
        The row of ``prepared`` that is looked at.
    weight : (layer, from, to)
    """
    assert moment.batch is not None
    signs = Signs(moment.batch, most=1, loss=BATCH)
    place, done = signs.place(*weight), moment.step.number - 1
    parts: list[Part] = [Words((Live(_rows_in_words(moment, number)),))]
    parts.append(Lines((_mean(moment, number, signs, place),)))
    if done:
        last = Number(float(moment.gradient[place]))
        said = Live(f"In step {done:,}, the last one, the solver was given g = ")
        parts.append(Words((said, last, ".")))
    return Section("The run's next step for this weight", (*parts, *update_of(signs, place)))


def _rows_in_words(moment: Moment, number: int) -> str:
    count, among = len(moment.rows), number in moment.rows
    said = f"Step {moment.step.number:,} takes "
    if not moment.going:
        said = "The run takes no further step. One from here "
        said += f"would be number {moment.step.number:,} and take "
    if count == 1:
        said += "this row alone." if among else "one row, which is not this one."
    else:
        where = "is one of them" if among else "is not one of them, and adds nothing"
        said += f"{count:,} rows, and its gradient is the mean of theirs; this row {where}."
    if moment.choices.training.dropout:
        said += " Dropout leaves out some neurons in each of its rows; above, none is left out."
    return said


def _mean(moment: Moment, number: int, signs: Signs, place: int) -> Line:
    """Return the batch's gradient: this row's share in it, 0 if it has none, and the others'."""
    mean, count, given = signs.by_parameter(place), len(moment.rows), moment.choices.training
    if given.batch_size == 1 or given.dropout:
        return Line(mean, None, mean.value)
    assert mean.value is not None
    alone = 0.0
    if number in moment.rows:
        X, Y = moment.prepared.X[[number]], moment.prepared.Y[[number]]
        alone = float(gradient(moment.network, moment.theta, X, Y)[1][place])
    others = Symbol("the other rows", value=mean.value * count - alone)
    share = Sum((Symbol("this row", value=alone), others))
    rows = Number(float(count), constant=True, live=True)  # the last batch may be smaller
    return Line(mean, Quotient(share, rows), mean.value)
