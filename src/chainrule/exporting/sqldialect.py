"""How SQLite, PostgreSQL and DuckDB spell names, text, numbers, functions and cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isinf

from chainrule.cells import NO, YES
from chainrule.columns import Column
from chainrule.errors import BadSetting
from chainrule.exporting.categories import missing_texts, number_of

ROWS = "chainrule_rows"  # the table, under a name that none of its columns has
SAFE = 1e-200  # below it PostgreSQL's products would end in an error: they may underflow


@dataclass(frozen=True)
class Dialect:
    """What differs between the databases.

    Attributes
    ----------
    title : str
    real : str
        The type of float64.
    infinity, nan : str
    functions : dict of str to str
        The elementary functions of ``{x}``, with the values that rules expect where the
        database's own function raises an error.
    division : str
        Of ``{x}`` by ``{y}``.
    least, greatest : str
        Functions of several numbers.
    binary : str
        Makes the comparison of text one of its bytes.
    is_number : str
        Whether text ``{x}`` spells the number ``{label}``, in any way, such as 7.0 for 7.
    """

    title: str
    real: str
    infinity: str
    nan: str
    functions: dict[str, str]
    division: str
    least: str
    greatest: str
    binary: str
    is_number: str


def _functions(infinity: str, nan: str, exponential: str) -> dict[str, str]:
    return {
        "exp": exponential,
        "log": "CASE WHEN {x} > 0.0 THEN ln({x}) WHEN {x} = 0.0 THEN -"
        + f"{infinity} ELSE {nan} END",
        "sqrt": "CASE WHEN {x} >= 0.0 THEN sqrt({x}) ELSE " + f"{nan} END",
        "tanh": "tanh({x})",
        "abs": "abs({x})",
    }


_DECIMAL = r"E'^\\s*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{{1,3}})?\\s*$'"
_POSTGRESQL = ("'Infinity'::float8", "'NaN'::float8")
_DUCKDB = ("'inf'::DOUBLE", "'nan'::DOUBLE")
DIALECTS = {
    "sqlite": Dialect(
        title="SQLite (3.38 or newer, with its mathematical functions)",
        real="REAL",
        infinity="9e999",
        nan="NULL",
        functions=_functions("9e999", "NULL", "exp({x})"),
        division="({x} / {y})",
        least="min",
        greatest="max",
        binary=" COLLATE BINARY",
        is_number="{x} = CAST('{label}' AS NUMERIC)",  # which makes a number of text that is one
    ),
    "postgresql": Dialect(
        title="PostgreSQL (14 or newer)",
        real="float8",
        infinity=_POSTGRESQL[0],
        nan=_POSTGRESQL[1],
        functions=_functions(
            *_POSTGRESQL,
            "CASE WHEN {x} < -450.0 THEN 0.0 WHEN {x} <= 709.78 THEN exp({x}) "
            + f"WHEN {{x}} = {_POSTGRESQL[1]} THEN {{x}} ELSE {_POSTGRESQL[0]} END",
        ),
        division="({x} / NULLIF({y}, 0.0))",
        least="least",
        greatest="greatest",
        binary=' COLLATE "C"',
        is_number="CASE WHEN {x} ~ " + _DECIMAL + " THEN ({x})::numeric = {label} ELSE FALSE END",
    ),
    "duckdb": Dialect(
        title="DuckDB (1.3 or newer)",
        real="DOUBLE",
        infinity=_DUCKDB[0],
        nan=_DUCKDB[1],
        functions=_functions(*_DUCKDB, "exp({x})"),
        division="({x} / {y})",
        least="least",
        greatest="greatest",
        binary=" COLLATE C",
        is_number="strpos({x}, '_') = 0 AND TRY_CAST({x} AS DOUBLE) = '{label}'::DOUBLE",
    ),
}


def dialect_of(name: str) -> Dialect:
    """Return a dialect by its name, or raise BadSetting."""
    if name not in DIALECTS:
        raise BadSetting(f"dialect={name!r} is not one of {', '.join(DIALECTS)}")
    return DIALECTS[name]


def quoted(name: str) -> str:
    """Return an identifier of SQL for any name.

    Examples
    --------
    >>> print(quoted('x"; DROP TABLE t; --'))
    "x""; DROP TABLE t; --"
    """
    _without_nul(name)
    return '"' + name.replace('"', '""') + '"'


def text(value: str, dialect: Dialect) -> str:
    r"""Return a string of SQL.

    Examples
    --------
    >>> print(text("it's", DIALECTS["sqlite"]), text("a\\b", DIALECTS["postgresql"]))
    'it''s' E'a\\b'
    """
    _without_nul(value)
    spelled = value.replace("'", "''")
    if dialect is DIALECTS["postgresql"] and "\\" in spelled:  # whatever the server's settings
        spelled = spelled.replace("\\", "\\\\")
        return f"E'{spelled}'"
    return f"'{spelled}'"


def _without_nul(value: str) -> None:
    if "\0" in value:
        raise BadSetting(
            f"{value!r} holds the character NUL, which SQL text cannot hold; rename it first"
        )


def number(value: float, dialect: Dialect) -> str:
    """Return a number of SQL, with an exponent: without one it would be a decimal.

    Examples
    --------
    >>> number(0.5, DIALECTS["duckdb"]), number(-2.0, DIALECTS["sqlite"])
    ('0.5e0', '(-2.0e0)')
    """
    if isinf(value):
        return dialect.infinity if value == inf else f"(-{dialect.infinity})"
    spelled = repr(float(value))
    spelled = spelled if "e" in spelled else f"{spelled}e0"
    return f"({spelled})" if spelled.startswith("-") else spelled


def tree(terms: Sequence[str], join: str = " + ") -> str:
    """Join terms in pairs, and pairs of these: databases limit how deep an expression is.

    Examples
    --------
    >>> tree(["a", "b", "c"])
    '(a + (b + c))'
    """
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({tree(terms[:half], join)}{join}{tree(terms[half:], join)})"


def most(terms: Sequence[str], dialect: Dialect) -> str:
    """Return the largest of numbers, 100 at a time: SQLite's functions have 127 arguments."""
    while len(terms) > 1:
        parts = [terms[k : k + 100] for k in range(0, len(terms), 100)]
        terms = [f"{dialect.greatest}({', '.join(p)})" if len(p) > 1 else p[0] for p in parts]
    return terms[0]


