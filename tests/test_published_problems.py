"""Figures that are published about the problems of the catalogue, or derived in their docstrings.

Expected values are literals. A printed figure is met to half a unit of its last digit, one that
arithmetic gives to rounding; the tolerance says which.
"""

from fractions import Fraction
from math import comb, log, pi, sqrt

import bard_proof
import numpy as np
import pytest
from scipy.signal import lfilter

from convergence import run
from problems import InputError, find

# A few units of rounding, relative.
ROUNDING = 1e-14


def value(problem, x):
    return float(problem.objective(np.array(x, float)))


# Moré, Garbow & Hillstrom

# f at the standard start, and half a unit of the last digit if it was rounded in print.
STARTS = {
    "rosenbrock": (24.2, None),
    "freudenstein-roth": (400.5, None),
    "brown-badly-scaled": (999998000003.0, None),
    "beale": (14.203125, None),
    "helical-valley": (2500.0, None),
    "bard": (41.68169586, 5e-9),
    "box-3d": (1031.15381061, 5e-9),
    "powell-singular": (215.0, None),
    "wood": (19192.0, None),
    "brown-dennis": (7926693.337, 5e-4),
    "extended-rosenbrock": (121.0, None),
    # Residuals -2 at one end, -3 at the other and -1 between.
    "broyden-tridiagonal": (21.0, None),
}


@pytest.mark.parametrize("key", STARTS)
def test_the_standard_start_has_the_published_value(key):
    expected, printed = STARTS[key]
    problem = find(key)
    tolerance = printed or ROUNDING * expected
    assert value(problem, problem.start) == pytest.approx(expected, rel=0, abs=tolerance)


def test_kowalik_and_osborne_start_at_the_norm_that_minpack_prints():
    problem = find("kowalik-osborne")
    assert sqrt(value(problem, problem.start)) == pytest.approx(7.2891510e-2, rel=0, abs=5e-10)


@pytest.mark.parametrize(("n", "expected"), [(10, 0.0070757594662225), (40, 0.0020050158028031)])
def test_the_trigonometric_function_starts_at_its_closed_form(n, expected):
    """At (1/n, ..., 1/n) residual i is (n + i) (1 - cos(1/n)) - sin(1/n)."""
    problem = find(f"trigonometric:dimension={n}")
    # n - sum cos x_i cancels all but 1/(2n) of n: some n units of rounding in residuals of 1/n.
    assert value(problem, problem.start) == pytest.approx(expected, rel=1e-12)


def test_the_starts_tell_apart_functions_that_are_easily_confused():
    chained, pairs = (find(f"{key}:dimension=4") for key in ("rosenbrock", "extended-rosenbrock"))
    assert value(pairs, pairs.start) == pytest.approx(48.4, rel=ROUNDING)
    # The chain has one more term, 100 (-1.2 - 1)**2.
    assert value(chained, chained.start) == pytest.approx(532.4, rel=ROUNDING)


def test_brown_and_dennis_are_printed_with_two_starts():
    problem = find("brown-dennis")
    np.testing.assert_array_equal(problem.start, [25, 5, -5, -1])
    assert value(problem, [25, 5, -5, 1]) == pytest.approx(7632895.358, rel=0, abs=5e-4)


# Where, f there as printed, half a unit of its last digit.
MINIMA = [
    ("freudenstein-roth", [5, 4], 0.0, 0.0),
    ("freudenstein-roth", [11.412779, -0.89680525], 48.9842, 1e-4),
    ("brown-badly-scaled", [1e6, 2e-6], 0.0, 0.0),
    ("beale", [3, 0.5], 0.0, 0.0),
    ("helical-valley", [1, 0, 0], 0.0, 0.0),
    ("box-3d", [1, 10, 1], 0.0, 0.0),
    ("box-3d", [10, 1, -1], 0.0, 0.0),
    ("box-3d", [7, 7, 0], 0.0, 0.0),
    ("powell-singular", [0, 0, 0, 0], 0.0, 0.0),
    ("wood", [1, 1, 1, 1], 0.0, 0.0),
    ("bard", [0.08241056, 1.133036, 2.343695], 8.21487e-3, 1e-8),
    ("kowalik-osborne", [0.1928069, 0.1912823, 0.1230565, 0.1360623], 3.07505e-4, 1e-9),
    ("brown-dennis", [-11.59444, 13.20363, -0.4034395, 0.2367788], 85822.2, 5e-2),
]


@pytest.mark.parametrize(("key", "x", "expected", "printed"), MINIMA)
def test_the_published_minima_are_there(key, x, expected, printed):
    """Printed digits are rounded or cut off, so a whole unit of the last is allowed."""
    assert abs(value(find(key), x) - expected) <= printed


# Final points and residual norms as the driver of MINPACK-1 prints them, to eight digits.
MINPACK = [
    ("freudenstein-roth", [11.412484, -0.89682791], 6.9988752),
    ("bard", [8.2410577e-2, 1.1330367, 2.3436946], 9.0635960e-2),
    ("bard", [8.4066667e-1, -1.5884803e8, -1.6437867e8], 4.1747687),
    ("kowalik-osborne", [0.19280781, 0.19126265, 0.12305280, 0.13605322], 1.7535838e-2),
    ("kowalik-osborne", [7.2867547e5, -14.075880, -3.2977798e7, -2.0571594e7], 3.2052193e-2),
]


@pytest.mark.parametrize(("key", "x", "norm"), MINPACK)
def test_minpack_ends_where_the_residuals_have_the_norm_it_prints(key, x, norm):
    assert sqrt(value(find(key), x)) == pytest.approx(norm, rel=6e-8)


def test_freudenstein_and_roth_have_two_stationary_points_besides_the_minimum():
    problem = find("freudenstein-roth")
    values = [value(problem, point.point) for point in problem.stationary]
    # f is flat there, so the rounding of the points does not show.
    assert values == pytest.approx([48.98425367924002, 819.01025935231], rel=ROUNDING)


def test_kowalik_and_osborne_approach_the_other_published_value_at_infinity():
    """Along x = (x1, b, c x1, d x1) the model tends to (u**2 + u b)/(c u + d).

    To the next order the distance is proportional to 1/x1: f falls to the limit as x1 grows, and
    falls below it on the other side of infinity.
    """
    problem = find("kowalik-osborne")
    b, c, d = -14.07588346, -45.25719199, -28.23149698
    excess = [
        x1 * (value(problem, [x1, b, c * x1, d * x1]) - 1.02734304869e-3)
        for x1 in (1e4, 1e5, -1e5, -1e4)
    ]
    # The next order is 17/x1 of this.
    assert excess == pytest.approx([1.6142e-5] * 4, rel=2e-3)


# The proof of Bard's minimum

LEVEL = 0.008215


def bard_is_proved(minimum, tolerance):
    """Whether Bard's minimum is proved to lie within the tolerance of the number given.

    f >= phi(z), phi > LEVEL outside of an interval in which phi'' >= c > 0; so with z of any point
    there, phi >= phi(z) - phi'(z)**2 / (2 c). All that is left is in exact rationals.
    """
    low, high = bard_proof.where_remainder_is_below(LEVEL)
    assert 0.25 < low < high < 0.4
    curvature = Fraction(bard_proof.least_curvature(0.25, 0.4))
    assert curvature > 0
    x = [Fraction(c) for c in find("bard").constants["minimizer"].value]
    z = x[1] / (x[1] + x[2])
    assert 0.25 < z < 0.4
    phi, slope, _ = bard_proof.taylor(z, Fraction(1))
    above = bard_proof.exact_value(x)
    below = phi - slope * slope / (2 * curvature)
    assert below <= above < LEVEL
    minimum, tolerance = Fraction(minimum), Fraction(tolerance)
    return minimum - tolerance <= below and above <= minimum + tolerance


