"""What C takes of a machine's memory: the code and data of a header, compiled for size."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

TIME_LIMIT = 120.0
FLAGS = ["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections"]
CORTEX = "Cortex-M0"
ARM = "arm-none-eabi-"
ARM_FLAGS = ["-mcpu=cortex-m0", "-mthumb", "-nostartfiles", "--specs=nosys.specs"]
LINKED = ["-Wl,--gc-sections", "-Wl,-eentry", "-Wl,-uentry"]


def footprint(code: str, entry: str, folder: Path, compiler: str = "cc") -> dict[str, int]:
    """Return the bytes of code and data for this machine, and linked for Cortex-M0.

    Linked, there is with it what it needs of libm and, as that machine has no unit for it, of
    the library of floating point. Where there is no such compiler (or no C library for it), that
    entry is not there.

    Parameters
    ----------
    code : str
        That includes or is the header.
    entry : str
        A function called entry, which calls what is to be weighed.
    folder : Path
        To work in.
    compiler : str
    """
    (folder / "size.c").write_text(f"{code}\n{entry}\n", encoding="utf-8")
    found = {}
    with suppress(OSError, subprocess.SubprocessError):
        _run([compiler, *FLAGS, "-c", "size.c", "-o", "size.o"], folder)
        found[compiler] = _bytes("size", "size.o", folder)
    with suppress(OSError, subprocess.SubprocessError):
        flags = [*ARM_FLAGS, *FLAGS, *LINKED]
        _run([f"{ARM}gcc", *flags, "size.c", "-o", "size.elf", "-lm"], folder)
        found[CORTEX] = _bytes(f"{ARM}size", "size.elf", folder)
    return found


def told(sizes: dict[str, int]) -> str:
    """Say what was weighed.

    Examples
    --------
    >>> print(told({"cc": 1234, "Cortex-M0": 5678}))
    Compiled for size: 1,234 bytes of code and data with cc; 5,678 linked for Cortex-M0
    """
    parts = [
        f"{size:,} bytes of code and data with {by}" for by, size in sizes.items() if by != CORTEX
    ]
    if CORTEX in sizes:
        parts.append(f"{sizes[CORTEX]:,} linked for {CORTEX}")
    else:
        parts.append(f"to know it for {CORTEX}, install {ARM}gcc")
    return f"Compiled for size: {'; '.join(parts)}"


def entry_of(model: Any, name: str, whole: bool) -> str:
    """Return a function that calls a header's prediction and nothing else."""
    classes = bool(model.spec.target.classes)
    kind = "int" if classes else "int32_t" if whole else "double"
    more = ", 0" if classes else ""
    return f"{kind} entry(const {name}_row *row) {{ return {name}_predict(row{more}); }}"


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=TIME_LIMIT
    )
    return done.stdout


def _bytes(program: str, file: str, folder: Path) -> int:
    """Return the bytes of code and of data, without what only unwinding needs."""
    found = 0
    for line in _run([program, "-A", file], folder).splitlines():
        part = re.match(r"\.(text|rodata|data|bss)\S*\s+(\d+)", line)
        found += int(part[2]) if part else 0
    return found
