"""Acceleration, averaging and other momentum that changes from round to round.

The rules are those of `convergence.rules.averaging`. Bounds with the step size alpha instead of 1/L
are the printed ones for the smoothness constant 1/alpha, which every alpha <= 1/L allows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy import sqrt
from numpy.typing import NDArray

from convergence.claim import claim
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
    the_problem,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.claims.descent import in_the_span
from convergence.claims.stochastic import least_over_weights
from convergence.experiment import Experiment

__all__ = [
    "beck_teboulle_2009_fista",
    "drori_2017_lower_bound",
    "goujaud_2022_heavy_ball",
    "kim_fessler_2016_ogm",
    "kim_fessler_2017_ogm_primary",
    "kim_fessler_2021_ogm_g",
    "primal_averaging_lipschitz",
    "primal_averaging_smooth",
    "sebbouh_2021_last",
    "su_2016_accelerated_gradient",
    "taylor_2017_accelerated_gradient",
    "yan_2018_heavy_ball",
    "yan_2018_nesterov",
]

Array = NDArray[np.float64]

# Acceleration of smooth convex functions

_CONVEX_DESCENT = (
    convex,
    smooth,
    unconstrained,
    exact_gradients,
    constant_step,
    step_size("alpha <= 1/L", lambda experiment: 1.0),
)
_fista = the_rule("accelerated-gradient", weights="fista")
_simplified = the_rule("accelerated-gradient", weights="simplified")


@lru_cache(maxsize=4)
def _first_weights(count: int) -> Array:
    weights = [1.0]
    while len(weights) < count:
        weights.append((1 + (1 + 4 * weights[-1] ** 2) ** 0.5) / 2)
    return np.array(weights)


def weight(T: Any) -> Any:
    """w_T of w_1 = 1, w_{t+1} = (1 + sqrt(1 + 4 w_t**2)) / 2, for an array of whole numbers."""
    rounds = np.asarray(T, int)
    # Powers of two, so that the blocks of a long run find them computed.
    return _first_weights(1 << int(rounds.max()).bit_length())[rounds - 1]


@claim(
    source=("beck2009, Theorem 4.4", "nesterov1983"),
    tags=("suboptimality", "convex", "momentum", "acceleration"),
    measure="suboptimality",
    assumes=[_fista, *_CONVEX_DESCENT],
    cases="""
        holds
            huber-worst:N=5201  accelerated-gradient  inverse-smoothness  200
        holds, not sensitive
            quadratic:kappa=10000  accelerated-gradient  inverse-smoothness  1_000
            nesterov-worst-smooth:N=50  accelerated-gradient  inverse-smoothness:h=0.5  500
            breast-cancer-logistic  accelerated-gradient  inverse-smoothness  1_000
        not applicable
            quadratic  accelerated-gradient  inverse-smoothness:h=1.1  100
            quadratic  accelerated-gradient:weights=simplified  inverse-smoothness  100
            pl-sine  accelerated-gradient  inverse-smoothness  100
    """,
)
def beck_teboulle_2009_fista(T: Any, R0: Any, alpha: Any) -> Any:
    """Nesterov's accelerated gradient with the weights of FISTA.

    f(x_{T+1}) - f* <= R0**2 / (2 alpha w_T**2), with w_1 = 1, w_{t+1} = (1 + sqrt(1 + 4 w_t**2))/2.
    As w_T >= (T + 1)/2 it is at most 2 R0**2 / (alpha (T + 1)**2), which is what is printed.

    z_{t+1} = z_t - w_t alpha g_t with z_1 = x_1 obeys w_t y_t = (w_t - 1) x_t + z_t. Of
    f(x_{t+1}) <= f(y_t) - alpha/2 ||g_t||**2 <= f(u) + g_t.(y_t - u) - alpha/2 ||g_t||**2 take
    w_t - 1 times u = x_t and once u = x*: with F_t = f(x_t) - f*,
    w_t**2 F_{t+1} - w_t (w_t - 1) F_t <= (||z_t - x*||**2 - ||z_{t+1} - x*||**2) / (2 alpha), and
    w_t (w_t - 1) = w_{t-1}**2: it telescopes.

    For large T no smaller constant is true: the Huber function that is still straight after T steps
    comes to .993 of it at T = 200 (`huber-worst:N=5201`), and to 1 as T grows.
    """
    return R0**2 / (2 * alpha * weight(T) ** 2)


@claim(
    source=("su2016", "nesterov1983"),
    tags=("suboptimality", "convex", "momentum", "acceleration"),
    measure="suboptimality",
    assumes=[_simplified, *_CONVEX_DESCENT],
    cases="""
        holds
            huber-worst:N=20251  accelerated-gradient:weights=simplified  inverse-smoothness  400
        holds, not sensitive
            quadratic:kappa=10000  accelerated-gradient:weights=simplified  inverse-smoothness \
                1_000
            breast-cancer-logistic  accelerated-gradient:weights=simplified \
                inverse-smoothness:h=0.7  1_000
        not applicable
            quadratic  accelerated-gradient  inverse-smoothness  100
            quadratic  accelerated-gradient:weights=simplified  inverse-sqrt:alpha=1  100
    """,
)
def su_2016_accelerated_gradient(T: Any, R0: Any, alpha: Any) -> Any:
    """Nesterov's accelerated gradient with the momentum (t - 1) / (t + 2).

    f(x_{T+1}) - f* <= 2 R0**2 / (alpha (T + 1)**2).

    The proof of `beck-teboulle-2009-fista` with w_t = (t + 1)/2, of which the momentum
    (w_t - 1) / w_{t+1} is: w_t (w_t - 1) = (t**2 - 1)/4 is less than w_{t-1}**2 = t**2/4, and the
    difference times F_t >= 0 is dropped.

    For large T no smaller constant is true: `taylor-2017-accelerated-gradient` is attained.
    """
    return 2 * R0**2 / (alpha * (T + 1) ** 2)


@claim(
    source="taylor2017, Table 1",
    tags=("suboptimality", "convex", "momentum", "acceleration"),
    measure="suboptimality",
    assumes=[_simplified, *_CONVEX_DESCENT],
    status="known from numerical solutions of the worst-case problem; no proof is known here",
    cases="""
        holds
            # Just straight for so long: 2 N h + 1 = (T + 2)(T + 3)/4.
            huber-worst:N=13,h=0.5  accelerated-gradient:weights=simplified  inverse-smoothness \
                5
            huber-worst:N=20501,h=0.25  accelerated-gradient:weights=simplified \
                inverse-smoothness  200
        holds, not sensitive
            quadratic:kappa=10000  accelerated-gradient:weights=simplified  inverse-smoothness \
                1_000
            digits-softmax  accelerated-gradient:weights=simplified  inverse-smoothness  300
        not applicable
            quadratic  accelerated-gradient  inverse-smoothness  100
    """,
)
def taylor_2017_accelerated_gradient(T: Any, R0: Any, alpha: Any) -> Any:
    """Nesterov's accelerated gradient with the momentum (t - 1) / (t + 2): the exact bound.

    f(x_{T+1}) - f* <= 2 R0**2 / (alpha (T**2 + 5 T + 6)).

    No smaller bound is true: while f' = d is constant the method moves by S_T alpha d in T steps,
    with 2 S_T + 1 = (T + 2)(T + 3)/4, and the Huber function with d = R0 / (2 S_T + 1), just
    straight for so long, ends d (R0 - S_T d) - d**2/2 = R0**2 / (2 (2 S_T + 1)) above f* (alpha =
    L = 1). That nothing is worse is known as the numerical solution of semidefinite programs.
    """
    return 2 * R0**2 / (alpha * (T**2 + 5 * T + 6))


_returned = the_rule("optimized-gradient", last_step=True)
_primary = the_rule("optimized-gradient", last_step=False)


@claim(
    source=("kim2016, Theorem 2", "drori2017"),
    tags=("suboptimality", "convex", "momentum", "acceleration"),
    measure="suboptimality",
    assumes=[_returned, *_CONVEX_DESCENT],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  optimized-gradient  inverse-smoothness  100
            # 2 * 10405 + 1 = 20811, and the square of the last weight is 20810.5.
            huber-worst:N=10405  optimized-gradient  inverse-smoothness  200
        holds, not sensitive
            nesterov-worst-smooth:N=50  optimized-gradient  inverse-smoothness  500
            breast-cancer-logistic  optimized-gradient  inverse-smoothness  1_000
            quadratic  optimized-gradient  inverse-smoothness:h=0.5  500
        not applicable
            quadratic  optimized-gradient  inverse-smoothness:h=1.5  100
            quadratic  optimized-gradient:last_step=false  inverse-smoothness  100
            pl-sine  optimized-gradient  inverse-smoothness  100
    """,
)
def kim_fessler_2016_ogm(T: Any, R0: Any, alpha: Any) -> Any:
    """The optimized gradient method, at the point that it returns after T steps.

    f(x_{T+1}) - f* <= R0**2 / (2 alpha v**2), v = (1 + sqrt(1 + 8 w_T**2)) / 2 the weight of the
    last step, with w_1 = 1, w_{t+1} = (1 + sqrt(1 + 4 w_t**2))/2: half of what is proved for FISTA.

    Let L = 1/alpha, g_t the gradient at q_t, F_t = f(q_t) - f* - ||g_t||**2/(2L), and
    z_{t+1} = z_t - 2 w_t g_t/L, so that w_t q_t = (w_t - 1) y_t + z_t. Smoothness and convexity
    give g_t.(q_t - x*) >= F_t + ||g_t||**2/L and g_t.(q_t - y_t) >= F_t - F_{t-1} + ||g_t||**2/L;
    once the first and w_t - 1 times the second: ||z_{t+1} - x*||**2 <= ||z_t - x*||**2
    - 4/L (w_t**2 F_t - w_{t-1}**2 F_{t-1}). The same at the returned point, with the step v g/L
    and v (v - 1) = 2 w_T**2, leaves 2/L v**2 (f - f*) <= R0**2.

    No smaller bound is true, for any T: L x**2/2 attains it at every T, as z only changes its
    sign; so does a Huber function that is just straight for so long. In spaces of large dimension
    no first-order method has a smaller one (Drori 2017).
    """
    last = (1 + sqrt(1 + 8 * weight(T) ** 2)) / 2
    return R0**2 / (2 * alpha * last**2)


