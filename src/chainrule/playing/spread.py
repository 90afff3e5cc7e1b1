"""How weights, activations and gradients are spread in each layer, and which neurons are ill."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import outputs_of
from chainrule.playing.scene import Scene

BINS = 30
MOST_ILL = 50
SATURATED = 0.95  # of the rows
FLAT = 0.05  # of the greatest slope
SQUASHING = {  # slope from the output, as a share of the greatest
    "sigmoid": lambda a: 4.0 * a * (1.0 - a),
    "tanh": lambda a: 1.0 - a * a,
    "softsign": lambda a: (1.0 - np.abs(a)) ** 2,
}
OFF = ("relu",)  # give exactly 0 where they are off


def spread(
    scene: Scene, theta: NDArray[Any], gradient: NDArray[Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the head's "histograms" and "ill".

    Parameters
    ----------
    scene : Scene
    theta, gradient : ndarray of shape (n_parameters,)
        The parameters, and the gradient of the last step, 0 before the first.
    """
    network = scene.network
    activations = np.split(
        outputs_of(network, theta, scene.prepared.X[scene.looked_at], 1),
        np.cumsum(network.sizes[1:-1]),
        axis=1,
    )
    weights = [W for W, _ in network.layers(theta)]
    slopes = [W for W, _ in network.layers(gradient)] if gradient.any() else []
    found = []
    for what, layers in (("weights", weights), ("activations", activations), ("gradients", slopes)):
        found += [_histogram(l, what, values) for l, values in enumerate(layers, 1)]
    ill: list[dict[str, Any]] = []
    for l, (values, rule) in enumerate(
        zip(activations[:-1], network.activations[:-1], strict=True), 1
    ):
        ill += _ill(l, values, str(rule))
    return found, ill[:MOST_ILL]


def _histogram(layer: int, what: str, values: NDArray[Any]) -> dict[str, Any]:
    """Count values in bins of equal width.

    Examples
    --------
    >>> found = _histogram(1, "weights", np.array([0.0, 1.0, 3.0]))
    >>> found["low"], found["high"], sum(found["counts"]), found["counts"][0]
    (0.0, 3.0, 3, 1)
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if high <= low:
        margin = abs(low) * 0.5 or 0.5
        low, high = low - margin, high + margin
    places = ((known - low) * (BINS / (high - low))).astype(np.intp)
    counts = np.bincount(np.minimum(places, BINS - 1), minlength=BINS)
    return {"layer": layer, "what": what, "low": low, "high": high, "counts": counts.tolist()}


def _ill(layer: int, values: NDArray[Any], rule: str) -> list[dict[str, Any]]:
    """Return which neurons of a hidden layer hardly learn, and why.

    Examples
    --------
    >>> [found["text"] for found in _ill(1, np.array([[0.0, 1.0], [0.0, 0.5]]), "relu")]
    ['Neuron 1 of hidden layer 1 is dead: its relu is off on all 2 rows looked at, so ...']
    """
    n = len(values)
    if rule in OFF:
        return [
            _said(
                layer, k, "dead",
                f"its {rule} is off on all {n} rows looked at, so no gradient reaches its weights",
            )
            for k in np.flatnonzero((values <= 0.0).all(axis=0))
        ]  # fmt: skip
    if rule not in SQUASHING:
        return []
    share = (SQUASHING[rule](values) < FLAT).mean(axis=0)
    return [
        _said(
            layer, k, "saturated",
            f"on {100 * share[k]:.0f} % of the rows its {rule} is at one of its ends, where it is "
            "nearly flat, so it hardly learns",
        )
        for k in np.flatnonzero(share > SATURATED)
    ]  # fmt: skip


def _said(layer: int, place: Any, what: str, why: str) -> dict[str, Any]:
    neuron = int(place) + 1
    text = f"Neuron {neuron} of hidden layer {layer} is {what}: {why}"
    return {"layer": layer, "neuron": neuron, "what": what, "text": text}
