"""Every hypothesis of every claim fails once, and the claim then says so, naming it."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from convergence import schedule as schedules
from convergence.claim import LETTERS
from convergence.claims import catalogue, judge
from convergence.rule import SETTINGS
from convergence.rules import catalogue as rules
from convergence.rules import find as find_rule
from convergence.schedule import find as find_schedule
from convergence.simulation import run
from problems import find as find_problem
from problems.domain import Ball, Box, WholeSpace
from problems.notation import InputError
from problems.problem import Problem, derived, exact
from reports import hypotheses

CLAIMS = {entry.key: entry() for entry in catalogue}
PAIRS = [(key, number) for key, claim in CLAIMS.items() for number in range(len(claim.assumptions))]


def pairs(*names):
    """Claims with the assumptions that one of these functions tests."""
    return [
        pytest.param(key, assumption, id=f"{key}-{assumption.name}")
        for key, claim in CLAIMS.items()
        for assumption in claim.assumptions
        if assumption.name in names
    ]


@dataclass(frozen=True)
class From:
    """All x with x_i >= low: unbounded, and not the whole space."""

    low: float
    bounded: ClassVar[bool] = False

    def project(self, x, weights=None):
        return np.maximum(x, self.low)

    def contains(self, x, tolerance=0.0):
        return np.all(np.asarray(x) >= self.low - tolerance, axis=-1)

    def diameter(self, norm, dimension):
        return np.inf

    def __str__(self):
        return f"what lies above {self.low:g}"


@cache
def good(key):
    """Settings of the claim's cases to which it applies, those on small problems first."""
    claim, found = CLAIMS[key], []
    for case in claim.cases:
        if case.expected != "not applicable":
            steps = min(case.experiment.steps, 1_000)
            found.append(case.experiment.changed(steps=steps, seeds=1))
    found.sort(key=lambda experiment: experiment.problem.examples is not None)
    assert found
    for experiment in found:
        assert claim.fails(experiment) == ""
    return found


def names(claim, experiment, assumption):
    """Whether the claim says that it does not apply, for this assumption."""
    return claim.fails(experiment).startswith(f"{assumption.statement}: ")


# Settings that differ in one part. Not all make sense as problems, but all can be looked at.


def with_problem(experiment, **changes):
    return experiment.changed(problem=replace(experiment.problem, **changes))


def on_domain(experiment, domain):
    return with_problem(experiment, domain=domain)


def on_half_space(experiment):
    return on_domain(experiment, From(float(experiment.problem.start.min()) - 1))


def around_the_start(experiment):
    reach = float(abs(experiment.problem.start).max()) + 1
    return on_domain(experiment, Box(-reach, reach))


def in_a_ball(experiment):
    return on_domain(experiment, Ball(float(np.linalg.norm(experiment.problem.start)) + 1))


def without(experiment, *letters):
    constants = experiment.problem.constants
    kept = {name: constants[name] for name in constants if name not in letters}
    return with_problem(experiment, constants=kept)


def stating(experiment, **values):
    constants = experiment.problem.constants
    stated = {name: constants[name] for name in constants}
    stated |= {name: exact(value) for name, value in values.items()}
    # Constants that contradict these are left out.
    for _ in range(4):
        try:
            return with_problem(experiment, constants=stated)
        except InputError as error:
            for name in ("L_max", "L_spectral", "mu_pl", "mu", "L"):
                if name in str(error) and name not in values and name in stated:
                    del stated[name]
                    break
    return experiment


def untagged(experiment, tag):
    """A problem that goes without a tag, and without what the tag follows from."""
    return with_problem(experiment, tags=tuple(t for t in experiment.problem.tags if t != tag))


def alternating(experiment):
    """Losses that have a slope besides, now up, now down, and the same objective."""
    return in_turn(experiment, stochastic=False)


def in_turn(experiment, **changes):
    problem = experiment.problem
    loss, gradient = problem.loss_formula, problem.gradient_formula
    sample = None
    if problem.samples is not None:
        sample = problem.samples(np.ones(1, int), np.zeros(1, int))[0]
        sample = sample[0] if np.ndim(sample) else sample

    def height(x):
        return x if problem.scalar else np.sum(x, axis=-1)

    shown = {
        "samples": lambda rounds, seeds: 1.0 - 2.0 * (rounds % 2),
        "loss_formula": lambda x, slope: loss(x, sample) + slope * height(x),
        "gradient_formula": lambda x, slope: gradient(x, sample) + slope,
        "objective_formula": problem.objective_formula or (lambda x: loss(x, sample)),
        "objective_gradient_formula": problem.objective_gradient_formula
        or (lambda x: gradient(x, sample)),
        "examples": None,
    }
    return with_problem(experiment, **{**shown, **changes})