def test_bards_minimum_is_proved():
    stated = find("bard").constants["minimum"]
    assert stated.value == 0.008214877306578975
    assert stated.tolerance == 1e-15
    assert bard_is_proved(stated.value, stated.tolerance)
    assert not bard_is_proved(stated.value + 1e-14, stated.tolerance)
    assert not bard_is_proved(stated.value - 1e-14, stated.tolerance)


def test_bards_minimiser_is_proved():
    """phi' has one zero in the interval, within |phi'(z)| / c of z; the point at it is enclosed."""
    stated = find("bard").constants["minimizer"]
    x = [Fraction(c) for c in stated.value]
    z = x[1] / (x[1] + x[2])
    _, slope, _ = bard_proof.taylor(z, Fraction(1))
    reach = abs(slope) / Fraction(bard_proof.least_curvature(0.25, 0.4))
    near = bard_proof.Interval.around(float(z - reach), float(z + reach))
    for enclosure, coordinate in zip(
        bard_proof.point(near, bard_proof.Interval(1.0, 1.0)), stated.value, strict=True
    ):
        assert coordinate - stated.tolerance <= enclosure.low
        assert enclosure.high <= coordinate + stated.tolerance


def test_the_proof_is_about_the_function_of_the_catalogue():
    """phi(z) is the least of f over the points of that z, reached at the regression line."""
    problem, one = find("bard"), bard_proof.Interval(1.0, 1.0)
    for z in (-3.1, -0.25, 0.2, 0.7, 5.0):
        x = [c.low for c in bard_proof.point(bard_proof.Interval(z, z), one)]
        phi = float(bard_proof.taylor(Fraction(z), Fraction(1))[0])
        bound = bard_proof.remainder_from_below(
            bard_proof.Interval(np.array([z]), np.array([z])),
            bard_proof.Interval(np.ones(1), np.ones(1)),
        )
        assert value(problem, x) == pytest.approx(phi, rel=1e-10)
        assert phi - 1e-11 < bound[0] <= phi
        assert value(problem, [x[0] + 1e-3, *x[1:]]) > phi


def test_the_subdivision_proves_no_more_than_is_true():
    low, high = bard_proof.where_remainder_is_below(0.009)
    assert low < 0.25
    assert high > 0.4
    with pytest.raises(AssertionError, match="large z"):
        bard_proof.where_remainder_is_below(0.02)
    assert bard_proof.least_curvature(0.25, 1.0) < 0


# Worst cases, attained


@pytest.mark.parametrize(
    ("N", "L", "R0", "h"), [(10, 1, 1, 1), (7, 3, 2, 0.5), (40, 7, 1, 1), (1, 1, 1, 0.3)]
)
def test_gradient_descent_attains_its_worst_case_on_the_huber_function(N, L, R0, h):
    problem = f"huber-worst:N={N},L={L},R0={R0},h={h}"
    record = run(problem, "gradient-descent", f"inverse-smoothness:h={h}", N + 1, times=[N, N + 1])
    gap = record["suboptimality"][0]
    # N steps, each rounded.
    assert gap[0] == pytest.approx(L * R0**2 / (4 * N * h + 2), rel=N * 2.0**-51)
    assert gap[1] < L * R0**2 / (4 * (N + 1) * h + 2)


@pytest.mark.parametrize(("N", "G", "D"), [(10, 1, 1), (3, 2, 0.5), (24, 1, 3)])
def test_the_subgradient_method_attains_its_worst_case_on_the_resisting_maximum(N, G, D):
    problem = find(f"resisting-maximum:N={N},G={G},D={D}")
    step = D / (G * sqrt(N + 1))
    record = run(
        problem, "gradient-descent", f"constant:alpha={step!r}", N + 2, times=range(1, N + 3)
    )
    best = record["suboptimality_best"][0]
    assert best[: N + 1] == pytest.approx(G * D / sqrt(N + 1), rel=ROUNDING)
    # One step more, and the method is at the minimiser: nothing resists it any longer.
    assert best[N + 1] == pytest.approx(0, abs=ROUNDING)
    after = record["iterate"][0]
    for t in range(1, N + 2):
        np.testing.assert_allclose(after[t - 1], np.where(np.arange(N + 1) < t, -G * step, 0))


@pytest.mark.parametrize("rule", ["gradient-descent", "heavy-ball", "nesterov", "adagrad", "adam"])
@pytest.mark.parametrize("key", ["resisting-maximum", "nesterov-worst-nonsmooth"])
def test_no_method_is_below_zero_before_all_coordinates_were_touched(key, rule):
    N = 10
    problem = find(f"{key}:N={N}")
    record = run(problem, rule, "constant:alpha=0.1", 400, times=range(1, 401))
    values = problem.objective(record["iterate"][0])
    assert (values[:N] >= 0).all()
    assert values.min() < 0


@pytest.mark.parametrize("rule", ["gradient-descent", "heavy-ball:beta1=0.5", "nesterov"])
@pytest.mark.parametrize("N", [3, 10, 30])
def test_no_method_beats_nesterovs_bound_in_n_steps(N, rule):
    L = 2.0
    record = run(
        f"nesterov-worst-smooth:N={N},L={L}", rule, "inverse-smoothness", 9 * N * N, times=[N]
    )
    gap, n = record["suboptimality"][0, 0], 2 * N + 1
    bound, distance2 = L / (16 * (N + 1)), n * (2 * n + 1) / (6 * (n + 1))
    assert gap >= bound >= 3 * L * distance2 / (32 * (N + 1) ** 2)
    later = run(record.experiment.problem, rule, "inverse-smoothness", 9 * N * N, times=[9 * N * N])
    assert later["suboptimality"][0, 0] < bound


@pytest.mark.parametrize(("T", "G", "D"), [(64, 1, 2), (3, 2, 5), (100, 0.5, 1)])
def test_projected_gradient_descent_attains_its_regret_bound_on_orthogonal_slopes(T, G, D):
    def regrets(factor):
        step = factor * D / (G * sqrt(T))
        return run(
            f"orthogonal-slopes:T={T},G={G},D={D}",
            "gradient-descent",
            f"constant:alpha={step!r}",
            T,
            times=range(1, T + 1),
        )["regret"][0]

    attained = regrets(1)
    assert attained[-1] == pytest.approx(D * G * sqrt(T), rel=ROUNDING)
    assert (attained[:-1] < 0.9999 * D * G * sqrt(T)).all()
    # Twice the step leaves the sphere and is projected.
    assert regrets(2)[-1] < 0.9 * D * G * sqrt(T)


