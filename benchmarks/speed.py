"""How fast the engines are, as ratios against peers that take turns with them in the same run.

python benchmarks/speed.py [--quick] [--only PATTERN] [--output FILE] [--figure FILE]

`make bench` sets up the peers in an environment of their own and runs it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import peers
from peers import ALPHA, MissingError
from threadpoolctl import threadpool_limits

from convergence import find_problem, find_rule, find_schedule
from convergence.experiment import Experiment
from convergence.simulation import Engine, Simulation

HERE = Path(__file__).resolve().parent
SCHEDULE = f"inverse-sqrt:alpha={ALPHA}"
SLOPES = "periodic-linear"
HINGES = "periodic-hinge"
LANES = 1024
#: Measurements of each competitor; the fastest of each counts.
REPEATS = 5
#: Steps after which bits are compared too: at last the iterate often is an end of [-1, 1].
BITS_AT = (5, 11, 31, 101, 301, 1001, 20_000, 50_000)
#: Rules on many lanes against C: the least ratio wanted. Corrected moments gain more.
RULES = {
    "adam": 1.4,
    "adamw": 1.4,
    "amsgrad": 1.4,
    "adamax": 1.4,
    "nadam:momentum=constant": 1.4,
    "rmsprop": 1.0,
    "adagrad": 1.0,
    "heavy-ball": 1.0,
    "signum": 1.0,
    "lion": 1.0,
    "gradient-descent": 1.0,
}

Prepare = Callable[[], Callable[[], Any]]


@dataclass
class Row:
    """One line of the table.

    Attributes:
        work: What is done.
        peer: By whom else.
        unit: Of what the times are given: "step", or "lane-step" (a step of one lane).
        target: The ratio wanted.
        sense: Whether at least or at most the target is wanted.
        ours: Nanoseconds per unit; None if it was not measured.
        theirs: Nanoseconds per unit of the peer.
        ratio: theirs / ours, or ours / theirs where at most the target is wanted.
        middle: The same ratio of medians rather than of the fastest.
        unflushed: The ratio, had C not counted subnormal numbers as 0 (see adam.c).
        same_bits: Whether the iterates are the same bits, finally and on the way, where that can
            be asked.
        remark: Why it was not measured, and what else the row should say.
    """

    work: str
    peer: str
    unit: str
    target: float
    sense: Literal["at least", "at most"] = "at least"
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    middle: float | None = None
    unflushed: float | None = None
    same_bits: bool | None = None
    remark: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        if self.ratio is None:
            return None
        return self.ratio >= self.target if self.sense == "at least" else self.ratio <= self.target


# Timing


def race(competitors: Mapping[str, Prepare], repeats: int) -> dict[str, tuple[list[float], Any]]:
    """Seconds of every repeat and the last result of each competitor; they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    results: dict[str, Any] = {}
    for turn in range(repeats):
        for name, prepare in competitors.items():
            action = prepare()
            begin = time.perf_counter()
            result = action()
            seconds[name].append(time.perf_counter() - begin)
            if turn == repeats - 1:
                results[name] = result
    return {name: (seconds[name], results[name]) for name in competitors}


def ready(action: Callable[[], Any]) -> Prepare:
    """A competitor that needs no preparation before every repeat."""
    return lambda: action


def ours(problem: str, rule: str, schedule: str, steps: int, lanes: int, engine: Engine) -> Prepare:
    """A run of this suite. It is set up, and compiled where it is, before the time is taken."""
    parts = find_problem(problem), find_rule(rule), find_schedule(schedule)

    def start() -> Simulation:
        return Simulation(Experiment(*parts, steps), seeds=range(lanes), engine=engine)

    def prepare() -> Callable[[], Any]:
        simulation = start()

        def action() -> Any:
            simulation.advance(steps)
            return simulation.iterate

        return action

    # Two programs may be compiled: the second once nothing is corrected any more.
    start().advance(min(steps, 50_000 if lanes == 1 or engine == "compiled" else 3))
    return prepare


def needs_numba() -> None:
    if importlib.util.find_spec("numba") is None:
        raise MissingError("no numba")


