"""Columns, network and parameters together: train on a table, predict, score, save, load."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import __version__, metrics
from chainrule.cells import did_you_mean
from chainrule.columns import TableSpec
from chainrule.errors import BadSetting, BadTable
from chainrule.fitting import Prepared, prepare
from chainrule.modelfile import Contents, read_model, write_model
from chainrule.network import Network
from chainrule.summary import Summary

if TYPE_CHECKING:
    from chainrule.course import Callback, History


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with the columns that it was trained on. It takes raw tables.

    Tables are paths of CSV or Parquet files, ``"-"``, or frames of pandas, polars
    and pyarrow; columns are found by name, others are ignored.

    Attributes
    ----------
    network : Network
    parameters : ndarray of shape (n_parameters,)
    spec : TableSpec
        What is known of the columns and of the target.
    summary : Summary
        Settings, scores on the held-out rows, losses of the epochs.
    """

    network: Network
    parameters: NDArray[Any]
    spec: TableSpec
    summary: Summary

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.sizes))
        return f"<Model of '{self.spec.target.name}': {sizes}, {self.spec.target.task}>"

    @property
    def history(self) -> History:
        """The losses of the epochs."""
        from chainrule.course import History

        return History(**{name: list(curve) for name, curve in self.summary.history.items()})

    def predict(self, table: Any) -> NDArray[Any]:
        """Return the predicted classes, in the target's own type, or numbers in its units.

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        from chainrule.table import in_target_units, labels

        if self.spec.target.task == "classification":
            return labels(self.spec, self.predict_proba(table).argmax(axis=1))
        return in_target_units(self.spec, self._outputs(table).astype(np.float64))

    def predict_proba(self, table: Any) -> NDArray[Any]:
        """Return the probability of each class.

        Returns
        -------
        ndarray of shape (n_rows, K)
            The columns are ``spec.target.classes``.

        Raises
        ------
        BadSetting
            If the target is a number.
        """
        if self.spec.target.task != "classification":
            raise BadSetting(
                f"the target '{self.spec.target.name}' is a number, there are no probabilities; "
                "use predict"
            )
        return metrics.probabilities(
            self.network, self.parameters, self._features(self._read(table))
        )

    def evaluate(self, table: Any, target: str | None = None) -> dict[str, float]:
        """Return the scores on a table. Rows without a target are left out.

        Parameters
        ----------
        table : path or data frame
        target : str, optional
            The column that holds the truth, if it has another name here.

        Returns
        -------
        dict of str to float
            accuracy, log_loss and roc_auc; or rmse, mae and r2.
        """
        from chainrule.table import target_values
        from chainrule.target import known_rows

        name = self.spec.target.name
        rows = self._read(table, target)
        known = known_rows(rows, name)
        if not known.any():
            raise BadTable(f"no row of {len(known)} has a value in the target column '{name}'")
        rows = rows if known.all() else rows.filter(known)
        values = target_values(self.spec, rows, np.float64)
        return metrics.scores(
            self.network, self.parameters, self.spec.target, self._features(rows), values
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one ``.safetensors`` file, whole or not at all."""
        contents = Contents(self.network, self.parameters, self.spec, self.summary)
        write_model(path, contents)

    def _read(self, table: Any, target: str | None = None) -> Any:
        """Read a table as the training's was; with the target, if it is called otherwise here."""
        from chainrule.reading import read_table

        name = self.spec.target.name
        if target is None or target == name:
            return read_table(table, columns=self.spec.kinds)
        kinds = self.spec.kinds
        rows = read_table(table, columns=kinds | {target: kinds[name]})
        if target not in rows.column_names:
            near = did_you_mean(target, rows.column_names)
            raise BadTable(f"there is no column '{target}'; {near}")
        if name in rows.column_names:
            rows = rows.drop_columns([name])
        return rows.rename_columns([name if c == target else c for c in rows.column_names])

    def _features(self, rows: Any) -> NDArray[Any]:
        from chainrule.table import features

        return features(self.spec, rows, self.parameters.dtype)

    def _outputs(self, table: Any) -> NDArray[Any]:
        from chainrule.engine import forward

        return forward(self.network, self.parameters, self._features(self._read(table)))[:, 0]


