"""Which kinds of numbers a formula may take, and what a round leaves as it is.

Where the gradient of a coordinate is 0, some rules leave the coordinate alone, bit for bit; a run
then need not look at it. Whether a rule does is decided on its formulas, with seven kinds of
floats: every operation is carried out on the ends and the middle of each kind, between which no
other kind can come out, as each operation is monotone there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

import numpy as np

from convergence.expression import Expression

__all__ = ["FINITE", "POSITIVE", "kinds_of", "reachable", "unchanged"]

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
_NOTHING = Kinds()
_ZERO, _MINUS_ZERO = Kinds({"0"}), Kinds({"-0"})
#: Numbers above 0, and all that are neither infinite nor NaN.
POSITIVE = Kinds({"+"})
FINITE = Kinds({"-", "-0", "0", "+"})

_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "negative": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
}


def _kind(value: Any) -> str:
    if isinstance(value, np.bool_):
        return str(bool(value))
    if math.isnan(value):
        return "nan"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if math.isinf(value):
        return f"{sign}inf"
    return f"{sign}0" if value == 0 else sign or "+"


def kinds_of(values: Any) -> Kinds:
    """The kinds of the numbers of an array."""
    values = np.asarray(values, float).reshape(-1)
    return Kinds(
        kind
        for kind, some in {
            "nan": np.isnan(values),
            "-inf": values == -np.inf,
            "-": np.isfinite(values) & (values < 0),
            "-0": (values == 0) & np.signbit(values),
            "0": (values == 0) & ~np.signbit(values),
            "+": np.isfinite(values) & (values > 0),
            "inf": values == np.inf,
        }.items()
        if some.any()
    )


@cache
def _results(operation: str, *kinds: str) -> Kinds:
    numbers = itertools.product(*(_NUMBERS[kind] for kind in kinds))
    with np.errstate(all="ignore"):
        return Kinds(_kind(_OPERATIONS[operation](*map(np.float64, n))) for n in numbers)


@cache
def _results_of_square(kind: str) -> Kinds:
    with np.errstate(all="ignore"):
        return Kinds(_kind(np.float64(n) * n) for n in _NUMBERS[kind])


class _Look:
    """Formulas looked at with the kinds of their inputs known.

    Args:
        known: Of every input.
    """

    def __init__(self, known: Known):
        self.known = known
        self._kinds: dict[int, Kinds] = {}
        self._same: dict[int, str] = {}

    def kinds(self, node: Expression) -> Kinds:
        """The kinds of numbers that a node may take."""
        if id(node) not in self._kinds:
            self._kinds[id(node)] = self._found(node)
        return self._kinds[id(node)]

    def _found(self, node: Expression) -> Kinds:
        operation, arguments = node.operation, node.arguments
        if operation == "input":
            return self.known[arguments[0]]
        if operation == "constant":
            return kinds_of(arguments[0])
        if operation == "where":
            return _NOTHING.union(*(self.kinds(branch) for branch in self._branches(node)))
        parts = [self.kinds(part) for part in arguments]
        if operation == "*" and arguments[0] is arguments[1]:
            return _NOTHING.union(*map(_results_of_square, parts[0]))
        return _NOTHING.union(*(_results(operation, *each) for each in itertools.product(*parts)))

    def _branches(self, node: Expression) -> list[Expression]:
        condition, a, b = node.arguments
        found = self.kinds(condition)
        return [branch for branch, when in ((a, "True"), (b, "False")) if when in found]

    def same(self, node: Expression) -> str:
        """The name of the input that a node equals bit for bit, or ""."""
        if id(node) not in self._same:
            self._same[id(node)] = self._equal(node)
        return self._same[id(node)]

    def _equal(self, node: Expression) -> str:
        operation, arguments = node.operation, node.arguments
        if operation == "input":
            return str(arguments[0])
        if operation == "where":
            names = {self.same(branch) for branch in self._branches(node)}
            return names.pop() if len(names) == 1 else ""
        if operation == "+":
            a, b = arguments
            return (self.same(a) if self._idle(b, a) else "") or (
                self.same(b) if self._idle(a, b) else ""
            )
        if operation == "-" and self._idle(Expression("negative", arguments[1]), arguments[0]):
            return self.same(arguments[0])
        return ""

    def _idle(self, zero: Expression, other: Expression) -> bool:
        """Whether adding a zero to the other changes no bit of it."""
        found = self._found(zero)
        return found <= _MINUS_ZERO or (found <= _ZERO and "-0" not in self.kinds(other))


def reachable(made: Mapping[str, Expression], first: Known, inputs: Known) -> Known:
    """The kinds of numbers that anything may ever become.

    Args:
        made: What takes its place in a round, by name.
        first: What it is before the first round.
        inputs: Whatever else the formulas depend on.
    """
    found = dict(first)
    while True:
        look = _Look({**inputs, **found})
        wider = {name: found[name] | look.kinds(node) for name, node in made.items()}
        if wider == found:
            return found
        found = wider


def unchanged(made: Mapping[str, Expression], known: Known) -> Collection[str]:
    """Names of what a round leaves as it is, bit for bit.

    Args:
        made: What takes its place in a round, by name.
        known: The kinds of all inputs.
    """
    look = _Look(known)
    return [name for name, node in made.items() if look.same(node) == name]
