"""The exact worst case of a method over a class of functions, beside what a claim allows.

python benchmarks/worst_cases.py    writes docs/worst-cases.md

A semidefinite program ("performance estimation") finds the largest figure that any function of a
class can give after a few rounds; PEPit writes it down, and Clarabel solves it. The method is the
rule of the catalogue, called on symbols in the place of numbers, and the bound is the claim's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PEPit import PEP, Expression, Point
from PEPit.functions import (
    ConvexFunction,
    ConvexIndicatorFunction,
    ConvexLipschitzFunction,
    SmoothConvexFunction,
    SmoothFunction,
    SmoothStronglyConvexFunction,
    SmoothStronglyConvexQuadraticFunction,
    StronglyConvexFunction,
)
from PEPit.primitive_steps import proximal_step

from convergence.claims import find
from convergence.rule import Rule, Update
from convergence.rules import find as find_rule

PAGE = Path(__file__).parent.parent / "docs" / "worst-cases.md"
#: A claim is called tight where the worst case is the bound to so much.
TIGHT = 1e-4
#: How much a worst case may pass a bound by the tolerance of the solver.
SOLVER = 1e-5

Sizes = Callable[[int], float]


@dataclass
class Run:
    """What a symbolic run leaves behind: T rounds, and the point after them.

    Attributes:
        points: x_1, ..., x_{T+1}.
        gradients, values: Where the gradients of rounds 1..T were taken.
    """

    points: list[Any] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


def _update(rule: Rule, g: Any, state: Sequence[Any], given: Mapping[str, Any]) -> Update:
    """One step of the rule's own function; it takes also the state that its settings leave idle."""
    function = rule.entry.function
    asked = inspect.signature(function).parameters
    inputs = {name: value for name, value in given.items() if name in asked}
    names = rule.entry.facts["state"]
    settings = {name: value for name, value in rule.settings.items() if name != "maximize"}
    result = function(g, **dict(zip(names, state, strict=True)), **inputs, **settings)
    return result if isinstance(result, Update) else Update(*result)


def play(
    specification: str,
    size: Sizes,
    T: int,
    start: Any,
    oracle: Callable[[Any, int], tuple[Any, Any]],
    project: Callable[[Any], Any] = lambda x: x,
) -> Run:
    """T rounds of a rule of the catalogue on symbols."""
    rule = find_rule(specification)
    # A vector of zeros is a symbol too.
    first = (
        value(rule.settings) if callable(value) else value
        for value in rule.entry.facts["state"].values()
    )
    state = [0.0 * start if value == 0 else value for value in first]
    x = query = start
    run = Run([start])
    for t in range(1, T + 1):
        g, value = oracle(query, t)
        run.gradients.append(g)
        run.values.append(value)
        given = {"x": x, "query_point": query, "t": t, "step_size": size(t), "next_x": x}
        direction = _update(rule, g, state, given).direction
        x = project(x - (direction if rule.returns_displacement else size(t) * direction))
        # The next query is a formula in the next iterate, which is known only now.
        update = _update(rule, g, state, {**given, "next_x": x})
        query = x if update.query is None else update.query
        state = list(update.state)
        run.points.append(x)
    return run


def mean(items: list[Any], weights: list[float] | None = None) -> Any:
    """The mean of symbols."""
    weights = weights or [1.0] * len(items)
    total = 0.0 * items[0]
    for item, weight in zip(items, weights, strict=True):
        total = total + weight / sum(weights) * item
    return total


# Figures that claims bound


