"""Raw rows for artefacts: what a table could hold, and what it should not."""

import numpy as np

from chainrule.exporting.samples import UNSEEN, outputs_of, samples, used

FAR = (12.0, -40.0, 3e4)  # standard deviations; of the outputs "exp", the first


def random_rows(model, count=40, seed=1, far=FAR):
    """Return cells of each column: near and far ones, missing ones, categories never seen."""
    random = np.random.default_rng(seed)
    return {column.name: _cells(column, count, random, far) for column in used(model.spec)}


def _cells(column, count, random, far):
    absent = random.random(count) < 0.15
    if column.kind == "categorical":
        strange = [UNSEEN, "", "'", "NULL", "nan"]
        values = random.choice([*column.categories, *strange], count).tolist()
    elif column.kind == "boolean":
        values = (random.random(count) < 0.5).tolist()
    else:
        z = random.normal(size=count)
        z = np.where(random.random(count) < 0.1, random.choice(far, count), z)
        values = column.mean + z * column.scale
        if column.kind == "date":
            values = np.clip(np.round(values * 86_400_000) / 86_400_000, -700_000, 2_900_000)
        values = values.tolist()
    return [None if gone else value for gone, value in zip(absent, values, strict=True)]


def every_row(model, far=FAR, count=40):
    """Return the rows of the self-test and random ones, with the model's outputs."""
    columns = random_rows(model, count, far=far)
    for name, cells in samples(model).columns.items():
        columns[name] = cells + columns[name]
    return columns, outputs_of(model, columns)


# Rules with what the shipped ones leave out. Only the value is exported: the slope is none.
ODD_RULES = (
    "def ratio(z):\n    s = sqrt(abs(z) + 1.5)\n    t = 0.5 if z == 0.0 else log(s) / s\n"
    "    return -t ** 5 * (1.0 / 3.0), 0.0",
    "def powers(z):\n    u = tanh(z) + 2.0\n    u = u * u\n"
    "    return u ** 1.5 - u ** -1 + (-z) ** 3 + 2 ** u, 0.0",
    "def nested(z):\n    return expm1(erf(log1p(exp(-abs(z))))) - (0.25 if z <= 1 else -z), 0.0",
    "def steps(z):\n    a = exp(z)\n    b = a * a + a\n    c = b / (1.0 + b)\n"
    "    return (c - b / (2.0 + b)) if a >= 0.5 else c * (b - a), 0.0",
)
SCORES = np.array([0.0, -0.0, 1e-12, -3e-9, 0.1, -0.7, 1.0, 2.5, -4.25, 9.0, -17.3, 30.0, -37.5])


def value_of(rule, z):
    """Return a rule's value at a number, by its own source."""
    from chainrule.own import _built

    function = _built(rule) if isinstance(rule, str) else rule
    with np.errstate(all="ignore"):
        return float(function(np.float64(z))[0])
