"""Online problems, judged by regret: linear losses that repeat or are drawn.

On an interval the sum of linear losses s_1 x + ... + s_T x is least at the end that its total
slope points away from, so the best fixed point in hindsight is known exactly for every T, also
where it changes with T.

What a method does here is decided by its *drift*. Its directions h_t do not depend on x. If they
tend to a periodic sequence h_1..h_k, then one period moves a point inside the interval by
-alpha_t S up to lower order, S = h_1 + ... + h_k. So with step sizes that never increase, tend to
0 and have an infinite sum, x_t goes to the high end if S < 0 and to the low end if S > 0. Where S
and the sum C of a period's slopes have opposite signs that is the worst point of the interval,
and R_T / T tends to |C| (high - low) / k. The drifts below are of limits as t grows, where no
bias correction is left; those of Adam are without eps, and eps = 1e-8 changes none by 1e-7.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.arithmetic import where
from problems.domain import Box, WholeSpace
from problems.notation import exact as as_typed
from problems.notation import require
from problems.parameters import is_whole, number, numbers, whole
from problems.problem import Constant, Outcomes, Problem, exact, problem

__all__ = [
    "adamax_counterexample",
    "adopt_counterexample",
    "lion_counterexample",
    "periodic_hinge",
    "periodic_linear",
    "random_signs",
    "reddi_2018_online",
    "reddi_2018_stochastic",
    "reddi_2018_thm1",
    "reddi_2018_thm2",
    "reddi_2018_thm3",
    "signsgd_counterexample",
    "single_spike",
    "unit_slopes",
]

# At most this many slopes are drawn at a time, so memory stays bounded.
_DRAWS = 1 << 20
_RUN = 1 << 17


class _Periodic:
    """A sequence of slopes that repeats, as a function of the round t = 1, 2, ...

    Attributes:
        typed: The slopes of a period as they were typed, exact.

    Args:
        slopes: Those of a period, in order.
        lengths: For how many rounds in a row each stands; one if left out.
        lead: How many rounds of slope 0 come before the first period.
    """

    def __init__(
        self, slopes: Sequence[float], lengths: Sequence[int] | None = None, lead: int = 0
    ):
        self.slopes = np.array(slopes, float)
        self.typed = tuple(map(as_typed, slopes))
        stands = np.array([1] * len(slopes) if lengths is None else lengths, np.int64)
        self._ends = np.cumsum(stands)
        self._starts = self._ends - stands
        self._before = np.concatenate([[0.0], np.cumsum(self.slopes * stands)])
        self._lead = lead
        self._stands = stands

    @cached_property
    def _several(self) -> NDArray[np.float64]:
        """Periods in a row, so that any `_RUN` rounds that follow each other are a part of it."""
        return np.tile(np.repeat(self.slopes, self._stands), 1 + -(-_RUN // self.period))

    @property
    def period(self) -> int:
        """How many rounds a period has."""
        return int(self._ends[-1])

    @property
    def total(self) -> float:
        """The sum of the slopes of a period."""
        return float(self._before[-1])

    def __call__(self, rounds: NDArray[np.int64], seeds: Any = None) -> NDArray[np.float64]:
        place = (rounds - 1 - self._lead) % self.period
        slope = self.slopes[np.searchsorted(self._ends, place, side="right")]
        return np.where(rounds > self._lead, slope, 0.0)

    def block(self, first: int, count: int) -> NDArray[np.float64]:
        """The slopes of rounds `first` to `first + count - 1`."""
        if first <= self._lead or self.period > _DRAWS or count > _RUN:
            return self(np.arange(first, first + count))
        # Long runs ask for block after block: a part costs nothing, looking up does.
        begin = (first - 1 - self._lead) % self.period
        return self._several[begin : begin + count]

    def sums(self, rounds: NDArray[np.int64]) -> NDArray[np.float64]:
        """Total slope of rounds 1..T; exact while slopes are integers below 2**53 / T."""
        periods, rest = np.divmod(np.maximum(rounds - self._lead, 0), self.period)
        run = np.searchsorted(self._ends, rest, side="right")
        begun = (rest - self._starts[run]) * self.slopes[run]
        return periods * self.total + (self._before[run] + begun)


class _Drawn:
    """Slopes drawn anew each round: the first with a probability, else the second."""

    def __init__(self, slopes: tuple[float, float], probability: float):
        self.slopes, self.probability = slopes, probability

    def _is_first(self, rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.bool_]:
        return draws.uniform(seeds[None, :], rounds[:, None]) < self.probability

    def __call__(self, rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
        return np.where(self._is_first(rounds, seeds), *self.slopes)

    def sums(self, rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Total slope of rounds 1..T, (seeds, rounds), from counts: no rounding accumulates."""
        counts = np.empty((seeds.size, rounds.size), np.int64)
        count = np.zeros((seeds.size, 1), np.int64)
        width = max(1, _DRAWS // seeds.size)
        for start in range(1, int(rounds[-1]) + 1, width):
            stop = min(start + width, int(rounds[-1]) + 1)
            block = np.arange(start, stop)
            running = count + self._is_first(block, seeds).cumsum(axis=0).T
            here = (rounds >= start) & (rounds < stop)
            counts[:, here] = running[:, rounds[here] - start]
            count = running[:, -1:]
        return counts * self.slopes[0] + (rounds - counts) * self.slopes[1]


def _least(total: NDArray[np.float64], domain: Box) -> NDArray[np.float64]:
    return np.minimum(total * domain.low, total * domain.high)


def _linear_loss(x: Any, slope: Any) -> Any:
    return slope * x


def _slope(x: Any, slope: Any) -> Any:
    return slope


def _interval(domain: Any) -> Box:
    low, high = ends = numbers("domain", domain, 2, 2)
    require(low < high, f"domain={ends!r} must be an interval, the low end first")
    return Box(low, high)


def _inside(box: Box, start: Any) -> float:
    """The start, which must lie in the interval."""
    return number("start", start, least=box.low, most=box.high, why="it lies in the domain")


def _repeated(slopes: Sequence[float]) -> str:
    listed = ", ".join(f"{s:g}" for s in slopes[:6]) + (", ..." if len(slopes) > 6 else "")
    return f"f_t(x) = c_t x, c = {listed} with period {len(slopes)}"


def _periodic_linear(sequence: _Periodic, box: Box, start: float, formula: str) -> Problem:
    largest = exact(float(np.abs(sequence.slopes).max()), "the largest |slope|")
    total = sequence.total
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
        start=np.array([_inside(box, start)]),
        scalar=True,
        loss_formula=_linear_loss,
        gradient_formula=_slope,
        samples=sequence,
        hindsight_formula=lambda rounds, seeds: _least(sequence.sums(rounds), box),
        constants=constants,
        unknown=unknown,
    )


