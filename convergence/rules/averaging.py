"""Momentum that changes from round to round: acceleration, averaging, and one form for all."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt as root
from typing import Any

from convergence.rule import Update, rule
from problems.arithmetic import sqrt, where

__all__ = [
    "accelerated_gradient",
    "first_weight",
    "optimized_gradient",
    "optimized_gradient_norm",
    "primal_averaging",
    "schedule_free",
    "unified_momentum",
]


@rule(
    source=("nesterov1983", "beck2009, Section 4", "su2016"),
    tags=("momentum", "acceleration"),
    u=0,
    weight=1,
    in_proportion=True,
)
def accelerated_gradient(
    g: Any,
    u: Any,
    weight: Any,
    t: Any,
    step_size: Any,
    next_x: Any,
    *,
    weights: str = "fista",
) -> Any:
    """Nesterov's accelerated gradient with momentum that grows towards 1.

    x_{t+1} = y_t - alpha g(y_t), and the next gradient is taken at
    y_{t+1} = x_{t+1} + (w_t - 1) / w_{t+1} (x_{t+1} - x_t), with y_1 = x_1 and the weights
    w_1 = 1, w_{t+1} = (1 + sqrt(1 + 4 w_t**2)) / 2 of FISTA, or the simpler w_t = (t + 1) / 2, by
    which the momentum is (t - 1) / (t + 2). The iterate is x, not y.
    """
    if weights == "simplified":
        momentum = following = (t - 1) / (t + 2)
    else:
        following = (1 + sqrt(1 + 4 * weight * weight)) / 2
        momentum = (weight - 1) / following
    displacement = u + step_size * g  # x_t - x_{t+1}
    u = momentum * displacement  # x_{t+1} - y_{t+1}
    return Update(displacement, u, following, query=next_x - u)


@rule(
    source=("drori2014", "kim2016"),
    tags=("momentum", "acceleration"),
    u=0,
    weight=1,
    in_proportion=True,
)
def optimized_gradient(
    g: Any,
    u: Any,
    weight: Any,
    step_size: Any,
    next_x: Any,
    *,
    last_step: bool = True,
) -> Any:
    """Kim and Fessler's optimized gradient method.

    y_{t+1} = q_t - alpha g(q_t), and the next gradient is taken at
    q_{t+1} = y_{t+1} + (w_t - 1) / w_{t+1} (y_{t+1} - y_t) + w_t / w_{t+1} (y_{t+1} - q_t), with
    q_1 = y_1 = x_1, w_1 = 1 and w_{t+1} = (1 + sqrt(1 + 4 w_t**2)) / 2.

    The method makes its last step with (1 + sqrt(1 + 8 w_t**2)) / 2 for w_{t+1}. As any step may be
    the last, the iterate is the point that this gives after round t, what the method returns if it
    stops there; gradients are taken at q. With `last_step=false` the iterate is y.
    """
    # u = y - z, of the sequence z_{t+1} = z_t - 2 w_t alpha g; q_t = y_t - u / w_t.
    step = step_size * g
    displacement = u / weight + step  # y_t - y_{t+1}
    new = (weight - 1) * displacement + weight * step
    following = (1 + sqrt(1 + 4 * weight * weight)) / 2
    if not last_step:
        return Update(displacement, new, following, query=next_x - new / following)
    # w_{t-1}**2 = w_t**2 - w_t, so the last step before this one would have had the weight
    stopped = (1 + sqrt(1 + 8 * weight * (weight - 1))) / 2
    stopping = (1 + sqrt(1 + 8 * weight * weight)) / 2
    behind = new / stopping  # y_{t+1} - x_{t+1}
    return Update(
        displacement - u / stopped + behind,
        new,
        following,
        query=next_x + behind - new / following,
    )


def first_weight(settings: Mapping[str, Any]) -> float:
    """Of `optimized-gradient-norm`: the last weight of `optimized-gradient` in as many steps."""
    weight = 1.0
    for _ in range(int(settings["rounds"]) - 1):
        weight = (1 + root(1 + 4 * weight * weight)) / 2
    return (1 + root(1 + 8 * weight * weight)) / 2


def _whole_rounds(settings: Mapping[str, Any]) -> str:
    rounds = settings["rounds"]
    return "" if rounds == int(rounds) else f"rounds={rounds} must be a whole number"


@rule(
    source="kim2021, Section 6",
    tags=("momentum", "acceleration"),
    accepts=_whole_rounds,
    u=0,
    weight=first_weight,
    in_proportion=True,
)
def optimized_gradient_norm(
    g: Any, u: Any, weight: Any, t: Any, step_size: Any, *, rounds: float = 10.0
) -> Any:
    """Kim and Fessler's OGM-G, by which gradients become small as fast as is possible.

    With y_{t+1} = x_t - alpha g(x_t) and y_1 = x_1, step t of N = `rounds` leads to
    x_{t+1} = y_{t+1} + (w_t - 1) (2 w_{t+1} - 1) / (w_t (2 w_t - 1)) (y_{t+1} - y_t)
    + (2 w_{t+1} - 1) / (2 w_t - 1) (y_{t+1} - x_t). The weights are those of `optimized-gradient`
    in reverse: w_{N+1} = 1, w_t = (1 + sqrt(1 + 4 w_{t+1}**2)) / 2, and
    w_1 = (1 + sqrt(1 + 8 w_2**2)) / 2. After N steps the method stops.
    """
    square = weight * weight - weight
    following = where(t < rounds, sqrt(where(t < 2, square / 2, square)), 1.0)
    by_gradient = (2 * following - 1) / (2 * weight - 1)
    by_step = by_gradient * (weight - 1) / weight
    step = step_size * g
    # u = y_t - x_t.
    displacement = step + by_step * (step + u) + by_gradient * step
    return where(t <= rounds, displacement, 0.0), displacement - step, following


@rule(
    source=("tao2021", "sebbouh2021", "ghadimi2015"),
    tags=("momentum", "averaging"),
    u=0,
    in_proportion=True,
)
def primal_averaging(
    g: Any, u: Any, t: Any, step_size: Any, *, averaging_power: float = 0.0
) -> Any:
    """Gradients taken at the average of the points that they move.

    z_{t+1} = z_t - alpha g(x_t), x_{t+1} = (t x_t + (1 + p) z_{t+1}) / (t + 1 + p), z_1 = x_1: with
    the power p = 0 the mean of z_1..z_{t+1}, with p = 1 their mean with the weights 1..t+1. It is a
    heavy ball that gains momentum, x_{t+1} = x_t - alpha_t g + beta_t (x_t - x_{t-1}), with
    alpha_t = alpha (1 + p) / (t + 1 + p) and beta_t = (t - 1) / (t + 1 + p). A projection of x
    leaves z alone.
    """
    share = (1 + averaging_power) / (t + 1 + averaging_power)
    u = u + step_size * g  # x_t - z_{t+1}
    return share * u, (1 - share) * u


@rule(source="defazio2024, Section 2", tags=("momentum", "averaging"), u=0, in_proportion=True)
def schedule_free(
    g: Any, u: Any, t: Any, step_size: Any, next_x: Any, *, interpolation: float = 0.9
) -> Any:
    """Schedule-Free SGD: gradients taken between the points that are moved and their average.

    z_{t+1} = z_t - alpha g(y_t), x_{t+1} = (t x_t + z_{t+1}) / (t + 1), and
    y_{t+1} = (1 - b) z_{t+1} + b x_{t+1}, with z_1 = x_1 = y_1 and b the setting `interpolation`.
    The iterate is x, the mean of z_1..z_{t+1}. With b = 1 it is `primal-averaging`, with b = 0
    gradient descent with Polyak's averaging.
    """
    u = u + step_size * g  # x_t - z_{t+1}
    share = 1 / (t + 1)
    rest = (1 - share) * u  # x_{t+1} - z_{t+1}
    return Update(share * u, rest, query=next_x - (1 - interpolation) * rest)


@rule(source="yan2018", tags=("momentum",), u=0, in_proportion=True)
def unified_momentum(
    g: Any, u: Any, step_size: Any, *, beta1: float = 0.9, look_ahead: float = 1.0
) -> Any:
    """Stochastic unified momentum: heavy ball, Nesterov's method and what lies between.

    s_{t+1} = x_t - s alpha g_t and x_{t+1} = x_t - alpha g_t + beta1 (s_{t+1} - s_t), s_1 = x_1,
    with s the setting `look_ahead`: 0 is the heavy ball, 1 Nesterov's method at its look-ahead
    point, 1 / (1 - beta1) gradient descent with the step size alpha / (1 - beta1). The step size is
    inside the velocity.
    """
    ahead = look_ahead * (step_size * g)
    displacement = step_size * g + beta1 * (u + ahead)
    return displacement, displacement - ahead  # x_t - x_{t+1} and s_{t+1} - x_{t+1}
