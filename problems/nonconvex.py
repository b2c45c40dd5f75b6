"""Non-convex landscapes whose minima, and many of their other stationary points, are known.

Stationary points that have no short formula come from Newton's method in 50 digits, rounded;
Krawczyk's test in interval arithmetic proved that exactly one lies within 1e-20 of what was
rounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq

from problems.arithmetic import sign, sqrt, where
from problems.domain import WholeSpace
from problems.notation import require
from problems.parameters import number, whole
from problems.problem import Constant, Lettered, Problem, Stationary, derived, exact, problem

__all__ = [
    "ackley",
    "goldstein_price",
    "himmelblau",
    "pl_sine",
    "rastrigin",
    "rosenbrock",
    "sharp_and_flat",
    "six_hump_camel",
    "star_convex_valley",
    "styblinski_tang",
]


def _eigenvalues(a: float, b: float, c: float) -> tuple[float, float]:
    """Of the symmetric matrix with rows (a, b) and (b, c), in increasing order."""
    middle, radius = (a + c) / 2, float(np.hypot((a - c) / 2, b))
    return middle - radius, middle + radius


@problem(
    source=("rosenbrock1960", "more1981, Problem 1, for n = 2"),
    tags=("non-convex", "smooth"),
    descent_step=0.001,
)
def rosenbrock(*, dimension: int = 2) -> Problem:
    """Rosenbrock's curved valley in n dimensions.

    The chained form, from the start point -1.2, 1, -1.2, 1, ...; for n = 2 it is the original.
    (Moré, Garbow & Hillstrom's extended function, their Problem 21, is another for n > 2: a sum
    of separate pairs.)
    """
    dimension = whole("dimension", dimension, 2)

    def loss(x: Any, sample: Any) -> Any:
        ahead, here = x[..., 1:], x[..., :-1]
        return (100.0 * (ahead - here * here) ** 2 + (1.0 - here) ** 2).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        ahead, here = x[..., 1:], x[..., :-1]
        off = ahead - here * here
        g = np.zeros_like(x)
        g[..., :-1] = -400.0 * here * off - 2.0 * (1.0 - here)
        g[..., 1:] += 200.0 * off
        return g

    return Problem(
        formula="f(x) = sum_i 100 (x_{i+1} - x_i**2)**2 + (1 - x_i)**2",
        domain=WholeSpace(),
        start=np.where(np.arange(dimension) % 2 == 0, -1.2, 1.0),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at 1"),
            "minimizer": exact(np.ones(dimension)),
        },
        unknown={"L": "its second derivatives grow without bound, like 1200 x**2"},
    )


def _sine_loss(x: Any, sample: Any) -> Any:
    s = np.sin(x)
    # Not s ** 2: numpy's pow and its square differ in the last bit.
    return x * x + 3.0 * (s * s)


@problem(
    source="karimi2016, Section 2.2",
    tags=("non-convex", "smooth", "polyak-lojasiewicz", "1-D"),
)
def pl_sine(*, start: float = 3.0) -> Problem:
    """A non-convex function that satisfies the Polyak-Lojasiewicz inequality.

    f(x) = x**2 + 3 sin(x)**2 has f'(x) = 2x + 3 sin(2x) and f''(x) = 2 + 6 cos(2x), which
    runs over [-4, 8]: so L = 8, attained at 0, and f is not convex. The only stationary point
    is 0: with u = 2x > 0, f'(x) = 0 means sin(u) = -u/3, hence u <= 3 < pi, where sin(u) > 0.

    The largest mu with f'(x)**2 >= 2 mu f(x) is the least value of f'(x)**2 / (2 f(x)),
    0.17553098587973..., attained at x = 2.2017091764...; for |x| >= 5 the quotient is at least
    (2|x| - 3)**2 / (2 x**2 + 6) >= 7/8. The paper states 1/32, which is smaller and also valid.
    """
    return Problem(
        formula="f(x) = x**2 + 3 sin(x)**2",
        domain=WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=_sine_loss,
        gradient_formula=lambda x, sample: 2.0 * x + 3.0 * np.sin(2.0 * x),
        constants={
            "L": exact(8.0, "f'' = 2 + 6 cos(2x) is 8 at 0"),
            "mu_pl": Constant(
                0.1755309858797,
                "computed",
                "least value of f'(x)**2 / (2 f(x)), at x = 2.2017091764, rounded down",
                tolerance=1e-12,
            ),
            "minimum": exact(0.0, "both terms vanish at 0"),
            "minimizer": exact([0.0]),
        },
        unknown={"mu": "f is not convex: f'' = -4 at pi/2"},
    )


@problem(
    source="nesterov2006, the notion",
    tags=("non-convex", "smooth", "star-convex", "1-D"),
)
def star_convex_valley(*, start: float = 5.0) -> Problem:
    """A star-convex function that is not convex.

    f(x) = |x| (1 - exp(-|x|)). For x > 0, with e = exp(-x):

    - f' = 1 - e + x e > 0, so 0 is the only stationary point, and f'' = (2 - x) e is negative
      beyond 2: f is not convex. f' is odd and f''(0) = 2 from both sides, so f is twice
      differentiable.
    - x f' - f = x**2 e >= 0, which is star-convexity: every tangent at x passes below the minimum
      at 0.
    - |f''| = |2 - x| e is at most 2, at 0 (beyond 2 it peaks at x = 3 with exp(-3)), and f' is
      greatest where f'' = 0: G = f'(2) = 1 + exp(-2).
    """

    def loss(x: Any, sample: Any) -> Any:
        return -abs(x) * np.expm1(-abs(x))

    def gradient(x: Any, sample: Any) -> Any:
        size = abs(x)
        return sign(x) * (size * np.exp(-size) - np.expm1(-size))

    largest = 1.0 + math.exp(-2.0)
    return Problem(
        formula="f(x) = |x| (1 - exp(-|x|))",
        domain=WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(2.0, "|f''| = |2 - |x|| exp(-|x|), at 0"),
            "G": exact(largest, "f'(2) = 1 + exp(-2)", at=[2.0]),
            "G_inf": exact(largest, "f'(2) = 1 + exp(-2)", at=[2.0]),
            "minimum": exact(0.0, "both factors vanish at 0"),
            "minimizer": exact([0.0]),
        },
        unknown={
            "mu": "f is not convex: f'' < 0 beyond 2",
            "mu_pl": "f grows like |x|, its gradient stays below 1 + exp(-2)",
        },
    )


_HIMMELBLAU: tuple[tuple[float, float, Any, float], ...] = (
    (-2.805118086952745, 3.131312518250573, "minimum", 0.0),
    (-3.779310253377747, -3.2831859912861696, "minimum", 0.0),
    (3.5844283403304917, -1.8481265269644036, "minimum", 0.0),
    (3.385154183607021, 0.07385187983774928, "saddle", 13.31192627040559),
    (0.08667750455539636, 2.884254701174776, "saddle", 67.71915008752614),
    (-3.0730257507643897, -0.08135304428796751, "saddle", 104.0151629175581),
    (-0.12796134673068008, -1.9537149802445763, "saddle", 178.3372392019275),
    (-0.2708445906673476, -0.9230385564799815, "maximum", 181.6165215225827),
)


@problem(
    source="himmelblau1972",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=0.01,
)
def himmelblau() -> Problem:
    """Himmelblau's function: four minima of the same value.

    The residuals vanish together where x2 = 11 - x1**2 and
    (x1 - 3) (x1**3 + 3 x1**2 - 13 x1 - 38) = 0, which has four real roots. The two derivatives
    are cubic, so by Bezout's theorem there are at most nine stationary points; all nine are real:
    four minima, four saddles and a maximum. The start, 0, is ours.
    """

    def residuals(x: Any) -> tuple[Any, Any, Any, Any]:
        a, b = x[..., 0], x[..., 1]
        return a, b, a * a + b - 11.0, a + b * b - 7.0

    def loss(x: Any, sample: Any) -> Any:
        _, _, r, s = residuals(x)
        return r * r + s * s

    def gradient(x: Any, sample: Any) -> Any:
        a, b, r, s = residuals(x)
        return np.stack([4.0 * (a * r) + 2.0 * s, 2.0 * r + 4.0 * (b * s)], axis=-1)

    def curvature(a: float, b: float) -> tuple[float, float]:
        return _eigenvalues(12 * a * a + 4 * b - 42, 4 * (a + b), 12 * b * b + 4 * a - 26)

    return Problem(
        formula="f(x) = (x1**2 + x2 - 11)**2 + (x1 + x2**2 - 7)**2",
        domain=WholeSpace(),
        start=np.zeros(2),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "both residuals vanish at (3, 2)"),
            "minimizer": exact([3.0, 2.0], "one of four"),
        },
        unknown={"L": "its second derivatives grow without bound, like 12 x**2"},
        stationary=tuple(
            Stationary([a, b], kind, f"f = {f:.13g}", curvature(a, b), tolerance=1e-15)
            for a, b, kind, f in _HIMMELBLAU
        ),
    )


# The roots of 4 x**3 - 32 x + 5, and (x**4 - 16 x**2 + 5 x)/2 at the first: -39.1661657037714154...
_STYBLINSKI_ROOTS = (-2.903534027771177, 0.1567312567803401, 2.746802770990837)
_STYBLINSKI_LEAST = -39.16616570377141


@problem(
    source="styblinski1990",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=0.02,
)
def styblinski_tang(*, dimension: int = 2, start: float = 0.0) -> Problem:
    """Styblinski and Tang's function: a tilted double well in every coordinate.

    The derivative in each coordinate is (4 x**3 - 32 x + 5)/2, with the roots -2.9035..., the
    deeper well; 0.1567..., the top between; 2.7468..., the other well, where a coordinate
    contributes -25.0294... The 3**n stationary points combine them. The start is ours.
    """
    n = whole("dimension", dimension, 1)
    deep, top, shallow = _STYBLINSKI_ROOTS

    def loss(x: Any, sample: Any) -> Any:
        square = x * x
        return 0.5 * ((square - 16.0) * square + 5.0 * x).sum(axis=-1)

    def stationary(first: float, others: float, kind: Any, how: str) -> Stationary:
        point = np.array([first, *[others] * (n - 1)])
        curvature = tuple(sorted((6 * point**2 - 16).tolist()))
        return Stationary(point, kind, how, curvature, tolerance=1e-15)

    points = [
        stationary(shallow, shallow, "local minimum", "the shallow well in every coordinate"),
        stationary(top, top, "maximum", "the top in every coordinate"),
    ]
    if n > 1:
        points.append(stationary(top, deep, "saddle", "the top in one coordinate"))
    return Problem(
        formula="f(x) = 1/2 sum_i x_i**4 - 16 x_i**2 + 5 x_i",
        domain=WholeSpace(),
        start=np.full(n, number("start", start)),
        loss_formula=loss,
        gradient_formula=lambda x, sample: (2.0 * (x * x) - 16.0) * x + 2.5,
        constants={
            "minimum": Constant(
                n * _STYBLINSKI_LEAST,
                "computed",
                "n times the value at the least root of 4 x**3 - 32 x + 5",
                tolerance=n * 1e-14,
            ),
            "minimizer": Constant(
                np.full(n, deep), "computed", "the least root of 4 x**3 - 32 x + 5", 1e-15
            ),
        },
        unknown={"L": "its second derivatives grow without bound, like 6 x**2"},
        stationary=tuple(points),
    )


@problem(
    source="muhlenbein1991",
    tags=("non-convex", "smooth", "test-function", "saddle"),
)
def rastrigin(*, dimension: int = 2, A: float = 10.0, start: float = 5.12) -> Problem:
    """Rastrigin's function: a parabola with a ripple, so a local minimum beside many integers.

    f'' = 2 + 4 pi**2 A cos(2 pi x) in each coordinate, so L = 2 + 4 pi**2 A, attained at 0. For
    A >= 1 the derivative, 2 (x + pi A sin(2 pi x)), is positive at 1/2, negative at 3/4 and
    positive at 1, so it has a root of each sign of f'' between: the first top and the first local
    minimum beside 0. The start is the corner of the usual cube, [-5.12, 5.12]**n.
    """
    n = whole("dimension", dimension, 1)
    A = number("A", A, least=1, why="below it the ripple makes no local minima")
    ripple = 2.0 * np.pi

    def loss(x: Any, sample: Any) -> Any:
        # A - A cos(2 t) as 2 A sin(t)**2, which does not cancel near the minimum.
        sine = np.sin(np.pi * x)
        return (x * x + 2.0 * A * (sine * sine)).sum(axis=-1)

    def derivative(x: float) -> float:
        return x + np.pi * A * float(np.sin(ripple * x))

    def stationary(first: float, others: float, kind: Any, how: str) -> Stationary:
        point = np.array([first, *[others] * (n - 1)])
        curvature = np.sort(2 + ripple**2 * A * np.cos(ripple * point))
        return Stationary(point, kind, how, tuple(curvature.tolist()), tolerance=1e-14)

    top = brentq(derivative, 0.5, 0.75, xtol=1e-15)
    beside = brentq(derivative, 0.75, 1.0, xtol=1e-15)
    points = [
        stationary(beside, beside, "local minimum", "x + pi A sin(2 pi x) = 0 in (3/4, 1)"),
        stationary(top, top, "maximum", "x + pi A sin(2 pi x) = 0 in (1/2, 3/4)"),
    ]
    if n > 1:
        points.append(stationary(top, 0.0, "saddle", "the top in one coordinate"))
    return Problem(
        formula=f"f(x) = sum_i x_i**2 + {A:g} (1 - cos(2 pi x_i))",
        domain=WholeSpace(),
        start=np.full(n, number("start", start)),
        loss_formula=loss,
        gradient_formula=lambda x, sample: 2.0 * (x + np.pi * A * np.sin(ripple * x)),
        constants={
            "L": exact(2 + ripple**2 * A, "2 + 4 pi**2 A, the curvature at 0"),
            "minimum": exact(0.0, "both terms are nonnegative and vanish at 0"),
            "minimizer": exact(np.zeros(n), "x_i**2 vanishes nowhere else"),
        },
        unknown={
            "mu": "f'' = 2 - 4 pi**2 A at 1/2",
            "mu_pl": "there are other stationary points",
        },
        stationary=tuple(points),
    )


@problem(source="ackley1987", tags=("non-convex", "non-smooth", "test-function"))
def ackley(*, dimension: int = 2, start: float = 32.768) -> Problem:
    """Ackley's function: a rippled plain around a funnel with a pointed tip.

    With rho = ||x||/sqrt(n) and c the mean of cos(2 pi x_i), the gradient is
    4 exp(-rho/5) x/(n rho) + (2 pi/n) exp(c) sin(2 pi x). The first vector has the norm
    4 exp(-rho/5)/sqrt(n): f has a kink at the minimiser, 0, like that of ||x||. As the mean of
    sin**2 is at most 1 - c**2, the second has at most (2 pi/sqrt(n)) exp(c) sqrt(1 - c**2), which
    is greatest where c**2 + c = 1, c = (sqrt(5) - 1)/2. The start is the corner of the usual cube.
    """
    n = whole("dimension", dimension, 1)

    def depth(x: Any) -> tuple[Any, Any]:
        """Rho, and c - 1 as -2 mean sin**2, which does not cancel near the minimum."""
        sine = np.sin(np.pi * x)
        rho = np.sqrt((x * x).sum(axis=-1, keepdims=True) / n)
        return rho, -2.0 * (sine * sine).sum(axis=-1, keepdims=True) / n

    def loss(x: Any, sample: Any) -> Any:
        rho, ripple = depth(x)
        return (-20.0 * np.expm1(-0.2 * rho) - np.e * np.expm1(ripple))[..., 0]

    def gradient(x: Any, sample: Any) -> Any:
        rho, ripple = depth(x)
        funnel = 4.0 * np.exp(-0.2 * rho) / np.where(rho > 0, rho, np.inf)
        wave = 2.0 * np.pi * np.exp(ripple + 1.0)
        return (funnel * x + wave * np.sin(2.0 * np.pi * x)) / n

    c = (np.sqrt(5.0) - 1.0) / 2.0
    G = float((4.0 + 2.0 * np.pi * np.exp(c) * np.sqrt(1.0 - c * c)) / np.sqrt(n))
    return Problem(
        formula="f(x) = 20 - 20 exp(-rho/5) + e - exp(mean_i cos(2 pi x_i)), "
        "rho = ||x||/sqrt(n); at 0 the gradient is 0",
        domain=WholeSpace(),
        start=np.full(n, number("start", start)),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "G": derived(G, "(4 + 2 pi max exp(c) sqrt(1 - c**2)) / sqrt(n)"),
            "G_inf": derived(G, "at most G"),
            "minimum": exact(0.0, "both differences are nonnegative and vanish at 0"),
            "minimizer": exact(np.zeros(n), "the first difference vanishes nowhere else"),
        },
        unknown={"L": "f has a kink at 0"},
    )


@problem(
    source="goldstein1971",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=1e-6,
)
def goldstein_price() -> Problem:
    """Goldstein and Price's function, a product of two quartics in independent variables.

    With p = x1 + x2 and d = 2 x1 - 3 x2 the published polynomial is f = A(p) B(d),
    A = 1 + (p + 1)**2 (3 p**2 - 14 p + 19) and B = 30 + d**2 (3 d**2 - 16 d + 18). As
    A' = 12 (p + 1) (p - 1) (p - 2) and B' = 12 d (d - 1) (d - 3), both are positive, and f has
    nine stationary points: p in {-1, 1, 2} with A in {1, 33, 28}, d in {0, 1, 3} with B in
    {30, 35, 3}. The minimum, 3, lies at p = -1, d = 3. At a stationary point the Hessian is
    A'' B (1, 1)(1, 1)' + A B'' (2, -3)(2, -3)'. The start is a corner of the usual square,
    [-2, 2]**2.
    """

    def factors(x: Any) -> tuple[Any, Any, Any, Any]:
        p = x[..., 0] + x[..., 1]
        d = 2.0 * x[..., 0] - 3.0 * x[..., 1]
        A = 1.0 + (p + 1.0) * (p + 1.0) * ((3.0 * p - 14.0) * p + 19.0)
        B = 30.0 + d * d * ((3.0 * d - 16.0) * d + 18.0)
        return p, d, A, B

    def loss(x: Any, sample: Any) -> Any:
        _, _, A, B = factors(x)
        return A * B

    def gradient(x: Any, sample: Any) -> Any:
        p, d, A, B = factors(x)
        along = 12.0 * ((p + 1.0) * (p - 1.0) * (p - 2.0)) * B
        across = 12.0 * (d * (d - 1.0) * (d - 3.0)) * A
        return np.stack([along + 2.0 * across, along - 3.0 * across], axis=-1)

    def stationary(p: float, A: float, A2: float, d: float, B: float, B2: float) -> Stationary:
        u, v = A2 * B, A * B2
        kind: Any = "saddle" if u * v < 0 else "local minimum" if u > 0 else "maximum"
        curvature = _eigenvalues(u + 4 * v, u - 6 * v, u + 9 * v)
        point = [(3 * p + d) / 5, (2 * p - d) / 5]
        return Stationary(point, kind, f"f = {A * B:g}", curvature, tolerance=1e-15)

    return Problem(
        formula="f(x) = (1 + (p + 1)**2 (3 p**2 - 14 p + 19)) (30 + d**2 (3 d**2 - 16 d + 18)), "
        "p = x1 + x2, d = 2 x1 - 3 x2",
        domain=WholeSpace(),
        start=np.array([-2.0, -2.0]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(3.0, "the least values of both factors, 1 and 3"),
            "minimizer": exact([0.0, -1.0], "p = -1 and d = 3"),
        },
        unknown={"L": "its second derivatives grow without bound"},
        stationary=tuple(
            stationary(*along, *across)
            # p, A(p), A''(p) and d, B(d), B''(d) at the roots of the derivatives.
            for along in ((-1, 1, 72), (1, 33, -24), (2, 28, 36))
            for across in ((0, 30, 36), (1, 35, -24), (3, 3, 72))
            if (along[0], across[0]) != (-1, 3)
        ),
    )


# One of each pair +-(x1, x2).
_CAMEL: tuple[tuple[float, float, Any, float], ...] = (
    (0.08984201310031806, -0.7126564030207396, "minimum", -1.031628453489877),
    (1.703606714969981, -0.7960835686726251, "local minimum", -0.2154638243837176),
    (1.6071047529201972, 0.5686514548841314, "local minimum", 2.104250310311258),
    (1.1092053368047865, -0.7682680925095399, "saddle", 0.5437186009781851),
    (1.6380679841897785, 0.22867406904439408, "saddle", 2.229357197530715),
    (1.2960702671671092, 0.6050843880386585, "saddle", 2.229470818029860),
    (1.2302298765166526, 0.16233458445899496, "maximum", 2.496295351024577),
)


@problem(
    source="dixon1978", tags=("non-convex", "smooth", "test-function", "saddle"), descent_step=0.005
)
def six_hump_camel() -> Problem:
    """The six-hump camel-back: six minima, two of them global.

    df/dx2 = 0 means x1 = 8 x2 - 16 x2**3; df/dx1 = 0 is then a polynomial of degree 15 in x2. It
    has 15 real roots, so these are all stationary points: six minima, two maxima and, with 0,
    seven saddles. f grows without bound in every direction, so the least of the values found is
    the minimum. The start, a corner of the usual rectangle, is ours.
    """

    def loss(x: Any, sample: Any) -> Any:
        a, b = x[..., 0], x[..., 1]
        s, t = a * a, b * b
        return (4.0 - 2.1 * s + s * s / 3.0) * s + a * b + 4.0 * (t - 1.0) * t

    def gradient(x: Any, sample: Any) -> Any:
        a, b = x[..., 0], x[..., 1]
        s, t = a * a, b * b
        along = (8.0 - 8.4 * s + 2.0 * (s * s)) * a + b
        return np.stack([along, a + (16.0 * t - 8.0) * b], axis=-1)

    def curvature(a: float, b: float) -> tuple[float, float]:
        return _eigenvalues(8 - 25.2 * a**2 + 10 * a**4, 1.0, 48 * b**2 - 8)

    points = [
        Stationary([sign * a, sign * b], kind, f"f = {f:.13g}", curvature(a, b), tolerance=1e-15)
        for a, b, kind, f in _CAMEL
        for sign in (1, -1)
    ]
    return Problem(
        formula="f(x) = (4 - 2.1 x1**2 + x1**4 / 3) x1**2 + x1 x2 + (4 x2**2 - 4) x2**2",
        domain=WholeSpace(),
        start=np.array([3.0, 2.0]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": Constant(
                -1.0316284534898774,
                "computed",
                "the least value at the 15 stationary points, which are all",
                tolerance=1e-15,
            ),
            "minimizer": Constant(
                points[0].point, "computed", "one of two: its negative is the other", 1e-15
            ),
        },
        unknown={"L": "its second derivatives grow without bound"},
        stationary=(*points[1:], Stationary([0.0, 0.0], "saddle", "f = 0", curvature(0.0, 0.0))),
    )


@problem(
    source="hochreiter1997, the notion of a flat minimum",
    tags=("non-convex", "smooth", "1-D", "saddle"),
)
def sharp_and_flat(
    *, sharp: float = 100.0, flat: float = 1.0, barrier: float = 0.25, start: float = -0.2
) -> Problem:
    """A sharp and a flat minimum of equal depth, parted by a barrier.

    Four parabolas of curvature +-sharp on the left and +-flat on the right of the top at 0. The
    minima lie at -2 sqrt(barrier/sharp) and 2 sqrt(barrier/flat). Half-way between a minimum and
    the top, where the height is barrier/2, the well's parabola and the cap's have the same slope,
    so f' is continuous; its Lipschitz constant is the largest curvature, L = sharp. Near a minimum
    gradient descent with step s multiplies the distance by |1 - s * curvature|: for
    2/sharp < s < 2/flat it is repelled by the sharp minimum and attracted by the flat one.
    """
    sharp, flat = number("sharp", sharp, above=0), number("flat", flat, above=0)
    barrier = number("barrier", barrier, above=0)
    require(flat <= sharp, f"flat={flat!r} must not exceed sharp={sharp!r}: they are curvatures")
    letters = {"sharp": sharp, "flat": flat, "barrier": barrier}

    def minima(sharp: Any, flat: Any, barrier: Any) -> tuple[Any, Any]:
        return -2 * sqrt(barrier / sharp), 2 * sqrt(barrier / flat)

    def side(x: Any, sharp: Any, flat: Any, barrier: Any) -> tuple[Any, Any]:
        """The curvature, and the distance from the minimum, on the side of x."""
        left, right = minima(sharp, flat, barrier)
        return where(x < 0.0, sharp, flat), x - where(x < 0.0, left, right)

    def loss(x: Any, sample: Any, *, sharp: Any, flat: Any, barrier: Any) -> Any:
        curvature, away = side(x, sharp, flat, barrier)
        cap = barrier - 0.5 * curvature * (x * x)
        return where(abs(x) < abs(away), cap, 0.5 * curvature * (away * away))

    def gradient(x: Any, sample: Any, *, sharp: Any, flat: Any, barrier: Any) -> Any:
        curvature, away = side(x, sharp, flat, barrier)
        return where(abs(x) < abs(away), -curvature * x, curvature * away)

    left, right = minima(sharp, flat, barrier)

    return Problem(
        formula=f"f(x) = c/2 (x - a)**2, or {barrier:g} - c/2 x**2 nearer to 0 than to a; "
        f"c = {sharp:g}, a = {left:g} for x < 0, else c = {flat:g}, a = {right:g}",
        domain=WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=Lettered(loss, **letters),
        gradient_formula=Lettered(gradient, **letters),
        constants={
            "L": exact(sharp, "the curvature of the sharp minimum", at=[left]),
            "minimum": exact(0.0, "both wells have depth 0"),
            "minimizer": exact([right], "the flat one; the sharp one is as deep"),
        },
        unknown={"mu": "f is concave around the top", "mu_pl": "f' vanishes at the top"},
        stationary=(
            Stationary([left], "minimum", "the sharp one", (sharp,)),
            Stationary([right], "minimum", "the flat one", (flat,)),
            Stationary([0.0], "maximum", f"the top, f = {barrier:g}; f'' jumps there"),
        ),
    )
