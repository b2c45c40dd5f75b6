"""Looking things up: `list`, `show` and `cite`, over problems, rules, schedules and claims."""

from __future__ import annotations

import hashlib
import inspect
import json
import operator
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import problems
from convergence import claim as claim_module
from convergence import claims, rules, schedule
from convergence.case import Case
from convergence.claim import LETTERS, Claim
from convergence.measure import MEASURES, default_measures
from convergence.record import versions
from convergence.rule import SETTINGS, Rule
from convergence.schedule import Schedule
from convergence.sketch import sketch
from convergence.sources import source_checksum
from convergence.tracing import arithmetic_of
from problems import Problem, Reference, reference, references
from problems.laws import Report, check
from problems.notation import InputError, format_value, nearest, require
from problems.own import entries_of, find_all, names_a_file
from problems.registry import Entry, Registry
from problems.script import Place, place_of

if TYPE_CHECKING:
    from convergence.verification import Outcome

__all__ = [
    "Card",
    "Citation",
    "Item",
    "Kind",
    "check_problem",
    "cite",
    "list_items",
    "show",
]

Kind = Literal["problem", "rule", "schedule", "claim"]

_CATALOGUES: Mapping[str, Registry[Any]] = {
    "problem": problems.catalogue,
    "rule": rules.catalogue,
    "schedule": schedule.catalogue,
    "claim": claims.catalogue,
}


@dataclass(frozen=True)
class Item:
    """One line of a listing.

    Attributes:
        kind: "problem", "rule", "schedule" or "claim".
        key, title, tags: Of the entry.
        source: Author, year and place, one text per paper.
        parameters: Names and defaults; None where a value must be given.
    """

    kind: str
    key: str
    title: str
    tags: tuple[str, ...]
    source: tuple[str, ...]
    parameters: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {
            "key": self.key,
            "title": self.title,
            "tags": list(self.tags),
            "source": list(self.source),
            "kind": self.kind,
            "parameters": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.parameters.items()
            },
        }


def _sources(entry: Entry[Any]) -> tuple[str, ...]:
    # A problem of one's own may name a paper that is not in the bibliography.
    known = references()
    return tuple(
        (known[key].short if key in known else key) + (f", {place}" if place else "")
        for key, place in entry.source
    )


def _item(entry: Entry[Any]) -> Item:
    empty = inspect.Parameter.empty
    parameters = {n: None if v is empty else v for n, v in entry.parameters.items()}
    return Item(entry.kind, entry.key, entry.title, entry.tags, _sources(entry), parameters)


