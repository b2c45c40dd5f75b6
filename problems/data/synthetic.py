"""Regression on sparse data that the suite draws itself."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from problems import draws
from problems.arithmetic import expit
from problems.data.predictors import Linear
from problems.data.regressions import unpenalised_logistic
from problems.data.scores import LOGISTIC
from problems.notation import require
from problems.parameters import accepted_seed, number, whole
from problems.problem import Problem, problem

__all__ = ["sparse_logistic"]

_MOST = 10_000_000


@functools.lru_cache(maxsize=4)
def _drawn(examples: int, features: int, each: int, seed: int) -> Linear:
    """So many entries in each row, their labels by a logistic model.

    What belongs to the problem is drawn in round 0, which no run draws.
    """
    entries = examples * each
    first = np.array([0, entries, 2 * entries, 2 * entries + features])

    def uniform(part: int, count: int) -> NDArray[np.float64]:
        return draws.uniform(seed, 0, first[part] + np.arange(count))

    # One column from each of so many strips, so that columns differ and increase.
    edges = np.arange(each + 1) * features // each
    width = np.diff(edges)
    place = np.floor(uniform(0, entries).reshape(examples, each) * width)
    columns = edges[:-1] + np.minimum(place, width - 1).astype(np.int64)
    values = draws.normal(seed, 0, first[1] + np.arange(entries))
    starts = each * np.arange(examples + 1)
    matrix = sparse.csr_matrix(
        (values, columns.reshape(-1).astype(np.int32), starts.astype(np.int32)),
        shape=(examples, features),
    )
    weights = draws.normal(seed, 0, first[2] + np.arange(features))
    positive = uniform(3, examples) < expit(matrix @ weights)
    return Linear(matrix, np.where(positive, 1.0, -1.0), LOGISTIC)


@problem(
    source="duchi2011, the setting",
    tags=("stochastic", "convex", "smooth", "finite-sum", "sparse"),
)
def sparse_logistic(
    *,
    examples: int = 200,
    features: int = 500,
    density: float = 0.02,
    seed: int = 0,
    batch: int = 1,
) -> Problem:
    """Logistic regression on sparse examples, without a ridge.

    Each example has density * features entries, standard normal, one in each of as many strips of
    columns. Labels are drawn by the logistic model of standard normal weights. A mini-batch has a
    gradient in the columns of its examples only: methods that stand still where the gradient is 0
    need no other.
    """
    examples = whole("examples", examples, 2, 1_000_000)
    features = whole("features", features, 1, 1_000_000)
    batch = whole("batch", batch, 1, 1_000)
    why = "it is the share of features that an example has"
    density = number("density", density, above=0, most=1, why=why)
    each = max(1, round(density * features))
    require(
        examples * each <= _MOST,
        f"examples={examples} with {each} entries each hold more than {_MOST} entries in all; "
        "take fewer or a smaller density",
    )
    model = _drawn(examples, features, each, accepted_seed(seed))
    formula = (
        f"f(w) = mean_i log(1 + exp(-y_i a_i.w)), n = {examples}, {each} of {features} features "
        "in each example"
    )
    return unpenalised_logistic(model, batch, formula)
