"""Functions and laws of noise on which bounds proved since 2017 are attained.

Each docstring derives what the bound gives there, and names the run that attains it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from problems import draws
from problems.arithmetic import clip
from problems.domain import WholeSpace
from problems.notation import require
from problems.parameters import number, whole
from problems.problem import Lettered, Outcomes, Problem, derived, exact, problem

__all__ = ["kim_2024", "resisting_smooth", "two_point_noise"]


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


def _resisting_weights(N: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers b_k and s_k of `resisting-smooth`, for k = 0..N, with b_N = 1.

    Rounded to multiples of 2**-36, so that b_k - s_k is b_{k+1} to the last bit. That moves their
    bound by the square of 2**-36, as they are the best ones.
    """
    cost, shares = 0.0, []  # of the terms before k: 4 theta_{k-1}**2
    for _ in range(N):
        root = np.sqrt(1 + cost)
        shares.append(1 / root)
        cost = (1 + root) ** 2
    last = (1 + np.sqrt(1 + 2 * cost)) / 2
    values, weights = [1.0], [_on_grid(1 / last)]
    for share in reversed(shares):
        weights.append(_on_grid(share * values[-1]))
        values.append(values[-1] + weights[-1])
    return np.array(values[::-1]), np.array(weights[::-1])


def _on_grid(value: float) -> float:
    return round(value * 2**36) / 2**36


@problem(
    source="drori2017",
    tags=("convex", "smooth", "worst-case"),
)
def resisting_smooth(*, N: int = 10, L: float = 1.0, R0: float = 1.0) -> Problem:
    """The smooth function on which no method beats the optimized gradient method in N steps.

    The envelope f(x) = min_z {h(z) + L/2 ||z - x||**2} of h(z) = max{0, max_k (a_k z_k + b_k)} in
    N + 1 dimensions, from 0. It is L-smooth, f* = 0, and with s_k = a_k**2/L

        f(x) = max_p sum_k p_k (a_k x_k + b_k) - s_k p_k**2/2, p_k >= 0, sum_k p_k <= 1,

    with the gradient (p_k a_k)_k. Let b_{k+1} = b_k - s_k. Then p_k = 0 for all coordinates after
    the first that is still 0, so that a gradient touches at most one coordinate that was 0 before.
    As long as the last one is untouched p_N = 1 gives f(x) >= b_N - s_N/2, for every method that
    moves in touched coordinates only.

    The nearest minimiser has the coordinates -b_k/a_k, so L R0**2 = sum_k b_k**2/s_k. For given b_N
    the least sum of the terms before k is 4 theta_{k-1}**2 b_k, by induction: the minimum over s of
    (b + s)**2/s + c (b + s) is (1 + sqrt(1 + c))**2 b, at s = b/sqrt(1 + c). So theta_0 = 1 and
    theta_{k+1} = (1 + sqrt(1 + 4 theta_k**2))/2; and b_N - s_N/2 is then largest at
    s_N = b_N/theta_N, with theta_N = (1 + sqrt(1 + 8 theta_{N-1}**2))/2, where

        f(x) - f* >= b_N - s_N/2 = L R0**2/(2 theta_N**2),

    which the optimized gradient method attains.
    """
    N = whole("N", N, 1)
    require(N <= 200, f"N={N} is too large: at most 200")
    L = number("L", L, above=0)
    R0 = number("R0", R0, above=0)
    b, s = _resisting_weights(N)
    a = np.sqrt(s)
    # In parts of L rho**2 for values, of rho for lengths.
    rho = R0 / float(np.linalg.norm(b / a))
    nearest = -b / a * rho
    halfway = nearest + rho * a / 2 * (np.arange(N + 1) == 0)

    def shares(x: Any) -> Any:
        """The weights p, and a_k x_k + b_k: shape (..., n) each."""
        level = a * (x / rho) + b
        order = np.argsort(-level, axis=-1)
        sorted_level, sorted_s = np.take_along_axis(level, order, -1), s[order]
        total = (sorted_level / sorted_s).cumsum(axis=-1) - 1
        water = (total / (1 / sorted_s).cumsum(axis=-1)).max(axis=-1, keepdims=True)
        # Of one coordinate alone without an error, so that the next one is not touched.
        water = np.maximum(water, (level - s).max(axis=-1, keepdims=True))
        return np.maximum(level - np.maximum(water, 0.0), 0.0) / s, level

    def loss(x: Any, sample: Any) -> Any:
        p, level = shares(x)
        return L * rho**2 * (p * (level - s * p / 2)).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        return L * rho * a * shares(x)[0]

    return Problem(
        formula=f"f(x) = min_z max(0, max_k (a_k z_k + b_k)) + {L:g}/2 ||z - x||**2, "
        f"{N + 1} coordinates",
        domain=WholeSpace(),
        start=np.zeros(N + 1),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(L, "an envelope; f'' along a coordinate where 0 < p_k < 1", at=halfway),
            "minimum": exact(0.0, "h >= 0"),
            "minimizer": exact(nearest, "where a_k x_k + b_k = 0 for all k"),
        },
        unknown={"mu": "f is 0 on a cone", "G": "f grows as a square"},
    )


