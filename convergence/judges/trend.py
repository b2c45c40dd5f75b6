"""Rates without constants and limits: a reading of the trend, which no finite run decides.

A figure is said to grow like T**s if s is the slope of the logarithm of its upper envelope over
log T in the last two decades of rounds. The envelope is the largest figure in each quarter of a
decade. A rate agrees with a run if measured / rate grows no faster than T**0.05, a limit if the
distance to it falls at least as fast as T**-0.05; the run disagrees if the whole interval of s lies
on the other side. A reading is neither a proof nor a violation: what will be after the last round
is open, and a transient may be as long as it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from convergence.judges.labels import contradicted
from convergence.judges.stream import Array, Stream
from convergence.verdict import Verdict

__all__ = ["LEVEL", "SHORTEST", "TREND", "Slope", "judge_trend", "slope"]

#: Probability to each side of the interval of a slope.
LEVEL = 0.005
#: Fewer rounds are not read.
SHORTEST = 1000
#: Exponents nearer to 0 than this are not told from 0.
TREND = 0.05
_BINS = 8
# So many rounds of the last two decades are looked at.
_ROUNDS = 1_000


@dataclass(frozen=True)
class Slope:
    """An exponent with its interval; minus infinity for a figure that has become 0."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} in [{self.low:.3g}, {self.high:.3g}]"


def slope(times: NDArray[np.int64], figures: Array) -> Slope:
    """The exponent of the upper envelope of figures in the last two decades.

    Args:
        times: Rounds, increasing, the last at least `SHORTEST`.
        figures: One for each round, not negative; not a number where nothing was measured.

    Returns:
        The least-squares slope over the bins, and Student's interval of it.
    """
    position = _BINS * (np.log10(times / times[-1]) / 2 + 1)
    inside = (position > 0) & np.isfinite(figures)
    bins = np.minimum(np.ceil(position[inside]).astype(int) - 1, _BINS - 1)
    highest = np.full(_BINS, -np.inf)
    np.maximum.at(highest, bins, figures[inside])
    if not (highest[-_BINS // 2 :] > 0).any():
        return Slope(-np.inf, -np.inf, -np.inf)
    known = highest > 0
    # A bin in which the figure vanishes lies on no line: the others are all that is known.
    x = (np.arange(_BINS) + 0.5)[known] * (2 / _BINS)
    y = np.log10(highest[known])
    x, y = x - x.mean(), y - y.mean()
    value = float(x @ y / (x @ x)) if x.size > 1 else 0.0
    freedom = max(1, x.size - 2)
    deviation = np.linalg.norm(y - value * x) / np.sqrt(freedom)
    width = (
        float(stats.t.isf(LEVEL, freedom) * deviation / np.linalg.norm(x)) if x.size > 2 else np.inf
    )
    return Slope(value, value - width, value + width)


def judge_trend(stream: Stream, common: dict[str, Any]) -> Verdict:
    """Read the exponent off, of the mean over seeds for a rate, of every seed for a limit."""
    claim, last = stream.claim, int(stream.record.times[-1])
    # The envelope is of many rounds: a few would show what they happened to meet.
    dense = np.unique(np.geomspace(max(1, last // 100), last, _ROUNDS).astype(np.int64))
    many = stream.repeatable and last >= SHORTEST
    stream = stream.again(stream.seeds, dense) if many else stream
    if ended := [step for step in stream.ends.tolist() if step]:
        reason = f"a run is no longer finite at step {min(ended)}: float64 cannot follow it"
        return Verdict("unclear", reason=reason, **common)
    if last < SHORTEST:
        reason = f"a trend is read off {SHORTEST} steps or more, and these are {last}"
        return Verdict("unclear", reason=reason, **common)
    seen = stream.recorded
    if lie := contradicted(claim, stream.experiment, stream.seeds, seen):
        return Verdict("not applicable", reason=lie, **common)
    common = common | {"evidence": "asymptotic"}
    times, measured, bound = seen.times, seen.measured, seen.bound
    if not np.isfinite(measured[:, times > last // 10]).any():
        return Verdict("unclear", reason="no finite figure was recorded", **common)
    if claim.kind == "rate":
        with np.errstate(all="ignore"):
            ratio = measured.mean(axis=0) / bound.mean(axis=0)
        found, threshold = slope(times, ratio), TREND
        several = len(stream.seeds) > 1
        subject = f"mean {stream.name} / rate" if several else f"{stream.name} / rate"
    else:
        apart = np.maximum(stream.sign * (measured - bound), 0.0)
        # Of all lanes the one that approaches its limit last.
        found = max((slope(times, lane) for lane in apart), key=lambda one: one.value)
        threshold, subject = -TREND, f"distance of {stream.name} to its limit"
    common = common | {
        "exponent": (found.value, found.low, found.high),
        "measured": float(measured.mean(axis=0)[-1]),
        "bound": float(bound.mean(axis=0)[-1]),
        "closest": int(times[-1]),
        "rounds_checked": int(np.isfinite(measured).any(axis=0).sum()),
    }
    reading = f"over steps {times[-1] // 100} to {times[-1]}, {subject} goes like T**s, s = {found}"
    if found.high < threshold:
        return Verdict("agrees", reason=f"{reading}, below {threshold:g}", **common)
    if found.low > threshold:
        return Verdict("disagrees", reason=f"{reading}, above {threshold:g}", **common)
    return Verdict("unclear", reason=f"{reading}: {threshold:g} lies inside", **common)
