"""The floats that a printed program computes, bit for bit, one number at a time."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from fractions import Fraction

import numpy as np

from convergence.algebras.interpreter import Algebra
from problems.arithmetic import expit

__all__ = ["Floats", "rounded"]


def rounded(value: Fraction) -> float:
    """The nearest float64; a number that is too large for one becomes an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


class Floats(Algebra[np.float64]):
    """Numbers of float64.

    A comparison is always decided, and one with NaN is false.
    """

    def __init__(self) -> None:
        self.operations = {
            "+": np.add,
            "-": np.subtract,
            "*": np.multiply,
            "/": np.divide,
            "negative": np.negative,
            "abs": np.abs,
            "sqrt": np.sqrt,
            "expit": expit,
        }

    def constant(self, value: Fraction) -> np.float64:
        """The nearest float."""
        return np.float64(rounded(value))

    def compare(self, sign: str, a: np.float64, b: np.float64) -> bool:
        """Whether a is below b."""
        return bool(a < b if sign == "<" else a <= b)

    def join(self, a: np.float64, b: np.float64) -> np.float64:
        """Nothing: no comparison of floats is undecided.

        Raises:
            AssertionError: Always.
        """
        raise AssertionError("no comparison of floats is undecided")

    def scope(self) -> AbstractContextManager[object]:
        """A setting in which numpy does not warn of NaN, infinities and division by zero."""
        return np.errstate(all="ignore")
