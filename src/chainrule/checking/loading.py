"""Bring in a function or a class from a learner's file, whatever else the file does."""

from __future__ import annotations

import ast
import builtins
import contextlib
import difflib
import io
import linecache
import math
import os
import random
import sys
import tokenize
import traceback
import types
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from chainrule.checking.finding import candidates, named, ranked
from chainrule.errors import BadCode

LONGEST_LINE = 60
BROKE_OFF = "__broke_off__"  # the name under which a module says why it did not run to its end
LARGEST = 5_000_000  # bytes of source
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
SHARED = {
    "builtins": builtins, "math": math, "random": random, "numpy": np,
    "numpy.linalg": np.linalg, "numpy.random": np.random,
}  # fmt: skip


def load(text: str) -> Any:
    """Return a function or class from a file.

    The file is run as a module that is not ``__main__``. What it prints is dropped, and
    ``input()`` is refused.

    Parameters
    ----------
    text : str
        ``FILE.py:NAME``, or ``FILE.py``, in which the one that looks like back-propagation
        is taken.

    Raises
    ------
    BadCode
        If the file cannot be read or run, or has no such function, or several.
    """
    path, name = address(text)
    content = read(path)
    return take(run(path, content), path, name or chosen(path, content))


def address(text: str) -> tuple[Path, str | None]:
    """Split ``FILE.py:NAME`` into the two.

    Examples
    --------
    >>> address("net.py:Net")[1], address("net.py")[1]
    ('Net', None)
    """
    path, sign, name = text.rpartition(":")
    if sign and name.isidentifier() and len(path) > 1 and not os.path.exists(text):
        return Path(path), name
    return Path(text), None


def read(path: Path) -> str:
    """Return the text of a file of Python, in which lines end as Python has it."""
    if path.is_dir():
        raise BadCode(f"{path} is a folder, and no file of Python")
    if path.suffix == ".ipynb":
        raise BadCode(f"{path} is a notebook; export it as Python first (FILE.py)")
    if path.exists() and not path.is_file():
        raise BadCode(f"{path} is no ordinary file")
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadCode(f"{path} cannot be read: {error.strerror or error}{_near(path)}") from None
    if len(content) > LARGEST:
        raise BadCode(f"{path.name} is larger than {LARGEST // 1_000_000} MB")
    text = io.IncrementalNewlineDecoder(None, translate=True).decode(_decoded(content), final=True)
    if not text.strip("\ufeff \t\n\f"):
        raise BadCode(f"{path.name} is empty")
    return text


def _near(path: Path) -> str:
    """Say which file there may have been meant."""
    try:
        stems = [Path(name).stem for name in os.listdir(path.parent) if name.endswith(".py")]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.stem, stems, 1)
    return f"; did you mean {path.parent / close[0]}.py?" if close else ""


def _decoded(content: bytes) -> str:
    """Decode a file as Python does, and one that Python would refuse as Latin-1."""
    try:
        encoding = (
            MARKS.get(content[:2]) or tokenize.detect_encoding(io.BytesIO(content).readline)[0]
        )
        return content.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError):
        return content.decode("latin-1")


def parsed(path: Path, content: str) -> ast.Module:
    """Return the syntax tree of a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadCode(f"{path.name} is not Python yet: {blame(error, path, content)}") from None


def chosen(path: Path, content: str) -> str:
    """Return the name of the function or class that looks like back-propagation."""
    tree = parsed(path, content)
    found = candidates(tree)
    if len(found) == 1:
        return found[0]
    everything = named(tree)
    if not everything:
        raise BadCode(f"{path.name} has no function and no class to judge")
    if not found:
        raise BadCode(
            f"{path.name} has nothing that looks like back-propagation, but "
            f"{', '.join(everything)}; say which it is, as {path.name}:NAME"
        )
    lines = [f"{name} (line {everything[name]})" for name in found]
    raise BadCode(
        f"{path.name} has {len(found)} that could be meant: {', '.join(lines)}; say which, such "
        f"as {path.name}:{found[0]}"
    )


def choices(path: Path, content: str) -> list[str]:
    """Return what may be back-propagation in a file, the likeliest first."""
    first = chosen(path, content)
    tiers = [tier for tier in ranked(parsed(path, content)) if first not in tier]
    return [first, *(name for tier in tiers for name in tier)]


def run(path: Path, content: str) -> types.ModuleType:
    """Run a file as a module, and return that."""
    path = Path(os.path.abspath(path))
    tree = parsed(path, content)
    module = types.ModuleType(f"_checked_{zlib.crc32(os.fsencode(path)):x}_{path.stem}")
    module.__file__ = str(path)
    module.__dict__["get_ipython"] = _Notebook
    sys.modules[module.__name__] = module
    lines = io.StringIO(content).readlines()
    linecache.cache[str(path)] = (len(content), None, lines, str(path))
    try:
        with alone(path), unharmed(path.name), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(tree, str(path), "exec", dont_inherit=True), module.__dict__)
    except BadCode:
        raise
    except SystemExit as error:
        raise BadCode(f"{path.name} ends the program: {blame(error, path, content)}") from None
    except Exception as error:
        why = f"{path.name} does not run: {blame(error, path, content)}"
        if not _went_on(module, tree, path, error):
            raise BadCode(why) from None
        module.__dict__[BROKE_OFF] = why
    return module


def _went_on(module: types.ModuleType, tree: ast.Module, path: Path, error: Exception) -> bool:
    """Bring in what is defined below the statement in which a call of theirs broke off."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    if len(frames) < 2 or not all(frame.lineno for frame in frames):
        return False
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    below: list[ast.stmt] = [node for node in tree.body
             if node.lineno > (frames[0].lineno or 0) and isinstance(node, kinds)]  # fmt: skip
    try:
        with alone(path), unharmed(path.name), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(ast.Module(below, []), str(path), "exec"), module.__dict__)
    except (Exception, SystemExit):
        return False
    return True


