"""The engine's face: forward, outputs of every layer, loss and gradient, for NumPy arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule import kernels
from chainrule.errors import BadSetting
from chainrule.layout import (
    SAMPLES_AT_ONCE,
    Chunk,
    Data,
    Plan,
    Settings,
    begin,
    lay_out,
    no_data,
    workspace,
)
from chainrule.loops import HYPERPARAMETERS
from chainrule.network import Network

FIRST = np.zeros(1, np.int32)  # the order of a single row
TARGET_RANGES = {
    "binary_cross_entropy": (0.0, 1.0),
    "cross_entropy": (0.0, 1.0),
    "poisson": (0.0, np.inf),
}


def forward(network: Network, parameters: NDArray[Any], X: ArrayLike) -> NDArray[Any]:
    """Return the network's outputs.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
        float64 or float32; the computation and the result are of the same type.
    X : array-like of shape (n, n_in)

    Returns
    -------
    ndarray of shape (n, n_out)

    Examples
    --------
    >>> network = Network((2, 1), output="sigmoid")
    >>> float(forward(network, np.array([1.0, -1.0, 0.0]), [[3.0, 3.0]])[0, 0])
    0.5
    """
    return _outputs(network, parameters, X, first=len(network.sizes) - 1)


def layer_outputs(network: Network, parameters: NDArray[Any], X: ArrayLike) -> list[NDArray[Any]]:
    """Return the outputs of every layer after the input, each of shape (n, neurons)."""
    joined = _outputs(network, parameters, X, first=1)
    return np.split(joined, np.cumsum(network.sizes[1:-1]), axis=1)


def gradient(
    network: Network,
    parameters: NDArray[Any],
    X: ArrayLike,
    Y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, NDArray[Any]]:
    """Return the loss and its gradient.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    X : array-like of shape (n, n_in)
    Y : array-like of shape (n, n_out), or (n,) for one output
        For ``cross_entropy`` also (n,) whole numbers, the class of each sample.
    sample_weight : array-like of shape (n,), optional
        The loss is the mean with these weights.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n_parameters,)

    Notes
    -----
    Back-propagation, equations (24) and (25) for every layer: with
    delta = dL/dZ, dL/dW = A_before^T delta, dL/db the sum of delta over the
    samples, and delta_before = (delta W^T) f'(Z_before).

    Examples
    --------
    >>> network = Network((1, 1))
    >>> loss, slope = gradient(network, np.array([2.0, 0.0]), [[3.0]], [1.0])
    >>> loss, slope.tolist()
    (12.5, [15.0, 5.0])
    """
    theta = checked_parameters(network, parameters)
    data = checked_data(network, X, Y, sample_weight, theta.dtype)
    return Objective(network, data).loss_and_gradient(theta)


def mean_loss(
    network: Network,
    parameters: NDArray[Any],
    X: ArrayLike,
    Y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the loss alone; the arguments are those of ``gradient``."""
    theta = checked_parameters(network, parameters)
    data = checked_data(network, X, Y, sample_weight, theta.dtype)
    return Objective(network, data).loss(theta)


