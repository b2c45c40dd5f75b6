"""A matrix times many vectors, each coordinate summed in index order.

A library's product rounds differently for different numbers of vectors, so that a lane would not
have the same bits alone and among others; vector by vector it reads the matrix again for each.
Here four vectors share what is read, and every sum is ((0 + a_1 x_1) + a_2 x_2) + ..., without
fused operations: the same bits for any number of vectors, on any machine.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["product"]

Array = NDArray[np.float64]

# A tile of the matrix, terms by coordinates, fits the second cache; it serves all vectors there.
_TERMS, _COORDINATES = 128, 512


def product(transposed: Array, x: Array) -> Array:
    """Sum over j of transposed[j] x_j for every x along the last axis: the matrix times x.

    Args:
        transposed: Shape (n, m): the matrix of shape (m, n), transposed, so that what is read
            together lies together.
        x: Shape (..., n).

    Returns:
        Shape (..., m).
    """
    vectors = np.ascontiguousarray(x, float).reshape(-1, x.shape[-1])
    out = np.zeros((len(vectors), transposed.shape[1]))
    _compiled()(np.ascontiguousarray(transposed, float), vectors, out)
    return out.reshape(*x.shape[:-1], -1)


def _add_to_four(a: Any, first: int, last: int, left: int, right: int, x: Any, out: Any) -> None:
    """Add terms `first` to `last` to the coordinates `left` to `right` of four vectors.

    Rows are cut out one by one: of those, unlike of a block, it is known that they are contiguous.
    """
    o0, o1, o2, o3 = out[0, left:right], out[1, left:right], out[2, left:right], out[3, left:right]
    # Four terms at a time: what stands in `out` is read and written once for all of them.
    for j in range(first, last - 3, 4):
        a0, a1 = a[j, left:right], a[j + 1, left:right]
        a2, a3 = a[j + 2, left:right], a[j + 3, left:right]
        x00, x01, x02, x03 = x[0, j], x[0, j + 1], x[0, j + 2], x[0, j + 3]
        x10, x11, x12, x13 = x[1, j], x[1, j + 1], x[1, j + 2], x[1, j + 3]
        x20, x21, x22, x23 = x[2, j], x[2, j + 1], x[2, j + 2], x[2, j + 3]
        x30, x31, x32, x33 = x[3, j], x[3, j + 1], x[3, j + 2], x[3, j + 3]
        for i in range(right - left):
            b0, b1, b2, b3 = a0[i], a1[i], a2[i], a3[i]
            o0[i] = (((o0[i] + b0 * x00) + b1 * x01) + b2 * x02) + b3 * x03
            o1[i] = (((o1[i] + b0 * x10) + b1 * x11) + b2 * x12) + b3 * x13
            o2[i] = (((o2[i] + b0 * x20) + b1 * x21) + b2 * x22) + b3 * x23
            o3[i] = (((o3[i] + b0 * x30) + b1 * x31) + b2 * x32) + b3 * x33
    rest = last - (last - first) % 4
    for vector in range(4):
        _add_to_one(a, rest, last, left, right, x[vector], out[vector])


def _add_to_one(a: Any, first: int, last: int, left: int, right: int, x: Any, out: Any) -> None:
    """The same for one vector."""
    o = out[left:right]
    for j in range(first, last - 3, 4):
        a0, a1 = a[j, left:right], a[j + 1, left:right]
        a2, a3 = a[j + 2, left:right], a[j + 3, left:right]
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        for i in range(right - left):
            o[i] = (((o[i] + a0[i] * x0) + a1[i] * x1) + a2[i] * x2) + a3[i] * x3
    for j in range(last - (last - first) % 4, last):
        a0, x0 = a[j, left:right], x[j]
        for i in range(right - left):
            o[i] += a0[i] * x0


def _add_products(transposed: Any, x: Any, out: Any) -> None:
    terms, coordinates = transposed.shape
    vectors = len(x)
    for first in range(0, terms, _TERMS):
        last = min(first + _TERMS, terms)
        for left in range(0, coordinates, _COORDINATES):
            right = min(left + _COORDINATES, coordinates)
            for v in range(0, vectors - 3, 4):
                _add_to_four(transposed, first, last, left, right, x[v : v + 4], out[v : v + 4])
            for v in range(vectors - vectors % 4, vectors):
                _add_to_one(transposed, first, last, left, right, x[v], out[v])


@cache
def _compiled() -> Any:
    """The loops in compiled code; as all of it stands in this file, its cache sees every edit."""
    from numba import njit
    from numba.extending import register_jitable

    register_jitable(_add_to_one)
    register_jitable(_add_to_four)
    return njit(cache=True, nogil=True, error_model="numpy")(_add_products)
