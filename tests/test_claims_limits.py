"""Limits and phase transitions: which side the mean step is on, and that the claims can fail."""

from dataclasses import replace

import numpy as np
import pytest
from test_claims_adaptive import ran, without

from convergence import claims, rules, schedule
from convergence.claim import catalogue
from convergence.claims import judge, limits
from convergence.experiment import Experiment
from problems import find

KEYS = [name.replace("_", "-") for name in limits.__all__]


def test_every_claim_of_the_module_is_in_the_catalogue_and_of_an_asymptotic_kind():
    assert set(KEYS) == {
        entry.key for entry in catalogue if entry.function.__module__ == limits.__name__
    }
    assert {claims.find(key).kind for key in KEYS} == {"rate", "almost sure limit"}


# Claim, the word of the assumption that is dropped, and a run that it then is false for.
FALSE = [
    (
        "bertsekas-tsitsiklis-2000",
        "alpha_t",
        "noisy-quadratic",
        "sgd",
        "constant:alpha=1",
        10_000,
        2,
    ),
    ("chen-2019-cor", "sqrt(t)", "huber-worst:N=1", "amsgrad", "inverse:alpha=0.01", 2_000, 1),
    ("chen-2019-cor", "method", "zhang-2022:n=20", "adam:beta1=0,beta2=0.2", "", 5_000, 2),
    ("shi-2021-large-beta2", "p C", "shi-2021", "rmsprop:beta2=0.5,eps=0", "", 5_000, 4),
    ("shi-2021-small-beta2", "p sqrt", "shi-2021:C=3", "rmsprop:beta2=0.99,eps=0", "", 10_000, 4),
    (
        "zhang-2022-large-beta2",
        "p C",
        "zhang-2022:order=independent",
        "adam:beta1=0,beta2=0.2,eps=0",
        "",
        5_000,
        4,
    ),
    (
        "zhang-2022-small-beta2",
        "p sqrt",
        "zhang-2022:n=3,order=independent",
        "adam:beta1=0,beta2=0.99,eps=0",
        "inverse-sqrt:alpha=1",
        20_000,
        2,
    ),
]


@pytest.mark.parametrize(("key", "word", "problem", "rule", "by", "steps", "seeds"), FALSE)
def test_without_its_assumption_a_limit_is_not_applicable_and_false(
    key, word, problem, rule, by, steps, seeds
):
    record = ran(problem, rule, by or "inverse-sqrt:alpha=0.3", steps, seeds)
    claim = claims.find(key)
    if "zhang" not in problem or "chen" not in key:
        verdict = judge(claim, record)
        assert verdict.word == "not applicable"
        assert word in verdict.reason
        assert judge(without(key, word), record).word == "disagrees"
    else:
        assert judge(replace(claim, assumptions=()), record).word == "disagrees"


def test_the_corollary_of_the_adam_paper_fails_with_its_theorem():
    key = "kingma-ba-2015-cor42"
    assert claims.find(key).assumptions == claims.find("kingma-ba-2015-thm41").assumptions
    adam = "adam:beta1=0,beta2=0.1,eps=0"
    record = ran("periodic-linear", adam, "inverse-sqrt:alpha=0.5", 10_000)
    verdict = judge(key, record)
    assert verdict.word == "disagrees"
    assert verdict.measured == pytest.approx(2 / 3, abs=0.02)


