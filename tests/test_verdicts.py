"""Judges attacked: true claims that they might call false, and false ones that they might pass.

Each section is one kind of fault, with an example and its siblings.
"""

from dataclasses import replace

import numpy as np
import pytest
from test_judges import made_up

from convergence.claims import catalogue, judge
from convergence.simulation import run
from convergence.verdict import SENSITIVE
from convergence.verification import Outcome, sensitivities, sensitivity_of, summary
from problems import draws
from problems import find as find_problem
from problems.domain import WholeSpace
from problems.problem import Outcomes, Problem, exact

# A finite run refutes neither a rate nor a limit

SHI = "shi-2021:C=3", "rmsprop:beta2=0.99,eps=0"
TRENDS = [
    ("bertsekas-tsitsiklis-2000", "noisy-quadratic", "sgd", "polynomial:alpha=1e-6,power=0.75"),
    ("bertsekas-tsitsiklis-2000", "noisy-quadratic", "sgd", "inverse:alpha=0.01"),
    ("bertsekas-tsitsiklis-2000", "quadratic", "sgd", "inverse:alpha=3000"),
    ("bertsekas-tsitsiklis-2000", "pl-sine", "sgd", "inverse:alpha=1e-6"),
    ("chen-2019-cor", "star-convex-valley", "amsgrad", "inverse-sqrt:alpha=0.01"),
    ("chen-2019-cor", "star-convex-valley", "adamnc", "inverse-sqrt:alpha=1e-5"),
    ("shi-2021-large-beta2", *SHI, "inverse-sqrt:alpha=0.003"),
    ("shi-2021-large-beta2", *SHI, "inverse-sqrt:alpha=1e-5"),
    (
        "zhang-2022-large-beta2",
        "zhang-2022:n=3,order=independent",
        "adam:beta1=0,beta2=0.99,eps=0",
        "inverse-sqrt:alpha=0.001",
    ),
]


@pytest.mark.parametrize(("claim", "problem", "rule", "schedule"), TRENDS)
def test_a_proved_limit_is_never_called_violated(claim, problem, rule, schedule):
    record = run(problem, rule, schedule, 2_000, seeds=4, measures=[])
    verdict = judge(claim, record)
    assert catalogue[claim]().status.startswith("proved")
    assert verdict.word in ("agrees", "disagrees", "unclear"), verdict.reason
    assert verdict.first_violation is None
    assert verdict.error_probability == 0


# Limits from samples, and what no sample has met


def drawn(values, probabilities, start=1.0, law=True):
    """x**2/2 with noise of finitely many values, whose law the problem states or keeps to itself.

    Stated or not, the mean is 0.
    """
    values, shares = np.array(values, float), np.array(probabilities, float)
    assert abs(values @ shares) < 1e-9
    ends = shares.cumsum()[:-1]
    return Problem(
        formula="x**2 / 2, with noise",
        domain=WholeSpace(),
        start=np.array([start]),
        loss_formula=lambda x, z: (x**2).sum(axis=-1) / 2 + z * x[..., 0],
        gradient_formula=lambda x, z: x + np.asarray(z)[..., None],
        objective_formula=lambda x: (x**2).sum(axis=-1) / 2,
        objective_gradient_formula=lambda x: x,
        samples=lambda rounds, seeds: values[
            np.searchsorted(ends, draws.uniform(seeds[None, :], rounds[:, None]), side="right")
        ],
        stochastic=True,
        outcomes=(lambda: Outcomes(values, shares)) if law else None,
        constants={"minimizer": exact([0.0]), "minimum": exact(0.0), "L": exact(1.0)},
    )


RARE = [1e4, -1e4, 0.0], [5e-6, 5e-6, 1 - 1e-5]


def without_noise(T):
    return 0.9 ** (2 * T)


@pytest.mark.parametrize("seeds", [64, 4_096])
def test_an_equality_is_not_called_violated_by_limits_that_are_too_narrow(seeds):
    """E x**2 = .52**T: few seeds carry most of the mean, so that samples lie far below it."""
    problem = "multiplicative-noise:tau=1,kappa=1,dimension=1"
    record = run(problem, "sgd", "constant:alpha=0.4", 40, seeds=seeds, measures=[])
    for sense in ("at least", "at most"):
        claim = made_up(lambda T: 0.52**T, "distance_square", kind="in expectation", sense=sense)
        verdict = judge(claim, record)
        assert verdict.word != "violated", verdict.reason


