"""Which one or two mistakes of the catalogue give the gradients that were computed.

The search goes from the output backwards. The first layer with a wrong gradient holds a
mistake; of two mistakes that leave it right in part, each must account for its own part, so
that few pairs are ever computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.ruled import Array
from chainrule.checking.steps import Edit, Edits, Pass
from chainrule.checking.variant import Variant
from chainrule.checking.variants import variants

TOLERANCE = 1e-7  # of the largest number of a gradient; chance hits are far rarer than it
Gradients = dict[int, tuple[Array | None, Array | None]]
Rows = list[tuple[int, Array, Array]]


@dataclass(frozen=True, eq=False)
class Seen:
    """Gradients that some code computed at a case; None where it gave none."""

    run: Pass
    gradients: Gradients
    share: float  # 1/m, or 1 where the gradients are taken as sums
    tolerance: float = TOLERANCE
    stepped: bool = False  # taken from new parameters, in which a step is broadcast

    @cached_property
    def wrong(self) -> list[int]:
        """The layers with a gradient that is not the exact one, from the last."""
        return [
            l
            for l, _, dW, db in self.run.backward({}, self.share)
            if not self.fits(0, l, dW) or not self.fits(1, l, db)
        ]

    def fits(self, part: int, l: int, ours: Array) -> bool:
        """Say whether dW_l (part 0) or db_l (part 1) is this one."""
        theirs = self.gradients[l][part]
        if self.stepped and theirs is not None and theirs.shape != ours.shape:
            try:
                ours = np.broadcast_to(ours, theirs.shape)
            except ValueError:
                return False
        return close(theirs, ours, self.tolerance)


@dataclass(frozen=True, eq=False)
class Finding:
    """A mistake, and the names of those that are the same on all inputs."""

    variant: Variant
    also: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Tried:
    """A variant, and how it does at the first wrong layer of the first case."""

    variant: Variant
    fits: tuple[bool, bool]  # dW and db
    changes: tuple[bool, bool]


def close(theirs: Array | None, ours: Array, tolerance: float) -> bool:
    """Say whether two arrays are of one shape and equal but for rounding."""
    if theirs is None:
        return True
    if theirs.shape != ours.shape:
        return False
    if not ours.size:
        return True
    with np.errstate(invalid="ignore"):
        difference = abs(theirs - ours).max()
    return bool(difference <= tolerance * max(float(abs(ours).max()), 1e-3))


def explains(edits: Edits, seen: Seen) -> bool:
    """Say whether the edits give the gradients that were seen."""
    start = max([l for _, l in edits] + seen.wrong[:1], default=1)
    try:
        with np.errstate(all="ignore"):
            return all(
                seen.fits(0, l, dW) and seen.fits(1, l, db)
                for l, _, dW, db in seen.run.backward(edits, seen.share, start)
            )
    except (ValueError, IndexError):  # shapes that cannot be multiplied
        return False


def find(seen: Sequence[Seen], updates: bool, pairs: bool = True) -> list[Finding] | None:
    """Return the fewest mistakes, two at most, that give all that was seen, or None.

    Parameters
    ----------
    seen : sequence of Seen
        The first is searched, the others decide.
    updates : bool
        Whether the code steps itself.
    pairs : bool, default True
        Whether to look for two mistakes as well.

    Returns
    -------
    list of Finding or None
        Empty where all is right.
    """
    order = sorted(seen, key=lambda each: -len(each.wrong))
    first = order[0]
    if not first.wrong:
        return []
    top = max(each.wrong[0] for each in seen if each.wrong)
    every = [v for v in variants(first.run, updates, first.share) if v.top <= top]
    hits: list[tuple[Variant, ...]] = [(v,) for v in every if explains_all([v], order)]
    if not hits and pairs:
        hits = [pair for pair in _pairs(every, first, top) if explains_all(pair, order)]
    return _named(hits) if hits else None


def explains_all(mistakes: Sequence[Variant], seen: Sequence[Seen]) -> bool:
    """Say whether these mistakes together give all that was seen."""
    edits = merged(mistakes)
    return all(explains(edits, each) for each in seen)


def _pairs(every: list[Variant], seen: Seen, top: int) -> Iterator[tuple[Variant, Variant]]:
    """Yield the pairs that account for the first wrong layer."""
    here = [t for t in (_tried(v, seen, top) for v in _distinct(every, seen, top)) if t]
    below = _distinct([v for v in every if v.top < top], seen, top - 1) if top > 1 else []
    for one in here:
        if all(one.fits):
            yield from ((one.variant, other) for other in below)
    for k, one in enumerate(here):
        for other in here[k + 1 :]:
            if _may_fit(one, other):
                yield from (
                    pair
                    for pair in _orders(one.variant, other.variant)
                    if _fits_at(merged(pair), seen, top)
                )


def _orders(one: Variant, other: Variant) -> Iterator[tuple[Variant, Variant]]:
    """Yield two mistakes, in both orders where one factor is changed by both."""
    yield one, other
    if one.edits.keys() & other.edits.keys():
        yield other, one


def _may_fit(one: Tried, other: Tried) -> bool:
    """Say whether two may account for a layer: what one leaves alone the other must give."""
    if one.variant.name == other.variant.name and (
        one.variant.edits.keys() & other.variant.edits.keys()
    ):
        return False
    for part in (0, 1):
        if not other.changes[part] and not one.fits[part]:
            return False
        if not one.changes[part] and not other.fits[part]:
            return False
    return True


def _tried(variant: Variant, seen: Seen, top: int) -> Tried | None:
    row = _row(variant.edits, seen, top)
    if variant.top < top or row is None:
        return None
    fits = seen.fits(0, top, row[0]), seen.fits(1, top, row[1])
    return Tried(variant, fits, variant.changes(top))


def _row(edits: Edits, seen: Seen, l: int) -> tuple[Array, Array] | None:
    """Return dW_l and db_l, where nothing above l is changed."""
    try:
        with np.errstate(all="ignore"):
            _, _, dW, db = next(seen.run.backward(edits, seen.share, l))
    except (ValueError, IndexError):
        return None
    return dW, np.asarray(db)


def _fits_at(edits: Edits, seen: Seen, l: int) -> bool:
    row = _row(edits, seen, l)
    return row is not None and seen.fits(0, l, row[0]) and seen.fits(1, l, row[1])


def _distinct(every: list[Variant], seen: Seen, top: int) -> list[Variant]:
    """Leave out what changes nothing here, and what another of its name does as well."""
    exact = _print_of({}, seen, top)
    found: dict[Any, Variant] = {}
    for variant in every:
        mark = _print_of(variant.edits, seen, top)
        if mark is not None and mark != exact:
            found.setdefault((variant.name, variant.slots, variant.detail, mark), variant)
    return list(found.values())


def _print_of(edits: Edits, seen: Seen, top: int) -> Any:
    """Return some numbers that tell gradients apart, or None if there are none."""
    try:
        with np.errstate(all="ignore"):
            rows = [
                (dW, np.asarray(db)) for _, _, dW, db in seen.run.backward(edits, seen.share, top)
            ]
    except (ValueError, IndexError):
        return None
    arrays = [array for row in rows for array in row]
    return tuple((a.shape, f"{float(a.ravel() @ _waves(a.size)):.9g}") for a in arrays)


def _waves(size: int) -> Array:
    if size not in _WAVES:
        _WAVES[size] = np.sin(np.arange(1.0, size + 1))
    return _WAVES[size]


_WAVES: dict[int, Array] = {}


def merged(mistakes: Iterable[Variant]) -> Edits:
    """Return the edits of several variants as one."""
    edits: dict[tuple[str, int], tuple[Edit, ...]] = {}
    for variant in mistakes:
        for key, edit in variant.edits.items():
            edits[key] = (*edits.get(key, ()), *edit)
    return edits


def _named(hits: list[tuple[Variant, ...]]) -> list[Finding]:
    """Return the plainest of several explanations; the others' names go along with it."""
    order = list(CATALOGUE)

    def implausible(hit: tuple[Variant, ...]) -> int:
        alike = len({v.name for v in hit}) < len(hit)
        return sum(2 * len(v.layers) + order.index(v.name) for v in hit) - 8 * alike

    best = min(hits, key=implausible)
    findings = []
    for k, variant in enumerate(best):
        rest = best[:k] + best[k + 1 :]
        same = {
            hit[i].name
            for hit in hits
            for i in range(len(hit))
            if [v.name for v in hit[:i] + hit[i + 1 :]] == [v.name for v in rest]
        }
        also = same - {v.name for v in best}
        findings.append(Finding(variant, tuple(sorted(also, key=order.index))))
    return findings
