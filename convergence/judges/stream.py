"""What judges look at: a claim's figure and bound at rounds of a run, and as much more as they ask.

The difference of two runs is a stream like any other: where a claim names a twin, its iterates are
put beside those of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convergence.claim import Claim
from convergence.experiment import Experiment
from convergence.foreign import simulate
from convergence.measure import MEASURES, Measure, Observation
from convergence.record import Record
from convergence.rounding import Disturbed
from convergence.simulation import Engine, Simulation, run
from convergence.verdict import Verdict
from problems.notation import InputError, require

__all__ = ["Array", "Planned", "Seen", "Stream", "largest_ratio"]

Array = NDArray[np.float64]
Times = NDArray[np.int64]

# Up to so many numbers (lanes, rounds, coordinates) every round is tested.
_ALL_ROUNDS = 2_000_000
_ONCE = "the optimizer cannot be run again"


@dataclass(frozen=True)
class Seen:
    """A claim at some rounds of a run.

    Attributes:
        times: Shape (rounds,).
        observed: Iterates, state and totals.
        measured, bound: Shape (lanes, rounds).
        ends: Shape (lanes,): the first step that was not finite, or 0.
    """

    times: Times
    observed: Observation
    measured: Array
    bound: Array
    ends: NDArray[np.int64]

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Where a lane is no longer finite, shape (lanes, rounds)."""
        return (self.ends[:, None] > 0) & (self.times >= self.ends[:, None])


@dataclass(frozen=True)
class Planned:
    """A run that is to be judged and of which nothing was carried out yet.

    Attributes:
        experiment: What is run; its seeds are one for each lane.
        times: The rounds to record, increasing.
    """

    experiment: Experiment
    times: Times

    def lane(self, number: int) -> Planned:
        """The run of one lane."""
        seeds = self.experiment.seeds[number : number + 1]
        return replace(self, experiment=self.experiment.changed(seeds=seeds))


@dataclass(frozen=True)
class _Block:
    """What was observed at successive rounds, and the first steps that were not finite so far."""

    times: Times
    observed: Observation
    ends: NDArray[np.int64]


