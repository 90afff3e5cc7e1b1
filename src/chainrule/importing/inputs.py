"""What stands before the first layer: columns, and what of it becomes part of the weights.

A preprocessor gives features, each an affine function of one thing that is known of a cell:
its number, whether it is one of some categories, or whether it is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import Column
from chainrule.errors import BadSource

NUMBER = "number"
MISSING = None  # stands for a missing cell among categories


@dataclass(frozen=True)
class Feature:
    """One number that a preprocessor gives: (what it is of - mean) / scale.

    Parameters
    ----------
    column : str
    of : "number", or frozenset of categories and ``MISSING``
        Of a set: 1 where the cell is in it, else 0.
    mean, scale : float
    fill : float or str, optional
        What the cell is taken for where it is missing.
    known : tuple of str
        The categories of the column, in their order.
    """

    column: str
    of: Any = NUMBER
    mean: float = 0.0
    scale: float = 1.0
    fill: Any = None
    known: tuple[str, ...] = ()

    @property
    def is_raw(self) -> bool:
        """Whether it is the cell as the table has it."""
        return self.of == NUMBER and self.mean == 0.0 and self.scale == 1.0

    def scaled(self, mean: float, scale: float) -> Feature:
        """Return (self - mean) / scale."""
        return replace(self, mean=self.mean + self.scale * mean, scale=self.scale * scale)


class Made(NamedTuple):
    """Columns, and the first layer for them."""

    columns: tuple[Column, ...]
    W: NDArray[Any]
    b: NDArray[Any]


def columns_for(
    features: Sequence[Feature], names: Sequence[str], W: NDArray[Any], b: NDArray[Any], reason: str
) -> Made:
    """Make columns of features, with W and b of a first layer that takes these.

    Where a column's own form differs from a feature's, such as a one-hot number that is
    scaled, the difference goes into W and b.

    Parameters
    ----------
    features : sequence of Feature
        One for each row of W.
    names : sequence of str
        The columns of the table, in their order.
    W, b : ndarray of shape (n_features, n_out) and (n_out,)
    reason : str
        For people: where the columns' forms come from.

    Examples
    --------
    >>> twice = [Feature("x", mean=1.0, scale=2.0), Feature("x")]
    >>> made = columns_for(twice, ["x"], np.array([[3.0], [5.0]]), np.zeros(1), "scaled")
    >>> made.columns[0].mean, made.W.tolist(), made.b.tolist()  # x = 2 (x - 1) / 2 + 1
    (1.0, [[13.0]], [5.0])
    """
    rows, bias, columns = [], b.astype(np.float64), []
    for name in names:
        places = [i for i, feature in enumerate(features) if feature.column == name]
        found = [features[i] for i in places]
        column = _column(name, found, reason)
        columns.append(column)
        for unit in _units(column):
            row = np.zeros(len(b))
            for i, feature in zip(places, found, strict=True):
                factor, shift = _share(unit, feature, column)
                row += factor * W[i]
                bias += shift * W[i]
            rows.append(row)
    return Made(tuple(columns), np.array(rows).astype(W.dtype), bias.astype(b.dtype))


def _units(column: Column) -> list[Any]:
    """Return what each number of a column is of."""
    if column.kind == "dropped":
        return []
    first = list(column.categories) if column.kind == "categorical" else [NUMBER]
    return [*first, MISSING] if column.missing else first


def _share(unit: Any, feature: Feature, column: Column) -> tuple[float, float]:
    """Return the factor of a unit in a feature, and of the first unit the feature's constant."""
    first = unit == _units(column)[0]
    if feature.of != NUMBER:
        inside = unit in feature.of
        return (1.0 / feature.scale if inside else 0.0), -feature.mean / feature.scale * first
    if unit is MISSING or (feature.mean, feature.scale) == (column.mean, column.scale):
        return float(first), 0.0
    return column.scale / feature.scale, (column.mean - feature.mean) / feature.scale


def _column(name: str, found: list[Feature], reason: str) -> Column:
    if not found:
        return Column(name, "dropped", "not used by the network")
    missing = any(f.of != NUMBER and MISSING in f.of for f in found)
    numbers = [f for f in found if f.of == NUMBER]
    known = tuple(dict.fromkeys(category for f in found for category in f.known))
    if not numbers and known:
        return Column(name, "categorical", reason, categories=known, missing=missing)
    if known or not numbers:
        what = "both a number and categories" if known else "no number"
        raise BadSource(f"of column '{name}' the network gets {what}; that cannot be imported")
    fills = {f.fill for f in numbers if f.fill is not None}
    if len(fills) > 1:
        raise BadSource(f"column '{name}' is filled in two ways; that cannot be imported")
    first = numbers[0]
    fill = float(fills.pop()) if fills else first.mean
    scale = abs(first.scale)
    return Column(name, "numeric", reason, first.mean, scale, fill=fill, missing=missing)
