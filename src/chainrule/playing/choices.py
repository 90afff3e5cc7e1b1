"""What is chosen on the page: a JSON document from outside, checked, as frozen data.

The document is that of the protocol: ``data``, ``network``, ``training``, ``seed`` and
``dtype``. A part of it changes the choices before; ``followed`` says what changes along.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from chainrule.arguments import own_parameters
from chainrule.columns import KINDS, TASKS
from chainrule.errors import BadSetting
from chainrule.initial import INITIALISERS
from chainrule.network import HIDDEN
from chainrule.playing import readers
from chainrule.playing.readers import BadChoice
from chainrule.prepare import PRESETS
from chainrule.rules import LOSSES, OPTIMISERS
from chainrule.schedules import SCHEDULES, STRETCHED

__all__ = ["LIMITS", "BadChoice", "Choices", "choices_of", "document", "makes_a_new_run"]

SOLVERS = tuple(name for name in OPTIMISERS if name != "adam_section2")
DTYPES = ("float32", "float64")

LIMITS: dict[str, float] = {
    "upload_bytes": 64 << 20,
    "rows": 200_000,
    "columns": 200,
    "classes": 100,
    "hidden_layers": 10,
    "neurons": 512,
    "parameters": 1_000_000,
    "epochs": 1_000_000,
    "least_toy_rows": 10,
    "toy_rows": 5000,
    "toy_classes": 6,
    "noise": 1.0,
    "validation": 0.9,
    "seed": (1 << 53) - 1,  # the largest whole number that the page can count with
}


def _most(name: str) -> int:
    return int(LIMITS[name])


def _read(reader: readers.Reader, default: Any) -> Any:
    """Give a field its reader and its default."""
    make = {"default_factory": dict} if default == {} else {"default": default}
    return field(metadata={"reader": reader}, **make)


@dataclass(frozen=True)
class Data:
    """Which table, which of its columns, and how its rows are split."""

    source: str = _read(readers.text, "toy:moons")
    rows: int = _read(readers.whole(_most("least_toy_rows"), _most("toy_rows")), 300)
    noise: float = _read(readers.number(0, LIMITS["noise"]), 0.2)
    seed: int = _read(readers.whole(0, _most("seed")), 0)
    classes: int = _read(readers.whole(2, _most("toy_classes")), 2)
    target: str | None = _read(readers.maybe(readers.text), None)
    columns: tuple[str, ...] | None = _read(
        readers.maybe(readers.sequence(readers.text, _most("columns"))), None
    )
    kinds: Mapping[str, str] = _read(readers.mapping(readers.one_of(KINDS), _most("columns")), {})
    task: str | None = _read(readers.maybe(readers.one_of(TASKS)), None)
    validation: float = _read(readers.number(0, LIMITS["validation"]), 0.3)


@dataclass(frozen=True)
class Net:
    """The layers between the inputs and the output, the loss, and how weights are drawn."""

    preset: str | None = _read(readers.maybe(readers.one_of(PRESETS)), None)
    hidden_layer_sizes: tuple[int, ...] = _read(
        readers.sequence(readers.whole(1, _most("neurons")), _most("hidden_layers")), (8,)
    )
    hidden: tuple[str, ...] = _read(
        readers.sequence(readers.one_of(HIDDEN), _most("hidden_layers")), ("tanh",)
    )
    loss: str | None = _read(readers.maybe(readers.one_of(tuple(LOSSES))), None)
    loss_parameter: float | None = _read(readers.maybe(readers.number(0, above=True)), None)
    scheme: str = _read(readers.one_of(tuple(INITIALISERS)), "xavier_normal")


@dataclass(frozen=True)
class Training:
    """How the parameters are changed, and when that ends."""

    solver: str = _read(readers.solver(SOLVERS), "adam")
    learning_rate: float | None = _read(readers.maybe(readers.number(0, above=True)), 0.01)
    schedule: str = _read(readers.one_of(tuple(SCHEDULES)), "constant")
    hyperparameters: Mapping[str, float] = _read(readers.mapping(readers.number(0), 4), {})
    batch_size: int | None = _read(readers.maybe(readers.whole(1, _most("rows"))), 32)
    l1: float = _read(readers.number(0), 0.0)
    l2: float = _read(readers.number(0), 0.0)
    dropout: float = _read(readers.number(0, 1, below=True), 0.0)
    clip_norm: float | None = _read(readers.maybe(readers.number(0, above=True)), None)
    epochs: int = _read(readers.whole(1, _most("epochs")), 1000)
    patience: int | None = _read(readers.maybe(readers.whole(0, _most("epochs"))), None)
    stop_loss: float | None = _read(readers.maybe(readers.number()), None)

    @property
    def own(self) -> dict[str, float]:
        """All of the solver's own parameters: those chosen, and the defaults of its rule."""
        return own_defaults(self.solver) | dict(self.hyperparameters)


