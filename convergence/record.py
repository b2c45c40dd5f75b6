"""What a run leaves behind: one self-describing value, and its file."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convergence import optimizer
from convergence import schedule as schedules
from convergence.optimizer import Opaque
from convergence.rule import Rule
from convergence.schedule import Schedule
from problems import find as find_problem
from problems.files import write_whole
from problems.notation import InputError, require
from problems.problem import Problem

__all__ = ["End", "Record", "load_records", "quoted", "save_records", "versions"]


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    names = ("convergence-suite", "numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


@dataclass(frozen=True)
class End:
    """How a lane ended.

    Attributes:
        word: "completed", "diverged" or "stopped".
        step: For a diverged lane, the first step that was not finite; else 0.
    """

    word: Literal["completed", "diverged", "stopped"]
    step: int = 0

    @staticmethod
    def completed() -> End:
        """All steps were carried out."""
        return End("completed")

    @staticmethod
    def diverged(step: int) -> End:
        """The step was the first that is not finite."""
        return End("diverged", step)

    @staticmethod
    def stopped() -> End:
        """The run was interrupted."""
        return End("stopped")

    def __str__(self) -> str:
        return f"diverged at step {self.step}" if self.step else self.word


@dataclass(frozen=True, eq=False)
class Record:
    """A recorded run.

    Attributes:
        problem, rule, schedule: What was run; in place of a rule maybe another optimizer.
        steps: The number of rounds asked for.
        seeds: One for each lane.
        projection: "euclidean" or "metric".
        times: The recorded rounds T, increasing.
        series: By name, arrays of shape (lanes, rounds) for measures and (lanes, rounds, n) or
            (lanes, rounds, 1) for `iterate`, `state_...` and running totals. NaN from the
            first step on that was not finite.
        ends: How each lane ended.
    """

    problem: Problem
    rule: Rule | Opaque
    schedule: Schedule
    steps: int
    seeds: tuple[int, ...]
    projection: Literal["euclidean", "metric"]
    times: NDArray[np.int64]
    series: Mapping[str, NDArray[np.float64]]
    ends: tuple[End, ...]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A series by name.

        Raises:
            InputError: It was not recorded.
        """
        if name not in self.series:
            raise InputError(f"the record has no {name!r}; it has {', '.join(self.series)}")
        return self.series[name]

    def lane(self, number: int) -> Record:
        """The record of one lane, as a run with its seed alone leaves it."""
        return replace(
            self,
            seeds=self.seeds[number : number + 1],
            ends=self.ends[number : number + 1],
            series={name: values[number : number + 1] for name, values in self.series.items()},
        )

    @property
    def measures(self) -> list[str]:
        """Names of the series that hold one number per lane and round."""
        return [name for name, values in self.series.items() if values.ndim == 2]

    @property
    def last_iterate(self) -> NDArray[np.float64]:
        """Shape (lanes, n)."""
        return self.series["iterate"][:, -1]

    @property
    def end(self) -> str:
        """How the lanes ended, in words: "completed", "diverged at step 6", "3 of 100 diverged"."""
        words = [end.word for end in self.ends]
        if len(set(words)) == 1:
            first = min(self.ends, key=lambda end: end.step)
            return str(first) if len(words) == 1 or not first.step else f"all {first}"
        return ", ".join(
            f"{words.count(word)} of {len(words)} {word}" for word in dict.fromkeys(words)
        )

    def summary(self, measure: str) -> tuple[float, float, float]:
        """Median and the 10 % and 90 % quantiles over seeds, at the last recorded round.

        Raises:
            InputError: The measure was not recorded.
        """
        last = self[measure][:, -1]
        finite = last[np.isfinite(last)]
        if not finite.size:
            return (np.nan, np.nan, np.nan)
        middle, low, high = np.quantile(finite, [0.5, 0.1, 0.9])
        return float(middle), float(low), float(high)

    def to_json(self) -> dict[str, Any]:
        """Everything recorded, as plain values; what is not finite is None.

        Iterates of more than 16 coordinates are left out.
        """
        names = self.measures + (["iterate"] if self.problem.dimension <= 16 else [])
        return {
            **self._identity(),
            "end": self.end,
            "ends": [{"word": end.word, "step": end.step or None} for end in self.ends],
            "last_iterate": _plain(self.last_iterate) if "iterate" in names else None,
            "average_regret": _plain(self.series["average_regret"][:, -1])
            if "average_regret" in self.series
            else None,
            "bytes_per_parameter": self.bytes_per_parameter,
            "checksum": self.checksum,
            "command": self.command,
            "series": {name: _plain(self.series[name]) for name in names},
        }

    @property
    def bytes_per_parameter(self) -> int | None:
        """Memory of the rule's state; None of another optimizer."""
        return self.rule.bytes_per_parameter

    @property
    def command(self) -> str:
        """The command line that reproduces the run."""
        counted = self.seeds == tuple(range(len(self.seeds)))
        listed = f"[{','.join(map(str, self.seeds))}]"
        seeds = f" --seeds {len(self.seeds) if counted else listed}" if self.seeds != (0,) else ""
        metric = " --projection metric" if self.projection == "metric" else ""
        return (
            f"convergence run {quoted(self.problem.specification)} "
            f"-o {quoted(self.rule.specification)} "
            f"--schedule {quoted(self.schedule.specification)} --steps {self.steps}"
            f"{seeds}{metric}"
        )

    @property
    def checksum(self) -> str:
        """SHA-256 of what was run, how it ended and every recorded bit; not of versions."""
        digest = hashlib.sha256()
        digest.update(json.dumps(self._identity(), sort_keys=True).encode())
        for name in sorted(self.series):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.series[name], "<f8").tobytes())
        return digest.hexdigest()

    def _identity(self) -> dict[str, Any]:
        return {
            "problem": self.problem.specification,
            "rule": self.rule.specification,
            "schedule": self.schedule.specification,
            "steps": self.steps,
            "seeds": list(self.seeds),
            "projection": self.projection,
            "times": self.times.tolist(),
            "ends": [[end.word, end.step] for end in self.ends],
        }


