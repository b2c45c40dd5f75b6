"""Test functions of Moré, Garbow & Hillstrom (1981), with their standard start points.

Each is a sum of squares f(x) = r_1(x)**2 + ... + r_m(x)**2, without a factor 1/2, so its gradient
is 2 J'r with the Jacobian J of the residuals. Where all residuals can vanish, the minimum is 0 and
there is nothing to compute. The data-fitting problems leave a remainder: Brown and Dennis's is
convex and Bard's is reduced to one variable, which proves their minima; of Kowalik and Osborne's
only a local minimum is proved. On the whole space none but the trigonometric function has a
Lipschitz gradient.

Stationary points that were computed come from Newton's method in 60 digits, rounded; Krawczyk's
test in interval arithmetic proved that exactly one lies within 1e-20 of what was rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from problems.domain import WholeSpace
from problems.notation import require
from problems.parameters import whole
from problems.problem import Constant, Deferred, Problem, Stationary, derived, exact, problem

__all__ = [
    "bard",
    "beale",
    "box_3d",
    "brown_badly_scaled",
    "brown_dennis",
    "broyden_tridiagonal",
    "extended_rosenbrock",
    "freudenstein_roth",
    "helical_valley",
    "kowalik_osborne",
    "powell_singular",
    "trigonometric",
    "wood",
]

_GROWS = {"L": "its second derivatives grow without bound"}


def _columns(*entries: Any) -> Any:
    """Arrays of shape (...), or numbers, side by side along a new last axis."""
    return np.stack(np.broadcast_arrays(*entries), axis=-1)


def _sum_of_squares(
    *,
    residuals: Callable[[Any], Any],
    partials: Callable[[Any], Sequence[Any]],
    **facts: Any,
) -> Problem:
    """The problem f = r.r on the whole space.

    Args:
        residuals: x of shape (..., n) -> r of shape (..., m).
        partials: x -> for each coordinate of x the derivatives of r, a number or of shape (..., m).
        facts: The other attributes of the problem.
    """

    def loss(x: Any, sample: Any) -> Any:
        r = residuals(x)
        return (r * r).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        r = residuals(x)
        return 2.0 * np.stack([(r * column).sum(axis=-1) for column in partials(x)], axis=-1)

    return Problem(domain=WholeSpace(), loss_formula=loss, gradient_formula=gradient, **facts)


# Residuals that can all vanish


@problem(
    source="more1981, Problem 2",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=0.001,
)
def freudenstein_roth() -> Problem:
    """Freudenstein and Roth's function, whose local minimum attracts the standard start.

    The residuals have opposite signs wherever df/dx1 = 2 (r1 + r2) vanishes, and then
    df/dx2 = 2 r1 (12 + 8 x2 - 6 x2**2). So besides the minimum there are two stationary points, at
    x2 = (2 -+ sqrt(22))/3 and x1 = 21 + 8 x2 - 3 x2**2: a local minimum with f = 48.98425... and a
    saddle with f = 819.01025...
    """

    def residuals(x: Any) -> Any:
        a, b = x[..., 0], x[..., 1]
        return _columns(a - 13.0 + ((5.0 - b) * b - 2.0) * b, a - 29.0 + ((b + 1.0) * b - 14.0) * b)

    def partials(x: Any) -> Sequence[Any]:
        b = x[..., 1]
        return 1.0, _columns((10.0 - 3.0 * b) * b - 2.0, (3.0 * b + 2.0) * b - 14.0)

    def stationary(x2: float) -> list[float]:
        return [21 + 8 * x2 - 3 * x2 * x2, x2]

    root = float(np.sqrt(22))
    return _sum_of_squares(
        formula="f(x) = (x1 - 13 + ((5 - x2) x2 - 2) x2)**2 + (x1 - 29 + ((x2 + 1) x2 - 14) x2)**2",
        start=np.array([0.5, -2.0]),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": exact(0.0, "both residuals vanish at (5, 4)"),
            "minimizer": exact([5.0, 4.0], "the only common zero of the residuals"),
        },
        unknown=_GROWS,
        stationary=(
            Stationary(
                stationary((2 - root) / 3),
                "local minimum",
                "x2 = (2 - sqrt(22))/3; f = 48.98425367924002",
                (0.82071774229126506, 905.06703409825002),
                tolerance=1e-14,
            ),
            Stationary(
                stationary((2 + root) / 3),
                "saddle",
                "x2 = (2 + sqrt(22))/3; f = 819.0102593523100",
                (-644.23202306300098, 4.7146415928300705),
                tolerance=1e-14,
            ),
        ),
    )


@problem(
    source="more1981, Problem 4", tags=("non-convex", "smooth", "test-function"), descent_step=1e-9
)
def brown_badly_scaled() -> Problem:
    """Brown's badly scaled function: one coordinate goes to a million, one to two millionths."""

    def residuals(x: Any) -> Any:
        a, b = x[..., 0], x[..., 1]
        return _columns(a - 1e6, b - 2e-6, a * b - 2.0)

    def partials(x: Any) -> Sequence[Any]:
        a, b = x[..., 0], x[..., 1]
        return _columns(1.0, 0.0, b), _columns(0.0, 1.0, a)

    return _sum_of_squares(
        formula="f(x) = (x1 - 10**6)**2 + (x2 - 2 10**-6)**2 + (x1 x2 - 2)**2",
        start=np.ones(2),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": exact(0.0, "all residuals vanish at the minimiser"),
            "minimizer": exact([1e6, 2e-6], "the first two residuals vanish nowhere else"),
        },
        unknown=_GROWS,
    )


