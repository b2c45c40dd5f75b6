"""The folder of what can be made again at any time: compiled code, and an index of the sources.

It is `convergence-suite` in XDG_CACHE_HOME or ~/.cache, or what CONVERGENCE_CACHE names, and may be
deleted at any time. Results do not lie here: see `convergence.store`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import warnings
from functools import cache
from pathlib import Path

__all__ = ["VARIABLE", "cache_folder", "made", "trusted", "users_folder"]

#: The environment variable that names another folder.
VARIABLE = "CONVERGENCE_CACHE"


def users_folder(variable: str, standard: str, home: str) -> Path:
    """Where the user wants something kept.

    Args:
        variable: An environment variable that names the folder itself.
        standard: One of the XDG standard, for the folder above it.
        home: What stands for that, below the home folder.

    Raises:
        RuntimeError: There is no home folder.
    """
    if named := os.environ.get(variable):
        return Path(named).absolute()
    # The standard wants a relative path to be ignored.
    above = Path(os.environ.get(standard, ""))
    base = above if above.is_absolute() else Path.home() / home
    return base / "convergence-suite"


def made(folder: Path) -> str:
    """Make a folder if need be; why nothing can be written there, or ""."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def cache_folder() -> Path | None:
    """The folder, which is made if need be; None, with a warning, where it cannot be written."""
    folder = None
    try:
        folder = users_folder(VARIABLE, "XDG_CACHE_HOME", ".cache")
        reason = made(folder)
    except RuntimeError as error:
        reason = str(error)
    if not reason:
        return folder
    where = f" in {str(folder)!r}" if folder else ""
    warnings.warn(
        f"compiled code is not kept{where} ({reason}); {VARIABLE} can name another folder",
        stacklevel=2,
    )
    return None


def trusted(name: str) -> Path | None:
    """A folder in it for what is run, not only read; None if there can be none.

    Where somebody else could write to it, it is a private one that ends with the process, and a
    warning says so.
    """
    folder = cache_folder()
    return None if folder is None else _trusted(folder, name)


@cache
def _trusted(kept: Path, name: str) -> Path | None:
    folder = kept / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        strangers = [reason for path in (kept, folder) if (reason := _open_to_others(path))]
    except OSError:
        return None
    if not strangers:
        return folder
    warnings.warn(
        f"{name} code is not kept: {strangers[0]}, so that what stands there cannot be trusted",
        stacklevel=5,
    )
    private = Path(tempfile.mkdtemp(prefix="convergence-suite-"))
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return private


def _open_to_others(path: Path) -> str:
    """Why others than the user may write to a folder, in a clause, or ""."""
    if not hasattr(os, "getuid"):  # Windows keeps no such modes.
        return ""
    found = path.stat()
    if found.st_uid != os.getuid():
        return f"{str(path)!r} belongs to another user"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others than you may write to {str(path)!r} (mode {stat.S_IMODE(found.st_mode):o})"
    return ""