def _drawn_linear(
    sequence: _Drawn,
    mean: float,
    variance: Constant,
    optimum: Mapping[str, Constant],
    box: Box,
    start: float,
    formula: str,
    unknown: Mapping[str, str] | None = None,
) -> Problem:
    """The problem of drawn slopes, of which the mean, the variance and the optimum are known."""
    largest = exact(max(map(abs, sequence.slopes)), "the largest |slope|")
    p = sequence.probability
    return Problem(
        formula=formula,
        domain=box,
        start=np.array([_inside(box, start)]),
        scalar=True,
        loss_formula=_linear_loss,
        gradient_formula=_slope,
        samples=sequence,
        stochastic=True,
        objective_formula=lambda x: mean * x,
        objective_gradient_formula=lambda x: mean,
        hindsight_formula=lambda rounds, seeds: _least(sequence.sums(rounds, seeds), box),
        outcomes=lambda: Outcomes(np.array(sequence.slopes), np.array([p, 1.0 - p])),
        affine=True,
        constants={
            "L": exact(0.0, "the losses are linear"),
            "L_max": exact(0.0, "the losses are linear"),
            "G": largest,
            "G_inf": largest,
            "sigma2": variance,
            "M": exact(variance.value, "E g**2 = sigma2 + (E g)**2"),
            # Where the exact gradient is 0 everywhere, the least factor is 0.
            "M_G": exact(1.0 if mean else 0.0, "E g**2 = sigma2 + (E g)**2"),
            **optimum,
        },
        unknown=unknown or {},
    )


@problem(
    source="reddi2018, Section 3",
    tags=("online", "convex", "linear", "smooth", "periodic", "1-D"),
)
def periodic_linear(
    *, slopes: Any = (3, -1, -1), domain: Any = (-1, 1), start: float = 0.0
) -> Problem:
    """Linear losses whose slopes repeat.

    The mother of the counterexamples: f_t(x) = c_t x with c_1..c_k given, then again.
    """
    values = numbers("slopes", slopes)
    box = _interval(domain)
    return _periodic_linear(_Periodic(values), box, start, _repeated(values))


