"""A run in progress, and `run`, which carries one out and records it."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convergence import quantity, rules
from convergence import schedule as schedules
from convergence.engines import loops, rows, steps
from convergence.engines.kernel import Kernel, kernel
from convergence.engines.sparse import why_not_sparse
from convergence.measure import MEASURES, Measure, Observation, default_measures
from convergence.record import End, Record
from convergence.rule import Rule
from convergence.schedule import Schedule
from problems import draws
from problems import find as find_problem
from problems.domain import Box
from problems.notation import InputError, nearest, require
from problems.problem import BlockSamples, Problem

__all__ = ["Engine", "Simulation", "one_thread", "record_times", "run"]

Projection = Literal["euclidean", "metric"]
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
        problem: What is minimised.
        rule: The update rule.
        schedule: The step sizes.
        seeds: One lane for each.
        horizon: The number of steps of the whole run, which a schedule may ask for.
        quantities: Names of the running totals to keep.
        projection: In the Euclidean norm, or in the rule's metric.
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
        problem: Problem,
        rule: Rule,
        schedule: Schedule,
        *,
        seeds: Sequence[int] = (0,),
        horizon: int,
        quantities: Sequence[str] = (),
        projection: Projection = "euclidean",
        engine: Engine = "auto",
        workers: int = 1,
    ):
        problem.probe()
        self.problem, self.rule, self.schedule = problem, rule, schedule
        # Asked here, as asking takes as long as a thousand rounds.
        samples = problem.samples
        self._by_block = samples if isinstance(samples, BlockSamples) else None
        self.seeds = np.array(seeds, np.uint64)
        self.horizon = horizon
        self.t = 0
        self._by_metric = by_metric = projection == "metric"
        require(
            not by_metric or "metric" in rule.outputs,
            f"projection='metric' needs a rule with a metric; {rule.key} has none",
        )
        eps = rule.settings.get("eps")
        require(
            not by_metric or eps != 0 or isinstance(problem.domain, Box),
            f"projection='metric' onto {problem.domain} needs eps > 0 in rule {rule.key}, "
            "or a coordinate without gradients has no weight",
        )
        require(
            engine in get_args(Engine),
            f"engine={engine!r} must be one of {', '.join(get_args(Engine))}",
        )
        single = problem.scalar and self.seeds.size == 1
        require(
            engine != "number" or single,
            "engine='number' runs one seed of a one-dimensional scalar problem only",
        )
        self._number = single and engine != "array"
        names = list(dict.fromkeys(quantities))
        if problem.domain.bounded:
            names.append("finiteness")
        self._quantities = quantity.with_parts(names)
        # What code is generated from: names of state and totals may be any.
        self._apart = rule.apart, [q.apart for q in self._quantities]
        self._kernels: dict[tuple[str, bool], Kernel] = {}

        lanes = (self.seeds.size,) if problem.scalar else (self.seeds.size, problem.dimension)
        start: Any = np.broadcast_to(problem.start[0] if problem.scalar else problem.start, lanes)
        if self._number:
            start = float(problem.start[0])
        self._live: tuple[Any, ...] = (
            start,
            start,
            *rule.state.values(),
            *(q.start for q in self._quantities),
        )
        self.ended = np.zeros(self.seeds.size, np.int64)
        whole = isinstance(workers, int) and not isinstance(workers, bool)
        require(whole and workers >= 1, f"workers={workers!r} must be a whole number of at least 1")
        self._workers = workers
        self._loop: loops.Loop | None = None
        self._steps: steps.Steps | None = None
        self._rows: rows.RowLoop | None = None
        self._compile(engine)

    def _compile(self, engine: Engine) -> None:
        """Write compiled rounds or steps, where they are wanted and exist."""
        lanes, rounds, problem = self.seeds.size, self.horizon, self.problem
        rule, quantities = self._apart
        seconds = (
            rounds * _SECONDS_PER_NUMBER
            if self._number
            else rounds * (_SECONDS_PER_ROUND + lanes * problem.dimension * _SECONDS_PER_COORDINATE)
        )
        if engine not in ("auto", "compiled") or (engine == "auto" and seconds < _PAYS):
            return
        if not problem.scalar:
            reason = steps.why_no_steps(rule, problem.domain, by_metric=self._by_metric)
            if not reason:
                self._steps = steps.compiled_steps(rule, quantities, problem.domain)
                self._compile_rows(self._steps)
        else:
            drawn = self._drawn(1, 1)
            reason = loops.why_not(problem)
            if not reason and drawn.ndim > 2:
                reason = "a round draws more than one number"
            if not reason:
                self._loop = loops.compiled_loop(
                    rule,
                    quantities,
                    problem,
                    self.schedule,
                    rounds,
                    lanes=not self._number,
                    by_lane=drawn.ndim == 2 and not self._number,
                )
        if reason and engine == "compiled":
            warnings.warn(f"problem {problem.key} runs on numpy: {reason}", stacklevel=4)

    def _compile_rows(self, made: steps.Steps) -> None:
        """Write rounds on mini-batches of examples, where they exist."""
        problem, examples = self.problem, self.problem.examples
        parts = (*self._apart, problem)
        reason = rows.why_no_rows(made, problem)
        if not reason:
            self._rows = rows.row_loop(*parts, made, self._samples_per_lane)
            reason = "" if self._rows.few else why_not_sparse(*parts)
        if examples is not None and examples.sparse and reason:
            warnings.warn(
                f"a step of {self.rule.key} on {problem.key} costs as much as all "
                f"{problem.dimension} coordinates, not as the entries of its rows: {reason}",
                stacklevel=5,
            )

    def _kernel(self, flavour: Literal["number", "array"], every_round: bool) -> Kernel:
        if (flavour, every_round) not in self._kernels:
            self._kernels[flavour, every_round] = kernel(
                *self._apart,
                self.problem.domain,
                flavour,
                scalar=self.problem.scalar,
                by_metric=self._by_metric,
                every_round=every_round,
            )
        return self._kernels[flavour, every_round]

    # Advancing

    @property
    def _gradient(self) -> Callable[[Any, Any], Any]:
        assert self.problem.gradient_formula is not None
        return self.problem.gradient_formula

    def _loss(self, x: Any, sample: Any) -> Any:
        value = self.problem.loss_formula(x, sample)
        # A loss is one number per lane; beside vectors it needs their last axis.
        return value if self.problem.scalar else value[..., None]

    def _drawn(self, first: int, count: int) -> Any:
        """Samples, shape (rounds,) or (rounds, lanes, ...); zeros where none are drawn."""
        if self.problem.samples is None:
            return np.zeros(count)
        if self._by_block is not None:
            return self._by_block.block(first, count)
        drawn = self.problem.samples(np.arange(first, first + count), self.seeds)
        return drawn[:, 0] if drawn.ndim == 2 and self._number else drawn

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
            sizes = self.schedule.step_sizes(
                np.arange(first, first + count), self.problem, self.horizon
            )
        if loop is not None:
            drawn = np.ascontiguousarray(self._drawn(first, count), dtype=float)
            return [loop.run(drawn, sizes, self.t, self._live, self._workers)]
        if self._rows and not every_round:
            drawn = self._drawn(first, count)
            after = self._rows.run(drawn, sizes, self.t, self._live, self._workers)
            if after is not None:
                return [after]
            # From here on there may be numbers of kinds that the loop does not reckon with.
            self._rows = None
        sizes = sizes.tolist()
        samples = list(self._samples(first, count))
        reach = (self._loss, self._gradient, self.problem.domain.project, samples, sizes, self.t)
        flavour: Literal["number", "array"] = "number" if self._number else "array"
        with np.errstate(all="ignore"):
            if self._steps and not every_round:
                return [self._steps.run(*reach, *self._live, workers=self._workers)]
            try:
                after = self._kernel(flavour, every_round).run(*reach, *self._live)
                return after if every_round else [after]
            except (ZeroDivisionError, OverflowError, ValueError):
                if not self._number:
                    raise
            # Python raises where IEEE 754 has inf or NaN: run the block on numpy scalars.
            live = (np.float64(value) for value in self._live)
            after = self._kernel("array", every_round).run(*reach, *live)
            rounds = after if every_round else [after]
            return [tuple(float(value) for value in values) for values in rounds]

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

    def every_round(self, to: int) -> Iterator[tuple[NDArray[np.int64], Observation]]:
        """Advance, and look after each round.

        Yields:
            Rounds and the stacked observations of them, block by block.
        """
        longest = self._longest_block()
        while self.t < to:
            first, count = self.t + 1, min(longest, to - self.t)
            history = self._block(count, every_round=True)
            for values in history:
                self._take(values, 1, self._newly_ended(values))
            yield np.arange(first, first + count), self._stacked(history)

    def _stacked(self, history: list[tuple[Any, ...]]) -> Observation:
        """Live values after several rounds as one observation."""
        columns = list(zip(*history, strict=True))
        if self._number:
            wide = [np.array(column)[None, :, None] for column in columns]
        else:
            wide = [np.stack([self._wide(value) for value in column], 1) for column in columns]
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
        if compiled and not self.problem.stochastic:
            return _COMPILED_BLOCK
        iterate = 1 if compiled else self.problem.dimension
        per_round = self.seeds.size * max(self._samples_per_lane, iterate)
        return max(1, min(_COMPILED_BLOCK if compiled else _BLOCK, _SAMPLES // per_round))

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

    def _finite(self, live: tuple[Any, ...]) -> NDArray[np.bool_]:
        """Whether each lane is still finite."""
        watched = [live[0]] if live[1] is live[0] else [live[0], live[1]]
        if self._quantities and self._quantities[-1].name == "finiteness":
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

    def observe(self, exact_square_sum: Array) -> Observation:
        """What stands now; the argument is carried along for the measures."""
        return Observation(self.iterate, self.state, self.totals, exact_square_sum)

    def _vector(self, name: str, value: Any) -> Array:
        wide = self._wide(value)
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


def _accepted_measures(measures: Sequence[str] | None, problem: Problem) -> list[Measure]:
    if measures is None:
        return default_measures(problem)
    require(not isinstance(measures, str), f"measures={measures!r} must be a list of names")
    chosen = []
    for name in dict.fromkeys(measures):
        require(name in MEASURES, f"there is no measure {name!r}; {nearest(name, MEASURES)}")
        reason = MEASURES[name].unavailable(problem)
        require(not reason, f"{name} cannot be measured on {problem.specification}: {reason}")
        chosen.append(MEASURES[name])
    return chosen


def run(
    problem: Problem | str,
    rule: Rule | str,
    schedule: Schedule | str,
    steps: int,
    *,
    seeds: int | Sequence[int] = 1,
    measures: Sequence[str] | None = None,
    quantities: Sequence[str] = (),
    times: Sequence[int] | None = None,
    projection: Projection = "euclidean",
    engine: Engine = "auto",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Record:
    """Run a rule on a problem and record it.

    Args:
        problem: A problem, or its specification.
        rule: A rule, or its specification.
        schedule: A schedule, or its specification.
        steps: How many rounds, at least 1.
        seeds: How many lanes (seeds 0, 1, ...), or their seeds. Every seed gives the same run
            of a problem that is not stochastic, so it then gets one lane.
        measures: Names from `convergence.measure.MEASURES`; by default all that make sense.
        quantities: Further running totals to record, by name.
        times: Rounds to record at; by default `record_times(steps)`.
        projection: "euclidean", or "metric" for the rule's own diagonal.
        engine: See `Simulation`.
        workers: Threads among which compiled rounds divide the lanes.
        progress: Called with the number of rounds done, now and then.

    Returns:
        The record. Ctrl-C ends the run early and keeps what was recorded.

    Raises:
        InputError: Something does not exist, does not fit or is out of range.
    """
    problem = find_problem(problem) if isinstance(problem, str) else problem
    rule = rules.find(rule) if isinstance(rule, str) else rule
    schedule = schedules.find(schedule) if isinstance(schedule, str) else schedule
    for name, part, kind in (
        ("problem", problem, Problem),
        ("rule", rule, Rule),
        ("schedule", schedule, Schedule),
    ):
        if not isinstance(part, kind):
            raise InputError(f"{name}={part!r} must be a {name} or its specification")
    whole = isinstance(steps, (int, np.integer)) and not isinstance(steps, bool)
    require(
        whole and 1 <= steps < 2**53,
        f"steps={steps!r} must be a whole number of at least 1 and less than 2**53",
    )
    require(
        projection in ("euclidean", "metric"),
        f"projection={projection!r} must be euclidean or metric",
    )
    lanes = _accepted_seeds(seeds, problem)
    chosen = _accepted_measures(measures, problem)
    when = _accepted_times(times, steps)
    needed = [name for measure in chosen for name in measure.quantities(problem)]
    simulation = Simulation(
        problem,
        rule,
        schedule,
        seeds=lanes,
        horizon=steps,
        quantities=[*needed, *quantities],
        projection=projection,
        engine=engine,
        workers=workers,
    )
    sampled = any(measure.samples_gradients(problem) for measure in chosen)
    observations: list[Observation] = []
    mean_square = np.zeros(len(lanes))
    stopped = False
    with one_thread(problem):
        try:
            for span, (first, last) in enumerate(_spans(when)):
                if sampled:
                    mean_square = mean_square + _square_in_span(simulation, span, first, last)
                _advance(simulation, last, progress)
                observations.append(simulation.observe(mean_square))
                if (simulation.ended > 0).all():
                    break
        except KeyboardInterrupt:
            stopped = True
    when = when[: len(observations)]
    require(len(observations) > 0, "the run was interrupted before its first record")
    series = _series(simulation, observations, when, chosen, quantities)
    ends = [
        End.diverged(int(step)) if step else (End.stopped() if stopped else End.completed())
        for step in simulation.ended
    ]
    return Record(
        problem=problem,
        rule=rule,
        schedule=schedule,
        steps=int(steps),
        seeds=tuple(int(seed) for seed in lanes),
        projection=projection,
        times=when,
        series=series,
        ends=tuple(ends),
    )


def _accepted_seeds(seeds: int | Sequence[int], problem: Problem) -> list[int]:
    whole = isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool)
    require(
        whole or isinstance(seeds, (list, tuple, range, np.ndarray)),
        f"seeds={seeds!r} must be a whole number or a list of them",
    )
    if isinstance(seeds, (int, np.integer)):
        require(1 <= seeds <= _MOST_LANES, f"seeds={seeds!r} must lie in 1..{_MOST_LANES}")
        lanes = list(range(int(seeds)))
    else:
        require(
            all(type(seed) is int or isinstance(seed, np.integer) for seed in seeds),
            f"seeds={seeds!r} must be whole numbers",
        )
        lanes = [int(seed) for seed in seeds]
        require(lanes, "seeds=[] is empty; give at least one seed")
        require(len(set(lanes)) == len(lanes), f"seeds={seeds!r} repeats a seed")
        require(min(lanes) >= 0, f"seed {min(lanes)} must not be negative")
        require(max(lanes) < 2**64, f"seed {max(lanes)} must be less than 2**64")
    return lanes if problem.stochastic else lanes[:1]


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


def _square_in_span(simulation: Simulation, span: int, first: int, last: int) -> Array:
    """Estimate the sum over the span of ||grad f(y_t)||**2, each lane from its own rounds.

    A round of the span is drawn uniformly, several times and for each lane, so the estimate is
    unbiased and lanes stay independent. Where the exact gradient costs no more than ten
    stochastic ones, every round is taken.
    """
    problem, lanes = simulation.problem, simulation.seeds.size
    length = last - first + 1
    if problem.exact_gradient_cost <= 10 or length <= _DRAWS_PER_SPAN:
        rounds = np.broadcast_to(np.arange(first, last + 1)[:, None], (length, lanes))
    else:
        index = np.arange(_DRAWS_PER_SPAN)[:, None]
        u = draws.uniform(simulation.seeds[None, :], span, index, stream=1)
        rounds = first + np.floor(u * length).astype(np.int64)
    total = np.zeros(lanes)
    for t in np.unique(rounds).tolist():
        simulation.advance(t - 1)
        times = (rounds == t).sum(axis=0)
        here = np.flatnonzero(times)
        g = problem.objective_gradient(simulation.query_point[here])
        with np.errstate(over="ignore"):
            total[here] += times[here] * (g * g).sum(axis=-1)
    return total * (length / rounds.shape[0])


def _series(
    simulation: Simulation,
    observations: list[Observation],
    when: NDArray[np.int64],
    chosen: list[Measure],
    quantities: Sequence[str],
) -> dict[str, Array]:
    """Stack what was observed and evaluate the measures."""
    stacked = Observation.stack(observations)
    series: dict[str, Array] = {"iterate": stacked.iterate}
    series.update({f"state_{name}": value for name, value in stacked.state.items()})
    series.update({name: stacked.totals[name] for name in quantities})
    with np.errstate(all="ignore"):
        for measure in chosen:
            series[measure.name] = measure.evaluate(
                simulation.problem, stacked, when, simulation.seeds.tolist()
            )
    # What follows a step that was not finite is no measurement.
    for lane, step in enumerate(simulation.ended):
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
