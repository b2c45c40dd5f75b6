"""Regularised logistic and softmax regression on real data.

f(w) = 1/n sum_i l(w; a_i, y_i) + ridge/2 ||w||**2, by full gradients or by mini-batches drawn
with replacement. The ridge makes f strongly convex, which certifies the minimum: by
strong convexity f(w) - f* <= ||grad f(w)||**2 / (2 ridge) at the point a Newton method ends at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg
from scipy.special import expit, logsumexp, softmax

from problems import draws
from problems.domain import WholeSpace
from problems.notation import InputError, require
from problems.problem import Constant, Problem, problem

__all__ = ["breast_cancer_logistic", "digits_softmax", "read_svmlight", "svmlight_logistic"]

Array = NDArray[np.float64]
Matrix: TypeAlias = Any  # a dense array or a sparse row matrix, both with @, .T and row indexing


def _times(matrix: Matrix, vectors: Array) -> Array:
    """Matrix @ v for every v along the last axis, lane by lane.

    A product with all lanes at once would round differently for different numbers of lanes.
    """
    if sparse.issparse(matrix):
        flat = vectors.reshape(-1, vectors.shape[-1])
        products = np.stack([matrix @ v for v in flat])
        return products.reshape(*vectors.shape[:-1], matrix.shape[0])
    return np.matmul(matrix, vectors[..., None])[..., 0]


@dataclass(frozen=True)
class _Logistic:
    """l = log(1 + exp(-y a.w)), with labels y of +1 and -1."""

    features: Matrix
    labels: Array

    @property
    def size(self) -> int:
        return self.features.shape[1]

    def value(self, w: Array) -> Array:
        return np.logaddexp(0.0, -self.labels * _times(self.features, w)).mean(axis=-1)

    def gradient(self, w: Array) -> Array:
        residual = -self.labels * expit(-self.labels * _times(self.features, w))
        return _times(self.features.T, residual) / self.labels.size

    def batch_value(self, w: Array, rows: NDArray[np.intp]) -> Array:
        return np.logaddexp(0.0, -self._batch_margins(w, rows)).mean(axis=-1)

    def batch_gradient(self, w: Array, rows: NDArray[np.intp]) -> Array:
        residual = -self.labels[rows] * expit(-self._batch_margins(w, rows)) / rows.shape[-1]
        if sparse.issparse(self.features):
            return np.stack([self.features[r].T @ e for r, e in zip(rows, residual, strict=True)])
        return np.matmul(residual[..., None, :], self.features[rows])[..., 0, :]

    def _batch_margins(self, w: Array, rows: NDArray[np.intp]) -> Array:
        if sparse.issparse(self.features):
            products = np.stack([self.features[r] @ v for r, v in zip(rows, w, strict=True)])
        else:
            products = np.matmul(self.features[rows], w[..., None])[..., 0]
        return self.labels[rows] * products

    def hessian_times(self, w: Array) -> Callable[[Array], Array]:
        p = expit(self.features @ w)
        weights = p * (1 - p) / self.labels.size
        return lambda v: self.features.T @ (weights * (self.features @ v))


@dataclass(frozen=True)
class _Softmax:
    """l = log sum_k exp(a.w_k) - a.w_y, with w the columns w_k one after another."""

    features: Array
    labels: NDArray[np.intp]
    classes: int

    @property
    def size(self) -> int:
        return self.features.shape[1] * self.classes

    def _scores(self, features: Array, w: Array) -> Array:
        shaped = w.reshape(*w.shape[:-1], self.features.shape[1], self.classes)
        return np.matmul(features, shaped)

    @staticmethod
    def _loss(scores: Array, labels: NDArray[np.intp]) -> Array:
        chosen = np.take_along_axis(scores, labels[..., None], -1)[..., 0]
        return (logsumexp(scores, axis=-1) - chosen).mean(axis=-1)

    def _pull(self, features: Array, scores: Array, labels: NDArray[np.intp]) -> Array:
        residual = softmax(scores, axis=-1)
        residual -= labels[..., None] == np.arange(self.classes)
        product = np.matmul(np.swapaxes(features, -1, -2), residual) / labels.shape[-1]
        return product.reshape(*product.shape[:-2], -1)

    def value(self, w: Array) -> Array:
        scores = self._scores(self.features, w)
        return self._loss(scores, np.broadcast_to(self.labels, scores.shape[:-1]))

    def gradient(self, w: Array) -> Array:
        return self._pull(self.features, self._scores(self.features, w), self.labels)

    def batch_value(self, w: Array, rows: NDArray[np.intp]) -> Array:
        return self._loss(self._scores(self.features[rows], w), self.labels[rows])

    def batch_gradient(self, w: Array, rows: NDArray[np.intp]) -> Array:
        features = self.features[rows]
        return self._pull(features, self._scores(features, w), self.labels[rows])

    def hessian_times(self, w: Array) -> Callable[[Array], Array]:
        p = softmax(self._scores(self.features, w), axis=-1)

        def product(v: Array) -> Array:
            s = self._scores(self.features, v)
            weighted = p * (s - (p * s).sum(axis=-1, keepdims=True)) / self.labels.size
            return (self.features.T @ weighted).reshape(-1)

        return product


def _minimize(loss: _Logistic | _Softmax, ridge: float) -> tuple[Array, float, float, float]:
    """The minimiser and the minimum, each followed by a certified bound on its error.

    L-BFGS comes near; Newton steps with conjugate gradients then shrink the gradient to the
    level of rounding, and strong convexity turns its norm into a bound.
    """

    def value(w: Array) -> float:
        return float(loss.value(w)) + ridge / 2 * float(w @ w)

    def gradient(w: Array) -> Array:
        return loss.gradient(w) + ridge * w

    start = np.zeros(loss.size)
    w = minimize(value, start, jac=gradient, method="L-BFGS-B", options={"maxiter": 2000}).x
    g = gradient(w)
    for _ in range(20):
        times = loss.hessian_times(w)
        hessian = LinearOperator(
            (w.size, w.size), matvec=lambda v, times=times: times(v) + ridge * v, dtype=float
        )
        step, _ = cg(hessian, g, rtol=1e-8, maxiter=10 * w.size)
        ahead = gradient(w - step)
        if np.linalg.norm(ahead) >= np.linalg.norm(g):
            break
        w, g = w - step, ahead
    minimum = value(w)
    # The gap of the point reached, and the rounding of the means that were evaluated.
    unit = 64 * np.finfo(float).eps
    norm = float(np.linalg.norm(g)) + unit * float(np.sqrt(_mean_square(loss.features)))
    return w, norm / ridge, minimum, norm**2 / (2 * ridge) + unit * max(1.0, abs(minimum))


def _mean_square(features: Matrix) -> float:
    """The mean of ||a_i||**2."""
    squares = features.multiply(features) if sparse.issparse(features) else features**2
    return float(squares.sum()) / features.shape[0]


def _largest_eigenvalue(features: Matrix) -> tuple[float, str]:
    """An upper bound on the largest eigenvalue of A'A, and how it was found."""
    if features.shape[1] <= 2000:
        gram = features.T @ features
        gram = gram.toarray() if sparse.issparse(gram) else gram
        return float(np.linalg.eigvalsh(gram)[-1]), "lambda_max(A'A)"
    size = abs(features)
    return float(size.sum(axis=0).max() * size.sum(axis=1).max()), "||A||_1 ||A||_inf"


