"""Quantities of a run: running totals that cost one number per lane (or per coordinate).

A quantity is a function `(total, *asks) -> total`, traced like a rule and compiled into the same
loop, so a run accumulates only what its measures and claims ask for and never keeps the
trajectory. It may ask for `loss` and `g` (at the point where the gradient is taken), `x` (the
iterate before the step), `query_point`, `t`, `step_size`, `displacement` (of the step, before
projection), `norm`, and for another quantity by its name: its value before the round.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

from convergence.expression import Expression, inputs_of, reduction, replaced
from problems.arithmetic import maximum, minimum, ratio, where
from problems.notation import InputError, nearest, require
from problems.registry import Entry, Registry

__all__ = ["Quantity", "catalogue", "find", "with_parts"]

_ASKS = ("loss", "g", "x", "query_point", "t", "step_size", "displacement", "norm")


class Quantity:
    """A running total.

    Attributes:
        name: Its Python name.
        start: The total before the first round.
        update: The new total as an expression in the asks and in `name`.
        meaning: One line.
        builds_on: Other quantities that it asks for.
    """

    def __init__(
        self,
        name: str,
        start: float,
        update: Expression,
        meaning: str,
        builds_on: tuple[str, ...] = (),
    ):
        self.name = name
        self.start = start
        self.update = update
        self.meaning = meaning
        self.builds_on = builds_on

    @cached_property
    def apart(self) -> Quantity:
        """The same under a name that generated code uses for nothing else."""
        names = (self.name, *self.builds_on)
        by = {name: Expression("input", f"total_{name}") for name in names}
        update = replaced({"update": self.update}, by)["update"]
        return Quantity(f"total_{self.name}", self.start, update, self.meaning, self.builds_on)

    @property
    def needs_loss(self) -> bool:
        """Whether the loss must be evaluated in every round."""
        return "loss" in inputs_of(self.update)


def _build(entry: Entry[Quantity], settings: Any) -> Quantity:
    name = entry.key.replace("-", "_")
    asks = list(inspect.signature(entry.function).parameters)[1:]
    others = tuple(ask for ask in asks if ask.replace("_", "-") in catalogue)
    for ask in asks:
        require(
            ask in (*_ASKS, *others),
            f"quantity {name} asks for {ask!r}; known: {', '.join(_ASKS)}, and other quantities",
        )
    arguments = {ask: reduction(ask) if ask == "norm" else Expression("input", ask) for ask in asks}
    update = Expression.of(entry.function(Expression("input", name), **arguments))
    return Quantity(name, entry.facts["start"], update, entry.title, others)


#: Every quantity by key.
catalogue: Registry[Quantity] = Registry("quantity", _build)


def quantity(*, start: float) -> Callable[[Callable[..., Any]], Entry[Quantity]]:
    """Register a running total with its value before the first round."""
    return lambda function: catalogue.add(function, start=start)


def find(name: str) -> Quantity:
    """The quantity of a Python name.

    Raises:
        InputError: There is none.
    """
    key = name.replace("_", "-")
    if key not in catalogue:
        names = [entry.key.replace("-", "_") for entry in catalogue]
        raise InputError(f"there is no quantity {name!r}; {nearest(name, names)}")
    return _of_key(key)


@cache
def _of_key(key: str) -> Quantity:
    """The same object every time, by which engines know the same run again."""
    return catalogue[key]()


def with_parts(names: Iterable[str]) -> list[Quantity]:
    """The quantities of these names, and those that they build on, each once."""
    found: dict[str, Quantity] = {}
    for name in names:
        item = find(name)
        for part in (*(find(other) for other in item.builds_on), item):
            found.setdefault(part.name, part)
    return list(found.values())


@quantity(start=0.0)
def loss_sum(total: Any, loss: Any) -> Any:
    """Sum of the losses."""
    return total + loss


@quantity(start=float("inf"))
def loss_least(least: Any, loss: Any) -> Any:
    """The least loss so far."""
    return minimum(least, loss)


@quantity(start=0.0)
def iterate_sum(total: Any, x: Any) -> Any:
    """Sum of the iterates, by coordinate."""
    return total + x


@quantity(start=0.0)
def iterate_sum_by_round(total: Any, x: Any, t: Any) -> Any:
    """Sum of t x_t, by coordinate: divided by T (T + 1) / 2 the average with weights t."""
    return total + t * x


@quantity(start=0.0)
def iterate_sum_by_step_size(total: Any, x: Any, step_size: Any) -> Any:
    """Sum of iterates times step sizes: over the sum of step sizes, their weighted average."""
    return total + step_size * x


@quantity(start=float("inf"))
def iterate_low(least: Any, x: Any) -> Any:
    """The least value of each coordinate so far."""
    return minimum(least, x)


@quantity(start=float("-inf"))
def iterate_high(most: Any, x: Any) -> Any:
    """The largest value of each coordinate so far."""
    return maximum(most, x)


@quantity(start=0.0)
def step_size_sum(total: Any, step_size: Any) -> Any:
    """Sum of the step sizes."""
    return total + step_size


@quantity(start=0.0)
def gradient_square_sum(total: Any, g: Any) -> Any:
    """Sum of squared gradients by coordinate: ||g_{1:T,i}||_2**2."""
    return total + g * g


@quantity(start=0.0)
def gradient_norm_square_sum(total: Any, g: Any, norm: Any) -> Any:
    """Sum of the squared norms of the gradients seen."""
    n = norm(g)
    return total + n * n


@quantity(start=0.0)
def gradient_norm_sum(total: Any, g: Any, norm: Any) -> Any:
    """Sum of the norms of the gradients seen."""
    return total + norm(g)


@quantity(start=float("inf"))
def gradient_norm_least(least: Any, g: Any, norm: Any) -> Any:
    """The least norm of a gradient seen."""
    return minimum(least, norm(g))


@quantity(start=0.0)
def gradient_norm_most(most: Any, g: Any, norm: Any) -> Any:
    """The largest norm of a gradient seen."""
    return maximum(most, norm(g))


@quantity(start=0.0)
def gradient_most(most: Any, g: Any) -> Any:
    """The largest |g| so far, by coordinate."""
    return maximum(most, abs(g))


@quantity(start=0.0)
def relative_step_most(most: Any, displacement: Any, step_size: Any) -> Any:
    """The largest |displacement| / step size so far, by coordinate, before any projection."""
    return maximum(most, abs(displacement) / step_size)


@quantity(start=0.0)
def gradient_absolute_sum(total: Any, g: Any) -> Any:
    """Sum of |g|, by coordinate."""
    return total + abs(g)


def _weight(before: Any, displacement: Any, g: Any) -> Any:
    newest = abs(ratio(displacement, g))
    return where(newest > 0, newest, before)


@quantity(start=0.0)
def step_weight(before: Any, displacement: Any, g: Any) -> Any:
    """What the last gradient that was not 0 was multiplied by, by coordinate."""
    return _weight(before, displacement, g)


@quantity(start=0.0)
def step_weight_sum(total: Any, step_weight: Any, displacement: Any, g: Any) -> Any:
    """Sum of what gradients were multiplied by, by coordinate."""
    return total + _weight(step_weight, displacement, g)


@quantity(start=0.0)
def step_weight_change(total: Any, step_weight: Any, displacement: Any, g: Any) -> Any:
    """Sum of the changes, in size, of what gradients were multiplied by, by coordinate."""
    change = abs(_weight(step_weight, displacement, g) - step_weight)
    return total + where(step_weight > 0, change, 0.0)


@quantity(start=0.0)
def finiteness(total: Any, displacement: Any) -> Any:
    """0 while every displacement is finite, else NaN: a projection would hide it."""
    return total + 0.0 * displacement
