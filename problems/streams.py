"""Online problems in several dimensions, judged by regret.

Losses that turn, alternate or are drawn, each chosen so that the best fixed point in hindsight is
known in closed form for every T: a mean of centres, the expert with the least total loss, a
portfolio, the sign of a sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from problems import draws
from problems.domain import Ball, Box, Simplex
from problems.notation import require
from problems.parameters import number, whole
from problems.problem import Constant, Outcomes, Problem, derived, exact, problem

__all__ = [
    "coin_flip_experts",
    "drifting_quadratics",
    "expert_advice",
    "orthogonal_slopes",
    "portfolio_selection",
    "single_feature_hinge",
    "sparse_hinge",
]

Array = NDArray[np.float64]
Rounds: TypeAlias = NDArray[np.int64]
Seeds: TypeAlias = NDArray[np.uint64]

# At most this many numbers are drawn at a time, so memory stays bounded.
_DRAWS = 1 << 18
# The most coordinates for which all 2**n values of a draw are listed.
_LISTED = 10


class _Cycle:
    """Which row of a table a round shows: the first rows once, then the others in turn for ever.

    Args:
        size: The number of rows.
        lead: How many of them come only once.
    """

    def __init__(self, size: int, lead: int = 0):
        self._period, self._lead = size - lead, lead

    def __call__(self, rounds: Rounds, seeds: Any = None) -> Rounds:
        late = self._lead + (rounds - 1 - self._lead) % self._period
        return np.where(rounds <= self._lead, rounds - 1, late)

    def sums(self, table: Array, rounds: Rounds) -> Array:
        """The sum of the rows shown in rounds 1..T, for each T: shape (rounds, n)."""
        before, turn = self._prefix(table[: self._lead]), self._prefix(table[self._lead :])
        turns, rest = np.divmod(np.maximum(rounds - self._lead, 0), self._period)
        return before[np.minimum(rounds, self._lead)] + turns[:, None] * turn[-1] + turn[rest]

    @staticmethod
    def _prefix(table: Array) -> Array:
        return np.concatenate([np.zeros((1, table.shape[1])), table.cumsum(axis=0)])


def _reduced_sums(
    draw: Callable[[Rounds, Seeds], Array],
    width: int,
    reduce: Callable[[Array], Array],
    rounds: Rounds,
    seeds: Seeds,
) -> Array:
    """A function of the sum over rounds 1..T of what is drawn, for each T: (seeds, rounds).

    Args:
        draw: Returns whole numbers, (rounds, seeds, k): their sums are exact in any order.
        width: How many numbers a draw takes for one round and seed.
        reduce: (..., k) -> (...).
        rounds: The values of T, increasing.
        seeds: One per lane.
    """
    reduced = np.empty((seeds.size, rounds.size))
    total: Any = 0.0
    step = max(1, _DRAWS // (seeds.size * width))
    for first in range(1, int(rounds[-1]) + 1, step):
        block = np.arange(first, min(first + step, int(rounds[-1]) + 1))
        running = total + draw(block, seeds).cumsum(axis=0)
        here = (rounds >= first) & (rounds <= block[-1])
        reduced[:, here] = reduce(running[rounds[here] - first]).T
        total = running[-1]
    return reduced


@problem(source="hazan2007", tags=("online", "convex", "smooth", "strongly-convex", "periodic"))
def drifting_quadratics(
    *,
    mu: float = 1.0,
    period: int = 100,
    orbit: float = 1.0,
    radius: float = 1.0,
    dimension: int = 2,
) -> Problem:
    """Strongly convex losses whose centre goes round in circles.

    f_t(x) = mu/2 ||x - c_t||**2 on a ball. Coordinates 2j - 1 and 2j of the centre turn j times
    in a period: c_t = orbit sqrt(2/n) (cos j u, sin j u), u = 2 pi (t - 1) / period, so that
    ||c_t|| = orbit. Every loss is quadratic with Hessian mu I: the setting in which Hazan, Agarwal
    & Kale prove a regret of G**2 / (2 mu) (1 + log T) for the steps 1 / (mu t).

    The largest gradient is mu (orbit + radius), opposite the centre. The sum of the first T losses
    is mu T/2 ||x - m||**2 plus a constant, m the mean centre, so the best fixed point is the
    projection of m onto the ball. With orbit <= radius every centre lies in the ball, gradient
    descent with steps 1 / (mu t) is x_{t+1} = m_t, and its regret is exactly
    mu/2 sum_t ||x_t - c_t||**2 / t: it grows like mu/2 orbit**2 log T.
    """
    mu, orbit = number("mu", mu, above=0), number("orbit", orbit, above=0)
    radius = number("radius", radius, above=0)
    dimension = whole("dimension", dimension, 2)
    require(dimension % 2 == 0, f"dimension={dimension!r} must be even: coordinates turn in pairs")
    period = whole("period", period, dimension // 2 + 1)
    side = orbit * np.sqrt(2 / dimension)
    angles = 2 * np.pi / period * np.outer(np.arange(period), np.arange(1, dimension // 2 + 1))
    centres = side * np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(period, dimension)
    ball, cycle = Ball(radius), _Cycle(period)

    def loss(x: Any, index: Any) -> Any:
        off = x - centres[index]
        return mu / 2 * (off * off).sum(axis=-1)

    def hindsight(rounds: Rounds, seeds: Seeds) -> Array:
        total = cycle.sums(centres, rounds)
        squares = cycle.sums((centres * centres).sum(axis=-1, keepdims=True), rounds)[:, 0]
        best = ball.project(total / rounds[:, None])
        spread = (best * (rounds[:, None] * best - 2 * total)).sum(axis=-1)
        return mu / 2 * (squares + spread)

    # The first centre is side (1, 0, 1, 0, ...): opposite it, and opposite its first coordinate.
    opposite = -radius * np.sqrt(2 / dimension) * (np.arange(dimension) % 2 == 0)
    beside = -radius * (np.arange(dimension) == 0)
    return Problem(
        formula=f"f_t(x) = {mu:g}/2 ||x - c_t||**2, ||c_t|| = {orbit:g}, c_t going round once in "
        f"{period} rounds" + ("" if dimension == 2 else ", coordinates 2j - 1 and 2j j times"),
        domain=ball,
        start=np.zeros(dimension),
        loss_formula=loss,
        gradient_formula=lambda x, index: mu * (x - centres[index]),
        samples=cycle,
        hindsight_formula=hindsight,
        constants={
            "L": exact(mu, "every Hessian is mu I"),
            "mu": exact(mu, "every Hessian is mu I"),
            "G": exact(
                mu * (orbit + radius), "mu (orbit + radius), opposite the centre", at=opposite
            ),
            "G_inf": exact(
                mu * (side + radius), "mu (orbit sqrt(2/n) + radius), in round 1", at=beside
            ),
            "minimizer": exact(np.zeros(dimension), "the centres of a period sum to 0"),
        },
    )


def _linear_loss(table: Array) -> Callable[[Any, Any], Any]:
    return lambda x, index: (table[index] * x).sum(axis=-1)


def _linear_gradient(table: Array) -> Callable[[Any, Any], Any]:
    return lambda x, index: np.broadcast_to(table[index], x.shape)


@problem(
    source=("cesabianchi2006", "freund1997"),
    tags=("online", "convex", "linear", "smooth", "counterexample"),
)
def expert_advice(*, dimension: int = 4) -> Problem:
    """Experts of whom the best so far is always the next to err.

    Prediction with expert advice: x_i is the weight of expert i, l_t in [0, 1]**n are their
    losses, f_t(x) = l_t.x on the simplex. In round 1 expert i loses (n - i)/n; then one expert
    a round loses 1, first expert n, then n - 1, ..., 1, and again. Before every such round the
    expert who is about to lose is the only one with the least total, so following the leader
    loses 1 in every round from the second on, while no expert loses more than about T/n.

    For n = 2 the losses are (1/2, 0), (0, 1), (1, 0), (0, 1), ... A linear function on the simplex
    is least at a corner, so the best fixed point is the expert with the least total.
    """
    n = whole("dimension", dimension, 2)
    table = np.concatenate([(np.arange(n - 1, -1, -1.0) / n)[None], np.eye(n)[::-1]])
    first = np.sqrt((n - 1) * (2 * n - 1) / (6 * n))
    cycle = _Cycle(n + 1, lead=1)
    return Problem(
        formula="f_t(x) = l_t.x, l_1 = (n - 1, ..., 1, 0)/n, then e_n, e_{n-1}, ..., e_1 in turn, "
        f"n = {n}",
        domain=Simplex(),
        start=np.full(n, 1 / n),
        loss_formula=_linear_loss(table),
        gradient_formula=_linear_gradient(table),
        samples=cycle,
        hindsight_formula=lambda rounds, seeds: cycle.sums(table, rounds).min(axis=-1),
        constants={
            "L": exact(0.0, "the losses are linear"),
            "G": exact(max(1.0, float(first)), "the larger of ||e_i|| and ||l_1||"),
            "G_inf": exact(1.0, "the largest loss of an expert"),
        },
        unknown={"minimizer": "after each round another expert leads"},
    )


@problem(source="cesabianchi2006", tags=("stochastic", "online", "convex", "linear", "smooth"))
def coin_flip_experts(*, dimension: int = 4, gap: float = 0.1) -> Problem:
    """Experts who err by the flip of a coin, one of them a little less often.

    In every round expert 1 loses 1 with probability 1/2 - gap and the others with probability 1/2,
    all independently; f_t(x) = l_t.x on the simplex. So E f_t(x) = p.x, which is 1/2 - gap at the
    first corner. The noise l_t - p does not depend on x: its variance is
    sum_i p_i (1 - p_i) = n/4 - gap**2, and E||l_t||**2 = sum_i p_i = n/2 - gap.

    With gap = 0 no algorithm is better than another: each expects to lose T/2, and its expected
    regret is T/2 - E min_i L_i, for L_i independent and binomial.
    """
    n = whole("dimension", dimension, 2)
    gap = number("gap", gap, least=0, below=0.5)
    p = np.full(n, 0.5)
    p[0] -= gap
    index = np.arange(n)

    def samples(rounds: Rounds, seeds: Seeds) -> Array:
        u = draws.uniform(seeds[None, :, None], rounds[:, None, None], index)
        return np.where(u < p, 1.0, 0.0)

    def outcomes() -> Outcomes:
        losses = _subsets(n)
        return Outcomes(losses, np.where(losses == 1, p, 1 - p).prod(axis=-1))

    # With many experts that is true but almost never seen.
    attained = exact if n <= _LISTED else derived
    constants: dict[str, Constant] = {
        "L": exact(0.0, "the losses are linear"),
        "G": attained(float(np.sqrt(n)), "all experts lose 1, with positive probability"),
        "G_inf": exact(1.0, "an expert loses 1"),
        "sigma2": exact(n / 4 - gap * gap, "sum_i p_i (1 - p_i)"),
        "M": exact(n / 2 - gap, "E||l||**2 = sum_i p_i"),
        "M_G": exact(0.0, "E||l||**2 is the same everywhere"),
        "minimum": exact(0.5 - gap, "the least p_i"),
    }
    unknown = {}
    if gap:
        constants["minimizer"] = exact(np.eye(n)[0], "expert 1 has the least p_i")
    else:
        unknown["minimizer"] = "the objective is 1/2 on the whole simplex"
    return Problem(
        formula="f_t(x) = l_t.x, l_ti = 1 with probability p_i, else 0; "
        f"p_1 = {0.5 - gap:g}, else 0.5; n = {n}",
        domain=Simplex(),
        start=np.full(n, 1 / n),
        loss_formula=lambda x, losses: (losses * x).sum(axis=-1),
        gradient_formula=lambda x, losses: np.broadcast_to(losses, x.shape),
        samples=samples,
        stochastic=True,
        objective_formula=lambda x: (p * x).sum(axis=-1),
        objective_gradient_formula=lambda x: np.broadcast_to(p, x.shape),
        outcomes=outcomes if n <= _LISTED else None,
        affine=True,
        hindsight_formula=lambda rounds, seeds: _reduced_sums(
            samples, n, lambda total: total.min(axis=-1), rounds, seeds
        ),
        constants=constants,
        unknown=unknown,
    )


def _subsets(n: int) -> Array:
    """All vectors of zeros and ones, (2**n, n)."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(float)


