"""The store: what is put comes back, what is damaged does not, and two processes share the work."""

import ast
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given

import convergence
from convergence import cache, sources, store
from convergence.sources import digest_of, key_of
from convergence.store import Store, array_of, as_text, open_store
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
    gone.sweep_up()


def test_without_a_folder_nothing_is_kept_and_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVERGENCE_STORE", str(tmp_path / "file" / "below"))
    with pytest.warns(UserWarning, match=r"nothing is stored in '.*below'.*CONVERGENCE_STORE"):
        nothing = open_store()
    nothing.put(KEY, VALUE)
    assert nothing.get(KEY) is None
    with nothing.lock(KEY) as mine:
        assert mine
    nothing.sweep_up()


def test_a_read_only_folder_keeps_nothing(tmp_path, monkeypatch):
    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    # As the system does, but to root: of modes of folders root takes no notice.
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    monkeypatch.setenv("CONVERGENCE_STORE", str(tmp_path))
    with pytest.warns(UserWarning, match="nothing is stored"):
        assert open_store().folder is None
    with pytest.raises(InputError, match=r"nothing can be stored in '.*': Permission denied"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("variable", "standard", "below", "folder"),
    [
        ("CONVERGENCE_STORE", "XDG_DATA_HOME", ".local/share", lambda: open_store().folder),
        ("CONVERGENCE_CACHE", "XDG_CACHE_HOME", ".cache", cache.cache_folder),
    ],
    ids=["results", "cache"],
)
def test_the_folder_follows_the_environment(
    tmp_path, monkeypatch, variable, standard, below, folder
):
    monkeypatch.setenv(variable, str(tmp_path / "named"))
    assert folder() == tmp_path / "named"
    monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(standard, str(tmp_path / "xdg"))
    assert folder() == tmp_path / "xdg" / "convergence-suite"
    for unset in ("", "relative"):
        monkeypatch.setenv(standard, unset)
        assert folder() == tmp_path / below / "convergence-suite"


def test_no_home_folder_keeps_nothing(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for name in ("CONVERGENCE_STORE", "CONVERGENCE_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache.Path, "home", homeless)
    with pytest.warns(UserWarning, match="nothing is stored .Could not determine home directory"):
        assert open_store().folder is None
    with pytest.warns(UserWarning, match="compiled code is not kept .Could not determine"):
        assert cache.cache_folder() is None


def test_the_ten_lines_of_the_docstring_read_a_result(tmp_path):
    values = np.array([[1.5, -0.0, np.inf], [np.nan, 5e-324, 1 / 3]])
    Store(tmp_path).put(KEY, {"word": "holds", "values": as_text(values)})
    lines = store.__doc__.split("without this program:\n\n")[1].split("\n\nThe folder")[0]
    program = textwrap.dedent(lines)
    assert len(program.splitlines()) <= 10
    page = Path(store.__file__).parent.parent / "docs" / "sweeps.md"
    assert f"```python\n{program.strip()}\n```" in page.read_text(encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / f"{KEY}.json")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "'word': 'holds'" in printed
    assert "5.0e-324" in printed or "4.94065646e-324" in printed


@given(hnp.arrays(np.float64, hnp.array_shapes(max_side=3)))
def test_arrays_come_back_with_the_same_bits(values):
    read = array_of(json.loads(json.dumps(as_text(values))))
    assert read.shape == values.shape
    assert read.tobytes() == values.tobytes()


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


def test_results_are_listed_and_removed_and_nothing_else_is(tmp_path):
    kept = Store(tmp_path)
    keys = sorted(key_of("test", number=number) for number in range(3))
    for key in keys:
        kept.put(key, {"number": 1})
    (tmp_path / "of-the-user.json").write_text("stays")
    assert kept.stored() == keys
    kept.remove(keys[1])
    kept.remove(keys[1])  # nothing is there any more
    assert kept.stored() == [keys[0], keys[2]]
    kept.sweep_up()
    assert len(list(tmp_path.iterdir())) == 3
    assert Store(None).stored() == []


def test_what_a_killed_process_left_behind_goes_after_a_day(tmp_path):
    names = [f"{KEY}.lock", f".{KEY}.json.x1y2"]
    for name in names:
        (tmp_path / name).write_text("")
    Store(tmp_path).sweep_up()
    assert len(list(tmp_path.iterdir())) == 2
    for name in names:
        aged(tmp_path / name, 100_000)
    Store(tmp_path).sweep_up()
    assert list(tmp_path.iterdir()) == []


def test_sources_edited_after_the_import_are_not_those_that_run(monkeypatch):
    assert sources.modules_are_loaded()
    monkeypatch.setattr(convergence, "IMPORTED_AT", 0.0)
    assert not sources.modules_are_loaded()


def test_a_file_belongs_to_its_package():
    assert sources.package_of(store.__file__) == "convergence"
    assert sources.package_of(__file__) == ""


def test_a_closure_holds_callees_of_callees_and_no_other_family():
    run = sources.closure(frozenset({"convergence.simulation"}))
    assert {"convergence.engines.printing", "convergence.printing", "problems.notation"} & set(run)
    assert {"convergence.expression", "problems.arithmetic", "problems.draws"} <= set(run)
    above = {"convergence.command", "convergence.cards", "problems.references", "convergence.claim"}
    assert not above & set(run)
    families = {"problems.quadratic", "problems.nonconvex", "convergence.claims.online"}
    assert not families & set(run)
    quadratic = set(sources.closure(frozenset({"problems.quadratic"})))
    assert {"problems.quadratic", "problems.matrix_product"} <= quadratic
    assert not {"problems.nonconvex", "problems.online"} & quadratic


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from problems import find", [("problems", ["find"])]),
        ("from convergence import rules\nrules.find('adam')", [("convergence.rules", ["find"])]),
        ("from convergence import rules\nuse(rules)", [("convergence.rules", None)]),
        ("import problems\nproblems.catalogue['x']", [("problems", ["catalogue"])]),
        ("def f():\n    from problems.online import x", [("problems.online", ["x"])]),
        ("import numpy", []),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import problems", []),
    ],
)
def test_imports_are_read_off_a_source(source, found):
    assert sources._imports(source) == found


def test_docstrings_and_comments_are_no_code():
    def code(text):
        return sources._code(ast.parse(text))

    plain = "def f(x):\n    'What it does.'\n    return x + 1\n"
    assert code(plain) == code("# Why.\n" + plain.replace("What it does.", "Otherwise said."))
    assert code(plain) != code(plain.replace("x + 1", "x + 2"))
    assert code("x = 'a'") != code("x = 'b'")


def test_versions_are_those_of_what_is_installed():
    found = sources.environment()
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