def test_a_rare_event_that_no_seed_has_met_lets_no_false_claim_hold():
    """Without its law the noise is not seen, with it the expectation is exact: 333 at T = 10."""
    claim = made_up(without_noise, "distance_square", kind="in expectation")
    unseen = run(drawn(*RARE, law=False), "sgd", "constant:alpha=0.1", 10, seeds=64, measures=[])
    verdict = judge(claim, unseen)
    assert verdict.word == "inconclusive"
    assert "same distance square" in verdict.reason


@pytest.mark.parametrize("share", [1e-2, 1e-3])
def test_what_few_seeds_have_met_refutes_nothing(share):
    noise = [1 / share, -1.0 / (1 - share)], [share, 1 - share]
    record = run(drawn(*noise, law=False), "sgd", "constant:alpha=0.1", 20, seeds=32, measures=[])

    def times(factor):
        return lambda T: factor * (0.81**T + 0.01 / share * T)

    for factor in (0.1, 0.5, 1.0):
        claim = made_up(times(factor), "distance_square", kind="in expectation")
        verdict = judge(claim, record)
        assert verdict.word != "violated"
        assert verdict.evidence in ("asymptotic", "none")
        assert verdict.error_probability == 0


def test_heavy_tails_refute_nothing():
    record = run("heavy-tailed-noise", "sgd", "constant:alpha=0.1", 30, seeds=64, measures=[])
    claim = made_up(lambda T: 1e-3 + 0 * T, "distance_square", kind="in expectation")
    verdict = judge(claim, record)
    assert verdict.word == "inconclusive"
    assert "refute nothing" in verdict.reason or "do not decide" in verdict.reason


def test_guaranteed_limits_refute_a_false_bound():
    record = run("random-signs", "sgd", "constant:alpha=0.1", 100, seeds=64, measures=[])
    claim = made_up(lambda T: 0.01 + 0 * T, "average_regret", kind="in expectation")
    verdict = judge(claim, record)
    assert (verdict.word, verdict.evidence) == ("violated", "guaranteed")
    assert 0 < verdict.error_probability < 1e-9


# Divergence


@pytest.mark.parametrize(("steps", "seeds"), [(2_000, 20), (4_000, 8)])
def test_runs_that_all_diverge_break_a_finite_bound(steps, seeds):
    record = run("noisy-quadratic", "sgd", "constant:alpha=3", steps, seeds=seeds, measures=[])
    assert record.end.startswith("all diverged") or "diverged" in record.end
    claim = made_up(lambda T: 1e100 + 0 * T, "suboptimality", kind="in expectation")
    verdict = judge(claim, record)
    assert (verdict.word, verdict.evidence) == ("violated", "guaranteed")
    assert f"{seeds} of {seeds} runs are no longer finite" in verdict.reason


def test_runs_that_diverge_meet_a_bound_from_below():
    record = run("noisy-quadratic", "sgd", "constant:alpha=3", 2_000, seeds=20, measures=[])
    claim = made_up(lambda T: 1 + 0 * T, "distance", kind="in expectation", sense="at least")
    assert judge(claim, record).word != "violated"


# Labels that enter the figure or the bound


def lying(key, **labels):
    problem = find_problem(key)
    stated = {name: exact(value) for name, value in labels.items()}
    return replace(problem, constants={**problem.constants, **stated})


BOWL = "quadratic:kappa=10,dimension=2"


@pytest.mark.parametrize(
    ("key", "labels", "claim", "rule", "schedule"),
    [
        (BOWL, {"minimizer": np.array([0.5, 0.0])}, "gd-strongly-convex-distance",
         "sgd", "inverse-smoothness"),
        (BOWL, {"minimizer": np.array([0.01, 0.0])}, "drori-teboulle-2014-gd",
         "sgd", "inverse-smoothness"),
        ("absolute-value", {"minimizer": np.array([0.3])}, "subgradient-constant-step",
         "sgd", "constant:alpha=0.1"),
        ("breast-cancer-logistic", {"minimum": 0.0}, "karimi-2016-pl", "sgd", "inverse-smoothness"),
    ],
)  # fmt: skip
def test_a_wrong_minimizer_or_minimum_makes_a_theorem_not_applicable(
    key, labels, claim, rule, schedule
):
    honest = judge(claim, run(key, rule, schedule, 100, measures=[]))
    assert honest.holds, honest.reason
    verdict = judge(claim, run(lying(key, **labels), rule, schedule, 100, measures=[]))
    assert verdict.word == "not applicable"
    assert "minimizer" in verdict.reason


