"""What a claim comes to on a run."""

from __future__ import annotations

from dataclasses import dataclass

from convergence.case import Word

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What a claim came to on a run, with the figures it rests on.

    Attributes:
        word: holds, violated, vacuous, not applicable or inconclusive.
        claim, problem, rule, schedule: Specifications.
        steps: Rounds of the run.
        seeds: How many lanes.
        reason: One sentence.
        first_violation: The first step at which the bound is broken, or None.
        measured, bound: At the first violation, or where the run comes closest.
        ratio: The largest measured / bound (bound / measured for a lower bound) over the
            tested rounds, and where it is attained.
        closest: That round.
        speaks_from: The first tested round at which the bound says more than what is
            trivially true, or None.
        rounds_checked: At how many rounds the claim was tested.
        error_probability: For claims about chance; 0 for claims about every run.
        exponent: For rates and limits, the exponent of T that was read off, and its interval.
    """

    word: Word
    claim: str
    problem: str
    rule: str
    schedule: str
    steps: int
    seeds: int
    reason: str
    first_violation: int | None = None
    measured: float | None = None
    bound: float | None = None
    ratio: float | None = None
    closest: int | None = None
    speaks_from: int | None = None
    rounds_checked: int = 0
    error_probability: float = 0.0
    exponent: tuple[float, float, float] | None = None

    @property
    def figure(self) -> str:
        """The ratio, or for rates and limits the power of T that was read off, as text."""
        if self.exponent is not None:
            return f"T**{self.exponent[0]:.2g}"
        return "" if self.ratio is None else f"{self.ratio:.4g}"

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"
