"""Small non-convex models: a factorisation, phase retrieval, a deep linear chain, a network."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.batches import accepted_batch, drawn_rows, in_blocks, row_outcomes
from problems.domain import WholeSpace
from problems.notation import require
from problems.parameters import accepted_seed, number, numbers, whole
from problems.problem import Constant, Problem, Stationary, exact, problem

__all__ = ["deep_linear_network", "matrix_factorization", "phase_retrieval", "tanh_network"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

_NO_PL = "the gradient vanishes at a saddle, above the minimum"


def _fixed_normal(count: int, seed: int) -> Array:
    """Standard normal numbers that belong to the problem: of round 0, which no run draws."""
    return draws.normal(seed, 0, np.arange(count))


# Matrix factorisation


def _reflection(size: int) -> Array:
    """I - 2/n 1 1': orthogonal, and dense for n > 2."""
    return np.eye(size) - 2.0 / size


def _factor_curvature(sigma: Array, fitted: int, width: int, larger: int) -> tuple[float, ...]:
    """The eigenvalues of the Hessian where the first `fitted` singular pairs are fitted.

    Args:
        sigma: All singular values, zeros included.
        fitted: How many are fitted, each by a column of its own.
        width: The number of columns.
        larger: The larger side of the matrix.
    """
    used, rest = sigma[:fitted], sigma[fitted:]
    beyond = larger - sigma.size
    eigenvalues = [a + b for a in used for b in used] + [0.0] * fitted**2
    for a in used:
        eigenvalues += [*(a + rest), *(a - rest), *[a] * beyond]
    idle = [*rest, *(0.0 - rest), *[0.0] * (beyond + 2 * fitted)]
    eigenvalues += idle * (width - fitted)
    return tuple(sorted(float(v) for v in eigenvalues))


@problem(source="baldi1989", tags=("non-convex", "smooth", "saddle"))
def matrix_factorization(
    *,
    rows: int = 4,
    columns: int = 3,
    width: int = 2,
    singular_values: Any = (2, 1),
    scale: float = 0.1,
    seed: int = 0,
) -> Problem:
    """Low-rank factorisation of a matrix, with a saddle for each singular pair not yet learned.

    f(U, V) = 1/2 ||U V' - M||_F**2 with U of shape (rows, width), V of shape (columns, width)
    and M = sum_k s_k a_k b_k' of the given singular values s_1 >= s_2 >= ... > 0; x holds U, then
    V, row by row. a_k and b_k are the columns of the reflections I - 2/n 1 1'. The best fit of
    rank `width` keeps the largest singular values (Eckart & Young), so the minimum is half the sum
    of the squares of the others: 0 if width is at least the rank.

    Fitting the first k pairs, U = (sqrt(s_1) a_1, ..., sqrt(s_k) a_k, 0, ...) and V alike, is
    stationary: a minimum if k is the smaller of width and rank, else a strict saddle. With
    (E, F) a direction and R = U V' - M, the Hessian is the quadratic form
    ||E V' + U F'||**2 + 2 <R, E F'>. In the bases a and b it falls apart into forms of two
    coordinates: s_i + s_j and 0 for i, j <= k; s_i + s_j and s_i - s_j for i <= k < j (s_i alone
    where j exceeds the smaller side); +s_j and -s_j for j > k in each column that is still 0, and
    zeros. At U = V = 0 only the last kind is left: the curvature -s_1 leads away.

    The start is `scale` times fixed normal draws: near that saddle, as usual for this model.
    """
    rows, columns = whole("rows", rows, 1), whole("columns", columns, 1)
    width = whole("width", width, 1)
    values = numbers("singular_values", singular_values)
    smaller = min(rows, columns)
    require(
        len(values) <= smaller and min(values) > 0 and values == sorted(values, reverse=True),
        f"singular_values={singular_values!r} must be positive and not increase, "
        f"at most {smaller} of them",
    )
    scale, seed = number("scale", scale, above=0), accepted_seed(seed)
    rank = len(values)
    sigma = np.array(values + [0.0] * (smaller - rank))
    left, right = _reflection(rows)[:, :rank], _reflection(columns)[:, :rank]
    matrix = (left * sigma[:rank]) @ right.T
    split, size = rows * width, (rows + columns) * width

    # With lanes along the last axis all is done element by element: small matrices are quick, and
    # a lane rounds alone as it does among others.
    def factors(x: Array) -> tuple[Array, Array, Array]:
        turned = np.ascontiguousarray(x.T)
        u = turned[:split].reshape(rows, width, len(x))
        v = turned[split:].reshape(columns, width, len(x))
        products = (u[:, None, k] * v[None, :, k] for k in range(width))
        return u, v, sum(products, -matrix[..., None])

    def loss(x: Array) -> Array:
        residual = np.ascontiguousarray(factors(x)[2].reshape(rows * columns, len(x)).T)
        return 0.5 * (residual * residual).sum(axis=-1)

    def gradient(x: Array) -> Array:
        u, v, residual = factors(x)
        slope = np.zeros((rows + columns, width, len(x)))
        for j in range(columns):
            slope[:rows] += residual[:, j, None] * v[j]
        for i in range(rows):
            slope[rows:] += residual[i, :, None] * u[i]
        return np.ascontiguousarray(slope.reshape(size, len(x)).T)

    def fit(count: int) -> Array:
        chosen = np.zeros(width)
        chosen[:count] = np.sqrt(sigma[:count])
        point = np.zeros((rows + columns, width))
        point[:, :count] = np.concatenate([left[:, :count], right[:, :count]])
        return (point * chosen).reshape(-1)

    best = min(width, rank)
    per_lane = rows * columns + size
    return Problem(
        formula="f(U, V) = 1/2 ||U V' - M||_F**2, M of singular values "
        + ", ".join(f"{s:g}" for s in values),
        domain=WholeSpace(),
        start=scale * _fixed_normal(size, seed),
        loss_formula=lambda x, sample: in_blocks(loss, per_lane, x),
        gradient_formula=lambda x, sample: in_blocks(gradient, per_lane, x),
        constants={
            "minimum": exact(
                0.5 * float((sigma[best:] ** 2).sum()), "1/2 the squares of the s_k beyond width"
            ),
            "minimizer": exact(fit(best), "the largest singular pairs, balanced"),
        },
        unknown={"L": "the curvature in U grows like ||V||**2", "mu_pl": _NO_PL},
        stationary=tuple(
            Stationary(
                fit(k),
                "saddle",
                f"{k} of {best} singular pairs are fitted",
                curvature=_factor_curvature(sigma, k, width, max(rows, columns)),
                tolerance=1e-15 * (1 + np.sqrt(sigma[0])),
            )
            for k in range(best)
        ),
    )


