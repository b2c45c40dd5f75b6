"""Sweeps: every cell once, the same bits however it is computed, and nothing lost."""

import csv
import io
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convergence.simulation import run
from convergence.store import Store, listed, open_store
from convergence.sweeps import cell_key, read_axis, status, sweep, tune
from convergence.tasks import Pool
from problems.notation import InputError, exact

GRID = {"alpha": "log(1e-3,1,4)", "beta2": [0.9, "99/100"]}
#: Scalar and compiled, drawn, and of several dimensions.
PROBLEMS = ["reddi-2018-thm1", "reddi-2018-stochastic", "noisy-quadratic"]


def small(store=None, pool=None, **how):
    given = {"grid": GRID, "seeds": 3, "store": store, "pool": pool or Pool(workers=1)}
    return sweep(PROBLEMS, ["adam", "sgd"], "inverse-sqrt", 40, **{**given, **how})


def marks(swept):
    return [cell.checksum for cell in swept.cells]


# Grids


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("alpha=[1,2,3]", "alpha", [1, 2, 3]),
        ("alpha=0.5", "alpha", [0.5]),
        ("alpha=log(1e-4,1,5)", "alpha", [1e-4, 1e-3, 1e-2, 0.1, 1]),
        ("alpha = log( 1/3 , 3 , 3 )", "alpha", [1 / 3, 1, 3]),
        ("C=lin(2,4,5)", "C", [2, 2.5, 3, 3.5, 4]),
        ("optimizer.beta1=[0,0.9]", "optimizer.beta1", [0, 0.9]),
        ("alpha=log(1,1,1)", "alpha", [1]),
    ],
)
def test_an_axis_is_read(text, name, values):
    assert read_axis(text) == (name, values)


def test_the_ends_of_a_range_are_exact_and_the_rest_can_be_typed():
    _, values = read_axis("alpha=log(1/3,7,25)")
    assert str(exact(values[0])) == "1/3"
    assert exact(values[-1]) == 7
    assert all(exact(value).denominator <= 10**8 for value in values[1:-1])
    assert len(set(values)) == 25


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("alpha", "is no axis; it must read name="),
        ("alpha=", "is no axis"),
        ("=[1]", "is no axis"),
        ("alpha=[]", "has no cells"),
        ("alpha=log(1,2)", "is no range"),
        ("alpha=log(1,2,3,4)", "is no range"),
        ("alpha=log(a,2,3)", "is no range"),
        ("alpha=log(1,2,0)", "has 0 values"),
        ("alpha=log(1,2,1.5)", "has 1.5 values"),
        ("alpha=log(0,2,3)", "needs positive ends"),
        ("alpha=log(1,2,1e9)", "must be a whole number in 1..10000"),
    ],
)
def test_an_axis_that_is_none_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_axis(text)


# Cells


def test_every_cell_has_the_bits_of_a_run_of_its_own():
    swept = small()
    # An optimizer without beta2 is run without it.
    assert len(swept.cells) == 3 * (4 * 2 + 4)
    for cell in swept.cells[::5]:
        record = run(cell.experiment)
        assert record.checksum == cell.checksum
        for name, values in cell.last.items():
            assert values.tobytes() == np.array(record[name][:, -1]).tobytes(), name


@pytest.mark.parametrize("pool", [Pool(workers=2), Pool("threads", 1), Pool("threads", 3)], ids=str)
def test_workers_and_backends_make_no_difference(tmp_path, pool):
    one = small(tmp_path / "one")
    other = small(tmp_path / "other", pool)
    assert other == one
    # Half of the cells by one, half by the other.
    for file in sorted((tmp_path / "one").glob("?" * 64 + ".json"))[::2]:
        file.unlink()
    mixed = small(tmp_path / "one", pool)
    assert mixed == one
    assert 0 < sum(cell.from_store for cell in mixed.cells) < len(mixed.cells)


def test_a_second_call_computes_nothing(tmp_path, monkeypatch):
    first = small(tmp_path)
    monkeypatch.setattr("convergence.sweeps.run_all", None)
    second = small(tmp_path)
    assert second == first
    assert all(cell.from_store for cell in second.cells)


