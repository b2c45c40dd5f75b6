"""Problems of one's own: files that stand for keys, functions that become problems."""

import json
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import convergence
import problems
from convergence import command
from problems.domain import Box, Simplex
from problems.notation import InputError
from problems.own import entries_of, find_all, from_function, names_a_file

HOME = Path(__file__).parent.parent
CODE = "import sys; from convergence.command import main; sys.argv[0] = 'convergence'; main()"

BOWL = """
import problems

bowl = problems.from_function(
    lambda x: (x[0] - 1) ** 2 + 10 * x[1] ** 2,
    lambda x: [2 * (x[0] - 1), 20 * x[1]],
    start=[0, 1],
    constants={"L": 20, "minimum": 0},
)
"""
VALLEY = '''
import numpy as np
from problems import Problem, WholeSpace, exact, problem

@problem(tags=("convex", "smooth"))
def long_valley(*, steepness: float = 10.0):
    """A quadratic valley.

    With words about it.
    """
    slopes = np.array([1.0, steepness])
    return Problem(
        formula=f"f(x) = x_1**2 + {steepness:g} x_2**2", domain=WholeSpace(), start=np.ones(2),
        loss_formula=lambda x, sample: (slopes * x * x).sum(-1),
        gradient_formula=lambda x, sample: 2 * slopes * x,
        constants={"L": exact(2 * steepness), "mu": exact(2.0), "minimum": exact(0.0)},
    )
'''
BARE = "import problems\na = problems.from_function(lambda x: float(x @ x), start=[1.0])\n"


def square(x):
    """f(x) = ||x||**2"""
    return float(x @ x)


def double(x):
    return 2 * x


