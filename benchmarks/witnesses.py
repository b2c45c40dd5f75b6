"""Runs on which a claim comes close to its bound, by random search from its own cases.

python benchmarks/witnesses.py CLAIM [--from ROW] [--seconds 60] [--steps 2000] [--seed 0]

How near the measured figure comes to the bound is what a claim is worth as a test: a bound that is
twice what is ever measured would hold with half its constants. The search takes the cases of the
claim that hold, and its methods on every other problem of the catalogue; keeps the best of them;
and changes numbers in their specifications, one to three at a time, by a factor or, between 0 and
1, by odds. What the claim does not speak of counts nothing, a run on which its bound says nothing
(vacuous) a tenth. The rows it prints can be pasted into the claim's table. A row that is *violated*
means that the claim, the problem or the judge is wrong.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import exp, isfinite, log
from typing import Any

import numpy as np

import problems
from convergence import rules
from convergence import schedule as schedules
from convergence.case import Case, table
from convergence.claim import find
from convergence.claims import judge
from convergence.simulation import run
from convergence.verdict import Verdict
from problems.notation import InputError, format_specification, parse
from problems.registry import Registry

#: So many of the best cases are changed further.
KEPT = 8
#: So many significant digits a number keeps: what is pasted should be read.
DIGITS = 3
#: A case that takes longer than this, in seconds, is not changed further, unless the search began
#: with it.
SLOW = 5.0
#: Words of a case from which a search may start.
GOOD = ("holds", "holds, not sensitive")


def starts(key: str, most_steps: int) -> Iterator[Case]:
    """The cases of a claim that hold, then its methods on every other problem."""
    own = [case for case in find(key).cases if case.expected in GOOD]
    own = [other_run(case, steps=min(case.experiment.steps, most_steps)) for case in own]
    yield from own
    methods = {case.experiment.method_name: case for case in own}
    taken = {parse(case.experiment.names.problem)[0] for case in own}
    for entry in problems.catalogue:
        if entry.key not in taken:
            for case in methods.values():
                yield other_run(case, problem=entry.key)


def other_run(case: Case, **parts: Any) -> Case:
    """A case with another experiment."""
    return replace(case, experiment=case.experiment.changed(**parts))


def verdict_of(key: str, case: Case) -> Verdict | None:
    """What the claim comes to on a case; None where it cannot be built."""
    try:
        claim = find(format_specification(key, case.options))
        record = run(
            case.experiment,
            measures=[],
            times=[case.experiment.steps] if claim.kind == "every run" else None,
        )
        return judge(claim, record)
    except InputError:
        return None


def worth(verdict: Verdict | None) -> float:
    """What the search makes large."""
    if verdict is None or verdict.ratio is None or not isfinite(verdict.ratio):
        return 0.0
    return verdict.ratio * {"vacuous": 0.1, "not applicable": 0.0}.get(verdict.word, 1.0)


def changed(value: Any, random: np.random.Generator) -> Any:
    """A number, or a list of them, with another value; anything else stays."""
    if isinstance(value, (list, tuple)) and value:
        values = list(value)
        place = int(random.integers(len(values)))
        turn = random.random()
        if turn < 0.2:
            values.insert(place, values[place])
        elif turn < 0.4 and len(values) > 1:
            del values[place]
        else:
            values[place] = changed(values[place], random)
        return values
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    size = float(random.choice([0.05, 0.5, 2.0])) * float(random.normal())
    if isinstance(value, int) and value >= 2:
        return max(1, round(value * exp(size)))
    number = float(value)
    if 0 < number < 1:
        # By odds: a decay comes near 1 as easily as near 0.
        odds = log(number / (1 - number)) + size
        return _short(1 / (1 + exp(-odds))) if odds < 0 else 1 - _short(1 / (1 + exp(odds)))
    return _short(number * exp(size)) if number else _short(size)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def other(text: str, catalogue: Registry[Any], random: np.random.Generator) -> str:
    """A specification with one number changed, of those given and those left out."""
    key, given = parse(text)
    settings = {**catalogue[key].parameters, **given}
    names = [name for name, value in settings.items() if changed(value, random) != value]
    if names:
        name = str(random.choice(names))
        given[name] = changed(settings[name], random)
    return format_specification(key, given)


def neighbour(case: Case, random: np.random.Generator, most_steps: int) -> Case:
    """A case with one to three numbers changed."""
    for _ in range(int(random.integers(1, 4))):
        part = str(random.choice(["problem", "problem", "optimizer", "schedule", "steps"]))
        if part == "steps":
            steps = max(1, round(case.experiment.steps * exp(float(random.normal()))))
            case = other_run(case, steps=min(steps, most_steps))
            continue
        shelves: dict[str, Registry[Any]] = {
            "problem": problems.catalogue,
            "optimizer": rules.catalogue,
            "schedule": schedules.catalogue,
        }
        name = getattr(case.experiment.names, part)
        case = other_run(case, **{part: other(name, shelves[part], random)})
    return case


def row(case: Case) -> str:
    """A case as a line of a table."""
    parts = [
        *case.experiment.names,
        f"{case.experiment.steps:_}",
    ]
    parts += [f"seeds={len(case.experiment.seeds)}"] if len(case.experiment.seeds) > 1 else []
    return "  ".join([*parts, *(f"{name}={value}" for name, value in case.options.items())])


def search(
    key: str,
    begin: list[Case],
    seconds: float,
    most_steps: int,
    random: np.random.Generator,
    say: Callable[[str], None],
) -> list[tuple[float, Case, Verdict]]:
    """The best cases found, best first."""
    best: list[tuple[float, Case, Verdict]] = []
    known: set[str] = set()
    count = 0

    def look(case: Case) -> None:
        nonlocal count
        if row(case) in known:
            return
        known.add(row(case))
        before = time.perf_counter()
        verdict = verdict_of(key, case)
        count += 1
        found = worth(verdict)
        slow = time.perf_counter() - before > SLOW and case not in begin
        if verdict is None or not found or slow:
            return
        if not best or found > best[0][0]:
            say(f"{found:.4f}  {verdict.word}  {row(case)}")
        best.append((found, case, verdict))
        best.sort(key=lambda item: -item[0])
        del best[KEPT:]

    end = time.perf_counter() + seconds
    for case in begin:
        look(case)
        if time.perf_counter() > end - seconds / 2:
            break
    while best and time.perf_counter() < end:
        _, case, _ = best[int(random.integers(len(best)))]
        look(neighbour(case, random, most_steps))
    say(f"{count} cases")
    return best


def main() -> None:
    """Search, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("claim")
    parser.add_argument("--from", dest="row", help="a row of a table of cases, in quotes")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--steps", type=int, default=2_000, help="at most so many")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    begin = (
        list(table(f"holds\n{asked.row}")) if asked.row else list(starts(asked.claim, asked.steps))
    )
    random = np.random.default_rng(asked.seed)
    best = search(asked.claim, begin, asked.seconds, asked.steps, random, print)
    for found, case, verdict in best:
        print(f"{found:.4f}  {verdict.word}, closest at {verdict.closest}:  {row(case)}")


if __name__ == "__main__":
    main()
