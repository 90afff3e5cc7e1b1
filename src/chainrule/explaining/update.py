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
from chainrule.explaining.signs import FEW, LOSS, Signs
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

RATE = "eta"
WORKED = 12  # parameters up to which plain gradient descent is written out for each


def update(signs: Signs) -> Section:
    """Return the section on the solver's step, equations (26) and (27)."""
    done = signs.trace
    parts: list[Part] = list(_before(signs))
    solver = done.step.solver
    assert done.followed is not None
    everything = np.arange(len(done.theta))
    shown = list(map(int, everything)) if _all(signs) else signs.top(everything, done.followed)
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
        largest = int(np.argmax(np.abs(done.followed)))
        parts.append(Words(f"Each parameter is updated by the rule of {solver}:"))
        parts.append(Lines(tuple(_in_signs(signs))))
        parts.append(Words("With the numbers of the parameter whose gradient is the largest:"))
        parts.append(Lines(tuple(_worked(signs, largest))))
    parts.append(_table(signs, shown))
    if len(shown) < len(done.theta):
        parts.append(Words(f"The other {len(done.theta) - len(shown):,} have smaller gradients."))
    return Section(f"The update, by {solver}", tuple(parts))


def _all(signs: Signs) -> bool:
    return signs.most >= max(signs.sizes)


def _before(signs: Signs) -> Iterator[Part]:
    """Yield what happens to the gradient before the solver gets it."""
    done, step = signs.trace, signs.trace.step
    assert done.gradient is not None
    assert done.penalised is not None
    assert done.followed is not None
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
    assert done.followed is not None
    loss = Symbol("J") if done.step.l1 or done.step.l2 else LOSS
    return Derivative(loss, signs.parameter(place), float(done.followed[place]))


def _descents(signs: Signs) -> Iterator[Line]:
    """Yield W <- W - eta dL/dW for every parameter."""
    done, seen = signs.trace, set()
    assert done.theta_after is not None
    for place in range(len(done.theta)):
        line = list(_lines(signs, place))[-1]
        kind = "b" if signs.parameter(place).letter == "b" else "w"
        number = {"w": "26", "b": "27"}[kind] if kind not in seen else ""
        seen.add(kind)
        yield replace(line, equation=number)


def _in_signs(signs: Signs) -> Iterator[Line]:
    """Yield the rule itself."""
    for name, right in _definitions(signs, {}):
        yield Line(Symbol(name), right, None, _relation(name))


def _relation(name: str) -> str:
    return "←" if name in ("theta", "m", "v") else "="


def _definitions(signs: Signs, known: dict[str, Expression]) -> Iterator[tuple[str, Any]]:
    """Yield the lines of the solver's rule that change something."""
    rule = OPTIMISERS[signs.trace.step.solver]
    usual: dict[str, Expression] = {"rate": Symbol(RATE)}
    for name, right in ((d.name, d.right) for d in read_rule(
        rule, usual | known, ["theta", "m", "v"])):  # fmt: skip
        if not (isinstance(right, Symbol) and right.letter == name):
            yield name, right


def _worked(signs: Signs, place: int) -> Iterator[Line]:
    yield from _lines(signs, place)


def _lines(signs: Signs, place: int) -> Iterator[Line]:
    """Yield the rule's lines for one parameter, each with its numbers and its result."""
    done = signs.trace
    assert done.theta_after is not None
    assert done.m_after is not None
    assert done.v_after is not None
    assert done.m is not None
    assert done.v is not None
    parameter = signs.parameter(place)
    before = _values(signs, place)
    after = {
        "theta": float(done.theta_after[place]),
        "m": float(done.m_after[place]),
        "v": float(done.v_after[place]),
    }
    letters = {"theta": parameter, "g": _gradient(signs, place)}
    now: dict[str, Any] = {
        name: letters.get(name, Symbol(RATE if name == "rate" else name, value=value))
        for name, value in before.items()
    }
    for name, right in _definitions(signs, {}):
        worked = _with_signs(right, now)
        left: Any = parameter if name == "theta" else Symbol(name)
        value = after[name] if name in after else value_of(worked)
        now[name] = replace(left, value=value)
        yield Line(left if name == "theta" else now[name], worked, value, _relation(name))


def _with_signs(right: Any, now: dict[str, Any]) -> Any:
    named = {RATE if name == "rate" else name: sign for name, sign in now.items()}
    return with_values(right, named)


def _values(signs: Signs, place: int) -> dict[str, float]:
    """Return the number of every argument of the solver's rule."""
    done, step = signs.trace, signs.trace.step
    assert done.followed is not None
    assert done.m is not None
    assert done.v is not None
    names = list(signature(OPTIMISERS[step.solver]).parameters)
    own = own_parameters(step.solver, step.hyperparameters or {})
    values = {
        "theta": done.theta[place], "g": done.followed[place], "m": done.m[place],
        "v": done.v[place], "rate": done.rate, "t": float(step.number),
    } | dict(zip(names[6:], own, strict=False))  # fmt: skip
    if signs.parameter(place).letter == "b" and "weight_decay" in values:
        values["weight_decay"] = 0.0
    return {name: float(value) for name, value in values.items()}


def _table(signs: Signs, places: list[int]) -> Grid:
    """Return a row for each parameter: before, its gradient, the memories, after."""
    done = signs.trace
    assert done.followed is not None
    assert done.theta_after is not None
    checks = differences(done, np.array(places))
    memories = [
        (name, after)
        for name, after in (("m", done.m_after), ("v", done.v_after))
        if after is not None and after.any()
    ]
    penalised = bool(np.any(done.followed != done.gradient))
    heads: list[Expression | str] = ["", "before", "gradient", ""]
    heads += ["followed"] if penalised else []
    heads += [*(Symbol(name) for name, _ in memories), "after"]
    rows: list[tuple[Cell, ...]] = []
    for place in places:
        assert done.gradient is not None
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
    assert done.penalised is not None
    assert done.theta_after is not None
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
