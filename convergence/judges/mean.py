"""Claims in expectation: the mean over seeds, by the strongest evidence that there is.

An expectation that can be computed is (`convergence.judges.exact`): every sequence of outcomes, or
a recursion of moments. Otherwise confidence limits over seeds are taken, which are guaranteed where
the range of the figure is known. Where nothing is known, Student's limits are: they may let a claim
hold, as asymptotic evidence, and never refute it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.judges.chance import (
    Sample,
    doubled,
    error_per_verdict,
    figures_of,
    most_doublings,
)
from convergence.judges.confidence import bounded_width, share_limits, student_width
from convergence.judges.exact import enumerated, expected
from convergence.judges.labels import contradicted, unconfirmed
from convergence.judges.stream import Array, Seen, Stream, largest_ratio
from convergence.measure import Observation
from convergence.verdict import Evidence, Verdict, least_factor, word_of

__all__ = ["SLACK", "judge_mean"]

#: A claim in expectation holds if the upper confidence limit stays below this times the bound:
#: at 1 a tight claim would never be decided.
SLACK = 1.05
# A mean of figures that are all at the bound is off by less, and so is a computed expectation.
_ROUNDING = 1e-12
_COMPUTED = 1e-9
# The figure of a run that is no longer finite is at least the root of the largest float.
_ENORMOUS = 2.0**511


def judge_mean(stream: Stream, common: dict[str, Any]) -> Verdict:
    """Compute the expectation, or look, and while nothing is decided look with twice the seeds."""
    ours = stream.experiment.opaque is None
    if ours and len(stream.seeds) > 1 and not stream.recorded.ends.any():
        for computed in (_by_moments, _by_enumeration):
            if verdict := computed(stream, common):
                return verdict
    return _by_seeds(stream, common)


def _by_moments(stream: Stream, common: dict[str, Any]) -> Verdict | None:
    """By a recursion of moments, at every round, where the bound is the same in all runs."""
    claim, experiment = stream.claim, stream.experiment
    if not claim.bound_is_fixed(experiment):
        return None
    rounds = np.arange(1, int(stream.recorded.times[-1]) + 1)
    found = expected(experiment, claim.measure, rounds)
    if isinstance(found, str):
        return None
    none = np.zeros((1, rounds.size, experiment.problem.dimension))
    bound = claim.bound(experiment, rounds, Observation(none, {}, {}, np.zeros(0)))
    seen = Seen(rounds, stream.recorded.observed, found[None], bound, np.zeros(1, np.int64))
    return _exactly(Sample(stream, seen), "the expectation, from a recursion of moments", common)


def _by_enumeration(stream: Stream, common: dict[str, Any]) -> Verdict | None:
    """Over every sequence of outcomes."""
    claim, experiment = stream.claim, stream.experiment
    quantities = claim.quantities(experiment)
    found = enumerated(experiment, stream.recorded.times, [claim.measure], quantities)
    if isinstance(found, str):
        return None
    record, weights = found
    every = Stream(claim, experiment.changed(problem=record.experiment.problem), record).recorded
    mean, bound = weights @ every.measured, weights @ every.bound
    seen = Seen(record.times, every.observed, mean[None], bound[None], np.zeros(1, np.int64))
    how = f"the expectation, over all {weights.size} sequences of outcomes"
    return _exactly(Sample(stream, seen), how, common)


def _exactly(sample: Sample, how: str, common: dict[str, Any]) -> Verdict:
    """The verdict on an expectation that was computed."""
    stream, seen = sample.stream, sample.seen
    if lie := contradicted(stream.claim, stream.experiment, stream.seeds, stream.recorded):
        return Verdict("not applicable", reason=lie, **common)
    off = _COMPUTED * np.maximum(abs(sample.mean), abs(sample.expected))
    broken = sample.mean > sample.expected + off
    if broken.any():
        return _violation(sample, int(broken.argmax()), "exact", f": {how}", common)
    if not sample.speaks.any():
        return _vacuous(sample, common)
    return _holds(sample, np.zeros(seen.times.size), "exact", f"{how}, stays below", common)


def _vacuous(sample: Sample, common: dict[str, Any]) -> Verdict:
    reason = (
        f"up to step {sample.times[-1]} the bound never says more than the stated constants imply"
    )
    return Verdict("vacuous", reason=reason, **figures_of(sample, sample.mean), **common)


def _by_seeds(stream: Stream, common: dict[str, Any]) -> Verdict:
    """By confidence limits, the seeds doubled while these decide nothing."""
    first, most = len(stream.seeds), most_doublings(stream)
    error = error_per_verdict() / (most + 1)
    look = 0
    while True:
        seen = stream.recorded
        if lie := contradicted(stream.claim, stream.experiment, stream.seeds, seen):
            return Verdict("not applicable", reason=lie, **common)
        common = {**common, "seeds": len(stream.seeds)}
        if len(stream.seeds) < 2:
            reason = "a claim about chance needs at least 2 seeds"
            return Verdict("inconclusive", reason=reason, **common)
        sample = Sample(stream, seen)
        if seen.ends.any():
            return _diverged(stream, seen, error, common)
        if not sample.speaks.any():
            return _vacuous(sample, common)
        ahead = _deciding_look(sample, error, first, look, most)
        if ahead == look:
            return _guaranteed(sample, error, common)
        verdict = None
        if ahead is None:
            verdict = _asymptotic(sample, error, common)
            if verdict.word != "inconclusive" or look == most or _alike(sample).any():
                return verdict
            ahead = look + 1
        look = ahead
        stream = doubled(stream, first, look)


def _kept(sample: Sample, width: Array) -> NDArray[np.bool_]:
    """Where the upper limit stays below the bound and its slack, or nothing is said."""
    room = sample.expected + (SLACK - 1) * abs(sample.expected)
    return np.asarray((sample.mean + width <= room) | ~sample.speaks)


def _broken(sample: Sample, width: Array) -> NDArray[np.bool_]:
    """Where the lower limit passes the bound by more than rounding."""
    return np.asarray(sample.mean - width > sample.expected + _ROUNDING * abs(sample.expected))


def _width(sample: Sample, lanes: int, error: float, guaranteed: bool) -> Array:
    """Of the confidence limit at each round, with so many lanes."""
    deviation = (sample.measured - sample.bound).std(axis=0, ddof=1)
    share = error / sample.times.size
    if guaranteed:
        return bounded_width(deviation, sample.spread, lanes, share)
    return student_width(deviation, lanes, share)


def _deciding_look(sample: Sample, error: float, first: int, look: int, most: int) -> int | None:
    """The first look from now on at which guaranteed limits decide if the deviation stays."""
    if sample.spread is None:
        return None
    for ahead in range(look, most + 1):
        width = _width(sample, first << ahead, error, guaranteed=True)
        if _kept(sample, width).all() or _broken(sample, width).any():
            return ahead
    return None


def _holds(
    sample: Sample, width: Array, evidence: Evidence, how: str, common: dict[str, Any]
) -> Verdict:
    """The verdict where the upper limits stay below the bound."""
    stream, figures = sample.stream, figures_of(sample, sample.mean)
    at_least = stream.claim.sense == "at least"
    # A smaller bound would be contradicted once the lower limit passes it.
    low = stream.sign * (sample.mean - width)[None]
    noticed = largest_ratio(low, stream.sign * sample.expected[None], at_least)
    sensitivity = least_factor(noticed[0] if noticed else None)
    shown = "" if figures["ratio"] is None else f" = {figures['ratio']:.3g}"
    quotient = f"bound / mean {stream.name}" if at_least else f"mean {stream.name} / bound"
    reason = f"not contradicted: {how}; closest at step {figures['closest']}, {quotient}{shown}"
    return Verdict(
        word_of(sensitivity),
        reason=reason,
        evidence=evidence,
        sensitivity=sensitivity,
        **figures,
        **common,
    )


def _violation(
    sample: Sample, place: int, evidence: Evidence, how: str, common: dict[str, Any]
) -> Verdict:
    stream = sample.stream
    if doubt := unconfirmed(stream.claim, stream.experiment, sample.seen):
        return Verdict("inconclusive", reason=doubt, **common)
    figures = figures_of(sample, sample.mean, place)
    step = int(sample.times[place])
    reason = (
        f"mean {stream.name} {figures['measured']:.6g} passes the bound {figures['bound']:.6g} at "
        f"step {step}{how}"
    )
    figures["first_violation"] = step
    return Verdict("violated", reason=reason, evidence=evidence, **figures, **common)


def _guaranteed(sample: Sample, error: float, common: dict[str, Any]) -> Verdict:
    """By limits that are valid for every distribution on the known range."""
    common = {**common, "error_probability": error_per_verdict()}
    width = _width(sample, sample.lanes, error, guaranteed=True)
    limits = f"guaranteed confidence limits over {sample.lanes} seeds"
    broken = _broken(sample, width)
    if broken.any():
        how = f", beyond {limits}"
        return _violation(sample, int(broken.argmax()), "guaranteed", how, common)
    how = f"{limits} stay below {SLACK:g} times the bound"
    return _holds(sample, width, "guaranteed", how, common)


def _asymptotic(sample: Sample, error: float, common: dict[str, Any]) -> Verdict:
    """By Student's limits, which know nothing of what no seed has met."""
    width = _width(sample, sample.lanes, error, guaranteed=False)
    figures = figures_of(sample, sample.mean)
    limits = f"Student's confidence limits over {sample.lanes} seeds"
    alike = _alike(sample)
    broken, kept = _broken(sample, width), _kept(sample, width)
    if alike.any():
        step = int(sample.times[alike.argmax()])
        reason = (
            f"all {sample.lanes} seeds have the same {sample.stream.name} at step {step}: they say "
            "nothing of rarer values"
        )
    elif broken.any():
        step = int(sample.times[broken.argmax()])
        reason = (
            f"mean {sample.stream.name} passes the bound at step {step} beyond {limits}; these are "
            "asymptotic and refute nothing"
        )
    elif kept.all():
        how = f"{limits} stay below {SLACK:g} times the bound"
        return _holds(sample, width, "asymptotic", how, common)
    else:
        step = int(sample.times[np.argmax(~kept)])
        reason = f"{sample.lanes} seeds do not decide at step {step}; take more"
    return Verdict("inconclusive", reason=reason, evidence="asymptotic", **figures, **common)


