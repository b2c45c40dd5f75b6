"""`verify`: every claim on its cases, against the verdicts the registry expects."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import os
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import numpy as np

import problems
from convergence.case import Case, Word
from convergence.claim import Claim, Setting, find_all
from convergence.claims import catalogue, find, judge
from convergence.judges.chance import ERROR_PROBABILITY
from convergence.optimizer import Opaque, names_own
from convergence.optimizer import find as find_optimizer
from convergence.rule import Rule
from convergence.rules import catalogue as rules
from convergence.rules import find as find_rule
from convergence.schedule import catalogue as schedules
from convergence.schedule import find as find_schedule
from convergence.simulation import run
from convergence.store import (
    Store,
    digest_of,
    environment,
    key_of,
    open_store,
    package_of,
    source_checksum,
    sources_are_loaded,
)
from convergence.verdict import SENSITIVE, Evidence, Verdict
from problems import Problem
from problems.notation import InputError, parse, require
from problems.registry import Entry
from problems.script import is_file, parameters_of, place_of

__all__ = [
    "Interrupted",
    "Outcome",
    "by_claim",
    "cases",
    "counted",
    "judge_case",
    "judge_named",
    "junit",
    "not_contradicted",
    "options_of",
    "sensitivities",
    "sensitivity_of",
    "summary",
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


def _further(claim: Claim) -> Iterator[Case]:
    """Every other problem of the catalogue to which a claim applies, by runs that it names.

    A theorem that is true must not be violated there. A trend needs longer runs than these.
    """
    if not claim.status.startswith("proved") or claim.kind in ("rate", "almost sure limit"):
        return
    named = {(case.problem, case.rule, case.schedule) for case in claim.cases}
    cases = {
        (case.rule, case.schedule): case
        for case in claim.cases
        if case.expected in ("holds", "holds, not sensitive")
    }
    models = [
        (case, find_rule(case.rule), find_schedule(case.schedule))
        for case in itertools.islice(cases.values(), _MODELS)
    ]
    for problem in _problems():
        for case, rule, schedule in models:
            steps = min(case.steps, _STEPS)
            setting = Setting(problem, rule, schedule, steps)
            if (problem.key, case.rule, case.schedule) in named or not _steps_fit(setting):
                continue
            if rule.operations["inverse_fourth_root"] and _longest_side(problem) > _MOST_ROWS:
                continue
            if claim.fails(setting):
                continue
            seeds = _SEEDS if problem.stochastic else 1
            yield replace(
                case,
                problem=problem.key,
                steps=steps,
                expected="not violated",
                seeds=seeds,
                first_violation=None,
            )


def _longest_side(problem: Problem) -> int:
    shapes = problem.blocks.values()
    return max((max(shape) for shape in shapes), default=problem.dimension)


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
    claims: Sequence[str] = (),
    only: str = "",
    *,
    quick: bool = True,
    optimizer: Rule | Opaque | None = None,
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
    taken = _in_place(optimizer, found)
    require(taken, f"no claim speaks of optimizer {optimizer.specification} in any of these cases")
    return taken


def _in_place(optimizer: Rule | Opaque, jobs: Sequence[tuple[str, Case]]) -> list[tuple[str, Case]]:
    """The cases with another optimizer in place of their rules, where the claims speak of it.

    Where it is, or declares to be, the rule of the case, the verdict of that is expected; else
    only that a theorem that is true is not violated.
    """
    rule = optimizer if isinstance(optimizer, Rule) else optimizer.like
    known = rule and rule.specification
    found: dict[tuple[Any, ...], tuple[str, Case]] = {}
    for name, case in jobs:
        same = not names_own(case.rule) and find_rule(case.rule).specification == known
        claim = find(name).entry(**case.options)
        if not same and not claim.status.startswith("proved"):
            continue
        problem, schedule = problems.find(case.problem), find_schedule(case.schedule)
        setting = Setting.with_any(problem, optimizer, schedule, case.steps)
        if not _steps_fit(setting) or claim.fails(setting):
            continue
        taken = replace(case, rule=optimizer.specification)
        if not same:
            taken = replace(taken, expected="not violated", first_violation=None)
        options = tuple(sorted(case.options.items()))
        key = (name, case.problem, case.schedule, case.steps, case.seeds, options)
        if same or key not in found:
            found[key] = name, taken
    return [*found.values()]


def _cases(claims: Sequence[str], only: str, quick: bool) -> list[tuple[str, Case]]:
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
    return jobs


def _keys(claim: str, case: Case) -> tuple[str, ...]:
    return (claim, case.rule.partition(":")[0], case.problem.partition(":")[0])


def judge_case(claim: str, case: Case, optimizer: Opaque | None = None) -> Outcome:
    """Run a case, or an optimizer in its place, and judge it."""
    item = find(claim).entry(**case.options)
    carried = optimizer or find_optimizer(case.rule)
    # The cheapest record that names the run: judging takes what it needs itself, if it can.
    again = carried.repeatable
    record = run(
        case.problem,
        carried,
        case.schedule,
        case.steps,
        seeds=case.seeds,
        measures=[] if again else None,
        times=[case.steps] if item.kind == "every run" and again else None,
    )
    return Outcome(judge(item, record), case.expected, case.first_violation)


# What a verdict depends on


def _own_files(file: Path) -> list[Path]:
    """The Python files that one's own file can import as its neighbours, and itself."""
    folder = file.resolve().parent
    found = set(folder.glob("*.py"))
    for package in folder.glob("*/__init__.py"):
        if not package_of(str(package)):
            found |= set(package.parent.rglob("*.py"))
    return sorted(found)


