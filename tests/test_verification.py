"""`verify` by pattern, as a JUnit report and as tests of pytest."""

import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from convergence import suite
from convergence.claim import Case
from convergence.verification import cases, judge_case, junit, verify
from problems.notation import InputError


def test_a_pattern_keeps_cases_by_claim_rule_or_problem():
    assert {claim for claim, _ in cases(only="zinkevich*")} == {"zinkevich-2003-thm1"}
    assert {case.rule.partition(":")[0] for _, case in cases(only="amsgrad")} == {"amsgrad"}
    by_problem = cases(only="pl-sine")
    assert by_problem
    assert {case.problem for _, case in by_problem} == {"pl-sine"}
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
    assert len(set(names)) == len(names) == len(cases())
    assert all("-on-" in name for name in names)
    case = Case("pl-sine", "sgd", "inverse-smoothness", 20, "violated")
    with pytest.raises(AssertionError, match="expected: violated"):
        suite.test_claim("karimi-2016-pl", case)
    suite.test_claim("karimi-2016-pl", replace(case, expected="holds"))
    assert judge_case("karimi-2016-pl", case).verdict.word == "holds"


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
