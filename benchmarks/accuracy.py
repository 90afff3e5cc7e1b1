"""Measure how good ``chainrule.fit`` is, as it comes, on published tables.

    python benchmarks/accuracy.py                      # prints the tables of the README
    python benchmarks/accuracy.py --only proben1 uci
    python benchmarks/accuracy.py --only tables --peers none
    python benchmarks/accuracy.py --fit patience=50 hidden_layer_sizes=64   # to try settings

Nothing is set per problem. Whoever fits sees the training rows only (of a fixed split:
its validation rows too), and each test part is scored once a seed. ``data/README.md``
says where data and published figures come from. One thread each.
"""

from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import ast
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import chainrule
from chainrule.datasets import penguins

FIT: dict[str, Any] = {}  # what chainrule.fit is told beside table, target and seed: nothing
LEVEL = 0.9
INTERVALS = {"intervals": LEVEL}

SEEDS = 10
SPLITS = 3
DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "published.json").read_text())
TABLES: dict[str, tuple[str, str, tuple[str, ...]]] = {  # file, target, columns left out
    "penguins": ("", "species", ()),
    "mpg": ("mpg.csv.gz", "mpg", ("name",)),
    "titanic": (
        "titanic.csv.gz",
        "survived",
        ("alive", "class", "who", "adult_male", "alone", "embark_town"),  # say it again, or tell
    ),
    "california_housing": ("california_housing.csv.gz", "median_house_value", ()),
    "spambase": ("spambase.tsv.gz", "target", ()),
    "optdigits": ("optdigits.tsv.gz", "target", ()),
    "waveform-40": ("waveform-40.tsv.gz", "class", ()),
}
GRID = {"hidden_layer_sizes": [(100,), (128, 64)], "alpha": [1e-4, 1e-1]}


@dataclass(frozen=True)
class Result:
    """What one model does on one test part."""

    predicted: np.ndarray
    proba: np.ndarray | None
    classes: list[str]
    covered: float
    width: float
    seconds: float


def frame(X: np.ndarray, y: Any) -> pd.DataFrame:
    """Return a table of inputs and a column ``y``."""
    table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    return table.assign(y=y)


def fitted(train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int) -> Result:
    """Train as ``fit`` does by default, and look at the test part."""
    numbers = is_number(train[target])
    asked = FIT | (INTERVALS if numbers else {})
    start = time.perf_counter()
    model = chainrule.fit(train, target, test_size=0.0, seed=seed, **asked)
    seconds = time.perf_counter() - start
    rows = test.drop(columns=target)
    covered = width = np.nan
    if numbers:
        lower, upper = model.predict_interval(rows)
        y = test[target].to_numpy()
        covered, width = ((lower <= y) & (y <= upper)).mean(), (upper - lower).mean()
    proba = None if numbers else model.predict_proba(rows)
    classes = list(model.spec.target.classes)
    return Result(model.predict(rows), proba, classes, covered, width, seconds)


def is_number(column: pd.Series) -> bool:
    """Whether a target of these benchmarks is a number; classes are text."""
    return bool(pd.api.types.is_numeric_dtype(column))


def error_of(predicted: Any, truth: pd.Series) -> float:
    """Return the classification error in percent, or the root of the mean squared error."""
    if is_number(truth):
        return float(np.sqrt(np.mean((predicted - truth.to_numpy()) ** 2)))
    return float(100 * np.mean(np.asarray(predicted, dtype=object) != truth.to_numpy(object)))


def squared_error_of(result: Result, truth: pd.Series, outputs: int) -> float:
    """Return Prechelt's squared error percentage: of probabilities to ones and zeros.

    A class that no training row has counts with the probability 0.
    """
    ones = (truth.to_numpy()[:, None] == np.array(result.classes)[None, :]).astype(float)
    unseen = 1.0 - ones.sum(axis=1)
    total = ((result.proba - ones) ** 2).sum() + unseen.sum()
    return float(100 * total / (len(truth) * outputs))


def heading(*titles: str) -> None:
    """Print the head of a table."""
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")


def line(*cells: Any) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def proben1(options: argparse.Namespace) -> None:
    """Seven problems in three orderings, beside Prechelt's tables 10 and 11."""
    print(f"\n## Proben1, mean of {options.seeds} seeds")
    heading(
        "problem", "error, %", "Prechelt", "his sd off",
        "squared error, %", "Prechelt", "his sd off", "fit, s",
    )  # fmt: skip
    off: list[float] = []
    off_squared: list[float] = []
    for problem, published in PUBLISHED["proben1"].items():
        runs = [proben1_run(problem, seed) for seed in range(options.seeds)]
        error, squared, seconds = np.mean(runs, axis=0)
        cells, distance = beside(squared, published["squared"])
        off_squared.append(distance)
        ours, distance_error = beside(error, published.get("error"))
        off.append(distance_error if "error" in published else distance)
        line(problem, *ours, *cells, f"{seconds:.2f}")
    for what, distances in (("error", off), ("squared error", off_squared)):
        print(
            f"\n{what.capitalize()} (building: squared error) no worse than the published mean on "
            f"{sum(d <= 0 for d in distances)} of {len(distances)}; at worst {max(distances):+.2f} "
            "of his standard deviations"
        )


