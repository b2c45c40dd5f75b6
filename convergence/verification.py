"""`verify`: every claim on its cases, against the verdicts the registry expects."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import numpy as np

import problems
from convergence.cache import cache_folder
from convergence.case import Case, Word
from convergence.claim import Claim, find_all
from convergence.claims import catalogue, find
from convergence.experiment import Experiment, with_schedule
from convergence.judges import judge_experiment
from convergence.judges.chance import ERROR_PROBABILITY
from convergence.optimizer import Opaque, names_own
from convergence.optimizer import find as find_optimizer
from convergence.rule import Rule
from convergence.rules import catalogue as rules
from convergence.schedule import catalogue as schedules
from convergence.sources import (
    environment,
    key_of,
    modules_are_loaded,
    parts_of_experiment,
    source_checksum,
)
from convergence.store import open_store
from convergence.tasks import Done, Pool, Task, carry_out, values_of
from convergence.verdict import SENSITIVE, Evidence, Verdict
from problems import Problem
from problems.files import write_whole
from problems.notation import InputError, require
from problems.script import place_of

__all__ = [
    "Interrupted",
    "Outcome",
    "by_claim",
    "cases",
    "counted",
    "fields_of",
    "judge_case",
    "judge_named",
    "judging",
    "junit",
    "not_contradicted",
    "options_of",
    "outcome_of",
    "sensitivities",
    "sensitivity_of",
    "summary",
    "verdict_of",
    "verify",
]


@dataclass(frozen=True)
class Outcome:
    """A verdict beside the one expected.

    Attributes:
        verdict: What came out.
        expected: The word the registry expects.
        expected_first_violation: The step, where it is known exactly.
        from_store: Whether the verdict was taken from the store. It is the same verdict.
    """

    verdict: Verdict
    expected: str
    expected_first_violation: int | None = None
    from_store: bool = field(default=False, compare=False)

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
        fields = {f.name: getattr(self.verdict, f.name) for f in dataclass_fields(Verdict)}
        return {
            "claim": fields.pop("claim"),
            "experiment": fields.pop("experiment").to_json(),
            "verdict": fields.pop("word"),
            "expected": self.expected,
            "as_expected": self.as_expected,
            "first_violation": fields.pop("first_violation"),
            "expected_first_violation": self.expected_first_violation,
            **{name: _null_if_not_finite(value) for name, value in fields.items()},
        }


def _null_if_not_finite(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_null_if_not_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Steps, seeds and how many rules and schedules, of the runs on problems that a claim does not name.
_STEPS, _SEEDS, _MODELS = 300, 16, 2
# Roots of matrices with more rows take minutes in such runs.
_MOST_ROWS = 10


class _Known:
    """Which further cases claims have: building every problem to see takes seconds.

    They are kept in the cache folder, under the hash of all code and of what is registered.
    """

    def __init__(self) -> None:
        folder, registered = cache_folder(), []
        for registry in (catalogue, rules, problems.catalogue, schedules):
            for entry in registry:
                code = inspect.unwrap(entry.function).__code__
                registered.append([entry.key, code.co_filename, code.co_firstlineno, code.co_name])
        self._of = key_of("cases", code=source_checksum(), registered=registered)
        self._path = None if folder is None else folder / "cases.json"
        self._kept: dict[str, list[Any]] = {}
        self._new = False
        if self._path is not None:
            with suppress(OSError, ValueError, KeyError, TypeError):
                read = json.loads(self._path.read_text(encoding="utf-8"))
                if read["of"] == self._of:
                    self._kept = read["cases"]

    def of(self, claim: Claim) -> list[Case]:
        """The further cases of a claim."""
        if claim.specification not in self._kept:
            self._kept[claim.specification] = [
                [case.experiment.to_json(), dict(case.options)] for case in _further(claim)
            ]
            self._new = place_of(claim.key) is None or self._new
        return [
            Case(Experiment.from_json(experiment), "not violated", None, options)
            for experiment, options in self._kept[claim.specification]
        ]

    def keep(self) -> None:
        """Write down what was found out, but for claims of one's own."""
        if self._path is None or not self._new or not modules_are_loaded():
            return
        own = {name: cases for name, cases in self._kept.items() if place_of(name) is None}
        with suppress(InputError):
            write_whole(self._path, json.dumps({"of": self._of, "cases": own}).encode())


