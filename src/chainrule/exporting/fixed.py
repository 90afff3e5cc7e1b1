"""A model as one C99 header of whole numbers, for machines without a floating-point unit."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from chainrule import __version__
from chainrule.columns import Column
from chainrule.exporting.c import class_names
from chainrule.exporting.ctext import fields, functions, is_category, is_missing, without_nul
from chainrule.exporting.fixedparts import arithmetic, parameters, tables
from chainrule.exporting.fixedplan import LARGEST, LIMIT, SHARE_BITS, Field, Layer, Line, Plan
from chainrule.exporting.fixedrun import HUNDREDTH, Fixed, Measured, filled
from chainrule.exporting.spelling import c_string, comment


def header(model: Any, name: str, fixed: Fixed) -> str:
    """Return a model in integers as a C99 header, which is C++ as well.

    Parameters
    ----------
    model : chainrule.Model
    name : str
        An identifier, with which all names in the header begin.
    fixed : Fixed
    """
    without_nul(model.spec.columns, model.spec.target.classes)
    plan = fixed.plan
    parts = [
        _about(model, name, fixed),
        f"#ifndef {name.upper()}_H",
        f"#define {name.upper()}_H",
        "",
        "#include <stdint.h>",
        "",
        *_row(plan, name),
        "",
        *parameters(plan, name),
        "",
        *tables(plan, name),
        *arithmetic(plan, name),
        *_inputs(plan, name),
        "",
        *_member(plan, name),
        "",
        *_outputs(plan, name),
        "",
        *(_classes(model, name) if model.spec.target.classes else _values(model, plan, name)),
        "",
        *_self_test(model, name, fixed),
        "#endif",
    ]
    return "\n".join(parts) + "\n"


def told(model: Any, measured: Measured) -> str:
    """Say how near the integers come to the model."""
    target, rows = model.spec.target, f"{measured.rows:,} {comment(measured.where)}"
    most, mean = f"{measured.largest:.2g}", f"{measured.mean:.2g} on average"
    if measured.differ is None:
        unit = f"in units of {comment(target.name)}"
        sds = f"{measured.largest / target.scale:.2g} standard deviations"
        return f"It is off the model by at most {most} {unit}, {sds} ({mean}), on {rows}."
    return (
        f"It is off the model by at most {most} of a probability ({mean}) on {rows}; "
        f"{measured.differ} of them get another class."
    )


def _about(model: Any, name: str, fixed: Fixed) -> str:
    """Return the comment at the top: what it is, how near it comes, and how to use it."""
    plan, target = fixed.plan, model.spec.target
    example = ", ".join(f".{field} = ..." for field in _names(plan, name)[:2])
    lines = [
        f"{name}.h predicts {comment(target.name)} in whole numbers, without floating point.",
        "",
        f"Written by chainrule {__version__}. {len(model.ensemble)} network(s) of "
        f"{'-'.join(map(str, model.network.sizes))}: weights of {plan.width} bits, activations",
        f"of 16, sums of {64 if plan.wide else 32}. C99, no allocation, no state, stdint.h alone. "
        "What is too large saturates.",
        "",
        *wrap(told(model, fixed.measured), 92),
        "",
        "A number with N bits is round(value * 2^N); a missing one is "
        f"{name.upper()}_MISSING. The formats hold",
        "numbers twice as far from 0 as those rows have.",
        "",
        f"    {name}_row row = {{{example}}};",
    ]
    if target.task == "classification":
        lines += [
            f"    int32_t shares[{len(target.classes)}];  // of 32768",
            f"    int k = {name}_predict(&row, shares);  // the likeliest class",
            f"    const char *class_ = {name}_class(k);",
        ]
    else:
        lines.append(f"    int32_t value = {name}_predict(&row);  // {_scaled(plan.bits)}")
        if _margin(model, plan) is not None:
            lines.append(f"    int32_t lower, upper; {name}_interval(&row, &lower, &upper);")
    lines += ["", f"Compiled with -D{name.upper()}_SELF_TEST it has a main that tries some rows."]
    return "/*\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */"


def _scaled(bits: int) -> str:
    return f"the value times 2^{bits}" if bits else "the value"


def _names(plan: Plan, name: str) -> list[str]:
    return fields((field.column for field in plan.fields), name)


def _row(plan: Plan, name: str) -> Iterator[str]:
    """Yield the struct of a raw row, and the bits of its numbers."""
    yield f"#define {name.upper()}_MISSING INT32_MIN"
    for field, spelled in zip(plan.fields, _names(plan, name), strict=True):
        if field.column.kind in ("numeric", "date"):
            yield f"#define {name.upper()}_BITS_OF_{spelled.upper()} ({field.bits})"
    yield f"#define {name.upper()}_BITS ({plan.bits}) /* of what is predicted */"
    yield ""
    yield "typedef struct {"
    for field, spelled in zip(plan.fields, _names(plan, name), strict=True):
        kind, how = {
            "numeric": ("int32_t ", _scaled(field.bits)),
            "date": ("int32_t ", f"days since 1970-01-01, {_scaled(field.bits)}"),
            "boolean": ("int8_t ", "1 true, 0 false, -1 where missing"),
            "categorical": ("const char *", "text, 0 where missing"),
        }[field.column.kind]
        yield f"    {kind}{spelled}; /* {comment(field.column.name)}: {how} */"
    yield f"}} {name}_row;"


def _on(line: Line, x: str, name: str) -> str:
    return (
        f"{name}_shifted((int64_t){x} * {line.multiplier} - ({_wide(line.offset)}), {line.shift})"
    )


def _wide(value: int) -> str:
    return f"INT64_C({value})" if value >= 0 else f"-INT64_C({-value})"


def _inputs(plan: Plan, name: str) -> Iterator[str]:
    """Yield the function that turns a raw row into the network's inputs."""
    yield from functions((field.column for field in plan.fields), name)
    yield f"/* Inputs times 2^{plan.input_bits}. */"
    yield f"static inline void {name}_inputs(const {name}_row *row, int16_t *x)"
    yield "{"
    place = 0
    for field, spelled in zip(plan.fields, _names(plan, name), strict=True):
        yield from _input(field, f"row->{spelled}", place, plan, name)
        place += field.column.width
    yield "}"


