"""The hypotheses of theorems, as predicates with the words a theorem would use.

The first line of a predicate's docstring says what it looks at: `docs/hypotheses.md` is made of it.
Predicates are evaluated in the order in which a claim lists them, so a later one may ask for what
an earlier one has made sure of. One that asks for the method's settings is `of="method"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convergence.claim import Assumption, Subject
from convergence.experiment import Experiment
from problems.domain import Box, WholeSpace
from problems.notation import format_value
from problems.problem import Problem

__all__ = [
    "CLOSE",
    "ROUNDING",
    "beta1_below_beta2",
    "beta1_below_root",
    "beta1_square_below_beta2",
    "bounded_below",
    "bounded_domain",
    "bounded_second_moment",
    "box_or_metric_projection",
    "constant_step",
    "convex",
    "descent_within_inverse_smoothness",
    "exact_gradients",
    "first_step",
    "independent_draws",
    "inverse",
    "inverse_sqrt_or_constant_step",
    "inverse_sqrt_step",
    "known_minimizer",
    "nonincreasing_step",
    "one_comparator",
    "one_of",
    "plain",
    "polyak_lojasiewicz",
    "settings_obey",
    "shrinking_beta1",
    "smooth",
    "states",
    "step",
    "step_size",
    "steps_are",
    "stochastic",
    "strongly_convex",
    "the_problem",
    "the_rule",
    "unbiased",
    "unconstrained",
    "with_eps",
]

Array = NDArray[np.float64]

#: So much of itself a limit may be off that was computed.
ROUNDING = 2.0**-50
#: And so much a number that may be written as a fraction or as a decimal.
CLOSE = 1e-12

# The problem


def states(letter: str, statement: str, *, positive: bool = False) -> Assumption:
    """The problem states a constant, and a positive one if that is asked for."""

    def fails(experiment: Experiment) -> str:
        problem = experiment.problem
        if letter not in problem.constants:
            reason = problem.unknown.get(letter)
            return f"the problem states no {letter}" + (f", since {reason}" if reason else "")
        if positive and problem.constant(letter) <= 0:
            return f"the problem states {letter} = {problem.constant(letter):g}"
        return ""

    fails.__doc__ = f"Whether the problem states {'a positive ' * positive}`{letter}`."
    return Assumption(statement, fails, "problem")


smooth = states("L", "the objective is L-smooth")
strongly_convex = states("mu", "the objective is mu-strongly convex", positive=True)
polyak_lojasiewicz = states(
    "mu_pl", "the objective obeys the Polyak-Lojasiewicz inequality", positive=True
)
known_minimizer = states("minimizer", "a minimiser is known")
bounded_below = states("minimum", "the objective is bounded below, by its minimum")


def _convex(experiment: Experiment) -> str:
    """The tag `convex`."""
    return "" if "convex" in experiment.problem.tags else "the problem is not tagged convex"


convex = Assumption("the losses are convex", _convex, "problem")


def _bounded_domain(experiment: Experiment) -> str:
    """Whether the domain is bounded."""
    return "" if experiment.problem.domain.bounded else f"it is {experiment.problem.domain}"


bounded_domain = Assumption("the domain has a finite diameter", _bounded_domain, "problem")


def _unconstrained(experiment: Experiment) -> str:
    """Whether the domain is `WholeSpace`."""
    domain = experiment.problem.domain
    return "" if isinstance(domain, WholeSpace) else f"it is {domain}"


unconstrained = Assumption("the domain is the whole space", _unconstrained, "problem")


def _exact_gradients(experiment: Experiment) -> str:
    """Whether rounds show samples, or another function than the one that is judged."""
    problem = experiment.problem
    if problem.samples is not None:
        return "they are stochastic" if problem.stochastic else "the losses follow a sequence"
    what = problem.shows_another_function
    return f"the {what} shown are of another function than the objective" if what else ""


exact_gradients = Assumption("gradients are exact", _exact_gradients, "problem")


def _dependent(experiment: Experiment) -> str:
    """Whether draws are independent, of one objective."""
    problem = experiment.problem
    reason = problem.dependent_draws
    if reason or problem.has_objective:
        return reason
    return "the losses have no fixed objective"


unbiased = Assumption(
    "given the past, a gradient has the mean grad f (draws are independent)", _dependent, "problem"
)
independent_draws = unbiased


def _drawn(experiment: Experiment) -> str:
    """Whether gradients are drawn, and draws independent, of one objective."""
    return "they are exact" if experiment.problem.samples is None else _dependent(experiment)


stochastic = Assumption("gradients are independent draws with the mean grad f", _drawn, "problem")


def _no_second_moment(experiment: Experiment) -> str:
    """Whether the problem states `G`, or `M` with `M_G` = 0."""
    problem = experiment.problem
    growth = problem.constants.get("M_G")
    if "G" in problem.constants or ("M" in problem.constants and growth and growth.value == 0):
        return ""
    reason = problem.unknown.get("G")
    return "the problem states no G" + (f", since {reason}" if reason else "")


bounded_second_moment = Assumption(
    "E||g||**2 is bounded on the domain", _no_second_moment, "problem"
)


# Rounds whose comparator is looked at where there is no domain.
_LOOKED_AT = 1_000


def _comparator_moves(experiment: Experiment) -> str:
    """Whether the domain is bounded, or the minimiser is best in hindsight, by its losses."""
    problem = experiment.problem
    if problem.domain.bounded or problem.samples is None:
        return ""
    if problem.stochastic:
        return "the losses are drawn"
    if "minimizer" not in problem.constants or not problem.has_hindsight:
        return "it is not known"
    rounds = np.arange(1, min(experiment.steps, _LOOKED_AT) + 1)
    drawn = problem.samples(rounds, np.zeros(1, np.uint64))
    point = np.asarray(problem.constants["minimizer"].value, float)
    sums = np.cumsum([float(problem.loss(point, sample)) for sample in drawn])
    best = problem.hindsight(rounds)[0]
    off = sums > best + 1e-9 * np.maximum(abs(best), 1)
    return f"it is another at round {off.argmax() + 1}" if off.any() else ""


one_comparator = Assumption(
    "the domain is bounded, or one point is the best in hindsight in every round",
    _comparator_moves,
    "problem",
)


def the_problem(key: str, **settings: Any) -> Assumption:
    """The problem is this one, with these parameters."""
    listed = "".join(f", {name}={format_value(value)}" for name, value in settings.items())

    def fails(experiment: Experiment) -> str:
        problem = experiment.problem
        if problem.key != key:
            return f"the problem is {problem.key}"
        for name, value in settings.items():
            if problem.settings[name] != value:
                return f"the problem has {name}={format_value(problem.settings[name])}"
        return _altered(problem)

    fails.__doc__ = (
        "The problem's key and parameters, and whether its start, domain and constants are."
    )
    return Assumption(f"the problem is {key}{listed}", fails, "problem")


def _altered(problem: Problem) -> str:
    """Why an object is not what its specification builds, or ""."""
    assert problem.entry is not None
    built = problem.entry(**problem.settings)
    if not np.array_equal(problem.start, built.start):
        return "its start was changed"
    if problem.constants.keys() != built.constants.keys():
        return "it states other constants"
    return "" if problem.domain == built.domain else f"its domain was changed to {problem.domain}"


# The step sizes


def first_step(experiment: Experiment) -> float:
    """The step size of round 1."""
    sizes = experiment.schedule.step_sizes(np.array([1]), experiment.problem, experiment.steps)
    return float(sizes[0])


def inverse(experiment: Experiment, letter: str = "L") -> float:
    """1 over a constant of the problem; where that is 0 every step will do."""
    value = experiment.problem.constant(letter)
    return 1 / value if value else np.inf


def _varies(experiment: Experiment) -> str:
    """Whether the schedule's formula is free of t."""
    constant = experiment.schedule.is_constant(experiment.problem, experiment.steps)
    return "" if constant else f"the run used {experiment.schedule.specification}"


