"""Formulas in exact, enclosed and float numbers, and by kinds: the laws, and what breaks them.

A law is a function of an algebra, so that the same law passes for ours and fails for each of
tests/wrong/algebras.py.
"""

import math
import operator
import random
import struct
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong import algebras as wrong

from convergence.algebras.balls import Balls, ends
from convergence.algebras.floats import Floats
from convergence.algebras.interpreter import evaluate
from convergence.algebras.rationals import Interval, Rationals
from convergence.algebras.signs import Possible, Signs, kinds_of, reachable, unchanged
from convergence.expression import COMPARISONS, Expression, reduction, walk
from convergence.expression import OPERATIONS as ARITIES
from convergence.printing import NUMBERS, assigned
from problems import arithmetic
from problems.notation import read_value

A, B = Expression("input", "a"), Expression("input", "b")
FEW = [0.0, 1.0, -2.0, 0.5, Fraction(1, 10), Fraction(1, 3), Fraction(9, 4)]
ODD = [-0.0, Fraction(1, 10**400), 1e300, 1e-300]


OPERATIONS = [*"+-*/", "maximum", "minimum", "negative", "abs", "sqrt", "sign", "square", "clip"]
OPERATIONS += [f"where {sign}" for sign in sorted(COMPARISONS)]


def written(code, constants):
    """Formulas of a and b, each an operation on earlier ones; five bytes say which on which."""
    nodes = [A, B, *map(Expression.of, constants)]
    for at in range(0, len(code) - 4, 5):
        operation = OPERATIONS[code[at] % len(OPERATIONS)]
        a, b, c, d = (nodes[byte % len(nodes)] for byte in code[at + 1 : at + 5])
        if operation.startswith("where"):
            nodes.append(arithmetic.where(Expression(operation.split()[1], a, b), c, d))
        elif operation == "square":
            nodes.append(a * a)
        elif operation == "clip":
            low, high = arithmetic.minimum(b, c), arithmetic.maximum(b, c)
            nodes.append(Expression("clip", a, low, high))
        else:
            nodes.append(Expression(operation, *(a, b)[: ARITIES[operation]]))
    return {str(k): node for k, node in enumerate(nodes)}


# The laws


PLAIN = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "negative": operator.neg,
    "abs": abs,
    "maximum": max,
    "minimum": min,
    "clip": lambda x, low, high: low if x < low else min(high, x),
    "sign": lambda x: Fraction((x > 0) - (x < 0)),
}


def truths(formulas, point):
    """The numbers that formulas are at a point, by their definition; None if not rational."""
    found = {}
    for node in walk(formulas.values()):
        operation, arguments = node.operation, node.arguments
        if operation == "input":
            found[id(node)] = point[arguments[0]]
        elif operation == "constant":
            found[id(node)] = arguments[0]
        else:
            found[id(node)] = plain(operation, *(found[id(part)] for part in arguments))
    return {name: found[id(node)] for name, node in formulas.items()}


def plain(operation, *parts):
    if operation == "where" and parts[0] is not None:
        return parts[1] if parts[0] else parts[2]
    if None in parts:
        return None
    if operation == "/":
        return parts[0] / parts[1] if parts[1] else None
    if operation == "sqrt":
        whole = (parts[0].numerator, parts[0].denominator)
        if whole[0] < 0 or any(math.isqrt(n) ** 2 != n for n in whole):
            return None
        return Fraction(*map(math.isqrt, whole))
    return PLAIN[operation](*parts)


def span(value):
    """The ends of an enclosure."""
    if isinstance(value, arb):
        value = ends(value)
        return (-math.inf, math.inf) if value is None else value
    if value is None:
        return -math.inf, math.inf
    return (value.low, value.high) if isinstance(value, Interval) else (value, value)


def box(algebra, low, high):
    if isinstance(algebra, Rationals):
        return low if low == high else Interval(low, high)
    exact = Balls(1000)
    return exact.join(exact.constant(low), exact.constant(high))


