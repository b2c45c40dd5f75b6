"""Functions with saddle points, all of whose saddles are known.

A saddle is *strict* if the Hessian has a negative eigenvalue there: gradient descent leaves it
from almost every start, but may stay near it for long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems.domain import Ball, Box, WholeSpace
from problems.parameters import number, whole
from problems.problem import Problem, Stationary, derived, exact, problem

__all__ = ["monkey_saddle", "staircase_of_saddles", "strict_saddle"]

_NO_PL = "the gradient vanishes at a saddle, above the minimum"


@problem(source="hilbert1952", tags=("non-convex", "smooth", "saddle"))
def monkey_saddle(*, radius: float = 1.0, offset: float = 0.1) -> Problem:
    """The monkey saddle on a disc: a saddle whose Hessian is zero.

    f(x, y) = x**3 - 3 x y**2 is the real part of z**3 for z = x + iy, so f = r**3 cos(3 phi) in
    polar coordinates. The gradient has the norm 3 r**2 and vanishes at 0 alone. The Hessian
    6 [[x, -y], [-y, -x]] has the eigenvalues -6r and 6r. On the disc r <= radius therefore
    L = 6 radius, G = 3 radius**2 and the minimum is -radius**3, attained at the three points of
    the circle where cos(3 phi) = -1; there the gradient does not vanish, it points outward.

    The start is (radius / 2, offset). With offset = 0 gradient descent stays on the x-axis,
    where f = x**3, and approaches the saddle like 1 / (3 t) in time t.
    """
    radius = number("radius", radius, above=0)
    reach, why = 0.8 * radius, "beyond 0.8 radius the start may leave the disc"
    offset = number("offset", offset, least=-reach, most=reach, why=why)

    def loss(p: Any, sample: Any) -> Any:
        x, y = p[..., 0], p[..., 1]
        return x * (x * x - 3.0 * (y * y))

    def gradient(p: Any, sample: Any) -> Any:
        x, y = p[..., 0], p[..., 1]
        return np.stack([3.0 * (x * x - y * y), -6.0 * (x * y)], axis=-1)

    edge = np.array([radius, 0.0])
    return Problem(
        formula="f(x, y) = x**3 - 3 x y**2",
        domain=Ball(radius),
        start=np.array([radius / 2, offset]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(6.0 * radius, "the Hessian has the eigenvalues -6r and 6r", at=edge),
            "G": exact(3.0 * radius * radius, "||grad f|| = 3 r**2", at=edge),
            "G_inf": exact(3.0 * radius * radius, "the gradient at (radius, 0)", at=edge),
            "minimum": exact(-(radius**3), "f = r**3 cos(3 phi)"),
            "minimizer": exact(-edge, "cos(3 phi) = -1, one of three such points"),
        },
        unknown={"mu_pl": _NO_PL},
        stationary=(
            Stationary(np.zeros(2), "saddle", "f takes both signs near 0", curvature=(0.0, 0.0)),
        ),
    )


@problem(
    source=("nesterov2004, Section 1.2.3", "lee2016"),
    tags=("non-convex", "smooth", "saddle"),
)
def strict_saddle(*, radius: float = 1.5, offset: float = 0.001) -> Problem:
    """One strict saddle between two minima.

    f(x, y) = x**2/2 - y**2/2 + y**4/4 has the gradient (x, y**3 - y): a saddle at 0 with
    curvatures -1 and 1, and the minima (0, 1) and (0, -1) of value -1/4, with curvatures 1 and 2.
    The Hessian is diagonal, 1 and 3 y**2 - 1, so on the square |x|, |y| <= radius (at least 1)
    L = 3 radius**2 - 1. The slope |y**3 - y| is largest at 1/sqrt(3), where it is 2/(3 sqrt(3)),
    or at the edge, where it is radius**3 - radius.

    The start is (1, offset). With offset = 0 it lies on the stable manifold y = 0, and gradient
    descent converges to the saddle (Nesterov's example); otherwise it leaves it at the rate
    1 + step, after about log(1 / |offset|) / step steps.
    """
    side = number("radius", radius, least=1, why="the minima must lie inside")
    offset = number("offset", offset, least=-side, most=side, why="up to the radius")
    # The two candidates for the largest |y**3 - y|.
    inner, outer = 2.0 / (3.0 * np.sqrt(3.0)), side**3 - side
    slope, height = (outer, side) if outer >= inner else (float(inner), float(1 / np.sqrt(3.0)))
    steepest = np.array([side, height])

    def loss(p: Any, sample: Any) -> Any:
        x, square = p[..., 0], p[..., 1] * p[..., 1]
        return 0.5 * (x * x) - 0.5 * square + 0.25 * (square * square)

    def gradient(p: Any, sample: Any) -> Any:
        x, y = p[..., 0], p[..., 1]
        return np.stack([x, y * (y * y - 1.0)], axis=-1)

    return Problem(
        formula="f(x, y) = x**2/2 - y**2/2 + y**4/4",
        domain=Box(-side, side),
        start=np.array([1.0, offset]),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(3.0 * side * side - 1.0, "f_yy = 3 y**2 - 1 at the edge", at=[0.0, side]),
            "G": exact(float(np.hypot(side, slope)), "both slopes are largest", at=steepest),
            "G_inf": exact(max(side, slope), "the larger of |x| and |y**3 - y|", at=steepest),
            "minimum": exact(-0.25, "f = x**2/2 + (y**2 - 1)**2/4 - 1/4"),
            "minimizer": exact([0.0, 1.0], "both squares vanish"),
        },
        unknown={"mu_pl": _NO_PL},
        stationary=(
            Stationary(np.zeros(2), "saddle", "between the two minima", curvature=(-1.0, 1.0)),
            Stationary(np.array([0.0, -1.0]), "minimum", "the mirror image", curvature=(1.0, 2.0)),
        ),
    )


def _first_at_pi(dimension: int, count: int) -> NDArray[np.float64]:
    return np.where(np.arange(dimension) < count, np.pi, 0.0)


@problem(
    source="du2017, the idea; the function is another", tags=("non-convex", "smooth", "saddle")
)
def staircase_of_saddles(
    *, dimension: int = 4, coupling: float = 3.0, start: float = 0.3
) -> Problem:
    """Gradient descent visits one saddle after the other, each for longer than the last.

    Du, Jin, Lee, Jordan, Singh & Poczos line up saddles so that the coordinate along which
    one leaves a saddle has been shrinking towards 0 for as long as the earlier saddles took. Their
    function is pieced together from quadratics and splines. This one is a simplification with the
    same mechanism, one formula on the whole space; their theorem is not about it.

    With z_i = cos(x_i), z_0 = -1, z_{d+1} = 1 and the coupling c > 1,
        f(x) = sum_{i=1..d} (1 + z_i) + c/2 sum_{i=2..d} (1 + z_{i-1}) (1 - z_i),
        df/dx_i = b_i sin(x_i), where b_i = -1 + c/2 (z_{i-1} + z_{i+1}).
    Angle i is pushed away from 0 if b_i < 0 and pulled to 0 if b_i > 0. While its two neighbours
    are near 0, b_i = c - 1; once the one before has reached pi, b_i = -1.

    Every stationary point is a global minimum or a strict saddle. If i = 1, or x_{i-1} is an odd
    multiple of pi, then z_{i-1} = -1 and b_i <= -1, so a vanishing derivative means sin(x_i) = 0:
    either x_i is an odd multiple of pi too, and so on along the chain to a point where f = 0, or it
    is an even one, where d**2 f / dx_i**2 = b_i z_i <= -1. The stairs are the points
    (pi, ..., pi, 0, ..., 0) with k < d entries pi. There f = 2 (d - k) and the Hessian is diagonal,
    with 1 + c for the first k - 1 angles, 1 for the k-th, -1 for the next and c - 1 for the others.
    Linearised at the stairs, with all angles starting alike, each escape takes c times as long as
    the one before in the flow, and 1 - log(1 - (c - 1) h) / log(1 + h) times for small steps h.

    L = 1 + c: row i of the Hessian holds b_i z_i and -c/2 sin(x_i) sin(x_j) for the neighbours j,
    so the sum of sizes is at most |z_i| + c/2 sum_j (|z_i z_j| + |sin(x_i) sin(x_j)|) <= 1 + c by
    Cauchy-Schwarz, and the Hessian has that eigenvalue at the minimum. |df/dx_i| <= |b_i| <= 1 + c,
    attained at x_1 = pi/2, x_2 = pi. For G, Jensen gives
    b_i**2 <= (1 + c) (1 + c/2 z_{i-1}**2 + c/2 z_{i+1}**2), so ||grad f||**2 is at most an
    expression linear in each z_i**2, largest where each is 0 or 1; if m of them are 0, it is at
    most (1 + c) min(m + c m, m + c (d + 1 - m)) <= (1 + c)**2 (d + 1) / 2.

    Every angle starts at `start`. From a small start with a strong coupling and many angles, the
    last ones shrink below the least floating-point number: then they are 0 for good.
    """
    dimension = whole("dimension", dimension, 2)
    c = number("coupling", coupling, above=1, why="up to 1 no angle is pulled to 0")
    start = number("start", start, least=0, most=np.pi, why="an angle up to pi")

    def loss(x: Any, sample: Any) -> Any:
        z = np.cos(x)
        pairs = (1.0 + z[..., :-1]) * (1.0 - z[..., 1:])
        return (1.0 + z).sum(axis=-1) + 0.5 * c * pairs.sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        z = np.cos(x)
        neighbours = np.empty_like(z)
        neighbours[..., 0] = -1.0
        neighbours[..., 1:] = z[..., :-1]
        neighbours[..., :-1] += z[..., 1:]
        neighbours[..., -1] += 1.0
        return np.sin(x) * (0.5 * c * neighbours - 1.0)

    def stair(k: int) -> Stationary:
        grown = [1.0 + c] * (k - 1) + [1.0] * min(k, 1)
        return Stationary(
            _first_at_pi(dimension, k),
            "saddle",
            f"{k} of {dimension} angles have reached pi",
            curvature=tuple(sorted([*grown, -1.0, *[c - 1.0] * (dimension - k - 1)])),
            # The rounding of pi.
            tolerance=2.0**-52,
        )

    steep = _first_at_pi(dimension, 2)
    steep[0] = np.pi / 2
    bottom = _first_at_pi(dimension, dimension)
    return Problem(
        formula="f(x) = sum_i (1 + cos x_i) + "
        f"{c / 2:g} sum_{{i>1}} (1 + cos x_{{i-1}}) (1 - cos x_i)",
        domain=WholeSpace(),
        start=np.full(dimension, start),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(1.0 + c, "1 + coupling, the largest eigenvalue at the minimum", at=bottom),
            "G": derived(
                (1.0 + c) * float(np.sqrt((dimension + 1) / 2)), "(1 + coupling) sqrt((d + 1) / 2)"
            ),
            "G_inf": exact(1.0 + c, "1 + coupling, at x_1 = pi/2, x_2 = pi", at=steep),
            "minimum": exact(0.0, "no term is negative, and all vanish at pi"),
            "minimizer": exact(bottom, "every angle pi"),
        },
        unknown={"mu_pl": _NO_PL},
        stationary=tuple(stair(k) for k in range(dimension)),
    )
