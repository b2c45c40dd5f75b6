"""How far rounding may have moved a measured figure: running bounds, kept by the run itself.

A verdict on every run allows for this and for nothing else. Sums carry a running error bound (one
unit of each partial sum, Higham 2002, Section 4.2); the iterate carries the sum of what each round
may have rounded off, in first order, times the most by which the method magnifies an earlier error
where the exact method does not expand; a bound's own rounding is what it changes by when each
letter moves by a few units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.measure import Observation
from convergence.rule import Rule
from problems.problem import Problem

__all__ = ["UNIT", "of_iterate", "of_measure", "totals"]

Array = NDArray[np.float64]

#: Half the distance of 1 to the next number.
UNIT = 2.0**-53
# Roundings of one evaluation of a loss, besides one for each coordinate, in units of its size.
_LOSS = 16
# Of one difference of objective values, in units of the values.
_OBJECTIVE = 64

_REGRET = ("loss_sum_rounding", "loss_magnitude")
_ITERATE = ("iterate_rounding",)
_TOTALS: Mapping[str, tuple[str, ...]] = {
    "regret": _REGRET,
    "average_regret": _REGRET,
    "suboptimality_best": _ITERATE,
    "relative_step": (),
}


def totals(measure: str) -> tuple[str, ...]:
    """Running totals from which the rounding of a measure is found."""
    return _TOTALS.get(measure, _ITERATE)


def of_iterate(problem: Problem, rule: Rule | None, times: Any, observed: Observation) -> Array:
    """How far each coordinate of the iterate may be off, shape (lanes, rounds, n).

    An error stays in a velocity that decays by beta1 for 1 / (1 - sqrt(beta1))**2 rounds in all
    (heavy ball on a quadratic); where the method expands, as beyond its threshold, the last
    error counts T times.
    """
    beta1 = float(rule.settings.get("beta1", 0.0)) if rule else 0.0
    kept = observed.totals["iterate_rounding"]
    last = 9 * UNIT * abs(observed.iterate)
    # The first iterate is a number that was rounded when it was written down.
    start = UNIT * abs(np.asarray(problem.start, float))
    return np.asarray((kept + start + times[:, None] * last) / (1 - np.sqrt(beta1)) ** 2)


def of_measure(
    measure: str,
    problem: Problem,
    rule: Rule | None,
    times: Any,
    observed: Observation,
    measured: Array,
) -> Array:
    """How far a measured figure may be off, shape (lanes, rounds)."""
    if measure in ("regret", "average_regret"):
        sums = observed.totals["loss_sum_rounding"][..., 0]
        units = _LOSS + problem.dimension
        error = UNIT * (sums + 2 * units * observed.totals["loss_magnitude"][..., 0])
        return np.asarray(error if measure == "regret" else error / times)
    if measure == "relative_step":
        # A step is made of moments that have been rounded once a round.
        size = observed.totals["relative_step_most"].max(axis=-1)
        return np.asarray((64 + 4 * times) * UNIT * size)
    off = of_iterate(problem, rule, times, observed)
    if measure == "sup_norm":
        return np.asarray(off.max(axis=-1))
    apart = np.sqrt((off * off).sum(axis=-1))
    if measure in ("distance", "difference"):
        return apart
    if measure == "distance_square":
        return np.asarray(apart * (2 * np.sqrt(measured) + apart))
    smooth = problem.constants["L"].value if "L" in problem.constants else 0.0
    if measure.startswith("suboptimality"):
        minimum = problem.constants["minimum"]
        level = abs(float(problem.objective(problem.start))) + abs(minimum.value)
        # ||grad f||**2 <= 2 L (f - f*); without L the gradient of the start stands for all.
        steep = np.sqrt(2 * smooth * np.maximum(measured, 0)) if smooth else _steep(problem)
        moved = apart * (steep + smooth * apart / 2)
        return np.asarray(_OBJECTIVE * UNIT * level + minimum.tolerance + moved)
    if measure.startswith("stationarity"):
        return np.asarray(smooth * apart + _OBJECTIVE * UNIT * abs(measured))
    if measure == "gradient_mean_square":
        root = np.sqrt(np.maximum(measured, 0))
        return np.asarray(smooth * apart * (2 * root + smooth * apart) + times * UNIT * measured)
    return np.asarray(smooth * apart + times * UNIT * abs(measured))


def _steep(problem: Problem) -> float:
    if "G" in problem.constants:
        return problem.constant("G")
    return float(np.linalg.norm(problem.objective_gradient(problem.start)))