def encloses(algebra, formulas, boxes, point):
    """What the algebra says of boxes contains the number at every point in them."""
    other = (Balls if isinstance(algebra, Rationals) else Rationals)(bits=400)
    around = {name: box(algebra, *ends) for name, ends in boxes.items()}
    at = {name: box(other, x, x) for name, x in point.items()}
    numbers, close = truths(formulas, point), evaluate(formulas, at, other)
    for name, value in evaluate(formulas, around, algebra).items():
        low, high = span(value)
        least, greatest = span(close[name])
        assert low <= greatest
        assert least <= high
        assert numbers[name] is None or low <= numbers[name] <= high


def is_exact(algebra, formulas, point):
    """What is rational is so exactly."""
    found = evaluate(formulas, point, algebra)
    for name, number in truths(formulas, point).items():
        assert number is None or found[name] == number


def encloses_floats(algebra, formulas, point, width):
    """What floats compute from a point, if all on the way is finite, lies in the balls."""
    floats = evaluate(formulas, {name: np.float64(x) for name, x in point.items()}, Floats())
    found = evaluate(formulas, {name: arb(x, width) for name, x in point.items()}, algebra)
    finite = {id(formulas[name]): bool(np.isfinite(x)) for name, x in floats.items()}
    for node in walk(formulas.values()):
        if node.operation not in ("input", "constant"):
            below = all(finite[id(part)] for part in node.arguments)
            finite[id(node)] = below and finite.get(id(node), True)
    for name, node in formulas.items():
        if finite[id(node)]:
            low, high = span(found[name])
            assert low <= Fraction(float(floats[name])) <= high


def is_printed(algebra, formulas, a, b):
    """Floats have the bits that the printed program computes."""
    notation = replace(NUMBERS, constant=lambda value: f"float64({NUMBERS.constant(value)})")
    point = {"a": np.float64(a), "b": np.float64(b)}
    space = {**point, "sqrt": np.sqrt, "float64": np.float64}
    named = {f"y{name}": node for name, node in formulas.items()}
    with np.errstate(all="ignore"):
        exec("\n".join(assigned(named, notation)), space)
    for name, found in evaluate(named, point, algebra).items():
        assert same_bits(found, space[name])


def same_bits(x, y):
    return np.float64(x).tobytes() == np.float64(y).tobytes() or bool(np.isnan(x) and np.isnan(y))


def is_of_its_kinds(algebra, formulas, a, b):
    """Floats are of the kinds that are foretold, and have the bits of what they are called."""
    point = {"a": np.float64(a), "b": np.float64(b)}
    floats = evaluate(formulas, point, Floats())
    inputs = {name: Possible(kinds_of(x), name) for name, x in point.items()}
    for name, found in evaluate(formulas, inputs, algebra).items():
        assert kinds_of(floats[name]) <= found.kinds
        assert not found.same or same_bits(floats[name], point[found.same])


# What the laws are tried on: cases, each written in bytes


def in_boxes(code):
    """Formulas, boxes that often are points, and a point in each."""
    boxes, point = {}, {}
    for name, (low, width, share) in (("a", code[:3]), ("b", code[3:6])):
        ends = Fraction(low % 33 - 16, 4), Fraction(max(width % 21 - 8, 0), 4)
        boxes[name] = ends[0], sum(ends)
        point[name] = ends[0] + ends[1] * Fraction(share % 5, 4)
    return written(code[6:], FEW), boxes, point


def at_points(code):
    a, b = (Fraction(code[k] % 65 - 32, code[k + 1] % 8 + 1) for k in (0, 2))
    return written(code[4:], FEW), {"a": a, "b": b}


SPECIAL = [0.0, -0.0, 0.0, -0.0, math.inf, -math.inf, math.nan, 1e-200, 1e200, 5e-324]