_PERIODIC = ("online", "convex", "linear", "smooth", "periodic", "1-D", "counterexample")
_DRAWN = ("stochastic", "online", "convex", "linear", "smooth", "1-D")
_INTERVAL = Box(-1.0, 1.0)


@problem(source="reddi2018, Theorem 1", tags=_PERIODIC)
def reddi_2018_thm1(*, C: float = 3, start: float = 1.0) -> Problem:
    """Reddi, Kale & Kumar's counterexample: C, -1, -1.

    Every third loss outweighs the two between, so -1 is best; Adam with beta1 = 0 and
    beta2 = 1/(1 + C**2) divides the large gradient by its own size and goes to +1. The paper
    allows C = 2, where every point is equally good after each period and nothing fails: the
    suite's negative control.
    """
    C = number("C", C, least=2, why="below it -1 is not the best fixed point")
    return _periodic_linear(
        _Periodic([C, -1, -1]),
        _INTERVAL,
        start,
        f"f_t(x) = {C:g} x if t mod 3 = 1, else -x",
    )


def _is_proved(beta1: float, beta2: float, N: int) -> bool:
    """The condition of `reddi_2018_thm2` on the period C = 2N.

    Where it holds for an N >= 4 it holds for all larger ones: N log(1 / beta2) >= 2 log(2N) > 2,
    and beyond N log(1 / beta2) = 2 the product beta2**N N**2 falls.
    """
    gap = sqrt(1 - beta2) * (1 - beta1 / sqrt(beta2))
    return beta2**N * (2 * N) ** 2 <= 1 and N * gap >= 4


def _proved_period(beta1: float, beta2: float) -> int:
    # The slope C and the sums of slopes must be exact in floating point.
    N = bisect_left(range(1 << 52), True, lo=4, key=lambda N: _is_proved(beta1, beta2, N))
    require(N < 1 << 52, f"beta1={beta1!r}, beta2={beta2!r} need a period of 2**53 or more; give C")
    return 2 * N


@problem(source="reddi2018, Theorem 2", tags=_PERIODIC)
def reddi_2018_thm2(
    *, beta1: float = 0.5, beta2: float = 0.5, C: Any = None, start: float = 1.0
) -> Problem:
    """Reddi, Kale & Kumar's counterexample to given betas: C, then -1 until the next C.

    If 0 <= beta1 < sqrt(beta2) < 1 and C is large, Adam with these betas is at the worst point +1
    before every slope C. The C taken here is the smallest even one, C = 2N, with (this condition
    and the proof below are not the paper's)

        beta2**N C**2 <= 1  and  N sqrt(1 - beta2) (1 - g) >= 4,  g = beta1 / sqrt(beta2).

    That is 16 for betas 0, .5; 40 for .5, .5; 3214 for .9, .99; 42620 for .9, .999. It is enough,
    not necessary: `single-spike` shows where the failure begins. A C that is given is used as it
    stands, and nothing is promised. C rounds of loss 0 come first, so that alpha / sqrt(t)
    changes by less than a factor sqrt(2) within a period.

    Claim: from start = 1, for alpha_t = alpha / sqrt(t) or alpha, any alpha > 0, any eps <= 1,
    with or without bias correction, x_t = 1 before every C. Such a period has regret at least
    2 C - 2 (C - 1) = 2, also when it is cut short: R_T >= 2 (ceil(T / C) - 1).

    Proof, first without eps and correction. If a slope C came i rounds ago then
    v_t >= (1 - beta2) beta2**i C**2; so in a period that begins with the step size a, the slopes
    C push x down by at most a (1 - beta1) / (sqrt(1 - beta2) (1 - g)). In its second half
    v_t <= 2, for the slopes C add at most beta2**N C**2 <= 1 to it; there the slopes -1 push up by
    at least N (1 - beta1) a / 2, twice as much. As m_t falls throughout the period, all pushes
    down come before all pushes up, so clipping at 1 takes away none that is needed, and clipping
    at -1 only helps: x ends at 1. The factor 2 to spare pays for eps <= 1, by which sqrt(2)
    becomes sqrt(2) + 1, and for the corrections, which vary by less than 2 % after C rounds.
    """
    beta1, beta2 = number("beta1", beta1, least=0), number("beta2", beta2, above=0, below=1)
    require(
        beta1**2 < beta2,
        f"beta1={beta1!r}, beta2={beta2!r} must satisfy 0 <= beta1 < sqrt(beta2) < 1",
    )
    require(
        C is None or (is_whole(C, 2, 2**53 - 2) and C % 2 == 0),
        f"C={C!r} must be an even whole number from 2 to 2**53 - 2, or be left out",
    )
    period = _proved_period(beta1, beta2) if C is None else int(C)
    return _periodic_linear(
        _Periodic([period, -1], [1, period - 1], lead=period),
        _INTERVAL,
        start,
        f"f_t(x) = 0 for t <= {period}, then {period} x if t mod {period} = 1, else -x",
    )


