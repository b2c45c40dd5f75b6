"""Bard's minimum, proved: his data, the function of one variable, its bounds on all reals.

With s = 1/(x2 + x3) and z = s x2 the model is x1 + s a_i(z), where a_i = 1/(1 + z (16 - 2 i)/i) for
i < 8 and a_i = i/(16 - i) from there on. For fixed z that is a regression line, which leaves at
least phi(z) = y.y - (y.a)**2 / (a.a), the vectors centred. As a_8 = 1 and a_15 = 15, a.a > 0.
"""

from fractions import Fraction

import numpy as np

DATA = [
    Fraction(text)
    for text in [
        "0.14",
        "0.18",
        "0.22",
        "0.25",
        "0.29",
        "0.32",
        "0.35",
        "0.39",
        "0.37",
        "0.58",
        "0.73",
        "0.96",
        "1.34",
        "2.10",
        "4.39",
    ]
]
POLES = [Fraction(16 - 2 * i, i) for i in range(1, 8)]
CONSTANT = [Fraction(i, 16 - i) for i in range(8, 16)]


class Interval:
    """Arrays of closed intervals in doubles.

    An end is rounded to the nearest double and then moved one further out, so that the interval
    holds every result that exact arithmetic could have.
    """

    def __init__(self, low, high):
        self.low, self.high = low, high

    @classmethod
    def of(cls, x):
        """An interval stays what it is; a rational is enclosed."""
        return x if isinstance(x, cls) else cls.around(float(x), float(x))

    @classmethod
    def around(cls, low, high):
        return cls(np.nextafter(low, -np.inf), np.nextafter(high, np.inf))

    def __add__(self, other):
        other = self.of(other)
        return self.around(self.low + other.low, self.high + other.high)

    def __neg__(self):
        return Interval(-self.high, -self.low)

    def __sub__(self, other):
        return self + -self.of(other)

    def __mul__(self, other):
        other = self.of(other)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return self.around(np.minimum.reduce(ends), np.maximum.reduce(ends))

    def holds_zero(self):
        return (self.low <= 0) & (self.high >= 0)

    def inverse(self):
        assert not np.any(self.holds_zero())
        return self.around(1 / self.high, 1 / self.low)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return -self + other


def centred(values):
    mean = sum(values[1:], values[0]) * Fraction(1, len(values))
    return [value - mean for value in values]


def dot(a, b):
    products = [s * t for s, t in zip(a, b, strict=True)]
    return sum(products[1:], products[0])


def remainder_from_below(p, q):
    """A lower bound of phi at z = p/q, for intervals p and q, one array for all lanes.

    Where a_i has a pole, or a denominator that may vanish, datum i is left out: a regression on
    fewer data leaves no more.
    """
    denominators = [q + p * pole for pole in POLES]
    at_pole = np.array([d.holds_zero() for d in denominators])
    bound = np.empty(at_pole.shape[1])
    for pattern in np.unique(at_pole, axis=1).T:
        lanes = (at_pole == pattern[:, None]).all(axis=0)
        kept = np.flatnonzero(~pattern)
        q_here = Interval(q.low[lanes], q.high[lanes])
        a = [
            q_here * Interval(denominators[i].low[lanes], denominators[i].high[lanes]).inverse()
            for i in kept
        ]
        one = Interval(np.ones(lanes.sum()), np.ones(lanes.sum()))
        a = centred(a + [one * c for c in CONSTANT])
        y = centred([DATA[i] for i in kept] + DATA[7:])
        ya, aa = dot(a, y), dot(a, a)
        bound[lanes] = (dot(y, y) - ya * ya * aa.inverse()).low
    return bound


def where_remainder_is_below(level, width=2.0**-14):
    """The least interval outside of which the subdivision proves phi > level.

    All z are in [-1, 1], or are 1/t with t in [-1, 1]; at t = 0, phi has its limit.
    """
    left = []
    for is_inverse in (False, True):
        low, high = np.array([-1.0]), np.array([1.0])
        while True:
            one = Interval(np.ones_like(low), np.ones_like(low))
            t = Interval(low, high)
            bound = remainder_from_below(*((one, t) if is_inverse else (t, one)))
            # Not <=: an interval of which nothing is known stays.
            open_ = ~(bound > level)
            low, high = low[open_], high[open_]
            if not low.size:
                break
            if high[0] - low[0] <= width:
                assert not is_inverse, "phi is not proved to be above the level for large z"
                left = [float(low.min()), float(high.max())]
                break
            middle = (low + high) / 2
            low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return left


def taylor(z, one):
    """Value, first and second derivative of phi at z, a rational or intervals."""

    def product(a, b):
        return (
            a[0] * b[0],
            a[0] * b[1] + a[1] * b[0],
            a[0] * b[2] + a[1] * b[1] * 2 + a[2] * b[0],
        )

    def inverse(a):
        r = a[0].inverse() if isinstance(a[0], Interval) else 1 / a[0]
        return r, -(a[1] * r * r), a[1] * a[1] * r * r * r * 2 - a[2] * r * r

    zero = one - one
    model = [inverse((one + z * pole, one * pole, zero)) for pole in POLES]
    model += [(one * c, zero, zero) for c in CONSTANT]
    # The values of all a_i, their first and their second derivatives.
    a = [centred(column) for column in zip(*model, strict=True)]
    y = centred(DATA)
    ya = tuple(dot(column, y) for column in a)
    columns = zip(*(product(t, t) for t in zip(*a, strict=True)), strict=True)
    aa = tuple(sum(column[1:], column[0]) for column in columns)
    fitted = product(product(ya, ya), inverse(aa))
    return dot(y, y) - fitted[0], -fitted[1], -fitted[2]


def least_curvature(low, high, pieces=6000):
    """A lower bound of phi'' on [low, high]."""
    ends = np.linspace(low, high, pieces + 1)
    z = Interval(ends[:-1], ends[1:])
    one = Interval(np.ones(pieces), np.ones(pieces))
    return float(taylor(z, one)[2].low.min())


def point(z, one):
    """The x at which f attains phi(z): the regression line of the data, in Bard's coordinates."""
    a = [(one + z * pole).inverse() for pole in POLES] + [one * c for c in CONSTANT]
    middle, y = centred(a), centred(DATA)
    per_slope = dot(middle, middle) * dot(middle, y).inverse()
    slope = dot(middle, y) * dot(middle, middle).inverse()
    mean = sum(a[1:], a[0]) * Fraction(1, 15)
    return sum(DATA) / 15 - slope * mean, z * per_slope, (one - z) * per_slope


def exact_value(x):
    """Bard's function of three rationals."""
    total = Fraction(0)
    for i, datum in enumerate(DATA, 1):
        v = 16 - i
        total += (datum - x[0] - i / (v * x[1] + min(i, v) * x[2])) ** 2
    return total
