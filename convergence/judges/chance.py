"""Claims about chance: in expectation, and with probability, judged by confidence limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.case import Word
from convergence.claim import Claim, Setting
from convergence.judges.confidence import bounded_width, share_limits, student_width
from convergence.judges.labels import contradicted
from convergence.judges.shared import (
    Array,
    bound_of,
    closest,
    figure,
    observed_in,
    rerun,
    sign_of,
    trivially_true,
    with_all,
)
from convergence.measure import MEASURES
from convergence.record import Record
from convergence.verdict import Verdict

__all__ = [
    "DOUBLINGS",
    "ERROR_PROBABILITY",
    "SLACK",
    "VERDICTS",
    "error_per_verdict",
    "judge_chance",
]

#: Probability that, of all claims about chance that the suite judges, one that is true is called
#: violated (or a false one to hold) by bad luck.
ERROR_PROBABILITY = 1e-6
#: Among so many verdicts about chance that probability is shared.
VERDICTS = 2_000
#: How often the seeds are doubled until a claim about chance is decided.
DOUBLINGS = 8
# And no further than this.
_MOST_SEEDS = 1 << 17
# A mean of figures that are all at the bound is off by less.
_ROUNDING = 1e-12
#: A claim in expectation holds if the upper confidence limit stays below this times the bound:
#: at 1 a tight claim would never be decided.
SLACK = 1.05


def error_per_verdict() -> float:
    """The share of the error probability that one verdict may use.

    It does not depend on what else is judged, and so neither does the verdict.
    """
    return ERROR_PROBABILITY / VERDICTS


def judge_chance(claim: Claim, setting: Setting, record: Record, common: dict[str, Any]) -> Verdict:
    """Look, and while nothing is decided look again with twice the seeds.

    Limits that are exact for every distribution come first, where the range of the figure is
    known; looks at which they cannot decide, going by the deviation seen so far, are passed over.
    Where no look can, Student's limits are taken, at the other half of the error.
    """
    error = error_per_verdict() / (DOUBLINGS + 1)
    first, look, exact = len(record.seeds), 0, claim.kind == "in expectation"
    while True:
        common = common | {
            "seeds": len(record.seeds),
            "error_probability": error_per_verdict(),
        }
        sample = _sample(claim, setting, with_all(record, claim, setting))
        if undecided := _nothing_to_decide(claim, sample):
            word, reason = undecided
            return Verdict(word, reason=reason, **common)
        if claim.kind == "with probability":
            verdict = _by_share(claim, sample, error, common)
        else:
            exact = exact and sample.spread is not None
            last = look == DOUBLINGS or first << (look + 1) > _MOST_SEEDS
            firm = True if exact or last else sample.firm
            verdict = _by_mean(claim, sample, error / 2, exact, firm, common)
        if verdict.word != "inconclusive":
            return verdict
        ahead = look + 1
        if exact and sample.spread is not None:
            found = _deciding_look(sample, error / 2, first, look)
            if found is None:
                exact = False
                continue
            ahead = found
        if ahead > DOUBLINGS or first << ahead > _MOST_SEEDS:
            return verdict
        look = ahead
        start = max(record.seeds) + 1
        more = range(start, start + (first << look) - len(record.seeds))
        record = rerun(record, [*record.seeds, *more])


@dataclass(frozen=True)
class _Sample:
    """Figures of all seeds at the recorded rounds, signed so that less is always fine.

    Attributes:
        times: Shape (rounds,).
        measured, bound: Shape (lanes, rounds).
        ends: The step at which each lane was no longer finite, or 0.
        spread: Shape (rounds,): the length of the interval that the figure must lie in, if known.
        speaks: Shape (rounds,): where the bound says more than is trivially true.
        lie: The label of the problem that the run contradicts, or "".
    """

    times: NDArray[np.int64]
    measured: Array
    bound: Array
    ends: NDArray[np.int64]
    spread: Array | None
    speaks: NDArray[np.bool_]
    lie: str

    @property
    def lanes(self) -> int:
        return self.measured.shape[0]

    @cached_property
    def mean(self) -> Array:
        return np.asarray(self.measured.mean(axis=0))

    @cached_property
    def expected(self) -> Array:
        return np.asarray(self.bound.mean(axis=0))

    def width(self, lanes: int, error: float, exact: bool) -> Array:
        """Of the confidence limit at each round, with so many lanes."""
        deviation = (self.measured - self.bound).std(axis=0, ddof=1)
        share = error / self.times.size
        if exact:
            return bounded_width(deviation, self.spread, lanes, share)
        return student_width(deviation, lanes, share)

    def broken(self, width: Array, firm: Any = True) -> NDArray[np.bool_]:
        """Where the lower limit passes the bound by more than rounding, and this is firm."""
        beyond = self.mean - width > self.expected + _ROUNDING * abs(self.expected)
        return np.asarray(beyond & firm)

    def kept(self, width: Array) -> NDArray[np.bool_]:
        """Where the upper limit stays below the bound and its slack, or nothing is said."""
        room = self.expected + (SLACK - 1) * abs(self.expected)
        return np.asarray((self.mean + width <= room) | ~self.speaks)

    @property
    def firm(self) -> NDArray[np.bool_]:
        """Where Student's limits may speak of a violation before the last look.

        They know nothing of a rare value that no lane has met: not where all lanes agree, nor
        where the range is known and exact limits are silent.
        """
        differ = np.ptp(self.measured - self.bound, axis=0) > 0
        return np.asarray(differ & (self.spread is None))


def _sample(claim: Claim, setting: Setting, record: Record) -> _Sample:
    sign = sign_of(claim)
    times = record.times
    observed = observed_in(record, claim, setting)
    measured = figure(claim, record, observed)
    bound = bound_of(claim, setting, times, observed, measured)
    trivial = trivially_true(claim, setting, times)
    speaks = np.asarray(np.isfinite(bound).all(axis=0))
    if trivial is not None:
        speaks &= sign * bound.mean(axis=0) < sign * trivial
    varies = np.ptp(bound, axis=0).any()
    return _Sample(
        times,
        sign * measured,
        sign * bound,
        np.array([end.step for end in record.ends]),
        None if varies else _spread(claim, setting, times),
        speaks,
        contradicted(claim, setting, record.seeds, times, observed),
    )


def _spread(claim: Claim, setting: Setting, times: NDArray[np.int64]) -> Array | None:
    """The length of the interval in which a figure must lie, if G and the domain tell."""
    problem, measure = setting.problem, claim.measure
    domain = problem.domain
    steep = problem.constant("G") if "G" in problem.constants else np.inf
    across = domain.diameter("l2", problem.dimension) if domain.bounded else np.inf
    lengths: dict[str, Callable[[], Any]] = {
        "distance": lambda: across,
        "distance_square": lambda: across**2,
        "average_regret": lambda: 2 * steep * across,
        "regret": lambda: 2 * steep * across * times,
        "gradient_mean_square": lambda: steep**2,
        # Moments are sums with weights that add up to 1 - beta**T; of the first the figure is the
        # share along the exact gradient.
        "second_moment": lambda: steep**2 * (1 - setting.method.settings["beta2"] ** times),
        "first_moment": lambda: (
            2
            * steep
            * (1 - setting.method.settings["beta1"] ** times)
            / np.linalg.norm(problem.objective_gradient(problem.start))
        ),
    }
    if measure.startswith("suboptimality"):
        length = steep * across
    elif measure in lengths and not MEASURES[measure].samples_gradients(problem):
        length = lengths[measure]()
    else:
        return None
    return np.broadcast_to(length, times.shape) if np.isfinite(length).all() else None


def _nothing_to_decide(claim: Claim, sample: _Sample) -> tuple[Word, str] | None:
    """A verdict that no figure could change, as (word, reason)."""
    ended = int((sample.ends > 0).sum())
    if sample.lie:
        return "not applicable", sample.lie
    if sample.lanes < 2:
        return "inconclusive", "a claim about chance needs at least 2 seeds"
    if ended and claim.kind == "in expectation":
        return "inconclusive", f"{ended} of {sample.lanes} runs diverged"
    return None


def _deciding_look(sample: _Sample, error: float, first: int, look: int) -> int | None:
    """The next look at which exact limits would decide, if the deviation stays what it is."""
    for ahead in range(look + 1, DOUBLINGS + 1):
        if first << ahead > _MOST_SEEDS:
            break
        width = sample.width(first << ahead, error, exact=True)
        if sample.kept(width).all() or sample.broken(width).any():
            return ahead
    return None


def _by_mean(
    claim: Claim,
    sample: _Sample,
    error: float,
    exact: bool,
    firm: Any,
    common: dict[str, Any],
) -> Verdict:
    """Limits of the mean over seeds, the error split over the recorded rounds."""
    sign, times, lanes = sign_of(claim), sample.times, sample.lanes
    width = sample.width(lanes, error, exact)
    at_least = claim.sense == "at least"
    ratio, (_, place) = closest(sign * sample.mean[None], sign * sample.expected[None], at_least)
    figures = _figures(sign * sample.mean, sign * sample.expected, place, ratio, sample)
    name = "mean " + claim.measure.replace("_", " ")
    limits = "exact confidence limits" if exact else "Student's confidence limits"
    broken = sample.broken(width, firm)
    if broken.any():
        place = int(broken.argmax())
        figures |= {
            "measured": sign * float(sample.mean[place]),
            "bound": sign * float(sample.expected[place]),
            "first_violation": int(times[place]),
        }
        reason = (
            f"{name} {figures['measured']:.6g} passes the bound {figures['bound']:.6g} at the "
            f"recorded step {times[place]}, beyond {limits} over {lanes} seeds"
        )
        return Verdict("violated", reason=reason, **figures, **common)
    if not sample.speaks.any():
        return _vacuous(sample, figures, common)
    kept = sample.kept(width) & ~sample.broken(width)
    if kept.all():
        reason = (
            f"not contradicted: {limits} over {lanes} seeds stay below {SLACK:g} times the bound; "
            f"closest at step {figures['closest']}, {name} / bound = {ratio:.3g}"
        )
        return Verdict("holds", reason=reason, **figures, **common)
    return _undecided(sample, kept, figures, common)


def _by_share(claim: Claim, sample: _Sample, error: float, common: dict[str, Any]) -> Verdict:
    """Limits of the share of seeds beyond the bound; a run that is no longer finite is beyond."""
    sign, times, lanes = sign_of(claim), sample.times, sample.lanes
    delta = float(claim.settings["delta"])
    beyond = sample.measured > sample.bound
    beyond |= (sample.ends[:, None] > 0) & (times >= sample.ends[:, None])
    count = beyond.sum(axis=0)
    low, high = share_limits(count, lanes, error / times.size)
    typical = np.quantile(sample.measured, 1 - delta, axis=0, method="higher")
    at_least = claim.sense == "at least"
    ratio, (_, place) = closest(sign * typical[None], sign * sample.expected[None], at_least)
    figures = _figures(sign * typical, sign * sample.expected, place, ratio, sample)
    name = claim.measure.replace("_", " ")
    if (low > delta).any():
        place = int((low > delta).argmax())
        figures |= {
            "measured": sign * float(typical[place]),
            "bound": sign * float(sample.expected[place]),
            "first_violation": int(times[place]),
        }
        reason = (
            f"{name} passes the bound {figures['bound']:.6g} in {count[place]} of {lanes} runs at "
            f"the recorded step {times[place]}: in more than a share of {delta:g}, beyond the "
            "confidence limit"
        )
        return Verdict("violated", reason=reason, **figures, **common)
    if not sample.speaks.any():
        return _vacuous(sample, figures, common)
    kept = (high <= delta) | ~sample.speaks
    if kept.all():
        reason = (
            f"not contradicted: at most {count.max()} of {lanes} runs are beyond the bound at any "
            f"recorded step, and {delta:g} of all may be; closest at step {figures['closest']}, "
            f"where the quantile of {name} / bound = {ratio:.3g}"
        )
        return Verdict("holds", reason=reason, **figures, **common)
    return _undecided(sample, kept, figures, common)


def _figures(
    measured: Array, bound: Array, place: int, ratio: float, sample: _Sample
) -> dict[str, Any]:
    return {
        "measured": float(measured[place]),
        "bound": float(bound[place]),
        "ratio": ratio if np.isfinite(ratio) else None,
        "closest": int(sample.times[place]),
        "speaks_from": int(sample.times[sample.speaks.argmax()]) if sample.speaks.any() else None,
        "rounds_checked": sample.times.size,
    }


def _vacuous(sample: _Sample, figures: dict[str, Any], common: dict[str, Any]) -> Verdict:
    reason = f"up to step {sample.times[-1]} the bound never says more than is trivially true"
    return Verdict("vacuous", reason=reason, **figures, **common)


def _undecided(
    sample: _Sample, kept: NDArray[np.bool_], figures: dict[str, Any], common: dict[str, Any]
) -> Verdict:
    step = int(sample.times[np.argmax(~kept)])
    reason = f"{sample.lanes} seeds do not decide at step {step}; take more"
    return Verdict("inconclusive", reason=reason, **figures, **common)