# Means over examples


def _sampled(
    batch: Any,
    examples: int,
    floats: int,
    value: Callable[..., Array],
    gradient: Callable[..., Array],
    *,
    formula: str,
    start: Array,
    constants: dict[str, Constant],
    unknown: dict[str, str],
    stationary: tuple[Stationary, ...],
) -> Problem:
    """The problem of a mean over examples, by full gradients or by mini-batches.

    Args:
        batch: "full", or how many examples are drawn, with replacement.
        examples: The number of examples.
        floats: What is held of one example for one lane, about.
        value: (x, rows) -> the mean loss of these examples, of all if no rows are given; x has
            the shape (lanes, n), rows (lanes, batch).
        gradient: (x, rows) -> its gradient.
        formula: The objective as text.
        start: The start point.
        constants: What does not depend on the batch, as the other two.
        unknown: Reasons for letters that cannot be given.
        stationary: Known stationary points.
    """

    def objective(x: Array) -> Array:
        return in_blocks(value, examples * floats, x)

    def objective_gradient(x: Array) -> Array:
        return in_blocks(gradient, examples * floats, x)

    size = accepted_batch(batch)
    if size is None:
        return Problem(
            formula=formula,
            domain=WholeSpace(),
            start=start,
            loss_formula=lambda x, sample: objective(x),
            gradient_formula=lambda x, sample: objective_gradient(x),
            constants=constants,
            unknown=unknown,
            stationary=stationary,
        )

    return Problem(
        formula=formula + f"; gradients of {size} examples drawn with replacement",
        domain=WholeSpace(),
        start=start,
        loss_formula=lambda x, rows: in_blocks(value, size * floats, x, rows),
        gradient_formula=lambda x, rows: in_blocks(gradient, size * floats, x, rows),
        samples=drawn_rows(size, examples),
        stochastic=True,
        objective_formula=objective,
        objective_gradient_formula=objective_gradient,
        outcomes=lambda: row_outcomes(size, examples),
        constants=constants,
        unknown=unknown,
        stationary=stationary,
        exact_gradient_cost=examples / size,
    )


# Phase retrieval


