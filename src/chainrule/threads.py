"""Several trainings at a time: kernels release Python's lock."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

A_LOOK = 0.2  # seconds; a signal that comes just before a wait without end is heard after it only


def in_threads(
    call: Callable[[int], Any], times: int, jobs: int, interrupted: Event
) -> dict[int, Any]:
    """Return the results of call(0), call(1), ..., and after Ctrl-C of those that had begun.

    Parameters
    ----------
    call : callable
        A training. Once ``interrupted`` is set it comes to its end after the present epoch.
    times : int
    jobs : int
        How many at a time.
    interrupted : threading.Event
        Set when Ctrl-C is pressed or a call fails; no further call begins then.

    Raises
    ------
    KeyboardInterrupt
        If none had begun.

    Examples
    --------
    >>> in_threads(lambda j: j * j, 3, 2, Event())
    {0: 0, 1: 1, 2: 4}
    """
    results: dict[int, Any] = {}

    def begin(j: int) -> None:
        if not interrupted.is_set():
            results[j] = call(j)

    futures: list[Future[None]] = []
    # Leaving the pool waits for those that have begun.
    with ctrl_c_sets(interrupted), ThreadPoolExecutor(jobs) as pool:
        try:
            futures += [pool.submit(begin, j) for j in range(times)]
            running = set(futures)
            while running and not interrupted.is_set():
                _, running = wait(running, A_LOOK, FIRST_EXCEPTION)
                if any(f.done() and f.exception() for f in futures):
                    interrupted.set()
        except KeyboardInterrupt:  # of a handler that is not Python's own
            interrupted.set()
    for future in futures:
        future.result()
    if not results:
        raise KeyboardInterrupt
    return {j: results[j] for j in sorted(results)}


@contextlib.contextmanager
def ctrl_c_sets(event: Event) -> Iterator[None]:
    """Let Ctrl-C set an event meanwhile, however often it is pressed.

    An exception could fall between any two lines, such as those with which a pool takes
    note of a thread that it has begun, for which it then would not wait.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
