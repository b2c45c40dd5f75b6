"""Compiled runs on mini-batches of examples, with the bits of the numpy engine.

Where a loss is a function of a score a.x, scores, slopes and their mean are written out like the
rule, and together they make one loop: the rounds of one lane after the other, with no call of
Python between them. Sums go in the order of columns and of rows, as in the numpy engine, so that no
bit differs. Of sparse rows, a rule that lets it looks at their columns only (see `sparse`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.engines.modules import DECORATOR, compiled_function, in_parts
from convergence.engines.sparse import (
    ROWS_HEAD,
    slope_of,
    slope_statements,
    sparse_text,
    why_not_sparse,
)
from convergence.engines.steps import Steps
from problems.data import row_products
from problems.problem import Examples, Problem

__all__ = ["RowLoop", "row_loop", "why_no_rows"]

# Lanes that go through the rounds together have so many coordinates, whose state fits the nearest
# cache; more at once leave fewer over when registers are filled.
_COORDINATES = 1024

Letters = Mapping[str, Any]


@dataclass(frozen=True)
class RowLoop:
    """Compiled rounds of one rule on examples.

    Attributes:
        steps: The steps of the rule.
        examples: The rows.
        few: Whether only the columns of the rows drawn are looked at.
        source: The text of the module.
    """

    steps: Steps
    examples: Examples
    few: bool
    source: str

    def run(
        self,
        rows: NDArray[np.intp],
        step_sizes: NDArray[np.float64],
        t: int,
        letters: Letters,
        live: Sequence[Any],
        workers: int = 1,
    ) -> tuple[Any, ...] | None:
        """Carry out the rounds t + 1, t + 2, ...

        Args:
            rows: Shape (rounds, lanes, batch), the examples drawn.
            step_sizes: One for each round, or shape (rounds, lanes, 1).
            t: Rounds done.
            letters: Their numbers; arrays (lanes,) where they differ from lane to lane.
            live: Values of what is kept, in the order of the steps.
            workers: Threads that share the lanes.

        Returns:
            The values after the last round. None where few columns are looked at and a step size
            or a slope is not finite, or so large that a gradient may not be: then neither these
            rounds nor later ones can be carried out in this way.

        Raises:
            IndexError: There is no such row.
        """
        if self.few and not (np.isfinite(step_sizes) & (step_sizes > 0)).all():
            return None
        arrays, numbers = self.steps.prepared(live)
        common, fixed = self.steps.letters(letters)
        function = compiled_function(self.source)
        features, given = self.examples.features, (self.examples.targets, self.examples.ridge)
        matrix: tuple[Any, ...] = (features,)
        if self.examples.sparse:
            # Compiled code reads whatever stands beyond an end.
            if rows.size and not 0 <= rows.min() <= rows.max() < features.shape[0]:
                raise IndexError("a row that the matrix does not have")
            # Of a number without a sign compiled code need not ask whether it counts from the end.
            columns = features.indices.view(f"u{features.indices.dtype.itemsize}")
            matrix = (features.indptr, columns, features.data)

        def carry_out(part: slice) -> Any:
            own = (values[part] for values in (*fixed, *arrays.values()))
            drawn = np.ascontiguousarray(rows[:, part])
            sizes = step_sizes if step_sizes.ndim == 1 else step_sizes[:, part]
            return function(drawn, sizes, t, *matrix, *given, *common, *numbers, *own)

        found = in_parts(live[0].shape[0], workers, carry_out)
        if not all(finite for finite, *_ in found):
            return None
        return self.steps.gathered(arrays, found[0][1:])


def why_no_rows(steps: Steps, problem: Problem) -> str:
    """Why there is no loop over rows, in a sentence, or ""."""
    if problem.examples is None or problem.examples.gradient is not problem.gradient_formula:
        return "its losses are not known as functions of scores of examples"
    try:
        slope_of(problem.examples)
    except (TypeError, ValueError, AttributeError) as error:
        return f"the slope of its losses cannot be traced: {error}"
    if steps.needs_loss:
        return "a total depends on the loss of every round"
    return "" if steps.round_.projects else "the domain has to be called to project"


def row_loop(
    problem: Problem, steps: Steps, batch: int, letters: Letters, first: Letters
) -> RowLoop:
    """Generate the loop of a run; it is compiled when it first runs.

    Args:
        problem: One with which `why_no_rows` finds no reason.
        steps: The steps of the rule.
        batch: The number of rows that a round draws.
        letters: The numbers that the steps leave open.
        first: What state and totals are before the first round.
    """
    assert problem.examples is not None
    few = not why_not_sparse(steps.round_, problem, letters, first)
    examples = problem.examples
    text = sparse_text(steps.round_, examples, batch) if few else _text(steps, examples)
    return RowLoop(steps, examples, few, text)


# The loops of another file are called: its checksum stands in the text, so that an edit there makes
# another module.
_PRODUCTS = """from problems.data.row_products import compiled_loops  # {digest}