def drawn(experiment):
    return in_turn(experiment, stochastic=True)


def reshuffled(experiment):
    return with_problem(drawn(experiment), shows=find_problem("shi-2021:order=reshuffled"))


def without_objective(experiment):
    return with_problem(drawn(experiment), objective_formula=None, objective_gradient_formula=None)


def of_another_function(experiment):
    return with_problem(
        experiment, objective_formula=lambda x: np.sum(x, axis=-1), objective_gradient_formula=None
    )


def in_two_blocks(experiment):
    n = experiment.problem.dimension
    return with_problem(experiment, blocks={"first": (1,), "others": (n - 1,)})


def from_point(experiment, point):
    return with_problem(experiment, start=np.asarray(point, float))


def with_rule(experiment, key=None, **changes):
    rule = experiment.rule
    if key is not None:
        return experiment.changed(optimizer=rules[key]())
    return experiment.changed(optimizer=rule.entry(**{**rule.settings, **changes}))


def with_schedule(experiment, specification):
    return experiment.changed(schedule=find_schedule(specification))


def warmed_up(experiment):
    schedule = experiment.schedule
    return experiment.changed(schedule=schedule.entry(**{**schedule.settings, "warmup": 5}))


def tried(make):
    """A changed experiment, where the change is possible."""
    try:
        yield make()
    except (InputError, AssertionError):
        return


def changes_of_the_problem(experiment):
    problem = experiment.problem
    for change in (
        on_half_space, around_the_start, in_a_ball, alternating, drawn, reshuffled,
        without_objective, of_another_function, in_two_blocks,
    ):  # fmt: skip
        yield from tried(lambda change=change: change(experiment))
    for tag in problem.tags:
        yield from tried(lambda tag=tag: untagged(experiment, tag))
    for name in problem.constants:
        yield from tried(lambda name=name: without(experiment, name))
    for name in ("mu", "mu_pl", "M", "sigma2"):
        for value in (0.0, 1e9):
            yield from tried(lambda name=name, value=value: stating(experiment, **{name: value}))
    if "sigma2" in problem.constants:
        bound = derived(problem.constant("sigma2"), "a bound")
        yield with_problem(experiment, constants={**problem.constants, "sigma2": bound})
    for point in (problem.start + 0.25, problem.start - 2.0, 0 * problem.start):
        yield from tried(lambda point=point: from_point(experiment, point))
    if "minimizer" in problem.constants:
        yield from tried(lambda: from_point(experiment, problem.constants["minimizer"].value))
    flat = {"gradient_formula": lambda x, k: 0.0 * x}
    yield with_problem(experiment, **flat, objective_gradient_formula=lambda x: 0.0 * x)
    yield with_problem(experiment, by_differences=True)
    yield experiment.changed(problem=find_problem("pl-sine"))
    if problem.entry is not None:
        for name, value in problem.settings.items():
            for other in others_than(value):
                settings = {**problem.settings, name: other}
                yield from tried(
                    lambda settings=settings: experiment.changed(problem=problem.entry(**settings))
                )


def others_than(value):
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, (int, float)):
        return (2 * value, value + 1, value - 1, 2, 0.5, 0, 4)
    return ("reshuffled",) if value == "independent" else ()


def changes_of_the_schedule(experiment):
    sizes = experiment.schedule.step_sizes(np.array([1]), experiment.problem, experiment.steps)
    first = float(sizes[0])
    yield from tried(lambda: warmed_up(experiment))
    for factor in (1, 0.3, 0.5, 0.99, 2, 3, 100, 1e9, 1e-9):
        for key in ("constant", "inverse-sqrt", "inverse"):
            yield with_schedule(experiment, f"{key}:alpha={factor * first!r}")


def changes_of_the_method(experiment):
    for name, value in experiment.rule.settings.items():
        words = SETTINGS[name].words
        for other in words or (0, 1e-3, 0.5, 0.99, 0.999999, 1, 2, 100):
            if other != value:
                yield from tried(
                    lambda name=name, other=other: with_rule(experiment, **{name: other})
                )
    for entry in rules:
        yield with_rule(experiment, entry.key)


