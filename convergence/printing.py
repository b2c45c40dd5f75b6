"""Formulas as text: one lowering to straight-line statements, and a table for each notation.

`statements` decides what is computed once, under which name and in which order. A `Notation` says
how each operation is written. A further language is a further table: the two below for programs
of Python differ in how they choose between values, and `DISPLAY` is what a reader sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from convergence.expression import BLOCK_OPERATIONS, Expression, walk
from problems.notation import InputError, Number, format_value

__all__ = ["ARRAYS", "DISPLAY", "NUMBERS", "Notation", "assigned", "statements"]

# How tightly a text binds: loosest, and like a name.
LOOSE, ATOM = 0, 9
# Longer texts get a name of their own: parsers have a limit to how deep brackets may be nested.
_LONG = 400


@dataclass(frozen=True)
class Notation:
    """How formulas are written.

    Attributes:
        operations: By operation, the text with a place {0}, {1}, ... for each argument, how tightly
            it binds, and how tightly each argument must (else it stands in brackets). An argument
            with several places is given a name first.
        constant: How a number is written.
        negative: How tightly a number below zero binds.
    """

    operations: Mapping[str, tuple[str, int, tuple[int, ...]]]
    constant: Callable[[Fraction], str]
    negative: int = 4


def _float(value: Fraction) -> str:
    """The nearest float64; what is too large for one is an infinity."""
    try:
        return repr(float(value))
    except OverflowError:
        return "-1e999" if value < 0 else "1e999"


def _shown(value: Fraction) -> str:
    """As it would be typed."""
    try:
        return format_value(Number(value))
    except InputError:
        return str(value)


# The right operand binds tighter: a - (b - c), and a * (b * c) keeps its order.
_INFIX = {
    **{sign: (f"{{0}} {sign} {{1}}", 1, (2, 2)) for sign in ("<", "<=", ">", ">=")},
    "+": ("{0} + {1}", 2, (2, 3)),
    "-": ("{0} - {1}", 2, (2, 3)),
    "*": ("{0} * {1}", 3, (3, 4)),
    "/": ("{0} / {1}", 3, (3, 4)),
    "negative": ("-{0}", 4, (4,)),
}
_CALLED: dict[str, tuple[str, int, tuple[int, ...]]] = {
    name: (f"{name}({{0}})", ATOM, (LOOSE,))
    for name in ("sqrt", "abs", "expit", "norm", "mean", *sorted(BLOCK_OPERATIONS))
}
_CALLED["matmul"] = ("matmul({0}, {1})", ATOM, (LOOSE, LOOSE))

#: Python on plain numbers, as compiled code needs it: choices are conditional expressions.
NUMBERS = Notation(
    {
        **_INFIX,
        **_CALLED,
        "where": ("{1} if {0} else {2}", LOOSE, (1, 1, 1)),
        "maximum": ("{0} if {0} > {1} else {1}", LOOSE, (2, 2)),
        "minimum": ("{0} if {0} < {1} else {1}", LOOSE, (2, 2)),
        "clip": ("{1} if {0} < {1} else {2} if {0} > {2} else {0}", LOOSE, (2, 2, 2)),
        "sign": ("1.0 if {0} > 0.0 else -1.0 if {0} < 0.0 else {0}", LOOSE, (2,)),
    },
    _float,
)

#: Python on arrays: choices look at every element.
ARRAYS = Notation(
    {
        **_INFIX,
        **_CALLED,
        "where": ("where({0}, {1}, {2})", ATOM, (LOOSE,) * 3),
        "maximum": ("where({0} > {1}, {0}, {1})", ATOM, (2, 2)),
        "minimum": ("where({0} < {1}, {0}, {1})", ATOM, (2, 2)),
        "clip": ("where({0} < {1}, {1}, where({0} > {2}, {2}, {0}))", ATOM, (2, 2, 2)),
        "sign": ("where({0} > 0.0, 1.0, where({0} < 0.0, -1.0, {0}))", ATOM, (2,)),
    },
    _float,
)

#: What a reader sees.
DISPLAY = Notation(
    {
        **ARRAYS.operations,
        "maximum": ("maximum({0}, {1})", ATOM, (LOOSE, LOOSE)),
        "minimum": ("minimum({0}, {1})", ATOM, (LOOSE, LOOSE)),
        "clip": ("clip({0}, {1}, {2})", ATOM, (LOOSE,) * 3),
        "sign": ("sign({0})", ATOM, (LOOSE,)),
    },
    _shown,
)


def statements(
    outputs: Mapping[str, Expression],
    notation: Notation,
    *,
    given: Mapping[int, str] | None = None,
    prefix: str = "_",
) -> tuple[Sequence[str], Mapping[str, str]]:
    """Straight-line code that computes the outputs.

    Args:
        outputs: Expressions by the name they are assigned to.
        notation: How operations are written.
        given: Names of nodes (by id) that are already computed.
        prefix: Begins the names of intermediate values.

    Returns:
        The lines, and for each output the name or literal that holds it.
    """
    given = given or {}
    nodes = walk(outputs.values(), given)
    uses: Counter[int] = Counter()
    for node in nodes:
        if id(node) in given or node.operation in ("input", "constant"):
            continue
        template = notation.operations[node.operation][0]
        # A node used twice must be computed once; the others are written in place.
        for place, child in enumerate(node.arguments):
            uses[id(child)] += template.count(f"{{{place}}}")
    output_names: dict[int, str] = {}
    for name, node in outputs.items():
        output_names.setdefault(id(node), name)
    lines: list[str] = []
    text: dict[int, tuple[str, int]] = {}
    for node in nodes:
        if id(node) in given:
            text[id(node)] = given[id(node)], ATOM
        elif node.operation == "input":
            text[id(node)] = node.arguments[0], ATOM
        elif node.operation == "constant":
            literal = notation.constant(node.arguments[0])
            text[id(node)] = literal, notation.negative if literal.startswith("-") else ATOM
        else:
            template, own, needed = notation.operations[node.operation]
            parts = []
            for child, binding in zip(node.arguments, needed, strict=True):
                written, binds = text[id(child)]
                parts.append(written if binds >= binding else f"({written})")
            written = template.format(*parts)
            if uses[id(node)] > 1 or id(node) in output_names or len(written) > _LONG:
                name = output_names.get(id(node), f"{prefix}{len(lines)}")
                lines.append(f"{name} = {written}")
                written, own = name, ATOM
            text[id(node)] = written, own
    return lines, {name: text[id(node)][0] for name, node in outputs.items()}


def assigned(
    outputs: Mapping[str, Expression],
    notation: Notation,
    given: Mapping[int, str] | None = None,
    prefix: str = "_",
) -> list[str]:
    """Statements after which each name holds its output."""
    lines, values = statements(outputs, notation, given=given, prefix=prefix)
    return [*lines, *(f"{name} = {value}" for name, value in values.items() if name != value)]
