"""Find what in a file looks like back-propagation, by names and arguments; nothing is run."""

from __future__ import annotations

import ast
import re

from chainrule.checking import wordlist
from chainrule.checking.roles import is_gradient, plain, role_of

BACKWARD = re.compile(rf"back|grad|deriv|{wordlist.BACKWARD}")
TRAINING = re.compile(
    r"train|fit|step|update|descent|optimi|learn|sgd|epoch|network|nn|neuron"
    rf"|{wordlist.TRAINING}|{wordlist.NETWORKS}"
)
CHECKS = "numer|check|approx|test|finite|plot"
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
    found = ranked(tree)
    return found[0] if found else []


def ranked(tree: ast.Module) -> list[list[str]]:
    """Return the names that may be meant, those that are equally likely together."""
    ranks = {node.name: _rank(node) for node in definitions(tree)}
    tiers = [[name for name, rank in ranks.items() if rank == tier] for tier in range(TIERS)]
    found = [tier for tier in tiers if tier]
    return found or ([list(ranks)] if len(ranks) == 1 else [])


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
        ranks = [_rank_of(method, _roles(method) | {"W", "b", "x"}) for method in methods]
        layers = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
                  and re.fullmatch(r"W\d+", role_of(part.attr) or "")}  # fmt: skip
        whole = len(layers) > 1 and any(BACKWARD.search(plain(m.name)) for m in methods)
        return min([*ranks, 3 if whole else TIERS])
    return _rank_of(node, _roles(node))


def _rank_of(node: ast.FunctionDef, roles: set[str]) -> int:
    word = plain(node.name)
    if re.search(CHECKS, word):
        return 3 if BACKWARD.search(word) and "y" in roles else TIERS
    backward = BACKWARD.search(word) and not re.search("descent", word)
    other = OTHER.search(word) and not TRAINING.search(word)
    gives = gives_gradients(node)
    if {"x", "y"} <= roles:
        if backward or (gives and not {"rate", "epochs"} & roles):
            return 0
        if TRAINING.search(word):
            return 1
        if not other and {"W", "params"} & roles:
            return 2
    if backward and "y" in roles:
        return 3
    return 3 if _looks_like_it(node) else TIERS


def gives_gradients(node: ast.FunctionDef) -> bool:
    """Say whether a function returns what is called like gradients."""
    returns = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
    value = returns[-1].value if returns else None
    if isinstance(value, ast.Dict):
        return any(isinstance(key, ast.Constant) and is_gradient(str(key.value))
                   for key in value.keys)  # fmt: skip
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return any(is_gradient(n) or re.fullmatch("grads?|gradients?|g", plain(n)) for n in names)


def _looks_like_it(node: ast.FunctionDef) -> bool:
    """Say whether a function of four arguments or more multiplies matrices and gives several."""
    every = list(ast.walk(node))
    returns = [part.value for part in every if isinstance(part, ast.Return) and part.value]
    several = bool(returns) and isinstance(returns[-1], (ast.Tuple, ast.List, ast.Dict))
    products = [
        part for part in every
        if (isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)
            and part.func.attr in ("dot", "matmul", "outer", "einsum"))
    ]  # fmt: skip
    return len(node.args.args) >= 4 and several and len(products) >= 2


def _roles(function: ast.FunctionDef) -> set[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    found = {role_of(argument.arg) or "" for argument in arguments}
    return found | {role[0] for role in found if role[:1] in ("W", "b")}
