"""Compiled steps for problems of several dimensions, with the bits of the numpy engine.

The loss and the gradient of a round come from the problem, for all lanes at once. What follows,
the rule's step, the running totals and a projection onto a box, is one generated function that
passes over the lanes once and works in place, where numpy makes an array for every operation.

Sums over coordinates go in index order, as in the numpy engine, so that no bit differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from convergence.engines.lowering import (
    BY_COORDINATE,
    BY_LANE,
    Round,
)
from convergence.engines.modules import DECORATOR, HEAD, compiled_function, in_parts
from convergence.expression import REDUCTIONS, Expression, walk
from convergence.printing import NUMBERS, assigned, statements
from convergence.rule import Rule
from convergence.tracing import projects_by_formula
from problems.domain import Domain

__all__ = ["Steps", "compiled_steps", "why_no_steps"]

Letters = Mapping[str, Any]


@dataclass(frozen=True)
class Steps:
    """Rounds of one rule, whose steps are compiled.

    Attributes:
        round_: What a round does.
        arguments: What the compiled function of a step takes, and in which order.
        body: Its statements.
    """

    round_: Round
    arguments: tuple[str, ...]
    body: str

    @property
    def needs_loss(self) -> bool:
        """Whether the loss is evaluated."""
        return "loss" in self.round_.asked

    def function(self, name: str) -> str:
        """The text of the compiled function under a name."""
        return f"{DECORATOR}def {name}({', '.join(self.arguments)}):\n{self.body}\n"

    @property
    def source(self) -> str:
        """The text of a module that holds nothing else."""
        return HEAD + self.function("rounds")

    def letters(self, given: Letters) -> tuple[tuple[float, ...], tuple[Any, ...]]:
        """Numbers of the letters, and arrays (lanes, 1) of those that differ between lanes."""
        return (
            tuple(float(given[name]) for name in self.round_.common_letters),
            tuple(np.ascontiguousarray(given[n], float)[:, None] for n in self.round_.lane_letters),
        )

    def prepared(self, live: Sequence[Any]) -> tuple[dict[str, Any], tuple[float, ...]]:
        """Arrays of what is by lane or by coordinate, to be worked on in place, and numbers.

        What stood before stays as it was.
        """
        values = dict(zip(self.round_.kept, live, strict=True))
        shape = live[0].shape
        shapes = {BY_LANE: (shape[0], 1), BY_COORDINATE: shape}
        arrays = {
            name: np.array(
                np.broadcast_to(values[name], shapes[self.round_.levels[name]]), float, order="C"
            )
            for name in self.round_.arrays
        }
        return arrays, tuple(float(values[name]) for name in self.round_.numbers)

    def gathered(self, arrays: Mapping[str, Any], numbers: Iterable[float]) -> tuple[Any, ...]:
        """Values of what is kept, in its order."""
        found = {"y": arrays["x"], **arrays, **dict(zip(self.round_.numbers, numbers, strict=True))}
        return tuple(found[name] for name in self.round_.kept)

    def run(
        self,
        loss_of: Callable[[Any, Any], Any],
        gradient: Callable[[Any, Any], Any],
        project: Callable[[Any], Any],
        samples: Iterable[Any],
        step_sizes: Iterable[Any],
        t: int,
        letters: Letters,
        *live: Any,
        workers: int = 1,
    ) -> tuple[Any, ...]:
        """Carry out the rounds t + 1, t + 2, ... of the samples; see `Kernel.run`.

        Args:
            loss_of: See `Kernel.run`, as of all that follow.
            gradient: Like loss and projection called from all threads at once.
            project: Onto the domain.
            samples: Arrays of one for each lane, or what all lanes share.
            step_sizes: One for each round, or an array (lanes, 1) for each.
            t: Rounds done.
            letters: Their numbers; arrays (lanes,) where they differ from lane to lane.
            live: Values of what is kept, in its order.
            workers: Threads that share the lanes; the problem must be one for all of them.
        """
        step, lanes = compiled_function(self.source), live[0].shape[0]
        arrays, first = self.prepared(live)
        numbers, fixed = self.letters(letters)
        drawn, sizes = list(samples), list(step_sizes)

        def carry_out(part: slice) -> tuple[float, ...]:
            def of_part(value: Any) -> Any:
                return value[part] if isinstance(value, np.ndarray) and several else value

            several = part.stop - part.start < lanes
            own = {name: array[part] for name, array in arrays.items()}
            x, uniform = own["x"], first
            y, loss = own.get("y", x), np.zeros((len(x), 1))
            parts = (*(letter[part] for letter in fixed), *own.values())
            # What a thread ignores is its own affair.
            with np.errstate(all="ignore"):
                for done, (each, size) in enumerate(zip(drawn, sizes, strict=False), start=t + 1):
                    sample = of_part(each)
                    g = _contiguous(gradient(y, sample), x.shape)
                    if self.needs_loss:
                        loss = _contiguous(loss_of(y, sample), loss.shape)
                    uniform = step(done, of_part(size), g, loss, *numbers, *uniform, *parts)
                    if not self.round_.projects:
                        x[...] = project(x)
            return uniform

        return self.gathered(arrays, in_parts(lanes, workers, carry_out)[0])


def _contiguous(values: Any, shape: tuple[int, ...]) -> Any:
    if np.shape(values) != shape:
        values = np.broadcast_to(values, shape)
    return np.ascontiguousarray(values, float)


def why_no_steps(rule: Rule, domain: Domain, *, by_metric: bool) -> str:
    """Why the steps of a rule are not compiled, in a sentence, or ""."""
    if by_metric:
        return "the projection in the metric of the rule is not written as a formula"
    if not projects_by_formula(domain) and "query" in rule.outputs:
        return f"the projection onto {domain} comes before {rule.key} chooses its next query point"
    return ""


@lru_cache(maxsize=256)
def compiled_steps(round_: Round) -> Steps:
    """Generate the step of a rule; it is compiled when it first runs.

    Args:
        round_: What a round does; `why_no_steps` finds no reason against it.
    """
    return Steps(round_, *_Writer(round_).text())


class _Writer:
    """Writes the text of a step."""

    def __init__(self, round_: Round):
        self.round_ = round_
        self.made, self.levels = round_.made, round_.levels
        self.carried = list(round_.made)
        # Inner ones first.
        self.nodes = [n for n in walk(self.made.values()) if n.operation in REDUCTIONS]
        self.reductions = {id(n): f"_{n.operation}{k}" for k, n in enumerate(self.nodes)}

    def _at(self, level: int) -> list[str]:
        return [name for name in self.carried if self.levels[name] == level]

    def _asked(self, nodes: Iterable[Expression], level: int) -> list[str]:
        """Inputs of a level, not counting those of reductions that are computed already."""
        seen = [n for n in walk(nodes, self.reductions) if n.operation == "input"]
        names = dict.fromkeys(node.arguments[0] for node in seen)
        return [name for name in names if self.levels[name] == level]

    def _assigned(self, names: Sequence[str], prefix: str) -> list[str]:
        """Statements that compute `new_name` for each name."""
        outputs = {f"new_{name}": self.made[name] for name in names}
        return assigned(outputs, NUMBERS, self.reductions, prefix)

    def _lane_loop(self, flat: bool) -> list[str]:
        """Lane by lane: what is by lane, and coordinates too unless they go in one row."""
        names = self._at(BY_LANE)
        of_lane, coordinates = [self.made[n] for n in names], self._at(BY_COORDINATE)
        wanted = [*of_lane, *(() if flat else (self.made[n] for n in coordinates))]
        asked = self._asked(wanted, BY_LANE)
        for node in self.nodes:
            asked += self._asked(node.arguments, BY_LANE)
        body = [f"{name} = {name}_of[_lane, 0]" for name in dict.fromkeys(asked)]
        for node in self.nodes:
            body += self._reduction(node)
        body += self._assigned(names, "_l")
        if not flat:
            body += self._coordinate_loop("[_lane, _i]", "g_of.shape[1]")
        body += [f"{name}_of[_lane, 0] = new_{name}" for name in names]
        return ["for _lane in range(g_of.shape[0]):", *(f"    {line}" for line in body)]

    def _reduction(self, node: Expression) -> list[str]:
        name = self.reductions[id(node)]
        (argument,) = node.arguments
        term = "term * term" if node.operation == "norm" else "term"
        lines, values = statements(
            {"term": argument}, NUMBERS, given=self.reductions, prefix=f"{name}_"
        )
        term = term.replace("term", "_term")
        body = [f"{n} = {n}_of[_lane, _i]" for n in self._asked([argument], BY_COORDINATE)]
        body += [*lines, f"_term = {values['term']}", f"{name} += {term}"]
        end = f"sqrt({name})" if node.operation == "norm" else f"{name} / g_of.shape[1]"
        # The sum begins with -0.0, to which adding changes no number.
        return [
            f"{name} = -0.0",
            "for _i in range(g_of.shape[1]):",
            *(f"    {line}" for line in body),
            f"{name} = {end}",
        ]

    def _coordinate_loop(self, place: str, count: str) -> list[str]:
        names = self._at(BY_COORDINATE)
        asked = self._asked([self.made[name] for name in names], BY_COORDINATE)
        ending = "_row" if place == "[_i]" else "_of"
        body = [f"{name} = {name}{ending}{place}" for name in asked]
        body += self._assigned(names, "_")
        body += [f"{name}{ending}{place} = new_{name}" for name in names]
        return [f"for _i in range({count}):", *(f"    {line}" for line in body)]

    def text(self) -> tuple[tuple[str, ...], str]:
        """Arguments and statements."""
        uniform, by_lane, by_coordinate = (self._at(level) for level in range(3))
        arrays = [name for name in self.carried if name not in uniform]
        nodes = [self.made[name] for name in by_coordinate]
        among = [n for n in walk(nodes, self.reductions) if id(n) in self.reductions]
        # Where nothing is by lane, coordinates of all lanes are one long row.
        flat = not (among or self._asked(nodes, BY_LANE))
        lines = self._assigned(uniform, "_u")
        if by_lane or not flat:
            lines += self._lane_loop(flat)
        if flat:
            rows = self._asked(nodes, BY_COORDINATE)
            rows = list(dict.fromkeys([*rows, *by_coordinate]))
            lines += [f"{name}_row = {name}_of.reshape(-1)" for name in rows]
            lines += self._coordinate_loop("[_i]", "g_row.size" if "g" in rows else "x_row.size")
        lines.append(f"return ({''.join(f'float(new_{name}), ' for name in uniform)})")
        size = "step_size_of" if "step_size" in self.round_.by_lane else "step_size"
        head = ["t", size, "g_of", "loss_of", *self.round_.common_letters, *uniform]
        head += [f"{name}_of" for name in (*self.round_.lane_letters, *arrays)]
        return tuple(head), "\n".join(f"    {line}" for line in lines)
