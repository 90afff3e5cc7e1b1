"""Mathematics as data: expressions of numbers and signs, read from the rules or put together.

An expression is printed as text, LaTeX or MathML by ``typesetting``. A sign may carry its
number, so that one expression serves three times: in signs, with the numbers put in, and
for its value.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from chainrule.formula import NAMES, Source, arguments_of, is_docstring, parse


@dataclass(frozen=True)
class Number:
    """A number; a constant of a formula is printed with more digits.

    It is live where it was put in for a sign: with another sample it is another one.
    """

    value: float
    constant: bool = False
    live: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True)
class Symbol:
    """A letter or word, with its layer and its place in the layer, counted from 1."""

    letter: str
    layer: int | None = None
    at: tuple[int | str, ...] = ()
    value: float | None = None
    constant: bool = False  # whether its number is shown with more digits, as a constant is


@dataclass(frozen=True)
class Derivative:
    """The derivative of one sign by another."""

    of: Symbol
    by: Symbol
    value: float | None = None


@dataclass(frozen=True)
class Rest:
    """Terms of a sum that are not written out."""

    count: int
    value: float | None = None


@dataclass(frozen=True)
class Negative:
    """Minus an expression."""

    of: Expression


@dataclass(frozen=True)
class Sum:
    """Terms, added; a ``Negative`` term is subtracted."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class Product:
    """Factors, multiplied."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True)
class Quotient:
    """A fraction."""

    top: Expression
    bottom: Expression


@dataclass(frozen=True)
class Power:
    """A base with its exponent."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True)
