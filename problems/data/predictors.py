"""Mean losses of linear predictors over examples, by all of them or by chosen rows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logsumexp

from problems.batches import in_blocks
from problems.data.row_products import row_scores, row_sums
from problems.data.scores import Score
from problems.matrix_product import product
from problems.problem import Examples

__all__ = ["Linear", "Matrix", "Softmax", "Spectrum", "times"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Matrix: TypeAlias = Any  # a dense array or a sparse row matrix, both with @, .T and row indexing

_EPS = float(np.finfo(float).eps)


def times(matrix: Matrix, vectors: Array) -> Array:
    """Matrix @ v for every v along the last axis, lane by lane.

    A product with all lanes at once would round differently for different numbers of lanes.
    """
    if sparse.issparse(matrix):
        # Row by row over all lanes at once: each lane's terms are added in the same order.
        flat = np.ascontiguousarray(vectors.reshape(-1, vectors.shape[-1]).T)
        products = np.ascontiguousarray((matrix @ flat).T)
        return products.reshape(*vectors.shape[:-1], matrix.shape[0])
    return np.matmul(matrix, vectors[..., None])[..., 0]


def _squares(features: Matrix) -> Matrix:
    return features.multiply(features) if sparse.issparse(features) else features**2


@dataclass(frozen=True)
class Spectrum:
    """What is known of the eigenvalues of A'A / m, for m examples.

    Attributes:
        least: The least eigenvalue, or a lower bound on it.
        largest: The largest, or an upper bound.
        least_exact: Whether the least is known to nine digits.
        largest_exact: Whether the largest is.
        how: The largest, as text.
    """

    least: float
    largest: float
    least_exact: bool
    largest_exact: bool
    how: str


def _spectrum(features: Matrix, square_norms: Array) -> Spectrum:
    examples, n = features.shape
    if n <= 2000:
        gram = features.T @ features
        gram = gram.toarray() if sparse.issparse(gram) else gram
        eigenvalues = np.linalg.eigvalsh(gram)
        least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
        # Forming the products and finding the eigenvalues moves each by at most so much.
        rounding = (examples + n) * _EPS * float(square_norms.sum())
        clear = rounding <= 1e-9 * least
        least = least if clear else max(0.0, least - rounding)
        return Spectrum(least / examples, largest / examples, clear, True, "lambda_max(A'A) / n")
    size = abs(features)
    by_sums = float(size.sum(axis=0).max() * size.sum(axis=1).max()) / examples
    by_trace = float(square_norms.mean())
    if by_sums <= by_trace:
        return Spectrum(0.0, by_sums, False, False, "||A||_1 ||A||_inf / n")
    return Spectrum(0.0, by_trace, False, False, "mean ||a_i||**2")


class _Examples:
    """What constants need to know of a matrix of features."""

    features: Matrix

    @functools.cached_property
    def square_norms(self) -> Array:
        """||a_i||**2 for each example."""
        return np.asarray(_squares(self.features).sum(axis=1), float).reshape(-1)

    @functools.cached_property
    def spectrum(self) -> Spectrum:
        """The extreme eigenvalues of A'A / m."""
        return _spectrum(self.features, self.square_norms)

    @property
    def examples(self) -> int:
        """The number m of examples."""
        return int(self.features.shape[0])

    @functools.cached_property
    def mean_square(self) -> float:
        """The mean of ||a_i||**2."""
        return float(_squares(self.features).sum()) / self.examples


