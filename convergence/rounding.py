"""How far rounding may have moved a run: the response to errors of the size of rounding.

Every round rounds the iterate, the state and the totals, and the method carries these errors on,
shrinking or magnifying them. Here the run is repeated with errors of a known size and a random
sign put in after each round, `_SIZE` units of what a number is and of what it changed by; that is
more than the few units that a round rounds off. The errors go through the rule, the problem and
the bound themselves, as they are, so that nothing is assumed of a method.

To first order the figure moves by sum c_k e_k with |e_k| <= _SIZE units, whatever the signs. With
random signs its mean square is sum c_k**2 _SIZE**2, so by Cauchy-Schwarz sqrt(N) times its root is
at least sum |c_k| _SIZE, N the number of errors: the most that rounding can do. The root is read
off `_LANES` repetitions. (Random rounding is the Monte Carlo arithmetic of Parker, 1997.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence.measure import UNIT, Observation
from convergence.simulation import Simulation
from problems import draws

__all__ = ["Disturbed"]

Array = NDArray[np.float64]

_LANES = 8
# Units of the errors that are put in after a round.
_SIZE = 16
# So many rounds are disturbed at most; of longer runs each stands for those before it.
_MOST = 4096
# The stream of the draws, apart from those of problems and of sampled gradients.
_STREAM = 2
# Rounds whose observations are kept at a time, and numbers that are drawn at a time.
_BLOCK, _MOST_NUMBERS = 128, 1 << 18

#: (stacked observations, rounds, seeds) -> figure minus bound, shape (lanes, rounds).
Excess = Callable[[Observation, NDArray[np.int64], list[int]], Array]


class Disturbed:
    """The runs of some seeds, repeated with errors, each next to the run itself.

    Args:
        simulations: Makes the simulations for the seeds it is given: one, or one and its twin.
        excess: The figure that may have been moved, of their observations.
        seeds: The seeds of the runs.
        steps: The last round that will be asked for.
    """

    def __init__(
        self,
        simulations: Callable[[Sequence[int]], list[Simulation]],
        excess: Callable[[list[Observation], NDArray[np.int64], list[int]], Array],
        seeds: Sequence[int],
        steps: int,
    ):
        # The first lane of each seed stays as it is.
        self._seeds = [seed for seed in seeds for _ in range(_LANES + 1)]
        self._runs = simulations(self._seeds)
        self._excess = excess
        self._stride = max(1, -(-steps // _MOST))
        self._known_times = np.zeros(0, np.int64)
        self._known = np.zeros((len(seeds), 0))
        self._drawn: dict[tuple[int, int], tuple[int, Array]] = {}
        for number, run in enumerate(self._runs):
            run.disturb(self._errors(number, 0))

    def _errors(self, number: int, t: int) -> Callable[[int, tuple[int, ...]], Array]:
        def made(variable: int, shape: tuple[int, ...]) -> Array:
            first, signs = self._drawn.get((number, variable), (0, np.zeros((0, *shape))))
            place = (t - first) // self._stride
            if not 0 <= place < len(signs) or signs.shape[1:] != shape:
                first, place, signs = t, 0, self._signs(number, variable, shape, t)
                self._drawn[number, variable] = first, signs
            return np.asarray(signs[place])

        return made

    def _signs(self, number: int, variable: int, shape: tuple[int, ...], t: int) -> Array:
        """The errors of several rounds from t on: many numbers at once are drawn faster."""
        count = max(1, min(_BLOCK, _MOST_NUMBERS // math.prod(shape)))
        rounds = t + self._stride * np.arange(count)[:, None, None]
        index = np.arange(math.prod(shape[1:])) + (variable << 24)
        lanes = (np.arange(shape[0]) % (_LANES + 1))[:, None]
        u = draws.uniform(lanes, rounds, index, stream=_STREAM + number)
        signs = np.where(u < 0.5, -_SIZE * UNIT, _SIZE * UNIT)
        signs[:, :: _LANES + 1] = 0.0
        return signs.reshape(count, *shape)

    def at(self, place: int, times: NDArray[np.int64]) -> Array:
        """How far rounding may have moved the excess of the seed at a place, at increasing rounds.

        Returns:
            Shape (rounds,).
        """
        self._go_on(int(times[-1]))
        # Between two disturbed rounds, the larger of their figures.
        after = np.searchsorted(self._known_times, times)
        before = np.maximum(after - (self._known_times[after] != times), 0)
        return np.maximum(self._known[place, after], self._known[place, before])

    def _go_on(self, to: int) -> None:
        while not self._known_times.size or self._known_times[-1] < to:
            seen: list[list[Any]] = [[] for _ in self._runs]
            times = []
            for _ in range(_BLOCK):
                t = self._runs[0].t + self._stride
                times.append(t)
                for number, run in enumerate(self._runs):
                    run.advance(t)
                    run.disturb(self._errors(number, t))
                    seen[number].append(run.standing)
                if t >= to:
                    break
            rounds = np.array(times)
            with np.errstate(all="ignore"):
                stacked = [run.stacked(each) for run, each in zip(self._runs, seen, strict=True)]
                figures = self._excess(stacked, rounds, self._seeds)
                figures = figures.reshape(-1, _LANES + 1, rounds.size)
                response = abs(figures[:, 1:] - figures[:, :1]).max(axis=1)
            count = sum(run.numbers for run in self._runs)
            most = np.sqrt(count * rounds.astype(float) * self._stride) * response
            # A figure that is no longer finite may have been anything.
            most = np.where(np.isfinite(most), most, np.inf)
            self._known_times = np.concatenate([self._known_times, rounds])
            self._known = np.concatenate([self._known, most], axis=1)
