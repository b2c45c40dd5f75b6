"""The parts of a judgement: confidence limits, trends, rounding, labels that a run contradicts."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import convergence.claim as claim_module
from convergence.claim import catalogue
from convergence.claims.assumptions import convex
from convergence.judges import chance, judge
from convergence.judges.confidence import (
    bounded_width,
    median_of_means,
    share_limits,
    student_width,
)
from convergence.judges.stream import Stream
from convergence.judges.trend import Slope, slope
from convergence.schedule import find as find_schedule
from convergence.simulation import record_times, run
from problems import find as find_problem
from problems.domain import Box, WholeSpace
from problems.notation import InputError
from problems.problem import Problem, exact
from problems.registry import Registry


def made_up(bound, measure, **facts):
    defaults = {
        "sense": "at most",
        "kind": "every run",
        "assumptions": (),
        "status": "proved",
        "errata": "",
        "cases": (),
        "options": {},
        "twin": None,
    }
    bound.__doc__ = "A bound made for a test."
    bound.__name__ = "made_up"
    registry = Registry("claim", claim_module._build)
    return registry.add(bound, source="reddi2018", measure=measure, **{**defaults, **facts})()


# Confidence limits


def test_student_limits_have_their_error():
    draws = np.random.default_rng(1).normal(size=(200_000, 5))
    low = draws.mean(axis=1) - student_width(draws.std(axis=1, ddof=1), 5, 0.01)
    assert (low > 0).mean() == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.01])
def test_limits_of_bounded_figures_are_never_too_narrow_even_for_the_worst_law(p):
    # Of all laws on [0, 1] with a mean, heads or tails is the widest.
    for lanes in (10, 300):
        counts = np.arange(lanes + 1)
        mean = counts / lanes
        deviation = np.sqrt(mean * (1 - mean) * lanes / (lanes - 1))
        width = bounded_width(deviation, 1.0, lanes, 0.01)
        likely = stats.binom.pmf(counts, lanes, p)
        assert likely[mean - width > p].sum() <= 0.01
        assert likely[mean + width < p].sum() <= 0.01


def test_student_limits_are_too_narrow_for_rare_events_and_bounded_ones_are_not():
    lanes, p = 300, 0.001
    rng = np.random.default_rng(2)
    heads = rng.binomial(1, p, size=(5_000, lanes)).astype(float)
    mean, deviation = heads.mean(axis=1), heads.std(axis=1, ddof=1)
    below = mean + student_width(deviation, lanes, 0.01) < p
    assert below.mean() > 0.5  # most often no head is seen and the deviation is 0
    assert not (mean + bounded_width(deviation, 1.0, lanes, 0.01) < p).any()


def test_a_small_deviation_makes_bounded_limits_narrower_than_hoeffding():
    hoeffding = np.sqrt(np.log(2 / 1e-6) / 2e4)
    assert bounded_width(0.01, 1.0, 10_000, 1e-6) < 0.5 * hoeffding
    assert bounded_width(0.5, 1.0, 10_000, 1e-6) == pytest.approx(hoeffding)


@pytest.mark.parametrize("lanes", [1, 7, 40])
def test_limits_of_a_share_contain_it_with_the_stated_probability(lanes):
    counts = np.arange(lanes + 1)
    low, high = share_limits(counts, lanes, 0.05)
    assert low[0] == 0
    assert high[-1] == 1
    for p in np.linspace(0.01, 0.99, 33):
        likely = stats.binom.pmf(counts, lanes, p)
        assert likely[low > p].sum() <= 0.05
        assert likely[high < p].sum() <= 0.05


# Trends


@given(st.floats(-3, 2), st.floats(1e-3, 1e3), st.sampled_from([10**4, 10**5]), st.integers(0, 100))
def test_the_slope_of_a_power_is_its_exponent(exponent, scale, last, seed):
    times = record_times(last)
    wobble = 1 + 0.2 * np.random.default_rng(seed).random(times.size)
    found = slope(times, scale * wobble * times.astype(float) ** exponent)
    assert found.value == pytest.approx(exponent, abs=0.1)
    assert found.low <= exponent <= found.high


def test_the_envelope_hides_what_lies_below_it():
    times = record_times(10**4)
    figures = times.astype(float) ** -0.5
    figures[::2] = 0.0
    assert slope(times, figures).value == pytest.approx(-0.5, abs=0.03)


def test_a_figure_that_has_become_zero_falls_faster_than_any_power():
    times = record_times(10**4)
    assert slope(times, np.where(times < 200, 1.0, 0.0)) == Slope(-np.inf, -np.inf, -np.inf)


def power(exponent):
    return lambda T: T**exponent


@pytest.mark.parametrize(
    ("bound", "word"),
    [(power(0.0), "agrees"), (power(-0.4), "agrees"), (power(-0.7), "disagrees")],
)
def test_a_rate_is_read_off_the_last_two_decades(bound, word):
    # On |x| the step alpha / sqrt(t) leaves the iterate within a step of 0, and no nearer.
    record = run("absolute-value", "sgd", "inverse-sqrt:alpha=0.7", 20_000, measures=[])
    verdict = judge(made_up(bound, "suboptimality", kind="rate"), record)
    assert verdict.word == word, verdict.reason
    low, high = verdict.exponent[1:]
    assert low < verdict.exponent[0] < high
    assert "T**s" in verdict.reason


def test_a_limit_is_read_off_in_the_same_way():
    limit = made_up(lambda T: 0 * T, "suboptimality", kind="almost sure limit")
    near = run("absolute-value", "sgd", "inverse-sqrt:alpha=0.7", 20_000, measures=[])
    far = run("absolute-value", "sgd", "constant:alpha=0.7", 20_000, measures=[])
    assert judge(limit, near).word == "agrees"
    assert judge(limit, far).word == "disagrees"
    assert judge(limit, far).evidence == "asymptotic"
    soon = run("absolute-value", "sgd", "inverse-sqrt:alpha=0.7", 999, measures=[])
    verdict = judge(limit, soon)
    assert verdict.word == "unclear"
    assert "these are 999" in verdict.reason


def test_one_seed_that_stays_away_disagrees_with_an_almost_sure_limit():
    record = run("noisy-quadratic", "sgd", "constant:alpha=0.1", 20_000, seeds=3, measures=[])
    limit = made_up(lambda T: 0 * T, "distance", kind="almost sure limit")
    assert judge(limit, record).word == "disagrees"


def test_a_run_that_float64_cannot_follow_is_unclear():
    record = run("quadratic", "sgd", "constant:alpha=10", 2_000, measures=[])
    for kind in ("rate", "almost sure limit"):
        verdict = judge(made_up(lambda T: 0 * T + 1, "distance", kind=kind), record)
        assert verdict.word == "unclear"
        assert "no longer finite" in verdict.reason


# With probability


def chance_claim(quantile, delta):
    def bound(T, *, delta=delta):
        return 0 * T + quantile

    return made_up(bound, "suboptimality", kind="with probability", options={"delta": (0.5, 0.1)})


def test_a_claim_with_probability_is_decided_by_the_share_of_seeds_beyond_it():
    parts = ("noisy-quadratic", "sgd", "constant:alpha=0.1", 30)
    record = run(*parts, seeds=64, times=[30], measures=[])
    many = run(*parts, seeds=4000, times=[30])["suboptimality"][:, 0]
    for delta in (0.5, 0.1):
        # A bound that a third of delta exceeds, and one that three times delta exceed.
        good = judge(chance_claim(np.quantile(many, 1 - delta / 3), delta), record)
        bad = judge(chance_claim(np.quantile(many, max(0.0, 1 - 1.8 * delta)), delta), record)
        assert good.holds, good.reason
        assert bad.word == "violated", bad.reason
        assert good.error_probability == bad.error_probability > 0


def test_a_claim_with_probability_names_its_probability():
    def bound(T):
        return T

    with pytest.raises(InputError, match="no option delta"):
        claim_module.claim(
            source="reddi2018",
            measure="regret",
            assumes=[],
            cases="",
            kind="with probability",
        )(documented(bound, "without_delta"))
    assert "without-delta" not in catalogue


def documented(function, name):
    function.__name__ = name
    function.__doc__ = "A bound made for a test."
    return function


# Evidence


def test_a_bounded_figure_is_judged_by_guaranteed_limits_and_another_by_student():
    bounded = run("reddi-2018-stochastic", "sgd", "constant:alpha=1e-4", 50, seeds=16, measures=[])
    claim = made_up(lambda T: 0 * T + 2000.0, "average_regret", kind="in expectation")
    verdict = judge(claim, bounded)
    assert verdict.holds
    assert verdict.evidence == "guaranteed"
    assert verdict.error_probability > 0
    assert "guaranteed confidence limits" in verdict.reason

    free = run("heavy-tailed-noise", "sgd", "constant:alpha=0.01", 50, seeds=64, measures=[])
    verdict = judge(made_up(lambda T: 0 * T + 50.0, "suboptimality", kind="in expectation"), free)
    assert verdict.evidence == "asymptotic"
    assert verdict.error_probability == 0


def test_where_guaranteed_limits_cannot_decide_student_lets_a_claim_hold(monkeypatch):
    monkeypatch.setattr(chance, "DOUBLINGS", 2)
    parts = ("reddi-2018-stochastic", "sgd", "constant:alpha=1e-4", 50)
    record = run(*parts, seeds=256, times=[50])
    level = float(record["average_regret"].mean())
    claim = made_up(lambda T: 0 * T + 3 * level, "average_regret", kind="in expectation")
    verdict = judge(claim, record)
    assert (verdict.evidence, verdict.holds) == ("asymptotic", True), verdict.reason


@pytest.mark.parametrize("tail", [2.0, 1.1])
def test_a_median_of_means_has_its_error_where_the_variance_is_stated(tail):
    rng = np.random.default_rng(4)
    error, lanes, p = 1e-2, 600, 1e-3
    # Heads are rare and large: the variance is stated, and Student would not see it.
    values = rng.binomial(1, p, size=(2_000, lanes)) / p
    off = [
        abs(middle[0] - 1) > width
        for middle, width in (
            median_of_means(row[:, None], (1 - p) / p * tail, error) for row in values
        )
    ]
    assert np.mean(off) <= error
    assert median_of_means(values[0][:10, None], 1.0, error)[1] == np.inf


# Twins


def halved(experiment):
    return experiment.changed(schedule=find_schedule("constant:alpha=0.05"))


def same(experiment):
    return experiment


@pytest.mark.parametrize("steps", [100, 3_000_000])
def test_a_twin_is_told_from_a_run_that_differs(monkeypatch, steps):
    if steps > 100:
        monkeypatch.setattr("convergence.judges.stream._ALL_ROUNDS", 10)
        steps = 100
    record = run("quadratic:kappa=10", "sgd", "constant:alpha=0.1", steps, measures=[])
    equal = judge(made_up(lambda T: 0 * T, "difference", twin=same), record)
    assert equal.holds, equal.reason
    assert equal.measured in (None, 0.0)
    other = judge(made_up(lambda T: 0 * T, "difference", twin=halved), record)
    assert other.word == "violated"
    assert other.first_violation == 1


def test_the_difference_of_two_runs_needs_a_claim_that_names_the_other():
    with pytest.raises(InputError, match="two runs"):
        run("quadratic", "sgd", "constant:alpha=0.1", 10, measures=["difference"])
    with pytest.raises(InputError, match="belong together"):
        claim_module.claim(source="reddi2018", measure="difference", assumes=[], cases="")(
            documented(lambda T: T, "without_twin")
        )
    assert "without-twin" not in catalogue


# Rounding


def allowance(claim, record, times):
    """How far the claim's judge allows the figure to have been moved by rounding."""
    experiment = record.experiment
    stream = Stream(claim, experiment, record)
    return stream.disturbed(record.experiment.seeds[:1], record.experiment.steps).at(0, times)


