"""The networks of a model in SQL, in the way that each database does well.

A measured choice, by row of a table and five networks of 14-128-64-3 (50,000 weights): sums that
are written out take SQLite half a minute to prepare, and weights as rows of (input, neuron,
weight), joined and summed, take 10 to 100 ms. So

- SQLite has a table of neurons, each with its weights as columns; a layer is its product with
  the rows, and its outputs are turned from rows to columns again: 10 ms;
- PostgreSQL has a table of neurons, each with an array of weights, and scores row by row, in
  the memory of one, by a plan so cheap that it is not compiled first: 3 ms;
- DuckDB has lists and their inner products: 0.1 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from chainrule.errors import BadSetting
from chainrule.exporting.samples import used
from chainrule.exporting.sqldialect import DIALECTS, ROWS, SAFE, cells, most, quoted, tree
from chainrule.exporting.sqlrules import Steps, levels, steps
from chainrule.own import Rule
from chainrule.rules import ACTIVATIONS

MOST_COLUMNS = 1990  # SQLite has 2000
NO_ROWID = "json_extract('{}', 'this is a view: give the query a key')"  # its way to an error
LEAST_WEIGHT = 1e-100  # smaller ones are 0 for PostgreSQL: SAFE times this is above its least


class Scored(NamedTuple):
    """Parts of a SELECT over rows and the networks' mean outputs.

    Attributes
    ----------
    tables : list of str
        For WITH.
    columns : str
        The key, or all columns of the table.
    means : list of str
    top : str
        The largest of them.
    source : str
        What follows FROM.
    """

    tables: list[str]
    columns: str
    means: list[str]
    top: str
    source: str


def _inputs(model: Any, dialect: str) -> list[str]:
    columns = used(model.spec)
    return [cell for column in columns for cell in cells(column, DIALECTS[dialect])]


def _activation(rule: str | Rule, dialect: str) -> Steps:
    if rule in ("identity", "softmax"):
        return Steps([], "{z}")
    source = rule.source if isinstance(rule, Rule) else ACTIVATIONS[rule]
    return steps(source, DIALECTS[dialect])


def _weights(model: Any, layer: int) -> tuple[list[list[list[str]]], list[list[str]]]:
    """Return the weights of a layer by network, neuron and input, and its biases.

    Databases compute in float64. The parameters of float32 are written in full, so that the
    one difference from the model is the model's own rounding.
    """
    layers = [model.network.layers(theta)[layer] for theta in model.parameters]
    W = [[[repr(float(v)) for v in column] for column in W.T] for W, _ in layers]
    return W, [[repr(float(v)) for v in b] for _, b in layers]


def _filled(expression: str, names: Iterable[str], prefix: str) -> str:
    return expression.format_map({name: f"{prefix}{name}" for name in names})


# SQLite


def sqlite(model: Any, table: str, key: str | None, row: str) -> Scored:
    """Return the parts for SQLite, where ``row`` is what tells the table's rows apart."""
    widest = max(model.network.sizes)
    if widest > MOST_COLUMNS:
        raise BadSetting(
            f"a layer of {widest} is too wide for SQLite, which has 2000 columns; take another "
            "database, or a smaller network"
        )
    chosen = f'{ROWS}.{quoted(key)} AS "key", ' if key is not None else ""
    inputs = ",\n".join(f"{x} AS a{k}" for k, x in enumerate(_inputs(model, "sqlite")))
    tables = [
        f'chainrule_h0 AS MATERIALIZED (SELECT COALESCE({row}, {NO_ROWID}) AS "row", '
        f"{chosen}\n{inputs}\nFROM {table} AS {ROWS})"
    ]
    last = len(model.network.activations) - 1
    for l, rule in enumerate(model.network.activations):
        tables += _sqlite_scores(model, l)
        tables += _sqlite_activation(_activation(rule, "sqlite"), l)
        if l < last or rule == "softmax":
            tables.append(_sqlite_turned(model.network.sizes[l + 1], l))
    tables += _sqlite_means(model)
    source = f'{table} AS {ROWS} JOIN chainrule_p AS p ON p."row" = {row}'
    columns = f"{ROWS}.*"
    if key is not None:
        source = 'chainrule_h0 AS h JOIN chainrule_p AS p ON p."row" = h."row"'
        columns = f'h."key" AS {quoted(key)}'
    return Scored(tables, columns, _means(model), "p.top", source)


