"""Compiled runs on sparse examples, whose steps cost no more than the entries of their rows.

A rule that leaves a coordinate alone where its gradient is 0, bit for bit, need not look at it. The
loop, generated, goes through the rounds of one lane after the other: scores of the rows drawn,
slopes, then the rule's step at the columns of those rows. Sums go in the order of rows and columns,
as in the numpy engine, so that no bit differs.

That zeros are idle is proved for finite gradients and step sizes. Where a block meets others, it
says so, and is to be carried out in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.engines.formulas import (
    BY_COORDINATE,
    BY_LANE,
    REDUCTIONS,
    UNIFORM,
    levels_of,
    replacements,
)
from convergence.engines.kinds import FINITE, POSITIVE, kinds_of, reachable, unchanged
from convergence.engines.modules import compiled_function
from convergence.expression import Expression, inputs_of, statements, walk
from convergence.quantity import Quantity
from convergence.rule import Rule
from problems.domain import WholeSpace
from problems.problem import Problem, SparseExamples

__all__ = ["SparseLoop", "compiled_sparse_loop", "why_not_sparse"]

# Entries are smaller than this and slopes too, so that no product of them overflows.
_MODERATE = 1e150

# Rounds ahead for which rows are fetched: drawn at random, they stand in no cache.
_AHEAD = 4

_HEAD = '''"""Rounds on sparse examples, generated; its name is the hash of this text."""

from math import exp, sqrt

from numba import njit
from numpy import empty, zeros

from convergence.engines.prefetch import prefetch


@njit(error_model="numpy", cache=CACHED, nogil=True)
def expit(x):
    return 1.0 / (1.0 + exp(-x))


@njit(error_model="numpy", cache=CACHED, nogil=True)
'''


@dataclass(frozen=True)
class SparseLoop:
    """Compiled rounds of one rule on sparse examples.

    Attributes:
        kept: Names of what is carried from round to round: x, y, state and totals.
        levels: For each of them, whether it is uniform or by coordinate.
        examples: The rows.
        source: The text of the module.
    """

    kept: tuple[str, ...]
    levels: Mapping[str, int]
    examples: SparseExamples
    source: str

    def run(
        self,
        rows: NDArray[np.intp],
        step_sizes: NDArray[np.float64],
        t: int,
        live: Sequence[Any],
        workers: int = 1,
    ) -> tuple[Any, ...] | None:
        """Carry out the rounds t + 1, t + 2, ...

        Args:
            rows: Shape (rounds, lanes, batch), the examples drawn.
            step_sizes: One for each round.
            t: Rounds done.
            live: Values of what is kept, in its order.
            workers: Threads that share the lanes.

        Returns:
            The values after the last round; None if a step size or a slope is not finite, or so
            large that a gradient may not be.
        """
        if not (np.isfinite(step_sizes) & (step_sizes > 0)).all():
            return None
        shape = live[0].shape
        values = dict(zip(self.kept, live, strict=True))
        # Copies: what stood before the rounds stays as it was.
        arrays = {
            name: np.array(np.broadcast_to(values[name], shape), float, order="C")
            for name, level in self.levels.items()
            if level == BY_COORDINATE and name != "y"
        }
        numbers = [float(values[n]) for n in self.kept if self.levels[n] == UNIFORM]
        a = self.examples
        # Of a number without a sign compiled code need not ask whether it counts from the end.
        columns = a.indices.view(f"u{a.indices.dtype.itemsize}")
        function = compiled_function(self.source)

        def carry_out(part: slice) -> Any:
            drawn, own = rows[:, part], (v[part] for v in arrays.values())
            given = (a.indptr, columns, a.data, a.targets)
            return function(drawn, step_sizes, t, *given, *numbers, *own)

        share = -(-shape[0] // workers)
        parts = [slice(first, first + share) for first in range(0, shape[0], share)]
        if len(parts) == 1:
            found = [carry_out(parts[0])]
        else:
            with ThreadPoolExecutor(workers) as pool:
                found = list(pool.map(carry_out, parts))
        if not all(finite for finite, *_ in found):
            return None
        renewed = iter(found[0][1:])
        after = {n: next(renewed) for n in self.kept if self.levels[n] == UNIFORM} | arrays
        after["y"] = after["x"]
        return tuple(after[name] for name in self.kept)


def why_not_sparse(rule: Rule, quantities: Sequence[Quantity], problem: Problem) -> str:
    """Why a step has to look at every coordinate, in a sentence, or ""."""
    examples = problem.sparse_examples
    if examples is None:
        return "its gradients are not sums of a few sparse rows"
    if not isinstance(problem.domain, WholeSpace):
        return f"the projection onto {problem.domain} moves every coordinate"
    try:
        _slope(examples)
    except (TypeError, ValueError, AttributeError) as error:
        return f"the slope of its losses cannot be traced: {error}"
    if not examples.largest <= _MODERATE:
        return f"an entry is larger than {_MODERATE:g}"
    if "query" in rule.outputs:
        return f"{rule.key} takes gradients at a point other than the iterate"
    made = replacements(rule, quantities, problem.domain)
    for name, node in made.items():
        if any(part.operation in REDUCTIONS for part in walk([node], {})):
            return f"{_called(name, rule)} depends on all coordinates at once"
        if "loss" in inputs_of(node):
            return f"{_called(name, rule)} depends on the loss of every round"
    moved = _moved(made, rule, quantities, problem)
    if moved:
        named = " and ".join(_called(name, rule) for name in moved)
        return f"where the gradient is 0, {named} may change"
    return ""


def _called(name: str, rule: Rule) -> str:
    if name == "x":
        return f"the iterate of {rule.key}"
    return f"{name} of {rule.key}" if name in rule.state else f"the total {name}"


def _moved(
    made: Mapping[str, Expression], rule: Rule, quantities: Sequence[Quantity], problem: Problem
) -> list[str]:
    """What is by coordinate and may change where the gradient is 0."""
    first = {name: kinds_of(value) for name, value in rule.state.items()}
    first |= {q.name: kinds_of(q.start) for q in quantities}
    first["x"] = kinds_of(problem.start)
    inputs = {"g": FINITE, "step_size": POSITIVE, "t": POSITIVE}
    known = reachable(made, first, inputs)
    still = unchanged(made, {**inputs, **known, "g": kinds_of(0.0)})
    levels = levels_of(made)
    return [n for n in made if levels[n] == BY_COORDINATE and n not in still]


def _slope(examples: SparseExamples) -> Expression:
    return Expression.of(
        examples.slope(Expression("input", "score"), Expression("input", "target"))
    )


def compiled_sparse_loop(
    rule: Rule, quantities: Sequence[Quantity], problem: Problem, batch: int
) -> SparseLoop:
    """Generate the loop of a run; it is compiled when it first runs.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate.
        problem: One with which `why_not_sparse` finds no reason.
        batch: The number of rows that a round draws.
    """
    assert problem.sparse_examples is not None
    made = replacements(rule, quantities, problem.domain)
    levels = levels_of(made)
    assert BY_LANE not in (levels[name] for name in made)
    kept = ("x", "y", *rule.state, *(q.name for q in quantities))
    text = _text(made, levels, _slope(problem.sparse_examples), batch)
    return SparseLoop(kept, {n: levels[n] for n in kept}, problem.sparse_examples, text)


def _assigned(outputs: Mapping[str, Expression], prefix: str) -> list[str]:
    """Statements after which each name holds its output."""
    lines, values = statements(outputs, "number", prefix=prefix)
    return [*lines, *(f"{name} = {value}" for name, value in values.items() if name != value)]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _text(
    made: Mapping[str, Expression], levels: Mapping[str, int], slope: Expression, batch: int
) -> str:
    uniform = [name for name in made if levels[name] == UNIFORM]
    wide = [name for name in made if levels[name] == BY_COORDINATE]
    head = ["rows", "step_sizes", "t", "indptr", "indices", "data", "targets"]
    head += [*uniform, *(f"{name}_of" for name in wide)]
    asked = inputs_of(*(made[name] for name in wide))
    step = [f"{name} = {name}_row[i]" for name in wide if name in asked]
    step += _assigned({f"new_{name}": made[name] for name in wide}, "_")
    step += [f"{name}_row[i] = new_{name}" for name in wide]
    of_row = [
        "first, last = indptr[row], indptr[row + 1]",
        "score, target = 0.0, targets[row]",
        "for e in range(first, last):",
        "    score += data[e] * x_row[indices[e]]",
        *_assigned({"slope": slope}, "_s"),
        f"if not abs(slope) <= {_MODERATE!r}:",
        f"    return ({', '.join(['False', *uniform])},)",
    ]
    renewed = [f"new_{name}" for name in uniform]
    each = ["for b in range(rows.shape[2]):", *_indented(_FETCHED)]
    each = [f"if k + {_AHEAD} < rows.shape[0]:", *_indented(each)]
    each += _one_row(of_row, step) if batch == 1 else _several_rows(of_row, step)
    lane = [
        "t = last_t",
        *(f"{name} = first_{name}" for name in uniform),
        *(f"{name}_row = {name}_of[lane]" for name in wide),
        "for k in range(rows.shape[0]):",
        *_indented(["t += 1", "step_size = step_sizes[k]"]),
        *_indented(_assigned({f"new_{name}": made[name] for name in uniform}, "_u")),
        *_indented(each),
        *_indented([f"{name} = {new}" for name, new in zip(uniform, renewed, strict=True)]),
    ]
    lines = [
        "last_t = t",
        *(f"first_{name} = {name}" for name in uniform),
        *([] if batch == 1 else _BUFFERS),
        "for lane in range(rows.shape[1]):",
        *_indented(lane),
        f"return ({', '.join(['True', *uniform])},)",
    ]
    return "\n".join([f"{_HEAD}def rounds({', '.join(head)}):", *_indented(lines), ""])


def _one_row(of_row: Sequence[str], step: Sequence[str]) -> list[str]:
    """A round of one row, whose columns differ."""
    return [
        "row = rows[k, lane, 0]",
        *of_row,
        "for e in range(first, last):",
        # The sum that begins with 0.0, as of several rows: -0.0 becomes 0.0.
        *_indented(["i = indices[e]", "g = 0.0 + data[e] * slope", *step]),
    ]


# By lines of a cache: 8 entries, or 16 columns of 4 bytes.
_FETCHED = [
    f"later = rows[k + {_AHEAD}, lane, b]",
    "prefetch(targets, later)",
    "for e in range(indptr[later], indptr[later + 1], 8):",
    "    prefetch(data, e)",
    "for e in range(indptr[later], indptr[later + 1], 16):",
    "    prefetch(indices, e)",
]

_BUFFERS = [
    "sums = zeros(x_of.shape[1])",
    "seen = zeros(x_of.shape[1], 'bool')",
    "places = empty(x_of.shape[1], 'int64')",
]


def _several_rows(of_row: Sequence[str], step: Sequence[str]) -> list[str]:
    """A round of rows that may share columns: their sum, then a step at each of its columns."""
    return [
        "count = 0",
        "for b in range(rows.shape[2]):",
        *_indented(
            [
                "row = rows[k, lane, b]",
                *of_row,
                "slope /= rows.shape[2]",
                "for e in range(first, last):",
                "    i = indices[e]",
                "    if not seen[i]:",
                "        seen[i] = True",
                "        places[count] = i",
                "        count += 1",
                "    sums[i] += data[e] * slope",
            ]
        ),
        "for c in range(count):",
        *_indented(["i = places[c]", "g = sums[i]", "sums[i] = 0.0", "seen[i] = False", *step]),
    ]
