"""Run a learner's code at a case, whatever its style, and bring back what it computed."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import random
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.checking.matching import Gradients
from chainrule.checking.packing import Shapes, layouts
from chainrule.checking.reading import Unreadable, read
from chainrule.checking.roles import is_gradient, plain, role_of
from chainrule.checking.ruled import Array
from chainrule.checking.steps import Case
from chainrule.network import Network

SEED = 20


@dataclass
class Run:
    """What one run of a learner's code gave, laid out as our own arrays are.

    Attributes
    ----------
    case : Case
        At which the gradients belong; with the code's own parameters if it draws them.
    grows : list of str
        Gradients whose shape would change the parameter that they are subtracted from.
    changed : list of str
        The caller's arrays that were changed in place.
    """

    case: Case
    gradients: Gradients
    loss: float | None = None
    updated: bool = False
    grows: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    single: bool = False  # computed in float32
    printed: str = ""


@dataclass(frozen=True)
class Way:
    """One way to call the code: how parameters are bundled, and how arrays are laid out."""

    bundle: str
    shapes: Shapes
    call: Callable[[Case], Run]

    def __str__(self) -> str:
        return f"{self.bundle}, {self.shapes}" if self.bundle else str(self.shapes)


@dataclass(frozen=True)
class Source:
    """The text of a function or a class, as far as it can be had."""

    text: str
    first: int
    file: str

    @cached_property
    def tree(self) -> ast.AST | None:
        """The syntax tree, or None."""
        try:
            return ast.parse(textwrap.dedent(self.text))
        except SyntaxError:
            return None

    def returned(self, name: str) -> list[str]:
        """Return the names in the last return statement of the function of that name."""
        for node in ast.walk(self.tree) if self.tree else ():
            if isinstance(node, ast.FunctionDef) and node.name == name:
                returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
                value = returns[-1].value if returns else None
                parts = value.elts if isinstance(value, ast.Tuple) else []
                return [ast.unparse(part) for part in parts]
        return []


def source_of(thing: Any) -> Source:
    """Return the source of a function or class; empty where there is none."""
    try:
        lines, first = inspect.getsourcelines(thing)
        return Source("".join(lines), first, inspect.getsourcefile(thing) or "")
    except (OSError, TypeError):
        return Source("", 1, "")


@contextlib.contextmanager
def quiet(printed: io.StringIO) -> Iterator[None]:
    """Let code draw the same numbers in every run, and keep what it prints."""
    np.random.seed(SEED)  # noqa: NPY002
    random.seed(SEED)
    fresh = np.random.default_rng

    def seeded(seed: Any = None) -> Any:
        return fresh(SEED if seed is None else seed)

    np.random.default_rng = seeded  # type: ignore[assignment]
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            np.errstate(all="ignore"),
        ):
            yield
    finally:
        np.random.default_rng = fresh


# Functions


def bundles(source: str, depth: int) -> list[str]:
    """Return the ways to hand over all parameters as one argument, the likeliest first."""
    keys = re.findall(r"""["']([A-Za-z]+)_?(\d+)["']""", source)
    spelled = {key for key, _ in keys if role_of(key) in ("W", "b")}
    spelled |= {
        k for k in re.findall(r"""f["']([A-Za-z]+)_?\{""", source) if role_of(k) in ("W", "b")
    }
    spelled |= {
        k
        for k in re.findall(r"""["']([A-Za-z]+)_?["']\s*\+\s*str""", source)
        if role_of(k) in ("W", "b")
    }
    if spelled:
        return ["dict"]
    if [k for k in re.findall(r"""["']([A-Za-z]+)["']""", source) if role_of(k) in ("W", "b")]:
        return (
            ["dicts", "dict of lists"]
            if depth > 1
            else ["dict of arrays", "dicts", "dict of lists"]
        )
    return ["pairs", "dict", "lists", "flat"]


def bundle(kind: str, case: Case, shapes: Shapes, source: str) -> Any:
    """Return the parameters of a case in one object."""
    Ws = [shapes.weight(W) for W, _ in case.layers]
    bs = [shapes.bias(b) for _, b in case.layers]
    w, b, start = _keys(source)
    match kind:
        case "pairs":
            return list(zip(Ws, bs, strict=True))
        case "lists":
            return (Ws, bs)
        case "flat":
            return np.concatenate(
                [np.ravel(part) for pair in zip(Ws, bs, strict=True) for part in pair]
            )
        case "dicts":
            return [{w: W, b: bias} for W, bias in zip(Ws, bs, strict=True)]
        case "dict of lists":
            return {w: Ws, b: bs}
        case "dict of arrays":
            return {w: Ws[0], b: bs[0]}
    return {f"{w}{l}": W for l, W in enumerate(Ws, start)} | {
        f"{b}{l}": bias for l, bias in enumerate(bs, start)
    }


def _keys(source: str) -> tuple[str, str, int]:
    """Return how a source spells the keys of weights and biases, and the first number."""
    words = re.findall(r"""["']([A-Za-z]+_?)(\d*)(?=["'{])""", source)
    found = {}
    for word, _ in words:
        role = role_of(word)
        if role in ("W", "b"):
            found.setdefault(role, word)
    numbers = [int(number) for word, number in words if number and role_of(word) in ("W", "b")]
    return found.get("W", "W"), found.get("b", "b"), min(numbers, default=1)


class FunctionProgram:
    """A function of parameters, inputs and targets that returns gradients or new parameters."""

    def __init__(
        self, function: Callable[..., Any], network: Network, hints: dict[str, str]
    ) -> None:
        self.function, self.network, self.hints = function, network, hints
        self.name = getattr(function, "__name__", "function")
        self.source = source_of(function)
        self.arguments = signature_of(function)
        self.depth = len(network.sizes) - 1
        self.roles = _roles(self.arguments)
        self.names = self.source.returned(self.name)
        self.draws = not any(role[0] in "Wb" or role == "params" for role in self.roles.values())

    def ways(self, network: Network) -> Iterator[Way]:
        """Yield the ways in which it may want to be called."""
        roles = set(self.roles.values())
        kinds = bundles(self.source.text, self.depth) if "params" in roles else [""]
        for kind in kinds:
            for shapes in layouts(network, self.hints):
                yield Way(kind, shapes, lambda case, k=kind, s=shapes: self.run(case, k, s))  # type: ignore[misc]

    def run(self, case: Case, kind: str, shapes: Shapes) -> Run:
        """Call it once, or twice where it draws its own parameters."""
        if self.draws:
            return self._run_drawn(case, kind, shapes)
        given = self._given(case, kind, shapes, epochs=1)
        before = _copies(given)
        printed = io.StringIO()
        with quiet(printed):
            result = self.function(**given)
        loss, found = read(result, self.network.sizes, self.names)
        run = laid_back(found, case, shapes, self._updates(found, case, shapes))
        run.loss, run.changed, run.printed = (
            loss,
            _changed(before, given, self.roles),
            printed.getvalue(),
        )
        return run

    def _updates(self, found: dict[str, Any], case: Case, shapes: Shapes) -> bool:
        """Say whether what came back are new parameters: near the old ones, after a small step."""
        if "rate" not in self.roles.values() and "epochs" not in self.roles.values():
            return False
        return not any(map(is_gradient, self.names))

    def _run_drawn(self, case: Case, kind: str, shapes: Shapes) -> Run:
        printed = io.StringIO()
        with quiet(io.StringIO()):
            first = self.function(**self._given(case, kind, shapes, epochs=0))
        with quiet(printed):
            given = self._given(case, kind, shapes, epochs=1)
            before = _copies(given)
            result = self.function(**given)
        old, new = (
            read(first, self.network.sizes, self.names)[1],
            read(result, self.network.sizes, self.names)[1],
        )
        layers = []
        for l, (W, b) in enumerate(case.layers, 1):
            w0, _ = shapes.weight_back(old[f"W{l}"], W)
            b0 = np.resize(np.asarray(old[f"b{l}"], dtype=float).ravel(), b.shape)
            if w0.shape != W.shape:
                raise Unreadable(f"its weights have the shape {np.shape(old[f'W{l}'])}")
            layers.append((w0, b0))
        rate = self.rate() or case.rate
        drawn = Case(case.network, tuple(layers), case.X, case.Y, case.l2, rate)
        run = laid_back(new, drawn, shapes, updated=True, old=old)
        run.changed, run.printed = _changed(before, given, self.roles), printed.getvalue()
        return run

    def rate(self) -> float | None:
        """Return the learning rate that stands in the code or beside it, if one does."""
        if "rate" in self.roles.values():
            return None
        for node in ast.walk(self.source.tree) if self.source.tree else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
                continue
            if role_of(ast.unparse(node.targets[0])) == "rate":
                return float(node.value.value)  # type: ignore[arg-type]
        spaces = getattr(self.function, "__globals__", {})
        known = [
            v for k, v in spaces.items() if role_of(k) == "rate" and isinstance(v, (int, float))
        ]
        return float(known[0]) if known else None

    def _given(self, case: Case, kind: str, shapes: Shapes, epochs: int) -> dict[str, Any]:
        given = {}
        for name, role in self.roles.items():
            value = self._value(role, case, kind, shapes, epochs)
            if value is not None:
                given[name] = value
        return given

    def _value(self, role: str, case: Case, kind: str, shapes: Shapes, epochs: int) -> Any:
        if role[0] in "Wb" and (role[1:].isdigit() or len(role) == 1):
            return self._parameter(role, case, shapes)
        match role:
            case "params":
                return bundle(kind, case, shapes, self.source.text)
            case "x":
                return shapes.inputs(case.X)
            case "y":
                return shapes.outputs(case.Y)
            case "l2":
                return case.l2
            case "rate":
                return case.rate
            case "epochs":
                return epochs
            case "m":
                return len(case.X)
        return setting(role, self.network)

    def _parameter(self, role: str, case: Case, shapes: Shapes) -> Any:
        place = (
            (lambda part: shapes.weight(part[0]))
            if role[0] == "W"
            else (lambda part: shapes.bias(part[1]))
        )
        parts = [place(layer) for layer in case.layers]
        if len(role) == 1:
            return parts[0] if self.depth == 1 and not self._takes_lists else parts
        numbers = sorted(
            int(r[1:]) for r in self.roles.values() if r[0] == role[0] and r[1:].isdigit()
        )
        index = int(role[1:]) - numbers[0]
        if index >= self.depth:
            raise Unreadable(
                f"it takes {role[0]}{role[1:]}, but the network has {self.depth} layers"
            )
        return parts[index]

    @property
    def _takes_lists(self) -> bool:
        return any(
            plain(name) in ("ws", "bs", "weights", "biases") and "len(" + name in self.source.text
            for name in self.roles
        )


def setting(role: str, network: Network) -> Any:
    """Return the size or the seed that an argument asks for."""
    sizes = network.sizes
    return {
        "sizes": list(sizes), "n_in": sizes[0], "n_out": sizes[-1], "seed": SEED,
        "n_hidden": None if len(sizes) < 3 else sizes[1] if len(sizes) == 3 else list(sizes[1:-1]),
    }.get(role)  # fmt: skip


def signature_of(function: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a function, without self."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise Unreadable("its arguments cannot be seen") from None
    return {
        name: p for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and name != "self"
    }  # fmt: skip


def _roles(arguments: dict[str, inspect.Parameter]) -> dict[str, str]:
    roles: dict[str, str] = {}
    unknown = []
    for name, parameter in arguments.items():
        role = role_of(name)
        if plain(name) in ("m", "nsamples", "batchsize"):
            role = "m"
        if role is not None:
            roles[name] = role
        elif parameter.default is parameter.empty:
            unknown.append(name)
    if unknown:
        wanted = [role for role in ("W", "b", "x", "y") if role not in roles.values()]
        if len(unknown) != len(wanted):
            raise Unreadable(
                f"what its argument {unknown[0]!r} stands for cannot be seen; call the arguments "
                "w, b, x, y, or W1, b1, W2, ..., or params, X, Y"
            )
        roles |= dict(zip(unknown, wanted, strict=True))
    missing = [role for role in ("x", "y") if role not in roles.values()]
    if missing:
        raise Unreadable(
            f"it has no argument for the {'inputs (x)' if missing[0] == 'x' else 'targets (y)'}; "
            f"its arguments are {', '.join(arguments) or 'none'}"
        )
    return roles


def _copies(given: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(given)


def _changed(before: dict[str, Any], after: dict[str, Any], roles: dict[str, str]) -> list[str]:
    return [name for name in before if roles.get(name) and not _same(before[name], after[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def laid_back(
    found: dict[str, Any],
    case: Case,
    shapes: Shapes,
    updated: bool,
    old: dict[str, Any] | None = None,
) -> Run:
    """Return gradients laid out as ours, from gradients or from new parameters."""
    if "flat" in found:
        found = _unflat(found["flat"], case, shapes)
    run = Run(case, {}, updated=updated)
    for l, (W, b) in enumerate(case.layers, 1):
        pair: list[Array | None] = []
        for name, ours, lay, back in (
            (f"W{l}", W, shapes.weight, shapes.weight_back),
            (f"b{l}", b, shapes.bias, shapes.bias_back),
        ):
            value = found.get(name)
            if value is None:
                pair.append(None)
                continue
            value = _numeric(value, name)
            run.single |= value.dtype == np.float32
            if updated:
                start = np.asarray(lay(ours) if old is None else old[name], dtype=float)
                value = (start - value) / case.rate
            canonical, grows = back(value, ours)
            run.grows += [f"d{name}"] if grows else []
            pair.append(canonical)
        run.gradients[l] = (pair[0], pair[1])
    if all(part is None for pair in run.gradients.values() for part in pair):
        raise Unreadable("no gradients are to be seen in what it returns")
    return run


def _numeric(value: Any, name: str) -> Array:
    try:
        array = np.array(value)
        return array if array.dtype in (np.float32, np.float64) else array.astype(float)
    except (TypeError, ValueError):
        raise Unreadable(f"the gradient of {name} is no array of numbers") from None


def _unflat(flat: Array, case: Case, shapes: Shapes) -> dict[str, Any]:
    flat, found, start = np.ravel(flat), {}, 0
    if flat.size != case.network.n_parameters:
        raise Unreadable(
            f"it returns one array of {flat.size} numbers; the network has "
            f"{case.network.n_parameters} parameters"
        )
    for l, (W, b) in enumerate(case.layers, 1):
        for name, part in ((f"W{l}", shapes.weight(W)), (f"b{l}", shapes.bias(b))):
            size = np.size(part)
            found[name] = flat[start : start + size].reshape(np.shape(part))
            start += size
    return found
