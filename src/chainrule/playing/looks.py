"""The prediction over two columns, the small maps of the neurons, and the rows as points.

Each function returns what goes into the head of a frame, and the blocks beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import outputs_of
from chainrule.playing.scene import Axis, Held, Scene
from chainrule.table import in_target_units

MAP_SIZE = 20
MOST_MAPS = 64
WORK = 300_000_000  # multiplications of a surface; then it gets coarser
MOST_INPUTS = 5_000_000  # of all cells: the grids of some surfaces are kept
LEAST_SIZE = 20
BOUNDED = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0),
           "softsign": (-1.0, 1.0)}  # fmt: skip

Blocks = dict[str, NDArray[Any]]


def kind_of(scene: Scene) -> str:
    """Return what a surface shows: a "number", the probability of the second of two classes
    ("binary"), or the likeliest of several ("classes").
    """
    classes = len(scene.prepared.spec.target.classes)
    return {0: "number", 2: "binary"}.get(classes, "classes")


def alike(one: Scene, other: Scene, shown: Iterable[str]) -> bool:
    """Say whether surfaces of two scenes over the columns ``shown`` can be laid side by side.

    They are when both predict the same target and both have these columns.

    Examples
    --------
    >>> from chainrule.playing.choices import Choices
    >>> from chainrule.playing.planning import planned
    >>> from chainrule.playing.sources import shelf
    >>> scenes = [planned(shelf(), {"data": {"source": source}}, Choices()).scene
    ...           for source in ("toy:moons", "toy:circle", "shipped:penguins")]
    >>> [alike(scenes[0], other, ("x1", "x2")) for other in scenes]
    [True, True, False]
    """
    mine, others = one.prepared.spec.target, other.prepared.spec.target
    same = (mine.name, mine.task, mine.classes) == (others.name, others.task, others.classes)
    return same and all(name in other.axes for name in shown)


def predictions(scene: Scene, theta: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
    """Return what ``Model.predict`` or, of classes, ``predict_proba`` gives for inputs.

    Returns
    -------
    ndarray of shape (n,) in the target's units, or (n, K)
    """
    outputs = outputs_of(scene.network, theta, X, len(scene.network.sizes) - 1)
    if kind_of(scene) == "number":
        return in_target_units(scene.prepared.spec, outputs[:, 0].astype(np.float64))
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def surface(
    scene: Scene, theta: NDArray[Any], x: str, y: str, held: Held | None = None, size: int = 100
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Return the prediction over two columns.

    Parameters
    ----------
    scene : Scene
    theta : ndarray of shape (n_parameters,)
    x, y : str
        The columns; unknown ones are replaced by the first two.
    held : mapping of str to float or str, optional
        At which values the other columns are held; default: the mean, or what is most frequent.
    size : int
        Cells each way. A large network gets fewer of them.

    Returns
    -------
    head : dict
        x, y, x_range, y_range, kind and range.
    block : ndarray of uint8, (size, size), or (size, size, 2) for several classes

    Examples
    --------
    >>> import pyarrow as pa
    >>> from chainrule.playing.scene import scene_of
    >>> from chainrule.prepare import prepare
    >>> table = pa.table({"u": [0.0, 1.0, 2.0], "v": [5.0, 3.0, 7.0], "t": [1.0, 2.0, 3.0]})
    >>> prepared = prepare(table, "t", test_size=0.0, hidden_layer_sizes=())
    >>> theta = np.array([1.0, 0.0, 0.0], np.float32)  # t is u + 1
    >>> head, block = surface(scene_of(prepared, table), theta, "u", "v", size=4)
    >>> head["x_range"], head["kind"], [round(v, 3) for v in head["range"]]
    ([-0.1, 2.1], 'number', [1.0, 3.0])
    >>> block[0].tolist(), block[3].tolist()
    ([22, 92, 163, 233], [22, 92, 163, 233])
    """
    across, up = scene.pair(x, y)
    size = affordable(size, scene.network.n_parameters, scene.network.sizes[0])
    given = predictions(scene, theta, scene.grid(x, y, held or {}, size))
    kind = kind_of(scene)
    low, high = 0.0, 1.0
    if kind == "number":
        seen = np.concatenate([scene.target, given[np.isfinite(given)]])
        low, high = float(seen.min()), float(seen.max())
        block = quantised(given, low, high)
    elif kind == "binary":
        block = quantised(given[:, 1], 0.0, 1.0)
    else:
        best = given.argmax(axis=1)
        sure = quantised(given[np.arange(len(given)), best], 0.0, 1.0)
        block = np.stack([best.astype(np.uint8), sure], axis=1)
    head = {
        "x": across.column.name,
        "y": up.column.name,
        "x_range": list(across.range),
        "y_range": list(up.range),
        "kind": kind,
        "range": [low, high],
    }
    return head, block.reshape(size, size, *block.shape[1:])


