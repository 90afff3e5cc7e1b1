"""What does not show in one gradient: arrays that change, sums that pile up, whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.checking import cases
from chainrule.checking.judging import Judged, is_right, l2_of, traced
from chainrule.checking.matching import close
from chainrule.checking.roles import is_gradient, parameter_of
from chainrule.checking.running import Run
from chainrule.checking.sources import Place
from chainrule.checking.tracing import Trace

OF_SHAPES = {"broadcast", "transpose_missing", "bias_not_summed", "bias_summed_over_neurons",
             "input_of_wrong_layer", "mean_missing", "integer_arithmetic"}  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """A mistake of the catalogue that stands in no layer, and what is to be said of it."""

    name: str
    words: str
    gone: Callable[[Any], bool] | None = None  # says of a changed program whether it is gone
    place: Place | None = None
    equation: str = ""  # in the place of the catalogue's
    instead: str = ""


def effects(program: Any, judged: Judged) -> list[Effect]:
    """Return the mistakes that show only beside the gradient, or in a second call."""
    found = []
    changed = sorted({name for run in judged.runs for name in run.changed})
    changed = changed or _changed_otherwise(program, judged)
    if judged.runs[0].updated:
        changed = [name for name in changed if program.roles.get(name) in ("x", "y")]
    if changed:
        still = _runs(judged, lambda run: len(run.changed) < len(changed))
        found.append(Effect("changes_arguments", f"it changes {' and '.join(changed)}", still))
    named = {finding.variant.name for finding in judged.findings or ()}
    if judged.runs[0].grows and judged.findings is not None and not named & OF_SHAPES:
        fits = _runs(judged, lambda run: not run.grows and is_right([run], judged.reduction))
        trace = traced(program, judged)
        found.append(_grown(program, judged.runs[0], trace, fits))
    found += _flat_sample(program, judged)
    piled, kept = _twice(program, judged)
    if piled:
        once = "a second call gives twice the first"
        alone = _runs(judged, lambda run: is_right([run], judged.reduction))

        def gone(other: Any) -> bool:
            doubled, same = _twice(other, judged)
            return doubled < piled and same > kept and alone(other)

        found.append(Effect("gradients_accumulated", once, gone if not judged.findings else None))
    if (
        judged.findings is not None
        and not changed
        and not any("integer" in f.variant.name for f in judged.findings or ())
    ):
        cut = _whole_numbers(program, judged)
        as_right = _runs(judged, lambda run: True)
        whole = lambda other: as_right(other) and not _whole_numbers(other, judged)  # noqa: E731
        found += [Effect("integer_arithmetic", cut, whole)] if cut else []
    return found


def _changed_otherwise(program: Any, judged: Judged) -> list[str]:
    """Return what is changed in place where targets are handed over in another shape."""
    for targets in ("matrix", "flat"):
        shapes = replace(judged.way.shapes, targets=targets)
        if shapes == judged.way.shapes or program.network.sizes[-1] > 1:
            continue
        try:
            run = program.run(judged.runs[0].case, replace(judged.way, shapes=shapes))
        except (Exception, SystemExit):
            continue
        if run.changed and all(close(b, a, 1e-7) for a, b in _parts(judged.runs[0], run)):
            return list(run.changed)
    return []


def _runs(judged: Judged, good: Callable[[Run], bool]) -> Callable[[Any], bool]:
    def gone(other: Any) -> bool:
        again = (other.run(run.case, judged.way) for run in judged.runs)
        return all(
            good(run) and _alike(run, old, judged)
            for run, old in zip(again, judged.runs, strict=True)
        )

    return gone


def _alike(run: Run, old: Run, judged: Judged) -> bool:
    """Say whether a changed program still computes the same gradients, where shapes allow it."""
    return bool(run.grows or old.grows) or all(close(b, a, 1e-7) for a, b in _parts(old, run))


def _flat_sample(program: Any, judged: Judged) -> list[Effect]:
    """Say what becomes of one sample of shape (n_in,), where the code is right for (n_in, 1)."""
    if judged.way.shapes.samples not in ("column", "row") or judged.findings:
        return []
    way = replace(judged.way, shapes=replace(judged.way.shapes, samples="one", targets="flat"))
    case = judged.runs[0].case
    program.trace = trace = Trace(program.files())
    try:
        run = program.run(case, way)
    except (Exception, SystemExit):
        return []
    finally:
        program.trace = None

    def gone(other: Any) -> bool:
        runs = other.run(case, way), other.run(case, judged.way)
        return not any(run.grows for run in runs) and is_right(runs, judged.reduction)

    return [_grown(program, run, trace, gone)] if run.grows else []


def _grown(program: Any, run: Run, trace: Trace, gone: Callable[[Any], bool]) -> Effect:
    """Say in the code's own names which gradient has not the shape of its parameter."""
    x = next((name for name, role in program.roles.items() if role == "x"), "x")
    told = [f"for {x} of shape {_shape(trace, x)} "] if _shape(trace, x) else []
    for name in run.grows:
        own = [v for v in trace.values if parameter_of(v.name) and is_gradient(v.name)]
        own = [v for v in own if _speaks_of(v.name, name[1:], len(run.gradients))]
        parameter = [v for v in trace.values if not is_gradient(v.name)
                     and _speaks_of(v.name, name[1:], len(run.gradients))]  # fmt: skip
        if own and parameter:
            shapes = parameter[0].numbers.shape, own[0].numbers.shape
            together = np.broadcast_shapes(*shapes)
            told.append(
                f"{parameter[0].name} has the shape {shapes[0]} and {own[0].name} {shapes[1]}, "
                f"and NumPy makes an array of {together} of the two"
            )
            break
    else:
        told.append(
            f"{' and '.join(run.grows)} not of the shape of what the step subtracts from, and "
            "NumPy makes a larger array of the two"
        )
    l = run.grows[0][1:]
    equation, instead = f"d{l} of the shape of {l}", f"{l} - rate * d{l} of a larger shape"
    return Effect("broadcast", "".join(told), gone, None, equation, instead)


