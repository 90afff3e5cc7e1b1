"""A model as one Python file that needs the standard library alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.cells import NO, YES
from chainrule.columns import Column
from chainrule.exporting.categories import by_number
from chainrule.exporting.language import Language, rules_of, translated
from chainrule.exporting.samples import Samples, least, used
from chainrule.exporting.spelling import comment, digits, wrapped
from chainrule.formula import arguments_of

FUNCTIONS = ("expm1", "log1p", "tanh", "erf", "sqrt", "log")
LANGUAGE = Language(
    functions={name: f"_{name}" for name in FUNCTIONS} | {"exp": "_exp", "abs": "abs"},
    number=repr,
    choice="({yes} if {test} else {no})",
    power="({base}) ** ({exponent})",
    assign="{name} = {value}",
    again="{name} = {value}",
)
HELPERS = """
def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _expm1(x):
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def _log(x):
    return math.log(x) if x > 0.0 else (-math.inf if x == 0.0 else math.nan)


def _log1p(x):
    return math.log1p(x) if x > -1.0 else (-math.inf if x == -1.0 else math.nan)


def _sqrt(x):
    return math.sqrt(x) if x >= 0.0 else math.nan


_tanh, _erf = math.tanh, math.erf


def _missing(cell):
    return cell is None or cell == "" or cell != cell


def _text(cell, by_number):
    if cell is None or cell == "" or isinstance(cell, bool):
        return str(cell).lower() if isinstance(cell, bool) else None
    if isinstance(cell, str) and not (by_number and cell.isascii() and "_" not in cell):
        return cell
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return str(cell)
    if number != number:
        return None
    whole = number.is_integer() and abs(number) < 2.0**53
    return str(int(number)) if whole else repr(cell if isinstance(cell, int) else number)


def _truth(cell):
    if isinstance(cell, str):
        word = cell.strip().lower()
        if word in _YES or word in _NO:
            return float(word in _YES)
    return float(cell)


def _days(cell):
    if isinstance(cell, str):
        cell = datetime.datetime.fromisoformat(cell.strip())
    if not isinstance(cell, datetime.date):
        return float(cell)
    if not isinstance(cell, datetime.datetime):
        return float(cell.toordinal() - 719163)
    zone = datetime.timezone.utc
    cell = cell.astimezone(zone) if cell.tzinfo else cell.replace(tzinfo=zone)
    return (cell - datetime.datetime(1970, 1, 1, tzinfo=zone)) / datetime.timedelta(days=1)


def _layer(w, n_in, n_out, a):
    return [
        math.fsum([w[n_in * n_out + j], *(a[i] * w[i * n_out + j] for i in range(n_in))])
        for j in range(n_out)
    ]
