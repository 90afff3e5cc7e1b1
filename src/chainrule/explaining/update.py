"""The update of every parameter by the solver in use, and the loss after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np

from chainrule.arguments import own_parameters
from chainrule.explaining.parts import Cell, Grid, Line, Lines, Part, Section, Words, tick
from chainrule.explaining.rulelines import because, symbols_of, with_values
from chainrule.explaining.signs import FEW, LOSS, Signs, largest
from chainrule.explaining.trace import differences
from chainrule.notation import (
    Derivative,
    Expression,
    Number,
    Product,
    Quotient,
    Sum,
    Symbol,
    plus,
    read_rule,
    value_of,
)
from chainrule.rules import OPTIMISERS, WHOLESALE

RATE, THETA = Symbol("eta"), Symbol("theta")
WHOLE = {
    "lbfgs": "lbfgs looks at all samples at once. It begins along −g, the gradient turned around, "
    "goes as far as a line search finds good, and bends later steps by what the gradients before "
    "tell of the curvature.",
    "lm": "lm looks at all samples at once. With D, the derivatives of all outputs, it solves "
    "(DᵀD + μI)·Δθ = −g. A larger μ makes a shorter step, and it grows until the loss falls.",
}
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
        parts.append(Words(f"{WHOLE[solver]} This is its first step for this sample alone."))
    elif solver == "gd" and len(done.theta) <= WORKED:
        parts.append(Lines(tuple(_settings(signs))))
        if _penalised(signs):
            parts.append(
                Lines(tuple(_with_penalty(signs, place) for place in range(len(done.theta))))
            )
        parts.append(Lines(tuple(_descents(signs))))
        return Section("The update, by gradient descent", tuple(parts))
    else:
        parts += _rule(signs)
        place = 0 if signs.steady else _steepest(signs)
        which = "the first weight" if signs.steady else "the weight whose gradient is the largest"
        parts.append(Words(f"With the numbers of {which}:"))
        parts.append(Lines(tuple(_worked(signs, place))))
    parts.append(_table(signs, shown))
    if len(shown) < len(done.theta):
        parts.append(Words(f"The other {len(done.theta) - len(shown):,} have smaller gradients."))
    return Section(f"The update, by {solver}", tuple(parts))


def update_of(signs: Signs, place: int) -> tuple[Part, ...]:
    """Return the parts on the solver's step of one parameter."""
    worked = Lines(tuple(_worked(signs, place)))
    return (*_before(signs), *_rule(signs), Words("With its numbers:"), worked)


def _rule(signs: Signs) -> Iterator[Part]:
    """Yield the rule of the solver, and its settings."""
    solver = signs.trace.step.solver
    yield Words(f"Each parameter θ with the gradient g is updated by {solver}:")
    yield Lines(tuple(rule_in_signs(solver)))
    yield Words(_meanings(solver))
    yield Lines(tuple(_settings(signs)))


def _meanings(solver: str) -> str:
    """Say what the letters of a solver's rule are."""
    takes = list(signature(OPTIMISERS[solver]).parameters)
    changed = {line.left.letter for line in rule_in_signs(solver) if isinstance(line.left, Symbol)}
    kept = [name for name in ("m", "v") if name in changed]
    words = ["η is the learning rate"]
    if kept:
        words.append(f"{' and '.join(kept)} remember the steps before, for each parameter")
    if {"beta1", "beta2"} & set(takes):
        words.append("t is the number of the step")
    if "weight_decay" in takes:
        words.append("biases have no weight decay")
    return f"{'; '.join(words)}."


def _settings(signs: Signs) -> Iterator[Line]:
    """Yield the settings of the solver."""
    names = [RATE.letter, "t", *list(signature(OPTIMISERS[signs.trace.step.solver]).parameters)[6:]]
    values = _values(signs, 0)
    used = {sign.letter for line in rule_in_signs(signs.trace.step.solver)
            for sign in symbols_of(line.right)}  # fmt: skip
    for name in names:
        if name in used:
            yield Line(Symbol(name), Number(values[name], constant=True), values[name])