def _files_named(value: Any) -> list[Path]:
    """Files among the parameters of a specification, such as path=data.csv."""
    if isinstance(value, list):
        return [path for each in value for path in _files_named(each)]
    return [Path(value)] if isinstance(value, str) and is_file(value) else []


def _parameters(specification: str) -> Mapping[str, Any]:
    place = place_of(specification)
    if place is None:
        return parse(specification)[1]
    return parameters_of(specification, place.parameters)


def _files_of(specification: str) -> tuple[list[Path], list[Path]]:
    """The Python files behind a specification, and the data files that it names."""
    place = place_of(specification)
    sources = [] if place is None else _own_files(Path(place.path))
    return sources, _files_named(list(_parameters(specification).values()))


def _made_of(problem: str) -> Iterator[str]:
    """A problem, and the one that it is made of, as `diagonal-lift:problem=...` is."""
    yield problem
    inner = _parameters(problem).get("problem")
    if isinstance(inner, str):
        yield from _made_of(inner)


def _written_in(claim: str, case: Case) -> Iterator[str]:
    """The source files of the functions that a verdict comes from, but one's own problem's."""
    entries: list[Entry[Any]] = [find(claim).entry, schedules[parse(case.schedule)[0]]]
    if not names_own(case.rule):
        entries.append(rules[parse(case.rule)[0]])
    for problem in _made_of(case.problem):
        if place_of(problem) is None:
            entries.append(problems.catalogue[parse(problem)[0]])
    for entry in entries:
        yield inspect.unwrap(entry.function).__code__.co_filename


def _key(claim: str, case: Case) -> str | None:
    """The key of a verdict in the store, or None if it depends on what cannot be known.

    What was registered in a running Python, rather than by a file that is named, cannot: its
    source may be anywhere. Nor can an optimizer that may come out otherwise another time.
    """
    try:
        own = [case.rule] if names_own(case.rule) else []
        for rule in own:
            if place_of(rule) is None or not find_optimizer(rule).repeatable:
                return None
        named = map(_files_of, (claim, *own, *_made_of(case.problem)))
        sources, files = (sorted(set().union(*paths)) for paths in zip(*named, strict=True))
        known = {str(path) for path in sources}
        for file in _written_in(claim, case):
            if not package_of(file) and str(Path(file).resolve()) not in known:
                return None
        digests = [digest_of(sources), digest_of(files)]
    except (InputError, OSError, AttributeError):
        # Judging says what is wrong. A function that is no Python function has no source.
        return None
    return key_of(
        "verdict",
        sources=source_checksum(),
        own=digests,
        environment=environment(),
        claim=claim,
        options=dict(case.options),
        problem=case.problem,
        rule=case.rule,
        schedule=case.schedule,
        steps=case.steps,
        seeds=case.seeds,
    )


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


