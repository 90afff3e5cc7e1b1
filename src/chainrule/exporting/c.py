"""A model as one C99 header that needs nothing but math.h."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.columns import Column
from chainrule.exporting.ctext import fields as fields_of
from chainrule.exporting.ctext import functions, is_category, is_missing, without_nul
from chainrule.exporting.language import Language, rules_of, translated
from chainrule.exporting.samples import Samples, least, used
from chainrule.exporting.spelling import c_string, comment, digits, wrapped
from chainrule.formula import arguments_of

DOUBLE = ("exp", "expm1", "log", "log1p", "tanh", "erf", "sqrt")
KINDS = {
    "numeric": ("double", "NAN where missing"),
    "date": ("double", "days since 1970-01-01, NAN where missing"),
    "boolean": ("double", "1 true, 0 false, NAN where missing"),
    "categorical": ("const char *", "text, NULL where missing"),
}


def language(single: bool) -> Language:
    """Return how C spells rules, for float or double."""
    end = "f" if single else ""
    return Language(
        functions={name: name + end for name in DOUBLE} | {"abs": f"fabs{end}"},
        number=lambda value: digits(value, single) + end,
        choice="({test} ? {yes} : {no})",
        power=f"pow{end}({{base}}, {{exponent}})",
        assign="real {name} = {value};",
        again="{name} = {value};",
    )


def header(model: Any, name: str, samples: Samples) -> str:
    """Return a model as a C99 header, which is C++ as well.

    Parameters
    ----------
    model : chainrule.Model
    name : str
        An identifier, with which all names in the header begin.
    samples : Samples
        For the self-test.
    """
    without_nul(model.spec.columns, model.spec.target.classes)
    single = model.parameters.dtype == np.float32
    real = "float" if single else "double"
    parts = [
        _about(model, name, real),
        f"#ifndef {name.upper()}_H",
        f"#define {name.upper()}_H",
        "",
        "#include <math.h>",
        "",
        *_row(model, name),
        "",
        *_parameters(model, name, single),
        "",
        *_inputs(model, name, real),
        "",
        *_activations(model, name, single),
        *_network(model, name, real),
        "",
        *_predict(model, name, real),
        "",
        *_self_test(model, name, real, samples),
        "#endif",
    ]
    return "\n".join(parts) + "\n"


def _about(model: Any, name: str, real: str) -> str:
    """Return the comment at the top: what it is, and how to use it."""
    target, network = model.spec.target, model.network
    columns = used(model.spec)
    fields = fields_of(columns, name)
    example = ", ".join(f".{field} = ..." for field in fields[:2])
    lines = [
        f"{name}.h predicts {comment(target.name)}.",
        "",
        f"Written by chainrule {__version__}. {len(model.ensemble)} network(s) of "
        f"{'-'.join(map(str, network.sizes))}, in {real}. C99, no allocation, no state.",
        "",
    ]
    if target.task == "classification":
        lines += [
            f"    {real} probabilities[{len(target.classes)}];",
            f"    {name}_row row = {{{example}}};",
            f"    int k = {name}_predict(&row, probabilities);  // the likeliest class",
            f"    const char *class_ = {name}_class(k);",
        ]
    else:
        lines += [
            f"    {name}_row row = {{{example}}};",
            f"    double value = {name}_predict(&row);",
        ]
        if model.coverage is not None:
            lines.append(f"    double lower, upper; {name}_interval(&row, &lower, &upper);")
    lines += ["", f"Compiled with -D{name.upper()}_SELF_TEST it has a main that tries some rows."]
    return "/*\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */"


def _row(model: Any, name: str) -> Iterator[str]:
    """Yield the struct of a raw row."""
    columns = used(model.spec)
    fields = fields_of(columns, name)
    yield "typedef struct {"
    for column, field in zip(columns, fields, strict=True):
        kind, how = KINDS[column.kind]
        gap = "" if kind.endswith("*") else " "
        yield f"    {kind}{gap}{field}; /* {comment(column.name)}: {how} */"
    yield f"}} {name}_row;"


def _parameters(model: Any, name: str, single: bool) -> Iterator[str]:
    """Yield the flat parameters of each network."""
    real, end = ("float", "f") if single else ("double", "")
    members, count = model.parameters.shape
    yield "/* Of each network the layers in turn: weights (inputs, outputs), then biases. */"
    yield f"static const {real} {name}_parameters[{members}][{count}] = {{"
    for theta in model.parameters:
        yield "    {"
        yield from wrapped([digits(value, single) + end for value in theta], 8)
        yield "    },"
    yield "};"


def _inputs(model: Any, name: str, real: str) -> Iterator[str]:
    """Yield the function that turns a raw row into the network's inputs."""
    columns = used(model.spec)
    fields = fields_of(columns, name)
    yield from functions(columns, name)
    yield f"static inline void {name}_inputs(const {name}_row *row, {real} *x)"
    yield "{"
    place = 0
    for column, field in zip(columns, fields, strict=True):
        yield from _input(column, f"row->{field}", place, name, real)
        place += column.width
    yield "}"


