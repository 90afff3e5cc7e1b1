"""Levenberg and Marquardt's method: half the squared error of small networks, in few epochs.

Around theta the loss is nearly a parabola with slope g and second derivative H, see
``squares``. An epoch looks for the lowest point of that parabola, held back by a
damping mu that makes steps short where the parabola misleads:

    (H + mu I) h = -g,    theta <- theta + h where the loss falls.

A step that fails to lower the loss is taken back, and mu grows; after one that
succeeds it shrinks (Levenberg 1944; for networks, Hagan & Menhaj 1994).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from chainrule.arguments import at_least_zero
from chainrule.engine import Objective, checked_parameters
from chainrule.errors import BadSetting
from chainrule.layout import SAMPLES_AT_ONCE, VECTOR_BYTES, Data, in_double, lay_out, workspace
from chainrule.network import Network
from chainrule.squares import add_normal_equations

Vector = NDArray[np.float64]

# On 8 problems, from 4 starts each, damping by H's diagonal (Marquardt's, or the largest so far
# as in MINPACK) left 3 to 6 times the loss after 100 epochs. Factors of 0.1 and 10 leave twice the
# loss after equal time (benchmarks/levenberg.py --damping).
FIRST_MU = 1e-3
SHRINK, GROW = 0.2, 4.0
LEAST_MU, MOST_MU = 1e-15, 1e10  # no damping in float64, and steps without any effect

MOST_BYTES = 4 << 30  # 16,000 parameters: 1.4e12 multiplications and additions to factor H
WORK_A_CALL = 4_000_000_000  # multiplications between two looks for Ctrl-C


class Step(NamedTuple):
    """An accepted step: an epoch. With theta and mu a training goes on as if never stopped."""

    theta: Vector
    loss: float  # the objective at theta, penalty included
    mu: float  # the damping of the next step


def levenberg_marquardt(
    network: Network,
    theta: NDArray[Any],
    data: Data,
    *,
    l2: float = 0.0,
    tolerance: float = 1e-8,
    mu: float = FIRST_MU,
) -> Generator[Step, None, str]:
    """Lower half the squared error, a step at a time, until nothing is left to gain.

    Parameters
    ----------
    network : Network
        Of the loss ``half_squared_error``.
    theta : ndarray of shape (P,)
        Where to start. It is not changed.
    data : Data
        As ``engine.checked_data`` gives them. float32 is computed in float64 here,
        because the normal equations square the condition of the problem.
    l2 : float, default 0
        Adds l2 / 2 sum w^2 over the weights; biases are free.
    tolerance : float, default 1e-8
        When to stop, see below.
    mu : float, default 0.001
        The damping to begin with, such as that of a ``Step`` to go on from.

    Yields
    ------
    Step
        Each with a lower loss than the one before.

    Returns
    -------
    str
        Why no step follows, as the value of ``StopIteration`` or of ``yield from``.
        "gradient": the residuals are at right angles to the slopes of every parameter,
        to a cosine of ``tolerance``. "fall": the last step lowered the loss, and was to
        lower it, by less than ``tolerance`` of it, and so would each parameter alone.
        "damping": no step lowers it.

    Raises
    ------
    BadSetting
        For another loss, too many parameters, or a loss that is not finite to begin with.

    Examples
    --------
    >>> from chainrule.engine import checked_data
    >>> network = Network((1, 1))
    >>> data = checked_data(network, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], None, float)
    >>> *_, last = levenberg_marquardt(network, np.zeros(2), data)
    >>> last.theta.round(6)
    array([2., 1.])
    """
    if network.loss != "half_squared_error":
        raise BadSetting(
            f"Levenberg-Marquardt lowers loss='half_squared_error', not '{network.loss}': "
            "take another solver, such as adam"
        )
    theta = checked_parameters(network, theta).astype(np.float64)
    mu = max(LEAST_MU, at_least_zero("mu", mu))
    refuse_too_many(network.n_parameters)
    objective = _Objective(network, data, at_least_zero("l2", l2))
    start = Step(theta, objective.value(theta), mu)
    if not np.isfinite(start.loss):
        raise BadSetting(
            f"the loss is {start.loss} before the first step: start from smaller parameters, "
            "or standardise the inputs"
        )
    return _steps(objective, start, at_least_zero("tolerance", tolerance))


def _steps(objective: _Objective, last: Step, tolerance: float) -> Generator[Step, None, str]:
    fall = np.inf
    while True:
        gradient, diagonal = objective.linearise(last.theta)
        lengths = np.sqrt(diagonal) * np.sqrt(2 * last.loss)  # of the slopes and the residuals
        if (np.abs(gradient) <= tolerance * lengths).all():
            return "gradient"
        alone = np.abs(gradient) <= np.sqrt(tolerance) * lengths  # g^2 / 2H: one parameter's fall
        if fall <= tolerance * last.loss and alone.all():  # damping, too, makes falls small
            return "fall"
        mu, loss = last.mu / GROW, np.inf
        while not loss < last.loss:  # so that NaN counts as a failure
            mu *= GROW
            if mu > MOST_MU:
                return "damping"
            h = objective.step(gradient, mu)
            loss = objective.value(last.theta + h)
        fall = max(last.loss - loss, float(mu * h @ h - gradient @ h) / 2)
        last = Step(last.theta + h, loss, max(mu * SHRINK, LEAST_MU))
        yield last


class _Objective:
    """The penalised loss on the data, and its normal equations at one place."""

    def __init__(self, network: Network, data: Data, l2: float) -> None:
        P = network.n_parameters
        self.data = in_double(data)
        self.loss = Objective(network, self.data).loss
        self.total = float(data.weight.sum(dtype=float)) if data.weight.size else float(len(data.X))
        self.plan = lay_out(network, 8, SAMPLES_AT_ONCE, training=True)
        columns = _block_columns(P)
        self.work = workspace(self.plan, SAMPLES_AT_ONCE * (1 + columns), np.float64)
        self.block = self.work[-SAMPLES_AT_ONCE * columns :].reshape(SAMPLES_AT_ONCE, columns)
        self.normal = np.zeros((P + 1, P + 1))
        self.penalty = np.zeros(P)
        for W, _ in network.layers(self.penalty):
            W[:] = l2
        self.many = max(SAMPLES_AT_ONCE, WORK_A_CALL // (P * P * network.sizes[-1]))

    @np.errstate(over="ignore", invalid="ignore")
    def value(self, theta: Vector) -> float:
        """Return the loss with its penalty; NaN or infinity where it overflows."""
        return self.loss(theta) + float(self.penalty @ theta**2) / 2

    def linearise(self, theta: Vector) -> tuple[Vector, Vector]:
        """Find H and g; return g, and H's diagonal."""
        self.normal[:] = 0
        n = len(self.data.X)
        for begin in range(0, n, self.many):
            span = begin, min(n, begin + self.many)
            add_normal_equations(
                self.plan, theta, self.data, span, self.total, self.work, self.block, self.normal
            )
        diagonal = np.einsum("ii->i", self.normal)[:-1]
        diagonal += self.penalty
        return self.normal[:-1, -1] + self.penalty * theta, diagonal.copy()

    def step(self, gradient: Vector, mu: float) -> Vector:
        """Solve (H + mu I) h = -g; NaN where that is not positive definite."""
        damped = np.array(self.normal[:-1, :-1].T, order="F")
        np.einsum("ii->i", damped)[:] += mu
        _, h, info = dposv(damped, -gradient, lower=True, overwrite_a=True)
        return np.asarray(h, np.float64) if info == 0 else np.full_like(gradient, np.nan)


def _block_columns(parameters: int) -> int:
    """Return an odd number of vectors: rows at powers of two would share places in caches."""
    lanes = VECTOR_BYTES // 8
    return (-(-(parameters + 1) // lanes) | 1) * lanes


def needed_bytes(parameters: int) -> int:
    """Return the memory for H, its factor, and a block of J."""
    return 8 * (2 * (parameters + 1) ** 2 + SAMPLES_AT_ONCE * _block_columns(parameters))


def refuse_too_many(parameters: int) -> None:
    """Refuse what needs half of the machine's memory, or takes minutes a step."""
    needed, limit = needed_bytes(parameters), MOST_BYTES
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):  # not on Windows
        limit = min(limit, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    if needed > limit:
        raise BadSetting(
            f"Levenberg-Marquardt with {parameters:,} parameters needs {needed / 1e9:.1f} GB of "
            f"memory, beyond its limit of {limit / 1e9:.1f} GB here: take fewer neurons, or "
            "solver adam or lbfgs"
        )
