"""Several trainings of which the best is kept: one after the other, or in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from joblib import effective_n_jobs
from sklearn import config_context, get_config

A_LOOK = 0.2  # seconds; a wait without end does not hear Ctrl-C on Windows


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
    jobs, config, found = effective_n_jobs(n_jobs), get_config(), {}

    def one(number: int) -> None:
        if not interrupted.is_set():
            with config_context(**config):  # each thread has its own
                found[number] = call(arguments[number])

    try:
        if jobs == 1:  # in this thread, where a callback may draw
            for number in range(len(arguments)):
                one(number)
        else:
            _in_threads(one, len(arguments), jobs, interrupted)
    except KeyboardInterrupt:
        interrupted.set()
    if not found:
        raise KeyboardInterrupt
    return [found[number] for number in sorted(found)]


def _in_threads(one: Callable[[int], None], times: int, jobs: int, interrupted: Event) -> None:
    with ThreadPoolExecutor(jobs) as pool:  # leaving it waits for those that have begun
        try:
            pending = {pool.submit(one, number) for number in range(times)}
            while pending:
                done, pending = wait(pending, A_LOOK, FIRST_EXCEPTION)
                for future in done:
                    future.result()  # raises what the call raised
        except BaseException:  # Ctrl-C, or one that failed: the others shall come to an end
            interrupted.set()
            raise