@problem(
    source=("candes2015", "sun2018"),
    tags=("non-convex", "smooth", "finite-sum", "interpolation", "saddle"),
)
def phase_retrieval(
    *,
    dimension: int = 5,
    measurements: int = 30,
    batch: Any = "full",
    scale: float = 0.5,
    seed: int = 0,
) -> Problem:
    """Phase retrieval: a signal from the squares of its measurements, whose signs are lost.

    f(x) = 1/(4m) sum_i ((a_i.x)**2 - y_i)**2 with y_i = (a_i.x*)**2, for fixed normal draws
    a_i and a fixed unit vector x*. The minimum 0 is attained at x* and -x*, for every
    measurement at once. The gradient is 1/m sum_i ((a_i.x)**2 - y_i) (a_i.x) a_i and the
    Hessian 1/m sum_i (3 (a_i.x)**2 - y_i) a_i a_i'. So 0 is stationary with the Hessian
    -S, S = 1/m sum_i y_i a_i a_i' of full rank: a local maximum. At x* and -x* the Hessian is 2S.

    batch="full" shows the objective, a number the mean over so many measurements drawn with
    replacement. The start is `scale` times fixed normal draws.
    """
    dimension = whole("dimension", dimension, 1)
    measurements = whole("measurements", measurements, dimension)
    accepted_batch(batch)
    scale, seed = number("scale", scale, above=0), accepted_seed(seed)
    drawn = _fixed_normal(dimension * (measurements + 2), seed)
    signal, start, rest = np.split(drawn, [dimension, 2 * dimension])
    signal = signal / np.linalg.norm(signal)
    vectors = rest.reshape(measurements, dimension)
    squares = (vectors * signal).sum(axis=-1) ** 2
    sharpness = np.linalg.eigvalsh((vectors.T * squares) @ vectors / measurements)
    require(
        sharpness[0] > 0,
        f"seed={seed!r} gives measurements that do not span the space; take another",
    )
    columns = np.ascontiguousarray(vectors.T)

    def measured(x: Array, chosen: Rows | None) -> tuple[Array, Array, Array]:
        """The vectors a as columns, the scores a.x and what their squares are off."""
        a, y = columns, squares
        if chosen is not None:
            a, y = (
                np.ascontiguousarray(np.swapaxes(vectors.take(chosen, axis=0), -1, -2)),
                squares[chosen],
            )
        score = (a * x[..., None]).sum(axis=-2)
        return a, score, score * score - y

    def loss(x: Array, chosen: Rows | None = None) -> Array:
        off = measured(x, chosen)[2]
        return 0.25 * (off * off).mean(axis=-1)

    def gradient(x: Array, chosen: Rows | None = None) -> Array:
        a, score, off = measured(x, chosen)
        return (a * (off * score)[..., None, :]).mean(axis=-1)

    return _sampled(
        batch,
        measurements,
        dimension,
        loss,
        gradient,
        formula=f"f(x) = 1/(4m) sum_i ((a_i.x)**2 - (a_i.x*)**2)**2, m = {measurements}",
        start=scale * start,
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at x*"),
            "minimizer": exact(signal, "x*, which every measurement fits"),
        },
        unknown={
            "L": "the Hessian grows like ||x||**2",
            "mu_pl": "the gradient vanishes at 0, above the minimum",
        },
        stationary=(
            Stationary(
                np.zeros(dimension),
                "maximum",
                "the Hessian -1/m sum_i y_i a_i a_i'",
                curvature=tuple((-sharpness[::-1]).tolist()),
            ),
            Stationary(
                -signal,
                "minimum",
                "the sign is lost",
                curvature=tuple((2 * sharpness).tolist()),
            ),
        ),
    )


# Networks


