"""One interpreter of formulas, over any algebra of numbers.

An algebra says what a constant is, what the operations are and what a comparison gives. A
comparison may be undecided, as of two enclosures that overlap: `where` then joins both branches.
Where it is decided, the branch that is not taken has no influence.

Values are single numbers: reductions and products of blocks are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import Protocol, TypeVar

from convergence.expression import COMPARISONS, Expression, walk

__all__ = ["Algebra", "apply", "by_comparison", "evaluate"]

T = TypeVar("T")


class Algebra(Protocol[T]):
    """The meaning of formulas in one kind of number.

    Attributes:
        operations: By name, "+", "-", "*", "/", "negative", "abs", "sqrt" and whatever else is
            not left to `by_comparison`. "square" stands for a product of a node with itself; an
            algebra without it multiplies.
    """

    operations: Mapping[str, Callable[..., T]]

    def constant(self, value: Fraction) -> T:
        """The value of a constant."""

    def compare(self, sign: str, a: T, b: T) -> bool | None:
        """Whether `a < b`, or `a <= b`, as the sign says; None if that is undecided."""

    def join(self, a: T, b: T) -> T:
        """A value that stands for both."""

    def scope(self) -> AbstractContextManager[object]:
        """The setting in which values are computed."""
        return nullcontext()


def _compare(algebra: Algebra[T], sign: str, a: T, b: T) -> bool | None:
    if sign in (">", ">="):
        sign, a, b = sign.replace(">", "<"), b, a
    return algebra.compare(sign, a, b)


def _choose(algebra: Algebra[T], truth: bool | None, a: T, b: T) -> T:
    if truth is None:
        return algebra.join(a, b)
    return a if truth else b


def by_comparison(algebra: Algebra[T], operation: str, *parts: T) -> T:
    """`maximum`, `minimum`, `sign` or `clip` as `convergence.expression` defines it."""
    if operation == "sign":
        (x,) = parts
        zero, one, minus = (algebra.constant(Fraction(n)) for n in (0, 1, -1))
        not_above = _choose(algebra, _compare(algebra, "<", x, zero), minus, x)
        return _choose(algebra, _compare(algebra, ">", x, zero), one, not_above)
    if operation == "clip":
        x, low, high = parts
        below, above = (_compare(algebra, *each) for each in (("<", x, low), (">", x, high)))
        if below is None or (above is None and not below):
            # Undecided, but not beyond an end.
            return apply(algebra, "maximum", low, apply(algebra, "minimum", high, x))
        return low if below else high if above else x
    a, b = parts
    sign = {"maximum": ">", "minimum": "<"}[operation]
    return _choose(algebra, _compare(algebra, sign, a, b), a, b)


def apply(algebra: Algebra[T], operation: str, *parts: T) -> T:
    """The result of one operation on values.

    Raises:
        TypeError: The algebra lacks the operation.
    """
    function = algebra.operations.get(operation)
    if function is not None:
        return function(*parts)
    if operation in ("maximum", "minimum", "sign", "clip"):
        return by_comparison(algebra, operation, *parts)
    if operation == "square":
        return apply(algebra, "*", *parts, *parts)
    name = type(algebra).__name__
    raise TypeError(f"{name} lack {operation}; this formula cannot be evaluated in them")


def evaluate(
    outputs: Mapping[str, Expression], inputs: Mapping[str, T], algebra: Algebra[T]
) -> dict[str, T]:
    """The values of formulas; each node is computed once.

    Args:
        outputs: Formulas by name.
        inputs: Values of their inputs, by name.
        algebra: The kind of number.

    Raises:
        KeyError: An input has no value.
        TypeError: The algebra lacks an operation, or a comparison stands elsewhere than as the
            condition of `where`.
    """
    values: dict[int, T] = {}
    truths: dict[int, bool | None] = {}

    def value(node: Expression) -> T:
        if id(node) in truths:
            raise TypeError("a comparison is no number; it may be the condition of where only")
        return values[id(node)]

    with algebra.scope():
        for node in walk(outputs.values()):
            operation, arguments = node.operation, node.arguments
            if operation == "input":
                values[id(node)] = inputs[arguments[0]]
            elif operation == "constant":
                values[id(node)] = algebra.constant(arguments[0])
            elif operation in COMPARISONS:
                truths[id(node)] = _compare(algebra, operation, *map(value, arguments))
            elif operation == "where":
                if id(arguments[0]) not in truths:
                    raise TypeError("the condition of where must be a comparison")
                branches = map(value, arguments[1:])
                values[id(node)] = _choose(algebra, truths[id(arguments[0])], *branches)
            elif operation == "*" and arguments[0] is arguments[1]:
                values[id(node)] = apply(algebra, "square", value(arguments[0]))
            else:
                values[id(node)] = apply(algebra, operation, *map(value, arguments))
    return {name: value(node) for name, node in outputs.items()}