class Stream:
    """A claim held against a run, at the rounds that were recorded or at others.

    Args:
        claim: A claim that applies to the experiment.
        experiment: The parts of the run, as the claim sees them.
        record: The run, or the plan of one, which is carried out where it is looked at.
        last: The last round of a plan, where it is known.
        known: The recorded rounds of the first seeds, where these were looked at before.
    """

    def __init__(
        self,
        claim: Claim,
        experiment: Experiment,
        record: Record | Planned,
        last: int | None = None,
        known: Seen | None = None,
    ):
        self.claim, self.experiment, self.record = claim, experiment, record
        self._last, self._known = last, known
        self.measure: Measure = MEASURES[claim.measure]
        #: The sign that makes less always fine.
        self.sign = -1.0 if claim.sense == "at least" else 1.0
        self.name = claim.measure.replace("_", " ")

    @property
    def seeds(self) -> tuple[int, ...]:
        """One for each lane."""
        return self.record.experiment.seeds

    # An optimizer that is no rule may be one that cannot be run again

    @property
    def repeatable(self) -> bool:
        """Whether the run may be carried out again, at other rounds or with more seeds."""
        return self.record.experiment.optimizer.repeatable

    @property
    def lacks_a_twin(self) -> str:
        """Why there is no run to set beside this one, in a sentence, or ""."""
        other = self.claim.beside(self.experiment).opaque if self.claim.twin else None
        if other is None or other.repeatable:
            return ""
        return f"the claim is about two runs, and {_ONCE}"

    def remark(self, verdict: Verdict) -> str:
        """What the end of a reason says of an optimizer that is no rule."""
        claim, experiment, times, said = self.claim, self.experiment, self.record.times, ""
        if not self.repeatable:
            by_chance = claim.kind in ("in expectation", "with probability")
            if by_chance and not claim.on_every_run(experiment.problem, experiment.opaque):
                if verdict.word == "inconclusive":
                    said = f"; no more seeds were taken: {_ONCE}"
            elif times.size < times[-1]:
                said = f"; only the recorded rounds were tested: {_ONCE}"
        if verdict.word == "violated" and experiment.opaque and experiment.rule:
            said += f"; the optimizer is declared to be {experiment.rule.specification}"
        return said

    # Looking

    @property
    def few(self) -> bool:
        """Whether every round may be looked at: up to two million numbers."""
        numbers = len(self.seeds) * self.experiment.problem.dimension
        if int(self.record.times[-1]) * numbers <= _ALL_ROUNDS:
            return True
        return self.last * numbers <= _ALL_ROUNDS

    @cached_property
    def last(self) -> int:
        """The last round of the record; once no lane is finite any more, no other is recorded."""
        times = self.record.times
        if self._last is not None:
            return self._last
        if isinstance(self.record, Record) or times.size == 1:
            return int(times[-1])
        if int(times[-1]) * len(self.seeds) * self.experiment.problem.dimension > _ALL_ROUNDS:
            return int(self.recorded.times[-1])
        ends = self._rounds[-1].ends
        return int(times[np.searchsorted(times, ends.max())] if ends.all() else times[-1])

    @property
    def ends(self) -> NDArray[np.int64]:
        """The first step of each lane that was not finite, or 0."""
        if isinstance(self.record, Record):
            return np.array([end.step for end in self.record.ends])
        return self.recorded.ends

    @cached_property
    def recorded(self) -> Seen:
        """The rounds of the record."""
        known = self._known
        if known is not None:
            # A seed gives the same bits whichever others it is run with.
            others = self.again(self.seeds[len(known.ends) :], self.record.times).recorded
            if np.array_equal(others.times, known.times):
                observed = _joined(known.observed, others.observed)
                measured = np.concatenate([known.measured, others.measured])
                ends = np.concatenate([known.ends, others.ends])
                return self._seen(known.times, observed, measured, ends)
        record = self._with_all()
        state = {
            name.removeprefix("state_"): values
            for name, values in record.series.items()
            if name.startswith("state_")
        }
        needed = self.claim.quantities(self.experiment)
        totals = {name: record[name] for name in needed}
        observed = Observation(record["iterate"], state, totals, np.zeros(0))
        ends = np.array([end.step for end in record.ends])
        if self.claim.twin is None:
            return self._seen(record.times, observed, record[self.claim.measure], ends)
        other = self.claim.beside(self.experiment)
        beside = run(
            other.changed(seeds=self.seeds),
            measures=[],
            quantities=needed,
            times=record.times.tolist(),
        )
        both = _with_twin(observed, Observation(beside["iterate"], {}, {}, np.zeros(0)))
        return self._seen(record.times, both, self._figure(both, record.times, self.seeds), ends)

    def every_round(self, until: int, seeds: Sequence[int] | None = None) -> Iterator[Seen]:
        """The run again, block by block, at each of its rounds."""
        again = seeds is not None or until != self.record.times[-1] or "_rounds" not in vars(self)
        seeds = self.seeds if seeds is None else seeds
        for block in self._blocks(until, seeds) if again else self._rounds:
            measured = self._figure(block.observed, block.times, seeds)
            yield self._seen(block.times, block.observed, measured, block.ends)

    @cached_property
    def _rounds(self) -> list[_Block]:
        """Every round of a plan up to its end, where that is not too much."""
        return list(self._blocks(int(self.record.times[-1]), self.seeds))

    def _blocks(self, until: int, seeds: Sequence[int]) -> Iterator[_Block]:
        first, *others = self._simulations(seeds)
        rounds = first.every_round(until)
        for other in others:
            # Both cut a run into the same blocks.
            rounds = (
                (times, _with_twin(observed, beside))
                for (times, observed), (_, beside) in zip(
                    rounds, other.every_round(until), strict=True
                )
            )
        for times, observed in rounds:
            yield _Block(times, observed, np.array(first.ended))

    def with_more(self, seeds: Sequence[int]) -> Stream:
        """The run with its seeds and these, of which only these are still to be run."""
        record = self.record
        plan = Planned(record.experiment.changed(seeds=[*self.seeds, *seeds]), record.times)
        return Stream(self.claim, self.experiment, plan, known=self.recorded)

    def again(self, seeds: Sequence[int], times: Times | None = None) -> Stream:
        """The run again, with these seeds and rounds to record."""
        record = self.record
        times = record.times if times is None else times
        plan = Planned(record.experiment.changed(seeds=seeds), times)
        return Stream(self.claim, self.experiment, plan)

    def alone(self, lane: int) -> Stream:
        """The stream of one lane."""
        return Stream(self.claim, self.experiment, self.record.lane(lane), self.last)

    def disturbed(self, seeds: Sequence[int], steps: int) -> Disturbed:
        """How far rounding may have moved the figure above its bound, in the runs of seeds."""

        def excess(seen: list[Observation], times: Times, seeds: list[int]) -> Array:
            observed = seen[0] if len(seen) == 1 else _with_twin(*seen)
            measured = self._figure(observed, times, seeds)
            bound = self.claim.bound(self.experiment, times, observed)
            # Where a bound is infinite, nothing is claimed.
            return measured - np.where(np.isfinite(bound), bound, 0.0)

        engine: Engine = "array" if steps <= 1 << 12 else "auto"
        return Disturbed(lambda lanes: self._simulations(lanes, engine), excess, seeds, steps)

    # Parts

    def _with_all(self) -> Record:
        """A record of the run that holds what the claim needs."""
        record, needed = self.record, self.claim.quantities(self.experiment)
        measures = [] if self.claim.twin else [self.claim.measure]
        if isinstance(record, Record):
            missing = [name for name in (*measures, *needed) if name not in record.series]
            if not missing:
                return record
            require(
                self.repeatable,
                f"claim {self.claim.key} asks for {', '.join(missing)}, which the record lacks, "
                f"and {_ONCE}; record it with the measures and quantities left out",
            )
        times = record.times.tolist()
        return run(record.experiment, measures=measures, quantities=needed, times=times)

    def _simulations(self, seeds: Sequence[int], engine: Engine = "auto") -> list[Simulation]:
        """The run, and its twin where the claim names one."""
        needed = self.claim.quantities(self.experiment)
        runs = [self.record.experiment]
        if self.claim.twin:
            runs.append(self.claim.beside(self.experiment))
        return [simulate(each, seeds=seeds, quantities=needed, engine=engine) for each in runs]

    def _figure(self, observed: Observation, times: Times, seeds: Sequence[int]) -> Array:
        with np.errstate(all="ignore"):
            figure = self.measure.evaluate(self.experiment.problem, observed, times, list(seeds))
        return np.asarray(figure)

    def _seen(
        self, times: Times, observed: Observation, measured: Array, ends: NDArray[np.int64]
    ) -> Seen:
        """With the bound; one that is not a number where something was measured is refused."""
        claim, problem = self.claim, self.experiment.problem
        bound = claim.bound(self.experiment, times, observed)
        require(
            not np.isnan(bound[np.isfinite(measured)]).any(),
            f"the bound of claim {claim.key} is not a number on problem {problem.key}",
        )
        least = self.measure.attained
        if least is not None and claim.sense == "at most" and (bound < least).any():
            place = int((bound < least).any(axis=0).argmax())
            raise InputError(
                f"the bound of claim {claim.key} is {float(bound[:, place].min()):.6g} at step "
                f"{times[place]}: a bound on {self.name} must not be "
                + ("negative" if least == 0 else f"less than {least:g}")
            )
        return Seen(times, observed, measured, bound, ends)

    # What the bound says

    def speaks(self, seen: Seen) -> NDArray[np.bool_]:
        """Where the bound says more than the stated constants imply, shape (rounds,)."""
        low, high = self.measure.span(self.experiment.problem, self.experiment.rule, seen.times)
        implied = low if self.claim.sense == "at least" else high
        says = np.isfinite(seen.bound) & (self.sign * seen.bound < self.sign * np.asarray(implied))
        return np.asarray(says.any(axis=0))

    def beats_standing_still(self, seen: Seen) -> NDArray[np.bool_]:
        """Where the bound is less than the figure of a run that stays at the start, (rounds,)."""
        at = self._still
        if at is None or self.claim.sense == "at least":
            return np.asarray(np.isfinite(seen.bound).any(axis=0))
        return np.asarray((seen.bound < at).any(axis=0))

    @cached_property
    def _still(self) -> float | None:
        problem, needs = self.experiment.problem, self.measure.rests_on
        if any(name not in problem.constants for name in needs):
            return None
        return self.measure.standing_still(problem)


