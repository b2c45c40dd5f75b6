"""Claims: published theorems as objects.

A claim is a function `bound(T, *letters)` whose code looks like the paper's formula, with a
measure it bounds, assumptions and test cases. It asks for constants and for quantities of the
run by letter, from the closed list `LETTERS`: an unknown letter fails at import, one that the
problem does not state makes the claim *not applicable*.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convergence.case import Case, table
from convergence.experiment import UNDECLARED, Experiment
from convergence.measure import MEASURES, Observation
from convergence.optimizer import Opaque
from problems.notation import InputError, format_value, nearest, require
from problems.problem import CONSTANTS, Outcomes, Problem
from problems.registry import Entry, Registry
from problems.script import Shelf, parameters_of, place_of

__all__ = [
    "LETTERS",
    "SEEN",
    "Assumption",
    "Claim",
    "Kind",
    "catalogue",
    "claim",
    "find",
    "find_all",
    "sum_i",
]

Kind = Literal["every run", "in expectation", "with probability", "rate", "almost sure limit"]
Array = NDArray[np.float64]


#: Of what a hypothesis speaks. One of the method may ask for all parts of a run, the others for
#: none of the method.
Subject = Literal["problem", "schedule", "projection", "method"]


@dataclass(frozen=True)
class Assumption:
    """A named predicate.

    Attributes:
        statement: In words, as a theorem would say it.
        predicate: The reason why an experiment does not satisfy it, or "". The first line of its
            docstring says what it looks at.
        of: Of what it speaks. Without being told, of the method.
    """

    statement: str
    predicate: Callable[[Experiment], str]
    of: Subject = "method"

    def fails(self, experiment: Experiment) -> str:
        """The reason why an experiment does not satisfy it, or ""."""
        if self.of == "method" and experiment.rule is None:
            return UNDECLARED
        return self.predicate(experiment)

    @property
    def name(self) -> str:
        """The function that makes the test, or makes the predicate."""
        return self.predicate.__qualname__.partition(".<locals>")[0]

    @property
    def looks_at(self) -> str:
        """What the test looks at: the first line of the predicate's docstring."""
        return (inspect.getdoc(self.predicate) or "").partition("\n")[0]


@dataclass(frozen=True)
class _Context:
    """An experiment and what was read off its run, from which letters take their values."""

    experiment: Experiment
    times: NDArray[np.int64]
    observed: Observation


@dataclass(frozen=True)
class _Letter:
    """A letter of bounds.

    Attributes:
        meaning: In a phrase.
        value: Its value in a run.
        quantities: Running totals that it is made of.
        state, settings: Names of the state and the settings of the method that it is made of.
        constants: Constants that the problem must state.
        unless: Where it need not, in words and as a test of the problem.
        of_the_run: Whether it is read off the iterates.
        counts: Whether it is a whole number, which no rounding moves.
    """

    meaning: str
    value: Callable[[_Context], Any]
    quantities: Callable[[Experiment], tuple[str, ...]] = lambda experiment: ()
    state: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    unless: tuple[str, Callable[[Problem], bool]] | None = None
    of_the_run: bool = False
    counts: bool = False

    def needed(self, problem: Problem) -> tuple[str, ...]:
        """Constants that this problem must state."""
        return () if self.unless and self.unless[1](problem) else self.constants

    @property
    def looks_at(self) -> str:
        """What must be there for it to have a value, in words, or ""."""
        asked = [
            *(f"the problem states `{name}`" for name in self.constants),
            *(f"the method keeps `{name}`" for name in self.state),
            *(f"the method has `{name}`" for name in self.settings),
        ]
        but = f", unless {self.unless[0]}" if self.unless else ""
        return f"Whether {' and '.join(asked)}{but}." if asked else ""


def _problem_constant(name: str) -> _Letter:
    return _Letter(
        CONSTANTS[name],
        lambda c: c.experiment.problem.constant(name),
        constants=(name,),
    )


def _rule_setting(name: str, meaning: str, counts: bool = False) -> _Letter:
    def value(context: _Context) -> float:
        return float(context.experiment.method.settings[name])

    return _Letter(meaning, value, settings=(name,), counts=counts)


def _step_size(context: _Context) -> float:
    """Alpha of a schedule alpha, alpha/sqrt(t), ...: its first step size."""
    first = context.experiment.schedule.step_sizes(
        np.array([1]), context.experiment.problem, context.experiment.steps
    )
    return float(first[0])