def _shape(trace: Trace, name: str) -> tuple[int, ...] | None:
    return next((v.numbers.shape for v in trace.values if v.name == name), None)


def _speaks_of(name: str, parameter: str, depth: int) -> bool:
    kind = parameter_of(name.removeprefix("self."))
    return kind is not None and kind[0] == parameter[0] and (
        str(kind[1]) == parameter[1:] or (kind[1] is None and depth == 1)
    )  # fmt: skip


def _twice(program: Any, judged: Judged) -> tuple[int, int]:
    """Return how many gradients a second pass through the same code doubles, and leaves."""
    if judged.runs[0].updated:
        return 0, 0
    try:
        first = program.run(judged.runs[0].case, judged.way)
        second = program.run(judged.runs[0].case, judged.way, passes=2)
    except (Exception, SystemExit):
        return 0, 0
    pairs = [(a, b) for a, b in _parts(first, second) if np.abs(a).max(initial=0.0) > 1e-9]
    doubled = sum(close(b, 2.0 * a, 1e-9) for a, b in pairs)
    return doubled, sum(close(b, a, 1e-9) for a, b in pairs)


def _parts(one: Run, other: Run) -> Any:
    for l in one.gradients:
        for a, b in zip(one.gradients[l], other.gradients[l], strict=True):
            if a is not None and b is not None and a.shape == b.shape:
                yield a, b


def _whole_numbers(program: Any, judged: Judged) -> str:
    """Say what is wrong with arrays of integers, which hold the same numbers as those of floats."""
    shapes = judged.way.shapes
    if program.network.loss == "cross_entropy" and shapes.targets == "labels":
        return ""
    m = len(judged.runs[0].case.X)
    case = cases.make(program.network, m, (9, *program.network.sizes), l2_of(program), whole=True)
    try:
        plain = program.run(case, judged.way)
    except (Exception, SystemExit):
        return ""
    try:
        whole = program.run(case, replace(judged.way, shapes=replace(shapes, whole=True)))
    except (Exception, SystemExit) as error:
        return f"given arrays of integers, it fails: {type(error).__name__}: {error}"
    if all(close(b, a, 1e-6) for a, b in _parts(plain, whole)):
        return ""
    return "given the same numbers as arrays of integers, it computes something else"
