"""Algebras with one thing wrong, each with the law of tests/test_algebras.py that notices."""

import operator
from fractions import Fraction

import numpy as np
from flint import arb

from convergence.algebras import balls
from convergence.algebras.balls import Balls
from convergence.algebras.floats import Floats, rounded
from convergence.algebras.rationals import Interval, Rationals
from convergence.algebras.signs import Possible, Signs, kinds_of


def with_operations(algebra, **changed):
    """The algebra with some operations put in the place of its own."""
    names = {"minus": "-", "times": "*", "over": "/", "plus": "+"}
    changed = {names.get(name, name): function for name, function in changed.items()}
    algebra.operations = {**algebra.operations, **changed}
    return algebra


# Of rational numbers


class RoundedConstants(Rationals):
    """Takes a constant as the float that is nearest."""

    def constant(self, value):
        return Fraction(float(value))


class FalseBranch(Rationals):
    """Takes the branch of a condition that is false where it is undecided."""

    def join(self, a, b):
        return b


class SureComparisons(Rationals):
    """Calls a comparison false where it is undecided."""

    def compare(self, sign, a, b):
        return bool(super().compare(sign, a, b))


class TouchingIsApart(Rationals):
    """Calls a number below itself: decides ties the wrong way."""

    def compare(self, sign, a, b):
        return super().compare("<=", a, b)


class NarrowRoots(Rationals):
    """Gives the lower end of the enclosure of a root for the root."""

    def _root(self, x):
        return super()._root(x)[:1]


class RoundedDown(Rationals):
    """Rounds high ends down, too."""

    def _enclosed(self, numbers):
        found = super()._enclosed(numbers)
        if isinstance(found, Interval):
            return Interval(found.low, self._below(max(numbers)))
        return found


def paired_subtraction():
    """Subtracts low ends from low ends."""
    made = Rationals()
    return with_operations(made, minus=made._lifted(lambda a, b: (a[0] - b[0], a[-1] - b[-1])))


def paired_product():
    """Multiplies ends as if all numbers were above 0."""
    made = Rationals()
    return with_operations(made, times=made._lifted(lambda a, b: (a[0] * b[0], a[-1] * b[-1])))


def blind_division():
    """Divides by the ends of an interval that are not 0, whatever lies between them."""
    made = Rationals()
    return with_operations(
        made, over=made._lifted(lambda a, b: [x / y for x in a for y in b if y] or None)
    )


def square_of_ends():
    """Forgets that the square of an interval around 0 begins at 0."""
    made = Rationals()
    return with_operations(made, square=made._lifted(lambda a: [x * x for x in a]))


def size_of_ends():
    """Forgets that the absolute values of an interval around 0 begin at 0."""
    made = Rationals()
    return with_operations(made, abs=made._lifted(lambda a: [abs(x) for x in a]))


# Of balls


class FalseBranchOfBalls(Balls):
    """Takes the branch of a condition that is false where it is undecided."""

    def join(self, a, b):
        return b


class FlintComparisons(Balls):
    """Reads what Flint answers to an undecided comparison, which is False."""

    def compare(self, sign, a, b):
        return a < b if sign == "<" else a <= b


def flint_maximum():
    """The maximum by what Flint answers to an undecided comparison."""
    return with_operations(Balls(), maximum=lambda a, b: a if a > b else b)


def flint_minimum():
    """The minimum by what Flint answers to an undecided comparison."""
    return with_operations(Balls(), minimum=lambda a, b: a if a < b else b)


def flint_clip():
    """Clips by what Flint answers to an undecided comparison."""
    return with_operations(
        Balls(), clip=lambda x, low, high: low if x < low else high if x > high else x
    )


def flint_sign():
    """The sign by what Flint answers to an undecided comparison."""
    return with_operations(
        Balls(), sign=lambda x: arb(1) if x > 0 else arb(-1) if x < 0 else arb(0)
    )


def differences_above():
    """Cuts a difference of numbers above 0 as if it were above 0."""
    return with_operations(Balls(), minus=lambda a, b: (a - b).nonnegative_part())


class Midpoints(Balls):
    """Gives the midpoint of a root for the root."""

    def __init__(self):
        super().__init__()
        with_operations(self, sqrt=lambda a: a.sqrt().mid())


ENCLOSURES = [
    FalseBranch,
    SureComparisons,
    NarrowRoots,
    RoundedDown,
    paired_subtraction,
    paired_product,
    blind_division,
    square_of_ends,
    size_of_ends,
    FalseBranchOfBalls,
    FlintComparisons,
    flint_maximum,
    flint_minimum,
    flint_clip,
    flint_sign,
    differences_above,
    Midpoints,
]
EXACT = [RoundedConstants, TouchingIsApart]