def _input(column: Column, cell: str, place: int, name: str, real: str) -> Iterator[str]:
    if column.kind == "categorical":
        for k, category in enumerate(column.categories):
            yield f"    x[{place + k}] = ({is_category(column, category, cell, name)}) ? 1 : 0;"
        if column.missing:
            absent = is_missing(column, cell, name)
            yield f"    x[{place + len(column.categories)}] = ({absent}) ? 1 : 0;"
        return
    mean, scale = digits(column.mean, False), digits(column.scale, False)
    fill = digits(column.fill, False)
    value = f"(isnan({cell}) ? {fill} : {cell})"
    if column.kind == "boolean":
        yield f"    x[{place}] = ({real}){value};"
    else:
        yield f"    x[{place}] = ({real})(({value} - ({mean})) / {scale});"
    if column.missing:
        yield f"    x[{place + 1}] = isnan({cell}) ? 1 : 0;"


def _activations(model: Any, name: str, single: bool) -> Iterator[str]:
    """Yield a function for each activation that the network uses."""
    real = "float" if single else "double"
    spelled = language(single)
    for rule, source in rules_of(model.network):
        lines = translated(source, spelled, lambda word: f"{word}_")
        (argument,) = arguments_of(source)
        yield f"static inline {real} {name}_rule_{rule}({real} {argument}_)"
        yield "{"
        for line in lines.statements:
            yield "    " + line.replace("real ", f"{real} ", 1)
        yield f"    return {lines.value};"
        yield "}"
        yield ""


def _network(model: Any, name: str, real: str) -> Iterator[str]:
    """Yield one layer's sums, and the function that adds a network's outputs to a sum."""
    network = model.network
    widest = max(network.sizes)
    yield from (
        f"static inline void {name}_layer(const {real} *w, int n_in, int n_out, const {real} *in,",
        f"                                {real} *out)",
        "{",
        "    int i, j;",
        "    for (j = 0; j < n_out; j++) out[j] = w[n_in * n_out + j];",
        "    for (i = 0; i < n_in; i++)",
        "        for (j = 0; j < n_out; j++) out[j] += in[i] * w[i * n_out + j];",
        "}",
        "",
        f"static inline void {name}_add(const {real} *theta, const {real} *x, {real} *sum)",
        "{",
        f"    {real} a[{widest}]{f', b[{widest}]' if len(network.activations) > 1 else ''};",
        "    int j;",
    )
    source, target = "x", "a"
    for l, rule in enumerate(network.activations):
        n_in, n_out = network.sizes[l], network.sizes[l + 1]
        yield f"    {name}_layer(theta + {network.starts[l]}, {n_in}, {n_out}, {source}, {target});"
        yield from _activated(str(rule), target, n_out, name, real)
        source, target = target, "b" if target == "a" else "a"
    yield f"    for (j = 0; j < {network.sizes[-1]}; j++) sum[j] += {source}[j];"
    yield "}"


def _activated(rule: str, values: str, size: int, name: str, real: str) -> Iterator[str]:
    each = f"    for (j = 0; j < {size}; j++) "
    if rule == "softmax":
        function = "expf" if real == "float" else "exp"
        yield "    {"
        yield f"        {real} most = {values}[0], total = 0;"
        yield f"        for (j = 1; j < {size}; j++) if ({values}[j] > most) most = {values}[j];"
        yield f"        for (j = 0; j < {size}; j++) {values}[j] = {function}({values}[j] - most);"
        yield f"        for (j = 0; j < {size}; j++) total += {values}[j];"
        yield f"        for (j = 0; j < {size}; j++) {values}[j] /= total;"
        yield "    }"
    elif rule != "identity":
        yield f"{each}{values}[j] = {name}_rule_{rule}({values}[j]);"


def _predict(model: Any, name: str, real: str) -> Iterator[str]:
    network, target = model.network, model.spec.target
    members = len(model.ensemble)
    k = network.sizes[-1]
    yield f"static inline void {name}_outputs(const {name}_row *row, {real} *sum)"
    yield "{"
    yield f"    {real} x[{network.sizes[0]}];"
    yield "    int i;"
    yield f"    for (i = 0; i < {k}; i++) sum[i] = 0;"
    yield f"    {name}_inputs(row, x);"
    yield f"    for (i = 0; i < {members}; i++) {name}_add({name}_parameters[i], x, sum);"
    yield f"    for (i = 0; i < {k}; i++) sum[i] /= {members};"
    yield "}"
    yield ""
    if target.task == "classification":
        yield from _classes(model, name, real)
    else:
        yield from _values(model, name, real)


