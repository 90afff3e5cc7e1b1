"""What a call of a learner's function leaves behind: changed arguments, numbers kept for later."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.checking.reading import mapping_of
from chainrule.checking.sources import space_of


@contextlib.contextmanager
def kept_state(function: Any) -> Iterator[None]:
    """Put global state and defaults back afterwards, so that no call sees the last.

    State are the numbers and lists that the function names, and all generators of random
    numbers beside it, as its helpers may draw too.
    """
    space = space_of(function)
    names = [name for name in _names_of(function) if isinstance(space.get(name), STATE)]
    names += [name for name, value in space.items() if isinstance(value, GENERATORS)]
    globals_ = {name: copy.deepcopy(space[name]) for name in names}
    defaults = copy.deepcopy(getattr(function, "__defaults__", None))
    try:
        yield
    finally:
        space.update(globals_)
        if defaults:
            function.__defaults__ = defaults


STATE = (int, float, list, dict, np.ndarray)
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


def _names_of(function: Any) -> tuple[str, ...]:
    code = getattr(function, "__code__", None)
    return code.co_names if code else ()


def changed_in(before: dict[str, Any], after: dict[str, Any], roles: dict[str, str]) -> list[str]:
    """Return the arguments that a call has changed."""
    mine = [name for name in before if roles.get(name) not in (None, "zeros", "made", "cache")]
    return [name for name in mine if not _same(before[name], after[name])]


def _same(one: Any, other: Any) -> bool:
    if callable(one) or callable(other):
        return True
    one, other = _inside(one), _inside(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def _inside(value: Any) -> Any:
    """Return the fields of an object, or a value itself."""
    plain_object = hasattr(value, "__dict__") and not isinstance(value, np.ndarray)
    return mapping_of(value) or (vars(value) if plain_object else value)
