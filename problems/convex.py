"""Convex functions that theorems and counterexamples speak of.

First the functions on which lower bounds and tight upper bounds are attained, each with the run
that attains it; then the two on which the heavy-ball method cycles; last the plain examples that
every text book has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.arithmetic import clip, sign, where
from problems.domain import Ball, Box, WholeSpace
from problems.notation import require
from problems.parameters import number, numbers, whole
from problems.problem import Lettered, Outcomes, Problem, derived, exact, problem

__all__ = [
    "absolute_value",
    "goujaud_2023",
    "huber_worst",
    "l1_norm",
    "lessard_2016",
    "linear_on_ball",
    "log_sum_exp",
    "nesterov_worst_nonsmooth",
    "nesterov_worst_smooth",
    "parabola_on_interval",
    "quartic",
    "resisting_maximum",
]

Array = NDArray[np.float64]

_FLAT = "f is not strongly convex"


# Where bounds are attained


@problem(
    source="nesterov2004, Section 2.1.2",
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz", "worst-case"),
)
def nesterov_worst_smooth(*, N: int = 10, L: float = 1.0) -> Problem:
    """Nesterov's worst function for N steps of a smooth method.

    f(x) = L/4 (x'Ax/2 - x_1) with A = tridiag(-1, 2, -1) of size n = 2N+1, from x_0 = 0. As
    x'Ax = x_1**2 + sum_i (x_i - x_{i+1})**2 + x_n**2, a gradient reaches one coordinate further
    than its point: after k steps of any method whose iterates lie in x_0 + span of the gradients
    only x_1..x_k are not zero.

    A x = e_1 has the solution x_i = 1 - i/(n+1), so f* = -L/8 x_1 = -L/8 n/(n+1). On the span of
    e_1..e_k the same holds with k for n: the least value is -L/8 k/(k+1). Hence

        f(x_N) - f* >= L/8 (1/(N+1) - 1/(n+1)) = L / (16 (N+1)),

    and with ||x*||**2 = n (2n+1) / (6 (n+1)) <= (2N+2)/3 this is at least
    3 L ||x_0 - x*||**2 / (32 (N+1)**2), Nesterov's bound.

    A has the eigenvalues 4 sin(j a)**2, a = pi/(2(n+1)), j = 1..n. The parameter L bounds the
    smoothness, as in the book; the constant L is the largest eigenvalue itself, L cos(a)**2.
    """
    N = whole("N", N, 1)
    L = number("L", L, above=0)
    n = 2 * N + 1
    angle = np.pi / (2 * (n + 1))

    def loss(x: Any, sample: Any) -> Any:
        first, last, step = x[..., 0], x[..., -1], x[..., 1:] - x[..., :-1]
        square = first * first + (step * step).sum(axis=-1) + last * last
        return L / 4 * (square / 2 - first)

    def gradient(x: Any, sample: Any) -> Any:
        g = 2 * x
        g[..., 1:] -= x[..., :-1]
        g[..., :-1] -= x[..., 1:]
        g[..., 0] -= 1.0
        return L / 4 * g

    mu = exact(float(L * np.sin(angle) ** 2), "the least eigenvalue, L sin(pi/(2n+2))**2")
    return Problem(
        formula=f"f(x) = L/4 (x'Ax/2 - x_1), A = tridiag(-1,2,-1) of size {n}, L = {L:g}",
        domain=WholeSpace(),
        start=np.zeros(n),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(
                float(L * np.cos(angle) ** 2), "the largest eigenvalue, L cos(pi/(2n+2))**2"
            ),
            "mu": mu,
            "mu_pl": mu,
            "minimum": exact(-L / 8 * n / (n + 1), "-L/8 n/(n+1), as A x* = e_1"),
            "minimizer": exact(1 - np.arange(1, n + 1) / (n + 1), "x_i = 1 - i/(n+1)"),
        },
    )


def _first_largest(x: Array) -> Array:
    """The axis e_i of the first largest coordinate of each point."""
    axis = np.zeros_like(x)
    np.put_along_axis(axis, x.argmax(axis=-1)[..., None], 1.0, axis=-1)
    return axis


@problem(
    source=("nesterov2004, Section 3.2.1", "bubeck2015, Theorem 3.13"),
    tags=("convex", "non-smooth", "strongly-convex", "worst-case"),
)
def nesterov_worst_nonsmooth(*, N: int = 10, G: float = 1.0, mu: float = 0.1) -> Problem:
    """The worst strongly convex function for N steps of a subgradient method.

    f(x) = G/2 max_i x_i + mu/2 ||x||**2 in n = N+1 dimensions, on the ball of radius R = G/(2 mu),
    from 0. The oracle answers G/2 e_i + mu x with i the first largest coordinate. A step can
    therefore make only one more coordinate nonzero, and while one of them is zero f >= 0: so
    f(x_t) >= 0 for all t <= N, whether the steps are plain, projected, averaged or scaled
    coordinate by coordinate.

    By symmetry the minimiser has equal coordinates, -G/(2 mu n), inside the ball; there 0 is the
    mean over i of the subgradients G/2 e_i + mu x. So f* = -G**2 / (8 mu n), and

        min_{t <= N} f(x_t) - f* >= G**2 / (8 mu (N+1)).

    ||G/2 e_i + mu x|| <= G/2 + mu R = G, attained at R e_1. Between points with the same largest
    coordinate the gradient changes by mu (x - y): the curvature is exactly mu.
    """
    N = whole("N", N, 1)
    G = number("G", G, above=0)
    mu = number("mu", mu, above=0)
    n, radius = N + 1, G / (2 * mu)
    corner = np.zeros(n)
    corner[0] = radius
    bound = exact(G, "G/2 + mu times the radius, at the radius times e_1", at=corner)
    return Problem(
        formula=f"f(x) = {G / 2:g} max_i x_i + {mu / 2:g} ||x||**2; of several largest "
        "coordinates the gradient takes the first",
        domain=Ball(radius),
        start=np.zeros(n),
        loss_formula=lambda x, sample: G / 2 * x.max(axis=-1) + mu / 2 * (x * x).sum(axis=-1),
        gradient_formula=lambda x, sample: G / 2 * _first_largest(x) + mu * x,
        constants={
            "mu": exact(mu, "where the largest coordinate stays the same"),
            "G": bound,
            "G_inf": bound,
            "minimum": exact(-(G**2) / (8 * mu * n), "-G**2 / (8 mu (N+1))"),
            "minimizer": exact(np.full(n, -G / (2 * mu * n)), "equal coordinates, by symmetry"),
        },
        unknown={"L": "the maximum has kinks"},
    )


@problem(
    source=("drori2016", "nesterov2004, Section 3.2.1"),
    tags=("convex", "non-smooth", "worst-case"),
)
def resisting_maximum(*, N: int = 10, G: float = 1.0, D: float = 1.0) -> Problem:
    """The function on which no method beats the subgradient method in N steps.

    f(x) = G max{max_i x_i, ||x|| - D (1 + 1/sqrt(N+1))} in N+1 dimensions, from 0. If
    max_i x_i < -D/sqrt(N+1) then ||x|| > D and the second part exceeds -D/sqrt(N+1): so
    f* = -G D/sqrt(N+1), attained at x* = -D/sqrt(N+1) (1, ..., 1), where both parts agree, and
    only there; ||x*|| = D.

    The oracle answers G e_i, i the first largest coordinate (G x/||x|| where only the second part
    is active). An answer touches at most one coordinate that was zero before. As long as one is
    untouched f >= 0, so for every method that moves in touched coordinates only

        min_{t <= N} f(x_t) - f* >= G D / sqrt(N+1),

    and the subgradient method with the constant step D/(G sqrt(N+1)) attains it: x_t has t
    coordinates -D/sqrt(N+1), the others zero, and f(x_t) = 0 for t <= N.
    """
    N = whole("N", N, 1)
    G = number("G", G, above=0)
    D = number("D", D, above=0)
    depth = D / np.sqrt(N + 1)
    reach = D + depth

    def loss(x: Any, sample: Any) -> Any:
        norm = np.sqrt((x * x).sum(axis=-1))
        return G * np.maximum(x.max(axis=-1), norm - reach)

    def gradient(x: Any, sample: Any) -> Any:
        norm = np.sqrt((x * x).sum(axis=-1, keepdims=True))
        outside = norm - reach > x.max(axis=-1, keepdims=True)
        return G * np.where(outside, x / np.where(outside, norm, 1.0), _first_largest(x))

    bound = exact(G, "every subgradient taken is G times a unit vector")
    return Problem(
        formula=f"f(x) = {G:g} max(max_i x_i, ||x|| - {reach:g}); where parts are equal the "
        "gradient takes the first",
        domain=WholeSpace(),
        start=np.zeros(N + 1),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "G": bound,
            "G_inf": exact(G, "the norm of G e_i"),
            "minimum": exact(float(-G * depth), "-G D / sqrt(N+1)"),
            "minimizer": exact(np.full(N + 1, -depth), "-D / sqrt(N+1) in every coordinate"),
        },
        unknown={"L": "the maximum has kinks", "mu": _FLAT},
    )


@problem(
    source="drori2014",
    tags=("convex", "smooth", "1-D", "worst-case"),
)
def huber_worst(*, N: int = 10, L: float = 1.0, R0: float = 1.0, h: float = 1.0) -> Problem:
    """The Huber function that gradient descent is slowest on.

    f(x) = L x**2/2 for |x| <= d and L d |x| - L d**2/2 beyond, from R0, with
    d = R0 / (2 N h + 1) and h in (0, 1]. A step of length h/L moves x by -h d while x >= d, so
    x_N = R0 - N h d = (N h + 1) d, still on the slope, and

        f(x_N) - f* = L d**2 (N h + 1/2) = L R0**2 / (4 N h + 2),

    the largest value that any convex L-smooth function allows at distance R0.
    """
    N = whole("N", N, 1)
    L = number("L", L, above=0)
    R0 = number("R0", R0, above=0)
    h = number("h", h, above=0, most=1, why="the step is h/L")
    letters = {"N": N, "L": L, "R0": R0, "h": h}

    def kink(N: Any, R0: Any, h: Any) -> Any:
        return R0 / (2 * N * h + 1)

    def loss(x: Any, sample: Any, *, N: Any, L: Any, R0: Any, h: Any) -> Any:
        d = kink(N, R0, h)
        return where(abs(x) > d, L * d * abs(x) - L * d * d / 2, L * x * x / 2)

    def gradient(x: Any, sample: Any, *, N: Any, L: Any, R0: Any, h: Any) -> Any:
        d = kink(N, R0, h)
        return L * clip(x, -d, d)

    d = kink(N, R0, h)

    slope = exact(L * d, "the slope L d of the straight part")
    return Problem(
        formula=f"f(x) = {L:g} x**2/2 for |x| <= d, {L:g} d (|x| - d/2) beyond, d = {d:g}",
        domain=WholeSpace(),
        start=np.array([R0]),
        scalar=True,
        loss_formula=Lettered(loss, **letters),
        gradient_formula=Lettered(gradient, **letters),
        constants={
            "L": exact(L, "f'' for |x| < d"),
            "G": slope,
            "G_inf": slope,
            "minimum": exact(0.0),
            "minimizer": exact([0.0]),
        },
        unknown={
            "mu": "f is straight beyond d",
            "mu_pl": "beyond d the gradient stays L d while f grows",
        },
    )


@problem(
    source=("hazan2007, Theorem 1", "lacostejulien2012"),
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz", "1-D", "worst-case"),
)
def parabola_on_interval(*, mu: float = 1.0, radius: float = 1.0, noise: float = 0.0) -> Problem:
    """Parabola on an interval, started where it is steepest.

    f(x) = mu/2 x**2 on [-radius, radius], from x = radius. A first step of 1/mu ends in the
    minimum, and no inequality of the proofs for strongly convex losses with bounded gradients has
    lost anything by then: f(x_1) - f* = mu/2 ||x_1 - x*||**2 and ||g_1|| = G. So the regret
    G**2 / (2 mu) of the steps 1/(mu t) and the gap G**2 / (2 mu) of the steps 2 / (mu (t + 1)) are
    attained at T = 1.

    With `noise` s a round shows f(x) + s z x, z a fair sign: E||g||**2 = mu**2 x**2 + s**2, largest
    at the ends.
    """
    mu = number("mu", mu, above=0)
    radius = number("radius", radius, above=0)
    s = number("noise", noise, least=0)
    shown = np.array([s, -s])
    end = [radius]
    steepest = exact(
        mu * radius + s, "mu radius + noise, at an end with the noise of its sign", at=end
    )
    constants = {
        "L": exact(mu, "f'' = mu"),
        "mu": exact(mu, "f'' = mu"),
        "mu_pl": exact(mu, "f'**2 = 2 mu f at every point"),
        "G": steepest,
        "G_inf": steepest,
        "minimum": exact(0.0),
        "minimizer": exact([0.0]),
    }
    formula = f"f(x) = {mu:g}/2 x**2 on [-{radius:g}, {radius:g}]"
    box = Box(-radius, radius)
    if not s:
        return Problem(
            formula=formula,
            domain=box,
            start=np.array(end),
            scalar=True,
            loss_formula=Lettered(lambda x, sample, *, mu: mu / 2 * x * x, mu=mu),
            gradient_formula=Lettered(lambda x, sample, *, mu: mu * x, mu=mu),
            constants=constants,
        )
    return Problem(
        formula=f"{formula}; a round adds {s:g} x or -{s:g} x, fairly",
        domain=box,
        start=np.array(end),
        scalar=True,
        loss_formula=Lettered(lambda x, slope, *, mu: mu / 2 * x * x + slope * x, mu=mu),
        gradient_formula=Lettered(lambda x, slope, *, mu: mu * x + slope, mu=mu),
        samples=lambda rounds, seeds: shown[draws.indices(seeds[None, :], rounds[:, None], 0, 2)],
        stochastic=True,
        objective_formula=lambda x: mu / 2 * x * x,
        objective_gradient_formula=lambda x: mu * x,
        outcomes=lambda: Outcomes(shown, np.array([0.5, 0.5])),
        affine=True,
        constants={
            **constants,
            "L_max": exact(mu, "a linear term leaves f'' as it is"),
            "sigma2": exact(s**2, "noise**2, at every point"),
            "M": exact((mu * radius) ** 2 + s**2, "(mu radius)**2 + noise**2, at the ends", at=end),
            "M_G": exact(0.0, "E g**2 is bounded on the interval"),
        },
    )


# Where the heavy-ball method cycles


@problem(
    source="lessard2016, equation (4.11)",
    tags=(
        "convex",
        "smooth",
        "strongly-convex",
        "polyak-lojasiewicz",
        "1-D",
        "counterexample",
    ),
)
def lessard_2016(*, start: float = 3.3) -> Problem:
    """Lessard, Recht & Packard's function on which the heavy-ball method cycles.

    f' = 25x for x < 1, x + 24 for 1 <= x < 2, 25x - 24 beyond: continuous, with slopes 1 and 25.
    Integrated from f(0) = 0, f = 25/2 x**2, then x**2/2 + 24x - 12, then 25/2 x**2 - 24x + 36.

    With the step 1/9 and the momentum 4/9, which are optimal for quadratics with mu = 1 and
    L = 25, x_{k+1} = x_k - f'(x_k)/9 + 4/9 (x_k - x_{k-1}) from x_0 = x_{-1} = 3.3 tends to the
    cycle 792/1225, -2208/1225, 2592/1225. Its points lie where f'' = 25, and there the iteration
    contracts with the double eigenvalue -2/3.

    f'**2 / (2 f) is 25 for x <= 1, falls to 169/19 at x = 2 and rises again towards 25: its
    derivative has the sign of f'' - f'**2 / (2 f) for x > 0. So mu_pl = 169/19.
    """
    start = number("start", start)

    def loss(x: Any, sample: Any) -> Any:
        middle = x * x / 2 + 24.0 * x - 12.0
        beyond = 12.5 * x * x - 24.0 * x + 36.0
        return where(x < 1.0, 12.5 * x * x, where(x < 2.0, middle, beyond))

    def gradient(x: Any, sample: Any) -> Any:
        return where(x < 1.0, 25.0 * x, where(x < 2.0, x + 24.0, 25.0 * x - 24.0))

    return Problem(
        formula="f'(x) = 25x if x < 1, x + 24 if 1 <= x < 2, 25x - 24 if x >= 2; f(0) = 0",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(25.0, "f'' for x < 1 and x > 2"),
            "mu": exact(1.0, "f'' for 1 < x < 2", at=[1.5]),
            "mu_pl": exact(169 / 19, "f'**2 / (2 f) = 26**2 / 76 at 2", at=[2.0]),
            "minimum": exact(0.0),
            "minimizer": exact([0.0], "the only zero of f'"),
        },
    )


@problem(
    source=("goujaud2023", "polyak1964"),
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz", "counterexample"),
)
def goujaud_2023(
    *,
    L: float = 25.0,
    mu: float = 1.0,
    alpha: float = 1 / 9,
    beta: float = 4 / 9,
    start: Any = (1.2, 0.64),
) -> Problem:
    """A strongly convex function on which the heavy-ball method cycles through a triangle.

    f(x) = L/2 ||x||**2 - (L - mu)/2 dist(x, P)**2 with P a triangle around 0. As
    ||x||**2 - dist(x, P)**2 is the maximum over p in P of 2 x.p - ||p||**2, a convex function
    whose gradient 2 Proj_P(x) is 2-Lipschitz, grad f = mu x + (L - mu) Proj_P(x): f is mu-strongly
    convex and L-smooth. Inside P the gradient is L x, and where a corner is the nearest point it is
    mu x plus a constant: both constants are exact. Proj_P(0) = 0, so 0 is the minimiser.

    Let e_0, e_1, e_2 be the unit vectors at 0, 120 and 240 degrees. The method
    x_{k+1} = x_k - alpha grad f(x_k) + beta (x_k - x_{k-1}) from x_{-1} = e_2, x_0 = e_0 runs
    through e_0, e_1, e_2 for ever iff alpha (L - mu) Proj_P(e_k) =
    (1 + beta - mu alpha) e_k - e_{k+1} - beta e_{k-1}. The corners of P are these points, divided
    by alpha (L - mu); corner k is the projection of e_k iff (e_k - c_k).(c_j - c_k) <= 0 for all
    j, which with q = alpha (L - mu) and a = alpha mu reads

        q (1 + 2 beta - a) >= (3/2 (1 + beta) - a)**2 + 3/4 (1 - beta)**2;

    other parameters are refused. For the tuning that is optimal on quadratics,
    alpha = 4 / (sqrt L + sqrt mu)**2 and beta = ((s - 1)/(s + 1))**2 with s = sqrt(L / mu)
    (Polyak), it becomes s - 1/s >= 4, that is L / mu >= 9 + 4 sqrt 5 = 17.94.

    The default is that tuning for L / mu = 25. Its cycle attracts at the rate 2/3, and the default
    start leads into it with x_{-1} = x_0; most points at rest lead to the minimiser instead.
    """
    L, mu = number("L", L, above=0), number("mu", mu, above=0)
    alpha, beta = number("alpha", alpha, above=0), number("beta", beta, least=0, below=1)
    require(mu < L, f"mu={mu!r} must be smaller than L={L!r}")
    q, a = alpha * (L - mu), alpha * mu
    along, across = 1.5 * (1 + beta) - a, np.sqrt(0.75) * (1 - beta)
    require(
        q * (1 + 2 * beta - a) >= along**2 + across**2,
        f"alpha={alpha!r} and beta={beta!r} give no cycle for L={L!r}, mu={mu!r}: they must meet "
        "q (1 + 2 beta - a) >= (3/2 (1 + beta) - a)**2 + 3/4 (1 - beta)**2 with "
        "q = alpha (L - mu), a = alpha mu",
    )
    point = np.array(numbers("start", start, 2, 2))
    turns = 2 * np.pi * np.arange(3) / 3
    cosine, sine = np.cos(turns), np.sin(turns)
    # The complex number (along - i across) / q times the three roots of unity.
    corners = np.stack([along * cosine + across * sine, along * sine - across * cosine], -1) / q
    edges = np.roll(corners, -1, axis=0) - corners
    squares = (edges * edges).sum(axis=-1)

    def project(x: Any) -> Any:
        """The nearest point of the triangle."""
        off = x[..., None, :] - corners
        share = np.clip((off * edges).sum(axis=-1) / squares, 0.0, 1.0)
        on_edges = corners + share[..., None] * edges
        apart = x[..., None, :] - on_edges
        nearest = (apart * apart).sum(axis=-1).argmin(axis=-1)
        boundary = np.take_along_axis(on_edges, nearest[..., None, None], axis=-2)[..., 0, :]
        # The corners run counterclockwise: a point inside is left of every edge.
        left = edges[:, 0] * off[..., 1] - edges[:, 1] * off[..., 0] >= 0
        return np.where(left.all(axis=-1)[..., None], x, boundary)

    def loss(x: Any, sample: Any) -> Any:
        apart = x - project(x)
        return L / 2 * (x * x).sum(axis=-1) - (L - mu) / 2 * (apart * apart).sum(axis=-1)

    return Problem(
        formula=f"f(x) = {L:g}/2 ||x||**2 - {L - mu:g}/2 dist(x, P)**2, P the triangle around 0 "
        f"with a corner at ({corners[0, 0]:.6g}, {corners[0, 1]:.6g})",
        domain=WholeSpace(),
        start=point,
        loss_formula=loss,
        gradient_formula=lambda x, sample: mu * x + (L - mu) * project(x),
        constants={
            "L": exact(L, "the gradient is L x inside the triangle"),
            "mu": exact(mu, "mu x + constant where a corner is nearest", at=3 * corners[0]),
            "mu_pl": derived(mu, "mu-strong convexity; approached far from 0"),
            "minimum": exact(0.0, "the gradient vanishes at 0, inside the triangle"),
            "minimizer": exact(np.zeros(2)),
        },
    )


# Plain examples


@problem(source="nesterov2004, Section 3.1", tags=("convex", "non-smooth", "1-D"))
def absolute_value(*, start: float = 1.0) -> Problem:
    """The absolute value.

    The gradient does not shrink near the minimum, so a constant step ends in a cycle around it.
    """
    start = number("start", start)
    slope = exact(1.0, "|f'| = 1 for x != 0", at=[1.0])
    return Problem(
        formula="f(x) = |x|; at 0 the gradient is 0",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=lambda x, sample: abs(x),
        gradient_formula=lambda x, sample: sign(x),
        constants={
            "G": slope,
            "G_inf": slope,
            "minimum": exact(0.0),
            "minimizer": exact([0.0]),
        },
        unknown={"L": "f has a kink at 0", "mu": _FLAT},
    )


@problem(source="nesterov2004, Section 3.1", tags=("convex", "non-smooth"))
def l1_norm(*, dimension: int = 10) -> Problem:
    """The sum of absolute values.

    Every subgradient is a vector of signs: its sup-norm is 1 and its Euclidean norm sqrt(n), which
    tells bounds by G_inf from bounds by G. The start 1, 1/2, ..., 1/n has the coordinates cross
    their kinks one after another.
    """
    dimension = whole("dimension", dimension, 1)
    return Problem(
        formula="f(x) = sum_i |x_i|; where x_i = 0 the gradient has a 0",
        domain=WholeSpace(),
        start=1 / np.arange(1, dimension + 1),
        loss_formula=lambda x, sample: abs(x).sum(axis=-1),
        gradient_formula=lambda x, sample: np.sign(x),
        constants={
            "G": exact(float(np.sqrt(dimension)), "sqrt(n), where no coordinate is 0"),
            "G_inf": exact(1.0, "each coordinate is a sign"),
            "minimum": exact(0.0),
            "minimizer": exact(np.zeros(dimension)),
        },
        unknown={"L": "f has kinks where a coordinate is 0", "mu": _FLAT},
    )


@problem(source="nesterov2005", tags=("convex", "smooth"))
def log_sum_exp(*, dimension: int = 10, rho: float = 0.1) -> Problem:
    """The maximum norm, smoothed by a soft maximum.

    f(x) = rho log sum_i 2 cosh(x_i / rho) is the soft maximum of the 2n numbers +-x_i:
    max_i |x_i| <= f(x) <= max_i |x_i| + rho log(2n). It is even and convex, so least at 0, where it
    is rho log(2n).

    With q_i = cosh(x_i / rho) / sum_j cosh(x_j / rho) the gradient is g_i = q_i tanh(x_i / rho).
    As sum_i |g_i| <= 1 its norm is below 1, a value approached far out on an axis. The Hessian is
    (diag(q) - g g') / rho. Its norm is at most 1 / (2 rho) for n >= 2, which halves Nesterov's
    1 / rho, and cannot be less: for x_1 = -x_2 growing the curvature along (1, 1) is
    q_1 / rho, and q_1 tends to 1/2. Proof of the bound: q_i**2 - g_i**2 = t is the same for all i
    (cosh**2 - sinh**2 = 1), and q_i >= sqrt t. If every q_i <= 1/2 then diag(q) <= 1/2. Else only
    q_1 = 1/2 + d does, and 1/2 - diag(q) + g g' is positive semidefinite iff

        (q_1**2 - t) / d >= 1 + sum_{i > 1} (q_i**2 - t) / (1/2 - q_i).

    A term on the right vanishes at q_i = sqrt t and is convex and increasing in q_i, so the sum is
    largest when all but one are at sqrt t, and at most ((1/2 - d)**2 - t) / d; the left side
    exceeds that by 2. For n = 1, f'' = sech(x / rho)**2 / rho <= 1 / rho.
    """
    dimension = whole("dimension", dimension, 1)
    rho = number("rho", rho, above=0)

    def parts(x: Any) -> tuple[Any, Any, Any]:
        """The largest |x_i|, and the weights of +x_i and -x_i relative to it."""
        top = abs(x).max(axis=-1, keepdims=True)
        return top, np.exp((x - top) / rho), np.exp((-x - top) / rho)

    def loss(x: Any, sample: Any) -> Any:
        top, ahead, behind = parts(x)
        return top[..., 0] + rho * np.log((ahead + behind).sum(axis=-1))

    def gradient(x: Any, sample: Any) -> Any:
        _, ahead, behind = parts(x)
        return (ahead - behind) / (ahead + behind).sum(axis=-1, keepdims=True)

    # From here on all other coordinates together weigh less than 1/500.
    far = rho * np.log(1000 * dimension)
    axis = far * (np.arange(dimension) == 0)
    if dimension == 1:
        smoothness = exact(1 / rho, "f'' = 1/rho at 0")
    else:
        smoothness = exact(
            1 / (2 * rho),
            "sup of ||diag(q) - g g'|| / rho, approached along x_1 = -x_2",
            at=axis - np.roll(axis, 1),
        )
    slope = exact(1.0, "sum_i |g_i| < 1, approached far out on an axis", at=axis)
    return Problem(
        formula=f"f(x) = {rho:g} log sum_i 2 cosh(x_i / {rho:g})",
        domain=WholeSpace(),
        start=1 / np.arange(1, dimension + 1),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": smoothness,
            "G": slope,
            "G_inf": slope,
            "minimum": exact(float(rho * np.log(2 * dimension)), "rho log(2n), at 0"),
            "minimizer": exact(np.zeros(dimension), "f is even and convex"),
        },
        unknown={
            "mu": "far out the curvature vanishes",
            "mu_pl": "the gradient stays below 1 while f grows",
        },
    )


@problem(source="lu2018", tags=("convex", "smooth"))
def quartic(*, dimension: int = 10) -> Problem:
    """A sum of fourth powers: flat at the minimum, steep far away.

    f'' = 3 x_i**2 neither has a positive lower bound nor an upper one, so no constant of smooth or
    strongly convex theory exists. From x_0 > 0 a small constant step a gives x_k close to
    1 / sqrt(2 a k + x_0**-2): f falls like 1/k**2.
    """
    dimension = whole("dimension", dimension, 1)

    def loss(x: Any, sample: Any) -> Any:
        square = x * x
        return (square * square).sum(axis=-1) / 4

    return Problem(
        formula="f(x) = 1/4 sum_i x_i**4",
        domain=WholeSpace(),
        start=1 / np.arange(1, dimension + 1),
        loss_formula=loss,
        gradient_formula=lambda x, sample: x * x * x,
        constants={"minimum": exact(0.0), "minimizer": exact(np.zeros(dimension))},
        unknown={
            "L": "f'' = 3 x**2 grows without bound",
            "mu": "f'' vanishes at 0",
            "mu_pl": "f'**2 / (2 f) = 2 x**2 tends to 0 at the minimum",
            "G": "f' = x**3 grows without bound",
        },
    )


@problem(source="jaggi2013", tags=("convex", "linear", "smooth"))
def linear_on_ball(*, slopes: Any = (3, 4), radius: float = 1.0) -> Problem:
    """A linear function on a Euclidean ball.

    c.x >= -||c|| ||x||, with equality at -radius c / ||c||: the minimum lies on the curved
    boundary, where the projection does not act coordinate by coordinate. A method that scales each
    coordinate and then projects in the plain norm can stop at another point, for instance at
    -radius sign(c) / sqrt(n) if it moves by signs.
    """
    c = np.array(numbers("slopes", slopes))
    require(c.any(), f"slopes={slopes!r} must not all be 0: every point would be a minimum")
    radius = number("radius", radius, above=0)
    norm = float(np.sqrt((c * c).sum()))
    listed = ", ".join(f"{s:g}" for s in c[:6]) + (", ..." if c.size > 6 else "")
    return Problem(
        formula=f"f(x) = c.x, c = ({listed})",
        domain=Ball(radius),
        start=np.zeros(c.size),
        loss_formula=lambda x, sample: (c * x).sum(axis=-1),
        gradient_formula=lambda x, sample: np.broadcast_to(c, x.shape).copy(),
        constants={
            "L": exact(0.0, "f is linear"),
            "G": exact(norm, "||c||_2"),
            "G_inf": exact(float(abs(c).max()), "the largest |c_i|"),
            "minimum": exact(-radius * norm, "-radius ||c||, by Cauchy-Schwarz"),
            "minimizer": exact(-radius * c / norm, "the point of the ball opposite to c"),
        },
        unknown={"mu": "f is linear"},
    )
