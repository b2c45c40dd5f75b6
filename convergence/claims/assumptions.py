"""Assumptions that theorems share, as predicates with the words a theorem would use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convergence.claim import Assumption, Setting
from problems.domain import Box
from problems.notation import format_value

__all__ = [
    "beta1_below_root",
    "beta1_square_below_beta2",
    "bounded_domain",
    "box_or_metric_projection",
    "constant_step",
    "convex",
    "descent_within_inverse_smoothness",
    "draws_are_dependent",
    "exact_gradients",
    "independent_draws",
    "inverse_sqrt_step",
    "smooth",
    "step_size",
    "the_problem",
    "the_rule",
    "unconstrained",
]


def _convex(setting: Setting) -> str:
    return "" if "convex" in setting.problem.tags else "the problem is not tagged convex"


convex = Assumption("the losses are convex", _convex)


def _smooth(setting: Setting) -> str:
    problem = setting.problem
    if "L" in problem.constants:
        return ""
    reason = problem.unknown.get("L")
    return "the problem states no L" + (f", since {reason}" if reason else "")


smooth = Assumption("the objective is L-smooth", _smooth)


def _bounded_domain(setting: Setting) -> str:
    return "" if setting.problem.domain.bounded else f"it is {setting.problem.domain}"


bounded_domain = Assumption("the domain has a finite diameter", _bounded_domain)


def _unconstrained(setting: Setting) -> str:
    return f"it is {setting.problem.domain}" if setting.problem.domain.bounded else ""


unconstrained = Assumption("the domain is the whole space", _unconstrained)


def _box_or_metric(setting: Setting) -> str:
    if isinstance(setting.problem.domain, Box) or setting.projection == "metric":
        return ""
    return f"the projection onto {setting.problem.domain} was Euclidean"


box_or_metric_projection = Assumption(
    "the projection is made in the rule's metric (on a box the Euclidean one is the same)",
    _box_or_metric,
)


def the_rule(key: str, **settings: Any) -> Assumption:
    """The rule is this one, with these settings."""
    listed = "".join(f", {name}={format_value(value)}" for name, value in settings.items())

    def fails(setting: Setting) -> str:
        rule = setting.rule
        if rule.key != key:
            return f"the run used {rule.key}"
        # Settings that a theorem does not mention must be those of the plain method.
        plain = {"weight_decay": 0.0, "maximize": False, "dampening": 0.0, "decay": "coupled"}
        for name, value in {**plain, **settings}.items():
            if name in rule.settings and rule.settings[name] != value:
                return f"the run used {name}={format_value(rule.settings[name])}"
        return ""

    return Assumption(f"the method is {key}{listed}", fails)


def the_problem(key: str, **settings: Any) -> Assumption:
    """The problem is this one, with these parameters."""
    listed = "".join(f", {name}={format_value(value)}" for name, value in settings.items())

    def fails(setting: Setting) -> str:
        problem = setting.problem
        if problem.key != key:
            return f"the problem is {problem.key}"
        for name, value in settings.items():
            if problem.settings[name] != value:
                return f"the problem has {name}={format_value(problem.settings[name])}"
        return ""

    return Assumption(f"the problem is {key}{listed}", fails)


def _schedule(setting: Setting, accepted: tuple[str, ...]) -> str:
    schedule = setting.schedule
    if schedule.key not in accepted or schedule.settings["warmup"]:
        return f"the run used {schedule.specification}"
    return ""


inverse_sqrt_step = Assumption(
    "alpha_t = alpha / sqrt(t)", lambda setting: _schedule(setting, ("inverse-sqrt",))
)
constant_step = Assumption(
    "the step size is constant",
    lambda setting: _schedule(setting, ("constant", "inverse-smoothness")),
)


def step_size(statement: str, share: Callable[[Setting], float]) -> Assumption:
    """The first step size is at most a share of 1/L, up to rounding of the limit itself."""

    def fails(setting: Setting) -> str:
        first = setting.schedule.step_sizes(np.array([1]), setting.problem, setting.steps)[0]
        smooth = setting.problem.constant("L")
        # A linear function allows every step size.
        limit = share(setting) / smooth if smooth else np.inf
        # One unit of rounding: a step size computed as 1/L must count as at most 1/L.
        return "" if first <= limit * (1 + 2**-50) else f"it is {first:.6g} > {limit:.6g}"

    return Assumption(statement, fails)


exact_gradients = Assumption(
    "gradients are exact",
    lambda setting: "they are stochastic" if setting.problem.samples is not None else "",
)


def _beta1_square(setting: Setting) -> str:
    beta1, beta2 = setting.rule.settings["beta1"], setting.rule.settings["beta2"]
    return "" if beta1**2 < beta2 else f"beta1={beta1:g}, beta2={beta2:g}"


def _beta1_root(setting: Setting) -> str:
    beta1, beta2 = setting.rule.settings["beta1"], setting.rule.settings["beta2"]
    return "" if beta1 < np.sqrt(beta2) else f"beta1={beta1:g}, beta2={beta2:g}"


beta1_square_below_beta2 = Assumption("beta1**2 < beta2", _beta1_square)
beta1_below_root = Assumption("beta1 < sqrt(beta2)", _beta1_root)


def draws_are_dependent(setting: Setting) -> str:
    """Why the draws of different rounds are not independent, or ""."""
    return setting.problem.dependent_draws


independent_draws = Assumption(
    "the gradients of different rounds are independent", draws_are_dependent
)

#: Gradient descent on a smooth function with a constant step size of at most 1/L.
descent_within_inverse_smoothness = (
    smooth,
    unconstrained,
    exact_gradients,
    the_rule("gradient-descent"),
    constant_step,
    step_size("alpha <= 1/L", lambda setting: 1.0),
)
