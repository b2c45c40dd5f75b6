"""What a check of a problem reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ERROR", "REACHED", "STATED", "UNIT", "Array", "Finding", "Report", "Word", "point_text"]

Array = NDArray[np.float64]


Word = Literal["holds", "violated", "inconclusive"]


#: The probability that a true statement about a distribution is called violated, for each.
ERROR = 1e-9


# The share of an exact constant that the search must reach.
REACHED = 0.99


# Rounding of a loss or gradient, relative to the size of what was added up: some 64 units.
UNIT = 2.0**-46


# Allowed on top of a stated constant, which is itself rounded.
STATED = 1e-9


@dataclass(frozen=True)
class Finding:
    """What became of one label.

    Attributes:
        label: The letter or tag.
        verdict: "holds" (not contradicted), "violated" or "inconclusive".
        sentence: What was found, in words.
        stated: The number that is stated, if it is one.
        measured: The most extreme value found.
        witness: The points where: each of shape (n,).
        slack: For a constant that bounds a quotient, how near the search came: measured / stated
            for upper bounds, stated / measured for lower ones, at most 1.
    """

    label: str
    verdict: Word
    sentence: str
    stated: float | None = None
    measured: float | None = None
    witness: tuple[Array, ...] = ()
    slack: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {
            "label": self.label,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "stated": self.stated,
            "measured": self.measured,
            "slack": self.slack,
            "witness": [point.tolist() for point in self.witness],
        }

    def __str__(self) -> str:
        return f"{self.verdict:<12}  {self.label:<18}  {self.sentence}"


@dataclass(frozen=True)
class Report:
    """All findings about a problem."""

    specification: str
    findings: tuple[Finding, ...]

    @property
    def violated(self) -> tuple[Finding, ...]:
        """The labels that are false."""
        return tuple(f for f in self.findings if f.verdict == "violated")

    @property
    def summary(self) -> str:
        """How many labels hold, and which are false, in a sentence."""
        words = [finding.verdict for finding in self.findings]
        counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
        false = ", ".join(dict.fromkeys(finding.label for finding in self.violated))
        return f"{counts}; " + (f"false: {false}" if false else "nothing was found to be false")

    def __getitem__(self, label: str) -> Finding:
        """The worst finding about a label.

        Raises:
            KeyError: No law speaks of it on this problem.
        """
        order: list[Word] = ["violated", "inconclusive", "holds"]
        found = [f for f in self.findings if f.label == label]
        if not found:
            raise KeyError(label)
        return min(found, key=lambda f: order.index(f.verdict))

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "problem": self.specification,
            "violated": len(self.violated),
            "findings": [finding.to_json() for finding in self.findings],
        }

    def __str__(self) -> str:
        return "\n".join([f"problem {self.specification}", *map(str, self.findings)])


def point_text(x: Array) -> str:
    """A point for a sentence."""
    if x.size > 4:
        return f"a point of {x.size} coordinates"
    return "(" + ", ".join(f"{v:.9g}" for v in x) + ")"
