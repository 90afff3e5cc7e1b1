"""What is looked at: the columns that feed a network as axes, and the rows that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import cells
from chainrule.columns import Column
from chainrule.network import Network
from chainrule.prepare import Prepared
from chainrule.target import known_rows

MARGIN = 0.05  # of the range, on both sides
MOST_POINTS = 2000
LEAST_SCORED, MOST_SCORED = 500, 20_000  # rows of each part
SCORING = 200_000_000  # multiplications for each part; then fewer rows are scored
MOST_PROBABILITIES = 200_000  # of each part, for the same reason
MOST_LOOKED_AT = 500  # rows for activations
GRIDS_KEPT = 6
FAR = 1e6  # scales from the mean: beyond lies nothing to see, and in the end an overflow

Floats = NDArray[np.float64]
Held = Mapping[str, float | str]


@dataclass(frozen=True, eq=False)
class Axis:
    """A column of the table as an axis: its numbers, or a band for each of its categories.

    Attributes
    ----------
    column : Column
    start : int
        The first of the network's inputs that the column becomes.
    values : ndarray of shape (n,)
        Where the rows lie: the number, the category's number, or 0 and 1; NaN where missing.
    range : (float, float)
        The number with a margin; of bands -0.5 and half beyond the last.
    usual : float
        The mean, or what is most frequent.
    """

    column: Column
    start: int
    values: Floats
    range: tuple[float, float]
    usual: float

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of the bands; none where the axis has numbers."""
        return ("false", "true") if self.column.kind == "boolean" else self.column.categories

    def centres(self, size: int) -> Floats:
        """Return where the middles of so many cells lie."""
        low, high = self.range
        return low + (np.arange(size) + 0.5) / size * (high - low)

    def place_of(self, value: Any) -> float:
        """Return where a value lies that somebody chose, or the usual place if it is none."""
        if isinstance(value, str) and value in self.bands:
            return float(self.bands.index(value))
        if isinstance(value, int | float) and np.isfinite(value):
            last = len(self.bands) - 1
            far = FAR * self.column.scale
            low, high = (0, last) if self.bands else (self.usual - far, self.usual + far)
            return float(np.clip(round(value) if self.bands else value, low, high))
        return self.usual

    def encoded(self, places: Floats) -> Floats:
        """Return the network's inputs for places on the axis, (n, column.width)."""
        block = np.zeros((len(places), self.column.width))
        if self.bands:
            places = np.clip(np.round(places), 0, len(self.bands) - 1)
        if self.column.kind == "categorical":
            block[np.arange(len(places)), places.astype(np.intp)] = 1.0
        else:
            block[:, 0] = (places - self.column.mean) / self.column.scale
        return block


@dataclass(frozen=True, eq=False)
class Scene:
    """All that does not change while a run goes on, for what is looked at.

    Attributes
    ----------
    prepared : Prepared
    axes : dict of str to Axis
        By the column's name, in the order of the table.
    target : ndarray of shape (n,)
        Class numbers, or values in the target's units.
    scored : dict of str to ndarray of int
        Which rows of "train" and "validation" are scored: all, or some of many.
    looked_at : ndarray of int
        The rows whose activations are taken.
    points : ndarray of int
        The rows that are drawn.
    """

    prepared: Prepared
    axes: dict[str, Axis]
    target: Floats
    scored: dict[str, NDArray[np.intp]]
    looked_at: NDArray[np.intp]
    points: NDArray[np.intp]
    grids: dict[Any, NDArray[Any]] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """The network that is looked at."""
        return self.prepared.network

    def pair(self, x: str, y: str) -> tuple[Axis, Axis]:
        """Return the axes of these names, or the first ones in the place of those unknown."""
        names = list(self.axes)
        first = x if x in self.axes else next((n for n in names if n != y), names[0])
        other = next((name for name in names if name != first), first)
        second = y if y in self.axes and y != first else other
        return self.axes[first], self.axes[second]

    def grid(self, x: str, y: str, held: Held, size: int) -> NDArray[Any]:
        """Return the network's inputs for size times size cells, the lowest row of y first.

        Columns that are not an axis are held at the given values, or at the usual ones.
        """
        across, up = self.pair(x, y)
        key = (across.column.name, up.column.name, tuple(sorted(held.items())), size)
        found = self.grids.get(key)
        if found is None:
            for old in list(self.grids)[: 1 - GRIDS_KEPT]:  # frames are built in threads
                self.grids.pop(old, None)
            found = self.grids[key] = self._grid(across, up, held, size)
        return found

    def _grid(self, across: Axis, up: Axis, held: Held, size: int) -> NDArray[Any]:
        dtype = self.prepared.X.dtype
        X = np.empty((size, size, self.prepared.spec.width), dtype)
        for name, axis in self.axes.items():
            place = np.array([axis.place_of(held.get(name))])
            X[:, :, axis.start : axis.start + axis.column.width] = axis.encoded(place)
        for axis, along in ((up, (slice(None), None)), (across, (None, slice(None)))):
            width = slice(axis.start, axis.start + axis.column.width)
            X[:, :, width] = axis.encoded(axis.centres(size))[along]
        return X.reshape(size * size, -1)


