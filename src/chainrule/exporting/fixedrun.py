"""What a model in whole numbers gives, computed as the C of it does, and how near that comes."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import cells
from chainrule.exporting.fixedplan import (
    LARGEST,
    LIMIT,
    MISSING,
    SHARE_BITS,
    Field,
    Integers,
    Layer,
    Line,
    Plan,
    Table,
    planned,
)
from chainrule.exporting.samples import UNSEEN, samples, table_of, used

ROWS = 1000  # made up, where no table is given
HUNDREDTH = 671_089  # 0.01 2^26


class Measured(NamedTuple):
    """How near the integers come to the model on some rows.

    Attributes
    ----------
    rows : int
    where : str
        Of which rows.
    largest, mean : float
        Of the absolute differences: of probabilities, or in the target's units.
    differ : int or None
        Of how many rows the class is another one; None of numbers.
    """

    rows: int
    where: str
    largest: float
    mean: float
    differ: int | None


class Fixed(NamedTuple):
    """A model in integers, how near it comes, and the self-test's cells and outputs."""

    plan: Plan
    measured: Measured
    cells: dict[str, list[Any]]
    outputs: Integers


def fixed(model: Any, width: int, calibrate: Any = None) -> Fixed:
    """Return a model in integers.

    Parameters
    ----------
    model : chainrule.Model
    width : int
        Bits of a weight, 8 or 16.
    calibrate : path or data frame, optional
        Raw rows, such as those of the training, by which the formats are chosen and the errors
        measured. Default: rows that are made up around the means of the columns.
    """
    if calibrate is None:
        table, where = table_of(model.spec, _made_up(model)), "made-up rows"
    else:
        table = model._read(calibrate)
        named = isinstance(calibrate, str | os.PathLike)
        where = f"rows of {os.path.basename(os.fspath(calibrate))}" if named else "rows given"
    plan = planned(model, width, table)
    tried = samples(model)
    raw = raw_cells(plan, table_of(model.spec, tried.columns))
    return Fixed(plan, _measured(model, plan, table, where), raw, outputs(plan, raw))


def _made_up(model: Any) -> dict[str, list[Any]]:
    """Return rows around the means: normal, within four standard deviations."""
    random = np.random.default_rng(0)
    found = {}
    for column in used(model.spec):
        absent = random.random(ROWS) < (0.05 if column.missing else 0.0)
        if column.kind == "categorical":
            values = random.choice([*column.categories, UNSEEN], ROWS).tolist()
        elif column.kind == "boolean":
            values = (random.random(ROWS) < 0.5).tolist()
        else:
            z = np.clip(random.normal(size=ROWS), -4.0, 4.0)
            values = (column.mean + z * column.scale).tolist()
            if column.kind == "date":
                values = [float(min(max(value, -700_000.0), 2_900_000.0)) for value in values]
        found[column.name] = [None if no else v for no, v in zip(absent, values, strict=True)]
    return found


def _measured(model: Any, plan: Plan, table: Any, where: str) -> Measured:
    found = outputs(plan, raw_cells(plan, table)) / 2.0**plan.bits
    if model.spec.target.task == "classification":
        expected = model.predict_proba(table).astype(np.float64)
        differ = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    else:
        expected, differ = model.predict(table)[:, None], None
    errors = np.abs(found - expected)
    return Measured(len(found), where, float(errors.max()), float(errors.mean()), differ)


def raw_cells(plan: Plan, table: Any) -> dict[str, list[Any]]:
    """Return the cells of raw rows: integers, and text or None of categories."""
    found: dict[str, list[Any]] = {}
    for field in plan.fields:
        column, values = field.column, table.column(field.column.name)
        if column.kind == "categorical":
            found[column.name] = cells.texts(
                values, column.name, like=column.categories
            ).to_pylist()
            continue
        read = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}[column.kind]
        numbers = read(values, column.name)
        absent = -1 if column.kind == "boolean" else MISSING
        held = np.clip(np.rint(np.nan_to_num(numbers) * 2.0**field.bits), -LARGEST, LARGEST)
        found[column.name] = np.where(np.isnan(numbers), absent, held).astype(np.int64).tolist()
    return found