@problem(
    source="more1981, Problem 5",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=0.01,
)
def beale() -> Problem:
    """Beale's function: a narrow curved valley beside a plateau.

    At the saddle (0, 1) the diagonal of the Hessian vanishes, and the mixed derivative is
    2 (1.5 + 2 * 2.25 + 3 * 2.625) = 27.75.
    """
    y = np.array([1.5, 2.25, 2.625])

    def powers(b: Any) -> Any:
        return _columns(b, b * b, b * b * b)

    def residuals(x: Any) -> Any:
        return y - x[..., :1] * (1.0 - powers(x[..., 1]))

    def partials(x: Any) -> Sequence[Any]:
        b = x[..., 1]
        return powers(b) - 1.0, x[..., :1] * _columns(1.0, 2.0 * b, 3.0 * (b * b))

    return _sum_of_squares(
        formula="f(x) = sum_i (y_i - x1 (1 - x2**i))**2, y = 1.5, 2.25, 2.625",
        start=np.ones(2),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": exact(0.0, "3/2, 9/4 and 21/8 are 3 (1 - 2**-i)"),
            "minimizer": exact([3.0, 0.5]),
        },
        unknown=_GROWS,
        stationary=(Stationary([0.0, 1.0], "saddle", "f = 14.203125", (-27.75, 27.75)),),
    )


