"""Gradient descent and its momentum methods with exact gradients: rates, limits and failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import sqrt

from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    CLOSE,
    ROUNDING,
    constant_step,
    convex,
    descent_within_inverse_smoothness,
    exact_gradients,
    first_step,
    inverse,
    polyak_lojasiewicz,
    smooth,
    step,
    step_size,
    strongly_convex,
    the_problem,
    the_rule,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = [
    "gd_diverges",
    "gd_nonconvex_classic",
    "gd_nonconvex_min",
    "gd_strongly_convex",
    "gd_strongly_convex_distance",
    "ghadimi_2015_hb_convex_long",
    "ghadimi_2015_hb_sc",
    "goujaud_2023_cycle",
    "in_the_span",
    "kim_2024_gd",
    "lessard_2016_cycle",
    "nesterov_2004_sc",
    "nesterov_smooth_lower_bound",
    "nesterov_worst_smooth_gap",
    "pl_improved",
    "polyak_hb_quadratic",
    "subgradient_constant_step",
]


below_two = step("alpha < 2/L", "<", lambda experiment: 2 * inverse(experiment))

_DESCENT = (smooth, unconstrained, exact_gradients, the_rule("gradient-descent"), constant_step)


@claim(
    source="kim2024",
    tags=("suboptimality", "convex", "strongly-convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[convex, *_DESCENT, below_two],
    cases="""
        holds
            kim-2024:N=20  sgd  inverse-smoothness  20
            kim-2024:N=8,L=3,mu=0.6,R0=2,h=1.5  sgd  inverse-smoothness:h=1.5  8
            huber-worst:N=15  sgd  inverse-smoothness:h=1.5  10
            quadratic:kappa=1,dimension=1  sgd  inverse-smoothness:h=1.9  100
        not applicable
            pl-sine  sgd  inverse-smoothness:h=1.5  100
            quadratic:kappa=100  sgd  inverse-smoothness:h=2.01  100
            quadratic:kappa=100  sgd  inverse-sqrt:alpha=1  100
    """,
)
def kim_2024_gd(T: Any, L: Any, curvature: Any, R0: Any, alpha: Any) -> Any:
    """Gradient descent with a constant step size below 2/L, by the distance of the start.

    f(x_{T+1}) - f* <= L R0**2 / 2 max(kappa / (kappa - 1 + (1 - alpha mu)**(-2T)),
    (1 - alpha L)**(2T)), with kappa = mu / L; for mu = 0, where the first part is
    1 / (2 T alpha L + 1), it was conjectured by Drori and Teboulle. For alpha <= 1/L the first part
    is the larger one, and with mu = 0 the bound of `drori-teboulle-2014-gd`.

    The proof adds interpolation inequalities between all pairs of iterates, with weights that the
    paper gives in closed form; it is not repeated here. `docs/worst-cases.md` holds the bound
    against the exact worst case, which is equal to it wherever it was computed.

    No smaller bound is true: the first part is attained by `kim-2024` at T = N, and for mu = 0 by
    the Huber function that is straight for just so long (`huber-worst:N=15` at T = 10, alpha L =
    1.5, as 2 * 15 + 1 = 2 T alpha L + 1); L x**2/2 attains the second.
    """
    bent = alpha * curvature
    # ((1 - alpha mu)**(-2T) - 1) / (alpha mu), and its limit at mu = 0.
    grown = np.expm1(-T * np.log1p(-bent * (2 - bent))) / bent if bent else 2 * T
    return L * R0**2 / 2 * np.maximum(1 / (1 + alpha * L * grown), (1 - alpha * L) ** (2 * T))


@claim(
    source="taylor2018",
    tags=("suboptimality", "convex", "strongly-convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[strongly_convex, *_DESCENT, step_size("alpha <= 2/L", lambda experiment: 2.0)],
    cases="""
        holds
            quadratic:kappa=100,dimension=2  sgd  constant:alpha=200/101  300
        holds, not sensitive
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.9  1_000
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
            lessard-2016  sgd  inverse-smoothness:h=0.5  200
        not applicable
            huber-worst  sgd  inverse-smoothness  100
            quadratic:kappa=100  sgd  inverse-smoothness:h=2.1  100
    """,
)
def gd_strongly_convex(T: Any, L: Any, mu: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent on a strongly convex function, by objective value.

    f(x_{T+1}) - f* <= rho**(2T) D0, with rho = max(|1 - alpha L|, |1 - alpha mu|).

    Proof. Of the lower bounds on f(x) - f(y) that mu-strong convexity and L-smoothness give, add
    those of (x, y) = (x_t, x_{t+1}), (x*, x_t), (x*, x_{t+1}) with the weights rho,
    rho (1 - rho), 1 - rho. The values add to rho**2 (f(x_t) - f*) - (f(x_{t+1}) - f*), the rest is
    a positive semidefinite form in x_t - x*, g_t, g_{t+1}. Attained by every quadratic whose
    eigenvalues all contract by rho: mu and L at alpha = 2/(L + mu).
    """
    rho = np.maximum(abs(1 - alpha * L), abs(1 - alpha * mu))
    return rho ** (2 * T) * D0


