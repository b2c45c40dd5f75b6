"""`judge`: a claim held against a recorded run, and the verdict it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from convergence.claim import Claim, find
from convergence.experiment import Experiment
from convergence.judges.every_round import judge_every_round
from convergence.judges.labels import stated_falsely
from convergence.judges.mean import judge_mean
from convergence.judges.share import judge_share
from convergence.judges.stream import Stream
from convergence.judges.trend import judge_trend
from convergence.record import Record
from convergence.simulation import one_thread
from convergence.verdict import Verdict
from problems.notation import require

__all__ = ["judge"]


def judge(claim: Claim | str, record: Record) -> Verdict:
    """Hold a claim against a recorded run.

    A claim about every run is *violated* if the measured figure passes the bound by more than
    rounding (`convergence.rounding`), in any lane. Every round is tested; where that is too much
    (more than two million numbers), the recorded rounds are, and up to a violation found there
    every round is, to name the first step. Claims about chance are judged at the recorded rounds,
    by the strongest evidence that there is (`convergence.judges.mean`); while limits do not decide,
    the seeds are doubled, up to eight times. The error probability is split over verdicts, looks
    and recorded rounds. Of rates and limits the trend is read, which agrees, disagrees or is
    unclear. Labels of the problem that the run contradicts make a claim *not applicable*. Of an
    optimizer that cannot be run again the recorded rounds and seeds are all that is judged, and the
    reason says so.

    Args:
        claim: A claim, or its specification.
        record: A run. What the claim needs and the record lacks is obtained by running again.

    Returns:
        The verdict.
    """
    claim = find(claim) if isinstance(claim, str) else claim
    require(isinstance(claim, Claim), f"claim={claim!r} must be a claim or its specification")
    require(isinstance(record, Record), f"record={record!r} must be a record of a run")
    experiment = record.experiment
    common: dict[str, Any] = {
        "claim": claim.specification,
        "experiment": experiment,
        "seeds": len(experiment.seeds),
    }
    experiment, reason = claim.applies(experiment)
    if reason := reason or stated_falsely(claim, experiment.problem):
        return Verdict("not applicable", reason=reason, **common)
    stream = Stream(claim, experiment, record)
    if reason := stream.lacks_a_twin:
        return Verdict("inconclusive", reason=reason, **common)
    with one_thread(experiment.problem):
        verdict = _strategy(claim, experiment)(stream, common)
    return replace(verdict, reason=verdict.reason + stream.remark(verdict))


def _strategy(claim: Claim, experiment: Experiment) -> Callable[[Stream, dict[str, Any]], Verdict]:
    """How the stream of a run is judged."""
    if claim.on_every_run(experiment.problem, experiment.opaque):
        return judge_every_round
    if claim.kind in ("rate", "almost sure limit"):
        return judge_trend
    return judge_share if claim.kind == "with probability" else judge_mean
