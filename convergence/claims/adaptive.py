"""Adaptive and sign methods: step lengths, the box of decoupled decay, stationarity, regret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import log, sqrt

from convergence.claim import Assumption, claim, sum_i
from convergence.claims.assumptions import (
    beta1_below_beta2,
    beta1_below_root,
    beta1_square_below_beta2,
    bounded_domain,
    box_or_metric_projection,
    constant_step,
    convex,
    exact_gradients,
    first_step,
    inverse,
    inverse_sqrt_step,
    settings_obey,
    smooth,
    step,
    the_rule,
    unbiased,
    unconstrained,
    with_eps,
)
from convergence.claims.stochastic import least_over_weights
from convergence.experiment import Experiment
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
        holds
            # Right without momentum, and where gradients do not grow.
            reddi-2018-online  adam:beta1=0,beta2=0.99,eps=0  inverse-sqrt:alpha=0.5  2_000
        holds, not sensitive
            quadratic:kappa=10  adam:eps=0  constant:alpha=0.01  300
        violated
            # Two rounds of a growing gradient suffice.
            himmelblau  adam:beta2=0.99,eps=0  constant:alpha=0.01  300  first_violation=2
            {_TENTH_MORE}  adam:beta2=0.99,eps=0  constant:alpha=0.01  75
            {_DOUBLING}  adam:beta1=0.25,beta2=0.5,eps=0  constant:alpha=0.01  20
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


def _moving(experiment: Experiment) -> str:
    """The objective's gradient at the start."""
    problem = experiment.problem
    return "" if problem.objective_gradient(problem.start).any() else "it is 0"