# Of balls that contain what floats compute


def no_rounding():
    """Forgets the bound of rounding."""
    return Balls()


class OnlyRelative(Balls):
    """Forgets that what is below the least normal float is rounded more coarsely."""

    def __init__(self):
        super().__init__(rounding=True)

    def _rounded(self, value, above=False):
        if not balls._is_float(value):
            value += arb(0, abs(value) * 2.0**-53)
        return balls._within(value, above)


class HalfTheBound(OnlyRelative):
    """Widens by half of what rounding may move a number by."""

    def _rounded(self, value, above=False):
        if not balls._is_float(value):
            value += arb(0, abs(value) * 2.0**-54 + arb(2) ** -1075)
        return balls._within(value, above)


class ExactConstants(OnlyRelative):
    """Forgets that floats round constants."""

    def __init__(self):
        Balls.__init__(self, rounding=True)

    def constant(self, value):
        return Balls(self.bits).constant(value)

    _rounded = Balls._rounded


def unrounded_sums():
    """Forgets the rounding of sums."""
    return with_operations(Balls(rounding=True), plus=operator.add)


def unrounded_roots():
    """Forgets the rounding of roots."""
    return with_operations(Balls(rounding=True), sqrt=lambda a: a.sqrt())


class SharpComparisons(Balls):
    """Compares midpoints, so that all comparisons are decided."""

    def __init__(self):
        super().__init__(rounding=True)

    def compare(self, sign, a, b):
        return super().compare(sign, a.mid(), b.mid())


ROUNDED_BALLS = [
    no_rounding,
    OnlyRelative,
    HalfTheBound,
    ExactConstants,
    unrounded_sums,
    unrounded_roots,
    SharpComparisons,
]

# Of floats


def maximum_of_numpy():
    """Of NaN and a number gives NaN, in whichever order they come."""
    return with_operations(Floats(), maximum=np.maximum, minimum=np.minimum)


def first_of_ties():
    """Of two zeros gives the first."""
    return with_operations(Floats(), maximum=lambda a, b: a if a >= b else b)


def sign_of_numpy():
    """Takes the sign of the zero away."""
    return with_operations(Floats(), sign=np.sign)


class TrueWithNan(Floats):
    """Takes a < b for not b <= a."""

    def compare(self, sign, a, b):
        return not super().compare("<=" if sign == "<" else "<", b, a)


FLOATS = [maximum_of_numpy, first_of_ties, sign_of_numpy, TrueWithNan]

# Of signs


def without(operation, kind):
    """An analysis whose operation never gives a kind."""
    made = Signs()
    whole = made.operations[operation]

    def fewer(*parts):
        return whole(*parts)._replace(kinds=whole(*parts).kinds - {kind})

    return with_operations(made, **{operation: fewer})


def no_nan_of_infinities():
    """Forgets that inf - inf is NaN."""
    return without("-", "nan")


def no_underflow():
    """Forgets that a product of numbers above 0 may be 0."""
    return without("*", "0")


def no_overflow():
    """Forgets that a square may be infinite."""
    return without("square", "inf")


def products_are_squares():
    """Takes every product for one of a number with itself."""
    made = Signs()
    return with_operations(made, times=lambda a, b: made.operations["square"](a))


def larger_kind():
    """Takes the maximum with NaN for NaN only."""

    def larger(a, b):
        return Possible(frozenset({"nan"})) if "nan" in a.kinds | b.kinds else maximum(a, b)

    made = Signs()
    maximum = made.operations["maximum"]
    return with_operations(made, maximum=larger)


def any_zero_is_idle():
    """Forgets that -0 + 0 is 0."""
    made = Signs()
    whole = made.operations["+"]

    def kept(a, b):
        return whole(a, b)._replace(same=a.same if b.kinds <= {"0", "-0"} else "")

    return with_operations(made, plus=kept)


class UnroundedConstants(Signs):
    """Looks at the constant before it is rounded."""

    def constant(self, value):
        tiny = value and not rounded(value)
        return Possible(kinds_of(float(np.sign(value)) if tiny else rounded(value)))


class FirstBranch(Signs):
    """Takes the branch of a condition that is true where it is undecided."""

    def join(self, a, b):
        return a


class SameNames(Signs):
    """Takes the name of the first branch where a condition is undecided."""

    def join(self, a, b):
        return super().join(a, b)._replace(same=a.same)


SIGNS = [
    no_nan_of_infinities,
    no_underflow,
    no_overflow,
    products_are_squares,
    larger_kind,
    any_zero_is_idle,
    UnroundedConstants,
    FirstBranch,
    SameNames,
]