@problem(
    source="koloskova2023",
    tags=(
        *("convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
        *("1-D", "stochastic", "worst-case"),
    ),
)
def two_point_noise(*, p: float = 0.2, sigma: float = 1.0, start: float = 0.25) -> Problem:
    """A parabola with skewed noise of two values, by which clipping is misled most.

    A round shows x**2/2 + z x, with z = sigma sqrt((1-p)/p) with the probability p, and else
    z = -sigma sqrt(p/(1-p)): E z = 0 and E z**2 = sigma**2. The gradient is x + z.

    Clipped at c it has the mean 0 at x = sigma**2/(4c) if p/(1-p) = (sigma/(2c))**2 <= 1: the
    rarer value is then clipped to c, the other is x - sigma**2/(2c) = -sigma**2/(4c), and
    p c = (1-p) sigma**2/(4c). No law of that variance has a mean further from 0 (see the claim
    `koloskova-2023-clipping`). With p = 1/5 and sigma = c = 1 that is x = 1/4, where the run
    starts. The sign has the mean 0 where the commoner value of the gradient is 0, at
    x = sigma sqrt(p/(1-p)) for p < 1/2, and for p = 1/2 all the way from -sigma to sigma.
    """
    p = number("p", p, above=0, below=1)
    sigma = number("sigma", sigma, above=0)
    start = number("start", start)
    shown = np.array([sigma * np.sqrt((1 - p) / p), -sigma * np.sqrt(p / (1 - p))])

    def samples(rounds: Any, seeds: Any) -> Any:
        u = draws.uniform(seeds[None, :], rounds[:, None], 0)
        return np.where(u < p, shown[0], shown[1])

    variance = exact(sigma**2, "p (1-p)/p sigma**2 + (1-p) p/(1-p) sigma**2")
    return Problem(
        formula=f"f(x) = x**2/2; a round adds {shown[0]:g} x with probability {p:g}, else "
        f"{shown[1]:g} x",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=lambda x, z: x * x / 2 + z * x,
        gradient_formula=lambda x, z: x + z,
        samples=samples,
        stochastic=True,
        objective_formula=lambda x: x * x / 2,
        objective_gradient_formula=lambda x: 1.0 * x,
        outcomes=lambda: Outcomes(shown, np.array([p, 1 - p])),
        affine=True,
        constants={
            "L": exact(1.0, "f'' = 1"),
            "L_max": exact(1.0, "a linear term leaves f'' as it is"),
            "mu": exact(1.0, "f'' = 1"),
            "mu_pl": exact(1.0, "f'**2 = 2 f at every point"),
            "sigma2": variance,
            "M": variance,
            "M_G": exact(1.0, "E g**2 = x**2 + sigma**2"),
            "minimum": exact(0.0),
            "minimizer": exact([0.0]),
        },
        unknown={"G": "f' grows without bound", "G_inf": "f' grows without bound"},
    )
