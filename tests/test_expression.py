"""The language of formulas: what it refuses, what it shares, and that size is no obstacle."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergence import find_rule, find_schedule, rules
from convergence.expression import (
    OPERATIONS,
    Expression,
    count_operations,
    dependents,
    inputs_of,
    replaced,
    shapes_of,
    walk,
)
from convergence.printing import ARRAYS, DISPLAY, NUMBERS, Notation, assigned, statements
from convergence.rule import SETTINGS, Setting, Update, _build
from problems import arithmetic
from problems.arithmetic import fixed_at, matmul, maximum, mean_along, sum_along, transpose, where
from problems.notation import InputError, read_value
from problems.registry import Registry

X, Y = Expression("input", "x"), Expression("input", "y")

registry = Registry("rule", _build)


def own_rule(**state):
    """Register in a private registry."""
    return lambda function: registry.add(
        function, source="kingma2015", common={"maximize": False}, state=state
    )


# What is refused


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (lambda: where(X == 0, X, Y), "may not compare with =="),
        (lambda: where(X != 0, X, Y), "may not compare with !="),
        (lambda: X == 0, "may not compare with =="),
        (lambda: X in (Y, X), "may not compare with =="),
        (lambda: X**2, "write g \\* g"),
        (lambda: 2**X, "write g \\* g"),
        (lambda: X if X > 0 else Y, "may not branch"),
        (lambda: X[0], "take coordinates out"),
        (lambda: list(X), "take a traced value apart"),
        (lambda: float(X), "turn a traced value into a number"),
        (lambda: X @ Y, "write matmul"),
        (lambda: X + float("nan"), "finite numbers only, not nan"),
        (lambda: X + float("inf"), "finite numbers only, not inf"),
        (lambda: X + "1", "finite numbers only, not '1'"),
        (lambda: X * True, "finite numbers only, not True"),
        (lambda: fixed_at(X, 0), "ask whether x is 0, which is not declared"),
    ],
)
def test_what_would_be_misunderstood_is_refused_in_a_sentence(sentence, message):
    with pytest.raises(TypeError, match=message):
        sentence()


def test_a_rule_that_compares_with_equality_is_refused_and_not_misread():
    @own_rule(m=0)
    def equal_to_zero(g, m, *, beta1=0.9):
        """A rule in which an untraced comparison would take one branch for all."""
        m = beta1 * m + (1 - beta1) * g
        return where(g == 0, m, g), m

    with pytest.raises(InputError, match=r"equal-to-zero cannot be built.*compare with =="):
        equal_to_zero()


def test_a_formula_does_not_change():
    with pytest.raises(AttributeError, match="a formula does not change"):
        X.operation = "constant"


# What is shared


def test_equal_formulas_are_one_object():
    assert (X + Y) * (X + Y) is (X + Y) * (X + Y)
    assert X + Y is not Y + X
    assert Expression.of(0.1) is Expression.of(Fraction(1, 10))
    assert Expression.of(np.float64(0.1)) is Expression.of(0.1)
    lines, _ = statements({"z": (X + Y) * (X + Y)}, NUMBERS)
    assert lines == ["_0 = x + y", "z = _0 * _0"]


def test_the_negative_zero_is_not_zero():
    assert Expression.of(-0.0) is not Expression.of(0.0)
    assert (eval(statements({"z": Expression.of(-0.0)}, NUMBERS)[0][0][4:])).hex() == "-0x0.0p+0"


# Numbers stay exact


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        ("1e-30", Fraction(1, 10**30)),
        ("0.30000000000000000001", Fraction(30000000000000000001, 10**20)),
    ],
)
def test_a_number_that_was_typed_is_the_rational_that_it_names(text, value):
    typed = read_value(text)
    assert typed.exact == value
    assert typed == float(value)
    assert Expression.of(typed).arguments == (value,)
    beta2 = find_rule(f"adam:beta2={text}").settings["beta2"]
    assert beta2.exact == value
    assert find_rule(find_rule(f"adam:beta2={text}").specification).settings["beta2"].exact == value


def test_schedules_and_slopes_keep_what_was_typed_too():
    from problems import find

    assert find_schedule("constant:alpha=1/3").settings["alpha"].exact == Fraction(1, 3)
    assert find("reddi-2018-thm1:C=7/3").samples.typed == (Fraction(7, 3), -1, -1)
    assert find("periodic-linear:slopes=[0.1,-1/3]").samples.typed == (
        Fraction(1, 10),
        Fraction(-1, 3),
    )
    assert find("huber-worst:R0=1/3").loss_formula.letters["R0"].exact == Fraction(1, 3)
    assert find("parabola-on-interval:radius=1/3").domain.low.exact == Fraction(-1, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "adam:beta2=0.99999999999999999999",
            r"beta2=0\.99999999999999999999 of rule adam must lie in .0, 1.; a float64 makes it 1",
        ),
        ("adam:eps=1e-350", "about 1e-350 is so small that a float64 makes it 0"),
        ("adam:eps=1e350", "about 1e350 is too large for a float64"),
        ("adam:eps=1e999999999", "has an exponent beyond 400"),
    ],
)
def test_what_a_float64_cannot_tell_apart_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        find_rule(text)


def test_two_numbers_of_one_float64_have_specifications_of_their_own():
    near = "adam:beta1=0.90000000000000000001"
    assert float(find_rule(near).settings["beta1"]) == 0.9
    assert find_rule(near).specification != find_rule("adam").specification
    assert find_rule("adam:beta1=9/10").specification == "adam"


# Settings are letters


@pytest.mark.parametrize("entry", list(rules.catalogue), ids=lambda entry: entry.key)
def test_every_rule_is_traced_once_for_all_numbers(entry):
    numbers = [n for n in entry.parameters if not SETTINGS[n].words]
    inner = {n: Fraction(k + 1, 3 * len(numbers)) for k, n in enumerate(numbers)}
    if "rounds" in inner:  # a whole number
        inner["rounds"] = Fraction(14)
    rule, other = entry(**inner), entry(**{n: v / 2 for n, v in inner.items()})
    assert rule.traced is other.traced
    assert set(rule.letters) <= set(numbers)
    for name, value in inner.items():
        assert rule.settings[name].exact == value
    # What is left in the formula of typed numbers is of the rule's own.
    for node in walk(rule.outputs.values()):
        if node.operation == "constant":
            assert node.arguments[0] not in inner.values()


def test_a_number_at_which_the_formula_changes_is_decided_before():
    assert find_rule("adam:eps=0").traced is not find_rule("adam").traced
    assert find_rule("adam:weight_decay=0").traced is find_rule("adam").traced
    assert find_rule("adam:weight_decay=0.1").traced is not find_rule("adam").traced
    for name, setting in SETTINGS.items():
        assert all(reason for reason in setting.special.values()), name
        assert not (setting.words and setting.special)


@pytest.mark.parametrize(
    ("rule", "setting", "numbers"),
    [
        ("adam", "eps", (0,)),
        ("adam", "beta2", ()),
        # The sum with eps, or its maximum, is what it is at 0.
        ("adafactor", "eps", ()),
        ("adopt", "eps", ()),
        ("adafactor", "clip_threshold", (0,)),
        ("amsgrad:beta1_decay=0.5", "beta1_decay", (1,)),
        ("adamw", "weight_decay", (0,)),
        ("adam:eps=0", "eps", (0,)),
        ("adam", "weight_decay", (0,)),
        ("heavy-ball", "dampening", (0,)),
        # It must be 0 there.
        ("heavy-ball:velocity=average", "dampening", ()),
    ],
)
def test_where_a_rule_has_another_formula(rule, setting, numbers):
    assert find_rule(rule).changes_at(setting) == numbers


def test_a_number_that_is_asked_for_and_not_declared_is_refused():
    @own_rule()
    def asking(g, *, beta1=0.9):
        """Asks whether beta1 is 0, which SETTINGS does not declare."""
        return (g if fixed_at(beta1, 0) else beta1 * g,)

    with pytest.raises(InputError, match="ask whether beta1 is 0, which is not declared"):
        asking()


def test_a_multiple_of_a_letter_is_zero_where_the_letter_is():
    letter = Expression("input", "w", special=(Fraction(0),))
    for multiple in (-letter, letter / 2, 2 * letter, -(letter * 3) / 7):
        assert not fixed_at(multiple, 0)
    for other in (letter + 1, 2 / letter, 0 * letter, letter * X):
        with pytest.raises(TypeError, match="which is not declared"):
            fixed_at(other, 0)


def test_a_setting_says_what_it_accepts():
    assert SETTINGS["beta1"].accepted == "[0, 1)"
    assert SETTINGS["dampening"].accepted == "[0, 1]"
    assert SETTINGS["eps"].accepted == "[0, inf)"
    assert SETTINGS["decay"].accepted == "coupled | decoupled"
    assert not Setting("", high=1).within(1)
    assert Setting("", high=1, closed=True).within(1)


# Size


def chain(length):
    node = X
    for _ in range(length):
        node = node + 1
    return node


def ladder(depth):
    node = X
    for _ in range(depth):
        node = node * node + node
    return node


@pytest.mark.parametrize("node", [chain(10_000), ladder(60)], ids=["chain", "ladder"])
def test_deep_formulas_need_no_stack_and_are_walked_once(node):
    """Walked by every path, the ladder has 2**60 of them, and the test would not end."""
    assert inputs_of(node) == {"x"}
    assert count_operations(node)["+"] in (10_000, 60)
    assert replaced({"z": node}, {"x": Y})["z"] is not node
    assert dependents({"x": node}, ["x"], by_coordinate=True) == {"x"}
    assert shapes_of({"z": node}, ["x"])["z"] == ("r", "c")
    for notation in (NUMBERS, ARRAYS, DISPLAY):
        assert assigned({"z": node}, notation)[-1].startswith("z = ")


def test_python_can_read_what_a_deep_formula_is_printed_as():
    space = {"x": 1.0}
    exec(compile("\n".join(assigned({"z": chain(10_000)}, NUMBERS)), "", "exec"), space)
    assert space["z"] == 10_001


# Printing


def test_a_number_beyond_float64_can_be_printed():
    assert repr(X + Fraction(1, 10**400)).startswith("value = x + 1/1000")
    assert assigned({"z": X + 10**400}, NUMBERS) == ["z = x + 1e999"]


def evaluate_text(node, notation, x, y):
    space = {"x": x, "y": y, "where": np.where, "sqrt": np.sqrt}
    with np.errstate(all="ignore"):
        exec("\n".join(assigned({"z": node}, notation)), space)
    return np.float64(space["z"])


def formulas():
    leaves = st.sampled_from([X, Y, Expression.of(0.5), Expression.of(-0.0), Expression.of(-2)])

    def larger(parts):
        pair = st.tuples(parts, parts)
        return (
            st.builds(
                Expression, st.sampled_from(["+", "-", "*", "maximum", "minimum"]), parts, parts
            )
            | st.builds(Expression, st.sampled_from(["negative", "abs", "sign"]), parts)
            | st.builds(lambda a, b: where(a[0] > a[1], *b), pair, pair)
        )

    return st.recursive(leaves, larger, max_leaves=20)


def by_hand(node, x, y):
    """The value by the definitions in `problems.arithmetic`, on numpy's numbers."""
    operation = node.operation
    if operation == "input":
        return np.float64(x if node.arguments[0] == "x" else y)
    if operation == "constant":
        return np.float64(node.arguments[0])
    parts = [by_hand(part, x, y) for part in node.arguments]
    if operation == "where":
        return parts[1] if parts[0] else parts[2]
    work = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        ">": lambda a, b: a > b,
        "maximum": arithmetic.maximum,
        "minimum": arithmetic.minimum,
        "negative": lambda a: -a,
        "abs": abs,
        "sign": arithmetic.sign,
    }
    return work[operation](*parts)


