"""The rules of the theorems since 2017, each against a few rounds by hand in fractions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from test_rules_averaging import same

from convergence import rules
from convergence.rule import Registry, _build
from convergence.simulation import run
from problems import find as find_problem
from problems.arithmetic import polar, sum_along
from problems.domain import WholeSpace
from problems.notation import InputError
from problems.problem import Problem, exact


def pair(curvatures=(1.0, 1.0), minimum=0.0):
    """A quadratic of two coordinates, from (4, -1)."""
    weights = np.array(curvatures)
    return Problem(
        formula="sum_i a_i x_i**2 / 2",
        domain=WholeSpace(),
        start=np.array([4.0, -1.0]),
        loss_formula=lambda x, sample: (weights * x * x).sum(axis=-1) / 2 + minimum,
        gradient_formula=lambda x, sample: weights * x,
        constants={"minimum": exact(minimum)},
    )


def path(rule, schedule, steps, problem=None):
    record = run(problem or pair(), rule, schedule, steps, measures=[], times=range(1, steps + 1))
    return record["iterate"][0]


def is_path(rule, schedule, expected, problem=None):
    exact = np.array([[float(x) for x in point] for point in expected])
    np.testing.assert_allclose(path(rule, schedule, len(exact), problem), exact, rtol=1e-14)


@pytest.mark.parametrize("b", [Fraction(k, 4) for k in (0, 2, 3, 4)])
def test_schedule_free_by_hand(b):
    alpha = Fraction(1, 4)
    expected = []
    for start in (Fraction(4), Fraction(-1)):
        x = y = z = start
        points = []
        for t in range(1, 5):
            z = z - alpha * y
            x = (t * x + z) / (t + 1)
            y = (1 - b) * z + b * x
            points.append(x)
        expected.append(points)
    is_path(f"schedule-free:interpolation={b}", f"constant:alpha={alpha}", np.transpose(expected))


def test_the_ends_of_schedule_free_are_known_methods():
    same("schedule-free:interpolation=1", "primal-averaging")
    with pytest.raises(AssertionError):
        same("schedule-free", "primal-averaging")
    moved = path("gradient-descent", "constant:alpha=0.25", 6)
    points = np.vstack([[4.0, -1.0], moved])
    means = np.cumsum(points, axis=0)[1:] / np.arange(2, 8)[:, None]
    averaged = path("schedule-free:interpolation=0", "constant:alpha=0.25", 6)
    np.testing.assert_allclose(averaged, means, rtol=1e-14)


# Rules that ask for the objective

POLYAK = "polyak-step"


@pytest.mark.parametrize("minimum", [0, 7])
@pytest.mark.parametrize("alpha", [Fraction(1), Fraction(3, 2)])
def test_polyaks_step_by_hand(alpha, minimum):
    x, y = Fraction(4), Fraction(-1)
    expected = []
    for _ in range(4):
        gap, square = (x * x + 4 * y * y) / 2, x * x + 16 * y * y
        x, y = x - alpha * gap / square * x, y - alpha * gap / square * 4 * y
        expected.append((x, y))
    problem = pair((1.0, 4.0), float(minimum))
    is_path(POLYAK, f"constant:alpha={alpha}", expected, problem)
    with pytest.raises(AssertionError):
        is_path("gradient-descent", f"constant:alpha={alpha}", expected, problem)


def test_polyaks_step_ends_where_a_linear_function_would_and_then_stays():
    record = run("absolute-value:start=3", POLYAK, "constant:alpha=1", 5, times=range(1, 6))
    np.testing.assert_array_equal(record["iterate"][0], 0.0)


@pytest.mark.parametrize(
    "problem",
    [
        "absolute-value:start=-2.5",
        "huber-worst",
        "lessard-2016",
        "parabola-on-interval",
        "quadratic:dimension=3",
        "resisting-maximum",
        "rosenbrock",
        "linear-on-ball",
    ],
)
def test_engines_agree_on_polyaks_step(problem):
    engines = ["numpy", "compiled", "array"]
    engines += ["number"] if find_problem(problem).scalar else []
    for by in ("constant:alpha=1", "inverse-sqrt:alpha=1.7"):
        checksums = {run(problem, POLYAK, by, 60, engine=engine).checksum for engine in engines}
        assert len(checksums) == 1


def test_lanes_have_minima_of_their_own():
    for key, name, values in (
        ("resisting-maximum", "D", [1, 2, 2.5]),
        ("huber-worst", "N", [1, 2, 3]),
    ):
        how = (POLYAK, "inverse-sqrt:alpha=1.2", 30)
        beside = run(key, *how, grid={name: values})
        for value, record in zip(values, beside, strict=True):
            assert record.checksum == run(f"{key}:{name}={value}", *how).checksum


@pytest.mark.parametrize(
    ("problem", "named"),
    [
        ("noisy-quadratic", "the rounds of problem noisy-quadratic do not show it"),
        ("reddi-2018-thm1", "their losses differ"),
        (replace(pair(), constants={}), "states no minimum"),
    ],
)
def test_polyaks_step_is_refused_where_the_objective_is_not_known(problem, named):
    with pytest.raises(InputError) as refused:
        run(problem, POLYAK, "constant:alpha=1", 5)
    assert named in str(refused.value)


def test_polyaks_step_does_not_climb():
    with pytest.raises(InputError, match="maximize=true would need a maximum"):
        rules.find("polyak-step:maximize=true")


def test_a_rule_of_blocks_has_no_objective():
    registry = Registry("rule", _build)

    def by_block(g, loss):
        """Of a matrix, with its loss."""
        return (loss * sum_along(g, "rows"),)

    entry = registry.add(by_block, source="polyak1969", common={"maximize": False}, state={})
    with pytest.raises(InputError, match="works on blocks and has loss"):
        entry()


def test_what_asks_for_the_objective_is_not_driven_by_gradients():
    rule = rules.find(POLYAK)
    assert rule.uses == {"g", "loss", "minimum"}
    assert not rule.history_driven
    assert not rule.returns_displacement
    assert rule.bytes_per_parameter == 0


# Steps of a fixed length


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_normalised_momentum_by_hand(beta, decay):
    x, m, expected = np.array([4.0, -1.0]), np.zeros(2), []
    for _ in range(30):
        m = beta * m + (1 - beta) * np.array([1.0, 4.0]) * x
        x = x - 0.25 * (m / np.sqrt(m[0] ** 2 + m[1] ** 2) + decay * x)
        expected.append(x)
    rule = f"normalized-momentum:beta1={beta},weight_decay={decay}"
    found = path(rule, "constant:alpha=0.25", 30, pair((1.0, 4.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_normalised_step_in_fractions():
    """Towards 0 along (3, 4): a fifth of it each time."""
    expected = [(3 - Fraction(3 * k, 10), 4 - Fraction(4 * k, 10)) for k in range(1, 10)]
    problem = replace(pair(), start=np.array([3.0, 4.0]))
    for beta in ("0", "1/2"):
        is_path(f"normalized-momentum:beta1={beta}", "constant:alpha=1/2", expected, problem)


def test_where_nothing_has_been_seen_a_normalised_step_stays():
    problem = replace(pair(), start=np.zeros(2))
    np.testing.assert_array_equal(path("normalized-momentum", "constant:alpha=1", 3, problem), 0.0)


def test_a_rule_of_blocks_may_have_no_state():
    registry = Registry("rule", _build)

    def polar_descent(g):
        """Along the polar factor of the gradient."""
        return (polar(g),)

    entry = registry.add(polar_descent, source="jordan2024", common={"maximize": False}, state={})
    problem = find_problem("matrix-quadratic")
    record = run(problem, entry(), "constant:alpha=0.1", 4, measures=[])
    rule = "muon:beta1=0,nesterov=false,orthogonalization=polar,scale=none"
    plain = run(problem, rule, "constant:alpha=0.1", 4, measures=[])
    np.testing.assert_array_equal(record["iterate"], plain["iterate"])


# Clipping


def test_clipping_by_hand():
    """From (3, 4), of length 5: shortened to 2 until it is no longer."""
    problem = replace(pair(), start=np.array([3.0, 4.0]))
    length, points = Fraction(5), []
    for _ in range(12):
        length -= Fraction(1, 2) * min(length, 2)
        points.append((length * Fraction(3, 5), length * Fraction(4, 5)))
    is_path("clipped-gradient:clip_norm=2", "constant:alpha=1/2", points, problem)
    with pytest.raises(AssertionError):
        is_path("clipped-gradient:clip_norm=3", "constant:alpha=1/2", points, problem)


def test_a_gradient_within_the_norm_and_one_that_is_not_clipped_are_left_alone():
    far, none = ("clipped-gradient:clip_norm=100", "clipped-gradient:clip_norm=0")
    for rule in (far, none):
        same(rule, "gradient-descent", tolerance=0.0)
    with pytest.raises(AssertionError):
        same("clipped-gradient:clip_norm=0.5", "gradient-descent")
    assert rules.find(none).operations == rules.find("gradient-descent").operations


def test_in_one_dimension_clipping_is_by_value():
    problem = "periodic-linear:slopes=[3,-0.5,-4,0,0.25],domain=[-99,99]"
    record = run(problem, "clipped-gradient", "constant:alpha=1/2", 5, times=range(1, 6))
    start = float(find_problem(problem).start[0])
    moved = start - np.cumsum([0.5, -0.25, -0.5, 0.0, 0.125])
    np.testing.assert_allclose(record["iterate"][0, :, 0], moved, rtol=0, atol=1e-15)
