"""Compiled steps for problems of several dimensions, with the bits of the numpy engine.

The loss and the gradient of a round come from the problem, for all lanes at once. What follows,
the rule's step, the running totals and a projection onto a box, is one generated function that
passes over the lanes once and works in place, where numpy makes an array for every operation.

Sums over coordinates go in index order, as in the numpy engine, so that no bit differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from convergence.engines.formulas import (
    BY_COORDINATE,
    BY_LANE,
    REDUCTIONS,
    UNIFORM,
    levels_of,
    projects_by_formula,
    replacements,
)
from convergence.engines.modules import compiled_function
from convergence.expression import Expression, inputs_of, statements, walk
from convergence.quantity import Quantity
from convergence.rule import Rule
from problems.domain import Domain

__all__ = ["DECORATOR", "Steps", "compiled_steps", "why_no_steps"]

_HEAD = '''"""The step of a round, generated; its name is the hash of this text."""

from math import sqrt

from numba import njit


'''

#: What stands above every function of a generated module.
DECORATOR = '@njit(error_model="numpy", cache=CACHED, nogil=True)\n'


@dataclass(frozen=True)
class Steps:
    """Rounds of one rule, whose steps are compiled.

    Attributes:
        kept: Names of what is carried from round to round: x, y, state and totals.
        levels: For each of them, whether it is uniform, by lane or by coordinate.
        at_iterate: Whether y is x.
        needs_loss: Whether the loss is evaluated.
        projects: Whether the domain has to be called to project.
        arguments: What the compiled function of a step takes, and in which order.
        body: Its statements.
    """

    kept: tuple[str, ...]
    levels: Mapping[str, int]
    at_iterate: bool
    needs_loss: bool
    projects: bool
    arguments: tuple[str, ...]
    body: str

    def function(self, name: str) -> str:
        """The text of the compiled function under a name."""
        return f"{DECORATOR}def {name}({', '.join(self.arguments)}):\n{self.body}\n"

    @property
    def source(self) -> str:
        """The text of a module that holds nothing else."""
        return _HEAD + self.function("rounds")

    def prepared(self, live: Sequence[Any]) -> tuple[dict[str, Any], tuple[float, ...]]:
        """Arrays of what is by lane or by coordinate, to be worked on in place, and numbers.

        Where y is x, it has no array of its own. What stood before stays as it was.
        """
        values = dict(zip(self.kept, live, strict=True))
        shape = live[0].shape
        shapes = {BY_LANE: (shape[0], 1), BY_COORDINATE: shape}
        arrays = {
            name: np.array(np.broadcast_to(values[name], shapes[level]), float, order="C")
            for name, level in self.levels.items()
            if level != UNIFORM and not (name == "y" and self.at_iterate)
        }
        return arrays, tuple(float(values[n]) for n in self.kept if self.levels[n] == UNIFORM)

    def gathered(self, arrays: Mapping[str, Any], numbers: Iterable[float]) -> tuple[Any, ...]:
        """Values of what is kept, in its order."""
        rest = iter(numbers)
        arrays = {"y": arrays["x"], **arrays}
        return tuple(next(rest) if self.levels[n] == UNIFORM else arrays[n] for n in self.kept)

    def run(
        self,
        loss_of: Callable[[Any, Any], Any],
        gradient: Callable[[Any, Any], Any],
        project: Callable[[Any], Any],
        samples: Iterable[Any],
        step_sizes: Iterable[float],
        t: int,
        *live: Any,
        workers: int = 1,
    ) -> tuple[Any, ...]:
        """Carry out the rounds t + 1, t + 2, ... of the samples; see `Kernel.run`.

        Args:
            loss_of: See `Kernel.run`, as of all that follow.
            gradient: Like loss and projection called from all threads at once.
            project: Onto the domain.
            samples: Arrays of one for each lane, or what all lanes share.
            step_sizes: One for each round.
            t: Rounds done.
            live: Values of what is kept, in its order.
            workers: Threads that share the lanes.
        """
        lanes = live[0].shape[0]
        share = -(-lanes // workers)
        reach, rounds = (loss_of, gradient, project), (list(samples), list(step_sizes))
        if share >= lanes:
            return self._run(*reach, *rounds, t, live)

        def carry_out(first: int) -> tuple[Any, ...]:
            part = slice(first, first + share)
            drawn = [s[part] if isinstance(s, np.ndarray) else s for s in rounds[0]]
            own = [v[part] if np.ndim(v) and len(v) == lanes else v for v in live]
            # What a thread ignores is its own affair.
            with np.errstate(all="ignore"):
                return self._run(*reach, drawn, rounds[1], t, own)

        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(carry_out, range(0, lanes, share)))
        return tuple(
            values[0] if self.levels[name] == UNIFORM else np.concatenate(values)
            for name, values in zip(self.kept, zip(*found, strict=True), strict=True)
        )

    def _run(
        self,
        loss_of: Callable[[Any, Any], Any],
        gradient: Callable[[Any, Any], Any],
        project: Callable[[Any], Any],
        samples: Sequence[Any],
        step_sizes: Sequence[float],
        t: int,
        live: Sequence[Any],
    ) -> tuple[Any, ...]:
        step = compiled_function(self.source)
        shape = live[0].shape
        by_lane = (shape[0], 1)
        arrays, uniform = self.prepared(live)
        x = arrays["x"]
        y = arrays.get("y", x)
        loss = np.zeros(by_lane)
        for sample, step_size in zip(samples, step_sizes, strict=False):
            t += 1
            g = _contiguous(gradient(y, sample), shape)
            if self.needs_loss:
                loss = _contiguous(loss_of(y, sample), by_lane)
            uniform = step(t, step_size, g, loss, *uniform, *arrays.values())
            if self.projects:
                x[...] = project(x)
        return self.gathered(arrays, uniform)


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


def compiled_steps(rule: Rule, quantities: Sequence[Quantity], domain: Domain) -> Steps:
    """Generate the step of a rule; it is compiled when it first runs.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate.
        domain: Onto which to project; `why_no_steps` finds no reason.
    """
    at_iterate = "query" not in rule.outputs
    made = replacements(rule, quantities, domain)
    levels = levels_of(made)
    kept = ("x", "y", *rule.state, *(q.name for q in quantities))
    return Steps(
        kept,
        {name: levels[name] for name in kept},
        at_iterate,
        "loss" in inputs_of(*made.values()),
        not projects_by_formula(domain),
        *_Writer(made, kept, levels).text(),
    )


class _Writer:
    """Writes the text of a step."""

    def __init__(
        self,
        made: Mapping[str, Expression],
        kept: tuple[str, ...],
        levels: Mapping[str, int],
    ):
        self.levels = levels
        self.carried = [name for name in kept if name in made]
        self.made = made
        # Inner ones first.
        self.nodes = [n for n in walk(made.values(), {}) if n.operation in REDUCTIONS]
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
        lines, values = statements(outputs, "number", given=self.reductions, prefix=prefix)
        return [*lines, *(f"{new} = {value}" for new, value in values.items() if new != value)]

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
            {"term": argument}, "number", given=self.reductions, prefix=f"{name}_"
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
        head = ["t", "step_size", "g_of", "loss_of", *uniform, *(f"{name}_of" for name in arrays)]
        return tuple(head), "\n".join(f"    {line}" for line in lines)
