"""The rows that an estimator is given: checked, and a data frame's columns as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from chainrule.errors import BadTable
from chainrule.reading import read_table
from chainrule.table import features, learn_inputs

SPARSE = ["csr", "csc"]


def checked(model: Any, X: Any, y: Any, reset: bool, **rules: Any) -> tuple[Any, Any]:
    """Check rows and targets as scikit-learn does; ``reset`` learns what the columns are.

    Parameters
    ----------
    model : Perceptron
        Its ``categorical_features`` says whether the rows are a data frame. What is
        learned goes into ``feature_names_in_``, ``n_features_in_`` and ``table_``.
    X, y : array-like, or X a data frame
    reset : bool
    **rules
        Further keywords of scikit-learn's checks.
    """
    rules |= {"multi_output": True, "dtype": (np.float64, np.float32)}
    framed = hasattr(model, "table_")
    if reset:
        framed = model.categorical_features is not None
        vars(model).pop("table_", None)
    if framed:
        X, y = check_X_y(_encoded(model, X, reset), y, estimator=model, **rules)
    else:
        X, y = validate_data(model, X, y, reset=reset, accept_sparse=SPARSE, **rules)
    return X, y


def to_predict(model: Any, X: Any) -> NDArray[Any]:
    """Check rows to predict, and return them as numbers."""
    check_is_fitted(model)
    if hasattr(model, "table_"):
        return _encoded(model, X, reset=False)
    return dense(validate_data(model, X, accept_sparse=SPARSE, reset=False))


def dense(X: Any) -> NDArray[Any]:
    """Return a sparse matrix as an array."""
    return X.toarray() if issparse(X) else X  # type: ignore[attr-defined, no-any-return]


@contextmanager
def on_numbers(model: Any) -> Iterator[None]:
    """Let rows for a while be what the network takes: numbers without names."""
    names = ("feature_names_in_", "table_", "n_features_in_")
    kept = {name: vars(model).pop(name) for name in names if hasattr(model, name)}
    model.n_features_in_ = len(model.coefs_[0])
    try:
        yield
    finally:
        vars(model).update(kept)


def _encoded(model: Any, X: Any, reset: bool) -> NDArray[Any]:
    if not nw.dependencies.is_into_dataframe(X):
        kind = f"{type(X).__module__}.{type(X).__qualname__}".removeprefix("builtins.")
        raise BadTable(
            f"X is a {kind}, and categorical_features reads what its columns are from their types: "
            "give a data frame of pandas, polars or pyarrow, or leave categorical_features out"
        )
    table, given = read_table(X), model.categorical_features
    validate_data(model, X, skip_check_array=True, reset=reset)  # names and number of columns
    if reset:
        model.table_ = learn_inputs(table, given if isinstance(given, Mapping) else None)
    return features(model.table_, table)
