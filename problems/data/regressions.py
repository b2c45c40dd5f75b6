"""Regression on real data: by full gradients, by mini-batches and as online streams.

f(w) = 1/n sum_i l(a_i.w, y_i) + ridge/2 ||w||**2 for a loss l of the score a.w (see
`problems.data.scores`), by full gradients or by mini-batches drawn with replacement. Minima are
certified, most of them by strong convexity: f(w) - f* <= ||grad f(w)||**2 / (2 mu) at the point
a Newton method ends at. Constants that need a minimiser are computed when first asked for.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from problems.batches import accepted_batch
from problems.data.certified import (
    Gram,
    Solution,
    certified,
    newton,
    solved_by_ridge,
    solved_squares,
)
from problems.data.files import (
    breast_cancer,
    diabetes,
    digits,
    linnerud,
    of_csv,
    of_svmlight,
)
from problems.data.finite_sum import (
    GROWS,
    Parts,
    Terms,
    accepted_ridge,
    finite_sum,
    minimum,
    smoothness,
    with_ridge,
)
from problems.data.predictors import Linear, Softmax
from problems.data.scores import HINGE, LOGISTIC, SQUARES, geman_mcclure, huber, smoothed_hinge
from problems.notation import require
from problems.parameters import number
from problems.problem import Constant, Problem, Stationary, derived, exact, problem

__all__ = [
    "breast_cancer_hinge",
    "breast_cancer_logistic",
    "csv_least_squares",
    "csv_logistic",
    "diabetes_geman_mcclure",
    "diabetes_huber",
    "diabetes_lasso",
    "diabetes_least_squares",
    "diabetes_ridge",
    "digits_softmax",
    "linnerud_poisson",
    "svmlight_least_squares",
    "svmlight_logistic",
    "unpenalised_logistic",
]

Array = NDArray[np.float64]


_SMOOTH = (
    "convex",
    "smooth",
    "strongly-convex",
    "polyak-lojasiewicz",
    "finite-sum",
    "real-data",
)
_KINKED = tuple("non-smooth" if tag == "smooth" else tag for tag in _SMOOTH)


def _regularised(model: Linear | Softmax, ridge: float, batch: Any, formula: str) -> Problem:
    """A smooth convex loss whose curvature comes from the ridge alone, far away."""
    solve = functools.partial(solved_by_ridge, model, ridge)
    constants: Parts = {
        "L": smoothness(model, ridge),
        "mu": derived(ridge, "the ridge"),
        "mu_pl": derived(ridge, "the ridge"),
        **minimum(solve, "Newton's method", "||grad||**2 / (2 ridge)", "||grad|| / ridge"),
    }
    return finite_sum(model, Terms(ridge), batch, formula, constants, GROWS, solve)


_LOGISTIC = "f(w) = mean_i log(1 + exp(-y_i a_i.w)) + ridge/2 ||w||**2"


@problem(source=("street1993, the data", "pedregosa2011, the copy used"), tags=_SMOOTH)
def breast_cancer_logistic(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Logistic regression on the Wisconsin breast-cancer data.

    30 features of 569 tumours, each standardised; no intercept. The second derivative of the
    loss in its score is at most 1/4, with equality at w = 0, so
    L = lambda_max(A'A)/(4n) + ridge.
    """
    ridge = accepted_ridge(ridge)
    formula = _LOGISTIC + f", ridge {ridge:g}, n = 569"
    return _regularised(breast_cancer(LOGISTIC), ridge, batch, formula)


