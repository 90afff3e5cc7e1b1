"""Find the line of a mistake, and a line that is right in its place: by running both.

The line is found by its numbers: the search knows what a mistake computes, and the trace of
the code knows which line computed that. The right line is found by trying small changes of
the source, the likely ones first, and is shown only where the changed code was run and is
right.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Any

from chainrule.checking.judging import Judged, seen_by
from chainrule.checking.matching import explains, merged
from chainrule.checking.rewriting import Change, Words, changes
from chainrule.checking.ruled import Array
from chainrule.checking.sources import Place, Source, family, source_of, space_of
from chainrule.checking.steps import Edits, pass_of
from chainrule.checking.tracing import Trace, Value, same
from chainrule.checking.variant import OF_BIASES, OF_WEIGHTS, Variant

SECONDS = 1.5  # for the search of one line
KINDS = {
    "slope_at_a": ("name", "drop", "slope"),
    "slope_at_z": ("name", "slope"),
    "slope": ("slope", "drop", "name"),
    "mask": ("name", "slope"),
    "target": ("swap", "unsign", "sign"),
    "sign": ("unsign", "swap", "sign"),
    "factor": ("drop", "scale"),
    "mean": ("mean", "drop"),
    "penalty": ("penalty", "drop", "mean", "name"),
    "bias": ("sum", "drop"),
    "transpose": ("transpose",),
    "weights_already": ("order", "name"),
    "weights": ("name",),
    "delta": ("name", "drop"),
    "input": ("name",),
    "softmax": ("sum", "drop"),
    "gradients": ("store",),
    "broadcast": ("shape", "transpose"),
    "integer": ("integer",),
    "changes": ("inplace", "name"),
    "loss": ("scale", "mean"),
}
SLOPES = {
    "sigmoid": "{a} * (1 - {a})",
    "tanh": "(1 - {a} ** 2)",
    "relu": "({z} > 0)",
    "leaky_relu": "np.where({z} > 0, 1, 0.01)",
    "elu": "np.where({z} > 0, 1, np.exp({z}))",
    "softplus": "1 / (1 + np.exp(-{z}))",
    "softsign": "1 / (1 + np.abs({z})) ** 2",
    "exp": "{a}",
}


def located(program: Any, best: Judged, variant: Variant, trace: Trace) -> Value | None:
    """Return where the code computes what a mistake makes of it."""
    seen = seen_by(best.runs[:1], best.reduction)[0]
    edits = merged([finding.variant for finding in best.findings or ()])
    try:
        rows = {l: rest for l, *rest in seen.run.backward(edits, seen.share)}
        carries = seen.run.trail(edits, seen.share).carries
    except (ValueError, IndexError):
        return None
    slots = set(variant.slots)
    for l in variant.layers[::-1]:
        delta, dW, db = rows[l]
        theirs = best.runs[0].gradients[l]
        wanted: list[Any] = [delta, delta * seen.share, delta[:1], delta[-1:]]
        if slots <= {"carry", "passed", "weights"} and l < seen.run.depth:
            carry = carries[l]
            wanted = [carry, carry * seen.share, carry[-1:], *wanted]
        if slots <= OF_WEIGHTS:
            wanted = [theirs[0], dW]
        elif slots <= OF_BIASES:
            wanted = [theirs[1], db]
        elif slots <= OF_WEIGHTS | OF_BIASES:
            wanted = [theirs[0], dW, db]
        factor = best.reduction.factor
        wanted += [factor * array for array in wanted if array is not None and factor != 1.0]
        for array in wanted:
            if array is not None and (values := trace.all_of(array)):
                named = [value for value in values if value.name.isidentifier()]
                at_last = slots & {"slope", "delta"} and named
                return named[-1] if at_last else values[0]
    return None


def words_of(best: Judged, trace: Trace, layers: tuple[int, ...], program: Any) -> Words:
    """Return slopes, counts and names as this code would write them."""
    case = best.runs[0].case
    run = pass_of(case)
    slopes = []
    for l in layers:
        template = SLOPES.get(str(case.network.activations[l - 1]), "")
        letter = "a" if "{a}" in template else "z"
        for name in _names_of(trace, run.A[l] if letter == "a" else run.Z[l])[:3]:
            slopes += [template.format(**{letter: name})] if template else []
    found = (re.match(r"(self\.)?\w+", v.name) for v in trace.values if v.numbers.size > 1)
    arrays = {match[0] for match in found if match and match[0] != "self"}
    single = [v.name for v in trace.values if v.numbers.size == 1 and v.numbers == len(case.X)]
    inputs = [name for name, role in program.roles.items() if role == "x"]
    axis = 1 if best.way.shapes.samples == "columns" else 0
    counts = [name for name in single if name.isidentifier()]
    ways = [f"{way.format(name)}" for name in inputs for way in ("len({})", f"{{}}.shape[{axis}]")]
    counts += [way for way in ways if way in program.source.text] or ways[1:2]
    l2 = next((name for name, role in program.roles.items() if role == "l2"), None)
    weights = [W for l in layers for W in _names_of(trace, case.layers[l - 1][0])[:1]]
    penalties = [f"{l2} * {W}" for W in weights if l2]
    return Words(slopes, list(dict.fromkeys(counts))[:2], sorted(arrays), penalties, inputs)


def _names_of(trace: Trace, array: Array) -> list[str]:
    """Return what the code calls these numbers, for all samples or for one."""
    wanted = [array, array[-1:]]
    names = [
        value.name for one in wanted for value in trace.values
        if same(value.numbers, one) and re.fullmatch(r"[\w.]+|\w+\['\w+'\]", value.name)
    ]  # fmt: skip
    return list(dict.fromkeys(names))


@dataclass(frozen=True, eq=False)
class Repair:
    """A line that was changed, and the changed program."""

    place: Place
    program: Any


class Workshop:
    """A learner's code, open to changes of its source."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.members = {
            name: source for name, thing in family(program.thing)
            if (source := _undecorated(source_of(thing))) is not None
        }  # fmt: skip
        self.whole = list(self.members)[-1:] == [getattr(program.thing, "__name__", "")]

    def changed(self, name: str, text: str) -> Any:
        """Return the program with another source for one of its functions."""
        space = dict(space_of(self.program.thing))
        closure = getattr(self.program.thing, "__closure__", None) or ()
        free = getattr(getattr(self.program.thing, "__code__", None), "co_freevars", ())
        space |= {n: cell.cell_contents for n, cell in zip(free, closure, strict=True)}
        for member, source in self.members.items():
            new = replace(source, text=text) if member == name else source
            exec(_compiled(new) if new is source else _code_of(new), space)
            with contextlib.suppress(AttributeError, TypeError):
                space[member].learner_source = new
        other = copy.copy(self.program)
        other.thing = space[list(self.members)[-1]]
        forward = getattr(other, "forward", None)
        if forward is not None and not isinstance(forward, str):
            other.forward = copy.copy(forward)
            other.forward.thing = space[forward.name]
        return other


