"""Rounds in Python: on plain numbers, and on numpy arrays of lanes, with the same bits.

One lane of a one-dimensional problem runs on plain floats, some twenty times faster than on small
arrays. The problem is reached only through its loss and gradient functions. Other engines are held
to the bits of this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from convergence.engines.lowering import Round
from convergence.expression import hoisted
from convergence.printing import ARRAYS, NUMBERS, Notation, assigned

__all__ = ["Flavour", "Kernel", "kernel"]

Flavour = Literal["number", "array"]


def _norm(x: Any) -> Any:
    """Euclidean norm over the coordinates, summed in index order; keeps the last axis."""
    # add.accumulate is sequential where add.reduce sums pairwise.
    return np.sqrt(np.add.accumulate(x * x, axis=-1)[..., -1:])


def _mean(x: Any) -> Any:
    """Mean over the coordinates, summed in index order; keeps the last axis."""
    return np.add.accumulate(x, axis=-1)[..., -1:] / x.shape[-1]


_FLAVOURS: dict[tuple[Flavour, bool], tuple[Notation, dict[str, Callable[..., Any]]]] = {
    ("number", True): (NUMBERS, {"sqrt": math.sqrt, "norm": abs, "mean": float}),
    ("array", True): (
        ARRAYS,
        {"sqrt": np.sqrt, "where": np.where, "norm": abs, "mean": lambda x: x},
    ),
    ("array", False): (
        ARRAYS,
        {"sqrt": np.sqrt, "where": np.where, "norm": _norm, "mean": _mean},
    ),
}


@dataclass(frozen=True)
class Kernel:
    """A block of rounds.

    Attributes:
        run: (loss, gradient, project, samples, step_sizes, t, letters, x, y, *state, *totals) ->
            (x, y, *state, *totals) after the rounds t + 1, t + 2, ... of the samples; with
            `every_round` a list of such tuples, one for each round. Letters are a tuple in the
            order of the round's. Where direction and state are inputs of the round, `inner` is
            (g, x, y, t, step_size, *state) -> (direction, *state).
        letters: Names of the letters.
        source: Its Python text.
    """

    run: Callable[..., Any]
    letters: tuple[str, ...]
    source: str


@lru_cache(maxsize=256)
def kernel(
    round_: Round, flavour: Flavour, *, scalar: bool, by_metric: bool, every_round: bool = False
) -> Kernel:
    """Generate the loop.

    Args:
        round_: What a round does.
        flavour: "number" for floats, "array" for lanes.
        scalar: Whether a point is one number rather than a last axis.
        by_metric: Whether to project in the rule's own metric.
        every_round: Whether to return what stands after each round, as a list.
    """
    notation, operations = _FLAVOURS[flavour, scalar]
    outputs = {f"new_{name}": node for name, node in round_.made.items()}
    if by_metric:
        assert round_.metric is not None
        outputs["metric"] = round_.metric
    later = {} if round_.projects or round_.at_iterate else {"new_y": outputs.pop("new_y")}
    own = (name.removeprefix("state_") for name in round_.state)
    inner = [f"inner_{name}" for name in ("direction", *own)]
    given_inside = not round_.asked.isdisjoint(inner)
    varying = {*round_.kept, "t", "step_size", "g", "loss", "next_x", *inner}
    fixed = hoisted([*outputs.values(), *later.values()], varying)
    known = {id(node): f"_fixed{k}" for k, node in enumerate(fixed)}
    before = assigned({known[id(node)]: node for node in fixed}, notation, prefix="_f")
    given = dict(known)
    body = ["t += 1", "g = gradient(y, sample)"]
    body += ["loss = loss_of(y, sample)"] if "loss" in round_.asked else []
    if given_inside:
        arguments = ", ".join(("g", "x", "y", "t", "step_size", *round_.state))
        # With its commas also where there is nothing but a direction.
        body.append(f"{''.join(f'{name}, ' for name in inner)}= inner({arguments})")
    body += assigned(outputs, notation, given)
    if not round_.projects:
        arguments = "new_x, metric" if by_metric else "new_x"
        body.append(f"new_x = project({arguments})")
    if later:
        given |= {id(round_.made[name]): f"new_{name}" for name in round_.state}
        body += ["next_x = new_x", *assigned(later, notation, given, "_y")]
    # Everything is computed from what stood before, so it is replaced last.
    body += [f"{name} = new_{name}" for name in round_.made]
    body += ["y = x"] if round_.at_iterate else []
    live = ", ".join(round_.kept)
    letters = "".join(f"{name}, " for name in round_.letters)
    head = [
        "def run(loss_of, gradient, project, samples, step_sizes, t, letters, "
        f"{live}, inner=None):",
        *([f"    {letters}= letters"] if letters else []),
        *(f"    {line}" for line in before),
    ]
    tail = f"    return {live}"
    if every_round:
        body.append(f"history.append(({live}))")
        head.append("    history = []")
        tail = "    return history"
    loop = "    for sample, step_size in zip(samples, step_sizes):"
    source = "\n".join([*head, loop, *(f"        {line}" for line in body), tail, ""])
    namespace: dict[str, Any] = dict(operations)
    # The text is generated from traced expressions alone; no user text enters it.
    exec(compile(source, "<rounds>", "exec"), namespace)
    return Kernel(namespace["run"], round_.letters, source)
