"""Adaptive and sign methods: step lengths, the box of decoupled decay, stationarity, regret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import log, sqrt

from convergence.claim import Assumption, Setting, claim, sum_i
from convergence.claims.assumptions import (
    beta1_below_root,
    beta1_square_below_beta2,
    bounded_domain,
    box_or_metric_projection,
    constant_step,
    convex,
    exact_gradients,
    independent_draws,
    inverse_sqrt_step,
    smooth,
    the_rule,
    unconstrained,
)
from problems.domain import Box, WholeSpace

__all__ = [
    "adagrad_norm_derived",
    "adagrad_norm_regret",
    "adam_first_step",
    "adam_step_sup",
    "adamnc_nonincreasing_beta1",
    "adopt_without_momentum",
    "bernstein_2018_thm1",
    "decoupled_sign_box",
    "defossez_2022_thm1",
    "defossez_2022_thm2",
    "defossez_2022_thm3",
    "defossez_2022_thm4",
    "kingma_ba_2015_step_bound",
    "tran_phong_2019_thm51",
    "ward_2019_thm21",
    "ward_2019_thm22",
]

# How far a coordinate moves in a round


def _rounding(beta1: Any, beta2: Any) -> Any:
    """What the run itself may lose: 1 - beta**T, and the moments, are off by a share of that.

    A step has some eight roundings of 2**-53 besides, also where the betas are 0.
    """
    return 2.0**-50 * (1 / (1 - beta1) + 1 / (1 - beta2))


# Slopes that grow by a factor 2, or by 10 % from 10 to 11563, rounded to whole numbers.
_DOUBLING = f"periodic-linear:slopes=[{','.join(str(2**k) for k in range(20))}]"
_TENTH_MORE = f"periodic-linear:slopes=[{','.join(str(round(10 * 1.1**k)) for k in range(75))}]"


@claim(
    source="kingma2015, Section 2.1, with the supremum derived here",
    tags=("step-length", "adaptive"),
    measure="relative_step",
    assumes=[
        the_rule("adam", bias_correction="both", beta1_decay=1.0),
        beta1_square_below_beta2,
    ],
    status="proved here",
    cases=f"""
        holds
            {_DOUBLING}  adam:beta1=0.25,beta2=0.5,eps=0  constant:alpha=0.01  20
            {_TENTH_MORE}  adam:beta2=0.99,eps=0  inverse-sqrt:alpha=0.01  75
            {_TENTH_MORE}  adam:eps=0  constant:alpha=0.01  75
            reddi-2018-online  adam:beta1=0  inverse-sqrt:alpha=0.5  2_000
            himmelblau  adam  constant:alpha=0.01  500
            noisy-quadratic  adam  constant:alpha=0.01  1_000  seeds=10
        not applicable
            himmelblau  adam:bias_correction=none  constant:alpha=0.01  9
            himmelblau  adam:beta2=0.5  constant:alpha=0.01  9
    """,
)
def adam_step_sup(T: Any, beta1: Any, beta2: Any) -> Any:
    """No coordinate moves further in a round of Adam than this, and some sequence attains it.

    |x_{T+1} - x_T| / alpha_T <= (1 - beta1) / (1 - beta1**T)
    * sqrt((1 - beta2**T) / (1 - beta2)) * sqrt((1 - r**T) / (1 - r)), r = beta1**2 / beta2 < 1.

    With m_T = (1 - beta1) sum beta1**(T-s) g_s and v_T = (1 - beta2) sum beta2**(T-s) g_s**2,
    Cauchy-Schwarz on beta1**(T-s) g_s = (beta1 / sqrt(beta2))**(T-s) sqrt(beta2)**(T-s) g_s gives
    m_T**2 <= (1 - beta1)**2 / (1 - beta2) v_T sum r**(T-s). It is attained in every round by
    gradients that grow by beta2 / beta1 a round: with doubling slopes here, for (1/4, 1/2). The
    bound does not fall with T, so it holds for all rounds up to T: with p, q = -T/2 log of beta2
    and of r its square is (1 - beta1)**2 / ((1 - beta2) (1 - r)) times
    1 - (cosh(p - q) - 1) / (cosh(p + q) - 1), and cosh(k T) - 1 over cosh(K T) - 1 falls with T
    for k < K. It is 1 at T = 1, and eps only shortens a step.
    """
    r = beta1**2 / beta2
    most = (
        (1 - beta1)
        / (1 - beta1**T)
        * sqrt((1 - beta2**T) / (1 - beta2))
        * sqrt((1 - r**T) / (1 - r))
    )
    return most * (1 + _rounding(beta1, beta2))


@claim(
    source="kingma2015, Section 2.1",
    tags=("step-length", "adaptive", "false"),
    measure="relative_step",
    assumes=[the_rule("adam", bias_correction="both", beta1_decay=1.0)],
    status="refuted",
    errata=(
        "False for 0 < beta1 < beta2: gradients that grow move a coordinate by up to "
        "(1 - beta1) / sqrt((1 - beta2)(1 - beta1**2/beta2)), 7.27 and not 3.16 step sizes for "
        "(0.9, 0.999)"
    ),
    cases=f"""
        violated
            # Two rounds of a growing gradient suffice.
            himmelblau  adam:beta2=0.99,eps=0  constant:alpha=0.01  300  first_violation=2
            {_TENTH_MORE}  adam:beta2=0.99,eps=0  constant:alpha=0.01  75
            {_DOUBLING}  adam:beta1=0.25,beta2=0.5,eps=0  constant:alpha=0.01  20
        holds
            # Right without momentum, and where gradients do not grow.
            reddi-2018-online  adam:beta1=0,beta2=0.99,eps=0  inverse-sqrt:alpha=0.5  2_000
            quadratic:kappa=10  adam:eps=0  constant:alpha=0.01  300
        not applicable
            himmelblau  adamw  constant:alpha=0.01  300
    """,
)
def kingma_ba_2015_step_bound(T: Any, beta1: Any, beta2: Any) -> Any:
    """Adam moves a coordinate by about a step size: the printed bounds, which are false.

    |x_{T+1} - x_T| / alpha_T <= (1 - beta1) / sqrt(1 - beta2) if 1 - beta1 > sqrt(1 - beta2),
    else 1.

    The first is the case of a single gradient after zeros, the second that of constant
    gradients, and neither is the worst: see `adam-step-sup`. For beta1 = 0 the first is right.
    """
    sparse = (1 - beta1) / sqrt(1 - beta2)
    printed = np.where(1 - beta1 > sqrt(1 - beta2), sparse, 1.0)
    return printed * (1 + _rounding(beta1, beta2)) + 0.0 * T


def _moving(setting: Setting) -> str:
    problem = setting.problem
    return "" if problem.objective_gradient(problem.start).any() else "it is 0"


@claim(
    source="kingma2015, Section 2.1",
    tags=("step-length", "adaptive"),
    measure="relative_step",
    sense="at least",
    assumes=[
        the_rule("adam", eps=0.0, bias_correction="both", beta1_decay=1.0),
        exact_gradients,
        Assumption("the gradient of the start is not 0", _moving),
    ],
    cases="""
        holds
            quadratic  adam:eps=0  constant:alpha=0.01  100
            himmelblau  adam:eps=0,beta2=0.5  inverse-sqrt:alpha=0.1  100
        not applicable
            quadratic  adam  constant:alpha=0.01  100
            noisy-quadratic  adam:eps=0  constant:alpha=0.01  9  seeds=2
    """,
)
def adam_first_step(T: Any) -> Any:
    """The first step of Adam is -alpha sign(g): a whole step size in every coordinate.

    max_{t<=T} |x_{t+1} - x_t| / alpha_t >= 1, attained at T = 1.

    After one round the corrected moments are m = g and v = g**2, so the step is
    g / sqrt(g**2) = sign(g) times alpha. That it is no longer than that is `adam-step-sup` at
    T = 1.
    """
    return 1.0 - _rounding(0.0, 0.0) + 0.0 * T


# The box of decoupled decay


def _sign_method(setting: Setting) -> str:
    rule = setting.rule
    if rule.key not in ("lion", "sign-descent", "signum"):
        return f"the run used {rule.key}"
    if rule.settings.get("decay", "decoupled") != "decoupled":
        return "the run used coupled decay"
    return "" if rule.settings["weight_decay"] > 0 else "the run used no weight decay"


def _around_zero(setting: Setting) -> str:
    domain = setting.problem.domain
    if isinstance(domain, WholeSpace):
        return ""
    if isinstance(domain, Box) and np.all(domain.low <= 0) and np.all(domain.high >= 0):
        return ""
    return f"it is {domain}"


def _short_decay(setting: Setting) -> str:
    sizes = setting.schedule.step_sizes(np.array([1]), setting.problem, setting.steps)
    product = float(sizes[0]) * setting.rule.settings["weight_decay"]
    return "" if product <= 1 else f"it is {product:.6g}"


@claim(
    source="chen2024, the box, with the rate derived here",
    tags=("sign", "weight-decay"),
    measure="sup_norm",
    assumes=[
        Assumption("the method steps by signs, with decoupled decay", _sign_method),
        constant_step,
        Assumption("alpha weight_decay <= 1", _short_decay),
        Assumption("the domain is the whole space or a box around 0", _around_zero),
    ],
    status="proved here",
    cases="""
        holds
            periodic-linear:slopes=[-1]  lion:weight_decay=2  constant:alpha=0.01  1_000
            absolute-value:start=30  sign-descent:weight_decay=0.1,decay=decoupled,maximize=true \
                constant:alpha=0.1  1_000
            rosenbrock  lion:weight_decay=2  constant:alpha=0.01  1_000
            breast-cancer-logistic:batch=32  signum:weight_decay=1,decay=decoupled \
                constant:alpha=0.01  500  seeds=4
        not applicable
            rosenbrock  lion  constant:alpha=0.01  9
            rosenbrock  signum:weight_decay=1  constant:alpha=0.01  9
            rosenbrock  adamw  constant:alpha=0.01  9
    """,
)
def decoupled_sign_box(T: Any, alpha: Any, weight_decay: Any, start_sup: Any) -> Any:
    """With decoupled decay a sign method goes to the box of half-width 1 / weight_decay.

    ||x_{T+1}||_inf <= 1/w + (1 - alpha w)**T (||x_1||_inf - 1/w), w the weight of the decay.

    A step is x - alpha (u + w x) with |u| <= 1 in each coordinate, so for alpha w <= 1
    |x_{T+1}| - 1/w <= (1 - alpha w) |x_T| + alpha - 1/w = (1 - alpha w) (|x_T| - 1/w). A
    projection onto a box around 0 only shortens a coordinate. Attained in every round by signs
    that stay the same and point outwards, from within the box and from outside.
    """
    shrunk = T * np.log1p(-alpha * weight_decay)
    # Written without a difference of large numbers: the first bounds may be far below 1/w.
    return -np.expm1(shrunk) / weight_decay + np.exp(shrunk) * start_sup


# AdaGrad-norm: stationarity of smooth functions


def _from_b0(setting: Setting) -> tuple[float, float]:
    """b_0 and alpha L."""
    first = setting.schedule.step_sizes(np.array([1]), setting.problem, setting.steps)[0]
    return (
        float(np.sqrt(setting.rule.settings["initial"])),
        float(first) * setting.problem.constant("L"),
    )


def _large_b0(setting: Setting) -> str:
    b0, least = _from_b0(setting)
    return "" if b0 > 0 and b0 >= least else f"b_0 = {b0:.6g}, alpha L = {least:.6g}"


def _small_b0(setting: Setting) -> str:
    b0, limit = _from_b0(setting)
    return "" if 0 < b0 < limit else f"b_0 = {b0:.6g}, alpha L = {limit:.6g}"


_ADAGRAD_NORM = (smooth, unconstrained, exact_gradients, the_rule("adagrad-norm"), constant_step)


@claim(
    source="ward2019, Theorem 2.2, first case",
    tags=("stationarity", "non-convex", "adaptive"),
    measure="stationarity_least",
    assumes=[*_ADAGRAD_NORM, Assumption("b_0 >= alpha L", _large_b0)],
    cases="""
        holds
            quadratic:dimension=1,kappa=1  adagrad-norm:initial=10000  constant:alpha=100  3
            huber-worst  adagrad-norm:initial=4  constant:alpha=2  500
            pl-sine  adagrad-norm:initial=64  constant:alpha=1  500
            quadratic  adagrad-norm:initial=1  constant:alpha=1  500
        not applicable
            pl-sine  adagrad-norm:initial=63  constant:alpha=1  9
            pl-sine  adagrad  constant:alpha=1  9
    """,
)
def ward_2019_thm22(T: Any, D0: Any, alpha: Any, b0: Any) -> Any:
    """AdaGrad-norm that starts with short steps finds stationary points of smooth functions.

    min_{t<=T} ||grad f(x_t)||**2 <= S (b_0 + S) / T, S = 2 D0 / alpha, if b_0 >= alpha L.

    As alpha L <= b_t, the descent lemma gives f(x_{t+1}) <= f(x_t) - alpha/2 ||g_t||**2 / b_t with
    b_t**2 = b_{t-1}**2 + ||g_t||**2, so the sum of ||g_t||**2 / b_t is at most S. Hence
    b_T - b_0 <= S, since b_t - b_{t-1} <= ||g_t||**2 / b_t, and sum ||g_t||**2 <= b_T S. At T = 1
    on x**2/2 it is approached as b_0 = alpha grows: the first step then is one of 1/L.
    """
    S = 2 * D0 / alpha
    return sqrt(S * (b0 + S) / T)


@claim(
    source="ward2019, Theorem 2.2, second case, with a bound derived here",
    tags=("stationarity", "non-convex", "adaptive"),
    measure="stationarity_least",
    assumes=[*_ADAGRAD_NORM, Assumption("0 < b_0 < alpha L", _small_b0)],
    status="proved here",
    cases="""
        holds
            quadratic:dimension=1,kappa=1  adagrad-norm:initial=9999.9999  constant:alpha=100  3
            pl-sine  adagrad-norm:initial=1e-4  constant:alpha=1  500
            quadratic  adagrad-norm:initial=0.01  constant:alpha=10  500
        not applicable
            pl-sine  adagrad-norm  constant:alpha=1  9
            pl-sine  adagrad-norm:initial=64  constant:alpha=1  9
    """,
)
def adagrad_norm_derived(T: Any, L: Any, D0: Any, alpha: Any, b0: Any) -> Any:
    """AdaGrad-norm that starts with long steps finds stationary points of smooth functions.

    min_{t<=T} ||grad f(x_t)||**2 <= ((alpha L)**2 - b_0**2 + S (alpha L + S)) / T,
    S = 2 D0 / alpha + 2 alpha L log(alpha L / b_0).

    While b_t < alpha L a step raises f by at most alpha**2 L/2 ||g_t||**2 / b_t**2, together by
    alpha**2 L log(alpha L / b_0), as 1 - u <= -log u for u = (b_{t-1} / b_t)**2; and the squared
    gradients of these rounds add up to b_k**2 - b_0**2, b_k < alpha L. From there on
    `ward-2019-thm22` holds with S/2 alpha in the place of D0. The print has constants that are
    larger.
    """
    most = alpha * L
    S = 2 * D0 / alpha + 2 * most * log(most / b0)
    return sqrt((most**2 - b0**2 + S * (most + S)) / T)


# Regret


@claim(
    source=("streeter2010", "ward2019, Algorithm 1, with its b_0"),
    tags=("regret", "online", "adaptive"),
    measure="regret",
    assumes=[convex, bounded_domain, the_rule("adagrad-norm"), constant_step],
    status="proved here",
    cases="""
        holds
            orthogonal-slopes  adagrad-norm:initial=1000000  constant:alpha=250  64
            reddi-2018-thm1  adagrad-norm  constant:alpha=1.414  2_000
            reddi-2018-online  adagrad-norm  constant:alpha=1.414  2_000
            drifting-quadratics  adagrad-norm:initial=1  constant:alpha=1  1_000
            portfolio-selection  adagrad-norm  constant:alpha=1  1_000
        not applicable
            reddi-2018-thm1  adagrad-norm  inverse-sqrt:alpha=1  9
            periodic-hinge  adagrad-norm  constant:alpha=1  9
    """,
)
def adagrad_norm_regret(T: Any, D: Any, alpha: Any, b0: Any, gradient_norms: Any) -> Any:
    """AdaGrad-norm has regret O(sqrt(sum of squared gradients)), and knows neither G nor T.

    R_T <= D**2 b_T / (2 alpha) + alpha (b_T - b_0), b_T**2 = b_0**2 + sum_{t<=T} ||g_t||**2. With
    b_0 = 0 and alpha = D / sqrt(2) that is sqrt(2) D b_T.

    Gradient descent with steps alpha / b_t, which do not rise, has regret of at most
    D**2 b_T / (2 alpha) + alpha/2 sum ||g_t||**2 / b_t, and ||g_t||**2 / b_t <= 2 (b_t - b_{t-1}).
    As b_0 grows it becomes the bound for constant steps, which orthogonal slopes attain.
    """
    # Both terms of the difference grow with b_0; it is taken as a fraction.
    square = sum_i(gradient_norms**2)
    last = sqrt(b0**2 + square)
    # Where no gradient has come yet, 0/0 is 0.
    risen = square / np.where(square > 0, last + b0, 1.0)
    return D**2 * last / (2 * alpha) + alpha * risen


@claim(
    source="reddi2018, Corollary 2, with a bound derived here",
    tags=("regret", "online", "adaptive"),
    measure="regret",
    assumes=[
        convex,
        bounded_domain,
        the_rule("adamnc", eps=0.0),
        box_or_metric_projection,
        inverse_sqrt_step,
    ],
    status="proved here",
    errata=(
        "The printed corollary lacks a factor n / alpha in its middle term; that term is not "
        "needed for a beta1_t that does not rise"
    ),
    cases="""
        holds
            periodic-linear:slopes=[1],start=1  adamnc:beta1=0  inverse-sqrt:alpha=1.414  500
            periodic-linear:slopes=[1,-1],start=1  adamnc:beta1=0  inverse-sqrt:alpha=10  10_000
            reddi-2018-thm1  adamnc:beta1=0.5  inverse-sqrt:alpha=1  2_000
            reddi-2018-online  adamnc  inverse-sqrt:alpha=0.5  2_000
            sparse-hinge  adamnc:beta1=0.2  inverse-sqrt:alpha=1  1_000  seeds=4
        not applicable
            reddi-2018-thm1  adamnc:eps=1e-8  inverse-sqrt:alpha=1  9
            reddi-2018-thm1  adamnc  constant:alpha=1  9
    """,
)
def adamnc_nonincreasing_beta1(
    T: Any, D_inf: Any, alpha: Any, beta1: Any, gradient_norms: Any
) -> Any:
    """AdamNC has the regret of AdaGrad, for every beta1_t that does not rise.

    R_T <= (D_inf**2 / (2 alpha (1 - beta1)) + alpha (1 + beta1) / (1 - beta1))
    sum_i ||g_{1:T,i}||_2.

    The proof of `amsgrad-nonincreasing-beta1` with A_t = sqrt(v_t) / alpha_t = ||g_{1:t}|| / alpha,
    which does not fall: the telescoped parts are at most A_T D_inf**2 / (2 (1 - beta1)), and
    m_t**2 / A_t has weight (1 + beta1) / (2 (1 - beta1)). There m_t**2 <= sum_s a_ts g_s**2 with
    weights whose sums over s and over t >= s are at most 1, so sum_t m_t**2 / ||g_{1:t}|| is at
    most sum_s g_s**2 / ||g_{1:s}|| <= 2 ||g_{1:T}||. The print has 2 alpha / (1 - beta1)**3.
    """
    factor = D_inf**2 / (2 * alpha * (1 - beta1)) + alpha * (1 + beta1) / (1 - beta1)
    return factor * sum_i(gradient_norms)


@claim(
    source="tran2019, Theorem 5.1",
    tags=("regret", "online", "adaptive"),
    measure="regret",
    assumes=[
        convex,
        bounded_domain,
        the_rule("adamx", eps=0.0),
        box_or_metric_projection,
        inverse_sqrt_step,
        beta1_below_root,
    ],
    cases="""
        holds
            periodic-linear:slopes=[1],start=1  adamx:beta1=0,beta2=0.1  inverse-sqrt:alpha=1.3 \
                500
            # Adam in the place of AdamX passes the bound here.
            reddi-2018-thm1  adamx:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1  10_000
            reddi-2018-thm1  adamx:beta1=0.3,beta2=0.5,beta1_decay=0.5  inverse-sqrt:alpha=0.3 \
                5_000
            reddi-2018-online  adamx:beta1=0  inverse-sqrt:alpha=0.5  2_000
        not applicable
            reddi-2018-thm1  amsgrad  inverse-sqrt:alpha=0.3  9
            reddi-2018-thm1  adamx:beta2=0.5  inverse-sqrt:alpha=1  9
    """,
)
def tran_phong_2019_thm51(
    T: Any,
    D_inf: Any,
    G_inf: Any,
    n: Any,
    alpha: Any,
    beta1: Any,
    beta2: Any,
    lam: Any,
    gradient_norms: Any,
) -> Any:
    """AdamX has sublinear regret: its weighted maximum repairs the proof of AMSGrad.

    With gamma = beta1 / sqrt(beta2) < 1 and beta1_t = beta1 lam**(t-1),
    R_T <= n D_inf**2 G_inf sqrt(T) / (2 alpha (1 - beta1))
    + n D_inf**2 G_inf / (2 alpha (1 - beta1)**2) sum_{t=2..T} beta1_t sqrt(t - 1)
    + alpha sqrt(1 + log T) / ((1 - beta1)**2 (1 - gamma) sqrt(1 - beta2)) sum_i ||g_{1:T,i}||_2.

    (1 - beta1_t) g_t = m_t - beta1_t m_{t-1}. The m_t part telescopes with the weights
    sqrt(vhat_t) / (alpha_t (1 - beta1_t)), which do not fall, as sqrt(vhat_t) / (1 - beta1_t) is
    the largest sqrt(v_s) / (1 - beta1_s) so far, at most G_inf / (1 - beta1). Young's inequality
    splits beta1_t m_{t-1}.(x_t - u) at the weight sqrt(vhat_{t-1}) / alpha_{t-1}, which gives the
    second term. The squares m_t**2 are bounded as in `amsgrad-nonincreasing-beta1`, where
    1 / sqrt(1 - beta1**2/beta2) is at most the printed 1 / ((1 - beta1)(1 - gamma)).
    """
    gamma = beta1 / sqrt(beta2)
    rounds = np.arange(1.0, T.max() + 1)
    sums = np.cumsum(beta1 * lam ** (rounds - 1) * sqrt(rounds - 1))
    weight = n * D_inf**2 * G_inf / (2 * alpha * (1 - beta1))
    third = alpha * sqrt(1 + log(T)) / ((1 - beta1) ** 2 * (1 - gamma) * sqrt(1 - beta2))
    return (
        weight * sqrt(T)
        + weight / (1 - beta1) * sums[T.astype(int) - 1]
        + third * sum_i(gradient_norms)
    )


# Stochastic gradients


def _positive_eps(setting: Setting) -> str:
    return "" if setting.rule.settings["eps"] > 0 else "eps is 0"


_with_eps = Assumption("eps > 0", _positive_eps)
_STOCHASTIC = (smooth, unconstrained, independent_draws)


@claim(
    source="defossez2022, Theorem 1",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adagrad", eps_position="inside", initial=0.0),
        _with_eps,
        constant_step,
    ],
    cases="""
        holds
            star-convex-valley  adagrad:eps_position=inside,eps=0.01  constant:alpha=1  40_000
        vacuous
            rare-feature-logistic:dimension=2  adagrad:eps_position=inside,eps=1 \
                constant:alpha=0.01  300  seeds=8
        not applicable
            star-convex-valley  adagrad  constant:alpha=1  9
            noisy-quadratic  adagrad:eps_position=inside  constant:alpha=1  9  seeds=2
    """,
)
def defossez_2022_thm1(T: Any, L: Any, G_inf: Any, D0: Any, n: Any, alpha: Any, eps: Any) -> Any:
    """AdaGrad finds stationary points of smooth functions at the rate log T / sqrt(T).

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= 2 R D0 / (alpha sqrt(T))
    + (4 n R**2 + alpha n R L) log(1 + T R**2 / eps) / sqrt(T), R = G_inf + sqrt(eps).

    Proof, by coordinate, with s the sum of squared gradients and s' the same with the newest
    square replaced by its mean: |1/sqrt(eps + s) - 1/sqrt(eps + s')| and Young's inequality, twice
    at weight 1/4, give E[G g / sqrt(eps + s)] >= G**2 / (2 sqrt(eps + s')) - 2 R E[g**2/(eps + s)].
    In the descent lemma sqrt(eps + s') <= R sqrt(T), and the steps cost
    (2 alpha R + alpha**2 L / 2) sum g**2 / (eps + s), with a sum of at most log(1 + s/eps). Loose:
    without noise neither the factor 2 nor the logarithm is needed.
    """
    R = G_inf + sqrt(eps)
    return 2 * R * D0 / (alpha * sqrt(T)) + (4 * n * R**2 + alpha * n * R * L) * log(
        1 + T * R**2 / eps
    ) / sqrt(T)


@claim(
    source="defossez2022, Theorem 2, for Adam without bias correction",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adam", beta1=0.0, eps_position="inside", bias_correction="none", beta1_decay=1.0),
        _with_eps,
        constant_step,
    ],
    status="proved here",
    cases="""
        holds
            star-convex-valley:start=3 \
                adam:beta1=0,eps=0.01,eps_position=inside,bias_correction=none \
                constant:alpha=0.05  5_000
        vacuous
            rare-feature-logistic:dimension=2 \
                adam:beta1=0,eps=0.01,eps_position=inside,bias_correction=none \
                constant:alpha=0.01  300  seeds=8
        not applicable
            star-convex-valley  adam:beta1=0  constant:alpha=0.1  9
            star-convex-valley  adam:eps_position=inside,bias_correction=none  constant:alpha=0.1 \
                9
    """,
)
def defossez_2022_thm2(
    T: Any, L: Any, G_inf: Any, D0: Any, n: Any, alpha: Any, beta2: Any, eps: Any
) -> Any:
    """Adam without momentum comes to within a floor of stationarity, at the rate 1 / T.

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= 2 R D0 / (alpha T) + E (log(1 + R**2 / eps) / T
    - log beta2), E = 4 n R**2 / sqrt(1 - beta2) + alpha n R L / (1 - beta2),
    R = G_inf + sqrt(eps).

    The paper leaves 1 - beta2 out of its second moment, s_t = beta2 s_{t-1} + g_t**2, and lets the
    step size rise to what the correction of s would give. Here the correction is left out and the
    step size constant; s is v / (1 - beta2), the paper's eps is eps / (1 - beta2) and its step
    size alpha / sqrt(1 - beta2). The proof of `defossez-2022-thm1` then has
    sqrt(eps + s') <= R / sqrt(1 - beta2), and the squares of the steps add up to at most
    log(1 + s/eps) - T log beta2. The last term does not fall with T: with beta2 fixed, the
    theorem does not say that Adam converges.
    """
    R = G_inf + sqrt(eps)
    E = 4 * n * R**2 / sqrt(1 - beta2) + alpha * n * R * L / (1 - beta2)
    return 2 * R * D0 / (alpha * T) + E * (log(1 + R**2 / eps) / T - log(beta2))


@claim(
    source="taniguchi2024, with a bound derived here for beta1 = 0",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adopt", beta1=0.0, clip="none"),
        _with_eps,
        constant_step,
    ],
    status="proved here",
    cases="""
        holds
            rare-feature-logistic:dimension=2  adopt:beta1=0,beta2=0.5,eps=1  constant:alpha=0.1 \
                500  seeds=16
            huber-worst  adopt:beta1=0,beta2=0.1,eps=0.05  constant:alpha=0.002  1_000
        vacuous
            star-convex-valley  adopt:beta1=0,eps=0.1  constant:alpha=0.001  500
        not applicable
            star-convex-valley  adopt  constant:alpha=0.1  9
            adopt-counterexample  adopt:beta1=0  constant:alpha=0.1  9
            zhang-2022  adopt:beta1=0  constant:alpha=0.1  9  seeds=2
    """,
)
def adopt_without_momentum(
    T: Any, L: Any, G_inf: Any, second_moment: Any, D0: Any, alpha: Any, eps: Any
) -> Any:
    """ADOPT without momentum finds stationary points for every beta2.

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= (2 L D0
    + max(G_inf, eps) (D0 / alpha + (T - 1) alpha L G**2 / (2 eps**2))) / T, G**2 a bound of
    E||g||**2.

    The scale d = max(sqrt(v_{t-1}), eps) has seen none of the newest gradient, so in the mean a
    step is -alpha grad f / d. By the descent lemma round t lowers E f by at least
    alpha E||grad f(x_t)||**2 / max(G_inf, eps) - alpha**2 L G**2 / (2 eps**2), for v is a mean of
    squares of at most G_inf**2. Round 1 makes no step, and ||grad f(x_1)||**2 <= 2 L D0. If draws
    depend on each other, as in `adopt-counterexample`, the first step of the proof fails.
    """
    most = np.maximum(G_inf, eps)
    noise = alpha * L * second_moment / (2 * eps**2)
    return (2 * L * D0 + most * (D0 / alpha + (T - 1) * noise)) / T


# Momentum in the proof of Defossez et al.


def _beta1_below_beta2(setting: Setting) -> str:
    beta1, beta2 = setting.rule.settings["beta1"], setting.rule.settings["beta2"]
    return "" if beta1 < beta2 else f"beta1={beta1:g}, beta2={beta2:g}"


def _mean_from_weighted(T: Any, beta1: Any, most: Callable[[Any], Any]) -> Any:
    """A bound of the mean over t <= T, from one of weighted sums.

    Where sum_{t<=N} (1 - beta1**(N-t+1)) s_t <= most(N) for every N and s_t >= 0, the sum over
    t <= T is at most most(T + k) / (1 - beta1**(k+1)) for every k >= 0: the run might go on.
    """
    ahead = np.unique(np.round(np.geomspace(1, 30 / (1 - beta1), 60))) - 1
    sums = most(T[:, None] + ahead) / (1 - beta1 ** (ahead + 1))
    return sums.min(axis=-1) / T


_MOMENTUM_ADAM = "adam:beta1=0.5,eps=0.01,eps_position=inside,bias_correction=none"
_MOMENTUM_ADAGRAD = "adamnc:beta1=0.5,eps=0.01,eps_position=inside"


@claim(
    source="defossez2022, Theorem 3, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adamnc", eps_position="inside", beta1_decay=1.0),
        _with_eps,
        inverse_sqrt_step,
    ],
    status="proved here",
    cases=f"""
        holds
            star-convex-valley  {_MOMENTUM_ADAGRAD}  inverse-sqrt:alpha=1  100_000
            star-convex-valley  adamnc:beta1=0,eps=0.01,eps_position=inside  inverse-sqrt:alpha=1 \
                40_000
        vacuous
            rare-feature-logistic:dimension=2  adamnc:eps=1,eps_position=inside \
                inverse-sqrt:alpha=0.1  300  seeds=8
        not applicable
            star-convex-valley  {_MOMENTUM_ADAGRAD}  constant:alpha=1  9
            star-convex-valley  adamnc  inverse-sqrt:alpha=1  9
    """,
)
def defossez_2022_thm3(
    T: Any, L: Any, G_inf: Any, D0: Any, n: Any, alpha: Any, beta1: Any, eps: Any
) -> Any:
    """AdaGrad with momentum finds stationary points at the rate log T / sqrt(T).

    sum_{t<=N} (1 - beta1**(N-t+1)) E||grad f(x_t)||**2 <= sqrt(N) (2 R D0 / alpha
    + E log(1 + N R**2 / eps)), R = G_inf + sqrt(eps), E / n = alpha R L + 4 R**2 / sqrt(1 - beta1)
    + 2 R**2 (1 / (1 - beta1) - sqrt(1 - beta1))
    + alpha**2 L**2 beta1 sqrt(1 + beta1) / (2 (1 - beta1)).

    The print divides by N - beta1 / (1 - beta1), which is at most the sum of the weights, and has
    E / n = alpha R L + 12 R**2 / (1 - beta1) + 2 alpha**2 L**2 beta1 / (1 - beta1). Here that
    bounds the plain mean: see `_mean_from_weighted`. `adamnc` with alpha / sqrt(t) is this method,
    with t eps in the place of eps, which only grows.

    Proof as of `defossez-2022-thm4` with beta2 = 1: there is no 1 - beta2, sqrt(eps + s') is at
    most R sqrt(N), and the squares add up to at most log(1 + N R**2 / eps). For beta1 = 0 it is
    `defossez-2022-thm1`.
    """
    R, c = G_inf + sqrt(eps), 1 - beta1
    E = n * (
        alpha * R * L
        + 4 * R**2 / sqrt(c)
        + 2 * R**2 * (1 / c - sqrt(c))
        + alpha**2 * L**2 * beta1 * sqrt(1 + beta1) / (2 * c)
    )
    return _mean_from_weighted(
        T, beta1, lambda N: sqrt(N) * (2 * R * D0 / alpha + E * log(1 + N * R**2 / eps))
    )


@claim(
    source="defossez2022, Theorem 4, for Adam without bias correction, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adam", eps_position="inside", bias_correction="none", beta1_decay=1.0),
        Assumption("beta1 < beta2", _beta1_below_beta2),
        _with_eps,
        constant_step,
    ],
    status="proved here",
    cases=f"""
        holds
            star-convex-valley:start=3  {_MOMENTUM_ADAM}  constant:alpha=0.02  20_000
            star-convex-valley:start=3 \
                adam:beta1=0,eps=0.01,eps_position=inside,bias_correction=none \
                constant:alpha=0.05  5_000
        vacuous
            rare-feature-logistic:dimension=2  {_MOMENTUM_ADAM}  constant:alpha=0.01  300 \
                seeds=8
        not applicable
            star-convex-valley  {_MOMENTUM_ADAM},beta2=0.5  constant:alpha=0.1  9
            star-convex-valley  adam  constant:alpha=0.1  9
    """,
)
def defossez_2022_thm4(
    T: Any, L: Any, G_inf: Any, D0: Any, n: Any, alpha: Any, beta1: Any, beta2: Any, eps: Any
) -> Any:
    """Adam with momentum comes to within a floor of stationarity, at the rate 1 / T.

    With a = beta1 / beta2 < 1, S = (1 - a)**(-3/2) and R = G_inf + sqrt(eps),
    sum_{t<=N} (1 - beta1**(N-t+1)) E||grad f(x_t)||**2 <= 2 R D0 / alpha
    + E (log(1 + R**2 / eps) - N log beta2), E / n = alpha R L (1 - beta1) / ((1 - a)(1 - beta2))
    + R**2 (4 (1 - beta1) S + 2 sqrt(1 - beta1) (S - 1)) / sqrt(1 - beta2)
    + alpha**2 L**2 beta1 sqrt(1 + beta1) / (2 (1 - a) (1 - beta2)**(3/2)).

    The print has 12 R**2 sqrt(1 - beta1) S / sqrt(1 - beta2) for the second and 2 for
    sqrt(1 + beta1) / 2 in the third term of E / n. Units as in `defossez-2022-thm2`, and the plain
    mean for the weighted one as in `defossez-2022-thm3`.

    Proof. In sums, m_t / sqrt(s_t) is a sum over k of beta1**k g_{t-k} / sqrt(eps + s_t). Replace
    grad f(x_t) by grad f(x_{t-k}): Young's inequality at the weight sqrt(1 - beta1) /
    (2 R sqrt(k+1)) costs R sqrt(k+1) / sqrt(1 - beta1) g_{t-k}**2 / (eps + s_t), k >= 1, and the
    squares of the k steps between, which with sum k**1.5 beta1**k <= beta1 sqrt(1 + beta1) /
    (1 - beta1)**2.5 give the third term. Then the proof of `defossez-2022-thm1` with the newest
    k + 1 squares replaced by their mean costs 2 R sqrt(k+1) g_{t-k}**2 / (eps + s_t). Sum with
    s_t >= beta2**k s_{t-k} and sum sqrt(k+1) a**k <= S (Cauchy-Schwarz; the print has 2 S).
    """
    R, a = G_inf + sqrt(eps), beta1 / beta2
    S = (1 - a) ** -1.5
    E = n * (
        alpha * R * L * (1 - beta1) / ((1 - a) * (1 - beta2))
        + R**2 * (4 * (1 - beta1) * S + 2 * sqrt(1 - beta1) * (S - 1)) / sqrt(1 - beta2)
        + alpha**2 * L**2 * beta1 * sqrt(1 + beta1) / (2 * (1 - a) * (1 - beta2) ** 1.5)
    )
    return _mean_from_weighted(
        T, beta1, lambda N: 2 * R * D0 / alpha + E * (log(1 + R**2 / eps) - N * log(beta2))
    )


def _positive_b0(setting: Setting) -> str:
    return "" if setting.rule.settings["initial"] > 0 else "b_0 is 0"


@claim(
    source="ward2019, Theorem 2.1, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="with probability",
    assumes=[
        *_STOCHASTIC,
        the_rule("adagrad-norm"),
        constant_step,
        Assumption("b_0 > 0", _positive_b0),
    ],
    status="proved here",
    options={"delta": (0.5, 0.1, 0.01)},
    cases="""
        holds
            rare-feature-logistic:dimension=1,odds=1000  adagrad-norm:initial=2000 \
                constant:alpha=10  2_000  seeds=64  delta=0.5
            star-convex-valley:start=2  adagrad-norm:initial=400000  constant:alpha=1  100_000
        vacuous
            rare-feature-logistic:dimension=2  adagrad-norm:initial=1  constant:alpha=1  300 \
                seeds=8
        not applicable
            star-convex-valley  adagrad-norm  constant:alpha=1  9
            star-convex-valley  adagrad  constant:alpha=1  9
            zhang-2022  adagrad-norm:initial=1  constant:alpha=1  9
    """,
)
def ward_2019_thm21(
    T: Any, L: Any, G: Any, sigma2: Any, D0: Any, alpha: Any, b0: Any, *, delta: float = 0.1
) -> Any:
    """AdaGrad-norm finds stationary points with noise too, without knowing it, in most runs.

    With probability 1 - delta, for each T: 1/T sum_{t<=T} ||grad f(x_t)||**2
    <= 2 Q sqrt(b_0**2 + T (sigma2 + G**2)) / (T delta**1.5),
    Q = D0 / alpha + (2 sigma + alpha L / 2) log(1 + T (sigma2 + G**2) / b_0**2).

    The print bounds the least square by (2 b_0 / T + 4 (G + sigma) / sqrt(T)) Q' / delta**1.5 with
    a larger Q'. Proof, with c_t**2 = b_{t-1}**2 + ||grad f(x_t)||**2 + sigma2, which has seen
    nothing of round t: |1/b_t - 1/c_t| <= (||g - grad f|| + sigma) / (b_t c_t), and Young's
    inequality twice, leave alpha/2 ||grad f||**2 / c_t of the descent lemma and cost
    (2 alpha sigma + alpha**2 L / 2) ||g_t||**2 / b_t**2, whose sum is at most log(b_T**2 / b_0**2).
    So sum E||grad f||**2 / c_t <= 2 Q, all c_t**2 have a bound of mean b_0**2 + T (sigma2 + G**2),
    and Hoelder's and Markov's inequalities for (sum ||grad f||**2)**(2/3) give the claim.
    """
    square = T * (sigma2 + G**2)
    Q = D0 / alpha + (2 * sqrt(sigma2) + alpha * L / 2) * log(1 + square / b0**2)
    return 2 * Q * sqrt(b0**2 + square) / (T * delta**1.5)


# Signs of noisy gradients

_ROWS = "rare-feature-logistic:dimension=1,odds=1000"


@claim(
    source="bernstein2018, Theorem 1, in the Euclidean norm",
    tags=("stationarity", "non-convex", "sign", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("sign-descent"),
        constant_step,
    ],
    status="proved here",
    cases=f"""
        holds
            huber-worst:N=1  signsgd  constant:alpha=0.01  200
            # The theorem's own setting: K steps with batches of K, step size 1 / sqrt(n L K).
            {_ROWS},batch=400  signsgd  constant:alpha=0.1  400  seeds=16
            {_ROWS},batch=10  signsgd  constant:alpha=0.1  400  seeds=16
        vacuous
            rare-feature-logistic:dimension=2  signsgd  constant:alpha=0.01  300  seeds=8
        not applicable
            noisy-quadratic  signsgd  constant:alpha=0.01  9  seeds=2
            {_ROWS}  signum  constant:alpha=0.01  9  seeds=2
    """,
)
def bernstein_2018_thm1(T: Any, L: Any, G: Any, n: Any, D0: Any, alpha: Any, sigma2: Any) -> Any:
    """Sign descent finds stationary points with noise too, to within what the batches leave.

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= G (D0 / (alpha T) + alpha n L / 2 + 2 sqrt(n sigma2)).

    The print bounds the mean of ||grad f||_1 by the bracket, with 2 ||sigma||_1 <= 2 sqrt(n sigma2)
    over the root of the batch, and one smoothness constant for each coordinate. What is measured
    here is the square of the Euclidean norm, at most G ||grad f||_1; sigma2 is that of the batch.
    With batches of T and alpha = 1 / sqrt(n L T) all terms are of the order 1 / sqrt(T).

    A sign is wrong only if the noise of the coordinate is at least |grad_i f|, so by Markov's
    inequality |grad_i f| P(wrong) <= sigma_i, and the step of `bernstein-2018-thm1-exact` loses at
    most 2 alpha sum_i sigma_i.
    """
    return G * (D0 / (alpha * T) + alpha * n * L / 2 + 2 * sqrt(n * sigma2))
