"""What ``MLPClassifier`` and ``MLPRegressor`` share: the course of scikit-learn's classes.

With the same ``random_state`` the initial weights, the split for early stopping and the
order of the batches are scikit-learn's own, so the trained weights agree too.

Two losses are reported otherwise, and gradients are alike: over several outputs half the
squared error is their sum (scikit-learn reports the mean, and follows the gradient of the
sum), and the mean over an epoch's batches is taken with the sample weights.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import issparse
from scipy.special import xlogy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule import kernels
from chainrule.arguments import own_parameters
from chainrule.engine import Objective, forward
from chainrule.layout import (
    EPOCHS,
    FIRST_STEP,
    SAMPLES_AT_ONCE,
    STEP,
    Chunk,
    Data,
    Settings,
    fresh_state,
    lay_out,
    no_data,
)
from chainrule.network import Network
from chainrule.rules import OPTIMISERS

HIDDEN = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
OUTPUTS = {"identity": "identity", "logistic": "sigmoid", "softmax": "softmax", "exp": "exp"}
LOSSES = {
    "identity": "half_squared_error",
    "logistic": "binary_cross_entropy",
    "softmax": "cross_entropy",
    "exp": "poisson",
}
STOCHASTIC = ("sgd", "adam")


def stochastic(estimator: Any) -> bool:
    """Say that a solver goes step by step, or raise AttributeError."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


@lru_cache(maxsize=64)
def _network(sizes: tuple[int, ...], activation: str, output: str) -> Network:
    return Network(sizes, hidden=HIDDEN[activation], output=OUTPUTS[output], loss=LOSSES[output])


def _dense(X: Any) -> NDArray[Any]:
    return X.toarray() if issparse(X) else X  # type: ignore[attr-defined, no-any-return]


class _Steps:
    """The compiled steps on one set of data."""

    def __init__(
        self, model: Any, network: Network, theta: NDArray[Any], data: Data, batch: int
    ) -> None:
        samples = min(batch, SAMPLES_AT_ONCE)
        plan = lay_out(network, theta.itemsize, samples, training=True)
        solver, own = _rule_of(model)
        settings = Settings(
            batch,
            own_parameters(solver, own),
            list(OPTIMISERS).index(solver),
            alpha=float(model.alpha),
        )
        self.plan, self.settings, self.data = plan, settings, data
        self.state = fresh_state(plan, theta, samples, 0)

    def epoch(self, rate: float) -> float:
        """Run through the data once; return the mean loss, or NaN if it overflowed."""
        chunk = Chunk(0, np.array([rate]), np.zeros(1), np.zeros(0))
        place = self.state.place
        place[FIRST_STEP], place[EPOCHS] = place[STEP], 0
        held = no_data(self.data)
        status = kernels.run(self.plan, self.settings, self.state, self.data, held, chunk)
        return np.nan if status == kernels.DIVERGED else float(chunk.losses[0])


