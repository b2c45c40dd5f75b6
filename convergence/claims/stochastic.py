"""Bounds of SGD in expectation, and the regret of gradient descent on strongly convex losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import cumsum, sqrt
from numpy.typing import NDArray

from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    bounded_below,
    bounded_domain,
    bounded_second_moment,
    constant_step,
    convex,
    exact_gradients,
    inverse,
    inverse_sqrt_step,
    known_minimizer,
    polyak_lojasiewicz,
    smooth,
    states,
    step,
    step_size,
    steps_are,
    stochastic,
    strongly_convex,
    the_problem,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = [
    "bernstein_2018_thm1_exact",
    "bottou_2018_thm46",
    "ghadimi_lan_2013",
    "hazan_2007_thm1",
    "interpolation_sc_sgd",
    "lacoste_julien_2012",
    "least_over_weights",
    "noisy_quadratic_harmonic_least",
    "noisy_quadratic_harmonic_most",
    "noisy_quadratic_mean_square",
    "sgd_convex_avg",
    "sgd_mean_square",
    "shamir_zhang_2013_last",
    "vaswani_2019_sgc",
    "vaswani_2019_sgc_pl",
]

Array = NDArray[np.float64]


def _noise_at_minimizer(experiment: Experiment) -> str:
    """Whether the problem states `M_G`, and `M` as 0."""
    problem = experiment.problem
    if "M" not in problem.constants or "M_G" not in problem.constants:
        return "the problem states no M and M_G"
    return f"M is {problem.constant('M'):g}" if problem.constant("M") else ""


_strong_growth = Assumption("E||g||**2 <= rho ||grad f||**2", _noise_at_minimizer, "problem")


# Where g vanishes everywhere M_G is 0, and any step will do.
_within_growth = step_size("alpha <= 1 / (M_G L)", lambda experiment: inverse(experiment, "M_G"))
_below_growth = step(
    "alpha < 2 / (rho L)",
    "<",
    lambda experiment: 2 * inverse(experiment, "M_G") * inverse(experiment),
)
_below_twice_inverse_smoothness = step(
    "alpha < 2/L", "<", lambda experiment: 2 * inverse(experiment)
)


def _harmonic(T: Any) -> Any:
    """Sum of 1/t for t = 1..T, for an array of whole numbers."""
    sums = cumsum(1 / np.arange(1.0, np.max(T) + 1))
    return sums[np.asarray(T, int) - 1]


def least_over_weights(A: Any, B: Any) -> Any:
    """The least of (A + B/w) / (1 - w) over 0 < w < 1, for A, B >= 0.

    A proof that splits a product by Young's inequality is one for every weight w.
    """
    return (sqrt(B) + sqrt(A + B)) ** 2


_sgd = the_rule("gradient-descent")

# Convex functions


@claim(
    source="nemirovski2009",
    tags=("suboptimality", "convex", "stochastic"),
    measure="suboptimality_average",
    kind="in expectation",
    assumes=[convex, unbiased, bounded_second_moment, known_minimizer, _sgd, constant_step],
    cases="""
        holds
            absolute-value  sgd  constant:alpha=1/64  64
            single-feature-hinge:dimension=1,noise=0  sgd  constant:alpha=1/64  64  seeds=2
        holds, not sensitive
            single-feature-hinge  sgd  constant:alpha=0.1  500  seeds=20
            coin-flip-experts  sgd  constant:alpha=0.03  500  seeds=20
            rare-feature-logistic  sgd  constant:alpha=1  500  seeds=20
        not applicable
            noisy-quadratic  sgd  constant:alpha=0.1  100  seeds=20
            shi-2021:order=reshuffled  sgd  constant:alpha=0.1  100  seeds=2
    """,
)
def sgd_convex_avg(T: Any, R0: Any, alpha: Any, second_moment: Any) -> Any:
    """SGD with a constant step on a convex function, at the mean of the iterates.

    E f(mean of x_1..x_T) - f* <= R0**2 / (2 alpha T) + alpha G**2 / 2, for every alpha > 0, where
    E||g||**2 <= G**2. With alpha = R0 / (G sqrt(T)) it is R0 G / sqrt(T), as it is printed.

    Proof. E||x_{t+1} - x*||**2 <= E||x_t - x*||**2 - 2 alpha (E f(x_t) - f*) + alpha**2 G**2, also
    after a projection; add up, and f of the mean is at most the mean of f. Nothing is lost where
    f is linear on the way and the last step ends at x*: on |x| from 1, alpha = 1/T, it is attained.
    """
    return R0**2 / (2 * alpha * T) + alpha * second_moment / 2


@claim(
    source="shamir2013, Theorem 2, with constants derived here",
    tags=("suboptimality", "convex", "stochastic"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[
        convex,
        unbiased,
        bounded_domain,
        bounded_second_moment,
        _sgd,
        inverse_sqrt_step,
    ],
    cases="""
        holds, not sensitive
            # The first step leads across the minimum to the other end.
            noisy-huber:sigma=0.05,L=1e6,start=0.15,domain=[-0.85,0.15]  sgd \
                inverse-sqrt:alpha=1  5_000  seeds=32
            single-feature-hinge:dimension=1,radius=1,noise=0  sgd  inverse-sqrt:alpha=0.5  3_000 \
                seeds=2
            linear-on-ball  sgd  inverse-sqrt:alpha=0.28  2_000
            single-feature-hinge:dimension=1,radius=1  sgd  inverse-sqrt:alpha=1.4  2_000 \
                seeds=20
        not applicable
            noisy-quadratic  sgd  inverse-sqrt:alpha=1  100  seeds=20
    """,
)
def shamir_zhang_2013_last(T: Any, D: Any, alpha: Any, second_moment: Any) -> Any:
    """SGD with steps alpha / sqrt(t) on a bounded domain, at the last iterate.

    With N = T + 1, H_n = 1 + 1/2 + ... + 1/n and E||g||**2 <= G**2, E f(x_N) - f* is at most
    D**2 / (2 alpha) (1/sqrt(N) + sqrt(N) (H_{2T+1} - 1) / (2T + 3))
    + alpha G**2 (1/sqrt(N) + sqrt(N) H_{2T} / (2T + 1) - 1/(2T)): for large T about
    (D**2 / (2 alpha) + alpha G**2) log T / (2 sqrt(T)), at most half of the print.

    Proof. Let a and b be these two factors and S_k the mean of E f over the last k + 1 of
    x_1..x_N. The regret of these k + 1 rounds against x_{N-k}, from which they start, is at most
    a (sqrt(N) - sqrt(N - k)) + b (sqrt(N) - sqrt(N - k - 1)). As k S_{k-1} = (k + 1) S_k
    - E f(x_{N-k}), S_{k-1} - S_k is at most that over k (k + 1). There sqrt(N - k) >=
    (N - k) / sqrt(N) leaves a sqrt(N) / ((k + 1)(2N - k)) + b sqrt(N) / (k (2N - k - 1)), partial
    fractions that add up to the terms with H. They lead from S_{N-1} - f* <= a / sqrt(N)
    + b (sqrt(N) - 1/2) / N down to S_0 = E f(x_N); the last 1/2 is to spare also at k = N - 1.

    A first step across the minimum, from a kink at one end of an interval to the other, comes to
    .72 of it, as the worst function does; the cases, which begin a little away from the kink, to
    .56. After 8 rounds the worst function still comes to .48 (`docs/worst-cases.md`).
    """
    N = T + 1
    distance = 1 / sqrt(N) + sqrt(N) * (_harmonic(2 * T + 1) - 1) / (2 * T + 3)
    noise = 1 / sqrt(N) + sqrt(N) * _harmonic(2 * T) / (2 * T + 1) - 1 / (2 * T)
    return D**2 / (2 * alpha) * distance + alpha * second_moment * noise


# Strongly convex functions


def _lost_shares(T: Any) -> Any:
    """Sum of t / (t + 1) for t = 1..T."""
    return T + 1 - _harmonic(T + 1)


_WEIGHTED_STEPS = "inverse-strong-convexity:c=2,offset=1"


@claim(
    source="lacostejulien2012",
    tags=("suboptimality", "convex", "stochastic"),
    measure="suboptimality_weighted",
    kind="in expectation",
    assumes=[
        unbiased,
        strongly_convex,
        bounded_second_moment,
        _sgd,
        steps_are("alpha_t = 2 / (mu (t + 1))", "mu", lambda t, mu: 2 / (mu * (t + 1))),
    ],
    cases=f"""
        holds
            parabola-on-interval  sgd  {_WEIGHTED_STEPS}  500
            parabola-on-interval:noise=0.1  sgd  {_WEIGHTED_STEPS}  500  seeds=20
        holds, not sensitive
            nesterov-worst-nonsmooth:N=1  sgd  {_WEIGHTED_STEPS}  500
            nesterov-worst-nonsmooth  sgd  {_WEIGHTED_STEPS}  2_000
        not applicable
            nesterov-worst-nonsmooth  sgd  inverse-strong-convexity  100
            noisy-quadratic  sgd  {_WEIGHTED_STEPS}  100  seeds=20
    """,
)
def lacoste_julien_2012(T: Any, mu: Any, second_moment: Any) -> Any:
    """SGD on a strongly convex function, at the mean of the iterates with weights t.

    With alpha_t = 2 / (mu (t + 1)) and E||g||**2 <= G**2,
    E f(2 / (T (T + 1)) sum t x_t) - f* <= 2 G**2 / (mu T (T + 1)) sum_{t<=T} t / (t + 1), which is
    less than the printed 2 G**2 / (mu (T + 1)), and tends to it.

    Proof. With d_t = E||x_t - x*||**2, one step gives E f(x_t) - f*
    <= (1/(2 alpha_t) - mu/2) d_t - d_{t+1} / (2 alpha_t) + alpha_t G**2 / 2. Times t the first two
    terms are mu/4 ((t - 1) t d_t - t (t + 1) d_{t+1}): they telescope.

    Attained at T = 1 on mu/2 x**2 on an interval, from the end where the gradient is largest; what
    is known for large T comes to 30 % of it.
    """
    return 2 * second_moment / (mu * T * (T + 1)) * _lost_shares(T)


def _strongly_convex_on_average(experiment: Experiment) -> str:
    """Whether the problem's `mu` is that of an objective which losses have only in the mean."""
    problem = experiment.problem
    average = problem.stochastic or (problem.samples is not None and problem.has_objective)
    return "mu is that of their mean" if average else ""


