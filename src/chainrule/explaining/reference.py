"""The rules themselves as mathematics: every activation, loss, optimiser and initialiser."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from chainrule.explaining.derivation import Derivation
from chainrule.explaining.drawn import distribution
from chainrule.explaining.parts import Line, Lines, Part, Section, Words
from chainrule.explaining.update import rule_in_signs
from chainrule.formula import arguments_of
from chainrule.initial import INITIALISERS
from chainrule.notation import (
    Call,
    Choice,
    Derivative,
    Expression,
    Negative,
    Number,
    Product,
    Quotient,
    Sum,
    Symbol,
    read_rule,
)
from chainrule.rules import ACTIVATIONS, LINKS, LOSSES, OPTIMISERS
from chainrule.typesetting import DIGITS

MORE = Symbol("…")
ONE, ZERO = Number(1.0, constant=True), Number(0.0, constant=True)


def source() -> Derivation:
    """Return every rule as mathematics, with its derivative.

    Examples
    --------
    >>> print(source().to_text())
    The rules
    ...
    Activation: sigmoid
    ...
    """
    activations = [activation(name, rule) for name, rule in ACTIVATIONS.items()]
    losses = [loss(name, rule) for name, rule in LOSSES.items()]
    optimisers = [_optimiser(name, rule) for name, rule in OPTIMISERS.items()]
    initialisers = [_initialiser(name) for name in INITIALISERS]
    sections = [*activations, softmax(), *losses, *optimisers, *initialisers]
    return Derivation("The rules", tuple(sections), DIGITS)


def described(function: Callable[..., Any]) -> Iterator[Words]:
    """Yield the paragraphs of a rule's docstring."""
    text = inspect.getdoc(function) or ""
    for paragraph in re.split(r"\n\s*\n", text):
        yield Words(" ".join(paragraph.replace("``", "").split()))


def activation(name: str, rule: Callable[..., Any]) -> Section:
    """Return the section on an activation."""
    z, a = Symbol("z"), Symbol("a")
    lines = _lines(rule, {"z": z}, {"a": a, "slope": Derivative(a, z)})
    return Section(f"Activation: {name}", (*described(rule), Lines(lines)))


def _lines(
    rule: Callable[..., Any], signs: dict[str, Expression], results: dict[str, Any]
) -> tuple[Line, ...]:
    """Return a rule's lines in signs, its results under their own ones."""
    found = read_rule(rule, signs | results, list(results))
    return tuple(Line(results.get(d.name, Symbol(d.name)), d.right) for d in found)


def loss(name: str, rule: Callable[..., Any] | None) -> Section:
    """Return the section on a loss."""
    if rule is None:
        return cross_entropy(name)
    taken = Symbol(arguments_of(rule)[0])
    L = Symbol("L")
    lines = _lines(rule, {}, {"loss": L, "slope": Derivative(L, taken)})
    parts: list[Part] = [*described(rule)]
    if name in LINKS:
        parts.append(Words(f"It takes the score z, and goes with the output {LINKS[name]}."))
    return Section(f"Loss: {name}", (*parts, Lines(lines)))


def _optimiser(name: str, rule: Callable[..., Any]) -> Section:
    own = {
        parameter: value.default
        for parameter, value in inspect.signature(rule).parameters.items()
        if value.default is not value.empty
    }
    defaults = [Line(Symbol(parameter), None, value) for parameter, value in own.items()]
    parts: list[Part] = [*described(rule), Lines(tuple(rule_in_signs(name)))]
    if defaults:
        parts += [Words("Its own parameters, where none are given:"), Lines(tuple(defaults))]
    return Section(f"Optimiser: {name}", tuple(parts))


def _initialiser(name: str) -> Section:
    right = distribution(name, 1, 1)
    relation = "~" if isinstance(right, Call) else "="
    lines = Lines((Line(Symbol("W"), right, relation=relation),))
    return Section(f"Initialiser: {name}", (*described(INITIALISERS[name]), lines))


def softmax() -> Section:
    """Return the section on softmax, which joins all outputs and so is no rule for a number."""
    k, j = Symbol("k"), Symbol("j")
    powers = [Call("exp", (Symbol("z", None, (at,)),)) for at in (1, "n")]
    a_k, z_k = Symbol("a", None, ("k",)), Symbol("z", None, ("k",))
    a_j, z_j = Symbol("a", None, ("j",)), Symbol("z", None, ("j",))
    total = Symbol("S")
    same = Choice(k, "=", j, ONE, ZERO)
    slope = Product((a_k, Sum((same, Negative(a_j)))))
    lines = Lines(
        (
            Line(total, Sum((powers[0], MORE, powers[1]))),
            Line(a_k, Quotient(Call("exp", (z_k,)), total)),
            Line(Derivative(a_k, z_j), slope),
        )
    )
    words = Words(
        "The shares of n classes: positive, and 1 together. Every output depends on every score, "
        "so its derivative has two indices. For the output alone."
    )
    return Section("Activation: softmax", (words, lines))


def cross_entropy(name: str) -> Section:
    """Return the section on the loss of shares, which joins all outputs."""
    terms = [
        Product((Symbol("y", None, (at,)), Call("log", (Symbol("a", None, (at,)),))))
        for at in (1, "n")
    ]
    a_k, y_k, z_k = (Symbol(letter, None, ("k",)) for letter in "ayz")
    L = Symbol("L")
    lines = Lines(
        (
            Line(L, Negative(Sum((terms[0], MORE, terms[1])))),
            Line(Derivative(L, z_k), Sum((a_k, Negative(y_k)))),
        )
    )
    words = Words(
        "Minus the log likelihood of the class under the shares a = softmax(z). It takes the "
        "scores z of all classes, and its slope by a score is a - y, for targets that are 1 "
        "together."
    )
    return Section(f"Loss: {name}", (words, lines))
