"""Stationarity bounds of SGD with momentum, and linear rates without convexity."""

from __future__ import annotations

from typing import Any

from numpy import sqrt

from convergence.claim import claim
from convergence.claims.assumptions import (
    bounded_below,
    bounded_second_moment,
    constant_step,
    descent_within_inverse_smoothness,
    polyak_lojasiewicz,
    smooth,
    step_size,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.experiment import Experiment

__all__ = ["karimi_2016_pl", "karimireddy_2019_error_feedback", "sgdm_nonconvex_derived"]


def _momentum_step(experiment: Experiment) -> float:
    return float(1 - experiment.method.settings["beta1"]) / 4


@claim(
    source="liu2020, Theorem 1, with constants derived here",
    tags=("stationarity", "non-convex", "momentum", "stochastic"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        unbiased,
        the_rule("heavy-ball", velocity="average"),
        constant_step,
        step_size("alpha <= (1 - beta1) / (4 L)", _momentum_step, of="method"),
    ],
    cases="""
        holds
            pl-sine  heavy-ball:velocity=average  inverse-smoothness:h=0.025  2_000
            quadratic:kappa=100  heavy-ball:velocity=average  inverse-smoothness:h=0.025  2_000
            breast-cancer-logistic:batch=32  heavy-ball:velocity=average \
                inverse-smoothness:h=0.025  1_000  seeds=20
        not applicable
            rosenbrock  heavy-ball:velocity=average  constant:alpha=1e-4  1_000
    """,
)
def sgdm_nonconvex_derived(T: Any, L: Any, D0: Any, alpha: Any, sigma2: Any) -> Any:
    """SGD with averaged momentum finds stationary points of smooth functions.

    m_t = beta1 m_{t-1} + (1 - beta1) g_t, x_{t+1} = x_t - alpha m_t, alpha <= (1 - beta1)/(4 L):
    1/T sum_{t<=T} E||grad f(x_t)||**2 <= 8/5 D0 / (T alpha) + 6/5 L alpha sigma2.

    Proof. z_t = x_t - alpha beta1 m_{t-1} / (1 - beta1) obeys z_{t+1} = z_t - alpha g_t. The
    descent lemma at z_t, with ||grad f(z) - grad f(x)|| <= L alpha beta1 ||m|| / (1 - beta1) and
    Young's inequality at weight 1/2, leaves of alpha sum E||grad f||**2 the share
    1 - 1/4 - L alpha/2 - 2 (L alpha beta1 / (1 - beta1))**2, at least
    1 - 1/4 - (1 - beta1 + beta1**2)/8 >= 5/8, since sum E||m_{t-1}||**2 <= 2 sum E||grad f||**2
    + 2 T sigma2 (1 - beta1)/(1 + beta1); the noise costs T L alpha**2 sigma2 (1/2 + 1/4).
    """
    return 8 / 5 * D0 / (T * alpha) + 6 / 5 * L * alpha * sigma2


@claim(
    source="karimireddy2019, Theorem II, with constants derived here",
    tags=("stationarity", "non-convex", "stochastic", "sign"),
    measure="gradient_mean_square",
    kind="in expectation",
    assumes=[
        smooth,
        unconstrained,
        unbiased,
        bounded_below,
        bounded_second_moment,
        the_rule("error-feedback-sign"),
        constant_step,
    ],
    cases="""
        holds
            log-sum-exp:dimension=3  error-feedback-sign  constant:alpha=6e-4  3_000
            noisy-huber  error-feedback-sign  constant:alpha=0.1  100  seeds=20
            diabetes-huber  error-feedback-sign  constant:alpha=2.5e-4  3_000
        not applicable
            noisy-quadratic  error-feedback-sign  constant:alpha=0.1  9  seeds=2
            noisy-huber  error-feedback-sign  inverse-sqrt:alpha=0.1  9  seeds=2
            noisy-huber  signsgd  constant:alpha=0.1  9  seeds=2
    """,
)
def karimireddy_2019_error_feedback(
    T: Any, L: Any, D0: Any, alpha: Any, second_moment: Any, n: Any
) -> Any:
    """Signs with error feedback find stationary points, as gradients do.

    A = 1/T sum_{t<=T} E||grad f(x_t)||**2 obeys A <= B + L sqrt(E A) with
    B = D0 / (alpha T) + alpha L G**2 / 2 and E = alpha**2 G**2 r**2 / (1 - r)**2, where
    r = sqrt(1 - 1/n) and E||g||**2 <= G**2: A <= (L sqrt(E) + sqrt(L**2 E + 4 B))**2 / 4. The
    print has 2 D0 / (alpha (T + 1)) + alpha L G**2 + 4 alpha**2 L**2 G**2 n (n - 1), more for
    every n.

    Proof. ||p - c||**2 <= (1 - 1/n) ||p||**2, as ||p||_1 >= ||p||, so that by Minkowski's
    inequality E||e_t||**2 <= E. The points y_t = x_t - e_t move by alpha g_t; the descent lemma
    there, with ||grad f(y) - grad f(x)|| <= L ||e||, leaves alpha E||grad f(x_t)||**2
    <= E f(y_t) - E f(y_{t+1}) + alpha L E(||e_t|| ||grad f(x_t)||) + L alpha**2 G**2 / 2. Add up,
    and use Cauchy and Schwarz.
    """
    r = sqrt(1 - 1 / n)
    off = L * alpha * sqrt(second_moment) * r / (1 - r)
    B = D0 / (alpha * T) + alpha * L * second_moment / 2
    return (off + sqrt(off**2 + 4 * B)) ** 2 / 4


@claim(
    source="karimi2016, Theorem 1",
    tags=("suboptimality", "non-convex", "gradient-descent"),
    measure="suboptimality",
    assumes=[*descent_within_inverse_smoothness, polyak_lojasiewicz],
    cases="""
        holds
            pl-sine  sgd  inverse-smoothness  200
        holds, not sensitive
            quadratic:kappa=100  sgd  inverse-smoothness  1_000
            breast-cancer-logistic  sgd  inverse-smoothness  1_000
    """,
)
def karimi_2016_pl(T: Any, mu_pl: Any, D0: Any, alpha: Any) -> Any:
    """Gradient descent converges linearly under the Polyak-Lojasiewicz inequality.

    f(x_{T+1}) - f* <= (1 - alpha mu)**T D0, printed for alpha = 1/L. The descent lemma gives
    f(x_{t+1}) <= f(x_t) - alpha (1 - L alpha/2) ||grad f||**2 <= f(x_t) - alpha/2 ||grad f||**2,
    and the inequality turns the last term into alpha mu (f(x_t) - f*).
    """
    return (1 - alpha * mu_pl) ** T * D0
