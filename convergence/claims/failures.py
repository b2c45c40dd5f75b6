"""Theorems that a method fails: the false bound of the Adam paper, and proved failures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ceil, log, sqrt

from convergence.claim import Assumption, claim, sum_i
from convergence.claims.assumptions import (
    CLOSE,
    bounded_domain,
    box_or_metric_projection,
    convex,
    inverse_sqrt_or_constant_step,
    inverse_sqrt_step,
    one_comparator,
    settings_obey,
    shrinking_beta1,
    states,
    step,
    the_problem,
    the_rule,
)
from convergence.experiment import Experiment

__all__ = [
    "kingma_ba_2015_thm41",
    "reddi_2018_thm1",
    "reddi_2018_thm2",
    "reddi_2018_thm3",
    "reddi_2018_thm4_draft",
]


_ADAM = "adam:beta1=0,beta2=0.1,eps=0"
_MOMENTUM = "adam:beta1=0.5,beta2=0.5,eps=0,beta1_decay=0.5"
_SPIKE = "periodic-linear:slopes=[10,-1,-1,-1,-1,-1,-1,-1,-1]"
_ROOT = "inverse-sqrt:alpha"
_KINGMA_BA_CASES = f"""
    holds, not sensitive
        # Not false everywhere: at C = 2 nothing fails.
        reddi-2018-thm1:C=2  adam:beta1=0,beta2=0.2,eps=0  inverse-sqrt:alpha=0.5  10_000
    violated
        # With all printed terms, without the third, and on the form without projection.
        periodic-linear  {_ADAM}  {_ROOT}=0.05  6_000  first_violation=4950
        periodic-linear  {_ADAM}  {_ROOT}=0.05  6_000  first_violation=4638  third_term=dropped
        periodic-hinge  {_ADAM}  {_ROOT}=0.05  6_000  first_violation=2166
        periodic-linear  {_ADAM}  {_ROOT}=0.1  6_000  first_violation=1377
        periodic-linear  {_ADAM}  {_ROOT}=0.1  6_000  first_violation=1224  third_term=dropped
        periodic-hinge  {_ADAM}  {_ROOT}=0.1  6_000  first_violation=603
        periodic-linear  {_ADAM}  {_ROOT}=0.5  6_000  first_violation=153
        periodic-linear  {_ADAM}  {_ROOT}=0.5  6_000  first_violation=123  third_term=dropped
        periodic-hinge  {_ADAM}  {_ROOT}=0.5  6_000  first_violation=93
        periodic-linear  {_ADAM}  {_ROOT}=0.9  6_000  first_violation=138
        periodic-linear  {_ADAM}  {_ROOT}=0.9  6_000  first_violation=120  third_term=dropped
        periodic-hinge  {_ADAM}  {_ROOT}=0.9  6_000  first_violation=96
        {_SPIKE}  {_MOMENTUM}  inverse-sqrt:alpha=0.1  40_000  first_violation=36450
    not applicable
        reddi-2018-online  adam  inverse-sqrt:alpha=0.5  100
