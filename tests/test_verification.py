"""`verify` by pattern, from its store, as a JUnit report and as tests of pytest."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import convergence
from convergence import sources, store, suite, verification
from convergence.case import Case
from convergence.claim import catalogue
from convergence.experiment import Experiment
from convergence.judges import judge
from convergence.simulation import run
from convergence.verification import (
    by_claim,
    cases,
    judge_case,
    junit,
    not_contradicted,
    options_of,
    summary,
    verify,
)
from problems.notation import InputError


def test_a_pattern_keeps_cases_by_claim_rule_or_problem():
    assert {claim for claim, _ in cases(only="zinkevich*")} == {"zinkevich-2003-thm1"}
    assert {
        case.experiment.names.optimizer.partition(":")[0] for _, case in cases(only="amsgrad")
    } == {"amsgrad"}
    by_problem = cases(only="pl-sine")
    assert by_problem
    assert {case.experiment.names.problem.partition(":")[0] for _, case in by_problem} == {
        "pl-sine"
    }
    assert len(cases()) > len(by_problem)
    with pytest.raises(InputError, match="only='nothing\\*'"):
        cases(only="nothing*")


@pytest.mark.slow
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
    case = Case(Experiment("pl-sine", "sgd", "inverse-smoothness", 20), "violated")
    with pytest.raises(AssertionError, match="expected: violated"):
        suite.test_claim("karimi-2016-pl", case)
    suite.test_claim("karimi-2016-pl", replace(case, expected="holds"))
    assert judge_case("karimi-2016-pl", case).verdict.holds


FURTHER = [job for job in cases(quick=False) if job[1].expected == "not violated"]


# One in fifteen is quick: of nearly every claim one at least.
@pytest.mark.parametrize(
    "job",
    [
        pytest.param(
            job,
            id=f"{job[0]}-on-{job[1].experiment.names.problem}",
            marks=[pytest.mark.slow] if place % 15 else [],
        )
        for place, job in enumerate(FURTHER)
    ],
)
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


@pytest.mark.slow
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
    words = [outcome.verdict.word for outcome in outcomes]
    assert words == ["holds, not sensitive", "violated"]
    assert str(outcomes[1].verdict) in " ".join(page.split())
    assert outcomes[1].verdict.claim == "mine.py"


CLAIM = """
from convergence.claim import claim
@claim(measure={measure!r}, assumes=[{assumes}],
       cases='''holds
           reddi-2018-thm1  sgd  inverse-sqrt:alpha=1  50''')
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
        ({"bound": "T +"}, "line 8"),
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


# The store


def stored(outcomes):
    return [outcome.from_store for outcome in outcomes]


CLAIMS = ["karimi-2016-pl", "kingma-ba-2015-thm41"]


@pytest.mark.slow
def test_a_second_call_takes_every_verdict_from_the_store_and_fresh_none():
    first = verify(CLAIMS, quick=True, workers=1)
    assert not any(stored(first))
    calls = []
    second = verify(CLAIMS, quick=True, workers=1, progress=lambda *done: calls.append(done))
    assert all(stored(second))
    assert calls == []
    assert second == first
    assert [o.to_json() for o in second] == [o.to_json() for o in first]
    fresh = verify(CLAIMS, quick=True, workers=1, fresh=True)
    assert not any(stored(fresh))
    assert fresh == first


@pytest.mark.slow
def test_workers_and_what_was_stored_make_no_difference(store_folder):
    one = verify(CLAIMS, quick=True, workers=1)
    for file in sorted(store_folder.iterdir())[::2]:
        file.unlink()
    two = verify(CLAIMS, quick=True, workers=2)
    assert 0 < sum(stored(two)) < len(two)
    assert two == one


