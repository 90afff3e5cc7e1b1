"""What a learner's code shows of itself: the loss, and lines of progress."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.checking.effects import Effect
from chainrule.checking.judging import Judged, is_right, told_by_loss
from chainrule.checking.roles import role_of
from chainrule.checking.ruled import Array
from chainrule.checking.sources import Place, family, source_of
from chainrule.checking.steps import Case, pass_of
from chainrule.checking.tracing import Trace

LOSS_WORDS = ("loss", "cost", "error", "mse")
CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class Shown:
    """An expression that a line of progress shows: its text, what stands before it, its value."""

    label: str
    text: str
    value: Array
    line: int


def progress(program: Any, best: Judged, trace: Trace) -> list[Effect]:
    """Return what is wrong with the loss that is shown, and with lines of progress."""
    shown = list(_shown(program, trace))
    found = [effect for effect in (_loss(program, best, trace, shown),) if effect]
    wrong = [*_failed_line(program), *_mixed(best, shown), *_per_cent(program)]
    if wrong:
        lines = prints(program)
        found.append(Effect("progress_line", "; ".join(wrong), place=lines[0] if lines else None))
    return found


def prints(program: Any) -> list[Place]:
    """Return the print statements of the code."""
    found = []
    for source, node in _print_calls(program):
        number = source.first + node.lineno - 1
        found.append(Place(number, source.line(number)))
    return found


def _print_calls(program: Any) -> Iterator[tuple[Any, ast.Expr]]:
    for _, thing in family(getattr(program, "spoken", program).thing):
        source = source_of(thing)
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
                continue
            if isinstance(node.value.func, ast.Name) and node.value.func.id == "print":
                yield source, node


def _shown(program: Any, trace: Trace) -> Iterator[Shown]:
    """Yield what print statements show, with the values at the first time they are reached."""
    for source, node in _print_calls(program):
        line = source.first + node.lineno - 1
        space = trace.stops.get(line)
        if space is None:
            continue
        for label, expression in _expressions(node.value):
            for text, value in _numeric(expression, space):
                yield Shown(label, text, value, line)


def _expressions(call: Any) -> Iterator[tuple[str, ast.expr]]:
    """Yield the expressions that a print shows, each with the words before it."""
    label = ""
    for argument in call.args:
        parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                label = part.value
            elif isinstance(part, ast.FormattedValue):
                yield label, part.value
            else:
                yield label, part


def _numeric(node: ast.expr, space: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield the largest parts of an expression that are numbers."""
    try:
        code = compile(ast.Expression(node), "<shown>", "eval")
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            value = eval(code, space)
        if not isinstance(value, (str, bool)) and callable(value) is False:
            yield ast.unparse(node), np.array(value, dtype=float)
            return
    except (Exception, SystemExit):  # a part may be anything
        pass
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _numeric(child, space)


def _losses(case: Case) -> tuple[Array, list[float]]:
    """Return the loss of each sample, and the ways to tell it as one number."""
    run = pass_of(case)
    outputs = run.Z[-1] if run.fused else run.A[-1]
    if case.network.loss == "cross_entropy":
        return np.zeros(0), [run.loss / len(case.X), run.loss]
    each = run.loss_of(case.network.loss, outputs)[0]
    return each, [run.loss / len(case.X), run.loss]


def _times_loss(value: Array, case: Case) -> float | None:
    """Return by what the loss of a case is multiplied to give these numbers, 1 or 2."""
    each, whole = _losses(case)
    for factor in (1.0, 2.0):
        for one in [each, *map(np.array, whole)]:
            if one.size and one.size == value.size:
                scale = max(float(np.abs(one).max()), 1e-6)
                if np.abs(value.ravel() - factor * one.ravel()).max() <= CLOSE * scale:
                    return factor
    return None


def _loss(program: Any, best: Judged, trace: Trace, shown: list[Shown]) -> Effect | None:
    """Say where the loss that is shown lacks its half."""
    case = best.runs[0].case
    if case.network.loss != "half_squared_error" or best.reduction.factor != 1.0:
        return None
    if best.reduction.note == "loss_without_half":
        way = best.way

        def gone(other: Any) -> bool:
            runs = [other.run(run.case, way) for run in best.runs]
            told = [told_by_loss(run) for run in runs]
            return all(each and each.factor == 1.0 and is_right(runs, each) for each in told)

        return Effect("loss_without_half", "it returns twice the loss of its gradients", gone)
    for each in shown:
        is_loss = any(word in each.label.lower() for word in LOSS_WORDS)
        if is_loss and _times_loss(each.value, case) == 2.0:
            words = f"it shows `{each.text}`, which is twice the loss of its gradients"
            half = f"0.5 * {each.text}"
            return Effect("loss_without_half", words, place=_halved(program, each, half))
    for value in trace.values:
        if role_of(value.name) == "loss" and _times_loss(value.numbers, case) == 2.0:
            source = source_of(program.thing)
            words = f"{value.name} is twice the loss of its gradients"
            return Effect(
                "loss_without_half", words, place=Place(value.line, source.line(value.line))
            )
    return None


def _halved(program: Any, each: Shown, half: str) -> Place:
    """Return the line of a print statement that shows an expression, and it with its half."""
    for source, node in _print_calls(program):
        first = source.first + node.lineno - 1
        if first == each.line:
            last = source.first + (node.end_lineno or node.lineno) - 1
            for number in range(first, last + 1):
                code = source.line(number)
                if each.text in code:
                    return Place(number, code, code.replace(each.text, half))
            return Place(first, source.line(first))
    return Place(each.line, "")


def _failed_line(program: Any) -> list[str]:
    error = getattr(program, "print_error", None)
    if error is None:
        return []
    return [f"it fails ({type(error).__name__}: {error})"]


def _mixed(best: Judged, shown: list[Shown]) -> list[str]:
    """Say where parameters of after a step stand beside the loss of before it."""
    run = best.runs[0]
    if not run.updated:
        return []
    after, before = False, False
    for each in shown:
        if any(word in each.label.lower() for word in LOSS_WORDS):
            before |= _times_loss(each.value, run.case) is not None
        for l, layer in enumerate(run.case.layers, 1):
            for old, step in zip(layer, run.gradients[l], strict=True):
                if step is not None and step.shape == old.shape and each.value.size == old.size:
                    new = old - run.case.rate * step
                    near = [_near(each.value, one) for one in (new, old)]
                    after |= near == [True, False]
    if not (after and before):
        return []
    return ["it shows the parameters of after the step beside the error of before it"]


def _near(value: Array, one: Array) -> bool:
    scale = CLOSE * max(float(np.abs(one).max()), 1e-6)
    return any(bool((np.abs(value.ravel() - o.ravel()) <= scale).all()) for o in (one, one.T))


def _per_cent(program: Any) -> list[str]:
    for _, node in _print_calls(program):
        for part in ast.walk(node):
            if (
                isinstance(part, ast.Constant)
                and isinstance(part.value, str)
                and "}%" in part.value
            ):
                return ["it puts a per cent sign behind numbers that are no percentages"]
    return []
