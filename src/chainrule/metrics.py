"""How good predictions are: scores, the baseline, and the linear model beside it.

Why not scikit-learn's: ``import sklearn.metrics`` takes 1.0 s and 60 MB beside what
is loaded already (it draws in scipy.stats, and pandas where that is installed),
and ``chainrule train`` has 2.5 s and 300 MB for everything. The tests compare
every score, and the linear model, with scikit-learn's.

The baseline is a network too: no weights, and a bias that gives every row the
shares of the classes, or the mean. So all three are scored by the same lines.
"""

from __future__ import annotations

from dataclasses import replace
from math import log, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.columns import Target
from chainrule.ensemble import Ensemble, single
from chainrule.network import Network

LINEAR_EPOCHS = 1000
LINEAR_PATIENCE = 20
LINEAR_TOLERANCE = 1e-7

Floats = NDArray[np.float64]


def scores(
    ensemble: Ensemble,
    target: Target,
    X: NDArray[Any],
    values: NDArray[Any],
    coverage: float | None = None,
) -> dict[str, float]:
    """Return the scores of a network, or of the mean of several, on some rows.

    Parameters
    ----------
    ensemble : chainrule.Ensemble
    target : chainrule.columns.Target
    X : ndarray of shape (n, n_in)
    values : ndarray of shape (n,)
        Class numbers, or standardised values, as ``chainrule.table.target_values``
        gives them. Errors are in the target's own units.
    coverage : float, optional
        Of intervals: then the scores have the share of the rows that lie in them, and
        their width.

    Examples
    --------
    >>> network = single(Network((1, 1)), np.array([1.0, 0.0]))
    >>> target = Target("y", "regression", mean=5.0, scale=10.0)
    >>> X = np.array([[1.0], [2.0]])
    >>> scores(network, target, X, np.array([1.0, 1.5]))["mae"]
    2.5
    """
    if target.task == "classification":
        found = class_scores(values, probabilities(ensemble, X).astype(np.float64))
        loss = log_loss(ensemble, X, values)
        return {"accuracy": found["accuracy"], "log_loss": loss, "roc_auc": found["roc_auc"]}
    given = ensemble.mean(X)[:, 0].astype(np.float64)
    found = number_scores(values * target.scale + target.mean, given * target.scale + target.mean)
    if coverage is not None:
        margin = float(ensemble.margin(coverage)[0])
        found["covered"] = float((np.abs(values - given) <= margin).mean())
        found["width"] = 2 * margin * target.scale
    return found


def probabilities(ensemble: Ensemble, X: NDArray[Any]) -> NDArray[Any]:
    """Return the probability of each class, of shape (n, K), also where one output gives two.

    Examples
    --------
    >>> network = Network((1, 1), output="sigmoid", loss="binary_cross_entropy")
    >>> probabilities(single(network, np.array([0.0, 0.0])), np.ones((1, 1)))
    array([[0.5, 0.5]])
    """
    outputs = ensemble.mean(X)
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def class_scores(codes: NDArray[np.int64], probabilities: Floats) -> dict[str, float]:
    """Return accuracy and area under the ROC curve.

    The area is the chance that a row of the class gets a higher probability than
    another row, ties counting half; for three classes or more it is the mean over
    the classes, each against the rest. NaN where a class has none or all rows.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        The class numbers.
    probabilities : ndarray of shape (n, K)

    Examples
    --------
    >>> class_scores(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]))
    {'accuracy': 0.6666666666666666, 'roc_auc': 1.0}
    """
    found = probabilities.argmax(axis=1)
    classes = range(1, 2) if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    areas = [_area(codes == k, probabilities[:, k]) for k in classes]
    return {"accuracy": float((found == codes).mean()), "roc_auc": float(np.mean(areas))}


def _area(positive: NDArray[np.bool_], score: Floats) -> float:
    n = int(positive.sum())
    others = len(positive) - n
    if n == 0 or others == 0:
        return nan
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[place][positive].sum() - n * (n + 1) / 2) / (n * others))


