"""No run leaves the range of a figure, and some come to its ends."""

import numpy as np
import pytest
from levels import quick_if

import problems
from convergence import rules, run
from convergence import schedule as schedules
from convergence.experiment import Experiment
from convergence.judges.exact import enumerated
from convergence.judges.ranges import figure_range
from convergence.measure import MEASURES

MEASURED = (
    "distance",
    "distance_square",
    "suboptimality",
    "suboptimality_average",
    "suboptimality_weighted",
    "gradient_mean_square",
    "first_moment",
    "second_moment",
    "regret",
    "average_regret",
)
RULES = (
    "sgd",
    "heavy-ball",
    "heavy-ball:velocity=average",
    "heavy-ball:velocity=step-size-inside,dampening=0.5",
    "nesterov",
    "accelerated-gradient",
    "optimized-gradient",
    "primal-averaging",
    "unified-momentum:look_ahead=2",
    "adam:eps=0",
    "adam:beta1=0.5,beta2=0.3,eps=0,bias_correction=none",
    "adam:beta1=0,beta2=0.1,eps=0",
    "amsgrad",
    "adagrad",
    "signsgd",
    "lion",
    "adamw",
    "rmsprop",
    "muon",
)
PROBLEMS = (
    "reddi-2018-thm3:delta=0.5,C=4",
    "random-signs:G=2,D=3",
    "shi-2021",
    "coin-flip-experts",
    "single-feature-hinge:dimension=3",
    "parabola-on-interval:noise=0.5",
    "rare-feature-logistic:dimension=3",
    "rare-feature-logistic:dimension=3,batch=4,odds=50",
    "noisy-quadratic",
    "zhang-2022:order=independent",
    "absolute-value",
    "huber-worst",
    "pl-sine",
    "linear-on-ball",
    "reddi-2018-thm1",
    "drifting-quadratics",
)


def experiment(problem, rule, schedule, steps):
    return Experiment(problems.find(problem), rules.find(rule), schedules.find(schedule), steps)


@pytest.mark.parametrize("problem", quick_if(PROBLEMS[::3].__contains__, PROBLEMS))
def test_no_run_leaves_its_range(problem):
    times = np.array([1, 2, 3, 10, 30])
    for rule in RULES:
        here = experiment(problem, rule, "inverse-sqrt:alpha=0.3", 30)
        measures = [m for m in MEASURED if not MEASURES[m].unavailable(here.problem)]
        if "m" not in here.rule.state or "linear" not in here.problem.tags:
            measures = [m for m in measures if "moment" not in m]
        parts = here.problem, here.rule, here.schedule, 30
        record = run(*parts, seeds=16, measures=measures, times=times.tolist())
        for measure in measures:
            found = figure_range(here, measure, times)
            if found is not None:
                low, high = found
                inside = (record[measure] >= low) & (record[measure] <= high)
                assert inside.all(), (rule, measure)


# The lane that meets the largest slope in every round goes as far as any can.
_LINEAR = "reddi-2018-thm3:delta=0.5,C=4,start=0.9"


@pytest.mark.parametrize("rule", [rule for rule in RULES[:9] if "inside" not in rule])
@pytest.mark.parametrize("measure", ["suboptimality", "distance_square", "suboptimality_weighted"])
def test_steps_that_add_up_gradients_lead_as_far_as_is_said(rule, measure):
    here, times = experiment(_LINEAR, rule, "inverse-sqrt:alpha=0.001", 9), np.array([1, 5, 9])
    record, _ = enumerated(here, times, [measure])
    low, high = figure_range(here, measure, times)
    np.testing.assert_allclose(record[measure].min(axis=0), low, rtol=1e-8)
    assert (high > record[measure].max(axis=0)).all()


@pytest.mark.parametrize("rule", ["adam:beta1=0.5,beta2=0.3,eps=0,bias_correction=none", "amsgrad"])
def test_moments_are_as_large_and_as_small_as_is_said(rule):
    here, times = experiment(_LINEAR, rule, "constant:alpha=0.001", 9), np.array([1, 5, 9])
    for measure in ("first_moment", "second_moment"):
        record, _ = enumerated(here, times, [measure])
        low, high = figure_range(here, measure, times)
        np.testing.assert_allclose(record[measure].min(axis=0), low, rtol=1e-8)
        np.testing.assert_allclose(record[measure].max(axis=0), high, rtol=1e-8)


