"""Theorems that a method fails: the false bound of the Adam paper, and proved failures."""

from __future__ import annotations

from typing import Any

from numpy import sqrt

from convergence.claim import Assumption, Case, Setting, claim, sum_i
from convergence.claims.assumptions import (
    convex,
    inverse_sqrt_step,
    the_problem,
    the_rule,
)

__all__ = ["kingma_ba_2015_thm41", "reddi_2018_thm1"]


def _gamma(setting: Setting) -> str:
    beta1, beta2 = setting.rule.settings["beta1"], setting.rule.settings["beta2"]
    if beta2 > 0 and beta1**2 / sqrt(beta2) < 1:
        return ""
    return f"beta1={beta1:g}, beta2={beta2:g}"


def _shrinking(setting: Setting) -> str:
    settings = setting.rule.settings
    if settings["beta1"] == 0 or settings["beta1_decay"] < 1:
        return ""
    return "beta1 is constant and not 0"


_ADAM = "adam:beta1=0,beta2=0.1,eps=0"
_MOMENTUM = "adam:beta1=0.5,beta2=0.5,eps=0,beta1_decay=0.5"
_SPIKE = "periodic-linear:slopes=[10,-1,-1,-1,-1,-1,-1,-1,-1]"
_FIRST_VIOLATIONS = {
    # alpha: with all printed terms, without the third, on the projection-free form
    0.05: (4950, 4638, 2166),
    0.1: (1377, 1224, 603),
    0.5: (153, 123, 93),
    0.9: (138, 120, 96),
}


def _kingma_ba_cases() -> list[Case]:
    cases = []
    for alpha, (printed, dropped, free) in _FIRST_VIOLATIONS.items():
        by = f"inverse-sqrt:alpha={alpha:g}"
        for problem, option, first in (
            ("periodic-linear", "printed", printed),
            ("periodic-linear", "dropped", dropped),
            ("periodic-hinge", "printed", free),
        ):
            cases.append(
                Case(
                    problem,
                    _ADAM,
                    by,
                    6_000,
                    "violated",
                    first_violation=first,
                    options={"third_term": option},
                )
            )
    return [
        *cases,
        Case(
            _SPIKE, _MOMENTUM, "inverse-sqrt:alpha=0.1", 40_000, "violated", first_violation=36_450
        ),
        # Not false everywhere: at C = 2 nothing fails.
        Case(
            "reddi-2018-thm1:C=2",
            "adam:beta1=0,beta2=0.2,eps=0",
            "inverse-sqrt:alpha=0.5",
            10_000,
            "holds",
        ),
        Case("reddi-2018-online", "adam", "inverse-sqrt:alpha=0.5", 100, "not applicable"),
    ]


@claim(
    source=("kingma2015, Theorem 4.1", "bock2018, on a flaw of the proof"),
    tags=("regret", "online", "adaptive", "false"),
    measure="regret",
    assumes=[
        convex,
        the_rule("adam", eps=0.0, bias_correction="both"),
        inverse_sqrt_step,
        Assumption("beta1**2 / sqrt(beta2) < 1", _gamma),
        Assumption("beta1_t = beta1 lam**(t-1) with lam < 1", _shrinking),
    ],
    status="refuted",
    errata=(
        "False: the proof telescopes sqrt(vhat_t) / alpha_t as if it could not decrease. "
        "The slopes 3, -1, -1 refute it with beta1 = 0"
    ),
    options={"third_term": ("printed", "dropped")},
    cases=_kingma_ba_cases(),
)
def kingma_ba_2015_thm41(
    T: Any,
    D: Any,
    D_inf: Any,
    G_inf: Any,
    n: Any,
    alpha: Any,
    beta1: Any,
    beta2: Any,
    lam: Any,
    v_hat: Any,
    gradient_norms: Any,
    *,
    third_term: str = "printed",
) -> Any:
    """Adam has regret O(sqrt(T)): the printed theorem, which is false.

    With gamma = beta1**2 / sqrt(beta2),
    R_T <= D**2 / (2 alpha (1 - beta1)) sum_i sqrt(T vhat_{T,i})
    + alpha (1 + beta1) G_inf / ((1 - beta1) sqrt(1 - beta2) (1 - gamma)**2)
    sum_i ||g_{1:T,i}||_2
    + sum_i D_inf**2 G_inf sqrt(1 - beta2) / (2 alpha (1 - beta1) (1 - lam)**2).

    The third term comes from beta1 and vanishes with it in the proof: `third_term=dropped`
    leaves it out. The theorem has no projection; on `periodic-hinge` it is met to the letter.
    """
    gamma = beta1**2 / sqrt(beta2)
    first = D**2 / (2 * alpha * (1 - beta1)) * sum_i(sqrt(T[:, None] * v_hat))
    second = (
        alpha
        * (1 + beta1)
        * G_inf
        / ((1 - beta1) * sqrt(1 - beta2) * (1 - gamma) ** 2)
        * sum_i(gradient_norms)
    )
    third = n * D_inf**2 * G_inf * sqrt(1 - beta2) / (2 * alpha * (1 - beta1) * (1 - lam) ** 2)
    return first + second + (third if third_term == "printed" else 0.0)


