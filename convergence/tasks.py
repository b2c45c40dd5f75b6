"""Work that is divided among processes, threads or the machines of a cluster, each result stored.

A task is a function with an argument, and the keys under which its values are stored. `carry_out`
takes from the store what is there, computes the rest, and stores each value as soon as it has it:
whatever is killed at whatever moment, the same call computes only what is missing. Two calls at
once, in two terminals, share the work. Processes are joblib's (loky), a cluster is dask's; any
other backend that is registered with joblib will do.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convergence import sources
from convergence.store import Store, open_store
from problems.notation import InputError, require

__all__ = ["Done", "Pool", "Task", "carry_out", "values_of"]


@dataclass(frozen=True)
class Task:
    """A piece of work.

    Attributes:
        function: A function of a module, which makes of the argument one value for each key; values
            can be written as JSON.
        argument: It can be pickled, where the work is not done in this process.
        keys: Under which the values are stored; None for one that is not.
        keys_of: The keys of an argument, asked for again when the values are there: a file may have
            been edited meanwhile, and what was computed then belongs to no key.
    """

    function: Callable[[Any], Sequence[Any]]
    argument: Any
    keys: tuple[str | None, ...]
    keys_of: Callable[[Any], tuple[str | None, ...]] | None = None


@dataclass(frozen=True)
class Done:
    """What a task came to.

    Attributes:
        number: Of the task, in the order in which they were given.
        values: One for each key.
        from_store: Whether every value was there.
        error: Why there are no values, or None.
    """

    number: int
    values: Sequence[Any] = ()
    from_store: bool = False
    error: Exception | None = None


@dataclass(frozen=True)
class Pool:
    """Who does the work.

    Attributes:
        backend: "processes", "threads", "dask", or one registered with joblib, such as "ray".
        workers: How many; None for one per core. A cluster has as many as it has.
        scheduler: The address of a cluster of dask, "tcp://host:8786".

    Raises:
        InputError: There is no such backend, or a number is out of range.
    """

    backend: str = "processes"
    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        whole = type(self.workers) is int and 1 <= self.workers <= _MOST_WORKERS
        require(
            self.workers is None or whole,
            f"workers={self.workers!r} must be a whole number in 1..{_MOST_WORKERS}",
        )
        require(
            isinstance(self.backend, str) and self.backend,
            f"backend={self.backend!r} must be processes, threads, dask or one of joblib's",
        )
        require(
            self.scheduler is None or self.backend == "dask",
            f"scheduler={self.scheduler!r} belongs to backend='dask', not {self.backend!r}",
        )
        require(
            self.backend != "dask" or self.scheduler,
            "backend='dask' needs the address of a scheduler, such as tcp://localhost:8786",
        )

    def count(self, tasks: int) -> int:
        """How many workers so many tasks can have."""
        return max(1, min(self.workers or os.cpu_count() or 1, tasks))


_MOST_WORKERS = 4096
# A task that has taken its process down so many times is not tried again.
_TRIES = 3
# Seconds between two looks at what another process is computing.
_POLL = 0.2


def _never(value: Any) -> bool:
    return False


def _always(value: Any) -> bool:
    return True


def values_of(task: Task, store: Store, again: Callable[[Any], bool] = _never) -> list[Any] | None:
    """The values of a task, where all are stored, and none is to be computed again."""
    found = []
    for key in task.keys:
        value = None if key is None else store.get(key)
        if value is None or again(value):
            return None
        found.append(value)
    return found


def carry_out(
    tasks: Sequence[Task],
    *,
    pool: Pool | None = None,
    store: Store | None = None,
    fresh: bool = False,
    again: Callable[[Any], bool] = _never,
) -> Generator[Done, None, None]:
    """Do the work, and hand over each result when there is one, those from the store first.

    Args:
        tasks: What is to be done.
        pool: Who does it; by default a process for each core.
        store: Where values are kept; by default the user's store.
        fresh: Compute again what is stored.
        again: Which stored values are computed again.

    Yields:
        Each task once. Where a value cannot be stored, a warning says so, once.

    Raises:
        InputError: The backend cannot be had.
        KeyboardInterrupt: Ctrl-C was pressed; no worker goes on.
    """
    # A process that goes on after an edit computes by the old code.
    store = Store(None) if not sources.modules_are_loaded() else store or open_store()
    pool = pool or Pool()
    left = dict(enumerate(tasks))
    if not fresh:
        for number, task in enumerate(tasks):
            if (found := values_of(task, store, again)) is not None:
                del left[number]
                yield Done(number, found, from_store=True)
    refused = ""
    with contextlib.closing(_Work(left, pool, store, _always if fresh else again)) as work:
        for done in work:
            if done.error is None and not done.from_store:
                refused = refused or _stored(left[done.number], done.values, store)
            work.release(done.number)
            yield done
    if refused:
        warnings.warn(f"some results were not stored: {refused}", stacklevel=3)
    if left:
        store.sweep_up()


def _stored(task: Task, values: Sequence[Any], store: Store) -> str:
    """Store values; why they could not be, or ""."""
    if not sources.modules_are_loaded():
        return ""
    now = task.keys if task.keys_of is None else task.keys_of(task.argument)
    for key, current, value in zip(task.keys, now, values, strict=True):
        if key is not None and key == current:
            try:
                store.put(key, value)
            except InputError as error:
                return str(error)
    return ""


class _Work:
    """The tasks that are left, handed out as their locks are free."""

    def __init__(
        self, left: dict[int, Task], pool: Pool, store: Store, again: Callable[[Any], bool]
    ):
        self._pool, self._store, self._again = pool, store, again
        self._open = dict(left)
        self._held: dict[int, contextlib.ExitStack] = {}
        self._found: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._running: Any = None

    def __iter__(self) -> Iterator[Done]:
        while self._open:
            before = len(self._open)
            # Closed where the loop is left, so that its workers end.
            self._running = _carried_out(self._handed_out(), self._pool, len(self._open))
            for number, outcome in self._running:
                self._open.pop(number, None)
                error = outcome if isinstance(outcome, Exception) else None
                yield Done(number, () if error else outcome, error=error)
                yield from self._elsewhere()
            yield from self._elsewhere()
            if len(self._open) == before:
                time.sleep(_POLL)

    def _handed_out(self) -> Iterator[tuple[int, Task]]:
        """Tasks that nobody else computes now; what was finished elsewhere is laid aside."""
        for number, task in list(self._open.items()):
            if number not in self._open or number in self._held:
                continue
            held = contextlib.ExitStack()
            keys = [key for key in task.keys if key is not None]
            if not all(held.enter_context(self._store.lock(key, wait=False)) for key in keys):
                held.close()
                self._look(number, task)
                continue
            # Another process may have stored them since.
            if self._look(number, task):
                held.close()
                continue
            self._held[number] = held
            yield number, task

    def _look(self, number: int, task: Task) -> bool:
        values = values_of(task, self._store, self._again)
        if values is not None:
            self._found.put(Done(number, values, from_store=True))
        return values is not None

    def _elsewhere(self) -> Iterator[Done]:
        while not self._found.empty():
            done = self._found.get()
            if self._open.pop(done.number, None):
                yield done

    def release(self, number: int) -> None:
        """The values of a task are stored."""
        if held := self._held.pop(number, None):
            held.close()

    def close(self) -> None:
        """End the workers and free what is locked."""
        if self._running is not None:
            self._running.close()
        for number in list(self._held):
            self.release(number)


# Backends


def _one(function: Callable[[Any], Sequence[Any]], argument: Any) -> Sequence[Any] | Exception:
    """What a task comes to; an error is handed over, and does not stop the others."""
    try:
        return function(argument)
    except Exception as error:
        return _portable(error)


def _portable(error: Exception) -> Exception:
    """The error, in a form that another process can read."""
    if isinstance(error, InputError):
        return InputError(str(error))
    lines = traceback.format_exception(error)
    told = RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note("".join(lines))
    return told


def _numbered(
    number: int, task: Task, folder: str | None = None
) -> tuple[int, Sequence[Any] | Exception]:
    """A task and its number; in another process, in the folder in which files are named."""
    if folder is not None:
        # Elsewhere there may be none: then a file that is named is told to be missing.
        with contextlib.suppress(OSError):
            os.chdir(folder)
    return number, _one(task.function, task.argument)


_Outcomes = Iterator[tuple[int, Any]]


def _carried_out(tasks: Iterable[tuple[int, Task]], pool: Pool, most: int) -> _Outcomes:
    if pool.backend == "dask":
        return _by_dask(tasks, pool)
    if pool.backend in ("processes", "threads") and pool.count(most) == 1:
        return (_numbered(*each) for each in tasks)
    return _by_joblib(tasks, pool, most)


def _begin(parent: int) -> None:
    """What a worker process does first: it leaves Ctrl-C to its parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _by_joblib(tasks: Iterable[tuple[int, Task]], pool: Pool, most: int) -> _Outcomes:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError
    from joblib.parallel import get_active_backend

    names = {"processes": "loky", "threads": "threading"}
    own: dict[str, Any] = {}
    if pool.backend == "processes":
        own = {"initializer": _begin, "initargs": (os.getpid(),), "inner_max_num_threads": 1}
    in_flight: dict[int, Task] = {}
    here = None if pool.backend == "threads" else str(Path.cwd())

    def handed_out() -> Iterator[Any]:
        for number, task in tasks:
            in_flight[number] = task
            yield delayed(_numbered)(number, task, here)

    def outcomes(several: Iterable[Any], count: int) -> _Outcomes:
        try:
            with parallel_config(names.get(pool.backend, pool.backend), n_jobs=count, **own):
                backend, _ = get_active_backend()
                # Backends of others may hand over nothing before everything is done: little at a
                # time is then given to them.
                at_once = backend.supports_return_generator
                way = {"return_as": "generator_unordered"} if at_once else {}
                parallel = Parallel(pre_dispatch="2*n_jobs", batch_size=1, **way)
        except (ValueError, ImportError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"backend={pool.backend!r} cannot be had: {reason}") from error
        waiting = iter(several)
        groups: Iterator[Any] = iter([waiting])
        if not at_once:
            groups = iter(lambda: list(itertools.islice(waiting, 2 * count)), [])
        for group in groups:
            made = parallel(group)
            try:
                for number, outcome in made:
                    in_flight.pop(number, None)
                    yield number, outcome
            finally:
                if at_once:
                    made.close()

    try:
        yield from outcomes(handed_out(), pool.count(most))
    except TerminatedWorkerError:
        # A process was killed, perhaps for memory, and took the pool with it. Which task it had is
        # not known: each of those at work is tried again alone.
        for number, task in list(in_flight.items()):
            for _ in range(_TRIES - 1):
                try:
                    # Of one worker joblib would make none, but this process.
                    yield from outcomes([delayed(_numbered)(number, task, here)], 2)
                    break
                except TerminatedWorkerError:
                    continue
            else:
                yield number, RuntimeError("its process was killed each time, perhaps for memory")