@problem(source="reddi2018, Section 5", tags=_PERIODIC)
def reddi_2018_online(*, start: float = 0.0) -> Problem:
    """Reddi et al.'s online example: 1010 once, then -10 a hundred times."""
    return _periodic_linear(
        _Periodic([1010, -10], [1, 100]),
        _INTERVAL,
        start,
        "f_t(x) = 1010 x if t mod 101 = 1, else -10 x",
    )


@problem(source="reddi2018, Section 5", tags=(*_DRAWN, "counterexample"))
def reddi_2018_stochastic(*, start: float = 0.0) -> Problem:
    """Reddi et al.'s stochastic example: 1010 with probability 1/100, else -10.

    Ten times `reddi-2018-thm3` with its defaults.
    """
    return _drawn_linear(
        _Drawn((1010.0, -10.0), 0.01),
        0.2,
        # .01 * 1010**2 + .99 * 10**2 - .2**2
        exact(10299.96, "E g**2 - (E g)**2 = 10201 + 99 - 0.04"),
        {
            "minimum": exact(-0.2, "0.2 x at -1"),
            "minimizer": exact([-1.0], "the mean slope is positive"),
        },
        _INTERVAL,
        start,
        "f_t(x) = 1010 x with probability 1/100, else -10 x; E f_t(x) = 0.2 x",
    )


@problem(source="reddi2018, Theorem 3", tags=(*_DRAWN, "counterexample"))
def reddi_2018_thm3(*, delta: float = 0.02, C: float = 101, start: float = 0.0) -> Problem:
    """Reddi, Kale & Kumar's random counterexample: C with probability (1 + delta)/(C + 1), else -1.

    With p that probability, the mean slope is p (C + 1) - 1 = delta, the mean square
    Q = p (C**2 - 1) + 1 = 1 + (1 + delta)(C - 1), the variance Q - delta**2 =
    (1 + delta)(C - delta). For every beta1 < sqrt(beta2) < 1 and C large, no step of Adam goes
    towards -1 on average: E x_{t+1} >= E x_t, so with f(x) = delta x the mean of f(x_t) never
    comes closer to its least value f(-1) than at x_1. The theorem follows Adam *without
    projection*; on [-1, 1], where regret is defined, it is a guide and not a proof.

    Large enough is, with g = beta1 / sqrt(beta2), any step sizes that do not depend on the draws,
    with or without bias correction and eps = 0 (this condition is derived here):

        p sqrt(Q) <= (1 - p) sqrt(1 - beta2) (1 - g).

    Proof. If a slope C came i rounds ago then v_t >= (1 - beta2) beta2**i C**2; so on average the
    slopes C push x down by at most p (1 - beta1) / (sqrt(1 - beta2) (1 - g)). A slope -1 pushes
    up at once by (1 - beta1) / sqrt(w), w = beta2 v_{t-1} + 1 - beta2, which is independent of
    the draw and has E w <= Q: on average, by Jensen, at least (1 - p)(1 - beta1) / sqrt(Q).

    For delta = .02 the smallest whole C is 25 for betas .5, .5; 11 for 0, .9; 48 for .5, .9;
    11645 for .9, .99; 107084 for .9, .999. The defaults are a tenth of the paper's example
    `reddi-2018-stochastic`.
    """
    delta = number("delta", delta, above=0, why="it is the mean slope")
    C = number("C", C, above=max(1.0, delta), why="the larger of 1 and delta")
    return _drawn_linear(
        _Drawn((C, -1.0), (1 + delta) / (C + 1)),
        delta,
        exact((1 + delta) * (C - delta), "E g**2 - (E g)**2 = (1 + delta) (C - delta)"),
        {
            "minimum": exact(-delta, "delta x at -1"),
            "minimizer": exact([-1.0], "the mean slope delta is positive"),
        },
        _INTERVAL,
        start,
        f"f_t(x) = {C:g} x with probability (1 + {delta:g})/({C:g} + 1), else -x; "
        f"E f_t(x) = {delta:g} x",
    )


