"""The sections of one step, in the order of the source document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainrule.arguments import whole
from chainrule.explaining.chain import backward
from chainrule.explaining.derivation import Derivation
from chainrule.explaining.drawn import initialisation
from chainrule.explaining.forward import EQUATIONS, counted, forward
from chainrule.explaining.neurons import alone
from chainrule.explaining.parts import Line, Lines, Part, Section, Sketch, Words
from chainrule.explaining.paths import followed
from chainrule.explaining.rulelines import VALUE, rule_lines
from chainrule.explaining.signs import (
    FEW,
    IN_FULL,
    LOSS,
    Signs,
    own_argument,
    product,
    rule_of_loss,
)
from chainrule.explaining.trace import Step, Trace, trace
from chainrule.explaining.update import after, update
from chainrule.network import Network
from chainrule.notation import (
    Call,
    Expression,
    Negative,
    Sum,
    Symbol,
    value_of,
)
from chainrule.typesetting import DIGITS

DRAWN = 8  # neurons of a layer up to which a network is drawn


@np.errstate(all="ignore")  # what overflows is shown so
def explain(
    network: Network,
    parameters: ArrayLike,
    x: ArrayLike,
    y: Any = None,
    *,
    solver: str = "gd",
    learning_rate: float | None = None,
    step: int = 1,
    m: ArrayLike | None = None,
    v: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_norm: float | None = None,
    scheme: str | None = "xavier_normal",
    weight: str | tuple[int, int, int] | None = None,
    neuron: str | tuple[int, int] | None = None,
    most: int | None = None,
    digits: int = DIGITS,
    **hyperparameters: float,
) -> Derivation:
    """Show the mathematics of one step on one sample, with the numbers of the engine.

    Parameters
    ----------
    network : Network
    parameters : array-like of shape (n_parameters,)
        Before the step.
    x : array-like of shape (n_in,)
        One sample.
    y : array-like of shape (n_out,), a number for one output, or a class number, optional
        Its target. Without one there is only the way forward.
    solver : str, default "gd"
        With which the parameters are updated, as in ``chainrule.train``.
    learning_rate : float, optional
        Default: the solver's.
    step : int, default 1
        The number of the step, t in the formulas of adam.
    m, v : array-like of shape (n_parameters,), optional
        The solver's memories before the step. Default: zeros.
    l1, l2 : float, default 0
        Penalties on the weights, as in ``chainrule.train``.
    clip_norm : float, optional
    scheme : str or None, default "xavier_normal"
        From which distribution the weights were drawn at the start; None leaves that out.
    weight : str or (layer, from, to), optional
        One weight to follow along all paths from it to the loss, such as "1:2,3", in place
        of the whole step. Neurons count from 1, and layer 1 is the first after the input.
    neuron : str or (layer, number), optional
        One neuron, such as "1:3", in place of the whole step: its sum, its output, and what
        comes back to it.
    most : int, optional
        How many neurons of a layer, and terms of a sum, are shown: those with the largest
        numbers. Default: all for up to 200 parameters, else 4.
    digits : int, default 5
        Significant digits of the numbers that are shown; they are kept in full.
    **hyperparameters : float
        The solver's own, such as ``momentum=0.9``.

    Returns
    -------
    Derivation
        It prints as text, shows itself in notebooks, and has ``to_text``, ``to_markdown``,
        ``to_latex``, ``to_html`` and ``values``.

    Raises
    ------
    BadSetting
        If an argument cannot be used.

    Examples
    --------
    The document's neuron, and equation (24) for its first weight:

    >>> network = Network((3, 1), output="sigmoid")
    >>> derivation = explain(network, [0.1, -0.2, 0.05, 0.0], [1.0, 2.0, 3.0], 1.0)
    >>> round(derivation.values["∂L/∂W[1]"], 6)
    -0.133605
    """
    step_ = Step(solver, learning_rate, step, m, v, l1, l2, clip_norm, hyperparameters)
    done = trace(network, parameters, x, y, step_)
    signs = Signs(done, most_shown(network) if most is None else whole("most", most, 1))
    return derive(signs, whole("digits", digits, 1), scheme, weight, neuron)


def most_shown(network: Network) -> int:
    """Return how many neurons of a layer are usually shown: all of a small network."""
    return max(network.sizes) if network.n_parameters <= IN_FULL else FEW


@np.errstate(all="ignore")  # what overflows is shown so
def derive(
    signs: Signs,
    digits: int = DIGITS,
    scheme: str | None = None,
    weight: str | tuple[int, int, int] | None = None,
    neuron: str | tuple[int, int] | None = None,
) -> Derivation:
    """Put the sections of a step together; ``explain`` describes the parameters."""
    title = f"One step of a {'-'.join(map(str, signs.sizes))} network"
    sections = [_network(signs)]
    if weight is not None:
        sections.append(followed(signs, weight))
    if neuron is not None:
        sections.append(alone(signs, neuron))
    if weight is None and neuron is None:
        sections += [initialisation(signs, scheme)] if scheme is not None else []
        sections.append(forward(signs))
        if signs.trace.y is not None:
            sections += [_loss(signs), backward(signs), update(signs), after(signs)]
    return Derivation(title, tuple(sections), digits)


def _network(signs: Signs) -> Section:
    network = signs.trace.network
    parts: list[Part] = []
    names = ", ".join(map(str, network.activations))
    one = len(network.activations) == 1
    parts.append(
        Words(
            f"{'-'.join(map(str, network.sizes))}: {counted(network.sizes[0], 'input')}, then "
            f"{'one layer' if one else f'{signs.trace.depth} layers'} with "
            f"{'the activation' if one else 'the activations'} {names}. Loss: {network.loss}. "
            f"{counted(network.n_parameters, 'parameter')}."
        )
    )
    if signs.trace.depth > 1 and max(network.sizes) <= DRAWN:
        layers = ("inputs", *map(str, network.activations))
        parts.append(Sketch(network.sizes, layers))
    if signs.trace.depth > 1:
        parts.append(
            Words(
                (
                    "A symbol carries the number of its layer, and those of its neurons: ",
                    Symbol("W", 2, (3, 1)),
                    " goes from neuron 3 of layer 1 to neuron 1 of layer 2.",
                )
            )
        )
    if signs.most < max(network.sizes):
        what = "largest ∂L/∂Z" if signs.trace.deltas else "largest output"
        parts.append(
            Words(
                f"It is too large to be written out. Of each layer the {signs.most} neurons with "
                f"the {what} are shown, and of each sum the {signs.most} largest terms."
            )
        )
    parts.append(
        Words("The numbers are rounded for reading; they were computed with all their digits.")
    )
    return Section("The network", tuple(parts))


def _loss(signs: Signs) -> Section:
    done, network = signs.trace, signs.trace.network
    rule = rule_of_loss(network.loss)
    parts: list[Part] = []
    if done.fused:
        parts.append(
            Words(
                f"{network.loss} is taken from the score Z, in a form that cannot overflow; the "
                f"{network.output if network.output != 'identity' else 'link'} is inside it."
            )
        )
    lines: list[Line] = []
    if rule is None:
        lines += _cross_entropy(signs)
    else:
        lines += _losses(signs, rule)
    parts.append(Lines(tuple(lines)))
    if done.penalty:
        total = Symbol("J", value=done.loss + done.penalty)
        penalty = Symbol("P", value=done.penalty)
        step = done.step
        terms = [f"{step.l1:g}·Σ|w|"] if step.l1 else []
        terms += [f"½·{step.l2:g}·Σw²"] if step.l2 else []
        parts.append(
            Words(
                f"The solver lowers J, which is L and the penalty on the weights, P = "
                f"{' + '.join(terms)}:"
            )
        )
        right = Sum((Symbol("L", value=done.loss), penalty))
        parts.append(Lines((Line(total, right, total.value),)))
    return Section("Loss", tuple(parts))


def _losses(signs: Signs, rule: Any) -> Iterator[Line]:
    """Yield the loss of each output, equation (4), and their sum."""
    done, depth = signs.trace, signs.trace.depth
    size = signs.sizes[-1]
    parts = []
    number = EQUATIONS.get(done.network.loss, ("", ""))[0]
    shown = signs.neurons(depth)
    for k in range(1, size + 1):
        taken = signs.Z(depth, k) if done.fused else signs.A(depth, k)
        value = done.loss if size == 1 else None
        sign = Symbol("L", None, (k,) if size > 1 else (), value)
        arguments: dict[str, Expression] = {"a": taken, "y": signs.Y(k)} | own_argument(signs)
        *before, last = rule_lines(rule, arguments, {VALUE: sign}, place=taken)
        if value is None:
            value = value_of(last.right)
        parts.append(Symbol("L", None, sign.at, value))
        if k in shown:
            yield from before
            yield replace(last, value=value, equation=number if k == shown[0] else "")
    if size > 1:
        losses = np.array([part.value for part in parts])
        yield Line(LOSS, signs.sum_of(losses, lambda k: parts[k - 1]), done.loss)


def _cross_entropy(signs: Signs) -> Iterator[Line]:
    """Yield L = -sum Y log A; only classes with a share count."""
    depth, done = signs.trace.depth, signs.trace
    assert done.y is not None
    classes = [k for k in range(1, signs.sizes[-1] + 1) if done.y[k - 1] != 0.0]
    shares = done.A[depth] if done.network.output == "softmax" else _shares(done)
    terms: list[Expression] = []
    for k in classes:
        output = Symbol("A", signs.layer(depth), (k,), float(shares[k - 1]))
        terms.append(Negative(product(signs.Y(k), Call("log", (output,)))))
    possible = all(shares[k - 1] > 0.0 for k in classes)
    right = None
    if terms and possible:
        right = signs.sum_of(np.array([*map(value_of, terms)]), lambda k: terms[k - 1])
    yield Line(LOSS, right, done.loss)


def _shares(done: Trace) -> Any:
    powers = np.exp(done.Z[-1] - done.Z[-1].max())
    return powers / powers.sum()