def affordable(size: int, parameters: int, inputs: int = 1) -> int:
    """Return how many cells each way a surface of a network of this size has.

    Examples
    --------
    >>> affordable(100, 65), affordable(100, 1_000_000), affordable(100, 5001, 5000)
    (100, 20, 31)
    """
    most = min(WORK / parameters, MOST_INPUTS / inputs)
    return min(size, max(LEAST_SIZE, int(most**0.5)))


def quantised(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 0 to 255 between two bounds; what is no number is 0.

    Examples
    --------
    >>> quantised(np.array([0.0, 0.5, 1.0, np.nan]), 0.0, 1.0).tolist()
    [0, 128, 255, 0]
    """
    width = high - low if high > low else 1.0
    steps = (np.asarray(values, np.float64) - low) * (255.0 / width) + 0.5
    return np.clip(np.nan_to_num(steps, nan=0.0), 0.0, 255.0).astype(np.uint8)


def maps(
    scene: Scene, theta: NDArray[Any], x: str, y: str, held: Held | None = None
) -> tuple[dict[str, Any] | None, NDArray[np.uint8] | None]:
    """Return a small map of what each neuron gives over two columns; None for many neurons.

    Layers and neurons count from 1; layer 1 is the first after the inputs.
    """
    network = scene.network
    sizes = network.sizes[1:]
    if sum(sizes) > MOST_MAPS:
        return None, None
    outputs = outputs_of(network, theta, scene.grid(x, y, held or {}, MAP_SIZE), 1).T
    neurons, ranges = [], []
    for layer, (size, name) in enumerate(zip(sizes, network.activations, strict=True), 1):
        neurons += [[layer, k] for k in range(1, size + 1)]
        ranges += [BOUNDED.get(str(name))] * size
    blocks, bounds = [], []
    for found, bound in zip(outputs, ranges, strict=True):
        known = found[np.isfinite(found)]
        low, high = bound or (min(0.0, *_ends(known)), max(0.0, *_ends(known)))
        bounds.append([low, high])
        blocks.append(quantised(found, low, high))
    head = {"neurons": neurons, "ranges": bounds, "size": MAP_SIZE}
    return head, np.stack(blocks).reshape(-1, MAP_SIZE, MAP_SIZE)


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)


def points(scene: Scene, x: str, y: str) -> tuple[dict[str, Any], Blocks]:
    """Return rows of the table as points over two columns, where both have a value.

    Points on a band are spread over it, so that they do not hide one another.
    """
    axes, rows = scene.pair(x, y), scene.points
    random = np.random.default_rng(scene.prepared.settings["seed"])
    places = np.column_stack([_spread(axis, axis.values[rows], random) for axis in axes])
    if axes[0] is axes[1]:  # there is only one column: any height will do
        places[:, 1] = random.uniform(*axes[1].range, len(rows))
    shown = ~np.isnan(places).any(axis=1)
    rows, places = rows[shown], places[shown]
    held = np.isin(rows, scene.prepared.validation)
    blocks = {
        "points_xy": places.astype(np.float32),
        "points_target": scene.target[rows].astype(np.float32),
        "points_part": held.astype(np.uint8),
    }
    return {"count": len(rows), "of": ["train", "validation"]}, blocks


def _spread(axis: Axis, places: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    return places + random.uniform(-0.3, 0.3, len(places)) if axis.bands else places
