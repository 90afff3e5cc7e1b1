"""The conventions of learners' code: how a case is handed over, and how gradients come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.ruled import Array
from chainrule.network import Network

WEIGHTS = {"in_out": "(n_in, n_out)", "out_in": "(n_out, n_in)", "flat": "(n_in,)"}
SAMPLES = {
    "rows": "rows",
    "columns": "columns",
    "one": "one at a time, x of shape (n_in,)",
    "column": "one at a time, x of shape (n_in, 1)",
    "row": "one at a time, x of shape (1, n_in)",
}
ONE_IN_A_LIST = "nested"  # an array of one sample, which is (n_in, 1), for loops over samples
SINGLE = ("one", "column", "row", ONE_IN_A_LIST)
TARGETS = {"matrix": "", "flat": "y of shape (m,)", "labels": "y as class numbers"}
BIASES = {"flat": "(n,)", "row": "(1, n)", "column": "(n, 1)", "number": "a number"}


@dataclass(frozen=True)
class Shapes:
    """One way to lay out weights, samples, targets and biases."""

    weights: str
    samples: str
    targets: str
    biases: str
    lists: bool = False  # nested Python lists in place of arrays
    whole: bool = False  # inputs and targets as arrays of integers

    def __str__(self) -> str:
        samples = SAMPLES.get(self.samples, "one at a time, x of shape (1, n_in, 1)")
        words = [f"weights {WEIGHTS[self.weights]}"]
        words.append(f"samples {samples}" if self.samples in SINGLE else f"samples as {samples}")
        if self.targets == "flat" and self.samples in SINGLE:
            words.append("y a number")
        elif TARGETS[self.targets]:
            words.append(TARGETS[self.targets])
        words += [f"biases {BIASES[self.biases]}"] if self.biases != "flat" else []
        return ", ".join(words)

    def weight(self, W: Array) -> Any:
        """Lay out a W (n_in, n_out)."""
        laid = W.T if self.weights == "out_in" else W.ravel() if self.weights == "flat" else W
        return self._given(laid)

    def bias(self, b: Array) -> Any:
        """Lay out a b (n_out,)."""
        if self.biases == "number":
            return float(b[0])
        shapes = {"flat": (-1,), "row": (1, -1), "column": (-1, 1)}
        return self._given(b.reshape(shapes[self.biases]))

    def inputs(self, X: Array) -> Any:
        """Lay out samples (m, n_in)."""
        X = X.astype(int) if self.whole else X
        return self._given(_laid(X, self.samples))

    def outputs(self, Y: Array) -> Any:
        """Lay out targets (m, n_out)."""
        Y = Y.astype(int) if self.whole else Y
        if self.targets == "labels":
            labels = Y.argmax(axis=1)
            return int(labels[0]) if self.samples in SINGLE else self._given(labels)
        if self.targets == "flat" and self.samples in SINGLE:
            return Y[0, 0].item()
        return self._given(Y.ravel() if self.targets == "flat" else _laid(Y, self.samples))

    def _given(self, array: Array) -> Any:
        array = np.array(array)  # a copy, in the order that its shape says
        return array.tolist() if self.lists else array

    def weight_back(self, dW: Any, like: Array) -> tuple[Array, bool]:
        """Return a gradient as (n_in, n_out), and whether subtracting it changes W's shape."""
        raw, laid = np.asarray(dW, dtype=float), np.asarray(self.weight(like))
        grows = _grows(laid, raw)
        if raw.size == laid.size and raw.ndim != laid.ndim:
            raw = raw.reshape(laid.shape)
        if self.weights == "flat" and raw.ndim == 1:
            raw = raw.reshape(-1, 1)
        return (raw.T if self.weights == "out_in" and raw.ndim == 2 else raw), grows

    def bias_back(self, db: Any, like: Array) -> tuple[Array, bool]:
        """Return a gradient as (n_out,), and whether subtracting it changes b's shape."""
        raw, laid = np.asarray(db, dtype=float), np.asarray(self.bias(like))
        grows = self.biases != "number" and _grows(laid, raw)
        if raw.size == like.size:
            return raw.ravel(), grows
        if raw.ndim == 2 and self.samples in ("columns", "column"):
            raw = raw.T
        return (raw.ravel() if raw.ndim == 2 and 1 in raw.shape else raw), grows


def _laid(rows: Array, samples: str) -> Array:
    """Return samples, or targets, which are rows, as they are handed over."""
    ways = {"columns": rows.T, "column": rows[:1].T, "row": rows[:1], "one": rows[0]}
    ways[ONE_IN_A_LIST] = rows[:1, :, None]
    laid: Array = ways.get(samples, rows)
    return laid


def _grows(old: Array, step: Array) -> bool:
    try:
        return bool(np.broadcast_shapes(old.shape, step.shape) != old.shape)
    except ValueError:
        return True


def layouts(network: Network, hints: dict[str, str]) -> Iterator[Shapes]:
    """Yield the ways to lay things out, the commonest first; hints keep some of them.

    Examples
    --------
    >>> ways = list(layouts(Network((3, 1)), {"samples": "one", "weights": "flat"}))
    >>> print(ways[0])
    weights (n_in,), samples one at a time, x of shape (n_in,), y a number
    """
    one_output, one_layer = network.sizes[-1] == 1, len(network.sizes) == 2
    targets = ["flat", "matrix"] if one_output else ["matrix"]
    if network.loss == "cross_entropy":
        targets.append("labels")
    weights = ["in_out", "out_in"] + (["flat"] if one_output and one_layer else [])
    for samples in SAMPLES:
        biases = ["column", "flat"] if samples in ("columns", "column") else ["flat", "row"]
        if samples == "one":
            biases = ["flat", "column"]
        for lists in (False, True):
            for way in (
                weights if samples not in ("columns", "column") else weights[1::-1] + weights[2:]
            ):
                for bias in biases + (["number"] if one_output and one_layer else []):
                    for target in targets:
                        shapes = Shapes(way, samples, target, bias, lists)
                        if all(
                            getattr(shapes, key, value) == value for key, value in hints.items()
                        ):
                            yield shapes