@claim(
    source="hazan2007, Theorem 1",
    tags=("regret", "online"),
    measure="regret",
    assumes=[
        strongly_convex,
        Assumption("every single loss is strongly convex", _strongly_convex_on_average, "problem"),
        _sgd,
        steps_are("alpha_t = 1 / (mu t)", "mu", lambda t, mu: 1 / (mu * t)),
    ],
    cases="""
        holds
            parabola-on-interval  sgd  inverse-strong-convexity  500
            parabola-on-interval:mu=4  sgd  inverse:alpha=0.25  500
            drifting-quadratics:period=2,radius=0.1  sgd  inverse-strong-convexity  2_000
        holds, not sensitive
            drifting-quadratics:mu=2  sgd  inverse:alpha=0.5  2_000
            portfolio-selection  sgd  inverse-strong-convexity  2_000
            breast-cancer-stream  sgd  inverse-strong-convexity  400
        not applicable
            drifting-quadratics  sgd  inverse:alpha=0.5  100
            reddi-2018-thm1  sgd  inverse:alpha=1  100
    """,
)
def hazan_2007_thm1(T: Any, mu: Any, G: Any) -> Any:
    """Online gradient descent has regret O(log T) on strongly convex losses.

    With alpha_t = 1 / (mu t), R_T <= G**2 / (2 mu) sum_{t<=T} 1/t; printed with 1 + log T.

    Proof. f_t(x_t) - f_t(u) <= g_t.(x_t - u) - mu/2 ||x_t - u||**2, and the first term is at most
    mu t / 2 (||x_t - u||**2 - ||x_{t+1} - u||**2) + G**2 / (2 mu t). The weights of ||x_t - u||**2
    add up to mu t / 2 - mu (t - 1) / 2 - mu / 2 = 0.

    Attained at T = 1 on mu/2 x**2 on an interval, from the end where the gradient is largest. For
    large T centres that jump between c and -c come to (1 + r)**-2 of it as T grows, r the share of
    ||c|| that the domain reaches to: .71 at T = 2000 for r = .1.
    """
    return G**2 / (2 * mu) * _harmonic(T)


