"""Update rules: laws for all of them, and each against its definition."""

import functools
import inspect
import itertools
import math
import operator

import numpy as np
import pytest
from levels import quick_if
from wrong import rules as wrong

import convergence
from convergence import rules
from convergence import schedule as schedules
from convergence.experiment import Experiment
from convergence.rule import SETTINGS, Registry, Update, _build, catalogue
from convergence.simulation import Simulation, run
from problems.domain import WholeSpace
from problems.notation import InputError
from problems.problem import Problem

STEPS = 40
BY = "inverse-sqrt:alpha=0.1"


def fed(gradients, start):
    """Linear losses with these gradients: shape (rounds, n), or (rounds, lanes, n)."""
    gradients = np.asarray(gradients, float)
    lanes = gradients[:, None] if gradients.ndim == 2 else gradients
    return Problem(
        formula="g_t.x",
        domain=WholeSpace(),
        start=np.asarray(start, float),
        loss_formula=lambda x, g: (g * x).sum(axis=-1),
        gradient_formula=lambda x, g: g,
        samples=lambda rounds, seeds: lanes[rounds - 1][:, seeds.astype(int)],
        stochastic=True,
    )


def fed_run(rule, gradients, start, schedule=BY):
    gradients = np.asarray(gradients, float)
    lanes = 1 if gradients.ndim == 2 else gradients.shape[1]
    steps = len(gradients)
    return run(
        fed(gradients, start),
        rule,
        schedule,
        steps,
        seeds=lanes,
        measures=[],
        times=range(1, steps + 1),
    )


def path_of(rule, schedule=BY):
    """A rule as a function from gradients and start to iterates."""
    rule = rules.find(rule) if isinstance(rule, str) else rule
    return lambda gradients, start: fed_run(rule, gradients, start, schedule)["iterate"][0]


def variants():
    """Every rule with its defaults and with each setting changed alone."""
    numbers = {
        "beta1": (0.0, 0.5),
        "beta2": (0.0, 0.5),
        "beta1_decay": (0.5,),
        "eps": (0.0, 1e-2),
        "weight_decay": (0.0, 0.1),
        "dampening": (0.3,),
        "initial": (0.1,),
        "look_ahead": (0.0, 0.5),
        "averaging_power": (1.0, 0.5),
        "interpolation": (0.0, 1.0),
        "clip_norm": (0.0, 0.1),
        "rounds": (1.0, 3.0, 40.0),
    }
    for entry in catalogue:
        if entry().traced.asks_objective:
            # It takes no gradients alone; see `test_rules_recent`.
            continue
        yield entry()
        for name, default in entry.parameters.items():
            values = SETTINGS[name].words or numbers.get(name, ())
            for value in values:
                if value != default:
                    yield entry(**{name: value})


VARIANTS = list(variants())
# Those that work coordinate by coordinate, but for reductions; of blocks see test_rules_matrix.
ELEMENTWISE = [rule for rule in VARIANTS if not rule.traced.by_block]
every_elementwise_rule = pytest.mark.parametrize(
    "rule", ELEMENTWISE, ids=lambda rule: rule.specification
)
every_rule = pytest.mark.parametrize("rule", VARIANTS, ids=lambda rule: rule.specification)
RANDOM = np.random.default_rng(11)
GRADIENTS = RANDOM.normal(size=(STEPS, 5)) * 10.0 ** RANDOM.integers(-2, 3, 5)
START = RANDOM.normal(size=5)


def by_name(key):
    chosen = [rule for rule in VARIANTS if rule.key == key]
    return pytest.mark.parametrize("rule", chosen, ids=lambda rule: rule.specification)


# Laws


def commutes_with_permutations(path, tolerance=0.0):
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(
        path(GRADIENTS[:, order], START[order]),
        path(GRADIENTS, START)[:, order],
        rtol=tolerance,
        atol=0,
    )


@every_elementwise_rule
def test_permuting_the_coordinates_commutes_with_the_rule(rule):
    # Reductions sum in index order, so those round differently.
    commutes_with_permutations(
        path_of(rule), 1e-12 if {"norm", "mean"} & set(rule.operations) else 0.0
    )


def test_a_path_that_treats_coordinates_unlike_is_caught():
    def preferring(gradients, start):
        return start - np.cumsum(gradients * np.arange(1, 6), axis=0)

    with pytest.raises(AssertionError):
        commutes_with_permutations(preferring)


