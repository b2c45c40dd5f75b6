"""Where a problem is looked at: its functions, and the points where labels are likely to fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from problems.laws.finding import UNIT, Array
from problems.problem import Problem

__all__ = [
    "FLOATS",
    "Search",
    "View",
    "directions",
    "dot",
    "gradients",
    "jumps",
    "lane_sample",
    "length",
    "single",
    "singular_values",
    "steepest",
    "step_at",
    "telling_directions",
    "view_of",
    "views",
]

FLOATS = 1 << 22


def dot(a: Array, b: Array) -> Array:
    """The inner product along the last axis."""
    return np.asarray((a * b).sum(axis=-1))


def length(a: Array) -> Array:
    """The Euclidean norm along the last axis."""
    return np.asarray(np.sqrt(dot(a, a)))


@dataclass(frozen=True)
class View:
    """One function of a problem: its objective, or the loss of one sample.

    Attributes:
        name: "f", or the sample in words.
        loss: (k, n) -> (k,).
        gradient: (k, n) -> (k, n).
        start: Shape (n,): values and gradients there give the size of what rounds.
        differenced: Whether the gradient is taken by central differences.
    """

    name: str
    loss: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    start: Array
    differenced: bool = False

    def slope_rounding(self, x: Array, slope: Array) -> Array:
        """A bound on the rounding of the gradient at x, in norm, (k,)."""
        rounding = UNIT * (length(slope) + self.gradient_size)
        if self.differenced:
            # A difference over a step of 2**-17 magnifies the rounding of the loss.
            each = 2.0**17 * UNIT * (abs(self.loss(x)) + self.loss_size)
            rounding = rounding + np.sqrt(x.shape[-1]) * each
        return rounding

    @cached_property
    def loss_size(self) -> float:
        """|loss| at the start."""
        return float(abs(self.loss(self.start[None]))[0])

    @cached_property
    def gradient_size(self) -> float:
        """The norm of the gradient at the start."""
        return float(length(self.gradient(self.start[None]))[0])


def _at(function: Callable[[Array, Any], Array], sample: Any) -> Callable[[Array], Array]:
    """The oracle at one sample, for any number of points."""

    def evaluate(x: Array) -> Array:
        lanes = np.broadcast_to(sample, (len(x), *np.shape(sample)))
        return function(x, lanes if np.ndim(sample) else sample)

    return evaluate


def view_of(problem: Problem, name: str, sample: Any) -> View:
    """The loss of one sample."""
    return View(
        name,
        _at(problem.loss, sample),
        _at(problem.gradient, sample),
        problem.start,
        problem.by_differences,
    )


def lane_sample(problem: Problem, t: int, seed: int = 0) -> Any:
    """What one lane sees in round t."""
    assert problem.samples is not None
    drawn = problem.samples(np.array([t]), np.array([seed], np.uint64))[0]
    return drawn[0] if problem.stochastic else drawn


def single(problem: Problem, count: int) -> list[View]:
    """Losses that rounds may show: of outcomes if they are listed, else of rounds."""
    if problem.samples is None:
        return [View("f", problem.loss, problem.gradient, problem.start, problem.by_differences)]
    if problem.outcomes is None:
        rounds = range(1, count + 1)
        return [view_of(problem, f"f_{t}", lane_sample(problem, t)) for t in rounds]
    samples = problem.outcomes().samples
    chosen = np.unique(np.linspace(0, len(samples) - 1, count).astype(int))
    return [view_of(problem, f"the loss of sample {k}", samples[k]) for k in chosen]


def views(problem: Problem, which: Literal["judged", "single"], count: int = 8) -> list[View]:
    """The functions that a label speaks of.

    Args:
        problem: The problem.
        which: "judged": the objective, or without one the losses of rounds. "single": the
            losses that rounds may show.
        count: How many losses at most.
    """
    if which == "judged" and problem.has_objective:
        return [
            View(
                "f",
                problem.objective,
                problem.objective_gradient,
                problem.start,
                problem.by_differences,
            )
        ]
    return single(problem, count)


@dataclass(frozen=True)
class Search:
    """A problem, how hard to look and for what."""

    problem: Problem
    thorough: bool
    seed: int
    labels: frozenset[str]

    @cached_property
    def random(self) -> np.random.Generator:
        """Where random points come from."""
        return np.random.default_rng(self.seed)

    def anew(self) -> Search:
        """The same search from the first random number on."""
        return Search(self.problem, self.thorough, self.seed, self.labels)

    @property
    def count(self) -> int:
        """Points of each kind."""
        wide = 24 if self.problem.dimension <= 64 else 6
        return 20 * wide if self.thorough else wide

    @property
    def rounds(self) -> int:
        """Steps of the walk uphill."""
        few = 80 if self.problem.dimension <= 64 else 8
        return 20 * few if self.thorough else few

    def project(self, x: Array) -> Array:
        """The nearest points of the domain."""
        return np.asarray(self.problem.domain.project(x), float)

    def special(self) -> Array:
        """The start, the minimiser, stationary points and where constants are attained."""
        problem = self.problem
        points = [problem.start, *(p.point for p in problem.stationary)]
        if "minimizer" in problem.constants:
            points.append(problem.constants["minimizer"].value)
        points += [problem.constants[k].at for k in problem.constants]
        shape = (problem.dimension,)
        chosen = [np.asarray(p, float).reshape(shape) for p in points if p is not None]
        return self.project(np.stack(chosen))

    def scale(self) -> float:
        """How far special points lie apart, at least 1."""
        special = self.special()
        return float(max(1.0, abs(special - special[0]).max()))

    def points(self) -> Array:
        """Special and random points of the domain, (k, n)."""
        n, special, scale = self.problem.dimension, self.special(), self.scale()
        centre = special[self.random.integers(len(special), size=self.count)]
        spread = scale * 10.0 ** self.random.uniform(-3, 1, (self.count, 1))
        cloud = centre + spread * self.random.normal(size=(self.count, n))
        chosen = [special, cloud]
        if self.problem.domain.bounded:
            far = self.problem.domain.diameter("l2", n)
            uniform = self.random.uniform(-far, far, (self.count, n))
            corners = 1e3 * far * self.random.normal(size=(self.count, n))
            chosen += [uniform, corners]
        if n == 1:
            low, high = special.min() - 5 * scale, special.max() + 5 * scale
            chosen.append(np.linspace(low, high, 20 * self.count)[:, None])
        return self.project(np.concatenate(chosen))

    def pairs(self, view: View, near: bool) -> tuple[Array, Array]:
        """Pairs of points, far apart and, if asked, near each other along telling directions."""
        x = self.points()
        if not near:
            # From the minimiser along the directions of extreme curvature.
            if "minimizer" in self.problem.constants:
                base = np.asarray(self.problem.constants["minimizer"].value, float)
                step = float(step_at(base[None])[0, 0])
                for direction in telling_directions(view, base, step):
                    for reach in (-1.0, -0.01, 0.01, 1.0):
                        x = np.concatenate([x, self.project((base + reach * direction)[None])])
            return x, x
        y = x[self.random.permutation(len(x))]
        toward = self.random.normal(size=x.shape)
        toward /= length(toward)[:, None]
        steps = step_at(x) * self.random.choice([0.01, 1.0, 100.0], size=(len(x), 1))
        close = self.project(x + steps * toward)
        starts, ends = [x, x], [y, close]
        few = 6 if self.problem.dimension <= 64 else 2
        for point in x[: 4 * few if self.thorough else few]:
            for direction in telling_directions(view, point, float(step_at(point[None])[0, 0])):
                starts.append(point[None])
                ends.append(self.project(point + step_at(point[None]) * direction))
        first, last = jumps(view, x, y)
        starts, ends = [*starts, first], [*ends, last]
        return np.concatenate(starts), np.concatenate(ends)

    def spectral_pairs(self, view: View) -> tuple[Array, Array]:
        """Near pairs at special points, in directions that matter in the spectral norm."""
        few = 6 if self.problem.dimension <= 64 else 2
        starts, ends = [], []
        for point in self.special()[:few]:
            step = float(step_at(point[None])[0, 0])
            found = self._spectral_directions(view, point, step)
            starts.append(np.broadcast_to(point, found.shape))
            ends.append(self.project(point + step * found))
        return np.concatenate(starts), np.concatenate(ends)

    def _spectral_directions(self, view: View, x: Array, step: float) -> Array:
        """Directions D for which the nuclear norm of H D is large, H the Hessian at x.

        The D of spectral norm 1 closest to H D has <D', H D> = ||H D||_nuc, and as H is symmetric
        that is at most ||H D'||_nuc: going from D to D' again and again never loses.
        """
        d = self.random.normal(size=(8, x.size))
        for _ in range(30):
            d = _orthogonalized(self.problem, d)
            d = (view.gradient(x + step * d) - view.gradient(x - step * d)) / (2 * step)
        return _orthogonalized(self.problem, d)


def _orthogonalized(problem: Problem, d: Array) -> Array:
    """Each block with all its singular values set to 1, (k, n)."""
    parts = []
    for block in problem.matrices(np.nan_to_num(d, posinf=0.0, neginf=0.0)).values():
        left, _, right = np.linalg.svd(block, full_matrices=False)
        parts.append((left @ right).reshape(len(d), -1))
    return np.concatenate(parts, axis=-1)


def singular_values(problem: Problem, x: Array) -> list[Array]:
    """Those of each block of points (k, n): each (k, count), decreasing; NaN at NaN."""
    finite = np.isfinite(x).all(axis=-1, keepdims=True)
    blocks = problem.matrices(np.where(finite, x, 0.0)).values()
    values = [np.linalg.svd(block, compute_uv=False) for block in blocks]
    return [np.where(finite, each, np.nan) for each in values]


def step_at(x: Array) -> Array:
    """A step small for derivatives and large for rounding, (k, 1)."""
    return np.asarray(1e-4 * (1 + abs(x).max(axis=-1, keepdims=True)))


def jumps(view: View, x: Array, y: Array) -> tuple[Array, Array]:
    """Cut segments down to where the gradient changes most, to 1e-7 of a piece.

    First into pieces, since what happens in the middle may not show at the ends; then by halving.
    """
    pieces = 32 if x.shape[-1] <= 64 else 4
    knots = [x + (y - x) * (k / pieces) for k in range(pieces)] + [y]
    slopes = [view.gradient(knot) for knot in knots]
    changes = [length(after - before) for before, after in pairwise(slopes)]
    most = np.nan_to_num(changes, nan=np.inf).argmax(axis=0)
    lane = np.arange(len(x))
    low, high = np.array(knots)[most, lane], np.array(knots)[most + 1, lane]
    before, after = np.array(slopes)[most, lane], np.array(slopes)[most + 1, lane]
    for _ in range(23):
        middle = (low + high) / 2
        here = view.gradient(middle)
        # Neighbouring numbers have none between them: keep them apart.
        apart = ((middle != low).any(-1) & (middle != high).any(-1))[:, None]
        left = (length(here - before) >= length(after - here))[:, None]
        low, high = (
            np.where(apart & ~left, middle, low),
            np.where(apart & left, middle, high),
        )
        before, after = (
            np.where(apart & ~left, here, before),
            np.where(apart & left, here, after),
        )
    return low, high


def telling_directions(view: View, x: Array, step: float) -> list[Array]:
    """Unit vectors along which the curvature at x is least and greatest, approximately."""
    n = x.size

    def hessian_times(v: Array) -> Array:
        v = np.asarray(v, float).reshape(-1)
        pair = view.gradient(np.stack([x + step * v, x - step * v]))
        return np.asarray((pair[0] - pair[1]) / (2 * step))

    if n == 1:
        return [np.ones(1)]
    if n <= 64:
        offsets = step * np.eye(n)
        hessian = (view.gradient(x + offsets) - view.gradient(x - offsets)) / (2 * step)
        hessian = (hessian + hessian.T) / 2
        if not np.isfinite(hessian).all():
            return []
        vectors = np.linalg.eigh(hessian)[1]
        return [vectors[:, 0], vectors[:, -1]]
    operator = LinearOperator((n, n), matvec=hessian_times, dtype=float)
    found = []
    # One end by itself: a least curvature that many directions share is not found so soon.
    for end in ("SA", "LA"):
        with contextlib.suppress(ArpackError):
            _, vectors = eigsh(operator, k=1, which=end, v0=np.ones(n), tol=1e-4, maxiter=40)
            found.append(vectors[:, 0])
    return found


def directions(search: Search, n: int) -> Array:
    """Axes (the first 64) and random directions, of length 1; fewer in many dimensions."""
    few = n > 64
    axes = np.eye(n)[: 16 if few else 64]
    random = search.random.normal(size=(32 if few else 256, n))
    return np.concatenate([axes, -axes, random / length(random)[:, None]])


def gradients(problem: Problem, x: Array, samples: NDArray[Any]) -> Array:
    """The gradient at one point for many samples, (samples, n), in blocks."""
    width = max(1, FLOATS // max(problem.dimension, int(np.prod(samples.shape[1:], dtype=int))))
    parts = [
        problem.gradient(np.broadcast_to(x, (len(block), x.size)), block)
        for block in np.array_split(samples, -(-len(samples) // width))
    ]
    return np.concatenate(parts)


def steepest(search: Search) -> list[View]:
    """The single losses with the largest gradients at the points, of all outcomes or rounds."""
    problem = search.problem
    if problem.samples is None:
        return []
    if problem.outcomes is not None:
        samples = problem.outcomes().samples
    else:
        rounds = np.arange(1, 2001)
        samples = problem.samples(rounds, np.zeros(1, np.uint64))
        samples = samples[:, 0] if problem.stochastic else samples
    chosen = set()
    for x in search.points()[:12]:
        norms = length(gradients(problem, x, samples))
        chosen.add(int(np.argmax(norms)))
    return [view_of(problem, f"the loss of sample {k}", samples[k]) for k in sorted(chosen)]