@dataclass(frozen=True)
class _Job:
    claim: str
    case: Case
    key: str | None
    optimizer: Opaque | None = None

    def outcome(self, fields: Mapping[str, Any], from_store: bool) -> Outcome:
        """The outcome of a verdict as it is stored; the key covers no expectation."""
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        return Outcome(Verdict(**kept), self.case.expected, self.case.first_violation, from_store)


@dataclass(frozen=True)
class _Answer:
    """What a process came to: fields of a verdict, or None if another process is at it."""

    fields: Mapping[str, Any] | None = None
    from_store: bool = False
    not_stored: str = ""


def _answer(job: _Job, store: Store, fresh: bool, wait: bool) -> _Answer:
    """Judge a case, unless its verdict is stored or, without waiting, is being found elsewhere."""
    if job.key is None:
        return _Answer(_plain(judge_case(job.claim, job.case, job.optimizer).verdict))
    with store.lock(job.key, wait=wait) as mine:
        if not mine:
            return _Answer()
        found = None if fresh else store.get(job.key)
        if found is not None:
            return _Answer(found, from_store=True)
        fields = _plain(judge_case(job.claim, job.case).verdict)
        # A file may have been edited since the key was made: then the verdict belongs to another.
        if sources_are_loaded() and _key(job.claim, job.case) == job.key:
            try:
                store.put(job.key, fields)
            except InputError as error:
                return _Answer(fields, not_stored=str(error))
    return _Answer(fields)


def _plain(verdict: Verdict) -> dict[str, Any]:
    """The fields as they are read back from a store, so that it makes no difference."""
    fields: dict[str, Any] = json.loads(json.dumps(asdict(verdict)))
    return fields


def _store() -> Store:
    """The user's store, unless this process runs other sources than those it would speak for."""
    return open_store() if sources_are_loaded() else Store(None)


_Answers = Generator[tuple[int, _Answer], None, None]


def _one_by_one(jobs: Mapping[int, _Job], store: Store, fresh: bool) -> _Answers:
    busy = []
    for number, job in jobs.items():
        answer = _answer(job, store, fresh, wait=False)
        if answer.fields is None:
            busy.append(number)
        else:
            yield number, answer
    for number in busy:
        yield number, _answer(jobs[number], store, fresh, wait=True)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Processes started here do not see Ctrl-C; this one does, when it is done."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _by_several(jobs: Mapping[int, _Job], store: Store, fresh: bool, count: int) -> _Answers:
    others = set(active_children())
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        with _ctrl_c_later():
            pending = {
                pool.submit(_answer, job, store, fresh, False): number
                for number, job in jobs.items()
            }
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                number, answer = pending.pop(future), future.result()
                if answer.fields is None:
                    again = pool.submit(_answer, jobs[number], store, fresh, True)
                    pending[again] = number
                else:
                    yield number, answer
        pool.shutdown()
    except BaseException:
        # What is being judged may take long, and nobody waits for it any more.
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - others:
            child.terminate()
        raise


def _judge_all(
    jobs: Sequence[_Job],
    *,
    workers: int | None,
    fresh: bool,
    progress: Callable[[int, int], None] | None,
) -> list[Outcome]:
    store = _store()
    outcomes: dict[int, Outcome] = {}
    try:
        if not fresh:
            for number, job in enumerate(jobs):
                if job.key is not None and (found := store.get(job.key)) is not None:
                    outcomes[number] = job.outcome(found, from_store=True)
        left = {number: job for number, job in enumerate(jobs) if number not in outcomes}
        count = min(workers or os.cpu_count() or 1, len(left))
        answers = (
            _one_by_one(left, store, fresh)
            if count <= 1
            else _by_several(left, store, fresh, count)
        )
        refused = ""
        with closing(answers):
            for done, (number, answer) in enumerate(answers, 1):
                assert answer.fields is not None
                outcomes[number] = jobs[number].outcome(answer.fields, answer.from_store)
                refused = refused or answer.not_stored
                if progress:
                    progress(done, len(left))
        if refused:
            warnings.warn(f"some verdicts were not stored: {refused}", stacklevel=3)
    except KeyboardInterrupt as interrupt:
        for number, job in enumerate(jobs):
            # Another process may have stored what it had not handed over.
            if number not in outcomes and job.key is not None and not fresh:
                found = store.get(job.key)
                if found is not None:
                    outcomes[number] = job.outcome(found, from_store=False)
        decided = [outcomes[number] for number in sorted(outcomes)]
        raise Interrupted(decided, len(jobs) - len(decided)) from interrupt
    if left:
        store.prune()
    return [outcomes[number] for number in range(len(jobs))]


