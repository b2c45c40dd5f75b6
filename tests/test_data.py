"""Reading data files."""

from pathlib import Path

import numpy as np
import pytest
from instances import TINY

import problems
from problems.data import read_svmlight
from problems.notation import InputError


def test_an_svmlight_file_is_read_as_it_stands():
    features, labels = read_svmlight(TINY)
    assert features.shape == (40, 12)
    assert sorted(set(labels)) == [-1.0, 1.0]
    first = Path(TINY).read_text(encoding="utf-8").splitlines()[0].split()
    assert labels[0] == float(first[0])
    for pair in first[1:]:
        index, value = pair.split(":")
        assert features[0, int(index) - 1] == float(value)
    assert features[0].nnz == len(first) - 1


def test_the_larger_label_counts_as_positive(tmp_path):
    file = tmp_path / "labels.svm"
    file.write_text("2 1:1\n1 1:-1\n2 1:0.5\n1 1:-2\n", encoding="utf-8")
    problem = problems.catalogue["svmlight-logistic"](path=str(file))
    assert problem.constants["minimizer"].value[0] > 0


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (3, "+1 2:x"),
        (1, "one 1:2"),
        (5, "+1 2:1 1:1"),
        (2, "+1 1:2:3"),
        (4, "+1 5"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path, line, named):
    lines = ["+1 1:1 2:2", "-1 1:0.5", "+1 2:1", "-1 1:-1 3:2", "+1 1:1"]
    lines[line - 1] = named
    file = tmp_path / "bad.svm"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_svmlight(file)
    assert f"line {line}:" in str(refused.value)
    assert named in str(refused.value)


@pytest.mark.parametrize("bad", ["+1 1:nan", "-1 1:inf", "nan 1:1"])
def test_a_value_that_is_not_finite_is_refused(tmp_path, bad):
    file = tmp_path / "nan.svm"
    file.write_text(f"+1 1:1\n-1 1:2\n{bad}\n", encoding="utf-8")
    with pytest.raises(InputError, match="3"):
        read_svmlight(file)


def test_comments_and_empty_lines_do_not_shift_the_number_of_a_bad_example(tmp_path):
    file = tmp_path / "comments.svm"
    file.write_text("# a comment\n\n+1 1:1\n-1 1:2\n+1 1:nan\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 5|example 3"):
        read_svmlight(file)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1 1:1\n2 1:2\n3 1:3\n", "3 different labels"),
        ("1 1:1\n1 1:2\n", "1 different labels"),
        ("1 1:1\n", "1 examples"),
        ("", "0 examples"),
    ],
)
def test_a_file_that_is_no_two_class_problem_is_refused(tmp_path, text, named):
    file = tmp_path / "few.svm"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        problems.catalogue["svmlight-logistic"](path=str(file))
    assert named in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_svmlight(tmp_path / "nowhere.svm")
    with pytest.raises(InputError, match="cannot read"):
        read_svmlight(tmp_path)
    with pytest.raises(InputError, match="not a file"):
        problems.catalogue["svmlight-logistic"](path=str(tmp_path))


def test_a_file_that_changes_is_read_again(tmp_path):
    file = tmp_path / "changing.svm"
    file.write_text("1 1:1\n-1 1:-1\n", encoding="utf-8")
    before = problems.catalogue["svmlight-logistic"](path=str(file)).constant("L")
    file.write_text("1 1:10\n-1 1:-1\n1 1:3\n", encoding="utf-8")
    after = problems.catalogue["svmlight-logistic"](path=str(file)).constant("L")
    assert after > before


@pytest.mark.parametrize(("features", "density", "each"), [(7, 0.4, 3), (50, 0.02, 1), (9, 1, 9)])
def test_sparse_rows_are_drawn_with_so_many_columns_that_increase(features, density, each):
    problem = problems.find(f"sparse-logistic:examples=40,features={features},density={density}")
    examples = problem.examples
    assert (np.diff(examples.features.indptr) == each).all()
    columns = examples.features.indices.reshape(40, each)
    assert (np.diff(columns, axis=1) > 0).all()
    assert columns.min() >= 0
    assert columns.max() < features
    assert set(examples.targets) == {-1.0, 1.0}
    assert problem.constant("nonzeros") == each


def test_sparse_rows_that_are_too_many_are_refused():
    with pytest.raises(InputError, match=r"hold more than 10000000 entries in all"):
        problems.find("sparse-logistic:examples=1_000_000,features=1_000_000,density=0.001")
    with pytest.raises(InputError, match=r"density=2.* must be a number above 0 and at most 1"):
        problems.find("sparse-logistic:density=2")


def test_logistic_regression_on_a_file_without_a_ridge_states_no_minimum():
    problem = problems.find(f"svmlight-logistic:path={TINY},ridge=0,batch=2")
    assert "minimum" not in problem.constants
    assert "strongly-convex" not in problem.tags
    assert "a plane separates" in problem.unknown["minimum"]
    with pytest.raises(InputError, match=r"ridge=-1.* must be a finite number of at least 0"):
        problems.find(f"svmlight-logistic:path={TINY},ridge=-1")
