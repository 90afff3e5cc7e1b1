"""The parts of C in whole numbers that are the same for every model: sums, shifts, tables."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.exporting.fixedplan import LARGEST, Layer, Plan
from chainrule.exporting.spelling import comment, wrapped


def parameters(plan: Plan, name: str) -> Iterator[str]:
    """Yield the weights of each layer, (networks, outputs, inputs), and its biases."""
    for l, layer in enumerate(plan.layers, 1):
        members, n_out, n_in = layer.weights.shape
        yield f"/* Layer {l}: weights times 2^{layer.weight_bits}, and biases. */"
        yield f"static const int{plan.width}_t {name}_w{l}[{members}][{n_out * n_in}] = {{"
        for member in layer.weights:
            yield "    {"
            yield from wrapped([str(weight) for weight in member.ravel()], 8)
            yield "    },"
        yield "};"
        yield f"static const int32_t {name}_b{l}[{members}][{n_out}] = {{"
        for biases in layer.biases:
            yield "    {"
            yield from wrapped([str(bias) for bias in biases], 8)
            yield "    },"
        yield "};"


def tables(plan: Plan, name: str) -> Iterator[str]:
    """Yield the tables of the activations."""
    for l, layer in enumerate(plan.layers, 1):
        if layer.table is None:
            continue
        table = layer.table
        rule = "e^z" if layer.rule == "softmax" else comment(layer.rule)
        ends = [table.low, table.low + (len(table.values) - 1) * 2**table.step]
        low, high = (end / 2.0**layer.score_bits for end in ends)
        yield f"/* {rule}, z from {low:g} to {high:g}, by straight pieces: to {table.error:.1g}. */"
        yield f"static const {_entry(plan, layer)} {name}_t{l}[{len(table.values)}] = {{"
        yield from wrapped([str(value) for value in table.values], 4)
        yield "};"
        yield ""


def _entry(plan: Plan, layer: Layer) -> str:
    """Return the type of a table's values: wider for what goes out."""
    return "int32_t" if layer is plan.layers[-1] else "int16_t"


def arithmetic(plan: Plan, name: str) -> Iterator[str]:
    """Yield the functions of numbers, and a layer's sums."""
    total = "int64_t" if plan.wide else "int32_t"
    yield f"""\
/* x / 2^bits, halves away from 0. */
static inline int64_t {name}_shifted(int64_t x, int bits)
{{
    int64_t half = ((int64_t)1 << bits) >> 1;
    return x < 0 ? -((half - x) >> bits) : (x + half) >> bits;
}}

static inline int32_t {name}_within(int64_t x, int32_t limit)
{{
    return x > limit ? limit : x < -(int64_t)limit ? -limit : (int32_t)x;
}}
"""
    for kind in sorted({_entry(plan, layer) for layer in plan.layers if layer.table}):
        end = "" if kind == "int16_t" else "_out"
        yield f"""\
static inline int32_t {name}_look_up{end}(const {kind} *table, int32_t low, int step, int pieces,
    int32_t z)
{{
    int64_t offset = (int64_t)z - low, end = (int64_t)pieces << step;
    int k;
    if (offset < 0) offset = 0;
    if (offset > end) offset = end;
    k = (int)(offset >> step);
    if (k == pieces) k--;
    offset -= (int64_t)k << step;
    return table[k] + (int32_t){name}_shifted(((int64_t)table[k + 1] - table[k]) * offset, step);
}}
"""
    yield f"""\
static inline void {name}_layer(const int{plan.width}_t *w, const int32_t *b, int n_in, int n_out,
    int bits, const int16_t *in, int32_t *out)
{{
    int i, j;
    for (j = 0; j < n_out; j++) {{
        {total} sum = b[j];
        for (i = 0; i < n_in; i++) sum += (int32_t)w[i] * in[i];
        out[j] = {name}_within({name}_shifted(sum, bits), {LARGEST});
        w += n_in;
    }}
}}
"""
