"""``check``: judge a learner's back-propagation and name the factor that went wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from chainrule.checking.classes import ClassProgram
from chainrule.checking.functions import FunctionProgram
from chainrule.checking.judging import Error, Judged, judge
from chainrule.checking.packing import BIASES, TARGETS, WEIGHTS
from chainrule.checking.packing import SAMPLES as SAMPLE_WAYS
from chainrule.checking.progress import prints
from chainrule.checking.reading import Unreadable
from chainrule.checking.repairing import silenced
from chainrule.checking.report import Report
from chainrule.checking.reporting import reported
from chainrule.errors import BadSetting
from chainrule.network import Network

HINTS = {"weights": WEIGHTS, "samples": SAMPLE_WAYS, "targets": TARGETS, "biases": BIASES}


def check(
    code: Callable[..., Any] | str,
    network: Network | None = None,
    *,
    weights: str | None = None,
    samples: str | None = None,
    targets: str | None = None,
    biases: str | None = None,
) -> Report:
    """Judge back-propagation that somebody wrote, and name what went wrong.

    Parameters
    ----------
    code : function, class or str
        What computes gradients, such as ``f(w, b, x, y) -> dw, db``, or new parameters from
        old ones; or ``FILE.py:NAME``.
    network : Network, optional
        What it should compute the gradients of.
    weights : {"in_out", "out_in", "flat"}, optional
        A hint: the shape of a layer's weights.
    samples : {"rows", "columns", "one"}, optional
        A hint: how samples are handed over.
    targets : {"matrix", "flat", "labels"}, optional
    biases : {"flat", "row", "column", "number"}, optional

    Returns
    -------
    Report

    Examples
    --------
    >>> import numpy as np
    >>> def gradients(w, b, x, y):
    ...     a = 1 / (1 + np.exp(-(x @ w + b)))
    ...     delta = a - y
    ...     return x.T @ delta / len(x), delta.mean(axis=0)
    >>> report = check(gradients, Network((3, 1), output="sigmoid"))
    >>> report.verdict, report.mistakes[0].name
    ('mistake', 'slope_left_out')
    """
    hints = _hints(weights=weights, samples=samples, targets=targets, biases=biases)
    name = code if isinstance(code, str) else getattr(code, "__name__", "the code")
    try:
        program: Any = (
            ClassProgram(code, network, hints)
            if inspect.isclass(code)
            else FunctionProgram(code, network, hints)
        )
    except Unreadable as error:
        return Report("failed", name, f"{name} could not be called: {error}.")
    return _judge(program, network)


def _hints(**given: str | None) -> dict[str, str]:
    for key, value in given.items():
        if value is not None and value not in HINTS[key]:
            raise BadSetting(f"{key}={value!r} is not one of {', '.join(HINTS[key])}")
    return {key: value for key, value in given.items() if value is not None}


def _judge(program: Any, network: Network) -> Report:
    best, errors = judge(program)
    if any(_in_print(program, error) for _, error in errors) and (
        best is None or best.cost != (0, 0)
    ):
        program, best = _without_prints(program, best, errors)
    if best is None:
        return _failed(program, errors)
    return reported(program, best)


def _in_print(program: Any, error: BaseException) -> bool:
    """Say whether an error came up in a print statement of the code."""
    last = [
        frame.tb_lineno for frame in _frames(error)
        if frame.tb_frame.f_code.co_filename in program.files()
    ]  # fmt: skip
    lines = [place.line for place in prints(program)]
    return bool(last) and any(line <= last[-1] <= line + 4 for line in lines)


def _frames(error: BaseException) -> Iterator[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _without_prints(
    program: Any, best: Judged | None, errors: list[Error]
) -> tuple[Any, Judged | None]:
    """Judge the code without its print statements, and keep that where it does better."""
    quiet = silenced(program)
    other, _ = judge(quiet)
    if other is None or (best is not None and other.cost >= best.cost):
        return program, best
    quiet.spoken = program
    quiet.print_error = next(error for _, error in errors if _in_print(program, error))
    return quiet, other


def _failed(program: Any, errors: list[Error]) -> Report:
    reasons = [error for _, error in errors if not isinstance(error, Unreadable)] or [
        error for _, error in errors
    ]
    error = reasons[0] if reasons else Unreadable("no way to call it was found")
    what = str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"
    return Report("failed", program.name, f"{program.name} could not be run: {what}.")
