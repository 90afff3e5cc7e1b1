"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from chainrule.errors import BadSetting


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise BadSetting if a file of this path could not be written, before any work is done.

    Examples
    --------
    >>> check_folder("/no/such/folder/model.safetensors")
    Traceback (most recent call last):
        ...
    chainrule.errors.BadSetting: /no/such/folder/model.safetensors cannot be written: there is no
    folder /no/such/folder; make it first, or choose another path
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise BadSetting(f"{path} cannot be written: it is a folder; add the name of a file")
    if not target.parent.is_dir():
        raise BadSetting(
            f"{path} cannot be written: there is no folder {target.parent}; make it first, or "
            "choose another path"
        )
    if not os.access(target if _is_special(target) else target.parent, os.W_OK):
        raise BadSetting(
            f"{path} cannot be written: no permission in the folder {target.parent}; choose "
            "another path"
        )


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all.

    The bytes go to a temporary file in the same folder, are synced to the disk,
    and the file is renamed into place. A link is followed; a device or a pipe,
    such as ``/dev/stdout``, is written to as it is.

    Raises
    ------
    BadSetting
        If it cannot be written. What was there before is then still there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "a.txt"), b"all of it")
    ...     os.listdir(folder), Path(folder, "a.txt").read_bytes()
    (['a.txt'], b'all of it')
    """
    check_folder(path)
    target = Path(os.path.realpath(path))
    try:
        if _is_special(target):
            target.write_bytes(content)
        else:
            _replace(target, content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadSetting(f"{path} cannot be written: {reason}; nothing was changed") from None


def _is_special(target: Path) -> bool:
    return target.exists() and not target.is_file()


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".chainrule-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too leaves nothing behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a loss of power, where the system offers that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
