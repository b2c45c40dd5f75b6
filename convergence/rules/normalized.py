"""Gradient methods whose step has a length of its own: Polyak's, and others to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convergence.rule import rule
from problems.arithmetic import where

__all__ = ["polyak_step"]


def _climbs(settings: Mapping[str, Any]) -> str:
    return "maximize=true would need a maximum, not a minimum" if settings["maximize"] else ""


@rule(
    source=("polyak1969", "hazan2019"), tags=("gradient", "adaptive", "objective"), accepts=_climbs
)
def polyak_step(g: Any, loss: Any, minimum: Any, norm: Any) -> Any:
    """Gradient descent with Polyak's step, for objectives whose minimum is known.

    x_{t+1} = x_t - alpha (f(x_t) - f*) / ||g||**2 g, in print with alpha = 1: the step that would
    end at the minimum if f were linear. Where g = 0 it stays.
    """
    size = norm(g)
    return (where(size > 0, (loss - minimum) / (size * size), 0.0) * g,)