def cells(column: Column, dialect: Dialect) -> list[str]:
    """Return the expressions of a raw column's numbers, of which the table is ``ROWS``."""
    cell = f"{ROWS}.{quoted(column.name)}"
    if column.kind == "categorical":
        return _categories(column, cell, dialect)
    read = {"numeric": _numeric, "date": _days, "boolean": _truth}[column.kind](cell, dialect)
    mean, scale, fill = (number(v, dialect) for v in (column.mean, column.scale, column.fill))
    made = [f"((COALESCE({read}, {fill}) - {mean}) / {scale})"]
    if dialect is DIALECTS["postgresql"]:
        made = [f"(CASE WHEN abs({made[0]}) < {SAFE} THEN 0e0 ELSE {made[0]} END)"]
    if column.missing:
        made.append(f"(CASE WHEN {read} IS NULL THEN 1e0 ELSE 0e0 END)")
    return made


def _numeric(cell: str, dialect: Dialect) -> str:
    if dialect is DIALECTS["sqlite"]:
        return f"CAST(NULLIF({cell}, '') AS REAL)"
    return f"NULLIF(CAST({cell} AS {dialect.real}), {dialect.nan})"


def _days(cell: str, dialect: Dialect) -> str:
    if dialect is DIALECTS["postgresql"]:
        return f"(CAST(EXTRACT(EPOCH FROM {cell}) AS float8) / 86400e0)"
    if dialect is DIALECTS["duckdb"]:
        return f"(epoch({cell}) / 86400e0)"
    seconds = f"CAST(strftime('%s', {cell}) AS REAL)"
    part = f"(strftime('%f', {cell}) - strftime('%S', {cell}))"
    days = f"({seconds} + {part}) / 86400e0"
    return f"CASE typeof({cell}) WHEN 'text' THEN {days} ELSE {cell} END"


def _truth(cell: str, dialect: Dialect) -> str:
    """Read a truth in any of its forms: a boolean, 1 and 0, yes and no."""
    word = f"lower(CAST({cell} AS {_text_type(dialect)}))"
    yes, no = (", ".join(f"'{w}'" for w in (*words, f"{words[-1]}.0")) for words in (YES, NO))
    return f"CASE WHEN {word} IN ({yes}) THEN 1e0 WHEN {word} IN ({no}) THEN 0e0 END"


def _categories(column: Column, cell: str, dialect: Dialect) -> list[str]:
    plain = f"CAST({cell} AS {_text_type(dialect)})"
    made = []
    for label in column.categories:
        is_it = f"({plain}){dialect.binary} = {text(label, dialect)}"
        if number_of(column, label):
            is_it = dialect.is_number.format(x=plain, label=label)
        made.append(f"(CASE WHEN {is_it} THEN 1e0 ELSE 0e0 END)")
    if column.missing:
        texts = ", ".join(text(each, dialect) for each in missing_texts(column))
        made.append(f"(CASE WHEN COALESCE({plain}, '') IN ({texts}) THEN 1e0 ELSE 0e0 END)")
    return made


def _text_type(dialect: Dialect) -> str:
    return "VARCHAR" if dialect is DIALECTS["duckdb"] else "TEXT"
