"""JSON that comes from outside: parsed without surprises, and read with a check of every type.

The readers take a value and where it stands, and raise BadModelFile naming that place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any

from chainrule.errors import BadModelFile


def parsed(content: str | bytes, what: str) -> Any:
    """Parse JSON in which no name appears twice, each number finite.

    Examples
    --------
    >>> parsed('{"a": 1, "a": 2}', "header")
    Traceback (most recent call last):
        ...
    chainrule.errors.BadModelFile: the model's header is not valid JSON (a name appears twice); the
    file is damaged
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(found)
        if len(result) < len(found):
            raise ValueError("a name appears twice")
        return result

    def finite(literal: str) -> float:
        value = float(literal)
        if not isfinite(value):
            raise ValueError(f"{literal[:40]} is no finite number")
        return value

    try:
        content = content.decode() if isinstance(content, bytes) else content
        return json.loads(
            content, object_pairs_hook=pairs, parse_constant=finite, parse_float=finite
        )
    except RecursionError:
        raise BadModelFile(f"the model's {what} is nested too deeply; do not trust it") from None
    except ValueError as error:
        raise BadModelFile(
            f"the model's {what} is not valid JSON ({error}); the file is damaged"
        ) from None


def require(holds: bool, where: str, wanted: str) -> None:
    """Raise BadModelFile unless something holds."""
    if not holds:
        raise BadModelFile(f"the model's {where} is not {wanted}; the file is damaged")


def keys(value: Any, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Read an object of exactly these names."""
    require(isinstance(value, dict), where, "an object")
    different = sorted(set(names) ^ set(value))
    if different:
        what = "lacks" if different[0] in names else "has the unknown"
        raise BadModelFile(
            f"the model's {where} {what} {different[0]!r}; the file is damaged, or of "
            "another version"
        )
    return dict(value)


def text(value: Any, where: str) -> str:
    """Read a string."""
    require(isinstance(value, str), where, "text")
    return str(value)


def whole(value: Any, where: str) -> int:
    """Read a whole number from 0 to 2^63 - 1; true and false are none."""
    require(isinstance(value, int) and not isinstance(value, bool), where, "a whole number")
    require(0 <= value < 1 << 63, where, "a whole number of possible size")
    return int(value)


def wholes(value: Any, where: str) -> list[int]:
    """Read a list of whole numbers."""
    require(isinstance(value, list), where, "a list")
    return [whole(item, where) for item in value]


def number(value: Any, where: str) -> float:
    """Read a finite number."""
    require(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
    require(abs(value) <= sys.float_info.max, where, "finite")
    return float(value)


def mapped(value: Any, where: str, read: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Read an object of any names, each value by ``read``."""
    require(isinstance(value, dict), where, "an object")
    return {name: read(item, f"{where}.{name}") for name, item in value.items()}
