"""The theorems since 2017: what attains them, that a smaller bound fails, where they are mute."""

from itertools import combinations

import numpy as np
import pytest
from test_claims_momentum import _fails, record_of, times_bound, with_bound, without

from convergence.claims import catalogue, judge
from convergence.schedule import find as find_schedule
from problems import find as find_problem
from problems.domain import WholeSpace
from problems.problem import Problem, exact

STEP = "inverse-smoothness"
FREE, FREED = "schedule-free", "defazio-2024-schedule-free"
KINK, FALLING = "constant:alpha=1/64", "linear-decay:alpha=63/4096"

POINT = "quadratic:kappa=1,dimension=1"
POLYAK, WHOLE = "polyak-step", "constant:alpha=1"

PLAIN = "normalized-momentum:beta1=0"
EXACT_MUON = "muon:nesterov=false,orthogonalization=polar,scale=none"
COLUMN = "matrix-quadratic:rows=4,columns=1,kappa_rows=1,kappa_columns=1"
NORMED = [f"cutkosky-mehta-2020{norm}" for norm in ("", "-signum", "-muon")]

# On ((W - 100)**2)/2 from 101 the first step ends at -101.
ENTRY = "matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1,optimum=100"
TOWARDS = "inverse:alpha=202,offset=1"
FRANK_WOLFE = {
    "jaggi-2013-decay": "normalized-momentum:beta1=0,weight_decay=1/101",
    "jaggi-2013-decay-sign": "sign-descent:decay=decoupled,weight_decay=1/101",
    "jaggi-2013-decay-muon": ("muon:beta1=0,orthogonalization=polar,scale=none,weight_decay=1/101"),
}

SHORT = "constant:alpha=0.1"
CLIPPED = "clipped-gradient"
BIAS, LEAST, SIGN = (f"koloskova-2023-{name}" for name in ("clipping", "clipping-least", "sign"))

RESHUFFLED, PULLED = "mishchenko-2020-reshuffling", "shuffled-parabolas"

# Claim, run, the ratio that is attained and at which round.
WITNESSES = [
    (LEAST, ("two-point-noise", CLIPPED, SHORT, 7, 40), 1, None),
    (
        LEAST,
        ("two-point-noise:p=16/41,sigma=2,start=0.8", f"{CLIPPED}:clip_norm=1.25", SHORT, 3, 40),
        1,
        None,
    ),
    *(
        (key, (problem, rule, TOWARDS, 30), (201 / 202) ** 2, 1)
        for key, rule in FRANK_WOLFE.items()
        for problem in (ENTRY, f"{ENTRY},L=3")
    ),
    (NORMED[0], ("quadratic:kappa=1,dimension=4", PLAIN, "constant:alpha=1/32", 64), 1, 64),
    (NORMED[0], (f"{COLUMN},L=3", PLAIN, "constant:alpha=1/32", 64), 1, 64),
    (NORMED[1], ("quadratic:kappa=1,dimension=4", "signum:beta1=0", KINK, 64), 1, 64),
    (NORMED[2], (COLUMN, f"{EXACT_MUON},beta1=0", "constant:alpha=1/32", 64), 1, 64),
    *(
        ("polyak-1969-lipschitz", (f"resisting-maximum:{how}", POLYAK, WHOLE, 120), 1, at)
        for how, at in (("N=99", 100), ("N=24,G=2,D=5", 25), ("N=1", 2))
    ),
    *(
        (f"polyak-1969-{key}", (problem, POLYAK, f"constant:alpha={alpha}", 60), 1, None)
        for key in ("smooth", "strongly-convex")
        for problem, alpha in ((POINT, 1), (POINT, 2 / 3), ("quadratic:kappa=1,L=0.3", 1.5))
    ),
    (FREED, ("absolute-value", FREE, KINK, 90), 1, 63),
    (
        FREED,
        ("absolute-value:start=5", FREE, "constant:alpha=1/4", 40),
        1,
        19,
    ),
    *(
        (
            FREED,
            ("resisting-maximum:N=24", f"{FREE}:interpolation={b}", "constant:alpha=0.2", 30),
            1,
            24,
        )
        for b in (0, 0.3, 1)
    ),
    (RESHUFFLED, (PULLED, "sgd", WHOLE, 18, 40), 1, None),
    (RESHUFFLED, (f"{PULLED}:n=4,L=3,mu=3,sigma=2", "sgd", "constant:alpha=1/3", 12, 40), 1, None),
    ("zamani-glineur-2023", ("absolute-value", "sgd", FALLING, 63), 1, 63),
    ("zamani-glineur-2023", ("absolute-value:start=3", "sgd", "linear-decay:alpha=3/4", 1), 1, 1),
    (
        "altschuler-parrilo-2023-silver",
        ("huber-worst:N=2,h=0.7071067811865476", "sgd", "silver", 1),
        0.719234425,
        1,
    ),
    (
        "altschuler-parrilo-2023-silver",
        ("huber-worst:N=14,h=0.9336476557204032", "sgd", "silver", 7),
        0.535860270,
        7,
    ),
]


