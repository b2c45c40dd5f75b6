"""A run in progress, and `run`, which carries one out and records it."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, Literal, TypedDict, Unpack, get_args, overload

import numpy as np
from numpy.typing import NDArray

from convergence import quantity
from convergence.engines import blocks, loops, rows, steps
from convergence.engines.kernel import Flavour, Kernel, kernel
from convergence.engines.lowering import lowered
from convergence.engines.sparse import why_not_sparse
from convergence.experiment import STEPS, Experiment, Projection
from convergence.grid import cells
from convergence.lanes import Lanes, structure_of
from convergence.measure import (
    GRADIENT_SIZES,
    MEASURES,
    Measure,
    Observation,
    default_measures,
)
from convergence.optimizer import Opaque
from convergence.record import End, Record
from convergence.rule import Rule
from convergence.schedule import Schedule
from convergence.tracing import why_not
from problems import draws
from problems.domain import Box
from problems.notation import InputError, nearest, require
from problems.problem import Problem

__all__ = ["Engine", "Simulation", "one_thread", "record_times", "run", "run_all", "structure"]

#: What carries out the rounds; the bits are the same.
Engine = Literal["auto", "numpy", "compiled", "number", "array"]
Array = NDArray[np.float64]

_BLOCK = 1024
# Compiled rounds take less time than a call, so that more of them go into one.
_COMPILED_BLOCK = 1 << 17
# At first blocks are as long as the run so far, or this: between blocks a loop may become another.
_FIRST_BLOCK = 1 << 13
# Seconds that a run must take without compiling, by these estimates, for compiling to pay.
_PAYS = 2.0
_SECONDS_PER_NUMBER, _SECONDS_PER_ROUND, _SECONDS_PER_COORDINATE = 1e-6, 2e-5, 2e-8
# At most this many samples are drawn at a time, so memory stays bounded for many lanes.
_SAMPLES = 1 << 20
_DRAWS_PER_SPAN = 4
# Of so many lanes rounds are looked at in blocks: of more, arrays of one round are long enough.
_FEW_LANES = 256
# And for so many rounds at once, where a run advances by fewer.
_AHEAD = 128
_MOST_LANES = 1_000_000


def record_times(steps: int) -> NDArray[np.int64]:
    """Rounds at which a run is recorded: 1 to 10, then about twenty a decade, and the last.

    Args:
        steps: At least 1.

    Returns:
        Increasing integers, O(log steps) of them.
    """
    exponents = np.arange(20, int(20 * np.log10(steps)) + 1)
    spaced = np.round(10.0 ** (exponents / 20)).astype(np.int64)
    times = np.concatenate([np.arange(1, 11), spaced, [steps]])
    return np.unique(times[times <= steps])


class Simulation:
    """A rule at work on a problem: advance it, look at it, advance it further.

    Lanes are independent: each seed gives the same bits alone and among others.

    Args:
        experiment: What is run, or several of the same formulas, which differ in their numbers: the
            lanes of each in turn. Its steps are the horizon, which a schedule may ask for.
        seeds: One lane for each of these, in place of the seeds of a single experiment.
        quantities: Names of the running totals to keep.
        engine: "compiled" makes one loop of a one-dimensional problem whose formulas can be
            traced, and compiles the steps on one of several dimensions (what cannot be compiled
            runs as without it, and a warning says why); "numpy" as "number" (plain floats, for
            one lane in one dimension) or as "array". "auto" compiles where that pays. All give
            the same bits.
        workers: Threads among which compiled rounds divide the lanes.

    Raises:
        InputError: The parts do not fit together, or the first loss or gradient has a wrong shape
            or type or is not finite.
    """

    def __init__(
        self,
        experiment: Experiment | Sequence[Experiment],
        *,
        seeds: Sequence[int] | None = None,
        quantities: Sequence[str] = (),
        engine: Engine = "auto",
        workers: int = 1,
    ):
        several = [experiment] if isinstance(experiment, Experiment) else list(experiment)
        self._lanes = lanes = Lanes(several, seeds)
        self.seeds, self.horizon = lanes.seeds, lanes.horizon
        self.problem, self.rule, self.schedule = lanes.problem, lanes.rule, lanes.schedule
        self.t = 0
        projections = {each.projection for each in several}
        require(len(projections) == 1, "the lanes of one run must be projected alike")
        self._by_metric = by_metric = projections == {"metric"}
        require(
            not by_metric or "metric" in self.rule.outputs,
            f"projection='metric' needs a rule with a metric; {self.rule.key} has none",
        )
        domain = self.problem.domain
        require(
            not by_metric or self.rule.settings.get("eps") != 0 or isinstance(domain, Box),
            f"projection='metric' onto {domain} needs eps > 0 in rule {self.rule.key}, "
            "or a coordinate without gradients has no weight",
        )
        require(
            engine in get_args(Engine),
            f"engine={engine!r} must be one of {', '.join(get_args(Engine))}",
        )
        require(
            not self.rule.traced.asks_objective or self.problem.samples is None,
            f"rule {self.rule.key} asks for values of the objective, and the rounds of problem "
            f"{self.problem.specification} do not show it: their losses differ",
        )
        single = self.problem.scalar and self.seeds.size == 1
        by_block = self.rule.traced.by_block
        require(
            engine != "number" or (single and not by_block),
            "engine='number' runs one seed of a one-dimensional scalar problem only",
        )
        self._number = single and engine != "array" and not by_block
        names = list(dict.fromkeys(quantities))
        if domain.bounded:
            names.append("finiteness")
        self._quantities = quantity.with_parts(names)
        self._blocks = blocks.Blocks(self.rule.traced, self.problem) if by_block else None
        formulas = self._blocks.outer if self._blocks else self.rule.traced
        self._round = lowered(formulas, self._quantities, domain)
        letters = lanes.letters()
        self._letters = {name: letters[name] for name in self._round.letters}
        self._live = self._begun()
        self._undisturbed: tuple[Any, ...] | None = None
        self.ended = np.zeros(self.seeds.size, np.int64)
        whole = isinstance(workers, int) and not isinstance(workers, bool)
        require(whole and workers >= 1, f"workers={workers!r} must be a whole number of at least 1")
        self._workers = workers
        self._loop: loops.Loop | None = None
        self._steps: steps.Steps | None = None
        self._rows: rows.RowLoop | None = None
        self._compile(engine)

    def _begun(self) -> tuple[Any, ...]:
        """What is carried from round to round, before the first."""
        problem, start = self.problem, self._lanes.start
        state = self._lanes.state()
        first = [*state.values(), *(q.start for q in self._quantities)]
        if self._number:
            one = float(start[0])
            return (one, one, *map(float, first))
        if problem.scalar:
            shape: tuple[int, ...] = (self.seeds.size,)
            start = start[..., 0]
        else:
            shape = (self.seeds.size, problem.dimension)
            # Beside vectors, one number for each lane needs their last axis.
            first = [f[:, None] if isinstance(f, np.ndarray) else f for f in first]
        if self._blocks:
            first[: len(state)] = self._blocks.begun(state, self.seeds.size)
        at = np.broadcast_to(start, shape)
        return (at, at, *first)

    def _compile(self, engine: Engine) -> None:
        """Write compiled rounds or steps, where they are wanted and exist."""
        count, rounds, problem = self.seeds.size, self.horizon, self.problem
        seconds = (
            rounds * _SECONDS_PER_NUMBER
            if self._number
            else rounds * (_SECONDS_PER_ROUND + count * problem.dimension * _SECONDS_PER_COORDINATE)
        )
        if engine not in ("auto", "compiled") or (engine == "auto" and seconds < _PAYS):
            return
        by_lane = {name for name, value in self._letters.items() if np.ndim(value)}
        reason = "a rule of blocks multiplies matrices" if self._blocks else ""
        if not problem.scalar:
            if not reason:
                reason = steps.why_no_steps(self.rule, problem.domain, by_metric=self._by_metric)
            if not reason:
                if self._own_sizes:
                    by_lane.add("step_size")
                self._steps = steps.compiled_steps(self._round.beside(by_lane))
                self._compile_rows(self._steps)
        else:
            drawn = self._drawn(1, 1)
            reason = reason or why_not(problem)
            if not reason and drawn.ndim > 2:
                reason = "a round draws more than one number"
            if not reason:
                size, numbers = self._lanes.step_size()
                self._letters |= {**self._lanes.problem_letters(), **numbers}
                by_lane = {name for name, value in self._letters.items() if np.ndim(value)}
                if drawn.ndim == 2 and not self._number:
                    by_lane.add("sample")
                if size is None and self._lanes.step_sizes(1, 1).ndim > 1:
                    by_lane.add("step_size")
                self._loop = loops.compiled_loop(
                    self.rule,
                    self._quantities,
                    problem,
                    size,
                    lanes=not self._number,
                    by_lane=frozenset(by_lane),
                )
        if reason and engine == "compiled":
            warnings.warn(f"problem {problem.key} runs on numpy: {reason}", stacklevel=4)

    def _compile_rows(self, made: steps.Steps) -> None:
        """Write rounds on mini-batches of examples, where they exist."""
        problem, examples = self.problem, self.problem.examples
        reason = rows.why_no_rows(made, problem)
        if not reason and not self._lanes.one_problem:
            reason = "lanes have problems of their own"
        if not reason:
            first = dict(zip(self._round.kept[2:], self._live[2:], strict=True))
            parts = problem, self._letters, first
            self._rows = rows.row_loop(problem, made, self._samples_per_lane, *parts[1:])
            reason = "" if self._rows.few else why_not_sparse(made.round_, *parts)
        if examples is not None and examples.sparse and reason:
            warnings.warn(
                f"a step of {self.rule.key} on {problem.key} costs as much as all "
                f"{problem.dimension} coordinates, not as the entries of its rows: {reason}",
                stacklevel=5,
            )

    def _kernel(self, flavour: Flavour, every_round: bool) -> Kernel:
        return kernel(
            self._round,
            flavour,
            scalar=self.problem.scalar,
            by_metric=self._by_metric,
            every_round=every_round,
        )

    # Advancing

    def _drawn(self, first: int, count: int) -> Any:
        """Samples, shape (rounds,) or (rounds, lanes, ...); zeros where none are drawn."""
        if self.problem.samples is None:
            return self._lanes.samples(first, count)
        drawn = self._ahead("samples", self._lanes.samples, first, count)
        return drawn[:, 0] if drawn.ndim == 2 and self._number else drawn

    def _step_sizes(self, first: int, count: int) -> Array:
        """Shape (rounds,), or (rounds, lanes) where they differ."""
        sizes: Array = self._ahead("step sizes", self._lanes.step_sizes, first, count)
        return sizes

    def _ahead(self, what: str, made: Callable[[int, int], Any], first: int, count: int) -> Any:
        """What is made for these rounds; of a few rounds, for those that follow as well.

        What is made for a round does not depend on which others it is made with.
        """
        begin, known = self._known_ahead.get(what, (0, ()))
        if not begin <= first <= first + count <= begin + len(known):
            most = min(_AHEAD, self._longest_block(), self.horizon - first + 1)
            begin, known = first, made(first, max(count, most))
            self._known_ahead[what] = begin, known
        return known[first - begin : first - begin + count]

    @cached_property
    def _known_ahead(self) -> dict[str, tuple[int, Any]]:
        return {}

    def _samples(self, first: int, count: int) -> Any:
        if self.problem.samples is None:
            return itertools.repeat(None, count)
        drawn = self._drawn(first, count)
        return drawn.tolist() if drawn.ndim == 1 else drawn

    def _block(self, count: int, every_round: bool = False) -> list[tuple[Any, ...]]:
        """What stands after `count` more rounds (or after each of them); nothing is changed."""
        first = self.t + 1
        loop = None if every_round else self._loop
        sizes: Any = np.empty(0)
        if loop is None or not loop.sized:
            sizes = self._step_sizes(first, count)
        if loop is not None:
            drawn = np.ascontiguousarray(self._drawn(first, count), dtype=float)
            parts = (drawn, sizes, self.t, self._letters, self._live)
            return [loop.run(*parts, self._workers)]
        if sizes.ndim == 2 and not self.problem.scalar:
            sizes = sizes[..., None]
        if self._rows and not every_round:
            drawn = self._drawn(first, count)
            parts = (drawn, sizes, self.t, self._letters, self._live)
            after = self._rows.run(*parts, self._workers)
            if after is not None:
                return [after]
            # From here on there may be numbers of kinds that the loop does not reckon with.
            self._rows = None
        sizes = sizes.tolist() if sizes.ndim == 1 else sizes
        samples, lanes = list(self._samples(first, count)), self._lanes
        reach = (lanes.loss, lanes.gradient, lanes.project, samples, sizes, self.t)
        with np.errstate(all="ignore"):
            if self._steps and not every_round:
                workers = self._workers if lanes.one_problem else 1
                return [self._steps.run(*reach, self._letters, *self._live, workers=workers)]
            if self._blocks:
                made = self._kernel("array", every_round)
                after = self._blocks.run(made, reach, lanes.letters(), self._live)
                return after if every_round else [after]
            letters = tuple(self._letters[name] for name in self._round.letters)
            if self._number:
                one = tuple(map(float, letters))
                try:
                    after = self._kernel("number", every_round).run(*reach, one, *self._live)
                    return after if every_round else [after]
                except (ZeroDivisionError, OverflowError, ValueError):
                    # Python raises where IEEE 754 has inf or NaN: take numpy's scalars.
                    letters = tuple(map(np.float64, letters))
                live = map(np.float64, self._live)
                after = self._kernel("array", every_round).run(*reach, letters, *live)
                rounds = after if every_round else [after]
                return [tuple(float(value) for value in values) for values in rounds]
            if not self.problem.scalar:
                letters = tuple(v[:, None] if np.ndim(v) else v for v in letters)
            after = self._kernel("array", every_round).run(*reach, letters, *self._live)
            return after if every_round else [after]

    def advance(self, to: int) -> None:
        """Carry out the rounds up to and including `to`."""
        longest = self._longest_block(bool(self._loop or self._rows))
        first = _FIRST_BLOCK if self._loop and self._loop.factors else longest
        while self.t < to:
            count = min(longest, max(first, self.t), to - self.t)
            (after,) = self._block(count)
            # The first round that is not finite ends a block, to be found by halving.
            ended = self._newly_ended(after)
            while count > 1 and ended.any():
                count //= 2
                (after,) = self._block(count)
                ended = self._newly_ended(after)
            self._take(after, count, ended)

    def _newly_ended(self, live: tuple[Any, ...]) -> NDArray[np.bool_]:
        return ~self._finite(live) & (self.ended == 0)

    def disturb(self, errors: Callable[[int, tuple[int, ...]], Array]) -> None:
        """Put errors into the iterate, the state and the totals: see `convergence.rounding`.

        Args:
            errors: (number of the variable, shape) -> errors in parts of what the variable is and
                of what it has changed by since it was disturbed last.
        """
        lanes, before = self.seeds.size, self._undisturbed or self._live
        live: list[Any] = []
        for number, (value, old) in enumerate(zip(self._live, before, strict=True)):
            if number == 1 and self._live[1] is self._live[0]:
                live.append(live[0])
                continue
            value, old = np.asarray(value, float), np.asarray(old, float)
            if value.ndim == 0:
                shape = (lanes,) if self.problem.scalar else (lanes, 1)
                value = np.broadcast_to(value, shape)
            with np.errstate(all="ignore"):
                moved = errors(number, value.shape) * (abs(value) + abs(value - old))
                value = value + np.where(np.isfinite(moved), moved, 0.0)
            live.append(self._lanes.project(value) if number == 0 else value)
        self._live = self._undisturbed = tuple(live)

    @property
    def numbers(self) -> int:
        """How many numbers a lane carries from round to round."""
        return sum(np.asarray(value).size for value in self._live) // self.seeds.size

    def every_round(self, to: int) -> Iterator[tuple[NDArray[np.int64], Observation]]:
        """Advance, and look after each round.

        Yields:
            Rounds and the stacked observations of them, block by block.
        """
        for times, columns in self._each_round(to):
            yield times, self._observed(columns)

    def query_points(self, to: int) -> Iterator[Array]:
        """Advance, and say where the gradients of the rounds after these will be taken.

        Yields:
            Points, (lanes, rounds, n), block by block; first the one where the run stands.
        """
        yield self.query_point[:, None]
        for _, columns in self._each_round(to):
            yield columns[1]

    def _each_round(self, to: int) -> Iterator[tuple[NDArray[np.int64], list[Array]]]:
        """Advance: rounds and what stood after each, the columns in the order of `standing`."""
        longest = self._longest_block()
        while self.t < to:
            first, count = self.t + 1, min(longest, to - self.t)
            history = self._block(count, every_round=True)
            columns = [self._column(column) for column in zip(*history, strict=True)]
            watched = columns[: 1 if history[-1][1] is history[-1][0] else 2]
            watched += columns[-1:] if self._watches_totals else []
            lost = ~np.logical_and.reduce([np.isfinite(values).all(axis=2) for values in watched])
            ended = lost.any(axis=1) & (self.ended == 0)
            self.ended[ended] = first + lost[ended].argmax(axis=1)
            self.t, self._live = self.t + count, history[-1]
            yield np.arange(first, first + count), columns

    def _column(self, column: Sequence[Any]) -> Array:
        """The values after several rounds of one that is kept, (lanes, rounds, n or 1)."""
        if self._number:
            return np.array(column)[None, :, None]
        first, lanes, rounds = column[0], self.seeds.size, len(column)
        if np.ndim(first) and all(np.shape(v) == np.shape(first) for v in column):
            together = np.concatenate(column, dtype=float)
            if together.shape[0] == lanes * rounds:
                return np.ascontiguousarray(together.reshape(rounds, lanes, -1).swapaxes(0, 1))
        return np.stack([self._wide(value) for value in column], 1)

    def _observed(self, wide: Sequence[Array]) -> Observation:
        """Columns as one observation."""
        names = list(self.rule.state)
        state = dict(zip(names, wide[2:], strict=False))
        totals = wide[2 + len(names) :]
        return Observation(
            wide[0],
            state,
            {q.name: values for q, values in zip(self._quantities, totals, strict=True)},
            np.zeros(wide[0].shape[:2]),
        )

    def _longest_block(self, compiled: bool = False) -> int:
        """Rounds per block, such that neither samples nor iterates take much memory."""
        lanes = self.seeds.size
        own = self.problem.stochastic or not self._lanes.one_problem or self._own_sizes
        if compiled and not own:
            return _COMPILED_BLOCK
        iterate = 1 if compiled else self.problem.dimension
        per_round = lanes * max(self._samples_per_lane, iterate)
        return max(1, min(_COMPILED_BLOCK if compiled else _BLOCK, _SAMPLES // per_round))

    @cached_property
    def _own_sizes(self) -> bool:
        """Whether step sizes differ between lanes and are handed to the rounds."""
        if self._loop is not None and self._loop.sized:
            return False
        return bool(self._lanes.step_sizes(1, 1).ndim > 1)

    @cached_property
    def _samples_per_lane(self) -> int:
        if self.problem.samples is None or not self.problem.stochastic:
            return 1
        one = self.problem.samples(np.array([1]), self.seeds[:1])
        return int(np.prod(one.shape[2:]))

    def _take(self, after: tuple[Any, ...], count: int, ended: NDArray[np.bool_]) -> None:
        self.t += count
        self.ended[ended] = self.t
        self._live = after

    @property
    def _watches_totals(self) -> bool:
        """Whether the last total is not finite where a projection has hidden what was not."""
        return bool(self._quantities) and self._quantities[-1].name == "finiteness"

    def _finite(self, live: tuple[Any, ...]) -> NDArray[np.bool_]:
        """Whether each lane is still finite."""
        watched = [live[0]] if live[1] is live[0] else [live[0], live[1]]
        if self._watches_totals:
            watched.append(live[-1])
        if self._number:
            # Between short blocks numpy would take as long as a thousand rounds.
            return np.array([all(map(math.isfinite, watched))])
        good = np.ones(self.seeds.size, bool)
        for value in watched:
            finite = np.isfinite(value)
            if finite.ndim > 1:
                finite = finite.all(axis=-1)
            good &= finite
        return good

    # Looking

    @property
    def problems(self) -> list[tuple[Problem, NDArray[np.intp]]]:
        """The problems, each with its lanes."""
        return self._lanes.problems.parts

    def _wide(self, value: Any) -> Array:
        """A live value as (lanes, n), or (lanes, 1) if it holds one number per lane."""
        array = np.asarray(value, float)
        if array.ndim < 2:
            return np.broadcast_to(array, (self.seeds.size,))[:, None]
        return np.broadcast_to(array, (self.seeds.size, array.shape[1]))

    @property
    def iterate(self) -> Array:
        """x_{t+1}, shape (lanes, n)."""
        return self._wide(self._live[0])

    @property
    def query_point(self) -> Array:
        """Where the next gradient is taken, shape (lanes, n)."""
        return self._wide(self._live[1])

    @property
    def state(self) -> dict[str, Array]:
        """State variables by name, (lanes, n) or (lanes, 1)."""
        names = list(self.rule.state)
        values = dict(zip(names, self._live[2:], strict=False))
        return {name: self._vector(name, value) for name, value in values.items()}

    def observe(self, exact_sums: Array) -> Observation:
        """What stands now; the argument is carried along for the measures."""
        return Observation(self.iterate, self.state, self.totals, exact_sums)

    @property
    def standing(self) -> tuple[Any, ...]:
        """What stands now, as it is carried on; see `stacked`."""
        return self._live

    def stacked(self, history: Sequence[tuple[Any, ...]]) -> Observation:
        """What stood at several rounds, as `Observation.stack` has it."""
        seen = self._observed([self._column(column) for column in zip(*history, strict=True)])
        wide = {
            name: np.broadcast_to(values, (*values.shape[:2], self.problem.dimension))
            for name, values in seen.state.items()
            if not self._blocks and name in self.rule.state_per_coordinate
        }
        return replace(seen, state={**seen.state, **wide})

    def _vector(self, name: str, value: Any) -> Array:
        wide = self._wide(value)
        if self._blocks:
            return wide
        if name in self.rule.state_per_coordinate and wide.shape[1] != self.problem.dimension:
            return np.broadcast_to(wide, (self.seeds.size, self.problem.dimension))
        return wide

    @property
    def totals(self) -> dict[str, Array]:
        """Quantities by name, (lanes, n) or (lanes, 1)."""
        values = self._live[2 + len(self.rule.state) :]
        return {q.name: self._wide(v) for q, v in zip(self._quantities, values, strict=True)}


def _spans(times: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    before = 0
    for last in times.tolist():
        yield before + 1, last
        before = last


def _accepted_measures(
    measures: Sequence[str] | None, problem: Problem, rule: Rule | Opaque
) -> list[Measure]:
    if measures is None:
        if isinstance(rule, Rule) or rule.repeatable:
            return default_measures(problem)
        # Nothing can be measured later.
        every = (m for m in MEASURES.values() if not m.unavailable(problem))
        return [m for m in every if not rule.hides(m.quantities(problem), m.state)]
    require(not isinstance(measures, str), f"measures={measures!r} must be a list of names")
    chosen = []
    for name in dict.fromkeys(measures):
        if name not in MEASURES:
            raise InputError(f"there is no measure {name!r}; {nearest(name, MEASURES)}")
        reason = MEASURES[name].unavailable(problem)
        require(not reason, f"{name} cannot be measured on {problem.specification}: {reason}")
        if isinstance(rule, Opaque):
            reason = rule.hides(MEASURES[name].quantities(problem), MEASURES[name].state)
            require(not reason, f"{name} cannot be measured: {reason}")
        chosen.append(MEASURES[name])
    return chosen


class _How(TypedDict, total=False):
    """What `run` takes besides, with and without a grid."""

    seeds: int | Sequence[int]
    projection: Projection
    measures: Sequence[str] | None
    quantities: Sequence[str]
    times: Sequence[int] | None
    engine: Engine
    workers: int
    progress: Callable[[int], None] | None


@overload
def run(
    problem: Problem | str | Experiment,
    optimizer: Any = None,
    schedule: Schedule | str | None = None,
    steps: int = STEPS,
    *,
    grid: None = None,
    **how: Unpack[_How],
) -> Record: ...


@overload
def run(
    problem: Problem | str,
    optimizer: Any,
    schedule: Schedule | str | None = None,
    steps: int = STEPS,
    *,
    grid: Mapping[str, Sequence[Any]],
    **how: Unpack[_How],
) -> list[Record]: ...


def run(
    problem: Problem | str | Experiment,
    optimizer: Any = None,
    schedule: Schedule | str | None = None,
    steps: int = STEPS,
    *,
    seeds: int | Sequence[int] = 1,
    projection: Projection = "euclidean",
    grid: Mapping[str, Sequence[Any]] | None = None,
    **how: Any,
) -> Record | list[Record]:
    """Run an optimizer on a problem and record it.

    Args:
        problem: A problem or its specification, with the other parts of an experiment; or an
            `Experiment`, which has them all.
        optimizer: A rule, its specification, which may name the schedule, or another optimizer.
        schedule: A schedule, or its specification.
        steps: How many rounds.
        seeds: How many lanes, or their seeds. Every seed gives the same run of a problem that is
            not stochastic, so it then gets one lane, unless the optimizer takes the seed.
        projection: See `Experiment`.
        grid: Values by parameter of the problem, the optimizer or the schedule, which may then be
            left out of the specifications: every combination is run with every seed. Those of the
            same formulas go side by side, as lanes of one run; each has the bits of a run of its
            own.
        how: Options of `run_all`.

    Returns:
        The record; with a grid a list of them, the last name varying fastest. Ctrl-C ends the run
        early and keeps what was recorded.

    Raises:
        InputError: Something does not exist, does not fit or is out of range.
    """
    if isinstance(problem, Experiment):
        require(
            optimizer is None and schedule is None and grid is None,
            "an experiment names its optimizer and its schedule; change them in it",
        )
        return run_all([problem], **how)[0]
    parts: dict[str, Any] = {"steps": steps, "seeds": seeds, "projection": projection}
    if grid is None:
        return run_all([Experiment(problem, optimizer, schedule, **parts)], **how)[0]
    found = cells(problem, optimizer, schedule, grid, **parts)
    return run_all([experiment for experiment, _ in found], **how)


def run_all(
    experiments: Sequence[Experiment],
    *,
    measures: Sequence[str] | None = None,
    quantities: Sequence[str] = (),
    times: Sequence[int] | None = None,
    engine: Engine = "auto",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Record]:
    """Run several experiments, those of the same formulas side by side, as lanes of one run.

    Args:
        experiments: What is run.
        measures: Names from `convergence.measure.MEASURES`; by default all that make sense.
        quantities: Further running totals to record, by name. Of an optimizer that cannot be run
            again, by default all measures and totals are recorded.
        times: Rounds to record at; by default `record_times(steps)`.
        engine: See `Simulation`.
        workers: Threads among which compiled rounds divide the lanes.
        progress: Called with the number of rounds done, now and then.

    Returns:
        Records, each with the bits of a run of its own.

    Raises:
        InputError: Something does not fit or is out of range.
    """
    planned = [_Planned(each, measures) for each in experiments]
    lanes = sum(len(plan.experiment.seeds) for plan in planned)
    require(lanes <= _MOST_LANES, f"the grid has {lanes} runs; at most {_MOST_LANES} are accepted")
    together: dict[Any, list[int]] = {}
    for place, plan in enumerate(planned):
        key = structure(plan.experiment) if len(planned) > 1 else None
        together.setdefault(key, []).append(place)
    how = {"engine": engine, "workers": workers}
    records: dict[int, Record] = {}
    for places in together.values():
        plans = [planned[place] for place in places]
        when = _accepted_times(times, plans[0].experiment.steps)
        made = _recorded(plans, when, quantities, how, progress)
        records.update(zip(places, made, strict=True))
    return [records[place] for place in range(len(planned))]


def structure(experiment: Experiment) -> Any:
    """Equal for experiments that can be lanes of one run."""
    optimizer = experiment.optimizer
    if isinstance(optimizer, Opaque):
        return object()  # equal to no other
    alike = structure_of(experiment.problem, experiment.schedule, experiment.steps)
    return optimizer.traced, alike, experiment.steps, experiment.projection


class _Planned:
    """An experiment, with the seeds that make a difference and the measures of its run."""

    def __init__(self, experiment: Experiment, measures: Sequence[str] | None):
        lanes = experiment.lanes
        kept = lanes == experiment.seeds
        self.experiment = experiment if kept else experiment.changed(seeds=lanes)
        self.measures = _accepted_measures(measures, experiment.problem, experiment.optimizer)


def _recorded(
    plans: Sequence[_Planned],
    when: NDArray[np.int64],
    quantities: Sequence[str],
    how: Mapping[str, Any],
    progress: Callable[[int], None] | None,
) -> list[Record]:
    """Run experiments of the same formulas side by side, and record each."""
    from convergence.foreign import simulate  # which builds on this module

    optimizer = plans[0].experiment.optimizer
    if isinstance(optimizer, Opaque) and not optimizer.repeatable and not quantities:
        names = [entry.key.replace("-", "_") for entry in quantity.catalogue]
        quantities = [name for name in names if not optimizer.hides([name])]
    measured = [(m, plan.experiment.problem) for plan in plans for m in plan.measures]
    needed = [name for m, problem in measured for name in m.quantities(problem)]
    experiments = [plan.experiment for plan in plans]
    simulation = simulate(
        experiments[0] if len(experiments) == 1 else experiments,
        quantities=[*needed, *quantities],
        **how,
    )
    sizes = {m.size for m, problem in measured if m.samples_gradients(problem)}
    observations: list[Observation] = []
    sums = np.zeros((simulation.seeds.size, len(GRADIENT_SIZES)))
    stopped = False
    with one_thread(simulation.problem):
        try:
            for span, (first, last) in enumerate(_spans(when)):
                if sizes:
                    sums = sums + _sizes_in_span(simulation, span, first, last, sizes)
                _advance(simulation, last, progress)
                observations.append(simulation.observe(sums))
                if (simulation.ended > 0).all():
                    break
        except KeyboardInterrupt:
            stopped = True
    require(len(observations) > 0, "the run was interrupted before its first record")
    stacked = Observation.stack(observations)
    records, first_lane = [], 0
    for plan in plans:
        lanes = slice(first_lane, first_lane + len(plan.experiment.seeds))
        first_lane = lanes.stop
        ended = simulation.ended[lanes]
        count = len(observations)
        if (ended > 0).all():
            # Alone, the cell would have been observed no longer.
            count = min(count, int(np.searchsorted(when, ended.max())) + 1)
        observed = stacked.part(lanes, slice(count))
        records.append(
            Record(
                experiment=plan.experiment,
                times=when[:count],
                series=_series(plan, observed, ended, when[:count], quantities),
                ends=tuple(
                    End.diverged(int(step))
                    if step
                    else (End.stopped() if stopped else End.completed())
                    for step in ended
                ),
            )
        )
    return records


def _accepted_times(times: Sequence[int] | None, steps: int) -> NDArray[np.int64]:
    if times is None:
        return record_times(steps)
    require(
        all(isinstance(t, (int, np.integer)) for t in times),
        f"times={list(times)[:5]!r} must be whole numbers",
    )
    when = np.unique(np.asarray(times, np.int64))
    require(
        when.size and when[0] >= 1 and when[-1] <= steps,
        f"times={list(times)[:5]!r}... must lie in 1..{steps}",
    )
    return when


def _advance(simulation: Simulation, to: int, progress: Callable[[int], None] | None) -> None:
    """Advance in pieces short enough to report progress and to be interrupted."""
    while simulation.t < to:
        simulation.advance(min(to, simulation.t + 16 * _BLOCK))
        if progress:
            progress(simulation.t)


def _sizes_in_span(
    simulation: Simulation, span: int, first: int, last: int, sizes: Collection[str]
) -> Array:
    """Estimate the sums over the span of sizes of grad f(y_t), each lane from its own rounds.

    Of `GRADIENT_SIZES` those that are asked for; the others are 0.

    A round of the span is drawn uniformly, several times and for each lane, so the estimate is
    unbiased and lanes stay independent. Where the exact gradient costs no more than ten
    stochastic ones, every round is taken.
    """
    length = last - first + 1
    every = all(p.exact_gradient_cost <= 10 for p, _ in simulation.problems)
    if (every or length <= _DRAWS_PER_SPAN) and simulation.seeds.size <= _FEW_LANES:
        return _sizes_of_every_round(simulation, last, sizes)
    drawn = []
    for problem, lanes in simulation.problems:
        if problem.exact_gradient_cost <= 10 or length <= _DRAWS_PER_SPAN:
            rounds = np.broadcast_to(np.arange(first, last + 1)[:, None], (length, lanes.size))
        else:
            index = np.arange(_DRAWS_PER_SPAN)[:, None]
            u = draws.uniform(simulation.seeds[lanes][None, :], span, index, stream=1)
            rounds = first + np.floor(u * length).astype(np.int64)
        drawn.append((problem, lanes, rounds))
    total = np.zeros((simulation.seeds.size, len(GRADIENT_SIZES)))
    for t in np.unique(np.concatenate([rounds.ravel() for *_, rounds in drawn])).tolist():
        simulation.advance(t - 1)
        for problem, lanes, rounds in drawn:
            times = (rounds == t).sum(axis=0)
            here = np.flatnonzero(times)
            if here.size:
                g = problem.objective_gradient(simulation.query_point[lanes[here]])
                with np.errstate(over="ignore"):
                    for place, (name, size) in enumerate(GRADIENT_SIZES.items()):
                        if name in sizes:
                            total[lanes[here], place] += times[here] * size(problem, g)
    for _, lanes, rounds in drawn:
        total[lanes] *= length / rounds.shape[0]
    return total


def _sizes_of_every_round(simulation: Simulation, last: int, sizes: Collection[str]) -> Array:
    """The same where every round is taken: gradients of many rounds at once."""
    total = np.zeros((simulation.seeds.size, len(GRADIENT_SIZES)))
    for points in simulation.query_points(last - 1):
        for problem, lanes in simulation.problems:
            here = points[lanes]
            g = problem.objective_gradient(here.reshape(-1, problem.dimension))
            with np.errstate(over="ignore"):
                for place, (name, size) in enumerate(GRADIENT_SIZES.items()):
                    if name in sizes:
                        # In the order of the rounds.
                        for each in size(problem, g).reshape(here.shape[:2]).T:
                            total[lanes, place] += each
    return total


def _series(
    plan: _Planned,
    observed: Observation,
    ended: NDArray[np.int64],
    when: NDArray[np.int64],
    quantities: Sequence[str],
) -> dict[str, Array]:
    """Evaluate the measures of what was observed."""
    series: dict[str, Array] = {"iterate": observed.iterate}
    series.update({f"state_{name}": value for name, value in observed.state.items()})
    series.update({name: observed.totals[name] for name in quantities})
    problem, seeds = plan.experiment.problem, list(plan.experiment.seeds)
    with np.errstate(all="ignore"):
        for measure in plan.measures:
            series[measure.name] = measure.evaluate(problem, observed, when, seeds)
    # What follows a step that was not finite is no measurement.
    for lane, step in enumerate(ended):
        if step:
            for name, values in series.items():
                if values.dtype.kind == "f":
                    series[name] = values = np.array(values)
                    values[lane, when >= step] = np.nan
    return series


def one_thread(problem: Problem) -> contextlib.AbstractContextManager[Any]:
    """Keep matrix products on one thread: their bits may depend on the number of threads."""
    if problem.scalar:
        return contextlib.nullcontext()
    limits: contextlib.AbstractContextManager[Any] = _libraries(len(sys.modules)).limit(
        limits=1, user_api="blas"
    )
    return limits


@lru_cache(maxsize=1)
def _libraries(modules: int) -> Any:
    """The libraries that have threads; looked for again once there are more modules."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
