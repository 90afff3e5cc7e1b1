"""Checkpoints: how far a training has come, in a file from which it goes on to the same bits.

A checkpoint is a ``.safetensors`` file of all arrays that a training changes. Its metadata
hold a fingerprint of everything that it does not change: the data, the network, the
settings, the version. Only a training of the same fingerprint goes on from it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import BadModelFile, BadSetting
from chainrule.files import check_folder, write_whole

KEY = "chainrule.checkpoint"
SECONDS = 5.0  # from one writing to the next

Arrays = Mapping[str, NDArray[Any]]


class Checkpoint:
    """The file of a training.

    Parameters
    ----------
    path : path
    *parts : array or anything that ``repr`` describes in full
        Of which the fingerprint is made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(f"{folder}/run.safetensors", "adam", np.arange(3))
    ...     checkpoint.save({"theta": np.array([1.0, 2.0])})
    ...     checkpoint.load()
    {'theta': array([1., 2.])}
    """

    def __init__(self, path: str | os.PathLike[str], *parts: Any) -> None:
        from chainrule import __version__

        check_folder(path)
        self.path, self.written = Path(path), time.monotonic()
        digest = hashlib.sha256(__version__.encode())
        for part in parts:
            is_array = isinstance(part, np.ndarray)
            described = f"{part.dtype} {part.shape}" if is_array else repr(part)
            digest.update(described.encode())
            digest.update(np.ascontiguousarray(part).data if is_array else b"")
        self.fingerprint = digest.hexdigest()

    def load(self) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that were saved last, or None if there is no file yet.

        Raises
        ------
        BadSetting
            If the file is of another training, or none at all.
        BadModelFile
            If it is damaged.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "np") as file:
                found = (file.metadata() or {}).get(KEY)
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise BadModelFile(
                f"the checkpoint {self.path} is damaged, or no checkpoint ({error}); remove it to "
                "begin again, or choose another path"
            ) from None
        if found != self.fingerprint:
            what = "no checkpoint" if found is None else "of another training (or its data, "
            what += "" if found is None else "settings or version have changed)"
            raise BadSetting(
                f"the checkpoint {self.path} is {what}; remove it to begin again, or choose "
                "another path"
            )
        return arrays

    def due(self) -> bool:
        """Say whether the last writing is long enough ago."""
        return time.monotonic() - self.written >= SECONDS

    def save(self, arrays: Arrays) -> None:
        """Write the arrays, whole or not at all."""
        from safetensors.numpy import save

        content = save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            metadata={KEY: self.fingerprint},
        )
        write_whole(self.path, content)
        self.written = time.monotonic()


def numbered(path: str | os.PathLike[str], j: int) -> Path:
    """Return the checkpoint of a member of an ensemble.

    Examples
    --------
    >>> numbered("runs/night.safetensors", 2).as_posix()
    'runs/night-2.safetensors'
    """
    whole = Path(path)
    return whole.with_name(f"{whole.stem}-{j}{whole.suffix}")


def remove(path: str | os.PathLike[str], members: int) -> None:
    """Remove the checkpoints of a training that has come to its end."""
    for file in [path] if members == 1 else [numbered(path, j) for j in range(members)]:
        Path(file).unlink(missing_ok=True)