def norm(x):
    """Euclidean, summed in index order."""
    total = -0.0
    for number in np.ravel(x).tolist():
        total += number * number
    return math.sqrt(total)


def mean(x):
    """Summed in index order."""
    numbers = np.ravel(x).tolist()
    return functools.reduce(operator.add, numbers) / len(numbers)


def by_hand(rule, gradient, start, sizes):
    """Call the rule's function itself, without tracing; iterates after each round."""
    function, settings = rule.entry.function, dict(rule.settings)
    climb = settings.pop("maximize")
    state = {
        name: settings[first]
        if isinstance(first, str)
        else float(first(settings) if callable(first) else first)
        for name, first in rule.entry.facts["state"].items()
    }
    asked = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY and name not in ("g", *state)
    ]
    x = y = start
    iterates = []
    for t, step_size in enumerate(sizes, start=1):
        g = gradient(y, t)
        g = -g if climb else g
        known = {"x": x, "query_point": y, "t": t, "step_size": step_size, "next_x": x}
        known |= {"norm": norm, "mean": mean}
        for last in (False, True):
            asks = {name: known[name] for name in asked}
            result = function(g, **state, **asks, **settings)
            update = result if isinstance(result, Update) else Update(*result)
            if not last:
                move = update.direction
                move = move if rule.returns_displacement else step_size * move
                known["next_x"] = x - move
        x = known["next_x"]
        y = x if update.query is None else update.query
        state = dict(zip(state, update.state, strict=True))
        iterates.append(x)
    return np.array(iterates)


def sizes_of(specification, problem, steps):
    schedule = schedules.find(specification)
    return schedule.step_sizes(np.arange(1, steps + 1), problem, steps).tolist()


@every_elementwise_rule
def test_the_traced_loop_has_the_bits_of_the_function_on_floats_and_on_arrays(rule):
    problem = convergence.find_problem("pl-sine")
    records = [
        run(problem, rule, BY, STEPS, times=range(1, STEPS + 1), engine=engine)
        for engine in ("number", "array")
    ]
    assert records[0].checksum == records[1].checksum
    with np.errstate(all="ignore"):
        direct = by_hand(
            rule,
            lambda x, t: float(problem.gradient_formula(x, None)),
            3.0,
            sizes_of(BY, problem, STEPS),
        )
    np.testing.assert_array_equal(records[0]["iterate"][0, :, 0], direct)
    with np.errstate(all="ignore"):
        wide = by_hand(rule, lambda x, t: GRADIENTS[t - 1], START, sizes_of(BY, problem, STEPS))
    np.testing.assert_array_equal(path_of(rule)(GRADIENTS, START), wide)


@every_elementwise_rule
def test_both_engines_agree_on_a_run_with_a_domain(rule):
    number, array = (
        run("reddi-2018-thm1", rule, BY, 500, engine=engine) for engine in ("number", "array")
    )
    assert number.checksum == array.checksum


# What takes long here is to compile. Every rule is compiled in the quick tests of `test_compiled`.
@pytest.mark.parametrize(
    "rule",
    quick_if(
        lambda rule: rule.specification in ("adam", "amsgrad:bias_correction=both"),
        ELEMENTWISE,
        lambda rule: rule.specification,
    ),
)
def test_the_compiled_engine_agrees_on_a_run_with_a_domain(rule):
    compiled, array = (
        run("reddi-2018-thm1", rule, BY, 500, engine=engine) for engine in ("compiled", "array")
    )
    assert compiled.checksum == array.checksum


def climbs_by_descending_the_negative(climb, descend):
    np.testing.assert_array_equal(climb(GRADIENTS, START), descend(-GRADIENTS, START))


@every_rule
def test_maximising_is_descent_on_the_negated_gradients(rule):
    flipped = rule.entry(**{**rule.settings, "maximize": not rule.settings["maximize"]})
    climbs_by_descending_the_negative(path_of(flipped), path_of(rule))


def test_climbing_that_negates_the_whole_direction_is_caught():
    entry = wrong.registry["climbing-decay"]
    with pytest.raises(AssertionError):
        climbs_by_descending_the_negative(
            path_of(entry(maximize=True)), path_of("gradient-descent:weight_decay=0.1")
        )