"""


@claim(
    source=("kingma2015, Theorem 4.1", "bock2018, on a flaw of the proof"),
    tags=("regret", "online", "adaptive", "false"),
    measure="regret",
    assumes=[
        convex,
        states("G_inf", "gradients are bounded"),
        one_comparator,
        the_rule("adam", eps=0.0, bias_correction="both"),
        box_or_metric_projection,
        inverse_sqrt_step,
        settings_obey(
            "beta1**2 / sqrt(beta2) < 1",
            lambda s: s["beta1"] ** 2 < sqrt(s["beta2"]),
            "beta1",
            "beta2",
        ),
        shrinking_beta1,
    ],
    status="refuted",
    errata=(
        "False: the proof telescopes sqrt(vhat_t) / alpha_t as if it could not decrease. "
        "The slopes 3, -1, -1 refute it with beta1 = 0"
    ),
    options={"third_term": ("printed", "dropped")},
    cases=_KINGMA_BA_CASES,
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


def _more_than_two(experiment: Experiment) -> str:
    """The parameter `C` of the problem."""
    C = experiment.problem.settings["C"]
    return "" if C > 2 else f"C={C:g}"


def _matching_beta2(experiment: Experiment) -> str:
    """The setting `beta2` of the rule, beside the parameter `C` of the problem."""
    C, beta2 = experiment.problem.settings["C"], experiment.method.settings["beta2"]
    return "" if abs(beta2 * (1 + C**2) - 1) <= CLOSE else f"beta2={beta2:g}, C={C:g}"


_RAW = "bias_correction=none"


@claim(
    source="reddi2018, Theorem 1",
    tags=("regret", "online", "adaptive", "failure"),
    measure="regret",
    sense="at least",
    assumes=[
        the_problem("reddi-2018-thm1", start=1.0),
        Assumption("C > 2", _more_than_two, "problem"),
        the_rule("adam", beta1=0.0, eps=0.0, bias_correction="none"),
        Assumption("beta2 = 1 / (1 + C**2)", _matching_beta2),
        inverse_sqrt_or_constant_step,
        step(
            "alpha < sqrt(1 - beta2)",
            "<",
            lambda experiment: sqrt(1 - experiment.method.settings["beta2"]),
            of="method",
        ),
    ],
    errata=(
        "The print allows C = 2, where the bound is 0, and uses "
        "1/sqrt(3t+3) >= 1/sqrt(2(3t+1)), which fails at t = 0; the statement is true"
    ),
    cases=f"""
        holds
            reddi-2018-thm1:C=3  adam:beta1=0,beta2=1/10,eps=0,{_RAW}  inverse-sqrt:alpha=0.5 \
                30_000
            reddi-2018-thm1:C=5  adam:beta1=0,beta2=1/26,eps=0,{_RAW}  inverse-sqrt:alpha=0.9 \
                30_000
            reddi-2018-thm1:C=3  adam:beta1=0,beta2=1/10,eps=0,{_RAW}  constant:alpha=0.5  3_000
        not applicable
            reddi-2018-thm1:C=2  adam:beta1=0,beta2=1/5,eps=0,{_RAW}  inverse-sqrt:alpha=0.5 \
                3_000
    """,
)
def reddi_2018_thm1(T: Any, G: Any) -> Any:
    """Adam does not converge on C, -1, -1: its average regret stays at (2C - 4)/3.

    R_T >= (2C - 4) T / 3, with C the largest slope G: every block of three starts at x = 1 and
    costs at least C - 2, where -1 costs -(C - 2).
    """
    return (2 * G - 4) * T / 3


def _betas_of_the_problem(experiment: Experiment) -> str:
    """The settings `beta1` and `beta2` of the rule, beside the problem's parameters."""
    for name in ("beta1", "beta2"):
        used, wanted = experiment.method.settings[name], experiment.problem.settings[name]
        if used != wanted:
            return f"the run used {name}={used:g}, the problem is built for {wanted:g}"
    return ""


def _long_period(experiment: Experiment) -> str:
    """The problem's `G`, which is its period, and its parameters `beta1` and `beta2`."""
    # Any even period C = 2N will do that the proof covers.
    period = experiment.problem.constant("G")
    beta1, beta2 = experiment.problem.settings["beta1"], experiment.problem.settings["beta2"]
    N, g = period / 2, beta1 / sqrt(beta2)
    if N >= 4 and beta2**N * period**2 <= 1 and N * sqrt(1 - beta2) * (1 - g) >= 4:
        return ""
    return f"C={period:g}"


_corrected_or_not = settings_obey(
    "both moments are bias-corrected, or neither",
    lambda s: s["bias_correction"] in ("both", "none"),
    "bias_correction",
)
_SLOW = "inverse-sqrt:alpha=0.001"


