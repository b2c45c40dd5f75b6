"""Balls of real numbers, by Arb: quick enclosures, on request of what floats compute too.

Needs the extra `exact` (python-flint).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction

from convergence.algebras.interpreter import Algebra

try:
    from flint import arb, ctx, fmpq
except ImportError as error:
    raise ImportError(
        "balls need python-flint; install the extra: pip install 'convergence-suite[exact]'"
    ) from error

__all__ = ["Balls", "ends"]

# Rounding to float64 moves a number by at most the one times the number, plus the other.
_RELATIVE, _ABSOLUTE = 2.0**-53, arb(2) ** -1075


class Balls(Algebra[arb]):
    """Balls that contain the real number.

    Division by what may be 0, and the root of what may be below 0, give the ball NaN, which
    contains everything. A comparison of overlapping balls is undecided, and `where` then gives
    a ball around both branches. Real numbers have no signed zeros.

    With `rounding`, a ball also contains what float64 computes from floats in the balls of the
    inputs, as long as no float on the way overflows or is NaN. Each constant, and the result r of
    each of + - * / sqrt, is widened by 2**-53 abs(r) + 2**-1075, by which rounding to the nearest
    float moves it at most; a ball that is one float stays as it is. As balls are compared after
    that, a comparison which floats may decide otherwise is undecided.

    Args:
        bits: The precision of the midpoints.
        rounding: Whether balls contain what float64 computes, too.
    """

    def __init__(self, bits: int = 128, *, rounding: bool = False) -> None:
        self.bits, self.rounding = bits, rounding
        self.operations: dict[str, Callable[..., arb]] = {
            "+": lambda a, b: self._rounded(a + b, a >= 0 and b >= 0),
            "-": lambda a, b: self._rounded(a - b),
            "*": lambda a, b: self._rounded(a * b, a >= 0 and b >= 0),
            "/": lambda a, b: self._rounded(a / b, a >= 0 and b >= 0),
            "square": lambda a: self._rounded(a * a, True),
            "sqrt": lambda a: self._rounded(a.sqrt(), True),
            "negative": operator.neg,
            "abs": lambda a: _within(abs(a), True),
            "maximum": lambda a, b: _within(a.max(b), a >= 0 or b >= 0),
            "minimum": lambda a, b: _within(a.min(b), a >= 0 and b >= 0),
            "sign": _sign,
        }
        if not rounding:  # no bound is known for the exponential of the machine
            self.operations["expit"] = lambda a: 1 / (1 + (-a).exp())

    def constant(self, value: Fraction) -> arb:
        """A ball around the number, and around its float with `rounding`."""
        with self.scope():
            return self._rounded(arb(fmpq(value.numerator, value.denominator)))

    def compare(self, sign: str, a: arb, b: arb) -> bool | None:
        """Whether a is below b, if that is so or not so for all numbers of both."""
        # Flint answers False to what is undecided, so that both sides are asked.
        holds, fails = (a < b, a >= b) if sign == "<" else (a <= b, a > b)
        return True if holds else False if fails else None

    def join(self, a: arb, b: arb) -> arb:
        """A ball around both."""
        return _within(a.union(b), a >= 0 and b >= 0)

    def scope(self) -> AbstractContextManager[object]:
        """A setting in which Flint computes with these bits; afterwards it is as before."""
        return ctx.workprec(self.bits)

    def _rounded(self, value: arb, above: bool = False) -> arb:
        """The result of an operation; `above` says that it cannot be below 0."""
        above = above or value >= 0
        if self.rounding and not _is_float(value):
            value += arb(0, abs(value) * _RELATIVE + _ABSOLUTE)
        return _within(value, above)


def _within(value: arb, above: bool) -> arb:
    """The ball, cut at 0 if its numbers are above: the radius of a ball is rounded up."""
    return value.nonnegative_part() if above else value


def _is_float(value: arb) -> bool:
    return value.is_exact() and value == float(value)


def _sign(x: arb) -> arb:
    return -_within((-x).sgn(), True) if x <= 0 else _within(x.sgn(), x >= 0)


def ends(ball: arb) -> tuple[Fraction, Fraction] | None:
    """The least and the greatest number of a ball, exactly; None if it contains everything."""
    if not ball.is_finite():
        return None
    middle, radius = (
        int(mantissa) * Fraction(2) ** int(exponent)
        for mantissa, exponent in (ball.mid().man_exp(), ball.rad().man_exp())
    )
    return middle - radius, middle + radius
