"""A row of a table: how its cells became the network's numbers, then the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arguments import whole
from chainrule.columns import Column
from chainrule.errors import BadSetting, BadTable
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.parts import Cell, Grid, Line, Lines, Part, Section, Words
from chainrule.explaining.steps import explain
from chainrule.notation import Expression, Negative, Quotient, Sum, Symbol
from chainrule.rules import OPTIMISERS
from chainrule.table import features, target_values
from chainrule.target import known_rows
from chainrule.terminal import printable

if TYPE_CHECKING:
    from chainrule.columns import TableSpec

FOLLOWED = ("l1", "l2", "clip_norm", "scheme", "learning_rate")


def explain_row(model: Any, rows: Any, row: int, member: int, **settings: Any) -> Derivation:
    """Show the step of one network of a model on one row; ``Model.explain`` describes it."""
    row, member = whole("row", row, 1), whole("member", member, 1)
    if row > rows.num_rows:
        raise BadTable(f"there is no row {row}: the table has {rows.num_rows}")
    if member > len(model.ensemble):
        raise BadSetting(f"member={member}: the model has {len(model.ensemble)} networks")
    one = rows.slice(row - 1, 1)
    x = features(model.spec, one, np.float64)[0]
    y = _target(model, one)
    derivation = explain(
        model.network, model.parameters[member - 1], x, y, **_usual(model) | settings
    )
    title = f"One step on row {row}: {printable(model.spec.target.name)}"
    first, *others = derivation.sections
    first = replace(first, parts=(*first.parts, *_about(model, member)))
    before = _preprocessing(model.spec, one, x, y)
    return replace(derivation, title=title, sections=(before, first, *others))


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


def _usual(model: Any) -> dict[str, Any]:
    """Return how the model was trained, as far as a step has to do with it."""
    settings = model.summary.settings
    solver = str(settings.get("solver", "gd"))
    names = list(signature(OPTIMISERS[solver]).parameters)[6:] if solver in OPTIMISERS else []
    kept = {name: settings[name] for name in (*FOLLOWED, *names) if settings.get(name) is not None}
    return {"solver": solver} | kept


def _target(model: Any, one: Any) -> Any:
    """Return the target as the network is trained on it, or None where the row has none."""
    name = model.spec.target.name
    if name not in one.column_names or not known_rows(one, name)[0]:
        return None
    value = target_values(model.spec, one, np.float64)[0]
    size = model.network.sizes[-1]
    return np.array([float(value)]) if size == 1 else np.eye(size)[int(value)]


def _about(model: Any, member: int) -> list[Part]:
    settings, parts = model.summary.settings, []
    if len(model.ensemble) > 1:
        parts.append(
            Words(
                f"This is network {member} of {len(model.ensemble)}; predictions are the mean of "
                "theirs."
            )
        )
    notes = []
    if settings.get("dropout"):
        notes.append("dropout is left out")
    if settings.get("schedule") not in (None, "constant"):
        notes.append(f"the learning rate is the setting, which {settings['schedule']} scales")
    if settings.get("batch_size") != 1:
        notes.append("the batch is this row alone")
    if notes:
        parts.append(
            Words(f"It is a first step from the trained parameters, for which {', '.join(notes)}.")
        )
    if model.parameters.dtype == np.float32:
        parts.append(Words("It was trained in float32; here its numbers are taken in float64."))
    return [*parts]


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
        if column.kind in ("numeric", "date"):
            lines.append(_standardised(column, cell, x, place))
        place += column.width
    parts: list[Part] = [
        Words("What the table says, and the numbers that the network gets:"),
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
    """Return a row of the table for each input that is not 0, and one for the column."""
    shown = "missing" if _is_missing(cell) else printable(str(cell))
    name = printable(column.name)
    if column.kind != "categorical":
        remark = "filled in" if _is_missing(cell) else ""
        found: list[tuple[Cell, ...]] = [(name, shown, _input(place), float(x[place]), remark)]
        if column.missing and x[place + 1]:
            found.append(("", "", _input(place + 1), 1.0, "is missing"))
        return found
    chosen = [k for k in range(column.width) if x[place + k]]
    if not chosen:
        return [(name, shown, f"X[{place + 1}..{place + column.width}]", 0.0, "not seen before")]
    names = [*map(printable, column.categories), "is missing"]
    return [
        (name if k == chosen[0] else "", shown, _input(place + k), 1.0, names[k]) for k in chosen
    ]


def _is_missing(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and bool(np.isnan(cell)))


def _input(place: int) -> Expression:
    return Symbol("X", None, (place + 1,))


def _standardised(column: Column, cell: Any, x: Any, place: int) -> Line:
    value = float(x[place])
    raw = column.fill if _is_missing(cell) else value * column.scale + column.mean
    right = _standard(printable(column.name), raw, column.mean, column.scale)
    return Line(_input(place), right, value)


def _standard(name: str, raw: float, mean: float, scale: float) -> Expression:
    top = Sum((Symbol("x", value=raw), Negative(Symbol("mean", value=mean))))
    return Quotient(top, Symbol("scale", value=scale))


def _target_parts(spec: TableSpec, one: Any, y: Any) -> list[Part]:
    target = spec.target
    cell = printable(str(one.column(target.name)[0].as_py()))
    name = printable(target.name)
    if target.task == "regression":
        value = float(y[0])
        raw = value * target.scale + target.mean
        line = Line(Symbol("Y"), _standard(name, raw, target.mean, target.scale), value)
        return [Words(f"The target {name} is {cell}:"), Lines((line,))]
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
    return [Words(f"The target {name} is {cell}, so Y = {number}.")]