def _by_dask(tasks: Iterable[tuple[int, Task]], pool: Pool) -> _Outcomes:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise InputError(
            "backend='dask' needs the package distributed: pip install 'convergence-suite[dask]'"
        ) from error
    try:
        client = Client(pool.scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"there is no scheduler of dask at {pool.scheduler!r}: {error}") from error
    with client:
        code, here = sources.source_checksum(), str(Path.cwd())
        finished = as_completed([], loop=client.loop, with_results=True, raise_errors=False)
        waiting, numbers = iter(tasks), {}

        def submit() -> bool:
            for number, task in waiting:
                future = client.submit(_by_the_same_code, code, here, number, task, pure=False)
                numbers[future.key] = number
                finished.add(future)
                return True
            return False

        cores = sum(client.ncores().values()) or 1
        for _ in range(4 * cores):
            if not submit():
                break
        for future, outcome in finished:
            number = numbers.pop(future.key)
            if future.status == "finished":
                yield outcome
            else:
                reason = outcome[1] if isinstance(outcome, tuple) else outcome
                yield number, RuntimeError(f"the cluster gave it up: {reason}")
            submit()


def _by_the_same_code(code: str, folder: str, number: int, task: Task) -> tuple[int, Any]:
    if sources.source_checksum() != code:
        return number, InputError("a worker of the cluster has other sources of this program")
    return _numbered(number, task, folder)
