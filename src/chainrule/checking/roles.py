"""What the names in a learner's code stand for: inputs, weights, gradients, settings."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from chainrule.checking import wordlist

_NAMES = {
    "x": r"x|xs|inputs?|data|features|batch|samples?|a0|x(train|batch|data|i)|images?|h0",
    "y": r"y|ys|t|targets?|labels?|y(true|train|batch|data|i|onehot)|expected|d|truth",
    "params": r"params?|parameters|model|net|network|p|layers|state",
    "l2": r"l2(reg|penalty|lambda)?|lambda?|lambd|lam|reg|regulari[sz]ation|penalty|weightdecay|wd"
    r"|decay",
    "rate": r"lr|learningrate|eta|rate|alpha|stepsize|step",
    "epochs": r"(n|num)?epochs?|(n|num)?iterations?|(n|num)?iters?|(n|num)steps|steps|maxiter",
    "sizes": r"sizes|layersizes|layerdims|dims|layout|architecture|(n|num)?(neurons|units)",
    "n_in": r"nin|ni|ninputs?|inputs?(size|dim|s)?|in(size|dim|features)|nx|nfeatures|n0",
    "n_hidden": r"(n|num)?hidden(size|dim|s|units|neurons|layersizes|sizes)?|nh|h|n1",
    "n_out": r"nout|no|noutputs?|outputs?(size|dim)?|out(size|dim|features)|ny|k|nclasses|classes"
    r"|n2",
    "seed": r"seed|randomstate|rng",
    "loss": r"loss|cost|l|j|error|err|value",
    "cache": r"cache|caches|memory|activations|tape",
}
_ROLES = {
    role: re.compile(f"{pattern}|{wordlist.ROLES.get(role, pattern)}")
    for role, pattern in _NAMES.items()
}
_WEIGHT = re.compile(
    r"(w|ws|weights?|thetas?|omega|kernel|coefs?|syn(?=\d)|synapse|"
    rf"{wordlist.WEIGHTS})(\d*)"
)
_BIAS = re.compile(rf"(b|bs|bias|biases|intercepts?|{wordlist.BIASES})(\d*)")
_GRADIENT = re.compile(
    r"^(d(l|loss|j|c|e)?d(?=[wb])|d(?=[wbtgpsv])|g(rads?|radients?)?(?=[wb])|nabla|delta(?=[wb])|grad(iente?s?)?)"
)
_GRADIENT_AFTER = re.compile(r"(?<=[wbs\d])(grads?|gradients?)$")


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """Return a name in small letters, without underscores, accents and a leading ``self.``."""
    word = name.removeprefix("self.").replace("_", "").lower()
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if not unicodedata.combining(part))


def role_of(name: str) -> str | None:
    """Return the role of an argument, or None where its name does not tell.

    Examples
    --------
    >>> role_of("learning_rate"), role_of("X_train"), role_of("W1"), role_of("biases")
    ('rate', 'x', 'W1', 'b')
    >>> role_of("gewichte2"), role_of("sesgo1"), role_of("entradas"), role_of("Lernrate")
    ('W2', 'b1', 'x', 'rate')
    """
    word = plain(name)
    for letter, pattern in (("W", _WEIGHT), ("b", _BIAS)):
        if match := pattern.fullmatch(word):
            return letter + match[2]
    if word in ("n", "m"):
        return None
    return next((role for role, pattern in _ROLES.items() if pattern.fullmatch(word)), None)


def parameter_of(name: str) -> tuple[str, int | None] | None:
    """Return the parameter that a gradient's name speaks of: "W" or "b", and its number.

    Examples
    --------
    >>> parameter_of("dW1"), parameter_of("dl_db"), parameter_of("grad_w_2"), parameter_of("z")
    (('W', 1), ('b', None), ('W', 2), None)
    """
    word = _GRADIENT_AFTER.sub("", _GRADIENT.sub("", plain(name)))
    word = re.sub(r"new|updated", "", word)
    for letter, pattern in (("W", _WEIGHT), ("b", _BIAS)):
        if match := pattern.fullmatch(word):
            return letter, int(match[2]) if match[2] else None
    return None


def is_gradient(name: str) -> bool:
    """Say whether a name is that of a parameter's gradient, and not of the parameter."""
    word = plain(name)
    bare = _WEIGHT.fullmatch(word) or _BIAS.fullmatch(word)
    return parameter_of(name) is not None and not bare and "new" not in word