NUMBER = st.sampled_from([0.0, -0.0, 1.0, -1.5, 1e300, float("inf"), float("nan")])


@given(node=formulas(), x=NUMBER, y=NUMBER)
def test_both_notations_of_python_mean_the_same_bits(node, x, y):
    with np.errstate(all="ignore"):
        wanted = by_hand(node, x, y)
    for notation in (NUMBERS, ARRAYS):
        got = evaluate_text(node, notation, np.float64(x), np.float64(y))
        assert np.isnan(got) == np.isnan(wanted)
        if not np.isnan(wanted):
            assert got.tobytes() == np.float64(wanted).tobytes()


def test_a_notation_that_forgets_brackets_is_caught():
    operations = dict(NUMBERS.operations)
    operations["-"] = ("{0} - {1}", 2, (2, 2))
    loose = Notation(operations, NUMBERS.constant)
    node = X - (Y - 1)
    assert evaluate_text(node, NUMBERS, 5.0, 3.0) == 3.0
    assert evaluate_text(node, loose, 5.0, 3.0) != 3.0


@pytest.mark.parametrize(
    "notation", [NUMBERS, ARRAYS, DISPLAY], ids=["numbers", "arrays", "display"]
)
def test_every_operation_has_a_text(notation):
    for operation, arguments in OPERATIONS.items():
        template, _, needed = notation.operations[operation]
        assert len(needed) == arguments
        assert all(f"{{{place}}}" in template for place in range(arguments))


