"""Claims on adaptive and sign methods: how tight each is, that it can fail, what it asks for."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_rules import fed

from convergence import claims
from convergence.claim import catalogue
from convergence.claims import adaptive
from convergence.experiment import Experiment
from convergence.judges import judge
from convergence.measure import MEASURES
from convergence.simulation import Simulation, run

KEYS = [name.replace("_", "-") for name in adaptive.__all__]
DOUBLING, TENTH_MORE = adaptive._DOUBLING, adaptive._TENTH_MORE


def ran(problem, rule, schedule, steps, seeds=1, times=None):
    return run(problem, rule, schedule, steps, seeds=seeds, measures=[], times=times)


def scaled(key, factor):
    """The claim with its bound multiplied."""
    claim = claims.find(key)

    class Scaled(type(claim)):
        def bound(self, experiment, times, observed):
            return factor * super().bound(experiment, times, observed)

    return Scaled(**vars(claim))


def without(key, *words):
    """The claim without the assumptions whose statement has one of these words."""
    claim = claims.find(key)
    kept = tuple(a for a in claim.assumptions if not any(word in a.statement for word in words))
    assert len(kept) == len(claim.assumptions) - len(words)
    return replace(claim, assumptions=kept)


def test_every_claim_of_the_module_is_in_the_catalogue():
    assert set(KEYS) == {
        entry.key for entry in catalogue if entry.function.__module__ == adaptive.__name__
    }


# How close each comes to its bound

WITNESSES = [
    ("adam-step-sup", DOUBLING, "adam:beta1=0.25,beta2=0.5,eps=0", "constant:alpha=0.01", 20, 1.0),
    ("adam-first-step", "himmelblau", "adam:eps=0", "constant:alpha=0.01", 20, 1.0),
    (
        "decoupled-sign-box",
        "periodic-linear:slopes=[-1]",
        "lion:weight_decay=2",
        "constant:alpha=0.01",
        200,
        1.0,
    ),
    (
        "ward-2019-thm22",
        "quadratic:dimension=1,kappa=1",
        "adagrad-norm:initial=10000",
        "constant:alpha=100",
        3,
        1 / math.sqrt(1.0001),
    ),
    (
        "adagrad-norm-derived",
        "quadratic:dimension=1,kappa=1",
        "adagrad-norm:initial=9999.9999",
        "constant:alpha=100",
        3,
        0.99985,
    ),
    (
        "adagrad-norm-regret",
        "orthogonal-slopes",
        "adagrad-norm:initial=1000000",
        "constant:alpha=250",
        64,
        0.999992,
    ),
]
LOOSE = [
    (
        "adagrad-norm-regret",
        "reddi-2018-thm1",
        "adagrad-norm",
        "constant:alpha=1.4142135623730951",
        9,
        math.sqrt(0.5),
    ),
    (
        "adamnc-nonincreasing-beta1",
        "periodic-linear:slopes=[1],start=1",
        "adamnc:beta1=0",
        "inverse-sqrt:alpha=1.4142135623730951",
        9,
        math.sqrt(0.5),
    ),
    (
        "tran-phong-2019-thm51",
        "periodic-linear:slopes=[1],start=1",
        "adamx:beta1=0,beta2=0.1",
        "inverse-sqrt:alpha=1.3",
        9,
        2 / (2 / 1.3 + 1.3 / (math.sqrt(0.9) * (1 - 0))),
    ),
    (
        "adopt-without-momentum",
        "huber-worst",
        "adopt:beta1=0,beta2=0.1,eps=0.05",
        "constant:alpha=0.002",
        1_000,
        0.9097,
    ),
    (
        "bernstein-2018-thm1",
        "huber-worst:N=1",
        "signsgd",
        "constant:alpha=0.01",
        200,
        0.923046,
    ),
]


@pytest.mark.parametrize(("key", "problem", "rule", "schedule", "steps", "ratio"), WITNESSES)
def test_a_tight_claim_is_attained_and_a_bound_5_percent_off_is_violated(
    key, problem, rule, schedule, steps, ratio
):
    record = ran(problem, rule, schedule, steps)
    verdict = judge(key, record)
    assert verdict.holds, verdict.reason
    assert verdict.ratio == pytest.approx(ratio, rel=1e-5)
    assert ratio >= 0.99
    factor = 1.05 if claims.find(key).sense == "at least" else 1 / 1.05
    assert judge(scaled(key, factor), record).word == "violated"


@pytest.mark.parametrize(("key", "problem", "rule", "schedule", "steps", "ratio"), LOOSE)
def test_a_loose_claim_comes_as_close_as_it_says(key, problem, rule, schedule, steps, ratio):
    record = ran(problem, rule, schedule, steps)
    verdict = judge(key, record)
    assert verdict.holds, verdict.reason
    assert verdict.ratio == pytest.approx(ratio, rel=1e-4)
    assert judge(scaled(key, ratio / 1.05), record).word == "violated"


# Claim, its case, and the ratio there.
NOISY = [
    ("defossez-2022-thm1", 0, 0.84),
    ("defossez-2022-thm2", 0, 0.742),
    ("defossez-2022-thm3", 0, 0.686),
    ("defossez-2022-thm4", 0, 0.614),
    ("ward-2019-thm21:delta=0.5", 0, 0.461),
    ("bernstein-2018-thm1", 1, 0.774),
]


@pytest.mark.parametrize(("key", "place", "ratio"), NOISY)
def test_with_noise_a_claim_comes_as_close_as_it_says_and_less_is_violated(key, place, ratio):
    case = claims.find(key).cases[place]
    record = ran(
        *case.experiment.names,
        case.experiment.steps,
        len(case.experiment.seeds),
    )
    verdict = judge(key, record)
    assert verdict.holds, verdict.reason
    assert verdict.ratio == pytest.approx(ratio, rel=0.02)
    assert judge(scaled(key, ratio / 1.2), record).word == "violated"


def ratios(key, record):
    """Measured over bound in every round."""
    claim = claims.find(key)
    experiment = record.experiment
    simulation = Simulation(
        Experiment(
            record.experiment.problem,
            record.experiment.optimizer,
            record.experiment.schedule,
            record.experiment.steps,
        ),
        seeds=record.experiment.seeds,
        quantities=claim.quantities(experiment),
    )
    ((times, observed),) = simulation.every_round(record.experiment.steps)
    measured = MEASURES[claim.measure].evaluate(record.experiment.problem, observed, times, [0])
    return (measured / claim.bound(experiment, times, observed))[0]


@pytest.mark.parametrize(
    ("key", "problem", "rule", "steps", "least"),
    [
        ("adam-step-sup", DOUBLING, "adam:beta1=0.25,beta2=0.5,eps=0", 20, 1 - 1e-12),
        ("adam-step-sup", TENTH_MORE, "adam:beta2=0.99,eps=0", 75, 0.999),
        ("adam-step-sup", TENTH_MORE, "adam:eps=0", 75, 0.998),
        ("decoupled-sign-box", "periodic-linear:slopes=[-1]", "lion:weight_decay=2", 60, 1 - 1e-12),
        (
            "decoupled-sign-box",
            "absolute-value:start=30",
            "sign-descent:weight_decay=0.1,decay=decoupled,maximize=true",
            60,
            1 - 1e-12,
        ),
    ],
)
def test_growing_gradients_and_constant_signs_attain_the_bound_in_every_round(
    key, problem, rule, steps, least
):
    found = ratios(key, ran(problem, rule, "constant:alpha=0.01", steps))
    assert (found >= least).all()
    assert (found <= 1 + 1e-12).all()


@pytest.mark.parametrize(
    ("beta1", "beta2", "limit"),
    [(0.9, 0.999, 7.270), (0.9, 0.99, 2.345), (0.9, 0.95, 1.165), (0.0, 0.99, 10.0)],
)
def test_the_supremum_of_a_step_grows_from_1_to_its_limit(beta1, beta2, limit):
    T = np.arange(1.0, 20_000)
    bound = adaptive.adam_step_sup.function(T, beta1, beta2)
    assert bound[0] == pytest.approx(1, rel=1e-12)
    assert (np.diff(bound) >= -1e-12).all()
    assert bound[-1] == pytest.approx(limit, rel=1e-3)
    assert bound[-1] == pytest.approx(
        (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1**2 / beta2)), rel=1e-6
    )


def test_with_its_defaults_adam_goes_further_than_the_paper_says():
    """Four hundred zeros, then a hundred gradients that grow by 11 %."""
    gradients = np.concatenate([np.zeros(400), 1.11 ** np.arange(100)])[:, None]
    record = ran(fed(gradients, [0.0]), "adam:eps=0", "constant:alpha=0.01", 500)
    printed = judge("kingma-ba-2015-step-bound", record)
    assert printed.word == "violated"
    assert printed.bound == pytest.approx(math.sqrt(10), rel=1e-12)
    true = judge("adam-step-sup", record)
    assert true.holds
    assert true.ratio == pytest.approx(1, rel=1e-4)
    assert true.closest == 500
    assert true.measured == pytest.approx(4.56, rel=1e-2)


def test_a_step_on_an_equal_share_or_with_momentum_uncorrected_is_too_long():
    record = ran("himmelblau", "adam:eps=0,bias_correction=first", "constant:alpha=0.01", 20)
    assert judge(without("adam-step-sup", "method"), record).word == "violated"
    record = ran("himmelblau", "adam:eps=0,bias_correction=second", "constant:alpha=0.01", 20)
    assert judge("adam-first-step", record).word == "not applicable"
    flat = ran("quadratic", "adam:eps=0,bias_correction=second", "constant:alpha=0.01", 1)
    assert judge(without("adam-first-step", "method"), flat).word == "violated"


def test_coupled_decay_and_adamw_leave_the_box():
    """Without the signs of one size the bound says nothing."""
    free = without("decoupled-sign-box", "method")
    coupled = ran("rosenbrock", "signum:weight_decay=2", "constant:alpha=0.01", 400)
    assert judge(free, coupled).word == "violated"
    adamw = ran(
        DOUBLING, "adamw:beta1=0.25,beta2=0.5,eps=0,weight_decay=2", "constant:alpha=0.01", 20
    )
    assert judge(free, adamw).word == "violated"


def test_climbing_breaks_the_regret_bounds():
    for key, rule, schedule, word in (
        ("adagrad-norm-regret", "adagrad-norm", "constant:alpha=1", "method"),
        ("adamnc-nonincreasing-beta1", "adamnc:beta1=0.5", "inverse-sqrt:alpha=1", "method"),
        ("tran-phong-2019-thm51", "adamx:beta1=0,beta2=0.1", "inverse-sqrt:alpha=1", "method"),
    ):
        climb = f"{rule}{',' if ':' in rule else ':'}maximize=true"
        assert judge(without(key, word), ran("reddi-2018-thm1", rule, schedule, 2_000)).holds
        assert judge(without(key, word), ran("reddi-2018-thm1", climb, schedule, 2_000)).word == (
            "violated"
        )


def test_long_first_steps_break_the_first_case_of_ward():
    record = ran("pl-sine", "adagrad-norm:initial=1e-8", "constant:alpha=100", 1)
    assert judge("ward-2019-thm22", record).word == "not applicable"
    assert judge(without("ward-2019-thm22", "b_0 >="), record).word == "violated"
    assert judge("adagrad-norm-derived", record).holds


# Formulas with a wide margin, evaluated anew


def bound_at_the_end(key, problem, rule, schedule, steps):
    """The last bound of a run, and the run's sum of squared gradients."""
    claim = claims.find(key)
    record = ran(problem, rule, schedule, steps)
    experiment = record.experiment.changed(steps=steps)
    assert claim.fails(experiment) == ""
    wanted = dict.fromkeys([*claim.quantities(experiment), "gradient_square_sum"])
    simulation = Simulation(
        Experiment(
            record.experiment.problem,
            record.experiment.optimizer,
            record.experiment.schedule,
            steps,
        ),
        quantities=tuple(wanted),
    )
    ((times, observed),) = simulation.every_round(steps)
    bound = claim.bound(experiment, times, observed)[0, -1]
    return bound, observed.totals["gradient_square_sum"][0, -1, 0]


