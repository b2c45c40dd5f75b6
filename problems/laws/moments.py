"""The laws of draws by which expectations are known exactly: outcomes, and gradients affine in x."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems.laws.finding import ERROR, UNIT, Array, Finding, point_text
from problems.laws.search import FLOATS, Search, dot, gradients, length, views
from problems.problem import Outcomes, Problem

__all__ = ["affine", "noise_variance", "outcomes"]

# Draws looked at in each of so many rounds, and the first ones of a batch.
_LANES, _ROUNDS, _OF_A_BATCH = 20_000, 3, 2
# How many deviations a mean of squares may be off: as `variance`, which is close to normal.
_DEVIATIONS = 6.2


def outcomes(search: Search) -> Iterator[Finding]:
    """Draws have the probabilities of the outcomes, and successive ones are independent."""
    problem = search.problem
    if not (problem.stochastic and problem.outcomes):
        return
    known = problem.outcomes()
    total = float(known.probabilities.sum())
    if (known.probabilities < 0).any() or abs(total - 1) > UNIT * known.probabilities.size:
        sentence = f"the probabilities of the outcomes sum to {total:.9g}, or one is negative"
        yield Finding("outcomes", "violated", sentence, measured=total)
        return
    found = _places(problem, known, _LANES * (4 if search.thorough else 1))
    if found is None:
        yield Finding("outcomes", "violated", "a draw is none of the outcomes")
        return
    places, probabilities = found
    lanes, columns = places.shape
    ways = np.arange(probabilities.size)
    counts = np.stack([np.bincount(column, minlength=ways.size) for column in places.T])
    # Each outcome by itself, and all up to it: what is wrong by little for many adds up.
    seen = [counts / lanes, counts.cumsum(axis=-1) / lanes]
    true = [np.broadcast_to(p, counts.shape) for p in (probabilities, probabilities.cumsum())]
    if not problem.dependent_draws and columns > 1:
        pairs = [*pairwise(range(columns)), (0, columns - 1)]
        seen.append(np.array([(places[:, a] == places[:, b]).mean() for a, b in pairs])[None])
        true.append(np.full((1, len(pairs)), float(probabilities @ probabilities)))
    for what, share, p in zip(("outcome", "first outcomes", "repetition"), seen, true, strict=False):
        p = np.minimum(p, 1.0)
        weight = np.log(2 * sum(each.size for each in seen) / ERROR)
        # Bernstein's inequality, for events of a known probability.
        limit = np.sqrt(2 * p * (1 - p) * weight / lanes) + weight / (3 * lanes)
        if (abs(share - p) > limit).any():
            worst = np.unravel_index(int((abs(share - p) - limit).argmax()), p.shape)
            measured, stated = float(share[worst]), float(p[worst])
            sentence = (
                f"{what}: a share of {measured:.6g} of {lanes} draws, where {stated:.6g} is stated "
                f"(error probability {ERROR:g})"
            )
            yield Finding("outcomes", "violated", sentence, stated=stated, measured=measured)
            return
    sentence = f"{lanes} draws have these probabilities, at error probability {ERROR:g}"
    yield Finding("outcomes", "holds", sentence)


def _places(
    problem: Problem, known: Outcomes, lanes: int
) -> tuple[NDArray[np.intp], Array] | None:
    """Which outcome each draw is, (lanes, columns), and the probability of each that differs.

    None if a draw is not listed. A column is a round, or a place in the batch of a round.
    """
    assert problem.samples is not None
    one = np.asarray(known.samples[:1])
    batch = min(known.averaged, _OF_A_BATCH)
    lanes = int(np.clip(FLOATS // (known.averaged * max(1, one.size)), 2_000, lanes))
    drawn = problem.samples(np.arange(1, _ROUNDS + 1), np.arange(lanes, dtype=np.uint64))
    if known.averaged > 1:
        # (rounds, lanes, batch, ...): each a batch of one.
        drawn = np.moveaxis(drawn[:, :, :batch, None], 2, 1).reshape(-1, lanes, *one.shape[1:])
    rows = np.concatenate([known.samples, drawn.reshape(-1, *one.shape[1:])])
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    # Numbers are sorted sooner than rows of one number.
    numbers = flat.shape[1] == 1
    _, place = np.unique(flat[:, 0] if numbers else flat, axis=None if numbers else 0, return_inverse=True)
    place = place.reshape(-1)
    listed = len(known.samples)
    probabilities = np.bincount(place[:listed], known.probabilities, place.max() + 1)
    if not np.isin(place[listed:], place[:listed]).all():
        return None
    return place[listed:].reshape(-1, lanes).T, probabilities


def affine(search: Search) -> Iterator[Finding]:
    """Every gradient is affine in x; of linear losses it is the same everywhere."""
    problem = search.problem
    labels = [
        label
        for label, stated in (("affine", problem.affine), ("linear", "linear" in problem.tags))
        if stated
    ]
    for label in labels:
        yield _affine(search.anew(), label)


def _affine(search: Search, label: str) -> Finding:
    problem = search.problem
    chosen = views(problem, "single")
    chosen += views(problem, "judged") if problem.has_objective else []
    for view in chosen:
        x = search.points()
        y = x[search.random.permutation(len(x))]
        share = search.random.uniform(size=(len(x), 1))
        z = x + share * (y - x)
        g, h, between = view.gradient(x), view.gradient(y), view.gradient(z)
        expected = g if label == "linear" else g + share * (h - g)
        off = length(between - expected)
        allowed = 4 * sum(view.slope_rounding(*pair) for pair in ((x, g), (y, h), (z, between)))
        # Rounding of x and y counts as well, by the slope of the gradient between them.
        allowed = allowed + UNIT * length(h - g) * (1 + length(z) / (1e-300 + length(y - x)))
        bad = off > allowed
        if bad.any():
            k = int((off - allowed).argmax())
            kind = "the same everywhere" if label == "linear" else "affine"
            sentence = f"the gradient of {view.name} is not {kind}: off by {off[k]:.3g} between "
            sentence += f"{point_text(x[k])} and {point_text(y[k])}"
            return Finding(label, "violated", sentence, measured=float(off[k]), witness=(x[k], y[k]))
    sentence = f"between any two points looked at, for {len(chosen)} losses"
    return Finding(label, "holds", sentence)


def noise_variance(search: Search) -> Iterator[Finding]:
    """The noise is the same at every point, of the stated covariance and independent of the past."""
    problem = search.problem
    if problem.noise_variance is None:
        return
    label, stated = "noise_variance", problem.noise_variance
    found = _noise(search)
    if isinstance(found, str):
        yield Finding(label, "violated", found)
        return
    first, second = found
    n = problem.dimension
    axes = np.eye(n)[:8]
    directions = np.concatenate([axes, search.random.normal(size=(8, n)) / np.sqrt(n)])
    along, later = first @ directions.T, second @ directions.T
    squares = dot(directions, directions)
    looks: list[tuple[str, Array, float]] = [
        ("the mean square of a coordinate", dot(first, first) / n, stated)
    ]
    for k, square in enumerate(squares):
        looks.append(("the variance along a direction", along[:, k] ** 2, stated * square))
        looks.append(("the covariance of successive rounds", along[:, k] * later[:, k], 0.0))
    for what, values, expected in looks:
        limit = _DEVIATIONS * float(values.std(ddof=1)) / np.sqrt(len(values))
        measured = float(values.mean())
        if abs(measured - expected) > limit + UNIT * abs(expected):
            sentence = f"{what} of the noise is {measured:.6g}, and {expected:.6g} is stated"
            yield Finding(label, "violated", sentence, stated=stated, measured=measured)
            return
    yield Finding(label, "holds", f"of {len(first)} draws", stated=stated)


def _noise(search: Search) -> tuple[Array, Array] | str:
    """The noise of two successive rounds, each (lanes, n), or what is wrong with it."""
    problem = search.problem
    if problem.samples is None or not problem.stochastic or not problem.has_objective:
        return "there is no noise, or no exact gradient to add it to"
    lanes = int(np.clip(FLOATS // problem.dimension, 2_000, 6 * _LANES))
    seeds = np.arange(lanes, dtype=np.uint64)
    points: Any = search.points()[[0, -1]]
    drawn = [problem.samples(np.array([t]), seeds)[0] for t in (1, 2)]
    noise = [gradients(problem, points[0], each) - problem.objective_gradient(points[0])
             for each in drawn]
    elsewhere = gradients(problem, points[1], drawn[0]) - problem.objective_gradient(points[1])
    sizes = [length(problem.objective_gradient(point)) for point in points]
    off = length(noise[0] - elsewhere)
    if (off > 8 * UNIT * (length(noise[0]) + max(sizes))).any():
        return f"the noise of a draw differs by {float(off.max()):.3g} between two points"
    return noise[0], noise[1]