def test_a_minimum_that_no_known_point_attains_calls_nothing_violated():
    problem = find_problem("pl-sine")
    constants = {k: v for k, v in problem.constants.items() if k != "minimizer"}
    falls = made_up(lambda T, D0: D0 * 0.9**T, "suboptimality")
    honest = run(problem, "sgd", "inverse-smoothness", 200, measures=[])
    assert judge(falls, honest).holds
    low = replace(problem, constants={**constants, "minimum": exact(-1.0)})
    verdict = judge(falls, run(low, "sgd", "inverse-smoothness", 200, measures=[]))
    assert verdict.word == "inconclusive"
    assert "no point is known" in verdict.reason
    # A bound that is false is still called so.
    still = run(
        replace(problem, constants=constants), "sgd", "constant:alpha=1e-9", 99, measures=[]
    )
    assert judge(falls, still).word == "violated"


@pytest.mark.parametrize("law", [True, False])
def test_a_biased_oracle_calls_nothing_violated(law):
    problem = drawn([1.0, -1.0], [0.5, 0.5], law=law)
    biased = replace(
        problem,
        gradient_formula=lambda x, z: x + np.asarray(z)[..., None] - 1.0,
        constants={**problem.constants, "sigma2": exact(1.0), "mu": exact(1.0)},
    )
    record = run(biased, "sgd", "constant:alpha=0.5", 30, seeds=256, measures=[])
    verdict = judge("sgd-mean-square", record)
    assert verdict.word in ("not applicable", "inconclusive")


# Vacuous, and no better than standing still


def test_a_bound_that_standing_still_meets_can_be_violated_and_is_no_void():
    """Gradient descent never moves away from the minimiser."""
    stays = made_up(lambda T, R0: R0 + 0 * T, "distance")
    record = run("quadratic:kappa=100", "sgd", "inverse-smoothness", 100, measures=[])
    verdict = judge(stays, record)
    assert verdict.holds
    assert verdict.speaks_from == 1
    assert verdict.beats_standing_still_from is None
    assert "stays at the start would meet the bound" in verdict.reason
    away = run("quadratic:kappa=100", "sgd", "inverse-smoothness:h=2.5", 100, measures=[])
    assert judge(stays, away).word == "violated"


def test_what_the_constants_imply_is_vacuous():
    record = run("absolute-value", "sgd", "constant:alpha=0.1", 50, measures=[])
    steep = made_up(lambda T, G: G + 0 * T, "stationarity_gap")
    verdict = judge(steep, record)
    assert verdict.word == "vacuous"
    assert "stated constants imply" in verdict.reason
    assert verdict.evidence == "none"
    # Not implied, as they say nothing of how far a run may go.
    far = made_up(lambda T: 1e9 + 0 * T, "distance")
    assert judge(far, record).holds


# Sensitivity


def test_a_claim_that_a_smaller_bound_would_pass_as_well_is_not_sensitive():
    record = run("quadratic:kappa=100", "sgd", "inverse-smoothness", 200, measures=[])
    figure = run("quadratic:kappa=100", "sgd", "inverse-smoothness", 1)["suboptimality"][0, 0]

    def times(factor):
        return lambda T: factor * figure + 0 * T

    for factor, word in ((1.0, "holds"), (1.9, "holds"), (2.1, "holds, not sensitive")):
        verdict = judge(made_up(times(factor), "suboptimality"), record)
        assert verdict.word == word
        assert verdict.sensitivity == pytest.approx(factor)
    assert SENSITIVE == 2


def test_the_summary_counts_words_evidence_and_sensitivity():
    record = run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 9, measures=[])
    outcomes = [
        Outcome(judge(key, record), "holds")
        for key in ("drori-teboulle-2014-gd", "gd-strongly-convex", "gd-diverges")
    ]
    text = summary(outcomes)
    assert "3 verdicts: 1 holds; 1 holds, not sensitive; 1 not applicable" in text
    assert "evidence: 2 exact, 1 none" in text
    assert "2 claims hold somewhere, of which 1 would not notice" in text
    assert "drori-teboulle-2014-gd" in text
    assert set(sensitivities(outcomes)) == {"drori-teboulle-2014-gd", "gd-strongly-convex"}
    assert sensitivity_of(outcomes[:1]) == "not sensitive: no smaller bound is contradicted"
    assert sensitivity_of(outcomes[2:]) == ""