@cache
def c_peer() -> peers.C:
    return peers.C()


def agree(
    own: Callable[[int], Prepare], others: Callable[[int], Mapping[str, Callable[[], Any]]]
) -> bool:
    """Whether all forms give the same bits after some numbers of steps."""
    for steps in BITS_AT:
        mine = np.ravel(own(steps)()())
        if not all(np.array_equal(mine, np.ravel(other())) for other in others(steps).values()):
            return False
    return True


def compare(
    row: Row,
    own: Prepare,
    own_units: float,
    others: Mapping[str, Callable[[], Any]],
    other_units: float,
    repeats: int,
    bits: bool | None = None,
) -> Row:
    """Fill in a row; of several forms of the peer the fastest counts."""
    timed = race({"ours": own, **{n: ready(a) for n, a in others.items()}}, repeats)
    mine, result = timed.pop("ours")
    best = min(timed, key=lambda name: min(timed[name][0]))
    theirs, found = timed[best]
    row.ours = min(mine) / own_units * 1e9
    row.theirs = min(theirs) / other_units * 1e9
    row.ratio = row.theirs / row.ours
    row.middle = (statistics.median(theirs) / other_units) / (statistics.median(mine) / own_units)
    if row.sense == "at most":
        row.ratio, row.middle = 1 / row.ratio, 1 / row.middle
    if bits is not None:
        row.same_bits = bits and all(
            np.array_equal(np.ravel(result), np.ravel(other)) for _, other in timed.values()
        )
    plain = [min(taken) for name, (taken, _) in timed.items() if "flushed" not in name]
    if len(plain) < len(timed):
        row.unflushed = min(plain) / other_units * 1e9 / row.ours
    row.details["peer ns, by form"] = {
        name: min(taken) / other_units * 1e9 for name, (taken, _) in timed.items()
    }
    if row.sense == "at least":
        row.details["final, ours and peer"] = [float(np.ravel(x)[0]) for x in (result, found)]
    return row


# The rows


@dataclass(frozen=True)
class Sizes:
    """Steps of the rows."""

    one: int = 10_000_000
    many: int = 1_000_000
    optax_one: int = 10_000_000
    optax_many: int = 30_000
    torch: int = 100_000
    logistic: int = 500
    quadratic: int = 20
    growth: tuple[int, ...] = (10**5, 10**6, 10**7, 10**8)
    growth_lanes: int = 100_000
    repeats: int = REPEATS

    @staticmethod
    def quick() -> Sizes:
        return Sizes(
            1_000_000, 100_000, 1_000_000, 3_000, 10_000, 50, 4, (10**5, 10**6, 10**7), 5_000, 3
        )


def adam_alone(sizes: Sizes) -> Row:
    row = Row("Adam, 3x, -x, -x, one run", "C", "step", 2.0)
    needs_numba()
    n = sizes.one
    own = partial(ours, SLOPES, "adam", SCHEDULE, lanes=1, engine="compiled")
    peer = partial(c_peer().one, "adam")
    same = agree(own, peer)
    return compare(row, own(n), n, peer(n), n, sizes.repeats, same)


def adam_alone_hinge(sizes: Sizes) -> Row:
    row = Row("Adam, hinges, one run", "C", "step", 1.0)
    needs_numba()
    n = sizes.one
    own = partial(ours, HINGES, "adam", SCHEDULE, lanes=1, engine="compiled")
    peer = partial(c_peer().one, "adam_hinge")
    same = agree(own, peer)
    return compare(row, own(n), n, peer(n), n, sizes.repeats, same)


def against_c(problem: str, name: str, rule: str, target: float) -> Callable[[Sizes], Row]:
    def measured(sizes: Sizes) -> Row:
        losses = "3x, -x, -x" if problem == SLOPES else "hinges"
        row = Row(f"{rule}, {losses}, {LANES} lanes", "C, in blocks", "lane-step", target)
        needs_numba()
        n = sizes.many
        own = partial(ours, problem, rule, SCHEDULE, lanes=LANES, engine="compiled")
        units = n * LANES
        # These take seconds.
        repeats = max(3, sizes.repeats - 2)
        peer = partial(c_peer().lanes, name, lanes=LANES)
        same = agree(own, peer)
        return compare(row, own(n), units, peer(n), units, repeats, same)

    return measured


