"""Pictures of one- and two-dimensional problems in plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from problems import Problem, Simplex

__all__ = ["judged_function", "sketch", "window"]

_WIDTH, _HEIGHT = 61, 13
_SHADES = " .:-=+*#%@"
_ROUNDS = 3030


def judged_function(
    problem: Problem,
) -> tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], str]:
    """The function to draw, and what it is.

    The objective, or where the losses change from round to round their mean over many rounds.
    """
    if problem.has_objective:
        return problem.objective, "f(x)"
    assert problem.samples is not None
    samples = problem.samples(np.arange(1, _ROUNDS + 1), np.zeros(1, np.uint64))

    def mean_loss(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.mean([problem.loss(x, sample) for sample in samples], axis=0))

    return mean_loss, f"mean of f_1..f_{_ROUNDS}"


def window(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends, by coordinate, of a region worth drawing.

    A bounded domain; else around the start and the minimiser.
    """
    n = problem.dimension
    if problem.domain.bounded:
        half = problem.domain.diameter("linf", n) / 2
        corners = [problem.domain.project(np.full(n, far)) for far in (-1e30, 1e30)]
        middle = np.mean(corners, axis=0)
        return middle - half, middle + half
    points = [problem.start]
    if "minimizer" in problem.constants:
        points.append(np.asarray(problem.constants["minimizer"].value, float))
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    margin = 0.4 * max(float((high - low).max()), 1.0)
    return low - margin, high + margin


def sketch(problem: Problem) -> tuple[str, ...]:
    """A picture in text: S marks the start, * the minimiser.

    Returns:
        Lines; none for more than two dimensions, or on a simplex, which has no interior.
    """
    if problem.dimension > 2 or isinstance(problem.domain, Simplex):
        return ()
    function, name = judged_function(problem)
    low, high = window(problem)
    marks = [("S", problem.start)]
    if "minimizer" in problem.constants:
        marks.append(("*", np.asarray(problem.constants["minimizer"].value, float)))
    columns = np.linspace(low[0], high[0], _WIDTH)
    grid = np.full((_HEIGHT, _WIDTH), " ")
    if problem.dimension == 1:
        values = function(columns[:, None])
        bottom, top = float(values.min()), float(values.max())
        scale = (_HEIGHT - 1) / (top - bottom if top > bottom else 1.0)
        rows = np.rint((top - values) * scale).astype(int)
        grid[rows, np.arange(_WIDTH)] = "."
        for mark, point in marks:
            column = int(np.abs(columns - point[0]).argmin())
            grid[rows[column], column] = mark
        ends = f"x from {low[0]:.4g} to {high[0]:.4g}, {name} from {bottom:.4g} to {top:.4g}"
    else:
        heights = np.linspace(high[1], low[1], _HEIGHT)
        points = np.stack(np.meshgrid(columns, heights), axis=-1)
        values = np.log1p(function(points) - function(points).min())
        shades = (values / values.max() * (len(_SHADES) - 1)).astype(int)
        grid = np.array(list(_SHADES))[shades]
        for mark, point in marks:
            row = int(np.abs(heights - point[1]).argmin())
            grid[row, int(np.abs(columns - point[0]).argmin())] = mark
        ends = (
            f"x_1 from {low[0]:.4g} to {high[0]:.4g}, x_2 from {low[1]:.4g} to {high[1]:.4g}; "
            f"darker is larger (log of {name})"
        )
    return (*("".join(row).rstrip() for row in grid), ends)
