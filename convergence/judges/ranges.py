"""In which interval a figure must lie, whatever is drawn, by what a problem states.

Exact confidence limits are as narrow as this interval is short. Three things narrow it: the domain,
how far the steps can lead, and that a convex function is largest at a corner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.claim import Setting
from convergence.engines.lowering import BY_COORDINATE, lowered
from convergence.judges.exact import NonlinearError, coefficients
from convergence.measure import MEASURES
from convergence.rule import Rule
from problems.domain import Ball, Box, Simplex, WholeSpace
from problems.laws.search import view_of
from problems.problem import Problem

__all__ = ["figure_range"]

Array = NDArray[np.float64]

# Numbers are rounded, so that a range is a little longer than in real arithmetic.
_ROUNDING = 1e-10
# Steps are followed in runs no longer than this, and tables have no more numbers.
_MOST_ROUNDS, _MOST_NUMBERS = 20_000, 1 << 22


def figure_range(
    setting: Setting, measure: str, times: NDArray[np.int64]
) -> tuple[Array, Array] | None:
    """The least and the largest value that a measure can have, at each round.

    It follows from stated constants alone (G, G_inf, L, the minimum, the minimiser, the outcomes),
    from the domain and from what a step of the rule can be at most; it holds for every draw.

    Args:
        setting: What is run.
        measure: The name of the measure.
        times: The rounds, increasing.

    Returns:
        Both of shape (rounds,) and finite, or None where no range is known.
    """
    if MEASURES[measure].unavailable(setting.problem) or measure not in _RANGES:
        return None
    with np.errstate(all="ignore"):
        found = _RANGES[measure](_Reach(setting, times), measure)
    if found is None:
        return None
    low, high = (np.broadcast_to(np.asarray(end, float), times.shape) for end in found)
    if not np.isfinite([low, high]).all():
        return None
    slack = _ROUNDING * np.maximum(abs(low), abs(high))
    return low - slack, high + slack


@dataclass(frozen=True)
class _Reach:
    """How far a run can come."""

    setting: Setting
    times: NDArray[np.int64]

    @property
    def problem(self) -> Problem:
        return self.setting.problem

    def stated(self, letter: str) -> float:
        """A constant, or infinity."""
        return self.problem.constant(letter) if letter in self.problem.constants else np.inf

    @cached_property
    def across(self) -> float:
        """The diameter of the domain."""
        domain = self.problem.domain
        return float(domain.diameter("l2", self.problem.dimension)) if domain.bounded else np.inf

    @cached_property
    def steepest(self) -> float:
        """A bound of the norm of the objective's gradient: the mean of gradients below G."""
        if "linear" in self.problem.tags and self.problem.has_objective:
            return float(np.linalg.norm(self.problem.objective_gradient(self.problem.start)))
        return min(self.stated("G"), np.sqrt(self.problem.dimension) * self.stated("G_inf"))

    @cached_property
    def ways(self) -> tuple[Array, Array]:
        """How far x_{t+1} can be from the start, t = 0..T: in the Euclidean norm and by coordinate.

        A projection never leads further; onto a box no coordinate.
        """
        last, n = int(self.times[-1]), self.problem.dimension
        steps = _longest_steps(self.setting, last)
        if steps is None:
            return np.full(last + 1, np.inf), np.full(last + 1, np.inf)
        euclidean, single = (np.concatenate([[0.0], step.cumsum()]) for step in steps)
        if not isinstance(self.problem.domain, (Box, WholeSpace)):
            single = euclidean
        single = np.minimum(single, euclidean)
        return np.minimum(euclidean, np.sqrt(n) * single), single

    def box(self, way: Array) -> tuple[Array, Array]:
        """The box in which points are that differ by so much from the start: (rounds, n) each."""
        domain, start = self.problem.domain, self.problem.start
        low, high = -np.inf, np.inf
        if isinstance(domain, Box):
            low, high = domain.low, domain.high
        elif isinstance(domain, Simplex):
            low, high = 0.0, 1.0
        elif isinstance(domain, Ball):
            low, high = -domain.radius, domain.radius
        way = way[:, None]
        return np.maximum(low, start - way), np.minimum(high, start + way)

    def boxes(self, measure: str) -> tuple[Array, Array]:
        """Where the point is at which a measure is taken: the ends, each (rounds, n)."""
        single, times = self.ways[1], self.times
        if measure not in _WEIGHTS:
            return self.box(single[times])
        if single.size * self.problem.dimension > _MOST_NUMBERS:
            return self.box(single[times - 1])
        # A mean of points of boxes lies in the mean of the boxes.
        weights = _WEIGHTS[measure](np.arange(1.0, single.size))[:, None]
        total = weights.cumsum(axis=0)
        low, high = (
            ((weights * end).cumsum(axis=0) / total)[times - 1] for end in self.box(single[:-1])
        )
        return low, high

    def from_minimizer(self, measure: str = "distance") -> tuple[Array, Array]:
        """The least and the largest distance to the minimiser, (rounds,)."""
        point = np.asarray(self.problem.constants["minimizer"].value, float)
        low, high = self.boxes(measure)
        nearest = np.linalg.norm(np.clip(point, low, high) - point, axis=-1)
        farthest = np.linalg.norm(np.maximum(abs(low - point), abs(high - point)), axis=-1)
        # A mean of points goes no further than the last of them.
        way = self.ways[0][self.times]
        apart = np.linalg.norm(self.problem.start - point)
        domain = self.problem.domain
        if isinstance(domain, Ball):
            farthest = np.minimum(farthest, domain.radius + np.linalg.norm(point))
        elif isinstance(domain, Simplex):
            corners = np.linalg.norm(np.eye(point.size) - point, axis=-1)
            farthest = np.minimum(farthest, corners.max())
        return np.maximum(nearest, apart - way), np.minimum(farthest, apart + way)


