"""Limits, rates without constants, and the sides of a phase transition.

No finite run decides them: their verdicts are readings of a trend (`convergence.judges.trend`).
"""

from __future__ import annotations

from typing import Any

from numpy import log, sqrt

from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    bounded_below,
    inverse_sqrt_step,
    one_of,
    smooth,
    states,
    the_problem,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.claims.failures import kingma_ba_2015_thm41
from convergence.experiment import Experiment

__all__ = [
    "bertsekas_tsitsiklis_2000",
    "chen_2019_cor",
    "chen_2019_monitor",
    "kingma_ba_2015_cor42",
    "shi_2021_large_beta2",
    "shi_2021_small_beta2",
    "zhang_2022_large_beta2",
    "zhang_2022_small_beta2",
]


# The corollary of the false theorem


@claim(
    source="kingma2015, Corollary 4.2",
    tags=("regret", "online", "adaptive", "false"),
    measure="average_regret",
    kind="almost sure limit",
    assumes=kingma_ba_2015_thm41.facts["assumptions"],
    status="refuted",
    errata="False with Theorem 4.1: on 3, -1, -1 the average regret of Adam stays at 2/3",
    cases="""
        agrees
            # Not false everywhere.
            periodic-linear:slopes=[1],start=1  adam:beta1=0,beta2=0.1,eps=0 \
                inverse-sqrt:alpha=0.5  10_000
        disagrees
            periodic-linear  adam:beta1=0,beta2=0.1,eps=0  inverse-sqrt:alpha=0.5  10_000
            periodic-hinge  adam:beta1=0,beta2=0.1,eps=0  inverse-sqrt:alpha=0.5  10_000
        not applicable
            periodic-linear  adam:beta1=0  inverse-sqrt:alpha=0.5  9
            periodic-linear  adam:beta1=0,eps=0  constant:alpha=0.5  9
    """,
)
def kingma_ba_2015_cor42(T: Any) -> Any:
    """The average regret of Adam tends to 0: the printed corollary, which is false.

    limsup R_T / T <= 0.

    It would follow from `kingma-ba-2015-thm41`, and falls with it: where x stays at 1, three
    rounds of 3 x, -x, -x cost 1, and 1 less than nothing at -1.
    """
    return 0.0 * T


# Stochastic gradients


def _square_summable(experiment: Experiment) -> str:
    """The schedule's key and its power."""
    schedule = experiment.schedule
    power = {"inverse": 1.0, "polynomial": schedule.settings.get("power")}.get(schedule.key)
    if power is None or not 0.5 < power <= 1:
        return f"the run used {schedule.specification}"
    return ""


square_summable_step = Assumption(
    "sum alpha_t is infinite, sum alpha_t**2 is not", _square_summable, "schedule"
)


def _growing_noise(experiment: Experiment) -> str:
    """Whether the problem states `sigma2`, or `M` and `M_G`, or is without noise."""
    problem = experiment.problem
    known = "sigma2" in problem.constants or {"M", "M_G"} <= set(problem.constants)
    return "" if known or not problem.stochastic else "the problem states neither sigma2 nor M, M_G"


@claim(
    source="bertsekas2000",
    tags=("stationarity", "non-convex", "stochastic", "limit"),
    measure="gradient_mean_square",
    kind="almost sure limit",
    assumes=[
        smooth,
        unconstrained,
        unbiased,
        bounded_below,
        Assumption("E||g - grad f||**2 <= A (1 + ||grad f||**2)", _growing_noise, "problem"),
        the_rule("gradient-descent"),
        square_summable_step,
    ],
    cases="""
        agrees
            noisy-quadratic  sgd  polynomial:alpha=1,power=0.75  10_000  seeds=8
            noisy-quadratic  sgd  inverse:alpha=10  10_000  seeds=8
            pl-sine  sgd  inverse:alpha=0.3  10_000
            star-convex-valley  sgd  inverse:alpha=1  10_000
        not applicable
            noisy-quadratic  sgd  constant:alpha=0.1  9  seeds=2
            noisy-quadratic  sgd  inverse-sqrt:alpha=1  9  seeds=2
            heavy-tailed-noise  sgd  polynomial:alpha=1,power=0.75  9  seeds=2
    """,
)
def bertsekas_tsitsiklis_2000(T: Any) -> Any:
    """SGD with square-summable steps finds stationary points almost surely.

    ||grad f(x_T)|| -> 0. Judged by its mean: 1/T sum_{t<=T} ||grad f(x_t)||**2 -> 0 follows, and a
    single gradient is too noisy to read a trend from. No rate is claimed. With a step size that
    does not shrink the noise keeps the gradient away from 0.
    """
    return 0.0 * T


