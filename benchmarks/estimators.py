"""Time whole calls of the estimators beside scikit-learn's, same data, same settings.

    python benchmarks/estimators.py

One thread each. Both classes train the same weights (the same ``random_state``), so the
work is the same; they take turns, and the ratio is the median of neighbouring turns.
"""

from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import sklearn.neural_network as sklearns
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning

import chainrule

TURNS = 5
CASES: list[tuple[str, Any, dict[str, Any], float]] = [
    (
        "1,000 x 10, (16,)",
        make_classification(1000, 10, random_state=0),
        {"hidden_layer_sizes": (16,), "max_iter": 100},
        10,
    ),
    (
        "20,000 x 20, (32, 32), batch 32",
        make_classification(20_000, 20, random_state=0),
        {"hidden_layer_sizes": (32, 32), "batch_size": 32, "max_iter": 5},
        12,
    ),
    (
        "digits, (100,)",
        load_digits(return_X_y=True),
        {"hidden_layer_sizes": (100,), "max_iter": 30},
        2.5,
    ),
]


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def repeat(call: Callable[[Any], Any], argument: Any) -> None:
    """Call a hundred times."""
    for _ in range(100):
        call(argument)


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Time two calls in turns; return the medians and the median ratio."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(TURNS)]
    mine, other = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(mine), statistics.median(other), ratio


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| what | ours, ms | scikit-learn, ms | ratio | to reach |\n|---|---|---|---|---|")
    for what, (X, y), settings, target in CASES:
        models = [
            package.MLPClassifier(**settings, tol=0.0, random_state=0)
            for package in (chainrule, sklearns)
        ]
        a, b, ratio = compare(*[partial(m.fit, X, y) for m in models])
        print(f"| fit, {what} | {1e3 * a:.1f} | {1e3 * b:.1f} | {ratio:.1f} | {target} |")
        a, b, ratio = compare(*[partial(repeat, m.predict, X[:1]) for m in models])
        print(f"| predict a row, {what} | {10 * a:.3f} | {10 * b:.3f} | {ratio:.1f} | 10 |")


if __name__ == "__main__":
    main()
