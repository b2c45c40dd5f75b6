"""Broken variants of the rules of the theorems since 2017, and the claims that notice.

As in `test_mutants`, whose tables these continue.
"""

from dataclasses import replace

import numpy as np
import pytest
from test_mutants import Missed, Mutant, Run, listed, mutated, word

import convergence.rules
from convergence.claims import catalogue, judge
from convergence.schedule import find as find_schedule
from convergence.simulation import run

_POINT = Run("quadratic:kappa=1,dimension=1", "polyak-step", "constant:alpha=1", 40)
_RESISTING = Run("resisting-maximum:N=24", "polyak-step", "constant:alpha=1", 60)

_FLAT = Run("huber-worst:N=1", "normalized-momentum:beta1=0.5", "constant:alpha=0.01", 200)
_MUON = Run(
    "matrix-quadratic",
    "muon:beta1=0,nesterov=false,orthogonalization=polar,scale=none",
    "constant:alpha=0.05",
    100,
)

CAUGHT = {
    "normalized-momentum": [
        Mutant(
            "not normalised",
            "normalized_momentum",
            "ratio(m, norm(m))",
            "m",
            "cutkosky-mehta-2020",
            _FLAT,
        ),
        Mutant(
            "the gradient by the length of the momentum",
            "normalized_momentum",
            "ratio(m, norm(m))",
            "ratio(g, norm(m))",
            "cutkosky-mehta-2020",
            _FLAT,
        ),
        Mutant(
            "something is added to the norm",
            "normalized_momentum",
            "norm(m))",
            "norm(m) + 1)",
            "cutkosky-mehta-2020",
            _FLAT,
        ),
        Mutant(
            "nothing is forgotten",
            "normalized_momentum",
            "beta1 * m + (1 - beta1) * g",
            "m + g",
            "cutkosky-mehta-2020",
            _FLAT,
        ),
    ],
    "muon": [
        Mutant(
            "climbs",
            "muon",
            "direction = polar(moved)",
            "direction = -polar(moved)",
            "cutkosky-mehta-2020-muon",
            _MUON,
        ),
        Mutant(
            "not orthogonalised",
            "muon",
            "direction = polar(moved)",
            "direction = moved",
            "cutkosky-mehta-2020-muon",
            _MUON,
        ),
        Mutant(
            "the Frobenius norm for the spectral one",
            "muon",
            "direction = polar(moved)",
            'direction = ratio(moved, norm_along(moved, "block"))',
            "cutkosky-mehta-2020-muon",
            _MUON,
        ),
        Mutant(
            "nothing is forgotten",
            "muon",
            "u = beta1 * u + g",
            "u = u + g",
            "cutkosky-mehta-2020-muon",
            _MUON,
        ),
    ],
    "signum": [
        Mutant(
            "the average itself",
            "signum",
            "return sign(m), m",
            "return m, m",
            "cutkosky-mehta-2020-signum",
            Run("huber-worst:N=1", "signum:beta1=0.5", "constant:alpha=0.01", 200),
        ),
    ],
    "polyak-step": [
        Mutant(
            "the norm is not squared",
            "polyak_step",
            "(size * size)",
            "size",
            "polyak-1969-smooth",
            _POINT,
        ),
        Mutant(
            "half of the step",
            "polyak_step",
            "(size * size)",
            "(2 * size * size)",
            "polyak-1969-strongly-convex",
            _POINT,
        ),
        Mutant(
            "the minimum is left out",
            "polyak_step",
            "(loss - minimum)",
            "loss",
            "polyak-1969-lipschitz",
            _RESISTING,
        ),
        Mutant(
            "twice the step",
            "polyak_step",
            "(loss - minimum)",
            "2 * (loss - minimum)",
            "polyak-1969-lipschitz",
            _RESISTING,
        ),
    ],
    "schedule-free": [
        Mutant(
            "the average is one round late",
            "schedule_free",
            "share = 1 / (t + 1)",
            "share = 1 / (t + 2)",
            "defazio-2024-schedule-free",
            Run("absolute-value", "schedule-free", "constant:alpha=1/64", 63),
        ),
        Mutant(
            "the moved points climb",
            "schedule_free",
            "u = u + step_size * g",
            "u = u - step_size * g",
            "defazio-2024-schedule-free",
            Run("absolute-value", "schedule-free", "constant:alpha=1/64", 63),
        ),
        Mutant(
            "the distance to the moved point is not shortened",
            "schedule_free",
            "rest = (1 - share) * u",
            "rest = u",
            "defazio-2024-schedule-free",
            Run("resisting-maximum:N=24", "schedule-free", "constant:alpha=0.2", 30),
        ),
        Mutant(
            "gradients are taken beyond the average",
            "schedule_free",
            "next_x - (1 - interpolation)",
            "next_x + (1 - interpolation)",
            "defazio-2024-schedule-free",
            Run("absolute-value", "schedule-free:interpolation=0", "constant:alpha=0.1", 40),
        ),
    ],
}