"""


def module(model: Any, samples: Samples) -> str:
    """Return a model as the text of a Python module."""
    parts = [
        _about(model),
        "",
        "import array",
        "import datetime",
        "import math",
        "",
        *_parameters(model),
        f"_YES = {YES!r}",
        f"_NO = {NO!r}",
        HELPERS,
        "",
        *_activations(model),
        *_inputs(model),
        "",
        "",
        *_network(model),
        "",
        "",
        *_predict(model),
        "",
        "",
        *_self_test(model, samples),
    ]
    return "\n".join(parts) + "\n"


def _about(model: Any) -> str:
    target = model.spec.target
    names = ", ".join(f"{column.name!r}: ..." for column in used(model.spec)[:2])
    asks = "predict_proba(row)" if target.task == "classification" else "predict(row)"
    lines = [
        f"Predict {comment(target.name)}: one file that needs the standard library alone.",
        "",
        f"Written by chainrule {__version__}. A row is a dictionary of the raw columns; None is a",
        "missing value; a date is a datetime.date, ISO text or the days since 1970-01-01.",
        "",
        f"    predict({{{comment(names)}, ...}})",
        "",
        f"Run as a program, it tries some rows. {asks} gives what the network says.",
    ]
    return '"""' + "\n".join(lines) + '\n"""'


def _parameters(model: Any) -> Iterator[str]:
    single = model.parameters.dtype == np.float32
    yield "# Of each network the layers in turn: weights (inputs, outputs), then biases."
    yield "PARAMETERS = ("
    for theta in model.parameters:
        yield '    array.array("f", (' if single else "    ("
        yield from wrapped([digits(value, single) for value in theta], 8)
        yield "    ))," if single else "    ),"
    yield ")"
    if model.spec.target.task == "classification":
        from chainrule.table import labels

        n = len(model.spec.target.classes)
        yield f"CLASSES = {tuple(labels(model.spec, range(n)).tolist())!r}"


def _activations(model: Any) -> Iterator[str]:
    for rule, source in rules_of(model.network):
        lines = translated(source, LANGUAGE, lambda word: f"{word}_")
        yield f"def _rule_{rule}({arguments_of(source)[0]}_):"
        yield from (f"    {line}" for line in lines.statements)
        yield f"    return {lines.value}"
        yield ""
        yield ""


def _inputs(model: Any) -> Iterator[str]:
    yield "def _inputs(row):"
    yield "    x = []"
    for column in used(model.spec):
        yield f"    cell = row[{column.name!r}]"
        yield from (f"    {line}" for line in _input(column))
    yield "    return x"


def _input(column: Column) -> Iterator[str]:
    mean, scale = digits(column.mean, False), digits(column.scale, False)
    fill = digits(column.fill, False)
    if column.kind == "categorical":
        yield f"cell = _text(cell, {by_number(column)})"
        yield f"x += [float(cell == c) for c in {column.categories!r}]"
    elif column.kind == "boolean":
        yield f"x.append({fill} if _missing(cell) else _truth(cell))"
    else:
        read = "_days(cell)" if column.kind == "date" else "float(cell)"
        yield f"x.append((({fill} if _missing(cell) else {read}) - {mean}) / {scale})"
    if column.missing:
        yield "x.append(float(_missing(cell)))"


def _network(model: Any) -> Iterator[str]:
    network = model.network
    yield "def _network(w, a):"
    for l, rule in enumerate(network.activations):
        n_in, n_out, start = network.sizes[l], network.sizes[l + 1], network.starts[l]
        yield f"    a = _layer(w[{start}:{network.starts[l + 1]}], {n_in}, {n_out}, a)"
        if rule == "softmax":
            yield "    a = [_exp(z - max(a)) for z in a]"
            yield "    a = [share / sum(a) for share in a]"
        elif rule != "identity":
            yield f"    a = [_rule_{rule}(z) for z in a]"
    yield "    return a"


def _predict(model: Any) -> Iterator[str]:
    target = model.spec.target
    yield "def _outputs(row):"
    yield "    x = _inputs(row)"
    yield "    each = [_network(w, x) for w in PARAMETERS]"
    yield "    return [sum(values) / len(each) for values in zip(*each)]"
    yield ""
    yield ""
    if target.task == "classification":
        yield "def predict_proba(row):"
        yield "    p = _outputs(row)"
        yield "    return [1.0 - p[0], p[0]] if len(p) == 1 else p"
        yield ""
        yield ""
        yield "def predict(row):"
        yield "    p = predict_proba(row)"
        yield "    return CLASSES[p.index(max(p))]"
        return
    yield "def predict(row):"
    scale, mean = digits(target.scale, False), digits(target.mean, False)
    yield f"    return _outputs(row)[0] * {scale} + {mean}"
    if model.coverage is not None:
        margin = digits(float(model.ensemble.margin(model.coverage)[0]) * target.scale, False)
        yield ""
        yield ""
        yield "def predict_interval(row):"
        yield f"    return predict(row) - {margin}, predict(row) + {margin}"


def _self_test(model: Any, samples: Samples) -> Iterator[str]:
    asks = "predict_proba(row)" if model.spec.target.task == "classification" else "[predict(row)]"
    yield "def self_test():"
    yield '    """Return the largest difference, and print what is computed for some rows."""'
    yield f"    columns = {samples.columns!r}"
    yield f"    expected = {samples.outputs.astype(float).tolist()!r}"
    yield "    largest = 0.0"
    yield "    for k, wanted in enumerate(expected):"
    yield "        row = {name: cells[k] for name, cells in columns.items()}"
    yield f"        found = {asks}"
    yield "        print(*map(repr, found))"
    yield f"        sizes = [max(abs(b), {least(samples.outputs)!r}) for b in wanted]"
    yield "        each = [abs(a - b) / s for a, b, s in zip(found, wanted, sizes)]"
    yield "        largest = max(largest, *(math.inf if e != e else e for e in each))"
    yield "    return largest"
    yield ""
    yield ""
    yield 'if __name__ == "__main__":'
    yield "    raise SystemExit(0 if self_test() <= 1e-12 else 'numbers are wrong')"
