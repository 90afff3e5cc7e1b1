"""Small changes of a learner's source, of the kinds that undo the mistakes of the catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chainrule.checking.roles import is_gradient, role_of

DOWN = (ast.Mult, ast.Div, ast.FloorDiv, ast.MatMult)
MAKERS = ("zeros_like", "ones_like", "empty_like", "full_like", "array", "asarray", "copy")
MOST_NAMES = 8  # tried in the place of a name


@dataclass(frozen=True)
class Change:
    """New text for a part of a source, from one place to another (line, byte in it)."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str
    kind: str
    shown: str = ""  # in the place of the changed line

    @property
    def line(self) -> int:
        """The line that it changes, from 1."""
        return self.start[0]

    def made(self, source: str) -> str:
        """Return the source with this change."""
        lines = _rows(source)
        (row, left), (last, right) = self.start, self.end
        new = lines[row - 1][:left] + self.text.encode() + lines[last - 1][right:]
        return b"".join([*lines[: row - 1], new, *lines[last:]]).decode()


@dataclass(frozen=True)
class Words:
    """What may be put in: slopes of the layer, ways to write m, and names by function."""

    slopes: Sequence[str]
    counts: Sequence[str]
    names: Sequence[str]
    penalties: Sequence[str] = ()
    inputs: Sequence[str] = ()


def changes(source: str, words: Words) -> Iterator[Change]:
    """Yield small changes of a function's or a class's source."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield from _of_statement(node, source, words)
            yield from _later(node, source)
        elif isinstance(node, ast.expr):
            yield from _of_expression(node, source, words)


def text_of(node: ast.AST, source: str) -> str:
    """Return the text of a part."""
    rows = _rows(source)
    top, left = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    last, right = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
    if not top or last is None or right is None:
        return ast.unparse(node)
    if top == last:
        return rows[top - 1][left:right].decode()
    between = rows[top : last - 1]
    return b"".join([rows[top - 1][left:], *between, rows[last - 1][:right]]).decode()


@lru_cache(maxsize=64)
def _rows(source: str) -> list[bytes]:
    return [line.encode() for line in source.splitlines(keepends=True)]


def _put(node: ast.expr | ast.stmt, text: str, kind: str) -> Change:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    end = (node.end_lineno, node.end_col_offset)
    return Change((node.lineno, node.col_offset), end, text, kind)


def _held(node: ast.expr, source: str) -> str:
    """Return the text of a factor, in parentheses where it needs them."""
    text = text_of(node, source)
    loose = isinstance(node, (ast.IfExp, ast.Compare, ast.BoolOp, ast.Lambda, ast.UnaryOp)) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
    )
    return f"({text})" if loose else text


def _values(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the whole expressions of a statement: what is assigned, added up or returned."""
    value = getattr(node, "value", None)
    if isinstance(node, ast.Expr):
        if isinstance(value, ast.Call):
            yield from value.args
    elif isinstance(value, (ast.Tuple, ast.List)):
        for part in value.elts:
            yield from part.elts if isinstance(part, (ast.Tuple, ast.List)) else [part]
    elif isinstance(value, ast.Dict):
        yield from value.values
    elif isinstance(value, ast.expr):
        yield value


def _of_statement(node: ast.stmt, source: str, words: Words) -> Iterator[Change]:
    for value in _values(node):
        if isinstance(value, ast.Constant):
            continue
        text, held = text_of(value, source), _held(value, source)
        for slope in words.slopes:
            yield _put(value, f"{held} * {slope}", "slope")
        for count in words.counts:
            yield _put(value, f"{held} / {count}", "mean")
        for penalty in words.penalties:
            yield _put(value, f"{text} + {penalty}", "penalty")
        yield _put(value, f"-{held}", "sign")
        yield _put(value, f"2 * {held}", "scale")
        yield _put(value, f"{held} / 2", "scale")
        for axis in ("axis=0", "axis=1, keepdims=True", "axis=1", "axis=0, keepdims=True"):
            yield _put(value, f"np.sum({text}, {axis})", "sum")
        if isinstance(value, (ast.Name, ast.BinOp)):
            yield _put(value, f"{_tight(value, source)}.T", "transpose")
    yield from _of_assignment(node, source)
    yield from _renamed(node, source, words)