def figures(problem: Any, measure: str, run: Run, f: Any, least: Any, best: Any) -> Any:
    """Hand the figure to the program; returns what turns its value into the measure."""
    T = len(run.gradients)
    if measure == "suboptimality":
        problem.set_performance_metric(f(run.points[-1]) - least)
    elif measure == "suboptimality_average":
        problem.set_performance_metric(f(mean(run.points[:-1])) - least)
    elif measure == "suboptimality_weighted":
        weights = [float(t) for t in range(1, T + 1)]
        problem.set_performance_metric(f(mean(run.points[:-1], weights)) - least)
    elif measure == "suboptimality_best":
        # The least of several figures.
        for value in run.values:
            problem.set_performance_metric(value - least)
    elif measure == "stationarity_least":
        for g in run.gradients:
            problem.set_performance_metric(g**2)
        return np.sqrt
    elif measure == "stationarity_gap":
        problem.set_performance_metric(f.gradient(run.points[-1]) ** 2)
        return np.sqrt
    elif measure == "gradient_mean_square":
        problem.set_performance_metric(mean([g**2 for g in run.gradients]))
    elif measure in ("distance", "distance_square"):
        problem.set_performance_metric((run.points[-1] - best) ** 2)
        return np.sqrt if measure == "distance" else float
    else:
        raise ValueError(measure)
    return float


def value_of(problem: Any) -> float:
    # SCS, which cvxpy takes by default, stops at values well below the true ones.
    how = {"wrapper": "cvxpy", "solver": "CLARABEL", "verbose": 0}
    # A hundredth of what is asked for; closer than that some programs cannot be solved everywhere.
    near = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), SOLVER / 100)
    return float(problem.solve(**how, **near))


# Classes of functions: each is a function of (measure, rule, size, T) that gives the worst case


Solver = Callable[[str, str, Sizes, int], float]


def projection(domain: Any) -> Callable[[Any], Any]:
    """Onto the domain of an indicator function; without one, the point itself."""
    return (lambda x: x) if domain is None else (lambda x: proximal_step(x, domain, 1)[0])


def one_function(kind: Any, start: str, domain: float | None = None, **facts: float) -> Solver:
    """One function with a minimiser, from a start with a bounded distance or gap.

    Args:
        kind: A class of PEPit.
        start: What is at most 1 there: "R0", "D0", "both" for D0 + mu/2 R0**2, or "any" for none.
        domain: Its diameter, if the iterates are projected.
        facts: Parameters of the class, and `gradient`: a bound on the gradients that are shown.
    """
    shown = facts.pop("gradient", None)

    def solve(measure: str, rule: str, size: Sizes, T: int) -> float:
        problem = PEP()
        f = problem.declare_function(kind, **facts)
        whole = f
        box = None
        begin = problem.set_initial_point()
        if domain is not None:
            box = problem.declare_function(ConvexIndicatorFunction, D=domain)
            whole = f + box
            box.oracle(begin)
        project = projection(box)
        best = whole.stationary_point()
        least = f(best)

        def oracle(x: Any, t: int) -> tuple[Any, Any]:
            g, value = f.oracle(x)
            if shown is not None:
                problem.add_constraint(g**2 <= shown**2)
            return g, value

        if start == "R0":
            problem.set_initial_condition((begin - best) ** 2 <= 1)
        elif start == "D0":
            problem.set_initial_condition(f(begin) - least <= 1)
        elif start == "both":
            gap = f(begin) - least + facts["mu"] / 2 * (begin - best) ** 2
            problem.set_initial_condition(gap <= 1)
        run = play(rule, size, T, begin, oracle, project)
        turn = figures(problem, measure, run, f, least, best)
        return float(turn(value_of(problem)))

    return solve


def bounded_below(L: float, mu_pl: float = 0.0, gradient: float | None = None) -> Solver:
    """L-smooth functions with values of at least f*, from f(x_1) - f* <= 1.

    Some of them agrees with the values and gradients seen iff, besides smoothness between any two
    points, every value is at least f* + ||g||**2/(2L). The Polyak-Lojasiewicz inequality is asked
    for at the points seen: the worst case can only be larger for that.
    """

    def solve(measure: str, rule: str, size: Sizes, T: int) -> float:
        problem = PEP()
        f = problem.declare_function(SmoothFunction, L=L)
        begin, least = problem.set_initial_point(), Expression()
        problem.set_initial_condition(f(begin) - least <= 1)
        run = play(rule, size, T, begin, lambda x, t: f.oracle(x))
        f.oracle(run.points[-1])
        turn = figures(problem, measure, run, f, least, None)
        for _, g, value in list(f.list_of_points):
            problem.add_constraint(value - least >= g**2 / (2 * L))
            if gradient is not None:
                problem.add_constraint(g**2 <= gradient**2)
            if mu_pl:
                problem.add_constraint(g**2 >= 2 * mu_pl * (value - least))
        return float(turn(value_of(problem)))

    return solve