def test_the_adagrad_bound_of_defossez_by_hand():
    bound, _ = bound_at_the_end(
        "defossez-2022-thm1",
        "star-convex-valley",
        "adagrad:eps_position=inside,eps=0.04",
        "constant:alpha=0.5",
        100,
    )
    G, gap = 1 + math.exp(-2), 5 * (1 - math.exp(-5))
    Q = math.log(1 + 100 * G * G / 0.04)
    A, B = gap / 0.5 + Q * 0.5 * 2 / 2, Q * G
    root = math.sqrt(0.04 + 100 * G * G)
    assert bound == pytest.approx(root / 100 * (math.sqrt(B) + math.sqrt(A + B)) ** 2, rel=1e-12)
    R = G + 0.2
    first = 2 * R * gap / (0.5 * 10)
    second = (4 * R * R + 0.5 * R * 2) / 10 * math.log(1 + 100 * R * R / 0.04)
    assert bound < first + second


def test_the_adam_bound_of_defossez_by_hand():
    bound, _ = bound_at_the_end(
        "defossez-2022-thm2",
        "star-convex-valley",
        "adam:beta1=0,beta2=0.96,eps=0.04,eps_position=inside,bias_correction=none",
        "constant:alpha=0.5",
        100,
    )
    G = 1 + math.exp(-2)
    # In the letters of the paper: another step size and another eps.
    alpha, eps, gap = 0.5 / 0.2, 0.04 / 0.04, 5 * (1 - math.exp(-5))
    most = G * G / 0.04
    Q = math.log(1 + most / eps) + 99 * math.log((eps + most) / (eps + 0.96 * most))
    A, B = gap / alpha + Q * alpha * 2 / 2, Q * G
    sums = math.sqrt(eps + most) * (math.sqrt(B) + math.sqrt(A + B)) ** 2
    assert bound == pytest.approx(sums / 100, rel=1e-12)
    R = G + 0.2
    first = 2 * R * gap / (alpha * 0.2 * 100)
    noise = (2 * alpha * R + alpha**2 * 2 / 2) * 2 * R / (alpha * 0.2)
    assert bound < first + noise * (math.log(1 + R * R / (0.04 * eps)) / 100 - math.log(0.96))


