"""`verify`: every claim on its cases, against the verdicts the registry expects."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from typing import Any
from xml.etree import ElementTree

import numpy as np

import problems
from convergence.claim import Case, Claim, Setting, find_all
from convergence.claims import catalogue, find, judge
from convergence.rules import find as find_rule
from convergence.schedule import find as find_schedule
from convergence.simulation import run
from convergence.verdict import Verdict
from problems import Problem
from problems.notation import InputError, require

__all__ = ["Outcome", "cases", "judge_case", "junit", "verify"]


@dataclass(frozen=True)
class Outcome:
    """A verdict beside the one expected.

    Attributes:
        verdict: What came out.
        expected: The word the registry expects.
        expected_first_violation: The step, where it is known exactly.
    """

    verdict: Verdict
    expected: str
    expected_first_violation: int | None = None

    @property
    def as_expected(self) -> bool:
        """Whether word and first violation are those expected."""
        step = self.expected_first_violation
        if self.expected == "not violated":
            return self.verdict.word != "violated"
        return self.verdict.word == self.expected and (
            step is None or step == self.verdict.first_violation
        )

    def to_json(self) -> dict[str, Any]:
        """The fields of the verdict, the word under the name `verdict`, and what was expected."""
        fields = asdict(self.verdict)
        word = fields.pop("word")
        head = ("claim", "problem", "rule", "schedule")
        return {
            **{name: fields.pop(name) for name in head},
            "verdict": word,
            "expected": self.expected,
            "as_expected": self.as_expected,
            "first_violation": fields.pop("first_violation"),
            "expected_first_violation": self.expected_first_violation,
            **fields,
        }


# Steps, seeds and how many rules and schedules, of the runs on problems that a claim does not name.
_STEPS, _SEEDS, _MODELS = 300, 16, 2


def _further(claim: Claim) -> Iterator[Case]:
    """Every other problem of the catalogue to which a claim applies, by runs that it names.

    A theorem that is true must not be violated there.
    """
    if not claim.status.startswith("proved"):
        return
    named = {(case.problem, case.rule, case.schedule) for case in claim.cases}
    models = {(case.rule, case.schedule): case for case in claim.cases if case.expected == "holds"}
    for problem in _problems():
        for (rule, schedule), case in itertools.islice(models.items(), _MODELS):
            steps = min(case.steps, _STEPS)
            setting = Setting(problem, find_rule(rule), find_schedule(schedule), steps)
            if (problem.key, rule, schedule) in named or not _steps_fit(setting):
                continue
            if claim.fails(setting):
                continue
            seeds = _SEEDS if problem.stochastic else 1
            yield Case(
                problem.key, rule, schedule, steps, "not violated", seeds, None, case.options
            )


def _steps_fit(setting: Setting) -> bool:
    """Whether the problem states what the schedule asks for, such as L."""
    try:
        setting.schedule.step_sizes(np.array([1]), setting.problem, setting.steps)
    except InputError:
        return False
    return True


@cache
def _problems() -> tuple[Problem, ...]:
    """The problems of the catalogue that need no parameter."""
    return tuple(
        entry()
        for entry in problems.catalogue
        if inspect.Parameter.empty not in entry.parameters.values()
    )


def cases(
    claims: Sequence[str] = (), only: str = "", *, quick: bool = True
) -> list[tuple[str, Case]]:
    """The keys of claims, each with a case of it, as `verify` takes them.

    Raises:
        InputError: As `verify`.
    """
    jobs: list[tuple[str, Case]] = []
    for specification in claims or [entry.key for entry in catalogue]:
        for claim in find_all(specification):
            given = {
                name: value
                for name, value in claim.settings.items()
                if value != claim.entry.parameters[name] or f"{name}=" in specification
            }
            jobs += [
                (claim.key, case)
                for case in (*claim.cases, *(() if quick else _further(claim)))
                if given.items() <= {**claim.entry.parameters, **case.options}.items()
                and (not only or any(fnmatchcase(key, only) for key in _keys(claim.key, case)))
            ]
    require(jobs, f"no claim, rule or problem of any case matches only={only!r}")
    return jobs


def _keys(claim: str, case: Case) -> tuple[str, ...]:
    return (claim, case.rule.partition(":")[0], case.problem.partition(":")[0])


def judge_case(claim: str, case: Case) -> Outcome:
    """Run a case and judge it."""
    item = find(claim).entry(**case.options)
    # The cheapest record that names the run: judging takes what it needs itself.
    record = run(
        case.problem,
        case.rule,
        case.schedule,
        case.steps,
        seeds=case.seeds,
        measures=[],
        times=[case.steps] if item.kind == "every run" else None,
    )
    return Outcome(judge(item, record), case.expected, case.first_violation)


def verify(
    claims: Sequence[str] = (),
    *,
    only: str = "",
    quick: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Judge claims on the cases of the registry.

    Args:
        claims: Specifications; all claims if none is given. With an option in the
            specification, only the cases with that option.
        only: A pattern with * and ?, such as "adam*": keep the cases whose claim, rule or problem
            has a matching key.
        quick: Judge only the cases that the claims name, and not every problem to which they
            apply.
        workers: Processes; by default one per core. Results do not depend on it.
        progress: Called with the number of cases done and of all.

    Returns:
        One outcome per case, in the order of the registry.

    Raises:
        InputError: There is no such claim, or no case matches the pattern.
    """
    require(
        workers is None or workers >= 1, f"workers={workers!r} must be a whole number of at least 1"
    )
    jobs = cases(claims, only, quick=quick)
    count = min(workers or os.cpu_count() or 1, len(jobs))
    outcomes: dict[int, Outcome] = {}
    if count <= 1:
        for number, job in enumerate(jobs):
            outcomes[number] = judge_case(*job)
            if progress:
                progress(len(outcomes), len(jobs))
        return list(outcomes.values())
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(judge_case, *job): number for number, job in enumerate(jobs)}
        for future in as_completed(futures):
            outcomes[futures[future]] = future.result()
            if progress:
                progress(len(outcomes), len(jobs))
    return [outcomes[number] for number in range(len(jobs))]


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """The outcomes as a JUnit report: one test case for each, failed if it is not as expected."""
    failed = sum(not outcome.as_expected for outcome in outcomes)
    suite = ElementTree.Element(
        "testsuite", name="convergence verify", tests=str(len(outcomes)), failures=str(failed)
    )
    for outcome in outcomes:
        verdict = outcome.verdict
        name = f"{verdict.problem} {verdict.rule} {verdict.schedule} {verdict.steps} steps"
        case = ElementTree.SubElement(suite, "testcase", classname=verdict.claim, name=name)
        if not outcome.as_expected:
            message = f"{verdict}; expected: {outcome.expected}"
            ElementTree.SubElement(case, "failure", message=message)
        ElementTree.SubElement(case, "system-out").text = str(verdict)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