def fit(
    table: Any,
    target: str,
    *,
    hidden_layer_sizes: int | Sequence[int] | None = None,
    hidden: str | Sequence[str] = "relu",
    loss: str | None = None,
    loss_parameter: float | None = None,
    task: str | None = None,
    preset: str | None = None,
    kinds: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    test_size: float = 0.2,
    validation: float | None = None,
    seed: int = 0,
    dtype: str | None = None,
    callback: Callback | None = None,
    **settings: Any,
) -> Model:
    """Train on a table, as ``chainrule train`` does.

    A part of the rows is held out first. What is learned of the columns (means,
    scales, categories) comes from the other rows only.

    Parameters
    ----------
    table : path or data frame
        A CSV or Parquet file, ``"-"``, or a frame of pandas, polars or pyarrow.
    target : str
        The column to predict. Rows without a value in it are left out.
    hidden_layer_sizes : int or sequence of int, default (32,)
        () is a linear model.
    hidden : str or sequence of str, default "relu"
        The activation of the hidden layers, or one for each.
    loss : str, optional
        Default: half_squared_error for numbers, binary_cross_entropy for two
        classes, cross_entropy for more.
    loss_parameter : float, optional
        delta of huber, in standard deviations of the target; level of quantile.
    task : {"classification", "regression"}, optional
        Default: by the target's values.
    preset : {"neuron"}, optional
        The source document's network: no hidden layer, one sigmoid, half the
        squared error, gradient descent at 0.005 over all rows for 1000 epochs, in
        float64, without validation. For columns of numbers and a target of two
        classes, or from 0 to 1.
    kinds : mapping of str to str, optional
        The kind of some columns: numeric, categorical, boolean, date or dropped.
    drop : sequence of str
        Columns to leave out.
    test_size : float, default 0.2
        The share of the rows to hold out for the scores; 0 for none.
    validation : float, default 0.15
        The share of the other rows that early stopping looks at; 0 for none.
    seed : int, default 0
        Of the split, the initial weights and the batches.
    dtype : {"float32", "float64"}, default "float32"
    callback : callable, optional
        Called with a ``chainrule.Progress`` after every epoch; True stops.
    **settings
        Keywords of ``chainrule.train``: solver ("auto" chooses by rows, parameters
        and loss, and says why in ``summary.settings``), learning_rate, schedule,
        epochs (500 here), batch_size, patience (20 here), tolerance, l1, l2,
        clip_norm, dropout, scheme, momentum and so on.

    Returns
    -------
    Model

    Raises
    ------
    BadTable, BadSetting
        If the table or a setting cannot be used.
    Diverged
        If the loss is not finite any more.

    Examples
    --------
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species")
    >>> model.summary.scores["network"]["accuracy"] > 0.95
    True
    >>> model.predict(penguins())[:3].tolist()
    ['Adelie', 'Adelie', 'Adelie']
    """
    prepared = prepare(
        table,
        target,
        hidden_layer_sizes=hidden_layer_sizes,
        hidden=hidden,
        loss=loss,
        loss_parameter=loss_parameter,
        task=task,
        preset=preset,
        kinds=kinds,
        drop=drop,
        test_size=test_size,
        validation=validation,
        seed=seed,
        dtype=dtype,
        **settings,
    )
    return fit_prepared(prepared, callback)


def fit_prepared(prepared: Prepared, callback: Callback | None = None) -> Model:
    """Train on what ``prepare`` gives, and score the held-out rows."""
    from chainrule.loop import train

    X, Y, held = prepared.X, prepared.Y, prepared.validation
    training = train(
        prepared.network,
        X[prepared.train],
        Y[prepared.train],
        validation=(X[held], Y[held]) if len(held) else None,
        callback=callback,
        **prepared.settings,
    )
    history = training.history
    summary = Summary(
        version=__version__,
        settings=prepared.recorded,
        rows=prepared.rows,
        stopped=training.stopped,
        epochs=len(history.loss),
        best_epoch=training.best_epoch,
        scores=_held_out_scores(prepared, training.parameters),
        history={name: list(curve) for name, curve in vars(history).items()},
    )
    return Model(prepared.network, training.parameters, prepared.spec, summary)


def _held_out_scores(prepared: Prepared, parameters: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Score the network, a linear model and the baseline on the same rows."""
    if not len(prepared.test):
        return {}
    network, X, Y, rows = prepared.network, prepared.X, prepared.Y, prepared.train
    contenders = {
        "network": (network, parameters),
        "linear": metrics.linear(network, X[rows], Y[rows]),
        "baseline": metrics.baseline(network, Y[rows]),
    }
    held, values = X[prepared.test], prepared.values[prepared.test]
    return {
        who: metrics.scores(network, theta, prepared.spec.target, held, values)
        for who, (network, theta) in contenders.items()
    }


def load(path: str | os.PathLike[str]) -> Model:
    """Load a saved model. No code in it is run, and everything in it is checked.

    Raises
    ------
    BadModelFile
        If the file is no model, damaged, or of a version that is not known.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/penguins.safetensors")
    ...     load(f"{folder}/penguins.safetensors")
    <Model of 'species': 14-32-3, classification>
    """
    return Model(*read_model(path))
