"""Confidence limits for means and shares over seeds.

Limits of figures whose range is known are exact for every distribution; where no range is known,
Student's limits are taken, which are exact for normal figures only, and a verdict says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["bounded_width", "share_limits", "student_width"]

Array = NDArray[np.float64]


def student_width(deviation: Any, lanes: int, error: float) -> Array:
    """How far the mean of normal figures may lie from their expectation, to one side.

    Args:
        deviation: Sample standard deviation, any shape.
        lanes: How many independent figures, at least 2.
        error: Probability of being further off.
    """
    return np.asarray(stats.t.isf(error, lanes - 1) * deviation / np.sqrt(lanes))


def bounded_width(deviation: Any, spread: Any, lanes: int, error: float) -> Array:
    """The same for figures from an interval of length `spread`, whatever their distribution.

    The lesser of Hoeffding's width and of the empirical Bernstein width, each at half of the
    error.

    Source: hoeffding1963, Theorem 2; maurer-pontil2009, Theorem 4.
    """
    half = error / 2
    hoeffding = spread * np.sqrt(np.log(1 / half) / (2 * lanes))
    log = np.log(2 / half)
    bernstein = deviation * np.sqrt(2 * log / lanes) + 7 * spread * log / (3 * (lanes - 1))
    return np.asarray(np.minimum(hoeffding, bernstein))


def share_limits(count: Any, lanes: int, error: float) -> tuple[Array, Array]:
    """Lower and upper limit of a probability, each with the error, from `count` of `lanes`.

    Source: clopper-pearson1934.
    """
    count = np.asarray(count)
    with np.errstate(invalid="ignore"):
        low = np.where(count > 0, stats.beta.ppf(error, count, lanes - count + 1), 0.0)
        high = np.where(count < lanes, stats.beta.isf(error, count + 1, lanes - count), 1.0)
    return low, high
