"""Minima with a certified error.

The certificate is strong convexity: if f is mu-strongly convex and v a subgradient at w, then
f(w) - f* <= ||v||**2 / (2 mu) and ||w - w*|| <= ||v|| / mu. To ||v|| a bound on the rounding
of the computed gradient is added.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg

from problems.data.predictors import Linear, Softmax, times

__all__ = [
    "Gram",
    "Solution",
    "certified",
    "descend",
    "newton",
    "solved_by_ridge",
    "solved_squares",
]

Array = NDArray[np.float64]

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Solution:
    """A minimiser and the minimum, each followed by a certified bound on its error."""

    minimizer: Array
    distance: float
    minimum: float
    gap: float


def certified(
    model: Linear | Softmax, w: Array, ridge: float, mu: float, subgradient: Array | None = None
) -> Solution:
    """What strong convexity proves of a point.

    Args:
        model: The mean loss.
        w: The point.
        ridge: The factor of ||w||**2 / 2 that is added.
        mu: How strongly convex the sum is.
        subgradient: Of the objective at w, if it has more terms than the model and the ridge;
            `minimum` leaves their values out.
    """
    off_value, off_gradient = model.rounding(w)
    length = float(np.linalg.norm(w))
    if subgradient is None:
        subgradient = model.gradient(w) + ridge * w
    norm = float(np.linalg.norm(subgradient)) + off_gradient + 8 * _EPS * ridge * length
    minimum = float(model.value(w)) + ridge / 2 * float(w @ w)
    off_value += (8 + w.size) * _EPS * ridge / 2 * length**2
    return Solution(w, norm / mu, minimum, norm**2 / (2 * mu) + off_value)


def descend(model: Linear | Softmax, ridge: float) -> Array:
    """A point close to the minimiser, also in many dimensions.

    L-BFGS comes near; Newton steps with conjugate gradients then shrink the gradient to the
    level of rounding.
    """

    def value(w: Array) -> float:
        return float(model.value(w)) + ridge / 2 * float(w @ w)

    def gradient(w: Array) -> Array:
        return model.gradient(w) + ridge * w

    start = np.zeros(model.size)
    w = minimize(value, start, jac=gradient, method="L-BFGS-B", options={"maxiter": 2000}).x
    g = gradient(w)
    for _ in range(20):
        product = model.hessian_times(w)
        hessian = LinearOperator(
            (w.size, w.size), matvec=lambda v, product=product: product(v) + ridge * v, dtype=float
        )
        step, _ = cg(hessian, g, rtol=1e-8, maxiter=10 * w.size)
        ahead = gradient(w - step)
        if np.linalg.norm(ahead) >= np.linalg.norm(g):
            break
        w, g = w - step, ahead
    return w


def newton(model: Linear, weights: Array, ridge: float, start: Array) -> tuple[Array, Array]:
    """Newton's method for sum_i weights_i l(a_i.w, y_i) + ridge/2 ||w||**2, in few dimensions.

    A step is halved until the value falls or, where that is lost in rounding, the norm of the
    gradient does. Where the Hessian is not positive definite, the one that has the largest
    curvature of l for every example stands in for it.

    Returns:
        The point reached and the gradient there.
    """
    features, targets = model.features, model.targets

    def value(w: Array) -> float:
        losses = weights * model.score.value(features @ w, targets)
        return float(losses.sum()) + ridge / 2 * float(w @ w)

    def gradient(w: Array) -> Array:
        return features.T @ (weights * model.score.slope(features @ w, targets)) + ridge * w

    w, v, g = start, value(start), gradient(start)
    for _ in range(200):
        hessian = model.hessian(w, weights) + ridge * np.eye(w.size)
        try:
            np.linalg.cholesky(hessian)
        except np.linalg.LinAlgError:
            hessian = (features.T * weights) @ features * (model.curvature or 1.0)
            hessian += ridge * np.eye(w.size)
        step = np.linalg.solve(hessian, g)
        # The step should gain half of this; below, only the gradient tells that it helps.
        lost = float(g @ step) <= 1e-13 * abs(v)
        for halving in range(1 if lost else 40):
            ahead = w - step / 2**halving
            v_ahead, g_ahead = value(ahead), gradient(ahead)
            shorter = np.linalg.norm(g_ahead) < np.linalg.norm(g)
            if shorter if lost else v_ahead < v:
                w, v, g = ahead, v_ahead, g_ahead
                break
        else:
            break
    return w, g


@functools.lru_cache(maxsize=32)
def solved_by_ridge(model: Linear | Softmax, ridge: float) -> Solution:
    """The minimiser of a smooth convex model with a ridge."""
    return certified(model, descend(model, ridge), ridge, ridge)


@dataclass(frozen=True, eq=False)
class Gram:
    """The mean of (a.w - y)**2 / 2 as w.H w / 2 - b.w + c, for few features.

    With H = A'A/m, b = A'y/m and c = mean y**2 / 2 a gradient costs n**2 instead of 2 m n. The
    value loses digits if c is far above the minimum, as it is for targets that are not centred.
    """

    H: Array
    b: Array
    c: float

    @staticmethod
    def of(model: Linear) -> Gram:
        """The quadratic of a model with dense features."""
        features, y = model.features, model.targets
        gram = features.T @ features
        return Gram(
            (gram + gram.T) / (2 * model.examples),
            features.T @ y / model.examples,
            float(y @ y) / (2 * model.examples),
        )

    def value(self, w: Array) -> Array:
        """The mean; shape (...) for w of shape (..., n)."""
        return (w * (times(self.H, w) / 2 - self.b)).sum(axis=-1) + self.c

    def gradient(self, w: Array) -> Array:
        """Its gradient."""
        return times(self.H, w) - self.b

    def minimize(self, ridge: float) -> tuple[Array, Array]:
        """The minimiser with a ridge, and the eigenvector of least curvature."""
        eigenvalues, vectors = np.linalg.eigh(self.H)
        # Rounding may leave an eigenvalue of 0 below it.
        curvatures = np.maximum(eigenvalues, 0.0) + ridge
        w = np.zeros_like(self.b)
        # The second pass removes most of the rounding of the first.
        for _ in range(2):
            w -= vectors @ ((vectors.T @ (self.gradient(w) + ridge * w)) / curvatures)
        return w, vectors[:, 0]


# Below so many features the quadratic is written out.
_FEW = 64


@functools.lru_cache(maxsize=32)
def solved_squares(model: Linear, ridge: float) -> Solution:
    """The minimiser of mean squares with a ridge."""
    few = model.size <= _FEW and isinstance(model.features, np.ndarray)
    w = Gram.of(model).minimize(ridge)[0] if few else descend(model, ridge)
    return certified(model, w, ridge, model.spectrum.least + ridge)