@dataclass(frozen=True, eq=False)
class Linear(_Examples):
    """The mean of l(a.w, y) over examples (a, y).

    Attributes:
        features: The rows a, dense, or sparse by rows with columns that increase.
        targets: The y.
        score: The loss l of a score.
    """

    features: Matrix
    targets: Array
    score: Score

    @property
    def size(self) -> int:
        """The number of weights."""
        return int(self.features.shape[1])

    def drawn(self, ridge: float, gradient: Callable[[Any, Any], Any]) -> Examples | None:
        """What a compiled loop needs to know of the mini-batches that a gradient is of."""
        a = self.features
        if sparse.issparse(a) and not (a.format == "csr" and a.has_canonical_format):
            return None
        return Examples(a, self.targets, self.score.slope, ridge, gradient)

    @property
    def curvature(self) -> float | None:
        """A bound on |l''|, None if there is none."""
        return self.score.curvature

    @property
    def slope_square(self) -> float | None:
        """A bound on the squared slope, None if there is none."""
        return self.score.slope_square

    @property
    def curved_at_zero(self) -> bool:
        """Whether w = 0 attains the bound on the curvature for all examples at once."""
        return self.score.curved_at_zero

    @functools.cached_property
    def _transposed(self) -> Matrix:
        if sparse.issparse(self.features):
            return self.features.T.tocsr()
        return np.ascontiguousarray(self.features.T)

    def scores(self, w: Array) -> Array:
        """a.w for every example: the same bits as in a mini-batch.

        At the kink of a loss the last bit decides which slope an example has, and the mean over
        all mini-batches must be the whole.
        """
        if sparse.issparse(self.features):
            return times(self.features, w)
        return product(self._transposed, w)

    def value(self, w: Array) -> Array:
        """The mean over all examples; shape (...) for w of shape (..., n)."""

        def block(w: Array) -> Array:
            return self.score.value(self.scores(w), self.targets).mean(axis=-1)

        return in_blocks(block, self.examples, w)

    def gradient(self, w: Array) -> Array:
        """Its gradient."""

        def block(w: Array) -> Array:
            slopes = self.score.slope(self.scores(w), self.targets)
            if sparse.issparse(self.features):
                return times(self._transposed, slopes) / self.examples
            return product(self.features, slopes) / self.examples

        return in_blocks(block, self.examples, w)

    def _chosen(self, rows: Rows) -> tuple[Rows, Rows, Matrix]:
        """The chosen rows of sparse features one below the other; of each entry, row and lane."""
        chosen = self.features[rows.reshape(-1)]
        row = np.repeat(np.arange(rows.size), np.diff(chosen.indptr))
        return row, row // rows.shape[-1], chosen

    def _scores_of(self, w: Array, rows: Rows) -> Array:
        if sparse.issparse(self.features):
            row, lane, chosen = self._chosen(rows)
            terms = chosen.data * w[lane, chosen.indices]
            return np.asarray(np.bincount(row, terms, rows.size), float).reshape(rows.shape)
        return row_scores(self.features, rows, w)

    def batch_value(self, w: Array, rows: Rows) -> Array:
        """The mean over chosen rows, of shape (..., batch)."""

        def block(w: Array, rows: Rows) -> Array:
            return self.score.value(self._scores_of(w, rows), self.targets[rows]).mean(axis=-1)

        return in_blocks(block, self._per_lane(rows), w, rows)

    def _per_lane(self, rows: Rows) -> int:
        """The floats of the largest temporary array of a mini-batch, for one lane."""
        if sparse.issparse(self.features):
            return rows.shape[-1] * self.size
        return max(rows.shape[-1], self.size)

    def batch_gradient(self, w: Array, rows: Rows) -> Array:
        """Its gradient."""

        def block(w: Array, rows: Rows) -> Array:
            slopes = self.score.slope(self._scores_of(w, rows), self.targets[rows])
            slopes = slopes / rows.shape[-1]
            if sparse.issparse(self.features):
                row, lane, chosen = self._chosen(rows)
                terms = chosen.data * slopes.reshape(-1)[row]
                places = lane * self.size + chosen.indices
                sums = np.bincount(places, terms, len(w) * self.size)
                return np.asarray(sums, float).reshape(w.shape)
            return row_sums(self.features, rows, slopes)

        return in_blocks(block, self._per_lane(rows), w, rows)

    def hessian_times(self, w: Array) -> Callable[[Array], Array]:
        """V -> Hessian(w) v."""
        weights = self.score.second(self.features @ w, self.targets) / self.examples
        return lambda v: self.features.T @ (weights * (self.features @ v))

    def hessian(self, w: Array, weights: Array) -> Array:
        """The Hessian of the weighted sum of losses, for dense features."""
        bent = weights * self.score.second(self.features @ w, self.targets)
        return (self.features.T * bent) @ self.features

    def rounding(self, w: Array) -> tuple[float, float]:
        """How far value(w), and gradient(w) in norm, may be off by rounding, to first order."""
        scores = self.features @ w
        size = abs(self.features) @ abs(w) + abs(self.targets)
        slopes = abs(self.score.slope(scores, self.targets))
        bent = abs(self.score.second(scores, self.targets))
        norms = np.sqrt(self.square_norms)
        unit = (64 + self.size) * _EPS
        value = unit * (abs(self.score.value(scores, self.targets)) + slopes * size).mean()
        sums = self.examples * _EPS * (slopes * norms).mean()
        return float(value), float(sums + unit * ((slopes + bent * size) * norms).mean())


# With the classes as first axis numpy takes a step for each class and not for each example

# Of more terms numpy adds up halves.
_MOST_TERMS = 128


def _classes_first(scores: Array) -> Array:
    """A copy with the last axis as the first."""
    return np.array(np.moveaxis(scores, -1, 0), order="C")


def _sum_of_classes(terms: Array) -> Array:
    """The sum along the first axis, with the bits of numpy's sum along a last axis."""
    count = len(terms)
    if count > _MOST_TERMS:
        return np.asarray(np.ascontiguousarray(np.moveaxis(terms, 0, -1)).sum(axis=-1))
    if count < 8:
        total, done = terms[0], 1
    else:
        a, done = terms[:8].copy(), 8
        while done + 8 <= count:
            a += terms[done : done + 8]
            done += 8
        total = ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]))
    for each in terms[done:]:
        total = total + each
    return total


