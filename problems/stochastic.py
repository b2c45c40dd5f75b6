"""Stochastic problems whose noise is known exactly.

Where one draw has finitely many values the mean, the variance and the growth of the stochastic
gradient are finite sums, so their constants are numbers and not estimates. The growth condition
is E||g||**2 <= M + M_G ||grad f||**2; with M = 0 it is the strong growth condition, under which
the noise fades as the gradient does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from problems import draws
from problems.arithmetic import clip, where
from problems.batches import in_blocks
from problems.domain import Box, WholeSpace
from problems.notation import require
from problems.parameters import accepted_seed, choice, number, numbers, whole
from problems.problem import (
    Constant,
    Lettered,
    Outcomes,
    Problem,
    Samples,
    Stationary,
    derived,
    exact,
    problem,
)
from problems.quadratic import quadratic

__all__ = [
    "heavy_tailed_noise",
    "interpolating_least_squares",
    "karimireddy_2019_ce1",
    "karimireddy_2019_ce2",
    "karimireddy_2019_ce3",
    "label_noise_least_squares",
    "multiplicative_noise",
    "noisy_huber",
    "noisy_quadratic",
    "rare_feature_logistic",
    "shi_2021",
    "shuffled_parabolas",
    "skewed_batches",
    "wilson_2017",
    "zhang_2022",
]

Array = NDArray[np.float64]

_UNBOUNDED = "gradients of a quadratic grow without bound"


# Quadratics with noise


def _with_linear_noise(
    base: Problem, scale: float, noise: Samples, start: float, formula: str, **facts: Any
) -> Problem:
    """The quadratic with a round's loss f(x) + scale z.x, so that its gradient is unbiased."""

    def loss(x: Any, z: Any) -> Any:
        return base.objective(x) + scale * (z * x).sum(axis=-1)

    return Problem(
        formula=f"{base.formula}; {formula}",
        domain=WholeSpace(),
        start=np.full(base.dimension, number("start", start)),
        loss_formula=loss,
        gradient_formula=lambda x, z: base.objective_gradient(x) + scale * z,
        samples=noise,
        stochastic=True,
        objective_formula=base.objective,
        objective_gradient_formula=base.objective_gradient,
        **facts,
    )


