"""Cells of text in C: which category one is, however its number is spelled, or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chainrule.columns import Column
from chainrule.errors import BadSetting
from chainrule.exporting.categories import has_numbers, missing_texts, number_of
from chainrule.exporting.spelling import c_string, identifiers

SAME = """\
static inline int {name}_same(const char *a, const char *b)
{{
    while (*a && *a == *b) {{ a++; b++; }}
    return *a == *b;
}}
"""
NUMBER = """\
/* Whether a text is this number, which is digits times 10^exponent: "7.0" and "+7" are 7. */
static inline int {name}_number(const char *s, int negative, const char *digits, int exponent)
{{
    int minus = 0, seen = 0, whole = -1, last = 0, zeros = 0, same = 1;
    while (*s == ' ' || (*s >= '\\t' && *s <= '\\r')) s++;
    if (*s == '+' || *s == '-') minus = *s++ == '-';
    for (; (*s >= '0' && *s <= '9') || (*s == '.' && whole < 0); s++) {{
        if (*s == '.') {{ whole = seen; continue; }}
        seen++;
        if (*s == '0') {{ zeros++; continue; }}
        for (; zeros && last; zeros--) if (*digits == '0') digits++; else same = 0;
        zeros = 0;
        last = seen;
        if (*digits == *s) digits++; else same = 0;
    }}
    if (!seen) return 0;
    if (*s == 'e' || *s == 'E') {{
        int sign = 1, power = 0;
        s++;
        if (*s == '+' || *s == '-') sign = *s++ == '-' ? -1 : 1;
        if (*s < '0' || *s > '9') return 0;
        for (; *s >= '0' && *s <= '9'; s++) if (power < 100000) power = 10 * power + (*s - '0');
        exponent -= sign * power;
    }}
    while (*s == ' ' || (*s >= '\\t' && *s <= '\\r')) s++;
    if (*s || !same || *digits) return 0;
    return !last || (minus == negative && (whole < 0 ? seen : whole) - last == exponent);
}}
"""


def fields(columns: Iterable[Column], name: str) -> list[str]:
    """Return a field's name for each column, none of which is a macro of the header.

    Examples
    --------
    >>> fields([Column("a b", "numeric"), Column("PRICE_H", "numeric")], "price")
    ['a_b', 'PRICE_H_']
    """
    found = identifiers(column.name for column in columns)
    return [f"{field}_" if field.startswith(f"{name.upper()}_") else field for field in found]


def without_nul(columns: Iterable[Column], classes: Iterable[str]) -> None:
    """Refuse text with a NUL in it, at which C's text ends."""
    labels = [label for column in columns for label in column.categories]
    if bad := next((label for label in [*labels, *classes] if "\0" in label), None):
        raise BadSetting(
            f"{bad!r} holds the character NUL, which text in C cannot hold; rename it first"
        )


def functions(columns: Iterable[Column], name: str) -> Iterator[str]:
    """Yield the functions that compare the text of columns."""
    texts = [column for column in columns if column.kind == "categorical"]
    if texts:
        yield SAME.format(name=name)
    if any(map(has_numbers, texts)):
        yield NUMBER.format(name=name)


def is_category(column: Column, category: str, cell: str, name: str) -> str:
    """Return the test of whether a text is a category."""
    number = number_of(column, category)
    if number is None:
        return f"{cell} && {name}_same({cell}, {c_string(category)})"
    negative, digits, exponent = number
    return f'{cell} && {name}_number({cell}, {int(negative)}, "{digits}", {exponent})'


def is_missing(column: Column, cell: str, name: str) -> str:
    """Return the test of whether a text is missing: NULL, empty, or what the model reads so."""
    words = [f"{name}_same({cell}, {c_string(word)})" for word in missing_texts(column)[1:]]
    return " || ".join([f"!{cell}", f"!*{cell}", *words])
