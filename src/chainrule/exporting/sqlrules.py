"""A rule's source as expressions of SQL.

SQL has no assignment: a value that is needed twice becomes a column of its own, and expressions
are a chain of such steps. Databases raise errors where rules expect infinity or NaN, so some
functions are a CASE, in which their argument stands several times.
"""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from chainrule import elementary
from chainrule.exporting.language import first_result
from chainrule.exporting.sqldialect import Dialect, number
from chainrule.formula import Source, arguments_of

SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
FOLDED = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "="}
BY_HAND = 4  # a power up to this is written as products
Z = "z"


class Steps(NamedTuple):
    """Columns to add one after the other, and the expression of the result.

    Columns are written ``{v1}``, ``{v2}``, ...; the rule's argument is ``{z}``.
    """

    columns: list[tuple[str, str]]
    value: str


def steps(rule: Source, dialect: Dialect) -> Steps:
    """Return the expressions of a rule's first result.

    Examples
    --------
    >>> from chainrule.exporting.sqldialect import DIALECTS
    >>> from chainrule.rules import ACTIVATIONS
    >>> steps(ACTIVATIONS["silu"], DIALECTS["sqlite"])
    Steps(columns=[], value='({z} * (1.0e0 / (1.0e0 + exp((-{z})))))')
    >>> steps(ACTIVATIONS["sigmoid"], DIALECTS["postgresql"]).columns
    [('v1', '(-{z})')]
    """
    lines, result = first_result(rule)
    parts = [part for line in (*lines, ast.Expr(result)) for part in ast.walk(line)]
    uses = Counter(p.id for p in parts if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Load))
    writer = _Writer(dialect)
    values: dict[str, float | str] = {arguments_of(rule)[0]: f"{{{Z}}}"}
    for line in lines:
        name = ast.unparse(line.targets[0])
        value = writer.expression(line.value, values)
        values[name] = writer.kept(value) if uses[name] > 1 else value
    return Steps(writer.columns, writer.spelled(writer.expression(result, values)))


def levels(columns: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Group steps: those of a group need columns of earlier groups only."""
    level: dict[str, int] = {}
    groups: list[list[tuple[str, str]]] = []
    for name, expression in columns:
        used = re.findall(r"\{(v\d+)\}", expression)
        level[name] = max((level[each] + 1 for each in used), default=0)
        if level[name] == len(groups):
            groups.append([])
        groups[level[name]].append((name, expression))
    return groups


class _Writer:
    """Writes expressions, and keeps columns for what is needed several times."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.columns: list[tuple[str, str]] = []

    def spelled(self, value: float | str) -> str:
        return number(value, self.dialect) if isinstance(value, float) else value

    def kept(self, value: float | str) -> float | str:
        """Return a value that may stand several times."""
        if isinstance(value, float) or re.fullmatch(r"\{\w+\}", value):
            return value
        name = f"v{len(self.columns) + 1}"
        self.columns.append((name, value))
        return f"{{{name}}}"

    def expression(self, part: ast.expr, values: dict[str, float | str]) -> float | str:
        """Return a constant expression's number, or another expression's text."""
        match part:
            case ast.Name(id=name):
                return values[name]
            case ast.Constant(value=int() | float() as constant):
                return float(constant)
            case ast.UnaryOp(operand=operand):
                value = self.expression(operand, values)
                return -value if isinstance(value, float) else f"(-{value})"
            case ast.BinOp(left=left, op=op, right=right):
                return self.operation(op, self.expression(left, values), right, values)
            case ast.IfExp(test=ast.Compare(left=left, ops=[sign], comparators=[right])):
                a, b, yes, no = (
                    self.spelled(self.expression(each, values))
                    for each in (left, right, part.body, part.orelse)
                )
                return f"(CASE WHEN {a} {COMPARISONS[type(sign)]} {b} THEN {yes} ELSE {no} END)"
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return self.function(name, self.expression(argument, values))
        raise TypeError(f"`{ast.unparse(part)}` is outside the grammar of rules")

    def operation(
        self, op: ast.operator, x: float | str, right: ast.expr, values: dict[str, float | str]
    ) -> float | str:
        y = self.expression(right, values)
        if isinstance(op, ast.Pow):
            exponent = right.value if isinstance(right, ast.Constant) else None
            if isinstance(exponent, int) and 1 <= exponent <= BY_HAND:
                base = self.spelled(self.kept(x) if exponent > 1 else x)
                return f"({' * '.join([base] * exponent)})"
            return f"power({self.spelled(x)}, {self.spelled(y)})"
        if isinstance(op, ast.Div):
            if isinstance(x, float) and isinstance(y, float) and y != 0.0:
                return x / y
            plain = isinstance(y, float) and y != 0.0
            form = "({x} / {y})" if plain else self.dialect.division
            return form.format(x=self.spelled(x), y=self.spelled(y))
        if isinstance(x, float) and isinstance(y, float):
            folded: float = FOLDED[type(op)](x, y)
            return folded
        return f"({self.spelled(x)} {SIGNS[type(op)]} {self.spelled(y)})"

    def function(self, name: str, value: float | str) -> str:
        if name in ("expm1", "log1p", "erf"):
            return getattr(self, name)(self.spelled(self.kept(value)))  # type: ignore[no-any-return]
        form = self.dialect.functions[name]
        x = self.spelled(self.kept(value) if form.count("{x}") > 1 else value)
        made = form.replace("{x}", x)
        return f"({made})" if made.startswith("CASE") else made

    def expm1(self, x: str) -> str:
        """e^x - 1 = tanh(x / 2) (e^x + 1), in which no digits are lost near 0."""
        return f"(tanh({x} * 0.5e0) * ({self.function('exp', x)} + 1e0))"

    def log1p(self, x: str) -> str:
        """Log y with y = 1 + x, and what the rounding of y lost: (x - (y - 1)) / y."""
        y = self.spelled(self.kept(f"(1e0 + {x})"))
        log = self.function("log", y)
        return f"(CASE WHEN abs({x}) < 1e0 THEN ln({y}) + ({x} - ({y} - 1e0)) / {y} ELSE {log} END)"

    def erf(self, x: str) -> str:
        """The two polynomials of ``elementary``."""
        a = self.spelled(self.kept(f"{self.dialect.least}(abs({x}), 6e0)"))
        u = self.spelled(self.kept(f"({a} * {a})"))
        t = self.spelled(self.kept(f"(({a} - 3e0) / ({a} + 3e0))"))
        near = f"{a} * {self.polynomial(elementary._P_DOUBLE, u)}"
        far = f"1e0 - exp(-{u}) * {self.polynomial(elementary._Q_DOUBLE, t)}"
        size = self.spelled(self.kept(f"(CASE WHEN {a} > 1e0 THEN {far} ELSE {near} END)"))
        return f"(CASE WHEN {x} < 0e0 THEN -{size} ELSE {size} END)"

    def polynomial(self, coefficients: Iterable[float], x: str) -> str:
        first, *others = coefficients
        total = number(first, self.dialect)
        for c in others:
            total = f"({total} * {x} + {number(c, self.dialect)})"
        return total