@pytest.mark.parametrize(("key", "parts", "ratio", "at"), WITNESSES)
def test_the_ratio_on_the_witness_and_a_bound_beyond_it(key, parts, ratio, at):
    claim, record = catalogue[key](), record_of(*parts)
    verdict = judge(claim, record)
    assert verdict.holds, verdict.reason
    assert verdict.ratio == pytest.approx(ratio, abs=1e-9)
    assert at is None or verdict.closest == at

    beyond = 0.95 * ratio
    broken = judge(times_bound(claim, beyond if claim.sense == "at most" else 1 / beyond), record)
    assert broken.word == "violated"
    assert at is None or broken.first_violation <= at


def test_every_claim_of_the_family_has_a_witness():
    files = ("convergence.claims.recent", "convergence.claims.normalized")
    mine = {e.key for e in catalogue if e.function.__module__ in files}
    # Of limits see below.
    assert mine == {key for key, *_ in WITNESSES} | {BIAS, SIGN}


# Polyak's step


def quadratic(k):
    """(x**2 + k y**2) / 2 from the point where Polyak's step contracts least."""
    weights = np.array([1.0, k])
    return Problem(
        formula="(x**2 + k y**2) / 2",
        domain=WholeSpace(),
        start=np.sqrt(np.array([k, 1.0])),
        loss_formula=lambda x, sample: (weights * x * x).sum(axis=-1) / 2,
        gradient_formula=lambda x, sample: weights * x,
        constants={
            "L": exact(1.0),
            "mu": exact(k),
            "minimum": exact(0.0),
            "minimizer": exact(np.zeros(2)),
        },
        tags=("convex",),
    )


def bent(k):
    """Curved by k up to 1/(1 + sqrt(k)), and by 1 beyond, from 1."""
    kink = 1 / (1 + k**0.5)

    def loss(x, sample):
        beyond = np.maximum(abs(x) - kink, 0)
        return k * x * x / 2 + (1 - k) * beyond**2 / 2

    return Problem(
        formula="a parabola that bends upwards",
        domain=WholeSpace(),
        start=np.array([1.0]),
        scalar=True,
        loss_formula=loss,
        gradient_formula=lambda x, sample: (
            k * x + (1 - k) * np.sign(x) * np.maximum(abs(x) - kink, 0)
        ),
        constants={
            "L": exact(1.0),
            "mu": exact(k),
            "minimum": exact(0.0),
            "minimizer": exact([0.0]),
        },
        tags=("convex",),
    )


@pytest.mark.parametrize(
    ("problem", "k", "alpha"),
    [
        *((quadratic, k, alpha) for k, alpha in ((0.1, 1), (0.02, 0.5), (0.3, 1.5), (0.9, 2))),
        *((bent, k, alpha) for k, alpha in ((0.5, 1), (0.8, 1), (0.7, 0.5), (0.95, 1.3))),
    ],
)
def test_one_round_attains_the_contraction_of_polyaks_step(problem, k, alpha):
    claim = catalogue["polyak-1969-strongly-convex"]()
    record = record_of(problem(k), POLYAK, f"constant:alpha={alpha}", 1)
    verdict = judge(claim, record)
    assert (verdict.word, verdict.closest) == ("holds", 1)
    assert verdict.ratio == pytest.approx(1, abs=1e-9)
    assert judge(times_bound(claim, 0.99), record).word == "violated"


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("k", [0.01, 0.2, 0.5, 0.9])
def test_no_gradient_that_interpolation_allows_contracts_less(k, alpha):
    """L = 1 and a distance of 1: p = g.(x - x*), u = ||g||**2, and the least gap."""
    p, share = np.meshgrid(np.linspace(k, 1, 2001), np.linspace(0, 1, 101))
    u = p * p + share * ((1 + k) * p - k - p * p)
    gap = (u + k - 2 * k * p) / (2 * (1 - k))
    assert (gap <= p / 2 + 1e-12).all()
    after = 1 - alpha * gap * (2 * p - alpha * gap) / u
    square = of("polyak-1969-strongly-convex", 2, L=1.0, mu=k, R0=1.0, alpha=alpha)
    assert after.max() == pytest.approx(square, rel=1e-4)
    assert after.max() <= square * (1 + 1e-12)


