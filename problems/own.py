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

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from problems.domain import Domain, WholeSpace
from problems.notation import InputError, nearest, require
from problems.problem import CONSTANTS, Blocks, Constant, Problem, catalogue, derived, exact
from problems.registry import Entry
from problems.script import Shelf, as_a_script, first_line, is_file, parameters_of, place_of, reason

__all__ = ["entries_of", "find", "find_all", "from_function", "names_a_file"]

# Naming a problem in a file


def names_a_file(specification: str) -> bool:
    """Whether a specification speaks of a Python file rather than of a key."""
    return place_of(specification) is not None


def find(specification: str) -> Problem:
    """The problem of `key:name=value,...`, or of `my_problem.py::name:name=value,...`.

    Raises:
        InputError: The text, the key, the file or a parameter is not accepted.
    """
    require(
        isinstance(specification, str),
        f"problem={specification!r} must be text, such as 'quadratic' or 'my_problem.py'",
    )
    place = place_of(specification)
    if place is None:
        return _of_the_catalogue(specification.strip())
    entry = _SHELF.entry(specification, place)
    return entry(**parameters_of(specification, place.parameters))


def find_all(specification: str) -> list[Problem]:
    """As `find`, but a file alone stands for all problems in it.

    Raises:
        InputError: As `find`.
    """
    place = place_of(specification)
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
            not is_file(specification),
            f"{specification!r} is a file, but the name of a file of problems ends in .py",
        )
        head = re.match(r".+?\.py(?=:|$)", specification, re.DOTALL)
        require(head is None, f"there is no problem {key!r} and no file {head and head[0]!r}")
    return catalogue.find(specification)


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
        with as_a_script(file, sources):
            try:
                built = entry.function(**settings)
            except (Exception, SystemExit) as error:
                raise InputError(
                    f"cannot build {entry.specification(settings)!r}: {reason(error, file)}"
                ) from error
        require(
            isinstance(built, Problem),
            f"the function of {entry.key!r} must return a Problem, not {type(built).__name__}",
        )
        return built

    return replace(entry, function=function)


def _undecorated(name: str, value: Any) -> Entry[Problem] | None:
    """A problem that was made without the decorator is an item of its file as well."""
    if isinstance(value, Problem) and value.entry is None:
        return _entry_of(name, value)
    return None


_SHELF: Shelf[Problem] = Shelf(
    catalogue,
    "decorate a function with @problem(...) or call from_function",
    _undecorated,
    _guarded,
)


def entries_of(path: str) -> dict[str, Entry[Problem]]:
    """The problems of a Python file, by name; a file that was edited is run again.

    Raises:
        InputError: The file cannot be read or run, or holds no problem.
    """
    return _SHELF.entries(path)


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
    blocks: Blocks | None = None,
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
        blocks: Names and shapes of the parts of a point, which stays flat (see `Problem` and
            `problems.split`); by default one block.

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
        blocks={} if blocks is None else blocks,
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
        raise InputError(f"{what}(x) fails at x = {at}: {first_line(error)}") from error
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
