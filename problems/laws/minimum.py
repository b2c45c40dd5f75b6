"""The minimum, the minimiser and other stationary points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import minimize

from problems.domain import Ball, Box, Simplex
from problems.laws.finding import UNIT, Array, Finding, point_text
from problems.laws.search import Search, directions, length, step_at, telling_directions, views
from problems.problem import Problem, Stationary

__all__ = ["minimized", "minimizer", "minimum", "stationary"]


def _bounds(problem: Problem) -> dict[str, Any]:
    """The domain, in the words of scipy."""
    domain, n = problem.domain, problem.dimension
    if not domain.bounded:
        return {"method": "L-BFGS-B", "options": {"maxiter": 500, "ftol": 1e-15}}
    if isinstance(domain, Box):
        return {"method": "L-BFGS-B", "bounds": [(domain.low, domain.high)] * n}
    if isinstance(domain, Ball):
        inside = {
            "type": "ineq",
            "fun": lambda x: domain.radius**2 - x @ x,
            "jac": lambda x: -2 * x,
        }
        return {"method": "SLSQP", "constraints": [inside]}
    if isinstance(domain, Simplex):
        total = {"type": "eq", "fun": lambda x: x.sum() - 1, "jac": np.ones_like}
        return {"method": "SLSQP", "constraints": [total], "bounds": [(0, 1)] * n}
    return {"method": "Nelder-Mead"}


def minimized(search: Search, loss: Any, gradient: Any, starts: Array) -> tuple[float, Array]:
    """The least value in the domain that scipy finds from several starts."""
    best, where = np.inf, starts[0]
    options = _bounds(search.problem)
    for x in starts:
        jac = None if options["method"] == "Nelder-Mead" else gradient
        with np.errstate(all="ignore"):
            end = minimize(lambda p: float(loss(p)), x, jac=jac, **options).x
        if not np.isfinite(end).all():
            continue
        end = search.project(end[None])[0]
        value = float(loss(end))
        if value < best:
            best, where = value, end
    return best, where


def minimum(search: Search) -> Iterator[Finding]:
    """The minimum is attained at the minimiser, and no minimiser of scipy beats it."""
    problem = search.problem
    if "minimum" not in problem.constants or not problem.has_objective:
        return
    stated = problem.constants["minimum"]
    lowest = float(stated.value)
    points = search.points()
    wanted = (20 if problem.dimension <= 10 else 5) * (10 if search.thorough else 1)
    starts = points[:: max(1, len(points) // wanted)]
    best, where = minimized(
        search,
        lambda x: problem.objective(x[None])[0],
        lambda x: problem.objective_gradient(x[None])[0],
        starts,
    )
    size = float(abs(problem.objective(problem.start[None]))[0])
    allowed = stated.tolerance + UNIT * (abs(lowest) + size)
    details: dict[str, Any] = {"stated": lowest, "measured": best, "witness": (where,)}
    if best < lowest - allowed:
        sentence = f"f = {best:.12g} < {lowest:.12g} at {point_text(where)}"
        yield Finding("minimum", "violated", sentence, **details)
        return
    sentence = f"{len(starts)} descents end at {best:.12g} or above"
    yield Finding("minimum", "holds", sentence, **details)
    if "minimizer" not in problem.constants:
        return
    point = np.asarray(problem.constants["minimizer"].value, float)
    value = float(problem.objective(point[None])[0])
    if abs(value - lowest) > allowed:
        sentence = f"f = {value:.12g} at the stated minimiser, not {lowest:.12g}"
        yield Finding("minimum", "violated", sentence, stated=lowest, measured=value)
    else:
        sentence = f"f = {value:.12g} at the minimiser"
        yield Finding("minimum", "holds", sentence, stated=lowest, measured=value)


def minimizer(search: Search) -> Iterator[Finding]:
    """The minimiser lies in the domain, and no step from it descends."""
    problem = search.problem
    if "minimizer" not in problem.constants or not problem.has_objective:
        return
    stated = problem.constants["minimizer"]
    point = np.asarray(stated.value, float)
    if point.shape != (problem.dimension,):
        sentence = f"shape {point.shape} must be ({problem.dimension},)"
        yield Finding("minimizer", "violated", sentence)
        return
    if not problem.domain.contains(point, tolerance=1e-9):
        sentence = f"{point_text(point)} lies outside {problem.domain}"
        yield Finding("minimizer", "violated", sentence, witness=(point,))
        return
    value = float(problem.objective(point[None])[0])
    if "smooth" in problem.tags or "L" in problem.constants:
        g = problem.objective_gradient(point[None])[0]
        # To first order, f cannot fall along the projected gradient step.
        moved = search.project((point - g)[None])[0] - point
        bent = _bend(problem, point)
        allowed = (bent + 1) * (stated.tolerance + UNIT * (1 + abs(point).max()))
        allowed += UNIT * float(length(problem.objective_gradient(problem.start[None]))[0])
        if float(length(moved)) > 8 * allowed:
            sentence = (
                f"the projected gradient at {point_text(point)} is {float(length(moved)):.3g}"
            )
            yield Finding("minimizer", "violated", sentence, witness=(point,))
            return
    if "minimum" in problem.constants:
        lowest = problem.constants["minimum"]
        size = abs(value) + float(abs(problem.objective(problem.start[None]))[0])
        if value > float(lowest.value) + lowest.tolerance + UNIT * size:
            sentence = f"f = {value:.12g} at {point_text(point)} is no minimum"
            yield Finding("minimizer", "violated", sentence, witness=(point,))
            return
    near = search.project(point + step_at(point[None]) * directions(search, point.size))
    around = problem.objective(near)
    allowed = problem.constants["minimum"].tolerance if "minimum" in problem.constants else 0.0
    allowed += UNIT * (abs(value) + float(abs(problem.objective(problem.start[None]))[0]))
    k = int(around.argmin())
    if around[k] < value - allowed:
        sentence = (
            f"f falls from {value:.12g} to {around[k]:.12g} beside it, at {point_text(near[k])}"
        )
        yield Finding("minimizer", "violated", sentence, witness=(near[k],))
    else:
        yield Finding("minimizer", "holds", "stationary, and no lower value beside it")


def _bend(problem: Problem, point: Array) -> float:
    """A rough size of the Hessian at a point."""
    step = 1e-5 * (1 + abs(point).max())
    d = np.full(point.size, 1 / np.sqrt(point.size))
    pair = problem.objective_gradient(np.stack([point + step * d, point - step * d]))
    return float(length(pair[0] - pair[1])) / (2 * step) * np.sqrt(point.size)


def stationary(search: Search) -> Iterator[Finding]:
    """What is stated of each stationary point."""
    for stated in search.problem.stationary:
        yield _stationary_point(search, stated)


def _stationary_point(search: Search, stated: Stationary) -> Finding:
    """The gradient vanishes there, f behaves as the kind says, and the curvature is as stated."""
    problem, n = search.problem, search.problem.dimension
    point = np.asarray(stated.point, float)
    name = f"{stated.kind} {point_text(point)}"
    g = problem.objective_gradient(point[None])[0]
    bent = _bend(problem, point)
    allowed = 8 * (bent + 1) * (stated.tolerance + UNIT * (1 + abs(point).max()))
    allowed += UNIT * float(length(problem.objective_gradient(problem.start[None]))[0])
    if float(length(g)) > allowed:
        sentence = f"the gradient at {point_text(point)} is {float(length(g)):.3g}"
        return Finding("stationary", "violated", sentence, witness=(point,))
    value = float(problem.objective(point[None])[0])
    size = float(abs(problem.objective(problem.start[None]))[0])
    if stated.kind == "minimum" and "minimum" in problem.constants:
        lowest = problem.constants["minimum"]
        off = abs(value - float(lowest.value))
        # A rounded point lies above the minimum by its error squared times the curvature.
        if off > lowest.tolerance + UNIT * (abs(value) + size) + bent * n * stated.tolerance**2:
            sentence = f"f = {value:.12g} at the minimum {point_text(point)}"
            return Finding("stationary", "violated", sentence, witness=(point,))
    falls = rises = False
    for radius in (1e-1, 1e-2, 1e-3):
        d = directions(search, n)
        if n > 1:
            # Every sign pattern of a few coordinates: a saddle may fall along few directions.
            pairs = np.sign(search.random.normal(size=(256, n)))
            d = np.concatenate([d, pairs / length(pairs)[:, None]])
        d = np.concatenate(
            [d, *(side * v[None] for v in _judged_directions(problem, point) for side in (1, -1))]
        )
        around = problem.objective(search.project(point + radius * (1 + abs(point).max()) * d))
        noise = UNIT * (abs(value) + size) + bent * n * stated.tolerance
        falls |= bool((around < value - noise).any()) and radius < 1e-1
        rises |= bool((around > value + noise).any())
    expected = {
        "minimum": not falls,
        "local minimum": not falls,
        "maximum": not rises,
        "saddle": falls and rises,
    }
    if not expected[stated.kind]:
        sentence = f"{name}: f {'falls' if falls else 'does not fall'} beside it"
        return Finding("stationary", "violated", sentence, witness=(point,))
    if stated.curvature is not None:
        step = 1e-4 * (1 + abs(point).max())
        offsets = step * np.eye(n)
        hessian = problem.objective_gradient(point + offsets)
        hessian = (hessian - problem.objective_gradient(point - offsets)) / (2 * step)
        found = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        if not np.allclose(found, stated.curvature, rtol=1e-5, atol=1e-5 * abs(found).max()):
            sentence = f"{name}: the Hessian has the eigenvalues {point_text(found)}"
            return Finding("stationary", "violated", sentence, witness=(point,))
    return Finding("stationary", "holds", name)


def _judged_directions(problem: Problem, point: Array) -> list[Array]:
    (view,) = views(problem, "judged")
    return telling_directions(view, point, 1e-4 * float(1 + abs(point).max()))
