"""Products with chosen rows: what numpy finds, in index order, and the same for any lanes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems import find
from problems.data.files import breast_cancer
from problems.data.row_products import row_scores, row_sums
from problems.data.scores import HINGE

sizes = st.integers(0, 9)


def drawn(seed, lanes, batch, n, examples=7):
    generator = np.random.default_rng(seed)
    rows = generator.integers(0, examples, (lanes, batch))
    return (
        generator.standard_normal((examples, n)),
        rows,
        generator.standard_normal((lanes, n)),
        generator.standard_normal((lanes, batch)),
    )


@given(seed=st.integers(0, 2**32), lanes=sizes, batch=sizes, n=sizes)
def test_sums_are_taken_in_index_order(seed, lanes, batch, n):
    matrix, rows, vectors, weights = drawn(seed, lanes, batch, n)
    scores, sums = np.zeros((lanes, batch)), np.zeros((lanes, n))
    for j in range(n):
        scores += matrix[rows, j] * vectors[:, j : j + 1]
    for r in range(batch):
        sums += weights[:, r : r + 1] * matrix[rows[:, r]]
    np.testing.assert_array_equal(row_scores(matrix, rows, vectors), scores)
    np.testing.assert_array_equal(row_sums(matrix, rows, weights), sums)


@given(seed=st.integers(0, 2**32), batch=sizes)
def test_a_lane_has_the_same_bits_alone_and_among_others(seed, batch):
    matrix, rows, vectors, weights = drawn(seed, 5, batch, 6)
    scores, sums = row_scores(matrix, rows, vectors), row_sums(matrix, rows, weights)
    for lane in range(5):
        own = slice(lane, lane + 1)
        assert (row_scores(matrix, rows[own], vectors[own]) == scores[own]).all()
        assert (row_sums(matrix, rows[own], weights[own]) == sums[own]).all()


def test_what_is_not_finite_stays_with_its_lane():
    matrix, rows, vectors, weights = drawn(0, 3, 6, 4)
    vectors[1, 2], weights[1, 0] = np.nan, np.inf
    assert np.isnan(row_scores(matrix, rows, vectors)).any(axis=1).tolist() == [False, True, False]
    assert np.isfinite(row_sums(matrix, rows, weights)).all(axis=1).tolist() == [True, False, True]


def test_arrays_of_any_layout_are_taken():
    matrix, rows, vectors, weights = drawn(0, 8, 6, 4)
    turned = [np.asfortranarray(a) for a in (matrix, rows, vectors)]
    assert (row_scores(*turned) == row_scores(matrix, rows, vectors)).all()
    assert (row_sums(matrix, rows[::2], weights[::2]) == row_sums(matrix, rows, weights)[::2]).all()


@pytest.mark.parametrize("row", [-1, 7])
def test_a_row_that_is_not_there_is_refused(row):
    matrix, rows, vectors, weights = drawn(0, 3, 6, 4)
    rows[2, 5] = row
    with pytest.raises(IndexError, match="does not have"):
        row_scores(matrix, rows, vectors)
    with pytest.raises(IndexError, match="does not have"):
        row_sums(matrix, rows, weights)


def test_mini_batches_of_everything_are_the_whole():
    every, whole = np.arange(569)[None, :], find("breast-cancer-logistic")
    batch = find("breast-cancer-logistic:batch=569")
    w = np.random.default_rng(0).standard_normal((1, 30)) / 10
    np.testing.assert_allclose(
        batch.gradient_formula(w, every), whole.gradient_formula(w, None), rtol=1e-11, atol=1e-14
    )
    np.testing.assert_allclose(
        batch.loss_formula(w, every), whole.loss_formula(w, None), rtol=1e-12
    )


def test_a_mini_batch_has_the_scores_of_the_whole_to_the_last_bit():
    model = breast_cancer(HINGE)
    w = np.random.default_rng(0).standard_normal((3, model.size))
    rows = np.broadcast_to(np.arange(model.examples), (3, model.examples))
    assert (row_scores(model.features, rows, w) == model.scores(w)).all()