@pytest.mark.parametrize(
    ("rule", "alpha"),
    [
        ("gradient-descent", 0.3),
        ("gradient-descent", 1.9),
        ("gradient-descent", 2.1),
        ("heavy-ball:beta1=0.5", 0.3),
        ("heavy-ball:beta1=0.99", 0.3),
        ("nesterov:beta1=0.7", 0.3),
    ],
)
def test_the_iterate_is_no_further_off_than_the_response_to_errors(rule, alpha):
    # x**2 / 2 in exact arithmetic.
    parts = ("quadratic:kappa=1,dimension=1", rule, f"constant:alpha={alpha}", 200)
    record = run(*parts, measures=[], times=range(1, 201))
    allowed = allowance(made_up(lambda T: 0 * T, "distance"), record, record.times)
    x = y = Fraction(float(record.experiment.problem.start[0]))
    m = Fraction(0)
    beta = Fraction(record.experiment.optimizer.settings.get("beta1", 0.0))
    size = Fraction(alpha)
    for t in range(200):
        if rule.startswith("nesterov"):
            m = beta * m + size * y
            x = x - m
            y = x - beta * m
            reached = record["iterate"][0, t, 0]
            if record.experiment.optimizer.settings["iterate"] == "look-ahead":
                continue
        else:
            m = beta * m + x
            x = x - size * m
            reached = record["iterate"][0, t, 0]
        if not rule.startswith("nesterov"):
            off = abs(float(Fraction(float(reached)) - x))
            assert off <= allowed[t]
        assert allowed[t] <= 1e-9 * max(1.0, abs(float(x)))


