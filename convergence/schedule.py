"""Step sizes over the rounds t = 1, 2, ...

A schedule is a function of an array of rounds. Like a rule it asks for more by parameter name:
a constant of the problem by its letter (`L`), or the `horizon`, the number of steps of the run.
Schedules are evaluated in blocks by numpy and handed to every engine, so every engine sees the
same step sizes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.expression import Expression, inputs_of
from problems.arithmetic import minimum, sqrt
from problems.notation import InputError, Number, exact, require
from problems.problem import CONSTANTS, Problem
from problems.registry import Entry, Registry

__all__ = ["Schedule", "catalogue", "find", "schedule"]


@dataclass(frozen=True)
class Schedule:
    """A schedule with its parameters fixed."""

    entry: Entry[Schedule]
    settings: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The catalogue key, without parameters."""
        return self.entry.key

    @cached_property
    def specification(self) -> str:
        """The text that builds the schedule again."""
        return self.entry.specification(self.settings)

    def step_sizes(
        self, rounds: NDArray[np.int64], problem: Problem, horizon: int
    ) -> NDArray[np.float64]:
        """Step sizes of these rounds.

        Args:
            rounds: Integers from 1.
            problem: Whose constants the schedule may ask for.
            horizon: The number of steps of the whole run.

        Returns:
            float64 of the shape of `rounds`.

        Raises:
            InputError: The problem does not state a constant the schedule asks for.
        """
        t = rounds.astype(float)
        return np.broadcast_to(np.asarray(self._at(t, problem, horizon), float), t.shape)

    def traced(self, problem: Problem, horizon: int) -> tuple[Expression, dict[str, float]] | None:
        """The step size as a formula of t and letters, and their values; see `step_sizes`.

        None if it cannot be traced.
        """
        values = self._values(problem, horizon)
        letters = {name: Expression("input", name) for name in values}
        try:
            size = Expression.of(self._size(Expression("input", "t"), letters))
        except TypeError:
            return None
        asked = inputs_of(size)
        return size, {name: value for name, value in values.items() if name in asked}

    def is_constant(self, problem: Problem, horizon: int) -> bool:
        """Whether all step sizes are the same, by the formula; not so where there is none."""
        try:
            traced = self.traced(problem, horizon)
        except InputError:
            return False
        return traced is not None and "t" not in inputs_of(traced[0])

    def _at(self, t: Any, problem: Problem, horizon: int) -> Any:
        return self._size(t, self._values(problem, horizon))

    def _values(self, problem: Problem, horizon: int) -> dict[str, float]:
        """What the formula asks for, and the parameters."""
        values: dict[str, float] = {}
        for name in _asks(self.entry.function):
            values[name] = float(horizon) if name == "horizon" else problem.constant(name)
            if name in CONSTANTS and values[name] <= 0:
                raise InputError(
                    f"schedule {self.key} needs {name} > 0, and problem "
                    f"{problem.specification} has {name} = {values[name]:g}"
                )
        return {**values, **self.settings}

    def _size(self, t: Any, values: Mapping[str, Any]) -> Any:
        given = dict(values)
        warmup = given.pop("warmup")
        size = self.entry.function(t, **given)
        # Without a warm-up there is nothing to multiply by, rather than 1.
        return size * minimum(1.0, t / warmup) if self.settings["warmup"] else size


@cache
def _asks(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "t" and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    )


# A whole number beyond it passes every comparison and then cannot be a step size.
_LARGEST = float(np.finfo(float).max)


def _build(entry: Entry[Schedule], settings: Mapping[str, Any]) -> Schedule:
    for name, value in settings.items():
        accepted = "a positive number"
        number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
        good = number and 0 < value <= _LARGEST
        if name in ("warmup", "floor", "offset"):
            accepted = "a number of at least 0"
            good = number and 0 <= value <= _LARGEST
        require(good, f"{name}={value!r} of schedule {entry.key} must be {accepted}")
    return Schedule(entry, {name: Number(exact(value) or 0) for name, value in settings.items()})


#: Every schedule by key.
catalogue: Registry[Schedule] = Registry("schedule", _build)


def find(specification: str) -> Schedule:
    """The schedule of `key:name=value,...`.

    Raises:
        InputError: The text, the key or a parameter is not accepted.
    """
    return catalogue.find(specification)


def schedule(*, source: str | tuple[str, ...]) -> Callable[[Callable[..., Any]], Entry[Schedule]]:
    """Register a schedule; each also takes `warmup`, the rounds of a linear rise from 0."""

    def register(function: Callable[..., Any]) -> Entry[Schedule]:
        entry = catalogue.add(function, source=source, common={"warmup": 0})
        for name in _asks(entry.function):
            require(
                name == "horizon" or name in CONSTANTS,
                f"schedule {entry.key} asks for {name!r}, which is neither horizon nor one of "
                + ", ".join(CONSTANTS),
            )
        return entry

    return register


@schedule(source="cauchy1847")
def constant(t: Any, *, alpha: float) -> Any:
    """The same step size alpha in every round."""
    return alpha


@schedule(source="zinkevich2003, Theorem 1")
def inverse_sqrt(t: Any, *, alpha: float) -> Any:
    """Step size alpha / sqrt(t)."""
    return alpha / sqrt(t)


@schedule(source="robbins1951")
def inverse(t: Any, *, alpha: float, offset: float = 0.0) -> Any:
    """Step size alpha / (t + offset)."""
    return alpha / (t + offset)


@schedule(source="robbins1951")
def polynomial(t: Any, *, alpha: float, power: float) -> Any:
    """Step size alpha / t**power."""
    return alpha / t**power


@schedule(source="nesterov2004, Section 2.1.5")
def inverse_smoothness(t: Any, L: float, *, h: float = 1.0) -> Any:
    """Step size h / L, by the problem's smoothness constant."""
    return h / L


@schedule(source=("hazan2007, Theorem 1", "lacostejulien2012"))
def inverse_strong_convexity(t: Any, mu: float, *, c: float = 1.0, offset: float = 0.0) -> Any:
    """Step size c / (mu (t + offset)), by the problem's strong convexity constant."""
    return c / (mu * (t + offset))


@schedule(source="loshchilov2017, Equation 5")
def cosine(t: Any, horizon: float, *, alpha: float, floor: float = 0.0) -> Any:
    """Half a cosine from alpha in the first round to floor after the last."""
    return floor + 0.5 * (alpha - floor) * (1.0 + np.cos(np.pi * (t - 1.0) / horizon))


@schedule(source=("zamani2023", "defazio2023"))
def linear_decay(t: Any, horizon: float, *, alpha: float) -> Any:
    """A straight line from alpha in the first round to alpha / horizon in the last."""
    return alpha * ((horizon + 1.0 - t) / horizon)


@schedule(source="altschuler2023")
def silver(t: Any, L: float, *, h: float = 1.0) -> Any:
    """Silver step sizes h (1 + rho**(v - 1)) / L, rho = 1 + sqrt(2), 2**v the power of 2 in t.

    In units of h/L they are sqrt(2), 2, sqrt(2), 2 + sqrt(2), sqrt(2), 2, sqrt(2), ...: most are
    below 2/L, and the long ones between them make up for the rest. The first 2**k - 1 add up to
    rho**k - 1.
    """
    whole = np.asarray(t, np.int64)
    power = np.frexp(whole & -whole)[1] - 1
    return h * (1.0 + (1.0 + np.sqrt(2.0)) ** (power - 1.0)) / L
