"""Programs as learners write them, in several styles, with a slot for every factor.

``program(network, style, slips)`` gives the source of one. A slip is a real edit of the
source: it changes the text in one slot. Nothing here knows how the checker works.

Styles
    rows        vectorised, samples as rows, a dictionary params["W1"], ...
    columns     vectorised, samples as columns, W (n_out, n_in), single arguments
    loops       plain loops over samples and neurons, lists of arrays
    steps       vectorised by rows, steps itself and returns the new parameters
    classes     a class with forward and backward, gradients in its attributes
"""

from collections import ChainMap
from dataclasses import dataclass, field

from formulas_of_learners import ERRORS, LOSSES, SLOPES, helpers

FUSED = ("binary_cross_entropy", "poisson", "cross_entropy")
STYLES = ("rows", "columns", "loops", "steps", "classes")


@dataclass(frozen=True)
class Plan:
    """A network as this module needs it: sizes, activations, loss; whether it has a penalty."""

    name: str
    sizes: tuple
    activations: tuple
    loss: str
    l2: bool = False

    @property
    def depth(self):
        """The number of layers."""
        return len(self.sizes) - 1

    @property
    def fused(self):
        """Whether delta at the output is A - Y."""
        return self.loss in FUSED

    def has_slope(self, l):
        """Whether delta_l has the slope of its activation as a factor."""
        return not (l == self.depth and self.fused)


@dataclass(frozen=True)
class Slip:
    """A mistake in one slot. ``text`` holds {} where what stood there goes in."""

    name: str
    layers: tuple
    slots: tuple
    text: str
    styles: tuple = STYLES
    wraps: bool = field(default=False)

    def __str__(self):
        return f"{self.name}@{','.join(map(str, self.layers))}:{self.text}"


def names(style, plan, l):
    """Return what z, a, W, ... of layer l are called in a style."""
    if style == "loops":
        a = f"a{l}" if l else "x"
        z = f"z{l}" if l else "x"
    else:
        a, z = (f"A{l}", f"Z{l}") if l else ("X", "X")
    return {"a": a, "z": z, "d": f"d{l}", "W": f"W{l}", "b": f"b{l}"}


def slope(style, plan, l, activation=None, a=None, z=None):
    """Return the text of a slope."""
    own = names(style, plan, l)
    text = SLOPES[activation or plan.activations[l - 1]]
    return text.format(a=a or own["a"], z=z or own["z"])


def error(style, plan, table=ERRORS, loss=None):
    """Return the text of dL/dA at the output."""
    y = "y" if style == "loops" else "Y"
    return table[loss or plan.loss].format(a=names(style, plan, plan.depth)["a"], y=y)


def slots_of(plan, style):
    """Return the text in every slot of a program without mistakes."""
    slots = {"error": error(style, plan), "softmax": "softmax(%s)", "before_error": "",
             "m": {"columns": "X.shape[1]", "loops": "len(X)"}.get(style, "X.shape[0]"),
             "half": "1.0"}  # fmt: skip
    for l in range(1, plan.depth + 1):
        own, before = names(style, plan, l), names(style, plan, l - 1)
        after = names(style, plan, l + 1)
        slots |= {
            f"slope{l}": slope(style, plan, l) if plan.has_slope(l) else "1.0",
            f"input{l}": before["a"], f"mean{l}": " / m", f"meanb{l}": " / m",
            f"delta{l}": "{}", f"dW{l}": "{}", f"db{l}": "{}", f"carry{l}": "{}",
            f"passed{l}": after["d"], f"weights{l}": after["W"],
            f"penalty{l}": f"l2 * {own['W']}", f"penaltyb{l}": "",
            f"sum{l}": "sum", f"store{l}": "+=", f"storeb{l}": "+=",
            f"zeros{l}": "", f"zerosb{l}": "",
        }  # fmt: skip
    return slots


def filled(plan, style, slips):
    """Return the slots with slips put in: replacements first, then what wraps."""
    slots = slots_of(plan, style)
    for slip in sorted(slips, key=lambda slip: slip.wraps):
        texts = slip.text if isinstance(slip.text, tuple) else (slip.text,) * len(slip.slots)
        for slot, text in zip(slip.slots, texts, strict=True):
            slots[slot] = text.replace("{}", slots[slot]) if slip.wraps else text
    return slots


def program(plan, style, slips=(), loss=False):
    """Return the source of a program; the function or class in it is called ``backprop``."""
    slots = filled(plan, style, slips)
    axis = 0 if style == "columns" else -1
    lines = helpers(plan.activations, axis)
    if style == "loops":
        lines += _loops(plan, slots)
    elif style == "classes":
        lines += _class(plan, slots)
    else:
        lines += _vectorised(plan, style, slots, loss)
    return "\n".join(lines) + "\n"


