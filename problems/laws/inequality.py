"""Labels that are inequalities: a quotient of two points stays on one side of a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from problems.laws.finding import REACHED, STATED, UNIT, Array, Finding, point_text
from problems.laws.search import Search, View, dot, length, singular_values, steepest, views
from problems.problem import Problem

__all__ = ["INEQUALITIES", "Inequality", "inequalities", "opposites"]


@dataclass(frozen=True)
class Inequality:
    """A quotient that must stay on one side of a stated number.

    Attributes:
        label: The letter or tag that states it.
        statement: In words, with {} for the stated number.
        which: Of which functions, as in `views`.
        upper: Whether the stated number bounds it from above.
        quotient: (problem, view, x, y) -> the quotient and a bound on its rounding, each (k,).
            Where it is not defined it is NaN.
        near: Whether y should also be near x, so that the quotient is a derivative.
        more: Gives more pairs to look at: (search, view) -> x and y, each (k, n).
    """

    label: str
    statement: str
    which: Literal["judged", "single"]
    upper: bool
    quotient: Callable[[Problem, View, Array, Array], tuple[Array, Array]]
    near: bool = False
    more: Callable[[Search, View], tuple[Array, Array]] | None = None

    def stated(self, problem: Problem) -> float:
        """The number that the problem states; 0 for a tag."""
        return problem.constant(self.label) if self.label in problem.constants else 0.0

    def excess(self, problem: Problem, view: View, x: Array, y: Array) -> Array:
        """By how much the inequality is broken beyond rounding, (k,); at most 0 if it is not."""
        value, rounding = self.quotient(problem, view, x, y)
        return self._beyond(problem, value, rounding)

    def _beyond(self, problem: Problem, value: Array, rounding: Array) -> Array:
        stated = self.stated(problem)
        over = (value - stated if self.upper else stated - value) - STATED * abs(stated)
        return np.nan_to_num(over - rounding, nan=-np.inf, posinf=np.inf)


def _differences(view: View, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """The change of the gradient, the step and a bound on the rounding of the change."""
    before, after = view.gradient(x), view.gradient(y)
    step = y - x
    rounding = view.slope_rounding(x, before) + view.slope_rounding(y, after)
    return after - before, step, rounding


def _quotient(top: Array, bottom: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _smoothness(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    change, step, rounding = _differences(view, x, y)
    return _quotient(length(change), length(step)), _quotient(rounding, length(step))


def _spectral_smoothness(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    change, step, rounding = _differences(view, x, y)
    values = np.concatenate(singular_values(problem, change), axis=-1)
    # Of so many singular values; the other norm is that of the largest.
    spectral = np.max([each[:, 0] for each in singular_values(problem, step)], axis=0)
    share = np.sqrt(values.shape[-1])
    return _quotient(values.sum(axis=-1), spectral), _quotient(share * rounding, spectral)


def _strong_convexity(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    change, step, rounding = _differences(view, x, y)
    return _quotient(dot(change, step), dot(step, step)), _quotient(rounding, length(step))


def _above_tangent(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    before, after = view.loss(x), view.loss(y)
    if view.differenced:
        # A difference across a kink is no subgradient beside it: look at chords instead.
        gap = (before + after) / 2 - view.loss((x + y) / 2)
        return gap, UNIT * (abs(before) + abs(after) + view.loss_size)
    slope, step = view.gradient(x), y - x
    gap = after - before - dot(slope, step)
    # Rounding in forming x and y counts as well: as much as moving them by a unit.
    moved = (abs(slope) * (abs(x) + abs(y))).sum(-1)
    size = abs(before) + abs(after) + view.loss_size + moved
    return gap, UNIT * size


def _gradient_norm(order: float) -> Callable[..., tuple[Array, Array]]:
    def norm(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
        slope = view.gradient(x)
        return np.asarray(np.linalg.norm(slope, order, axis=-1)), view.slope_rounding(x, slope)

    return norm


def _lowest(problem: Problem) -> float:
    stated = problem.constants["minimum"]
    return float(stated.value) + stated.tolerance


def _polyak(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    value, slope = view.loss(x), view.gradient(x)
    gap, square = value - _lowest(problem), dot(slope, slope)
    rounding = UNIT * (abs(value) + view.loss_size)
    # Where the gap is lost in rounding, the quotient says nothing.
    quotient = np.where(gap > 1e6 * rounding, _quotient(square, 2 * gap), np.nan)
    moved = _quotient(2 * view.slope_rounding(x, slope), length(slope))
    return quotient, abs(quotient) * (_quotient(rounding, gap) + moved)


def _star(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    value, slope = view.loss(x), view.gradient(x)
    step = x - np.asarray(problem.constants["minimizer"].value, float)
    gap = dot(slope, step) - (value - float(problem.constants["minimum"].value))
    size = abs(value) + abs(slope * step).sum(-1) + view.loss_size
    rounding = UNIT * size + view.slope_rounding(x, slope) * length(step)
    return gap, rounding + problem.constants["minimum"].tolerance


def _value(problem: Problem, view: View, x: Array, y: Array) -> tuple[Array, Array]:
    value = view.loss(x)
    return value, problem.constants["minimum"].tolerance + UNIT * (abs(value) + view.loss_size)


#: Every label that is an inequality. Of a tag the stated number is 0.
INEQUALITIES: dict[str, Inequality] = {
    law.label: law
    for law in (
        Inequality(
            "L", "||g(x) - g(y)|| / ||x - y|| <= {}", "judged", True, _smoothness, near=True
        ),
        Inequality(
            "L_max",
            "||g(x) - g(y)|| / ||x - y|| <= {} for every single loss",
            "single",
            True,
            _smoothness,
            near=True,
        ),
        Inequality(
            "L_spectral",
            "||g(x) - g(y)||_nuc / ||x - y||_spec <= {}",
            "judged",
            True,
            _spectral_smoothness,
            near=True,
            more=Search.spectral_pairs,
        ),
        Inequality(
            "mu",
            "(g(x) - g(y)).(x - y) / ||x - y||**2 >= {}",
            "judged",
            False,
            _strong_convexity,
            near=True,
        ),
        Inequality(
            "mu_min",
            "(g(x) - g(y)).(x - y) / ||x - y||**2 >= {} for every single loss",
            "single",
            False,
            _strong_convexity,
            near=True,
        ),
        Inequality("mu_pl", "||g(x)||**2 / (2 (f(x) - f*)) >= {}", "judged", False, _polyak),
        Inequality("G", "||g(x)||_2 <= {}", "single", True, _gradient_norm(2)),
        Inequality("G_inf", "||g(x)||_inf <= {}", "single", True, _gradient_norm(np.inf)),
        Inequality("minimum", "f(x) >= {}", "judged", False, _value),
        Inequality(
            "convex", "f(y) - f(x) - g(x).(y - x) >= 0", "single", False, _above_tangent, near=True
        ),
        Inequality(
            "convex-on-average",
            "f(y) - f(x) - g(x).(y - x) >= 0",
            "judged",
            False,
            _above_tangent,
            near=True,
        ),
        Inequality("star-convex", "g(x).(x - x*) - (f(x) - f*) >= 0", "judged", False, _star),
    )
}


def _climb(
    search: Search, law: Inequality, view: View, x: Array, y: Array
) -> tuple[Array, Array, Array, Array]:
    """Move the worst pairs towards worse values; returns x, y, the quotient and its rounding."""
    problem, sign = search.problem, 1.0 if law.upper else -1.0

    def evaluate(x: Array, y: Array) -> tuple[Array, Array, Array]:
        with np.errstate(all="ignore"):
            value, rounding = law.quotient(problem, view, x, y)
        # What exceeds its own rounding counts; a wild value beside a kink of 1e-9 does not.
        score = np.nan_to_num(sign * value - rounding, nan=-np.inf, posinf=-np.inf)
        return score, value, rounding

    score, value, rounding = evaluate(x, y)
    worst = np.argsort(-score, kind="stable")[: 40 if search.thorough else 8]
    x, y, score = x[worst], y[worst], score[worst]
    value, rounding = value[worst], rounding[worst]
    reach = np.full((len(x), 1), search.scale())
    for _ in range(search.rounds):
        ahead = search.project(x + reach * search.random.normal(size=x.shape))
        gap = y - x
        wobble = length(gap)[:, None] / np.sqrt(x.shape[1])
        turned = gap + 0.5 * wobble * search.random.normal(size=x.shape)
        beyond = search.project(ahead + turned) if law.near else ahead
        new = evaluate(ahead, beyond)
        better = new[0] > score
        x, y = np.where(better[:, None], ahead, x), np.where(better[:, None], beyond, y)
        score, value, rounding = (
            np.where(better, after, before)
            for after, before in zip(new, (score, value, rounding), strict=True)
        )
        reach = np.where(better[:, None], 1.5 * reach, 0.8 * reach)
    return x, y, value, rounding


def _worst(search: Search, law: Inequality) -> tuple[float, float, View, tuple[Array, ...]]:
    """The excess, the quotient, the function and the points, where the law is broken most."""
    problem = search.problem
    found: list[tuple[float, float, View, tuple[Array, ...]]] = []
    chosen = views(problem, law.which, 40 if search.thorough else 6)
    if law.label in ("G", "G_inf"):
        chosen = [*chosen, *steepest(search)]
    for view in chosen:
        x, y = search.pairs(view, law.near)
        if law.more is not None:
            x, y = (np.concatenate(two) for two in zip((x, y), law.more(search, view), strict=True))
        x, y, value, rounding = _climb(search, law, view, x, y)
        excess = law._beyond(problem, value, rounding)
        score = np.nan_to_num(value if law.upper else -value, nan=-np.inf)
        k = int(np.argmax(np.where(excess.max() > 0, excess, score)))
        points = (x[k], y[k]) if law.near else (x[k],)
        found.append((float(excess[k]), float(value[k]), view, points))
    if any(one[0] > 0 for one in found):
        return max(found, key=lambda one: one[0])
    sign = 1 if law.upper else -1
    return max(found, key=lambda one: np.nan_to_num(sign * one[1], nan=-np.inf))


def inequalities(search: Search) -> Iterator[Finding]:
    """Every inequality that the problem states."""
    problem = search.problem
    for label, law in INEQUALITIES.items():
        needed = {"minimum": {"minimum"}, "mu_pl": {"minimum"}}.get(label, set())
        needed |= {"minimum", "minimizer"} if label == "star-convex" else set()
        stated = label in problem.constants or label in problem.tags
        if (
            label in search.labels
            and stated
            and needed <= set(problem.constants)
            and (not needed or problem.has_objective)
        ):
            # A label is found or missed whichever others are looked at.
            yield _inequality(search.anew(), law)


def _inequality(search: Search, law: Inequality) -> Finding:
    problem, stated = search.problem, law.stated(search.problem)
    excess, value, view, points = _worst(search, law)
    at = " and ".join(point_text(p) for p in points)
    number = stated if law.label in problem.constants else None
    details: dict[str, Any] = {"stated": number, "measured": value, "witness": points}
    statement = law.statement.format(f"{stated:.9g}")
    if excess > 0:
        sentence = f"{statement} is false: {value:.9g} at {at}, {view.name}"
        return Finding(law.label, "violated", sentence, **details)
    if not np.isfinite(value):
        sentence = f"{statement} could not be evaluated at any point"
        return Finding(law.label, "inconclusive", sentence)
    if number is None:
        return Finding(law.label, "holds", f"{statement}: least found {value:.3g}", **details)
    constant = problem.constants[law.label]
    if law.label == "minimum":
        return Finding(law.label, "holds", f"{statement}: least found {value:.9g}", **details)
    # A quotient and its bound; for a bound of 0 there is nothing to reach.
    share = (value / stated if law.upper else stated / value) if stated else 1.0
    if constant.known == "derived":
        sentence = f"{statement}: {value:.9g} found, slack {share:.3g}"
        return Finding(law.label, "holds", sentence, **details, slack=share)
    if share < REACHED:
        sentence = f"{statement} is called {constant.known}, but {value:.9g} is all that was found"
        return Finding(law.label, "inconclusive", sentence, **details)
    return Finding(law.label, "holds", f"{statement}: reached at {at}", **details, slack=share)


def opposites(search: Search) -> Iterator[Finding]:
    """What is called not convex shows a point below a tangent; else the tag is not confirmed."""
    problem = search.problem
    below_by: dict[str, Literal["judged", "single"]] = {
        "non-convex": "judged",
        "convex-on-average": "single",
    }
    for label, which in below_by.items():
        if label not in problem.tags:
            continue
        below = Inequality(label, "", which, False, _above_tangent, near=True)
        excess, value, view, points = _worst(search.anew(), below)
        pair = " and ".join(map(point_text, points))
        if excess > 0:
            sentence = f"{view.name} lies {-value:.3g} below its tangent, {pair}"
            yield Finding(label, "holds", sentence, measured=value, witness=points)
        else:
            sentence = f"no tangent that {'f' if which == 'judged' else 'a loss'} crosses was found"
            yield Finding(label, "inconclusive", sentence, measured=value)