@every_rule
def test_a_rule_is_built_again_from_its_specification(rule):
    again = rules.find(rule.specification)
    assert again.settings == rule.settings
    assert again.state == rule.state
    assert again.formula() == rule.formula()


@every_rule
def test_the_state_that_is_kept_is_used(rule):
    assert set(rule.state) <= set(rule.entry.facts["state"])
    assert rule.bytes_per_parameter == 8 * len(rule.state_per_coordinate)
    assert sum(rule.operations.values()) > 0 or rule.key in ("gradient-descent", "clipped-gradient")


# AMSGrad


def never_decreases(rule, name="vhat"):
    values = fed_run(rule, GRADIENTS, START)[f"state_{name}"]
    assert (np.diff(values, axis=1) >= 0).all()


@by_name("amsgrad")
def test_the_maximum_of_amsgrad_never_decreases(rule):
    never_decreases(rule)


@pytest.mark.parametrize("key", ["forgetful-maximum", "least-moment"])
def test_a_maximum_that_decreases_is_caught(key):
    with pytest.raises(AssertionError):
        never_decreases(wrong.registry[key]())


def objective_trace(rule, steps):
    square = Problem(
        formula="sum x**2",
        domain=WholeSpace(),
        start=np.array([1.0, 2.0, 3.0]),
        loss_formula=lambda x, sample: (x * x).sum(axis=-1),
        gradient_formula=lambda x, sample: 2 * x,
    )
    record = run(square, rule, "constant:alpha=0.003", max(steps), measures=[], times=steps)
    return (record["iterate"][0] ** 2).sum(axis=-1)


@pytest.mark.parametrize(
    ("maximum_of", "values"),
    [
        ("raw", (13.92810942, 13.82069845, 0.01551488)),
        ("corrected", (13.92813632, 13.82096573, 0.16771419)),
    ],
)
def test_amsgrad_gives_the_trace_of_the_deployed_library(maximum_of, values):
    """The objective after so many updates from (1, 2, 3), as libraries of that form give it."""
    rule = f"amsgrad:eps=1e-8,bias_correction=both,maximum_of={maximum_of}"
    np.testing.assert_allclose(objective_trace(rule, [2, 5, 2000]), values, atol=5e-9)


# Adam


def is_scale_invariant(path, factor, tolerance):
    np.testing.assert_allclose(
        path(factor * GRADIENTS, START), path(GRADIENTS, START), rtol=tolerance, atol=tolerance
    )


ADAM_LIKE = ["adam:eps=0", "amsgrad:eps=0", "rmsprop:eps=0", "adagrad:eps=0", "adamw:eps=0"]


@pytest.mark.parametrize("rule", ADAM_LIKE)
def test_without_eps_the_scale_of_the_gradient_does_not_matter(rule):
    for factor in (2.0**10, 2.0**-7):
        is_scale_invariant(path_of(rule), factor, 0.0)
    for factor in (3.0, 0.1):
        is_scale_invariant(path_of(rule), factor, 1e-12)


def test_an_eps_breaks_the_invariance():
    for rule in ("adam:eps=1e-3", "gradient-descent"):
        with pytest.raises(AssertionError):
            is_scale_invariant(path_of(rule), 4.0, 1e-6)


def is_sign_descent(path):
    gradients = np.where(np.abs(GRADIENTS) < 0.02, 0.0, GRADIENTS)
    sizes = 0.1 / np.sqrt(np.arange(1.0, STEPS + 1))
    x, expected = START, []
    for g, size in zip(gradients, sizes, strict=True):
        x = x - size * np.sign(g)
        expected.append(x)
    np.testing.assert_array_equal(path(gradients, START), expected)


@pytest.mark.parametrize("key", ["adam", "adamw:weight_decay=0,"])
def test_adam_without_memory_is_sign_descent(key):
    key = key if ":" in key else key + ":"
    is_sign_descent(path_of(f"{key}beta1=0,beta2=0,eps=0"))


def test_adam_with_memory_is_not_sign_descent():
    for rule in ("adam:beta1=0,beta2=0.1,eps=0", "adam:beta1=0,beta2=0,eps=1e-6"):
        with pytest.raises(AssertionError):
            is_sign_descent(path_of(rule))


BETA = 0.5  # with dyadic gradients every moment below is exact