PARTS: dict[str, type[Any]] = {"data": Data, "network": Net, "training": Training}
ON_THE_WAY = (  # act on a run as it is
    "learning_rate", "hyperparameters", "l1", "l2", "dropout", "clip_norm", "epochs", "patience",
    "stop_loss",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """All that determines a run.

    Examples
    --------
    >>> chosen = choices_of({"network": {"hidden_layer_sizes": [8, 4]}})
    >>> chosen.network.hidden, chosen.training.solver
    (('tanh', 'tanh'), 'adam')
    """

    data: Data = field(default_factory=Data)
    network: Net = field(default_factory=Net)
    training: Training = field(default_factory=Training)
    seed: int = _read(readers.whole(0, _most("seed")), 0)
    dtype: str = _read(readers.one_of(DTYPES), "float32")


def own_defaults(solver: str) -> dict[str, float]:
    """Return the solver's own parameters with their defaults.

    Examples
    --------
    >>> own_defaults("sgd"), own_defaults("gd")
    ({'momentum': 0.9}, {})
    """
    arguments = list(inspect.signature(OPTIMISERS[solver]).parameters.values())[6:]
    return {argument.name: float(argument.default) for argument in arguments}


def document(choices: Choices) -> dict[str, Any]:
    """Return the choices as a document of JSON types.

    Examples
    --------
    >>> document(Choices())["network"]["hidden_layer_sizes"]
    [8]
    >>> choices_of(document(Choices())) == Choices()
    True
    """

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(item) for name, item in value.items()}
        return list(value) if isinstance(value, tuple) else value

    return dict(plain(asdict(choices)))


def choices_of(change: Any, before: Choices | None = None) -> Choices:
    """Check a document, whole or in part, and return the choices that it makes.

    Parameters
    ----------
    change : object
        As it came from outside.
    before : Choices, optional
        What holds where the document says nothing; default: ``Choices()``.

    Raises
    ------
    BadChoice
        If something is unknown, of the wrong type or out of its limits; ``where`` says
        what, such as "network.hidden_layer_sizes".

    Examples
    --------
    >>> choices_of({"training": {"epochs": 0}})
    Traceback (most recent call last):
        ...
    chainrule.playing.readers.BadChoice: training.epochs is 0; it must be a whole number from 1 to
    1,000,000
    """
    before = before or Choices()
    asked = _read_part(change, Choices, "", document(before))
    changed = document(before)
    for name, value in asked.items():
        changed[name] = changed[name] | value if name in PARTS else value
    changed = followed(changed, asked, before)
    parts = {name: part(**_tupled(changed[name])) for name, part in PARTS.items()}
    choices = Choices(**parts, seed=changed["seed"], dtype=changed["dtype"])
    _check_together(choices)
    return choices


def _read_part(change: Any, cls: type[Any], where: str, before: dict[str, Any]) -> dict[str, Any]:
    """Check what a document says of a part.

    Maps in it change those before, name by name, unless the part is whole, or those before
    are of another source or solver.
    """
    known = {entry.name: entry for entry in fields(cls)}
    asked = {}
    given = readers.object_of(change, tuple(known), where)
    key = {"data": "source", "training": "solver"}.get(where, "")
    anew = set(given) == set(known) or given.get(key, before.get(key)) != before.get(key)
    for name, value in given.items():
        path = f"{where}.{name}".removeprefix(".")
        if where == "" and name in PARTS:
            asked[name] = _read_part(value, PARTS[name], name, before[name])
            continue
        if isinstance(before[name], dict):
            entries = readers.object_of({} if value is None else value, None, path)
            kept = {} if anew or value is None else before[name]
            value = {k: item for k, item in (kept | entries).items() if item is not None}
        asked[name] = known[name].metadata["reader"](value, path)
    return asked


