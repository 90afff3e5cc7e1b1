"""Back-propagation: every factor of the chain rule on a line of its own, then the products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.explaining.parts import TICKED, Line, Lines, Part, Section, Words
from chainrule.explaining.rulelines import SLOPE, VALUE, rule_lines
from chainrule.explaining.signs import (
    MANY,
    Signs,
    own_argument,
    product,
    rule_of_activation,
    rule_of_loss,
)
from chainrule.explaining.trace import differences
from chainrule.notation import (
    Derivative,
    Expression,
    Negative,
    Number,
    Product,
    Sum,
    Symbol,
    put_in,
)

ONE = Number(1.0, constant=True)
NEARLY_ONE = 1e-12
SLOPES = {"sigmoid": "13", "half_squared_error": "9"}  # equations of the document


def backward(signs: Signs) -> Section:
    """Return the section on back-propagation, from the last layer to the first."""
    parts: list[Part] = [
        Words(TICKED),
    ]
    depth = signs.trace.depth
    for l in range(depth, 0, -1):
        if depth > 1:
            parts.append(Words(f"Layer {l}{', the output' if l == depth else ''}."))
        lines = [*errors(signs, l), *slopes(signs, l), *deltas(signs, l)]
        parts.append(Lines(tuple(lines)))
        zeros = int((signs.trace.A[l - 1] == 0.0).sum())
        if zeros and signs.sizes[l - 1] > MANY:
            parts.append(
                Words(
                    f"{zeros} of its inputs {'is' if zeros == 1 else 'are'} 0, and so are the "
                    "gradients of their weights, which are left out."
                )
            )
        parts.append(Lines(tuple(_inputs(signs, l))))
        parts.append(Lines(tuple(gradients(signs, l))))
    return Section("Back-propagation", tuple(parts))


def errors(signs: Signs, l: int) -> Iterator[Line]:
    """Yield dL/dA: the slope of the loss, or what comes back through the next layer."""
    if l == signs.trace.depth:
        yield from _slope_of_loss(signs)
        return
    deltas = signs.trace.deltas
    for place, j in enumerate(signs.neurons(l)):
        values = signs.weights(l + 1)[j - 1] * deltas[l + 1]

        def term(k: int, j: int = j) -> Expression:
            return Product((signs.W(l + 1, j, k), signs.by_Z(l + 1, k)))

        right, error = signs.sum_of(values, term), signs.by_A(l, j)
        named = place == 0 or len(values) > signs.most  # each leaves out terms of its own
        yield Line(error, right if named else put_in(right), error.value)


def _slope_of_loss(signs: Signs) -> Iterator[Line]:
    """Yield dL/dA of the outputs, equations (5) to (9), or dL/dZ in one."""
    done, depth = signs.trace, signs.trace.depth
    rule = rule_of_loss(done.network.loss)
    for place, k in enumerate(signs.neurons(depth)):
        error = signs.by_Z(depth, k) if done.fused else signs.by_A(depth, k)
        if rule is None:
            yield from _slope_of_cross_entropy(signs, k, error)
            continue
        taken = signs.Z(depth, k) if done.fused else signs.A(depth, k)
        arguments: dict[str, Expression] = {"a": taken, "y": signs.Y(k)} | own_argument(signs)
        for line in rule_lines(rule, arguments, {SLOPE: error}, place=taken):
            first = place == 0 and line.left == error
            yield replace(line, equation=SLOPES.get(done.network.loss, "") if first else "")


def _slope_of_cross_entropy(signs: Signs, k: int, error: Derivative) -> Iterator[Line]:
    """Yield dL/dZ = A - Y of a softmax; the shares are A where the network gives scores."""
    assert error.value is not None
    target = signs.Y(k)
    assert target.value is not None
    assert signs.trace.y is not None
    total = float(signs.trace.y.sum())
    share = (error.value + target.value) / total if total else 0.0
    output: Expression = Symbol("A", signs.layer(signs.trace.depth), (k,), share)
    if abs(total - 1.0) > NEARLY_ONE:  # shares that do not add up to 1 weigh the sample
        output = Product((output, Symbol("ΣY", value=total)))
    yield Line(error, Sum((output, Negative(target))), error.value)


def slopes(signs: Signs, l: int) -> Iterator[Line]:
    """Yield dA/dZ = f'(Z), equations (10) to (13)."""
    if signs.trace.slopes[l] is None:
        return
    name = signs.trace.network.activations[l - 1]
    rule = rule_of_activation(name)
    for place, j in enumerate(signs.neurons(l)):
        score, slope = signs.Z(l, j), signs.slope(l, j)
        known: dict[str, Expression] = {VALUE: signs.A(l, j)}
        for line in rule_lines(rule, {"z": score}, {SLOPE: slope}, known, place=score):
            first = place == 0
            right = line.right if first else put_in(line.right)
            number = SLOPES.get(str(name), "") if first and line.left == slope else ""
            yield replace(line, right=right, equation=number)


