"""What a claim comes to on a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from convergence.case import Word
from convergence.experiment import Experiment

__all__ = ["SENSITIVE", "Evidence", "Verdict"]

#: What a verdict rests on. *proved*: a certificate. *exact*: the run itself, or an expectation that
#: was computed, over every outcome or by an exact recursion of moments; nothing but rounding, which
#: is bounded, lies between. *guaranteed*: a confidence limit that is valid for every distribution.
#: *asymptotic*: Student's limits, or a trend, which are right for many samples of tame figures and
#: refute nothing. *none*: nothing was tested.
Evidence = Literal["proved", "exact", "guaranteed", "asymptotic", "none"]

#: A claim whose bound could be smaller by more than this factor, unnoticed, is not sensitive.
SENSITIVE = 2.0


@dataclass(frozen=True)
class Verdict:
    """What a claim came to on a run, with the figures it rests on.

    Attributes:
        word: See `convergence.case.Word`.
        claim: Its specification.
        experiment: What was run.
        seeds: How many lanes were looked at.
        reason: One sentence.
        evidence: See `Evidence`.
        first_violation: The first step at which the bound is broken, or None.
        measured, bound: At the first violation, or where the run comes closest.
        ratio: The largest measured / bound (bound / measured for a lower bound) over the
            tested rounds, and where it is attained. Rounding does not enter it.
        closest: That round.
        sensitivity: The factor by which the bound could be smaller (larger, for a lower bound)
            without being contradicted on this run; infinite where nothing would contradict it,
            None where nothing was tested.
        speaks_from: The first tested round at which the bound says more than what the stated
            constants imply, or None.
        beats_standing_still_from: The first tested round at which the bound is less than the figure
            of a run that stays at the start, or None.
        rounds_checked: At how many rounds the claim was tested.
        error_probability: For guaranteed evidence, the probability that chance made the word wrong.
        exponent: For rates and limits, the exponent of T that was read off, and its interval.
    """

    word: Word
    claim: str
    experiment: Experiment
    seeds: int
    reason: str
    evidence: Evidence = "none"
    first_violation: int | None = None
    measured: float | None = None
    bound: float | None = None
    ratio: float | None = None
    closest: int | None = None
    sensitivity: float | None = None
    speaks_from: int | None = None
    beats_standing_still_from: int | None = None
    rounds_checked: int = 0
    error_probability: float = 0.0
    exponent: tuple[float, float, float] | None = None

    @property
    def figure(self) -> str:
        """The ratio, or for rates and limits the power of T that was read off, as text."""
        if self.exponent is not None:
            return f"T**{self.exponent[0]:.2g}"
        return "" if self.ratio is None else f"{self.ratio:.4g}"

    @property
    def holds(self) -> bool:
        """Whether the claim was tested and not contradicted, sensitive or not."""
        return self.word in ("holds", "holds, not sensitive")

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def word_of(sensitivity: float) -> Word:
    """The word for a claim that was not contradicted."""
    # A ratio of 1/2 is often a rounding off.
    return "holds" if sensitivity <= SENSITIVE * (1 + 1e-9) else "holds, not sensitive"


def least_factor(ratio: float | None) -> float:
    """The sensitivity that belongs to the largest ratio: infinite where it is not positive."""
    return 1 / ratio if ratio is not None and ratio > 0 else math.inf
