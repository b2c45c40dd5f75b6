"""What judges of chance share: seeds that are doubled, a divided error, and samples of figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.judges.ranges import figure_range
from convergence.judges.stream import Array, Seen, Stream, largest_ratio

__all__ = [
    "DOUBLINGS",
    "ERROR_PROBABILITY",
    "VERDICTS",
    "Sample",
    "doubled",
    "error_per_verdict",
    "figures_of",
    "most_doublings",
]

#: Probability that, of all guaranteed verdicts about chance that the suite gives, one is called
#: violated that is true (or held that is false) by bad luck.
ERROR_PROBABILITY = 1e-6
#: Among so many verdicts about chance that probability is shared.
VERDICTS = 2_000
#: How often the seeds are doubled until a claim about chance is decided.
DOUBLINGS = 8
# And no further than this.
_MOST_SEEDS = 1 << 17


def error_per_verdict() -> float:
    """The share of the error probability that one verdict may use.

    It does not depend on what else is judged, and so neither does the verdict.
    """
    return ERROR_PROBABILITY / VERDICTS


def most_doublings(stream: Stream) -> int:
    """How often the seeds of a stream may be doubled."""
    if not stream.repeatable:
        return 0
    room = _MOST_SEEDS // len(stream.seeds)
    return min(DOUBLINGS, room.bit_length() - 1) if room else 0


def doubled(stream: Stream, first: int, look: int) -> Stream:
    """The stream with `first` times 2**look seeds, of which it keeps those that it has."""
    start = max(stream.seeds) + 1
    more = range(start, start + (first << look) - len(stream.seeds))
    return stream.with_more(more)


@dataclass(frozen=True)
class Sample:
    """Figures of all seeds at the recorded rounds, signed so that less is always fine.

    Attributes:
        stream, seen: Where they come from.
    """

    stream: Stream
    seen: Seen

    @property
    def lanes(self) -> int:
        """How many seeds."""
        return self.seen.measured.shape[0]

    @property
    def times(self) -> NDArray[np.int64]:
        """The rounds."""
        return self.seen.times

    @cached_property
    def measured(self) -> Array:
        """Shape (lanes, rounds)."""
        return self.stream.sign * self.seen.measured

    @cached_property
    def bound(self) -> Array:
        """Shape (lanes, rounds)."""
        return self.stream.sign * self.seen.bound

    @cached_property
    def mean(self) -> Array:
        """Of the figures, shape (rounds,)."""
        return np.asarray(self.measured.mean(axis=0))

    @cached_property
    def expected(self) -> Array:
        """The mean bound, shape (rounds,)."""
        return np.asarray(self.bound.mean(axis=0))

    @cached_property
    def speaks(self) -> NDArray[np.bool_]:
        """Where the bound says more than the stated constants imply, shape (rounds,)."""
        return self.stream.speaks(self.seen)

    @cached_property
    def spread(self) -> Array | None:
        """The length of the interval that figures lie in, shape (rounds,), if it is known."""
        experiment = self.stream.experiment
        if np.ptp(self.seen.bound, axis=0).any():
            return None  # it is their difference to the bound that is averaged
        if experiment.rule is None:
            # Nothing is known of the steps.
            low, high = self.stream.measure.span(experiment.problem, None, self.times)
            length = np.broadcast_to(np.asarray(high) - np.asarray(low), self.times.shape)
            return length if np.isfinite(length).all() else None
        found = figure_range(experiment, self.stream.claim.measure, self.times)
        return None if found is None else found[1] - found[0]


def figures_of(sample: Sample, measured: Array, place: int | None = None) -> dict[str, Any]:
    """The figures of a verdict, from one signed figure for each round.

    Args:
        sample: Whose bound is beside them.
        measured: Shape (rounds,).
        place: Where the bound is broken; without it, where it is nearest.
    """
    stream, seen = sample.stream, sample.seen
    sign, at_least = stream.sign, stream.claim.sense == "at least"
    found = largest_ratio(sign * measured[None], sign * sample.expected[None], at_least)
    at = place if place is not None else (found[1][1] if found else 0)
    beats = stream.beats_standing_still(seen)
    first = {
        "speaks_from": sample.speaks,
        "beats_standing_still_from": beats,
    }
    return {
        "measured": float(sign * measured[at]),
        "bound": float(sign * sample.expected[at]),
        "ratio": found[0] if found else None,
        "closest": int(seen.times[at]),
        **{
            name: int(seen.times[which.argmax()]) if which.any() else None
            for name, which in first.items()
        },
        "rounds_checked": seen.times.size,
    }
