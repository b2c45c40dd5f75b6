"""Sweeps: many experiments, each run once and kept.

A *cell* is one experiment with its seeds. Cells of the same formulas go side by side, as lanes of
one run, the rest over workers (`convergence.tasks`); each has the bits of a run of its own, however
it was grouped. A cell that fails keeps its error, and does not stop the others.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convergence.experiment import STEPS, Experiment, Projection
from convergence.grid import Grid, cells, owners
from convergence.measure import MEASURES
from convergence.record import End
from convergence.rule import SETTINGS
from convergence.simulation import Engine, run_all, structure
from convergence.sources import environment, key_of, parts_of_experiment
from convergence.store import Store, array_of, as_text, open_store
from convergence.tasks import Done, Pool, Task, carry_out
from problems.files import write_whole
from problems.notation import InputError, Number, exact, format_value, nearest, read_value, require

__all__ = ["Cell", "Status", "Sweep", "Tuned", "read_axis", "status", "sweep", "tune"]

#: The file of a folder of results that says of which sweep they are.
DEFINITION = "sweep.json"

_MOST_VALUES = 10_000
_RANGE = re.compile(r"(log|lin)\((.*)\)", re.DOTALL)


# Grids


def read_axis(text: str) -> tuple[str, list[Any]]:
    """A parameter and its values: `alpha=log(1e-4,1,25)`, `C=lin(2,4,5)` or `beta2=[0.9,0.99]`.

    The values of `log` lie evenly in their logarithms, those of `lin` evenly; both ends belong to
    them. What lies between is rounded to six significant digits, so that it can be read and typed.

    Raises:
        InputError: It is none of these.
    """
    name, equals, values = text.partition("=")
    name, values = name.strip(), values.strip()
    form = "it must read name=[1,2,3], name=log(first,last,count) or name=lin(first,last,count)"
    require(bool(equals) and bool(name) and bool(values), f"the grid {text!r} is no axis; {form}")
    match = _RANGE.fullmatch(values)
    if match is None:
        read = read_value(values)
        listed = read if isinstance(read, list) else [read]
        require(bool(listed), f"the grid {text!r} has no cells; {form}")
        return name, listed
    given = [exact(read_value(part)) for part in match[2].split(",")]
    require(len(given) == 3 and None not in given, f"the grid {text!r} is no range; {form}")
    first, last, count = (value for value in given if value is not None)
    require(
        count.denominator == 1 and 1 <= count <= _MOST_VALUES,
        f"the grid {text!r} has {format_value(Number(count))} values; it must be a whole number in "
        f"1..{_MOST_VALUES}",
    )
    logarithmic = match[1] == "log"
    require(
        not logarithmic or (first > 0 and last > 0),
        f"the grid {text!r} needs positive ends, as it is even in logarithms",
    )
    space = np.geomspace if logarithmic else np.linspace
    inner = space(float(first), float(last), int(count)).tolist()
    found = [read_value(f"{value:.6g}") for value in inner]
    found[0] = Number(first)
    if count > 1:
        found[-1] = Number(last)
    return name, found


# What comes of a cell


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell and what came of it. Two are equal if every bit is.

    Attributes:
        experiment: What was run.
        settings: Its values by parameter of the grid.
        seeds: One for each lane.
        ends: How each lane ended.
        last: By measure, its values after the last step, one for each lane; NaN for a lane that
            diverged.
        checksum: Of the whole record.
        error: Why there is none of these, or "".
        from_store: Whether it had been computed before.
    """

    experiment: Experiment
    settings: Mapping[str, Any]
    seeds: tuple[int, ...] = ()
    ends: tuple[End, ...] = ()
    last: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    checksum: str = ""
    error: str = ""
    from_store: bool = False

    def _bits(self) -> tuple[Any, ...]:
        # The checksum is one of every number.
        return self.experiment, self.seeds, self.ends, self.checksum, self.error, *self.last

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self._bits() == other._bits()

    def __hash__(self) -> int:
        return hash(self._bits())

    @property
    def optimizer_key(self) -> str:
        """The optimizer without its parameters."""
        return self.experiment.names.optimizer.partition(":")[0]

    def median(self, measure: str) -> float:
        """The median of the scores."""
        return float(np.median(self.scores(measure)))

    @property
    def diverged(self) -> int:
        """How many lanes diverged."""
        return sum(end.word == "diverged" for end in self.ends)

    def scores(self, measure: str) -> np.ndarray[Any, Any]:
        """The last values of a measure, infinite where the lane diverged or the cell failed."""
        if self.error:
            return np.array([math.inf])
        require(
            measure in self.last,
            f"there is no {measure!r} of {self.experiment.names.problem}; "
            + nearest(measure, self.last),
        )
        values = np.array(self.last[measure], float)
        values[~np.isfinite(values)] = math.inf
        return values


