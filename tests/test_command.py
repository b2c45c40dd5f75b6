"""The command line, run as a user runs it."""

import json
import subprocess
import sys
import warnings

import pytest
from instances import TINY, TINY_CSV
from levels import quick_if, rounds_of

import convergence
import problems
from convergence import cards, claims, verification
from convergence.claims import find as find_claim
from convergence.record import load_records

CODE = "import sys; from convergence.command import main; sys.argv[0] = 'convergence'; main()"


@pytest.mark.parametrize("kind", ["problems", "rules", "schedules", "claims"])
def test_list_prints_every_key(cli, kind):
    result = cli(f"list {kind} --json")
    items = json.loads(result.out)

    assert result.status == 0
    assert {"key", "title", "tags", "source"} <= items[0].keys()
    assert [item["key"] for item in items] == [item.key for item in convergence.list(kind)]
    assert cli(f"list {kind}").status == 0


def test_list_filters_by_tag_and_text(cli):
    tagged = json.loads(cli("list problems --tag counterexample --json").out)
    named = json.loads(cli("list --contains AMSGrad --json").out)

    assert "reddi-2018-thm1" in [item["key"] for item in tagged]
    assert "pl-sine" not in [item["key"] for item in tagged]
    assert {item["kind"] for item in named} == {"rule", "claim"}


def judged_at_once(item):
    """Whether the case on the card of a claim, the first, is a short one; others have none."""
    return (
        item.kind != "claim"
        or rounds_of(claims.catalogue[item.key].facts["cases"][0].experiment) <= 100
    )


@pytest.mark.parametrize(
    "item",
    quick_if(judged_at_once, convergence.list(), lambda item: f"{item.kind}:{item.key}"),
)
def test_every_key_has_a_card_in_text_and_json(cli, item):
    key = f"{item.kind}:{item.key}"
    needed = {
        "path": TINY_CSV if item.key.startswith("csv") else TINY,
        "target": "sign",
    }
    given = [f"{name}={needed[name]}" for name in item.parameters if name in needed]
    key += ":" + ",".join(given) if given else ""
    text, data = cli(f"show '{key}'"), cli(f"show '{key}' --json")

    assert text.status == data.status == 0, text.err + data.err
    assert item.title in text.out
    assert json.loads(data.out)["key"] == item.key


def test_the_card_of_a_problem_shows_its_constants_and_a_picture(cli):
    text = cli("show pl-sine").out

    assert "0.1755309858797" in text
    assert "f(x) = x**2 + 3 sin(x)**2" in text
    assert "S" in text.split("Picture")[1]


def test_the_card_of_a_rule_keeps_brackets(cli):
    assert "[0, 1)" in cli("show adam").out


def test_an_ambiguous_key_lists_its_kinds(cli):
    result = cli("show reddi-2018-thm1")

    assert result.status == 2
    assert "problem:reddi-2018-thm1 or claim:reddi-2018-thm1" in result.err


def test_show_writes_a_picture(cli, tmp_path):
    assert cli("show rosenbrock --plot valley.png").status == 0
    assert (tmp_path / "valley.png").read_bytes().startswith(b"\x89PNG")
    assert cli("show adam --plot valley.png").status == 2


def test_run_prints_a_summary_and_saves_the_records(cli, tmp_path):
    line = (
        "run reddi-2018-thm1 -o adam:beta1=0,beta2=1/10,eps=0 -o amsgrad "
        "--schedule inverse-sqrt:alpha=.5 --steps 1_000 --plot adam.png"
    )
    result = cli(line)
    records = load_records(tmp_path / "reddi-2018-thm1.npz")

    assert result.status == 0
    assert "average regret" in result.out
    assert [record.experiment.optimizer.key for record in records] == ["adam", "amsgrad"]
    assert records[0].checksum[:16] in result.out
    assert (tmp_path / "adam.png").exists()


def test_run_prints_stable_json(cli):
    line = "run reddi-2018-stochastic -o amsgrad --steps 100 --seeds 3 --save r.npz --json"
    (run,) = json.loads(cli(line).out)

    assert run["end"] == "completed"
    assert len(run["last_iterate"]) == len(run["average_regret"]) == 3
    assert len(run["series"]["regret"][0]) == len(run["times"])
    assert run["saved"] == "r.npz"


def test_a_recorded_command_gives_the_recorded_run(cli):
    first = convergence.run(
        "reddi-2018-stochastic", "adam:beta2=0.99", "constant:alpha=0.1", 50, seeds=[3, 7]
    )
    line = first.experiment.command.removeprefix("convergence ") + " --json"

    assert json.loads(cli(line).out)[0]["checksum"] == first.checksum


