"""Find what in a file looks like back-propagation, by names and arguments; nothing is run."""

from __future__ import annotations

import ast
import re

from chainrule.checking.roles import plain, role_of

BACKWARD = re.compile(r"back|grad|deriv")
TRAINING = re.compile(r"train|fit|step|update|descent|optimi|learn|sgd|epoch|network|nn|neuron")
OTHER = re.compile(
    r"loss|cost|error|accura|predict|forward(?!.*back)|numer|check|approx|test|finite|plot|"
    r"print|show|evaluat|score|load|save|init|data|split|main|onehot"
)
TIERS = 4


def candidates(tree: ast.Module) -> list[str]:
    r"""Return the likeliest names, all of them equally likely.

    Examples
    --------
    >>> candidates(ast.parse("def forward(w, b, x): 0\ndef backward(w, b, x, y): 0"))
    ['backward']
    >>> candidates(ast.parse("def gradients(w, b, x, y): 0\ndef train(x, y, epochs): 0"))
    ['gradients']
    """
    ranks = {node.name: _rank(node) for node in definitions(tree)}
    for tier in range(TIERS):
        found = [name for name, rank in ranks.items() if rank == tier]
        if found:
            return found
    return list(ranks) if len(ranks) == 1 else []


def likelihood(tree: ast.Module) -> int:
    """Return how likely there is back-propagation in a file, 0 the most; TIERS if none is."""
    return min(map(_rank, definitions(tree)), default=TIERS)


def named(tree: ast.Module) -> dict[str, int]:
    """Return the functions and classes of a file, and in which line each begins."""
    return {node.name: node.lineno for node in definitions(tree)}


def definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    """Return the functions and classes of a file; of two of the same name, the last."""
    found = {}
    for node in tree.body:
        inside = [*node.body, *node.orelse] if isinstance(node, ast.If | ast.Try) else [node]
        for part in inside:
            if isinstance(part, ast.FunctionDef | ast.ClassDef) and not part.name.startswith("_"):
                found[part.name] = part
    return list(found.values())


def _rank(node: ast.FunctionDef | ast.ClassDef) -> int:
    """Return how likely something is back-propagation, 0 the most; TIERS if it is not."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return min((_rank_of(m.name, _roles(m) | {"W", "b", "x"}) for m in methods), default=TIERS)
    return _rank_of(node.name, _roles(node))


def _rank_of(name: str, roles: set[str]) -> int:
    word = plain(name)
    backward = BACKWARD.search(word) and not re.search("descent", word)
    other = OTHER.search(word) and not TRAINING.search(word)
    if {"x", "y"} <= roles and not re.search("numer|check|approx|test|finite|plot", word):
        if backward:
            return 0
        if TRAINING.search(word):
            return 1
        if not other and {"W", "params"} & roles:
            return 2
    return 3 if backward and "y" in roles else TIERS


def _roles(function: ast.FunctionDef) -> set[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    found = {role_of(argument.arg) or "" for argument in arguments}
    return found | {role[0] for role in found if role[:1] in ("W", "b")}
