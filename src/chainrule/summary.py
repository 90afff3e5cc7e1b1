"""What is kept of a training, and its form in the model file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from chainrule.untrusted import keys, mapped, number, require, text, whole

if TYPE_CHECKING:
    from chainrule.course import Training

KEPT_EPOCHS = 1000
IMPORTED = "imported_from"  # the setting of a network that was trained elsewhere
CURVES = ("loss", "validation_loss", "learning_rate")

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Course:
    """What is kept of the training of one network.

    Attributes
    ----------
    stopped : str
        Why it ended, see ``chainrule.Training``.
    epochs : int
        How many were run.
    best_epoch : int or None
        The epoch (from 0) of the parameters, with early stopping.
    history : dict of str to list of float
        The "loss", the "validation_loss" and the "learning_rate" of the epochs.
    every : int
        1 if the history has all epochs. A file keeps at most a thousand of them:
        the first of every 2, 3, ...
    """

    stopped: str = "epochs"
    epochs: int = 0
    best_epoch: int | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    every: int = 1


@dataclass(frozen=True)
class Summary:
    """What is kept of a training, for people.

    Attributes
    ----------
    version : str
        The version of chainrule that trained.
    settings : dict
        What was asked for: seed, solver, learning rate and so on; of a network that was
        trained elsewhere ``IMPORTED``, and where that was.
    rows : dict of str to int
        How many rows were used to "train", for "validation", and held out ("test").
    scores : dict of str to dict of str to float
        On the held-out rows, of the "network" (or the mean of several), the "linear" model
        and the "baseline"; empty without such rows. NaN where a score is not defined.
    courses : tuple of Course
        How each network was trained.
    """

    version: str
    settings: dict[str, Scalar] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    courses: tuple[Course, ...] = ()


def course_of(training: Training) -> Course:
    """Return what is kept of a training."""
    history = training.history
    return Course(
        stopped=training.stopped,
        epochs=len(history.loss),
        best_epoch=training.best_epoch,
        history={name: list(curve) for name, curve in vars(history).items()},
    )


def summary_document(summary: Summary) -> dict[str, Any]:
    """Return a summary as a document of JSON types, with a thousand epochs at most."""
    scores = {
        who: {name: None if isnan(score) else score for name, score in found.items()}
        for who, found in summary.scores.items()
    }
    courses = [asdict(_thinned(course)) for course in summary.courses]
    return asdict(replace(summary, courses=())) | {"scores": scores, "courses": courses}


def _thinned(course: Course) -> Course:
    longest = max((len(curve) for curve in course.history.values()), default=0)
    step = max(1, -(-longest // KEPT_EPOCHS))
    history = {name: curve[::step] for name, curve in course.history.items()}
    return replace(course, history=history, every=course.every * step)


def read_summary(document: Any) -> Summary:
    """Check a document of ``summary_document`` and return the summary."""
    found = _fields(document, Summary, "training")
    require(isinstance(found["courses"], list), "training.courses", "a list")
    return Summary(
        version=text(found["version"], "training.version"),
        settings=mapped(found["settings"], "training.settings", _scalar),
        rows=mapped(found["rows"], "training.rows", whole),
        scores=mapped(
            found["scores"], "training.scores", lambda v, where: mapped(v, where, _score)
        ),
        courses=tuple(
            _course(entry, f"training.courses[{i}]") for i, entry in enumerate(found["courses"])
        ),
    )


def _course(document: Any, where: str) -> Course:
    found = _fields(document, Course, where)
    best = found["best_epoch"]
    history = mapped(found["history"], f"{where}.history", _numbers)
    require(set(history) <= set(CURVES), f"{where}.history", f"one of {', '.join(CURVES)}")
    return Course(
        stopped=text(found["stopped"], f"{where}.stopped"),
        epochs=whole(found["epochs"], f"{where}.epochs"),
        best_epoch=None if best is None else whole(best, f"{where}.best_epoch"),
        history=history,
        every=whole(found["every"], f"{where}.every"),
    )


def _fields(document: Any, cls: type[Any], where: str) -> dict[str, Any]:
    return keys(document, tuple(entry.name for entry in fields(cls)), where)


def _score(value: Any, where: str) -> float:
    return nan if value is None else number(value, where)


def _numbers(value: Any, where: str) -> list[float]:
    require(isinstance(value, list), where, "a list")
    return [number(item, where) for item in value]


def _scalar(value: Any, where: str) -> Scalar:
    if isinstance(value, float):
        return number(value, where)
    require(value is None or isinstance(value, str | int), where, "text, a number or a flag")
    return value  # type: ignore[no-any-return]
