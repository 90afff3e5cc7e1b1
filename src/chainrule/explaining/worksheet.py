"""An exercise sheet: one step of a network by hand, with blanks to fill in, and the key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from chainrule.arguments import whole
from chainrule.drawing import flow
from chainrule.errors import BadSetting
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.friendly import Numbers, friendly
from chainrule.explaining.parts import Cell, Grid, Line, Lines, Part, Section, Sketch, Words
from chainrule.explaining.reference import activation, loss, softmax
from chainrule.explaining.signs import rule_of_activation, rule_of_loss
from chainrule.explaining.steps import explain
from chainrule.network import Network
from chainrule.notation import Derivative, Expression, Negative, Product, Sum, Symbol
from chainrule.rules import LINKS

TALLEST = 12  # neurons of a layer that is drawn
ASKED = {"Z", "A", "L", "S"}  # letters of what is to be computed
SPACE = "________"
TASKS = {
    "Forward propagation": "Compute the scores and the outputs of every layer.",
    "Loss": "Compute the loss.",
    "Back-propagation": "Compute every factor of the chain rule, then the gradients.",
}


def worksheet(
    network: Network, seed: int = 0, *, learning_rate: float = 0.5, answers: bool = False
) -> Derivation:
    """Make an exercise sheet: one step of gradient descent to be computed by hand.

    Parameters
    ----------
    network : Network
        Of 100 parameters at most.
    seed : int, default 0
        The same seed gives the same sheet, another one other numbers.
    learning_rate : float, default 0.5
    answers : bool, default False
        Whether the worked solution follows, on a new page.

    Returns
    -------
    Derivation
        With ``to_text``, ``to_markdown``, ``to_latex`` and ``to_html``. Inputs, weights and
        biases have one decimal; no neuron is saturated, no layer is dead, no score is at a
        bend of its activation, and the step lowers the loss.

    Raises
    ------
    BadSetting
        If the network is too large, or no such numbers were found.

    Examples
    --------
    >>> sheet = worksheet(Network((2, 1), output="sigmoid"), seed=7)
    >>> print(sheet.sections[3].title)
    1. Forward propagation
    """
    if not isinstance(network, Network):
        raise BadSetting(f"network={network!r} must be a chainrule.Network")
    seed = whole("seed", seed, 0)
    numbers = friendly(network, seed, learning_rate)
    key = explain(
        network, numbers.parameters, numbers.x, numbers.y, learning_rate=learning_rate, scheme=None
    )
    sections = [
        _network(network),
        _given(network, numbers, learning_rate),
        Section("What you need", tuple(_formulas(network))),
        *_tasks(key, network, numbers.parameters),
    ]
    if answers:
        solved = [replace(s, title=f"Answers: {s.title}") for s in key.sections[1:]]
        sections += [replace(solved[0], new_page=True), *solved[1:]]
    title = f"Exercise: one step of a {'-'.join(map(str, network.sizes))} network"
    return Derivation(f"{title} (sheet {seed})", tuple(sections), key.digits)


def _network(network: Network) -> Section:
    words = (
        f"{flow(network)}; the loss is {network.loss}. Do one step of gradient descent by hand, "
        "for the one sample that is given. Keep four decimals on the way."
    )
    parts: list[Part] = [Words(words)]
    if max(network.sizes) <= TALLEST:
        names = [f"{l}: {name}" for l, name in enumerate(network.activations, start=1)]
        parts.append(Sketch(network.sizes, ("input", *names)))
    return Section("The network", tuple(parts))


def _given(network: Network, numbers: Numbers, learning_rate: float) -> Section:
    """Return the section with the numbers: the sample, then a table a layer."""
    heads = [*_numbered("X", network.sizes[0]), *_numbered("Y", network.sizes[-1]), Symbol("eta")]
    values = [*map(float, numbers.x), *map(float, numbers.y), learning_rate]
    parts: list[Part] = [
        Words("The sample, its target, and the learning rate:"),
        Grid(("", *heads), (("", *values),)),
        Words("The weights, a row for the neuron they come from, and the biases:"),
    ]
    several = len(network.sizes) > 2
    for l, (W, b) in enumerate(network.layers(numbers.parameters), start=1):
        layer = l if several else None
        columns = tuple(f"to {j + 1}" for j in range(len(b)))
        rows: list[tuple[Cell, ...]] = [
            (f"from {i + 1}", *map(float, row)) for i, row in enumerate(W)
        ]
        rows.append((Symbol("b", layer), *map(float, b)))
        parts.append(Grid((Symbol("W", layer), *columns), tuple(rows)))
    return Section("Given", tuple(parts))


def _numbered(letter: str, size: int) -> list[Expression]:
    return [Symbol(letter, None, (k + 1,) if size > 1 else ()) for k in range(size)]


def _formulas(network: Network) -> Iterator[Part]:
    """Yield the rules of the network, each with its derivative, in signs for one number."""
    Z, W, b, X = (Symbol(letter) for letter in "ZWbX")
    parameter, rate = Symbol("theta"), Symbol("eta")
    step = Product((rate, Derivative(Symbol("L"), parameter)))
    yield Lines(
        (
            Line(Z, Sum((Product((W, X)), b)), equation="2"),
            Line(parameter, Sum((parameter, Negative(step))), relation="←"),
        )
    )
    for name in dict.fromkeys(network.activations):
        rule = rule_of_activation(name)
        lines = _lines(softmax() if rule is None else activation(str(name), rule))
        joined = network.loss in LINKS and name == network.activations[-1]
        yield Words(f"{name}:")
        yield Lines(lines[:-1] if joined else lines)  # its slope is inside that of the loss
    yield Words(f"{network.loss}:")
    yield Lines(_lines(loss(str(network.loss), rule_of_loss(network.loss))))


def _lines(section: Section) -> tuple[Line, ...]:
    return tuple(line for part in section.parts if isinstance(part, Lines) for line in part.lines)


def _tasks(key: Derivation, network: Network, parameters: Any) -> Iterator[Section]:
    """Yield what is to be computed: the equations of the key without their right sides."""
    for number, (title, words) in enumerate(TASKS.items(), start=1):
        section = next(s for s in key.sections if s.title == title)
        parts = [blanks for part in section.parts if (blanks := _blanks(part)) is not None]
        yield Section(f"{number}. {title}", (Words(words), *parts))
    rows = [
        (sign, float(value), SPACE, SPACE)
        for sign, value in zip(_parameters(network), parameters, strict=True)
    ]
    heads = ("", "before", "gradient", "after")
    words = "Update every parameter by its gradient."
    yield Section(f"{len(TASKS) + 1}. The update", (Words(words), Grid(heads, tuple(rows))))
    words = "Go forward once more, with the new parameters. Is the loss smaller than before?"
    again = Lines((Line("L after the step"),))
    yield Section(f"{len(TASKS) + 2}. The loss after the step", (Words(words), again))


def _blanks(part: Part) -> Part | None:
    """Return a part of the key as it stands on the sheet, or None where it says too much."""
    if isinstance(part, Words):
        named = isinstance(part.text, str) and part.text.startswith("Layer ")
        return part if named else None
    if not isinstance(part, Lines):
        return None
    asked = tuple(Line(line.left, equation=line.equation) for line in part.lines if _is_asked(line))
    return Lines(asked) if asked else None


def _is_asked(line: Line) -> bool:
    if line.value is None:
        return False
    return isinstance(line.left, Derivative) or (
        isinstance(line.left, Symbol) and line.left.letter in ASKED
    )


def _parameters(network: Network) -> Iterator[Expression]:
    """Yield the sign of every weight and bias."""
    several = len(network.sizes) > 2
    for l, (n_in, n_out) in enumerate(pairwise(network.sizes), start=1):
        layer = l if several else None
        for i in range(1, n_in + 1):
            for j in range(1, n_out + 1):
                at = (i, j) if n_out > 1 else (i,) if n_in > 1 else ()
                yield Symbol("W", layer, at)
        for j in range(1, n_out + 1):
            yield Symbol("b", layer, (j,) if n_out > 1 else ())