# Adam-type methods: the rate of two that cannot oscillate


def _bounded_denominator(experiment: Experiment) -> str:
    """The setting `eps` of the rule, and where it is 0 the gradient of the start."""
    problem = experiment.problem
    if experiment.method.settings["eps"] > 0:
        return ""
    if problem.samples is not None:
        return "eps is 0, and gradients are drawn"
    still = (problem.objective_gradient(problem.start) == 0).any()
    return "eps is 0, and so is a coordinate of the first gradient" if still else ""


@claim(
    source="chen2019, Corollaries 3.1 and 3.2",
    tags=("stationarity", "non-convex", "adaptive", "stochastic", "limit"),
    measure="gradient_mean_square",
    kind="rate",
    assumes=[
        smooth,
        unconstrained,
        unbiased,
        bounded_below,
        states("G", "gradients are bounded"),
        one_of(
            "the method is AMSGrad or AdaFom (adamnc)",
            ("adamnc", "amsgrad"),
            bias_correction="none",
        ),
        Assumption("the denominator is bounded away from 0", _bounded_denominator),
        inverse_sqrt_step,
    ],
    errata="The constants of the paper are not explicit: only the rate is claimed",
    cases="""
        agrees
            star-convex-valley  amsgrad  inverse-sqrt:alpha=1  10_000
            star-convex-valley  adamnc  inverse-sqrt:alpha=1  10_000
            rare-feature-logistic:dimension=2  amsgrad:eps=1e-8  inverse-sqrt:alpha=0.1  5_000 \
                seeds=8
        not applicable
            star-convex-valley  adam  inverse-sqrt:alpha=1  9
            star-convex-valley  amsgrad  constant:alpha=1  9
            quadratic  amsgrad  inverse-sqrt:alpha=1  9
    """,
)
def chen_2019_cor(T: Any) -> Any:
    """AMSGrad and AdaFom find stationary points at the rate log T / sqrt(T).

    1/T sum_{t<=T} E||grad f(x_t)||**2 = O(log T / sqrt(T)), printed for the least of the terms.

    The theorem bounds sum alpha_t E <grad f, grad f / sqrt(v_t)> by sums of the squared steps,
    O(log T), and of the changes of alpha_t / sqrt(v_t), which telescope where these weights only
    fall, as here. As alpha_t >= alpha / sqrt(T) and v_t is bounded, the plain mean has the rate.
    """
    return log(T + 1) / sqrt(T)