class _Notebook:
    """What ``get_ipython()`` gives in a notebook that was exported: all that is asked is done."""

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: None


def take(module: types.ModuleType, path: Path, name: str) -> Any:
    """Return the function or class of a name."""
    names = [
        key for key, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]  # fmt: skip
    if not hasattr(module, name):
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names) or 'none'}"
        raise BadCode(f"{path.name} has no function or class {name}; {hint}")
    found = getattr(module, name)
    if not callable(found):
        raise BadCode(
            f"{name} in {path.name} is a {type(found).__name__}, and no function or class; "
            f"it has {', '.join(names) or 'none'}"
        )
    return found


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let a file run as if nobody was there: no input, no output, no arguments."""
    asked, argv, folders = builtins.input, sys.argv, list(sys.path)
    stdin = sys.stdin
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8", errors="replace"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        builtins.input, sys.argv, sys.stdin = _refused, [str(path)], io.StringIO()
        sys.path.insert(0, str(path.parent))
        try:
            yield
        finally:
            builtins.input, sys.argv, sys.stdin, sys.path[:] = asked, argv, stdin, folders


def _refused(*_: Any) -> NoReturn:
    raise EOFError(
        "nobody is there to answer input(); give the function what it needs as arguments"
    )


@contextlib.contextmanager
def unharmed(name: str) -> Iterator[None]:
    """Put back what code replaced in Python and NumPy, which the checker needs, and refuse it."""
    before = {space: dict(vars(module)) for space, module in SHARED.items()}
    replaced = []
    try:
        yield
    finally:
        for space, module in SHARED.items():
            now = vars(module)
            for key, value in before[space].items():
                if now.get(key, before) is not value:
                    replaced.append(f"{space}.{key}")
                    setattr(module, key, value)
    if replaced:
        raise BadCode(
            f"{name} replaces {', '.join(replaced[:3])} for the whole program, the checker "
            "included; give your own function a name of its own"
        )


def blame(error: BaseException, path: Path, content: str = "") -> str:
    """Say what went wrong in a learner's code, and in which line of theirs.

    Examples
    --------
    >>> blame(ZeroDivisionError("division by zero"), Path("net.py"))
    'ZeroDivisionError: division by zero'
    """
    kind = type(error).__name__.lstrip("_")
    said = "" if str(error) == "None" else " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        said, (file, line) = error.msg, (error.filename, error.lineno)
        file = str(path) if file in (None, "<unknown>") else file
    else:
        file, line = _place(error, path)
    what = f"{kind}: {said}" if said else kind
    if not line:
        return what
    theirs = Path(str(file))
    text = (content.split("\n")[line - 1 : line] or [""])[0] if theirs.name == path.name else ""
    where = "" if theirs.name == path.name else f"{theirs.name}, "
    return f"{where}{quoted_line(theirs, line, text)}: {what}"


def quoted_line(path: Path, line: int, text: str = "") -> str:
    """Return a line's number and, between back quotes, what stands in it."""
    text = (text or linecache.getline(str(path), line)).strip()
    short = text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
    return f"line {line}, `{short}`" if short else f"line {line}"


def _place(error: BaseException, path: Path) -> tuple[str | None, int | None]:
    """Return the file and the line where an error arose, the last in the learner's folder."""
    folder = os.path.dirname(os.path.abspath(path))
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if os.path.dirname(frame.filename) == folder]
    return (theirs[-1].filename, theirs[-1].lineno) if theirs else (None, None)
