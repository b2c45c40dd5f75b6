"""Methods that step by signs: signSGD, Signum, Lion, and signs with error feedback.

The sign of 0 is 0. With decoupled decay each step is in [-1, 1] plus weight_decay * x.
"""

from __future__ import annotations

from typing import Any

from convergence.rule import rule
from convergence.rules.decay import with_coupled_decay, with_decoupled_decay
from problems.arithmetic import sign

__all__ = ["error_feedback_sign", "lion", "sign_descent", "signum"]


@rule(source="bernstein2018, Algorithm 1", tags=("sign",), alias="signsgd")
def sign_descent(
    g: Any, x: Any, step_size: Any, *, weight_decay: float = 0.0, decay: str = "coupled"
) -> Any:
    """Sign descent; with stochastic gradients, signSGD.

    The paper has no weight decay. Coupled, it joins the gradient before the sign is taken;
    decoupled, it joins the step, multiplied by the step size.
    """
    if decay == "coupled":
        return (sign(with_coupled_decay(g, x, weight_decay)),)
    return (with_decoupled_decay(sign(g), x, step_size, weight_decay, "step-size"),)


@rule(source="bernstein2018, Algorithm 2", tags=("sign", "momentum"), m=0)
def signum(
    g: Any,
    m: Any,
    x: Any,
    step_size: Any,
    *,
    beta1: float = 0.9,
    weight_decay: float = 0.0,
    decay: str = "coupled",
) -> Any:
    """Signum: the sign of a moving average of the gradients.

    Weight decay as in `sign_descent`.
    """
    if decay == "coupled":
        g = with_coupled_decay(g, x, weight_decay)
    m = beta1 * m + (1 - beta1) * g
    if decay == "coupled":
        return sign(m), m
    return with_decoupled_decay(sign(m), x, step_size, weight_decay, "step-size"), m


@rule(source="chen2023, Algorithm 2", tags=("sign", "momentum", "weight-decay"), m=0)
def lion(
    g: Any,
    m: Any,
    x: Any,
    step_size: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> Any:
    """Lion: the sign of the momentum moved towards the newest gradient.

    The sign is of beta1 m + (1 - beta1) g with the momentum m of the round before; m itself then
    becomes beta2 m + (1 - beta2) g. Weight decay is decoupled and multiplied by the step size.
    """
    direction = sign(beta1 * m + (1 - beta1) * g)
    m = beta2 * m + (1 - beta2) * g
    return with_decoupled_decay(direction, x, step_size, weight_decay, "step-size"), m


@rule(source="karimireddy2019, Algorithm 1", tags=("sign",), u=0)
def error_feedback_sign(g: Any, u: Any, step_size: Any, mean: Any) -> Any:
    """Signs that are scaled, and whose error is made good in the rounds to come: EF-signSGD.

    With p_t = e_t + alpha g_t, x_{t+1} = x_t - c_t and e_{t+1} = p_t - c_t for
    c_t = ||p_t||_1/n sign(p_t) and e_1 = 0. The step size is inside the error. In one dimension
    c_t = p_t, which is gradient descent.
    """
    moved = u + step_size * g
    displacement = mean(abs(moved)) * sign(moved)
    return displacement, moved - displacement
