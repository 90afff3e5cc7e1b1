"""What ``MLPClassifier`` and ``MLPRegressor`` share: the course of scikit-learn's classes.

With the same ``random_state`` the initial weights, the split for early stopping and the
order of the batches are scikit-learn's own, so the trained weights agree too.

The losses are scikit-learn's, too, which differ from ``chainrule.train``'s: over several
outputs the error is their mean, though the gradient that is followed is that of their sum;
and batches count by their rows in an epoch's loss, whatever the weight of these. Only the
constant of Poisson's deviance is that of all rows here, and of each batch there, which
differs where rows have weights.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

from chainrule.checkpoint import numbered
from chainrule.engine import Objective, forward, layer_outputs, outputs_of
from chainrule.frames import dense, to_predict
from chainrule.layout import Data
from chainrule.network import HIDDEN, Network
from chainrule.ownsteps import descend_to_the_end
from chainrule.restarts import trained
from chainrule.rules import WHOLESALE
from chainrule.schedules import SCHEDULES
from chainrule.stepwise import SKLEARNS_SCHEDULES, Part, run, split
from chainrule.telling import Watch
from chainrule.weights import Joined, drawn, given, in_one
from chainrule.wholesale import check_wholesale

OUTPUTS = {"identity": "identity", "logistic": "sigmoid", "softmax": "softmax", "exp": "exp"}
STOCHASTIC = ("sgd", "adam", "adamw", "rmsprop", "rprop", "gd")


def stochastic(estimator: Any) -> bool:
    """Say that a solver goes step by step, or raise AttributeError."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