_WEIGHTS: dict[str, Callable[[Array], Array]] = {
    "suboptimality_average": np.ones_like,
    "suboptimality_weighted": lambda t: t,
}


def _longest_steps(setting: Setting, last: int) -> tuple[Array, Array] | None:
    """What a step can be at most, in the Euclidean norm and by coordinate: (rounds,) each."""
    problem, rule = setting.problem, setting.runner
    if last > _MOST_ROUNDS or rule.traced.by_block:
        return None
    share = _longest_share(setting, last)
    if share is not None:
        rounds = np.arange(1, last + 1)
        single = share * setting.schedule.step_sizes(rounds, problem, setting.steps)
        return np.sqrt(problem.dimension) * single, single
    # G and G_inf speak of gradients on the domain.
    gain = _gain(setting, last) if _on_the_domain(setting) else None
    if gain is None:
        return None
    constants = problem.constants
    norm = problem.constant("G") if "G" in constants else np.inf
    size = problem.constant("G_inf") if "G_inf" in constants else norm
    return gain * min(norm, np.sqrt(problem.dimension) * size), gain * size


def _on_the_domain(setting: Setting) -> bool:
    """Whether gradients are taken there, or are the same beside it."""
    inside = "query" not in setting.runner.outputs or not setting.problem.domain.bounded
    return inside or "linear" in setting.problem.tags


def _plain(rule: Rule) -> bool:
    """Whether nothing is added to the gradients, and averages have the same weights throughout."""
    settings = {"weight_decay": 0.0, "beta1_decay": 1.0, **rule.settings}
    return bool(settings["weight_decay"] == 0 and settings["beta1_decay"] == 1)


def _longest_share(setting: Setting, last: int) -> Array | float | None:
    """What a coordinate of a direction is at most, of methods that scale or take signs.

    With c = beta1**2 / beta2 < 1, by Cauchy and Schwarz Adam has |m_t| <= (1 - beta1) sqrt(v_t)
    sqrt((1 - c**t) / ((1 - c)(1 - beta2))), before corrections. A maximum of v only shortens steps.
    """
    rule = setting.runner
    if not _plain(rule):
        return None
    settings = rule.settings
    if rule.key in ("adagrad", "sign-descent", "signum", "lion"):
        return 1.0
    if rule.key not in ("adam", "amsgrad"):
        return None
    beta1, beta2, corrected = (settings[name] for name in ("beta1", "beta2", "bias_correction"))
    if beta1**2 >= beta2 and beta1 > 0:
        return None
    t = np.arange(1.0, last + 1)
    c = beta1**2 / beta2 if beta1 else 0.0
    most = (1 - beta1) * np.sqrt((1 - c**t) / ((1 - c) * (1 - beta2)))
    if corrected in ("both", "first"):
        most = most / (1 - beta1**t)
    return np.asarray(most * np.sqrt(1 - beta2**t) if corrected in ("both", "second") else most)


def _gain(setting: Setting, last: int) -> Array | None:
    """By what a step is longer than the longest gradient, of rules that add up gradients."""
    rule = setting.runner
    round_ = lowered(rule.traced, (), WholeSpace())
    names = ["x", *(name for name in round_.state if round_.levels[name] == BY_COORDINATE)]
    if any(rule.state[name.removeprefix("state_")] for name in names[1:]):
        return None
    sizes, gains = np.zeros(len(names)), []
    try:
        for made in coefficients(setting, round_, names, last):
            beside = made[:, 0].any() or made[:, -1].any()
            if beside or made[0, 1] != 1 or made[1:, 1].any():
                return None
            # Of x, only what it changes by.
            moved = abs(made[:, 2:-2]) @ sizes[1:] + abs(made[:, -2])
            gains.append(moved[0])
            sizes = moved
    except NonlinearError:
        return None
    return np.array(gains)


# What lies in which range

_Range = tuple[Any, Any] | None


def _distance(reach: _Reach, measure: str) -> _Range:
    low, high = reach.from_minimizer()
    return (low**2, high**2) if measure == "distance_square" else (low, high)


