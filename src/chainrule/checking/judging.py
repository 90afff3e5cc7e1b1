"""Judge a piece of code: find its convention, then what is wrong with it, if anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.checking import cases
from chainrule.checking.matching import Finding, Gradients, Seen, find
from chainrule.checking.programs import Run, Way
from chainrule.checking.steps import pass_of
from chainrule.network import Network

SAMPLES = (5, 7, 4)
SINGLE = 1e-3  # tolerance for code that computes in float32
DOUBLE = 1e-7
L2 = 0.3


@dataclass(frozen=True)
class Reduction:
    """How the code scales its gradients: the mean or the sum, times a factor."""

    words: str
    factor: float
    summed: bool


@dataclass
class Judged:
    """One way to call the code, and what was found wrong under it."""

    way: Way
    runs: list[Run]
    reduction: Reduction
    findings: list[Finding] | None  # None: wrong, and nothing explains it

    @property
    def cost(self) -> tuple[int, int]:
        """What speaks against this way of calling: mistakes, then shapes that do not fit."""
        grows = len(self.runs[0].grows)
        mistakes = 99 if self.findings is None else len(self.findings)
        return (mistakes + (1 if grows and mistakes == 0 else 0), grows)


def runs_of(way: Way, network: Network, l2: float, salt: int = 0) -> list[Run]:
    """Run the code at some cases; what the code raises passes through."""
    samples = (1, 1, 1) if way.shapes.samples == "one" else SAMPLES
    return [
        way.call(cases.make(network, m, (salt, k, *network.sizes), l2))
        for k, m in enumerate(samples)
    ]


def reductions(runs: Sequence[Run]) -> list[Reduction]:
    """Return the scales that the code may use; the loss, where it gives one, tells."""
    mean, total = Reduction("mean over the samples", 1.0, False), Reduction("sum", 1.0, True)
    told = [_told_by_loss(run) for run in runs]
    if all(each is not None for each in told) and len(set(told)) == 1:
        assert told[0] is not None
        return [told[0]]
    return [mean] if all(len(run.case.X) == 1 for run in runs) else [mean, total]


def _told_by_loss(run: Run) -> Reduction | None:
    if run.loss is None:
        return None
    case = run.case
    m, k = len(case.X), case.network.sizes[-1]
    total = pass_of(case).loss
    penalty = case.l2 / 2 * sum(float((W * W).sum()) for W, _ in case.layers)
    for summed, words in ((False, "mean over the samples"), (True, "sum over the samples")):
        data = total if summed else total / m
        for factor, how in ((1.0, ""), (2.0, "twice the "), (1 / k, ""), (2 / k, "twice the ")):
            for loss in {data * factor, (data + penalty) * factor, data * factor + penalty}:
                if abs(run.loss - loss) <= 1e-5 * abs(loss):
                    outputs = " and the outputs" if factor in (1 / k, 2 / k) and k > 1 else ""
                    return Reduction(f"{how}{words}{outputs}", factor, summed)
    return None


def seen_by(runs: Sequence[Run], reduction: Reduction) -> list[Seen]:
    """Return runs as the search takes them."""
    seen = []
    for run in runs:
        scaled: Gradients = {
            l: tuple(None if part is None else part / reduction.factor for part in pair)  # type: ignore[misc]
            for l, pair in run.gradients.items()
        }
        share = 1.0 if reduction.summed else 1.0 / len(run.case.X)
        tolerance = SINGLE if run.single else DOUBLE
        seen.append(Seen(pass_of(run.case), scaled, share, tolerance, run.updated))
    return seen


def is_right(runs: Sequence[Run], reduction: Reduction) -> bool:
    """Say whether all gradients are the exact ones."""
    return not any(each.wrong for each in seen_by(runs, reduction))


def judged(way: Way, runs: list[Run], pairs: bool = True) -> Judged:
    """Return what is wrong under one way to call the code."""
    best: Judged | None = None
    for reduction in reductions(runs):
        found = find(seen_by(runs, reduction), updates=runs[0].updated, pairs=pairs)
        one = Judged(way, runs, reduction, found)
        if best is None or one.cost < best.cost:
            best = one
    assert best is not None
    return best


def precision(runs: Sequence[Run], reduction: Reduction) -> float:
    """Return the largest error of a gradient, relative to the largest number in it."""
    worst = 0.0
    for each in seen_by(runs, reduction):
        for l, _, dW, db in each.run.backward({}, each.share):
            for theirs, ours in zip(each.gradients[l], (dW, db), strict=True):
                if theirs is not None:
                    scale = max(float(np.abs(ours).max()), 1e-3)
                    worst = max(worst, float(np.abs(theirs - ours).max()) / scale)
    return worst
