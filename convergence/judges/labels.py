"""What a problem states, held against a run: the label that the run contradicts, if any.

A theorem is only as good as the constants that enter it. The minimiser is held against its own
optimality conditions before any distance to it is taken, and what is drawn against its mean, where
the values of a draw are known. Gradients that were seen are held against G and G_inf; at iterates
of the run the curvature is held against L, mu, mu_pl and convexity, the objective against its
minimum, the noise of a draw against sigma2, M and M_G, and the point itself against the domain. A
verdict that rested on a false label is *not applicable*, and names it.

`unconfirmed` is asked before a claim is called violated: a minimum that no known point attains,
and a mean that draws do not confirm, leave the verdict *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from convergence.claim import SEEN, Claim
from convergence.experiment import Experiment
from convergence.judges.confidence import median_of_means
from convergence.judges.stream import Seen
from convergence.measure import MEASURES, Observation
from problems.problem import Problem, once

__all__ = ["contradicted", "stated_falsely", "unconfirmed"]

Array = NDArray[np.float64]

# Looked at in each block of rounds: the first ones, where most happens, and some of the others.
_FIRST, _OTHERS = 12, 12
# And so many lanes; for averages over noise more.
_LANES, _NOISY_LANES = 64, 4096
# Probability with which a true label about noise is called false, at each round looked at.
_ERROR = 1e-12
# A draw counts as so many times the stated second moment at most.
_MOST = 4.0
_SHORT = 2.0**-400
# Gradients and values are trusted to this share of their size.
_TRUST = 1e-9
_CANCELLED = 1e-12


# The least minimum is looked for from so many starts, and a mean by so many draws.
_STARTS, _DRAWS = 3, 1 << 15
# Of an objective without a gradient at its minimiser so many coordinates are tried.
_DIRECTIONS = 16


def _rests_on(claim: Claim) -> set[str]:
    """The constants that a verdict rests on: what the letters and the measure ask for."""
    asked = set(MEASURES[claim.measure].rests_on) | set(claim.letters)
    for letter, constants in {
        "R0": {"minimizer"},
        "D0": {"minimum"},
        "D": {"minimizer"},
        "D_inf": {"minimizer"},
        "second_moment": {"M", "M_G"},
    }.items():
        if letter in asked:
            asked |= constants
    return asked


def stated_falsely(claim: Claim, problem: Problem) -> str:
    """The first label that no run is needed to contradict, among those a claim rests on.

    Returns:
        A sentence, or "".
    """
    if not problem.has_objective:
        return ""
    asked = _rests_on(claim)
    with np.errstate(all="ignore"):
        found = ""
        if asked & {"minimizer", "minimum"} and "minimizer" in problem.constants:
            found = _no_minimizer(problem)
        by_chance = claim.kind in ("in expectation", "with probability")
        if not found and by_chance and problem.outcomes is not None:
            found = _biased(problem)
    return found


@once
def _no_minimizer(problem: Problem) -> str:
    """Why the stated minimiser is none, or ""."""
    stated = problem.constants["minimizer"]
    x = np.asarray(stated.value, float)
    said = "the problem states a minimizer, but "
    if not problem.domain.contains(x, tolerance=_TRUST * (1 + float(abs(x).max()))):
        return f"{said}it lies outside {problem.domain}"
    value, start = float(problem.objective(x)), float(problem.objective(problem.start))
    near = stated.tolerance * np.sqrt(problem.dimension)
    steep = float(np.linalg.norm(problem.objective_gradient(problem.start)))
    slope = float(np.linalg.norm(problem.objective_gradient(x)))
    smooth = problem.constants["L"].value if "L" in problem.constants else 0.0
    loose = _TRUST * (abs(value) + abs(start)) + near * (slope + smooth * near)
    if "minimum" in problem.constants:
        minimum = problem.constants["minimum"]
        if abs(value - minimum.value) > loose + minimum.tolerance:
            return (
                f"the problem states minimum = {minimum.value:.9g}, but at the minimizer that it "
                f"states the objective is {value:.9g}"
            )
    if smooth and "non-smooth" not in problem.tags:
        step = 1 / smooth
        moved = x - problem.domain.project(x - step * problem.objective_gradient(x))
        gap = float(np.linalg.norm(moved)) / step
        # Gradients cancel at a minimiser, terms as large as those of the start.
        if gap > smooth * near + np.sqrt(_CANCELLED) * (steep + smooth * float(abs(x).max())):
            return f"{said}the gradient there is {gap:.6g} and not 0"
        return ""
    steps = np.array([1e-2, 1e-4, -1e-2, -1e-4]) * (1 + float(abs(x).max()))
    units = np.eye(problem.dimension)[:_DIRECTIONS]
    around = (x + steps[:, None, None] * units).reshape(-1, problem.dimension)
    tried = problem.domain.project(np.concatenate([around, problem.start[None]]))
    lower = problem.objective(tried) < value - loose
    if lower.any():
        at = np.array2string(tried[int(lower.argmax())], precision=6, threshold=6)
        return f"{said}the objective is lower at {at}"
    return ""


@once
def _biased(problem: Problem) -> str:
    """Why the mean of the values of a draw is not the gradient of the objective, or ""."""
    assert problem.outcomes is not None
    law = problem.outcomes()
    x = np.broadcast_to(problem.start, (law.probabilities.size, problem.dimension))
    g = problem.gradient(x, law.samples)
    mean, exact = law.probabilities @ g, problem.objective_gradient(problem.start)
    size = float(law.probabilities @ abs(g).max(axis=-1))
    if abs(mean - exact).max() > _TRUST * (size + float(abs(exact).max())):
        return (
            "the problem states its objective, but the gradients drawn at the start have the mean "
            f"{np.array2string(mean, precision=6, threshold=6)}, not "
            f"{np.array2string(exact, precision=6, threshold=6)}"
        )
    return ""


def unconfirmed(claim: Claim, experiment: Experiment, seen: Seen) -> str:
    """Why a violation may be the fault of a label that nothing confirms, or ""."""
    problem = experiment.problem
    if not problem.has_objective:
        return ""
    asked, constants = _rests_on(claim), problem.constants
    with np.errstate(all="ignore"):
        if "minimum" in asked and "minimizer" not in constants and "minimum" in constants:
            lowest, stated = _lowest_known(problem, seen), constants["minimum"]
            start = abs(float(problem.objective(problem.start)))
            loose = stated.tolerance + 1e-6 * (abs(stated.value) + start)
            if lowest > stated.value + loose:
                return (
                    f"no point is known where the objective is as low as the stated minimum "
                    f"{stated.value:.9g}; the lowest known value is {lowest:.9g}"
                )
        by_chance = claim.kind in ("in expectation", "with probability") and problem.stochastic
        if by_chance and problem.outcomes is None and not problem.dependent_draws:
            return _mean_not_confirmed(problem)
    return ""


def _lowest_known(problem: Problem, seen: Seen) -> float:
    """The lowest value of the objective that a solver or the run itself has come to."""
    from scipy.optimize import minimize

    points = seen.observed.iterate.reshape(-1, problem.dimension)
    points = points[np.isfinite(points).all(axis=-1)]
    known = [float(problem.objective(points).min())] if points.size else [np.inf]
    starts = [problem.start, *points[np.linspace(0, len(points) - 1, _STARTS - 1).astype(int)]]
    for start in starts:
        found = minimize(
            lambda x: float(problem.objective(problem.domain.project(x))),
            start,
            jac=lambda x: problem.objective_gradient(problem.domain.project(x)),
            method="L-BFGS-B",
        )
        known.append(float(problem.objective(problem.domain.project(found.x))))
    return float(np.nanmin(known))


@once
def _mean_not_confirmed(problem: Problem) -> str:
    """By a median of means, whose error is guaranteed where the variance is stated."""
    exact = problem.objective_gradient(problem.start)
    constants = problem.constants
    if "sigma2" in constants:
        variance = constants["sigma2"].value
    elif {"M", "M_G"} <= set(constants):
        variance = constants["M"].value + constants["M_G"].value * float((exact**2).sum())
    else:
        return ""
    assert problem.samples is not None
    sample = problem.samples(np.array([1]), np.arange(_DRAWS, dtype=np.uint64))[0]
    x = np.broadcast_to(problem.start, (_DRAWS, problem.dimension))
    middle, width = median_of_means(problem.gradient(x, sample), variance, _ERROR)
    if (abs(middle - exact) > width).any():
        place = int(abs(middle - exact).argmax())
        return (
            f"the gradients drawn at the start have a mean of about {middle[place]:.6g} in "
            f"coordinate {place + 1}, and the objective's is {exact[place]:.6g}: the draws do not "
            "confirm that they are unbiased"
        )
    return ""


def contradicted(claim: Claim, experiment: Experiment, seeds: Sequence[int], seen: Seen) -> str:
    """The first label, among those that the claim rests on, that the rounds contradict.

    Returns:
        A sentence, or "".
    """
    times, observed = seen.times, seen.observed
    found = _gradients_seen(claim, experiment, times, observed)
    if found:
        return found
    spread = np.linspace(0, times.size - 1, _OTHERS).astype(int)
    places = np.union1d(np.arange(min(_FIRST, times.size)), spread)
    points = observed.iterate[:_NOISY_LANES, places]
    if not np.isfinite(points).all():
        return ""
    when = times[places]
    with np.errstate(all="ignore"):
        return next(
            (
                f"the problem states {label}, but {what} by step {when[place]}"
                for label, what, place in _found(claim, experiment.problem, seeds, when, points)
            ),
            "",
        )


def _gradients_seen(
    claim: Claim, experiment: Experiment, times: NDArray[np.int64], observed: Observation
) -> str:
    for letter, total in SEEN.items():
        if letter not in claim.letters:
            continue
        stated = experiment.problem.constant(letter)
        seen = observed.totals[total].max(axis=(0, 2))
        # A norm of n numbers is off by a few units.
        false = seen > stated * (1 + 2.0**-40)
        if false.any():
            place = int(false.argmax())
            return (
                f"the problem states {letter} = {stated:.9g}, but a gradient of size "
                f"{seen[place]:.9g} was seen by step {times[place]}"
            )
    return ""


_Finding = tuple[str, str, int]


def _found(
    claim: Claim, problem: Problem, seeds: Sequence[int], when: NDArray[np.int64], points: Array
) -> Iterator[_Finding]:
    few = points[:_LANES]
    yield from _outside(problem, few)
    if problem.has_objective:
        yield from _curvature(claim, problem, few)
        yield from _below_minimum(claim, problem, few)
        if problem.stochastic:
            yield from _noise(claim, problem, seeds, when, points)
        elif problem.samples is None:
            yield from _another_function(problem, few)


def _outside(problem: Problem, points: Array) -> Iterator[_Finding]:
    size = float(abs(points).max())
    out = ~problem.domain.contains(points, tolerance=_TRUST * size).all(axis=0)
    if out.any():
        yield f"the domain {problem.domain}", "an iterate lies outside it", int(out.argmax())


def _another_function(problem: Problem, points: Array) -> Iterator[_Finding]:
    if problem.objective_gradient_formula is None:
        return  # the gradients shown are the objective's
    shown, judged = problem.gradient(points), problem.objective_gradient(points)
    size = abs(judged).max(axis=-1) + abs(problem.objective_gradient(problem.start)).max()
    place = _place(abs(shown - judged).max(axis=-1) > _TRUST * size)
    if place is not None:
        yield "its objective", "gradients of another function were shown", place


def _curvature(claim: Claim, problem: Problem, points: Array) -> Iterator[_Finding]:
    """Pairs of successive iterates looked at."""
    letters = [name for name in ("L", "mu", "mu_pl") if name in claim.letters]
    convex = any(a.statement == "the losses are convex" for a in claim.assumptions)
    if not letters and not convex:
        return
    g = problem.objective_gradient(points)
    step, change = np.diff(points, axis=1), np.diff(g, axis=1)
    length, bend = np.linalg.norm(step, axis=-1), np.linalg.norm(change, axis=-1)
    size = np.linalg.norm(g, axis=-1)
    # What rounding may have changed in the difference of two gradients. Where they vanish, it is
    # a matter of the terms that cancel, which are as large as at the start or as L times the point.
    terms = np.linalg.norm(problem.objective_gradient(problem.start))
    if "L" in problem.constants:
        terms = terms + problem.constant("L") * abs(points).max()
    slack = _TRUST * (size[:, 1:] + size[:, :-1]) + _CANCELLED * terms
    # Squares of the shortest steps underflow.
    length = np.where(length > _SHORT, length, np.nan)
    inner = (step * change).sum(axis=-1)
    if "L" in letters:
        stated = problem.constant("L")
        place = _place(bend > stated * length * (1 + _TRUST) + slack)
        if place is not None:
            yield f"L = {stated:.9g}", "gradients changed faster between iterates", place + 1
    mu = problem.constant("mu") if "mu" in letters else 0.0
    if convex or "mu" in letters:
        place = _place(inner < mu * length**2 * (1 - _TRUST) - slack * length)
        if place is not None:
            label = f"mu = {mu:.9g}" if mu else "that it is convex"
            yield label, "gradients changed too little or backwards between iterates", place + 1
    if "mu_pl" in letters and "minimum" in problem.constants:
        stated = problem.constant("mu_pl")
        gap = problem.objective(points) - problem.constant("minimum")
        tolerance = _TRUST * (abs(gap).max() + 1) + problem.constants["minimum"].tolerance
        place = _place(size**2 < 2 * stated * (gap - tolerance))
        if place is not None:
            yield f"mu_pl = {stated:.9g}", "a gradient was too small for the gap", place


def _below_minimum(claim: Claim, problem: Problem, points: Array) -> Iterator[_Finding]:
    if "minimum" not in _rests_on(claim) or "minimum" not in problem.constants:
        return
    stated = problem.constants["minimum"]
    start = abs(float(problem.objective(problem.start)))
    tolerance = stated.tolerance + _TRUST * (abs(stated.value) + start)
    place = _place(problem.objective(points) < stated.value - tolerance)
    if place is not None:
        yield f"minimum = {stated.value:.9g}", "an iterate has a lower value", place


def _noise(
    claim: Claim, problem: Problem, seeds: Sequence[int], when: NDArray[np.int64], points: Array
) -> Iterator[_Finding]:
    """Second moments of draws, as shares of what is stated for the points where they are drawn.

    The next draw at an iterate is independent of all that came before: given that, a share has a
    mean of at most 1, and so has one cut at `_MOST`. The sum over lanes and rounds then exceeds
    their number by no more than Hoeffding's width, whatever is drawn (hoeffding1963, Section 2).
    """
    asked, constants = _rests_on(claim), problem.constants
    lanes = points.shape[0]
    if problem.dependent_draws or not asked & {"sigma2", "M", "M_G"}:
        return
    assert problem.gradient_formula is not None
    assert problem.samples is not None
    sums: dict[str, float] = {}
    for place, t in enumerate(when.tolist()):
        x = points[:, place]
        sample = problem.samples(np.array([t + 1]), np.array(seeds[:lanes], np.uint64))[0]
        at = x[:, 0] if problem.scalar else x
        g = np.asarray(problem.gradient_formula(at, sample), float).reshape(x.shape)
        exact = problem.objective_gradient(x)
        slack = _TRUST * (g**2).sum(axis=-1)
        figures = {}
        if "sigma2" in constants and "sigma2" in asked:
            stated = constants["sigma2"].value
            figures[f"sigma2 = {stated:.9g}"] = ((g - exact) ** 2).sum(axis=-1), stated
        if "M" in constants and "M_G" in constants and asked & {"M", "M_G"}:
            most, growth = constants["M"].value, constants["M_G"].value
            allowed = most + growth * (exact**2).sum(axis=-1)
            figures[f"M = {most:.9g} and M_G = {growth:.9g}"] = (g**2).sum(axis=-1), allowed
        for label, (size, allowed) in figures.items():
            beyond = size > allowed + slack
            shares = np.where(beyond, np.minimum(size / allowed, _MOST), (size - slack) / allowed)
            sums[label] = sums.get(label, 0.0) + float(
                np.clip(np.nan_to_num(shares), 0, _MOST).sum()
            )
            number = lanes * (place + 1)
            width = _MOST * np.sqrt(np.log(1 / _ERROR) / (2 * number))
            if sums[label] / number - width > 1 or (beyond & (allowed == 0)).any():
                yield label, "the gradients drawn at iterates have a larger second moment", place


def _place(false: NDArray[np.bool_]) -> int | None:
    """The first round at which any lane is false."""
    rounds = false.any(axis=0)
    return int(rounds.argmax()) if rounds.any() else None