def _alpha_at(context: _Context) -> Array:
    """The step size of round T."""
    experiment = context.experiment
    return experiment.schedule.step_sizes(context.times, experiment.problem, experiment.steps)


def _alpha_sum(power: int) -> Callable[[_Context], Array]:
    def value(context: _Context) -> Array:
        experiment, times = context.experiment, context.times
        every = np.arange(1, int(times[-1]) + 1)
        sizes = experiment.schedule.step_sizes(every, experiment.problem, experiment.steps)
        return np.asarray(np.cumsum(sizes**power)[times - 1])

    return value


def _spread(context: _Context) -> Array:
    """Side lengths of the box that the iterates and the minimiser have spanned by round T."""
    low, high = context.observed.totals["iterate_low"], context.observed.totals["iterate_high"]
    point = np.asarray(context.experiment.problem.constants["minimizer"].value, float)
    return np.asarray(np.maximum(high, point) - np.minimum(low, point))


def _diameter(norm: Literal["l2", "linf"]) -> Callable[[_Context], Any]:
    def value(context: _Context) -> Any:
        problem = context.experiment.problem
        if problem.domain.bounded:
            return problem.domain.diameter(norm, problem.dimension)
        require("minimizer" in problem.constants, "neither a domain nor a minimiser is known")
        sides = _spread(context)
        return np.sqrt((sides**2).sum(-1)) if norm == "l2" else sides.max(axis=-1)

    return value


_BOUNDED = ("the domain is bounded", lambda problem: problem.domain.bounded)


def _spread_quantities(experiment: Experiment) -> tuple[str, ...]:
    return () if experiment.problem.domain.bounded else ("iterate_low", "iterate_high")


def _initial_distance(context: _Context) -> float:
    problem = context.experiment.problem
    require("minimizer" in problem.constants, f"problem {problem.key} states no minimizer")
    return float(np.linalg.norm(problem.start - problem.constants["minimizer"].value))


def _initial_suboptimality(context: _Context) -> float:
    problem = context.experiment.problem
    return float(problem.objective(problem.start)) - problem.constant("minimum")


def _curvature(context: _Context) -> float:
    problem = context.experiment.problem
    return problem.constant("mu") if "mu" in problem.constants else 0.0


def _variance(context: _Context) -> float:
    problem = context.experiment.problem
    return problem.constant("sigma2") if problem.stochastic else 0.0


def _lam(context: _Context) -> float:
    """beta1_t = beta1 lam**(t-1); with beta1 = 0 every lam is the same run, so the least."""
    settings = context.experiment.method.settings
    return float(settings["beta1_decay"]) if settings["beta1"] else 0.0


def _corrected_second_moment(context: _Context) -> Array:
    state = context.observed.state
    return state["v"] / (1 - state["power2"]) if "power2" in state else state["v"]


def _second_moment(context: _Context) -> float:
    """The least of what the problem states; M alone is a bound where M_G = 0."""
    constants = context.experiment.problem.constants
    stated = [constants["G"].value ** 2] if "G" in constants else []
    if "M" in constants and "M_G" in constants and constants["M_G"].value == 0:
        stated.append(constants["M"].value)
    require(bool(stated), f"problem {context.experiment.problem.key} states no bound of E||g||**2")
    return float(min(stated))


def _fresh_margin_limit(context: _Context) -> float:
    w = np.asarray(context.experiment.problem.constants["minimizer"].value, float)
    return float(w[0] - abs(w[1] + w[2]))


def _finite_sum(context: _Context) -> Outcomes:
    problem = context.experiment.problem
    if problem.outcomes is None:
        raise InputError(f"problem {problem.key} lists no outcomes of a draw")
    return problem.outcomes()


def _noise_at_minimizer(context: _Context) -> float:
    problem, law = context.experiment.problem, _finite_sum(context)
    x = np.broadcast_to(
        np.asarray(problem.constants["minimizer"].value, float),
        (law.probabilities.size, problem.dimension),
    )
    return float(law.probabilities @ (problem.gradient(x, law.samples) ** 2).sum(axis=-1))


def _epoch(context: _Context) -> float:
    return float(_finite_sum(context).probabilities.size)


