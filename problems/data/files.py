"""Examples: the data that scikit-learn bundles, and files of yours in SVMlight or CSV format."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from problems.data.predictors import Linear, Matrix, Softmax
from problems.data.scores import LOGISTIC, POISSON, Score
from problems.notation import InputError, nearest, require

__all__ = [
    "breast_cancer",
    "diabetes",
    "digits",
    "linnerud",
    "of_csv",
    "of_svmlight",
    "read_csv",
    "read_svmlight",
]

Array = NDArray[np.float64]

# Bundled data. scikit-learn takes a second to import: only problems with its data pay for it.


def _standardised(values: Array) -> Array:
    """Each column with mean 0 and variance 1."""
    return (values - values.mean(axis=0)) / values.std(axis=0)


@functools.lru_cache(maxsize=16)
def breast_cancer(score: Score) -> Linear:
    """569 tumours, 30 standardised features; +1 is benign, -1 malignant."""
    from sklearn.datasets import load_breast_cancer

    data, target = load_breast_cancer(return_X_y=True)
    return Linear(_standardised(data), np.where(target == 1, 1.0, -1.0), score)


@functools.cache
def digits() -> Softmax:
    """1797 images of 8 x 8 grey values in [0, 1], ten classes."""
    from sklearn.datasets import load_digits

    data, target = load_digits(return_X_y=True)
    return Softmax(data / 16.0, target, 10)


@functools.cache
def _diabetes() -> tuple[Array, Array]:
    from sklearn.datasets import load_diabetes

    data, target = load_diabetes(return_X_y=True, scaled=False)
    return _standardised(data), _standardised(target)


@functools.lru_cache(maxsize=32)
def diabetes(score: Score) -> Linear:
    """442 patients, 10 features and the progress of the disease, all standardised."""
    return Linear(*_diabetes(), score)


@functools.cache
def linnerud() -> Linear:
    """Chin-ups of 20 men on an intercept and the standardised weight, waist and pulse."""
    from sklearn.datasets import load_linnerud

    exercises, physique = load_linnerud(return_X_y=True)
    features = np.concatenate([np.ones((len(physique), 1)), _standardised(physique)], axis=1)
    return Linear(features, exercises[:, 0], POISSON)


# Files of yours

# The mean square of a gradient is a sum of fourth powers of the data, which must be finite.
_LARGEST = 1e75
_TOO_LARGE = f"is beyond {_LARGEST:g} in size; squares of gradients would overflow"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from error


def read_svmlight(path: str | Path) -> tuple[Matrix, Array]:
    """Read a file in SVMlight / LIBSVM format.

    Args:
        path: Lines `label index:value index:value ...`, indices from 1 (or all from 0).

    Returns:
        Sparse features of shape (examples, n) and labels of shape (examples,).

    Raises:
        InputError: The file cannot be read or a line is malformed; the sentence names the line.
    """
    from sklearn.datasets import load_svmlight_file

    path = Path(path)
    lines = _bytes(path).splitlines(keepends=True)

    def load(count: int) -> tuple[Matrix, Array]:
        features, labels = load_svmlight_file(io.BytesIO(b"".join(lines[:count])))
        return sparse.csr_matrix(features), labels

    try:
        features, labels = load(len(lines))
    except (ValueError, OverflowError) as error:
        # Reading a beginning of the file fails from the first bad line on: bisect for it.
        good, bad = 0, len(lines)
        reason: Exception = error
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                load(middle)
                good = middle
            except (ValueError, OverflowError) as earlier:
                bad, reason = middle, earlier
        text = lines[bad - 1].decode("utf-8", "replace").strip()
        raise InputError(
            f"{str(path)!r}, line {bad}: {text[:60]!r} is not `label index:value ...` with "
            f"increasing indices ({reason})"
        ) from reason
    require(labels.size >= 2, f"{str(path)!r} holds {labels.size} examples; at least 2 are needed")
    of_entry = np.repeat(np.arange(labels.size), np.diff(features.indptr))
    for values, examples in ((features.data, of_entry), (labels, np.arange(labels.size))):
        wrong = ~(abs(values) <= _LARGEST)
        if wrong.any():
            first = int(wrong.argmax())
            what = f"the value {values[first]:g}, which {_TOO_LARGE}"
            if not np.isfinite(values[first]):
                what = "a value that is not finite"
            raise InputError(f"{str(path)!r}, example {examples[first] + 1} holds {what}")
    return features, labels


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the number of its (last) line."""
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text ({error})") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{str(path)!r}, line {reader.line_num}: {error}") from error