@claim(
    source="reddi2018, Theorem 2, with an explicit C",
    tags=("regret", "online", "adaptive", "failure"),
    measure="regret",
    sense="at least",
    assumes=[
        the_problem("reddi-2018-thm2", start=1.0),
        the_rule("adam", beta1_decay=1.0),
        Assumption("the betas are those of the problem", _betas_of_the_problem),
        Assumption(
            "C = 2N, beta2**N C**2 <= 1, N sqrt(1 - beta2) (1 - beta1 / sqrt(beta2)) >= 4",
            _long_period,
            "problem",
        ),
        _corrected_or_not,
        settings_obey("eps <= 1", lambda s: s["eps"] <= 1, "eps"),
        inverse_sqrt_or_constant_step,
    ],
    errata="The print has a C that is large enough without saying how large; here it is explicit",
    cases=f"""
        holds
            reddi-2018-thm2  adam:beta1=0.5,beta2=0.5  {_SLOW}  2_000
            reddi-2018-thm2  adam:beta1=0.5,beta2=0.5,eps=0,{_RAW}  inverse-sqrt:alpha=1  2_000
            reddi-2018-thm2:beta1=0,beta2=0.5  adam:beta1=0,beta2=0.5,eps=1  constant:alpha=30 \
                2_000
        not applicable
            reddi-2018-thm2  adam  inverse-sqrt:alpha=1  100
            reddi-2018-thm2:C=4  adam:beta1=0.5,beta2=0.5  inverse-sqrt:alpha=1  100
            reddi-2018-thm2  amsgrad:beta1=0.5,beta2=0.5  inverse-sqrt:alpha=1  100
    """,
)
def reddi_2018_thm2(T: Any, G: Any) -> Any:
    """Adam with given betas does not converge if large slopes are rare enough.

    R_T >= 2 (ceil(T / C) - 1), with C the largest slope G and the period.

    The proof stands with the problem: a large slope pushes down by at most half of what the next
    period's slopes -1 push up, so x = 1 before every C; each period then costs at least 2 more
    than -1 does, also if it is cut short, and C rounds of loss 0 come first. With steps so small
    that x hardly leaves 1 that is all: for alpha = .001 the bound is .9998 of R_2000.
    """
    return 2 * (ceil(T / G) - 1)


def _rare_enough(experiment: Experiment) -> str:
    """The settings `beta1` and `beta2` of the rule, and the problem's `C` and `delta`."""
    C, delta = (experiment.problem.settings[name] for name in ("C", "delta"))
    beta1, beta2 = (experiment.method.settings[name] for name in ("beta1", "beta2"))
    p, g = (1 + delta) / (C + 1), beta1 / sqrt(beta2) if beta2 else np.inf
    Q = 1 + (1 + delta) * (C - 1)
    if g < 1 and p * sqrt(Q) <= (1 - p) * sqrt(1 - beta2) * (1 - g):
        return ""
    return f"C={C:g}, beta1={beta1:g}, beta2={beta2:g}"


def _stays_below_one(experiment: Experiment) -> str:
    """The step sizes of all rounds, the start, and the settings of the rule."""
    settings = experiment.method.settings
    beta1, beta2 = settings["beta1"], settings["beta2"]
    # By Cauchy-Schwarz |m_t| <= (1 - beta1) sqrt(v_t) / sqrt((1 - beta2)(1 - beta1**2 / beta2));
    # bias correction multiplies by at most 1 / (1 - beta1).
    most = 1 / sqrt((1 - beta2) * (1 - beta1**2 / beta2))
    if settings["bias_correction"] == "none":
        most *= 1 - beta1
    rounds = np.arange(1, experiment.steps + 1)
    way = most * experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps).sum()
    room = 1 - float(experiment.problem.start[0])
    return "" if way <= room else f"they may lead up by {way:.3g}, and 1 is {room:.3g} away"