_UNBEATEN = "resisting-smooth:N=50"


@claim(
    source="drori2017",
    tags=("suboptimality", "convex", "limit", "acceleration"),
    measure="suboptimality",
    sense="at least",
    assumes=[the_problem("resisting-smooth"), in_the_span],
    cases=f"""
        holds
            {_UNBEATEN}  optimized-gradient  inverse-smoothness  50
            resisting-smooth:N=1,L=3,R0=2  optimized-gradient  inverse-smoothness  1
            {_UNBEATEN}  nesterov:beta1=0.92  inverse-smoothness  60
        holds, not sensitive
            {_UNBEATEN}  sgd  inverse-smoothness  50
        not applicable
            {_UNBEATEN}  adam  constant:alpha=0.1  50
            quadratic  optimized-gradient  inverse-smoothness  50
    """,
)
def drori_2017_lower_bound(T: Any, L: Any, R0: Any, n: Any) -> Any:
    """No method in the span of the gradients beats the optimized gradient method.

    f(x_{T+1}) - f* >= L R0**2 / (2 theta_N**2) for T <= N = n - 1, theta_N the last weight of
    `kim-fessler-2016-ogm` in N steps; of later rounds it says nothing.

    See `resisting-smooth`: after T steps coordinate N is still 0. It is another function than the
    paper's, with the same value; `optimized-gradient` attains it.
    """
    last = (1 + sqrt(1 + 8 * weight(n - 1) ** 2)) / 2
    return np.where(n > T, L * R0**2 / (2 * last**2), -np.inf)


