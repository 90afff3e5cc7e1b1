"""How the model reads the text of a column of categories, ``chainrule.cells.texts``.

Where every category is spelled as a number is, or is no number at all, the model reads "7.0" as
"7", and "nan" as missing.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from chainrule.cells import number_text
from chainrule.columns import Column

MISSING = ("", "nan", "NaN", "NAN", "Nan", "-nan")


class Digits(NamedTuple):
    """A decimal number: ``digits`` times 10^``exponent``, without zeros at either end."""

    negative: bool
    digits: str
    exponent: int


def missing_texts(column: Column) -> tuple[str, ...]:
    """Return the texts that are no category but a missing one.

    Examples
    --------
    >>> missing_texts(Column("doors", "categorical", categories=("2", "4")))
    ('', 'nan', 'NaN', 'NAN', 'Nan', '-nan')
    >>> missing_texts(Column("code", "categorical", categories=("2.0", "nan")))
    ('',)
    """
    return MISSING if by_number(column) else MISSING[:1]


def by_number(column: Column) -> bool:
    """Say whether text that spells a number is read as that number."""
    return all(number_text(label) == label for label in column.categories)


def number_of(column: Column, category: str) -> Digits | None:
    """Return the number that a category is, or None where its text is compared as it stands.

    Examples
    --------
    >>> column = Column("size", "categorical", categories=("1200", "-0.5", "big"))
    >>> number_of(column, "1200"), number_of(column, "big")
    (Digits(negative=False, digits='12', exponent=2), None)
    >>> number_of(column, "-0.5"), number_of(column, "0")
    (Digits(negative=True, digits='5', exponent=-1), Digits(negative=False, digits='', exponent=0))
    """
    if not (by_number(column) and _is_number(category)):
        return None
    sign, digits, exponent = Decimal(category).as_tuple()
    plain = "".join(map(str, digits)).lstrip("0")
    kept = plain.rstrip("0")
    return Digits(bool(sign and kept), kept, int(exponent) + len(plain) - len(kept) if kept else 0)


def has_numbers(column: Column) -> bool:
    """Say whether some categories are numbers, which may be spelled otherwise in a table."""
    return any(number_of(column, category) for category in column.categories)


def numbers_alone(column: Column) -> bool:
    """Say whether all categories are numbers."""
    return all(number_of(column, category) for category in column.categories)


def _is_number(text: str) -> bool:
    try:
        return text.isascii() and "_" not in text and isfinite(float(text))
    except ValueError:
        return False