def _further(claim: Claim) -> Iterator[Case]:
    """Every other problem of the catalogue to which a claim applies, by runs that it names.

    A theorem that is true must not be violated there. A trend needs longer runs than these.
    """
    if not claim.status.startswith("proved") or claim.kind in ("rate", "almost sure limit"):
        return
    named = {case.experiment.names for case in claim.cases}
    held = {
        case.experiment.method_name: case
        for case in claim.cases
        if case.expected in ("holds", "holds, not sensitive")
    }
    models = list(itertools.islice(held.values(), _MODELS))
    for problem in _problems():
        for case in models:
            model = case.experiment
            experiment = model.changed(
                problem=problem,
                steps=min(model.steps, _STEPS),
                seeds=_SEEDS if problem.stochastic else 1,
            )
            if experiment.names in named or not _steps_fit(experiment):
                continue
            of_matrices = model.runner.operations["inverse_fourth_root"]
            if of_matrices and _longest_side(problem) > _MOST_ROWS:
                continue
            if claim.fails(experiment):
                continue
            yield replace(
                case, experiment=experiment, expected="not violated", first_violation=None
            )


def _longest_side(problem: Problem) -> int:
    shapes = problem.blocks.values()
    return max((max(shape) for shape in shapes), default=problem.dimension)


def _steps_fit(experiment: Experiment) -> bool:
    """Whether the problem states what the schedule asks for, such as L."""
    try:
        experiment.schedule.step_sizes(np.array([1]), experiment.problem, experiment.steps)
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
    claims: Sequence[str] = (),
    only: str = "",
    *,
    quick: bool = True,
    optimizer: Rule | Opaque | None = None,
    schedule: str | None = None,
) -> list[tuple[str, Case]]:
    """The keys of claims, each with a case of it, as `verify` takes them.

    Raises:
        InputError: As `verify`.
    """
    found = _cases(claims, only, quick)
    wanted = f"matches only={only!r}" if only else f"belongs to {', '.join(claims)}"
    require(found, f"no claim, rule or problem of any case {wanted}")
    if optimizer is None:
        return found
    taken = _in_place(optimizer, schedule, found)
    require(taken, f"no claim speaks of optimizer {optimizer.specification} in any of these cases")
    return taken


def _in_place(
    optimizer: Rule | Opaque, schedule: str | None, jobs: Sequence[tuple[str, Case]]
) -> list[tuple[str, Case]]:
    """The cases with another optimizer in place of their rules, where the claims speak of it.

    Where it is, or declares to be, the rule of the case, the verdict of that is expected; else
    only that a theorem that is true is not violated.
    """
    rule = optimizer if isinstance(optimizer, Rule) else optimizer.like
    known = rule and rule.specification
    found: dict[tuple[Any, ...], tuple[str, Case]] = {}
    for name, case in jobs:
        names, own = case.experiment.names, names_own(case.experiment.names.optimizer)
        experiment = case.experiment.changed(optimizer=optimizer)
        if schedule is not None:
            experiment = experiment.changed(schedule=schedule)
        same = not own and names.optimizer == known
        same = same and names.schedule == experiment.names.schedule
        claim = find(name).entry(**case.options)
        if not same and not claim.status.startswith("proved"):
            continue
        if not _steps_fit(experiment) or claim.fails(experiment):
            continue
        taken = replace(case, experiment=experiment)
        if not same:
            taken = replace(taken, expected="not violated", first_violation=None)
        options = tuple(sorted(case.options.items()))
        names = experiment.names
        key = (name, names.problem, names.schedule, experiment.steps, experiment.seeds, options)
        if same or key not in found:
            found[key] = name, taken
    return [*found.values()]


