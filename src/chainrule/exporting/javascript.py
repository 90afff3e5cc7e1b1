"""A model as one ES module, for node and the browser, with its types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule import __version__, elementary
from chainrule.cells import NO, YES
from chainrule.columns import Column
from chainrule.exporting.categories import by_number, number_of
from chainrule.exporting.language import Language, rules_of, translated
from chainrule.exporting.samples import Samples, least, used
from chainrule.exporting.spelling import comment, digits, wrapped
from chainrule.formula import arguments_of

FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "abs")
LANGUAGE = Language(
    functions={name: f"Math.{name}" for name in FUNCTIONS} | {"erf": "erf"},
    number=repr,
    choice="({test} ? {yes} : {no})",
    power="(({base}) ** ({exponent}))",
    assign="let {name} = {value};",
    again="{name} = {value};",
)
TYPES = {
    "numeric": "number | null",
    "date": "Date | number | string | null",
    "boolean": "boolean | number | string | null",
    "categorical": "string | number | boolean | null",
}
PATTERNS = r"""
const isoDate =
  /^\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:\d\d)?\s*$/;
const decimal = /^[\t-\r\x1c- ]*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[\t-\r\x1c- ]*$/i;
const notNumber = /^[\t-\r\x1c- ]*[+-]?nan[\t-\r\x1c- ]*$/i;
"""
HELPERS = """
const missing = (cell) => cell === null || cell === undefined || cell === "" || cell !== cell;

function cellOf(row, column) {
  if (!(column in row)) throw new TypeError(`the row has no column ${JSON.stringify(column)}`);
  return row[column];
}

function number(cell) {
  const found = Number(cell);
  if (found !== found) throw new TypeError(`${JSON.stringify(cell)} is not a number`);
  return found;
}

function truth(cell) {
  const word = String(cell).trim().toLowerCase();
  return yes.includes(word) ? 1 : no.includes(word) ? 0 : number(cell);
}

function days(cell) {
  if (cell instanceof Date) return number(cell.getTime()) / 86400000;
  const [, date, time, zone] = isoDate.exec(cell) || [];
  if (date === undefined) return number(cell);
  return number(Date.parse(`${date}T${time || "00:00"}${zone || "Z"}`)) / 86400000;
}

// Text that spells a number is that number, where the categories are numbers: "7.0" is 7.
function category(cell, byNumber) {
  if (missing(cell)) return null;
  if (typeof cell !== "string") return byNumber && typeof cell !== "boolean" ? cell : String(cell);
  if (!byNumber || !decimal.test(cell)) return byNumber && notNumber.test(cell) ? null : cell;
  return Number(cell);
}

