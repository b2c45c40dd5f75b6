"""Rounds on sparse examples whose steps cost no more than the entries of their rows.

A rule that leaves a coordinate alone where its gradient is 0, bit for bit, need not look at it. The
loop, generated, goes through the rounds of one lane after the other: scores of the rows drawn,
slopes, then the rule's step at the columns of those rows.

That zeros are idle is proved for finite gradients and step sizes. Where a block meets others, the
loop says so, and the block is to be carried out in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convergence.algebras.signs import FINITE, POSITIVE, kinds_of, reachable, unchanged
from convergence.engines.lowering import BY_COORDINATE, BY_LANE, Round
from convergence.engines.modules import DECORATOR, HEAD
from convergence.expression import REDUCTIONS, Expression, inputs_of, walk
from convergence.printing import NUMBERS, assigned
from problems.domain import WholeSpace
from problems.problem import Examples, Problem

__all__ = ["ROWS_HEAD", "slope_of", "slope_statements", "sparse_text", "why_not_sparse"]

# Entries are smaller than this and slopes too, so that no product of them overflows.
_MODERATE = 1e150

# Rounds ahead for which rows are fetched: drawn at random, they stand in no cache.
_AHEAD = 4

#: Begins the module of a loop over rows.
ROWS_HEAD = f"""{HEAD}from convergence.engines.prefetch import prefetch


{DECORATOR}def expit(x):
    return 1.0 / (1.0 + exp(-x))


"""


def why_not_sparse(
    round_: Round, problem: Problem, letters: Mapping[str, Any], first: Mapping[str, Any]
) -> str:
    """Why a step has to look at every coordinate, in a sentence, or "".

    Args:
        round_: What a round does.
        problem: Whose gradients are taken.
        letters: The numbers that the round leaves open.
        first: What state and totals are before the first round.
    """
    examples = problem.examples
    if examples is None or not examples.sparse:
        return "its gradients are not sums of a few sparse rows"
    if examples.ridge:
        return "a ridge pulls at every coordinate"
    if not isinstance(problem.domain, WholeSpace):
        return f"the projection onto {problem.domain} moves every coordinate"
    if not examples.largest <= _MODERATE:
        return f"an entry is larger than {_MODERATE:g}"
    if not round_.at_iterate:
        return "the rule takes gradients at a point other than the iterate"
    for name, node in round_.made.items():
        if any(part.operation in REDUCTIONS for part in walk([node])):
            return f"{_called(name)} depends on all coordinates at once"
        if "loss" in inputs_of(node):
            return f"{_called(name)} depends on the loss of every round"
    moved = _moved(round_, problem, letters, first)
    if moved:
        named = " and ".join(map(_called, moved))
        return f"where the gradient is 0, {named} may change"
    return ""


def _called(name: str) -> str:
    if name == "x":
        return "the iterate"
    if name.startswith("state_"):
        return f"{name.removeprefix('state_')} of the rule"
    return f"the total {name.removeprefix('total_')}"


def _moved(
    round_: Round, problem: Problem, letters: Mapping[str, Any], first: Mapping[str, Any]
) -> list[str]:
    """What is by coordinate and may change where the gradient is 0."""
    begun = {name: kinds_of(value) for name, value in {**first, "x": problem.start}.items()}
    inputs = {"g": FINITE, "step_size": POSITIVE, "t": POSITIVE}
    inputs |= {name: kinds_of(letters[name]) for name in round_.letters}
    known = reachable(round_.made, begun, inputs)
    still = unchanged(round_.made, {**inputs, **known, "g": kinds_of(0.0)})
    return [n for n in round_.made if round_.levels[n] == BY_COORDINATE and n not in still]


def slope_of(examples: Examples) -> Expression:
    """The slope of a loss as a formula of `score` and `target`."""
    return Expression.of(
        examples.slope(Expression("input", "score"), Expression("input", "target"))
    )


def slope_statements(examples: Examples) -> list[str]:
    """Statements after which `slope` is that of `score` and `target`."""
    return assigned({"slope": slope_of(examples)}, NUMBERS, prefix="_s")


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def sparse_text(round_: Round, examples: Examples, batch: int) -> str:
    """The module of a loop that looks at the columns of the rows drawn only.

    Args:
        round_: What a round does; `why_not_sparse` finds no reason against it.
        examples: The rows.
        batch: The number of rows that a round draws.
    """
    made, levels = round_.made, round_.levels
    uniform, lane_letters = round_.numbers, round_.lane_letters
    by_lane = [name for name in made if levels[name] == BY_LANE]
    wide = [name for name in made if levels[name] == BY_COORDINATE]
    head = ["rows", "step_sizes", "t", "indptr", "indices", "data", "targets", "ridge"]
    head += [*round_.common_letters, *uniform]
    head += [f"{name}_of" for name in (*lane_letters, *round_.arrays)]
    asked = inputs_of(*(made[name] for name in wide))
    step = [f"{name} = {name}_row[i]" for name in wide if name in asked]
    step += assigned({f"new_{name}": made[name] for name in wide}, NUMBERS)
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
    carried = [*uniform, *by_lane]
    each = ["for b in range(rows.shape[2]):", *_indented(_FETCHED)]
    each = [f"if k + {_AHEAD} < rows.shape[0]:", *_indented(each)]
    each += _one_row(of_row, step) if batch == 1 else _several_rows(of_row, step)
    size = "step_sizes[k, lane, 0]" if "step_size" in round_.by_lane else "step_sizes[k]"
    lane = [
        "t = last_t",
        *(f"{name} = first_{name}" for name in uniform),
        *(f"{name} = {name}_of[lane, 0]" for name in (*lane_letters, *by_lane)),
        *(f"{name}_row = {name}_of[lane]" for name in wide),
        "for k in range(rows.shape[0]):",
        *_indented(["t += 1", f"step_size = {size}"]),
        *_indented(assigned({f"new_{name}": made[name] for name in carried}, NUMBERS, prefix="_u")),
        *_indented(each),
        *_indented([f"{name} = new_{name}" for name in carried]),
        *(f"{name}_of[lane, 0] = {name}" for name in by_lane),
    ]
    lines = [
        "last_t = t",
        *(f"first_{name} = {name}" for name in uniform),
        *([] if batch == 1 else _BUFFERS),
        "for lane in range(rows.shape[1]):",
        *_indented(lane),
        f"return ({', '.join(['True', *uniform])},)",
    ]
    return "\n".join(
        [f"{ROWS_HEAD}{DECORATOR}def rounds({', '.join(head)}):", *_indented(lines), ""]
    )


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