# Steps of a fixed length


@pytest.mark.parametrize("b", [0.0, 0.3, 0.9])
def test_the_moving_average_is_a_mean_of_this_age_and_noise(b):
    """The closed forms of the bound beside the weights (1 - b) b**k / (1 - b**t) themselves."""
    L, D0, alpha, sigma, n, T = 2.0, 3.0, 0.1, 0.7, 5, 30
    ages, noises = [], []
    for t in range(1, T + 1):
        weights = (1 - b) * b ** np.arange(float(t)) / (1 - b**t)
        assert weights.sum() == pytest.approx(1)
        ages.append(weights @ np.arange(t))
        noises.append(np.sqrt(weights @ weights))
    given = {"D0": D0, "alpha": alpha, "beta1": b, "sigma2": sigma**2}

    def by_hand(smooth, times):
        moved = smooth * alpha * np.array(ages) + times * sigma * np.array(noises)
        return D0 / (alpha * T) + smooth * alpha / 2 + 2 * moved.mean()

    assert of(NORMED[0], T, L=L, **given) == pytest.approx(by_hand(L, 1), rel=1e-12)
    assert of(NORMED[1], T, L=L, n=n, **given) == pytest.approx(by_hand(n * L, n**0.5), rel=1e-12)
    muon = of(NORMED[2], T, L_spectral=L, shorter_sides=3, **given)
    assert muon == pytest.approx(by_hand(L, 3**0.5), rel=1e-12)
    late = of(NORMED[0], 10**6, L=L, **given)
    limit = L * alpha / 2 + 2 * (L * alpha * b / (1 - b) + sigma * ((1 - b) / (1 + b)) ** 0.5)
    assert late == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize("beta1", [0, 0.5, 0.9])
def test_on_a_column_and_in_one_dimension_the_three_methods_and_bounds_are_one(beta1):
    column = [
        judge(key, record_of(COLUMN, f"{rule}beta1={beta1}", "constant:alpha=0.05", 100))
        for key, rule in (
            (NORMED[0], "normalized-momentum:"),
            (NORMED[2], f"{EXACT_MUON},"),
        )
    ]
    line = [
        judge(key, record_of(POINT, f"{rule}:beta1={beta1}", "constant:alpha=0.05", 100))
        for key, rule in ((NORMED[0], "normalized-momentum"), (NORMED[1], "signum"))
    ]
    for one, other in (column, line):
        assert one.bound == pytest.approx(other.bound, rel=1e-12) or one.closest != other.closest
        assert one.ratio == pytest.approx(other.ratio, rel=0.02)


def test_the_gap_of_the_method_of_frank_and_wolfe_by_its_recursion():
    """b_{t+1} = (1 - c) b_t + 2 L c**2 / w**2 with c = 2/(t + 1), and below the printed bound."""
    gap, L, w = 0.0, 3.0, 0.5
    for t in range(1, 200):
        c = 2 / (t + 1)
        gap = (1 - c) * gap + 2 * L * c**2 / w**2
        found = of("jaggi-2013-decay", t, L=L, weight_decay=w)
        assert found == pytest.approx(gap, rel=1e-12)
        assert found == of("jaggi-2013-decay-sign", t, L=L / 4, n=4.0, weight_decay=w)
        assert found == of("jaggi-2013-decay-muon", t, L_spectral=L, weight_decay=w)
        assert found <= 8 * L / (w**2 * (t + 2))
    assert found > 0.95 * 8 * L / (w**2 * (t + 2))


# Where clipping and signs come to rest


def clipped_mean(values, chances, shift, clip):
    return chances @ np.clip(values + shift, -clip, clip)


