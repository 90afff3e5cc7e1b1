"""Printers of expressions as LaTeX and as MathML."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape
from typing import Any

from chainrule.boxes import DIGITS, GREEK, MINUS, POWER, PRODUCT, Setter, clean, is_half, spelled
from chainrule.notation import Derivative, Quotient, Symbol, size_of

LONG = 24  # a fraction or an exponent with so many parts is written in one line
WIDE_EXPONENT = 6
LATEX_GREEK = {sign: f"\\{name}" for name, sign in GREEK.items()} | {"ε": "\\varepsilon"}
_ACCENTS = {"\u0302": "\\hat", "\u0304": "\\bar", "\u0303": "\\tilde", "\u0307": "\\dot"}
_TALL = re.compile(r"\\d?frac|\\begin")
_HIGH = re.compile("<mfrac|<mtable|<msqrt")


def latex(expression: Any, digits: int = DIGITS) -> str:
    r"""Print an expression as LaTeX, for mathematical mode.

    Examples
    --------
    >>> from chainrule.notation import Number, Quotient, Sum, Symbol
    >>> print(latex(Sum((Symbol("W", 2, (1, 3)), Quotient(Number(1), Symbol("n"))))))
    W_{1,3}^{(2)} + \frac{1}{n}
    """
    return _Latex(digits).set(expression)


def latex_pieces(expression: Any, digits: int = DIGITS) -> list[str]:
    """Print the terms or factors as LaTeX, so that a line can break between them."""
    return _Latex(digits).pieces(expression)


def mathml(expression: Any, digits: int = DIGITS) -> str:
    """Print an expression as MathML, without the ``math`` element around it.

    Examples
    --------
    >>> from chainrule.notation import Number, Quotient, Sum, Symbol
    >>> print(mathml(Quotient(Number(1), Symbol("n"))))
    <mfrac><mn>1</mn><mi>n</mi></mfrac>
    """
    return _MathML(digits).set(expression)


def mathml_pieces(expression: Any, digits: int = DIGITS) -> list[str]:
    """Print the terms or factors as MathML, so that a line can break between them."""
    return _MathML(digits).pieces(expression)


class _Latex(Setter):
    """Print for the mathematical mode of LaTeX, MathJax and KaTeX."""

    half = "\\tfrac{1}{2}"

    def number(self, decimal: str, ten: int) -> str:
        decimal = decimal.replace("…", "\\ldots").replace("∞", "\\infty")
        power = f"10^{{{ten}}}"
        if ten and decimal in ("1", "-1"):
            return decimal[:-1] + power
        return f"{decimal} \\cdot {power}" if ten else decimal

    def symbol(self, symbol: Symbol) -> str:
        return _latex_symbol(symbol.letter, symbol.layer, symbol.at)

    def derivative(self, of: str, by: str) -> str:
        return f"\\frac{{\\partial {of}}}{{\\partial {by}}}"

    def words(self, words: str) -> str:
        return f"(\\text{{{latex_text(words)}}})"

    def binds(self, expression: Any) -> int:
        if isinstance(expression, Quotient) and _long(expression):
            return PRODUCT
        return super().binds(expression)

    def fraction(self, top: Any, bottom: Any) -> str:
        if _long(Quotient(top, bottom)):  # a line of a fraction cannot be broken
            return f"{self.within(top, PRODUCT)} / {self.within(bottom, POWER)}"
        return f"\\frac{{{self.set(top)}}}{{{self.set(bottom)}}}"

    def base(self, expression: Any) -> str:
        return (
            self.brackets(self.set(expression)) if _needs(expression) else super().base(expression)
        )

    def power(self, base: str, exponent: Any) -> str:
        return f"{base}^{{{self.set(exponent)}}}"

    def call(self, name: str, arguments: Any) -> str:
        inside = ", ".join(map(self.set, arguments))
        match name:
            case "abs" if "|" not in inside:
                size = ("\\left", "\\right") if _TALL.search(inside) else ("", "")
                return f"{size[0]}|{inside}{size[1]}|"
            case "sqrt":
                return f"\\sqrt{{{inside}}}"
            case "transpose":
                return f"{{{inside}}}^{{\\top}}"
            case "exp" if not (_TALL.search(inside) or size_of(arguments[0]) > WIDE_EXPONENT):
                return f"e^{{{inside}}}"
            case "log" | "tanh" | "exp" | "max" | "min":
                return f"\\{name}{self.brackets(inside)}"
            case "N" | "U":
                return f"\\mathcal{{{name}}}{self.brackets(inside)}"
        return f"\\operatorname{{{latex_text(name)}}}{self.brackets(inside)}"

    def choice(self, rows: Any, rest: str) -> str:
        lines = [f"{value} & \\text{{if }} {when}" for value, when in rows]
        lines.append(f"{rest} & \\text{{else}}")
        return "\\begin{cases} " + " \\\\ ".join(lines) + " \\end{cases}"

    def brackets(self, inside: str) -> str:
        # What stands between \left and \right cannot be broken over lines.
        return f"\\left({inside}\\right)" if _TALL.search(inside) else f"({inside})"

    def operator(self, sign: str, between: bool) -> str:
        plain = {MINUS: "-", "≤": "\\le", "≥": "\\ge"}.get(sign, sign)
        return f" {plain} " if between else plain

    def times(self, wide: bool) -> str:
        return " \\cdot "


LatexSetter = _Latex  # for those who print numbers otherwise


@lru_cache(maxsize=4096)  # the same signs return in line after line
def _latex_symbol(letter: str, layer: int | None, at: tuple[int | str, ...]) -> str:
    change, letter, places = spelled(Symbol(letter, layer, at))
    above = "" if layer is None else f"^{{({layer})}}"
    below = ",".join(map(_latex_below, places))
    # Below before above: Markdown takes no _ behind a letter for emphasis.
    printed = latex_letter(letter) + (f"_{{{below}}}" if below else "") + above
    return f"\\Delta {printed}" if change else printed


def _latex_below(place: str) -> str:
    return place if place.isdigit() or len(place) == 1 else f"\\mathrm{{{latex_text(place)}}}"


def _long(quotient: Quotient) -> bool:
    return max(size_of(quotient.top), size_of(quotient.bottom)) > LONG


def _needs(expression: Any) -> bool:
    """Say whether what is raised to a power would be misread without brackets."""
    layered = isinstance(expression, Symbol) and expression.layer is not None
    return layered or isinstance(expression, Quotient | Derivative) or is_half(expression)


def latex_letter(letter: str) -> str:
    r"""Return the letter or word of a sign for mathematical mode.

    Examples
    --------
    >>> print(latex_letter("β"), latex_letter("W"), latex_letter("rate"), latex_letter("ŷ"))
    \beta W \mathit{rate} \hat{y}
    """
    if letter in LATEX_GREEK:
        return LATEX_GREEK[letter]
    if letter == "…":
        return "\\cdots"
    if re.fullmatch("[A-Za-z]", letter):
        return letter
    if re.fullmatch("[A-Za-z_]+", letter):
        return f"\\mathit{{{latex_text(letter)}}}"
    base, accent = (*unicodedata.normalize("NFD", letter), "", "")[:2]
    if accent in _ACCENTS and re.fullmatch("[A-Za-z]", base):
        return f"{_ACCENTS[accent]}{{{base}}}"
    return f"\\text{{{latex_text(letter)}}}"


class _MathML(Setter):
    """Print the inside of a ``math`` element."""

    half = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"

    def number(self, decimal: str, ten: int) -> str:
        minus, bare = ("<mo>−</mo>", decimal[1:]) if decimal[0] == "-" else ("", decimal)
        raised = str(ten).replace("-", MINUS)
        power = f"<msup><mn>10</mn><mn>{raised}</mn></msup>"
        if ten and bare == "1":
            return self.row(minus + power) if minus else power
        tens = f"<mo>·</mo>{power}" if ten else ""
        return self.row(f"{minus}<mn>{bare}</mn>{tens}") if minus or ten else f"<mn>{bare}</mn>"

    def symbol(self, symbol: Symbol) -> str:
        change, letter, places = spelled(symbol)
        printed = f"<mi>{escape(letter)}</mi>"
        below = self.one("<mo rspace='0'>,</mo>".join(map(_mathml_below, places))) if places else ""
        above = ""
        if symbol.layer is not None:
            above = self.brackets(f"<mn>{symbol.layer}</mn>")
        tag = "m" + ("sub" if below else "") + ("sup" if above else "")
        printed = printed if tag == "m" else f"<{tag}>{printed}{below}{above}</{tag}>"
        return self.row(f"<mi>Δ</mi>{printed}") if change else printed

    def derivative(self, of: str, by: str) -> str:
        return f"<mfrac>{self.row(f'<mo>∂</mo>{of}')}{self.row(f'<mo>∂</mo>{by}')}</mfrac>"

    def words(self, words: str) -> str:
        return f"<mtext>({escape(clean(words))})</mtext>"

    def fraction(self, top: Any, bottom: Any) -> str:
        return f"<mfrac>{self.single(top)}{self.single(bottom)}</mfrac>"

    def base(self, expression: Any) -> str:
        return (
            self.brackets(self.set(expression)) if _needs(expression) else super().base(expression)
        )

    def power(self, base: str, exponent: Any) -> str:
        return f"<msup>{self.one(base)}{self.single(exponent)}</msup>"

    def call(self, name: str, arguments: Any) -> str:
        inside = "<mo>,</mo>".join(map(self.set, arguments))
        if name == "abs" and "|" not in inside:
            bar = "<mo>|</mo>" if _HIGH.search(inside) else "<mo stretchy='false'>|</mo>"
            return self.row(f"{bar}{inside}{bar}")
        if name == "sqrt":
            return f"<msqrt>{inside}</msqrt>"
        if name == "transpose":
            return f"<msup>{self.row(inside)}<mo>⊤</mo></msup>"
        if name == "exp" and "<mfrac>" not in inside and size_of(arguments[0]) <= WIDE_EXPONENT:
            return f"<msup><mi>e</mi>{self.one(inside)}</msup>"
        return self.row(f"<mi>{escape(clean(name))}</mi>{self.brackets(inside)}")

    def choice(self, rows: Any, rest: str) -> str:
        whens = [(value, f"<mtext>if&#160;</mtext>{when}") for value, when in rows]
        cells = "".join(
            f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>"
            for value, when in [*whens, (rest, "<mtext>else</mtext>")]
        )
        return self.row(f"<mo>{{</mo><mtable>{cells}</mtable>")

    def brackets(self, inside: str) -> str:
        flat = "" if _HIGH.search(inside) else " stretchy='false'"
        return self.row(f"<mo{flat}>(</mo>{inside}<mo{flat}>)</mo>")

    def operator(self, sign: str, between: bool) -> str:
        return f"<mo form='{'infix' if between else 'prefix'}'>{escape(sign)}</mo>"

    def times(self, wide: bool) -> str:
        return "<mo form='infix'>·</mo>"

    def row(self, inside: str) -> str:
        """Make one element of several."""
        return f"<mrow>{inside}</mrow>"

    def one(self, printed: str) -> str:
        """Make one element of what may be several."""
        leaf = re.fullmatch(r"<(m[nio])>[^<]*</\1>", printed)
        return printed if leaf else self.row(printed)

    def single(self, expression: Any) -> str:
        """Print a part that must be one element."""
        return self.one(self.set(expression))


def _mathml_below(place: str) -> str:
    tag = "mn" if place.isdigit() else "mi" if len(place) == 1 else "mtext"
    return f"<{tag}>{escape(place)}</{tag}>"


_LATEX_SPECIAL = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", "`": "\\textasciigrave{}",
    '"': "\\textquotedbl{}", "−": "$-$", "·": "$\\cdot$", "→": "$\\to$", "←": "$\\leftarrow$",
    "×": "$\\times$", "≤": "$\\le$", "≥": "$\\ge$", "≠": "$\\ne$", "≈": "$\\approx$",
    "∂": "$\\partial$", "√": "$\\surd$", "∞": "$\\infty$", "✓": "$\\checkmark$", "½": "$\\frac12$",
    "…": "\\ldots{}", "–": "\\textendash{}", "—": "\\textemdash{}",
    "�": "?", "\u200b": "\\hspace{0pt}", "∈": "$\\in$", "∑": "$\\sum$", "ᵀ": "$^T$",
}  # fmt: skip
_LATEX_SPECIAL |= {sign: f"\\{sign}" for sign in "#$%&_{}"}
_LATEX_SPECIAL |= {sign: f"${name}$" for sign, name in LATEX_GREEK.items()}
_LATEX_SPECIAL |= {sign: f"$^{{{n}}}$" for n, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "$^{-}$"}
_LATEX_SPECIAL |= {sign: f"$_{{{n}}}$" for n, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")}


def latex_text(words: str) -> str:
    r"""Make text from anywhere safe in LaTeX.

    Examples
    --------
    >>> print(latex_text("50 % of a_b"))
    50 \% of a\_b
    """
    safe = "".join(_LATEX_SPECIAL.get(sign, sign) for sign in clean(words))
    return safe.replace("--", "-\\kern0pt{}-").replace("--", "-\\kern0pt{}-")
