"""What a sweep costs: against loops over optax and jax, and beyond this machine.

python benchmarks/sweeps.py peers [--steps N]     25 x 5 settings x 100 seeds of Adam on 3, -1, -1
python benchmarks/sweeps.py scaling               writes scaling.md from what is measured here

Each competitor runs in processes of its own, in turns: *cold* is from the start of Python to the
last figure, with nothing kept from before, *warm* a second sweep in the same process, of other
settings. The peers are in the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ALPHAS, BETAS, SEEDS = 25, 5, 100
REPEATS = 3

_COMMON = """
import json, os, sys, time
begin = time.perf_counter()
steps, cores, alphas, betas, seeds = (int(word) for word in sys.argv[1:6])

def grid(shift):
    import numpy as np
    a = np.geomspace(1e-3, 1.0, alphas) * (1 + shift)
    b = np.linspace(0.9, 0.999, betas) - 1e-3 * shift
    return a, b

def told(make):
    make(0.0)
    cold = time.perf_counter() - begin
    again = time.perf_counter()
    found = make(0.1)
    print(json.dumps([cold, time.perf_counter() - again, float(found)]))
"""

#: As a user would: equal runs are carried out once, every cell is stored.
OURS = (
    _COMMON
    + """
if __name__ == "__main__":
    from convergence import Pool, sweep
    def make(shift):
        a, b = grid(shift)
        axes = {"alpha": a.tolist(), "beta2": b.tolist()}
        found = sweep("periodic-linear", "adam@inverse-sqrt", steps=steps, grid=axes, seeds=seeds,
                      measures=["average_regret"], pool=Pool(workers=cores))
        return sum(cell.median("average_regret") for cell in found.cells)
    told(make)
"""
)

#: Every lane carried out, though all seeds of a cell are the same run here.
OURS_ALL_LANES = (
    _COMMON
    + """
if __name__ == "__main__":
    from convergence import Experiment
    from convergence.simulation import Simulation
    def make(shift):
        a, b = grid(shift)
        cells = [Experiment("periodic-linear", f"adam:beta2={y!r}", f"inverse-sqrt:alpha={x!r}",
                            steps, seeds=seeds) for x in a.tolist() for y in b.tolist()]
        made = Simulation(cells, engine="compiled", workers=cores)
        made.advance(steps)
        return made.iterate.sum()
    told(make)
"""
)

_OPTAX = """
def scan_of(jax, optax):
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    slopes = jnp.array([3.0, -1.0, -1.0])
    def run(alpha, beta2):
        method = optax.adam(lambda count: alpha / jnp.sqrt(count + 1.0), b1=0.9, b2=beta2, eps=1e-8)
        def step(carry, t):
            x, state = carry
            updates, state = method.update(slopes[t % 3], state, x)
            return (jnp.clip(optax.apply_updates(x, updates), -1.0, 1.0), state), None
        start = jnp.zeros(())
        (x, _), _ = jax.lax.scan(step, (start, method.init(start)), jnp.arange(steps))
        return x
    return run
"""

#: A process for each core, each run one after the other by one compiled scan.
JOBLIB = (
    _COMMON
    + _OPTAX
    + """
KNOWN = {}
def cell(alpha, beta2):
    import jax, optax
    if not KNOWN:
        KNOWN["run"] = jax.jit(scan_of(jax, optax))
    return sum(float(KNOWN["run"](alpha, beta2)) for _ in range(seeds))

if __name__ == "__main__":
    from joblib import Parallel, delayed
    def make(shift):
        a, b = grid(shift)
        return sum(Parallel(n_jobs=cores)(delayed(cell)(x, y) for x in a for y in b))
    told(make)
"""
)

#: All lanes at once.
VMAP = (
    _COMMON
    + _OPTAX
    + """
if __name__ == "__main__":
    import jax, optax, numpy as np
    every = jax.jit(jax.vmap(scan_of(jax, optax)))
    def make(shift):
        a, b = grid(shift)
        x, y = (np.repeat(part.ravel(), seeds) for part in np.meshgrid(a, b, indexing="ij"))
        return every(x, y).block_until_ready().sum()
    told(make)
