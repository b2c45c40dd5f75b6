"""Which kinds of floats a formula may take, and what a round leaves as it is.

Where the gradient of a coordinate is 0, some rules leave the coordinate alone, bit for bit; a run
then need not look at it. Whether a rule does is decided on its formulas, with seven kinds of
floats: every operation is carried out on the ends and the middle of each kind, between which no
other kind can come out, as each operation is monotone there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from convergence.algebras.floats import Floats, rounded
from convergence.algebras.interpreter import Algebra, apply, by_comparison, evaluate
from convergence.expression import Expression

__all__ = ["FINITE", "POSITIVE", "Possible", "Signs", "kinds_of", "reachable", "unchanged"]

Kinds = frozenset[str]
Known = Mapping[str, Kinds]

_LARGEST, _LEAST = math.ldexp(2.0 - 2.0**-52, 1023), 2.0**-1074
_SIZES = (_LEAST, 0.5, 1.0, 2.0, _LARGEST)
_NUMBERS: Mapping[str, tuple[float, ...]] = {
    "nan": (math.nan,),
    "-inf": (-math.inf,),
    "-": tuple(-size for size in _SIZES),
    "-0": (-0.0,),
    "0": (0.0,),
    "+": _SIZES,
    "inf": (math.inf,),
}
_ZERO, _MINUS_ZERO = Kinds({"0"}), Kinds({"-0"})
#: Numbers above 0, and all that are neither infinite nor NaN.
POSITIVE = Kinds({"+"})
FINITE = Kinds({"-", "-0", "0", "+"})

_FLOATS = Floats()


def kinds_of(values: Any) -> Kinds:
    """The kinds of the numbers of an array."""
    values = np.asarray(values, float).reshape(-1)
    finite, zero, negative = np.isfinite(values), values == 0, np.signbit(values)
    where = {
        "nan": np.isnan(values),
        "-inf": values == -np.inf,
        "-": finite & ~zero & negative,
        "-0": zero & negative,
        "0": zero & ~negative,
        "+": finite & ~zero & ~negative,
        "inf": values == np.inf,
    }
    return Kinds(kind for kind, some in where.items() if some.any())


class Possible(NamedTuple):
    """The kinds of which a float may be, and the input that it equals.

    Attributes:
        kinds: Of which kinds.
        same: The name of the input that it equals bit for bit, or "".
    """

    kinds: Kinds
    same: str = ""


def _examples(kinds: tuple[str, ...]) -> list[tuple[np.float64, ...]]:
    each = itertools.product(*(_NUMBERS[kind] for kind in kinds))
    return [tuple(map(np.float64, numbers)) for numbers in each]


@cache
def _results(operation: str, *kinds: str) -> Kinds:
    with _FLOATS.scope():
        return kinds_of([apply(_FLOATS, operation, *each) for each in _examples(kinds)])


@cache
def _truths(sign: str, *kinds: str) -> frozenset[bool]:
    return frozenset(_FLOATS.compare(sign, *each) for each in _examples(kinds))


class Signs(Algebra[Possible]):
    """The algebra of kinds of floats.

    A comparison of kinds that may come out either way is undecided; what `where` gives is then of
    the kinds of both branches.
    """

    def __init__(self) -> None:
        self.operations: dict[str, Callable[..., Possible]] = {}
        for name in ("*", "/", "square", "negative", "abs", "sqrt"):
            self.operations[name] = partial(self._over, name)
        for name in ("maximum", "minimum", "sign", "clip"):
            self.operations[name] = partial(self._chosen, name)
        self.operations |= {"+": self._sum, "-": self._difference}

    def constant(self, value: Fraction) -> Possible:
        """The kind of the nearest float."""
        return Possible(kinds_of(rounded(value)))

    def compare(self, sign: str, a: Possible, b: Possible) -> bool | None:
        """Whether a is below b, if that is so or not so for all floats of these kinds."""
        pairs = itertools.product(a.kinds, b.kinds)
        truths = frozenset[bool]().union(*(_truths(sign, *pair) for pair in pairs))
        return next(iter(truths)) if len(truths) == 1 else None

    def join(self, a: Possible, b: Possible) -> Possible:
        """The kinds of both."""
        return Possible(a.kinds | b.kinds, a.same if a.same == b.same else "")

    def _over(self, operation: str, *parts: Possible) -> Possible:
        each = itertools.product(*(part.kinds for part in parts))
        return Possible(Kinds().union(*(_results(operation, *kinds) for kinds in each)))

    def _chosen(self, operation: str, *parts: Possible) -> Possible:
        same = by_comparison(self, operation, *parts).same
        return Possible(self._over(operation, *parts).kinds, same)

    def _sum(self, a: Possible, b: Possible) -> Possible:
        same = (a.same if _idle(b, a) else "") or (b.same if _idle(a, b) else "")
        return Possible(self._over("+", a, b).kinds, same)

    def _difference(self, a: Possible, b: Possible) -> Possible:
        same = a.same if _idle(self._over("negative", b), a) else ""
        return Possible(self._over("-", a, b).kinds, same)


def _idle(zero: Possible, other: Possible) -> bool:
    """Whether adding a zero to the other changes no bit of it."""
    return zero.kinds <= _MINUS_ZERO or (zero.kinds <= _ZERO and "-0" not in other.kinds)


def _looked_at(made: Mapping[str, Expression], known: Known) -> Mapping[str, Possible]:
    inputs = {name: Possible(kinds, name) for name, kinds in known.items()}
    return evaluate(made, inputs, Signs())


def reachable(made: Mapping[str, Expression], first: Known, inputs: Known) -> Known:
    """The kinds of numbers that anything may ever become.

    Args:
        made: The formulas of a round, each by the name whose place it takes.
        first: The kinds before the first round.
        inputs: The kinds of whatever else the formulas depend on.
    """
    found = dict(first)
    while True:
        after = _looked_at(made, {**inputs, **found})
        wider = {name: found[name] | after[name].kinds for name in made}
        if wider == found:
            return found
        found = wider


def unchanged(made: Mapping[str, Expression], known: Known) -> Collection[str]:
    """Names of what a round leaves as it is, bit for bit.

    Args:
        made: The formulas of a round, each by the name whose place it takes.
        known: The kinds of all inputs.
    """
    after = _looked_at(made, known)
    return [name for name in made if after[name].same == name]
