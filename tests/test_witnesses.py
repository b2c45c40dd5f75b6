"""The search for runs on which a claim comes close to its bound."""

import importlib.util
from pathlib import Path

import numpy as np

from convergence.case import table

HOME = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("witnesses", HOME / "benchmarks" / "witnesses.py")
witnesses = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(witnesses)

KEY = "zinkevich-2003-thm1"
(BEGIN,) = table("holds\nperiodic-linear:slopes=[3,-1],start=1 sgd inverse-sqrt:alpha=0.2 40")


def test_a_search_begins_with_the_claims_own_cases_and_goes_on_to_other_problems():
    begin = list(witnesses.starts(KEY, 100))
    assert begin[0].experiment.names.problem == "reddi-2018-thm1"
    assert max(case.experiment.steps for case in begin) == 100
    assert any(case.experiment.names.problem == "drifting-quadratics" for case in begin)


def test_changed_cases_are_cases_and_depend_on_the_seed_alone():
    rows = []
    for seed in (1, 1, 2):
        random, case = np.random.default_rng(seed), BEGIN
        for _ in range(50):
            case = witnesses.neighbour(case, random, 1000)
            assert case.experiment.steps <= 1000
        rows.append(witnesses.row(case))
    assert rows[0] == rows[1] != rows[2]
    assert witnesses.row(table(f"holds\n{rows[0]}")[0]) == rows[0]


def test_from_a_loose_case_changes_lead_to_closer_ones():
    random = np.random.default_rng(0)
    begin = best = witnesses.worth(witnesses.verdict_of(KEY, BEGIN))
    case = BEGIN
    for _ in range(60):
        trial = witnesses.neighbour(case, random, 100)
        found = witnesses.worth(witnesses.verdict_of(KEY, trial))
        assert found <= 1 + 1e-9
        if found > best:
            case, best = trial, found
    assert begin < 0.6 < 0.75 < best


def test_what_a_claim_does_not_speak_of_is_worth_nothing():
    (case,) = table("holds\nperiodic-hinge sgd inverse-sqrt:alpha=1 9")
    assert witnesses.worth(witnesses.verdict_of(KEY, case)) == 0
    (case,) = table("holds\nperiodic-linear:domain=[2,1] sgd inverse-sqrt:alpha=1 9")
    assert witnesses.worth(witnesses.verdict_of(KEY, case)) == 0
