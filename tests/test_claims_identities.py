"""Identities: how exact each is, that it can fail, and what it asks for."""

from dataclasses import replace

import numpy as np
import pytest
from test_claims_adaptive import ran, scaled, without

from convergence import claims
from convergence.claim import catalogue
from convergence.claims import identities, judge
from problems import find

KEYS = [name.replace("_", "-") for name in identities.__all__]
LINE = "quadratic:kappa=1,dimension=1"
AVERAGED = "heavy-ball:velocity=average"
SHRUNK = identities._SHRUNK


def test_every_claim_of_the_module_is_in_the_catalogue():
    assert set(KEYS) == {
        entry.key for entry in catalogue if entry.function.__module__ == identities.__name__
    }


# Claim, run, the ratio that it comes to, and a factor by which the bound is wrong.
ATTAINED = [
    (
        "wilson-2017-adaptive-fresh",
        "wilson-2017",
        "adam:eps=0",
        "constant:alpha=0.01",
        300,
        1,
        1.05,
    ),
    ("wilson-2017-descent-fresh", "wilson-2017", "sgd", "inverse-smoothness", 200, 1, 1.05),
    ("momentum-threshold-above", LINE, AVERAGED, "constant:alpha=38.1", 900, 1, 1.05),
    ("momentum-threshold-above", LINE, AVERAGED + ",beta1=0", "constant:alpha=2.5", 90, 1, 1.05),
    (
        "momentum-threshold-below",
        LINE,
        AVERAGED + ",beta1=0.99",
        "constant:alpha=397.9",
        2_000,
        0.99967,
        1 / 1.05,
    ),
    (
        "decoupled-decay-is-no-penalty",
        "quadratic",
        "adamw:eps=0",
        "constant:alpha=0.1",
        99,
        1,
        1.05,
    ),
]


@pytest.mark.parametrize(("key", "problem", "rule", "schedule", "steps", "ratio", "off"), ATTAINED)
def test_an_attained_claim_is_violated_5_percent_off(
    key, problem, rule, schedule, steps, ratio, off
):
    record = ran(problem, rule, schedule, steps)
    verdict = judge(key, record)
    assert verdict.holds, verdict.reason
    assert verdict.ratio == pytest.approx(ratio, rel=1e-5)
    assert judge(scaled(key, off), record).word == "violated"


# Claims that two things are the same, on runs of another method.
BROKEN = [
    ("wilson-2017-lemma31", "method", "wilson-2017", "sgd", "inverse-smoothness"),
    ("wilson-2017-lemma31", "method", "wilson-2017", "adam:eps=1e-3", "constant:alpha=0.01"),
    ("wilson-2017-adaptive-fresh", "method", "wilson-2017", "sgd", "inverse-smoothness"),
    ("wilson-2017-descent-fresh", "method", "wilson-2017", "adam:eps=0", "inverse-smoothness"),
    ("adam-scale-invariance", "method", "himmelblau", "adam", "constant:alpha=0.01"),
    ("adam-scale-invariance", "method", "himmelblau", "sgd", "constant:alpha=0.001"),
    (
        "adam-scale-invariance",
        "method",
        "himmelblau",
        "adam:eps=0,weight_decay=1",
        "constant:alpha=0.01",
    ),
    (
        "decoupled-decay-as-penalty",
        "eps",
        "quadratic",
        "adamw:beta1=0,eps=1,weight_decay=0.01,decay_scale=none",
        "constant:alpha=1",
    ),
    (
        "decoupled-decay-as-penalty",
        "method",
        "quadratic",
        "adamw:eps=1e30,weight_decay=0.01,decay_scale=none",
        "constant:alpha=1e30",
    ),
    (
        "decoupled-decay-is-no-penalty",
        "method",
        "quadratic",
        "adamw:eps=0,bias_correction=none,decay=coupled",
        "constant:alpha=0.01",
    ),
]


@pytest.mark.parametrize(("key", "word", "problem", "rule", "schedule"), BROKEN)
def test_without_its_assumption_a_claim_is_not_applicable_and_false(
    key, word, problem, rule, schedule
):
    record = ran(problem, rule, schedule, 300)
    verdict = judge(key, record)
    assert verdict.word == "not applicable"
    assert word in verdict.reason
    claim = claims.find(key)
    named = verdict.reason.partition(":")[0]
    kept = tuple(a for a in claim.assumptions if a.statement != named)
    assert len(kept) == len(claim.assumptions) - 1
    altered = replace(claim, assumptions=kept)
    assert judge(altered, record).word == "violated"


@pytest.mark.parametrize("key", [key for key in KEYS if "moment-" in key])
def test_moments_are_known_to_a_tenth(key):
    case = claims.find(key).cases[0]
    record = ran(
        *case.experiment.names,
        case.experiment.steps,
        len(case.experiment.seeds),
    )
    off = 1 / 1.1 if key.endswith("most") else 1.1
    assert judge(scaled(key, off), record).word == "violated"


