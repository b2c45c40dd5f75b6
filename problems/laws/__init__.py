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

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from problems.laws.chance import interpolation, nonzeros, unbiased, variance
from problems.laws.derivative import SLOPE, gradient_is_derivative, kinks, slope_errors
from problems.laws.finding import ERROR, Finding, Report
from problems.laws.form import lanes, projection
from problems.laws.inequality import INEQUALITIES, Inequality, inequalities, opposites
from problems.laws.minimum import minimizer, minimum, stationary
from problems.laws.moments import affine, noise_variance, outcomes
from problems.laws.regret import best_over_periods, hindsight
from problems.laws.search import Search, View, views
from problems.notation import nearest, require
from problems.problem import Problem

__all__ = [
    "ERROR",
    "INEQUALITIES",
    "LABELS",
    "SLOPE",
    "Finding",
    "Inequality",
    "Report",
    "View",
    "check",
    "slope_errors",
    "views",
]

#: Every law, and the labels that it speaks of.
_LAWS: Mapping[Callable[[Search], Iterator[Finding]], frozenset[str]] = {
    lanes: frozenset({"lanes"}),
    projection: frozenset({"projection"}),
    gradient_is_derivative: frozenset({"gradient"}),
    kinks: frozenset({"smooth", "non-smooth"}),
    opposites: frozenset({"non-convex", "convex-on-average"}),
    minimum: frozenset({"minimum"}),
    minimizer: frozenset({"minimizer"}),
    best_over_periods: frozenset({"minimizer"}),
    stationary: frozenset({"stationary"}),
    unbiased: frozenset({"unbiased"}),
    variance: frozenset({"sigma2", "M", "M_G"}),
    outcomes: frozenset({"outcomes"}),
    affine: frozenset({"affine", "linear"}),
    noise_variance: frozenset({"noise_variance"}),
    interpolation: frozenset({"interpolation"}),
    nonzeros: frozenset({"nonzeros"}),
    hindsight: frozenset({"hindsight"}),
    inequalities: frozenset(INEQUALITIES),
}
#: What `check` can speak of.
LABELS = frozenset().union(*_LAWS.values())


def check(
    problem: Problem,
    *,
    labels: Collection[str] = LABELS,
    thorough: bool = False,
    seed: int = 0,
) -> Report:
    """Run every law that the problem's labels, formulas and domain must obey.

    Args:
        problem: The problem.
        labels: Run only the laws of these labels.
        thorough: Use twenty times the points.
        seed: Of the points; the same seed gives the same report.

    Returns:
        One finding or more for each label, the laws of form first.

    Raises:
        InputError: A label is unknown, or the formulas do not return what a problem must (see
            `Problem.probe`).
    """
    for label in labels:
        require(label in LABELS, f"no law speaks of {label!r}; {nearest(label, LABELS)}")
    problem.probe()
    findings: list[Finding] = []
    # On one thread, whose number may change the last bits of matrix products.
    with np.errstate(all="ignore"), threadpool_limits(1, user_api="blas"):
        for law, spoken in _LAWS.items():
            if wanted := spoken & set(labels):
                # Every law starts from the same numbers, whichever others run.
                search = Search(problem, thorough, seed, frozenset(wanted))
                findings += [f for f in law(search) if f.label in wanted]
    return Report(problem.specification, tuple(findings))