@problem(source="orabona2019", tags=(*_DRAWN, "worst-case"))
def random_signs(*, G: float = 1.0, D: float = 2.0, start: float = 0.0) -> Problem:
    """Slopes G or -G by a fair coin: no algorithm has less expected regret than another.

    The lower bound D G sqrt(T) / (2 sqrt(2)) for online linear optimization on an interval of
    length D. Let S_T be the sum of T independent signs. As x_t depends on past signs only, the
    expected loss of every algorithm is 0, and the best fixed point has -(D/2) G |S_T|:

        E R_T = (D/2) G E|S_T|,  E|S_{2n-1}| = E|S_{2n}| = 2n binomial(2n, n) / 4**n.

    E|S_T| >= sqrt(T/2), with equality at T = 2: (E|S_{2n}|)**2 / (2n) is 1/2 at n = 1 and grows,
    from n to n + 1 by the factor (2n + 1)**2 / (4n (n + 1)), and 2n - 1 < 2n. It tends to 2/pi:
    E R_T / (D G sqrt(T)) tends to 1/sqrt(2 pi) = 0.3989.
    """
    G = number("G", G, above=0, why="it is the size of slopes")
    D = number("D", D, above=0, why="it is the length of the domain")
    return _drawn_linear(
        _Drawn((G, -G), 0.5),
        0.0,
        exact(G**2, "g**2 = G**2 and E g = 0"),
        {"minimum": exact(0.0, "the objective is 0")},
        Box(-D / 2, D / 2),
        start,
        f"f_t(x) = {G:g} x or -{G:g} x, each with probability 1/2; E f_t(x) = 0",
        {"minimizer": "the objective is 0; the best fixed point in hindsight depends on the draws"},
    )


@problem(source="reddi2018, Theorem 2", tags=_PERIODIC)
def single_spike(*, k: int = 74, start: float = 0.0) -> Problem:
    """One slope k, then k - 1 slopes of -1: default Adam fails from k = 74 on.

    The family of Reddi et al.'s Theorem 2 (there k is even, and large enough for a proof). The
    slopes of a period sum to 1, so -1 is best. The drift of Adam with the default beta1 = .9,
    beta2 = .999 is 0.00187140 at k = 73 and -0.00180737 at k = 74: it is positive for k = 2..73
    and negative for k = 74..4000, computed one by one. Other betas fail first at k = 4 (0, .5),
    5 (.5, .5), 7 (0, .9), 21 (0, .99), 14 (.9, .9), 17 (.9, .95), 30 (.9, .99).

    The drift at 73 and 74 is small. A constant step size of 0.02 shows it: from x = 0, after
    4 000 000 rounds, x = -0.98 for k = 73 and 0.95 for k = 74.
    """
    k = whole("k", k, 2)
    return _periodic_linear(
        _Periodic([k, -1], [1, k - 1]),
        _INTERVAL,
        start,
        f"f_t(x) = {k} x if t mod {k} = 1, else -x",
    )


@problem(source="kingma2015, the method that fails", tags=_PERIODIC)
def unit_slopes(*, plus: int = 49, zero: int = 91, minus: int = 48, start: float = 0.0) -> Problem:
    """Slopes 1, 0 and -1 only, on which default Adam fails: 49 times 1, 91 times 0, 48 times -1.

    Neither a large slope nor a rare one is needed. The slopes of a period sum to plus - minus = 1,
    so -1 is best, but the drift of Adam with beta1 = .9, beta2 = .999 is -0.00415603. A constant
    step size of 0.005 shows it: from x = 0, x is 0.98 after 80 000 periods of 188 rounds.

    With plus=64, zero=128, minus=63 the drift is -1.28408874, and alpha_t = 0.1 / sqrt(t) leads
    from the best point, start=-1, to x = 0.27 after a million rounds and 0.996 after four.
    """
    plus, zero, minus = whole("plus", plus, 1), whole("zero", zero), whole("minus", minus, 1)
    slopes, lengths = ([1, 0, -1], [plus, zero, minus]) if zero else ([1, -1], [plus, minus])
    return _periodic_linear(
        _Periodic(slopes, lengths),
        _INTERVAL,
        start,
        f"f_t(x) = x {plus} times, 0 {zero} times, -x {minus} times, "
        f"with period {plus + zero + minus}",
    )