def changed(experiment):
    """Settings that differ in one part."""
    return chain(
        changes_of_the_problem(experiment),
        changes_of_the_schedule(experiment),
        changes_of_the_method(experiment),
        [experiment.changed(steps=5_000)],
    )


# Where one change of a part is not enough, or takes a value of its own.
EXPLICIT = {
    "altschuler-parrilo-2023-silver": lambda experiment: with_schedule(experiment, "silver:h=1.5"),
    # Small M_G allow steps that are too long for mu.
    "bottou-2018-thm46": lambda experiment: with_schedule(
        stating(experiment, M_G=1e-3),
        f"constant:alpha={1.5 / experiment.problem.constant('mu_pl')!r}",
    ),
    "reddi-2018-thm2": lambda experiment: experiment.changed(
        problem="reddi-2018-thm2:C=4,beta1=0.5,beta2=0.5"
    ),
}


@pytest.mark.parametrize("key", CLAIMS)
def test_every_hypothesis_fails_once_and_is_named(key):
    claim = CLAIMS[key]
    left = {f"{assumption.statement}: " for assumption in claim.assumptions}
    assert len(left) == len(claim.assumptions)
    settings = good(key)[:4]
    explicit = map(EXPLICIT[key], settings) if key in EXPLICIT else []
    for experiment in chain(explicit, *map(changed, settings)):
        reason = claim.fails(experiment)
        left = {start for start in left if not reason.startswith(start)}
        if not left:
            return
    raise AssertionError(left)


# What a shared hypothesis has to refuse, on every claim that has it.
MUST = {
    "_unconstrained": (on_half_space, around_the_start, in_a_ball),
    "_bounded_domain": (on_half_space, lambda experiment: on_domain(experiment, WholeSpace())),
    "_dependent": (alternating, reshuffled, without_objective),
    "_drawn": (alternating, reshuffled, without_objective),
    "_exact_gradients": (alternating, drawn, of_another_function),
    "_convex": (lambda experiment: untagged(experiment, "convex"),),
    "_varies": (
        warmed_up,
        lambda experiment: with_schedule(experiment, "inverse-sqrt:alpha=1e-9"),
        lambda experiment: with_schedule(experiment, "cosine:alpha=1e-9"),
    ),
    "_by_root": (
        warmed_up,
        lambda experiment: with_schedule(experiment, "constant:alpha=1e-9"),
        lambda experiment: with_schedule(experiment, "polynomial:alpha=1e-9,power=0.51"),
    ),
    "_by_root_or_constant": (
        warmed_up,
        lambda experiment: with_schedule(experiment, "polynomial:alpha=1e-9,power=0.51"),
    ),
    "_euclidean": (in_a_ball,),
    "the_problem": (
        lambda experiment: from_point(experiment, experiment.problem.start + 2.0**-20),
        around_the_start,
        lambda experiment: without(experiment, *experiment.problem.constants),
        lambda experiment: experiment.changed(problem=find_problem("pl-sine")),
    ),
    "one_of": (lambda experiment: with_rule(experiment, "muon"),),
}


@pytest.mark.parametrize(("key", "assumption"), pairs(*MUST))
def test_a_shared_hypothesis_refuses_what_it_must(key, assumption):
    claim, tested = CLAIMS[key], 0
    for experiment in good(key)[:2]:
        for change in MUST[assumption.name]:
            for made in tried(lambda change=change, experiment=experiment: change(experiment)):
                if made.problem.domain == experiment.problem.domain and change is around_the_start:
                    tested += 1  # it is a box around the start
                    continue
                assert assumption.fails(made), change
                assert claim.fails(made)
                tested += 1
    assert tested >= len(MUST[assumption.name])


@pytest.mark.parametrize(("key", "assumption"), pairs("one_of"))
def test_settings_that_a_theorem_does_not_mention_are_refused(key, assumption):
    """Where they change the formula."""
    claim, tested = CLAIMS[key], 0
    for experiment in good(key)[:2]:
        for name, value in {"maximize": True, "weight_decay": 0.125, "dampening": 0.125}.items():
            for made in tried(lambda n=name, v=value, s=experiment: with_rule(s, **{n: v})):
                if "decay" in claim.key and name == "weight_decay":
                    continue
                assert claim.fails(made), name
                tested += 1
    assert tested or not good(key)[0].rule.settings.keys() - {"maximize"}