def adam_optax(sizes: Sizes) -> Row:
    row = Row("Adam, 3x, -x, -x, one run", "optax in lax.scan", "step", 7.0)
    needs_numba()
    n, k = sizes.one, sizes.optax_one
    peer = peers.optax_adam(k, None)
    own = ours(SLOPES, "adam", SCHEDULE, n, 1, "compiled")
    return compare(row, own, n, {"optax": peer}, k, 3)


def many_optax(problem: str) -> Callable[[Sizes], Row]:
    def measured(sizes: Sizes) -> Row:
        losses = "3x, -x, -x" if problem == SLOPES else "hinges"
        row = Row(f"Adam, {losses}, {LANES} lanes", "optax in lax.scan, vmap", "lane-step", 3.0)
        needs_numba()
        n, k = sizes.many, sizes.optax_many
        peer = peers.optax_adam(k, LANES, hinges=problem == HINGES)
        own = ours(problem, "adam", SCHEDULE, n, LANES, "compiled")
        return compare(row, own, n * LANES, {"optax": peer}, k * LANES, 3)

    return measured


def adam_torch(sizes: Sizes) -> Row:
    row = Row("Adam, 3x, -x, -x, one run", "torch.optim.Adam, eager", "step", 1000.0)
    needs_numba()
    n, k = sizes.one, sizes.torch
    peer = peers.torch_adam(k)
    own = ours(SLOPES, "adam", SCHEDULE, n, 1, "compiled")
    return compare(row, own, n, {"torch": peer}, k, 2)


def logistic(sizes: Sizes) -> Row:
    batch, seeds, alpha, n = 16, 256, 0.01, sizes.logistic
    row = Row(
        f"Adam, logistic regression, batches of {batch}, {seeds} seeds",
        "optax in lax.scan, vmap",
        "lane-step",
        1.5,
    )
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    features = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    peer = peers.optax_logistic(
        features,
        2.0 * data.target - 1.0,
        0.01,
        batch=batch,
        seeds=seeds,
        steps=n,
        alpha=alpha,
    )
    problem = f"breast-cancer-logistic:batch={batch}"
    own = ours(problem, "adam", f"constant:alpha={alpha}", n, seeds, "compiled")
    return compare(row, own, n * seeds, {"optax": peer}, n * seeds, sizes.repeats)


def sparse(sizes: Sizes) -> Row:
    row = Row("SGD, sparse logistic regression, one epoch", "SGDClassifier", "step", 1.0)
    n, more = 20_000, 10
    problem = f"sparse-logistic:examples={n},features=50000,density=0.001"
    examples = find_problem(problem).examples
    assert examples is not None

    def fits(epochs: int) -> dict[str, Callable[[], Any]]:
        return {
            name: peers.sklearn_epochs(examples.features, examples.targets, ALPHA, epochs, shuffled)
            for name, shuffled in (("in order", False), ("shuffled", True))
        }

    own = ours(problem, "gradient-descent", f"constant:alpha={ALPHA}", n, 1, "compiled")
    row = compare(row, own, n, fits(1), n, sizes.repeats)
    longer = race({name: ready(fit) for name, fit in fits(1 + more).items()}, sizes.repeats)
    one = row.details["peer ns, by form"]
    later = {
        name: (min(seconds) / n * 1e9 - one[name]) / more for name, (seconds, _) in longer.items()
    }
    row.details["peer ns of later epochs"] = later
    row.remark = "later epochs of the peer: " + ", ".join(f"{v:.0f} {n}" for n, v in later.items())
    return row


