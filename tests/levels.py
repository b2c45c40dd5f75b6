"""Parametrised tests of which a share is quick: the rest is marked slow."""

from itertools import product

import pytest

# What a case of a claim costs is for the most part the rounds of all its lanes.
FEW_ROUNDS, MANY_ROUNDS = 500, 20_000


def rounds_of(run):
    """Of all lanes of an experiment, or of what else has steps and seeds."""
    return run.steps * (run.seeds if isinstance(run.seeds, int) else len(run.seeds))


def crossed(*axes):
    """All combinations; quick are as many as the longest axis has values, and each value is in one.

    They lie along diagonals, of which each axis turns into another when it begins anew, so that
    two short axes of one length do not only go in step.
    """
    longest = max(len(axis) for axis in axes)
    quick = {
        tuple((k + j * (k // len(axis))) % len(axis) for j, axis in enumerate(axes))
        for k in range(longest)
    }
    return [
        pytest.param(
            *(axis[i] for axis, i in zip(axes, places, strict=True)),
            id="-".join(str(axis[i]) for axis, i in zip(axes, places, strict=True)),
            marks=() if places in quick else pytest.mark.slow,
        )
        for places in product(*(range(len(axis)) for axis in axes))
    ]


def quick_if(quick, values, ids=str):
    """Values of which those are slow that a predicate refuses; one that takes tuples unpacks them.

    Args:
        quick: From a value to whether its test is quick.
        values: Of one parameter, or tuples of several.
        ids: From a value to the name of its test.
    """
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            id=ids(value),
            marks=() if quick(value) else pytest.mark.slow,
        )
        for value in values
    ]
