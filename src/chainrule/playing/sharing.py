"""What is taken along from the playground: the model in a file, and the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from chainrule.errors import BadSetting, BadTable
from chainrule.exporting.spelling import identifier
from chainrule.exporting.targets import TARGETS, Options, name_of, written
from chainrule.modelfile import Contents, to_bytes

if TYPE_CHECKING:
    from chainrule.model import Model

SAFETENSORS = "safetensors"
KINDS = {
    "c": "text/x-c",
    "javascript": "text/javascript",
    "onnx": "application/octet-stream",
    "python": "text/x-python",
    "sql": "application/sql",
    SAFETENSORS: "application/octet-stream",
}


class Download(NamedTuple):
    """A file for the browser: its name, its bytes, its media type."""

    name: str
    content: bytes
    kind: str


def exported(model: Model, to: str) -> Download:
    """Return a model as a file.

    Raises
    ------
    BadSetting
        If there is no such language, or the model cannot be written in it.

    Examples
    --------
    >>> from chainrule import fit
    >>> from chainrule.datasets import penguins
    >>> model = fit(penguins(), "species", epochs=2, hidden_layer_sizes=4)
    >>> exported(model, "c").name, exported(model, "safetensors").name
    ('species.h', 'species.safetensors')
    """
    if to not in KINDS:
        raise BadSetting(f"to={to[:40]!r} is not one of {', '.join(KINDS)}")
    stem = identifier(model.spec.target.name, otherwise="model").lower()
    if to == SAFETENSORS:
        contents = Contents(model.ensemble, model.spec, model.summary)
        return Download(f"{stem}.safetensors", to_bytes(contents), KINDS[to])
    content = written(model, to, Options(name_of(model, None)))[TARGETS[to].ending]
    whole = content.encode("utf-8") if isinstance(content, str) else content
    return Download(f"{stem}{TARGETS[to].ending}", whole, KINDS[to])


def as_csv(table: Any) -> bytes:
    """Return a table as CSV, with numbers that read back to the same bits.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_csv(pa.table({"x": [0.1, None], "name": ["a,b", "c"]})).decode().splitlines()
    ['"x","name"', '0.1,"a,b"', ',"c"']
    """
    import pyarrow as pa
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    try:
        csv.write_csv(table, sink)
    except pa.ArrowException as error:
        raise BadTable(f"the table has cells that CSV cannot hold ({error})") from None
    return bytes(sink.getvalue())
