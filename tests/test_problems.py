"""Every catalogue entry against the laws that its oracle and its stated constants must obey."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from wrong import problems as wrong

import problems
from problems.data import read_svmlight
from problems.domain import Box, WholeSpace
from problems.notation import InputError, format_specification
from problems.problem import Constant, Problem, exact

TINY = str(Path(__file__).parent / "fixtures" / "tiny.svm")


def tiny(**settings):
    return format_specification("svmlight-logistic", {"path": TINY, **settings})


NAMES = {
    "periodic-linear": "periodic-linear",
    "periodic-linear-uneven": "periodic-linear:slopes=[4,-2,0,-3.5,1],domain=[-2,3],start=1",
    "periodic-linear-balanced": "periodic-linear:slopes=[2,-1,-1]",
    "reddi-2018-thm1": "reddi-2018-thm1",
    "reddi-2018-thm1-C2": "reddi-2018-thm1:C=2",
    "reddi-2018-thm1-C5": "reddi-2018-thm1:C=5,start=0.5",
    "reddi-2018-online": "reddi-2018-online",
    "reddi-2018-stochastic": "reddi-2018-stochastic",
    "periodic-hinge": "periodic-hinge",
    "periodic-hinge-other": "periodic-hinge:slopes=[-4,1,2.5,-1],start=2",
    "quadratic": "quadratic",
    "quadratic-1": "quadratic:kappa=1,dimension=1,L=2",
    "quadratic-5": "quadratic:kappa=10,dimension=5,L=3",
    "rosenbrock": "rosenbrock",
    "rosenbrock-5": "rosenbrock:dimension=5",
    "pl-sine": "pl-sine",
    "breast-cancer": "breast-cancer-logistic",
    "breast-cancer-batch": "breast-cancer-logistic:batch=16",
    "digits": "digits-softmax:ridge=0.1",
    "digits-batch": "digits-softmax:ridge=0.1,batch=8",
    "svmlight": tiny(ridge=0.05),
    "svmlight-batch": tiny(ridge=0.05, batch=4),
}
PROBLEMS = {name: problems.find(specification) for name, specification in NAMES.items()}


def all_with(condition):
    chosen = {name: problem for name, problem in PROBLEMS.items() if condition(problem)}
    return pytest.mark.parametrize("problem", chosen.values(), ids=chosen.keys())


def stating(letter):
    return all_with(lambda problem: letter in problem.constants)


def test_every_catalogue_entry_is_tested():
    assert {problem.key for problem in PROBLEMS.values()} == {e.key for e in problems.catalogue}


def random_points(problem, count=8, seed=0, scale=1.5):
    random = np.random.default_rng(seed)
    shape = (count, problem.dimension)
    if isinstance(problem.domain, Box):
        return random.uniform(problem.domain.low, problem.domain.high, shape)
    return problem.start + scale * random.normal(size=shape)


def sides(problem):
    bounded = problem.domain.bounded
    return (problem.domain.low, problem.domain.high) if bounded else (-3.0, 3.0)


def samples_at(problem, t, seeds=(0,)):
    """What a round hands to the oracle: one sample for all lanes, or one for each."""
    if problem.samples is None:
        return None
    return problem.samples(np.array([t]), np.array(seeds, np.uint64))[0]


# Derivatives


def assert_derivative(value, gradient, points, seed=1):
    random = np.random.default_rng(seed)
    h = 1e-5
    for x in points:
        d = random.normal(size=x.shape)
        d /= np.linalg.norm(d)
        slope = (value(x + h * d) - value(x - h * d)) / (2 * h)
        # Rounding of the values over h, and the third derivative times h**2.
        scale = 1 + abs(float(value(x))) + np.linalg.norm(gradient(x))
        assert float(gradient(x) @ d) == pytest.approx(float(slope), abs=1e-7 * scale)


def gradient_is_the_derivative_of_the_loss(problem):
    points = random_points(problem)
    if problem.key == "periodic-hinge":
        points = points[np.abs(np.abs(points[:, 0]) - 1) > 1e-3]
    for t in (1, 2, 3, 4, 5):
        sample = samples_at(problem, t)
        lanes = sample is not None and np.ndim(sample) > 0
        assert_derivative(
            lambda x, s=sample, lanes=lanes: problem.loss(x[None] if lanes else x, s).sum(),
            lambda x, s=sample, lanes=lanes: problem.gradient(x[None] if lanes else x, s).reshape(
                -1
            ),
            points,
        )


def objective_gradient_is_its_derivative(problem):
    assert_derivative(problem.objective, problem.objective_gradient, random_points(problem))


@all_with(lambda problem: True)
def test_the_gradient_is_the_derivative_of_the_loss(problem):
    gradient_is_the_derivative_of_the_loss(problem)
    with pytest.raises(AssertionError):
        gradient_is_the_derivative_of_the_loss(wrong.steeper(problem))


@all_with(lambda problem: problem.has_objective)
def test_the_objective_gradient_is_the_derivative_of_the_objective(problem):
    objective_gradient_is_its_derivative(problem)
    broken = wrong.steeper_objective(problem) if problem.stochastic else wrong.steeper(problem)
    with pytest.raises(AssertionError):
        objective_gradient_is_its_derivative(broken)


def test_a_smooth_formula_agrees_with_the_complex_step():
    problem = PROBLEMS["rosenbrock-5"]
    for x in random_points(problem):
        for i in range(5):
            ahead = x + 1e-30j * (np.arange(5) == i)
            slope = problem.loss_formula(ahead, None).imag / 1e-30
            assert problem.gradient(x)[i] == pytest.approx(slope, rel=1e-12, abs=1e-9)
    problem = PROBLEMS["pl-sine"]
    for x in random_points(problem)[:, 0]:
        slope = problem.loss_formula(x + 1e-30j, None).imag / 1e-30
        assert problem.gradient([x])[0] == pytest.approx(slope, rel=1e-12, abs=1e-12)


# Stochastic gradients

ERROR = 1e-9


def outcomes(problem):
    """Every sample a single draw may give, and its probability; the batch size."""
    if problem.key == "reddi-2018-stochastic":
        return np.array([1010.0, -10.0]), np.array([0.01, 0.99]), 1
    count = round(problem.exact_gradient_cost * problem.settings["batch"])
    return np.arange(count)[:, None], np.full(count, 1 / count), problem.settings["batch"]


def informative_points(problem):
    """Random points, the start, the minimiser and a bad classifier."""
    minimizer = np.asarray(problem.constants["minimizer"].value, float)
    points = [*random_points(problem, 2), problem.start, minimizer]
    return points if problem.domain.bounded else [*points, -20 * minimizer]


def gradient_is_unbiased(problem):
    drawn, probability, _ = outcomes(problem)
    for x in informative_points(problem):
        every = problem.gradient(np.broadcast_to(x, (len(drawn), x.size)), drawn)
        expected = probability @ every
        np.testing.assert_allclose(expected, problem.objective_gradient(x), atol=1e-9, rtol=1e-9)


def draws_are_unbiased(problem):
    lanes = np.arange(4000, dtype=np.uint64)
    sample = problem.samples(np.array([3]), lanes)[0]
    x = random_points(problem, 1, seed=5)[0]
    direction = np.random.default_rng(6).normal(size=x.size)
    slopes = problem.gradient(np.broadcast_to(x, (lanes.size, x.size)), sample) @ direction
    drawn, probability, batch = outcomes(problem)
    every = problem.gradient(np.broadcast_to(x, (len(drawn), x.size)), drawn) @ direction
    mean = probability @ every
    deviation = np.sqrt(probability @ (every - mean) ** 2 / batch / lanes.size)
    assert abs(slopes.mean() - mean) <= stats.norm.isf(ERROR / 2) * deviation


def measured_variance(problem):
    drawn, probability, batch = outcomes(problem)
    largest = 0.0
    for x in informative_points(problem):
        every = problem.gradient(np.broadcast_to(x, (len(drawn), x.size)), drawn)
        square = ((every - problem.objective_gradient(x)) ** 2).sum(axis=-1)
        largest = max(largest, float(probability @ square) / batch)
    return largest


def variance_is_at_most_stated(problem):
    assert measured_variance(problem) <= problem.constant("sigma2") * (1 + 1e-9)


@all_with(lambda problem: problem.stochastic)
def test_the_mean_over_all_samples_is_the_exact_gradient(problem):
    gradient_is_unbiased(problem)
    with pytest.raises(AssertionError):
        gradient_is_unbiased(wrong.biased(problem))


@all_with(lambda problem: problem.stochastic)
def test_the_drawn_gradients_have_that_mean(problem):
    draws_are_unbiased(problem)


def test_a_wrong_probability_is_caught_by_the_draws():
    with pytest.raises(AssertionError):
        draws_are_unbiased(wrong.enlarging(PROBLEMS["reddi-2018-stochastic"]))
    with pytest.raises(AssertionError):
        draws_are_unbiased(wrong.enlarging(PROBLEMS["breast-cancer-batch"]))


@stating("sigma2")
def test_the_variance_is_at_most_stated(problem):
    variance_is_at_most_stated(problem)
    true = measured_variance(problem)
    assert true > 0
    with pytest.raises(AssertionError):
        variance_is_at_most_stated(wrong.stating(problem, "sigma2", 0.95 * true))
    if problem.constants["sigma2"].known == "exact":
        assert true >= 0.99 * problem.constant("sigma2")


# Smoothness, curvature, bounds on gradients


def gradients(problem):
    if problem.has_objective:
        yield problem.objective_gradient
        return
    for t in range(1, 6):
        sample = samples_at(problem, t)
        yield lambda x, sample=sample: problem.gradient(x, sample)


def measured_smoothness(problem):
    """The largest ||g(x) - g(y)|| / ||x - y|| found by following the gradient's change."""
    largest = 0.0
    starts = [*random_points(problem, 3), problem.start]
    if "minimizer" in problem.constants:
        starts.append(np.asarray(problem.constants["minimizer"].value, float))
    for gradient in gradients(problem):
        for x in starts:
            d = np.random.default_rng(2).normal(size=x.size)
            d /= np.linalg.norm(d)
            for step in [1.0, 0.1] + [1e-4] * 40:
                change = gradient(x + step * d) - gradient(x)
                size = np.linalg.norm(change)
                largest = max(largest, float(size) / step)
                if size == 0:
                    break
                d = change / size
    return largest