constant_step = Assumption("the step size is constant", _varies, "schedule")


def _by_root(experiment: Experiment) -> str:
    """The schedule's key and warm-up."""
    schedule = experiment.schedule
    good = schedule.key == "inverse-sqrt" and not schedule.settings["warmup"]
    return "" if good else f"the run used {schedule.specification}"


inverse_sqrt_step = Assumption("alpha_t = alpha / sqrt(t)", _by_root, "schedule")


def _by_root_or_constant(experiment: Experiment) -> str:
    """The schedule's key and warm-up, or whether its formula is free of t."""
    return _by_root(experiment) and _varies(experiment)


inverse_sqrt_or_constant_step = Assumption(
    "alpha_t = alpha / sqrt(t) or alpha", _by_root_or_constant, "schedule"
)


def _rises(experiment: Experiment) -> str:
    """The step sizes of all rounds."""
    rounds = np.arange(1, experiment.steps + 1)
    sizes = experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps)
    rises = np.diff(sizes) > 0
    return f"it rises after round {rises.argmax() + 1}" if rises.any() else ""


nonincreasing_step = Assumption("the step size never rises", _rises, "schedule")

# Each with what is the case where it does not hold.
_RELATIONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "<=": (lambda step, limit: step <= limit * (1 + ROUNDING), ">"),
    "<": (lambda step, limit: step < limit * (1 - ROUNDING), ">="),
    ">=": (lambda step, limit: step >= limit * (1 - ROUNDING), "<"),
    ">": (lambda step, limit: step > limit * (1 + ROUNDING), "<="),
    "=": (lambda step, limit: abs(step - limit) <= limit * CLOSE, "and not"),
}