@problem(source="more1981, Problem 7", tags=("non-convex", "non-smooth", "test-function"))
def helical_valley() -> Problem:
    """The helical valley: a spiral that descends to the minimum, cut along a half-plane.

    theta = arctan(x2/x1)/(2 pi), plus 1/2 if x1 < 0, runs over (-1/4, 3/4]: it is the angle in
    turns, continuous except across the half-plane x1 = 0, x2 < 0, where it jumps by 1 and f jumps
    too. On x1 = 0 theta is the limit from the right, +-1/4; on the axis x1 = x2 = 0, where it has
    no limit, theta = 0 and the first two coordinates of the gradient are 0.
    """

    def residuals(x: Any) -> Any:
        left = x[..., 0] < 0
        # The angle of the point, or of its mirror image at the axis, lies in [-1/4, 1/4] turns.
        angle = np.arctan2(np.where(left, -x[..., 1], x[..., 1]), abs(x[..., 0])) / (2.0 * np.pi)
        theta = np.where(left, angle + 0.5, angle)
        radius = np.sqrt(x[..., 0] * x[..., 0] + x[..., 1] * x[..., 1])
        return _columns(10.0 * (x[..., 2] - 10.0 * theta), 10.0 * (radius - 1.0), x[..., 2])

    def partials(x: Any) -> Sequence[Any]:
        a, b = x[..., 0], x[..., 1]
        radius = np.sqrt(a * a + b * b)
        radius = np.where(radius > 0, radius, np.inf)
        turn = 50.0 / np.pi / radius
        return (
            _columns(turn * (b / radius), 10.0 * (a / radius), 0.0),
            _columns(-turn * (a / radius), 10.0 * (b / radius), 0.0),
            np.array([10.0, 0.0, 1.0]),
        )

    return _sum_of_squares(
        formula="f(x) = 100 (x3 - 10 theta)**2 + 100 (sqrt(x1**2 + x2**2) - 1)**2 + x3**2, "
        "theta = arctan(x2/x1)/(2 pi), + 1/2 if x1 < 0; at x1 = x2 = 0 the gradient is 0 in both",
        start=np.array([-1.0, 0.0, 0.0]),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": exact(0.0, "x3 = 0, theta = 0 and radius 1"),
            "minimizer": exact([1.0, 0.0, 0.0], "theta = 0 only for x2 = 0 < x1"),
        },
        unknown={"L": "f jumps where theta does"},
    )


@problem(
    source="more1981, Problem 12",
    tags=("non-convex", "smooth", "test-function"),
    descent_step=0.05,
)
def box_3d() -> Problem:
    """Box's three-dimensional function, with a line and two points of minima.

    The first two coordinates change places as the third changes sign. m = 10 residuals.
    """
    t = np.arange(1, 11) / 10.0
    gap = np.exp(-t) - np.exp(-10.0 * t)

    def residuals(x: Any) -> Any:
        return np.exp(-t * x[..., :1]) - np.exp(-t * x[..., 1:2]) - x[..., 2:] * gap

    def partials(x: Any) -> Sequence[Any]:
        return -t * np.exp(-t * x[..., :1]), t * np.exp(-t * x[..., 1:2]), -gap

    return _sum_of_squares(
        formula="f(x) = sum_i (exp(-t_i x1) - exp(-t_i x2) - x3 (exp(-t_i) - exp(-10 t_i)))**2, "
        "t_i = i/10, i = 1..10",
        start=np.array([0.0, 10.0, 20.0]),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": exact(0.0, "all residuals vanish at the minimiser"),
            "minimizer": exact([1.0, 10.0, 1.0], "not the only one"),
        },
        unknown=_GROWS,
        stationary=(
            Stationary([10.0, 1.0, -1.0], "minimum", "the minimiser, reflected"),
            Stationary([1.0, 1.0, 0.0], "minimum", "one of the line x1 = x2, x3 = 0"),
        ),
    )


@problem(
    source="more1981, Problem 13", tags=("convex", "smooth", "test-function"), descent_step=0.002
)
def powell_singular() -> Problem:
    """Powell's singular function: convex, with a singular Hessian at the minimiser.

    A sum of squares and fourth powers of linear forms, hence convex. At the minimiser the fourth
    powers have no curvature and the Hessian has rank 2, so methods that are linearly convergent
    under strong convexity slow down; f grows like the fourth power along the null space, which
    excludes the Polyak-Lojasiewicz inequality too.
    """

    def forms(x: Any) -> tuple[Any, Any, Any, Any]:
        a, b, c, d = (x[..., i] for i in range(4))
        return a + 10.0 * b, c - d, b - 2.0 * c, a - d

    def loss(x: Any, sample: Any) -> Any:
        p, q, u, v = forms(x)
        return p * p + 5.0 * (q * q) + u * u * u * u + 10.0 * (v * v * v * v)

    def gradient(x: Any, sample: Any) -> Any:
        p, q, u, v = forms(x)
        p, q, u, v = 2.0 * p, 10.0 * q, 4.0 * (u * u * u), 40.0 * (v * v * v)
        return _columns(p + v, 10.0 * p + u, q - 2.0 * u, -q - v)

    return Problem(
        formula="f(x) = (x1 + 10 x2)**2 + 5 (x3 - x4)**2 + (x2 - 2 x3)**4 + 10 (x1 - x4)**4",
        domain=WholeSpace(),
        start=np.array([3.0, -1.0, 0.0, 1.0]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "all terms vanish at 0"),
            "minimizer": exact(np.zeros(4), "the four linear forms vanish nowhere else"),
        },
        unknown={
            **_GROWS,
            "mu": "the Hessian at the minimiser has rank 2",
            "mu_pl": "along the null space of that Hessian f is a fourth power",
        },
    )