def rest(values, chances, clip):
    """The shift at which the clipped values have the mean 0, by halving."""
    low, high = -values.max() - clip, -values.min() + clip
    for _ in range(100):
        middle = (low + high) / 2
        if clipped_mean(values, chances, middle, clip) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def test_no_law_of_its_variance_is_further_from_0_where_its_clipped_mean_is_0():
    random = np.random.default_rng(7)
    closest = 0.0
    for _ in range(3000):
        k = random.integers(2, 6)
        values, chances = random.normal(size=k), random.dirichlet(np.ones(k) * 0.4)
        clip = 10 ** random.uniform(-1.5, 1)
        mean = chances @ values + rest(values, chances, clip)
        variance = chances @ (values - chances @ values) ** 2
        bound = of(BIAS, 1, sigma2=variance, clip_norm=clip)
        assert abs(mean) <= bound * (1 + 1e-9) + 1e-12
        assert abs(mean) <= of(SIGN, 1, sigma2=variance) * (1 + 1e-9) + 1e-12
        closest = max(closest, abs(mean) / bound)
    assert closest > 0.99


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1.9])
def test_two_values_attain_the_bias_of_clipping(sigma):
    r2 = (sigma / 2) ** 2
    p = r2 / (1 + r2)
    values = sigma * np.array([((1 - p) / p) ** 0.5, -((p / (1 - p)) ** 0.5)])
    chances = np.array([p, 1 - p])
    assert chances @ values == pytest.approx(0, abs=1e-12)
    assert rest(values, chances, 1.0) == pytest.approx(
        of(BIAS, 1, sigma2=sigma**2, clip_norm=1.0), rel=1e-9
    )


def test_the_bias_of_clipping_has_two_branches_that_meet():
    assert of(BIAS, 1, sigma2=1.0, clip_norm=1.0) == 1 / 4
    assert of(BIAS, 1, sigma2=4.0, clip_norm=1.0) == pytest.approx(1)
    assert of(BIAS, 1, sigma2=9.0, clip_norm=1.0) == 2
    assert of(BIAS, 1, sigma2=9.0, clip_norm=1e-9) == pytest.approx(of(SIGN, 1, sigma2=9.0))


def test_a_share_of_the_bias_disagrees_with_a_run():
    for key, parts, share in (
        (BIAS, ("two-point-noise:start=3", CLIPPED, "inverse:alpha=10", 1_000_000), 0.5),
        (SIGN, ("two-point-noise:p=0.45,start=3", "signsgd", "inverse:alpha=3", 100_000), 0.8),
    ):
        record = record_of(*parts)
        assert judge(key, record).word in ("agrees", "unclear")
        assert judge(times_bound(catalogue[key](), share), record).word == "disagrees"


# Formulas


def of(key, T, **letters):
    return catalogue[key].function(np.array([float(T)]), **letters)[0]


@pytest.mark.parametrize("N", [1, 2, 7, 100])
def test_at_the_printed_step_sizes_the_printed_bounds_come_out(N):
    G, R0 = 3.0, 0.7
    alpha = R0 * N / (G * (N + 1) ** 1.5)
    last = of(
        "zamani-glineur-2023",
        N,
        R0=R0,
        alpha=alpha,
        second_moment=G**2,
        horizon=N,
        alpha_square_sum=0.0,
    )
    assert last == pytest.approx(G * R0 / (N + 1) ** 0.5, rel=1e-12)
    free = of(FREED, N, R0=R0, alpha=R0 / (G * (N + 1) ** 0.5), second_moment=G**2)
    assert free == pytest.approx(G * R0 / (N + 1) ** 0.5, rel=1e-12)


def test_before_its_last_step_linear_decay_has_no_rate():
    """At half of the steps the bound for the last of them is false."""

    def too_early(T, R0, alpha, second_moment, horizon, alpha_square_sum):
        """The bound of the last step, for every step."""
        c = alpha * (horizon + 1) / horizon
        return R0**2 / (2 * c * (horizon + 1)) + c * second_moment / 2

    claim = with_bound(catalogue["zamani-glineur-2023"](), too_early)
    record = record_of("absolute-value", "sgd", FALLING, 63)
    assert judge(claim, record).first_violation == 1
    assert judge("zamani-glineur-2023", record).holds


