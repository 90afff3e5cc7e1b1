"""From which distribution the weights of each layer were drawn."""

from __future__ import annotations

import ast
from typing import Any

from chainrule.errors import BadSetting
from chainrule.explaining.parts import Line, Lines, Part, Section, Words
from chainrule.explaining.signs import Signs
from chainrule.formula import is_docstring, parse
from chainrule.initial import INITIALISERS
from chainrule.notation import (
    Call,
    Expression,
    Negative,
    Number,
    Symbol,
    put_in,
    read_expression,
    value_of,
)


def initialisation(signs: Signs, scheme: str) -> Section:
    """Return the section on the weights' distributions, equation (1)."""
    if scheme not in INITIALISERS:
        raise BadSetting(f"scheme={scheme!r} is not one of {', '.join(INITIALISERS)}")
    lines = []
    for l in range(1, signs.trace.depth + 1):
        n_in, n_out = signs.sizes[l - 1], signs.sizes[l]
        right = distribution(scheme, n_in, n_out)
        weights = Symbol("W", signs.layer(l))
        number = "1" if scheme == "xavier_normal" else ""
        relation = "~" if isinstance(right, Call) else "="
        lines.append(Line(weights, right, None, relation, number))
        if (numbers := put_in(right)) != right:
            lines.append(Line("", numbers, None, relation))
            lines.append(Line("", _evaluated(numbers), None, relation))
    spread = {"N": "N(mean, variance)", "U": "U(least, most)"}
    letter = next((s for s in spread if isinstance(right, Call) and right.name == s), None)
    words = f"Weights were drawn by {scheme.replace('_', ' ')}"
    parts: list[Part] = [
        Words(f"{words}{f', {spread[letter]}' if letter else ''}. Biases began at 0.")
    ]
    return Section("Initialisation", (*parts, Lines(tuple(lines))))


def distribution(scheme: str, n_in: int, n_out: int) -> Expression:
    """Return what a scheme draws a weight from, as its source says.

    Examples
    --------
    >>> from chainrule.typesetting import text
    >>> print(text(distribution("xavier_normal", 3, 1)))
    N(0, 2/(n_in + n_out))
    """
    node = parse(INITIALISERS[scheme])
    signs: dict[str, Expression] = {
        "n_in": Symbol("n_in", value=float(n_in)),
        "n_out": Symbol("n_out", value=float(n_out)),
    }
    *assignments, last = [line for line in node.body if not is_docstring(line)]
    for line in assignments:
        assert isinstance(line, ast.Assign)
        signs[ast.unparse(line.targets[0])] = read_expression(line.value, signs)
    assert isinstance(last, ast.Return)
    drawn: Any = last.value
    kind = drawn.func.attr
    if kind == "zeros":
        return Number(0.0, constant=True)
    first, second = (read_expression(argument, signs) for argument in drawn.args[:2])
    if kind == "normal":
        assert isinstance(second, Call)
        assert second.name == "sqrt"
        return Call("N", (_plain(first), second.arguments[0]))
    return Call("U", (_plain(first), _plain(second)))


def _plain(expression: Expression) -> Expression:
    """Return -1 for the negative of 1."""
    if isinstance(expression, Negative) and isinstance(expression.of, Number):
        return Number(-expression.of.value, constant=True)
    return expression


def _evaluated(right: Any) -> Expression:
    return Call(right.name, tuple(Number(value_of(part)) for part in right.arguments))
