"""Quantities of a run: running totals that cost one number per lane (or per coordinate).

A quantity is a function `(total, *asks) -> total`, traced like a rule and compiled into the same
loop, so a run accumulates only what its measures and claims ask for and never keeps the
trajectory. It may ask for `loss` and `g` (at the point where the gradient is taken), `x` (the
iterate before the step), `query_point`, `t`, `step_size`, `displacement` (of the step, before
projection) and `norm`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from convergence.expression import Expression, inputs_of, reduction
from problems.arithmetic import maximum, minimum
from problems.notation import InputError, nearest, require
from problems.registry import Entry, Registry

__all__ = ["Quantity", "catalogue", "find"]

_ASKS = ("loss", "g", "x", "query_point", "t", "step_size", "displacement", "norm")


class Quantity:
    """A running total.

    Attributes:
        name: Its Python name.
        start: The total before the first round.
        update: The new total as an expression in the asks and in `name`.
        meaning: One line.
    """

    def __init__(self, name: str, start: float, update: Expression, meaning: str):
        self.name = name
        self.start = start
        self.update = update
        self.meaning = meaning

    @property
    def needs_loss(self) -> bool:
        """Whether the loss must be evaluated in every round."""
        return "loss" in inputs_of(self.update)


def _build(entry: Entry[Quantity], settings: Any) -> Quantity:
    name = entry.key.replace("-", "_")
    asks = list(inspect.signature(entry.function).parameters)[1:]
    for ask in asks:
        require(ask in _ASKS, f"quantity {name} asks for {ask!r}; known: {', '.join(_ASKS)}")
    arguments = {ask: reduction(ask) if ask == "norm" else Expression("input", ask) for ask in asks}
    update = Expression.of(entry.function(Expression("input", name), **arguments))
    return Quantity(name, entry.facts["start"], update, entry.title)


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
    return catalogue[key]()


@quantity(start=0.0)
def loss_sum(total: Any, loss: Any) -> Any:
    """Sum of the losses."""
    return total + loss


@quantity(start=0.0)
def loss_magnitude(total: Any, loss: Any) -> Any:
    """Sum of |loss|, which bounds the rounding of the sum of the losses."""
    return total + abs(loss)


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


@quantity(start=0.0)
def finiteness(total: Any, displacement: Any) -> Any:
    """0 while every displacement is finite, else NaN: a projection would hide it."""
    return total + 0.0 * displacement