def losses(G: float, D: float | None = None, mu: float = 0.0) -> Solver:
    """Another loss each round, with gradients of at most G where they are taken: the regret."""

    def solve(measure: str, rule: str, size: Sizes, T: int) -> float:
        problem = PEP()
        begin, best, domain = problem.set_initial_point(), Point(), None
        if D is not None:
            domain = problem.declare_function(ConvexIndicatorFunction, D=D)
            domain.oracle(begin)
            domain.oracle(best)
        project = projection(domain)
        regret = Expression(is_leaf=False, decomposition_dict={})

        def oracle(x: Any, t: int) -> tuple[Any, Any]:
            nonlocal regret
            facts = {"mu": mu} if mu else {}
            f = problem.declare_function(StronglyConvexFunction if mu else ConvexFunction, **facts)
            g, value = f.oracle(x)
            problem.add_constraint(g**2 <= G**2)
            regret = regret + value - f(best)
            return g, value

        play(rule, size, T, begin, oracle, project)
        problem.set_performance_metric(regret)
        return value_of(problem)

    return solve


# What is compared


@dataclass(frozen=True)
class Family:
    """A class of functions: in words, its worst case, and the letters that it gives to a bound."""

    words: str
    solver: Solver
    letters: Mapping[str, float]


@dataclass(frozen=True)
class Steps:
    """The step size of round t of T."""

    words: str
    size: Callable[[int, int], float]


def constant(alpha: float) -> Steps:
    return Steps(f"alpha = {alpha:.4g}", lambda t, T: alpha)


@dataclass(frozen=True)
class Comparison:
    """A claim beside the worst case of the functions that it speaks of.

    Attributes:
        claim: Its key.
        family: The functions.
        rule: The rule's specification.
        steps: Its step sizes.
        horizons: The T that are solved.
        tight: Whether worst case and bound are said to be the same.
    """

    claim: str
    family: Family
    rule: str
    steps: Steps
    horizons: tuple[int, ...]
    tight: bool = False


@dataclass(frozen=True)
class Row:
    """A comparison at one T."""

    comparison: Comparison
    T: int
    worst: float
    bound: float

    @property
    def ratio(self) -> float:
        return self.worst / self.bound


def compare(comparison: Comparison, T: int) -> Row:
    """Solve, and ask the claim for its bound."""
    claim = find(comparison.claim)

    def size(t: int) -> float:
        return comparison.steps.size(t, T)

    worst = comparison.family.solver(claim.measure, comparison.rule, size, T)
    sizes = [size(t) for t in range(1, T + 1)]
    settings = find_rule(comparison.rule).settings
    known = {
        "alpha": sizes[0],
        "alpha_T": sizes[-1],
        "alpha_sum": sum(sizes),
        "alpha_square_sum": sum(size**2 for size in sizes),
        "horizon": float(T),
        **{name: settings[name] for name in ("beta1", "rounds") if name in settings},
        **comparison.family.letters,
    }
    letters = {name: np.float64(known[name]) for name in claim.letters}
    bound = claim.entry.function(np.array([float(T)]), **letters, **claim.settings)
    return Row(comparison, T, worst, float(np.broadcast_to(bound, 1)[0]))


MU = 0.1
# Without noise: sigma2 and M are 0, M_G and L_max/L are 1.
_EXACT = {"L": 1.0, "L_max": 1.0, "sigma2": 0.0, "M": 0.0, "M_G": 1.0}