def _renamed(node: ast.stmt, source: str, words: Words) -> Iterator[Change]:
    """Yield a statement with another name wherever a name stands in it, twice or oftener."""
    if not isinstance(node, (ast.Assign, ast.AugAssign, ast.Return)) or node.value is None:
        return
    text = text_of(node.value, source)
    for name in words.names:
        everywhere = rf"(?<![\w.]){re.escape(name)}(?!\w)"
        if len(re.findall(everywhere, text)) > 1:
            for other in _alike(name, words.names):
                yield _put(node.value, re.sub(everywhere, other, text), "name")


def _later(block: ast.stmt, source: str) -> Iterator[Change]:
    """Yield the moves of steps of parameters to the end of their block."""
    body = list(getattr(block, "body", ()))
    steps = [node for node in body if _is_step(node)]
    if not steps or not isinstance(body[0], ast.stmt):
        return
    rows = _rows(source)
    last = max((node for node in body if not isinstance(node, ast.Return)), key=_end)
    for count in range(len(steps), 0, -1):
        moved = steps[:count]
        lines = {k for node in moved for k in range(node.lineno, _end(node) + 1)}
        first = moved[0].lineno
        kept = [rows[k - 1] for k in range(first, _end(last) + 1) if k not in lines]
        taken = [rows[k - 1] for k in sorted(lines)]
        if kept and not kept[-1].endswith(b"\n"):
            continue
        text = b"".join([*kept, *taken]).decode()
        shown = f"{text_of(moved[0], source)}  # to be moved below the last of the gradients"
        end = (_end(last), len(rows[_end(last) - 1]))
        yield Change((first, 0), end, text, "order", shown)


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _is_step(node: ast.stmt) -> bool:
    target: ast.expr | None = None
    if isinstance(node, ast.AugAssign):
        target = node.target
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0] if isinstance(node.value, ast.BinOp) else None
    if target is None:
        return False
    name = ast.unparse(target)
    inner = re.search(r"['\"](\w+)['\"]", name)
    word = inner[1] if inner else name.removeprefix("self.").partition("[")[0]
    role = role_of(word)
    return role is not None and role[0] in "Wb" and not is_gradient(word)


def _tight(node: ast.expr, source: str) -> str:
    text = text_of(node, source)
    return text if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) else f"({text})"


def _of_assignment(node: ast.stmt, source: str) -> Iterator[Change]:
    if isinstance(node, ast.AugAssign):
        target, value = text_of(node.target, source), text_of(node.value, source)
        operator = _OPERATORS.get(type(node.op))
        yield _put(node, f"{target} = {value}", "store")
        if operator:
            yield _put(
                node, f"{target} = {target} {operator} {_held(node.value, source)}", "inplace"
            )
        if isinstance(node.op, (ast.Add, ast.Sub)):
            turned = "-" if isinstance(node.op, ast.Add) else "+"
            yield _put(node, f"{target} {turned}= {value}", "sign")
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = text_of(node.targets[0], source), text_of(node.value, source)
        if not isinstance(node.targets[0], ast.Tuple):
            yield _put(node, f"{target} += {value}", "store")


_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


def _of_expression(node: ast.expr, source: str, words: Words) -> Iterator[Change]:
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node, source, words)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _put(node, text_of(node.operand, source), "unsign")
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield _put(node, text_of(node.value, source), "transpose")
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        others = _alike(text_of(node, source), words.names)
        yield from (_put(node, other, "name") for other in others)
    elif isinstance(node, ast.Call):
        yield from _of_call(node, source, words)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from (_put(node, other, "name") for other in _alike(node.id, words.names))
        if node.id in words.inputs:
            yield _put(node, f"{node.id}.reshape(-1, 1)", "shape")
    elif isinstance(node, ast.IfExp):
        yield _put(node, _held(node.body, source), "drop")
        yield _put(node, _held(node.orelse, source), "drop")
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _of_subscript(node, source)


