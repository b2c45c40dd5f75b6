"""Formulas of one-dimensional problems, domains and schedules, with their numbers as letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from convergence.expression import REDUCTIONS, Expression, count_operations, replaced
from convergence.schedule import Schedule
from problems.domain import Box, Domain, WholeSpace
from problems.problem import Lettered, Problem, once

__all__ = [
    "arithmetic_of",
    "projection_letters",
    "projects_by_formula",
    "scalar_formulas",
    "step_size_formula",
    "why_not",
]


def projects_by_formula(domain: Domain) -> bool:
    """Whether a projection works on each coordinate by itself, and so can be traced."""
    # Of exactly these: what derives from them may project otherwise.
    return type(domain) in (Box, WholeSpace)


def projection_letters(domain: Domain) -> Mapping[str, float]:
    """The numbers that a projection by formula leaves open."""
    return {"domain_low": domain.low, "domain_high": domain.high} if type(domain) is Box else {}


def arithmetic_of(problem: Problem) -> Literal["exact", "machine"]:
    """Whether the formulas of a problem are known to round alike on every machine.

    *exact*: they were traced, and so hold nothing but + - * / and roots, and draws are compared,
    not transformed. *machine*: a library may round its functions and order its sums as it likes.
    """
    return "machine" if why_not(problem) else "exact"


@once
def why_not(problem: Problem) -> str:
    """Why a problem has no compiled loop, in a sentence, or ""."""
    if not problem.scalar:
        return "its losses are functions of a vector"
    if not projects_by_formula(problem.domain):
        return f"the projection onto {problem.domain} is not written as a formula"
    try:
        scalar_formulas(problem)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        return f"its formulas cannot be traced: {error}"
    return ""


def scalar_formulas(problem: Problem) -> tuple[Expression, Expression, dict[str, float]]:
    """Loss and gradient of a one-dimensional problem, formulas of y, sample and letters.

    Returns:
        Both, and the values of the letters.

    Raises:
        TypeError, ValueError, AttributeError, IndexError: They cannot be traced.
    """
    assert problem.gradient_formula is not None
    values: dict[str, float] = {}

    def traced(formula: Any) -> Expression:
        arguments = Expression("input", "y"), Expression("input", "sample")
        if not isinstance(formula, Lettered):
            return Expression.of(formula(*arguments))
        values.update({f"of_{name}": value for name, value in formula.letters.items()})
        letters = {name: Expression("input", f"of_{name}") for name in formula.letters}
        return Expression.of(formula.formula(*arguments, **letters))

    loss, gradient = traced(problem.loss_formula), traced(problem.gradient_formula)
    if count_operations(loss, gradient)["expit"]:
        raise ValueError("expit rounds as the exponential of the machine does")
    if not REDUCTIONS.isdisjoint(count_operations(loss, gradient)):
        raise ValueError("a loss of one number has no reduction")
    return loss, gradient, values


def step_size_formula(
    schedule: Schedule, problem: Problem, horizon: int
) -> tuple[Expression, dict[str, float]] | None:
    """The step size as a formula of t and letters, and their values; None if there is none."""
    traced = schedule.traced(problem, horizon)
    if traced is None:
        return None
    by = {name: Expression("input", f"size_{name}") for name in traced[1]}
    formula = replaced({"step_size": traced[0]}, by)["step_size"]
    return formula, {f"size_{name}": value for name, value in traced[1].items()}