def _joined(first: Observation, second: Observation) -> Observation:
    """The lanes of both, at the same rounds."""

    def joined(one: Mapping[str, Array], more: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.concatenate([one[name], more[name]]) for name in one}

    return Observation(
        np.concatenate([first.iterate, second.iterate]),
        joined(first.state, second.state),
        joined(first.totals, second.totals),
        first.exact_sums,
    )


def _with_twin(observed: Observation, beside: Observation) -> Observation:
    """An observation that also holds the iterates of another run."""
    return replace(observed, totals={**observed.totals, "twin_iterate": beside.iterate})


def largest_ratio(
    measured: Array, bound: Array, at_least: bool
) -> tuple[float, tuple[int, int]] | None:
    """The largest measured/bound (bound/measured) of shape (lanes, rounds), and its place.

    Returns:
        None where no quotient is a number.
    """
    top, bottom = (bound, measured) if at_least else (measured, bound)
    with np.errstate(all="ignore"):
        # A quotient of two negative numbers compares nothing.
        known = np.isfinite(top / bottom) & (bottom > 0)
        quotient = np.where(known, top / bottom, -np.inf)
    lane, place = np.unravel_index(int(np.argmax(quotient)), quotient.shape)
    ratio = float(quotient[lane, place])
    return (ratio, (int(lane), int(place))) if np.isfinite(ratio) else None
