"""Run a learner's class: set its parameters, go forward and backward, read its gradients."""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.checking import wordlist
from chainrule.checking.bundling import bundle, bundles
from chainrule.checking.functions import setting, signature_of
from chainrule.checking.holding import Place, parameters_in
from chainrule.checking.packing import Shapes, layouts
from chainrule.checking.reading import Unreadable, read
from chainrule.checking.roles import plain, role_of
from chainrule.checking.running import Run, Way, laid_back, quiet
from chainrule.checking.sources import files_of, source_of
from chainrule.checking.steps import Case, pass_of
from chainrule.checking.tracing import Trace
from chainrule.network import Network

FORWARD = (
    r"(feed)?forward(pass|propagation|prop)?|predict|call|propagate|computeoutputs?|"
    rf"{wordlist.FORWARD}"
)
BACKWARD = (
    r"back(ward)?(s)?(pass|propagation|propagate|prop)?|(compute|calc|get)?grad(ient)?s?|"
    rf"trainstep|trainonbatch|train|fit|step|learn|\w*({wordlist.BACKWARD})\w*|"
    rf"\w*({wordlist.TRAINING})\w*"
)
WITH_LOSS = r"(compute)?loss(andgrads?|gradients?)?|cost(function)?"
UPDATE = r"update(parameters|params|weights)?|step|optimize|applygradients"