@problem(
    source="more1981, Problem 14",
    tags=("non-convex", "smooth", "test-function", "saddle"),
    descent_step=0.0002,
)
def wood() -> Problem:
    """Wood's function: two curved valleys, coupled, with a saddle that holds methods up."""

    def loss(x: Any, sample: Any) -> Any:
        a, b, c, d = (x[..., i] for i in range(4))
        u, v, total, difference = b - a * a, d - c * c, b + d - 2.0, b - d
        return (
            100.0 * (u * u)
            + (1.0 - a) * (1.0 - a)
            + 90.0 * (v * v)
            + (1.0 - c) * (1.0 - c)
            + 10.0 * (total * total)
            + 0.1 * (difference * difference)
        )

    def gradient(x: Any, sample: Any) -> Any:
        a, b, c, d = (x[..., i] for i in range(4))
        u, v, total, difference = b - a * a, d - c * c, b + d - 2.0, b - d
        return _columns(
            -400.0 * (u * a) - 2.0 * (1.0 - a),
            200.0 * u + 20.0 * total + 0.2 * difference,
            -360.0 * (v * c) - 2.0 * (1.0 - c),
            180.0 * v + 20.0 * total - 0.2 * difference,
        )

    return Problem(
        formula="f(x) = 100 (x2 - x1**2)**2 + (1 - x1)**2 + 90 (x4 - x3**2)**2 + (1 - x3)**2 "
        "+ 10 (x2 + x4 - 2)**2 + (x2 - x4)**2 / 10",
        domain=WholeSpace(),
        start=np.array([-3.0, -1.0, -3.0, -1.0]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at 1"),
            "minimizer": exact(np.ones(4), "the terms in 1 - x1 and 1 - x3 vanish nowhere else"),
        },
        unknown=_GROWS,
        stationary=(
            Stationary(
                [-0.9679740249375931, 0.9471391408178418, -0.9695163103315911, 0.9512476657923252],
                "saddle",
                "f = 7.876967165176867; computed",
                (-0.11954865818636691, 30.816271107603521, 859.36201804674850, 952.56372511502210),
                tolerance=1e-15,
            ),
        ),
    )


@problem(
    source="more1981, Problem 21",
    tags=("non-convex", "smooth", "test-function"),
    descent_step=0.001,
)
def extended_rosenbrock(*, dimension: int = 10) -> Problem:
    """Rosenbrock's function for every pair of coordinates.

    n/2 separate copies of the valley in the plane, so that, unlike in the chained form
    (`rosenbrock`), the dimension adds no difficulty. The minimiser is the only stationary point:
    df/dx_{2i} = 0 puts x_{2i} on the parabola, and then df/dx_{2i-1} = -2 (1 - x_{2i-1}).
    """
    dimension = whole("dimension", dimension, 1)
    require(dimension % 2 == 0, f"dimension={dimension!r} must be even: coordinates form pairs")

    def loss(x: Any, sample: Any) -> Any:
        odd, even = x[..., ::2], x[..., 1::2]
        off = even - odd * odd
        return (100.0 * (off * off) + (1.0 - odd) * (1.0 - odd)).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        odd, even = x[..., ::2], x[..., 1::2]
        off = even - odd * odd
        g = np.empty_like(x)
        g[..., ::2] = -400.0 * (odd * off) - 2.0 * (1.0 - odd)
        g[..., 1::2] = 200.0 * off
        return g

    return Problem(
        formula="f(x) = sum_{i <= n/2} 100 (x_{2i} - x_{2i-1}**2)**2 + (1 - x_{2i-1})**2",
        domain=WholeSpace(),
        start=np.tile([-1.2, 1.0], dimension // 2),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at 1"),
            "minimizer": exact(np.ones(dimension), "the only stationary point"),
        },
        unknown=_GROWS,
    )


