"""How the model reads the text of a column of categories, ``chainrule.cells.texts``.

Where every category is spelled as a number is, or is no number at all, the model reads "7.0" as
"7", and "nan" as missing.
"""

from __future__ import annotations

from chainrule.cells import number_text
from chainrule.columns import Column

MISSING = ("", "nan", "NaN", "NAN")


def missing_texts(column: Column) -> tuple[str, ...]:
    """Return the texts that are no category but a missing one.

    Examples
    --------
    >>> missing_texts(Column("doors", "categorical", categories=("2", "4")))
    ('', 'nan', 'NaN', 'NAN')
    >>> missing_texts(Column("code", "categorical", categories=("2.0", "nan")))
    ('',)
    """
    return MISSING if _by_number(column) else MISSING[:1]


def has_numbers(column: Column) -> bool:
    """Say whether some categories are numbers, which may be spelled otherwise in a table."""
    return _by_number(column) and any(map(_is_number, column.categories))


def numbers_alone(column: Column) -> bool:
    """Say whether all categories are numbers."""
    return _by_number(column) and all(map(_is_number, column.categories))


def _by_number(column: Column) -> bool:
    return all(number_text(label) == label for label in column.categories)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
