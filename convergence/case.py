"""Cases: the runs on which claims are judged, as compact tables beside the claims.

A table is a text. A line that is a verdict is the heading of the rows below it; a row is a problem,
a rule, a schedule and the number of steps, and then, where they are needed, `seeds=`,
`first_violation=` and the claim's own options:

    holds
        reddi-2018-thm1  sgd  inverse-sqrt:alpha=1  10_000
        random-signs  adam  constant:alpha=0.01  8  seeds=20000
    violated
        periodic-linear  adam:beta1=0,eps=0  inverse-sqrt:alpha=0.1  6_000  first_violation=1377

What follows # is a comment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from convergence.experiment import Experiment
from problems.notation import InputError, nearest, read_value, require

__all__ = ["Case", "Expected", "Word", "table"]

#: What a verdict may say. A trend that is read off a run agrees with a rate or a limit, disagrees
#: or is unclear; no finite run proves or refutes one.
Word = Literal[
    "holds",
    "holds, not sensitive",
    "violated",
    "vacuous",
    "agrees",
    "disagrees",
    "unclear",
    "not applicable",
    "inconclusive",
]
#: A word, or "not violated" where any other will do.
Expected = Word | Literal["not violated"]
EXPECTED: tuple[str, ...] = (*get_args(Word), "not violated")


@dataclass(frozen=True)
class Case:
    """An experiment on which a claim is judged by `verify`, and the verdict it must give.

    Attributes:
        experiment: What is run; any optimizer may stand for a rule.
        expected: A verdict, or "not violated" where any other will do.
        first_violation: The exact step, where it is known.
        options: The claim's own options, if it has any.

    Raises:
        InputError: The verdict is none.
    """

    experiment: Experiment
    expected: Expected
    first_violation: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # What is nearest is looked for where it is needed: there are thousands of cases.
        if self.expected not in EXPECTED:
            close = nearest(str(self.expected), EXPECTED)
            raise InputError(f"a case expects {self.expected!r}; {close}")


def table(text: str) -> tuple[Case, ...]:
    """The cases of a table.

    Raises:
        InputError: A line is neither a verdict nor a row, or a part of a row is not accepted.
    """
    expected, found = "", []
    for line in text.splitlines():
        row = line.partition("#")[0].split()
        if not row:
            continue
        if "=" not in line and " ".join(row) in EXPECTED:
            expected = " ".join(row)
            continue
        shown = " ".join(row)
        require(
            len(row) >= 4,
            f"{shown!r} of a table of cases is neither a verdict ({', '.join(EXPECTED)}) nor a "
            "row: problem, rule, schedule, steps",
        )
        require(expected, f"the row {shown!r} of a table of cases stands under no verdict")
        named: dict[str, Any] = {}
        for part in row[4:]:
            name, equals, value = part.partition("=")
            require(equals, f"{part!r} in the row {shown!r} must be written name=value")
            named[name] = read_value(value)
        try:
            steps = int(row[3])
        except ValueError:
            raise InputError(f"the steps {row[3]!r} in {shown!r} must be a whole number") from None
        try:
            parts: dict[str, Any] = dict(
                zip(("problem", "optimizer", "schedule"), row, strict=False)
            )
            experiment = Experiment(**parts, steps=steps, seeds=named.pop("seeds", 1))
        except InputError as error:
            raise InputError(f"the row {shown!r} of a table of cases: {error}") from None
        first = named.pop("first_violation", None)
        found.append(Case(experiment, cast("Expected", expected), first, named))
    return tuple(found)
