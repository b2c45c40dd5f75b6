"""Methods that choose the length of their step: Polyak's step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import sqrt

from convergence.claim import Assumption, Setting, claim
from convergence.claims.assumptions import (
    constant_step,
    convex,
    exact_gradients,
    known_minimizer,
    smooth,
    strongly_convex,
    the_rule,
    unconstrained,
)

__all__ = [
    "polyak_1969_lipschitz",
    "polyak_1969_smooth",
    "polyak_1969_strongly_convex",
]


def _first_step(setting: Setting) -> float:
    sizes = setting.schedule.step_sizes(np.array([1]), setting.problem, setting.steps)
    return float(sizes[0])


# Polyak's step


def _below_two(setting: Setting) -> str:
    first = _first_step(setting)
    return "" if first < 2 else f"it is {first:.6g}"


def _at_most_two(setting: Setting) -> str:
    first = _first_step(setting)
    return "" if first <= 2 else f"it is {first:.6g}"


_POLYAK = (exact_gradients, known_minimizer, the_rule("polyak-step"), constant_step)
_up_to_two = Assumption("alpha <= 2", _at_most_two)


@claim(
    source=("polyak1969", "hazan2019, Theorem 1"),
    tags=("suboptimality", "convex", "non-smooth", "gradient-descent", "adaptive"),
    measure="suboptimality_best",
    assumes=[convex, *_POLYAK, Assumption("alpha < 2", _below_two)],
    cases="""
        holds
            # D G/sqrt(N+1) is attained at T = N + 1, and in the next round the minimum is found.
            resisting-maximum:N=99  polyak-step  constant:alpha=1  150
            resisting-maximum:N=24,G=2,D=5  polyak-step  constant:alpha=1.2  60
        not applicable
            resisting-maximum  polyak-step  constant:alpha=2  9
            resisting-maximum  polyak-step  inverse-sqrt:alpha=1  9
            resisting-maximum  sgd  constant:alpha=1  9
            pl-sine  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_lipschitz(T: Any, G: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a convex function without smoothness, at the best iterate.

    min_{t<=T} f(x_t) - f* <= G R0 / sqrt(alpha (2 - alpha) T), for the share alpha of Polyak's
    step; printed with alpha = 1.

    With F = f(x_t) - f* and g.(x_t - x*) >= F, a step of alpha F / ||g||**2 gives
    ||x_{t+1} - x*||**2 <= ||x_t - x*||**2 - alpha (2 - alpha) F**2 / ||g||**2, also after a
    projection; add up. At alpha = 1 `resisting-maximum:N` attains it at T = N + 1, and no method in
    the span of the subgradients does better there.
    """
    return G * R0 / sqrt(alpha * (2 - alpha) * T)


@claim(
    source=("polyak1969", "hazan2019, Theorem 1, sharpened here"),
    tags=("regret", "convex", "gradient-descent", "adaptive"),
    measure="regret",
    assumes=[convex, smooth, unconstrained, *_POLYAK, _up_to_two],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
            quadratic:kappa=1,dimension=3,L=5  polyak-step  constant:alpha=0.5  100
            quadratic:kappa=10,dimension=2  polyak-step  constant:alpha=2  20
        not applicable
            quadratic  polyak-step  constant:alpha=2.1  9
            resisting-maximum  polyak-step  constant:alpha=1  9
            pl-sine  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_smooth(T: Any, L: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a smooth convex function: the gaps to the minimum have a finite sum.

    sum_{t<=T} (f(x_t) - f*) <= 2 L R0**2 / (alpha (4 - alpha)), for every T and the share
    alpha <= 2 of Polyak's step. So the best of T gaps, and that at the mean iterate, is at most
    2 L R0**2 / (3 T) at alpha = 1; the print has 2 L R0**2 / T.

    With F = f(x_t) - f* smoothness gives g.(x_t - x*) >= F + ||g||**2 / (2 L), and so
    ||x_{t+1} - x*||**2 <= ||x_t - x*||**2 - alpha F ((2 - alpha) F / ||g||**2 + 1 / L), where
    F / ||g||**2 >= 1 / (2 L). On L/2 ||x||**2 a step multiplies x by 1 - alpha/2, nothing is lost,
    and the sum tends to the bound.
    """
    return 2 * L * R0**2 / (alpha * (4 - alpha)) + 0.0 * T


@claim(
    source=("hazan2019, Theorem 1, sharpened here", "barre2020, for alpha = 2"),
    tags=("distance", "convex", "strongly-convex", "gradient-descent", "adaptive"),
    measure="distance",
    assumes=[strongly_convex, smooth, unconstrained, *_POLYAK, _up_to_two],
    status="proved here",
    cases="""
        holds
            quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
            quadratic:kappa=1,dimension=3,L=5  polyak-step  constant:alpha=0.5  100
            quadratic:kappa=100,dimension=2  polyak-step  constant:alpha=2  100
        not applicable
            quadratic  polyak-step  constant:alpha=2.1  9
            huber-worst  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_strongly_convex(T: Any, L: Any, mu: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a smooth, strongly convex function: the exact contraction of a round.

    ||x_{T+1} - x*|| <= q**T R0, with k = mu/L, s = sqrt(k) and q**2 the larger one of
    1 - alpha (4 - alpha) k / (1 + k)**2 and (1 - alpha s / (1 + s))**2. At alpha = 2 q is
    (1 - k) / (1 + k), the best of all constant steps; the print has q**2 = 1 - k/4 at alpha = 1.

    Let L = 1, ||x - x*|| = 1, p = g.(x - x*), u = ||g||**2, F = f(x) - f*. After the step the
    square is 1 - H, H = alpha F (2 p - alpha F) / u. Interpolation gives F >= F0 and F <= p - F0
    with F0 = (u + k - 2 k p) / (2 (1 - k)). H is concave in F, and least at F0 if alpha <= 2. As a
    function of u, H at F0 is decreasing for p <= 1/2 and concave for p >= 1/2, so it is least where
    u = (1 + k) p - k, that is F0 = p/2, or where u = p**2. There it is alpha (4 - alpha) p**2 /
    (4 u) >= alpha (4 - alpha) k / (1 + k)**2, least at p = 2 k / (1 + k), or it is
    1 - (1 - alpha F0/p)**2 with F0/p >= s / (1 + s), least at p = s.

    One round attains it, the first value on quadratics with the eigenvalues mu and L; all rounds do
    on L/2 ||x||**2.
    """
    k = mu / L
    s = sqrt(k)
    square = np.maximum(1 - alpha * (4 - alpha) * k / (1 + k) ** 2, (1 - alpha * s / (1 + s)) ** 2)
    return square ** (T / 2) * R0
