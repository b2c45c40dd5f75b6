"""Rates and limits, which no finite run decides: their operational reading.

A figure is said to grow like T**s if s is the slope of the logarithm of its upper envelope over
log T in the last two decades of rounds. The envelope is the largest figure in each quarter of a
decade.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["LEVEL", "SHORTEST", "Slope", "slope"]

Array = NDArray[np.float64]

#: Probability to each side of the interval of a slope.
LEVEL = 0.005
#: Fewer rounds are not read.
SHORTEST = 1000
_BINS = 8


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
