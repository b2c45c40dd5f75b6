"""The formulas of a round, from which every engine writes its code."""

from __future__ import annotations

from convergence.expression import Expression
from convergence.rule import Rule
from problems.domain import Box, Domain, WholeSpace

__all__ = ["projects_by_formula", "round_formulas"]


def projects_by_formula(domain: Domain) -> bool:
    """Whether a projection works on each coordinate by itself, and so can be traced."""
    return isinstance(domain, (Box, WholeSpace))


def round_formulas(rule: Rule, domain: Domain) -> dict[str, Expression]:
    """The new state by name, the `displacement`, and `next_x`.

    Their inputs are those of the rule. `next_x` is projected where the domain projects by a
    formula; else it is the point to be projected.
    """
    displacement = rule.outputs["direction"]
    if not rule.returns_displacement:
        displacement = Expression("input", "step_size") * displacement
    moved = Expression("input", "x") - displacement
    return {
        **{name: rule.outputs[name] for name in rule.state},
        "displacement": displacement,
        "next_x": domain.project(moved) if projects_by_formula(domain) else moved,
    }
