"""Where no mistake of the catalogue fits: the first quantity on the way that is wrong."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from chainrule.checking.judging import Judged, seen_by
from chainrule.checking.report import Wrong
from chainrule.checking.roles import plain
from chainrule.checking.ruled import Array
from chainrule.checking.sources import source_of
from chainrule.checking.tracing import Trace, Value

NAMES = {
    "Z": r"(z|zs|net|s|u|scores?|logits?|pre|hin|lin)(\d*)",
    "A": r"(a|h|o|out|outputs?|act|activations?|yhat|ypred|pred|probs?|p)(\d*)",
    "delta": r"(d|dz|ds|delta|deltas|err|error|dscores?|dlogits?|dldz)(\d*)",
}


def first_wrong(program: Any, best: Judged, trace: Trace) -> Wrong | None:
    """Return the first wrong quantity: on the way forward, then from the output back."""
    return _forward(program, best, trace) or _backward(program, best, trace)


def gradients_are_there(best: Judged, trace: Trace) -> bool:
    """Say whether all exact gradients come up in code that steps itself."""
    seen = seen_by(best.runs[:1], best.reduction)[0]
    rows = seen.run.backward({}, seen.share)
    return seen.stepped and all(trace.holds(dW) and trace.holds(db) for _, _, dW, db in rows)


def _forward(program: Any, best: Judged, trace: Trace) -> Wrong | None:
    run = best_pass(best)
    for l in range(1, run.depth + 1):
        for letter, exact in (("Z", run.Z[l]), ("A", run.A[l])):
            if trace.holds(exact):
                continue
            value = _named(trace, letter, l, run.depth, exact)
            if value is not None:
                return _wrong(program, letter, l, _difference(value.numbers, exact), value)
    return None


def best_pass(best: Judged) -> Any:
    """Return the exact forward pass at the first case."""
    return seen_by(best.runs[:1], best.reduction)[0].run


def _backward(program: Any, best: Judged, trace: Trace) -> Wrong | None:
    seen = seen_by(best.runs[:1], best.reduction)[0]
    for l, delta, dW, db in seen.run.backward({}, seen.share):
        right = seen.fits(0, l, dW), seen.fits(1, l, db)
        if all(right):
            continue
        if not any(right) and not trace.holds(delta) and not trace.holds(delta * seen.share):
            value = _named(trace, "delta", l, seen.run.depth, delta)
            if value is not None:
                difference = min(
                    _difference(value.numbers, delta),
                    _difference(value.numbers, delta * seen.share),
                )
                return _wrong(program, "delta", l, difference, value)
        part = right.index(False)
        exact = (dW, db)[part]
        theirs = seen.gradients[l][part]
        name = "update" if seen.stepped and trace.holds(exact) else ("dW", "db")[part]
        assert theirs is not None
        values = trace.all_of(theirs)
        return _wrong(program, name, l, _difference(theirs, exact), values[0] if values else None)
    return None


def _named(trace: Trace, letter: str, l: int, depth: int, exact: Array) -> Value | None:
    """Return the last value that is called like this quantity and may be it."""
    found = None
    for value in trace.values:
        word = plain(re.sub(r"[^\w]", "", value.name.removeprefix("self.")))
        match = re.fullmatch(NAMES[letter], word)
        number = match and (match[2] or (str(l) if depth == 1 else ""))
        if number == str(l) and value.numbers.size in (exact.size, exact[0].size):
            found = value
    return found


def _difference(theirs: Array, exact: Array) -> float:
    """Return the largest difference, turned as fits best; of the last sample if it is of one."""
    if theirs.size == exact.size and theirs.ndim <= 2:
        turned = [exact.ravel(), exact.T.ravel()]
        return float(min(np.abs(theirs.ravel() - each).max() for each in turned))
    if exact.ndim == 2 and theirs.size == exact[-1].size:
        return float(np.abs(theirs.ravel() - exact[-1]).max())
    return float("inf")


def _wrong(program: Any, quantity: str, l: int, difference: float, value: Value | None) -> Wrong:
    if value is None:
        return Wrong(quantity, l, difference)
    own = value.name if "(" not in value.name else None
    line = source_of(program.thing).line(value.line)
    return Wrong(quantity, l, difference, own, value.line, line or None)
