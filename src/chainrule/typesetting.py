"""Print expressions of ``notation``: as text for a terminal, as LaTeX, as MathML."""

from __future__ import annotations

import re
from typing import Any

from chainrule.boxes import ATOM, DIGITS, MINUS, POWER, PRODUCT, Setter, figure, named
from chainrule.markup import latex, latex_pieces, latex_text, mathml, mathml_pieces
from chainrule.notation import Call, Derivative, Number, Product, Quotient, Symbol

__all__ = [
    "DIGITS", "MINUS", "figure", "latex", "latex_pieces", "latex_text", "mathml", "mathml_pieces",
    "text",
]  # fmt: skip

SUPERSCRIPTS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def text(expression: Any, digits: int = DIGITS) -> str:
    """Print an expression in one line of Unicode.

    Examples
    --------
    >>> from chainrule.notation import read_rule
    >>> from chainrule.rules import ACTIVATIONS
    >>> for line in read_rule(ACTIVATIONS["sigmoid"], {}, ["a", "slope"]):
    ...     print(line.name, "=", text(line.right))
    a = 1/(1 + exp(−z))
    slope = a·(1 − a)
    """
    return _Text(digits).set(expression)


class _Text(Setter):
    """Print in one line of Unicode."""

    fraction_binds = PRODUCT
    half = "½"

    def number(self, decimal: str, ten: int) -> str:
        decimal, power = decimal.replace("-", MINUS), f"10{str(ten).translate(SUPERSCRIPTS)}"
        if ten and decimal.lstrip(MINUS) == "1":
            return decimal[:-1] + power
        return f"{decimal}·{power}" if ten else decimal

    def symbol(self, symbol: Symbol) -> str:
        letter, digits = named(symbol.letter)
        layer = "" if symbol.layer is None else str(symbol.layer)
        at = f"[{','.join(map(str, symbol.at))}]" if symbol.at else ""
        return letter + (digits + layer).translate(SUBSCRIPTS) + at

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def words(self, words: str) -> str:
        return f"({words})"

    def fraction(self, top: Any, bottom: Any) -> str:
        plain = isinstance(top, Number)
        slashed = isinstance(top, Product) and any(isinstance(f, Derivative) for f in top.factors)
        above = self.within(top, PRODUCT + (slashed or isinstance(top, Quotient)))
        return f"{self.set(top) if plain else above}/{self.within(bottom, POWER)}"

    def binds(self, expression: Any) -> int:
        if isinstance(expression, Call) and expression.name == "sqrt":
            return POWER  # the bar of the root is missing
        return super().binds(expression)

    def power(self, base: str, exponent: Any) -> str:
        raised = self.set(exponent)
        if re.fullmatch(rf"{MINUS}?[0-9]+", raised):
            return base + raised.translate(SUPERSCRIPTS)
        return f"{base}^{self.within(exponent, ATOM)}"

    def call(self, name: str, arguments: Any) -> str:
        inside = ", ".join(map(self.set, arguments))
        if name == "abs" and "|" not in inside:
            return f"|{inside}|"
        if name == "transpose":
            return f"{inside}ᵀ"
        if name == "sqrt":
            return f"√{self.within(arguments[0], ATOM)}"
        return f"{name}({inside})"

    def choice(self, rows: Any, rest: str) -> str:
        return "".join(f"{value} if {when}, else " for value, when in rows) + rest

    def brackets(self, inside: str) -> str:
        return f"({inside})"

    def operator(self, sign: str, between: bool) -> str:
        return f" {sign} " if between else sign

    def times(self, wide: bool) -> str:
        return " · " if wide else "·"


TextSetter = _Text  # for those who print numbers otherwise
