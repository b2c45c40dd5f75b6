"""Exact rational numbers, and enclosures of what is not rational."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from convergence.algebras.interpreter import Algebra

__all__ = ["Interval", "Rationals", "Value"]


@dataclass(frozen=True)
class Interval:
    """A number that lies between two others.

    Attributes:
        low, high: The ends, which belong to it.

    Raises:
        ValueError: The low end is above the high one.
    """

    low: Fraction
    high: Fraction

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"an interval cannot begin at {self.low} and end at {self.high}")


#: An exact number, an enclosure, or None: nothing is known.
Value = Fraction | Interval | None
# The ends of a value: one number if it is exact, else two.
_Ends = tuple[Fraction, ...]


class Rationals(Algebra[Value]):
    """Rational numbers, exact as long as formulas allow, else enclosed.

    The root of a rational number is exact if it is rational. Otherwise its enclosure has a
    relative width of at most 2**-bits. Ends of enclosures are rounded outward to about as many
    bits, so that long recurrences stay short.

    A value is unknown (None) after division by what may be 0 and after the root of what may be
    below 0. A comparison of overlapping enclosures is undecided, and `where` then gives the hull
    of both branches.

    Args:
        bits: The precision of enclosures.
        most: An exact number of more bits than this becomes an enclosure. Enclosures have an
            absolute width of 2**-most at least, and beyond 2**most a value is unknown.
    """

    def __init__(self, bits: int = 128, most: int = 4096) -> None:
        self.bits, self.most = bits, most
        lifted = self._lifted
        self.operations = {
            "+": lifted(lambda a, b: (a[0] + b[0], a[-1] + b[-1])),
            "-": lifted(lambda a, b: (a[0] - b[-1], a[-1] - b[0])),
            "*": lifted(lambda a, b: [x * y for x in a for y in b]),
            "/": lifted(_quotients),
            "negative": lifted(lambda a: [-x for x in a]),
            "abs": lifted(lambda a: [abs(x) for x in _with_zero(a)]),
            "square": lifted(lambda a: [x * x for x in _with_zero(a)]),
            "sqrt": lifted(self._roots),
            "maximum": lifted(lambda a, b: (max(a[0], b[0]), max(a[-1], b[-1]))),
            "minimum": lifted(lambda a, b: (min(a[0], b[0]), min(a[-1], b[-1]))),
            "sign": lifted(lambda a: [Fraction((x > 0) - (x < 0)) for x in a]),
        }
        self._hull = lifted(lambda a, b: a + b)

    def constant(self, value: Fraction) -> Value:
        """The number itself."""
        return value

    def compare(self, sign: str, a: Value, b: Value) -> bool | None:
        """Whether a is below b, if that is so or not so for all numbers of both."""
        if a is None or b is None:
            return None
        first, second = _ends(a), _ends(b)
        if sign == "<":
            return True if first[-1] < second[0] else False if first[0] >= second[-1] else None
        return True if first[-1] <= second[0] else False if first[0] > second[-1] else None

    def join(self, a: Value, b: Value) -> Value:
        """The hull."""
        return self._hull(a, b)

    def _lifted(self, of_ends: Callable[..., Iterable[Fraction] | None]) -> Callable[..., Value]:
        """An operation on values, given the numbers between which the results for ends lie."""

        def operation(*parts: Value) -> Value:
            ends = [_ends(part) for part in parts if part is not None]
            found = of_ends(*ends) if len(ends) == len(parts) else None
            return None if found is None else self._enclosed(tuple(found))

        return operation

    def _enclosed(self, numbers: _Ends) -> Value:
        low, high = min(numbers), max(numbers)
        if low == high and _length(low) <= self.most:
            return low
        if max(_exponent(low), _exponent(high)) > self.most:
            return None
        return Interval(self._below(low), -self._below(-high))

    def _below(self, x: Fraction) -> Fraction:
        """A number of few bits that is at most x, and less than x by 2**-(bits + 2) of it."""
        if _length(x) <= self.bits:
            return x
        step = Fraction(2) ** min(self.bits + 3 - _exponent(x), self.most)
        return math.floor(x * step) / step

    def _roots(self, a: _Ends) -> list[Fraction] | None:
        return None if a[0] < 0 else [root for x in a for root in self._root(x)]

    def _root(self, x: Fraction) -> _Ends:
        root = Fraction(math.isqrt(x.numerator), math.isqrt(x.denominator))
        if root * root == x:
            return (root,)
        step = Fraction(2) ** (self.bits + 8 - _exponent(x) // 2)
        floor = math.isqrt(math.floor(x * step * step))
        return floor / step, (floor + 1) / step


def _ends(value: Fraction | Interval) -> _Ends:
    return (value.low, value.high) if isinstance(value, Interval) else (value,)


def _with_zero(a: _Ends) -> _Ends:
    return (*a, Fraction(0)) if a[0] < 0 < a[-1] else a


def _quotients(a: _Ends, b: _Ends) -> list[Fraction] | None:
    return None if b[0] <= 0 <= b[-1] else [x / y for x in a for y in b]


def _length(x: Fraction) -> int:
    """The number of bits of the longer of numerator and denominator."""
    return max(x.numerator.bit_length(), x.denominator.bit_length())


def _exponent(x: Fraction) -> int:
    """An e with 2**(e - 1) < abs(x) < 2**(e + 1), unless x is 0."""
    return x.numerator.bit_length() - x.denominator.bit_length()
