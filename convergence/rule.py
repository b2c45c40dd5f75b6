"""Update rules: one pure function each, traced once for all settings.

A rule is a function `(g, *state, *asks, *, settings) -> (direction, *state)` of one gradient and
its own state. `run` then does x <- project(x - step_size * direction). What else a rule takes it
*asks for by parameter name*, and thereby declares what it is:

- `x`: the iterate (weight decay). A rule whose result depends on it is not history-driven.
- `query_point`: where the gradient was taken.
- `t`: the round, from 1.
- `step_size`: a rule whose result depends on it returns the displacement, step size included.
- `next_x`: the next iterate, after projection; only for `query`.
- `loss`, `minimum`: the objective where the gradient was taken, and its least value. Such a rule
  runs only on problems with exact gradients that state a minimum.
- `norm`, `mean`: reductions over all coordinates, summed in index order.
- `rows`, `columns`: the shape of the block, for rules that see matrices.

A rule that needs more than a direction returns `Update(direction, *state, query=..., metric=...)`:
`query` is the point where the next gradient is taken if not at the iterate (a formula in
`next_x` and the new state), `metric` the diagonal in which a weighted projection is made.

Settings are keyword parameters. Numbers stay letters: a rule is traced once, and each run brings
its own. Words, and the few numbers at which a formula changes (see `Setting.special`), decide at
tracing what is done, so the generated inner loop holds no flag, and state that no result depends
on is left out.

A rule that sums along rows or multiplies matrices (`problems.arithmetic.sum_along` and its like)
sees each block of the iterate as a matrix. Its state then has, in each block, the shape that the
formulas give it: of the block, one number a row or a column, square, or one number.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar, TypeAlias

from convergence.expression import (
    BLOCK_OPERATIONS,
    Expression,
    Shape,
    count_operations,
    dependents,
    inputs_of,
    reduction,
    replaced,
    shapes_of,
)
from convergence.printing import DISPLAY, statements
from problems.notation import InputError, Number, exact, format_value, nearest, require
from problems.registry import Entry, Registry

__all__ = [
    "IDENTITY",
    "SETTINGS",
    "Rule",
    "Setting",
    "Traced",
    "Update",
    "catalogue",
    "find",
    "rule",
]

#: The first value of a state variable that is a square matrix: ones on the diagonal, zeros beside.
IDENTITY = "identity"


#: How the first value of a state variable is given; see `rule`.
First: TypeAlias = float | str | Callable[[Mapping[str, Any]], float]


class Update:
    """What a rule returns when a tuple (direction, *state) does not say it all."""

    def __init__(self, direction: Any, *state: Any, query: Any = None, metric: Any = None):
        self.direction = direction
        self.state = state
        self.query = query
        self.metric = metric


@dataclass(frozen=True)
class Setting:
    """What a rule may be told.

    Attributes:
        meaning: One line.
        words: The closed set of values accepted, or empty for a number.
        low, high: The interval of a number: low <= value < high.
        closed: Whether the high end is accepted too.
        special: Numbers at which formulas may change, each with the reason.
    """

    meaning: str
    words: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = float("inf")
    closed: bool = False
    special: Mapping[int, str] = field(default_factory=dict)

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        if self.words:
            return " | ".join(map(format_value, self.words))
        return f"[{self.low:g}, {self.high:g}{']' if self.closed else ')'}"

    def within(self, value: float | Fraction) -> bool:
        """Whether a number is accepted."""
        return self.low <= value < self.high or (self.closed and value == self.high)


_UNUSED = "what it multiplies is left out, so that the result does not depend on the iterate"

#: Every setting a rule may have. The same name means the same in every rule.
SETTINGS: Mapping[str, Setting] = {
    "beta1": Setting("decay of the first moment or velocity", high=1),
    "beta2": Setting("decay of the second moment", high=1),
    "beta1_decay": Setting(
        "factor by which beta1 shrinks each round: beta1 * beta1_decay**(t-1)",
        high=1,
        closed=True,
        special={1: "no product of it is kept in the state"},
    ),
    "eps": Setting(
        "added to the denominator; at 0, 0/0 is read as 0",
        special={0: "0/0 is read as 0, for which a comparison is made"},
    ),
    "eps_position": Setting("whether eps stands outside or inside the root", ("outside", "inside")),
    "bias_correction": Setting("which moments are corrected", ("both", "first", "second", "none")),
    "maximum_of": Setting(
        "AMSGrad's maximum is of the raw or of the corrected second moment", ("raw", "corrected")
    ),
    "velocity": Setting(
        "the velocity sums gradients, averages them, or sums them times their step size",
        ("sum", "average", "step-size-inside"),
    ),
    "dampening": Setting(
        "share of each gradient kept out of the velocity",
        high=1,
        closed=True,
        special={0: "the gradient is taken as it is"},
    ),
    "look_ahead": Setting(
        "how far ahead of the iterate gradients count as taken, in steps of the velocity's own"
    ),
    "weights": Setting(
        "by what the momentum grows: FISTA's weights, or the simpler (t + 1) / 2",
        ("fista", "simplified"),
    ),
    "averaging_power": Setting("the k-th of the averaged points weighs about k to this power"),
    "interpolation": Setting(
        "share of the average in the point where gradients are taken", high=1, closed=True
    ),
    "last_step": Setting(
        "whether the iterate is what the method returns if it stops there, or its descent sequence",
        (True, False),
    ),
    "iterate": Setting(
        "what the iterate is: the descent sequence, or the look-ahead point",
        ("descent", "look-ahead"),
    ),
    "momentum": Setting(
        "NAdam's momentum: rising from beta1 / 2 to beta1 over some 6 000 rounds, or beta1 in all",
        ("rising", "constant"),
    ),
    "clip": Setting(
        "what a coordinate of the scaled gradient is cut at: nothing, or the fourth root of the "
        "step's number",
        ("none", "fourth-root"),
    ),
    "centered": Setting("whether the squared mean is taken off the second moment", (True, False)),
    "initial": Setting("the accumulator's first value"),
    "weight_decay": Setting("weight of the decay towards 0", special={0: _UNUSED}),
    "decay": Setting("whether decay joins the gradient or the step", ("coupled", "decoupled")),
    "decay_scale": Setting(
        "whether decoupled decay is multiplied by the step size", ("step-size", "none")
    ),
    "nesterov": Setting("whether the newest gradient counts once more", (True, False)),
    "orthogonalization": Setting(
        "what takes the place of the momentum: five quintic steps towards its polar factor, or "
        "that factor itself",
        ("quintic", "polar"),
    ),
    "rounds": Setting("how many steps the method is made for", low=1, high=1e6),
    "scale": Setting(
        "by what a step of a matrix is multiplied: sqrt(max(1, rows / columns)), "
        "0.2 sqrt(max(rows, columns)), sqrt(rows / columns), or 1",
        ("tall", "rms", "spectral", "none"),
    ),
    "beta2_rule": Setting(
        "the decay of the second moment in round t: 1 - t**-0.8, or beta2 with bias correction",
        ("power", "constant"),
    ),
    "clip_norm": Setting(
        "the Euclidean norm beyond which a gradient is shortened to it",
        special={0: "gradients are not shortened"},
    ),
    "clip_threshold": Setting(
        "the root mean square beyond which an update is shortened to it",
        special={0: "updates are not shortened"},
    ),
    "relative_step": Setting(
        "whether step sizes are multiplied by the root mean square of the block", (True, False)
    ),
    "least_scale": Setting("the least root mean square that a relative step counts"),
    "maximize": Setting("climb instead of descend", (True, False)),
}

_OF_BLOCKS = ("rows", "columns")
_OF_OBJECTIVE = ("loss", "minimum")
_ASKS = (
    *("x", "query_point", "t", "step_size", "next_x", "norm", "mean"),
    *_OF_OBJECTIVE,
    *_OF_BLOCKS,
)
# What the loop that a rule runs in calls its own variables.
_TAKEN = (*_ASKS, "g", "y", "sample", "displacement", "direction", "query", "metric")


@dataclass(frozen=True, eq=False)
class Traced:
    """The formulas of a rule, the same for all numbers that its settings may have.

    Attributes:
        state: Names of the state that a result depends on.
        letters: Names of the settings that a result depends on.
        outputs: Expressions by name: "direction", each new state variable, and "query" and
            "metric" where the rule has them.
        displaces: Whether the step size is already inside the direction.
    """

    state: tuple[str, ...]
    letters: tuple[str, ...]
    outputs: Mapping[str, Expression]
    displaces: bool

    @cached_property
    def uses(self) -> set[str]:
        """Which inputs the results depend on, besides state and letters."""
        return inputs_of(*self.outputs.values()) - {*self.state, *self.letters}

    @property
    def asks_objective(self) -> bool:
        """Whether the rule asks for values of the objective, besides gradients."""
        return not self.uses.isdisjoint(_OF_OBJECTIVE)

    @cached_property
    def operations(self) -> Counter[str]:
        """Operations of one step."""
        return count_operations(*self.outputs.values())

    @cached_property
    def by_block(self) -> bool:
        """Whether the rule sees the blocks of the iterate as matrices."""
        return not (
            BLOCK_OPERATIONS.isdisjoint(self.operations) and self.uses.isdisjoint(_OF_BLOCKS)
        )

    @cached_property
    def _new_state(self) -> dict[str, Expression]:
        return {name: self.outputs[name] for name in self.state}

    @cached_property
    def state_per_coordinate(self) -> tuple[str, ...]:
        """State variables that hold one number per coordinate, not one in all."""
        if self.by_block:
            return tuple(name for name in self.state if self.shapes[name] == ("r", "c"))
        first = ("g", "x", "query_point")
        found = dependents(self._new_state, first, by_coordinate=True)
        return tuple(name for name in self.state if name in found)

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each state variable, and of the direction, in a block of shape (r, c)."""
        made = {**self._new_state, "direction": self.outputs["direction"]}
        return shapes_of(made, ("g", "x", "query_point"))

    @cached_property
    def apart(self) -> Traced:
        """The same with state and letters under names that generated code has for nothing else.

        The minimum becomes a letter.
        """
        names = {name: f"state_{name}" for name in self.state}
        letters = {name: f"setting_{name}" for name in self.letters}
        if "minimum" in self.uses:
            letters["minimum"] = "stated_minimum"
        by = {old: Expression("input", new) for old, new in {**names, **letters}.items()}
        outputs = replaced(self.outputs, by)
        return Traced(
            tuple(names.values()),
            tuple(letters.values()),
            {names.get(name, name): node for name, node in outputs.items()},
            self.displaces,
        )


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule with its settings fixed.

    Attributes:
        entry: The catalogue entry.
        settings: Every setting by name; a number is a float64 that remembers what was typed.
        traced: Its formulas, which other rules of the same words share.
    """

    entry: Entry[Rule]
    settings: Mapping[str, Any]
    traced: Traced

    #: Of another optimizer (`convergence.optimizer.Opaque`) these may be otherwise.
    repeatable: ClassVar[bool] = True
    seeded: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """The catalogue key, without settings."""
        return self.entry.key

    @cached_property
    def specification(self) -> str:
        """The text that builds the rule again."""
        return self.entry.specification(self.settings)

    @property
    def outputs(self) -> Mapping[str, Expression]:
        """Expressions by name, with the settings as letters; see `Traced`."""
        return self.traced.outputs

    @property
    def letters(self) -> dict[str, float]:
        """The numbers that the formulas leave open, by name."""
        return {name: self.settings[name] for name in self.traced.letters}

    @property
    def state(self) -> dict[str, Any]:
        """First value of each state variable that a result depends on: a number, or `IDENTITY`."""
        first = self.entry.facts["state"]
        return {name: _first(first[name], self.settings) for name in self.traced.state}

    @property
    def uses(self) -> set[str]:
        """Which inputs the results depend on, besides state and settings."""
        return self.traced.uses

    @property
    def history_driven(self) -> bool:
        """Whether the direction is a function of the gradients alone."""
        needed = [self.outputs[name] for name in ("direction", *self.traced.state)]
        return not inputs_of(*needed) & {"x", "query_point", "step_size", *_OF_OBJECTIVE}

    @property
    def returns_displacement(self) -> bool:
        """Whether the step size is already inside what the rule returns."""
        return self.traced.displaces

    @property
    def state_per_coordinate(self) -> tuple[str, ...]:
        """State variables that hold one number per coordinate, not one in all."""
        return self.traced.state_per_coordinate

    @property
    def bytes_per_parameter(self) -> int:
        """Memory of the state, in bytes of float64 for each coordinate.

        State of a matrix rule that is of another shape than the block is left out: a number for
        each row, column or block, or a square matrix.
        """
        return 8 * len(self.state_per_coordinate)

    @property
    def operations(self) -> Counter[str]:
        """Operations of one step, counted on the trace."""
        return self.traced.operations

    def changes_at(self, name: str) -> tuple[int, ...]:
        """The numbers at which a setting gives a formula of its own."""
        try:
            # A number that is special to no setting.
            usual = self.entry(**{**self.settings, name: Fraction(1, 2)})
        except InputError:
            return ()  # it does not go together with the other settings
        found = []
        for number in SETTINGS[name].special:
            with suppress(InputError):  # nor need the special number
                rule = self.entry(**{**self.settings, name: number})
                if not usual._is(rule, name, number):
                    found.append(number)
        return tuple(found)

    def _is(self, other: Rule, name: str, number: int) -> bool:
        """Whether another rule is this one with a number put in."""
        put_in = replaced(self.outputs, {name: Expression.of(number)})
        return put_in.keys() == other.outputs.keys() and all(
            node is other.outputs[output] for output, node in put_in.items()
        )

    def formula(self) -> str:
        """One step as straight-line code with the settings as letters.

        State variables carry a prime once they are new.
        """
        made = {f"{name}'": node for name, node in self.outputs.items()}
        lines, names = statements(made, DISPLAY)
        return "\n".join([*lines, *(f"{n} = {v}" for n, v in names.items() if v != n)])


def _first(value: First, settings: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return value if value == IDENTITY else float(settings[value])
    return float(value(settings) if callable(value) else value)


@lru_cache(maxsize=1024)
def _traced(
    key: str,
    function: Callable[..., Any],
    state: tuple[str, ...],
    fixed: tuple[tuple[str, Any], ...],
) -> Traced:
    """Call the rule's function on symbols.

    Args:
        key: The rule, for messages.
        function: What it is.
        state: Names of the state variables.
        fixed: Settings that are decided now; the others are letters.
    """
    decided = dict(fixed)
    asks, numbers = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            numbers += [name] if name not in decided else []
        elif name != "g" and name not in state:
            asks.append(name)
    for name in asks:
        require(
            name in _ASKS,
            f"rule {key} asks for {name!r}, which is neither its state nor one of "
            + ", ".join(_ASKS),
        )
    g: Expression = Expression("input", "g")
    if decided.pop("maximize"):
        g = -g
    arguments: dict[str, Any] = {name: Expression("input", name) for name in (*state, *asks)}
    arguments.update({name: reduction(name) for name in ("norm", "mean") if name in asks})
    for name in numbers:
        special = tuple(map(Fraction, SETTINGS[name].special)) if name in SETTINGS else ()
        arguments[name] = Expression("input", name, special=special)
    result = function(g, **arguments, **decided)
    update = result if isinstance(result, Update) else Update(*result)
    require(
        len(update.state) == len(state),
        f"rule {key} returns {len(update.state)} state variables of {len(state)}",
    )
    outputs = {"direction": Expression.of(update.direction)}
    outputs.update(
        {name: Expression.of(new) for name, new in zip(state, update.state, strict=True)}
    )
    require(
        not count_operations(*outputs.values())["expit"],
        f"rule {key} uses expit, which rounds as the exponential of the machine does; "
        "rules round alike on all machines",
    )
    for name, value in (("query", update.query), ("metric", update.metric)):
        if value is not None:
            outputs[name] = Expression.of(value)
    # State that neither the direction nor the query depends on, not even through other state,
    # is not kept: bias correction switched off leaves no running product behind.
    live: set[str] = set()
    wanted = [outputs[name] for name in ("direction", "query", "metric") if name in outputs]
    while found := inputs_of(*wanted) & set(state) - live:
        live |= found
        wanted = [outputs[name] for name in found]
    kept = tuple(name for name in state if name in live)
    outputs = {name: node for name, node in outputs.items() if name not in state or name in live}
    asked = inputs_of(*outputs.values())
    letters = tuple(name for name in numbers if name in asked)
    traced = Traced(kept, letters, outputs, "step_size" in asked)
    if traced.by_block:
        whole = {"norm", "mean", *_OF_OBJECTIVE}
        others = {"query", "metric"} & set(outputs) | whole & set(asks)
        require(
            not others,
            f"rule {key} works on blocks and has {', '.join(sorted(others))}, which is of the "
            "whole iterate",
        )
        try:
            shapes = traced.shapes
        except TypeError as error:
            require(False, f"rule {key} cannot be read: {error}")
        require(
            shapes["direction"] == ("r", "c"),
            f"rule {key} returns a direction of shape {shapes['direction']}, not of the block",
        )
    return traced


def _outside(entry: Entry[Rule], name: str, value: Any) -> str:
    accepted = SETTINGS[name].accepted
    return f"{name}={format_value(value)} of rule {entry.key} must lie in {accepted}"


def _accepted(entry: Entry[Rule], name: str, value: Any) -> Any:
    setting = SETTINGS.get(name)
    if setting is None:
        raise InputError(f"rule {entry.key} has a setting {name!r}; known: {', '.join(SETTINGS)}")
    if not setting.words:
        given = exact(value)
        if given is None or not setting.within(given):
            raise InputError(_outside(entry, name, value))
        try:
            number = Number(given)
        except InputError as error:
            shown = format_value(value)
            shown = shown if len(shown) <= 40 else shown[:20] + "..."
            raise InputError(f"{name}={shown} of rule {entry.key} is {error}") from None
        # Of -0.0 nothing but 0 is left, or running products would change their sign each round.
        if not setting.within(float(number)):
            sentence = _outside(entry, name, value)
            raise InputError(f"{sentence}; a float64 makes it {float(number):g}")
        return number
    if not any(type(value) is type(word) and value == word for word in setting.words):
        words = [format_value(word) for word in setting.words]
        raise InputError(
            f"{name}={format_value(value)} of rule {entry.key} is not accepted; "
            + nearest(format_value(value), words)
        )
    return value


def _build(entry: Entry[Rule], settings: Mapping[str, Any]) -> Rule:
    checked = {name: _accepted(entry, name, value) for name, value in settings.items()}
    fixed = tuple(
        (name, value)
        for name, value in checked.items()
        if not isinstance(value, Number) or value.exact in SETTINGS[name].special
    )
    if "accepts" in entry.facts:
        sentence = entry.facts["accepts"](checked)
        require(not sentence, f"rule {entry.key}: {sentence}")
    state = tuple(entry.facts["state"])
    return Rule(entry, checked, _traced(entry.key, entry.function, state, fixed))


#: Every rule by key.
catalogue: Registry[Rule] = Registry("rule", _build)


def rule(
    *,
    source: str | tuple[str, ...],
    tags: tuple[str, ...] = (),
    alias: str | None = None,
    accepts: Callable[[Mapping[str, Any]], str] | None = None,
    in_proportion: bool = False,
    **state: First,
) -> Callable[[Callable[..., Any]], Entry[Rule]]:
    """Register an update rule.

    Args:
        source: `"bibkey, place"` or several of them.
        tags: Words to filter by.
        alias: A second key.
        accepts: Settings -> why they do not go together, in a sentence, or "".
        in_proportion: Whether its steps are in proportion to the gradients, so that only a step
            size of the problem's own scale is safe.
        state: The state variables, in the order the function returns them, each with its first
            value: a number, the name of the setting that holds it, a function of the settings,
            or `IDENTITY`.

    Raises:
        InputError: A setting is not in the closed list `SETTINGS`.
    """

    def check(entry: Entry[Rule]) -> None:
        for name in entry.parameters:
            require(
                name in SETTINGS,
                f"rule {entry.key} has a setting {name!r}; known: {', '.join(SETTINGS)}",
            )
        for name in state:
            require(
                name not in (*_TAKEN, *SETTINGS) and not name.startswith("_"),
                f"rule {entry.key} calls its state {name!r}; that name is taken",
            )

    def register(function: Callable[..., Any]) -> Entry[Rule]:
        return catalogue.add(
            function,
            check=check,
            source=source,
            tags=tags,
            alias=alias,
            common={"maximize": False},
            state=state,
            in_proportion=in_proportion,
            **({"accepts": accepts} if accepts else {}),
        )

    return register


def find(specification: str) -> Rule:
    """The rule of `key:name=value,...`.

    Raises:
        InputError: The text, the key or a setting is not accepted.
    """
    return catalogue.find(specification)