@pytest.mark.parametrize(
    ("settings", "mu", "steps"),
    [
        pytest.param("", 1.0, 10_000, marks=pytest.mark.slow),
        (":mu=0.5,period=7,orbit=0.6,dimension=4", 0.5, 500),
    ],
)
def test_the_regret_on_drifting_quadratics_is_its_formula(settings, mu, steps):
    problem = find(f"drifting-quadratics{settings}")

    def regret_and_formula(alpha):
        record = run(
            problem,
            "gradient-descent",
            f"inverse:alpha={alpha!r}",
            steps,
            times=range(1, steps + 1),
        )
        t = np.arange(1, steps + 1)
        x = np.concatenate([problem.start[None], record["iterate"][0, :-1]])
        off = problem.gradient(x, problem.samples(t, None)) / mu
        return record["regret"][0], (mu / 2 * (off * off).sum(axis=-1) / t).cumsum()

    regret, formula = regret_and_formula(1 / mu)
    # A difference of sums of `steps` terms of size 1.
    np.testing.assert_allclose(regret, formula, rtol=0, atol=1e-10)
    other, wrong = regret_and_formula(2 / mu)
    assert abs(other - wrong).max() > 0.1


def test_the_regret_on_drifting_quadratics_grows_like_a_logarithm():
    record = run(
        "drifting-quadratics", "gradient-descent", "inverse:alpha=1", 10_000, times=[1000, 10_000]
    )
    # x_t is within 100/(pi t) of 0, which adds at most sum_{t>1000} 32/t**2 < 0.033 to the first.
    assert np.diff(record["regret"][0])[0] == pytest.approx(0.5 * log(10), abs=0.033)


# Where the heavy-ball method cycles


def lessard_slope(x):
    return 25 * x if x < 1 else x + 24 if x < 2 else 25 * x - 24


def heavy_ball(x, before):
    return x - lessard_slope(x) / 9 + Fraction(4, 9) * (x - before), x


CYCLE = [Fraction(p, 1225) for p in (792, -2208, 2592)]


def test_lessards_cycle_is_exact():
    a, b, c = CYCLE
    assert heavy_ball(b, a) == (c, b)
    assert heavy_ball(c, b) == (a, c)
    assert heavy_ball(a, c) == (b, a)
    problem = find("lessard-2016")
    for x in (*CYCLE, Fraction(1), Fraction(3, 2), Fraction(2)):
        assert float(problem.gradient([float(x)])[0]) == pytest.approx(float(lessard_slope(x)))
    # Another momentum has another cycle, or none.
    assert b - lessard_slope(b) / 9 + Fraction(1, 2) * (b - a) != c


def test_lessards_cycle_attracts_the_start():
    """Twelve exact steps lead into a box around the cycle that no step leaves.

    Inside the pieces of slope 25 an error (e_k, e_{k-1}) is multiplied by M of double eigenvalue
    -2/3: M**n = (-2/3)**n (1 - 3n/2 (M + 2/3)), of max-norm at most 52/27.
    """
    M = [[Fraction(-4, 3), Fraction(-4, 9)], [Fraction(1), Fraction(0)]]
    assert M[0][0] + M[1][1] == 2 * Fraction(-2, 3)
    assert -M[0][1] * M[1][0] == Fraction(-2, 3) ** 2
    power, norms = [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]], []
    for _ in range(60):
        norms.append(max(sum(map(abs, row)) for row in power))
        power = [[sum(r * M[k][j] for k, r in enumerate(row)) for j in range(2)] for row in power]
    assert max(norms) == Fraction(52, 27)
    assert norms[-1] < 1e-8

    room = min(min(abs(x - 1), abs(x - 2)) for x in CYCLE)
    x, before = Fraction(33, 10), Fraction(33, 10)
    errors = []
    for k in range(1, 13):
        x, before = heavy_ball(x, before)
        errors.append(max(abs(x - CYCLE[k % 3]), abs(before - CYCLE[(k - 1) % 3])))
    assert errors[-1] * Fraction(52, 27) < room
    assert errors[0] * Fraction(52, 27) > room


def test_the_heavy_ball_run_ends_in_lessards_cycle_and_gradient_descent_does_not():
    record = run(
        "lessard-2016", "heavy-ball:beta1=4/9", "constant:alpha=1/9", 300, times=range(298, 301)
    )
    # Contracted to the level of rounding: (2/3)**300 is far below it.
    expected = [float(CYCLE[t % 3]) for t in (298, 299, 300)]
    np.testing.assert_allclose(record["iterate"][0, :, 0], expected, rtol=1e-13)
    descent = run("lessard-2016", "gradient-descent", "constant:alpha=1/13", 600)
    assert abs(descent.last_iterate[0, 0]) < 1e-12


def test_lessards_function_has_the_values_and_the_constant_stated():
    problem = find("lessard-2016")
    assert [value(problem, [x]) for x in (0, 1, 2, 3)] == [0, 12.5, 38, 76.5]
    assert problem.constant("mu_pl") == 169 / 19
    x = np.linspace(-4, 8, 120_001)[:, None]
    quotient = problem.gradient(x)[:, 0] ** 2 / np.maximum(2 * problem.objective(x), 1e-300)
    least = quotient[abs(x[:, 0]) > 1e-3].min()
    assert least == pytest.approx(169 / 19, rel=1e-9)


def unit_triangle():
    turns = 2 * pi * np.arange(3) / 3
    return np.stack([np.cos(turns), np.sin(turns)], axis=-1)


def cycled(problem, alpha, beta, x, before, steps=300):
    for _ in range(steps):
        x, before = x - alpha * problem.gradient(x) + beta * (x - before), x
    return x


@pytest.mark.parametrize("L", [18.0, 25.0, 100.0])
def test_the_heavy_ball_method_cycles_through_the_triangle(L):
    s = sqrt(L)
    alpha, beta = 4 / (s + 1) ** 2, ((s - 1) / (s + 1)) ** 2
    problem = find(f"goujaud-2023:L={L},alpha={alpha!r},beta={beta!r}")
    e = unit_triangle()
    # Rounding is contracted, as the cycle attracts.
    np.testing.assert_allclose(cycled(problem, alpha, beta, e[0], e[2]), e[0], atol=1e-12)
    np.testing.assert_allclose(cycled(problem, alpha, beta, e[0], e[2], 301), e[1], atol=1e-12)
    np.testing.assert_allclose(cycled(problem, 2 / (L + 1), 0, e[0], e[2], 3000), 0, atol=1e-12)


def test_the_default_start_leads_into_the_cycle_and_most_points_do_not():
    record = run(
        "goujaud-2023", "heavy-ball:beta1=4/9", "constant:alpha=1/9", 300, times=range(298, 301)
    )
    np.testing.assert_allclose(record["iterate"][0], unit_triangle()[[1, 2, 0]], atol=1e-12)
    starts = np.random.default_rng(0).uniform(-2, 2, (400, 2))
    ends = np.linalg.norm(cycled(record.experiment.problem, 1 / 9, 4 / 9, starts, starts), axis=-1)
    to_minimiser, to_cycle = ends < 1e-6, abs(ends - 1) < 1e-6
    assert (to_minimiser | to_cycle).all()
    assert to_minimiser.mean() > 0.9
    assert to_cycle.any()


def test_polyaks_tuning_cycles_from_a_condition_number_of_nine_and_four_roots_of_five_on():
    def build(L):
        s = sqrt(L)
        return find(
            f"goujaud-2023:L={L!r},alpha={4 / (s + 1) ** 2!r},beta={((s - 1) / (s + 1)) ** 2!r}"
        )

    threshold = 9 + 4 * sqrt(5)
    assert threshold == pytest.approx(17.94427191, rel=1e-9)
    assert build(threshold * (1 + 1e-9)).constant("L") > threshold
    with pytest.raises(InputError, match="give no cycle"):
        build(threshold * (1 - 1e-9))


# Counterexamples: Theorems 2 and 3

