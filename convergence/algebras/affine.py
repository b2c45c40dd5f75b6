"""Affine forms: which numbers a formula multiplies its inputs by, if it does no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from convergence.algebras.floats import Floats
from convergence.algebras.interpreter import Algebra

__all__ = ["AffineForms"]

#: Coefficients of 1, of the variables, of the gradient and of its square, in this order.
Form = NDArray[np.float64]

_FLOATS = Floats()


class AffineForms(Algebra[Form]):
    """Forms a + b_1 v_1 + ... + c g + d g**2 with coefficients in float64.

    The square of the gradient is a number of its own: what is affine in both has an expectation
    that follows from those of its inputs. Numbers without a variable are floats, with all
    operations and comparisons of floats.

    Args:
        variables: Names of the inputs that a form may have, besides the gradient `g`.
    """

    def __init__(self, variables: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(variables, 1)}
        self._size = len(self._places) + 3
        self.operations = {
            "+": np.add,
            "-": np.subtract,
            "negative": np.negative,
            "*": self._product,
            "/": self._quotient,
            "abs": lambda a: self.number(abs(self._known(a, "its size"))),
            "sqrt": lambda a: self.number(np.sqrt(self._known(a, "its root"))),
        }

    def number(self, value: float | np.float64) -> Form:
        """A form without variables."""
        form = np.zeros(self._size)
        form[0] = value
        return form

    def variable(self, name: str) -> Form:
        """The variable itself; "g" is the gradient."""
        form = np.zeros(self._size)
        form[self._places.get(name, -2)] = 1.0
        return form

    def constant(self, value: Fraction) -> Form:
        """The nearest float."""
        return self.number(_FLOATS.constant(value))

    def compare(self, sign: str, a: Form, b: Form) -> bool:
        """Whether a is below b.

        Raises:
            TypeError: They differ by more than a number.
        """
        apart = self._known(a - b, "which side of a comparison it is on")
        return _FLOATS.compare(sign, apart, np.float64(0.0))

    def join(self, a: Form, b: Form) -> Form:
        """Nothing: no comparison is undecided.

        Raises:
            AssertionError: Always.
        """
        raise AssertionError("no comparison of affine forms is undecided")

    def scope(self) -> AbstractContextManager[object]:
        """A setting in which numpy does not warn of NaN, infinities and division by zero."""
        return _FLOATS.scope()

    @staticmethod
    def _known(form: Form, what: str) -> np.float64:
        if form[1:].any():
            raise TypeError(f"the formula asks for {what}, where a number depends on draws")
        return np.float64(form[0])

    def _product(self, a: Form, b: Form) -> Form:
        if not a[1:].any():
            return a[0] * b
        if not b[1:].any():
            return b[0] * a
        gradients = [form[-2] for form in (a, b) if np.count_nonzero(form) == 1 and form[-2]]
        if len(gradients) < 2:
            raise TypeError("the formula multiplies numbers that both depend on draws")
        square = np.zeros(self._size)
        square[-1] = gradients[0] * gradients[1]
        return square

    def _quotient(self, a: Form, b: Form) -> Form:
        return np.asarray(a / self._known(b, "a quotient"))
