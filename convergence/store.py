"""Results that took long to compute, kept in the user's cache folder, one file for each.

A value is found again under a key made of everything it depends on, so what is stored never has to
be called out of date: when a source, a version or a setting changes, the key does. The folder is
`convergence-suite` in XDG_CACHE_HOME or ~/.cache, or what CONVERGENCE_CACHE names; it may be
deleted at any time.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import convergence
from problems.files import write_whole

try:
    import fcntl
except ImportError:  # Windows: two processes may compute the same, and each is right.
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "VARIABLE",
    "Store",
    "digest_of",
    "environment",
    "key_of",
    "open_store",
    "package_of",
    "source_checksum",
    "sources_are_loaded",
]

#: The environment variable that names another folder.
VARIABLE = "CONVERGENCE_CACHE"

#: More items than that are not kept: those that were not asked for longest go. An item is a
#: kilobyte or so, and a change of the sources leaves a few thousand behind.
MOST = 20_000

_HOME = Path(__file__).resolve().parent.parent
_PACKAGES = ("problems", "convergence")
# What a value may depend on besides the sources; the last ones differentiate one's own losses.
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "jax", "torch")
_NAMES = re.compile(r"[0-9a-f]{64}\.json|[0-9a-f]{64}\.lock|\.[0-9a-f]{64}\.json\.\w+")
_DAY = 86_400.0


def key_of(kind: str, **parts: Any) -> str:
    """SHA-256 of parts that can be written as JSON, in hexadecimal.

    Args:
        kind: What is stored, so that results of two sorts never meet.
        parts: All that the value depends on.
    """
    text = json.dumps([kind, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# What a value depends on


def _package_files() -> list[Path]:
    """Every file of the packages that results come from, but what Python compiled."""
    return sorted(
        path
        for package in _PACKAGES
        for path in (_HOME / package).rglob("*")
        if "__pycache__" not in path.parts and path.is_file()
    )


@cache
def source_checksum() -> str:
    """SHA-256 over all files of `problems` and `convergence`, as they were when first asked for."""
    digest = hashlib.sha256()
    for path in _package_files():
        source = path.read_bytes()
        digest.update(f"{path.relative_to(_HOME).as_posix()} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def sources_are_loaded() -> bool:
    """Whether what this process has imported is what stands in the files.

    After an edit, a process that goes on computes by the old code: what it finds must not be
    stored as what the new code gives.
    """
    return all(path.stat().st_mtime < convergence.IMPORTED_AT for path in _package_files())


def package_of(file: str) -> str:
    """The package of the suite that a source file belongs to, or ""."""
    path = Path(file).resolve()
    return next((name for name in _PACKAGES if path.is_relative_to(_HOME / name)), "")


@cache
def environment() -> dict[str, str]:
    """Versions of the interpreter and of the libraries that are installed, and the machine."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 of the contents and names of files.

    Raises:
        OSError: One cannot be read.
    """
    return _digest(
        tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(files))
    )


@lru_cache(maxsize=256)
def _digest(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    # Time and size are there for the cache: many items depend on the same files.
    digest = hashlib.sha256()
    for path, *_ in stamps:
        source = path.read_bytes()
        digest.update(f"{path.name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


# The store


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
        path = self._file(key)
        try:
            checksum, _, text = path.read_text(encoding="utf-8").partition("\n")
            if checksum != hashlib.sha256(text.encode()).hexdigest():
                return None
            value = json.loads(text)
            # Its age is when it was last asked for.
            os.utime(path)
        except (OSError, ValueError):
            return None
        return value

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

    def trusted(self, name: str) -> Path | None:
        """A folder of this name for what is run, not only read; None if there can be none.

        Where somebody else could write to it, it is a private one that ends with the process, and
        a warning says so.
        """
        return None if self.folder is None else _trusted(self.folder, name)

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

    def prune(self, most: int = MOST) -> None:
        """Remove what was not asked for longest, down to three quarters, if there are too many.

        Files that a killed process left behind go as well, after a day.
        """
        if self.folder is None:
            return
        aged = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                if _NAMES.fullmatch(entry.name):
                    # Another process may be removing it.
                    with contextlib.suppress(OSError):
                        aged.append((entry.stat().st_mtime, Path(entry.path)))
        items = sorted((age, path) for age, path in aged if path.suffix == ".json")
        excess: Sequence[tuple[float, Path]] = items[: -(most * 3 // 4)]
        too_old = time.time() - _DAY
        left = [(age, path) for age, path in aged if path.suffix != ".json" and age < too_old]
        for _, path in [*(excess if len(items) > most else ()), *left]:
            with contextlib.suppress(OSError):
                path.unlink()


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


def _folder() -> Path:
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    # The standard wants a relative path to be ignored.
    cache_home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = cache_home if cache_home.is_absolute() else Path.home() / ".cache"
    return base / "convergence-suite"


def open_store() -> Store:
    """The store in the user's cache folder, which is made if need be.

    Where that cannot be written, a warning says so, and the store keeps nothing.
    """
    folder = None
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Store(folder)
    except (OSError, RuntimeError) as error:
        # RuntimeError: there is no home folder.
        where = f" in {str(folder)!r}" if folder else ""
        reason = getattr(error, "strerror", None) or str(error)
        warnings.warn(
            f"nothing is stored{where} ({reason}); {VARIABLE} can name another folder",
            stacklevel=2,
        )
        return Store(None)
