"""What a parameter of a problem may be: one function for each kind of value.

Each returns the value as a plain Python number, list or word, or refuses it in one sentence that
names the value and exactly what is accepted. A bool is no number here, although Python counts it
among the integers; numbers of numpy are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from problems.notation import Number, nearest, require

__all__ = ["accepted_seed", "choice", "flag", "is_whole", "number", "numbers", "whole"]


def _as_float(value: Any) -> float:
    """The value as a float; not finite if it is no number, or too large for one.

    What was typed is not forgotten (see `problems.notation.Number`).
    """
    if isinstance(value, Number):
        return value
    if isinstance(value, Fraction):
        return Number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _because(why: str) -> str:
    return f": {why}" if why else ""


def is_whole(value: Any, least: int = 0, most: int | None = None) -> bool:
    """Whether it is a whole number in the range; a bool, or a float such as 2.0, is none."""
    return (
        isinstance(value, (int, np.integer))
        and not isinstance(value, bool)
        and int(value) >= least
        and (most is None or int(value) <= most)
    )


def whole(name: str, value: Any, least: int = 0, most: int | None = None, *, why: str = "") -> int:
    """A whole number.

    Args:
        name: Of the parameter.
        value: What was given for it.
        least: The least value accepted.
        most: The largest, if there is one.
        why: The reason for the range, for the end of the sentence.

    Raises:
        InputError: It is none, or outside the range.
    """
    accepted = f"of at least {least}" if most is None else f"from {least} to {most}"
    require(
        is_whole(value, least, most),
        f"{name}={value!r} must be a whole number {accepted}{_because(why)}",
    )
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    why: str = "",
) -> float:
    """A finite number.

    Args:
        name: Of the parameter.
        value: What was given for it.
        above: What it must exceed.
        least: The least value accepted; not together with `above`.
        below: What it must stay under.
        most: The largest value accepted; not together with `below`.
        why: The reason for the range, for the end of the sentence.

    Raises:
        InputError: It is no number, not finite or outside the range.
    """
    found = _as_float(value)
    low = "" if above is None else f"above {above:.15g}"
    low = low if least is None else f"of at least {least:.15g}"
    high = "" if below is None else f"below {below:.15g}"
    high = high if most is None else f"{'' if low else 'of '}at most {most:.15g}"
    # Between two bounds a number is finite anyway.
    kind = "a number" if low and high else "a finite number"
    accepted = " and ".join(filter(None, (low, high)))
    require(
        math.isfinite(found)
        and (above is None or found > above)
        and (least is None or found >= least)
        and (below is None or found < below)
        and (most is None or found <= most),
        f"{name}={value!r} must be {f'{kind} {accepted}'.strip()}{_because(why)}",
    )
    return found


def numbers(name: str, value: Any, least: int = 1, most: int | None = None) -> list[float]:
    """A list of finite numbers.

    Args:
        name: Of the parameter.
        value: What was given for it; a tuple will do.
        least: How many there must be.
        most: How many there may be, if that is limited.

    Raises:
        InputError: It is no list, holds something else or has another length.
    """
    if most is None:
        length = "" if least <= 1 else f"at least {least} "
    else:
        length = f"{least} " if least == most else f"{least} to {most} "
    example = ",".join(str(i + 1) for i in range(least if most == least else max(least, 2)))
    sentence = f"{name}={value!r} must be a list of {length}finite numbers, such as [{example}]"
    require(isinstance(value, (list, tuple)), sentence)
    found = [_as_float(entry) for entry in value]
    require(
        len(found) >= least
        and (most is None or len(found) <= most)
        and all(map(math.isfinite, found)),
        sentence,
    )
    return found


def accepted_seed(value: Any) -> int:
    """A seed of draws, 64 bits.

    Raises:
        InputError: It is no whole number from 0 to 2**64 - 1.
    """
    require(
        is_whole(value, 0, 2**64 - 1), f"seed={value!r} must be a whole number from 0 to 2**64 - 1"
    )
    return int(value)


def choice(name: str, value: Any, accepted: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        InputError: It is none of them; the sentence names the nearest, or all.
    """
    require(
        isinstance(value, str) and value in accepted,
        f"{name}={value!r} is not accepted; {nearest(str(value), accepted)}",
    )
    return str(value)


def flag(name: str, value: Any) -> bool:
    """True or false; 0 and 1 are neither.

    Raises:
        InputError: It is something else.
    """
    require(isinstance(value, bool), f"{name}={value!r} must be true or false")
    return bool(value)