# Smooth functions


@claim(
    source="bottou2018, Theorem 4.6",
    tags=("suboptimality", "stochastic"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        stochastic,
        polyak_lojasiewicz,
        states("M_G", "E||g||**2 <= M + M_G ||grad f||**2"),
        _sgd,
        constant_step,
        _within_growth,
        step("alpha <= 1 / mu", "<=", lambda experiment: inverse(experiment, "mu_pl")),
    ],
    cases="""
        holds
            noisy-quadratic:kappa=1,dimension=1000,start=2  sgd  inverse-smoothness  8  seeds=40
            noisy-quadratic:dimension=20,start=4  sgd  inverse-smoothness:h=0.5  200  seeds=40
            label-noise-least-squares  sgd  constant:alpha=0.05  300  seeds=40
        not applicable
            label-noise-least-squares  sgd  inverse-smoothness  100  seeds=20
            heavy-tailed-noise  sgd  inverse-smoothness  100  seeds=20
    """,
)
def bottou_2018_thm46(T: Any, L: Any, mu_pl: Any, M: Any, D0: Any, alpha: Any) -> Any:
    """SGD with a constant step converges linearly, down to the noise.

    With E||g||**2 <= M + M_G ||grad f||**2, alpha <= min(1 / (L M_G), 1 / mu) and
    B = alpha L M / (2 mu): E f(x_{T+1}) - f* <= B + (1 - alpha mu)**T (D0 - B). Printed for
    strongly convex f; the Polyak-Lojasiewicz inequality is all that the proof uses.

    Proof. The descent lemma gives E f(x_{t+1}) <= E f(x_t) - alpha (1 - L alpha M_G / 2)
    E||grad f||**2 + L alpha**2 M / 2, where the bracket is at least 1/2 and ||grad f||**2 at least
    2 mu (f - f*). So F_t = E f(x_t) - f* obeys F_{t+1} <= (1 - alpha mu) F_t + alpha mu B.

    Attained in every round on L/2 ||x||**2 with M_G = 1 and alpha = 1/L, where x_{t+1} is noise.
    """
    B = alpha * L * M / (2 * mu_pl)
    return B + (1 - alpha * mu_pl) ** T * (D0 - B)


