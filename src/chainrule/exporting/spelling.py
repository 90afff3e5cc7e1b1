"""Names, text and numbers of an artefact, none of which can break out of its place.

Names of columns and classes are what users typed. In an artefact they stand in strings, in
comments and, changed, in identifiers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

WIDTH = 96  # of a line with many numbers
KEYWORDS = frozenset(
    [
        "alignas",
        "alignof",
        "and",
        "and_eq",
        "asm",
        "atomic",
        "auto",
        "await",
        "bitand",
        "bitor",
        "bool",
        "boolean",
        "break",
        "byte",
        "case",
        "catch",
        "char",
        "class",
        "compl",
        "concept",
        "const",
        "consteval",
        "constexpr",
        "constinit",
        "const_cast",
        "continue",
        "debugger",
        "decltype",
        "default",
        "def",
        "del",
        "delete",
        "do",
        "double",
        "dynamic_cast",
        "elif",
        "else",
        "enum",
        "eval",
        "except",
        "explicit",
        "export",
        "extends",
        "extern",
        "false",
        "finally",
        "float",
        "for",
        "friend",
        "from",
        "function",
        "global",
        "goto",
        "if",
        "implements",
        "import",
        "in",
        "inline",
        "instanceof",
        "int",
        "interface",
        "is",
        "lambda",
        "let",
        "long",
        "main",
        "mutable",
        "namespace",
        "new",
        "noexcept",
        "nonlocal",
        "none",
        "not",
        "not_eq",
        "null",
        "nullptr",
        "operator",
        "or",
        "or_eq",
        "package",
        "pass",
        "private",
        "protected",
        "public",
        "raise",
        "register",
        "reinterpret_cast",
        "requires",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "static_assert",
        "static_cast",
        "struct",
        "super",
        "switch",
        "synchronized",
        "template",
        "this",
        "thread_local",
        "throw",
        "true",
        "try",
        "typedef",
        "typeid",
        "typename",
        "typeof",
        "union",
        "unsigned",
        "using",
        "var",
        "virtual",
        "void",
        "volatile",
        "wchar_t",
        "while",
        "with",
        "xor",
        "xor_eq",
        "yield",
        "arguments",
        "abs",
        "exp",
        "log",
        "pow",
        "sqrt",
        "tanh",
        "erf",
        "expm1",
        "log1p",
        "nan",
        "inf",
        "infinity",
        "undefined",
        "math",
        "object",
        "string",
        "number",
        "errno",
        "eof",
        "stdin",
        "stdout",
        "stderr",
        "unix",
        "linux",
        "near",
        "far",
        "small",
        "huge_val",
        "int8_min",
        "int16_min",
        "int32_min",
        "int64_min",
        "int8_max",
        "int16_max",
        "int32_max",
        "int64_max",
        "int8_t",
        "int16_t",
        "int32_t",
        "int64_t",
        "complex",
        "m_pi",
        "m_e",
    ]
)


def identifier(text: str, taken: Collection[str] = (), otherwise: str = "column") -> str:
    """Return a name for any text: letters, digits and _ of ASCII, none that is taken.

    Examples
    --------
    >>> identifier("bill length (mm)"), identifier("größe"), identifier("价格"), identifier("2x")
    ('bill_length_mm', 'grosse', 'column', 'column_2x')
    >>> identifier("class"), identifier("a-b", taken=["a_b"])
    ('class_', 'a_b_2')
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:60] or otherwise
    if name[0].isdigit():
        name = f"{otherwise}_{name}"
    if name.lower() in KEYWORDS:
        name += "_"
    chosen, number = name, 2
    lower = {each.lower() for each in taken}
    while chosen.lower() in lower:
        chosen, number = f"{name.rstrip('_')}_{number}", number + 1
    return chosen


def identifiers(texts: Iterable[str], otherwise: str = "column") -> list[str]:
    """Return a name for each text, all different.

    Examples
    --------
    >>> identifiers(["a b", "a-b", "A_B"])
    ['a_b', 'a_b_2', 'A_B_3']
    """
    found: list[str] = []
    for text in texts:
        found.append(identifier(text, found, otherwise))
    return found


def comment(text: str) -> str:
    """Return text for a comment in any of the languages: one line, which ends no comment.

    Examples
    --------
    >>> comment("a*/ b"), comment("x--y")
    ('a* / b', 'x- -y')
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    shown = shown.replace("\\", "/").replace('"', "'")
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=-)(?=-)|(?<=\?)(?=\?)", " ", shown).strip()[:200]


def c_string(text: str) -> str:
    r"""Return a string literal of C and C++, in UTF-8; octal escapes end after three digits.

    Examples
    --------
    >>> print(c_string('a "b"\n?'))
    "a \"b\"\012\077"
    """
    spelled = []
    for byte in text.encode("utf-8", "surrogatepass"):
        sign = chr(byte)
        if sign in '"\\':
            spelled.append("\\" + sign)
        elif sign == "?" or not 32 <= byte < 127:  # ? begins a trigraph
            spelled.append(f"\\{byte:03o}")
        else:
            spelled.append(sign)
    return f'"{"".join(spelled)}"'


def digits(value: float, single: bool) -> str:
    """Return a number as a decimal that reads back as the same float64, or float32.

    Examples
    --------
    >>> digits(0.1, single=False), digits(2.0, single=True), digits(1e-30, single=False)
    ('0.1', '2.0', '1e-30')
    """
    if not single:
        return repr(float(value))
    import numpy as np

    text = str(np.float32(value))
    return text if re.search(r"[.en]", text) else f"{text}.0"


def wrapped(words: Sequence[str], indent: int) -> Iterator[str]:
    """Yield lines of words with commas."""
    line = ""
    for word in words:
        if line and indent + len(line) + len(word) + 2 > WIDTH:
            yield " " * indent + line.rstrip()
            line = ""
        line += f"{word}, "
    if line:
        yield " " * indent + line.rstrip()
