"""The solvers that take all samples at once and find their own steps: lbfgs and lm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import Objective
from chainrule.errors import BadSetting
from chainrule.layout import Data, in_double
from chainrule.levenberg import levenberg_marquardt
from chainrule.network import Network

GRADIENT_TOLERANCE = 1e-6
FALL_TOLERANCE = 1e-10  # of the loss, in a step

Report = Callable[[NDArray[Any], float], bool]


def descend(
    solver: str,
    network: Network,
    theta: NDArray[Any],
    data: Data,
    *,
    l2: float,
    epochs: int,
    report: Report,
) -> bool:
    """Lower the loss step by step; a step is an epoch.

    Parameters
    ----------
    solver : {"lbfgs", "lm"}
        L-BFGS (Liu & Nocedal, 1989), driven by SciPy on the compiled loss and
        gradient; or Levenberg-Marquardt, see ``chainrule.levenberg``.
    network : Network
    theta : ndarray of shape (n_parameters,)
        Where to start.
    data : Data
        They are computed with in float64, whatever their type.
    l2 : float
        Adds l2 / 2 sum w^2 over the weights.
    epochs : int
    report : callable
        ``report(theta, loss)`` hears of every step; True stops.

    Returns
    -------
    bool
        Whether it converged, before the epochs were used up.
    """
    if solver == "lm":
        return _lm(network, theta, data, l2, epochs, report)
    options = {
        "maxiter": epochs, "maxfun": 20 * epochs, "gtol": GRADIENT_TOLERANCE,
        "ftol": FALL_TOLERANCE,
    }  # fmt: skip
    found = lbfgs(Objective(network, in_double(data), l2=l2), theta, report, options)
    if not np.isfinite(found.fun):
        raise BadSetting(
            f"the loss is {found.fun} before the first step: start from smaller parameters, or "
            "standardise the inputs"
        )
    return bool(found.success)


def _lm(
    network: Network, theta: NDArray[Any], data: Data, l2: float, epochs: int, report: Report
) -> bool:
    steps = levenberg_marquardt(network, theta, data, l2=l2)
    for _ in range(epochs):
        step = next(steps, None)
        if step is None:
            return True
        if report(step.theta, step.loss):
            return False
    return False


def lbfgs(objective: Objective, theta: NDArray[Any], report: Report, options: Any) -> Any:
    """Let SciPy's L-BFGS-B drive, with its options; return what it returns."""
    from scipy.optimize import minimize

    def callback(intermediate_result: Any) -> None:
        if report(intermediate_result.x, float(intermediate_result.fun)):
            raise StopIteration

    return minimize(
        objective.loss_and_gradient,
        theta.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=callback,
        options=options,
    )


def check_wholesale(solver: str, given: dict[str, Any]) -> None:
    """Refuse what such a solver cannot follow."""
    for name, value in given.items():
        if value:
            raise BadSetting(
                f"{name} does not go with solver={solver!r}, which takes all samples at once and "
                f"finds its own steps; leave {name} out, or take another solver such as adam"
            )
