"""The formulas of a round, lowered once for every engine.

A rule, the totals that a run keeps, the domain and, in one dimension, the problem and the schedule
are formulas. Put into each other they say what takes the place of everything that is carried from
round to round: the iterate, the query point, state and totals. What is computed once, and what has
to be computed for every lane or coordinate, follows from them.

Names of inputs: x, y (the query point, where it is not x), t, step_size; g and loss, or sample
where the problem is a formula too; state_..., total_...; and letters, which do not change in a run:
setting_... of the rule, size_... of the schedule, of_... of the problem, domain_... of its domain,
and stated_minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from convergence.expression import Expression, dependents, inputs_of, replaced
from convergence.quantity import Quantity
from convergence.rule import Traced
from convergence.tracing import projects_by_formula
from problems.arithmetic import clip
from problems.domain import Box, Domain

__all__ = [
    "BY_COORDINATE",
    "BY_LANE",
    "UNIFORM",
    "Round",
    "lowered",
]

UNIFORM, BY_LANE, BY_COORDINATE = range(3)


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

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """What is kept in one number for all lanes."""
        return tuple(name for name in self.made if self.levels[name] == UNIFORM)

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """What is kept in arrays; where y is x, it has none of its own."""
        return tuple(name for name in self.made if self.levels[name] != UNIFORM)

    @property
    def common_letters(self) -> tuple[str, ...]:
        """Letters that are the same for all lanes."""
        return tuple(name for name in self.letters if name not in self.by_lane)

    @property
    def lane_letters(self) -> tuple[str, ...]:
        """Letters that differ from lane to lane."""
        return tuple(name for name in self.letters if name in self.by_lane)

    def replaced(self, by: Mapping[str, Expression], letters: Collection[str] = ()) -> Round:
        """The same with inputs replaced, and with more letters."""
        return self.changed(lambda outputs: replaced(outputs, by), letters)

    def changed(
        self,
        change: Callable[[Mapping[str, Expression]], dict[str, Expression]],
        letters: Collection[str] = (),
    ) -> Round:
        """The same with its formulas changed, and with more letters."""
        new = change({**self.made, "displacement": self.displacement})
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