@problem(
    source=("cover1991", "helmbold1998, Section 1"),
    tags=("online", "convex", "smooth", "strongly-convex", "periodic"),
)
def portfolio_selection(*, high: float = 2.0, low: float = 0.5) -> Problem:
    """Cash and a stock that rises and falls in turn: the best constant rebalanced portfolio.

    Cover's portfolio selection: f_t(x) = -log(r_t.x) on the simplex, with r_ti the factor by which
    asset i grows in round t. Here r = (1, high) in odd rounds and (1, low) in even ones,
    low < 1 < high. With high = 2 and low = 1/2 neither asset ever gets anywhere, but rebalancing
    to half cash, half stock before every round multiplies the wealth by (3/2) (3/4) = 9/8 every
    two rounds.

    With a share b in the stock after p good and q bad rounds the sum of losses is
    -p log(1 + b (high - 1)) - q log(1 - b (1 - low)). It is convex in b, with derivative 0 at
    b = (p/(1 - low) - q/(high - 1)) / (p + q): clipped to [0, 1], the best share.

    exp(-f_t) is linear, so every loss is exp-concave. The gradient is -r / (r.x), of norm
    ||r|| / (r.x) <= ||r|| / min_i r_i, with equality where all is in the worse asset. Both rounds
    are (1, k) up to a factor and the order, with k = high or 1/low: G = sqrt(1 + k**2) and
    G_inf = k for the larger k. Along the simplex, u = (-1, 1)/sqrt(2), the gradient changes by
    ||r|| |r.u| / (r.x)**2 per unit of length, at most sqrt(1 + k**2) (k - 1)/sqrt(2) =: L, and
    the second derivative of f_t is (r.u)**2 / (r.x)**2 >= (1 - 1/k)**2 / 2 =: mu, for the smaller
    k. So with two assets the losses are even strongly convex on the simplex; with more they are
    not, since r.u = 0 for some direction u.
    """
    high = number("high", high, above=1)
    low = number("low", low, above=0, below=1)
    relatives = np.array([[1.0, high], [1.0, low]])
    cash, stock = np.eye(2)

    def growth(x: Any, index: Any) -> Any:
        return (relatives[index] * x).sum(axis=-1)

    def gradient(x: Any, index: Any) -> Any:
        return -relatives[index] / growth(x, index)[..., None]

    def best_share(good: Any, bad: Any) -> Any:
        return np.clip((good / (1 - low) - bad / (high - 1)) / (good + bad), 0.0, 1.0)

    def hindsight(rounds: Rounds, seeds: Seeds) -> Array:
        good, bad = (rounds + 1) // 2, rounds // 2
        b = best_share(good, bad)
        return -good * np.log1p(b * (high - 1)) - bad * np.log1p(-b * (1 - low))

    steep, flat = max(high, 1 / low), min(high, 1 / low)
    share = float(best_share(1, 1))
    at_steepest = cash if high >= 1 / low else stock
    at_flattest = stock if high <= 1 / low else cash
    return Problem(
        formula=f"f_t(x) = -log(r_t.x), r_t = (1, {high:g}) in odd rounds, (1, {low:g}) in even",
        domain=Simplex(),
        start=stock,
        loss_formula=lambda x, index: -np.log(growth(x, index)),
        gradient_formula=gradient,
        samples=_Cycle(2),
        hindsight_formula=hindsight,
        constants={
            "L": exact(
                float(np.sqrt((1 + steep**2) / 2)) * (steep - 1),
                "sqrt((1 + k**2)/2) (k - 1), k = max(high, 1/low)",
                at=at_steepest,
            ),
            "mu": exact(
                (1 - 1 / flat) ** 2 / 2,
                "(1 - 1/k)**2 / 2, k = min(high, 1/low), along the simplex",
                at=at_flattest,
            ),
            "G": exact(
                float(np.sqrt(1 + steep**2)),
                "sqrt(1 + k**2), k = max(high, 1/low)",
                at=at_steepest,
            ),
            "G_inf": exact(steep, "max(high, 1/low)", at=at_steepest),
            "minimizer": exact([1 - share, share], "the best portfolio for whole periods"),
        },
    )


