"""Draw the pictures of the documentation as SVG, in colours for light and dark pages.

    python docs/making/figures.py          # all of them, into docs/assets

They are committed, so that the site can be built and read without Matplotlib.
"""

import csv
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from chainrule import Network, fit, forward, train
from chainrule.rules import ACTIVATIONS

DOCS = Path(__file__).parents[1]
INK, BLUE, ORANGE, GREEN = "#7d8590", "#3b82c4", "#e07b39", "#3f9e6e"
STYLE = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 10,
    "grid.alpha": 0.25,
    "grid.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "chainrule",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
}
XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 0.0])


def save(figure: Any, name: str) -> None:
    """Write a figure without the date, so that the same picture is the same file."""
    figure.savefig(DOCS / "assets" / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def neuron() -> None:
    """Draw the document's neuron, with the numbers of the tutorial."""
    figure, axes = plt.subplots(figsize=(7.8, 3.1))
    axes.set(xlim=(-0.2, 9.2), ylim=(-0.5, 3.7))
    axes.axis("off")
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.3, "shrinkA": 17, "shrinkB": 20}

    def circle(x: float, y: float, text: str, colour: str, size: float = 1250) -> None:
        axes.scatter([x], [y], s=size, facecolor="none", edgecolor=colour, linewidth=2)
        axes.text(x, y, text, ha="center", va="center", fontsize=12, color=colour)

    inputs = [
        (3.1, "x₁ = 1", "w₁ = 0.1", 2.72),
        (1.6, "x₂ = 2", "w₂ = −0.2", 1.72),
        (0.1, "x₃ = 3", "w₃ = 0.05", 0.34),
    ]
    for y, value, weight, height in inputs:
        circle(0.6, y, value, BLUE, 2000)
        axes.annotate("", (3.5, 1.6), (0.75, y), arrowprops=arrow)
        axes.text(2.1, height, weight, ha="center", color=INK)
    circle(3.5, 1.6, "z", ORANGE)
    axes.text(3.5, 0.75, "the score\nz = w·x + b", ha="center", va="top")
    axes.annotate("", (5.9, 1.6), (3.5, 1.6), arrowprops=arrow)
    axes.text(4.7, 1.75, "sigmoid", ha="center")
    circle(5.9, 1.6, "a", ORANGE)
    axes.text(5.9, 0.75, "the output\nbetween 0 and 1", ha="center", va="top")
    axes.annotate("", (8.3, 1.6), (5.9, 1.6), arrowprops=arrow)
    axes.text(7.1, 1.75, "beside y = 1", ha="center")
    circle(8.3, 1.6, "L", GREEN)
    axes.text(8.3, 0.75, "the loss\n½ (a − y)²", ha="center", va="top")
    save(figure, "neuron")


def descent() -> None:
    """Draw the loss of the neuron over the epochs, at three learning rates."""
    figure, axes = plt.subplots(figsize=(6.4, 2.9))
    start = np.array([0.1, -0.2, 0.05, 0.0])
    network = Network((3, 1), output="sigmoid")
    for rate, colour in ((0.005, BLUE), (0.05, ORANGE), (0.5, GREEN)):
        found = train(
            network, [[1.0, 2.0, 3.0]], [1.0],
            solver="gd", learning_rate=rate, epochs=200, parameters=start,
        )  # fmt: skip
        axes.plot(found.history.loss, color=colour, label=f"learning rate {rate:g}")
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.legend(labelcolor="linecolor")
    save(figure, "descent")


