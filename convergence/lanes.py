"""Which problem, optimizer, schedule and seed each lane of a run has.

Lanes of one run share formulas, and each brings its own numbers: settings of the rule, of the
schedule, parameters of the problem. What is the same for all of them is one number here, what is
not an array with one for each lane; engines tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from convergence.experiment import Experiment
from convergence.expression import Expression
from convergence.rule import Rule
from convergence.schedule import Schedule
from convergence.tracing import (
    projection_letters,
    scalar_formulas,
    step_size_formula,
    why_not,
)
from problems.notation import require
from problems.problem import BlockSamples, Problem

__all__ = ["Lanes", "structure_of"]

T = TypeVar("T")
Array = NDArray[np.float64]


class _Spread(Generic[T]):
    """Objects and which of them each lane has.

    Attributes:
        items: Each once.
        place: Shape (lanes,), into the items.
    """

    def __init__(self, each: Sequence[T]):
        known: dict[int, int] = {}
        self.place = np.array([known.setdefault(id(item), len(known)) for item in each], np.intp)
        self.items: list[T] = [each[first] for first in np.unique(self.place, return_index=True)[1]]

    def values(self, of_items: Sequence[Any]) -> Any:
        """One number if it is the same for all, else an array of one for each lane."""
        numbers = np.array([float(value) for value in of_items])
        # Equal bits, not equal numbers: -0.0 is another start than 0.0.
        if (numbers.view(np.int64) == numbers[:1].view(np.int64)).all():
            return of_items[0]
        return numbers[self.place]

    @property
    def parts(self) -> list[tuple[T, NDArray[np.intp]]]:
        """Each item with its lanes."""
        return [(item, np.flatnonzero(self.place == k)) for k, item in enumerate(self.items)]


class _Same:
    """An object as a key, equal to itself alone, and alive as long as the key."""

    def __init__(self, it: object):
        self._it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._it is other._it

    def __hash__(self) -> int:
        return id(self._it)


def structure_of(problem: Problem, schedule: Schedule, horizon: int) -> tuple[Any, ...]:
    """What lanes must have in common to go in one run, beside `Rule.traced`."""
    formulas: Any = problem.entry.key if problem.entry else _Same(problem)
    if not why_not(problem):
        loss, gradient, _ = scalar_formulas(problem)
        formulas = _Same(loss), _Same(gradient)
    sizes = step_size_formula(schedule, problem, horizon)
    samples = None if problem.samples is None else _trailing(problem)
    return (
        formulas,
        problem.scalar,
        problem.dimension,
        tuple(problem.blocks.items()),
        problem.stochastic,
        samples,
        type(problem.domain).__name__,
        None if sizes is None else _Same(sizes[0]),
    )


def _trailing(problem: Problem) -> tuple[int, ...]:
    """The shape of one lane's sample of one round."""
    assert problem.samples is not None
    return tuple(problem.samples(np.array([1]), np.zeros(1, np.uint64)).shape[2:])