def _value_of(experiment: Experiment, record: Any) -> dict[str, Any]:
    series = {name: as_text(record.series[name][:, -1]) for name in record.measures}
    return {
        "kind": "cell",
        "experiment": experiment.to_json(),
        "seeds": list(record.experiment.seeds),
        "ends": [[end.word, end.step] for end in record.ends],
        "last": series,
        "checksum": record.checksum,
        "versions": environment(),
    }


def _failed(experiment: Experiment, error: BaseException) -> dict[str, Any]:
    told = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return {
        "kind": "failed",
        "experiment": experiment.to_json(),
        "error": told,
        "details": "".join(getattr(error, "__notes__", ())),
        "versions": environment(),
    }


#: Experiments that are run side by side, what is measured, and by which engine.
_Cells = tuple[Sequence[Experiment], Sequence[str] | None, Engine]


def _run_cells(argument: _Cells) -> list[Any]:
    """Run cells side by side; where that fails, one after the other, to see which it was."""
    experiments, measures, engine = argument
    try:
        records = run_all(experiments, measures=measures, engine=engine)
    except Exception as error:
        if len(experiments) == 1:
            return [_failed(experiments[0], error)]
        return [_run_cells(([each], measures, engine))[0] for each in experiments]
    if any(end.word == "stopped" for record in records for end in record.ends):
        # A run that is interrupted keeps what it has; a cell is there whole or not at all.
        raise KeyboardInterrupt
    return [_value_of(*pair) for pair in zip(experiments, records, strict=True)]


def _cell_of(experiment: Experiment, settings: Mapping[str, Any], value: Any, old: bool) -> Cell:
    if value["kind"] == "failed":
        return Cell(experiment, settings, error=value["error"], from_store=old)
    return Cell(
        experiment,
        settings,
        tuple(value["seeds"]),
        tuple(End(word, step) for word, step in value["ends"]),
        {name: array_of(each) for name, each in value["last"].items()},
        value["checksum"],
        from_store=old,
    )


# Grouping

# Seconds that a task may take, by these estimates: what is lost when one is killed.
_LEAST_SECONDS, _MOST_SECONDS, _MOST_TOGETHER = 0.25, 5.0, 64
_PER_CALL, _PER_LANE_STEP, _PER_ROUND, _PER_COORDINATE = 2e-3, 2e-9, 2e-5, 2e-8
# Above it, compiling pays for the sweep as a whole.
_PAYS = 2.0


def _seconds(experiment: Experiment, lanes: int, compiled: bool) -> float:
    steps = experiment.steps
    if compiled:
        return _PER_CALL + steps * lanes * _PER_LANE_STEP
    return steps * (_PER_ROUND + lanes * experiment.problem.dimension * _PER_COORDINATE)


