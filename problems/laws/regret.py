"""The best fixed point in hindsight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from problems.laws.finding import UNIT, Array, Finding, point_text
from problems.laws.minimum import minimized
from problems.laws.search import Search, lane_sample, view_of

__all__ = ["best_over_periods", "hindsight"]

# Longest period that is looked for.
_PERIOD = 2000


def hindsight(search: Search) -> Iterator[Finding]:
    """The comparator's sum is attained, and not beaten, at every horizon tried."""
    problem = search.problem
    if problem.hindsight_formula is None:
        return
    longest = (250 if problem.dimension == 1 else 60) * (4 if search.thorough else 1)
    horizons = np.unique(np.concatenate([np.arange(1, 8), np.geomspace(8, longest, 6).astype(int)]))
    for seed in (0, 3) if problem.stochastic else (0,):
        stated = problem.hindsight(horizons, (seed,))[0]
        for T, value in zip(horizons.tolist(), stated.tolist(), strict=True):
            finding = _horizon(search, seed, T, value)
            if finding is not None:
                yield finding
                return
    sentence = f"attained and not beaten at {horizons.size} horizons up to {horizons[-1]}"
    yield Finding("hindsight", "holds", sentence)


def best_over_periods(search: Search) -> Iterator[Finding]:
    """The stated minimiser of losses that repeat is the best fixed point over whole periods.

    Of losses that interpolate it is the best over any number of rounds.
    """
    problem = search.problem
    stated = problem.constants.get("minimizer")
    if stated is None or problem.has_objective or problem.samples is None:
        return
    rounds = np.arange(1, 2 * _PERIOD + 1)
    samples = problem.samples(rounds, np.zeros(1, np.uint64))
    if "interpolation" in problem.tags:
        horizons = np.array([1, 2, 5, 20, 100])
    elif problem.stochastic:
        yield Finding("minimizer", "inconclusive", "the losses are drawn and have no objective")
        return
    else:
        # What comes before the first period, such as rounds without a loss, is left aside.
        tail = samples[_PERIOD:]
        periods = (p for p in range(1, _PERIOD) if (tail[p:] == tail[:-p]).all())
        period = next(periods, None)
        if period is None:
            sentence = f"no period of at most {_PERIOD} rounds was found"
            yield Finding("minimizer", "inconclusive", sentence)
            return
        unlike = np.flatnonzero(samples[period:] != samples[:-period])
        lead = int(unlike[-1]) + 1 if unlike.size else 0
        horizons = lead + np.array([period, 2 * period])
    x = np.asarray(stated.value, float)
    if not problem.domain.contains(x, tolerance=1e-9):
        sentence = f"{point_text(x)} lies outside {problem.domain}"
        yield Finding("minimizer", "violated", sentence, witness=(x,))
        return
    drawn = samples[:, 0] if problem.stochastic else samples
    lanes = np.broadcast_to(x, (rounds.size, x.size))
    losses = problem.loss(lanes, drawn)
    total, size = losses.cumsum(), abs(losses).cumsum()
    starts = abs(problem.loss(np.broadcast_to(problem.start, lanes.shape), drawn)).cumsum()
    least = problem.hindsight(horizons)[0]
    for T, best in zip(horizons.tolist(), least.tolist(), strict=True):
        value = float(total[T - 1])
        # Moving the point by its tolerance costs at most so much for each round.
        moved = stated.tolerance * T * (1 + problem.dimension)
        if value > best + UNIT * T * (size[T - 1] + starts[T - 1] + abs(best)) + moved:
            sentence = f"T = {T}: {value:.12g} at {point_text(x)}, but {best:.12g} is possible"
            yield Finding("minimizer", "violated", sentence, witness=(x,))
            return
    sentence = f"the best fixed point over {' and '.join(map(str, horizons[:2]))} rounds"
    yield Finding("minimizer", "holds", sentence)


def _horizon(search: Search, seed: int, T: int, stated: float) -> Finding | None:
    problem = search.problem
    shown = [view_of(problem, f"f_{t}", lane_sample(problem, t, seed)) for t in range(1, T + 1)]

    def total(x: Array) -> Array:
        return np.asarray(sum(view.loss(x) for view in shown))

    def slope(x: Array) -> Array:
        return np.asarray(sum(view.gradient(x[None])[0] for view in shown))

    special = search.special()
    size = float(sum(abs(view.loss(special)).max() for view in shown))
    if problem.dimension == 1:
        low, high = search.special().min() - 5, search.special().max() + 5
        # A grid, then finer ones around its best point.
        for _ in range(4):
            grid = search.project(np.linspace(low, high, 401)[:, None])
            values = total(grid)
            where, best = grid[int(values.argmin())], float(values.min())
            low, high = where[0] - (high - low) / 200, where[0] + (high - low) / 200
        ends = search.project(np.array([[low], [high]]))
        apart = max(float(abs(slope(end))[0]) for end in ends) * (high - low)
    else:
        starts = np.concatenate([search.special(), search.points()[-2:]])
        best, where = minimized(search, lambda x: total(x[None])[0], slope, starts)
        apart = 1e-6 * (1 + size)
    size += float(sum(abs(view.loss(where[None]))[0] for view in shown))
    allowed = UNIT * T * (size + abs(stated)) + 1e-9 * abs(stated)
    details: dict[str, Any] = {"stated": stated, "measured": best, "witness": (where,)}
    if best < stated - allowed:
        sentence = f"T = {T}: {best:.12g} < {stated:.12g} at {point_text(where)}"
        return Finding("hindsight", "violated", sentence, **details)
    if best > stated + allowed + apart:
        sentence = f"T = {T}: no point attains {stated:.12g}; the least found is {best:.12g}"
        return Finding("hindsight", "violated", sentence, **details)
    return None
