"""The store: what is put comes back, what is damaged does not, and two processes share the work."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import convergence
from convergence import store
from convergence.store import Store, digest_of, key_of, open_store
from problems.notation import InputError

KEY = key_of("test", number=1)
VALUE = {"word": "holds", "ratio": 0.1 + 0.2, "none": None, "list": [1, 2.5e-300]}


def test_a_key_depends_on_every_part_and_not_on_their_order():
    assert key_of("a", x=1, y=[2]) == key_of("a", y=[2], x=1)
    others = [key_of("b", x=1), key_of("a", x=2), key_of("a", y=1), key_of("a", x="1"), KEY]
    assert len({key_of("a", x=1), *others}) == 6
    assert len(KEY) == 64


def test_what_is_put_comes_back_with_the_same_bits(tmp_path):
    kept = Store(tmp_path)
    assert kept.get(KEY) is None
    kept.put(KEY, VALUE)
    assert kept.get(KEY) == VALUE
    kept.put(KEY, {"not finite": [math.inf, math.nan]})
    infinite, nan = kept.get(KEY)["not finite"]
    assert infinite == math.inf
    assert math.isnan(nan)
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.json"]


def changed(text):
    return text.replace(b"holds", b"fails")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: b"",
        lambda text: text + b" ",
        lambda text: b"\xff\xfe\x00",
        lambda text: text.partition(b"\n")[2],
        changed,
    ],
)
def test_a_damaged_file_is_no_value_and_can_be_replaced(tmp_path, damage):
    kept = Store(tmp_path)
    kept.put(KEY, VALUE)
    file = tmp_path / f"{KEY}.json"
    file.write_bytes(damage(file.read_bytes()))
    assert kept.get(KEY) is None
    kept.put(KEY, VALUE)
    assert kept.get(KEY) == VALUE


def test_a_checksum_over_what_is_not_json_is_no_value(tmp_path):
    text = "{"
    (tmp_path / f"{KEY}.json").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
    assert Store(tmp_path).get(KEY) is None


def test_a_folder_in_place_of_a_file_is_no_value(tmp_path):
    (tmp_path / f"{KEY}.json").mkdir()
    assert Store(tmp_path).get(KEY) is None
    with pytest.raises(InputError, match="cannot write"):
        Store(tmp_path).put(KEY, VALUE)


def test_a_folder_that_is_gone_refuses_a_value_and_hinders_no_work(tmp_path):
    gone = Store(tmp_path / "gone")
    assert gone.get(KEY) is None
    with pytest.raises(InputError, match="cannot write"):
        gone.put(KEY, VALUE)
    with gone.lock(KEY, wait=False) as mine:
        assert mine
    gone.prune()


def test_without_a_folder_nothing_is_kept_and_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path / "file" / "below"))
    with pytest.warns(UserWarning, match=r"nothing is stored in '.*below'.*CONVERGENCE_CACHE"):
        nothing = open_store()
    nothing.put(KEY, VALUE)
    assert nothing.get(KEY) is None
    with nothing.lock(KEY) as mine:
        assert mine
    nothing.prune()


def test_a_read_only_folder_keeps_nothing(tmp_path, monkeypatch):
    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    # As the system does, but to root: of modes of folders root takes no notice.
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path))
    with pytest.warns(UserWarning, match="nothing is stored"):
        assert open_store().folder is None


def test_the_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path / "named"))
    assert open_store().folder == tmp_path / "named"
    monkeypatch.delenv("CONVERGENCE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert open_store().folder == tmp_path / "xdg" / "convergence-suite"
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert open_store().folder == tmp_path / ".cache" / "convergence-suite"


def test_no_home_folder_keeps_nothing(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CONVERGENCE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(store.Path, "home", homeless)
    with pytest.warns(UserWarning, match="Could not determine home directory"):
        assert open_store().folder is None


def test_a_lock_is_held_by_one_and_leaves_no_file(tmp_path):
    kept = Store(tmp_path)
    with kept.lock(KEY) as mine:
        assert mine
        with kept.lock(KEY, wait=False) as second:
            assert not second
        with kept.lock(key_of("test", number=2), wait=False) as other:
            assert other
    assert list(tmp_path.iterdir()) == []
    with kept.lock(KEY, wait=False) as again:
        assert again


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path):
    kept = Store(tmp_path)
    with kept.lock(KEY):
        (tmp_path / f"{KEY}.lock").unlink()
        with kept.lock(KEY, wait=False) as second:
            assert second
            assert (tmp_path / f"{KEY}.lock").exists()


COMPUTE = """
import sys, time
from pathlib import Path
from convergence.store import Store
folder, key = Path(sys.argv[1]), sys.argv[2]
store = Store(folder / "store")
(folder / f"ready-{sys.argv[3]}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.01)
with store.lock(key):
    value = store.get(key)
    if value is None:
        with (folder / "computed").open("a") as file:
            file.write("once\\n")
        time.sleep(0.3)
        store.put(key, {"by": sys.argv[3]})
        value = store.get(key)
print(value["by"])
"""


def test_two_processes_at_once_compute_a_value_once(tmp_path):
    (tmp_path / "store").mkdir()
    both = [
        subprocess.Popen(
            [sys.executable, "-c", COMPUTE, str(tmp_path), KEY, name],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    printed = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(printed) == 1
    assert (tmp_path / "computed").read_text() == "once\n"


HOLD = """
import sys, time
from pathlib import Path
from convergence.store import Store
with Store(Path(sys.argv[1])).lock(sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), KEY], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    kept = Store(tmp_path)
    with kept.lock(KEY, wait=False) as mine:
        assert not mine
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=120)
    with kept.lock(KEY) as mine:
        assert mine


