"""Toy tables: points in a plane with a class, or with a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Random = np.random.Generator

LETTERS = "ABCDEF"  # the classes
BUMPS = ((-0.5, 0.5, 1.0), (0.5, 0.5, -1.0), (-0.5, -0.5, -0.6), (0.5, -0.5, 0.6))  # x1, x2, height


def circle(random: Random, label: NDArray[np.int64], classes: int) -> Points:
    """Class 0 in a disc, class 1 in the ring around it."""
    n = len(label)
    radius = np.where(label == 0, 0.5 * np.sqrt(random.random(n)), random.uniform(0.75, 1.0, n))
    return _polar(radius, random.uniform(0.0, 2 * np.pi, n))


def xor(random: Random, label: NDArray[np.int64], classes: int) -> Points:
    """Class 1 where exactly one of the two numbers is above 0; a gap lies between the squares."""
    n = len(label)
    right = random.integers(0, 2, n)
    signs = np.stack([2 * right - 1, 2 * (right ^ label) - 1], axis=1)
    return signs * random.uniform(0.1, 1.0, (n, 2))


def gaussians(random: Random, label: NDArray[np.int64], classes: int) -> Points:
    """Round heaps whose centres lie evenly on a circle."""
    centres = _polar(np.ones(len(label)), 2 * np.pi * label / classes)
    return centres + random.normal(0.0, 0.15, (len(label), 2))


def spiral(random: Random, label: NDArray[np.int64], classes: int) -> Points:
    """Arms that wind once and a half around the middle."""
    along = np.sqrt(random.random(len(label)))
    return _polar(0.05 + 0.95 * along, 2 * np.pi * (1.5 * along + label / classes))


def moons(random: Random, label: NDArray[np.int64], classes: int) -> Points:
    """Two half circles that reach into each other."""
    angle = random.uniform(0.0, np.pi, len(label))
    upper = _polar(np.ones(len(label)), angle)
    return np.where(label[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)


def plane(points: Points) -> NDArray[np.float64]:
    """Return a value that rises evenly: one neuron without an activation gives it."""
    return points[:, 0] + 0.5 * points[:, 1]


def bumps(points: Points) -> NDArray[np.float64]:
    """Return the height over two hills and two hollows."""
    heights = [
        height * np.exp(-((points[:, 0] - x1) ** 2 + (points[:, 1] - x2) ** 2) / 0.1)
        for x1, x2, height in BUMPS
    ]
    return np.asarray(np.sum(heights, axis=0))


class Toy(NamedTuple):
    """A toy table: how its points are drawn, or how points that are drawn evenly get values."""

    title: str
    points: Callable[[Random, NDArray[np.int64], int], Points] | None
    value: Callable[[Points], NDArray[np.float64]] | None = None
    most_classes: int = 2


TOYS: dict[str, Toy] = {
    "moons": Toy("two moons", moons),
    "circle": Toy("a disc in a ring", circle),
    "xor": Toy("exclusive or", xor),
    "gaussians": Toy("heaps", gaussians, most_classes=6),
    "spiral": Toy("spiral", spiral, most_classes=6),
    "plane": Toy("a plane (numbers)", None, plane),
    "bumps": Toy("hills and hollows (numbers)", None, bumps),
}


def toy(name: str, *, rows: int = 300, noise: float = 0.2, seed: int = 0, classes: int = 2) -> Any:
    """Draw a toy table.

    Parameters
    ----------
    name : str
        A name in ``TOYS``.
    rows : int
    noise : float
        The standard deviation of what is added to both coordinates, or to the value. The
        points lie about as far as 1 from the middle.
    seed : int
    classes : int
        Of "gaussians" and "spiral"; the others have two.

    Returns
    -------
    pyarrow.Table
        Columns x1 and x2; and label, text, in even shares, or value, a number.

    Examples
    --------
    >>> table = toy("spiral", rows=6, noise=0.0, classes=3)
    >>> table.column_names, sorted(table["label"].to_pylist())
    (['x1', 'x2', 'label'], ['A', 'A', 'B', 'B', 'C', 'C'])
    >>> plain = toy("plane", rows=3, noise=0.0)
    >>> bool(np.allclose(plain["x1"].to_numpy() + plain["x2"].to_numpy() / 2, plain["value"]))
    True
    """
    import pyarrow as pa

    found = TOYS[name]
    random = np.random.default_rng([seed, list(TOYS).index(name)])
    if found.points is None:
        assert found.value is not None
        points = random.uniform(-1.0, 1.0, (rows, 2))
        value = found.value(points) + noise * random.normal(size=rows)
        return pa.table({"x1": points[:, 0], "x2": points[:, 1], "value": value})
    classes = min(classes, found.most_classes)
    label = random.permutation(np.arange(rows) % classes)
    points = found.points(random, label, classes) + noise * random.normal(size=(rows, 2))
    text = [LETTERS[k] for k in label]
    return pa.table({"x1": points[:, 0], "x2": points[:, 1], "label": text})


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> Points:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
