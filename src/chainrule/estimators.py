"""``MLPClassifier`` and ``MLPRegressor``: the parameters and the course of scikit-learn's classes.

With the same ``random_state`` the initial weights, the split for early stopping and the
order of the batches are scikit-learn's own, so the trained weights agree too.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import issparse
from scipy.special import xlogy
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule import kernels
from chainrule.arguments import own_parameters
from chainrule.engine import forward
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
CLOSED_UNIT = {"left": 0, "right": 1}


def _stochastic(estimator: Any) -> bool:
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class _Steps:
    """The compiled steps on one set of data."""

    def __init__(
        self, model: Any, network: Network, theta: NDArray[Any], data: Data, batch: int
    ) -> None:
        samples = min(batch, SAMPLES_AT_ONCE)
        plan = lay_out(network, theta.itemsize, samples, training=True)
        solver, own = _rule_of(model)
        settings = Settings(
            batch_size=batch,
            shuffle=False,
            optimiser=kernels.NO_OPTIMISER if solver is None else list(OPTIMISERS).index(solver),
            hyperparameters=own_parameters(solver or "gd", own),
            l1=0.0,
            l2=0.0,
            alpha=float(model.alpha),
            clip_norm=np.inf,
            patience=-1,
            tolerance=0.0,
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

    def slope(self, theta: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Return loss and gradient at other parameters."""
        self.state.theta[:] = theta
        loss = self.epoch(0.0)
        return loss, self.state.gradient.copy()


def _rule_of(model: Any) -> tuple[str | None, dict[str, float]]:
    """Return the rule of a solver, and the rule's own parameters."""
    if model.solver == "adam":
        betas = {"beta1": model.beta_1, "beta2": model.beta_2}
        return "adam_section2", betas | {"epsilon": model.epsilon}
    if model.solver == "sgd":
        return "nesterov" if model.nesterovs_momentum else "sgd", {"momentum": model.momentum}
    return None, {}


class _Perceptron(BaseEstimator):  # type: ignore[misc]
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
        inner = tuple(part.shape[1] for part in self.coefs_)
        return Network(
            (len(self.coefs_[0]), *inner),
            hidden=HIDDEN[self.activation],
            output=OUTPUTS[self.out_activation_],
            loss=LOSSES[self.out_activation_],
        )

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
        for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True):
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
        self._optimiser_ = None
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self.validation_scores_: list[float] | None = [] if early else None
            self.best_validation_score_ = -np.inf if early else None
            self.best_loss_ = None if early else np.inf

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
        if issparse(X):
            X = X.toarray()
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
        steps = _Steps(self, network, start.copy(), data, len(X))
        found = minimize(
            steps.slope,
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
        held = None
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

    def _outputs(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        dense = X.toarray() if issparse(X) else X
        return forward(self._network(), self._packed(), dense)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train on a matrix (n, n_in) and its targets."""
        return self._fit(X, y, sample_weight, incremental=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class MLPClassifier(ClassifierMixin, _Perceptron):  # type: ignore[misc]
    """In the place of ``sklearn.neural_network.MLPClassifier``."""

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: str = "relu", *,
        solver: str = "adam", alpha: float = 0.0001, batch_size: int | str = "auto",
        learning_rate: str = "constant", learning_rate_init: float = 0.001, power_t: float = 0.5,
        max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
    ) -> None:  # fmt: skip
        _keep(self, locals())

    def _output_name(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True,
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            classes = unique_labels(y)
            if self.warm_start and set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
            if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
                raise ValueError(
                    "`y` has classes not in `self.classes_`. `self.classes_` has "
                    f"{self.classes_}. 'y' has {classes}."
                )
        return X, self._label_binarizer.transform(y).astype(bool)

    def _labels(self, outputs: NDArray[Any]) -> NDArray[Any]:
        flat = outputs.ravel() if self.n_outputs_ == 1 else outputs
        return self._label_binarizer.inverse_transform(flat)  # type: ignore[no-any-return]

    def _score_of(self, y: NDArray[Any], outputs: NDArray[Any], weight: Any) -> float:
        truth = self._label_binarizer.inverse_transform(y)
        return float(accuracy_score(truth, self._labels(outputs), sample_weight=weight))

    @available_if(_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """Train for one epoch on further rows."""
        if _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, or the labels of a multilabel target."""
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, (n, n_classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithm of ``predict_proba``."""
        return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _Perceptron):  # type: ignore[misc]
    """In the place of ``sklearn.neural_network.MLPRegressor``."""

    _parameter_constraints = _Perceptron._parameter_constraints | {
        "loss": [StrOptions({"squared_error", "poisson"})]
    }

    def __init__(
        self, loss: str = "squared_error", hidden_layer_sizes: Any = (100,),
        activation: str = "relu", *,
        solver: str = "adam", alpha: float = 0.0001, batch_size: int | str = "auto",
        learning_rate: str = "constant", learning_rate_init: float = 0.001, power_t: float = 0.5,
        max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
    ) -> None:  # fmt: skip
        _keep(self, locals())

    def _output_name(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _score_of(self, y: NDArray[Any], outputs: NDArray[Any], weight: Any) -> float:
        return float(r2_score(y, outputs, sample_weight=weight))

    @available_if(_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one epoch on further rows."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the value of each row, (n,) or (n, n_out)."""
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs


def _keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Keep every argument of a constructor under its own name."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