class Objective:
    """The penalised loss of some samples, and its gradient, at any parameters.

    Parameters
    ----------
    network : Network
    data : Data
        As ``checked_data`` gives them; the computation is of their type.
    **settings : float
        Of ``Settings``: l1 and l2 add l1 sum |w| + l2 / 2 sum w^2 over the weights (biases
        are free); alpha is as l2, but divided by the weight of the samples; share is of the
        data's loss in what is reported.
    """

    def __init__(self, network: Network, data: Data, **settings: float) -> None:
        n, dtype = len(data.X), data.X.dtype
        if n == 0:
            raise BadSetting("X has no rows: there is nothing to average over")
        self.data = data
        self.settings = Settings(n, np.zeros(HYPERPARAMETERS), **settings)  # type: ignore[arg-type]
        theta = np.zeros(network.n_parameters, dtype)
        self.plan, self.state = begin(network, theta, batch_size=n, seed=0)

    def _run(self, theta: NDArray[Any], learn: Data, look: Data) -> Chunk:
        self.state.theta[:] = theta
        chunk = Chunk(0, np.zeros(1), np.zeros(1), np.zeros(1))
        status = kernels.run(self.plan, self.settings, self.state, learn, look, chunk)
        if status == kernels.DIVERGED:
            chunk.losses[0] = np.nan
        return chunk

    def loss_and_gradient(self, theta: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Return the loss (NaN where it overflows) and its gradient."""
        loss = float(self._run(theta, self.data, no_data(self.data)).losses[0])
        return loss, self.state.gradient.copy()

    def loss(self, theta: NDArray[Any]) -> float:
        """Return the loss alone, without penalty."""
        return float(self._run(theta, no_data(self.data), self.data).validation_losses[0])


def _outputs(network: Network, parameters: NDArray[Any], X: ArrayLike, first: int) -> NDArray[Any]:
    parameters = checked_parameters(network, parameters)
    data = checked_data(network, X, None, None, parameters.dtype)
    return outputs_of(network, parameters, data.X, first)


def outputs_of(
    network: Network, parameters: NDArray[Any], X: NDArray[Any], first: int
) -> NDArray[Any]:
    """Return the outputs of layers first, first + 1, ... for arrays that need no check.

    They are writeable, lie in C order and are of one type; for one row the checks would
    take longer than the network.
    """
    samples = 1 if len(X) == 1 else SAMPLES_AT_ONCE
    plan, targets, weight = _constants(network, X.dtype, samples)
    order = FIRST if samples == 1 else np.arange(len(X), dtype=np.int32)
    result = np.empty((len(X), sum(network.sizes[first:])), X.dtype)
    work = workspace(plan, samples, X.dtype)
    kernels.outputs(tuple(plan), parameters, (X, targets, weight, order), work, first, result)
    return result


@lru_cache(maxsize=64)
def _constants(network: Network, dtype: Any, samples: int) -> tuple[Plan, Any, Any]:
    """Return the plan to give outputs by, and targets and weights of no sample."""
    plan = lay_out(network, dtype.itemsize, samples, training=False)
    return plan, np.empty((0, 0), dtype), np.empty(0, dtype)


def checked_parameters(network: Network, parameters: NDArray[Any]) -> NDArray[Any]:
    """Return parameters as a contiguous float vector of the network's length."""
    parameters = _writeable(np.ascontiguousarray(parameters))
    if parameters.dtype not in (np.float32, np.float64):
        parameters = parameters.astype(np.float64)
    network.layers(parameters)
    return parameters


def checked_data(
    network: Network, X: ArrayLike, Y: ArrayLike | None, sample_weight: ArrayLike | None, dtype: Any
) -> Data:
    """Return samples as the kernels take them, or say what is wrong with them."""
    rows = _matrix("X", X, network.sizes[0], dtype)
    n = len(rows)
    targets = np.zeros((0, network.sizes[-1]), dtype)
    if Y is not None:
        labels = np.asarray(Y)
        if network.loss == "cross_entropy" and labels.ndim == 1:
            labels = _one_hot(labels, network.sizes[-1])
        targets = _matrix("Y", labels, network.sizes[-1], dtype)
        if len(targets) != n:
            raise BadSetting(f"X has {n} rows and Y {len(targets)}; they must be equal")
        _check_range(network.loss, targets)
    weight = np.zeros(0, dtype)
    if sample_weight is not None:
        weight = _numbers("sample_weight", sample_weight, dtype)
        if weight.shape != (n,):
            raise BadSetting(f"sample_weight of shape {weight.shape} must be of shape ({n},)")
        if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
            raise BadSetting("sample_weight must be finite, not negative, and not all 0")
    return Data(rows, targets, _writeable(weight), np.arange(n, dtype=np.int32))


def _writeable(array: NDArray[Any]) -> NDArray[Any]:
    """Copy a read-only array: it is another type, for which kernels would be compiled again."""
    return array if array.flags.writeable else array.copy()


def _numbers(name: str, values: Any, dtype: Any) -> NDArray[Any]:
    try:
        with np.errstate(over="ignore"):  # what overflows is refused as infinite
            return np.ascontiguousarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name} must be an array of numbers: {error}") from None


def _matrix(name: str, values: Any, columns: int, dtype: Any) -> NDArray[Any]:
    array = _numbers(name, values, dtype)
    if array.ndim == 1 and columns == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2 or array.shape[1] != columns:
        raise BadSetting(
            f"{name} of shape {np.shape(values)} must be of shape (n, {columns}), a row a sample"
        )
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise BadSetting(
            f"{name} holds {array[row, column]} at row {row}, column {column} (from 0); "
            "the engine takes finite numbers only"
        )
    return _writeable(array)


def _check_range(loss: str, targets: NDArray[Any]) -> None:
    """Refuse targets for which a loss has no minimum."""
    least, most = TARGET_RANGES.get(loss, (-np.inf, np.inf))
    wrong = np.argwhere((targets < least) | (targets > most))
    if len(wrong):
        row, column = wrong[0]
        raise BadSetting(
            f"Y holds {targets[row, column]:g} at row {row} (from 0), but loss={loss!r} takes "
            f"targets from {least:g} to {most:g}"
        )


def _one_hot(labels: NDArray[Any], classes: int) -> NDArray[np.float64]:
    values = _numbers("Y", labels, np.float64)
    if not np.isin(values, np.arange(classes)).all():
        raise BadSetting(f"Y as classes must hold whole numbers from 0 to {classes - 1}")
    return np.eye(classes)[values.astype(np.int64)]