@claim(
    source="chen2019, Theorem 3.1, as a monitor",
    tags=("adaptive", "limit", "monitor"),
    measure="step_oscillation",
    kind="rate",
    assumes=[
        one_of(
            "the method is of Adam's type, with beta1 = 0",
            ("adam", "adamnc", "amsgrad", "rmsprop"),
            beta1=0.0,
        ),
        inverse_sqrt_step,
    ],
    status="a condition of a theorem, which some methods meet and others do not",
    errata="The constants of the paper are not explicit; here all are 1, which no rate notices",
    cases="""
        agrees
            reddi-2018-online  amsgrad:beta1=0,beta2=0.9  inverse-sqrt:alpha=0.5  10_000
            reddi-2018-online  adamnc:beta1=0  inverse-sqrt:alpha=0.5  10_000
            karimireddy-2019-ce1  amsgrad:beta1=0,beta2=0.5  inverse-sqrt:alpha=0.5  10_000 \
                seeds=4
            # Where gradients do not change in size, Adam meets it too.
            absolute-value  adam:beta1=0  inverse-sqrt:alpha=0.5  10_000
        disagrees
            reddi-2018-online  adam:beta1=0,beta2=0.9  inverse-sqrt:alpha=0.5  10_000
            zhang-2022  rmsprop:eps=0  inverse-sqrt:alpha=0.5  10_000  seeds=4
        not applicable
            reddi-2018-online  amsgrad  inverse-sqrt:alpha=0.5  9
            reddi-2018-online  adam:beta1=0  constant:alpha=0.5  9
    """,
)
def chen_2019_monitor(T: Any) -> Any:
    """A run of an Adam-type method meets the condition under which it is known to converge.

    sum ||w_t - w_{t-1}||_1 / min_i sum w_{t,i} = O(log T / sqrt(T)), w_t = alpha_t / sqrt(v_t).

    The theorem bounds the least squared gradient by such a ratio, with squared steps besides, which
    for alpha / sqrt(t) always add up to O(log T). Where it does not fall, as of Adam with a moment
    that forgets large gradients, nothing follows: the oscillation of the weights then grows like
    their sum.
    """
    return log(T + 1) / sqrt(T)


# Phase transitions in beta2


def _slopes(experiment: Experiment) -> tuple[float, float]:
    """C and p: a slope is C with probability p, else -1, up to a factor that no step notices."""
    settings = experiment.problem.settings
    if experiment.problem.key == "shi-2021":
        return float(settings["C"]), 1 / settings["C"]
    return settings["n"] - 1 + 1 / settings["a"], 1 / settings["n"]


def _mean_step_is_up(experiment: Experiment) -> str:
    """The problem's parameters, and the settings `beta1` and `beta2` of the rule."""
    # The condition of `reddi-2018-thm3`, strictly.
    C, p = _slopes(experiment)
    settings = experiment.method.settings
    beta1, beta2 = settings.get("beta1", 0.0), settings["beta2"]
    g = beta1 / sqrt(beta2) if beta2 else 1.0 * (beta1 > 0)
    down, up = p * sqrt(p * C**2 + 1 - p), (1 - p) * sqrt(1 - beta2) * (1 - g)
    return "" if down < up else f"{down:.6g} >= {up:.6g}"


def _mean_step_is_down(experiment: Experiment) -> str:
    """The problem's parameters, and the setting `beta2` of the rule."""
    C, p = _slopes(experiment)
    beta2 = experiment.method.settings["beta2"]
    mean, spread = p * C**2 + 1 - p, p * (1 - p) * (C**2 - 1) ** 2
    least = p * C / sqrt(beta2 * mean + (1 - beta2) * C**2)
    centre = beta2 * mean + 1 - beta2
    apart = centre - 1
    # At beta2 = 0 the moment does not vary, and the quotient is half a second derivative.
    bend = (1 - centre**-0.5 - apart / (2 * centre**1.5)) / apart**2 if apart else 3 / 8
    most = (1 - p) * (centre**-0.5 + bend * beta2**2 * (1 - beta2) / (1 + beta2) * spread)
    return "" if least > most else f"{least:.6g} <= {most:.6g}"


_UP = Assumption(
    "p sqrt(p C**2 + 1 - p) < (1 - p) sqrt(1 - beta2) (1 - beta1 / sqrt(beta2))", _mean_step_is_up
)
_DOWN = Assumption(
    "p C / sqrt(beta2 Q + (1 - beta2) C**2) > (1 - p) (w**-.5 + K V), Q = p C**2 + 1 - p, "
    "w = beta2 Q + 1 - beta2, V = beta2**2 (1 - beta2) / (1 + beta2) p (1 - p) (C**2 - 1)**2, "
    "K = (1 - w**-.5 - (w - 1) / (2 w**1.5)) / (w - 1)**2",
    _mean_step_is_down,
)
_RMSPROP = the_rule("rmsprop", eps=0.0, centered=False)
_SHI = the_problem("shi-2021", order="independent")
_WITHOUT_THRESHOLD = (
    "The paper's threshold of beta2 depends on constants that it does not name; the condition here "
    "is derived for this problem, and sufficient only"
)


