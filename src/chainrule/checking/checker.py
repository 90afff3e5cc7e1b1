"""``check``: judge a learner's back-propagation and name the factor that went wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.classes import ClassProgram
from chainrule.checking.effects import Effect, effects, other_cases
from chainrule.checking.functions import FunctionProgram
from chainrule.checking.judging import Error, Judged, judge, precision
from chainrule.checking.matching import Finding
from chainrule.checking.packing import BIASES, TARGETS, WEIGHTS
from chainrule.checking.packing import SAMPLES as SAMPLE_WAYS
from chainrule.checking.reading import Unreadable
from chainrule.checking.repairing import Place, places
from chainrule.checking.report import Mistake, Report
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
    if best is None:
        return _failed(program, errors)
    found = effects(program, best)
    return _reported(program, network, best, found)


def _failed(program: Any, errors: list[Error]) -> Report:
    reasons = [error for _, error in errors if not isinstance(error, Unreadable)] or [
        error for _, error in errors
    ]
    error = reasons[0] if reasons else Unreadable("no way to call it was found")
    what = str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"
    return Report("failed", program.name, f"{program.name} could not be run: {what}")


def _reported(program: Any, network: Network, best: Judged, found: list[Effect]) -> Report:
    common: dict[str, Any] = {
        "name": program.name,
        "network": described(network),
        "convention": f"{best.way}; {best.reduction.words}",
    }
    mistakes = [
        _mistake(finding, place)
        for finding, place in zip(best.findings or (), places(program, best), strict=True)
    ]
    mistakes += [_of_effect(effect) for effect in found]
    if best.reduction.note == "loss_without_half":
        mistakes.append(_of_effect(Effect("loss_without_half", "it returns twice the loss")))
    if best.findings is None:
        message = "The gradients are wrong, and no mistake of the catalogue explains it."
        return Report("unknown", message=message, mistakes=tuple(mistakes), **common)
    if mistakes:
        return Report("mistake", message="", mistakes=tuple(mistakes), **common)
    runs, _ = other_cases(program, best)
    return Report(
        "correct",
        message="All gradients are right.",
        precision=precision([*best.runs, *runs], best.reduction),
        **common,
    )


def described(network: Network) -> str:
    """Return a network in some words."""
    sizes = "-".join(map(str, network.sizes))
    names = ", ".join(map(str, network.activations))
    return f"{sizes}, {names}, {network.loss}"


def _mistake(finding: Finding, place: Place | None) -> Mistake:
    variant, kind = finding.variant, CATALOGUE[finding.variant.name]
    layer = variant.layers[0] if len(variant.layers) == 1 else None
    where = f"layer {layer}" if layer else "layers " + ", ".join(map(str, variant.layers))
    detail = f" ({variant.detail})" if variant.detail else ""
    message = f"{where}: {kind.title}{detail}. {kind.advice}"
    return Mistake(
        variant.name,
        layer,
        kind.equation,
        kind.instead,
        message,
        finding.also,
        place.line if place else None,
        place.code if place else None,
        place.corrected if place else None,
        variant.layers,
    )


def _of_effect(effect: Effect) -> Mistake:
    kind = CATALOGUE[effect.name]
    message = f"{kind.title}: {effect.words}. {kind.advice}"
    return Mistake(effect.name, None, kind.equation, kind.instead, message)