def test_the_adopt_bound_by_hand():
    bound, _ = bound_at_the_end(
        "adopt-without-momentum",
        "star-convex-valley",
        "adopt:beta1=0,eps=0.5",
        "constant:alpha=0.1",
        100,
    )
    G, gap = 1 + math.exp(-2), 5 * (1 - math.exp(-5))
    expected = (2 * 2 * gap + G * (gap / 0.1 + 99 * 0.1 * 2 * G**2 / (2 * 0.25))) / 100
    assert bound == pytest.approx(expected, rel=1e-12)


def test_the_derived_adagrad_norm_bound_by_hand():
    bound, _ = bound_at_the_end(
        "adagrad-norm-derived", "pl-sine", "adagrad-norm:initial=4", "constant:alpha=0.5", 25
    )
    gap = 9 + 3 * math.sin(3) ** 2
    S = 2 * (gap / 0.5 + 0.5 * 8 * math.log(4 / 2))
    assert bound == pytest.approx(math.sqrt(16 - 4 + S * (4 + S)) / 5, rel=1e-9)
    print_ = (16 - 4 + 4 * (gap / 0.5 + (0.75 + math.log(4 / 2)) * 4) ** 2) / 25
    assert bound**2 <= print_


def test_the_adamnc_bound_by_hand_and_below_the_printed_one():
    bound, square = bound_at_the_end(
        "adamnc-nonincreasing-beta1",
        "reddi-2018-thm1",
        "adamnc:beta1=0.5,beta1_decay=0.9",
        "inverse-sqrt:alpha=0.5",
        9,
    )
    assert square == 3 * (9 + 1 + 1)
    assert bound == pytest.approx((4 / (2 * 0.5 * 0.5) + 0.5 * 1.5 / 0.5) * math.sqrt(33))
    assert bound <= (4 / (2 * 0.5 * 0.5) + 2 * 0.5 / 0.5**3) * math.sqrt(33)


