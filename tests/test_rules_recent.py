"""The rules of the theorems since 2017, each against a few rounds by hand in fractions."""

from fractions import Fraction

import numpy as np
import pytest
from test_rules_averaging import same

from convergence.simulation import run
from problems.domain import WholeSpace
from problems.problem import Problem


def pair(slope=lambda x: x, loss=lambda x: x * x / 2, start=(4.0, -1.0)):
    """A sum over two coordinates."""
    return Problem(
        formula="by coordinate",
        domain=WholeSpace(),
        start=np.array(start),
        loss_formula=lambda x, sample: loss(x).sum(axis=-1),
        gradient_formula=lambda x, sample: slope(x),
    )


def path(rule, schedule, steps, problem=None):
    record = run(problem or pair(), rule, schedule, steps, measures=[], times=range(1, steps + 1))
    return record["iterate"][0]


def is_path(rule, schedule, expected, problem=None):
    exact = np.array([[float(x) for x in point] for point in expected])
    np.testing.assert_allclose(path(rule, schedule, len(exact), problem), exact, rtol=1e-15)


@pytest.mark.parametrize("b", [Fraction(k, 4) for k in (0, 2, 3, 4)])
def test_schedule_free_by_hand(b):
    alpha = Fraction(1, 4)
    expected = []
    for start in (Fraction(4), Fraction(-1)):
        x = y = z = start
        points = []
        for t in range(1, 5):
            z = z - alpha * y
            x = (t * x + z) / (t + 1)
            y = (1 - b) * z + b * x
            points.append(x)
        expected.append(points)
    is_path(f"schedule-free:interpolation={b}", f"constant:alpha={alpha}", np.transpose(expected))


def test_the_ends_of_schedule_free_are_known_methods():
    same("schedule-free:interpolation=1", "primal-averaging")
    with pytest.raises(AssertionError):
        same("schedule-free", "primal-averaging")
    moved = path("gradient-descent", "constant:alpha=0.25", 6)
    points = np.vstack([[4.0, -1.0], moved])
    means = np.cumsum(points, axis=0)[1:] / np.arange(2, 8)[:, None]
    averaged = path("schedule-free:interpolation=0", "constant:alpha=0.25", 6)
    np.testing.assert_allclose(averaged, means, rtol=1e-14)