def beside(value: float, published: list[float] | None) -> tuple[list[str], float]:
    """Return the cells of a figure with a published mean and standard deviation."""
    if published is None:
        return ["", "", ""], np.nan
    mean, deviation = published
    distance = (value - mean) / deviation
    return [f"{value:.2f}", f"{mean:.2f} ± {deviation:.2f}", f"{distance:+.1f}"], distance


def proben1_run(problem: str, seed: int) -> tuple[float, float, float]:
    """Return classification error, squared error and seconds of one seed."""
    with np.load(DATA / "proben1.npz") as data:
        name, ordering = problem[:-1], int(problem[-1]) - 1
        order = data[f"{name}_order"][ordering]
        X, Y = data[f"{name}_inputs"][order], data[f"{name}_outputs"][order]
        held = int(data[f"{name}_test"])
    if name != "building":
        table = frame(X, [f"class {k:02d}" for k in Y.argmax(axis=1)])
        result = fitted(table[:-held], table[-held:], "y", seed)
        truth = table["y"][-held:]
        squared = squared_error_of(result, truth, Y.shape[1])
        return error_of(result.predicted, truth), squared, result.seconds
    squares, seconds = [], 0.0  # three numbers: a model for each
    for y in Y.T:
        table = frame(X, y)
        result = fitted(table[:-held], table[-held:], "y", seed)
        squares.append(100 * error_of(result.predicted, table["y"][-held:]) ** 2)
        seconds += result.seconds
    return np.nan, float(np.mean(squares)), seconds


def uci(options: argparse.Namespace) -> None:
    """Four tables of numbers, over the twenty usual splits."""
    print(f"\n## UCI regression, 20 splits, intervals of {100 * LEVEL:.0f} %")
    heading(
        "table", "RMSE ± se", "MC-dropout 2017", "MC-dropout 2018",
        "covered, %", "mean width", "fit, s",
    )  # fmt: skip
    for name, (earlier, later) in PUBLISHED["uci_regression"].items():
        results = [uci_run(name, split) for split in range(20)]
        errors, covered, width, seconds = np.transpose(results)
        rmse = f"{errors.mean():.3f} ± {errors.std(ddof=1) / np.sqrt(len(errors)):.3f}"
        line(
            name, rmse, f"{earlier:.2f}", f"{later:.2f}",
            *interval_cells(covered, width), f"{seconds.mean():.2f}",
        )  # fmt: skip


def interval_cells(covered: Any, width: Any) -> list[str]:
    """Return coverage and width, or nothing where no intervals were asked for."""
    if np.isnan(covered).any():
        return ["", ""]
    return [f"{100 * np.mean(covered):.1f}", f"{np.mean(width):.4g}"]


def uci_run(name: str, split: int) -> tuple[float, float, float, float]:
    """Return RMSE, coverage, width and seconds of one split."""
    with np.load(DATA / "uci_regression.npz") as data:
        table = frame(data[f"{name}_X"], data[f"{name}_y"].astype(float))
        test = np.unpackbits(data[f"{name}_test"][split])[: len(table)].astype(bool)
    result = fitted(table[~test], table[test], "y", seed=split)
    error = error_of(result.predicted, table["y"][test])
    return error, result.covered, result.width, result.seconds


def mnist1d(options: argparse.Namespace) -> None:
    """MNIST-1D, its own training and test part."""
    with np.load(DATA / "mnist1d.npz") as data:
        train, test = (
            frame(data[f"X{part}"], [f"digit {k}" for k in data[f"y{part}"]])
            for part in ("", "_test")
        )
    results = [fitted(train, test, "y", seed) for seed in range(options.seeds)]
    right = [100 - error_of(r.predicted, test["y"]) for r in results]
    print(f"\n## MNIST-1D, {options.seeds} seeds")
    heading("model", "accuracy, %", "least", "most", "fit, s")
    seconds = np.mean([r.seconds for r in results])
    line("chainrule", *(f"{f(right):.1f}" for f in (np.mean, min, max)), f"{seconds:.2f}")
    for model, accuracy in PUBLISHED["mnist1d"].items():
        line(f"{model} (published)", accuracy, "", "", "")