def quadratic(form: str) -> Callable[[Sizes], Row]:
    def measured(sizes: Sizes) -> Row:
        n, lanes, steps = 1000, 64, sizes.quadratic
        row = Row(
            f"heavy ball, quadratic, n = {n}, {lanes} lanes",
            f"numpy's matrix product alone, {form}",
            "lane-step",
            1.3,
            "at most",
        )
        problem = f"quadratic:dimension={n},rotated=true"
        own = ours(problem, "heavy-ball", "inverse-smoothness:h=0.1", steps, lanes, "compiled")
        matrix = np.random.default_rng(0).standard_normal((n, n))
        points = np.ones((lanes, n))
        if form == "all lanes at once":
            action = peers.matmul(matrix, points, steps)
        else:

            def action() -> Any:
                for _ in range(steps):
                    np.matmul(matrix, points[..., None])
                return points

        units = steps * lanes
        return compare(row, own, units, {form: action}, units, sizes.repeats)

    return measured


def flat(row: Row, per_unit: dict[int, float]) -> Row:
    """The ratio of the largest to the smallest."""
    row.ours, row.theirs = max(per_unit.values()), min(per_unit.values())
    row.ratio = row.ours / row.theirs
    row.details["ns, by size"] = {str(size): ns for size, ns in per_unit.items()}
    return row


def growth_steps(rule: str) -> Callable[[Sizes], Row]:
    def measured(sizes: Sizes) -> Row:
        low, high = sizes.growth[0], sizes.growth[-1]
        work = f"{rule}, one run, {low:.0e} to {high:.0e} steps"
        row = Row(work, "itself", "step", 1.1, "at most")
        needs_numba()
        entrants = {str(n): ours(SLOPES, rule, SCHEDULE, n, 1, "compiled") for n in sizes.growth}
        timed = race(entrants, sizes.repeats)
        return flat(row, {int(n): min(taken) / int(n) * 1e9 for n, (taken, _) in timed.items()})

    return measured


def growth_lanes(problem: str) -> Callable[[Sizes], Row]:
    def measured(sizes: Sizes) -> Row:
        losses = "3x, -x, -x" if problem == SLOPES else "hinges"
        row = Row(f"Adam, {losses}, 64 to 65 536 lanes", "itself", "lane-step", 1.1, "at most")
        needs_numba()
        counts = (64, 256, 1024, 4096, 16384, 65536)
        # As many steps everywhere: the first rounds, of corrected moments, weigh the same.
        steps = sizes.growth_lanes
        entrants = {str(k): ours(problem, "adam", SCHEDULE, steps, k, "compiled") for k in counts}
        timed = race(entrants, sizes.repeats)
        per = {int(k): min(taken) / steps / int(k) * 1e9 for k, (taken, _) in timed.items()}
        row.remark = f"{steps} steps"
        return flat(row, per)

    return measured


# The peak that the system reports for a child may be its parent's: a process starts as a copy.
_MEMORY = """
import pathlib, resource, sys
from convergence import Experiment
from convergence.simulation import Simulation
steps = int(sys.argv[1])
Simulation(
    Experiment("periodic-linear", "adam", sys.argv[2], steps), engine="compiled"
).advance(steps)
status = pathlib.Path("/proc/self/status")
if status.is_file():
    print(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory(sizes: Sizes) -> Row:
    low, high = 10**4, sizes.growth[-1]
    row = Row(f"peak memory, {low:.0e} and {high:.0e} steps", "itself", "MB", 1.1, "at most")
    needs_numba()

    def peak(steps: int) -> float:
        command = [sys.executable, "-c", _MEMORY, str(steps), SCHEDULE]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(found.stdout) / 1024

    peak(low)  # compiles, and keeps what was compiled
    row.theirs, row.ours = peak(low), peak(high)
    row.ratio = row.ours / row.theirs
    return row


# What a user waits for, from the first import on, in a process of its own.
_FIRST = """
import json, sys, time
begin = time.perf_counter()
from convergence import Experiment
from convergence.simulation import Simulation
def call(rule):
    what = Experiment("periodic-linear", rule, sys.argv[3], int(sys.argv[1]))
    made = Simulation(what, seeds=range(int(sys.argv[2])), engine="compiled")
    made.advance(int(sys.argv[1]))
