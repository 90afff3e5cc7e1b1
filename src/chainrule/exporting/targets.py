"""The targets of an export: what is written for each, and how it is tried."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadSetting
from chainrule.exporting import c, javascript, plain_python
from chainrule.exporting.samples import Samples, samples
from chainrule.exporting.spelling import identifier

TIME_LIMIT = 120.0
LEAST = 1e-3  # below it, differences are taken of this in place of the number
Files = dict[str, str]
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}


class Compared(NamedTuple):
    """What came of trying an artefact.

    Attributes
    ----------
    largest : float or None
        The largest difference from the model's own outputs, relative to these; None where it
        could not be tried.
    by : str
        What ran it, or why nothing could.
    """

    largest: float | None
    by: str


class Target(NamedTuple):
    """One language.

    Attributes
    ----------
    ending : str
        Of the file's name.
    write : callable
        ``write(model, name, samples) -> {ending: text}``; the first is the artefact itself.
    run : callable
        ``run(files, name, folder) -> (command, what ran)``, or None and why it cannot be tried.
    """

    ending: str
    write: Callable[[Any, str, Samples], Files]
    run: Callable[[Mapping[str, Path], str, Path], tuple[list[str] | None, str]]


def _write_c(model: Any, name: str, tried: Samples) -> Files:
    return {".h": c.header(model, name, tried)}


def _run_c(files: Mapping[str, Path], name: str, folder: Path) -> tuple[list[str] | None, str]:
    compiler = next((found for found in ("cc", "gcc", "clang") if shutil.which(found)), None)
    if compiler is None:
        return None, "no C compiler is installed"
    source, program = folder / "try.c", folder / "try"
    source.write_text(f'#include "{files[".h"].resolve()}"\n')
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(
        [compiler, *flags, f"-D{name.upper()}_SELF_TEST", str(source), "-o", str(program), "-lm"],
        check=True, capture_output=True, timeout=TIME_LIMIT,
    )  # fmt: skip
    return [str(program)], compiler


def _write_javascript(model: Any, name: str, tried: Samples) -> Files:
    return {".mjs": javascript.module(model, tried), ".d.mts": javascript.types(model)}


def _run_javascript(
    files: Mapping[str, Path], name: str, folder: Path
) -> tuple[list[str] | None, str]:
    node = shutil.which("node")
    if node is None:
        return None, "node is not installed"
    program = folder / "try.mjs"
    where = files[".mjs"].resolve().as_uri()
    program.write_text(f"import {{ selfTest }} from '{where}';\nselfTest(console.log);\n")
    return [node, str(program)], "node"


def _write_python(model: Any, name: str, tried: Samples) -> Files:
    return {".py": plain_python.module(model, tried)}


def _run_python(files: Mapping[str, Path], name: str, folder: Path) -> tuple[list[str] | None, str]:
    return [sys.executable, "-I", str(files[".py"].resolve())], "Python"


TARGETS = {
    "c": Target(".h", _write_c, _run_c),
    "javascript": Target(".mjs", _write_javascript, _run_javascript),
    "python": Target(".py", _write_python, _run_python),
}


def written(model: Any, to: str, name: str | None = None) -> Files:
    """Return the files of an artefact by their endings.

    Parameters
    ----------
    model : chainrule.Model
    to : str
        A name in ``TARGETS``.
    name : str, optional
        What names in it begin with. Default: of the target's column.

    Raises
    ------
    BadSetting
        If the target is unknown, or the name is no identifier.
    """
    if to not in TARGETS:
        raise BadSetting(f"to={to!r} is not one of {', '.join(TARGETS)}")
    return TARGETS[to].write(model, name_of(model, name), samples(model))


def name_of(model: Any, name: str | None) -> str:
    """Return the identifier with which names in an artefact begin."""
    if name is None:
        return identifier(model.spec.target.name, otherwise="model").lower()
    if identifier(name, otherwise="model") != name:
        raise BadSetting(
            f"name={name!r} must be an identifier of letters, digits and _, such as "
            f"{identifier(name, otherwise='model')}"
        )
    return name


def compared(model: Any, to: str, files: Mapping[str, Path], name: str | None = None) -> Compared:
    """Run an artefact on its own rows, and compare it with the model.

    Parameters
    ----------
    model : chainrule.Model
    to : str
    files : mapping of str to Path
        The artefact's files on disk, by their endings.
    name : str, optional
        As it was written with.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            command, by = TARGETS[to].run(files, name_of(model, name), Path(folder))
            if command is None:
                return Compared(None, by)
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIME_LIMIT, cwd=folder
            )
        except (OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", b"") or b""
            return Compared(math.inf, f"it does not run: {error}\n{told!r}"[:500])
    found = _numbers(done.stdout)
    return Compared(largest_difference(found, samples(model).outputs), by)


def _numbers(printed: str) -> NDArray[np.float64]:
    rows = [[float(word) for word in line.split()] for line in printed.splitlines()]
    return np.array(rows, dtype=np.float64)


def largest_difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference, relative to what is expected; infinite for other shapes.

    Examples
    --------
    >>> round(largest_difference(np.array([[1.1, 2.0]]), np.array([[1.0, 2.0]])), 3)
    0.1
    """
    if found.shape != expected.shape:
        return math.inf
    size = np.maximum(np.abs(expected), LEAST)
    difference = np.abs(found - expected) / size
    return float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))