@claim(
    source="reddi2018, Theorem 3, with an explicit C",
    tags=("suboptimality", "adaptive", "failure"),
    measure="suboptimality",
    kind="in expectation",
    sense="at least",
    assumes=[
        the_problem("reddi-2018-thm3"),
        the_rule("adam", eps=0.0, beta1_decay=1.0),
        _corrected_or_not,
        Assumption(
            "p sqrt(Q) <= (1 - p) sqrt(1 - beta2) (1 - beta1 / sqrt(beta2)), "
            "p = (1 + delta) / (C + 1), Q = 1 + (1 + delta)(C - 1)",
            _rare_enough,
        ),
        Assumption("the steps cannot lead above 1", _stays_below_one),
    ],
    errata=(
        "The print has a C that is large enough without saying how large, and no projection; "
        "where no step can be cut off at 1, projection at -1 only adds to the claim"
    ),
    cases=f"""
        holds
            reddi-2018-thm3  adam:beta1=0.5,beta2=0.5,eps=0  constant:alpha=2e-4  2_000  seeds=64
            reddi-2018-thm3:C=12,start=-0.9  adam:beta1=0,beta2=0.9,eps=0,{_RAW} \
                constant:alpha=3e-4  2_000  seeds=64
        not applicable
            reddi-2018-thm3  adam:eps=0  constant:alpha=1e-5  100  seeds=2
            reddi-2018-thm3  adam:beta1=0.5,beta2=0.5,eps=0  constant:alpha=0.1  100  seeds=2
    """,
)
def reddi_2018_thm3(T: Any, D0: Any) -> Any:
    """Adam does not come closer to the minimum on average if large slopes are rare enough.

    E f(x_{T+1}) - f(-1) >= f(x_1) - f(-1), f(x) = delta x, for every T as long as the step sizes
    are too small in sum to lead from x_1 above 1.

    By the condition on C, with its proof at the problem, no step goes down on average:
    E m_t / sqrt(v_t) <= 0, and bias correction multiplies it by a positive number. The steps do
    not depend on x; one that is cut off at -1 ends higher than it would, and none is cut off at 1.
    So E x_{t+1} >= E x_t. On the interval beyond that nothing is claimed.
    """
    return D0 + 0 * T


@claim(
    source="reddi2018, Theorem 4 in a draft",
    tags=("regret", "online", "adaptive", "false"),
    measure="regret",
    assumes=[
        convex,
        bounded_domain,
        the_rule("amsgrad", beta1=0.0, eps=0.0, bias_correction="none", maximum_of="raw"),
        box_or_metric_projection,
        inverse_sqrt_step,
    ],
    status="refuted",
    errata=(
        "False: the first term lacks a division by alpha, and a constant slope with small steps "
        "refutes it; `reddi-2018-thm4` is the bound as published"
    ),
    cases="""
        holds, not sensitive
            # From alpha = 1/2 on it is weaker than what is true.
            reddi-2018-thm1  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.5  2_000
        violated
            periodic-linear:slopes=[1],start=1  amsgrad:beta1=0,beta2=0.1 \
                inverse-sqrt:alpha=0.01  2_000
            reddi-2018-thm1  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.01  2_000
        not applicable
            periodic-linear:slopes=[1],start=1  amsgrad  inverse-sqrt:alpha=0.01  100
    """,
)
def reddi_2018_thm4_draft(
    T: Any, D_inf: Any, alpha: Any, beta2: Any, vhat: Any, gradient_norms: Any
) -> Any:
    """AMSGrad has regret O(sqrt(T log T)): a bound that circulates in a draft, which is false.

    With beta1 = 0, R_T <= D_inf**2 sqrt(T) sum_i sqrt(vhat_{T,i})
    + alpha sqrt(1 + log T) / sqrt(1 - beta2) sum_i ||g_{1:T,i}||_2.

    With a small alpha a method hardly moves from the worse end, and its regret is nearly D_inf T
    on the constant slope 1, which passes D_inf**2 sqrt(T) for T > D_inf**2.
    """
    return D_inf**2 * sqrt(T) * sum_i(sqrt(vhat)) + alpha * sqrt(1 + log(T)) / sqrt(
        1 - beta2
    ) * sum_i(gradient_norms)
