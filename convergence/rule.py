"""Update rules: one pure function each, traced when the rule is built.

A rule is a function `(g, *state, *asks, *, settings) -> (direction, *state)` of one gradient and
its own state. `run` then does x <- project(x - step_size * direction). What else a rule takes it
*asks for by parameter name*, and thereby declares what it is:

- `x`: the iterate (weight decay). A rule whose result depends on it is not history-driven.
- `query_point`: where the gradient was taken.
- `t`: the round, from 1.
- `step_size`: a rule whose result depends on it returns the displacement, step size included.
- `next_x`: the next iterate, after projection; only for `query`.
- `norm`, `mean`: reductions over the coordinates, summed in index order.

A rule that needs more than a direction returns `Update(direction, *state, query=..., metric=...)`:
`query` is the point where the next gradient is taken if not at the iterate (a formula in
`next_x` and the new state), `metric` the diagonal in which a weighted projection is made.

Settings are keyword parameters. Those of a closed set of values decide at tracing what is done,
so the generated inner loop holds no flag, and state that no result depends on is left out.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convergence.expression import (
    Expression,
    Flavour,
    count_operations,
    inputs_of,
    reduction,
    replaced,
    statements,
)
from problems.notation import format_value, nearest, require
from problems.registry import Entry, Registry

__all__ = ["SETTINGS", "Rule", "Update", "catalogue", "find", "rule"]


class Update:
    """What a rule returns when a tuple (direction, *state) does not say it all."""

    def __init__(self, direction: Any, *state: Any, query: Any = None, metric: Any = None):
        self.direction = direction
        self.state = state
        self.query = query
        self.metric = metric


def _unit(value: float) -> bool:
    return 0 <= value < 1


def _closed_unit(value: float) -> bool:
    return 0 <= value <= 1


def _not_negative(value: float) -> bool:
    return 0 <= value < float("inf")


#: Every setting a rule may have: what it means and what it accepts, a closed set of words or a
#: range. The same name means the same in every rule.
SETTINGS: Mapping[str, tuple[str, Any]] = {
    "beta1": ("decay of the first moment or velocity", (_unit, "[0, 1)")),
    "beta2": ("decay of the second moment", (_unit, "[0, 1)")),
    "beta1_decay": (
        "factor by which beta1 shrinks each round: beta1 * beta1_decay**(t-1)",
        (_closed_unit, "[0, 1]"),
    ),
    "eps": ("added to the denominator; at 0, 0/0 is read as 0", (_not_negative, "[0, inf)")),
    "eps_position": ("whether eps stands outside or inside the root", ("outside", "inside")),
    "bias_correction": ("which moments are corrected", ("both", "first", "second", "none")),
    "maximum_of": (
        "AMSGrad's maximum is of the raw or of the corrected second moment",
        ("raw", "corrected"),
    ),
    "velocity": (
        "the velocity sums gradients, averages them, or sums them times their step size",
        ("sum", "average", "step-size-inside"),
    ),
    "dampening": ("share of each gradient kept out of the velocity", (_closed_unit, "[0, 1]")),
    "look_ahead": (
        "how far ahead of the iterate gradients count as taken, in steps of the velocity's own",
        (_not_negative, "[0, inf)"),
    ),
    "weights": (
        "by what the momentum grows: FISTA's weights, or the simpler (t + 1) / 2",
        ("fista", "simplified"),
    ),
    "averaging_power": (
        "the k-th of the averaged points weighs about k to this power",
        (_not_negative, "[0, inf)"),
    ),
    "last_step": (
        "whether the iterate is what the method returns if it stops there, or its descent sequence",
        (True, False),
    ),
    "iterate": (
        "what the iterate is: the descent sequence, or the look-ahead point",
        ("descent", "look-ahead"),
    ),
    "momentum": (
        "NAdam's momentum: rising from beta1 / 2 to beta1 over some 6 000 rounds, or beta1 in all",
        ("rising", "constant"),
    ),
    "clip": (
        "what a coordinate of the scaled gradient is cut at: nothing, or the fourth root of the "
        "step's number",
        ("none", "fourth-root"),
    ),
    "centered": ("whether the squared mean is taken off the second moment", (True, False)),
    "initial": ("the accumulator's first value", (_not_negative, "[0, inf)")),
    "weight_decay": ("weight of the decay towards 0", (_not_negative, "[0, inf)")),
    "decay": (
        "whether decay joins the gradient or the step",
        ("coupled", "decoupled"),
    ),
    "decay_scale": (
        "whether decoupled decay is multiplied by the step size",
        ("step-size", "none"),
    ),
    "maximize": ("climb instead of descend", (True, False)),
}

_ASKS = ("x", "query_point", "t", "step_size", "next_x", "norm", "mean")
# What the loop that a rule runs in calls its own variables.
_TAKEN = (*_ASKS, "g", "y", "loss", "sample", "displacement", "direction", "query", "metric")


@dataclass(frozen=True)
class Rule:
    """A rule with its settings fixed, traced.

    Attributes:
        entry: The catalogue entry.
        settings: Every setting by name.
        state: Initial value of each state variable that a result depends on.
        outputs: Expressions by name: "direction", each new state variable, and "query" and
            "metric" where the rule has them.
    """

    entry: Entry[Rule]
    settings: Mapping[str, Any]
    state: Mapping[str, float]
    outputs: Mapping[str, Expression]

    @property
    def key(self) -> str:
        """The catalogue key, without settings."""
        return self.entry.key

    @property
    def specification(self) -> str:
        """The text that builds the rule again."""
        return self.entry.specification(self.settings)

    @property
    def uses(self) -> set[str]:
        """Which inputs the results depend on."""
        return inputs_of(*self.outputs.values()) - set(self.state)

    @property
    def history_driven(self) -> bool:
        """Whether the direction is a function of the gradients alone."""
        return not inputs_of(self.outputs["direction"], *self._new_state()) & {
            "x",
            "query_point",
            "step_size",
        }

    @property
    def returns_displacement(self) -> bool:
        """Whether the step size is already inside what the rule returns."""
        return "step_size" in self.uses

    def _new_state(self) -> list[Expression]:
        return [self.outputs[name] for name in self.state]

    @cached_property
    def state_per_coordinate(self) -> tuple[str, ...]:
        """State variables that hold one number per coordinate, not one in all."""
        wide = {"g", "x", "query_point"}
        found: set[str] = set()
        while True:
            more = {
                name
                for name in self.state
                if _inputs_by_coordinate(self.outputs[name]) & (wide | found) and name not in found
            }
            if not more:
                return tuple(name for name in self.state if name in found)
            found |= more

    @cached_property
    def apart(self) -> Rule:
        """The same rule with its state under names that generated code uses for nothing else."""
        by = {name: Expression("input", f"state_{name}") for name in self.state}
        done: dict[int, Expression] = {}
        return Rule(
            self.entry,
            self.settings,
            {f"state_{name}": value for name, value in self.state.items()},
            {
                f"state_{name}" if name in self.state else name: replaced(node, by, done)
                for name, node in self.outputs.items()
            },
        )

    @property
    def bytes_per_parameter(self) -> int:
        """Memory of the state, in bytes of float64 for each coordinate."""
        return 8 * len(self.state_per_coordinate)

    @property
    def operations(self) -> Counter[str]:
        """Operations of one step, counted on the trace."""
        return count_operations(*self.outputs.values())

    def formula(self, flavour: Flavour = "array") -> str:
        """One step as straight-line code with the settings as letters.

        State variables carry a prime once they are new.
        """
        letters = {
            name: Expression("input", name)
            for name, value in self.settings.items()
            if isinstance(value, float) and value not in (0.0, 1.0) and name != "initial"
        }
        outputs, _ = _trace(self.entry, {**self.settings, **letters})
        live = {name: outputs[name] for name in self.outputs}
        lines, names = statements({f"{name}'": node for name, node in live.items()}, flavour)
        return "\n".join([*lines, *(f"{n} = {v}" for n, v in names.items() if v != n)])


def _inputs_by_coordinate(node: Expression) -> set[str]:
    """The inputs below a node, but not those that only a reduction has seen."""
    if node.operation in ("norm", "mean", "constant"):
        return set()
    if node.operation == "input":
        return {node.arguments[0]}
    return set().union(*(_inputs_by_coordinate(child) for child in node.arguments))


def _trace(
    entry: Entry[Rule], settings: Mapping[str, Any]
) -> tuple[dict[str, Expression], dict[str, float]]:
    """Call the rule's function on symbols.

    Returns:
        Expressions by output name, and the initial state.
    """
    parameters = [
        name
        for name, parameter in inspect.signature(entry.function).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    initial: dict[str, Any] = dict(entry.facts["state"])
    asks = [name for name in parameters if name != "g" and name not in initial]
    for name in asks:
        require(
            name in _ASKS,
            f"rule {entry.key} asks for {name!r}, which is neither its state nor one of "
            + ", ".join(_ASKS),
        )
    g: Expression = Expression("input", "g")
    if settings["maximize"]:
        g = -g
    arguments: dict[str, Any] = {name: Expression("input", name) for name in (*initial, *asks)}
    arguments.update({name: reduction(name) for name in ("norm", "mean") if name in asks})
    own = {name: value for name, value in settings.items() if name != "maximize"}
    result = entry.function(g, **arguments, **own)
    update = result if isinstance(result, Update) else Update(*result)
    require(
        len(update.state) == len(initial),
        f"rule {entry.key} returns {len(update.state)} state variables of {len(initial)}",
    )
    outputs = {"direction": Expression.of(update.direction)}
    outputs.update(
        {name: Expression.of(new) for name, new in zip(initial, update.state, strict=True)}
    )
    require(
        not count_operations(*outputs.values())["expit"],
        f"rule {entry.key} uses expit, which rounds as the exponential of the machine does; "
        "rules round alike on all machines",
    )
    for name, value in (("query", update.query), ("metric", update.metric)):
        if value is not None:
            outputs[name] = Expression.of(value)
    first = {
        name: float(settings[value]) if isinstance(value, str) else float(value)
        for name, value in initial.items()
    }
    return outputs, first


def _accepted(entry: Entry[Rule], name: str, value: Any) -> Any:
    _, accepted = SETTINGS[name]
    if callable(accepted[0]):
        within, interval = accepted
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        require(
            number and within(value),
            f"{name}={format_value(value)} of rule {entry.key} must lie in {interval}",
        )
        # -0.0 counts as 0.0, or running products would change their sign each round.
        return float(value) + 0.0
    words = [format_value(word) for word in accepted]
    require(
        any(type(value) is type(word) and value == word for word in accepted),
        f"{name}={format_value(value)} of rule {entry.key} is not accepted; "
        + nearest(format_value(value), words),
    )
    return value


def _build(entry: Entry[Rule], settings: Mapping[str, Any]) -> Rule:
    checked = {name: _accepted(entry, name, value) for name, value in settings.items()}
    outputs, initial = _trace(entry, checked)
    # State that neither the direction nor the query depends on, not even through other state,
    # is not kept: bias correction switched off leaves no running product behind.
    live: set[str] = set()
    wanted = [outputs[name] for name in ("direction", "query", "metric") if name in outputs]
    while True:
        found = inputs_of(*wanted) & set(initial) - live
        if not found:
            break
        live |= found
        wanted = [outputs[name] for name in found]
    return Rule(
        entry,
        checked,
        {name: value for name, value in initial.items() if name in live},
        {name: node for name, node in outputs.items() if name not in initial or name in live},
    )


#: Every rule by key.
catalogue: Registry[Rule] = Registry("rule", _build)


def rule(
    *,
    source: str | tuple[str, ...],
    tags: tuple[str, ...] = (),
    alias: str | None = None,
    **state: float | str,
) -> Callable[[Callable[..., Any]], Entry[Rule]]:
    """Register an update rule.

    Args:
        source: `"bibkey, place"` or several of them.
        tags: Words to filter by.
        alias: A second key.
        state: The state variables, in the order the function returns them, each with its first
            value: a number, or the name of the setting that holds it.

    Raises:
        InputError: A setting is not in the closed list `SETTINGS`.
    """

    def register(function: Callable[..., Any]) -> Entry[Rule]:
        entry = catalogue.add(
            function,
            source=source,
            tags=tags,
            alias=alias,
            common={"maximize": False},
            state=state,
        )
        for name in entry.parameters:
            require(
                name in SETTINGS,
                f"rule {entry.key} has a setting {name!r}; known: {', '.join(SETTINGS)}",
            )
        for name in state:
            require(
                name not in _TAKEN and not name.startswith("_"),
                f"rule {entry.key} calls its state {name!r}; that name is taken",
            )
        return entry

    return register


def find(specification: str) -> Rule:
    """The rule of `key:name=value,...`.

    Raises:
        InputError: The text, the key or a setting is not accepted.
    """
    return catalogue.find(specification)
