"""Products with chosen rows of a dense matrix, without a copy of the rows.

Mini-batches choose a few rows for every lane. Gathering them writes and reads each number once
more than multiplying does, so compiled loops read them where they stand. Every sum is taken in the
order of its index: a lane has the same bits alone and among others, on any machine.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled_loops", "row_scores", "row_sums"]

Array = NDArray[np.float64]


def row_scores(matrix: Array, rows: NDArray[np.intp], vectors: Array) -> Array:
    """The products of chosen rows with the vector of their lane.

    Args:
        matrix: Shape (m, n).
        rows: Shape (lanes, batch), which rows of the matrix.
        vectors: Shape (lanes, n).

    Returns:
        Shape (lanes, batch): matrix[rows[l, r]] . vectors[l].

    Raises:
        IndexError: There is no such row.
    """
    out = np.empty(rows.shape)
    compiled_loops()[0](matrix, rows, vectors, out)
    return out


def row_sums(matrix: Array, rows: NDArray[np.intp], weights: Array) -> Array:
    """Weighted sums of chosen rows.

    Args:
        matrix: Shape (m, n).
        rows: Shape (lanes, batch), which rows of the matrix.
        weights: Shape (lanes, batch).

    Returns:
        Shape (lanes, n): the sum over r of weights[l, r] matrix[rows[l, r]].

    Raises:
        IndexError: There is no such row.
    """
    out = np.zeros((len(rows), matrix.shape[1]))
    compiled_loops()[1](matrix, rows, weights, out)
    return out


def _look(rows: Any, count: int) -> None:
    # Compiled code reads whatever stands beyond an end.
    for row in rows.flat:
        if row < 0 or row >= count:
            raise IndexError("a row that the matrix does not have")


def _scores(matrix: Any, rows: Any, vectors: Any, out: Any) -> None:
    """Four rows at a time: their sums do not wait for one another."""
    lanes, batch = rows.shape
    _look(rows, len(matrix))
    for lane in range(lanes):
        v = vectors[lane]
        for r in range(0, batch - 3, 4):
            a0, a1 = matrix[rows[lane, r]], matrix[rows[lane, r + 1]]
            a2, a3 = matrix[rows[lane, r + 2]], matrix[rows[lane, r + 3]]
            s0 = s1 = s2 = s3 = 0.0
            for j in range(v.size):
                s0 += a0[j] * v[j]
                s1 += a1[j] * v[j]
                s2 += a2[j] * v[j]
                s3 += a3[j] * v[j]
            out[lane, r], out[lane, r + 1], out[lane, r + 2], out[lane, r + 3] = s0, s1, s2, s3
        for r in range(batch - batch % 4, batch):
            a0, s0 = matrix[rows[lane, r]], 0.0
            for j in range(v.size):
                s0 += a0[j] * v[j]
            out[lane, r] = s0


def _sums(matrix: Any, rows: Any, weights: Any, out: Any) -> None:
    """Four rows at a time: each sum is read and written once for all of them."""
    lanes, batch = rows.shape
    _look(rows, len(matrix))
    for lane in range(lanes):
        o, w = out[lane], weights[lane]
        for r in range(0, batch - 3, 4):
            a0, a1 = matrix[rows[lane, r]], matrix[rows[lane, r + 1]]
            a2, a3 = matrix[rows[lane, r + 2]], matrix[rows[lane, r + 3]]
            w0, w1, w2, w3 = w[r], w[r + 1], w[r + 2], w[r + 3]
            for j in range(o.size):
                o[j] = (((o[j] + w0 * a0[j]) + w1 * a1[j]) + w2 * a2[j]) + w3 * a3[j]
        for r in range(batch - batch % 4, batch):
            a0, w0 = matrix[rows[lane, r]], w[r]
            for j in range(o.size):
                o[j] += w0 * a0[j]


@cache
def compiled_loops() -> tuple[Any, Any]:
    """Scores and sums as compiled functions (matrix, rows, vectors or weights, out).

    As all of them stands in this file, its cache sees every edit. What calls them from compiled
    code of its own must see to that itself.
    """
    from numba import njit
    from numba.extending import register_jitable

    register_jitable(_look)
    wanted = njit(cache=True, nogil=True, error_model="numpy")
    return wanted(_scores), wanted(_sums)
