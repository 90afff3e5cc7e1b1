"""From settings and the tables on offer to what is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from chainrule.playing.choices import Choices, Data, choices_of, makes_a_new_run
from chainrule.playing.scene import Scene, scene_of
from chainrule.playing.settling import ready, settle
from chainrule.playing.sources import Source, find, table_of
from chainrule.playing.worked import Rows, rows_of
from chainrule.prepare import Prepared

LEFT = "The model's weights are left: these settings begin with new ones."


class Plan(NamedTuple):
    """Settings that go with a table, and what is trained by them.

    Attributes
    ----------
    choices : Choices
    source : Source
    data : Data
        As it was asked for: by it the table was made.
    table : pyarrow.Table
    notes : tuple of str
        What fell back, because it did not go with the table.
    prepared : Prepared
    scene : Scene
    rows : Rows
    start : ndarray of shape (n_parameters,), or None
        The parameters of a model to begin with; else they are drawn.
    still : str
        Why there is no training; empty where there is.
    """

    choices: Choices
    source: Source
    data: Data
    table: Any
    notes: tuple[str, ...]
    prepared: Prepared
    scene: Scene
    rows: Rows
    start: NDArray[Any] | None = None
    still: str = ""


def planned(
    sources: Mapping[str, Source],
    change: dict[str, Any],
    before: Choices,
    plan: Plan | None = None,
) -> Plan:
    """Return what a change of the settings leads to.

    Parameters
    ----------
    sources : mapping of str to Source
    change : dict
        A part of the document of settings.
    before : Choices
        What holds where the change says nothing.
    plan : Plan, optional
        The present one, of which the table and what was prepared are kept where they can be.

    Raises
    ------
    BadChoice, BadTable
        If the change cannot be used.

    Examples
    --------
    >>> from chainrule.playing.sources import shelf
    >>> first = planned(shelf(), {}, Choices())
    >>> faster = planned(shelf(), {"training": {"learning_rate": 0.1}}, first.choices, first)
    >>> faster.prepared is first.prepared, faster.choices.training.learning_rate
    (True, 0.1)
    """
    after = choices_of(change, before)
    source = find(sources, after.data.source)
    if plan is not None and (source.key, after.data) == (plan.source.key, plan.data):
        table = plan.table
    else:
        table = table_of(source, after.data)
    settled, notes = settle(after, source, table, change)
    if plan is not None and not makes_a_new_run(plan.choices, settled):
        return plan._replace(choices=settled, data=after.data, notes=notes)
    prepared = ready(settled, source, table)
    scene, rows = scene_of(prepared, table), rows_of(prepared, table)
    still = plan.still if plan is not None and plan.source is source else ""
    if plan is not None and plan.start is not None:
        notes = (*notes, LEFT)
    return Plan(settled, source, after.data, table, notes, prepared, scene, rows, still=still)
