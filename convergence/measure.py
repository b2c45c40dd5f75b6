"""What a run is measured by, at each recorded round T.

Regret and averages are taken over rounds 1..T, at the points where gradients were taken;
`suboptimality`, `stationarity_gap` and `distance` are taken at the iterate after round T.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems.problem import Problem

__all__ = ["MEASURES", "Measure", "Observation", "default_measures"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """What is read off a simulation at one round, or stacked over rounds.

    Attributes:
        iterate: Shape (lanes, n); stacked (lanes, rounds, n).
        state: State variables, of the same shape or with a last axis of 1.
        totals: Running totals, likewise.
        exact_square_sum: Shape (lanes,): the sum over rounds of ||grad f||**2 where it was
            sampled.
    """

    iterate: Array
    state: Mapping[str, Array]
    totals: Mapping[str, Array]
    exact_square_sum: Array

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
            stacked([o.exact_square_sum for o in observations]),
        )

    def part(self, lanes: slice, rounds: int) -> Observation:
        """Some lanes of a stacked observation, and its first rounds."""
        return Observation(
            self.iterate[lanes, :rounds],
            {name: values[lanes, :rounds] for name, values in self.state.items()},
            {name: values[lanes, :rounds] for name, values in self.totals.items()},
            self.exact_square_sum[lanes, :rounds],
        )


Evaluate = Callable[[Problem, Observation, NDArray[np.int64], list[int]], Array]


@dataclass(frozen=True)
class Measure:
    """A figure at each recorded round.

    Attributes:
        name: Its Python name, the key in `Record.series`.
        meaning: One line.
        evaluate: (problem, stacked observation, rounds, seeds) -> (lanes, rounds).
        unavailable: The reason why a problem has no such figure, or "".
        quantities: Running totals needed.
        samples_gradients: Whether exact gradients must be taken at drawn rounds.
        state: State variables of a rule that it is made of.
    """

    name: str
    meaning: str
    evaluate: Evaluate
    unavailable: Callable[[Problem], str]
    quantities: Callable[[Problem], tuple[str, ...]] = lambda problem: ()
    samples_gradients: Callable[[Problem], bool] = lambda problem: False
    state: tuple[str, ...] = ()


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


def _gradient_mean_square(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    if problem.samples is None:
        return o.totals["gradient_norm_square_sum"][..., 0] / times
    return o.exact_square_sum / times


def _gradient_mean_absolute(
    problem: Problem, o: Observation, times: Any, seeds: list[int]
) -> Array:
    return np.asarray(o.totals["gradient_absolute_sum"].sum(axis=-1) / times)


def _needs_exact_gradients(problem: Problem) -> str:
    taken = "" if problem.samples is None else "exact gradients are not taken every round"
    return _needs_objective(problem) or taken


def _stationarity_least(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return o.totals["gradient_norm_least"][..., 0]


def _distance_square(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return _distance(problem, o, times, seeds) ** 2


def _sup_norm(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    return np.asarray(abs(o.iterate).max(axis=-1))


def _needs_fresh_examples(problem: Problem) -> str:
    return "" if problem.key == "wilson-2017" else "only wilson-2017 says what a fresh example is"


def _fresh_margin(problem: Problem, o: Observation, times: Any, seeds: list[int]) -> Array:
    # A fresh example of label y has the features y, 1, 1, and a private block never seen.
    return np.asarray(o.iterate[..., 0] - abs(o.iterate[..., 1] + o.iterate[..., 2]))


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


# Taken only where a claim or a user asks for them.
_ON_REQUEST = (
    "regret",
    "average_regret",
    "suboptimality_weighted",
    "gradient_mean_absolute",
    "distance_square",
    "sup_norm",
    "fresh_margin",
    "fresh_misfit",
    "first_moment",
    "second_moment",
    "step_oscillation",
    "difference",
    "relative_step",
)

#: Every measure by name.
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "regret",
            "sum of losses minus the least that a fixed point attains, rounds 1..T",
            _regret,
            _needs_hindsight,
            lambda problem: ("loss_sum",),
        ),
        Measure(
            "average_regret",
            "regret divided by T",
            _average_regret,
            _needs_hindsight,
            lambda problem: ("loss_sum",),
        ),
        Measure(
            "suboptimality",
            "objective minus minimum at the iterate after round T",
            _suboptimality,
            _needs_minimum,
        ),
        Measure(
            "suboptimality_average",
            "objective minus minimum at the mean of the iterates of rounds 1..T",
            _suboptimality_average,
            _needs_minimum,
            lambda problem: ("iterate_sum",),
        ),
        Measure(
            "suboptimality_weighted",
            "objective minus minimum at the mean of the iterates with weights 1..T",
            _suboptimality_weighted,
            _needs_minimum,
            lambda problem: ("iterate_sum_by_round",),
        ),
        Measure(
            "suboptimality_best",
            "least objective minus minimum over rounds 1..T",
            _suboptimality_best,
            _needs_deterministic,
            lambda problem: ("loss_least",),
        ),
        Measure(
            "stationarity_gap",
            "norm of the exact gradient (of the gradient mapping on a bounded domain) at the "
            "iterate after round T",
            _stationarity_gap,
            _needs_objective,
        ),
        Measure(
            "gradient_mean_square",
            "mean over rounds 1..T of the squared norm of the exact gradient; sampled where an "
            "exact gradient costs more than ten stochastic ones",
            _gradient_mean_square,
            _needs_objective,
            lambda problem: () if problem.samples is not None else ("gradient_norm_square_sum",),
            lambda problem: problem.samples is not None,
        ),
        Measure(
            "gradient_mean_absolute",
            "mean over rounds 1..T of the 1-norm of the exact gradient",
            _gradient_mean_absolute,
            _needs_exact_gradients,
            lambda problem: ("gradient_absolute_sum",),
        ),
        Measure(
            "stationarity_least",
            "least norm of the exact gradient over rounds 1..T",
            _stationarity_least,
            lambda problem: (
                _needs_objective(problem)
                or ("" if problem.samples is None else "exact gradients are not taken every round")
            ),
            lambda problem: ("gradient_norm_least",),
        ),
        Measure(
            "distance",
            "Euclidean distance of the iterate after round T to the minimiser",
            _distance,
            _needs_minimizer,
        ),
        Measure(
            "distance_square",
            "the square of that distance",
            _distance_square,
            _needs_minimizer,
        ),
        Measure(
            "sup_norm",
            "largest coordinate of the iterate after round T, in size",
            _sup_norm,
            lambda problem: "",
        ),
        Measure(
            "fresh_margin",
            "least margin y w.x of a fresh example, of either label, at the iterate after round T",
            _fresh_margin,
            _needs_fresh_examples,
        ),
        Measure(
            "fresh_misfit",
            "the negative of that margin: how far a fresh example is on the wrong side",
            lambda problem, o, times, seeds: -_fresh_margin(problem, o, times, seeds),
            _needs_fresh_examples,
        ),
        Measure(
            "first_moment",
            "share of the start's exact gradient in the rule's first moment after round T",
            _first_moment,
            _needs_objective,
            state=("m",),
        ),
        Measure(
            "second_moment",
            "sum over the coordinates of the rule's second moment after round T",
            _second_moment,
            lambda problem: "",
            state=("v",),
        ),
        Measure(
            "step_oscillation",
            "for methods without momentum: the sum over rounds 1..T of the changes of what "
            "gradients are multiplied by, over the least sum of these weights",
            _step_oscillation,
            lambda problem: "",
            lambda problem: _OSCILLATION,
        ),
        Measure(
            "difference",
            "Euclidean distance of the iterates after round T of a run and of the run that a claim "
            "sets beside it",
            lambda problem, o, times, seeds: np.linalg.norm(
                o.iterate - o.totals["twin_iterate"], axis=-1
            ),
            lambda problem: "it takes two runs, which only a claim names",
        ),
        Measure(
            "relative_step",
            "largest change of a coordinate in a round, over the step size, in rounds 1..T; "
            "before any projection",
            _relative_step,
            lambda problem: "",
            lambda problem: ("relative_step_most",),
        ),
    )
}


def default_measures(problem: Problem) -> list[Measure]:
    """All that make sense: regret and distance online, else what concerns the objective."""
    online = problem.hindsight_formula is not None
    names = (
        ("regret", "average_regret", "distance")
        if online
        else tuple(name for name in MEASURES if name not in _ON_REQUEST)
    )
    return [MEASURES[name] for name in names if not MEASURES[name].unavailable(problem)]
