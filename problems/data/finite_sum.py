"""The problem of a mean loss over examples, by full gradients or mini-batches, and its constants.

Let l be the loss of a score, |l'| <= K and |l''| <= B.

The objective is smooth with L = B lambda_max(A'A) / n + ridge. If l has no bounded slope but is
convex, the noise of mini-batches grows with the gradient: let s2 be the variance of the gradient
of one example at the minimiser w*. A convex function with smoothness B ||a_i||**2 satisfies

    ||grad l_i(w) - grad l_i(w*)||**2 <= 2 B ||a_i||**2 (l_i(w) - l_i(w*) - grad l_i(w*).(w - w*)),

and by the optimality of w* the mean of the bracket is at most f(w) - f*, which is at most
||grad f(w)||**2 / (2 mu). So the variance of one draw at w is at most
2 s2 + 2 B max ||a_i||**2 / mu ||grad f(w)||**2, and with a batch

    E||g||**2 <= 2 s2 / batch + (1 + 2 B max ||a_i||**2 / (mu batch)) ||grad f(w)||**2.

With bounded slopes the variance is at most K**2 mean ||a_i||**2 / batch everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from problems.batches import accepted_batch, drawn_rows, row_outcomes
from problems.data.certified import Solution
from problems.data.predictors import Linear, Softmax
from problems.domain import WholeSpace
from problems.parameters import number
from problems.problem import Constant, Deferred, Problem, Stationary, derived, exact

__all__ = [
    "GROWS",
    "Parts",
    "Terms",
    "accepted_ridge",
    "finite_sum",
    "minimum",
    "smoothness",
    "with_ridge",
]

Parts = dict[str, Constant | Callable[[], Constant]]

#: Why a loss with a ridge, or of squares, has no G.
GROWS = {"G": "the gradient grows with ||w||"}


def accepted_ridge(ridge: Any) -> float:
    """A ridge that must be a positive number."""
    return number("ridge", ridge, above=0, why="without it the minimum may not be attained")


@dataclass(frozen=True)
class Terms:
    """What is added to the mean loss: ridge/2 ||w||**2 + penalty ||w||_1, with sign(0) = 0."""

    ridge: float = 0.0
    penalty: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether nothing is added."""
        return not (self.ridge or self.penalty)

    def value(self, loss: Any, w: Any) -> Any:
        """The mean loss with what is added to it."""
        if self.nothing:
            return loss
        total = self.ridge / 2 * (w * w).sum(axis=-1)
        return loss + (total + self.penalty * abs(w).sum(axis=-1) if self.penalty else total)

    def gradient(self, slope: Any, w: Any) -> Any:
        """The gradient of the mean loss with what is added to it."""
        if self.nothing:
            return slope
        added = self.ridge * w
        return slope + (added + self.penalty * np.sign(w) if self.penalty else added)


def with_ridge(text: str, ridge: float) -> str:
    """A constant as text, with the ridge if there is one."""
    return f"{text} + ridge" if ridge else text


def _scaled(factor: float, text: str) -> str:
    return text if factor == 1 else f"{factor:g} {text}"


def smoothness(model: Linear | Softmax, ridge: float) -> Constant:
    """L = B lambda_max(A'A) / n + ridge, with B the bound on l''."""
    assert model.curvature is not None
    spectrum = model.spectrum
    value = model.curvature * spectrum.largest + ridge
    how = with_ridge(_scaled(model.curvature, spectrum.how), ridge)
    if model.curved_at_zero and spectrum.largest_exact:
        return exact(value, f"{how}, attained at w = 0")
    return derived(value, how)


def minimum(solve: Callable[[], Solution], how: str, gap: str, distance: str) -> Parts:
    """The minimum and the minimiser, computed when either is first asked for."""
    return {
        "minimum": lambda: Constant(
            solve().minimum, "computed", f"{how}; gap {gap}", tolerance=solve().gap
        ),
        "minimizer": lambda: Constant(
            solve().minimizer,
            "computed",
            f"{how}; ||w - w*|| <= {distance}",
            tolerance=solve().distance,
        ),
    }