@problem(source="more1981, Problem 26", tags=("non-convex", "smooth", "test-function"))
def trigonometric(*, dimension: int = 10) -> Problem:
    """The trigonometric function: periodic, with many local minima.

    From the standard start 1/n most methods end in a local minimum. The bounds are proved so. With
    |k sin x - cos x| <= sqrt(k**2 + 1), residual i is at most
    t_i = 2 (n - 1) + (i + 1) + sqrt((i + 1)**2 + 1) in size, and the Jacobian, 1 sin(x)' plus the
    diagonal of i sin x_i - cos x_i, has a norm of at most n + s, where s = sqrt(n**2 + 1). The
    residuals' second derivatives add to J'J a diagonal of entries at most c = sum_i t_i + t_n s.
    Hence G = 2 (n + s) ||t||, G_inf = 2 c and L = 2 (n + s)**2 + 2 c.
    """
    n = whole("dimension", dimension, 1)
    i = np.arange(1.0, n + 1.0)

    def residuals(cosine: Any, sine: Any) -> Any:
        return (n - cosine.sum(axis=-1, keepdims=True)) + i * (1.0 - cosine) - sine

    def loss(x: Any, sample: Any) -> Any:
        r = residuals(np.cos(x), np.sin(x))
        return (r * r).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        cosine, sine = np.cos(x), np.sin(x)
        r = residuals(cosine, sine)
        return 2.0 * (sine * r.sum(axis=-1, keepdims=True) + r * (i * sine - cosine))

    largest = 2.0 * (n - 1.0) + (i + 1.0) + np.sqrt((i + 1.0) ** 2 + 1.0)
    s = float(np.sqrt(n * n + 1.0))
    jacobian, diagonal = n + s, float(largest.sum() + largest[-1] * s)
    return Problem(
        formula="f(x) = sum_i (n - sum_j cos x_j + i (1 - cos x_i) - sin x_i)**2",
        domain=WholeSpace(),
        start=np.full(n, 1.0 / n),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": derived(2 * jacobian**2 + 2 * diagonal, "2 ||J||**2 + 2 |sum_i r_i r_i''|"),
            "G": derived(2 * jacobian * float(np.linalg.norm(largest)), "2 ||J|| ||r||"),
            "G_inf": derived(2 * diagonal, "2 sum_i |r_i| + 2 max_i |r_i| sqrt(i**2 + 1)"),
            "minimum": exact(0.0, "all residuals vanish at 0"),
            "minimizer": exact(np.zeros(n), "not the only one: f is periodic"),
        },
    )


