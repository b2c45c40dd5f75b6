"""Online problems, judged by regret: linear losses that repeat or are drawn.

On an interval the sum of linear losses s_1 x + ... + s_T x is least at the end that its total
slope points away from, so the best fixed point in hindsight is known exactly for every T, also
where it changes with T.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.arithmetic import where
from problems.domain import Box, WholeSpace
from problems.notation import require
from problems.problem import Constant, Problem, exact, problem

__all__ = [
    "periodic_hinge",
    "periodic_linear",
    "reddi_2018_online",
    "reddi_2018_stochastic",
    "reddi_2018_thm1",
]


class _Periodic:
    """A sequence of slopes that repeats, as a function of the round t = 1, 2, ..."""

    def __init__(self, slopes: Sequence[float]):
        self.slopes = np.array(slopes, float)

    def __call__(self, rounds: NDArray[np.int64], seeds: Any = None) -> NDArray[np.float64]:
        return self.slopes[(rounds - 1) % self.slopes.size]

    def sums(self, rounds: NDArray[np.int64]) -> NDArray[np.float64]:
        """Total slope of rounds 1..T; exact while slopes are integers below 2**53 / T."""
        prefix = np.concatenate([[0.0], np.cumsum(self.slopes)])
        periods, rest = np.divmod(rounds, self.slopes.size)
        return periods * prefix[-1] + prefix[rest]


def _least(total: NDArray[np.float64], domain: Box) -> NDArray[np.float64]:
    return np.minimum(total * domain.low, total * domain.high)


def _linear_loss(x: Any, slope: Any) -> Any:
    return slope * x


def _slope(x: Any, slope: Any) -> Any:
    return slope


def _accepted_slopes(slopes: Any) -> list[float]:
    wrong = f"slopes={slopes!r} must be a list of numbers, such as [3,-1,-1]"
    require(isinstance(slopes, (list, tuple)) and slopes, wrong)
    require(
        all(isinstance(s, (int, float)) and not isinstance(s, bool) for s in slopes)
        and np.isfinite(slopes).all(),
        wrong,
    )
    return [float(s) for s in slopes]


def _interval(domain: Any) -> Box:
    require(
        isinstance(domain, (list, tuple)) and len(domain) == 2,
        f"domain={domain!r} must be an interval, such as [-1,1]",
    )
    return Box(float(domain[0]), float(domain[1]))


def _periodic_linear(slopes: Sequence[float], box: Box, start: float, formula: str) -> Problem:
    sequence = _Periodic(slopes)
    largest = exact(float(np.abs(sequence.slopes).max()), "the largest |slope|")
    total = float(sequence.slopes.sum())
    constants = {"L": exact(0.0, "the losses are linear"), "G": largest, "G_inf": largest}
    unknown = {}
    if total:
        end = box.low if total > 0 else box.high
        constants["minimizer"] = exact([end], "the slopes of a period sum to " + f"{total:g}")
    else:
        unknown["minimizer"] = "the slopes of a period sum to 0"
    return Problem(
        formula=formula,
        domain=box,
        start=np.array([start]),
        scalar=True,
        loss_formula=_linear_loss,
        gradient_formula=_slope,
        samples=sequence,
        hindsight_formula=lambda rounds, seeds: _least(sequence.sums(rounds), box),
        constants=constants,
        unknown=unknown,
    )


@problem(source="reddi2018, Section 3", tags=("online", "convex", "linear", "periodic", "1-D"))
def periodic_linear(
    *, slopes: Any = (3, -1, -1), domain: Any = (-1, 1), start: float = 0.0
) -> Problem:
    """Linear losses whose slopes repeat.

    The mother of the counterexamples: f_t(x) = c_t x with c_1..c_k given, then again.
    """
    values = _accepted_slopes(slopes)
    box = _interval(domain)
    listed = ", ".join(f"{s:g}" for s in values[:6]) + (", ..." if len(values) > 6 else "")
    return _periodic_linear(
        values, box, start, f"f_t(x) = c_t x, c = {listed} with period {len(values)}"
    )


@problem(
    source="reddi2018, Theorem 1",
    tags=("online", "convex", "linear", "periodic", "1-D", "counterexample"),
)
def reddi_2018_thm1(*, C: float = 3, start: float = 1.0) -> Problem:
    """Reddi, Kale & Kumar's counterexample: C, -1, -1.

    Every third loss outweighs the two between, so -1 is best; Adam with beta1 = 0 and
    beta2 = 1/(1 + C**2) divides the large gradient by its own size and goes to +1. The paper
    allows C = 2, where every point is equally good after each period and nothing fails: the
    suite's negative control.
    """
    require(C >= 2, f"C={C!r} must be at least 2, or -1 is not the best fixed point")
    return _periodic_linear(
        [C, -1, -1],
        Box(-1.0, 1.0),
        start,
        f"f_t(x) = {C:g} x if t mod 3 = 1, else -x",
    )


@problem(
    source="reddi2018, Section 5",
    tags=("online", "convex", "linear", "periodic", "1-D", "counterexample"),
)
def reddi_2018_online(*, start: float = 0.0) -> Problem:
    """Reddi et al.'s online example: 1010 once, then -10 a hundred times."""
    return _periodic_linear(
        [1010, *[-10] * 100],
        Box(-1.0, 1.0),
        start,
        "f_t(x) = 1010 x if t mod 101 = 1, else -10 x",
    )