def test_the_sum_of_losses_is_no_further_off_than_the_response_to_errors():
    record = run(
        "reddi-2018-thm1",
        "sgd",
        "inverse-sqrt:alpha=0.1",
        3_000,
        measures=["regret"],
        quantities=["loss_sum"],
        times=range(1, 3_001),
    )
    x = np.concatenate([[record.experiment.problem.start[0]], record["iterate"][0, :-1, 0]])
    slopes = np.resize([3, -1, -1], 3_000)
    total = sum(Fraction(float(a)) * int(c) for a, c in zip(x, slopes, strict=True))
    allowed = allowance(made_up(lambda T: 0 * T, "regret"), record, record.times)
    off = abs(float(Fraction(float(record["loss_sum"][0, -1, 0])) - total))
    assert off <= allowed[-1] <= 1e-7


@pytest.mark.parametrize("beta1", ["0.9", "0.9999", "0.999999"])
def test_a_momentum_that_is_nearly_1_excuses_nothing(beta1):
    """The box of decoupled decay is 1/w wide; a claim of .8/w is false for every beta1."""
    rule = f"lion:beta1={beta1},weight_decay=2"
    record = run("periodic-linear:slopes=[-1]", rule, "constant:alpha=0.02", 400, measures=[])
    narrow = made_up(lambda T, weight_decay: 0.8 / weight_decay + 0 * T, "sup_norm")
    verdict = judge(narrow, record)
    assert verdict.word == "violated"
    assert verdict.first_violation == int(np.ceil(np.log(0.2) / np.log(1 - 0.04)))
    assert judge("decoupled-sign-box", record).holds


