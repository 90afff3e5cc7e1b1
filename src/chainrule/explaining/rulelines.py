"""The lines of a rule as equations, with the engine's number for what they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.explaining.parts import Line, Live
from chainrule.formula import arguments_of
from chainrule.notation import (
    COMPARISONS,
    Choice,
    Definition,
    Expression,
    Number,
    Symbol,
    read_rule,
    rebuilt,
    value_of,
)
from chainrule.typesetting import text

OPPOSITES = {"<": "≥", "≤": ">", ">": "≤", "≥": "<", "=": "≠"}
VALUE, SLOPE = "value_", "slope_"  # no name of a rule ends so


def rule_lines(
    rule: Any,
    arguments: dict[str, Expression],
    results: dict[str, Any],
    known: dict[str, Expression] | None = None,
    place: Symbol | None = None,
) -> Iterator[Line]:
    """Yield the lines of a rule that lead to a result, with the engine's number for it.

    Parameters
    ----------
    rule : callable or str
    arguments : dict
        The signs of the rule's arguments, in their order, whatever the rule calls them.
    results : dict
        The signs of what is wanted: VALUE, SLOPE or both. A result that is not
        wanted is left out, with the lines that only it needs.
    known : dict, optional
        The signs of results that are known already.
    place : Symbol, optional
        A sign whose layer and place the intermediate results take.
    """
    names = dict(zip(arguments_of(rule), arguments.values(), strict=False))
    signs = names | (known or {}) | results
    found = read_rule(rule, signs, [VALUE, SLOPE])
    signs_now: dict[str, Symbol] = {}
    needed = _needed(found, results)
    for definition in found:
        if definition.name not in needed:
            continue
        right = with_values(definition.right, signs_now)
        if definition.name in results:
            left = results[definition.name]
            yield Line(left, right, left.value, note=because(right))
        else:
            value = value_of(right)
            here = place or Symbol("")
            sign = Symbol(definition.name, here.layer, here.at, value)
            signs_now[definition.name] = sign
            yield Line(sign, right, value, note=because(right))


def _needed(found: Sequence[Definition], results: dict[str, Any]) -> set[str]:
    """Return the names of the definitions that some results are made of."""
    needed = set(results)
    for definition in reversed(found):
        if definition.name in needed:
            needed |= {sign.letter for sign in symbols_of(definition.right)}
    return needed


def symbols_of(expression: Any) -> list[Symbol]:
    """Return all signs in an expression."""
    found: list[Symbol] = []

    def look(part: Any) -> Any:
        if isinstance(part, Symbol):
            found.append(part)
        return rebuilt(part, look)

    look(expression)
    return found


def with_values(expression: Any, signs: dict[str, Symbol]) -> Any:
    """Return an expression whose bare names carry their numbers."""

    def look(part: Any) -> Any:
        if isinstance(part, Symbol) and part.value is None and part.letter in signs:
            return signs[part.letter]
        return rebuilt(part, look)

    return look(expression)


def because(expression: Any) -> str:
    """Say which comparison decided a choice.

    Examples
    --------
    >>> z = Symbol("z", value=-1.5)
    >>> because(Choice(z, ">", Number(0.0), z, Number(0.0)))
    'as −1.5 ≤ 0'
    """
    said: str = ""
    while isinstance(expression, Choice):
        left, right = value_of(expression.left), value_of(expression.right)
        holds = COMPARISONS[expression.comparison](left, right)
        sign = expression.comparison if holds else OPPOSITES[expression.comparison]
        said = Live(f"as {text(Number(left))} {sign} {text(Number(right))}")
        expression = expression.yes if holds else expression.no
    return said