def _suboptimality(reach: _Reach, measure: str) -> _Range:
    problem = reach.problem
    first = float(problem.objective(problem.start)) - problem.constant("minimum")
    # The mean of points goes no further than the last of them.
    way = reach.steepest * reach.ways[0][reach.times]
    low, high = np.maximum(0.0, first - way), first + way
    if "minimizer" in problem.constants:
        apart = reach.from_minimizer(measure)[1]
        high = np.minimum(high, reach.steepest * apart)
        if isinstance(problem.domain, WholeSpace):
            # Where the gradient vanishes at the minimiser.
            high = np.minimum(high, reach.stated("L") / 2 * apart**2)
    high = np.minimum(high, first + reach.steepest * reach.across)
    corners = _at_corners(reach, measure)
    if corners is not None:
        high = np.minimum(high, corners.max(axis=1))
        if "linear" in problem.tags:
            low = np.maximum(low, corners.min(axis=1))
    return low, high


def _at_corners(reach: _Reach, measure: str) -> Array | None:
    """The suboptimality at the corners within which a convex objective is largest: (rounds, k)."""
    problem = reach.problem
    if not {"convex", "convex-on-average"} & set(problem.tags):
        return None
    n = problem.dimension
    least = problem.constant("minimum")
    if isinstance(problem.domain, Simplex):
        values = problem.objective(np.eye(n)) - least
        return np.broadcast_to(values, (reach.times.size, n))
    if n * 2.0**n * reach.times.size > _MOST_NUMBERS:
        return None
    low, high = reach.boxes(measure)
    if not np.isfinite([low, high]).all():
        return None
    sides = np.array(list(product((False, True), repeat=n)))
    return problem.objective(np.where(sides, high[:, None], low[:, None])) - least


def _gradient_mean(reach: _Reach, measure: str) -> _Range:
    problem, last = reach.problem, int(reach.times[-1])
    power = 2 if measure == "gradient_mean_square" else 1
    if "linear" in problem.tags:
        return reach.steepest**power, reach.steepest**power
    if not _on_the_domain(reach.setting):
        return None
    most = np.full(last, reach.steepest)
    if "query" not in reach.setting.runner.outputs:
        at_start = float(np.linalg.norm(problem.objective_gradient(problem.start)))
        most = np.minimum(most, at_start + reach.stated("L") * reach.ways[0][:-1])
    # Sampled rounds stand for others of their span, and the bound only grows.
    sampled = problem.samples is not None and problem.exact_gradient_cost > 10
    sizes = most**power
    total = np.arange(1, last + 1) * sizes if sampled else sizes.cumsum()
    return 0.0, total[reach.times - 1] / reach.times


def _moment(reach: _Reach, measure: str) -> _Range:
    """A moving average from 0 has weights that add up to 1 - beta**t."""
    problem, rule = reach.problem, reach.setting.runner
    name = "beta1" if measure == "first_moment" else "beta2"
    if rule.key not in ("adam", "amsgrad") or not _plain(rule):
        return None
    weight = 1 - rule.settings[name] ** reach.times.astype(float)
    norm = min(reach.stated("G"), np.sqrt(problem.dimension) * reach.stated("G_inf"))
    low, high = 0.0, norm**2
    if measure == "first_moment":
        exact = problem.objective_gradient(problem.start)
        size = float(np.linalg.norm(exact))
        if not size:
            return None
        low, high = -norm / size, norm / size
    if "linear" in problem.tags and problem.outcomes is not None:
        # A batch is a mean, whose square is at most the mean of squares.
        known = problem.outcomes()
        each = [view_of(problem, "", sample) for sample in known.samples]
        shown = np.concatenate([view.gradient(problem.start[None]) for view in each])
        if measure == "first_moment":
            along = shown @ exact / size**2
            low, high = max(low, along.min()), min(high, along.max())
        else:
            squares = (shown**2).sum(axis=-1)
            low = squares.min() if known.averaged == 1 else 0.0
            high = min(high, squares.max())
    return weight * low, weight * high


def _regret(reach: _Reach, measure: str) -> _Range:
    """Against the best fixed point from above, against the start from below.

    A loss differs between points by at most G times their distance.
    """
    if not reach.problem.domain.bounded or "query" in reach.setting.runner.outputs:
        return None
    way = reach.ways[0][:-1]
    steep = reach.stated("G")
    low = -steep * np.minimum(way, reach.across).cumsum()[reach.times - 1]
    high = steep * reach.across * reach.times.astype(float)
    share = reach.times if measure == "average_regret" else 1.0
    return low / share, high / share


_RANGES: dict[str, Callable[[_Reach, str], _Range]] = {
    "distance": _distance,
    "distance_square": _distance,
    "suboptimality": _suboptimality,
    "suboptimality_average": _suboptimality,
    "suboptimality_weighted": _suboptimality,
    "gradient_mean_square": _gradient_mean,
    "gradient_mean_norm": _gradient_mean,
    "first_moment": _moment,
    "second_moment": _moment,
    "regret": _regret,
    "average_regret": _regret,
}
