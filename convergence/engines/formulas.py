"""The formulas of a round, from which every engine writes its code.

A value is *uniform* (one number for all lanes), *by lane* or *by coordinate*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convergence.expression import Expression, replaced
from convergence.quantity import Quantity
from convergence.rule import Rule
from problems.domain import Box, Domain, WholeSpace

__all__ = [
    "BY_COORDINATE",
    "BY_LANE",
    "REDUCTIONS",
    "UNIFORM",
    "levels_of",
    "projects_by_formula",
    "replacements",
    "round_formulas",
]

UNIFORM, BY_LANE, BY_COORDINATE = range(3)
REDUCTIONS = ("norm", "mean")


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


def replacements(
    rule: Rule, quantities: Sequence[Quantity], domain: Domain
) -> dict[str, Expression]:
    """What takes the place of x, of the query point y if there is one, of state and totals.

    In this order, in which engines keep them. All depend on what stood before the round, on g and
    loss, t and step_size alone.
    """
    formulas = round_formulas(rule, domain)
    at_iterate = "query" not in rule.outputs
    known = {
        "displacement": formulas.pop("displacement"),
        "next_x": formulas["next_x"],
        "query_point": Expression("input", "x" if at_iterate else "y"),
    }
    first = {"x": formulas.pop("next_x")}
    if not at_iterate:
        first["y"] = rule.outputs["query"]
    formulas = {**first, **formulas, **{q.name: q.update for q in quantities}}
    done: dict[int, Expression] = {}
    return {name: replaced(node, known, done) for name, node in formulas.items()}


def levels_of(made: Mapping[str, Expression]) -> dict[str, int]:
    """The level of every name, by what its formula depends on."""
    levels = dict.fromkeys(("x", "y", "g"), BY_COORDINATE)
    levels["loss"] = BY_LANE
    for name in ("t", "step_size", *made):
        levels.setdefault(name, UNIFORM)
    while True:
        found = {n: max(levels[n], _level(node, levels)) for n, node in made.items()}
        if all(levels[name] == level for name, level in found.items()):
            return levels
        levels.update(found)


def _level(node: Expression, levels: Mapping[str, int]) -> int:
    if node.operation == "input":
        return levels[node.arguments[0]]
    if node.operation == "constant":
        return UNIFORM
    if node.operation in REDUCTIONS:
        return BY_LANE
    return max(_level(part, levels) for part in node.arguments)