imported = time.perf_counter()
call("adam")
first = time.perf_counter()
call("adam:beta1=0.8,beta2=0.97")
new = time.perf_counter()
print(json.dumps([first - begin, new - first, first - imported]))
"""
_FIRST_PEER = """
import time
begin = time.perf_counter()
import peers
peers.optax_adam(1000, 16)()
print(time.perf_counter() - begin)
"""


@cache
def waits() -> dict[str, tuple[float, float]]:
    """Seconds that first calls take, ours and the peer's."""

    def printed(program: str, folder: str) -> Any:
        environment = {**os.environ, "CONVERGENCE_CACHE": folder}
        command = [sys.executable, "-c", program, "1000", "16", SCHEDULE]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, cwd=HERE
        )
        return json.loads(done.stdout)

    with tempfile.TemporaryDirectory() as folder:
        cold, *_ = printed(_FIRST, folder)
        kept = [printed(_FIRST, folder) for _ in range(3)]
        theirs = min(printed(_FIRST_PEER, folder) for _ in range(3))
    again, new, alone = (min(column) for column in zip(*kept, strict=True))
    return {
        "nothing kept": (cold, theirs),
        "code kept": (again, theirs),
        "code kept, without imports": (alone, theirs),
        "another setting": (new, theirs),
    }


def first_call(form: str, most: float, target: float) -> Callable[[Sizes], Row]:
    """A row on waiting; the peer is optax in lax.scan, which jax compiles for each setting."""

    def measured(sizes: Sizes) -> Row:
        row = Row(f"first call, {form}", "optax in lax.scan", "call", target)
        needs_numba()
        mine, theirs = waits()[form]
        row.ours, row.theirs, row.ratio = mine * 1e9, theirs * 1e9, theirs / mine
        row.remark = f"wanted: at most {most * 1000:g} ms"
        return row

    return measured


#: A grid of step sizes and second moments, with lanes beside.
GRID = {
    "alpha": [float(f"{10 ** (-4 + 5 * k / 24):.6g}") for k in range(25)],
    "beta2": [0.9, 0.97, 0.99, 0.997, 0.999],
}
GRID_SEEDS, GRID_STEPS = 16, 100_000


def grid_cells() -> list[tuple[Any, Any]]:
    """The rule and the schedule of each cell."""
    return [
        (find_rule(f"adam:beta2={beta2}"), find_schedule(f"inverse-sqrt:alpha={alpha}"))
        for alpha in GRID["alpha"]
        for beta2 in GRID["beta2"]
    ]


def grid(form: str, target: float) -> Callable[[Sizes], Row]:
    """A grid as one call, or cell by cell, against as many lanes of one setting."""

    def measured(sizes: Sizes) -> Row:
        cells, lanes = grid_cells(), len(GRID["alpha"]) * len(GRID["beta2"]) * GRID_SEEDS
        steps = GRID_STEPS if sizes.repeats == REPEATS else GRID_STEPS // 10
        work = f"grid, 125 settings of Adam, {GRID_SEEDS} lanes each, {form}"
        row = Row(work, f"{lanes} lanes of one setting", "lane-step", target, "at most")
        needs_numba()
        problem = find_problem(SLOPES)

        def one_call() -> Any:
            each = [Experiment(problem, *cell, steps, seeds=GRID_SEEDS) for cell in cells]
            made = Simulation(each, engine="compiled")
            made.advance(steps)
            return made.iterate

        def apart() -> Any:
            found = []
            for alpha in GRID["alpha"]:
                for beta2 in GRID["beta2"]:
                    made = Simulation(
                        Experiment(
                            SLOPES, f"adam:beta2={beta2}", f"inverse-sqrt:alpha={alpha}", steps
                        ),
                        seeds=range(GRID_SEEDS),
                        engine="compiled",
                    )
                    made.advance(steps)
                    found.append(made.iterate)
            return np.concatenate(found)

        action = one_call if form == "one call" else apart
        same = bool(np.array_equal(one_call(), apart()))
        peer = ours(SLOPES, "adam", SCHEDULE, steps, lanes, "compiled")
        timed = race({"ours": ready(action), "peer": peer}, sizes.repeats)
        units = steps * lanes
        row.ours = min(timed["ours"][0]) / units * 1e9
        row.theirs = min(timed["peer"][0]) / units * 1e9
        row.ratio = row.ours / row.theirs
        row.same_bits = same
        return row

    return measured