def _means(model: Any) -> list[str]:
    return [f"p.m{k}" for k in range(model.network.sizes[-1])]


def _top(model: Any, dialect: str, means: str = "m") -> str:
    names = [f"{means}{k}" for k in range(model.network.sizes[-1])]
    return most(names, DIALECTS[dialect])


def _sqlite_means(model: Any) -> list[str]:
    """Return the means over the networks of each output, and the largest of these."""
    outputs, members = model.network.sizes[-1], len(model.ensemble)
    last = len(model.network.activations)
    tables, source = [], f"chainrule_y{last}"
    each = [f"CASE j WHEN {k} THEN a END" for k in range(outputs)]
    if model.network.output == "softmax":
        tables, source = _sqlite_softmax(outputs, last), "chainrule_q"
        each = [f"q{k}" for k in range(outputs)]
    means = ", ".join(  # a sum would leave NULL out
        f"CASE WHEN count({e}) = {members} THEN sum({e}) / {members}e0 END AS m{k}"
        for k, e in enumerate(each)
    )
    return [
        *tables,
        f'chainrule_m AS MATERIALIZED (SELECT "row", {means} FROM {source} GROUP BY "row")',
        f"chainrule_p AS MATERIALIZED (SELECT *, {_top(model, 'sqlite')} AS top FROM chainrule_m)",
    ]


def _sqlite_scores(model: Any, layer: int) -> list[str]:
    n_in, l = model.network.sizes[layer], layer + 1
    W, b = _weights(model, layer)
    rows = ",\n".join(
        f"({m}, {j}, {b[m][j]}, {', '.join(weights)})"
        for m, neurons in enumerate(W)
        for j, weights in enumerate(neurons)
    )
    names = ", ".join(f"w{k}" for k in range(n_in))
    terms = tree([*(f"h.a{k} * w.w{k}" for k in range(n_in)), "w.b"])
    same = " WHERE w.member = h.member" if layer else ""
    return [
        f"chainrule_w{l}(member, j, b, {names}) AS MATERIALIZED (VALUES\n{rows})",
        f'chainrule_z{l} AS MATERIALIZED (SELECT h."row", w.member, w.j,\n{terms} AS z\n'
        f"FROM chainrule_h{layer} AS h CROSS JOIN chainrule_w{l} AS w{same})",
    ]


def _sqlite_activation(rule: Steps, layer: int) -> list[str]:
    l = layer + 1
    tables, source = [], f"chainrule_z{l}"
    names = {"z", *(name for name, _ in rule.columns)}
    for k, group in enumerate(levels(rule.columns)):
        added = ", ".join(f"{_filled(e, names, '')} AS {name}" for name, e in group)
        tables.append(f"chainrule_s{l}_{k} AS MATERIALIZED (SELECT *, {added} FROM {source})")
        source = f"chainrule_s{l}_{k}"
    value = _filled(rule.value, names, "")
    tables.append(
        f'chainrule_y{l} AS MATERIALIZED (SELECT "row", member, j, {value} AS a FROM {source})'
    )
    return tables


def _sqlite_turned(size: int, layer: int) -> str:
    l = layer + 1
    turned = ", ".join(f"sum(a) FILTER (WHERE j = {k}) AS a{k}" for k in range(size))
    return (
        f'chainrule_h{l} AS MATERIALIZED (SELECT "row", member, {turned}\n'
        f'FROM chainrule_y{l} GROUP BY "row", member)'
    )


def _sqlite_softmax(outputs: int, last: int) -> list[str]:
    scores = [f"a{k}" for k in range(outputs)]
    top = most(scores, DIALECTS["sqlite"])
    e = ", ".join(f"exp({a} - top) AS e{k}" for k, a in enumerate(scores))
    total = tree([f"e{k}" for k in range(outputs)])
    shares = ", ".join(f"e{k} / total AS q{k}" for k in range(outputs))
    return [
        f"chainrule_t AS MATERIALIZED (SELECT *, {top} AS top FROM chainrule_h{last})",
        f'chainrule_e AS MATERIALIZED (SELECT "row", {e} FROM chainrule_t)',
        f"chainrule_f AS MATERIALIZED (SELECT *, {total} AS total FROM chainrule_e)",
        f'chainrule_q AS MATERIALIZED (SELECT "row", {shares} FROM chainrule_f)',
    ]


