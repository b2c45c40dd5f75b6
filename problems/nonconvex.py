"""Non-convex functions with known minima."""

from __future__ import annotations

from typing import Any

import numpy as np

from problems.domain import WholeSpace
from problems.notation import require
from problems.problem import Constant, Problem, exact, problem

__all__ = ["pl_sine", "rosenbrock"]


@problem(source=("rosenbrock1960", "more1981, Problem 1, for n = 2"), tags=("non-convex", "smooth"))
def rosenbrock(*, dimension: int = 2) -> Problem:
    """Rosenbrock's curved valley in n dimensions.

    The chained form, from the start point -1.2, 1, -1.2, 1, ...; for n = 2 it is the original.
    (Moré, Garbow & Hillstrom's extended function, their Problem 21, is another for n > 2: a sum
    of separate pairs.)
    """
    require(
        isinstance(dimension, int) and dimension >= 2,
        f"dimension={dimension!r} must be a whole number of at least 2",
    )

    def loss(x: Any, sample: Any) -> Any:
        ahead, here = x[..., 1:], x[..., :-1]
        return (100.0 * (ahead - here * here) ** 2 + (1.0 - here) ** 2).sum(axis=-1)

    def gradient(x: Any, sample: Any) -> Any:
        ahead, here = x[..., 1:], x[..., :-1]
        off = ahead - here * here
        g = np.zeros_like(x)
        g[..., :-1] = -400.0 * here * off - 2.0 * (1.0 - here)
        g[..., 1:] += 200.0 * off
        return g

    return Problem(
        formula="f(x) = sum_i 100 (x_{i+1} - x_i**2)**2 + (1 - x_i)**2",
        domain=WholeSpace(),
        start=np.where(np.arange(dimension) % 2 == 0, -1.2, 1.0),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "minimum": exact(0.0, "a sum of squares, all zero at 1"),
            "minimizer": exact(np.ones(dimension)),
        },
        unknown={"L": "its second derivatives grow without bound, like 1200 x**2"},
    )


def _sine_loss(x: Any, sample: Any) -> Any:
    s = np.sin(x)
    # Not s ** 2: numpy's pow and its square differ in the last bit.
    return x * x + 3.0 * (s * s)


@problem(
    source="karimi2016, Section 2.2",
    tags=("non-convex", "smooth", "polyak-lojasiewicz", "1-D"),
)
def pl_sine(*, start: float = 3.0) -> Problem:
    """A non-convex function that satisfies the Polyak-Lojasiewicz inequality.

    f(x) = x**2 + 3 sin(x)**2 has f'(x) = 2x + 3 sin(2x) and f''(x) = 2 + 6 cos(2x), which
    runs over [-4, 8]: so L = 8, attained at 0, and f is not convex. The only stationary point
    is 0: with u = 2x > 0, f'(x) = 0 means sin(u) = -u/3, hence u <= 3 < pi, where sin(u) > 0.

    The largest mu with f'(x)**2 >= 2 mu f(x) is the least value of f'(x)**2 / (2 f(x)),
    0.17553098587973..., attained at x = 2.2017091764...; for |x| >= 5 the quotient is at least
    (2|x| - 3)**2 / (2 x**2 + 6) >= 7/8. The paper states 1/32, which is smaller and also valid.
    """
    return Problem(
        formula="f(x) = x**2 + 3 sin(x)**2",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=_sine_loss,
        gradient_formula=lambda x, sample: 2.0 * x + 3.0 * np.sin(2.0 * x),
        constants={
            "L": exact(8.0, "f'' = 2 + 6 cos(2x) is 8 at 0"),
            "mu_pl": Constant(
                0.1755309858797,
                "computed",
                "least value of f'(x)**2 / (2 f(x)), at x = 2.2017091764, rounded down",
                tolerance=1e-12,
            ),
            "minimum": exact(0.0, "both terms vanish at 0"),
            "minimizer": exact([0.0]),
        },
        unknown={"mu": "f is not convex: f'' = -4 at pi/2"},
    )
