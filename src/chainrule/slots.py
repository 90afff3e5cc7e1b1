"""Mathematics whose signs stay while its numbers change: a slot is printed for each number.

What is printed has ``@3@`` for a live number, and the number's text, with the brackets or
the minus that it needs there, stands in a list of its own. So an equation can be typeset
once, and followed through a training by its numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.boxes import DIGITS, MINUS, PRODUCT, SUM, Setter, is_negative, without_minus
from chainrule.markup import LatexSetter
from chainrule.notation import Number, Product, Quotient, Sum
from chainrule.typesetting import TextSetter

LEAST = 1e-4  # numbers above it are printed without a power of ten
UNBROKEN = 60  # characters of LaTeX between brackets that are kept in one line


class Slots:
    r"""The texts that stand in the slots, by their number.

    Examples
    --------
    >>> from chainrule.notation import Symbol, put_in
    >>> slots = Slots()
    >>> W, X, b = (Symbol(letter, value=value) for letter, value in zip("WXb", (-2.0, -1.0, 0.5)))
    >>> numbers = put_in(Sum((Product((W, X)), b)))
    >>> print(slots.latex(numbers))
    \text{@0@}\text{@1@} \mkern3mu{\cdot}\mkern3mu \text{@2@} \mathbin{\text{@3@}} \text{@4@}
    >>> slots.text(numbers)
    '@0@@1@·@2@ @3@ @4@'
    >>> slots.texts
    ['−', '2', '(−1)', '+', '0.5']
    """

    def __init__(self, digits: int = DIGITS) -> None:
        self.texts: list[str] = []
        self._plain, self._form, self._most = TextSetter(digits), f".{digits}g", 10.0**digits - 1
        self._latex, self._text = _SlottedLatex(digits, self), _SlottedText(digits, self)
        self._places: dict[tuple[int, str], int] = {}
        self._known: list[Number] = []  # as long as they are there, no other has their id
        self._own: dict[int, int] = {}

    def put(self, text: str) -> int:
        """Give a text a slot, and return its number."""
        self.texts.append(text)
        return len(self.texts) - 1

    def latex(self, expression: Any) -> str:
        r"""Print an expression as LaTeX; a slot is ``\text{@3@}`` in it."""
        return self._latex.set(expression)

    def text(self, expression: Any) -> str:
        """Print in one line an expression that was printed as LaTeX, with the same slots."""
        return self._text.set(expression)

    def of(self, number: Number, kind: str) -> int:
        """Return the slot of a number: "bare", in "brackets", or its sign at the "start" of a sum
        or "between" terms.
        """
        key = self._key(number, kind)
        place = self._places.get(key)
        if place is None:
            self._known.append(number)
            place = self._places[key] = self.put(self._shown(number, kind))
        return place

    def _key(self, number: Number, kind: str) -> tuple[int, str]:
        mine = id(number)
        if mine in self._own:  # it has lost its minus
            return self._own[mine], f"size {kind}"
        return mine, kind

    def again(self, number: Number, kind: str) -> int:
        """Return the slot that a number has already, if not as it would be here, then bare."""
        for other in (kind, "bare", "brackets"):
            key = self._key(number, other)
            if key in self._places:
                return self._places[key]
        return self.of(number, kind)

    def _shown(self, number: Number, kind: str) -> str:
        if kind in ("start", "between"):
            return MINUS if is_negative(number) else "+" if kind == "between" else ""
        shown = self._figure(number)
        return f"({shown})" if kind == "brackets" else shown

    def _figure(self, number: Number) -> str:
        """Print a number; the usual ones, which are most, without what only others need."""
        if not number.constant and LEAST < abs(number.value) < self._most:
            return f"{number.value:{self._form}}".replace("-", MINUS)
        return self._plain.set(number)

    def is_size_of(self, size: Number, number: Number) -> None:
        """Say that a number without its minus is another one, whose slots it has then."""
        if size is not number:
            self._known.append(size)
            self._own[id(size)] = id(number)


def live(expression: Any) -> bool:
    """Say whether an expression is a number that changes."""
    return isinstance(expression, Number) and expression.live


def _leading(term: Any) -> Any:
    """Return what the minus of a term would stand before."""
    while isinstance(term, Product | Quotient):
        term = term.factors[0] if isinstance(term, Product) else term.top
    return term


class _Slotted(Setter):
    """Print a slot for each number that changes, and for the sign before it in a sum."""

    slots: Slots
    place: Callable[[Number, str], int]  # of the slots, where a number's slot is

    def set(self, expression: Any) -> str:
        if live(expression):
            return self.slot(self.place(expression, "bare"))
        return super().set(expression)

    def within(self, expression: Any, least: int) -> str:
        if live(expression):
            loose = least > SUM and (
                expression.value < 0 or (least > PRODUCT and self.binds(expression) < least)
            )
            kind = "brackets" if loose else "bare"
            return self.slot(self.place(expression, kind))
        return super().within(expression, least)

    def terms(self, expression: Any) -> list[str]:
        terms = expression.terms if isinstance(expression, Sum) else (expression,)
        return [self._term(term, place) for place, term in enumerate(terms)]

    def _term(self, term: Any, place: int) -> str:
        first = _leading(term)
        if not live(first):
            return self.term(term, place)
        bare = without_minus(term) if is_negative(term) else term
        self.slots.is_size_of(_leading(bare), first)
        sign = self.place(first, "between" if place else "start")
        return self.sign(sign, place > 0) + self.within(bare, PRODUCT)

    def slot(self, number: int) -> str:
        """Print a slot."""
        raise NotImplementedError

    def sign(self, number: int, between: bool) -> str:
        """Print the slot of a sign."""
        raise NotImplementedError


class _SlottedLatex(_Slotted, LatexSetter):
    def __init__(self, digits: int, slots: Slots) -> None:
        super().__init__(digits)
        self.slots, self.place = slots, slots.of

    def slot(self, number: int) -> str:
        return f"\\text{{@{number}@}}"

    def sign(self, number: int, between: bool) -> str:
        return f" \\mathbin{{{self.slot(number)}}} " if between else self.slot(number)

    def brackets(self, inside: str) -> str:
        return super().brackets(f"{{{inside}}}" if len(inside) < UNBROKEN else inside)

    def times(self, wide: bool) -> str:
        # Where a line is too long it goes on behind a binary sign, but not within small products.
        return " \\cdot " if wide else " \\mkern3mu{\\cdot}\\mkern3mu "


class _SlottedText(_Slotted, TextSetter):
    def __init__(self, digits: int, slots: Slots) -> None:
        super().__init__(digits)
        self.slots, self.place = slots, slots.again

    def slot(self, number: int) -> str:
        return f"@{number}@"

    def sign(self, number: int, between: bool) -> str:
        return f" {self.slot(number)} " if between else self.slot(number)