def outputs(plan: Plan, raw: dict[str, list[Any]]) -> Integers:
    """Return the raw predictions: shares of 2^15, or numbers with the plan's fraction bits."""
    X = np.hstack([_inputs(field, raw[field.column.name], plan) for field in plan.fields])
    members = len(plan.layers[0].weights)
    total = sum(_member(plan, member, X) for member in range(members))
    assert isinstance(total, np.ndarray)
    if plan.value == Line(1, 0, 0):
        mean = np.sign(total) * ((np.abs(total) + members // 2) // members)
        return np.hstack([2**SHARE_BITS - mean, mean]) if mean.shape[1] == 1 else mean
    return np.clip(_on(plan.value, total), -LARGEST, LARGEST)


def _inputs(field: Field, column: list[Any], plan: Plan) -> Integers:
    kind, one = field.column, 2**plan.input_bits
    if kind.kind == "categorical":
        blocks = [[one * (cell == known) for cell in column] for known in kind.categories]
        if kind.missing:
            blocks.append([one * (not cell) for cell in column])
        return np.array(blocks, dtype=np.int64).reshape(-1, len(column)).T
    values = np.array(column, dtype=np.int64)
    if kind.kind == "boolean":
        absent, numbers = values < 0, (values != 0) * one
    else:
        absent, numbers = values == MISSING, np.clip(_on(field.line, values), -LIMIT, LIMIT)
    found = [np.where(absent, filled(field, plan), numbers)]
    return np.stack([*found, absent * one] if kind.missing else found, axis=1)


def filled(field: Field, plan: Plan) -> int:
    """Return the input that stands in for a missing number."""
    column = field.column
    value = column.fill
    if column.kind != "boolean":
        value = (column.fill - column.mean) / column.scale
    return int(np.clip(np.rint(value * 2.0**plan.input_bits), -LIMIT, LIMIT))


def _member(plan: Plan, member: int, A: Integers) -> Integers:
    for layer in plan.layers[:-1]:
        A = np.clip(_activated(layer, _scores(layer, member, A)), -LIMIT, LIMIT)
    last = plan.layers[-1]
    Z = _scores(last, member, A)
    if last.rule != "softmax":
        return _activated(last, Z)
    assert last.table is not None
    powers = _looked_up(last.table, np.maximum(Z - Z.max(axis=1, keepdims=True), -LARGEST))
    total = powers.sum(axis=1, keepdims=True)
    shares: Integers = ((powers << SHARE_BITS) + total // 2) // total
    return shares


def _scores(layer: Layer, member: int, A: Integers) -> Integers:
    """Return the sums; products of float64 are exact below 2^53, and fast."""
    sums = A.astype(np.float64) @ layer.weights[member].T.astype(np.float64)
    exact = sums.astype(np.int64) + layer.biases[member]
    return np.clip(shifted(exact, layer.shift), -LARGEST, LARGEST)


def _activated(layer: Layer, Z: Integers) -> Integers:
    if layer.table is not None:
        return _looked_up(layer.table, Z)
    if layer.rule == "relu":
        return np.maximum(Z, 0)
    return np.where(Z < 0, shifted(Z * HUNDREDTH, 26), Z) if layer.rule == "leaky_relu" else Z


def _looked_up(table: Table, Z: Integers) -> Integers:
    pieces = len(table.values) - 1
    offset = np.clip(Z - table.low, 0, pieces << table.step)
    place = np.minimum(offset >> table.step, pieces - 1)
    rest = offset - (place << table.step)
    rise = table.values[place + 1] - table.values[place]
    between: Integers = table.values[place] + shifted(rise * rest, table.step)
    return between


def _on(line: Line, x: Integers) -> Integers:
    return shifted(x * line.multiplier - line.offset, line.shift)


def shifted(x: NDArray[Any], bits: int) -> Integers:
    """Divide by 2^bits, halves away from 0.

    Examples
    --------
    >>> shifted(np.array([5, 6, -6, -5]), 2)
    array([ 1,  2, -2, -1])
    """
    half = 1 << bits >> 1
    quotient: Integers = np.sign(x) * ((np.abs(x) + half) >> bits)
    return quotient


def largest_in_sds(model: Any, measured: Measured) -> float:
    """Return the largest error: of a probability, or in standard deviations of the target."""
    target = model.spec.target
    scale = 1.0 if target.task == "classification" else target.scale
    return float(measured.largest / scale)