def _grouped(experiments: Sequence[Experiment], pool: Pool) -> Iterator[tuple[list[int], Engine]]:
    """The places of cells that are run together, and by which engine."""
    alike: dict[Any, list[int]] = {}
    for place, experiment in enumerate(experiments):
        try:
            key = structure(experiment)
        except (InputError, ArithmeticError, MemoryError):
            key = object()  # running it alone tells what is wrong
        alike.setdefault(key, []).append(place)
    for key, places in alike.items():
        first = experiments[places[0]]
        if not isinstance(key, tuple):
            yield from (([place], "auto") for place in places)
            continue
        lanes = len(first.lanes)
        plain = _seconds(first, lanes * len(places), compiled=False)
        compiled = first.problem.scalar and plain > _PAYS
        whole = sum(_seconds(first, lanes, compiled) for _ in places)
        share = min(_MOST_SECONDS, max(_LEAST_SECONDS, whole / (4 * pool.count(len(places)))))
        together = 1
        while (
            together < min(_MOST_TOGETHER, len(places))
            and _seconds(first, lanes * (together + 1), compiled) <= share
        ):
            together += 1
        for begin in range(0, len(places), together):
            yield places[begin : begin + together], "compiled" if compiled else "auto"


# Sweeps


@dataclass(frozen=True)
class Sweep:
    """The cells of a sweep, in the order of problems, optimizers and grid.

    Attributes:
        cells: What came of each.
        grid: The axes.
    """

    cells: tuple[Cell, ...]
    grid: Mapping[str, Sequence[Any]]

    @property
    def measures(self) -> list[str]:
        """The measures that some cell has, in the order of `convergence.measure.MEASURES`."""
        return [name for name in MEASURES if any(name in cell.last for cell in self.cells)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A tidy table: one row for each cell and seed, of plain values.

        Columns are problem, optimizer, schedule, the names of the grid, steps, seed, end, step (at
        which the lane diverged), error, and the measures after the last step.
        """
        found = []
        for cell in self.cells:
            head = {
                **cell.experiment.names._asdict(),
                **{name: _plain(cell.settings.get(name)) for name in self.grid},
                "steps": cell.experiment.steps,
            }
            if cell.error:
                found.append({**head, "end": "failed", "error": cell.error})
                continue
            for lane, (seed, end) in enumerate(zip(cell.seeds, cell.ends, strict=True)):
                numbers = {name: float(values[lane]) for name, values in cell.last.items()}
                step = end.step or None
                found.append({**head, "seed": seed, "end": end.word, "step": step, **numbers})
        columns = dict.fromkeys(name for row in found for name in row)
        return [{name: row.get(name) for name in columns} for row in found]

    def to_csv(self) -> str:
        """The table as CSV; floats are written so that they are read back bit by bit."""
        rows = self.rows
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    def to_pandas(self) -> Any:
        """The table as a DataFrame.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise InputError("a DataFrame needs pandas: pip install pandas") from None
        return DataFrame(self.rows)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Number) else value


