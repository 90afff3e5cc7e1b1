"""The course of an estimator's training by lbfgs and lm, which find their own steps."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from chainrule.engine import Objective
from chainrule.layout import Data
from chainrule.network import Network
from chainrule.stepwise import Part, calls_back
from chainrule.telling import Watch
from chainrule.wholesale import descend, lbfgs


class _Course:
    """What happened so far: the steps, where they led, and whether someone stopped them."""

    def __init__(self, model: Any, network: Network, part: Part, watch: Watch) -> None:
        self.model, self.network, self.watch = model, network, watch
        self.rows, self.shift = len(part.X), model._shift(part.y, part.weight)
        self.dtype, self.theta, self.stopped = model.coefs_[0].dtype, model._packed(), False

    def hears(self, theta: NDArray[Any], loss: float) -> bool:
        """Enter a step; say whether there shall be no more."""
        model, self.theta = self.model, theta.copy()  # SciPy goes on writing to its own
        model.n_iter_, model.loss_ = model.n_iter_ + 1, loss + self.shift
        self.watch.hears(model, self.rows)
        asked = calls_back(model, self.network, theta.astype(self.dtype))
        self.stopped = asked or self.watch.interrupted.is_set()
        return self.stopped


def descend_to_the_end(model: Any, network: Network, part: Part, watch: Watch) -> None:
    """Train a model until its solver finds nothing to gain, or its steps are used up.

    Parameters
    ----------
    model : Perceptron
        Its parameters are read and its fitted attributes changed.
    network : Network
    part : Part
        The rows to train on.
    watch : Watch
        Hears of each step.
    """
    data, course = model._data(*part, np.float64), _Course(model, network, part, watch)
    try:
        (_lbfgs if model.solver == "lbfgs" else _lm)(course, data)
    except KeyboardInterrupt:
        watch.interrupted.set()
    model._unpack(network, course.theta.astype(course.dtype))


def _lbfgs(course: _Course, data: Data) -> None:
    model = course.model
    options = {"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": model.tol}
    objective = Objective(course.network, data, alpha=float(model.alpha), share=model._share())
    found = lbfgs(objective, course.theta, course.hears, options)
    if course.stopped:
        return
    model.n_iter_, model.loss_ = min(found.nit, model.max_iter), found.fun + course.shift
    course.theta = found.x
    if found.status != 0:
        _warn(f"lbfgs failed to converge after {found.nit} iteration(s) (status={found.status}): "
              f"{found.message}")  # fmt: skip


def _lm(course: _Course, data: Data) -> None:
    model = course.model
    total = data.weight.sum() if data.weight.size else len(data.X)
    l2, share = float(model.alpha / total), model._share()

    def report(theta: NDArray[Any], loss: float) -> bool:
        penalty = l2 / 2 * sum(float((W * W).sum()) for W, _ in course.network.layers(theta))
        return course.hears(theta, share * (loss - penalty) + penalty)

    converged = descend(
        "lm", course.network, course.theta, data, l2=l2, epochs=model.max_iter, report=report
    )
    if not (converged or course.stopped):
        _warn(f"lm failed to converge after {model.n_iter_} iteration(s).")


def _warn(text: str) -> None:
    warnings.warn(text, ConvergenceWarning, stacklevel=7)