@lru_cache(maxsize=64)
def _network(
    sizes: tuple[int, ...],
    activations: tuple[Any, ...],
    output: str,
    loss: Any,
    loss_parameter: float | None,
) -> Network:
    hidden = tuple({"logistic": "sigmoid"}.get(name, name) for name in activations)
    return Network(sizes, hidden, OUTPUTS[output], loss, loss_parameter)


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share."""

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"logistic", *HIDDEN}), callable, "array-like"],
        "solver": [StrOptions({*WHOLESALE, *STOCHASTIC})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({*SKLEARNS_SCHEDULES, *SCHEDULES} - {"inverse_scaling"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose", StrOptions({"bar"})],
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
        "l1": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, None],
        "callback": [callable, None],
        "checkpoint": [str, PathLike, None],
        "n_restarts": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "categorical_features": [dict, StrOptions({"from_dtype"}), None],
        "coefs_init": [list, tuple, None],
        "intercepts_init": [list, tuple, None],
    }

    _optimiser_: Any = None  # so that weights set by hand can be trained on
    _joined: Joined | None = None

    def _activations(self, layers: int) -> tuple[Any, ...]:
        """Return the activation of each hidden layer: a name, or a rule of the user's own."""
        if isinstance(self.activation, str) or callable(self.activation):
            return (self.activation,) * layers
        names = tuple(self.activation)
        if len(names) != layers:
            raise ValueError(
                f"activation names {len(names)} activations for {layers} hidden layers; give one, "
                "or one for each layer"
            )
        for name in names:
            if not callable(name) and name not in ("logistic", *HIDDEN):
                raise ValueError(f"activation {name!r} is not one of {', '.join(HIDDEN)}")
        return names

    def _network(self) -> Network:
        sizes = (len(self.coefs_[0]), *(part.shape[1] for part in self.coefs_))
        activations = self._activations(len(sizes) - 2)
        return _network(
            sizes, activations, self.out_activation_, self._loss_name(), self._loss_parameter()
        )

    def _packed(self) -> NDArray[Any]:
        """Return all weights in one vector, which is not to be written to."""
        joined = self._joined
        if joined is not None and joined.holds(self.coefs_, self.intercepts_):
            return joined.vector
        return in_one(self.coefs_, self.intercepts_)

    def _unpack(self, network: Network, theta: NDArray[Any]) -> None:
        layers = network.layers(theta)
        self._join([W for W, _ in layers], [b for _, b in layers])

    def _join(self, coefs: Any, intercepts: Any) -> None:
        """Let the weights be views of one vector: joining them takes longer than a row."""
        self._joined = Joined(coefs, intercepts)
        self.coefs_, self.intercepts_ = list(self._joined.coefs), list(self._joined.intercepts)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the vector out: what is read back are arrays of their own, views no more."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_joined"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "coefs_" in state:
            self._join(self.coefs_, self.intercepts_)

    def _draw(self, sizes: list[int], dtype: Any) -> None:
        """Draw the weights that were not given."""
        W, b = self.coefs_init, self.intercepts_init
        if W is None or b is None:
            names = self._activations(len(sizes) - 2)
            names += names[-1:] or (self.activation,)  # the last layer is as those before it
            self.coefs_, self.intercepts_ = drawn(names, sizes, self._random_state, dtype)
        if W is not None:
            self.coefs_ = given("coefs_init", W, sizes, dtype)
        if b is not None:
            self.intercepts_ = given("intercepts_init", b, sizes, dtype)

    def _begin(self, sizes: list[int], dtype: Any) -> None:
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_name()
        self._draw(sizes, dtype)
        self._optimiser_ = None
        if self.solver in STOCHASTIC:
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self.validation_scores_: list[float] | None = [] if early else None
            self.best_validation_score_: Any = -np.inf if early else None
            self.best_loss_: Any = None if early else np.inf
            self.validation_loss_curve_: list[float] = []

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool, held: Any = (None,) * 3
    ) -> Any:
        self._check(incremental, held)
        several = self.n_restarts > 1 and not (incremental or self.warm_start)
        self._incremental, epochs = incremental, 1 if incremental else self.max_iter
        with Watch(self.verbose, epochs, self.n_restarts if several else 1) as watch:
            fit = self._fit_restarts if several else self._fit_watched
            return fit(X, y, sample_weight, held, watch)

    def _check(self, incremental: bool, held: Any) -> None:
        """Refuse parameters that cannot be, or that do not go together."""
        self._validate_params()
        hidden = self._hidden()
        if any(size <= 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        if incremental and self.early_stopping and held[0] is None:
            raise ValueError(
                "partial_fit does not support early_stopping=True without validation data of your "
                "own: rows held out of one call would be trained on in the next; give X_val, y_val"
            )
        if self.solver in WHOLESALE:
            names = ("l1", "clip_norm", "dropout", "checkpoint")
            check_wholesale(self.solver, {name: getattr(self, name) for name in names})
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                f"a checkpoint goes on with the same random numbers, and random_state="
                f"{self.random_state!r} gives others in each call; give a whole number"
            )

    def _hidden(self) -> list[int]:
        sizes: list[int] = np.atleast_1d(self.hidden_layer_sizes).tolist()
        return sizes

    def _fit_watched(self, X: Any, y: Any, sample_weight: Any, held: Any, watch: Watch) -> Any:
        incremental = self._incremental
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        part = self._part(X, y, sample_weight, first)
        self.n_outputs_, self.n_iter_ = part.y.shape[1], 0
        self._random_state = check_random_state(self.random_state)
        if first:
            self._begin([part.X.shape[1], *self._hidden(), self.n_outputs_], part.X.dtype)
        part, network = part._replace(X=dense(part.X)), self._network()
        if self.solver in STOCHASTIC:
            rows, truth, share = held
            validation = None if rows is None else self._part(rows, truth, share, False, True)
            if self.early_stopping and validation is None:
                part, validation = split(self, part)
            run(self, network, part, validation, 1 if incremental else self.max_iter, watch)
        elif self.max_iter > 0:
            descend_to_the_end(self, network, part, watch)
        watch.ends(self)
        if self.n_iter_ == 0:  # none was wanted, or none was done when the user interrupted
            self.loss_ = self._loss_now(*part)
        if not all(np.isfinite(part).all() for part in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _part(self, X: Any, y: Any, weight: Any, reset: bool, held: bool = False) -> Part:
        """Check rows, targets and weights, and put them into the form that the engine takes."""
        classes = y
        X, y = self._validate_input(X, y, self._incremental or held, reset)
        if weight is not None:
            weight = _check_sample_weight(weight, X)
        weight = self._class_weighted(classes, weight)
        return Part(dense(X) if held else X, y.reshape(len(y), -1), weight)

    def _class_weighted(self, y: Any, weight: Any) -> Any:
        return weight

    def _fit_restarts(self, X: Any, y: Any, sample_weight: Any, held: Any, watch: Watch) -> Any:
        """Train from several initial weights, in threads, and keep the best."""
        if self.coefs_init is not None:
            raise ValueError(
                f"n_restarts={self.n_restarts} trains from weights that differ, and coefs_init "
                "gives one set of them; leave one of the two out"
            )
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_restarts)

        def one(number: int) -> Any:
            model = clone(self)  # but for the callback, of which a clone has a copy
            file = None if self.checkpoint is None else numbered(self.checkpoint, number)
            seed = int(seeds[number])
            model.set_params(
                n_restarts=1, random_state=seed, callback=self.callback, checkpoint=file
            )
            model._incremental = False
            return model._fit_watched(X, y, sample_weight, held, watch)

        models = trained(one, range(self.n_restarts), self.n_jobs, watch.interrupted)
        scored = self.early_stopping and self.solver in STOCHASTIC
        scores = [m.best_validation_score_ if scored else -m.loss_ for m in models]
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)  # of an earlier fit, such as the names of its columns
        parameters = self.get_params()
        for name, value in vars(models[int(np.argmax(scores))]).items():
            if name not in parameters:
                setattr(self, name, value)
        return self

    def _data(self, X: NDArray[Any], y: NDArray[Any], weight: Any, dtype: Any) -> Data:
        share = np.zeros(0, dtype) if weight is None else np.array(weight, dtype)
        rows = np.ascontiguousarray(X, dtype)
        rows = rows if rows.flags.writeable else rows.copy()
        return Data(rows, np.array(y, dtype, order="C"), share, np.arange(len(X), dtype=np.int32))

    def _share(self) -> float:
        """Return what scikit-learn's loss is of ours: of several numbers it reports the mean."""
        return 1.0 / self.n_outputs_ if self.out_activation_ == "identity" else 1.0

    def _shift(self, y: NDArray[Any], weight: Any) -> float:
        """Return what scikit-learn's loss has more than ours: the deviance's own constant."""
        if self.out_activation_ != "exp":
            return 0.0
        return float(np.average(xlogy(y, y) - y, weights=weight, axis=0).sum())

    def _loss_now(self, X: NDArray[Any], y: NDArray[Any], weight: Any) -> float:
        """Return the loss at the present weights, penalties included."""
        data = self._data(X, y, weight, self.coefs_[0].dtype)
        penalties = {"l1": float(self.l1), "alpha": float(self.alpha)}
        objective = Objective(self._network(), data, share=self._share(), **penalties)
        return objective.loss_and_gradient(self._packed())[0] + self._shift(y, weight)

    def _is_plain(self, X: Any) -> bool:
        """Say whether X needs no check: scikit-learn's takes longer than to predict a row."""
        return (
            hasattr(self, "coefs_")
            and type(X) is np.ndarray
            and X.flags.c_contiguous
            and X.flags.writeable
            and X.ndim == 2
            and X.dtype == self.coefs_[0].dtype
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
            and not hasattr(self, "table_")
            and isfinite(np.vdot(X, X))  # or it overflows: then all is checked
        )

    def _outputs(self, X: Any) -> NDArray[Any]:
        if self._is_plain(X):
            network = self._network()
            return outputs_of(network, self._packed(), X, first=len(network.sizes) - 1)
        X = to_predict(self, X)
        return forward(self._network(), self._packed(), X)

    def layer_outputs(self, X: Any) -> list[NDArray[Any]]:
        """Return the outputs of every layer after the input, each of shape (n, neurons)."""
        X = to_predict(self, X)
        return layer_outputs(self._network(), self._packed(), X)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train on a matrix (n, n_in) and its targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_in), or data frame
        y : array-like of shape (n,) or (n, n_out)
        sample_weight : array-like of shape (n,), optional
        X_val, y_val, sample_weight_val : optional
            Validation data of your own: ``validation_loss_curve_`` is taken on them, and
            ``early_stopping`` looks at them in place of a share of the rows.

        Returns
        -------
        self
        """
        held = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, incremental=False, held=held)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        framed = self.categorical_features is not None
        inputs = tags.input_tags
        inputs.sparse = not framed
        inputs.allow_nan = inputs.categorical = inputs.string = framed
        return tags


def keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Keep every argument of a constructor under its own name."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