def number_scores(y: Floats, predictions: Floats) -> dict[str, float]:
    """Return root mean squared error, mean absolute error, and R2, the share explained.

    R2 is NaN for fewer than two different values.

    Examples
    --------
    >>> number_scores(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    {'rmse': 0.7071067811865476, 'mae': 0.5, 'r2': 0.5}
    """
    error = y - predictions
    spread = float(((y - y.mean()) ** 2).sum())
    return {
        "rmse": sqrt(float((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "r2": 1.0 - float((error**2).sum()) / spread if spread > 0.0 else nan,
    }


def log_loss(ensemble: Ensemble, X: NDArray[Any], codes: NDArray[np.int64]) -> float:
    """Return the mean of -log(probability of the row's own class), from the scores.

    Examples
    --------
    >>> network = Network((1, 1), output="sigmoid", loss="binary_cross_entropy")
    >>> log_loss(single(network, np.zeros(2)), np.zeros((4, 1)), np.array([0, 1, 1, 0]))
    0.6931471805599453
    """
    from scipy.special import log_expit, log_softmax, logsumexp

    plain = replace(ensemble, network=replace(ensemble.network, output="identity"))
    Z = plain.outputs(X).astype(np.float64)
    if Z.shape[2] == 1:
        logs = np.concatenate([log_expit(-Z), log_expit(Z)], axis=2)
    else:
        logs = log_softmax(Z, axis=2)
    mean = logsumexp(logs, axis=0) - log(len(Z))
    return -float(mean[np.arange(len(codes)), codes].mean())


def baseline(network: Network, Y: NDArray[Any]) -> Ensemble:
    """Return a network that gives every row the mean of Y: the mean, or the classes' shares.

    Parameters
    ----------
    network : Network
        The one that it is to be compared with.
    Y : ndarray of shape (n, n_out)
        What that is trained on.

    Examples
    --------
    >>> baseline(Network((1, 8, 1)), np.array([[1.0], [2.0]])).mean([[7.0]])
    array([[1.5]])
    """
    constant = _without_hidden(network)
    parameters = np.zeros(constant.n_parameters, dtype=Y.dtype)
    mean = Y.mean(axis=0, dtype=np.float64)
    tiny = np.finfo(np.float32).tiny  # the share of a class that no training row has
    scores = {
        "softmax": lambda: np.log(np.maximum(mean, tiny)),
        "sigmoid": lambda: np.log(np.maximum(mean, tiny)) - np.log(np.maximum(1 - mean, tiny)),
        "exp": lambda: np.log(np.maximum(mean, tiny)),
    }
    parameters[-len(mean) :] = scores[constant.output]() if constant.output in scores else mean
    return single(constant, parameters)


def linear(network: Network, X: NDArray[Any], Y: NDArray[Any]) -> Ensemble:
    """Train the network without its hidden layers, to convergence.

    That is ridge regression, or logistic regression, with the penalty that
    scikit-learn has by default (alpha = 1, C = 1), which is l2 = 1 / n here.

    Parameters
    ----------
    network : Network
        The one that it is to be compared with.
    X : ndarray of shape (n, n_in)
    Y : ndarray of shape (n, n_out)

    Examples
    --------
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> line = linear(Network((1, 8, 1)), X, np.array([[-3.0], [1.0], [5.0]]))
    >>> line.parameters.round(2)  # sum of x y / (sum of x^2 + 1), and the mean
    array([[2.67, 1.  ]])
    """
    from chainrule.loop import train

    plain = _without_hidden(network)
    training = train(
        plain,
        X,
        Y,
        solver="rprop",
        batch_size=None,
        shuffle=False,
        epochs=LINEAR_EPOCHS,
        patience=LINEAR_PATIENCE,
        tolerance=LINEAR_TOLERANCE,
        l2=1.0 / len(X),
        scheme="zeros",
        dtype=X.dtype,
    )
    return single(plain, training.parameters)


def _without_hidden(network: Network) -> Network:
    """Return the linear network of the same outputs; a sigmoid's loss is the convex one."""
    sizes = (network.sizes[0], network.sizes[-1])
    own = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}.get(network.output)
    if own:
        return Network(sizes, output=network.output, loss=own)
    return replace(network, sizes=sizes, hidden="relu")