def aged(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_the_oldest_go_when_there_are_too_many(tmp_path):
    kept = Store(tmp_path)
    keys = [key_of("test", number=number) for number in range(9)]
    for age, key in enumerate(keys):
        kept.put(key, age)
        aged(tmp_path / f"{key}.json", 1000 - age)
    (tmp_path / "of-the-user.json").write_text("stays")
    assert kept.get(keys[0]) == 0  # asking makes it young again
    kept.prune(most=9)
    assert len(list(tmp_path.iterdir())) == 10
    kept.prune(most=8)
    left = [key for key in keys if kept.get(key) is not None]
    assert left == [keys[0], *keys[4:]]
    assert (tmp_path / "of-the-user.json").exists()


def test_what_a_killed_process_left_behind_goes_after_a_day(tmp_path):
    names = [f"{KEY}.lock", f".{KEY}.json.x1y2"]
    for name in names:
        (tmp_path / name).write_text("")
    Store(tmp_path).prune()
    assert len(list(tmp_path.iterdir())) == 2
    for name in names:
        aged(tmp_path / name, 100_000)
    Store(tmp_path).prune()
    assert list(tmp_path.iterdir()) == []


def test_every_file_of_the_packages_counts_as_a_source():
    home = Path(convergence.__file__).parent.parent
    files = {path.relative_to(home).as_posix() for path in store._package_files()}
    assert {"problems/references.bib", "convergence/rules/gradient.py"} <= files
    assert not [name for name in files if "__pycache__" in name]
    assert store.package_of(store.__file__) == "convergence"
    assert store.package_of(__file__) == ""


def test_sources_edited_after_the_import_are_not_those_that_run(monkeypatch):
    assert store.sources_are_loaded()
    monkeypatch.setattr(convergence, "IMPORTED_AT", 0.0)
    assert not store.sources_are_loaded()


def test_versions_are_those_of_what_is_installed():
    found = store.environment()
    assert {"python", "numpy", "scipy", "machine"} <= found.keys()
    json.dumps(found)


def test_a_digest_sees_names_and_contents(tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("1")
    second.write_text("2")
    before = digest_of([first, second])
    assert digest_of([second, first]) == before
    assert digest_of([first]) != before
    second.write_text("23")
    assert digest_of([first, second]) != before
    with pytest.raises(OSError, match="gone"):
        digest_of([tmp_path / "gone.py"])