def _of_operation(node: ast.BinOp, source: str, words: Words) -> Iterator[Change]:
    left, right = text_of(node.left, source), text_of(node.right, source)
    match node.op:
        case ast.Sub():
            swapped = f"{_held(node.right, source)} - {_held(node.left, source)}"
            yield _put(node, f"({swapped})" if _inside(node, source) else swapped, "swap")
            yield _put(node, f"{left} + {right}", "sign")
            yield _put(node, left, "drop")
        case ast.Add():
            yield _put(node, f"{left} - {_held(node.right, source)}", "sign")
            yield _put(node, left, "drop")
        case ast.Mult():
            yield _put(node, _held(node.left, source), "drop")
            yield _put(node, _held(node.right, source), "drop")
            for slope in words.slopes:
                yield _put(node, f"{_held(node.left, source)} * {slope}", "slope")
                yield _put(node, f"{_held(node.right, source)} * {slope}", "slope")
                first = node.left
                while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mult):
                    first = first.left
                    yield _put(node, f"{_held(first, source)} * {slope}", "slope")
        case ast.Div():
            yield _put(node, _held(node.left, source), "drop")
            for count in words.counts:
                yield _put(node.right, count, "mean")
        case ast.FloorDiv():
            yield _put(node, f"{left} / {right}", "integer")
        case ast.MatMult():
            for part in (node.left, node.right):
                if not (isinstance(part, ast.Attribute) and part.attr == "T"):
                    yield _put(part, f"{_tight(part, source)}.T", "transpose")


def _inside(node: ast.BinOp, source: str) -> bool:
    """Say whether a difference stands bare, as (a - y) does not."""
    lines = source.splitlines()
    before = lines[node.lineno - 1].encode()[: node.col_offset].decode().rstrip()
    return not before.endswith("(") and not before.endswith("=")


def _of_call(node: ast.Call, source: str, words: Words) -> Iterator[Change]:
    function = text_of(node.func, source)
    short = function.rpartition(".")[2]
    inner = node.func.value if isinstance(node.func, ast.Attribute) else None
    bare = inner is not None and not (isinstance(inner, ast.Name) and inner.id in ("np", "numpy"))
    if bare and inner is not None and short in ("astype", "ravel", "flatten", "reshape", "squeeze"):
        yield _put(node, text_of(inner, source), "integer" if short == "astype" else "shape")
        return
    if len(node.args) == 1:
        yield _put(node, _held(node.args[0], source), "drop")
    if short in MAKERS and not any(keyword.arg == "dtype" for keyword in node.keywords):
        yield _put(node, f"{text_of(node, source)[:-1]}, dtype=float)", "integer")
    for keyword in node.keywords:
        if keyword.arg == "axis" and isinstance(keyword.value, (ast.Constant, ast.UnaryOp)):
            for axis in ("0", "1", "-1"):
                yield _put(keyword.value, axis, "sum")
        if keyword.arg == "dtype":
            yield _put(keyword.value, "float", "integer")
    if short in ("sum", "mean"):
        other = "mean" if short == "sum" else "sum"
        yield _put(node.func, function.removesuffix(short) + other, "mean")
        if not any(keyword.arg == "axis" for keyword in node.keywords):
            for axis in ("axis=0", "axis=1", "axis=1, keepdims=True"):
                text = text_of(node, source)
                comma = "" if text.endswith("()") else ", "
                yield _put(node, f"{text[:-1]}{comma}{axis})", "sum")
    if short == "dot":
        for part in node.args:
            if not (isinstance(part, ast.Attribute) and part.attr == "T"):
                yield _put(part, f"{_tight(part, source)}.T", "transpose")
    if short == "int":
        yield _put(node, _held(node.args[0], source), "integer")


def _of_subscript(node: ast.Subscript, source: str) -> Iterator[Change]:
    index = node.slice
    if isinstance(index, ast.Constant) and isinstance(index.value, str):
        if match := re.fullmatch(r"([A-Za-z_]+)(\d+)", index.value):
            for number in {int(match[2]) - 1, int(match[2]) + 1} - {-1}:
                yield _put(index, repr(f"{match[1]}{number}"), "name")
    elif isinstance(index, ast.Constant) and text_of(node.value, source).endswith(".shape"):
        yield _put(index, str(1 - index.value) if index.value in (0, 1) else "0", "mean")
    elif not isinstance(index, (ast.Slice, ast.Tuple)):
        yield _put(node, text_of(node.value, source), "drop")
        text = text_of(index, source)
        for step in ("- 1", "+ 1"):
            yield _put(index, f"{text} {step}", "name")


def _alike(name: str, names: Sequence[str]) -> list[str]:
    """Return the names to try in the place of one, those that look like it first."""
    stem: Callable[[str], str] = lambda word: re.sub(r"\d|_", "", word).lower()  # noqa: E731
    digits: Callable[[str], str] = lambda word: re.sub(r"\D", "", word)  # noqa: E731
    if name not in names:
        return []
    held = name.startswith("self.")
    others = [other for other in names if other != name and other.startswith("self.") == held]
    others.sort(key=lambda other: (stem(other) != stem(name), digits(other) != digits(name)))
    return others[:MOST_NAMES]