def gradient_is_lipschitz(problem):
    assert measured_smoothness(problem) <= problem.constant("L") * (1 + 1e-7)


@stating("L")
def test_the_gradient_is_lipschitz_as_stated(problem):
    gradient_is_lipschitz(problem)
    true = measured_smoothness(problem)
    if problem.constants["L"].known == "exact":
        assert true >= 0.99 * problem.constant("L")
    if true > 0:
        lower = {name: 0.0 for name in ("mu", "mu_pl") if name in problem.constants}
        weaker = problem
        for name, value in lower.items():
            weaker = wrong.stating(weaker, name, value)
        factor = 0.95 * (problem.constant("L") if true > 0.99 * problem.constant("L") else true)
        with pytest.raises(AssertionError):
            gradient_is_lipschitz(wrong.stating(weaker, "L", factor))


def test_a_curved_loss_that_claims_to_be_linear_is_caught():
    bent = Problem(
        formula="x + x**2 / 100",
        domain=Box(-1.0, 1.0),
        start=np.array([0.0]),
        scalar=True,
        loss_formula=lambda x, sample: x + x * x / 100,
        gradient_formula=lambda x, sample: 1 + x / 50,
        constants={"L": exact(0.0)},
    )
    with pytest.raises(AssertionError):
        gradient_is_lipschitz(bent)


