"""Gradient methods whose step has a length of its own: Polyak's step, clipping, normalised
momentum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convergence.rule import rule
from convergence.rules.decay import with_decoupled_decay
from problems.arithmetic import fixed_at, ratio, where

__all__ = ["clipped_gradient", "normalized_momentum", "polyak_step"]


@rule(source=("koloskova2023", "zhang2020adaptive"), tags=("gradient", "adaptive"))
def clipped_gradient(g: Any, norm: Any, *, clip_norm: float = 1.0) -> Any:
    """Gradient descent with clipping: a gradient of more than a norm is shortened to it.

    The direction is min(1, c / ||g||) g, c the setting `clip_norm`; in one dimension that is g
    moved into [-c, c].
    """
    if fixed_at(clip_norm, 0):
        return (g,)
    size = norm(g)
    return (where(size > clip_norm, clip_norm / size, 1.0) * g,)


@rule(source="cutkosky2020, Section 2", tags=("momentum", "weight-decay"), m=0)
def normalized_momentum(
    g: Any,
    m: Any,
    x: Any,
    step_size: Any,
    norm: Any,
    *,
    beta1: float = 0.9,
    weight_decay: float = 0.0,
) -> Any:
    """Normalised SGD with momentum: every step has the length of the step size.

    m = beta1 m + (1 - beta1) g, and x moves by alpha m / ||m||, or not at all where m = 0. With
    beta1 = 0 it is normalised gradient descent. The paper begins with m = g_1 and has no weight
    decay; here, if there is any, it is decoupled and multiplied by the step size.
    """
    m = beta1 * m + (1 - beta1) * g
    direction = ratio(m, norm(m))
    return with_decoupled_decay(direction, x, step_size, weight_decay, "step-size"), m


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