def tables(options: argparse.Namespace) -> None:
    """Everyday tables, beside scikit-learn's models on the same rows."""
    print(
        f"\n## Tables, mean of {options.splits} random splits (75 % / 25 %)\n\n"
        "Error in %, or RMSE; in brackets the seconds of a fit."
    )
    heading("table", "rows", "chainrule", *PEERS, "covered, %", "mean width")
    for name in TABLES:
        table, target = read(name)
        ours, others = [], []
        for split, (train, test) in enumerate(random_splits(table, options.splits)):
            result = fitted(train, test, target, seed=split)
            score = error_of(result.predicted, test[target])
            ours.append((score, result.seconds, result.covered, result.width))
            others.append([peer_run(make, train, test, target) for make in options.peers.values()])
        score, seconds, covered, width = np.transpose(ours)
        cells = [f"{e:.4g} ({s:.2g})" for e, s in np.mean(others, axis=0)] if options.peers else []
        cells += [""] * (len(PEERS) - len(cells))
        line(
            name, len(table), f"{score.mean():.4g} ({seconds.mean():.2g})", *cells,
            *interval_cells(covered, width),
        )  # fmt: skip


def read(name: str) -> tuple[pd.DataFrame, str]:
    """Return a table and its target; classes as text."""
    file, target, left_out = TABLES[name]
    if file:
        table = pd.read_csv(DATA / file, sep="\t" if ".tsv" in file else ",")
    else:
        table = penguins().to_pandas()
    table = table[table[target].notna()].drop(columns=list(left_out))
    if name in ("titanic", "spambase", "optdigits", "waveform-40"):
        table[target] = table[target].map("class {}".format)
    return table, target


def random_splits(table: pd.DataFrame, splits: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield training and test rows."""
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(table))
        held = len(table) // 4
        yield table.iloc[order[held:]], table.iloc[order[:held]]


Make = Callable[[list[str], list[str], bool], Any]


def perceptron(tuned: bool, words: list[str], numbers: list[str], regression: bool) -> Any:
    """Return scikit-learn's MLP behind the usual preparation of columns."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    step, inner = "mlpclassifier", MLPClassifier(random_state=0)
    if regression:
        mlp = MLPRegressor(random_state=0)
        step = "transformedtargetregressor"
        inner = TransformedTargetRegressor(mlp, transformer=StandardScaler())
        step += "__regressor"
    model = make_pipeline(columns, inner)
    if not tuned:
        return model
    return GridSearchCV(model, {f"{step}__{key}": values for key, values in GRID.items()}, cv=3)


def boosting(words: list[str], numbers: list[str], regression: bool) -> Any:
    """Return scikit-learn's boosted trees, which take missing values and categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(categorical_features=words, random_state=0)


PEERS: dict[str, Make] = {
    "MLP": partial(perceptron, False),
    "MLP, tuned": partial(perceptron, True),
    "HistGradientBoosting": boosting,
}


def peer_run(
    make: Make, train: pd.DataFrame, test: pd.DataFrame, target: str
) -> tuple[float, float]:
    """Return error and seconds of a model of scikit-learn."""
    X, X_test = train.drop(columns=target), test.drop(columns=target)
    numbers = [c for c in X if pd.api.types.is_numeric_dtype(X[c])]
    words = [c for c in X if c not in numbers]
    model = make(words, numbers, is_number(train[target]))
    if make is boosting:
        for rows in (X, X_test):
            rows[words] = rows[words].astype("category")
    start = time.perf_counter()
    model.fit(X, train[target])
    seconds = time.perf_counter() - start
    return error_of(model.predict(X_test), test[target]), seconds


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "proben1": proben1,
    "uci": uci,
    "mnist1d": mnist1d,
    "tables": tables,
}


def arguments() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--peers", choices=("all", "none"), default="all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of Proben1 and MNIST-1D")
    parser.add_argument("--splits", type=int, default=SPLITS, help="of the everyday tables")
    parser.add_argument("--fit", nargs="+", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    options.peers = PEERS if options.peers == "all" else {}
    return options


def value_of(text: str) -> Any:
    """Return a setting's value: a number, a tuple, or text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main() -> None:
    """Print the tables."""
    from sklearn.exceptions import ConvergenceWarning

    options = arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    FIT.update({n: value_of(v) for n, v in (pair.split("=", 1) for pair in options.fit)})
    print("Settings of fit:", FIT | INTERVALS or "none, as it comes")
    chainrule.fit(penguins(), "species", **FIT)  # compiles, so that no timing holds it
    for part in options.only:
        PARTS[part](options)


if __name__ == "__main__":
    main()