@claim(
    source="ghadimi2013, Theorem 2.1",
    tags=("stationarity", "non-convex", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        stochastic,
        bounded_below,
        _sgd,
        constant_step,
        _below_twice_inverse_smoothness,
    ],
    cases="""
        holds
            noisy-quadratic:kappa=1,dimension=100,start=2  sgd  inverse-smoothness  200  seeds=20
            noisy-quadratic:dimension=20,start=4  sgd  inverse-smoothness:h=0.1  500  seeds=20
        holds, not sensitive
            rare-feature-logistic  sgd  inverse-smoothness:h=0.1  500  seeds=20
        not applicable
            noisy-quadratic  sgd  inverse-smoothness:h=2  100  seeds=20
            label-noise-least-squares  sgd  inverse-smoothness:h=0.1  100  seeds=20
    """,
)
def ghadimi_lan_2013(T: Any, L: Any, D0: Any, alpha: Any, sigma2: Any) -> Any:
    """SGD with a constant step finds stationary points of smooth functions.

    For alpha < 2/L: 1/T sum_{t<=T} E||grad f(x_t)||**2
    <= (2 D0 + L sigma2 alpha**2 T) / (T (2 alpha - L alpha**2)). The print has a step size for each
    round, and the iterate of a round drawn with weights 2 alpha_t - L alpha_t**2: with a constant
    step, the mean over the rounds.

    Proof. By the descent lemma E f(x_{t+1}) <= E f(x_t) - (alpha - L alpha**2 / 2) E||grad f||**2
    + L alpha**2 sigma2 / 2; add up, and f(x_{T+1}) >= f*.

    On L/2 ||x||**2 only that last step loses: with sigma = 1, the start 2 in every coordinate and
    alpha = 1/L = 1 the ratio is (T + 3) / (T + 4).
    """
    return (2 * D0 + L * sigma2 * alpha**2 * T) / (T * (2 * alpha - L * alpha**2))


# Noise that fades