def test_silver_steps_are_a_palindrome_around_their_longest():
    rounds = np.arange(1, 128)
    sizes = find_schedule("silver").step_sizes(rounds, find_problem("huber-worst"), 127)
    rho = 1 + 2**0.5
    np.testing.assert_allclose(sizes[:7], [2**0.5, 2, 2**0.5, 2 + 2**0.5, 2**0.5, 2, 2**0.5])
    np.testing.assert_array_equal(sizes, sizes[::-1])
    for k in range(1, 8):
        assert sizes[: 2**k - 1].sum() == pytest.approx(rho**k - 1, rel=1e-12)
    assert sizes[63] == pytest.approx(1 + rho**5, rel=1e-12)


def test_silver_steps_outrun_every_constant_step_size():
    """Of those below 2/L the best is just above 1 / (8 T)."""
    key, letters = "altschuler-parrilo-2023-silver", {"R0": 1.0, "alpha": 2**0.5}
    assert of(key, 4095, **letters) < 0.5 / (8 * 4095)
    assert of(key, 4094, **letters) == np.inf


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_the_bound_on_reshuffling_is_the_sum_of_its_proof(alpha):
    """Epoch by epoch, round by round."""
    n, L, mu, s = 4, 1.0, 0.5, 2.0
    square = 9.0
    for epoch in range(1, 4):
        for i in range(n):
            drawn = alpha**2 * i * (n - i) / (n - 1) * s
            square = (1 - alpha * mu) * square + 2 * alpha * L / 2 * drawn
        letters = {"L_max": L, "mu_min": mu, "sigma_star2": s, "epoch": float(n)}
        found = of(RESHUFFLED, epoch * n, R0=3.0, alpha=alpha, **letters)
        assert found == pytest.approx(square, rel=1e-12)
        assert of(RESHUFFLED, epoch * n - 1, R0=3.0, alpha=alpha, **letters) == np.inf


def test_a_sum_of_some_of_all_vectors_has_the_mean_square_of_the_proof():
    vectors = np.random.default_rng(3).normal(size=(5, 2))
    vectors -= vectors.mean(axis=0)
    s = (vectors**2).sum(axis=1).mean()
    for i in range(6):
        sums = [vectors[list(some)].sum(axis=0) for some in combinations(range(5), i)]
        assert np.mean([(v**2).sum() for v in sums]) == pytest.approx(
            i * (5 - i) / 4 * s, abs=1e-12
        )


def test_drawing_with_replacement_breaks_the_bound_on_reshuffling():
    record = record_of(f"{PULLED}:order=independent", "sgd", "constant:alpha=0.5", 9, 40)
    claim = without(catalogue[RESHUFFLED](), "fresh order")
    assert judge(claim, record).word == "violated"


def test_other_methods_and_steps_break_the_bounds():
    for key, words, parts in (
        (RESHUFFLED, ("method",), (PULLED, "sgd:maximize=true", WHOLE, 9, 4)),
        (RESHUFFLED, ("alpha <=",), (PULLED, "sgd", "constant:alpha=1.9", 9, 4)),
        *(
            (
                key,
                ("start and minimiser",),
                (ENTRY, rule.replace("1/101", "0.1"), "inverse:alpha=20,offset=1", 30),
            )
            for key, rule in FRANK_WOLFE.items()
        ),
        (LEAST, ("the start",), ("two-point-noise:p=0.5", CLIPPED, SHORT, 7, 40)),
        (NORMED[0], ("method",), ("huber-worst:N=1", f"{PLAIN},maximize=true", KINK, 200)),
        (NORMED[1], ("method",), ("huber-worst:N=1", "signum:beta1=0,maximize=true", KINK, 200)),
        (NORMED[2], ("method",), ("matrix-quadratic", f"{EXACT_MUON},maximize=true", WHOLE, 60)),
        (FREED, ("method",), ("absolute-value", f"{FREE}:maximize=true", KINK, 90)),
        (
            "zamani-glineur-2023",
            ("method",),
            ("absolute-value", "sgd:maximize=true", FALLING, 63),
        ),
        (
            "altschuler-parrilo-2023-silver",
            ("alpha_1",),
            ("quadratic:kappa=1,dimension=1", "sgd", "silver:h=1.5", 7),
        ),
        (
            "altschuler-parrilo-2023-silver",
            ("step sizes",),
            ("huber-worst:N=63", "sgd", STEP, 63),
        ),
        (
            "polyak-1969-lipschitz",
            ("method",),
            ("resisting-maximum:N=24", "sgd", WHOLE, 60),
        ),
        ("polyak-1969-smooth", ("method",), (f"{POINT},L=0.01", "sgd", WHOLE, 60)),
        ("polyak-1969-smooth", ("alpha",), ("huber-worst", POLYAK, "constant:alpha=3.9", 60)),
        ("polyak-1969-strongly-convex", ("method",), (f"{POINT},L=0.01", "sgd", WHOLE, 60)),
        (
            "polyak-1969-strongly-convex",
            ("alpha",),
            ("kim-2024:N=1", POLYAK, "constant:alpha=3", 9),
        ),
    ):
        claim = without(catalogue[key](), *words)
        assert judge(claim, record_of(*parts)).word == "violated", key


