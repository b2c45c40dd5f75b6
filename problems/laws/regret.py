"""The best fixed point in hindsight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from problems.laws.finding import UNIT, Array, Finding, point_text
from problems.laws.minimum import minimized
from problems.laws.search import Search, lane_sample, view_of

__all__ = ["hindsight"]


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
