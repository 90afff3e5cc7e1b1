"""What the server's event loop asks of a session, whose work is done in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from chainrule.errors import ChainruleError
from chainrule.playing import heads, recipes
from chainrule.playing.commands import Command
from chainrule.playing.frame import pack
from chainrule.playing.session import Session, said
from chainrule.playing.sharing import Download, as_csv, exported
from chainrule.playing.sources import table_source
from chainrule.playing.tabs import Tab
from chainrule.playing.view import read_view
from chainrule.playing.worker import Worker, aside

T = TypeVar("T")

PATIENCE = 0.3  # seconds that a frame waits while the engine is compiled


class Host:
    """A session with its thread and its tabs. A context manager: the thread ends with it.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._tabs: set[Tab] = set()
        self._worker = Worker(session.turn)
        session.told = self._tell

    def __enter__(self) -> Host:
        self._worker.start()
        self._worker.ask(self.session.begin)
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def ask(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Have something done in the session's thread."""
        return asyncio.wrap_future(self._worker.ask(job))

    def _tell(self) -> None:
        for tab in self._tabs:
            tab.tell()

    @contextlib.contextmanager
    def tab(self, loop: asyncio.AbstractEventLoop) -> Iterator[Tab]:
        """Connect a tab."""
        session = self.session
        tab = Tab(loop, lambda: (session.state, session.busy))
        self._tabs = {*self._tabs, tab}
        try:
            yield tab
        finally:
            self._tabs = self._tabs - {tab}

    def hear(self, tab: Tab, command: Command) -> dict[str, Any] | None:
        """Return the reply to a message of what a tab sees, or that is no command; else None."""
        if command.wrong:
            return _refusal(command, command.wrong)
        try:
            if command.do == "ready":
                tab.taken(command.arguments["number"])
            elif command.do == "view":
                tab.look(read_view(command.arguments["view"]))
            else:
                return None
        except ChainruleError as error:
            return _refusal(command, str(error), getattr(error, "where", None))
        return {"re": command.id, "ok": True, "frame": tab.frame}

    async def obey(self, tab: Tab, command: Command) -> dict[str, Any]:
        """Do a command, and return the reply."""
        try:
            done = await self.ask(lambda: self.session.do(command))
        except ChainruleError as error:
            return _refusal(command, str(error), getattr(error, "where", None))
        except Exception as error:
            logging.getLogger(__name__).exception("the command %s failed", command.do)
            return _refusal(command, f"{command.do} failed, {said(error)}")
        # The frames after this one show what was done.
        return {"re": command.id, "ok": True, **done, "frame": tab.frame}

    async def frame(self, tab: Tab) -> bytes:
        """Return the next frame of a tab."""
        number, view, session = tab.frame, tab.view, self.session
        step = session.run.step if session.run is not None else 0
        worked = tab.is_worked_due(session.playing, session.number, step)
        begun = time.perf_counter()
        weight = view.worked is not None and view.worked.weight is not None
        asked = self.ask(lambda: session.seen(worked, weight))
        while not (await asyncio.wait([asked], timeout=PATIENCE))[0]:
            if session.busy and asked.cancel():
                return pack(heads.waiting(number, session.busy), {})
        seen = await asked
        if seen is None:
            return pack(heads.waiting(number, session.busy), {})
        try:
            built = await asyncio.to_thread(lambda: pack(*heads.frame(seen, tab, number, view)))
        except Exception as error:
            logging.getLogger(__name__).exception("a frame failed")
            why = f"What is looked at cannot be shown, {said(error)}"
            return pack({"frame": number, **seen.head, "why": why}, {})
        if worked:
            tab.worked_took(time.perf_counter() - begun)
        return built

    async def upload(self, name: str, content: bytes) -> str:
        """Take a table in, and train on it from now on."""
        source = await asyncio.wrap_future(aside(lambda: table_source(name, content)))
        return await self.ask(lambda: self.session.take_in(source))

    async def export(self, to: str) -> Download:
        """Return the present model as a file."""
        model = await self.ask(lambda: self.session.present().model())
        return await asyncio.wrap_future(aside(lambda: exported(model, to)))

    async def table(self) -> Download:
        """Return the present table as CSV."""
        plan = self.session.plan
        content = await asyncio.wrap_future(aside(lambda: as_csv(plan.table)))
        name = recipes.table_name(plan) or "penguins.csv"
        return Download(name, content, "text/csv; charset=utf-8")


def _refusal(command: Command, why: str, where: str | None = None) -> dict[str, Any]:
    return {"re": command.id, "ok": False, "error": why, "where": where}
