"""Real data as online streams: one example a round, judged by regret.

The ridge in every loss bounds the best fixed point in hindsight, whatever the horizon; the ball
with that bound is the domain, so gradients are bounded and the comparator is the unconstrained
minimiser.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from problems.data.certified import newton, solved_by_ridge, solved_squares
from problems.data.files import breast_cancer, diabetes
from problems.data.finite_sum import Parts, accepted_ridge, minimum
from problems.data.predictors import Linear
from problems.data.scores import LOGISTIC, SQUARES
from problems.domain import Ball
from problems.notation import require
from problems.parameters import choice
from problems.problem import Constant, Deferred, Problem, derived, exact, problem

__all__ = ["breast_cancer_stream", "diabetes_ridge_stream"]

Array = NDArray[np.float64]


def _stream(
    model: Linear,
    ridge: float,
    radius: float,
    formula: str,
    constants: Parts,
    hindsight: Callable[[NDArray[np.int64]], Array],
) -> Problem:
    """One example a round, in the order of the rows, again and again.

    Args:
        model: The examples and the loss of a score.
        ridge: The factor of ||w||**2 / 2 in every loss.
        radius: Of the ball that is the domain.
        formula: The losses as text.
        constants: Those of every loss, but for mu.
        hindsight: The least sum of losses of rounds 1..T, for each T.
    """
    features, targets, score = model.features, model.targets, model.score

    def of_example(w: Any, i: Any) -> tuple[Any, Any]:
        return (features[i] * w).sum(axis=-1), targets[i]

    def loss(w: Any, i: Any) -> Any:
        return score.value(*of_example(w, i)) + ridge / 2 * (w * w).sum(axis=-1)

    def gradient(w: Any, i: Any) -> Any:
        return score.slope(*of_example(w, i))[..., None] * features[i] + ridge * w

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.int64]:
        return (rounds - 1) % model.examples

    return Problem(
        formula=formula,
        domain=Ball(radius),
        start=np.zeros(model.size),
        loss_formula=loss,
        gradient_formula=gradient,
        samples=samples,
        hindsight_formula=lambda rounds, seeds: hindsight(rounds),
        constants=Deferred(
            {
                "mu": exact(ridge, "the ridge: a loss of one score is flat across its example"),
                **constants,
            }
        ),
    )


def _steepest(norms: Array, slopes: Array, model: Linear, ridge: float, radius: float) -> Constant:
    """G on a ball: the gradient l' a + ridge w is longest where both parts point the same way.

    Args:
        norms: ||a_i||.
        slopes: The largest |l'| on the ball, attained at -sign(y_i) radius a_i / ||a_i||.
        model: The examples.
        ridge: The factor of ||w||**2 / 2.
        radius: Of the ball.
    """
    lengths = slopes * norms + ridge * radius
    i = int(lengths.argmax())
    worst = -np.sign(model.targets[i]) * radius / norms[i] * model.features[i]
    return exact(float(lengths[i]), "max |l'| ||a_i|| + ridge radius, on the boundary", at=worst)


@functools.lru_cache(maxsize=8)
def _ordered_breast_cancer(order: str) -> Linear:
    model = breast_cancer(LOGISTIC)
    if order == "file":
        return model
    rows = np.argsort(model.targets, kind="stable")
    return Linear(model.features[rows], model.targets[rows], LOGISTIC)


@functools.lru_cache(maxsize=1 << 16)
def _least_logistic(order: str, ridge: float, T: int) -> float:
    """The least sum of the losses of T rounds.

    Newton's method starts at 0 in the first pass, later at the minimiser of one pass: the result
    does not depend on what other T were asked for.
    """
    model = _ordered_breast_cancer(order)
    passes, rest = divmod(T, model.examples)
    counts = passes + (np.arange(model.examples) < rest).astype(float)
    start = solved_by_ridge(model, ridge).minimizer if passes else np.zeros(model.size)
    w, g = newton(model, counts, T * ridge, start)
    losses = counts * model.score.value(model.features @ w, model.targets)
    least = float(losses.sum()) + T * ridge / 2 * float(w @ w)
    gap = float(g @ g) / (2 * T * ridge)
    require(gap <= 1e-12 * least, f"the comparator of T={T} is known to {gap:.1e} only")
    return least


@problem(
    source=("street1993, the data", "pedregosa2011, the copy used"),
    tags=("online", "convex", "smooth", "strongly-convex", "periodic", "real-data"),
)
def breast_cancer_stream(*, ridge: float = 0.01, order: str = "file") -> Problem:
    """Online logistic regression on the Wisconsin breast-cancer data.

    One tumour a round, in the order of the file or sorted by diagnosis (malignant first), pass
    after pass. As the sum of T losses is T log 2 at 0, ridge/2 ||u||**2 <= log 2 for the best fixed
    point u of any T: it lies in the ball of radius (2 log 2 / ridge)**(1/2), which is the domain.
    Its sum of losses is found by Newton's method; by strong convexity it is off by at most
    ||grad||**2 / (2 T ridge), below rounding.
    """
    ridge = accepted_ridge(ridge)
    order = choice("order", order, ("file", "sorted"))
    model = _ordered_breast_cancer(order)
    radius = float(np.sqrt(2 * np.log(2) / ridge))
    norms = np.sqrt(model.square_norms)
    G = _steepest(norms, expit(radius * norms), model, ridge, radius)
    largest = float(abs(model.features).max()) + ridge * radius
    smooth = derived(0.25 * float(norms.max()) ** 2 + ridge, "0.25 max ||a_t||**2 + ridge")
    minimizer = minimum(
        functools.partial(solved_by_ridge, model, ridge),
        "Newton's method, over whole passes",
        "||grad||**2 / (2 ridge)",
        "||grad|| / ridge",
    )["minimizer"]

    def hindsight(rounds: NDArray[np.int64]) -> Array:
        return np.array([_least_logistic(order, ridge, int(T)) for T in rounds])

    formula = (
        "f_t(w) = log(1 + exp(-y_t a_t.w)) + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, 569 examples "
        + ("in the order of the file" if order == "file" else "sorted by diagnosis")
    )
    constants: Parts = {
        "L": smooth,
        "L_max": smooth,
        "G": G,
        "G_inf": derived(min(largest, float(G.value)), "max |a_tj| + ridge radius, at most G"),
        "minimizer": minimizer,
    }
    return _stream(model, ridge, radius, formula, constants, hindsight)


@problem(
    source=("hoerl1970, the method", "efron2004, the data", "pedregosa2011, the copy used"),
    tags=("online", "convex", "smooth", "strongly-convex", "periodic", "real-data"),
)
def diabetes_ridge_stream(*, ridge: float = 0.1) -> Problem:
    """Online ridge regression on the diabetes data.

    One patient a round, in the order of the file, pass after pass. As the sum of T losses at 0 is
    at most T max y**2 / 2, the best fixed point u of any T has ridge ||u||**2 <= max y**2: it lies
    in the ball of radius max |y| / ridge**(1/2), which is the domain. With the sums H, b and c of
    a a', a y and y**2 over T rounds, u = (H + T ridge I)**-1 b and its sum of losses is
    (c - b.u) / 2.
    """
    ridge = accepted_ridge(ridge)
    model = diabetes(SQUARES)
    features, y = model.features, model.targets
    radius = float(abs(y).max() / np.sqrt(ridge))
    norms = np.sqrt(model.square_norms)
    slopes = radius * norms + abs(y)
    G = _steepest(norms, slopes, model, ridge, radius)
    largest = float((slopes * abs(features).max(axis=1)).max()) + ridge * radius
    smooth = derived(float(norms.max()) ** 2 + ridge, "max ||a_t||**2 + ridge")
    minimizer = minimum(
        functools.partial(solved_squares, model, ridge),
        "normal equations, over whole passes",
        "||grad||**2 / (2 mu)",
        "||grad|| / mu",
    )["minimizer"]

    @functools.cache
    def sums() -> tuple[Array, Array, Array]:
        """Of a a', a y and y**2 over the first 0, 1, ..., 442 examples."""
        terms = (features[:, :, None] * features[:, None, :], features * y[:, None], y * y)
        a, b, c = (np.concatenate([0 * t[:1], np.cumsum(t, axis=0)]) for t in terms)
        return a, b, c

    def block(rounds: NDArray[np.int64]) -> Array:
        passes, rest = np.divmod(rounds, model.examples)
        H, b, c = (passes.reshape(-1, *[1] * (s.ndim - 1)) * s[-1] + s[rest] for s in sums())
        H = H + (rounds * ridge)[:, None, None] * np.eye(model.size)
        u = np.linalg.solve(H, b[..., None])[..., 0]
        return (c - (b * u).sum(axis=-1)) / 2

    def hindsight(rounds: NDArray[np.int64]) -> Array:
        parts = [block(rounds[i : i + 4096]) for i in range(0, rounds.size, 4096)]
        return np.concatenate([np.zeros(0), *parts])

    formula = (
        "f_t(w) = (a_t.w - y_t)**2 / 2 + ridge/2 ||w||**2, "
        f"ridge {ridge:g}, 442 examples in the order of the file"
    )
    constants: Parts = {
        "L": smooth,
        "L_max": smooth,
        "G": G,
        "G_inf": derived(min(largest, float(G.value)), "max |l'| |a_tj| + ridge radius, at most G"),
        "minimizer": minimizer,
    }
    return _stream(model, ridge, radius, formula, constants, hindsight)