def test_a_further_notation_is_a_table():
    """As a language that writes roots and fractions in its own way."""
    latex = Notation(
        {
            **DISPLAY.operations,
            "/": (r"\frac{{{0}}}{{{1}}}", 9, (0, 0)),
            "sqrt": (r"\sqrt{{{0}}}", 9, (0,)),
            "*": (r"{0} \, {1}", 3, (3, 4)),
        },
        str,
    )
    node = X / (arithmetic.sqrt(Y + 1) * 3)
    assert statements({"z": node}, latex)[0] == [r"z = \frac{x}{\sqrt{y + 1} \, 3}"]


# Blocks


def test_state_has_the_shape_that_its_formula_gives_it():
    g, a, r, c, n = (Expression("input", name) for name in ("g", "a", "r", "c", "n"))
    made = {
        "a": a + matmul(g, transpose(g)),
        "r": 0.5 * r + sum_along(g, "rows"),
        "c": maximum(c, sum_along(g * g, "columns")),
        "n": n + mean_along(r * c, "block"),
    }
    assert shapes_of(made, ["g"]) == {
        "a": ("r", "r"),
        "r": ("r", "1"),
        "c": ("1", "c"),
        "n": ("1", "1"),
        "g": ("r", "c"),
    }


@pytest.mark.parametrize(
    ("formula", "message"),
    [(lambda g: matmul(g, g), "matmul of shapes"), (lambda g: g + transpose(g), "meet in")],
)
def test_shapes_that_do_not_fit_are_refused(formula, message):
    with pytest.raises(TypeError, match=message):
        shapes_of({"z": formula(Expression("input", "g"))}, ["g"])


