"""What ``fit`` trains with where nothing else is said; decision 6 has the measurements."""

from __future__ import annotations

from math import ceil
from typing import Any

MEMBERS = 5
FEW_ROWS = 10  # too few for MEMBERS folds
HIDDEN = (128, 64)

STEPS = 10_000
LEAST_EPOCHS, MOST_EPOCHS = 20, 600
PATIENCE = 0.3  # of the epochs, because one_cycle improves late

LM_WORK = 200_000_000  # multiplications of a step: some hundredths of a second
LBFGS_WORK = 2_000_000

NEURON: dict[str, Any] = {
    "solver": "gd",
    "learning_rate": None,
    "schedule": "constant",
    "epochs": 1000,
    "batch_size": None,
    "patience": None,
    "shuffle": False,
}
OTHER: dict[str, Any] = {
    "learning_rate": None,
    "schedule": "constant",
    "epochs": 500,
    "batch_size": 32,
    "patience": 20,
}


def settings_for(rows: int, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a training on so many rows: those given, and the usual others.

    Examples
    --------
    >>> settings = settings_for(1000, {})
    >>> [settings[name] for name in ("solver", "epochs", "patience", "weight_decay")]
    ['adamw', 312, 94, 0.1]
    >>> settings_for(1000, {"solver": "adam"})["epochs"]
    500
    """
    from chainrule.arguments import whole

    solver = given.get("solver", "adamw")
    if solver != "adamw":
        return {"solver": solver} | OTHER | given
    batch_size = given.get("batch_size", 32)
    steps = 1 if batch_size is None else ceil(rows / whole("batch_size", batch_size, 1))
    usual = min(max(round(STEPS / steps), LEAST_EPOCHS), MOST_EPOCHS)
    epochs = whole("epochs", given.get("epochs", usual), 0)
    return {
        "solver": solver,
        "learning_rate": 0.01,
        "schedule": "one_cycle",
        "epochs": epochs,
        "batch_size": batch_size,
        "patience": round(PATIENCE * epochs),
        "weight_decay": min(0.1, 400 / rows),
    } | given


def choose_solver(rows: int, parameters: int, loss: str) -> tuple[str, str]:
    """Return a solver for a training of this size, and why it was chosen.

    Examples
    --------
    >>> choose_solver(300, 97, "half_squared_error")
    ('lm', 'a step of Levenberg-Marquardt is cheap for 97 parameters on 300 rows')
    >>> choose_solver(300, 97, "cross_entropy")[0], choose_solver(10**6, 97, "huber")[0]
    ('lbfgs', 'adamw')
    """
    size = f"{parameters:,} parameters on {rows:,} rows"
    if loss == "half_squared_error" and (rows + parameters) * parameters**2 <= LM_WORK:
        return "lm", f"a step of Levenberg-Marquardt is cheap for {size}"
    if rows * parameters <= LBFGS_WORK and loss not in ("absolute_error", "quantile"):
        return "lbfgs", f"all rows at once are cheap for {size}"
    return "adamw", f"batches are best for {size}"
