"""Pictures: a small network as text, and the losses of a training as a curve."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSetting
from chainrule.network import Network

if TYPE_CHECKING:
    from chainrule.summary import Course

MOST_ROWS = 40
NAME_WIDTH = 26
PLOT_FORMATS = ("png", "svg")
CURVES = (("loss", "training", "C0"), ("validation_loss", "validation", "C1"))
POSITIVE, NEGATIVE, NEARLY_ZERO = "▪■", "▫□", "·"
LEGEND = "■ ▪ positive weights, □ ▫ negative ones, · small; each layer by its own largest"


def flow(network: Network) -> str:
    """Return the layers in one line.

    Examples
    --------
    >>> flow(Network((3, 8, 1), output="sigmoid"))
    '3 inputs → 8 relu → 1 sigmoid'
    """
    steps = zip(network.sizes[1:], network.activations, strict=True)
    first = f"{network.sizes[0]} input{'s' if network.sizes[0] > 1 else ''}"
    return " → ".join([first, *(f"{n} {name}" for n, name in steps)])


def draw(
    network: Network,
    parameters: NDArray[Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    width: int = 80,
) -> str | None:
    """Draw a network as text, or return None if it is too large for the width.

    One neuron is drawn as in a textbook; without hidden layers, the weights are
    written out; else each layer is a grid of squares, after Hinton, in which a
    column is a hidden neuron.

    Examples
    --------
    >>> network = Network((2, 1), output="sigmoid")
    >>> print(draw(network, np.array([0.5, -1.25, 0.125]), ["x1", "x2"], ["y"]))
      x1 ──( +0.500 )──╮
      x2 ──( -1.250 )──┼──▶ Σ ──▶ sigmoid ──▶ y
    bias ──( +0.125 )──╯
    """
    layers = network.layers(parameters)
    if network.sizes[0] > MOST_ROWS or network.sizes[-1] > MOST_ROWS:
        return None
    if len(layers) == 1:
        if network.sizes[-1] == 1:
            return _neuron(*layers[0], inputs, f"{network.output} ──▶ {outputs[0]}")
        return _weights(*layers[0], inputs, outputs, width)
    names = _aligned([*inputs, *outputs, "bias"])
    room = width - len(names[0]) - 3
    if max(network.sizes[1:-1]) > room or max(network.sizes[1:-2], default=0) > MOST_ROWS:
        return None
    grids = [
        _grid("inputs → layer 1", np.vstack(layers[0]), [*names[: len(inputs)], names[-1]], room)
    ]
    for number, (W, b) in enumerate(layers[1:-1], start=1):
        rows = _aligned([*(f"neuron {i + 1}" for i in range(len(W))), "bias"], len(names[0]))
        grids.append(_grid(f"layer {number} → layer {number + 1}", np.vstack((W, b)), rows, room))
    title = f"layer {len(layers) - 1} → outputs"
    grids.append(_grid(title, layers[-1][0].T, names[len(inputs) : -1], room))
    return "\n\n".join([*grids, LEGEND])


def _aligned(names: Sequence[str], width: int = 0) -> list[str]:
    """Give all names the same width, cutting long ones."""
    short = [n if len(n) <= NAME_WIDTH else n[: NAME_WIDTH - 1] + "…" for n in names]
    width = max(width, *map(len, short))
    return [name.rjust(width) for name in short]


def _neuron(W: NDArray[Any], b: NDArray[Any], inputs: Sequence[str], rest: str) -> str:
    values = [*W[:, 0], *b]
    numbers = [f"{value:+.3f}" for value in values]
    width = max(map(len, numbers))
    names = _aligned([*inputs, "bias"])
    last, middle = len(values) - 1, len(values) // 2
    lines = []
    for i, (name, number) in enumerate(zip(names, numbers, strict=True)):
        corner = "╮" if i == 0 else "╯" if i == last else "┤"
        if i == middle:
            corner = ("┼" if 0 < i < last else "┴") + f"──▶ Σ ──▶ {rest}"
        lines.append(f"{name} ──( {number:>{width}} )──{corner}")
    return "\n".join(lines)


def _weights(
    W: NDArray[Any], b: NDArray[Any], inputs: Sequence[str], outputs: Sequence[str], width: int
) -> str | None:
    names = _aligned([*inputs, "bias"])
    column = max(9, *(min(len(name), NAME_WIDTH) + 1 for name in outputs))
    if len(names[0]) + column * len(outputs) > width:
        return None
    heads = "".join(name[: column - 1].rjust(column) for name in outputs)
    lines = [" " * len(names[0]) + heads]
    for name, row in zip(names, np.vstack((W, b)), strict=True):
        lines.append(name + "".join(f"{value:+.3f}".rjust(column) for value in row))
    return "\n".join(lines)


def _grid(title: str, values: NDArray[Any], names: Sequence[str], room: int) -> str:
    largest = float(np.abs(values).max()) or 1.0
    gap = " " if 2 * values.shape[1] <= room else ""
    lines = [f"{title}, largest weight {largest:.3g}"]
    for name, row in zip(names, values / largest, strict=True):
        lines.append(f"{name} │ {gap.join(map(_square, row))}")
    return "\n".join(lines)


def _square(share: float) -> str:
    size = 1 if abs(share) > 0.5 else 0
    return NEARLY_ZERO if abs(share) < 0.1 else (POSITIVE if share > 0 else NEGATIVE)[size]


def check_plot(path: str) -> str:
    """Return the format of a plot, having checked that it can be drawn."""
    form = path.rpartition(".")[2].lower()
    if form not in PLOT_FORMATS:
        raise BadSetting(f"the plot {path} must end in .png or .svg")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadSetting(
            "a plot needs Matplotlib, which is not installed; run: pip install 'chainrule[plot]'"
        ) from None
    return form


def loss_curve(courses: Sequence[Course], form: str) -> bytes:
    """Return a picture of the losses over the epochs, as the bytes of a PNG or SVG file.

    Parameters
    ----------
    courses : sequence of chainrule.summary.Course
        Of one network or several, each of which gets thin lines of its own.
    form : {"png", "svg"}
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    curves = [
        (label, colour, course.history[name], course.every)
        for name, label, colour in CURVES
        for course in courses
        if course.history.get(name)
    ]
    for label, colour, curve, every in curves:
        first = label not in (line.get_label() for line in axes.lines)
        epochs = np.arange(len(curve)) * every
        width = 1.5 / len(courses) ** 0.5
        axes.plot(epochs, curve, color=colour, lw=width, label=label if first else f"_{label}")
    axes.set(xlabel="epoch", ylabel="loss")
    if curves and min(min(curve) for _, _, curve, _ in curves) > 0.0:
        axes.set_yscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "chainrule"}):  # the same curve gives the same bytes
        figure.savefig(picture, format=form, metadata={"Date": None} if form == "svg" else None)
    return picture.getvalue()