SMOOTH_CONVEX = Family(
    "convex, 1-smooth, R0 = 1",
    one_function(SmoothConvexFunction, "R0", L=1.0),
    {**_EXACT, "R0": 1.0, "curvature": 0.0},
)
SMOOTH_CONVEX_GAP = Family(
    "convex, 1-smooth, D0 = 1",
    one_function(SmoothConvexFunction, "D0", L=1.0),
    {**_EXACT, "D0": 1.0, "curvature": 0.0},
)
_STRONG = f"{MU:g}-strongly convex, 1-smooth"
STRONG_BY_VALUE, STRONG_BY_DISTANCE, STRONG_BY_BOTH = (
    Family(
        f"{_STRONG}, {words} = 1",
        one_function(SmoothStronglyConvexFunction, start, L=1.0, mu=MU),
        {**_EXACT, "mu": MU, "curvature": MU, **letters},
    )
    for start, words, letters in (
        ("D0", "D0", {"D0": 1.0}),
        ("R0", "R0", {"R0": 1.0}),
        # The bound depends on the sum alone.
        ("both", "D0 + mu/2 R0**2", {"D0": 1.0, "R0": 0.0}),
    )
)
QUADRATICS = Family(
    f"quadratics with eigenvalues from {MU:g} to 1, R0 = 1",
    one_function(SmoothStronglyConvexQuadraticFunction, "R0", L=1.0, mu=MU),
    {"R0": 1.0},
)
LIPSCHITZ = Family(
    "convex, 1-Lipschitz, R0 = 1",
    one_function(ConvexLipschitzFunction, "R0", M=1.0),
    {"G": 1.0, "second_moment": 1.0, "R0": 1.0},
)
ON_DOMAIN = Family(
    "convex, 1-Lipschitz, on a domain of diameter 2",
    one_function(ConvexLipschitzFunction, "any", domain=2.0, M=1.0),
    {"D": 2.0, "second_moment": 1.0},
)
STRONG_SHOWN = Family(
    "1-strongly convex, ||g|| <= 1 where gradients are taken",
    one_function(StronglyConvexFunction, "any", mu=1.0, gradient=1.0),
    {"mu": 1.0, "second_moment": 1.0},
)
BELOW = Family("1-smooth, D0 = 1", bounded_below(1.0), {**_EXACT, "D0": 1.0})
PL = Family(
    f"1-smooth, Polyak-Lojasiewicz with {MU:g} at the iterates, D0 = 1",
    bounded_below(1.0, MU),
    {**_EXACT, "mu_pl": MU, "D0": 1.0},
)
BELOW_SHOWN = Family(
    "1-smooth, D0 = 1, ||g|| <= 1 where gradients are taken",
    bounded_below(1.0, gradient=1.0),
    {**_EXACT, "D0": 1.0, "second_moment": 1.0},
)
ONLINE = Family(
    "convex losses with ||g|| <= 1, on a domain of diameter 2",
    losses(1.0, 2.0),
    {"D": 2.0, "G": 1.0},
)
ONLINE_STRONG = Family(
    "1-strongly convex losses, ||g|| <= 1 where gradients are taken",
    losses(1.0, None, 1.0),
    {"mu": 1.0, "G": 1.0},
)

_ROOT = np.sqrt(1 / MU)
_FAST = float((_ROOT - 1) / (_ROOT + 1))
_BY_ROOT = Steps("alpha = 1/sqrt(T)", lambda t, T: 1 / np.sqrt(T))
_UNIFIED = "unified-momentum:beta1=0.5,look_ahead={}"
_SIMPLE = "accelerated-gradient:weights=simplified"
# The largest momentum that the claim admits at alpha = 1/2.
_LITTLE = float(np.sqrt((1 - MU / 2) * (1 - 1 / 2)))


def _descent(
    claim: str,
    family: Family,
    sizes: Sequence[float],
    horizons: tuple[int, ...],
    tight: bool = False,
) -> list[Comparison]:
    return [Comparison(claim, family, "sgd", constant(h), horizons, tight) for h in sizes]


