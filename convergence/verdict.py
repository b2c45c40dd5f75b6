"""`judge`: a claim held against a recorded run, and the verdict it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from convergence.claim import ROUNDING, SEEN, Claim, Setting, Word, catalogue, find
from convergence.measure import MEASURES, Observation
from convergence.record import Record
from convergence.simulation import Simulation, run
from problems.notation import InputError, require

__all__ = ["DOUBLINGS", "ERROR_PROBABILITY", "SLACK", "Verdict", "error_per_verdict", "judge"]

Array = NDArray[np.float64]

#: Probability that, of all claims in expectation that the suite judges, one that is true is called
#: violated (or a false one to hold) by bad luck.
ERROR_PROBABILITY = 1e-6
#: How often the seeds are doubled until a claim in expectation is decided.
DOUBLINGS = 8
#: A claim in expectation holds if the upper confidence limit stays below this times the bound:
#: at 1 a tight claim would never be decided.
SLACK = 1.05


@dataclass(frozen=True)
class Verdict:
    """What a claim came to on a run, with the figures it rests on.

    Attributes:
        word: holds, violated, vacuous, not applicable or inconclusive.
        claim, problem, rule, schedule: Specifications.
        steps: Rounds of the run.
        seeds: How many lanes.
        reason: One sentence.
        first_violation: The first step at which the bound is broken, or None.
        measured, bound: At the first violation, or where the run comes closest.
        ratio: The largest measured / bound (bound / measured for a lower bound) over the
            tested rounds, and where it is attained.
        closest: That round.
        speaks_from: The first tested round at which the bound says more than what is
            trivially true, or None.
        rounds_checked: At how many rounds the claim was tested.
        error_probability: For claims in expectation; 0 for claims about every run.
    """

    word: Word
    claim: str
    problem: str
    rule: str
    schedule: str
    steps: int
    seeds: int
    reason: str
    first_violation: int | None = None
    measured: float | None = None
    bound: float | None = None
    ratio: float | None = None
    closest: int | None = None
    speaks_from: int | None = None
    rounds_checked: int = 0
    error_probability: float = 0.0

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


# Up to so many numbers (lanes, rounds, coordinates) every round is tested.
_ALL_ROUNDS = 2_000_000
_UNIT = 2.0**-53
# The square of a smaller number is subnormal or 0: moments of such gradients are not to be trusted.
_LOST = 2.0**-511


def _allowance(claim: Claim, setting: Setting, times: Any, observed: Observation) -> Array:
    """A bound on the rounding error of the measured figure, given the iterates.

    A sum of T terms is off by at most T units of the sum of their magnitudes; a difference of
    objective values by the errors of both (taken as 64 units each) and the tolerance of f*.
    """
    problem = setting.problem
    shape = observed.iterate.shape[:2]
    if claim.measure in ROUNDING:
        error = 4 * times * _UNIT * observed.totals["loss_magnitude"][..., 0]
        return np.asarray(error if claim.measure == "regret" else error / times)
    if claim.measure == "sup_norm":
        # Every step rounds by a few units of the iterate, and none of the methods that such
        # bounds speak of magnifies what was there before.
        size = np.maximum(abs(observed.iterate).max(axis=-1), float(abs(problem.start).max()))
        return np.asarray(8 * times * _UNIT * size)
    if claim.measure == "relative_step":
        # A step is made of moments that have been rounded once a round.
        size = observed.totals["relative_step_most"].max(axis=-1)
        return np.asarray((64 + 4 * times) * _UNIT * size)
    if claim.measure.startswith("suboptimality"):
        minimum = problem.constants["minimum"]
        level = abs(float(problem.objective(problem.start))) + abs(minimum.value)
        return np.full(shape, 64 * _UNIT * level + minimum.tolerance)
    return np.zeros(shape)


def _trivial(claim: Claim, setting: Setting, times: NDArray[np.int64]) -> Array | None:
    """What is true without any theorem, at each round; None where nothing is."""
    problem = setting.problem
    if claim.measure in ("regret", "average_regret") and claim.sense == "at most":
        if not problem.domain.bounded or "G" not in problem.constants:
            return None
        most = problem.constant("G") * problem.domain.diameter("l2", problem.dimension)
        return most * (times.astype(float) if claim.measure == "regret" else np.ones(times.size))
    if claim.sense == "at least":
        return None
    if claim.measure.startswith("suboptimality"):
        start = float(problem.objective(problem.start)) - problem.constant("minimum")
        return np.full(times.size, start)  # staying at the start attains it
    if claim.measure in ("distance", "distance_square") and "minimizer" in problem.constants:
        apart = float(np.linalg.norm(problem.start - problem.constants["minimizer"].value))
        return np.full(times.size, apart if claim.measure == "distance" else apart**2)
    if claim.measure == "gradient_mean_square":
        start_gradient = problem.objective_gradient(problem.start)
        return np.full(times.size, float((start_gradient**2).sum()))
    return None


def judge(claim: Claim | str, record: Record) -> Verdict:
    """Hold a claim against a recorded run.

    A claim about every run is *violated* if the measured figure passes the bound by more than
    its own rounding, in any lane. Every round is tested; where that is too much (more than two
    million numbers), the recorded rounds are, and up to a violation found there every round is,
    to name the first step. A claim in expectation is judged at the recorded rounds, by Student's
    t confidence limits of the mean over seeds; while these do not decide, the seeds are doubled,
    up to eight times. The error probability is split over the suite's claims in expectation, the
    looks and the recorded rounds.

    Args:
        claim: A claim, or its specification.
        record: A run. What the claim needs and the record lacks is obtained by running again.

    Returns:
        The verdict.
    """
    claim = find(claim) if isinstance(claim, str) else claim
    require(isinstance(claim, Claim), f"claim={claim!r} must be a claim or its specification")
    require(isinstance(record, Record), f"record={record!r} must be a record of a run")
    setting = Setting(record.problem, record.rule, record.schedule, record.steps, record.projection)
    common: dict[str, Any] = {
        "claim": claim.specification,
        "problem": setting.problem.specification,
        "rule": setting.rule.specification,
        "schedule": setting.schedule.specification,
        "steps": record.steps,
        "seeds": len(record.seeds),
    }
    if reason := claim.fails(setting):
        return Verdict("not applicable", reason=reason, **common)
    if claim.kind == "every run" or not setting.problem.stochastic:
        return _judge_every_run(claim, setting, record, common)
    return _judge_expectation(claim, setting, record, common)


def error_per_verdict() -> float:
    """The share of the error probability that one verdict in expectation may use."""
    cases = [case for item in catalogue for case in item().cases if item().kind != "every run"]
    return ERROR_PROBABILITY / max(1, len(cases))


def _judge_expectation(
    claim: Claim, setting: Setting, record: Record, common: dict[str, Any]
) -> Verdict:
    """Look, and while nothing is decided look again with twice the seeds."""
    error = error_per_verdict()
    for look in range(DOUBLINGS + 1):
        verdict = _look(
            claim,
            setting,
            _with_all(record, claim, setting),
            {**common, "seeds": len(record.seeds), "error_probability": error},
            error / (DOUBLINGS + 1),
        )
        if verdict.word != "inconclusive" or verdict.ratio is None:
            return verdict
        if look < DOUBLINGS:
            more = range(max(record.seeds) + 1, max(record.seeds) + 1 + len(record.seeds))
            record = _rerun(record, [*record.seeds, *more])
    return verdict


def _rerun(record: Record, seeds: Sequence[int]) -> Record:
    return run(
        record.problem,
        record.rule,
        record.schedule,
        record.steps,
        seeds=seeds,
        measures=[],
        times=record.times.tolist(),
        projection=record.projection,
    )


def _with_all(record: Record, claim: Claim, setting: Setting) -> Record:
    needed = claim.quantities(setting)
    if claim.measure in record.series and all(name in record.series for name in needed):
        return record
    return run(
        record.problem,
        record.rule,
        record.schedule,
        record.steps,
        seeds=record.seeds,
        measures=[claim.measure],
        quantities=needed,
        times=record.times.tolist(),
        projection=record.projection,
    )


def _observed(record: Record, claim: Claim, setting: Setting) -> Observation:
    state = {
        name.removeprefix("state_"): values
        for name, values in record.series.items()
        if name.startswith("state_")
    }
    totals = {name: record[name] for name in claim.quantities(setting)}
    return Observation(record["iterate"], state, totals, np.zeros(0))


def _lie(claim: Claim, setting: Setting, times: NDArray[np.int64], observed: Observation) -> str:
    """The label that the run itself contradicts, in a sentence, or ""."""
    for letter, total in SEEN.items():
        if letter not in claim.letters:
            continue
        stated = setting.problem.constant(letter)
        seen = observed.totals[total].max(axis=(0, 2))
        # A norm of n numbers is off by a few units.
        false = seen > stated * (1 + 2.0**-40)
        if false.any():
            place = int(false.argmax())
            return (
                f"the problem states {letter} = {stated:.9g}, but a gradient of size "
                f"{seen[place]:.9g} was seen by step {times[place]}"
            )
    return ""


def _sign(claim: Claim) -> float:
    return -1.0 if claim.sense == "at least" else 1.0


def _closest(
    measured: Array, bound: Array, at_least: bool, rounding: Array | float = 0.0
) -> tuple[float, tuple[int, int]]:
    """The largest measured/bound where it is finite and more than rounding, and its place."""
    top, bottom = (bound, measured) if at_least else (measured, bound)
    with np.errstate(all="ignore"):
        known = np.isfinite(top / bottom) & (abs(bottom) > 1e3 * rounding)
        ratio = np.where(known, top / bottom, -np.inf)
    place = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return float(ratio[place]), (int(place[0]), int(place[1]))


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


def _bound(
    claim: Claim,
    setting: Setting,
    times: NDArray[np.int64],
    observed: Observation,
    measured: Array,
) -> Array:
    """The bound; a bound that is not a number where something was measured is refused."""
    bound = claim.bound(setting, times, observed)
    require(
        not np.isnan(bound[np.isfinite(measured)]).any(),
        f"the bound of claim {claim.key} is not a number on problem {setting.problem.key}",
    )
    if claim.measure in ("regret", "average_regret") and claim.sense == "at most":
        # The comparator itself is a run, of regret 0.
        negative = (bound < 0).any(axis=0)
        if negative.any():
            place = int(negative.argmax())
            raise InputError(
                f"the bound of claim {claim.key} is {float(bound[:, place].min()):.6g} at step "
                f"{times[place]}: a bound on regret must not be negative"
            )
    return bound


def _tested(
    claim: Claim,
    setting: Setting,
    times: NDArray[np.int64],
    observed: Observation,
    measured: Array,
    ends: Sequence[int],
) -> _Tested:
    sign = _sign(claim)
    bound = _bound(claim, setting, times, observed, measured)
    allowance = _allowance(claim, setting, times, observed)
    with np.errstate(invalid="ignore"):
        exceeded = sign * measured > sign * bound + allowance
    for lane, end in enumerate(ends):
        if end:
            # What is not finite exceeds any finite bound.
            exceeded[lane] |= (times >= end) & np.isfinite(bound[lane])
    speaks: NDArray[np.bool_] = np.any(np.isfinite(bound), axis=0)
    trivial = _trivial(claim, setting, times)
    if trivial is not None:
        speaks &= (bound < trivial).any(axis=0)
    underflow = exceeded & (np.maximum(np.abs(measured), np.abs(bound)) < _LOST)
    lie = _lie(claim, setting, times, observed)
    return _Tested(times, measured, bound, exceeded & ~underflow, underflow, speaks, allowance, lie)


def _every_round(
    claim: Claim, setting: Setting, seeds: Sequence[int], until: int
) -> Iterator[_Tested]:
    """Run again and test every round, block by block."""
    simulation = Simulation(
        setting.problem,
        setting.rule,
        setting.schedule,
        seeds=seeds,
        horizon=setting.steps,
        quantities=claim.quantities(setting),
        projection=setting.projection,
    )
    for times, observed in simulation.every_round(until):
        with np.errstate(all="ignore"):
            measured = MEASURES[claim.measure].evaluate(
                setting.problem, observed, times, list(seeds)
            )
        yield _tested(claim, setting, times, observed, measured, simulation.ended.tolist())


def _at_recorded_rounds(claim: Claim, setting: Setting, record: Record) -> _Tested:
    """Test the rounds that were recorded."""
    record = _with_all(record, claim, setting)
    observed = _observed(record, claim, setting)
    ends = [end.step for end in record.ends]
    return _tested(claim, setting, record.times, observed, record[claim.measure], ends)


def _judge_every_run(
    claim: Claim, setting: Setting, record: Record, common: dict[str, Any]
) -> Verdict:
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
        ratio, (lane, place) = _closest(part.measured, part.bound, at_least, part.rounding)
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


def _look(
    claim: Claim, setting: Setting, record: Record, common: dict[str, Any], error: float
) -> Verdict:
    """One-sided Student limits of the mean over seeds, the error split over recorded rounds."""
    sign = _sign(claim)
    times, lanes = record.times, len(record.seeds)
    observed = _observed(record, claim, setting)
    measured = sign * record[claim.measure]
    bound = sign * _bound(claim, setting, times, observed, measured)
    ends = [end.step for end in record.ends]
    if lie := _lie(claim, setting, times, observed):
        return Verdict("not applicable", reason=lie, **common)
    if lanes < 2:
        return Verdict("inconclusive", reason="an expectation needs at least 2 seeds", **common)
    if any(ends):
        return Verdict(
            "inconclusive", reason=f"{sum(map(bool, ends))} of {lanes} runs diverged", **common
        )
    mean, expected = measured.mean(axis=0), bound.mean(axis=0)
    deviation = (measured - bound).std(axis=0, ddof=1) / np.sqrt(lanes)
    width = stats.t.isf(error / times.size, lanes - 1) * deviation
    trivial = _trivial(claim, setting, times)
    speaks = np.isfinite(expected)
    if trivial is not None:
        speaks &= expected < trivial
    at_least = claim.sense == "at least"
    ratio, (_, place) = _closest(sign * mean[None], sign * expected[None], at_least)
    figures: dict[str, Any] = {
        "measured": sign * float(mean[place]),
        "bound": sign * float(expected[place]),
        "ratio": ratio,
        "closest": int(times[place]),
        "speaks_from": int(times[speaks.argmax()]) if speaks.any() else None,
        "rounds_checked": times.size,
    }
    name = "mean " + claim.measure.replace("_", " ")
    broken = mean - width > expected
    if broken.any():
        place = int(broken.argmax())
        figures |= {
            "measured": sign * float(mean[place]),
            "bound": sign * float(expected[place]),
            "first_violation": int(times[place]),
        }
        reason = (
            f"{name} {figures['measured']:.6g} passes the bound {figures['bound']:.6g} at the "
            f"recorded step {times[place]}, beyond the confidence limit over {lanes} seeds"
        )
        return Verdict("violated", reason=reason, **figures, **common)
    if not speaks.any():
        return Verdict(
            "vacuous",
            reason=f"up to step {times[-1]} the bound never says more than is trivially true",
            **figures,
            **common,
        )
    room = expected + (SLACK - 1) * np.abs(expected)
    decided = mean + width <= room
    if decided[speaks].all():
        reason = (
            f"not contradicted: upper confidence limits over {lanes} seeds stay below "
            f"{SLACK:g} times the bound; closest at step {figures['closest']}, {name} / bound = "
            f"{ratio:.3g}"
        )
        return Verdict("holds", reason=reason, **figures, **common)
    undecided = int(times[np.argmax(speaks & ~decided)])
    return Verdict(
        "inconclusive",
        reason=f"{lanes} seeds do not decide at step {undecided}; take more",
        **figures,
        **common,
    )
