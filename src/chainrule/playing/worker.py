"""A thread that goes on with its work in short turns, and does what it is asked between them.

All that trains or reads the run happens in this one thread, so there are no locks: what is
asked sees the run as it is between two steps, and waits for one turn at most.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

LONGEST_END = 2.0  # seconds

Job = tuple[Callable[[], Any], "Future[Any]"]


class Worker:
    """The thread.

    Parameters
    ----------
    turn : callable
        Does some hundredths of a second of work; returns how many seconds to wait before the
        next turn, or None if there is nothing to do until something is asked.

    Examples
    --------
    >>> turns, done = [3, 2, 1], threading.Event()
    >>> worker = Worker(lambda: 0.0 if turns and turns.pop() else done.set())
    >>> worker.start()
    >>> done.wait(10), turns
    (True, [])
    >>> worker.ask(lambda: 1 + 2).result(10)
    3
    >>> worker.close()
    """

    def __init__(self, turn: Callable[[], float | None]) -> None:
        self._turn = turn
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="chainrule-play", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask(self, job: Callable[[], Any]) -> Future[Any]:
        """Have something done between two turns."""
        future: Future[Any] = Future()
        self._jobs.put((job, future))
        return future

    def close(self) -> None:
        """Stop after the present turn, and all that was asked before.

        What takes longer, such as compiling, ends with the program.
        """
        self._jobs.put(None)
        self._thread.join(LONGEST_END)

    def _work(self) -> None:
        wait: float | None = 0.0
        while True:
            try:
                asked = self._jobs.get(timeout=wait)
            except queue.Empty:
                wait = self._turn()
                continue
            if asked is None:
                return
            _do(*asked)
            wait = 0.0


def aside(job: Callable[[], Any]) -> Future[Any]:
    """Have something done in a thread of its own, that does not keep the program from its end.

    Examples
    --------
    >>> aside(lambda: 1 + 2).result(10)
    3
    """
    future: Future[Any] = Future()
    threading.Thread(target=_do, args=(job, future), daemon=True).start()
    return future


def _do(job: Callable[[], Any], future: Future[Any]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(job())
        except BaseException as error:  # it belongs to whoever asked
            future.set_exception(error)
