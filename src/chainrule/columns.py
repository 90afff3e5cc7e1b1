"""What is known of a table's columns: enough to turn raw rows into numbers and back.

The frozen dataclasses hold no data and go into the model file as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from chainrule.errors import BadModelFile

KINDS = ("numeric", "categorical", "boolean", "date", "dropped")
TASKS = ("classification", "regression")
CLASS_TYPES = ("string", "integer", "float", "boolean")
READ_AS = {"string": "categorical", "boolean": "boolean"}


@dataclass(frozen=True)
class Column:
    """How one column of a table becomes numbers, or why it does not.

    - numeric: (x - mean) / scale;
    - date: the same, of the days since 1970-01-01;
    - boolean: 1 for true, 0 for false;
    - categorical: one number for each category, 1 for the row's own and 0 for
      the others; a category that training did not see has 0 in all of them.

    A missing number, date or boolean is replaced by ``fill``, the mean. Where
    the training rows had missing values, one more number says whether the value
    was missing.

    Parameters
    ----------
    name : str
    kind : {"numeric", "categorical", "boolean", "date", "dropped"}
    reason : str
        Why it has this kind, for people.
    mean, scale : float
        Of the training rows; scale is the standard deviation, 1 where that is 0.
    fill : float
        What stands in for a missing value, in the column's own units.
    categories : tuple of str
    missing : bool
        Whether a number says that the value is missing.

    Examples
    --------
    >>> Column("island", "categorical", categories=("Biscoe", "Dream"), missing=True).width
    3
    """

    name: str
    kind: str
    reason: str = ""
    mean: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    categories: tuple[str, ...] = ()
    missing: bool = False

    @property
    def width(self) -> int:
        """How many numbers a row of this column becomes."""
        if self.kind == "dropped":
            return 0
        return (len(self.categories) if self.kind == "categorical" else 1) + self.missing


@dataclass(frozen=True)
class Target:
    """What is predicted: one of several classes, or a number.

    Parameters
    ----------
    name : str
    task : {"classification", "regression"}
    classes : tuple of str
        In order: numbers by size, text by letter, false before true. Empty for
        regression.
    class_type : {"string", "integer", "float", "boolean"}
        What the classes are in the table.
    mean, scale : float
        Regression is trained on (y - mean) / scale.
    reason : str
        Why it is this task, for people.

    Examples
    --------
    >>> Target("species", "classification", ("Adelie", "Gentoo")).classes
    ('Adelie', 'Gentoo')
    """

    name: str
    task: str
    classes: tuple[str, ...] = ()
    class_type: str = "string"
    mean: float = 0.0
    scale: float = 1.0
    reason: str = ""


@dataclass(frozen=True)
class Inputs:
    """The columns of a table, in their order, that a network's inputs are made of.

    Examples
    --------
    >>> Inputs((Column("x", "numeric"), Column("id", "dropped"))).width
    1
    """

    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """How many numbers a row becomes: the inputs of the network."""
        return sum(column.width for column in self.columns)


@dataclass(frozen=True)
class TableSpec(Inputs):
    """All columns of a table in their order, without the target, and the target.

    Examples
    --------
    >>> spec = TableSpec((Column("x", "numeric", mean=2.0),), Target("y", "regression"))
    >>> TableSpec.from_json(spec.to_json()) == spec
    True
    >>> spec.kinds
    {'x': 'numeric', 'y': 'numeric'}
    """

    target: Target

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each column, target included, as ``read_table(columns=...)`` takes it."""
        target = self.target
        kind = READ_AS.get(target.class_type) if target.task == "classification" else None
        kinds = {column.name: column.kind for column in self.columns}
        return {**kinds, target.name: kind or "numeric"}

    def to_json(self) -> dict[str, Any]:
        """Return the spec as a document of JSON types."""
        document = asdict(self)
        for entry in document["columns"]:
            entry["categories"] = list(entry["categories"])
        document["columns"] = list(document["columns"])
        document["target"]["classes"] = list(document["target"]["classes"])
        return document

    @classmethod
    def from_json(cls, document: Any) -> TableSpec:
        """Check a document of ``to_json``, every field of it, and return the spec.

        Raises
        ------
        BadModelFile
            If anything is absent, unknown, of another type, or contradicts the
            rest, naming the field.
        """
        _check_keys(document, ("columns", "target"), "table")
        if not isinstance(document["columns"], list):
            raise BadModelFile("the model's table.columns is not a list; the file is damaged")
        columns = tuple(
            _column(entry, f"table.columns[{i}]") for i, entry in enumerate(document["columns"])
        )
        target = _target(document["target"], "table.target")
        names = [column.name for column in columns] + [target.name]
        if len(set(names)) < len(names):
            raise BadModelFile("the model's table.columns has a name twice; the file is damaged")
        spec = cls(columns, target)
        if spec.width == 0:
            raise BadModelFile("the model's table.columns gives no feature; the file is damaged")
        return spec