def _rule_of(model: Any) -> tuple[str, dict[str, float]]:
    """Return the rule of a solver, and the rule's own parameters."""
    if model.solver == "adam":
        betas = {"beta1": model.beta_1, "beta2": model.beta_2}
        return "adam_section2", betas | {"epsilon": model.epsilon}
    return "nesterov" if model.nesterovs_momentum else "sgd", {"momentum": model.momentum}


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share."""

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN))],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
    }

    def _network(self) -> Network:
        sizes = (len(self.coefs_[0]), *(part.shape[1] for part in self.coefs_))
        return _network(sizes, self.activation, self.out_activation_)

    def _packed(self) -> NDArray[Any]:
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        return np.concatenate([np.ravel(part) for pair in pairs for part in pair])

    def _unpack(self, network: Network, theta: NDArray[Any]) -> None:
        layers = network.layers(theta)
        self.coefs_ = [W.copy() for W, _ in layers]
        self.intercepts_ = [b.copy() for _, b in layers]

    def _draw(self, sizes: list[int], dtype: Any) -> None:
        """Draw weights and biases as Glorot and Bengio (2010) do, from the random state."""
        factor = 2.0 if self.activation == "logistic" else 6.0
        self.coefs_, self.intercepts_ = [], []
        for fan_in, fan_out in pairwise(sizes):
            bound = np.sqrt(factor / (fan_in + fan_out))
            W = self._random_state.uniform(-bound, bound, (fan_in, fan_out))
            b = self._random_state.uniform(-bound, bound, fan_out)
            self.coefs_.append(W.astype(dtype, copy=False))
            self.intercepts_.append(b.astype(dtype, copy=False))

    def _begin(self, sizes: list[int], dtype: Any) -> None:
        self.n_iter_, self.t_ = 0, 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_name()
        self._draw(sizes, dtype)
        self._optimiser_: Any = None
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self.validation_scores_: list[float] | None = [] if early else None
            self.best_validation_score_: Any = -np.inf if early else None
            self.best_loss_: Any = None if early else np.inf

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        self._validate_params()
        given = self.hidden_layer_sizes
        hidden = list(given) if np.iterable(given) else [given]
        if any(size <= 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        y = y.reshape(len(y), -1)
        self.n_outputs_ = y.shape[1]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._begin([X.shape[1], *hidden, self.n_outputs_], X.dtype)
        X = _dense(X)
        if self.solver == "lbfgs":
            self._fit_lbfgs(X, y, sample_weight)
        else:
            self._fit_stochastic(X, y, sample_weight, incremental)
        if not all(np.isfinite(part).all() for part in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _data(self, X: NDArray[Any], y: NDArray[Any], weight: Any, dtype: Any) -> Data:
        share = np.zeros(0, dtype) if weight is None else np.array(weight, dtype)
        rows = np.ascontiguousarray(X, dtype)
        rows = rows if rows.flags.writeable else rows.copy()
        return Data(rows, np.array(y, dtype, order="C"), share, np.arange(len(X), dtype=np.int32))

    def _shift(self, y: NDArray[Any], weight: Any) -> float:
        """Return what scikit-learn's loss has more than ours: the deviance's own constant."""
        if self.out_activation_ != "exp":
            return 0.0
        return float(np.average(xlogy(y, y) - y, weights=weight, axis=0).sum())

    def _fit_lbfgs(self, X: NDArray[Any], y: NDArray[Any], weight: Any) -> None:
        network, dtype = self._network(), self.coefs_[0].dtype
        start = self._packed().astype(np.float64)
        data = self._data(X, y, weight, np.float64)
        found = minimize(
            Objective(network, data, alpha=float(self.alpha)).loss_and_gradient,
            start,
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": self.max_fun, "maxiter": self.max_iter, "gtol": self.tol},
        )
        self.n_iter_ = min(found.nit, self.max_iter)
        if found.status != 0:
            warnings.warn(
                f"lbfgs failed to converge after {found.nit} iteration(s) (status={found.status}): "
                f"{found.message}",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.loss_ = found.fun + self._shift(y, weight)
        self._unpack(network, found.x.astype(dtype))

    def _split(self, X: NDArray[Any], y: NDArray[Any], weight: Any) -> tuple[Any, Any]:
        """Return the training and the validation part of rows, targets and weights."""
        stratify = y if self.n_outputs_ == 1 and isinstance(self, ClassifierMixin) else None
        arrays = (X, y) if weight is None else (X, y, weight)
        parts = train_test_split(
            *arrays,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        none = () if weight is not None else (None,)
        return (*parts[0::2], *none), (*parts[1::2], *none)

    def _batch(self, n: int) -> int:
        if isinstance(self.batch_size, str):
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=4,
            )
        return int(np.clip(self.batch_size, 1, n))

    def _fit_stochastic(
        self, X: NDArray[Any], y: NDArray[Any], weight: Any, incremental: bool
    ) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        held: Any = None
        if self.early_stopping:
            (X, y, weight), held = self._split(X, y, weight)
        n, network = len(X), self._network()
        data = self._data(X, y, weight, self.coefs_[0].dtype)
        steps = _Steps(self, network, self._packed(), data, self._batch(n))
        state, rate = steps.state, self.learning_rate_init
        if incremental and self._optimiser_ is not None:
            state.m[:], state.v[:], state.place[STEP], rate = self._optimiser_
        shift, best = self._shift(y, weight), state.theta.copy()
        self.n_iter_ = 0
        try:
            for _ in range(1 if incremental else self.max_iter):
                if self.shuffle:
                    indices = np.arange(n)
                    self._random_state.shuffle(indices)
                    data.order[:] = data.order[indices]
                loss = steps.epoch(rate)
                if np.isnan(loss):
                    state.theta[:] = np.nan
                self.n_iter_ += 1
                self.loss_ = loss + shift
                self.t_ += n
                self.loss_curve_.append(self.loss_)
                if self.verbose:
                    print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")  # noqa: T201
                if self._improves(network, state.theta, held):
                    best = state.theta.copy()
                if self.solver == "sgd" and self.learning_rate == "invscaling":
                    rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
                if self._no_improvement_count > self.n_iter_no_change:
                    adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
                    if not adaptive or rate <= 1e-6:
                        break
                    rate /= 5.0
                    self._no_improvement_count = 0
                if not incremental and self.n_iter_ == self.max_iter:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
                        "the optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=4,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._optimiser_ = (state.m, state.v, state.place[STEP], rate)
        self._unpack(network, best if self.early_stopping else state.theta)

    def _improves(self, network: Network, theta: NDArray[Any], held: Any) -> bool:
        """Enter an epoch's score or loss; say whether it is the best validation score."""
        if held is None:
            loss = self.loss_curve_[-1]
            worse = loss > self.best_loss_ - self.tol
            self.best_loss_ = min(loss, self.best_loss_)
            better = False
        else:
            X, y, weight = held
            outputs = forward(network, theta, X)
            score = self._score_of(y, outputs, weight) if np.isfinite(outputs).all() else np.nan
            self.validation_scores_.append(score)  # type: ignore[union-attr]
            if self.verbose:
                print(f"Validation score: {score:f}")  # noqa: T201
            worse = score < self.best_validation_score_ + self.tol
            better = score > self.best_validation_score_
            if better:
                self.best_validation_score_ = score
        self._no_improvement_count = self._no_improvement_count + 1 if worse else 0
        return bool(better)

    def _is_plain(self, X: Any) -> bool:
        """Say whether X needs no check: scikit-learn's takes longer than to predict a row."""
        return (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype == self.coefs_[0].dtype
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X).all())
        )

    def _outputs(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        if not self._is_plain(X):
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return forward(self._network(), self._packed(), _dense(X))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train on a matrix (n, n_in) and its targets."""
        return self._fit(X, y, sample_weight, incremental=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Keep every argument of a constructor under its own name."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
