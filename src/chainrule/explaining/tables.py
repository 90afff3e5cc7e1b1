"""A row of a table: how its cells became the network's numbers, then the step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule.arguments import whole
from chainrule.columns import Column
from chainrule.engine import forward
from chainrule.errors import BadSetting, BadTable
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.parts import Cell, Grid, Line, Lines, Live, Part, Section, Words
from chainrule.explaining.steps import explain
from chainrule.notation import Expression, Negative, Number, Product, Quotient, Sum, Symbol
from chainrule.rules import OPTIMISERS
from chainrule.summary import IMPORTED
from chainrule.table import features, in_target_units, target_values
from chainrule.target import known_rows
from chainrule.terminal import printable

if TYPE_CHECKING:
    from chainrule.columns import TableSpec

PENALTIES = ("l1", "l2", "clip_norm", "scheme")
FOLLOWED = (*PENALTIES, "learning_rate")
LISTED = 24  # inputs up to which those are listed too that are 0


def explain_row(model: Any, rows: Any, row: int, member: int, **settings: Any) -> Derivation:
    """Show the step of one network of a model on one row; ``Model.explain`` describes it."""
    row, member = whole("row", row, 1), whole("member", member, 1)
    if row > rows.num_rows:
        raise BadTable(f"there is no row {row}: the table has {rows.num_rows}")
    if member > len(model.ensemble):
        raise BadSetting(f"there is no network {member}: the model has {len(model.ensemble)}")
    one, spec = rows.slice(row - 1, 1), model.spec
    name = printable(spec.target.name)
    try:
        x, y = features(spec, one, np.float64)[0], _target(model, one)
    except BadTable as error:
        raise BadTable(str(error).replace("row 1 of ", f"row {row} of ", 1)) from None
    if y is None and settings.get("weight") is not None:
        raise BadTable(f"row {row} has no target {name}, to whose loss a weight could be followed")
    derivation = explain(
        model.network,
        model.parameters[member - 1],
        x,
        y,
        **_usual(model, settings.get("solver")) | settings,
    )
    about = _about(model, member, y is not None)
    network = derivation.sections[0]
    sections = [replace(network, parts=(*network.parts, *about)), *derivation.sections[1:]]
    outputs = forward(model.network, np.asarray(model.parameters[member - 1], float), x[None])[0]
    depth = len(model.network.sizes) - 1
    sample = Sample(spec, one, x, y, outputs, depth if depth > 1 else None)
    title = f"One step on row {row}: {name}"
    return of_sample(replace(derivation, title=title, sections=tuple(sections)), sample)


class Sample(NamedTuple):
    """A row of a table, as a network takes it.

    Attributes
    ----------
    spec : TableSpec
    cells : pyarrow.Table
        Of one row.
    x : ndarray of shape (n_in,)
    y : ndarray of shape (n_out,), or None
    outputs : ndarray of shape (n_out,)
        What the network makes of it.
    layer : int or None
        The number that the sign of the outputs carries.
    """

    spec: TableSpec
    cells: Any
    x: Any
    y: Any
    outputs: Any
    layer: int | None


def of_sample(derivation: Derivation, sample: Sample) -> Derivation:
    """Put the row before a derivation, and behind its way forward what the outputs mean."""
    sections = [_preprocessing(sample.spec, sample.cells, sample.x, sample.y)]
    for section in derivation.sections:
        if section.title == "Forward propagation":
            parts = (*section.parts, *_in_words(sample))
            section = replace(section, parts=parts)
        sections.append(section)
    return replace(derivation, sections=tuple(sections))


def as_rows(model: Any, table: Any) -> Any:
    """Return a table from what ``Model.explain`` takes: a table, or one row as a mapping."""
    from chainrule.reading import read_table

    if isinstance(table, Mapping):
        import pyarrow as pa

        kinds = {column.name: column.kind for column in model.spec.columns}
        absent = [n for n, kind in kinds.items() if n not in table and kind != "dropped"]
        if absent:
            raise BadTable(
                f"the row lacks the column '{absent[0]}'; None stands for a missing value"
            )
        return pa.table({str(name): [value] for name, value in table.items()})
    return read_table(table, columns=model.spec.kinds)


def _usual(model: Any, asked: str | None) -> dict[str, Any]:
    """Return how the model was trained, as far as a step of the asked solver has to do with it."""
    settings = model.summary.settings
    solver = str(settings.get("solver", "gd"))
    drawn = {"scheme": None} if IMPORTED in settings else {}  # nobody knows how
    if asked not in (None, solver):
        kept = {name: settings[name] for name in PENALTIES if settings.get(name) is not None}
        return kept | drawn
    names = list(signature(OPTIMISERS[solver]).parameters)[6:] if solver in OPTIMISERS else []
    kept = {name: settings[name] for name in (*FOLLOWED, *names) if settings.get(name) is not None}
    return {"solver": solver} | kept | drawn


def _target(model: Any, one: Any) -> Any:
    """Return the target as the network is trained on it, or None where the row has none."""
    name = model.spec.target.name
    if name not in one.column_names or not known_rows(one, name)[0]:
        return None
    value = target_values(model.spec, one, np.float64)[0]
    size = model.network.sizes[-1]
    return np.array([float(value)]) if size == 1 else np.eye(size)[int(value)]


def _about(model: Any, member: int, stepped: bool) -> list[Part]:
    """Say which network it is, and how this step differs from those of the training."""
    settings, said = model.summary.settings, []
    if len(model.ensemble) > 1:
        said.append(
            f"This is network {member} of {len(model.ensemble)}; predictions are the mean of "
            "theirs."
        )
    if model.parameters.dtype == np.float32:
        said.append("It was trained in float32; here its numbers are taken in float64.")
    if IMPORTED in settings:
        said.append(f"It was trained elsewhere: {printable(str(settings[IMPORTED]))}.")
    if not stepped:
        said.append("The row has no target, so there is only the way forward.")
    else:
        said.append("The step begins with the trained parameters, and its batch is this row alone.")
        if settings.get("schedule") not in (None, "constant"):
            said.append(f"In the training {settings['schedule']} scaled the learning rate.")
        if settings.get("dropout"):
            said.append("Dropout is left out.")
    return [Words(" ".join(said))]


def _in_words(sample: Sample) -> Iterator[Part]:
    """Say what the outputs mean: the value in the target's units, or the likeliest class."""
    spec, outputs, target = sample.spec, sample.outputs, sample.spec.target
    name = printable(target.name)
    if target.task == "regression":
        value = float(in_target_units(spec, outputs)[0])
        if (target.mean, target.scale) != (0.0, 1.0):
            output = Symbol("A", sample.layer, (), float(outputs[0]))
            scaled = Product((output, _exact("scale", target.scale)))
            line = Line(name, Sum((scaled, _exact("mean", target.mean))), value)
            yield Words("In the units of the target:")
            yield Lines((line,))
        return
    shares = [1.0 - outputs[0], outputs[0]] if len(outputs) == 1 else outputs
    best = int(np.argmax(shares))
    label = printable(target.classes[best])
    said = Live(f"The likeliest {name} is {label}, with ")
    yield Words((said, Number(float(shares[best])), "."))