def _classes(model: Any, name: str, real: str) -> Iterator[str]:
    classes = model.spec.target.classes
    n, k = len(classes), model.network.sizes[-1]
    yield "/* The number of the likeliest class; probabilities may be NULL. */"
    yield f"static inline int {name}_predict(const {name}_row *row, {real} *probabilities)"
    yield "{"
    yield f"    {real} p[{n}];"
    yield "    int i, best = 0;"
    yield f"    {name}_outputs(row, p);"
    if k == 1:
        yield "    p[1] = p[0];"
        yield "    p[0] = 1 - p[1];"
    yield f"    for (i = 1; i < {n}; i++) if (p[i] > p[best]) best = i;"
    yield f"    if (probabilities) for (i = 0; i < {n}; i++) probabilities[i] = p[i];"
    yield "    return best;"
    yield "}"
    yield ""
    yield from class_names(classes, name)


def class_names(classes: Sequence[str], name: str) -> Iterator[str]:
    """Yield the function that gives a class its name."""
    n = len(classes)
    yield f"static inline const char *{name}_class(int k)"
    yield "{"
    yield f"    static const char *const names[{n}] = {{"
    yield from wrapped([c_string(label) for label in classes], 8)
    yield "    };"
    yield f"    return k >= 0 && k < {n} ? names[k] : 0;"
    yield "}"


def _values(model: Any, name: str, real: str) -> Iterator[str]:
    target = model.spec.target
    scale, mean = digits(target.scale, False), digits(target.mean, False)
    yield f"/* {comment(target.name)}, in its own units. */"
    yield f"static inline double {name}_predict(const {name}_row *row)"
    yield "{"
    yield f"    {real} out[1];"
    yield f"    {name}_outputs(row, out);"
    yield f"    return (double)out[0] * {scale} + ({mean});"
    yield "}"
    if model.coverage is not None:
        margin = float(model.ensemble.margin(model.coverage)[0]) * target.scale
        yield ""
        yield f"/* Bounds between which {model.coverage:.0%} of the rows lie. */"
        yield f"static inline void {name}_interval(const {name}_row *row, double *lower,"
        yield f"{' ' * (28 + len(name))}double *upper)"
        yield "{"
        yield f"    double value = {name}_predict(row);"
        yield f"    *lower = value - {digits(margin, False)};"
        yield f"    *upper = value + {digits(margin, False)};"
        yield "}"


def _self_test(model: Any, name: str, real: str, samples: Samples) -> Iterator[str]:
    """Yield a main that prints what it computes for some rows, and compares."""
    rows, width = samples.outputs.shape
    tolerance = "1e-5" if real == "float" else "1e-12"
    smallest = digits(least(samples.outputs), False)
    yield f"#ifdef {name.upper()}_SELF_TEST"
    yield "#include <stdio.h>"
    yield "int main(void)"
    yield "{"
    yield f"    static const {name}_row rows[{rows}] = {{"
    for k in range(rows):
        cells = [_cell(column, samples.columns[column.name][k]) for column in used(model.spec)]
        yield "        {" + ", ".join(cells) + "},"
    yield "    };"
    yield f"    static const double expected[{rows}][{width}] = {{"
    for row in samples.outputs:
        yield "        {" + ", ".join(digits(float(value), False) for value in row) + "},"
    yield "    };"
    yield "    int i, j, wrong = 0;"
    yield f"    for (i = 0; i < {rows}; i++) {{"
    if model.spec.target.task == "classification":
        yield f"        {real} out[{width}];"
        yield f"        {name}_predict(&rows[i], out);"
    else:
        yield f"        double out[{width}];"
        yield f"        out[0] = {name}_predict(&rows[i]);"
    yield f"        for (j = 0; j < {width}; j++) {{"
    yield "            double size = fabs(expected[i][j]);"
    yield f"            if (size < {smallest}) size = {smallest};"
    yield f"            if (!(fabs(out[j] - expected[i][j]) <= {tolerance} * size)) wrong++;"
    yield f"            printf(\"%.17g%c\", (double)out[j], j + 1 < {width} ? ' ' : '\\n');"
    yield "        }"
    yield "    }"
    yield '    if (wrong) fprintf(stderr, "%d numbers are not what they should be\\n", wrong);'
    yield "    return wrong != 0;"
    yield "}"
    yield "#endif"
    yield ""


def _cell(column: Column, cell: Any) -> str:
    if column.kind == "categorical":
        return "0" if cell is None else c_string(cell)
    return "NAN" if cell is None else digits(float(cell), False)
