"""Experiments: what is run.

An experiment is a problem, an optimizer, a schedule of step sizes, a number of steps, seeds and how
iterates are put back into the domain. Runs, the cases of claims, records, verdicts, sweeps and the
report all name one. It has two forms that can be stored and sent, and each gives it back: a
text, which is what follows `convergence run`, and plain values for JSON:

    reddi-2018-thm1 -o 'adam:beta1=0,eps=0@inverse-sqrt:alpha=0.5' --steps 1000 --seeds '[3,7]'
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple, NoReturn, get_args

import numpy as np

from convergence import capability, rules
from convergence import optimizer as optimizers
from convergence import schedule as schedules
from convergence.optimizer import Opaque
from convergence.rule import Rule
from convergence.schedule import Schedule
from problems import catalogue as problems
from problems import find as find_problem
from problems.notation import InputError, nearest, parse, read_value, require
from problems.problem import Problem
from problems.script import is_file, place_of

__all__ = [
    "STEPS",
    "SUGGESTED",
    "UNDECLARED",
    "Experiment",
    "Names",
    "Projection",
    "suggested",
    "with_schedule",
]

Projection = Literal["euclidean", "metric"]

#: Why an assumption about the method fails where nothing is known of it.
UNDECLARED = "the optimizer does not say what it is; declare it with like='...'"
#: Step sizes, where neither problem nor optimizer suggests others.
SUGGESTED = "inverse-sqrt:alpha=0.1"
#: Rounds of a run, where none are named.
STEPS = 10_000
_MOST_LANES = 1_000_000


class Names(NamedTuple):
    """Specifications of the parts of an experiment."""

    problem: str
    optimizer: str
    schedule: str


class Experiment:
    """What is run. It does not change, is equal to what is named equally, and can be pickled.

    Its parts are built when they are first asked for, so that thousands of experiments cost no
    more than their names.

    Args:
        problem: A problem, or its specification.
        optimizer: A rule, its specification, or another optimizer: see
            `convergence.optimizer.find`. A specification may name its schedule: `adam@constant:
            alpha=0.001`.
        schedule: A schedule, or its specification; left out, the one that the optimizer names, or
            else the one that is `suggested`.
        steps: How many rounds, at least 1 and less than 2**53.
        seeds: How many lanes (seeds 0, 1, ...), or their seeds.
        projection: "euclidean", or "metric" for the rule's own diagonal.
        seen_as: The rule of the same method as which a claim sees the run, if that is another one:
            see `Claim.applies`. It is no part of what is run.

    Raises:
        InputError: A name, a parameter or a number is not accepted. What only building a part can
            tell is raised when the part is first asked for.
    """

    problem_given: Problem | str
    optimizer_given: Any
    schedule_given: Schedule | str
    steps: int
    seeds: tuple[int, ...]
    projection: Projection
    seen_as: Rule | None

    def __init__(
        self,
        problem: Problem | str,
        optimizer: Any,
        schedule: Schedule | str | None = None,
        steps: int = STEPS,
        *,
        seeds: int | Sequence[int] = 1,
        projection: Projection = "euclidean",
        seen_as: Rule | None = None,
    ):
        if isinstance(optimizer, str):
            optimizer, own = with_schedule(optimizer)
            require(
                own is None or schedule is None,
                f"optimizer {optimizer!r} names the schedule {own!r}, and {schedule!r} is given",
            )
            schedule = schedule if own is None else own
        elif not isinstance(optimizer, (Rule, Opaque)):
            optimizer = optimizers.find(optimizer)
        if schedule is None:
            schedule = suggested(_problem(problem), _optimizer(optimizer))
        whole = isinstance(steps, (int, np.integer)) and not isinstance(steps, bool)
        require(
            whole and 1 <= steps < 2**53,
            f"steps={steps!r} must be a whole number of at least 1 and less than 2**53",
        )
        require(
            projection in get_args(Projection),
            f"projection={projection!r} must be euclidean or metric",
        )
        for part, kind in ((problem, Problem), (schedule, Schedule)):
            name = kind.__name__.lower()
            if not isinstance(part, (str, kind)):
                raise InputError(f"{name}={part!r} must be a {name} or its specification")
        vars(self).update(
            problem_given=problem,
            optimizer_given=optimizer,
            schedule_given=schedule,
            steps=int(steps),
            seeds=_accepted_seeds(seeds),
            projection=projection,
            seen_as=seen_as,
        )
        # A name that is wrong is told at once; a file of one's own may be written later.
        for text, catalogue in zip(self._given, _CATALOGUES, strict=True):
            if isinstance(text, str) and not _names_a_file(text, catalogue):
                _entry_and_parameters(text, catalogue)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an experiment does not change; .changed({name}=...) makes another")

    @property
    def _given(self) -> tuple[Any, Any, Any]:
        return self.problem_given, self.optimizer_given, self.schedule_given

    # Parts

    @cached_property
    def problem(self) -> Problem:
        """The problem.

        Raises:
            InputError: It cannot be built.
        """
        return _problem(self.problem_given)

    @cached_property
    def optimizer(self) -> Rule | Opaque:
        """The optimizer that is run.

        Raises:
            InputError: It cannot be found.
        """
        return _optimizer(self.optimizer_given)

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule.

        Raises:
            InputError: It cannot be built.
        """
        given = self.schedule_given
        return _schedule(given) if isinstance(given, str) else given

    @property
    def opaque(self) -> Opaque | None:
        """The optimizer, where it is no rule."""
        return self.optimizer if isinstance(self.optimizer, Opaque) else None

    @property
    def has_place(self) -> bool:
        """Whether another process finds its parts by their names."""
        optimizer, problem = self.optimizer_given, self.problem_given
        made_here = isinstance(optimizer, Opaque) and not optimizer.has_place
        return not (made_here or (isinstance(problem, Problem) and problem.entry is None))

    @property
    def rule(self) -> Rule | None:
        """The rule as which a claim sees the run: what the method is, or None if nobody knows."""
        if self.seen_as is not None:
            return self.seen_as
        return self.optimizer.like if isinstance(self.optimizer, Opaque) else self.optimizer

    @property
    def method(self) -> Rule:
        """The rule.

        Raises:
            InputError: The optimizer does not say what it is.
        """
        if self.rule is None:
            raise InputError(UNDECLARED)
        return self.rule

    @property
    def runner(self) -> Rule:
        """The rule that is run, or that the optimizer declares to be.

        Raises:
            InputError: As `method`.
        """
        rule = self.optimizer.like if isinstance(self.optimizer, Opaque) else self.optimizer
        if rule is None:
            raise InputError(UNDECLARED)
        return rule

    @property
    def state(self) -> frozenset[str]:
        """The state that the run keeps and that is the method's state of that name."""
        if self.rule is None or self.opaque is not None:
            return frozenset()
        if self.seen_as is None:
            return frozenset(self.rule.state)
        alone = self.problem.dimension == 1
        return capability.shared_state(self.runner, self.rule, one_coordinate=alone)

    def views(self) -> Iterator[Experiment]:
        """The same run as one of every other rule that is the same method there."""
        if self.rule is None:
            return
        others = capability.views(
            self.rule,
            constant_step=self.schedule.is_constant(self.problem, self.steps),
            one_coordinate=self.problem.dimension == 1,
            by_metric=self.projection == "metric" and self.problem.dimension > 1,
        )
        for rule in others[1:]:
            yield self.changed(seen_as=rule)

    @property
    def lanes(self) -> tuple[int, ...]:
        """The seeds that make a difference: one, where neither problem nor optimizer draws."""
        draws = self.problem.stochastic or self.optimizer.seeded
        return self.seeds if draws else self.seeds[:1]

    def changed(self, **parts: Any) -> Experiment:
        """Another experiment, with these parts in place of its own.

        With another optimizer, a claim sees the run as one of that.
        """
        known = vars(self)
        kept: dict[str, Any] = {
            name: known.get(name, known[f"{name}_given"])
            for name in ("problem", "optimizer", "schedule")
        }
        kept |= {name: known[name] for name in ("steps", "seeds", "projection")}
        if "optimizer" not in parts:
            kept["seen_as"] = self.seen_as
        return Experiment(**{**kept, **parts})

    # Forms

    @cached_property
    def names(self) -> Names:
        """The specifications, each the shortest text of its part."""
        return Names(*map(_name, self._given, _CATALOGUES))

    @property
    def method_name(self) -> str:
        """Optimizer and schedule, as one of `-o OPTIMIZER@SCHEDULE`."""
        return f"{self.names.optimizer}@{self.names.schedule}"

    def __str__(self) -> str:
        """The arguments of `convergence run` that run it."""
        words = [self.names.problem, "-o", self.method_name, "--steps", str(self.steps)]
        if self.seeds != (0,):
            words += ["--seeds", shown_seeds(self.seeds)]
        if self.projection != "euclidean":
            words += ["--projection", self.projection]
        return shlex.join(words)

    def __repr__(self) -> str:
        return f"Experiment.parse({str(self)!r})"

    @property
    def command(self) -> str:
        """The command line that runs it."""
        return f"convergence run {self}"

    @classmethod
    def parse(cls, text: str) -> Experiment:
        """The experiment of a text form.

        Raises:
            InputError: The text is no such form, or a part of it is not accepted.
        """
        try:
            first, *words = shlex.split(text)
        except ValueError as error:
            raise InputError(f"{text!r} is no experiment: {error}") from None
        given: dict[str, Any] = dict(zip(words[::2], words[1::2], strict=False))
        unknown = [name for name in given if name not in _OPTIONS]
        require(
            not unknown and len(words) == 2 * len(given) and "-o" in given,
            f"{text!r} is no experiment; it must read PROBLEM -o OPTIMIZER@SCHEDULE, and may name "
            "--steps, --seeds and --projection, each once",
        )
        parts: dict[str, Any] = {_OPTIONS[name]: value for name, value in given.items()}
        numbers = {name: read_value(parts[name]) for name in ("steps", "seeds") if name in parts}
        return cls(first, **parts | numbers)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the names, `steps`, `seeds` and `projection`."""
        return {
            **self.names._asdict(),
            "steps": self.steps,
            "seeds": list(self.seeds),
            "projection": self.projection,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Experiment:
        """The experiment of these plain values.

        Raises:
            InputError: A value is missing, unknown or not accepted.
        """
        accepted = (*Names._fields, "steps", "seeds", "projection")
        require(isinstance(value, Mapping), f"{value!r} is no experiment; it must be an object")
        for name in value:
            # What is nearest is looked for where it is needed: there are thousands of experiments.
            if name not in accepted:
                raise InputError(f"an experiment has no {name!r}; {nearest(name, accepted)}")
        for name in accepted:
            require(name in value, f"an experiment needs {name!r}")
        require(isinstance(value["seeds"], list), f"seeds={value['seeds']!r} must be a list")
        return cls(**value)

    def __reduce__(self) -> tuple[Any, ...]:
        require(
            self.has_place,
            f"{self.names.problem} or {self.names.optimizer} was made in this Python: no other "
            "process can find it",
        )
        return Experiment._rebuilt, (json.dumps(self.to_json()), self._seen)

    @staticmethod
    def _rebuilt(text: str, seen_as: str | None) -> Experiment:
        rule = None if seen_as is None else rules.find(seen_as)
        return Experiment(**json.loads(text), seen_as=rule)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return (*self.names, self.steps, self.seeds, self.projection, self._seen)

    @property
    def _seen(self) -> str | None:
        return None if self.seen_as is None else self.seen_as.specification


_OPTIONS = {
    "-o": "optimizer",
    "--steps": "steps",
    "--seeds": "seeds",
    "--projection": "projection",
}
_CATALOGUES: tuple[Any, Any, Any] = (problems, rules.catalogue, schedules.catalogue)
_FINDERS: tuple[Any, Any, Any] = (find_problem, optimizers.find, schedules.find)


def shown_seeds(seeds: Sequence[int]) -> str:
    """Seeds as `--seeds` takes them: how many there are, or a list."""
    counted = tuple(seeds) == tuple(range(len(seeds)))
    return str(len(seeds)) if counted else f"[{','.join(map(str, seeds))}]"


def suggested(problem: Problem, optimizer: Rule | Opaque) -> str:
    """A schedule with which a first run does not diverge.

    A method whose steps are in proportion to the gradients goes by the scale of the problem: its
    `descent_step`, or 1/L where gradients are exact. Every other one, and what nobody knows
    anything of, has step sizes 0.1 / sqrt(t).
    """
    rule = optimizer.like if isinstance(optimizer, Opaque) else optimizer
    if rule is None or not rule.entry.facts.get("in_proportion"):
        return SUGGESTED
    step = problem.entry.facts.get("descent_step") if problem.entry else None
    if step is not None:
        return f"constant:alpha={step!r}"
    smooth = "L" in problem.constants and not problem.stochastic and problem.constant("L") > 0
    return "inverse-smoothness" if smooth else SUGGESTED


def with_schedule(text: str) -> tuple[str, str | None]:
    """The parts of `OPTIMIZER@SCHEDULE`; None where no schedule is named.

    Raises:
        InputError: What follows @ is no schedule.
    """
    text = text.strip()
    place = place_of(text)
    # A file may have an @ in its name.
    file = place.path if place is not None and is_file(place.path) else ""
    before, at, after = text[len(file) :].rpartition("@")
    if not at:
        return text, None
    key, known = after.partition(":")[0].strip(), [entry.key for entry in schedules.catalogue]
    require(key in known, f"{after!r} of {text!r} is no schedule; {nearest(key, known)}")
    return file + before, after


def _shown(item: Any) -> str:
    return repr(item) if isinstance(item, str) else str(getattr(item, "key", item))


def _names_a_file(text: str, catalogue: Any) -> bool:
    own = catalogue is rules.catalogue and optimizers.names_own(text)
    return own or place_of(text) is not None


def _entry_and_parameters(text: str, catalogue: Any) -> tuple[Any, dict[str, Any]]:
    key, given = parse(text)
    if key not in catalogue:
        _FINDERS[_CATALOGUES.index(catalogue)](text)  # its sentence says more
    entry = catalogue[key]
    for name in given:
        if name not in entry.parameters:
            close = nearest(name, list(entry.parameters))
            raise InputError(f"{entry.kind} {key} has no parameter {name!r}; {close}")
    return entry, given


@lru_cache(maxsize=1 << 14)
def _shortest(text: str, kind: int) -> str:
    entry, given = _entry_and_parameters(text, _CATALOGUES[kind])
    return str(entry.specification({**entry.parameters, **given}))


def _name(item: Any, catalogue: Any) -> str:
    if not isinstance(item, str):
        return str(item.specification) if hasattr(item, "specification") else _shown(item)
    if _names_a_file(item, catalogue):
        return item.strip()
    return _shortest(item, _CATALOGUES.index(catalogue))


def _problem(given: Problem | str) -> Problem:
    if not isinstance(given, str):
        return given
    if place_of(given) is not None:
        return find_problem(given)
    # A file that a parameter names may have changed since.
    words = [value for value in parse(given)[1].values() if isinstance(value, str)]
    if any("." in word or "/" in word for word in words):
        return find_problem(given)
    return _built_problem(given)


@lru_cache(maxsize=512)
def _built_problem(specification: str) -> Problem:
    return find_problem(specification)


def _optimizer(given: Any) -> Rule | Opaque:
    if isinstance(given, str) and not optimizers.names_own(given):
        return _rule(given)
    return optimizers.find(given)


@lru_cache(maxsize=1 << 12)
def _rule(specification: str) -> Rule:
    return rules.find(specification)


@lru_cache(maxsize=1 << 12)
def _schedule(specification: str) -> Schedule:
    return schedules.find(specification)


def _accepted_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    whole = isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool)
    require(
        whole or isinstance(seeds, (list, tuple, range, np.ndarray)),
        f"seeds={seeds!r} must be a whole number or a list of them",
    )
    if isinstance(seeds, (int, np.integer)):
        require(1 <= seeds <= _MOST_LANES, f"seeds={seeds!r} must lie in 1..{_MOST_LANES}")
        return tuple(range(int(seeds)))
    require(
        all(type(seed) is int or isinstance(seed, np.integer) for seed in seeds),
        f"seeds={seeds!r} must be whole numbers",
    )
    lanes = tuple(int(seed) for seed in seeds)
    require(lanes, "seeds=[] is empty; give at least one seed")
    require(len(set(lanes)) == len(lanes), f"seeds={seeds!r} repeats a seed")
    require(min(lanes) >= 0, f"seed {min(lanes)} must not be negative")
    require(max(lanes) < 2**64, f"seed {max(lanes)} must be less than 2**64")
    return lanes