def rows() -> Iterator[tuple[str, Callable[[Sizes], Row], Row]]:
    """Names, what measures a row, and the row to print if it cannot be measured."""
    blank = Row
    alone, losses = "Adam, 3x, -x, -x, one run", "3x, -x, -x"
    yield "adam-one", adam_alone, blank(alone, "C", "step", 2.0)
    yield "adam-one-hinges", adam_alone_hinge, blank("Adam, hinges, one run", "C", "step", 1.0)
    yield "adam-one-optax", adam_optax, blank(alone, "optax in lax.scan", "step", 7.0)
    yield "adam-one-torch", adam_torch, blank(alone, "torch.optim.Adam, eager", "step", 1000.0)
    for rule, target in RULES.items():
        empty = blank(f"{rule}, {losses}, {LANES} lanes", "C, in blocks", "lane-step", target)
        key = rule.partition(":")[0]
        yield f"{key}-lanes", against_c(SLOPES, key.replace("-", "_"), rule, target), empty
    yield (
        "adam-lanes-hinges",
        against_c(HINGES, "adam_hinge", "adam", 1.4),
        blank(f"adam, hinges, {LANES} lanes", "C, in blocks", "lane-step", 1.4),
    )
    for problem, name in ((SLOPES, losses), (HINGES, "hinges")):
        yield (
            f"adam-lanes-optax-{problem}",
            many_optax(problem),
            blank(f"Adam, {name}, {LANES} lanes", "optax in lax.scan, vmap", "lane-step", 3.0),
        )
    yield (
        "logistic",
        logistic,
        blank("Adam, logistic regression", "optax in lax.scan, vmap", "lane-step", 1.5),
    )
    yield "sparse", sparse, blank("SGD, sparse logistic regression", "SGDClassifier", "step", 1.0)
    for form in ("all lanes at once", "lane by lane"):
        yield (
            f"quadratic-{form.replace(' ', '-')}",
            quadratic(form),
            blank("heavy ball, quadratic", f"numpy, {form}", "lane-step", 1.3, "at most"),
        )
    # Adam corrects its moments at first; AMSGrad has nothing to correct.
    for rule in ("adam", "amsgrad"):
        blank_row = blank(f"{rule}, one run", "itself", "step", 1.1, "at most")
        yield f"growth-steps-{rule}", growth_steps(rule), blank_row
    for problem in (SLOPES, HINGES):
        yield (
            f"growth-lanes-{problem}",
            growth_lanes(problem),
            blank(f"lanes, {problem}", "itself", "lane-step", 1.1, "at most"),
        )
    for form, target in (("one call", 1.3), ("cell by cell", 2.0)):
        blank_row = blank("grid", "lanes of one setting", "lane-step", target, "at most")
        yield f"grid-{form.replace(' ', '-')}", grid(form, target), blank_row
    for form, most, target in (
        ("nothing kept", 1.5, 0.5),
        ("code kept", 1.5, 1.0),
        ("code kept, without imports", 0.3, 1.0),
        ("another setting", 0.03, 20.0),
    ):
        blank_row = blank(f"first call, {form}", "optax in lax.scan", "call", target)
        yield (
            f"first-call-{form.replace(', ', '-').replace(' ', '-')}",
            first_call(form, most),
            blank_row,
        )
    yield "memory", memory, blank("peak memory", "itself", "MB", 1.1, "at most")


def roofline(repeats: int) -> dict[str, float]:
    """Nanoseconds per division and square root on this core, one by one and in wide registers."""
    found = {}
    for operation in ("divide", "root"):
        for form in ("scalar", "vector"):
            rounds = 100_000
            actions = c_peer().throughput(f"{operation}_{form}", rounds)
            entrants = {str(i): ready(action) for i, action in enumerate(actions)}
            timed = race(entrants, repeats)
            least = min(min(taken) for taken, _ in timed.values())
            found[f"{operation}, {form}"] = least / rounds / 64 * 1e9
    return found