def _forward(plan, style, slots):
    for l in range(1, plan.depth + 1):
        own, before = names(style, plan, l), names(style, plan, l - 1)
        if style == "columns":
            yield f"{own['z']} = np.dot({own['W']}, {before['a']}) + {own['b']}"
        else:
            yield f"{own['z']} = {before['a']} @ {own['W']} + {own['b']}"
        name = plan.activations[l - 1]
        call = slots["softmax"] if name == "softmax" else f"{name}(%s)"
        yield f"{own['a']} = {call % own['z']}"


def _sum(style, kind, d):
    forms = {
        "sum": {"rows": "np.sum(%s, axis=0)", "columns": "np.sum(%s, axis=1, keepdims=True)"},
        "none": {"rows": "%s", "columns": "%s"},
        "neurons": {"rows": "np.sum(%s, axis=1)", "columns": "np.sum(%s, axis=0)"},
        "all": {"rows": "np.sum(%s)", "columns": "np.sum(%s)"},
    }
    return forms[kind]["columns" if style == "columns" else "rows"] % d


def _backward(plan, style, slots):
    if slots["before_error"]:
        yield slots["before_error"]
    for l in range(plan.depth, 0, -1):
        own = names(style, plan, l)
        if l == plan.depth:
            carry = slots["error"]
        else:
            carry = f"dA{l}"
            passed, weights = slots[f"passed{l}"], slots[f"weights{l}"]
            product = f"{passed} @ {weights}.T"
            if style == "columns":
                product = f"np.dot({weights}.T, {passed})"
            yield f"dA{l} = {slots[f'carry{l}'].replace('{}', product)}"
        factor = slots[f"slope{l}"]
        delta = f"{carry} * {factor}" if factor != "1.0" else carry
        yield f"{own['d']} = {slots[f'delta{l}'].replace('{}', delta)}"
        product = f"{slots[f'input{l}']}.T @ {own['d']}"
        if style == "columns":
            product = f"np.dot({own['d']}, {slots[f'input{l}']}.T)"
        dW = slots[f"dW{l}"].replace("{}", product + slots[f"mean{l}"])
        db = slots[f"db{l}"].replace(
            "{}", _sum(style, slots[f"sum{l}"], own["d"]) + slots[f"meanb{l}"]
        )
        if plan.l2:
            dW += f" + {slots[f'penalty{l}']}" if slots[f"penalty{l}"] else ""
            db += slots[f"penaltyb{l}"]
        yield f"dW{l} = {dW}"
        yield f"db{l} = {db}"
        yield from slots.get(f"after{l}", "").splitlines()


def _vectorised(plan, style, slots, loss):
    layers = range(1, plan.depth + 1)
    l2 = ", l2" if plan.l2 else ""
    single = ", ".join(f"W{l}, b{l}" for l in layers)
    if style == "rows":
        yield f"def backprop(params, X, Y{l2}):"
        for l in layers:
            yield f'    W{l}, b{l} = params["W{l}"], params["b{l}"]'
    elif style == "columns":
        yield f"def backprop(X, Y, {single}{l2}):"
    else:
        yield f"def backprop({single}, X, Y, lr{l2}):"
    body = [f"m = {slots['m']}", *_forward(plan, style, slots)]
    if loss:
        text = LOSSES[plan.loss].format(a=names(style, plan, plan.depth)["a"], y="Y")
        body.append(f"loss = {slots['half']} * {text} / m".replace("1.0 * ", ""))
    body += _backward(plan, style, slots)
    if plan.depth == 1:
        body.insert(1, f"{'n_out, n_in' if style == 'columns' else 'n_in, n_out'} = W1.shape")
    yield from ("    " + line for line in body)
    if style == "rows":
        parts = ", ".join(f'"dW{l}": dW{l}, "db{l}": db{l}' for l in layers)
        yield f"    grads = {{{parts}}}"
        yield f"    return {'loss, ' if loss else ''}grads"
    elif style == "columns":
        yield f"    return {'loss, ' if loss else ''}{', '.join(f'dW{l}, db{l}' for l in layers)}"
    else:
        for l in layers:
            for letter in "Wb":
                yield (
                    "    " + slots.get("update", "{p} = {p} - lr * d{p}").format(p=f"{letter}{l}")
                    if not slots.get(f"after{l}")
                    else "    pass"
                )
        yield f"    return {single}"


