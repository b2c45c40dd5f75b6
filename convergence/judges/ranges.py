"""In which interval a figure must lie, whatever is drawn, by what a problem states.

Exact confidence limits are as narrow as this interval is short. Three things narrow it: the domain,
how far the steps can lead, and that a convex function is largest at a corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convergence.engines.lowering import BY_COORDINATE, lowered
from convergence.experiment import Experiment
from convergence.judges.exact import NonlinearError, coefficients
from convergence.measure import MEASURES, Measure
from convergence.rule import Rule
from problems.domain import Ball, Box, Simplex, WholeSpace
from problems.problem import Problem

__all__ = ["figure_range"]

Array = NDArray[np.float64]

# Numbers are rounded, so that a range is a little longer than in real arithmetic.
_ROUNDING = 1e-10
# Steps are followed in runs no longer than this, and tables have no more numbers.
_MOST_ROUNDS, _MOST_NUMBERS = 20_000, 1 << 22


def figure_range(
    experiment: Experiment, measure: str, times: NDArray[np.int64]
) -> tuple[Array, Array] | None:
    """The least and the largest value that a measure can have, at each round.

    It follows from stated constants alone (G, G_inf, L, the minimum, the minimiser, the outcomes),
    from the domain and from what a step of the rule can be at most; it holds for every draw.

    Args:
        experiment: What is run.
        measure: The name of the measure.
        times: The rounds, increasing.

    Returns:
        Both of shape (rounds,) and finite, or None where no range is known.
    """
    chosen = MEASURES[measure]
    if chosen.within is None or chosen.unavailable(experiment.problem):
        return None
    with np.errstate(all="ignore"):
        found = chosen.within(Reach(experiment, times), chosen)
    if found is None:
        return None
    low, high = (np.broadcast_to(np.asarray(end, float), times.shape) for end in found)
    if not np.isfinite([low, high]).all():
        return None
    slack = _ROUNDING * np.maximum(abs(low), abs(high))
    return low - slack, high + slack


@dataclass(frozen=True)
class Reach:
    """How far a run can come."""

    experiment: Experiment
    times: NDArray[np.int64]

    @property
    def problem(self) -> Problem:
        """What is run on."""
        return self.experiment.problem

    @property
    def rule(self) -> Rule:
        """What is run."""
        return self.experiment.runner

    @property
    def plain(self) -> bool:
        """Whether the rule adds nothing to gradients, and weighs them the same throughout."""
        return _plain(self.rule)

    @property
    def queries(self) -> bool:
        """Whether gradients are taken elsewhere than at the iterate."""
        return "query" in self.rule.outputs

    @property
    def on_the_domain(self) -> bool:
        """Whether gradients are taken there, or are the same beside it."""
        inside = not (self.queries and self.problem.domain.bounded)
        return inside or "linear" in self.problem.tags

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
        steps = _longest_steps(self.experiment, last)
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

    def boxes(self, measure: Measure) -> tuple[Array, Array]:
        """Where the point is at which a measure is taken: the ends, each (rounds, n)."""
        single, times = self.ways[1], self.times
        if measure.weights is None:
            return self.box(single[times])
        if single.size * self.problem.dimension > _MOST_NUMBERS:
            return self.box(single[times - 1])
        # A mean of points of boxes lies in the mean of the boxes.
        weights = measure.weights(np.arange(1.0, single.size))[:, None]
        total = weights.cumsum(axis=0)
        low, high = (
            ((weights * end).cumsum(axis=0) / total)[times - 1] for end in self.box(single[:-1])
        )
        return low, high

    def from_minimizer(self, measure: Measure) -> tuple[Array, Array]:
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


def _longest_steps(experiment: Experiment, last: int) -> tuple[Array, Array] | None:
    """What a step can be at most, in the Euclidean norm and by coordinate: (rounds,) each."""
    problem, rule = experiment.problem, experiment.runner
    if last > _MOST_ROUNDS or rule.traced.by_block:
        return None
    share = _longest_share(experiment, last)
    if share is not None:
        rounds = np.arange(1, last + 1)
        single = share * experiment.schedule.step_sizes(rounds, problem, experiment.steps)
        return np.sqrt(problem.dimension) * single, single
    # G and G_inf speak of gradients on the domain.
    gain = _gain(experiment, last) if Reach(experiment, np.array([last])).on_the_domain else None
    if gain is None:
        return None
    constants = problem.constants
    norm = problem.constant("G") if "G" in constants else np.inf
    size = problem.constant("G_inf") if "G_inf" in constants else norm
    return gain * min(norm, np.sqrt(problem.dimension) * size), gain * size


def _plain(rule: Rule) -> bool:
    """Whether nothing is added to the gradients, and averages have the same weights throughout."""
    settings = {"weight_decay": 0.0, "beta1_decay": 1.0, **rule.settings}
    return bool(settings["weight_decay"] == 0 and settings["beta1_decay"] == 1)


def _longest_share(experiment: Experiment, last: int) -> Array | float | None:
    """What a coordinate of a direction is at most, of methods that scale or take signs.

    With c = beta1**2 / beta2 < 1, by Cauchy and Schwarz Adam has |m_t| <= (1 - beta1) sqrt(v_t)
    sqrt((1 - c**t) / ((1 - c)(1 - beta2))), before corrections. A maximum of v only shortens steps.
    """
    rule = experiment.runner
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


def _gain(experiment: Experiment, last: int) -> Array | None:
    """By what a step is longer than the longest gradient, of rules that add up gradients."""
    rule = experiment.runner
    round_ = lowered(rule.traced, (), WholeSpace())
    names = ["x", *(name for name in round_.state if round_.levels[name] == BY_COORDINATE)]
    if any(rule.state[name.removeprefix("state_")] for name in names[1:]):
        return None
    sizes, gains = np.zeros(len(names)), []
    try:
        for made in coefficients(experiment, round_, names, last):
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
