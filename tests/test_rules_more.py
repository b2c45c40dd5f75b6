"""Sign methods and further adaptive rules: each against a loop over floats, and its laws."""

import math

import numpy as np
import pytest
from test_rules import GRADIENTS, START, STEPS, fed_run, path_of

import convergence.rule
from convergence import rules
from convergence.rule import Update
from convergence.simulation import run
from problems.arithmetic import maximum, ratio, sign, sqrt
from problems.notation import InputError
from problems.registry import Registry

SIZES = [0.1 / math.sqrt(t) for t in range(1, STEPS + 1)]

wrong = Registry("rule", convergence.rule._build)


def wrong_rule(**state):
    """Register in a private registry."""
    return lambda function: wrong.add(
        function, source="chen2023", common={"maximize": False}, state=state
    )


def agrees(path, hand):
    """A path is that of a loop over the floats of each coordinate."""
    expected = np.array(
        [hand(GRADIENTS[:, i].tolist(), float(START[i]), SIZES) for i in range(GRADIENTS.shape[1])]
    ).T
    np.testing.assert_allclose(path(GRADIENTS, START), expected, rtol=1e-11, atol=1e-11)


def disagrees(rule, hand):
    with pytest.raises(AssertionError, match="Mismatched"):
        agrees(path_of(rule), hand)


def signum_of(x):
    return (x > 0) - (x < 0)


# Sign descent, Signum, Lion


def hand_sign(beta1=0.0, weight_decay=0.0, decoupled=False):
    def hand(gradients, x, sizes):
        m, out = 0.0, []
        for g, size in zip(gradients, sizes, strict=True):
            shrunk = x - size * weight_decay * x if decoupled else x
            g = g if decoupled else g + weight_decay * x
            m = beta1 * m + (1 - beta1) * g
            x = shrunk - size * signum_of(m)
            out.append(x)
        return out

    return hand


def hand_lion(beta1=0.9, beta2=0.99, weight_decay=0.0):
    def hand(gradients, x, sizes):
        m, out = 0.0, []
        for g, size in zip(gradients, sizes, strict=True):
            c = beta1 * m + (1 - beta1) * g
            x -= size * (signum_of(c) + weight_decay * x)
            m = beta2 * m + (1 - beta2) * g
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize("decay", ["coupled", "decoupled"])
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_sign_methods_agree_with_a_loop_over_floats(decay, weight):
    settings = f"weight_decay={weight},decay={decay}"
    apart = decay == "decoupled"
    agrees(path_of(f"sign-descent:{settings}"), hand_sign(0.0, weight, apart))
    agrees(path_of(f"signum:beta1=0.8,{settings}"), hand_sign(0.8, weight, apart))


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.99), (0.95, 0.5)])
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_lion_agrees_with_a_loop_over_floats(beta1, beta2, weight):
    agrees(
        path_of(f"lion:beta1={beta1},beta2={beta2},weight_decay={weight}"),
        hand_lion(beta1, beta2, weight),
    )


@wrong_rule()
def soft_sign(g):
    """Rounds the corner of the sign off."""
    return (g / (abs(g) + 1e-3),)


@wrong_rule(m=0)
def signs_averaged(g, m, *, beta1=0.8):
    """Averages signs where Signum takes the sign of the average."""
    m = beta1 * m + (1 - beta1) * sign(g)
    return sign(m), m


@wrong_rule(m=0)
def late_lion(g, m, *, beta1=0.9, beta2=0.99):
    """Lion with the momentum renewed before the sign is taken."""
    m = beta2 * m + (1 - beta2) * g
    return sign(beta1 * m + (1 - beta1) * g), m