def number(code):
    """A float of nine bytes: a special one, one of size about 1, or any."""
    drawn = struct.unpack("d", code[1:])[0]
    if code[0] % 4 < 2:
        return SPECIAL[code[1] % len(SPECIAL)]
    if code[0] % 4 == 2 and math.isfinite(drawn):
        return math.ldexp(math.frexp(drawn)[0], code[1] % 4)
    return drawn


def at_any(code):
    return written(code[18:], FEW + ODD), number(code[:9]), number(code[9:18])


def at_floats(code):
    formulas, *point = at_any(code[1:])
    a, b = (x if math.isfinite(x) else 3.0 for x in point)
    return formulas, {"a": a, "b": b}, [0.0, 0.0, 1e-9, 1.0][code[0] % 4]


LEAST, MOST = 24, 70
CODES = st.binary(min_size=LEAST, max_size=MOST)


@settings(max_examples=300)
@given(code=CODES)
@pytest.mark.parametrize(
    "algebra",
    [Rationals(), Rationals(bits=8, most=12), Balls(), Balls(bits=10), Balls(rounding=True)],
    ids=["rationals", "short rationals", "balls", "short balls", "rounding balls"],
)
def test_enclosures_contain_the_numbers_of_every_point(algebra, code):
    encloses(algebra, *in_boxes(code))


@settings(max_examples=300)
@given(code=CODES)
def test_rational_numbers_are_exact(code):
    is_exact(Rationals(most=10**6), *at_points(code))


@settings(max_examples=600)
@given(code=CODES)
@pytest.mark.parametrize("bits", [128, 40])
def test_balls_with_rounding_contain_what_floats_compute(bits, code):
    encloses_floats(Balls(bits, rounding=True), *at_floats(code))


@settings(max_examples=600)
@given(code=CODES)
def test_floats_have_the_bits_of_the_printed_program(code):
    is_printed(Floats(), *at_any(code))


@settings(max_examples=600)
@given(code=CODES)
def test_no_formula_leaves_its_kinds(code):
    is_of_its_kinds(Signs(), *at_any(code))


# Wrong algebras are found out


def first_broken(law, algebra, case, tries=10_000):
    """The number of cases, drawn always alike, until the law does not hold."""
    generator = random.Random(1)
    for k in range(tries):
        code = generator.randbytes(generator.randint(LEAST, MOST))
        try:
            law(algebra, *case(code))
        except AssertionError:
            return k
    return None


@pytest.mark.parametrize(
    ("make", "law", "case"),
    [(make, encloses, in_boxes) for make in wrong.ENCLOSURES]
    + [(make, is_exact, at_points) for make in wrong.EXACT]
    + [(make, encloses_floats, at_floats) for make in wrong.ROUNDED_BALLS]
    + [(make, is_printed, at_any) for make in wrong.FLOATS]
    + [(make, is_of_its_kinds, at_any) for make in wrong.SIGNS],
)
def test_every_wrong_algebra_breaks_a_law(make, law, case):
    assert first_broken(law, make(), case) is not None


@pytest.mark.parametrize(
    ("algebra", "law", "case"),
    [
        (Rationals(), encloses, in_boxes),
        (Balls(), encloses, in_boxes),
        (Rationals(), is_exact, at_points),
        (Balls(rounding=True), encloses_floats, at_floats),
        (Floats(), is_printed, at_any),
        (Signs(), is_of_its_kinds, at_any),
    ],
)
def test_ours_break_none_on_the_same_cases(algebra, law, case):
    assert first_broken(law, algebra, case, tries=500) is None


# One by one

