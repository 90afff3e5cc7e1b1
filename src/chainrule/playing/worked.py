"""The worked step of a row: its mathematics as a template, and the numbers of the run in it.

The sections are those of ``chainrule.explain``, for the run's parameters as they are before
its next step, with its solver, memories and number of the step. They are of one row. What
the run itself does next, with a whole batch, is taken from a step of the engine on copies.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import outputs_of
from chainrule.errors import BadSetting
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.parts import Live, Part, Section, Words
from chainrule.explaining.signs import Signs
from chainrule.explaining.steps import derive, most_shown
from chainrule.explaining.tables import Sample, of_sample
from chainrule.explaining.template import Template
from chainrule.explaining.trace import trace
from chainrule.playing.ahead import Moment, own_update
from chainrule.prepare import Prepared
from chainrule.target import known_rows
from chainrule.terminal import printable

DIGITS = 5
OF_A_WEIGHT = 6  # digits where the engine's own numbers are followed
CELL = 200  # characters of a cell that are sent


class Look(Protocol):
    """What is looked at; layers and neurons count from 1, rows of a part from 0."""

    @property
    def part(self) -> str: ...  # noqa: D102
    @property
    def row(self) -> int: ...  # noqa: D102
    @property
    def weight(self) -> tuple[int, ...] | None: ...  # noqa: D102
    @property
    def neuron(self) -> tuple[int, ...] | None: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that a run has, as the table says them.

    Attributes
    ----------
    prepared : Prepared
    table : pyarrow.Table
    places : ndarray of int
        Where in the table each row of ``prepared`` stands.
    """

    prepared: Prepared
    table: Any
    places: NDArray[np.intp]


def rows_of(prepared: Prepared, table: Any) -> Rows:
    """Return the rows of a prepared table."""
    known = known_rows(table, prepared.spec.target.name)
    return Rows(prepared, table, np.flatnonzero(known))


def worked(moment: Moment, rows: Rows, look: Look, known: Container[str] = ()) -> dict[str, Any]:
    """Return the worked step of a row.

    Parameters
    ----------
    moment : Moment
        Of a run; with its batch where a weight is looked at.
    rows : Rows
        Of the run's table.
    look : Look
        A row, weight or neuron that is not there is replaced by the last row, the whole step.
    known : container of str
        Keys of the templates that the page has.

    Returns
    -------
    dict
        "key"; "template", or None where its key is known; "numbers", the texts of the slots;
        "part", "row" and "of", how many rows the part has; "next", a row of the part "train"
        that the next step takes; "raw", the row as the table says it; "step", the steps done.

    Examples
    --------
    >>> from chainrule.playing.choices import Choices
    >>> from chainrule.playing.ahead import moment_of
    >>> from chainrule.playing.run import Run
    >>> from chainrule.playing.settling import ready
    >>> from chainrule.playing.sources import shelf, table_of
    >>> from types import SimpleNamespace
    >>> moons, chosen = shelf()["toy:moons"], Choices()
    >>> table = table_of(moons, chosen.data)
    >>> prepared = ready(chosen, moons, table)
    >>> look = SimpleNamespace(part="train", row=5, weight=None, neuron=(2, 1))
    >>> moment = moment_of(Run(prepared, chosen))
    >>> found = worked(moment, rows_of(prepared, table), look)
    >>> [section["title"] for section in found["template"]["sections"]]
    ['Preprocessing', 'The network', 'One neuron: layer 2, number 1']
    """
    numbers = rows.prepared.validation if look.part == "validation" else rows.prepared.train
    part = look.part if len(numbers) else "train"
    numbers = numbers if len(numbers) else rows.prepared.train
    row = min(max(look.row, 0), len(numbers) - 1)
    number = int(numbers[row])
    cells = rows.table.slice(int(rows.places[number]), 1)
    try:
        template = Template(derivation_on(moment, number, cells, look))
    except BadSetting as error:
        words = Section("No step to show", (Words((Live(f"{error}."),)),))
        template = Template(Derivation("The worked step", (words,)))
    return {
        "key": template.key,
        "template": None if template.key in known else template.document,
        "numbers": template.numbers,
        "part": part,
        "row": row,
        "of": len(numbers),
        "next": int(np.flatnonzero(rows.prepared.train == moment.rows[0])[0]),
        "raw": {name: _cell(cells, name) for name in cells.column_names},
        "step": moment.step.number - 1,
    }