@problem(
    source="more1981, Problem 30",
    tags=("non-convex", "smooth", "test-function"),
    descent_step=0.005,
)
def broyden_tridiagonal(*, dimension: int = 10) -> Problem:
    """Broyden's tridiagonal system, as a sum of squares.

    The residuals vanish at exactly one point of the cube (-1, 0)**n. There is one by the theorem
    of Poincaré and Miranda: wherever the neighbours lie in [-1, 0], r_i <= -1 for x_i = -1 and
    r_i >= 1 for x_i = 0. If i is the coordinate where x and y of the cube differ most, by e, then
    |r_i(x) - r_i(y)| >= (3 - 2 (x_i + y_i)) e - e - 2 e = 2 |x_i + y_i| e. So there is only one,
    and a point x of the cube is within max_i |r_i(x)| / (2 min_i |x_i|) of it.
    """
    n = whole("dimension", dimension, 1)

    def residuals(x: Any) -> Any:
        r = (3.0 - 2.0 * x) * x + 1.0
        r[..., 1:] -= x[..., :-1]
        r[..., :-1] -= 2.0 * x[..., 1:]
        return r

    def loss(x: Any, sample: Any) -> Any:
        r = residuals(x)
        return (r * r).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        r = residuals(x)
        g = (3.0 - 4.0 * x) * r
        g[..., :-1] -= r[..., 1:]
        g[..., 1:] -= 2.0 * r[..., :-1]
        return 2.0 * g

    def minimizer() -> Constant:
        x = np.full(n, -0.5)
        # Newton's method for each coordinate alone: a step shortens the error to some 3/5.
        for _ in range(100):
            x -= residuals(x) / (3.0 - 4.0 * x)
        rounding = 64 * np.finfo(float).eps
        error = (abs(residuals(x)).max() + rounding) / (2 * abs(x).min())
        how = "relaxation; within max |r_i| / (2 min |x_i|)"
        return Constant(x, "computed", how, tolerance=float(error))

    return Problem(
        formula="f(x) = sum_i ((3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1)**2, x_0 = x_{n+1} = 0",
        domain=WholeSpace(),
        start=-np.ones(n),
        loss_formula=loss,
        gradient_formula=gradient,
        constants=Deferred(
            {
                "minimum": exact(0.0, "all residuals vanish at one point of (-1, 0)**n"),
                "minimizer": minimizer,
            }
        ),
        unknown=_GROWS,
    )


# Residuals that leave a remainder

_BARD = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)


@problem(source="more1981, Problem 8", tags=("non-convex", "non-smooth", "test-function"))
def bard() -> Problem:
    """Bard's function: a rational model fitted to fifteen data.

    It has poles, the planes v_i x2 + w_i x3 = 0, where it is not defined.

    The minimum is proved as follows. With s = 1/(x2 + x3) and z = s x2 the model is
    x1 + s a_i(z), where a_i = i/(16 - i) for i >= 8 and a_i = 1/(1 + z (16 - 2 i)/i) for i < 8.
    For fixed z this is a regression line, and f is at least its remainder, with centred vectors
    phi(z) = y.y - (y.a)**2 / (a.a). Interval arithmetic on a subdivision of all z (of 1/z where
    |z| > 1; in an interval with a pole of a_i datum i is left out, which only lowers the
    remainder) proves that phi is below 0.008215 only between 0.25 and 0.4, and that phi'' > 0
    there. So phi has just one stationary point as low as that: it belongs to the one stated.
    """
    y = np.array(_BARD)
    u = np.arange(1.0, 16.0)
    v = 16.0 - u
    w = np.minimum(u, v)

    def residuals(x: Any) -> Any:
        return y - (x[..., :1] + u / (v * x[..., 1:2] + w * x[..., 2:]))

    def partials(x: Any) -> Sequence[Any]:
        denominator = v * x[..., 1:2] + w * x[..., 2:]
        slope = u / (denominator * denominator)
        return -1.0, slope * v, slope * w

    by = "elimination of two variables and interval subdivision in the third"
    return _sum_of_squares(
        formula="f(x) = sum_i (y_i - x1 - i/(v_i x2 + w_i x3))**2, v_i = 16 - i, "
        "w_i = min(i, v_i), i = 1..15; poles where a denominator vanishes",
        start=np.ones(3),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": Constant(0.008214877306578975, "computed", by, tolerance=1e-15),
            "minimizer": Constant(
                [0.08241055974978893, 1.1330360920297216, 2.343695178642537],
                "computed",
                "Newton's method and Krawczyk's test",
                tolerance=1e-13,
            ),
        },
        unknown={"L": "f has poles"},
    )


_KOWALIK_U = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
_KOWALIK_Y = (
    0.1957,
    0.1947,
    0.1735,
    0.16,
    0.0844,
    0.0627,
    0.0456,
    0.0342,
    0.0323,
    0.0235,
    0.0246,
)


