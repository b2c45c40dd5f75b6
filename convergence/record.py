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

from convergence.experiment import Experiment
from convergence.store import array_of, as_text
from problems.files import write_whole
from problems.notation import InputError, require
from problems.registry import Entry

__all__ = ["End", "Record", "load_records", "save_records", "versions"]


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
        experiment: What was run; its seeds are one for each lane.
        times: The recorded rounds T, increasing.
        series: By name, arrays of shape (lanes, rounds) for measures and (lanes, rounds, n) or
            (lanes, rounds, 1) for `iterate`, `state_...` and running totals. NaN from the
            first step on that was not finite.
        ends: How each lane ended.
    """

    experiment: Experiment
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
            experiment=self.experiment.changed(seeds=self.experiment.seeds[number : number + 1]),
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
        names = self.measures + (["iterate"] if self.experiment.problem.dimension <= 16 else [])
        return {
            "experiment": self.experiment.to_json(),
            "times": self.times.tolist(),
            "end": self.end,
            "ends": [{"word": end.word, "step": end.step or None} for end in self.ends],
            "last_iterate": _plain(self.last_iterate) if "iterate" in names else None,
            "average_regret": _plain(self.series["average_regret"][:, -1])
            if "average_regret" in self.series
            else None,
            "bytes_per_parameter": self.bytes_per_parameter,
            "checksum": self.checksum,
            "command": self.experiment.command,
            "series": {name: _plain(self.series[name]) for name in names},
        }

    def plain(self) -> dict[str, Any]:
        """Every bit of it, as values that can be written as JSON; `of_plain` reads them."""
        return {
            **self._identity(),
            "series": {name: as_text(values) for name, values in self.series.items()},
        }

    @classmethod
    def of_plain(cls, value: Mapping[str, Any]) -> Record:
        """The record of these values."""
        return cls(
            experiment=Experiment.from_json(value["experiment"]),
            times=np.array(value["times"], np.int64),
            series={name: array_of(each) for name, each in value["series"].items()},
            ends=tuple(End(word, step) for word, step in value["ends"]),
        )

    @property
    def bytes_per_parameter(self) -> int | None:
        """Memory of the rule's state; None of another optimizer."""
        return self.experiment.optimizer.bytes_per_parameter

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
            "experiment": self.experiment.to_json(),
            "times": self.times.tolist(),
            "ends": [[end.word, end.step] for end in self.ends],
        }


def _plain(values: NDArray[np.float64]) -> Any:
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()


def save_records(records: Sequence[Record], path: str | Path, command: str = "") -> None:
    """Write records to one file, whole or not at all.

    The file is a numpy archive whose entry `header` is JSON text: what was run, how it ended,
    the versions and the exact command. `load_records` reads it back; so does numpy alone.

    Raises:
        InputError: The file cannot be written.
    """
    header = {
        "format": "convergence-suite records 2",
        "command": command or (records[0].experiment.command if records else ""),
        "versions": versions(),
        "records": [
            {
                **record._identity(),
                "series": sorted(record.series),
                "checksum": record.checksum,
                **_own_sources(record.experiment),
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


def _own_sources(experiment: Experiment) -> dict[str, str | None]:
    """SHA-256 of the files that problem and optimizer come from; None for the catalogues'."""
    problem = experiment.problem
    while problem.shows is not None and not (problem.entry and _digest_in(problem.entry)):
        problem = problem.shows
    return {
        "problem_sources": _digest_in(problem.entry) if problem.entry else None,
        "optimizer_sources": _digest_in(experiment.optimizer.entry),
    }


def _digest_in(entry: Entry[Any]) -> str | None:
    found = entry.facts.get("sources_sha256")
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
                header.get("format") == "convergence-suite records 2",
                f"{str(path)!r} has the format {header.get('format')!r}",
            )
            records = [
                Record(
                    experiment=Experiment.from_json(item["experiment"]),
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
        name = record.experiment.names.optimizer
        require(
            record.checksum == item["checksum"],
            f"{str(path)!r} was altered: the checksum of {name} differs",
        )
        for part, digest in _own_sources(record.experiment).items():
            if item.get(part) != digest:
                changed = getattr(record.experiment.names, part.removesuffix("_sources"))
                warnings.warn(
                    f"{str(path)!r} was recorded with another version of {changed}",
                    stacklevel=2,
                )
    return records