def test_the_adamx_bound_by_hand():
    bound, square = bound_at_the_end(
        "tran-phong-2019-thm51",
        "reddi-2018-thm1",
        "adamx:beta1=0.5,beta2=0.64,beta1_decay=0.5",
        "inverse-sqrt:alpha=0.5",
        9,
    )
    # D = 2, G = 3, gamma = 5/8
    first = 4 * 3 * 3 / (2 * 0.5 * 0.5)
    second = 4 * 3 / (2 * 0.5 * 0.25) * sum(0.5**t * math.sqrt(t - 1) for t in range(2, 10))
    third = 0.5 * math.sqrt(1 + math.log(9)) / (0.25 * 0.375 * 0.6) * math.sqrt(square)
    assert bound == pytest.approx(first + second + third, rel=1e-12)


def test_the_inequality_that_the_proofs_of_defossez_rest_on():
    """E[G g / sqrt(e + s + g**2)] against the least it may be, for gradients of two values."""
    random = np.random.default_rng(3)
    worst = np.inf
    for _ in range(4000):
        p, eps, s = random.uniform(), 10 ** random.uniform(-4, 1), 10 ** random.uniform(-4, 2)
        g = random.normal(size=2) * 10 ** random.uniform(-2, 2, 2)
        weights = np.array([p, 1 - p])
        mean, square, R = weights @ g, weights @ g**2, abs(g).max()
        left = weights @ (mean * g / np.sqrt(eps + s + g**2))
        w = random.uniform()
        share = (1 - w) * mean**2 / np.sqrt(eps + s + square)
        lost = R / w * (weights @ (g**2 / (eps + s + g**2)))
        worst = min(worst, left - share + lost)
    assert worst >= 0


