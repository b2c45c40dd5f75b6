"""Random numbers that depend on (seed, t, i) and on nothing else.

The generator is Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011), a keyed bijection of a
128-bit counter: the seed is the key, round and index are the counter. A draw therefore never
depends on what was drawn before, on the number of lanes or on the order of evaluation.

Source: salmon2011; test vectors from the authors' Random123 distribution.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from problems.notation import require

__all__ = ["indices", "normal", "philox", "uniform"]

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_6, _26, _32 = np.uint64(6), np.uint64(26), np.uint64(32)
# From so many draws on, compiled code is worth its loading; from so many, where numba is loaded.
_MANY, _SOME = 1 << 16, 1 << 6
# And of so many draws of one round, making them side by side.
_TOGETHER = 4


def philox(counter: tuple[ArrayLike, ...], key: tuple[ArrayLike, ...]) -> tuple[NDArray, ...]:
    """Ten rounds of Philox 4x32.

    Args:
        counter: Four broadcastable arrays of 32-bit words.
        key: Two of them.

    Returns:
        Four arrays of 32-bit words, as uint64.
    """
    words = (np.asarray(word, np.uint64) for word in (*counter, *key))
    return _ten_rounds(*words)


def _ten_rounds(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, ...]:
    """Of arrays, and compiled of numbers."""
    for _ in range(10):
        first, second = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (second >> _32) ^ c1 ^ k0,
            second & _LOW,
            (first >> _32) ^ c3 ^ k1,
            first & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


def _one(seed: Any, t: Any, i: Any, stream: Any) -> Any:
    """The uniform number of one draw, or of arrays of them."""
    high, low, _, _ = _ten_rounds(t & _LOW, t >> _32, i, stream, seed & _LOW, seed >> _32)
    # 26 + 26 bits and a half: an odd multiple of 2**-53 is exact, never 0 and never 1.
    bits = ((high >> _6) << _26) | (low >> _6)
    return (bits * 1.0 + 0.5) * 2.0**-52


def _fill(seeds: Any, rounds: Any, index: Any, stream: Any, scale: Any, out: Any) -> None:
    first, second, third = out.shape
    for i in range(first):
        for j in range(second):
            for k in range(third):
                u = _one(seeds[i, j, k], rounds[i, j, k], index[i, j, k], stream)
                out[i, j, k] = u * scale


def _words(index: Any, t: Any, stream: Any, seed: Any, high: Any, low: Any) -> None:
    """The first two words of draws of one round, and nothing else: many are made at once."""
    for k in range(index.size):
        words = _ten_rounds(t & _LOW, t >> _32, index[k], stream, seed & _LOW, seed >> _32)
        high[k], low[k] = words[0], words[1]


def _fill_rounds(seeds: Any, rounds: Any, index: Any, stream: Any, scale: Any, out: Any) -> None:
    """The same where seeds and rounds have a last axis of one."""
    first, second, third = out.shape
    which = np.empty(third, np.uint64)
    high, low = np.empty_like(which), np.empty_like(which)
    for i in range(first):
        for j in range(second):
            for k in range(third):
                which[k] = index[i, j, k]
            _words(which, rounds[i, j, 0], stream, seeds[i, j, 0], high, low)
            for k in range(third):
                # As in `_one`; called as a function it would be no faster than one by one.
                bits = ((high[k] >> _6) << _26) | (low[k] >> _6)
                out[i, j, k] = (np.int64(bits) * 1.0 + 0.5) * 2.0**-52 * scale


@cache
def _compiled(fill: Callable[..., None]) -> Callable[..., None]:
    """A loop in compiled code; as all of it stands in this file, its cache sees every edit."""
    from numba import float64, njit, types, uint64
    from numba.extending import register_jitable

    for function in (_ten_rounds, _one, _words):
        register_jitable(function)
    # One program for arrays of any strides: compiling takes as long as millions of draws.
    words = types.Array(uint64, 3, "A", readonly=True)
    signature = types.void(words, words, words, uint64, float64, float64[:, :, ::1])
    made: Callable[..., None] = njit(signature, cache=True)(fill)
    return made


def _drawn(
    seeds: ArrayLike,
    rounds: ArrayLike,
    index: ArrayLike,
    stream: int,
    scale: float,
) -> NDArray[np.float64]:
    """Uniform numbers times a scale."""
    arrays = [np.asarray(a) for a in (seeds, rounds, index)]
    for name, a in zip(("seed", "round", "index"), arrays, strict=True):
        require(a.dtype.kind in "ui", f"{name} must be an integer, not {a.dtype}")
        require(not a.size or a.min() >= 0, f"{name} {a.min()} must not be negative")
    seed, t, i = (a.astype(np.uint64) for a in arrays)
    out = np.empty(np.broadcast_shapes(seed.shape, t.shape, i.shape))
    if out.size < (_SOME if "numba" in sys.modules else _MANY) or out.ndim > 3:
        out[...] = _one(seed, t, i, np.uint64(stream)) * scale
    else:
        deep = (*(1,) * (3 - out.ndim), *out.shape)
        alike = all(a.ndim == 0 or a.shape[-1] == 1 for a in (seed, t))
        parts = (np.broadcast_to(part, deep) for part in (seed, t, i))
        fill = _fill_rounds if alike and deep[-1] >= _TOGETHER else _fill
        _compiled(fill)(*parts, np.uint64(stream), scale, out.reshape(deep))
    return out


def uniform(
    seeds: ArrayLike, rounds: ArrayLike, index: ArrayLike = 0, stream: int = 0
) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1): 53-bit midpoints, so neither end is ever drawn.

    Args:
        seeds: Integers in [0, 2**64).
        rounds: Integers t in [0, 2**64).
        index: Integers i in [0, 2**32): which draw of the round. All three broadcast.
        stream: 0 for the samples of problems; other uses take other streams.

    Returns:
        float64 of the broadcast shape.

    Raises:
        InputError: A seed or round is negative.
    """
    return _drawn(seeds, rounds, index, stream, 1.0)


def indices(seeds: ArrayLike, rounds: ArrayLike, index: ArrayLike, size: int) -> NDArray[np.intp]:
    """Uniform integers in [0, size): floor(size * u), off uniform by less than size * 2**-52."""
    return _drawn(seeds, rounds, index, 0, float(size)).astype(np.intp)


def normal(seeds: ArrayLike, rounds: ArrayLike, index: ArrayLike = 0) -> NDArray[np.float64]:
    """Standard normal numbers: the quantile function at a uniform draw."""
    return np.asarray(ndtri(uniform(seeds, rounds, index)))