def _column(document: Any, where: str) -> Column:
    column = Column(**_checked(document, Column, where))
    _require(column.kind in KINDS, f"{where}.kind", f"one of {', '.join(KINDS)}")
    _require(column.scale > 0.0, f"{where}.scale", "above 0")
    _require(
        bool(column.categories) <= (column.kind == "categorical"),
        f"{where}.categories",
        f"empty for a column of kind {column.kind}",
    )
    return column


def _target(document: Any, where: str) -> Target:
    target = Target(**_checked(document, Target, where))
    _require(target.task in TASKS, f"{where}.task", f"one of {', '.join(TASKS)}")
    _require(target.class_type in CLASS_TYPES, f"{where}.class_type", "a known type")
    _require(target.scale > 0.0, f"{where}.scale", "above 0")
    if target.task == "regression":
        _require(not target.classes, f"{where}.classes", "empty for regression")
        return target
    _require(len(target.classes) > 1, f"{where}.classes", "two classes or more")
    if target.class_type != "string":
        legible = all(_legible(label, target.class_type) for label in target.classes)
        _require(legible, f"{where}.classes", f"of type {target.class_type}")
    return target


def _legible(label: str, class_type: str) -> bool:
    """Whether a class's text is a value of the type that ``labels`` gives it."""
    try:
        if class_type == "integer":
            return label == str(int(label)) and -(2**63) <= int(label) < 2**64
        return label in ("false", "true") if class_type == "boolean" else isfinite(float(label))
    except ValueError:
        return False


def _checked(document: Any, cls: type[Any], where: str) -> dict[str, Any]:
    """Return the fields of a dataclass from a document, each of its annotated type."""
    _check_keys(document, tuple(field.name for field in fields(cls)), where)
    return {
        field.name: _READERS[str(field.type)](document[field.name], f"{where}.{field.name}")
        for field in fields(cls)
    }


def _check_keys(document: Any, names: tuple[str, ...], where: str) -> None:
    _require(isinstance(document, Mapping), where, "an object")
    absent, unknown = set(names) - set(document), set(document) - set(names)
    if absent or unknown:
        wrong = f"lacks {', '.join(sorted(absent))}" if absent else ""
        extra = f"has the unknown {', '.join(sorted(map(str, unknown)))}" if unknown else ""
        parts = " and ".join(part for part in (wrong, extra) if part)
        raise BadModelFile(
            f"the model's {where} {parts}; the file is damaged or of another version"
        )


def _require(holds: bool, where: str, wanted: str) -> None:
    if not holds:
        raise BadModelFile(f"the model's {where} is not {wanted}; the file is damaged")


def _text(value: Any, where: str) -> str:
    _require(isinstance(value, str), where, "text")
    _require(not any("\ud800" <= c <= "\udfff" for c in value), where, "text of valid characters")
    return str(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    _require(isinstance(value, list), where, "a list")
    found = tuple(_text(item, f"{where}[{i}]") for i, item in enumerate(value))
    _require(len(set(found)) == len(found), where, "free of repetitions")
    return found


def _number(value: Any, where: str) -> float:
    _require(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
    _require(abs(value) <= 1.7976931348623157e308, where, "finite")
    return float(value)


def _flag(value: Any, where: str) -> bool:
    _require(isinstance(value, bool), where, "true or false")
    return bool(value)


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "str": _text,
    "float": _number,
    "tuple[str, ...]": _texts,
    "bool": _flag,
}