def scene_of(prepared: Prepared, table: Any) -> Scene:
    """Return the scene of a prepared table.

    Parameters
    ----------
    prepared : Prepared
    table : pyarrow.Table
        That it was prepared from.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from chainrule.prepare import prepare
    >>> table = pa.table({"x": [1.0, 2.0, 3.0], "c": ["u", "v", "v"], "y": [0.1, 0.2, 0.4]})
    >>> scene = scene_of(prepare(table, "y", test_size=0.0), table)
    >>> [(axis.range, axis.usual, axis.bands) for axis in scene.axes.values()]
    [((0.9, 3.1), 2.0, ()), ((-0.5, 1.5), 1.0, ('u', 'v'))]
    """
    spec = prepared.spec
    known = known_rows(table, spec.target.name)
    rows = table if known.all() else table.filter(known)
    axes, start = {}, 0
    for column in spec.columns:
        if column.kind != "dropped":
            axes[column.name] = _axis(column, start, rows)
            start += column.width
    random = np.random.default_rng(prepared.settings["seed"])
    parts = {"train": prepared.train, "validation": prepared.validation}
    network = prepared.network
    most = min(SCORING // network.n_parameters, MOST_PROBABILITIES // network.sizes[-1])
    most = min(MOST_SCORED, max(LEAST_SCORED, most))
    target = prepared.values.astype(np.float64)
    if spec.target.task == "regression":
        target = cells.numbers(rows.column(spec.target.name), spec.target.name)
    return Scene(
        prepared=prepared,
        axes=axes,
        target=target,
        scored={name: _some(part, most, random) for name, part in parts.items()},
        looked_at=_some(prepared.train, MOST_LOOKED_AT, random),
        points=_some(np.concatenate(list(parts.values())), MOST_POINTS, random),
    )


def _some(rows: NDArray[np.intp], most: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the rows, or as many of them as are wanted, in order."""
    return np.sort(random.choice(rows, most, replace=False) if len(rows) > most else rows)


def _axis(column: Column, start: int, rows: Any) -> Axis:
    values = _places(column, rows.column(column.name))
    known = values[~np.isnan(values)]
    if column.kind in ("categorical", "boolean"):
        count = (
            max(2, len(column.categories)) if column.kind == "boolean" else len(column.categories)
        )
        often = np.bincount(known.astype(np.intp), minlength=count)
        return Axis(column, start, values, (-0.5, count - 0.5), float(often.argmax()))
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    margin = MARGIN * (high - low) if high > low else 0.5 * column.scale
    return Axis(column, start, values, (low - margin, high + margin), column.fill)


def _places(column: Column, raw: Any) -> Floats:
    """Return where rows lie on a column's axis, NaN where there is no such place."""
    if column.kind != "categorical":
        read = {"numeric": cells.numbers, "date": cells.days, "boolean": cells.truths}
        return np.asarray(read[column.kind](raw, column.name), float)
    import pyarrow as pa
    import pyarrow.compute as pc

    text = cells.texts(raw, column.name, like=column.categories)
    codes = pc.index_in(text, value_set=pa.array(column.categories, type=text.type))
    places = pc.fill_null(codes, -1).to_numpy().astype(np.float64)
    return np.where(places < 0, np.nan, places)