@wrong_rule(m=0)
def swapped_lion(g, m, *, beta1=0.99, beta2=0.9):
    """Lion with its two factors exchanged."""
    return sign(beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


def test_a_wrong_sign_method_is_caught():
    disagrees(wrong["soft-sign"](), hand_sign())
    disagrees(wrong["signs-averaged"](), hand_sign(0.8))
    disagrees(wrong["late-lion"](), hand_lion())
    disagrees(wrong["swapped-lion"](), hand_lion())
    disagrees("sign-descent:weight_decay=0.5", hand_sign(0.0, 0.5, True))


def steps_of(rule, gradients, start=(0.0,), schedule="constant:alpha=1"):
    path = fed_run(rule, [[g] for g in gradients], start, schedule)["iterate"][0, :, 0]
    return np.diff(path, prepend=start[0]).tolist()


def test_first_steps_of_the_sign_methods_by_hand():
    assert steps_of("signsgd", [3, 0, -0.25]) == [-1, 0, 1]
    # m = 2, 0, -1/2, 0
    assert steps_of("signum:beta1=0.5", [4, -2, -1, 0.5]) == [-1, 0, 1, 0]
    # c = 2, -1/2, -19/8 with m = 0, 1, 1/4, before the rounds
    assert steps_of("lion:beta1=0.5,beta2=0.75", [4, -2, -5]) == [-1, 1, 1]
    # Lion shrinks the iterate, not what the sign sees: 2 - (1 + 1/2 2), 0 - (-1), 1 - (1 + 1/2).
    assert steps_of("lion:beta1=0,weight_decay=0.5", [1, -1, 1], (2.0,)) == [-2, 1, -1.5]


SIGNS = [
    "sign-descent",
    "sign-descent:weight_decay=0.3,decay=decoupled",
    "signum",
    "signum:weight_decay=0.3,decay=decoupled",
    "lion",
    "lion:weight_decay=0.3",
]


def keeps_its_path_when_scaled(path, by):
    np.testing.assert_array_equal(path(GRADIENTS * by, START), path(GRADIENTS, START))


@pytest.mark.parametrize("rule", SIGNS)
def test_signs_do_not_see_the_scale_of_each_coordinate(rule):
    for by in (2.0**9, 2.0 ** np.array([-30, 4, 0, 11, -2])):
        keeps_its_path_when_scaled(path_of(rule), by)


def test_coupled_decay_and_a_soft_sign_see_the_scale():
    for rule in ("signum:weight_decay=0.3", wrong["soft-sign"]()):
        with pytest.raises(AssertionError):
            keeps_its_path_when_scaled(path_of(rule), 8.0)


@pytest.mark.parametrize("rule", ["sign-descent", "signum", "lion"])
def test_every_step_of_a_sign_method_has_the_size_of_the_step_size(rule):
    moved = np.abs(np.diff(path_of(rule)(GRADIENTS, START), axis=0, prepend=START[None]))
    np.testing.assert_allclose(moved, np.tile(SIZES, (5, 1)).T, rtol=1e-12)


def same(
    first, second, schedules=("inverse-sqrt:alpha=0.1",) * 2, gradients=GRADIENTS, start=START
):
    np.testing.assert_array_equal(
        path_of(first, schedules[0])(gradients, start),
        path_of(second, schedules[1])(gradients, start),
    )


def test_sign_methods_meet_where_their_factors_do():
    same("lion:beta1=0.7,beta2=0.7", "signum:beta1=0.7")
    same(
        "lion:beta1=0.7,beta2=0.7,weight_decay=0.1",
        "signum:beta1=0.7,weight_decay=0.1,decay=decoupled",
    )
    same("lion:beta1=0", "sign-descent")
    same("signum:beta1=0", "sign-descent")
    same("adamax:beta1=0,beta2=0", "sign-descent")
    with pytest.raises(AssertionError):
        same("lion:beta1=0.7,beta2=0.9", "signum:beta1=0.7")


# AdaGrad-norm


def adagrad_norm_by_hand(gradients, start, initial=0.0, weight_decay=0.0):
    s, x, out = initial, list(start), []
    for row, size in zip(gradients.tolist(), SIZES, strict=True):
        row = [g + weight_decay * p for g, p in zip(row, x, strict=True)]
        s += sum(g * g for g in row)
        x = [p - size * g / math.sqrt(s) for p, g in zip(x, row, strict=True)]
        out.append(x)
    return np.array(out)


def is_adagrad_norm(path, **settings):
    np.testing.assert_allclose(
        path(GRADIENTS, START),
        adagrad_norm_by_hand(GRADIENTS, START, **settings),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("initial", [0.0, 0.25, 1e4])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adagrad_norm_agrees_with_a_loop_over_floats(initial, weight_decay):
    settings = f"initial={initial},weight_decay={weight_decay}"
    is_adagrad_norm(path_of(f"adagrad-norm:{settings}"), initial=initial, weight_decay=weight_decay)


@wrong_rule(s="initial")
def late_sum(g, s, norm, *, initial=0.25):
    """Divides by the sum without the newest gradient."""
    n = norm(g)
    return ratio(g, sqrt(s)), s + n * n


def test_a_wrong_adagrad_norm_is_caught():
    for rule in (wrong["late-sum"](), "adagrad:initial=0.25,eps=0", "adagrad-norm:initial=0.5"):
        with pytest.raises(AssertionError):
            is_adagrad_norm(path_of(rule), initial=0.25)


def test_first_steps_of_adagrad_norm_by_hand():
    gradients = [[3.0, 4.0], [0.0, 0.0], [12.0, 0.0]]
    path = path_of("adagrad-norm", "constant:alpha=1")(gradients, [0.0, 0.0])
    expected = [[-3 / 5, -4 / 5], [-3 / 5, -4 / 5], [-3 / 5 - 12 / 13, -4 / 5]]
    np.testing.assert_allclose(path, expected, rtol=1e-15)
    still = path_of("adagrad-norm", "constant:alpha=1")([[0.0, 0.0]], [1.0, 2.0])
    assert still.tolist() == [[1.0, 2.0]]  # 0/0 is read as 0
    # b_0 = 4: b_1 = 5.
    assert steps_of("adagrad-norm:initial=16", [3, 0]) == pytest.approx([-3 / 5, 0], rel=1e-15)


def turns_with_the_axes(path):
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))
    np.testing.assert_allclose(
        path(GRADIENTS @ turn, START @ turn), path(GRADIENTS, START) @ turn, rtol=0, atol=1e-12
    )