def _input(field: Field, cell: str, place: int, plan: Plan, name: str) -> Iterator[str]:
    column, one = field.column, 2**plan.input_bits
    if column.kind == "categorical":
        for k, category in enumerate(column.categories):
            is_it = is_category(column, category, cell, name)
            yield f"    x[{place + k}] = ({is_it}) ? {one} : 0;"
        absent, more = is_missing(column, cell, name), len(column.categories)
    elif column.kind == "boolean":
        absent, more = f"{cell} < 0", 1
        yield f"    x[{place}] = {absent} ? {filled(field, plan)} : {cell} ? {one} : 0;"
    else:
        absent, more = f"{cell} == {name.upper()}_MISSING", 1
        yield f"    x[{place}] = {absent} ? {filled(field, plan)}"
        yield f"        : (int16_t){name}_within({_on(field.line, cell, name)}, {LIMIT});"
    if column.missing:
        yield f"    x[{place + more}] = ({absent}) ? {one} : 0;"


def _member(plan: Plan, name: str) -> Iterator[str]:
    """Yield the function that adds a network's outputs to a sum."""
    widest = max(layer.weights.shape[1] for layer in plan.layers)
    hidden = [layer.weights.shape[1] for layer in plan.layers[:-1]]
    yield f"static inline void {name}_add(int member, const int16_t *x, int64_t *sum)"
    yield "{"
    yield f"    int32_t z[{widest}];"
    if hidden:
        yield f"    int16_t a[{max(hidden)}];"
    yield "    int j;"
    source = "x"
    for l, layer in enumerate(plan.layers, 1):
        n_out, n_in = layer.weights.shape[1:]
        yield f"    {name}_layer({name}_w{l}[member], {name}_b{l}[member], {n_in}, {n_out}, "
        yield f"        {layer.shift}, {source}, z);"
        each = f"    for (j = 0; j < {n_out}; j++)"
        if l < len(plan.layers):
            value = _activated(layer, l, name, "look_up", "z[j]")
            yield f"{each} a[j] = (int16_t){name}_within({value}, {LIMIT});"
        elif layer.rule == "softmax":
            yield from _softmax(layer, l, name)
        else:
            yield f"{each} sum[j] += {_activated(layer, l, name, 'look_up_out', 'z[j]')};"
        source = "a"
    yield "}"


def _activated(layer: Layer, l: int, name: str, look_up: str, z: str) -> str:
    if layer.table is not None:
        pieces = len(layer.table.values) - 1
        where = f"{layer.table.low}, {layer.table.step}, {pieces}"
        return f"{name}_{look_up}({name}_t{l}, {where}, {z})"
    if layer.rule == "relu":
        return f"{z} < 0 ? 0 : {z}"
    if layer.rule == "leaky_relu":
        return f"{z} < 0 ? {name}_shifted((int64_t){z} * {HUNDREDTH}, 26) : {z}"
    return z


def _softmax(layer: Layer, l: int, name: str) -> Iterator[str]:
    k = layer.weights.shape[1]
    score = _activated(
        layer, l, name, "look_up_out", f"{name}_within((int64_t)z[j] - most, {LARGEST})"
    )
    yield "    {"
    yield "        int32_t most = z[0];"
    yield "        int64_t total = 0;"
    yield f"        for (j = 1; j < {k}; j++) if (z[j] > most) most = z[j];"
    yield f"        for (j = 0; j < {k}; j++) {{"
    yield f"            z[j] = {score};"
    yield "            total += z[j];"
    yield "        }"
    yield f"        for (j = 0; j < {k}; j++)"
    yield f"            sum[j] += (((int64_t)z[j] << {SHARE_BITS}) + total / 2) / total;"
    yield "    }"