def test_a_cell_does_not_depend_on_the_sweep_that_it_belongs_to(store_folder):
    wide = small()
    narrow = sweep("noisy-quadratic", "sgd@inverse-sqrt:alpha=1", steps=40, seeds=3)
    assert [cell.from_store for cell in narrow.cells] == [True]
    assert narrow.cells[0].checksum in marks(wide)
    other = sweep("noisy-quadratic", "sgd@inverse-sqrt:alpha=1", steps=40, seeds=4)
    assert [cell.from_store for cell in other.cells] == [False]


def test_damaged_and_half_written_cells_are_found_and_computed_again(tmp_path):
    first = small(tmp_path)
    files = sorted(tmp_path.glob("?" * 64 + ".json"))
    for number, file in enumerate(files[:6]):
        text = file.read_bytes()
        file.write_bytes(
            [b"", text[: len(text) // 2], text.replace(b"cell", b"sell", 1)][number % 3]
        )
    (tmp_path / f".{files[0].name}.x1y2").write_bytes(b"half")
    again = small(tmp_path)
    assert again == first
    assert sum(not cell.from_store for cell in again.cells) == 6


FAILS = """
import numpy as np
def fails(x, gradient, step_size, *, after=3):
    fails.calls = getattr(fails, "calls", 0) + 1
    if after < 100 and not fails_no_more():
        raise RuntimeError("it is broken")
    return x - step_size * gradient

def fails_no_more():
    from pathlib import Path
    return Path(__file__).with_name("mended").exists()
"""


def test_a_cell_that_fails_keeps_its_error_and_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(FAILS)

    def swept(**how):
        grid = {"after": [3, 1000], "alpha": [0.1, 0.2]}
        return sweep("quadratic", "mine.py::fails@constant", steps=5, grid=grid, store="s", **how)

    first = swept()
    assert [bool(cell.error) for cell in first.cells] == [True, True, False, False], first.cells
    assert "RuntimeError: it is broken" in first.cells[0].error
    failed = listed(Store(tmp_path / "s"), kind="failed")
    assert len(failed) == 2
    assert "quadratic -o mine.py@constant:alpha=0.1" in failed[0].text
    assert all(cell.from_store for cell in swept().cells)
    Path("mended").touch()
    assert [cell.from_store for cell in swept().cells] == [True] * 4
    again = swept(retry_failed=True)
    assert [cell.from_store for cell in again.cells] == [False, False, True, True]
    assert not any(cell.error for cell in again.cells)
    assert listed(Store(tmp_path / "s"), kind="failed") == []


def test_one_bad_cell_of_a_task_leaves_the_others_of_it():
    # A float64 cannot hold the sum of these squares; the others are run beside it.
    swept = sweep("quadratic", "sgd@constant", steps=5, grid={"alpha": [0.1, 1e300, 0.2]})
    assert [cell.diverged for cell in swept.cells] == [0, 1, 0]
    assert swept.cells[1].scores("suboptimality").tolist() == [math.inf]


def test_the_table_is_tidy():
    swept = small()
    rows = list(csv.DictReader(io.StringIO(swept.to_csv())))
    assert len(rows) == len(swept.rows) == sum(len(cell.seeds) for cell in swept.cells)
    first = rows[0]
    assert {"problem", "optimizer", "schedule", "alpha", "beta2", "seed", "end"} <= set(first)
    for row, plain in zip(rows, swept.rows, strict=True):
        number = plain["regret"]
        assert row["regret"] == "" if number is None else float(row["regret"]) == number
    frame = swept.to_pandas() if _pandas() else None
    assert frame is None or len(frame) == len(rows)


def _pandas():
    try:
        import pandas  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"grid": {"alpha": []}}, "at least one value"),
        ({"grid": {"alhpa": [1]}}, "'alhpa' is no parameter of these; did you mean alpha"),
        ({"grid": {"alpha": [-1.0]}}, "alpha=-1.0 of schedule inverse-sqrt must be a positive"),
        ({"grid": {"alpha": "log(1,2)"}}, "is no range"),
        ({"seeds": 0}, "seeds=0 must lie in"),
        ({"projection": "none"}, "projection='none'"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        small(**changes)
    with pytest.raises(InputError, match="at least one problem"):
        sweep([], "adam")


# Folders


def test_a_folder_holds_one_sweep_and_says_how_another_differs(tmp_path):
    small(tmp_path)
    with pytest.raises(InputError, match=r"holds another sweep: 36 of its cells .* and 36 cells"):
        small(tmp_path, seeds=4)
    with pytest.raises(InputError, match=r"it keeps all measures, and this one \['regret'\]"):
        small(tmp_path, measures=["regret"])
    (tmp_path / "sweep.json").write_text("[]")
    with pytest.raises(InputError, match="defines no sweep"):
        small(tmp_path)


def test_its_status_is_read_off_the_files(tmp_path):
    with pytest.raises(InputError, match="holds no sweep"):
        status(tmp_path)
    swept = small(tmp_path)
    now = status(tmp_path)
    assert (now.cells, now.done, now.failed) == (36, 36, 0)
    assert now.best == ""  # figures of several problems do not compare
    keys = [cell_key(cell.experiment, None) for cell in swept.cells]
    for key in keys[:30]:
        (tmp_path / f"{key}.json").unlink()
    assert status(tmp_path).done == 6
    for key in keys:
        (tmp_path / f"{key}.json").unlink(missing_ok=True)
    assert status(tmp_path) == type(now)(36, 0, 0, 0)


def test_progress_counts_every_cell_once():
    seen = []
    small(progress=seen.append)
    assert [now.done for now in seen] == list(range(1, 37))
    assert seen[-1].cells == 36
    assert seen[-1].seconds_left == 0
    assert "36 of 36 cells done, 0 failed" in str(seen[-1])
    grid = {"alpha": [0.01, 0.1]}
    swept = sweep("quadratic", "sgd@constant", steps=9, grid=grid, progress=seen.append)
    best = min(swept.cells, key=lambda cell: cell.median("suboptimality"))
    assert best.experiment.method_name in seen[-1].best


# Kills

SWEEP = """
import sys
from convergence.sweeps import sweep
from convergence.tasks import Pool
if __name__ == "__main__":
    sweep("reddi-2018-stochastic", ["adam", "amsgrad"], "inverse-sqrt", 6_000,
          grid={"alpha": "log(1e-3,1,12)", "beta2": [0.9, 0.99, 0.999]}, seeds=4,
          pool=Pool(workers=int(sys.argv[2])), store=sys.argv[1])
"""


def killed_at_random(tmp_path, kills, seed):
    """How many cells were there after each kill, and the checksums in the end."""
    (tmp_path / "go.py").write_text(SWEEP)
    folder, draw, counts = tmp_path / "s", random.Random(seed), []
    command = [sys.executable, "go.py", str(folder)]
    while len(counts) < kills:
        process = subprocess.Popen(
            [*command, str(draw.choice([1, 2]))],
            cwd=tmp_path,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        before = len(list(folder.glob("?" * 64 + ".json"))) if folder.exists() else 0
        goal = before + draw.randrange(0, 3)
        while process.poll() is None:
            there = len(list(folder.glob("?" * 64 + ".json"))) if folder.exists() else 0
            if there >= goal and (folder / "sweep.json").exists():
                time.sleep(draw.random() * 0.3)
                break
            time.sleep(0.01)
        # The parent alone, or with all of its workers.
        if draw.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        counts.append(len(list(folder.glob("?" * 64 + ".json"))))
        if counts[-1] == 72:  # begin anew, so that there is something to kill
            for file in list(folder.glob("?" * 64 + ".json"))[::2]:
                file.unlink()
    before = {path.name: path.read_bytes() for path in folder.glob("?" * 64 + ".json")}
    swept = sweep(
        "reddi-2018-stochastic",
        ["adam", "amsgrad"],
        "inverse-sqrt",
        6_000,
        grid={"alpha": "log(1e-3,1,12)", "beta2": [0.9, 0.99, 0.999]},
        seeds=4,
        pool=Pool(workers=1),
        store=folder,
    )
    assert sum(cell.from_store for cell in swept.cells) == len(before)
    # What was there is as it was: nothing half written, nothing computed twice.
    assert all((folder / name).read_bytes() == text for name, text in before.items())
    return counts, swept


def whole():
    return sweep(
        "reddi-2018-stochastic",
        ["adam", "amsgrad"],
        "inverse-sqrt",
        6_000,
        grid={"alpha": "log(1e-3,1,12)", "beta2": [0.9, 0.99, 0.999]},
        seeds=4,
        pool=Pool(workers=1),
    )


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_sweep_goes_on_where_it_was(tmp_path, kills):
    counts, swept = killed_at_random(tmp_path, kills, seed=kills)
    assert len(counts) == kills
    assert marks(swept) == marks(whole())


def test_two_sweeps_at_once_share_the_work(tmp_path):
    (tmp_path / "go.py").write_text(SWEEP)
    both = [
        subprocess.Popen([sys.executable, "go.py", "s", "1"], cwd=tmp_path, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300)[1] for process in both] == [b"", b""]
    assert [process.returncode for process in both] == [0, 0]
    assert status(tmp_path / "s").done == 72
    assert not list((tmp_path / "s").glob("*.lock"))


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"nothing can be stored in '.*file/below'"):
        small(tmp_path / "file" / "below")


# A cluster


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_bits_though_a_worker_is_killed(tmp_path, cluster):
    seen, killed = [], []

    def kill(now):
        seen.append(now)
        if not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    pool = Pool("dask", scheduler=cluster.scheduler_address)
    swept = small(tmp_path, pool, progress=kill)
    assert killed
    assert not any(cell.error for cell in swept.cells)
    assert marks(swept) == marks(small())


def test_a_scheduler_that_is_not_there_is_one_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def absent(*given, **how):
        raise OSError("Timed out trying to connect")

    monkeypatch.setattr(distributed, "Client", absent)
    with pytest.raises(InputError, match=r"no scheduler of dask at .*: Timed out"):
        small(pool=Pool("dask", scheduler="tcp://127.0.0.1:1"))


# Tuning


def test_tuning_takes_the_best_of_an_equal_budget_and_shows_other_seeds(tmp_path):
    found = tune(
        "noisy-quadratic", ["adam", "sgd"], "constant", 60, budget=5, seeds=3, store=tmp_path
    )
    assert [each.cells for each in found] == [5, 5]
    for each in found:
        assert each.measure == "suboptimality"
        assert each.held_out
        record = run(each.cell.experiment.changed(seeds=[3, 4, 5]))
        assert each.shown.tolist() == record["suboptimality"][:, -1].tolist()
        own = run(each.cell.experiment)["suboptimality"][:, -1]
        assert each.chosen == float(np.median(own))
    every = [1e-5, 3.16228e-4, 1e-2, 0.316228, 10]
    scores = [
        float(
            np.median(
                run("noisy-quadratic", "sgd", f"constant:alpha={alpha!r}", 60, seeds=3)[
                    "suboptimality"
                ][:, -1]
            )
        )
        for alpha in every
    ]
    best = np.nanargmin(scores)
    assert found[1].cell.settings["alpha"] == every[best]
    again = tune(
        "noisy-quadratic", ["adam", "sgd"], "constant", 60, budget=5, seeds=3, store=tmp_path
    )
    assert [each.to_json() for each in again] == [each.to_json() for each in found]


@pytest.mark.filterwarnings("default")
def test_a_best_value_at_the_end_is_told(cli):
    edge = tune("quadratic", "sgd", "constant", 20, budget=3, grid={"alpha": "log(1e-6,1e-4,2)"})
    assert edge[0].edges == ("alpha",)
    assert not edge[0].held_out
    result = cli(
        "sweep quadratic -o sgd --schedule constant --steps 20 --tune alpha --budget 3 "
        "--grid alpha=log(1e-6,1e-4,2) --workers 1"
    )
    assert "the best alpha of gradient-descent lies at the end of what was tried" in result.err
    inside = tune("quadratic", "sgd", "constant", 20, budget=9, grid={"alpha": [1e-4, 100]})
    assert inside[0].edges == ()


def test_an_optimizer_that_lacks_a_parameter_spends_its_budget_on_the_others():
    found = tune("quadratic", ["adam", "sgd"], "constant", 10, names=("alpha", "beta2"), budget=9)
    assert [each.cells for each in found] == [9, 9]
    assert sorted(found[0].cell.settings) == ["alpha", "beta2"]
    assert sorted(found[1].cell.settings) == ["alpha"]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"budget": 0}, "budget=0 must be"),
        ({"names": ("alpha", "beta2", "beta1"), "budget": 5}, "budget=5 is too small for"),
        ({"names": ("alhpa",)}, "has none of alhpa"),
        ({"seeds": [1, 2]}, r"seeds=\[1, 2\] must be a whole number"),
        ({"measure": "regret"}, "no 'regret'"),
        ({"grid": {"alpha": ["x"]}}, "must be numbers"),
    ],
)
def test_tuning_that_cannot_be_is_refused_in_a_sentence(how, sentence):
    with pytest.raises(InputError, match=sentence):
        tune("quadratic", "adam", "constant", 10, **{"budget": 4, **how})


