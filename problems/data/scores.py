"""Scalar losses l(s, y) of a score s and a target y, with the bounds that constants follow from.

A linear predictor has the score s = a.w. If |l'| <= K and l'' <= B for every y, the loss of
one example has gradients of norm K ||a|| at most and is smooth with B ||a||**2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from problems.arithmetic import clip, expit, where

__all__ = [
    "HINGE",
    "LOGISTIC",
    "POISSON",
    "SQUARES",
    "Score",
    "geman_mcclure",
    "huber",
    "smoothed_hinge",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """A loss l(s, y), element by element.

    Attributes:
        value: l.
        slope: Its derivative in s; a subgradient at kinks. Where it is written with
            `problems.arithmetic` only, compiled loops over examples may use it too.
        second: Its second derivative in s, where there is one.
        curvature: The least upper bound of |l''|, None if there is none or l' jumps.
        curved_at_zero: Whether l''(0, y) is that bound for every y, so that the zero weights
            attain it for all examples at once.
        slope_square: The least upper bound of l'**2, None if there is none.
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    second: Callable[[Array, Array], Array]
    curvature: float | None
    slope_square: float | None
    curved_at_zero: bool = False


def _bernoulli_variance(s: Array, y: Array) -> Array:
    p = expit(s)
    return p * (1 - p)


#: log(1 + exp(-y s)) for y = +1 or -1; l'' = p (1 - p) <= 1/4 with p = 1 / (1 + exp(-s)).
LOGISTIC = Score(
    value=lambda s, y: np.logaddexp(0.0, -y * s),
    slope=lambda s, y: -y * expit(-y * s),
    second=_bernoulli_variance,
    curvature=0.25,
    slope_square=1.0,
    curved_at_zero=True,
)

#: (s - y)**2 / 2.
SQUARES = Score(
    value=lambda s, y: (s - y) * (s - y) / 2,
    slope=lambda s, y: s - y,
    second=lambda s, y: np.ones_like(s),
    curvature=1.0,
    slope_square=None,
    curved_at_zero=True,
)

#: max(0, 1 - y s) for y = +1 or -1; at the kink the slope is 0, that of the flat side.
HINGE = Score(
    value=lambda s, y: np.maximum(0.0, 1.0 - y * s),
    slope=lambda s, y: where(y * s < 1.0, -y, 0.0),
    second=lambda s, y: np.zeros_like(s),
    curvature=None,
    slope_square=1.0,
)

#: exp(s) - y s: minus the log-likelihood of a count y with mean exp(s), up to log(y!).
POISSON = Score(
    value=lambda s, y: np.exp(s) - y * s,
    slope=lambda s, y: np.exp(s) - y,
    second=lambda s, y: np.exp(s),
    curvature=None,
    slope_square=None,
)


@functools.lru_cache(maxsize=32)
def huber(threshold: float) -> Score:
    """r**2 / 2 for |r| <= threshold, threshold |r| - threshold**2 / 2 beyond, with r = s - y."""

    def value(s: Array, y: Array) -> Array:
        r = s - y
        near = np.clip(r, -threshold, threshold)
        return near * (r - near / 2)

    return Score(
        value=value,
        slope=lambda s, y: clip(s - y, -threshold, threshold),
        second=lambda s, y: (abs(s - y) < threshold).astype(float),
        curvature=1.0,
        slope_square=threshold**2,
    )


@functools.lru_cache(maxsize=32)
def geman_mcclure(scale: float) -> Score:
    """u**2 / (1 + u**2) with u = (s - y) / scale.

    In u the derivatives are 2 u / (1 + u**2)**2, of size at most 3 sqrt(3) / 8 (at u**2 = 1/3),
    and (2 - 6 u**2) / (1 + u**2)**3, which runs over [-1/2, 2] (ends at u**2 = 1 and u = 0).
    """

    def value(s: Array, y: Array) -> Array:
        u = (s - y) / scale
        return u * u / (1.0 + u * u)

    def slope(s: Array, y: Array) -> Array:
        u = (s - y) / scale
        return 2.0 * u / (scale * ((1.0 + u * u) * (1.0 + u * u)))

    def second(s: Array, y: Array) -> Array:
        u = (s - y) / scale
        return (2.0 - 6.0 * u * u) / (scale**2 * (1.0 + u * u) ** 3)

    return Score(value, slope, second, curvature=2.0 / scale**2, slope_square=27 / 64 / scale**2)


@functools.lru_cache(maxsize=32)
def smoothed_hinge(width: float) -> Score:
    """The maximum over 0 <= d <= 1 of d (1 - y s) - width d**2 / 2: the hinge with a rounded kink.

    Minus y times the slope is the maximising d, which is what the dual problem asks for.
    """

    def dual(s: Array, y: Array) -> Array:
        return clip((1.0 - y * s) / width, 0.0, 1.0)

    return Score(
        value=lambda s, y: dual(s, y) * (1.0 - y * s - width * dual(s, y) / 2),
        slope=lambda s, y: -y * dual(s, y),
        second=lambda s, y: ((dual(s, y) > 0) & (dual(s, y) < 1)) / width,
        curvature=1.0 / width,
        slope_square=1.0,
    )