def test_damaged_files_are_judged_again(store_folder):
    first = verify(["karimi-2016-pl"], quick=True, workers=1)
    for number, file in enumerate(sorted(store_folder.iterdir())):
        text = file.read_bytes()
        file.write_bytes(text[: len(text) // 2] if number % 2 else b"nonsense")
    again = verify(["karimi-2016-pl"], quick=True, workers=1)
    assert not any(stored(again))
    assert again == first
    assert all(stored(verify(["karimi-2016-pl"], quick=True, workers=1)))


def test_verify_works_where_nothing_can_be_stored(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVERGENCE_STORE", str(tmp_path / "file"))
    for _ in range(2):
        with pytest.warns(UserWarning, match="nothing is stored") as warned:
            outcomes = verify(["karimi-2016-pl"], quick=True, workers=1)
        assert len(warned) == 1
        assert not any(stored(outcomes))


def test_a_full_disk_is_told_once_and_costs_no_verdict(monkeypatch):
    def full(store, key, value):
        raise InputError("cannot write 'it': No space left on device")

    monkeypatch.setattr(store.Store, "put", full)
    with pytest.warns(UserWarning, match="not stored: .*No space left") as warned:
        outcomes = verify(["karimi-2016-pl"], quick=True, workers=1)
    assert len(warned) == 1
    assert all(outcome.as_expected for outcome in outcomes)


def test_a_process_that_runs_older_sources_leaves_the_store_alone(monkeypatch, store_folder):
    monkeypatch.setattr(convergence, "IMPORTED_AT", 0.0)
    for _ in range(2):
        assert not any(stored(verify(["karimi-2016-pl"], quick=True, workers=1)))
    assert list(store_folder.iterdir()) == []


def test_an_expectation_is_not_part_of_what_is_stored(tmp_path, monkeypatch):
    claim, case = cases(["karimi-2016-pl"])[0]

    def other(**parts):
        return replace(case, experiment=case.experiment.changed(**parts))

    keys = {verification._key(claim, replace(case, expected=word)) for word in ("holds", "vacuous")}
    others = [
        other(problem="quadratic"),
        other(optimizer="heavy-ball"),
        other(schedule="constant:alpha=0.1"),
        other(steps=case.experiment.steps + 1),
        other(seeds=len(case.experiment.seeds) + 1),
        replace(case, options={"third_term": "dropped"}),
    ]
    keys |= {verification._key(claim, other) for other in others}
    keys.add(verification._key("zinkevich-2003-thm1", case))
    assert None not in keys
    assert len(keys) == 8


def test_a_version_is_part_of_the_key(monkeypatch):
    job = cases(["karimi-2016-pl"])[0]
    before = verification._key(*job)
    monkeypatch.setattr(sources, "environment", lambda: {"numpy": "0"})
    assert verification._key(*job) != before


def test_what_was_registered_in_a_running_python_is_not_stored(monkeypatch):
    entry = catalogue["karimi-2016-pl"]
    bound = entry.function

    def other(T, mu_pl, L, D0):
        return bound(T, mu_pl, L, D0)

    monkeypatch.setitem(catalogue._entries, entry.key, replace(entry, function=other))
    assert verification._key(*cases(["karimi-2016-pl"])[0]) is None


def test_a_data_file_is_part_of_the_key(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("x,y\n1,2\n")
    problem = f"csv-least-squares:path='{data}',target=y"
    case = Case(Experiment(problem, "sgd", "inverse-smoothness", 5), "holds")
    before = verification._key("karimi-2016-pl", case)
    assert before == verification._key("karimi-2016-pl", case)
    data.write_text("x,y\n1,3\n4,5\n")
    assert verification._key("karimi-2016-pl", case) != before


# Nobody's own problem or claim depends on more than its file and the neighbours it imports.
NEIGHBOURS = {
    "mine.py": CLAIM.format(
        measure="regret", assumes="", letters="", bound="factor() * T + 5"
    ).replace("from", "from middle import factor\nfrom", 1),
    "middle.py": "from deep import FACTOR\ndef factor():\n    return FACTOR\n",
    "deep.py": "FACTOR = 2\n",
}


def test_an_edited_file_of_ones_own_or_a_neighbour_is_judged_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in NEIGHBOURS.items():
        (tmp_path / name).write_text(text)

    def words():
        outcomes = verify(["mine.py"], quick=True, workers=1)
        return [(outcome.verdict.word, outcome.from_store) for outcome in outcomes]

    assert words() == [("holds", False)]
    assert words() == [("holds", True)]
    (tmp_path / "deep.py").write_text("FACTOR = 1 / 100\n")
    assert words() == [("violated", False)]
    (tmp_path / "mine.py").write_text(NEIGHBOURS["mine.py"].replace("+ 5", "+ 500_000"))
    assert words() == [("vacuous", False)]
    assert words() == [("vacuous", True)]


HALF = """
import problems

@problems.problem()
def half(*, factor: float = 1.0):
    "A parabola."
    return problems.Problem(
        formula="f(x) = x**2 / 2", domain=problems.WholeSpace(), start=[1.0], scalar=True,
        loss_formula=lambda x, sample: factor * x * x / 2,
        gradient_formula=lambda x, sample: factor * x,
        constants={"L": problems.exact(factor), "minimum": problems.exact(0.0)},
    )
"""


def test_a_problem_made_of_ones_own_is_judged_again_when_that_is_edited(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(HALF)

    def key(problem):
        case = Case(Experiment(problem, "sgd", "constant:alpha=1", 10), "holds")
        return verification._key("gd-nonconvex-min", case)

    inside = [
        "diagonal-lift:problem=half.py",
        "diagonal-lift:problem='half.py:factor=1/2'",
        "diagonal-lift:problem='half.py::half'",
    ]
    before = {problem: key(problem) for problem in inside}
    assert None not in before.values()
    assert len(set(before.values())) == 3
    (tmp_path / "half.py").write_text(HALF.replace("x * x / 2,", "x * x / 2 + 1,"))
    after = {problem: key(problem) for problem in inside}
    assert not set(after.values()) & set(before.values())
    # What is registered in a running Python only is not stored.
    assert key("diagonal-lift:problem=unknown") is None


CODE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored
from convergence.command import main
sys.argv[0] = "convergence"
main()
"""


def command(folder, *words, sources=None, **settings):
    """Start the command line in a folder, with the suite's sources from another if need be."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    if sources is not None:
        environment["PYTHONPATH"] = str(sources)
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def said(process, status=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, out + err
    return out, err


def from_store(text):
    return int(re.search(r"(\d+) from the store", text)[1])


EDITS = {
    "the rule": (
        "convergence/rules/gradient.py",
        "return (with_coupled_decay(g, x, weight_decay),)",
        "return (-with_coupled_decay(g, x, weight_decay),)",
    ),
    "a callee of a callee": (
        "convergence/engines/lowering.py",
        "moved = x - displacement",
        "moved = x + displacement",
    ),
}
#: Edits after which every verdict is as valid as before.
IDLE = {
    "the bibliography": ("problems/references.bib", "@", "% edited\n@"),
    "the help": ("convergence/command.py", "Show, check and cite", "Cite, check and show"),
    "a docstring": ("convergence/simulation.py", '"""A run in progress', '"""Once more: a run'),
    "a comment": ("convergence/simulation.py", "# Advancing", "# Advancing, edited"),
    "another family of problems": ("problems/saddles.py", "\n\n\n", "\n\nEDITED = 1\n\n\n"),
    "another family of claims": ("convergence/claims/online.py", "\n\n\n", "\n\nEDITED = 1\n\n\n"),
    "a figure": ("reports/figures.py", "\n\n\n", "\n\nEDITED = 1\n\n\n"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the suite that may be edited."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("problems", "convergence", "reports"):
        shutil.copytree(
            HOME / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


@contextmanager
def edited(copied, name, old, new):
    source = (copied / name).read_text(encoding="utf-8")
    assert old in source
    try:
        (copied / name).write_text(source.replace(old, new, 1), encoding="utf-8")
        yield
    finally:
        (copied / name).write_text(source, encoding="utf-8")


JUDGED = ("verify", "drori-teboulle-2014-gd", "--quick", "--workers", "1")


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_source_is_judged_again(tmp_path, copied, edit):
    first, _ = said(command(tmp_path, *JUDGED, sources=copied))
    assert from_store(first) == 0
    second, _ = said(command(tmp_path, *JUDGED, sources=copied))
    assert from_store(second) == len(cases(["drori-teboulle-2014-gd"]))
    with edited(copied, *EDITS[edit]):
        out, _ = said(command(tmp_path, *JUDGED, sources=copied), status=1)
        assert from_store(out) == 0
        assert "UNEXPECTED" in out
    back, _ = said(command(tmp_path, *JUDGED, sources=copied))
    assert back == second


@pytest.mark.slow
def test_what_a_verdict_does_not_depend_on_may_be_edited(tmp_path, copied):
    said(command(tmp_path, *JUDGED, sources=copied))
    with ExitStack() as stack:
        for edit in IDLE.values():
            stack.enter_context(edited(copied, *edit))
        out, _ = said(command(tmp_path, *JUDGED, sources=copied))
    assert from_store(out) == len(cases(["drori-teboulle-2014-gd"]))


@pytest.mark.slow
def test_two_commands_at_once_judge_each_case_once(tmp_path):
    words = ("verify", "--only", "adam", "--quick", "--workers", "1")
    both = [command(tmp_path, *words) for _ in range(2)]
    texts = [said(process)[0] for process in both]
    number = len(cases(only="adam"))
    assert sum(map(from_store, texts)) == number
    tables = {re.sub(r"\d+ from the store", "", text) for text in texts}
    assert len(tables) == 1


WAITING = """
import time
from pathlib import Path
from convergence.claim import claim

@claim(measure="regret", assumes=[], cases='''holds
    reddi-2018-thm1  sgd  inverse-sqrt:alpha=1  50
    reddi-2018-thm1  sgd  inverse-sqrt:alpha=1  60
''')
def mine(T, horizon):
    "The second case, which is the shorter one, is never done until a file is there."
    while horizon == 50 and not Path("go").exists():
        Path("waiting").touch()
        time.sleep(0.02)
    return 2 * T + 5
"""


@pytest.mark.parametrize(
    ("workers", "whole_group", "form"),
    [
        pytest.param("1", False, "text", marks=pytest.mark.slow),
        pytest.param("2", False, "text", marks=pytest.mark.slow),
        pytest.param("2", True, "text", marks=pytest.mark.slow),
        ("2", True, "json"),
    ],
)
def test_ctrl_c_prints_what_was_decided_and_the_next_call_goes_on(
    tmp_path, store_folder, workers, whole_group, form
):
    (tmp_path / "mine.py").write_text(WAITING)
    words = ["verify", "mine.py", "--quick", "--workers", workers, "--junit", "report.xml"]
    words += ["--json"] if form == "json" else []
    process = command(tmp_path, *words, start_new_session=True)
    while not ((tmp_path / "waiting").exists() and list(store_folder.glob("*.json"))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    out, err = said(process, status=130)
    assert err == "interrupted: 1 case left to judge\n"
    if form == "json":
        assert [outcome["verdict"] for outcome in json.loads(out)] == ["holds"]
    else:
        assert "1 verdict: 1 holds\n0 unexpected; 0 from the store" in out
    assert not (tmp_path / "report.xml").exists()
    (tmp_path / "go").touch()
    out, err = said(command(tmp_path, *words))
    assert err == ""
    assert form == "json" or "2 verdicts: 2 holds\n0 unexpected; 1 from the store" in out
    assert (tmp_path / "report.xml").exists()


@pytest.mark.slow
def test_an_interruption_holds_what_was_decided():
    def stop(done, of):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(verification.Interrupted) as stopped:
        verify(CLAIMS, quick=True, workers=1, progress=stop)
    assert len(stopped.value.outcomes) == 2
    assert stopped.value.left == len(cases(CLAIMS)) - 2
    assert sum(stored(verify(CLAIMS, quick=True, workers=1))) == 2


# What is said of outcomes


def test_a_summary_counts_in_words():
    (first, *rest) = verify(["karimi-2016-pl"], quick=True, workers=1)
    assert summary([first]).startswith("1 verdict: 1 holds\n0 unexpected; 0 from the store\n")
    assert summary([]).startswith("0 verdicts\n0 unexpected")
    assert not_contradicted([first]) == "not contradicted on 1 problem"
    assert not_contradicted([first, first]) == "not contradicted on 1 problem"
    experiment = first.verdict.experiment.changed(problem="quadratic")
    other = replace(first, verdict=replace(first.verdict, experiment=experiment))
    assert not_contradicted([first, other]) == "not contradicted on 2 problems"
    violated = replace(first, verdict=replace(first.verdict, word="violated"))
    assert not_contradicted([violated]) == ""
    by_chance = replace(first, verdict=replace(first.verdict, error_probability=2e-9))
    assert summary([by_chance, by_chance]).endswith(
        "at most 4e-09 in 2 guaranteed verdicts, 1e-06 in the whole suite"
    )
    assert "0 in 0 guaranteed verdicts" in summary([first, *rest])


def test_outcomes_are_grouped_by_claim_whatever_its_options():
    (first, *_) = verify(["karimi-2016-pl"], quick=True, workers=1)
    names = ["a", "a:x=1", "b", "f.py::c", "f.py::c:x=1", "f.py::d"]
    made = [replace(first, verdict=replace(first.verdict, claim=name)) for name in names]
    assert [len(group) for group in by_claim(made).values()] == [2, 1, 2, 1]
    assert list(by_claim(made)) == ["a", "b", "f.py::c", "f.py::d"]
    assert [options_of(name) for name in names] == ["", "x=1", "", "", "x=1", ""]


def test_what_is_not_finite_is_null_in_json():
    (first, *_) = verify(["karimi-2016-pl"], quick=True, workers=1)
    verdict = replace(first.verdict, measured=float("inf"), bound=float("nan"))
    shown = replace(first, verdict=verdict).to_json()
    assert shown["measured"] is shown["bound"] is None
    json.dumps(shown, allow_nan=False)


def test_an_option_that_no_case_has_is_named(tmp_path, monkeypatch):
    facts = {"measure": "regret", "assumes": "", "letters": ", *, form='a'", "bound": "2 * T + 5"}
    text = CLAIM.format(**facts).replace("@claim(", "@claim(options={'form': ('a', 'b')}, ")
    own(tmp_path, monkeypatch, text)
    with pytest.raises(InputError, match=r"no .* any case belongs to mine\.py:form=b"):
        cases(["mine.py:form=b"])


def test_an_optimizer_in_place_of_the_rules_may_bring_its_step_sizes():
    how = {"quick": True, "workers": 1}
    outcomes = verify(["zinkevich-2003-thm1"], optimizer="sgd@inverse-sqrt:alpha=0.25", **how)
    assert {o.verdict.experiment.names.schedule for o in outcomes} == {"inverse-sqrt:alpha=0.25"}
    assert {o.expected for o in outcomes} == {"not violated"}
    assert all(o.as_expected for o in outcomes)
    as_they_are = verify(["zinkevich-2003-thm1"], optimizer="sgd", **how)
    assert "not violated" not in {o.expected for o in as_they_are}
