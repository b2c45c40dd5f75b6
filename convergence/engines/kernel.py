"""The loop of a run, generated from traced formulas.

One kernel takes a rule, the quantities to accumulate and the domain, and runs a block of rounds.
It exists in two flavours with the same bits: for plain numbers (one lane of a one-dimensional
problem, some twenty times faster than small arrays) and for arrays of lanes. The problem is
reached only through its loss and gradient functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convergence.engines.formulas import projects_by_formula, round_formulas
from convergence.expression import Flavour, inputs_of, statements
from convergence.quantity import Quantity
from convergence.rule import Rule
from problems.domain import Domain

__all__ = ["Kernel", "kernel"]


def _norm(x: Any) -> Any:
    """Euclidean norm over the coordinates, summed in index order; keeps the last axis."""
    # add.accumulate is sequential where add.reduce sums pairwise.
    return np.sqrt(np.add.accumulate(x * x, axis=-1)[..., -1:])


def _mean(x: Any) -> Any:
    """Mean over the coordinates, summed in index order; keeps the last axis."""
    return np.add.accumulate(x, axis=-1)[..., -1:] / x.shape[-1]


_OPERATIONS: dict[tuple[Flavour, bool], dict[str, Callable[..., Any]]] = {
    ("number", True): {"sqrt": math.sqrt, "norm": abs, "mean": float},
    ("array", True): {"sqrt": np.sqrt, "where": np.where, "norm": abs, "mean": lambda x: x},
    ("array", False): {"sqrt": np.sqrt, "where": np.where, "norm": _norm, "mean": _mean},
}


@dataclass(frozen=True)
class Kernel:
    """A compiled block of rounds.

    Attributes:
        run: (loss, gradient, project, samples, step_sizes, t, x, y, *state, *totals) ->
            (x, y, *state, *totals) after the rounds t + 1, t + 2, ... of the samples; with
            `every_round` a list of such tuples, one for each round.
        source: Its Python text.
    """

    run: Callable[..., Any]
    source: str


def kernel(
    rule: Rule,
    quantities: Sequence[Quantity],
    domain: Domain,
    flavour: Flavour,
    *,
    scalar: bool,
    by_metric: bool,
    every_round: bool = False,
) -> Kernel:
    """Generate and compile the loop.

    Args:
        rule: The update rule.
        quantities: Running totals to accumulate, before the step of each round.
        domain: Projections onto a box or the whole space are written into the loop.
        flavour: "number" for floats, "array" for lanes.
        scalar: Whether a point is one number rather than a last axis.
        by_metric: Whether to project in the rule's own metric.
        every_round: Whether to return what stands after each round, as a list.
    """
    # The inputs of rules and quantities are the loop's variables of the same names.
    formulas = round_formulas(rule, domain)
    inline = projects_by_formula(domain)
    outputs = {f"new_{name}" if name in rule.state else name: e for name, e in formulas.items()}
    if by_metric:
        outputs["metric"] = rule.outputs["metric"]
    step, step_names = statements(outputs, flavour)
    totals = {f"new_{q.name}": q.update for q in quantities}
    sums, sum_names = statements(totals, flavour, prefix="_q")
    query = ["y = next_x"]
    if "query" in rule.outputs:
        given = {id(rule.outputs[name]): step_names[f"new_{name}"] for name in rule.state}
        lines, names = statements({"y": rule.outputs["query"]}, flavour, given=given, prefix="_y")
        query = [*lines, *([f"y = {names['y']}"] if names["y"] != "y" else [])]

    kept = [*rule.state, *(q.name for q in quantities)]
    needs_loss = any(q.needs_loss for q in quantities)
    asked = set().union(*(inputs_of(q.update) for q in quantities)) | rule.uses
    body = ["t += 1"]
    body += ["query_point = y"] if "query_point" in asked else []
    body += ["g = gradient(y, sample)"]
    body += ["loss = loss_of(y, sample)"] if needs_loss else []
    body += step
    body += [f"{name} = {value}" for name, value in step_names.items() if name != value]
    body += sums
    if not inline:
        body.append("next_x = project(next_x, metric)" if by_metric else "next_x = project(next_x)")
    # The query may speak of the old iterate and of both states, so they are replaced last.
    body += query
    body += [f"{name} = {step_names[f'new_{name}']}" for name in rule.state]
    body += [f"{q.name} = {sum_names[f'new_{q.name}']}" for q in quantities]
    body.append("x = next_x")
    live = ", ".join(("x", "y", *kept))
    head = f"def run(loss_of, gradient, project, samples, step_sizes, t, {live}):"
    tail = f"    return {live}"
    if every_round:
        body.append(f"history.append(({live}))")
        head, tail = f"{head}\n    history = []", "    return history"
    loop = "    for sample, step_size in zip(samples, step_sizes):"
    source = "\n".join([head, loop, *(f"        {line}" for line in body), tail, ""])
    namespace: dict[str, Any] = dict(_OPERATIONS[flavour, scalar])
    # The text is generated from traced expressions alone; no user text enters it.
    exec(compile(source, f"<kernel of {rule.key}>", "exec"), namespace)
    return Kernel(namespace["run"], source)
