"""`judge`: a claim held against a recorded run, and the verdict it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from convergence.claim import Claim, find
from convergence.experiment import Experiment
from convergence.foreign import simulate
from convergence.judges.every_round import judge_every_round
from convergence.judges.labels import stated_falsely
from convergence.judges.mean import judge_mean
from convergence.judges.share import judge_share
from convergence.judges.stream import Planned, Stream
from convergence.judges.trend import judge_trend
from convergence.record import Record
from convergence.simulation import one_thread, record_times, run
from convergence.verdict import Verdict
from problems.notation import require

__all__ = ["judge", "judge_experiment"]


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
    return _judged(claim, record)


def judge_experiment(claim: Claim, experiment: Experiment) -> Verdict:
    """Hold a claim against a run that is not recorded yet: as `judge`, with the same verdict.

    Only what the verdict needs is carried out, and once: nothing where the claim does not speak
    of the experiment, else the run with the measure and the totals that the claim asks for.

    Args:
        claim: A claim.
        experiment: What is run.

    Raises:
        InputError: The parts do not fit together.
    """
    if not experiment.optimizer.repeatable:
        return _judged(claim, run(experiment))
    experiment = experiment.changed(seeds=experiment.lanes)
    steps = experiment.steps
    times = np.array([steps]) if claim.kind == "every run" else record_times(steps)
    return _judged(claim, Planned(experiment, times))


def _judged(claim: Claim, record: Record | Planned) -> Verdict:
    experiment = record.experiment
    common: dict[str, Any] = {
        "claim": claim.specification,
        "experiment": experiment,
        "seeds": len(experiment.seeds),
    }
    with one_thread(experiment.problem):
        experiment, reason = claim.applies(experiment)
        reason = reason or stated_falsely(claim, experiment.problem)
    if reason:
        if isinstance(record, Planned):
            # A run that could not begin is refused, whatever is judged of it.
            simulate(record.experiment, seeds=experiment.seeds[:1], engine="numpy")
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