def test_adagrad_norm_does_not_see_the_axes_and_adagrad_does():
    turns_with_the_axes(path_of("adagrad-norm:initial=0.1"))
    with pytest.raises(AssertionError):
        turns_with_the_axes(path_of("adagrad:initial=0.1,eps=0"))


def test_in_one_dimension_adagrad_norm_is_adagrad_to_the_bit():
    same(
        "adagrad-norm:initial=0.1",
        "adagrad:initial=0.1,eps=0",
        gradients=GRADIENTS[:, :1],
        start=START[:1],
    )
    by = ("inverse-sqrt:alpha=0.1", 60)
    for engine in ("number", "array"):
        one, other = (
            run("pl-sine", rule, *by, engine=engine)["iterate"]
            for rule in ("adagrad-norm", "adagrad:eps=0")
        )
        np.testing.assert_array_equal(one, other)


# AdaMax


def hand_adamax(beta1=0.9, beta2=0.999, eps=0.0, weight_decay=0.0):
    def hand(gradients, x, sizes):
        m = u = 0.0
        out = []
        for t, (g, size) in enumerate(zip(gradients, sizes, strict=True), start=1):
            g += weight_decay * x
            m = beta1 * m + (1 - beta1) * g
            u = max(beta2 * u, abs(g))
            x -= size / (1 - beta1**t) * m / (u + eps)
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta1": 0.5, "beta2": 0.8},
        {"beta2": 0.5, "eps": 0.01},
        {"beta2": 0.9, "weight_decay": 0.1},
    ],
)
def test_adamax_agrees_with_a_loop_over_floats(settings):
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    agrees(path_of(f"adamax:{written}" if written else "adamax"), hand_adamax(**settings))


@wrong_rule(m=0, u=0, power1=1)
def fading_adamax(g, m, u, power1, *, beta1=0.9, beta2=0.999):
    """Lets the newest gradient fade at once."""
    m = beta1 * m + (1 - beta1) * g
    u = beta2 * maximum(u, abs(g))
    power1 = beta1 * power1
    return ratio(m / (1 - power1), u), m, u, power1


