"""A user's own activation or loss: one rule, checked, compiled apart, called by its address.

The kernels that train are compiled once and kept on disk. They know a user's rule by the
address of its machine code, in place of a number in a registry, so a new rule costs the
compilation of its own loop and no more.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import signature
from math import isfinite
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np

from chainrule import elementary
from chainrule.errors import BadRule
from chainrule.formula import ELEMENTARY, check, in_precision_of_argument, lifted, parse
from chainrule.loops import activation_loop, loss_loop

LONGEST = 10_000  # characters of a source
STEP = 1e-5  # of the differences that a slope is held against
CLOSE = 1e-5
POINTS = tuple(4.0 * ((0.618034 * i) % 1.0) - 2.0 + 0.0137 for i in range(1, 40))
TARGETS = (-1.3, 0.0, 0.3, 1.0, 2.7)


@dataclass(frozen=True)
class Rule:
    """A formula of the user's own, known by its source.

    Parameters
    ----------
    source : str
        One ``def`` in the grammar of rules, without annotations or decorators:
        ``f(z) -> (a, slope)`` is an activation, ``f(a, y) -> (loss, slope)`` a loss, to
        which a third argument with a default may be added, its parameter.

    Raises
    ------
    BadRule
        If it is outside the grammar, or if its slope is not its derivative.

    Examples
    --------
    >>> bump = Rule("def bump(z): a = exp(-z * z); slope = -2.0 * z * a; return a, slope")
    >>> bump.name, [float(value) for value in bump.function(0.0)]
    ('bump', [1.0, -0.0])
    """

    source: str

    def __post_init__(self) -> None:
        node = _plain(_parsed(self.source))
        object.__setattr__(self, "source", ast.unparse(node))
        check_slope(self)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(re.split(r"[ (]", self.source, maxsplit=2)[1])

    @property
    def function(self) -> Callable[..., Any]:
        """The rule as a function of numbers, with chainrule's own exp, log and so on."""
        return _built(self.source)

    @property
    def is_loss(self) -> bool:
        """Whether it takes an output and a target."""
        return len(signature(self.function).parameters) > 1


@cache
def _built(source: str) -> Callable[..., Any]:
    node = _parsed(source)
    names = _names()
    exec(compile(source, f"<rule {node.name}>", "exec"), names)
    function: Callable[..., Any] = names[node.name]
    function.rule_source = source  # type: ignore[attr-defined]
    return function


def _names() -> dict[str, Any]:
    """Return the elementary functions, which a rule may name."""
    return {name: getattr(elementary, name, abs) for name in ELEMENTARY}


def rule_of(given: Any, loss: bool) -> Any:
    """Return a rule for a function, and anything else as it is.

    Parameters
    ----------
    given : callable, Rule or str
    loss : bool
        Whether a loss is wanted, or an activation.
    """
    if not isinstance(given, Rule) and not callable(given):
        return given
    function = given.function if isinstance(given, Rule) else given
    if (len(signature(function).parameters) > 1) != loss:
        wanted = "a loss is f(a, y)" if loss else "an activation is f(z)"
        raise BadRule(f"rule {function.__name__}: {wanted}; this one takes other arguments")
    return given if isinstance(given, Rule) else _rule_of_function(given)


@cache
def _rule_of_function(function: Callable[..., Any]) -> Rule:
    return Rule(ast.unparse(_plain(parse(function))))


def rule_in_file(text: str) -> Rule:
    """Return the rule ``NAME`` of a file, for ``FILE.py:NAME``; no code in it is run."""
    path, _, name = text.rpartition(":")
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadRule(f"{path} cannot be read as Python: {reason}") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Rule(ast.unparse(_plain(node)))
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    raise BadRule(f"{path} has no function {name}; it has {', '.join(found) or 'none'}")


def _parsed(source: str) -> ast.FunctionDef:
    if len(source) > LONGEST:
        raise BadRule(f"a rule of {len(source):,} characters is too long: {LONGEST:,} are allowed")
    try:
        (node,) = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadRule(f"a rule is one def in Python, and this is none ({error})") from None
    if not isinstance(node, ast.FunctionDef):
        raise BadRule("a rule is one def in Python, and this is none")
    return node