def _cases(claims: Sequence[str], only: str, quick: bool) -> list[tuple[str, Case]]:
    jobs: list[tuple[str, Case]] = []
    known = None if quick else _Known()
    for specification in claims or [entry.key for entry in catalogue]:
        for claim in find_all(specification):
            given = {
                name: value
                for name, value in claim.settings.items()
                if value != claim.entry.parameters[name] or f"{name}=" in specification
            }
            jobs += [
                (claim.key, case)
                for case in (*claim.cases, *(known.of(claim) if known else ()))
                if given.items() <= {**claim.entry.parameters, **case.options}.items()
                and (not only or any(fnmatchcase(key, only) for key in _keys(claim.key, case)))
            ]
    if known:
        known.keep()
    return jobs


def _keys(claim: str, case: Case) -> tuple[str, ...]:
    names = case.experiment.names
    return (claim, *(name.partition(":")[0] for name in (names.optimizer, names.problem)))


def judge_case(claim: str, case: Case) -> Outcome:
    """Run the experiment of a case and judge it."""
    item = find(claim).entry(**case.options)
    verdict = judge_experiment(item, case.experiment)
    return Outcome(verdict, case.expected, case.first_violation)


# Judging, and the store


class Interrupted(KeyboardInterrupt):
    """Judging was interrupted.

    Attributes:
        outcomes: What was decided until then, in the order of the registry.
        left: How many cases were not.
    """

    def __init__(self, outcomes: Sequence[Outcome], left: int):
        super().__init__(f"{left} cases were not judged")
        self.outcomes = list(outcomes)
        self.left = left


def fields_of(verdict: Verdict) -> dict[str, Any]:
    """The fields as they are read back from a store, so that it makes no difference."""
    fields = {f.name: getattr(verdict, f.name) for f in dataclass_fields(verdict)}
    fields["experiment"] = verdict.experiment.to_json()
    read: dict[str, Any] = json.loads(json.dumps(fields))
    return read


def verdict_of(fields: Mapping[str, Any]) -> Verdict:
    """The verdict of what `fields_of` gave."""
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Verdict(**{**kept, "experiment": Experiment.from_json(fields["experiment"])})


def _judged(job: tuple[str, Case]) -> list[dict[str, Any]]:
    """What is stored of a verdict."""
    fields = fields_of(judge_case(*job).verdict)
    return [{"kind": "verdict", "verdict": fields, "versions": environment()}]


def _key(claim: str, case: Case) -> str | None:
    """The key of a verdict in the store, or None if it depends on what cannot be known."""
    if not case.experiment.has_place:
        return None
    try:
        entry = find(claim).entry
    except InputError:
        return None  # judging says what is wrong
    parts = parts_of_experiment(case.experiment, entry, claim)
    if parts is None:
        return None
    return key_of("verdict", claim=claim, options=dict(case.options), **parts)


def judging(jobs: Sequence[tuple[str, Case]]) -> list[Task]:
    """The tasks of judging cases, for `tasks.carry_out`."""
    return [Task(_judged, job, _keys_of(job), _keys_of) for job in jobs]


def _keys_of(job: tuple[str, Case]) -> tuple[str | None]:
    return (_key(*job),)


def outcome_of(case: Case, done: Done) -> Outcome:
    """The outcome of such a task; the store knows of no expectation.

    Raises:
        InputError: The case cannot be judged.
    """
    if done.error:
        raise done.error
    verdict = verdict_of(done.values[0]["verdict"])
    return Outcome(verdict, case.expected, case.first_violation, done.from_store)


