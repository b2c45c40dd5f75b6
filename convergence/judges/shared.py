"""What the judges share: figures and bounds beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from convergence.claim import Claim, Setting
from convergence.measure import MEASURES, Observation
from convergence.record import Record
from convergence.simulation import run
from problems.notation import InputError, require

__all__ = [
    "Array",
    "bound_of",
    "closest",
    "figure",
    "observed_in",
    "rerun",
    "sign_of",
    "trivially_true",
    "with_all",
    "with_twin",
]

Array = NDArray[np.float64]


def sign_of(claim: Claim) -> float:
    """The sign that makes less always fine."""
    return -1.0 if claim.sense == "at least" else 1.0


def trivially_true(claim: Claim, setting: Setting, times: NDArray[np.int64]) -> Array | None:
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


def closest(
    measured: Array, bound: Array, at_least: bool, rounding: Array | float = 0.0
) -> tuple[float, tuple[int, int]]:
    """The largest measured/bound where it is finite and more than rounding, and its place."""
    top, bottom = (bound, measured) if at_least else (measured, bound)
    with np.errstate(all="ignore"):
        known = np.isfinite(top / bottom) & (abs(bottom) > 1e3 * rounding)
        ratio = np.where(known, top / bottom, -np.inf)
    place = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return float(ratio[place]), (int(place[0]), int(place[1]))


def bound_of(
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


def rerun(record: Record, seeds: Sequence[int], times: NDArray[np.int64] | None = None) -> Record:
    """The same run with these seeds and rounds to record, and nothing measured yet."""
    return run(
        record.problem,
        record.rule,
        record.schedule,
        record.steps,
        seeds=seeds,
        measures=[],
        times=(record.times if times is None else times).tolist(),
        projection=record.projection,
    )


def with_all(record: Record, claim: Claim, setting: Setting) -> Record:
    """A record of the run that holds what a claim needs."""
    needed = claim.quantities(setting)
    measures = [] if claim.twin else [claim.measure]
    if all(name in record.series for name in (*measures, *needed)):
        return record
    return run(
        record.problem,
        record.rule,
        record.schedule,
        record.steps,
        seeds=record.seeds,
        measures=measures,
        quantities=needed,
        times=record.times.tolist(),
        projection=record.projection,
    )


def observed_in(record: Record, claim: Claim, setting: Setting) -> Observation:
    """What the bound of a claim is made of, from a record; with the twin's iterates."""
    state = {
        name.removeprefix("state_"): values
        for name, values in record.series.items()
        if name.startswith("state_")
    }
    totals = {name: record[name] for name in claim.quantities(setting)}
    observed = Observation(record["iterate"], state, totals, np.zeros(0))
    if claim.twin is None:
        return observed
    other = claim.beside(setting)
    beside = run(
        other.problem,
        other.runner,
        other.schedule,
        other.steps,
        seeds=record.seeds,
        measures=[],
        quantities=claim.quantities(setting),
        times=record.times.tolist(),
        projection=other.projection,
    )
    totals = {name: beside[name] for name in claim.quantities(setting)}
    return with_twin(observed, Observation(beside["iterate"], {}, totals, np.zeros(0)))


def with_twin(observed: Observation, beside: Observation) -> Observation:
    """An observation that also holds the iterates of another run, and both roundings."""
    totals = {**observed.totals, "twin_iterate": beside.iterate}
    if "iterate_rounding" in totals:
        totals["iterate_rounding"] = totals["iterate_rounding"] + beside.totals["iterate_rounding"]
    return replace(observed, totals=totals)


def figure(claim: Claim, record: Record, observed: Observation) -> Array:
    """The measure of a claim at the recorded rounds."""
    if claim.twin is None:
        return record[claim.measure]
    seeds = list(record.seeds)
    return MEASURES[claim.measure].evaluate(record.problem, observed, record.times, seeds)