def _first_root(context: _Context) -> float:
    return float(np.sqrt(context.experiment.method.settings["initial"]))


# Letters that are constants of the problem as it states them.
_STATED = ("L", "mu", "mu_pl", "G", "G_inf", "M", "M_G", "L_max", "mu_min", "L_spectral")

#: Labels that are checked on the run itself, and the running total that is held against them.
SEEN = {"G": "gradient_norm_most", "G_inf": "gradient_most"}

#: What a bound may ask for besides T.
LETTERS: Mapping[str, _Letter] = {
    **{name: _problem_constant(name) for name in _STATED},
    "sigma2": _Letter(
        CONSTANTS["sigma2"] + "; 0 without noise",
        _variance,
        constants=("sigma2",),
        unless=("nothing is drawn", lambda problem: not problem.stochastic),
    ),
    "second_moment": _Letter(
        "bound of E||g||**2 on the domain: G**2, or M where M_G = 0 and it is less",
        _second_moment,
    ),
    "D": _Letter(
        "Euclidean diameter of the domain; without one, of the box that the iterates and the "
        "minimiser have spanned",
        _diameter("l2"),
        _spread_quantities,
        constants=("minimizer",),
        unless=_BOUNDED,
    ),
    "D_inf": _Letter(
        "the same in the sup-norm",
        _diameter("linf"),
        _spread_quantities,
        constants=("minimizer",),
        unless=_BOUNDED,
    ),
    "shorter_sides": _Letter(
        "sum over the blocks of the smaller number of rows and columns",
        lambda c: float(
            sum(min(s) if len(s) == 2 else 1 for s in c.experiment.problem.blocks.values())
        ),
    ),
    "sigma_star2": _Letter(
        "mean of ||grad f_i||**2 at the minimiser, of a finite sum",
        _noise_at_minimizer,
        constants=("minimizer",),
    ),
    "epoch": _Letter("the number of losses of a finite sum", _epoch, counts=True),
    "n": _Letter("dimension", lambda c: float(c.experiment.problem.dimension), counts=True),
    "R0": _Letter(
        "distance of the start to the minimiser",
        _initial_distance,
        constants=("minimizer",),
    ),
    "D0": _Letter("suboptimality of the start", _initial_suboptimality, constants=("minimum",)),
    "curvature": _Letter("mu; 0 where none is stated", _curvature),
    "alpha": _Letter("the first step size", _step_size),
    "alpha_T": _Letter("the step size of round T", _alpha_at),
    "alpha_sum": _Letter("sum of the step sizes of rounds 1..T", _alpha_sum(1)),
    "alpha_square_sum": _Letter("sum of their squares", _alpha_sum(2)),
    "horizon": _Letter(
        "the number of steps of the whole run", lambda c: float(c.experiment.steps), counts=True
    ),
    "beta1": _rule_setting("beta1", "decay of the first moment or velocity"),
    "beta2": _rule_setting("beta2", "decay of the second moment"),
    "eps": _rule_setting("eps", "added to the root"),
    "weight_decay": _rule_setting("weight_decay", "weight of the decay towards 0"),
    "rounds": _rule_setting("rounds", "how many steps the method is made for", counts=True),
    "clip_norm": _rule_setting("clip_norm", "the norm to which gradients are shortened"),
    "b0": _Letter("root of the accumulator's first value", _first_root, settings=("initial",)),
    "start_sup": _Letter(
        "largest coordinate of the start, in size",
        lambda c: float(abs(np.asarray(c.experiment.problem.start)).max()),
    ),
    "start_norm": _Letter(
        "Euclidean norm of the start",
        lambda c: float(np.linalg.norm(np.asarray(c.experiment.problem.start))),
    ),
    "start_gradient_square": _Letter(
        "squared norm of the exact gradient of the start",
        lambda c: float(
            (c.experiment.problem.objective_gradient(c.experiment.problem.start) ** 2).sum()
        ),
    ),
    "fresh_margin_limit": _Letter(
        "least margin of a fresh example at the minimiser, (8 n+ n- - 5 n+ + 3 n-) / q",
        _fresh_margin_limit,
    ),
    "iterate_sup": _Letter(
        "largest coordinate of the iterate after round T, in size",
        lambda c: abs(c.observed.iterate).max(axis=-1),
        of_the_run=True,
    ),
    "lam": _Letter(
        "factor by which beta1 shrinks each round", _lam, settings=("beta1", "beta1_decay")
    ),
    "gradient_norms": _Letter(
        "||g_{1:T,i}||_2, by coordinate",
        lambda c: np.sqrt(c.observed.totals["gradient_square_sum"]),
        lambda experiment: ("gradient_square_sum",),
    ),
    "v_hat": _Letter(
        "bias-corrected second moment, by coordinate", _corrected_second_moment, state=("v",)
    ),
    "vhat": _Letter(
        "AMSGrad's largest second moment, by coordinate",
        lambda c: c.observed.state["vhat"],
        state=("vhat",),
    ),
}


