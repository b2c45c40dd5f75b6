"""Identities of adaptive methods: what they leave unchanged, what they equal, where they stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy import sqrt

from convergence import rules, schedule
from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    constant_step,
    exact_gradients,
    first_step,
    inverse,
    one_of,
    settings_obey,
    step,
    step_size,
    the_problem,
    the_rule,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = [
    "adam_first_moment_least",
    "adam_first_moment_most",
    "adam_scale_invariance",
    "adam_second_moment_least",
    "adam_second_moment_most",
    "decoupled_decay_as_penalty",
    "decoupled_decay_is_no_penalty",
    "momentum_threshold_above",
    "momentum_threshold_below",
    "wilson_2017_adaptive_fresh",
    "wilson_2017_descent_fresh",
    "wilson_2017_lemma31",
]


# Which interpolant a method finds (Wilson et al.)

_by_signs = one_of(
    "the method is AdaGrad, RMSprop, Adam or AMSGrad without eps",
    ("adagrad", "adam", "amsgrad", "rmsprop"),
    eps=0.0,
    initial=0.0,
)


def _on_the_line(experiment: Experiment) -> Experiment:
    """The same method on gradients that are made multiples of sign(X'y)."""
    problem = experiment.problem
    assert problem.gradient_formula is not None
    gradient, first = problem.gradient_formula, -problem.objective_gradient(problem.start)
    shares = np.divide(1.0, first, out=np.zeros_like(first), where=first != 0)

    def made(w: Any, sample: Any) -> Any:
        multiple = (gradient(w, sample) * shares).sum(axis=-1) / np.count_nonzero(first)
        return multiple[..., None] * np.sign(first)

    return experiment.changed(problem=replace(problem, gradient_formula=made))


@claim(
    source="wilson2017, Lemma 3.1",
    tags=("implicit-bias", "adaptive"),
    measure="difference",
    twin=_on_the_line,
    assumes=[the_problem("wilson-2017"), exact_gradients, _by_signs],
    cases="""
        holds
            wilson-2017  adagrad:eps=0  constant:alpha=0.1  300
            wilson-2017  adam:eps=0  constant:alpha=0.01  300
            wilson-2017  rmsprop:eps=0  constant:alpha=0.001  200
            wilson-2017:positives=30,negatives=10  amsgrad  inverse-sqrt:alpha=0.01  300
        not applicable
            wilson-2017  adam  constant:alpha=0.01  9
            wilson-2017  sgd  inverse-smoothness  9
            quadratic  adam:eps=0  constant:alpha=0.01  9
    """,
)
def wilson_2017_lemma31(T: Any) -> Any:
    """Adaptive methods never leave the line of sign(X'y) where X sign(X'y) is a multiple of y.

    The run from 0 is that on gradients made multiples of s = sign(X'y), which stays on that line.

    With Xs = c y, the gradient of 1/(2n) ||Xw - y||**2 at w = a s is (a c - 1) X'y / n. If all
    gradients so far were multiples of X'y then |X'y|_i is a factor of coordinate i of the first
    moment and of the root of the second, and the step is a multiple of s. Rounding keeps to this
    until the residual is itself all rounding, which the scaling then makes as large as a step.
    """
    return 0.0 * T


@claim(
    source="wilson2017, Section 3",
    tags=("generalization", "adaptive", "failure"),
    measure="fresh_misfit",
    sense="at least",
    assumes=[the_problem("wilson-2017"), exact_gradients, _by_signs],
    cases="""
        holds
            wilson-2017  adagrad:eps=0  constant:alpha=0.1  300
            wilson-2017  adam:eps=0  constant:alpha=0.01  300
            wilson-2017  rmsprop:eps=0  constant:alpha=0.001  200
            wilson-2017:positives=30,negatives=10  amsgrad  constant:alpha=0.01  300
        not applicable
            wilson-2017  adam  constant:alpha=0.01  9
            wilson-2017  sgd  inverse-smoothness  9
    """,
)
def wilson_2017_adaptive_fresh(T: Any, iterate_sup: Any) -> Any:
    """Adaptive methods take every fresh example for positive, however well they fit the others.

    The misfit of a fresh example, the negative of its least margin, is at least ||x_{T+1}||_inf.

    By `wilson-2017-lemma31` the weights are multiples a s of s = (1, 1, 1, ...). A fresh example
    (y, 1, 1, then zeros where the weights are not) scores a (y + 2): for a > 0 positive for either
    label, with the margin -a if y = -1. If a < 0, where a step has gone too far back, the least
    margin is -3 |a|.
    """
    return iterate_sup + 0.0 * T


@claim(
    source="wilson2017, Section 3, with constants derived here",
    tags=("generalization", "gradient-descent"),
    measure="fresh_margin",
    sense="at least",
    assumes=[
        the_problem("wilson-2017"),
        exact_gradients,
        the_rule("gradient-descent"),
        constant_step,
        step_size("alpha <= 1/L", lambda experiment: 1.0),
    ],
    status="proved here",
    errata=(
        "A print of the weights of least norm, 4 n- + 3 over 9 n+ + 3 n- + 8 n+ n- + 3, belongs to "
        "three private features for a negative example; with five they are those here"
    ),
    cases="""
        holds
            wilson-2017  sgd  inverse-smoothness  200
            wilson-2017:positives=30,negatives=10  sgd  inverse-smoothness:h=0.5  500
        not applicable
            wilson-2017  sgd  inverse-smoothness:h=1.5  9
            wilson-2017  adam:eps=0  inverse-smoothness  9
    """,
)
def wilson_2017_descent_fresh(
    T: Any, mu_pl: Any, R0: Any, alpha: Any, fresh_margin_limit: Any
) -> Any:
    """Gradient descent labels every fresh example rightly, where adaptive methods cannot.

    The least margin of a fresh example is at least m - sqrt(3) (1 - alpha mu_pl)**T ||w*||, with
    the margin m = (8 n+ n- - 5 n+ + 3 n-) / q > 0 of the interpolant w* of least norm,
    q = 15 n+ + 3 n- + 8 n+ n- + 5.

    From 0 the iterates stay in the span of the examples, where X'X / n has eigenvalues from mu_pl
    to L: ||w_{T+1} - w*|| <= (1 - alpha mu_pl)**T ||w*||. A margin is a product with (1, y, y), of
    length sqrt(3). And w* has w_1 = (8 n+ n- + 5 n+ + n-) / q and w_2 = w_3 = (5 n+ - n-) / q.
    """
    return fresh_margin_limit - sqrt(3) * (1 - alpha * mu_pl) ** T * R0


# Where momentum becomes unstable


def _threshold(experiment: Experiment) -> float:
    beta1 = experiment.method.settings["beta1"]
    return float((2 + 2 * beta1) / (1 - beta1) * inverse(experiment))


_MOMENTUM = (
    the_problem("quadratic"),
    the_rule("heavy-ball", velocity="average"),
    constant_step,
)
_LINE = "quadratic:kappa=1,dimension=1"
_AVERAGED = "heavy-ball:velocity=average"


@claim(
    source="cohen2022, with constants derived here",
    tags=("distance", "convex", "momentum", "failure"),
    measure="distance",
    sense="at least",
    assumes=[
        *_MOMENTUM,
        step("alpha > (2 + 2 beta1) / ((1 - beta1) L)", ">", _threshold, of="method"),
    ],
    status="proved here",
    cases=f"""
        holds
            {_LINE}  {_AVERAGED}  constant:alpha=38.1  1_000
            {_LINE}  {_AVERAGED},beta1=0.5  constant:alpha=7  300
            quadratic  {_AVERAGED}  inverse-smoothness:h=38.01  2_000
        not applicable
            quadratic  {_AVERAGED}  inverse-smoothness:h=37.99  9
            quadratic  heavy-ball  inverse-smoothness:h=38.1  9
    """,
)
def momentum_threshold_above(T: Any, L: Any, alpha: Any, beta1: Any) -> Any:
    """Averaged momentum diverges on a quadratic beyond (2 + 2 beta1) / ((1 - beta1) L): 38/L at .9.

    ||x_{T+1} - x*|| >= |(r - beta1) r**T - (s - beta1) s**T| / |r - s|, r < -1 < s < 1 the roots of
    r**2 - (1 + beta1 - c) r + beta1, c = alpha (1 - beta1) L.

    In the eigendirection of L, where the start of `quadratic` has the coordinate 1,
    y_{t+1} = (1 + beta1 - c) y_t - beta1 y_{t-1} with y_0 = y_1 = 1, which this solves: equality
    in one dimension. At -1 the polynomial is 2 + 2 beta1 - c, negative just beyond the threshold,
    so one root is below -1. A fixed preconditioner P is a change of coordinates, with
    lambda_max(P**-1 H) for L. Beyond 2**500, where squares overflow, the claim says nothing.
    """
    half = (1 + beta1 - alpha * (1 - beta1) * L) / 2
    r = half - sqrt(half**2 - beta1)
    s = beta1 / r
    grown = abs((r - beta1) * r**T - (s - beta1) * s**T) / abs(r - s)
    return np.where(grown < 2.0**500, grown, -np.inf)


def _spectral_radius(c: Any, beta1: Any) -> Any:
    """The larger size of the roots of r**2 - (1 + beta1 - c) r + beta1."""
    half = (1 + beta1 - c) / 2
    square = half**2 - beta1
    return np.where(square < 0, sqrt(beta1), abs(half) + sqrt(np.maximum(square, 0.0)))


@claim(
    source="cohen2022, with constants derived here",
    tags=("distance", "convex", "momentum"),
    measure="distance",
    assumes=[
        *_MOMENTUM,
        step("alpha < (2 + 2 beta1) / ((1 - beta1) L)", "<", _threshold, of="method"),
    ],
    status="proved here",
    cases=f"""
        holds
            {_LINE}  {_AVERAGED},beta1=0.99  constant:alpha=397.9  2_000
        holds, not sensitive
            {_LINE}  {_AVERAGED},beta1=0  constant:alpha=1.9  200
            quadratic  {_AVERAGED}  inverse-smoothness:h=37  2_000
            quadratic:kappa=10,rotated=true  {_AVERAGED}  constant:alpha=1  1_000
        not applicable
            quadratic  {_AVERAGED}  inverse-smoothness:h=38.01  9
    """,
)
def momentum_threshold_below(T: Any, L: Any, mu: Any, R0: Any, alpha: Any, beta1: Any) -> Any:
    """Averaged momentum converges linearly on a quadratic below (2 + 2 beta1) / ((1 - beta1) L).

    ||x_{T+1} - x*|| <= rho**T (1 + (1 + rho) T) R0, rho < 1 the largest size of a root of
    r**2 - (1 + beta1 - c) r + beta1 at c = alpha (1 - beta1) L and alpha (1 - beta1) mu.

    In an eigendirection y_{T+1} = r (1 - s) h_T + s**T with h_T = sum_{j<T} r**j s**(T-1-j), as
    r s = beta1: at most rho**T (T (1 + rho) + 1). Over c the size of the roots falls from 1 to
    sqrt(beta1), stays there while they are complex, and rises to 1 at c = 2 + 2 beta1, so its
    largest value lies at an end. Comes to .99 at T = 1 for beta1 = .99, where momentum first
    overshoots by 1 + 2 beta1.
    """
    rate = alpha * (1 - beta1)
    rho = np.maximum(_spectral_radius(rate * L, beta1), _spectral_radius(rate * mu, beta1))
    return rho**T * (1 + (1 + rho) * T) * R0


# Bias correction


def _constant_mean(experiment: Experiment) -> str:
    """The tag `linear`, whether losses are drawn, and the objective's gradient at the start."""
    problem = experiment.problem
    if "linear" not in problem.tags or not problem.has_objective:
        return "the losses are not drawn linear ones"
    if problem.samples is not None and not problem.stochastic:
        return "the losses follow a fixed sequence"
    return "" if problem.objective_gradient(problem.start).any() else "it is 0"


def _little_noise(experiment: Experiment) -> str:
    """The problem's `sigma2`, beside the objective's gradient at the start."""
    problem = experiment.problem
    if not problem.stochastic:
        return ""
    if "sigma2" not in problem.constants:
        return "the problem states no sigma2"
    mean = float((problem.objective_gradient(problem.start) ** 2).sum())
    variance = problem.constant("sigma2")
    return "" if variance <= mean else f"sigma2 = {variance:.6g} > {mean:.6g}"


_adam = one_of("", ("adam", "amsgrad"), beta1_decay=1.0)


def _without_moments(experiment: Experiment) -> str:
    """The key and the settings of the rule, or of one that is the same method, and its state."""
    if reason := _adam.fails(experiment):
        return reason
    missing = sorted({"m", "v"} - experiment.state)
    return f"the run keeps no {' and no '.join(missing)}" if missing else ""


def _variance_is_a_bound(experiment: Experiment) -> str:
    """How the problem's `sigma2` is known."""
    problem = experiment.problem
    known = not problem.stochastic or problem.constants["sigma2"].known == "exact"
    return "" if known else "sigma2 is a bound that is not known to be attained"


_MOMENTS = (
    Assumption(
        "the mean gradient is the same at every point and in every round, and not 0",
        _constant_mean,
        "problem",
    ),
    Assumption("the moments are Adam's", _without_moments),
    # Not of the identity: of rare large gradients a mean over seeds says nothing.
    Assumption("sigma2 <= ||grad f||**2, so that seeds can tell", _little_noise, "problem"),
)
# A mean slope of 1.4 with little noise.
_STEADY = "reddi-2018-thm3:delta=1.4,C=1.5"
_MOMENT_CASES = f"""
    holds
        {_STEADY}  adam  constant:alpha=0.01  30  seeds=4096
        {_STEADY}  amsgrad:beta1=0.5,beta2=0.5  constant:alpha=0.01  30  seeds=4096
    not applicable
        noisy-quadratic  adam  constant:alpha=0.01  9  seeds=2
        shi-2021  adam  constant:alpha=0.01  9  seeds=2
        {_STEADY}  adam:beta1_decay=0.5  constant:alpha=0.01  9  seeds=2
"""


@claim(
    source="kingma2015, Section 3",
    tags=("identity", "adaptive", "stochastic"),
    measure="first_moment",
    kind="in expectation",
    assumes=_MOMENTS,
    cases=_MOMENT_CASES,
)
def adam_first_moment_most(T: Any, beta1: Any) -> Any:
    """Adam's first moment lags by the factor 1 - beta1**T that it is divided by: from above.

    E m_T = (1 - beta1**T) E g, measured along E g in units of ||E g||.

    m_T = (1 - beta1) sum_{t<=T} beta1**(T-t) g_t, and the weights add up to 1 - beta1**T.
    Equality, for gradients of the same mean; they need not be independent.
    """
    return 1 - beta1**T


@claim(
    source="kingma2015, Section 3",
    tags=("identity", "adaptive", "stochastic"),
    measure="first_moment",
    kind="in expectation",
    sense="at least",
    assumes=_MOMENTS,
    cases=_MOMENT_CASES,
)
def adam_first_moment_least(T: Any, beta1: Any) -> Any:
    """Adam's first moment lags by the factor 1 - beta1**T that it is divided by: from below.

    The other half of `adam-first-moment-most`.
    """
    return 1 - beta1**T


@claim(
    source="kingma2015, Section 3",
    tags=("identity", "adaptive", "stochastic"),
    measure="second_moment",
    kind="in expectation",
    assumes=_MOMENTS,
    cases=_MOMENT_CASES,
)
def adam_second_moment_most(T: Any, beta2: Any, sigma2: Any, start_gradient_square: Any) -> Any:
    """Adam's second moment lags by the factor 1 - beta2**T that it is divided by: from above.

    E v_T = (1 - beta2**T) E g**2, summed over the coordinates, E||g||**2 = sigma2 + ||grad f||**2.

    As for the first moment: v_T = (1 - beta2) sum_{t<=T} beta2**(T-t) g_t**2, where the mean of
    g_t**2 does not change. Equality where sigma2 is the variance and no mere bound of it.
    """
    return (1 - beta2**T) * (sigma2 + start_gradient_square)


@claim(
    source="kingma2015, Section 3",
    tags=("identity", "adaptive", "stochastic"),
    measure="second_moment",
    kind="in expectation",
    sense="at least",
    assumes=[
        *_MOMENTS,
        Assumption(
            "sigma2 is the variance, and no mere bound of it", _variance_is_a_bound, "problem"
        ),
    ],
    cases=_MOMENT_CASES,
)
def adam_second_moment_least(T: Any, beta2: Any, sigma2: Any, start_gradient_square: Any) -> Any:
    """Adam's second moment lags by the factor 1 - beta2**T that it is divided by: from below.

    The other half of `adam-second-moment-most`.
    """
    return (1 - beta2**T) * (sigma2 + start_gradient_square)


# The scale of the loss

_INVARIANT = (
    "adagrad",
    "adagrad-norm",
    "adam",
    "adamax",
    "adamnc",
    "adamw",
    "adamx",
    "amsgrad",
    "lion",
    "nadam",
    "rmsprop",
    "sign-descent",
    "signum",
)


_scaling = one_of("", _INVARIANT, eps=0.0, initial=0.0)


def _invariant(experiment: Experiment) -> str:
    """The key and the settings of the rule, without decay that does not join the gradient."""
    rule = experiment.method
    decay = rule.settings.get("decay", "decoupled" if rule.key == "lion" else "coupled")
    if decay == "decoupled":
        rule = replace(rule, settings={**rule.settings, "weight_decay": 0.0, "decay": "coupled"})
    return _scaling.fails(experiment.changed(optimizer=rule))


def _four_times(experiment: Experiment) -> Experiment:
    """The same run on the fourfold losses, with the same step sizes."""
    problem = experiment.problem
    assert problem.gradient_formula is not None
    loss, gradient = problem.loss_formula, problem.gradient_formula
    return experiment.changed(
        problem=replace(
            problem,
            loss_formula=lambda x, sample: 4.0 * loss(x, sample),
            gradient_formula=lambda x, sample: 4.0 * gradient(x, sample),
        ),
    )


@claim(
    source="kingma2015, Section 2.1",
    tags=("identity", "adaptive", "sign"),
    measure="difference",
    twin=_four_times,
    assumes=[Assumption("the method scales by the gradients it has seen, without eps", _invariant)],
    cases="""
        holds
            himmelblau  adam:eps=0  constant:alpha=0.01  500
            rosenbrock  adamw:eps=0  inverse-sqrt:alpha=0.1  500
            pl-sine  adagrad-norm  constant:alpha=1  100
            noisy-quadratic  rmsprop:eps=0  constant:alpha=0.01  300  seeds=4
            quadratic  lion:weight_decay=0.1  constant:alpha=0.01  300
        not applicable
            himmelblau  adam  constant:alpha=0.01  9
            himmelblau  adam:eps=0,weight_decay=0.1  constant:alpha=1  9
            himmelblau  sgd  constant:alpha=0.001  9
    """,
)
def adam_scale_invariance(T: Any) -> Any:
    """Adam without eps does not notice the scale of the loss, nor do its kin and sign methods.

    The runs on f and on 4 f, with the same step sizes, are the same.

    The moments of c g are c m and c**2 v, c > 0, and m / sqrt(v) is the same. With c = 4 no step
    differs even in its last bit, short of underflow. An eps, or decay that joins the gradient,
    does not scale.
    """
    return 0.0 * T


# Decoupled decay

# A root below 2**46 times 1e-30 more is lost in such an eps.
_VAST = 1e30

_decay = settings_obey("there is decay", lambda s: s["weight_decay"] > 0, "weight_decay")


def _shares(experiment: Experiment) -> tuple[float, float]:
    """The step size a = alpha / eps, and the share lam of the iterate that is taken off."""
    settings, alpha = experiment.method.settings, first_step(experiment)
    scale = 1.0 if settings["decay_scale"] == "none" else alpha
    return alpha / settings["eps"], scale * settings["weight_decay"]


def _without_expansion(experiment: Experiment) -> str:
    """The tag `convex`, `L` or `L_max`, the first step size, and `eps` and decay of the rule."""
    problem = experiment.problem
    if "convex" not in problem.tags:
        return "the problem is not tagged convex"
    letter = "L_max" if problem.samples is not None else "L"
    if letter not in problem.constants:
        return f"the problem states no {letter}"
    a, lam = _shares(experiment)
    expansion = a * problem.constant(letter) + lam
    return "" if expansion <= 2 else f"it is {expansion:.6g}"


def _with_penalty(experiment: Experiment) -> Experiment:
    """Gradient descent on the loss plus lam / (2 a) ||x||**2."""
    a, lam = _shares(experiment)
    return experiment.changed(
        optimizer=rules.find(f"gradient-descent:weight_decay={lam / a!r}"),
        schedule=schedule.find(f"constant:alpha={a!r}"),
    )


_SHRUNK = "adamw:beta1=0,eps=1e30,weight_decay=0.01,decay_scale=none"


@claim(
    source="loshchilov2019, Proposition 1",
    tags=("identity", "weight-decay"),
    measure="difference",
    twin=_with_penalty,
    assumes=[
        one_of(
            "the method is adamw with decoupled decay and beta1=0",
            ("adamw",),
            free=("weight_decay",),
            decay="decoupled",
            beta1=0.0,
            eps_position="outside",
        ),
        _decay,
        settings_obey(
            "eps is so large that the matrix is the identity over eps",
            lambda s: s["eps"] >= _VAST,
            "eps",
        ),
        constant_step,
        Assumption(
            "rounding is not magnified: convex losses and a L_max + lam <= 2", _without_expansion
        ),
    ],
    cases=f"""
        holds
            quadratic  {_SHRUNK}  constant:alpha=1e30  500
            breast-cancer-logistic  {_SHRUNK}  constant:alpha=1e29  300
            noisy-quadratic  adamw:beta1=0,eps=1e30,weight_decay=1e-31  constant:alpha=1e29  300 \
                seeds=4
        not applicable
            quadratic  adamw:beta1=0  constant:alpha=0.01  9
            quadratic  adamw:eps=1e30  constant:alpha=1e28  9
            himmelblau  {_SHRUNK}  constant:alpha=1e28  9
    """,
)
def decoupled_decay_as_penalty(T: Any) -> Any:
    """Decoupled decay is a quadratic penalty where the method's matrix is the identity.

    x' = (1 - lam) x - a grad f(x) is gradient descent with the step size a on
    f + lam/(2 a) ||x||**2: the gradient of the penalty, times a, is lam x.

    Here the matrix is that of `adamw` with an eps beside which the root of the second moment
    vanishes, M = I / eps, and a is the step size over eps. It is the case M = I of the paper; a
    fixed diagonal matrix (Proposition 3) is this in other coordinates.
    """
    return 0.0 * T


def _outwards(experiment: Experiment) -> str:
    """The start, and the objective's gradient there."""
    problem = experiment.problem
    product = problem.start * problem.objective_gradient(problem.start)
    return "" if np.all(product > 0) else "they are not"


def _coupled(experiment: Experiment) -> Experiment:
    """The same with the decay joined to the gradient."""
    given = {**experiment.method.settings, "decay": "coupled"}
    return experiment.changed(optimizer=experiment.method.entry(**given))


@claim(
    source="loshchilov2019, Proposition 2, for the first step of Adam",
    tags=("identity", "weight-decay", "adaptive"),
    measure="difference",
    sense="at least",
    twin=_coupled,
    assumes=[
        one_of(
            "the method is adamw with decoupled decay and without eps",
            ("adamw",),
            free=("weight_decay",),
            decay="decoupled",
            decay_scale="step-size",
            eps=0.0,
            bias_correction="both",
        ),
        _decay,
        unconstrained,
        exact_gradients,
        Assumption(
            "the start and its gradient have the same signs, without zeros", _outwards, "problem"
        ),
    ],
    status="proved here",
    cases="""
        holds
            quadratic  adamw:eps=0  constant:alpha=0.01  300
            pl-sine  adamw:eps=0,weight_decay=1  inverse-sqrt:alpha=0.1  300
        not applicable
            quadratic  adamw  constant:alpha=0.01  9
            quadratic  adamw:eps=0,weight_decay=0  constant:alpha=1  9
            wilson-2017  adamw:eps=0  constant:alpha=0.01  9
    """,
)
def decoupled_decay_is_no_penalty(T: Any, alpha: Any, weight_decay: Any, start_norm: Any) -> Any:
    """For Adam no coefficient of a quadratic penalty reproduces decoupled decay.

    After the first step the run is alpha w ||x_1|| away from Adam on f + w'/2 ||x||**2, for every
    w' >= 0; the twin has w' = w. Of later steps nothing is claimed.

    A first step of Adam is alpha sign(grad f + w' x), and where x_1 and its gradient have the same
    signs that is alpha sign(x_1), whatever w'. Decoupled decay moves by alpha w x_1 besides.
    Attained.
    """
    return np.where(T == 1, alpha * weight_decay * start_norm, 0.0)
