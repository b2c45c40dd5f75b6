"""Output files, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from problems.notation import InputError

__all__ = ["output_folder", "require_writable", "write_whole"]


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file under another name beside it, then rename it into place.

    Raises:
        InputError: The folder does not exist or cannot be written.
    """
    path = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes files for the owner only; a report is meant to be read.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def require_writable(path: str | Path) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold.

    Raises:
        InputError: Its folder does not exist or cannot be written, or it is itself a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {str(path)!r}: it is a folder")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}: its folder is read-only")


def output_folder(path: str | Path) -> Path:
    """Create a folder if need be.

    Raises:
        InputError: It cannot be created or is a file.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create the folder {str(path)!r}: {error.strerror}") from error
    return folder
