"""Blocks of rounds in one dimension, in compiled code with the bits of the numpy engine.

A rule, the quantities that a run keeps, a one-dimensional problem and mostly the schedule are
formulas that can be traced; together they make one loop without a call in it, which numba compiles.
Numbers are passed when it runs, one for all lanes or one for each, so that one module serves all
settings. The text of the loop is the module: its hash is its name in the user's cache folder, and
an edited rule is another module.

What makes it fast changes no bit:

- comparisons are conditional expressions and division never raises, so that lanes are computed
  side by side in vector registers;
- lanes are worked on in blocks whose state stays in the nearest cache;
- in a run alone, step sizes, and displacements that do not depend on the iterate, are computed a
  few rounds ahead, side by side in vector registers too;
- once every 1 - beta**t has rounded to 1, which a running product tells and which stays so,
  dividing by it is left out; and so is multiplying a product that has become too small to change
  (near 2**-1074, where processors are slow), or that differs from lane to lane: it is multiplied
  apart, once for all lanes of a setting.

There is no `fastmath`, and nothing is contracted: each operation rounds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.engines.lowering import Round, lowered
from convergence.engines.modules import DECORATOR, HEAD, compiled_function, in_parts
from convergence.expression import Expression, dependents, inputs_of, rebuilt, replaced, walk
from convergence.printing import NUMBERS, assigned
from convergence.quantity import Quantity
from convergence.rule import Rule
from convergence.tracing import scalar_formulas
from problems.arithmetic import maximum, minimum
from problems.problem import Problem

__all__ = ["Factor", "Loop", "compiled_loop"]

# Lanes in a block: a few arrays of so many numbers fit the nearest cache.
_BLOCK = 256
# How far apart they begin: whole lines of the cache, but at distances that are no multiple of 4096
# bytes, by which processors take what was stored in one for what is loaded from another.
_APART = _BLOCK + 40
# Rounds computed ahead: few, so that the processor begins with the next ones while it still takes
# the steps of these, one after the other.
_AHEAD = 32

Letters = Mapping[str, Any]


@dataclass(frozen=True)
class _Part:
    """The text of a module, the products that it leaves as they are, and its lanes."""

    text: str
    idle: tuple[str, ...]
    lanes: NDArray[np.intp]


@dataclass(frozen=True)
class Factor:
    """A running product p <- p * factor, and the nodes 1 - c p of the formulas.

    With 0 <= factor < 1 the product only falls, so that 1 - c p, 0 <= c <= 1, stays 1 once 1 - p
    has rounded to 1.

    Attributes:
        name: Of the product.
        factor: A letter or a number.
        shares: The c, letters or numbers.
        nodes: The nodes 1 - c p.
        alone: Whether nothing else depends on the product.
    """

    name: str
    factor: Expression
    shares: tuple[Expression, ...]
    nodes: tuple[Expression, ...]
    alone: bool

    def stage(self, product: Any, letters: Letters) -> tuple[Any, Any]:
        """Whether 1 - p stays 1 from the next round on, and whether p no longer changes.

        Both are arrays of lanes where anything is.
        """
        factor = _value(self.factor, letters)
        fits = (product >= 0) & (product <= 1) & (factor >= 0) & (factor < 1)
        for share in self.shares:
            c = _value(share, letters)
            fits = fits & (c >= 0) & (c <= 1)
        return fits & (1.0 - product * factor == 1.0), fits & (product * factor == product)


def _value(node: Expression, letters: Letters) -> Any:
    (given,) = node.arguments
    return letters[given] if node.operation == "input" else float(given)


@dataclass(frozen=True)
class Loop:
    """Compiled rounds of one rule on one problem.

    Attributes:
        round_: What a round does, with the problem's formulas in it.
        narrow, wide: What is kept: one number for all lanes, or one for each.
        lane_letters: Letters that differ from lane to lane; the others are numbers.
        factors: Running products beta**t that enter as 1 - beta**t.
        lanes: Whether values are arrays of lanes.
        sized: Whether the module computes step sizes itself.
        write: Makes the text of the module, once it is known for which of the factors 1 - beta**t
            stays 1, and which products the loop may leave as they are.
    """

    round_: Round
    narrow: tuple[str, ...]
    wide: tuple[str, ...]
    lane_letters: tuple[str, ...]
    factors: tuple[Factor, ...]
    lanes: bool
    sized: bool
    write: Callable[[tuple[str, ...], tuple[str, ...]], str]

    def parts(self, values: Mapping[str, Any], letters: Letters, lanes: int = 1) -> list[_Part]:
        """The texts of the loops that go on from these values, each with its lanes.

        Lanes whose products have come equally far go together: all of them, or those of a setting.
        """
        stages = []
        for factor in self.factors:
            one, still = factor.stage(values[factor.name], letters)
            # A product by lane that nothing else depends on is multiplied apart, once for each
            # setting, so that the loop need not wait for it to become constant.
            stages.append((one, one if factor.alone and factor.name in self.wide else still))
        every = np.arange(lanes)
        if not any(np.ndim(flag) for stage in stages for flag in stage):
            return [self._part(stages, every)]
        flags = np.array([np.broadcast_to(flag, lanes) for stage in stages for flag in stage])
        kinds, place = np.unique(flags, axis=1, return_inverse=True)
        if kinds.shape[1] == 1:
            return [self._part(kinds.reshape(-1, 2), every)]
        found = []
        for k, kind in enumerate(kinds.T):
            found.append(self._part(kind.reshape(-1, 2), np.flatnonzero(place.reshape(-1) == k)))
        return found

    def _part(self, stages: Any, lanes: Any) -> _Part:
        names = [factor.name for factor in self.factors]
        idle = tuple(name for name, (_, still) in zip(names, stages, strict=True) if still)
        ones = tuple(names) if all(one for one, _ in stages) else idle
        return _Part(self.write(ones, idle), idle, lanes)

    def run(
        self,
        samples: Any,
        step_sizes: Any,
        t: int,
        letters: Letters,
        live: Sequence[Any],
        workers: int = 1,
    ) -> tuple[Any, ...]:
        """Carry out the rounds t + 1, t + 2, ...

        Args:
            samples: One for each round, or shape (rounds, lanes).
            step_sizes: One for each round, or (rounds, lanes); not looked at if the module
                computes them.
            t: Rounds done.
            letters: Their numbers, by lane where they differ.
            live: Values of what is kept, in its order.
            workers: Threads that share the lanes.

        Returns:
            The values after the last round.
        """
        kept = self.round_.kept
        values = dict(zip(kept, live, strict=True))
        numbers = [
            float(letters[name]) for name in self.round_.letters if name not in self.lane_letters
        ]
        lanes = max(map(np.size, live)) if self.lanes else 1
        parts = self.parts(values, letters, lanes)
        if not self.lanes:
            function = compiled_function(parts[0].text)
            return tuple(function(samples, step_sizes, t, *numbers, *map(float, live)))
        arrays = {name: _of_lanes(values[name], lanes) for name in self.wide}
        fixed = [_of_lanes(letters[name], lanes) for name in self.lane_letters]
        numbers += [float(values[name]) for name in self.narrow]

        def carry_out(part: _Part, some: slice) -> Any:
            # All lanes, mostly: then nothing is copied.
            at = some if len(parts) == 1 else part.lanes[some]
            drawn = samples[:, at] if samples.ndim == 2 else samples
            sizes = step_sizes[:, at] if step_sizes.ndim == 2 else step_sizes
            own = [array[at] for array in (*fixed, *arrays.values())]
            found = compiled_function(part.text)(drawn, sizes, t, *numbers, *own)
            for array, value in zip(arrays.values(), own[len(fixed) :], strict=True):
                array[at] = value
            for factor in self.factors:
                if factor.name in part.idle and factor.name in arrays:
                    product, by = arrays[factor.name], _value(factor.factor, letters)
                    by = by[at] if np.ndim(by) else by
                    product[at] = _multiplied(product[at], by, len(samples))
            return found

        # Whole blocks to each thread; what is no array every one of them finds alike.
        found = [
            narrow
            for part in parts
            for narrow in in_parts(len(part.lanes), workers, partial(carry_out, part), _BLOCK)
        ]
        after = {**arrays, **dict(zip(self.narrow, found[0], strict=True))}
        after.setdefault("y", arrays["x"])
        return tuple(after[name] for name in kept)


_MULTIPLIED = (
    HEAD
    + DECORATOR
    + """def rounds(product, factor, count):
    for i in range(product.size):
        for _ in range(count):
            new = product[i] * factor[i]
            if new == product[i]:
                break
            product[i] = new
