"""Read the source of a rule: check it against the grammar, give it a precision.

A rule is a pure function of numbers, written in a small closed grammar:
assignments to names, numbers, ``+ - * / **``, unary minus, one comparison
inside ``x if condition else y``, and calls of the elementary functions. What is
inside the grammar can be compiled, printed and differentiated from its source;
what is outside is refused with the line at fault.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from chainrule import elementary
from chainrule.errors import BadRule

ELEMENTARY = frozenset(function.__name__ for function in elementary.PRECISIONS) | {"abs", "sqrt"}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub)
RESERVED = ELEMENTARY | {"like", "inf", "nan"}
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)


def parse(function: Callable[..., Any] | ast.FunctionDef) -> ast.FunctionDef:
    """Return the syntax tree of a function, with the line numbers of its file.

    A function that was made of text has the text in ``rule_source``.

    Raises
    ------
    BadRule
        If the source cannot be found, or is not a plain ``def``.
    """
    if isinstance(function, ast.FunctionDef):
        return function
    name = getattr(function, "__name__", repr(function))
    try:
        text = getattr(function, "rule_source", None)
        lines, first = ([text], 1) if text else inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError) as error:
        message = f"rule {name}: its source cannot be read ({error}); write it as a def in a file"
        raise BadRule(message) from None
    ast.increment_lineno(tree, first - 1)
    node = tree.body[0]
    if not isinstance(node, ast.FunctionDef):
        raise BadRule(f"rule {name}, line {first}: a rule is a def, not a lambda")
    return node


def check(function: Callable[..., Any] | ast.FunctionDef, results: int) -> ast.FunctionDef:
    """Hold a rule against the grammar and return its syntax tree.

    Parameters
    ----------
    function : callable or ast.FunctionDef
        The rule.
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
    node = parse(function)
    known = _names_of_arguments(node)
    for number, statement in enumerate(node.body):
        if _is_docstring(statement):
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
        case ast.Constant(value=int() | float()):
            pass
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
    return {argument.arg for argument in arguments.args}


def _check_name(rule: ast.FunctionDef, place: ast.AST, name: str) -> None:
    """Keep clear of the names that the rebuilt sources put beside the rule's."""
    if name.endswith("_") or name in RESERVED:
        _refuse(rule, place, f"{name!r} is reserved: take a name that does not end in _")


def _is_one_name(targets: list[ast.expr]) -> bool:
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _refuse(rule: ast.FunctionDef, place: ast.AST, reason: str) -> None:
    raise BadRule(f"rule {rule.name}, line {getattr(place, 'lineno', '?')}: {reason}")


def _is_docstring(statement: ast.stmt) -> bool:
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
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            node.left = self.visit(node.left)  # x ** 2 keeps its whole exponent
            return node
        return self.generic_visit(node)


def in_precision_of_argument(
    function: Callable[..., Any], like: Callable[..., Any]
) -> Callable[..., Any]:
    """Rebuild a formula so that its numbers take the type of its first argument.

    ``1.0 + z`` with a float32 ``z`` is a float64 for the compiler, and would
    halve the speed of a loop. The rebuilt function reads ``like(z, 1.0) + z``.

    Parameters
    ----------
    function : callable
        The formula.
    like : callable
        ``like(z, number)`` returns the number in the type of ``z``.
    """
    node = parse(function)
    body = _typed_body(node, node.args.args[0].arg)
    arguments = ", ".join(argument.arg for argument in node.args.args)
    source = f"def {node.name}({arguments}):"
    source += "".join(f"\n    {ast.unparse(line)}" for line in body)
    namespace = dict(function.__globals__) | {"like": like}
    exec(compile(source, function.__code__.co_filename, "exec"), namespace)
    rebuilt: Callable[..., Any] = namespace[node.name]
    return rebuilt


def lifted(function: Callable[..., Any], frame: str, results: int) -> str:
    """Put the lines of a rule into the loop of an array function.

    Parameters
    ----------
    function : callable
        The rule, for numbers.
    frame : str
        Lines of source. ``RULE``, alone on a line, stands for the lines of the
        rule, and ``RESULT`` for what it returns.
    results : int
        How many values the rule returns.
    """
    node = check(function, results)
    *lines, last = _typed_body(node, node.args.args[0].arg)
    assert isinstance(last, ast.Return)
    assert last.value is not None
    head, _, tail = frame.replace("RESULT", ast.unparse(last.value)).partition("RULE\n")
    indent = head[head.rindex("\n") + 1 :]
    written = "".join(f"{indent}{ast.unparse(line)}\n" for line in lines)
    return head[: len(head) - len(indent)] + written + tail


def _typed_body(node: ast.FunctionDef, argument: str) -> list[ast.stmt]:
    transformer = _Constants(argument)
    return [transformer.visit(line) for line in node.body if not _is_docstring(line)]
