"""The one session of a server: its tables, its run, and what the page has done to them.

All of it lives in the thread of a ``Worker``, which trains in turns and does what tabs ask
between two of them. The methods that end in a tab's coroutine only ask and wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from chainrule.commands import compile_for
from chainrule.errors import BadSetting, ChainruleError
from chainrule.playing import heads
from chainrule.playing.choices import Choices, choices_of, document, makes_a_new_run
from chainrule.playing.commands import Command, read_command
from chainrule.playing.frame import pack
from chainrule.playing.guided import GUIDED
from chainrule.playing.pace import Pace
from chainrule.playing.readers import BadChoice
from chainrule.playing.run import FAILED, GOING, Run
from chainrule.playing.settling import ready, settle
from chainrule.playing.sources import Source, find, table_of, table_source
from chainrule.playing.tabs import Tab
from chainrule.playing.view import read_view
from chainrule.playing.worker import Worker

T = TypeVar("T")

COMPILING = (
    "The engine is being compiled for this machine, once per version; it takes some seconds."
)
PATIENCE = 0.3  # seconds that a frame waits for a worker that compiles


class Session:
    """A session. A context manager: its thread ends with it.

    Parameters
    ----------
    sources : mapping of str to Source
        The tables on offer.
    choices : Choices
        What the page begins with.

    Attributes
    ----------
    state : int
        Counts whatever a page could see.
    run : Run or None
        None while the engine is compiled for the first time.
    number : int
        Of the run, anew at every rewind.
    revision : int
        Of the settings.
    """

    def __init__(self, sources: Mapping[str, Source], choices: Choices) -> None:
        self.sources, self.choices = dict(sources), choices
        self.state, self.revision, self.number, self.shelf_revision = 0, 0, 0, 0
        self.run: Run | None = None
        self.table: Any = None
        self.playing, self.owed = False, 0
        self.speed: float | None = None
        self.notes: tuple[str, ...] = ()
        self.busy = ""  # why the worker does not answer for some seconds
        self.pace = Pace()
        self._drawn_by: Any = None  # by what the present table was made
        self._tabs: set[Tab] = set()
        self._compiled: set[str] = set()
        self._worker = Worker(self._turn)

    def __enter__(self) -> Session:
        self._worker.start()
        self._worker.ask(lambda: self._change({}))
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    # What the server's event loop calls.

    @contextlib.contextmanager
    def tab(self, loop: asyncio.AbstractEventLoop) -> Iterator[Tab]:
        """Connect a tab."""
        tab = Tab(loop, lambda: (self.state, self.busy))
        self._tabs = {*self._tabs, tab}
        try:
            yield tab
        finally:
            self._tabs = self._tabs - {tab}

    async def obey(self, tab: Tab, text: Any) -> dict[str, Any]:
        """Do what a message says, and return the reply."""
        command = read_command(text)
        reply: dict[str, Any] = {"re": command.id, "ok": True}
        if command.wrong:
            return reply | {"ok": False, "error": command.wrong, "where": None, "malformed": True}
        try:
            if command.do == "ready":
                tab.drawn(command.arguments["number"])
            elif command.do == "view":
                tab.look(read_view(command.arguments["view"]))
            else:
                reply |= await self._ask(lambda: self._do(command)) or {}
        except ChainruleError as error:
            where = getattr(error, "where", None)
            return reply | {"ok": False, "error": str(error), "where": where}
        return reply

    async def frame(self, tab: Tab) -> bytes:
        """Return the next frame of a tab."""
        asked = asyncio.ensure_future(self._ask(lambda: self._frame(tab)))
        while True:
            done, _ = await asyncio.wait([asked], timeout=PATIENCE)
            if done:
                return await asked
            if self.busy and asked.cancel():
                return pack(heads.waiting(tab.frame, self.busy), {})

    async def upload(self, name: str, content: bytes) -> str:
        """Take a table in, and train on it from now on."""
        source = await asyncio.to_thread(table_source, name, content)
        return await self._ask(lambda: self._take_in(source))

    def _ask(self, job: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._worker.ask(job))

    # What the worker's thread does.

    def _turn(self) -> float | None:
        """Train for some hundredths of a second; return when to go on."""
        run = self.run
        if run is None or not (self.playing or self.owed):
            return None
        count, wait = (min(self.owed, self.pace.most), 0.0) if self.owed else self.pace.due()
        if count == 0:
            return wait
        self._train(run, count)
        return 0.0

    def _train(self, run: Run, count: int) -> None:
        begun = time.perf_counter()
        done = run.advance(count)
        seconds = time.perf_counter() - begun
        rows = done * len(run.data.X) // run.steps_per_epoch
        self.pace.enter(done, rows, seconds)
        self.owed = max(0, self.owed - done)
        if run.status != GOING:
            self.playing, self.owed = False, 0
        self._changed()

    def _changed(self) -> None:
        self.state += 1
        for tab in self._tabs:
            tab.tell()

    def _do(self, command: Command) -> dict[str, Any] | None:
        """Do a command that was checked."""
        act: Callable[..., dict[str, Any] | None] = getattr(self, f"_{command.do}_command")
        try:
            return act(**command.arguments)
        finally:
            self._changed()

    def _settings_command(self, settings: dict[str, Any]) -> dict[str, Any]:
        self._change(settings)
        return {"notes": list(self.notes)}

    def _play_command(self) -> None:
        self._going()
        self.playing, self.owed = True, 0
        self.pace.begin(self.speed)

    def _pause_command(self) -> None:
        self.playing, self.owed = False, 0

    def _rewind_command(self) -> None:
        run = self._present()
        self._pause_command()
        run.rewind()
        self.number += 1

    def _new_seed_command(self) -> dict[str, Any]:
        return self._settings_command({"seed": self.choices.seed + 1})

    def _step_command(self, count: int) -> dict[str, Any]:
        run = self._going()
        self.playing, self.owed = False, count
        self.pace.begin(None)
        self._train(run, min(count, self.pace.most))
        return {"step": run.step, "left": self.owed}

    def _epoch_command(self, count: int) -> dict[str, Any]:
        run = self._going()
        return self._step_command(count * run.steps_per_epoch - run.batch_in_epoch)

    def _speed_command(self, steps_per_second: float | None) -> None:
        self.speed = steps_per_second
        self.pace.begin(self.speed)

    def _guided_command(self, key: str) -> dict[str, Any]:
        if key not in GUIDED:
            raise BadSetting(f"there is no guided example {key!r}; there are {', '.join(GUIDED)}")
        self._pause_command()
        self._change(GUIDED[key].settings, Choices())
        return {"view": GUIDED[key].view}

    def _present(self) -> Run:
        """Return the run."""
        if self.run is None:
            raise BadSetting("there is no run: the settings cannot be used; choose a table")
        return self.run

    def _going(self) -> Run:
        """Return the run, if it can go on."""
        run = self._present()
        if run.status != GOING:
            more = "" if run.status == FAILED else ": rewind, or change when it stops"
            raise BadSetting(f"{run.why}{more}")
        return run

    def _change(self, change: dict[str, Any], before: Choices | None = None) -> None:
        """Change the settings, all of it or nothing, and go on with the run or begin a new one."""
        after = choices_of(change, before or self.choices)
        source = find(self.sources, after.data.source)
        drawn_by = (after.data.source, source, after.data)
        table = self.table if drawn_by == self._drawn_by else table_of(source, after.data)
        after, notes = settle(after, source, table, change)
        if self.run is None or makes_a_new_run(self.choices, after):
            run = self._begun(after, source, table)
            going = self.playing and self.run is not None and self.run.status == GOING
            self.run, self.playing, self.owed = run, going, 0
            self.number += 1
            self.pace.begin(self.speed)
        else:
            self.run.change(after)
        self.choices, self.table, self._drawn_by, self.notes = after, table, drawn_by, notes
        self.revision += 1

    def _begun(self, choices: Choices, source: Source, table: Any) -> Run:
        """Return a new run; compile the engine for its type of numbers, if that is not done."""
        prepared = ready(choices, source, table)
        if choices.dtype not in self._compiled:
            self.busy = COMPILING
            self._changed()
            try:
                compile_for(choices.dtype)
            finally:
                self.busy = ""
            self._compiled.add(choices.dtype)
        return Run(prepared, choices)

    def _take_in(self, source: Source) -> str:
        """Put a table on offer, and choose it."""
        before = self.sources.get(source.key)
        self.sources[source.key] = source
        try:
            self._change({"data": {"source": source.key, "target": source.target}})
        except BadChoice:
            del self.sources[source.key]
            if before is not None:
                self.sources[source.key] = before
            raise
        self.shelf_revision += 1
        self._changed()
        return source.key

    def _frame(self, tab: Tab) -> bytes:
        return pack(*heads.frame(self, tab))

    def settings(self) -> dict[str, Any]:
        """Return the whole of the settings as a document."""
        return document(self.choices)