def _plain(node: ast.FunctionDef) -> ast.FunctionDef:
    """Return a def that holds nothing but its name, arguments, numbers as defaults, and lines."""
    arguments = node.args
    for argument in arguments.args:
        argument.annotation = None
    for default in arguments.defaults:
        value = default.value if isinstance(default, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRule(f"rule {node.name}: a default is a number, not `{ast.unparse(default)}`")
    node.decorator_list, node.returns, node.type_comment = [], None, None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}", node.name) or node.name in ELEMENTARY:
        raise BadRule(f"rule {node.name[:80]!r}: take another name, of letters, digits and _")
    try:
        _check_numbers(node)
    except RecursionError:
        raise BadRule(f"rule {node.name}: it is nested too deeply") from None
    return node


def _check_numbers(node: ast.FunctionDef) -> None:
    """Refuse what would take Python long: whole numbers are computed in full."""
    check(node, results=2)
    for part in ast.walk(node):
        number = part.value if isinstance(part, ast.Constant) else 0.0
        if isinstance(number, int | float) and not abs(number) < 1e300:
            raise BadRule(f"rule {node.name}: a number in it is too large")
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow):
            names = any(isinstance(inner, ast.Name) for inner in ast.walk(part.left))
            power = part.right.value if isinstance(part.right, ast.Constant) else 0.0
            if not names or (isinstance(power, int) and power > 64):
                raise BadRule(f"rule {node.name}: `{ast.unparse(part)}` is too large a power")


def check_slope(rule: Rule) -> None:
    """Hold the slope that a rule gives against differences of its value, at many points.

    Raises
    ------
    BadRule
        If one is far from the other. A point at which the two sides differ is a kink, and
        one where the value is not finite is outside: both are passed over.
    """
    n = len(signature(rule.function).parameters)
    if not 1 <= n <= 3 or (n == 3 and len(rule.function.__defaults__ or ()) != 1):
        raise BadRule(
            f"rule {rule.name}: an activation is f(z); a loss is f(a, y), or f(a, y, parameter=1.0)"
        )
    if n < 3 and rule.function.__defaults__:
        raise BadRule(
            f"rule {rule.name}: only the third argument, a loss's parameter, has a default"
        )
    typed = in_precision_of_argument(rule.function, lambda _, number: float(number))
    seen, defaults = 0, rule.function.__defaults__ or ()
    for x in POINTS:
        for rest in [()] if n == 1 else [(y, *defaults) for y in TARGETS]:
            seen += _agrees(rule, typed, x, rest)
    if not seen:
        raise BadRule(f"rule {rule.name}: it has no finite value between -2 and 2")


def _agrees(rule: Rule, f: Callable[..., Any], x: float, rest: tuple[float, ...]) -> bool:
    """Say whether slope and differences agree at a point; False where there is none."""
    try:
        (before, _), (value, slope), (after, _) = (f(x + d, *rest) for d in (-STEP, 0.0, STEP))
    except (ArithmeticError, ValueError):
        return False
    left, right = (value - before) / STEP, (after - value) / STEP
    if isinstance(value, complex) or not all(map(isfinite, (left, right))):
        return False
    middle = (left + right) / 2
    scale = max(1.0, abs(middle))
    if abs(left - right) > 100 * STEP * scale:
        return False
    if isfinite(slope) and abs(slope - middle) <= CLOSE * scale:
        return True
    names = signature(rule.function).parameters
    point = ", ".join(f"{name} = {v:.4g}" for name, v in zip(names, (x, *rest), strict=True))
    raise BadRule(
        f"rule {rule.name}: at {point} the slope is given as {slope:.7g}, and differences "
        f"of the value give {middle:.7g}; derive it again"
    )


# What the kernels are given.

_functions: dict[int, Callable[..., Any]] = {}  # without the compiler, by number


@cache
def code_of(rule: Rule, itemsize: int) -> int:
    """Return the number by which kernels call a rule: the address of its machine code."""
    from chainrule.jit import COMPILED, compiled_apart, like

    frame, arguments = activation_loop, "outputs_, slopes_"
    if rule.is_loss:
        frame, arguments = loss_loop, "outputs_, targets_, shares_, parameter_, deltas_"
    body = indent(lifted(rule.function, frame(rule.function), results=2), " " * 4)
    space = _names() | {"like": like}
    exec(f"def loop_({arguments}):\n{body}", space)
    if COMPILED:
        dtype = np.dtype(f"f{itemsize}")
        return compiled_apart(space["loop_"], dtype, rule.is_loss)
    code = 1000 + len(_functions)
    _functions[code] = space["loop_"]
    return code


def call_own(code: int, *arguments: Any) -> Any:
    """Call a rule by its number, where nothing is compiled."""
    return _functions[code](*arguments)
