"""Guided examples: settings that show one thing, and what to do and to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A guided example.

    Attributes
    ----------
    title : str
    text : str
        What it is about, in a sentence or two.
    look : str
        What to do, and what to look at.
    settings : dict
        What differs from the settings that a page begins with.
    speed : float or None
        Steps a second.
    panels : tuple of str
        The panels of the page that it is seen in.
    """

    title: str
    text: str
    look: str
    settings: dict[str, Any]
    speed: float | None = 100.0
    panels: tuple[str, ...] = ()


def _layers(count: int, size: int, activation: str) -> dict[str, Any]:
    return {"hidden_layer_sizes": [size] * count, "hidden": [activation] * count}


GUIDED: dict[str, Example] = {
    "neuron": Example(
        "The document's neuron",
        "One neuron: a weighted sum of three inputs, a sigmoid, half the squared error, and "
        "gradient descent over all rows. Everything larger is made of this.",
        "“Worked step”: press Step, and follow one row forward, through the loss, and back along "
        "the chain rule to the new weights. Then play: the loss falls with every step.",
        {
            "data": {"source": "shipped:document", "validation": 0.0},
            "network": {"preset": "neuron"},
            "training": {"learning_rate": 0.5},
            "dtype": "float64",
        },
        speed=10.0,
        panels=("worked", "curve"),
    ),
    "xor": Example(
        "Why one neuron cannot do xor",
        "A point is of class B where exactly one of its two numbers is positive. One neuron "
        "cuts the plane in two by a straight line, and no line separates these classes.",
        "Play: the accuracy stays near one half, however long it takes. Then add a hidden layer "
        "of 4 neurons and play again: the prediction bends, and the accuracy comes near 1. "
        "The small maps show what each hidden neuron contributes: one line each.",
        {
            "data": {"source": "toy:xor", "noise": 0.05},
            "network": {"hidden_layer_sizes": []},
            "training": {"epochs": 2000},
        },
        speed=1000.0,
        panels=("surface", "scores", "network"),
    ),
    "rate": Example(
        "A learning rate that is too large",
        "A neuron without an activation, gradient descent over all rows: the loss is a bowl. A "
        "step of 1 goes about to its bottom, one below 2 overshoots and still comes nearer, "
        "and one above 2 lands farther up on the other side.",
        "Press Step some times at 2.1: the loss grows with every step, and the prediction swings "
        "from side to side. Play on at full speed, and in the end the numbers are no numbers any "
        "more. Rewind, and take 1.5: it swings and settles. Take 1: it is there after two steps.",
        {
            "data": {"source": "toy:plane", "noise": 0.05},
            "network": {"hidden_layer_sizes": []},
            "training": {"solver": "gd", "learning_rate": 2.1, "batch_size": None},
        },
        speed=5.0,
        panels=("curve", "surface"),
    ),
    "vanishing": Example(
        "Vanishing gradients in a deep network of sigmoids",
        "On the way back, every layer multiplies by the slope of its activation, and that of a "
        "sigmoid is a quarter at most. After six layers almost nothing is left for the first.",
        "“Distributions”: play a little and compare the gradients of the first hidden layer with "
        "those of the output, which are some ten thousand times as large. The loss stays where it "
        "is. Then choose tanh for all layers: the gradients are of one size, and it learns.",
        {
            "data": {"source": "toy:circle", "noise": 0.05},
            "network": _layers(6, 8, "sigmoid"),
            "training": {"solver": "gd", "learning_rate": 0.2},
        },
        panels=("spread", "curve"),
    ),
    "overfitting": Example(
        "Overfitting, and what stops it",
        "50 noisy points, and a network with 4,417 parameters: it learns the noise by heart, and "
        "that does not carry over to the 50 points that it does not see.",
        "Play: the training loss goes to 0, the validation loss falls, turns and rises. Keep the "
        "run (“Kept runs”), rewind, and try each of these: an L2 penalty of 0.02, a stop "
        "after 20 epochs without progress, or 2000 rows in place of 100.",
        {
            "data": {"source": "toy:moons", "noise": 0.4, "rows": 100, "validation": 0.5},
            "network": _layers(2, 64, "relu"),
            "training": {"learning_rate": 0.005, "epochs": 500},
        },
        panels=("curve", "surface", "keep"),
    ),
    "zeros": Example(
        "Why weights do not begin at zero",
        "If all weights begin alike, all hidden neurons get the same gradient, take the same "
        "step, and stay alike for ever: four neurons are worth no more than one.",
        "Play, and look at the network: the four maps and the weights of the four neurons stay "
        "the same, and the prediction is cut by a line. Then choose xavier normal as the "
        "initial weights: the neurons part, and the disc is found.",
        {
            "data": {"source": "toy:circle", "noise": 0.05},
            "network": _layers(1, 4, "sigmoid") | {"scheme": "zeros"},
            "training": {"epochs": 2000},
        },
        speed=1000.0,
        panels=("network", "surface"),
    ),
}
