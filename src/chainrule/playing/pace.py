"""How many steps a turn of the training takes, and how fast the engine goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

TURN = 0.015  # seconds: a pause waits for one turn at most
WINDOW = 1.0  # seconds, over which the speed is measured
LONGEST_LAG = 0.25  # seconds, by which steps are made up for


class Pace:
    """The steps of the next turn: as many as fit into it, or as many as are due.

    Parameters
    ----------
    clock : callable
        Gives seconds.

    Attributes
    ----------
    most : int
        Steps that fit into a turn.

    Examples
    --------
    >>> now = [0.0]
    >>> pace = Pace(lambda: now[0])
    >>> pace.begin(10.0)
    >>> pace.due()
    (1, 0.0)
    >>> pace.enter(1, 32, 0.001)
    >>> pace.due()
    (0, 0.1)
    >>> now[0] = 0.2
    >>> pace.due()
    (2, 0.0)
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.most = 1
        self._speed: float | None = None
        self._next = 0.0
        self._turns: deque[tuple[float, int, float]] = deque()  # end, samples, seconds
        self._begun = clock()

    def begin(self, speed: float | None) -> None:
        """Begin to play, at so many steps a second, or as fast as it goes."""
        self._speed, self._next, self._begun = speed, self._clock(), self._clock()
        self._turns.clear()

    def due(self) -> tuple[int, float]:
        """Return how many steps to take now, and else how long to wait."""
        if self._speed is None:
            return self.most, 0.0
        late = self._clock() - self._next
        if late < 0.0:
            return 0, -late
        if late > LONGEST_LAG:  # it cannot go that fast, or was held up
            self._next += late - LONGEST_LAG
            late = LONGEST_LAG
        return min(self.most, 1 + int(late * self._speed)), 0.0

    def enter(self, steps: int, samples: int, seconds: float) -> None:
        """Take note of a turn."""
        now = self._clock()
        if self._speed is not None:
            self._next += steps / self._speed
        if steps and seconds > 0.0:
            fitting = TURN * steps / seconds
            self.most = max(1, int(min(fitting, 4 * self.most)))
        self._turns.append((now, samples, seconds))
        while self._turns[0][0] < now - WINDOW:
            self._turns.popleft()

    def measured(self) -> tuple[float, float] | None:
        """Return samples a second, and the share of the time that the engine worked."""
        now = self._clock()
        recent = [turn for turn in self._turns if turn[0] >= now - WINDOW]
        span = min(WINDOW, now - self._begun)
        if not recent or span <= 0.0:
            return None
        samples, seconds = (sum(turn[k] for turn in recent) for k in (1, 2))
        return samples / span, min(1.0, seconds / span)