class Call:
    """A function of some arguments: an elementary one, or one that is only printed."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Choice:
    """One expression where a comparison holds, and another one elsewhere."""

    left: Expression
    comparison: str
    right: Expression
    yes: Expression
    no: Expression


Expression = (
    Number
    | Symbol
    | Derivative
    | Rest
    | Negative
    | Sum
    | Product
    | Quotient
    | Power
    | Call
    | Choice
)
_PARTS = {
    kind: tuple(part.name for part in fields(kind))
    for kind in (Negative, Sum, Product, Quotient, Power, Call, Choice)
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "≤": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "≥": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}
_SIGNS = {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "="}
SMALL = 4  # an intermediate result of so many parts is written where it is used


def rebuilt(expression: Any, change: Callable[[Any], Any]) -> Any:
    """Return an expression with a change made to each of its direct parts."""
    names = _PARTS.get(type(expression))
    if names is None:
        return expression
    parts, same = [], True
    for name in names:
        part = before = getattr(expression, name)
        if isinstance(part, tuple):
            part = tuple([change(each) for each in part])
            same = same and all(map(is_, part, before))
        elif not isinstance(part, str):
            part = change(part)
            same = same and part is before
        parts.append(part)
    return expression if same else type(expression)(*parts)


def put_in(expression: Any) -> Any:
    """Return an expression with the numbers of its signs put in, and its choices made.

    Examples
    --------
    >>> put_in(Product((Symbol("w", value=2.0), Symbol("x", value=3.0), Symbol("k"))))
    Product(factors=(Number(value=2.0, constant=False), Number(value=3.0, constant=False),
    Symbol(letter='k', layer=None, at=(), value=None, constant=False)))
    """
    if isinstance(expression, Symbol | Derivative | Rest):
        exact = isinstance(expression, Symbol) and expression.constant
        return expression if expression.value is None else Number(expression.value, exact, True)
    if isinstance(expression, Choice):
        try:
            branch = put_in(chosen(expression))
        except KeyError:
            return rebuilt(expression, put_in)
        if isinstance(branch, Number):  # with other numbers it is that of another branch
            return Number(branch.value, branch.constant, True)
        return branch
    return rebuilt(expression, put_in)


def chosen(choice: Choice) -> Expression:
    """Return the branch of a choice that its numbers take."""
    holds = COMPARISONS[choice.comparison](value_of(choice.left), value_of(choice.right))
    return choice.yes if holds else choice.no


def value_of(expression: Any) -> float:
    """Return the value of an expression.

    Raises
    ------
    KeyError
        If a sign in it carries no number.

    Examples
    --------
    >>> value_of(Quotient(Number(1.0), Sum((Number(1.0), Call("exp", (Number(0.0),))))))
    0.5
    """
    match expression:
        case Number(value=float() | int() as value):
            return value
        case Symbol() | Derivative() | Rest():
            if expression.value is None:
                raise KeyError(expression)
            return expression.value
        case Negative(of=of):
            return -value_of(of)
        case Sum(terms=terms):
            return math.fsum(map(value_of, terms))
        case Product(factors=factors):
            return math.prod(map(value_of, factors))
        case Quotient(top=top, bottom=bottom):  # of NumPy's numbers, which know infinity
            return float(np.float64(value_of(top)) / value_of(bottom))
        case Power(base=base, exponent=exponent):
            return float(np.float64(value_of(base)) ** value_of(exponent))
        case Choice():
            return value_of(chosen(expression))
        case Call(name=name, arguments=arguments):
            try:
                return float(NAMES[name](*map(value_of, arguments)))
            except ValueError:  # math's sqrt of what is below 0
                return math.nan
    raise TypeError(f"{expression!r} is no expression")


class Definition(NamedTuple):
    """A line of a formula: a name, and what it stands for."""

    name: str
    right: Expression


def read_rule(
    rule: Source, signs: Mapping[str, Expression], results: Iterable[str]
) -> list[Definition]:
    """Read the lines of a rule as mathematics.

    Parameters
    ----------
    rule : callable, str or ast.FunctionDef
        A rule, which is not checked here.
    signs : mapping
        What stands for the names of the rule; others stand for themselves.
    results : iterable of str
        What the returned values are called, in turn.

    Returns
    -------
    list of Definition
        The intermediate results, each before it is used, and the results. An intermediate
        result of a few parts is written into the lines that use it.

    Examples
    --------
    >>> def half(a, y):
    ...     error = a - y
    ...     return 0.5 * error * error, error
    >>> [d.name for d in read_rule(half, {}, ["loss", "slope"])]
    ['loss', 'slope']
    """
    arguments, assignments, returned = _taken_apart(rule)
    known: dict[str, Expression] = {name: signs.get(name, Symbol(name)) for name in arguments}
    wanted = dict(zip([name for name, _ in returned], results, strict=True))
    value = returned[0][0]
    found: list[Definition] = []
    for name, line in assignments:
        right = read_expression(line, known)
        small = size_of(right) <= SMALL and name not in arguments
        if name in wanted and (name == value or not small):
            found.append(Definition(wanted.pop(name), right))
            known[name] = signs.get(found[-1].name, Symbol(found[-1].name))
        elif small:
            known[name] = right
        else:
            found.append(Definition(name, right))
            known[name] = signs.get(name, Symbol(name))
    return found + [
        Definition(wanted[name], read_expression(element, known))
        for name, element in returned
        if name in wanted
    ]


_Named = list[tuple[str, ast.expr]]


@lru_cache(maxsize=64)  # a rule is read once for every neuron
def _taken_apart(rule: Source) -> tuple[tuple[str, ...], _Named, _Named]:
    """Return the arguments of a rule, its assignments, and what it returns as it is written."""
    node = parse(rule)
    *assignments, last = [line for line in node.body if not is_docstring(line)]
    assert isinstance(last, ast.Return)
    assert isinstance(last.value, ast.Tuple)
    named = []
    for line in assignments:
        assert isinstance(line, ast.Assign)
        named.append((ast.unparse(line.targets[0]), line.value))
    return arguments_of(node), named, [(ast.unparse(e), e) for e in last.value.elts]


def size_of(expression: Any) -> int:
    """Count the numbers, signs and operations of an expression."""
    total, waiting = 0, [expression]
    while waiting:
        part = waiting.pop()
        total += 1
        for name in _PARTS.get(type(part), ()):
            inside = getattr(part, name)
            if isinstance(inside, tuple):
                waiting += inside
            elif not isinstance(inside, str):
                waiting.append(inside)
    return total


def read_expression(node: ast.expr, known: Mapping[str, Expression]) -> Expression:
    """Return an expression of the grammar of rules as mathematics."""

    def read(part: ast.expr) -> Expression:
        return read_expression(part, known)

    match node:
        case ast.Name(id=name):
            return known.get(name, Symbol(name))
        case ast.Constant(value=int() | float() as value):
            return Number(float(value), constant=True)
        case ast.UnaryOp(operand=operand):
            return Negative(read(operand))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return plus(read(left), read(right))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return plus(read(left), Negative(read(right)))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return times(read(left), read(right))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return Quotient(read(left), read(right))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return Power(read(left), read(right))
        case ast.IfExp(test=ast.Compare(left=left, ops=[sign], comparators=[right])):
            yes, no = read(node.body), read(node.orelse)
            return Choice(read(left), _SIGNS[type(sign)], read(right), yes, no)
        case ast.Call(func=ast.Name(id="expm1")):  # what it is, not how it is computed
            return plus(Call("exp", tuple(map(read, node.args))), Number(-1.0, constant=True))
        case ast.Call(func=ast.Name(id="log1p")):
            return Call("log", (plus(Number(1.0, constant=True), *map(read, node.args)),))
        case ast.Call(func=ast.Name(id=name)):
            return Call(name, tuple(map(read, node.args)))
    raise TypeError(f"`{ast.unparse(node)}` is outside the grammar of rules")


def plus(left: Expression, right: Expression) -> Expression:
    """Return a sum; a sum on the left is carried on."""
    terms = left.terms if isinstance(left, Sum) else (left,)
    return Sum((*terms, right))


def times(left: Expression, right: Expression) -> Expression:
    """Return a product; products in it are carried on, and x x is written x^2."""
    if isinstance(right, Product):
        for factor in right.factors:
            left = times(left, factor)
        return left
    factors = left.factors if isinstance(left, Product) else (left,)
    if isinstance(factors[-1], Negative):  # -z z is -(z z)
        return Negative(times(_product((*factors[:-1], factors[-1].of)), right))
    if factors[-1] == right and not isinstance(right, Number):
        factors, right = factors[:-1], Power(right, Number(2.0, constant=True))
    return _product((*factors, right))


def _product(factors: tuple[Expression, ...]) -> Expression:
    return factors[0] if len(factors) == 1 else Product(factors)
