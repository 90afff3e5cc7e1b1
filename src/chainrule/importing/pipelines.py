"""Fitted preprocessors of scikit-learn, to what each of their numbers is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.cells import did_you_mean, number_text
from chainrule.errors import BadSource
from chainrule.importing.inputs import MISSING, NUMBER, Feature

KNOWN = (
    "StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer, OneHotEncoder, "
    "ColumnTransformer, Pipeline"
)
Features = list[Feature]


def through(transformer: Any, features: Features, where: str = "") -> Features:
    """Return the features that a fitted transformer makes of others.

    Parameters
    ----------
    transformer : fitted transformer, "passthrough" or None
    features : list of Feature
    where : str
        The name of the step, for messages.

    Raises
    ------
    BadSource
        If it does something else than scale, fill in, one-hot encode and choose.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> scaler = StandardScaler().fit([[1.0], [3.0]])
    >>> through(scaler, [Feature("x")])
    [Feature(column='x', of='number', mean=2.0, scale=1.0, fill=None, known=())]
    """
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return features
    kind = type(transformer).__name__
    what = f"step '{where}' ({kind})" if where else kind
    read = READERS.get(kind) if type(transformer).__module__.startswith("sklearn.") else None
    if read is None:
        raise BadSource(
            f"{what} cannot be imported; these can: {KNOWN}. Leave it out, or give the network "
            "alone and its inputs as columns"
        )
    try:
        return read(transformer, features, what)
    except AttributeError as error:
        raise BadSource(f"{what} is not fitted ({error}); fit it first") from None


def names_of(estimator: Any, inputs: Sequence[str] | None) -> list[str]:
    """Return the names of the columns that an estimator was fitted on, or x1, x2 ..."""
    n = int(estimator.n_features_in_)
    own = getattr(estimator, "feature_names_in_", None)
    numbered = [f"x{i + 1}" for i in range(n)] if own is None else [str(name) for name in own]
    names = numbered if inputs is None else [str(name) for name in inputs]
    if len(names) != n:
        raise BadSource(f"inputs names {len(names)} columns, and there are {n}")
    return names


def scaler_of(transformer: Any, features: Features, what: str) -> Features:
    """Read a scaler of each number by itself."""
    mean, scale = affine(transformer, what)
    return [
        feature.scaled(float(m), float(s))
        for feature, m, s in zip(
            features,
            np.broadcast_to(mean, len(features)),
            np.broadcast_to(scale, len(features)),
            strict=True,
        )
    ]


def affine(scaler: Any, what: str) -> tuple[Any, Any]:
    """Return mean and scale of a scaler: it gives (x - mean) / scale."""
    if getattr(scaler, "clip", False):
        raise BadSource(f"{what} has clip=True, which cannot be imported; fit it without")
    kind = type(scaler).__name__
    if kind == "StandardScaler":
        return (
            scaler.mean_ if scaler.with_mean else 0.0,
            scaler.scale_ if scaler.with_std else 1.0,
        )
    if kind == "RobustScaler":
        return (
            scaler.center_ if scaler.with_centering else 0.0,
            scaler.scale_ if scaler.with_scaling else 1.0,
        )
    if kind == "MinMaxScaler":
        return -scaler.min_ / scaler.scale_, 1.0 / scaler.scale_
    return 0.0, scaler.scale_


def _imputed(imputer: Any, features: Features, what: str) -> Features:
    absent = imputer.missing_values
    if not (absent is None or absent != absent or str(absent) == "<NA>"):
        raise BadSource(f"{what} has missing_values={absent!r}; only empty cells can be imported")
    found: Features = []
    for feature, fill in zip(features, imputer.statistics_, strict=True):
        is_number = not isinstance(fill, str)
        if fill is None or (is_number and fill != fill):
            raise BadSource(
                f"{what} found no value in column '{feature.column}', and leaves it out; drop the "
                "column, and fit again"
            )
        if feature.of == NUMBER and feature.fill is None:
            value = float(fill) * feature.scale + feature.mean if is_number else fill
            feature = replace(feature, fill=value)
        found.append(feature)
    marks = imputer.indicator_.features_ if imputer.add_indicator else ()
    for i in marks:
        if not features[i].is_raw:
            raise BadSource(f"{what} marks what is missing, which must come before any scaling")
        found.append(Feature(features[i].column, frozenset({MISSING})))
    return found


def _one_hot(encoder: Any, features: Features, what: str) -> Features:
    if any(each is not None for each in getattr(encoder, "infrequent_categories_", ())):
        raise BadSource(f"{what} joins rare categories, which cannot be imported")
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(features)
    found: Features = []
    for feature, categories, drop in zip(features, encoder.categories_, dropped, strict=True):
        if not feature.is_raw:
            raise BadSource(f"{what} encodes column '{feature.column}' after it was scaled")
        names = [_category(category) for category in categories]
        known = tuple(name for name in names if name is not MISSING)
        if len(set(names)) < len(names) or "" in known:
            raise BadSource(
                f"{what} has two categories of column '{feature.column}' that read alike"
            )
        filled = None if feature.fill is None else _category(feature.fill)
        for place, name in enumerate(names):
            if place != drop:
                of = {name, MISSING} if name == filled else {name}
                found.append(Feature(feature.column, frozenset(of), known=known))
    return found


def _category(value: Any) -> str | None:
    return number_text(value.item() if isinstance(value, np.generic) else value)


def _chosen(transformer: Any, features: Features, what: str) -> Features:
    if transformer.transformer_weights:
        raise BadSource(f"{what} has transformer_weights, which cannot be imported")
    own = getattr(transformer, "feature_names_in_", None)
    names = [] if own is None else list(own)
    found: Features = []
    for name, step, columns in transformer.transformers_:
        if not (isinstance(step, str) and step == "drop"):
            some = [features[i] for i in _places(columns, names, len(features), what)]
            found += through(step, some, name) if some else []
    return found


def _places(columns: Any, names: list[str], n: int, what: str) -> list[int]:
    """Return which columns a transformer is given: by name, number, slice or mask."""
    if isinstance(columns, slice):
        ends = [names.index(end) if isinstance(end, str) else end for end in _ends(columns)]
        last = ends[1] + 1 if isinstance(columns.stop, str) else ends[1]
        return list(range(n)[slice(ends[0], last, columns.step)])
    several = [columns] if isinstance(columns, str) or np.ndim(columns) == 0 else list(columns)
    if several and all(isinstance(each, bool | np.bool_) for each in several):
        return [i for i, wanted in enumerate(several) if wanted]
    for each in several:
        if isinstance(each, str) and each not in names:
            raise BadSource(f"{what} takes '{each}'; {did_you_mean(each, names)}")
    return [names.index(each) if isinstance(each, str) else range(n)[each] for each in several]


def _ends(columns: slice) -> tuple[Any, Any]:
    return columns.start, columns.stop


def _each_step(pipeline: Any, features: Features, what: str) -> Features:
    for name, step in pipeline.steps:
        features = through(step, features, name)
    return features


def _untouched(transformer: Any, features: Features, what: str) -> Features:
    if transformer.func is not None:
        raise BadSource(f"{what} runs a function, which cannot be imported")
    return features


READERS: dict[str, Callable[[Any, Features, str], Features]] = {
    "StandardScaler": scaler_of,
    "MinMaxScaler": scaler_of,
    "MaxAbsScaler": scaler_of,
    "RobustScaler": scaler_of,
    "SimpleImputer": _imputed,
    "OneHotEncoder": _one_hot,
    "ColumnTransformer": _chosen,
    "Pipeline": _each_step,
    "FunctionTransformer": _untouched,
}