def test_moments_are_of_linear_losses_and_of_adam():
    for problem, rule, named in (
        ("noisy-quadratic", "adam", "mean gradient"),
        ("random-signs", "adam", "mean gradient"),
        ("shi-2021", "adam", "sigma2"),
        ("shi-2021:C=2,order=reshuffled", "adam", "sigma2"),
        (identities._STEADY, "adamw", "Adam's"),
    ):
        verdict = judge("adam-first-moment-most", ran(problem, rule, "constant:alpha=0.01", 9, 2))
        assert verdict.word == "not applicable"
        assert named in verdict.reason


@pytest.mark.parametrize(("positives", "negatives"), [(2, 1), (4, 2), (9, 8), (200, 1), (37, 12)])
def test_the_margin_of_least_norm_is_the_printed_fraction(positives, negatives):
    problem = find(f"wilson-2017:positives={positives},negatives={negatives}")
    w = problem.constants["minimizer"].value
    q = 15 * positives + 3 * negatives + 8 * positives * negatives + 5
    margin = (8 * positives * negatives - 5 * positives + 3 * negatives) / q
    assert w[0] - 2 * abs(w[1]) == pytest.approx(margin, rel=1e-12)
    assert margin > 0
    assert w[1] == w[2]
    assert w[1] == pytest.approx((5 * positives - negatives) / q, rel=1e-12)


@pytest.mark.parametrize("coefficient", [0.0, 1e-3, 0.01, 1.0, 1e4])
def test_no_coefficient_of_a_penalty_gives_the_first_step_of_decoupled_decay(coefficient):
    def coupled(experiment):
        given = {**experiment.rule.settings, "decay": "coupled", "weight_decay": coefficient}
        return experiment.changed(optimizer=experiment.rule.entry(**given))

    claim = replace(claims.find("decoupled-decay-is-no-penalty"), twin=coupled)
    verdict = judge(claim, ran("quadratic", "adamw:eps=0", "constant:alpha=0.01", 20))
    assert verdict.holds
    assert verdict.ratio == pytest.approx(1, rel=1e-9)
    assert verdict.closest == 1


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9, 0.99])
def test_the_spectral_radius_passes_1_at_the_threshold_and_is_largest_at_an_end(beta1):
    c = np.linspace(1e-3, 2 + 2 * beta1, 2_001)
    radius = identities._spectral_radius(c, beta1)
    roots = [abs(np.roots([1, -(1 + beta1 - one), beta1])).max() for one in c]
    assert radius == pytest.approx(np.array(roots), abs=1e-7)
    assert radius[-1] == pytest.approx(1, abs=1e-12)
    assert identities._spectral_radius(2 + 2 * beta1 + 1e-6, beta1) > 1
    lowest = int(radius.argmin())
    assert (np.diff(radius[: lowest + 1]) <= 1e-12).all()
    assert (np.diff(radius[lowest:]) >= -1e-12).all()


@pytest.mark.parametrize(
    ("key", "problem", "rule", "schedule", "named"),
    [
        ("momentum-threshold-above", "quadratic", "heavy-ball", "constant:alpha=99", "velocity"),
        ("momentum-threshold-above", "pl-sine", AVERAGED, "constant:alpha=99", "problem"),
        ("momentum-threshold-above", LINE, AVERAGED, "constant:alpha=37.9", "37.9 <= 38"),
        ("momentum-threshold-below", LINE, AVERAGED, "constant:alpha=38.1", "38.1 >= 38"),
        ("momentum-threshold-below", LINE, AVERAGED, "inverse-sqrt:alpha=1", "constant"),
        ("wilson-2017-descent-fresh", "wilson-2017", "sgd", "inverse-smoothness:h=1.1", "1/L"),
        ("decoupled-decay-as-penalty", "himmelblau", SHRUNK, "constant:alpha=1", "convex"),
        ("decoupled-decay-as-penalty", "quadratic", SHRUNK, "constant:alpha=2e30", "2.01"),
        ("decoupled-decay-is-no-penalty", "noisy-quadratic", "adamw:eps=0", "constant:alpha=1",
         "exact"),
        ("decoupled-decay-is-no-penalty", "himmelblau", "adamw:eps=0", "constant:alpha=1", "signs"),
    ],
)  # fmt: skip
def test_a_claim_names_the_assumption_that_fails(key, problem, rule, schedule, named):
    verdict = judge(key, ran(problem, rule, schedule, 5, seeds=2))
    assert verdict.word == "not applicable"
    assert named in verdict.reason
    assert without(key) == claims.find(key)
