"""Stochastic gradients: their mean, variance, growth and sparsity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from problems.laws.finding import ERROR, REACHED, STATED, UNIT, Array, Finding, point_text
from problems.laws.search import (
    FLOATS,
    Search,
    dot,
    gradients,
    lane_sample,
    length,
    single,
    steepest,
    view_of,
)
from problems.problem import Outcomes, Problem

__all__ = ["interpolation", "nonzeros", "unbiased", "variance"]


def _moments(problem: Problem, x: Array, outcomes: Outcomes) -> tuple[Array, float, float]:
    """The mean of the gradient at x, E||g - mean||**2 and E||g||**2, of a round."""
    g = gradients(problem, x, outcomes.samples)
    mean = outcomes.probabilities @ g
    variance = float(outcomes.probabilities @ dot(g - mean, g - mean)) / outcomes.averaged
    return mean, variance, variance + float(mean @ mean)


def _drawn(problem: Problem, x: Array, lanes: int, t: int = 3) -> Array:
    """The gradients at x that many seeds see in one round, (lanes, n)."""
    assert problem.samples is not None
    samples = problem.samples(np.array([t]), np.arange(lanes, dtype=np.uint64))[0]
    return gradients(problem, x, samples)


def _lanes(search: Search, most: int) -> int:
    """As many seeds as keep the gradients within memory."""
    problem = search.problem
    one = _drawn(problem, problem.start, 1)
    wanted = int(most / max(1.0, one.size**0.5)) * (4 if search.thorough else 1)
    return int(np.clip(wanted, 2000, FLOATS * 4 // one.size))


def _stochastic_points(search: Search) -> Array:
    points = search.points()
    return np.concatenate([search.special(), points[:: max(1, len(points) // 4)]])


def unbiased(search: Search) -> Iterator[Finding]:
    """The mean of the stochastic gradient is the exact one, and draws follow their law."""
    problem = search.problem
    if not (problem.stochastic and problem.has_objective):
        return
    outcomes = problem.outcomes() if problem.outcomes else None
    lanes = _lanes(search, 20_000)
    for x in _stochastic_points(search):
        exact = problem.objective_gradient(x[None])[0]
        if outcomes is not None:
            mean, _, second = _moments(problem, x, outcomes)
            off = float(length(mean - exact))
            if off > 1e-9 * np.sqrt(second) + 1e-300:
                sentence = f"the mean over all samples is off by {off:.3g} at {point_text(x)}"
                yield Finding("unbiased", "violated", sentence, measured=off, witness=(x,))
                return
        d = search.random.normal(size=x.size)
        deviation = (_drawn(problem, x, lanes) - exact) @ d
        limit = _mean_limit(problem, x, exact, d, deviation, outcomes)
        off = abs(float(deviation.mean()))
        if off > limit:
            sentence = (
                f"the mean of {lanes} draws is off by {off:.3g} at {point_text(x)}, more than "
                f"{limit:.3g} (error probability {ERROR:g})"
            )
            yield Finding("unbiased", "violated", sentence, measured=off, witness=(x,))
            return
    how = "over all samples exactly, and " if outcomes is not None else ""
    sentence = f"{how}of {lanes} draws, at error probability {ERROR:g}"
    yield Finding("unbiased", "holds", sentence)


def _mean_limit(
    problem: Problem,
    x: Array,
    exact: Array,
    d: Array,
    deviation: Array,
    outcomes: Outcomes | None,
) -> float:
    """How far the mean of the deviations may be from 0, at the error probability.

    With finitely many outcomes by Bernstein's inequality; else by the self-normalised sum:
    P(|sum| > s sqrt(sum of squares)) <= 2 exp(-s**2 / 2), exact for symmetric noise without any
    moment (Efron 1969), and in the limit for other noise.
    """
    weight = float(np.log(2 / ERROR))
    size = deviation.size
    if outcomes is None:
        floor = 1e-12 * float(length(exact) * length(d))
        return float(np.sqrt(2 * weight * (deviation @ deviation))) / size + floor
    every = (gradients(problem, x, outcomes.samples) - exact) @ d
    variance = float(outcomes.probabilities @ every**2) / outcomes.averaged
    largest = float(abs(every).max())
    limit = np.sqrt(2 * variance * weight / size) + largest * weight / (3 * size)
    return float(limit) + 1e-12 * float(length(exact) * length(d))


def variance(search: Search) -> Iterator[Finding]:
    """E||g - grad f||**2 <= sigma2 and E||g||**2 <= M + M_G ||grad f||**2, and both are reached."""
    problem = search.problem
    if not problem.stochastic:
        return
    if not problem.has_objective:
        yield from _second_moment(search)
        return
    outcomes = problem.outcomes() if problem.outcomes else None
    lanes = _lanes(search, 120_000)
    rows: list[tuple[Array, float, float, float, float]] = []
    if not {"sigma2", "M_G"} & set(problem.constants):
        return
    for x in _stochastic_points(search):
        exact = problem.objective_gradient(x[None])[0]
        square = float(exact @ exact)
        if outcomes is not None:
            _, variance, second = _moments(problem, x, outcomes)
            rows.append((x, variance, second, square, 0.0))
            continue
        noise = dot(*(2 * [_drawn(problem, x, lanes) - exact]))
        # Five and a half deviations and more: the sum of many squares is close to normal.
        error = 6.2 * float(noise.std(ddof=1)) / np.sqrt(lanes)
        rows.append((x, float(noise.mean()), float(noise.mean()) + square, square, error))
    for label in ("sigma2", "M_G"):
        if label not in problem.constants:
            continue
        constant, stated = problem.constants[label], problem.constant(label)
        if label == "sigma2":
            values = [(variance, error, x) for x, variance, _, _, error in rows]
            rounding = UNIT * max(second for *_, second, _, _ in rows)
        else:
            offset = problem.constant("M") if "M" in problem.constants else 0.0
            largest = max(square for *_, square, _ in rows)
            values = [
                ((second - offset) / square, error / square, x)
                for x, _, second, square, error in rows
                if square > 1e-12 * largest
            ]
            # M and the second moment nearly cancel where the exact gradient is small.
            rounding = UNIT * max(
                (second / square for *_, second, square, _ in rows if square > 1e-12 * largest),
                default=0.0,
            )
            # Where the exact gradient vanishes, M alone must hold the second moment.
            for x, _, second, square, error in rows:
                if square <= 1e-12 * largest and second - error > offset * (1 + STATED) + square:
                    sentence = f"E||g||**2 = {second:.9g} > M = {offset:.9g} at {point_text(x)}"
                    yield Finding("M", "violated", sentence, stated=offset, measured=second)
                    return
        if not values:
            yield Finding(label, "holds", "the exact gradient vanishes everywhere, and M holds")
            continue
        value, error, x = max(values, key=lambda row: row[0] - row[1])
        details: dict[str, Any] = {"stated": stated, "measured": value, "witness": (x,)}
        statement = (
            f"E||g - grad f||**2 <= {stated:.9g}"
            if label == "sigma2"
            else f"E||g||**2 <= M + {stated:.9g} ||grad f||**2"
        )
        share = (value + error) / stated if stated else 1.0
        if value - error > stated * (1 + STATED) + 1e-300 + rounding:
            sentence = f"{statement} is false: {value:.9g} at {point_text(x)}"
            yield Finding(label, "violated", sentence, **details)
        elif constant.known == "exact" and share < REACHED:
            sentence = f"{statement} is called exact, but {value:.9g} is all that was found"
            yield Finding(label, "inconclusive", sentence, **details)
        else:
            how = f"slack {value / stated:.3g}" if constant.known == "derived" else "reached"
            yield Finding(label, "holds", f"{statement}: {value:.9g}, {how}", **details)


def _second_moment(search: Search) -> Iterator[Finding]:
    """Without an objective, E||g||**2 <= M can be tested where M_G is 0."""
    problem = search.problem
    if "M" not in problem.constants or problem.constants["M_G"].value != 0:
        return
    stated, lanes = problem.constant("M"), _lanes(search, 120_000)
    found = []
    for x in _stochastic_points(search):
        square = dot(*(2 * [_drawn(problem, x, lanes)]))
        found.append((float(square.mean()), 6.2 * float(square.std()) / np.sqrt(lanes), x))
    value, error, x = max(found, key=lambda row: row[0] - row[1])
    details: dict[str, Any] = {"stated": stated, "measured": value, "witness": (x,)}
    if value - error > stated * (1 + STATED):
        sentence = f"E||g||**2 <= {stated:.9g} is false: {value:.9g} at {point_text(x)}"
        yield Finding("M", "violated", sentence, **details)
    elif problem.constants["M"].known == "exact" and value + error < REACHED * stated:
        sentence = f"E||g||**2 <= {stated:.9g}: {value:.9g} is all that was found"
        yield Finding("M", "inconclusive", sentence, **details)
    else:
        yield Finding("M", "holds", f"E||g||**2 <= {stated:.9g}: {value:.9g} found", **details)


def interpolation(search: Search) -> Iterator[Finding]:
    """Every single gradient vanishes at the minimiser."""
    problem = search.problem
    if "interpolation" not in problem.tags or "minimizer" not in problem.constants:
        return
    x = np.asarray(problem.constants["minimizer"].value, float)
    if problem.outcomes is not None:
        g = gradients(problem, x, problem.outcomes().samples)
        at_start = gradients(problem, problem.start, problem.outcomes().samples)
    else:
        chosen = single(problem, 200)
        g = np.concatenate([view.gradient(x[None]) for view in chosen])
        at_start = np.concatenate([view.gradient(problem.start[None]) for view in chosen])
    off, size = float(length(g).max()), float(length(at_start).max())
    if off > 1e-9 * size:
        sentence = f"a single loss has a gradient of norm {off:.3g} at the minimiser"
        yield Finding("interpolation", "violated", sentence, measured=off, witness=(x,))
    else:
        yield Finding("interpolation", "holds", "every single gradient vanishes at the minimiser")


def nonzeros(search: Search) -> Iterator[Finding]:
    """No gradient has more nonzero coordinates than stated."""
    problem = search.problem
    if "nonzeros" not in problem.constants:
        return
    stated, most, where = problem.constant("nonzeros"), 0, problem.start
    chosen = [*single(problem, 200), *steepest(search)]
    if problem.outcomes is not None:
        # A batch may show more than any one of its examples.
        chosen += [view_of(problem, f"f_{t}", lane_sample(problem, t)) for t in range(1, 101)]
    for view in chosen:
        x = search.points()[: 40 if search.thorough else 12]
        counts = np.count_nonzero(view.gradient(x), axis=-1)
        if counts.max() > most:
            most, where = int(counts.max()), x[int(counts.argmax())]
    details: dict[str, Any] = {"stated": stated, "measured": float(most), "witness": (where,)}
    if most > stated:
        sentence = (
            f"a gradient has {most} nonzero coordinates at {point_text(where)}, not {stated:g}"
        )
        yield Finding("nonzeros", "violated", sentence, **details)
    elif problem.constants["nonzeros"].known == "exact" and most < stated:
        yield Finding("nonzeros", "inconclusive", f"{most} is all that was found", **details)
    else:
        yield Finding("nonzeros", "holds", f"at most {most} of {problem.dimension}", **details)
