"""Claims with probability: the share of seeds beyond the bound, by guaranteed limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from convergence.judges.chance import (
    Sample,
    doubled,
    error_per_verdict,
    figures_of,
    most_doublings,
)
from convergence.judges.confidence import share_limits
from convergence.judges.labels import contradicted, unconfirmed
from convergence.judges.stream import Stream
from convergence.verdict import Verdict, least_factor, word_of

__all__ = ["judge_share"]


def judge_share(stream: Stream, common: dict[str, Any]) -> Verdict:
    """Look, and while nothing is decided look again with twice the seeds."""
    first, most = len(stream.seeds), most_doublings(stream)
    error = error_per_verdict() / (most + 1)
    for look in range(most + 1):
        seen = stream.recorded
        if lie := contradicted(stream.claim, stream.experiment, stream.seeds, seen):
            return Verdict("not applicable", reason=lie, **common)
        common = {**common, "seeds": len(stream.seeds), "error_probability": error_per_verdict()}
        verdict = _by_share(Sample(stream, seen), error, common)
        if verdict.word != "inconclusive" or look == most:
            break
        stream = doubled(stream, first, look + 1)
    return verdict


def _by_share(sample: Sample, error: float, common: dict[str, Any]) -> Verdict:
    """Limits of the share of seeds beyond the bound; a run that is no longer finite is beyond."""
    stream, times, lanes = sample.stream, sample.times, sample.lanes
    delta = float(stream.claim.settings["delta"])
    beyond = (sample.measured > sample.bound) | sample.seen.ended
    count = beyond.sum(axis=0)
    low, high = share_limits(count, lanes, error / times.size)
    typical = np.quantile(
        np.where(sample.seen.ended, np.inf, sample.measured), 1 - delta, axis=0, method="higher"
    )
    if (low > delta).any():
        if doubt := unconfirmed(stream.claim, stream.experiment, sample.seen):
            return Verdict("inconclusive", reason=doubt, **common)
        place = int((low > delta).argmax())
        figures = figures_of(sample, typical, place) | {"first_violation": int(times[place])}
        reason = (
            f"{stream.name} passes the bound {figures['bound']:.6g} in {count[place]} of {lanes} "
            f"runs at the recorded step {times[place]}: in more than a share of {delta:g}, beyond "
            "the confidence limit"
        )
        return Verdict("violated", reason=reason, evidence="guaranteed", **figures, **common)
    figures = figures_of(sample, typical)
    if not sample.speaks.any():
        reason = f"up to step {times[-1]} the bound never says more than the stated constants imply"
        return Verdict("vacuous", reason=reason, **figures, **common)
    kept = (high <= delta) | ~sample.speaks
    if not kept.all():
        step = int(times[np.argmax(~kept)])
        reason = f"{lanes} seeds do not decide at step {step}; take more"
        return Verdict("inconclusive", reason=reason, evidence="guaranteed", **figures, **common)
    sensitivity = least_factor(_noticed(sample, delta, error))
    reason = (
        f"not contradicted: at most {count.max()} of {lanes} runs are beyond the bound at any "
        f"recorded step, and {delta:g} of all may be; closest at step {figures['closest']}, "
        f"where the quantile of {stream.name} / bound = {figures['ratio'] or 0.0:.3g}"
    )
    return Verdict(
        word_of(sensitivity),
        reason=reason,
        evidence="guaranteed",
        sensitivity=sensitivity,
        **figures,
        **common,
    )


def _noticed(sample: Sample, delta: float, error: float) -> float | None:
    """The largest quotient of figure and bound that so many seeds exceed that it would be seen."""
    low, _ = share_limits(np.arange(sample.lanes + 1), sample.lanes, error / sample.times.size)
    enough = np.flatnonzero(low > delta)
    if not enough.size:
        return None
    with np.errstate(all="ignore"):
        quotient = np.sort(sample.measured / sample.bound, axis=0)[::-1]
    return float(np.nanmax(quotient[enough[0] - 1]))
