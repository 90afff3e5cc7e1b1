"""Compile kernels, lift rules from one number to arrays, choose among them by code.

Compile options live here and nowhere else. NaN and infinity keep their meaning;
sums may be reordered, so that they vectorise. With ``NUMBA_DISABLE_JIT=1`` every
kernel runs as plain Python, from the same source.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import caching, cgutils, types
from numba.extending import intrinsic, overload

from chainrule import elementary
from chainrule.formula import in_precision_of_argument, lifted, like

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "_nrt": False,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc"},
}
EXACT_OPTIONS: dict[str, Any] = OPTIONS | {"fastmath": {"contract"}, "forceinline": True}
UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
KERNEL_SOURCES = (
    "elementary", "errors", "formula", "initial", "jit", "kernels", "layout", "lifted", "loops",
    "network", "own", "passes", "products", "rules", "slopecheck", "squares",
)  # fmt: skip
COMPILED = not numba.config.DISABLE_JIT


@functools.cache
def cache_folder() -> Path:
    """Return the folder of this source's machine code.

    It is named by a hash of all files that kernels are made of, because Numba
    looks only at a kernel's own file: after an edit of a rule in another file it
    would run the old machine code.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for name in KERNEL_SOURCES:
        path = package / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]:
            digest.update(file.read_bytes())
    return cache_root() / digest.hexdigest()[:16]