def mean_is_corrected_on_constants(rule, corrected=True):
    """E m_t = (1 - beta1**t) g: what the direction divides out."""
    g = np.array([3.0, -0.25])
    record = fed_run(rule, np.tile(g, (20, 1)), np.zeros(2), "constant:alpha=1")
    t = np.arange(1, 21)[:, None]
    np.testing.assert_array_equal(record["state_m"][0], (1 - BETA**t) * g)
    if corrected:
        np.testing.assert_array_equal(record["iterate"][0], -t * g)


def mean_is_corrected_on_all_signs(rule):
    """The mean over every sequence of gradients +3, -1, each with probability one half."""
    rounds = 8
    sequences = np.array(list(itertools.product([3.0, -1.0], repeat=rounds))).T
    record = fed_run(rule, sequences[..., None], np.zeros(1))
    for t in range(1, rounds + 1):
        assert record["state_m"][:, t - 1, 0].mean() == (1 - BETA**t) * 1.0
        if "state_v" in record.series:
            assert record["state_v"][:, t - 1, 0].mean() == (1 - BETA**t) * 5.0


ADAM_HALF = "adam:beta1=0.5,beta2=0.5"


def test_the_moments_are_those_that_bias_correction_divides_by():
    mean_is_corrected_on_constants(rules.find(ADAM_HALF), corrected=False)
    mean_is_corrected_on_all_signs(rules.find(ADAM_HALF))


@pytest.mark.parametrize("key", ["late-correction", "unshared-mean"])
def test_a_wrong_mean_or_correction_is_caught(key):
    with pytest.raises(AssertionError):
        mean_is_corrected_on_constants(wrong.registry[key]())


def test_a_mean_with_a_wrong_share_is_caught_by_the_enumeration():
    with pytest.raises(AssertionError):
        mean_is_corrected_on_all_signs(wrong.registry["unshared-mean"]())