def _more_than_two(setting: Setting) -> str:
    C = setting.problem.settings["C"]
    return "" if C > 2 else f"C={C:g}"


def _matching_beta2(setting: Setting) -> str:
    C, beta2 = setting.problem.settings["C"], setting.rule.settings["beta2"]
    # Written as a fraction or as a decimal: the same to a rounding.
    return "" if abs(beta2 * (1 + C**2) - 1) < 1e-12 else f"beta2={beta2:g}, C={C:g}"


def _moderate_step(setting: Setting) -> str:
    schedule = setting.schedule
    if schedule.key not in ("inverse-sqrt", "constant") or schedule.settings["warmup"]:
        return f"the run used {schedule.specification}"
    alpha, beta2 = schedule.settings["alpha"], setting.rule.settings["beta2"]
    return "" if alpha < sqrt(1 - beta2) else f"alpha={alpha:g}"


_RAW = "bias_correction=none"


@claim(
    source="reddi2018, Theorem 1",
    tags=("regret", "online", "adaptive", "failure"),
    measure="regret",
    sense="at least",
    assumes=[
        the_problem("reddi-2018-thm1", start=1.0),
        Assumption("C > 2", _more_than_two),
        the_rule("adam", beta1=0.0, eps=0.0, bias_correction="none"),
        Assumption("beta2 = 1 / (1 + C**2)", _matching_beta2),
        Assumption("alpha_t = alpha / sqrt(t) or alpha, alpha < sqrt(1 - beta2)", _moderate_step),
    ],
    errata=(
        "The print allows C = 2, where the bound is 0, and uses "
        "1/sqrt(3t+3) >= 1/sqrt(2(3t+1)), which fails at t = 0; the statement is true"
    ),
    cases=[
        Case(
            "reddi-2018-thm1:C=3",
            f"adam:beta1=0,beta2=1/10,eps=0,{_RAW}",
            "inverse-sqrt:alpha=0.5",
            30_000,
            "holds",
        ),
        Case(
            "reddi-2018-thm1:C=5",
            f"adam:beta1=0,beta2=1/26,eps=0,{_RAW}",
            "inverse-sqrt:alpha=0.9",
            30_000,
            "holds",
        ),
        Case(
            "reddi-2018-thm1:C=3",
            f"adam:beta1=0,beta2=1/10,eps=0,{_RAW}",
            "constant:alpha=0.5",
            3_000,
            "holds",
        ),
        Case(
            "reddi-2018-thm1:C=2",
            f"adam:beta1=0,beta2=1/5,eps=0,{_RAW}",
            "inverse-sqrt:alpha=0.5",
            3_000,
            "not applicable",
        ),
    ],
)
def reddi_2018_thm1(T: Any, G: Any) -> Any:
    """Adam does not converge on C, -1, -1: its average regret stays at (2C - 4)/3.

    R_T >= (2C - 4) T / 3, with C the largest slope G: every block of three starts at x = 1 and
    costs at least C - 2, where -1 costs -(C - 2).
    """
    return (2 * G - 4) * T / 3
