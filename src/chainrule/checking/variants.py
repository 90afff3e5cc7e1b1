"""The mistakes of the catalogue at every place of a network, each as an edit of one factor."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.checking import chained, gathered
from chainrule.checking.steps import Pass
from chainrule.checking.variant import Variant


def variants(run: Pass, updates: bool, share: float) -> Iterator[Variant]:
    """Yield all mistakes that a network of this shape has room for.

    Parameters
    ----------
    run : Pass
        Some forward pass of the network: its shapes count.
    updates : bool
        Whether the code steps itself, so that it may use weights that are updated.
    share : float
        1/m, or 1 where gradients are sums over the samples.
    """
    yield from chained.errors(run)
    yield from chained.slopes(run)
    yield from gathered.signs_and_factors(run)
    yield from gathered.means(run, share)
    yield from gathered.penalties(run)
    yield from gathered.biases(run)
    yield from chained.passing(run, updates)
    yield from gathered.inputs(run)
    yield from gathered.samples(run)
    yield from gathered.shapes(run)
    yield from gathered.integers(run)
