"""From a table to a model: prepare it, train, score the rows that were held out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chainrule import __version__, metrics
from chainrule.ensemble import Ensemble
from chainrule.model import Model
from chainrule.prepare import Prepared, prepare
from chainrule.summary import Summary, course_of

if TYPE_CHECKING:
    from chainrule.course import Callback


def fit(
    table: Any,
    target: str,
    *,
    hidden_layer_sizes: int | Sequence[int] | None = None,
    hidden: Any = "relu",
    loss: Any = None,
    loss_parameter: float | None = None,
    task: str | None = None,
    preset: str | None = None,
    kinds: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    test_size: float = 0.2,
    validation: float | None = None,
    ensemble: int | None = None,
    intervals: float | None = None,
    sample_weight: str | None = None,
    seed: int = 0,
    dtype: str | None = None,
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
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
    hidden_layer_sizes : int or sequence of int, default (128, 64)
        () is a linear model.
    hidden : str, function, or a sequence of these, default "relu"
        The activation of the hidden layers, or one for each; see ``chainrule.Network``.
    loss : str or function, optional
        Default: half_squared_error for numbers, binary_cross_entropy for two
        classes, cross_entropy for more.
    loss_parameter : float, optional
        delta of huber, in standard deviations of the target; level of quantile.
    task : "classification" or "regression", optional
        Default: by the target's values.
    preset : "neuron", optional
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
    validation : float, optional
        Trains one network, and this is the share of the other rows that its early
        stopping looks at; 0 for none. Default, of one network: 0.15.
    ensemble : int, default 5
        How many networks to train, each without one of as many parts of the rows, by
        which it is stopped early. Predictions are the mean of theirs. 1 where there are
        fewer than 10 rows to learn from.
    intervals : float, optional
        The share of targets that prediction intervals shall cover, such as 0.9. Then
        scores tell how many they did, and the command predicts them.
    sample_weight : str, optional
        The column of numbers that says what each row counts in the training; it is no
        input. Scores count all rows alike.
    seed : int, default 0
        Of the split, the initial weights and the batches.
    dtype : "float32" or "float64", default "float32"
    n_jobs : int, optional
        How many networks are trained at a time. Default: one on each core.
    checkpoint : path, optional
        A ``.safetensors`` file for how far the training has come, from which the same
        call goes on; of an ensemble a file for each network, with its number.
    callback : callable, optional
        Called with a ``chainrule.Progress`` after every epoch of every network; True
        stops that network, which is ``progress.member``.
    **settings
        Keywords of ``chainrule.train``: solver ("auto" chooses by rows, parameters
        and loss, and says why in ``summary.settings``), learning_rate, schedule,
        epochs, batch_size, patience, tolerance, l1, l2, clip_norm, dropout, scheme,
        weight_decay, momentum and so on.

        Default: adamw at a learning rate of 0.01 under one_cycle, in batches of 32, for
        10,000 steps (and from 20 to 600 epochs), with a patience of 0.3 of the epochs and
        a weight decay of 400 / n, at most 0.1. Another solver has its own learning rate,
        500 epochs and a patience of 20.

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
        ensemble=ensemble,
        intervals=intervals,
        sample_weight=sample_weight,
        seed=seed,
        dtype=dtype,
        **settings,
    )
    return fit_prepared(prepared, callback, n_jobs, checkpoint)


def fit_prepared(
    prepared: Prepared,
    callback: Callback | None = None,
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Model:
    """Train on what ``prepare`` gives, and score the held-out rows."""
    ensemble = _trained(prepared, callback, n_jobs, checkpoint)
    summary = Summary(
        version=__version__,
        settings=prepared.recorded,
        rows=prepared.rows,
        scores=_held_out_scores(prepared, ensemble),
        courses=tuple(map(course_of, ensemble.trainings)),
    )
    return Model(ensemble, prepared.spec, summary)


def _trained(
    prepared: Prepared, callback: Callback | None, n_jobs: int | None, checkpoint: Any
) -> Ensemble:
    from chainrule.folds import ensemble_of, train_ensemble
    from chainrule.loop import train

    network, rows, watched = prepared.network, prepared.train, prepared.validation
    X, Y = prepared.X, prepared.Y
    settings = prepared.settings | {"callback": callback, "checkpoint": checkpoint}
    settings["sample_weight"] = None if prepared.weight is None else prepared.weight[rows]
    if prepared.members > 1:
        many: dict[str, Any] = {"members": prepared.members, "n_jobs": n_jobs}
        return train_ensemble(network, X[rows], Y[rows], **many, **settings)
    held = (X[watched], Y[watched]) if len(watched) else None
    training = train(network, X[rows], Y[rows], validation=held, **settings)
    return ensemble_of(network, [training], [held] if held else [])


def _held_out_scores(prepared: Prepared, ensemble: Ensemble) -> dict[str, dict[str, float]]:
    """Score the networks' mean, a linear model and the baseline on the same rows."""
    if not len(prepared.test):
        return {}
    network, X, Y, rows = prepared.network, prepared.X, prepared.Y, prepared.train
    target, held, values = prepared.spec.target, X[prepared.test], prepared.values[prepared.test]
    coverage = prepared.recorded["intervals"]
    linear = metrics.linear(network, X[rows], Y[rows])
    baseline = metrics.baseline(network, Y[rows])
    return {
        "network": metrics.scores(ensemble, target, held, values, coverage),
        "linear": metrics.scores(linear, target, held, values),
        "baseline": metrics.scores(baseline, target, held, values),
    }
