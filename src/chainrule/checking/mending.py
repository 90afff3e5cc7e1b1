"""Code that breaks off at a shape: the small change with which it runs, and is right."""

from __future__ import annotations

import ast
import re
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.judging import (
    Error,
    Judged,
    Reduction,
    forward_seen,
    is_right,
    l2_of,
    reductions,
    runs_of,
    samples_of,
    seen_by,
    traced,
)
from chainrule.checking.repairing import Workshop
from chainrule.checking.report import Mistake, Report
from chainrule.checking.reporting import convention_of, described
from chainrule.checking.rewriting import Change, Words, changes, text_of
from chainrule.checking.roles import role_of
from chainrule.checking.running import Run, Way
from chainrule.checking.tracing import same

SECONDS = 4.0
MOST_WAYS = 4
SHAPES = re.compile(r"shape|dimension|broadcast|operand|aligned|mismatch|size", re.IGNORECASE)
NONE = Reduction("", 1.0, False)


def mended(program: Any, errors: list[Error]) -> Report | None:
    """Return the report of code that raises an error of shapes, where one change makes it right."""
    until = time.perf_counter() + SECONDS
    for way, line in _breaks(program, errors):
        workshop = Workshop(program)
        for member, change in _changes(program, workshop, way, line):
            if time.perf_counter() > until:
                return None
            source = workshop.members[member]
            try:
                text = change.made(source.plain)
                other = workshop.changed(member, text)
                best = _right(other, way)
            except (Exception, SystemExit):  # what a change breaks is no answer
                continue
            if best is not None:
                number = source.first + change.line - 1
                place = (number, source.line(number), text.splitlines()[change.line - 1].strip())
                return _report(program, other, best, change, place)
    return None


def _breaks(program: Any, errors: list[Error]) -> list[tuple[Way, int]]:
    """Return the ways under which the forward pass is right, and the lines that end the run."""
    found: list[tuple[Way, int]] = []
    files = program.files()
    for way, error in errors:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in files]
        line = frames[-1].lineno if frames else None
        if not isinstance(error, (ValueError, IndexError)) or not line:
            continue
        if not SHAPES.search(str(error)) or way.shapes.lists:
            continue
        case = samples_of(program.network, l2_of(program), way)[0]
        if forward_seen(program, Judged(way, [Run(case, {})], NONE, None)) == program.depth:
            found.append((way, line))
        if len(found) == MOST_WAYS:
            break
    return found


def _right(program: Any, way: Way) -> Judged | None:
    runs = runs_of(program, way)
    for reduction in reductions(runs):
        if not runs[0].grows and is_right(runs, reduction):
            return Judged(way, runs, reduction, [])
    return None


def _changes(program: Any, workshop: Workshop, way: Way, line: int) -> Iterator[tuple[str, Change]]:
    """Yield changes: transposes and turned products in the line, then other names and places."""
    case = samples_of(program.network, l2_of(program), way)[0]
    trace = traced(program, Judged(way, [Run(case, {})], NONE, None))
    names = {
        v.name for v in trace.values if v.numbers.size > 1 and re.fullmatch(r"(self\.)?\w+", v.name)
    }
    words = Words([], [], sorted(names))
    every: list[tuple[int, str, Change]] = []
    for member, source in workshop.members.items():
        found = [*changes(source.plain, words), *_turned(source.plain)]
        for change in found:
            away = abs(source.first + change.line - 1 - line)
            kinds = (
                ("transpose", "turn", "name") if away == 0 else ("name", "drop") if away < 8 else ()
            )
            if change.kind in kinds:
                change = replace(change, text=re.sub(r" (\+ 1 - 1|- 1 \+ 1)$", "", change.text))
                every.append((10 * away + kinds.index(change.kind), member, change))
    for _, member, change in sorted(every, key=lambda each: each[0]):
        yield member, change


def _turned(source: str) -> Iterator[Change]:
    """Yield products with their factors the other way round, and without ``transpose()``."""
    for node in ast.walk(ast.parse(source)):
        pair: list[ast.expr] = []
        form = "{0} @ {1}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            pair = [node.left, node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            held = node.func.value
            if node.func.attr in ("transpose",) and not node.args:
                yield _change(node, text_of(held, source), "transpose")
            if node.func.attr not in ("dot", "matmul"):
                continue
            module = isinstance(held, ast.Name) and held.id in ("np", "numpy")
            pair = list(node.args) if module else [held, *node.args]
            form = f"{text_of(node.func, source)}({{0}}, {{1}})" if module else "{0}.dot({1})"
            if not module:
                yield _change(held, f"{_tight(held, source)}.T", "transpose")
        if len(pair) == 2:
            left, right = (_tight(part, source) for part in pair)
            product: Any = node
            yield _change(product, form.format(right, left), "turn")


def _tight(node: ast.expr, source: str) -> str:
    text = text_of(node, source)
    tight = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
    return text if tight else f"({text})"


def _change(node: ast.expr, text: str, kind: str) -> Change:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Change(
        (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset), text, kind
    )


def _report(
    program: Any, other: Any, best: Judged, change: Change, place: tuple[int, str, str]
) -> Report:
    line, code, corrected = place
    layer, part = _where(other, best, line)
    name = "transpose_missing"
    if change.kind in ("name", "drop"):
        word = re.match(r"(?:self\.)?\w+", change.text)
        role = role_of(word[0]) if word else None
        weights = role is not None and role[0] == "W"
        name = "weights_of_wrong_layer" if weights else "mask_of_wrong_tensor"
        name = "input_of_wrong_layer" if part == "dW" else name
    kind = CATALOGUE[name]
    where = f"Layer {layer}: " if layer else ""
    title = kind.title if name != "transpose_missing" else "a matrix is not turned as it should be"
    message = f"{where}{title}, and the shapes do not fit: the code breaks off here. {kind.advice}"
    layers = (layer,) if layer else ()
    mistake = Mistake(
        name, layer, kind.equation, kind.instead, message[0].upper() + message[1:],
        line=line, code=code, corrected=corrected, layers=layers,
    )  # fmt: skip
    spot = f" in layer {layer}" if layer else ""
    return Report(
        "mistake", program.name, f"One mistake in {program.name}: {kind.title}{spot}.", (mistake,),
        network=described(program.network), convention=convention_of(program, best),
    )  # fmt: skip


def _where(program: Any, best: Judged, line: int) -> tuple[int | None, str]:
    """Return the layer whose delta or gradient a line computes, and which of them."""
    (seen, *_) = seen_by(best.runs[:1], best.reduction)
    values = [value for value in traced(program, best).values if value.line == line]
    for l, delta, dW, db in seen.run.backward({}, seen.share):
        for part, array in (("dW", dW), ("db", db), ("delta", delta)):
            wanted = [array, array * seen.share, array / seen.share]
            if any(same(value.numbers, each) for value in values for each in wanted):
                return l, part
    return None, ""
