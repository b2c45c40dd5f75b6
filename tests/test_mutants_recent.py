"""Broken variants of the rules of the theorems since 2017, and the claims that notice.

As in `test_mutants`, whose tables these continue.
"""

import pytest
from test_mutants import Missed, Mutant, Run, listed, mutated, word

import convergence.rules

CAUGHT = {
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
