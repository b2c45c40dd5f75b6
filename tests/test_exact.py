"""Expectations that are known exactly: by hand, by enumeration and by recursion."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product
from math import comb

import numpy as np
import pytest
from wrong.labels import cubic, tilted

import problems
from convergence import rules, run
from convergence import schedule as schedules
from convergence.algebras.affine import AffineForms
from convergence.algebras.interpreter import apply
from convergence.experiment import Experiment
from convergence.judges.confidence import student_width
from convergence.judges.exact import MOST_SEQUENCES, enumerated, expected, misstated
from problems import draws
from problems.domain import WholeSpace
from problems.laws import check
from problems.problem import Outcomes, Problem, exact

SQUARES = (
    "distance_square",
    "suboptimality",
    "suboptimality_average",
    "suboptimality_weighted",
    "gradient_mean_square",
)


def experiment(problem, rule="sgd", schedule="constant:alpha=0.1", steps=10):
    problem = problems.find(problem) if isinstance(problem, str) else problem
    return Experiment(problem, rules.find(rule), schedules.find(schedule), steps)


def every_round(steps):
    return np.arange(1, steps + 1)


def mean(found, name):
    record, weights = found
    return weights @ record[name]


# By hand


def test_a_coin_that_scales_the_gradient_shrinks_the_mean_square_by_a_factor():
    coin = experiment(
        "multiplicative-noise:tau=1,kappa=1,dimension=1", "sgd", "constant:alpha=.4", 16
    )
    T = every_round(16)
    # (1 - .4)**2 + (.4)**2
    np.testing.assert_allclose(expected(coin, "distance_square", T), 0.52**T, rtol=1e-14)
    found = enumerated(coin, T, ["distance_square"])
    assert found[1].size == 1 << 16
    np.testing.assert_allclose(mean(found, "distance_square"), 0.52**T, rtol=1e-11)


@pytest.mark.parametrize("start", [0, 10])
def test_harmonic_steps_average_the_noise(start):
    noisy = f"noisy-quadratic:kappa=1,dimension=1000,L=2,sigma=3,start={start}"
    T = np.array([1, 2, 7, 30])
    found = expected(experiment(noisy, "sgd", "inverse:alpha=0.5", 30), "distance_square", T)
    np.testing.assert_allclose(found, 1000 * 9 / (4 * T), rtol=1e-13)


def test_a_constant_step_ends_in_the_noise():
    noisy = experiment(
        "noisy-quadratic:dimension=3,kappa=4,sigma=2", "sgd", "constant:alpha=0.5", 60
    )
    T = every_round(60)
    square = sum(
        (1 - 0.5 * c) ** (2 * T)
        + 0.25 * 4 * (1 - (1 - 0.5 * c) ** (2 * T)) / (1 - (1 - 0.5 * c) ** 2)
        for c in (0.25, 0.5, 1.0)
    )
    np.testing.assert_allclose(expected(noisy, "distance_square", T), square, rtol=1e-13)


def test_one_step_of_a_kaczmarz_method_projects():
    problem = problems.find("skewed-batches:noise=0")
    e = problem.start - 1.0
    L_max = problem.constant("L_max")
    once = expected(
        experiment(problem, "sgd", f"constant:alpha={1 / L_max!r}", 1), SQUARES[0], np.ones(1, int)
    )
    assert once[0] == pytest.approx(e @ e + e @ problem.objective_gradient(problem.start) / -L_max)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_divides_the_variance(batch):
    problem = problems.find(f"label-noise-least-squares:batch={batch}")
    known = problem.outcomes()
    g = np.concatenate([problem.gradient(problem.start[None], s[None]) for s in known.samples])
    exact_gradient, e = known.probabilities @ g, problem.start - 1.0
    variance = known.probabilities @ ((g - exact_gradient) ** 2).sum(axis=1) / batch
    square = ((e - 0.1 * exact_gradient) ** 2).sum() + 0.01 * variance
    once = expected(experiment(problem, steps=1), "distance_square", np.ones(1, int))
    assert once[0] == pytest.approx(square, rel=1e-13)


def test_the_recursion_loses_few_digits():
    # The heavy ball on x**2/2 + noise, in rationals: moments of (x, u) from (1, 0).
    T, alpha, beta, curvature = 300, Fraction(1, 8), Fraction(3, 4), Fraction(1)
    xx, xu, uu, squares = Fraction(1), Fraction(0), Fraction(0), []
    for _ in range(T):
        gg, gx, gu = curvature**2 * xx + 4, curvature * xx, curvature * xu
        uu, xu = beta**2 * uu + 2 * beta * gu + gg, beta * xu + gx
        xx, xu = xx - 2 * alpha * xu + alpha**2 * uu, xu - alpha * uu
        squares.append(float(xx))
    noisy = experiment(
        "noisy-quadratic:kappa=1,dimension=1,sigma=2",
        "heavy-ball:beta1=0.75",
        "constant:alpha=1/8",
        T,
    )
    found = expected(noisy, "distance_square", every_round(T))
    np.testing.assert_allclose(found, squares, rtol=1e-13)


@pytest.mark.parametrize("rule", ["adam", "adam:beta1=0.5,beta2=0.25", "amsgrad:beta1_decay=0.5"])
def test_moments_lag_by_what_the_weights_of_their_averages_leave_out(rule):
    steady = experiment("reddi-2018-thm3:delta=1.4,C=1.5", rule, "constant:alpha=0.01", 30)
    T, settings = every_round(30), steady.rule.settings
    shrunk = np.cumprod(settings["beta1"] * settings["beta1_decay"] ** (T - 1.0))
    first = expected(steady, "first_moment", T)
    np.testing.assert_allclose(first, 1 - shrunk, rtol=1e-12)
    second = expected(steady, "second_moment", T)
    # Q = 1 + (1 + delta)(C - 1)
    np.testing.assert_allclose(second, (1 - settings["beta2"] ** T) * 2.2, rtol=1e-12)


def test_moments_of_many_coordinates_are_added_up():
    experts = experiment("coin-flip-experts:gap=0.2", "adam", "constant:alpha=0.01", 9)
    T, p = every_round(9), np.array([0.3, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(expected(experts, "first_moment", T), 1 - 0.9**T, rtol=1e-13)
    # A loss is its own square.
    square = (1 - 0.999**T) * p.sum()
    np.testing.assert_allclose(expected(experts, "second_moment", T), square, rtol=1e-12)


def test_moments_of_a_noisy_slope_have_the_variance_of_the_noise():
    def samples(rounds, seeds):
        return 2.0 * draws.normal(seeds[None, :], rounds[:, None])

    slope = rare(
        loss_formula=lambda x, s: (3.0 + s) * x,
        gradient_formula=lambda x, s: 3.0 + s + 0.0 * x,
        objective_formula=lambda x: 3.0 * x,
        objective_gradient_formula=lambda x: 3.0 + 0.0 * x,
        samples=samples,
        outcomes=None,
        noise_variance=4.0,
        constants={},
    )
    T = every_round(5)
    found = expected(experiment(slope, "adam"), "second_moment", T)
    np.testing.assert_allclose(found, (1 - 0.999**T) * 13, rtol=1e-11)


def test_the_regret_of_random_signs_is_the_mean_size_of_their_sum():
    signs = experiment("random-signs:G=3,D=0.5", "sgd", "inverse-sqrt:alpha=2", 8)
    T = every_round(8)
    size = [2 * n * comb(2 * n, n) / 4**n for n in -(-T // 2)]
    found = mean(enumerated(signs, T, ["regret"]), "regret")
    np.testing.assert_allclose(found, 0.75 * np.array(size), rtol=1e-13)


@pytest.mark.parametrize("specification", ["coin-flip-experts:dimension=2", "reddi-2018-thm3"])
def test_the_best_fixed_point_of_a_listed_run_is_that_of_its_draws(specification):
    problem = problems.find(specification)
    record, weights = enumerated(experiment(problem, steps=4), every_round(4), ["regret"])
    known = problem.outcomes()
    corners = np.eye(2) if problem.dimension == 2 else np.array([[-1.0], [1.0]])
    costs = known.samples.reshape(-1, problem.dimension) @ corners.T
    for T in every_round(4):
        sums = [costs[list(which)].sum(axis=0) for which in product(range(len(costs)), repeat=T)]
        each = [known.probabilities[list(w)].prod() for w in product(range(len(costs)), repeat=T)]
        best = np.array(each) @ np.min(sums, axis=1)
        hindsight = record.experiment.problem.hindsight([T], record.experiment.seeds)[:, 0]
        assert weights @ hindsight == pytest.approx(best, rel=1e-12)


# Without replacement


def test_every_order_of_an_epoch_is_run():
    """Against all paths of the recursion, written out; the last epoch is cut short."""
    n, T, alpha = 3, 8, 0.3
    shuffled = experiment(
        f"shuffled-parabolas:n={n},L=2,mu=0.5", "sgd", f"constant:alpha={alpha}", T
    )
    known, squares = shuffled.problem.outcomes(), []
    h = np.sqrt(1.5) * (np.arange(n) - 1)
    for orders in product(permutations(range(n)), repeat=3):
        x, path = 2.0, []
        for k in sum(orders, ())[:T]:
            x -= alpha * ((0.5 + 0.75 * k) * x + h[k])
            path.append(x * x)
        squares.append(path)
    found = enumerated(shuffled, every_round(T), ["distance_square"])
    assert found[1].size == 6**3
    np.testing.assert_allclose(mean(found, "distance_square"), np.mean(squares, axis=0), rtol=1e-12)
    assert known.probabilities.size == n
    # With replacement it is another expectation.
    replaced = experiment(
        f"shuffled-parabolas:n={n},L=2,mu=0.5,order=independent",
        "sgd",
        f"constant:alpha={alpha}",
        T,
    )
    others = mean(enumerated(replaced, every_round(T), ["distance_square"]), "distance_square")
    assert others[0] == pytest.approx(np.mean(squares, axis=0)[0], rel=1e-12)
    assert (others[1:] > 1.1 * np.mean(squares, axis=0)[1:]).all()


def test_orders_that_are_too_many_are_not_run():
    found = enumerated(experiment("shuffled-parabolas:n=9"), every_round(1), ["distance_square"])
    assert found == "an epoch of 9 rounds has more than 65536 orders"
    found = enumerated(experiment("shuffled-parabolas:n=5"), every_round(11), ["distance_square"])
    assert "120 outcomes an epoch" in found
    assert "draws depend" in expected(experiment("shuffled-parabolas"), SQUARES[0], every_round(3))


# Enumeration against recursion

_CE3 = "karimireddy-2019-ce3"
_HARMONIC = "inverse-sqrt:alpha=0.1"
PAIRS = [
    (_CE3, "sgd", _HARMONIC, 12),
    (_CE3, "sgd:weight_decay=0.1", _HARMONIC, 12),
    (_CE3, "heavy-ball", "constant:alpha=0.1", 12),
    (_CE3, "heavy-ball:velocity=step-size-inside,dampening=0.3", _HARMONIC, 10),
    (_CE3, "heavy-ball:maximize=true", "constant:alpha=0.1", 8),
    (_CE3, "nesterov", _HARMONIC, 12),
    (_CE3, "nesterov:iterate=look-ahead", _HARMONIC, 10),
    (_CE3, "accelerated-gradient", _HARMONIC, 12),
    (_CE3, "accelerated-gradient:weights=simplified", _HARMONIC, 10),
    (_CE3, "optimized-gradient", _HARMONIC, 12),
    (_CE3, "optimized-gradient:last_step=false", _HARMONIC, 10),
    (_CE3, "primal-averaging:averaging_power=1", _HARMONIC, 12),
    (_CE3, "unified-momentum:look_ahead=3", _HARMONIC, 12),
    (_CE3, "sgd", "cosine:alpha=0.2", 10),
    ("multiplicative-noise", "heavy-ball:velocity=average", _HARMONIC, 12),
    ("multiplicative-noise:dimension=1,kappa=1,start=-3", "nesterov:weight_decay=.2", _HARMONIC, 9),
    ("interpolating-least-squares:examples=2,dimension=1,batch=4", "heavy-ball", _HARMONIC, 6),
    ("label-noise-least-squares:examples=2,dimension=1,batch=2", "nesterov", _HARMONIC, 4),
    (
        "label-noise-least-squares:examples=4,dimension=2",
        "heavy-ball:weight_decay=.1",
        _HARMONIC,
        5,
    ),
    ("label-noise-least-squares:examples=4,dimension=2", "accelerated-gradient", _HARMONIC, 5),
    ("skewed-batches:examples=4,dimension=2,noise=.5,batch=2", "sgd", "constant:alpha=0.01", 3),
    (
        "parabola-on-interval:noise=0.1",
        "sgd",
        "inverse-strong-convexity:c=2,offset=1",
        12,
    ),
    ("parabola-on-interval:noise=0.1", "sgd:weight_decay=0.5", "constant:alpha=0.3", 12),
]


@pytest.mark.parametrize(("problem", "rule", "schedule", "steps"), PAIRS)
def test_enumeration_and_recursion_agree(problem, rule, schedule, steps):
    here, T = experiment(problem, rule, schedule, steps), every_round(steps)
    found = enumerated(here, T, SQUARES)
    assert found[1].sum() == pytest.approx(1, abs=1e-13)
    for measure in SQUARES:
        by_recursion = expected(here, measure, T)
        assert not isinstance(by_recursion, str), by_recursion
        np.testing.assert_allclose(by_recursion, mean(found, measure), rtol=1e-12, err_msg=measure)


def test_the_rounds_asked_for_are_those_of_the_whole_run():
    here, T = experiment(_CE3, "heavy-ball", "cosine:alpha=0.2", 12), every_round(12)
    some = np.array([2, 5, 9])
    for measure in SQUARES:
        whole = expected(here, measure, T)
        np.testing.assert_array_equal(expected(here, measure, some), whole[some - 1])
        few = mean(enumerated(here, some, [measure]), measure)
        np.testing.assert_allclose(few, whole[some - 1], rtol=1e-12)


def test_exact_gradients_are_taken_every_round_of_a_listed_run():
    problem, steps = problems.find("zhang-2022:n=20,order=independent"), 10
    assert problem.exact_gradient_cost > 10
    here = experiment(problem, "sgd", "constant:alpha=0.02", steps)
    record, _ = enumerated(here, np.array([steps]), ["gradient_mean_square"])
    # Of one lane: every round shows the digit of its seed.
    lane, x, total = 777, problem.start, 0.0
    slopes = np.unique(problem.outcomes().samples)
    for t in range(steps):
        total += float(problem.objective_gradient(x)[0]) ** 2
        x = x - 0.02 * problem.gradient(x, slopes[lane // 2**t % 2])
    assert record["gradient_mean_square"][lane, 0] == pytest.approx(total / steps, rel=1e-13)


# Rare events


def rare(size=1e4, probability=1e-5, **changes):
    shown = np.array([0.0, size, -size])
    chances = np.array([1 - probability, probability / 2, probability / 2])

    def samples(rounds, seeds):
        u = draws.uniform(seeds[None, :], rounds[:, None])
        return shown[np.searchsorted(chances.cumsum()[:-1], u, side="right")]

    facts = {
        "formula": "x**2/2; a round adds 0 or, seldom, +-1e4 x",
        "domain": WholeSpace(),
        "start": np.ones(1),
        "scalar": True,
        "stochastic": True,
        "loss_formula": lambda x, s: x * x / 2 + s * x,
        "gradient_formula": lambda x, s: x + s,
        "objective_formula": lambda x: x * x / 2,
        "objective_gradient_formula": lambda x: x,
        "samples": samples,
        "outcomes": lambda: Outcomes(shown, chances),
        "affine": True,
        "constants": {"L": exact(1.0), "minimum": exact(0.0), "minimizer": exact([0.0])},
    }
    return Problem(**{**facts, **changes})


def test_a_rare_event_that_no_lane_meets_is_in_the_expectation():
    here, T = experiment(rare(), "sgd", "constant:alpha=0.5", 10), every_round(10)
    # alpha**2 E s**2 = 250
    true = 0.25**T + 250 * (1 - 0.25**T) / 0.75
    np.testing.assert_allclose(expected(here, "distance_square", T), true, rtol=1e-12)
    found = enumerated(here, T, ["distance_square"])
    np.testing.assert_allclose(mean(found, "distance_square"), true, rtol=1e-12)

    seen = run(here.problem, here.rule, here.schedule, 10, seeds=64, times=T.tolist())
    figure = (seen["distance"] ** 2)[:, -1]
    width = student_width(figure.std(ddof=1), 64, 1e-9)
    assert figure.mean() + width < 1e-5 < true[-1]


# What is false


def refused(found, *words):
    assert isinstance(found, str)
    for word in words:
        assert word in found
    return True


def both(here, measure="distance_square"):
    T = every_round(3)
    return expected(here, measure, T), enumerated(here, T, [measure])


def without_replacement():
    """Rounds that show +1 and -1 in turn, from a side that is drawn, and say no word of it."""

    def samples(rounds, seeds):
        first = np.where(draws.uniform(seeds, 0) < 0.5, 1.0, -1.0)
        return first[None, :] * np.where(rounds % 2 == 1, 1.0, -1.0)[:, None]

    fair = Outcomes(np.array([1.0, -1.0]), np.array([0.5, 0.5]))
    return rare(samples=samples, outcomes=lambda: fair)


@pytest.mark.parametrize(
    ("problem", "word"),
    [
        (rare(outcomes=lambda: Outcomes(np.zeros(1), np.ones(1))), "none of the outcomes"),
        (
            rare(
                outcomes=lambda: Outcomes(np.array([0.0, 1e4, -1e4]), np.array([0.9, 0.05, 0.05]))
            ),
            "is stated",
        ),
        (
            rare(outcomes=lambda: Outcomes(np.array([0.0, 1e4, -1e4]), np.array([1.0, 0.5, 0.5]))),
            "sum to 2",
        ),
        (without_replacement(), "a repetition"),
        (cubic(problems.find("multiplicative-noise")), "not affine"),
    ],
)
def test_a_false_law_is_found_out(problem, word):
    assert word in misstated(problem)
    by_recursion, by_listing = both(experiment(problem))
    assert refused(by_recursion, "is false", word)
    assert refused(by_listing, "is false", word)


@pytest.mark.parametrize("specification", [_CE3, "label-noise-least-squares:batch=5", "shi-2021"])
def test_tilted_outcomes_are_found_out(specification):
    problem = problems.find(specification)
    wrong = tilted(problem)
    assert misstated(problem) == ""
    assert "is false" in misstated(replace(problem, outcomes=lambda: wrong))


def test_outcomes_of_another_mean_are_found_out_by_the_exact_gradient():
    # So rare that draws do not tell.
    chances = np.array([1 - 1e-5, 1e-5, 0.0])
    one_sided = rare(outcomes=lambda: Outcomes(np.array([0.0, 1e4, -1e4]), chances))
    for found in both(experiment(one_sided)):
        assert refused(found, "is false", "off the exact gradient by 0.1")


def test_a_batch_of_another_size_is_found_out():
    problem = problems.find("label-noise-least-squares:batch=4")
    known = replace(problem.outcomes(), averaged=5)
    assert "mean over 5 draws" in misstated(replace(problem, outcomes=lambda: known))
    summed = replace(problem, gradient_formula=lambda x, s: 4 * problem.gradient_formula(x, s))
    assert "mean over 4 draws" not in misstated(problem)
    # Of a sum, the gradient of a batch of one is four times too large as well.
    assert refused(expected(experiment(summed), "suboptimality", every_round(3)), "off the exact")

    def by_size(x, s):
        return s.shape[-1] * problem.gradient_formula(x, s)

    assert "mean over 4 draws" in misstated(replace(problem, gradient_formula=by_size))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {"noise_variance": 1.1 * p.noise_variance}, "mean square"),
        (lambda p: {"noise_variance": 0.0}, "mean square"),
        (lambda p: {"gradient_formula": lambda x, z: p.objective_gradient(x) + z + 0.05}, "mean"),
        (
            lambda p: {"gradient_formula": lambda x, z: p.objective_gradient(x) + (1 + x) * z},
            "between two points",
        ),
        # The same in every round.
        (lambda p: {"samples": lambda t, s: p.samples(0 * t + 1, s)}, "successive rounds"),
        # The same in every coordinate.
        (lambda p: {"samples": lambda t, s: p.samples(t, s)[..., :1] + np.zeros(2)}, "direction"),
    ],
)
def test_false_noise_is_found_out(change, words):
    problem = problems.find("noisy-quadratic")
    assert misstated(problem) == ""
    wrong = replace(problem, **change(problem))
    finding = check(wrong, labels={"noise_variance"})["noise_variance"]
    assert finding.verdict == "violated"
    assert words in finding.sentence
    assert refused(expected(experiment(wrong), "distance_square", every_round(3)), "is false")


def test_linear_losses_have_the_same_gradient_everywhere():
    kinked = problems.find("periodic-hinge")
    assert check(replace(kinked, tags=(*kinked.tags, "linear")))["linear"].verdict == "violated"


# What is not known in this way


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("adam", "not linear"),
        ("amsgrad", "not linear"),
        ("adagrad-norm", "not linear"),
        ("sign-descent", "not linear"),
        ("lion", "not linear"),
        ("muon", "matrices"),
    ],
)
def test_rules_that_are_not_linear_are_refused(rule, word):
    for problem in ("noisy-quadratic", "multiplicative-noise", _CE3):
        for measure in SQUARES:
            found = expected(experiment(problem, rule), measure, every_round(3))
            assert refused(found, word, rule)


@pytest.mark.parametrize(
    ("problem", "rule", "measure", "word"),
    [
        ("quadratic", "sgd", "distance_square", "nothing is drawn"),
        ("shi-2021:order=reshuffled", "sgd", "suboptimality", "reshuffled"),
        ("rare-feature-logistic", "sgd", "suboptimality", "affine"),
        ("heavy-tailed-noise", "sgd", "distance_square", "affine"),
        ("noisy-quadratic", "sgd", "distance", "no square"),
        ("noisy-quadratic", "sgd", "regret", "cannot be measured"),
        ("noisy-quadratic", "adam", "first_moment", "depend on x"),
        ("reddi-2018-thm3", "sgd", "first_moment", "no such moment"),
        ("reddi-2018-thm3", "sgd", "suboptimality", "may reach the end of the box"),
        ("coin-flip-experts", "sgd", "suboptimality", "may reach the end of the simplex"),
        ("parabola-on-interval:noise=1.1", "sgd", "suboptimality", "may reach the end"),
        ("parabola-on-interval:noise=0.1", "heavy-ball", "suboptimality", "may reach the end"),
    ],
)
def test_the_reason_is_named_where_no_recursion_is_known(problem, rule, measure, word):
    here = experiment(problem, rule, "constant:alpha=1", 300)
    assert refused(expected(here, measure, np.array([300])), word)


@pytest.mark.parametrize(
    ("problem", "steps", "word"),
    [
        ("quadratic", 3, "nothing is drawn"),
        ("shi-2021:order=reshuffled", 3, "an epoch of 10 rounds"),
        ("noisy-quadratic", 3, "lists no outcomes"),
        (_CE3, 17, f"more than {MOST_SEQUENCES} sequences in 17 rounds"),
        ("label-noise-least-squares:batch=20", 1, "batches of 20"),
    ],
)
def test_the_reason_is_named_where_nothing_is_enumerated(problem, steps, word):
    here = experiment(problem, steps=steps)
    assert refused(enumerated(here, every_round(steps), ["suboptimality"]), word)


def test_regret_against_an_unknown_point_is_not_enumerated():
    hinge = experiment("single-feature-hinge:dimension=1")
    assert refused(enumerated(hinge, every_round(3), ["regret"]), "hindsight")
    assert not isinstance(enumerated(hinge, every_round(3), ["suboptimality"]), str)


def test_one_outcome_is_enumerated_in_any_number_of_rounds():
    sure = experiment(
        "single-feature-hinge:dimension=1,noise=0", "sgd", "constant:alpha=1/64", 3_000
    )
    record, weights = enumerated(sure, np.array([64, 3_000]), ["suboptimality"])
    assert weights.tolist() == [1.0]
    assert record["suboptimality"][0, 1] == 0


def test_a_run_that_overflows_has_no_expectation_from_there_on():
    here = experiment("noisy-quadratic", "sgd", "constant:alpha=1e40", 9)
    assert refused(expected(here, "distance_square", every_round(9)), "no longer finite at step 4")


# The algebra


def test_forms_are_affine_in_their_variables_and_the_square_of_the_gradient():
    algebra = AffineForms(["x", "u"])
    x, u, g = (algebra.variable(name) for name in ("x", "u", "g"))
    two = algebra.constant(Fraction(2))
    assert apply(algebra, "*", two, x - u).tolist() == [0, 2, -2, 0, 0]
    assert apply(algebra, "/", x + two, two).tolist() == [1, 0.5, 0, 0, 0]
    assert apply(algebra, "*", apply(algebra, "*", two, g), g).tolist() == [0, 0, 0, 0, 2]
    assert apply(algebra, "square", g).tolist() == [0, 0, 0, 0, 1]
    assert apply(algebra, "maximum", x, x + two).tolist() == (x + two).tolist()
    assert apply(algebra, "sqrt", algebra.number(9.0)).tolist() == [3, 0, 0, 0, 0]
    for operation, parts in (
        ("*", (x, g)),
        ("square", (x + g,)),
        ("square", (g + two,)),
        ("/", (two, g)),
        ("sqrt", (g,)),
        ("abs", (x,)),
        ("maximum", (x, u)),
        ("sign", (g,)),
        ("norm", (g,)),
    ):
        with pytest.raises(TypeError):
            apply(algebra, operation, *parts)