def mean_step(C, p, beta2, rounds=200_000):
    """Of RMSprop on slopes C and -1, minus the step size, and five standard errors of it."""
    draws = np.random.default_rng(7).random((rounds // 100, 100))
    v, sums = np.zeros(100), np.zeros(100)
    for t, row in enumerate(draws):
        g = np.where(row < p, C, -1.0)
        v = beta2 * v + (1 - beta2) * g * g
        if t >= rounds // 200:
            sums -= g / np.sqrt(v)
    sums /= rounds // 100 - rounds // 200
    return sums.mean(), 5 * sums.std(ddof=1) / 10


@pytest.mark.parametrize("C", [3, 4, 10, 20])
def test_the_conditions_of_the_phase_transition_have_the_mean_step_right(C):
    step = schedule.find("inverse-sqrt:alpha=1")
    sides = {}
    for beta2 in (0.2, 0.5, 0.8, 0.9, 0.97, 0.99, 0.993, 0.999):
        rule = rules.find(f"rmsprop:beta2={beta2},eps=0")
        experiment = Experiment(find(f"shi-2021:C={C}"), rule, step, 100)
        up, down = (
            not fails(experiment) for fails in (limits._mean_step_is_up, limits._mean_step_is_down)
        )
        assert not (up and down)
        sides[beta2] = up - down
        mean, error = mean_step(C, 1 / C, beta2)
        if up:
            assert mean > -error
        if down:
            assert mean < error
    # Near the ends the conditions are known to decide.
    assert sides[0.999] == -1
    assert sides[0.2] == (1 if C > 3 else 0)


def test_the_tangent_with_its_parabola_lies_above_the_inverse_root():
    for w in (1.5, 3.0, 10.9, 400.0):
        K = (1 - w**-0.5 - (w - 1) / (2 * w**1.5)) / (w - 1) ** 2
        u = np.geomspace(1, 1e5, 4_001)
        above = w**-0.5 - (u - w) / (2 * w**1.5) + K * (u - w) ** 2
        assert (above - u**-0.5 >= -1e-9 * above).all()


@pytest.mark.parametrize(
    ("key", "problem", "rule", "by", "named"),
    [
        ("bertsekas-tsitsiklis-2000", "heavy-tailed-noise", "sgd", "inverse:alpha=1", "sigma2"),
        ("bertsekas-tsitsiklis-2000", "noisy-quadratic", "heavy-ball", "inverse:alpha=1", "method"),
        ("bertsekas-tsitsiklis-2000", "noisy-quadratic", "sgd", "polynomial:alpha=1,power=0.5",
         "infinite"),
        ("chen-2019-cor", "rare-feature-logistic", "amsgrad", "inverse-sqrt:alpha=1",
         "away from 0"),
        ("chen-2019-cor", "noisy-quadratic", "amsgrad", "inverse-sqrt:alpha=1", "bounded"),
        ("chen-2019-cor", "star-convex-valley", "adam", "inverse-sqrt:alpha=1", "method"),
        ("shi-2021-large-beta2", "shi-2021:order=reshuffled", "rmsprop:eps=0",
         "inverse-sqrt:alpha=1", "order"),
        ("zhang-2022-small-beta2", "zhang-2022", "adam:eps=0", "inverse-sqrt:alpha=1", "order"),
        ("zhang-2022-large-beta2", "zhang-2022:order=independent", "adam:eps=0",
         "inverse-sqrt:alpha=1", "beta1"),
    ],
)  # fmt: skip
def test_a_claim_names_the_assumption_that_fails(key, problem, rule, by, named):
    verdict = judge(key, ran(problem, rule, by, 5, seeds=2))
    assert verdict.word == "not applicable"
    assert named in verdict.reason


def test_the_oscillation_of_the_weights_is_that_of_a_run_by_hand():
    beta2, v, before, total, change = 0.9, 0.0, 0.0, 0.0, 0.0
    for t in range(1, 1_001):
        g = 1010.0 if t % 101 == 1 else -10.0
        v = beta2 * v + (1 - beta2) * g * g
        weight = 0.5 / np.sqrt(t) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)
        change += abs(weight - before) * (t > 1)
        total, before = total + weight, weight
    verdict = judge(
        "chen-2019-monitor",
        ran("reddi-2018-online", "adam:beta1=0,beta2=0.9", "inverse-sqrt:alpha=0.5", 1_000),
    )
    assert verdict.measured == pytest.approx(change / total, rel=1e-9)


def test_the_monitor_tells_amsgrad_from_adam_and_wants_no_momentum():
    def word(rule):
        by = "inverse-sqrt:alpha=0.5"
        return judge("chen-2019-monitor", ran("reddi-2018-online", rule, by, 10_000)).word

    assert word("amsgrad:beta1=0,beta2=0.9") == "agrees"
    assert word("adam:beta1=0,beta2=0.9") == "disagrees"
    assert word("adam:beta2=0.9") == "not applicable"