def _exact(letter: str, value: float) -> Symbol:
    """Return a sign whose number is shown with more digits, as differences lose some."""
    return Symbol(letter, value=value, constant=True)


def _preprocessing(spec: TableSpec, one: Any, x: Any, y: Any) -> Section:
    """Return the section on how cells became inputs, and the target a number."""
    rows: list[tuple[Cell, ...]] = []
    lines: list[Line] = []
    place = 0
    for column in spec.columns:
        if column.kind == "dropped":
            continue
        cell = one.column(column.name)[0].as_py()
        rows += _cells(column, cell, x, place)
        as_it_is = (column.mean, column.scale) == (0.0, 1.0)
        if column.kind in ("numeric", "date") and not as_it_is:
            lines.append(_standardised(column, cell, x, place))
        place += column.width
    if len(x) > LISTED:
        rows = [row for row in rows if row[0] or row[3]]
    left = " Inputs that are 0 are left out." if len(rows) < len(x) else ""
    parts: list[Part] = [
        Words(f"What the table says, and the numbers that the network gets.{left}"),
        Grid(("column", "cell", "input", "number", ""), tuple(rows)),
    ]
    if lines:
        parts += [
            Words("Numbers are standardised by the mean and the scale of the training rows:"),
            Lines(tuple(lines)),
        ]
    if y is not None:
        parts += _target_parts(spec, one, y)
    return Section("Preprocessing", tuple(parts))


def _cells(column: Column, cell: Any, x: Any, place: int) -> list[tuple[Cell, ...]]:
    """Return a row of the table for each input that a column becomes."""
    missing = _is_missing(cell)
    shown = "missing" if missing else printable(str(cell))
    if column.kind == "categorical":
        remarks = [*map(printable, column.categories)]
        unseen = not missing and not any(x[place : place + len(remarks)])
        shown += " (not seen before)" if unseen else ""
    else:
        remarks = ["filled in" if missing else ""]
        if column.kind == "date" and not missing:
            days = x[place] * column.scale + column.mean
            remarks = [f"day {days:.10g} since 1970"]
    remarks += ["is missing"] if column.missing else []
    names = [printable(column.name)] + [""] * (len(remarks) - 1)
    cells = [shown] + [""] * (len(remarks) - 1)
    return [
        (names[k], cells[k], _input(place + k), float(x[place + k]), remark)
        for k, remark in enumerate(remarks)
    ]


def _is_missing(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and bool(np.isnan(cell)))


def _input(place: int) -> Expression:
    return Symbol("X", None, (place + 1,))


def _standardised(column: Column, cell: Any, x: Any, place: int) -> Line:
    value = float(x[place])
    raw = float(cell) if isinstance(cell, int | float) else value * column.scale + column.mean
    raw = column.fill if _is_missing(cell) else raw
    return Line(_input(place), _standard(raw, column.mean, column.scale), value)


def _standard(raw: float, mean: float, scale: float) -> Expression:
    top = Sum((_exact("x", raw), Negative(_exact("mean", mean))))
    return Quotient(top, _exact("scale", scale))


def _target_parts(spec: TableSpec, one: Any, y: Any) -> list[Part]:
    target = spec.target
    cell = printable(str(one.column(target.name)[0].as_py()))
    name = printable(target.name)
    if target.task == "regression":
        value = float(y[0])
        if (target.mean, target.scale) == (0.0, 1.0):
            return [Words((Live(f"The target {name} is {cell}, and so is Y."),))]
        raw = value * target.scale + target.mean
        line = Line(Symbol("Y"), _standard(raw, target.mean, target.scale), value)
        return [Words((Live(f"The target {name} is {cell}:"),)), Lines((line,))]
    number = int(np.argmax(y)) if len(y) > 1 else int(y[0])
    if len(y) > 1:
        classes = ", ".join(f"{k} {printable(c)}" for k, c in enumerate(target.classes, 1))
        return [
            Words(
                (
                    f"The target {name} is {cell}, so ",
                    Symbol("Y", None, (number + 1,)),
                    f" = 1, and 0 elsewhere. The classes are {classes}.",
                )
            )
        ]
    return [Words((Live(f"The target {name} is {cell}, so Y = {number}."),))]