@claim(
    source="kingma2015, Section 2.1",
    tags=("step-length", "adaptive"),
    measure="relative_step",
    sense="at least",
    assumes=[
        the_rule("adam", eps=0.0, bias_correction="both", beta1_decay=1.0),
        exact_gradients,
        Assumption("the gradient of the start is not 0", _moving, "problem"),
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


def _sign_method(experiment: Experiment) -> str:
    """The key of the rule, or of one that is the same method, its decay and the weight of that."""
    rule = experiment.method
    if rule.key not in ("lion", "sign-descent", "signum"):
        return f"the run used {rule.key}"
    if rule.settings.get("decay", "decoupled") != "decoupled":
        return "the run used coupled decay"
    return "" if rule.settings["weight_decay"] > 0 else "the run used no weight decay"


def _short_decay(experiment: Experiment) -> str:
    """The first step size times the weight of the decay."""
    product = first_step(experiment) * experiment.method.settings["weight_decay"]
    return "" if product <= 1 else f"it is {product:.6g}"


def _around_zero(experiment: Experiment) -> str:
    """Whether the domain is `WholeSpace` or a `Box` with 0 in it."""
    domain = experiment.problem.domain
    if isinstance(domain, WholeSpace):
        return ""
    if isinstance(domain, Box) and np.all(domain.low <= 0) and np.all(domain.high >= 0):
        return ""
    return f"it is {domain}"


@claim(
    source="chen2024, the box, with the rate derived here",
    tags=("sign", "weight-decay"),
    measure="sup_norm",
    assumes=[
        Assumption("the method steps by signs, with decoupled decay", _sign_method),
        constant_step,
        Assumption("alpha weight_decay <= 1", _short_decay),
        Assumption("the domain is the whole space or a box around 0", _around_zero, "problem"),
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


def _root_over_smoothness(experiment: Experiment) -> float:
    """The step size b_0 / L."""
    return float(np.sqrt(experiment.method.settings["initial"])) * inverse(experiment)


_with_b0 = settings_obey("b_0 > 0", lambda s: s["initial"] > 0, "initial")
_ADAGRAD_NORM = (smooth, unconstrained, exact_gradients, the_rule("adagrad-norm"), constant_step)


@claim(
    source="ward2019, Theorem 2.2, first case",
    tags=("stationarity", "non-convex", "adaptive"),
    measure="stationarity_least",
    assumes=[
        *_ADAGRAD_NORM,
        _with_b0,
        step("b_0 >= alpha L", "<=", _root_over_smoothness, of="method"),
    ],
    cases="""
        holds
            quadratic:dimension=1,kappa=1  adagrad-norm:initial=10000  constant:alpha=100  3
            huber-worst  adagrad-norm:initial=4  constant:alpha=2  500
        holds, not sensitive
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
    assumes=[
        *_ADAGRAD_NORM,
        _with_b0,
        step("b_0 < alpha L", ">", _root_over_smoothness, of="method"),
    ],
    status="proved here",
    cases="""
        holds
            quadratic:dimension=1,kappa=1  adagrad-norm:initial=9999.9999  constant:alpha=100  3
        holds, not sensitive
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
        holds, not sensitive
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
            sparse-hinge  adamnc:beta1=0.2  inverse-sqrt:alpha=1  1_000  seeds=4
        holds, not sensitive
            reddi-2018-thm1  adamnc:beta1=0.5  inverse-sqrt:alpha=1  2_000
            reddi-2018-online  adamnc  inverse-sqrt:alpha=0.5  2_000
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
    most sum_s g_s**2 / ||g_{1:s}|| <= 2 ||g_{1:T}||. The print has 2 alpha / (1 - beta1)**3. With
    beta1 = 0 it is `duchi-2011-adagrad-diag`, and like that attained as first T, then alpha grows:
    the slopes 1, -1 come to .957 at alpha = 10, T = 10000.
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
        holds, not sensitive
            # Adam in the place of AdamX passes the bound here.
            reddi-2018-thm1  adamx:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1  10_000
            reddi-2018-thm1  adamx:beta1=0.3,beta2=0.5,beta1_decay=0.5  inverse-sqrt:alpha=0.3 \
                5_000
            reddi-2018-online  adamx:beta1=0  inverse-sqrt:alpha=0.5  2_000
        not applicable
            # With a constant beta1 AMSGrad is AdamX.
            reddi-2018-thm1  amsgrad:beta1_decay=0.5  inverse-sqrt:alpha=0.3  9
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


_STOCHASTIC = (smooth, unconstrained, unbiased)


def _descent(
    Q: Any, L: Any, G: Any, D0: Any, n: Any, alpha: Any, beta1: Any = 0, ratio: Any = 0, c: Any = 1
) -> Any:
    """The sum of squared gradients over the largest denominator, in `defossez-2022-thm1` to 4.

    Q bounds the sum over the rounds of g**2 over the square of the denominator; ratio is
    beta1 / beta2; c is sqrt(1 - beta2), or 1 where second moments are sums.
    """
    b, S = 1 - beta1, (1 - ratio) ** -1.5
    turned = (S - 1) * beta1 * sqrt(1 + beta1) / (b**3.5 * (1 - ratio))
    steps = alpha * L * (b / c) ** 2 * (1 / (2 * b * (1 - ratio)) + sqrt(turned))
    return least_over_weights(D0 / alpha + n * Q * steps, n * Q * G * S * b / c)


@claim(
    source="defossez2022, Theorem 1, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adagrad", eps_position="inside", initial=0.0),
        with_eps,
        constant_step,
    ],
    cases="""
        holds
            noisy-huber:start=20  adagrad:eps_position=inside,eps=1e6  constant:alpha=50  800 \
                seeds=16
        holds, not sensitive
            noisy-huber:start=20  adagrad:eps_position=inside,eps=1e4  constant:alpha=5  800 \
                seeds=16
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

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= sqrt(eps + T G**2) / T (sqrt(B) + sqrt(A + B))**2 with
    Q = log(1 + T G**2 / eps), A = D0 / alpha + n Q alpha L/2, B = n Q G, G = G_inf. At most the
    print, 2 R D0 / (alpha sqrt(T)) + (4 n R**2 + alpha n R L) log(1 + T R**2 / eps) / sqrt(T),
    R = G + sqrt(eps).

    Proof, by coordinate, with s the sum of squared gradients, s' the same with the newest square
    replaced by its mean and h the exact gradient: |1/sqrt(eps + s) - 1/sqrt(eps + s')| is at most
    (g**2 + E g**2) over sqrt(eps + s) sqrt(eps + s') times their sum. Young's inequality, twice at
    the weight w/2, gives E[h g / sqrt(eps + s)] >= (1 - w) h**2 / sqrt(eps + s')
    - G/w E[g**2 / (eps + s)]. In the descent lemma sqrt(eps + s') <= sqrt(eps + T G**2), and the
    steps cost (alpha G/w + alpha**2 L / 2) sum g**2 / (eps + s), with a sum of at most Q. So the
    sum of squares is at most that root times (A + B/w) / (1 - w); the print has w = 1/2, here it
    is the least over w. As eps grows the method becomes SGD and the bound one of SGD: on the
    straight part of `noisy-huber` the cases come to .84 of it.
    """
    root = sqrt(eps + T * G_inf**2)
    return root / T * _descent(np.log1p(T * G_inf**2 / eps), L, G_inf, D0, n, alpha)


@claim(
    source="defossez2022, Theorem 2, for Adam without bias correction, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adam", beta1=0.0, eps_position="inside", bias_correction="none", beta1_decay=1.0),
        with_eps,
        constant_step,
    ],
    status="proved here",
    cases="""
        holds
            noisy-huber:start=20 \
                adam:beta1=0,beta2=0.99,eps=1000,eps_position=inside,bias_correction=none \
                constant:alpha=1.6  800  seeds=16
        holds, not sensitive
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

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= sqrt(eps + G**2) / T (sqrt(B) + sqrt(A + B))**2 with
    c = sqrt(1 - beta2), A = D0 / alpha + n Q alpha L / (2 c**2), B = n Q G/c, G = G_inf and
    Q = log(1 + G**2 / eps) - (T - 1) log(1 - c**2 G**2 / (eps + G**2)).

    The paper leaves 1 - beta2 out of its second moment, s_t = beta2 s_{t-1} + g_t**2, and lets the
    step size rise to what the correction of s would give. Here the correction is left out and the
    step size constant; s is v / c**2, the paper's eps is e = eps / c**2 and its step size alpha/c.
    In the proof of `defossez-2022-thm1` sqrt(e + s') is at most sqrt(eps + G**2) / c, and
    g_t**2 / (e + s_t) at most log((e + s_t) / (e + s_{t-1})) + log((e + s_{t-1}) /
    (e + beta2 s_{t-1})). The first add up to at most log(1 + G**2 / eps); the second grow with s,
    which stays below G**2 / c**2. (The print has -log beta2, which is more.) The last part of Q
    grows like T: with beta2 fixed, the theorem does not say that Adam converges. The cases come to
    .74 of it, on the straight part of `noisy-huber`.
    """
    c = sqrt(1 - beta2)
    root = sqrt(eps + G_inf**2)
    return root / T * _descent(_squares(T, G_inf, beta2, eps), L, G_inf, D0, n, alpha, c=c)


def _squares(T: Any, G: Any, beta2: Any, eps: Any) -> Any:
    """The Q of `defossez-2022-thm2`."""
    return np.log1p(G**2 / eps) - (T - 1) * np.log1p((beta2 - 1) * G**2 / (eps + G**2))


@claim(
    source="taniguchi2024, with a bound derived here for beta1 = 0",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adopt", beta1=0.0, clip="none"),
        with_eps,
        constant_step,
    ],
    status="proved here",
    cases="""
        holds
            huber-worst  adopt:beta1=0,beta2=0.1,eps=0.05  constant:alpha=0.002  1_000
        holds, not sensitive
            # The second moment with the newest gradient, as RMSprop has it, passes the bound here.
            noisy-huber:slope=0.8,sigma=2,chance=0.4,start=1  adopt:beta1=0,beta2=0.01,eps=1 \
                constant:alpha=0.01  1_000  seeds=16
            rare-feature-logistic:dimension=2  adopt:beta1=0,beta2=0.5,eps=1  constant:alpha=0.1 \
                500  seeds=16
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
        with_eps,
        inverse_sqrt_step,
    ],
    status="proved here",
    cases=f"""
        holds, not sensitive
            noisy-huber:sigma=0.3,start=1  adamnc:beta1=0,eps=1e6,eps_position=inside \
                inverse-sqrt:alpha=1000  200  seeds=16
            noisy-huber:sigma=0.1,start=20  adamnc:beta1=0.2,eps=1e5,eps_position=inside \
                inverse-sqrt:alpha=150  3_000  seeds=8
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

    sum_{t<=N} (1 - beta1**(N-t+1)) E||grad f(x_t)||**2 <= sqrt(N (eps + G**2))
    (sqrt(B) + sqrt(A + B))**2 with b = 1 - beta1, G = G_inf, Q = log(1 + G**2 / eps)
    + G**2 / (eps + G**2) log N, B = n Q G / sqrt(b) and A = D0 / alpha
    + n Q alpha L (1/2 + sqrt(beta1 (b**-1.5 - 1) sqrt(1 + beta1) / sqrt(b))).

    The print divides by N - beta1 / (1 - beta1), which is at most the sum of the weights. Here that
    bounds the plain mean: see `_mean_from_weighted`.

    `adamnc` with alpha / sqrt(t) divides by the root of u_t = t eps + s_t, s_t the sum of squares,
    which is between u_{t-1} + eps and N (eps + G**2). So g_t**2 / u_t is at most log(u_t / u_{t-1})
    - log(1 + eps / u_{t-1}), where u_{t-1} <= (t - 1)(eps + G**2); and with q = eps / (eps + G**2)
    the product of 1 + q/j over j < N is at least N**q. That is Q. Otherwise the proof is that of
    `defossez-2022-thm4` with beta2 = 1 and no 1 - beta2. The cases come to .69 of it in the first
    round, and later to .44: the root of N stands for that of every round before.
    """

    def most(N: Any) -> Any:
        share = G_inf**2 / (eps + G_inf**2)
        Q = np.log1p(G_inf**2 / eps) + share * log(N)
        root = sqrt(N * (eps + G_inf**2))
        return root * _descent(Q, L, G_inf, D0, n, alpha, beta1=beta1, ratio=beta1)

    return _mean_from_weighted(T, beta1, most)


@claim(
    source="defossez2022, Theorem 4, for Adam without bias correction, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        *_STOCHASTIC,
        the_rule("adam", eps_position="inside", bias_correction="none", beta1_decay=1.0),
        beta1_below_beta2,
        with_eps,
        constant_step,
    ],
    status="proved here",
    cases=f"""
        holds, not sensitive
            noisy-huber:start=20 \
                adam:beta1=0.5,beta2=0.99,eps=1000,eps_position=inside,bias_correction=none \
                constant:alpha=1.6  800  seeds=16
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

    With a = beta1 / beta2 < 1, b = 1 - beta1, c = sqrt(1 - beta2), S = (1 - a)**(-3/2), G = G_inf,
    sum_{t<=N} (1 - beta1**(N-t+1)) E||grad f(x_t)||**2 <= sqrt(eps + G**2)
    (sqrt(B) + sqrt(A + B))**2 with Q as in `defossez-2022-thm2`, B = n Q G S b/c and A = D0 / alpha
    + n Q alpha L (b/c)**2 (1 / (2 b (1 - a)) + sqrt((S - 1) K / (b (1 - a)))),
    K = beta1 sqrt(1 + beta1) / b**2.5.

    Units as in `defossez-2022-thm2`, and the plain mean for the weighted one as in
    `defossez-2022-thm3`.

    Proof. In sums, m_t / sqrt(e + s_t) is a sum over k of beta1**k g_{t-k} / sqrt(e + s_t). Replace
    grad f(x_t) by grad f(x_{t-k}), k >= 1: Young's inequality at the weight z / (2 sqrt(k+1)) costs
    sqrt(k+1) / (2 z) g_{t-k}**2 / (e + s_t) and the squares of the k steps between, with
    sum k**1.5 beta1**k <= K. Then the proof of `defossez-2022-thm1` with the newest k + 1 squares
    replaced by their mean costs G/w sqrt(k+1) g_{t-k}**2 / (e + s_t). Sum with
    s_t >= beta2**k s_{t-k} and sum sqrt(k+1) a**k <= S (both sums by Cauchy-Schwarz; the print has
    2 S). The costs (S - 1) / (2 z) and those of the steps, which grow like z, are together least at
    the z that makes them equal: the last root of A. The rest is least over w. The cases come to .61
    of it, with beta1 = 1/2, on the straight part of `noisy-huber`.
    """
    root, c = sqrt(eps + G_inf**2), sqrt(1 - beta2)

    def most(N: Any) -> Any:
        Q = _squares(N, G_inf, beta2, eps)
        return root * _descent(Q, L, G_inf, D0, n, alpha, beta1=beta1, ratio=beta1 / beta2, c=c)

    return _mean_from_weighted(T, beta1, most)


@claim(
    source="ward2019, Theorem 2.1, with constants derived here",
    tags=("stationarity", "non-convex", "adaptive", "stochastic"),
    measure="gradient_mean_square",
    kind="with probability",
    assumes=[
        *_STOCHASTIC,
        the_rule("adagrad-norm"),
        constant_step,
        _with_b0,
    ],
    status="proved here",
    options={"delta": (0.5, 0.1, 0.01)},
    cases="""
        holds, not sensitive
            noisy-huber:sigma=0.2,start=5  adagrad-norm:initial=1e6  constant:alpha=50  400 \
                seeds=64  delta=0.5
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
    <= sqrt(b_0**2 + T G**2 + sigma2) (sqrt(B) + sqrt(A + B))**2 / (delta T), G the bound of every
    stochastic gradient, Q = log(1 + T G**2 / b_0**2), A = D0 / alpha + Q alpha L/2, B = Q sigma.

    The print bounds the least square by (2 b_0 / T + 4 (G + sigma) / sqrt(T)) Q' / delta**1.5 with
    a larger Q'; there only exact gradients have a bound. Proof, with c_t**2 = b_{t-1}**2
    + ||grad f(x_t)||**2 + sigma2, which has seen nothing of round t: |1/b_t - 1/c_t| is at most
    (||g - grad f|| + sigma) / (b_t c_t), and Young's inequality, twice at the weight w/2, leaves
    alpha (1 - w) ||grad f||**2 / c_t of the descent lemma and costs (alpha sigma / w
    + alpha**2 L / 2) ||g_t||**2 / b_t**2, whose sum is at most log(b_T**2 / b_0**2) <= Q. So
    sum E||grad f||**2 / c_t <= (A + B/w) / (1 - w), and the least over w is taken. All c_t**2 are
    at most b_0**2 + T G**2 + sigma2, and Markov's inequality gives the claim. For large b_0 the
    mean of the sums is bounded sharply, but every run is near it: the cases come to .46 for
    delta = 1/2, where Markov's inequality allows twice the mean. Nothing beyond 1/2 is known.
    """
    Q = np.log1p(T * G**2 / b0**2)
    sums = least_over_weights(D0 / alpha + Q * alpha * L / 2, Q * sqrt(sigma2))
    return sqrt(b0**2 + T * G**2 + sigma2) * sums / (delta * T)


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
            noisy-huber:sigma=0.1,start=4  signsgd  constant:alpha=0.02  400  seeds=16
        holds, not sensitive
            # The theorem's own experiment: K steps with batches of K, step size 1 / sqrt(n L K).
            {_ROWS},batch=100  signsgd  constant:alpha=0.2  100  seeds=16
            {_ROWS},batch=10  signsgd  constant:alpha=0.1  400  seeds=16
            rare-feature-logistic:dimension=2  signsgd  constant:alpha=0.01  300  seeds=8
        not applicable
            noisy-quadratic  signsgd  constant:alpha=0.01  9  seeds=2
            {_ROWS}  signum  constant:alpha=0.01  9  seeds=2
    """,
)
def bernstein_2018_thm1(
    T: Any, L: Any, G_inf: Any, n: Any, D0: Any, alpha: Any, sigma2: Any
) -> Any:
    """Sign descent finds stationary points with noise too, to within what the batches leave.

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= G_inf (D0 / (alpha T) + alpha n L / 2 + sqrt(n sigma2)).

    The print bounds the mean of ||grad f||_1 by the bracket, with 2 ||sigma||_1 over the root of
    the batch for its last term, and one smoothness constant for each coordinate. Here it is
    ||sigma||_1 <= sqrt(n sigma2), sigma2 that of the batch; and the square of the Euclidean norm is
    measured, at most G_inf ||grad f||_1. With batches of T and alpha = 1 / sqrt(n L T) all terms
    are of the order 1 / sqrt(T).

    The sign of coordinate i is wrong or 0 only if its noise is at least |grad_i f| against it, with
    a probability of at most sigma_i**2 / (sigma_i**2 + |grad_i f|**2) (Cantelli). As 2 |grad_i f|
    times that is at most sigma_i, the step of `bernstein-2018-thm1-exact` loses at most
    alpha sum_i sigma_i. Where the noise is too small to turn a sign, the cases come to .77 of it.
    """
    return G_inf * (D0 / (alpha * T) + alpha * n * L / 2 + sqrt(n * sigma2))
