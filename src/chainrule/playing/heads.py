"""What a frame says: how the run stands, what is new for a tab, and what the tab looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.playing import about
from chainrule.playing.curve import finite
from chainrule.playing.run import GOING

if TYPE_CHECKING:
    from chainrule.playing.run import Run
    from chainrule.playing.session import Session
    from chainrule.playing.tabs import Tab

Blocks = dict[str, NDArray[Any]]
MOST_PARAMETERS = 20_000  # that are sent


def waiting(frame: int, why: str) -> dict[str, Any]:
    """Return the head of a frame while there is no run to tell of."""
    return {"frame": frame, "status": "paused", "why": why}


def frame(session: Session, tab: Tab) -> tuple[dict[str, Any], Blocks]:
    """Return the head and the blocks of a tab's next frame."""
    run = session.run
    if run is None:
        return waiting(tab.frame, session.busy or " ".join(session.notes)), {}
    head = {"frame": tab.frame} | _standing(session, run)
    head |= _news(session, run, tab)
    blocks: Blocks = {"curve": run.points()}
    if run.network.n_parameters <= MOST_PARAMETERS:
        blocks["parameters"] = run.theta.astype(np.float32)
        blocks["gradient"] = run.gradient.astype(np.float32)
    return head, blocks


def _standing(session: Session, run: Run) -> dict[str, Any]:
    """Return how the run stands."""
    status = run.status
    if status == GOING:
        status = "playing" if session.playing or session.owed else "paused"
    measured = session.pace.measured() if status == "playing" else None
    return {
        "status": status,
        "why": run.why or " ".join(session.notes),
        "step": run.step,
        "epoch": run.epoch,
        "steps_per_epoch": run.steps_per_epoch,
        "batch_in_epoch": run.batch_in_epoch,
        "samples_per_second": measured[0] if measured else None,
        "engine_share": measured[1] if measured else None,
        "loss": finite(run.loss),
        "validation_loss": finite(run.validation_loss),
        "learning_rate": run.learning_rate,
        "settings_revision": session.revision,
        "run": session.number,
        "exact": run.exact,
        "speed": session.speed,
        "snapshots": [],
    }


def _news(session: Session, run: Run, tab: Tab) -> dict[str, Any]:
    """Return what this tab was not sent yet of settings, options, table and network."""
    head: dict[str, Any] = {}
    if tab.is_new("options", session.shelf_revision):
        head["options"] = about.options(session.sources)
    if tab.is_new("settings", session.revision):
        head["settings"] = session.settings()
    if tab.is_new("table", run.prepared):
        head["table"] = about.table_head(run.prepared, session.table)
        head["network"] = about.network_head(run.network)
    return head