def test_squares_over_what_has_been_summed_are_at_most_what_the_proofs_put_for_them():
    random = np.random.default_rng(4)
    for _ in range(200):
        G, eps, beta2 = 10 ** random.uniform(-1, 1), 10 ** random.uniform(-3, 3), random.uniform()
        T = int(random.integers(1, 60))
        g = G * random.choice([0.0, 0.3, 1.0], T) if random.random() < 0.5 else np.full(T, G)
        fading, total, faded, summed, with_rounds = 0.0, 0.0, 0.0, 0.0, 0.0
        for t, square in enumerate(g**2, start=1):
            fading, total = beta2 * fading + square, total + square
            faded += square / (eps / (1 - beta2) + fading)
            summed += square / (eps + total)
            with_rounds += square / (t * eps + total)
        share = G**2 / (eps + G**2)
        assert faded <= adaptive._squares(T, G, beta2, eps) * (1 + 1e-12)
        assert summed <= math.log(1 + T * G**2 / eps) * (1 + 1e-12)
        assert with_rounds <= (math.log(1 + G**2 / eps) + share * math.log(T)) * (1 + 1e-12)


def test_what_a_wrong_sign_costs_is_at_most_the_deviation():
    """2 |h| P(sign(h + z) is not sign(h)) <= sigma, for z of two values; attained."""
    random = np.random.default_rng(5)
    worst = 0.0
    for p in [0.5, *random.uniform(size=2000)]:
        z = np.array([math.sqrt((1 - p) / p), -math.sqrt(p / (1 - p))])
        h = 1.0 if p == 0.5 else random.normal() * 2
        wrong = np.array([p, 1 - p]) @ (np.sign(h + z) != np.sign(h))
        worst = max(worst, 2 * abs(h) * wrong)
    assert worst == pytest.approx(1, rel=1e-9)


# What they ask for