def test_a_diverged_run_says_so_and_its_json_holds_null(cli):
    line = "run rosenbrock -o sgd --schedule constant:alpha=1 --steps 50"

    assert "diverged at step" in cli(line).out
    (run,) = json.loads(cli(line + " --json").out)
    assert run["series"]["suboptimality"][0][-1] is None


def test_verify_judges_the_false_theorem(cli):
    result = cli("verify kingma-ba-2015-thm41:third_term=dropped --workers 1 --json")
    outcomes = json.loads(result.out)

    assert result.status == 0
    assert [o["first_violation"] for o in outcomes] == [4638, 1224, 123, 120]
    for field in ("claim", "experiment", "verdict", "expected", "first_violation"):
        assert field in outcomes[0]


def test_verify_exits_1_on_an_unexpected_verdict(cli, monkeypatch):
    from dataclasses import replace

    from convergence import verification

    judged = verification.judge_case

    def otherwise(claim, case):
        outcome = judged(claim, case)
        return replace(outcome, verdict=replace(outcome.verdict, word="inconclusive"))

    monkeypatch.setattr(verification, "judge_case", otherwise)
    result = cli("verify karimi-2016-pl --quick --workers 1")

    assert result.status == 1
    assert "UNEXPECTED" in result.out
    assert "expected: holds" in result.out


def test_cite_gives_bibtex_apa_command_and_checksums(cli):
    text = cli("cite claim:reddi-2018-thm1").out

    assert "@inproceedings{reddi2018," in text
    assert "Reddi, S. J., Kale, S., & Kumar, S. (2018)." in text
    assert "convergence verify reddi-2018-thm1" in text
    assert text.count("SHA-256") == 2
    assert "arXiv:1412.6980" in cli("cite kingma2015").out


