"""Theorems since 2017: step sizes that vary, averages between, and lower bounds that are attained.

Where a method is told how many steps it will make, its bound speaks of the iterate after the last
of them, and of no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import sqrt

from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    bounded_second_moment,
    constant_step,
    convex,
    exact_gradients,
    inverse,
    known_minimizer,
    smooth,
    states,
    step,
    step_size,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = [
    "altschuler_parrilo_2023_silver",
    "defazio_2024_schedule_free",
    "mishchenko_2020_reshuffling",
    "zamani_glineur_2023",
]


def _follows(key: str) -> Assumption:
    """The step sizes are those of a schedule, without a warm-up."""

    def fails(experiment: Experiment) -> str:
        """The schedule's key and warm-up."""
        schedule = experiment.schedule
        plain = schedule.key == key and not schedule.settings["warmup"]
        return "" if plain else f"the run used {schedule.specification}"

    return Assumption(f"the step sizes are those of {key}", fails, "schedule")


# Averages of the points that are moved

_LIPSCHITZ = (convex, unconstrained, unbiased, bounded_second_moment, known_minimizer)


@claim(
    source="defazio2024, Theorem 1",
    tags=("suboptimality", "convex", "non-smooth", "stochastic", "averaging"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[*_LIPSCHITZ, the_rule("schedule-free"), constant_step],
    cases="""
        holds
            # D/(G sqrt(T+1)) = 1/64 has no T; D/(G (T+1)) does: attained at T = 63.
            absolute-value  schedule-free  constant:alpha=1/64  63
            absolute-value  schedule-free:interpolation=0  constant:alpha=1/64  63
            absolute-value  schedule-free:interpolation=1  constant:alpha=1/64  63
            absolute-value:noise=0.3  schedule-free  constant:alpha=1/8  7  seeds=40
            # Attained at D/(G sqrt(T+1)) too, where standing still is as good.
            resisting-maximum:N=24  schedule-free:interpolation=0.5  constant:alpha=0.2  24
        not applicable
            noisy-quadratic  schedule-free  constant:alpha=0.1  50  seeds=2
            absolute-value  schedule-free  inverse-sqrt:alpha=0.1  50
            absolute-value  primal-averaging  constant:alpha=1/64  50
    """,
)
def defazio_2024_schedule_free(T: Any, R0: Any, alpha: Any, second_moment: Any) -> Any:
    """Schedule-Free SGD on a convex function without smoothness, for every interpolation.

    E f(x_{T+1}) - f* <= R0**2 / (2 alpha (T + 1)) + alpha G**2 / 2, where E||g||**2 <= G**2; with
    alpha = R0 / (G sqrt(T + 1)) it is R0 G / sqrt(T + 1), as it is printed.

    Let x_t be the mean of z_1..z_t, so that (t - 1)(x_t - x_{t-1}) = z_t - x_t, let y_t lie between
    z_t and x_t, p in the subdifferential at x_t and g = E g_t in the one at y_t. Convexity gives
    t f(x_t) - (t - 1) f(x_{t-1}) <= f(x_t) + p.(z_t - x_t). That is at most f(y_t) + g.(z_t - y_t):
    the difference is at most (p - g).(z_t - y_t), and z_t - y_t is a positive multiple of y_t - x_t
    (if y_t = x_t take p = g). As f(y_t) + g.(x* - y_t) <= f*, it follows that
    t f(x_t) - (t - 1) f(x_{t-1}) - f* <= g.(z_t - x*), and with
    E||z_{t+1} - x*||**2 <= E||z_t - x*||**2 - 2 alpha E g_t.(z_t - x*) + alpha**2 G**2 the sum over
    t = 1..T+1 is the bound.

    No smaller bound is true for any interpolation: on |x| from 1 with alpha = 1/(T + 1) nothing is
    lost, as f is linear on the way.
    """
    return R0**2 / (2 * alpha * (T + 1)) + alpha * second_moment / 2


@claim(
    source=("zamani2023", "defazio2023, Theorem 1"),
    tags=("suboptimality", "convex", "non-smooth", "stochastic", "gradient-descent"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[*_LIPSCHITZ, the_rule("gradient-descent"), _follows("linear-decay")],
    cases="""
        holds
            # N/(N+1)**2: attained at T = N, since f is linear on the way.
            absolute-value  sgd  linear-decay:alpha=63/4096  63
            absolute-value:noise=0.3  sgd  linear-decay:alpha=7/64  7  seeds=40
            l1-norm  sgd  linear-decay:alpha=0.03  30
            # D N/(G sqrt((N+1)**3)): attained too, where standing still is as good.
            resisting-maximum:N=24  sgd  linear-decay:alpha=24/125  24
        not applicable
            noisy-quadratic  sgd  linear-decay:alpha=0.1  50  seeds=2
            absolute-value  sgd  linear-decay:alpha=0.1,warmup=5  50
            absolute-value  sgd  constant:alpha=0.1  50
    """,
)
def zamani_glineur_2023(
    T: Any, R0: Any, alpha: Any, second_moment: Any, horizon: Any, alpha_square_sum: Any
) -> Any:
    """The last iterate of the subgradient method with steps that fall linearly to 0.

    For N steps alpha_t = alpha (N + 1 - t) / N, with c = alpha (N + 1) / N and E||g||**2 <= G**2,
    E f(x_{N+1}) - f* <= R0**2 / (2 c (N + 1)) + c G**2 / 2. With c = R0 / (G sqrt(N + 1)), that is
    alpha_t = R0 (N + 1 - t) / (G sqrt((N + 1)**3)), it is G R0 / sqrt(N + 1), as it is printed: the
    best that any method can do. Before the last step no rate is claimed, only the root of
    G**2 (R0**2 + G**2 sum_{t<=T} alpha_t**2): a round adds at most alpha_t**2 G**2 to
    E||x - x*||**2, by convexity.

    With z_{t+1} = z_t - c g_t, z_1 = x_1, and m_t the mean of z_1..z_t it is
    x_t = (1 - t/(N + 1)) z_t + t/(N + 1) m_t: from one t to the next the right side changes by
    -(1 - t/(N + 1)) c g_t. So gradients are taken between z_t and m_t, as by Schedule-Free, and the
    proof of `defazio-2024-schedule-free` bounds f(m_{N+1}); m_{N+1} is x_{N+1}.

    No smaller bound is true: for c <= R0 / (G (N + 1)) the path on |x| does not pass its minimum,
    and at the limit the bound is attained; at c = R0 / (G sqrt(N + 1)) `resisting-maximum` attains
    it.
    """
    c = alpha * (horizon + 1) / horizon
    last = R0**2 / (2 * c * (horizon + 1)) + c * second_moment / 2
    before = sqrt(second_moment * (R0**2 + second_moment * alpha_square_sum))
    return np.where(horizon == T, last, before)


# Long steps

_SILVER = 1 + 2**0.5


@claim(
    source="altschuler2023, Theorem 1.1",
    tags=("suboptimality", "convex", "gradient-descent", "acceleration"),
    measure="suboptimality",
    assumes=[
        convex,
        smooth,
        unconstrained,
        exact_gradients,
        the_rule("gradient-descent"),
        _follows("silver"),
        step_size("alpha_1 <= sqrt(2)/L", lambda experiment: 2**0.5),
    ],
    cases="""
        holds
            # Just straight for so long: N h = rho**k - 1, the sum of the steps, for k = 1, 3 and 4.
            huber-worst:N=2,h=0.7071067811865476  sgd  silver  1
            huber-worst:N=14,h=0.9336477  sgd  silver  7
            huber-worst:N=33,h=0.9991079  sgd  silver  15
        not applicable
            quadratic:kappa=100  sgd  silver:h=1.1  63
            quadratic:kappa=100  sgd  inverse-smoothness  63
            pl-sine  sgd  silver  63
    """,
)
def altschuler_parrilo_2023_silver(T: Any, R0: Any, alpha: Any) -> Any:
    """Gradient descent with silver step sizes is accelerated without momentum.

    f(x_{T+1}) - f* <= R0**2 / (a (1 + sqrt(4 rho**(2k) - 3))) after T = 2**k - 1 steps, where
    rho = 1 + sqrt(2) and a = alpha_1 / sqrt(2) is 1/L in print: of the order
    T**(-log2(rho)) = T**-1.27, where a constant step size has 1/T. Of other T nothing is said.

    The proof combines interpolation inequalities recursively, a certificate for 2**(k+1) - 1 steps
    from two for 2**k - 1; it is not repeated here. Compared with the exact worst case the bound is
    not the least one: for k = 1, 2, 3 the shares .719, .588 and .536 of it are attained, by Huber
    functions that are straight for just so long, and for large k these attain 1/2.
    """
    power = np.log2(T + 1)
    with np.errstate(over="ignore"):
        most = R0**2 * 2**0.5 / (alpha * (1 + sqrt(4 * _SILVER ** (2 * power) - 3)))
    return np.where(power == np.round(power), most, np.inf)


# Sampling without replacement


def _in_fresh_orders(experiment: Experiment) -> str:
    """The parameter `order`, and whether the outcomes of a draw are listed."""
    problem = experiment.problem
    if problem.reshuffled:
        return ""
    return "rounds are not reshuffled" if problem.stochastic else "nothing is drawn"


_reshuffled = Assumption(
    "each epoch shows each loss once, in a fresh order", _in_fresh_orders, "problem"
)


@claim(
    source="mishchenko2020, Theorem 1",
    tags=("distance", "convex", "strongly-convex", "stochastic"),
    measure="distance_square",
    kind="in expectation",
    assumes=[
        Assumption(
            "each epoch shows each loss once, in a fresh order", _in_fresh_orders, "problem"
        ),
        states("mu_min", "every loss is mu_min-strongly convex", positive=True),
        states("L_max", "every loss is L_max-smooth"),
        unconstrained,
        the_rule("gradient-descent"),
        constant_step,
        step("alpha <= 1/L_max", "<=", lambda experiment: inverse(experiment, "L_max")),
    ],
    status="proved, with the sum of its proof",
    cases="""
        holds
            shuffled-parabolas  sgd  constant:alpha=1  18  seeds=40
            shuffled-parabolas:n=2,mu=0.5  sgd  constant:alpha=0.1  16  seeds=40
        holds, not sensitive
            shuffled-parabolas:n=4,mu=0.25,L=2  sgd  constant:alpha=0.5  12  seeds=40
        not applicable
            shuffled-parabolas:order=independent  sgd  constant:alpha=1  9  seeds=2
            shuffled-parabolas  sgd  constant:alpha=1.1  9  seeds=2
            shuffled-parabolas  sgd  inverse-sqrt:alpha=1  9  seeds=2
            shuffled-parabolas  adam  constant:alpha=1  9  seeds=2
            shi-2021:order=reshuffled  sgd  constant:alpha=0.1  9  seeds=2
    """,
)
def mishchenko_2020_reshuffling(
    T: Any, R0: Any, alpha: Any, L_max: Any, mu_min: Any, sigma_star2: Any, epoch: Any
) -> Any:
    """SGD without replacement: how near the minimiser it is after whole epochs.

    With n losses in an epoch, r = 1 - alpha mu_min, q = r**n and s the mean of ||grad f_i(x*)||**2,
    after K = T/n epochs

        E||x_{T+1} - x*||**2 <= q**K R0**2 + alpha**3 L_max s S (1 - q**K)/(1 - q),
        S = sum_{i<n} r**(n-1-i) i (n - i)/(n - 1);

    the theorem bounds the sum. Within epochs it says nothing.

    Let y_i be x* less alpha times the gradients at x* of the first i losses of an epoch: y_n = x*.
    Between x_i and y_i a round leaves ||x_{i+1} - y_{i+1}||**2 <= (1 - alpha mu_min)
    ||x_i - y_i||**2 + 2 alpha D(y_i, x*) for alpha <= 1/L_max, D <= L_max/2 ||y_i - x*||**2 the
    divergence of the loss that is shown; and a sum of i of n vectors without replacement whose mean
    is 0 has the mean square i (n - i)/(n - 1) s.

    Attained on `shuffled-parabolas` at alpha = 1/L, where x_{T+1} is the minimiser of the loss that
    was seen last.
    """
    i, r = np.arange(int(epoch)), 1 - alpha * mu_min
    rest = (r ** (epoch - 1 - i) * i * (epoch - i)).sum() / (epoch - 1)
    q = r**epoch
    past = q ** (T / epoch)
    bound = past * R0**2 + alpha**3 * L_max * sigma_star2 * rest * (1 - past) / (1 - q)
    return np.where(T % epoch == 0, bound, np.inf)