@claim(
    source=("taylor2018", "nesterov2004, Theorem 2.1.15"),
    tags=("distance", "convex", "strongly-convex", "gradient-descent"),
    measure="distance",
    assumes=[strongly_convex, *_DESCENT, step_size("alpha <= 2/L", lambda experiment: 2.0)],
    cases="""
        holds
            quadratic:kappa=100,dimension=2  sgd  constant:alpha=200/101  1_000
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.9  1_000
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
        not applicable
            huber-worst  sgd  inverse-smoothness  100
            quadratic:kappa=100  sgd  inverse-sqrt:alpha=1  100
    """,
)
def gd_strongly_convex_distance(T: Any, L: Any, mu: Any, R0: Any, alpha: Any) -> Any:
    """Gradient descent on a strongly convex function, by distance.

    ||x_{T+1} - x*|| <= rho**T R0, with rho = max(|1 - alpha L|, |1 - alpha mu|).

    With e = x_t - x* and g = grad f(x_t), smoothness and strong convexity give
    (g - mu e).(L e - g) >= 0: g lies in the ball with the diameter from mu e to L e, and the point
    of that ball where ||e - alpha g|| is largest is an end of the diameter. Nesterov prints
    alpha <= 2/(mu + L) and 1 - 2 alpha mu L/(mu + L) for rho**2, equal at the largest step.
    Attained as in `gd-strongly-convex`.
    """
    rho = np.maximum(abs(1 - alpha * L), abs(1 - alpha * mu))
    return rho**T * R0


