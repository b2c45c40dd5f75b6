"""Quadratics by their spectrum."""

from __future__ import annotations

import numpy as np

from problems.domain import WholeSpace
from problems.notation import require
from problems.problem import Problem, exact, problem

__all__ = ["quadratic"]


@problem(source="nesterov2004, Section 2.1", tags=("convex", "smooth", "strongly-convex"))
def quadratic(*, kappa: float = 100.0, dimension: int = 10, L: float = 1.0) -> Problem:
    """Ill-conditioned quadratic with eigenvalues from L / kappa to L.

    The eigenvalues are spaced geometrically; the start is the point of all ones, so that every
    eigendirection takes part.
    """
    require(
        isinstance(dimension, int) and dimension >= 1,
        f"dimension={dimension!r} must be a whole number of at least 1",
    )
    require(1 <= kappa < np.inf, f"kappa={kappa!r} must be finite and at least 1: it is L / mu")
    require(dimension > 1 or kappa == 1, f"kappa={kappa!r} needs dimension >= 2")
    require(0 < L < np.inf, f"L={L!r} must be positive and finite")
    eigenvalues = np.geomspace(L / kappa, L, dimension)
    # geomspace computes its ends by exp and log; the stated constants are the ends exactly.
    eigenvalues[0], eigenvalues[-1] = L / kappa, L
    return Problem(
        formula="f(x) = 1/2 sum_i lambda_i x_i**2, "
        f"lambda from {L / kappa:g} to {L:g}, geometrically",
        domain=WholeSpace(),
        start=np.ones(dimension),
        loss_formula=lambda x, sample: 0.5 * (eigenvalues * x * x).sum(axis=-1),
        gradient_formula=lambda x, sample: eigenvalues * x,
        constants={
            "L": exact(float(L), "the largest eigenvalue"),
            "mu": exact(L / kappa, "the smallest eigenvalue"),
            "mu_pl": exact(L / kappa, "the smallest eigenvalue"),
            "minimum": exact(0.0),
            "minimizer": exact(np.zeros(dimension)),
        },
    )
