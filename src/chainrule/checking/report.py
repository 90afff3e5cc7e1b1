"""What the checker says: a verdict, the mistakes, and how it came to them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """One mistake in a learner's code.

    Attributes
    ----------
    name : str
        In the catalogue.
    layer : int or None
        From 1, where the first hidden layer is 1; None where it is in several or in none.
    equation, instead : str
        What should stand there, and what the code computes.
    message : str
        What is wrong, and why.
    also : tuple of str
        Mistakes that are the same as this one on all inputs.
    line : int or None
        In the file, where it could be located.
    code, corrected : str or None
        That line, and a line that was tried in its place and is right.
    layers : tuple of int
        All the layers in which it stands; empty where it stands in none.
    """

    name: str
    layer: int | None
    equation: str
    instead: str
    message: str
    also: tuple[str, ...] = ()
    line: int | None = None
    code: str | None = None
    corrected: str | None = None
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Wrong:
    """The first quantity on the way that is wrong, where no mistake of the catalogue explains it.

    Attributes
    ----------
    quantity : str
        "Z", "A", "delta", "dW", "db" or "update".
    layer : int
        From 1.
    difference : float
        The largest difference from the right number.
    name : str or None
        What the code calls it.
    line : int or None
        Where the code computes it.
    code : str or None
        That line.
    """

    quantity: str
    layer: int
    difference: float
    name: str | None = None
    line: int | None = None
    code: str | None = None


@dataclass(frozen=True)
class Report:
    """The judgement of a piece of back-propagation.

    Attributes
    ----------
    verdict : {"correct", "mistake", "unknown", "failed"}
        Right; wrong, and how; wrong, and no mistake of the catalogue explains it; could not be
        run.
    name : str
        Of the function or class.
    mistakes : tuple of Mistake
    message : str
        The verdict in a sentence.
    network, convention : str
        For what the code was taken, and how it was called.
    precision : float or None
        The largest relative error of a gradient, where all is right.
    tried : str
        At what it was tried.
    notes : tuple of str
        What is worth knowing besides.
    wrong : Wrong or None
        Where the verdict is "unknown": the first quantity that is wrong.
    """

    verdict: str
    name: str
    message: str
    mistakes: tuple[Mistake, ...] = ()
    network: str = ""
    convention: str = ""
    precision: float | None = None
    tried: str = ""
    notes: tuple[str, ...] = ()
    wrong: Wrong | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 right, 1 a mistake, 2 could not be run."""
        return {"correct": 0, "mistake": 1, "unknown": 1, "failed": 2}[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return asdict(self)

    def __str__(self) -> str:
        from chainrule.checking.telling import told

        return told(self)

    def _repr_html_(self) -> str:
        from chainrule.checking.telling import html

        return html(self)