@claim(
    source="shi2021, with a condition derived here",
    tags=("suboptimality", "convex", "adaptive", "stochastic", "limit"),
    measure="suboptimality_average",
    kind="almost sure limit",
    assumes=[_SHI, _RMSPROP, inverse_sqrt_step, _DOWN],
    status="proved here",
    errata=_WITHOUT_THRESHOLD,
    cases="""
        agrees
            shi-2021:C=3  rmsprop:beta2=0.99,eps=0  inverse-sqrt:alpha=0.3  10_000  seeds=8
            shi-2021:C=4  rmsprop:beta2=0.995,eps=0  inverse-sqrt:alpha=0.5  20_000  seeds=8
        not applicable
            shi-2021  rmsprop:beta2=0.99,eps=0  inverse-sqrt:alpha=1  9  seeds=2
            shi-2021:C=3,order=reshuffled  rmsprop:beta2=0.99,eps=0  inverse-sqrt:alpha=0.3  9 \
                seeds=2
            shi-2021:C=3  rmsprop:beta2=0.99  inverse-sqrt:alpha=0.3  9  seeds=2
    """,
)
def shi_2021_large_beta2(T: Any) -> Any:
    """RMSprop finds the minimum of an interpolating sum, if beta2 is near enough to 1.

    x_T -> -1 almost surely on `shi-2021`, and so the mean of the iterates, by which it is judged.

    The steps do not depend on x. Once v is stationary, a slope C (probability p) pushes down by
    C / sqrt(beta2 v' + (1 - beta2) C**2), v' the moment of the round before, of mean Q: on average,
    by Jensen, by at least the left side of the condition, with p. A slope -1 pushes up by
    u**-.5, u = beta2 v' + 1 - beta2 >= 1, of mean w and variance V. There u**-.5 lies below its
    tangent at w plus K (u - w)**2, with K taken at u = 1, as its second derivative falls. So the
    condition makes the mean step point down; steps alpha / sqrt(t) with such a drift, reflected at
    -1, end there. In second order it reads 1 - beta2 < c / C**2.
    """
    return 0.0 * T


@claim(
    source=("shi2021, with a condition derived here", "reddi2018, Theorem 3"),
    tags=("suboptimality", "convex", "adaptive", "stochastic", "failure", "limit"),
    measure="suboptimality_average",
    kind="almost sure limit",
    sense="at least",
    assumes=[_SHI, _RMSPROP, inverse_sqrt_step, _UP],
    status="proved here",
    errata=_WITHOUT_THRESHOLD,
    cases="""
        agrees
            shi-2021  rmsprop:beta2=0.5,eps=0  inverse-sqrt:alpha=0.3  10_000  seeds=8
            shi-2021:C=20,start=-1  rmsprop:beta2=0.8,eps=0  inverse-sqrt:alpha=0.3  10_000 \
                seeds=8
        not applicable
            shi-2021  rmsprop:beta2=0.9,eps=0  inverse-sqrt:alpha=0.3  9  seeds=2
    """,
)
def shi_2021_small_beta2(T: Any, G: Any) -> Any:
    """RMSprop goes to the worst point of the same sum, if beta2 is too small for it.

    x_T -> 1 almost surely on `shi-2021`, 2/C above the minimum, C the largest slope G: by the
    condition of `reddi-2018-thm3`, met strictly, the mean step points up, and steps
    alpha / sqrt(t) with such a drift, reflected at 1, end there. So does the mean of the iterates.
    """
    return 2 / G + 0.0 * T


_ZHANG = the_problem("zhang-2022", order="independent")