def _code_of(source: Source) -> CodeType:
    """Compile a source so that its lines have the numbers of the file."""
    above = "\n" * (source.first - 1)
    return compile(above + source.plain, source.file or "<learner>", "exec")


_compiled = lru_cache(maxsize=64)(_code_of)


def _undecorated(source: Source) -> Source | None:
    tree = source.tree
    if len(tree.body) != 1 or not isinstance(tree.body[0], (ast.FunctionDef, ast.ClassDef)):
        return None
    skipped = tree.body[0].lineno - 1
    lines = source.text.splitlines(keepends=True)
    return replace(source, text="".join(lines[skipped:]), first=source.first + skipped)


def repaired(
    program: Any,
    best: Judged,
    name: str,
    words: Words,
    near: int | None,
    right: Callable[[Any], float],
) -> Repair | None:
    """Return the line that a small change makes right, and the changed line.

    Parameters
    ----------
    program : a program
    best : Judged
    name : str
        The mistake's, which says what changes are likely.
    words : Words
    near : int or None
        The line at which the mistake was seen.
    right : callable
        Says how much of the mistake is gone from a changed program: 1 for all of it, less for a
        part, 0 for nothing. A part counts where no likely change takes all of it away.
    """
    workshop = Workshop(program)
    if not workshop.whole:
        return None
    until = time.perf_counter() + SECONDS
    in_part: Repair | None = None
    for member, change in _ordered(workshop, name, words, near):
        if time.perf_counter() > until:
            break
        if in_part and change.kind not in likely_for(name):
            continue
        source = workshop.members[member]
        try:
            text = change.made(source.plain)
            other = workshop.changed(member, text)
            if gone := right(other):
                repair = Repair(_place(source, text, change), other)
                if gone >= 1:
                    return repair
                in_part = in_part or repair
        except (Exception, SystemExit):  # what a change breaks is no answer
            continue
    if in_part is None:
        return None
    return replace(in_part, place=replace(in_part.place, corrected=None))


def likely_for(name: str) -> tuple[str, ...]:
    """Return the kinds of changes that may undo a mistake of this name, the likeliest first."""
    parts = name.split("_")
    return KINDS.get(name, KINDS.get("_".join(parts[:2]), KINDS.get(parts[0], ())))