@pytest.mark.parametrize(
    ("key", "run_by", "named"),
    [
        ("adam-step-sup", ("quadratic", "adamw", "constant:alpha=1"), "method is adam"),
        ("adam-step-sup", ("quadratic", "adam:beta2=0.81", "constant:alpha=1"), "beta1**2 < beta2"),
        (
            "adam-step-sup",
            ("quadratic", "adam:beta1_decay=0.5", "constant:alpha=1"),
            "beta1_decay=0.5",
        ),
        ("kingma-ba-2015-step-bound", ("quadratic", "amsgrad", "constant:alpha=1"), "amsgrad"),
        ("adam-first-step", ("quadratic", "adam", "constant:alpha=1"), "eps=1e-08"),
        (
            "adam-first-step",
            ("absolute-value:start=0", "adam:eps=0", "constant:alpha=1"),
            "gradient of the start is not 0",
        ),
        (
            "decoupled-sign-box",
            ("quadratic", "lion:weight_decay=3", "constant:alpha=1"),
            "alpha weight_decay <= 1",
        ),
        (
            "decoupled-sign-box",
            ("quadratic", "lion:weight_decay=1", "inverse-sqrt:alpha=1"),
            "step size is constant",
        ),
        (
            "decoupled-sign-box",
            (
                "periodic-linear:slopes=[1],domain=[1,2],start=1",
                "lion:weight_decay=1",
                "constant:alpha=0.1",
            ),
            "box around 0",
        ),
        (
            "ward-2019-thm22",
            ("quadratic", "adagrad-norm:initial=0.99", "constant:alpha=1"),
            "b_0 >= alpha L",
        ),
        (
            "ward-2019-thm22",
            ("noisy-quadratic", "adagrad-norm:initial=1", "constant:alpha=1"),
            "gradients are exact",
        ),
        (
            "adagrad-norm-derived",
            ("reddi-2018-thm1", "adagrad-norm:initial=1", "constant:alpha=1"),
            "whole space",
        ),
        (
            "adagrad-norm-derived",
            ("quartic", "adagrad-norm:initial=1", "constant:alpha=1"),
            "L-smooth",
        ),
        ("adagrad-norm-regret", ("reddi-2018-thm1", "adagrad", "constant:alpha=1"), "adagrad-norm"),
        ("adagrad-norm-regret", ("pl-sine", "adagrad-norm", "constant:alpha=1"), "convex"),
        (
            "adamnc-nonincreasing-beta1",
            ("drifting-quadratics", "adamnc", "inverse-sqrt:alpha=1"),
            "rule's metric",
        ),
        (
            "tran-phong-2019-thm51",
            ("reddi-2018-thm1", "adamx:beta1=0.8,beta2=0.6", "inverse-sqrt:alpha=1"),
            "beta1 < sqrt(beta2)",
        ),
        (
            "defossez-2022-thm1",
            ("star-convex-valley", "adagrad:eps_position=inside,eps=0", "constant:alpha=1"),
            "eps > 0",
        ),
        (
            "defossez-2022-thm1",
            (
                "star-convex-valley",
                "adagrad:eps_position=inside,initial=1",
                "constant:alpha=1",
            ),
            "initial=1",
        ),
        (
            "defossez-2022-thm2",
            (
                "star-convex-valley",
                "adam:beta1=0,eps_position=inside,bias_correction=second",
                "constant:alpha=1",
            ),
            "bias_correction=second",
        ),
        (
            "adopt-without-momentum",
            ("star-convex-valley", "adopt:beta1=0,clip=fourth-root", "constant:alpha=1"),
            "clip=fourth-root",
        ),
        (
            "adopt-without-momentum",
            ("periodic-hinge", "adopt:beta1=0", "constant:alpha=1"),
            "L-smooth",
        ),
        (
            "adopt-without-momentum",
            ("zhang-2022", "adopt:beta1=0", "constant:alpha=1"),
            "independent",
        ),
    ],
)
def test_what_a_theorem_asks_for_is_named_where_it_fails(key, run_by, named):
    verdict = judge(key, ran(*run_by, 3, seeds=2 if "zhang" in run_by[0] else 1))
    assert verdict.word == "not applicable"
    assert named in verdict.reason


@pytest.mark.parametrize("beta", [0.999, 0.9, 0.5, 0.99999])
def test_rounding_alone_violates_no_bound_on_the_length_of_a_step(beta):
    """With equal betas constant gradients attain the supremum, which is 1, in every round."""
    for slope in np.random.default_rng(8).uniform(0.1, 10, 4).tolist():
        problem = f"periodic-linear:slopes=[{slope!r}]"
        for alpha in (0.1, 1 / 3, 1e-7):
            rule = f"adam:beta1={beta},beta2={beta},eps=0"
            record = ran(problem, rule, f"constant:alpha={alpha}", 300)
            for key in ("adam-step-sup", "kingma-ba-2015-step-bound"):
                verdict = judge(key, record)
                assert verdict.holds, verdict.reason
                if key == "adam-step-sup":
                    assert verdict.ratio >= 1 - 1e-9


