"""Acceleration and averaging: each rule against its textbook loop, and its laws."""

import numpy as np
import pytest
from test_rules import GRADIENTS, fed_run

import convergence.rule
from convergence import rules
from convergence import schedule as schedules
from convergence.experiment import Experiment
from convergence.rule import Update
from convergence.simulation import Simulation, run
from problems.arithmetic import sqrt
from problems.domain import WholeSpace
from problems.notation import InputError
from problems.problem import Problem
from problems.registry import Registry

STEPS = 60
START = np.array([1.0, -2.0, 0.5])
MATRIX = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.2]])
CONSTANT = "constant:alpha=0.3"
DECREASING = "polynomial:alpha=0.3,power=0.3"

wrong = Registry("rule", convergence.rule._build)


def wrong_rule(**state):
    """Register in a private registry."""
    return lambda function: wrong.add(
        function, source="nesterov1983", common={"maximize": False}, state=state
    )


def slope(x):
    return x @ MATRIX + 0.3 * np.sin(x)


def curved(start=START):
    return Problem(
        formula="x.A x/2 - 0.3 sum cos x",
        domain=WholeSpace(),
        start=np.asarray(start, float),
        loss_formula=lambda x, sample: (
            ((x @ MATRIX) * x).sum(axis=-1) / 2 - 0.3 * np.cos(x).sum(axis=-1)
        ),
        gradient_formula=lambda x, sample: slope(x),
    )


def path(rule, schedule=CONSTANT, start=START, steps=STEPS):
    rule = rules.find(rule) if isinstance(rule, str) else rule
    record = run(curved(start), rule, schedule, steps, measures=[], times=range(1, steps + 1))
    return record["iterate"][0]


def sizes_of(schedule, steps=STEPS):
    rounds = np.arange(1, steps + 1)
    return schedules.find(schedule).step_sizes(rounds, curved(), steps).tolist()


def agrees(rule, hand, schedule=CONSTANT):
    np.testing.assert_allclose(
        path(rule, schedule), hand(sizes_of(schedule)), rtol=1e-10, atol=1e-10
    )


def disagrees(rule, hand, schedule=CONSTANT):
    with pytest.raises(AssertionError, match="Mismatched"):
        agrees(rule, hand, schedule)


# The textbook loops


def growing(count):
    """FISTA's weights."""
    weights = [1.0]
    for _ in range(count):
        weights.append((1 + np.sqrt(1 + 4 * weights[-1] ** 2)) / 2)
    return weights


def hand_fista(sizes):
    x = y = START
    w, out = 1.0, []
    for size in sizes:
        before, x = x, y - size * slope(y)
        w, last = (1 + np.sqrt(1 + 4 * w * w)) / 2, w
        y = x + (last - 1) / w * (x - before)
        out.append(x)
    return np.array(out)


def hand_simplified(sizes):
    x = y = START
    out = []
    for k, size in enumerate(sizes):
        before, x = x, y - size * slope(y)
        y = x + k / (k + 3) * (x - before)
        out.append(x)
    return np.array(out)


def hand_three_sequences(sizes):
    """FISTA again: y between x and a point z that takes long steps."""
    x = z = START
    out = []
    for w, size in zip(growing(len(sizes)), sizes, strict=False):
        y = (1 - 1 / w) * x + z / w
        g = slope(y)
        x, z = y - size * g, z - w * size * g
        out.append(x)
    return np.array(out)


def optimized(size, steps):
    """Kim and Fessler's algorithm for a number of steps: its last two points."""
    x = y = START
    theta = 1.0
    for i in range(steps):
        before, y = y, x - size * slope(x)
        last = theta
        theta = (1 + np.sqrt(1 + (4 if i < steps - 1 else 8) * theta * theta)) / 2
        x = y + (last - 1) / theta * (y - before) + last / theta * (y - x)
    return y, x


def hand_optimized(which):
    def hand(sizes):
        assert len(set(sizes)) == 1
        return np.array([optimized(sizes[0], n)[which] for n in range(1, len(sizes) + 1)])

    return hand


def hand_average(power):
    """The mean itself, of all the points so far."""

    def hand(sizes):
        x, z = START, [START]
        out = []
        for size in sizes:
            z.append(z[-1] - size * slope(x))
            x = np.average(z, axis=0, weights=np.arange(1, len(z) + 1.0) ** power)
            out.append(x)
        return np.array(out)

    return hand


def hand_heavy_ball(power):
    """The heavy ball with momentum that grows towards 1."""

    def hand(sizes):
        before = x = START
        out = []
        for k, size in enumerate(sizes):
            share = (1 + power) / (k + 2 + power)
            before, x = x, x - size * share * slope(x) + k / (k + 2 + power) * (x - before)
            out.append(x)
        return np.array(out)

    return hand


