"""Rates without constants and limits: no finite run decides them, so a verdict is a reading.

The upper envelope of the figure over the last two decades of rounds is given an exponent with an
interval (see `trend`). A rate reads as *holds* if measured / rate grows no faster than T**0.05,
a limit if the distance to it falls at least as fast as T**-0.05, *violated* if the whole interval
lies on the other side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convergence.claim import Claim, Setting
from convergence.judges.labels import contradicted
from convergence.judges.shared import (
    Array,
    bound_of,
    can_run_again,
    figure,
    observed_in,
    rerun,
    sign_of,
    with_all,
)
from convergence.judges.trend import SHORTEST, Slope, slope
from convergence.record import Record
from convergence.verdict import Verdict

__all__ = ["TREND", "judge_asymptotic"]

#: Exponents nearer to 0 than this are not told from 0.
TREND = 0.05
# So many rounds of the last two decades are looked at.
_ROUNDS = 1_000


def judge_asymptotic(
    claim: Claim, setting: Setting, record: Record, common: dict[str, Any]
) -> Verdict:
    """Read the exponent off, of the mean over seeds for a rate, of every seed for a limit."""
    last = int(record.times[-1])
    # The envelope is of many rounds: a few would show what they happened to meet.
    dense = np.unique(np.geomspace(max(1, last // 100), last, _ROUNDS).astype(np.int64))
    if can_run_again(record):
        record = rerun(record, record.seeds, dense)
    record = with_all(record, claim, setting)
    times = record.times
    observed = observed_in(record, claim, setting)
    if lie := contradicted(claim, setting, record.seeds, times, observed):
        return Verdict("not applicable", reason=lie, **common)
    ended = [end.step for end in record.ends if end.step]
    if ended:
        reason = f"a run is no longer finite at step {min(ended)}"
        return Verdict("violated", reason=reason, first_violation=min(ended), **common)
    if times[-1] < SHORTEST:
        reason = f"a trend is read off {SHORTEST} steps or more, and these are {times[-1]}"
        return Verdict("inconclusive", reason=reason, **common)
    measured = figure(claim, record, observed)
    if not np.isfinite(measured[:, times > last // 10]).any():
        return Verdict("inconclusive", reason="no finite figure was recorded", **common)
    bound = bound_of(claim, setting, times, observed, measured)
    name = claim.measure.replace("_", " ")
    if claim.kind == "rate":
        with np.errstate(all="ignore"):
            ratio = measured.mean(axis=0) / bound.mean(axis=0)
        found, threshold = slope(times, ratio), TREND
        subject = f"mean {name} / rate" if len(record.seeds) > 1 else f"{name} / rate"
    else:
        apart = np.maximum(sign_of(claim) * (measured - bound), 0.0)
        found, threshold = _slowest(times, apart), -TREND
        subject = f"distance of {name} to its limit"
    common = common | {
        "exponent": (found.value, found.low, found.high),
        "measured": float(measured.mean(axis=0)[-1]),
        "bound": float(bound.mean(axis=0)[-1]),
        "closest": int(times[-1]),
        "rounds_checked": int(np.isfinite(measured).any(axis=0).sum()),
    }
    reading = f"over steps {times[-1] // 100} to {times[-1]}, {subject} goes like T**s, s = {found}"
    if found.high < threshold:
        return Verdict("holds", reason=f"not contradicted: {reading}", **common)
    if found.low > threshold:
        return Verdict("violated", reason=reading, **common)
    return Verdict("inconclusive", reason=f"{reading}: {threshold:g} lies inside", **common)


def _slowest(times: Any, apart: Array) -> Slope:
    """Of all lanes the one that approaches its limit last."""
    slopes = [slope(times, lane) for lane in apart]
    return max(slopes, key=lambda one: one.value)