def test_a_wrong_adamax_is_caught():
    disagrees(wrong["fading-adamax"](), hand_adamax())
    disagrees("adam:eps=0", hand_adamax())


def test_first_steps_of_adamax_by_hand():
    # m = 2, -1, 1/2; corrected 4, -4/3, 4/7; u = 4, 4, 2.
    got = steps_of("adamax:beta1=0.5,beta2=0.5", [4, -4, 2])
    assert got == pytest.approx([-1, 1 / 3, -2 / 7], rel=1e-15)
    assert steps_of("adamax", [0, 0]) == [0, 0]


# NAdam


def hand_nadam(beta1=0.9, beta2=0.999, eps=1e-8, momentum="rising", weight_decay=0.0, inside=False):
    """As Dozat writes it, with powers instead of running products."""

    def mu(t):
        return beta1 * (1 - 0.96 ** (t / 250) / 2) if momentum == "rising" else beta1

    def hand(gradients, x, sizes):
        m = v = 0.0
        out = []
        for t, (g, size) in enumerate(zip(gradients, sizes, strict=True), start=1):
            g += weight_decay * x
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            so_far = math.prod(mu(s) for s in range(1, t + 1))
            ahead = mu(t + 1) * m / (1 - so_far * mu(t + 1)) + (1 - mu(t)) * g / (1 - so_far)
            v_hat = v / (1 - beta2**t)
            x -= size * ahead / (math.sqrt(v_hat + eps) if inside else math.sqrt(v_hat) + eps)
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize("momentum", ["rising", "constant"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"beta1": 0.5, "beta2": 0.8}, {"eps": 0.1}, {"beta2": 0.9, "weight_decay": 0.1}],
)
def test_nadam_agrees_with_a_loop_over_floats(settings, momentum):
    settings = {**settings, "momentum": momentum}
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    agrees(path_of(f"nadam:{written}"), hand_nadam(**settings))


def test_nadam_takes_eps_inside_the_root_too():
    agrees(path_of("nadam:eps=0.1,eps_position=inside"), hand_nadam(eps=0.1, inside=True))


def test_first_step_of_nadam_by_hand():
    # m = 2, v_hat = 16; 1/2 2 / (1 - 1/4) + 1/2 4 / (1 - 1/2) = 4/3 + 4, over 4.
    got = steps_of("nadam:beta1=0.5,beta2=0.5,eps=0,momentum=constant", [4])
    assert got == pytest.approx([-4 / 3], rel=1e-15)
    assert steps_of("nadam:eps=0", [0, 0]) == [0, 0]
    with pytest.raises(InputError, match=r"momentum=falling of rule nadam is not accepted"):
        rules.find("nadam:momentum=falling")