def _steepest(signs: Signs) -> int:
    """Return the place of the weight with the largest gradient."""
    followed = np.abs(signs.trace.followed)
    for start, (W, _) in zip(signs.trace.network.starts, signs.layers, strict=False):
        followed[start + W.size : start + W.size + W.shape[1]] = -1.0  # biases
    return int(np.argmax(followed))


def _worked(signs: Signs, place: int) -> Iterator[Line]:
    """Yield the rule's lines for one parameter, with what comes before them."""
    if _penalised(signs):
        yield _with_penalty(signs, place)
    yield from _lines(signs, place)


def _penalised(signs: Signs) -> bool:
    return bool(signs.trace.step.l1 or signs.trace.step.l2)


def _with_penalty(signs: Signs, place: int) -> Line:
    """Return dJ/dW = dL/dW + l1 sign(W) + l2 W, and dJ/db = dL/db."""
    done, parameter = signs.trace, signs.parameter(place)
    value = float(done.penalised[place])
    terms: list[Expression] = [signs.by_parameter(place)]
    if parameter.letter == "W":
        if done.step.l1:
            share = done.step.l1 * float(np.sign(done.theta[place]))
            terms.append(Number(share, constant=True, live=True))
        if done.step.l2:
            terms.append(Product((Number(done.step.l2, constant=True), parameter)))
    right = terms[0] if len(terms) == 1 else Sum(tuple(terms))
    return Line(Derivative(Symbol("J"), parameter, value), right, value)


def _before(signs: Signs) -> Iterator[Part]:
    """Yield what happens to the gradient before the solver gets it."""
    step = signs.trace.step
    if _penalised(signs):
        terms = [f"{step.l1:g}·sign(w)"] if step.l1 else []
        terms += [f"{step.l2:g}·w"] if step.l2 else []
        yield Words(
            f"The penalty adds {' + '.join(terms)} to the gradient of every weight w; biases are "
            "free."
        )
    clip = _clip(signs)
    if clip is not None:
        length = _length(signs)
        yield Words(
            "The gradient is longer than it may be. All of its parts are multiplied by c, which "
            "gives it that length:"
        )
        right = Quotient(
            Symbol("longest", value=float(step.clip_norm or 0.0)), Symbol("length", value=length)
        )
        yield Lines((Line(clip, right, clip.value),))


def _length(signs: Signs) -> float:
    return float(np.sqrt((signs.trace.penalised**2).sum()))


def _clip(signs: Signs) -> Symbol | None:
    """Return the factor by which a gradient that is too long is shortened, or None."""
    longest, length = signs.trace.step.clip_norm, _length(signs)
    return Symbol("c", value=longest / length) if longest is not None and length > longest else None


def _gradient(signs: Signs, place: int) -> Expression:
    """Return the gradient as the solver is given it; with a penalty it is that of J."""
    loss = Symbol("J") if _penalised(signs) else signs.loss
    slope = Derivative(loss, signs.parameter(place), float(signs.trace.penalised[place]))
    clip = _clip(signs)
    return slope if clip is None else Product((clip, slope))


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
        yield replace(line, left=now[name], right=right, value=value, note=because(right))


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
    heads: list[Expression | str] = ["", "before", Derivative(LOSS, THETA), ""]
    clip, loss = _clip(signs), Symbol("J") if _penalised(signs) else LOSS
    given: Expression = Derivative(loss, THETA)
    given = given if clip is None else Product((replace(clip, value=None), given))
    heads += [given] if penalised else []
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
    few = len(moved) <= WORKED
    note = ""
    total = signs.sum_of(slopes * moved, term, most=WORKED if few else FEW)
    if signs.steady and not few:
        total = Product((Derivative(Symbol(letter), THETA), Symbol("Δθ")))
        note = f"summed over all {len(moved):,} parameters"
    lines = (
        Line(sign, total, change, note=note),
        Line(f"{letter} predicted", plus(before, sign), predicted),
        Line(f"{letter} after the step", None, done.loss_after),
    )
    short = done.loss_after - predicted
    words = Words(
        (
            "To first order the loss changes by each gradient times the step of its parameter. "
            "What is left over, ",
            Number(float(f"{short:.2g}")),
            ", is the curvature of the loss.",
        )
    )
    return Section("The loss after the step", (words, Lines(lines)))
