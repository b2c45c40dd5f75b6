"""Means over examples: mini-batches drawn with replacement, and blocks of lanes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.notation import require
from problems.parameters import is_whole
from problems.problem import Outcomes

__all__ = ["accepted_batch", "drawn_rows", "in_blocks", "row_outcomes"]

# The largest temporary array, in floats: 256 KB. Several of them stay in a core's cache, and the
# memory is not handed back to the system after every call.
_FLOATS = 1 << 15


def accepted_batch(batch: Any) -> int | None:
    """The number of examples of a mini-batch, or None for "full".

    Raises:
        InputError: It is neither.
    """
    if isinstance(batch, str) and batch == "full":
        return None
    require(is_whole(batch, 1), f"batch={batch!r} must be full or a whole number of at least 1")
    return int(batch)


def drawn_rows(
    batch: int, examples: int
) -> Callable[[NDArray[np.int64], NDArray[np.uint64]], NDArray[np.intp]]:
    """What draws the rows of mini-batches: (rounds, seeds) -> (rounds, seeds, batch)."""

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.intp]:
        index = np.arange(batch)[None, None, :]
        return draws.indices(seeds[None, :, None], rounds[:, None, None], index, examples)

    return samples


def row_outcomes(batch: int, examples: int) -> Outcomes:
    """Every row of a batch of one, of which a round averages `batch`."""
    every = np.arange(examples)[:, None]
    return Outcomes(every, np.full(examples, 1 / examples), averaged=batch)


def in_blocks(
    formula: Callable[..., NDArray[np.float64]], per_lane: int, *lanes: NDArray[Any]
) -> NDArray[np.float64]:
    """The formula of arrays whose leading axes are lanes, a block of lanes at a time.

    A lane gives the same bits in any block, and memory stays bounded for any number of lanes.

    Args:
        formula: Takes arrays of shape (lanes, k) and returns one with the same first axis.
        per_lane: The floats of its largest temporary array, for one lane.
        lanes: Arrays of shape (..., k), each with its own k.
    """
    leading, *others = (a.shape[:-1] for a in lanes)
    flat = list(lanes)
    # Broadcasting costs as much as a gradient of one lane, and most callers have nothing to do.
    if len(leading) != 1 or any(other != leading for other in others):
        leading = np.broadcast_shapes(leading, *others)
        flat = [
            np.broadcast_to(a, (*leading, a.shape[-1])).reshape(math.prod(leading), a.shape[-1])
            for a in lanes
        ]
    count = math.prod(leading)
    # In this order, whatever the order of the input, sums over the last axis round the same.
    flat = [np.ascontiguousarray(a) for a in flat]
    width = max(1, _FLOATS // per_lane)
    parts = [formula(*(a[i : i + width] for a in flat)) for i in range(0, max(count, 1), width)]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole.reshape((*leading, *whole.shape[1:]))