def _small_counterexample(slopes: Sequence[float], start: float) -> Problem:
    return _periodic_linear(_Periodic(slopes), _INTERVAL, start, _repeated(slopes))


@problem(source="taniguchi2024, the method that fails", tags=_PERIODIC)
def adopt_counterexample(*, start: float = 0.0) -> Problem:
    """Three slopes on which ADOPT with beta2 = 1/2 fails: -5, 4, 2.

    ADOPT divides g_t by sqrt(v_{t-1}), which does not depend on g_t where losses are drawn
    independently, as its theorem assumes; in a fixed order it does. The slopes sum to 1, so -1 is
    best. The drift sum_j c_j / sqrt(v_{j-1}) is -0.11080462 at beta2 = 1/2; it is negative for
    all beta2 <= 0.609 and positive from 0.6092 on, so also at the default 0.9999. beta1 does not
    matter: an average of gain 1 leaves the sum over a period as it is.
    """
    return _small_counterexample([-5, 4, 2], start)


@problem(source="kingma2015, Section 7.1, the method that fails", tags=_PERIODIC)
def adamax_counterexample(*, start: float = 0.0) -> Problem:
    """Four slopes on which AdaMax with beta1 = 0, beta2 = .9 fails: -3, -3, 4, 3.

    The slopes sum to 1, so -1 is best. With beta1 = 0 the drift is
    1 + 3/max(3, 4b) - 3/max(3, 4b**2) - 3/max(3, 4b**3) for b = beta2: -5/54 at .9, negative for
    3/4 < b < 0.92828 and positive from 0.92829 on, so also at the default .999. With the default
    beta1 = .9 it is positive: 0.2703 at beta2 = .9, 0.2502 at .999.
    """
    return _small_counterexample([-3, -3, 4, 3], start)


@problem(source="chen2023, the method that fails", tags=_PERIODIC)
def lion_counterexample(*, start: float = 0.0) -> Problem:
    """Five slopes on which default Lion fails: -3, -2, -2, 4, 4.

    The slopes sum to 1, so -1 is best. With beta1 = .9, beta2 = .99 and no weight decay Lion
    moves by the signs of -0.0838, -0.0129, -0.0328, 0.5475, 0.5820: its drift is -1. So it is
    with beta2 = .999; with .9, .95 it is 3 and with .95, .98 it is 5, and all is well.
    """
    return _small_counterexample([-3, -2, -2, 4, 4], start)


@problem(source="bernstein2018, the method that fails", tags=_PERIODIC)
def signsgd_counterexample(*, start: float = 0.0) -> Problem:
    """Three slopes on which signSGD fails: -3, -1, 5.

    The slopes sum to 1, so -1 is best; their signs sum to -1: the drift of signSGD without
    momentum.
    """
    return _small_counterexample([-3, -1, 5], start)


@problem(
    source=("kingma2015, Theorem 4.1", "reddi2018, Theorem 1"),
    tags=("online", "convex", "non-smooth", "periodic", "1-D", "counterexample"),
)
def periodic_hinge(*, slopes: Any = (3, -1, -1), start: float = 0.0) -> Problem:
    """Linear losses that flatten out beyond [-1, 1], on the whole line.

    A round of slope c > 0 costs c max(x, -1), one of slope c < 0 costs |c| max(-x, -1): convex
    and Lipschitz without a domain, so a theorem whose method has no projection applies to the
    letter. On [-1, 1] it is `periodic-linear`.
    """
    values = numbers("slopes", slopes)
    sequence = _Periodic(values)
    largest = exact(float(np.abs(sequence.slopes).max()), "the largest |slope|")
    total = sequence.total
    constants: dict[str, Constant] = {"G": largest, "G_inf": largest}
    unknown = {"L": "the losses have a kink"}
    if total:
        constants["minimizer"] = exact(
            [-1.0 if total > 0 else 1.0], f"the slopes of a period sum to {total:g}"
        )
    else:
        unknown["minimizer"] = "the slopes of a period sum to 0"

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
        start=np.array([number("start", start)]),
        scalar=True,
        loss_formula=loss,
        gradient_formula=gradient,
        samples=sequence,
        # On [-1, 1] the sum is linear, outside it only grows.
        hindsight_formula=lambda rounds, seeds: -np.abs(sequence.sums(rounds)),
        constants=constants,
        unknown=unknown,
    )