@dataclass(frozen=True)
class Status:
    """How far a sweep is.

    Attributes:
        cells: How many there are.
        done: How many are there, failed ones included.
        failed: How many failed.
        diverged: In how many a lane diverged.
        seconds_left: An estimate; None before anything was computed.
        best: The cell with the least median of the first measure so far, in words; "" where there
            are several problems, whose figures do not compare.
    """

    cells: int
    done: int
    failed: int
    diverged: int
    seconds_left: float | None = None
    best: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {_duration(self.seconds_left)} left"
        best = f"; best so far: {self.best}" if self.best else ""
        return (
            f"{self.done} of {self.cells} cells done, {self.failed} failed, {self.diverged} with "
            f"lanes that diverged{left}{best}"
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Count:
    """Counts cells as they come, for `Status`."""

    def __init__(self, total: int, measure: str | None):
        self._total, self._measure = total, measure
        self._done = self._failed = self._diverged = self._computed = 0
        self._best: tuple[float, str] | None = None
        self._problems: set[str] = set()
        self._began = time.monotonic()

    def add(self, cell: Cell) -> Status:
        self._done += 1
        self._failed += bool(cell.error)
        self._diverged += bool(cell.diverged)
        self._computed += not cell.from_store
        self._problems.add(cell.experiment.names.problem)
        if not cell.error and cell.last:
            measure = self._measure or next(name for name in MEASURES if name in cell.last)
            if measure in cell.last:
                score = cell.median(measure)
                if self._best is None or score < self._best[0]:
                    name = cell.experiment.method_name
                    self._best = score, f"{measure.replace('_', ' ')} {score:.4g} by {name}"
        left = None
        if self._computed:
            each = (time.monotonic() - self._began) / self._computed
            left = each * (self._total - self._done)
        best = self._best[1] if self._best and len(self._problems) == 1 else ""
        return Status(self._total, self._done, self._failed, self._diverged, left, best)


def _planned(
    problems: Sequence[Any], optimizers: Sequence[Any], schedule: Any, grid: Grid, **parts: Any
) -> list[tuple[Experiment, dict[str, Any]]]:
    """Every cell; a parameter that an optimizer does not have is left out for it."""
    found: list[tuple[Experiment, dict[str, Any]]] = []
    used: set[str] = set()
    for problem in problems:
        for optimizer in optimizers:
            own = {n: v for n, v in grid.items() if owners(n, problem, optimizer, schedule)}
            used |= set(own)
            if own:
                found += cells(problem, optimizer, schedule, own, **parts)
            else:
                found.append((Experiment(problem, optimizer, schedule, **parts), {}))
    for name in grid:
        if name not in used:
            # Its sentence names what is near.
            cells(problems[0], optimizers[0], schedule, {name: grid[name]}, **parts)
    return found


def sweep(
    problems: Any,
    optimizers: Any,
    schedule: Any = None,
    steps: int = STEPS,
    *,
    grid: Grid | None = None,
    seeds: int | Sequence[int] = 1,
    projection: Projection = "euclidean",
    measures: Sequence[str] | None = None,
    pool: Pool | None = None,
    store: str | Path | None = None,
    fresh: bool = False,
    retry_failed: bool = False,
    progress: Callable[[Status], None] | None = None,
) -> Sweep:
    """Run every optimizer on every problem with every combination of settings.

    What was computed before is taken from the store: after a crash the same call computes only
    what is missing.

    Args:
        problems: A problem or a list of them, as `run` takes them.
        optimizers: Likewise; a specification may name its schedule, `adam@constant`.
        schedule: The schedule of optimizers that name none.
        steps: Rounds of each run.
        grid: Values by parameter of a problem, an optimizer or a schedule, or their text for
            `read_axis` without the name. An optimizer that lacks a parameter is run without it.
        seeds: How many lanes of each cell, or their seeds.
        projection: See `Experiment`.
        measures: What is kept of the last step; by default all measures that make sense.
        pool: Who does the work. The bits do not depend on it.
        store: The folder of results, by default the user's. A folder that is named also remembers
            which sweep it holds, and refuses another.
        fresh: Compute again what is stored.
        retry_failed: Compute again the cells that failed.
        progress: Called with the state of things after each cell.

    Returns:
        What came of the cells.

    Raises:
        InputError: Something does not exist, does not fit or is out of range; a cell that fails
            only when it is run is no reason.
    """
    axes = {
        name: read_axis(f"{name}={values}")[1] if isinstance(values, str) else list(values)
        for name, values in (grid or {}).items()
    }
    planned = _planned(
        _listed(problems),
        _listed(optimizers),
        schedule,
        axes,
        steps=steps,
        seeds=seeds,
        projection=projection,
    )
    kept = open_store(store)
    if store is not None:
        _claim_folder(kept, planned, measures)
    done = _computed(
        planned,
        measures,
        kept,
        pool=pool,
        fresh=fresh,
        retry_failed=retry_failed,
        progress=progress,
    )
    return Sweep(done, axes)


_Plan = Sequence[tuple[Experiment, Mapping[str, Any]]]


def _computed(
    planned: _Plan,
    measures: Sequence[str] | None,
    kept: Store,
    *,
    pool: Pool | None = None,
    fresh: bool = False,
    retry_failed: bool = False,
    progress: Callable[[Status], None] | None = None,
) -> tuple[Cell, ...]:
    """Cells from the store, and those that are missing, computed."""
    experiments = [experiment for experiment, _ in planned]
    pool = pool or Pool()
    if not all(each.has_place for each in experiments):
        pool = Pool(workers=1)
    keys = [cell_key(each, measures) for each in experiments]
    found: dict[int, Cell] = {}
    count = _Count(len(planned), measures[0] if measures else None)

    def again(value: Any) -> bool:
        return fresh or (retry_failed and value.get("kind") == "failed")

    def note(place: int, value: Any, old: bool) -> None:
        found[place] = _cell_of(*planned[place], value, old)
        status = count.add(found[place])
        if progress:
            progress(status)

    # Cell by cell, so that of a task that was killed while it was stored only the rest is missing.
    for place, key in enumerate(keys):
        value = None if key is None else kept.get(key)
        if value is not None and not again(value):
            note(place, value, True)
    missing = [place for place in range(len(planned)) if place not in found]
    groups = [
        ([missing[k] for k in group], engine)
        for group, engine in _grouped([experiments[place] for place in missing], pool)
    ]
    tasks = [
        Task(
            _run_cells,
            ([experiments[place] for place in group], measures, engine),
            tuple(keys[place] for place in group),
            _keys_of,
        )
        for group, engine in groups
    ]
    for done in carry_out(tasks, pool=pool, store=kept, again=again):
        group, _ = groups[done.number]
        for place, value in zip(group, _values(done, group, experiments), strict=True):
            note(place, value, done.from_store)
            if done.error and (key := keys[place]):
                kept.put(key, value)
    return tuple(found[place] for place in range(len(planned)))


def _values(done: Done, group: Sequence[int], experiments: Sequence[Experiment]) -> Sequence[Any]:
    if done.error is None:
        return done.values
    # The process was killed, or the cluster gave up: what the task itself raises is a value.
    return [_failed(experiments[place], done.error) for place in group]


def cell_key(experiment: Experiment, measures: Sequence[str] | None) -> str | None:
    """The key of a cell in the store, or None if it depends on what cannot be known."""
    if not experiment.has_place:
        return None
    parts = parts_of_experiment(experiment)
    chosen = None if measures is None else list(measures)
    return None if parts is None else key_of("cell", measures=chosen, **parts)


def _keys_of(argument: _Cells) -> tuple[str | None, ...]:
    experiments, measures, _ = argument
    return tuple(cell_key(each, measures) for each in experiments)


def _listed(given: Any) -> list[Any]:
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    require(bool(listed), "a sweep needs at least one problem and one optimizer")
    return listed


# Folders of a sweep


def _claim_folder(
    store: Store,
    planned: Sequence[tuple[Experiment, Mapping[str, Any]]],
    measures: Sequence[str] | None,
) -> None:
    """Write down which sweep a folder holds; refuse one that holds another.

    Raises:
        InputError: It holds another, which is told apart by its first difference.
    """
    assert store.folder is not None
    path = store.folder / DEFINITION
    ours = {
        "cells": [str(experiment) for experiment, _ in planned],
        "measures": None if measures is None else list(measures),
        "keys": [cell_key(experiment, measures) for experiment, _ in planned],
    }
    theirs = _definition(path) if path.exists() else None
    if theirs is not None:
        difference = _difference(theirs, ours)
        require(
            not difference,
            f"{str(store.folder)!r} holds another sweep: {difference}; name another folder, or "
            f"remove its {DEFINITION}",
        )
    if theirs != ours:
        write_whole(path, json.dumps(ours, indent=1).encode())


def _definition(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        found = {name: read[name] for name in ("cells", "measures", "keys")}
        require(
            isinstance(found["cells"], list) and isinstance(found["keys"], list),
            f"{str(path)!r} defines no sweep",
        )
        return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} defines no sweep: {error}") from error


def _difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    if theirs["measures"] != ours["measures"]:
        return f"it keeps {theirs['measures'] or 'all measures'}, and this one {ours['measures']}"
    old, new = set(theirs["cells"]), set(ours["cells"])
    if old == new:
        return ""
    gone = [cell for cell in theirs["cells"] if cell not in new]
    added = [cell for cell in ours["cells"] if cell not in old]
    parts = [f"{len(gone)} of its cells are not in this one, as {gone[0]}"] if gone else []
    parts += [f"{len(added)} cells of this one are not in it, as {added[0]}"] if added else []
    return ", and ".join(parts)


def status(folder: str | Path) -> Status:
    """How far the sweep of a folder is, by the files that are there.

    Raises:
        InputError: It holds no sweep.
    """
    place = Path(folder)
    require((place / DEFINITION).is_file(), f"{str(folder)!r} holds no sweep")
    defined, store = _definition(place / DEFINITION), Store(place)
    count, found, times = _Count(len(defined["cells"]), None), None, []
    for text, key in zip(defined["cells"], defined["keys"], strict=True):
        value = None if key is None else store.get(key)
        if value is None:
            continue
        times.append((place / f"{key}.json").stat().st_mtime)
        found = count.add(_cell_of(Experiment.parse(text), {}, value, True))
    if found is None:
        return Status(len(defined["cells"]), 0, 0, 0)
    span = max(times) - min(times)
    # Cells of one task are stored at once, which tells nothing of how long they took.
    left = span / (len(times) - 1) * (found.cells - found.done) if span > 1 else None
    left = 0.0 if found.done == found.cells else left
    return Status(found.cells, found.done, found.failed, found.diverged, left, found.best)


# Tuning


@dataclass(frozen=True)
class Tuned:
    """The best setting of an optimizer, and what it comes to on seeds that did not choose it.

    Attributes:
        cell: The best cell of the grid, by the median over the seeds that choose.
        cells: How many were tried: the budget.
        measure: By which.
        chosen: Its median over these seeds.
        shown: What it comes to on the other seeds: their scores.
        held_out: Whether these are others; without noise all runs are the same.
        edges: The names of the grid at whose ends the best lies.
    """

    cell: Cell
    cells: int
    measure: str
    chosen: float
    shown: np.ndarray[Any, Any]
    held_out: bool
    edges: tuple[str, ...]

    @property
    def summary(self) -> tuple[float, float, float]:
        """Median and the 10 % and 90 % quantiles of what is shown; infinite where lanes diverge."""
        middle, low, high = np.quantile(self.shown, [0.5, 0.1, 0.9], method="nearest")
        return float(middle), float(low), float(high)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        middle, low, high = self.summary
        return {
            "experiment": self.cell.experiment.to_json(),
            "settings": {name: _plain(value) for name, value in self.cell.settings.items()},
            "cells": self.cells,
            "measure": self.measure,
            "chosen": self.chosen,
            "shown": middle,
            "shown_10": low,
            "shown_90": high,
            "held_out": self.held_out,
            "edges": list(self.edges),
        }


def tune(
    problem: Any,
    optimizers: Any,
    schedule: Any = None,
    steps: int = STEPS,
    *,
    names: Sequence[str] = ("alpha",),
    budget: int = 25,
    grid: Grid | None = None,
    measure: str | None = None,
    seeds: int = 1,
    projection: Projection = "euclidean",
    store: str | Path | None = None,
    **how: Any,
) -> list[Tuned]:
    """Find the best setting of each optimizer with an equal budget, and run it on other seeds.

    Args:
        problem: One problem.
        optimizers: One or several.
        schedule: Of those that name none.
        steps: Rounds of each run.
        names: The parameters that are tuned. An optimizer that lacks one spends the budget on the
            others.
        budget: How many settings each may try, the same number for all.
        grid: The ends between which a parameter is tuned, by name, as any list of its values; by
            default 1e-5 and 10, for a decay such as beta2 0.5 and 0.9999. Values lie evenly in
            logarithms, for a decay in those of 1 - beta2.
        measure: The figure that is made small after the last step; by default the first that there
            is.
        seeds: How many choose; as many others are shown.
        projection: See `Experiment`.
        store: See `sweep`.
        how: `pool`, `fresh`, `retry_failed` and `progress`, see `sweep`.

    Returns:
        One for each optimizer.

    Raises:
        InputError: As `sweep`; or the budget is too small, or a measure is none.
    """
    require(
        type(budget) is int and budget >= 1,
        f"budget={budget!r} must be a whole number of at least 1",
    )
    require(type(seeds) is int and seeds >= 1, f"seeds={seeds!r} must be a whole number")
    planned: list[tuple[Experiment, dict[str, Any]]] = []
    tried: list[tuple[Grid, slice]] = []
    for optimizer in _listed(optimizers):
        own = [name for name in names if owners(name, problem, optimizer, schedule)]
        require(bool(own), f"optimizer {optimizer!r} has none of {', '.join(names)} to be tuned")
        along = math.floor(budget ** (1 / len(own)) + 1e-9)
        require(along >= 2 or budget == 1, f"budget={budget} is too small for {', '.join(own)}")
        axes: Grid = {name: _between(name, (grid or {}).get(name), along) for name in own}
        first = len(planned)
        parts: dict[str, Any] = {"steps": steps, "seeds": seeds, "projection": projection}
        planned += cells(problem, optimizer, schedule, axes, **parts)
        tried.append((axes, slice(first, len(planned))))
    kept = open_store(store)
    if store is not None:
        _claim_folder(kept, planned, measures=None)
    swept = Sweep(_computed(planned, None, kept, **how), {})
    chosen = measure or next(iter(swept.measures), "")
    require(chosen, f"every cell failed, the first with: {swept.cells[0].error}")
    best = [min(swept.cells[part], key=lambda cell: cell.median(chosen)) for _, part in tried]
    noisy = [
        cell.experiment.problem.stochastic or cell.experiment.optimizer.seeded for cell in best
    ]
    others = list(range(seeds, 2 * seeds))
    again = [
        (cell.experiment.changed(seeds=others), cell.settings) if each else None
        for each, cell in zip(noisy, best, strict=True)
    ]
    shown = iter(_computed([each for each in again if each], None, kept, **how))
    found = []
    for (axes, part), cell, each in zip(tried, best, again, strict=True):
        edges = tuple(
            name
            for name, values in axes.items()
            if len(values) > 1 and cell.settings[name] in (values[0], values[-1])
        )
        scores = (next(shown) if each else cell).scores(chosen)
        count = part.stop - part.start
        median = cell.median(chosen)
        found.append(Tuned(cell, count, chosen, median, scores, each is not None, edges))
    return found


def _between(name: str, ends: Any, count: int) -> list[Any]:
    known = SETTINGS.get(name.rpartition(".")[2])
    decay = known is not None and known.high == 1
    usual = ("0.5", "0.9999") if decay else ("1e-5", "10")
    values = read_axis(f"{name}={ends}")[1] if isinstance(ends, str) else list(ends or usual)
    exactly = [exact(read_value(v) if isinstance(v, str) else v) for v in values]
    require(
        None not in exactly,
        f"the ends {ends!r} of {name} must be numbers between which it is tuned",
    )
    first, last = min(filter(None, exactly)), max(filter(None, exactly))
    if not decay:
        return read_axis(f"{name}=log({first},{last},{count})")[1]
    lags = read_axis(f"{name}=log({1 - first},{1 - last},{count})")[1]
    return [Number(1 - (exact(lag) or 0)) for lag in lags]
