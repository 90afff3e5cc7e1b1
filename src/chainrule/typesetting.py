"""Print expressions of ``notation``: as text for a terminal, as LaTeX, as MathML.

An expression is first set out as a few kinds of boxes, with brackets where its parts need
them; then each of the three printers says what it makes of a box.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

from chainrule.notation import (
    Call,
    Choice,
    Derivative,
    Expression,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Rest,
    Sum,
    Symbol,
)

DIGITS = 5
MINUS = "−"
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "phi": "φ", "pi": "π",
}  # fmt: skip
LATEX_GREEK = {sign: f"\\{name}" for name, sign in GREEK.items()} | {"ε": "\\varepsilon"}
SUPERSCRIPTS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)  # what binds more and more tightly


def figure(value: float, digits: int = DIGITS) -> tuple[str, int]:
    """Return a number as a decimal without exponent, and the power of ten that goes with it.

    Examples
    --------
    >>> figure(0.5), figure(-1.234567e-9), figure(12345678.0)
    (('0.5', 0), ('-1.2346', -9), ('1.2346', 7))
    """
    text, _, exponent = f"{value + 0.0:.{digits}g}".partition("e")
    return ("0" if text == "-0" else text), int(exponent or 0)


def _constant(value: float) -> str:
    """Return a number of a formula: short ones in full, long ones cut."""
    text = f"{value:g}"
    return text if float(text) == value else f"{value:.7g}…"


def named(letter: str) -> tuple[str, str]:
    """Return a name's letter, Greek where it says so, and the digits at its end.

    Examples
    --------
    >>> named("beta1"), named("W"), named("unbias2")
    (('β', '1'), ('W', ''), ('unbias', '2'))
    """
    found = re.fullmatch(r"(.*?)_?(\d*)", letter)
    assert found is not None
    return GREEK.get(found[1], found[1]), found[2]


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


def latex(expression: Any, digits: int = DIGITS) -> str:
    r"""Print an expression as LaTeX, for mathematical mode.

    Examples
    --------
    >>> print(latex(Power(Symbol("W", 2, (1, 3)), Number(2))))
    {W^{(2)}_{1,3}}^{2}
    """
    return _Latex(digits).set(expression)


def mathml(expression: Any, digits: int = DIGITS) -> str:
    """Print an expression as MathML, without the ``math`` element around it.

    Examples
    --------
    >>> print(mathml(Quotient(Number(1), Symbol("n"))))
    <mfrac><mn>1</mn><mi>n</mi></mfrac>
    """
    return _MathML(digits).set(expression)


def _starts_negative(expression: Any) -> bool:
    match expression:
        case Number(value=value):
            return value < 0
        case Negative():
            return True
        case Product(factors=factors):
            return _starts_negative(factors[0])
        case Quotient(top=top):
            return _starts_negative(top)
    return False


def _without_minus(expression: Any) -> Any:
    match expression:
        case Number(value=value, constant=constant):
            return Number(-value, constant)
        case Negative(of=of):
            return of
        case Product(factors=(first, *others)):
            return Product((_without_minus(first), *others))
        case Quotient(top=top, bottom=bottom):
            return Quotient(_without_minus(top), bottom)
    return expression


class _Setter:
    """Walk an expression; the three printers differ in what they make of its parts."""

    fraction_binds = ATOM

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def set(self, expression: Any) -> str:
        match expression:
            case Number(value=0.5, constant=True):
                return self.half
            case Number(value=value, constant=True):
                decimal, _, ten = _constant(value).partition("e")
                return self.number(decimal, int(ten or 0))
            case Number(value=value):
                return self.number(*figure(value, self.digits))
            case Symbol():
                return self.symbol(expression)
            case Derivative(of=of, by=by):
                return self.derivative(self.symbol(of), self.symbol(by))
            case Rest(count=count):
                return self.words(f"{count} smaller term{'s' if count > 1 else ''}")
            case Negative() | Sum():
                return self._sum(expression)
            case Product(factors=factors):
                return self._product(factors)
            case Quotient(top=top, bottom=bottom):
                return self.fraction(top, bottom)
            case Power(base=base, exponent=exponent):
                return self.power(self.within(base, ATOM), exponent)
            case Call(name=name, arguments=arguments):
                return self.call(name, arguments)
            case Choice():
                return self.choice(*self._branches(expression))
        raise TypeError(f"{expression!r} is no expression")

    def binds(self, expression: Any) -> int:
        match expression:
            case Choice():
                return CHOICE
            case Negative() | Sum():
                return SUM
            case Number() if _starts_negative(expression):
                return SUM
            case Number(value=value) if figure(value, self.digits)[1]:
                return PRODUCT
            case Product():
                return PRODUCT
            case Quotient() | Derivative():
                return self.fraction_binds
            case Power() | Call(name="exp"):
                return POWER
        return ATOM

    def within(self, expression: Any, least: int) -> str:
        """Print a part, in brackets if it binds less tightly than its place needs."""
        printed = self.set(expression)
        return self.brackets(printed) if self.binds(expression) < least else printed

    def _sum(self, expression: Any) -> str:
        terms = expression.terms if isinstance(expression, Sum) else (expression,)
        printed = []
        for place, term in enumerate(terms):
            minus = _starts_negative(term)
            bare = _without_minus(term) if minus else term
            part = self.within(bare, PRODUCT if minus or isinstance(bare, Sum) else SUM)
            sign = MINUS if minus else "+"
            printed.append(self.operator(sign, place > 0) + part if minus or place else part)
        return "".join(printed)

    def _product(self, factors: tuple[Expression, ...]) -> str:
        parts = [
            self.set(factor)
            if place == 0 and _starts_negative(factor) and isinstance(factor, Number)
            else self.within(factor, PRODUCT + (place > 0 and isinstance(factor, Quotient)))
            for place, factor in enumerate(factors)
        ]
        wide = any(isinstance(factor, Derivative) for factor in factors)
        return self.times(wide).join(parts)

    def _branches(self, choice: Choice) -> tuple[list[tuple[str, str]], str]:
        """Return what a choice gives and when, and what it gives elsewhere."""
        rows, rest = [], choice
        while isinstance(rest, Choice):
            sign = self.operator(rest.comparison, True)
            rows.append((self.set(rest.yes), self.set(rest.left) + sign + self.set(rest.right)))
            rest = rest.no  # type: ignore[assignment]
        return rows, self.set(rest)

    half: str
    number: Callable[[str, int], str]
    symbol: Callable[[Symbol], str]
    derivative: Callable[[str, str], str]
    words: Callable[[str], str]
    fraction: Callable[[Any, Any], str]
    power: Callable[[str, Any], str]
    call: Callable[[str, Any], str]
    choice: Callable[[Any, str], str]
    brackets: Callable[[str], str]
    operator: Callable[[str, bool], str]
    times: Callable[[bool], str]


class _Text(_Setter):
    fraction_binds = PRODUCT
    half = "½"

    def number(self, decimal: str, ten: int) -> str:  # type: ignore[override]
        decimal = decimal.replace("-", MINUS)
        if ten and decimal.lstrip(MINUS) == "1":
            return f"{decimal[:-1]}10{str(ten).translate(SUPERSCRIPTS)}"
        return f"{decimal}·10{str(ten).translate(SUPERSCRIPTS)}" if ten else decimal

    def symbol(self, symbol: Symbol) -> str:  # type: ignore[override]
        letter, digits = named(symbol.letter)
        layer = "" if symbol.layer is None else str(symbol.layer)
        at = f"[{','.join(map(str, symbol.at))}]" if symbol.at else ""
        return letter + (digits + layer).translate(SUBSCRIPTS) + at

    def derivative(self, of: str, by: str) -> str:  # type: ignore[override]
        return f"∂{of}/∂{by}"

    def words(self, words: str) -> str:  # type: ignore[override]
        return f"({words})"

    def fraction(self, top: Any, bottom: Any) -> str:  # type: ignore[override]
        return f"{self.within(top, PRODUCT)}/{self.within(bottom, POWER)}"

    def power(self, base: str, exponent: Any) -> str:  # type: ignore[override]
        raised = self.set(exponent)
        if re.fullmatch(rf"[{MINUS}\d]+", raised):
            return base + raised.translate(SUPERSCRIPTS)
        return f"{base}^{self.within(exponent, ATOM)}"

    def call(self, name: str, arguments: Any) -> str:  # type: ignore[override]
        inside = ", ".join(map(self.set, arguments))
        if name == "abs":
            return f"|{inside}|"
        if name == "sqrt":
            return f"√{self.within(arguments[0], ATOM)}"
        return f"{name}({inside})"

    def choice(self, rows: Any, rest: str) -> str:  # type: ignore[override]
        return "".join(f"{value} if {when}, else " for value, when in rows) + rest

    def brackets(self, inside: str) -> str:  # type: ignore[override]
        return f"({inside})"

    def operator(self, sign: str, between: bool) -> str:  # type: ignore[override]
        return f" {sign} " if between else sign

    def times(self, wide: bool) -> str:  # type: ignore[override]
        return " · " if wide else "·"


class _Latex(_Setter):
    half = "\\tfrac{1}{2}"

    def number(self, decimal: str, ten: int) -> str:  # type: ignore[override]
        decimal = decimal.replace("…", "\\ldots")
        return f"{decimal} \\cdot 10^{{{ten}}}" if ten else decimal

    def symbol(self, symbol: Symbol) -> str:  # type: ignore[override]
        letter, digits = named(symbol.letter)
        printed = LATEX_GREEK.get(letter, letter)
        if len(letter) > 1:
            printed = f"\\mathit{{{latex_text(letter)}}}"
        above = "" if symbol.layer is None else f"^{{({symbol.layer})}}"
        below = ",".join([*([digits] if digits else []), *map(str, symbol.at)])
        return printed + above + (f"_{{{below}}}" if below else "")

    def derivative(self, of: str, by: str) -> str:  # type: ignore[override]
        return f"\\frac{{\\partial {of}}}{{\\partial {by}}}"

    def words(self, words: str) -> str:  # type: ignore[override]
        return f"(\\text{{{latex_text(words)}}})"

    def fraction(self, top: Any, bottom: Any) -> str:  # type: ignore[override]
        return f"\\frac{{{self.set(top)}}}{{{self.set(bottom)}}}"

    def power(self, base: str, exponent: Any) -> str:  # type: ignore[override]
        return f"{{{base}}}^{{{self.set(exponent)}}}"

    def call(self, name: str, arguments: Any) -> str:  # type: ignore[override]
        inside = ", ".join(map(self.set, arguments))
        match name:
            case "abs":
                return f"\\left|{inside}\\right|"
            case "sqrt":
                return f"\\sqrt{{{inside}}}"
            case "exp":
                return f"e^{{{inside}}}"
            case "log" | "tanh":
                return f"\\{name} {self.brackets(inside)}"
            case "N" | "U":
                return f"\\mathcal{{{name}}}{self.brackets(inside)}"
        return f"\\operatorname{{{latex_text(name)}}}{self.brackets(inside)}"

    def choice(self, rows: Any, rest: str) -> str:  # type: ignore[override]
        lines = [f"{value} & \\text{{if }} {when}" for value, when in rows]
        lines.append(f"{rest} & \\text{{else}}")
        return "\\begin{cases} " + " \\\\ ".join(lines) + " \\end{cases}"

    def brackets(self, inside: str) -> str:  # type: ignore[override]
        return f"\\left({inside}\\right)"

    def operator(self, sign: str, between: bool) -> str:  # type: ignore[override]
        plain = {MINUS: "-", "≤": "\\le", "≥": "\\ge"}.get(sign, sign)
        return f" {plain} " if between else plain

    def times(self, wide: bool) -> str:  # type: ignore[override]
        return " \\cdot "


class _MathML(_Setter):
    half = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"

    def number(self, decimal: str, ten: int) -> str:  # type: ignore[override]
        minus, bare = ("<mo>−</mo>", decimal[1:]) if decimal[0] == "-" else ("", decimal)
        power = str(ten).replace("-", MINUS)
        tens = f"<mo>·</mo><msup><mn>10</mn><mn>{power}</mn></msup>" if ten else ""
        return self.row(f"{minus}<mn>{bare}</mn>{tens}") if minus or ten else f"<mn>{bare}</mn>"

    def symbol(self, symbol: Symbol) -> str:  # type: ignore[override]
        letter, digits = named(symbol.letter)
        printed = f"<mi>{escape(letter)}</mi>"
        below = ",".join([*([digits] if digits else []), *map(str, symbol.at)])
        below = f"<mn>{below}</mn>" if below else ""
        if symbol.layer is None:
            return f"<msub>{printed}{below}</msub>" if below else printed
        above = f"<mrow><mo>(</mo><mn>{symbol.layer}</mn><mo>)</mo></mrow>"
        if below:
            return f"<msubsup>{printed}{below}{above}</msubsup>"
        return f"<msup>{printed}{above}</msup>"

    def derivative(self, of: str, by: str) -> str:  # type: ignore[override]
        return f"<mfrac>{self.row(f'<mo>∂</mo>{of}')}{self.row(f'<mo>∂</mo>{by}')}</mfrac>"

    def words(self, words: str) -> str:  # type: ignore[override]
        return f"<mtext>({escape(words)})</mtext>"

    def fraction(self, top: Any, bottom: Any) -> str:  # type: ignore[override]
        return f"<mfrac>{self.single(top)}{self.single(bottom)}</mfrac>"

    def power(self, base: str, exponent: Any) -> str:  # type: ignore[override]
        return f"<msup>{self.row(base)}{self.single(exponent)}</msup>"

    def call(self, name: str, arguments: Any) -> str:  # type: ignore[override]
        inside = "<mo>,</mo>".join(map(self.set, arguments))
        if name == "abs":
            return self.row(f"<mo>|</mo>{inside}<mo>|</mo>")
        if name == "sqrt":
            return f"<msqrt>{inside}</msqrt>"
        if name == "exp":
            return f"<msup><mi>e</mi>{self.row(inside)}</msup>"
        return self.row(f"<mi>{escape(name)}</mi>{self.brackets(inside)}")

    def choice(self, rows: Any, rest: str) -> str:  # type: ignore[override]
        whens = [(value, f"<mtext>if&#160;</mtext>{when}") for value, when in rows]
        cells = "".join(
            f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>"
            for value, when in [*whens, (rest, "<mtext>else</mtext>")]
        )
        return self.row(f"<mo>{{</mo><mtable columnalign='left'>{cells}</mtable>")

    def brackets(self, inside: str) -> str:  # type: ignore[override]
        return self.row(f"<mo>(</mo>{inside}<mo>)</mo>")

    def operator(self, sign: str, between: bool) -> str:  # type: ignore[override]
        form = "" if between else " form='prefix'"
        return f"<mo{form}>{escape(sign)}</mo>"

    def times(self, wide: bool) -> str:  # type: ignore[override]
        return "<mo>·</mo>"

    def row(self, inside: str) -> str:
        return f"<mrow>{inside}</mrow>"

    def single(self, expression: Any) -> str:
        """Print a part that must be one element."""
        return self.row(printed) if (printed := self.set(expression)).count("<") != 2 else printed


_LATEX_SPECIAL = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}",
} | {sign: f"\\{sign}" for sign in "#$%&_{}"}  # fmt: skip


def latex_text(words: str) -> str:
    r"""Make text from anywhere safe in LaTeX.

    Examples
    --------
    >>> print(latex_text("50 % of a_b"))
    50 \% of a\_b
    """
    return "".join(_LATEX_SPECIAL.get(sign, sign) for sign in words)
