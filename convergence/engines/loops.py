"""Blocks of rounds in compiled code, with the bits of the numpy engine.

A rule, the quantities that a run keeps and a one-dimensional problem are all formulas that can be
traced; together they make one loop without a call in it, which numba compiles. The text of the
loop is the module: it holds every number and every operation that takes part, so its hash is its
name in the user's cache folder, and an edited rule is another module.

What makes it fast changes no bit:

- comparisons are conditional expressions and division never raises, so that lanes are computed
  side by side in vector registers;
- lanes are worked on in blocks whose state stays in the nearest cache;
- in a run alone, step sizes, and displacements that do not depend on the iterate, are computed a
  few rounds ahead, side by side in vector registers too;
- once every 1 - beta**t has rounded to 1, which a running product tells and which stays so,
  dividing by it is left out; and once a product has become too small to change (near 2**-1074,
  where processors are slow), so is multiplying it.

There is no `fastmath`, and nothing is contracted: each operation rounds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from convergence.engines.formulas import projects_by_formula, round_formulas
from convergence.engines.modules import compiled_function
from convergence.expression import Expression, count_operations, inputs_of, statements, walk
from convergence.quantity import Quantity
from convergence.rule import Rule
from convergence.schedule import Schedule
from problems.problem import Problem

__all__ = ["Loop", "arithmetic_of", "compiled_loop", "why_not"]

T = TypeVar("T")

# Lanes in a block: a few arrays of so many numbers fit the nearest cache.
_BLOCK = 256
# How far apart they begin: whole lines of the cache, but at distances that are no multiple of 4096
# bytes, by which processors take what was stored in one for what is loaded from another.
_APART = _BLOCK + 40
# Rounds computed ahead: few, so that the processor begins with the next ones while it still takes
# the steps of these, one after the other.
_AHEAD = 32

_HEAD = '''"""A block of rounds, generated; its name is the hash of this text."""

from math import sqrt

from numba import njit
from numpy import empty


@njit(error_model="numpy", cache=CACHED, nogil=True)
'''


@dataclass(frozen=True)
class Loop:
    """Compiled rounds of one rule on one problem.

    Attributes:
        kept: Names of what is carried from round to round: x, y, state and totals.
        wide: Those of them that hold one number for each lane.
        factors: Running products beta**t, each with its beta, that enter as 1 - beta**t.
        lanes: Whether values are arrays of lanes.
        at_iterate: Whether y is x.
        sized: Whether the module computes step sizes itself.
        write: Makes the text of the module, once it is known for which of the factors 1 - beta**t
            stays 1, and which products no longer change.
    """

    kept: tuple[str, ...]
    wide: tuple[str, ...]
    factors: tuple[tuple[str, float], ...]
    lanes: bool
    at_iterate: bool
    sized: bool
    write: Callable[[tuple[str, ...], tuple[str, ...]], str]

    def source(self, values: Mapping[str, Any]) -> str:
        """The text of the loop that goes on from these values."""
        saturated, constant = True, []
        for name, factor in self.factors:
            product = float(values[name])
            saturated &= 1.0 - product * factor == 1.0
            if product * factor == product:
                constant.append(name)
        ones = [name for name, _ in self.factors] if saturated else constant
        return self.write(tuple(ones), tuple(constant))

    def run(
        self, samples: Any, step_sizes: Any, t: int, live: Sequence[Any], workers: int = 1
    ) -> tuple[Any, ...]:
        """Carry out the rounds t + 1, t + 2, ...

        Args:
            samples: One for each round, or shape (rounds, lanes).
            step_sizes: One for each round; not looked at if the module computes them.
            t: Rounds done.
            live: Values of what is kept, in its order.
            workers: Threads that share the lanes.

        Returns:
            The values after the last round.
        """
        values = dict(zip(self.kept, live, strict=True))
        function = compiled_function(self.source(values))
        if not self.lanes:
            after = function(samples, step_sizes, t, *(float(v) for v in live))
            return tuple(after)
        lanes = max(np.size(value) for value in live)
        arrays = {
            name: _of_lanes(values[name], lanes)
            for name in self.wide
            if not (name == "y" and self.at_iterate)
        }
        numbers = [float(values[name]) for name in self.kept if name not in self.wide]
        # Whole blocks to each thread; what is no array every one of them finds alike.
        share = _BLOCK * -(-lanes // (_BLOCK * workers))
        parts = [slice(first, first + share) for first in range(0, lanes, share)]

        def carry_out(part: slice) -> Any:
            drawn = samples[:, part] if samples.ndim == 2 else samples
            return function(drawn, step_sizes, t, *numbers, *(a[part] for a in arrays.values()))

        if len(parts) == 1:
            found = carry_out(parts[0])
        else:
            with ThreadPoolExecutor(workers) as pool:
                found, *_ = pool.map(carry_out, parts)
        narrow = [name for name in self.kept if name not in self.wide]
        after = {**arrays, **dict(zip(narrow, found, strict=True))}
        after.setdefault("y", arrays["x"])
        return tuple(after[name] for name in self.kept)


def _of_lanes(value: Any, lanes: int) -> Any:
    """An array of its own, of one number for each lane."""
    out = np.empty(lanes)
    out[:] = value
    return out


def arithmetic_of(problem: Problem) -> Literal["exact", "machine"]:
    """Whether the formulas of a problem are known to round alike on every machine.

    *exact*: they were traced, and so hold nothing but + - * / and roots, and draws are compared,
    not transformed. *machine*: a library may round its functions and order its sums as it likes.
    """
    return "machine" if why_not(problem) else "exact"


def why_not(problem: Problem) -> str:
    """Why a problem has no compiled loop, in a sentence, or ""."""
    if not problem.scalar:
        return "its losses are functions of a vector"
    if not projects_by_formula(problem.domain):
        return f"the projection onto {problem.domain} is not written as a formula"
    try:
        _traced(problem)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        return f"its formulas cannot be traced: {error}"
    return ""


def _traced(problem: Problem) -> tuple[Expression, Expression]:
    """Loss and gradient at the query point y."""
    assert problem.gradient_formula is not None
    y, sample = Expression("input", "y"), Expression("input", "sample")
    loss = Expression.of(problem.loss_formula(y, sample))
    gradient = Expression.of(problem.gradient_formula(y, sample))
    if count_operations(loss, gradient)["expit"]:
        raise ValueError("expit rounds as the exponential of the machine does")
    return loss, gradient


def compiled_loop(
    rule: Rule,
    quantities: Sequence[Quantity],
    problem: Problem,
    schedule: Schedule,
    horizon: int,
    *,
    lanes: bool,
    by_lane: bool,
) -> Loop:
    """Generate the loop of a run; it is compiled when it first runs.

    Runs of the same objects share one, as writing it takes as long as many thousand rounds.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate.
        problem: One for which `why_not` finds no reason.
        schedule: The step sizes.
        horizon: The number of steps of the whole run.
        lanes: Whether there are many lanes, or one.
        by_lane: Whether each lane has samples of its own.
    """
    same = (_Same(rule), tuple(map(_Same, quantities)), _Same(problem), _Same(schedule))
    return _loop_of(*same, horizon, lanes, by_lane)


@dataclass(frozen=True, eq=False)
class _Same(Generic[T]):
    """An object as a key, equal to itself alone."""

    it: T

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


@lru_cache(maxsize=64)
def _loop_of(
    same_rule: _Same[Rule],
    same_quantities: tuple[_Same[Quantity], ...],
    same_problem: _Same[Problem],
    same_schedule: _Same[Schedule],
    horizon: int,
    lanes: bool,
    by_lane: bool,
) -> Loop:
    rule, problem = same_rule.it, same_problem.it
    quantities = [same.it for same in same_quantities]
    loss, gradient = _traced(problem)
    outputs = round_formulas(rule, problem.domain)
    query = rule.outputs.get("query", Expression("input", "next_x"))
    totals = {q.name: q.update for q in quantities}
    parts = _Parts(tuple(rule.state), loss, gradient, outputs, totals, query).replaced()
    factors = _saturating(rule)
    kept = ("x", "y", *rule.state, *(q.name for q in quantities))
    wide = parts.depending({"sample"} if by_lane else set(), by_lanes=True)
    step_size = same_schedule.it.traced(problem, horizon)

    @cache
    def write(saturated: tuple[str, ...], constant: tuple[str, ...]) -> str:
        ones = [node for name, _, nodes in factors if name in saturated for node in nodes]
        left = parts.replaced(ones, constant) if ones else parts
        if lanes:
            return _lanes_text(left, kept, wide, by_lane, step_size)
        return _lane_text(left, kept, step_size)

    return Loop(
        kept,
        tuple(name for name in kept if name in wide) if lanes else (),
        tuple((name, factor) for name, factor, _ in factors),
        lanes,
        parts.at_iterate,
        step_size is not None,
        write,
    )


@dataclass(frozen=True)
class _Parts:
    """The formulas of a round: of the old state, of y, and then of what came before."""

    state: tuple[str, ...]
    loss: Expression
    gradient: Expression
    outputs: Mapping[str, Expression]
    totals: Mapping[str, Expression]
    query: Expression

    @property
    def at_iterate(self) -> bool:
        """Whether gradients are taken at the iterate itself."""
        return self.query.operation == "input" and self.query.arguments[0] == "next_x"

    @property
    def of_round(self) -> dict[str, Expression]:
        """What a round computes, by name."""
        return {**self.outputs, **self.totals}

    @property
    def asked(self) -> set[str]:
        """Names that any formula of the round depends on."""
        return inputs_of(*self.outputs.values(), *self.totals.values(), self.query)

    def depending(self, first: set[str] | None = None, *, by_lanes: bool = False) -> set[str]:
        """Names of what depends on the iterate, or on `first`.

        Args:
            first: Names to begin with.
            by_lanes: Whether gradients count as dependent in any case.
        """
        tied = {"y"} if by_lanes else set()
        made: dict[str, set[str]] = {
            **{name: inputs_of(node) for name, node in self.of_round.items()},
            "g": inputs_of(self.gradient) | tied,
            "loss": inputs_of(self.loss) | tied,
            "query_point": {"y"},
        }
        found = {"x", "y", "next_x"} | (first or set())
        while True:
            more = {name for name, needs in made.items() if needs & found} - found
            if not more:
                return found
            found |= more

    def replaced(self, ones: Sequence[Expression] = (), constant: Sequence[str] = ()) -> _Parts:
        """The same with some nodes replaced by 1, and what that makes idle left out.

        Args:
            ones: Nodes that are 1.
            constant: State that the round leaves as it is.
        """
        known = {id(node): Expression("constant", 1.0) for node in ones}
        known |= {id(self.outputs[name]): Expression("input", name) for name in constant}
        return replace(
            self,
            outputs={name: _folded(node, known) for name, node in self.outputs.items()},
            totals={name: _folded(node, known) for name, node in self.totals.items()},
            query=_folded(self.query, known),
        )


def _is_one(node: Expression) -> bool:
    return node.operation == "constant" and bool(node.arguments[0] == 1)


def _folded(node: Expression, known: dict[int, Expression]) -> Expression:
    """A node with others replaced below it, for points of one coordinate.

    a / 1, a * 1, 1 * a and sqrt(1) are exact, and so they are left out.
    """
    if id(node) in known:
        return known[id(node)]
    if node.operation in ("input", "constant"):
        return node
    parts = [_folded(part, known) for part in node.arguments]
    if node.operation in ("/", "*") and _is_one(parts[1]):
        new = parts[0]
    elif node.operation == "*" and _is_one(parts[0]):
        new = parts[1]
    elif (node.operation == "sqrt" and _is_one(parts[0])) or node.operation == "mean":
        new = parts[0]
    elif node.operation == "norm":
        new = Expression("abs", parts[0])
    elif all(new is old for new, old in zip(parts, node.arguments, strict=True)):
        new = node
    else:
        new = Expression(node.operation, *parts)
    known[id(node)] = new
    return new


def _at_most(node: Expression, product: Expression) -> bool:
    """Whether a node is the product, of a number from 0 to 1, or less by a constant factor."""
    if node is product or node.operation != "*":
        return node is product
    factors = [part for part in node.arguments if part is not product]
    if len(factors) != 1 or factors[0].operation != "constant":
        return False
    return 0 <= factors[0].arguments[0] <= 1


def _saturating(rule: Rule) -> list[tuple[str, float, list[Expression]]]:
    """Running products p <- p * factor of the rule, and the nodes 1 - p of its formulas.

    With 0 <= factor < 1 the product only falls, so that 1 - p stays 1 once it has rounded to 1;
    so does 1 - c p with 0 <= c <= 1.
    """
    found = []
    nodes = walk(rule.outputs.values(), {})
    for name in rule.state:
        new = rule.outputs[name]
        if new.operation != "*" or not 0 <= rule.state[name] <= 1:
            continue
        own = [a for a in new.arguments if a.operation == "input" and a.arguments[0] == name]
        factors = [a.arguments[0] for a in new.arguments if a.operation == "constant"]
        if len(own) != 1 or len(factors) != 1 or not 0 <= factors[0] < 1:
            continue
        taken = [
            node
            for node in nodes
            if node.operation == "-"
            and _is_one(node.arguments[0])
            and _at_most(node.arguments[1], new)
        ]
        if taken:
            found.append((name, float(factors[0]), taken))
    return found


def _assigned(
    outputs: Mapping[str, Expression], given: Mapping[int, str], prefix: str
) -> list[str]:
    """Statements after which each name holds its output."""
    lines, values = statements(outputs, "number", given=given, prefix=prefix)
    return [*lines, *(f"{name} = {value}" for name, value in values.items() if name != value)]


def _round(parts: _Parts, uniform: Mapping[str, str]) -> list[str]:
    """The statements of a round for what is wide; `uniform` names what is computed already."""
    given = {id(parts.outputs[name]): new for name, new in uniform.items() if name in parts.outputs}
    asked = parts.asked
    lines = ["query_point = y"] if "query_point" in asked else []
    for name, node in (("g", parts.gradient), ("loss", parts.loss)):
        if name in asked:
            lines += _assigned({name: node}, {}, f"_{name}")
    outputs = {
        name if name in ("displacement", "next_x") else f"new_{name}": node
        for name, node in parts.outputs.items()
        if name not in uniform
    }
    lines += _assigned(outputs, given, "_")
    totals = {f"new_{n}": node for n, node in parts.totals.items() if n not in uniform}
    lines += _assigned(totals, {}, "_q")
    given |= {id(parts.outputs[n]): f"new_{n}" for n in parts.state if n not in uniform}
    if not parts.at_iterate:
        lines += _assigned({"y": parts.query}, given, "_y")
    lines += [f"{name} = new_{name}" for name in parts.state if name not in uniform]
    lines += [f"{name} = new_{name}" for name in parts.totals if name not in uniform]
    return [*lines, "x = next_x"]


def _lane_text(parts: _Parts, kept: tuple[str, ...], step_size: Expression | None) -> str:
    depending = parts.depending()
    ahead = _Ahead(parts, step_size, () if "displacement" in depending else depending)
    live = ", ".join(kept)
    steps = [*ahead.loaded, *_round(parts, ahead.known)]
    if parts.at_iterate:
        steps.append("y = x")
    return "\n".join(
        [
            f"{_HEAD}def rounds(samples, step_sizes, t, {live}):",
            "    last_t = t",
            *(f"    {name}_at = empty({_AHEAD})" for name in ahead.stored),
            f"    for first in range(0, samples.size, {_AHEAD}):",
            f"        rounds_here = min({_AHEAD}, samples.size - first)",
            *(f"        {line}" for line in ahead.lines),
            "        for k in range(rounds_here):",
            *(f"            {line}" for line in steps),
            *(f"        {line}" for line in ahead.after),
            f"    return {live}",
            "",
        ]
    )


_ROUND_AHEAD = ("t = last_t + first + k + 1", "sample = samples[first + k]")


class _Ahead:
    """What is computed ahead of the steps: step sizes, and displacements where that can be.

    Args:
        parts: The formulas of a round.
        step_size: The formula of a step size, if there is one.
        depending: What depends on the iterate; nothing if displacements do.

    Attributes:
        lines: Loops over some rounds: step sizes, then the state round by round, then
            displacements.
        stored: Names of what they store.
        known: Of what they compute, the names by which the steps know it.
        loaded: Statements with which a step begins.
        after: Statements after the last step of these rounds.
    """

    def __init__(self, parts: _Parts, step_size: Expression | None, depending: Collection[str]):
        self.lines: list[str] = []
        self.stored: list[str] = []
        self.known: dict[str, str] = {}
        self.after: list[str] = []
        self.loaded = [*_ROUND_AHEAD, "step_size = step_sizes[first + k]"]
        if step_size is not None:
            self.loaded = list(_ROUND_AHEAD)
            computed = _assigned({"step_size": step_size}, {}, "_s")
            self._loop([*self.loaded, *computed], ["step_size"])
        if not depending:
            return
        state = [name for name in parts.state if name not in depending]
        self.known = {name: f"new_{name}" for name in state}
        given = {id(parts.outputs[name]): new for name, new in self.known.items()}
        displacement = parts.outputs["displacement"]
        # What the displacement or the steps ask for, of the state before and after a round.
        later = [n for name, n in parts.of_round.items() if name not in (*state, "displacement")]
        seen = walk([displacement, *later, parts.query], given)
        asked = {given[id(node)] for node in seen if id(node) in given}
        asked |= {n.arguments[0] for n in seen if n.operation == "input"} & set(state)
        gradient = _assigned({"g": parts.gradient}, {}, "_g")
        body = [*self.loaded, *gradient]
        body += _assigned({new: parts.outputs[name] for name, new in self.known.items()}, {}, "_")
        renewed = [f"{name} = {new}" for name, new in self.known.items()]
        self._loop(body, sorted(asked), renewed)
        # Loops that look back at the state of a round leave it behind.
        looked_at = sorted(asked & set(state))
        self.lines += [f"last_{name} = {name}" for name in looked_at]
        self.after = [f"{name} = last_{name}" for name in looked_at]
        body = [*self.loaded, *gradient, *_assigned({"displacement": displacement}, given, "_d")]
        self._loop(body, ["displacement"])
        self.known["displacement"] = "displacement"

    def _loop(self, body: list[str], stored: Sequence[str], after: Sequence[str] = ()) -> None:
        kept = [f"{name}_at[k] = {name}" for name in stored]
        self.lines.append("for k in range(rounds_here):")
        self.lines += [f"    {line}" for line in (*body, *kept, *after)]
        self.stored += stored
        self.loaded += [f"{name} = {name}_at[k]" for name in stored]


def _sizes(step_size: Expression | None) -> list[str]:
    """Statements that compute the step sizes of all rounds, if there is a formula."""
    if step_size is None:
        return []
    return [
        "step_sizes = empty(len(samples))",
        "for k in range(len(samples)):",
        "    t = last_t + k + 1",
        *(f"    {line}" for line in _assigned({"step_size": step_size}, {}, "_s")),
        "    step_sizes[k] = step_size",
    ]


def _lanes_text(
    parts: _Parts,
    kept: tuple[str, ...],
    wide: set[str],
    by_lane: bool,
    step_size: Expression | None,
) -> str:
    narrow = [name for name in kept if name not in wide]
    arrays = [name for name in kept if name in wide and not (name == "y" and parts.at_iterate)]
    uniform = {n: node for n, node in parts.of_round.items() if n not in wide}
    outer = _assigned({f"new_{name}": node for name, node in uniform.items()}, {}, "_u")
    inner = _round(parts, {name: f"new_{name}" for name in uniform})
    head = ", ".join(["samples", "step_sizes", "t", *narrow, *(f"{n}_of" for n in arrays)])
    # Parts of one array at distances that the compiler knows cannot overlap, so that it need not
    # find out in every round before it works side by side.
    places = {name: f"here[i + {k * _APART}]" for k, name in enumerate([*arrays, "sample"])}
    size = len(places) * _APART
    lines = [
        "last_t = t",
        *(f"first_{name} = {name}" for name in narrow),
        *_sizes(step_size),
        f"unaligned = empty({size} + 8)",
        # From an address that is a multiple of 64 bytes: no register is filled from two lines.
        "start = (-(unaligned.ctypes.data // 8)) % 8",
        f"here = unaligned[start : start + {size}]",
        f"for first in range(0, x_of.size, {_BLOCK}):",
        "    t = last_t",
        *(f"    {name} = first_{name}" for name in narrow),
        f"    lanes_here = min({_BLOCK}, x_of.size - first)",
        "    for i in range(lanes_here):",
        *(f"        {places[name]} = {name}_of[first + i]" for name in arrays),
        "    for k in range(step_sizes.size):",
        "        t += 1",
        "        step_size = step_sizes[k]",
        *(
            [
                "        for i in range(lanes_here):",
                f"            {places['sample']} = samples[k, first + i]",
            ]
            if by_lane
            else ["        sample = samples[k]"]
        ),
        *(f"        {line}" for line in outer),
        "        for i in range(lanes_here):",
        *([f"            sample = {places['sample']}"] if by_lane else []),
        *(f"            {name} = {places[name]}" for name in arrays),
        *(["            y = x"] if parts.at_iterate else []),
        *(f"            {line}" for line in inner),
        *(f"            {places[name]} = {name}" for name in arrays),
        *(f"        {name} = new_{name}" for name in narrow),
        "    for i in range(lanes_here):",
        *(f"        {name}_of[first + i] = {places[name]}" for name in arrays),
        f"return ({', '.join(narrow)}{',' if narrow else ''})",
    ]
    return "\n".join([f"{_HEAD}def rounds({head}):", *(f"    {line}" for line in lines), ""])
