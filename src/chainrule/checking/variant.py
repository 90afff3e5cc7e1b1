"""A mistake at a place of a network, as edits of the factors of the exact step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.checking.steps import Edit, Edits, Now

Get = Callable[[Now], Any]
OF_WEIGHTS = {"input", "sum_W", "share_W", "dW", "penalty_W", "all_W"}
OF_BIASES = {"sum_b", "share_b", "db", "penalty_b", "all_b"}


@dataclass(frozen=True, eq=False)
class Variant:
    """A mistake at a place.

    Attributes
    ----------
    name : str
        In the catalogue.
    layers : tuple of int
        The layers in which it stands, from 1.
    slots : tuple of str
        The factors that it changes.
    edits : mapping of (slot, layer) to edits
    detail : str
        What the catalogue's words leave open, such as the other activation.
    """

    name: str
    layers: tuple[int, ...]
    slots: tuple[str, ...]
    edits: Edits
    detail: str = ""

    @cached_property
    def top(self) -> int:
        """The layer nearest to the output that it changes."""
        return max(l for _, l in self.edits)

    def changes(self, l: int) -> tuple[bool, bool]:
        """Say whether it can change dW_l and db_l, where nothing above l is changed."""
        slots = {slot for slot, layer in self.edits if layer == l}
        both = bool(slots - OF_WEIGHTS - OF_BIASES)
        return both or bool(slots & OF_WEIGHTS), both or bool(slots & OF_BIASES)


def at(
    name: str, slots: Sequence[str], places: Iterable[int], edit: Edit, detail: str = ""
) -> Iterator[Variant]:
    """Yield a mistake at each place alone, at all of them, and at all but the last."""
    places = tuple(places)
    groups: list[tuple[int, ...]] = [(l,) for l in places]
    if len(places) > 1:
        groups += [places]
    if len(places) > 2:
        groups += [places[:-1]]
    for group in groups:
        edits = {(slot, l): (edit,) for l in group for slot in slots}
        yield Variant(name, group, tuple(slots), edits, detail)


def put(get: Get) -> Edit:
    """Return the edit that puts something else in the place of a factor."""
    return lambda value, now: get(now)


def times(factor: float) -> Edit:
    """Return the edit that multiplies a factor by a number."""
    return lambda value, now: factor * value
