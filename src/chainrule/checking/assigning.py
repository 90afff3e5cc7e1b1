"""What the arguments of a learner's function stand for, all the ways that are likely.

A name that tells decides. Where names tell nothing, the place among the others does, and what
the code does with it; where that leaves several ways, they are tried in turn.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.checking import wordlist
from chainrule.checking.reading import Unreadable
from chainrule.checking.roles import plain, role_of
from chainrule.checking.sources import source_of, space_of

Roles = dict[str, str]
FORWARD = re.compile(
    rf"(feed)?forward|predict|propag(?!.*back)|feed|model|{wordlist.FORWARD}", re.IGNORECASE
)
MADE = re.compile(
    r"(a|z|h|s|o|u|net|al|act|out|hidden|layer|probs?|yhat|ypred|yp|preds?|predictions?|outputs?"
    r"|logits?|scores?|salida|ausgabe|sortie|saida)(\d*)"
)
STATE = re.compile(
    r"v|m|s|vel|velocity|velocities|velocidad|momentums?|moments?|state|opt(imizer)?state"
    r"|history|adam|cache|buffers?|prev\w*|v(w|b|dw|db)\d*"
)
ONCE = ("params", "x", "y", "rate", "l2")
OPTIONAL = ("rate", "params", "cache", "y", "loss")  # of which a default may be another thing
MOST = 6


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


def assignments(function: Any, depth: int, targets: bool = True) -> list[Roles]:
    """Return the roles that a function's arguments may have, the likeliest first.

    Raises
    ------
    Unreadable
        If there is none.

    Examples
    --------
    >>> assignments(lambda u, v, inp, want: 0, 1)[0]
    {'u': 'W', 'v': 'b', 'inp': 'x', 'want': 'y'}
    """
    arguments = signature_of(function)
    named, unknown = _by_name(arguments, function)
    forwards = _forwards(function) if targets else []
    words = {word for other in forwards for word in _returned(other)}
    sizes = [name for name, role in named.items() if role[:2] == "n_" and plain(name) in words]
    named = {name: role for name, role in named.items() if name not in sizes}
    unknown = sorted([*unknown, *sizes], key=list(arguments).index)
    needed = ["x", "y"] if targets else ["x"]
    found: list[Roles] = []
    made = _made(unknown, named, forwards, function)
    if made:
        rest = [name for name in unknown if name not in made]
        found += _placed(named | made, rest, depth, needed, arguments)
    found += _placed(named, unknown, depth, needed, arguments)
    if not found:
        raise refusal(function, targets)
    source = source_of(function)
    found = [other for roles in found for other in _otherwise(roles, arguments, source.text, depth)]
    return [dict(pairs) for pairs in dict.fromkeys(tuple(roles.items()) for roles in found)][:MOST]


def _by_name(arguments: dict[str, inspect.Parameter], function: Any) -> tuple[Roles, list[str]]:
    """Return the roles that names tell, each once where it is of one thing, and the rest."""
    named: Roles = {}
    unknown = []
    required = {name for name, p in arguments.items() if p.default is p.empty}
    for name in sorted(arguments, key=lambda name: (name not in required, _vague(name))):
        role = "m" if plain(name) in ("m", "nsamples", "batchsize") else role_of(name)
        twice = role in named.values() and role in ONCE
        handed = _function_for(name, function) if name in required else None
        role = f"function {handed}" if handed and role in (None, "loss") else role
        whole = role == "params" and any(each[0] in "Wb" for each in named.values())
        if role is not None and not twice and not whole:
            named[name] = role
        elif name in required:
            unknown.append(name)
    order = list(arguments)
    return (
        {name: named[name] for name in order if name in named},
        sorted(unknown, key=order.index),
    )


def _function_for(name: str, function: Any) -> str | None:
    """Return the function of the same file that an argument such as loss_prime asks for."""
    slope, kind = (re.compile(text) for text in (r"prime|deriv|grad|^d", r"loss|cost|error|mse"))
    word = plain(name)
    if not kind.search(word):
        return None
    file = source_of(function).file
    names = [
        other for other, thing in space_of(function).items()
        if inspect.isfunction(thing) and source_of(thing).file == file and thing is not function
        and re.search(r"loss|cost|error|mse|entropy|bce", plain(other))
        and bool(slope.search(plain(other))) == bool(slope.search(word))
    ]  # fmt: skip
    return name if name in names else next(iter(names), None)


def _vague(name: str) -> int:
    return plain(name) in ("state", "d", "t", "truth", "p", "a0", "h0", "cache")


def _forwards(function: Any) -> list[Any]:
    """Return the functions of the same file that may go forward, the likeliest first."""
    file = source_of(function).file
    others = [
        other for name, other in space_of(function).items()
        if inspect.isfunction(other) and other is not function
        and other.__name__ == name and source_of(other).file == file
    ]  # fmt: skip
    named = [other for other in others if FORWARD.search(plain(other.__name__))]
    return sorted(named, key=lambda other: "model" not in other.__name__)


def forwards(function: Any, roles: Roles) -> list[Any]:
    """Return what may make the arguments that a forward pass makes; None where none is."""
    if not {"made", "cache"} & set(roles.values()):
        return [None]
    found = _forwards(function)
    if not found:
        raise Unreadable(
            "it takes a cache, and no function such as forward(X, params) that would make one "
            "stands in its file"
        )
    wanted = {plain(name) for name, role in roles.items() if role in ("made", "cache")}
    return sorted(found, key=lambda other: -len(wanted & set(_returned(other))))


def _returned(function: Any) -> list[str]:
    return [plain(name) for name in source_of(function).returned(function.__name__)]


def _made(unknown: list[str], named: Roles, forwards: Sequence[Any], function: Any) -> Roles:
    """Return which arguments a forward pass of the same file makes."""
    words = {word for other in forwards for word in _returned(other)}
    if not forwards:
        return {}
    made = {name: "made" for name in unknown
            if plain(name) in words or MADE.fullmatch(plain(name))}  # fmt: skip
    return made if made or "cache" in named.values() else {}


def _placed(
    named: Roles,
    unknown: list[str],
    depth: int,
    needed: list[str],
    arguments: Iterable[str],
) -> list[Roles]:
    """Return the ways to give the arguments whose names do not tell the roles that are open."""
    have = set(named.values())
    open_ = [role for role in needed if role not in have]
    if {"cache", "made"} & have and "x" in open_ and not unknown:
        open_.remove("x")
    if not unknown:
        return [named] if not open_ else []
    given = any(role[0] in "Wb" or role == "params" for role in have)
    orders = [*_of_parameters(have, depth)] if not {"made"} & have else []
    plans = []
    for order in [[], *orders] if given or "made" in have else orders:
        plans += [[*order, *open_], [*open_, *order]]
    found = [dict(zip(unknown, plan, strict=True)) for plan in plans if len(plan) == len(unknown)]
    if not found and given and len(unknown) > len(open_):
        states = [name for name in unknown if STATE.fullmatch(plain(name))]
        rest = [name for name in unknown if name not in states]
        if states and len(rest) == len(open_):
            found = [dict.fromkeys(states, "zeros") | dict(zip(rest, open_, strict=True))]
    return [named | more for more in found]


def _of_parameters(have: set[str], depth: int) -> list[list[str]]:
    """Return the orders in which the parameters that are missing may stand."""
    if "params" in have:
        return []
    layers = range(1, depth + 1)
    numbered = any(role[:1] in ("W", "b") and role[1:] for role in have)
    if numbered:
        first = min(int(role[1:]) for role in have if role[:1] in ("W", "b") and role[1:])
        every = [f"{letter}{l - 1 + first}" for l in layers for letter in "Wb"]
        return [[role for role in every if role not in have]]
    pair = [role for role in "Wb" if role not in have]
    if len(pair) < 2 or depth == 1:
        return [pair, ["params"]] if len(pair) == 2 else [pair]
    turns = [f"{letter}{l}" for l in layers for letter in "Wb"]
    groups = [f"{letter}{l}" for letter in "Wb" for l in layers]
    return [pair, turns, groups, ["params"], [f"W{l}" for l in layers]]


def _otherwise(
    roles: Roles, arguments: dict[str, inspect.Parameter], text: str, depth: int
) -> list[Roles]:
    """Return roles, and what they may be instead: one array of all, defaults that stay."""
    found = [roles]
    alone = [name for name, role in roles.items() if role == "W"]
    if len(alone) == 1 and not any(role[0] == "b" for role in roles.values()):
        whole = roles | {alone[0]: "params"}
        taken = re.search(rf"\w+\s*,[^=\n]*=\s*{alone[0]}\s*$|{alone[0]}\[[^\]\n]*:", text, re.M)
        found = [whole, roles] if taken else [roles, whole] if depth > 1 else [roles]
    kept = {
        name: role for name, role in roles.items()
        if not (role in OPTIONAL and arguments[name].default is not inspect.Parameter.empty)
    }  # fmt: skip
    if len(kept) < len(roles) and {"x", "y"} <= set(kept.values()):
        found.append(kept)
    return found


def refusal(function: Any, targets: bool = True) -> Unreadable:
    """Return what is to be said of a function whose arguments cannot be told apart."""
    arguments = signature_of(function)
    named, unknown = _by_name(arguments, function)
    if unknown:
        return Unreadable(
            f"what its argument {unknown[0]!r} stands for cannot be seen; call the arguments "
            "w, b, x, y, or W1, b1, W2, ..., or params, X, Y"
        )
    missing = "x" if not targets or "x" not in named.values() else "y"
    return Unreadable(
        f"it has no argument for the {'inputs (x)' if missing == 'x' else 'targets (y)'}; "
        f"its arguments are {', '.join(arguments) or 'none'}"
    )
