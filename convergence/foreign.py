"""Runs of optimizers that are no rule of the catalogue: a loop over rounds and lanes.

Gradients, losses, samples, step sizes, projections and running totals are those of every other
run, so that an optimizer that computes as a rule does leaves the same bits behind.
"""

from __future__ import annotations

import contextlib
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convergence import quantity
from convergence.engines.kernel import kernel
from convergence.engines.lowering import Round
from convergence.experiment import Experiment
from convergence.expression import Expression, replaced
from convergence.lanes import Lanes
from convergence.optimizer import Opaque, shown
from convergence.simulation import Engine, Simulation
from problems.domain import WholeSpace
from problems.notation import InputError, require
from problems.script import first_line

__all__ = ["Foreign", "simulate"]

Array = NDArray[np.float64]


def simulate(experiment: Experiment | Sequence[Experiment], **how: Any) -> Simulation:
    """A run in progress of whatever optimizer; see `Simulation`.

    Raises:
        InputError: The parts do not fit together.
    """
    if isinstance(experiment, Experiment) and experiment.opaque:
        return Foreign(experiment, experiment.opaque, **how)
    return Simulation(experiment, **how)


class Foreign(Simulation):
    """An opaque optimizer at work on a problem; see `Simulation`.

    Each lane has a state of its own. What the optimizer is given is a copy, what it returns is
    copied at once. A lane that is no longer finite, or in which Python's numbers raise
    ArithmeticError, has ended and is not stepped any further.

    Raises:
        InputError: The parts do not fit together, or a total is made of what cannot be seen. While
            it runs: the optimizer fails, or returns what is no point.
    """

    def __init__(
        self,
        experiment: Experiment,
        optimizer: Opaque,
        *,
        seeds: Sequence[int] | None = None,
        quantities: Sequence[str] = (),
        engine: Engine = "auto",
        workers: int = 1,
    ):
        name, problem = optimizer.key, experiment.problem
        require(
            experiment.projection == "euclidean",
            f"projection={experiment.projection!r} needs a rule with a metric; of optimizer {name} "
            "none is known",
        )
        reason = optimizer.hides(quantities)
        require(not reason, f"a quantity cannot be recorded: {reason}")
        if engine in ("compiled", "number"):
            warnings.warn(f"optimizer {name} runs step by step: it is no rule", stacklevel=4)
        self._lanes = lanes = Lanes([experiment], seeds)
        self.seeds, self.horizon = lanes.seeds, lanes.horizon
        self.problem, self.rule, self.schedule = problem, lanes.rule, lanes.schedule
        self.t = 0
        self._number, self._blocks, self._by_metric = False, None, False
        self._loop = self._steps = self._rows = None
        self._workers = 1
        self._confined = type(problem.domain) is not WholeSpace
        names = list(dict.fromkeys([*quantities, *(["finiteness"] if self._confined else [])]))
        self._quantities = quantity.with_parts(names)
        self._round = _seen(tuple(self._quantities))
        self._live: tuple[Any, ...] = self._begun()
        self.ended = np.zeros(self.seeds.size, np.int64)
        self._optimizer, self._now = optimizer, 0
        self._undisturbed: tuple[Any, ...] | None = None
        self._errors: Any = 0.0
        self._carried = self._asked("the making", optimizer.make)
        require(
            not self._confined or hasattr(self._carried, "place"),
            f"optimizer {name} cannot be put back into {problem.domain}: it has no method "
            "place(state, point)",
        )
        self._apart = hasattr(self._carried, "iterate")
        self._states: list[Any] = []
        taken = {id(None), id(self._carried)}
        self._over = np.zeros(self.seeds.size, bool)
        for seed in self.seeds.tolist():
            state = self._asked("init", optimizer.begun, self._carried, lanes.start, seed)
            require(
                id(state) not in taken,
                f"init of optimizer {name} must return a state of its own for each lane",
            )
            begins = self._point(state)
            if not (begins == lanes.start).all():
                raise InputError(
                    f"optimizer {name} begins at {begins}, not at the start {lanes.start}"
                )
            self._states.append(state)
            taken.add(id(state))
        self._live = (self._live[0], self._narrow(self._queries()), *self._live[2:])

    # What the optimizer is asked

    def _asked(self, method: str, function: Any, *arguments: Any) -> Any:
        """What it answers. Where plain numbers raise as arrays overflow, ArithmeticError."""
        try:
            return function(*arguments)
        except ArithmeticError as error:
            if self._now:
                raise
            failed: BaseException = error
        except (Exception, SystemExit) as error:
            failed = error
        frame = traceback.extract_tb(failed.__traceback__)[-1]
        where = f", line {frame.lineno} of {Path(frame.filename).name}"
        raise InputError(
            f"{method} of optimizer {self._optimizer.key} fails{self._when}"
            f"{'' if isinstance(failed, InputError) else where}: {first_line(failed)}"
        ) from failed

    @property
    def _when(self) -> str:
        return f" in round {self._now}" if self._now else ""

    def _answer(self, method: str, state: Any) -> Array:
        """A point that it answers, which is to be copied at once."""
        point = self._asked(method, getattr(self._carried, method), state)
        wanted = (self.problem.dimension,)
        good = isinstance(point, np.ndarray) and point.shape == wanted
        if not good or point.dtype != np.float64:
            raise InputError(
                f"the point of optimizer {self._optimizer.key} is {shown(point)}{self._when}; it "
                f"must be an array of float64 of shape {wanted}"
            )
        return point

    def _point(self, state: Any) -> Array:
        """The iterate, which is to be copied at once."""
        return self._answer("iterate" if self._apart else "query", state)

    def _queries(self) -> Array:
        """Where the next gradients are taken, (lanes, n); not a number in lanes that have ended."""
        points = np.full((self.seeds.size, self.problem.dimension), np.nan)
        for lane in np.flatnonzero(~self._over).tolist():
            with contextlib.suppress(ArithmeticError):
                points[lane] = self._answer("query", self._states[lane])
        return points

    def _stepped(self, lane: int, gradient: Array, step_size: float) -> Array:
        """Where a step takes the iterate of a lane, before any projection."""
        state = self._asked("step", self._carried.step, self._states[lane], gradient, step_size)
        if state is None:
            raise InputError(f"step of optimizer {self._optimizer.key} must return the state")
        self._states[lane] = state
        return self._point(state)

    def _put(self, lane: int, point: Array) -> None:
        """Make a point the iterate of a lane."""
        place = self._carried.place
        state = self._asked("place", place, self._states[lane], point.copy())
        self._states[lane] = state
        stands = self._point(state)
        if not (stands == point).all():
            raise InputError(
                f"place of optimizer {self._optimizer.key} puts the iterate at {stands}"
                f"{self._when}, not at the point {point} that it was given"
            )

    # Rounds

    def _narrow(self, points: Array) -> Array:
        return points[:, 0] if self.problem.scalar else points

    def _after(self, live: tuple[Any, ...], sample: Any, size: float) -> tuple[Any, ...]:
        """What stands after one more round."""
        lanes, (x, y) = self._lanes, live[:2]
        g = lanes.gradient(y, sample)
        loss = lanes.loss(y, sample) if "loss" in self._round.asked else None
        gradients = np.array(np.broadcast_to(g, x.shape), float).reshape(self.seeds.size, -1)
        gradients *= 1 + self._errors
        moved = np.full(gradients.shape, np.nan)
        for lane in np.flatnonzero(~self._over).tolist():
            with contextlib.suppress(ArithmeticError):
                moved[lane] = self._stepped(lane, gradients[lane], size)
        self._over |= ~np.isfinite(moved).all(axis=1)
        moved[self._over] = np.nan  # no figure is made of the coordinates that are left
        to = moved
        if self._confined:
            to = lanes.project(moved)
            left = (to != moved).any(axis=1) & ~self._over
            for lane in np.flatnonzero(left).tolist():
                try:
                    self._put(lane, to[lane])
                except ArithmeticError:
                    self._over[lane] = True
        queries = self._queries() if self._apart else np.where(self._over[:, None], np.nan, to)
        self._over |= ~np.isfinite(queries).all(axis=1)
        made = kernel(self._round, "array", scalar=self.problem.scalar, by_metric=False)
        points = tuple(map(self._narrow, (moved, to, queries)))
        reach = lambda y, sample: loss, lambda y, sample: g, None
        return made.run(*reach, (None,), (size,), self._now - 1, points, *live)

    def disturb(self, errors: Callable[[int, tuple[int, ...]], Array]) -> None:
        """Put errors into the iterate, gradients and totals: what a state holds is not known."""
        stood = self._live[:2]
        super().disturb(errors)
        points = self._live[0].reshape(self.seeds.size, -1)
        self._errors = errors(1, points.shape)
        x, y = self._live[0], self._live[0]
        if not hasattr(self._carried, "place"):
            x, y = stood
        else:
            for lane in np.flatnonzero(~self._over).tolist():
                self._put(lane, points[lane])
            if self._apart:
                y = self._narrow(self._queries())
        self._live = self._undisturbed = (x, y, *self._live[2:])

    def _block(self, count: int, every_round: bool = False) -> list[tuple[Any, ...]]:
        """What stands after each of `count` more rounds; the optimizer has then made them."""
        first, live, history = self.t + 1, self._live, []
        sizes = self._lanes.step_sizes(first, count).tolist()
        with np.errstate(all="ignore"):
            for k, sample in enumerate(self._samples(first, count)):
                self._now = first + k
                live = self._after(live, sample, sizes[k])
                history.append(live)
        return history

    def advance(self, to: int) -> None:
        """Carry out the rounds up to and including `to`."""
        for _ in self.every_round(to):
            pass


@lru_cache(maxsize=64)
def _seen(quantities: tuple[quantity.Quantity, ...]) -> Round:
    """The round of running totals, where steps, projections and query points are given."""
    moved, to_x, to_y, x, y = (
        Expression("input", name) for name in ("moved", "to_x", "to_y", "x", "y")
    )
    totals = [q.apart for q in quantities]
    known = {"displacement": x - moved, "query_point": y}
    made = {"x": to_x, "y": to_y, **replaced({q.name: q.update for q in totals}, known)}
    names = tuple(q.name for q in totals)
    return Round((), names, made, x - moved, None, True, ("moved", "to_x", "to_y"))