@wrong_rule(m=0, v=0, power1=1, power2=1)
def early_nadam(g, m, v, power1, power2, *, beta1=0.9, beta2=0.999):
    """Corrects what is taken of the moment by this round's power, not the next one's."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    power1, power2 = beta1 * power1, beta2 * power2
    ahead = beta1 * m / (1 - power1) + (1 - beta1) * g / (1 - power1)
    return ahead / (sqrt(v / (1 - power2)) + 1e-8), m, v, power1, power2


def test_a_wrong_nadam_is_caught():
    disagrees(wrong["early-nadam"](), hand_nadam(momentum="constant"))
    disagrees("adam", hand_nadam(momentum="constant"))
    disagrees("nadam:momentum=constant", hand_nadam())
    # Without momentum there is nothing to look ahead for.
    same("nadam:beta1=0,momentum=constant", "adam:beta1=0")


def test_minus_zero_is_a_setting_like_zero():
    for rule in ("adam:beta1=-0.0", "adamax:beta1=-0.0", "nadam:beta1=-0.0,momentum=constant"):
        assert math.copysign(1.0, rules.find(rule).settings["beta1"]) == 1.0


# ADOPT


def hand_adopt(beta1=0.9, beta2=0.9999, eps=1e-6, clip="none", weight_decay=0.0):
    def hand(gradients, x, sizes):
        # The paper's counting: gradient 0 gives v_0, steps t = 1, 2, ... follow.
        v, m, out = (gradients[0] + weight_decay * x) ** 2, 0.0, [x]
        for t in range(1, len(gradients)):
            g = gradients[t] + weight_decay * x
            scaled = g / max(math.sqrt(v), eps)
            if clip == "fourth-root":
                scaled = max(-(t**0.25), min(t**0.25, scaled))
            m = beta1 * m + (1 - beta1) * scaled
            x -= sizes[t] * m
            v = beta2 * v + (1 - beta2) * g * g
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize("clip", ["none", "fourth-root"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta1": 0.0, "beta2": 0.5},
        {"beta1": 0.5, "beta2": 0.0, "eps": 0.5},
        {"beta2": 0.9, "weight_decay": 0.1},
    ],
)
def test_adopt_agrees_with_a_loop_over_floats(clip, settings):
    settings = {**settings, "clip": clip}
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    agrees(path_of(f"adopt:{written}"), hand_adopt(**settings))


@wrong_rule(m=0, v=0)
def dependent_adopt(g, m, v, *, beta1=0.9, beta2=0.5, eps=1e-6):
    """Scales by a second moment that has seen the gradient: RMSprop's order."""
    v = beta2 * v + (1 - beta2) * g * g
    m = beta1 * m + (1 - beta1) * g / maximum(sqrt(v), eps)
    return m, m, v


@wrong_rule(m=0, v=0)
def eager_adopt(g, m, v, *, beta1=0.9, beta2=0.5, eps=1e-6):
    """Steps in round 1 already, scaled by eps alone."""
    m = beta1 * m + (1 - beta1) * g / maximum(sqrt(v), eps)
    return m, m, beta2 * v + (1 - beta2) * g * g


def test_a_wrong_adopt_is_caught():
    for rule in (wrong["dependent-adopt"](), wrong["eager-adopt"](), "rmsprop:beta2=0.5"):
        disagrees(rule, hand_adopt(beta2=0.5))
    disagrees("adopt:beta2=0.5", hand_adopt(beta2=0.5, clip="fourth-root"))


def test_first_steps_of_adopt_by_hand():
    # v_0 = 4; scaled 6/2 = 3; v_1 = 2 + 18 = 20; scaled 10/sqrt(20).
    got = steps_of("adopt:beta1=0,beta2=0.5", [2, 6, -10])
    assert got == pytest.approx([0, -3, math.sqrt(5)], rel=1e-15)
    # Cut at 1 in the first step made, at 2**(1/4) in the second.
    cut = steps_of("adopt:beta1=0,beta2=0.5,clip=fourth-root", [2, 6, -10])
    assert cut == pytest.approx([0, -1, 2**0.25], rel=1e-15)
    assert steps_of("adopt:beta1=0,eps=0.5", [0, 1]) == [0, -2]


def last_step_is_linear_in_the_last_gradient(rule):
    steps = []
    for factor in (1.0, 4.0):
        gradients = GRADIENTS.copy()
        gradients[-1] *= factor
        path = fed_run(rule, gradients, START, "constant:alpha=1")["iterate"][0]
        steps.append(path[-1] - path[-2])
    np.testing.assert_allclose(steps[1], 4 * steps[0], rtol=1e-9)


def test_adopt_scales_a_gradient_by_what_came_before_it():
    last_step_is_linear_in_the_last_gradient("adopt:beta1=0,beta2=0.3")
    for rule in ("adam:beta1=0,beta2=0.3", "adopt:beta1=0,beta2=0.3,clip=fourth-root"):
        with pytest.raises(AssertionError):
            last_step_is_linear_in_the_last_gradient(rule)


# AdamNC