COMPARISONS: tuple[Comparison, ...] = (
    # Gradient descent
    *_descent("drori-teboulle-2014-gd", SMOOTH_CONVEX, (0.5, 1.0), (1, 2, 5), tight=True),
    *_descent("kim-2024-gd", SMOOTH_CONVEX, (1.5, 1.8), (1, 2, 5), tight=True),
    *_descent("kim-2024-gd", STRONG_BY_DISTANCE, (0.7, 1.0, 1.6, 1.9), (1, 2, 4), tight=True),
    *_descent("gd-strongly-convex", STRONG_BY_VALUE, (0.5, 2 / (1 + MU), 1.9), (1, 3), tight=True),
    *_descent(
        "gd-strongly-convex-distance",
        STRONG_BY_DISTANCE,
        (0.5, 2 / (1 + MU), 1.9),
        (1, 3),
        tight=True,
    ),
    *_descent("gd-nonconvex-min", BELOW, (0.3, 1.0, 1.2, 1.7), (1, 2, 5), tight=True),
    *_descent("gd-nonconvex-classic", BELOW, (1.0,), (1, 2, 5), tight=True),
    *_descent("gd-nonconvex-classic", BELOW, (0.5, 1.5), (1, 5)),
    *_descent("karimi-2016-pl", PL, (0.5, 1.0), (1, 3)),
    *_descent("pl-improved", PL, (0.5,), (1, 3)),
    *_descent("pl-improved", PL, (1.0,), (1, 3), tight=True),
    Comparison(
        "altschuler-parrilo-2023-silver",
        SMOOTH_CONVEX,
        "sgd",
        Steps("silver", lambda t, T: 1 + (1 + 2**0.5) ** ((t & -t).bit_length() - 2)),
        (1, 3, 7),
    ),
    # Subgradients
    Comparison("subgradient-constant-step", LIPSCHITZ, "sgd", _BY_ROOT, (1, 2, 5), tight=True),
    Comparison("sgd-convex-avg", LIPSCHITZ, "sgd", _BY_ROOT, (1, 2, 5), tight=True),
    Comparison(
        "shamir-zhang-2013-last",
        ON_DOMAIN,
        "sgd",
        Steps("alpha = 1/sqrt(t)", lambda t, T: 1 / np.sqrt(t)),
        (1, 3),
    ),
    Comparison(
        "shamir-zhang-2013-last",
        ON_DOMAIN,
        "sgd",
        Steps("alpha = 2/sqrt(t)", lambda t, T: 2 / np.sqrt(t)),
        (1, 3, 8),
    ),
    Comparison(
        "lacoste-julien-2012",
        STRONG_SHOWN,
        "sgd",
        Steps("alpha = 2/(t + 1)", lambda t, T: 2 / (t + 1)),
        (1, 2, 5, 10),
    ),
    *(
        Comparison(
            "zamani-glineur-2023",
            LIPSCHITZ,
            "sgd",
            Steps(
                f"alpha = {c:g} (T + 1 - t)/sqrt((T + 1)**3)",
                lambda t, T, c=c: c * (T + 1 - t) / (T + 1) ** 1.5,
            ),
            (1, 3, 6),
            tight=True,
        )
        for c in (1.0, 2.0)
    ),
    # Another loss each round
    Comparison(
        "zinkevich-2003-thm1",
        ONLINE,
        "sgd",
        Steps("alpha = 1/sqrt(t)", lambda t, T: 1 / np.sqrt(t)),
        (1, 3, 5),
    ),
    Comparison(
        "ogd-three-halves",
        ONLINE,
        "sgd",
        Steps("alpha = 2/sqrt(t)", lambda t, T: 2 / np.sqrt(t)),
        (1, 3, 5),
    ),
    Comparison(
        "ogd-constant-step",
        ONLINE,
        "sgd",
        Steps("alpha = 2/sqrt(T)", lambda t, T: 2 / np.sqrt(T)),
        (1, 3, 5),
        tight=True,
    ),
    Comparison(
        "ogd-nonincreasing-step",
        ONLINE,
        "sgd",
        Steps("alpha = t**(-1/4)", lambda t, T: t**-0.25),
        (1, 3, 5),
    ),
    Comparison(
        "hazan-2007-thm1",
        ONLINE_STRONG,
        "sgd",
        Steps("alpha = 1/t", lambda t, T: 1 / t),
        (1, 2, 5, 10),
        tight=True,
    ),
    # Momentum
    *(
        Comparison(
            "ghadimi-2015-hb-convex",
            SMOOTH_CONVEX,
            f"heavy-ball:beta1={beta}",
            constant(1 - beta),
            (1, 5),
        )
        for beta in (0.5, 0.9)
    ),
    *(
        Comparison(
            "ghadimi-2015-hb-convex-long",
            SMOOTH_CONVEX,
            f"heavy-ball:beta1={beta}",
            constant(1.5 * (1 - beta)),
            (1, 5),
        )
        for beta in (0.5, 0.9)
    ),
    Comparison("ghadimi-2015-hb-sc", PL, f"heavy-ball:beta1={_LITTLE!r}", constant(0.5), (1, 3)),
    Comparison(
        "polyak-hb-quadratic",
        QUADRATICS,
        f"heavy-ball:beta1={_FAST**2!r}",
        constant(float(4 / (1 + np.sqrt(MU)) ** 2)),
        (1, 2, 4),
        tight=True,
    ),
    Comparison(
        "nesterov-2004-sc", STRONG_BY_BOTH, f"nesterov:beta1={_FAST!r}", constant(1.0), (1, 4)
    ),
    Comparison(
        "sgdm-nonconvex-derived",
        BELOW,
        "heavy-ball:beta1=0.5,velocity=average",
        constant(0.125),
        (1, 4),
    ),
    Comparison("yan-2018-heavy-ball", BELOW_SHOWN, _UNIFIED.format(0), constant(0.25), (1, 4)),
    Comparison("yan-2018-nesterov", BELOW_SHOWN, _UNIFIED.format(1), constant(0.25), (1, 4)),
    # Momentum that changes from round to round
    Comparison(
        "beck-teboulle-2009-fista", SMOOTH_CONVEX, "accelerated-gradient", constant(1.0), (1, 3, 6)
    ),
    Comparison("su-2016-accelerated-gradient", SMOOTH_CONVEX, _SIMPLE, constant(1.0), (1, 3, 6)),
    Comparison(
        "taylor-2017-accelerated-gradient",
        SMOOTH_CONVEX,
        _SIMPLE,
        constant(1.0),
        (1, 3, 6),
        tight=True,
    ),
    Comparison(
        "kim-fessler-2016-ogm",
        SMOOTH_CONVEX,
        "optimized-gradient",
        constant(1.0),
        (1, 3, 6),
        tight=True,
    ),
    Comparison(
        "kim-fessler-2017-ogm-primary",
        SMOOTH_CONVEX,
        "optimized-gradient:last_step=false",
        constant(1.0),
        (1, 3, 6),
    ),
    *(
        Comparison(
            "kim-fessler-2021-ogm-g",
            SMOOTH_CONVEX_GAP,
            f"optimized-gradient-norm:rounds={T}",
            constant(1.0),
            (T,),
            tight=True,
        )
        for T in (1, 2, 4, 7)
    ),
    Comparison(
        "goujaud-2022-heavy-ball",
        SMOOTH_CONVEX,
        "primal-averaging",
        constant(1.0),
        (1, 3, 6),
        tight=True,
    ),
    Comparison(
        "primal-averaging-lipschitz",
        LIPSCHITZ,
        "primal-averaging",
        Steps("alpha = 1/sqrt(T + 1)", lambda t, T: 1 / np.sqrt(T + 1)),
        (1, 3, 6),
        tight=True,
    ),
    *(
        Comparison(
            "defazio-2024-schedule-free",
            LIPSCHITZ,
            f"schedule-free:interpolation={b}",
            Steps("alpha = 1/sqrt(T + 1)", lambda t, T: 1 / np.sqrt(T + 1)),
            (1, 3, 6),
            tight=True,
        )
        for b in (0, 0.5, 0.9)
    ),
    *(
        Comparison(
            "sebbouh-2021-last",
            SMOOTH_CONVEX,
            "primal-averaging:averaging_power=1",
            constant(alpha),
            (1, 5),
        )
        for alpha in (0.25, 0.96)
    ),
    Comparison("primal-averaging-smooth", SMOOTH_CONVEX, "primal-averaging", constant(0.5), (1, 5)),
    # Claims on stochastic gradients, without noise
    *_descent("ghadimi-lan-2013", BELOW, (1.0,), (1, 5), tight=True),
    *_descent("vaswani-2019-sgc", BELOW, (1.0,), (1, 5), tight=True),
    *_descent("vaswani-2019-sgc-pl", PL, (0.5,), (1, 3)),
    *_descent("bottou-2018-thm46", PL, (0.5,), (1, 3)),
    *_descent("interpolation-sc-sgd", STRONG_BY_DISTANCE, (0.5,), (1, 3)),
    *_descent("sgd-mean-square", STRONG_BY_DISTANCE, (0.5,), (1, 3), tight=True),
)