class Lanes:
    """The lanes of a run.

    Args:
        experiments: What is run: the lanes of each in turn. They have the same structure and the
            same number of steps.
        seeds: One for each lane of a single experiment, in place of its own.

    Raises:
        InputError: They have not the same structure, or a problem cannot be run.
    """

    def __init__(self, experiments: Sequence[Experiment], seeds: Sequence[int] | None = None):
        first = experiments[0]
        require(seeds is None or len(experiments) == 1, "seeds are given for one experiment only")
        drawn = [list(each.seeds) for each in experiments] if seeds is None else [list(seeds)]
        self.seeds = np.array([seed for each in drawn for seed in each], np.uint64)
        self._distinct, self._which = np.unique(self.seeds, return_inverse=True)
        if self._distinct.size == self.seeds.size:
            self._distinct = self.seeds
        counts = [len(each) for each in drawn]

        def spread(part: Callable[[Experiment], T]) -> _Spread[T]:
            each = zip(map(part, experiments), counts, strict=True)
            return _Spread([item for item, count in each for _ in range(count)])

        self.problems = spread(lambda each: each.problem)
        # Of an optimizer that is no rule nothing of a rule is asked.
        self.rules = spread(lambda each: cast(Rule, each.optimizer))
        self.schedules = spread(lambda each: each.schedule)
        self.horizon = first.steps
        require(
            all(each.steps == self.horizon for each in experiments),
            "the lanes of one run must have the same number of steps",
        )
        self.problem, self.schedule = first.problem, first.schedule
        self.rule = self.rules.items[0]
        for item in self.problems.items:
            item.probe()
        # A schedule may ask for a constant of the problem: pairs of both are what differs.
        pairs = self.problems.place * len(self.schedules.items) + self.schedules.place
        _, places, self._pair = np.unique(pairs, return_index=True, return_inverse=True)
        self._paired = [
            (
                self.problems.items[self.problems.place[k]],
                self.schedules.items[self.schedules.place[k]],
            )
            for k in places
        ]
        if any(len(spread.items) > 1 for spread in (self.problems, self.rules, self.schedules)):
            self._check()
        samples = self.problem.samples
        self._by_block = samples if self.one_problem and isinstance(samples, BlockSamples) else None

    @property
    def one_problem(self) -> bool:
        """Whether all lanes have the same problem."""
        return len(self.problems.items) == 1

    def _check(self) -> None:
        keys = {structure_of(*pair, self.horizon) for pair in self._paired}
        require(
            len(keys) == 1 and len({id(rule.traced) for rule in self.rules.items}) == 1,
            "the lanes of one run must have the same formulas; run them one after the other",
        )

    def by_pair(self, of_pairs: Sequence[Any]) -> Any:
        """As `_Spread.values`, of what a problem and a schedule give together."""
        numbers = np.array([float(value) for value in of_pairs])
        return of_pairs[0] if (numbers == numbers[0]).all() else numbers[self._pair]

    # Numbers

    def letters(self) -> dict[str, Any]:
        """Numbers of the letters of rule and domain, by the names that engines have for them.

        Raises:
            InputError: The rule asks for a minimum, and a problem states none.
        """
        found = {
            f"setting_{name}": self.rules.values([rule.settings[name] for rule in self.rules.items])
            for name in self.rule.traced.letters
        }
        if "minimum" in self.rule.traced.uses:
            minima = [problem.constant("minimum") for problem in self.problems.items]
            found["stated_minimum"] = self.problems.values(minima)
        domains = [projection_letters(problem.domain) for problem in self.problems.items]
        found |= {n: self.problems.values([d[n] for d in domains]) for n in domains[0]}
        return found

    def problem_letters(self) -> dict[str, Any]:
        """Those of the formulas of one-dimensional problems."""
        each = [scalar_formulas(problem)[2] for problem in self.problems.items]
        return {name: self.problems.values([values[name] for values in each]) for name in each[0]}

    def step_size(self) -> tuple[Expression | None, dict[str, Any]]:
        """The formula of the step size, if there is one, and numbers of its letters."""
        each = [step_size_formula(by, problem, self.horizon) for problem, by in self._paired]
        if each[0] is None:
            return None, {}
        numbers = [traced[1] for traced in each if traced is not None]
        return each[0][0], {name: self.by_pair([n[name] for n in numbers]) for name in numbers[0]}

    def state(self) -> dict[str, Any]:
        """First values of the rule's state."""
        each = [rule.state for rule in self.rules.items]
        return {
            name: first
            if isinstance(first, str)
            else self.rules.values([state[name] for state in each])
            for name, first in each[0].items()
        }

    @property
    def start(self) -> Array:
        """Where the lanes start: shape (n,), or (lanes, n)."""
        starts = [problem.start for problem in self.problems.items]
        return starts[0] if self.one_problem else np.stack(starts)[self.problems.place]

    # What a round asks for

    def step_sizes(self, first: int, count: int) -> Array:
        """Step sizes of rounds: shape (rounds,), or (rounds, lanes) where they differ."""
        rounds = np.arange(first, first + count)
        each = [by.step_sizes(rounds, problem, self.horizon) for problem, by in self._paired]
        return each[0] if len(each) == 1 else np.stack(each, axis=1)[:, self._pair]

    def samples(self, first: int, count: int) -> Any:
        """Samples, shape (rounds,) or (rounds, lanes, ...); zeros where none are drawn."""
        if self.problem.samples is None:
            return np.zeros(count)
        if self._by_block is not None:
            return self._by_block.block(first, count)
        rounds = np.arange(first, first + count)
        if self.one_problem:
            # Cells of a grid have the same seeds: what these draw is drawn once.
            drawn = self.problem.samples(rounds, self._distinct)
            alone = drawn.ndim == 1 or self._distinct.size == self.seeds.size
            return drawn if alone else drawn[:, self._which]
        found: Any = None
        for problem, lanes in self.problems.parts:
            assert problem.samples is not None
            drawn = problem.samples(rounds, self.seeds[lanes])
            if drawn.ndim == 1:
                drawn = drawn[:, None]
            if found is None:
                found = np.empty((count, self.seeds.size, *drawn.shape[2:]), drawn.dtype)
            found[:, lanes] = drawn
        return found

    def _over(self, evaluate: Any, points: Any, sample: Any) -> Any:
        found: Any = None
        for problem, lanes in self.problems.parts:
            drawn = sample[lanes] if isinstance(sample, np.ndarray) else sample
            value = evaluate(problem, points[lanes], drawn)
            if found is None:
                found = np.empty((self.seeds.size, *np.shape(value)[1:]))
            found[lanes] = value
        return found

    @property
    def gradient(self) -> Callable[[Any, Any], Any]:
        """(points, sample) -> the gradients of a round."""
        if self.one_problem:
            assert self.problem.gradient_formula is not None
            return self.problem.gradient_formula
        return partial(self._over, lambda problem, y, s: problem.gradient_formula(y, s))

    @property
    def loss(self) -> Callable[[Any, Any], Any]:
        """(points, sample) -> the losses of a round, with a last axis of 1 beside vectors."""
        formula = (
            self.problem.loss_formula
            if self.one_problem
            else partial(self._over, lambda problem, y, s: problem.loss_formula(y, s))
        )
        return formula if self.problem.scalar else lambda y, sample: formula(y, sample)[..., None]

    def project(self, points: Any, *weights: Any) -> Any:
        """Points projected onto the domain of their lane."""
        if self.one_problem:
            return self.problem.domain.project(points, *weights)
        found = np.array(points)
        for problem, lanes in self.problems.parts:
            own = (weight[lanes] for weight in weights)
            found[lanes] = problem.domain.project(points[lanes], *own)
        return found