def pairs(problem):
    points = random_points(problem, 6)
    for i, x in enumerate(points):
        yield x, points[i - 1]
        for axis in range(min(problem.dimension, 64)):
            yield x, x + (np.arange(x.size) == axis)


def measured_curvature(problem):
    g = problem.objective_gradient
    return min(float((g(x) - g(y)) @ (x - y) / ((x - y) @ (x - y))) for x, y in pairs(problem))


def is_strongly_convex(problem):
    assert measured_curvature(problem) >= problem.constant("mu") * (1 - 1e-9)


@stating("mu")
def test_the_objective_is_as_strongly_convex_as_stated(problem):
    is_strongly_convex(problem)
    true = measured_curvature(problem)
    exactly = problem.constants["mu"].known == "exact"
    if exactly:
        assert true <= problem.constant("mu") / 0.99
    if problem.constant("mu") < problem.constant("L"):
        with pytest.raises(AssertionError):
            is_strongly_convex(
                wrong.stating(problem, "mu", 1.05 * (problem.constant("mu") if exactly else true))
            )


def pl_quotient(problem, points):
    lowest = problem.constant("minimum") + problem.constants["minimum"].tolerance
    gap = problem.objective(points) - lowest
    square = (problem.objective_gradient(points) ** 2).sum(axis=-1)
    return square[gap > 1e-9] / (2 * gap[gap > 1e-9])


