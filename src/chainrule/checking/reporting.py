"""From what was found to a report: the words, the lines, the corrected lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.effects import Effect, effects
from chainrule.checking.judging import Judged, precision, traced
from chainrule.checking.matching import Finding
from chainrule.checking.progress import prints, progress
from chainrule.checking.quantities import first_wrong, gradients_are_there
from chainrule.checking.repairing import explained, place_of_effect, places
from chainrule.checking.report import Mistake, Report, Wrong
from chainrule.checking.sources import Place
from chainrule.checking.tracing import Trace
from chainrule.checking.trying import hidden, tried
from chainrule.network import Network

ANOTHER_STEP = (
    "The gradients in it are right. Its step is another one than W - rate * dW, as momentum and "
    "Adam take, and is not judged here: let the function return its gradients, or name the one "
    "that computes them, to have these judged alone."
)


def described(network: Network) -> str:
    """Return a network in some words."""
    sizes = "-".join(map(str, network.sizes))
    *hidden, output = map(str, network.activations)
    between = hidden[0] if len(set(hidden)) == 1 else ", ".join(hidden)
    return f"{sizes}, {between + ', ' if hidden else ''}{output}, {network.loss}"


def reported(program: Any, best: Judged) -> Report:
    """Return the report of code that could be run."""
    more = tried(program, best) if best.findings == [] and not best.runs[0].grows else None
    if more and more.wrong:
        best = hidden(best, more)
    trace = traced(program, best, [place.line for place in prints(program)])
    found = effects(program, best)
    if best.findings is not None:
        found += progress(program, best, trace)
    common: dict[str, Any] = {
        "name": program.name,
        "network": described(program.network),
        "convention": convention_of(program, best),
        "tried": more.words if more else "",
    }
    if best.others:
        return _ambiguous(best, common)
    mistakes = [
        mistake_of(finding, place)
        for finding, place in zip(best.findings or (), places(program, best, trace), strict=True)
    ]
    mistakes += [_of_effect(program, best, effect, trace) for effect in found]
    common["mistakes"] = tuple(mistakes)
    if best.findings is None:
        return _unknown(program, best, trace, common)
    notes = [best.reduction.note] if best.reduction.note.endswith(".") else []
    notes += more.notes if more else []
    notes += ["It hides: the first cases that were tried are right."] if more and more.wrong else []
    if getattr(program, "unjudged", ""):
        notes.append(f"Its gradients are judged; the step that {program.unjudged}() takes is not.")
    if not best.findings:
        exact = precision(more.runs if more else best.runs, best.reduction)
        common["precision"] = max(exact, 1e-16)
    verdict = "mistake" if mistakes else "correct"
    message = _summary(program.name, mistakes, best, common.get("precision"))
    return Report(verdict, message=message, notes=tuple(notes), **common)


def convention_of(program: Any, best: Judged) -> str:
    """Return in some words how code was called."""
    way = str(best.way)
    if getattr(program, "draws", False):
        way = "parameters of its own, " + way[way.index("samples") :].partition(", biases")[0]
    return f"{way}; {best.reduction.words}"


def _summary(name: str, mistakes: list[Mistake], best: Judged, exact: float | None) -> str:
    right = "" if exact is None else f"right, to {max(exact, 1e-16):.0e} of the largest number"
    if not mistakes:
        return f"All gradients are {right}."
    count = "One mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    where = [
        CATALOGUE[m.name].title + (f" in layer {m.layer}" if m.layer else "") for m in mistakes
    ]
    words = f"{count} in {name}: {'; '.join(where)}."
    return words + ("" if best.findings else f" The formulas of its gradients are {right}.")


def _unknown(program: Any, best: Judged, trace: Trace, common: dict[str, Any]) -> Report:
    if gradients_are_there(best, trace):
        return Report("unknown", message=ANOTHER_STEP, **common)
    wrong = first_wrong(program, best, trace)
    message = "The gradients are wrong, and no mistake of the catalogue, and no two, give them."
    notes = []
    if wrong:
        message += f" The first quantity that is wrong is {words_of_wrong(wrong)}."
    place = place_of_effect(program, best, "any", trace, explained(best, [{}]))
    if place:
        notes.append(
            f"Line {place.line}, `{place.code}`: with `{place.corrected}` in its place all is "
            "right."
        )
    return Report("unknown", message=message, notes=tuple(notes), wrong=wrong, **common)


def words_of_wrong(wrong: Wrong) -> str:
    """Return the first wrong quantity in some words."""
    own = f", {wrong.name} in line {wrong.line}" if wrong.name else ""
    off = (
        f"off by {wrong.difference:.2g} at most"
        if np.isfinite(wrong.difference)
        else "of another shape"
    )
    return f"{wrong.quantity} of layer {wrong.layer}{own}: {off}"


def _ambiguous(best: Judged, common: dict[str, Any]) -> Report:
    other = best.others[0]
    keys = [
        key for key in ("weights", "samples", "targets", "biases")
        if getattr(best.way.shapes, key) != getattr(other.way.shapes, key)
    ]  # fmt: skip
    hints = " or ".join(
        f"{key}={getattr(each.way.shapes, key)!r}" for key in keys[:1] for each in (best, other)
    )
    told = [
        f"As {each.way}: " + "; ".join(mistake_of(f, None).message for f in each.findings or ())
        for each in (best, other)
    ]
    message = f"Two conventions fit equally, and a mistake is found under each. Give {hints}."
    return Report("unknown", message=message, notes=tuple(told), **common)


def mistake_of(finding: Finding, place: Place | None) -> Mistake:
    """Return a finding as the report has it."""
    variant, kind = finding.variant, CATALOGUE[finding.variant.name]
    layer = variant.layers[0] if len(variant.layers) == 1 else None
    where = f"Layer {layer}" if layer else "Layers " + ", ".join(map(str, variant.layers))
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


def _of_effect(program: Any, best: Judged, effect: Effect, trace: Trace) -> Mistake:
    kind = CATALOGUE[effect.name]
    title = kind.title[0].upper() + kind.title[1:]
    message = f"{title}: {effect.words}. {kind.advice}"
    if effect.name == "broadcast":
        message = f"{title}: {effect.words}. Give both the same shape."
    place = effect.place
    if place is None and effect.gone is not None:
        place = place_of_effect(program, best, effect.name, trace, effect.gone)
    equation, instead = effect.equation or kind.equation, effect.instead or kind.instead
    return Mistake(
        effect.name, None, equation, instead, message,
        line=place.line if place else None, code=place.code if place else None,
        corrected=place.corrected if place else None,
    )  # fmt: skip
