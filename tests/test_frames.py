"""Data frames that go straight into the estimators."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

import chainrule
from chainrule.datasets import penguins
from chainrule.errors import BadSetting, BadTable
from chainrule.table import feature_names, features, learn_columns, learn_inputs, summary_rows

PENGUINS = penguins()
SPECIES = np.array(PENGUINS.column("species").to_pylist())
TABLE = PENGUINS.drop_columns(["species"])
PANDAS = TABLE.to_pandas()
FRAMES = {"pandas": PANDAS, "polars": pl.from_arrow(TABLE), "pyarrow": TABLE}
SETTINGS = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "max_iter": 60, "random_state": 3}
AS_FRAME = SETTINGS | {"categorical_features": "from_dtype"}

pytestmark = [
    pytest.mark.compiled_only,  # whole trainings
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return chainrule.MLPClassifier(**AS_FRAME).fit(PANDAS, SPECIES)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_trained_on_as_the_numbers_that_the_command_makes_of_it(kind):
    model = chainrule.MLPClassifier(**AS_FRAME).fit(FRAMES[kind], SPECIES)
    spec = learn_columns(PENGUINS, "species")
    assert model.table_.columns == spec.columns
    X = features(spec, PENGUINS)
    plain = chainrule.MLPClassifier(**SETTINGS).fit(X, SPECIES)
    for ours, theirs in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.predict_proba(FRAMES[kind]), plain.predict_proba(X))
    np.testing.assert_array_equal(model.layer_outputs(FRAMES[kind])[0], plain.layer_outputs(X)[0])
    assert model.score(FRAMES[kind], SPECIES) > 0.98
    assert model.n_features_in_ == 6
    assert model.feature_names_in_.tolist() == TABLE.column_names


def test_what_each_column_became_is_said(fitted):
    frame = PANDAS.assign(number=np.arange(344), always=1.5)
    model = clone(fitted).fit(frame, SPECIES)
    said = {row.column: row.became for row in summary_rows(model.table_)}
    assert list(said) == [*TABLE.column_names, "number", "always"]
    assert said["island"] == "one-hot, 3 categories (text)"
    assert said["number"].startswith("dropped: identifier: a row counter")
    assert said["always"] == "dropped: constant: always 1.5"
    assert feature_names(model.table_)[:4] == [
        "island=Biscoe", "island=Dream", "island=Torgersen", "bill_length_mm",
    ]  # fmt: skip
    np.testing.assert_array_equal(model.coefs_[0], fitted.coefs_[0])


def test_kinds_that_are_given_come_before_those_of_types():
    frame = pd.DataFrame({"number": np.arange(40), "code": np.arange(40) % 3, "z": np.ones(40)})
    y = np.arange(40) / 40.0
    kinds = {"number": "numeric", "code": "categorical"}
    model = chainrule.MLPRegressor(**SETTINGS, categorical_features=kinds).fit(frame, y)
    assert [c.kind for c in model.table_.columns] == ["numeric", "categorical", "dropped"]
    assert model.score(frame, y) > 0.99
    with pytest.raises(BadSetting, match="there is no column 'numbr'; did you mean 'number'"):
        model.set_params(categorical_features={"numbr": "numeric"}).fit(frame, y)
    with pytest.raises(BadSetting, match="kind 'text' of column 'code' is not one of"):
        model.set_params(categorical_features={"code": "text"}).fit(frame, y)
    with pytest.raises(BadTable, match=r"no column is left to predict from \('z' constant"):
        model.set_params(categorical_features="from_dtype").fit(frame[["z"]], y)


def test_all_kinds_of_columns_and_a_column_that_equals_the_target():
    n = 60
    y = np.sin(np.arange(n)) + 2
    frame = pd.DataFrame({
        "same": y, "day": pd.date_range("2024-01-01", periods=n), "flag": [True, False, None] * 20,
        "level": pd.Categorical(["low", None, "high"] * 20), "whole": pd.array([1, 2, None] * 20),
    })  # fmt: skip
    model = chainrule.MLPRegressor(**AS_FRAME).fit(frame, y)
    kinds = ["numeric", "date", "boolean", "categorical", "numeric"]
    assert [c.kind for c in model.table_.columns] == kinds
    assert [c.missing for c in model.table_.columns] == [False, False, True, True, True]
    assert model.score(frame, y) > 0.999


def test_unseen_categories_and_missing_values_are_predicted_for(fitted):
    row = PANDAS.iloc[[5]].assign(island="Elephant", body_mass_g=np.nan)
    inputs = np.zeros((1, 14))
    known = features(fitted.table_, pa.Table.from_pandas(PANDAS.iloc[[5]], preserve_index=False))
    inputs[:, 3:] = known[:, 3:]
    inputs[0, 9:11] = 0.0, 1.0  # the mean, and marked as missing
    hidden = np.maximum(inputs @ fitted.coefs_[0] + fitted.intercepts_[0], 0)
    scores = np.exp(hidden @ fitted.coefs_[1] + fitted.intercepts_[1])
    np.testing.assert_allclose(fitted.predict_proba(row), scores / scores.sum(), rtol=1e-9)


def test_columns_must_be_those_of_the_training(fitted):
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.predict(PANDAS[PANDAS.columns[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(PANDAS.rename(columns={"sex": "Sex"}))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(PANDAS.drop(columns="sex"))
    for X in (np.zeros((3, 6)), [[0.0] * 6], scipy.sparse.csr_array(np.eye(6)), "table.csv"):
        with pytest.raises(BadTable, match=r"X is a .*give a data frame of pandas"):
            fitted.predict(X)
        with pytest.raises(BadTable, match=r"X is a .*or leave categorical_features out"):
            clone(fitted).fit(X, [0, 1, 0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(fitted).fit(PANDAS, SPECIES[:-1])
    with pytest.raises(BadTable, match="'sex' at positions 6, 7"):
        clone(fitted).fit(pd.concat([PANDAS, PANDAS[["sex"]]], axis=1), SPECIES)


def test_names_that_are_no_text():
    frame = pd.DataFrame({0: [1.0, 2.0, 3.0, 5.0], 1: ["a", "b", "a", "b"]})
    model = chainrule.MLPRegressor(**AS_FRAME).fit(frame, [1.0, 2.0, 3.0, 4.0])
    assert not hasattr(model, "feature_names_in_")
    assert [c.name for c in model.table_.columns] == ["0", "1"]
    assert model.predict(frame).shape == (4,)
    with pytest.raises(BadTable, match="X is a numpy"):
        model.predict(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="X has 1 features, but MLPRegressor is expecting 2"):
        model.predict(frame[[0]])


def test_validation_data_and_scorers_see_the_same_columns():
    held = {"X_val": PANDAS[300:], "y_val": SPECIES[300:]}
    early = {"solver": "adam", "early_stopping": True, "scoring": "f1_macro", "tol": 0.0}
    kinds = {"island": "dropped"}
    framed = chainrule.MLPClassifier(**SETTINGS | early, categorical_features=kinds)
    framed.fit(PANDAS[:300], SPECIES[:300], **held)
    inputs = learn_inputs(TABLE.slice(0, 300), kinds)
    X = features(inputs, TABLE)
    plain = chainrule.MLPClassifier(**SETTINGS | early)
    plain.fit(X[:300], SPECIES[:300], X_val=X[300:], y_val=SPECIES[300:])
    assert framed.validation_scores_ == plain.validation_scores_
    assert framed.validation_loss_curve_ == plain.validation_loss_curve_
    assert framed.table_ == inputs
    assert (framed.n_features_in_, len(framed.feature_names_in_)) == (6, 6)


def test_partial_fit_and_warm_starts_keep_the_columns_of_the_first_rows():
    inputs = learn_inputs(TABLE.slice(0, 200))
    X = features(inputs, TABLE)
    framed, plain = chainrule.MLPClassifier(**AS_FRAME), chainrule.MLPClassifier(**SETTINGS)
    for rows in (slice(0, 200), slice(200, 344)):
        for model, table in ((framed, PANDAS), (plain, X)):
            model.set_params(solver="adam")
            model.partial_fit(table[rows], SPECIES[rows], classes=np.unique(SPECIES))
    np.testing.assert_array_equal(framed.coefs_[0], plain.coefs_[0])
    for model, table in ((framed, PANDAS), (plain, X)):
        model.set_params(warm_start=True, max_iter=3).fit(table, SPECIES)
    np.testing.assert_array_equal(framed.coefs_[0], plain.coefs_[0])
    assert framed.table_ == inputs


def test_without_it_nothing_is_changed(fitted):
    with pytest.raises(ValueError, match="could not convert string to float"):
        chainrule.MLPClassifier(**SETTINGS).fit(PANDAS, SPECIES)
    numbers = PANDAS[["bill_length_mm", "bill_depth_mm"]].fillna(0.0)
    model = clone(fitted).fit(PANDAS, SPECIES)
    model.set_params(categorical_features=None).fit(numbers, SPECIES)
    assert not hasattr(model, "table_")
    plain = chainrule.MLPClassifier(**SETTINGS).fit(numbers, SPECIES)
    np.testing.assert_array_equal(model.predict_proba(numbers), plain.predict_proba(numbers))
    assert get_tags(plain).input_tags.sparse
    assert not get_tags(plain).input_tags.allow_nan
    assert not get_tags(fitted).input_tags.sparse
    assert get_tags(fitted).input_tags.allow_nan


@pytest.mark.parametrize("kind", FRAMES)
def test_among_the_tools_of_scikit_learn(kind):
    frame, model = FRAMES[kind], chainrule.MLPClassifier(**AS_FRAME)
    assert cross_val_score(model, frame, SPECIES, cv=3).min() > 0.95
    pipe = make_pipeline(model)
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.01, 1.0]}, cv=2, n_jobs=2)
    assert search.fit(frame, SPECIES).best_score_ > 0.95
    assert search.best_estimator_.feature_names_in_.tolist() == TABLE.column_names
    again = pickle.loads(pickle.dumps(search))
    assert again.predict(frame).tolist() == search.predict(frame).tolist()


def test_more_tools_of_scikit_learn(fitted):
    assert (cross_val_predict(fitted, PANDAS, SPECIES, cv=3) == SPECIES).mean() > 0.95
    losses = permutation_importance(fitted, PANDAS, SPECIES, n_repeats=2, random_state=0)
    importance = dict(zip(PANDAS, losses.importances_mean, strict=True))
    assert importance["bill_length_mm"] == max(importance.values()) > 0.1
    several = clone(fitted).set_params(n_restarts=3, n_jobs=2, max_iter=5).fit(PANDAS, SPECIES)
    assert several.table_ == fitted.table_
    numbers = np.nan_to_num(PANDAS[["bill_length_mm", "bill_depth_mm"]].to_numpy())
    several.set_params(categorical_features=None).fit(numbers, SPECIES)
    assert not hasattr(several, "table_")
    assert not hasattr(several, "feature_names_in_")
    assert several.predict(numbers).shape == (344,)