def pl_points(problem):
    minimizer = np.asarray(problem.constants["minimizer"].value, float)
    if problem.dimension == 1:
        return np.linspace(-12, 12, 240_001)[:, None]
    axes = minimizer + np.eye(problem.dimension)[:64]
    return np.concatenate([random_points(problem, 12), random_points(problem, 4, 3, 0.01), axes])


def satisfies_the_polyak_lojasiewicz_inequality(problem):
    assert pl_quotient(problem, pl_points(problem)).min() >= problem.constant("mu_pl") * (1 - 1e-9)


@stating("mu_pl")
def test_the_polyak_lojasiewicz_inequality_holds_as_stated(problem):
    satisfies_the_polyak_lojasiewicz_inequality(problem)
    true = pl_quotient(problem, pl_points(problem)).min()
    if problem.constants["mu_pl"].known in ("exact", "computed"):
        assert true <= problem.constant("mu_pl") / 0.99
        true = problem.constant("mu_pl")
    if problem.constant("mu_pl") < problem.constant("L"):
        with pytest.raises(AssertionError):
            satisfies_the_polyak_lojasiewicz_inequality(
                wrong.stating(problem, "mu_pl", 1.05 * true)
            )


def subdivision_proves(mu):
    """Whether f'(x)**2 >= 2 mu f(x) on [-5, 5] for f = x**2 + 3 sin(x)**2 is proved.

    h = f'**2 - 2 mu f is even, with h(0) = 0 and h' = 2 f' (f'' - mu), positive on (0, 1/10]
    as f'' >= 2 + 6 cos(1/5) there. Elsewhere |h'| <= 2 (2 x + 3) max(8 - mu, 4 + mu) bounds h
    on an interval from its value in the middle.
    """
    assert mu < 2 + 6 * np.cos(0.2)
    low, high = np.array([0.1]), np.array([5.0])
    for _ in range(60):
        middle = (low + high) / 2
        slope = 2 * middle + 3 * np.sin(2 * middle)
        h = slope**2 - 2 * mu * (middle**2 + 3 * np.sin(middle) ** 2)
        if (h < 0).any():
            return False
        steepest = 2 * (2 * high + 3) * max(8 - mu, 4 + mu)
        # Rounding of h, whose terms are below 200, is far below 1e-12.
        open_ = h - steepest * (high - low) / 2 < 1e-12
        if not open_.any():
            return True
        low, middle, high = low[open_], middle[open_], high[open_]
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return False


def test_the_constant_of_pl_sine_is_proved_from_below_and_attained():
    stated = PROBLEMS["pl-sine"].constant("mu_pl")
    assert stated == 0.1755309858797
    assert subdivision_proves(stated - 1e-6)
    assert not subdivision_proves(stated + 1e-6)
    assert not subdivision_proves(1.05 * stated)
    at = pl_quotient(PROBLEMS["pl-sine"], np.array([[2.2017091764]]))[0]
    assert stated <= at <= stated + 1e-12


def measured_gradient(problem, order):
    points = [*random_points(problem, 5), np.clip(0.0, *sides(problem))[None]]
    rounds = np.arange(1, 3001)
    samples = problem.samples(rounds, np.array([0], np.uint64)).reshape(-1)
    g = [problem.gradient(np.broadcast_to(x, (3000, x.size)), samples) for x in points]
    return float(np.linalg.norm(np.stack(g), order, axis=-1).max())


def gradients_are_bounded(problem, letter, order):
    assert measured_gradient(problem, order) <= problem.constant(letter)


@pytest.mark.parametrize(("letter", "order"), [("G", 2), ("G_inf", np.inf)])
@stating("G")
def test_gradients_are_bounded_as_stated_and_the_bound_is_attained(problem, letter, order):
    gradients_are_bounded(problem, letter, order)
    stated = problem.constant(letter)
    if problem.constants[letter].known == "exact":
        assert measured_gradient(problem, order) >= 0.99 * stated
    with pytest.raises(AssertionError):
        gradients_are_bounded(wrong.stating(problem, letter, 0.95 * stated), letter, order)


