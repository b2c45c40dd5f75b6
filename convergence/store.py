r"""Results, kept where the user says: one file for each, never out of date and never removed.

A result lies under a key made of everything that it depends on (`convergence.sources`): when a
source, a version or a setting changes, the key does. A file is `KEY.json`: a first line with the
SHA-256 of the rest, and JSON, in which arrays of numbers are base64 of little-endian float64. It is
written under another name and then renamed, so that it is there whole or not at all. To read one
without this program:

    import base64, hashlib, json, numpy, sys
    checksum, _, text = open(sys.argv[1], encoding="utf-8").read().partition("\n")
    assert hashlib.sha256(text.encode()).hexdigest() == checksum
    def array(value):
        if "float64" not in value:
            return value
        return numpy.frombuffer(base64.b64decode(value["float64"])).reshape(value["shape"])
    print(json.loads(text, object_hook=array))

The folder is the one given, or CONVERGENCE_STORE, or `convergence-suite` in XDG_DATA_HOME or
~/.local/share.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.cache import made, users_folder
from problems.files import write_whole
from problems.notation import InputError

try:
    import fcntl
except ImportError:  # Windows: two processes may compute the same, and each is right.
    fcntl = None  # type: ignore[assignment]

__all__ = ["VARIABLE", "Store", "array_of", "as_text", "open_store"]

#: The environment variable that names another folder.
VARIABLE = "CONVERGENCE_STORE"

_RESULT = re.compile(r"[0-9a-f]{64}\.json")
_LEFT_BEHIND = re.compile(r"[0-9a-f]{64}\.lock|\.[0-9a-f]{64}\.json\.\w+")
_DAY = 86_400.0


def as_text(values: NDArray[np.float64]) -> dict[str, Any]:
    """An array as plain values, every bit kept."""
    plain = np.ascontiguousarray(values, "<f8")
    return {"float64": base64.b64encode(plain.tobytes()).decode(), "shape": list(plain.shape)}


def array_of(value: dict[str, Any]) -> NDArray[np.float64]:
    """The array of what `as_text` made."""
    flat = np.frombuffer(base64.b64decode(value["float64"]), "<f8")
    return flat.reshape(value["shape"]).astype(float)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _still_there(handle: int, path: Path) -> bool:
    """Whether an open file has not been removed under its name, by whoever held it before."""
    try:
        there = path.stat()
    except OSError:
        return False
    held = os.fstat(handle)
    return (held.st_ino, held.st_dev) == (there.st_ino, there.st_dev)


@dataclass(frozen=True)
class Store:
    """Values by key.

    Attributes:
        folder: Where the files lie; None for a store that keeps nothing.
    """

    folder: Path | None

    def _file(self, key: str, suffix: str = "json") -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.{suffix}"

    def get(self, key: str) -> Any:
        """The value, or None if there is none or its file is damaged."""
        if self.folder is None:
            return None
        try:
            checksum, _, text = self._file(key).read_text(encoding="utf-8").partition("\n")
            if checksum != hashlib.sha256(text.encode()).hexdigest():
                return None
            return json.loads(text)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Store a value that can be written as JSON and is not None, in place of an older one.

        Raises:
            InputError: The file cannot be written.
        """
        if self.folder is None:
            return
        text = json.dumps(value)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        write_whole(self._file(key), f"{checksum}\n{text}".encode())

    def keys(self) -> list[str]:
        """The keys of all that is stored, damaged or not."""
        if self.folder is None:
            return []
        with contextlib.suppress(OSError):
            names = (entry.name for entry in os.scandir(self.folder))
            return sorted(name[:64] for name in names if _RESULT.fullmatch(name))
        return []

    def remove(self, key: str) -> None:
        """Remove a value, if it is there.

        Raises:
            InputError: The file cannot be removed.
        """
        if self.folder is None:
            return
        try:
            self._file(key).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot remove {str(self._file(key))!r}: {error.strerror}") from error

    @contextlib.contextmanager
    def lock(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes from computing the same value meanwhile.

        The lock is the operating system's: it ends with the process, however that ends.

        Args:
            key: Of the value.
            wait: Whether to wait until no other process holds it.

        Yields:
            Whether it is held; False only without waiting.
        """
        if self.folder is None or fcntl is None:
            yield True
            return
        path = self._file(key, "lock")
        try:
            handle = self._locked(path, wait)
        except OSError:
            # Some network folders know no locks, a full disk takes no file: no harm but work
            # that is done twice.
            yield True
            return
        if handle is None:
            yield False
            return
        try:
            yield True
        finally:
            # Removed while it is held, so that nobody removes a file that another has locked.
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(handle)

    def _locked(self, path: Path, wait: bool) -> int | None:
        while True:
            handle = _open(path)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(handle)
                return None
            except BaseException:
                os.close(handle)
                raise
            if _still_there(handle, path):
                return handle
            os.close(handle)

    def sweep_up(self) -> None:
        """Remove what killed processes left behind, after a day. Results stay."""
        if self.folder is None:
            return
        too_old = time.time() - _DAY
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                # Another process may be removing it.
                with contextlib.suppress(OSError):
                    if _LEFT_BEHIND.fullmatch(entry.name) and entry.stat().st_mtime < too_old:
                        Path(entry.path).unlink()


def open_store(folder: str | Path | None = None) -> Store:
    """The store in a folder, by default the user's, which is made if need be.

    Where the user's cannot be written, a warning says so, and the store keeps nothing.

    Raises:
        InputError: The folder that is given cannot be written.
    """
    if folder is not None:
        place = Path(folder).absolute()
        if reason := made(place):
            raise InputError(f"nothing can be stored in {str(folder)!r}: {reason}")
        return Store(place)
    default = None
    try:
        default = users_folder(VARIABLE, "XDG_DATA_HOME", ".local/share")
        reason = made(default)
    except RuntimeError as error:  # There is no home folder.
        reason = str(error)
    if not reason:
        return Store(default)
    where = f" in {str(default)!r}" if default else ""
    warnings.warn(
        f"nothing is stored{where} ({reason}); {VARIABLE} can name another folder", stacklevel=2
    )
    return Store(None)