def verify(
    claims: Sequence[str] = (),
    *,
    only: str = "",
    quick: bool = False,
    workers: int | None = None,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
    optimizer: Any = None,
) -> list[Outcome]:
    """Judge claims on the cases of the registry.

    Each verdict is stored in the user's cache folder as soon as it is decided, and taken from
    there while nothing that it depends on has changed: a source of the suite, a file of one's
    own, a version, or the case itself.

    Args:
        claims: Specifications; all claims if none is given. With an option in the
            specification, only the cases with that option.
        only: A pattern with * and ?, such as "adam*": keep the cases whose claim, rule or problem
            has a matching key.
        quick: Judge only the cases that the claims name, and not every problem to which they
            apply.
        workers: Processes; by default one per core. Results do not depend on it.
        fresh: Judge again what is stored.
        progress: Called with the number of cases judged and of all that are to be; those taken
            from the store are not counted.
        optimizer: A rule or another optimizer, as `run` takes it, that is judged in place of the
            rules of the cases, where the claims speak of what it is or declares to be.

    Returns:
        One outcome per case, in the order of the registry.

    Raises:
        InputError: There is no such claim or optimizer, or no case matches the pattern.
        Interrupted: Ctrl-C was pressed; it holds what was decided.
    """
    require(
        workers is None or workers >= 1, f"workers={workers!r} must be a whole number of at least 1"
    )
    carried = None if optimizer is None else find_optimizer(optimizer)
    chosen = cases(claims, only, quick=quick, optimizer=carried)
    if isinstance(carried, Opaque) and not carried.has_place:
        # No other process could find it.
        jobs, workers = [_Job(*job, None, carried) for job in chosen], 1
    else:
        jobs = [_Job(*job, _key(*job)) for job in chosen]
    return _judge_all(jobs, workers=workers, fresh=fresh, progress=progress)


def judge_named(claim: str, seconds: float) -> list[tuple[Case, Outcome | str]]:
    """The cases that a claim names, judged in this process unless that takes long.

    Args:
        claim: Its specification.
        seconds: After that long nothing more is judged, but for what is stored.

    Returns:
        Each case with its outcome, or with a sentence that says why there is none.
    """
    store, began = _store(), time.monotonic()
    found: list[tuple[Case, Outcome | str]] = []
    for name, case in _cases([claim], "", quick=True):
        job = _Job(name, case, _key(name, case))
        fields = None if job.key is None else store.get(job.key)
        if fields is not None:
            found.append((case, job.outcome(fields, from_store=True)))
        elif time.monotonic() - began > seconds:
            found.append((case, "not judged yet"))
        else:
            try:
                answer = _answer(job, store, fresh=False, wait=True)
            except InputError as error:
                found.append((case, f"cannot be judged: {error}"))
            else:
                assert answer.fields is not None
                found.append((case, job.outcome(answer.fields, answer.from_store)))
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
    held = {o.verdict.problem for o in outcomes if o.verdict.holds}
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
        name = f"{verdict.problem} {verdict.rule} {verdict.schedule} {verdict.steps} steps"
        case = ElementTree.SubElement(suite, "testcase", classname=verdict.claim, name=name)
        if not outcome.as_expected:
            message = f"{verdict}; expected: {outcome.expected}"
            ElementTree.SubElement(case, "failure", message=message)
        ElementTree.SubElement(case, "system-out").text = str(verdict)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