def lies_above_its_tangents(problem, count=12):
    points = random_points(problem, count)
    for t in (1, 2, 3):
        sample = samples_at(problem, t, range(count) if problem.stochastic else (0,))
        f, g = problem.loss(points, sample), problem.gradient(points, sample)
        for shift in range(1, count):
            other = np.roll(points, shift, axis=0)
            tangent = f + (g * (other - points)).sum(axis=-1)
            assert (problem.loss(other, sample) >= tangent - 1e-9 * (1 + abs(tangent))).all()


@all_with(lambda problem: "convex" in problem.tags)
def test_what_is_tagged_convex_lies_above_its_tangents(problem):
    lies_above_its_tangents(problem)


@all_with(lambda problem: "convex" not in problem.tags)
def test_what_is_not_convex_is_caught_by_its_tangents(problem):
    with pytest.raises(AssertionError):
        lies_above_its_tangents(problem, count=200)


# Minima and comparators


def least_found(problem):
    starts = [*random_points(problem, 3, seed=4), problem.start]
    bounds = None
    if isinstance(problem.domain, Box):
        bounds = [(problem.domain.low, problem.domain.high)] * problem.dimension
    return min(
        minimize(
            lambda x: float(problem.objective(x)),
            x,
            jac=problem.objective_gradient,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 300, "ftol": 1e-15},
        ).fun
        for x in starts
    )


def minimum_is_not_beaten(problem):
    stated = problem.constants["minimum"]
    assert least_found(problem) >= stated.value - stated.tolerance


def minimum_is_attained(problem):
    stated = problem.constants["minimum"]
    value = float(problem.objective(problem.constants["minimizer"].value))
    assert value == pytest.approx(stated.value, abs=max(stated.tolerance, 1e-15))


def minimizer_is_stationary(problem):
    x = np.asarray(problem.constants["minimizer"].value, float)
    moved = problem.domain.project(x - problem.objective_gradient(x))
    assert np.linalg.norm(moved - x) <= 1e-9


@stating("minimum")
def test_the_minimum_is_attained_and_not_beaten(problem):
    minimum_is_not_beaten(problem)
    minimum_is_attained(problem)
    minimizer_is_stationary(problem)
    value = problem.constant("minimum")
    with pytest.raises(AssertionError):
        minimum_is_not_beaten(wrong.stating(problem, "minimum", value + 0.01))
    with pytest.raises(AssertionError):
        minimum_is_attained(wrong.stating(problem, "minimum", value - 0.01))
    beside = np.asarray(problem.constants["minimizer"].value, float) + 0.01
    with pytest.raises(AssertionError):
        minimizer_is_stationary(wrong.stating(problem, "minimizer", beside))


@all_with(lambda problem: problem.constants.get("minimum") is not None)
def test_a_computed_minimum_is_certified_tightly(problem):
    assert 0 <= problem.constants["minimum"].tolerance <= 1e-12


def test_rosenbrock_starts_where_the_literature_starts():
    problem = PROBLEMS["rosenbrock"]
    np.testing.assert_array_equal(problem.start, [-1.2, 1.0])
    assert float(problem.objective(problem.start)) == pytest.approx(24.2, rel=1e-14)


TIMES = np.unique(np.concatenate([np.arange(1, 25), [99, 100, 101, 102, 203, 500, 1009]]))


def hindsight_is_the_best_fixed_point(problem, seeds=(0, 3)):
    grid = np.linspace(*sides(problem), 1201)
    rounds = np.arange(1, TIMES[-1] + 1)
    lanes = np.array(seeds, np.uint64)
    stated = problem.hindsight(TIMES, lanes)
    assert stated.shape == (len(seeds), TIMES.size)
    drawn = problem.samples(rounds, lanes)
    for lane in range(len(seeds)):
        slopes = drawn if drawn.ndim == 1 else drawn[:, lane]
        losses = np.broadcast_to(
            problem.loss_formula(grid[:, None], slopes[None, :]), (grid.size, slopes.size)
        )
        best = losses.cumsum(axis=1)[:, TIMES - 1].min(axis=0)
        np.testing.assert_allclose(stated[lane], best, rtol=1e-12, atol=1e-9)


@all_with(lambda problem: problem.hindsight_formula is not None)
def test_the_comparator_is_the_best_point_of_a_grid_at_every_horizon(problem):
    hindsight_is_the_best_fixed_point(problem)
    for broken in (wrong.hindsight_of_the_start, wrong.hindsight_off_by_one_round):
        with pytest.raises(AssertionError):
            hindsight_is_the_best_fixed_point(broken(problem))


