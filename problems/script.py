"""Python files that hold items of one's own, and how they are named: `my.py::name:parameters`.

A file is run as a script would be, and again when it or a neighbour that it imports was edited.
What the decorator of a registry collects meanwhile are the file's items.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from problems.notation import InputError, nearest, parse, require
from problems.registry import Entry, Registry

__all__ = [
    "Place",
    "Shelf",
    "as_a_script",
    "first_line",
    "is_file",
    "parameters_of",
    "place_of",
    "reason",
]

Built = TypeVar("Built")


@dataclass(frozen=True)
class Place:
    """The parts of `path::name:parameters`; what is not written is None."""

    path: str
    name: str | None
    parameters: str | None


_PLACE = re.compile(r"(?P<path>.+?\.py)(::(?P<name>[^:]*))?(:(?P<parameters>.*))?", re.DOTALL)


def place_of(specification: str) -> Place | None:
    """The parts of a specification that speaks of a Python file, else None."""
    match = _PLACE.fullmatch(specification.strip())
    if match is None:
        return None
    # A colon may belong to the path, but also end a key: `csv-logistic:path=data.py`.
    if ":" in match["path"] and not is_file(match["path"]):
        return None
    return Place(match["path"], match["name"], match["parameters"])


def is_file(path: str) -> bool:
    """Whether there is a file, as far as one may look."""
    try:
        return Path(path).is_file()
    except OSError:
        # A folder that may not be looked into, or a name that is too long.
        return False


def parameters_of(specification: str, text: str | None) -> dict[str, Any]:
    """The parameters after the last colon of a specification, by name.

    Raises:
        InputError: They are not in the notation.
    """
    if text is None:
        return {}
    # The notation reads parameters after a key, and a path is none.
    stand_in = f"own:{text}"
    try:
        return parse(stand_in)[1]
    except InputError as error:
        sentence = str(error).replace(repr(stand_in), repr(specification))
        raise InputError(sentence) from error


@dataclass(frozen=True)
class _Loaded(Generic[Built]):
    """A file that was run: its items, and what stood in it and in its neighbours then."""

    entries: Mapping[str, Entry[Built]]
    sources: Mapping[Path, bytes]

    @property
    def is_current(self) -> bool:
        try:
            return all(file.read_bytes() == source for file, source in self.sources.items())
        except OSError:
            return False


class Shelf(Generic[Built]):
    """The items of one kind that files hold.

    Args:
        registry: Where the decorator of the kind registers.
        hint: How an item is made, for a file without one.
        undecorated: Makes an entry of a value of the file's namespace that is an item itself.
        guard: Wraps the function of an entry: (entry, file, sources) -> entry.
    """

    def __init__(
        self,
        registry: Registry[Built],
        hint: str,
        undecorated: Callable[[str, Any], Entry[Built] | None] = lambda name, value: None,
        guard: Callable[[Entry[Built], Path, dict[Path, bytes]], Entry[Built]] = (
            lambda entry, file, sources: entry
        ),
    ):
        self._registry = registry
        self._hint = hint
        self._undecorated = undecorated
        self._guard = guard
        self._loaded: dict[tuple[str, Path], _Loaded[Built]] = {}
        self._loading: set[Path] = set()

    def entry(self, specification: str, place: Place) -> Entry[Built]:
        """The one entry that a place speaks of.

        Raises:
            InputError: The file holds none or several, or none of that name.
        """
        kind, entries = self._registry.kind, self.entries(place.path)
        listed = ", ".join(f"{place.path}::{known}" for known in entries)
        if place.name is None:
            require(
                len(entries) == 1,
                f"{place.path!r} holds {len(entries)} {kind}s; write one of {listed}",
            )
            (entry,) = entries.values()
            return entry
        require(place.name, f"{specification!r} lacks a name after the colons; write {listed}")
        # The keys of the catalogue are written with hyphens, so these may be as well.
        name = place.name if place.name in entries else place.name.replace("-", "_")
        require(
            name in entries,
            f"{place.path!r} holds no {kind} {place.name!r}; {nearest(place.name, entries)}",
        )
        return entries[name]

    def entries(self, path: str) -> dict[str, Entry[Built]]:
        """The items of a Python file, by name; a file that was edited is run again.

        Raises:
            InputError: The file cannot be read or run, or holds no item.
        """
        file, kind = Path(path), self._registry.kind
        try:
            require(not file.is_dir(), f"{path!r} is a folder, not a file of {kind}s")
            here = "" if file.is_absolute() else f" in {str(Path.cwd())!r}"
            require(file.exists(), f"there is no file {path!r}{here}")
            require(file.is_file(), f"{path!r} is not a regular file")
            resolved = file.resolve()
            source = resolved.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {path!r}: {error.strerror}") from error
        known = self._loaded.get((path, resolved))
        if known is None or not known.is_current:
            require(
                resolved not in self._loading,
                f"{path!r} asks for its own {kind}s while it is read",
            )
            self._loading.add(resolved)
            try:
                known = self._loaded[path, resolved] = self._load(path, resolved, source)
            finally:
                self._loading.discard(resolved)
        return dict(known.entries)

    def _load(self, path: str, file: Path, source: bytes) -> _Loaded[Built]:
        module = ModuleType(f"own_file_{file.stem}")
        module.__file__ = str(file)
        # In no package, as a script; without it a relative import would also warn.
        module.__package__ = ""
        sources = {file: source}
        with self._registry.collecting() as decorated, as_a_script(file, sources):
            # Dataclasses look their module up by its name.
            sys.modules[module.__name__] = module
            try:
                # Compiled here: the cache of the import system knows a file by its size and second.
                exec(compile(source, str(file), "exec", dont_inherit=True), vars(module))
            except (Exception, SystemExit) as error:
                raise InputError(f"cannot load {path!r}: {reason(error, file)}") from error
        entries: dict[str, Entry[Built]] = {}
        held = vars(module)
        for entry in decorated:
            # What a neighbour defines is its own, unless its name is imported.
            if entry.function.__module__ == module.__name__ or any(
                v is entry for v in held.values()
            ):
                name = entry.function.__name__
                require(
                    not isinstance(entry.tags, str),
                    f"tags={entry.tags!r} of {path}::{name} must be a tuple, such as ('convex',)",
                )
                entries[name] = entry
        for attribute, value in held.items():
            made = self._undecorated(attribute, value)
            if made is not None:
                entries[attribute] = made
        require(
            entries,
            f"{path!r} holds no {self._registry.kind}; {self._hint}",
        )
        single = len(entries) == 1
        digest = _checksum(sources)
        named = {
            name: entry.renamed(path if single else f"{path}::{name}", sources_sha256=digest)
            for name, entry in entries.items()
        }
        return _Loaded(
            {name: self._guard(entry, file, sources) for name, entry in named.items()}, sources
        )


def _checksum(sources: Mapping[Path, bytes]) -> str:
    """SHA-256 of a file and its neighbours, wherever the folder is."""
    digest = hashlib.sha256()
    for name, source in sorted((file.name, source) for file, source in sources.items()):
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


# A file that lies beside the packages of the suite must not get them twice.
_SUITE = frozenset({"problems", "convergence", "reports"})


@contextlib.contextmanager
def as_a_script(file: Path, sources: dict[Path, bytes]) -> Iterator[None]:
    """Let a file import its neighbours, as a script would, and print without harm.

    Neighbours are forgotten afterwards, so that those of another folder may have their names and
    edited ones are read again; what stands in them is added to `sources`.
    """
    folder = file.parent
    before, writes = set(sys.modules), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    try:
        # Standard output belongs to the result, which may be JSON.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.dont_write_bytecode = writes
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
        new = set(sys.modules) - before
        beside = {name for name in new - _SUITE if _lies_in(folder, name)}
        for name in new:
            if name.partition(".")[0] in beside:
                origin = getattr(sys.modules.pop(name), "__file__", None)
                if origin is not None:
                    with contextlib.suppress(OSError):
                        sources[Path(origin)] = Path(origin).read_bytes()


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a module was found in this very folder, and not in an environment inside it."""
    if "." in name:
        return False
    origin = getattr(sys.modules[name], "__file__", None)
    if origin is None:
        return any(Path(p) == folder / name for p in getattr(sys.modules[name], "__path__", ()))
    return Path(origin) in (folder / f"{name}.py", folder / name / "__init__.py")


def first_line(error: BaseException) -> str:
    """Type and message of an error in one line; our own sentences speak for themselves."""
    message = " ".join(str(error).strip().partition("\n")[0].split())
    if isinstance(error, InputError):
        return message
    return type(error).__name__ + (f": {message}" if message else "")


def reason(error: BaseException, file: Path) -> str:
    """What went wrong in a file and in which line."""
    if isinstance(error, SyntaxError):
        place = Path(error.filename) if error.filename else file
        where = f"line {error.lineno}" if error.lineno else ""
        where += f" of {place.name}" if place != file else ""
        return f"{where.strip()}: {error.msg}".removeprefix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    where = f"line {lines[-1]}: " if lines else ""
    if isinstance(error, SystemExit):
        return f"{where}it calls sys.exit({error.code!r})"
    hint = ""
    if isinstance(error, ImportError) and "relative import" in str(error):
        hint = "; write 'from neighbour import name', without the dot"
    return f"{where}{first_line(error)}{hint}"
