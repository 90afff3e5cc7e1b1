"""What a frame says: how the run stands, what is new for a tab, and what the tab looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.playing import about
from chainrule.playing.choices import document
from chainrule.playing.curve import finite
from chainrule.playing.planning import Plan
from chainrule.playing.run import Run
from chainrule.playing.tabs import Tab

Blocks = dict[str, NDArray[Any]]
MOST_PARAMETERS = 20_000  # that are sent


def waiting(frame: int, why: str) -> dict[str, Any]:
    """Return the head of a frame while there is no run to tell of."""
    return {"frame": frame, "status": "paused", "why": why}


def frame(
    run: Run, plan: Plan, standing: dict[str, Any], tab: Tab
) -> tuple[dict[str, Any], Blocks]:
    """Return the head and the blocks of a tab's next frame.

    Parameters
    ----------
    run : Run
    plan : Plan
    standing : dict
        What the session says of itself.
    tab : Tab
    """
    head = {"frame": tab.frame} | _standing(run) | standing
    if tab.is_new("settings", standing["settings_revision"]):
        head["settings"] = document(plan.choices)
    if tab.is_new("table", plan.prepared):
        head["table"] = about.table_head(plan.prepared, plan.table)
        head["network"] = about.network_head(run.network)
    blocks: Blocks = {"curve": run.points()}
    if run.network.n_parameters <= MOST_PARAMETERS:
        blocks["parameters"] = run.theta.astype(np.float32)
        blocks["gradient"] = run.gradient.astype(np.float32)
    return head, blocks


def _standing(run: Run) -> dict[str, Any]:
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