@claim(
    source="kim2021, Section 6",
    tags=("stationarity", "convex", "momentum", "acceleration"),
    measure="stationarity_gap",
    assumes=[the_rule("optimized-gradient-norm"), *_CONVEX_DESCENT],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  optimized-gradient-norm:rounds=50  inverse-smoothness  60
            quadratic:kappa=1,dimension=1  optimized-gradient-norm:rounds=1  inverse-smoothness  9
        holds, not sensitive
            huber-worst:N=4  optimized-gradient-norm:rounds=4  inverse-smoothness  5
            breast-cancer-logistic  optimized-gradient-norm:rounds=200  inverse-smoothness:h=0.7 \
                200
        not applicable
            quadratic  optimized-gradient-norm  inverse-smoothness:h=1.5  10
            quadratic  optimized-gradient  inverse-smoothness  10
            breast-cancer-logistic:batch=8  optimized-gradient-norm  inverse-smoothness  10
            pl-sine  optimized-gradient-norm  inverse-smoothness  10
    """,
)
def kim_fessler_2021_ogm_g(T: Any, D0: Any, alpha: Any, rounds: Any) -> Any:
    """OGM-G: the gradient after the rounds that the method is made for.

    ||grad f(x_{T+1})|| <= sqrt(2 D0 / alpha) / theta_N for T >= N = `rounds`, after which the
    method stops; theta_N is the weight of the last step of `optimized-gradient` in N steps. Of
    earlier rounds it says nothing.

    No smaller bound is true: L x**2/2 attains it for every N.
    """
    last = (1 + sqrt(1 + 8 * weight(rounds) ** 2)) / 2
    return np.where(rounds <= T, sqrt(2 * D0 / alpha) / last, np.inf)


@claim(
    source="kim2017",
    tags=("suboptimality", "convex", "momentum", "acceleration"),
    measure="suboptimality",
    assumes=[_primary, *_CONVEX_DESCENT],
    cases="""
        holds
            huber-worst:N=2650  optimized-gradient:last_step=false  inverse-smoothness  100
        holds, not sensitive
            quadratic:kappa=10000  optimized-gradient:last_step=false  inverse-smoothness  1_000
            breast-cancer-logistic  optimized-gradient:last_step=false  inverse-smoothness:h=0.7 \
                1_000
        not applicable
            quadratic  optimized-gradient  inverse-smoothness  100
            breast-cancer-logistic:batch=8  optimized-gradient:last_step=false \
                inverse-smoothness  100
    """,
)
def kim_fessler_2017_ogm_primary(T: Any, R0: Any, alpha: Any) -> Any:
    """The optimized gradient method, at its descent sequence.

    f(y_{T+1}) - f* <= R0**2 / (4 alpha w_T**2), the weights being those of FISTA.

    The proof of `kim-fessler-2016-ogm` has 4/L w_T**2 F_T <= R0**2, and y_{T+1} is a step of 1/L
    from q_T: f(y_{T+1}) <= f(q_T) - ||g_T||**2/(2L) = f* + F_T. For large T no smaller constant is
    true: a Huber function that is still straight comes to .9998 of it at T = 100.
    """
    return R0**2 / (4 * alpha * weight(T) ** 2)


# Averages of the points that are moved

_uniform = the_rule("primal-averaging", averaging_power=0.0)
_linear = the_rule("primal-averaging", averaging_power=1.0)


@claim(
    source=("goujaud2022, Theorem 2.4", "ghadimi2015, Section 3"),
    tags=("suboptimality", "convex", "momentum", "averaging"),
    measure="suboptimality",
    assumes=[_uniform, *_CONVEX_DESCENT],
    cases="""
        holds
            # Built for N steps of half the length: the bound is attained at T = 50.
            huber-worst:N=50,h=0.5  primal-averaging  inverse-smoothness  50
            huber-worst:N=50,h=0.5  primal-averaging  inverse-smoothness:h=0.3  90
        holds, not sensitive
            quadratic:kappa=100  primal-averaging  inverse-smoothness  1_000
            breast-cancer-logistic  primal-averaging  inverse-smoothness  1_000
        not applicable
            quadratic  primal-averaging  inverse-smoothness:h=1.5  100
            quadratic  heavy-ball  inverse-smoothness  100
            pl-sine  primal-averaging  inverse-smoothness  100
    """,
)
def goujaud_2022_heavy_ball(T: Any, R0: Any, alpha: Any) -> Any:
    """Heavy ball with the step sizes alpha/(t + 1) and the momentum (t - 1)/(t + 1).

    f(x_{T+1}) - f* <= R0**2 / (2 alpha (T + 1)), at the last iterate; the method is the primal
    averaging of `primal-averaging`.

    z_t = t x_t - (t - 1) x_{t-1} obeys z_{t+1} = z_t - alpha g_t, and z_t - x* = (x_t - x*)
    + (t - 1)(x_t - x_{t-1}). With F_t = f(x_t) - f*, g_t.(x_t - x*) >= F_t + ||g_t||**2/(2L) and
    g_t.(x_t - x_{t-1}) >= F_t - F_{t-1} give, for alpha <= 1/L, ||z_{t+1} - x*||**2
    <= ||z_t - x*||**2 - 2 alpha (t F_t - (t - 1) F_{t-1}); add up to t = T + 1.

    No smaller bound is true at alpha = 1/L: the Huber function with the straight slope
    L R0/(T + 1) attains it at T. Less than smoothness is used, f - f* <= L/2 ||x - x*||**2.
    """
    return R0**2 / (2 * alpha * (T + 1))


@claim(
    source="tao2021, with constants derived here",
    tags=("suboptimality", "convex", "non-smooth", "stochastic", "averaging"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[
        convex,
        unconstrained,
        unbiased,
        bounded_second_moment,
        known_minimizer,
        _uniform,
        constant_step,
    ],
    cases="""
        holds
            # D/(G sqrt(T+1)) = 1/64 has no T; D/(G (T+1)) does: attained at T = 63.
            absolute-value  primal-averaging  constant:alpha=1/64  63
            l1-norm  primal-averaging  constant:alpha=0.03  1_000
            noisy-huber:L=10,start=1  primal-averaging  constant:alpha=1/64  63  seeds=64
        holds, not sensitive
            log-sum-exp  primal-averaging  constant:alpha=0.1  500
            rare-feature-logistic:dimension=2  primal-averaging  constant:alpha=0.1  500 \
                seeds=20
        not applicable
            noisy-quadratic  primal-averaging  constant:alpha=0.1  50  seeds=2
            single-feature-hinge  primal-averaging  constant:alpha=0.1  50  seeds=2
            absolute-value  sgd  constant:alpha=1/64  50
    """,
)
def primal_averaging_lipschitz(T: Any, R0: Any, alpha: Any, second_moment: Any) -> Any:
    """Primal averaging on a convex function without smoothness, at the last iterate.

    E f(x_{T+1}) - f* <= R0**2 / (2 alpha (T + 1)) + alpha G**2 / 2, where E||g||**2 <= G**2; with
    alpha = R0 / (G sqrt(T + 1)) it is R0 G / sqrt(T + 1), what plain SGD has at the mean iterate.

    As in `goujaud-2022-heavy-ball`, E||z_{t+1} - x*||**2 <= E||z_t - x*||**2
    - 2 alpha (t F_t - (t - 1) F_{t-1}) + alpha**2 G**2 with F_t = E f(x_t) - f*; add up to
    t = T + 1. Nothing is lost where f is linear on the way and z would reach x* a step later: on
    |x| from 1, alpha = 1/(T + 1), it is attained.
    """
    return R0**2 / (2 * alpha * (T + 1)) + alpha * second_moment / 2


_SMOOTH_SAMPLES = (
    convex,
    unconstrained,
    unbiased,
    known_minimizer,
    states("L_max", "every sampled loss is L_max-smooth"),
    states("M", "E||g||**2 <= M at the minimiser"),
    constant_step,
)


_below_inverse_smoothness = step(
    "alpha < 1 / L_max", "<", lambda experiment: inverse(experiment, "L_max")
)


@claim(
    source="sebbouh2021, with constants derived here",
    tags=("suboptimality", "convex", "stochastic", "averaging"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[_linear, *_SMOOTH_SAMPLES, _below_inverse_smoothness],
    status="proved here",
    cases="""
        holds
            noisy-huber:slope=3/7,sigma=0.02,start=1  primal-averaging:averaging_power=1 \
                constant:alpha=0.96  10  seeds=64
            noisy-huber:slope=0.5,sigma=0.1,start=1  primal-averaging:averaging_power=1 \
                constant:alpha=0.75  10  seeds=64
        holds, not sensitive
            interpolating-least-squares  primal-averaging:averaging_power=1  constant:alpha=0.03 \
                300  seeds=20
            noisy-quadratic:sigma=0.1  primal-averaging:averaging_power=1 \
                inverse-smoothness:h=0.25  500  seeds=20
            label-noise-least-squares:noise=0.1  primal-averaging:averaging_power=1 \
                constant:alpha=0.03  300  seeds=20
        not applicable
            interpolating-least-squares  primal-averaging:averaging_power=1  constant:alpha=0.5 \
                50  seeds=2
            noisy-quadratic  primal-averaging  constant:alpha=0.1  50  seeds=2
            zhang-2022  primal-averaging:averaging_power=1  constant:alpha=0.01  50  seeds=2
    """,
)
def sebbouh_2021_last(T: Any, R0: Any, alpha: Any, L_max: Any, M: Any) -> Any:
    """Stochastic heavy ball as primal averaging with growing weights, at the last iterate.

    E f(x_{T+1}) - f* <= R0**2 / (alpha (T + 2)) + alpha s (T + 1) / ((T + 2)(1 - alpha L_max)),
    where s = E||g(x*)||**2, of which the problem's M is an upper bound; every sampled loss is
    convex and L_max-smooth, alpha < 1/L_max. The print has R0**2 / (alpha (T + 1)) + 2 alpha s, for
    alpha <= 1 / (4 L_max).

    z_t - x* = (x_t - x*) + l_t (x_t - x_{t-1}) with l_t = (t - 1)/2. In the mean g_t.(x_t - x*) is
    at least F_t + V/(2 L_max) with V = E||g_t - g(x*)||**2, and E||g_t||**2 <= (1 + c) V
    + (1 + 1/c) s; with 1 + c = 1/(alpha L_max) all of V cancels in E||z_{t+1} - x*||**2
    <= E||z_t - x*||**2 - 2 alpha ((1 + l_t) F_t - l_t F_{t-1}) + alpha**2 s / (1 - alpha L_max).
    Add up to t = T + 1, where F_{T+1} has the weight 1 + T/2 and the others 1/2 >= 0.

    The cases come to .62 of it at T = 1, with little noise; the worst function to .63
    (`docs/worst-cases.md`). For large T a Huber function comes to 3/8, and noise alone on a
    quadratic to 1/5. Uniform weights have a bound that tends to half of it
    (`primal-averaging-smooth`).
    """
    noise = alpha * M / (1 - alpha * L_max)
    return (R0**2 / alpha + noise * (T + 1)) / (T + 2)


@claim(
    source="sebbouh2021, for uniform weights, with constants derived here",
    tags=("suboptimality", "convex", "stochastic", "averaging"),
    measure="suboptimality",
    kind="in expectation",
    assumes=[_uniform, *_SMOOTH_SAMPLES, _below_inverse_smoothness],
    cases="""
        holds
            noisy-huber:slope=0.5,sigma=0.1,start=1  primal-averaging  constant:alpha=0.9  10 \
                seeds=64
            noisy-huber:slope=0.05,sigma=0.05,start=1  primal-averaging  constant:alpha=0.7  40 \
                seeds=128
        holds, not sensitive
            noisy-quadratic:sigma=0.1  primal-averaging  inverse-smoothness:h=0.5  500  seeds=20
            interpolating-least-squares  primal-averaging  constant:alpha=0.12  300  seeds=20
            multiplicative-noise  primal-averaging  constant:alpha=0.6  300  seeds=20
            label-noise-least-squares:noise=0.1  primal-averaging  constant:alpha=0.05  300 \
                seeds=20
        not applicable
            noisy-quadratic  primal-averaging  constant:alpha=1  50  seeds=2
            rare-feature-logistic:batch=1  sgd  constant:alpha=0.1  50  seeds=2
    """,
)
def primal_averaging_smooth(T: Any, R0: Any, alpha: Any, L_max: Any, M: Any) -> Any:
    """Stochastic heavy ball as primal averaging with uniform weights, at the last iterate.

    E f(x_{T+1}) - f* <= R0**2 / (2 alpha (T + 1)) + alpha s / (2 (1 - alpha L_max)), where
    s = E||g(x*)||**2 <= M, for alpha < 1/L_max. With T it tends to half of
    `sebbouh-2021-last`.

    As in `goujaud-2022-heavy-ball`, but g_t.(x_t - x*) is in the mean at least F_t + V/(2 L_max)
    with V = E||g_t - g(x*)||**2, and E||g_t||**2 <= (1 + c) V + (1 + 1/c) s for every c > 0:
    with 1 + c = 1/(alpha L_max) all of V cancels, and 1 + 1/c = 1/(1 - alpha L_max).

    Without noise and as alpha tends to 1/L_max it is the bound of `goujaud-2022-heavy-ball`, which
    is attained. With noise the cases come to .88 of it; noise alone on a quadratic to 1/3.
    """
    return R0**2 / (2 * alpha * (T + 1)) + alpha * M / (2 * (1 - alpha * L_max))


# Momentum without convexity


def _momentum_step(experiment: Experiment) -> float:
    return float(1 - experiment.method.settings["beta1"]) / 2


_UNIFIED = (
    smooth,
    unconstrained,
    unbiased,
    bounded_second_moment,
    constant_step,
    step_size("alpha <= (1 - beta1) / (2 L)", _momentum_step, of="method"),
)


@claim(
    source="yan2018, with constants derived here",
    tags=("stationarity", "non-convex", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[the_rule("unified-momentum", look_ahead=0.0), *_UNIFIED],
    status="proved here",
    cases="""
        holds
            noisy-huber:start=20  unified-momentum:look_ahead=0,beta1=0.5  constant:alpha=0.025 \
                800  seeds=16
            star-convex-valley:start=0.01  unified-momentum:look_ahead=0,beta1=0 \
                constant:alpha=0.25  100
            star-convex-valley:start=1  unified-momentum:look_ahead=0,beta1=0.5 \
                constant:alpha=0.05  200
            rare-feature-logistic:dimension=2,odds=20  unified-momentum:look_ahead=0,beta1=0.5 \
                inverse-smoothness:h=0.01  700  seeds=20
        not applicable
            star-convex-valley  unified-momentum:look_ahead=0  constant:alpha=0.1  50
            pl-sine  unified-momentum:look_ahead=0  constant:alpha=0.001  50
    """,
)
def yan_2018_heavy_ball(
    T: Any, L: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any, second_moment: Any
) -> Any:
    """Stochastic heavy ball finds stationary points of smooth functions.

    1/T sum_{t<=T} E||grad f(x_t)||**2 <= (sqrt(B/c) + sqrt(A + B/c))**2 / c, with
    a = alpha / (1 - beta), c = 1 - a L/2, A = D0 / (a T) + a L sigma2 / 2 and B = L**2 P/4,
    P = (beta alpha G)**2 / (1 - beta)**4, for E||g||**2 <= G**2 and alpha <= (1 - beta)/(2L). At
    most the print, 2 (1 - beta) D0 / (alpha T)
    + alpha L (beta**2 G**2 + (1 - beta)**2 sigma2) / (1 - beta)**3, which is for the least of the
    squares and alpha = min((1 - beta)/(2L), C/sqrt(T)), and where G is the bound of ||grad f||,
    with sigma2 added.

    Proof, for any s (here 0). u_t = s_t - x_t obeys u_{t+1} = beta u_t + (1 - (1 - beta) s) alpha
    g_t, so E||u_t||**2 <= ((1 - (1 - beta) s) alpha G / (1 - beta))**2; and with p = -beta u /
    (1 - beta), z_t = x_t + p_t obeys z_{t+1} = z_t - a g_t and E||p_t||**2 <= P. The descent lemma
    at z_t and L ||p|| ||grad f|| <= w ||grad f||**2 + L**2 ||p||**2 / (4 w) leave
    (c - w) E||grad f(x_t)||**2 <= (E f(z_t) - E f(z_{t+1})) / a + L**2 P / (4 w) + a L sigma2 / 2.
    Add up: the mean is at most (A + B/w) / (c - w) for every w < c, and the bound is the least of
    these. The print has w = 1/4. Without momentum it is the bound of `ghadimi-lan-2013`; with
    beta = 1/2 the cases come to .90 of it, on the straight part of `noisy-huber`.
    """
    return _stationarity(T, L, D0, alpha, beta1, sigma2, second_moment, 0)


@claim(
    source="yan2018, with constants derived here",
    tags=("stationarity", "non-convex", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[the_rule("unified-momentum", look_ahead=1.0), *_UNIFIED],
    status="proved here",
    cases="""
        holds
            noisy-huber:start=20  unified-momentum:beta1=0.5  constant:alpha=0.025  800  seeds=16
            star-convex-valley:start=1  unified-momentum:beta1=0.5  constant:alpha=0.05  200
            rare-feature-logistic:dimension=2,odds=20  unified-momentum:beta1=0.5 \
                inverse-smoothness:h=0.01  700  seeds=20
        not applicable
            star-convex-valley  unified-momentum  constant:alpha=0.1  50
            star-convex-valley  unified-momentum:look_ahead=0  constant:alpha=0.01  50
    """,
)
def yan_2018_nesterov(
    T: Any, L: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any, second_moment: Any
) -> Any:
    """Stochastic Nesterov momentum finds stationary points of smooth functions.

    `yan-2018-heavy-ball` with s = 1: there ((1 - beta) s - 1)**2 = beta**2, so P is
    beta**4 (alpha G)**2 / (1 - beta)**4; the print likewise has beta**4 G**2. x is the point where
    gradients are taken. The cases come to .93 of it.
    """
    return _stationarity(T, L, D0, alpha, beta1, sigma2, second_moment, 1)


def _stationarity(
    T: Any, L: Any, D0: Any, alpha: Any, beta: Any, sigma2: Any, G2: Any, s: float
) -> Any:
    a = alpha / (1 - beta)
    c = 1 - a * L / 2
    moved = (beta * ((1 - beta) * s - 1) * alpha) ** 2 * G2 / (1 - beta) ** 4
    A, B = D0 / (a * T) + a * L * sigma2 / 2, L**2 * moved / 4
    return least_over_weights(A, B / c) / c
