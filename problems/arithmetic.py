"""The operations that formulas may use, for every kind of number.

Update rules, quantities and one-dimensional problems are written over + - * / and the functions
below, with no array library named in them. Floats and numpy arrays are served here; any other
number type (a traced expression, an exact number, a ball) brings methods of the same names.

`maximum`, `minimum` and `sign` are *defined* by comparisons, because library versions disagree
with compiled code on signed zeros and on NaN:

- `maximum(a, b)` is a where a > b, else b: of +0 and -0 the second; NaN if b is NaN, and b if a
  is. Write the newer quantity second, so that its NaN is seen.
- `sign(x)` is x itself where x is neither above nor below zero: signed zeros and NaN are kept.

`expit` rounds as the exponential of the machine does: only losses of examples may use it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

__all__ = ["clip", "expit", "maximum", "minimum", "ratio", "sign", "sqrt", "where"]


def sqrt(x: Any) -> Any:
    """The square root, correctly rounded on floats; NaN below zero."""
    if isinstance(x, np.ndarray):
        return np.sqrt(x)
    if isinstance(x, (float, int)):
        return math.sqrt(x) if x >= 0 else math.nan
    return x.sqrt()


def where(condition: Any, a: Any, b: Any) -> Any:
    """A where the condition holds, else b."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, a, b)
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    return condition.where(a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger; b if they are equal or either is NaN."""
    return where(a > b, a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller; b if they are equal or either is NaN."""
    return where(a < b, a, b)


def sign(x: Any) -> Any:
    """+1, -1, or x itself (a signed zero, NaN)."""
    return where(x > 0, 1.0, where(x < 0, -1.0, x))


def clip(x: Any, low: Any, high: Any) -> Any:
    """X moved into [low, high]; NaN stays NaN."""
    return where(x < low, low, where(x > high, high, x))


def ratio(a: Any, b: Any) -> Any:
    """A / b with 0/0 read as 0, as the theorems without an epsilon do."""
    return where(abs(a) > 0, a / b, a)


def expit(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return special.expit(x) if isinstance(x, (np.ndarray, float)) else x.expit()