@functools.lru_cache(maxsize=32)
def _solved_hinge(model: Linear, ridge: float) -> Solution:
    """The support vector machine of a ridge, with its duality gap.

    The dual maximises mean_i d_i - ||v||**2 / (2 ridge), v = mean_i d_i y_i a_i, over
    0 <= d_i <= 1. Newton's method on hinges with ever smaller rounded kinks finds which d_i are
    0 and 1; the others and w then solve the linear equations ridge w = v and y_i a_i.w = 1.
    """
    examples, n = model.features.shape
    signed = model.targets[:, None] * model.features
    norms = np.sqrt(model.square_norms)
    weights = np.full(examples, 1 / examples)
    # At w = 0 the objective is 1, and all d_i = 0 prove that it is at least 0.
    w, best = np.zeros(n), Solution(np.zeros(n), float(np.sqrt(2 / ridge)), 1.0, 1.0)
    for width in 10.0 ** np.arange(0.0, -6.5, -0.5):
        rounded = replace(model, score=smoothed_hinge(float(width)))
        w, _ = newton(rounded, weights, ridge, w)
        dual = -model.targets * rounded.score.slope(model.features @ w, model.targets)
        held = (dual > 0) & (dual < 1)
        kinks = int(held.sum())
        equations = np.block(
            [
                [examples * ridge * np.eye(n), -signed[held].T],
                [signed[held], np.zeros((kinks, kinks))],
            ]
        )
        known = np.concatenate([signed[dual == 1].sum(axis=0), np.ones(kinks)])
        found = np.linalg.lstsq(equations, known, rcond=None)[0]
        point = found[:n]
        dual[held] = np.clip(found[n:], 0.0, 1.0)
        v = signed.T @ dual / examples
        primal = float(model.value(point)) + ridge / 2 * float(point @ point)
        gap = primal - float(dual.mean() - v @ v / (2 * ridge))
        # Both sides of the gap are rounded; v, of length ridge ||w||, by so much in norm.
        off = examples * np.finfo(float).eps * float((dual * norms).mean())
        rounding = 2 * model.rounding(point)[0] + off * float(np.linalg.norm(point))
        certain = max(0.0, gap) + rounding
        if certain < best.gap:
            best = Solution(point, float(np.sqrt(2 * certain / ridge)), primal, certain)
        if gap <= rounding:
            break
    return best


