"""The targets of an export: what is written for each, and how it is tried."""

from __future__ import annotations

import json
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
from chainrule.exporting import c, fixed, fixedrun, footprint, javascript, plain_python, sql
from chainrule.exporting.samples import Samples, in_double, least, samples
from chainrule.exporting.spelling import identifier

TIME_LIMIT = 120.0
Files = dict[str, str | bytes]
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}
IN_DOUBLE = ("javascript", "python", "sql")  # compute in float64, whatever the model does


class Compared(NamedTuple):
    """What came of trying an artefact.

    Attributes
    ----------
    largest : float or None
        The largest difference from the model's own outputs, relative to these, and to no less
        than ``samples.least``; None where it could not be tried.
    by : str
        What ran it, or why nothing could.
    within : float, optional
        What ``largest`` must not exceed. Default: by the type of the model's numbers.
    told : str
        More on how near it comes.
    sizes : dict of str to int, optional
        Of C: bytes of code and data, by what compiled it.
    """

    largest: float | None
    by: str
    within: float | None = None
    told: str = ""
    sizes: dict[str, int] | None = None


class Options(NamedTuple):
    """What some languages have to know besides.

    Attributes
    ----------
    name : str
        What names in an artefact begin with.
    dialect : str
        Of SQL: "sqlite", "postgresql" or "duckdb".
    table : str
        That the SELECT reads.
    inputs : str
        Of ONNX: "columns", one input for each, or "tensor".
    fixed_point : int
        Of C: bits of a weight, 8 or 16, with which it needs no floating point; 0: it does.
    calibrate : path or data frame
        Raw rows for the formats of fixed point. None: some are made up.
    """

    name: str
    dialect: str = "sqlite"
    table: str = "data"
    inputs: str = "columns"
    fixed_point: int = 0
    calibrate: Any = None


class Target(NamedTuple):
    """One language.

    Attributes
    ----------
    ending : str
        Of the file's name.
    write : callable
        ``write(model, samples, options) -> {ending: content}``, the artefact itself first.
    compare : callable
        ``compare(model, samples, options, files, folder) -> Compared``, with the files on disk
        and an empty folder to work in.
    """

    ending: str
    write: Callable[[Any, Samples, Options], Files]
    compare: Callable[[Any, Samples, Options, Mapping[str, Path], Path], Compared]


def _printed(command: list[str], by: str, expected: NDArray[Any], folder: Path) -> Compared:
    """Run a program that prints a line of numbers for each row."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, cwd=folder)
    rows = [[float(word) for word in line.split()] for line in done.stdout.splitlines()]
    return Compared(largest_difference(np.array(rows), expected), by)


def _write_c(model: Any, tried: Samples, options: Options) -> Files:
    if options.fixed_point:
        found = fixedrun.fixed(model, options.fixed_point, options.calibrate)
        return {".h": fixed.header(model, options.name, found)}
    return {".h": c.header(model, options.name, tried)}


def _compare_c(
    model: Any, tried: Samples, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    if options.fixed_point:
        return _compare_fixed(model, options, files, folder)
    return _compiled(model, options, files, folder, tried.outputs)


def _compare_fixed(
    model: Any, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    """Hold the C's integers against those expected; how far these are off was measured."""
    found = fixedrun.fixed(model, options.fixed_point, options.calibrate)
    told = fixed.told(model, found.measured)
    ran = _compiled(model, options, files, folder, found.outputs.astype(np.float64))
    if ran.largest:
        return Compared(math.inf, ran.by)
    off = fixedrun.largest_in_sds(model, found.measured)
    return Compared(None if ran.largest is None else off, ran.by, math.inf, told, ran.sizes)


def _compiled(
    model: Any,
    options: Options,
    files: Mapping[str, Path],
    folder: Path,
    expected: NDArray[Any],
) -> Compared:
    compiler = next((found for found in ("cc", "gcc", "clang") if shutil.which(found)), None)
    if compiler is None:
        return Compared(None, "no C compiler is installed")
    source, program = folder / "try.c", folder / "try"
    include = f'#include "{files[".h"].resolve()}"\n'
    source.write_text(include)
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    flags.append(f"-D{options.name.upper()}_SELF_TEST")
    subprocess.run(
        [compiler, *flags, str(source), "-o", str(program), "-lm"],
        check=True, capture_output=True, timeout=TIME_LIMIT,
    )  # fmt: skip
    entry = footprint.entry_of(model, options.name, bool(options.fixed_point))
    sizes = footprint.footprint(include, entry, folder, compiler)
    return _printed([str(program)], compiler, expected, folder)._replace(sizes=sizes)


def _write_javascript(model: Any, tried: Samples, options: Options) -> Files:
    return {".mjs": javascript.module(model, tried), ".d.mts": javascript.types(model)}


