"""What an optimizer is: the rules of the catalogue that a rule with its settings equals.

Heavy ball without momentum is gradient descent, and AdamW without decay is Adam. Two rules are the
same method if, with their settings put in, the same state is kept and moves them by the same
formulas: as real numbers, and wherever nothing is infinite. As much algebra is done as brings
formulas that are equal for such reasons to one form: numbers are computed, zeros and ones
dropped, terms and factors sorted. Rules that are equal for other reasons count as different.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from convergence import rules
from convergence.expression import Expression, inputs_of, replaced, walk
from convergence.rule import SETTINGS, Rule, Traced
from problems.notation import InputError, exact
from problems.registry import Entry

__all__ = ["shared_state", "views"]

_Named = tuple[tuple[str, Any], ...]
_STEP, _NEXT_X, _X = (Expression("input", name) for name in ("step_size", "next_x", "x"))

# One form for equal formulas


def _number(node: Expression) -> Fraction | None:
    return node.arguments[0] if node.operation == "constant" else None


def _parts(node: Expression, operation: str) -> Iterator[Expression]:
    """The terms of a sum, or the factors of a product."""
    if node.operation != operation:
        yield node
        return
    for part in node.arguments:
        yield from _parts(part, operation)


def _joined(operation: str, *nodes: Expression) -> Expression:
    """The sum or the product, with its numbers computed and the rest in one order."""
    neutral = Fraction(operation == "*")
    total, rest = neutral, []
    for part in itertools.chain(*(_parts(node, operation) for node in nodes)):
        number = _number(part)
        if number is None:
            rest.append(part)
        else:
            total = total * number if operation == "*" else total + number
    if operation == "*" and not total:
        return Expression.of(0)
    for part in [part for part in rest if part.operation == "abs" and operation == "*"]:
        if sum(other is part for other in rest) == 2:  # the square of a size is that of the number
            rest = [other for other in rest if other is not part] + 2 * [part.arguments[0]]
    if total != neutral or not rest:
        rest.append(Expression.of(total))
    # Equal formulas are one object: where it lies in memory is an order.
    made, *others = sorted(rest, key=id)
    for part in others:
        made = Expression(operation, made, part)
    return made


def _fraction(a: Expression, b: Expression) -> Expression:
    if number := _number(b):
        return _joined("*", a, Expression.of(1 / number))
    return a if _number(a) == 0 else Expression("/", a, b)


def _root(a: Expression) -> Expression:
    number = _number(a)
    if number is not None and number >= 0:
        over, under = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if Fraction(over, under) ** 2 == number:
            return Expression.of(Fraction(over, under))
    square = a.operation == "*" and a.arguments[0] is a.arguments[1]
    return Expression("abs", a.arguments[0]) if square else Expression("sqrt", a)


def _choice(condition: Expression, a: Expression, b: Expression) -> Expression:
    number = _number(condition)
    if number is not None or a is b:
        return a if number is None or number else b
    size = Expression("abs", b)
    if condition is Expression(">", size, Expression.of(0)) and a is Expression("/", b, size):
        return Expression("sign", b)  # 0/0 being read as 0
    return Expression("where", condition, a, b)


_COMPUTED: Mapping[str, Callable[..., Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
}


def _simpler(operation: str, parts: list[Expression]) -> Expression:
    """An operation on parts that have their form."""
    return _simplified(operation, *parts)


# Most parts of the rules that are compared are the same, time and again.
@lru_cache(maxsize=65_536)
def _simplified(operation: str, *parts: Expression) -> Expression:
    if operation in ("+", "*"):
        return _joined(operation, *parts)
    if operation in ("-", "negative"):
        less = _joined("*", Expression.of(-1), parts[-1])
        return less if operation == "negative" else _joined("+", parts[0], less)
    if operation == "/":
        return _fraction(*parts)
    if operation == "sqrt":
        return _root(*parts)
    if operation == "where":
        return _choice(*parts)
    numbers = [_number(part) for part in parts]
    if operation in _COMPUTED and None not in numbers:
        return Expression.of(Fraction(_COMPUTED[operation](*numbers)))
    if operation in ("maximum", "minimum"):
        return parts[0] if parts[0] is parts[1] else Expression(operation, *sorted(parts, key=id))
    return Expression(operation, *parts)


def _of_one_coordinate(operation: str, parts: list[Expression]) -> Expression:
    """The same where the iterate is a single number, and so is every block."""
    kind = operation.partition("_")[0]
    if kind in ("sum", "mean", "transpose") or (kind == "maximum" and len(parts) == 1):
        return parts[0]
    kind = {"norm": "abs", "polar": "sign", "matmul": "*"}.get(kind, operation)
    return _simpler(kind, parts)


# Rules in that form


def _over_step(node: Expression) -> Expression | None:
    """A formula over the step size, where that is a factor of every term."""
    terms = []
    for term in _parts(node, "+"):
        factors = list(_parts(term, "*"))
        others = [factor for factor in factors if factor is not _STEP]
        if _number(term) != 0 and len(others) != len(factors) - 1:
            return None
        terms.append(_joined("*", *others))
    made = _joined("+", *terms)
    return None if "step_size" in inputs_of(made) else made


# Outputs on which the iterates depend.
_MOVES = frozenset({"direction", "displacement", "query"})


@dataclass(frozen=True, eq=False)
class _Form:
    """A rule with its settings put in.

    Attributes:
        outputs: Formulas by name, for equal rules the same objects; the direction is named
            "displacement" where the step size is no factor of it.
        first: The first value of each state variable.
    """

    outputs: Mapping[str, Expression]
    first: Mapping[str, Any]

    def state(self, *wanted: str) -> set[str]:
        """The state variables that these outputs depend on."""
        live: set[str] = set()
        new = set(wanted)
        while new:
            new = inputs_of(*(self.outputs[name] for name in new)) & set(self.first) - live
            live |= new
        return live

    def equals(self, other: _Form, *, by_metric: bool) -> bool:
        """Whether both move the iterate alike, and project alike if that is by their metrics."""
        names = _MOVES | ({"metric"} if by_metric else set())
        wanted = names & set(self.outputs)
        return (
            wanted == names & set(other.outputs)
            and (live := self.state(*wanted)) == other.state(*wanted)
            and all(self.outputs[name] is other.outputs[name] for name in wanted | live)
            and all(self.first[name] == other.first[name] for name in live)
        )


def _form(rule: Rule, *, constant_step: bool = False, one_coordinate: bool = False) -> _Form:
    letters = tuple((name, exact(value)) for name, value in rule.letters.items())
    first = tuple((name, exact(value)) for name, value in rule.state.items())
    return _formed(rule.traced, letters, first, constant_step, one_coordinate)


@lru_cache(maxsize=4096)
def _formed(
    traced: Traced, letters: _Named, first_values: _Named, constant_step: bool, one_coordinate: bool
) -> _Form:
    change = _of_one_coordinate if one_coordinate else _simpler
    by = {name: Expression.of(value) for name, value in letters}
    by |= {name: Expression.of(1) for name in ("rows", "columns") if one_coordinate}
    first = dict(first_values)

    def put_in(made: Mapping[str, Expression], by: Mapping[str, Expression]) -> Any:
        return replaced(made, by, change=change)

    made = dict(traced.outputs)
    if not traced.displaces:
        made["direction"] = _STEP * made["direction"]
    if "query" not in made:
        by["query_point"] = _X
    made = put_in(made, by)
    # State that keeps its first value is a number.
    while fixed := {
        name: Expression.of(value)
        for name, value in first.items()
        if value is not None and name not in by
        if made[name] is Expression("input", name) or _number(made[name]) == value
    }:
        by |= fixed
        made = put_in(made, fixed)
    if made.get("query") is _NEXT_X:
        del made["query"]
        made = put_in(made, {"query_point": _X})
    if constant_step:
        # A velocity of gradients times their step size is one of gradients, times the step size.
        live = _Form(made, first).state("direction", *{"query"} & set(made))
        inside = {n: _STEP * Expression("input", n) for n in live if first[n] == 0}
        scaled = put_in(made, inside)
        over = {n: node for n in inside if (node := _over_step(scaled[n])) is not None}
        if over.keys() == inside.keys():
            made = {**scaled, **over}
    displacement = made.pop("direction")
    direction = _over_step(displacement)
    moves = {"displacement": displacement} if direction is None else {"direction": direction}
    return _Form({**made, **moves}, first)


# Rules that are the same method take the same way: of most pairs that are not, three rounds tell

# Gradients and step sizes, with no relation between them.
_GRADIENTS, _SIZES = (0.3125, -1.1, 0.83), (0.37, 0.29, 0.41)
# Ways that differ by this share of a coordinate are not the same, where no number of a rule is so
# large, or so near 1, that rounding makes as much of a difference.
_DIFFERENT, _LARGE, _NEAR = 1e-6, 1e6, 1e-4
_OF_FLOATS: Mapping[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "maximum": max,
    "minimum": min,
    "negative": operator.neg,
    "abs": abs,
    "sqrt": math.sqrt,
    "sign": lambda a: float((a > 0) - (a < 0)),
    "where": lambda c, a, b: a if c else b,
    "clip": lambda a, low, high: min(max(a, low), high),
    "norm": abs,
    "mean": float,
}


def _differ(rule: Rule, other: Rule, *, constant_step: bool) -> bool:
    """Whether two rules are not the same method, by the first rounds in one dimension.

    That they are is left open.
    """
    ways = [_way(each.traced, _numbers(each), constant_step) for each in (rule, other)]
    if None in ways:
        return False
    return any(
        abs(a - b) > _DIFFERENT * (1 + abs(a) + abs(b))
        for a, b in zip(*filter(None, ways), strict=True)
    )


def _numbers(rule: Rule) -> tuple[tuple[str, Any], ...]:
    return (*((name, float(value)) for name, value in rule.letters.items()), *rule.state.items())


def _evaluated(
    nodes: Iterable[Expression], known: Mapping[str, float], found: dict[int, Any]
) -> dict[int, Any]:
    """The floats of nodes by their ids, children first, besides those that are found already."""
    for node in nodes:
        if id(node) not in found:
            parts, operation = node.arguments, node.operation
            if operation == "input":
                found[id(node)] = known[parts[0]]
            elif operation == "constant":
                found[id(node)] = float(parts[0])
            else:
                found[id(node)] = _OF_FLOATS[operation](*(found[id(part)] for part in parts))
    return found


@lru_cache(maxsize=4096)
def _way(traced: Traced, numbers: _Named, constant_step: bool) -> tuple[float, ...] | None:
    """The first iterates and query points, or None where rounding may matter."""
    known = dict(numbers)
    if not all(isinstance(value, float) for value in known.values()):
        return None
    if any(abs(v) > _LARGE or 0 < abs(1 - v) < _NEAR for v in known.values()):
        return None
    known |= {"x": 0.7, "query_point": 0.7, "loss": 2.5, "minimum": 0.45}
    made, query = traced.outputs, traced.outputs.get("query")
    moves = walk([made[name] for name in ("direction", *traced.state)])
    later, way = walk([] if query is None else [query]), []
    try:
        for t, (g, size) in enumerate(zip(_GRADIENTS, _SIZES, strict=True), 1):
            known |= {"t": float(t), "g": g, "step_size": _SIZES[0] if constant_step else size}
            found = _evaluated(moves, known, {})
            moved = found[id(made["direction"])]
            known["x"] -= moved if traced.displaces else known["step_size"] * moved
            _evaluated(later, {**known, "next_x": known["x"]}, found)
            known |= {name: found[id(made[name])] for name in traced.state}
            known["query_point"] = known["x"] if query is None else found[id(query)]
            way += [known["x"], known["query_point"]]
    except (KeyError, TypeError, ArithmeticError, ValueError):
        return None
    return tuple(way) if all(map(math.isfinite, way)) else None


# Numbers that other settings may leave without a part: then each is like any other.
_IDLE = {"beta1_decay": (1,), "dampening": (0,), "look_ahead": (0, 1)}


def _candidates(entry: Entry[Rule], rule: Rule) -> Iterator[Rule]:
    """An entry with the settings of a rule, where it has them, and with others that may do."""
    choices: list[dict[Any, None]] = []
    for name in entry.parameters:
        setting, own = SETTINGS[name], rule.settings.get(name)
        if name == "maximize":
            values: tuple[Any, ...] = (own,)
        elif setting.words:
            values = setting.words
        elif own is None:
            values = _IDLE.get(name, (0,))
        else:
            values = (own, *_IDLE.get(name, ()))
        choices.append(dict.fromkeys(values))
    for chosen in itertools.product(*choices):
        with contextlib.suppress(InputError):  # settings that do not go together
            yield entry(**dict(zip(entry.parameters, chosen, strict=True)))


def views(
    rule: Rule,
    *,
    constant_step: bool = False,
    one_coordinate: bool = False,
    by_metric: bool = False,
) -> list[Rule]:
    """The rule itself, and every other rule of the catalogue that is the same method.

    Args:
        rule: With its settings.
        constant_step: Whether they need be the same with a constant step size only.
        one_coordinate: Whether they need be the same on problems of one dimension only.
        by_metric: Whether the projection is made in the metrics of the rules, which then are equal.
    """
    settings = tuple((name, value, exact(value)) for name, value in rule.settings.items())
    asked = _Asked(rule, (id(rule.entry), settings, tuple(entry.key for entry in rules.catalogue)))
    return [rule, *_others(asked, constant_step, one_coordinate, by_metric)]


@dataclass(frozen=True)
class _Asked:
    """A rule, which is the same question as any other of the same settings."""

    rule: Rule = field(compare=False)
    settings: tuple[Any, ...]


@lru_cache(maxsize=4096)
def _others(
    asked: _Asked, constant_step: bool, one_coordinate: bool, by_metric: bool
) -> tuple[Rule, ...]:
    rule, found = asked.rule, []
    own = rule.specification
    form = _form(rule, constant_step=constant_step, one_coordinate=one_coordinate)
    live = form.state(*_MOVES & set(form.outputs))
    for entry in rules.catalogue:
        if not live <= set(entry.facts["state"]):
            continue
        for other in _candidates(entry, rule):
            block = other.traced.by_block and not (one_coordinate or rule.traced.by_block)
            if block or _differ(rule, other, constant_step=constant_step):
                continue
            if other.specification != own:
                same = _form(other, constant_step=constant_step, one_coordinate=one_coordinate)
                found += [other] * form.equals(same, by_metric=by_metric)
    return tuple(found)


def shared_state(rule: Rule, other: Rule, *, one_coordinate: bool = False) -> frozenset[str]:
    """The names under which two rules that are the same method keep the same values."""
    a, b = (_form(each, one_coordinate=one_coordinate) for each in (rule, other))
    same = {
        name
        for name in set(a.first) & set(b.first)
        if a.first[name] == b.first[name] and a.outputs[name] is b.outputs[name]
    }
    while apart := {name for name in same if a.state(name) - same}:
        same -= apart
    return frozenset(same)