PROVED_PERIODS = {(0, 0.5): 16, (0.5, 0.5): 40, (0.9, 0.99): 3214, (0.9, 0.999): 42620}


def period_of(problem):
    return int(problem.constant("G"))


@pytest.mark.parametrize("betas", PROVED_PERIODS)
def test_the_period_of_theorem_2_is_the_least_that_meets_the_condition(betas):
    beta1, beta2 = betas
    C = period_of(find(f"reddi-2018-thm2:beta1={beta1},beta2={beta2}"))
    assert PROVED_PERIODS[betas] == C

    def is_met(N):
        g = beta1 / sqrt(beta2)
        return beta2**N * (2 * N) ** 2 <= 1 and N * sqrt(1 - beta2) * (1 - g) >= 4

    assert is_met(C // 2)
    assert not any(is_met(N) for N in range(1, C // 2))


def adam_on_theorem_2(betas, blocks, C=None, schedule="inverse-sqrt:alpha=0.5", **settings):
    """Iterates before each slope C, the regret at all recorded rounds, and those rounds."""
    beta1, beta2 = betas
    settings = {"eps": 0, "bias_correction": "none", **settings}
    options = ",".join(f"{name}={chosen}" for name, chosen in settings.items())
    problem = find(f"reddi-2018-thm2:beta1={beta1},beta2={beta2}" + (f",C={C}" if C else ""))
    C = period_of(problem)
    times = (
        range(1, C * blocks + 1)
        if C < 100
        else [C * j + d for j in range(1, blocks) for d in (0, 1, C // 2)] + [C * blocks]
    )
    record = run(
        problem, f"adam:beta1={beta1},beta2={beta2},{options}", schedule, C * blocks, times=times
    )
    at_start = record.times % C == 0
    return record["iterate"][0, at_start, 0], record["regret"][0], record.times, C


def claim_holds(iterates, regret, times, C):
    """The regret is rounded to some 1e-11."""
    in_block = regret[times % C == 0]
    return (
        (iterates == 1.0).all()
        and (regret >= 2 * (np.ceil(times / C) - 1) - 1e-9).all()
        and (np.diff(in_block) >= 2 - 1e-9).all()
    )


@pytest.mark.parametrize("betas", [(0, 0.5), (0.5, 0.5)])
@pytest.mark.parametrize(
    "schedule",
    [
        "inverse-sqrt:alpha=0.001",
        "inverse-sqrt:alpha=0.5",
        "constant:alpha=0.1",
        "constant:alpha=100",
    ],
)
@pytest.mark.parametrize(
    "settings", [{}, {"eps": 1, "bias_correction": "both"}], ids=["plain", "corrected"]
)
def test_adam_stays_at_the_worst_point_of_theorem_2(betas, schedule, settings):
    assert claim_holds(*adam_on_theorem_2(betas, 30, schedule=schedule, **settings))


@pytest.mark.parametrize(("betas", "blocks"), [((0.9, 0.99), 4), ((0.9, 0.999), 3)])
def test_adam_stays_at_the_worst_point_of_theorem_2_with_betas_in_use(betas, blocks):
    assert claim_holds(*adam_on_theorem_2(betas, blocks))


@pytest.mark.parametrize(("betas", "C"), [((0, 0.5), 2), ((0.5, 0.5), 2), ((0.5, 0.5), 4)])
def test_a_slope_of_theorem_2_that_is_too_small_is_outweighed(betas, C):
    iterates, *rest = adam_on_theorem_2(betas, 60, C=C)
    assert not claim_holds(iterates, *rest)
    assert iterates.min() < 0.75


def expected_steps(delta, C, beta1, beta2, rounds):
    """E m_t / sqrt(v_t) for t = 1..rounds, over all 2**rounds draws."""
    problem = find(f"reddi-2018-thm3:delta={delta},C={C}")
    slopes, chances = problem.outcomes().samples, problem.outcomes().probabilities
    drawn = np.arange(2**rounds)[:, None] >> np.arange(rounds) & 1
    g, weight = slopes[drawn], chances[drawn].prod(axis=-1)
    m = v = 0.0
    steps = []
    for t in range(rounds):
        m = beta1 * m + (1 - beta1) * g[:, t]
        v = beta2 * v + (1 - beta2) * g[:, t] ** 2
        steps.append(float((weight * m / np.sqrt(v)).sum()))
    return np.array(steps)


def theorem_3_is_proved(delta, C, beta1, beta2):
    p, Q = (1 + delta) / (C + 1), 1 + (1 + delta) * (C - 1)
    return p * sqrt(Q) <= (1 - p) * sqrt(1 - beta2) * (1 - beta1 / sqrt(beta2))


@pytest.mark.parametrize(
    ("betas", "least"),
    [
        ((0.5, 0.5), 25),
        ((0, 0.9), 11),
        ((0.5, 0.9), 48),
        ((0.9, 0.99), 11645),
        ((0.9, 0.999), 107084),
    ],
)
def test_the_least_slope_of_theorem_3_is_the_stated_one(betas, least):
    assert theorem_3_is_proved(0.02, least, *betas)
    assert not any(theorem_3_is_proved(0.02, C, *betas) for C in range(2, least))


@pytest.mark.parametrize(("betas", "C"), [((0.5, 0.5), 25), ((0, 0.9), 11), ((0.5, 0.9), 48)])
def test_no_expected_step_of_theorem_3_goes_the_right_way(betas, C):
    """x moves by minus the direction: a negative mean direction goes away from -1."""
    assert (expected_steps(0.02, C, *betas, rounds=13) < -0.1).all()


def test_a_mean_slope_that_outweighs_the_condition_is_followed():
    assert not theorem_3_is_proved(0.5, 1.6, 0, 0.9)
    assert (expected_steps(0.5, 1.6, 0, 0.9, rounds=13) > 0.1).all()


def test_the_mean_and_the_variance_of_theorem_3_are_its_formulas():
    for delta, C in ((0.02, 101), (0.5, 20)):
        drawn = find(f"reddi-2018-thm3:delta={delta},C={C}").outcomes()
        mean = (drawn.probabilities * drawn.samples).sum()
        variance = (drawn.probabilities * drawn.samples**2).sum() - mean**2
        assert mean == pytest.approx(delta, rel=1e-12)
        assert variance == pytest.approx((1 + delta) * (C - delta), rel=1e-12)


# Counterexamples: drifts


def average(values, beta):
    """The cyclic solution of m_j = beta m_{j-1} + (1 - beta) c_j."""
    c = np.asarray(values, float)
    m = (1 - beta) / (1 - beta**c.size) * (beta ** np.arange(c.size) * c[-np.arange(c.size)]).sum()
    averages = [m]
    for slope in c[1:]:
        averages.append(beta * averages[-1] + (1 - beta) * slope)
    return np.array(averages)


def adam_drift(slopes, beta1=0.9, beta2=0.999):
    c = np.asarray(slopes, float)
    return float((average(c, beta1) / np.sqrt(average(c * c, beta2))).sum())


def slopes_of(problem, lead=0):
    """A period as the problem shows it."""
    shown = problem.samples(np.arange(lead + 1, lead + 401), None)
    for k in range(2, 201):
        if (shown[k:] == shown[:-k]).all():
            return shown[:k]
    raise AssertionError("no period of at most 200")


def test_cyclic_averages_solve_their_equations():
    c = np.array([3.0, -1.0, 4.0, -1.0, -5.0])
    for beta in (0.0, 0.5, 0.9, 0.9999):
        m = average(c, beta)
        np.testing.assert_allclose(m, beta * np.roll(m, 1) + (1 - beta) * c, rtol=0, atol=1e-15)


# Drifts sum up to 200 numbers of size 1, with an error of some 1e-13.
MARGIN = 1e-11


@pytest.mark.parametrize(("k", "drift"), [(73, 0.00187140), (74, -0.00180737)])
def test_default_adam_fails_on_a_single_spike_from_74_on(k, drift):
    slopes = slopes_of(find(f"single-spike:k={k}"))
    assert slopes.size == k
    assert slopes.sum() == 1
    assert adam_drift(slopes) == pytest.approx(drift, rel=0, abs=5e-9)
    # A shorter memory of squares fails on both, a longer one on neither.
    assert adam_drift(slopes, 0.9, 0.99) < -0.1
    assert adam_drift(slopes, 0.9, 0.9999) > 0.1


def spike_drift(k, beta1, beta2):
    """In closed form: m_j = -1 + B_j (k + 1), v_j = 1 + G_j (k**2 - 1), both weights geometric."""
    j = np.arange(k)
    B = (1 - beta1) * beta1**j / (1 - beta1**k)
    G = (1 - beta2) * beta2**j / (1 - beta2**k)
    return float(((-1 + B * (k + 1)) / np.sqrt(1 + G * (k * k - 1))).sum())


def test_the_sign_of_the_drift_on_a_single_spike_changes_once():
    drifts = np.array([spike_drift(k, 0.9, 0.999) for k in range(2, 4001)])
    assert (drifts[:72] > 1e-3).all()
    assert (drifts[72:] < -1e-3).all()
    for k in (2, 50, 74, 120):
        assert drifts[k - 2] == pytest.approx(adam_drift([k] + [-1] * (k - 1)), abs=MARGIN)


@pytest.mark.parametrize(
    ("beta1", "beta2", "first"),
    [
        (0, 0.5, 4),
        (0.5, 0.5, 5),
        (0, 0.9, 7),
        (0, 0.99, 21),
        (0.9, 0.9, 14),
        (0.9, 0.95, 17),
        (0.9, 0.99, 30),
    ],
)
def test_other_betas_fail_first_at_the_stated_spike(beta1, beta2, first):
    drifts = [spike_drift(k, beta1, beta2) for k in range(2, first + 1)]
    assert min(drifts[:-1]) > 1e-3
    assert drifts[-1] < -1e-3


@pytest.mark.parametrize(
    ("settings", "drift"),
    [("", -0.0041560288062787), (":plus=64,zero=128,minus=63", -1.28408874363491809)],
)
def test_default_adam_fails_on_unit_slopes(settings, drift):
    problem = find(f"unit-slopes{settings}")
    counts = (49, 91, 48) if not settings else (64, 128, 63)
    slopes = np.repeat([1.0, 0.0, -1.0], counts)
    shown = problem.samples(np.arange(1, 2 * slopes.size + 1), None)
    np.testing.assert_array_equal(shown, np.tile(slopes, 2))
    assert slopes.sum() == 1
    assert adam_drift(slopes) == pytest.approx(drift, rel=0, abs=MARGIN)
    # The default betas matter: without momentum and with a shorter memory it is another number.
    assert adam_drift(slopes, 0.9, 0.9999) > 0.1


def after(slopes, step_size, rounds, start):
    """x after so many rounds of default Adam on [-1, 1].

    The directions are periodic from round 60 000 on, as 0.999**60000 < 1e-26. Steps with clipping
    compose to maps x -> clip(x + a, low, high), here one for each period.
    """
    k = len(slopes)
    periods, rest = divmod(rounds, k)
    settled = 60_000 // k
    t = np.arange(1, settled * k + 1)
    g = np.resize(np.array(slopes, float), t.size)
    m = lfilter([1 - 0.9], [1, -0.9], g) / (1 - 0.9**t)
    v = lfilter([1 - 0.999], [1, -0.999], g * g) / (1 - 0.999**t)
    h = (m / (np.sqrt(v) + 1e-8)).reshape(settled, k)
    first = k * np.arange(periods + 1) + 1
    a, low, high = np.zeros(periods + 1), -np.ones(periods + 1), np.ones(periods + 1)
    for j in range(k):
        step = np.full(periods + 1, h[-1, j])
        step[:settled] = h[:, j]
        step *= step_size(first + j)
        if j >= rest:
            step[-1] = 0.0
        a -= step
        low, high = np.clip(low - step, -1, 1), np.clip(high - step, -1, 1)
    x = start
    for shift, least, most in zip(a.tolist(), low.tolist(), high.tolist(), strict=True):
        x = min(max(x + shift, least), most)
    return x


def constant(alpha):
    return lambda t: np.full(t.shape, alpha)


UNIT = [1] * 49 + [0] * 91 + [-1] * 48
LONG_UNIT = [1] * 64 + [0] * 128 + [-1] * 63


@pytest.mark.parametrize(
    ("slopes", "step_size", "rounds", "start", "end", "printed"),
    [
        ([73] + [-1] * 72, constant(0.02), 4_000_000, 0.0, -0.98, 0.005),
        ([74] + [-1] * 73, constant(0.02), 4_000_000, 0.0, 0.95, 0.005),
        (UNIT, constant(0.005), 80_000 * 188, 0.0, 0.98, 0.005),
        (LONG_UNIT, lambda t: 0.1 / np.sqrt(t), 1_000_000, -1.0, 0.27, 0.005),
        (LONG_UNIT, lambda t: 0.1 / np.sqrt(t), 4_000_000, -1.0, 0.996, 0.0005),
    ],
    ids=["spike-73", "spike-74", "unit", "long-unit-early", "long-unit-late"],
)
def test_long_runs_end_where_the_docstrings_say(slopes, step_size, rounds, start, end, printed):
    assert after(slopes, step_size, rounds, start) == pytest.approx(end, abs=printed)


def test_the_composed_steps_are_those_of_a_run():
    rounds = 62_000
    record = run("single-spike", "adam", "constant:alpha=0.1", rounds, times=[rounds], measures=[])
    composed = after([74] + [-1] * 73, constant(0.1), rounds, 0.0)
    assert record.last_iterate[0, 0] == pytest.approx(composed, abs=1e-9)


def test_theorem_1_has_its_drift_and_its_negative_control():
    assert adam_drift([3, -1, -1], 0, 0.1) == pytest.approx(-0.68094960199, abs=5e-12)
    averages = [
        run(
            f"reddi-2018-thm1:C={C}",
            f"adam:beta1=0,beta2=1/{1 + C * C},eps=0,bias_correction=none",
            "inverse-sqrt:alpha=0.5",
            30_000,
            times=[30_000],
        )["average_regret"][0, 0]
        for C in (2, 3)
    ]
    # 2 (C - 2)/3, up to the steps away from the end, of size 1/sqrt(T).
    assert averages == pytest.approx([0, 2 / 3], abs=0.02)


# Counterexamples to other methods


def adopt_drift(slopes, beta2):
    v = average(np.square(slopes), beta2)
    return float((slopes / np.sqrt(np.roll(v, 1))).sum())


def adamax_drift(slopes, beta1, beta2):
    k = slopes.size
    u = [max(beta2**i * abs(slopes[j - i]) for i in range(k)) for j in range(k)]
    return float((average(slopes, beta1) / u).sum())


def lion_directions(slopes, beta1, beta2):
    return beta1 * np.roll(average(slopes, beta2), 1) + (1 - beta1) * slopes


@pytest.mark.parametrize("method", ["adopt", "adamax", "lion", "signsgd"])
def test_the_slopes_of_a_counterexample_sum_to_one(method):
    problem = find(f"{method}-counterexample")
    assert slopes_of(problem).sum() == 1
    np.testing.assert_array_equal(problem.constants["minimizer"].value, [-1.0])


def test_adopt_fails_with_a_small_beta2_only():
    slopes = slopes_of(find("adopt-counterexample"))
    np.testing.assert_array_equal(slopes, [-5, 4, 2])
    assert adopt_drift(slopes, 0.5) == pytest.approx(-0.11080462, abs=5e-9)
    assert max(adopt_drift(slopes, b) for b in np.linspace(0, 0.609, 1000)) < -9e-5
    assert min(adopt_drift(slopes, b) for b in np.linspace(0.6092, 0.9999, 1000)) > 8e-5


def test_adamax_fails_between_two_values_of_beta2():
    slopes = slopes_of(find("adamax-counterexample"))
    np.testing.assert_array_equal(slopes, [-3, -3, 4, 3])
    assert adamax_drift(slopes, 0, 0.9) == pytest.approx(-5 / 54, abs=MARGIN)
    assert adamax_drift(slopes, 0, 0.92828) < -3e-5
    assert adamax_drift(slopes, 0, 0.92829) > 3e-6
    assert adamax_drift(slopes, 0, 0.75) == pytest.approx(0, abs=MARGIN)
    assert max(adamax_drift(slopes, 0, b) for b in np.linspace(0.7501, 0.92828, 1000)) < -3e-5
    assert min(adamax_drift(slopes, 0, b) for b in np.linspace(0.92829, 0.9999, 1000)) > 3e-6
    assert adamax_drift(slopes, 0.9, 0.9) == pytest.approx(0.2703, abs=5e-5)
    assert adamax_drift(slopes, 0.9, 0.999) == pytest.approx(0.2502, abs=5e-5)


def test_lion_fails_with_its_default_betas():
    slopes = slopes_of(find("lion-counterexample"))
    np.testing.assert_array_equal(slopes, [-3, -2, -2, 4, 4])
    directions = lion_directions(slopes, 0.9, 0.99)
    assert directions == pytest.approx([-0.0838, -0.0129, -0.0328, 0.5475, 0.5820], abs=5e-5)
    drifts = [
        np.sign(lion_directions(slopes, *betas)).sum()
        for betas in ((0.9, 0.99), (0.9, 0.999), (0.9, 0.95), (0.95, 0.98))
    ]
    assert drifts == [-1, -1, 3, 5]


def test_signsgd_fails_without_momentum():
    slopes = slopes_of(find("signsgd-counterexample"))
    np.testing.assert_array_equal(slopes, [-3, -1, 5])
    assert np.sign(slopes).sum() == -1


def last_period(slopes, direction, periods=1500):
    """The sum of the directions of the last period of the method itself, from zero moments."""
    state, total = {}, 0.0
    for t in range(periods * slopes.size):
        moved = direction(float(slopes[t % slopes.size]), state)
        total += moved if t >= (periods - 1) * slopes.size else 0.0
    return total


def test_the_cyclic_limits_are_those_of_the_methods():
    def adopt(g, state):
        before = state.get("v", g * g)
        state["v"] = 0.5 * before + 0.5 * g * g
        return g / sqrt(before)

    def adamax(g, state):
        state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
        state["u"] = max(0.9 * state.get("u", 0.0), abs(g))
        return state["m"] / state["u"]

    def lion(g, state):
        m = state.get("m", 0.0)
        state["m"] = 0.99 * m + 0.01 * g
        return float(np.sign(0.9 * m + 0.1 * g))

    for key, method, drift in (
        ("adopt", adopt, -0.11080461614),
        ("adamax", adamax, 0.27027936631),
        ("lion", lion, -1.0),
    ):
        slopes = slopes_of(find(f"{key}-counterexample"))
        assert last_period(slopes, method) == pytest.approx(drift, abs=5e-11)


# Random signs


def mean_size(T):
    """E|S_T| for a sum of T fair signs."""
    return sum(Fraction(comb(T, i) * abs(T - 2 * i), 2**T) for i in range(T + 1))


def test_the_mean_size_of_a_sum_of_signs_is_its_formula():
    for n in range(1, 30):
        formula = Fraction(2 * n * comb(2 * n, n), 4**n)
        assert mean_size(2 * n) == mean_size(2 * n - 1) == formula
        assert formula**2 >= n
        assert (mean_size(2 * n + 2) / formula) ** 2 / Fraction(n + 1, n) == Fraction(
            (2 * n + 1) ** 2, 4 * n * (n + 1)
        )
    assert mean_size(2) ** 2 == 1
    assert float(mean_size(1000)) / sqrt(1000) / 2 == pytest.approx(0.3989, abs=2e-4)


def z_score(samples, expected):
    return (samples.mean(axis=0) - expected) * sqrt(len(samples)) / samples.std(axis=0, ddof=1)


def test_the_best_fixed_point_of_random_signs_gains_the_mean_size():
    T = [1, 2, 9, 64]
    best = find("random-signs:G=3,D=0.5").hindsight(T, range(4000))
    # G D/2 = 3/4. Each seed takes the same at T = 1: no deviation to measure it by.
    assert (best[:, 0] == -0.75).all()
    expected = -0.75 * np.array([float(mean_size(t)) for t in T])
    assert (abs(z_score(best[:, 1:], expected[1:])) < 5).all()
    assert (abs(z_score(best[:, 1:], 1.1 * expected[1:])) > 5).all()


# Exact variances


def squares(problem, schedule, times, seeds=20_000):
    record = run(
        problem, "gradient-descent", schedule, times[-1], seeds=seeds, times=times, measures=[]
    )
    return record["iterate"][:, :, 0] ** 2


NOISY = "noisy-quadratic:kappa=1,dimension=1,L=2,sigma=1.5,start=3"


def test_the_mean_square_of_sgd_with_noise_follows_its_recursion():
    measured = squares(NOISY, "constant:alpha=0.2", [1, 5, 20, 60])
    means, m = [], 9.0
    for _ in range(60):
        m = (1 - 0.4) ** 2 * m + 0.2**2 * 1.5**2
        means.append(m)
    expected = np.array(means)[[0, 4, 19, 59]]
    # The limit a sigma**2 / (l (2 - a l)).
    assert expected[-1] == pytest.approx(0.140625, abs=1e-15)
    assert (abs(z_score(measured, expected)) < 5).all()
    assert (abs(z_score(measured, 1.1 * expected)) > 5).all()


def test_the_mean_square_of_sgd_with_steps_one_over_t_is_one_over_t():
    measured = squares(NOISY, "inverse:alpha=0.5", [1, 10, 100])
    expected = 1.5**2 / 2**2 / np.array([1, 10, 100])
    assert (abs(z_score(measured, expected)) < 5).all()
    assert (abs(z_score(measured, 1.1 * expected)) > 5).all()


def test_the_mean_square_of_sgd_under_strong_growth_is_its_geometric_rate():
    problem = find("multiplicative-noise:kappa=1,dimension=1,L=2,tau=0.5")
    rho = problem.constant("M_G")
    assert rho == 1.25
    step = 1 / (rho * 2)
    measured = squares(problem, f"constant:alpha={step}", [1, 2, 4])
    expected = (1 - 1 / rho) ** np.array([1, 2, 4])
    assert (1 - step * 2) ** 2 + (step * 2 * 0.5) ** 2 == pytest.approx(1 - 1 / rho, rel=ROUNDING)
    assert (abs(z_score(measured, expected)) < 5).all()
    assert (abs(z_score(measured, 1.2 * expected)) > 5).all()


@pytest.mark.parametrize("chance", [0.5, 0.4, 0.01])
def test_the_coin_of_the_noisy_huber_function_has_mean_0_and_variance_1(chance):
    problem = find(f"noisy-huber:slope=0.8,L=4,sigma=2,chance={chance}")
    drawn = problem.outcomes()
    assert drawn.probabilities @ drawn.samples == pytest.approx(0, abs=1e-15)
    assert drawn.probabilities @ drawn.samples**2 == pytest.approx(1, rel=ROUNDING)
    assert drawn.samples.max() == abs(drawn.samples).max()
    assert problem.constant("G") == pytest.approx(0.8 + 2 * sqrt(1 / chance - 1), rel=ROUNDING)
    # Straight beyond d = 0.2, and continuous there.
    x = np.array([[0.2], [0.2 + 1e-9], [-3.2]])
    np.testing.assert_allclose(problem.objective(x), [0.08, 0.08, 0.8 * 3.1], rtol=1e-8)
    np.testing.assert_allclose(problem.objective_gradient(x)[:, 0], [0.8, 0.8, -0.8])


def test_signs_reverse_the_drift_of_the_noisy_huber_function():
    """Only the rare gradients lead downhill: 2.4 of 4 in ten, -1.6 + 0.8 of 6 in ten."""
    problem = find("noisy-huber:slope=0.8,sigma=2,chance=0.4,start=1")
    drawn = problem.outcomes()
    g = np.array([problem.gradient([1.0], z)[0] for z in drawn.samples])
    assert drawn.probabilities @ g == pytest.approx(0.8)
    assert drawn.probabilities @ np.sign(g) == pytest.approx(-0.2)


def test_a_domain_of_the_noisy_huber_function_reaches_beyond_its_kink():
    for ends in ([0.1, 5], [-5, 0.9], [-5, -1]):
        with pytest.raises(InputError, match="reaches to 1"):
            find("noisy-huber").entry(domain=ends, start=0.5)
    # The slope over the farther end: f'**2 / (2 f) = 1 / (2 (3 - 1/2)).
    assert find("noisy-huber:domain=[-3,2],start=1").constant("mu_pl") == pytest.approx(1 / 5)


def test_heavy_tailed_noise_has_the_stated_tail():
    problem = find("heavy-tailed-noise:tail=1.5,dimension=2")
    z = abs(problem.samples(np.arange(1, 101), np.arange(200, dtype=np.uint64))).reshape(-1)
    assert z.min() >= 1
    for s in (1.5, 2, 10, 100):
        chance = s**-1.5
        spread = sqrt(chance * (1 - chance) / z.size)
        assert abs((z > s).mean() - chance) < 5 * spread
        assert abs((z > s).mean() - s**-1.3) > 5 * spread


# Counterexamples to the sign of the gradient


def test_a_sign_step_of_the_first_counterexample_goes_uphill_by_an_eighth():
    drawn = find("karimireddy-2019-ce1").outcomes()
    assert (drawn.probabilities * drawn.samples).sum() == 0.25
    assert -0.25 * (drawn.probabilities * np.sign(drawn.samples)).sum() == 0.125


def signed_path(problem, sizes):
    """Sign steps of these sizes from the start, one seed."""
    x = problem.start
    shown = [None] * len(sizes)
    if problem.samples is not None:
        shown = problem.samples(np.arange(1, len(sizes) + 1), np.zeros(1, np.uint64))[:, 0]
    path = [x]
    for size, sample in zip(sizes, shown, strict=True):
        path.append(path[-1] - size * np.sign(problem.gradient(path[-1], sample)))
    return np.array(path)


@pytest.mark.parametrize("epsilon", [0.125, 0.5, 0.9])
@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("karimireddy-2019-ce2", lambda epsilon: 2 * epsilon),
        ("karimireddy-2019-ce3", lambda epsilon: 4 * epsilon**2),
    ],
)
def test_sign_steps_never_leave_the_line(key, least, epsilon):
    """The sizes are multiples of 2**-10, so every sum is exact."""
    problem = find(f"{key}:epsilon={epsilon}")
    sizes = np.random.default_rng(0).integers(1, 2000, 400) / 1024
    path = signed_path(problem, sizes)
    np.testing.assert_array_equal(path.sum(axis=-1), 2.0)
    values = problem.objective(path)
    assert values[0] == pytest.approx(least(epsilon), rel=ROUNDING)
    assert (values >= values[0] * (1 - ROUNDING)).all()
    assert np.ptp(path[:, 0]) > 1
    descent = run(problem, "gradient-descent", "constant:alpha=0.05", 2000, measures=[])
    assert abs(descent.last_iterate[0].sum()) < 0.6


# Separable data


def features(positives, negatives):
    """X and y, row by row as the docstring describes them."""
    n = positives + negatives
    y = np.repeat([1.0, -1.0], [positives, negatives])
    X = np.zeros((n, 3 + 5 * n))
    for i, label in enumerate(y):
        X[i, :3] = label, 1, 1
        X[i, 3 + 5 * i : 3 + 5 * i + (1 if label > 0 else 5)] = 1
    return X, y


SHARES = [(4, 2), (7, 3), (2, 1), (20, 19)]


@pytest.mark.parametrize(("positives", "negatives"), SHARES)
def test_the_interpolant_of_least_norm_is_the_one_stated(positives, negatives):
    problem = find(f"wilson-2017:positives={positives},negatives={negatives}")
    X, y = features(positives, negatives)
    w = np.random.default_rng(0).normal(size=X.shape[1])
    assert value(problem, w) == pytest.approx(((X @ w - y) ** 2).sum() / (2 * y.size), rel=1e-12)
    least = problem.constants["minimizer"].value
    np.testing.assert_allclose(least, np.linalg.lstsq(X, y)[0], atol=1e-12)
    assert least[0] > 2 * abs(least[1])
    assert least[1] == least[2]
    scores = np.linalg.eigvalsh(X @ X.T)
    assert scores[[0, -1]] / y.size == pytest.approx(
        [problem.constant("mu_pl"), problem.constant("L")], rel=1e-12
    )


@pytest.mark.parametrize(("positives", "negatives"), SHARES)
def test_the_signs_are_an_interpolant_that_calls_everything_positive(positives, negatives):
    problem = find(f"wilson-2017:positives={positives},negatives={negatives}")
    X, y = features(positives, negatives)
    s = np.sign(X.T @ y)
    np.testing.assert_array_equal(X @ s, 4 * y)
    np.testing.assert_array_equal(problem.stationary[0].point, s / 4)
    for label in (1, -1):
        assert (np.array([label, 1, 1]) @ s[:3]) / 4 == (label + 2) / 4 > 0
    # At c s the gradient is (4 c - 1)/n times X'y, so its signs are s or -s.
    for c in (0.0, 0.125, 1.0):
        expected = (4 * c - 1) / y.size * (X.T @ y)
        np.testing.assert_allclose(problem.gradient(c * s), expected, atol=1e-12)


@pytest.mark.parametrize(("positives", "negatives"), SHARES[:3])
@pytest.mark.parametrize("rule", ["adagrad:eps=0", "rmsprop:eps=0", "adam:eps=0"])
def test_adaptive_methods_stay_on_the_line_of_signs(rule, positives, negatives):
    """Until the gradient is all rounding, whose signs are no longer those of the data."""
    problem = find(f"wilson-2017:positives={positives},negatives={negatives}")

    def off_line(rule, alpha, steps):
        iterates = run(problem, rule, f"constant:alpha={alpha}", steps, times=range(1, steps + 1))[
            "iterate"
        ][0]
        signs = np.sign(problem.stationary[0].point)
        return abs(iterates - iterates[:, :1] * signs).max()

    assert off_line(rule, 0.002, 60) < 1e-12
    assert off_line("gradient-descent", 0.02, 60) > 0.02


def test_adagrad_ends_at_the_signs_and_gradient_descent_at_the_least_norm():
    problem = find("wilson-2017")
    adagrad = run(problem, "adagrad:eps=0", "constant:alpha=0.1", 1000, measures=[])
    descent = run(problem, "gradient-descent", "constant:alpha=0.2", 3000, measures=[])
    np.testing.assert_allclose(adagrad.last_iterate[0], problem.stationary[0].point, atol=1e-12)
    np.testing.assert_allclose(
        descent.last_iterate[0], problem.constants["minimizer"].value, atol=1e-12
    )


# Finite sums whose components disagree


def is_convex(f, x):
    """No chord between neighbours on an even grid lies below f, up to rounding."""
    values = f(x)
    bend = values[2:] - 2 * values[1:-1] + values[:-2]
    return (bend >= -1e-12 * abs(values).max()).all()


@pytest.mark.parametrize(("n", "a"), [(10, 1.0), (3, 0.25), (50, 7.0)])
def test_the_mean_of_zhangs_components_is_convex_and_the_components_are_not(n, a):
    problem = find(f"zhang-2022:n={n},a={a}")
    x = np.linspace(-6, 4, 1001)[:, None]
    drawn = problem.outcomes()
    components = [lambda p, s=s: problem.loss(p, s) for s in drawn.samples]
    mean = sum(p * f(x) for p, f in zip(drawn.probabilities, components, strict=True))
    np.testing.assert_allclose(mean, problem.objective(x), atol=1e-11)
    assert is_convex(problem.objective, x)
    assert is_convex(components[0], x)
    assert not is_convex(components[1], x)
    assert is_convex(lambda p: -components[1](p), x)
    assert value(problem, [-2]) == pytest.approx(-1.5 / n, rel=ROUNDING)


def test_adam_with_a_small_beta2_runs_away_from_zhangs_minimiser():
    def ends(beta2):
        return run(
            "zhang-2022",
            f"adam:beta1=0,beta2={beta2}",
            "inverse-sqrt:alpha=0.5",
            20_000,
            seeds=2,
            times=[2000, 20_000],
            measures=[],
        )["iterate"][:, :, 0]

    away = ends(0.1)
    assert (away[:, 1] > 3 * away[:, 0]).all()
    assert away.min() > 20
    assert abs(ends(0.999)[:, 1] + 2).max() < 0.01


# Rare features, portfolios, experts


@pytest.mark.parametrize(("odds", "expected"), [(3, 1.0986122886681098), (9, 2.1972245773362196)])
def test_the_weights_of_rare_features_are_the_log_odds(odds, expected):
    problem = find(f"rare-feature-logistic:dimension=6,odds={odds}")
    minimizer = problem.constants["minimizer"].value
    np.testing.assert_allclose(minimizer, expected * np.array([1, -1] * 3), rtol=ROUNDING)
    np.testing.assert_allclose(problem.objective_gradient(minimizer), 0, atol=1e-15)
    assert abs(problem.objective_gradient(1.01 * minimizer)).max() > 1e-4
    entropy = {3: 0.5623351446188083, 9: 0.3250829733914482}[odds]
    assert value(problem, minimizer) == pytest.approx(entropy, rel=ROUNDING)
    assert problem.constant("minimum") == pytest.approx(entropy, rel=ROUNDING)


def test_rebalancing_to_halves_grows_by_nine_eighths_every_two_rounds():
    problem = find("portfolio-selection")
    growth = np.exp([-float(problem.loss([0.5, 0.5], r)) for r in (0, 1)])
    np.testing.assert_allclose(growth, [1.5, 0.75], rtol=ROUNDING)
    T = np.array([2, 10, 1000])
    np.testing.assert_allclose(problem.hindsight(T)[0], -T / 2 * log(9 / 8), rtol=1e-12)
    # Neither asset alone gets anywhere.
    for held in np.eye(2):
        assert sum(float(problem.loss(held, r)) for r in (0, 1)) == pytest.approx(0, abs=ROUNDING)
    np.testing.assert_array_equal(problem.constants["minimizer"].value, [0.5, 0.5])


@pytest.mark.parametrize("n", [2, 4, 8])
def test_following_the_leader_loses_every_round(n):
    """Losses are multiples of 1/n, a power of two: all sums are exact."""
    problem = find(f"expert-advice:dimension={n}")
    T = 10 * n + 3
    shown = problem.samples(np.arange(1, T + 1), None)
    losses = np.array([problem.gradient(problem.start, index) for index in shown])
    totals = losses.cumsum(axis=0)
    for before, loss in zip(totals[:-1], losses[1:], strict=True):
        leaders = np.flatnonzero(before == before.min())
        assert leaders.size == 1
        assert loss[leaders[0]] == 1
    assert (totals.max(axis=-1) <= np.arange(1, T + 1) / n + 1).all()
    # Following the second best loses next to nothing.
    second = [loss[np.argsort(before)[1]] for before, loss in zip(totals, losses[1:], strict=False)]
    assert sum(second) < T / 2


# Plain examples


def test_descent_on_the_quartic_is_slow_as_stated():
    alpha, k = 0.01, 5000
    record = run("quartic:dimension=3", "gradient-descent", f"constant:alpha={alpha}", k)
    start = 1 / np.arange(1, 4)
    # The next order of the step changes x by a relative log(k)/k.
    expected = 1 / np.sqrt(2 * alpha * k + start**-2)
    np.testing.assert_allclose(record.last_iterate[0], expected, rtol=1e-3)


def test_sign_steps_stop_at_another_point_of_the_ball():
    problem = find("linear-on-ball")
    x = problem.start
    for _ in range(50):
        x = problem.domain.project(x - 0.5 * np.sign(problem.gradient(x)))
    np.testing.assert_allclose(x, -np.ones(2) / sqrt(2), rtol=ROUNDING)
    assert value(problem, x) > problem.constant("minimum") + 0.05


@pytest.mark.parametrize(
    ("step", "start", "end"), [(0.019, -0.11, -0.1), (0.05, -0.2, 1.0), (1.9, 1.05, 1.0)]
)
def test_a_step_between_the_two_curvatures_leaves_only_the_sharp_minimum(step, start, end):
    """The sharp one repels for step > 2/100, the flat one attracts for step < 2."""
    record = run(
        f"sharp-and-flat:start={start}",
        "gradient-descent",
        f"constant:alpha={step}",
        3000,
        measures=[],
    )
    assert record.last_iterate[0, 0] == pytest.approx(end, abs=1e-9)
