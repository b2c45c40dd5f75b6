"""Claims about every run: every round of every lane, with an allowance for rounding alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.judges.labels import contradicted, unconfirmed
from convergence.judges.stream import Array, Seen, Stream, largest_ratio
from convergence.rounding import Disturbed
from convergence.verdict import Verdict, least_factor, word_of

__all__ = ["judge_every_round"]

# The square of a smaller number is subnormal or 0: moments of such gradients are not to be trusted.
_LOST = 2.0**-511
# A share of the bound: where rounding may have moved the figure by more, it decides nothing.
_RESOLVED = 1e-3
# Two runs that may differ by this share of their size are to be the same.
_IDENTITY = 1e-6
# So many lanes beyond the bound are looked at for rounding.
_SUSPECTS = 8
# So many coordinates of them, in all, are run together.
_TOGETHER = 1 << 13
# Exact gradients taken at drawn rounds are trusted to this share of their sums.
_SAMPLED = 2.0**-30


@dataclass
class _Findings:
    """What was seen so far, over blocks of rounds."""

    stream: Stream
    checked: int = 0
    figures: dict[str, Any] = field(default_factory=dict)
    ratio: float | None = None
    #: Whether a bound of 0, or of rounding, was tested: any deviation would have been noticed.
    at_zero: bool = False
    #: The first step at which rounding alone may explain a figure beyond the bound, and how far.
    unresolved: tuple[int, float] | None = None
    lost: bool = False
    _was_tiny: Any = False
    _disturbed: dict[int, tuple[Disturbed, int]] = field(default_factory=dict)

    def add(self, seen: Seen) -> tuple[int, int] | None:
        """Test a block of rounds.

        Returns:
            The lane and the place in the block of the first violation, or None.
        """
        stream, times = self.stream, seen.times
        self.checked += int(np.isfinite(seen.measured).any(axis=0).sum())
        for name, found in (
            ("speaks_from", stream.speaks(seen)),
            ("beats_standing_still_from", stream.beats_standing_still(seen)),
        ):
            if self.figures.get(name) is None and found.any():
                self.figures[name] = int(times[found.argmax()])
        nothing = seen.bound == 0
        if stream.measure.scale is not None:
            with np.errstate(all="ignore"):
                nothing |= abs(seen.bound) <= _IDENTITY * stream.measure.scale(seen.observed)
        self.at_zero |= bool((nothing & np.isfinite(seen.measured)).any())
        if closest := largest_ratio(seen.measured, seen.bound, stream.claim.sense == "at least"):
            ratio, (lane, place) = closest
            if self.ratio is None or ratio > self.ratio:
                self.ratio = ratio
                self.figures |= {
                    "ratio": ratio,
                    "closest": int(times[place]),
                    "measured": float(seen.measured[lane, place]),
                    "bound": float(seen.bound[lane, place]),
                }
        return self._beyond(seen)

    def _beyond(self, seen: Seen) -> tuple[int, int] | None:
        stream = self.stream
        with np.errstate(all="ignore"):
            excess = stream.sign * (seen.measured - seen.bound)
        beyond = excess > 0
        small = np.maximum(abs(seen.measured), abs(seen.bound)) < _LOST
        self.lost |= bool((beyond & small).any())
        beyond &= ~small
        # What is not finite passes any finite bound from above, but where squares were lost before.
        infinite = seen.ended & np.isfinite(seen.bound) & (stream.sign > 0)
        tiny = self._tiny(seen)
        self.lost |= bool((infinite & tiny).any())
        infinite &= ~tiny
        suspects = [lane for lane in range(beyond.shape[0]) if beyond[lane].any()]
        suspects.sort(key=lambda lane: int(beyond[lane].argmax()))
        violated = infinite
        self._disturb(suspects[:_SUSPECTS])
        for lane in suspects[:_SUSPECTS]:
            places = np.flatnonzero(beyond[lane])
            allowed = self._allowance(seen, lane, places)
            violated[lane, places] |= excess[lane, places] > allowed
            self._note(seen, lane, places, excess[lane, places], allowed)
        if not violated.any():
            return None
        place = int(violated.any(axis=0).argmax())
        return int(violated[:, place].argmax()), place

    def _tiny(self, seen: Seen) -> NDArray[np.bool_]:
        """Where the last finite figure of a lane was so small that squares of its parts vanish."""
        rounds = np.arange(seen.times.size)
        last = np.maximum.accumulate(np.where(np.isfinite(seen.measured), rounds, -1), axis=1)
        known = np.take_along_axis(seen.measured, np.maximum(last, 0), axis=1)
        tiny = np.where(last < 0, self._was_tiny, (known != 0) & (abs(known) < _LOST))
        self._was_tiny = tiny[:, -1:]
        return np.asarray(tiny, bool)

    def _note(self, seen: Seen, lane: int, places: Any, excess: Array, allowed: Array) -> None:
        """Keep the first place where the allowance is too large a share of the bound."""
        scale = self.stream.measure.scale
        size = abs(seen.bound[lane, places])
        if scale is not None:
            with np.errstate(all="ignore"):
                size = np.maximum(size, scale(seen.observed)[lane, places])
        vague = (excess <= allowed) & (allowed > _RESOLVED * size)
        if vague.any() and self.unresolved is None:
            place = int(vague.argmax())
            self.unresolved = int(seen.times[places[place]]), float(allowed[place])

    @property
    def _repeated(self) -> bool:
        """Whether the run is repeated with errors, to see what rounding does to its figure."""
        stream = self.stream
        sampled = stream.measure.samples_gradients(stream.experiment.problem)
        return stream.repeatable and not sampled

    def _disturb(self, lanes: list[int]) -> None:
        new = [lane for lane in lanes if lane not in self._disturbed]
        if not new or not self._repeated:
            return
        few = max(1, _TOGETHER // self.stream.experiment.problem.dimension)
        for first in range(0, len(new), few):
            part = new[first : first + few]
            seeds = [self.stream.seeds[lane] for lane in part]
            disturbed = self.stream.disturbed(seeds, self.stream.last)
            self._disturbed |= {lane: (disturbed, k) for k, lane in enumerate(part)}

    def _allowance(self, seen: Seen, lane: int, places: Any) -> Array:
        """How far rounding may have moved the figure above the bound."""
        stream = self.stream
        experiment, claim, times = stream.experiment, stream.claim, seen.times[places]
        part = seen.observed.part(slice(lane, lane + 1), places)
        measured = seen.measured[lane : lane + 1, places]
        with np.errstate(all="ignore"):
            own = stream.measure.evaluation(experiment.problem, part, measured)
            own = own + claim.bound_rounding(experiment, times, part)
            if not self._repeated:
                return np.asarray(own[0] + _SAMPLED * abs(measured[0]))
            disturbed, number = self._disturbed[lane]
            return np.asarray(own[0] + disturbed.at(number, times))


def judge_every_round(stream: Stream, common: dict[str, Any]) -> Verdict:
    """Hold every round against the bound, or the recorded ones where that is too much."""
    # Gradients taken at drawn rounds are a figure of the recorded rounds alone.
    sampled = stream.measure.samples_gradients(stream.experiment.problem)
    every = stream.repeatable and not sampled and stream.few
    last = stream.last if every else int(stream.recorded.times[-1])
    found = _Findings(stream)
    parts: Iterable[Seen] = stream.every_round(last) if every else [stream.recorded]
    for seen in parts:
        if lie := contradicted(stream.claim, stream.experiment, stream.seeds, seen):
            return Verdict("not applicable", reason=lie, **common)
        if place := found.add(seen):
            if not every and stream.repeatable and not sampled:
                return _first(stream, seen, place, found, common)
            return _violated(stream, seen, place, found, common)
    return _not_violated(stream, found, last, common)


def _first(
    stream: Stream, seen: Seen, place: tuple[int, int], found: _Findings, common: dict[str, Any]
) -> Verdict:
    """Every round of the one lane up to the recorded violation, to name the first step."""
    lane, at = place
    seed = stream.seeds[lane]
    alone = stream.alone(lane)
    again = _Findings(alone, figures=dict(found.figures), ratio=found.ratio)
    for part in alone.every_round(int(seen.times[at]), [seed]):
        if earlier := again.add(part):
            return _violated(alone, part, earlier, again, common)
    return _violated(stream, seen, place, found, common)


def _violated(
    stream: Stream, seen: Seen, place: tuple[int, int], found: _Findings, common: dict[str, Any]
) -> Verdict:
    if doubt := unconfirmed(stream.claim, stream.experiment, seen):
        return Verdict("inconclusive", reason=doubt, **common)
    lane, at = place
    at_least = stream.claim.sense == "at least"
    measured, bound, step = (
        float(seen.measured[lane, at]),
        float(seen.bound[lane, at]),
        int(seen.times[at]),
    )
    top, bottom = (bound, measured) if at_least else (measured, bound)
    figures = {
        **found.figures,
        "measured": measured,
        "bound": bound,
        "ratio": top / bottom if bottom else None,
        "closest": step,
        "first_violation": step,
        "rounds_checked": step,
    }
    several = common["seeds"] > 1
    where = f"at step {step}" + (f" (seed {stream.seeds[lane]})" if several else "")
    shown = f"{stream.name} {measured:.6g} {'<' if at_least else '>'} bound {bound:.6g}"
    if not np.isfinite(measured):
        shown = "the run is no longer finite, and the bound is,"
    return Verdict("violated", reason=f"{shown} {where}", evidence="exact", **figures, **common)


def _not_violated(stream: Stream, found: _Findings, last: int, common: dict[str, Any]) -> Verdict:
    if not found.checked:
        return Verdict("inconclusive", reason="no finite figure was recorded", **common)
    figures = {**found.figures, "rounds_checked": found.checked}
    if found.lost:
        reason = f"figures below {_LOST:.0e} cannot be judged: their squares underflow"
        return Verdict("inconclusive", reason=reason, evidence="exact", **figures, **common)
    if figures.get("speaks_from") is None:
        reason = f"up to step {last} the bound never says more than the stated constants imply"
        return Verdict("vacuous", reason=reason, **figures, **common)
    if found.unresolved is not None:
        step, off = found.unresolved
        reason = (
            f"{stream.name} lies beyond the bound at step {step}, by no more than the {off:.2g} "
            "that rounding may have moved it, and that is more than a thousandth of the bound"
        )
        return Verdict("inconclusive", reason=reason, evidence="exact", **figures, **common)
    sensitivity = 1.0 if found.at_zero else least_factor(found.ratio)
    tested, lanes = found.checked, common["seeds"]
    over = f"{last} steps" if tested == last else f"{tested} recorded steps up to {last}"
    reason = f"not contradicted in {lanes} run{'s' * (lanes > 1)} at {over}"
    if found.ratio is not None:
        at_least = stream.claim.sense == "at least"
        quotient = f"bound / {stream.name}" if at_least else f"{stream.name} / bound"
        reason += f": closest at step {figures['closest']}, {quotient} = {found.ratio:.3g}"
    if figures.get("beats_standing_still_from") is None:
        reason += "; a run that stays at the start would meet the bound too"
    return Verdict(
        word_of(sensitivity),
        reason=reason,
        evidence="exact",
        sensitivity=sensitivity,
        **figures,
        **common,
    )
