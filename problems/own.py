"""Problems of your own: from a function, or from a Python file that is named like a key.

A file holds functions decorated with `@problem(...)`, or problems made by `from_function`:

    import problems

    def loss(x):
        return (x[0] - 1) ** 2 + 10 * x[1] ** 2

    mine = problems.from_function(loss, start=[0, 0], constants={"L": 20, "minimum": 0})

Then `my_problem.py` stands wherever a key may stand, and `my_problem.py::mine` if it holds
several; parameters follow after a colon, as in `my_problem.py::valley:steepness=3`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from problems.domain import Domain, WholeSpace
from problems.notation import InputError, nearest, parse, require
from problems.problem import Constant, Problem, catalogue, derived, exact
from problems.registry import Entry

__all__ = ["entries_of", "find", "from_function", "names_a_file"]

_FILE = re.compile(r"(?P<path>[^:]+\.py)(::(?P<name>[A-Za-z_][\w-]*))?(:(?P<parameters>[^:].*))?")


def names_a_file(specification: str) -> bool:
    """Whether a specification speaks of a Python file rather than of a key."""
    return _FILE.fullmatch(specification.strip()) is not None


def find(specification: str) -> Problem:
    """The problem of `key:name=value,...`, or of `my_problem.py::name:name=value,...`.

    Raises:
        InputError: The text, the key, the file or a parameter is not accepted.
    """
    match = _FILE.fullmatch(specification.strip())
    if match is None:
        return catalogue.find(specification)
    entries = entries_of(match["path"])
    name = match["name"]
    if name is None:
        require(
            len(entries) == 1,
            f"{match['path']!r} holds {len(entries)} problems; write one of "
            + ", ".join(f"{match['path']}::{known}" for known in entries),
        )
        (name,) = entries
    require(
        name in entries,
        f"{match['path']!r} holds no problem {name!r}; {nearest(name, entries)}",
    )
    parameters = parse(f"own:{match['parameters']}")[1] if match["parameters"] else {}
    return entries[name](**parameters)


def entries_of(path: str) -> dict[str, Entry[Problem]]:
    """The problems of a Python file, by name.

    Raises:
        InputError: The file cannot be read or run, or holds no problem.
    """
    file = Path(path)
    require(file.is_file(), f"{path!r} is not a file")
    status = file.stat()
    return _load(path, str(file.resolve()), status.st_mtime_ns, status.st_size)


@functools.cache
def _load(path: str, resolved: str, modified: int, size: int) -> dict[str, Entry[Problem]]:
    """Run the file; the last two arguments tell one version of it from the next."""
    name = f"own_problem_{Path(resolved).stem}"
    spec = importlib.util.spec_from_file_location(name, resolved)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with catalogue.collecting() as decorated, _beside(resolved):
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise InputError(f"cannot load {path!r}: {_reason(error, resolved)}") from error
    entries = {entry.function.__name__: entry for entry in decorated}
    for attribute, value in vars(module).items():
        if isinstance(value, Problem) and value.entry is None:
            entries[attribute] = _entry_of(attribute, value)
    require(
        entries,
        f"{path!r} holds no problem; decorate a function with @problem or call from_function",
    )
    single = len(entries) == 1
    return {
        name: entry.renamed(path if single else f"{path}::{name}")
        for name, entry in entries.items()
    }


@contextlib.contextmanager
def _beside(resolved: str) -> Any:
    """Let the file import its neighbours, as a script would."""
    folder = str(Path(resolved).parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _reason(error: Exception, resolved: str) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == resolved]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def _entry_of(name: str, built: Problem) -> Entry[Problem]:
    """An entry for a problem that was made without the decorator."""

    def function() -> Problem:
        return built

    function.__doc__ = built.formula
    return Entry("problem", name, built.formula, (), built.tags, {}, function, catalogue.build)


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
        f"gradient={gradient!r} must be a function of a point, jax, torch or None",
    )
    point = np.array(start, dtype=float, ndmin=1)
    loss_formula = _lane_by_lane(value)
    return Problem(
        formula=text or getattr(loss, "__name__", "a function"),
        domain=WholeSpace() if domain is None else domain,
        start=point,
        loss_formula=loss_formula,
        gradient_formula=None if slope is None else _lane_by_lane(slope),
        constants={letter: _constant(letter, v) for letter, v in (constants or {}).items()},
        tags=tuple(tags),
    )


def _constant(letter: str, value: Any) -> Constant:
    if isinstance(value, Constant):
        return value
    if letter in ("minimum", "minimizer"):
        return exact(value, "as stated")
    return derived(value, "as stated")


def _lane_by_lane(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of one point, for points of any leading shape."""

    def evaluate(x: NDArray[np.float64], sample: Any = None) -> NDArray[Any]:
        points = x.reshape(-1, x.shape[-1])
        values = [_number_or_array(function(point.copy())) for point in points]
        together = np.stack(values)
        return together.reshape(*x.shape[:-1], *together.shape[1:])

    return evaluate


def _number_or_array(value: Any) -> NDArray[Any]:
    array = np.asarray(value)
    # A plain Python integer is a number; an integer array is a mistake that `probe` names.
    return array.astype(float) if isinstance(value, int) else array


def _by_jax(loss: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    try:
        import jax
    except ImportError as error:
        raise InputError("gradient='jax' needs the package jax, which is not installed") from error

    # Without this switch JAX computes in single precision.
    jax.config.update("jax_enable_x64", True)
    derivative = jax.grad(loss)
    return (
        lambda x: np.asarray(loss(jax.numpy.asarray(x))),
        lambda x: np.asarray(derivative(jax.numpy.asarray(x))),
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
            return np.asarray(loss(torch.tensor(x, dtype=torch.float64)))

    def slope(x: Any) -> Any:
        point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(loss(point), point)
        return gradient.numpy()

    return value, slope


_LIBRARIES: Mapping[str, Callable[..., Any]] = {"jax": _by_jax, "torch": _by_torch}
