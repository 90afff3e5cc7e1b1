"""One tab of a browser: what it looks at, what it was sent, and when there is news for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

from chainrule.playing.view import View

BETWEEN_FRAMES, BETWEEN_HIDDEN, BETWEEN_WORKED = 0.05, 1.0, 0.5  # seconds
TEMPLATES = 8


class Tab:
    """A connection. Only the event loop's thread changes it, except by ``tell``.

    Attributes
    ----------
    view : View
        What it looks at.
    frame : int
        The number of the last frame that it was sent.
    sent : dict
        What it was sent that is not sent again: by name, of which revision.
    templates : deque of str
        The keys of the last templates of a worked step that it was sent; the page keeps as
        many.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, state: Callable[[], Any]) -> None:
        self.view = View()
        self.frame = 0
        self.sent: dict[str, Any] = {}
        self.templates: deque[str] = deque(maxlen=TEMPLATES)
        self._loop, self._state = loop, state
        self._news = asyncio.Event()
        self._taken = True
        self._shown: Any = None
        self._worked: tuple[Any, float] = (None, 0.0)
        self._pause = BETWEEN_WORKED
        self._step, self._later = 0, 0
        self._news.set()

    def tell(self) -> None:
        """Say from another thread that something may be new."""
        if not self._news.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._news.set)

    def look(self, view: View) -> None:
        """Look at something else."""
        self.view = view
        self._news.set()

    def is_new(self, name: str, revision: Any) -> bool:
        """Say whether the tab was not sent something of this revision, and take note that it is."""
        new = name not in self.sent or self.sent[name] != revision
        self.sent[name] = revision
        return new

    def is_worked_due(self, playing: bool, run: int, step: int) -> bool:
        """Say whether a step is to be worked out: at once of another run or row, else rarely.

        After a single step the frame goes first without, since that takes a tenth of the time,
        and another one follows.
        """
        wanted, (before, since), now = (self.view.worked, run), self._worked, self._loop.time()
        stepped, self._step = step != self._step, step
        if self.view.worked is None:
            return False
        if playing and wanted == before and now - since < self._pause:
            return False
        if stepped and not playing and wanted == before:
            self._later += 1
            return False
        self._worked = (wanted, now)
        return True

    def worked_took(self, seconds: float) -> None:
        """Take note how long the frame took: steps of large networks are worked out more rarely."""
        self._pause = max(BETWEEN_WORKED, 5 * seconds)

    def taken(self, number: int) -> None:
        """Take note that the page has taken a frame in: it is ready for the next."""
        if number == self.frame:
            self._taken = True
            self._news.set()

    async def wait_for_news(self) -> None:
        """Wait until the page is ready and there is something that it was not shown."""
        while not (self._taken and self._now() != self._shown):
            self._news.clear()
            await self._news.wait()
        self._taken = False
        self._shown = self._now()
        self.frame += 1

    async def rest(self, since: float) -> None:
        """Wait so long that frames do not come too often, since the last was begun."""
        while True:
            pause = BETWEEN_HIDDEN if self.view.hidden_tab else BETWEEN_FRAMES
            left = since + pause - self._loop.time()
            if left <= 0:
                return
            await asyncio.sleep(min(left, BETWEEN_FRAMES))

    def _now(self) -> Any:
        return self._state(), self.view, self._later
