"""Gradient descent and its momentum methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convergence.rule import Update, rule
from convergence.rules.decay import with_coupled_decay
from problems.arithmetic import fixed_at
from problems.notation import format_value

__all__ = ["gradient_descent", "heavy_ball", "nesterov"]


@rule(source=("cauchy1847", "robbins1951"), tags=("gradient",), alias="sgd", in_proportion=True)
def gradient_descent(g: Any, x: Any, *, weight_decay: float = 0.0) -> Any:
    """Gradient descent; with stochastic gradients, SGD.

    The direction is the gradient itself.
    """
    return (with_coupled_decay(g, x, weight_decay),)


def _dampens(settings: Mapping[str, Any]) -> str:
    if settings["velocity"] != "average" or not settings["dampening"]:
        return ""
    given = format_value(settings["dampening"])
    return f"dampening={given} applies to a summed velocity, not to an average"


@rule(
    source=("polyak1964", "sutskever2013, Equation 1"),
    tags=("momentum",),
    accepts=_dampens,
    u=0,
    in_proportion=True,
)
def heavy_ball(
    g: Any,
    u: Any,
    x: Any,
    step_size: Any,
    *,
    beta1: float = 0.9,
    velocity: str = "sum",
    dampening: float = 0.0,
    weight_decay: float = 0.0,
) -> Any:
    """Polyak's heavy ball; with stochastic gradients, SGD with momentum.

    With a constant step size all three velocities give Polyak's
    x_{t+1} = x_t - alpha g_t + beta1 (x_t - x_{t-1}), x_0 = x_1, the average for a step size
    1/(1 - beta1) times as large. They differ once the step size changes: Polyak's form then is
    `step-size-inside`.
    """
    g = with_coupled_decay(g, x, weight_decay)
    if velocity == "average":
        u = beta1 * u + (1 - beta1) * g
        return u, u
    share = g if fixed_at(dampening, 0) else (1 - dampening) * g
    u = beta1 * u + (share if velocity == "sum" else step_size * share)
    return u, u


@rule(
    source=("nesterov1983", "sutskever2013, Equations 3-4"),
    tags=("momentum",),
    u=0,
    in_proportion=True,
)
def nesterov(
    g: Any,
    u: Any,
    query_point: Any,
    step_size: Any,
    next_x: Any,
    *,
    beta1: float = 0.9,
    iterate: str = "descent",
    weight_decay: float = 0.0,
) -> Any:
    """Nesterov's accelerated gradient with constant momentum.

    x_{t+1} = y_t - alpha g(y_t), and the next gradient is taken at
    y_{t+1} = x_{t+1} + beta1 (x_{t+1} - x_t). With `iterate=look-ahead` the iterate is y itself
    and the velocity has no step size in it, as deployed libraries have it: the same points while
    the step size is constant. Weight decay is taken where the gradient is.
    """
    g = with_coupled_decay(g, query_point, weight_decay)
    if iterate == "look-ahead":
        u = beta1 * u + g
        return g + beta1 * u, u
    u = beta1 * u + step_size * g  # x_t - x_{t+1}
    return Update(u, u, query=next_x - beta1 * u)