def step(
    statement: str,
    relation: Literal["<=", "<", ">=", ">", "="],
    limit: Callable[[Experiment], float],
    of: Subject = "schedule",
) -> Assumption:
    """The first step size is in this relation to a limit, up to rounding of the limit itself.

    Of other rounds the claim has to speak with an assumption of its own, such as `constant_step`.
    """

    def fails(experiment: Experiment) -> str:
        first, most = first_step(experiment), limit(experiment)
        holds, otherwise = _RELATIONS[relation]
        return "" if holds(first, most) else f"it is {first:.6g} {otherwise} {most:.6g}"

    fails.__doc__ = "The first step size, beside a limit" + (
        " in which settings of the rule occur." if of == "method" else "."
    )
    return Assumption(statement, fails, of)


def step_size(
    statement: str, share: Callable[[Experiment], float], of: Subject = "schedule"
) -> Assumption:
    """The first step size is at most a share of 1/L, up to rounding of the limit itself."""
    return step(statement, "<=", lambda experiment: share(experiment) * inverse(experiment), of)


# Step sizes are compared at so many rounds, and at the last.
_COMPARED = 100_000


def steps_are(statement: str, letter: str, formula: Callable[[Array, float], Array]) -> Assumption:
    """The step sizes are these, up to rounding, whatever schedule they come from."""

    def fails(experiment: Experiment) -> str:
        rounds = np.append(np.arange(1, min(experiment.steps, _COMPARED) + 1), experiment.steps)
        wanted = formula(rounds.astype(float), experiment.problem.constant(letter))
        taken = experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps)
        off = abs(taken - wanted) > CLOSE * wanted
        if not off.any():
            return ""
        place = int(off.argmax())
        return f"alpha_{rounds[place]} is {taken[place]:.6g}, not {wanted[place]:.6g}"

    fails.__doc__ = f"The step sizes of rounds up to {_COMPARED} and of the last."
    return Assumption(statement, fails, "schedule")


# The projection


def _euclidean(experiment: Experiment) -> str:
    """The domain, and the norm in which it was projected to."""
    domain = experiment.problem.domain
    if isinstance(domain, (Box, WholeSpace)) or experiment.projection == "metric":
        return ""
    return f"the projection onto {domain} was Euclidean"


box_or_metric_projection = Assumption(
    "the projection is made in the rule's metric (on a box the Euclidean one is the same)",
    _euclidean,
    "projection",
)

# The method

#: Settings that a theorem does not mention must be those of the plain method.
plain: Mapping[str, Any] = {
    "weight_decay": 0.0,
    "maximize": False,
    "dampening": 0.0,
    "decay": "coupled",
    "centered": False,
}


def one_of(
    statement: str, keys: tuple[str, ...], *, free: tuple[str, ...] = (), **settings: Any
) -> Assumption:
    """The rule is one of these, with these settings where it has them.

    Its other settings are those of the plain method, but those that are left free.
    """

    def fails(experiment: Experiment) -> str:
        rule = experiment.method
        if rule.key not in keys:
            return f"the run used {rule.key}"
        for name, value in {**plain, **settings}.items():
            if name not in free and rule.settings.get(name, value) != value:
                return f"the run used {name}={format_value(rule.settings[name])}"
        return ""

    fails.__doc__ = "The key and the settings of the rule, or of one that is the same method."
    return Assumption(statement, fails, "method")


def the_rule(key: str, **settings: Any) -> Assumption:
    """The method is this one, with these settings."""
    listed = "".join(f", {name}={format_value(value)}" for name, value in settings.items())
    return one_of(f"the method is {key}{listed}", (key,), **settings)


def settings_obey(
    statement: str, test: Callable[[Mapping[str, Any]], bool], *names: str
) -> Assumption:
    """The rule's settings pass a test; those named are shown where they do not."""

    def fails(experiment: Experiment) -> str:
        settings = experiment.method.settings
        shown = ", ".join(f"{name}={format_value(settings[name])}" for name in names)
        return "" if test(settings) else f"the run used {shown}"

    listed = " and ".join(f"`{name}`" for name in names)
    fails.__doc__ = f"The setting{'s' * (len(names) > 1)} {listed} of the rule."
    return Assumption(statement, fails, "method")


beta1_square_below_beta2 = settings_obey(
    "beta1**2 < beta2", lambda s: s["beta1"] ** 2 < s["beta2"], "beta1", "beta2"
)
beta1_below_root = settings_obey(
    "beta1 < sqrt(beta2)", lambda s: s["beta1"] < np.sqrt(s["beta2"]), "beta1", "beta2"
)
beta1_below_beta2 = settings_obey(
    "beta1 < beta2", lambda s: s["beta1"] < s["beta2"], "beta1", "beta2"
)
shrinking_beta1 = settings_obey(
    "beta1_t = beta1 lam**(t-1) with lam < 1",
    lambda s: s["beta1"] == 0 or s["beta1_decay"] < 1,
    "beta1",
    "beta1_decay",
)
with_eps = settings_obey("eps > 0", lambda s: s["eps"] > 0, "eps")

#: Gradient descent on a smooth function with a constant step size of at most 1/L.
descent_within_inverse_smoothness = (
    smooth,
    unconstrained,
    exact_gradients,
    the_rule("gradient-descent"),
    constant_step,
    step_size("alpha <= 1/L", lambda experiment: 1.0),
)