X = Expression("input", "x")
UNDECIDED = [
    (arithmetic.maximum(X, 1.2), "1.2", "1.5"),
    (arithmetic.minimum(X, 1.2), "0.5", "1.2"),
    (arithmetic.where(X > 1.2, X, 10.0), "0.5", "10"),
    (arithmetic.where(X > 0.4, X, 10.0), "0.5", "1.5"),
    (arithmetic.sign(X - 1), "-1", "1"),
    (arithmetic.sign(arithmetic.maximum(0.0, X - 1)), "0", "1"),
    (arithmetic.sign(-arithmetic.maximum(0.0, X - 1)), "-1", "0"),
    (abs(X - 1), "0", "0.5"),
    (arithmetic.clip(X, 0.75, 1.25), "0.75", "1.25"),
]


@pytest.mark.parametrize(("formula", "low", "high"), UNDECIDED)
@pytest.mark.parametrize("rounding", [False, True])
def test_what_a_ball_leaves_undecided_is_a_ball_around_both(formula, low, high, rounding):
    algebra = Balls(rounding=rounding)
    around = algebra.join(arb(0.5), arb(1.5))
    least, greatest = ends(evaluate({"y": formula}, {"x": around}, algebra)["y"])
    assert least <= Fraction(low)
    assert Fraction(high) <= greatest
    # A ball has a radius of 30 bits.
    assert greatest - least <= Fraction(high) - Fraction(low) + Fraction(1, 2**24)


@pytest.mark.parametrize(("formula", "low", "high"), UNDECIDED)
def test_what_an_interval_leaves_undecided_is_the_hull(formula, low, high):
    around = Interval(Fraction(1, 2), Fraction(3, 2))
    found = evaluate({"y": formula}, {"x": around}, Rationals())["y"]
    assert found == Interval(Fraction(low), Fraction(high))


@pytest.mark.parametrize("algebra", [Rationals(), Balls(), Balls(rounding=True)])
def test_a_branch_that_is_not_taken_does_no_harm(algebra):
    point = {"a": algebra.constant(Fraction(0)), "b": algebra.constant(Fraction(0))}
    found = evaluate({"none": A / B, "ratio": arithmetic.ratio(A, B)}, point, algebra)
    assert span(found["none"]) == (-math.inf, math.inf)
    assert span(found["ratio"]) == (0, 0)


def test_what_is_unknown_stays_so_until_it_is_not_asked_for():
    unknown = arithmetic.sqrt(A) + 1
    kept = [arithmetic.sqrt(2 * B - 7), A / (2 * B - 7), unknown * 0, abs(unknown), -unknown]
    kept += [arithmetic.maximum(unknown, 1.0), arithmetic.clip(unknown, 0.0, 1.0)]
    outputs = {str(k): node for k, node in enumerate(kept)}
    outputs["either"] = arithmetic.where(unknown > 0, B, 2 * B)
    point = {"a": Fraction(-1), "b": Interval(Fraction(3), Fraction(4))}
    found = evaluate(outputs, point, Rationals())
    assert found.pop("either") == Interval(Fraction(3), Fraction(8))
    assert set(found.values()) == {None}
    of_balls = evaluate(outputs, {"a": arb(-1), "b": arb(3.5, 0.5)}, Balls())
    assert [ends(value) for value in of_balls.values()][:-1] == len(kept) * [None]


def test_numbers_that_are_typed_stay_exact():
    typed = {text: Expression.of(read_value(text)) for text in ("1/3", "0.1", "2.50", "1e-3")}
    found = evaluate(typed, {}, Rationals())
    assert found == {text: Fraction(text) for text in typed}
    tenth = evaluate({"y": A * 0.1}, {"a": Fraction(10)}, Rationals())["y"]
    assert tenth == 1


def test_roots_are_exact_or_as_narrow_as_stated():
    for bits in (20, 128):
        for x in (Fraction(9, 4), Fraction(2), Fraction(1, 10**50), Fraction(10**51, 7)):
            root = evaluate({"y": arithmetic.sqrt(A)}, {"a": x}, Rationals(bits))["y"]
            if x == Fraction(9, 4):
                assert root == Fraction(3, 2)
            elif not isinstance(root, Fraction):
                assert root.low**2 < x < root.high**2
                assert root.high - root.low <= root.low / 2**bits
    assert evaluate({"y": arithmetic.sqrt(A)}, {"a": Fraction(2)}, Rationals())["y"].low > 1