@pytest.mark.slow
def test_a_momentum_that_is_nearly_1_excuses_nothing_in_a_long_run_of_short_steps():
    rule, by = "lion:beta1=0.9999,weight_decay=2", "constant:alpha=2e-6"
    record = run("periodic-linear:slopes=[-1]", rule, by, 2_000_000, measures=[])
    narrow = made_up(lambda T, weight_decay: 0.8 / weight_decay + 0 * T, "sup_norm")
    assert judge(narrow, record).word == "violated"
    assert judge("decoupled-sign-box", record).holds


def test_a_first_violation_does_not_depend_on_how_long_errors_are_kept():
    def low(T):
        return 0 * T + 0.9

    found = {}
    for beta1 in ("0.9", "0.999999"):
        record = run(
            "periodic-linear:slopes=[1],start=1",
            f"lion:beta1={beta1},beta2=0.99",
            "constant:alpha=0.001",
            200,
            measures=[],
        )
        found[beta1] = judge(made_up(low, "distance", sense="at most"), record).first_violation
    assert found["0.9"] == found["0.999999"] == 1


def tripled(start):
    """An unstable fixed point at 1/10, where 3 x - 0.3 does not vanish in float64."""
    return Problem(
        formula="-(3 x - 0.3)**2 / 6",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=lambda x, sample: -((3 * x - 0.3) ** 2) / 6,
        gradient_formula=lambda x, sample: -(3 * x - 0.3),
        constants={"minimizer": exact([0.1])},
    )


