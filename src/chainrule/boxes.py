"""What all printers of expressions share: where brackets are needed, numbers, names.

A ``Setter`` walks an expression and puts brackets around the parts that need them. What
it makes of a fraction, a power or a sign is left to the printers of ``typesetting`` and
``markup``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from decimal import ROUND_DOWN, Context
from functools import lru_cache
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
CONSTANT_DIGITS = 7
LONGEST = 1e7  # whole numbers below it are written out
MINUS = "−"
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)  # what binds more and more tightly
_TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def clean(words: str) -> str:
    r"""Return text from anywhere in one line: no control characters, nothing turned around.

    Examples
    --------
    >>> clean("a\nb\x1b[0m\u202e")
    'a b�[0m'
    """
    if words.isascii() and words.isprintable() and "  " not in words:
        return words
    return "".join(map(_clean, re.sub(r"\s+", " ", words)))


def _clean(sign: str) -> str:
    if ord(sign) in _TURNS:
        return ""
    bad = unicodedata.category(sign) in ("Cc", "Cs") or ord(sign) & 0xFFFE == 0xFFFE
    return "�" if bad else sign


def figure(value: float, digits: int = DIGITS) -> tuple[str, int]:
    """Return a number as a decimal without exponent, and the power of ten that goes with it.

    Examples
    --------
    >>> figure(0.5), figure(-1.234567e-9), figure(12345678.0), figure(float("-inf"))
    (('0.5', 0), ('-1.2346', -9), ('1.2346', 7), ('-∞', 0))
    """
    if 10.0**digits <= abs(value) < LONGEST and float(value).is_integer():
        return f"{value:.0f}", 0
    text, _, exponent = f"{value + 0.0:.{digits}g}".partition("e")
    return ("0" if text == "-0" else text.replace("inf", "∞")), int(exponent or 0)


def constant(value: float) -> tuple[str, int]:
    """Return a number of a formula: short ones in full, long ones cut.

    Examples
    --------
    >>> constant(0.01), constant(1e-8), constant(0.3989422804014327)
    (('0.01', 0), ('1', -8), ('0.3989422…', 0))
    """
    decimal, ten = figure(value, CONSTANT_DIGITS)
    if not math.isfinite(value) or float(f"{decimal}e{ten}") == value:
        return decimal, ten
    cut = Context(prec=CONSTANT_DIGITS, rounding=ROUND_DOWN).create_decimal(repr(value))
    decimal, ten = figure(float(cut), CONSTANT_DIGITS)
    return f"{decimal}…", ten


@lru_cache(maxsize=256)
def named(letter: str) -> tuple[str, str]:
    """Return a name's letter, Greek where it says so, and the digits at its end.

    Examples
    --------
    >>> named("beta1"), named("W"), named("unbias2"), named("_")
    (('β', '1'), ('W', ''), ('unbias', '2'), ('_', ''))
    """
    found = re.fullmatch(r"(.+?)_?([0-9]*)", clean(letter))
    return (GREEK.get(found[1], found[1]), found[2]) if found else ("?", "")


def spelled(symbol: Symbol) -> tuple[str, str, list[str]]:
    """Return the Δ before a sign, its letter, and what stands below it.

    Examples
    --------
    >>> spelled(Symbol("W", 2, (1, 3))), spelled(Symbol("ΔW")), spelled(Symbol("n_in"))
    (('', 'W', ['1', '3']), ('Δ', 'W', []), ('', 'n', ['in']))
    """
    letter, digits = named(symbol.letter)
    change = "Δ" if letter[0] == "Δ" and len(letter) > 1 else ""
    letter, _, word = letter.removeprefix(change).partition("_")
    if len(letter) != 1 or not word:  # n_in has a word below it, weight_decay is one word
        letter, word = named(symbol.letter)[0].removeprefix(change), ""
    below = [*([word] if word else []), *([digits] if digits else []), *map(str, symbol.at)]
    return change, letter, below


def is_negative(expression: Any) -> bool:
    """Say whether an expression can be subtracted instead of added."""
    match expression:
        case Number(value=value):
            return value < 0
        case Negative():
            return True
        case Product(factors=factors):
            return is_negative(factors[0])
        case Quotient(top=top):
            return is_negative(top)
    return False


def without_minus(expression: Any) -> Any:
    """Return what is subtracted where ``is_negative`` says so."""
    match expression:
        case Number(value=value, constant=constant, live=live):
            return Number(-value, constant, live)
        case Negative(of=of):
            return of
        case Product(factors=(first, *others)):
            return Product((without_minus(first), *others))
        case Quotient(top=top, bottom=bottom):
            return Quotient(without_minus(top), bottom)
    return expression


class Setter:
    """Walk an expression; the printers differ in what they make of its parts."""

    fraction_binds = ATOM

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def set(self, expression: Any) -> str:
        """Print an expression."""
        match expression:
            case Number():
                return self.half if is_half(expression) else self.number(*self.figure(expression))
            case Symbol():
                return self.symbol(expression)
            case Derivative(of=of, by=by):
                return self.derivative(self.symbol(of), self.symbol(by))
            case Rest(count=count):
                return self.words(f"{count} smaller term{'s' if count > 1 else ''}")
            case Negative() | Sum():
                return "".join(self.terms(expression))
            case Product(factors=factors):
                return self._times(factors).join(self._factors(factors))
            case Quotient(top=top, bottom=bottom):
                return self.fraction(top, bottom)
            case Power(base=base, exponent=exponent):
                return self.power(self.base(base), exponent)
            case Call(name=name, arguments=arguments):
                return self.call(name, arguments)
            case Choice():
                return self.choice(*self._branches(expression))
        raise TypeError(f"{expression!r} is no expression")

    def figure(self, number: Number) -> tuple[str, int]:
        """Return a number's decimal, and its power of ten."""
        return constant(number.value) if number.constant else figure(number.value, self.digits)

    def binds(self, expression: Any) -> int:
        """Say how tightly the parts of an expression hang together."""
        match expression:
            case Choice():
                return CHOICE
            case Negative() | Sum():
                return SUM
            case Number() if is_negative(expression):
                return SUM
            case Number() if self.figure(expression)[1]:
                return PRODUCT
            case Product(factors=(Number() as first, *_)) if is_negative(first):
                return SUM  # -2 x begins with its minus
            case Product():
                return PRODUCT
            case Quotient(top=Number() as top) if is_negative(top):
                return SUM if self.fraction_binds < ATOM else ATOM
            case Quotient() | Derivative():
                return self.fraction_binds
            case Power() | Call(name="exp"):
                return POWER
        return ATOM

    def within(self, expression: Any, least: int) -> str:
        """Print a part, in brackets if it binds less tightly than its place needs."""
        printed = self.set(expression)
        return self.brackets(printed) if self.binds(expression) < least else printed

    def base(self, expression: Any) -> str:
        """Print what is raised to a power."""
        return self.within(expression, ATOM)

    def terms(self, expression: Any) -> list[str]:
        """Print the terms of a sum, each with the sign before it."""
        terms = expression.terms if isinstance(expression, Sum) else (expression,)
        return [self.term(term, place) for place, term in enumerate(terms)]

    def term(self, term: Any, place: int) -> str:
        """Print a term with the sign before it; the first one, at place 0, needs no plus."""
        minus = is_negative(term)
        bare = without_minus(term) if minus else term
        part = self.within(bare, PRODUCT if minus or place or isinstance(bare, Sum) else SUM)
        sign = MINUS if minus else "+"
        return self.operator(sign, place > 0) + part if minus or place else part

    def pieces(self, expression: Any) -> list[str]:
        """Print the terms or factors of an expression, so that a line can break between them."""
        match expression:
            case Sum():
                return self.terms(expression)
            case Product(factors=factors):
                first, *others = self._factors(factors)
                return [first, *(self._times(factors) + factor for factor in others)]
        return [self.set(expression)]

    def _times(self, factors: tuple[Expression, ...]) -> str:
        return self.times(any(isinstance(factor, Derivative) for factor in factors))

    def _factors(self, factors: tuple[Expression, ...]) -> list[str]:
        return [
            self.set(factor)
            if place == 0 and isinstance(factor, Number)
            else self.within(factor, PRODUCT + isinstance(factor, Quotient))
            for place, factor in enumerate(factors)
        ]

    def _branches(self, choice: Choice) -> tuple[list[tuple[str, str]], str]:
        """Return what a choice gives and when, and what it gives elsewhere."""
        rows, rest = [], choice
        while isinstance(rest, Choice):
            left, right = self.within(rest.left, SUM), self.within(rest.right, SUM)
            when = left + self.operator(rest.comparison, True) + right
            rows.append((self.within(rest.yes, SUM), when))
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


def is_half(expression: Any) -> bool:
    """Say whether an expression is the 1/2 of a formula."""
    if not isinstance(expression, Number) or expression.live:
        return False
    return expression.constant and expression.value == 0.5
