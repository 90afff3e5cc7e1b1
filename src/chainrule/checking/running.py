"""One run of a learner's code at a case, and what it gave, laid out as our own arrays are."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.checking.matching import Gradients
from chainrule.checking.packing import Shapes
from chainrule.checking.reading import NothingToRead
from chainrule.checking.ruled import Array
from chainrule.checking.steps import Case
from chainrule.checking.tracing import Trace

SEED = 20


@dataclass
class Run:
    """What one run of a learner's code gave, laid out as our own arrays are.

    Attributes
    ----------
    case : Case
        At which the gradients belong; with the code's own parameters if it draws them.
    grows : list of str
        Gradients whose shape would change the parameter that they are subtracted from.
    changed : list of str
        The caller's arrays that were changed in place.
    """

    case: Case
    gradients: Gradients
    loss: float | None = None
    updated: bool = False
    grows: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    single: bool = False  # computed in float32
    printed: str = ""


BUNDLES = {
    "dict": "a dictionary of W1, b1, ...",
    "dicts": "a list of dictionaries of W and b",
    "dict of lists": "a dictionary of lists of W and b",
    "dict of arrays": "a dictionary of W and b",
    "pairs": "a list of (W, b)",
    "lists": "a list of all W and one of all b",
    "flat": "all parameters in one array",
    "in turn": "a list of W, b, W, b, ...",
    "object": "an object with W1, b1, ...",
    "layers": "a list of layers",
}


@dataclass(frozen=True)
class Way:
    """One way to call the code: how parameters are bundled, and how arrays are laid out."""

    bundle: str
    shapes: Shapes

    def __str__(self) -> str:
        words = BUNDLES.get(self.bundle, self.bundle)
        return f"{words}, {self.shapes}" if words else str(self.shapes)


@contextlib.contextmanager
def quiet(printed: io.StringIO, trace: Trace | None = None) -> Iterator[None]:
    """Let code draw the same numbers in every run, keep what it prints, and watch it."""
    np.random.seed(SEED)  # noqa: NPY002
    random.seed(SEED)
    fresh = np.random.default_rng

    def seeded(seed: Any = None) -> Any:
        return fresh(SEED if seed is None else seed)

    np.random.default_rng = seeded
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            np.errstate(all="ignore"),
            trace.watching() if trace else contextlib.nullcontext(),
        ):
            yield
    finally:
        np.random.default_rng = fresh


def laid_back(
    found: dict[str, Any],
    case: Case,
    shapes: Shapes,
    updated: bool,
    old: dict[str, Any] | None = None,
) -> Run:
    """Return gradients laid out as ours, from gradients or from new parameters."""
    if "flat" in found:
        found = _unflat(found["flat"], case, shapes)
    run = Run(case, {}, updated=updated)
    for l, (W, b) in enumerate(case.layers, 1):
        pair: list[Array | None] = []
        for name, ours, lay, back in (
            (f"W{l}", W, shapes.weight, shapes.weight_back),
            (f"b{l}", b, shapes.bias, shapes.bias_back),
        ):
            value = found.get(name)
            if value is None:
                pair.append(None)
                continue
            value = _numeric(value, name)
            run.single |= value.dtype == np.float32
            if updated:
                start = np.asarray(lay(ours) if old is None else old[name], dtype=float)
                value = (start - value) / case.rate
            canonical, grows = back(value, ours)
            run.grows += [f"d{name}"] if grows else []
            pair.append(canonical)
        run.gradients[l] = (pair[0], pair[1])
    if all(part is None for pair in run.gradients.values() for part in pair):
        raise NothingToRead("no gradients are to be seen in what it returns")
    return run


def _numeric(value: Any, name: str) -> Array:
    try:
        array = np.array(value)
        return array if array.dtype in (np.float32, np.float64) else array.astype(float)
    except (TypeError, ValueError):
        raise NothingToRead(f"the gradient of {name} is no array of numbers") from None


def _unflat(given: Array, case: Case, shapes: Shapes) -> dict[str, Any]:
    flat, found, start = np.ravel(given), {}, 0
    if flat.size != case.network.n_parameters:
        raise NothingToRead(
            f"it returns one array of {flat.size} numbers; the network has "
            f"{case.network.n_parameters} parameters"
        )
    for l, (W, b) in enumerate(case.layers, 1):
        for name, part in ((f"W{l}", shapes.weight(W)), (f"b{l}", shapes.bias(b))):
            size = np.size(part)
            found[name] = flat[start : start + size].reshape(np.shape(part))
            start += size
    return found
