"""Run a learner's function at a case, whatever it takes and gives back."""

from __future__ import annotations

import ast
import copy
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.checking.aftermath import changed_in, kept_state
from chainrule.checking.assigning import Roles, assignments, forwards, signature_of
from chainrule.checking.bundling import bundle, bundles, kind_of_object
from chainrule.checking.holding import held_by, layers_of, with_parameters
from chainrule.checking.packing import ONE_IN_A_LIST, Shapes, layouts
from chainrule.checking.reading import Unreadable, mapping_of, read
from chainrule.checking.roles import is_gradient, parameter_of, plain, role_of
from chainrule.checking.running import SEED, Run, Way, laid_back, quiet
from chainrule.checking.sources import files_of, source_of, space_of
from chainrule.checking.steps import Case
from chainrule.checking.tracing import Trace
from chainrule.network import Network

__all__ = ["FunctionProgram", "setting", "signature_of"]


class FunctionProgram:
    """A function of parameters, inputs and targets that returns gradients or new parameters."""

    def __init__(
        self,
        function: Callable[..., Any],
        network: Network,
        hints: dict[str, str],
        roles: Roles | None = None,
        forward: Any = None,
    ) -> None:
        self.thing, self.network, self.hints = function, network, hints
        self.name = getattr(function, "__name__", "function")
        self.source = source_of(function)
        self.depth = len(network.sizes) - 1
        self.roles = roles or assignments(function, self.depth)[0]
        self.names = self.source.returned(self.name)
        self.trace: Trace | None = None
        self.guessed = False  # whether nobody said which loss it has
        self.forward: FunctionProgram | None = None
        if {"cache", "made"} & set(self.roles.values()):
            self.forward = self._forward(forward or forwards(function, self.roles)[0])
        every = set(self.roles.values())
        every |= set(self.forward.roles.values()) if self.forward else set()
        self.draws = not any(role[0] in "Wb" or role == "params" for role in every)
        self.unbiased = not self.draws and not any(
            role[0] == "b" or role == "params" for role in every
        )
        self.numbers = {
            letter: [int(role[1:]) for role in every if role[0] == letter and role[1:].isdigit()]
            for letter in "Wb"
        }

    @classmethod
    def every(
        cls, function: Callable[..., Any], network: Network, hints: dict[str, str]
    ) -> Iterator[FunctionProgram]:
        """Yield the programs that a function may be, the likeliest first."""
        failed: Unreadable | None = None
        some = False
        for roles in assignments(function, len(network.sizes) - 1):
            try:
                for forward in forwards(function, roles)[:3]:
                    yield cls(function, network, hints, roles, forward)
                    some = True
            except Unreadable as error:
                failed = error
        if failed and not some:
            raise failed

    def placed(self) -> bool:
        """Say whether names told nothing of some arguments, so that their places had to."""
        return any(role_of(name) is None and role not in ("m", "made", "zeros")
                   for name, role in self.roles.items())  # fmt: skip

    def sized(self, network: Network) -> FunctionProgram:
        """Return the same program, for a network of other sizes."""
        forward = self.forward.thing if self.forward else None
        return type(self)(self.thing, network, self.hints, self.roles, forward)

    def files(self) -> frozenset[str]:
        """Return the files that its code stands in."""
        return files_of(self.thing)

    def _forward(self, function: Any) -> FunctionProgram:
        """Return the function of the same file that makes what only a forward pass knows."""
        companion = copy.copy(self)
        companion.thing, companion.name = function, function.__name__
        companion.source = source_of(function)
        companion.roles = assignments(function, self.depth, targets=False)[0]
        companion.numbers = {
            letter: [int(r[1:]) for r in companion.roles.values()
                     if r[0] == letter and r[1:].isdigit()] for letter in "Wb"
        }  # fmt: skip
        return companion

    def ways(self) -> Iterator[Way]:
        """Yield the ways in which it may want to be called."""
        roles = set(self.roles.values())
        roles |= set(self.forward.roles.values()) if self.forward else set()
        kinds = bundles(self._text(), self.depth) if "params" in roles else [""]
        kinds = ["layers"] if "params" in roles and self._layers() else kinds
        wide = any(
            role == "W" and re.search(rf"\b{name}\.(T\b|transpose|shape\[1)", self.source.text)
            for name, role in self.roles.items()
        )
        for kind in kinds:
            for shapes in layouts(self.network, self.hints):
                if not (wide and shapes.weights == "flat"):
                    yield Way(kind, shapes)
                if kind == "layers" and shapes.samples == "column":
                    yield Way(kind, replace(shapes, samples=ONE_IN_A_LIST))

    def _text(self) -> str:
        forward = source_of(self.forward.thing).text if self.forward else ""
        return self.source.text + forward

    def run(self, case: Case, way: Way, passes: int = 1) -> Run:
        """Call it, some times over with the same objects, and read what it gives at last."""
        if self.draws:
            return self._run_drawn(case, way)
        if self.unbiased:
            case = without_biases(case)
        given = self._given(case, way, epochs=1)
        before = copy.deepcopy(given)
        printed = io.StringIO()
        with quiet(printed, self.trace), kept_state(self.thing):
            if self.forward:
                given |= self.forward.made(case, way, given, self.roles)
            for _ in range(passes):
                result = self.thing(**given)
        loss, found, in_place = self._found(result, before, given)
        updates = in_place or self._updates()
        run = laid_back(found, self._at(case, updates), way.shapes, updates)
        run.loss, run.printed = loss, printed.getvalue()
        run.changed = changed_in(before, given, self.roles)
        return run

    def _found(
        self, result: Any, before: dict[str, Any], given: dict[str, Any]
    ) -> tuple[float | None, dict[str, Any], bool]:
        """Return the loss, gradients or parameters, and whether these were changed in place."""
        try:
            loss, found = read(result, self.network.sizes, self.names, not self.unbiased)
        except Unreadable:
            found = self._in_place(before, given)
            if not found:
                raise
            return (float(result) if np.ndim(result) == 0 and result else None), found, True
        return loss, found, False

    def _in_place(self, before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters, if the code changed those that it was handed."""
        changed = changed_in(before, given, self.roles)
        found: dict[str, Any] = {}
        for name, role in self.roles.items():
            if role[0] not in "Wb" and role != "params":
                continue
            if role == "params" and layers_of(given[name]):
                found = held_by(given[name])
            elif role == "params":
                _, found = read(given[name], self.network.sizes, [])
            elif len(role) == 1 and self.depth > 1:
                found |= {f"{role}{l}": part for l, part in enumerate(given[name], 1)}
            else:
                numbers = [int(r[1:]) for r in self.roles.values() if r[0] == role[0] and r[1:]]
                found[f"{role[0]}{int(role[1:]) - min(numbers) + 1 if numbers else 1}"] = given[
                    name
                ]
        return found if set(changed) & {n for n, r in self.roles.items() if r[0] in "Wbp"} else {}

    def made(
        self, case: Case, way: Way, given: dict[str, Any], roles: dict[str, str]
    ) -> dict[str, Any]:
        """Go forward, and return what of it stands among the arguments of the way back."""
        mine = {role: given[name] for name, role in roles.items() if name in given}
        own = self._given(case, way, epochs=1)
        result = self.thing(
            **{name: mine.get(role, own.get(name)) for name, role in self.roles.items()}
        )
        parts = list(result) if isinstance(result, tuple) else [result]
        names = self.source.returned(self.name)
        known = dict(zip(map(plain, names), parts, strict=False)) if len(names) > 1 else {}
        for part in (result, *parts):
            inside = mapping_of(part)
            known = {plain(str(key)): value for key, value in (inside or {}).items()} | known
        found: dict[str, Any] = {}
        for name in (name for name, role in roles.items() if role in ("made", "cache")):
            if plain(name) in known:
                found[name] = known[plain(name)]
                continue
            arrays = [part for part in parts if isinstance(part, np.ndarray)]
            others = [part for part in parts if not isinstance(part, np.ndarray)]
            wanted = others[-1:] if roles[name] == "cache" else arrays[-1:]
            found[name] = wanted[0] if wanted else result
        return found

    def _at(self, case: Case, updates: bool) -> Case:
        if not updates or "rate" in self.roles.values():
            return case
        rate = self.rate() or 1.0
        return Case(case.network, case.layers, case.X, case.Y, case.l2, rate)

    def _updates(self) -> bool:
        """Say whether it steps itself, so that what comes back are new parameters."""
        if any(is_gradient(name) or re.fullmatch("grads?", plain(name)) for name in self.names):
            return False
        if {"rate", "epochs"} & set(self.roles.values()):
            return True
        stepped = [name for name in self.names if parameter_of(name)]
        if self.unbiased and len(stepped) == self.depth > 0:
            return True
        return len(stepped) == 2 * self.depth and all(
            re.fullmatch(r"(self\.)?\w+", name) for name in stepped
        )

    def _run_drawn(self, case: Case, way: Way) -> Run:
        """Run a whole loop that draws its own parameters: not at all, then for one epoch."""
        printed = io.StringIO()
        with quiet(io.StringIO()), kept_state(self.thing):
            first = self.thing(**self._given(case, way, epochs=0))
        with quiet(printed, self.trace), kept_state(self.thing):
            given = self._given(case, way, epochs=1)
            before = copy.deepcopy(given)
            result = self.thing(**given)
        _, old = read(first, self.network.sizes, self.names)
        loss, new = read(result, self.network.sizes, self.names)
        layers = []
        for l, (W, b) in enumerate(case.layers, 1):
            w0, _ = way.shapes.weight_back(old[f"W{l}"], W)
            b0 = np.resize(np.asarray(old[f"b{l}"], dtype=float).ravel(), b.shape)
            if w0.shape != W.shape:
                raise Unreadable(f"its weights have the shape {np.shape(old[f'W{l}'])}")
            layers.append((w0, b0))
        rate = self.rate() or case.rate
        drawn = Case(case.network, tuple(layers), case.X, case.Y, case.l2, rate)
        run = laid_back(new, drawn, way.shapes, updated=True, old=old)
        run.loss, run.printed = loss, printed.getvalue()
        run.changed = changed_in(before, given, self.roles)
        return run

    def rate(self) -> float | None:
        """Return the learning rate that stands in the code or beside it, if one does."""
        if "rate" in self.roles.values():
            return None
        for node in ast.walk(self.source.tree):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
                continue
            if role_of(ast.unparse(node.targets[0])) == "rate":
                return float(node.value.value)  # type: ignore[arg-type]
        known = [
            value
            for name, value in space_of(self.thing).items()
            if role_of(name) == "rate" and isinstance(value, (int, float))
        ]
        return float(known[0]) if known else None

    def _given(self, case: Case, way: Way, epochs: int) -> dict[str, Any]:
        given = {}
        for name, role in self.roles.items():
            value = self._value(role, case, way, epochs)
            if value is not None:
                given[name] = value
        return given

    def _value(self, role: str, case: Case, way: Way, epochs: int) -> Any:
        if role[0] in "Wb" and (role[1:].isdigit() or len(role) == 1):
            return self._parameter(role, case, way.shapes)
        match role:
            case "params":
                return self._bundle(case, way)
            case "zeros":
                return _zeros(self._bundle(case, way))
            case "x":
                return way.shapes.inputs(case.X)
            case "y":
                return way.shapes.outputs(case.Y)
            case "l2":
                return case.l2
            case "rate":
                return case.rate
            case "epochs":
                return epochs
            case "m":
                return len(case.X)
        if role.startswith("function "):
            return space_of(self.thing)[role.removeprefix("function ")]
        return setting(role, self.network)

    def _parameter(self, role: str, case: Case, shapes: Shapes) -> Any:
        parts = [
            shapes.weight(layer[0]) if role[0] == "W" else shapes.bias(layer[1])
            for layer in case.layers
        ]
        if len(role) == 1:
            return parts[0] if self.depth == 1 and not self._takes_lists else parts
        numbers = self.numbers[role[0]]
        whole = max(numbers) - min(numbers) + 1 == self.depth
        index = int(role[1:]) - (min(numbers) if whole else min(1, *numbers, 1))
        if index >= self.depth:
            raise Unreadable(f"it takes {role}, but the network has {self.depth} layers")
        return parts[index]

    def _layers(self) -> Any:
        """Return the list of layers of its file that a function goes through, or None."""
        space = space_of(self.thing)
        names = [name for name, role in self.roles.items() if role == "params"]
        values = [*map(space.get, names), *(space.values() if names else ())]
        return next((value for value in values if layers_of(value)), None)

    def _bundle(self, case: Case, way: Way) -> Any:
        kind: Any = way.bundle or "in turn"
        if kind == "layers":
            return with_parameters(self._layers(), case, way.shapes)
        if kind == "object":
            return kind_of_object(self.thing, self.roles)(case, way.shapes, self._text())
        return bundle(kind, case, way.shapes, self._text())

    @property
    def _takes_lists(self) -> bool:
        return any(
            plain(name) in ("ws", "bs", "weights", "biases")
            and re.search(rf"len\({name}|{name}\[-?\d\]|zip\({name}", self.source.text)
            for name in self.roles
        )


def without_biases(case: Case) -> Case:
    """Return a case whose biases are 0, for code that has none."""
    layers = tuple((W, 0.0 * b) for W, b in case.layers)
    return _kept_case(case, layers)


def _kept_case(case: Case, layers: Any) -> Case:
    key = id(case)
    if key not in _unbiased or _unbiased[key][0] is not case:
        new = Case(case.network, layers, case.X, case.Y, case.l2, case.rate)
        _unbiased[key] = (case, new)
    return _unbiased[key][1]


_unbiased: dict[int, tuple[Case, Case]] = {}


def _zeros(value: Any) -> Any:
    """Return the same dictionaries and lists, of zeros."""
    if isinstance(value, dict):
        return {key: _zeros(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_zeros, value))
    return np.zeros_like(value, dtype=float)


def setting(role: str, network: Network) -> Any:
    """Return the size or the seed that an argument asks for."""
    sizes = network.sizes
    hidden = list(sizes[1:-1])
    return {
        "sizes": list(sizes),
        "n_in": sizes[0],
        "n_out": sizes[-1],
        "seed": SEED,
        "n_hidden": None if not hidden else hidden[0] if len(hidden) == 1 else hidden,
    }.get(role)
