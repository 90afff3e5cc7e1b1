"""Several trainings of which the best is kept: one after the other, or in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from joblib import effective_n_jobs
from sklearn import config_context, get_config

from chainrule.threads import in_threads


def trained(
    call: Callable[[Any], Any], arguments: Sequence[Any], n_jobs: int | None, interrupted: Event
) -> list[Any]:
    """Return what a call gives for each argument, and after Ctrl-C what there is by then.

    Parameters
    ----------
    call : callable
        A training. Once ``interrupted`` is set it comes to its end after the present epoch.
    arguments : sequence
    n_jobs : int, optional
        How many at a time, as joblib counts.
    interrupted : threading.Event
        Set when Ctrl-C is pressed; no further call begins then.

    Examples
    --------
    >>> trained(abs, [-1, 2, -3], 2, Event())
    [1, 2, 3]
    """
    jobs, config = effective_n_jobs(n_jobs), get_config()

    def one(number: int) -> Any:
        with config_context(**config):  # each thread has its own
            return call(arguments[number])

    if jobs > 1:
        return list(in_threads(one, len(arguments), jobs, interrupted).values())
    trainings: list[Any] = []
    try:
        while len(trainings) < len(arguments) and not interrupted.is_set():
            trainings.append(one(len(trainings)))  # in this thread, where a callback may draw
    except KeyboardInterrupt:
        interrupted.set()
    if not trainings:
        raise KeyboardInterrupt
    return trainings