"""
)

COMPETITORS = {
    "ours, as a user would": OURS,
    "ours, every lane carried out": OURS_ALL_LANES,
    "joblib over optax in a compiled scan": JOBLIB,
    "one jax vmap over all lanes": VMAP,
}


def measured(program: str, steps: int, cores: int) -> tuple[float, float]:
    """Seconds cold and warm, with a cache and a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(program)
        environment = {
            **os.environ,
            "CONVERGENCE_CACHE": str(Path(folder) / "cache"),
            "CONVERGENCE_STORE": str(Path(folder) / "store"),
        }
        sizes = map(str, (steps, cores, ALPHAS, BETAS, SEEDS))
        done = subprocess.run(
            [sys.executable, str(path), *sizes],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    cold, warm, _ = json.loads(done.stdout.splitlines()[-1])
    return cold, warm


def peers(steps: int) -> None:
    cores = os.cpu_count() or 1
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMPETITORS}
    for _ in range(REPEATS):
        for name, program in COMPETITORS.items():
            taken[name].append(measured(program, steps, cores))
    best = {
        name: tuple(min(each) for each in zip(*all_, strict=True)) for name, all_ in taken.items()
    }
    theirs = [min(best[name][k] for name in list(COMPETITORS)[2:]) for k in (0, 1)]
    print(f"{ALPHAS} x {BETAS} settings x {SEEDS} seeds, {steps} steps, {cores} cores, {machine()}")
    print("| | cold, s | warm, s | better peer / it, cold | warm |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (cold, warm) in best.items():
        ratios = f"{theirs[0] / cold:.3g} | {theirs[1] / warm:.3g}"
        print(f"| {name} | {cold:.3g} | {warm:.3g} | {ratios} |")


def machine() -> str:
    from importlib.metadata import PackageNotFoundError, version

    found = [f"Python {platform.python_version()}"]
    for name in ("numpy", "numba", "joblib", "distributed", "jax", "optax"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


# Beyond this machine


def cell_seconds(steps: int, lanes: int) -> float:
    """Seconds of CPU for one cell of so many lanes, carried out with others of its structure."""
    from convergence import Experiment
    from convergence.simulation import run_all

    cells = [
        Experiment(
            "reddi-2018-stochastic", "adam", f"inverse-sqrt:alpha={k + 1}", steps, seeds=lanes
        )
        for k in range(8)
    ]
    run_all(cells, engine="compiled", measures=["average_regret"])
    taken = []
    for _ in range(REPEATS):
        begin = time.process_time()
        run_all(cells, engine="compiled", measures=["average_regret"])
        taken.append((time.process_time() - begin) / len(cells))
    return min(taken)


def nothing(argument: Any) -> list[dict[str, Any]]:
    return [{"kind": "failed"}]


def overhead(backend: str, workers: int, tasks: int, scheduler: str | None = None) -> float:
    """Seconds a task takes beside its work: a thousand tasks that do nothing, each stored."""
    from convergence.sources import key_of
    from convergence.store import Store
    from convergence.tasks import Pool, Task, carry_out

    work = [Task(nothing, k, (key_of("overhead", n=k),)) for k in range(tasks)]
    pool = Pool(backend, workers, scheduler)
    folder = tempfile.mkdtemp()
    try:
        list(carry_out(work[:8], pool=pool, store=Store(None)))  # workers start
        begin = time.perf_counter()
        list(carry_out(work, pool=pool, store=Store(Path(folder))))
        return (time.perf_counter() - begin) / tasks
    finally:
        shutil.rmtree(folder)


def swept_seconds(steps: int, cells: int, workers: int) -> float:
    """Seconds of a whole sweep, workers started."""
    from convergence import Pool, sweep

    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(REPEATS + 1):
            begin = time.perf_counter()
            sweep(
                "reddi-2018-stochastic",
                "adam@inverse-sqrt",
                steps=steps,
                grid={"alpha": [1 + k + 0.001 * turn for k in range(cells)]},
                seeds=LANES,
                measures=["average_regret"],
                pool=Pool(workers=workers),
                store=Path(folder) / str(turn),
            )
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])


LANES = 16
#: The sweep that is foreseen.
CELLS, STEPS = 10**6, 10**6


