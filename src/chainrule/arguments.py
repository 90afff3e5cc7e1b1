"""The arguments of a training, checked and put into the form that the loop takes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule.engine import checked_data
from chainrule.errors import BadSetting
from chainrule.layout import Data, no_data
from chainrule.loops import HYPERPARAMETERS
from chainrule.network import Network
from chainrule.rules import LEARNING_RATES, OPTIMISERS, WHOLESALE

BELOW_ONE = ("momentum", "rho", "beta1", "beta2", "shrink")  # shares of what was before


def dtype_of(dtype: DTypeLike | None, parameters: NDArray[Any] | None, X: Any) -> Any:
    """Return the type to compute in: the given one, of the parameters, or of X."""
    if dtype is None:
        given = parameters if parameters is not None else X
        dtype = np.float32 if getattr(given, "dtype", None) == np.float32 else np.float64
    try:
        known = np.dtype(dtype) in (np.float32, np.float64)
    except TypeError:
        known = False
    if not known:
        raise BadSetting(f"dtype={dtype!r} must be float32 or float64")
    return np.dtype(dtype)


def split(
    network: Network,
    X: ArrayLike,
    Y: ArrayLike,
    sample_weight: ArrayLike | None,
    validation: float | tuple[ArrayLike, ArrayLike] | None,
    seed: int,
    dtype: Any,
) -> tuple[Data, Data]:
    """Return the training and the validation data."""
    data = checked_data(network, X, Y, sample_weight, dtype)
    n = len(data.X)
    if n == 0:
        raise BadSetting("X has no rows: there is nothing to train on")
    if validation is None:
        return data, no_data(data)
    if isinstance(validation, tuple) and len(validation) == 2 and len(np.atleast_1d(validation[0])):
        return data, checked_data(network, *validation, None, dtype)
    if not (isinstance(validation, int | float) and 0.0 < validation < 1.0):
        raise BadSetting(
            f"validation={validation!r} must be a share in (0, 1), or (X, Y) with rows"
        )
    held = max(1, round(n * validation))
    if held == n:
        raise BadSetting(f"validation={validation} of {n} rows leaves none to train on")
    order = np.random.default_rng([seed, 1]).permutation(n)
    parts = _rows(data, np.sort(order[held:])), _rows(data, np.sort(order[:held]))
    for part, name in zip(parts, ("train on", "validate with"), strict=True):
        if part.weight.size and not part.weight.any():
            raise BadSetting(
                f"validation={validation} with seed={seed} leaves only rows of sample_weight 0 to "
                f"{name}: take another seed, or give validation=(X, Y)"
            )
    return parts


def _rows(data: Data, rows: NDArray[Any]) -> Data:
    weight = data.weight[rows] if data.weight.size else data.weight
    return Data(data.X[rows], data.Y[rows], weight, np.arange(len(rows), dtype=np.int32))


def own_parameters(solver: str, given: dict[str, float]) -> NDArray[np.float64]:
    """Return a solver's own parameters in the order of its rule."""
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(OPTIMISERS[solver]).parameters.items()
        if parameter.default is not parameter.empty
    }
    unknown = [name for name in given if name not in own]
    if unknown:
        takes = ", ".join(f"{name}={value}" for name, value in own.items()) or "none"
        raise BadSetting(f"{unknown[0]!r} is not a parameter of {solver}; it takes {takes}")
    values = [at_least_zero(name, value) for name, value in (own | given).items()]
    for name, value in zip(own, values, strict=True):
        if name in BELOW_ONE and value >= 1:
            raise BadSetting(f"{name}={value} of {solver} must be below 1")
    return np.array(values + [0.0] * (HYPERPARAMETERS - len(values)))


def learning_rate_of(solver: str, value: Any) -> float:
    """Return a learning rate: the given one, or the solver's own."""
    if solver not in OPTIMISERS:
        raise BadSetting(f"solver={solver!r} is not one of {', '.join((*OPTIMISERS, *WHOLESALE))}")
    value = LEARNING_RATES[solver] if value is None else value
    if not (isinstance(value, int | float | np.number) and 0 < value < np.inf):
        raise BadSetting(f"learning_rate={value!r} must be a positive number")
    return float(value)


def at_least_zero(name: str, value: Any) -> float:
    """Return a finite number that is not negative."""
    if not (isinstance(value, int | float | np.number) and 0 <= value < np.inf):
        raise BadSetting(f"{name}={value!r} must be a number, 0 or more")
    return float(value)


def share(name: str, value: Any) -> float:
    """Return a number from 0 to below 1."""
    if at_least_zero(name, value) >= 1:
        raise BadSetting(f"{name}={value!r} must be a share, 0 or more and below 1")
    return float(value)


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number that is not below ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise BadSetting(f"{name}={value!r} must be a whole number, {least} or more")
    return int(value)