# Letters


@pytest.mark.parametrize(
    ("key", "letter", "constant"),
    [
        (key, letter, constant)
        for key, claim in CLAIMS.items()
        for letter in claim.letters
        for constant in LETTERS[letter].constants
    ],
)
def test_a_constant_that_a_letter_needs_must_be_stated(key, letter, constant):
    unless = LETTERS[letter].unless
    needing = [s for s in good(key) if not (unless and unless[1](s.problem))]
    if not needing:
        # Its cases are all on bounded domains, or without noise.
        assert unless
        return
    claim = CLAIMS[key]
    reason = claim.fails(without(needing[0], constant))
    words = (f"states no {constant}", "states other constants", "not known", f"no M and {constant}")
    assert any(said in reason for said in words)


class Seen:
    """An experiment, some parts of which are seen otherwise."""

    def __init__(self, experiment, **parts):
        self._experiment, self._parts = experiment, parts

    def __getattr__(self, name):
        return self._parts[name] if name in self._parts else getattr(self._experiment, name)


# An optimizer that does not say what it is


def undeclared(experiment):
    return Seen(experiment, rule=None, state=frozenset(), views=lambda: ())


@pytest.mark.parametrize("key", CLAIMS)
def test_an_optimizer_that_does_not_say_what_it_is_meets_no_hypothesis_about_it(key):
    claim = CLAIMS[key]
    of_the_method = any(assumption.of == "method" for assumption in claim.assumptions)
    of_the_method |= any(LETTERS[name].state or LETTERS[name].settings for name in claim.letters)
    experiment = undeclared(good(key)[0])
    reason = claim.fails(experiment)
    assert ("does not say what it is; declare it with like=" in reason) == of_the_method
    assert bool(reason) == of_the_method


def test_a_lower_bound_for_every_method_speaks_of_an_optimizer_of_any_kind():
    experiment = undeclared(good("ogd-lower-bound")[0])
    assert CLAIMS["ogd-lower-bound"].fails(experiment) == ""


