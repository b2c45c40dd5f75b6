"""Problems whose iterate is a matrix, or two: for methods that see singular values.

A method such as Muon (Jordan et al. 2024) steps along the matrix nearest to the gradient whose
singular values are all 1. That is steepest descent in the spectral norm (Bernstein & Newhouse
2024), so its theory asks for smoothness in that norm, with the gradient measured in the dual one,
the nuclear norm:

    ||grad f(X) - grad f(Y)||_nuc <= L_spectral ||X - Y||_spec.

Since ||D||_spec <= ||D||_F <= ||D||_nuc, and ||D||_nuc <= k ||D||_spec for k the smaller side,
L <= L_spectral <= k L. Of f = L/2 ||W||_F**2 it is k L, attained where D is orthogonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.arithmetic import matmul, transpose
from problems.domain import Ball, Box, WholeSpace
from problems.matrix_product import product
from problems.notation import InputError, require
from problems.own import find
from problems.parameters import accepted_seed, flag, number, whole
from problems.problem import Constant, Problem, Stationary, derived, exact, problem, split
from problems.quadratic import hartley

__all__ = ["diagonal_lift", "matrix_quadratic", "matrix_sensing"]

Array = NDArray[np.float64]


# A quadratic


def _spectrum(side: str, kappa: Any, size: int, largest: float) -> Array:
    """Eigenvalues from the largest down, in equal ratios."""
    kappa = number(f"kappa_{side}", kappa, least=1, why="it is a condition number")
    require(size > 1 or kappa == 1, f"kappa_{side}={kappa!r} needs at least 2 {side}")
    values = np.geomspace(largest, largest / kappa, size)
    # The spacing rounds at its ends.
    values[0], values[-1] = largest, largest / kappa
    return values


@problem(
    source=("bernstein2024", "mirsky1975"),
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
)
def matrix_quadratic(
    *,
    rows: int = 4,
    columns: int = 3,
    kappa_rows: float = 10.0,
    kappa_columns: float = 10.0,
    L: float = 1.0,
    optimum: float = 0.0,
    rotated: bool = False,
    noise: float = 0.0,
) -> Problem:
    """Quadratic of a matrix, ill-conditioned from the left and from the right.

    f(W) = 1/2 tr((W - W*)' A (W - W*) B) with A and B symmetric and positive definite. A has the
    eigenvalues a_1 = 1 >= ... >= a_r = 1/kappa_rows, B has b_1 = L >= ... >= b_c =
    L/kappa_columns, each in equal ratios. All entries of W* are `optimum`. The eigenvectors u_i of
    A and v_j of B are the axes or, with `rotated`, the columns of the Hartley matrices (as of
    `quadratic`). With Y_ij = u_i'(W - W*) v_j f is 1/2 sum_ij a_i b_j Y_ij**2. The start is
    Y_ij = min(i, j): a matrix of full rank in which every eigendirection takes part.

    The gradient is A (W - W*) B. In the Frobenius norm the Hessian has the eigenvalues a_i b_j, so
    L = a_1 b_1, and mu = mu_pl = a_r b_c.

    In the spectral norm, with k the smaller side,

        L_spectral = a_1 b_1 + a_2 b_2 + ... + a_k b_k.

    Proof. Let ||D||_spec <= 1. ||A D B||_nuc is the largest tr(U' A D B) = tr(A M), M = D B U',
    over all U with ||U||_spec <= 1. As D and U do not stretch, the singular values of M are at most
    b_1, b_2, ..., and at most k are not 0. By von Neumann's trace inequality (Mirsky 1975) tr(A M)
    is at most the sum of the products of the singular values of A and M, both in decreasing order.
    For D = u_1 v_1' + ... + u_k v_k' the matrix A D B has the singular values a_i b_i: equality.

    For all condition numbers 1 that is k L. One row and one column, kappa_rows=1,kappa_columns=1,
    is L/2 (W - W*)**2.

    With `noise` s a round shows f(W) + s <Z, W> with Z of independent standard normal entries:
    the variance is rc s**2 everywhere, and E||g||_F**2 = rc s**2 + ||grad f||_F**2.
    """
    rows, columns = whole("rows", rows, 1), whole("columns", columns, 1)
    L, optimum = number("L", L, above=0), number("optimum", optimum)
    rotated, s = flag("rotated", rotated), number("noise", noise, least=0)
    left = _spectrum("rows", kappa_rows, rows, 1.0)
    right = _spectrum("columns", kappa_columns, columns, L)
    shape, size, smaller = (rows, columns), rows * columns, min(rows, columns)
    products = np.outer(left, right)
    turns = hartley(rows), hartley(columns)

    def turned(y: Array) -> Array:
        """From the eigenbasis, and back."""
        return matmul(matmul(turns[0], y), turns[1]) if rotated else y

    def coordinates(x: Any) -> Array:
        """Y, shape (..., r, c)."""
        return turned((x - optimum).reshape(*x.shape[:-1], *shape))

    def objective(x: Any) -> Any:
        y = coordinates(x)
        return 0.5 * (products * y * y).reshape(x.shape).sum(axis=-1)

    def slope(x: Any) -> Any:
        return turned(products * coordinates(x)).reshape(x.shape)

    def point(y: Array) -> Array:
        """The W of a Y, flat."""
        return optimum + turned(y).reshape(size)

    mu = float(products[-1, -1])
    centre = f"(W - {optimum:g})" if optimum else "W"
    formula = (
        f"f(W) = 1/2 tr({centre}' A {centre} B), eigenvalues of A from {left[-1]:g} to 1, "
        f"of B from {right[-1]:g} to {L:g}, geometrically" + (", rotated" if rotated else "")
    )
    constants = {
        "L": exact(L, "a_1 b_1, the largest product of eigenvalues"),
        "mu": exact(mu, "a_r b_c, the smallest product of eigenvalues"),
        "mu_pl": exact(mu, "a_r b_c, the smallest product of eigenvalues"),
        "L_spectral": exact(
            float((left[:smaller] * right[:smaller]).sum()),
            "sum_i a_i b_i, from W* along sum_i u_i v_i'",
            at=point(np.eye(rows, columns)),
        ),
        "minimum": exact(0.0, "A and B are positive definite"),
        "minimizer": exact(np.full(size, optimum)),
    }
    start = point(np.minimum.outer(np.arange(1.0, rows + 1), np.arange(1.0, columns + 1)))
    blocks = {"W": shape}
    if not s:
        return Problem(
            formula=formula,
            domain=WholeSpace(),
            start=start,
            blocks=blocks,
            loss_formula=lambda x, sample: objective(x),
            gradient_formula=lambda x, sample: slope(x),
            constants=constants,
        )

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        index = np.arange(size)[None, None, :]
        return draws.normal(seeds[None, :, None], rounds[:, None, None], index)

    variance = exact(size * s**2, "rc noise**2, at every point")
    return Problem(
        formula=f"{formula}; a round adds {s:g} <Z, W>, Z standard normal",
        domain=WholeSpace(),
        start=start,
        blocks=blocks,
        loss_formula=lambda x, z: objective(x) + s * (z * x).sum(axis=-1),
        gradient_formula=lambda x, z: slope(x) + s * z,
        samples=samples,
        stochastic=True,
        objective_formula=objective,
        objective_gradient_formula=slope,
        affine=True,
        noise_variance=s**2,
        constants={
            **constants,
            "L_max": exact(L, "a linear term leaves the Hessian as it is"),
            "sigma2": variance,
            "M": variance,
            "M_G": exact(1.0, "E||g||**2 = rc noise**2 + ||grad f||**2"),
        },
        unknown={"G": "the noise is unbounded", "G_inf": "the noise is unbounded"},
    )


# Sensing


def _sensing_constants(
    vectors: Array, shape: tuple[int, int], signal: Array
) -> dict[str, Constant]:
    """Those of 1/(2m) sum_i (<A_i, W - W*>)**2 for measurements A_i, flat, shape (m, n).

    Raises:
        InputError: The measurements are not in general position.
    """
    m, n = vectors.shape
    few = m < n
    # Not vectors @ vectors.T, whose last bits differ between machines. The smaller of the two.
    columns = np.ascontiguousarray(vectors.T)
    gram = (product(columns, vectors) if few else product(vectors, columns)) / m
    eigenvalues, directions = np.linalg.eigh(gram)
    # Sums and eigenvalues are off by some units times their lengths.
    error = 64 * (m + n) * float(np.finfo(float).eps) * float(eigenvalues.sum())
    least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    require(
        least > 1e3 * error,
        f"the {m} measurements of {n} entries are not in general position; take another seed",
    )
    flattest = product(vectors, directions[:, 0]) if few else directions[:, 0]
    flattest = flattest / np.sqrt((flattest * flattest).sum())
    nuclear = np.linalg.svd(vectors.reshape(m, *shape), compute_uv=False).sum(axis=-1)
    by_nuclear, by_frobenius = float((nuclear**2).mean()), min(shape) * (largest + error)
    how = "eigenvalue of 1/m sum_i vec(A_i) vec(A_i)'"
    positive = "positive " if few else ""
    known = {
        "L": Constant(largest, "computed", f"the largest {how}", error),
        "mu_pl": Constant(
            least, "computed", f"the least {positive}{how}", error, at=signal + flattest
        ),
        "L_spectral": (
            derived(by_frobenius, "L times the smaller side")
            if by_frobenius <= by_nuclear
            else derived(by_nuclear, "the mean of ||A_i||_nuc**2")
        ),
        "minimum": exact(0.0, "a sum of squares, all zero at W*"),
        "minimizer": exact(signal, "W*, which every measurement fits"),
    }
    return known if few else {**known, "mu": Constant(least, "computed", f"the least {how}", error)}


@problem(
    source="recht2010",
    tags=("convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
    tags_vary=True,
)
def matrix_sensing(
    *,
    rows: int = 4,
    columns: int = 3,
    rank: int = 1,
    measurements: int = 24,
    factored: bool = False,
    scale: float = 0.5,
    seed: int = 0,
) -> Problem:
    """Matrix sensing: a matrix of low rank from linear measurements.

    f(W) = 1/(2m) sum_i (<A_i, W> - b_i)**2 with b_i = <A_i, W*>. The A_i have fixed standard normal
    entries. W* is a fixed matrix of the given rank, a product U* V*' of normal draws scaled to
    ||W*||_F = 1. Recht, Fazel & Parrilo ask for the W of least nuclear norm that fits; here W is
    found by descent, and which W a method finds is its own bias if m is small.

    With S = 1/m sum_i vec(A_i) vec(A_i)' and e = vec(W - W*) f is 1/2 e'S e. So L is the largest
    eigenvalue of S. The least is mu, if there are as many measurements as entries. If there are
    fewer, f is flat along rc - m directions. Since ||S e||**2 >= s e'S e for the least positive
    eigenvalue s, mu_pl = s in either case. Two bounds of L_spectral hold, of which the smaller is
    stated. One is L times the smaller side k, from
    ||S D||_nuc <= sqrt(k) ||S D||_F <= sqrt(k) L ||D||_F <= k L ||D||_spec. The other is
    1/m sum_i ||A_i||_nuc**2, since S D = 1/m sum_i <A_i, D> A_i and
    <A_i, D> <= ||A_i||_nuc ||D||_spec.

    With `factored` W = U V', and the blocks are U of shape (rows, rank) and V of shape
    (columns, rank). That is not convex. The minimum 0 is attained at U*, V* and at every other pair
    with that product. U = V = 0 is stationary. There the Hessian is the quadratic form -2 <N, E F'>
    of directions (E, F), N = 1/m sum_i b_i A_i. Its eigenvalues are plus and minus each singular
    value of N, once for every column of U, and zeros: a strict saddle.

    The start is `scale` times fixed normal draws.
    """
    rows, columns = whole("rows", rows, 1), whole("columns", columns, 1)
    rank = whole("rank", rank, 1, min(rows, columns), why="it is that of a matrix of this shape")
    m = whole("measurements", measurements, 1)
    factored, scale = flag("factored", factored), number("scale", scale, above=0)
    seed = accepted_seed(seed)
    n, shape, factors = rows * columns, (rows, columns), {"U": (rows, rank), "V": (columns, rank)}
    both = rank * (rows + columns)
    # They belong to the problem: of round 0, which no run draws.
    drawn = draws.normal(seed, 0, np.arange(2 * both + n + m * n))
    pair, small, large, entries = np.split(drawn, [both, 2 * both, 2 * both + n])
    vectors = entries.reshape(m, n)
    turned = np.ascontiguousarray(vectors.T)

    def whole_of(x: Array) -> Array:
        """U V', flat."""
        parts = split(x, factors)
        return matmul(parts["U"], transpose(parts["V"])).reshape(*x.shape[:-1], n)

    pair = pair / (whole_of(pair) ** 2).sum() ** 0.25
    signal = whole_of(pair)
    targets = product(turned, signal)

    def loss(w: Array) -> Array:
        off = product(turned, w) - targets
        return 0.5 * (off * off).mean(axis=-1)

    def gradient(w: Array) -> Array:
        return product(vectors, product(turned, w) - targets) / m

    if not factored:
        constants = _sensing_constants(vectors, shape, signal)
        return Problem(
            formula=f"f(W) = 1/(2m) sum_i (<A_i, W - W*>)**2, m = {m}, W* of rank {rank}",
            domain=WholeSpace(),
            start=scale * large,
            blocks={"W": shape},
            loss_formula=lambda x, sample: loss(x),
            gradient_formula=lambda x, sample: gradient(x),
            constants=constants,
            unknown={} if "mu" in constants else {"mu": "fewer measurements than entries"},
            tags=("convex", "smooth"),
        )

    def factor_gradient(x: Array) -> Array:
        parts = split(x, factors)
        slope = gradient(whole_of(x)).reshape(*x.shape[:-1], *shape)
        of_u, of_v = matmul(slope, parts["V"]), matmul(transpose(slope), parts["U"])
        flat = [part.reshape(*x.shape[:-1], -1) for part in (of_u, of_v)]
        return np.concatenate(flat, axis=-1)

    singular = np.linalg.svd(gradient(np.zeros(n)).reshape(shape), compute_uv=False)
    curvature = [*singular, *(0.0 - singular), *[0.0] * abs(rows - columns)] * rank
    return Problem(
        formula=f"f(U, V) = 1/(2m) sum_i (<A_i, U V' - W*>)**2, m = {m}, W* of rank {rank}",
        domain=WholeSpace(),
        start=scale * small,
        blocks=factors,
        loss_formula=lambda x, sample: loss(whole_of(x)),
        gradient_formula=lambda x, sample: factor_gradient(x),
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at U*, V*"),
            "minimizer": exact(pair, "U*, V*, which every measurement fits"),
        },
        unknown={
            "L": "the curvature in U grows like ||V||**2",
            "mu": "f is not convex",
            "mu_pl": "the gradient vanishes at a saddle, above the minimum",
        },
        stationary=(
            Stationary(
                np.zeros(both),
                "saddle",
                "U = V = 0",
                curvature=tuple(sorted(map(float, curvature))),
            ),
        ),
        tags=("non-convex", "smooth", "saddle"),
    )


# One dimension, on the diagonal

#: By how much the constant of a sum over `size` entries exceeds that of one.
_GROWTH: dict[str, Callable[[int], float]] = {
    "G": sqrt,
    "sigma2": float,
    "M": float,
    "nonzeros": float,
    "minimum": float,
}
#: They follow from what is stated, and are not the same in more dimensions.
_FOLLOWING = ("1-D", "strongly-convex")


def _of_dimension_one(specification: Any) -> Problem:
    try:
        base = find(specification)
    except InputError as error:
        # If it is no text, the sentence of `find` begins like this one.
        named = f"problem={specification!r} names nothing to lift: "
        raise InputError(f"{named if isinstance(specification, str) else ''}{error}") from error
    require(
        base.dimension == 1,
        f"problem={specification!r} has dimension {base.dimension}; what is lifted has dimension 1",
    )
    return base


def _lifted_domain(base: Problem) -> WholeSpace | Box:
    domain = base.domain
    if isinstance(domain, Ball):
        return Box(-domain.radius, domain.radius)
    if isinstance(domain, (WholeSpace, Box)):
        return domain
    raise InputError(
        f"problem={base.specification!r} lives on {domain}; what is lifted lives on the whole line "
        "or on an interval"
    )


@problem(
    source=("jordan2024", "bernstein2024", "reddi2018, Theorem 1"),
    tags=("online", "convex", "linear", "smooth", "periodic", "counterexample"),
    tags_vary=True,
)
def diagonal_lift(*, problem: str = "reddi-2018-thm1", size: int = 2) -> Problem:
    """A problem of one dimension on each diagonal entry of a matrix.

    F(W) = f(W_11) + ... + f(W_nn) for the f of `problem`, the specification of any problem of
    dimension 1 (in quotes if it has parameters), and W of shape (n, n), n = `size`. The gradient is
    a diagonal matrix. Its singular values are the |f'(W_ii)|, so a method that changes nothing but
    singular values, each by itself, moves every W_ii as it moves a 1 x 1 matrix. Where it fails on
    f, it fails here.

    Every W_ii sees the same sample, and starts where f does; the other entries start at 0, or where
    the domain is nearest to 0. An interval becomes a box for all entries, so those off the diagonal
    are restricted as well, although f does not depend on them.

    Constants. The Hessian is diagonal, with f''(W_ii) and zeros. So L and L_max stay, and mu is 0,
    not stated, unless n = 1. mu_pl stays: ||grad F||**2 = sum_i f'(W_ii)**2 >= 2 mu_pl
    (F - F*). For D = X - Y the gradient changes in the nuclear norm by
    sum_i |f'(X_ii) - f'(Y_ii)| <= L sum_i |D_ii| <= n L ||D||_spec: L_spectral = n L. A sum of
    n squares is in question in ||grad F||**2 <= n G**2, in the variance n sigma2 and in
    E||g||**2 <= n M + M_G ||grad F||**2; G_inf and M_G stay. The minimum and the least sum of
    losses in hindsight are n times those of f. All are attained where all W_ii are equal and f
    attains its own, and so as exact as they are of f.
    """
    base, size = _of_dimension_one(problem), whole("size", size, 1)
    domain = _lifted_domain(base)
    elsewhere = float(domain.project(np.zeros(1))[0])

    def lifted(number: Any) -> Array:
        """The W with this number on the diagonal, flat."""
        point = np.full((size, size), elsewhere)
        np.fill_diagonal(point, np.asarray(number, float).reshape(()))
        return point.reshape(-1)

    def each(oracle: Callable[[Array, Any], Array], x: Array, sample: Any) -> Array:
        """The oracle of f at the diagonal entries, (..., n)."""
        diagonal = np.ascontiguousarray(x[..., :: size + 1])[..., None]
        if base.scalar:
            # A number for each lane, for all of its entries.
            lanes = sample if np.ndim(sample) == 0 else np.asarray(sample)[..., None]
            return np.ascontiguousarray(oracle(diagonal, lanes))
        values = [oracle(diagonal[..., i, :], sample) for i in range(size)]
        return np.stack(values, axis=-1)

    def loss_of(oracle: Callable[..., Array]) -> Callable[..., Array]:
        return lambda x, sample=None: each(oracle, x, sample).sum(axis=-1)

    def gradient_of(oracle: Callable[..., Array]) -> Callable[..., Array]:
        def gradient(x: Array, sample: Any = None) -> Array:
            whole_gradient = np.zeros(x.shape)
            slopes = each(lambda p, shown: oracle(p, shown)[..., 0], x, sample)
            whole_gradient[..., :: size + 1] = slopes
            return whole_gradient

        return gradient

    def judged(oracle: Callable[[Any], Array]) -> Callable[..., Array]:
        """An oracle without a sample, called like the others."""
        return lambda x, sample: oracle(x)

    constants = {}
    for letter, known in base.constants.items():
        if letter == "mu" and size > 1:
            continue
        factor = _GROWTH[letter](size) if letter in _GROWTH else 1.0
        value = lifted(known.value) if letter == "minimizer" else factor * known.value
        constants[letter] = replace(
            known,
            value=value,
            how=f"{known.how}; on the diagonal",
            tolerance=factor * known.tolerance,
            at=None if known.at is None else lifted(known.at),
        )
    if smooth := base.constants.get("L"):
        constants["L_spectral"] = replace(
            constants["L"],
            value=size * smooth.value,
            how="n L, along the unit matrix",
            tolerance=size * smooth.tolerance,
        )
    unknown = dict(base.unknown)
    if size > 1:
        unknown["mu"] = "f does not depend on the entries off the diagonal"
    flat = [0.0] * (size * size - size)
    hindsight = base.hindsight_formula
    return Problem(
        formula=f"F(W) = sum_i f(W_ii) over {size} diagonal entries; {base.formula}",
        domain=domain,
        start=lifted(base.start),
        blocks={"W": (size, size)},
        loss_formula=loss_of(base.loss),
        gradient_formula=gradient_of(base.gradient),
        samples=base.samples,
        stochastic=base.stochastic,
        objective_formula=base.objective_formula and loss_of(judged(base.objective)),
        objective_gradient_formula=base.objective_gradient_formula
        and gradient_of(judged(base.objective_gradient)),
        hindsight_formula=hindsight
        and (lambda rounds, seeds: size * np.asarray(hindsight(rounds, seeds))),
        constants=constants,
        unknown=unknown,
        stationary=tuple(
            replace(
                known,
                point=lifted(known.point),
                curvature=known.curvature
                and tuple(sorted([*flat, *[float(c) for c in known.curvature] * size])),
            )
            for known in base.stationary
        ),
        outcomes=base.outcomes,
        affine=base.affine,
        tags=tuple(tag for tag in base.tags if tag not in _FOLLOWING),
        by_differences=base.by_differences,
        exact_gradient_cost=base.exact_gradient_cost,
        shows=base,
    )
