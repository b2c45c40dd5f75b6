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

__all__ = ["Grid", "cells", "owners"]

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
) -> list[tuple[Experiment, dict[str, Any]]]:
    """An experiment for every combination of the values, and these, the last name varying fastest.

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
    places = _parts(problem, optimizer, schedule)
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
        settings = dict(zip(grid, (value for *_, value in combination), strict=True))
        found.append((Experiment(**cell, **parts), settings))
    return found


def _parts(problem: Any, optimizer: Any, schedule: Any) -> dict[str, _Part]:
    if isinstance(optimizer, str):
        optimizer, own = with_schedule(optimizer)
        schedule = own if own is not None else schedule
    require(schedule is not None, f"no schedule is given for optimizer {optimizer!r}")
    return {
        "problem": _Part("problem", problem, catalogue, find_problem),
        "optimizer": _Part("optimizer", optimizer, rules.catalogue, optimizers.find),
        "schedule": _Part("schedule", schedule, schedules.catalogue, schedules.find),
    }


def owners(name: str, problem: Any, optimizer: Any, schedule: Any) -> list[str]:
    """Which of the three have a parameter of a grid."""
    parts = _parts(problem, optimizer, schedule)
    kind, dot, own = name.partition(".")
    if dot:
        return [kind] if kind in parts and own in parts[kind].names else []
    return [kind for kind, part in parts.items() if name in part.names]


def _place(name: str, parts: Mapping[str, _Part]) -> tuple[str, str]:
    """Which of the three a name belongs to, and its own name there."""
    kind, dot, own = name.partition(".")
    require(
        not dot or kind in parts, f"grid {name!r}: there is no {kind!r}; {nearest(kind, parts)}"
    )
    own = own if dot else name
    found = [part for part in ([kind] if dot else parts) if own in parts[part].names]
    if not found:
        names = [n for kind, part in parts.items() for n in part.names]
        raise InputError(f"grid {name!r} is no parameter of these; {nearest(own, names)}")
    require(
        len(found) == 1,
        f"grid {name!r} is a parameter of {' and '.join(found)}; write {found[0]}.{name} or "
        f"{found[-1]}.{name}",
    )
    return found[0], own
