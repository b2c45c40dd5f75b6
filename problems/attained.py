"""Functions and laws of noise on which bounds proved since 2017 are attained.

Each docstring derives what the bound gives there, and names the run that attains it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from problems.arithmetic import clip
from problems.domain import WholeSpace
from problems.notation import require
from problems.parameters import number, whole
from problems.problem import Lettered, Problem, derived, exact, problem

__all__ = ["kim_2024"]


@problem(
    source="kim2024",
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz", "1-D", "worst-case"),
)
def kim_2024(
    *, N: int = 10, L: float = 1.0, mu: float = 0.1, R0: float = 1.0, h: float = 1.0
) -> Problem:
    """The strongly convex function that gradient descent is slowest on.

    f' = L x for |x| <= d and mu x + c beyond, with the sign of x at c = (L - mu) d: `huber-worst`
    with the curvature mu in the place of straight parts. With q = 1 - h mu/L, N steps of length
    h/L that stay beyond d lead from R0 to x_N = q**N R0 - c (1 - q**N)/mu, where
    f = mu/2 x**2 + c x - c**2/(2 (L - mu)). That is largest, as a function of c, for

        c = q**(2N) R0 / ((1 - q**(2N))/mu + 1/(L - mu)),

    which is taken here, and then with kappa = mu/L

        f(x_N) - f* = L R0**2/2 * kappa / (kappa - 1 + q**(-2N)),

    the largest value that any mu-strongly convex, L-smooth function allows at distance R0 for
    h <= 1, and for longer steps while N is large enough.
    """
    N = whole("N", N, 1)
    L = number("L", L, above=0)
    mu = number("mu", mu, above=0)
    require(mu < L, f"mu={mu!r} must be less than L={L!r}")
    R0 = number("R0", R0, above=0)
    h = number("h", h, above=0, below=2, why="the step is h/L")
    square = (1 - h * mu / L) ** (2 * N)
    kink = square * R0 / ((L - mu) * (1 - square) / mu + 1)
    letters = {"L": L, "mu": mu, "d": float(kink)}

    def loss(x: Any, sample: Any, *, L: Any, mu: Any, d: Any) -> Any:
        # The curvature mu everywhere, and what is left is a Huber function.
        inside = clip(x, -d, d)
        return mu * x * x / 2 + (L - mu) * inside * (x - inside / 2)

    def gradient(x: Any, sample: Any, *, L: Any, mu: Any, d: Any) -> Any:
        return mu * x + (L - mu) * clip(x, -d, d)

    return Problem(
        formula=f"f' = {L:g} x for |x| <= d and {mu:g} x + {L - mu:g} d sign(x) beyond, "
        f"d = {kink:g}; f(0) = 0",
        domain=WholeSpace(),
        start=np.array([R0]),
        scalar=True,
        loss_formula=Lettered(loss, **letters),
        gradient_formula=Lettered(gradient, **letters),
        constants={
            "L": exact(L, "f'' for |x| < d", at=[kink / 2]),
            "mu": exact(mu, "f'' for |x| > d"),
            "mu_pl": derived(mu, "at least mu, to which f'**2 / (2 f) falls as x grows"),
            "minimum": exact(0.0),
            "minimizer": exact([0.0]),
        },
    )
