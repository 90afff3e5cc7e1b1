"""The update of every parameter by the solver in use, and the loss after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np

from chainrule.arguments import own_parameters
from chainrule.explaining.parts import Cell, Grid, Line, Lines, Part, Section, Words, tick
from chainrule.explaining.rulelines import with_values
from chainrule.explaining.signs import FEW, LOSS, Signs, largest
from chainrule.explaining.trace import differences
from chainrule.notation import (
    Derivative,
    Expression,
    Product,
    Symbol,
    plus,
    read_rule,
    value_of,
)
from chainrule.rules import OPTIMISERS, WHOLESALE

RATE = Symbol("eta")
WORKED = 12  # parameters up to which plain gradient descent is written out for each


def update(signs: Signs) -> Section:
    """Return the section on the solver's step, equations (26) and (27)."""
    done = signs.trace
    parts: list[Part] = list(_before(signs))
    solver = done.step.solver
    small = signs.most >= max(signs.sizes)
    most = len(done.theta) if small else max(signs.most, WORKED)
    shown = [number - 1 for number in largest(done.followed, most)]
    if solver in WHOLESALE:
        parts.append(
            Words(
                f"{solver} finds its step from all samples at once. This is the step that it would "
                "take for this sample alone."
            )
        )
    elif solver == "gd" and len(done.theta) <= WORKED:
        parts.append(Lines(tuple(_descents(signs))))
        return Section("The update, by gradient descent", tuple(parts))
    else:
        first = int(np.argmax(np.abs(done.followed)))
        parts.append(Words(f"Each parameter is updated by the rule of {solver}:"))
        parts.append(Lines(tuple(rule_in_signs(solver))))
        parts.append(Words("With the numbers of the parameter whose gradient is the largest:"))
        parts.append(Lines(tuple(_lines(signs, first))))
    parts.append(_table(signs, shown))
    if len(shown) < len(done.theta):
        parts.append(Words(f"The other {len(done.theta) - len(shown):,} have smaller gradients."))
    return Section(f"The update, by {solver}", tuple(parts))


def _before(signs: Signs) -> Iterator[Part]:
    """Yield what happens to the gradient before the solver gets it."""
    done, step = signs.trace, signs.trace.step
    if step.l1 or step.l2:
        terms = [f"{step.l1:g}·sign(w)"] if step.l1 else []
        terms += [f"{step.l2:g}·w"] if step.l2 else []
        yield Words(
            f"The penalty adds {' + '.join(terms)} to the gradient of every weight w; biases are "
            "free."
        )
    length = float(np.sqrt((done.penalised**2).sum()))
    if step.clip_norm is not None and length > step.clip_norm:
        yield Words(
            f"The gradient has the length {length:.5g}. It is shortened to {step.clip_norm:g}: "
            f"every part of it is multiplied by {step.clip_norm / length:.5g}."
        )


def _gradient(signs: Signs, place: int) -> Derivative:
    """Return dL/dW as the solver is given it; with a penalty it is that of J."""
    done = signs.trace
    loss = Symbol("J") if done.step.l1 or done.step.l2 else LOSS
    return Derivative(loss, signs.parameter(place), float(done.followed[place]))


def _descents(signs: Signs) -> Iterator[Line]:
    """Yield W <- W - eta dL/dW, equation (26), and b <- b - eta dL/db, (27), for every one."""
    numbers = {"W": "26", "b": "27"}
    for place in range(len(signs.trace.theta)):
        (line,) = _lines(signs, place)
        yield replace(line, equation=numbers.pop(signs.parameter(place).letter, ""))


def rule_in_signs(solver: str) -> Iterator[Line]:
    """Yield the lines of a solver's rule that change something."""
    signs: dict[str, Expression] = {"rate": RATE}
    for name, right in read_rule(OPTIMISERS[solver], signs, ["theta", "m", "v"]):
        if right != Symbol(name):
            relation = "←" if name in ("theta", "m", "v") else "="
            yield Line(Symbol(name), right, relation=relation)


