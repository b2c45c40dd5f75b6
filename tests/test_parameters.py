"""Parameters of problems: what is accepted, and the sentence that refuses the rest."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import TINY, TINY_CSV

import problems
from problems.notation import InputError
from problems.parameters import accepted_seed, choice, flag, is_whole, number, numbers, whole

NO_NUMBERS = (True, False, np.True_, None, "1", "text", [1], (), {}, 1j, b"1", np.array([1.0]))
NOT_FINITE = (math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), 10**400)


def refusal(function, *arguments, **settings):
    with pytest.raises(InputError) as refused:
        function(*arguments, **settings)
    return str(refused.value)


# Whole numbers


@given(st.integers(), st.integers(), st.none() | st.integers())
def test_whole_accepts_exactly_the_whole_numbers_of_its_range(value, least, most):
    inside = least <= value and (most is None or value <= most)
    assert is_whole(value, least, most) == inside
    if inside:
        assert whole("n", value, least, most) == value
    else:
        assert refusal(whole, "n", value, least, most).startswith(f"n={value} must be a whole ")


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint64])
def test_whole_makes_a_plain_number_of_one_of_numpy(kind):
    assert type(whole("n", kind(3))) is int


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE[:-1], 2.0, np.float64(2)])
def test_whole_refuses_what_is_no_whole_number(value):
    assert not is_whole(value)
    assert refusal(whole, "n", value) == f"n={value!r} must be a whole number of at least 0"


def test_whole_says_what_it_accepts():
    assert refusal(whole, "dimension", 0, 1) == "dimension=0 must be a whole number of at least 1"
    assert refusal(whole, "n", 13, 2, 12) == "n=13 must be a whole number from 2 to 12"
    assert refusal(whole, "n", 1, 2, why="two form a pair") == (
        "n=1 must be a whole number of at least 2: two form a pair"
    )


# Numbers


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    *[st.none() | st.floats(-10, 10) for _ in range(4)],
)
def test_number_accepts_exactly_the_finite_numbers_of_its_range(value, above, least, below, most):
    inside = (
        (above is None or value > above)
        and (least is None or value >= least)
        and (below is None or value < below)
        and (most is None or value <= most)
    )
    bounds = {"above": above, "least": least, "below": below, "most": most}
    if inside:
        assert number("a", value, **bounds) == value
    else:
        assert refusal(number, "a", value, **bounds).startswith(f"a={value!r} must be a ")


@pytest.mark.parametrize("value", [3, 3.0, np.int32(3), np.uint8(3), np.float32(3), np.float64(3)])
def test_number_makes_a_plain_float_of_any_real_number(value):
    found = number("a", value)
    assert type(found) is float
    assert found == 3.0


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE])
def test_number_refuses_what_is_no_finite_number(value):
    assert refusal(number, "a", value) == f"a={value!r} must be a finite number"


@pytest.mark.parametrize(
    ("bounds", "accepted"),
    [
        ({"above": 0}, "a finite number above 0"),
        ({"least": 0.05}, "a finite number of at least 0.05"),
        ({"below": 2}, "a finite number below 2"),
        ({"most": 0}, "a finite number of at most 0"),
        ({"above": 0, "most": 1}, "a number above 0 and at most 1"),
        ({"least": 0, "below": 0.5}, "a number of at least 0 and below 0.5"),
        ({"least": 1, "why": "it is L / mu"}, "a finite number of at least 1: it is L / mu"),
    ],
)
def test_number_says_what_it_accepts(bounds, accepted):
    value = -1 if {"above", "least"} & set(bounds) else 3
    assert refusal(number, "tau", value, **bounds) == f"tau={value} must be {accepted}"


# Lists, seeds, words


@given(st.lists(st.floats(-10, 10) | st.integers(-10, 10), max_size=5), st.integers(0, 4))
def test_numbers_accepts_lists_that_are_long_enough(values, least):
    for given_as in (values, tuple(values)):
        if len(values) >= least:
            found = numbers("slopes", given_as, least)
            assert found == values
            assert all(type(entry) is float for entry in found)
        else:
            assert refusal(numbers, "slopes", given_as, least).startswith(f"slopes={given_as!r} ")


@pytest.mark.parametrize("entry", [*NO_NUMBERS, *NOT_FINITE])
def test_numbers_refuses_a_list_that_holds_something_else(entry):
    value = [1, entry]
    assert refusal(numbers, "slopes", value) == (
        f"slopes={value!r} must be a list of finite numbers, such as [1,2]"
    )


@pytest.mark.parametrize("value", [3, 2.5, "[1,2]", None, True, {1: 2}, 1j])
def test_numbers_refuses_what_is_no_list(value):
    assert refusal(numbers, "slopes", value).startswith(f"slopes={value!r} must be a list of ")


def test_numbers_says_how_many_it_accepts():
    assert refusal(numbers, "s", [1], 3) == (
        "s=[1] must be a list of at least 3 finite numbers, such as [1,2,3]"
    )
    assert refusal(numbers, "s", [1, 2, 3], 2, 2) == (
        "s=[1, 2, 3] must be a list of 2 finite numbers, such as [1,2]"
    )
    assert refusal(numbers, "s", [1, 2, 3], 1, 2) == (
        "s=[1, 2, 3] must be a list of 1 to 2 finite numbers, such as [1,2]"
    )


@pytest.mark.parametrize("value", [0, 1, 2**64 - 1, np.uint64(2**64 - 1)])
def test_a_seed_has_64_bits(value):
    assert accepted_seed(value) == int(value)


@pytest.mark.parametrize("value", [-1, 2**64, 0.0, *NO_NUMBERS])
def test_any_other_seed_is_refused(value):
    sentence = f"seed={value!r} must be a whole number from 0 to 2**64 - 1"
    assert refusal(accepted_seed, value) == sentence


def test_a_choice_names_the_nearest_word_or_all():
    accepted = ("geometric", "linear")
    assert choice("spectrum", "linear", accepted) == "linear"
    assert refusal(choice, "spectrum", "linaer", accepted) == (
        "spectrum='linaer' is not accepted; did you mean linear?"
    )
    for value in NO_NUMBERS:
        sentence = refusal(choice, "spectrum", value, accepted)
        assert sentence.startswith(f"spectrum={value!r} is not accepted; ")


def test_a_flag_is_true_or_false():
    assert flag("rotated", True) is True
    assert flag("rotated", False) is False
    for value in (0, 1, "true", None, [True]):
        assert refusal(flag, "rotated", value) == f"rotated={value!r} must be true or false"


# Every problem

#: What nobody can mean by a number.
NONSENSE = (
    *(True, False, "text", None, math.nan, math.inf, -math.inf, np.float32("nan")),
    *([], [1], [1, "text"], [math.nan, 1], [[1, 2]], {}, 1j),
)
#: What some parameters accept, alone or together with the other defaults.
DOUBTFUL = (0, -1, 2.5)
FILES = {"svmlight": {"path": TINY}, "csv": {"path": TINY_CSV, "target": "y"}}


def required(entry):
    """Settings for the parameters that have no default."""
    settings = dict(FILES.get(entry.key.partition("-")[0], {}))
    if entry.key == "csv-logistic":
        settings["target"] = "sign"
    return settings


PARAMETERS = [
    pytest.param(entry, name, default, id=f"{entry.key}-{name}")
    for entry in problems.catalogue
    for name, default in entry.parameters.items()
    if default is not inspect.Parameter.empty
]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def outcome(entry, name, value):
    """The sentence that refuses the value, or None if a problem is built."""
    try:
        problem = entry(**{**required(entry), name: value})
    except InputError as error:
        return str(error)
    assert np.isfinite(problem.start).all()
    return None


@pytest.mark.parametrize(("entry", "name", "default"), PARAMETERS)
def test_nonsense_is_refused_in_one_sentence_that_begins_with_it(entry, name, default):
    # No float is that large; as a whole number it may be accepted, and fill the memory.
    huge = [10**400] if isinstance(default, float) else []
    sentences = {repr(v): outcome(entry, name, v) for v in (*NONSENSE, *huge)}
    refused = {v: s for v, s in sentences.items() if s is not None}
    if is_number(default):
        assert list(refused) == list(sentences)
    for value, sentence in refused.items():
        assert sentence.startswith(f"{name}={value} ")
        assert "\n" not in sentence


@pytest.mark.parametrize(("entry", "name", "default"), PARAMETERS)
def test_a_doubtful_number_builds_or_is_refused_by_name(entry, name, default):
    for value in DOUBTFUL:
        sentence = outcome(entry, name, value)
        if sentence is None:
            continue
        assert any(f"{name}={v!r}" in sentence for v in (value, float(value)))
        assert "cannot be built" not in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize(("entry", "name", "default"), PARAMETERS)
def test_a_number_of_numpy_builds_what_the_plain_number_builds(entry, name, default):
    if not is_number(default):
        return
    kind = np.int64 if isinstance(default, int) else np.float64
    plain = entry(**required(entry))
    built = entry(**{**required(entry), name: kind(default)})
    assert built.specification == plain.specification
    assert built.formula == plain.formula
    np.testing.assert_array_equal(built.start, plain.start)