def hand_adamnc(beta1=0.9, eps=0.0, eps_position="outside", beta1_decay=1.0, weight_decay=0.0):
    def hand(gradients, x, sizes):
        m = total = 0.0
        out = []
        for t, (g, size) in enumerate(zip(gradients, sizes, strict=True), start=1):
            g += weight_decay * x
            beta1_t = beta1 * beta1_decay ** (t - 1)
            m = beta1_t * m + (1 - beta1_t) * g
            total += g * g
            v = total / t
            x -= size * m / (math.sqrt(v + eps) if eps_position == "inside" else math.sqrt(v) + eps)
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta1": 0.0},
        {"beta1": 0.5, "beta1_decay": 0.9, "eps": 0.01},
        {"eps": 0.01, "eps_position": "inside", "weight_decay": 0.1},
    ],
)
def test_adamnc_agrees_with_a_loop_over_floats(settings):
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    agrees(path_of(f"adamnc:{written}" if written else "adamnc"), hand_adamnc(**settings))


@wrong_rule(m=0, v=0)
def late_adamnc(g, m, v, t, *, beta1=0.9):
    """Counts the rounds from 2."""
    share = 1 / (t + 1)
    m = beta1 * m + (1 - beta1) * g
    v = (1 - share) * v + share * g * g
    return ratio(m, sqrt(v)), m, v


def test_a_wrong_adamnc_is_caught():
    disagrees(wrong["late-adamnc"](), hand_adamnc())
    disagrees("amsgrad", hand_adamnc())


def test_first_steps_of_adamnc_by_hand():
    # v = 9, 5, 11/3; m = 3/2, 5/4, 1/8
    got = steps_of("adamnc:beta1=0.5", [3, 1, -1])
    assert steps_of("adamnc:beta1=0.5", [0, 0]) == [0, 0]
    expected = [-1 / 2, -5 / 4 / math.sqrt(5), -1 / 8 / math.sqrt(11 / 3)]
    assert got == pytest.approx(expected, rel=1e-14)


def test_adamnc_without_momentum_is_adagrad():
    """With step sizes alpha / sqrt(t) against a constant alpha."""
    np.testing.assert_allclose(
        path_of("adamnc:beta1=0", "inverse-sqrt:alpha=0.1")(GRADIENTS, START),
        path_of("adagrad:eps=0", "constant:alpha=0.1")(GRADIENTS, START),
        rtol=1e-12,
        atol=1e-12,
    )


# AdamX


def hand_adamx(beta1=0.9, beta2=0.999, eps=0.0, beta1_decay=1.0, weight_decay=0.0):
    def hand(gradients, x, sizes):
        m = v = vhat = 0.0
        out = []
        for t, (g, size) in enumerate(zip(gradients, sizes, strict=True), start=1):
            g += weight_decay * x
            beta1_t, before = (beta1 * beta1_decay ** (s - 1) for s in (t, max(t - 1, 1)))
            m = beta1_t * m + (1 - beta1_t) * g
            v = beta2 * v + (1 - beta2) * g * g
            vhat = v if t == 1 else max(((1 - beta1_t) / (1 - before)) ** 2 * vhat, v)
            x -= size * m / (math.sqrt(vhat) + eps)
            out.append(x)
        return out

    return hand


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta1_decay": 0.9},
        {"beta1": 0.5, "beta1_decay": 0.5, "beta2": 0.5, "eps": 0.01},
        {"beta1_decay": 0.8, "beta2": 0.5, "weight_decay": 0.1},
    ],
)
def test_adamx_agrees_with_a_loop_over_floats(settings):
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    agrees(path_of(f"adamx:{written}" if written else "adamx"), hand_adamx(**settings))


@wrong_rule(m=0, v=0, vhat=0, decay_t=1, share=1)
def unsquared_adamx(g, m, v, vhat, decay_t, share, *, beta1=0.9, beta2=0.5, beta1_decay=0.8):
    """Weights the maximum by the ratio, not by its square."""
    beta1_t = beta1 * decay_t
    m = beta1_t * m + (1 - beta1_t) * g
    v = beta2 * v + (1 - beta2) * g * g
    vhat = maximum((1 - beta1_t) / share * vhat, v)
    state = (m, v, vhat, beta1_decay * decay_t, 1 - beta1_t)
    return Update(ratio(m, sqrt(vhat)), *state)


