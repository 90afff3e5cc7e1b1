"""Print a rule in a language with infix operators: C, JavaScript, plain Python.

The rule's source is in a small closed grammar, so each of its parts has one translation.
Every operation is written in brackets of its own where order could be in doubt.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.formula import LARGEST_EXPONENT, Source, arguments_of, is_docstring, parse
from chainrule.own import Rule
from chainrule.rules import ACTIVATIONS

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=="}


@dataclass(frozen=True)
class Language:
    """How a language spells what is in the grammar of rules.

    Attributes
    ----------
    functions : mapping of str to str
        The elementary functions by their names in rules.
    number : callable
        Spells a constant.
    choice : str
        A conditional expression of ``{test}``, ``{yes}`` and ``{no}``.
    power : str
        Of ``{base}`` and ``{exponent}``, where the exponent is not a small whole number.
    assign : str
        The first assignment of ``{value}`` to ``{name}``.
    again : str
        A further one.
    """

    functions: Mapping[str, str]
    number: Callable[[float], str]
    choice: str
    power: str
    assign: str
    again: str


def rules_of(network: Any) -> Iterator[tuple[Any, Source]]:
    """Yield the activations that a network uses, each once, with their sources.

    The identity and softmax are left out: they are no formulas of a number.
    """
    for rule in dict.fromkeys(network.activations):
        if rule not in ("identity", "softmax"):
            yield rule, rule.source if isinstance(rule, Rule) else ACTIVATIONS[rule]


@dataclass(frozen=True)
class Lines:
    """The lines of a rule that lead to its first result, and the result."""

    statements: tuple[str, ...]
    value: str


def translated(rule: Source, language: Language, names: Callable[[str], str]) -> Lines:
    """Print the lines of a rule that its first result needs.

    Parameters
    ----------
    rule : callable, str or ast.FunctionDef
    language : Language
    names : callable
        Gives each name of the rule one that the language allows.

    Examples
    --------
    >>> from chainrule.rules import ACTIVATIONS
    >>> C = Language({"exp": "exp"}, repr, "({test} ? {yes} : {no})", "pow({base}, {exponent})",
    ...              "double {name} = {value};", "{name} = {value};")
    >>> translated(ACTIVATIONS["silu"], C, str)
    Lines(statements=('double s = 1.0 / (1.0 + exp(-z));', 'double a = z * s;'), value='a')
    """
    kept, result = first_result(rule)
    known = set(arguments_of(rule))
    statements = []
    for line in kept:
        name = ast.unparse(line.targets[0])
        form = language.again if name in known else language.assign
        value = printed(line.value, language, names)
        statements.append(form.format(name=names(name), value=value))
        known.add(name)
    return Lines(tuple(statements), printed(result, language, names))


def first_result(rule: Source) -> tuple[list[ast.Assign], ast.expr]:
    """Return the assignments that a rule's first result needs, and that result."""
    *assignments, last = [line for line in parse(rule).body if not is_docstring(line)]
    assert isinstance(last, ast.Return)
    assert isinstance(last.value, ast.Tuple)
    result = last.value.elts[0]
    needed, kept = _names(result), list[ast.Assign]()
    for line in reversed(assignments):
        assert isinstance(line, ast.Assign)
        if ast.unparse(line.targets[0]) in needed:
            kept.insert(0, line)
            needed |= _names(line.value)
    return kept, result


def _names(expression: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(expression) if isinstance(part, ast.Name)}


def printed(node: ast.expr, language: Language, names: Callable[[str], str]) -> str:
    """Print an expression of the grammar."""

    def show(part: ast.expr) -> str:
        return printed(part, language, names)

    def inside(part: ast.expr) -> str:
        simple = isinstance(part, ast.Name | ast.Call | ast.IfExp | ast.Constant)
        return show(part) if simple else f"({show(part)})"

    match node:
        case ast.Name(id=name):
            return names(name)
        case ast.Constant(value=int() | float() as value):
            return language.number(float(value))
        case ast.UnaryOp(operand=operand):
            return f"-{inside(operand)}"
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as exponent)) if (
            1 <= exponent <= LARGEST_EXPONENT
        ):
            return " * ".join([inside(left)] * exponent)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return language.power.format(base=show(left), exponent=show(right))
        case ast.BinOp(left=left, op=op, right=right):
            first = show(left) if _goes_first(left, op) else inside(left)
            return f"{first} {OPERATORS[type(op)]} {inside(right)}"
        case ast.IfExp(test=ast.Compare(left=left, ops=[sign], comparators=[right])):
            test = f"{inside(left)} {COMPARISONS[type(sign)]} {inside(right)}"
            return language.choice.format(test=test, yes=show(node.body), no=show(node.orelse))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return f"{language.functions[name]}({show(argument)})"
    raise TypeError(f"`{ast.unparse(node)}` is outside the grammar of rules")


def _goes_first(left: ast.expr, op: ast.operator) -> bool:
    """Say whether an operation on the left needs no brackets: a + b - c, a * b / c, a * b + c."""
    if not isinstance(left, ast.BinOp) or isinstance(left.op, ast.Pow):
        return False
    sums = (ast.Add, ast.Sub)
    return isinstance(op, sums) or not isinstance(left.op, sums)
