"""The one session of a server: its tables, its run, and what the page has done to them.

Everything here happens in the one thread of a ``Host``: nothing needs a lock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.commands import compile_for
from chainrule.errors import BadSetting, ChainruleError
from chainrule.playing import heads, recipes
from chainrule.playing.ahead import moment_of
from chainrule.playing.choices import Choices
from chainrule.playing.commands import Command
from chainrule.playing.guided import GUIDED
from chainrule.playing.heads import Seen
from chainrule.playing.pace import Pace
from chainrule.playing.planning import Plan, planned
from chainrule.playing.run import FAILED, GOING, Run
from chainrule.playing.snapshots import Snapshots
from chainrule.playing.sources import Source

COMPILING = (
    "The engine is being compiled for this machine, once per version; it takes some seconds."
)
FIRST_SPEED = 100.0  # steps a second: slow enough to see a small network learn
MOST_TABLES = 10  # that were uploaded


class Session:
    """A session.

    Parameters
    ----------
    sources : mapping of str to Source
        The tables on offer.
    plan : Plan
        What it begins with.
    paths : mapping of str to str, optional
        The files of sources, by their keys, as they were given on the command line.

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
    busy : str
        Why there is no answer for some seconds, or ever.
    told : callable
        Called when a page could see something new.
    """

    def __init__(
        self, sources: Mapping[str, Source], plan: Plan, paths: Mapping[str, str] | None = None
    ) -> None:
        self.sources, self.plan, self.paths = dict(sources), plan, dict(paths or {})
        self.given = frozenset(sources)  # not uploaded
        self.state, self.revision, self.number, self.offered = 0, 0, 0, 0
        self.run: Run | None = None
        self.playing, self.owed = False, 0
        self.speed: float | None = FIRST_SPEED
        self.busy = self.fault = ""
        self.told: Callable[[], None] = lambda: None
        self.pace = Pace()
        self._compiled: set[str] = set()
        self.snapshots = Snapshots()
        self._plans: dict[int, Plan] = {}  # of the snapshots

    def turn(self) -> float | None:
        """Train for some hundredths of a second; return when to go on."""
        run = self.run
        if run is None or not (self.playing or self.owed):
            return None
        count, wait = (min(self.owed, self.pace.most), 0.0) if self.owed else self.pace.due()
        if count == 0:
            return wait
        try:
            self._train(run, count)
        except Exception as error:  # what fails here would fail again in the next turn
            logging.getLogger(__name__).exception("training failed")
            self._pause_command()
            self.fault = f"The training was stopped, it failed: {said(error)}"
            self._changed()
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
        self.told()

    def do(self, command: Command) -> dict[str, Any]:
        """Do a command that was checked; return what the reply says."""
        act: Callable[..., dict[str, Any] | None] = getattr(self, f"_{command.do}_command")
        self.fault = ""
        try:
            return act(**command.arguments) or {}
        finally:
            self._changed()

    def _settings_command(self, settings: dict[str, Any]) -> dict[str, Any]:
        self._change(settings)
        return {"notes": list(self.plan.notes)}

    def _play_command(self) -> None:
        self._going()
        self.playing, self.owed = True, 0
        self.pace.begin(self.speed)

    def _pause_command(self) -> None:
        self.playing, self.owed = False, 0

    def _rewind_command(self) -> None:
        run = self.present()
        self._pause_command()
        run.rewind()
        self.number += 1

    def _new_seed_command(self) -> dict[str, Any]:
        return self._settings_command({"seed": self.plan.choices.seed + 1})

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
        example = GUIDED[key]
        self._pause_command()
        self._change(example.settings, Choices())
        self._speed_command(example.speed)
        return {"panels": list(example.panels)}

    def _snapshot_command(self, name: str) -> dict[str, Any]:
        kept = self.snapshots.keep(self.present(), self.plan.scene, name)
        self._plans[kept.number] = self.plan
        return {"snapshot": kept.number}

    def _restore_command(self, snapshot: int) -> None:
        kept = self.snapshots.find(snapshot)
        self._pause_command()
        plan = self._plans[snapshot]._replace(choices=kept.choices, notes=())
        run = Run(plan.prepared, plan.choices, plan.start)
        run.restore(dict(kept.state))
        self._put(run, plan)

    def _forget_command(self, snapshot: int) -> None:
        self.snapshots.forget(snapshot)
        del self._plans[snapshot]

    def _rename_command(self, snapshot: int, name: str) -> None:
        self.snapshots.rename(snapshot, name)

    def _share_command(self) -> dict[str, Any]:
        plan = self.plan
        return dict(recipes.told(self.present(), plan, self.paths.get(plan.source.key)))

    def present(self) -> Run:
        """Return the run."""
        if self.run is None:
            raise BadSetting("the engine is still being compiled; in some seconds it is there")
        return self.run

    def _going(self) -> Run:
        """Return the run, if it can go on."""
        run = self.present()
        if self.plan.still:
            raise BadSetting(self.plan.still)
        if run.status != GOING:
            more = "" if run.status == FAILED else ": rewind, or change when it stops"
            raise BadSetting(f"{run.why}{more}")
        return run

    def begin(self) -> None:
        """Begin the first run."""
        try:
            self._begin(self.plan)
            if self.plan.start is not None:
                self._snapshot_command("the model")
        except Exception as error:
            self.busy = f"The run cannot begin: {said(error)}"
            self._changed()
            raise

    def _change(self, change: dict[str, Any], before: Choices | None = None) -> None:
        """Change the settings, all of it or nothing, and go on with the run or begin a new one."""
        plan = planned(self.sources, change, before or self.plan.choices, self.plan)
        if self.run is None or plan.prepared is not self.plan.prepared:
            self._begin(plan)
        else:
            self.run.change(plan.choices)
            self._take(plan)

    def _begin(self, plan: Plan) -> None:
        """Begin a new run; it goes on by itself if the one before did."""
        run = self._new_run(plan)
        if self.run is None or self.run.status != GOING:
            self.playing = False
        self.owed = 0
        self._put(run, plan)

    def _put(self, run: Run, plan: Plan) -> None:
        """Put a run in the place of the one before; how long its steps take is not known yet."""
        self.run, self.pace = run, Pace()
        self.pace.begin(self.speed)
        self.number += 1
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self.revision += 1
        self._changed()

    def _new_run(self, plan: Plan) -> Run:
        """Return a run; compile the engine for its type of numbers, if that is not done."""
        dtype = plan.choices.dtype
        if dtype not in self._compiled:
            self.busy = COMPILING
            self._changed()
            try:
                compile_for(dtype)
            finally:
                self.busy = ""
            self._compiled.add(dtype)
        return Run(plan.prepared, plan.choices, plan.start)

    def take_in(self, source: Source) -> str:
        """Put a table on offer, and choose it; of many that were uploaded the first goes."""
        before = self.sources
        uploaded = [k for k, s in before.items() if s.kind == "table" and k not in self.given]
        old = [k for k in uploaded if k not in (source.key, self.plan.source.key)]
        out = old[0] if len(uploaded) >= MOST_TABLES and source.key not in before else None
        self.sources = {k: s for k, s in before.items() if k != out} | {source.key: source}
        try:
            self._change({"data": {"source": source.key, "target": source.target}})
        except Exception:
            self.sources = before
            raise
        self.paths.pop(source.key, None)
        self.offered += 1
        self._changed()
        return source.key

    def seen(self, worked: bool, weight: bool) -> Seen | None:
        """Return the run at this moment, or None if there is none yet.

        Parameters
        ----------
        worked : bool
            Whether a step is worked out for the tab.
        weight : bool
            Whether a weight is followed in it.
        """
        run = self.run
        if run is None:
            return None
        return Seen(
            plan=self.plan,
            theta=run.theta.copy(),
            gradient=run.gradient.copy(),
            curve=run.points(),
            head=heads.standing(run) | self._standing(run),
            sources=self.sources,
            offered=self.offered,
            snapshots=self.snapshots.kept,
            moment=moment_of(run, batch=weight) if worked else None,
        )

    def _standing(self, run: Run) -> dict[str, Any]:
        """Return how the session stands, for the head of a frame."""
        status = run.status
        if status == GOING:
            status = "playing" if self.playing or self.owed else "paused"
        measured = self.pace.measured() if status == "playing" else None
        return {
            "status": status,
            "why": self.fault or self.plan.still or run.why or " ".join(self.plan.notes),
            "samples_per_second": measured[0] if measured else None,
            "engine_share": measured[1] if measured else None,
            "settings_revision": self.revision,
            "run": self.number,
            "speed": self.speed,
            "snapshots": self.snapshots.told(),
        }


def said(error: Exception) -> str:
    """Return what to say of an error that nobody expected."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; use fewer rows, columns or neurons"
    return str(error) if isinstance(error, ChainruleError) else f"{type(error).__name__}: {error}"
