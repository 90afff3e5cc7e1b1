"""Which one or two mistakes of the catalogue give the gradients that were computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.ruled import Array
from chainrule.checking.steps import Edits, Pass
from chainrule.checking.variants import Variant, variants

TOLERANCE = 1e-7  # of the largest number of a gradient; chance hits are far rarer than it
Gradients = dict[int, tuple[Array | None, Array | None]]


@dataclass(frozen=True, eq=False)
class Seen:
    """Gradients that some code computed at a case; None where it gave none."""

    run: Pass
    gradients: Gradients
    tolerance: float = TOLERANCE


@dataclass(frozen=True, eq=False)
class Finding:
    """A mistake, and the names of those that are the same on all inputs."""

    variant: Variant
    also: tuple[str, ...] = ()


def close(theirs: Array | None, ours: Array, tolerance: float) -> bool:
    """Say whether two arrays are of one shape and equal but for rounding."""
    if theirs is None:
        return True
    if theirs.shape != ours.shape:
        return False
    largest = float(np.abs(ours).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        return bool(np.abs(theirs - ours).max(initial=0.0) <= tolerance * max(largest, 1e-3))


def explains(edits: Edits, seen: Seen, share: float) -> bool:
    """Say whether the edits give the gradients that were seen."""
    try:
        with np.errstate(all="ignore"):
            return all(
                close(seen.gradients[l][0], dW, seen.tolerance)
                and close(seen.gradients[l][1], db, seen.tolerance)
                for l, _, dW, db in seen.run.backward(edits, share)
            )
    except (ValueError, IndexError):  # shapes that cannot be multiplied
        return False


def wrong_layers(seen: Seen, share: float) -> list[int]:
    """Return the layers with a gradient that is not the exact one, from the last."""
    return [
        l
        for l, _, dW, db in seen.run.backward({}, share)
        if not close(seen.gradients[l][0], dW, seen.tolerance)
        or not close(seen.gradients[l][1], db, seen.tolerance)
    ]


def find(
    seen: Sequence[Seen], shares: Sequence[float], updates: bool, pairs: bool = True
) -> list[Finding] | None:
    """Return the fewest mistakes, two at most, that give all that was seen, or None.

    Parameters
    ----------
    seen : sequence of Seen
        The first is searched, the others decide.
    shares : sequence of float
        1/m of each, or 1 where the gradients are taken as sums.
    updates : bool
        Whether the code steps itself.
    pairs : bool, default True
        Whether to look for two mistakes as well.

    Returns
    -------
    list of Finding or None
        Empty where all is right.
    """
    first, share = seen[0], shares[0]
    wrong = wrong_layers(first, share)
    if not wrong:
        others = zip(seen[1:], shares[1:], strict=True)
        return [] if all(explains({}, each, its) for each, its in others) else None
    places = _places(seen[:2], shares[:2], updates, wrong[0])
    both = _pairs(places, wrong[0]) if pairs else iter(())
    for sets in (((one,) for one in places), both):
        hits = [
            pair
            for pair in sets
            if all(
                explains(merged(pair), each, its) for each, its in zip(seen, shares, strict=True)
            )
        ]
        if hits:
            return _named(hits)
    return None


def _places(
    seen: Sequence[Seen], shares: Sequence[float], updates: bool, top: int
) -> list[Variant]:
    """Return the variants that may have to do with it: all that change something here."""
    found: dict[Any, Variant] = {}
    pairs = list(zip(seen, shares, strict=True))
    exact = [_print_of(each, {}, its) for each, its in pairs]
    for variant in variants(seen[0].run, updates, shares[0]):
        if max(l for _, l in variant.edits) <= top:
            prints = [_print_of(each, variant.edits, its) for each, its in pairs]
            if None not in prints and prints != exact:
                found.setdefault((variant.name, variant.slots, *prints), variant)
    return list(found.values())


def _print_of(seen: Seen, edits: Edits, share: float) -> Any:
    """Return some numbers that tell gradients apart, or None if there are none."""
    try:
        with np.errstate(all="ignore"):
            rows = [(dW, np.asarray(db)) for _, _, dW, db in seen.run.backward(edits, share)]
    except (ValueError, IndexError):
        return None
    arrays = [array for row in rows for array in row]
    weighted = [float(array.ravel() @ np.sin(np.arange(1.0, array.size + 1))) for array in arrays]
    return tuple((array.shape, f"{value:.9g}") for array, value in zip(arrays, weighted, strict=True))


def _pairs(places: list[Variant], top: int) -> Iterator[tuple[Variant, Variant]]:
    for one, other in combinations(places, 2):
        at_top = top in (max(l for _, l in one.edits), max(l for _, l in other.edits))
        if at_top and not (one.name == other.name and one.edits.keys() & other.edits.keys()):
            yield one, other


def merged(pair: Iterable[Variant]) -> Edits:
    """Return the edits of several variants as one."""
    edits: dict[tuple[str, int], tuple[object, ...]] = {}
    for variant in pair:
        for key, edit in variant.edits.items():
            edits[key] = (*edits.get(key, ()), *edit)
    return edits  # type: ignore[return-value]


def _named(hits: list[tuple[Variant, ...]]) -> list[Finding]:
    """Return the plainest of several explanations; the others' names go along with it."""
    order = list(CATALOGUE)
    best = min(hits, key=lambda hit: [(len(v.layers), order.index(v.name)) for v in hit])
    findings = []
    for k, variant in enumerate(best):
        rest = best[:k] + best[k + 1 :]
        same = {hit[i].name for hit in hits for i in range(len(hit)) if hit[:i] + hit[i + 1 :] == rest}
        also = same - {v.name for v in best}
        findings.append(Finding(variant, tuple(sorted(also, key=order.index))))
    return findings