def cache_root() -> Path:
    """Return ``CHAINRULE_CACHE``, or a folder in the user's cache: one folder in it a source."""
    given = os.environ.get("CHAINRULE_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "chainrule" / "kernels"


def is_warm() -> bool:
    """Say whether the kernels of this source have been compiled on this machine."""
    return not COMPILED or any(cache_folder().glob("*.nbi"))


def remove_old_code(keep: int = 3) -> None:
    """Remove the machine code of all but the latest few sources."""
    root = cache_root()
    if root.is_dir():
        folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
        for folder in folders[:-keep]:
            shutil.rmtree(folder, ignore_errors=True)


class _Locator(caching.UserWideCacheLocator):
    """Tell Numba to keep machine code in ``cache_folder()``."""

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def ensure_cache_path(self) -> None:
        new = not cache_folder().exists()
        super().ensure_cache_path()
        if new:
            remove_old_code()

    def get_source_stamp(self) -> str:
        return cache_folder().name


class _CacheImpl(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _KernelCache(caching.FunctionCache):
    _impl_class = _CacheImpl


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on first use and keep its machine code on disk."""
    if not COMPILED:
        return np.errstate(all="ignore")(function)  # machine code does not warn either
    dispatcher = numba.njit(no_cfunc_wrapper=True, **OPTIONS)(function)
    with contextlib.suppress(OSError, RuntimeError):  # nowhere to write: compile every time
        dispatcher._cache = _KernelCache(function)
    return dispatcher


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call; it is kept with them."""
    compiled: Callable[..., Any] = numba.njit(**OPTIONS, **UNWRAPPED)(function)
    return compiled


def welded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function apart, as ``inner`` does, but leave no call of it in machine code.

    For what is called in one place in every step: a call passes arrays on the stack.
    """
    compiled: Callable[..., Any] = numba.njit(forceinline=True, **OPTIONS, **UNWRAPPED)(function)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a function into the kernels that call it, before they are compiled.

    What is compiled apart is optimised again with each caller, and with each
    caller's caller: with this, kernels take 8 seconds in place of 22.
    """
    compiled: Callable[..., Any] = numba.njit(inline="always", **OPTIONS)(function)
    return compiled


@overload(like, strict=False)
def _like(z: Any, number: Any) -> Any:
    if isinstance(z, types.Float) and z.bitwidth == 32:
        return lambda z, number: np.float32(number)
    return lambda z, number: np.float64(number)


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile an elementary function, whose sums must keep their order."""
    compiled: Callable[..., Any] = numba.njit(**EXACT_OPTIONS, **UNWRAPPED)(function)
    return compiled


def _compile_elementary() -> None:
    """Give the compiler the two forms of every elementary function."""
    names = {f.__name__: exact(f) for f in elementary.BITS}

    def build(function: Callable[..., Any]) -> Callable[..., Any]:
        rebuilt = in_precision_of_argument(function, like)
        rebuilt.__globals__.update(names)
        names[function.__name__] = exact(rebuilt)
        return names[function.__name__]

    for function in elementary.HELPERS:
        build(function)
    for public, (single, double) in elementary.PRECISIONS.items():
        _register(public, build(single), build(double))


def _register(function: Any, single: Any, double: Any) -> None:
    @overload(function, strict=False, jit_options={"forceinline": True})
    def choose(x: Any) -> Any:
        if isinstance(x, types.Float) and x.bitwidth == 32:
            return lambda x: single(x)
        return lambda x: double(x)


if COMPILED:
    _compile_elementary()


def switch(
    rules: Mapping[str, Callable[..., Any] | None],
    results: int,
    frame: Callable[[list[str]], str],
    arguments: str,
    other: str = "raise ValueError('no rule has this code')",
    names: Mapping[str, Callable[..., Any]] | None = None,
) -> Callable[..., Any]:
    """Lift rules to arrays: return ``chosen(code, *arguments)`` for the code of a rule.

    The choice is made once for a whole array, so it costs nothing inside loops.
    It is one function, because each that is compiled apart costs a tenth of a
    second, and is optimised again with every caller.

    Parameters
    ----------
    rules : mapping
        The rules by name; a rule's code is its place. None where there is no
        rule for numbers but a function of arrays in ``names``.
    results : int
        How many values each rule returns.
    frame : callable
        Gives the lines of the loop for a rule of these arguments, see
        ``chainrule.formula.lifted``.
    arguments : str
        The arguments of the function, as a frame names them.
    other : str
        What is done for a code that no rule has.
    names : mapping, optional
        The functions that ``other`` and the lines of the frames name.
    """
    lines = [f"def chosen(code_, {arguments}):"]
    space: dict[str, Any] = {"like": like, **(names or {})}
    for code, (name, rule) in enumerate(rules.items()):
        lines.append(f"    if code_ == {code}:")
        if rule is None:
            lines.append(f"        return {name}({arguments})")
        else:
            space = dict(rule.__globals__) | space
            loop = lifted(rule, frame(list(signature(rule).parameters)), results)
            lines.append(textwrap.indent(loop, " " * 8).rstrip())
    lines.append(f"    {other}")
    exec("\n".join(lines), space)
    return welded(space["chosen"])


def compiled_apart(function: Callable[..., Any], dtype: Any, loss: bool) -> int:
    """Compile the loop of a user's rule, and return the address of its machine code.

    It takes pointers and sizes, as ``call_at`` hands them over.
    """
    loop = numba.njit(**OPTIONS, **UNWRAPPED)(function)
    number = numba.from_dtype(dtype)
    pointer, size = types.CPointer(number), types.intp

    def activation(outputs: Any, slopes: Any, n: int) -> float:
        loop(numba.carray(outputs, n), numba.carray(slopes, n))
        return 0.0

    def total(
        outputs: Any, targets: Any, shares: Any, parameter: Any, deltas: Any, rows: int, n: int
    ) -> float:
        shape = (rows, n)
        return loop(
            numba.carray(outputs, shape), numba.carray(targets, shape), numba.carray(shares, n),
            parameter, numba.carray(deltas, shape),
        )  # fmt: skip

    of_loss = (pointer, pointer, pointer, number, pointer, size, size)
    arguments = of_loss if loss else (pointer, pointer, size)
    options = {name: OPTIONS[name] for name in ("error_model", "fastmath")}
    compiled = numba.cfunc(types.float64(*arguments), **options)(total if loss else activation)
    _alive.append(compiled)
    return int(compiled.address)


_alive: list[Any] = []  # machine code goes when its function does


@intrinsic
def call_at(_: Any, address: Any, arguments: Any) -> Any:
    """Call machine code by its address: arrays go as pointers, numbers as they are."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        values = []
        unpacked = cgutils.unpack_tuple(builder, given[1])
        for kind, value in zip(signature.args[1].types, unpacked, strict=True):
            is_array = isinstance(kind, types.Array)
            values.append(
                context.make_array(kind)(context, builder, value).data if is_array else value
            )
        form = ir.FunctionType(ir.DoubleType(), [value.type for value in values])
        return builder.call(builder.inttoptr(given[0], form.as_pointer()), values)

    return types.float64(types.int64, arguments), build