# Printing


def machine() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    said = {"processor": model, "cores": str(os.cpu_count()), "system": platform.system()}
    said["python"] = platform.python_version()
    for name in ("numpy", "numba", "jax", "optax", "torch", "scikit-learn"):
        try:
            said[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            said[name] = "not installed"
    try:
        said["gcc"] = c_peer().version
    except MissingError:
        said["gcc"] = "not installed"
    return said


def number(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if value < 1000 else f"{value:,.0f}".replace(",", " ")


def line(row: Row) -> str:
    """A row of the table, in Markdown."""
    if row.ratio is None:
        ratio, verdict = f"*{row.remark}*", "-"
    else:
        ratio, verdict = number(row.ratio), "yes" if row.reached else "**no**"
        if row.unflushed is not None:
            ratio += f" ({number(row.unflushed)})"
    target = f"{'>=' if row.sense == 'at least' else '<='} {row.target:g}"
    bits = {True: "same", False: "**differ**", None: ""}[row.same_bits]
    unit = {"MB": "MB", "call": "ms"}.get(row.unit, f"ns / {row.unit}")
    taken = [
        value if value is None or row.unit != "call" else value / 1e6
        for value in (row.ours, row.theirs)
    ]
    return (
        f"| {row.work} | {row.peer} | {unit} | {number(taken[0])} | {number(taken[1])} "
        f"| {ratio} | {target} | {verdict} | {bits} |"
    )


# In brackets the ratio, had C not counted subnormal numbers as 0.
HEAD = (
    "| work | peer | unit | ours | peer | ratio | target | reached | bits |\n"
    "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |"
)


def draw(measured: list[Row], target: Path) -> None:
    """Ratios against peers and the targets, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [row for row in measured if row.ratio is not None and row.unit != "MB"]
    shown.reverse()
    figure, axes = plt.subplots(figsize=(10, 1.5 + 0.3 * len(shown)), layout="constrained")
    for place, row in enumerate(shown):
        assert row.ratio is not None
        value, wanted = row.ratio, row.target
        if row.sense == "at most":
            value, wanted = 1 / value, 1 / wanted
        axes.plot(value, place, "o", color="tab:green" if row.reached else "tab:red")
        axes.plot(wanted, place, "|", color="black", markersize=12)
    axes.set_yticks(range(len(shown)), [f"{row.work}: {row.peer}" for row in shown], fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1, color="lightgray", zorder=0)
    axes.set_xlabel("time of the peer / ours; the bar is the target")
    figure.savefig(target, dpi=120)
    plt.close(figure)


def main() -> None:
    """Measure, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    parser.add_argument("--only", default="*", help="which rows, by a pattern of their names")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "speed.json")
    parser.add_argument("--figure", type=Path, help="by default beside the output")
    options = parser.parse_args()
    if options.list:
        print("\n".join(name for name, *_ in rows()))
        return
    sizes = Sizes.quick() if options.quick else Sizes()
    if hasattr(os, "sched_setaffinity"):
        # One core for everything, so that no peer takes two.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    said = machine()
    print(", ".join(f"{key} {value}" for key, value in said.items()) + "; one core\n")
    try:
        limits = roofline(sizes.repeats)
        print(", ".join(f"{name} {ns:.3f} ns" for name, ns in limits.items()) + "\n")
    except MissingError as missing:
        limits = {}
        print(f"divisions and square roots: *not measured: {missing}*\n")
    print(HEAD, flush=True)
    measured = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, measure, empty in rows():
            if not fnmatchcase(name, options.only):
                continue
            try:
                row = measure(sizes)
            except MissingError as missing:
                row = empty
                row.remark = f"not measured: {missing}"
            measured.append(row)
            print(line(row), flush=True)
    known = {"machine": said, "limits, in ns": limits, "quick": options.quick}
    known["rows"] = [{**asdict(row), "reached": row.reached} for row in measured]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    figure = options.figure or options.output.with_suffix(".png")
    draw(measured, figure)
    print(f"\nwritten: {options.output}, {figure}")


if __name__ == "__main__":
    main()
