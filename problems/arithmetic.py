"""The operations that formulas may use, for every kind of number.

Update rules, quantities and one-dimensional problems are written over + - * / and the functions
below, with no array library named in them. Floats and numpy arrays are served here; a traced
expression records the operation by its methods `called` and `made`.

`maximum`, `minimum` and `sign` are *defined* by comparisons on floats and arrays, because library
versions disagree with compiled code on signed zeros and on NaN:

- `maximum(a, b)` is a where a > b, else b: of +0 and -0 the second; NaN if b is NaN, and b if a
  is. Write the newer quantity second, so that its NaN is seen.
- `sign(x)` is x itself where x is neither above nor below zero: signed zeros and NaN are kept.

`expit` rounds as the exponential of the machine does: only losses of examples may use it.

Rules that see a block of the iterate as a matrix, along the last two axes, have `sum_along` and its
like, which keep both axes, `matmul`, `transpose`, `polar` and `inverse_fourth_root`. Sums are taken
in index order.

A formula that changes at a certain number, as `eps=0` leaves out an addition, asks `fixed_at`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal

import numpy as np
from scipy import special

__all__ = [
    "Axis",
    "clip",
    "expit",
    "fixed_at",
    "inverse_fourth_root",
    "matmul",
    "maximum",
    "maximum_along",
    "mean_along",
    "minimum",
    "norm_along",
    "polar",
    "ratio",
    "sign",
    "sqrt",
    "sum_along",
    "transpose",
    "where",
]

#: "rows" gives one number for each row, "columns" for each column, "block" one for the block.
Axis = Literal["rows", "columns", "block"]


def sqrt(x: Any) -> Any:
    """The square root, correctly rounded on floats; NaN below zero."""
    if isinstance(x, np.ndarray):
        return np.sqrt(x)
    if isinstance(x, (float, int)):
        return math.sqrt(x) if x >= 0 else math.nan
    return x.called("sqrt")


def where(condition: Any, a: Any, b: Any) -> Any:
    """A where the condition holds, else b."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, a, b)
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    return condition.called("where", a, b)


def _symbol(*values: Any) -> Any:
    """The first that is no float and no array, or None."""
    return next((value for value in values if hasattr(value, "called")), None)