def test_an_interval_with_ends_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="cannot begin at 2 and end at 1"):
        Interval(Fraction(2), Fraction(1))


def test_the_second_moment_of_a_ball_around_0_has_a_root():
    """Radii are rounded up, which must not take a sum of squares below 0."""
    algebra = Balls(rounding=True)
    v = A * 0
    for _ in range(50):
        v = 0.9 * v + 0.1 * (B * B)
    found = evaluate({"y": arithmetic.sqrt(v)}, {"a": arb(0), "b": arb(0, 1)}, algebra)["y"]
    low, high = ends(found)
    assert low >= 0
    assert 0.9 < high < 1.01


def test_balls_leave_the_precision_of_flint_alone():
    before = ctx.prec
    algebra = Balls(bits=300)
    third = algebra.constant(Fraction(1, 3))
    root = evaluate({"y": arithmetic.sqrt(A)}, {"a": third}, algebra)["y"]
    with pytest.raises(KeyError, match="a"):
        evaluate({"y": A}, {}, algebra)
    assert ctx.prec == before
    for value in (third, root):
        low, high = ends(value)
        assert high - low < Fraction(1, 2**290)


def test_floats_that_are_floats_stay_points():
    algebra = Balls(rounding=True)
    outputs = {"y": (A + 1) * 0.5 - arithmetic.sqrt(B), "z": B * 0.1}
    found = evaluate(outputs, {"a": arb(2), "b": arb(4)}, algebra)
    assert ends(found["y"]) == (Fraction(-1, 2), Fraction(-1, 2))
    low, high = ends(found["z"])
    assert 0 < high - low < 2**-49


def test_the_logistic_function_is_of_floats_and_of_real_balls():
    squashed = {"y": arithmetic.expit(A)}
    assert evaluate(squashed, {"a": np.float64(0)}, Floats())["y"] == 0.5
    low, high = ends(evaluate(squashed, {"a": arb(1)}, Balls())["y"])
    assert low < 1 / (1 + math.exp(-1)) + 1e-15
    assert high > 1 / (1 + math.exp(-1)) - 1e-15
    for algebra in (Rationals(), Balls(rounding=True), Signs()):
        with pytest.raises(TypeError, match=f"{type(algebra).__name__} lack expit"):
            evaluate(squashed, {"a": algebra.constant(Fraction(1))}, algebra)


@pytest.mark.parametrize("algebra", [Rationals(), Balls(), Floats(), Signs()])
@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (reduction("norm")(A), "lack norm; this formula cannot be evaluated in them"),
        (Expression("sum_rows", A), "lack sum_rows"),
        (Expression("matmul", A, A), "lack matmul"),
        ((A > 0) + 1, "a comparison is no number"),
        (A > 0, "a comparison is no number"),
        (arithmetic.where(A + 1, A, A), "the condition of where must be a comparison"),
    ],
)
def test_what_an_algebra_lacks_is_refused(algebra, node, sentence):
    with pytest.raises(TypeError, match=sentence):
        evaluate({"y": node}, {"a": algebra.constant(Fraction(1))}, algebra)


@pytest.mark.parametrize("algebra", [Rationals(), Balls(), Balls(rounding=True), Floats(), Signs()])
def test_long_and_shared_formulas_are_evaluated_node_by_node(algebra):
    chain = summed = squared = A
    for _ in range(10_000):
        chain = chain * 0.9 + 0.1
    for _ in range(60):
        summed, squared = summed + summed, squared * squared
    outputs = {"chain": chain, "summed": summed, "squared": squared}
    found = evaluate(outputs, {"a": algebra.constant(Fraction(1, 2))}, algebra)
    if not isinstance(algebra, (Floats, Signs)):
        low, high = span(found["summed"])
        assert low <= 2**59 <= high
        low, high = span(found["chain"])
        assert 1 - 1e-9 < low <= high < 1 + 1e-9