def _noise(
    model: Linear | Softmax,
    terms: Terms,
    batch: int,
    mu: float | None,
    solve: Callable[[], Solution] | None,
) -> tuple[Parts, dict[str, str]]:
    """The constants of mini-batches (see the head of this module), and why others are missing."""
    parts: Parts = {}
    longest = float(model.square_norms.max())
    if model.curvature is not None and not terms.penalty:
        by = with_ridge(_scaled(model.curvature, "max ||a_i||**2"), terms.ridge)
        parts["L_max"] = derived(model.curvature * longest + terms.ridge, by)
    if model.slope_square is not None:
        variance = model.slope_square * model.mean_square / batch
        by = _scaled(model.slope_square, "mean ||a_i||**2 / batch")
        by += f", as l'**2 <= {model.slope_square:g}"
        parts["sigma2"] = derived(variance, by)
        parts["M"] = derived(variance, "sigma2, as E||g||**2 = ||grad f||**2 + the variance")
        parts["M_G"] = derived(1.0, "E||g||**2 = ||grad f||**2 + the variance")
        return parts, {}
    unknown = {"sigma2": "the variance grows with ||w||"}
    if model.curvature is not None and mu is not None and solve is not None:
        assert isinstance(model, Linear)

        def at_minimizer() -> Constant:
            w = solve().minimizer
            slopes = model.score.slope(model.scores(w), model.targets)
            mean = model.gradient(w)
            variance = float((slopes * slopes * model.square_norms).mean() - mean @ mean)
            return derived(2 * variance / batch, "2 / batch times the variance of one draw at w*")

        growth = 1 + 2 * model.curvature * longest / (mu * batch)
        parts["M"] = at_minimizer
        parts["M_G"] = derived(growth, "1 + 2 max l'' ||a_i||**2 / (mu batch)")
    return parts, unknown


def finite_sum(
    model: Linear | Softmax,
    terms: Terms,
    batch: Any,
    formula: str,
    constants: Parts,
    unknown: Mapping[str, str],
    solve: Callable[[], Solution] | None = None,
    mean: Any = None,
    stationary: tuple[Stationary, ...] = (),
    affine: bool = False,
) -> Problem:
    """The problem of a mean loss, by full gradients (`batch="full"`) or mini-batches.

    Args:
        model: The mean loss.
        terms: What is added to it.
        batch: "full", or the number of examples of a mini-batch.
        formula: The objective as text.
        constants: Those of the objective, and whatever takes precedence over the general ones
            of mini-batches.
        unknown: Letters that are missing, with the reason.
        solve: Finds the minimiser of a convex objective.
        mean: What evaluates the mean loss and its gradient, if not the model.
        stationary: Known stationary points.
        affine: Whether gradients are affine in the weights.
    """
    size = accepted_batch(batch)
    mean = mean or model

    def value(w: Any, sample: Any = None) -> Any:
        return terms.value(mean.value(w), w)

    def gradient(w: Any, sample: Any = None) -> Any:
        return terms.gradient(mean.gradient(w), w)

    if size is None:
        return Problem(
            formula=formula,
            domain=WholeSpace(),
            start=np.zeros(model.size),
            loss_formula=value,
            gradient_formula=gradient,
            constants=Deferred(constants),
            unknown=unknown,
            stationary=stationary,
            affine=affine,
        )
    mu = constants.get("mu")
    stated = mu.value if isinstance(mu, Constant) else None
    noise, missing = _noise(model, terms, size, stated, solve)
    examples = model.examples

    def of_rows(w: Any, rows: Any) -> Any:
        return terms.gradient(model.batch_gradient(w, rows), w)

    drawn = f"{size} examples" if size > 1 else "one example"

    return Problem(
        formula=formula + f"; gradients of {drawn} drawn with replacement",
        domain=WholeSpace(),
        start=np.zeros(model.size),
        loss_formula=lambda w, rows: terms.value(model.batch_value(w, rows), w),
        gradient_formula=of_rows,
        samples=drawn_rows(size, examples),
        stochastic=True,
        objective_formula=value,
        objective_gradient_formula=gradient,
        constants=Deferred({**constants, **{k: v for k, v in noise.items() if k not in constants}}),
        unknown={**missing, **unknown},
        stationary=stationary,
        outcomes=lambda: row_outcomes(size, examples),
        affine=affine,
        examples=None if terms.penalty else model.drawn(terms.ridge, of_rows),
        exact_gradient_cost=examples / size,
    )