@problem(
    source=("robbins1951", "bottou2018, the growth condition"),
    tags=("stochastic", "convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
)
def noisy_quadratic(
    *,
    kappa: float = 10.0,
    dimension: int = 2,
    L: float = 1.0,
    sigma: float = 1.0,
    start: float = 1.0,
) -> Problem:
    """Quadratic with Gaussian noise of constant size.

    A round shows f(x) + sigma z.x with z standard normal, so g = H x + sigma z: the variance is
    sigma**2 in each of n coordinates, everywhere, and E||g||**2 = n sigma**2 + ||grad f||**2.

    The mean square of SGD is known exactly. In a coordinate of curvature l and with the step
    size a, E x_{t+1}**2 = (1 - a l)**2 E x_t**2 + a**2 sigma**2, since z is independent of x_t.
    For a constant 0 < a < 2/l this tends to a sigma**2 / (l (2 - a l)). With a_t = 1/(l t)
    E x_{t+1}**2 = sigma**2 / (l**2 t) for every t >= 1 and every start, by induction:
    (1 - 1/t)**2 / (t - 1) + 1/t**2 = 1/t. One dimension is kappa=1,dimension=1.
    """
    base = quadratic(kappa=kappa, dimension=dimension, L=L)
    dimension, L = base.dimension, base.constant("L")
    sigma = number("sigma", sigma, above=0)
    variance = exact(dimension * sigma**2, "n sigma**2, at every point")

    def noise(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        index = np.arange(dimension)[None, None, :]
        return draws.normal(seeds[None, :, None], rounds[:, None, None], index)

    return _with_linear_noise(
        base,
        sigma,
        noise,
        start,
        f"a round adds {sigma:g} z.x, z standard normal",
        affine=True,
        noise_variance=sigma**2,
        constants={
            **base.constants,
            "L_max": exact(L, "a linear term leaves the Hessian as it is"),
            "sigma2": variance,
            "M": variance,
            "M_G": exact(1.0, "E||g||**2 = n sigma**2 + ||grad f||**2"),
        },
        unknown={"G": "the noise is unbounded", "G_inf": "the noise is unbounded"},
    )


@problem(
    source="zhang2020adaptive",
    tags=("stochastic", "convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
)
def heavy_tailed_noise(
    *,
    tail: float = 1.5,
    kappa: float = 10.0,
    dimension: int = 2,
    L: float = 1.0,
    scale: float = 1.0,
    start: float = 1.0,
) -> Problem:
    """Quadratic with noise of infinite variance.

    A round shows f(x) + scale z.x, so g = H x + scale z. The coordinates of z are independent
    and symmetric with P(|z_i| > s) = s**-tail for s >= 1 (Pareto): E z_i = 0, and E|z_i|**p =
    tail / (tail - p) for p < tail but infinite for p >= tail. With 1 < tail <= 2 the noise has
    a mean and no variance: one step of SGD makes E||x||**2 infinite, clipped steps do not.

    By inverse transform: for u uniform and v = 2u - 1, z = sign(v) (1 - |v|)**(-1/tail). A u of
    52 bits cuts |z| off at 2**(52/tail), about 3e10 for tail = 1.5.
    """
    base = quadratic(kappa=kappa, dimension=dimension, L=L)
    dimension, L = base.dimension, base.constant("L")
    tail = number("tail", tail, above=1, most=2, why="a mean, but no variance")
    scale = number("scale", scale, above=0)
    infinite = f"E||g||**2 is infinite: the noise has the tail index {tail:g}"

    def noise(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        index = np.arange(dimension)[None, None, :]
        v = 2.0 * draws.uniform(seeds[None, :, None], rounds[:, None, None], index) - 1.0
        return np.copysign(np.power(1.0 - np.abs(v), -1.0 / tail), v)

    return _with_linear_noise(
        base,
        scale,
        noise,
        start,
        f"a round adds {scale:g} z.x, z_i symmetric, P(|z_i| > s) = s**-{tail:g}",
        constants={
            **base.constants,
            "L_max": exact(L, "a linear term leaves the Hessian as it is"),
        },
        unknown={
            "sigma2": infinite,
            "M": infinite,
            "M_G": infinite,
            "G": "the noise is unbounded",
            "G_inf": "the noise is unbounded",
        },
    )


@problem(
    source="vaswani2019",
    tags=(
        "stochastic",
        "convex",
        "smooth",
        "strongly-convex",
        "polyak-lojasiewicz",
        "interpolation",
    ),
)
def multiplicative_noise(
    *,
    tau: float = 0.5,
    kappa: float = 10.0,
    dimension: int = 4,
    L: float = 1.0,
    start: float = 1.0,
) -> Problem:
    """Quadratic whose gradient is scaled by a coin: strong growth, exactly.

    A round shows (1 + tau z) f(x) with a fair coin z = +-1, so g = (1 + tau z) H x. Then
    E||g||**2 = (1 + tau**2) ||grad f||**2 at every point: M = 0 and rho = M_G = 1 + tau**2. For
    tau <= 1 every loss is convex with the minimiser 0.

    In a coordinate of curvature l, SGD with the step size a has E x_{t+1}**2 =
    ((1 - a l)**2 + (a l tau)**2) E x_t**2, which shrinks iff a l (1 + tau**2) < 2. With
    a = 1/(rho l) the factor is 1 - 1/rho, its least value: for kappa = 1 the rate
    (1 - mu/(rho L))**T of SGD under strong growth is attained with equality.
    """
    base = quadratic(kappa=kappa, dimension=dimension, L=L)
    dimension, L = base.dimension, base.constant("L")
    tau = number("tau", tau, above=0, most=1, why="every loss must be convex")
    factors = np.array([1.0 + tau, 1.0 - tau])

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        return factors[draws.indices(seeds[None, :], rounds[:, None], 0, 2)]

    return Problem(
        formula=f"{base.formula}; a round shows f(x) times 1 + {tau:g} or 1 - {tau:g}, fairly",
        domain=WholeSpace(),
        start=np.full(dimension, number("start", start)),
        loss_formula=lambda x, factor: factor * base.objective(x),
        gradient_formula=lambda x, factor: (
            np.asarray(factor)[..., None] * base.objective_gradient(x)
        ),
        samples=samples,
        stochastic=True,
        objective_formula=base.objective,
        objective_gradient_formula=base.objective_gradient,
        outcomes=lambda: Outcomes(factors, np.array([0.5, 0.5])),
        affine=True,
        constants={
            **base.constants,
            "L_max": exact((1.0 + tau) * L, "(1 + tau) L, of the louder loss"),
            "M": exact(0.0, "g vanishes where grad f does"),
            "M_G": exact(1.0 + tau**2, "E (1 + tau z)**2 = 1 + tau**2"),
        },
        unknown={
            "sigma2": "the variance tau**2 ||grad f||**2 grows without bound",
            "G": _UNBOUNDED,
            "G_inf": _UNBOUNDED,
        },
    )


# A Huber function with a coin


@problem(
    source=("huber1964, the function", "robbins1951"),
    tags=("stochastic", "convex", "smooth", "1-D", "worst-case"),
)
def noisy_huber(
    *,
    slope: float = 1.0,
    L: float = 1.0,
    sigma: float = 0.5,
    chance: float = 0.5,
    start: float = 10.0,
    domain: Any = None,
) -> Problem:
    """Huber function with noise of two values: bounded gradients on the whole line.

    f(x) = L x**2/2 for |x| <= d and slope (|x| - d/2) beyond, d = slope / L. A round shows
    f(x) + sigma z x, where z is sqrt((1-p)/p) with probability p = chance <= 1/2 and
    -sqrt(p/(1-p)) else: z has mean 0 and variance 1, so g = f'(x) + sigma z has the variance
    sigma**2 everywhere. The larger |z| is the first; where f' is the slope, g = slope + sigma
    sqrt((1-p)/p) is the largest gradient of all.

    On the straight part nothing depends on x, so that the run of a method is known there: bounds
    of stochastic methods for smooth functions with bounded gradients come close to their figures
    here. If sigma sqrt(p/(1-p)) exceeds the slope, then beyond d only the rare large gradients
    lead downhill. A method that divides each gradient by its own size, as RMSprop does with a
    small beta2, goes uphill for p < 1/2.

    With a `domain` of [low, high] around 0 that reaches beyond d it is f on that interval. There
    f'**2 / (2 f) falls with |x| beyond d, so mu_pl is slope / (2 |x| - d) at the farther end.
    """
    slope, L = number("slope", slope, above=0), number("L", L, above=0)
    sigma = number("sigma", sigma, above=0)
    chance = number("chance", chance, above=0, most=0.5, why="z is largest where it is positive")
    kink = slope / L
    often, rare = float(np.sqrt(chance / (1 - chance))), float(np.sqrt((1 - chance) / chance))
    shown = np.array([rare, -often])
    letters = {"slope": slope, "L": L, "sigma": sigma}
    box = None
    if domain is not None:
        low, high = ends = numbers("domain", domain, 2, 2)
        require(
            low <= 0 and high >= kink,
            f"domain={ends!r} must be an interval around 0 that reaches to {kink:g}",
        )
        box = Box(low, high)

    def value(x: Any, *, slope: Any, L: Any) -> Any:
        d = slope / L
        return where(abs(x) > d, slope * abs(x) - slope * d / 2, L * x * x / 2)

    def loss(x: Any, z: Any, *, slope: Any, L: Any, sigma: Any) -> Any:
        return value(x, slope=slope, L=L) + sigma * z * x

    def gradient(x: Any, z: Any, *, slope: Any, L: Any, sigma: Any) -> Any:
        return clip(L * x, -slope, slope) + sigma * z

    largest = exact(
        slope + sigma * rare,
        "the slope and the larger noise, which is positive",
        at=[kink if box is None else box.high],
    )
    variance = exact(sigma**2, "sigma**2, at every point")
    constants = {
        "L": exact(L, "f'' for |x| < d"),
        "L_max": exact(L, "a linear term leaves f'' as it is"),
        "G": largest,
        "G_inf": largest,
        "sigma2": variance,
        "M": variance,
        "M_G": exact(1.0, "E g**2 = sigma**2 + f'(x)**2"),
        "minimum": exact(0.0),
        "minimizer": exact([0.0]),
    }
    unknown = {"mu": "f is straight beyond d"}
    if box is None:
        unknown["mu_pl"] = "beyond d the gradient stays the slope while f grows"
    else:
        end = box.high if box.high >= -box.low else box.low
        constants["mu_pl"] = exact(
            slope / (2 * abs(end) - kink), "slope / (2 |x| - d) at the farther end", at=[end]
        )
    return Problem(
        formula=f"f(x) = {L:g} x**2/2 for |x| <= {kink:g}, {slope:g} (|x| - {kink / 2:g}) beyond"
        + (f", on [{box.low:g}, {box.high:g}]" if box else "")
        + f"; a round adds {sigma * rare:g} x with probability {chance:g}, else "
        f"{-sigma * often:g} x",
        domain=box or WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=Lettered(loss, **letters),
        gradient_formula=Lettered(gradient, **letters),
        samples=lambda rounds, seeds: np.where(
            draws.uniform(seeds[None, :], rounds[:, None]) < chance, *shown
        ),
        stochastic=True,
        objective_formula=lambda x: value(x, slope=slope, L=L),
        objective_gradient_formula=lambda x: clip(L * x, -slope, slope),
        outcomes=lambda: Outcomes(shown, np.array([chance, 1 - chance])),
        constants=constants,
        unknown=unknown,
    )


# Least squares


@dataclass(frozen=True)
class _LeastSquares:
    """f(w) = E[weight (a.(w - w*) - s)**2] / 2 over k outcomes, where w* is the point of ones.

    The noise s of a row takes both signs equally often, so that w* stays the minimiser.

    Attributes:
        rows: The vectors a, (k, n).
        noise: The numbers s, (k,).
        weights: What a drawn loss is multiplied by to be unbiased, (k,).
        probabilities: Of the outcomes, (k,).
    """

    rows: Array
    noise: Array
    weights: Array
    probabilities: Array

    def _drawn(self, w: Array, drawn: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """The rows of a batch, their weights and their residuals."""
        rows = self.rows.take(drawn, axis=0)
        residual = (rows * (w - 1.0)[..., None, :]).sum(axis=-1) - self.noise.take(drawn)
        return rows, self.weights.take(drawn), residual

    def loss(self, w: Any, drawn: Any) -> Any:
        """The mean loss of a batch; drawn has shape (..., batch)."""

        def block(w: Array, drawn: NDArray[np.intp]) -> Array:
            _, weights, residual = self._drawn(w, drawn)
            return np.asarray((0.5 * weights * residual * residual).mean(axis=-1))

        return in_blocks(block, drawn.shape[-1] * self.rows.shape[-1], w, drawn)

    def gradient(self, w: Any, drawn: Any) -> Any:
        """Its gradient."""

        def block(w: Array, drawn: NDArray[np.intp]) -> Array:
            rows, weights, residual = self._drawn(w, drawn)
            pull = weights * residual / drawn.shape[-1]
            return np.asarray((pull[..., None] * rows).sum(axis=-2))

        return in_blocks(block, drawn.shape[-1] * self.rows.shape[-1], w, drawn)

    def sampler(self, batch: int) -> Samples:
        """Batches drawn with replacement."""
        ends = self.probabilities.cumsum()[:-1]

        def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.intp]:
            index = np.arange(batch)[None, None, :]
            u = draws.uniform(seeds[None, :, None], rounds[:, None, None], index)
            return np.searchsorted(ends, u, side="right")

        return samples


def _gaussian_rows(examples: int, dimension: int, seed: int) -> Array:
    """Standard normal rows, the shortest first."""
    # Round 0 is no round of a run, so the data and the samples of a run are independent.
    rows = draws.normal(seed, 0, np.arange(examples * dimension)).reshape(examples, dimension)
    return rows[np.argsort((rows * rows).sum(axis=-1), kind="stable")]


def _regression(
    rows: Array, noise: float, shares: Array, batch: int, formula: str, tags: tuple[str, ...] = ()
) -> Problem:
    """Least squares over rows that are drawn with the given probabilities.

    With e = w - w*, r_i = ||a_i||**2, H = mean a_i a_i' and weights 1 / (n p_i):
    f = e'He/2 + noise**2/2 and E||g||**2 = e'Ke + M for a batch of one, where
    K = 1/n**2 sum r_i a_i a_i' / p_i and M = noise**2/n**2 sum r_i / p_i; a batch of b averages
    independent gradients, so E||g||**2 = e'HHe + (e'Ke - e'HHe + M) / b. The largest quotient
    rho of e'Ke and e'HHe is the largest eigenvalue of H**-1 K H**-1.
    """
    examples, dimension = rows.shape
    batch = whole("batch", batch, 1, 100)
    copies = 2 if noise else 1
    signs = np.resize([1.0, -1.0], copies * examples)
    model = _LeastSquares(
        rows=np.repeat(rows, copies, axis=0),
        noise=noise * signs,
        weights=np.repeat(1.0 / (examples * shares), copies),
        probabilities=np.repeat(shares / copies, copies),
    )
    # Not rows.T @ rows, whose last bits differ between machines.
    hessian = (rows[:, :, None] * rows[:, None, :]).sum(axis=0) / examples
    squares = (rows * rows).sum(axis=-1)
    eigenvalues = np.linalg.eigvalsh(hessian)
    # K = factor' factor. Sums, eigenvalues and solutions are off by some units times their
    # lengths, solutions by the condition number of H as well.
    factor = rows * np.sqrt(squares / shares)[:, None] / examples
    solved = np.linalg.solve(hessian, factor.T)
    growth, directions = np.linalg.eigh(solved @ solved.T)
    steepest = np.linalg.solve(hessian, directions[:, -1])
    unit = 64 * (examples + dimension) * float(np.finfo(float).eps)
    spread = float(eigenvalues[-1] / eigenvalues[0])
    error = unit * float(eigenvalues.sum())
    rho = float(growth[-1])
    at_minimizer = noise**2 * float((squares / shares).sum()) / examples**2 / batch
    curvature = "eigenvalue of mean a_i a_i'"

    def gradient(w: Any) -> Any:
        return (hessian * (w - 1.0)[..., None, :]).sum(axis=-1)

    lowest = Constant(float(eigenvalues[0]), "computed", f"the least {curvature}", error)
    return Problem(
        formula=formula + (f"; batches of {batch}" if batch > 1 else ""),
        domain=WholeSpace(),
        start=np.zeros(dimension),
        loss_formula=model.loss,
        gradient_formula=model.gradient,
        samples=model.sampler(batch),
        stochastic=True,
        objective_formula=lambda w: 0.5 * ((w - 1.0) * gradient(w)).sum(axis=-1) + noise**2 / 2,
        objective_gradient_formula=gradient,
        outcomes=lambda: Outcomes(
            np.arange(copies * examples)[:, None], model.probabilities, averaged=batch
        ),
        affine=True,
        constants={
            "L": Constant(float(eigenvalues[-1]), "computed", f"the largest {curvature}", error),
            "mu": lowest,
            "mu_pl": lowest,
            "L_max": exact(
                float((squares / shares).max()) / examples, "the largest ||a_i||**2 / (n p_i)"
            ),
            "M": exact(at_minimizer, "E||g||**2 at the minimiser"),
            "M_G": Constant(
                1.0 + (rho - 1.0) / batch,
                "computed",
                "1 + (rho - 1) / batch, rho = lambda_max(H**-1 K H**-1)",
                unit * spread * rho / batch,
                at=1.0 + steepest / np.linalg.norm(steepest),
            ),
            "minimum": exact(noise**2 / 2, "noise**2 / 2: every example is fitted up to its noise"),
            "minimizer": exact(np.ones(dimension), "the point that made the labels"),
        },
        unknown={
            "sigma2": "the variance grows without bound with the distance to the minimiser",
            "G": _UNBOUNDED,
            "G_inf": _UNBOUNDED,
        },
        exact_gradient_cost=examples / batch,
        tags=tags,
    )


_LEAST_SQUARES = ("stochastic", "convex", "smooth", "strongly-convex", "polyak-lojasiewicz")


def _accepted_data(examples: Any, dimension: Any, seed: Any) -> tuple[int, int, int]:
    dimension = whole("dimension", dimension, 1, 20)
    # Square Gaussian matrices are badly conditioned; twice as many rows are not.
    return (
        whole("examples", examples, 2 * dimension, 1000),
        dimension,
        accepted_seed(seed),
    )


@problem(source="vaswani2019", tags=(*_LEAST_SQUARES, "interpolation", "finite-sum"))
def interpolating_least_squares(
    *, examples: int = 20, dimension: int = 4, batch: int = 1, seed: int = 0
) -> Problem:
    """Consistent least squares: one point fits every example.

    f(w) = 1/(2n) sum_i (a_i.w - b_i)**2 with Gaussian a_i, made from the seed, and b_i = a_i.w*
    for the point w* of ones. Every loss is 0 at w*, so M = 0.

    With e = w - w*, H = mean a_i a_i' and K = mean ||a_i||**2 a_i a_i', one example has
    E||g||**2 = e'Ke and ||grad f||**2 = e'HHe: strong growth with rho the largest eigenvalue of
    H**-1 K H**-1, attained along an eigenvector. As K <= max ||a_i||**2 H and HH >= mu H, rho is
    at most max ||a_i||**2 / mu. A batch of b has 1 + (rho - 1)/b.
    """
    examples, dimension, seed = _accepted_data(examples, dimension, seed)
    return _regression(
        _gaussian_rows(examples, dimension, seed),
        0.0,
        np.full(examples, 1.0 / examples),
        batch,
        f"f(w) = 1/(2n) sum_i (a_i.(w - w*))**2, a_i Gaussian, n = {examples}",
    )


@problem(source="bottou2018, the growth condition", tags=(*_LEAST_SQUARES, "finite-sum"))
def label_noise_least_squares(
    *, noise: float = 1.0, examples: int = 20, dimension: int = 4, batch: int = 1, seed: int = 0
) -> Problem:
    """Least squares with noisy labels: interpolation fails.

    The data of `interpolating-least-squares`, with every example twice, once with its label
    raised by the noise and once lowered. The linear terms cancel, so f is higher by noise**2/2
    and has the same minimiser and Hessian; but each loss has its own minimiser, and strong
    growth fails: at w* the gradient of an example is -+noise a_i.

    E||g||**2 = e'Ke + noise**2 mean ||a_i||**2 for one example, the cross term having mean 0: so
    M = noise**2 mean ||a_i||**2 / b, the variance at w*, and M_G is that of the noiseless twin.
    """
    examples, dimension, seed = _accepted_data(examples, dimension, seed)
    noise = number("noise", noise, above=0)
    return _regression(
        _gaussian_rows(examples, dimension, seed),
        noise,
        np.full(examples, 1.0 / examples),
        batch,
        f"f(w) = 1/(4n) sum_i sum_+- (a_i.(w - w*) +- {noise:g})**2, a_i Gaussian, n = {examples}",
    )


@problem(source="needell2016", tags=(*_LEAST_SQUARES, "finite-sum"))
def skewed_batches(
    *,
    sampling: str = "smoothness",
    skew: float = 10.0,
    noise: float = 1.0,
    examples: int = 20,
    dimension: int = 4,
    batch: int = 1,
    seed: int = 0,
) -> Problem:
    """Least squares sampled by importance.

    f(w) = 1/(2n) sum_i (a_i.(w - w*) +- noise)**2 over rows in Gaussian directions whose norms
    grow geometrically from 1 to the skew. Row i is drawn with probability p_i and its loss
    weighted by 1/(n p_i), so gradients stay unbiased. Three ways to draw change the constants:

    - sampling=uniform: L_max = max ||a_i||**2, M = noise**2 mean ||a_i||**2;
    - sampling=norm, p_i ~ ||a_i||: M = noise**2 (mean ||a_i||)**2, the least possible, since
      sum ||a_i||**2 / p_i >= (sum ||a_i||)**2 by Cauchy and Schwarz;
    - sampling=smoothness, p_i ~ ||a_i||**2: L_max = mean ||a_i||**2, the least possible, M as
      for uniform, and M_G = mean ||a_i||**2 / mu, as K = mean ||a_i||**2 H.

    (All for a batch of 1.) With noise=0, sampling=smoothness and the step size 1/L_max, SGD is
    the randomized Kaczmarz method: it projects onto a_i.w = b_i, and E||w_{t+1} - w*||**2 =
    ||e||**2 - e'He / L_max <= (1 - mu/L_max) ||e||**2 for e = w_t - w*.
    """
    examples, dimension, seed = _accepted_data(examples, dimension, seed)
    sampling = choice("sampling", sampling, ("uniform", "norm", "smoothness"))
    skew = number("skew", skew, above=0)
    noise = number("noise", noise, least=0)
    directions = _gaussian_rows(examples, dimension, seed)
    directions /= np.sqrt((directions * directions).sum(axis=-1, keepdims=True))
    norms = np.geomspace(1.0, skew, examples)
    shares = norms ** {"uniform": 0, "norm": 1, "smoothness": 2}[sampling]
    return _regression(
        directions * norms[:, None],
        noise,
        shares / shares.sum(),
        batch,
        f"f(w) = mean_i (a_i.(w - w*) +- {noise:g})**2 / 2, n = {examples}, ||a_i|| from 1 to "
        f"{skew:g}, drawn by {sampling}",
        () if noise else ("interpolation",),
    )


@problem(
    source="wilson2017, Section 3",
    tags=(
        "convex",
        "smooth",
        "polyak-lojasiewicz",
        "interpolation",
        "finite-sum",
        "counterexample",
    ),
)
def wilson_2017(*, positives: int = 4, negatives: int = 2) -> Problem:
    """Wilson et al.'s separable data, on which adaptive methods find a bad interpolant.

    Example i with the label y = +-1 has the features x_1 = y, x_2 = x_3 = 1 and a private block of
    five: 1,0,0,0,0 if y = 1 and 1,1,1,1,1 if y = -1. f(w) = 1/(2n) ||Xw - y||**2 by full
    gradients from 0, in 3 + 5n dimensions, with many interpolants.

    Gradient descent finds the one of least norm, the minimiser stated: w = X'alpha with
    alpha = (4n- + 5)/q on positive and -(4n+ + 1)/q on negative examples,
    q = 15n+ + 3n- + 8n+n- + 5, from the two equations (3n+ + 1) alpha+ + n- alpha- = 1 and
    n+ alpha+ + (3n- + 5) alpha- = -1. It classifies every fresh example (whose private block
    was never seen) rightly: w_1 > 2|w_2|, w_3 = w_2.

    For n+ > n- the signs s of X'y are 1, 1, 1 and y on the private slots in use, and Xs = 4y. So
    s/4 is an interpolant too. At multiples of s all gradients are multiples of X'y, whose
    coordinates lose their sizes in AdaGrad, RMSprop and Adam without epsilon (0/0 read as 0): from
    0 these never leave the line (in floating point, until the gradient is all rounding), and at
    s/4 a fresh example scores (y + 2)/4, so is labelled +1.

    XX' is the identity (5 times it for negative labels) plus 3 where labels agree and 1 where
    they differ. Its eigenvalues are 1 (n+ - 1 times), 5 (n- - 1 times) and the two of
    [[3n+ + 1, r], [r, 3n- + 5]] with r**2 = n+n-, which lie above 1: L and mu_pl are the
    largest and the least, over n.
    """
    negatives = whole("negatives", negatives, 1, 500)
    positives = whole("positives", positives, negatives + 1, 1000)
    n = positives + negatives
    labels = np.repeat([1.0, -1.0], [positives, negatives])
    slots = np.ones((n, 5))
    slots[:positives, 1:] = 0.0

    def scores(w: Any) -> Any:
        private = (w[..., 3:].reshape(*w.shape[:-1], n, 5) * slots).sum(axis=-1)
        return labels * w[..., :1] + w[..., 1:2] + w[..., 2:3] + private

    def transposed(pull: Any) -> Any:
        """X'pull for pull of shape (..., n)."""
        total = pull.sum(axis=-1, keepdims=True)
        signed = (labels * pull).sum(axis=-1, keepdims=True)
        private = (pull[..., None] * slots).reshape(*pull.shape[:-1], 5 * n)
        return np.concatenate([signed, total, total, private], axis=-1)

    def loss(w: Any, sample: Any) -> Any:
        residual = scores(w) - labels
        return (residual * residual).sum(axis=-1) / (2 * n)

    q = 15 * positives + 3 * negatives + 8 * positives * negatives + 5
    least_norm = transposed(np.where(labels > 0, (4 * negatives + 5) / q, -(4 * positives + 1) / q))
    adaptive = np.concatenate([np.ones(3), (slots * labels[:, None]).reshape(-1)]) / 4
    trace, gap = 3 * n + 6, 3 * (positives - negatives) - 4
    largest = (trace + float(np.sqrt(gap**2 + 4 * positives * negatives))) / 2
    # X'(1, -1, 0, ...): two positive examples pull in opposite directions.
    flattest = transposed((np.arange(n) == 0) - 1.0 * (np.arange(n) == 1))
    return Problem(
        formula=f"f(w) = 1/(2n) ||Xw - y||**2, {positives} examples y = 1, {negatives} of y = -1",
        domain=WholeSpace(),
        start=np.zeros(3 + 5 * n),
        loss_formula=loss,
        gradient_formula=lambda w, sample: transposed((scores(w) - labels) / n),
        # Of the label y: the features y, 1, 1, and a private block where the weights are 0.
        fresh_margin=lambda w: w[..., 0] - abs(w[..., 1] + w[..., 2]),
        constants={
            "L": exact(largest / n, "the largest eigenvalue of XX' / n"),
            "mu_pl": exact(
                1.0 / n, "the least eigenvalue of XX' / n is 1/n", at=least_norm + flattest
            ),
            "minimum": exact(0.0, "every example is fitted"),
            "minimizer": exact(least_norm, "the interpolant of least norm; there are others"),
        },
        unknown={"mu": "X'X is singular: there are more weights than examples"},
        stationary=(
            Stationary(adaptive, "minimum", "sign(X'y)/4, where adaptive methods end from 0"),
        ),
    )


# Finite sums whose components disagree


def _visits(components: Array, order: str) -> Samples:
    """Which component each round shows: drawn with replacement, or a fresh order every epoch."""
    size = components.size

    def independent(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        return components[draws.indices(seeds[None, :], rounds[:, None], 0, size)]

    def reshuffled(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        epochs, which = np.unique((rounds - 1) // size, return_inverse=True)
        # The order of an epoch is that of its uniform numbers, keyed by the epoch alone.
        keys = draws.uniform(seeds[None, :, None], epochs[:, None, None], np.arange(size))
        orders = np.argsort(keys, axis=-1, kind="stable")
        return components[orders[which, :, (rounds - 1) % size]]

    return independent if order == "independent" else reshuffled


def _accepted_order(order: Any) -> str:
    return choice("order", order, ("independent", "reshuffled"))


_DEPENDENT = "an epoch shows each component once: E[g | past] is not grad f"


def _noise_constants(
    order: str, known: dict[str, Constant]
) -> tuple[dict[str, Constant], dict[str, str]]:
    """The constants of the noise, which reshuffled rounds do not have, and the reasons."""
    if order == "independent":
        return known, {}
    return {}, dict.fromkeys(("sigma2", "M", "M_G"), _DEPENDENT)


@problem(
    source="shi2021, the condition D0 = 0",
    tags=("stochastic", "convex", "linear", "smooth", "1-D", "finite-sum", "counterexample"),
)
def shi_2021(*, C: int = 10, order: str = "independent", start: float = 1.0) -> Problem:
    """Reddi et al.'s slopes as a finite sum: RMSprop needs a beta2 near 1.

    f = x/C on [-1, 1] is the mean of C components, C x once and -x otherwise. Drawn with
    replacement (order=independent) or in a fresh order each epoch (order=reshuffled). In a fixed
    order it is `periodic-linear` with the slopes C, -1, ..., -1.

    The second moment of a drawn slope is (C**2 + C - 1)/C and the exact slope 1/C, both
    everywhere: the condition sum_j ||grad f_j||**2 <= D1 ||grad f||**2 + D0 holds with D0 = 0,
    the realizable case, and strong growth with rho = C (C**2 + C - 1). This is so because f has
    no stationary point on the line; the components do not share a minimiser.
    """
    C = whole("C", C, 2, 10_000)
    order = _accepted_order(order)
    slopes = np.array([float(C), *[-1.0] * (C - 1)])
    second = (C * C + C - 1) / C
    noise, unknown = _noise_constants(
        order,
        {
            "sigma2": exact(second - 1 / C**2, "(C**2 + C - 1)/C - 1/C**2"),
            "M": exact(0.0, "by strong growth"),
            "M_G": exact(float(C * (C * C + C - 1)), "C (C**2 + C - 1)"),
        },
    )
    largest = exact(float(C), "the largest |slope|")
    flat = exact(0.0, "the losses are linear")
    return Problem(
        formula=f"f(x) = x/{C}, the mean of {C} x once and -x {C - 1} times, {order}",
        domain=Box(-1.0, 1.0),
        start=np.array([number("start", start, least=-1, most=1, why="it lies in the domain")]),
        scalar=True,
        loss_formula=lambda x, slope: slope * x,
        gradient_formula=lambda x, slope: slope,
        samples=_visits(slopes, order),
        stochastic=True,
        objective_formula=lambda x: x / C,
        objective_gradient_formula=lambda x: 1 / C,
        outcomes=lambda: Outcomes(slopes, np.full(C, 1 / C)),
        affine=True,
        constants={
            "L": flat,
            "L_max": flat,
            "G": largest,
            "G_inf": largest,
            "minimum": exact(-1 / C, "x/C at -1"),
            "minimizer": exact([-1.0], "the mean slope is positive"),
            **noise,
        },
        unknown=unknown,
        exact_gradient_cost=float(C),
    )


@problem(
    source="zhang2022",
    tags=("stochastic", "convex-on-average", "smooth", "1-D", "finite-sum", "counterexample"),
)
def zhang_2022(
    *, n: int = 10, a: float = 1.0, order: str = "reshuffled", start: float = 0.0
) -> Problem:
    """Zhang et al.'s finite sum on which Adam with a small beta2 goes to infinity.

    With phi(x) = x for x >= -1 and ((x + 2)**2 - 3)/2 below, f_0 = (1 + (n-1) a) phi and
    f_1..f_{n-1} = -a phi, so f, their mean, is phi/n: convex, as phi' = min(x + 2, 1) increases,
    with the minimum -3/(2n) at -2. The other components are concave.

    f'' = 1/n below -1 gives L = 1/n, and L_max = 1 + (n-1) a. All gradients are multiples of
    phi': a component drawn with replacement has E||g||**2 = n ((1 + (n-1) a)**2 + (n-1) a**2)
    ||grad f||**2: strong growth, although only f_0 has its minimum at -2. The paper shuffles:
    order=reshuffled takes a fresh permutation each epoch, within which draws depend on each
    other; order=independent draws with replacement.
    """
    n = whole("n", n, 2, 10_000)
    a = number("a", a, above=0)
    order = _accepted_order(order)
    steep = 1.0 + (n - 1) * a
    factors = np.array([steep, *[-a] * (n - 1)])
    noise, unknown = _noise_constants(
        order,
        {
            "M": exact(0.0, "all gradients are multiples of grad f"),
            "M_G": exact(n * (steep**2 + (n - 1) * a**2), "n ((1 + (n-1) a)**2 + (n-1) a**2)"),
        },
    )

    def phi(x: Any) -> Any:
        return where(x < -1.0, ((x + 2.0) * (x + 2.0) - 3.0) / 2.0, x)

    def slope(x: Any) -> Any:
        return where(x < -1.0, x + 2.0, 1.0)

    return Problem(
        formula=f"f(x) = phi(x)/{n}, phi = x for x >= -1, ((x + 2)**2 - 3)/2 below; the mean of "
        f"{steep:g} phi once and -{a:g} phi {n - 1} times, {order}",
        domain=WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=lambda x, factor: factor * phi(x),
        gradient_formula=lambda x, factor: factor * slope(x),
        samples=_visits(factors, order),
        stochastic=True,
        objective_formula=lambda x: phi(x) / n,
        objective_gradient_formula=lambda x: slope(x) / n,
        outcomes=lambda: Outcomes(factors, np.full(n, 1 / n)),
        constants={
            "L": exact(1 / n, "f'' = 1/n below -1"),
            "L_max": exact(steep, "1 + (n-1) a, of f_0"),
            "minimum": exact(-1.5 / n, "-3/(2n) at -2"),
            "minimizer": exact([-2.0], "phi' = x + 2 vanishes"),
            **noise,
        },
        unknown={
            "sigma2": "the variance grows without bound as x falls",
            "mu": "f is linear above -1",
            "mu_pl": "f' stays 1/n while f grows without bound",
            "G": "f' grows without bound as x falls",
            "G_inf": "f' grows without bound as x falls",
            **unknown,
        },
        exact_gradient_cost=float(n),
    )


@problem(
    source="mishchenko2020",
    tags=(
        *("stochastic", "convex", "smooth", "strongly-convex", "polyak-lojasiewicz"),
        *("1-D", "finite-sum"),
    ),
)
def shuffled_parabolas(
    *,
    n: int = 3,
    L: float = 1.0,
    mu: float = 1.0,
    sigma: float = 1.0,
    order: str = "reshuffled",
    start: float = 2.0,
) -> Problem:
    """Parabolas that pull apart at the minimiser of their mean, by which shuffling is measured.

    f_k(x) = c_k x**2/2 + h_k x for k = 0..n-1. The curvatures c_k rise evenly from mu to L, and the
    slopes h_k evenly about 0, so that their mean is 0 and the mean of h_k**2 is sigma**2. The mean
    of the f_k is c x**2/2 with c = (mu + L)/2: the noise at its minimiser is sigma**2.

    For mu = L gradient descent with the step size 1/L leads to -h_k/L, k the component that was
    seen last. At the end of each epoch that is any of them, and E x**2 = sigma**2/L**2.
    """
    n = whole("n", n, 2, 10_000)
    L = number("L", L, above=0)
    mu = number("mu", mu, above=0)
    require(mu <= L, f"mu={mu!r} must be at most L={L!r}")
    sigma = number("sigma", sigma, above=0)
    order = _accepted_order(order)
    middle = (n - 1) / 2
    which = np.arange(float(n))
    rise, slope = (L - mu) / (n - 1), sigma / float(np.sqrt(np.mean((which - middle) ** 2)))
    c = (mu + L) / 2
    square = float(np.mean((mu + rise * which) ** 2))
    if mu == L:
        variance = exact(sigma**2, "the curvatures are the same")
        known = {"sigma2": variance, "M": variance, "M_G": exact(1.0, "E g**2 = f'**2 + sigma**2")}
        growing = {}
    else:
        known = {
            "M": derived(2 * sigma**2, "(c_k x + h_k)**2 <= 2 (c_k x)**2 + 2 h_k**2"),
            "M_G": derived(2 * square / c**2, "twice the mean of c_k**2, over c**2"),
        }
        growing = {"sigma2": "the variance grows with |x|"}
    noise, unknown = _noise_constants(order, known)
    return Problem(
        formula=f"f(x) = {c:g} x**2/2, the mean of {n} parabolas with curvatures from {mu:g} to "
        f"{L:g} and slopes at 0 of mean square {sigma**2:g}, {order}",
        domain=WholeSpace(),
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=lambda x, k: (mu + rise * k) * x * x / 2 + slope * (k - middle) * x,
        gradient_formula=lambda x, k: (mu + rise * k) * x + slope * (k - middle),
        samples=_visits(which, order),
        stochastic=True,
        objective_formula=lambda x: c * x * x / 2,
        objective_gradient_formula=lambda x: c * x,
        outcomes=lambda: Outcomes(which, np.full(n, 1 / n)),
        affine=True,
        constants={
            "L": exact(c, "f''"),
            "mu": exact(c, "f''"),
            "mu_pl": exact(c, "f'**2 = 2 c f"),
            "L_max": exact(L, "the largest curvature"),
            "mu_min": exact(mu, "the least curvature"),
            "minimum": exact(0.0),
            "minimizer": exact([0.0], "the slopes have the mean 0"),
            **noise,
        },
        unknown={
            "G": "gradients grow with |x|",
            "G_inf": "gradients grow with |x|",
            **growing,
            **unknown,
        },
        exact_gradient_cost=float(n),
    )


# Counterexamples to the sign of the gradient


@problem(
    source="karimireddy2019, Counterexample 1",
    tags=("stochastic", "convex", "linear", "smooth", "1-D", "counterexample"),
)
def karimireddy_2019_ce1(*, start: float = 0.0) -> Problem:
    """Karimireddy et al.'s first counterexample to signSGD: rare large slopes.

    f(x) = x/4 on [-1, 1], with g = 4 with probability 1/4 and -1 with 3/4. The mean is
    1 - 3/4 = 1/4, but the sign is mostly negative: a step of size s changes f by s/8 on average,
    uphill, as E sign(g) = 1/4 - 3/4 = -1/2.
    """
    slopes = np.array([4.0, -1.0])
    probabilities = np.array([0.25, 0.75])

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        return np.where(draws.uniform(seeds[None, :], rounds[:, None]) < 0.25, 4.0, -1.0)

    variance = exact(4.6875, "E g**2 - (E g)**2 = 4 + 3/4 - 1/16")
    largest = exact(4.0, "the largest |slope|")
    flat = exact(0.0, "the losses are linear")
    return Problem(
        formula="f(x) = x/4; a round shows 4x with probability 1/4, else -x",
        domain=Box(-1.0, 1.0),
        start=np.array([number("start", start, least=-1, most=1, why="it lies in the domain")]),
        scalar=True,
        loss_formula=lambda x, slope: slope * x,
        gradient_formula=lambda x, slope: slope,
        samples=samples,
        stochastic=True,
        objective_formula=lambda x: 0.25 * x,
        objective_gradient_formula=lambda x: 0.25,
        outcomes=lambda: Outcomes(slopes, probabilities),
        affine=True,
        constants={
            "L": flat,
            "L_max": flat,
            "G": largest,
            "G_inf": largest,
            "sigma2": variance,
            "M": variance,
            "M_G": exact(1.0, "E g**2 = sigma2 + ||grad f||**2"),
            "minimum": exact(-0.25, "x/4 at -1"),
            "minimizer": exact([-1.0], "the mean slope is positive"),
        },
    )


def _accepted_epsilon(epsilon: Any) -> float:
    why = "the sign of every gradient must be +-(1, -1)"
    return number("epsilon", epsilon, above=0, below=1, why=why)


@problem(
    source="karimireddy2019, Counterexample 2", tags=("convex", "non-smooth", "counterexample")
)
def karimireddy_2019_ce2(*, epsilon: float = 0.5) -> Problem:
    """Karimireddy et al.'s second counterexample to signSGD: a sharp valley across the signs.

    f(x) = epsilon |x_1 + x_2| + |x_1 - x_2| from (1, 1). As epsilon < 1, the sign of
    g = +-epsilon (1, 1) +- (1, -1) is +-(1, -1): sign steps of any size leave x_1 + x_2 = 2, so f
    stays at or above 2 epsilon = f(1, 1). At a kink the sign of 0 is taken as +1, a subgradient;
    also at the minimiser.

    ||g||_2**2 = 2 (1 + epsilon**2) and ||g||_inf = 1 + epsilon, everywhere.
    """
    epsilon = _accepted_epsilon(epsilon)

    def loss(x: Any, sample: Any) -> Any:
        return epsilon * abs(x[..., 0] + x[..., 1]) + abs(x[..., 0] - x[..., 1])

    def gradient(x: Any, sample: Any) -> Any:
        along = np.where(x[..., 0] + x[..., 1] < 0, -epsilon, epsilon)
        across = np.where(x[..., 0] - x[..., 1] < 0, -1.0, 1.0)
        return np.stack([along + across, along - across], axis=-1)

    return Problem(
        formula=f"f(x) = {epsilon:g} |x_1 + x_2| + |x_1 - x_2|; at a kink the sign of 0 is +1",
        domain=WholeSpace(),
        start=np.ones(2),
        loss_formula=loss,
        gradient_formula=gradient,
        constants={
            "G": exact(float(np.sqrt(2 + 2 * epsilon**2)), "sqrt(2 (1 + epsilon**2)) everywhere"),
            "G_inf": exact(1 + epsilon, "1 + epsilon everywhere"),
            "minimum": exact(0.0, "both terms vanish at 0"),
            "minimizer": exact(np.zeros(2)),
        },
        unknown={"L": "f has kinks", "mu": "f is linear along rays"},
    )


@problem(
    source="karimireddy2019, Counterexample 3",
    tags=(
        "stochastic",
        "convex",
        "smooth",
        "strongly-convex",
        "polyak-lojasiewicz",
        "interpolation",
        "finite-sum",
        "counterexample",
    ),
)
def karimireddy_2019_ce3(*, epsilon: float = 0.5) -> Problem:
    """Karimireddy et al.'s third counterexample to signSGD: smooth, one of two terms at a time.

    A round shows (a.x)**2 with a = (1, -1) + epsilon (1, 1) or a = -(1, -1) + epsilon (1, 1),
    fairly; f is their mean, half of the sum in the paper. As epsilon < 1 the sign of a gradient
    2 (a.x) a is +-(1, -1), so sign steps from (1, 1) leave x_1 + x_2 = 2 and f >= f(1, 1) =
    4 epsilon**2.

    With d = x_1 - x_2 and s = x_1 + x_2, f = d**2 + epsilon**2 s**2: L = 4, mu = 4 epsilon**2,
    and L_max = 2 ||a||**2 = 4 (1 + epsilon**2). E||g||**2 = 8 (1 + epsilon**2) f and
    ||grad f||**2 = 8 (d**2 + epsilon**4 s**2): M = 0 and rho = 1 + 1/epsilon**2, attained where
    d = 0, as at the start.
    """
    epsilon = _accepted_epsilon(epsilon)
    signs = np.array([1.0, -1.0])

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        return signs[draws.indices(seeds[None, :], rounds[:, None], 0, 2)]

    def term(x: Any, sign: Any) -> Any:
        return sign * (x[..., 0] - x[..., 1]) + epsilon * (x[..., 0] + x[..., 1])

    def loss(x: Any, sign: Any) -> Any:
        return term(x, sign) * term(x, sign)

    def gradient(x: Any, sign: Any) -> Any:
        pull = 2.0 * term(x, sign)
        return np.stack([pull * (epsilon + sign), pull * (epsilon - sign)], axis=-1)

    def objective(x: Any) -> Any:
        across, along = x[..., 0] - x[..., 1], epsilon * (x[..., 0] + x[..., 1])
        return across * across + along * along

    def objective_gradient(x: Any) -> Any:
        across = 2.0 * (x[..., 0] - x[..., 1])
        along = 2.0 * epsilon**2 * (x[..., 0] + x[..., 1])
        return np.stack([along + across, along - across], axis=-1)

    least = exact(4 * epsilon**2, "the curvature along (1, 1)")
    return Problem(
        formula=f"f(x) = (x_1 - x_2)**2 + {epsilon**2:g} (x_1 + x_2)**2; a round shows "
        f"(+-(x_1 - x_2) + {epsilon:g} (x_1 + x_2))**2",
        domain=WholeSpace(),
        start=np.ones(2),
        loss_formula=loss,
        gradient_formula=gradient,
        samples=samples,
        stochastic=True,
        objective_formula=objective,
        objective_gradient_formula=objective_gradient,
        outcomes=lambda: Outcomes(signs, np.array([0.5, 0.5])),
        affine=True,
        constants={
            "L": exact(4.0, "the curvature along (1, -1)"),
            "mu": least,
            "mu_pl": least,
            "L_max": exact(4 * (1 + epsilon**2), "2 ||a||**2"),
            "M": exact(0.0, "both terms are least at 0"),
            "M_G": exact(1 + 1 / epsilon**2, "1 + 1/epsilon**2, where x_1 = x_2"),
            "minimum": exact(0.0, "both terms vanish at 0"),
            "minimizer": exact(np.zeros(2)),
        },
        unknown={
            "sigma2": "the variance grows without bound with the distance to 0",
            "G": _UNBOUNDED,
            "G_inf": _UNBOUNDED,
        },
        exact_gradient_cost=2.0,
    )


# Sparse gradients


@problem(source="duchi2011, the setting", tags=("stochastic", "convex", "smooth", "sparse"))
def rare_feature_logistic(
    *, dimension: int = 100, decay: float = 1.0, odds: float = 3.0, batch: int = 1
) -> Problem:
    """Logistic regression on rare features, with its minimiser in closed form.

    An example has one active feature: feature j with probability p_j ~ j**-decay, and its label
    is y = c_j with probability r = odds/(1 + odds), else -c_j, where c_j = 1 for odd j and -1
    for even j. The loss of an example is log(1 + exp(-y w_j)), so f separates,

        f(w) = sum_j p_j (r log(1 + exp(-m_j)) + (1 - r) log(1 + exp(m_j))), m_j = c_j w_j,

    with m_j = log(odds) at the minimiser and the entropy -r log r - (1-r) log(1-r) as minimum.
    A gradient -y sigmoid(-y w_j) has one nonzero coordinate, and rare features seldom give it.

    sigmoid' <= 1/4 gives L = p_1/4 and L_max = 1/4, at 0. The variance of coordinate j is
    p_j h(sigmoid(m_j)) with h(s) = r (1-s)**2 + (1-r) s**2 - p_j (s - r)**2, convex in s, so it is
    largest at an end: h(0) = r - p_j r**2 exceeds h(1) by (2r - 1)(1 - p_j) >= 0. The supremum
    r - r**2 sum_j p_j**2 is approached as all m_j fall, as are the bounds 1 on the gradient.
    """
    dimension = whole("dimension", dimension, 1, 10_000)
    batch = whole("batch", batch, 1, 1000)
    decay = number("decay", decay, least=0)
    odds = number("odds", odds, least=1)
    shares = np.arange(1.0, dimension + 1) ** -decay
    shares /= shares.sum()
    r = odds / (1.0 + odds)
    favoured = np.resize([1.0, -1.0], dimension)
    # Outcome 2j is feature j with the favoured label, 2j + 1 with the other.
    probabilities = (shares[:, None] * [r, 1.0 - r]).reshape(-1)
    ends = probabilities.cumsum()[:-1]

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.intp]:
        index = np.arange(batch)[None, None, :]
        u = draws.uniform(seeds[None, :, None], rounds[:, None, None], index)
        return np.searchsorted(ends, u, side="right")

    def active(w: Any, drawn: Any) -> tuple[Any, Any, Any]:
        """Feature, label and y w_j of every example, each (..., batch)."""
        feature = np.broadcast_to(drawn // 2, (*w.shape[:-1], drawn.shape[-1]))
        label = favoured[feature] * (1.0 - 2.0 * (drawn % 2))
        return feature, label, label * np.take_along_axis(w, feature, -1)

    def loss(w: Any, drawn: Any) -> Any:
        _, _, margin = active(w, drawn)
        return np.logaddexp(0.0, -margin).mean(axis=-1)

    def gradient(w: Any, drawn: Any) -> Any:
        feature, label, margin = active(w, drawn)
        pull = -label * expit(-margin) / drawn.shape[-1]
        # Added up lane by lane, in the order of the batch.
        first = dimension * np.arange(pull[..., 0].size).reshape(*pull.shape[:-1], 1)
        place = (first + feature).reshape(-1)
        return np.bincount(place, pull.reshape(-1), w.size).reshape(w.shape)

    def objective(w: Any) -> Any:
        margin = favoured * w
        return (shares * (np.logaddexp(0.0, -margin) + (1.0 - r) * margin)).sum(axis=-1)

    far = -40.0 * favoured
    variance = exact(
        (r - r * r * float((shares * shares).sum())) / batch,
        "(r - r**2 sum_j p_j**2) / batch, the supremum",
        at=far,
    )
    bound = exact(1.0, "the supremum of the sigmoid", at=far)
    return Problem(
        formula=f"f(w) = E log(1 + exp(-y w_j)), j with probability ~ j**-{decay:g}, labels "
        f"{odds:g} to 1" + (f"; batches of {batch}" if batch > 1 else ""),
        domain=WholeSpace(),
        start=np.zeros(dimension),
        loss_formula=loss,
        gradient_formula=gradient,
        samples=samples,
        stochastic=True,
        objective_formula=objective,
        objective_gradient_formula=lambda w: shares * favoured * (expit(favoured * w) - r),
        outcomes=lambda: Outcomes(np.arange(2 * dimension)[:, None], probabilities, averaged=batch),
        constants={
            "L": exact(float(shares[0]) / 4, "p_1/4, at 0"),
            "L_max": exact(0.25, "sigmoid' is 1/4 at 0"),
            "G": bound,
            "G_inf": bound,
            "sigma2": variance,
            "M": variance,
            "M_G": exact(1.0, "E||g||**2 <= sigma2 + ||grad f||**2", at=far),
            "nonzeros": exact(min(batch, dimension), "one feature for each example"),
            "minimum": exact(
                float(-r * np.log(r) + (r - 1.0) * np.log1p(-r)), "the entropy of a label"
            ),
            "minimizer": exact(favoured * np.log(odds), "the log-odds c_j log(odds)"),
        },
        unknown={
            "mu": "the curvature vanishes far out",
            "mu_pl": "gradients stay bounded while f grows without bound",
        },
    )