# The command line


LINE = (
    "sweep reddi-2018-thm1 -o adam:beta1=0 --schedule inverse-sqrt --steps 50 --workers 1 "
    "--grid alpha=log(0.01,1,3) --grid beta2=[0.1,0.9] "
)


def test_the_command_writes_a_table_and_a_figure_and_goes_on(cli, tmp_path):
    first = cli(LINE + "--store s --csv t.csv --plot f.png")
    assert first.status == 0, first.err
    assert "6 cells: 6 computed, 0 from the store, 0 failed" in first.out
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 7
    assert (tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    again = cli(LINE + "--store s")
    assert "6 cells: 0 computed, 6 from the store" in again.out
    rows = json.loads(cli(LINE + "--store s --json").out)
    assert len(rows) == 6
    assert rows[0]["regret"] == pytest.approx(
        float((tmp_path / "t.csv").read_text().splitlines()[1].split(",")[-3])
    )
    assert "6 of 6 cells done" in cli("sweep --status s").out
    assert json.loads(cli("sweep --status s --json").out)["done"] == 6


def test_results_are_listed_exported_and_removed(cli, tmp_path):
    cli(LINE + "--store s")
    shown = cli("results --store s")
    assert "6 stored" in shown.out
    assert "1 completed" in shown.out
    assert "2 stored" in cli("results --store s --contains alpha=0.01").out
    assert cli("results --store s --export r.csv").out == "6 exported to r.csv\n"
    table = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert len(table) == 6
    assert {"problem", "regret_median"} <= set(table[0])
    assert cli("results --store s --export r.txt").status == 2
    assert cli("results --store s --kind nothing").status == 2
    file = next((tmp_path / "s").glob("?" * 64 + ".json"))
    file.write_text("nonsense")
    assert "1 removed" in cli("results --store s --kind damaged --remove").out
    assert "5 removed" in cli("results --store s --remove").out
    assert json.loads(cli("results --store s --json").out) == []
    assert open_store(tmp_path / "s").stored() == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("sweep", "needs a problem and -o"),
        ("sweep quadratic", "needs a problem and -o"),
        ("sweep quadratic -o adam --grid alpha=", "is no axis"),
        ("sweep quadratic -o adam --grid alpha=1 --grid alpha=2", "given twice"),
        ("sweep quadratic -o adam --schedule constant --grid alpha=[-1]", "positive number"),
        ("sweep quadratic -o adam --backend dask", "needs the address of a scheduler"),
        ("sweep --status nothing", "holds no sweep"),
        ("sweep quadratic rosenbrock -o adam --tune alpha", "--tune takes one problem"),
        ("sweep quadratic -o adam --steps 5 --plot f.xyz", "the suffix must be one of"),
        ("sweep quadratic -o adam --csv no/where.csv", "there is no folder"),
        ("verify --workers 0", "workers=0 must be"),
    ],
)
def test_bad_command_lines_are_one_sentence(cli, line, sentence):
    result = cli(line)
    assert result.status == 2
    assert sentence in " ".join(result.err.split())
    assert result.err.startswith("convergence: ")


def test_a_failed_cell_is_told_and_the_status_is_1(cli, tmp_path):
    (tmp_path / "mine.py").write_text(FAILS)
    result = cli(
        "sweep quadratic -o mine.py::fails@constant:alpha=0.1 --grid after=[3,1000] --steps 5 "
        "--workers 1"
    )
    assert result.status == 1
    assert "failed: quadratic -o mine.py@constant:alpha=0.1" in result.err
    assert "2 cells: 2 computed, 0 from the store, 1 failed" in result.out


def test_ctrl_c_says_what_is_stored_and_the_command_goes_on(tmp_path):
    line = (
        "sweep reddi-2018-stochastic -o adam --schedule inverse-sqrt --steps 2_000_000 --seeds 20"
    )
    words = [*line.split(), "--grid", "alpha=log(1e-3,1,24)", "--store", "s", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "s").glob("?" * 64 + ".json")):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.startswith("interrupted: ")
    assert err.endswith(" of 24 cells are stored; the same command goes on from there\n")
    assert 0 < status(tmp_path / "s").done < 24


COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored
from convergence.command import main
sys.argv[0] = "convergence"
main()
"""