def made(loss=square, gradient=double, **settings):
    return from_function(loss, gradient, **{"start": [1.0, 2.0], **settings})


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def call(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return call


@pytest.fixture
def cli(write, monkeypatch, capsys):
    """Run a command line in that folder: exit status, output, errors."""

    def call(line):
        monkeypatch.setattr(sys, "argv", ["convergence", *shlex.split(line)])
        try:
            command.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


# A file stands where a key may stand


def test_a_file_with_one_problem_is_that_problem(write):
    problem = problems.find(write("bowl.py", BOWL))

    assert (problem.key, problem.specification, problem.stem) == ("bowl.py", "bowl.py", "bowl")
    assert problem.constant("L") == 20
    assert problem.constants["L"].known == "derived"
    assert problem.constants["minimum"].known == "exact"
    assert problem.loss([[0.0, 1.0], [1.0, 0.0]]).tolist() == [11, 0]
    assert problem.gradient([0.0, 1.0]).tolist() == [-2, 20]


def test_parameters_follow_the_file_or_the_name(write):
    write("valley.py", VALLEY)

    problem = problems.find("valley.py:steepness=4")
    assert problem.constant("L") == 8
    assert problem.specification == "valley.py:steepness=4"
    assert problems.find(problem.specification).formula == problem.formula
    named = problems.find("valley.py::long_valley:steepness=4")
    assert named.specification == problem.specification
    assert problems.find("valley.py::long-valley").constant("L") == 20


def test_of_several_problems_one_is_named(write):
    write("both.py", BOWL + VALLEY)

    assert problems.find("both.py::bowl").key == "both.py::bowl"
    assert problems.find("both.py::long_valley:steepness=3").constant("L") == 6
    assert problems.find("both.py::bowl").stem == "both-bowl"
    assert [p.key for p in find_all("both.py")] == ["both.py::long_valley", "both.py::bowl"]
    assert [p.key for p in find_all(" both.py ")] == [p.key for p in find_all("both.py")]
    assert [p.key for p in find_all("both.py::bowl")] == ["both.py::bowl"]


def test_a_decorated_function_may_use_from_function(write):
    write(
        "scaled.py",
        "import problems\n@problems.problem()\ndef scaled(*, by=2.0):\n    'A scaled bowl.'\n"
        "    return problems.from_function(lambda x: by * x @ x, lambda x: 2 * by * x, start=[1])",
    )

    problem = problems.find("scaled.py:by=3")
    assert float(problem.loss([1.0])) == 3
    assert problem.title == "A scaled bowl"


@pytest.mark.parametrize(
    "name",
    ["with space/my bowl.py", "a,b.py", "co:lon/b.py", "a:b.py", "./x.py", "..py", "x.py/y.py"],
)
def test_any_path_is_accepted(cli, write, name):
    write(name, BOWL)
    status, out, err = cli(f"show '{name}'")

    assert (status, err) == (0, "")
    assert f"problem {name}\n" in out
    assert names_a_file(f"{name}::bowl:steepness=3")
    assert problems.find(f"{name}::bowl").key == name


def test_keys_with_a_path_as_parameter_are_no_files():
    assert not names_a_file("svmlight-logistic:path=data.py")
    assert not names_a_file("quadratic")
    assert not names_a_file("problem:missing.py")


def test_an_absolute_path_and_a_prefix_are_accepted(cli, write, tmp_path):
    write("bowl.py", BOWL)

    assert cli(f"show {tmp_path}/bowl.py")[0] == 0
    assert cli("show problem:bowl.py")[0] == 0


def test_a_problem_may_have_the_key_of_a_built_in_one(write):
    write(
        "mine.py", BOWL.replace("bowl", "quadratic") + VALLEY.replace("long_valley", "rosenbrock")
    )

    assert problems.find("mine.py::rosenbrock").title == "A quadratic valley"
    assert problems.find("rosenbrock").title != "A quadratic valley"
    assert problems.find("quadratic").key == "quadratic"


def test_an_edited_file_is_read_again_and_others_are_not(write):
    write("bowl.py", BOWL)
    first = entries_of("bowl.py")["bowl"]
    assert entries_of("bowl.py")["bowl"] is first
    # Of the same size and within the same second.
    write("bowl.py", BOWL.replace("10 *", "30 *"))
    assert float(problems.find("bowl.py").loss([1.0, 1.0])) == 30


def test_neighbours_are_imported_and_belong_to_their_folder(write, tmp_path):
    text = "import problems, helper\nfrom helper import square\n"
    text += "a = problems.from_function(square, lambda x: x, start=[1.0])\n"
    for folder, factor in (("one", 1), ("two", 2)):
        write(f"{folder}/own.py", text)
        write(f"{folder}/helper.py", f"def square(x):\n    return {factor} * float(x @ x)\n")

    assert float(problems.find("one/own.py").loss([1.0])) == 1
    assert float(problems.find("two/own.py").loss([1.0])) == 2
    write("two/helper.py", "def square(x):\n    return 7 * float(x @ x)\n")
    assert float(problems.find("two/own.py").loss([1.0])) == 7
    assert "helper" not in sys.modules
    assert not [folder for folder in sys.path if str(tmp_path) in folder]
    assert not list(tmp_path.rglob("__pycache__"))


def test_problems_of_a_neighbour_count_only_where_they_are_imported_by_name(write):
    write("one/shared.py", VALLEY)
    write("one/without.py", "import shared\n" + BOWL)
    write("one/with.py", "from shared import long_valley\n" + BOWL)

    assert list(entries_of("one/without.py")) == ["bowl"]
    assert list(entries_of("one/with.py")) == ["long_valley", "bowl"]


def test_a_file_that_lies_beside_the_packages_of_the_suite_shares_them(write):
    write("own.py", f"import sys; sys.path.insert(0, {str(HOME)!r})\nimport convergence\n" + BOWL)

    problems.find("own.py")
    assert sys.modules["convergence"] is convergence


def test_a_file_may_hold_dataclasses(write):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    write("own.py", text + "@dataclass\nclass Facts:\n    a: float = 1.0\n" + BOWL)

    assert problems.find("own.py").key == "own.py"


def test_what_a_file_prints_does_not_spoil_the_output(cli, write):
    write("chatty.py", "print('hello')\n" + BOWL)
    status, out, err = cli("show chatty.py --json")

    assert status == 0
    assert json.loads(out)["key"] == "chatty.py"
    assert err == "hello\n"


# Commands


def test_every_command_accepts_a_file(cli, write, tmp_path):
    write("both.py", BOWL + VALLEY)

    card = cli("show both.py::long_valley:steepness=4 --plot valley.png")
    assert card[0] == 0
    assert "f(x) = x_1**2 + 4 x_2**2" in card[1]
    assert "With words about it." in card[1]
    assert "Source" not in card[1]
    assert (tmp_path / "valley.png").read_bytes().startswith(b"\x89PNG")
    ran = cli("run both.py::bowl -o adam -o sgd --steps 20 --plot bowl.png")
    assert ran[0] == 0
    assert "records saved to both-bowl.npz" in ran[1]
    assert {path.name for path in tmp_path.glob("*.npz")} == {"both-bowl.npz"}
    (run,) = json.loads(cli("run both.py::bowl -o sgd --steps 20 --json")[1])
    assert run["experiment"]["problem"] == "both.py::bowl"
    assert run["command"].startswith("convergence run both.py::bowl -o ")


def test_a_paper_that_is_not_in_the_bibliography_is_shown_as_it_is_written(cli, write):
    write("own.py", VALLEY.replace("tags=", "source=('doe2020, Ex. 1', 'kingma2015'), tags="))
    out = cli("show own.py")[1]

    assert "doe2020, Ex. 1" in out
    assert "Kingma & Ba 2015" in out


def test_saved_records_find_the_file_again_or_say_where_they_looked(
    cli, write, tmp_path, monkeypatch
):
    write("sub/bowl.py", BOWL)
    assert cli("run sub/bowl.py -o sgd --steps 5 --save r.npz")[0] == 0

    (record,) = convergence.load_records(tmp_path / "r.npz")
    assert record.experiment.problem.specification == "sub/bowl.py"
    monkeypatch.chdir(tmp_path / "sub")
    with pytest.raises(InputError) as caught:
        convergence.load_records(tmp_path / "r.npz")
    assert str(caught.value) == f"there is no file 'sub/bowl.py' in '{tmp_path / 'sub'}'"


def test_records_of_a_problem_without_a_file_say_why_they_cannot_be_read(tmp_path):
    record = convergence.run(made(), "sgd", "constant:alpha=0.1", 3)
    convergence.save_records([record], tmp_path / "r.npz")

    with pytest.raises(InputError, match=r"made in Python .* put it into a file"):
        convergence.load_records(tmp_path / "r.npz")


def test_check_problem_names_the_false_label_and_exits_1(cli, write):
    write("both.py", BOWL + VALLEY.replace('"mu": exact(2.0)', '"mu": exact(3.0)'))
    status, out, _ = cli("check-problem both.py --json")
    reports = {report["problem"]: report for report in json.loads(out)}

    assert status == 1
    assert reports["both.py::bowl"]["violated"] == 0
    (false,) = [
        f for f in reports["both.py::long_valley"]["findings"] if f["verdict"] == "violated"
    ]
    assert (false["label"], false["stated"]) == ("mu", 3.0)
    assert false["measured"] == pytest.approx(2.0)
    x, y = np.array(false["witness"])
    slopes = np.array([2.0, 20.0])
    assert (slopes * (y - x) @ (y - x)) / ((y - x) @ (y - x)) < 3
    assert cli("check-problem both.py::bowl")[0] == 0


def test_check_problem_takes_a_problem_and_refuses_what_is_none(write):
    (report,) = convergence.check_problem(made(tags=["non-convex"]))

    assert report["non-convex"].verdict == "inconclusive"
    with pytest.raises(InputError, match="must be a problem or its specification"):
        convergence.check_problem(Path("bowl.py"))
    with pytest.raises(InputError, match="cannot show"):
        convergence.show(Path("bowl.py"))
    with pytest.raises(InputError, match="must be text"):
        problems.find(Path("bowl.py"))


def test_a_missing_gradient_is_replaced_with_a_warning(write, tmp_path):
    write("bare.py", BARE)
    with pytest.warns(UserWarning, match="no gradient is given .* central differences"):
        problem = problems.find("bare.py")
    np.testing.assert_allclose(problem.gradient([3.0]), [6.0], rtol=1e-9)
    result = subprocess.run(
        [sys.executable, "-c", CODE, "show", "bare.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert result.returncode == 0
    assert re.fullmatch(r"warning: no gradient is given for '<lambda>': .*digits\n", result.stderr)


def test_listing_by_tags_and_dimension(cli):
    (status, out, _) = cli("list problems --convex --online --dimension '<=10' --json")
    keys = [item["key"] for item in json.loads(out)]

    assert status == 0
    assert keys == [
        item.key
        for item in convergence.list("problems", convex=True, online=True, dimension="<=10")
    ]
    assert "reddi-2018-thm1" in keys
    assert all(problems.find(key).dimension <= 10 for key in keys)
    assert {
        item.key for item in convergence.list("problems", online=True, convex=False)
    }.isdisjoint(keys)


def test_only_what_is_left_is_built_for_its_dimension(monkeypatch):
    data = problems.catalogue["breast-cancer-logistic"]

    def fail(**settings):
        raise AssertionError("a problem was built that other filters exclude")

    monkeypatch.setitem(data.__dict__, "function", fail)
    convergence.list("problems", tags=["counterexample"], dimension=1)


@pytest.mark.parametrize("dimension", ["<<3", "many", "-1", 2.5, "", True])
def test_a_dimension_that_cannot_be_read_is_refused(dimension):
    with pytest.raises(InputError, match="must be a whole number"):
        convergence.list("problems", dimension=dimension)


def test_an_unknown_flag_is_refused():
    with pytest.raises(InputError, match="nothing is tagged 'convexx'; did you mean convex"):
        convergence.list("problems", convexx=True)


# Files that are wrong

ONE = "import problems\n"
BAD_FILES = {
    "def f(:\n": "cannot load 'own.py': line 1: invalid syntax",
    "\n\nx = (1\n": "line 3: '(' was never closed",
    "x = 1\n": "'own.py' holds no problem; decorate",
    ONE + "1 / 0\n": "cannot load 'own.py': line 2: ZeroDivisionError: division by zero",
    "raise ValueError\n": "line 1: ValueError",
    "raise ValueError('one\\ntwo')\n": "line 1: ValueError: one",
    "import nosuchmodule\n": "line 1: ModuleNotFoundError: No module named 'nosuchmodule'",
    "from .helper import f\n": "write 'from neighbour import name', without the dot",
    "import sys\nsys.exit(3)\n": "line 2: it calls sys.exit(3)",
    "import broken\n": "line 2 of broken.py: invalid syntax",
    "\0": "cannot load 'own.py': source code",
    BOWL + BOWL.replace("bowl", "bowl2"): "holds 2 problems; write one of own.py::bowl, own.py::b",
    VALLEY + VALLEY.split("exact, problem")[1]: "problem long-valley is registered twice",
    ONE + "problems.find('own.py')\n": "asks for its own problems while it is read",
    BOWL.replace('"L"', '"Lip"'): "line 4: 'Lip' is no constant; did you mean L?",
    BOWL.replace("constants=", "tags=['convexx'], constants="): "'convexx' is no tag; did you mean",
    VALLEY.replace('("convex", "smooth")', '("convex")'): "tags='convex' of own.py::long_valley",
    VALLEY.replace('"""A', '1, """A'): "needs a docstring",
    VALLEY.replace("return Problem", "return dict"): "must return a Problem, not dict",
    VALLEY.replace("slopes =", "slopes = {}[3] or"): "line 11: KeyError: 3",
    VALLEY.replace(
        "slopes =", "import sys; sys.exit(4); slopes ="
    ): "line 11: it calls sys.exit(4)",
    VALLEY.replace("exact(2.0)", "exact(30.0)"): "mu=30.0 exceeds L=20.0",
    VALLEY.replace("WholeSpace()", "object()"): "has no project",
    VALLEY.replace("start=np.ones(2)", "start=np.full(2, np.nan)"): "is not finite",
    VALLEY.replace("(slopes * x * x).sum(-1)", "slopes * x * x"): "has shape (2, 2)",
    VALLEY.replace("(slopes * x * x).sum(-1)", "None"): "it must have shape (2,)",
    VALLEY.replace("2 * slopes * x,", "x.astype('f4'),"): "is of type float32",
    VALLEY.replace("2 * slopes * x,", "x * np.nan,"): "is not finite at its start point",
    BOWL.replace("(x[0] - 1) ** 2", "x"): "loss(x) has shape (2,) for x of shape (2,)",
    BOWL.replace("(x[0] - 1) ** 2 +", "None and"): "loss(x) returns None; it must return a number",
}


@pytest.mark.parametrize("text", BAD_FILES, ids=list(BAD_FILES.values()))
@pytest.mark.parametrize("line", ["show own.py", "run own.py -o sgd --steps 10"])
def test_a_bad_file_is_one_sentence_and_exit_2(cli, write, tmp_path, line, text):
    write("broken.py", "\ndef f(:\n")
    write("own.py", text)
    status, out, err = cli(line)

    assert (status, out) == (2, "")
    assert err.startswith("convergence: ")
    assert err.count("\n") == 1
    assert BAD_FILES[text] in err
    assert len(err) < 400
    assert not list(tmp_path.glob("*.npz"))


BAD_SPECIFICATIONS = {
    "missing.py": "there is no file 'missing.py' in '",
    "missing.py::bowl": "there is no file 'missing.py' in '",
    "/no/where.py": "there is no file '/no/where.py'",
    "no:where.py": "there is no problem 'no' and no file 'no:where.py'",
    "folder.py": "'folder.py' is a folder",
    "own.py::bow": "'own.py' holds no problem 'bow'; did you mean bowl?",
    "own.py::xyz": "'own.py' holds no problem 'xyz'; accepted: bowl, long_valley",
    "own.py::": "'own.py::' lacks a name after the colons; write own.py::long_valley, own.py::bowl",
    "own.py::long_valley:step=3": "has no parameter 'step'; did you mean steepness?",
    "own.py::bowl:step=3": "has no parameter 'step'; accepted: none",
    "own.py::long_valley:steepness=x": "cannot build 'own.py::long_valley:steepness=x': line 22: ",
    "own.py::long_valley:steepness": "'steepness' in 'own.py::long_valley:steepness' is not a",
    "own.py::long_valley:steepness=[1": "lacks a closing",
    "own.py::long_valley:": "is not a parameter; write name=value",
    "own.py::long_valley:steepness=-1": "mu=2.0 exceeds L=-2.0",
    f"{'a' * 300}.py": "cannot read 'aaa",
    "own.py/x.py": "there is no file 'own.py/x.py'",
}


@pytest.mark.parametrize("specification", BAD_SPECIFICATIONS)
@pytest.mark.parametrize("line", ["show '{}'", "run '{}' -o sgd", "check-problem '{}'"])
def test_a_bad_specification_is_one_sentence_and_exit_2(cli, write, line, specification):
    write("own.py", BOWL + VALLEY)
    write("folder.py/a.txt", "")
    status, out, err = cli(line.format(specification))

    assert (status, out) == (2, "")
    assert err.startswith("convergence: ")
    assert err.count("\n") == 1
    assert BAD_SPECIFICATIONS[specification] in err


def test_a_file_with_another_ending_is_named(write):
    write("bowl", BOWL)

    with pytest.raises(InputError, match=r"'bowl' is a file, but .* ends in \.py"):
        problems.find("bowl")


def test_an_unreadable_file_is_told(write, monkeypatch):
    write("own.py", BOWL)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"cannot read 'own\.py': Permission denied"):
        problems.find("own.py")


# Functions that are wrong


def nothing(x):
    return None


BAD_ARGUMENTS = [
    ({"loss": 3}, "loss=3 must be a function of a point"),
    ({"gradient": 3}, "gradient=3 must be a function of a point"),
    ({"gradient": "jaxx"}, "gradient='jaxx'; did you mean jax?"),
    ({"start": "abc"}, "start='abc' must be a number or a list of numbers"),
    ({"start": []}, "start=[] has no coordinates"),
    ({"start": [[1.0, 2.0]]}, "the start point has shape (1, 2)"),
    ({"start": [[1.0], [1.0, 2.0]]}, "must be a number or a list of numbers"),
    ({"start": [np.nan]}, "the start point [nan] is not finite"),
    ({"start": [3.0], "domain": Box(-1.0, 1.0)}, "lies outside the box [-1, 1]"),
    ({"start": [3.0, 0.0], "domain": Simplex()}, "lies outside the simplex"),
    ({"domain": "box"}, "domain='box' has no project"),
    ({"domain": Box}, "domain=Box is a class"),
    ({"constants": {"mu": 3, "L": 2}}, "mu=3.0 exceeds L=2.0"),
    ({"constants": {"Lip": 3}}, "'Lip' is no constant; did you mean L?"),
    ({"constants": {3: 3}}, "3 is no constant; accepted: "),
    ({"constants": {"L": np.nan}}, "L=nan must be finite"),
    ({"constants": {"L": "a"}}, "L='a' must be a number"),
    ({"constants": {"L": [1, 2]}}, "L=[1, 2] must be a number"),
    ({"constants": {"L": problems.exact([1, 2])}}, "must be a number"),
    ({"constants": {"L": -1}}, "L=-1.0 must not be negative"),
    ({"constants": {"minimizer": 0.0}}, "the minimizer has shape (1,), the start point (2,)"),
    ({"constants": ["L"]}, "constants=['L'] must be a mapping"),
    ({"tags": "convex"}, "tags='convex' must be a list, such as ['convex']"),
    ({"tags": [3]}, "tags=[3] must be a list"),
    ({"tags": ["convexx"]}, "'convexx' is no tag; did you mean convex"),
    ({"formula": 3}, "formula=3 must be a line of text"),
]


@pytest.mark.parametrize(("settings", "named"), BAD_ARGUMENTS)
def test_a_bad_argument_is_one_sentence(settings, named):
    with pytest.raises(InputError) as caught:
        made(**settings)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_VALUES = [
    ({"loss": lambda x: x}, "loss(x) has shape (2,) for x of shape (2,); it must return a number"),
    ({"loss": lambda x: x[:1]}, "loss(x) has shape (1,)"),
    ({"loss": nothing}, "loss(x) returns None; it must return a number"),
    ({"loss": lambda x: "a"}, "loss(x) is of type <U1"),
    ({"loss": lambda x: np.float32(1)}, "loss(x) is of type float32; it must be float64"),
    ({"loss": lambda x: 1j}, "loss(x) is of type complex128"),
    ({"loss": lambda x: np.nan}, "is not finite at its start point [1. 2.]"),
    ({"loss": lambda x: 1 / 0}, "is not finite at its start point [1. 2.]"),
    ({"loss": lambda x: {}[3]}, "loss(x) fails at x = [1. 2.]: KeyError: 3"),
    ({"loss": lambda x, y: 1.0}, "TypeError"),
    ({"loss": lambda x: sys.exit(3)}, "loss(x) fails at x = [1. 2.]: SystemExit: 3"),
    ({"gradient": lambda x: x[:1]}, "it must return an array of float64 of shape (2,)"),
    ({"gradient": lambda x: 1.0}, "gradient(x) has shape () for x of shape (2,)"),
    ({"gradient": lambda x: x[:, None]}, "gradient(x) has shape (2, 1)"),
    ({"gradient": nothing}, "gradient(x) returns None; it must return an array of float64"),
    ({"gradient": lambda x: np.array([1, 2])}, "gradient(x) is of type int64; it must be float64"),
    ({"gradient": lambda x: x.astype("f4")}, "gradient(x) is of type float32"),
    ({"gradient": lambda x: x * np.nan}, "is not finite at its start point"),
    ({"gradient": lambda x: [[1], [1, 2]]}, "gradient(x) fails at x = [1. 2.]: ValueError"),
]


@pytest.mark.parametrize(("settings", "named"), BAD_VALUES)
def test_a_bad_value_is_told_before_the_first_step(settings, named):
    problem = made(**settings)
    for call in (
        lambda: convergence.run(problem, "sgd", "constant:alpha=0.1", 10),
        lambda: convergence.check_problem(problem),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)


def test_integers_and_lists_are_numbers():
    problem = made(lambda x: 3, lambda x: [2.0 * x[0], 2.0 * x[1]])

    assert problem.loss([1.0, 2.0]).dtype == np.float64
    assert problem.gradient([1.0, 2.0]).tolist() == [2.0, 4.0]


def test_a_function_may_write_into_its_point_and_return_one_buffer():
    buffer = np.empty(2)

    def gradient(x):
        x *= 2
        buffer[:] = x
        return buffer

    x = np.arange(6.0).reshape(3, 2)
    assert made(gradient=gradient).gradient(x).tolist() == [[0, 2], [4, 6], [8, 10]]
    assert x[0].tolist() == [0, 1]


def test_points_may_have_any_leading_shape():
    problem = made()

    assert problem.loss(np.ones((3, 4, 2))).tolist() == np.full((3, 4), 2.0).tolist()
    assert problem.gradient(np.ones((3, 4, 2))).shape == (3, 4, 2)
    assert problem.gradient(np.ones((0, 2))).shape == (0, 2)
    assert float(problem.loss([1.0, 1.0])) == 2


def test_a_run_that_overflows_in_plain_floats_diverges():
    import math

    problem = from_function(
        lambda x: math.exp(x[0] ** 2), lambda x: [2 * x[0] * math.exp(x[0] ** 2)], start=[2.0]
    )
    record = convergence.run(problem, "sgd", "constant:alpha=1", 50)

    assert record.end.startswith("diverged at step")


def test_the_formula_is_given_or_the_docstring_or_the_name():
    assert made().formula == "f(x) = ||x||**2"
    assert made(formula="mine").formula == "mine"
    assert made(nothing).formula == "nothing"


# Derivatives by other libraries


def by_hand(function):
    """What differentiates like those libraries: by central differences, near enough."""

    def derivative(x):
        step = 1e-6 * np.eye(x.size)
        return np.array([(function(x + s) - function(x - s)) / 2e-6 for s in step])

    return derivative


def test_jax_differentiates_in_double_precision(monkeypatch):
    switches = {}
    jax = types.ModuleType("jax")
    jax.config = types.SimpleNamespace(update=switches.__setitem__)
    jax.grad = by_hand
    # As the library does, in single precision unless it is told otherwise.
    jax.numpy = types.SimpleNamespace(
        asarray=lambda x: x if switches.get("jax_enable_x64") else np.asarray(x, np.float32)
    )
    monkeypatch.setitem(sys.modules, "jax", jax)
    problem = from_function(lambda x: (x * x).sum(), "jax", start=[1.0, 2.0])

    problem.probe()
    assert switches == {"jax_enable_x64": True}
    assert problem.gradient([1.0, 2.0]).dtype == np.float64
    np.testing.assert_allclose(problem.gradient([1.0, 2.0]), [2, 4], rtol=1e-8)


class Tensor(np.ndarray):
    def numpy(self):
        return np.asarray(self)


def test_torch_differentiates_in_double_precision(monkeypatch):
    def grad(value, point):
        return (np.asarray(2 * point).view(Tensor),)

    torch = types.ModuleType("torch")
    torch.float64 = np.float64
    torch.tensor = lambda x, dtype, requires_grad=False: np.array(x, dtype).view(Tensor)
    torch.no_grad = lambda: pytest.MonkeyPatch.context()
    torch.autograd = types.SimpleNamespace(grad=grad)
    monkeypatch.setitem(sys.modules, "torch", torch)
    problem = from_function(lambda x: (x * x).sum(), "torch", start=[1.0, 2.0])

    problem.probe()
    assert float(problem.loss([1.0, 2.0])) == 5
    assert problem.gradient([1.0, 2.0]).tolist() == [2, 4]
    assert problem.gradient([1.0, 2.0]).dtype == np.float64


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_a_library_that_is_missing_is_named(monkeypatch, write, library):
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(InputError, match=f"needs the package {library}, which is not installed"):
        made(gradient=library)
    write("own.py", f"import problems\na = problems.from_function(abs, {library!r}, start=[1.0])\n")
    with pytest.raises(InputError, match=f"line 2: gradient='{library}' needs the package"):
        problems.find("own.py")


def test_with_jax_itself_the_laws_hold():
    jax = pytest.importorskip("jax")
    loss = jax.jit(lambda x: jax.numpy.logaddexp(0.0, x[0]) + x[1] ** 2)
    problem = from_function(
        loss, "jax", start=[1.0, 2.0], tags=["convex", "smooth"], constants={"L": 2, "minimum": 0}
    )
    (report,) = convergence.check_problem(problem)

    assert problem.gradient([1.0, 2.0]).dtype == np.float64
    assert not report.violated
    expected = [1 / (1 + np.exp(-1.0)), 4.0]
    np.testing.assert_allclose(problem.gradient([1.0, 2.0]), expected, rtol=1e-14)


def test_with_torch_itself_the_laws_hold():
    torch = pytest.importorskip("torch")
    problem = from_function(
        lambda x: torch.nn.functional.softplus(x[0]) + x[1] ** 2,
        "torch",
        start=[1.0, 2.0],
        tags=["convex", "smooth"],
        constants={"L": 2, "minimum": 0},
    )
    (report,) = convergence.check_problem(problem)

    assert problem.gradient([1.0, 2.0]).dtype == np.float64
    assert not report.violated


# The page about it

PAGE = (HOME / "docs" / "your-own-problems.md").read_text(encoding="utf-8")
BLOCKS = dict(
    zip(
        re.findall(r"In `(\w+\.py)`", PAGE),
        re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL),
        strict=True,
    )
)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_examples_of_the_page_are_short_and_run(cli, write, name):
    write(name, BLOCKS[name])
    status, out, err = cli(f"check-problem {name} --json")
    (report,) = json.loads(out)

    assert len(BLOCKS[name].strip().splitlines()) < 15
    assert err == ""
    assert status == (name == "bowl.py")
    assert report["violated"] == status
    assert cli(f"run {name} -o adam --steps 20 --seeds 2")[0] == 0


def test_the_commands_of_the_page_do_what_it_says(cli, write, tmp_path):
    for name, text in BLOCKS.items():
        write(name, text)
    lines = [line for line in PAGE.splitlines() if line.startswith("convergence ")]
    results = {line: cli(line.removeprefix("convergence ")) for line in lines}
    row, summary = PAGE.split("violated  ")[1].splitlines()[:2]
    checked = results["convergence check-problem bowl.py"]
    # The table folds its cells; what they say is the same.
    said = " ".join(checked[1].replace("│", " ").split())

    assert [status for status, _, _ in results.values()] == [0, 1]
    assert "violated " + " ".join(row.removesuffix("...").split()[:1]) in said
    for part in ("(g(x) - g(y)).(x - y) / ||x - y||**2 >= 3 is false:", "2 at ("):
        assert part.removesuffix("(") in row
        assert part in said
    assert summary == checked[1].splitlines()[-1]
    assert (tmp_path / "bowl.png").exists()
    assert cli("show valley.py:steepness=100")[0] == 0


def test_the_page_names_every_letter():
    assert all(f"`{letter}`" in PAGE for letter in problems.CONSTANTS)


def test_a_file_may_build_on_the_catalogue(tmp_path):
    file = tmp_path / "shifted.py"
    file.write_text(
        "from dataclasses import replace\n"
        "import problems\n"
        "base = problems.find('rosenbrock')\n"
        "mine = replace(base, entry=None, formula='from afar', start=[5.0, 5.0])\n",
        encoding="utf-8",
    )
    assert problems.find(f"{file}::mine").start.tolist() == [5.0, 5.0]
    assert "rosenbrock" in problems.catalogue


@pytest.mark.parametrize("form", ["{file}", "diagonal-lift:problem='{file}'"])
def test_records_tell_when_the_file_of_their_problem_has_changed(tmp_path, form):
    file = tmp_path / "bowl.py"
    text = (
        "import problems\n"
        "bowl = problems.from_function(lambda x: (x * x).sum(), lambda x: 2 * x, start=[1.0])\n"
    )
    file.write_text(text, encoding="utf-8")
    record = convergence.run(form.format(file=file), "adam", "constant:alpha=0.1", 10)
    convergence.save_records([record], tmp_path / "bowl.npz")
    convergence.load_records(tmp_path / "bowl.npz")
    file.write_text(text.replace("2 * x", "x + x"), encoding="utf-8")
    with pytest.warns(UserWarning, match="another version"):
        convergence.load_records(tmp_path / "bowl.npz")


def test_a_problem_of_ones_own_cannot_be_cited(tmp_path):
    with pytest.raises(InputError, match="no paper is on record"):
        convergence.cite("bowl.py")