def test_a_rule_of_blocks_must_return_a_step_of_the_block():
    @own_rule()
    def rows_only(g):
        """Returns one number a row."""
        return (sum_along(g, "rows"),)

    @own_rule()
    def looking_ahead(g, next_x):
        """Asks for what is of the whole iterate."""
        return Update(g * sum_along(g, "block"), query=next_x - g)

    with pytest.raises(InputError, match=r"direction of shape .*not of the block"):
        rows_only()
    with pytest.raises(InputError, match="works on blocks and has query"):
        looking_ahead()


def test_rounds_in_exact_numbers_are_about_the_numbers_that_were_typed():
    """Heavy ball with momentum 1/3 on the slopes 7/3, -1, -1, by 1/10: nothing is rounded."""
    from convergence.algebras.interpreter import evaluate
    from convergence.algebras.rationals import Rationals
    from problems import find

    rule, by = find_rule("heavy-ball:beta1=1/3"), find_schedule("constant:alpha=0.1")
    slopes = find("reddi-2018-thm1:C=7/3").samples.typed
    letters = {name: value.exact for name, value in rule.letters.items()}
    x, u = Fraction(1), Fraction(0)
    for slope in slopes:
        after = evaluate(rule.outputs, {"g": slope, "u": u, **letters}, Rationals())
        x, u = x - by.settings["alpha"].exact * after["direction"], after["u"]
    # u is 7/3, then 7/9 - 1 = -2/9, then -2/27 - 1 = -29/27.
    assert u == Fraction(-29, 27)
    assert x == 1 - Fraction(1, 10) * (Fraction(7, 3) - Fraction(2, 9) - Fraction(29, 27))