@dataclass(frozen=True)
class _Facts:
    """What does not depend on the batch: computed once for each data set and ridge."""

    smoothness: float
    eigenvalue: str
    minimizer: Array
    distance: float
    minimum: float
    gap: float


def _facts(loss: _Logistic | _Softmax, ridge: float, curvature: float) -> _Facts:
    largest, how = _largest_eigenvalue(loss.features)
    smoothness = curvature * largest / loss.features.shape[0] + ridge
    return _Facts(smoothness, how, *_minimize(loss, ridge))


def _accepted_ridge(ridge: Any) -> float:
    require(
        isinstance(ridge, (int, float)) and not isinstance(ridge, bool) and 0 < ridge < np.inf,
        f"ridge={ridge!r} must be a positive number: without it the minimum may not be attained",
    )
    return float(ridge)


def _regression(
    loss: _Logistic | _Softmax,
    facts: _Facts,
    ridge: float,
    batch: Any,
    formula: str,
    curvature: str,
    residual: float,
) -> Problem:
    """The problem of a loss, by full gradients (`batch="full"`) or mini-batches.

    Args:
        loss: The loss without the ridge.
        facts: What was computed of it, for this ridge.
        ridge: The factor of ||w||**2 / 2.
        batch: "full", or the number of examples of a mini-batch.
        formula: The objective as text.
        curvature: The bound on the second derivative of l in the scores, as text.
        residual: A bound on the squared norm of d l / d scores.
    """
    examples = loss.features.shape[0]
    require(
        batch == "full" or (type(batch) is int and batch >= 1),
        f"batch={batch!r} must be full or a whole number of at least 1",
    )
    by = f"{curvature} {facts.eigenvalue} / n + ridge"
    constants = {
        "L": Constant(facts.smoothness, "derived", by),
        "mu": Constant(ridge, "derived", "the ridge"),
        "mu_pl": Constant(ridge, "derived", "the ridge"),
        "minimum": Constant(
            facts.minimum,
            "computed",
            "Newton's method; gap ||grad||**2 / (2 ridge)",
            facts.gap,
        ),
        "minimizer": Constant(
            facts.minimizer,
            "computed",
            "Newton's method; ||w - w*|| <= ||grad|| / ridge",
            facts.distance,
        ),
    }

    def value(w: Any, sample: Any = None) -> Any:
        return loss.value(w) + ridge / 2 * (w * w).sum(axis=-1)

    def gradient(w: Any, sample: Any = None) -> Any:
        return loss.gradient(w) + ridge * w

    if batch == "full":
        return Problem(
            formula=formula,
            domain=WholeSpace(),
            start=np.zeros(loss.size),
            loss_formula=value,
            gradient_formula=gradient,
            constants=constants,
        )
    constants["sigma2"] = Constant(
        residual * _mean_square(loss.features) / batch,
        "derived",
        f"{residual:g} mean ||a_i||**2 / batch, as the residual is below {residual:g} squared",
    )

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.intp]:
        index = np.arange(batch)[None, None, :]
        return draws.indices(seeds[None, :, None], rounds[:, None, None], index, examples)

    return Problem(
        formula=formula + f"; gradients of {batch} examples drawn with replacement",
        domain=WholeSpace(),
        start=np.zeros(loss.size),
        loss_formula=lambda w, rows: loss.batch_value(w, rows) + ridge / 2 * (w * w).sum(-1),
        gradient_formula=lambda w, rows: loss.batch_gradient(w, rows) + ridge * w,
        samples=samples,
        stochastic=True,
        objective_formula=value,
        objective_gradient_formula=gradient,
        constants=constants,
        exact_gradient_cost=examples / batch,
    )


