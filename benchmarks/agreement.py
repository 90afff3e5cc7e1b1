"""How far artefacts in every language are from the model: on tables, and over all networks."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from artefacts import apart, by_model, cells_of, roughened, runners
from chainrule import Network, Rule, fit
from chainrule.columns import Column, TableSpec, Target
from chainrule.datasets import penguins
from chainrule.ensemble import Ensemble
from chainrule.exporting.samples import in_double
from chainrule.exporting.targets import TOLERANCES
from chainrule.model import Model
from chainrule.network import HIDDEN
from chainrule.summary import Summary

DATA = Path(__file__).parent / "data"
TARGETS = (
    ("penguins", ("species", "body_mass_g")),
    ("titanic", ("survived", "fare")),
    ("mpg", ("mpg", "origin")),
    ("california_housing", ("median_house_value", "ocean_proximity")),
)
ROUGH = 300  # rows of a table that are taken again, roughened
SIZES = (32, 16)  # Python and SQLite take long of more
BUMP = Rule(
    "def bump(z):\n    u = z ** 3 - 2 * z\n    e = exp(-(u * u))\n"
    "    return e, -2.0 * u * (3 * z ** 2 - 2) * e"
)
COLUMNS = (
    Column("number", "numeric", mean=10.0, scale=3.0, fill=9.5, missing=True),
    Column("day", "date", mean=19000.0, scale=365.0, fill=19010.0, missing=True),
    Column("flag", "boolean", fill=0.4, missing=True),
    Column("town", "categorical", categories=("Ulm", "Köln", 'O"Fallon'), missing=True),
    Column("doors", "categorical", categories=("2", "4")),
)
NUMBER = Target("y", "regression", mean=3.5, scale=2.0)
OUTPUTS = {
    "identity": (1, "half_squared_error", NUMBER),
    "exp": (1, "poisson", Target("y", "regression")),
    "sigmoid": (1, "binary_cross_entropy", Target("y", "classification", ("no", "yes"))),
    "softmax": (3, "cross_entropy", Target("y", "classification", ("a", "b", "c"))),
}


def cast(model: Any, dtype: str) -> Any:
    """Return a model with parameters of another type."""
    ensemble = replace(model.ensemble, parameters=model.parameters.astype(dtype))
    return replace(model, ensemble=ensemble)


def of_tables(folder: Path, only: list[str] | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield trained models with all rows of their tables, and some of them roughened."""
    for title, targets in TARGETS:
        if only is not None and title not in only:
            continue
        table = penguins() if title == "penguins" else folder / f"{title}.csv.gz"
        for target in targets:
            members = 1 if title == "california_housing" else 5
            model = fit(table, target, hidden_layer_sizes=SIZES, ensemble=members)
            rows = cells_of(model, table)
            some = np.random.default_rng(0).permutation(len(next(iter(rows.values()))))[:ROUGH]
            rough = roughened(model, {name: [rows[name][k] for k in some] for name in rows})
            yield f"{title}, {target}", model, {name: rows[name] + rough[name] for name in rows}


def grid(dtype: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield a model of every activation and output, three networks each, with rough rows."""
    for number, (hidden, output) in enumerate(itertools.product([*HIDDEN, BUMP], OUTPUTS)):
        k, loss, target = OUTPUTS[output]
        sizes = (sum(column.width for column in COLUMNS), 5, 4, k)
        network = Network(sizes, hidden=hidden, output=output, loss=loss)
        random = np.random.default_rng(number)
        thetas = [
            network.initial(random, dtype=dtype) + random.normal(0, 0.2, network.n_parameters)
            for _ in range(3)
        ]
        spec, summary = TableSpec(COLUMNS, target), Summary("0.1.0", {})
        held = np.zeros((0, k), dtype)
        model = Model(Ensemble(network, np.stack(thetas).astype(dtype), held), spec, summary)
        far = (12.0,) if output == "exp" else (12.0, -40.0, 3e4)
        yield f"{hidden}, {output}", model, roughened(model, made_up(random, 40), number, far)


def made_up(random: Any, count: int) -> dict[str, list[Any]]:
    """Return rows of ``COLUMNS`` within some standard deviations."""
    days = np.round(random.normal(19000, 365, count) * 86_400_000) / 86_400_000
    return {
        "number": random.normal(10, 3, count).tolist(),
        "day": days.tolist(),
        "flag": (random.random(count) < 0.5).tolist(),
        "town": random.choice(COLUMNS[3].categories, count).tolist(),
        "doors": random.choice(["2", "4", "2.0"], count).tolist(),
    }


def print_tables(folder: Path, postgresql: str | None, only: list[str] | None = None) -> None:
    """Print the largest differences on tables, by language."""
    run = {name: each for name, each in runners(postgresql).items() if "++" not in name}
    print(f"\n| table, target | rows | | {' | '.join(run)} | other labels | float32 itself |")
    print("|---|---|---|" + "---|" * (len(run) + 2))
    for what, model, rows in of_tables(folder, only):
        for dtype in TOLERANCES:
            each = cast(model, dtype)
            expected = by_model(each, rows)
            found = [_far(each, rows, expected, name, run[name]) for name in run]
            count, others = len(expected.labels), sum(n for _, n in found)
            shown = [f"{difference:.1g}" for difference, _ in found]
            other = f"{others}" if model.spec.target.classes else ""
            in64, _ = apart(expected, by_model(in_double(each), rows), False)
            shown += [other, f"{in64:.1g}" if dtype == "float32" else ""]
            print(f"| {what} | {count:,} | {dtype} | {' | '.join(shown)} |", flush=True)


def print_grid(postgresql: str | None) -> None:
    """Print the largest differences over all activations and outputs, by language."""
    run = runners(postgresql)
    print(f"\n| every activation with every output | {' | '.join(run)} | other labels |")
    print("|---|" + "---|" * (len(run) + 1))
    for dtype in TOLERANCES:
        worst, others = dict.fromkeys(run, (0.0, "")), 0
        for what, model, rows in grid(dtype):
            expected = by_model(model, rows)
            for name, runner in run.items():
                difference, different = _far(model, rows, expected, name, runner)
                worst[name] = max(worst[name], (difference, what))
                others += different
        shown = [f"{difference:.1g} ({what})" for difference, what in worst.values()]
        print(f"| {dtype} | {' | '.join(shown)} | {others} |", flush=True)


def _far(model: Any, rows: Any, expected: Any, name: str, runner: Any) -> tuple[float, int]:
    """Return the largest difference and the number of other labels.

    What computes in float64 is held against the model in float64, its labels against the model's.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = runner(model, rows, Path(folder))
    _, others = apart(found, expected, bool(model.spec.target.classes))
    if name in ("JavaScript", "Python", "SQLite", "PostgreSQL", "DuckDB"):
        expected = by_model(in_double(model), rows)
    return apart(found, expected, False)[0], others