def sum_i(values: Array) -> Array:
    """Sum over the coordinates."""
    return np.asarray(values.sum(axis=-1))


@dataclass(frozen=True)
class Claim:
    """A theorem with its options fixed.

    Attributes:
        measure: The figure that is bounded.
        sense: Whether the bound is from above or from below.
        kind: Of what the bound is one: "every run"; "in expectation", the mean over the seeds;
            "with probability", all but a share `delta` of the seeds, at each T; "rate", the
            mean over the seeds up to a factor that no theorem names; "almost sure limit", where
            every run tends to.
        twin: The run that a run is set beside, for the measure `difference`.
        assumptions: What must hold for the theorem to speak.
        status: "proved", "refuted", or what is known of its proof.
        errata: What is wrong with the print, in a sentence, or "".
        cases: Runs on which `verify` judges it.
    """

    entry: Entry[Claim]
    settings: Mapping[str, Any]
    measure: str
    sense: Literal["at most", "at least"]
    kind: Kind
    assumptions: tuple[Assumption, ...]
    status: str
    errata: str
    cases: tuple[Case, ...]
    twin: Callable[[Experiment], Experiment] | None = None

    @property
    def key(self) -> str:
        """The catalogue key, without options."""
        return self.entry.key

    @property
    def specification(self) -> str:
        """The text that builds the claim again."""
        return self.entry.specification(self.settings)

    @property
    def title(self) -> str:
        """One line, from the docstring of its entry."""
        return self.entry.title

    @property
    def letters(self) -> tuple[str, ...]:
        """What the bound asks for besides T."""
        return _letters(self.entry)

    @property
    def hypotheses(self) -> tuple[tuple[str, str, str], ...]:
        """Each with the function that tests it and what that looks at, in the order of the tests.

        After the assumptions come the letters of the bound that not every problem and method has.
        """
        letters = ((name, LETTERS[name]) for name in self.letters)
        return (
            *((a.statement, a.name, a.looks_at) for a in self.assumptions),
            *(
                (f"{name}: {letter.meaning}", "Claim.fails", letter.looks_at)
                for name, letter in letters
                if letter.looks_at
            ),
        )

    def on_every_run(self, problem: Problem, optimizer: Opaque | None = None) -> bool:
        """Whether it is judged run by run: without chance an expectation is the one run."""
        # What declares to be a rule does not draw.
        draws = optimizer is not None and optimizer.seeded and optimizer.like is None
        drawn = problem.stochastic or draws
        by_chance = self.kind in ("in expectation", "with probability") and drawn
        return not by_chance and self.kind not in ("rate", "almost sure limit")

    def bound_is_fixed(self, experiment: Experiment) -> bool:
        """Whether the bound is made of constants and settings, and not of what a run does."""
        return not any(
            letter.quantities(experiment) or letter.state or letter.of_the_run
            for letter in map(LETTERS.__getitem__, self.letters)
        )

    def quantities(self, experiment: Experiment) -> tuple[str, ...]:
        """Running totals needed to judge a run."""
        asked = [name for letter in self.letters for name in LETTERS[letter].quantities(experiment)]
        wanted = MEASURES[self.measure].quantities(experiment.problem)
        seen = [total for letter, total in SEEN.items() if letter in self.letters]
        return tuple(dict.fromkeys([*wanted, *asked, *seen]))

    def applies(self, experiment: Experiment) -> tuple[Experiment, str]:
        """Whether the claim speaks of a run, and as what it sees it.

        A method is what its formulas are, whatever it is called: where the method alone is in the
        way, the claim sees the run as one of another rule of the catalogue that is the same method
        (`convergence.capability`). The assumptions and the bound then go by that rule.

        Returns:
            The experiment as the claim sees it, and why the claim does not speak of it, or "".
        """
        reason = self._why_not(experiment)
        if reason and not any(a.fails(experiment) for a in self.assumptions if a.of != "method"):
            for seen in experiment.views():
                if not self._why_not(seen):
                    return seen, ""
        return experiment, reason

    def fails(self, experiment: Experiment) -> str:
        """Why the claim does not speak of an experiment, or ""."""
        return self.applies(experiment)[1]

    def _why_not(self, experiment: Experiment) -> str:
        problem, rule = experiment.problem, experiment.rule
        for assumption in self.assumptions:
            if reason := assumption.fails(experiment):
                return f"{assumption.statement}: {reason}"
        reason = "" if self.twin else MEASURES[self.measure].unavailable(problem)
        if reason:
            return f"{self.measure} cannot be measured: {reason}"
        if experiment.opaque:
            state = [name for letter in self.letters for name in LETTERS[letter].state]
            totals = self.quantities(experiment)
            if reason := experiment.opaque.hides(totals, [*MEASURES[self.measure].state, *state]):
                return f"the claim cannot be held against the run: {reason}"
        for name in self.letters:
            letter = LETTERS[name]
            if (letter.state or letter.settings) and rule is None:
                return f"the bound needs {name}: {UNDECLARED}"
            if rule and not (
                set(letter.state) <= experiment.state and set(letter.settings) <= set(rule.settings)
            ):
                return f"the bound needs {name}, and rule {rule.key} has none"
            for constant in letter.needed(problem):
                if constant not in problem.constants:
                    return _missing(problem, constant)
        return ""

    def beside(self, experiment: Experiment) -> Experiment:
        """The run to set beside that of an experiment as the claim sees it.

        Raises:
            InputError: The claim has no twin.
        """
        require(self.twin is not None, f"claim {self.key} has no twin")
        assert self.twin is not None
        # A twin of another method runs that; any other, what the run itself runs.
        return self.twin(experiment).changed(seen_as=None)

    def bound(
        self, experiment: Experiment, times: NDArray[np.int64], observed: Observation
    ) -> Array:
        """The bound at each round.

        Returns:
            Shape (lanes, rounds).

        Raises:
            InputError: A letter has no value here.
        """
        return self._evaluate(times, observed, self._values(experiment, times, observed))

    def bound_rounding(
        self, experiment: Experiment, times: NDArray[np.int64], observed: Observation
    ) -> Array:
        """How far the bound may be off: what it changes by when a letter moves by a few units.

        Returns:
            Shape (lanes, rounds).
        """
        values = self._values(experiment, times, observed)
        bound = self._evaluate(times, observed, values)
        off = 8 * 2.0**-53 * abs(bound)
        with np.errstate(all="ignore"):
            for letter, value in values.items():
                if LETTERS[letter].counts:
                    continue
                moved = {**values, letter: value * (1 + 2.0**-50)}
                off = off + abs(self._evaluate(times, observed, moved) - bound)
        return np.where(np.isfinite(off), off, 0.0)

    def _values(
        self, experiment: Experiment, times: NDArray[np.int64], observed: Observation
    ) -> dict[str, Any]:
        context = _Context(experiment, times, observed)
        # numpy numbers: a Python float raises where a square overflows.
        return {letter: np.asarray(LETTERS[letter].value(context))[()] for letter in self.letters}

    def _evaluate(
        self, times: NDArray[np.int64], observed: Observation, values: Mapping[str, Any]
    ) -> Array:
        with np.errstate(all="ignore"):
            bound = self.entry.function(times.astype(float), **values, **self.settings)
        return np.broadcast_to(np.asarray(bound, float), observed.iterate.shape[:2])


