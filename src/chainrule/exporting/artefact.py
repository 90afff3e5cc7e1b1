"""Write an artefact to disk, whole or not at all, and try it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from chainrule.errors import BadSetting
from chainrule.exporting.targets import (
    TARGETS,
    Compared,
    Options,
    compared,
    name_of,
    target,
    tolerance,
    written,
)
from chainrule.files import check_folder, write_whole


class Exported(NamedTuple):
    """What was written, and how near it comes to the model.

    Attributes
    ----------
    files : tuple of Path
    bytes : int
        Of all files together.
    right : bool
        False where it was tried and gives other numbers than the model: then do not use it.
    largest : float or None
        The largest difference of an output from the model's own on some rows, relative to it:
        to a probability, and to no less than 0.001, or to a number, and to no less than the
        median of their sizes. Python, JavaScript and SQL compute in float64, so it is from the
        model computed in float64. None where there is nothing here that runs it.
    by : str
        What ran it, or why it could not be tried.
    told : str
        Of fixed point: the errors measured on the rows of ``calibrate``.
    compiled_bytes : dict of str to int
        Of C: code and data, compiled for size with the compiler here, and for Cortex-M0.
    """

    files: tuple[Path, ...]
    bytes: int
    right: bool
    largest: float | None
    by: str
    told: str = ""
    compiled_bytes: dict[str, int] = {}  # noqa: RUF012


def export(
    model: Any,
    to: str,
    path: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    test: bool = True,
    **options: Any,
) -> Exported:
    """Write a model in another language; ``Model.export`` describes it."""
    wanted = Options(name_of(model, name), **options)
    contents = written(model, to, wanted)
    first = Path(path) if path is not None else Path(f"{wanted.name}{target(to).ending}")
    stem = first.name.removesuffix(first.suffix)
    paths = {
        ending: first if place == 0 else first.with_name(f"{stem}{ending}")
        for place, ending in enumerate(contents)
    }
    for each in paths.values():
        check_folder(each)
    for ending, each in paths.items():
        content = contents[ending]
        write_whole(each, content.encode("utf-8") if isinstance(content, str) else content)
    found = compared(model, to, wanted, paths) if test else Compared(None, "not tried")
    size = sum(each.stat().st_size for each in paths.values())
    within = tolerance(model, to) if found.within is None else found.within
    right = found.largest is None or (found.largest <= within and found.largest < math.inf)
    sizes = found.sizes or {}
    return Exported(tuple(paths.values()), size, right, found.largest, found.by, found.told, sizes)


def target_of(to: str | None, output: Path | None) -> str:
    """Return the target: the given one, or by the ending of the file.

    Examples
    --------
    >>> target_of(None, Path("model.h")), target_of("python", None)
    ('c', 'python')
    """
    if to is not None:
        return to
    endings = {target.ending: name for name, target in TARGETS.items()}
    if output is None or output.suffix.lower() not in endings:
        raise BadSetting(
            f"say what to export to: --to {', '.join(TARGETS)}; or by the ending of the output, "
            f"{', '.join(endings)}"
        )
    return endings[output.suffix.lower()]