def test_rounding_alone_violates_no_bound_on_the_first_step():
    random = np.random.default_rng(9)
    for start in random.uniform(-5, 5, 40):
        beta1, beta2, alpha = random.uniform(0, 0.999, 3)
        record = ran(
            f"pl-sine:start={float(start)!r}",
            f"adam:beta1={float(beta1)!r},beta2={float(beta2)!r},eps=0",
            f"constant:alpha={float(alpha)!r}",
            1,
        )
        assert judge("adam-first-step", record).holds
        if beta1**2 < beta2:
            assert judge("adam-step-sup", record).holds


def test_rounding_alone_violates_no_bound_of_the_box():
    random = np.random.default_rng(10)
    for _ in range(20):
        weight = float(random.uniform(1, 100))
        alpha = float(random.uniform(0, 1) / weight)
        record = ran(
            "periodic-linear:slopes=[-1]",
            f"lion:weight_decay={weight!r}",
            f"constant:alpha={alpha!r}",
            300,
        )
        verdict = judge("decoupled-sign-box", record)
        assert verdict.holds, verdict.reason
        assert verdict.ratio == pytest.approx(1, rel=1e-12)


# Momentum in the proof of Defossez et al.


def test_without_momentum_the_theorems_with_momentum_are_those_without():
    T = np.array([1.0, 10.0, 1e3, 1e6])
    L, G, D0, n, alpha, eps = 2.0, 1.5, 3.0, 4.0, 0.3, 0.01
    third = adaptive.defossez_2022_thm3.function(T, L, G, D0, n, alpha, 0.0, eps)
    # The eps of the one grows with the rounds, that of the other does not.
    assert third == pytest.approx(
        adaptive.defossez_2022_thm1.function(T, L, G, D0, n, alpha, eps), rel=0.002
    )
    fourth = adaptive.defossez_2022_thm4.function(T, L, G, D0, n, alpha, 0.0, 0.99, eps)
    assert fourth == pytest.approx(
        adaptive.defossez_2022_thm2.function(T, L, G, D0, n, alpha, 0.99, eps), rel=1e-12
    )


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9, 0.99])
def test_sums_with_momentum_are_at_most_what_the_proofs_put_for_them(beta1):
    k = np.arange(200_000.0)
    assert (np.sqrt(k + 1) * beta1**k).sum() <= (1 - beta1) ** -1.5 * (1 + 1e-12)
    most = beta1 * math.sqrt(1 + beta1) / (1 - beta1) ** 2.5
    assert (k**1.5 * beta1**k).sum() <= most * (1 + 1e-12)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("beta2", [0.995, 0.999, 0.99999])
def test_the_constants_with_momentum_are_below_the_printed_ones(beta1, beta2):
    """Of the weighted mean, at N with N > beta1 / (1 - beta1)."""
    L, G, D0, n, alpha, eps = 2.0, 1.5, 3.0, 4.0, 0.3, 0.01
    R, a = G + math.sqrt(eps), beta1 / beta2
    printed = n * (
        alpha * R * L * (1 - beta1) / ((1 - a) * (1 - beta2))
        + 12 * R**2 * math.sqrt(1 - beta1) / ((1 - a) ** 1.5 * math.sqrt(1 - beta2))
        + 2 * alpha**2 * L**2 * beta1 / ((1 - a) * (1 - beta2) ** 1.5)
    )
    T = np.array([1e3, 1e6])
    weights = T - beta1 * (1 - beta1**T) / (1 - beta1)
    ours = adaptive.defossez_2022_thm4.function(T, L, G, D0, n, alpha, beta1, beta2, eps)
    print_ = 2 * R * D0 / alpha + printed * (math.log(1 + R**2 / eps) - T * math.log(beta2))
    # The plain mean from the weighted sum costs some rounds more, never a factor of 2 here.
    assert (ours * T <= 2 * print_).all()
    assert (T - beta1 / (1 - beta1) <= weights).all()
    if beta1 < 0.99:
        assert (ours[-1] <= print_[-1] / T[-1]).all()


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_a_plain_mean_is_bounded_by_weighted_sums(beta1):
    terms = np.random.default_rng(3).exponential(size=3_000) * np.linspace(2, 0, 3_000)
    N = np.arange(1, terms.size + 1)

    def weighted(rounds):
        rounds = np.minimum(rounds, terms.size).astype(int)
        return np.array(
            [[((1 - beta1 ** (M - N[:M] + 1.0)) * terms[:M]).sum() for M in row] for row in rounds]
        )

    T = np.array([1.0, 7.0, 100.0, 2_000.0])
    bound = adaptive._mean_from_weighted(T, beta1, weighted)
    mean = np.cumsum(terms)[T.astype(int) - 1] / T
    assert (mean <= bound * (1 + 1e-12)).all()
    assert bound[-1] <= mean[-1] * 1.02