class ClassProgram:
    """A class with a forward and a backward method, and its parameters in attributes."""

    def __init__(self, kind: type, network: Network, hints: dict[str, str]) -> None:
        self.thing, self.network, self.hints = kind, network, hints
        self.name, self.source = kind.__name__, source_of(kind)
        self.depth = len(network.sizes) - 1
        self.trace: Trace | None = None
        self.unjudged = ""  # a method that steps, where gradients were read before it
        self.guessed = False  # whether nobody said which loss it has
        self.arguments = signature_of(kind)
        self.forward = self._method(FORWARD)
        self.backward = self._method(BACKWARD) or self._method(WITH_LOSS)
        if self.backward is None:
            raise Unreadable(
                "it has no method that sounds like back-propagation, such as backward(X, y)"
            )
        self.forward = self.forward or self._maker(self.backward)
        self.roles = {name: role_of(name) or "" for name in self.arguments}
        self.roles |= {
            name: role_of(name) or "" for name in signature_of(self._bare(self.backward))
        }

    @classmethod
    def every(cls, kind: type, network: Network, hints: dict[str, str]) -> Iterator[ClassProgram]:
        """Yield the programs that a class may be."""
        yield cls(kind, network, hints)

    def sized(self, network: Network) -> ClassProgram:
        """Return the same program, for a network of other sizes."""
        return type(self)(self.thing, network, self.hints)

    def files(self) -> frozenset[str]:
        """Return the files that its code stands in."""
        return files_of(self.thing)

    def _method(self, pattern: str) -> str | None:
        names = [
            name for name, part in inspect.getmembers(self.thing)
            if callable(part) and re.fullmatch(pattern, plain(name.strip("_")))
            and (not name.startswith("__") or name in vars(self.thing))
        ]  # fmt: skip
        order = ["forward", "backward", "backprop", "back_propagation"]

        def rank(name: str) -> tuple[int, bool, str]:
            trains = re.search(wordlist.TRAINING, plain(name)) is not None
            return order.index(name) if name in order else 9, trains, name

        return min(names, key=rank, default=None)

    def _maker(self, backward: str) -> str | None:
        """Return the method that sets what another reads and does not set, whatever its name."""
        methods = {
            node.name: _attributes(node) for node in ast.walk(self.source.tree)
            if isinstance(node, ast.FunctionDef)
        }  # fmt: skip
        if backward not in methods:
            return None
        read, own, _ = methods.pop(backward)
        _, built, _ = methods.pop("__init__", (set(), set(), set()))
        needed = read - own - built
        makers = [name for name, (_, made, called) in methods.items()
                  if needed and needed <= made and backward not in called]  # fmt: skip
        return makers[0] if makers else None

    def _bare(self, name: str) -> Any:
        return getattr(self.thing, name)

    def ways(self) -> Iterator[Way]:
        """Yield the ways in which its arrays may be laid out."""
        for shapes in layouts(self.network, self.hints):
            yield Way("", shapes)

    def run(self, case: Case, way: Way, passes: int = 1) -> Run:
        """Make an object, set its parameters, and go forward and backward through it."""
        shapes = way.shapes
        X, Y = shapes.inputs(case.X), shapes.outputs(case.Y)
        kept = np.array(X), np.array(Y)
        printed = io.StringIO()
        with quiet(printed, self.trace):
            object_ = self.thing(**self._built(case, shapes, X, Y))
            places = parameters_in(object_, self.depth)
            if not places:
                raise Unreadable("no parameters such as W1, b1 are among its attributes")
            old = self._set(places, case, shapes)
            for _ in range(passes):
                result = self._step(object_, case, shapes, X, Y)
            found, updated, loss = self._found(object_, result, old, case)
        rate = self._rate(object_, case)
        at = Case(case.network, case.layers, case.X, case.Y, case.l2, rate)
        run = laid_back(found, at, shapes, updated)
        run.loss, run.printed = loss, printed.getvalue()
        run.changed = [name for name, before, after in (("X", kept[0], X), ("y", kept[1], Y))
                       if not np.array_equal(before, after)]  # fmt: skip
        return run

    def _built(self, case: Case, shapes: Shapes, X: Any, Y: Any) -> dict[str, Any]:
        given: dict[str, Any] = {}
        unknown = []
        for name, parameter in self.arguments.items():
            role = role_of(name)
            value = self._value(role or "", case, shapes, X, Y)
            if value is not None:
                given[name] = value
            elif parameter.default is parameter.empty:
                unknown.append(name)
        sizes = case.network.sizes
        if len(unknown) == 1:
            given[unknown[0]] = list(sizes)
        elif len(unknown) == len(sizes):
            given |= dict(zip(unknown, sizes, strict=True))
        elif unknown:
            raise Unreadable(f"what {unknown[0]!r} of {self.name}(...) stands for cannot be seen")
        return given

    def _value(self, role: str, case: Case, shapes: Shapes, X: Any, Y: Any) -> Any:
        match role:
            case "x":
                return X
            case "y":
                return Y
            case "W" | "b":
                part = 0 if role == "W" else 1
                lay: Callable[[Any], Any] = shapes.weight if role == "W" else shapes.bias
                parts = [lay(layer[part]) for layer in case.layers]
                return parts[0] if self.depth == 1 else parts
            case "params":
                return bundle(
                    bundles(self.source.text, self.depth)[0], case, shapes, self.source.text
                )
            case "rate":
                return case.rate
            case "l2":
                return case.l2
            case "epochs":
                return 1
        if role and role[0] in "Wb":
            layer = case.layers[int(role[1:]) - 1]
            return shapes.weight(layer[0]) if role[0] == "W" else shapes.bias(layer[1])
        return setting(role, case.network) if role else None

    def _set(self, places: dict[str, Place], case: Case, shapes: Shapes) -> dict[str, Any]:
        old = {}
        for l, (W, b) in enumerate(case.layers, 1):
            for name, value in ((f"W{l}", shapes.weight(W)), (f"b{l}", shapes.bias(b))):
                if name not in places:
                    raise Unreadable(f"{name} is not among its attributes")
                container, key = places[name]
                drawn = container[key]
                if drawn is not None and np.shape(drawn) != np.shape(value):
                    raise Unreadable(f"{name} has the shape {np.shape(drawn)} there")
                container[key] = value
                old[name] = np.array(value)
        return old

    def _step(self, object_: Any, case: Case, shapes: Shapes, X: Any, Y: Any) -> Any:
        output = None
        if self.forward:
            output = self._call(object_, self.forward, case, shapes, X, Y, None)
        assert self.backward is not None
        return self._call(object_, self.backward, case, shapes, X, Y, output)

    def _call(
        self, object_: Any, name: str, case: Case, shapes: Shapes, X: Any, Y: Any, output: Any
    ) -> Any:
        method = getattr(object_, name)
        given, unknown = {}, []
        for argument, parameter in signature_of(method).items():
            word = plain(argument)
            if name != self.forward and re.fullmatch(
                r"(y|t)?(hat|pred|predictions?|out|outputs?|o|a|probs?|yhat|ypred)", word
            ):
                given[argument] = output
            elif re.fullmatch(r"d(out|loss|l?d?[aoy]\w*|output)|grad\w*|error|delta", word):
                given[argument] = self._outer(case, shapes)
            else:
                value = self._value(role_of(argument) or "", case, shapes, X, Y)
                if value is not None:
                    given[argument] = value
                elif parameter.default is parameter.empty:
                    unknown.append(argument)
        wanted = [X] if name == self.forward else [Y] if len(unknown) == 1 else [X, Y]
        if len(unknown) > len(wanted):
            raise Unreadable(f"what {unknown[0]!r} of {name}(...) stands for cannot be seen")
        given |= dict(zip(unknown, wanted, strict=False))
        return method(**given)

    def _outer(self, case: Case, shapes: Shapes) -> Any:
        """Return dL/dA of the mean loss, for a backward pass that begins after the loss."""
        error = pass_of(case).error / len(case.X)
        return replace(shapes, whole=False).outputs(error)

    def _found(
        self, object_: Any, result: Any, old: dict[str, Any], case: Case
    ) -> tuple[dict[str, Any], bool, float | None]:
        assert self.backward is not None
        loss = None
        if isinstance(result, (int, float, np.floating)):
            loss, result = float(result), None
        if result is not None:
            try:
                loss, found = read(result, self.network.sizes, self.source.returned(self.backward))
                return found, False, loss
            except Unreadable:
                pass
        gradients = parameters_in(object_, self.depth, gradients=True)
        if gradients:
            update = self._method(UPDATE)
            self.unjudged = update if update and update != self.backward else ""
            return {name: c[k] for name, (c, k) in gradients.items()}, False, loss
        now = {name: c[k] for name, (c, k) in parameters_in(object_, self.depth).items()}
        if all(np.array_equal(now[name], old[name]) for name in old):
            update = self._method(UPDATE)
            if update and update != self.backward:
                self._call(object_, update, case, Shapes("in_out", "rows", "matrix", "flat"),
                           None, None, None)  # fmt: skip
                now = {name: c[k] for name, (c, k) in parameters_in(object_, self.depth).items()}
        for name in old:
            if np.shape(old[name]) == np.shape(now[name]) and np.array_equal(old[name], now[name]):
                continue
            return now, True, loss
        raise Unreadable(
            f"after {self.backward}(...) no gradients such as dW1 are to be seen, neither "
            "returned nor among the attributes, and no parameter has changed"
        )

    def _rate(self, object_: Any, case: Case) -> float:
        for name, value in vars(object_).items():
            if role_of(name) == "rate" and isinstance(value, (int, float)) and value:
                return float(value)
        return case.rate


def _attributes(method: ast.FunctionDef) -> tuple[set[str], set[str], set[str]]:
    """Return the attributes of self that a method reads, those that it sets, and what it calls."""
    mine = [
        node for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]  # fmt: skip
    made = {node.attr for node in mine if isinstance(node.ctx, ast.Store)}
    called = {
        node.func.attr for node in ast.walk(method)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }  # fmt: skip
    return {node.attr for node in mine if isinstance(node.ctx, ast.Load)} - called, made, called