def _class(plan, slots):
    layers = range(1, plan.depth + 1)
    store = slots.get("keep", "=")
    yield "class backprop:"
    yield f"    def __init__(self, sizes{', l2' if plan.l2 else ''}):"
    for l in layers:
        yield f"        self.W{l} = np.random.randn(sizes[{l - 1}], sizes[{l}])"
        yield f"        self.b{l} = np.zeros(sizes[{l}])"
        if store == "+=":
            yield f"        self.dW{l} = np.zeros((sizes[{l - 1}], sizes[{l}]))"
            yield f"        self.db{l} = np.zeros(sizes[{l}])"
    if plan.l2:
        yield "        self.l2 = l2"
    yield "    def forward(self, X):"
    yield f"        {', '.join(f'W{l}, b{l}' for l in layers)} = " + ", ".join(
        f"self.W{l}, self.b{l}" for l in layers
    )
    yield from ("        " + line for line in _forward(plan, "rows", slots))
    kept = ", ".join(f"Z{l}, A{l}" for l in layers)
    yield f"        self.cache = X, {kept}"
    yield f"        return A{plan.depth}"
    yield "    def backward(self, Y):"
    yield f"        X, {kept} = self.cache"
    yield (
        f"        {', '.join(f'W{l}' for l in layers)}, = "
        + ", ".join(f"self.W{l}" for l in layers)
        + ","
    )
    yield f"        m = {slots['m']}"
    if plan.depth == 1:
        yield "        n_in, n_out = W1.shape"
    if plan.l2:
        yield "        l2 = self.l2"
    yield from ("        " + line for line in _backward(plan, "rows", slots))
    for l in layers:
        yield f"        self.dW{l} {store} dW{l}"
        yield f"        self.db{l} {store} db{l}"


def _loops(plan, slots):
    sizes, L = plan.sizes, plan.depth
    l2 = ", l2" if plan.l2 else ""
    yield f"def backprop(weights, biases, X, Y{l2}):"
    for l in range(1, L + 1):
        yield (
            f"    W{l}, b{l} = weights[{l - 1}], biases[{l - 1}]"
            if L > 1
            else ("    W1, b1 = weights, biases")
        )
        yield f"    dW{l} = np.zeros(({sizes[l - 1]}, {sizes[l]}){slots[f'zeros{l}']})"
        shape = f"({sizes[l]},)" if slots[f"sum{l}"] == "sum" else f"(len(X), {sizes[l]})"
        shape = "(len(X),)" if slots[f"sum{l}"] == "neurons" else shape
        yield f"    db{l} = np.zeros({shape}{slots[f'zerosb{l}']})"
    yield f"    m = {slots['m']}"
    yield "    for n in range(len(X)):"
    yield "        x, y = X[n], Y[n]"
    yield from ("        " + line for line in _sample(plan, slots))
    for l in range(1, L + 1):
        extra = f" + {slots[f'penalty{l}']}" if plan.l2 and slots[f"penalty{l}"] else ""
        scaled = slots[f"dW{l}"].replace("{}", f"dW{l}{slots[f'mean{l}']}")
        yield f"    dW{l} = {scaled}{extra}"
        scaled = slots[f"db{l}"].replace("{}", f"db{l}{slots[f'meanb{l}']}")
        yield f"    db{l} = {scaled}{slots[f'penaltyb{l}'] if plan.l2 else ''}"
    Ws, bs = (", ".join(f"d{p}{l}" for l in range(1, L + 1)) for p in "Wb")
    yield f"    return [{Ws}], [{bs}]" if L > 1 else "    return dW1, db1"


def _sample(plan, slots):
    """Yield the lines for one sample: forward, then backward, neuron by neuron."""
    sizes, L = plan.sizes, plan.depth
    for l in range(1, L + 1):
        before = names("loops", plan, l - 1)["a"]
        yield f"z{l} = np.zeros({sizes[l]})"
        yield f"for j in range({sizes[l]}):"
        yield f"    z{l}[j] = b{l}[j]"
        yield f"    for i in range({sizes[l - 1]}):"
        yield f"        z{l}[j] += {before}[i] * W{l}[i, j]"
        name = plan.activations[l - 1]
        call = slots["softmax"] if name == "softmax" else f"{name}(%s)"
        yield f"a{l} = {call % f'z{l}'}"
    if slots["before_error"]:
        yield slots["before_error"]
    for l in range(L, 0, -1):
        if l == L:
            carry = slots["error"]
        else:
            carry = f"c{l}"
            yield f"c{l} = np.zeros({sizes[l]})"
            yield f"for i in range({sizes[l]}):"
            yield f"    for j in range({sizes[l + 1]}):"
            yield f"        c{l}[i] += {slots[f'passed{l}']}[j] * {slots[f'weights{l}']}[i, j]"
            text = slots[f"carry{l}"]
            if text != "{}":
                yield f"c{l} = {text.replace('{}', f'c{l}')}"
        factor = slots[f"slope{l}"]
        delta = f"{carry} * {factor}" if factor != "1.0" else carry
        yield f"d{l} = {slots[f'delta{l}'].replace('{}', delta)}"
        yield f"for j in range({sizes[l]}):"
        yield f"    for i in range({sizes[l - 1]}):"
        yield f"        dW{l}[i, j] {slots[f'store{l}']} {slots[f'input{l}']}[i] * d{l}[j]"
        where = {"sum": "j", "none": "n, j", "neurons": "n"}[slots[f"sum{l}"]]
        yield f"    db{l}[{where}] {slots[f'storeb{l}']} d{l}[j]"


__all__ = ["STYLES", "ChainMap", "Plan", "Slip", "program"]
