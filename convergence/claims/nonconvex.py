"""Stationarity bounds of SGD with momentum, and linear rates without convexity."""

from __future__ import annotations

from typing import Any

from convergence.claim import Setting, claim
from convergence.claims.assumptions import (
    constant_step,
    descent_within_inverse_smoothness,
    polyak_lojasiewicz,
    smooth,
    step_size,
    the_rule,
    unbiased,
    unconstrained,
)

__all__ = ["karimi_2016_pl", "sgdm_nonconvex_derived"]


def _momentum_step(setting: Setting) -> float:
    return float(1 - setting.method.settings["beta1"]) / 4


@claim(
    source="liu2020, Theorem 1, with constants derived here",
    tags=("stationarity", "non-convex", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        unbiased,
        the_rule("heavy-ball", velocity="average"),
        constant_step,
        step_size("alpha <= (1 - beta1) / (4 L)", _momentum_step, of="method"),
    ],
    cases="""
        holds
            pl-sine  heavy-ball:velocity=average  inverse-smoothness:h=0.025  2_000
            quadratic:kappa=100  heavy-ball:velocity=average  inverse-smoothness:h=0.025  2_000
            breast-cancer-logistic:batch=32  heavy-ball:velocity=average \
                inverse-smoothness:h=0.025  1_000  seeds=20
        not applicable
            rosenbrock  heavy-ball:velocity=average  constant:alpha=1e-4  1_000
    """,
)
def sgdm_nonconvex_derived(T: Any, L: Any, D0: Any, alpha: Any, sigma2: Any) -> Any:
    """SGD with averaged momentum finds stationary points of smooth functions.

    m_t = beta1 m_{t-1} + (1 - beta1) g_t, x_{t+1} = x_t - alpha m_t, alpha <= (1 - beta1)/(4 L):
    1/T sum_{t<=T} E||grad f(x_t)||**2 <= 8/5 D0 / (T alpha) + 6/5 L alpha sigma2.

    Proof. z_t = x_t - alpha beta1 m_{t-1} / (1 - beta1) obeys z_{t+1} = z_t - alpha g_t. The
    descent lemma at z_t, with ||grad f(z) - grad f(x)|| <= L alpha beta1 ||m|| / (1 - beta1) and
    Young's inequality at weight 1/2, leaves of alpha sum E||grad f||**2 the share
    1 - 1/4 - L alpha/2 - 2 (L alpha beta1 / (1 - beta1))**2, at least
    1 - 1/4 - (1 - beta1 + beta1**2)/8 >= 5/8, since sum E||m_{t-1}||**2 <= 2 sum E||grad f||**2
    + 2 T sigma2 (1 - beta1)/(1 + beta1); the noise costs T L alpha**2 sigma2 (1/2 + 1/4).
    """
    return 8 / 5 * D0 / (T * alpha) + 6 / 5 * L * alpha * sigma2


@claim(
    source="karimi2016, Theorem 1",
    tags=("suboptimality", "non-convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[*descent_within_inverse_smoothness, polyak_lojasiewicz],
    cases="""
        holds
            pl-sine  sgd  inverse-smoothness  200
        holds, not sensitive
            quadratic:kappa=100  sgd  inverse-smoothness  1_000
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
    """,
)
def karimi_2016_pl(T: Any, mu_pl: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent converges linearly under the Polyak-Lojasiewicz inequality.

    f(x_{T+1}) - f* <= (1 - alpha mu)**T D0, printed for alpha = 1/L. The descent lemma gives
    f(x_{t+1}) <= f(x_t) - alpha (1 - L alpha/2) ||grad f||**2 <= f(x_t) - alpha/2 ||grad f||**2,
    and the inequality turns the last term into alpha mu (f(x_t) - f*).
    """
    return (1 - alpha * mu_pl) ** T * D0
