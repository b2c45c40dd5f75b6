"""Projections, and lanes that do not see each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from problems.laws.finding import Finding, point_text
from problems.laws.search import Search

__all__ = ["lanes", "projection"]


def projection(search: Search) -> Iterator[Finding]:
    """P(z) lies in the domain, P(P(z)) = P(z), and (z - P(z)).(x - P(z)) <= 0 for x in it."""
    problem, n = search.problem, search.problem.dimension
    domain, scale = problem.domain, search.scale()
    z = search.points()
    z = z + 3 * scale * search.random.normal(size=z.shape)
    weights = 10.0 ** search.random.uniform(-2, 2, n)
    for w in (None, weights):
        p = np.asarray(domain.project(z) if w is None else domain.project(z, w), float)
        if p.shape != z.shape:
            sentence = f"project returns shape {p.shape} for points of shape {z.shape}"
            yield Finding("projection", "violated", sentence)
            return
        outside = ~domain.contains(p, tolerance=1e-9 * scale)
        if outside.any():
            k = int(outside.argmax())
            sentence = f"the projection {point_text(p[k])} lies outside {domain}"
            yield Finding("projection", "violated", sentence, witness=(z[k],))
            return
        again = domain.project(p) if w is None else domain.project(p, w)
        other = search.points()
        other = other[search.random.integers(len(other), size=len(p))]
        angle = ((1.0 if w is None else w) * (z - p) * (other - p)).sum(-1)
        moved = abs(again - p).max(axis=-1)
        wrong = (angle > 1e-8 * (1 + abs(z).max()) ** 2 * weights.max()) | (moved > 1e-9 * scale)
        if wrong.any():
            k = int(wrong.argmax())
            sentence = f"the projection of {point_text(z[k])} is not the nearest point"
            yield Finding("projection", "violated", sentence, witness=(z[k],))
            return
    yield Finding("projection", "holds", f"onto {domain}, plain and weighted")


def lanes(search: Search) -> Iterator[Finding]:
    """A lane gives the same bits alone and among others, a round alone and among others."""
    problem = search.problem
    points, seeds = search.points()[:4], np.array([5, 0, 17, 2], np.uint64)[: len(search.points())]
    for t in (1, 2, 1010):
        together: Any = None
        if problem.samples is not None:
            block = problem.samples(np.arange(t, t + 3), seeds)
            together = problem.samples(np.array([t]), seeds)[0]
            if not np.array_equal(block[0], together):
                sentence = f"the sample of round {t} depends on the rounds drawn with it"
                yield Finding("lanes", "violated", sentence)
                return
        losses, g = problem.loss(points, together), problem.gradient(points, together)
        for lane, seed in enumerate(seeds):
            alone = together
            if problem.samples is not None:
                alone = problem.samples(np.array([t]), np.array([seed]))[0]
            x = points[lane : lane + 1]
            same = np.array_equal(problem.loss(x, alone)[0], losses[lane], equal_nan=True)
            if not same or not np.array_equal(problem.gradient(x, alone)[0], g[lane], True):
                sentence = f"lane {lane} gives other bits alone than among {len(points)}"
                yield Finding("lanes", "violated", sentence, witness=(points[lane],))
                return
    yield Finding("lanes", "holds", "the same bits alone and among others")