@all_with(lambda problem: problem.hindsight_formula is not None)
def test_the_comparator_of_a_horizon_does_not_depend_on_the_others_asked_for(problem):
    together = problem.hindsight(TIMES, (2,))
    alone = [float(problem.hindsight([T], (2,))[0, 0]) for T in TIMES]
    np.testing.assert_array_equal(together[0], alone)


def test_the_comparator_is_right_beyond_one_block_of_draws():
    problem = PROBLEMS["reddi-2018-stochastic"]
    T = (1 << 14) + 57
    total = problem.samples(np.arange(1, T + 1), np.array([9], np.uint64)).sum()
    assert problem.hindsight([T - 1000, T], (9,))[0, 1] == -abs(total)


def test_the_comparator_of_a_fixed_function_is_its_minimum_times_the_rounds():
    problem = PROBLEMS["breast-cancer"]
    np.testing.assert_array_equal(
        problem.hindsight([1, 10])[0], np.array([1, 10]) * problem.constant("minimum")
    )


@all_with(lambda problem: problem.samples is not None and not problem.stochastic)
def test_the_minimizer_of_an_online_problem_is_best_over_whole_periods(problem):
    if "minimizer" not in problem.constants:
        assert "minimizer" in problem.unknown
        return
    rounds = np.arange(1, 20 * 101 * 15 + 1)
    slopes = problem.samples(rounds, np.array([0], np.uint64))
    point = problem.constants["minimizer"].value[0]
    total = float(np.sum(problem.loss_formula(point, slopes)))
    assert total == pytest.approx(float(problem.hindsight([rounds[-1]])[0, 0]), rel=1e-12)


# Lanes


def lanes_are_independent(problem):
    seeds = (5, 0, 17, 2)
    points = random_points(problem, 4, seed=8)
    for t in (1, 2, 1010):
        together = samples_at(problem, t, seeds)
        losses = problem.loss(points, together)
        g = problem.gradient(points, together)
        assert losses.shape == (4,)
        assert g.shape == points.shape
        for lane, seed in enumerate(seeds):
            alone = samples_at(problem, t, (seed,))
            x = points[lane : lane + 1]
            np.testing.assert_array_equal(problem.loss(x, alone)[0], losses[lane])
            np.testing.assert_array_equal(problem.gradient(x, alone)[0], g[lane])


@all_with(lambda problem: True)
def test_a_lane_gives_the_same_bits_alone_and_among_others(problem):
    lanes_are_independent(problem)


@pytest.mark.parametrize("name", ["quadratic", "pl-sine", "breast-cancer-batch"])
def test_lanes_that_mix_are_caught(name):
    with pytest.raises(AssertionError):
        lanes_are_independent(wrong.mixing(PROBLEMS[name]))


@all_with(lambda problem: problem.samples is not None)
def test_a_round_does_not_depend_on_the_rounds_drawn_with_it(problem):
    seeds = np.array([1, 4], np.uint64)
    together = problem.samples(np.arange(1, 301), seeds)
    for t in (1, 2, 101, 300):
        np.testing.assert_array_equal(together[t - 1], problem.samples(np.array([t]), seeds)[0])


# What a problem is


@all_with(lambda problem: True)
def test_a_problem_is_built_again_from_its_specification(problem):
    again = problems.find(problem.specification)
    assert again.specification == problem.specification
    assert again.settings == problem.settings
    assert again.constants.keys() == problem.constants.keys()


@all_with(lambda problem: True)
def test_a_problem_starts_inside_its_domain_and_says_what_it_is(problem):
    assert problem.domain.contains(problem.start)
    assert problem.title
    assert problem.formula
    assert problem.entry.source
    assert not set(problem.constants) & set(problem.unknown)