def _missing(problem: Problem, letter: str) -> str:
    reason = problem.unknown.get(letter)
    return f"the problem states no {letter}" + (f" ({reason})" if reason else "")


def _letters(entry: Entry[Claim]) -> tuple[str, ...]:
    parameters = inspect.signature(entry.function).parameters
    return tuple(
        name
        for name, parameter in parameters.items()
        if name != "T" and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    )


def _build(entry: Entry[Claim], settings: Mapping[str, Any]) -> Claim:
    for name, accepted in entry.facts["options"].items():
        listed = ", ".join(map(format_value, accepted))
        require(
            settings[name] in accepted,
            f"{name}={settings[name]!r} of claim {entry.key} must be one of {listed}",
        )
    apart = ("options", "sources_sha256")
    facts = {name: value for name, value in entry.facts.items() if name not in apart}
    return Claim(entry, dict(settings), **facts)


#: Every claim by key.
catalogue: Registry[Claim] = Registry("claim", _build)


def claim(
    *,
    source: str | tuple[str, ...] = (),
    measure: str,
    assumes: Sequence[Assumption],
    cases: str,
    kind: Kind = "every run",
    sense: Literal["at most", "at least"] = "at most",
    status: str = "proved",
    errata: str = "",
    tags: tuple[str, ...] = (),
    options: Mapping[str, tuple[Any, ...]] | None = None,
    twin: Callable[[Experiment], Experiment] | None = None,
) -> Callable[[Callable[..., Any]], Entry[Claim]]:
    """Register a theorem; the decorated function is its bound.

    Args:
        source: `"bibkey, place"` or several of them; every built-in claim has one.
        measure: A name from `MEASURES`.
        assumes: Its assumptions, checked in this order.
        cases: Runs on which `verify` judges it: a table, see `convergence.case`.
        kind: Of what it speaks: see `Claim`. With "with probability" the bound has an option
            `delta`, the probability of failing.
        sense: Whether the measure is at most or at least the bound.
        status: "proved", "refuted", ...
        errata: What is wrong with the print.
        tags: Words to filter by.
        options: Accepted values of its keyword parameters.
        twin: For the measure "difference": the run to set beside a run.

    Raises:
        InputError: The measure, the kind or a letter is unknown.
    """

    def check(entry: Entry[Claim]) -> None:
        require(
            measure in MEASURES,
            f"claim {entry.key} bounds {measure!r}, which is no measure; "
            + nearest(str(measure), MEASURES),
        )
        require(
            kind in get_args(Kind),
            f"claim {entry.key} is of kind {kind!r}; known: {', '.join(get_args(Kind))}",
        )
        require(
            kind != "with probability" or "delta" in entry.parameters,
            f"claim {entry.key} holds with probability and has no option delta",
        )
        require(
            (measure == "difference") == (twin is not None),
            f"claim {entry.key}: the measure difference and a twin belong together",
        )
        for assumption in assumes:
            require(
                isinstance(assumption, Assumption),
                f"claim {entry.key} assumes {assumption!r}, which is no Assumption; see "
                "convergence.claims.assumptions",
            )
        for letter in _letters(entry):
            require(
                letter in LETTERS,
                f"claim {entry.key} asks for {letter!r}; known: T, {', '.join(LETTERS)}",
            )
        for case in entry.facts["cases"]:
            for name in case.options:
                require(
                    name in entry.parameters,
                    f"a case of claim {entry.key} has {name!r}, which is no option of it",
                )

    def register(function: Callable[..., Any]) -> Entry[Claim]:
        require(isinstance(cases, str), f"cases={cases!r} must be a table; see convergence.case")
        return catalogue.add(
            function,
            check=check,
            source=source,
            tags=tags,
            measure=measure,
            sense=sense,
            kind=kind,
            assumptions=tuple(assumes),
            status=status,
            errata=errata,
            cases=table(cases),
            options=dict(options or {}),
            twin=twin,
        )

    return register


_SHELF: Shelf[Claim] = Shelf(catalogue, "decorate its bound with @claim(...)")


def find(specification: str) -> Claim:
    """The claim of `key:name=value,...`, or of `my_claim.py::name:name=value,...`.

    Raises:
        InputError: The text, the key, the file or an option is not accepted.
    """
    # What they register is the catalogue.
    import_module("convergence.claims")
    place = place_of(specification)
    if place is None:
        return catalogue.find(specification)
    entry = _SHELF.entry(specification, place)
    return entry(**parameters_of(specification, place.parameters))


def find_all(specification: str) -> list[Claim]:
    """As `find`, but a file alone stands for all claims in it.

    Raises:
        InputError: As `find`.
    """
    place = place_of(specification)
    if place is None or place.name is not None or place.parameters is not None:
        return [find(specification)]
    return [entry() for entry in _SHELF.entries(place.path).values()]