def hand_unified(beta, s):
    def hand(sizes):
        x = leading = START
        out = []
        for size in sizes:
            g = slope(x)
            y, ahead = x - size * g, x - s * size * g
            x, leading = y + beta * (ahead - leading), ahead
            out.append(x)
        return np.array(out)

    return hand


@pytest.mark.parametrize("schedule", [CONSTANT, DECREASING])
def test_accelerated_gradient_agrees_with_its_loops(schedule):
    agrees("accelerated-gradient", hand_fista, schedule)
    agrees("accelerated-gradient", hand_three_sequences, schedule)
    agrees("accelerated-gradient:weights=simplified", hand_simplified, schedule)
    disagrees("accelerated-gradient", hand_simplified, schedule)
    disagrees("nesterov", hand_fista, schedule)


def test_optimized_gradient_agrees_with_the_algorithm_for_every_number_of_steps():
    agrees("optimized-gradient", hand_optimized(1))
    agrees("optimized-gradient:last_step=false", hand_optimized(0))
    disagrees("optimized-gradient", hand_optimized(0))
    disagrees("accelerated-gradient", hand_optimized(0))


@pytest.mark.parametrize("power", [0, 1])
@pytest.mark.parametrize("schedule", [CONSTANT, DECREASING])
def test_primal_averaging_takes_gradients_at_the_mean(power, schedule):
    agrees(f"primal-averaging:averaging_power={power}", hand_average(power), schedule)
    disagrees(f"primal-averaging:averaging_power={power}", hand_average(1 - power), schedule)


@pytest.mark.parametrize("power", [0, 0.5, 1, 3])
@pytest.mark.parametrize("schedule", [CONSTANT, DECREASING])
def test_primal_averaging_is_a_heavy_ball_that_gains_momentum(power, schedule):
    rule = f"primal-averaging:averaging_power={power}"
    agrees(rule, hand_heavy_ball(power), schedule)
    disagrees(rule, hand_heavy_ball(power + 0.1), schedule)


@pytest.mark.parametrize(("beta", "s"), [(0.9, 1), (0.9, 0), (0.5, 1.5), (0.7, 0.3)])
@pytest.mark.parametrize("schedule", [CONSTANT, DECREASING])
def test_unified_momentum_agrees_with_its_loop(beta, s, schedule):
    rule = f"unified-momentum:beta1={beta},look_ahead={s}"
    agrees(rule, hand_unified(beta, s), schedule)
    disagrees(rule, hand_unified(beta, s + 0.1), schedule)
    disagrees(rule, hand_unified(beta - 0.1, s), schedule)


@wrong_rule(u=0)
def hurried(g, u, t, step_size, next_x):
    """The simpler momentum, counted from 1."""
    displacement = u + step_size * g
    u = t / (t + 3) * displacement
    return Update(displacement, u, query=next_x - u)


@wrong_rule(u=0, weight=1)
def ahead_of_its_weight(g, u, weight, step_size, next_x):
    """FISTA with the older weight below the fraction."""
    displacement = u + step_size * g
    u = (weight - 1) / weight * displacement
    return Update(displacement, u, (1 + sqrt(1 + 4 * weight * weight)) / 2, query=next_x - u)


@wrong_rule(u=0)
def forgetful_average(g, u, t, step_size):
    """Leaves the start out of the average."""
    u = u + step_size * g
    return u / t, (1 - 1 / t) * u


@wrong_rule(u=0)
def velocity_ahead(g, u, step_size, *, beta1=0.9, look_ahead=1.0):
    """Looks ahead by the whole displacement."""
    ahead = look_ahead * (step_size * g)
    displacement = step_size * g + beta1 * (u + ahead)
    return displacement, displacement - (1 - beta1) * ahead


def test_a_wrong_index_or_weight_is_caught():
    disagrees(wrong["hurried"](), hand_simplified)
    disagrees(wrong["ahead-of-its-weight"](), hand_fista)
    disagrees(wrong["forgetful-average"](), hand_average(0))
    disagrees(wrong["velocity-ahead"](), hand_unified(0.9, 1))


# Laws


