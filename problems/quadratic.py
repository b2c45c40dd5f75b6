"""Quadratics by their spectrum.

f(x) = 1/2 (x - x*)'A (x - x*) with A symmetric and positive definite is L-smooth and mu-strongly
convex with the largest and the least eigenvalue of A, both attained along an eigenvector, and
satisfies the Polyak-Lojasiewicz inequality with the same mu: in the eigenbasis
||grad f||**2 = sum_i lambda_i**2 y_i**2 >= mu sum_i lambda_i y_i**2 = 2 mu f.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems.domain import WholeSpace
from problems.matrix_product import product
from problems.notation import require
from problems.parameters import choice, flag, number, whole
from problems.problem import Constant, Problem, exact, problem

__all__ = ["hartley", "hilbert", "quadratic"]

Array = NDArray[np.float64]

_SPECTRA = ("geometric", "linear", "clustered")


def _eigenvalues(spectrum: str, kappa: float, dimension: int, L: float) -> Array:
    mu = L / kappa
    if spectrum == "geometric":
        values = np.geomspace(mu, L, dimension)
    elif spectrum == "linear":
        values = np.linspace(mu, L, dimension)
    else:
        width = (1 - 1 / kappa) / 10
        low = dimension // 2
        values = np.concatenate(
            [
                np.linspace(mu, mu * (1 + width), low),
                np.linspace(L * (1 - width), L, dimension - low),
            ]
        )
    # The spacings round at their ends; the stated constants are the ends exactly.
    values[0], values[-1] = mu, L
    return values


def hartley(dimension: int) -> Array:
    """H_jk = (cos(2 pi j k / n) + sin(2 pi j k / n)) / sqrt(n): symmetric and orthogonal."""
    index = np.arange(dimension)
    angle = 2 * np.pi * (np.outer(index, index) % dimension) / dimension
    return np.asarray((np.cos(angle) + np.sin(angle)) / np.sqrt(dimension))


@problem(
    source="nesterov2004, Section 2.1",
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
)
def quadratic(
    *,
    kappa: float = 100.0,
    dimension: int = 10,
    L: float = 1.0,
    spectrum: str = "geometric",
    rotated: bool = False,
) -> Problem:
    """Ill-conditioned quadratic with eigenvalues from L / kappa to L.

    In the eigenbasis f = 1/2 sum_i lambda_i y_i**2, and the start is the point y of all ones, so
    that every eigendirection takes part. The spectrum is

    - geometric: equal ratios, as many eigenvalues in each decade;
    - linear: equal distances, most eigenvalues of the size of L;
    - clustered: the lower half (rounded down) from mu to mu (1 + w), the others from L (1 - w)
      to L, each at equal distances, with w = (1 - 1/kappa)/10: two groups of nearly equal
      curvature.

    The eigenvectors are the axes, which is the best case of methods that scale each coordinate by
    itself. With `rotated` they are the columns of the discrete Hartley matrix
    H_jk = (cos(2 pi j k / n) + sin(2 pi j k / n)) / sqrt(n), which is symmetric and orthogonal
    (H H = I): y = H x, so that coordinates mix while L, mu and the value at the start stay. The
    start is then H (1, ..., 1) = (sqrt(n), 0, ..., 0). Methods that use inner products only see no
    difference; Adam does.
    """
    dimension = whole("dimension", dimension, 1)
    kappa = number("kappa", kappa, least=1, why="it is L / mu")
    require(dimension > 1 or kappa == 1, f"kappa={kappa!r} needs dimension >= 2")
    L = number("L", L, above=0)
    spectrum, rotated = choice("spectrum", spectrum, _SPECTRA), flag("rotated", rotated)
    eigenvalues = _eigenvalues(spectrum, kappa, dimension, L)
    spacing = {
        "geometric": "geometrically",
        "linear": "linearly",
        "clustered": "half near each end",
    }[spectrum]

    def diagonal_loss(x: Any, sample: Any) -> Any:
        return 0.5 * (eigenvalues * x * x).sum(axis=-1)

    def diagonal_gradient(x: Any, sample: Any) -> Any:
        return eigenvalues * x

    start, loss, gradient = np.ones(dimension), diagonal_loss, diagonal_gradient
    if rotated:
        basis = hartley(dimension)
        hessian = (basis * eigenvalues) @ basis
        start = np.zeros(dimension)
        start[0] = np.sqrt(dimension)

        def loss(x: Any, sample: Any) -> Any:
            return diagonal_loss(product(basis, x), sample)

        def gradient(x: Any, sample: Any) -> Any:
            return product(hessian, x)

    return Problem(
        formula=f"f(x) = 1/2 sum_i lambda_i {'(H x)_i' if rotated else 'x_i'}**2, "
        f"lambda from {L / kappa:g} to {L:g}, {spacing}"
        + (", H the Hartley matrix" if rotated else ""),
        domain=WholeSpace(),
        start=start,
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": exact(L, "the largest eigenvalue"),
            "mu": exact(L / kappa, "the smallest eigenvalue"),
            "mu_pl": exact(L / kappa, "the smallest eigenvalue"),
            "minimum": exact(0.0),
            "minimizer": exact(np.zeros(dimension)),
        },
    )


def _perron_enclosure(matrix: list[list[Fraction]]) -> tuple[Fraction, Fraction]:
    """Bounds on the largest eigenvalue of a matrix of positive numbers.

    For any v > 0 it lies between the least and the largest Collatz-Wielandt quotient
    (A v)_i / v_i. The v comes from a power iteration in floats; the quotients are exact.
    """
    rounded = np.array(matrix, float)
    v = np.ones(len(matrix))
    for _ in range(60):
        v = rounded @ v
        v /= v.max()
    weights = [Fraction(float(component)) for component in v]
    quotients = [
        sum((a * w for a, w in zip(row, weights, strict=True)), Fraction(0)) / weight
        for row, weight in zip(matrix, weights, strict=True)
    ]
    return min(quotients), max(quotients)


def _hilbert_extremes(n: int) -> tuple[Constant, Constant]:
    """The largest and the least eigenvalue, rounded to the safe side.

    The entries of the inverse are integers with the signs of a checkerboard, so flipping every
    other axis makes the inverse positive without moving its eigenvalues.
    """
    numbers = range(1, n + 1)
    low, high = _perron_enclosure([[Fraction(1, i + j - 1) for j in numbers] for i in numbers])
    # Without their signs:
    inverse = [
        [
            Fraction(
                (i + j - 1)
                * comb(n + i - 1, n - j)
                * comb(n + j - 1, n - i)
                * comb(i + j - 2, i - 1) ** 2
            )
            for j in numbers
        ]
        for i in numbers
    ]
    inverse_low, inverse_high = _perron_enclosure(inverse)
    how = "Collatz-Wielandt quotients in exact rationals, rounded "
    largest = float(np.nextafter(float(high), np.inf))
    least = float(np.nextafter(float(1 / inverse_high), 0.0))
    return (
        Constant(
            largest, "computed", how + "up", tolerance=float(high - low) + 2 * np.spacing(largest)
        ),
        Constant(
            least,
            "computed",
            how + "down, of the inverse",
            tolerance=float(1 / inverse_low - 1 / inverse_high) + 2 * np.spacing(least),
        ),
    )


@problem(
    source=("hilbert1894", "choi1983"),
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz", "test-function"),
)
def hilbert(*, dimension: int = 5) -> Problem:
    """Least squares with the Hilbert matrix, the classical ill-conditioned one.

    H_ij = 1/(i+j-1) is the integral of t**(i-1) t**(j-1) over [0, 1], so with r = x - (1, ..., 1)
    the objective 1/2 r'H r is half the integral of (r_1 + r_2 t + ... + r_n t**(n-1))**2: a
    polynomial is fitted to 1 + t + ... + t**(n-1) by its coefficients. The condition number grows
    like exp(3.5 n): 19.3 for n = 2, 4.8e5 for n = 5, 1.6e13 for n = 10. From n = 12 on it exceeds
    1e16, and a double no longer tells the least eigenvalue of the rounded matrix from zero.

    Therefore f is not evaluated from H. Expanding t**i in the orthonormal Legendre polynomials
    sqrt(2k+1) P_k(2t-1) gives H = B'B with

        B_ki = sqrt(2k+1) i!**2 / ((i-k)! (i+k+1)!)   for 0 <= k <= i < n,

    whose condition number is the square root, and f = 1/2 ||B r||**2, never negative. A gradient
    in doubles still rounds by some 1e-16 ||r||, which hides the least eigenvalue for n near 12.

    L = lambda_max(H) and mu = 1/lambda_max(H**-1) are enclosed in exact rationals. The inverse
    has the integer entries (-1)**(i+j) (i+j-1) C(n+i-1, n-j) C(n+j-1, n-i) C(i+j-2, i-1)**2.
    """
    dimension = whole("dimension", dimension, 2, 12)
    factor = np.array(
        [
            [
                sqrt(2 * k + 1) * (factorial(i) ** 2 / (factorial(i - k) * factorial(i + k + 1)))
                if k <= i
                else 0.0
                for i in range(dimension)
            ]
            for k in range(dimension)
        ]
    )
    transposed = factor.T.copy()
    largest, least = _hilbert_extremes(dimension)

    def loss(x: Any, sample: Any) -> Any:
        y = product(transposed, x - 1.0)
        return 0.5 * (y * y).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        return product(factor, product(transposed, x - 1.0))

    return Problem(
        formula="f(x) = 1/2 (x - 1)'H (x - 1), H_ij = 1/(i+j-1), 1 the vector of ones",
        domain=WholeSpace(),
        start=np.zeros(dimension),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "L": largest,
            "mu": least,
            "mu_pl": least,
            "minimum": exact(0.0, "half a squared norm, zero at the vector of ones"),
            "minimizer": exact(np.ones(dimension)),
        },
    )
