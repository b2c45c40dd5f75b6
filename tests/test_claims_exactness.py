"""Methods as they are printed: how much is noticed, and what each claim asks for."""

from dataclasses import replace

import pytest
from test_claims_adaptive import ran, without

from convergence import claims, rules
from convergence.claim import catalogue
from convergence.claims import exactness, judge

KEYS = [name.replace("_", "-") for name in exactness.__all__]
UNEQUAL, STRETCHED = exactness._UNEQUAL, exactness._STRETCHED


def test_every_claim_of_the_module_is_in_the_catalogue():
    assert set(KEYS) == {
        entry.key for entry in catalogue if entry.function.__module__ == exactness.__name__
    }


def test_every_rule_is_held_against_what_is_printed():
    spoken = {*exactness._IN_SUMS, *exactness._POINTS, *exactness._FIRST}
    assert spoken == {entry.key for entry in rules.catalogue}


HOLDING = [
    pytest.param(key, case, id=f"{key}: {case.experiment.names.optimizer}")
    for key in KEYS
    for case in claims.find(key).cases
    if case.expected == "holds"
]


@pytest.mark.parametrize(("key", "case"), HOLDING)
def test_a_millionth_of_the_step_size_is_noticed(key, case):
    claim = claims.find(key)

    def longer(experiment):
        given = experiment.schedule.settings
        name = "h" if "h" in given else "alpha"
        schedule = experiment.schedule.entry(**{**given, name: float(given[name]) * (1 + 1e-6)})
        return claim.twin(experiment.changed(schedule=schedule))

    record = ran(
        *case.experiment.names,
        case.experiment.steps,
        len(case.experiment.seeds),
    )
    assert judge(claim, record).holds
    assert judge(replace(claim, twin=longer), record).word == "violated"


@pytest.mark.parametrize("key", sorted(exactness._IN_SUMS))
@pytest.mark.parametrize("slopes", ["[1,0,0,-2,0.01]", "[1e-5,-1e-5,3e-5]", "[5,4,3,2,1,1,1,1]"])
def test_sums_hold_at_plain_settings_on_other_slopes(key, slopes):
    given = {"adafactor": ":relative_step=false", "muon": ":orthogonalization=polar"}.get(key, "")
    problem = f"periodic-linear:slopes={slopes}"
    verdict = judge("methods-in-sums", ran(problem, key + given, "inverse-sqrt:alpha=0.3", 60))
    assert verdict.holds, verdict.reason


def test_sums_hold_on_every_linear_problem_of_the_catalogue_that_is_not_drawn():
    for problem in ("reddi-2018-thm1", "reddi-2018-online", "single-spike", "unit-slopes"):
        record = ran(problem, "adam:beta2=0.9", "constant:alpha=0.1", 300)
        assert judge("methods-in-sums", record).holds


@pytest.mark.parametrize(
    ("key", "problem", "rule", "schedule", "word", "named"),
    [
        ("methods-in-sums", UNEQUAL, "adam:maximize=true", "constant:alpha=1", "method",
         "maximize"),
        ("methods-in-sums", UNEQUAL, "signum:weight_decay=1", "constant:alpha=1", "decay", "joins"),
        ("momentum-in-points", STRETCHED, "nesterov:weight_decay=1", "inverse-smoothness",
         "momentum", "weight_decay"),
        ("matrix-methods-first-step", "matrix-quadratic", "muon:maximize=true", "constant:alpha=1",
         "sees matrices", "maximize"),
    ],
)  # fmt: skip
def test_without_its_assumption_a_claim_is_not_applicable_and_false(
    key, problem, rule, schedule, word, named
):
    record = ran(problem, rule, schedule, 20)
    verdict = judge(key, record)
    assert verdict.word == "not applicable"
    assert named in verdict.reason
    assert judge(without(key, word), record).word == "violated"


@pytest.mark.parametrize(
    ("rule", "schedule", "named"),
    [
        ("adam:beta1=0.5,beta2=0.75,eps=0", "constant:alpha=0.1", "underflow"),
        ("rmsprop:beta2=0.75,eps=0", "constant:alpha=0.1", "underflow"),
    ],
)
def test_sums_say_nothing_of_gradients_whose_squares_are_lost(rule, schedule, named):
    record = ran("periodic-linear:slopes=[1e-160,1]", rule, schedule, 20)
    verdict = judge("methods-in-sums", record)
    assert verdict.word == "not applicable"
    assert named in verdict.reason


def test_a_run_that_leaves_all_bounds_contradicts_no_penalty():
    record = ran("quadratic", "sgd:weight_decay=0.1", "inverse-smoothness:h=9", 3_000)
    assert record.ends[0].step
    assert judge("coupled-decay-is-a-penalty", record).holds


def test_every_rule_with_decay_couples_it_or_not():
    decays = {entry.key for entry in rules.catalogue if "weight_decay" in entry.parameters}
    assert decays == {*exactness._COUPLED, *exactness._DECOUPLED}