def verify(
    claims: Sequence[str] = (),
    *,
    only: str = "",
    quick: bool = False,
    pool: Pool | None = None,
    workers: int | None = None,
    store: str | Path | None = None,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
    optimizer: Any = None,
) -> list[Outcome]:
    """Judge claims on the cases of the registry.

    Each verdict is stored as soon as it is decided, and taken from there while nothing that it
    depends on has changed (`convergence.sources`).

    Args:
        claims: Specifications; all claims if none is given. With an option in the
            specification, only the cases with that option.
        only: A pattern with * and ?, such as "adam*": keep the cases whose claim, rule or problem
            has a matching key.
        quick: Judge only the cases that the claims name, and not every problem to which they
            apply.
        pool: Who does the work: see `convergence.tasks.Pool`. Results do not depend on it.
        workers: Processes, where no pool is given; by default one per core.
        store: The folder of results; by default the user's.
        fresh: Judge again what is stored.
        progress: Called with the number of cases judged and of all that are to be; those taken
            from the store are not counted.
        optimizer: A rule or another optimizer, as `run` takes it, that is judged in place of the
            rules of the cases, where the claims speak of what it is or declares to be. Behind an @
            it may name step sizes, which then take the place of those of the cases.

    Returns:
        One outcome per case, in the order of the registry.

    Raises:
        InputError: There is no such claim or optimizer, or no case matches the pattern.
        Interrupted: Ctrl-C was pressed; it holds what was decided.
    """
    pool = pool or Pool(workers=workers)
    schedule = None
    if isinstance(optimizer, str):
        optimizer, schedule = with_schedule(optimizer)
    carried = None if optimizer is None else find_optimizer(optimizer)
    chosen = cases(claims, only, quick=quick, optimizer=carried, schedule=schedule)
    if isinstance(carried, Opaque) and not carried.has_place:
        pool = Pool(workers=1)  # no other process could find it
    # Long ones first, so that none is left alone at the end.
    order = sorted(range(len(chosen)), key=lambda number: -_cost(chosen[number][1]))
    outcomes: dict[int, Outcome] = {}
    tasks = judging([chosen[number] for number in order])
    judged = 0
    work = carry_out(tasks, pool=pool, store=open_store(store), fresh=fresh)
    try:
        with closing(work):
            for done in work:
                number = order[done.number]
                outcomes[number] = outcome_of(chosen[number][1], done)
                judged += not done.from_store
                if progress and not done.from_store:
                    stored = len(outcomes) - judged
                    progress(judged, len(chosen) - stored)
    except KeyboardInterrupt as interrupt:
        decided = [outcomes[number] for number in sorted(outcomes)]
        raise Interrupted(decided, len(chosen) - len(decided)) from interrupt
    return [outcomes[number] for number in range(len(chosen))]


def _cost(case: Case) -> int:
    return case.experiment.steps * len(case.experiment.seeds)


def judge_named(claim: str, seconds: float) -> list[tuple[Case, Outcome | str]]:
    """The cases that a claim names, judged in this process unless that takes long.

    Args:
        claim: Its specification.
        seconds: After that long nothing more is judged, but for what is stored.

    Returns:
        Each case with its outcome, or with a sentence that says why there is none.
    """
    store, began = open_store(), time.monotonic()
    found: list[tuple[Case, Outcome | str]] = []
    for job in _cases([claim], "", quick=True):
        (task,) = judging([job])
        if values_of(task, store) is None and time.monotonic() - began > seconds:
            found.append((job[1], "not judged yet"))
            continue
        (done,) = carry_out([task], pool=Pool(workers=1), store=store)
        try:
            found.append((job[1], outcome_of(job[1], done)))
        except InputError as error:
            found.append((job[1], f"cannot be judged: {error}"))
    return found


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 verdict", "2 verdicts"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _parts(claim: str) -> tuple[str, str]:
    """The key of a claim, or its file and name there, and its options."""
    place = place_of(claim)
    if place is None:
        key, _, options = claim.partition(":")
        return key, options
    name = f"::{place.name}" if place.name else ""
    return place.path + name, place.parameters or ""