@claim(
    source="vaswani2019",
    tags=("stationarity", "non-convex", "stochastic", "interpolation"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        stochastic,
        bounded_below,
        _strong_growth,
        _sgd,
        constant_step,
        _below_growth,
    ],
    cases="""
        holds
            multiplicative-noise:tau=0.1,kappa=1  sgd  inverse-smoothness:h=0.99  20  seeds=20
            multiplicative-noise  sgd  inverse-smoothness:h=0.8  200  seeds=20
        inconclusive
            zhang-2022:order=independent  sgd  constant:alpha=0.01  500  seeds=8
        not applicable
            label-noise-least-squares  sgd  constant:alpha=0.05  100  seeds=20
            multiplicative-noise:tau=1  sgd  inverse-smoothness  100  seeds=20
    """,
)
def vaswani_2019_sgc(T: Any, L: Any, M_G: Any, D0: Any, alpha: Any) -> Any:
    """Under strong growth SGD finds stationary points as fast as gradient descent, over rho.

    With E||g||**2 <= rho ||grad f||**2 and alpha < 2 / (rho L),
    1/T sum_{t<=T} E||grad f(x_t)||**2 <= 2 D0 / (T alpha (2 - alpha rho L)); with the printed step
    size 1 / (rho L) it is 2 rho L D0 / T.

    Proof. By the descent lemma E f(x_{t+1}) <= E f(x_t) - alpha (1 - alpha rho L / 2)
    E||grad f(x_t)||**2; add up, and f(x_{T+1}) >= f*.

    On L/2 ||x||**2 only that last step loses: at alpha = 1/(rho L) the ratio is 1 - (1 - 1/rho)**T.
    """
    return 2 * D0 / (T * alpha * (2 - alpha * M_G * L))


@claim(
    source="vaswani2019",
    tags=("suboptimality", "non-convex", "stochastic", "interpolation"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        stochastic,
        polyak_lojasiewicz,
        _strong_growth,
        _sgd,
        constant_step,
        _below_growth,
    ],
    cases="""
        holds
            multiplicative-noise:tau=0.1,kappa=1  sgd  inverse-smoothness:h=0.1  8  seeds=64
            multiplicative-noise:tau=0.1  sgd  inverse-smoothness:h=0.1  200  seeds=40
            interpolating-least-squares:batch=20  sgd  constant:alpha=0.2  20  seeds=40
        not applicable
            label-noise-least-squares  sgd  constant:alpha=0.05  100  seeds=20
    """,
)
def vaswani_2019_sgc_pl(T: Any, L: Any, M_G: Any, mu_pl: Any, D0: Any, alpha: Any) -> Any:
    """Under strong growth and the Polyak-Lojasiewicz inequality SGD converges linearly.

    With E||g||**2 <= rho ||grad f||**2 and alpha < 2 / (rho L),
    E f(x_{T+1}) - f* <= (1 - alpha mu (2 - alpha rho L))**T D0; with the printed step size
    1 / (rho L) it is (1 - mu / (rho L))**T D0.

    Proof. By the descent lemma E f(x_{t+1}) <= E f(x_t) - alpha (1 - alpha rho L / 2)
    E||grad f(x_t)||**2, and ||grad f||**2 >= 2 mu (f - f*). The factor is not negative, since
    rho >= 1 and mu <= L.

    Attained in every round on L/2 ||x||**2 times 1 +- tau, where rho = 1 + tau**2, for every alpha.
    """
    return (1 - alpha * mu_pl * (2 - alpha * M_G * L)) ** T * D0


def _not_interpolating(experiment: Experiment) -> str:
    """The tag `interpolation`."""
    tagged = "interpolation" in experiment.problem.tags
    return "" if tagged else "the problem is not tagged interpolation"


@claim(
    source="vaswani2019, with constants derived here",
    tags=("distance", "convex", "stochastic", "interpolation"),
    measure="distance_square",
    kind="in expectation",
    assumes=[
        convex,
        Assumption("one point minimises every single loss", _not_interpolating, "problem"),
        states("L_max", "every single loss is L_max-smooth"),
        unconstrained,
        stochastic,
        strongly_convex,
        known_minimizer,
        _sgd,
        constant_step,
        step("alpha < 2 / L_max", "<", lambda experiment: 2 * inverse(experiment, "L_max")),
    ],
    cases="""
        holds
            multiplicative-noise:tau=1,kappa=1  sgd  constant:alpha=0.01  8  seeds=64
            multiplicative-noise  sgd  constant:alpha=0.05  100  seeds=40
            skewed-batches:noise=0,batch=20  sgd  constant:alpha=0.04  10  seeds=40
        not applicable
            label-noise-least-squares  sgd  constant:alpha=0.05  100  seeds=20
            multiplicative-noise:tau=1  sgd  inverse-smoothness  20  seeds=2
    """,
)
def interpolation_sc_sgd(T: Any, mu: Any, L_max: Any, R0: Any, alpha: Any) -> Any:
    """SGD converges linearly where one point minimises every single loss.

    Every loss convex and L_max-smooth, their mean mu-strongly convex, alpha < 2 / L_max:
    E||x_{T+1} - x*||**2 <= (1 - alpha mu (2 - alpha L_max))**T R0**2; with alpha = 1 / L_max it is
    (1 - mu / L_max)**T R0**2.

    Proof. As g vanishes at x*, ||g||**2 <= L_max g.(x - x*) (cocoercivity). So E||x_{t+1} - x*||**2
    <= ||x_t - x*||**2 - alpha (2 - alpha L_max) grad f(x_t).(x_t - x*), and the product is at least
    mu ||x_t - x*||**2. The factor is not negative, since mu <= L_max.

    Attained in every round on ||x||**2 or 0, by a fair coin, for every alpha.
    """
    return (1 - alpha * mu * (2 - alpha * L_max)) ** T * R0**2