def _number(text: str, place: str) -> float:
    """A finite number of moderate size."""
    require(text.strip(), f"{place} is empty; every value must be a number")
    try:
        # Python also reads 1_000, which other programs do not.
        value = float("?" if "_" in text else text)
    except ValueError:
        raise InputError(f"{place}: {text[:60]!r} is not a number") from None
    require(np.isfinite(value), f"{place}: {text[:60]!r} is not finite")
    require(abs(value) <= _LARGEST, f"{place}: {text[:60]} {_TOO_LARGE}")
    return value


def read_csv(path: str | Path, target: str) -> tuple[Array, Array]:
    """Read a CSV file (RFC 4180: commas, quotes) whose first line names the columns.

    Args:
        path: The file, in UTF-8; every column must be numeric.
        target: The name of the column to be predicted; all others are features, in order.

    Returns:
        Features of shape (examples, n) and targets of shape (examples,).

    Raises:
        InputError: The file cannot be read, has no such column, a row of another length or a
            value that is no finite number; the sentence names line, column and value.
    """
    path = Path(path)
    file = repr(str(path))
    rows = _rows(path)
    _, header = next(rows, (0, []))
    names = [name.strip() for name in header]
    require(names, f"{file} is empty; its first line must name the columns")
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"{file} names the column {twice!r} twice")
    require(target in names, f"{file} has no column target={target!r}; {nearest(target, names)}")
    require(len(names) >= 2, f"{file} has the column {target!r} only; features are needed")
    table = []
    for line, row in rows:
        require(
            len(row) == len(names),
            f"{file}, line {line} has {len(row)} values for {len(names)} columns",
        )
        places = (f"{file}, line {line}, column {name!r}" for name in names)
        table.append([_number(*pair) for pair in zip(row, places, strict=True)])
    require(len(table) >= 2, f"{file} holds {len(table)} examples; at least 2 are needed")
    values = np.array(table)
    here = names.index(target)
    return np.ascontiguousarray(np.delete(values, here, axis=1)), values[:, here].copy()


def _stamp(path: Any) -> tuple[str, tuple[int, int]]:
    """The file, and what changes when it changes."""
    file = Path(str(path))
    require(file.is_file(), f"path={path!r} is not a file")
    status = file.stat()
    return str(file), (status.st_mtime_ns, status.st_size)


def _prepared(targets: Array, score: Score, of: str) -> Array:
    """Labels as +1 (the larger) and -1 for the logistic loss, else targets that vary."""
    classes = np.unique(targets)
    if score is LOGISTIC:
        require(
            classes.size == 2,
            f"{of} has {classes.size} different labels; logistic regression needs two",
        )
        return np.where(targets == classes[1], 1.0, -1.0)
    require(classes.size >= 2, f"{of} has the target {targets[0]:g} in every example")
    return targets


@functools.lru_cache(maxsize=8)
def _of_svmlight(path: str, stamp: tuple[int, int], score: Score) -> Linear:
    features, targets = read_svmlight(path)
    return Linear(features, _prepared(targets, score, repr(path)), score)


@functools.lru_cache(maxsize=8)
def _of_csv(path: str, stamp: tuple[int, int], target: str, score: Score) -> Linear:
    features, targets = read_csv(path, target)
    return Linear(features, _prepared(targets, score, f"column {target!r} of {path!r}"), score)


def of_svmlight(path: Any, score: Score) -> Linear:
    """The examples of an SVMlight file, read again if it has changed."""
    return _of_svmlight(*_stamp(path), score)


def of_csv(path: Any, target: Any, score: Score) -> Linear:
    """The examples of a CSV file, read again if it has changed."""
    return _of_csv(*_stamp(path), str(target), score)
