"""Runs that are kept, to be compared with and gone back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.playing.choices import Choices
from chainrule.playing.curve import finite
from chainrule.playing.readers import BadChoice
from chainrule.playing.run import Run
from chainrule.playing.scene import Scene
from chainrule.playing.scores import scores

MOST = 20
MOST_BYTES = 512 << 20  # of all together
LONGEST = 80  # characters of a name


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run as it was.

    Attributes
    ----------
    number : int
        Its id.
    name : str
    choices : Choices
    scene : Scene
        Of the data and the network that it was trained on.
    state : mapping
        What ``Run.copy_state`` returned.
    head : dict
        What the page is told: step, epoch, loss, validation_loss, scores, settings.
    """

    number: int
    name: str
    choices: Choices
    scene: Scene
    state: Mapping[str, Any]
    head: dict[str, Any]

    @property
    def theta(self) -> NDArray[Any]:
        """The parameters."""
        return self.state["theta"]  # type: ignore[no-any-return]

    def told(self) -> dict[str, Any]:
        """Return what goes into the head of a frame."""
        return {"id": self.number, "name": self.name, **self.head}

    def points(self) -> NDArray[np.float32]:
        """Return its curve."""
        found: NDArray[np.float32] = self.state["curve"].points()
        return found


@dataclass(eq=False)
class Snapshots:
    """The snapshots of a session, in the order in which they were taken."""

    kept: dict[int, Snapshot] = field(default_factory=dict)
    taken: int = 0

    def keep(self, run: Run, scene: Scene, name: str = "") -> Snapshot:
        """Keep a run as it is now.

        Raises
        ------
        BadChoice
            If there are too many already, or they take too much memory.
        """
        if len(self.kept) >= MOST:
            raise BadChoice(f"{MOST} snapshots are kept, the most; forget one first", "snapshot")
        state = run.copy_state()
        size = _bytes(state) + sum(_bytes(found.state) for found in self.kept.values())
        others = {id(found.scene.prepared): found.scene for found in self.kept.values()}
        others.pop(id(scene.prepared), None)
        size += sum(_bytes_of_data(other) for other in others.values())
        if size > MOST_BYTES:
            raise BadChoice(
                f"the snapshots would take {size >> 20} MiB, and {MOST_BYTES >> 20} are the most; "
                "forget one first",
                "snapshot",
            )
        found, _ = scores(scene, state["theta"], run.step)
        part = "validation" if found["validation"] else "train"
        head = {
            "step": run.step,
            "epoch": run.epoch,
            "loss": finite(run.loss),
            "validation_loss": finite(run.validation_loss),
            "scores": {"part": part, **found[part]},
            "settings": short(run.choices),
        }
        self.taken += 1
        name = _name(name) or f"Run {self.taken}"
        snapshot = Snapshot(self.taken, name, run.choices, scene, state, head)
        self.kept[snapshot.number] = snapshot
        return snapshot

    def find(self, number: Any) -> Snapshot:
        """Return a snapshot, or raise BadChoice."""
        if isinstance(number, bool) or not isinstance(number, int) or number not in self.kept:
            raise BadChoice("there is no such snapshot any more", "snapshot")
        return self.kept[number]

    def forget(self, number: Any) -> None:
        """Drop a snapshot."""
        del self.kept[self.find(number).number]

    def rename(self, number: Any, name: str) -> None:
        """Call a snapshot otherwise."""
        found = self.find(number)
        self.kept[found.number] = replace(found, name=_name(name) or found.name)

    def told(self) -> list[dict[str, Any]]:
        """Return what the head of a frame says of all."""
        return [found.told() for found in list(self.kept.values())]


def short(choices: Choices) -> str:
    """Say in a few words how a run was set.

    Examples
    --------
    >>> short(Choices())
    'moons, 8 tanh, adam at 0.01, seed 0'
    """
    data, network, training = choices.data, choices.network, choices.training
    layers = [f"{n} {f}" for n, f in zip(network.hidden_layer_sizes, network.hidden, strict=True)]
    rate = "" if training.learning_rate is None else f" at {training.learning_rate:g}"
    more = [(name, getattr(training, name)) for name in ("l1", "l2", "dropout")]
    parts = [
        data.source.partition(":")[2],
        network.preset or " - ".join(layers) or "no hidden layer",
        f"{training.solver}{rate}",
        *(f"{name} {value:g}" for name, value in more if value),
        f"seed {choices.seed}",
    ]
    return ", ".join(parts)


def _name(name: str) -> str:
    return "".join(c for c in name if c.isprintable()).strip()[:LONGEST]


def _bytes(state: Mapping[str, Any]) -> int:
    return sum(value.nbytes for value in state.values() if isinstance(value, np.ndarray))


def _bytes_of_data(scene: Scene) -> int:
    """Return how much memory the rows take that a snapshot keeps from being forgotten."""
    rows = (scene.prepared.X, scene.prepared.Y, *(axis.values for axis in scene.axes.values()))
    return sum(array.nbytes for array in rows)