def scaling() -> None:
    cores = os.cpu_count() or 1
    per_step = {steps: cell_seconds(steps, LANES) for steps in (10**3, 10**4, 10**5, 10**6)}
    slope = (per_step[10**6] - per_step[10**5]) / (9 * 10**5)
    fixed = max(0.0, per_step[10**3] - slope * 10**3)
    costs = {
        "this process": overhead("processes", 1, 1_000),
        f"processes, {cores} workers": overhead("processes", cores, 1_000),
        f"threads, {cores} workers": overhead("threads", cores, 1_000),
    }
    try:
        from distributed import LocalCluster
    except ImportError:
        pass
    else:
        with LocalCluster(
            n_workers=cores, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster:
            name = f"dask, {cores} workers on this machine"
            costs[name] = overhead("dask", cores, 300, cluster.scheduler_address)
    handed = max(value for name, value in costs.items() if "dask" in name or "processes" in name)
    # What the parent spends on a cell: its names, its key twice, and its file.
    parent = swept_seconds(1, 256, 1) / 256
    checks = []
    for steps, cells, workers in (
        (10**4, 64, 1),
        (10**5, 64, 1),
        (10**6, 32, 1),
        (10**6, 32, cores),
    ):
        foreseen = cells * (parent + slope * steps / workers)
        checks.append((steps, cells, workers, foreseen, swept_seconds(steps, cells, workers)))
    lines = [
        "# Past this machine",
        "",
        f"Written by `python benchmarks/sweeps.py scaling` on {cores} cores, {machine()}.",
        "A cell is Adam on `reddi-2018-stochastic` with "
        f"{LANES} seeds; its cost is CPU time of one core.",
        "",
        "| steps | seconds a cell | ns a step of a lane |",
        "| ---: | ---: | ---: |",
    ]
    lines += [
        f"| {steps:,} | {seconds:.3g} | {seconds / steps / LANES * 1e9:.3g} |"
        for steps, seconds in per_step.items()
    ]
    lines += [
        "",
        f"That is {fixed * 1e3:.2g} ms a cell, {parent * 1e3:.2g} with its key and its file, and "
        f"{slope / LANES * 1e9:.3g} ns a step of a lane.",
        "",
        "| who does the work | ms a task beside it, stored |",
        "| --- | ---: |",
        *(f"| {name} | {seconds * 1e3:.3g} |" for name, seconds in costs.items()),
        "",
        "The parent hands tasks out one after the other and stores what comes back, so that this "
        "is what bounds a sweep on many cores. A task holds up to 64 cells and takes up to 5 s.",
        "",
        f"## {CELLS:,} cells of {STEPS:,} steps",
        "",
        "| cores | cells, hours | handing out and storing, hours | in all, hours |",
        "| ---: | ---: | ---: | ---: |",
    ]
    each = fixed + slope * STEPS
    for count in (1, 32, 1_000):
        work, waiting = CELLS * each / count, CELLS * (handed + parent)
        lines.append(
            f"| {count:,} | {work / 3600:,.3g} | {waiting / 3600:.2g} | "
            f"{max(work, waiting) / 3600:,.3g} |"
        )
    lines += [
        "",
        "With a task for each cell, as they take longer than 5 s together. The larger of the two "
        "columns counts: one goes on beside the other.",
        "",
        "## The prediction, where it can be checked",
        "",
        "| steps | cells | workers | foreseen, s | taken, s | ratio |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {steps:,} | {cells} | {workers} | {foreseen:.3g} | {took:.3g} | {took / foreseen:.2f} |"
        for steps, cells, workers, foreseen, took in checks
    ]
    lines += [
        "",
        "Foreseen is what the parent spends on every cell, and the steps divided among workers.",
        "What is taken beyond it is the start of the pool, and one worker that ends last. A sweep "
        "of which numpy makes less than two seconds is not compiled, as the first one here.",
        "",
    ]
    (HERE / "scaling.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("peers", "scaling"))
    parser.add_argument("--steps", type=int, default=100_000)
    given = parser.parse_args()
    peers(given.steps) if given.what == "peers" else scaling()


if __name__ == "__main__":
    main()