# Exact mean squares


_SHOWN = "noisy-quadratic:kappa=1,dimension=1000"


@claim(
    source="bottou2018, with constants derived here",
    tags=("distance", "convex", "stochastic"),
    measure="distance_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        stochastic,
        strongly_convex,
        known_minimizer,
        _sgd,
        constant_step,
        _below_twice_inverse_smoothness,
    ],
    cases=f"""
        holds
            {_SHOWN}  sgd  inverse-smoothness:h=0.5  8  seeds=40
            noisy-quadratic:dimension=20,start=4  sgd  inverse-smoothness:h=0.5  100  seeds=40
            {_SHOWN}  sgd  inverse-smoothness:h=1.2  20  seeds=40
        not applicable
            noisy-quadratic  sgd  inverse-smoothness:h=2  20  seeds=20
            heavy-tailed-noise  sgd  inverse-smoothness  20  seeds=20
    """,
)
def sgd_mean_square(T: Any, mu: Any, L: Any, R0: Any, alpha: Any, sigma2: Any) -> Any:
    """SGD with a constant step on a smooth, strongly convex function: the mean square distance.

    With alpha < 2/L and q = max(|1 - alpha mu|, |1 - alpha L|)**2,
    E||x_{T+1} - x*||**2 <= q**T R0**2 + alpha**2 sigma2 (1 - q**T) / (1 - q).

    Proof. A step of gradient descent shrinks ||x - x*||**2 by q, and independent noise of variance
    at most sigma2 adds at most alpha**2 sigma2. Attained in every round on L/2 ||x||**2 with noise
    of constant size; see `noisy-quadratic-mean-square`.
    """
    q = max(abs(1 - alpha * mu), abs(1 - alpha * L)) ** 2
    return q**T * R0**2 + alpha**2 * sigma2 * (1 - q**T) / (1 - q)


@claim(
    source="bottou2018, with constants derived here",
    tags=("distance", "convex", "stochastic"),
    measure="distance_square",
    kind="in expectation",
    sense="at least",
    assumes=[
        the_problem("noisy-quadratic"),
        _sgd,
        constant_step,
        step_size("alpha <= 1/L", lambda experiment: 1.0),
    ],
    cases=f"""
        holds
            {_SHOWN}  sgd  inverse-smoothness:h=0.5  8  seeds=40
            {_SHOWN}  sgd  inverse-smoothness  8  seeds=40
            noisy-quadratic:dimension=20  sgd  inverse-smoothness:h=0.5  100  seeds=40
        not applicable
            {_SHOWN}  sgd  inverse-smoothness:h=1.5  20  seeds=20
    """,
)
def noisy_quadratic_mean_square(T: Any, L: Any, R0: Any, alpha: Any, sigma2: Any) -> Any:
    """SGD with a constant step cannot do better than this on a quadratic with constant noise.

    With alpha <= 1/L and q = (1 - alpha L)**2,
    E||x_{T+1} - x*||**2 >= q**T R0**2 + alpha**2 sigma2 (1 - q**T) / (1 - q).

    Proof. In a coordinate of curvature l the mean square is multiplied by (1 - alpha l)**2 >= q
    and grows by alpha**2 sigma**2, exactly. With all l = L this is an equality: there the bound of
    `sgd-mean-square` from above is the same number.
    """
    q = (1 - alpha * L) ** 2
    return q**T * R0**2 + alpha**2 * sigma2 * (1 - q**T) / (1 - q)