def maximum(a: Any, b: Any) -> Any:
    """The larger; b if they are equal or either is NaN."""
    symbol = _symbol(a, b)
    return where(a > b, a, b) if symbol is None else symbol.made("maximum", a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller; b if they are equal or either is NaN."""
    symbol = _symbol(a, b)
    return where(a < b, a, b) if symbol is None else symbol.made("minimum", a, b)


def sign(x: Any) -> Any:
    """+1, -1, or x itself (a signed zero, NaN)."""
    return x.called("sign") if _symbol(x) is not None else where(x > 0, 1.0, where(x < 0, -1.0, x))


def clip(x: Any, low: Any, high: Any) -> Any:
    """X moved into [low, high], low <= high; NaN stays NaN."""
    symbol = _symbol(x, low, high)
    if symbol is not None:
        return symbol.made("clip", x, low, high)
    return where(x < low, low, where(x > high, high, x))


def fixed_at(value: Any, number: float) -> bool:
    """Whether a setting is the number at which the formula changes.

    A setting that stays a letter is not: that a formula may change there is declared with the
    setting, and whether it does is decided before.
    """
    return value.fixed_at(number) if hasattr(value, "fixed_at") else bool(value == number)


def ratio(a: Any, b: Any) -> Any:
    """A / b with 0/0 read as 0, as the theorems without an epsilon do."""
    return where(abs(a) > 0, a / b, a)


def expit(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return special.expit(x) if isinstance(x, (np.ndarray, float)) else x.called("expit")


# Of blocks: matrices along the last two axes

_AXES: dict[str, tuple[int, ...]] = {"rows": (-1,), "columns": (-2,), "block": (-2, -1)}


def _summed(x: Any, axis: Axis) -> Any:
    """Sums in index order: add.accumulate is sequential where add.reduce sums pairwise."""
    if axis == "block":
        flat = x.reshape(*x.shape[:-2], 1, -1)
        return np.add.accumulate(flat, axis=-1)[..., -1:]
    at = _AXES[axis][0]
    return np.take(np.add.accumulate(x, axis=at), [-1], axis=at)


def sum_along(x: Any, axis: Axis) -> Any:
    """The sum of each row, of each column or of the block; both axes are kept."""
    return _summed(x, axis) if isinstance(x, np.ndarray) else x.called(f"sum_{axis}")


def mean_along(x: Any, axis: Axis) -> Any:
    """The mean of each row, of each column or of the block; both axes are kept."""
    if not isinstance(x, np.ndarray):
        return x.called(f"mean_{axis}")
    return _summed(x, axis) / math.prod(x.shape[at] for at in _AXES[axis])


def maximum_along(x: Any, axis: Axis) -> Any:
    """The largest of each row, of each column or of the block; both axes are kept."""
    if not isinstance(x, np.ndarray):
        return x.called(f"maximum_{axis}")
    return x.max(axis=_AXES[axis], keepdims=True)


def norm_along(x: Any, axis: Axis) -> Any:
    """The Euclidean norm of each row, of each column or of the block; both axes are kept."""
    return np.sqrt(_summed(x * x, axis)) if isinstance(x, np.ndarray) else x.called(f"norm_{axis}")


def matmul(a: Any, b: Any) -> Any:
    """The product of matrices, each entry summed in index order."""
    if not isinstance(a, np.ndarray):
        return a.called("matmul", b)
    product = a[..., :, :1] * b[..., :1, :]
    for k in range(1, a.shape[-1]):
        product += a[..., :, k : k + 1] * b[..., k : k + 1, :]
    return product


def transpose(a: Any) -> Any:
    """The transposed matrix."""
    return np.swapaxes(a, -1, -2) if isinstance(a, np.ndarray) else a.called("transpose")


# From so many entries on, compiled code is worth its loading where numba is loaded.
_SOME = 16
# Columns count as orthogonal once the cosine between them is below this.
_ORTHOGONAL = 1e-15
_MOST_SWEEPS = 60


def polar(a: Any) -> Any:
    """The polar factor U V^T of a matrix U diag(s) V^T, with 0 where s is 0."""
    if not isinstance(a, np.ndarray):
        return a.called("polar")
    if a.shape[-2] < a.shape[-1]:
        return np.swapaxes(polar(np.swapaxes(a, -1, -2)), -1, -2)
    left, sizes, right, largest = _singular(a)
    unit = np.where(sizes > 0, left / np.where(sizes > 0, sizes, 1.0), 0.0)
    return np.where(np.isfinite(largest), matmul(unit, np.swapaxes(right, -1, -2)), np.nan)


def inverse_fourth_root(a: Any) -> Any:
    """A**(-1/4) of a symmetric matrix without negative eigenvalues.

    It is 0 along eigenvectors whose eigenvalue is 0, or lost in the rounding of the largest.
    """
    if not isinstance(a, np.ndarray):
        return a.called("inverse_fourth_root")
    _, sizes, right, largest = _singular(a)
    sizes = np.ldexp(sizes, np.frexp(largest)[1])
    roots = np.where(sizes > 0, 1.0 / np.sqrt(np.sqrt(np.where(sizes > 0, sizes, 1.0))), 0.0)
    root = matmul(right * roots, np.swapaxes(right, -1, -2))
    return np.where(np.isfinite(largest), root, np.nan)


def _singular(a: Any) -> tuple[Any, Any, Any, Any]:
    """Of matrices with at least as many rows as columns, U diag(s), s, V, and the largest entry.

    The first two are over the power of 2 that is next above the largest entry, and an s that is
    nothing but rounding is 0. Columns are turned in pairs until all are orthogonal (Hestenes'
    one-sided Jacobi method): plain arithmetic, so that every machine, and a lane alone or among
    others, has the same bits.
    """
    n = a.shape[-1]
    largest = np.abs(a).max(axis=(-2, -1), keepdims=True)
    # By a power of 2, which rounds nothing: squares must neither overflow nor vanish.
    left = np.ascontiguousarray(np.where(largest > 0, np.ldexp(a, -np.frexp(largest)[1]), 0.0))
    right = np.broadcast_to(np.eye(n), (*a.shape[:-2], n, n)).copy()
    if left.size >= _SOME and n > 1 and "numba" in sys.modules:
        shaped = (each.reshape(-1, *each.shape[-2:]) for each in (left, right))
        _compiled_sweeps()(*shaped, _pairs(n))
    else:
        for _ in range(_MOST_SWEEPS):
            turned = False
            for p, q in _rounds(n):
                turned |= _turn(left, right, p, q)
            if not turned:
                break
    sizes = np.sqrt(_summed(left * left, "columns"))
    # What is left of a column that depends on the others is rounding, and has no direction.
    enough = sizes > n * 2.0**-52 * sizes.max(axis=-1, keepdims=True)
    return left, np.where(enough, sizes, 0.0), right, largest


@lru_cache(maxsize=64)
def _rounds(n: int) -> tuple[tuple[Any, Any], ...]:
    """Every pair of n columns, in rounds of pairs that have no column in common.

    As in a tournament: the first stays in its place, and all others move on by one.
    """
    players = list(range(n + n % 2))
    found = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], reversed(players[half:]), strict=True)
        met = [sorted(pair) for pair in pairs if max(pair) < n]
        if met:
            found.append(tuple(np.array(met).T))
        players = [players[0], players[-1], *players[1:-1]]
    return tuple(found)


@lru_cache(maxsize=64)
def _pairs(n: int) -> Any:
    """The same pairs one after the other, (pairs, 2)."""
    return np.concatenate([np.stack(pair, axis=1) for pair in _rounds(n)]).astype(np.int64)


def _sweeps(lefts: Any, rights: Any, pairs: Any) -> None:
    """`_turn` of all pairs until none turns: matrix by matrix, the same operations in their order.

    In a matrix in which nothing turned nothing will, whatever happens in others.
    """
    for lane in range(len(lefts)):
        left, right = lefts[lane], rights[lane]
        for _ in range(_MOST_SWEEPS):
            turned = False
            for k in range(len(pairs)):
                p, q = pairs[k]
                a, b, c = left[0, p] * left[0, p], left[0, q] * left[0, q], left[0, p] * left[0, q]
                for i in range(1, len(left)):
                    a += left[i, p] * left[i, p]
                    b += left[i, q] * left[i, q]
                    c += left[i, p] * left[i, q]
                if not abs(c) > _ORTHOGONAL * np.sqrt(a * b):
                    continue
                turned = True
                half = (b - a) / (2.0 * c)
                sign = 1.0 if half >= 0 else -1.0
                tangent = sign / (abs(half) + np.sqrt(1.0 + half * half))
                cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
                sine = tangent * cosine
                for i in range(len(left)):
                    x, y = left[i, p], left[i, q]
                    left[i, p] = cosine * x - sine * y
                    left[i, q] = sine * x + cosine * y
                for i in range(len(right)):
                    x, y = right[i, p], right[i, q]
                    right[i, p] = cosine * x - sine * y
                    right[i, q] = sine * x + cosine * y
            if not turned:
                break


@cache
def _compiled_sweeps() -> Callable[..., None]:
    """The loop in compiled code; it stands in this file, so that its cache sees every edit."""
    from numba import float64, int64, njit, void

    arrays = float64[:, :, ::1], float64[:, :, ::1], int64[:, ::1]
    made: Callable[..., None] = njit(void(*arrays), cache=True, error_model="numpy")(_sweeps)
    return made


def _turn(left: Any, right: Any, p: Any, q: Any) -> bool:
    """Make columns p and q of `left` orthogonal, in place; `right` gathers the rotations."""
    x, y = left[..., p], left[..., q]
    a, b = (np.add.accumulate(v * v, axis=-2)[..., -1:, :] for v in (x, y))
    c = np.add.accumulate(x * y, axis=-2)[..., -1:, :]
    apart = np.abs(c) > _ORTHOGONAL * np.sqrt(a * b)
    if not apart.any():
        return False
    half = (b - a) / np.where(apart, 2.0 * c, 1.0)
    with np.errstate(over="ignore"):
        tangent = np.where(half >= 0, 1.0, -1.0) / (np.abs(half) + np.sqrt(1.0 + half * half))
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    sine = tangent * cosine
    for matrix in (left, right):
        x, y = matrix[..., p], matrix[..., q]
        matrix[..., p] = np.where(apart, cosine * x - sine * y, x)
        matrix[..., q] = np.where(apart, sine * x + cosine * y, y)
    return True
