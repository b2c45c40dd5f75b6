"""The gradient is the derivative of the loss, and has the kinks that are claimed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems.laws.finding import UNIT, Array, Finding, Word, point_text
from problems.laws.search import Search, View, dot, jumps, length, single, steepest, views

__all__ = ["SLOPE", "gradient_is_derivative", "kinks", "slope_errors"]

#: The largest relative error of a slope.
SLOPE = 1e-7


def gradient_is_derivative(search: Search) -> Iterator[Finding]:
    """The gradient is the derivative of the loss, by differences of fourth order.

    Along a unit vector d, for the step h that suits the point best. With kinks, g.d may lie
    anywhere between the one-sided slopes.
    """
    problem = search.problem
    if problem.by_differences:
        sentence = "taken by differences of the loss: there is nothing to compare"
        yield Finding("gradient", "inconclusive", sentence)
        return
    kinks = "non-smooth" in problem.tags
    chosen = [*single(problem, 40 if search.thorough else 6), *steepest(search)]
    if problem.objective_formula is not None:
        chosen = [*chosen, *views(problem, "judged")]
    tested, worst, witness = 0, 0.0, (problem.start, "f", 0.0, 0.0)
    for view in chosen:
        x = search.points()
        d = search.random.normal(size=x.shape)
        d /= length(d)[:, None]
        errors, slope, nearby = slope_errors(view, x, d, kinks)
        tested += int(np.isfinite(errors).sum())
        error = np.nan_to_num(errors, nan=-np.inf)
        k = int(error.argmax())
        if error[k] > worst:
            worst = float(error[k])
            witness = (x[k], view.name, float(slope[k]), float(nearby[k]))
    point, name, claimed, true = witness
    if worst > SLOPE:
        sentence = (
            f"g.d = {claimed:.9g} but the slope of {name} along d is {true:.9g}, "
            f"at {point_text(point)}"
        )
        yield Finding("gradient", "violated", sentence, measured=worst, witness=(point,))
    elif tested:
        sentence = f"the derivative of the loss at {tested} points, to {max(worst, 1e-12):.0e}"
        yield Finding("gradient", "holds", sentence, measured=worst)
    else:
        yield Finding("gradient", "inconclusive", "rounding hides the differences everywhere")


def slope_errors(view: View, x: Array, d: Array, kinked: bool) -> tuple[Array, Array, Array]:
    """How far g.d is from the slope of the loss along unit vectors d, relative to the gradient.

    Args:
        view: The function.
        x: Points, (k, n).
        d: Unit vectors, (k, n).
        kinked: Whether, at a kink, anything between the one-sided slopes is right.

    Returns:
        The errors beyond the uncertainty of the difference, NaN where that is too uncertain to
        say anything; the claimed slopes; those found. Each (k,).
    """
    slope, size = dot(view.gradient(x), d), length(view.gradient(x))
    nearby, uncertain = _difference(view, x, d, slope if kinked else None)
    # Where the difference is not known to 1e-5 of the gradient, nothing can be said.
    scale = np.maximum(size, abs(nearby))
    off = np.maximum(abs(nearby - slope) - uncertain, 0.0)
    with np.errstate(all="ignore"):
        error = np.where(off > 0, off / scale, 0.0)
    return np.where(uncertain <= 1e-5 * scale, error, np.nan), slope, nearby


def _difference(view: View, x: Array, d: Array, between: Array | None) -> tuple[Array, Array]:
    """The slope of the loss at x along d, and how uncertain it is, each (k,).

    Of steps a tenth of each other, the one whose result agrees best with the next. A claimed
    slope between the one-sided slopes of a kink is taken as it is.
    """
    slopes, rounding = [], []
    kink = np.zeros(len(x), bool)
    for exponent in range(1, 8):
        h = 10.0**-exponent * (1 + abs(x).max(axis=-1))
        values = [view.loss(x + (k * h)[:, None] * d) for k in (-2, -1, 0, 1, 2)]
        slopes.append((8 * (values[3] - values[1]) - (values[4] - values[0])) / (12 * h))
        rounding.append(4 * UNIT * (np.max(np.abs(values), axis=0) + view.loss_size) / h)
        if between is not None:
            left, right = (values[2] - values[1]) / h, (values[3] - values[2]) / h
            # Curvature also parts the one-sided slopes, but less and less with the step.
            gap = abs(right - left) > 1e-3 * (abs(right) + abs(left)) + 4 * rounding[-1]
            gap &= exponent >= 5
            low, high = np.minimum(left, right), np.maximum(left, right)
            kink |= gap & (low - rounding[-1] <= between) & (between <= high + rounding[-1])
    errors = [
        np.nan_to_num(abs(one - next_) + noise, nan=np.inf)
        for one, next_, noise in zip(slopes, slopes[1:], rounding[1:], strict=False)
    ]
    best = np.argmin(errors, axis=0)[None]
    slope = np.take_along_axis(np.array(slopes[:-1]), best, 0)[0]
    uncertain = np.take_along_axis(np.array(errors), best, 0)[0]
    if between is not None:
        slope, uncertain = np.where(kink, between, slope), np.where(kink, 0.0, uncertain)
    return np.nan_to_num(slope), uncertain


def kinks(search: Search) -> Iterator[Finding]:
    """A smooth loss has no jump in its gradient; a non-smooth one shows one."""
    label = next((t for t in ("smooth", "non-smooth") if t in search.problem.tags), None)
    if label is None:
        return
    if search.problem.by_differences:
        yield Finding(label, "inconclusive", "differences in the place of a gradient hide kinks")
        return
    largest, found = 0.0, (search.problem.start, "f")
    for view in single(search.problem, 12):
        x = search.points()
        y = x[search.random.permutation(len(x))]
        # Also through each special point and through the origin, where kinks like to sit.
        special = search.special()
        other = search.points()[: len(special)]
        x = search.project(np.concatenate([x, 2 * special - other, x]))
        y = search.project(np.concatenate([y, other, -x[: len(y)]]))
        if search.problem.dimension > 64:
            x, y = x[::6], y[::6]
        low, high = jumps(view, x, y)
        # Halved again and again, the change of a continuous gradient tends to zero.
        for _ in range(2):
            low, high = jumps(view, low, high)
        # A little wider: a pole is no number itself, but jumps from one side to the other.
        wide = 8 * (high - low)
        low, high = search.project(low - wide), search.project(high + wide)
        jump = length(view.gradient(high) - view.gradient(low))
        share = jump / (length(view.gradient(high)) + length(view.gradient(low)) + 1e-300)
        # What is too large for a number says nothing of a jump.
        # The gradient of a sample may be 0 at the start: its size elsewhere counts too.
        size = np.nanmedian(length(view.gradient(x)))
        enough = jump > 1e-9 * np.fmax(view.gradient_size, size)
        share = np.where(enough & np.isfinite(share), share, 0.0)
        k = int(share.argmax())
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
