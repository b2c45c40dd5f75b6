"""What every label of a problem asserts, as laws that look for points which break it.

A label is a constant (L, mu, minimum, ...) or a tag (convex, interpolation, ...). Most are
*inequalities*: a quotient of the points x and y, such as ||g(x) - g(y)|| / ||x - y||, must stay
on one side of the stated number. `check` evaluates them where they are likely to fail (random
points at several scales, corners, stationary points, the directions of extreme curvature), walks
uphill from the worst, and reports the witness; a constant called *exact* must also be reached.
Laws about randomness are decided exactly where a draw has finitely many values, else at the
error probability `ERROR`; all points come from a fixed seed, so a check gives the same answer
each time.

The same inequalities serve the tests, where hypothesis chooses the points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from problems.laws.chance import interpolation, nonzeros, unbiased, variance
from problems.laws.derivative import gradient_is_derivative, kinks
from problems.laws.finding import ERROR, Finding, Report
from problems.laws.form import lanes, projection
from problems.laws.inequality import INEQUALITIES, Inequality, inequalities, opposites
from problems.laws.minimum import minimizer, minimum, stationary
from problems.laws.regret import hindsight
from problems.laws.search import Search, View, views
from problems.problem import Problem

__all__ = ["ERROR", "INEQUALITIES", "Finding", "Inequality", "Report", "View", "check", "views"]

_LAWS: tuple[Callable[[Search], Iterator[Finding]], ...] = (
    lanes,
    projection,
    gradient_is_derivative,
    kinks,
    opposites,
    minimum,
    minimizer,
    stationary,
    unbiased,
    variance,
    interpolation,
    nonzeros,
    hindsight,
    inequalities,
)


def check(problem: Problem, *, thorough: bool = False, seed: int = 0) -> Report:
    """Run every law that the problem's labels, formulas and domain must obey.

    Args:
        problem: The problem.
        thorough: Use twenty times the points.
        seed: Of the points; the same seed gives the same report.

    Returns:
        One finding or more for each label, the laws of form first.

    Raises:
        InputError: The formulas do not return what a problem must (see `Problem.probe`).
    """
    problem.probe()
    search = Search(problem, thorough, np.random.default_rng(seed))
    findings: list[Finding] = []
    with np.errstate(all="ignore"):
        for law in _LAWS:
            findings += law(search)
    return Report(problem.specification, tuple(findings))