scores_of, sums_of = compiled_loops()
"""


def _digest() -> str:
    return hashlib.sha256(Path(row_products.__file__).read_bytes()).hexdigest()


_DENSE = {
    "matrix": ["features"],
    "scores": ["scores_of(features, drawn, y_here, slopes)"],
    "sums": ["sums_of(features, drawn, slopes, g)"],
}
_SPARSE = {
    "matrix": ["indptr", "indices", "data"],
    "scores": [
        "for l in range(lanes_here):",
        "    for b in range(batch):",
        "        score = 0.0",
        "        for e in range(indptr[drawn[l, b]], indptr[drawn[l, b] + 1]):",
        "            score += data[e] * y_here[l, indices[e]]",
        "        slopes[l, b] = score",
    ],
    "sums": [
        "for l in range(lanes_here):",
        "    for b in range(batch):",
        "        for e in range(indptr[drawn[l, b]], indptr[drawn[l, b] + 1]):",
        "            g[l, indices[e]] += data[e] * slopes[l, b]",
    ],
}


def _text(steps: Steps, examples: Examples) -> str:
    """A loop that looks at every coordinate, some lanes at a time."""
    form = _SPARSE if examples.sparse else _DENSE
    functions = [steps.function("step")]
    if not examples.sparse:
        functions.insert(0, _PRODUCTS.format(digest=_digest()))
    uniform, letters = steps.round_.numbers, steps.round_.common_letters
    arrays = (*steps.round_.lane_letters, *steps.round_.arrays)
    head = ["rows", "step_sizes", "t", *form["matrix"], "targets", "ridge"]
    head += [*letters, *uniform, *(f"{name}_of" for name in arrays)]
    numbers = "".join(f"{name}, " for name in uniform)
    carried = "".join(f"{name}, " for name in letters) + numbers
    carried += "".join(f"{name}_here, " for name in arrays)
    by_lane = "step_size" in steps.round_.by_lane
    size = "step_sizes[k, first_lane:last_lane]" if by_lane else "step_sizes[k]"
    round_ = [
        "t += 1",
        "drawn = rows[k, first_lane:last_lane]",
        *form["scores"],
        "for l in range(lanes_here):",
        "    for b in range(batch):",
        "        score, target = slopes[l, b], targets[drawn[l, b]]",
        *(f"        {line}" for line in slope_statements(examples)),
        "        slopes[l, b] = slope / batch",
        "g[:] = 0.0",
        *form["sums"],
    ]
    if examples.ridge:
        round_ += [
            "for l in range(lanes_here):",
            "    for i in range(g.shape[1]):",
            "        g[l, i] += ridge * y_here[l, i]",
        ]
    stepped = f"step(t, {size}, g, loss, {carried})"
    round_.append(f"{numbers}= {stepped}" if uniform else stepped)
    lines = [
        "last_t = t",
        *(f"first_{name} = {name}" for name in uniform),
        "lanes, batch, n = rows.shape[1], rows.shape[2], x_of.shape[1]",
        f"width = max(1, {_COORDINATES} // n)",
        "slopes_of, g_of, loss_of = empty((width, batch)), empty((width, n)), zeros((width, 1))",
        "for first_lane in range(0, lanes, width):",
        "    last_lane = min(lanes, first_lane + width)",
        "    lanes_here = last_lane - first_lane",
        "    slopes, g, loss = slopes_of[:lanes_here], g_of[:lanes_here], loss_of[:lanes_here]",
        "    t = last_t",
        *(f"    {name} = first_{name}" for name in uniform),
        *(f"    {name}_here = {name}_of[first_lane:last_lane]" for name in arrays),
        *(["    y_here = x_here"] if steps.round_.at_iterate else []),
        "    for k in range(rows.shape[0]):",
        *(f"        {line}" for line in round_),
        f"return (True, {numbers})",
    ]
    loop = f"{DECORATOR}def rounds({', '.join(head)}):\n"
    loop += "".join(f"    {line}\n" for line in lines)
    return ROWS_HEAD + "\n\n".join([*functions, loop])