NOT_CAUGHT = {
    "normalized-momentum": [
        Missed(
            "1 - beta1 is left out",
            "normalized_momentum",
            "(1 - beta1) * g",
            "g",
            "normalized-momentum",
            "the direction is the same",
        ),
    ],
    "schedule-free": [
        Missed(
            "the start is left out of the average",
            "schedule_free",
            "share = 1 / (t + 1)",
            "share = 1 / t",
            "schedule-free",
            "its worst case passes the bound (1.25 at T = 1, 1.04 at 3); no problem here is one",
        ),
        Missed(
            "weights exchanged",
            "schedule_free",
            "(1 - interpolation) * rest",
            "interpolation * rest",
            "schedule-free",
            "it is the method of another interpolation, and the bound is the same for all",
        ),
    ],
}


@pytest.mark.parametrize(("key", "mutant"), listed(CAUGHT))
def test_a_mutant_is_caught_by_a_claim_that_holds_for_the_rule(key, mutant):
    assert word(mutant.claim, mutant.run, mutant.run.rule) == "holds"
    assert word(mutant.claim, mutant.run, mutated(key, mutant, mutant.run.rule)) == "violated"


@pytest.mark.parametrize(("key", "mutant"), listed(NOT_CAUGHT))
def test_a_mutant_that_no_claim_catches_is_another_rule(key, mutant):
    made = mutated(key, mutant, mutant.rule)
    assert made.formula() != convergence.rules.find(mutant.rule).formula()
    assert mutant.reason


# Step sizes

SCHEDULES = {
    "linear decay that ends too early": (
        lambda t, horizon, *, alpha: alpha * np.maximum(1 - 2 * (t - 1) / horizon, 1e-9),
        "zamani-glineur-2023",
        Run("absolute-value", "sgd", "linear-decay:alpha=63/4096", 63),
    ),
    "linear decay that does not fall": (
        lambda t, horizon, *, alpha: alpha + 0 * t,
        "zamani-glineur-2023",
        Run("absolute-value", "sgd", "linear-decay:alpha=0.34", 16),
    ),
    "silver steps that are all short": (
        lambda t, L, *, h: 2**0.5 * h / L + 0 * t,
        "altschuler-parrilo-2023-silver",
        # Straight for 255 silver steps, and for longer if they are short.
        Run("huber-worst:N=1154,h=0.999133", "sgd", "silver", 1023),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_broken_schedule_is_caught_by_a_claim_that_holds_for_the_right_one(name):
    function, claim, how = SCHEDULES[name]
    right = find_schedule(how.schedule)
    wrong = replace(right, entry=replace(right.entry, function=function))
    record = run(how.problem, how.rule, wrong, how.steps, measures=[])
    # The claim must not be told: it asks the schedule for its step sizes.
    blind = replace(catalogue[claim](), assumptions=())
    assert word(claim, how, how.rule) == "holds"
    assert judge(blind, record).word == "violated"
