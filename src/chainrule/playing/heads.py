"""What a frame says: how the run stands, what is new for a tab, and what the tab looks at.

A run changes while frames are built in other threads, so they are built from ``Seen``: what
a run is at one moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.playing import about
from chainrule.playing.ahead import Moment
from chainrule.playing.choices import document
from chainrule.playing.curve import finite
from chainrule.playing.looks import Blocks, alike, maps, points, surface
from chainrule.playing.planning import Plan
from chainrule.playing.run import Run
from chainrule.playing.scores import scores
from chainrule.playing.snapshots import Snapshot
from chainrule.playing.sources import Source
from chainrule.playing.spread import spread
from chainrule.playing.tabs import Tab
from chainrule.playing.view import View, Worked
from chainrule.playing.worked import worked

MOST_PARAMETERS = 20_000  # that are sent


class Seen(NamedTuple):
    """A run at one moment, and all else that frames tell of.

    Attributes
    ----------
    plan : Plan
    theta, gradient : ndarray of shape (n_parameters,)
        Copies.
    curve : ndarray of shape (n, 3)
    head : dict
        How the run and the session stand.
    sources : dict of str to Source
    offered : int
        The revision of the sources.
    snapshots : dict of int to Snapshot
    moment : Moment or None
        Where the worked step of a row is due.
    """

    plan: Plan
    theta: NDArray[Any]
    gradient: NDArray[Any]
    curve: NDArray[np.float32]
    head: dict[str, Any]
    sources: Mapping[str, Source]
    offered: int
    snapshots: Mapping[int, Snapshot]
    moment: Moment | None


def waiting(frame: int, why: str) -> dict[str, Any]:
    """Return the head of a frame while there is no run to tell of."""
    return {"frame": frame, "status": "paused", "why": why}


def standing(run: Run) -> dict[str, Any]:
    """Return how a run stands, for the head of a frame."""
    return {
        "step": run.step,
        "epoch": run.epoch,
        "steps_per_epoch": run.steps_per_epoch,
        "batch_in_epoch": run.batch_in_epoch,
        "loss": finite(run.loss),
        "validation_loss": finite(run.validation_loss),
        "learning_rate": run.learning_rate,
        "exact": run.exact,
    }


def frame(seen: Seen, tab: Tab, number: int, view: View) -> tuple[dict[str, Any], Blocks]:
    """Return the head and the blocks of a tab's frame.

    Parameters
    ----------
    seen : Seen
    tab : Tab
        Which takes note of what it is sent once.
    number : int
        Of the frame.
    view : View
        What the tab looks at.
    """
    head = {"frame": number} | seen.head | _news(seen, tab)
    blocks: Blocks = {"curve": seen.curve}
    if len(seen.theta) <= MOST_PARAMETERS:
        with np.errstate(over="ignore"):  # a run in float64 that is about to fail
            blocks["parameters"] = seen.theta.astype(np.float32)
            blocks["gradient"] = seen.gradient.astype(np.float32)
    if view.surface is not None:
        _add_surface(head, blocks, seen, view, tab)
    if view.metrics:
        head["metrics"], more = scores(seen.plan.scene, seen.theta, head["step"])
        blocks |= more
    if view.histograms:
        head["histograms"], head["ill"] = spread(seen.plan.scene, seen.theta, seen.gradient)
    if view.worked is not None and seen.moment is not None:
        _add_worked(head, seen.plan, seen.moment, view.worked, tab)
    return head, blocks


def _add_worked(head: dict[str, Any], plan: Plan, moment: Moment, look: Worked, tab: Tab) -> None:
    """Add the worked step of a row, if it is not as the tab has it."""
    run = (head["run"], head["settings_revision"], head["step"], head["status"] == "ended")
    if tab.is_new("worked", (*run, look)):
        found = head["worked"] = worked(moment, plan.rows, look, tab.templates)
        if found["template"] is not None:
            tab.templates.append(found["key"])


def _news(seen: Seen, tab: Tab) -> dict[str, Any]:
    """Return what this tab was not sent yet of options, settings, table and network."""
    head: dict[str, Any] = {}
    plan = seen.plan
    if tab.is_new("options", seen.offered):
        head["options"] = about.options(seen.sources)
    if tab.is_new("settings", seen.head["settings_revision"]):
        head["settings"] = document(plan.choices)
    if tab.is_new("table", plan.prepared):
        head["table"] = about.table_head(plan.scene, plan.table)
        head["network"] = about.network_head(plan.prepared.network)
    return head


def _add_surface(head: dict[str, Any], blocks: Blocks, seen: Seen, view: View, tab: Tab) -> None:
    """Add the prediction over two columns, the rows as points, and the neurons' maps."""
    wanted = view.surface
    assert wanted is not None
    x, y, held, size = wanted.x, wanted.y, wanted.held, wanted.size
    head["surface"], blocks["surface"] = surface(seen.plan.scene, seen.theta, x, y, held, size)
    shown = (head["surface"]["x"], head["surface"]["y"])
    if tab.is_new("points", (seen.plan.prepared, *shown)):
        head["points"], more = points(seen.plan.scene, *shown)
        blocks |= more
    if view.maps:
        drawn, block = maps(seen.plan.scene, seen.theta, *shown, held)
        if drawn is not None and block is not None:
            head["maps"], blocks["maps"] = drawn, block
    other = seen.snapshots.get(view.compare) if view.compare is not None else None
    if other is not None:
        blocks["curve_compared"] = other.points()
        if alike(seen.plan.scene, other.scene, shown):
            head["surface_compared"], blocks["surface_compared"] = surface(
                other.scene, other.theta, *shown, held, size
            )
