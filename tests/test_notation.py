"""Specifications: one notation for everything that has a name and parameters."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convergence
import problems
from convergence import schedule as schedules
from problems.notation import (
    InputError,
    Number,
    exact,
    format_specification,
    format_value,
    nearest,
    parse,
    read_value,
    require,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="'"))
NUMBERS = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False), st.booleans())
VALUES = st.recursive(NUMBERS | TEXT, lambda inner: st.lists(inner, max_size=4), max_leaves=8)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


def read(text):
    return parse(f"key:name={text}")[1]["name"]


@given(KEYS, st.dictionaries(NAMES, NUMBERS | st.lists(NUMBERS, max_size=4), max_size=4))
def test_numbers_and_lists_survive_the_round_trip(key, parameters):
    assert parse(format_specification(key, parameters)) == (key, parameters)


@given(VALUES)
def test_text_without_an_apostrophe_survives_the_round_trip(value):
    assert read(format_value(value)) == value


AWKWARD = ["", " ", "a b", "it's", 'say "hi"', "a,b", "a:b", "a=b", "[a", "a]", "(", "'a", '"a']
LOOKALIKES = ["1/0", "true", "1_000", "nan", "1/3", "[1,2]", "\ta", "naïve.svm", "C:\\data\\a.svm"]


@pytest.mark.parametrize("text", [*AWKWARD, *LOOKALIKES])
def test_awkward_text_survives_the_round_trip(text):
    assert read(format_value(text)) == text


@pytest.mark.parametrize("value", [np.float64(0.1), np.float64(2.0), np.float32(0.5), np.int64(3)])
def test_numpy_numbers_are_written_like_plain_ones(value):
    assert read(format_value(value)) == value


def test_a_schedule_built_with_a_numpy_number_has_a_readable_specification():
    built = schedules.catalogue["constant"](alpha=np.float64(0.1))
    assert schedules.find(built.specification).settings == built.settings


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_keep_every_bit_up_to_the_sign_of_zero(value):
    assert read(format_value(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/10", 0.1),
        ("-3/4", -0.75),
        ("1_000_000", 1_000_000),
        ("+7", 7),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("inf", math.inf),
        ("true", True),
        ("False", False),
        ("[]", []),
        ("[3,-1,-1]", [3, -1, -1]),
        ("(1, [2, 1/2], x)", [1, [2, 0.5], "x"]),
        ("'a,b.svm'", "a,b.svm"),
        ('"it\'s: a=b"', "it's: a=b"),
        ("['a,b',\"c]\"]", ["a,b", "c]"]),
        ("''", ""),
        ("plain.svm", "plain.svm"),
    ],
)
def test_a_value_is_read_as_what_it_looks_like(text, value):
    got = read(text)
    assert got == value
    assert type(got) is (
        Number if isinstance(value, float) and math.isfinite(value) else type(value)
    )


def test_a_specification_without_parameters_is_its_key():
    assert parse("  adam ") == ("adam", {})
    assert format_specification("adam", {}) == "adam"


def test_spaces_around_names_and_values_do_not_matter():
    assert parse("adam: beta1 = 0 , eps = 1e-8") == ("adam", {"beta1": 0, "eps": 1e-8})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("1adam", "'1adam'"),
        ("ad am", "'ad am'"),
        ("adam:", "''"),
        ("adam:beta1", "'beta1'"),
        ("adam:=3", "'=3'"),
        ("adam:1x=3", "'1x=3'"),
        ("adam:beta1=1,,eps=2", "''"),
        ("adam:beta1=", "'adam:beta1='"),
        ("adam:beta1=1,beta1=2", "'beta1'"),
        ("k:a=[1,2", "']'"),
        ("k:a=1]", "']'"),
        ("k:a=[1)", "')'"),
        ("k:a='b", "quote '"),
        ("k:a='b'c", "after a quote"),
        ("k:a=[1]2", "after a bracket"),
        ("k:a=1/0", "'1/0'"),
        ("k:a=[1,]", "'k:a=[1,]'"),
    ],
)
def test_text_outside_the_notation_is_refused_and_named(text, named):
    with pytest.raises(InputError) as refused:
        parse(text)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        key, parameters = parse(text)
    except InputError:
        return
    assert key
    assert all(name.isidentifier() for name in parameters)


@pytest.mark.parametrize(
    ("specification", "named"),
    [
        ("quadrtic", "did you mean quadratic"),
        ("quadratic:kapa=3", "did you mean kappa"),
        ("quadratic:kappa=abc", "kappa='abc'"),
        ("quadratic:kappa=0.5", "kappa=0.5"),
        ("quadratic:kappa=inf", "kappa=inf"),
        ("quadratic:kappa=[1]", "kappa=[1]"),
        ("quadratic:dimension=2.5", "dimension=2.5"),
        ("quadratic:dimension=0", "dimension=0"),
        ("quadratic:dimension=true,kappa=1", "dimension=True"),
        ("quadratic:L=0", "L=0"),
        ("quadratic:L=inf", "inf"),
        ("rosenbrock:dimension=1", "dimension=1"),
        ("pl-sine:start=nan", "nan"),
        ("pl-sine:start=abc", "abc"),
        ("reddi-2018-thm1:C=1", "C=1"),
        ("reddi-2018-thm1:start=abc", "abc"),
        ("reddi-2018-thm1:start=2", "2"),
        ("periodic-linear:slopes=[]", "slopes=[]"),
        ("periodic-linear:slopes=[a]", "slopes=['a']"),
        ("periodic-linear:slopes=3", "slopes=3"),
        ("periodic-linear:domain=[a,b]", "a"),
        ("periodic-linear:domain=[1,0]", "[1.0, 0.0]"),
        ("periodic-linear:domain=[0,1,2]", "[0, 1, 2]"),
        ("breast-cancer-logistic:ridge=0", "ridge=0"),
        ("breast-cancer-logistic:batch=half", "batch='half'"),
        ("breast-cancer-logistic:batch=0", "batch=0"),
        ("breast-cancer-logistic:batch=true", "batch=True"),
        ("svmlight-logistic", "path"),
        ("svmlight-logistic:path=nowhere.svm", "'nowhere.svm'"),
    ],
)
def test_a_problem_refuses_a_bad_value_and_names_it(specification, named):
    with pytest.raises(InputError) as refused:
        problems.find(specification)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("find", "specification", "named"),
    [
        (convergence.find_rule, "adma", "did you mean adam"),
        (convergence.find_rule, "adam:bta1=0", "did you mean beta"),
        (convergence.find_schedule, "inverse-sqr:alpha=1", "did you mean inverse-sqrt"),
        (convergence.find_claim, "zinkevich", "did you mean zinkevich-2003-thm1"),
        (convergence.find_claim, "kingma-ba-2015-thm41:third_term=x", "third_term='x'"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(find, specification, named):
    with pytest.raises(InputError) as refused:
        find(specification)
    assert named in str(refused.value)


def test_nothing_near_lists_what_is_accepted():
    assert nearest("zzz", ["b", "a"]) == "accepted: a, b"
    assert nearest("zzz", []) == "accepted: none"
    assert nearest("alpa", ["alpha", "beta"]) == "did you mean alpha?"


def test_require_raises_its_sentence_only_when_the_condition_fails():
    require(True, "never")
    with pytest.raises(InputError, match=r"^told$"):
        require(0, "told")


@given(st.fractions(max_denominator=10**6) | st.decimals(-10, 10, places=25).map(Fraction))
def test_a_rational_number_is_read_back_exactly(value):
    assert exact(read_value(format_value(value))) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 10), "0.1"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-1, 10**20), "-1e-20"),
        (Fraction(1, 1) - Fraction(1, 10**20), "0.99999999999999999999"),
        (Fraction(-12345678901234567890123, 1000), "-12345678901234567890.123"),
        (Fraction(1, 10**40) + Fraction(1, 3), f"{3 + 10**40}/{3 * 10**40}"),
    ],
)
def test_a_rational_number_is_written_as_it_would_be_typed(value, text):
    assert format_value(value) == text
