"""One notation for everything that has a name and parameters.

A *specification* is `key` or `key:name=value,name=value`. Lists stand in brackets, text that
holds a comma or a colon in quotes: `periodic-linear:slopes=[3,-1,-1],domain=[-1,1]`,
`adam:beta1=0,eps=0`, `svmlight-logistic:path='a,b.svm'`.

A number that is typed stays exact: `0.1` and `1/10` are one tenth, `1/3` a third. It is a `Number`,
which arithmetic takes as the nearest float64 and exact arithmetic as what was typed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

__all__ = [
    "InputError",
    "Number",
    "exact",
    "format_specification",
    "format_value",
    "nearest",
    "parse",
    "read_value",
    "require",
]

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_INTEGER = re.compile(r"[+-]?[0-9](_?[0-9])*")
_FRACTION = re.compile(r"([+-]?[0-9]+)/([0-9]+)")
_DIGITS = r"[0-9](_?[0-9])*"
_DECIMAL = re.compile(rf"[+-]?({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})(e[+-]?[0-9]+)?")
# No float64 has more, and longer ones would take long to compute with.
_MOST_DIGITS, _MOST_EXPONENT = 400, 400
# Decimals of more places are written as fractions.
_MOST_PLACES = 40
_PLAIN = re.compile(r"[A-Za-z_.][A-Za-z0-9_./-]*")
_CLOSING = {"[": "]", "(": ")"}


class InputError(ValueError):
    """Bad input, told in one sentence: the offending value and what is accepted."""


def require(condition: object, sentence: str) -> None:
    """Raise InputError with this sentence unless the condition is true."""
    if not condition:
        raise InputError(sentence)


class Number(float):
    """A float64 that remembers the rational number that it was rounded from.

    Attributes:
        exact: The number that was typed.

    Raises:
        InputError: It is too large for a float64, or is not 0 but would be rounded to 0.
    """

    __slots__ = ("exact",)
    exact: Fraction

    def __new__(cls, value: Fraction | int) -> Number:
        """The float64 nearest to the number."""
        value = Fraction(value)
        try:
            rounded = float(value)
        except OverflowError:
            raise InputError(f"{_short(value)} is too large for a float64") from None
        if value and not rounded:
            raise InputError(f"{_short(value)} is so small that a float64 makes it 0")
        number = super().__new__(cls, rounded)
        number.exact = value
        return number

    def __neg__(self) -> Number:
        """The negative, as exact as the number."""
        return Number(-self.exact)

    def __reduce__(self) -> tuple[Any, ...]:
        return Number, (self.exact,)


def _short(value: Fraction) -> str:
    size = math.log10(abs(value.numerator)) - math.log10(value.denominator)
    return f"a number of about {'-' if value < 0 else ''}1e{round(size)}"


def exact(value: Any) -> Fraction | None:
    """The rational number that a value stands for; None if it is no finite number.

    A float stands for the decimal that Python prints for it, a `Number` for what was typed.
    """
    if isinstance(value, Number):
        return value.exact
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, (float, np.floating)):
        return Fraction(repr(float(value))) if math.isfinite(value) else None
    return Fraction(int(value)) if isinstance(value, np.integer) else None


def nearest(word: str, accepted: Iterable[str]) -> str:
    """A clause naming what is accepted, the most similar first, for the end of a sentence."""
    names = sorted(set(accepted))
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.4)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "accepted: " + (", ".join(names) if names else "none")


def _split(text: str, separator: str, whole: str) -> list[str]:
    """Split at a separator that stands outside brackets and quotes."""
    parts, depth, quote, start = [], [], "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _CLOSING:
            depth.append(_CLOSING[character])
        elif character in _CLOSING.values():
            require(depth and depth.pop() == character, f"{whole!r} has a stray {character!r}")
        elif character == separator and not depth:
            parts.append(text[start:position])
            start = position + 1
    require(not depth, f"{whole!r} lacks a closing {''.join(reversed(depth))!r}")
    require(not quote, f"{whole!r} lacks a closing quote {quote}")
    return [*parts, text[start:]]


def _value(text: str, whole: str) -> Any:
    text = text.strip()
    require(text, f"{whole!r} has an empty value; write name=value")
    if text[0] in "'\"":
        require(len(text) > 1 and text[-1] == text[0], f"{whole!r} has text after a quote")
        return text[1:-1]
    if text[0] in _CLOSING:
        require(text[-1] == _CLOSING[text[0]], f"{whole!r} has text after a bracket")
        inside = text[1:-1].strip()
        return [_value(part, whole) for part in _split(inside, ",", whole)] if inside else []
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        _require_short(text, whole)
        return int(text)
    if fraction := _FRACTION.fullmatch(text):
        _require_short(text, whole)
        numerator, denominator = map(int, fraction.groups())
        require(denominator, f"{text!r} in {whole!r} divides by zero")
        return _number(Fraction(numerator, denominator), whole)
    if _DECIMAL.fullmatch(text.lower()):
        _require_short(text, whole)
        exponent = int(text.lower().partition("e")[2] or 0)
        require(
            abs(exponent) <= _MOST_EXPONENT,
            f"{text!r} in {whole[:40]!r} has an exponent beyond {_MOST_EXPONENT}",
        )
        number = _number(Fraction(text), whole)
        # A zero below zero is a float of its own.
        return number if number or not text.startswith("-") else -0.0
    try:
        return float(text)
    except ValueError:
        return text


def _number(value: Fraction, whole: str) -> Number:
    try:
        return Number(value)
    except InputError as error:
        raise InputError(f"{whole!r} has {error}") from None


def _require_short(text: str, whole: str) -> None:
    require(len(text) <= _MOST_DIGITS, f"{text[:20]}... in {whole[:40]!r} has {len(text)} digits")


def read_value(text: str) -> Any:
    """Read one value, as after `name=`.

    Raises:
        InputError: The text is empty, or a bracket or quote is not closed.
    """
    require(len(_split(text, ",", text)) == 1, f"{text!r} is more than one value")
    return _value(text, text)


def parse(specification: str) -> tuple[str, dict[str, Any]]:
    """Read `key:name=value,...`.

    Returns:
        The key and the parameters; integers, fractions `1/10` and decimals (each a `Number`),
        true, false and bracketed lists become Python values, anything else stays text.

    Raises:
        InputError: The text is not in the notation.
    """
    key, colon, rest = specification.strip().partition(":")
    require(
        _KEY.fullmatch(key),
        f"{specification!r} is not a key; write key or key:name=value,name=value",
    )
    parameters: dict[str, Any] = {}
    if not colon:
        return key, parameters
    for part in _split(rest, ",", specification):
        name, equals, value = part.partition("=")
        name = name.strip()
        require(
            equals and name.isidentifier(),
            f"{part.strip()!r} in {specification!r} is not a parameter; write name=value",
        )
        require(name not in parameters, f"{name!r} is given twice in {specification!r}")
        parameters[name] = _value(value, specification)
    return key, parameters


def _exactly(value: Fraction) -> str:
    """A decimal if there is one of few digits, else a fraction."""
    for places in range(_MOST_PLACES):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(scaled.numerator)).rjust(places + 1, "0")
            sign = "-" if value < 0 else ""
            return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}"
    return str(value)


def format_value(value: Any) -> str:
    """The inverse of reading one value.

    Raises:
        InputError: The value is text with both kinds of quotes, which the notation cannot hold.
    """
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, Fraction):
        value = Number(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        text = repr(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
        # The shortest text that reads as the same number.
        typed = exact(value)
        return text if typed is None or typed == Fraction(text) else _exactly(typed)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(format_value, value)) + "]"
    if not isinstance(value, str):
        return str(value)
    # Text stands without quotes if it then reads as the same text.
    if _PLAIN.fullmatch(value) and _value(value, value) == value:
        return value
    require("'" not in value or '"' not in value, f"{value!r} holds both kinds of quotes")
    return f'"{value}"' if "'" in value else f"'{value}'"


def format_specification(key: str, parameters: Mapping[str, Any]) -> str:
    """The canonical text of a specification, which `parse` reads back."""
    if not parameters:
        return key
    return key + ":" + ",".join(f"{name}={format_value(v)}" for name, v in parameters.items())