def _softmax(scores: Array) -> Array:
    """The bits of `scipy.special.softmax` along the last axis."""
    terms, found = _classes_first(scores), np.empty(scores.shape)
    terms -= terms.max(axis=0)
    np.exp(terms, out=terms)
    np.divide(terms, _sum_of_classes(terms), out=np.moveaxis(found, -1, 0))
    return found


def _log_sum_exp(scores: Array) -> Array:
    """The bits of `scipy.special.logsumexp` along the last axis."""
    terms = _classes_first(scores)
    top = terms.max(axis=0)
    if not np.isfinite(top).all():
        return np.asarray(logsumexp(scores, axis=-1))
    largest = terms == top
    count = largest.sum(axis=0).astype(float)
    terms -= top
    terms[largest] = -np.inf
    np.exp(terms, out=terms)
    return np.asarray(np.log1p(_sum_of_classes(terms) / count) + np.log(count) + top)


@dataclass(frozen=True, eq=False)
class Softmax(_Examples):
    """The mean of log sum_k exp(a.w_k) - a.w_y, with w the columns w_k one after another.

    In the scores the Hessian diag(p) - p p' is at most 1/2, and the gradient p - e_y has a
    squared norm of at most 2.
    """

    features: Array
    labels: NDArray[np.intp]
    classes: int
    curvature: float = 0.5
    slope_square: float = 2.0
    curved_at_zero: bool = False

    @property
    def size(self) -> int:
        """The number of weights."""
        return self.features.shape[1] * self.classes

    def drawn(self, ridge: float, gradient: Callable[[Any, Any], Any]) -> None:
        """Nothing: a loss of several scores has no slope."""

    def _scores(self, features: Array, w: Array) -> Array:
        shaped = w.reshape(*w.shape[:-1], self.features.shape[1], self.classes)
        return np.matmul(features, shaped)

    @staticmethod
    def _loss(scores: Array, labels: NDArray[np.intp]) -> Array:
        chosen = np.take_along_axis(scores, labels[..., None], -1)[..., 0]
        return (_log_sum_exp(scores) - chosen).mean(axis=-1)

    def _pull(self, features: Array, scores: Array, labels: NDArray[np.intp]) -> Array:
        residual = _softmax(scores)
        residual -= labels[..., None] == np.arange(self.classes)
        product = np.matmul(np.swapaxes(features, -1, -2), residual) / labels.shape[-1]
        return product.reshape(*product.shape[:-2], -1)

    def value(self, w: Array) -> Array:
        """The mean over all examples; shape (...) for w of shape (..., n)."""

        def block(w: Array) -> Array:
            scores = self._scores(self.features, w)
            return self._loss(scores, np.broadcast_to(self.labels, scores.shape[:-1]))

        return in_blocks(block, self.examples * self.classes, w)

    def gradient(self, w: Array) -> Array:
        """Its gradient."""

        def block(w: Array) -> Array:
            return self._pull(self.features, self._scores(self.features, w), self.labels)

        return in_blocks(block, self.examples * self.classes, w)

    def batch_value(self, w: Array, rows: Rows) -> Array:
        """The mean over chosen rows, of shape (..., batch)."""

        def block(w: Array, rows: Rows) -> Array:
            return self._loss(self._scores(self.features.take(rows, axis=0), w), self.labels[rows])

        return in_blocks(block, rows.shape[-1] * self.features.shape[1], w, rows)

    def batch_gradient(self, w: Array, rows: Rows) -> Array:
        """Its gradient."""

        def block(w: Array, rows: Rows) -> Array:
            features = self.features.take(rows, axis=0)
            return self._pull(features, self._scores(features, w), self.labels[rows])

        return in_blocks(block, rows.shape[-1] * self.features.shape[1], w, rows)

    def hessian_times(self, w: Array) -> Callable[[Array], Array]:
        """V -> Hessian(w) v."""
        p = _softmax(self._scores(self.features, w))

        def product(v: Array) -> Array:
            s = self._scores(self.features, v)
            weighted = p * (s - (p * s).sum(axis=-1, keepdims=True)) / self.labels.size
            return (self.features.T @ weighted).reshape(-1)

        return product

    def rounding(self, w: Array) -> tuple[float, float]:
        """How far value(w), and gradient(w) in norm, may be off by rounding, to first order."""
        # An error e of each score moves a loss by at most 2 e and p by at most e in norm.
        size = self._scores(abs(self.features), abs(w)).max(axis=-1)
        norms = np.sqrt(self.square_norms)
        unit = (64 + self.features.shape[1]) * _EPS
        sums = self.examples * _EPS * math.sqrt(2.0) * norms.mean()
        value = unit * (float(self.value(w)) + 2 * size.mean())
        return value, float(sums + unit * ((1 + size) * norms).mean())
