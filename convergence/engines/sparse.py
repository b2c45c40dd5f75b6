"""Rounds on sparse examples whose steps cost no more than the entries of their rows.

A rule that leaves a coordinate alone where its gradient is 0, bit for bit, need not look at it. The
loop, generated, goes through the rounds of one lane after the other: scores of the rows drawn,
slopes, then the rule's step at the columns of those rows.

That zeros are idle is proved for finite gradients and step sizes. Where a block meets others, the
loop says so, and the block is to be carried out in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convergence.engines.formulas import (
    BY_COORDINATE,
    REDUCTIONS,
    UNIFORM,
    levels_of,
    replacements,
)
from convergence.engines.kinds import FINITE, POSITIVE, kinds_of, reachable, unchanged
from convergence.engines.steps import DECORATOR
from convergence.expression import Expression, inputs_of, statements, walk
from convergence.quantity import Quantity
from convergence.rule import Rule
from problems.domain import WholeSpace
from problems.problem import Examples, Problem

__all__ = ["HEAD", "slope_of", "slope_statements", "sparse_text", "why_not_sparse"]

# Entries are smaller than this and slopes too, so that no product of them overflows.
_MODERATE = 1e150

# Rounds ahead for which rows are fetched: drawn at random, they stand in no cache.
_AHEAD = 4

#: Begins the module of a loop over rows.
HEAD = '''"""Rounds on rows of examples, generated; its name is the hash of this text."""

from math import exp, sqrt
from typing import Any

from numba import njit
from numpy import empty, zeros

from convergence.engines.prefetch import prefetch


@njit(error_model="numpy", cache=CACHED, nogil=True)
def expit(x):
    return 1.0 / (1.0 + exp(-x))


'''


def why_not_sparse(rule: Rule, quantities: Sequence[Quantity], problem: Problem) -> str:
    """Why a step has to look at every coordinate, in a sentence, or ""."""
    examples = problem.examples
    if examples is None or not examples.sparse:
        return "its gradients are not sums of a few sparse rows"
    if examples.ridge:
        return "a ridge pulls at every coordinate"
    if not isinstance(problem.domain, WholeSpace):
        return f"the projection onto {problem.domain} moves every coordinate"
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
    if name in rule.state:
        return f"{name.removeprefix('state_')} of {rule.key}"
    return f"the total {name.removeprefix('total_')}"


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


def slope_of(examples: Examples) -> Expression:
    """The slope of a loss as a formula of `score` and `target`."""
    return Expression.of(
        examples.slope(Expression("input", "score"), Expression("input", "target"))
    )


def slope_statements(examples: Examples) -> list[str]:
    """Statements after which `slope` is that of `score` and `target`."""
    return _assigned({"slope": slope_of(examples)}, "_s")


def sparse_text(rule: Rule, quantities: Sequence[Quantity], problem: Problem, batch: int) -> str:
    """The module of a loop that looks at the columns of the rows drawn only.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate.
        problem: One with which `why_not_sparse` finds no reason.
        batch: The number of rows that a round draws.
    """
    assert problem.examples is not None
    made = replacements(rule, quantities, problem.domain)
    return _text(made, levels_of(made), problem.examples, batch)


def _assigned(outputs: Mapping[str, Expression], prefix: str) -> list[str]:
    """Statements after which each name holds its output."""
    lines, values = statements(outputs, "number", prefix=prefix)
    return [*lines, *(f"{name} = {value}" for name, value in values.items() if name != value)]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _text(
    made: Mapping[str, Expression], levels: Mapping[str, int], examples: Examples, batch: int
) -> str:
    uniform = [name for name in made if levels[name] == UNIFORM]
    wide = [name for name in made if levels[name] == BY_COORDINATE]
    head = ["rows", "step_sizes", "t", "indptr", "indices", "data", "targets", "ridge"]
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
        *slope_statements(examples),
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
    return "\n".join([f"{HEAD}{DECORATOR}def rounds({', '.join(head)}):", *_indented(lines), ""])


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