def options_of(claim: str) -> str:
    """The options in the specification of a claim, or ""."""
    return _parts(claim)[1]


def by_claim(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by the claim, whatever its options."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(_parts(outcome.verdict.claim)[0], []).append(outcome)
    return groups


def not_contradicted(outcomes: Sequence[Outcome]) -> str:
    """What *holds* amounts to: on how many problems nothing was found against it, or ""."""
    held = {o.verdict.experiment.names.problem for o in outcomes if o.verdict.holds}
    return f"not contradicted on {counted(len(held), 'problem')}" if held else ""


def sensitivities(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """By claim, with its options, the sensitivity on the case that comes closest.

    Claims that hold on no case are left out.
    """
    least: dict[str, float] = {}
    for outcome in outcomes:
        verdict = outcome.verdict
        if verdict.holds and verdict.sensitivity is not None:
            least[verdict.claim] = min(verdict.sensitivity, least.get(verdict.claim, math.inf))
    return least


def sensitivity_of(outcomes: Sequence[Outcome]) -> str:
    """What the cases of a claim would notice, in a few words, or ""."""
    found = sensitivities(outcomes)
    if not found:
        return ""
    least = min(found.values())
    if not math.isfinite(least):
        return "not sensitive: no smaller bound is contradicted"
    sensitive = "" if least <= SENSITIVE * (1 + 1e-9) else "not sensitive: "
    return f"{sensitive}a bound {least:.3g} times tighter is not contradicted"


def _tally(words: Iterable[str]) -> str:
    counts = Counter(words)
    # Words have commas of their own.
    return "; ".join(f"{counts[word]} {word}" for word in (*get_args(Word),) if word in counts)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Verdicts by word, evidence and sensitivity, how many are unexpected, what chance may do."""
    verdicts = [outcome.verdict for outcome in outcomes]
    wrong = sum(not outcome.as_expected for outcome in outcomes)
    stored = sum(outcome.from_store for outcome in outcomes)
    tally = _tally(verdict.word for verdict in verdicts)
    evidence = Counter(verdict.evidence for verdict in verdicts)
    listed = ", ".join(
        f"{evidence[kind]} {kind}" for kind in get_args(Evidence) if kind in evidence
    )
    least = sensitivities(outcomes)
    dull = sorted(claim for claim, factor in least.items() if factor > SENSITIVE * (1 + 1e-9))
    chances = [v.error_probability for v in verdicts if v.error_probability]
    return (
        f"{counted(len(outcomes), 'verdict')}{': ' * bool(tally)}{tally}\n"
        f"{wrong} unexpected; {stored} from the store\n"
        f"evidence: {listed or 'none'}; asymptotic evidence refutes nothing\n"
        f"sensitivity: {counted(len(least), 'claim')} hold{'s' * (len(least) == 1)} somewhere, of "
        f"which {len(dull)} would not notice a bound twice as tight"
        + (f": {', '.join(dull)}" if dull else "")
        + "\n"
        f"probability of any false alarm: at most {sum(chances):.2g} in "
        f"{counted(len(chances), 'guaranteed verdict')}, {ERROR_PROBABILITY:g} in the whole suite"
    )


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """The outcomes as a JUnit report: one test case for each, failed if it is not as expected."""
    failed = sum(not outcome.as_expected for outcome in outcomes)
    suite = ElementTree.Element(
        "testsuite", name="convergence verify", tests=str(len(outcomes)), failures=str(failed)
    )
    for outcome in outcomes:
        verdict = outcome.verdict
        case = ElementTree.SubElement(
            suite, "testcase", classname=verdict.claim, name=str(verdict.experiment)
        )
        if not outcome.as_expected:
            message = f"{verdict}; expected: {outcome.expected}"
            ElementTree.SubElement(case, "failure", message=message)
        ElementTree.SubElement(case, "system-out").text = str(verdict)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
