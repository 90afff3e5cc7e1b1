"""The run's own next step, taken by the engine on copies: for one weight, as mathematics."""

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
from chainrule.notation import Number, Quotient, Sum, Symbol
from chainrule.playing.run import GOING, Run

BATCH = Symbol("L_batch")


class Taken(NamedTuple):
    """What a step of the engine leaves: its gradient, and what it changed."""

    gradient: NDArray[np.float64]
    theta: NDArray[np.float64]
    m: NDArray[np.float64]
    v: NDArray[np.float64]


def rate_of(run: Run) -> float:
    """Return the learning rate of the next step; after a schedule's end, that of its beginning."""
    return run.learning_rate or run.rate


def step_ahead(run: Run, rows: NDArray[np.intp], **settings: Any) -> Taken:
    """Take the run's next step on copies of its arrays.

    Parameters
    ----------
    run : Run
    rows : ndarray of int
        As ``run.next_rows`` gives them.
    **settings
        Of ``layout.Settings``, other than the run's.
    """
    X, Y = run.prepared.X[rows], run.prepared.Y[rows]
    data = checked_data(run.network, X, Y, None, run.dtype)
    plan, state = begin(run.network, run.theta.copy(), run.batch_size, seed=0)
    for name in ("m", "v", "random", "place"):
        getattr(state, name)[:] = getattr(run.state, name)
    state.place[BEST_LOSS], state.place[FIRST_STEP] = -np.inf, state.place[STEP]
    given = run.settings._replace(**{"shuffle": False, "patience": -1} | settings)
    chunk = Chunk(0, np.array([rate_of(run)]), np.zeros(1), np.zeros(0))
    kernels.run(plan, given, state, data, no_data(data), chunk)
    arrays = (state.gradient, state.theta, state.m, state.v)
    return Taken(*(np.asarray(array, np.float64) for array in arrays))


def traced(run: Run, rows: NDArray[np.intp]) -> Trace:
    """Return the run's next step, with the gradient of its batch."""
    given = run.choices.training
    taken = step_ahead(run, rows)
    m, v = (memory.astype(np.float64) for memory in run.moments())
    step = Step(given.solver, rate_of(run), run.step + 1, m, v, given.l1, given.l2,
                given.clip_norm, given.own)  # fmt: skip
    penalised = gradient = taken.gradient
    bare: dict[str, Any] = {"optimiser": NO_OPTIMISER, "clip_norm": np.inf}
    if given.clip_norm is not None:
        penalised = gradient = step_ahead(run, rows, **bare).gradient
    if given.l1 or given.l2:
        gradient = step_ahead(run, rows, **bare, l1=0.0, l2=0.0).gradient
    return Trace(
        run.network, run.theta.astype(np.float64), [], [], step, gradient=gradient,
        penalised=penalised, followed=taken.gradient, theta_after=taken.theta, m=m, v=v,
        m_after=taken.m, v_after=taken.v, rate=rate_of(run),
    )  # fmt: skip


def own_update(
    run: Run, number: int, weight: tuple[int, int, int], rows: NDArray[np.intp]
) -> Section:
    """Return the section on a weight's update in the run's next step.

    Parameters
    ----------
    run : Run
    number : int
        The row of ``prepared`` that is looked at.
    weight : (layer, from, to)
    rows : ndarray of int
        That the step takes.
    """
    signs = Signs(traced(run, rows), most=1, loss=BATCH)
    place = signs.place(*weight)
    parts: list[Part] = [Words((Live(_rows_in_words(run, number, rows)),))]
    parts.append(Lines((_mean(run, number, signs, place, rows),)))
    if run.step:
        last = Number(float(run.gradient[place]))
        parts.append(
            Words(
                (Live(f"In step {run.step:,}, the last one, the solver was given g = "), last, ".")
            )
        )
    return Section("The run's next step for this weight", (*parts, *update_of(signs, place)))


def _rows_in_words(run: Run, number: int, rows: NDArray[np.intp]) -> str:
    count, among = len(rows), number in rows
    said = f"Step {run.step + 1:,} takes "
    if run.status != GOING:
        said = f"The run takes no further step. One from here, number {run.step + 1:,}, would take "
    if count == 1:
        said += "this row alone." if among else "one row, which is not this one."
    else:
        where = "this row is one of them" if among else "this row is not one of them"
        said += f"{count:,} rows, and its gradient is the mean of theirs; {where}."
    if run.choices.training.dropout:
        said += " Dropout leaves out some neurons in each of its rows; above, none is left out."
    return said


def _mean(run: Run, number: int, signs: Signs, place: int, rows: NDArray[np.intp]) -> Line:
    """Return the batch's gradient: this row's share in it, if it has one, and the others'."""
    mean, count = signs.by_parameter(place), len(rows)
    if count == 1 or number not in rows or run.choices.training.dropout:
        return Line(mean, None, mean.value)
    assert mean.value is not None
    X, Y = run.prepared.X[[number]], run.prepared.Y[[number]]
    alone = float(gradient(run.network, run.theta, X, Y)[1][place])
    others = f"the other {count - 1:,} rows" if count > 2 else "the other row"
    rest = Symbol(others, value=mean.value * count - alone)
    share = Sum((Symbol("this row", value=alone), rest))
    return Line(mean, Quotient(share, Number(float(count), constant=True)), mean.value)
