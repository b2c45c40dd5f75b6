"""Where iterates may live: the whole space, a box, a ball, the simplex.

Every domain is closed and convex and knows how to project, in the plain Euclidean norm or in the
norm sqrt(sum_i w_i x_i**2) of a positive diagonal w, and its diameter in the norms that
theorems use. Points lie along the last axis; a domain of dimension 1 also takes plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from problems.arithmetic import clip
from problems.notation import require

__all__ = ["Ball", "Box", "Domain", "Norm", "Simplex", "WholeSpace"]

Norm = Literal["l1", "l2", "linf"]


class Domain(Protocol):
    """What problems and runs ask of a domain."""

    bounded: ClassVar[bool]

    def project(self, x: Any, weights: Any = None) -> Any:
        """The point of the domain nearest to x, in the norm of the weights (default: all 1)."""

    def contains(self, x: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.bool_]:
        """Whether each point lies in the domain, up to a distance in the sup-norm."""

    def diameter(self, norm: Norm, dimension: int) -> float:
        """The largest distance between two points."""


@dataclass(frozen=True)
class WholeSpace:
    """No constraint."""

    bounded: ClassVar[bool] = False

    def project(self, x: Any, weights: Any = None) -> Any:
        """The point itself."""
        return x

    def contains(self, x: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.bool_]:
        """Whether each point is finite."""
        return np.isfinite(np.asarray(x, float)).all(axis=-1)

    def diameter(self, norm: Norm, dimension: int) -> float:
        """Infinite in every norm."""
        return np.inf

    def __str__(self) -> str:
        return "the whole space"


@dataclass(frozen=True)
class Box:
    """All x with low <= x_i <= high. A diagonal weight does not change its projection."""

    low: float
    high: float
    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(
            np.isfinite([self.low, self.high]).all() and self.low < self.high,
            f"the box [{self.low}, {self.high}] needs finite ends, low < high",
        )

    def project(self, x: Any, weights: Any = None) -> Any:
        """Each coordinate clipped to [low, high]; the weights do not matter."""
        return clip(x, self.low, self.high)

    def contains(self, x: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.bool_]:
        """Whether low <= x_i <= high for every coordinate, up to the tolerance."""
        x = np.asarray(x, float)
        return np.all((x >= self.low - tolerance) & (x <= self.high + tolerance), axis=-1)

    def diameter(self, norm: Norm, dimension: int) -> float:
        """The distance between opposite corners."""
        side = self.high - self.low
        return {"l1": dimension * side, "l2": np.sqrt(dimension) * side, "linf": side}[norm]

    def __str__(self) -> str:
        return f"the box [{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Ball:
    """All x with ||x||_2 <= radius."""

    radius: float
    bounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(0 < self.radius < np.inf, f"radius={self.radius!r} must be positive and finite")

    def project(self, x: Any, weights: Any = None) -> Any:
        """In a weighted norm y_i = w_i x_i / (w_i + s), with s >= 0 such that ||y|| = radius."""
        x = np.asarray(x, float)
        norm = np.linalg.norm(x, axis=-1, keepdims=True)
        outside = norm > self.radius
        if weights is None:
            return np.where(outside, x * (self.radius / np.where(outside, norm, 1.0)), x)
        # ||y(s)|| decreases in s, from above the radius at 0 to below it at max(w) ||x|| / radius.
        w = np.broadcast_to(np.asarray(weights, float), x.shape)
        low = np.zeros_like(norm)
        high = w.max(axis=-1, keepdims=True) * np.where(outside, norm, 0.0) / self.radius
        for _ in range(100):
            middle = (low + high) / 2
            inside = np.linalg.norm(w * x / (w + middle), axis=-1, keepdims=True) <= self.radius
            low, high = np.where(inside, low, middle), np.where(inside, middle, high)
        return np.where(outside, w * x / (w + high), x)

    def contains(self, x: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.bool_]:
        """Whether ||x||_2 <= radius, up to the tolerance."""
        return np.linalg.norm(np.asarray(x, float), axis=-1) <= self.radius + tolerance

    def diameter(self, norm: Norm, dimension: int) -> float:
        """The length of the longest chord, measured in the norm."""
        scale = {"l1": np.sqrt(dimension), "l2": 1.0, "linf": 1.0}[norm]
        return float(2 * self.radius * scale)

    def __str__(self) -> str:
        return f"the ball of radius {self.radius:g}"


@dataclass(frozen=True)
class Simplex:
    """All x >= 0 with sum 1."""

    bounded: ClassVar[bool] = True

    def project(self, x: Any, weights: Any = None) -> Any:
        """y_i = max(x_i - s / w_i, 0), with s such that sum(y) = 1.

        The s is found exactly: y_i > 0 iff w_i x_i > s, so the active set is a prefix of the
        coordinates sorted by w_i x_i.
        """
        x = np.asarray(x, float)
        if weights is None:
            # The projection does not see a shift by a multiple of 1; near 0 it rounds least.
            x = x - x.max(axis=-1, keepdims=True)
        w = np.ones_like(x) if weights is None else np.broadcast_to(weights, x.shape)
        order = np.argsort(-w * x, axis=-1, kind="stable")
        x_sorted = np.take_along_axis(x, order, -1)
        w_sorted = np.take_along_axis(w, order, -1)
        s = (np.cumsum(x_sorted, -1) - 1) / np.cumsum(1 / w_sorted, -1)
        active = np.count_nonzero(w_sorted * x_sorted > s, axis=-1, keepdims=True)
        # A point that is not a number has no active coordinate; any s then yields NaN.
        threshold = np.take_along_axis(s, np.maximum(active, 1) - 1, -1)
        y = x - threshold / w
        return np.where(y < 0, 0.0, y)

    def contains(self, x: NDArray[np.float64], tolerance: float = 0.0) -> NDArray[np.bool_]:
        """Whether x >= 0 and sum(x) = 1, up to the tolerance and the rounding of the sum."""
        x = np.asarray(x, float)
        # Rounding moves the sum of n numbers in [0, 1] by at most n units of 2**-53 each way.
        slack = tolerance + x.shape[-1] * 2.0**-52
        return (x >= -tolerance).all(axis=-1) & (np.abs(x.sum(axis=-1) - 1) <= slack)

    def diameter(self, norm: Norm, dimension: int) -> float:
        """The distance between two corners; 0 for the single point of dimension 1."""
        if dimension == 1:
            return 0.0
        return {"l1": 2.0, "l2": float(np.sqrt(2.0)), "linf": 1.0}[norm]

    def __str__(self) -> str:
        return "the simplex"