def _lines(signs: Signs, place: int) -> Iterator[Line]:
    """Yield the rule's lines for one parameter, each with its numbers and its result."""
    done, parameter = signs.trace, signs.parameter(place)
    after = {"theta": done.theta_after, "m": done.m_after, "v": done.v_after}
    now: dict[str, Any] = {
        name: Symbol(name, value=value) for name, value in _values(signs, place).items()
    }
    now |= {"theta": parameter, "g": _gradient(signs, place)}
    for line in rule_in_signs(done.step.solver):
        assert isinstance(line.left, Symbol)
        name, right = line.left.letter, with_values(line.right, now)
        value = float(after[name][place]) if name in after else value_of(right)
        now[name] = replace(parameter if name == "theta" else line.left, value=value)
        yield replace(line, left=now[name], right=right, value=value)


def _values(signs: Signs, place: int) -> dict[str, float]:
    """Return the number of every argument of the solver's rule, by its sign."""
    done, step = signs.trace, signs.trace.step
    names = list(signature(OPTIMISERS[step.solver]).parameters)
    own = own_parameters(step.solver, step.hyperparameters or {})
    values = {"m": done.m[place], "v": done.v[place], RATE.letter: done.rate, "t": step.number}
    values |= zip(names[6:], own, strict=False)
    if signs.parameter(place).letter == "b" and "weight_decay" in values:
        values["weight_decay"] = 0.0
    return {name: float(value) for name, value in values.items()}


def _table(signs: Signs, places: list[int]) -> Grid:
    """Return a row for each parameter: before, its gradient, the memories, after."""
    done = signs.trace
    checks = differences(done, np.array(places))
    memories = [
        (name, after) for name, after in (("m", done.m_after), ("v", done.v_after)) if after.any()
    ]
    penalised = bool(np.any(done.followed != done.gradient))
    heads: list[Expression | str] = ["", "before", "gradient", ""]
    heads += ["followed"] if penalised else []
    heads += [*(Symbol(name) for name, _ in memories), "after"]
    rows: list[tuple[Cell, ...]] = []
    for place in places:
        followed = [float(done.followed[place])] if penalised else []
        mark = tick(float(done.gradient[place]), checks[place])
        rows.append(
            (
                replace(signs.parameter(place), value=None),
                float(done.theta[place]), float(done.gradient[place]), mark, *followed,
                *(float(after[place]) for _, after in memories), float(done.theta_after[place]),
            )
        )  # fmt: skip
    return Grid(tuple(heads), tuple(rows))


def after(signs: Signs) -> Section:
    """Return the section on the loss after the step: to first order, and as it is."""
    done = signs.trace
    penalised = bool(done.step.l1 or done.step.l2)
    letter = "J" if penalised else "L"
    moved = done.theta_after - done.theta
    slopes = done.penalised

    def term(number: int) -> Expression:
        place = number - 1
        slope = Derivative(Symbol(letter), signs.parameter(place), float(slopes[place]))
        return Product((slope, replace(signs.parameter(place, "Δ"), value=float(moved[place]))))

    change = float(slopes @ moved)
    before = Symbol(letter, value=done.loss + done.penalty)
    sign = Symbol(f"Δ{letter}", value=change)
    predicted = done.loss + done.penalty + change
    total = signs.sum_of(slopes * moved, term, most=WORKED if len(moved) <= WORKED else FEW)
    lines = (
        Line(sign, total, change),
        Line(f"{letter} predicted", plus(before, sign), predicted),
        Line(f"{letter} after the step", None, done.loss_after),
    )
    short = done.loss_after - predicted
    words = Words(
        "To first order the loss changes by each gradient times the step of its parameter. What "
        f"is left over, {short:.2g}, is the bend of the loss."
    )
    return Section("The loss after the step", (words, Lines(lines)))