@problem(
    source="reddi2018, Section 5",
    tags=("stochastic", "online", "convex", "linear", "1-D", "counterexample"),
)
def reddi_2018_stochastic(*, start: float = 0.0) -> Problem:
    """Reddi et al.'s stochastic example: 1010 with probability 1/100, else -10."""
    box = Box(-1.0, 1.0)

    def samples(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
        u = draws.uniform(seeds[None, :], rounds[:, None])
        return np.where(u < 0.01, 1010.0, -10.0)

    def hindsight(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
        total = np.zeros((seeds.size, 1))
        sums = np.empty((seeds.size, rounds.size))
        for first in range(1, int(rounds[-1]) + 1, 1 << 14):
            last = min(first + (1 << 14) - 1, int(rounds[-1]))
            # Integers: the order of the sum does not matter.
            running = total + samples(np.arange(first, last + 1), seeds).cumsum(axis=0).T
            here = (rounds >= first) & (rounds <= last)
            sums[:, here] = running[:, rounds[here] - first]
            total = running[:, -1:]
        return _least(sums, box)

    return Problem(
        formula="f_t(x) = 1010 x with probability 1/100, else -10 x; E f_t(x) = 0.2 x",
        domain=box,
        start=np.array([start]),
        scalar=True,
        loss_formula=_linear_loss,
        gradient_formula=_slope,
        samples=samples,
        stochastic=True,
        objective_formula=lambda x: 0.2 * x,
        objective_gradient_formula=lambda x: 0.2,
        hindsight_formula=hindsight,
        constants={
            "L": exact(0.0, "the losses are linear"),
            "G": exact(1010.0, "the largest |slope|"),
            "G_inf": exact(1010.0, "the largest |slope|"),
            # E g**2 - (E g)**2 = .01 * 1010**2 + .99 * 10**2 - .2**2
            "sigma2": exact(10299.96, "E g**2 - (E g)**2 = 10201 + 99 - 0.04"),
            "minimum": exact(-0.2, "0.2 x at -1"),
            "minimizer": exact([-1.0], "the mean slope is positive"),
        },
    )


@problem(
    source=("kingma2015, Theorem 4.1", "reddi2018, Theorem 1"),
    tags=("online", "convex", "periodic", "1-D", "counterexample"),
)
def periodic_hinge(*, slopes: Any = (3, -1, -1), start: float = 0.0) -> Problem:
    """Linear losses that flatten out beyond [-1, 1], on the whole line.

    A round of slope c > 0 costs c max(x, -1), one of slope c < 0 costs |c| max(-x, -1): convex
    and Lipschitz without a domain, so a theorem whose method has no projection applies to the
    letter. On [-1, 1] it is `periodic-linear`.
    """
    values = _accepted_slopes(slopes)
    sequence = _Periodic(values)
    largest = exact(float(np.abs(sequence.slopes).max()), "the largest |slope|")
    total = float(sequence.slopes.sum())
    constants: dict[str, Constant] = {"G": largest, "G_inf": largest}
    unknown = {"L": "the losses have a kink"}
    if total:
        constants["minimizer"] = exact(
            [-1.0 if total > 0 else 1.0], f"the slopes of a period sum to {total:g}"
        )

    def loss(x: Any, slope: Any) -> Any:
        flat = where(slope > 0, x < -1.0, x > 1.0)
        return where(flat, -abs(slope), slope * x)

    def gradient(x: Any, slope: Any) -> Any:
        flat = where(slope > 0, x < -1.0, x > 1.0)
        return where(flat, 0.0 * slope, slope)

    return Problem(
        formula="f_t(x) = c max(x, -1) for a slope c > 0, |c| max(-x, -1) for c < 0; "
        "at the kink the gradient is c",
        domain=WholeSpace(),
        start=np.array([start]),
        scalar=True,
        loss_formula=loss,
        gradient_formula=gradient,
        samples=sequence,
        # On [-1, 1] the sum is linear, outside it only grows.
        hindsight_formula=lambda rounds, seeds: -np.abs(sequence.sums(rounds)),
        constants=constants,
        unknown=unknown,
    )
