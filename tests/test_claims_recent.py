"""The theorems since 2017: what attains them, that a smaller bound fails, where they are mute."""

import numpy as np
import pytest
from test_claims_momentum import record_of, times_bound, with_bound, without

from convergence.claim import Setting
from convergence.claims import catalogue, judge
from convergence.schedule import find as find_schedule
from problems import find as find_problem

STEP = "inverse-smoothness"
FREE, FREED = "schedule-free", "defazio-2024-schedule-free"
KINK, FALLING = "constant:alpha=1/64", "linear-decay:alpha=63/4096"

# Claim, run, the ratio that is attained and at which round.
WITNESSES = [
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
    assert verdict.word in ("holds", "vacuous"), verdict.reason
    assert verdict.ratio == pytest.approx(ratio, abs=1e-9)
    assert at is None or verdict.closest == at

    beyond = 0.95 * ratio
    broken = judge(times_bound(claim, beyond if claim.sense == "at most" else 1 / beyond), record)
    assert broken.word == "violated"
    assert at is None or broken.first_violation <= at


def test_every_claim_of_the_family_has_a_witness():
    mine = {e.key for e in catalogue if e.function.__module__ == "convergence.claims.recent"}
    assert mine == {key for key, *_ in WITNESSES}


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
    assert judge("zamani-glineur-2023", record).word == "holds"


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


def test_other_methods_and_steps_break_the_bounds():
    for key, words, parts in (
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
    ):
        claim = without(catalogue[key](), *words)
        assert judge(claim, record_of(*parts)).word == "violated", key


# Where they do not speak

NOT_APPLICABLE = [
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
_SHARED = ("the losses are", "the domain", "a minimiser", "given the past", "gradients are", "E||g")


def test_every_assumption_of_the_family_is_seen_to_fail():
    settings = {}
    for key, parts, _ in NOT_APPLICABLE:
        record = record_of(*parts, 1)
        setting = Setting(record.problem, record.rule, record.schedule, record.steps)
        settings.setdefault(key, []).append(setting)
    unseen = [
        (key, assumption.statement)
        for key in {key for key, *_ in WITNESSES}
        for assumption in catalogue[key]().assumptions
        if not assumption.statement.startswith(_SHARED)
        and not any(assumption.fails(s) for s in settings[key])
    ]
    assert unseen == []