# Where they do not speak

NOT_APPLICABLE = [
    *(
        (RESHUFFLED, parts, named)
        for parts, named in (
            ((f"{PULLED}:order=independent", "sgd", WHOLE), "fresh order"),
            (("two-point-noise", "sgd", WHOLE), "rounds are not reshuffled"),
            ((POINT, "sgd", WHOLE), "nothing is drawn"),
            (("zhang-2022", "sgd", WHOLE), "states no mu_min"),
            (("shi-2021:order=reshuffled", "sgd", WHOLE), "states no mu_min"),
            (("absolute-value", "sgd", WHOLE), "nothing is drawn"),
            ((PULLED, "sgd", "constant:alpha=1.01"), "alpha <= 1/L_max"),
            ((PULLED, "sgd", "inverse:alpha=1"), "constant"),
            ((PULLED, "adam", WHOLE), "method"),
        )
    ),
    *(
        (key, (problem, rule, schedule), named)
        for key, right in ((BIAS, CLIPPED), (SIGN, "signsgd"))
        for problem, rule, schedule, named in (
            ("noisy-quadratic", right, "inverse:alpha=1", "there are 2"),
            ("two-point-noise", right, SHORT, "sum alpha_t**2"),
            ("two-point-noise", "sgd", "inverse:alpha=1", "method"),
            ("absolute-value", right, "inverse:alpha=1", "states no mu"),
        )
    ),
    (BIAS, ("two-point-noise", f"{CLIPPED}:clip_norm=0", "inverse:alpha=1"), "clip_norm=0"),
    (LEAST, ("two-point-noise", f"{CLIPPED}:clip_norm=0", SHORT), "clip_norm=0"),
    (LEAST, ("noisy-quadratic", CLIPPED, SHORT), "the problem is noisy-quadratic"),
    (LEAST, ("two-point-noise", "sgd", SHORT), "method"),
    (LEAST, ("two-point-noise:start=1", CLIPPED, SHORT), "the start is 1, not 0.25"),
    (LEAST, ("two-point-noise:p=0.3", CLIPPED, SHORT), "p / (1-p) is 0.428571, not 0.25"),
    (LEAST, ("two-point-noise", CLIPPED, "constant:alpha=0.2"), "it may come 1 far"),
    *(
        (key, (problem, rule.replace("1/101", decay), schedule), named)
        for key, rule in FRANK_WOLFE.items()
        for problem, decay, schedule, named in (
            (ENTRY, "0.1", "inverse:alpha=20,offset=1", "norm of the start is 101 > 10"),
            (ENTRY, "1/101", "inverse:alpha=202", "alpha_1 is 202, not 101"),
            (ENTRY, "0", "inverse:alpha=202,offset=1", "weight_decay > 0"),
            ("absolute-value", "1/101", TOWARDS, "L-smooth"),
        )
    ),
    *((key, (ENTRY, "lion:weight_decay=1/101", TOWARDS), "method") for key in FRANK_WOLFE),
    (NORMED[0], ("quadratic", f"{PLAIN},weight_decay=0.1", KINK), "weight_decay=0.1"),
    (NORMED[0], ("quadratic", PLAIN, "inverse:alpha=1"), "constant"),
    (NORMED[0], ("parabola-on-interval", PLAIN, KINK), "whole space"),
    (NORMED[0], ("absolute-value", PLAIN, KINK), "L-smooth"),
    (NORMED[1], ("quadratic", "signum:decay=decoupled,weight_decay=1", KINK), "weight_decay=1"),
    (NORMED[1], ("quadratic", "signum", "inverse:alpha=1"), "constant"),
    (NORMED[1], ("absolute-value", "signum", KINK), "L-smooth"),
    (NORMED[2], ("quadratic", EXACT_MUON, KINK), "states no L_spectral"),
    (NORMED[2], ("matrix-quadratic", PLAIN, KINK), "method"),
    (NORMED[2], ("matrix-quadratic", "muon:nesterov=false,scale=none", KINK), "quintic"),
    (NORMED[2], ("matrix-quadratic", EXACT_MUON, "inverse:alpha=1"), "constant"),
    (NORMED[2], ("absolute-value", EXACT_MUON, KINK), "L-smooth"),
    ("polyak-1969-lipschitz", ("resisting-maximum", POLYAK, "constant:alpha=2"), "alpha < 2"),
    ("polyak-1969-lipschitz", ("resisting-maximum", POLYAK, "inverse:alpha=1"), "constant"),
    ("polyak-1969-lipschitz", ("quadratic", POLYAK, WHOLE), "states no G"),
    *(
        (f"polyak-1969-{key}", parts, named)
        for key in ("lipschitz", "smooth", "strongly-convex")
        for parts, named in (
            ((POINT if key != "lipschitz" else "absolute-value", "sgd", WHOLE), "the run used"),
            (("pl-sine", POLYAK, WHOLE), "convex"),
        )
    ),
    ("polyak-1969-smooth", (POINT, POLYAK, "constant:alpha=2.1"), "alpha <= 2"),
    ("polyak-1969-smooth", ("resisting-maximum", POLYAK, WHOLE), "L-smooth"),
    ("polyak-1969-smooth", ("parabola-on-interval", POLYAK, WHOLE), "whole space"),
    ("polyak-1969-smooth", (POINT, POLYAK, "inverse:alpha=1"), "constant"),
    ("polyak-1969-strongly-convex", (POINT, POLYAK, "constant:alpha=2.1"), "alpha <= 2"),
    ("polyak-1969-strongly-convex", ("huber-worst", POLYAK, WHOLE), "states no mu"),
    ("polyak-1969-strongly-convex", ("nesterov-worst-nonsmooth", POLYAK, WHOLE), "L-smooth"),
    ("polyak-1969-strongly-convex", (POINT, POLYAK, "inverse:alpha=1"), "constant"),
    (FREED, ("noisy-quadratic", FREE, KINK), "states no G"),
    (FREED, ("single-feature-hinge", FREE, KINK), "whole space"),
    (FREED, ("absolute-value", "primal-averaging", KINK), "method"),
    (FREED, ("absolute-value", FREE, "inverse:alpha=1"), "constant"),
    ("zamani-glineur-2023", ("absolute-value", "sgd", KINK), "linear-decay"),
    ("zamani-glineur-2023", ("absolute-value", "sgd", f"{FALLING},warmup=3"), "warmup=3"),
    ("zamani-glineur-2023", ("absolute-value", "heavy-ball", FALLING), "method"),
    ("altschuler-parrilo-2023-silver", ("quadratic", "sgd", "silver:h=1.1"), "alpha_1"),
    ("altschuler-parrilo-2023-silver", ("quadratic", "sgd", STEP), "silver"),
    ("altschuler-parrilo-2023-silver", ("quadratic", "heavy-ball", "silver"), "method"),
    ("altschuler-parrilo-2023-silver", ("absolute-value", "sgd", "constant:alpha=1"), "L-smooth"),
]


@pytest.mark.parametrize(("key", "parts", "named"), NOT_APPLICABLE)
def test_a_claim_names_the_assumption_that_fails(key, parts, named):
    verdict = judge(key, record_of(*parts, 5))
    assert verdict.word == "not applicable"
    assert named in verdict.reason


#: Shared assumptions that other tests see fail.
_SHARED = (
    *("the losses are", "the domain", "a minimiser", "the objective is bounded below"),
    *("given the past", "gradients are", "E||g"),
)


def test_every_assumption_of_the_family_is_seen_to_fail():
    settings = {}
    for key, parts, _ in NOT_APPLICABLE:
        record = record_of(*parts, 1)
        experiment = record.experiment
        settings.setdefault(key, []).append(experiment)
    unseen = [
        (key, assumption.statement)
        for key in {key for key, *_ in WITNESSES}
        for assumption in catalogue[key]().assumptions
        if not assumption.statement.startswith(_SHARED)
        and not any(_fails(assumption, s) for s in settings[key])
    ]
    assert unseen == []
