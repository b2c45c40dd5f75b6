"""`judge`: a claim held against a recorded run, and the verdict it comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convergence.claim import Claim, Setting, find
from convergence.judges.asymptotic import judge_asymptotic
from convergence.judges.chance import judge_chance
from convergence.judges.every_run import judge_every_run
from convergence.judges.shared import cannot_be_set_beside, remark
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
    every round is, to name the first step. A claim about chance is judged at the recorded
    rounds, by confidence limits over seeds; while these do not decide, the seeds are doubled, up
    to eight times. The error probability is split over verdicts, looks and recorded rounds. Rates
    and limits are read off the last two decades of rounds. Labels of the problem that the run
    contradicts make a claim *not applicable*. Of an optimizer that cannot be run again the recorded
    rounds and seeds are all that is judged, and the reason says so.

    Args:
        claim: A claim, or its specification.
        record: A run. What the claim needs and the record lacks is obtained by running again.

    Returns:
        The verdict.
    """
    claim = find(claim) if isinstance(claim, str) else claim
    require(isinstance(claim, Claim), f"claim={claim!r} must be a claim or its specification")
    require(isinstance(record, Record), f"record={record!r} must be a record of a run")
    setting = Setting.of(record)
    common: dict[str, Any] = {
        "claim": claim.specification,
        "problem": setting.problem.specification,
        "rule": record.rule.specification,
        "schedule": setting.schedule.specification,
        "steps": record.steps,
        "seeds": len(record.seeds),
    }
    if reason := claim.fails(setting):
        return Verdict("not applicable", reason=reason, **common)
    if reason := cannot_be_set_beside(claim, setting):
        return Verdict("inconclusive", reason=reason, **common)
    with one_thread(setting.problem):
        if claim.on_every_run(setting.problem, setting.optimizer):
            verdict = judge_every_run(claim, setting, record, common)
        elif claim.kind in ("rate", "almost sure limit"):
            verdict = judge_asymptotic(claim, setting, record, common)
        else:
            verdict = judge_chance(claim, setting, record, common)
    return replace(verdict, reason=verdict.reason + remark(claim, setting, record, verdict))
