"""Initialisers: how the weights of a layer are drawn. Biases start at 0.

Each gives the spread of a distribution from the numbers of inputs and outputs.
Glorot & Bengio (2010) name Xavier's; He et al. (2015); LeCun et al. (1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSetting

Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]


def xavier_normal(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from N(0, 2 / (n_in + n_out)), equation (1) of the source document."""
    return random.normal(0.0, sqrt(2 / (n_in + n_out)), size=(n_in, n_out))


def xavier_uniform(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from the uniform distribution with the variance 2 / (n_in + n_out)."""
    bound = sqrt(6 / (n_in + n_out))
    return random.uniform(-bound, bound, size=(n_in, n_out))


def he_normal(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from N(0, 2 / n_in), made for relu."""
    return random.normal(0.0, sqrt(2 / n_in), size=(n_in, n_out))


def he_uniform(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from the uniform distribution with the variance 2 / n_in."""
    bound = sqrt(6 / n_in)
    return random.uniform(-bound, bound, size=(n_in, n_out))


def lecun_normal(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from N(0, 1 / n_in), made for selu."""
    return random.normal(0.0, sqrt(1 / n_in), size=(n_in, n_out))


def lecun_uniform(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from the uniform distribution with the variance 1 / n_in."""
    bound = sqrt(3 / n_in)
    return random.uniform(-bound, bound, size=(n_in, n_out))


def uniform(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Draw from (-1, 1), whatever the size of the layer."""
    return random.uniform(-1.0, 1.0, size=(n_in, n_out))


def zeros(random: np.random.Generator, n_in: int, n_out: int) -> NDArray[np.float64]:
    """Start at 0. Hidden neurons then stay alike for ever: a lesson, not a choice."""
    return np.zeros((n_in, n_out))


INITIALISERS: dict[str, Draw] = {
    "xavier_normal": xavier_normal,
    "xavier_uniform": xavier_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "uniform": uniform,
    "zeros": zeros,
}


def draw(
    sizes: Sequence[int], seed: int | np.random.Generator, scheme: str, dtype: Any
) -> NDArray[Any]:
    """Return the flat parameters of a network: W and b of each layer in turn.

    Raises
    ------
    BadSetting
        If the scheme is unknown, or the seed or the type cannot be used.
    """
    if scheme not in INITIALISERS:
        raise BadSetting(f"scheme={scheme!r} is not one of {', '.join(INITIALISERS)}")
    if dtype not in (np.float32, np.float64):
        raise BadSetting(f"dtype={dtype} must be float32 or float64")
    try:
        random = np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise BadSetting(f"seed={seed!r} must be a whole number, 0 or more") from None
    parts: list[NDArray[np.float64]] = []
    for n_in, n_out in pairwise(sizes):
        parts += [INITIALISERS[scheme](random, n_in, n_out).ravel(), np.zeros(n_out)]
    return np.concatenate(parts).astype(dtype)