"""
)


def _multiplied(products: Any, factors: Any, count: int) -> Any:
    """Products after so many multiplications, each pair of numbers only once."""
    pairs = np.stack([products, np.broadcast_to(factors, products.shape)])
    each, place = np.unique(pairs, axis=1, return_inverse=True)
    product, factor = np.ascontiguousarray(each[0]), np.ascontiguousarray(each[1])
    compiled_function(_MULTIPLIED)(product, factor, count)
    return product[place.reshape(-1)]


def _of_lanes(value: Any, lanes: int) -> Any:
    """An array of its own, of one number for each lane."""
    out = np.empty(lanes)
    out[:] = value
    return out


def compiled_loop(
    rule: Rule,
    quantities: Sequence[Quantity],
    problem: Problem,
    step_size: Expression | None,
    *,
    lanes: bool,
    by_lane: frozenset[str] = frozenset(),
) -> Loop:
    """Generate the loop of a run; it is compiled when it first runs.

    Runs of the same formulas share one, whatever their numbers.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate.
        problem: One for which `why_not` finds no reason.
        step_size: Its formula, if there is one.
        lanes: Whether there are many lanes, or one.
        by_lane: Which of sample, step_size and letters differ from lane to lane.
    """
    loss, gradient, _ = scalar_formulas(problem)
    round_ = lowered(rule.traced, quantities, problem.domain)
    return _loop(round_, loss, gradient, step_size, lanes, by_lane)


@lru_cache(maxsize=256)
def _loop(
    plain: Round,
    loss: Expression,
    gradient: Expression,
    step_size: Expression | None,
    lanes: bool,
    by_lane: frozenset[str],
) -> Loop:
    by = {"g": gradient, "loss": loss}
    letters = sorted(inputs_of(loss, gradient) - {"y", "sample"})
    sized_by_lane = False
    if step_size is not None:
        sizes = sorted(inputs_of(step_size) - {"t"})
        letters += sizes
        if not by_lane.isdisjoint(sizes):
            by["step_size"], sized_by_lane = step_size, True
    inputs = {"y": Expression("input", "x")} if plain.at_iterate else {}
    one = _folded(plain.replaced(by, letters).replaced(inputs), {}, lanes=lanes)
    # Gradients count as different from lane to lane, whatever the problem: nothing is shared.
    first = by_lane | ({"step_size"} if sized_by_lane else frozenset())
    wide = plain.beside(first).arrays if lanes else ()
    narrow = tuple(name for name in one.made if name not in wide)
    inside = None if sized_by_lane else step_size
    known = inputs_of(inside) - {"t"} if inside is not None else set()
    one = one.asking(known)
    factors = tuple(_saturating(one))

    @cache
    def write(saturated: tuple[str, ...], constant: tuple[str, ...]) -> str:
        ones = [node for factor in factors if factor.name in saturated for node in factor.nodes]
        new: dict[int, Expression] = {id(node): Expression.of(1) for node in ones}
        new |= {id(one.made[name]): Expression("input", name) for name in constant}
        left = _folded(one, new, lanes=lanes) if new else one
        text = _Text(left, one.letters, inside, by_lane)
        return text.of_lanes(narrow, wide) if lanes else text.of_one()

    return Loop(
        one,
        narrow,
        wide,
        tuple(name for name in one.letters if name in by_lane) if lanes else (),
        factors,
        lanes,
        step_size is not None,
        write,
    )


def _is_one(node: Expression) -> bool:
    return node.operation == "constant" and bool(node.arguments[0] == 1)


def _folded(round_: Round, known: Mapping[int, Expression], *, lanes: bool) -> Round:
    """A round of one coordinate with some nodes replaced below.

    a / 1, a * 1, 1 * a and sqrt(1) are exact, and so they are left out; the norm of one number is
    its size, and the mean itself. For vector registers, which have an instruction for each
    extreme, a clip is two of them; in a run alone it waits for both ends at once, and stays.
    """

    def change(operation: str, parts: list[Expression]) -> Expression:
        if operation in ("/", "*") and _is_one(parts[1]):
            return parts[0]
        if operation == "*" and _is_one(parts[0]):
            return parts[1]
        if (operation == "sqrt" and _is_one(parts[0])) or operation == "mean":
            return parts[0]
        if operation == "norm":
            return abs(parts[0])
        if operation == "clip" and lanes:
            x, low, high = parts
            return maximum(low, minimum(high, x))
        return Expression(operation, *parts)

    return round_.changed(lambda outputs: rebuilt(outputs, change, known))


def _at_most(node: Expression, product: Expression, letters: Sequence[str]) -> Expression | None:
    """The c of a node c * product, a letter or a number; 1 for the product itself."""
    if node is product:
        return Expression.of(1)
    if node.operation != "*":
        return None
    shares = [part for part in node.arguments if part is not product]
    if len(shares) != 1 or not _is_number(shares[0], letters):
        return None
    return shares[0]


def _is_number(node: Expression, letters: Sequence[str]) -> bool:
    return node.operation == "constant" or (
        node.operation == "input" and node.arguments[0] in letters
    )


def _saturating(round_: Round) -> list[Factor]:
    found = []
    nodes = walk(round_.made.values())
    for name in round_.state:
        new = round_.made[name]
        if new.operation != "*":
            continue
        own = Expression("input", name)
        factors = [part for part in new.arguments if part is not own]
        if len(factors) != 1 or not _is_number(factors[0], round_.letters):
            continue
        shares = {}
        for node in nodes:
            if node.operation == "-" and _is_one(node.arguments[0]):
                share = _at_most(node.arguments[1], new, round_.letters)
                if share is not None:
                    shares[id(node)] = node, share
        if shares:
            taken, cs = zip(*shares.values(), strict=True)
            ones = {id(node): Expression.of(1) for node in taken}
            others = {n: node for n, node in round_.made.items() if n != name}
            alone = name not in inputs_of(*replaced(others, {}, ones).values())
            found.append(Factor(name, factors[0], tuple(cs), tuple(taken), alone))
    return found


_ROUND_AHEAD = ("t = last_t + first + k + 1", "sample = samples[first + k]")


class _Text:
    """Writes a module.

    Args:
        round_: What a round does.
        letters: What the function takes; a round from which something was left out may need fewer.
        step_size: The formula of a step size that is the same for all lanes, if there is one.
        by_lane: What differs from lane to lane though no gradient is in it.
    """

    def __init__(
        self,
        round_: Round,
        letters: tuple[str, ...],
        step_size: Expression | None,
        by_lane: frozenset[str],
    ):
        self.round_, self.letters, self.step_size = round_, letters, step_size
        self.by_lane = by_lane

    def _size(self) -> list[str]:
        """Statements that compute a step size."""
        assert self.step_size is not None
        return assigned({"step_size": self.step_size}, NUMBERS, prefix="_s")

    # One run: step sizes and displacements are computed ahead

    def of_one(self) -> str:
        """A module for one lane."""
        round_ = self.round_
        self.lines: list[str] = []
        self.stored: list[str] = []
        self.loaded = [*_ROUND_AHEAD]
        after: list[str] = []
        given: dict[int, str] = {}
        if self.step_size is not None:
            self._loop([*self.loaded, *self._size()], ["step_size"])
        else:
            self.loaded.append("step_size = step_sizes[first + k]")
        depending = dependents(round_.made, ("x", "y"))
        if not inputs_of(round_.displacement) & depending:
            given, after = self._ahead([n for n in round_.state if n not in depending])
        made = {name: node for name, node in round_.made.items() if id(node) not in given}
        known = [name for name in round_.made if name not in made]
        steps = [*self.loaded, *assigned({f"new_{n}": e for n, e in made.items()}, NUMBERS, given)]
        # What was computed ahead stands under its new name already.
        steps += [f"{name} = new_{name}" for name in round_.made if name not in known]
        steps += [f"{name} = new_{name}" for name in known if f"new_{name}" in self.stored]
        if round_.at_iterate:
            steps.append("y = x")
        live = ", ".join(round_.kept)
        head = ", ".join(["samples", "step_sizes", "t", *self.letters, live])
        return "\n".join(
            [
                f"{HEAD}{DECORATOR}def rounds({head}):",
                "    last_t = t",
                *(f"    {name}_at = empty({_AHEAD})" for name in self.stored),
                f"    for first in range(0, samples.size, {_AHEAD}):",
                f"        rounds_here = min({_AHEAD}, samples.size - first)",
                *(f"        {line}" for line in self.lines),
                "        for k in range(rounds_here):",
                *(f"            {line}" for line in steps),
                *(f"        {line}" for line in after),
                f"    return {live}",
                "",
            ]
        )

    def _ahead(self, state: Sequence[str]) -> tuple[dict[int, str], list[str]]:
        """Loops over some rounds that compute state, round by round, and then displacements.

        Returns:
            Names of the nodes they compute, and statements after the last step of these rounds.
        """
        made, displacement = self.round_.made, self.round_.displacement
        given = {id(made[name]): f"new_{name}" for name in state}
        # What the displacement or the steps ask for, of the state before and after a round.
        later = [node for name, node in made.items() if name not in state]
        seen = walk([displacement], given) + walk(later, {**given, id(displacement): ""})
        asked = {given[id(node)] for node in seen if id(node) in given}
        asked |= {n.arguments[0] for n in seen if n.operation == "input"} & set(state)
        body = [*self.loaded, *assigned({f"new_{n}": made[n] for n in state}, NUMBERS)]
        self._loop(body, sorted(asked), [f"{name} = new_{name}" for name in state])
        # Loops that look back at the state of a round leave it behind.
        looked_at = sorted(asked & set(state))
        self.lines += [f"last_{name} = {name}" for name in looked_at]
        after = [f"{name} = last_{name}" for name in looked_at]
        body = [*self.loaded, *assigned({"displacement": displacement}, NUMBERS, given, "_d")]
        self._loop(body, ["displacement"])
        return {**given, id(displacement): "displacement"}, after

    def _loop(self, body: list[str], stored: Sequence[str], after: Sequence[str] = ()) -> None:
        kept = [f"{name}_at[k] = {name}" for name in stored]
        self.lines.append("for k in range(rounds_here):")
        self.lines += [f"    {line}" for line in (*body, *kept, *after)]
        self.stored += stored
        self.loaded += [f"{name} = {name}_at[k]" for name in stored]

    # Many lanes

    def of_lanes(self, narrow: Sequence[str], wide: Sequence[str]) -> str:
        """A module for lanes side by side, with what is kept for all of them and for each."""
        round_ = self.round_
        fixed = [name for name in self.letters if name in self.by_lane]
        numbers = [name for name in self.letters if name not in self.by_lane]
        drawn = [name for name in ("sample", "step_size") if name in self.by_lane]
        common = [n for n in ("sample", "step_size") if n not in drawn]
        head = ["samples", "step_sizes", "t", *numbers, *narrow]
        head += [f"{name}_of" for name in (*fixed, *wide)]
        outer = {f"new_{name}": round_.made[name] for name in narrow}
        inner = {f"new_{name}": round_.made[name] for name in wide}
        given = {id(node): name for name, node in outer.items()}
        # Parts of one array at distances that the compiler knows cannot overlap, so that it need
        # not find out in every round before it works side by side.
        names = [*fixed, *wide, *drawn]
        places = {name: f"here[i + {k * _APART}]" for k, name in enumerate(names)}
        size = len(places) * _APART
        sizes = [
            "step_sizes = empty(len(samples))",
            "for k in range(len(samples)):",
            "    t = last_t + k + 1",
            *(f"    {line}" for line in (self._size() if self.step_size is not None else ())),
            "    step_sizes[k] = step_size",
        ]
        lines = [
            "last_t = t",
            *(f"first_{name} = {name}" for name in narrow),
            *(sizes if self.step_size is not None else ()),
            f"unaligned = empty({size} + 8)",
            # From an address that is a multiple of 64 bytes: no register is filled from two lines.
            "start = (-(unaligned.ctypes.data // 8)) % 8",
            f"here = unaligned[start : start + {size}]",
            f"for first in range(0, x_of.size, {_BLOCK}):",
            "    t = last_t",
            *(f"    {name} = first_{name}" for name in narrow),
            f"    lanes_here = min({_BLOCK}, x_of.size - first)",
            "    for i in range(lanes_here):",
            *(f"        {places[name]} = {name}_of[first + i]" for name in (*fixed, *wide)),
            "    for k in range(len(samples)):",
            "        t += 1",
            *(
                f"        {name} = {name}s[k]"
                for name in common
                if name == "sample" or "step_size" in round_.asked
            ),
            *(
                line
                for name in drawn
                for line in (
                    "        for i in range(lanes_here):",
                    f"            {places[name]} = {name}s[k, first + i]",
                )
            ),
            *(f"        {line}" for line in assigned(outer, NUMBERS, prefix="_u")),
            "        for i in range(lanes_here):",
            *(f"            {name} = {places[name]}" for name in names),
            *(f"            {line}" for line in assigned(inner, NUMBERS, given)),
            *(f"            {places[name]} = new_{name}" for name in wide),
            *(f"        {name} = new_{name}" for name in narrow),
            "    for i in range(lanes_here):",
            *(f"        {name}_of[first + i] = {places[name]}" for name in wide),
            f"return ({', '.join(narrow)}{',' if narrow else ''})",
        ]
        return "\n".join(
            [
                f"{HEAD}{DECORATOR}def rounds({', '.join(head)}):",
                *(f"    {line}" for line in lines),
                "",
            ]
        )