@problem(source=("saxe2014", "kawaguchi2016"), tags=("non-convex", "smooth", "saddle"))
def deep_linear_network(*, start: Any = (0.1, 0.2, 0.3)) -> Problem:
    """A chain of linear neurons that learns the number 1.

    f(w) = 1/2 (P - 1)**2 with P = w_1 w_2 ... w_d, one weight for each number of `start`.
    df/dw_i = (P - 1) P_i, where P_i is the product of the other weights. So w is stationary
    exactly if P = 1, a surface of global minima, or two weights vanish: then f = 1/2.

    Where P = 1 the Hessian is g g' with g_i = 1/w_i: its one eigenvalue besides zeros is
    sum_i 1/w_i**2, which is d, its least, where all |w_i| = 1, and is unbounded. Where two weights
    vanish the Hessian holds minus the product of the d - 2 others in the two places that belong
    to both, and zeros: a strict saddle if none of the others is 0. At the origin it is zero for
    d >= 3: a saddle that is not strict, beside which f - 1/2 = -P + P**2/2 is of the order
    ||w||**d and takes both signs.
    """
    weights = np.array(numbers("start", start, 2))
    depth = weights.size

    def others(w: Any) -> Any:
        """P_i for each i: the product before times the product behind."""
        one = np.ones_like(w[..., :1])
        before = np.concatenate([one, w[..., :-1]], axis=-1).cumprod(axis=-1)
        behind = np.concatenate([one, w[..., :0:-1]], axis=-1).cumprod(axis=-1)
        return before * behind[..., ::-1]

    def loss(w: Any, sample: Any) -> Any:
        off = w.cumprod(axis=-1)[..., -1] - 1.0
        return 0.5 * (off * off)

    def gradient(w: Any, sample: Any) -> Any:
        return (w.cumprod(axis=-1)[..., -1:] - 1.0) * others(w)

    origin = (-1.0, 1.0) if depth == 2 else (0.0,) * depth
    zeros = (0.0,) * (depth - 2)
    steep = np.ones(depth)
    steep[:2] = 2.0, 0.5
    stationary = [
        Stationary(np.zeros(depth), "saddle", "f = 1/2 - P + P**2/2", curvature=origin),
        Stationary(
            steep,
            "minimum",
            "a steeper one: sum_i 1/w_i**2 = d + 9/4",
            curvature=(0.0, *zeros, depth + 2.25),
        ),
    ]
    if depth > 2:
        two = np.ones(depth)
        two[:2] = 0.0
        stationary.append(
            Stationary(two, "saddle", "two weights vanish", curvature=(-1.0, *zeros, 1.0))
        )
    return Problem(
        formula=f"f(w) = 1/2 (w_1 ... w_{depth} - 1)**2",
        domain=WholeSpace(),
        start=weights,
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "a square, zero where the product is 1"),
            "minimizer": exact(np.ones(depth), "the flattest of the minima"),
        },
        unknown={"L": "the curvature in w_i is P_i**2, without bound", "mu_pl": _NO_PL},
        stationary=tuple(stationary),
    )


@functools.cache
def _digits() -> tuple[Array, Rows]:
    # scikit-learn takes a second to import: only this problem pays for it.
    from sklearn.datasets import load_digits

    data, target = load_digits(return_X_y=True)
    return data / 16.0, target