_harmonic_steps = steps_are("alpha_t = 1 / (L t)", "L", lambda t, L: 1 / (L * t))
_BY_L = "inverse:alpha=0.5"


@claim(
    source="robbins1951, with constants derived here",
    tags=("distance", "convex", "stochastic"),
    measure="distance_square",
    kind="in expectation",
    assumes=[the_problem("noisy-quadratic", kappa=1.0), _sgd, _harmonic_steps],
    cases=f"""
        holds
            {_SHOWN},L=2  sgd  {_BY_L}  30  seeds=40
            {_SHOWN},start=10  sgd  inverse-strong-convexity  30  seeds=40
        not applicable
            noisy-quadratic  sgd  inverse:alpha=1  20  seeds=20
            {_SHOWN}  sgd  inverse:alpha=0.5  20  seeds=20
    """,
)
def noisy_quadratic_harmonic_most(T: Any, L: Any, sigma2: Any) -> Any:
    """Steps 1 / (L t) average the noise: the mean square distance on L/2 ||x||**2, from above.

    E||x_{T+1} - x*||**2 <= sigma2 / (L**2 T), with equality, wherever the run starts: x_{T+1} is
    minus the mean of the T noise vectors, over L. See `noisy-quadratic-harmonic-least`.
    """
    return sigma2 / (L**2 * T)


@claim(
    source="robbins1951, with constants derived here",
    tags=("distance", "convex", "stochastic"),
    measure="distance_square",
    kind="in expectation",
    sense="at least",
    assumes=[the_problem("noisy-quadratic"), _sgd, _harmonic_steps],
    cases=f"""
        holds
            {_SHOWN},L=2  sgd  {_BY_L}  30  seeds=40
            noisy-quadratic:dimension=20  sgd  inverse:alpha=1  100  seeds=40
        not applicable
            {_SHOWN}  sgd  inverse:alpha=0.5  20  seeds=20
    """,
)
def noisy_quadratic_harmonic_least(T: Any, L: Any, sigma2: Any) -> Any:
    """Steps 1 / (L t) cannot do better than averaging on a quadratic with constant noise.

    E||x_{T+1} - x*||**2 >= sigma2 / (L**2 T), with equality where all curvatures are L.

    Proof. In a coordinate of curvature l <= L, (1 - l / (L t))**2 >= (1 - 1/t)**2, and from
    E x_t**2 >= sigma**2 / (L**2 (t - 1)) the next is at least
    sigma**2 / L**2 ((t - 1) / t**2 + 1 / t**2) = sigma**2 / (L**2 t).
    """
    return sigma2 / (L**2 * T)


# Signs


@claim(
    source="bernstein2018, Theorem 1, without noise",
    tags=("stationarity", "non-convex", "sign"),
    measure="gradient_mean_absolute",
    assumes=[
        smooth,
        unconstrained,
        exact_gradients,
        bounded_below,
        the_rule("sign-descent"),
        constant_step,
    ],
    cases="""
        holds
            quadratic:kappa=1  signsgd  constant:alpha=1/64  64
            pl-sine  signsgd  constant:alpha=0.01  1_000
            breast-cancer-logistic  signsgd  constant:alpha=0.01  500
        not applicable
            quadratic:kappa=1  sgd  constant:alpha=1/64  64
            noisy-quadratic  signsgd  constant:alpha=0.01  10  seeds=2
    """,
)
def bernstein_2018_thm1_exact(T: Any, L: Any, n: Any, D0: Any, alpha: Any) -> Any:
    """Sign descent finds stationary points of smooth functions, in the 1-norm.

    1/T sum_{t<=T} ||grad f(x_t)||_1 <= D0 / (alpha T) + alpha n L / 2. The print has one smoothness
    constant for each coordinate, here all L; the step size 1 / sqrt(n L T), at which this is
    sqrt(n L / T) (D0 + 1/2); and a term 2 ||sigma||_1 / sqrt(batch) for noise, here 0.

    Proof. By the descent lemma f(x_{t+1}) <= f(x_t) - alpha ||grad f(x_t)||_1 + L alpha**2 n / 2;
    add up, and f(x_{T+1}) >= f*. Attained on L/2 ||x||**2 where the last step ends at 0.
    """
    # Where it is attained, the sum of T terms may round upwards.
    return (D0 / (alpha * T) + alpha * n * L / 2) * (1 + T * 2.0**-50)