def _compare_javascript(
    model: Any, tried: Samples, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    node = shutil.which("node")
    if node is None:
        return Compared(None, "node is not installed")
    program = folder / "try.mjs"
    where = json.dumps(files[".mjs"].resolve().as_uri())
    program.write_text(f"import {{ selfTest }} from {where};\nselfTest(console.log);\n")
    return _printed([node, str(program)], "node", tried.outputs, folder)


def _write_python(model: Any, tried: Samples, options: Options) -> Files:
    return {".py": plain_python.module(model, tried)}


def _compare_python(
    model: Any, tried: Samples, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    command = [sys.executable, "-I", str(files[".py"].resolve())]
    return _printed(command, "Python", tried.outputs, folder)


def _write_onnx(model: Any, tried: Samples, options: Options) -> Files:
    from chainrule.exporting.onnx import graph

    return {".onnx": graph(model, tried, options.inputs)}


def _compare_onnx(
    model: Any, tried: Samples, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    from chainrule.exporting.onnx import outputs_in, run
    from chainrule.exporting.onnxinputs import feeds

    feed = feeds(model.spec, tried.columns, options.inputs)
    found = run(files[".onnx"].read_bytes(), feed)
    if found is None:
        return Compared(None, "onnxruntime is not installed")
    return Compared(largest_difference(outputs_in(found), tried.outputs), "onnxruntime")


def _write_sql(model: Any, tried: Samples, options: Options) -> Files:
    return {
        ".sql": sql.query(model, options.dialect, options.table),
        ".test.sql": sql.self_test(model, options.dialect, tried),
    }


def _compare_sql(
    model: Any, tried: Samples, options: Options, files: Mapping[str, Path], folder: Path
) -> Compared:
    rows = sql.run(files[".test.sql"].read_text(encoding="utf-8"), options.dialect)
    if rows is None:
        how = f"run {files['.test.sql'].name} there, which gives the largest difference"
        return Compared(None, f"{options.dialect} cannot be run from here; {how}")
    return Compared(float(rows[0][0]), options.dialect)


TARGETS = {
    "c": Target(".h", _write_c, _compare_c),
    "javascript": Target(".mjs", _write_javascript, _compare_javascript),
    "onnx": Target(".onnx", _write_onnx, _compare_onnx),
    "python": Target(".py", _write_python, _compare_python),
    "sql": Target(".sql", _write_sql, _compare_sql),
}


def target(to: str) -> Target:
    """Return a target by its name."""
    if to not in TARGETS:
        raise BadSetting(f"to={to!r} is not one of {', '.join(TARGETS)}")
    return TARGETS[to]


def written(model: Any, to: str, options: Options) -> Files:
    """Return the files of an artefact by their endings.

    Raises
    ------
    BadSetting
        If the target is unknown, or an option cannot be used.
    """
    if to != "c" and (options.fixed_point or options.calibrate is not None):
        raise BadSetting(f"fixed_point and calibrate are of C alone, not of {to}")
    if options.calibrate is not None and not options.fixed_point:
        raise BadSetting("calibrate is for fixed_point, which is not given; 16 is usual")
    return target(to).write(model, tried_on(model, to), options)


def tried_on(model: Any, to: str) -> Samples:
    """Return the rows of a self-test, and what the model says of them in the target's type.

    A language that has float64 alone uses a model of float32 without the model's own rounding,
    which may be a hundred times larger than the last digit where large numbers cancel.
    """
    return samples(in_double(model) if to in IN_DOUBLE else model)


def tolerance(model: Any, to: str) -> float:
    """Return how far, relatively, an artefact may be off."""
    return TOLERANCES["float64" if to in IN_DOUBLE else str(model.parameters.dtype)]


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


def compared(model: Any, to: str, options: Options, files: Mapping[str, Path]) -> Compared:
    """Run an artefact on its own rows, and compare it with the model.

    Parameters
    ----------
    model : chainrule.Model
    to : str
    options : Options
        With which it was written.
    files : mapping of str to Path
        The artefact's files on disk, by their endings.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            return target(to).compare(model, tried_on(model, to), options, files, Path(folder))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", b"") or b""
            return Compared(math.inf, f"it does not run: {error}\n{told!r}"[:500])


def largest_difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference, relative to what is expected, and to no less than ``least``.

    It is infinite for other shapes.

    Examples
    --------
    >>> round(largest_difference(np.array([[1.1], [2.0]]), np.array([[1.0], [2.0]])), 3)
    0.067
    """
    if found.shape != expected.shape:
        return math.inf
    size = np.maximum(np.abs(expected), least(expected))
    difference = np.abs(found - expected) / size
    return float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))
