"""What makes expectations known exactly: the law of a draw, and gradients that are affine in x."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from problems.laws.finding import ERROR, UNIT, Array, Finding, point_text
from problems.laws.search import FLOATS, Search, dot, gradients, length, views
from problems.problem import Outcomes, Problem

__all__ = ["affine", "noise_variance", "outcomes"]

# Draws looked at in each of so many rounds, and the first ones of a batch.
_LANES, _ROUNDS, _OF_A_BATCH = 20_000, 3, 2
# How many deviations a mean of noise and of its squares may be off: both are close to normal.
_DEVIATIONS = 6.2


def outcomes(search: Search) -> Iterator[Finding]:
    """Draws have the probabilities of the outcomes, and successive ones are independent."""
    problem = search.problem
    if not (problem.stochastic and problem.outcomes):
        return
    lanes = _LANES * (4 if search.thorough else 1)
    false = _false_outcomes(problem, problem.outcomes(), lanes)
    how = f"draws have these probabilities, at error probability {ERROR:g}"
    yield Finding("outcomes", "violated" if false else "holds", false or how)


def _false_outcomes(problem: Problem, known: Outcomes, lanes: int) -> str:
    """What is wrong with the outcomes that a problem lists, in a sentence, or ""."""
    total = float(known.probabilities.sum())
    if (known.probabilities < 0).any() or abs(total - 1) > UNIT * known.probabilities.size:
        return f"the probabilities sum to {total:.9g}, or one is negative"
    if known.averaged > 1 and not _averages(problem, known):
        return f"the gradient of a round is not the mean over {known.averaged} draws"
    found = _places(problem, known, lanes)
    if found is None:
        return "a draw is none of the outcomes"
    places, p = found
    lanes, columns = places.shape
    counts = np.stack([np.bincount(column, minlength=p.size) for column in places.T])
    # Each outcome by itself, and all up to it: what is wrong by little for many adds up.
    looks = [
        ("an outcome", counts / lanes, p),
        ("the first outcomes", counts.cumsum(axis=-1) / lanes, np.minimum(p.cumsum(), 1.0)),
    ]
    if not problem.dependent_draws and columns > 1:
        pairs = [*pairwise(range(columns)), (0, columns - 1)]
        same = np.array([(places[:, a] == places[:, b]).mean() for a, b in pairs])
        looks.append(("a repetition", same, np.full(same.size, p @ p)))
    weight = np.log(2 * sum(share.size for _, share, _ in looks) / ERROR)
    for what, share, chance in looks:
        # Bernstein's inequality, for events of a known probability.
        limit = np.sqrt(2 * chance * (1 - chance) * weight / lanes) + weight / (3 * lanes)
        beyond = (abs(share - chance) - limit).reshape(-1)
        if beyond.max() > 0:
            worst = int(beyond.argmax())
            stated = np.broadcast_to(chance, share.shape).reshape(-1)[worst]
            return (
                f"{what} has the share {share.reshape(-1)[worst]:.6g} of {lanes} draws, and the "
                f"probability {stated:.6g} is stated (error probability {ERROR:g})"
            )
    return ""


def _averages(problem: Problem, known: Outcomes) -> bool:
    """Whether the gradients of batches are the means over their members."""
    assert problem.samples is not None
    drawn = problem.samples(np.array([1]), np.arange(4, dtype=np.uint64))[0]
    each = drawn.reshape(-1, 1, *drawn.shape[2:])
    x = problem.start + 1.0
    members = gradients(problem, x, each).reshape(*drawn.shape[:2], x.size)
    off = abs(gradients(problem, x, drawn) - members.mean(axis=1)).max()
    return drawn.shape[1] == known.averaged and bool(off <= 1e-9 * abs(members).max())


def _places(problem: Problem, known: Outcomes, lanes: int) -> tuple[NDArray[np.intp], Array] | None:
    """Which outcome each draw is, (lanes, columns), and the probability of each that differs.

    None if a draw is not listed. A column is a round, or a place in the batch of a round.
    """
    assert problem.samples is not None
    one = known.samples.shape[1:]
    batch = min(known.averaged, _OF_A_BATCH)
    width = int(np.prod(one, dtype=int))
    lanes = int(np.clip(FLOATS // (known.averaged * width), 2_000, lanes))
    drawn = problem.samples(np.arange(1, _ROUNDS + 1), np.arange(lanes, dtype=np.uint64))
    if known.averaged > 1:
        # (rounds, lanes, batch, ...): each a batch of one.
        drawn = drawn[:, :, :batch, None].swapaxes(1, 2).reshape(-1, lanes, *one)
    rows = np.concatenate([known.samples, drawn.reshape(-1, *one)]).reshape(-1, width)
    # Numbers are sorted sooner than rows of one number.
    flat = rows[:, 0] if rows.shape[1] == 1 else rows
    place = np.unique(flat, axis=0, return_inverse=True)[1].reshape(-1)
    listed, seen = place[: len(known.samples)], place[len(known.samples) :]
    if not np.isin(seen, listed).all():
        return None
    probabilities = np.zeros(place.max() + 1)
    np.add.at(probabilities, listed, known.probabilities)
    return seen.reshape(-1, lanes).T, probabilities


def affine(search: Search) -> Iterator[Finding]:
    """Every gradient is affine in x; of linear losses it is the same everywhere."""
    problem = search.problem
    if problem.affine:
        yield _affine(search.anew(), "affine")
    if "linear" in problem.tags:
        yield _affine(search.anew(), "linear")


def _affine(search: Search, label: str) -> Finding:
    problem = search.problem
    chosen = views(problem, "single")
    chosen += views(problem, "judged") if problem.has_objective else []
    for view in chosen:
        x = search.points()
        y = x[search.random.permutation(len(x))]
        share = search.random.uniform(size=(len(x), 1))
        z = x + share * (y - x)
        g, h, between = (view.gradient(point) for point in (x, y, z))
        off = length(between - (g if label == "linear" else g + share * (h - g)))
        rounding = (view.slope_rounding(*pair) for pair in ((x, g), (y, h), (z, between)))
        # Points are rounded too, which counts by the slope of the gradient.
        moved = length(h - g) * (1 + length(z) / np.maximum(length(y - x), 1e-300))
        beyond = off - 4 * sum(rounding) - UNIT * moved
        if beyond.max() > 0:
            k = int(beyond.argmax())
            kind = "the same" if label == "linear" else "affine"
            sentence = (
                f"the gradient of {view.name} is not {kind} between {point_text(x[k])} and "
                f"{point_text(y[k])}: off by {off[k]:.3g}"
            )
            return Finding(
                label, "violated", sentence, measured=float(off[k]), witness=(x[k], y[k])
            )
    return Finding(label, "holds", f"between points looked at, of {len(chosen)} losses")


def noise_variance(search: Search) -> Iterator[Finding]:
    """Noise is the same at every point, of this covariance, and of other rounds independent."""
    problem, stated = search.problem, search.problem.noise_variance
    if stated is None:
        return
    found = _noise(search)
    if isinstance(found, str):
        yield Finding("noise_variance", "violated", found)
        return
    first, second = found
    n = problem.dimension
    directions = np.concatenate([np.eye(n)[:8], search.random.normal(size=(8, n)) / np.sqrt(n)])
    looks = [("the mean square of a coordinate", dot(first, first) / n, stated)]
    for direction in directions:
        along, later = first @ direction, second @ direction
        variance = stated * float(direction @ direction)
        looks += [
            ("the mean along a direction", along, 0.0),
            ("the mean square along a direction", along**2, variance),
            ("the mean product of successive rounds", along * later, 0.0),
        ]
    for what, values, expected in looks:
        limit = _DEVIATIONS * float(values.std(ddof=1)) / np.sqrt(len(values))
        measured = float(values.mean())
        if abs(measured - expected) > limit + UNIT * expected:
            sentence = f"{what} of the noise is {measured:.6g}, and not {expected:.6g}"
            yield Finding("noise_variance", "violated", sentence, stated, measured)
            return
    yield Finding("noise_variance", "holds", f"of {len(first)} draws", stated)


def _noise(search: Search) -> tuple[Array, Array] | str:
    """The noise of two successive rounds, each (lanes, n), or what is wrong with it."""
    problem = search.problem
    if problem.samples is None or not problem.stochastic or not problem.has_objective:
        return "there is no noise, or no exact gradient to which it is added"
    lanes = int(np.clip(FLOATS // (4 * problem.dimension), 1_000, 6 * _LANES))
    drawn = problem.samples(np.array([1, 2]), np.arange(lanes, dtype=np.uint64))
    here, there = search.points()[[0, -1]]
    exact = [problem.objective_gradient(point) for point in (here, there)]
    first, second = (gradients(problem, here, each) - exact[0] for each in drawn)
    elsewhere = gradients(problem, there, drawn[0]) - exact[1]
    off = length(first - elsewhere)
    size = length(first) + max(length(g) for g in exact)
    if (off > 8 * UNIT * size).any():
        return f"the noise of a draw differs by {float(off.max()):.3g} between two points"
    return first, second