def _plain(values: NDArray[np.float64]) -> Any:
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()


def quoted(specification: str) -> str:
    """The text as a shell would need it on a command line."""
    plain = all(c.isalnum() or c in "-_:=.,/" for c in specification)
    if plain:
        return specification
    return f'"{specification}"' if "'" in specification else f"'{specification}'"


def save_records(records: Sequence[Record], path: str | Path, command: str = "") -> None:
    """Write records to one file, whole or not at all.

    The file is a numpy archive whose entry `header` is JSON text: what was run, how it ended,
    the versions and the exact command. `load_records` reads it back; so does numpy alone.

    Raises:
        InputError: The file cannot be written.
    """
    header = {
        "format": "convergence-suite records 1",
        "command": command or (records[0].command if records else ""),
        "versions": versions(),
        "records": [
            {
                **record._identity(),
                "series": sorted(record.series),
                "checksum": record.checksum,
                "problem_sources": _own_sources(record.problem),
                "rule_sources": record.rule.entry.facts.get("sources_sha256"),
            }
            for record in records
        ],
    }
    arrays = {
        f"{number}/{name}": values
        for number, record in enumerate(records)
        for name, values in record.series.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
    write_whole(path, buffer.getvalue())


def _own_sources(problem: Problem) -> str | None:
    """SHA-256 of the file that a problem of one's own comes from; None for the catalogue's."""
    found = problem.entry.facts.get("sources_sha256") if problem.entry else None
    if found is None and problem.shows is not None:
        return _own_sources(problem.shows)
    return None if found is None else str(found)


def load_records(path: str | Path) -> list[Record]:
    """Read records back; problems, optimizers and schedules are built again.

    A warning tells of problems and optimizers whose own file has changed since the run.

    Raises:
        InputError: The file cannot be read, or is no file of records, or was altered.
    """
    try:
        # Opened here: numpy leaves a file that is no archive open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            require(isinstance(header, dict), f"{str(path)!r} has no header")
            require(
                header.get("format") == "convergence-suite records 1",
                f"{str(path)!r} has the format {header.get('format')!r}",
            )
            records = [
                Record(
                    problem=find_problem(item["problem"]),
                    rule=optimizer.find(item["rule"]),
                    schedule=schedules.find(item["schedule"]),
                    steps=item["steps"],
                    seeds=tuple(item["seeds"]),
                    projection=item["projection"],
                    times=np.array(item["times"], np.int64),
                    series={name: archive[f"{number}/{name}"] for name in item["series"]},
                    ends=tuple(End(word, step) for word, step in item["ends"]),
                )
                for number, item in enumerate(header["records"])
            ]
    except (OSError, LookupError, TypeError, ValueError, EOFError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r} is no file of records: {error}") from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{str(path)!r} is damaged: {error}") from error
    for record, item in zip(records, header["records"], strict=True):
        require(
            record.checksum == item["checksum"],
            f"{str(path)!r} was altered: the checksum of {item['rule']} differs",
        )
        sources = {
            "problem": _own_sources(record.problem),
            "rule": record.rule.entry.facts.get("sources_sha256"),
        }
        for part, digest in sources.items():
            if item.get(f"{part}_sources") != digest:
                warnings.warn(
                    f"{str(path)!r} was recorded with another version of {item[part]}",
                    stacklevel=2,
                )
    return records
