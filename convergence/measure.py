"""What a run is measured by, at each recorded round T.

Regret and averages are taken over rounds 1..T, at the points where gradients were taken;
`suboptimality`, `stationarity_gap` and `distance` are taken at the iterate after round T.

A measure is one object, which says all that a run, a judge or a figure asks of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from convergence.rule import Rule
from problems.domain import Box, Simplex, WholeSpace
from problems.laws.search import view_of
from problems.problem import Problem, once

__all__ = ["GRADIENT_SIZES", "MEASURES", "UNIT", "Measure", "Observation", "default_measures"]

Array = NDArray[np.float64]
Times = NDArray[np.int64]

#: Half the distance of 1 to the next number: what one operation may round off.
UNIT = 2.0**-53
# Roundings of a difference of two values of the objective, of a distance and the like, in units.
_EVALUATION = 64


@dataclass(frozen=True)
class Observation:
    """What is read off a simulation at one round, or stacked over rounds.

    Attributes:
        iterate: Shape (lanes, n); stacked (lanes, rounds, n).
        state: State variables, of the same shape or with a last axis of 1.
        totals: Running totals, likewise.
        exact_sums: Shape (lanes, sizes): the sums over rounds of the `GRADIENT_SIZES` of the exact
            gradient, where they were sampled.
    """

    iterate: Array
    state: Mapping[str, Array]
    totals: Mapping[str, Array]
    exact_sums: Array

    @staticmethod
    def stack(observations: Sequence[Observation]) -> Observation:
        """Several rounds in one."""

        def stacked(values: list[Array]) -> Array:
            return np.stack(values, axis=1)

        first = observations[0]
        return Observation(
            stacked([o.iterate for o in observations]),
            {name: stacked([o.state[name] for o in observations]) for name in first.state},
            {name: stacked([o.totals[name] for o in observations]) for name in first.totals},
            stacked([o.exact_sums for o in observations]),
        )

    def part(self, lanes: slice, rounds: Any) -> Observation:
        """Some lanes of a stacked observation, and some of its rounds: a slice, or places."""

        def cut(values: Array) -> Array:
            return values[lanes][:, rounds]

        return Observation(
            cut(self.iterate),
            {name: cut(values) for name, values in self.state.items()},
            {name: cut(values) for name, values in self.totals.items()},
            cut(self.exact_sums) if self.exact_sums.ndim > 2 else np.zeros(0),
        )


Evaluate = Callable[[Problem, Observation, Times, list[int]], Array]
Range = tuple[Any, Any] | None


class Reach(Protocol):
    """How far a run can come; see `convergence.judges.ranges`."""

    @property
    def times(self) -> Times: ...
    @property
    def problem(self) -> Problem: ...
    @property
    def rule(self) -> Rule: ...
    @property
    def plain(self) -> bool: ...
    @property
    def queries(self) -> bool: ...
    @property
    def on_the_domain(self) -> bool: ...
    @property
    def across(self) -> float: ...
    @property
    def steepest(self) -> float: ...
    @property
    def ways(self) -> tuple[Array, Array]: ...
    def stated(self, letter: str) -> float: ...
    def boxes(self, measure: Measure) -> tuple[Array, Array]: ...
    def from_minimizer(self, measure: Measure) -> tuple[Array, Array]: ...


@dataclass(frozen=True)
class Measure:
    """A figure at each recorded round.

    Attributes:
        name: Its Python name, the key in `Record.series`.
        meaning: One line.
        title: The title of an axis, with the unit where it is none of the objective's.
        evaluate: (problem, stacked observation, rounds, seeds) -> (lanes, rounds).
        unavailable: The reason why a problem has no such figure, or "".
        quantities: Running totals needed.
        samples_gradients: Whether exact gradients must be taken at drawn rounds.
        size: Of `GRADIENT_SIZES`, the one that is then summed.
        state: State variables of a rule that it is made of.
        span: (problem, rule, rounds) -> the least and the largest figure that the stated constants
            allow, shape (rounds,), infinite where they say nothing.
        within: (how far the run can come, this measure) -> the same for a run, or None if unknown.
        weights: Of a measure taken at a mean of iterates: rounds -> their weights.
        square: Of what it is a square wherever the objective is a quadratic: of the "distance" to
            the minimiser, of that in the objective's own norm (the "gap"), or of the "gradient" in
            the mean; "" if it is none. Its expectation then follows from second moments.
        standing_still: The figure of a run that never leaves the start, or None if unknown.
        evaluation: (problem, observation, figure) -> how far rounding may move the figure while it
            is evaluated, (lanes, rounds); the rounding of the run itself is another matter.
        scale: (observation) -> what a bound of 0 is compared with, (lanes, rounds).
        attained: A figure that some run has on every problem: no bound from above may lie below.
        rests_on: Constants of the problem that enter the figure.
        starts_at_start: Whether the figure at T = 1 is that of the start, on which no draw has had
            an influence.
        on_request: Whether it is taken only where a claim or a user asks for it.
    """

    name: str
    meaning: str
    title: str
    evaluate: Evaluate
    unavailable: Callable[[Problem], str]
    quantities: Callable[[Problem], tuple[str, ...]] = lambda problem: ()
    samples_gradients: Callable[[Problem], bool] = lambda problem: False
    size: str = ""
    state: tuple[str, ...] = ()
    span: Callable[[Problem, Rule | None, Times], tuple[Any, Any]] = lambda problem, rule, times: (
        -np.inf,
        np.inf,
    )
    within: Callable[[Reach, Measure], Range] | None = None
    weights: Callable[[Array], Array] | None = None
    square: Literal["", "distance", "gap", "gradient"] = ""
    standing_still: Callable[[Problem], float | None] = lambda problem: None
    evaluation: Callable[[Problem, Observation, Array], Array] = lambda problem, o, figure: (
        _EVALUATION * UNIT * abs(figure)
    )
    scale: Callable[[Observation], Array] | None = None
    attained: float | None = None
    rests_on: tuple[str, ...] = ()
    starts_at_start: bool = False
    on_request: bool = False


def _needs_hindsight(problem: Problem) -> str:
    return "" if problem.has_hindsight else "its best fixed point in hindsight is not known"


def _needs_objective(problem: Problem) -> str:
    return "" if problem.has_objective else "its losses change from round to round"


def _needs_minimum(problem: Problem) -> str:
    if "minimum" not in problem.constants:
        return _needs_objective(problem) or "its minimum is not known"
    return _needs_objective(problem)


def _needs_deterministic(problem: Problem) -> str:
    if problem.samples is not None:
        return "the losses of rounds 1..T are not values of one function"
    return _needs_minimum(problem)


def _needs_minimizer(problem: Problem) -> str:
    return "" if "minimizer" in problem.constants else "its minimiser is not known"


# Ranges that the stated constants allow


def _stated(problem: Problem, letter: str) -> float:
    return problem.constant(letter) if letter in problem.constants else np.inf


def _across(problem: Problem) -> float:
    domain = problem.domain
    return float(domain.diameter("l2", problem.dimension)) if domain.bounded else np.inf


def _times_or_inf(first: float, second: float) -> float:
    """A product in which 0 times infinity is infinity: nothing is known."""
    return first * second if np.isfinite(first) and np.isfinite(second) else np.inf


# Tables of corners have no more numbers.
_MOST_NUMBERS = 1 << 22
# A convex function is largest at a corner of a box; of more corners none is looked at.
_MOST_CORNERS = 1 << 10


@once
def _largest_gap(problem: Problem) -> float:
    """The largest objective minus minimum on the domain that is known."""
    most = _times_or_inf(_stated(problem, "G"), _across(problem))
    domain, convex = problem.domain, {"convex", "convex-on-average"} & set(problem.tags)
    if not (isinstance(domain, Box) and convex and "minimum" in problem.constants):
        return most
    if 2**problem.dimension <= _MOST_CORNERS:
        corners = itertools.product((domain.low, domain.high), repeat=problem.dimension)
        highest = float(problem.objective(np.array(list(corners), float)).max())
        most = min(most, highest - problem.constant("minimum"))
    return most


def _span_of_regret(problem: Problem, rule: Rule | None, times: Times) -> tuple[Any, Any]:
    most = _times_or_inf(_stated(problem, "G"), _across(problem)) * times
    return -most, most


def _span_of_gap(problem: Problem, rule: Rule | None, times: Times) -> tuple[Any, Any]:
    return 0.0, _largest_gap(problem)


def _span_of_second_moment(problem: Problem, rule: Rule | None, times: Times) -> tuple[Any, Any]:
    # A sum with weights that add up to 1 - beta2**T.
    if rule is None or "beta2" not in rule.settings:
        return 0.0, np.inf
    return 0.0, _stated(problem, "G") ** 2 * (1 - rule.settings["beta2"] ** times)


def _span_of_first_moment(problem: Problem, rule: Rule | None, times: Times) -> tuple[Any, Any]:
    if rule is None or "beta1" not in rule.settings:
        return -np.inf, np.inf
    along = float(np.linalg.norm(problem.objective_gradient(problem.start)))
    most = _stated(problem, "G") * (1 - rule.settings["beta1"] ** times) / along
    return -most, most


def _span_of_sup_norm(problem: Problem, rule: Rule | None, times: Times) -> tuple[Any, Any]:
    domain = problem.domain
    return 0.0, max(-domain.low, domain.high) if isinstance(domain, Box) else np.inf


def _between_zero_and(most: Callable[[Problem], float]) -> Any:
    return lambda problem, rule, times: (0.0, most(problem))


# Ranges that the way of a run allows: guaranteed confidence limits are as narrow as they are


def _within_distance(reach: Reach, measure: Measure, power: int = 1) -> Range:
    low, high = reach.from_minimizer(measure)
    return low**power, high**power


def _within_gap(reach: Reach, measure: Measure) -> Range:
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


def _at_corners(reach: Reach, measure: Measure) -> Array | None:
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
    sides = np.array(list(itertools.product((False, True), repeat=n)))
    return problem.objective(np.where(sides, high[:, None], low[:, None])) - least


def _within_gradient_mean(reach: Reach, measure: Measure, power: int = 1) -> Range:
    problem, last = reach.problem, int(reach.times[-1])
    if "linear" in problem.tags:
        return reach.steepest**power, reach.steepest**power
    if not reach.on_the_domain:
        return None
    most = np.full(last, reach.steepest)
    if not reach.queries:
        at_start = float(np.linalg.norm(problem.objective_gradient(problem.start)))
        most = np.minimum(most, at_start + reach.stated("L") * reach.ways[0][:-1])
    # Sampled rounds stand for others of their span, and the bound only grows.
    sizes = most**power
    sampled = measure.samples_gradients(problem)
    total = np.arange(1, last + 1) * sizes if sampled else sizes.cumsum()
    return 0.0, total[reach.times - 1] / reach.times


def _within_moment(reach: Reach, measure: Measure, name: str) -> Range:
    """A moving average from 0 has weights that add up to 1 - beta**t."""
    problem, rule, first = reach.problem, reach.rule, name == "beta1"
    if rule.key not in ("adam", "amsgrad") or not reach.plain:
        return None
    weight = 1 - rule.settings[name] ** reach.times.astype(float)
    norm = min(reach.stated("G"), np.sqrt(problem.dimension) * reach.stated("G_inf"))
    low, high = 0.0, norm**2
    if first:
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
        if first:
            along = shown @ exact / size**2
            low, high = max(low, along.min()), min(high, along.max())
        else:
            squares = (shown**2).sum(axis=-1)
            low = squares.min() if known.averaged == 1 else 0.0
            high = min(high, squares.max())
    return weight * low, weight * high


def _within_regret(reach: Reach, measure: Measure, power: int = 0) -> Range:
    """Against the best fixed point from above, against the start from below; over T**power.

    A loss differs between points by at most G times their distance.
    """
    if not reach.problem.domain.bounded or reach.queries:
        return None
    way = reach.ways[0][:-1]
    steep = reach.stated("G")
    low = -steep * np.minimum(way, reach.across).cumsum()[reach.times - 1]
    high = steep * reach.across * reach.times.astype(float)
    share = reach.times.astype(float) ** power
    return low / share, high / share


# Standing still


@once
def _gap_of_start(problem: Problem) -> float:
    return float(problem.objective(problem.start)) - problem.constant("minimum")


@once
def _distance_of_start(problem: Problem) -> float:
    return float(np.linalg.norm(problem.start - problem.constants["minimizer"].value))


@once
def _gradient_of_start(problem: Problem) -> float:
    return float(_stationarity(problem, problem.start))


# Rounding


def _rounding_of_gap(problem: Problem, o: Observation, figure: Array) -> Array:
    minimum = problem.constants["minimum"]
    level = abs(float(problem.objective(problem.start))) + abs(minimum.value)
    return np.asarray(_EVALUATION * UNIT * (level + abs(figure)) + minimum.tolerance)


def _rounding_of_regret(problem: Problem, o: Observation, figure: Array) -> Array:
    # The comparator's sum of losses is the difference of these.
    return _EVALUATION * UNIT * (abs(figure) + abs(o.totals["loss_sum"][..., 0]))


def _rounding_of_norm(problem: Problem, o: Observation, figure: Array) -> Array:
    return np.asarray(_EVALUATION * UNIT * abs(o.iterate).max(axis=-1) + 0.0 * figure)


def _rounding_of_square(problem: Problem, o: Observation, figure: Array) -> Array:
    off = _rounding_of_norm(problem, o, figure)
    return np.asarray(off * (2 * np.sqrt(abs(figure)) + off))


def _size(o: Observation) -> Array:
    return np.asarray(np.linalg.norm(o.iterate, axis=-1))


# Figures


def _regret(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return o.totals["loss_sum"][..., 0] - problem.hindsight(times, seeds)


def _average_regret(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return _regret(problem, o, times, seeds) / times


def _suboptimality(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return problem.objective(o.iterate) - problem.constant("minimum")


def _suboptimality_average(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    mean = o.totals["iterate_sum"] / times[:, None]
    return problem.objective(mean) - problem.constant("minimum")


def _suboptimality_weighted(
    problem: Problem, o: Observation, times: Any, seeds: list[int]
) -> Array:
    mean = o.totals["iterate_sum_by_round"] / (times * (times + 1) / 2)[:, None]
    return problem.objective(mean) - problem.constant("minimum")


def _suboptimality_best(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return o.totals["loss_least"][..., 0] - problem.constant("minimum")


def _stationarity(problem: Problem, x: Array) -> Array:
    """Norm of the gradient mapping (x - project(x - s grad f(x))) / s, s = 1/L, or 1 without L.

    Without a domain it is the norm of the gradient itself.
    """
    g = problem.objective_gradient(x)
    if not problem.domain.bounded:
        return np.asarray(np.linalg.norm(g, axis=-1))
    smooth = problem.constants.get("L")
    step = 1 / smooth.value if smooth and smooth.value > 0 else 1.0
    return np.asarray(np.linalg.norm(x - problem.domain.project(x - step * g), axis=-1) / step)


def _stationarity_gap(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return _stationarity(problem, o.iterate)


def _nuclear(problem: Problem, g: Array) -> Array:
    """The sum over the blocks of the nuclear norm; of a column that is the Euclidean norm."""
    total = np.zeros(g.shape[:-1])
    for block in problem.matrices(g).values():
        finite = np.asarray(np.isfinite(block).all(axis=(-2, -1)))
        values = np.linalg.svd(np.where(finite[..., None, None], block, 0.0), compute_uv=False)
        total = total + np.where(finite, values.sum(axis=-1), np.nan)
    return total


#: Sizes of a gradient of which means are taken: (problem, gradients (k, n)) -> (k,).
GRADIENT_SIZES: Mapping[str, Callable[[Problem, Array], Array]] = {
    "square": lambda problem, g: np.asarray((g * g).sum(axis=-1)),
    "norm": lambda problem, g: np.asarray(np.linalg.norm(g, axis=-1)),
    "absolute": lambda problem, g: np.asarray(abs(g).sum(axis=-1)),
    "nuclear": _nuclear,
}


def _gradient_mean(size: str, meaning: str, title: str, total: str = "", **more: Any) -> Measure:
    """The mean over the rounds of a size of the exact gradient.

    Args:
        size: Of `GRADIENT_SIZES`.
        meaning: Its name in words.
        title: See `Measure`.
        total: The running total of it, where gradients are exact; without one it is sampled.
        more: Further fields.
    """

    def samples(problem: Problem) -> bool:
        return problem.samples is not None or not total

    def mean(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
        place = list(GRADIENT_SIZES).index(size)
        sums = o.exact_sums[..., place] if samples(problem) else o.totals[total].sum(axis=-1)
        return np.asarray(sums / times)

    def at_start(problem: Problem) -> float:
        g = problem.objective_gradient(problem.start)
        return float(GRADIENT_SIZES[size](problem, g[None])[0])

    return Measure(
        f"gradient_mean_{size}",
        f"mean over rounds 1..T of the {meaning} of the exact gradient; sampled where an "
        "exact gradient costs more than ten stochastic ones",
        title,
        mean,
        _needs_objective,
        lambda problem: () if samples(problem) else (total,),
        samples,
        size,
        standing_still=at_start,
        starts_at_start=True,
        **more,
    )


def _stationarity_least(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return o.totals["gradient_norm_least"][..., 0]


def _distance_square(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return _distance(problem, o, times, seeds) ** 2


def _sup_norm(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return np.asarray(abs(o.iterate).max(axis=-1))


def _needs_fresh_examples(problem: Problem) -> str:
    return "" if problem.fresh_margin else "it does not say what a fresh example is"


def _fresh_margin(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    assert problem.fresh_margin is not None
    return np.asarray(problem.fresh_margin(o.iterate))


_OSCILLATION = ("step_weight_change", "step_weight_sum")


def _step_oscillation(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    changes, weights = (o.totals[name] for name in _OSCILLATION)
    return np.asarray(changes.sum(axis=-1) / weights.min(axis=-1))


def _of_state(o: Observation, name: str) -> Array:
    """A state variable; not a number where the rule has none."""
    return o.state.get(name, np.full(o.iterate.shape, np.nan))


def _first_moment(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    g = problem.objective_gradient(problem.start)
    return np.asarray((_of_state(o, "m") * g).sum(axis=-1) / (g * g).sum())


def _second_moment(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return np.asarray(_of_state(o, "v").sum(axis=-1))


def _relative_step(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return np.asarray(o.totals["relative_step_most"].max(axis=-1))


def _distance(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    minimizer = np.asarray(problem.constants["minimizer"].value, float)
    return np.asarray(np.linalg.norm(o.iterate - minimizer, axis=-1))


#: Facts that several measures share.
_GAP: Any = {
    "span": _span_of_gap,
    "standing_still": _gap_of_start,
    "evaluation": _rounding_of_gap,
    "rests_on": ("minimum",),
}
_NORM: Any = {
    "span": _between_zero_and(lambda problem: _stated(problem, "G")),
    "standing_still": _gradient_of_start,
}

#: Every measure by name.
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "regret",
            "sum of losses minus the least that a fixed point attains, rounds 1..T",
            "regret",
            _regret,
            _needs_hindsight,
            lambda problem: ("loss_sum",),
            span=_span_of_regret,
            within=_within_regret,
            evaluation=_rounding_of_regret,
            attained=0.0,
            on_request=True,
        ),
        Measure(
            "average_regret",
            "regret divided by T",
            "average regret",
            _average_regret,
            _needs_hindsight,
            lambda problem: ("loss_sum",),
            span=lambda problem, rule, times: tuple(
                end / times for end in _span_of_regret(problem, rule, times)
            ),
            within=partial(_within_regret, power=1),
            evaluation=_rounding_of_regret,
            attained=0.0,
            on_request=True,
        ),
        Measure(
            "suboptimality",
            "objective minus minimum at the iterate after round T",
            "suboptimality",
            _suboptimality,
            _needs_minimum,
            **_GAP,
            within=_within_gap,
            square="gap",
        ),
        Measure(
            "suboptimality_average",
            "objective minus minimum at the mean of the iterates of rounds 1..T",
            "suboptimality of the mean iterate",
            _suboptimality_average,
            _needs_minimum,
            lambda problem: ("iterate_sum",),
            **_GAP,
            within=_within_gap,
            square="gap",
            weights=np.ones_like,
            starts_at_start=True,
        ),
        Measure(
            "suboptimality_weighted",
            "objective minus minimum at the mean of the iterates with weights 1..T",
            "suboptimality of the weighted mean",
            _suboptimality_weighted,
            _needs_minimum,
            lambda problem: ("iterate_sum_by_round",),
            **_GAP,
            within=_within_gap,
            square="gap",
            weights=lambda rounds: rounds,
            on_request=True,
            starts_at_start=True,
        ),
        Measure(
            "suboptimality_best",
            "least objective minus minimum over rounds 1..T",
            "least suboptimality",
            _suboptimality_best,
            _needs_deterministic,
            lambda problem: ("loss_least",),
            **_GAP,
            starts_at_start=True,
        ),
        Measure(
            "stationarity_gap",
            "norm of the exact gradient (of the gradient mapping on a bounded domain) at the "
            "iterate after round T",
            "stationarity gap",
            _stationarity_gap,
            _needs_objective,
            **_NORM,
        ),
        _gradient_mean(
            "square",
            "squared norm",
            "mean squared gradient",
            "gradient_norm_square_sum",
            span=_between_zero_and(lambda problem: _stated(problem, "G") ** 2),
            within=partial(_within_gradient_mean, power=2),
            square="gradient",
        ),
        _gradient_mean(
            "norm",
            "norm",
            "mean norm of the gradient",
            "gradient_norm_sum",
            span=_between_zero_and(lambda problem: _stated(problem, "G")),
            within=_within_gradient_mean,
            on_request=True,
        ),
        _gradient_mean(
            "absolute",
            "1-norm",
            "mean 1-norm of the gradient",
            "gradient_absolute_sum",
            span=_between_zero_and(
                lambda problem: _stated(problem, "G") * float(np.sqrt(problem.dimension))
            ),
            on_request=True,
        ),
        _gradient_mean(
            "nuclear",
            "nuclear norm, summed over the blocks,",
            "mean nuclear norm of the gradient",
            span=_between_zero_and(
                lambda problem: _stated(problem, "G") * float(np.sqrt(problem.dimension))
            ),
            on_request=True,
        ),
        Measure(
            "stationarity_least",
            "least norm of the exact gradient over rounds 1..T",
            "least stationarity gap",
            _stationarity_least,
            lambda problem: (
                _needs_objective(problem)
                or ("" if problem.samples is None else "exact gradients are not taken every round")
            ),
            lambda problem: ("gradient_norm_least",),
            **_NORM,
            starts_at_start=True,
        ),
        Measure(
            "distance",
            "Euclidean distance of the iterate after round T to the minimiser",
            "distance to the minimiser",
            _distance,
            _needs_minimizer,
            span=_between_zero_and(_across),
            within=_within_distance,
            standing_still=_distance_of_start,
            evaluation=_rounding_of_norm,
            rests_on=("minimizer",),
        ),
        Measure(
            "distance_square",
            "the square of that distance",
            "squared distance to the minimiser",
            _distance_square,
            _needs_minimizer,
            span=_between_zero_and(lambda problem: _across(problem) ** 2),
            within=partial(_within_distance, power=2),
            square="distance",
            standing_still=lambda problem: _distance_of_start(problem) ** 2,
            evaluation=_rounding_of_square,
            rests_on=("minimizer",),
            on_request=True,
        ),
        Measure(
            "sup_norm",
            "largest coordinate of the iterate after round T, in size",
            "largest coordinate",
            _sup_norm,
            lambda problem: "",
            span=_span_of_sup_norm,
            standing_still=lambda problem: float(abs(problem.start).max()),
            on_request=True,
        ),
        Measure(
            "fresh_margin",
            "least margin y w.x of a fresh example, of either label, at the iterate after round T",
            "margin of a fresh example",
            _fresh_margin,
            _needs_fresh_examples,
            evaluation=_rounding_of_norm,
            on_request=True,
        ),
        Measure(
            "fresh_misfit",
            "the negative of that margin: how far a fresh example is on the wrong side",
            "misfit of a fresh example",
            lambda problem, o, times, seeds: -_fresh_margin(problem, o, times, seeds),
            _needs_fresh_examples,
            evaluation=_rounding_of_norm,
            on_request=True,
        ),
        Measure(
            "first_moment",
            "share of the start's exact gradient in the rule's first moment after round T",
            "first moment over E g",
            _first_moment,
            _needs_objective,
            state=("m",),
            span=_span_of_first_moment,
            within=partial(_within_moment, name="beta1"),
            on_request=True,
        ),
        Measure(
            "second_moment",
            "sum over the coordinates of the rule's second moment after round T",
            "second moment",
            _second_moment,
            lambda problem: "",
            state=("v",),
            span=_span_of_second_moment,
            within=partial(_within_moment, name="beta2"),
            on_request=True,
        ),
        Measure(
            "step_oscillation",
            "for methods without momentum: the sum over rounds 1..T of the changes of what "
            "gradients are multiplied by, over the least sum of these weights",
            "oscillation of the step over its sum",
            _step_oscillation,
            lambda problem: "",
            lambda problem: _OSCILLATION,
            on_request=True,
        ),
        Measure(
            "difference",
            "Euclidean distance of the iterates after round T of a run and of the run that a claim "
            "sets beside it",
            "distance of the two runs",
            lambda problem, o, times, seeds: np.linalg.norm(
                o.iterate - o.totals["twin_iterate"], axis=-1
            ),
            lambda problem: "it takes two runs, which only a claim names",
            scale=_size,
            on_request=True,
        ),
        Measure(
            "relative_step",
            "largest change of a coordinate in a round, over the step size, in rounds 1..T; "
            "before any projection",
            "largest step, in step sizes",
            _relative_step,
            lambda problem: "",
            lambda problem: ("relative_step_most",),
            on_request=True,
        ),
    )
}


def default_measures(problem: Problem) -> list[Measure]:
    """All that make sense: regret and distance online, else what concerns the objective."""
    online = problem.hindsight_formula is not None
    names = (
        ("regret", "average_regret", "distance")
        if online
        else tuple(name for name, measure in MEASURES.items() if not measure.on_request)
    )
    return [MEASURES[name] for name in names if not MEASURES[name].unavailable(problem)]