def _where_slopes_are_drawn(experiment: Experiment) -> str:
    """The start."""
    start = experiment.problem.start[0]
    return "" if start > -1 else f"it is {start:g}"


@claim(
    source="zhang2022, with a condition derived here for beta1 = 0",
    tags=("suboptimality", "adaptive", "stochastic", "limit"),
    measure="suboptimality_average",
    kind="almost sure limit",
    assumes=[
        _ZHANG,
        the_rule("adam", beta1=0.0, eps=0.0, bias_correction="both", beta1_decay=1.0),
        inverse_sqrt_step,
        _DOWN,
    ],
    status="proved here above -1, by the paper below",
    errata=(
        "The paper asks for beta2 >= 1 - O((1 - beta1**n) / n**5) with constants that it does not "
        "name; the condition here is derived for this problem, and sufficient only"
    ),
    cases="""
        agrees
            zhang-2022:n=3,order=independent  adam:beta1=0,beta2=0.99,eps=0 \
                inverse-sqrt:alpha=0.3  10_000  seeds=8
            zhang-2022:n=4,a=2,order=independent  adam:beta1=0,beta2=0.999,eps=0 \
                inverse-sqrt:alpha=1  20_000  seeds=8
        not applicable
            zhang-2022:order=independent  adam:beta1=0,beta2=0.99,eps=0  inverse-sqrt:alpha=1  9 \
                seeds=2
            zhang-2022:n=3  adam:beta1=0,beta2=0.99,eps=0  inverse-sqrt:alpha=0.3  9  seeds=2
    """,
)
def zhang_2022_large_beta2(T: Any) -> Any:
    """Adam finds the minimum of Zhang et al.'s sum, if beta2 is near enough to 1.

    x_T -> -2 almost surely, and so the mean of the iterates, by which it is judged. Above -1 the
    gradients are slopes as of `shi-2021`, up to a factor that no step notices, and the mean step
    points down by the condition of `shi-2021-large-beta2`; below, the noise fades with the
    gradient.
    """
    return 0.0 * T


@claim(
    source="zhang2022, with a condition derived here",
    tags=("stationarity", "adaptive", "momentum", "stochastic", "failure", "limit"),
    measure="stationarity_gap",
    kind="almost sure limit",
    sense="at least",
    assumes=[
        _ZHANG,
        Assumption("the start is above -1", _where_slopes_are_drawn, "problem"),
        the_rule("adam", eps=0.0, bias_correction="both", beta1_decay=1.0),
        inverse_sqrt_step,
        _UP,
    ],
    status="proved here above -1, by the paper below",
    errata="The region of betas in the paper is not explicit; the condition is sufficient only",
    cases="""
        agrees
            zhang-2022:order=independent  adam:beta1=0,beta2=0.2,eps=0  inverse-sqrt:alpha=1 \
                10_000  seeds=8
            zhang-2022:order=independent  adam:beta1=0.3,beta2=0.5,eps=0  inverse-sqrt:alpha=1 \
                10_000  seeds=8
            zhang-2022:n=20,order=independent  adam:beta1=0.3,beta2=0.7,eps=0 \
                inverse-sqrt:alpha=1  10_000  seeds=8
        not applicable
            zhang-2022:order=independent  adam:eps=0  inverse-sqrt:alpha=1  9  seeds=2
            zhang-2022  adam:beta1=0,beta2=0.2,eps=0  inverse-sqrt:alpha=1  9  seeds=2
    """,
)
def zhang_2022_small_beta2(T: Any, L: Any) -> Any:
    """Adam runs away from the minimum of the same sum, if its betas are too small for it.

    lim ||grad f(x_T)|| >= 1/n = L almost surely, the slope of f above -1: by the condition of
    `reddi-2018-thm3`, met strictly, the mean step points up, so x_T goes to infinity like sqrt(T).
    The paper shuffles, and shows the same for a region of betas that grows with n.
    """
    return L + 0.0 * T