@dataclass(frozen=True)
class _Network:
    """Softmax cross-entropy of scores V' tanh(W' a + b) + c, with x = (W, b, V, c) in rows.

    Attributes:
        features: The rows a.
        labels: The class of each.
        hidden: The number of tanh units.
        classes: The number of scores.
    """

    features: Array
    labels: Rows
    hidden: int
    classes: int

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        return (
            (self.features.shape[1], self.hidden),
            (1, self.hidden),
            (self.hidden, self.classes),
            (1, self.classes),
        )

    @property
    def size(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    def _layers(self, x: Array) -> list[Array]:
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        parts = np.split(x, ends, axis=-1)
        return [p.reshape(-1, *shape) for p, shape in zip(parts, self.shapes, strict=True)]

    def _forward(self, x: Array, rows: Rows | None) -> tuple[Array, Array, Array, Array, Array]:
        """The inputs, hidden values, shifted scores, their exponentials and the places of labels.

        The products are stacks of one matrix product for each lane.
        """
        inputs, labels = self.features, self.labels
        if rows is not None:
            inputs, labels = inputs.take(rows, axis=0), labels[rows]
        first, bias, second, offset = self._layers(x)
        hidden = np.tanh(np.matmul(inputs, first) + bias)
        scores = np.matmul(hidden, second) + offset
        scores -= scores.max(axis=-1, keepdims=True)
        places = labels[..., None] == np.arange(self.classes)
        return inputs, hidden, scores, np.exp(scores), places

    def value(self, x: Array, rows: Rows | None = None) -> Array:
        """The mean loss of the rows, of all examples if there are none; shape (lanes,)."""
        _, _, scores, sizes, places = self._forward(x, rows)
        chosen = np.where(places, scores, 0.0).sum(axis=-1)
        return (np.log(sizes.sum(axis=-1)) - chosen).mean(axis=-1)

    def gradient(self, x: Array, rows: Rows | None = None) -> Array:
        """Its gradient, by backpropagation; shape (lanes, n)."""
        inputs, hidden, scores, sizes, places = self._forward(x, rows)
        residual = (sizes / sizes.sum(axis=-1, keepdims=True) - places) / scores.shape[-2]
        second = self._layers(x)[2]
        back = np.matmul(residual, np.swapaxes(second, -1, -2)) * (1.0 - hidden * hidden)
        parts = (
            np.matmul(np.swapaxes(inputs, -1, -2), back),
            back.sum(axis=-2),
            np.matmul(np.swapaxes(hidden, -1, -2), residual),
            residual.sum(axis=-2),
        )
        return np.concatenate([part.reshape(len(x), -1) for part in parts], axis=-1)

    def silent(self) -> Stationary:
        """The saddle where all weights are zero and the offsets give the class frequencies."""
        onehot = self.labels[:, None] == np.arange(self.classes)
        share = onehot.mean(axis=0)
        point = np.zeros(self.size)
        point[-self.classes :] = np.log(share)
        extended = np.concatenate([self.features, np.ones((self.labels.size, 1))], axis=1)
        coupling = extended.T @ (share - onehot) / self.labels.size
        s = np.linalg.svd(coupling, compute_uv=False)
        idle = self.features.shape[1] + 1 + self.classes - 2 * s.size
        unit = [*-s, *s, *[0.0] * idle]
        top = np.linalg.eigvalsh(np.diag(share) - np.outer(share, share))
        return Stationary(
            point,
            "saddle",
            "all weights 0, c the logarithms of the class frequencies",
            curvature=tuple(sorted(float(v) for v in [*unit * self.hidden, *top])),
            tolerance=1e-15,
        )


@problem(
    source=("rumelhart1986", "pedregosa2011, the copy of the data"),
    tags=("non-convex", "smooth", "finite-sum", "real-data", "saddle"),
)
def tanh_network(
    *, hidden: int = 16, batch: Any = "full", examples: Any = None, seed: int = 0
) -> Problem:
    """A tanh network with one hidden layer on the handwritten digits.

    f = mean_i (log sum_k exp(s_ik) - s_{i, y_i}) with the scores s_i = V' tanh(W' a_i + b) + c of
    1797 images of 8 x 8 grey values in [0, 1], in ten classes; x holds W, b, V, c, row by row.
    `examples` keeps only so many of the first images. The start draws W and V from
    normal numbers over sqrt(64) and sqrt(hidden); b and c are 0. batch="full" shows f, a number
    the mean over so many images drawn with replacement.

    No L exists: at W = 0, b = 0 the scores do not depend on V, and the curvature in W is
    the mean of a a' times V (diag(p) - p p') V', which grows like ||V||**2. The least value is not
    known; f > 0 everywhere.

    One saddle is known: W = 0, b = 0, V = 0 and c the logarithms of the class frequencies p.
    The residuals p - e_{y_i} have mean 0 there, so all derivatives vanish. The scores move to
    second order with W, b and V, so each hidden unit adds the form that couples its weights
    (w, b) with its row of V by C = mean_i (a_i, 1) (p - e_{y_i})': the eigenvalues -s and s for
    each singular value s of C, and zeros. c adds those of diag(p) - p p'.
    """
    hidden = whole("hidden", hidden, 1)
    features, labels = _digits()
    total = labels.size
    count = total
    if examples is not None:
        count = whole("examples", examples, 10, total, why="left out, it is all of them")
    accepted_batch(batch)
    seed = accepted_seed(seed)
    # The first ten images are the ten digits, so that every class has an example.
    network = _Network(features[:count], labels[:count], hidden, 10)
    weights = features.shape[1] * hidden
    normal = _fixed_normal(weights + hidden * 10, seed)
    start = np.concatenate(
        [
            normal[:weights] / np.sqrt(features.shape[1]),
            np.zeros(hidden),
            normal[weights:] / np.sqrt(hidden),
            np.zeros(10),
        ]
    )
    return _sampled(
        batch,
        count,
        features.shape[1] + hidden + 10,
        network.value,
        network.gradient,
        formula="f(W, b, V, c) = mean_i cross-entropy of V' tanh(W' a_i + b) + c, "
        f"{hidden} units, n = {count}",
        start=start,
        constants={},
        unknown={
            "L": "none exists: at W = 0, b = 0 the curvature in W grows like ||V||**2",
            "G": "none exists: at W = 0, b = 0 the gradient in W grows like ||V||",
            "mu_pl": _NO_PL,
            "minimum": "not known; f > 0 everywhere",
        },
        stationary=(network.silent(),),
    )
