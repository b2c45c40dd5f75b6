"""Regret bounds of online gradient descent and AMSGrad, for every run."""

from __future__ import annotations

from typing import Any

from numpy import log, sqrt

from convergence.claim import Assumption, Case, Setting, claim, sum_i
from convergence.claims.assumptions import (
    bounded_domain,
    box_or_metric_projection,
    convex,
    inverse_sqrt_step,
    the_rule,
)

__all__ = ["amsgrad_nonincreasing_beta1", "zinkevich_2003_thm1"]


@claim(
    source="zinkevich2003, Theorem 1",
    tags=("regret", "online"),
    measure="regret",
    assumes=[convex, bounded_domain, the_rule("gradient-descent"), inverse_sqrt_step],
    cases=[
        Case("reddi-2018-thm1", "sgd", "inverse-sqrt:alpha=1", 10_000, "holds"),
        Case("reddi-2018-online", "sgd", "inverse-sqrt:alpha=1", 10_000, "vacuous"),
        Case("reddi-2018-online", "sgd", "inverse-sqrt:alpha=0.002", 10_000, "holds"),
        Case("reddi-2018-stochastic", "sgd", "inverse-sqrt:alpha=0.002", 10_000, "holds", seeds=20),
        Case("periodic-hinge", "sgd", "inverse-sqrt:alpha=1", 1_000, "not applicable"),
    ],
)
def zinkevich_2003_thm1(T: Any, D: Any, G: Any, alpha: Any) -> Any:
    """Online gradient descent has regret O(sqrt(T)).

    R_T <= D**2 sqrt(T) / (2 alpha) + alpha G**2 (sqrt(T) - 1/2), printed for alpha = 1.

    From ||x_{t+1} - u||**2 <= ||x_t - u||**2 - 2 eta_t g_t.(x_t - u) + eta_t**2 G**2 the regret
    is at most D**2 / (2 eta_T) + G**2/2 sum eta_t, and sum 1/sqrt(t) <= 2 sqrt(T) - 1.
    """
    return D**2 * sqrt(T) / (2 * alpha) + alpha * G**2 * (sqrt(T) - 1 / 2)


def _gamma_below_one(setting: Setting) -> str:
    beta1, beta2 = setting.rule.settings["beta1"], setting.rule.settings["beta2"]
    return "" if beta1**2 < beta2 else f"beta1={beta1:g}, beta2={beta2:g}"


_SECTION_5 = "amsgrad:beta1=0.9,beta2=0.99"


@claim(
    source=("reddi2018, Theorem 4, corrected", "tran2019, on the flaw", "alacaoglu2020, Theorem 1"),
    tags=("regret", "online", "adaptive"),
    measure="regret",
    assumes=[
        convex,
        bounded_domain,
        the_rule("amsgrad", bias_correction="none", maximum_of="raw", eps_position="outside"),
        box_or_metric_projection,
        inverse_sqrt_step,
        Assumption("beta1**2 < beta2", _gamma_below_one),
    ],
    status="proved here; the printed proof is flawed",
    errata=(
        "The printed proof takes sqrt(vhat_t) / (alpha_t (1 - beta1_t)) to be non-decreasing, "
        "which fails when beta1_t shrinks; the bound encoded is a corrected, sharper one"
    ),
    cases=[
        Case(
            "reddi-2018-thm1",
            "amsgrad:beta1=0,beta2=0.1",
            "inverse-sqrt:alpha=0.1",
            10_000,
            "holds",
        ),
        Case(
            "reddi-2018-thm1",
            "amsgrad:beta1=0.5,beta2=0.5,beta1_decay=0.99",
            "inverse-sqrt:alpha=0.1",
            10_000,
            "holds",
        ),
        Case("reddi-2018-online", _SECTION_5, "inverse-sqrt:alpha=0.5", 100_000, "holds"),
        Case(
            "reddi-2018-stochastic",
            _SECTION_5,
            "inverse-sqrt:alpha=0.5",
            10_000,
            "holds",
            seeds=20,
        ),
        Case("reddi-2018-online", "adam", "inverse-sqrt:alpha=0.5", 1_000, "not applicable"),
    ],
)
def amsgrad_nonincreasing_beta1(
    T: Any,
    D_inf: Any,
    alpha: Any,
    beta1: Any,
    beta2: Any,
    eps: Any,
    vhat: Any,
    gradient_norms: Any,
) -> Any:
    """AMSGrad has regret O(sqrt(T log T)), for every non-increasing beta1_t.

    With gamma = beta1**2 / beta2 < 1,
    R_T <= D_inf**2 sqrt(T) / (2 alpha (1 - beta1)) sum_i (sqrt(vhat_{T,i}) + eps)
    + alpha (1 + beta1) sqrt(1 + log T) / (2 (1 - beta1) sqrt((1 - beta2)(1 - gamma)))
    sum_i ||g_{1:T,i}||_2.

    Proof. With c_t = beta1_t / (1 - beta1_t) and delta_t = c_t - c_{t+1} >= 0 (c_{T+1} = 0) the
    regret is at most sum (1 + delta_t) m_t.(x_t - u) + sum c_t m_{t-1}.(x_{t-1} - x_t). With
    A_t = (sqrt(vhat_t) + eps) / alpha_t, which does not decrease,
    m_t.(x_t - u) <= A_t (|x_t - u|**2 - |x_{t+1} - u|**2) / 2 + m_t**2 / (2 A_t). The first parts
    add to at most A_T D_inf**2 / 2 (1 + c_1); the m_t**2 / A_t carry weights
    (1 + c_t + c_{t+1}) / 2 <= (1 + beta1) / (2 (1 - beta1)). Cauchy-Schwarz gives
    |m_t| <= sqrt(v_t) / sqrt((1 - beta2)(1 - gamma)), so m_t**2 / sqrt(vhat_t) is at most
    sum_s a_ts |g_s| / sqrt((1 - beta2)(1 - gamma)), with weights a_ts whose sums over t >= s are
    at most 1; and sum |g_t| / sqrt(t) <= sqrt(1 + log T) ||g_{1:T}||_2.
    """
    gamma = beta1**2 / beta2
    return D_inf**2 * sqrt(T) / (2 * alpha * (1 - beta1)) * sum_i(sqrt(vhat) + eps) + alpha * (
        1 + beta1
    ) * sqrt(1 + log(T)) / (2 * (1 - beta1) * sqrt((1 - beta2) * (1 - gamma))) * sum_i(
        gradient_norms
    )