_RELATIONS: Mapping[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


def _within(dimension: str | int) -> Callable[[Entry[Problem]], bool]:
    """Whether a problem, as it is by default, has a dimension such as "<=10"."""
    match = re.fullmatch(r"\s*(<=|>=|<|>|=)?\s*(\d+)\s*", str(dimension))
    if match is None:
        raise InputError(
            f"dimension={dimension!r} must be a whole number, alone or after <=, >=, < or >"
        )
    holds, limit = _RELATIONS[match[1] or "="], int(match[2])

    def accepts(entry: Entry[Problem]) -> bool:
        if inspect.Parameter.empty in entry.parameters.values():
            # Its dimension is that of a file to be named.
            return False
        return holds(entry().dimension, limit)

    return accepts


def list_items(
    kind: str | None = None,
    *,
    tags: Sequence[str] = (),
    contains: str = "",
    dimension: str | int | None = None,
    **flags: bool,
) -> list[Item]:
    """List what the suite holds.

    Args:
        kind: "problems", "rules", "schedules" or "claims"; by default all.
        tags: Keep only what has all of these tags.
        contains: Keep only what has this text in its key, title or source.
        dimension: Keep only problems whose dimension, as they are by default, is this: 10, or
            "<=10", ">=2", "<3", ">1".
        flags: Any tag as a keyword, such as `convex=True`, `non_smooth=True`; False keeps what
            does not have it.

    Raises:
        InputError: The kind or a tag is unknown, or the dimension cannot be read.
    """
    kinds = [name + "s" for name in _CATALOGUES]
    require(kind is None or kind in kinds, f"cannot list {kind!r}; {nearest(str(kind), kinds)}")
    chosen = [c for name, c in _CATALOGUES.items() if kind in (None, name + "s")]
    items = [_item(entry) for catalogue in chosen for entry in catalogue]
    known = {tag for item in items for tag in item.tags}
    wanted = {*tags, *(name.replace("_", "-") for name, true in flags.items() if true)}
    unwanted = {name.replace("_", "-") for name, true in flags.items() if not true}
    for tag in sorted(wanted | unwanted):
        require(tag in known, f"nothing is tagged {tag!r}; {nearest(tag, known)}")
    text = contains.lower()
    items = [
        item
        for item in items
        if wanted <= set(item.tags)
        and not unwanted & set(item.tags)
        and text in " ".join((item.key, item.title, *item.source)).lower()
    ]
    if dimension is None:
        return items
    # Last, as it builds what is left.
    accepts = _within(dimension)
    return [i for i in items if i.kind == "problem" and accepts(problems.catalogue[i.key])]


_FIND: Mapping[str, Callable[[str], Any]] = {
    "problem": problems.find,
    "rule": rules.find,
    "schedule": schedule.find,
    "claim": claims.find,
}


def _kind_in_file(specification: str, place: Place) -> str:
    """Whether a file means a problem or a claim, by what it registers."""
    try:
        # Most files of problems need not be run twice.
        speaks_of_claims = b"claim" in Path(place.path).read_bytes()
    except OSError:
        speaks_of_claims = False
    if not speaks_of_claims:
        return "problem"
    # What is registered on the way must not stay in the catalogue.
    with claims.catalogue.collecting(), problems.catalogue.collecting():
        try:
            held = {claim.entry.function.__name__ for claim in claim_module.find_all(place.path)}
        except InputError:
            return "problem"
        try:
            others = entries_of(place.path)
        except InputError:
            return "claim"
    if place.name is None:
        raise InputError(
            f"{place.path!r} holds problems and claims; write problem:{specification} or "
            f"claim:{specification}, or name one as in {place.path}::{min(others)}"
        )
    name = place.name.replace("-", "_")
    return "problem" if name in others and name not in held else "claim"


def _resolve(specification: str) -> tuple[str, str]:
    """The kind and the bare specification of `KEY...` or `kind:KEY...`."""
    head, colon, rest = specification.partition(":")
    place = place_of(specification)
    if place is not None:
        return _kind_in_file(specification, place), specification
    if colon and head in _CATALOGUES:
        return head, rest
    found = [kind for kind, catalogue in _CATALOGUES.items() if head.strip() in catalogue]
    if len(found) > 1:
        listed = " or ".join(f"{kind}:{specification}" for kind in found)
        raise InputError(f"{head!r} is ambiguous; write {listed}")
    if not found:
        if ".py" in specification:
            # Looking for the file says best what is wrong with its name.
            return "problem", specification
        keys = [entry.key for catalogue in _CATALOGUES.values() for entry in catalogue]
        raise InputError(f"there is nothing called {head!r}; {nearest(head, keys)}")
    return found[0], specification


@dataclass(frozen=True)
class Card:
    """All that is known of an item, from the object itself.

    Attributes:
        item: Its line in the listing.
        specification: With the parameters it was built with.
        documentation: The docstring below its first line.
        sections: Headings, each with lines of text.
        data: The same as plain values.
        subject: The item itself: a Problem, Rule, Schedule or Claim.
    """

    item: Item
    specification: str
    documentation: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    data: Mapping[str, Any]
    subject: Any

    def to_json(self) -> dict[str, Any]:
        """The card as plain values."""
        return {
            **self.item.to_json(),
            "specification": self.specification,
            "documentation": self.documentation,
            **self.data,
        }

    def __str__(self) -> str:
        lines = [f"{self.item.kind} {self.specification}", self.item.title, ""]
        if self.documentation:
            lines += [self.documentation, ""]
        for heading, body in self.sections:
            lines += [heading, *(f"  {line}" for line in body), ""]
        return "\n".join(lines).rstrip()


def _number(value: Any) -> str:
    array = np.asarray(value, float)
    if array.ndim == 0 or array.size == 1:
        return f"{array.item():.15g}"
    if array.size <= 4:
        return "(" + ", ".join(f"{v:.6g}" for v in array) + ")"
    same = np.unique(array)
    every = f", every coordinate {same[0]:.6g}" if same.size == 1 else ""
    return f"a point of {array.size} coordinates{every}"


def _columns(rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)][:-1]
    return tuple(
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def _curvature(point: problems.Stationary) -> str:
    if point.curvature is None:
        return ""
    return "curvature " + ", ".join(f"{value:.6g}" for value in point.curvature[:4])


_ARITHMETIC = {
    "exact": "exact: + - * / and roots alone, the same bits on every machine; can be compiled",
    "machine": "machine: library functions or sums take part, whose last bits differ by machine",
}


def _problem_sections(problem: Problem) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    rows: list[tuple[str, str, str, str]] = []
    for letter, constant in problem.constants.items():
        known: str = constant.known
        if constant.known == "computed":
            known += f" to {constant.tolerance:.2g}"
        rows.append((letter, _number(constant.value), known, constant.how))
    rows += [(letter, "not stated", "", reason) for letter, reason in problem.unknown.items()]
    rows = rows or [("none", "", "", "")]
    measures = [measure.name for measure in default_measures(problem)]
    sections: list[tuple[str, Any]] = [
        ("Losses", (problem.formula,)),
        (
            "Domain and start",
            (
                f"{problem.domain}, dimension {problem.dimension}",
                f"start {_number(problem.start)}",
            ),
        ),
        ("Constants", _columns(rows)),
        ("Tags", tuple(f"{tag}: {problems.TAGS[tag]}" for tag in problem.tags)),
        ("Measured by", (", ".join(measures),)),
        ("Arithmetic", (_ARITHMETIC[arithmetic_of(problem)],)),
    ]
    if problem.stationary:
        points = [
            (point.kind, _number(point.point), _curvature(point), point.how)
            for point in problem.stationary
        ]
        sections.insert(3, ("Other stationary points", _columns(points)))
    if picture := sketch(problem):
        sections.append(("Picture", picture))
    data = {
        "formula": problem.formula,
        "domain": str(problem.domain),
        "dimension": problem.dimension,
        "start": problem.start.tolist(),
        "stochastic": problem.stochastic,
        "constants": {
            letter: {
                "value": np.asarray(constant.value, float).tolist(),
                "known": constant.known,
                "how": constant.how,
                "tolerance": float(constant.tolerance),
            }
            for letter, constant in problem.constants.items()
        },
        "unknown": dict(problem.unknown),
        "stationary": [
            {
                "point": np.asarray(point.point, float).tolist(),
                "kind": point.kind,
                "how": point.how,
                "curvature": None if point.curvature is None else list(point.curvature),
            }
            for point in problem.stationary
        ],
        "measures": measures,
        "arithmetic": arithmetic_of(problem),
    }
    return sections, data


def _accepted_text(rule: Rule, name: str) -> str:
    accepted = SETTINGS[name].accepted
    changes = () if SETTINGS[name].words else rule.changes_at(name)
    return f"{accepted}; at {', '.join(map(str, changes))} another formula" if changes else accepted


_EXTENTS = {
    ("r", "c"): "per coordinate",
    ("r", "1"): "per row",
    ("1", "c"): "per column",
    ("1", "1"): "one per block",
    ("r", "r"): "rows x rows",
    ("c", "c"): "columns x columns",
}


def _extent(rule: Rule, name: str) -> str:
    """How many numbers a state variable has."""
    if rule.traced.by_block:
        return _EXTENTS.get(rule.traced.shapes[name], "columns x rows")
    return "per coordinate" if name in rule.state_per_coordinate else "one"


def _rule_sections(rule: Rule) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    declared = (
        "a function of the gradients alone"
        if rule.history_driven
        else ("uses " + ", ".join(sorted(rule.uses - {"g"})))
    )
    state = [
        (
            name,
            f"starts at {value if isinstance(value, str) else format(value, 'g')}",
            _extent(rule, name),
        )
        for name, value in rule.state.items()
    ]
    operations = dict(rule.operations)
    settings = [
        (name, format_value(value), _accepted_text(rule, name), SETTINGS[name].meaning)
        for name, value in rule.settings.items()
    ]
    returned = "the displacement" if rule.returns_displacement else "a direction"
    sections = [
        ("One step (a prime marks new values)", tuple(rule.formula().splitlines())),
        ("Returns", (f"{returned}; {declared}",)),
        ("State", _columns(state) if state else ("none",)),
        (
            "Cost",
            (
                f"{rule.bytes_per_parameter} bytes of state per parameter; operations: "
                + (", ".join(f"{n} {op}" for op, n in operations.items()) or "none"),
            ),
        ),
        ("Settings", _columns(settings)),
    ]
    data = {
        "formula": rule.formula(),
        "state": dict(rule.state),
        "history_driven": rule.history_driven,
        "returns_displacement": rule.returns_displacement,
        "bytes_per_parameter": rule.bytes_per_parameter,
        "operations": operations,
        "settings": dict(rule.settings),
    }
    return sections, data


#: From this measured / bound on, a bound counts as attained.
_ATTAINED = 0.99
# In seconds: what has not been judged by then is left out of a card.
_PATIENCE = 5.0


def _where(case: Case) -> str:
    options = ",".join(f"{name}={format_value(value)}" for name, value in case.options.items())
    where = "  ".join((*case.experiment.names, f"{case.experiment.steps} steps"))
    return where + (f"  [{options}]" if options else "")


def _expected(case: Case) -> str:
    return case.expected + (
        f" first at step {case.first_violation}" if case.first_violation else ""
    )


def _measured_row(case: Case, outcome: Outcome | str) -> tuple[str, ...]:
    if isinstance(outcome, str):
        return outcome, "", "", f"expected: {_expected(case)}", _where(case)
    verdict = outcome.verdict
    first = f" first at step {verdict.first_violation}" if verdict.first_violation else ""
    wanted = "" if outcome.as_expected else f"UNEXPECTED, expected: {_expected(case)}"
    evidence = "" if verdict.evidence == "none" else verdict.evidence
    return verdict.word + first, verdict.figure, evidence, wanted, _where(case)


def _tight(claim: Claim, outcomes: Sequence[Outcome]) -> tuple[str, Outcome | None]:
    """Where the bound is nearest to what was measured, among the cases where it holds."""
    close = [o for o in outcomes if o.verdict.holds and o.verdict.ratio is not None]
    if not close:
        return "no case was judged in which it holds with a ratio", None
    nearest_one = max(close, key=lambda outcome: outcome.verdict.ratio or 0.0)
    verdict = nearest_one.verdict
    assert verdict.ratio is not None
    word = "attained" if verdict.ratio >= _ATTAINED else "not seen to be attained; nearest"
    return (
        f"{word}: {_ratio_name(claim)} = {verdict.ratio:.6g} at step {verdict.closest} on "
        + ", ".join(verdict.experiment.names)
    ), nearest_one


def _ratio_name(claim: Claim) -> str:
    return "bound / measured" if claim.sense == "at least" else "measured / bound"


def _claim_sections(claim: Claim) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    from convergence.verification import judge_named, sensitivity_of

    letters = [(letter, LETTERS[letter].meaning) for letter in claim.letters]
    judged = judge_named(claim.specification, _PATIENCE)
    outcomes = [outcome for _, outcome in judged if not isinstance(outcome, str)]
    rows = [_measured_row(case, outcome) for case, outcome in judged]
    tight, witness = _tight(claim, outcomes)
    sections: list[tuple[str, Any]] = [
        (
            "Bounds",
            (f"{MEASURES[claim.measure].meaning}; {claim.sense} the bound, {claim.kind}",),
        ),
        ("Assumes", tuple(assumption.statement for assumption in claim.assumptions)),
        ("Letters", _columns([("T", "rounds"), *letters])),
        ("Status", (claim.status,)),
        ("Errata", tuple(textwrap.wrap(claim.errata, 90)) or ("none known",)),
        ("Tight", (tight,)),
        ("Sensitivity", (sensitivity_of(outcomes) or "no case was judged in which it holds",)),
    ]
    if rows:
        head = ("verdict", _ratio_name(claim), "evidence", "", "on")
        sections.append(("Verdicts", _columns([head, *rows])))
    data = {
        "measure": claim.measure,
        "sense": claim.sense,
        "claim_kind": claim.kind,
        "assumptions": [assumption.statement for assumption in claim.assumptions],
        "letters": ["T", *claim.letters],
        "status": claim.status,
        "errata": claim.errata,
        "cases": [
            {
                "experiment": case.experiment.to_json(),
                "options": dict(case.options),
                "expected": case.expected,
                "first_violation": case.first_violation,
            }
            for case in claim.cases
        ],
        "verdicts": [outcome.to_json() for outcome in outcomes],
        "tight": witness and witness.to_json(),
    }
    return sections, data


def _schedule_sections(item: Schedule) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    settings = [(name, format_value(value)) for name, value in item.settings.items()]
    return [("Parameters", _columns(settings))], {"settings": dict(item.settings)}


_SECTIONS: Mapping[str, Callable[[Any], tuple[list[tuple[str, Any]], dict[str, Any]]]] = {
    "problem": _problem_sections,
    "rule": _rule_sections,
    "schedule": _schedule_sections,
    "claim": _claim_sections,
}


def show(specification: str) -> Card:
    """The whole card of a problem, rule, schedule or claim.

    Args:
        specification: `KEY`, `KEY:name=value,...`, or either after `problem:`, `rule:`,
            `schedule:` or `claim:`; a key of two kinds needs that.

    Raises:
        InputError: There is no such key, it is ambiguous, or a parameter is not accepted.
    """
    require(isinstance(specification, str), f"cannot show {specification!r}; write its key")
    kind, bare = _resolve(specification)
    sections: list[tuple[str, Any]] = []
    data: dict[str, Any] = {}
    built: Any = None
    # A schedule without its step size cannot be built, but can be described.
    if kind == "schedule" and ":" not in bare:
        entry = schedule.catalogue[bare.strip()]
    else:
        # A file of problems may hold claims as well, which are not to stay in the catalogue.
        with claims.catalogue.collecting():
            built = _FIND[kind](bare)
        if kind == "problem":
            # A picture of what is not a number would fail less clearly.
            built.probe()
        entry = built.entry
        sections, data = _SECTIONS[kind](built)
    if entry.source:
        papers = [reference(key).apa for key in entry.citation_keys if key in references()]
        sections.append(("Source", (*_sources(entry), *papers)))
    return Card(
        _item(entry),
        built.specification if built else entry.key,
        "\n".join(entry.documentation.splitlines()[1:]).strip(),
        tuple((heading, tuple(body)) for heading, body in sections),
        {**data, "citations": list(entry.citation_keys)},
        built,
    )


def check_problem(specification: str | Problem, *, thorough: bool = False) -> list[Report]:
    """Test everything that a problem states.

    Args:
        specification: A problem, its specification, or a file: then all problems in it.
        thorough: Look at twenty times as many points.

    Returns:
        One report for each problem; `violated` lists its false labels.

    Raises:
        InputError: There is no such problem, or it does not return what a problem must.
    """
    require(
        isinstance(specification, (str, Problem)),
        f"problem={specification!r} must be a problem or its specification",
    )
    found = find_all(specification) if isinstance(specification, str) else [specification]
    return [check(problem, thorough=thorough) for problem in found]


@dataclass(frozen=True)
class Citation:
    """How to cite a paper and this reproduction of it.

    Attributes:
        references: The papers.
        version: Of this suite.
        command: What reproduces the item.
        sources: SHA-256 of the suite's sources.
        results: For a claim, SHA-256 of its verdicts; else "".
    """

    references: tuple[Reference, ...]
    version: str
    command: str
    sources: str
    results: str

    def to_json(self) -> dict[str, Any]:
        """The citation as plain values."""
        return {
            "references": [
                {"key": r.key, "bibtex": r.bibtex, "apa": r.apa} for r in self.references
            ],
            "version": self.version,
            "command": self.command,
            "sources_sha256": self.sources,
            "results_sha256": self.results or None,
        }

    def __str__(self) -> str:
        papers = [f"{r.bibtex}\n\n{r.apa}" for r in self.references]
        own = [
            "This reproduction:",
            f"  convergence-suite {self.version}, {self.command}",
            f"  sources SHA-256 {self.sources}",
        ]
        own += [f"  results SHA-256 {self.results}"] if self.results else []
        return "\n\n".join([*papers, "\n".join(own)])


def cite(key: str) -> Citation:
    """How to cite an item of the catalogue, or a paper of the bibliography.

    For a claim, its cases are judged, so that the citation can state a checksum of the verdicts.

    Raises:
        InputError: There is no such key, or it is ambiguous.
    """
    version = versions()["convergence-suite"]
    if key in references():
        return Citation(
            (reference(key),), version, f"convergence cite {key}", source_checksum(), ""
        )
    require(not names_a_file(key), f"{key!r} is a file of your own: no paper is on record for it")
    kind, bare = _resolve(key)
    entry = _CATALOGUES[kind][bare.partition(":")[0].strip()]
    results = ""
    command = f"convergence show {kind}:{bare}"
    if kind == "claim":
        from convergence.verification import verify

        command = f"convergence verify {bare}"
        verdicts = [outcome.to_json() for outcome in verify([bare], quick=True)]
        results = hashlib.sha256(json.dumps(verdicts, sort_keys=True).encode()).hexdigest()
    return Citation(
        tuple(reference(name) for name in entry.citation_keys),
        version,
        command,
        source_checksum(),
        results,
    )