def silenced(program: Any) -> Any:
    """Return the program without its print statements, which stay lines of their own."""
    workshop = Workshop(program)
    for member, source in workshop.members.items():
        calls = [
            node for node in ast.walk(source.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name) and node.value.func.id == "print"
        ]  # fmt: skip
        text = source.plain
        for node in sorted(calls, key=lambda node: -node.lineno):
            end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
            lines = "\n" * (end[0] - node.lineno)
            text = Change((node.lineno, node.col_offset), end, f"pass{lines}", "").made(text)
        if calls:
            return workshop.changed(member, text)
    return program


def _ordered(
    workshop: Workshop, name: str, words: Words, near: int | None
) -> Iterator[tuple[str, Change]]:
    """Yield the changes: of the likely kinds at the line, elsewhere, then the others."""
    likely = likely_for(name)
    every = [
        (member, change)
        for member, source in workshop.members.items()
        for change in changes(source.plain, words)
    ]

    last = list(workshop.members)[-1]

    def rank(pair: tuple[str, Change]) -> tuple[bool, int, int, tuple[int, int]]:
        member, change = pair
        here = workshop.members[member].first + change.line - 1
        kind = likely.index(change.kind) if change.kind in likely else len(likely)
        return here != near, kind, 0 if member == last else 1, change.start

    yield from sorted(every, key=rank)


def _place(source: Source, text: str, change: Change) -> Place:
    number = source.first + change.line - 1
    corrected = change.shown or text.splitlines()[change.line - 1].strip()
    return Place(number, source.line(number), corrected)


def statement_at(program: Any, value: Value) -> Place:
    """Return the statement of a traced value, as it stands in the file."""
    for _, thing in family(program.thing):
        source = source_of(thing)
        inside = value.line - source.first + 1
        around = [
            node.lineno for node in ast.walk(source.tree)
            if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef))
            and node.lineno <= inside <= (node.end_lineno or node.lineno)
        ]  # fmt: skip
        if around:
            number = source.first + max(around) - 1
            return Place(number, source.line(number))
    return Place(value.line, "")


def places(program: Any, best: Judged, trace: Trace) -> list[Place | None]:
    """Return the place of each finding: its line, and a corrected line where one was found."""
    findings = best.findings or []
    found: list[Place | None] = []
    for k, finding in enumerate(findings):
        rest = merged([other.variant for i, other in enumerate(findings) if i != k])
        value = located(program, best, finding.variant, trace)
        place = statement_at(program, value) if value else None
        words = words_of(best, trace, finding.variant.layers, program)
        enough = [rest, *_without_one_part(finding.variant, rest)]
        near = place.line if place else None
        name = finding.variant.name
        repair = repaired(program, best, name, words, near, explained(best, enough))
        if repair and k and found[0] and found[0].line == repair.place.line and found[0].corrected:
            both = repaired(repair.program, best, findings[0].variant.name, words, near,
                            explained(best, [{}]))  # fmt: skip
            if both:
                line = replace(repair.place, corrected=both.place.corrected)
                found = [line, line]
                continue
        found.append(repair.place if repair else place)
    return found


def explained(best: Judged, enough: list[Edits]) -> Callable[[Any], float]:
    """Return what says whether a program has only the first of these mistakes left, or others."""

    def right(program: Any) -> float:
        left = list(range(len(enough)))
        for run in best.runs:
            again = program.run(run.case, best.way)
            if len(again.grows) > len(run.grows):
                return 0.0
            (seen,) = seen_by([again], best.reduction)
            left = [k for k in left if explains(enough[k], seen)]
            if not left:
                return 0.0
        return 1.0 if 0 in left else 0.5

    return right


def place_of_effect(
    program: Any, best: Judged, name: str, trace: Trace, gone: Callable[[Any], float]
) -> Place | None:
    """Return the line of a mistake that shows beside the gradients, by a change that ends it."""
    layers = tuple(range(1, len(best.runs[0].case.layers) + 1))
    words = words_of(best, trace, layers, program)
    repair = repaired(program, best, name, words, None, gone)
    return repair.place if repair else None


def _without_one_part(variant: Variant, rest: Edits) -> Iterator[Edits]:
    """Yield what is left of a mistake that stands in several lines when one of them is right."""
    for part in variant.edits if len(variant.edits) > 1 else ():
        left = {key: edit for key, edit in variant.edits.items() if key != part}
        yield {key: (*left.get(key, ()), *rest.get(key, ())) for key in {**left, **rest}}