def flat(**changes):
    facts = {
        "formula": "0",
        "domain": WholeSpace(),
        "start": np.zeros(2),
        "loss_formula": lambda x, sample: 0.0 * x.sum(axis=-1),
        "gradient_formula": lambda x, sample: 0.0 * x,
    }
    return Problem(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"start": np.zeros((2, 2))}, "(2, 2)"),
        ({"start": np.array([np.nan, 0])}, "nan"),
        ({"start": np.array([3.0, 0]), "domain": Box(-1.0, 1.0)}, "the box [-1, 1]"),
        ({"scalar": True}, "dimension 1"),
        ({"constants": {"Lip": exact(1.0)}}, "'Lip'"),
        ({"unknown": {"Lip": "no"}}, "'Lip'"),
        ({"constants": {"L": exact(1.0), "mu": exact(2.0)}}, "mu=2.0"),
    ],
)
def test_a_problem_that_contradicts_itself_is_refused(changes, named):
    with pytest.raises(InputError) as refused:
        flat(**changes)
    assert named in str(refused.value)


def test_a_constant_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="inf"):
        Constant(np.inf, "exact", "by hope")


def test_what_a_problem_does_not_state_is_refused_with_the_reason():
    with pytest.raises(InputError, match="without bound"):
        PROBLEMS["rosenbrock"].constant("L")
    with pytest.raises(InputError, match="no fixed objective"):
        PROBLEMS["reddi-2018-online"].objective([0.0])
    with pytest.raises(InputError, match="no known comparator"):
        flat().hindsight([1])


# SVMlight files


def test_an_svmlight_file_is_read_as_it_stands():
    features, labels = read_svmlight(TINY)
    assert features.shape == (40, 12)
    assert sorted(set(labels)) == [-1.0, 1.0]
    first = Path(TINY).read_text(encoding="utf-8").splitlines()[0].split()
    assert labels[0] == float(first[0])
    for pair in first[1:]:
        index, value = pair.split(":")
        assert features[0, int(index) - 1] == float(value)
    assert features[0].nnz == len(first) - 1


def test_the_larger_label_counts_as_positive(tmp_path):
    file = tmp_path / "labels.svm"
    file.write_text("2 1:1\n1 1:-1\n2 1:0.5\n1 1:-2\n", encoding="utf-8")
    problem = problems.catalogue["svmlight-logistic"](path=str(file))
    assert problem.constants["minimizer"].value[0] > 0


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (3, "+1 2:x"),
        (1, "one 1:2"),
        (5, "+1 2:1 1:1"),
        (2, "+1 1:2:3"),
        (4, "+1 5"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path, line, named):
    lines = ["+1 1:1 2:2", "-1 1:0.5", "+1 2:1", "-1 1:-1 3:2", "+1 1:1"]
    lines[line - 1] = named
    file = tmp_path / "bad.svm"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_svmlight(file)
    assert f"line {line}:" in str(refused.value)
    assert named in str(refused.value)


@pytest.mark.parametrize("bad", ["+1 1:nan", "-1 1:inf", "nan 1:1"])
def test_a_value_that_is_not_finite_is_refused(tmp_path, bad):
    file = tmp_path / "nan.svm"
    file.write_text(f"+1 1:1\n-1 1:2\n{bad}\n", encoding="utf-8")
    with pytest.raises(InputError, match="3"):
        read_svmlight(file)


def test_comments_and_empty_lines_do_not_shift_the_number_of_a_bad_example(tmp_path):
    file = tmp_path / "comments.svm"
    file.write_text("# a comment\n\n+1 1:1\n-1 1:2\n+1 1:nan\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 5|example 3"):
        read_svmlight(file)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1 1:1\n2 1:2\n3 1:3\n", "3 different labels"),
        ("1 1:1\n1 1:2\n", "1 different labels"),
        ("1 1:1\n", "1 examples"),
        ("", "0 examples"),
    ],
)
def test_a_file_that_is_no_two_class_problem_is_refused(tmp_path, text, named):
    file = tmp_path / "few.svm"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        problems.catalogue["svmlight-logistic"](path=str(file))
    assert named in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_svmlight(tmp_path / "nowhere.svm")
    with pytest.raises(InputError, match="cannot read"):
        read_svmlight(tmp_path)
    with pytest.raises(InputError, match="not a file"):
        problems.catalogue["svmlight-logistic"](path=str(tmp_path))


def test_a_file_that_changes_is_read_again(tmp_path):
    file = tmp_path / "changing.svm"
    file.write_text("1 1:1\n-1 1:-1\n", encoding="utf-8")
    before = problems.catalogue["svmlight-logistic"](path=str(file)).constant("L")
    file.write_text("1 1:10\n-1 1:-1\n1 1:3\n", encoding="utf-8")
    after = problems.catalogue["svmlight-logistic"](path=str(file)).constant("L")
    assert after > before
