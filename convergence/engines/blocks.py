"""Steps of rules that see each block of the iterate as a matrix.

Such a rule sums along rows and columns or multiplies matrices, so its state has shapes of its own.
Here its formulas become one function of a block, which numpy carries out for all lanes at once;
the round around it, with totals and projection, is the one of every other rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.engines.kernel import Kernel
from convergence.expression import BLOCK_OPERATIONS, REDUCTIONS, Expression
from convergence.printing import ARRAYS, assigned
from convergence.rule import IDENTITY, Traced
from problems import arithmetic
from problems.problem import Problem

__all__ = ["Blocks"]

Array = NDArray[np.float64]


def _functions() -> dict[str, Any]:
    """What the text calls, by the names of operations."""
    found: dict[str, Any] = {"sqrt": np.sqrt, "where": np.where}
    for name in BLOCK_OPERATIONS:
        what, _, axis = name.partition("_")
        if name in REDUCTIONS:
            found[name] = partial(getattr(arithmetic, f"{what}_along"), axis=axis)
        else:
            found[name] = getattr(arithmetic, name)
    return found


class Blocks:
    """The step of a rule on every block.

    Args:
        rule: Its formulas.
        problem: Whose blocks the iterate consists of.

    Attributes:
        outer: The formulas of the round around it, in which direction and state are inputs.
    """

    def __init__(self, rule: Traced, problem: Problem):
        self._rule = rule
        self._shapes = [(s[0], s[1] if len(s) == 2 else 1) for s in problem.blocks.values()]
        inner = {name: Expression("input", f"inner_{name}") for name in ("direction", *rule.state)}
        self.outer = Traced(rule.state, (), inner, rule.displaces)
        named = rule.apart
        outputs = {f"new_{k}": node for k, node in enumerate(named.outputs.values())}
        head = ["g", "x", "query_point", "rows", "columns", "t", "step_size"]
        head += [*named.letters, *named.state]
        body = [*assigned(outputs, ARRAYS), f"return {', '.join(outputs)},"]
        text = f"def step({', '.join(head)}):\n" + "".join(f"    {line}\n" for line in body)
        namespace = _functions()
        # The text is generated from traced expressions alone; no user text enters it.
        exec(compile(text, "<step of a block>", "exec"), namespace)
        self._step = namespace["step"]

    def _sizes(self, name: str) -> list[tuple[int, int]]:
        """The shape of a state variable in each block."""
        first, second = self._rule.shapes[name]
        sides = [{"1": 1, "r": rows, "c": columns} for rows, columns in self._shapes]
        return [(side[first], side[second]) for side in sides]

    def begun(self, state: Mapping[str, Any], lanes: int) -> list[Array]:
        """First values of the state: for each variable an array (lanes, numbers of all blocks)."""
        found = []
        for name, first in state.items():
            parts = []
            for shape in self._sizes(name):
                if isinstance(first, str):
                    assert first == IDENTITY
                    value: Any = np.eye(*shape)
                else:
                    value = np.reshape(first, (-1, 1, 1))
                parts.append(np.broadcast_to(value, (lanes, *shape)).reshape(lanes, -1))
            found.append(np.concatenate(parts, axis=1))
        return found

    def run(
        self, kernel: Kernel, reach: Sequence[Any], letters: Mapping[str, Any], live: Sequence[Any]
    ) -> Any:
        """Carry out the rounds t + 1, t + 2, ...; see `Kernel.run`.

        Args:
            kernel: Of the round around the step.
            reach: What its function takes first: loss, gradient, ..., step sizes and t.
            letters: Their numbers by name; arrays (lanes,) where they differ from lane to lane.
            live: Values of what is kept.
        """
        numbers = [_of_matrices(letters[name]) for name in self._rule.apart.letters]
        outer = tuple(letters[name] for name in kernel.letters)
        if live[0].ndim > 1:
            outer = tuple(v[:, None] if np.ndim(v) else v for v in outer)
        return kernel.run(*reach, outer, *live, inner=partial(self._inner, numbers))

    def _inner(
        self, numbers: Sequence[Any], g: Any, x: Any, y: Any, t: int, size: Any, *state: Any
    ) -> list[Any]:
        """Direction and new state of all blocks."""
        lanes = len(x)
        g = np.broadcast_to(g, x.shape)
        size = _of_matrices(size)
        wide = [np.reshape(values, (lanes, -1)) for values in (g, x, y)]
        shapes = [self._sizes(name) for name in self._rule.state]
        places = [0] * len(state)
        found: list[list[Any]] = [[] for _ in range(1 + len(state))]
        first = 0
        for block, (rows, columns) in enumerate(self._shapes):
            last = first + rows * columns
            points = [values[:, first:last].reshape(lanes, rows, columns) for values in wide]
            own = []
            for k, values in enumerate(state):
                r, c = shapes[k][block]
                own.append(values[:, places[k] : places[k] + r * c].reshape(lanes, r, c))
                places[k] += r * c
            made = self._step(*points, float(rows), float(columns), t, size, *numbers, *own)
            wanted = [(rows, columns), *(of_blocks[block] for of_blocks in shapes)]
            for parts, value, shape in zip(found, made, wanted, strict=True):
                parts.append(np.broadcast_to(value, (lanes, *shape)).reshape(lanes, -1))
            first = last
        joined = [np.concatenate(parts, axis=1) for parts in found]
        return [joined[0].reshape(x.shape), *joined[1:]]


def _of_matrices(value: Any) -> Any:
    """One number for each lane, beside matrices."""
    return np.reshape(value, (-1, 1, 1)) if np.ndim(value) else value
