"""Expectations that are known exactly: all outcomes enumerated, or moments by recursion.

Both are true of the method in real arithmetic, for every distribution, however rare an event; what
is stated of the draws is held against draws first. In floats they are off by some units times the
number of rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.algebras.affine import AffineForms
from convergence.algebras.interpreter import evaluate
from convergence.engines.lowering import BY_COORDINATE, Round, lowered
from convergence.experiment import Experiment
from convergence.expression import inputs_of
from convergence.measure import MEASURES, Measure
from convergence.quantity import with_parts
from convergence.record import Record
from convergence.simulation import run
from problems import laws
from problems.domain import Ball, Box, Domain, Simplex, WholeSpace
from problems.laws.search import gradients, view_of
from problems.problem import Hindsight, Problem, Samples, once

__all__ = [
    "MOST_SEQUENCES",
    "NonlinearError",
    "coefficients",
    "enumerated",
    "expected",
    "misstated",
]

Array = NDArray[np.float64]

#: No more sequences of outcomes than this are run.
MOST_SEQUENCES = 1 << 16
# Numbers in the table of affine gradients, and in the largest product of two of them.
_MOST_NUMBERS, _MOST_PRODUCTS = 1 << 24, 1 << 20
# The share of the largest gradient that the mean over the outcomes may be off by.
_UNBIASED = 1e-9
# Seconds that a recursion may take, by the estimate of so many for a round and for a number.
_MOST_SECONDS, _PER_ROUND, _PER_NUMBER = 10.0, 3e-4, 2e-8


@once
def misstated(problem: Problem) -> str:
    """What draws and gradients contradict in the law that a problem states of them, or ""."""
    stated = {"outcomes", "affine", "noise_variance"}
    found = laws.check(problem, labels=stated).violated
    false = found[0].sentence if found else _biased(problem)
    return f"what is stated of the draws is false: {false}" if false else ""


def _biased(problem: Problem) -> str:
    """Whether the mean over the outcomes is not the exact gradient: what draws may not tell."""
    if problem.outcomes is None or not problem.has_objective:
        return ""
    known, start = problem.outcomes(), problem.start
    for x in (start, problem.domain.project(start + np.linspace(1.0, 2.0, start.size))):
        g = gradients(problem, x, known.samples)
        off = float(abs(known.probabilities @ g - problem.objective_gradient(x)).max())
        if off > _UNBIASED * abs(g).max():
            return f"the mean over the outcomes is off the exact gradient by {off:.3g}"
    return ""


# Every outcome


def enumerated(
    experiment: Experiment,
    times: NDArray[np.int64],
    measures: Sequence[str],
    quantities: Sequence[str] = (),
) -> tuple[Record, Array] | str:
    """Every run that the draws may lead to, and its probability.

    Args:
        experiment: What is run. Only the rounds up to the last of `times` are.
        times: The rounds to record, increasing.
        measures: Names of the measures to record.
        quantities: Names of the running totals to record.

    Returns:
        The record, a lane for each sequence of outcomes, and their probabilities, shape (lanes,):
        the mean with these weights is the expectation. Or a sentence that says why there is none.
    """
    problem, last = experiment.problem, int(times[-1])
    if not problem.stochastic:
        return "nothing is drawn"
    if problem.dependent_draws and not problem.reshuffled:
        return f"draws depend on each other: {problem.dependent_draws}"
    if problem.outcomes is None:
        return "the problem lists no outcomes of a draw"
    found = _orders_of_an_epoch(problem) if problem.reshuffled else _of_a_round(problem)
    if isinstance(found, str):
        return found
    samples, chances = found
    ways, length = chances.size, samples.shape[1]
    # Exact, and not of a power that has a million digits.
    depth = -(-last // length) if ways > 1 else 0
    if depth * math.log2(ways) > math.log2(MOST_SEQUENCES):
        each = "a round" if length == 1 else "an epoch"
        return f"{ways} outcomes {each} have more than {MOST_SEQUENCES} sequences in {last} rounds"
    if false := misstated(problem):
        return false
    weights = np.ones(1)
    for _ in range(depth):
        weights = np.outer(chances, weights).ravel()
    drawn = _digits(samples, depth)
    hindsight = _hindsight_of(problem, drawn)
    listed = replace(
        problem,
        samples=drawn,
        hindsight_formula=hindsight,
        # Every exact gradient is taken, for the mean of samples of them is the same.
        exact_gradient_cost=1.0,
    )
    for name in measures:
        if reason := MEASURES[name].unavailable(listed):
            return f"{name} of listed outcomes cannot be measured: {reason}"
    record = run(
        experiment.changed(problem=listed, optimizer=experiment.runner, seeds=range(weights.size)),
        measures=measures,
        quantities=quantities,
        times=times.tolist(),
    )
    return record, weights


def _orders_of_an_epoch(problem: Problem) -> tuple[NDArray[Any], Array] | str:
    """Every order in which an epoch may show the outcomes, (k, n, ...), and the probabilities."""
    assert problem.outcomes is not None
    known = problem.outcomes()
    n = known.probabilities.size
    if known.averaged > 1 or np.ptp(known.probabilities):
        return "an epoch shows batches, or some outcomes more often than others"
    if math.lgamma(n + 1) > math.log(MOST_SEQUENCES):
        return f"an epoch of {n} rounds has more than {MOST_SEQUENCES} orders"
    orders = np.array(list(permutations(range(n))))
    return known.samples[orders], np.full(len(orders), 1 / len(orders))


def _of_a_round(problem: Problem) -> tuple[NDArray[Any], Array] | str:
    """What a round may show, each once, (k, 1, ...), and the probabilities, (k,)."""
    assert problem.outcomes is not None
    assert problem.samples is not None
    known = problem.outcomes()
    single, place = np.unique(known.samples, axis=0, return_inverse=True)
    chances = np.zeros(len(single))
    np.add.at(chances, place.reshape(-1), known.probabilities)
    single, chances = single[chances > 0], chances[chances > 0]
    count = known.averaged
    if math.comb(chances.size + count - 1, count) > MOST_SEQUENCES:
        return f"a round has more than {MOST_SEQUENCES} batches of {count} outcomes"
    if count > 1:
        every = combinations_with_replacement(range(chances.size), count)
        members = np.array(list(every), np.intp).reshape(-1, count)
        chances = _orders(members) * chances[members].prod(axis=-1)
        # A batch of one has the shape (1, ...).
        single = single[members].reshape(len(members), -1, *single.shape[2:])
    shown = problem.samples(np.array([1]), np.zeros(1, np.uint64))
    if shown.shape[2:] != single.shape[1:]:
        return f"a draw has the shape {shown.shape[2:]}, and an outcome {single.shape[1:]}"
    return single[:, None], chances


def _orders(members: NDArray[np.intp]) -> Array:
    """In how many orders the members of each batch, which are sorted, can be drawn."""
    ways, run_of_equals = np.ones(len(members)), np.ones(len(members))
    for place in range(1, members.shape[1]):
        same = members[:, place] == members[:, place - 1]
        run_of_equals = np.where(same, run_of_equals + 1, 1)
        ways *= (place + 1) / run_of_equals
    return ways


def _digits(samples: NDArray[Any], depth: int) -> Samples:
    """Draws of which seeds are the numbers: epoch e shows the digit e of the seed."""
    ways, length = samples.shape[:2]

    def drawn(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> NDArray[Any]:
        epochs, places = np.divmod(rounds - 1, length)
        powers = np.array([ways ** min(e, depth) for e in epochs.tolist()], np.uint64)
        digits = (seeds[None, :] // powers[:, None]) % np.uint64(ways)
        return np.asarray(samples[digits, places[:, None]])

    return drawn


def _hindsight_of(problem: Problem, samples: Samples) -> Hindsight | None:
    """The least sum of linear losses that a fixed point attains, for other draws; else None."""
    least = _least_of(problem.domain)
    if problem.hindsight_formula is None or "linear" not in problem.tags or least is None:
        return None
    start = problem.start

    def hindsight(rounds: NDArray[np.int64], seeds: NDArray[np.uint64]) -> Array:
        sums, losses, slopes = [], np.zeros(seeds.size), np.zeros((seeds.size, start.size))
        at = np.broadcast_to(start, slopes.shape)
        wanted = set(rounds.tolist())
        for t in range(1, int(rounds[-1]) + 1):
            drawn = samples(np.array([t]), seeds)[0]
            losses = losses + problem.loss(at, drawn)
            slopes = slopes + problem.gradient(at, drawn)
            if t in wanted:
                sums.append(losses - slopes @ start + least(slopes))
        return np.stack(sums, axis=1)

    return hindsight


def _least_of(domain: Domain) -> Callable[[Array], Array] | None:
    """What takes slopes (lanes, n) to the least value of the linear function on a domain."""
    if isinstance(domain, Box):
        low, high = domain.low, domain.high
        return lambda slopes: np.minimum(slopes * low, slopes * high).sum(axis=-1)
    if isinstance(domain, Ball):
        radius = domain.radius
        return lambda slopes: -radius * np.linalg.norm(slopes, axis=-1)
    return (lambda slopes: slopes.min(axis=-1)) if isinstance(domain, Simplex) else None


# Moments


def expected(experiment: Experiment, measure: str, times: NDArray[np.int64]) -> Array | str:
    """The expectation of a measure, by a recursion of moments that is exact.

    Where every gradient is affine in x and the rule is linear, first and second moments of all that
    a run carries from round to round follow from those of the round before. They give the measures
    that are squares: `distance_square`, `gradient_mean_square` and the suboptimality of a
    quadratic, at the iterate and at averages. Where gradients do not depend on x, the first and the
    second moment of adaptive methods follow as well.

    Args:
        experiment: What is run.
        measure: The name of the measure.
        times: The rounds, increasing.

    Returns:
        Shape (rounds,), or a sentence that says why the expectation is not known in this way.
    """
    problem = experiment.problem
    if not problem.stochastic:
        return "nothing is drawn"
    if problem.dependent_draws:
        return f"draws depend on each other: {problem.dependent_draws}"
    chosen = MEASURES[measure]
    if reason := chosen.unavailable(problem):
        return f"{measure} cannot be measured: {reason}"
    if not (chosen.square or chosen.state):
        return f"{measure} is no square of what a run carries from round to round"
    if experiment.runner.traced.by_block:
        return f"rule {experiment.runner.key} sees blocks as matrices"
    law = _law_of(problem)
    if isinstance(law, str):
        return law
    try:
        with np.errstate(all="ignore"):
            of_moments = _mean_state if chosen.state else _mean_square
            found = of_moments(experiment, law, chosen, times)
    except NonlinearError as error:
        return f"rule {experiment.runner.key} is not linear in the gradients: {error}"
    if isinstance(found, str):
        return found
    if not np.isfinite(found).all():
        return f"the moments are no longer finite at step {times[~np.isfinite(found)][0]}"
    return misstated(problem) or found


@dataclass(frozen=True)
class _Law:
    """The gradients of a draw, A (x - centre) + c + noise, in blocks that do not see each other.

    Coordinates that no A mixes are blocks of their own.

    Attributes:
        centre: Shape (n,).
        slopes: The matrices A of every outcome, shape (k, blocks, d, d).
        offsets: The vectors c, shape (k, blocks, d).
        chances: The probabilities, shape (k,).
        averaged: A round's gradient is the mean over so many independent draws.
        variance: That of each coordinate of the noise.
    """

    centre: Array
    slopes: Array
    offsets: Array
    chances: Array
    averaged: int
    variance: float

    @property
    def slope(self) -> Array:
        """The mean of A: the Hessian of the objective, shape (blocks, d, d)."""
        return np.einsum("k,kbij->bij", self.chances, self.slopes)

    @property
    def offset(self) -> Array:
        """The mean of c, shape (blocks, d)."""
        return np.einsum("k,kbi->bi", self.chances, self.offsets)


def _law_of(problem: Problem, centred: bool = True) -> _Law | str:
    """The law of affine gradients, read off the gradient's own formula.

    Args:
        problem: The problem.
        centred: Whether points are counted from the minimiser: where a run converges to it, what
            is left loses no digits. Else they are counted from 0.
    """
    if not problem.affine:
        return "the problem does not state that its gradients are affine in x"
    if problem.by_differences:
        return "gradients are taken by differences, which are not exact"
    centre = np.zeros(problem.dimension)
    if centred and "minimizer" in problem.constants:
        centre = np.asarray(problem.constants["minimizer"].value, float)
    averaged, variance, n = 1, 0.0, centre.size
    if problem.outcomes is not None:
        known = problem.outcomes()
        averaged, chances = known.averaged, known.probabilities
        oracles = [view_of(problem, "", sample).gradient for sample in known.samples]
    elif problem.noise_variance is not None and problem.has_objective:
        chances, variance = np.ones(1), problem.noise_variance
        oracles = [problem.objective_gradient]
    else:
        return "the problem states neither outcomes nor the variance of its noise"
    if chances.size * n * n > _MOST_NUMBERS:
        return f"{chances.size} gradients in {n} dimensions are too many"
    linear = "linear" in problem.tags
    ends = centre[None] if linear else _beside(problem.domain, centre)
    if ends is None:
        return f"affine gradients are not read off {problem.domain}"
    at_ends = np.stack([oracle(ends) for oracle in oracles])
    offsets = at_ends[:, 0]
    # Rows are points, so columns of A are last but one.
    slopes = np.zeros((chances.size, n, n))
    if not linear:
        slopes = (at_ends[:, 1:] - offsets[:, None]) / np.diagonal(ends[1:] - centre)[:, None]
        slopes = slopes.swapaxes(1, 2)
    diagonal = np.diagonal(slopes, axis1=1, axis2=2)
    apart = np.count_nonzero(slopes) == np.count_nonzero(diagonal)
    if not apart and n**4 > _MOST_PRODUCTS:
        return f"coordinates depend on each other, and {n} are too many"
    shape = (chances.size, n, 1) if apart else (chances.size, 1, n)
    return _Law(
        centre,
        diagonal[..., None, None] if apart else slopes[:, None],
        offsets.reshape(shape),
        chances,
        averaged,
        variance,
    )


def _beside(domain: Domain, centre: Array) -> Array | None:
    """The centre, and points of the domain that differ from it in one coordinate each."""
    step = np.ones(centre.size)
    if isinstance(domain, Box):
        half = (domain.high - domain.low) / 2
        step = np.where(centre + half <= domain.high, half, -half)
    elif not isinstance(domain, WholeSpace):
        return None
    ends = np.concatenate([centre[None], centre + np.diag(step)])
    return ends if domain.contains(ends).all() else None


class NonlinearError(Exception):
    """A formula does more than multiply what draws decide by numbers, and add it up."""


def coefficients(
    experiment: Experiment, round_: Round, names: Sequence[str], last: int
) -> Iterator[Array]:
    """What each new value is made of, round by round, shape (names, 1 + names + 2).

    Args:
        experiment: What is run.
        round_: Its formulas.
        names: What depends on draws and is looked at: names of what the round makes.
        last: The number of rounds.

    Yields:
        Coefficients of 1, of what there was by these names, of the gradient and of its square.

    Raises:
        NonlinearError: A formula is not of this form, or asks for something else.
    """
    problem, rule = experiment.problem, experiment.runner
    # Numbers of the state that no draw changes are carried along.
    numbers = {
        name: float(rule.state[name.removeprefix("state_")])
        for name in round_.state
        if name in round_.numbers
    }
    outputs = {name: round_.made[name] for name in (*names, *numbers)}
    asked = inputs_of(*outputs.values())
    algebra = AffineForms(names)
    inputs = {name: algebra.variable(name) for name in (*names, "g")}
    for name in round_.letters:
        inputs[name] = algebra.number(float(rule.settings[name.removeprefix("setting_")]))
    sizes = experiment.schedule.step_sizes(np.arange(1, last + 1), problem, experiment.steps)
    before: Any = None
    for t, size in enumerate(sizes.tolist(), 1):
        now = {"t": float(t), "step_size": size, **numbers}
        now = {name: value for name, value in now.items() if name in asked}
        if now != before:
            inputs |= {name: algebra.number(value) for name, value in now.items()}
            try:
                forms = evaluate(outputs, inputs, algebra)
            except TypeError as error:
                raise NonlinearError(str(error)) from error
            except KeyError as error:
                raise NonlinearError(f"the formula asks for {error}") from error
            made, before = np.stack([forms[name] for name in names]), now
        numbers = {name: float(forms[name][0]) for name in numbers}
        yield made


def _mean_state(
    experiment: Experiment, law: _Law, measure: Measure, times: NDArray[np.int64]
) -> Array | str:
    """The expectation of a moment of an adaptive method, of gradients that do not depend on x."""
    if law.slopes.any():
        return "the gradients depend on x"
    round_ = lowered(experiment.runner.traced, (), WholeSpace())
    (kept,) = measure.state
    name = f"state_{kept}"
    if name not in round_.made:
        return f"rule {experiment.runner.key} has no such moment"
    if not inputs_of(round_.made[name]).isdisjoint({"x", "y"}):
        return f"the moment of rule {experiment.runner.key} depends on x"
    names = [
        other
        for other in round_.state
        if other == name
        or (other in inputs_of(round_.made[name]) and round_.levels[other] == BY_COORDINATE)
    ]
    offsets = law.offsets.reshape(law.chances.size, -1)
    mean = law.chances @ offsets
    square = (law.chances @ offsets**2 - mean**2) / law.averaged + law.variance + mean**2
    state = np.array([float(experiment.runner.state[n.removeprefix("state_")]) for n in names])
    moments = np.repeat(state[:, None], mean.size, axis=1)
    figure = mean / (mean @ mean) if kept == "m" else np.ones(mean.size)
    at = names.index(name)
    found = []
    for made in coefficients(experiment, round_, names, int(times[-1])):
        new = made[:, 1:-2] @ moments + made[:, :1]
        moments = new + np.outer(made[:, -2], mean) + np.outer(made[:, -1], square)
        found.append(float(moments[at] @ figure))
    return np.array(found)[times - 1]


def _mean_square(
    experiment: Experiment, law: _Law, measure: Measure, times: NDArray[np.int64]
) -> Array | str:
    problem = experiment.problem
    # A mean of iterates is a share of their sum.
    summed = measure.quantities(problem) if measure.weights is not None else ()
    quantities = with_parts(summed)
    round_ = lowered(experiment.runner.traced, quantities, WholeSpace())
    names = [name for name in round_.made if round_.levels[name] == BY_COORDINATE]
    seconds = times[-1] * (_PER_ROUND + _PER_NUMBER * law.offset.size * (len(names) * 4) ** 2)
    seconds += times[-1] * _PER_NUMBER * law.slope.size * law.slope.shape[-1] ** 2
    if seconds > _MOST_SECONDS:
        return f"the recursion would take {seconds:.0f} seconds"
    moments = _Moments(experiment, law, round_, names)
    looked, weights = "x", np.ones(times.size)
    if measure.weights is not None:
        looked = f"total_{summed[0]}"
        weights = measure.weights(np.arange(1.0, times[-1] + 1)).cumsum()[times - 1]
    shares = dict(zip(times.tolist(), weights, strict=True))
    found, total = [], 0.0
    for t, made in enumerate(coefficients(experiment, round_, names, int(times[-1])), 1):
        if measure.square == "gradient":
            total += moments.gradient_square()
        if reason := moments.advance(made):
            if reason == _OFF_CENTRE and law.centre.any():
                other = _law_of(problem, centred=False)
                return (
                    other
                    if isinstance(other, str)
                    else _mean_square(experiment, other, measure, times)
                )
            return reason
        if t in shares:
            if measure.square == "gradient":
                found.append(total / t)
            elif measure.square == "distance":
                found.append(moments.distance_square())
            else:
                found.append(moments.suboptimality(looked, shares[t]))
    return np.array(found)


_OFF_CENTRE = "the rule moves what points are counted from"


class _Moments:
    """First and second moments of all that a run carries, counted from the centre.

    Every vector is a multiple of the centre, known beforehand, and a deviation; of x and of the
    point where gradients are taken the multiple is 1.
    """

    def __init__(self, experiment: Experiment, law: _Law, round_: Round, names: list[str]):
        self._setting, self._law, self._names = experiment, law, names
        self._slope, self._offset = law.slope, law.offset
        p, A, c = law.chances, law.slopes, law.offsets
        self._squares = np.einsum("k,kbae,kbcf->bacef", p, A, A)
        self._mixed = np.einsum("k,kbae,kbc->baec", p, A, c)
        self._constant = np.einsum("k,kba,kbc->bac", p, c, c)
        problem = experiment.problem
        blocks, d = self._offset.shape
        state = {f"state_{name}": value for name, value in experiment.runner.state.items()}
        self._x = names.index("x")
        self._y = names.index("y") if "y" in names else self._x
        self._share = np.array([float(name in ("x", "y")) for name in names])
        start = (problem.start - law.centre).reshape(blocks, d)
        first = [
            start if name in ("x", "y") else np.full((blocks, d), float(state.get(name, 0.0)))
            for name in names
        ]
        # Shapes (blocks, d, names) and (blocks, d, d, names, names).
        self._mean = np.stack(first, axis=-1)
        self._square = self._mean[:, :, None, :, None] * self._mean[:, None, :, None, :]
        self._range = start, start

    def advance(self, made: Array) -> str:
        """Carry out a round; returns why it cannot be, or ""."""
        law, y = self._law, self._y
        F, q = made[:, 1:-2], made[:, -2]
        if made[:, 0].any() or made[:, -1].any():
            return f"rule {self._setting.runner.key} adds a number, or squares the gradient"
        self._share = F @ self._share
        if law.centre.any() and (self._share[[self._x, y]] != 1).any():
            return _OFF_CENTRE
        if self._setting.problem.domain.bounded and not self._stays_inside(F, q):
            return f"an iterate may reach the end of {self._setting.problem.domain}"
        mean, square = self._mean[..., y], self._square[..., y, :]
        gradient = np.einsum("bac,bc->ba", self._slope, mean) + self._offset
        # With all that is carried, (blocks, d, d, names), and with itself.
        beside = np.einsum("bae,becj->bacj", self._slope, square)
        beside += self._offset[:, :, None, None] * self._mean[:, None]
        itself = self._gradient_square(mean, square[..., y])
        cross = q[:, None] * (beside @ F.T)[..., None, :]
        both = np.outer(q, q) * itself[..., None, None]
        moved = F @ self._square @ F.T
        self._square = moved + cross + cross.transpose(0, 2, 1, 4, 3) + both
        self._mean = self._mean @ F.T + gradient[..., None] * q
        return ""

    def _gradient_square(self, mean: Array, square: Array) -> Array:
        """E g g', shape (blocks, d, d), from E e and E e e' of the point it is taken at."""
        law = self._law
        one = np.einsum("bacef,bef->bac", self._squares, square) + self._constant
        mixed = np.einsum("baec,be->bac", self._mixed, mean)
        one += mixed + mixed.swapaxes(1, 2)
        share = 1 / law.averaged
        noise = law.variance * np.eye(one.shape[-1])
        return share * one + (1 - share) * self._exact_square(mean, square) + noise

    def _exact_square(self, mean: Array, square: Array) -> Array:
        """The same of the exact gradient."""
        H, c = self._slope, self._offset
        mixed = np.einsum("bae,be->ba", H, mean)[:, :, None] * c[:, None]
        found = H @ square @ H.swapaxes(1, 2) + c[:, :, None] * c[:, None]
        return np.asarray(found + mixed + mixed.swapaxes(1, 2))

    def _stays_inside(self, F: Array, q: Array) -> bool:
        """Whether no outcome leads out of the domain, so that the projection does nothing."""
        domain, law, x = self._setting.problem.domain, self._law, self._x
        alone = np.count_nonzero(F[x]) == (F[x, x] != 0) and self._y == x
        if not (alone and isinstance(domain, Box) and law.offset.shape[1] == 1) or law.variance:
            return False
        factors = F[x, x] + q[x] * law.slopes[..., 0]
        ends = [factors * end + q[x] * law.offsets for end in self._range]
        low, high = np.min(ends, axis=(0, 1)), np.max(ends, axis=(0, 1))
        self._range = low, high
        centre = law.centre[:, None]
        room = 1e-12 * (domain.high - domain.low)
        inside = (centre + low >= domain.low - room) & (centre + high <= domain.high + room)
        return bool(inside.all())

    def gradient_square(self) -> float:
        """E||grad f||**2 where the next gradient is taken."""
        mean, square = self._mean[..., self._y], self._square[..., self._y, self._y]
        return float(np.trace(self._exact_square(mean, square), axis1=1, axis2=2).sum())

    def distance_square(self) -> float:
        """E||x - x*||**2."""
        minimizer = np.asarray(self._setting.problem.constants["minimizer"].value, float)
        apart = (self._law.centre - minimizer).reshape(self._offset.shape)
        square = np.einsum("baa->", self._square[..., self._x, self._x])
        return float(square + 2 * (apart * self._mean[..., self._x]).sum() + (apart**2).sum())

    def suboptimality(self, name: str, over: float) -> float:
        """E f(z) - f* for z what is called so, divided by a number."""
        at = self._names.index(name)
        problem, law = self._setting.problem, self._law
        least = float(problem.objective(law.centre)) - problem.constant("minimum")
        slope = (self._offset * self._mean[..., at]).sum() / over
        bend = (self._slope * self._square[..., at, at]).sum() / 2 / over**2
        return float(least + slope + bend)
