"""The gradient is the derivative of the loss, and has the kinks that are claimed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems.laws.finding import UNIT, Finding, Word, point_text
from problems.laws.search import Search, dot, jumps, length, single, views

__all__ = ["gradient_is_derivative", "kinks"]


def gradient_is_derivative(search: Search) -> Iterator[Finding]:
    """The gradient is the derivative of the loss, by differences of fourth order.

    Along a unit vector d, for the step h that suits the point best. With kinks, g.d may lie
    anywhere between the one-sided slopes.
    """
    problem = search.problem
    kinks = "non-smooth" in problem.tags
    chosen = single(problem, 40 if search.thorough else 6)
    if problem.objective_formula is not None:
        chosen = [*chosen, *views(problem, "judged")]
    tested, worst, witness = 0, 0.0, (problem.start, "f", 0.0, 0.0)
    for view in chosen:
        x = search.points()
        d = search.random.normal(size=x.shape)
        d /= length(d)[:, None]
        slope = dot(view.gradient(x), d)
        size = length(view.gradient(x))
        error = np.full(len(x), np.inf)
        usable = np.zeros(len(x), bool)
        nearest = np.zeros(len(x))
        for exponent in range(1, 7):
            h = 10.0**-exponent * (1 + abs(x).max(axis=-1))
            with np.errstate(all="ignore"):
                values = [view.loss(x + (k * h)[:, None] * d) for k in (-2, -1, 0, 1, 2)]
                a, b, here, c, e = values
                central = (8 * (c - b) - (e - a)) / (12 * h)
                rounding = 4 * UNIT * (np.max(np.abs(values), axis=0) + view.loss_size) / h
                off = abs(central - slope)
                if kinks:
                    left, right = (here - b) / h, (c - here) / h
                    between = (np.minimum(left, right) <= slope) & (
                        slope <= np.maximum(left, right)
                    )
                    off = np.where(between & (abs(right - left) > 1e-5 * size), 0.0, off)
                relative = np.nan_to_num((off - rounding) / size, nan=np.inf)
            # Where rounding hides an error of 1e-5 of the gradient, nothing can be said.
            fine = rounding <= 1e-5 * size
            closer = fine & (relative < error)
            error, nearest = np.where(closer, relative, error), np.where(closer, central, nearest)
            usable |= fine
        tested += int(usable.sum())
        error = np.where(usable, error, -np.inf)
        k = int(error.argmax())
        if usable.any() and error[k] > worst:
            worst = float(error[k])
            witness = (x[k], view.name, float(slope[k]), float(nearest[k]))
    point, name, claimed, true = witness
    if worst > 1e-7:
        sentence = (
            f"g.d = {claimed:.9g} but the slope of {name} along d is {true:.9g}, "
            f"at {point_text(point)}"
        )
        yield Finding("gradient", "violated", sentence, measured=worst, witness=(point,))
    elif tested:
        sentence = f"the derivative of the loss at {tested} points, to {max(worst, 1e-12):.0e}"
        yield Finding("gradient", "holds", sentence, measured=worst)
    else:
        # A constant loss has the gradient 0; anything else was compared somewhere.
        flat = all((view.gradient(search.points()) == 0).all() for view in chosen)
        word: Word = "holds" if flat else "inconclusive"
        yield Finding("gradient", word, "no point where rounding lets differences be compared")


def kinks(search: Search) -> Iterator[Finding]:
    """A smooth loss has no jump in its gradient; a non-smooth one shows one."""
    label = next((t for t in ("smooth", "non-smooth") if t in search.problem.tags), None)
    if label is None:
        return
    largest, found = 0.0, (search.problem.start, "f")
    for view in single(search.problem, 12):
        x = search.points()
        y = x[search.random.permutation(len(x))]
        if len(x) > 1:
            # Through each special point as well: a kink may sit exactly there.
            special = search.special()
            other = search.points()[: len(special)]
            x = np.concatenate([x, special + (special - other)])
            y = np.concatenate([y, other])
            x = search.project(x)
        low, high = jumps(view, x, y)
        # Halved again and again, the change of a continuous gradient tends to zero.
        for _ in range(2):
            low, high = jumps(view, low, high)
        jump = length(view.gradient(high) - view.gradient(low))
        share = jump / (length(view.gradient(high)) + length(view.gradient(low)) + 1e-300)
        share = np.where(jump > 1e-9 * view.gradient_size, share, 0.0)
        k = int(np.nan_to_num(share).argmax())
        if share[k] > largest:
            largest, found = float(share[k]), (low[k], view.name)
    point, name = found
    if largest > 1e-6:
        sentence = f"the gradient of {name} jumps at {point_text(point)}"
        word: Word = "violated" if label == "smooth" else "holds"
        yield Finding(label, word, sentence, witness=(point,))
    elif label == "smooth":
        yield Finding(label, "holds", "no jump of the gradient found")
    else:
        yield Finding(label, "inconclusive", "no kink was found")
