"""Problems of your own: from a function, or from a Python file that is named like a key.

A file holds functions decorated with `@problem(...)`, or problems made by `from_function`:

    import problems

    def loss(x):
        return (x[0] - 1) ** 2 + 10 * x[1] ** 2

    def gradient(x):
        return [2 * (x[0] - 1), 20 * x[1]]

    mine = problems.from_function(loss, gradient, start=[0, 1], constants={"L": 20, "minimum": 0})

Then `my_problem.py` stands wherever a key may stand, and `my_problem.py::mine` if it holds
several; parameters follow after a colon, as in `my_problem.py::valley:steepness=3`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from problems.domain import Domain, WholeSpace
from problems.notation import InputError, nearest, parse, require
from problems.problem import CONSTANTS, Constant, Problem, catalogue, derived, exact
from problems.registry import Entry

__all__ = ["entries_of", "find", "find_all", "from_function", "names_a_file"]

# Naming a problem in a file


@dataclass(frozen=True)
class _Place:
    """The parts of `path::name:parameters`; what is not written is None."""

    path: str
    name: str | None
    parameters: str | None


_PLACE = re.compile(r"(?P<path>.+?\.py)(::(?P<name>[^:]*))?(:(?P<parameters>.*))?", re.DOTALL)


def _place(specification: str) -> _Place | None:
    match = _PLACE.fullmatch(specification.strip())
    if match is None:
        return None
    # A colon may belong to the path, but also end a key: `csv-logistic:path=data.py`.
    if ":" in match["path"] and not _is_file(match["path"]):
        return None
    return _Place(match["path"], match["name"], match["parameters"])


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        # A folder that may not be looked into, or a name that is too long.
        return False


def names_a_file(specification: str) -> bool:
    """Whether a specification speaks of a Python file rather than of a key."""
    return _place(specification) is not None


def find(specification: str) -> Problem:
    """The problem of `key:name=value,...`, or of `my_problem.py::name:name=value,...`.

    Raises:
        InputError: The text, the key, the file or a parameter is not accepted.
    """
    require(
        isinstance(specification, str),
        f"problem={specification!r} must be text, such as 'quadratic' or 'my_problem.py'",
    )
    place = _place(specification)
    if place is None:
        return _of_the_catalogue(specification.strip())
    entries = entries_of(place.path)
    listed = ", ".join(f"{place.path}::{known}" for known in entries)
    if place.name is None:
        require(
            len(entries) == 1,
            f"{place.path!r} holds {len(entries)} problems; write one of {listed}",
        )
        (entry,) = entries.values()
    else:
        require(place.name, f"{specification!r} lacks a name after the colons; write {listed}")
        # The keys of the catalogue are written with hyphens, so these may be as well.
        name = place.name if place.name in entries else place.name.replace("-", "_")
        require(
            name in entries,
            f"{place.path!r} holds no problem {place.name!r}; {nearest(place.name, entries)}",
        )
        entry = entries[name]
    return entry(**_parameters(specification, place.parameters))


def find_all(specification: str) -> list[Problem]:
    """As `find`, but a file alone stands for all problems in it.

    Raises:
        InputError: As `find`.
    """
    place = _place(specification)
    if place is None or place.name is not None or place.parameters is not None:
        return [find(specification)]
    return [entry() for entry in entries_of(place.path).values()]


def _of_the_catalogue(specification: str) -> Problem:
    key = specification.partition(":")[0].strip()
    if key not in catalogue:
        require(
            key != "unregistered",
            "a problem that was made in Python has no text to find it by; put it into a file "
            "and name the file, such as my_problem.py",
        )
        require(
            not _is_file(specification),
            f"{specification!r} is a file, but the name of a file of problems ends in .py",
        )
        match = _PLACE.fullmatch(specification)
        require(
            match is None, f"there is no problem {key!r} and no file {match and match['path']!r}"
        )
    return catalogue.find(specification)


def _parameters(specification: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    # The notation reads parameters after a key, and a path is none.
    stand_in = f"own:{text}"
    try:
        return parse(stand_in)[1]
    except InputError as error:
        sentence = str(error).replace(repr(stand_in), repr(specification))
        raise InputError(sentence) from error


# Reading a file


@dataclass(frozen=True)
class _Loaded:
    """A file that was run: its problems, and what stood in it and in its neighbours then."""

    entries: Mapping[str, Entry[Problem]]
    sources: Mapping[Path, bytes]

    @property
    def is_current(self) -> bool:
        try:
            return all(file.read_bytes() == source for file, source in self.sources.items())
        except OSError:
            return False


_loaded: dict[tuple[str, Path], _Loaded] = {}
_loading: set[Path] = set()


def entries_of(path: str) -> dict[str, Entry[Problem]]:
    """The problems of a Python file, by name; a file that was edited is run again.

    Raises:
        InputError: The file cannot be read or run, or holds no problem.
    """
    file = Path(path)
    try:
        require(not file.is_dir(), f"{path!r} is a folder, not a file of problems")
        here = "" if file.is_absolute() else f" in {str(Path.cwd())!r}"
        require(file.exists(), f"there is no file {path!r}{here}")
        require(file.is_file(), f"{path!r} is not a regular file")
        resolved = file.resolve()
        source = resolved.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path!r}: {error.strerror}") from error
    known = _loaded.get((path, resolved))
    if known is None or not known.is_current:
        require(resolved not in _loading, f"{path!r} asks for its own problems while it is read")
        _loading.add(resolved)
        try:
            known = _loaded[path, resolved] = _load(path, resolved, source)
        finally:
            _loading.discard(resolved)
    return dict(known.entries)


def _load(path: str, file: Path, source: bytes) -> _Loaded:
    module = ModuleType(f"own_problem_{file.stem}")
    module.__file__ = str(file)
    # In no package, as a script; without it a relative import would also warn.
    module.__package__ = ""
    sources = {file: source}
    with catalogue.collecting() as decorated, _as_a_script(file, sources):
        # Dataclasses look their module up by its name.
        sys.modules[module.__name__] = module
        try:
            # Compiled here: the cache of the import system knows a file by its size and second.
            exec(compile(source, str(file), "exec", dont_inherit=True), vars(module))
        except (Exception, SystemExit) as error:
            raise InputError(f"cannot load {path!r}: {_reason(error, file)}") from error
    entries: dict[str, Entry[Problem]] = {}
    held = vars(module)
    for entry in decorated:
        # What a neighbour defines is its own, unless its name is imported.
        if entry.function.__module__ == module.__name__ or any(v is entry for v in held.values()):
            name = entry.function.__name__
            require(
                not isinstance(entry.tags, str),
                f"tags={entry.tags!r} of {path}::{name} must be a tuple, such as ('convex',)",
            )
            entries[name] = entry
    for attribute, value in held.items():
        if isinstance(value, Problem) and value.entry is None:
            entries[attribute] = _entry_of(attribute, value)
    require(
        entries,
        f"{path!r} holds no problem; decorate a function with @problem(...) or call from_function",
    )
    single = len(entries) == 1
    digest = _checksum(sources)
    named = {
        name: entry.renamed(path if single else f"{path}::{name}", sources_sha256=digest)
        for name, entry in entries.items()
    }
    return _Loaded({name: _guarded(entry, file, sources) for name, entry in named.items()}, sources)


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
def _as_a_script(file: Path, sources: dict[Path, bytes]) -> Iterator[None]:
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


def _first_line(error: BaseException) -> str:
    """Type and message of an error in one line; our own sentences speak for themselves."""
    message = " ".join(str(error).strip().partition("\n")[0].split())
    if isinstance(error, InputError):
        return message
    return type(error).__name__ + (f": {message}" if message else "")


def _reason(error: BaseException, file: Path) -> str:
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
    return f"{where}{_first_line(error)}{hint}"


def _entry_of(name: str, built: Problem) -> Entry[Problem]:
    """An entry for a problem that was made without the decorator."""

    def function() -> Problem:
        return built

    function.__doc__ = built.formula
    return Entry("problem", name, built.formula, (), built.tags, {}, function, catalogue.build)


def _guarded(entry: Entry[Problem], file: Path, sources: dict[Path, bytes]) -> Entry[Problem]:
    """The entry, whose function fails in one sentence that names the line."""

    @functools.wraps(entry.function)
    def function(**settings: Any) -> Problem:
        with _as_a_script(file, sources):
            try:
                built = entry.function(**settings)
            except (Exception, SystemExit) as error:
                raise InputError(
                    f"cannot build {entry.specification(settings)!r}: {_reason(error, file)}"
                ) from error
        require(
            isinstance(built, Problem),
            f"the function of {entry.key!r} must return a Problem, not {type(built).__name__}",
        )
        return built

    return replace(entry, function=function)


# Making a problem of a function


def from_function(
    loss: Callable[[NDArray[np.float64]], Any],
    gradient: Callable[[NDArray[np.float64]], Any] | Literal["jax", "torch"] | None = None,
    *,
    start: ArrayLike,
    domain: Domain | None = None,
    constants: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    formula: str = "",
) -> Problem:
    """Make a problem of a function of one point.

    Args:
        loss: Takes a point of shape (n,), returns a number.
        gradient: Takes a point, returns shape (n,). Or "jax" or "torch": the loss is written
            with that library and differentiated by it, in double precision. If it is left out,
            central differences are taken, with a warning.
        start: Shape (n,).
        domain: Where iterates live; by default the whole space.
        constants: By the letters of `CONSTANTS`: numbers, points, or `Constant`s. A plain
            number counts as a bound (derived), a plain minimum or minimizer as exact.
        tags: Keys of `TAGS`, such as "convex".
        formula: The loss in a line of text; by default the docstring or name of the function.

    Where a plain float would raise ZeroDivisionError or OverflowError, the value is NaN; at a
    point that is not finite the functions are not called.

    Raises:
        InputError: An argument is not accepted, or the library is not installed.
    """
    require(callable(loss), f"loss={loss!r} must be a function of a point")
    text = formula or (loss.__doc__ or "").strip().partition("\n")[0]
    value: Callable[[Any], Any] = loss
    slope: Any = gradient
    if isinstance(gradient, str):
        require(gradient in _LIBRARIES, f"gradient={gradient!r}; {nearest(gradient, _LIBRARIES)}")
        value, slope = _LIBRARIES[gradient](loss)
    require(
        slope is None or callable(slope),
        f"gradient={gradient!r} must be a function of a point, 'jax', 'torch' or None",
    )
    require(
        not isinstance(domain, type),
        f"domain={getattr(domain, '__name__', domain)} is a class; call it, as in Box(-1.0, 1.0)",
    )
    require(isinstance(formula, str), f"formula={formula!r} must be a line of text")
    require(
        not isinstance(tags, str) and all(isinstance(tag, str) for tag in tags),
        f"tags={tags!r} must be a list, such as ['convex']",
    )
    require(
        constants is None or isinstance(constants, Mapping),
        f"constants={constants!r} must be a mapping, such as {{'L': 20}}",
    )
    point = _numbers("start", start)
    require(point.size, f"start={start!r} has no coordinates")
    return Problem(
        formula=text or getattr(loss, "__name__", "a function"),
        domain=WholeSpace() if domain is None else domain,
        start=np.atleast_1d(point),
        loss_formula=_lane_by_lane("loss", value),
        gradient_formula=None if slope is None else _lane_by_lane("gradient", slope),
        constants={letter: _constant(letter, v) for letter, v in (constants or {}).items()},
        tags=tuple(tags),
    )


def _numbers(name: str, value: Any) -> NDArray[np.float64]:
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={value!r} must be a number or a list of numbers") from error


def _constant(letter: str, value: Any) -> Constant:
    require(letter in CONSTANTS, f"{letter!r} is no constant; {nearest(str(letter), CONSTANTS)}")
    number = _numbers(letter, value.value if isinstance(value, Constant) else value)
    require(np.isfinite(number).all(), f"{letter}={value!r} must be finite, or be left out")
    if letter == "minimizer":
        number = np.atleast_1d(number)
    else:
        require(number.ndim == 0, f"{letter}={value!r} must be a number")
    if isinstance(value, Constant):
        return value
    if letter in ("minimum", "minimizer"):
        return exact(number if number.ndim else float(number), "as stated")
    return derived(float(number), "as stated")


def _lane_by_lane(
    what: Literal["loss", "gradient"], function: Callable[[Any], Any]
) -> Callable[..., NDArray[np.float64]]:
    """A function of one point, for points of any leading shape."""

    def evaluate(x: NDArray[np.float64], sample: Any = None) -> NDArray[np.float64]:
        points = x.reshape(-1, x.shape[-1])
        values = np.full(points.shape if what == "gradient" else len(points), np.nan)
        for lane, point in enumerate(points):
            # Lanes that diverged stay among the others.
            if np.isfinite(point).all():
                values[lane] = _value(what, function, point)
        return values.reshape(x.shape if what == "gradient" else x.shape[:-1])

    return evaluate


def _value(
    what: Literal["loss", "gradient"], function: Callable[[Any], Any], point: NDArray[np.float64]
) -> Any:
    """What the function returns at a point, if that is float64 of the right shape."""
    try:
        # A copy, as the function may write into it.
        returned = function(point.copy())
        # A plain Python integer is a number; an integer array is a mistake to be named.
        value = np.asarray(float(returned) if isinstance(returned, int) else returned)
    except ArithmeticError:
        # Plain floats raise where arrays overflow, and a run that diverges gets there.
        return np.nan
    except (Exception, SystemExit) as error:
        at = np.array2string(point, threshold=6)
        raise InputError(f"{what}(x) fails at x = {at}: {_first_line(error)}") from error
    wanted = point.shape if what == "gradient" else ()
    # An f-string for each of many evaluations would cost more than they do.
    if value.shape == wanted and value.dtype == np.float64:
        return value
    accepted = "a number" if what == "loss" else f"an array of float64 of shape {wanted}"
    if returned is None:
        raise InputError(f"{what}(x) returns None; it must return {accepted}")
    if value.shape != wanted:
        raise InputError(
            f"{what}(x) has shape {value.shape} for x of shape {point.shape}; "
            f"it must return {accepted}"
        )
    raise InputError(f"{what}(x) is of type {value.dtype}; it must be float64")


def _by_jax(loss: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    try:
        import jax
    except ImportError as error:
        raise InputError("gradient='jax' needs the package jax, which is not installed") from error

    # Without this switch JAX computes in single precision.
    jax.config.update("jax_enable_x64", True)
    derivative = jax.grad(loss)
    return (
        lambda x: loss(jax.numpy.asarray(x)),
        lambda x: derivative(jax.numpy.asarray(x)),
    )


def _by_torch(loss: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "gradient='torch' needs the package torch, which is not installed"
        ) from error

    def value(x: Any) -> Any:
        with torch.no_grad():
            return loss(torch.tensor(x, dtype=torch.float64))

    def slope(x: Any) -> Any:
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(loss(point), point)
        return gradient.numpy()

    return value, slope


_LIBRARIES: Mapping[str, Callable[..., Any]] = {"jax": _by_jax, "torch": _by_torch}