def followed(changed: dict[str, Any], asked: dict[str, Any], before: Choices) -> dict[str, Any]:
    """Change along what depends on what was asked for, unless it was asked for too."""
    result = dict(changed)
    data, network, training = (dict(asked.get(name, {})) for name in PARTS)
    if data.get("source", before.data.source) != before.data.source:
        data = {"target": None, "columns": None, "kinds": {}, "task": None} | data
    elif "target" in data and data["target"] != before.data.target:
        data = {"task": None} | data
    if network.get("preset") == "neuron":
        network = {"hidden_layer_sizes": (), "loss": None} | network
        if before.network.preset is None:
            result["dtype"] = asked.get("dtype", "float64")
            usual = {"solver": "gd", "schedule": "constant", "batch_size": None}
            training = usual | {"learning_rate": None, "hyperparameters": {}} | training
    elif network.get("hidden_layer_sizes") or network.get("loss") is not None:
        network = {"preset": None} | network
    if "loss" in network and network["loss"] != before.network.loss:
        network = {"loss_parameter": None} | network
    sizes = network.get("hidden_layer_sizes", before.network.hidden_layer_sizes)
    if "hidden_layer_sizes" in network and "hidden" not in network:
        network["hidden"] = _as_many(before.network.hidden, len(sizes))
    if training.get("solver", before.training.solver) != before.training.solver:
        training = {"learning_rate": None, "hyperparameters": {}} | training
    for name, part in zip(PARTS, (data, network, training), strict=True):
        result[name] = changed[name] | part
    return result


def _as_many(hidden: tuple[str, ...], count: int) -> tuple[str, ...]:
    last = hidden[-1] if hidden else "tanh"
    return (*hidden, *[last] * count)[:count]


def _tupled(part: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in part.items()}


def _check_together(choices: Choices) -> None:
    network, training = choices.network, choices.training
    layers = len(network.hidden_layer_sizes)
    if len(network.hidden) != layers:
        raise BadChoice(
            f"network.hidden names {len(network.hidden)} activations for {layers} hidden "
            "layers; give one for each",
            "network.hidden",
        )
    if network.preset == "neuron" and (layers or network.loss is not None):
        wrong = "hidden_layer_sizes" if layers else "loss"
        raise BadChoice(
            f"network.{wrong} does not go with the preset 'neuron', which is one neuron under half "
            "the squared error",
            f"network.{wrong}",
        )
    if len(set(choices.data.columns or ())) < len(choices.data.columns or ()):
        raise BadChoice("data.columns names a column twice", "data.columns")
    try:
        own_parameters(training.solver, dict(training.hyperparameters))
    except BadSetting as error:
        raise BadChoice(str(error), "training.hyperparameters") from None


def makes_a_new_run(before: Choices, after: Choices) -> bool:
    """Say whether a run under the choices before cannot go on under those after.

    Examples
    --------
    >>> before = Choices()
    >>> faster = choices_of({"training": {"learning_rate": 0.1}}, before)
    >>> makes_a_new_run(before, faster)
    False
    >>> makes_a_new_run(before, choices_of({"seed": 1}, before))
    True
    """
    first, second = document(before), document(after)
    for found in (first, second):
        for name in ON_THE_WAY:
            del found["training"][name]
    return first != second


def still_exact(before: Choices, after: Choices) -> bool:
    """Say whether a run that changes so on its way is what a training under ``after`` is.

    Examples
    --------
    >>> before = Choices()
    >>> still_exact(before, choices_of({"training": {"epochs": 2000}}, before))
    True
    >>> still_exact(before, choices_of({"training": {"l2": 0.01}}, before))
    False
    """
    first, second = asdict(before.training), asdict(after.training)
    free = {"stop_loss"} | ({"epochs"} if after.training.schedule not in STRETCHED else set())
    return all(first[name] == second[name] for name in ON_THE_WAY if name not in free)
