"""Cells of a grid: experiments whose parts have parameters that take several values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convergence import optimizer as optimizers
from convergence import rules
from convergence import schedule as schedules
from convergence.experiment import Experiment, with_schedule
from problems import find as find_problem
from problems.notation import InputError, nearest, parse, read_value, require
from problems.problem import catalogue
from problems.registry import Entry

__all__ = ["Grid", "cells"]

#: Values by parameter.
Grid = Mapping[str, Sequence[Any]]


# Each is a lane or more.
_MOST = 100_000


class _Part:
    """A problem, optimizer or schedule of which some parameters are still open."""

    def __init__(self, kind: str, given: Any, registry: Any, find: Callable[[str], Any]):
        self.kind = kind
        self.found: Any = None
        self.entry: Entry[Any] | None = None
        self.settings: dict[str, Any] = {}
        key = given.partition(":")[0].strip() if isinstance(given, str) else ""
        if key and key in registry:
            self.settings = parse(given)[1]
            self.entry = registry[key]
        else:
            # A file of one's own, or an object.
            self.found = find(given) if isinstance(given, str) or kind == "optimizer" else given
            self.entry = getattr(self.found, "entry", None)
            self.settings = dict(getattr(self.found, "settings", {}))

    @property
    def names(self) -> Sequence[str]:
        """What may vary."""
        return [] if self.entry is None else list(self.entry.parameters)

    def built(self, values: Mapping[str, Any]) -> Any:
        """The item with these parameters; without any, always the same object."""
        if self.found is not None and not values:
            return self.found
        assert self.entry is not None
        item = self.entry(**{**self.settings, **values})
        if not values:
            self.found = item
        return item


def cells(
    problem: Any, optimizer: Any, schedule: Any, grid: Grid, **parts: Any
) -> list[Experiment]:
    """An experiment for every combination of the values, the last name varying fastest.

    Args:
        problem: An object, or a specification in which parameters of the grid may be left out.
        optimizer: Likewise; a specification may name the schedule.
        schedule: Likewise.
        grid: Values by parameter. A name that several of the three have is written
            `problem.beta1` or `optimizer.beta1`. Text is read as in a specification.
        parts: The other parts, see `Experiment`.

    Raises:
        InputError: A name or a value is not accepted.
    """
    if isinstance(optimizer, str):
        optimizer, own = with_schedule(optimizer)
        schedule = own if schedule is None else schedule
    require(schedule is not None, f"no schedule is given for optimizer {optimizer!r}")
    places = {
        "problem": _Part("problem", problem, catalogue, find_problem),
        "optimizer": _Part("optimizer", optimizer, rules.catalogue, optimizers.find),
        "schedule": _Part("schedule", schedule, schedules.catalogue, schedules.find),
    }
    require(
        isinstance(grid, Mapping) and grid,
        f"grid={grid!r} must be a mapping from a parameter to its values, and not empty",
    )
    axes = []
    for name, values in grid.items():
        listed = not isinstance(values, (str, bytes, Mapping)) and hasattr(values, "__iter__")
        values = list(values) if listed else []
        require(values, f"grid {name}={grid[name]!r} must be a list of at least one value")
        read = [read_value(value) if isinstance(value, str) else value for value in values]
        kind, own = _place(name, places)
        axes.append([(kind, own, value) for value in read])
    count = math.prod(map(len, axes))
    require(count <= _MOST, f"the grid has {count} cells; at most {_MOST} are accepted")
    # Cells that have a part in common share the object.
    known: dict[tuple[Any, ...], Any] = {}
    found = []
    for combination in itertools.product(*axes):
        cell = {}
        for kind, place in places.items():
            chosen = {name: value for where, name, value in combination if where == kind}
            key = (kind, *((name, repr(value)) for name, value in chosen.items()))
            if key not in known:
                known[key] = place.built(chosen)
            cell[kind] = known[key]
        found.append(Experiment(**cell, **parts))
    return found


def _place(name: str, parts: Mapping[str, _Part]) -> tuple[str, str]:
    """Which of the three a name belongs to, and its own name there."""
    kind, dot, own = name.partition(".")
    if dot:
        require(kind in parts, f"grid {name!r}: there is no {kind!r}; {nearest(kind, parts)}")
        owners = [kind] if own in parts[kind].names else []
    else:
        own = name
        owners = [kind for kind, part in parts.items() if name in part.names]
    if not owners:
        names = [n for kind, part in parts.items() for n in part.names]
        raise InputError(f"grid {name!r} is no parameter of these; {nearest(own, names)}")
    require(
        len(owners) == 1,
        f"grid {name!r} is a parameter of {' and '.join(owners)}; write {owners[0]}.{name} or "
        f"{owners[-1]}.{name}",
    )
    return owners[0], own
