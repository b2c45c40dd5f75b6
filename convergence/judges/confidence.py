"""Confidence limits for means and shares over seeds.

Limits of figures whose range or variance is known are valid for every distribution: guaranteed.
Student's limits are right for normal figures only, and for others as their number grows: asymptotic
evidence, which refutes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["bounded_width", "median_of_means", "share_limits", "student_width"]

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


def median_of_means(values: Array, variance: float, error: float) -> tuple[Array, float]:
    """An estimate of means, and how far off it may be, whatever the distribution.

    Of k = 8 log(n/error) groups of m values each, a mean is off by more than 2 sqrt(variance / m)
    with a probability of at most 1/4, by Chebyshev's inequality; that half of them are, has one of
    at most exp(-k/8), by Hoeffding's.

    Args:
        values: Shape (lanes, n).
        variance: A bound of the variance of each coordinate.
        error: The probability that any coordinate is further off.

    Returns:
        Shape (n,), and the width; infinite where there are too few lanes.

    Source: lugosi-mendelson2019, Theorem 2.
    """
    groups = int(np.ceil(8 * np.log(values.shape[1] / error)))
    size = values.shape[0] // groups
    if not size:
        return np.median(values, axis=0), np.inf
    means = values[: groups * size].reshape(groups, size, -1).mean(axis=1)
    return np.median(means, axis=0), 2 * float(np.sqrt(variance / size))
