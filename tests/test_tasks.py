"""Work divided among workers: the same values however it is divided, and nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convergence import sources, tasks
from convergence.sources import key_of
from convergence.store import Store
from convergence.tasks import Pool, Task, carry_out
from problems.notation import InputError


def squared(numbers):
    return [{"square": number**2} for number in numbers]


def failing(number):
    if number == 3:
        raise ZeroDivisionError("three is no good")
    return [{"square": number**2}]


def killing(argument):
    _, number = argument
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"square": number**2}]


def killed_once(argument):
    folder, number = argument
    mark = Path(folder) / "killed"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"square": number**2}]


def some(count=9):
    return [
        Task(squared, (k, k + 100), (key_of("test", number=k), key_of("test", number=k + 100)))
        for k in range(count)
    ]


def done_by(pool, store, work=None, **how):
    return {done.number: done for done in carry_out(work or some(), pool=pool, store=store, **how)}


@pytest.mark.parametrize(
    "pool", [Pool(workers=1), Pool(workers=2), Pool("threads", 3), Pool("multiprocessing", 2)]
)
def test_every_backend_gives_the_same_values_and_stores_them(tmp_path, pool):
    found = done_by(pool, Store(tmp_path))
    assert {k: done.values for k, done in found.items()} == {
        k: [{"square": k**2}, {"square": (k + 100) ** 2}] for k in range(9)
    }
    assert not any(done.from_store for done in found.values())
    assert len(Store(tmp_path).stored()) == 18
    assert not list(tmp_path.glob("*.lock"))
    again = done_by(pool, Store(tmp_path))
    assert all(done.from_store for done in again.values())
    assert {k: list(done.values) for k, done in again.items()} == {
        k: list(done.values) for k, done in found.items()
    }


def test_what_is_damaged_is_computed_again(tmp_path):
    store = Store(tmp_path)
    done_by(Pool(workers=1), store)
    key = some()[4].keys[1]
    file = tmp_path / f"{key}.json"
    file.write_bytes(file.read_bytes()[:-1])
    again = done_by(Pool(workers=1), store)
    assert [k for k, done in again.items() if not done.from_store] == [4]
    assert store.get(key) == {"square": 104**2}


def test_some_may_be_computed_again(tmp_path):
    store = Store(tmp_path)
    done_by(Pool(workers=1), store)
    chosen = done_by(Pool(workers=1), store, again=lambda value: value["square"] == 4)
    assert [k for k, done in chosen.items() if not done.from_store] == [2]
    fresh = done_by(Pool(workers=1), store, fresh=True)
    assert not any(done.from_store for done in fresh.values())


@pytest.mark.parametrize("pool", [Pool(workers=1), Pool(workers=2), Pool("threads", 2)])
def test_an_error_is_handed_over_and_stops_nothing(tmp_path, pool):
    work = [Task(failing, k, (key_of("test", number=k),)) for k in range(6)]
    found = done_by(pool, Store(tmp_path), work)
    assert sorted(found) == list(range(6))
    assert [k for k, done in found.items() if done.error] == [3]
    assert str(found[3].error) == "ZeroDivisionError: three is no good"
    assert "failing" in "".join(found[3].error.__notes__)
    assert len(Store(tmp_path).stored()) == 5


@pytest.mark.slow
def test_a_killed_process_costs_no_other_task(tmp_path):
    work = [Task(killing, (str(tmp_path), k), (key_of("test", number=k),)) for k in range(6)]
    found = done_by(Pool(workers=2), Store(tmp_path), work)
    assert sorted(found) == list(range(6))
    assert [k for k, done in found.items() if done.error] == [3]
    assert "was killed each time" in str(found[3].error)


@pytest.mark.slow
def test_a_task_whose_process_was_killed_once_is_done_again(tmp_path):
    (tmp_path / "store").mkdir()
    work = [Task(killed_once, (str(tmp_path), k), (key_of("test", number=k),)) for k in range(6)]
    found = done_by(Pool(workers=2), Store(tmp_path / "store"), work)
    assert {k: done.values[0]["square"] for k, done in found.items()} == {k: k**2 for k in range(6)}


def test_what_was_computed_after_an_edit_is_stored_under_no_key(tmp_path):
    (tmp_path / "mine.py").write_text("1")
    store = Store(tmp_path)

    def keys_of(number):
        return (key_of("test", number=number, own=(tmp_path / "mine.py").read_text()),)

    def edited(number):
        if number == 1:
            (tmp_path / "mine.py").write_text("2")
        return [{"square": number**2}]

    work = [Task(edited, number, keys_of(number), keys_of) for number in range(3)]
    found = done_by(Pool(workers=1), store, work)
    assert sorted(found) == [0, 1, 2]
    assert store.stored() == [work[0].keys[0]]


def test_without_a_store_everything_is_computed(monkeypatch, tmp_path):
    found = done_by(Pool(workers=1), Store(None))
    assert len(found) == 9
    monkeypatch.setattr(sources.convergence, "IMPORTED_AT", 0.0)
    done_by(Pool(workers=1), Store(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_cannot_be_stored_is_still_handed_over(tmp_path, monkeypatch):
    def full(store, key, value):
        raise InputError("cannot write 'it': No space left on device")

    monkeypatch.setattr(tasks.Store, "put", full)
    with pytest.warns(UserWarning, match="not stored: .*No space left") as warned:
        found = done_by(Pool(workers=1), Store(tmp_path))
    assert len(found) == 9
    assert len(warned) == 1


def test_what_another_process_computes_is_waited_for(tmp_path):
    store, work = Store(tmp_path), some(3)
    seen = []
    with store.lock(work[1].keys[0]) as mine:
        assert mine
        for done in carry_out(work, pool=Pool(workers=1), store=store):
            seen.append((done.number, done.from_store))
            if len(seen) == 2:
                for key, value in zip(work[1].keys, squared(work[1].argument), strict=True):
                    store.put(key, value)
    assert seen == [(0, False), (2, False), (1, True)]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"workers": 0}, "workers=0 must be a whole number in 1..4096"),
        ({"workers": 10**30}, "must be a whole number in"),
        ({"workers": True}, "workers=True"),
        ({"backend": ""}, "backend='' must be"),
        ({"backend": "dask"}, "needs the address of a scheduler"),
        ({"scheduler": "tcp://x:1"}, "belongs to backend='dask', not 'processes'"),
    ],
)
def test_a_pool_that_cannot_be_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(InputError, match=sentence):
        Pool(**given)


def test_a_backend_that_does_not_exist_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="backend='nosuch' cannot be had: Invalid backend") as told:
        done_by(Pool("nosuch", 2), Store(tmp_path))
    assert "\n" not in str(told.value)


PARENT = """
import os, sys, time
from pathlib import Path
from convergence.sources import key_of
from convergence.store import Store
from convergence.tasks import Pool, Task, carry_out

def waiting(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    work = [Task(waiting, sys.argv[1], (key_of("x", n=n),)) for n in range(2)]
    list(carry_out(work, pool=Pool(workers=2), store=Store(None)))
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "pids").mkdir()
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "pids")],
        stderr=subprocess.DEVNULL,
    )
    while len(list((tmp_path / "pids").iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    deadline = time.monotonic() + 60
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.1)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