def test_a_wrong_adamx_is_caught():
    settings = {"beta2": 0.5, "beta1_decay": 0.8}
    disagrees(wrong["unsquared-adamx"](), hand_adamx(**settings))
    disagrees("amsgrad:beta2=0.5,beta1_decay=0.8", hand_adamx(**settings))


def test_first_steps_of_adamx_by_hand():
    # beta1_t = 1/2, 1/4, so the weight is (3/2)**2; m = 2, 5/4, 19/32 (beta1_3 = 1/8);
    # v = 8, 4.5, 2.375; vhat = 8, 18, 18 (7/6)**2 = 24.5.
    got = steps_of("adamx:beta1=0.5,beta1_decay=0.5,beta2=0.5", [4, 1, 0.5])
    expected = [-2 / math.sqrt(8), -5 / 4 / math.sqrt(18), -19 / 32 / math.sqrt(24.5)]
    assert got == pytest.approx(expected, rel=1e-14)


def test_with_a_constant_beta1_adamx_is_amsgrad_to_the_bit():
    same("adamx", "amsgrad")
    same("adamx:beta1=0,beta1_decay=0.5", "amsgrad:beta1=0")
    with pytest.raises(AssertionError):
        same("adamx:beta1_decay=0.9", "amsgrad:beta1_decay=0.9")


def weight_of_the_proof_never_falls(rule):
    vhat = fed_run(rule, GRADIENTS, START)["state_vhat"][0]
    beta1 = 0.9 * 0.8 ** np.arange(STEPS)[:, None]
    weight = np.sqrt(vhat) / (1 - beta1)
    assert (np.diff(weight, axis=0) >= -1e-14 * weight[1:]).all()


def test_what_the_proof_telescopes_never_falls_in_adamx_and_falls_in_amsgrad():
    weight_of_the_proof_never_falls("adamx:beta2=0.5,beta1_decay=0.8")
    for rule in ("amsgrad:beta2=0.5,beta1_decay=0.8", wrong["unsquared-adamx"]()):
        with pytest.raises(AssertionError):
            weight_of_the_proof_never_falls(rule)


# What they declare


@pytest.mark.parametrize(
    ("rule", "state", "memory", "driven"),
    [
        ("sign-descent", set(), 0, True),
        ("sign-descent:weight_decay=0.1,decay=decoupled", set(), 0, False),
        ("signum", {"m"}, 8, True),
        ("lion", {"m"}, 8, True),
        ("lion:weight_decay=0.1", {"m"}, 8, False),
        ("adagrad-norm", {"s"}, 0, True),
        ("adagrad-norm:weight_decay=0.1", {"s"}, 0, False),
        ("adamax", {"m", "u", "power1"}, 16, True),
        ("nadam", {"m", "v", "power2", "product", "fade"}, 16, True),
        ("nadam:momentum=constant", {"m", "v", "power2", "product"}, 16, True),
        ("adopt", {"m", "v"}, 16, True),
        ("adamnc", {"m", "v"}, 16, True),
        ("adamnc:beta1_decay=0.5", {"m", "v", "decay_t"}, 16, True),
        ("adamx", {"m", "v", "vhat"}, 24, True),
        ("adamx:beta1_decay=0.5", {"m", "v", "vhat", "decay_t", "share"}, 24, True),
    ],
)
def test_state_and_memory_of_a_rule(rule, state, memory, driven):
    found = rules.find(rule)
    assert set(found.state) == state
    assert found.bytes_per_parameter == memory
    assert found.history_driven is driven
    assert not found.returns_displacement


def test_decoupled_decay_leaves_what_the_sign_sees_alone():
    np.testing.assert_array_equal(
        fed_run("lion:weight_decay=0.1", GRADIENTS, START)["state_m"],
        fed_run("lion", GRADIENTS, START)["state_m"],
    )


def test_clip_takes_its_two_words():
    with pytest.raises(InputError, match=r"clip=fourth of rule adopt is not accepted"):
        rules.find("adopt:clip=fourth")
