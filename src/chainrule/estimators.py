"""``MLPClassifier`` and ``MLPRegressor``: scikit-learn's classes on this package's engine."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)

from chainrule.frames import checked
from chainrule.perceptron import Perceptron, keep, stochastic

LOSSES = {
    "squared_error": "half_squared_error",
    "poisson": "poisson",
    "absolute_error": "absolute_error",
    "huber": "huber",
    "quantile": "quantile",
}


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """In the place of ``sklearn.neural_network.MLPClassifier``.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, ... :
        Those of scikit-learn 1.9, with the same meanings and defaults.
    activation : str, function, or a sequence of these, default "relu"
        One for all hidden layers, or one for each: logistic, or any in
        ``chainrule.network.HIDDEN``.
    solver : str, default "adam"
        Besides scikit-learn's: adamw, rmsprop, rprop, gd.
    learning_rate : str, default "constant"
        Besides scikit-learn's, for every stepwise solver: cosine and one_cycle over
        ``max_iter`` epochs, and plateau.
    scoring : str or callable, optional
        What early stopping looks at: a scorer of scikit-learn, or "loss". Default:
        the accuracy.
    l1 : float, default 0
        Adds l1 sum |w| over the weights.
    dropout : float, default 0
        The share of the hidden neurons' outputs that every step leaves out at random.
    clip_norm : float, optional
        Shorten gradients that are longer than this.
    early_stopping : bool, default False
        Of the stepwise solvers: lbfgs and lm pay no regard to it, nor to validation data.
        In ``partial_fit`` it wants validation data of your own.
    verbose : bool, int or "bar", default False
        "bar" shows a bar on standard error if that is a terminal; else there are lines.
    callback : callable, optional
        Called with the estimator after every epoch, of lbfgs and lm after every step; True
        stops.
    n_restarts : int, default 1
        Train from so many initial weights, and keep the best by validation score, else
        by loss. ``n_jobs`` of them run at a time, in threads; the result is the same.
        After Ctrl-C no other is begun, and the best of what there is is kept.
    class_weight : dict, "balanced" or None
        The weight of each class's rows, beside the sample weights.
    coefs_init, intercepts_init : list of array-like, optional
        W and b of each layer to begin from, in place of those that are drawn. With
        ``max_iter=0`` nothing is trained: the weights stay as they are.
    checkpoint : path, optional
        A ``.safetensors`` file that is written every few seconds and at the end of a fit. The
        same fit goes on from it, to the same bits as without a stop; of several restarts
        each has a file, with its number put after the name. For stepwise solvers and a
        ``random_state`` that is a number; ``partial_fit`` leaves it alone.
    categorical_features : "from_dtype", mapping or None, default None
        "from_dtype": X is a data frame of pandas, polars or pyarrow, with text, categories,
        dates and missing values. Numbers and dates are standardised, text and categories
        one-hot encoded, what is missing is filled in and marked, and constants, identifiers
        and free text are left out: as the command does, by ``chainrule.table.learn_inputs``.
        A mapping of column names to kinds ("numeric", "categorical", "boolean", "date",
        "dropped") says of some columns what they are. None: X is a matrix of numbers.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        W of shape (n_in, n_out) and b of shape (n_out,) of each layer.
    loss_curve_, loss_, best_loss_, validation_scores_, best_validation_score_
        The course of the training, an epoch each.
    validation_loss_curve_ : list of float
        The loss on the validation data, without penalty, after each epoch.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_
        As in scikit-learn.
    table_ : chainrule.table.Inputs
        With ``categorical_features``: what each column became. ``summary_rows(table_)`` of
        ``chainrule.table`` says it for people, ``feature_names(table_)`` names the inputs.

    Examples
    --------
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], ["no", "yes", "yes", "no"]
    >>> model = MLPClassifier((8,), activation="tanh", solver="lbfgs", random_state=1)
    >>> model.fit(X, y).predict(X).tolist()
    ['no', 'yes', 'yes', 'no']
    """

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *,
        solver: str = "adam", alpha: float = 0.0001, batch_size: int | str = "auto",
        learning_rate: str = "constant", learning_rate_init: float = 0.001, power_t: float = 0.5,
        max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool | str = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
        l1: float = 0.0, dropout: float = 0.0, clip_norm: float | None = None, scoring: Any = None,
        callback: Any = None, n_restarts: int = 1, n_jobs: int | None = None,
        class_weight: Any = None, coefs_init: Any = None, intercepts_init: Any = None,
        checkpoint: Any = None,
        categorical_features: Any = None,
    ) -> None:  # fmt: skip
        keep(self, locals())

    _parameter_constraints = Perceptron._parameter_constraints | {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    def _loss_name(self) -> str:
        return {"softmax": "cross_entropy"}.get(self.out_activation_, "binary_cross_entropy")

    def _loss_parameter(self) -> None:
        return None

    def _class_weighted(self, y: Any, weight: Any) -> Any:
        if self.class_weight is None:
            return weight
        of_class = compute_sample_weight(self.class_weight, y)
        return of_class if weight is None else weight * of_class

    def _truth(self, y: NDArray[Any]) -> NDArray[Any]:
        truth: NDArray[Any] = self._label_binarizer.inverse_transform(y)
        return truth

    def _output_name(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = checked(self, X, y, reset)
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
        labels: NDArray[Any]
        if self.out_activation_ == "softmax":
            labels = self.classes_[outputs.argmax(axis=1)]
        elif self.n_outputs_ == 1 and len(self.classes_) == 2:
            labels = self.classes_[(outputs[:, 0] > 0.5).astype(np.intp)]
        else:  # several labels, or a single class
            flat = outputs.ravel() if self.n_outputs_ == 1 else outputs
            labels = self._label_binarizer.inverse_transform(flat)
        return labels

    def _score_of(self, y: NDArray[Any], outputs: NDArray[Any], weight: Any) -> float:
        return float(accuracy_score(self._truth(y), self._labels(outputs), sample_weight=weight))

    @available_if(stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None,
        X_val: Any = None, y_val: Any = None, sample_weight_val: Any = None,
    ) -> Any:  # fmt: skip
        """Train for one epoch on further rows; the first call is told all ``classes``."""
        multilabel = type_of_target(y).startswith("multilabel")
        if classes is None and multilabel and not hasattr(self, "classes_"):
            classes = np.arange(np.shape(y)[1])
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, True, (X_val, y_val, sample_weight_val))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, or the labels of a multilabel target."""
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, (n, n_classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithm of ``predict_proba``."""
        logarithms: NDArray[Any] = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """In the place of ``sklearn.neural_network.MLPRegressor``.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, ... :
        As of ``MLPClassifier``, but for ``class_weight``. ``scoring`` is R2 by default.
    solver : str, default "adam"
        One more: lm (Levenberg-Marquardt).
    loss : str or function, default "squared_error"
        Besides scikit-learn's: absolute_error, huber, quantile, or a rule of your own,
        ``f(a, y) -> (loss, slope)``.
    loss_parameter : float, optional
        delta of huber (default 1), level of quantile (default 0.5).

    Attributes
    ----------
    coefs_, intercepts_, loss_curve_, ...
        As of ``MLPClassifier``, but for ``classes_``.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=1)
    >>> model.fit(X, X.ravel() ** 2).score(X, X.ravel() ** 2) > 0.99
    True
    """

    _parameter_constraints = Perceptron._parameter_constraints | {
        "loss": [StrOptions(set(LOSSES)), callable],
        "loss_parameter": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self, loss: Any = "squared_error", hidden_layer_sizes: Any = (100,),
        activation: Any = "relu", *,
        solver: str = "adam", alpha: float = 0.0001, batch_size: int | str = "auto",
        learning_rate: str = "constant", learning_rate_init: float = 0.001, power_t: float = 0.5,
        max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool | str = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
        l1: float = 0.0, dropout: float = 0.0, clip_norm: float | None = None, scoring: Any = None,
        callback: Any = None, n_restarts: int = 1, n_jobs: int | None = None,
        loss_parameter: float | None = None, coefs_init: Any = None, intercepts_init: Any = None,
        checkpoint: Any = None,
        categorical_features: Any = None,
    ) -> None:  # fmt: skip
        keep(self, locals())

    def _loss_name(self) -> Any:
        return LOSSES.get(self.loss, self.loss)

    def _loss_parameter(self) -> float | None:
        return self.loss_parameter  # type: ignore[no-any-return]

    def _truth(self, y: NDArray[Any]) -> NDArray[Any]:
        return y

    def _output_name(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = checked(self, X, y, reset, y_numeric=True)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _score_of(self, y: NDArray[Any], outputs: NDArray[Any], weight: Any) -> float:
        return float(r2_score(y, outputs, sample_weight=weight))

    @available_if(stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None,
        X_val: Any = None, y_val: Any = None, sample_weight_val: Any = None,
    ) -> Any:  # fmt: skip
        """Train for one epoch on further rows."""
        return self._fit(X, y, sample_weight, True, (X_val, y_val, sample_weight_val))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the value of each row, (n,) or (n, n_out)."""
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs
