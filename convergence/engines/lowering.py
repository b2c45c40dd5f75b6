"""The formulas of a round, lowered once for every engine.

A rule, the totals that a run keeps, the domain and, in one dimension, the problem and the schedule
are formulas. Put into each other they say what takes the place of everything that is carried from
round to round: the iterate, the query point, state and totals. What is computed once, and what has
to be computed for every lane or coordinate, follows from them.

Names of inputs: x, y (the query point, where it is not x), t, step_size; g and loss, or sample
where the problem is a formula too; state_..., total_...; and letters, which do not change in a run:
setting_... of the rule, size_... of the schedule, of_... of the problem, domain_... of its domain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from convergence.expression import (
    REDUCTIONS,
    Expression,
    count_operations,
    dependents,
    inputs_of,
    replaced,
    walk,
)
from convergence.quantity import Quantity
from convergence.rule import Traced
from convergence.schedule import Schedule
from problems.arithmetic import clip
from problems.domain import Box, Domain, WholeSpace
from problems.problem import Lettered, Problem

__all__ = [
    "BY_COORDINATE",
    "BY_LANE",
    "UNIFORM",
    "Round",
    "hoisted",
    "lowered",
    "projection_letters",
    "projects_by_formula",
    "scalar_formulas",
    "step_size_formula",
]

UNIFORM, BY_LANE, BY_COORDINATE = range(3)

Letters = Mapping[str, float]


def projects_by_formula(domain: Domain) -> bool:
    """Whether a projection works on each coordinate by itself, and so can be traced."""
    # Of exactly these: what derives from them may project otherwise.
    return type(domain) in (Box, WholeSpace)


def projection_letters(domain: Domain) -> Letters:
    """The numbers that a projection by formula leaves open."""
    return {"domain_low": domain.low, "domain_high": domain.high} if type(domain) is Box else {}


@dataclass(frozen=True, eq=False)
class Round:
    """What a round does.

    Attributes:
        state: Names of the rule's state.
        totals: Names of the running totals.
        made: What takes the place of x, of y, of state and totals, in this order: formulas in what
            stood before the round. Where the domain projects by no formula, x is the point to be
            projected, and y a formula in `next_x`, the projected one.
        displacement: By how much a step moves x before the projection, up to sign.
        metric: The diagonal of the rule's own projection, if it has one.
        projects: Whether the projection is a formula.
        letters: Names of the letters.
        by_lane: Names of inputs that differ from lane to lane though no gradient is in them.
    """

    state: tuple[str, ...]
    totals: tuple[str, ...]
    made: Mapping[str, Expression]
    displacement: Expression
    metric: Expression | None
    projects: bool
    letters: tuple[str, ...] = ()
    by_lane: frozenset[str] = field(default=frozenset())

    @property
    def at_iterate(self) -> bool:
        """Whether gradients are taken at the iterate itself."""
        return "y" not in self.made

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of what is carried from round to round, in the order in which engines keep it."""
        return ("x", "y", *self.state, *self.totals)

    @cached_property
    def asked(self) -> set[str]:
        """Names that any formula of the round depends on."""
        return inputs_of(*self.made.values())

    @cached_property
    def levels(self) -> dict[str, int]:
        """Whether each name is one number for all lanes, for each lane, or for each coordinate."""
        wide = dependents(self.made, ("x", "y", "g"), by_coordinate=True)
        lanes = dependents(self.made, ("x", "y", "g", "loss", *self.by_lane))
        names = {*self.kept, *self.letters, "t", "step_size", "g", "loss", "sample"}
        return {
            name: BY_COORDINATE if name in wide else BY_LANE if name in lanes else UNIFORM
            for name in names
        }

    def replaced(
        self,
        by: Mapping[str, Expression],
        letters: Collection[str] = (),
        nodes: Mapping[int, Expression] | None = None,
    ) -> Round:
        """The same with inputs, or nodes by their ids, replaced; and with more letters."""
        outputs = {**self.made, "displacement": self.displacement}
        new = replaced(outputs, by, nodes)
        displacement = new.pop("displacement")
        known, asked = {*self.letters, *letters}, inputs_of(*new.values())
        kept = tuple(sorted(known & asked))
        return replace(self, made=new, displacement=displacement, letters=kept)

    def beside(self, by_lane: Collection[str]) -> Round:
        """The same with inputs that differ from lane to lane."""
        return _beside(self, frozenset(by_lane)) if by_lane else self

    def asking(self, letters: Collection[str]) -> Round:
        """The same with letters that something beside the round asks for too."""
        return replace(self, letters=tuple(sorted({*self.letters, *letters})))


@lru_cache(maxsize=256)
def _beside(round_: Round, by_lane: frozenset[str]) -> Round:
    # The same object every time, by which engines know the same run again.
    return replace(round_, by_lane=by_lane)


def lowered(rule: Traced, quantities: Sequence[Quantity], domain: Domain) -> Round:
    """The round of a rule, with names set apart; gradients and losses are inputs.

    Args:
        rule: The rule's formulas.
        quantities: Running totals.
        domain: Whether, and how, iterates are projected; its numbers are letters.
    """
    return _lowered(rule, tuple(quantities), type(domain) is Box, projects_by_formula(domain))


@lru_cache(maxsize=256)
def _lowered(rule: Traced, quantities: tuple[Quantity, ...], clips: bool, projects: bool) -> Round:
    rule, totals = rule.apart, [q.apart for q in quantities]
    x, size = Expression("input", "x"), Expression("input", "step_size")
    displacement = rule.outputs["direction"]
    if not rule.displaces:
        displacement = size * displacement
    moved = x - displacement
    if clips:
        moved = clip(moved, Expression("input", "domain_low"), Expression("input", "domain_high"))
    at_iterate = "query" not in rule.outputs
    known = {
        "displacement": displacement,
        "query_point": Expression("input", "x" if at_iterate else "y"),
    }
    if projects:
        known["next_x"] = moved
    formulas = {"x": moved}
    if not at_iterate:
        formulas["y"] = rule.outputs["query"]
    formulas |= {name: rule.outputs[name] for name in rule.state}
    formulas |= {q.name: q.update for q in totals}
    # Displacement and the next point may ask for the query point themselves.
    inner = replaced(known, {"query_point": known["query_point"]})
    made = replaced(formulas, inner)
    metric = rule.outputs.get("metric")
    letters = (*rule.letters, *(("domain_low", "domain_high") if clips else ()))
    asked = inputs_of(*made.values(), *([metric] if metric is not None else []))
    return Round(
        rule.state,
        tuple(q.name for q in totals),
        made,
        inner["displacement"],
        metric,
        projects,
        tuple(name for name in letters if name in asked),
    )


def hoisted(outputs: Collection[Expression], varying: Collection[str]) -> list[Expression]:
    """Nodes that depend on nothing that varies and are computed once, before the first round."""
    changes: set[int] = set()
    nodes = walk(outputs)
    for node in nodes:
        if node.operation == "input":
            if node.arguments[0] in varying:
                changes.add(id(node))
        elif node.operation != "constant" and any(id(part) in changes for part in node.arguments):
            changes.add(id(node))
    used = {id(node) for node in outputs}
    for node in nodes:
        if id(node) in changes and node.operation != "input":
            used |= {id(part) for part in node.arguments}
    leaves = ("input", "constant")
    return [n for n in nodes if n.operation not in leaves and id(n) in used - changes]


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
