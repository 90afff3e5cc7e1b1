"""A user's own activation or loss: one rule, checked, compiled apart, called by its address.

The kernels that train are compiled once and kept on disk. They know a user's rule by the
address of its machine code, in place of a number in a registry, so a new rule costs the
compilation of its own loop and no more.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np

from chainrule.errors import BadRule
from chainrule.formula import (
    LARGEST_EXPONENT,
    NAMES,
    arguments_of,
    check,
    in_precision_of_argument,
    lifted,
    like,
    parse,
)
from chainrule.loops import activation_loop, loss_loop
from chainrule.slopecheck import check_activation, check_loss


@dataclass(frozen=True, init=False)
class Rule:
    """A formula of the user's own, known by its source.

    An activation is ``f(z) -> (a, slope)`` with slope = da/dz, a loss ``f(a, y) -> (loss,
    slope)`` with slope = dloss/da; a third argument of a loss, with a default, is the loss's
    own parameter. They are written in a small grammar: assignments to names, numbers,
    ``+ - * / **``, ``x if a < b else y``, and abs, erf, exp, expm1, log, log1p, sqrt, tanh,
    which here are chainrule's own, whatever they are where the rule stands.

    Wherever a rule is taken the function itself will do, if its source is at hand. A
    ``Rule`` is text, and so can go to other processes.

    Parameters
    ----------
    source : str, callable or Rule
        One ``def``, as text or as a function. Annotations are left out.

    Raises
    ------
    BadRule
        If it is outside the grammar, or if its slope is not its derivative.

    Examples
    --------
    >>> bump = Rule("def bump(z): a = exp(-z * z); slope = -2.0 * z * a; return a, slope")
    >>> bump.name, [float(value) for value in bump(0.0)]
    ('bump', [1.0, -0.0])
    """

    source: str

    def __init__(self, source: str | Callable[..., Any] | ast.FunctionDef) -> None:
        text = source.source if isinstance(source, Rule) else _plain(check(source, results=2))
        object.__setattr__(self, "source", text)
        arguments = parse(text).args
        if (len(arguments.args), len(arguments.defaults)) not in ((1, 0), (2, 0), (3, 1)):
            raise BadRule(
                f"rule {self.name} takes ({ast.unparse(arguments)}): an activation is f(z); a "
                "loss is f(a, y), or f(a, y, parameter=1.0)"
            )
        check_slope(text, self.parameter)

    def __str__(self) -> str:
        return self.name

    def __call__(self, *numbers: float) -> tuple[Any, Any]:
        """Return value and slope as kernels compute them, in float64: without any error."""
        own = () if self.parameter is None or len(numbers) > 2 else (self.parameter,)
        with np.errstate(all="ignore"):
            value, slope = _typed(self.source)(*map(np.float64, (*numbers, *own)))
        return value, slope

    @property
    def name(self) -> str:
        """The name of the function."""
        return parse(self.source).name

    @property
    def function(self) -> Callable[..., Any]:
        """The rule as a function of numbers, with chainrule's own exp, log and so on."""
        return _built(self.source)

    @property
    def is_loss(self) -> bool:
        """Whether it takes an output and a target."""
        return len(arguments_of(self.source)) > 1

    @property
    def parameter(self) -> float | None:
        """The default of a loss's own parameter, where it has one."""
        defaults = [ast.literal_eval(default) for default in parse(self.source).args.defaults]
        return float(defaults[0]) if defaults else None


def _plain(rule: ast.FunctionDef) -> str:
    """Return the source of a rule in one form, without comments and annotations."""
    for part in ast.walk(rule):
        _refuse_long_arithmetic(rule, part)
    names = [ast.arg(argument.arg) for argument in rule.args.args]
    plain = ast.arguments([], names, None, [], [], None, rule.args.defaults)
    return "\n    ".join([f"def {rule.name}({ast.unparse(plain)}):", *map(ast.unparse, rule.body)])


def _refuse_long_arithmetic(rule: ast.FunctionDef, part: ast.AST) -> None:
    """Refuse what takes Python long: it computes powers of whole numbers in full."""
    if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow):
        names = any(isinstance(inner, ast.Name) for inner in ast.walk(part))
        power = part.right.value if isinstance(part.right, ast.Constant) else 0.0
        if not names or (isinstance(power, int) and power > LARGEST_EXPONENT):
            raise BadRule(
                f"rule {rule.name}, line {part.lineno}: `{ast.unparse(part)}` is too large a power"
            )


@cache
def _built(source: str) -> Callable[..., Any]:
    names = dict(NAMES)
    exec(compile(source, "<rule>", "exec"), names)
    function: Callable[..., Any] = names[parse(source).name]
    function.rule_source = source  # type: ignore[attr-defined]
    return function


@cache
def _typed(source: str) -> Callable[..., Any]:
    return in_precision_of_argument(source, like)


@lru_cache(maxsize=256)
def check_slope(source: str, parameter: float | None) -> None:
    """Refuse a rule in the grammar whose slope is not its derivative.

    Parameters
    ----------
    source : str
    parameter : float or None
        The value of a loss's own parameter.
    """
    rule, arguments = parse(source), arguments_of(source)
    function = _typed(source)
    if len(arguments) == 1:
        check_activation(rule.name, arguments[0], function)
    elif parameter is None:
        check_loss(rule.name, arguments, function)
    else:
        own = np.float64(parameter)
        check_loss(rule.name, arguments[:2], lambda a, y: function(a, y, own))


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
    node = parse(given.source if isinstance(given, Rule) else given)
    if (len(node.args.args) > 1) != loss:
        wanted = "a loss is f(a, y)" if loss else "an activation is f(z)"
        raise BadRule(f"rule {node.name}: {wanted}; this one takes other arguments")
    return given if isinstance(given, Rule) else Rule(given)


def rule_in_file(text: str) -> Rule:
    """Return the rule ``NAME`` of a file, for ``FILE.py:NAME``; no code in it is run."""
    path, _, name = text.rpartition(":")
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BadRule(f"{path} cannot be read as Python: {reason}") from None
    rules = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in rules:
        raise BadRule(f"{path} has no function {name}; it has {', '.join(rules) or 'none'}")
    return Rule(rules[name])


# What the kernels are given.

_functions: dict[int, Callable[..., Any]] = {}  # without the compiler, by number


@cache
def code_of(rule: Rule, itemsize: int) -> int:
    """Return the number by which kernels call a rule: the address of its machine code."""
    from chainrule.jit import COMPILED, compiled_apart

    frame, arguments = activation_loop, "outputs_, slopes_"
    if rule.is_loss:
        frame, arguments = loss_loop, "outputs_, targets_, shares_, parameter_, deltas_"
    body = indent(lifted(rule.source, frame(list(arguments_of(rule.source))), results=2), " " * 4)
    space = NAMES | {"like": like}
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