class Trap:
    """A part of a run that must not be looked at."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was looked at")


METHOD = {"rule", "method", "optimizer", "opaque", "runner", "state", "seen_as"}
PARTS = {
    "problem": {"schedule", "projection", *METHOD},
    "schedule": {"projection", *METHOD},
    "projection": {"schedule", *METHOD},
}


@pytest.mark.parametrize(("key", "number"), PAIRS)
def test_a_hypothesis_looks_at_no_more_than_it_says(key, number):
    assumption = CLAIMS[key].assumptions[number]
    experiment = good(key)[0]
    if assumption.of == "method":
        with pytest.raises((AssertionError, InputError)):
            assumption.fails(Seen(experiment, **dict.fromkeys(METHOD, Trap())))
        return
    # The number of rounds may be asked for with step sizes, or with losses.
    hidden = dict.fromkeys(PARTS[assumption.of], Trap())
    assert assumption.fails(Seen(experiment, **hidden)) == ""


# The page


def test_the_page_of_hypotheses_in_the_repository_is_up_to_date():
    kept = Path(__file__).parent.parent / "docs" / "hypotheses.md"
    assert kept.read_text(encoding="utf-8") == hypotheses.page(), (
        "run: convergence catalogue -o docs"
    )


def test_every_claim_and_every_hypothesis_stands_on_the_page_once():
    parts = re.split(r"(?m)^### `([\w-]+)`$", hypotheses.page())[1:]
    assert parts[::2] == [entry.key for entry in catalogue]
    for key, section in zip(parts[::2], parts[1::2], strict=True):
        rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
        assert len(rows) == len(CLAIMS[key].hypotheses)
        for row, (_, by, looks_at) in zip(rows, CLAIMS[key].hypotheses, strict=True):
            assert row.endswith(f" | `{by}` | {looks_at} |")


def test_every_hypothesis_has_a_test_with_a_name_and_says_what_it_looks_at():
    for claim in CLAIMS.values():
        for _, by, looks_at in claim.hypotheses:
            assert by.replace("Claim.", "").isidentifier()
            assert looks_at[0].isupper()
            assert looks_at.endswith(".")


def test_a_statement_has_one_predicate():
    found = defaultdict(set)
    for claim in CLAIMS.values():
        for assumption in claim.assumptions:
            found[assumption.statement].add(assumption.name)
    assert {s: names for s, names in found.items() if len(names) > 1} == {}


# Guaranteed by the notation


CROSSED = {"mu": exact(2.0), "L": exact(1.0)}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: from_point(good("ogd-lower-bound")[0], [2.0]), "lies outside"),
        (lambda: from_point(good("gd-strongly-convex")[0], [np.nan, 1.0]), "not finite"),
        (lambda: with_problem(good("gd-diverges")[0], constants=CROSSED), "exceeds"),
        (lambda: with_problem(good("gd-diverges")[0], constants={"G": exact(-1.0)}), "negative"),
        (lambda: find_rule("heavy-ball:beta1=1"), "must lie in"),
        (lambda: find_rule("adam:beta2=1"), "must lie in"),
        (lambda: find_rule("amsgrad:beta1_decay=1.5"), "must lie in"),
        (lambda: find_rule("adam:eps=-1"), "must lie in"),
        (lambda: find_rule("adagrad:initial=-1"), "must lie in"),
        (lambda: find_rule("adamw:weight_decay=-1"), "must lie in"),
        (lambda: find_schedule("constant:alpha=0"), "positive"),
        (lambda: find_schedule("inverse-sqrt:alpha=-1"), "positive"),
    ],
)  # fmt: skip
def test_what_the_notation_guarantees_cannot_be_written_otherwise(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_moments_and_velocities_begin_at_nothing():
    for entry in rules:
        for name, first in entry.facts["state"].items():
            if name in ("m", "u", "v", "vhat", "mean_g", "row", "column"):
                assert first == 0


def test_every_step_size_is_positive():
    for entry in schedules.catalogue:
        given = {"alpha": 1, "power": 0.5} if "alpha" in entry.parameters else {}
        made = entry(**{name: value for name, value in given.items() if name in entry.parameters})
        sizes = made.step_sizes(np.arange(1, 1001), find_problem("quadratic"), 1000)
        assert (sizes > 0).all()


# Holes that were closed: the theorem is true, its hypothesis fails, and without it the run would
# have been called a violation


def unguarded(claim, *statements):
    """The claim without some of its assumptions."""
    claim = CLAIMS[claim]
    kept = tuple(a for a in claim.assumptions if a.statement not in statements)
    assert len(kept) == len(claim.assumptions) - len(statements)
    return replace(claim, assumptions=kept)


def closed(key, record, *statements, said):
    """A hypothesis is what keeps a claim from being called violated."""
    verdict = judge(key, record)
    assert verdict.word == "not applicable"
    assert said in verdict.reason
    other = judge(unguarded(key, *statements), record)
    # Student's limits refute nothing, but they show it.
    assert other.word in ("violated", "disagrees") or "passes the bound" in other.reason


BENT = {
    "formula": "x + x**2 / 2",
    "scalar": True,
    "loss_formula": lambda x, sample: x + x * x / 2,
    "gradient_formula": lambda x, sample: 1.0 + x,
}


def test_a_half_line_is_not_the_whole_space():
    problem = Problem(
        **BENT,
        domain=From(0.0),
        start=[1.0],
        constants={"L": exact(1.0), "minimum": exact(0.0), "minimizer": exact([0.0])},
    )
    record = run(problem, "sgd", "inverse-smoothness", 5, measures=[])
    closed("gd-nonconvex-min", record, "the domain is the whole space", said="above 0")


def swinging(slope, curved=1.0, **changes):
    """x**2 / 2 with the slopes +-10 in turn."""
    return Problem(
        **{
            "formula": "curved x**2 / 2 +- slope x",
            "domain": WholeSpace(),
            "start": [0.0],
            "scalar": True,
            "samples": lambda rounds, seeds: slope * (1.0 - 2.0 * (rounds % 2)),
            "loss_formula": lambda x, k: curved * x * x / 2 + k * x,
            "gradient_formula": lambda x, k: curved * x + k,
            "objective_formula": lambda x: curved * x * x / 2,
            "objective_gradient_formula": lambda x: curved * x,
            "constants": {
                "L": exact(1.0),
                "mu": exact(1.0),
                "mu_pl": exact(1.0),
                "minimum": exact(0.0),
                "minimizer": exact([0.0]),
                "sigma2": exact(slope**2),
            },
            "tags": ("convex",),
            **changes,
        }
    )


UNBIASED = "given the past, a gradient has the mean grad f (draws are independent)"


def test_slopes_in_turn_are_no_noise_for_averaged_momentum():
    record = run(swinging(10.0), "heavy-ball:velocity=average", "constant:alpha=0.025", 50)
    closed("sgdm-nonconvex-derived", record, UNBIASED, said="fixed sequence")


def test_slopes_in_turn_have_no_mean_that_a_moment_could_have():
    straight = swinging(
        2.0,
        curved=0.0,
        loss_formula=lambda x, k: (3 + k) * x,
        gradient_formula=lambda x, k: 3 + k,
        objective_formula=lambda x: 3 * x,
        objective_gradient_formula=lambda x: 3.0,
        constants={},
        tags=("linear",),
    )
    record = run(straight, "adam", "constant:alpha=0.01", 9, measures=[])
    mean = "the mean gradient is the same at every point and in every round, and not 0"
    closed("adam-first-moment-most", record, mean, said="fixed sequence")


def test_a_bound_of_the_variance_is_not_the_variance():
    problem = find_problem("reddi-2018-thm3:delta=1.4,C=1.5")
    larger = {**problem.constants, "sigma2": derived(1.5 * problem.constant("sigma2"), "more")}
    record = run(
        replace(problem, constants=larger), "adam", "constant:alpha=0.01", 9, seeds=64, measures=[]
    )
    exactly = "sigma2 is the variance, and no mere bound of it"
    closed("adam-second-moment-least", record, exactly, said="not known to be attained")


def test_an_end_of_the_domain_makes_two_ways_of_decay_alike():
    problem = Problem(
        formula="x**2 / 2",
        domain=Box(-1.0, 1.0),
        start=[1.0],
        scalar=True,
        loss_formula=lambda x, sample: x * x / 2,
        gradient_formula=lambda x, sample: x,
    )
    record = run(problem, "adamw:eps=0", "constant:alpha=10", 3, measures=[])
    space = "the domain is the whole space"
    closed("decoupled-decay-is-no-penalty", record, space, said="the box")


def test_what_is_not_bounded_below_has_no_stationary_point():
    slope = Problem(
        formula="x",
        domain=WholeSpace(),
        start=[0.0],
        scalar=True,
        loss_formula=lambda x, sample: x,
        gradient_formula=lambda x, sample: 1.0,
        constants={"L": exact(0.0), "G": exact(1.0), "G_inf": exact(1.0)},
    )
    record = run(slope, "amsgrad", "inverse-sqrt:alpha=1", 2_000, measures=[])
    below = "the objective is bounded below, by its minimum"
    closed("chen-2019-cor", record, below, said="states no minimum")


def test_who_starts_at_the_minimum_does_not_run_away_from_it():
    where = ("adam:beta1=0,beta2=0.2,eps=0", "inverse-sqrt:alpha=1", 2_000)
    record = run("zhang-2022:order=independent,start=-2", *where, measures=[])
    closed("zhang-2022-small-beta2", record, "the start is above -1", said="it is -2")


def test_losses_that_are_strongly_convex_in_the_mean_only_are_told():
    def best(rounds, seeds):
        squares, slope = rounds // 2, np.where(((rounds + 1) // 2) % 2 == 1, 2.0, 0.0)
        at = np.clip(-slope / np.maximum(2 * squares, 1e-9), -1.0, 1.0)
        return (squares * at**2 + slope * at)[None]

    slopes = np.array([2.0, 0.0, -2.0, 0.0])
    problem = Problem(
        formula="2 x, x**2, -2 x, x**2, and so on",
        domain=Box(-1.0, 1.0),
        start=[1.0],
        scalar=True,
        samples=lambda rounds, seeds: slopes[(rounds - 1) % 4],
        loss_formula=lambda x, k: k * x + (1.0 - abs(k) / 2) * x * x,
        gradient_formula=lambda x, k: k + 2 * (1.0 - abs(k) / 2) * x,
        objective_formula=lambda x: x * x / 2,
        objective_gradient_formula=lambda x: x,
        hindsight_formula=best,
        constants={"mu": exact(1.0), "G": exact(2.0), "minimum": exact(0.0)},
        tags=("convex",),
    )
    record = run(problem, "sgd", "inverse-strong-convexity", 50, measures=[])
    single = "every single loss is strongly convex"
    closed("hazan-2007-thm1", record, single, said="of their mean")


def test_without_a_domain_the_best_point_must_stay_the_same():
    record = run(
        "periodic-hinge:slopes=[-1,3,-1],start=-1",
        "adam:beta1=0,beta2=0.1,eps=0",
        "inverse-sqrt:alpha=0.1",
        50,
        measures=[],
    )
    one = "the domain is bounded, or one point is the best in hindsight in every round"
    closed("kingma-ba-2015-thm41", record, one, said="another at round 1")


def test_gradients_of_another_function_are_not_exact():
    problem = Problem(
        formula="x**2 / 2, judged by (x - 5)**2 / 2",
        domain=WholeSpace(),
        start=[1.0],
        scalar=True,
        loss_formula=lambda x, sample: x * x / 2,
        gradient_formula=lambda x, sample: x,
        objective_formula=lambda x: (x - 5.0) * (x - 5.0) / 2,
        objective_gradient_formula=lambda x: x - 5.0,
        constants={
            "L": exact(1.0), "mu": exact(1.0), "minimum": exact(0.0), "minimizer": exact([5.0])
        },
    )  # fmt: skip
    record = run(problem, "sgd", "constant:alpha=0.5", 20, measures=[])
    verdict = judge("gd-strongly-convex", record)
    assert verdict.word == "not applicable"
    assert "gradients shown are of another function" in verdict.reason


def parabola_but(added, slope):
    """The parabola x**2 / 2 is judged; the losses are higher by something."""
    return Problem(
        formula="x**2 / 2, judged without what is added",
        domain=WholeSpace(),
        start=[1.0],
        scalar=True,
        loss_formula=lambda x, sample: x * x / 2 + added(x),
        gradient_formula=lambda x, sample: x + slope(x),
        objective_formula=lambda x: x * x / 2,
        objective_gradient_formula=lambda x: 1.0 * x,
        constants={
            "L": exact(1.0), "mu": exact(1.0), "minimum": exact(0.0), "minimizer": exact([0.0])
        },
    )  # fmt: skip


def test_another_function_is_seen_far_from_the_start_and_at_iterates():
    far = parabola_but(lambda x: (abs(x) > 9) * (abs(x) - 9.0), lambda x: (abs(x) > 9) * np.sign(x))
    record = run(far, "sgd", "constant:alpha=0.5", 20, measures=[])
    verdict = judge("gd-strongly-convex", record)
    assert verdict.word == "not applicable"
    assert "gradients shown are of another function" in verdict.reason
    # Away from all points that are looked at beforehand; the second iterate is 0.3.
    near = parabola_but(lambda x: 0.0 * x, lambda x: -100.0 * (abs(x - 0.3) < 1e-9))
    record = run(near, "sgd", "constant:alpha=0.7", 20, measures=[])
    verdict = judge("gd-strongly-convex", record)
    assert verdict.word == "not applicable"
    assert "gradients of another function were shown by step 1" in verdict.reason
    plain = parabola_but(lambda x: 0.0 * x, lambda x: 0.0 * x)
    record = run(plain, "sgd", "constant:alpha=0.7", 20, measures=[])
    assert judge("gd-strongly-convex", record).holds


def test_draws_without_an_objective_have_no_mean_to_go_by():
    problem = swinging(
        1.0,
        samples=lambda rounds, seeds: 3.0 + (-1.0) ** (rounds[:, None] + seeds.astype(int)),
        stochastic=True,
        objective_formula=None,
        objective_gradient_formula=None,
    )
    record = run(problem, "sgd", "constant:alpha=0.5", 20, seeds=8, measures=[])
    drawn_so = "gradients are independent draws with the mean grad f"
    closed("sgd-mean-square", record, drawn_so, said="no fixed objective")


def test_a_problem_that_was_changed_is_not_the_one_of_its_name():
    problem = find_problem("quadratic:kappa=1,dimension=1")
    still = replace(problem, start=np.zeros(1))
    record = run(still, "sgd", "constant:alpha=2.1", 20, measures=[])
    closed("gd-diverges", record, "the problem is quadratic", said="start was changed")


def test_a_metric_makes_no_difference_on_a_line():
    slopes = "periodic-linear:slopes=[1,-3,2,0.5,-1,-0.25,4,1,-2],domain=[-1,1]"
    by = {"projection": "metric", "measures": []}
    record = run(slopes, "adam:beta1=0.5,beta2=0.75", "constant:alpha=0.5", 60, **by)
    assert judge("methods-in-sums", record).word.startswith("holds")
