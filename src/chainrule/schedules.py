"""Learning-rate schedules: the rate of every step, as a share of the learning rate.

A schedule is ``f(step, steps) -> share`` with arrays of step numbers from 0 and
the number of steps of the whole training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Schedule = Callable[[NDArray[Any], int], NDArray[Any]]


def constant(step: NDArray[Any], steps: int) -> NDArray[Any]:
    """Keep the learning rate."""
    return np.ones(len(step))


def inverse_scaling(step: NDArray[Any], steps: int) -> NDArray[Any]:
    """Divide by the root of the number of the step: 1 / sqrt(step + 1)."""
    return 1.0 / np.sqrt(step + 1.0)


def cosine(step: NDArray[Any], steps: int) -> NDArray[Any]:
    """Fall to 0 along half a cosine (Loshchilov & Hutter, 2017)."""
    return 0.5 * (1.0 + np.cos(np.pi * step / steps))


def one_cycle(step: NDArray[Any], steps: int) -> NDArray[Any]:
    """Rise from 1/25 for 30 % of the steps, then fall to 1/250,000 (Smith & Topin, 2017).

    Both ways go along half a cosine, with the shares of PyTorch's OneCycleLR.
    """
    rising = 0.3 * steps - 1.0
    up = np.clip(step / max(rising, 1e-12), 0.0, 1.0)
    down = np.clip((step - rising) / max(steps - 1.0 - rising, 1e-12), 0.0, 1.0)
    rise = 1.0 + (1 / 25 - 1.0) * 0.5 * (1.0 + np.cos(np.pi * up))
    fall = 4e-6 + (1.0 - 4e-6) * 0.5 * (1.0 + np.cos(np.pi * down))
    return np.where(step <= rising, rise, fall)


SCHEDULES: dict[str, Schedule | None] = {
    "constant": constant,
    "inverse_scaling": inverse_scaling,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "plateau": None,  # depends on the losses: the loop halves the rate
}
STRETCHED = ("cosine", "one_cycle")  # over all epochs
