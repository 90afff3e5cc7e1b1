"""Forward propagation: the sum and the output of every neuron."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.explaining.parts import Line, Lines, Part, Section, Words
from chainrule.explaining.rulelines import VALUE, rule_lines
from chainrule.explaining.signs import Signs, rule_of_activation
from chainrule.notation import Call, Expression, Product, Quotient, Sum, Symbol, put_in

EQUATIONS = {"sigmoid": ("3", "13"), "half_squared_error": ("4", "9")}  # value, slope


def forward(signs: Signs) -> Section:
    """Return the section on forward propagation, layer by layer."""
    parts: list[Part] = []
    for l, name in enumerate(signs.trace.network.activations, 1):
        if signs.trace.depth > 1:
            size = counted(signs.sizes[l], "neuron")
            left = signs.sizes[l] - len(signs.neurons(l))
            by = "largest ∂L/∂Z" if signs.trace.deltas else "largest output"
            shown = f"; {len(signs.neurons(l))} of them are shown, by the {by}" if left else ""
            parts.append(Words(f"Layer {l}: {size}, {name}{shown}."))
        parts.append(Lines(tuple(scores(signs, l))))
        parts.append(Lines(tuple(activations(signs, l, name))))
    return Section("Forward propagation", tuple(parts))


def scores(signs: Signs, l: int) -> Iterator[Line]:
    """Yield Z = W X + b, equation (2), and each neuron's sum."""
    layer, before = signs.layer(l), signs.A(l - 1, "")
    weights = Symbol("W", layer)
    whole_ = Sum(
        (
            Product((Call("transpose", (weights,)), Symbol(before.letter, before.layer))),
            Symbol("b", layer),
        )
    )
    yield Line(Symbol("Z", layer), whole_, equation="2")
    for place, j in enumerate(signs.neurons(l)):
        values = signs.weights(l)[:, j - 1] * signs.trace.A[l - 1]

        def term(i: int, j: int = j) -> Expression:
            return Product((signs.W(l, i, j), signs.A(l - 1, i)))

        right, score = signs.sum_of(values, term, [signs.b(l, j)]), signs.Z(l, j)
        named = place == 0 or len(values) > signs.most  # each leaves out terms of its own
        yield Line(score, right if named else put_in(right), score.value)


def activations(signs: Signs, l: int, name: Any) -> Iterator[Line]:
    """Yield A = f(Z), equation (3), in signs for the layer and in numbers for each neuron."""
    rule = rule_of_activation(name)
    if rule is None:
        yield from _softmax(signs, l)
        return
    number = EQUATIONS.get(name, ("", ""))[0]
    for place, j in enumerate(signs.neurons(l)):
        score, output = signs.Z(l, j), signs.A(l, j)
        for line in rule_lines(rule, {"z": score}, {VALUE: output}, place=score):
            first = place == 0
            right = line.right if first else put_in(line.right)
            yield replace(
                line, right=right, equation=number if first and line.left == output else ""
            )


def _softmax(signs: Signs, l: int) -> Iterator[Line]:
    """Yield A_k = e^Z_k over the sum of all e^Z, or A_k alone where that is too large."""

    def power(k: int) -> Expression:
        return Call("exp", (signs.Z(l, k),))

    with np.errstate(over="ignore"):
        powers = np.exp(signs.trace.Z[l])
    total = Symbol("S", value=float(powers.sum()))
    if not 0.0 < powers.sum() < np.inf:
        for k in signs.neurons(l):
            yield Line(signs.A(l, k), None, signs.A(l, k).value)
        return
    yield Line(total, signs.sum_of(powers, power), total.value)
    for k in signs.neurons(l):
        output = signs.A(l, k)
        yield Line(output, Quotient(power(k), total), output.value)


def counted(n: int, word: str) -> str:
    """Return a number of things in words."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"
