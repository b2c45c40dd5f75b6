"""`verify` by pattern, as a JUnit report and as tests of pytest."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from convergence import suite
from convergence.claim import Case, catalogue
from convergence.simulation import run
from convergence.verdict import judge
from convergence.verification import cases, judge_case, junit, verify
from problems.notation import InputError


def test_a_pattern_keeps_cases_by_claim_rule_or_problem():
    assert {claim for claim, _ in cases(only="zinkevich*")} == {"zinkevich-2003-thm1"}
    assert {case.rule.partition(":")[0] for _, case in cases(only="amsgrad")} == {"amsgrad"}
    by_problem = cases(only="pl-sine")
    assert by_problem
    assert {case.problem.partition(":")[0] for _, case in by_problem} == {"pl-sine"}
    assert len(cases()) > len(by_problem)
    with pytest.raises(InputError, match="only='nothing\\*'"):
        cases(only="nothing*")


def test_a_junit_report_has_a_failure_for_what_is_unexpected():
    outcomes = verify(["zinkevich-2003-thm1"], workers=1)
    wrong = replace(outcomes[0], expected="violated")
    report = ElementTree.fromstring(junit([wrong, *outcomes[1:]]))
    assert report.get("tests") == str(len(outcomes))
    assert report.get("failures") == "1"
    failed = [case for case in report if case.find("failure") is not None]
    assert [case.get("classname") for case in failed] == ["zinkevich-2003-thm1"]
    assert "expected: violated" in failed[0].find("failure").get("message")


def test_the_suite_of_pytest_has_one_test_for_each_case():
    names = suite._names()
    assert len(set(names)) == len(names) == len(cases(quick=False)) > 1000
    assert all("-on-" in name for name in names)
    case = Case("pl-sine", "sgd", "inverse-smoothness", 20, "violated")
    with pytest.raises(AssertionError, match="expected: violated"):
        suite.test_claim("karimi-2016-pl", case)
    suite.test_claim("karimi-2016-pl", replace(case, expected="holds"))
    assert judge_case("karimi-2016-pl", case).verdict.word == "holds"


FURTHER = [job for job in cases(quick=False) if job[1].expected == "not violated"]


@pytest.mark.parametrize("job", FURTHER, ids=[f"{c}-on-{x.problem}" for c, x in FURTHER])
def test_a_true_theorem_is_violated_on_no_problem_to_which_it_applies(job):
    outcome = judge_case(*job)
    assert outcome.as_expected, str(outcome.verdict)


def test_a_false_theorem_is_violated_on_further_problems():
    entry = catalogue["drori-teboulle-2014-gd"]
    bound = entry.function
    third = replace(entry, function=lambda T, L, R0, alpha: bound(T, L, R0, alpha) / 3)
    claim = replace(entry(), entry=third)
    problems = ("huber-worst", "nesterov-worst-smooth", "diabetes-ridge")
    records = [run(problem, "sgd", "inverse-smoothness", 10) for problem in problems]
    assert "violated" in {judge(claim, record).word for record in records}


def test_the_suite_runs_by_its_package_name(tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--pyargs", "convergence.suite", "-k", "karimi"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


HOME = Path(__file__).resolve().parent.parent


def own(folder, monkeypatch, text):
    monkeypatch.chdir(folder)
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return verify(["mine.py"], quick=True, workers=1)


def test_the_page_on_claims_of_ones_own_says_what_happens(tmp_path, monkeypatch):
    page = (HOME / "docs" / "your-own-claims.md").read_text(encoding="utf-8")
    outcomes = own(tmp_path, monkeypatch, page.split("```python\n")[1].split("```")[0])
    assert [outcome.verdict.word for outcome in outcomes] == ["holds", "violated"]
    assert str(outcomes[1].verdict) in " ".join(page.split())
    assert outcomes[1].verdict.claim == "mine.py"


CLAIM = """
from convergence.claim import Case, claim
@claim(measure={measure!r}, assumes=[{assumes}],
       cases=[Case("reddi-2018-thm1", "sgd", "inverse-sqrt:alpha=1", 50, "holds")])
def mine(T{letters}):
    "A claim."
    return {bound}
"""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"bound": "0 * T / 0"}, "not a number"),
        ({"bound": "5 - T"}, "-1 at step 6: a bound on regret must not be negative"),
        ({"measure": "regrets"}, "'regrets', which is no measure; did you mean regret"),
        ({"assumes": "'convex'"}, "assumes 'convex', which is no Assumption"),
        ({"letters": ", Lip"}, "asks for 'Lip'"),
        ({"bound": "T +"}, "line 7"),
    ],
)
def test_a_bad_claim_is_one_sentence(tmp_path, monkeypatch, changes, named):
    facts = {"measure": "regret", "assumes": "", "letters": "", "bound": "100 * T", **changes}
    with pytest.raises(InputError) as refused:
        own(tmp_path, monkeypatch, CLAIM.format(**facts))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_claim_of_ones_own_is_judged_by_several_workers(tmp_path, monkeypatch):
    facts = {"measure": "regret", "assumes": "", "letters": "", "bound": "2 * T + 5"}
    own(tmp_path, monkeypatch, CLAIM.format(**facts) + CLAIM.format(**facts).replace("mine", "two"))
    outcomes = verify(["mine.py"], quick=True, workers=2)
    assert [o.verdict.claim for o in outcomes] == ["mine.py::mine", "mine.py::two"]
    assert [str(o.verdict) for o in outcomes if not o.as_expected] == []