_LOGISTIC = "f(w) = mean_i log(1 + exp(-y_i a_i.w)) + ridge/2 ||w||**2"


@functools.cache
def _breast_cancer(ridge: float) -> tuple[_Logistic, _Facts]:
    # scikit-learn takes a second to import: only this problem pays for it.
    from sklearn.datasets import load_breast_cancer

    data, target = load_breast_cancer(return_X_y=True)
    features = (data - data.mean(axis=0)) / data.std(axis=0)
    loss = _Logistic(features, np.where(target == 1, 1.0, -1.0))
    return loss, _facts(loss, ridge, 0.25)


@problem(
    source=("street1993, the data", "pedregosa2011, the copy used"),
    tags=("convex", "smooth", "strongly-convex", "finite-sum", "real-data"),
)
def breast_cancer_logistic(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Logistic regression on the Wisconsin breast-cancer data.

    30 features of 569 tumours, each standardised; no intercept. The second
    derivative of the loss in its score is at most 1/4, so L = lambda_max(A'A)/(4n) + ridge.
    """
    ridge = _accepted_ridge(ridge)
    loss, facts = _breast_cancer(ridge)
    formula = _LOGISTIC + f", ridge {ridge:g}, n = 569"
    return _regression(loss, facts, ridge, batch, formula, "1/4", 1.0)


@functools.cache
def _digits(ridge: float) -> tuple[_Softmax, _Facts]:
    from sklearn.datasets import load_digits

    data, target = load_digits(return_X_y=True)
    loss = _Softmax(data / 16.0, target, 10)
    return loss, _facts(loss, ridge, 0.5)


@problem(
    source=("pedregosa2011, the copy used", "bohning1992, the bound on the Hessian"),
    tags=("convex", "smooth", "strongly-convex", "finite-sum", "real-data"),
)
def digits_softmax(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Softmax regression on the handwritten digits.

    1797 images of 8 x 8 grey values in [0, 1] and ten classes: 640 weights, no intercept. The
    Hessian of log-sum-exp is at most 1/2, so L = lambda_max(A'A)/(2n) + ridge.
    """
    ridge = _accepted_ridge(ridge)
    loss, facts = _digits(ridge)
    formula = (
        "f(w) = mean_i (log sum_k exp(a_i.w_k) - a_i.w_{y_i}) + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, n = 1797"
    )
    return _regression(loss, facts, ridge, batch, formula, "1/2", 2.0)


def read_svmlight(path: str | Path) -> tuple[Matrix, Array]:
    """Read a file in SVMlight / LIBSVM format.

    Args:
        path: Lines `label index:value index:value ...`, indices from 1 (or all from 0).

    Returns:
        Sparse features of shape (examples, n) and labels of shape (examples,).

    Raises:
        InputError: The file cannot be read or a line is malformed; the sentence names the line.
    """
    from sklearn.datasets import load_svmlight_file

    path = Path(path)
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from error

    def load(count: int) -> tuple[Matrix, Array]:
        import io

        features, labels = load_svmlight_file(io.BytesIO(b"".join(lines[:count])))
        return sparse.csr_matrix(features), labels

    try:
        features, labels = load(len(lines))
    except (ValueError, OverflowError) as error:
        # Reading a beginning of the file fails from the first bad line on: bisect for it.
        good, bad = 0, len(lines)
        reason: Exception = error
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                load(middle)
                good = middle
            except (ValueError, OverflowError) as earlier:
                bad, reason = middle, earlier
        text = lines[bad - 1].decode("utf-8", "replace").strip()
        raise InputError(
            f"{str(path)!r}, line {bad}: {text[:60]!r} is not `label index:value ...` with "
            f"increasing indices ({reason})"
        ) from reason
    require(labels.size >= 2, f"{str(path)!r} holds {labels.size} examples; at least 2 are needed")
    for line, (row, label) in enumerate(zip(features, labels, strict=True), start=1):
        require(
            np.isfinite(row.data).all() and np.isfinite(label),
            f"{str(path)!r}, example {line} holds a value that is not finite",
        )
    return features, labels


@functools.cache
def _svmlight(path: str, stamp: tuple[int, int], ridge: float) -> tuple[_Logistic, _Facts]:
    features, labels = read_svmlight(path)
    classes = np.unique(labels)
    require(
        classes.size == 2,
        f"{path!r} has {classes.size} different labels; logistic regression needs two",
    )
    loss = _Logistic(features, np.where(labels == classes[1], 1.0, -1.0))
    return loss, _facts(loss, ridge, 0.25)


@problem(
    source="chang2011, the file format",
    tags=("convex", "smooth", "strongly-convex", "finite-sum", "real-data", "sparse"),
)
def svmlight_logistic(*, path: str, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Logistic regression on a file of yours in SVMlight / LIBSVM format.

    The features are used as they stand, sparse; of the two labels the larger counts as +1.
    """
    ridge = _accepted_ridge(ridge)
    file = Path(str(path))
    require(file.is_file(), f"path={path!r} is not a file")
    status = file.stat()
    loss, facts = _svmlight(str(file), (status.st_mtime_ns, status.st_size), ridge)
    formula = _LOGISTIC + f", ridge {ridge:g}, n = {loss.labels.size}"
    return _regression(loss, facts, ridge, batch, formula, "1/4", 1.0)