@claim(
    source="abbaszadehpeivasti2022",
    tags=("stationarity", "non-convex", "gradient-descent"),
    measure="stationarity_least",
    assumes=[*_DESCENT, step_size("alpha <= sqrt(3)/L", lambda experiment: 3**0.5)],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  sgd  inverse-smoothness  5
            quadratic:kappa=100  sgd  inverse-smoothness:h=0.5  1_000
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.7  500
        holds, not sensitive
            pl-sine  sgd  inverse-smoothness  200
            pl-sine  sgd  inverse-smoothness:h=1.2  100
        vacuous
            huber-worst:N=100  sgd  inverse-smoothness  101
        not applicable
            pl-sine  sgd  inverse-smoothness:h=1.8  100
            rosenbrock  sgd  constant:alpha=1e-4  100
    """,
)
def gd_nonconvex_min(T: Any, L: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent finds stationary points of smooth functions: the sharp constant.

    min_{t<=T} ||grad f(x_t)||**2 <= 4 L D0 / ((T - 1) h (4 - h) + 2), with h = alpha L <= 1, and
    with 4 - h**2 for 4 - h if 1 <= h <= sqrt(3). The measure is the norm, so the bound is the root.
    T gradients are T - 1 steps.

    For L-smooth f, f(x) - f(y) >= (g_x + g_y).(x - y)/2 + q, where q = ||g_x - g_y||**2/(4L)
    - L ||x - y||**2/4 <= 0. At x = x_t, y = x_{t+1} = x_t - alpha g_t, with g_t.g_{t+1} at most
    half the sum of squares, it is at least (3 h - h**2)/(4L) ||g_t||**2 + h/(4L) ||g_{t+1}||**2 if
    h <= 1. If h >= 1 take h q for q: the products cancel, and h**3 replaces h**2. The last value is
    at least f* + ||g_T||**2/(2L).

    No smaller bound is true. At h = 1 f' may swing between g and g/2 at the slopes -L and L, every
    step from g to g, and fall to 0 at the end. For longer steps the gradients of a function in the
    plane may keep their length and turn to and fro, ||g_t - g_{t+1}|| = h ||g_t||.
    """
    h = alpha * L
    return sqrt(4 * L * D0 / ((T - 1) * h * (4 - h * np.maximum(1, h)) + 2))


@claim(
    source="nesterov2004, Section 1.2.3",
    tags=("stationarity", "non-convex", "gradient-descent"),
    measure="gradient_mean_square",
    assumes=[*_DESCENT, below_two],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  sgd  inverse-smoothness  5
            breast-cancer-logistic  sgd  inverse-smoothness  500
        holds, not sensitive
            pl-sine  sgd  inverse-smoothness:h=1.5  200
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.9  1_000
        not applicable
            pl-sine  sgd  inverse-smoothness:h=2.01  100
            rosenbrock  sgd  constant:alpha=1e-4  100
    """,
)
def gd_nonconvex_classic(T: Any, L: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent finds stationary points of smooth functions: the classic bound.

    1/T sum_{t<=T} ||grad f(x_t)||**2 <= 2 L D0 / (T h (2 - h)), with h = alpha L < 2.

    The descent lemma gives f(x_{t+1}) <= f(x_t) - alpha (1 - h/2) ||grad f(x_t)||**2; add up.
    Attained on L x**2/2 at h = 1, where the first step ends in the minimum.
    """
    h = alpha * L
    return 2 * L * D0 / (T * h * (2 - h))


@claim(
    source=("abbaszadehpeivasti2023", "karimi2016, Theorem 1, sharpened here"),
    tags=("suboptimality", "non-convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[*descent_within_inverse_smoothness, polyak_lojasiewicz],
    cases="""
        holds
            pl-sine:start=2.25  sgd  inverse-smoothness  100
            pl-sine  sgd  inverse-smoothness:h=0.5  200
        holds, not sensitive
            lessard-2016  sgd  inverse-smoothness  100
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
        not applicable
            pl-sine  sgd  inverse-smoothness:h=1.5  100
            huber-worst  sgd  inverse-smoothness  100
    """,
)
def pl_improved(T: Any, L: Any, mu_pl: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent under the Polyak-Lojasiewicz inequality: a sharper rate.

    f(x_{T+1}) - f* <= ((2L - mu h (3 - h)) / (2L + mu h))**T D0, with h = alpha L <= 1; at
    alpha = 1/L the factor is (2L - 2 mu) / (2L + mu).

    As in `gd-nonconvex-min`, f(x_t) - f(x_{t+1}) >= (3 h - h**2)/(4L) ||g_t||**2
    + h/(4L) ||g_{t+1}||**2, and ||g||**2 >= 2 mu (f - f*) at both points. The factor is at most the
    1 - alpha mu of `karimi-2016-pl`, since h + alpha mu <= 2. At most 0.987 of it is known to be
    attained, on `pl-sine` from where the inequality is tight.
    """
    h = alpha * L
    return ((2 * L - mu_pl * h * (3 - h)) / (2 * L + mu_pl * h)) ** T * D0


@claim(
    source=("nesterov2004, Section 3.2.3", "drori2016"),
    tags=("suboptimality", "convex", "non-smooth", "gradient-descent"),
    measure="suboptimality_best",
    assumes=[convex, exact_gradients, the_rule("gradient-descent"), constant_step],
    cases="""
        holds
            absolute-value  sgd  constant:alpha=0.4  2_000
            huber-worst  sgd  inverse-smoothness  100
            # The step size D/(G sqrt(N+1)), with N + 1 rounds: the bound is D G/sqrt(N+1), and it
            # is attained, though a run that stays at the start would meet it too.
            resisting-maximum:N=99  sgd  constant:alpha=0.1  100
            resisting-maximum:N=24,G=2,D=5  sgd  constant:alpha=0.5  25
        holds, not sensitive
            nesterov-worst-nonsmooth  sgd  constant:alpha=0.1  1_000
        not applicable
            resisting-maximum  sgd  inverse-sqrt:alpha=0.1  100
            quadratic  sgd  constant:alpha=0.1  100
    """,
)
def subgradient_constant_step(T: Any, G: Any, R0: Any, alpha: Any) -> Any:
    """The subgradient method with a constant step size, at its best iterate.

    min_{t<=T} f(x_t) - f* <= R0**2 / (2 alpha T) + alpha G**2 / 2; with alpha = D/(G sqrt(T)) and
    R0 <= D it is D G/sqrt(T), the D G/sqrt(N+1) of N steps.

    Add up ||x_{t+1} - x*||**2 <= ||x_t - x*||**2 - 2 alpha (f(x_t) - f*) + alpha**2 G**2; a
    projection only brings x_{t+1} nearer. Attained on `resisting-maximum:N` at T = N + 1 with the
    step size D/(G sqrt(N+1)), where no method in the span of the subgradients is better. Of |x|
    from 1 the second part alone remains: at alpha = 0.4 the iterates end at 0.2 and -0.2.
    """
    return R0**2 / (2 * alpha * T) + alpha * G**2 / 2


# Heavy ball


def _share_of_inverse(share: float) -> Callable[[Experiment], float]:
    return lambda experiment: (
        share * (1 - experiment.method.settings["beta1"]) * inverse(experiment)
    )


@claim(
    source="ghadimi2015, Theorem 1",
    tags=("suboptimality", "convex", "momentum"),
    measure="suboptimality_average",
    assumes=[
        convex,
        smooth,
        unconstrained,
        exact_gradients,
        the_rule("heavy-ball", velocity="sum"),
        constant_step,
        step("alpha >= (1 - beta1) / L", ">=", _share_of_inverse(1), of="method"),
        step("alpha < 2 (1 - beta1) / L", "<", _share_of_inverse(2), of="method"),
    ],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  heavy-ball:beta1=0  inverse-smoothness:h=1  20
        holds, not sensitive
            quadratic:kappa=100  heavy-ball  inverse-smoothness:h=0.15  2_000
            breast-cancer-logistic  heavy-ball:beta1=0.5  inverse-smoothness:h=0.8  1_000
        not applicable
            quadratic  heavy-ball  inverse-smoothness:h=0.05  100
            quadratic  heavy-ball  inverse-smoothness:h=0.25  100
    """,
)
def ghadimi_2015_hb_convex_long(T: Any, L: Any, R0: Any, alpha: Any, beta1: Any) -> Any:
    """Heavy ball on a smooth convex function, with the longer steps of the theorem.

    f(mean of x_1..x_T) - f* <= R0**2 / (2 T (2 (1 - beta1) - alpha L))
    (L beta1 + (1 - beta1)**2 / alpha), for (1 - beta1)/L <= alpha < 2 (1 - beta1)/L.

    As for `ghadimi-2015-hb-convex`, but ||g||**2 is too large for g.(x - x*) >= f - f*
    + ||g||**2/(2L) alone: a share 1 - theta of g.(x - x*) goes into ||g||**2 <= L g.(x - x*), with
    theta = 2 - alpha L/(1 - beta1) just enough. So the bound is that of short steps over theta.
    """
    return R0**2 / (2 * T * (2 * (1 - beta1) - alpha * L)) * (L * beta1 + (1 - beta1) ** 2 / alpha)


def _small_momentum(experiment: Experiment) -> str:
    """The setting `beta1` of the rule, beside a limit from the first step size, `mu_pl` and `L`."""
    problem, beta1, alpha = (
        experiment.problem,
        experiment.method.settings["beta1"],
        first_step(experiment),
    )
    most = (1 - alpha * problem.constant("mu_pl")) * max(0.0, 1 - alpha * problem.constant("L"))
    # A root computed so must count.
    return "" if beta1**2 <= most * (1 + ROUNDING) else f"beta1={beta1:g} > {sqrt(most):g}"


@claim(
    source="ghadimi2015, Theorem 4, under weaker assumptions",
    tags=("suboptimality", "non-convex", "momentum"),
    measure="suboptimality",
    assumes=[
        smooth,
        polyak_lojasiewicz,
        unconstrained,
        exact_gradients,
        the_rule("heavy-ball", velocity="sum"),
        constant_step,
        step_size("alpha <= 1/L", lambda experiment: 1.0),
        Assumption("beta1**2 <= (1 - alpha mu) (1 - alpha L)", _small_momentum),
    ],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  heavy-ball:beta1=0.75  constant:alpha=0.25  100
            quadratic:kappa=100  heavy-ball:beta1=0.7  inverse-smoothness:h=0.5  1_000
            pl-sine  heavy-ball:beta1=0.7  inverse-smoothness:h=0.5  200
            breast-cancer-logistic  heavy-ball:beta1=0.9  inverse-smoothness:h=0.15  1_000
        not applicable
            quadratic  heavy-ball  inverse-smoothness:h=0.5  100
            huber-worst  heavy-ball  inverse-smoothness:h=0.1  100
    """,
)
def ghadimi_2015_hb_sc(T: Any, mu_pl: Any, D0: Any, alpha: Any) -> Any:
    """Heavy ball converges linearly with little momentum.

    f(x_{T+1}) - f* <= (1 - alpha mu)**T D0. Printed for beta1 = sqrt((1 - alpha mu)(1 - alpha L))
    and strongly convex f; true for every smaller beta1 and under the Polyak-Lojasiewicz inequality.

    With d_t = x_t - x_{t-1} and c = (1/alpha - L)/2 >= 0, the descent lemma bounds
    V_{t+1} = f(x_{t+1}) - f* + c ||d_{t+1}||**2 by f(x_t) - f* - alpha/2 ||g_t||**2
    + beta1**2/(2 alpha) ||d_t||**2: c is such that the products g_t.d_t cancel. Now
    ||g_t||**2 >= 2 mu (f(x_t) - f*) and beta1**2/(2 alpha) <= (1 - alpha mu) c give
    V_{t+1} <= (1 - alpha mu) V_t. Attained on x**2/2 whenever d vanishes: with alpha = 1/4,
    beta1 = 3/4 at T = 6, 12, ...
    """
    return (1 - alpha * mu_pl) ** T * D0


def _polyak_step(experiment: Experiment) -> float:
    problem = experiment.problem
    return float(4 / (sqrt(problem.constant("L")) + sqrt(problem.constant("mu"))) ** 2)


def _momentum(statement: str, power: int) -> Assumption:
    """The momentum is this power of (sqrt(L/mu) - 1) / (sqrt(L/mu) + 1)."""

    def fails(experiment: Experiment) -> str:
        """The setting `beta1` of the rule, beside what `L` and `mu` make it."""
        problem, beta1 = experiment.problem, experiment.method.settings["beta1"]
        root = sqrt(problem.constant("L") / problem.constant("mu"))
        wanted = ((root - 1) / (root + 1)) ** power
        return "" if abs(beta1 - wanted) <= CLOSE else f"beta1={beta1:g}, not {wanted:.9g}"

    return Assumption(statement, fails)


@claim(
    source="polyak1964, with the constant derived here",
    tags=("distance", "convex", "strongly-convex", "momentum"),
    measure="distance",
    assumes=[
        the_problem("quadratic"),
        the_rule("heavy-ball", velocity="sum"),
        constant_step,
        step("alpha = 4 / (sqrt(L) + sqrt(mu))**2", "=", _polyak_step),
        _momentum("beta1 = ((sqrt(L/mu) - 1) / (sqrt(L/mu) + 1))**2", 2),
    ],
    cases="""
        holds
            quadratic:kappa=1.0201,dimension=2  heavy-ball:beta1=1/40401 \
                constant:alpha=40804/40401  10
        holds, not sensitive
            quadratic:kappa=100  heavy-ball:beta1=81/121  constant:alpha=400/121  500
            quadratic:kappa=10000,rotated=true  heavy-ball:beta1=9801/10201 \
                constant:alpha=40000/10201  1_000
        not applicable
            lessard-2016  heavy-ball:beta1=4/9  constant:alpha=1/9  100
            quadratic:kappa=100  heavy-ball  constant:alpha=400/121  100
    """,
)
def polyak_hb_quadratic(T: Any, R0: Any, beta1: Any) -> Any:
    """Polyak's heavy ball on quadratics, for every number of steps.

    ||x_{T+1} - x*|| <= q**T (1 + T (1 + q)) R0, with q = sqrt(beta1)
    = (sqrt(L/mu) - 1) / (sqrt(L/mu) + 1).

    At the eigenvalue l the iteration is x_{t+1} = 2 q c x_t - q**2 x_{t-1} with
    2 q c = 1 + beta1 - alpha l, and |c| <= 1 as alpha runs l over (1 - q)**2..(1 + q)**2. From
    x_0 = x_1 it is q**T (U_T(c) - q U_{T-1}(c)) times the start, with Chebyshev's polynomials of
    the second kind, |U_k| <= k + 1; equality at c = -1, l = L. So the rate is q but no constant
    times q**T is true.
    """
    q = sqrt(beta1)
    return q**T * (1 + T * (1 + q)) * R0


_FAILING_MOMENTUM = (
    the_rule("heavy-ball", velocity="sum", beta1=4 / 9),
    constant_step,
    step("alpha = 1/9", "=", lambda experiment: 1 / 9),
)


@claim(
    source="lessard2016, equation (4.11)",
    tags=("distance", "convex", "strongly-convex", "momentum", "failure"),
    measure="distance",
    sense="at least",
    assumes=[the_problem("lessard-2016", start=3.3), *_FAILING_MOMENTUM],
    cases="""
        holds
            lessard-2016  heavy-ball:beta1=4/9  constant:alpha=1/9  2_000
        not applicable
            # Another momentum, or another start, and the method converges.
            lessard-2016  heavy-ball:beta1=0.3  constant:alpha=1/9  100
            lessard-2016:start=2  heavy-ball:beta1=4/9  constant:alpha=1/9  100
    """,
)
def lessard_2016_cycle(T: Any) -> Any:
    """Polyak's tuning of the heavy ball cycles on a strongly convex function.

    |x_{T+1} - x*| >= 0.6465 from T = 31 on, for L = 25, mu = 1, alpha = 1/9, beta1 = 4/9 and the
    start 3.3; before that the claim says nothing.

    The cycle is 792/1225, -2208/1225, 2592/1225, of which 0.64653 is nearest to x* = 0. All its
    points lie where f'' = 25, and so do x_t for all t from 1, 3.3 itself included: the offset from
    the cycle is (a + b t) (-2/3)**t exactly, and takes |x_{T+1}| below 0.6465 last at T = 30.
    """
    return np.where(T >= 31, 0.6465, -np.inf)


@claim(
    source="goujaud2023",
    tags=("distance", "convex", "strongly-convex", "momentum", "failure"),
    measure="distance",
    sense="at least",
    assumes=[
        the_problem("goujaud-2023", L=25.0, mu=1.0, alpha=1 / 9, beta=4 / 9, start=(1.2, 0.64)),
        *_FAILING_MOMENTUM,
    ],
    cases="""
        holds
            goujaud-2023  heavy-ball:beta1=4/9  constant:alpha=1/9  2_000
        not applicable
            goujaud-2023  heavy-ball:beta1=0.3  constant:alpha=1/9  100
            goujaud-2023:start=[0.5,0.5]  heavy-ball:beta1=4/9  constant:alpha=1/9  100
    """,
)
def goujaud_2023_cycle(T: Any) -> Any:
    """The heavy ball cycles through a triangle around the minimum of a strongly convex function.

    ||x_{T+1} - x*|| >= 0.9999 from T = 28 on, for L = 25, mu = 1, alpha = 1/9, beta1 = 4/9 and the
    start (1.2, 0.64); before that the claim says nothing.

    The cycle runs through three unit vectors. Near it each point projects to a corner of the
    triangle, f'' = mu, and the offset obeys e_{t+1} = (1 + beta1 - alpha mu) e_t - beta1 e_{t-1}
    = 4/3 e_t - 4/9 e_{t-1}, with the double eigenvalue 2/3.
    """
    return np.where(T >= 28, 0.9999, -np.inf)


# Acceleration, and what no method can do


@claim(
    source="nesterov2004, Section 2.2.1",
    tags=("suboptimality", "convex", "strongly-convex", "momentum"),
    measure="suboptimality",
    assumes=[
        strongly_convex,
        smooth,
        unconstrained,
        exact_gradients,
        the_rule("nesterov", iterate="descent"),
        constant_step,
        step("alpha = 1/L", "=", inverse),
        _momentum("beta1 = (sqrt(L) - sqrt(mu)) / (sqrt(L) + sqrt(mu))", 1),
    ],
    cases="""
        holds
            goujaud-2023:start=[100,3]  nesterov:beta1=2/3  inverse-smoothness  100
        holds, not sensitive
            quadratic:kappa=100  nesterov:beta1=9/11  inverse-smoothness  500
            lessard-2016  nesterov:beta1=2/3  inverse-smoothness  100
            quadratic:kappa=10000,dimension=2  nesterov:beta1=99/101  inverse-smoothness  2_000
        not applicable
            quadratic:kappa=100  nesterov  inverse-smoothness  100
            quadratic:kappa=100  nesterov:beta1=9/11  inverse-smoothness:h=0.5  100
            huber-worst  nesterov  inverse-smoothness  100
    """,
)
def nesterov_2004_sc(T: Any, L: Any, mu: Any, D0: Any, R0: Any) -> Any:
    """Nesterov's method with constant momentum on a strongly convex function.

    f(x_{T+1}) - f* <= (1 - sqrt(mu/L))**T (D0 + mu R0**2 / 2).

    With q = sqrt(mu/L), v_1 = x_1 and v_{t+1} = (1 - q) v_t + q y_t - q/mu grad f(y_t), the point
    of the gradient is y_t = (x_t + q v_t)/(1 + q). Strong convexity at y_t towards x_t and x*, with
    the weights 1 - q and q, and f(x_{t+1}) <= f(y_t) - ||grad f(y_t)||**2/(2L) give
    V_{t+1} <= (1 - q) V_t for V_t = f(x_t) - f* + mu/2 ||v_t - x*||**2. Not known to be attained:
    0.75 of it is, on `goujaud-2023` from far away.
    """
    return (1 - sqrt(mu / L)) ** T * (D0 + mu * R0**2 / 2)


_SPANNING = (
    "accelerated-gradient",
    "clipped-gradient",
    "gradient-descent",
    "heavy-ball",
    "nesterov",
    "optimized-gradient",
    "optimized-gradient-norm",
    "polyak-step",
    "primal-averaging",
    "schedule-free",
    "unified-momentum",
)


def _spanning(experiment: Experiment) -> str:
    """The key of the rule, or of one that is the same method."""
    rule = experiment.method
    return "" if rule.key in _SPANNING else f"the run used {rule.key}"


in_the_span = Assumption("the iterates lie in the start plus the span of gradients", _spanning)
_WORST = "nesterov-worst-smooth:N=50"


@claim(
    source="nesterov2004, Theorem 2.1.7",
    tags=("suboptimality", "convex", "limit"),
    measure="suboptimality",
    sense="at least",
    assumes=[the_problem("nesterov-worst-smooth"), in_the_span],
    cases=f"""
        holds
            nesterov-worst-smooth:N=20  heavy-ball:beta1=0.8  inverse-smoothness:h=3.5  20
            {_WORST}  optimized-gradient  inverse-smoothness  50
        holds, not sensitive
            {_WORST}  nesterov:beta1=0.92  inverse-smoothness  50
            {_WORST}  heavy-ball:beta1=0.9  inverse-smoothness  50
            {_WORST}  sgd  inverse-smoothness  50
        not applicable
            {_WORST}  adam  constant:alpha=0.1  50
            quadratic  sgd  inverse-smoothness  50
    """,
)
def nesterov_smooth_lower_bound(T: Any, L: Any, R0: Any, n: Any) -> Any:
    """No method in the span of the gradients is faster than O(1/T**2) on smooth convex functions.

    f(x_{T+1}) - f* >= 3 L R0**2 / (32 (T + 1)**2) at T = N = (n - 1)/2: every N has a function of
    its own, and of other T the bound does not speak (at T < N it is false for this one).

    See `nesterov-worst-smooth`: after N steps only N of 2N + 1 coordinates are touched, so that
    f(x_{N+1}) - f* >= L/(16 (N + 1)), and R0**2 <= (2N + 2)/3. L is the book's L, of which the
    largest eigenvalue is the share cos(pi/(2n + 2))**2. A tuned heavy ball comes within 0.78 of it.
    """
    L = L / np.cos(np.pi / (2 * n + 2)) ** 2
    return np.where((n - 1) / 2 == T, 3 * L * R0**2 / (32 * (T + 1) ** 2), -np.inf)


@claim(
    source="nesterov2004, Section 2.1.2",
    tags=("suboptimality", "convex", "limit"),
    measure="suboptimality",
    sense="at least",
    assumes=[the_problem("nesterov-worst-smooth"), in_the_span],
    cases=f"""
        holds
            {_WORST}  sgd  constant:alpha=2  50
            {_WORST}  nesterov:beta1=0.92  inverse-smoothness  500
            {_WORST}  heavy-ball:beta1=0.9  inverse-smoothness  50
        not applicable
            {_WORST}  adam  constant:alpha=0.1  50
            quadratic  sgd  inverse-smoothness  50
    """,
)
def nesterov_worst_smooth_gap(T: Any, L: Any, n: Any) -> Any:
    """What the least value on the touched coordinates leaves of Nesterov's worst function.

    f(x_{T+1}) - f* >= L/8 (1/(T + 1) - 1/(n + 1)) for T <= n; beyond, nothing.

    After T steps only x_1..x_T are not 0, and there f >= -L/8 T/(T + 1); f* = -L/8 n/(n + 1).
    Gradient descent with the step size 2/L attains it at T = 1. L is the book's L, as in
    `nesterov-smooth-lower-bound`.
    """
    L = L / np.cos(np.pi / (2 * n + 2)) ** 2
    return np.where(n >= T, L / 8 * (1 / (T + 1) - 1 / (n + 1)), -np.inf)


@claim(
    source="nesterov2004, Section 1.2.3, on the limit 2/L",
    tags=("distance", "convex", "gradient-descent", "failure"),
    measure="distance",
    sense="at least",
    assumes=[
        the_problem("quadratic"),
        the_rule("gradient-descent"),
        constant_step,
        step("alpha > 2/L", ">", lambda experiment: 2 * inverse(experiment)),
    ],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  sgd  constant:alpha=2.1  1_000
            quadratic:kappa=100  sgd  inverse-smoothness:h=2.01  1_000
            quadratic:kappa=100,rotated=true  sgd  constant:alpha=2.5  2_000
        not applicable
            quadratic:kappa=100  sgd  inverse-smoothness:h=1.99  100
    """,
)
def gd_diverges(T: Any, L: Any, alpha: Any) -> Any:
    """Gradient descent diverges on a quadratic when the step size is beyond 2/L.

    ||x_{T+1} - x*|| >= (alpha L - 1)**T: in the eigendirection of L, where the start of `quadratic`
    has the coordinate 1, each step multiplies by 1 - alpha L. Equality in one dimension. Beyond
    2**500, where squares overflow, the claim says nothing.
    """
    grown = (alpha * L - 1) ** T
    return np.where(grown < 2.0**500, grown, -np.inf)