def test_an_adaptive_step_is_as_long_as_cauchy_and_schwarz_allow():
    # With slopes that grow by beta2 / beta1 a round both sums are proportional.
    beta1, beta2, T = 0.5, 0.75, 12
    slopes = [(beta2 / beta1) ** t for t in range(T)]
    problem = f"periodic-linear:slopes={slopes!r},domain=[-9,9],start=0".replace(" ", "")
    for correction in ("none", "first", "second", "both"):
        rule = f"adam:beta1={beta1},beta2={beta2},eps=0,bias_correction={correction}"
        here = experiment(problem, rule, "constant:alpha=0.1", T)
        record = run(here.problem, here.rule, here.schedule, T, times=[T - 1, T])
        step = abs(np.diff(record["iterate"][0, :, 0]))[0]
        low, high = figure_range(here, "distance", np.array([T - 1, T]))
        assert np.diff(low)[0] == pytest.approx(-step, rel=1e-6)
        assert np.diff(high)[0] == pytest.approx(step, rel=1e-6)


def test_ranges_by_hand():
    T = np.array([4, 100])

    def of(problem, measure, rule="sgd", schedule="constant:alpha=0.01"):
        low, high = figure_range(experiment(problem, rule, schedule, 100), measure, T)
        return low.tolist(), high.tolist()

    near = pytest.approx
    # E f = p.x, from the best corner to the others.
    assert of("coin-flip-experts:gap=0.1", "suboptimality", schedule="constant:alpha=9") == (
        near([0, 0], abs=1e-9),
        near([0.1, 0.1]),
    )
    # delta (x + 1), x within .01 C T of 0.
    assert of("reddi-2018-thm3:delta=0.5,C=2", "suboptimality") == (
        near([0.46, 0], abs=1e-9),
        near([0.54, 1]),
    )
    # The mean of x_1, ..., x_T is within .01 C (T - 1) / 2.
    assert of("reddi-2018-thm3:delta=0.5,C=2", "suboptimality_average")[1][0] == near(0.515)
    # With weights 1, ..., T within .01 C (2 + 6 + 12) / 10.
    assert of("reddi-2018-thm3:delta=0.5,C=2", "suboptimality_weighted")[1][0] == near(0.52)
    assert of("parabola-on-interval:noise=0.5", "suboptimality")[1][1] == near(0.5)
    assert of("parabola-on-interval:noise=0.5", "distance_square")[1][1] == near(1.0)
    assert of("shi-2021:C=5", "gradient_mean_square") == (near([0.04] * 2), near([0.04] * 2))


def test_exact_gradients_at_drawn_rounds_stay_in_the_range():
    problem = "rare-feature-logistic:dimension=2"
    here, T = experiment(problem, "sgd", "constant:alpha=0.5", 300), np.array([1, 30, 300])
    low, high = figure_range(here, "gradient_mean_square", T)
    assert (high <= 1 + 1e-9).all()
    record = run(problem, "sgd", "constant:alpha=0.5", 300, seeds=32, times=T.tolist())
    assert (
        (low <= record["gradient_mean_square"]) & (record["gradient_mean_square"] <= high)
    ).all()


@pytest.mark.parametrize(
    ("problem", "rule", "measure"),
    [
        ("noisy-quadratic", "sgd", "distance_square"),
        ("multiplicative-noise", "sgd", "suboptimality"),
        ("rare-feature-logistic", "sgd", "regret"),
        # Gradients are taken outside the domain, of which G does not speak.
        ("linear-on-ball", "nesterov", "regret"),
        ("parabola-on-interval:noise=0.5", "nesterov", "gradient_mean_square"),
        ("random-signs", "adam", "first_moment"),
        ("rare-feature-logistic", "adopt", "distance"),
        ("rare-feature-logistic", "sgd:weight_decay=0.1", "distance"),
        ("rare-feature-logistic", "lion:weight_decay=0.1", "distance"),
        ("rare-feature-logistic", "adam:beta1=0.9,beta2=0.5", "distance"),
        ("rare-feature-logistic", "sgd", "sup_norm"),
        ("reddi-2018-thm3", "sgd", "second_moment"),
        ("reddi-2018-thm3", "adam:beta1_decay=0.5", "first_moment"),
    ],
)
def test_no_range_is_claimed_where_none_is_known(problem, rule, measure):
    here = experiment(problem, rule, "constant:alpha=0.1", 9)
    assert figure_range(here, measure, np.arange(1, 10)) is None


def test_a_long_run_has_the_range_of_its_domain():
    here = experiment("reddi-2018-thm3:delta=0.5", "sgd", "constant:alpha=1e-9", 1_000_000)
    low, high = figure_range(here, "suboptimality", np.array([1_000_000]))
    assert low[0] == pytest.approx(0, abs=1e-9)
    assert high[0] == pytest.approx(1)