@problem(source="more1981, Problem 15", tags=("non-convex", "non-smooth", "test-function"))
def kowalik_osborne() -> Problem:
    """Kowalik and Osborne's function: a reaction rate fitted to eleven data.

    It has poles where a denominator vanishes. The published minimum 3.07505e-4 is proved to be a
    local one; that no point lies lower is not proved. The other published value, 1.02734e-3, is
    only a limit: f falls to it as x1 goes to +infinity with x2 near -14.08, and lies below it as
    x1 goes to -infinity on the same curve.
    """
    u, y = np.array(_KOWALIK_U), np.array(_KOWALIK_Y)

    def parts(x: Any) -> tuple[Any, Any]:
        return u * (u + x[..., 1:2]), u * (u + x[..., 2:3]) + x[..., 3:]

    def residuals(x: Any) -> Any:
        top, bottom = parts(x)
        return y - x[..., :1] * top / bottom

    def partials(x: Any) -> Sequence[Any]:
        top, bottom = parts(x)
        slope = x[..., :1] / bottom
        fall = slope * top / bottom
        return -top / bottom, -slope * u, fall * u, fall

    return _sum_of_squares(
        formula="f(x) = sum_i (y_i - x1 (u_i**2 + u_i x2)/(u_i**2 + u_i x3 + x4))**2, i = 1..11; "
        "poles where a denominator vanishes",
        start=np.array([0.25, 0.39, 0.415, 0.39]),
        residuals=residuals,
        partials=partials,
        unknown={
            "L": "f has poles",
            "minimum": "3.0750560384923744e-4 is a local minimum; that none is lower is not proved",
        },
        stationary=(
            Stationary(
                [
                    0.19280693457903786,
                    0.19128232873436696,
                    0.12305650692632066,
                    0.13606233068379484,
                ],
                "local minimum",
                "f = 3.0750560384923744e-4; computed",
                (
                    0.0028973466121164147,
                    0.017683592277006537,
                    0.92131139782448734,
                    8.8475956464648374,
                ),
                tolerance=1e-13,
            ),
        ),
    )


@problem(
    source="more1981, Problem 16", tags=("convex", "smooth", "test-function"), descent_step=2e-6
)
def brown_dennis() -> Problem:
    """Brown and Dennis's function: convex, with large residuals.

    Residual i is q_i = l_i**2 + k_i**2, where l_i and k_i are affine in x: convex and nonnegative,
    so its square is convex too. A stationary point is therefore the minimum. m = 20; the start is
    that of the MINPACK driver, (25, 5, -5, -1), where f = 7926693.337. (Some collections print +1
    for the last coordinate, where f = 7632895.358.)
    """
    t = np.arange(1, 21) / 5.0
    exponential, cosine, sine = np.exp(t), np.cos(t), np.sin(t)

    def parts(x: Any) -> tuple[Any, Any]:
        line = x[..., :1] + t * x[..., 1:2] - exponential
        wave = x[..., 2:3] + sine * x[..., 3:] - cosine
        return line, wave

    def residuals(x: Any) -> Any:
        line, wave = parts(x)
        return line * line + wave * wave

    def partials(x: Any) -> Sequence[Any]:
        line, wave = parts(x)
        return 2.0 * line, 2.0 * (line * t), 2.0 * wave, 2.0 * (wave * sine)

    return _sum_of_squares(
        formula="f(x) = sum_i ((x1 + t_i x2 - exp(t_i))**2 + (x3 + x4 sin(t_i) - cos(t_i))**2)**2, "
        "t_i = i/5, i = 1..20",
        start=np.array([25.0, 5.0, -5.0, -1.0]),
        residuals=residuals,
        partials=partials,
        constants={
            "minimum": Constant(
                85822.20162635634,
                "computed",
                "f is convex and stationary there: Newton's method and Krawczyk's test",
                tolerance=1e-11,
            ),
            "minimizer": Constant(
                [-11.594439904762165, 13.203630051207204, -0.40343948817685954, 0.2367787744557363],
                "computed",
                "Newton's method and Krawczyk's test",
                tolerance=1e-12,
            ),
        },
        unknown={**_GROWS, "mu": "no positive lower bound of its curvature is derived here"},
    )