def test_a_missing_extra_is_told_in_one_sentence():
    code = "import sys; sys.modules['flint'] = None; import convergence.algebras.balls"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = result.stderr.strip().splitlines()[-1]
    assert last == (
        "ImportError: balls need python-flint; install the extra: "
        "pip install 'convergence-suite[exact]'"
    )


# Kinds of floats


@settings(max_examples=300)
@given(code=CODES)
def test_what_is_called_unchanged_keeps_its_bits(code):
    formulas, a, b = at_any(code)
    point = {"a": np.float64(a), "b": np.float64(b)}
    known = {name: kinds_of(x) for name, x in point.items()}
    after = evaluate(formulas, point, Floats())
    found = reachable(formulas, dict.fromkeys(formulas, frozenset()), known)
    for name, node in formulas.items():
        assert kinds_of(after[name]) <= found[name]
        if "a" in unchanged({"a": node}, known):
            assert same_bits(after[name], a)


@pytest.mark.parametrize(
    ("formula", "zero", "kept"),
    [
        (lambda a, b: a + b, 0.0, True),
        (lambda a, b: a - b, 0.0, True),
        (lambda a, b: b + a, 0.0, True),
        (lambda a, b: a + b, -0.0, True),
        (lambda a, b: a - b / (a * a), 0.0, False),
        (lambda a, b: a - b / (a * a + 1.0), 0.0, True),
        (lambda a, b: 0.9 * a + b, 0.0, False),
        (lambda a, b: a + b, 1e-300, False),
        (lambda a, b: a + b * Fraction(1, 10**400), 1.0, True),
        (lambda a, b: arithmetic.where(abs(b) > 0, b, a), 0.0, True),
        (lambda a, b: a - arithmetic.sign(b), 0.0, True),
        (lambda a, b: arithmetic.maximum(a, a + b), 0.0, True),
        (lambda a, b: arithmetic.maximum(a, b), 0.0, False),
        (lambda a, b: arithmetic.minimum(b, a), math.inf, True),
    ],
)
def test_what_a_zero_leaves_alone(formula, zero, kept):
    known = {"a": frozenset({"-", "0", "+"}), "b": kinds_of(zero)}
    assert ("a" in unchanged({"a": formula(A, B)}, known)) == kept


@pytest.mark.parametrize(
    ("formula", "kinds"),
    [
        (A * A, {"0", "+", "inf"}),
        (A * (A + 0), {"-", "-0", "0", "+", "inf", "-inf"}),
        (arithmetic.maximum(0.0, A), {"0", "-0", "+"}),
        (arithmetic.maximum(A, 0.0), {"0", "+"}),
        (arithmetic.sign(A), {"-", "-0", "0", "+"}),
        (A - A, {"-", "-0", "0", "+", "inf", "-inf"}),
    ],
)
def test_kinds_are_told_as_closely_as_this(formula, kinds):
    known = {"a": frozenset({"-", "-0", "0", "+"})}
    found = reachable({"c": formula}, {"c": frozenset()}, known)["c"]
    assert found == kinds


def test_two_inputs_of_the_same_kinds_are_no_square():
    both = frozenset({"-", "+"})
    assert "-" in reachable({"c": A * B}, {"c": frozenset()}, {"a": both, "b": both})["c"]


def test_what_grows_round_by_round_is_reached():
    made = {"s": X * X + B, "x": X - arithmetic.ratio(X, B)}
    first = {"s": kinds_of(0.0), "x": kinds_of(1.0)}
    known = reachable(made, first, {"b": frozenset({"+"})})
    assert known["s"] == {"0", "+", "inf", "nan"}
    assert {"-inf", "inf", "nan"} <= known["x"]