def _hinge(x: Any, z: Any) -> Any:
    off = 1.0 - (z * x).sum(axis=-1)
    return np.where(off > 0, off, 0.0)


def _hinge_gradient(x: Any, z: Any) -> Any:
    wrong = (z * x).sum(axis=-1, keepdims=True) < 1
    return np.where(wrong, -z, 0.0)


def _alternating_signs(n: int) -> Array:
    return np.where(np.arange(n) % 2 == 0, 1.0, -1.0)


@problem(
    source="duchi2011",
    tags=("stochastic", "online", "convex", "non-smooth", "interpolation", "sparse"),
)
def sparse_hinge(
    *, dimension: int = 20, c: float = 0.5, alpha: float = 2.0, radius: float = 1.0
) -> Problem:
    """Hinge loss on sparse examples: feature j appears with probability min(1, c j**-alpha).

    The example by which Duchi, Hazan & Singer motivate AdaGrad: rare features, far apart in time,
    whose weights should take large steps when they do appear. f_t(w) = max(0, 1 - y_t a_t.w) on
    the box [-radius, radius]**n, radius >= 1, with features a_t in {-1, 0, 1}**n that are present
    independently. A present feature agrees with the label up to a fixed sign,
    a_tj = y_t s_j: the labels are realizable and only z_t = y_t a_t, which is s_j where feature j
    is present, enters the loss.

    So z_t.s is the number of features present, and s has loss 0 unless there is none; then the
    loss is 1 everywhere. Hence s minimises every single loss, and the best fixed point in
    hindsight loses exactly the number of empty rounds, prod_j (1 - p_j) of them. (With c >= 1
    feature 1 is always present and suffices.)

    A gradient is 0 or -z_t. So E||g||**2 <= sum_j p_j with equality at 0, and AdaGrad's sum
    sum_j ||g_{1:T,j}||_2 has an expectation of at most sqrt(T) sum_j sqrt(p_j).
    """
    n = whole("dimension", dimension, 1)
    c = number("c", c, above=0)
    alpha = number("alpha", alpha, least=0)
    radius = number("radius", radius, least=1)
    signs, index = _alternating_signs(n), np.arange(n)
    p = np.minimum(1.0, c * (index + 1.0) ** -alpha)

    def samples(rounds: Rounds, seeds: Seeds) -> Array:
        u = draws.uniform(seeds[None, :, None], rounds[:, None, None], index)
        return np.where(u < p, signs, 0.0)

    def empty(rounds: Rounds, seeds: Seeds) -> Array:
        return (samples(rounds, seeds) == 0).all(axis=-1, keepdims=True).astype(float)

    def outcomes() -> Outcomes:
        present = _subsets(n)
        return Outcomes(present * signs, np.where(present == 1, p, 1 - p).prod(axis=-1))

    return Problem(
        formula="f_t(w) = max(0, 1 - z_t.w), z_tj = (-1)**(j+1) with probability "
        f"min(1, {c:g} j**-{alpha:g}), else 0; n = {n}; at the kink the gradient is 0",
        domain=Box(-radius, radius),
        start=np.zeros(n),
        loss_formula=_hinge,
        gradient_formula=_hinge_gradient,
        samples=samples,
        stochastic=True,
        outcomes=outcomes if n <= _LISTED else None,
        hindsight_formula=lambda rounds, seeds: _reduced_sums(
            empty, n, lambda total: total[..., 0], rounds, seeds
        ),
        constants={
            "G": derived(float(np.sqrt(n)), "sqrt(n): at most n features are present"),
            "G_inf": exact(1.0, "a feature is -1, 0 or 1"),
            "M": exact(float(p.sum()), "E||g||**2 = sum_j p_j at 0, and nowhere more"),
            "M_G": exact(0.0, "M alone bounds E||g||**2"),
            "nonzeros": derived(n, "at most n features are present"),
            "minimizer": exact(signs, "the signs: no loss unless no feature is present"),
        },
        unknown={
            "L": "the losses have a kink",
            "sigma2": "the exact gradient is a sum over 2**n examples; sigma2 <= M",
        },
    )


