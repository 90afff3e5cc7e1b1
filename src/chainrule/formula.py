"""Read the source of a rule: check it against the grammar, give it a precision.

A rule is a pure function of numbers, written in a small closed grammar:
assignments to names, numbers, ``+ - * / **``, unary minus, one comparison
inside ``x if condition else y``, and calls of the elementary functions. What is
inside the grammar can be compiled, printed and differentiated from its source;
what is outside is refused with the line at fault.

A rule is given as a function, as its source, or as the syntax tree of that. Sources may
come from anywhere: limits stand before everything that could take long.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from math import isfinite
from typing import Any

from chainrule import elementary
from chainrule.errors import BadRule

NAMES: dict[str, Any] = {function.__name__: function for function in elementary.PRECISIONS}
NAMES |= {"abs": abs, "sqrt": elementary.sqrt}
ELEMENTARY = frozenset(NAMES)
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub)
RESERVED = ELEMENTARY | {"like", "inf", "nan", "range"}
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)
MOST_CHARACTERS = 10_000
MOST_PARTS = 1000  # names, numbers and operators of a rule
DEEPEST = 40  # what stands inside what; 1 + z * (2 + z * (3 + z)) is 5 deep
LARGEST_EXPONENT = 64  # of a whole power that is computed by multiplications

Source = Callable[..., Any] | str | ast.FunctionDef


def like(z: Any, number: float) -> Any:
    """Return a number in the type of z."""
    return type(z)(number)


def parse(rule: Source) -> ast.FunctionDef:
    """Return the syntax tree of a rule; a function's has the line numbers of its file.

    A function that was made of text has the text in ``rule_source``.

    Raises
    ------
    BadRule
        If the source cannot be found, is too long, or is not a plain ``def``.
    """
    if isinstance(rule, ast.FunctionDef):
        return rule
    text = rule if isinstance(rule, str) else getattr(rule, "rule_source", None)
    own = "" if isinstance(rule, str) else getattr(rule, "__name__", repr(rule))
    name = f"rule {own}" if own else "rule"
    if text and len(text) > MOST_CHARACTERS:
        raise BadRule(f"a rule has {MOST_CHARACTERS:,} characters at most, and not {len(text):,}")
    try:
        lines, first = ([text], 1) if text else inspect.getsourcelines(rule)  # type: ignore[arg-type]
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise BadRule(
            f"{name}: its source cannot be read ({reason}); write it as a def in a file, or give "
            "its source as text"
        ) from None
    ast.increment_lineno(tree, first - 1)
    if len(tree.body) != 1 or not isinstance(node := tree.body[0], ast.FunctionDef):
        raise BadRule(f"{name}, line {first}: a rule is one def, not a lambda")
    if own not in ("", node.name):
        raise BadRule(f"{name}, line {first}: {node.name} stands there now; import it again")
    return node


def _limit(rule: ast.FunctionDef) -> None:
    """Refuse what is too long or too deep, before anything goes through it recursively."""
    parts: list[tuple[ast.AST, int]] = [(statement, 0) for statement in rule.body]
    for number, (part, depth) in enumerate(parts):  # it grows on the way
        if number >= MOST_PARTS or depth > DEEPEST:
            _refuse(rule, rule, f"a rule has {MOST_PARTS} parts at most, {DEEPEST} deep")
        parts += [(child, depth + 1) for child in ast.iter_child_nodes(part)]


def check(rule: Source, results: int) -> ast.FunctionDef:
    """Hold a rule against the grammar and return its syntax tree.

    Parameters
    ----------
    rule : callable, str or ast.FunctionDef
        The rule, its source, or the syntax tree of that.
    results : int
        How many values it must return.

    Raises
    ------
    BadRule
        If the rule steps outside the grammar; the message names the line.

    Examples
    --------
    >>> from chainrule.rules import ACTIVATIONS
    >>> check(ACTIVATIONS["silu"], results=2).name
    'silu'
    """
    node = parse(rule)
    _limit(node)
    _check_name(node, node, node.name)
    if node.decorator_list:
        _refuse(node, node, "it has no decorator")
    known = _names_of_arguments(node)
    for number, statement in enumerate(node.body):
        if is_docstring(statement):
            continue
        if isinstance(statement, ast.Assign) and _is_one_name(statement.targets):
            _check_expression(node, statement.value, known)
            name = ast.unparse(statement.targets[0])
            _check_name(node, statement, name)
            known.add(name)
        elif isinstance(statement, ast.Return) and number == len(node.body) - 1:
            values = statement.value.elts if isinstance(statement.value, ast.Tuple) else []
            if len(values) != results:
                _refuse(node, statement, f"it must return {results} values")
            for value in values:
                _check_expression(node, value, known)
        else:
            _refuse(node, statement, "only assignments to one name, then one return")
    if not isinstance(node.body[-1], ast.Return):
        _refuse(node, node.body[-1], "the last line must be a return")
    return node


def _check_expression(rule: ast.FunctionDef, expression: ast.expr, known: set[str]) -> None:
    match expression:
        case ast.Name(id=name):
            if name not in known:
                _refuse(rule, expression, f"{name!r} is not an argument and not assigned above")
        case ast.Constant(value=bool()):
            _refuse(rule, expression, "True and False are not numbers")
        case ast.Constant(value=int() | float() as number):
            if not _is_finite(number):
                _refuse(rule, expression, "a number is too large")
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            _check_expression(rule, left, known)
            _check_expression(rule, right, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check_expression(rule, operand, known)
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[comparison], comparators=[right]), body=yes, orelse=no
        ) if isinstance(comparison, _COMPARISONS):
            for part in (left, right, yes, no):
                _check_expression(rule, part, known)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in ELEMENTARY:
            _check_expression(rule, argument, known)
        case _:
            allowed = ", ".join(sorted(ELEMENTARY))
            _refuse(
                rule,
                expression,
                f"`{ast.unparse(expression)}` is outside the grammar of rules (numbers, names, "
                f"+ - * / **, x if a < b else y, and {allowed})",
            )


def _names_of_arguments(rule: ast.FunctionDef) -> set[str]:
    arguments = rule.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        _refuse(rule, rule, "it takes plain arguments: no *, / or **")
    for argument in arguments.args:
        _check_name(rule, argument, argument.arg)
    for default in arguments.defaults:
        if not isinstance(default, ast.Constant):
            _refuse(rule, default, "a default is a number")
        _check_expression(rule, default, set())
    return {argument.arg for argument in arguments.args}


def _is_finite(number: float) -> bool:
    try:
        return isfinite(number)
    except OverflowError:  # a whole number beyond float64
        return False


def _check_name(rule: ast.FunctionDef, place: ast.AST, name: str) -> None:
    """Keep clear of the names that the rebuilt sources put beside the rule's."""
    if name.endswith("_") or name in RESERVED:
        _refuse(rule, place, f"{name!r} is reserved: take another name, and none that ends in _")