def _alike(sample: Sample) -> NDArray[np.bool_]:
    """Where all seeds agree and may have missed a rarer value."""
    alike = (np.ptp(sample.measured - sample.bound, axis=0) == 0) & sample.speaks
    if sample.stream.measure.starts_at_start:
        alike &= sample.times > 1
    if not alike.any():
        return alike
    stream, rounds = sample.stream, sample.times[alike]
    if stream.experiment.opaque is not None:
        return alike
    # In the first rounds it may be that no outcome makes a difference.
    found = enumerated(stream.experiment, rounds, [stream.claim.measure])
    if not isinstance(found, str):
        every = stream.sign * found[0][stream.claim.measure]
        alike[alike] = (every != sample.measured[:1, alike]).any(axis=0)
    return alike


def _diverged(stream: Stream, seen: Seen, error: float, common: dict[str, Any]) -> Verdict:
    """Runs that are no longer finite have an enormous figure, which counts with their share."""
    count, lanes = int((seen.ends > 0).sum()), seen.ends.size
    step = int(seen.ends[seen.ends > 0].min())
    said = f"{count} of {lanes} runs are no longer finite, the first at step {step}"
    _, high = stream.measure.span(stream.experiment.problem, stream.experiment.rule, seen.times)
    unlimited = np.isinf(np.asarray(high)).any() and stream.sign > 0
    # A run may come back to small figures, so its own last step is looked at.
    last = np.array([int(seen.ends.max())])
    again = unlimited and stream.repeatable
    there = stream.again(stream.seeds, last).recorded if again else seen
    share, _ = share_limits(int(there.ended[:, -1].sum()), lanes, error)
    bound = there.bound[np.isfinite(there.bound)]
    if unlimited and bound.size and float(share) * _ENORMOUS > bound.max():
        if doubt := unconfirmed(stream.claim, stream.experiment, seen):
            return Verdict("inconclusive", reason=doubt, **common)
        return Verdict(
            "violated",
            reason=f"{said}, and the bound is finite",
            evidence="guaranteed",
            error_probability=error_per_verdict(),
            first_violation=step,
            bound=float(bound.max()),
            **common,
        )
    return Verdict("inconclusive", reason=said, **common)