def test_where_rounding_may_have_done_it_the_verdict_is_inconclusive(monkeypatch):
    monkeypatch.setattr("convergence.judges.stated_falsely", lambda claim, problem: "")
    record = run(tripled(0.1), "sgd", "constant:alpha=0.5", 60, measures=[])
    stays = made_up(lambda T: 1e-9 + 0 * T, "distance")
    verdict = judge(stays, record)
    assert verdict.word == "inconclusive"
    assert "rounding may have moved it" in verdict.reason
    # From a start that is truly away from the fixed point the same claim is false.
    record = run(tripled(0.2), "sgd", "constant:alpha=0.5", 60, measures=[])
    assert judge(stays, record).word == "violated"


def test_rounding_does_not_enter_the_ratio():
    record = run("huber-worst:N=100", "sgd", "inverse-smoothness", 100, measures=[])
    verdict = judge("drori-teboulle-2014-gd", record)
    assert verdict.ratio == verdict.measured / verdict.bound
    assert verdict.sensitivity == 1 / verdict.ratio


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("drori-teboulle-2014-gd", ("huber-worst:N=100", "sgd", "inverse-smoothness", 100)),
        (
            "gd-strongly-convex-distance",
            ("quadratic:kappa=100,dimension=2", "sgd", "constant:alpha=200/101", 500),
        ),
        ("gd-diverges", ("quadratic:kappa=1,dimension=1", "sgd", "constant:alpha=2.1", 1000)),
    ],
)
def test_the_allowance_is_far_smaller_than_a_wrong_constant(key, parts):
    record = run(*parts, measures=[])
    claim = catalogue[key]()
    sign = -1 if claim.sense == "at least" else 1

    class Off(type(claim)):
        def bound(self, experiment, times, observed):
            return (1 - sign * 1e-6) * super().bound(experiment, times, observed)

    assert judge(claim, record).holds
    assert judge(Off(**vars(claim)), record).word == "violated"


def test_a_bound_of_the_last_round_alone_is_not_taken_for_one_that_rounding_moves():
    claim = made_up(lambda T, horizon: np.where(horizon == T, 0.1, 1e9), "suboptimality")
    record = run("quadratic", "sgd", "constant:alpha=0.01", 20, measures=[])
    found = judge(claim, record)
    assert (found.word, found.first_violation) == ("violated", 20)


@pytest.mark.parametrize("letter", ["sigma_star2", "epoch"])
def test_a_letter_of_finite_sums_says_where_there_is_none(letter):
    bound = {
        "sigma_star2": lambda T, sigma_star2: sigma_star2 + 0 * T,
        "epoch": lambda T, epoch: epoch + 0 * T,
    }[letter]
    record = run("quadratic", "sgd", "constant:alpha=0.1", 5, measures=[])
    with pytest.raises(InputError, match="problem quadratic lists no outcomes of a draw"):
        judge(made_up(bound, "suboptimality"), record)


# Labels