@pytest.mark.parametrize(
    ("key", "problem", "rule", "by", "named"),
    [
        ("defossez-2022-thm3", "star-convex-valley", "adamnc:eps=1", "inverse-sqrt:alpha=1",
         "eps_position"),
        ("defossez-2022-thm3", "star-convex-valley", "adagrad", "inverse-sqrt:alpha=1", "adagrad"),
        ("defossez-2022-thm4", "star-convex-valley", adaptive._MOMENTUM_ADAM + ",beta2=0.5",
         "constant:alpha=1", "beta1 < beta2"),
        ("defossez-2022-thm4", "zhang-2022", adaptive._MOMENTUM_ADAM, "constant:alpha=1", "order"),
        ("ward-2019-thm21", "star-convex-valley", "adagrad-norm", "constant:alpha=1", "b_0"),
        ("ward-2019-thm21", "quadratic", "adagrad-norm:initial=1", "constant:alpha=1", "no G"),
        ("bernstein-2018-thm1", "huber-worst", "signum", "constant:alpha=1", "signum"),
        ("bernstein-2018-thm1", "huber-worst", "signsgd", "inverse:alpha=1", "constant"),
    ],
)  # fmt: skip
def test_a_theorem_on_noise_names_the_assumption_that_fails(key, problem, rule, by, named):
    verdict = judge(key, ran(problem, rule, by, 5, seeds=2))
    assert verdict.word == "not applicable"
    assert named in verdict.reason


def test_a_smaller_probability_of_failing_has_a_larger_bound():
    T = np.array([100.0])
    bounds = [
        adaptive.ward_2019_thm21.function(T, 1, 1, 1, 1, 1, 1, delta=delta)[0]
        for delta in (0.5, 0.1, 0.01)
    ]
    assert bounds[0] * 5 == pytest.approx(bounds[1], rel=1e-12)
    assert bounds[1] * 10 == pytest.approx(bounds[2], rel=1e-12)


def test_the_bound_in_most_runs_is_below_the_printed_one():
    """Which has Q' with the constants derived for it before, and delta**1.5."""
    random = np.random.default_rng(6)
    for _ in range(200):
        L, G, D0, alpha, b0 = 10 ** random.uniform(-2, 2, 5)
        sigma2, T = random.uniform(0, G**2), 10.0 ** random.uniform(0, 5)
        ours = adaptive.ward_2019_thm21.function(T, L, G, sigma2, D0, alpha, b0, delta=0.1)
        square = T * (G**2 + sigma2)
        Q = D0 / alpha + (2 * math.sqrt(sigma2) + alpha * L / 2) * math.log(1 + square / b0**2)
        assert ours <= 2 * Q * math.sqrt(b0**2 + square) / (T * 0.1**1.5)


def test_ward_in_most_runs_fails_where_the_bound_is_below_what_is_seen():
    case = claims.find("ward-2019-thm21").cases[0]
    record = ran(
        *case.experiment.names,
        300,
        len(case.experiment.seeds),
    )
    claim = scaled("ward-2019-thm21:delta=0.5", 0.05)
    assert judge(claim, record).word == "violated"


def test_signs_of_rare_large_slopes_need_the_term_for_noise():
    """Sign descent climbs on slopes 4 and -1, so without sqrt(n sigma2) the bound is broken."""
    record = ran("karimireddy-2019-ce1", "signsgd", "constant:alpha=0.1", 400, seeds=16)
    # The slope is the same at every point, so every run measures what is expected.
    claim = replace(without("bernstein-2018-thm1", "whole space"), kind="every run")
    assert judge(claim, record).holds

    class Quiet(type(claim)):
        def _values(self, experiment, times, observed):
            return {**super()._values(experiment, times, observed), "sigma2": np.float64(0)}

    assert judge(Quiet(**vars(claim)), record).word == "violated"