#: Claims on these methods that are not compared, and why.
NOT_COMPARED: Mapping[str, str] = {
    "bertsekas-tsitsiklis-2000": "it states a limit, and no bound after any number of rounds",
    "mishchenko-2020-reshuffling": "it bounds a mean over all orders of several functions",
}


def rows() -> list[Row]:
    return [compare(item, T) for item in COMPARISONS for T in item.horizons]


# The page


_HEAD = """\
# Worst cases

How large can the figure that a claim bounds become, over *all* functions of a class? For methods
that are built from inner products a semidefinite program answers that exactly, a few rounds at a
time (performance estimation: [PEPit](https://pepit.readthedocs.io), solved by Clarabel). A worst
case that passes the bound would refute the claim; one that equals it shows that no smaller bound is
true. The programs call the rules of the catalogue on symbols, and the bounds are those of the
claims.

Written by `python benchmarks/worst_cases.py`, which needs `pip install -e '.[pep]'`. `make
test-pep` solves the programs again: no worst case may pass its bound, a claim marked *tight* must
attain it to 1 part in 10000, and this page must say what came out.

What the classes leave out: claims on stochastic gradients are compared without noise, bounded
gradients and the Polyak-Lojasiewicz inequality are asked for where gradients are taken (which
admits more functions: the worst case can only be larger). Not expressible are methods that treat
coordinates apart (AdaGrad, Adam, signs) or divide by a norm, and claims on one named problem.

| claim | functions | method | steps | T | worst case | bound | ratio | |
|---|---|---|---|--:|--:|--:|--:|---|
"""


def line(row: Row) -> str:
    """A line of the table."""
    item = row.comparison
    rule = find_rule(item.rule)
    settings = [
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in rule.settings.items()
        if value != rule.entry.parameters[name]
    ]
    method = ", ".join([rule.key, *settings])
    cells = (
        item.claim,
        item.family.words.replace("|", "\\|"),
        method,
        item.steps.words,
        str(row.T),
        f"{row.worst:.5f}",
        f"{row.bound:.5f}",
        f"{row.ratio:.3f}",
        "tight" if item.tight else "",
    )
    return "| " + " | ".join(cells) + " |"


def page(found: Sequence[Row]) -> str:
    """The page of documentation."""
    return _HEAD + "\n".join(line(row) for row in found) + "\n"


def main() -> None:
    """Solve every program and write the page."""
    PAGE.write_text(page(rows()), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