@problem(
    source="duchi2011, the rare features",
    tags=("stochastic", "online", "convex", "non-smooth", "sparse"),
)
def single_feature_hinge(
    *, dimension: int = 10, alpha: float = 2.0, noise: float = 0.1, radius: float = 2.0
) -> Problem:
    """Hinge loss on examples of one feature each, j with probability ~ j**-alpha, and noisy labels.

    A text of one word: f_t(w) = max(0, 1 - y_t w_j) on the box [-radius, radius]**n, radius >= 1.
    Feature j comes with probability q_j = j**-alpha / sum_i i**-alpha; the label is a fixed sign
    s_j with probability 1 - noise, else -s_j. Rare features as in Duchi, Hazan & Singer's example,
    here never two at a time, so that all is known in closed form even though labels contradict
    each other.

    The objective separates: F(w) = sum_j q_j ((1 - noise) max(0, 1 - s_j w_j)
    + noise max(0, 1 + s_j w_j)), least at w = s, where it is 2 noise. The sum of the first T
    losses separates likewise, with kinks at w_j = +-1 only. On the cube between them it is
    T - S.w, S = sum_t y_t e_{j_t}: so it is least at the signs of S, where it is T - ||S||_1.

    A gradient is 0 or -y e_j, so E||g||**2 <= 1, with equality inside the cube. There the exact
    gradient is -(1 - 2 noise) q_j s_j, so sigma2 = 1 - (1 - 2 noise)**2 ||q||_2**2. Outside it is
    less: beyond w_j = s_j coordinate j has variance noise q_j - (noise q_j)**2 instead of
    q_j - ((1 - 2 noise) q_j)**2, beyond -s_j the same with 1 - noise; both are smaller.
    """
    n = whole("dimension", dimension, 1)
    alpha = number("alpha", alpha, least=0)
    noise = number("noise", noise, least=0, below=0.5)
    radius = number("radius", radius, least=1)
    signs = _alternating_signs(n)
    weights = np.arange(1.0, n + 1) ** -alpha
    q = weights / weights.sum()
    # What a round may show: every feature with the right label, then with the wrong one.
    shown = np.concatenate([np.diag(signs), -np.diag(signs)] if noise else [np.diag(signs)])
    chances = np.concatenate([q * (1 - noise), q * noise] if noise else [q])
    # They divide (0, 1) into intervals; the last takes what rounding leaves.
    ends = np.cumsum(chances)[:-1]

    def samples(rounds: Rounds, seeds: Seeds) -> Array:
        u = draws.uniform(seeds[None, :], rounds[:, None])
        return shown[np.searchsorted(ends, u, side="right")]

    def objective(x: Any) -> Any:
        margin = signs * x
        right, wrong = np.maximum(0.0, 1 - margin), np.maximum(0.0, 1 + margin)
        return (q * ((1 - noise) * right + noise * wrong)).sum(axis=-1)

    def objective_gradient(x: Any) -> Any:
        margin = signs * x
        return q * signs * (noise * (margin > -1) - (1 - noise) * (margin < 1))

    return Problem(
        formula="f_t(w) = max(0, 1 - y w_j), j with probability ~ "
        f"j**-{alpha:g}, y = (-1)**(j+1) with probability {1 - noise:g}, else -(-1)**(j+1); "
        f"n = {n}; at the kink the gradient is 0",
        domain=Box(-radius, radius),
        start=np.zeros(n),
        loss_formula=_hinge,
        gradient_formula=_hinge_gradient,
        samples=samples,
        stochastic=True,
        objective_formula=objective,
        objective_gradient_formula=objective_gradient,
        outcomes=lambda: Outcomes(shown, chances),
        hindsight_formula=lambda rounds, seeds: (
            rounds
            + _reduced_sums(samples, n, lambda total: -abs(total).sum(axis=-1), rounds, seeds)
        ),
        constants={
            "G": exact(1.0, "one feature of size 1"),
            "G_inf": exact(1.0, "one feature of size 1"),
            "sigma2": exact(
                float(1 - (1 - 2 * noise) ** 2 * (q * q).sum()),
                "1 - (1 - 2 noise)**2 sum_j q_j**2, inside the cube",
            ),
            "M": exact(1.0, "E||g||**2 = 1 inside the cube"),
            "M_G": exact(0.0, "M alone bounds E||g||**2"),
            "nonzeros": exact(1, "one feature a round"),
            "minimum": exact(2 * noise, "a wrong label costs 2"),
            "minimizer": exact(signs, "the signs that labels mostly have"),
        },
        unknown={"L": "the losses have a kink"},
        tags=() if noise else ("interpolation",),
    )


