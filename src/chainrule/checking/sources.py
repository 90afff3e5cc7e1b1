"""The text of a learner's code, as far as it can be had."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any


@dataclass(frozen=True)
class Source:
    """The text of a function or a class, and where it stands."""

    text: str
    first: int
    file: str

    @cached_property
    def plain(self) -> str:
        """The text without its indentation."""
        return textwrap.dedent(self.text)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; empty where there is no text."""
        try:
            return ast.parse(self.plain)
        except SyntaxError:
            return ast.Module([], [])

    def returned(self, name: str) -> list[str]:
        """Return the names in the last return statement of the function of that name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
                value = returns[-1].value if returns else None
                parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
                return [ast.unparse(part) for part in parts]
        return []

    def line(self, number: int) -> str:
        """Return the line of that number in the file, without its indentation."""
        lines = self.text.splitlines()
        inside = 0 <= number - self.first < len(lines)
        return lines[number - self.first].strip() if inside else ""


@dataclass(frozen=True)
class Place:
    """A line of the learner's file, and a line that was tried in its place and is right."""

    line: int
    code: str
    corrected: str | None = None


def source_of(thing: Any) -> Source:
    """Return the source of a function or class; empty where there is none."""
    text = getattr(thing, "learner_source", None)
    if isinstance(text, Source):
        return text
    try:
        return _found(thing)
    except TypeError:  # it cannot be hashed
        return Source("", 1, "")


@lru_cache(maxsize=1000)
def _found(thing: Any) -> Source:
    try:
        lines, first = inspect.getsourcelines(thing)
        return Source("".join(lines), max(first, 1), inspect.getsourcefile(thing) or "")
    except (OSError, TypeError):
        return Source("", 1, "")


def space_of(thing: Any) -> dict[str, Any]:
    """Return the global names that a function or a class sees."""
    for part in (thing, *(vars(thing).values() if inspect.isclass(thing) else ())):
        if isinstance(getattr(part, "__globals__", None), dict):
            space: dict[str, Any] = part.__globals__
            return space
    return {}


def family(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions and classes of the same file that the code uses, itself at last."""
    space, file = space_of(thing), source_of(thing).file
    found: dict[str, Any] = {}
    waiting = [thing]
    while waiting:
        for node in ast.walk(source_of(waiting.pop()).tree):
            name = node.id if isinstance(node, ast.Name) else ""
            other = space.get(name)
            if other is None or other is thing or name in found:
                continue
            code = inspect.isfunction(other) or inspect.isclass(other)
            if code and file and source_of(other).file == file:
                found[name] = other
                waiting.append(other)
    yield from found.items()
    yield getattr(thing, "__name__", "code"), thing


def files_of(thing: Any) -> frozenset[str]:
    """Return the files whose code is the learner's."""
    codes = [getattr(part, "__code__", None) for part in (thing, *vars(thing).values())
             if not isinstance(part, dict)] if hasattr(thing, "__dict__") else []  # fmt: skip
    return frozenset({code.co_filename for code in codes if code} | {source_of(thing).file} - {""})