def _outputs(plan: Plan, name: str) -> Iterator[str]:
    members, k, n = len(plan.layers[0].weights), plan.layers[-1].weights.shape[1], _inputs_of(plan)
    yield f"static inline void {name}_outputs(const {name}_row *row, int64_t *sum)"
    yield "{"
    yield f"    int16_t x[{n}];"
    yield "    int i;"
    yield f"    for (i = 0; i < {k}; i++) sum[i] = 0;"
    yield f"    {name}_inputs(row, x);"
    yield f"    for (i = 0; i < {members}; i++) {name}_add(i, x, sum);"
    yield "}"


def _inputs_of(plan: Plan) -> int:
    return int(plan.layers[0].weights.shape[2])


def _classes(model: Any, name: str) -> Iterator[str]:
    n, k = len(model.spec.target.classes), model.network.sizes[-1]
    members = len(model.ensemble)
    yield "/* The number of the likeliest class; shares, of 32768, may be 0. */"
    yield f"static inline int {name}_predict(const {name}_row *row, int32_t *shares)"
    yield "{"
    yield f"    int64_t p[{n}];"
    yield "    int i, best = 0;"
    yield f"    {name}_outputs(row, p);"
    yield f"    for (i = 0; i < {k}; i++)"
    yield f"        p[i] = (p[i] < 0 ? p[i] - {members // 2} : p[i] + {members // 2}) / {members};"
    if k == 1:
        yield "    p[1] = p[0];"
        yield f"    p[0] = {2**SHARE_BITS} - p[1];"
    yield f"    for (i = 1; i < {n}; i++) if (p[i] > p[best]) best = i;"
    yield f"    if (shares) for (i = 0; i < {n}; i++) shares[i] = (int32_t)p[i];"
    yield "    return best;"
    yield "}"
    yield ""
    yield from class_names(model.spec.target.classes, name)


def _margin(model: Any, plan: Plan) -> int | None:
    """Return half the width of the intervals in raw units, if it can be held."""
    if model.coverage is None or model.spec.target.classes:
        return None
    margin = float(model.ensemble.margin(model.coverage)[0]) * model.spec.target.scale
    margin *= 2.0**plan.bits
    return round(margin) if margin < LARGEST else None


def _values(model: Any, plan: Plan, name: str) -> Iterator[str]:
    target = model.spec.target
    yield f"/* {comment(target.name)}: {_scaled(plan.bits)}. */"
    yield f"static inline int32_t {name}_predict(const {name}_row *row)"
    yield "{"
    yield "    int64_t sum[1];"
    yield f"    {name}_outputs(row, sum);"
    yield f"    return {name}_within({_on(plan.value, 'sum[0]', name)}, {LARGEST});"
    yield "}"
    margin = _margin(model, plan)
    if margin is not None:
        yield ""
        yield f"/* Bounds between which {model.coverage:.0%} of the rows lie. */"
        yield f"static inline void {name}_interval(const {name}_row *row, int32_t *lower,"
        yield "    int32_t *upper)"
        yield "{"
        yield f"    int64_t value = {name}_predict(row);"
        yield f"    *lower = {name}_within(value - {margin}, {LARGEST});"
        yield f"    *upper = {name}_within(value + {margin}, {LARGEST});"
        yield "}"


def _self_test(model: Any, name: str, fixed: Fixed) -> Iterator[str]:
    """Yield a main that prints what it computes for some rows, and compares, exactly."""
    rows, width = fixed.outputs.shape
    columns = [field.column for field in fixed.plan.fields]
    yield f"#ifdef {name.upper()}_SELF_TEST"
    yield "#include <stdio.h>"
    yield "int main(void)"
    yield "{"
    yield f"    static const {name}_row rows[{rows}] = {{"
    for k in range(rows):
        cells = [_cell(column, fixed.cells[column.name][k], name) for column in columns]
        yield "        {" + ", ".join(cells) + "},"
    yield "    };"
    yield f"    static const int32_t expected[{rows}][{width}] = {{"
    for row in fixed.outputs:
        yield "        {" + ", ".join(str(value) for value in row) + "},"
    yield "    };"
    yield "    int i, j, wrong = 0;"
    yield f"    for (i = 0; i < {rows}; i++) {{"
    yield f"        int32_t out[{width}];"
    if model.spec.target.task == "classification":
        yield f"        {name}_predict(&rows[i], out);"
    else:
        yield f"        out[0] = {name}_predict(&rows[i]);"
    yield f"        for (j = 0; j < {width}; j++) {{"
    yield "            if (out[j] != expected[i][j]) wrong++;"
    yield f"            printf(\"%ld%c\", (long)out[j], j + 1 < {width} ? ' ' : '\\n');"
    yield "        }"
    yield "    }"
    yield '    if (wrong) fprintf(stderr, "%d numbers are not what they should be\\n", wrong);'
    yield "    return wrong != 0;"
    yield "}"
    yield "#endif"
    yield ""


def _cell(column: Column, cell: Any, name: str) -> str:
    if column.kind == "categorical":
        return "0" if cell is None else c_string(cell)
    return f"{name.upper()}_MISSING" if cell < -LARGEST else str(cell)
