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
import csv
import hashlib
import io
import json
import os
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.cache import made, users_folder
from problems.files import write_whole
from problems.notation import InputError, nearest, require

try:
    import fcntl
except ImportError:  # Windows: two processes may compute the same, and each is right.
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "VARIABLE",
    "Listed",
    "Store",
    "array_of",
    "as_text",
    "export",
    "listed",
    "open_store",
]

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

    def stored(self) -> list[str]:
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


# What is there


@dataclass(frozen=True)
class Listed:
    """A stored result, as it is listed.

    Attributes:
        key: Under which it lies.
        kind: "cell", "verdict", "record", "failed", or "damaged".
        text: What it is of, in one line.
        outcome: What came out, in a word or two.
        row: Its plain values, of one level.
    """

    key: str
    kind: str
    text: str
    outcome: str
    row: dict[str, Any]


def listed(store: Store, *, contains: str = "", kind: str = "") -> list[Listed]:
    """What is stored, in the order of texts.

    Args:
        store: Where.
        contains: Keep those whose text contains this.
        kind: Keep this kind.

    Raises:
        InputError: There is no such kind.
    """
    require(not kind or kind in _KINDS, f"kind={kind!r} is none; {nearest(kind, _KINDS)}")
    found = [_listed(key, store.get(key)) for key in store.stored()]
    kept = [each for each in found if contains in each.text and kind in ("", each.kind)]
    return sorted(kept, key=lambda each: (each.kind, each.text, each.key))


_KINDS = ("cell", "verdict", "record", "failed", "damaged")


def _listed(key: str, value: Any) -> Listed:
    from convergence.experiment import Experiment

    try:
        inner = value["verdict"] if value["kind"] == "verdict" else value
        experiment = inner["experiment"]
        text = str(Experiment.from_json(experiment))
        row = {"key": key, "kind": value["kind"], **experiment}
        row["seeds"] = len(experiment["seeds"])
        outcome = ""
        if value["kind"] == "verdict":
            text = f"{inner['claim']} on {text}"
            outcome = inner["word"]
            row |= {
                name: each for name, each in inner.items() if name not in ("experiment", "seeds")
            }
        elif value["kind"] == "failed":
            outcome = row["error"] = inner["error"]
        elif value["kind"] == "cell":
            words = [word for word, _ in inner["ends"]]
            outcome = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
            for name, each in inner["last"].items():
                row[f"{name}_median"] = float(np.median(array_of(each)))
        return Listed(key, value["kind"], text, outcome, row)
    except (TypeError, KeyError, ValueError, AttributeError):
        return Listed(key, "damaged", "", "", {"key": key, "kind": "damaged"})


def export(found: Sequence[Listed], path: str | Path) -> None:
    """Write results as a table: a row for each, a column for each plain value.

    Args:
        found: What `listed` gave.
        path: Ends in .csv or .parquet.

    Raises:
        InputError: It ends otherwise, pandas or its engine for parquet is not installed, or the
            file cannot be written.
    """
    suffix = Path(path).suffix
    require(
        suffix in (".csv", ".parquet"),
        f"{str(path)!r} must end in .csv or .parquet, not {suffix!r}",
    )
    columns = list(dict.fromkeys(name for each in found for name in each.row))
    rows = [{name: each.row.get(name) for name in columns} for each in found]
    if suffix == ".csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(path, buffer.getvalue().encode())
        return
    try:
        from pandas import DataFrame

        data = DataFrame(rows).to_parquet(index=False)
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"a .parquet file needs pandas and pyarrow: {reason}") from None
    write_whole(path, data)


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
