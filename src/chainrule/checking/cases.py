"""Cases to try code at: random, but so that mistakes show."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from chainrule.checking.ruled import Array
from chainrule.checking.steps import Case, Pass
from chainrule.network import Network

TRIES = 50


@lru_cache(maxsize=256)
def make(
    network: Network, samples: int, seed: tuple[int, ...], l2: float = 0.0, whole: bool = False
) -> Case:
    """Return a case at which every neuron counts, and every bend is on both sides.

    It is the same object for the same arguments.

    Parameters
    ----------
    network : Network
    samples : int
    seed : tuple of int
    l2 : float, default 0
        The penalty's weight.
    whole : bool, default False
        Whether inputs and targets are whole numbers.
    """
    random = np.random.default_rng(seed)
    best: tuple[float, Case] | None = None
    for _ in range(TRIES):
        case = _draw(network, samples, random, l2, whole)
        short = _blindness(case)
        if best is None or short < best[0]:
            best = short, case
        if short == 0:
            break
    assert best is not None
    return best[1]


def _draw(
    network: Network, samples: int, random: np.random.Generator, l2: float, whole: bool
) -> Case:
    layers = []
    for n_in, n_out in zip(network.sizes[:-1], network.sizes[1:], strict=True):
        W = random.normal(0.0, 1.3 / np.sqrt(n_in), (n_in, n_out))
        layers.append((W, random.normal(0.0, 0.5, n_out)))
    X = random.normal(0.0, 1.0, (samples, network.sizes[0]))
    if whole:
        X = random.integers(-2, 3, X.shape).astype(float)
    return Case(network, tuple(layers), X, _targets(network, samples, random, whole), l2)


def _targets(network: Network, samples: int, random: np.random.Generator, whole: bool) -> Array:
    shape = (samples, network.sizes[-1])
    match network.loss:
        case "cross_entropy":
            order = random.permutation(np.arange(samples) % shape[1])
            one_hot: Array = np.eye(shape[1])[order]
            return one_hot
        case "binary_cross_entropy":
            return (random.permuted(np.arange(samples * shape[1]).reshape(shape) % 2)).astype(float)
        case "poisson":
            return random.integers(0, 5, shape).astype(float)
    if whole:
        return random.integers(0, 2, shape).astype(float)
    if network.output in ("sigmoid", "softmax"):
        return random.uniform(0.05, 0.95, shape)
    return random.normal(0.0, 1.7, shape)


def _blindness(case: Case) -> float:
    """Count the neurons that would hide a mistake: always off, or saturated everywhere."""
    run = Pass(case)
    if len(case.X) == 1:
        return float(sum((np.abs(Z) > 3).sum() + (np.abs(Z) < 0.05).sum() for Z in run.Z[1:]))
    hidden = run.Z[1:-1]
    dead = sum(((Z > 0.05).sum(axis=0) == 0).sum() for Z in hidden)
    never = sum(((Z < -0.05).sum(axis=0) == 0).sum() for Z in hidden)
    flat = sum((np.abs(Z) > 4).all(axis=0).sum() for Z in run.Z[1:])
    return float(dead + never + flat)