@problem(
    source=("cortes1995, the loss", "street1993, the data", "pedregosa2011, the copy used"),
    tags=_KINKED,
)
def breast_cancer_hinge(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Support vector machine on the Wisconsin breast-cancer data.

    The features of `breast-cancer-logistic`, no intercept. The mean hinge is piecewise linear, so
    the strong convexity is the ridge exactly; strong convexity holds for subgradients too and
    implies the Polyak-Lojasiewicz inequality for them. The minimum is certified by the dual.
    """
    ridge = accepted_ridge(ridge)
    model = breast_cancer(HINGE)
    solve = functools.partial(_solved_hinge, model, ridge)
    constants: Parts = {
        "mu": exact(ridge, "the ridge: the mean hinge is piecewise linear"),
        "mu_pl": derived(ridge, "the ridge, for every subgradient"),
        **minimum(solve, "Newton and active set", "by the dual problem", "(2 gap / ridge)**(1/2)"),
    }
    formula = (
        "f(w) = mean_i max(0, 1 - y_i a_i.w) + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, n = 569; at a kink the hinge has the slope 0"
    )
    unknown = {"L": "the hinge has a kink", "L_max": "the hinge has a kink", **GROWS}
    return finite_sum(model, Terms(ridge), batch, formula, constants, unknown, solve)


@problem(
    source=("pedregosa2011, the copy used", "bohning1992, the bound on the Hessian"),
    tags=_SMOOTH,
)
def digits_softmax(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Softmax regression on the handwritten digits.

    1797 images of 8 x 8 grey values in [0, 1] and ten classes: 640 weights, no intercept. The
    Hessian of log-sum-exp is at most 1/2, so L = lambda_max(A'A)/(2n) + ridge.
    """
    ridge = accepted_ridge(ridge)
    formula = (
        "f(w) = mean_i (log sum_k exp(a_i.w_k) - a_i.w_{y_i}) + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, n = 1797"
    )
    return _regularised(digits(), ridge, batch, formula)


# Squares


def _curvature(model: Linear, ridge: float) -> Constant:
    """The mu of mean squares: lambda_min(A'A) / n + ridge."""
    spectrum = model.spectrum
    if spectrum.least_exact:
        return exact(spectrum.least + ridge, with_ridge("lambda_min(A'A) / n", ridge))
    how = "lambda_min(A'A) / n less its rounding, + ridge" if spectrum.least else "the ridge"
    return derived(spectrum.least + ridge, how)


def _growth(model: Linear, w: Array, ridge: float, gram: Gram, batch: int) -> Parts:
    """M = 2 V / batch and the least M_G with it, for mean squares of few features.

    At w* + e the variance of one draw is V + 2 c.e + e.Q e, with V that at w*. So
    E||g||**2 <= M + M_G ||grad f||**2 for every e if and only if
    2 c.e + e.Q e <= V + k ||K e||**2, K the Hessian and k = batch (M_G - 1), that is if and only
    if k K**2 - Q - c c' / V is positive semidefinite.
    """
    a, norms = model.features, model.square_norms
    slopes = a @ w - model.targets
    mean = model.gradient(w)
    V = float((slopes * slopes * norms).mean() - mean @ mean)
    c = a.T @ (slopes * norms) / model.examples - gram.H @ mean
    Q = (a.T * norms) @ a / model.examples - gram.H @ gram.H
    K = gram.H + ridge * np.eye(model.size)
    k = float(linalg.eigvalsh(Q + np.outer(c, c) / V, K @ K)[-1])
    return {
        "M": derived(2 * V / batch, "2 / batch times the variance of one draw at w*"),
        "M_G": derived(1 + k / batch, "the least factor with this M, a generalised eigenvalue"),
    }


def _squares(
    model: Linear, ridge: float, batch: Any, formula: str, gram: Gram | None = None
) -> Problem:
    """Least squares, with the quadratic written out if it is given."""
    solve = functools.partial(solved_squares, model, ridge)
    mu = _curvature(model, ridge)
    constants: Parts = {
        "L": replace(
            smoothness(model, ridge), how=with_ridge(model.spectrum.how, ridge) + ": a quadratic"
        ),
        "mu": mu,
        "mu_pl": derived(mu.value, "strong convexity"),
        **minimum(solve, "normal equations", "||grad||**2 / (2 mu)", "||grad|| / mu"),
    }
    if gram is not None and mu.known == "exact":
        w, flattest = gram.minimize(ridge)
        constants["mu_pl"] = exact(mu.value, "mu, along its eigenvector from w*", at=w + flattest)
        if (size := accepted_batch(batch)) is not None:
            constants.update(_growth(model, w, ridge, gram, size))
    terms = Terms(ridge)
    return finite_sum(model, terms, batch, formula, constants, GROWS, solve, gram, affine=True)


@functools.cache
def _diabetes_gram() -> Gram:
    return Gram.of(diabetes(SQUARES))


_DIABETES = ("efron2004, the data", "pedregosa2011, the copy used")


@problem(source=_DIABETES, tags=_SMOOTH)
def diabetes_least_squares(*, batch: Any = "full") -> Problem:
    """Least squares on the diabetes data.

    10 features of 442 patients and the progress of the disease after a year, each standardised, so
    that no intercept is needed: f(w) = w.H w / 2 - b.w + 1/2 with the matrix H of correlations.
    L and mu are its extreme eigenvalues, and the minimum is half the variance not explained.
    """
    formula = "f(w) = 1/2 mean_i (a_i.w - y_i)**2, n = 442"
    return _squares(diabetes(SQUARES), 0.0, batch, formula, _diabetes_gram())


@problem(source=("hoerl1970, the method", *_DIABETES), tags=_SMOOTH)
def diabetes_ridge(*, ridge: float = 0.1, batch: Any = "full") -> Problem:
    """Ridge regression on the diabetes data.

    The data of `diabetes-least-squares`; the ridge raises every eigenvalue of the Hessian.
    """
    ridge = accepted_ridge(ridge)
    formula = f"f(w) = 1/2 mean_i (a_i.w - y_i)**2 + ridge/2 ||w||**2, ridge {ridge:g}, n = 442"
    return _squares(diabetes(SQUARES), ridge, batch, formula, _diabetes_gram())


@functools.lru_cache(maxsize=32)
def _solved_lasso(penalty: float) -> Solution:
    """Coordinate descent, then the linear equations of the signs found.

    Of the subgradients at the point the shortest certifies it, by strong convexity.
    """
    model, gram = diabetes(SQUARES), _diabetes_gram()
    H, b = gram.H, gram.b
    w = np.zeros_like(b)
    for _ in range(2000):
        before = w.copy()
        for j in range(w.size):
            pull = b[j] - H[j] @ w + H[j, j] * w[j]
            w[j] = np.sign(pull) * max(abs(pull) - penalty, 0.0) / H[j, j]
        if abs(w - before).max() <= 1e-13:
            break
    signs = np.sign(w)
    on = signs != 0
    w[on] = np.linalg.solve(H[np.ix_(on, on)], b[on] - penalty * signs[on])
    slope = model.gradient(w)
    shortest = np.where(
        w != 0,
        slope + penalty * np.sign(w),
        np.sign(slope) * np.maximum(abs(slope) - penalty, 0.0),
    )
    smooth = certified(model, w, 0.0, model.spectrum.least, shortest)
    return replace(smooth, minimum=smooth.minimum + penalty * float(abs(w).sum()))


@problem(source=("tibshirani1996, the method", *_DIABETES), tags=_KINKED)
def diabetes_lasso(*, penalty: float = 0.1, batch: Any = "full") -> Problem:
    """The lasso on the diabetes data.

    The data of `diabetes-least-squares`. The absolute values bend nothing where no weight is 0,
    so mu = lambda_min(A'A)/n exactly; strong convexity holds for subgradients too and implies the
    Polyak-Lojasiewicz inequality for them. From the penalty max_j |mean_i a_ij y_i| = 0.586 on, all
    weights of the minimiser are 0.
    """
    penalty = number("penalty", penalty, above=0, why="without it this is diabetes-least-squares")
    model = diabetes(SQUARES)
    solve = functools.partial(_solved_lasso, penalty)
    mu = model.spectrum.least
    constants: Parts = {
        "mu": exact(mu, "lambda_min(A'A) / n, between kinks", at=np.ones(model.size)),
        "mu_pl": derived(mu, "strong convexity, for every subgradient"),
        **minimum(
            solve,
            "coordinate descent and active set",
            "||v||**2 / (2 mu), v in df",
            "||v|| / mu, v in df",
        ),
    }
    formula = (
        "f(w) = 1/2 mean_i (a_i.w - y_i)**2 + penalty ||w||_1, "
        f"penalty {penalty:g}, n = 442; the subgradient of |w_j| at 0 is 0"
    )
    unknown = {"L": "|w_j| has a kink", "L_max": "|w_j| has a kink", **GROWS}
    return finite_sum(
        model, Terms(0.0, penalty), batch, formula, constants, unknown, solve, _diabetes_gram()
    )


# Bounded slopes, without a ridge


def _bounded_slopes(model: Linear, batch: Any) -> Parts:
    """G and G_inf for |l'| <= K without a ridge.

    By the Cauchy-Schwarz inequality ||A's||/n <= K (lambda_max(A'A)/n)**(1/2) for |s_i| <= K.
    """
    assert model.slope_square is not None
    steep = float(np.sqrt(model.slope_square))
    if accepted_batch(batch) is None:
        largest = float(np.sqrt(model.spectrum.largest))
        entries = float(abs(model.features).mean(axis=0).max())
        how = ("(lambda_max(A'A) / n)**(1/2)", "max_j mean_i |a_ij|")
    else:
        largest, entries = (
            float(np.sqrt(model.square_norms.max())),
            float(abs(model.features).max()),
        )
        how = ("max ||a_i||", "max |a_ij|")
    return {
        "G": derived(steep * largest, f"|l'| <= {steep:g} times {how[0]}"),
        "G_inf": derived(steep * entries, f"|l'| <= {steep:g} times {how[1]}"),
    }


def unpenalised_logistic(model: Linear, batch: Any, formula: str) -> Problem:
    """Logistic regression without a ridge, on sparse features or dense ones."""
    constants: Parts = {"L": smoothness(model, 0.0), **_bounded_slopes(model, batch)}
    size = accepted_batch(batch)
    if size is not None and sparse.issparse(model.features):
        longest = int(np.diff(model.features.indptr).max())
        most = min(model.size, size * longest)
        constants["nonzeros"] = derived(most, "batch times the entries of the longest row")
    far = "a loss may have no least value: where a plane separates the labels, it falls far out"
    unknown = {
        "mu": "the curvature vanishes far out",
        "mu_pl": "gradients stay bounded, and no minimum is known",
        "minimum": far,
        "minimizer": far,
    }
    return finite_sum(model, Terms(), batch, formula, constants, unknown)


@functools.lru_cache(maxsize=32)
def _solved_huber(threshold: float) -> Solution:
    """Newton's method; the certificate is strong convexity near the point reached.

    Within a distance r the examples with |residual| + r ||a|| < threshold stay quadratic, so f is
    mu-strongly convex there, mu = lambda_min of their A'A / n. If ||grad|| < mu r / 2, f is larger
    on the sphere of radius r than at its centre: the minimiser is inside.
    """
    model = diabetes(huber(threshold))
    weights = np.full(model.examples, 1 / model.examples)
    w, _ = newton(model, weights, 0.0, solved_squares(diabetes(SQUARES), 0.0).minimizer)
    room = threshold - abs(model.features @ w - model.targets)
    for radius in threshold * 10.0 ** np.arange(-2, -9, -1):
        quadratic = model.features[room > radius * np.sqrt(model.square_norms)]
        mu = float(np.linalg.eigvalsh(quadratic.T @ quadratic)[0]) / model.examples
        if mu > 0:
            solution = certified(model, w, 0.0, mu)
            if solution.distance < radius / 2:
                break
    else:
        require(False, f"threshold={threshold!r}: the minimum could not be certified")
    return solution


@problem(
    source=("huber1964, the loss", *_DIABETES),
    tags=("convex", "smooth", "finite-sum", "real-data"),
)
def diabetes_huber(*, threshold: float = 1.0, batch: Any = "full") -> Problem:
    """Huber regression on the diabetes data.

    The data of `diabetes-least-squares`, residuals beyond the threshold counted linearly. The
    second derivative of the loss is at most 1 and its slope at most the threshold, so
    L <= lambda_max(A'A)/n and G <= threshold (lambda_max(A'A)/n)**(1/2). Far away f is linear:
    neither strongly convex nor Polyak-Lojasiewicz.
    """
    why = "below it the minimum is not certified"
    threshold = number("threshold", threshold, least=0.05, why=why)
    model = diabetes(huber(threshold))
    solve = functools.partial(_solved_huber, threshold)
    constants: Parts = {
        "L": smoothness(model, 0.0),
        **_bounded_slopes(model, batch),
        **minimum(solve, "Newton's method", "by the curvature near it", "||grad|| / curvature"),
    }
    formula = f"f(w) = mean_i h(a_i.w - y_i), h Huber's loss with threshold {threshold:g}, n = 442"
    unknown = {
        "mu": "f is linear far away",
        "mu_pl": "the gradient is bounded while f grows without bound",
    }
    return finite_sum(model, Terms(), batch, formula, constants, unknown, solve)


@functools.lru_cache(maxsize=32)
def _local_minimum(scale: float) -> tuple[Stationary, ...]:
    """Where Newton's method ends from the least-squares solution, if that is a minimum.

    As |l'''| <= 4.67 / scale**3 (at u**2 = 1 - 2 / 5**(1/2)), the Hessian at a distance r is at
    least m - 4.67 / scale**3 mean ||a_i||**3 r, with m its least eigenvalue at the point. Where
    this is m / 2 or more up to r = 5 ||grad|| / m, f is larger on that sphere than at its centre,
    so a minimum is inside, at a distance of at most 2 ||grad|| / m.
    """
    model = diabetes(geman_mcclure(scale))
    weights = np.full(model.examples, 1 / model.examples)
    w, g = newton(model, weights, 0.0, solved_squares(diabetes(SQUARES), 0.0).minimizer)
    curvature = np.linalg.eigvalsh(model.hessian(w, weights))
    least = float(curvature[0])
    norm = float(np.linalg.norm(g)) + model.rounding(w)[1]
    change = 4.67 / scale**3 * float((model.square_norms**1.5).mean())
    if least <= 0 or change * 5 * norm / least > least / 2:
        return ()
    return (
        Stationary(
            w,
            "local minimum",
            f"Newton's method from the least-squares solution; f = {float(model.value(w)):.15g}",
            tuple(curvature.tolist()),
            2 * norm / least,
        ),
    )


@problem(
    source=("geman1985, the loss", *_DIABETES),
    tags=("non-convex", "smooth", "finite-sum", "real-data"),
)
def diabetes_geman_mcclure(*, scale: float = 1.0, batch: Any = "full") -> Problem:
    """Robust regression on the diabetes data with the Geman-McClure loss.

    The data of `diabetes-least-squares`; a residual costs u**2 / (1 + u**2), u = residual / scale,
    so that outliers cost at most 1. In u the slope is at most 3 sqrt(3) / 8 and the second
    derivative at most 2 in size, so L <= 2 / scale**2 lambda_max(A'A)/n. At infinity f is flat.
    """
    why = "it is the size of an outlier, in standard deviations of the target"
    scale = number("scale", scale, least=1e-3, most=1e3, why=why)
    model = diabetes(geman_mcclure(scale))
    constants: Parts = {"L": smoothness(model, 0.0), **_bounded_slopes(model, batch)}
    open_ = "f is not convex, and no local minimum is proved to be the least"
    unknown = {
        "mu": "f is not convex",
        "mu_pl": "f flattens out at infinity, above its minimum",
        "minimum": open_,
        "minimizer": open_,
    }
    formula = (
        "f(w) = mean_i u_i**2 / (1 + u_i**2), u_i = (a_i.w - y_i) / scale, "
        f"scale {scale:g}, n = 442"
    )
    stationary = _local_minimum(scale)
    return finite_sum(model, Terms(), batch, formula, constants, unknown, stationary=stationary)


# Counts


@functools.lru_cache(maxsize=32)
def _solved_poisson(ridge: float) -> Solution:
    model = linnerud()
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.full(model.examples, 1 / model.examples)
        w, _ = newton(model, weights, ridge, np.zeros(model.size))
    return certified(model, w, ridge, ridge)


@problem(
    source=("nelder1972, the model", "tenenhaus1998, the data", "pedregosa2011, the copy used"),
    tags=_SMOOTH,
)
def linnerud_poisson(*, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Poisson regression on Linnerud's data: chin-ups of twenty men.

    An intercept and the standardised weight, waist and pulse; the count y has the mean exp(a.w).
    Smooth and strongly convex by its ridge, but exp bends without bound: no constant L exists.
    """
    ridge = accepted_ridge(ridge)
    solve = functools.partial(_solved_poisson, ridge)
    constants: Parts = {
        "mu": derived(ridge, "the ridge"),
        "mu_pl": derived(ridge, "the ridge"),
        **minimum(solve, "Newton's method", "||grad||**2 / (2 ridge)", "||grad|| / ridge"),
    }
    unbounded = "the second derivative of exp has no bound"
    unknown = {"L": unbounded, "L_max": unbounded, **GROWS}
    formula = (
        "f(w) = mean_i (exp(a_i.w) - y_i a_i.w) + ridge/2 ||w||**2, "
        f"a_i with an intercept, ridge {ridge:g}, n = 20"
    )
    return finite_sum(linnerud(), Terms(ridge), batch, formula, constants, unknown)


# Files of yours

# Strongly convex with a ridge only, which the object tells.
_LOGISTIC_OF_FILE = ("convex", "smooth", "finite-sum", "real-data")


def _logistic_of_file(model: Linear, ridge: float, batch: Any) -> Problem:
    if not ridge:
        formula = f"f(w) = mean_i log(1 + exp(-y_i a_i.w)), n = {model.examples}"
        return unpenalised_logistic(model, batch, formula)
    formula = _LOGISTIC + f", ridge {ridge:g}, n = {model.examples}"
    return _regularised(model, ridge, batch, formula)


def _squares_of_file(model: Linear, ridge: float, batch: Any) -> Problem:
    formula = (
        "f(w) = 1/2 mean_i (a_i.w - y_i)**2 + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, n = {model.examples}"
    )
    return _squares(model, ridge, batch, formula)


@problem(source="chang2011, the file format", tags=(*_LOGISTIC_OF_FILE, "sparse"))
def svmlight_logistic(*, path: str, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Logistic regression on a file of yours in SVMlight / LIBSVM format.

    The features are used as they stand, sparse; of the two labels the larger counts as +1. With
    ridge=0 the gradient of a mini-batch has no entries but those of its examples.
    """
    ridge = number("ridge", ridge, least=0)
    return _logistic_of_file(of_svmlight(path, LOGISTIC), ridge, batch)


@problem(source="chang2011, the file format", tags=(*_SMOOTH, "sparse"))
def svmlight_least_squares(*, path: str, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Ridge regression on a file of yours in SVMlight / LIBSVM format.

    Features and targets are used as they stand, sparse, without an intercept.
    """
    ridge = accepted_ridge(ridge)
    return _squares_of_file(of_svmlight(path, SQUARES), ridge, batch)


@problem(source="shafranovich2005, the file format", tags=_LOGISTIC_OF_FILE)
def csv_logistic(*, path: str, target: str, ridge: float = 0.01, batch: Any = "full") -> Problem:
    """Logistic regression on a CSV file of yours.

    The first line names the columns; all but the target are features, used as they stand, without
    an intercept. Of the two values of the target the larger counts as +1.
    """
    ridge = number("ridge", ridge, least=0)
    return _logistic_of_file(of_csv(path, target, LOGISTIC), ridge, batch)


@problem(source="shafranovich2005, the file format", tags=_SMOOTH)
def csv_least_squares(
    *, path: str, target: str, ridge: float = 0.01, batch: Any = "full"
) -> Problem:
    """Ridge regression on a CSV file of yours.

    The first line names the columns; all but the target are features. All values are used as they
    stand, without an intercept.
    """
    ridge = accepted_ridge(ridge)
    return _squares_of_file(of_csv(path, target, SQUARES), ridge, batch)