def hand_adam(gradients, x, sizes, correction, eps, inside, largest_of=None, b1=0.9, b2=0.999):
    """Adam and AMSGrad on plain floats, with powers by pow."""
    m = v = vhat = 0.0
    out = []
    for t, (g, size) in enumerate(zip(gradients, sizes, strict=True), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        first = 1 - b1**t if correction in ("both", "first") else 1.0
        second = 1 - b2**t if correction in ("both", "second") else 1.0
        if largest_of is None:
            moment = v / second
        elif largest_of == "raw":
            vhat = max(vhat, v)
            moment = vhat / second
        else:
            vhat = max(vhat, v / second)
            moment = vhat
        root = math.sqrt(moment + eps) if inside else math.sqrt(moment) + eps
        x -= size * (m / first) / root
        out.append(x)
    return out


@pytest.mark.parametrize("position", ["outside", "inside"])
@pytest.mark.parametrize("correction", ["both", "first", "second", "none"])
@pytest.mark.parametrize("largest_of", [None, "raw", "corrected"])
def test_adam_and_amsgrad_agree_with_a_loop_over_floats(position, correction, largest_of):
    key = "adam:" if largest_of is None else f"amsgrad:maximum_of={largest_of},"
    rule = f"{key}eps=0.01,eps_position={position},bias_correction={correction}"
    sizes = [0.1 / math.sqrt(t) for t in range(1, STEPS + 1)]
    hand = hand_adam(
        GRADIENTS[:, 0].tolist(), 0.7, sizes, correction, 0.01, position == "inside", largest_of
    )
    np.testing.assert_allclose(
        path_of(rule)(GRADIENTS[:, :1], [0.7])[:, 0], hand, rtol=1e-12, atol=1e-12
    )


def test_every_form_of_adam_is_another_run():
    paths = [
        path_of(f"{key}eps=0.01,eps_position={position},bias_correction={correction}")(
            GRADIENTS, START
        )
        for key in ("adam:", "amsgrad:maximum_of=raw,", "amsgrad:maximum_of=corrected,")
        for position in ("outside", "inside")
        for correction in ("both", "first", "second", "none")
    ]
    same = {
        (i, j) for (i, a), (j, b) in itertools.combinations(enumerate(paths), 2) if (a == b).all()
    }
    # Without a corrected second moment the two maxima are the same number.
    assert same == {(i, i + 8) for i in (9, 11, 13, 15)}


def test_beta1_decay_shrinks_beta1_each_round():
    m, expected = 0.0, []
    for t, g in enumerate(GRADIENTS[:, 0].tolist(), start=1):
        beta1 = 0.9 * 0.5 ** (t - 1)
        m = beta1 * m + (1 - beta1) * g
        expected.append(m)
    record = fed_run("adam:beta1_decay=0.5", GRADIENTS, START)
    np.testing.assert_allclose(record["state_m"][0, :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("scale", ["step-size", "none"])
def test_decoupled_decay_is_a_factor_on_the_iterate(scale):
    sizes = [0.1 / math.sqrt(t) for t in range(1, STEPS + 1)]
    p, m, v, expected = 0.7, 0.0, 0.0, []
    for t, (g, size) in enumerate(zip(GRADIENTS[:, 0].tolist(), sizes, strict=True), start=1):
        p *= 1 - (size if scale == "step-size" else 1) * 0.05
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + (1 - 0.999) * g * g
        p -= size * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        expected.append(p)
    rule = f"adamw:weight_decay=0.05,decay_scale={scale}"
    np.testing.assert_allclose(
        path_of(rule)(GRADIENTS[:, :1], [0.7])[:, 0], expected, rtol=1e-12, atol=1e-12
    )


def test_coupled_adamw_is_adam_with_decay():
    np.testing.assert_array_equal(
        path_of("adamw:decay=coupled,weight_decay=0.1")(GRADIENTS, START),
        path_of("adam:weight_decay=0.1")(GRADIENTS, START),
    )


# Momentum


def is_gradient_descent(path):
    np.testing.assert_array_equal(
        path(GRADIENTS, START), path_of("gradient-descent")(GRADIENTS, START)
    )


MEMORYLESS = [
    "heavy-ball:beta1=0",
    "heavy-ball:beta1=0,velocity=average",
    "heavy-ball:beta1=0,velocity=step-size-inside",
    "nesterov:beta1=0",
    "nesterov:beta1=0,iterate=look-ahead",
]


@pytest.mark.parametrize("rule", MEMORYLESS)
def test_without_momentum_it_is_gradient_descent_to_the_bit(rule):
    is_gradient_descent(path_of(rule))


def test_momentum_or_a_doubled_step_is_not_gradient_descent():
    for rule in ("heavy-ball:beta1=1e-3", wrong.registry["doubled-step"]()):
        with pytest.raises(AssertionError):
            is_gradient_descent(path_of(rule))


def velocities_agree(first, second):
    np.testing.assert_allclose(
        first(GRADIENTS, START), second(GRADIENTS, START), rtol=1e-12, atol=1e-12
    )


def test_the_velocities_of_heavy_ball_agree_while_the_step_is_constant():
    total = path_of("heavy-ball:beta1=0.8", "constant:alpha=0.1")
    inside = path_of("heavy-ball:beta1=0.8,velocity=step-size-inside", "constant:alpha=0.1")
    average = path_of("heavy-ball:beta1=0.8,velocity=average", "constant:alpha=0.5")
    velocities_agree(total, inside)
    velocities_agree(total, average)
    with pytest.raises(AssertionError):
        velocities_agree(
            path_of("heavy-ball:beta1=0.8"),
            path_of("heavy-ball:beta1=0.8,velocity=step-size-inside"),
        )


def test_step_size_inside_is_polyaks_form_for_any_steps():
    before = x = START
    expected = []
    for g, size in zip(GRADIENTS, 0.1 / np.sqrt(np.arange(1.0, STEPS + 1)), strict=True):
        before, x = x, x - size * g + 0.8 * (x - before)
        expected.append(x)
    np.testing.assert_allclose(
        path_of("heavy-ball:beta1=0.8,velocity=step-size-inside")(GRADIENTS, START),
        expected,
        rtol=1e-11,
        atol=1e-11,
    )


def query_points(rule, steps=60):
    simulation = Simulation(
        Experiment(
            convergence.find_problem("quadratic"),
            rules.find(rule),
            schedules.find("constant:alpha=0.5"),
            steps,
        )
    )
    points = []
    for t in range(1, steps + 1):
        simulation.advance(t)
        points.append((simulation.query_point[0], simulation.iterate[0]))
    return np.array(points)


def test_nesterovs_two_sequences_are_one():
    descent = query_points("nesterov")
    ahead = query_points("nesterov:iterate=look-ahead")
    np.testing.assert_allclose(descent[:, 0], ahead[:, 1], atol=1e-12)
    np.testing.assert_array_equal(ahead[:, 0], ahead[:, 1])
    before = np.concatenate([np.ones((1, 10)), descent[:-1, 1]])
    extrapolated = descent[:, 1] + 0.9 * (descent[:, 1] - before)
    np.testing.assert_allclose(descent[:, 0], extrapolated, atol=1e-12)


def test_dampening_keeps_a_share_of_each_gradient_out():
    np.testing.assert_allclose(
        path_of("heavy-ball:dampening=0.5")(GRADIENTS, np.zeros(5)),
        path_of("heavy-ball")(GRADIENTS, np.zeros(5)) / 2,
        rtol=1e-12,
    )
    with pytest.raises(InputError, match=r"dampening=0\.5"):
        rules.find("heavy-ball:velocity=average,dampening=0.5")


# AdaGrad and RMSprop


def test_adagrad_divides_by_the_root_of_the_sum_of_squares():
    root = np.sqrt(0.25 + np.cumsum(GRADIENTS**2, axis=0)) + 1e-3
    sizes = 0.1 / np.sqrt(np.arange(1.0, STEPS + 1))[:, None]
    np.testing.assert_allclose(
        path_of("adagrad:initial=0.25,eps=1e-3")(GRADIENTS, START),
        START - np.cumsum(sizes * GRADIENTS / root, axis=0),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("centered", ["true", "false"])
def test_rmsprop_divides_by_the_root_of_a_moving_average(centered):
    x, v, mean, expected = START, 0.0, 0.0, []
    for g, size in zip(GRADIENTS, 0.1 / np.sqrt(np.arange(1.0, STEPS + 1)), strict=True):
        v, mean = 0.9 * v + 0.1 * g**2, 0.9 * mean + 0.1 * g
        second = v - mean**2 if centered == "true" else v
        x = x - size * g / (np.sqrt(second) + 1e-2)
        expected.append(x)
    np.testing.assert_allclose(
        path_of(f"rmsprop:eps=1e-2,centered={centered}")(GRADIENTS, START),
        expected,
        rtol=1e-11,
        atol=1e-11,
    )


# What a rule declares


@pytest.mark.parametrize(
    ("rule", "driven"),
    [
        ("gradient-descent", True),
        ("gradient-descent:weight_decay=0.1", False),
        ("heavy-ball", True),
        ("heavy-ball:velocity=average", True),
        ("heavy-ball:velocity=step-size-inside", False),
        ("nesterov", False),
        ("nesterov:iterate=look-ahead", True),
        ("adagrad", True),
        ("rmsprop:centered=true", True),
        ("adam", True),
        ("adam:weight_decay=0.1", False),
        ("adamw", False),
        ("adamw:weight_decay=0", True),
        ("amsgrad", True),
    ],
)
def test_a_rule_is_history_driven_if_it_sees_gradients_alone(rule, driven):
    assert rules.find(rule).history_driven is driven


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("gradient-descent", set()),
        ("adam", {"m", "v", "power1", "power2"}),
        ("adam:bias_correction=none", {"m", "v"}),
        ("adam:bias_correction=first", {"m", "v", "power1"}),
        ("adam:beta1_decay=0.5,bias_correction=none", {"m", "v", "decay_t"}),
        ("amsgrad", {"m", "v", "vhat"}),
        ("amsgrad:bias_correction=both", {"m", "v", "vhat", "power1", "power2"}),
        ("rmsprop", {"v"}),
        ("rmsprop:centered=true", {"v", "mean_g"}),
        ("nesterov", {"u"}),
    ],
)
def test_state_that_no_result_depends_on_is_left_out(rule, state):
    assert set(rules.find(rule).state) == state


def test_only_a_rule_that_uses_the_step_size_returns_a_displacement():
    displacing = {
        "heavy-ball:velocity=step-size-inside",
        "nesterov",
        "adamw:decay_scale=none",
    }
    for rule in [*displacing, "heavy-ball", "adamw", "nesterov:iterate=look-ahead"]:
        assert rules.find(rule).returns_displacement is (rule in displacing)


def test_memory_counts_the_state_per_coordinate():
    assert rules.find("gradient-descent").bytes_per_parameter == 0
    assert rules.find("adam").bytes_per_parameter == 16
    assert rules.find("amsgrad").bytes_per_parameter == 24


# What is refused


def traced(function, **state):
    registry = Registry("rule", _build)
    return registry.add(function, source="x", common={"maximize": False}, state=state)()


def branching(g):
    """Looks at a value."""
    return (g if g > 0 else -g,)


def powering(g):
    """Uses a power."""
    return (g**2,)


def exponent(g):
    """Uses a power of a number."""
    return (2.0**g,)


def indexing(g):
    """Takes a coordinate."""
    return (g[0],)


def unpacking(g):
    """Takes a vector apart."""
    first, *_ = g
    return (first,)


def rounding(g):
    """Makes a number of a value."""
    return (float(g),)


def library(g):
    """Calls an array library."""
    return (np.exp(g),)


def forgetting(g, m):
    """Returns no state."""
    return (g,)


def asking(g, colour):
    """Asks for what there is not."""
    return (g,)


@pytest.mark.parametrize(
    ("function", "state", "named"),
    [
        (branching, {}, "branch"),
        (powering, {}, "power"),
        (exponent, {}, "power"),
        (indexing, {}, "coordinates"),
        (unpacking, {}, "apart"),
        (rounding, {}, "number"),
        (library, {}, ""),
        (forgetting, {"m": 0}, "returns 0 state variables of 1"),
        (asking, {}, "'colour'"),
    ],
    ids=lambda value: getattr(value, "__name__", "-"),
)
def test_a_rule_outside_the_allowed_operations_is_refused_in_one_sentence(function, state, named):
    with pytest.raises(InputError) as refused:
        traced(function, **state)
    assert named in str(refused.value)
    assert function.__name__ in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def private_catalogue(monkeypatch):
    monkeypatch.setattr(convergence.rule, "catalogue", Registry("rule", _build))


@pytest.mark.usefixtures("private_catalogue")
@pytest.mark.parametrize("name", ["x", "g", "loss", "direction", "_hidden"])
def test_a_state_by_a_name_that_is_taken_is_refused(name):
    with pytest.raises(InputError) as refused:
        convergence.rule.rule(source="x", **{name: 0})(branching)
    assert repr(name) in str(refused.value)


@pytest.mark.usefixtures("private_catalogue")
def test_a_setting_outside_the_closed_list_is_refused():
    def tuned(g, *, gamma=0.5):
        """Has a setting of its own."""
        return (gamma * g,)

    with pytest.raises(InputError, match="'gamma'"):
        convergence.rule.rule(source="x")(tuned)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("adam:beta1=1", "beta1=1 of rule adam must lie in [0, 1)"),
        ("adam:beta2=-0.1", "beta2=-0.1 of rule adam must lie in [0, 1)"),
        ("adam:eps=-1", "eps=-1 of rule adam must lie in [0, inf)"),
        ("adam:eps=nan", "eps=nan of rule adam must lie in [0, inf)"),
        ("adam:eps=inf", "eps=inf of rule adam must lie in [0, inf)"),
        ("adam:beta1=true", "beta1=true of rule adam must lie in [0, 1)"),
        ("adam:beta1=high", "beta1=high of rule adam must lie in [0, 1)"),
        ("heavy-ball:dampening=2", "dampening=2 of rule heavy-ball must lie in [0, 1]"),
        (
            "adam:bias_correction=bth",
            "bias_correction=bth of rule adam is not accepted; did you mean both?",
        ),
        (
            "adam:maximize=1",
            "maximize=1 of rule adam is not accepted; accepted: false, true",
        ),
    ],
)
def test_a_setting_out_of_its_range_is_refused_in_one_sentence(rule, sentence):
    with pytest.raises(InputError) as refused:
        rules.find(rule)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("decay", ["0", "0.1"])
def test_nesterov_decays_where_it_takes_the_gradient(decay):
    by = ("constant:alpha=0.05", 60)
    descent = run("quadratic:kappa=10", f"nesterov:weight_decay={decay}", *by, times=range(1, 61))
    ahead = run(
        "quadratic:kappa=10",
        f"nesterov:iterate=look-ahead,weight_decay={decay}",
        *by,
        times=range(1, 61),
    )
    x = descent["iterate"][0]
    before = np.concatenate([descent.experiment.problem.start[None], x[:-1]])

    np.testing.assert_allclose(x + 0.9 * (x - before), ahead["iterate"][0], atol=1e-12)
