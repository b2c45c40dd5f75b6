"""The suite's own verdicts as tests: `pytest --pyargs convergence.suite`.

One test for each claim and each run that `verify` judges, named `test_claim[CLAIM-on-PROBLEM]`,
so that -k, -x, --lf, -n and JUnit reports work as with any tests. A claim that is expected to be
violated passes when it is: the failure of a theorem is then a fact like any other.
"""

from __future__ import annotations

from collections import Counter

import pytest

from convergence.case import Case
from convergence.verification import cases, judge_case

__all__ = ["test_claim"]

_CASES = cases(quick=False)


def _names() -> list[str]:
    """Claim and problem, and what tells cases of the same two apart."""
    short = [f"{claim}-on-{case.experiment.names.problem}" for claim, case in _CASES]
    often = Counter(short)
    names = []
    for name, (_, case) in zip(short, _CASES, strict=True):
        made = case.experiment
        parts = [made.method_name, str(made.steps), *map(str, case.options.values())]
        names.append(name if often[name] == 1 else f"{name}-by-{'-'.join(parts)}")
    return names


@pytest.mark.parametrize(("claim", "case"), _CASES, ids=_names())
def test_claim(claim: str, case: Case) -> None:
    """The verdict is the expected one."""
    outcome = judge_case(claim, case)
    assert outcome.as_expected, f"{outcome.verdict}; expected: {outcome.expected}"
