"""Find the convention of a learner's code by trying, and the mistakes in its gradients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.checking import cases
from chainrule.checking.matching import Finding, Gradients, Seen, find
from chainrule.checking.packing import SINGLE as ONE
from chainrule.checking.roles import role_of
from chainrule.checking.running import Run, Way
from chainrule.checking.sources import family, source_of
from chainrule.checking.steps import Case, pass_of
from chainrule.checking.tracing import Trace
from chainrule.network import Network

SAMPLES = (5, 7, 4)
SINGLE = 1e-3  # tolerance for code that computes in float32
DOUBLE = 1e-7
L2 = 0.3
Error = tuple[Way, BaseException]


@dataclass(frozen=True)
class Reduction:
    """How the code scales its gradients: the mean or the sum, times a factor."""

    words: str
    factor: float
    summed: bool
    penalty: float = 1.0  # of l2 W, for code whose loss has another convention of it
    note: str = ""
    averaged: bool = False  # whether the penalty is divided by the number of samples


@dataclass
class Judged:
    """One way to call the code, and what was found wrong under it."""

    way: Way
    runs: list[Run]
    reduction: Reduction
    findings: list[Finding] | None  # None: wrong, and nothing explains it
    forward: int = 0  # how many quantities of the forward pass came up as they should
    others: list[Judged] = field(default_factory=list)  # that fit as well

    @property
    def cost(self) -> tuple[int, int]:
        """What speaks against this way of calling: mistakes, then shapes that do not fit."""
        grows = len(self.runs[0].grows)
        mistakes = 99 if self.findings is None else len(self.findings)
        return (mistakes + (1 if grows and mistakes == 0 else 0), grows)


def samples_of(network: Network, l2: float, way: Way, salt: int = 0) -> list[Case]:
    """Return the cases at which a way to call the code is tried first."""
    samples = (1, 1, 1) if way.shapes.samples in ONE else SAMPLES
    return [
        cases.make(network, m, (salt, k, *network.sizes), l2, way.shapes.whole)
        for k, m in enumerate(samples)
    ]


def l2_of(program: Any) -> float:
    """Return the penalty that a program is run with: none where it takes none."""
    return L2 if "l2" in program.roles.values() else 0.0


def runs_of(program: Any, way: Way, salt: int = 0) -> list[Run]:
    """Run the code at some cases; what the code raises passes through."""
    return [
        program.run(case, way) for case in samples_of(program.network, l2_of(program), way, salt)
    ]


def judge(program: Any, pairs: bool = True) -> tuple[Judged | None, list[Error]]:
    """Return the likeliest way to call the code and what is wrong under it, and what it raised.

    A matrix of one sample comes last: what is wrong for several may be right for one.
    """
    errors: list[Error] = []
    ways = list(program.ways())
    several = [way for way in ways if way.shapes.samples not in ("column", "row")]
    best = _judge(program, several, errors, pairs)
    if best is not None and (
        (best.findings == [] and not best.runs[0].grows)
        or (best.findings and (not best.runs[0].grows or _knows_of_samples(program)))
    ):
        return best, errors
    if best is None or best.runs[0].grows:
        alone = _judge(program, [way for way in ways if way not in several], errors, pairs)
        if best is None or (alone is not None and alone.cost < best.cost):
            return alone, errors
    elif best.findings is None and best.runs[0].updated:  # it may step after each sample
        alone = _judge(program, [way for way in ways if way not in several], errors, False)
        if alone is not None and alone.cost == (0, 0):
            return alone, errors
    return best, errors


def _knows_of_samples(program: Any) -> bool:
    """Say whether code sums over samples, or counts them: it is then not for one alone."""
    inputs = "|".join(n for n, role in program.roles.items() if role in ("x", "y")) or "x"
    text = "\n".join(source_of(thing).plain for _, thing in family(program.thing))
    pattern = rf"axis\s*=|\bsum\(|\bmean\(|/\s*m\b|len\(({inputs})\)|\b({inputs})\.shape"
    return re.search(pattern, text) is not None


def _judge(program: Any, ways: list[Way], errors: list[Error], pairs: bool) -> Judged | None:
    waiting: list[Judged] = []
    seen: dict[Any, Way] = {}
    for way in ways:
        try:
            runs = runs_of(program, way)
        except (Exception, SystemExit) as error:  # a learner's code may raise anything
            errors.append((way, error))
            continue
        for reduction in reductions(runs, program.guessed):
            if not runs[0].grows and is_right(runs, reduction):
                return Judged(way, runs, reduction, [])
        mark = _mark_of(runs[0])
        if mark not in seen:
            seen[mark] = way
            waiting.append(Judged(way, runs, reductions(runs)[0], None))
    return _best(program, waiting, pairs) if waiting else None


def _mark_of(run: Run) -> Any:
    arrays = [part for pair in run.gradients.values() for part in pair if part is not None]
    drawn = [W.tobytes() for W, _ in run.case.layers]
    return (tuple((a.shape, f"{np.sum(a):.9g}") for a in arrays), *run.grows, *drawn)


def _best(program: Any, waiting: list[Judged], pairs: bool) -> Judged:
    """Return the way under which the fewest mistakes explain what was computed."""
    for each in waiting:
        each.forward = forward_seen(program, each)
        _tell_loss(program, each)
    most = max(each.forward for each in waiting)
    waiting = [each for each in waiting if each.forward == most]
    best = min((judged(each, pairs=False) for each in waiting), key=lambda j: j.cost)
    if best.findings is not None or not pairs:
        return _with_others(best, [judged(each, pairs=False) for each in waiting])
    fewest = min(len(each.runs[0].grows) for each in waiting)
    tries = [each for each in waiting if len(each.runs[0].grows) == fewest][:3]
    both = [judged(each) for each in tries]
    return _with_others(min(both, key=lambda j: j.cost), both)


def _with_others(best: Judged, every: list[Judged]) -> Judged:
    """Note the other ways that fit as well, and by other mistakes."""

    def names(each: Judged) -> list[str]:
        return [f"{f.variant.name} {f.variant.layers}" for f in each.findings or ()]

    if best.findings:
        best.others = [
            each for each in every if each.cost == best.cost and names(each) != names(best)
        ]
    return best


def _tell_loss(program: Any, each: Judged) -> None:
    """Note the loss that the code computes and keeps to itself: its gradients belong to it."""
    if each.runs[0].loss is not None:
        return
    for run in each.runs:
        alone = Judged(each.way, [run], each.reduction, None)
        values = traced(program, alone).values
        losses = [
            float(value.numbers.ravel()[0])
            for value in values
            if value.numbers.size == 1 and role_of(value.name) == "loss" and len(value.name) > 1
        ]
        told = [loss for loss in losses if told_by_loss(replace(run, loss=loss))]
        if not told:
            break
        run.loss = told[-1]


def forward_seen(program: Any, each: Judged) -> int:
    """Count the quantities of the exact forward pass that come up as the code runs."""
    trace = traced(program, each)
    run = pass_of(each.runs[0].case)
    held = [trace.holds(Z) or trace.holds(A) for Z, A in zip(run.Z[1:], run.A[1:], strict=True)]
    return sum(held)


def traced(program: Any, each: Judged, stops: Sequence[int] = ()) -> Trace:
    """Return all that the code computes at the first case, and the names at some lines."""
    program.trace = trace = Trace(program.files(), stops={line: {} for line in stops})
    try:
        program.run(each.runs[0].case, each.way)
    except (Exception, SystemExit):
        pass
    finally:
        program.trace = None
    return trace


TWICE = "The gradients are those of the loss (A - Y)^2, without the half."


def reductions(runs: Sequence[Run], guessed: bool = False) -> list[Reduction]:
    """Return the scales that the code may use; the loss, where it gives one, tells.

    Where the loss was guessed, that of squares may lack its half.
    """
    mean, total = (
        Reduction("mean over the samples", 1.0, False),
        Reduction("sum over the samples", 1.0, True),
    )
    told = [told_by_loss(run) for run in runs]
    if told[0] is None or len({each and each.words for each in told}) > 1:
        options = [mean] if all(len(run.case.X) == 1 for run in runs) else [mean, total]
        if guessed and runs[0].case.network.loss == "half_squared_error":
            twice = [(f"twice the {option.words}", option.summed) for option in options]
            options += [Reduction(words, 2.0, summed, note=TWICE) for words, summed in twice]
        return options
    found = [told[0]]
    if told[0].factor == 2.0:
        halved = "loss_without_half" if runs[0].case.network.loss == "half_squared_error" else ""
        words = total.words if told[0].summed else mean.words
        found.append(Reduction(words, 1.0, told[0].summed, told[0].penalty, halved))
    if told[0].summed:
        note = "The loss that it returns is a sum over the samples; its gradients are means."
        found.append(Reduction(mean.words, 1.0, False, 1.0, note))
    return found


def told_by_loss(run: Run) -> Reduction | None:
    """Return the scale of the loss that the code returned, or None where that is another."""
    if run.loss is None:
        return None
    case = run.case
    m, k = len(case.X), case.network.sizes[-1]
    total = pass_of(case).loss
    squares = case.l2 / 2 * sum(float((W * W).sum()) for W, _ in case.layers)
    penalties = {1.0: squares, 1.0 / m: squares / m, 2.0: 2.0 * squares} if case.l2 else {1.0: 0.0}
    for summed, words in ((False, "mean over the samples"), (True, "sum over the samples")):
        data = total if summed else total / m
        for factor, how in ((1.0, ""), (2.0, "twice the "), (1 / k, ""), (2 / k, "twice the ")):
            outputs = " and the outputs" if factor in (1 / k, 2 / k) and k > 1 else ""
            for power, penalty in penalties.items():
                for loss in (data * factor, data * factor + penalty):
                    if abs(run.loss - loss) <= 1e-6 * abs(loss):
                        told = f"{how}{words}{outputs}"
                        if loss == data * factor:
                            return Reduction(told, factor, summed)
                        if power == 1.0 / m and m > 1:  # another number for every m
                            return Reduction(told, factor, summed, averaged=True)
                        return Reduction(told, factor, summed, power / factor)
    return None


def seen_by(runs: Sequence[Run], reduction: Reduction) -> list[Seen]:
    """Return runs as the search takes them."""
    seen = []
    for run in runs:
        scaled: Gradients = {
            l: tuple(None if part is None else part / reduction.factor for part in pair)  # type: ignore[misc]
            for l, pair in run.gradients.items()
        }
        case = run.case
        penalty = 1.0 / len(case.X) if reduction.averaged else reduction.penalty
        if (case.l2 and penalty != 1.0) or reduction.factor != 1.0:
            l2, rate = case.l2 * penalty, case.rate * reduction.factor
            case = _rescaled(case, l2, rate)
        share = 1.0 if reduction.summed else 1.0 / len(case.X)
        tolerance = SINGLE if run.single else DOUBLE
        seen.append(Seen(pass_of(case), scaled, share, tolerance, run.updated))
    return seen


@lru_cache(maxsize=64)
def _rescaled(case: Case, l2: float, rate: float) -> Case:
    return Case(case.network, case.layers, case.X, case.Y, l2, rate)


def is_right(runs: Sequence[Run], reduction: Reduction) -> bool:
    """Say whether all gradients are the exact ones."""
    return not any(each.wrong for each in seen_by(runs, reduction))


def judged(each: Judged, pairs: bool = True) -> Judged:
    """Return what is wrong under one way to call the code."""
    best: Judged | None = None
    options = reductions(each.runs)
    if pairs and len(options) > 1:
        right = [_right_parts(each.runs, option) for option in options]
        options = [o for o, parts in zip(options, right, strict=True) if parts >= right[0]]
    for reduction in options:
        seen = seen_by(each.runs, reduction)
        found = find(seen, updates=each.runs[0].updated, pairs=pairs)
        if found and each.runs[0].loss is None:
            depth = len(each.runs[0].case.layers)
            found, reduction = _of_another_penalty(found, reduction, depth)
        one = Judged(each.way, each.runs, reduction, found, each.forward)
        if best is None or one.cost < best.cost:
            best = one
    assert best is not None
    return best


def _of_another_penalty(
    found: list[Finding], reduction: Reduction, depth: int
) -> tuple[list[Finding], Reduction]:
    """Take a penalty that is of another form in all layers alike for what it is."""
    variant = found[0].variant
    layers = variant.layers
    if len(found) > 1 or depth < 2 or layers != tuple(range(1, depth + 1)):
        return found, reduction
    if variant.name == "penalty_averaged":
        note = "The penalty is that of a loss with l2 / (2 m) times the squared weights."
        return [], replace(reduction, note=note, averaged=True)
    if variant.name == "factor_two" and variant.slots == ("penalty_W",):
        note = "The penalty is that of a loss with l2 times the squared weights, without a half."
        return [], replace(reduction, note=note, penalty=2.0)
    return found, reduction


def _right_parts(runs: Sequence[Run], reduction: Reduction) -> int:
    seen = seen_by(runs, reduction)[0]
    rows = list(seen.run.backward({}, seen.share))
    return sum(seen.fits(0, l, dW) + seen.fits(1, l, db) for l, _, dW, db in rows)


def precision(runs: Sequence[Run], reduction: Reduction) -> float:
    """Return the largest error of a gradient, relative to the largest number in it."""
    worst = 0.0
    for each in seen_by(runs, reduction):
        for l, _, dW, db in each.run.backward({}, each.share):
            for theirs, ours in zip(each.gradients[l], (dW, db), strict=True):
                if theirs is not None and theirs.shape == ours.shape:
                    scale = max(float(np.abs(ours).max()), 1e-3)
                    worst = max(worst, float(np.abs(theirs - ours).max()) / scale)
    return worst