def deltas(signs: Signs, l: int) -> Iterator[Line]:
    """Yield dL/dZ = dL/dA dA/dZ."""
    if signs.trace.joined and l == signs.trace.depth:
        yield from _through_softmax(signs)
        return
    for j in signs.neurons(l):
        factors = signs.chain(l, j)
        if len(factors) > 1:
            delta = signs.by_Z(l, j)
            yield Line(delta, Product(factors), delta.value)


def _through_softmax(signs: Signs) -> Iterator[Line]:
    """Yield dL/dZ_k = A_k (dL/dA_k - sum of A dL/dA), as every output depends on every score."""
    depth, errors = signs.trace.depth, signs.trace.errors
    values = signs.trace.A[depth] * errors[depth]
    mean = Symbol("M", value=float(values.sum()))
    total = signs.sum_of(values, lambda k: Product((signs.A(depth, k), signs.by_A(depth, k))))
    yield Line(mean, total, mean.value)
    for k in signs.neurons(depth):
        delta = signs.by_Z(depth, k)
        inside = Sum((signs.by_A(depth, k), Negative(mean)))
        yield Line(delta, Product((signs.A(depth, k), inside)), delta.value)


def _inputs(signs: Signs, l: int) -> Iterator[Line]:
    """Yield dZ/dW, equations (14) to (18), and dZ/db, (19) to (23)."""
    j: Any = "j" if signs.sizes[l] > 1 else 1
    for place, i in enumerate(signs.inputs(l)):
        slope = Derivative(signs.Z(l, j), signs.W(l, i, j))
        value = signs.A(l - 1, i)
        yield Line(slope, value, value.value, equation="18" if place == 0 else "")
    yield Line(Derivative(signs.Z(l, j), signs.b(l, j)), ONE, 1.0, equation="23")


def gradients(signs: Signs, l: int) -> Iterator[Line]:
    """Yield dL/dW, equation (24), and dL/db, (25), each beside its finite difference."""
    neurons, inputs = signs.neurons(l), signs.inputs(l)
    places = [signs.place(l, i, j) for j in neurons for i in [*inputs, None]]
    checks = differences(signs.trace, np.array(places))
    first = True
    for j in neurons:
        for i in [*inputs, None]:
            place = signs.place(l, i, j)
            gradient = signs.by_parameter(place)
            last: Expression = Derivative(
                signs.Z(l, j),
                signs.parameter(place),
                1.0 if i is None else signs.A(l - 1, i).value,
            )
            right = product(*signs.chain(l, j), last)
            whole = first or (i is None and j == neurons[0])
            number = ("25" if i is None else "24") if whole else ""
            yield Line(
                gradient, right if whole else put_in(right), gradient.value,
                equation=number, check=checks[place],
            )  # fmt: skip
            first = False