BAD = {
    "run redi -o adam": "'redi'",
    "run reddi-2018-thm1 -o adm": "did you mean",
    "run reddi-2018-thm1 -o adam:beta1=1": "beta1=1 of rule adam must lie in [0, 1)",
    "run reddi-2018-thm1 -o adam:bias_correction=sum": "bias_correction=sum",
    "run reddi-2018-thm1 -o adam --steps -5": "steps=-5",
    "run reddi-2018-thm1 -o adam --steps many": "many",
    "run reddi-2018-thm1 -o adam --seeds 0": "seeds=0",
    "run reddi-2018-thm1 -o adam --seeds x": "seeds='x'",
    "run reddi-2018-thm1 -o adam --projection up": "projection='up'",
    "run reddi-2018-thm1 -o adam --schedule constant:alpha=-1": "alpha=-1",
    "run reddi-2018-thm1 -o adam --schedule constant": "alpha",
    "run reddi-2018-thm1 -o adam --steps 5 --save nowhere/r.npz": "nowhere/r.npz",
    "run reddi-2018-thm1 -o adam --steps 1_000_000_000 --plot r.bmp": ".bmp",
    "run reddi-2018-thm1 -o adam --steps 1_000_000_000 --plot nowhere/r.png": "nowhere/r.png",
    "run reddi-2018-thm1 -o adam --steps 1_000_000_000 --save .": "'.'",
    "run reddi-2018-stochastic -o adam --seeds [18446744073709551616]": "less than 2**64",
    "run reddi-2018-thm1 -o adam --steps 99999999999999999999999": "steps=",
    "run reddi-2018-stochastic -o adam --seeds 99999999999999": "seeds=",
    f"run reddi-2018-thm1:C=1{'0' * 399} -o adam": "C=1",
    f"run reddi-2018-thm1 -o adam:eps=1{'0' * 399}": "eps=1",
    f"run reddi-2018-thm1 -o adam --schedule constant:alpha=1{'0' * 399}": "alpha=1",
    f"run reddi-2018-thm1 -o adam:eps=1{'0' * 5000}": "5001 digits",
    "run reddi-2018-thm1 -o adam -o adam": "twice",
    "run reddi-2018-thm1": "-o",
    "run svmlight-logistic:path=nofile -o adam": "'nofile'",
    "run quadratic -o adam --schedule inverse-smoothness:h=0": "h=0",
    "list things": "'things'",
    "list problems --tag nothing": "'nothing'",
    "verify nothing": "'nothing'",
    "cite nothing": "'nothing'",
    "explode": "explode",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_sentence_and_exit_2(cli, line):
    result = cli(line)

    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("convergence: ")
    assert result.err.count("\n") == 1
    assert BAD[line] in result.err


def test_a_malformed_file_names_its_line(cli, tmp_path):
    (tmp_path / "bad.svm").write_text("1 1:2\n-1 1:3\n1 one:2\n")
    result = cli("run svmlight-logistic:path=bad.svm -o adam")

    assert result.status == 2
    assert "line 3" in result.err
    (tmp_path / "huge.svm").write_text("1 1:2\n-1 99999999999:1\n")
    assert "line 2" in cli("run svmlight-logistic:path=huge.svm -o adam").err


@pytest.mark.parametrize("name", ["list", "show", "run", "verify", "report", "cite"])
def test_help_has_an_example(cli, name):
    result = cli(f"{name} --help")

    assert result.status == 0
    assert "Example: convergence" in result.out


def test_ctrl_c_keeps_what_is_done_and_exits_130(cli, monkeypatch, tmp_path):
    original = convergence.run

    def interrupted(*args, progress, **settings):
        def stop(done):
            if done >= 16_384:
                raise KeyboardInterrupt

        return original(*args, progress=stop, **settings)

    monkeypatch.setitem(convergence.__dict__, "run", interrupted)
    result = cli("run reddi-2018-thm1 -o adam --steps 100_000")

    assert result.status == 130
    (record,) = load_records(tmp_path / "reddi-2018-thm1.npz")
    assert record.ends[0].word == "stopped"
    assert record.times[-1] < 100_000


def test_the_entry_point_runs_as_a_process(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", CODE, "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert result.stdout.strip() == f"convergence-suite {convergence.__version__}"


def test_verify_by_pattern_writes_a_junit_report(cli, tmp_path):
    result = cli("verify --only 'karimi*' --junit report.xml")
    assert result.status == 0, result.err
    assert "0 unexpected" in result.out
    assert 'failures="0"' in (tmp_path / "report.xml").read_text(encoding="utf-8")


def test_verify_prints_what_holding_amounts_to(cli):
    result = cli("verify karimi-2016-pl --quick --workers 1")
    number = len(
        {
            case.experiment.names.problem
            for case in find_claim("karimi-2016-pl").cases
            if holds(case)
        }
    )
    assert f"karimi-2016-pl: not contradicted on {number} problem" in result.out
    assert "measured" in result.out
    assert "seeds" in result.out
    assert "error" not in result.out.splitlines()[2]
    assert "any false alarm: at most 0 in 0 guaranteed verdicts, 1e-06" in result.out


def holds(case):
    return case.expected.startswith("holds")


def test_verify_shows_the_error_probability_of_what_chance_decides(cli):
    result = cli("verify ghadimi-lan-2013 --quick --workers 1")
    assert result.status == 0
    assert "error" in result.out
    assert "e-10" in result.out


def test_verify_says_what_came_from_the_store_and_fresh_judges_again(cli):
    line = "verify karimi-2016-pl --quick --workers 1"
    number = len(find_claim("karimi-2016-pl").cases)
    first, second, fresh = cli(line), cli(line), cli(line + " --fresh")
    assert "; 0 from the store" in first.out
    assert f"; {number} from the store" in second.out
    assert fresh.out == first.out
    assert cli(line + " --json").out == cli(line + " --json --fresh").out


def test_one_verdict_is_one(cli, tmp_path):
    (tmp_path / "mine.py").write_text(CLAIM, encoding="utf-8")
    result = cli("verify mine.py --quick --workers 1")
    assert "1 verdict: 1 holds\n0 unexpected; " in result.out
    assert "mine.py: not contradicted on 1 problem;" in result.out


def test_a_folder_that_cannot_be_written_is_said_once(cli, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVERGENCE_STORE", str(tmp_path / "file"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = cli("verify karimi-2016-pl --quick --workers 1")
    assert result.status == 0
    assert result.err.startswith("warning: nothing is stored in ")
    assert result.err.count("\n") == 1


def test_the_card_of_a_claim_shows_its_verdicts_and_where_it_is_tight(cli):
    text = cli("show drori-teboulle-2014-gd").out
    tight = text.split("Tight\n")[1].splitlines()[0]
    assert tight.startswith("  attained: measured / bound = 1 at step ")
    assert "huber-worst:N=" in tight
    assert text.split("Verdicts\n")[1].split()[:4] == ["verdict", "measured", "/", "bound"]
    for heading in ("Bounds", "Assumes", "Letters", "Status", "Errata", "Source"):
        assert f"\n{heading}\n" in text
    data = json.loads(cli("show drori-teboulle-2014-gd --json").out)
    assert len(data["verdicts"]) == len(data["cases"])
    assert data["tight"]["ratio"] == max(
        verdict["ratio"] for verdict in data["verdicts"] if verdict["verdict"] == "holds"
    )


@pytest.mark.slow
def test_the_card_of_a_claim_with_an_option_shows_its_cases_alone(cli):
    data = json.loads(cli("show kingma-ba-2015-thm41:third_term=dropped --json").out)
    assert {verdict["claim"] for verdict in data["verdicts"]} == {
        "kingma-ba-2015-thm41:third_term=dropped"
    }
    assert data["tight"] is None
    assert "violated first at step 4638" in cli("show kingma-ba-2015-thm41").out


def test_the_card_of_a_claim_takes_its_verdicts_from_the_store(cli, monkeypatch):
    cli("verify karimi-2016-pl --quick --workers 1")
    monkeypatch.delattr(verification, "judge_case")
    assert "Verdicts" in cli("show karimi-2016-pl").out


def test_a_card_does_not_wait_for_what_takes_long(cli, monkeypatch):
    monkeypatch.setattr(cards, "_PATIENCE", -1.0)
    text = cli("show karimi-2016-pl").out
    assert "not judged yet" in text
    assert "expected: holds" in text
    assert json.loads(cli("show karimi-2016-pl --json").out)["verdicts"] == []


CLAIM = """
from convergence.claim import claim

@claim(measure="regret", assumes=[],
       cases='''holds
           reddi-2018-thm1  sgd  inverse-sqrt:alpha=1  50''')
def mine(T):
    "A bound that is far from tight."
    return 2 * T + 5
"""
PROBLEM = """
import numpy as np
import problems

@problems.problem(source=(), tags=())
def hill():
    "A parabola."
    return problems.from_function(lambda x: float(x @ x), lambda x: 2 * x, start=[1.0])
"""
MADE = """
import problems
# No claim is made of it.
slope = problems.from_function(lambda x: float(x @ x), lambda x: 2 * x, start=[1.0])
"""


def test_show_takes_a_file_for_what_it_registers(cli, tmp_path):
    (tmp_path / "mine.py").write_text(CLAIM, encoding="utf-8")
    (tmp_path / "two.py").write_text(CLAIM + CLAIM.replace("mine", "other"), encoding="utf-8")
    (tmp_path / "hill.py").write_text(MADE, encoding="utf-8")
    before = len(claims.catalogue._entries), len(problems.catalogue._entries)
    text = cli("show mine.py")
    assert text.status == 0, text.err
    assert text.out.startswith("claim mine.py\nA bound that is far from tight")
    assert "Verdicts" in text.out
    assert cli("show claim:mine.py").out == text.out
    assert cli("show two.py::other").out.startswith("claim two.py::other")
    assert "write one of two.py::mine, two.py::other" in cli("show two.py").err
    assert "holds no claim 'moth'" in cli("show two.py::moth").err
    assert cli("show hill.py").out.startswith("problem hill.py")
    assert cli("show hill.py::slope").out.startswith("problem hill.py")
    assert before == (len(claims.catalogue._entries), len(problems.catalogue._entries))


def test_show_tells_problems_from_claims_in_one_file(cli, tmp_path):
    (tmp_path / "both.py").write_text(CLAIM + PROBLEM, encoding="utf-8")
    before = len(claims.catalogue._entries), len(problems.catalogue._entries)
    assert "write problem:both.py or claim:both.py" in cli("show both.py").err
    assert cli("show both.py::mine").out.startswith("claim both.py")
    assert cli("show both.py::hill").out.startswith("problem both.py")
    assert cli("show claim:both.py").out.startswith("claim both.py")
    assert cli("show problem:both.py").out.startswith("problem both.py")
    assert before == (len(claims.catalogue._entries), len(problems.catalogue._entries))


def test_a_claim_in_a_file_that_cannot_be_judged_has_a_card_that_says_so(cli, tmp_path):
    (tmp_path / "mine.py").write_text(CLAIM.replace("2 * T + 5", "0 * T / 0"), encoding="utf-8")
    text = cli("show mine.py")
    assert text.status == 0
    assert "cannot be judged: the bound of claim" in text.out


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (CLAIM.replace("def mine(T)", "def mine(T, Lip)"), "asks for 'Lip'"),
        (CLAIM + "claim(", "line 10"),
        ("import problems  # no claim", "holds no"),
    ],
)
def test_show_says_in_one_sentence_what_is_wrong_with_a_file(cli, tmp_path, text, named):
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    result = cli("show mine.py")
    assert result.status == 2
    assert named in result.err
    assert result.err.count("\n") == 1


def test_help_and_listings_import_only_what_they_need(tmp_path):
    code = (
        "import sys; from convergence.command import app; app(sys.argv[1:], standalone_mode=False);"
        "print([m for m in ('numpy', 'scipy.stats', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    for words, imported in ((["--help"], "[]"), (["verify", "--help"], "[]")):
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.stdout.splitlines()[-1] == imported, done.stderr
    command = [sys.executable, "-c", code, "list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout.splitlines()[-1] == "['numpy']", done.stderr