@problem(
    source="zinkevich2003, the method that it is worst for",
    tags=("online", "convex", "linear", "smooth", "periodic", "sparse", "worst-case"),
)
def orthogonal_slopes(*, T: int = 64, G: float = 1.0, D: float = 2.0) -> Problem:
    """Orthogonal slopes, on which the bound D G sqrt(T) of gradient descent is attained.

    f_t(x) = G e_t.x for t = 1..T on the ball of diameter D in R**T; then again from t = 1. Gradient
    descent with the constant step eta = D / (G sqrt(T)) has a regret of at most D G sqrt(T) after
    T rounds: D**2 / (2 eta) + eta G**2 T / 2. Here it is attained. From the start point
    (D/2) (1, ..., 1)/sqrt(T) round t turns coordinate t from D / (2 sqrt(T)) to minus that. No
    iterate leaves the sphere, so none is projected; every loss is G D / (2 sqrt(T)), and the last
    iterate is the best fixed point, where their sum is -G sqrt(T) D/2.

    After any number of rounds the slopes add up to a vector u, and the best fixed point loses
    -(D/2) ||u||. If coordinate i was shown k_i times, ||u||**2 = G**2 sum_i k_i**2.
    """
    T = whole("T", T, 1)
    G, D = number("G", G, above=0), number("D", D, above=0)
    index = np.arange(T)

    def slope(shown: Any) -> Any:
        return np.where(np.asarray(shown)[..., None] == index, G, 0.0)

    def hindsight(rounds: Rounds, seeds: Seeds) -> Array:
        turns, rest = np.divmod(rounds, T)
        # rest coordinates were shown turns + 1 times, the others turns times.
        return -(D / 2) * G * np.sqrt(1.0 * T * turns**2 + rest * (2 * turns + 1))

    corner = np.full(T, D / 2 / np.sqrt(T))
    return Problem(
        formula=f"f_t(x) = {G:g} e_t.x for t = 1..{T}, then again from t = 1",
        domain=Ball(D / 2),
        # Inside by a few units of rounding, or the norm may round to more than the radius.
        start=corner * (1 - 2.0**-50),
        loss_formula=lambda x, shown: (slope(shown) * x).sum(axis=-1),
        gradient_formula=lambda x, shown: np.broadcast_to(slope(shown), x.shape),
        samples=_Cycle(T),
        hindsight_formula=hindsight,
        constants={
            "L": exact(0.0, "the losses are linear"),
            "G": exact(G, "every slope has this size"),
            "G_inf": exact(G, "a slope has one coordinate"),
            "nonzeros": exact(1, "a slope has one coordinate"),
            "minimizer": exact(-corner, "opposite the sum of the slopes of a period"),
        },
    )