def _is_one_name(targets: list[ast.expr]) -> bool:
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _refuse(rule: ast.FunctionDef, place: ast.AST, reason: str) -> None:
    raise BadRule(f"rule {rule.name}, line {getattr(place, 'lineno', '?')}: {reason}")


def is_docstring(statement: ast.stmt) -> bool:
    """Say whether a statement is text alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Constants(ast.NodeTransformer):
    """Give every number of a formula the type of the formula's first argument."""

    def __init__(self, argument: str) -> None:
        self.argument = argument

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, int | float):
            return node
        return self._typed(ast.Constant(float(node.value)))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._typed(node) if node.id in ("inf", "nan") else node

    def _typed(self, number: ast.expr) -> ast.AST:
        arguments: list[ast.expr] = [ast.Name(self.argument, ast.Load()), number]
        return ast.Call(func=ast.Name("like", ast.Load()), args=arguments, keywords=[])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        match node:
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int() as exponent)) if (
                exponent <= LARGEST_EXPONENT
            ):
                node.left = self.visit(node.left)  # x ** 2 keeps its whole exponent
                return node
        return self.generic_visit(node)


def in_precision_of_argument(rule: Source, like: Callable[..., Any]) -> Callable[..., Any]:
    """Rebuild a formula so that its numbers take the type of its first argument.

    ``1.0 + z`` with a float32 ``z`` is a float64 for the compiler, and would
    halve the speed of a loop. The rebuilt function reads ``like(z, 1.0) + z``.

    Parameters
    ----------
    rule : callable, str or ast.FunctionDef
        The formula. Without a function to take names from, its names are those of the
        elementary functions alone.
    like : callable
        ``like(z, number)`` returns the number in the type of ``z``.
    """
    node = parse(rule)
    body = _typed_body(node, node.args.args[0].arg)
    source = f"def {node.name}({', '.join(arguments_of(node))}):"
    source += "".join(f"\n    {ast.unparse(line)}" for line in body)
    file, names = "<rule>", NAMES | {"__builtins__": {}}
    if callable(rule):
        file, names = rule.__code__.co_filename, dict(rule.__globals__)
    names["like"] = like
    exec(compile(source, file, "exec"), names)
    rebuilt: Callable[..., Any] = names[node.name]
    return rebuilt


@lru_cache(maxsize=64)
def arguments_of(rule: Source) -> tuple[str, ...]:
    """Return the names of a rule's arguments."""
    return tuple(argument.arg for argument in parse(rule).args.args)


def lifted(rule: Source, frame: str, results: int) -> str:
    """Put the lines of a rule into the loop of an array function.

    Parameters
    ----------
    rule : callable, str or ast.FunctionDef
        The rule, for numbers.
    frame : str
        Lines of source. ``RULE``, alone on a line, stands for the lines of the
        rule, and ``RESULT`` for what it returns.
    results : int
        How many values the rule returns.
    """
    node = check(rule, results)
    *lines, last = _typed_body(node, node.args.args[0].arg)
    assert isinstance(last, ast.Return)
    assert last.value is not None
    head, _, tail = frame.partition("RULE\n")
    indent = head[head.rindex("\n") + 1 :]
    body = f"\n{indent}".join(map(ast.unparse, lines))
    return f"{head}{body}\n{tail.replace('RESULT', ast.unparse(last.value))}"


def _typed_body(node: ast.FunctionDef, argument: str) -> list[ast.stmt]:
    transformer = _Constants(argument)
    return [transformer.visit(deepcopy(line)) for line in node.body if not is_docstring(line)]
