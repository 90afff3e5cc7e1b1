"""How good a run is by now: scores, confusion matrices, predicted against actual values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import metrics
from chainrule.ensemble import single
from chainrule.playing.curve import finite
from chainrule.playing.looks import Blocks, predictions
from chainrule.playing.scene import Scene

MOST_CONFUSED = 30  # classes of a confusion matrix
MOST_PAIRS = 500  # of a predicted and an actual value


def scores(scene: Scene, theta: NDArray[Any], step: int) -> tuple[dict[str, Any], Blocks]:
    """Return the head's "metrics", and of numbers the blocks of predicted and actual values.

    Of many rows, or for a large network, only some are scored; "rows" says how many.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from chainrule.playing.scene import scene_of
    >>> from chainrule.prepare import prepare
    >>> table = pa.table({"u": [0.0, 1.0, 2.0, 4.0], "t": ["a", "a", "b", "b"]})
    >>> prepared = prepare(table, "t", test_size=0.0, validation=0.0, hidden_layer_sizes=())
    >>> theta = np.array([1.0, -0.5], np.float32)
    >>> found, _ = scores(scene_of(prepared, table), theta, step=7)
    >>> found["train"]["accuracy"], found["confusion"]["train"], found["validation"]
    (0.75, [[2, 0], [1, 1]], None)
    """
    target = scene.prepared.spec.target
    ensemble = single(scene.network, theta)
    found: dict[str, Any] = {"step": step, "confusion": None, "rows": {}}
    given: dict[str, NDArray[Any]] = {}
    for part, rows in scene.scored.items():
        found["rows"][part] = len(rows)
        found[part] = None
        if not len(rows):
            continue
        X, values = scene.prepared.X[rows], scene.prepared.values[rows]
        with np.errstate(all="ignore"):  # a run that fails has numbers beyond all bounds
            scored = metrics.scores(ensemble, target, X, values)
            given[part] = predictions(scene, theta, X)
        found[part] = {name: finite(score) for name, score in scored.items()}
    if target.task == "regression":
        return found, _pairs(scene, given)
    classes = len(target.classes)
    if classes <= MOST_CONFUSED:
        matrices: dict[str, Any] = dict.fromkeys(scene.scored)
        for part, probabilities in given.items():
            actual = scene.prepared.values[scene.scored[part]].astype(np.int64)
            cells = actual * classes + probabilities.argmax(axis=1)
            counts = np.bincount(cells, minlength=classes**2)
            matrices[part] = counts.reshape(classes, classes).tolist()
        found["confusion"] = {"classes": list(target.classes), **matrices}
    return found, {}


def _pairs(scene: Scene, given: dict[str, NDArray[Any]]) -> Blocks:
    """Return predicted and actual values of some rows, each part in its share."""
    total = sum(map(len, given.values()))
    pairs, parts = [], []
    for number, (part, predicted) in enumerate(given.items()):
        every = max(1, -(-total // MOST_PAIRS))
        actual = scene.target[scene.scored[part]]
        pairs.append(np.column_stack([predicted, actual])[::every])
        parts.append(np.full(len(pairs[-1]), number, np.uint8))
    return {
        "predicted_actual": np.concatenate(pairs)[:MOST_PAIRS].astype(np.float32),
        "predicted_part": np.concatenate(parts)[:MOST_PAIRS],
    }
