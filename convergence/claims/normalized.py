"""Methods that choose the length of their step: Polyak's, one of a fixed length, and clipping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import sqrt
from numpy.typing import NDArray

from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    bounded_below,
    constant_step,
    convex,
    exact_gradients,
    independent_draws,
    known_minimizer,
    one_of,
    settings_obey,
    smooth,
    step,
    strongly_convex,
    the_problem,
    the_rule,
    unbiased,
    unconstrained,
)
from convergence.claims.limits import square_summable_step
from convergence.experiment import Experiment
from problems.notation import format_value

__all__ = [
    "cutkosky_mehta_2020",
    "cutkosky_mehta_2020_muon",
    "cutkosky_mehta_2020_signum",
    "jaggi_2013_decay",
    "jaggi_2013_decay_muon",
    "jaggi_2013_decay_sign",
    "koloskova_2023_clipping",
    "koloskova_2023_clipping_least",
    "koloskova_2023_sign",
    "polyak_1969_lipschitz",
    "polyak_1969_smooth",
    "polyak_1969_strongly_convex",
]

Array = NDArray[np.float64]


# Polyak's step


_POLYAK = (exact_gradients, known_minimizer, the_rule("polyak-step"), constant_step)
_up_to_two = step("alpha <= 2", "<=", lambda experiment: 2.0)


@claim(
    source=("polyak1969", "hazan2019, Theorem 1"),
    tags=("suboptimality", "convex", "non-smooth", "gradient-descent", "adaptive"),
    measure="suboptimality_best",
    assumes=[convex, *_POLYAK, step("alpha < 2", "<", lambda experiment: 2.0)],
    cases="""
        holds
            # D G/sqrt(N+1) is attained at T = N + 1, and in the next round the minimum is found.
            resisting-maximum:N=99  polyak-step  constant:alpha=1  150
            resisting-maximum:N=24,G=2,D=5  polyak-step  constant:alpha=1.2  60
        not applicable
            resisting-maximum  polyak-step  constant:alpha=2  9
            resisting-maximum  polyak-step  inverse-sqrt:alpha=1  9
            resisting-maximum  sgd  constant:alpha=1  9
            pl-sine  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_lipschitz(T: Any, G: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a convex function without smoothness, at the best iterate.

    min_{t<=T} f(x_t) - f* <= G R0 / sqrt(alpha (2 - alpha) T), for the share alpha of Polyak's
    step; printed with alpha = 1.

    With F = f(x_t) - f* and g.(x_t - x*) >= F, a step of alpha F / ||g||**2 gives
    ||x_{t+1} - x*||**2 <= ||x_t - x*||**2 - alpha (2 - alpha) F**2 / ||g||**2, also after a
    projection; add up. At alpha = 1 `resisting-maximum:N` attains it at T = N + 1, and no method in
    the span of the subgradients does better there.
    """
    return G * R0 / sqrt(alpha * (2 - alpha) * T)


@claim(
    source=("polyak1969", "hazan2019, Theorem 1, sharpened here"),
    tags=("regret", "convex", "gradient-descent", "adaptive"),
    measure="regret",
    assumes=[convex, smooth, unconstrained, *_POLYAK, _up_to_two],
    cases="""
        holds
            quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
            quadratic:kappa=1,dimension=3,L=5  polyak-step  constant:alpha=0.5  100
            quadratic:kappa=10,dimension=2  polyak-step  constant:alpha=2  20
        not applicable
            quadratic  polyak-step  constant:alpha=2.1  9
            resisting-maximum  polyak-step  constant:alpha=1  9
            pl-sine  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_smooth(T: Any, L: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a smooth convex function: the gaps to the minimum have a finite sum.

    sum_{t<=T} (f(x_t) - f*) <= 2 L R0**2 / (alpha (4 - alpha)), for every T and the share
    alpha <= 2 of Polyak's step. So the best of T gaps, and that at the mean iterate, is at most
    2 L R0**2 / (3 T) at alpha = 1; the print has 2 L R0**2 / T.

    With F = f(x_t) - f* smoothness gives g.(x_t - x*) >= F + ||g||**2 / (2 L), and so
    ||x_{t+1} - x*||**2 <= ||x_t - x*||**2 - alpha F ((2 - alpha) F / ||g||**2 + 1 / L), where
    F / ||g||**2 >= 1 / (2 L). On L/2 ||x||**2 a step multiplies x by 1 - alpha/2, nothing is lost,
    and the sum tends to the bound.
    """
    return 2 * L * R0**2 / (alpha * (4 - alpha)) + 0.0 * T


@claim(
    source=("hazan2019, Theorem 1, sharpened here", "barre2020, for alpha = 2"),
    tags=("distance", "convex", "strongly-convex", "gradient-descent", "adaptive"),
    measure="distance",
    assumes=[strongly_convex, smooth, unconstrained, *_POLYAK, _up_to_two],
    status="proved here",
    cases="""
        holds
            quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
            quadratic:kappa=1,dimension=3,L=5  polyak-step  constant:alpha=0.5  100
            quadratic:kappa=100,dimension=2  polyak-step  constant:alpha=2  100
        not applicable
            quadratic  polyak-step  constant:alpha=2.1  9
            huber-worst  polyak-step  constant:alpha=1  9
    """,
)
def polyak_1969_strongly_convex(T: Any, L: Any, mu: Any, R0: Any, alpha: Any) -> Any:
    """Polyak's step on a smooth, strongly convex function: the exact contraction of a round.

    ||x_{T+1} - x*|| <= q**T R0, with k = mu/L, s = sqrt(k) and q**2 the larger one of
    1 - alpha (4 - alpha) k / (1 + k)**2 and (1 - alpha s / (1 + s))**2. At alpha = 2 q is
    (1 - k) / (1 + k), the best of all constant steps; the print has q**2 = 1 - k/4 at alpha = 1.

    Let L = 1, ||x - x*|| = 1, p = g.(x - x*), u = ||g||**2, F = f(x) - f*. After the step the
    square is 1 - H, H = alpha F (2 p - alpha F) / u. Interpolation gives F >= F0 and F <= p - F0
    with F0 = (u + k - 2 k p) / (2 (1 - k)). H is concave in F, and least at F0 if alpha <= 2. As a
    function of u, H at F0 is decreasing for p <= 1/2 and concave for p >= 1/2, so it is least where
    u = (1 + k) p - k, that is F0 = p/2, or where u = p**2. There it is alpha (4 - alpha) p**2 /
    (4 u) >= alpha (4 - alpha) k / (1 + k)**2, least at p = 2 k / (1 + k), or it is
    1 - (1 - alpha F0/p)**2 with F0/p >= s / (1 + s), least at p = s.

    One round attains it, the first value on quadratics with the eigenvalues mu and L; all rounds do
    on L/2 ||x||**2.
    """
    k = mu / L
    s = sqrt(k)
    square = np.maximum(1 - alpha * (4 - alpha) * k / (1 + k) ** 2, (1 - alpha * s / (1 + s)) ** 2)
    return square ** (T / 2) * R0


# Steps of a fixed length in a norm, along a moving average of the gradients


def _means(values: Array, T: Any) -> Array:
    """The mean of the first T of values for t = 1, 2, ..., for an array of whole numbers."""
    return np.asarray(np.cumsum(values)[np.asarray(T, int) - 1] / T)


def _steepest(T: Any, L: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any, ratio: Any) -> Any:
    """The bound of the mean dual norm of the gradient, the same for every norm.

    Args:
        T: Rounds.
        L: Smoothness: the dual norm of a change of the gradient over the norm of that of the point.
        D0: Suboptimality of the start.
        alpha: The norm of a step.
        beta1: Decay of the average.
        sigma2: Variance in the Euclidean norm.
        ratio: The largest dual norm of a vector of Euclidean length 1.
    """
    t = np.arange(1.0, np.max(T) + 1)
    left = beta1**t
    age = beta1 / (1 - beta1) - t * left / (1 - left)
    share = (1 - beta1) * (1 + left) / ((1 + beta1) * (1 - left))
    noise = ratio * sqrt(sigma2) * sqrt(share)
    return D0 / (alpha * T) + L * alpha / 2 + 2 * _means(L * alpha * age + noise, T)


_OF_LENGTH = (smooth, unconstrained, independent_draws, bounded_below, constant_step)


@claim(
    source="cutkosky2020, Theorem 1, with constants derived here",
    tags=("stationarity", "non-convex", "momentum", "stochastic"),
    measure="gradient_mean_norm",
    kind="in expectation",
    assumes=[*_OF_LENGTH, the_rule("normalized-momentum")],
    status="proved here",
    cases="""
        holds
            quadratic:kappa=1,dimension=4  normalized-momentum:beta1=0  constant:alpha=1/32  64
            huber-worst:N=1  normalized-momentum:beta1=0.5  constant:alpha=0.01  200
            pl-sine  normalized-momentum:beta1=0.5  constant:alpha=0.1  100
            noisy-quadratic:kappa=1,start=4,sigma=0.1  normalized-momentum:beta1=0.5 \
                constant:alpha=0.1  40  seeds=20
        not applicable
            quadratic  normalized-momentum:weight_decay=0.1  constant:alpha=0.1  9
            quadratic  normalized-momentum  inverse-sqrt:alpha=0.1  9
            shi-2021:order=reshuffled  normalized-momentum  constant:alpha=0.1  9  seeds=2
            rosenbrock  normalized-momentum  constant:alpha=0.1  9
    """,
)
def cutkosky_mehta_2020(T: Any, L: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any) -> Any:
    """Normalised SGD with momentum finds stationary points of smooth functions.

    1/T sum_{t<=T} E||grad f(x_t)|| <= D0 / (alpha T) + alpha L / 2 + 2 mean_{t<=T} (alpha L a_t
    + sigma s_t), with a_t = b/(1 - b) - t b**t/(1 - b**t) and s_t**2 = (1 - b)(1 + b**t) /
    ((1 + b)(1 - b**t)), b = beta1, E||g - grad f||**2 <= sigma**2. As T grows the last mean tends
    to alpha L b/(1 - b) + sigma sqrt((1 - b)/(1 + b)). The print begins with m = g_1 and has other
    constants.

    The proof is the same for every norm: let steps have the norm 1 and be as steep as that allows,
    <m, d> = ||m||_* in the dual norm, let L bound the dual norm of a change of the gradient over
    the norm of that of the point, and let ||.||_* be at most rho times the Euclidean norm. m is a
    multiple of the mean of g_1..g_t with the weights b**(t-s), of which the exact gradients have
    moved by at most L alpha (t - s), L alpha a_t in the mean, and of which the noise has the
    variance s_t**2 sigma**2. So e = mean - grad f(x_t) has E||e||_* <= L alpha a_t
    + rho sigma s_t, and <grad f, d> >= ||grad f||_* - 2 ||e||_*. The descent lemma
    f(x_{t+1}) <= f(x_t) - alpha <grad f, d> + L alpha**2 / 2 adds up to the bound. Muon and Signum
    are the same with the spectral norm and the sup-norm: see `cutkosky-mehta-2020-muon` and
    `cutkosky-mehta-2020-signum`.

    Attained without momentum and noise on L/2 ||x||**2, where the last step ends at 0.
    """
    return _steepest(T, L, D0, alpha, beta1, sigma2, 1.0)


@claim(
    source=("cutkosky2020, Theorem 1, in the sup-norm", "bernstein2018, Theorem 1"),
    tags=("stationarity", "non-convex", "momentum", "sign", "stochastic"),
    measure="gradient_mean_absolute",
    kind="in expectation",
    assumes=[*_OF_LENGTH, the_rule("signum")],
    status="proved here",
    cases="""
        holds
            quadratic:kappa=1,dimension=4  signum:beta1=0  constant:alpha=1/64  64
            huber-worst:N=1  signum:beta1=0.5  constant:alpha=0.01  200
            pl-sine  signum:beta1=0.5  constant:alpha=0.1  100
            quadratic  sign-descent  constant:alpha=0.1  9
        inconclusive
            noisy-quadratic:kappa=1,start=2,sigma=0.8,dimension=3  signum:beta1=0.5 \
                constant:alpha=0.05  60  seeds=20
        not applicable
            quadratic  signum:weight_decay=0.1  constant:alpha=0.1  9
    """,
)
def cutkosky_mehta_2020_signum(
    T: Any, L: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any, n: Any
) -> Any:
    """Signum finds stationary points of smooth functions, in the 1-norm.

    1/T sum_{t<=T} E||grad f(x_t)||_1 is at most the bound of `cutkosky-mehta-2020` with n L in the
    place of L and sqrt(n) sigma in that of sigma.

    Its proof in the sup-norm: a vector of signs is the steepest step of length 1, the dual norm is
    the 1-norm, ||.||_1 <= sqrt(n) ||.||_2, and ||grad f(x) - grad f(y)||_1
    <= sqrt(n) L ||x - y||_2 <= n L ||x - y||_inf. Without momentum and noise it is the bound of
    `bernstein-2018-thm1-exact`, which L/2 ||x||**2 attains.
    """
    return _steepest(T, n * L, D0, alpha, beta1, sigma2, sqrt(n))


@claim(
    source=("cutkosky2020, Theorem 1, in the spectral norm", "jordan2024", "bernstein2024"),
    tags=("stationarity", "non-convex", "momentum", "matrix", "stochastic"),
    measure="gradient_mean_nuclear",
    kind="in expectation",
    assumes=[
        *_OF_LENGTH,
        the_rule("muon", nesterov=False, orthogonalization="polar", scale="none"),
    ],
    status="proved here",
    cases="""
        holds
            # The start is a column of ones: 64 steps of 1/32 end at 0.
            matrix-quadratic:rows=4,columns=1,kappa_rows=1,kappa_columns=1 \
                muon:beta1=0,nesterov=false,orthogonalization=polar,scale=none \
                constant:alpha=1/32  64
            matrix-quadratic  muon:beta1=0,nesterov=false,orthogonalization=polar,scale=none \
                constant:alpha=0.05  100
            matrix-quadratic:kappa_rows=1,kappa_columns=1 \
                muon:beta1=0.5,nesterov=false,orthogonalization=polar,scale=none \
                constant:alpha=0.1  60
            matrix-quadratic:rows=2,columns=2,kappa_rows=1,kappa_columns=1,noise=0.1 \
                muon:beta1=0.5,nesterov=false,orthogonalization=polar,scale=none \
                constant:alpha=0.05  60  seeds=20
        not applicable
            matrix-quadratic  muon:nesterov=false,scale=none  constant:alpha=0.02  9
            matrix-quadratic  muon:orthogonalization=polar,scale=none  constant:alpha=0.02  9
            matrix-quadratic  muon:nesterov=false,orthogonalization=polar  constant:alpha=0.02  9
            tanh-network  muon:nesterov=false,orthogonalization=polar,scale=none \
                constant:alpha=0.02  9
    """,
)
def cutkosky_mehta_2020_muon(
    T: Any, L_spectral: Any, D0: Any, alpha: Any, beta1: Any, sigma2: Any, shorter_sides: Any
) -> Any:
    """Muon with the exact polar factor finds stationary points, in the nuclear norm.

    1/T sum_{t<=T} E||grad f(X_t)||_nuc is at most the bound of `cutkosky-mehta-2020` with
    L_spectral in the place of L and sqrt(k) sigma in that of sigma, k the smaller side of the
    matrix; of several blocks, the sums of the norms and of the sides.

    Its proof in the spectral norm: the polar factor is the steepest step of length 1, the dual norm
    is the nuclear one, and ||.||_nuc <= sqrt(k) ||.||_F. Without momentum and noise a column on
    which f is L/2 ||x||**2 attains it. Nesterov's variant and five quintic steps take other
    directions.
    """
    return _steepest(T, L_spectral, D0, alpha, beta1, sigma2, sqrt(shorter_sides))


# Decoupled decay as the method of Frank and Wolfe


def _fall(T: Any, L: Any, weight_decay: Any) -> Any:
    """The bound of the gap for an L-smooth function in the norm of the ball."""
    rounds = np.arange(1.0, np.max(T) + 1)
    shares = np.cumsum(rounds / (rounds + 1))[np.asarray(T, int) - 1]
    return 8 * L / weight_decay**2 * shares / (T * (T + 1))


def _in_the_ball(norm: str, size: Callable[[Experiment, Array], float]) -> Assumption:
    """Where the run starts and where it should end."""

    def fails(experiment: Experiment) -> str:
        """The start and the minimiser, beside the weight of the decay."""
        decay = float(experiment.method.settings["weight_decay"])
        if not decay:
            return "the run used no decay"
        radius = 1 / decay
        ends = {"start": experiment.problem.start, "minimiser": _minimizer(experiment)}
        for name, point in ends.items():
            length = size(experiment, point)
            if length > radius * (1 + 2.0**-50):
                return f"the {norm} norm of the {name} is {length:.6g} > {radius:.6g}"
        return ""

    statement = f"start and minimiser have {norm} norms of at most 1 / weight_decay"
    return Assumption(statement, fails, "method")


def _minimizer(experiment: Experiment) -> Array:
    return np.asarray(experiment.problem.constants["minimizer"].value, float)


def _spectral(experiment: Experiment, point: Array) -> float:
    blocks = experiment.problem.matrices(point).values()
    return max(float(np.linalg.norm(block, 2)) for block in blocks)


def _other_steps(experiment: Experiment) -> str:
    """The step sizes of all rounds, beside the weight of the decay."""
    rounds = np.arange(1, experiment.steps + 1)
    decay = float(experiment.method.settings["weight_decay"])
    if not decay:
        return "the run used no decay"
    wanted = 2 / (decay * (rounds + 1.0))
    taken = experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps)
    off = abs(taken - wanted) > 1e-12 * wanted
    if not off.any():
        return ""
    place = int(off.argmax())
    return f"alpha_{rounds[place]} is {taken[place]:.6g}, not {wanted[place]:.6g}"


def _decaying(key: str, **settings: Any) -> Assumption:
    """The method is this one with these settings, and any decay."""
    listed = "".join(f", {name}={format_value(value)}" for name, value in settings.items())
    return one_of(
        f"the method is {key}{listed}, with decay", (key,), free=("weight_decay",), **settings
    )


_decays = settings_obey("weight_decay > 0", lambda s: s["weight_decay"] > 0, "weight_decay")
_falling = Assumption("alpha_t = 2 / (weight_decay (t + 1))", _other_steps, "method")
_TOWARDS = (convex, smooth, unconstrained, exact_gradients, known_minimizer)
_ENTRY = "matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1"


@claim(
    source="jaggi2013, Theorem 1, sharpened here",
    tags=("suboptimality", "convex", "weight-decay"),
    measure="suboptimality",
    assumes=[
        *_TOWARDS,
        _decaying("normalized-momentum", beta1=0.0),
        _decays,
        _falling,
        _in_the_ball("Euclidean", lambda experiment, x: float(np.linalg.norm(x))),
    ],
    status="proved here",
    cases=f"""
        holds
            # From just beyond the minimum to the other end of the ball.
            {_ENTRY},optimum=100  normalized-momentum:beta1=0,weight_decay=1/101 \
                inverse:alpha=202,offset=1  100
        not applicable
            {_ENTRY},optimum=100  normalized-momentum:beta1=0,weight_decay=0.1 \
                inverse:alpha=20,offset=1  9
            {_ENTRY},optimum=3  normalized-momentum:beta1=0,weight_decay=0.25 \
                inverse:alpha=8  9
            {_ENTRY}  normalized-momentum:beta1=0  inverse:alpha=8,offset=1  9
            {_ENTRY}  normalized-momentum:weight_decay=0.25  inverse:alpha=8,offset=1  9
    """,
)
def jaggi_2013_decay(T: Any, L: Any, weight_decay: Any) -> Any:
    """Normalised gradient descent with decoupled decay is the method of Frank and Wolfe on a ball.

    f(x_{T+1}) - f* <= 8 L / (w**2 T (T + 1)) sum_{t<=T} t / (t + 1), w the weight of the decay, for
    alpha_t = 2 / (w (t + 1)), if start and minimiser lie in the ball of radius 1/w. It is less than
    the printed 8 L / (w**2 (T + 2)), and tends to it.

    With c_t = alpha_t w = 2/(t + 1), x_{t+1} = (1 - c_t) x_t + c_t s_t, and s_t = -d_t / w is the
    point of the ball where <g_t, s> is least, so that <g_t, s_t - x_t> <= <g_t, x* - x_t>
    <= f* - f(x_t). The ball has the diameter 2/w: f(x_{t+1}) - f* <= (1 - c_t) (f(x_t) - f*)
    + 2 L c_t**2 / w**2. Times t (t + 1) the gaps telescope, as t (t + 1) (1 - c_t) = (t - 1) t, and
    the rest is 8 L / w**2 t / (t + 1). All of this is so in every norm, with L as in
    `cutkosky-mehta-2020`: see `jaggi-2013-decay-sign` and `jaggi-2013-decay-muon`.

    Attained at T = 1 by L/2 x**2 about a point near the end of the ball, from where the first step
    leads to the other end. For larger T less is known: of quadratics in up to three dimensions a
    random search found none with more than .57 of it at T = 2 and .11 at T = 10.
    """
    return _fall(T, L, weight_decay)


@claim(
    source=("jaggi2013, Theorem 1, in the sup-norm", "chen2024"),
    tags=("suboptimality", "convex", "weight-decay", "sign"),
    measure="suboptimality",
    assumes=[
        *_TOWARDS,
        _decaying("sign-descent", decay="decoupled"),
        _decays,
        _falling,
        _in_the_ball("sup", lambda experiment, x: float(abs(x).max())),
    ],
    status="proved here",
    cases=f"""
        holds
            {_ENTRY},optimum=100  signsgd:decay=decoupled,weight_decay=1/101 \
                inverse:alpha=202,offset=1  100
            # All coordinates move together.
            matrix-quadratic:rows=1,columns=4,kappa_rows=1,kappa_columns=1,optimum=100 \
                signsgd:decay=decoupled,weight_decay=1/101  inverse:alpha=202,offset=1  50
        not applicable
            {_ENTRY},optimum=100  signsgd:decay=decoupled,weight_decay=0.1 \
                inverse:alpha=20,offset=1  9
            {_ENTRY}  signsgd:weight_decay=0.25  inverse:alpha=8,offset=1  9
    """,
)
def jaggi_2013_decay_sign(T: Any, L: Any, n: Any, weight_decay: Any) -> Any:
    """Sign descent with decoupled decay is the method of Frank and Wolfe on a box.

    The bound of `jaggi-2013-decay` with n L in the place of L, if start and minimiser lie in the
    box of half-width 1/w: see `cutkosky-mehta-2020-signum` and `decoupled-sign-box`.
    """
    return _fall(T, n * L, weight_decay)


@claim(
    source=("jaggi2013, Theorem 1, in the spectral norm", "bernstein2024"),
    tags=("suboptimality", "convex", "weight-decay", "matrix"),
    measure="suboptimality",
    assumes=[
        *_TOWARDS,
        _decaying("muon", beta1=0.0, orthogonalization="polar", scale="none"),
        _decays,
        _falling,
        _in_the_ball("spectral", _spectral),
    ],
    status="proved here",
    cases=f"""
        holds
            {_ENTRY},optimum=100 \
                muon:beta1=0,orthogonalization=polar,scale=none,weight_decay=1/101 \
                inverse:alpha=202,offset=1  100
        not applicable
            {_ENTRY},optimum=100  muon:beta1=0,orthogonalization=polar,scale=none,weight_decay=0.1 \
                inverse:alpha=20,offset=1  9
            {_ENTRY}  muon:orthogonalization=polar,scale=none,weight_decay=0.25 \
                inverse:alpha=8,offset=1  9
    """,
)
def jaggi_2013_decay_muon(T: Any, L_spectral: Any, weight_decay: Any) -> Any:
    """Muon with decoupled decay and no momentum is the method of Frank and Wolfe on matrices.

    The bound of `jaggi-2013-decay` with L_spectral in the place of L, if start and minimiser have
    spectral norms of at most 1/w: see `cutkosky-mehta-2020-muon`. The polar factor has to be exact.
    """
    return _fall(T, L_spectral, weight_decay)


# Where clipping and signs come to rest


def _in_one_dimension(experiment: Experiment) -> str:
    """The dimension."""
    n = experiment.problem.dimension
    return "" if n == 1 else f"there are {n}"


_RESTING = (
    Assumption("there is one coordinate", _in_one_dimension, "problem"),
    convex,
    strongly_convex,
    unconstrained,
    unbiased,
    square_summable_step,
)
_clips = settings_obey("clip_norm > 0", lambda s: s["clip_norm"] > 0, "clip_norm")


@claim(
    source="koloskova2023, with the exact constant derived here",
    tags=("stationarity", "stochastic", "limit"),
    measure="stationarity_gap",
    kind="almost sure limit",
    assumes=[*_RESTING, the_rule("clipped-gradient"), _clips],
    status="proved here",
    cases="""
        agrees
            # Around the limit itself, and well within it.
            two-point-noise:start=3  clipped-gradient  inverse:alpha=10  100_000  seeds=4
            two-point-noise:start=3  clipped-gradient:clip_norm=2  inverse:alpha=3  10_000 \
                seeds=40
            noisy-quadratic:dimension=1,kappa=1  clipped-gradient:clip_norm=0.5  inverse:alpha=5 \
                10_000  seeds=8
        not applicable
            noisy-quadratic  clipped-gradient  inverse:alpha=1  9  seeds=2
            two-point-noise  clipped-gradient:clip_norm=0  inverse:alpha=1  9  seeds=2
            two-point-noise  clipped-gradient  constant:alpha=1  9  seeds=2
    """,
)
def koloskova_2023_clipping(T: Any, sigma2: Any, clip_norm: Any) -> Any:
    """SGD with clipping comes to rest near the minimum, not at it: how near at least.

    limsup |f'(x_T)| <= sigma**2 / (4 c) if sigma <= 2 c, else sigma - c, c the norm at which
    gradients are clipped; the print has the order min(sigma, sigma**2 / c).

    As every loss is convex, phi(x) = E clip(g(x)) does not fall, and the run tends to where it
    vanishes (Robbins and Monro; steps are bounded). Let E clip(g) = 0 and m = E g >= 0, p the
    probability of g > c, and A and -b the means of g if g > c and else. Else clip(g) is at least g
    and at least -c, so 0 >= p c - (1-p) b and p <= 1/2. The variance is at least that of the two
    means, p (1-p) (A + b)**2. So m = p (A + b) - b <= sigma r - c r**2 with r**2 = p / (1-p) <= 1,
    which is largest at r = min(1, sigma / (2c)).

    No smaller bound is true: see `two-point-noise` and `koloskova-2023-clipping-least`.
    """
    sigma = sqrt(sigma2)
    r = np.minimum(1.0, sigma / (2 * clip_norm))
    return sigma * r - clip_norm * r**2 + 0.0 * T


@claim(
    source=("bernstein2018", "koloskova2023, with the exact constant derived here"),
    tags=("stationarity", "stochastic", "sign", "limit"),
    measure="stationarity_gap",
    kind="almost sure limit",
    assumes=[*_RESTING, the_rule("sign-descent")],
    status="proved here",
    cases="""
        agrees
            two-point-noise:p=0.45,start=3  signsgd  inverse:alpha=3  10_000  seeds=40
            noisy-quadratic:dimension=1,kappa=1  signsgd  inverse:alpha=5  10_000  seeds=8
        not applicable
            noisy-quadratic  signsgd  inverse:alpha=1  9  seeds=2
            two-point-noise  signsgd  constant:alpha=1  9  seeds=2
    """,
)
def koloskova_2023_sign(T: Any, sigma2: Any) -> Any:
    """Sign descent comes to rest where the median of the gradient is 0, and so near its mean.

    limsup |f'(x_T)| <= sigma: the limit of `koloskova-2023-clipping` as c falls to 0, with the same
    proof. With two values of the probabilities p and 1 - p the share sqrt(p / (1-p)) of it is
    attained, for every p < 1/2.
    """
    return sqrt(sigma2) + 0.0 * T


def _rests_at(experiment: Experiment) -> float:
    """sigma**2 / (4 c)."""
    clip_norm = float(experiment.method.settings["clip_norm"])
    return experiment.problem.constant("sigma2") / (4 * clip_norm) if clip_norm else np.inf


def _starts_at_rest(experiment: Experiment) -> str:
    """The start, p and sigma, beside the clipping norm."""
    problem, rest = experiment.problem, _rests_at(experiment)
    p, start = problem.settings["p"], float(problem.start[0])
    clip_norm = float(experiment.method.settings["clip_norm"])
    r2 = rest / clip_norm if clip_norm else np.inf
    if abs(p / (1 - p) - r2) > 1e-12:
        return f"p / (1-p) is {p / (1 - p):.6g}, not {r2:.6g}"
    return "" if abs(start - rest) <= 1e-12 else f"the start is {start:.6g}, not {rest:.6g}"


def _short_way(experiment: Experiment) -> str:
    """The sum of the step sizes, beside what noise may carry the iterate by."""
    rounds = np.arange(1, experiment.steps + 1)
    sizes = experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps)
    clip_norm = float(experiment.method.settings["clip_norm"])
    way, most = clip_norm * float(sizes.sum()), clip_norm - _rests_at(experiment)
    return "" if way <= most else f"it may come {way:.6g} far, and {most:.6g} is the most"


@claim(
    source="koloskova2023, with the exact constant derived here",
    tags=("stationarity", "stochastic", "failure"),
    measure="stationarity_gap",
    kind="in expectation",
    sense="at least",
    assumes=[
        the_problem("two-point-noise"),
        the_rule("clipped-gradient"),
        _clips,
        Assumption("the start is sigma**2 / (4 c), and p / (1-p) is a c-th of it", _starts_at_rest),
        Assumption("no draws lead below 2 x_1 - c", _short_way, "method"),
    ],
    status="proved here",
    cases="""
        holds
            two-point-noise  clipped-gradient  constant:alpha=0.1  7  seeds=40
            two-point-noise:p=16/41,sigma=2,start=0.8  clipped-gradient:clip_norm=1.25 \
                constant:alpha=0.05  7  seeds=40
        not applicable
            two-point-noise:start=1  clipped-gradient  constant:alpha=0.1  7  seeds=2
            two-point-noise:p=0.3  clipped-gradient  constant:alpha=0.1  7  seeds=2
            two-point-noise  clipped-gradient  constant:alpha=0.1  8  seeds=2
    """,
)
def koloskova_2023_clipping_least(T: Any, sigma2: Any, clip_norm: Any) -> Any:
    """SGD with clipping stays away from the minimum: the bias is attained, in every round.

    E|f'(x_{T+1})| >= sigma**2 / (4 c) on `two-point-noise` from there, while the steps so far
    cannot lead below 2 x_1 - c.

    Let b = sigma**2/(2c) = 2 x_1. As long as b - c <= x <= b the commoner gradient x - b is not
    clipped, and the rarer one to at most c, so that E clip(g) <= p c + (1-p) (x - b) = (1-p)
    (x - x_1): a round leaves E x_{t+1} - x_1 >= (1 - alpha (1-p)) (E x_t - x_1). So E x_t >= x_1
    for all t, and |f'(x)| = |x|; with equality until the rarer gradient is no longer clipped, or x
    is negative.
    """
    return sigma2 / (4 * clip_norm) + 0.0 * T