# PostgreSQL: OFFSET 0 keeps a subquery from being put into the place of its columns' names


def postgresql(model: Any, table: str, key: str | None) -> Scored:
    """Return the parts for PostgreSQL."""
    tables = [_postgresql_weights(model, l) for l in range(len(model.network.activations))]
    members = ", ".join(f"({m})" for m in range(len(model.ensemble)))
    inputs = ",\n".join(_inputs(model, "postgresql"))
    layers, a = [], "chainrule_x.a"
    for l, rule in enumerate(model.network.activations, start=1):
        layers.append(
            _postgresql_layer(_activation(rule, "postgresql"), l, model.network.sizes[l - 1], a)
        )
        a = f"h{l}.a"
    if model.network.output == "softmax":
        layers.append(_postgresql_softmax(a))
        a = "q.a"
    count = len(model.ensemble)
    means = ", ".join(
        f"sum({a}[{k + 1}]) / {count}e0 AS m{k}" for k in range(model.network.sizes[-1])
    )
    source = (
        f"{table} AS {ROWS}\n"
        f"CROSS JOIN LATERAL (SELECT ARRAY[\n{inputs}\n]::float8[] AS a OFFSET 0) AS chainrule_x\n"
        f"CROSS JOIN LATERAL (SELECT {means} FROM (VALUES {members}) AS e(member)\n"
        + "\n".join(layers)
        + "\nOFFSET 0) AS m\n"
        f"CROSS JOIN LATERAL (SELECT m.*, {_top(model, 'postgresql', 'm.m')} AS top OFFSET 0) AS p"
    )
    columns = f"{ROWS}.*" if key is None else f"{ROWS}.{quoted(key)}"
    return Scored(tables, columns, _means(model), "p.top", source)


def _postgresql_weights(model: Any, layer: int) -> str:
    W, b = _weights(model, layer)
    rows = ",\n".join(
        f"({m}, {j}, '{_safe(b[m][j])}'::float8, '{{{','.join(map(_safe, weights))}}}'::float8[])"
        for m, neurons in enumerate(W)
        for j, weights in enumerate(neurons)
    )
    return f"chainrule_w{layer + 1}(member, j, b, w) AS MATERIALIZED (VALUES\n{rows})"


def _safe(weight: str) -> str:
    return "0.0" if abs(float(weight)) < LEAST_WEIGHT else weight


def _postgresql_layer(rule: Steps, l: int, size: int, a: str) -> str:
    product = tree([*(f"{a}[{k + 1}] * w.w[{k + 1}]" for k in range(size)), "w.b"])
    chain = (
        f"SELECT w.j,\n{product} AS d\nFROM chainrule_w{l} AS w WHERE w.member = e.member OFFSET 0"
    )
    safe = f"CASE WHEN abs(s.d) < {LEAST_WEIGHT} THEN 0e0 ELSE s.d END"
    chain = f"SELECT s.j, {safe} AS z FROM ({chain}) AS s OFFSET 0"
    names = {"z", *(name for name, _ in rule.columns)}
    for group in levels(rule.columns):
        added = ", ".join(f"{_filled(e, names, 's.')} AS {name}" for name, e in group)
        chain = f"SELECT s.*, {added} FROM ({chain}) AS s OFFSET 0"
    chain = f"SELECT s.j, {_filled(rule.value, names, 's.')} AS y FROM ({chain}) AS s OFFSET 0"
    nan = DIALECTS["postgresql"].nan
    safe = f"CASE WHEN s.y IS NULL THEN {nan} WHEN abs(s.y) < {SAFE} THEN 0e0 ELSE s.y END"
    array = f"ARRAY(SELECT {safe} FROM ({chain}) AS s ORDER BY s.j)"
    return f"CROSS JOIN LATERAL (SELECT {array} AS a OFFSET 0) AS h{l}"