def xor() -> None:
    """Draw what one neuron, and what a hidden layer of eight, make of xor."""
    X, y = XOR
    side = np.linspace(-0.4, 1.4, 60)
    grid = np.array(np.meshgrid(side, side)).reshape(2, -1).T
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
    colours = mpl.colors.LinearSegmentedColormap.from_list("", [BLUE, "#d9d9d9", ORANGE])
    networks = (
        ("one neuron", Network((2, 1), output="sigmoid", loss="binary_cross_entropy")),
        (
            "eight tanh neurons before it",
            Network((2, 8, 1), hidden="tanh", output="sigmoid", loss="binary_cross_entropy"),
        ),
    )
    for panel, (title, network) in zip(panels, networks, strict=True):
        found = train(network, X, y, epochs=500, learning_rate=0.05, seed=3)
        heights = forward(network, found.parameters, grid).reshape(60, 60)
        image = panel.imshow(
            heights, origin="lower", extent=(-0.4, 1.4, -0.4, 1.4), cmap=colours,
            vmin=0, vmax=1, alpha=0.75, interpolation="bilinear",
        )  # fmt: skip
        for value, mark in ((0.0, "o"), (1.0, "s")):
            rows = X[y == value]
            panel.scatter(
                rows[:, 0], rows[:, 1], s=90, marker=mark, color=ORANGE if value else BLUE,
                edgecolor="white", linewidth=1.5, zorder=3, label=f"target {value:g}",
            )  # fmt: skip
        panel.set(title=title, xlabel="x₁", xticks=[0, 1], yticks=[0, 1])
        panel.grid(visible=False)
    panels[0].set_ylabel("x₂")
    bar = figure.colorbar(image, ax=panels, shrink=0.85, pad=0.02)
    bar.set_label("the network's output", color=INK)
    bar.outline.set_edgecolor(INK)
    save(figure, "xor")


def cars() -> None:
    """Draw what was predicted for cars that the networks did not see, with intervals."""
    with (DOCS / "tutorial" / "cars.csv").open() as file:
        rows = list(csv.DictReader(file))
    held = [i for i in range(len(rows)) if i % 4 == 0]
    learned = [row for i, row in enumerate(rows) if i % 4]
    frame = {name: [row[name] or None for row in learned] for name in rows[0]}
    table = _table(frame)
    model = fit(table, "mpg", intervals=0.9, test_size=0)
    test = _table({name: [rows[i][name] or None for i in held] for name in rows[0]})
    truth = np.array([float(rows[i]["mpg"]) for i in held])
    lower, upper = model.predict_interval(test)
    middle = model.predict(test)
    inside = (lower <= truth) & (truth <= upper)
    order = np.argsort(middle)
    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    place = np.arange(len(order))
    axes.fill_between(place, lower[order], upper[order], color=BLUE, alpha=0.22, label="interval")
    axes.plot(place, middle[order], color=BLUE, label="predicted")
    for within, colour in ((True, INK), (False, ORANGE)):
        chosen = inside[order] == within
        share = f"{chosen.sum()} of {len(chosen)}"
        label = f"true, {'inside' if within else 'outside'}: {share}"
        axes.scatter(place[chosen], truth[order][chosen], s=14, color=colour, label=label, zorder=3)
    axes.set(xlabel="cars that were held back, by what was predicted", ylabel="miles a gallon")
    axes.set_xticks([])
    axes.legend(loc="upper left")
    save(figure, "cars")


def _table(columns: dict[str, list[Any]]) -> Any:
    import pyarrow as pa

    def column(name: str, values: list[Any]) -> Any:
        if name in ("origin", "name"):
            return pa.array(values)
        return pa.array([None if value is None else float(value) for value in values])

    return pa.table({name: column(name, values) for name, values in columns.items()})


def activations() -> None:
    """Draw every activation with its slope."""
    z = np.linspace(-4.0, 4.0, 161)
    figure, panels = plt.subplots(3, 4, figsize=(8.4, 5.6), sharex=True)
    for panel, (name, rule) in zip(panels.flat, ACTIVATIONS.items(), strict=True):
        values = np.array([rule(float(score)) for score in z])
        panel.plot(z, values[:, 0], color=BLUE, label="a")
        panel.plot(z, values[:, 1], color=ORANGE, lw=1.4, ls="--", label="slope")
        panel.set(title=name, ylim=(max(-1.6, values.min() - 0.2), min(4.2, values.max() + 0.2)))
    for panel in panels[-1]:
        panel.set_xlabel("z")
    panels[0, 0].legend(labelcolor="linecolor", loc="upper left", handlelength=1.2)
    figure.tight_layout()
    save(figure, "activations")


def own_rule() -> None:
    """Draw the rule of the page on rules of one's own."""
    z = np.linspace(-3, 3, 121)
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    axes.plot(z, np.exp(-z * z), color=BLUE, label="a")
    axes.plot(z, -2 * z * np.exp(-z * z), color=ORANGE, lw=1.4, ls="--", label="slope")
    axes.set(xlabel="z")
    axes.legend(labelcolor="linecolor")
    save(figure, "bump")


if __name__ == "__main__":
    mpl.use("agg")
    with plt.rc_context(STYLE):
        for draw in (neuron, descent, xor, cars, activations, own_rule):
            draw()
