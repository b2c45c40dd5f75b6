"""Products of a matrix with many vectors: index order, and the same bits for any number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems.matrix_product import product


def in_order(transposed, x):
    total = np.zeros((len(x), transposed.shape[1]))
    for row, coordinate in zip(transposed, x.T, strict=True):
        total = total + row * coordinate[:, None]
    return total


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_sums_go_in_index_order(terms, coordinates, vectors, seed):
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((terms, coordinates))
    x = generator.standard_normal((vectors, terms))
    assert np.array_equal(product(matrix, x), in_order(matrix, x))


@pytest.mark.parametrize("shape", [(129, 513), (256, 3), (2, 1025)])
def test_tiles_change_no_bit(shape):
    generator = np.random.default_rng(0)
    matrix, x = generator.standard_normal(shape), generator.standard_normal((6, shape[0]))
    assert np.array_equal(product(matrix, x), in_order(matrix, x))


def test_a_vector_has_the_same_bits_alone_and_among_others():
    generator = np.random.default_rng(1)
    matrix, x = generator.standard_normal((50, 40)), generator.standard_normal((2, 3, 50))
    together = product(matrix, x)
    assert together.shape == (2, 3, 40)
    for i in range(2):
        for j in range(3):
            assert np.array_equal(product(matrix, x[i, j]), together[i, j])
    # The library's product rounds otherwise, so that this can fail.
    assert not np.array_equal(np.matmul(x, matrix), together)


def test_infinities_and_nan_spread_as_in_sums():
    matrix = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = product(matrix, np.array([np.inf, 1.0]))
    assert found[0] == np.inf
    assert np.isnan(found[1])


def test_a_view_in_another_order_is_taken_as_it_reads():
    matrix = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(product(matrix.T, np.ones(3)), [3.0, 12.0])