def _postgresql_softmax(a: str) -> str:
    low = "u.z - max(u.z) OVER ()"
    scores = f"SELECT u.j, {low} AS d FROM unnest({a}) WITH ORDINALITY AS u(z, j) OFFSET 0"
    e = DIALECTS["postgresql"].functions["exp"].replace("{x}", "s.d")
    chain = f"SELECT s.j, {e} AS e FROM ({scores}) AS s OFFSET 0"
    shares = f"SELECT s.j, s.e / sum(s.e) OVER () AS q FROM ({chain}) AS s OFFSET 0"
    array = f"ARRAY(SELECT s.q FROM ({shares}) AS s ORDER BY s.j)"
    return f"CROSS JOIN LATERAL (SELECT {array} AS a OFFSET 0) AS q"


# DuckDB: a layer's outputs end with a 1, which the bias is the weight of


def duckdb(model: Any, table: str, key: str | None) -> Scored:
    """Return the parts for DuckDB."""
    inputs = ",\n".join([*_inputs(model, "duckdb"), "1e0"])
    tables = [
        f"chainrule_h0 AS (SELECT {ROWS} AS whole, [\n{inputs}\n] AS a\nFROM {table} AS {ROWS})"
    ]
    last = len(model.network.activations)
    for l, rule in enumerate(model.network.activations, start=1):
        W, b = _weights(model, l - 1)
        networks = ",\n".join(
            _nested([_nested([*w, bias]) for w, bias in zip(*each, strict=True)])
            for each in zip(W, b, strict=True)
        )
        weights = f"CAST('[{networks}]' AS DOUBLE[][][])"
        if l == 1:
            over, a, neurons = f"{weights}, lambda n", "a", "n"
        else:
            over, a, neurons = "a, lambda h, i", "h", f"({weights})[i]"
        scores = f"list_transform({neurons}, lambda w: list_dot_product({a}, w))"
        outputs = _duckdb_activation(_activation(rule, "duckdb"), scores)
        if l < last:
            outputs = f"list_append({outputs}, 1e0)"
        tables.append(
            f"chainrule_h{l} AS (SELECT whole, list_transform({over}: {outputs}) AS a\n"
            f"FROM chainrule_h{l - 1})"
        )
    if model.network.output == "softmax":
        tables += _duckdb_softmax(last)
        last += 2
    count = len(model.ensemble)
    means = ", ".join(
        f"{tree([f'a[{m + 1}][{k + 1}]' for m in range(count)])} / {count}e0 AS m{k}"
        for k in range(model.network.sizes[-1])
    )
    tables += [
        f"chainrule_m AS (SELECT whole, {means} FROM chainrule_h{last})",
        f"chainrule_p AS (SELECT *, {_top(model, 'duckdb')} AS top FROM chainrule_m)",
    ]
    columns = "whole.*" if key is None else f"whole.{quoted(key)}"
    return Scored(tables, columns, _means(model), "p.top", "chainrule_p AS p")


def _nested(values: Sequence[str]) -> str:
    return f"[{', '.join(values)}]"


def _duckdb_activation(rule: Steps, scores: str) -> str:
    if not rule.columns:
        if rule.value == "{z}":
            return scores
        return f"list_transform({scores}, lambda z: {_filled(rule.value, ['z'], '')})"
    made = f"list_transform({scores}, lambda z: {{'z': z}})"
    known = ["z"]
    for group in levels(rule.columns):
        fields = [f"'{name}': q.{name}" for name in known]
        fields += [f"'{name}': {_filled(e, known, 'q.')}" for name, e in group]
        made = f"list_transform({made}, lambda q: {{{', '.join(fields)}}})"
        known += [name for name, _ in group]
    return f"list_transform({made}, lambda q: {_filled(rule.value, known, 'q.')})"


def _duckdb_softmax(last: int) -> Sequence[str]:
    e = "list_transform(h, lambda z: exp(z - list_max(h)))"
    shares = "list_transform(h, lambda e: e / list_sum(h))"
    return [
        f"chainrule_h{last + k} AS (SELECT whole, list_transform(a, lambda h: {made}) AS a "
        f"FROM chainrule_h{last + k - 1})"
        for k, made in ((1, e), (2, shares))
    ]
