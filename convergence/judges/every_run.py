"""Claims about every run: every round of every lane, with an allowance for rounding alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence import rounding
from convergence.claim import Claim, Setting
from convergence.judges.labels import contradicted
from convergence.judges.shared import (
    Array,
    bound_of,
    closest,
    figure,
    observed_in,
    sign_of,
    trivially_true,
    with_all,
    with_twin,
)
from convergence.measure import MEASURES, Observation
from convergence.record import Record
from convergence.simulation import Simulation
from convergence.verdict import Verdict

__all__ = ["judge_every_run"]

# Up to so many numbers (lanes, rounds, coordinates) every round is tested.
_ALL_ROUNDS = 2_000_000
# The square of a smaller number is subnormal or 0: moments of such gradients are not to be trusted.
_LOST = 2.0**-511


@dataclass(frozen=True)
class _Tested:
    """A claim at some rounds of a run, signed so that less is always fine.

    Attributes:
        times: Shape (rounds,).
        measured, bound: Shape (lanes, rounds).
        exceeded: Where the bound is broken beyond rounding.
        underflow: Where it would be, by figures so small that their squares are lost.
        speaks: Shape (rounds,): where the bound says more than is trivially true.
        rounding: Shape (lanes, rounds): how far the measured figure may be off.
        lie: The label of the problem that the run contradicts, in a sentence, or "".
    """

    times: NDArray[np.int64]
    measured: Array
    bound: Array
    exceeded: NDArray[np.bool_]
    underflow: NDArray[np.bool_]
    speaks: NDArray[np.bool_]
    rounding: Array
    lie: str


def _tested(
    claim: Claim,
    setting: Setting,
    seeds: Sequence[int],
    times: NDArray[np.int64],
    observed: Observation,
    measured: Array,
    ends: Sequence[int],
) -> _Tested:
    sign = sign_of(claim)
    bound = bound_of(claim, setting, times, observed, measured)
    with np.errstate(all="ignore"):
        allowance = rounding.of_measure(
            claim.measure, setting.problem, setting.runner, times, observed, measured
        )
        exceeded = sign * measured > sign * bound + allowance
        if exceeded.any():
            allowance = allowance + claim.bound_rounding(setting, times, observed)
            exceeded = sign * measured > sign * bound + allowance
    for lane, end in enumerate(ends):
        if end:
            # What is not finite exceeds any finite bound.
            exceeded[lane] |= (times >= end) & np.isfinite(bound[lane])
    speaks: NDArray[np.bool_] = np.any(np.isfinite(bound), axis=0)
    trivial = trivially_true(claim, setting, times)
    if trivial is not None:
        speaks &= (bound < trivial).any(axis=0)
    underflow = exceeded & (np.maximum(np.abs(measured), np.abs(bound)) < _LOST)
    lie = contradicted(claim, setting, seeds, times, observed)
    return _Tested(times, measured, bound, exceeded & ~underflow, underflow, speaks, allowance, lie)


def _every_round(
    claim: Claim, setting: Setting, seeds: Sequence[int], until: int
) -> Iterator[_Tested]:
    """Run again and test every round, block by block."""
    simulation = _simulation(claim, setting, seeds)
    rounds = simulation.every_round(until)
    if claim.twin:
        beside = _simulation(claim, claim.beside(setting), seeds)
        rounds = _beside(rounds, beside.every_round(until))
    for times, observed in rounds:
        with np.errstate(all="ignore"):
            measured = MEASURES[claim.measure].evaluate(
                setting.problem, observed, times, list(seeds)
            )
        ends = simulation.ended.tolist()
        yield _tested(claim, setting, seeds, times, observed, measured, ends)


def _simulation(claim: Claim, setting: Setting, seeds: Sequence[int]) -> Simulation:
    return Simulation(
        setting.problem,
        setting.runner,
        setting.schedule,
        seeds=seeds,
        horizon=setting.steps,
        quantities=claim.quantities(setting),
        projection=setting.projection,
    )


_Rounds = Iterator[tuple[NDArray[np.int64], Observation]]


def _beside(rounds: _Rounds, others: _Rounds) -> _Rounds:
    """Each block of a run with the block of its twin: both cut a run into the same blocks."""
    for (times, observed), (same, beside) in zip(rounds, others, strict=True):
        assert np.array_equal(times, same)
        yield times, with_twin(observed, beside)


def _at_recorded_rounds(claim: Claim, setting: Setting, record: Record) -> _Tested:
    """Test the rounds that were recorded."""
    record = with_all(record, claim, setting)
    observed = observed_in(record, claim, setting)
    ends = [end.step for end in record.ends]
    measured = figure(claim, record, observed)
    return _tested(claim, setting, record.seeds, record.times, observed, measured, ends)


def judge_every_run(
    claim: Claim, setting: Setting, record: Record, common: dict[str, Any]
) -> Verdict:
    """Hold every round against the bound, or the recorded ones where that is too much."""
    size = len(record.seeds) * setting.problem.dimension
    last = int(record.times[-1])
    seeds: Sequence[int] = record.seeds
    parts: Iterable[_Tested]
    # Gradients taken at drawn rounds are a figure of the recorded rounds alone.
    sampled = MEASURES[claim.measure].samples_gradients(setting.problem)
    if last * size <= _ALL_ROUNDS and not sampled:
        parts = _every_round(claim, setting, seeds, last)
    else:
        recorded = _at_recorded_rounds(claim, setting, record)
        parts = [recorded]
        if recorded.exceeded.any() and not sampled:
            # Only the first step is wanted: one lane suffices.
            lane, place = min(
                (
                    (lane, int(row.argmax()))
                    for lane, row in enumerate(recorded.exceeded)
                    if row.any()
                ),
                key=lambda found: found[1],
            )
            seeds = [record.seeds[lane]]
            parts = _every_round(claim, setting, seeds, int(recorded.times[place]))
    at_least = claim.sense == "at least"
    name = claim.measure.replace("_", " ")
    figures: dict[str, Any] = {"ratio": None, "speaks_from": None, "rounds_checked": 0}
    lost = False
    for part in parts:
        times = part.times
        if part.lie:
            return Verdict("not applicable", reason=part.lie, **common)
        lost |= bool(part.underflow.any())
        figures["rounds_checked"] += int(np.isfinite(part.measured).any(axis=0).sum())
        if figures["speaks_from"] is None and part.speaks.any():
            figures["speaks_from"] = int(times[part.speaks.argmax()])
        ratio, (lane, place) = closest(part.measured, part.bound, at_least, part.rounding)
        if np.isfinite(ratio) and (figures["ratio"] is None or ratio > figures["ratio"]):
            figures |= {
                "ratio": ratio,
                "closest": int(times[place]),
                "measured": float(part.measured[lane, place]),
                "bound": float(part.bound[lane, place]),
            }
        if part.exceeded.any():
            place = int(part.exceeded.any(axis=0).argmax())
            lane = int(part.exceeded[:, place].argmax())
            at, limit = float(part.measured[lane, place]), float(part.bound[lane, place])
            top, bottom = (limit, at) if at_least else (at, limit)
            figures |= {
                "measured": at,
                "bound": limit,
                "ratio": top / bottom if bottom else None,
                "closest": int(times[place]),
                "first_violation": int(times[place]),
                "rounds_checked": int(times[place]),
            }
            seed = f" (seed {seeds[lane]})" if len(record.seeds) > 1 else ""
            shown = f"{name} {at:.6g} {'<' if at_least else '>'} bound {limit:.6g}"
            if not np.isfinite(at):
                shown = "the run is no longer finite, and the bound is,"
            return Verdict(
                "violated", reason=f"{shown} at step {times[place]}{seed}", **figures, **common
            )
    if not figures["rounds_checked"]:
        return Verdict("inconclusive", reason="no finite figure was recorded", **common)
    if lost:
        return Verdict(
            "inconclusive",
            reason=f"figures below {_LOST:.0e} cannot be judged: their squares underflow",
            **figures,
            **common,
        )
    if figures["speaks_from"] is None:
        return Verdict(
            "vacuous",
            reason=f"up to step {last} the bound never says more than is trivially true",
            **figures,
            **common,
        )
    tested = figures["rounds_checked"]
    over = f"{last} steps" if tested == last else f"{tested} recorded steps up to {last}"
    lanes = len(record.seeds)
    reason = f"not contradicted in {lanes} run{'s' * (lanes > 1)} at {over}"
    if figures["ratio"] is not None:
        quotient = f"bound / {name}" if at_least else f"{name} / bound"
        reason += f": closest at step {figures['closest']}, {quotient} = {figures['ratio']:.3g}"
    return Verdict("holds", reason=reason, **figures, **common)