def lying(key, **labels):
    problem = find_problem(key)
    stated = {name: exact(value) for name, value in labels.items()}
    return replace(problem, constants={**problem.constants, **stated})


LIES = [
    ("L", "quadratic:kappa=10", {"L": 0.6}, lambda T, L: 1e9 * L + 0 * T, "every run", 1),
    (
        "mu",
        "quadratic:kappa=10",
        {"mu": 0.3, "mu_pl": 0.3},
        lambda T, mu: 1e9 * mu + 0 * T,
        "every run",
        1,
    ),
    ("mu_pl", "quadratic:kappa=10", {"mu_pl": 0.5}, lambda T, mu_pl: 1e9 + 0 * T, "every run", 1),
    ("minimum", "quadratic:kappa=10", {"minimum": 0.4}, lambda T, D0: 1e9 + 0 * T, "every run", 1),
    (
        "sigma2",
        "noisy-quadratic",
        {"sigma2": 0.5},
        lambda T, sigma2: 1e9 + 0 * T,
        "in expectation",
        200,
    ),
    ("M", "noisy-quadratic", {"M": 0.5}, lambda T, M, M_G: 1e9 + 0 * T, "in expectation", 200),
]


@pytest.mark.parametrize(("label", "key", "labels", "bound", "kind", "seeds"), LIES)
def test_a_label_that_the_run_contradicts_is_named(label, key, labels, bound, kind, seeds):
    parts = ("sgd", "constant:alpha=0.1", 300)
    claim = made_up(bound, "suboptimality", kind=kind)
    record = run(lying(key, **labels), *parts, seeds=seeds, measures=[])
    verdict = judge(claim, record)
    assert verdict.word == "not applicable"
    assert f"states {label} = " in verdict.reason
    honest = run(key, *parts, seeds=seeds, measures=[])
    assert judge(claim, honest).word in ("holds", "holds, not sensitive", "vacuous")


@pytest.mark.parametrize("law", ["p=0.1", "p=0.001,start=9", "p=0.5"])
def test_noise_of_few_lanes_contradicts_no_true_label(law):
    """Of two lanes both may draw the rarer value, of a square nine times the variance."""
    claim = made_up(lambda T, sigma2, M, M_G: 1e9 + 0 * T, "suboptimality", kind="in expectation")
    for first in range(0, 100, 2):
        seeds = [first, first + 1]
        record = run(f"two-point-noise:{law}", "sgd", "constant:alpha=0.1", 30, seeds=seeds)
        assert judge(claim, record).word != "not applicable"


def test_gradients_that_cancel_contradict_no_label():
    # Both runs end where gradients are nothing but rounding.
    for problem, steps in (("rastrigin", 300), ("wilson-2017", 300)):
        record = run(problem, "sgd", "inverse-smoothness", steps, measures=[])
        bound = made_up(lambda T, L: 1e9 * L + 0 * T, "stationarity_gap")
        assert judge(bound, record).word in ("holds", "holds, not sensitive", "vacuous")


def test_a_function_that_is_not_convex_is_found_out():
    problem = find_problem("pl-sine")
    claim = made_up(lambda T: 1e9 + 0 * T, "suboptimality", assumptions=(convex,))
    false = replace(problem, tags=(*problem.tags, "convex"))
    record = run(false, "sgd", "constant:alpha=0.05", 300, measures=[])
    verdict = judge(claim, record)
    assert verdict.word == "not applicable"
    assert "states that it is convex" in verdict.reason


class Leaky(Box):
    def project(self, x, weights=None):
        return super().project(x) * 1.5


def test_an_iterate_outside_the_domain_is_found_out():
    problem = replace(find_problem("reddi-2018-thm1"), domain=Leaky(-1.0, 1.0))
    record = run(problem, "sgd", "constant:alpha=0.5", 50, measures=[])
    verdict = judge(made_up(lambda T: 1e9 + 0 * T, "regret"), record)
    assert verdict.word == "not applicable"
    assert "an iterate lies outside it" in verdict.reason