def _cell(cells: Any, name: str) -> str:
    value = cells.column(name)[0].as_py()
    if isinstance(value, float):
        return _short(value)
    return "" if value is None else printable(str(value))[:CELL]


def _short(value: float) -> str:
    """Return a number of the table with six significant digits; all digits of a whole one.

    Examples
    --------
    >>> _short(0.1 + 0.2), _short(452600.0), _short(12345678.0), _short(-1.23456789e-9)
    ('0.3', '452600', '12345678', '-1.23457e-09')
    """
    whole = value.is_integer() and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.6g}"


def derivation_on(moment: Moment, number: int, cells: Any, look: Look) -> Derivation:
    """Return the sections on a row of ``prepared``."""
    prepared, network, theta = moment.prepared, moment.network, moment.theta
    weight, neuron = _weight(look, network.sizes), _neuron(look, network.sizes)
    x, y = prepared.X[number], prepared.Y[number]
    done = trace(network, theta, x, y, moment.step)
    signs = Signs(done, most_shown(network), steady=True)
    digits = OF_A_WEIGHT if weight else DIGITS
    derivation = derive(signs, digits, weight=weight, neuron=neuron)
    sections = [_with_type(derivation.sections[0], theta.dtype), *derivation.sections[1:]]
    if weight is not None:
        sections.append(own_update(moment, number, weight))
    for place, section in enumerate(sections):
        if section.title.startswith("The update"):
            sections[place] = replace(section, parts=(_about(moment, number), *section.parts))
    depth = len(network.sizes) - 1
    outputs = outputs_of(network, theta, prepared.X[[number]], depth)[0].astype(float)
    sample = Sample(prepared.spec, cells, x.astype(float), y.astype(float), outputs,
                    depth if depth > 1 else None)  # fmt: skip
    return of_sample(replace(derivation, sections=tuple(sections)), sample)


def _weight(look: Look, sizes: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return the weight that is looked at, or None where there is none such."""
    if look.weight is None:
        return None
    l, i, j = look.weight
    there = 1 <= l < len(sizes) and 1 <= i <= sizes[l - 1] and 1 <= j <= sizes[l]
    return (l, i, j) if there else None


def _neuron(look: Look, sizes: tuple[int, ...]) -> tuple[int, int] | None:
    if look.neuron is None or look.weight is not None:
        return None
    l, j = look.neuron
    return (l, j) if 1 <= l < len(sizes) and 1 <= j <= sizes[l] else None


def _with_type(section: Section, dtype: Any) -> Section:
    if dtype != np.float32:
        return section
    words = Words("It is trained in float32; here its numbers are taken in float64.")
    return replace(section, parts=(*section.parts, words))


def _about(moment: Moment, number: int) -> Part:
    """Say what this step, of one row, has to do with the run's next one."""
    rows, next_one = moment.rows, f"The run's next step, number {moment.step.number:,},"
    if not moment.going:
        said = "The run takes no further step; this is what one by this row alone would do."
    elif len(rows) == 1 and number == rows[0]:
        said = f"{next_one} takes this row alone: it is this one."
    elif len(rows) == 1:
        said = f"This is a step by this row alone. {next_one} takes another row."
    else:
        among = "and this row is one of them" if number in rows else "without this one"
        said = (
            f"This is a step by this row alone. {next_one} takes the mean gradient of "
            f"{len(rows):,} rows, {among}. Choose a weight to see that step."
        )
    if moment.choices.training.dropout:
        said += " Dropout is left out here."
    return Words((Live(said),))