function layer(w, nIn, nOut, a) {
  const out = new Float64Array(nOut);
  for (let j = 0; j < nOut; j++) out[j] = w[nIn * nOut + j];
  for (let i = 0; i < nIn; i++) for (let j = 0; j < nOut; j++) out[j] += a[i] * w[i * nOut + j];
  return out;
}
"""
ERF = """
const horner = (coefficients, x) => coefficients.reduce((total, c) => total * x + c);
function erf(x) {{
  const a = Math.min(Math.abs(x), 6);
  const near = a * horner({near}, Math.min(a * a, 1));
  const far = 1 - Math.exp(-a * a) * horner({far}, (a - 3) / (a + 3));
  return Math.sign(x) * (a > 1 ? far : near);
}}
"""


def module(model: Any, samples: Samples) -> str:
    """Return a model as the text of an ES module."""
    uses_erf = any("erf(" in line for line in _activations(model))
    near, far = map(list, (elementary._P_DOUBLE, elementary._Q_DOUBLE))
    parts = [
        _about(model),
        "",
        *_parameters(model),
        f"const yes = {json.dumps(YES)};",
        f"const no = {json.dumps(NO)};",
        PATTERNS.strip(),
        HELPERS,
        *([ERF.format(near=near, far=far)] if uses_erf else []),
        *_activations(model),
        *_inputs(model),
        "",
        *_network(model),
        "",
        *_predict(model),
        "",
        *_self_test(model, samples),
    ]
    return "\n".join(parts) + "\n"


def types(model: Any) -> str:
    """Return the declarations of the module, for a file beside it that ends in .d.ts."""
    target = model.spec.target
    fields = "".join(
        f"  {_string(column.name)}: {TYPES[column.kind]};\n" for column in used(model.spec)
    )
    parts = [f"export interface Row {{\n{fields}}}"]
    if target.task == "classification":
        label = " | ".join(_label(c) for c in _classes(model))
        parts += [
            f"export type Class = {label};",
            "export const classes: readonly Class[];",
            "export function predict(row: Row): Class;",
            "export function predictProba(row: Row): number[];",
        ]
    else:
        parts.append("export function predict(row: Row): number;")
        if model.coverage is not None:
            parts.append(
                "export function predictInterval(row: Row): [lower: number, upper: number];"
            )
    parts.append("export function selfTest(show?: (outputs: string) => void): number;")
    return "\n".join(parts) + "\n"


def _string(text: str) -> str:
    """Return a string literal; also inside HTML it ends nothing."""
    return json.dumps(text).replace("<", "\\u003c")


def _label(label: Any) -> str:
    return _string(label) if isinstance(label, str) else json.dumps(label)


def _classes(model: Any) -> list[Any]:
    from chainrule.table import labels

    found: list[Any] = labels(model.spec, range(len(model.spec.target.classes))).tolist()
    return found


def _about(model: Any) -> str:
    target = model.spec.target
    asks = "predict, predictProba" if target.task == "classification" else "predict"
    return "\n".join(
        [
            "/**",
            f" * Predict {comment(target.name)}. Written by chainrule {__version__}.",
            " *",
            f" *     import {{ {asks} }} from './this-file.mjs';",
            " *     predict({ column: value, ... });",
            " *",
            " * A row has the raw columns; null is a missing value; a date is a Date, ISO text or",
            " * days since 1970-01-01. selfTest() gives the largest difference on some rows.",
            " */",
        ]
    )


def _parameters(model: Any) -> Iterator[str]:
    single = model.parameters.dtype == np.float32
    yield "// Of each network the layers in turn: weights (inputs, outputs), then biases."
    yield "const parameters = ["
    for theta in model.parameters:
        yield "  new Float32Array([" if single else "  ["
        yield from wrapped([digits(value, single) for value in theta], 4)
        yield "  ])," if single else "  ],"
    yield "];"
    if model.spec.target.task == "classification":
        spelled = ", ".join(_label(c) for c in _classes(model))
        yield f"export const classes = [{spelled}];"


def _activations(model: Any) -> Iterator[str]:
    for rule, source in rules_of(model.network):
        lines = translated(source, LANGUAGE, lambda word: f"{word}_")
        yield f"function {rule}_({arguments_of(source)[0]}_) {{"
        yield from (f"  {line}" for line in lines.statements)
        yield f"  return {lines.value};"
        yield "}"
        yield ""


def _inputs(model: Any) -> Iterator[str]:
    yield "function inputs(row) {"
    yield "  const x = [];"
    yield "  let cell;"
    for column in used(model.spec):
        yield f"  cell = cellOf(row, {_string(column.name)});"
        yield from (f"  {line}" for line in _input(column))
    yield "  return x;"
    yield "}"


def _input(column: Column) -> Iterator[str]:
    mean, scale = digits(column.mean, False), digits(column.scale, False)
    fill = digits(column.fill, False)
    if column.kind == "categorical":
        names = ", ".join(_category(column, each) for each in column.categories)
        yield f"cell = category(cell, {json.dumps(by_number(column))});"
        yield f"for (const c of [{names}]) x.push(cell === c ? 1 : 0);"
    elif column.kind == "boolean":
        yield f"x.push(missing(cell) ? {fill} : truth(cell));"
    else:
        read = "days(cell)" if column.kind == "date" else "number(cell)"
        yield f"x.push(((missing(cell) ? {fill} : {read}) - ({mean})) / {scale});"
    if column.missing:
        yield "x.push(missing(cell) ? 1 : 0);"


def _category(column: Column, category: str) -> str:
    return _string(category) if number_of(column, category) is None else category


def _network(model: Any) -> Iterator[str]:
    network = model.network
    yield "function network(w, x) {"
    yield "  let a = x;"
    for l, rule in enumerate(network.activations):
        n_in, n_out, start = network.sizes[l], network.sizes[l + 1], network.starts[l]
        weights = f"w.slice({start}, {network.starts[l + 1]})"
        yield f"  a = layer({weights}, {n_in}, {n_out}, a);"
        if rule == "softmax":
            yield "  const most = Math.max(...a);"
            yield "  a = a.map((z) => Math.exp(z - most));"
            yield "  const total = a.reduce((sum, share) => sum + share, 0);"
            yield "  a = a.map((share) => share / total);"
        elif rule != "identity":
            yield f"  a = a.map({rule}_);"
    yield "  return a;"
    yield "}"


def _predict(model: Any) -> Iterator[str]:
    target, members = model.spec.target, len(model.ensemble)
    yield "function outputs(row) {"
    yield "  const x = inputs(row);"
    yield "  const each = parameters.map((w) => network(w, x));"
    yield "  return Array.from(each[0], (_, k) =>"
    yield f"    each.reduce((sum, a) => sum + a[k], 0) / {members});"
    yield "}"
    yield ""
    if target.task == "classification":
        yield "export function predictProba(row) {"
        yield "  const p = outputs(row);"
        yield "  return p.length === 1 ? [1 - p[0], p[0]] : p;"
        yield "}"
        yield ""
        yield "export function predict(row) {"
        yield "  const p = predictProba(row);"
        yield "  return classes[p.indexOf(Math.max(...p))];"
        yield "}"
        return
    scale, mean = digits(target.scale, False), digits(target.mean, False)
    yield "export function predict(row) {"
    yield f"  return outputs(row)[0] * {scale} + ({mean});"
    yield "}"
    if model.coverage is not None:
        margin = digits(float(model.ensemble.margin(model.coverage)[0]) * target.scale, False)
        yield ""
        yield "export function predictInterval(row) {"
        yield "  const value = predict(row);"
        yield f"  return [value - {margin}, value + {margin}];"
        yield "}"


def _self_test(model: Any, samples: Samples) -> Iterator[str]:
    asks = "predictProba(row)" if model.spec.target.task == "classification" else "[predict(row)]"
    columns = ", ".join(
        f"[{_string(name)}, {json.dumps(cells)}]".replace("<", "\\u003c")
        for name, cells in samples.columns.items()
    )
    yield "/** The largest relative difference from what the rows here must give. */"
    yield "export function selfTest(show) {"
    yield f"  const columns = [{columns}];"
    yield f"  const expected = {json.dumps(samples.outputs.astype(float).tolist())};"
    yield "  let largest = 0;"
    yield "  expected.forEach((wanted, k) => {"
    yield "    const row = Object.create(null);"
    yield "    for (const [name, cells] of columns) row[name] = cells[k];"
    yield f"    const found = {asks};"
    yield "    if (show) show(found.join(' '));"
    yield "    found.forEach((a, j) => {"
    yield f"      const size = Math.max(Math.abs(wanted[j]), {least(samples.outputs)!r});"
    yield "      largest = Math.max(largest, Math.abs(a - wanted[j]) / size);"
    yield "    });"
    yield "  });"
    yield "  return largest;"
    yield "}"
