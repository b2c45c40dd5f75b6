"""Suboptimality bounds on smooth convex functions, for every run."""

from __future__ import annotations

from typing import Any

from convergence.claim import claim
from convergence.claims.assumptions import (
    constant_step,
    convex,
    descent_within_inverse_smoothness,
    exact_gradients,
    smooth,
    step_size,
    the_rule,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = ["drori_teboulle_2014_gd", "ghadimi_2015_hb_convex"]


@claim(
    source="drori2014, Theorem 3.1",
    tags=("suboptimality", "convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[convex, *descent_within_inverse_smoothness],
    cases="""
        holds
            # Built for N steps: the bound is attained at T = N.
            huber-worst:N=100  sgd  inverse-smoothness  100
            huber-worst:N=50,h=0.5  sgd  inverse-smoothness:h=0.5  50
        holds, not sensitive
            quadratic:kappa=100  sgd  inverse-smoothness  1_000
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
        not applicable
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.5  100
            pl-sine  sgd  inverse-smoothness  100
    """,
)
def drori_teboulle_2014_gd(T: Any, L: Any, R0: Any, alpha: Any) -> Any:
    """Gradient descent with a step size of at most 1/L.

    f(x_{T+1}) - f* <= L R0**2 / (4 T h + 2), with h = alpha L; no smaller bound is true:
    `huber-worst:N` attains it at T = N.
    """
    return L * R0**2 / (4 * T * alpha * L + 2)


def _heavy_ball_step(experiment: Experiment) -> float:
    return float(1 - experiment.method.settings["beta1"])


@claim(
    source="ghadimi2015, Theorem 1",
    tags=("suboptimality", "convex", "momentum"),
    measure="suboptimality_average",
    assumes=[
        convex,
        smooth,
        unconstrained,
        exact_gradients,
        the_rule("heavy-ball", velocity="sum"),
        constant_step,
        step_size("alpha <= (1 - beta1) / L", _heavy_ball_step, of="method"),
    ],
    cases="""
        holds
            huber-worst:N=10  heavy-ball:beta1=0  inverse-smoothness  50
            huber-worst:N=3,h=0.5  heavy-ball:beta1=0.5  inverse-smoothness:h=0.5  100
        holds, not sensitive
            quadratic:kappa=100  heavy-ball  inverse-smoothness:h=0.1  2_000
            breast-cancer-logistic  heavy-ball  inverse-smoothness:h=0.1  2_000
            breast-cancer-logistic  heavy-ball:beta1=0.5  inverse-smoothness:h=0.5  2_000
            digits-softmax  heavy-ball:beta1=0.5  inverse-smoothness:h=0.5  500
    """,
)
def ghadimi_2015_hb_convex(T: Any, L: Any, R0: Any, alpha: Any, beta1: Any) -> Any:
    """Heavy ball on a smooth convex function, at the mean of the iterates.

    f(mean of x_1..x_T) - f* <= R0**2 / (2T) (L beta1 / (1 - beta1) + (1 - beta1) / alpha).

    z_t = x_t + beta1 / (1 - beta1) (x_t - x_{t-1}) obeys z_{t+1} = z_t - alpha / (1 - beta1) g_t;
    expand ||z_{t+1} - x*||**2, use convexity and smoothness, and telescope.

    Without momentum no smaller bound is true: `huber-worst:N` attains it with alpha = 1/L at
    T = 2 N + 1. With beta1 = 1/2 and alpha = 1/(2L) a Huber function comes to .66 of it at T = 5,
    as the worst function does (`docs/worst-cases.md`).
    """
    return R0**2 / (2 * T) * (L * beta1 / (1 - beta1) + (1 - beta1) / alpha)
