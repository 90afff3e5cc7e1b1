"""What network a learner's code is of, where nobody said: names, keys, functions, the loss."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.checking.assigning import assignments, forwards
from chainrule.checking.classes import ClassProgram
from chainrule.checking.functions import FunctionProgram, signature_of
from chainrule.checking.judging import l2_of, samples_of
from chainrule.checking.reading import Unreadable
from chainrule.checking.roles import role_of
from chainrule.checking.ruled import Array, apply, softmax
from chainrule.checking.running import Way, quiet
from chainrule.checking.sources import family, source_of, space_of
from chainrule.checking.steps import Case, pass_of
from chainrule.checking.tracing import Trace
from chainrule.errors import BadSetting
from chainrule.network import Network
from chainrule.rules import ACTIVATIONS

NAMES = {
    "softmax": r"softmax|exp\([^\n]*\)\s*/\s*\(?\s*(np\.)?sum|\be\w* / (np\.)?(sum\(\w|\w+\.sum)",
    "sigmoid": r"sigmoid|logistic|\bsigma\(|expit"
    r"|1(\.0?)?\s*/\s*\(\s*1(\.0?)?\s*\+\s*(\w+\.)?exp\(\s*-",
    "tanh": r"tanh",
    "leaky_relu": r"leaky",
    "relu": r"(?<!leaky_)(?<!leaky)relu|maximum\(\s*0|maximum\([\w.]+,\s*0|max\(\s*0",
    "softplus": r"softplus|log\(1(\.0?)?\s*\+\s*(\w+\.)?exp",
    "elu": r"(?<![rs])\belu",
    "selu": r"\bselu",
    "silu": r"silu|swish",
    "gelu": r"gelu",
    "softsign": r"softsign",
    "exp": r"exp\(",
}
LOG = r"\blog(p1)?\("
SQUARE = r"\*\*\s*2|square\(|mse|mean_squared|half_squared"
HIDDEN = (4, 5, 6, 4, 5)
MOST = 6  # networks that are tried
ADVICE = (
    "say it: Network((3, 4, 1), hidden='tanh', output='sigmoid', loss='binary_cross_entropy') in "
    "Python, or --sizes 3-4-1 --hidden tanh --output sigmoid --loss binary_cross_entropy"
)


def text_of(code: Any) -> str:
    """Return the source of the code and of all that it uses from its file, without comments."""
    cache = not inspect.isclass(code) and "cache" in map(role_of, signature_of(code))
    beside = [] if inspect.isclass(code) else _made_by(code)
    return _plain([code, *(beside or (_beside(code, "forward") if cache else []))])


def _made_by(code: Any) -> list[Any]:
    """Return the function that goes forward for code that takes what only such one knows."""
    with contextlib.suppress(Unreadable):
        roles = assignments(code, 2)[0]
        return [other for other in forwards(code, roles)[:1] if other is not None]
    return []


def _beside(code: Any, words: str) -> list[Any]:
    """Return functions of the same file that have such names."""
    return [
        thing for name, thing in space_of(code).items()
        if inspect.isfunction(thing) and re.search(words, name)
        and getattr(thing, "__module__", None) == getattr(code, "__module__", "")
    ]  # fmt: skip


def _plain(things: list[Any]) -> str:
    parts = [source_of(each).plain for thing in things for _, each in family(thing)]
    text = "\n".join(dict.fromkeys(parts))
    text = re.sub(r'"""[\s\S]*?"""', "", text)
    return re.sub(r"#[^\n]*", "", text)


def candidates(
    code: Any, hints: dict[str, str], said: dict[str, Any] | None = None
) -> list[Network]:
    """Return the networks that code may be of, the likeliest first, with what was said of them.

    The activations are those whose outputs come up as the code runs; where its forward pass
    cannot be watched, those whose names stand in the source.

    Raises
    ------
    Unreadable
        If there is no telling how many layers it has.
    """
    text = text_of(code)
    found = [name for name, pattern in NAMES.items() if re.search(pattern, text)]
    networks, refused = [], ""
    said = said or {}
    told = said.get("sizes")
    for sizes in [told] if told else _sizes(code, text, "softmax" in found):
        seen = _watched(code, sizes, [*found, "identity"], hints)
        ways = [seen] if seen else _guessed(found, len(sizes) - 2)
        for *hidden, output in ways:
            losses = _losses(text, output)
            if not shows_loss(code):
                beside = _plain(_beside(code, "cost|loss|error"))
                losses = [*_losses(beside, output), *losses, "half_squared_error", *OTHERS]
            for loss in losses:
                shown = {"hidden": tuple(hidden) or "relu", "output": output, "loss": loss}
                try:
                    networks.append(Network(**shown | said | {"sizes": sizes}))
                except BadSetting as error:
                    refused = str(error)
        if seen:
            break
    if not networks and said and refused:
        raise Unreadable(refused)
    return list(dict.fromkeys(networks))[:MOST]


def _watched(
    code: Any, sizes: tuple[int, ...], names: list[str], hints: dict[str, str]
) -> tuple[str, ...]:
    """Return the activation of each layer, by what comes up as the code runs; or nothing."""
    kind = ClassProgram if inspect.isclass(code) else FunctionProgram
    network = Network(sizes, "tanh", "softmax" if "softmax" in names else "identity")
    best: list[str] = []
    for program in kind.every(code, network, hints):
        seen = _watched_as(program, names)
        best = max(best, seen, key=len)
        if len(best) == len(sizes) - 1:
            return tuple(best)
    return ()


def _watched_as(program: Any, names: list[str]) -> list[str]:
    network, best = program.network, list[str]()
    for way in program.ways():
        if way.shapes.lists or way.shapes.samples == "row":
            continue
        case = _telling(network, l2_of(program), way)
        program.trace = trace = Trace(program.files())
        try:
            case = program.run(case, way).case
        except (Exception, SystemExit):
            continue
        finally:
            program.trace = None
        best = max(best, _layer_by_layer(case, trace, names), key=len)
        if len(best) == len(network.sizes) - 1:
            break
    return best


def _telling(network: Network, l2: float, way: Way) -> Case:
    """Return a case at which every layer has scores of both signs, so that activations show."""
    tries = [samples_of(network, l2, way, salt)[0] for salt in range(8)]
    blind = [
        sum(bool((Z > 0).all() or (Z < 0).all()) for Z in pass_of(case).Z[1:]) for case in tries
    ]
    return tries[int(np.argmin(blind))]


def _layer_by_layer(case: Case, trace: Trace, names: list[str]) -> list[str]:
    """Return activations as far as their outputs come up; the first that comes up counts."""
    A, found = case.X, []
    for W, b in case.layers:
        Z = A @ W + b
        outputs = {name: _applied(name, Z) for name in names}
        places = {name: trace.first(output) for name, output in outputs.items()}
        times = {n: k for n, k in places.items() if k is not None and n != "identity"}
        if times:
            name = min(times, key=lambda name: times[name])
        else:
            held = [n for n in names if places[n] is not None or trace.holds(outputs[n])]
            if not held:
                break
            name = "identity" if "identity" in held else held[0]
        found.append(name)
        A = outputs[name]
    return found


def _applied(name: str, Z: Array) -> Array:
    return softmax(Z) if name == "softmax" else apply(name, ACTIVATIONS, Z)[0]


def _sizes(code: Any, text: str, shares: bool) -> Iterator[tuple[int, ...]]:
    drawn = _drawn(code)
    if drawn:
        yield drawn
        return
    depth = _depth(code, text)
    hidden = HIDDEN[: depth - 1]
    yield (3, *hidden, 3 if shares else 1)
    if not shares:
        yield (3, *hidden, 2)


def _depth(code: Any, text: str) -> int:
    """Return the number of layers: as many as there are numbered weights, or one."""
    names = [*signature_of(code)]
    names += re.findall(r"self\.(\w+)", text) + re.findall(r"""["'](\w+)["']""", text)
    roles = {role_of(name) for name in names} - {None}
    numbered = {role[1:] for role in roles if role and role[0] == "W" and role[1:]}
    numbered |= {k for name, k in re.findall(r"\b(\w+)\[(\d)\]", text) if role_of(name) == "W"}
    if numbered:
        return len(numbered)
    if "W" in roles and not re.search(r"\bfor \w+ in (reversed\()?range\(\s*(len|self|\d)", text):
        return 1
    mine = {name for name in signature_of(code) if role_of(name) == "W"}
    if mine and ("len(" not in text or mine & {"w", "W", "weight", "theta"}):
        return 1
    if inspect.isclass(code) or "params" in roles or {"cache"} & roles:
        return 2
    count = len(signature_of(code))
    if not numbered and not mine and count >= 6 and count % 2 == 0:
        return (count - 2) // 2
    raise Unreadable(f"how many layers its network has cannot be seen; {ADVICE}")


def _drawn(code: Any) -> tuple[int, ...]:
    """Return the sizes of parameters that a whole loop draws, by running it for no epoch."""
    if inspect.isclass(code):
        return ()
    arguments = {name: role_of(name) for name in signature_of(code)}
    drawn = not any(role and (role[0] in "Wb" or role == "params") for role in arguments.values())
    if not drawn or "epochs" not in arguments.values():
        return ()
    for shape in ((3, 1), (1, 3), (3,)):
        given = {"epochs": 0, "x": np.ones(shape), "y": np.ones((1, 1)), "rate": 0.1}
        try:
            with quiet(io.StringIO()):
                result = code(**{n: given[r] for n, r in arguments.items() if r in given})
        except (Exception, SystemExit):
            continue
        parts = result.values() if isinstance(result, dict) else result
        shapes = [np.shape(part) for part in parts if np.ndim(part) == 2]
        for turned in (False, True):
            sizes = _chained([shape[::-1] if turned else shape for shape in shapes])
            if len(sizes) > 1:
                return sizes
    return ()


def _chained(shapes: list[Any]) -> tuple[int, ...]:
    """Return 3 and the sizes of the layers that follow each other, (3, n), (n, o), ..."""
    sizes = [3]
    for n_in, n_out in shapes:
        if n_in == sizes[-1] and (n_in, n_out) != (1, 1):
            sizes.append(n_out)
    return tuple(sizes)


def _guessed(found: list[str], between: int) -> list[tuple[str, ...]]:
    """Return activations of all layers, the usual ones first."""
    outputs = [name for name in ("softmax", "sigmoid") if name in found] + ["identity"]
    hidden = [name for name in found if name not in ("softmax", "sigmoid", "exp")]
    hidden += ["sigmoid"] if "sigmoid" in found else []
    inner = [(name,) * between for name in hidden] if between else [()]
    return [(*names, output) for output in outputs for names in inner]


def _losses(text: str, output: str) -> list[str]:
    """Return the losses that the code may have: what it shows decides, where it shows one."""
    log, square = re.search(LOG, text), re.search(SQUARE, text)
    if output == "softmax":
        return ["half_squared_error", "cross_entropy"] if square and not log else ["cross_entropy"]
    if output == "sigmoid":
        if log:
            return ["binary_cross_entropy", *(["half_squared_error"] if square else [])]
        return ["half_squared_error", "binary_cross_entropy"]
    if output == "exp":
        return ["poisson", "half_squared_error"]
    found = ["half_squared_error"]
    for loss, pattern in OTHERS.items():
        if re.search(pattern, text):
            found.insert(0 if loss in text else 1, loss)
    return found


OTHERS = {
    "huber": r"huber|clip\(",
    "quantile": r"quantile|pinball",
    "absolute_error": r"absolute|\bmae\b|sign\(|abs\(",
}


def shows_loss(code: Any, beside: bool = False) -> bool:
    """Say whether a loss stands in the code, or beside it, so that it need not be guessed."""
    if beside and _beside(code, r"cost|loss|mse|entropy|kosten|verlust|coste?|perd|perte"):
        return True
    text = re.sub(r"def (d_?)?\w*(prime|deriv|grad)\w*[\s\S]*?return[^\n]*", "", text_of(code))
    return bool(re.search(LOG, text)) or bool(re.search(r"mse|mean_squared|\) ?\*\* ?2", text))