def same(first, second, schedules=(CONSTANT, CONSTANT), tolerance=1e-12):
    np.testing.assert_allclose(
        path(first, schedules[0]), path(second, schedules[1]), rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("beta", [0, 0.5, 0.9])
def test_unified_momentum_is_each_of_its_three_methods(beta):
    for schedule in (CONSTANT, DECREASING):
        same(
            f"unified-momentum:beta1={beta},look_ahead=0",
            f"heavy-ball:beta1={beta},velocity=step-size-inside",
            (schedule, schedule),
        )
    same(f"unified-momentum:beta1={beta}", f"nesterov:beta1={beta},iterate=look-ahead")
    small = f"constant:alpha={0.3 * (1 - beta)}"
    without = f"unified-momentum:beta1={beta},look_ahead={1 / (1 - beta)}"
    same(without, "gradient-descent", (small, CONSTANT))
    if beta:
        with pytest.raises(AssertionError):
            same(f"unified-momentum:beta1={beta}", "gradient-descent", (small, CONSTANT))


def first_steps(rule, count):
    return path(rule, steps=count)


def test_before_there_is_momentum_it_is_gradient_descent():
    plain = first_steps("gradient-descent", 2)
    for rule, rounds in (
        ("accelerated-gradient", 2),
        ("accelerated-gradient:weights=simplified", 2),
        ("optimized-gradient:last_step=false", 1),
    ):
        np.testing.assert_array_equal(first_steps(rule, rounds), plain[:rounds])
    once = START - 1.5 * 0.3 * slope(START)
    np.testing.assert_allclose(first_steps("optimized-gradient", 1)[0], once, rtol=1e-15)
    half = START - 0.5 * 0.3 * slope(START)
    np.testing.assert_allclose(first_steps("primal-averaging", 1)[0], half, rtol=1e-15)


def queries(rule, steps=STEPS):
    simulation = Simulation(
        Experiment(curved(), rules.find(rule), schedules.find(CONSTANT), steps), seeds=[0]
    )
    points = []
    for t in range(1, steps + 1):
        simulation.advance(t)
        points.append(simulation.query_point[0])
    return np.array(points)


def test_the_last_step_changes_what_is_returned_and_not_where_gradients_are_taken():
    returned, primary = (
        queries(f"optimized-gradient:last_step={word}") for word in ("true", "false")
    )
    np.testing.assert_allclose(returned, primary, rtol=0, atol=1e-12)
    with pytest.raises(AssertionError):
        same("optimized-gradient", "optimized-gradient:last_step=false")


def test_acceleration_takes_gradients_ahead_of_the_iterate_and_averaging_at_it():
    for rule in ("primal-averaging", "unified-momentum"):
        np.testing.assert_array_equal(queries(rule), path(rule))
    x, y = path("accelerated-gradient"), queries("accelerated-gradient")
    before = np.vstack([START, x[:-1]])
    weights = np.array(growing(STEPS))
    momentum = ((weights[:-1] - 1) / weights[1:])[:, None]
    np.testing.assert_allclose(y, x + momentum * (x - before), rtol=0, atol=1e-12)


FAMILY = [
    "accelerated-gradient",
    "accelerated-gradient:weights=simplified",
    "optimized-gradient",
    "optimized-gradient:last_step=false",
    "primal-averaging",
    "primal-averaging:averaging_power=1",
    "unified-momentum",
    "unified-momentum:look_ahead=0",
    "schedule-free",
]


@pytest.mark.parametrize("rule", FAMILY)
def test_the_origin_does_not_matter(rule):
    """With gradients that do not depend on the point, a shift of the start shifts the path."""
    here, there = (
        fed_run(rule, GRADIENTS, np.full(5, shift), CONSTANT)["iterate"][0] - shift
        for shift in (0.0, 8.0)
    )
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-11 * abs(here).max())


@pytest.mark.parametrize("rule", FAMILY)
def test_the_axes_do_not_matter(rule):
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))
    turned = fed_run(rule, GRADIENTS @ turn, np.zeros(5), CONSTANT)["iterate"][0]
    plain = fed_run(rule, GRADIENTS, np.zeros(5), CONSTANT)["iterate"][0]
    np.testing.assert_allclose(turned, plain @ turn, rtol=0, atol=1e-11 * abs(plain).max())


# What they declare


@pytest.mark.parametrize(
    ("rule", "state", "displacing"),
    [
        ("accelerated-gradient", {"u", "weight"}, True),
        ("accelerated-gradient:weights=simplified", {"u"}, True),
        ("optimized-gradient", {"u", "weight"}, True),
        ("optimized-gradient:last_step=false", {"u", "weight"}, True),
        ("primal-averaging", {"u"}, True),
        ("unified-momentum", {"u"}, True),
        ("schedule-free", {"u"}, True),
    ],
)
def test_state_and_memory_of_a_rule(rule, state, displacing):
    found = rules.find(rule)
    assert set(found.state) == state
    assert found.bytes_per_parameter == 8
    assert found.returns_displacement is displacing
    assert not found.history_driven


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("accelerated-gradient:weights=simple", "weights=simple of rule accelerated-gradient"),
        ("primal-averaging:averaging_power=-1", "must lie in [0, inf)"),
        ("unified-momentum:look_ahead=-0.5", "must lie in [0, inf)"),
        ("unified-momentum:beta1=1", "must lie in [0, 1)"),
        ("schedule-free:interpolation=1.1", "must lie in [0, 1]"),
        ("optimized-gradient:last_step=1", "last_step=1 of rule optimized-gradient"),
    ],
)
def test_a_setting_that_is_not_accepted_is_named(rule, named):
    with pytest.raises(InputError) as refused:
        rules.find(rule)
    assert named in str(refused.value)
