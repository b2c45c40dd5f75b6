"""What a gradient costs on every problem, for one lane alone and for each of 256 lanes.

python benchmarks/catalogue.py [--only PATTERN] [--json FILE]
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from problems import Problem, catalogue, find

LANES = 256
#: What many lanes should gain: so many times cheaper per lane, up to this dimension.
TARGET = 20
SMALL = 10
#: The temporaries of a gradient should stay below this, in MB.
LARGE = 200
#: The size of the mini-batches.
BATCH = 16
#: Seconds of one repeat and of all repeats of a problem, and the least and most repeats.
REPEAT = 0.002
BUDGET = 0.5
FEWEST, MOST = 5, 40


@dataclass(frozen=True)
class Cost:
    """What one problem costs.

    Attributes:
        problem: The specification.
        dimension: The number of coordinates.
        plain: Nanoseconds per gradient in plain numbers, for scalar problems.
        alone: Nanoseconds per gradient of one lane, as an array.
        among: Nanoseconds per gradient and lane among many.
        ratio: alone / among.
        reached: Whether the ratio is at least the target; None for larger dimensions.
        memory: The peak of what one gradient of all lanes allocates, its result included, in MB.
    """

    problem: str
    dimension: int
    plain: float | None
    alone: float
    among: float
    ratio: float
    reached: bool | None
    memory: float


def specifications() -> Iterator[str]:
    """Every entry that needs no parameter, and mini-batches of those that have them."""
    for entry in catalogue:
        if inspect.Parameter.empty in entry.parameters.values():
            continue
        yield entry.key
        if "batch" in entry.parameters:
            yield f"{entry.key}:batch={BATCH}"


def sample_of(problem: Problem, lanes: int) -> Any:
    """The sample of round 1 as a run passes it on: one for all, or one for each lane."""
    if problem.samples is None:
        return None
    drawn = problem.samples(np.array([1]), np.arange(lanes, dtype=np.uint64))
    return drawn.tolist()[0] if drawn.ndim == 1 else drawn[0]


def call(problem: Problem, lanes: int) -> Callable[[], Any]:
    """One gradient of so many lanes at the start point."""
    start = problem.start[0] if problem.scalar else problem.start
    # A copy for each lane: a broadcast view would be read from one place.
    x = np.array(np.broadcast_to(start, (lanes, *np.shape(start))))
    sample, gradient = sample_of(problem, lanes), problem.gradient_formula
    assert gradient is not None
    return lambda: gradient(x, sample)


def plain_call(problem: Problem) -> Callable[[], Any]:
    """One gradient in plain numbers, as a run of one lane of a scalar problem takes it."""
    x, sample, gradient = float(problem.start[0]), sample_of(problem, 1), problem.gradient_formula
    assert gradient is not None
    if isinstance(sample, np.ndarray):
        sample = sample.tolist()[0]
    return lambda: gradient(x, sample)


def seconds(action: Callable[[], Any], times: int) -> float:
    """One repeat, per call."""
    begin = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - begin) / times


def fastest(actions: list[Callable[[], Any]]) -> list[float]:
    """Seconds per call of each action, the least of several repeats.

    The actions take turns, so that whatever else the machine does hits all of them.
    """
    # The second call is the estimate: the first may fill caches.
    rough = [[seconds(action, 1) for _ in range(2)][1] for action in actions]
    times = [max(1, int(REPEAT / max(t, 1e-9))) for t in rough]
    once = sum(n * t for n, t in zip(times, rough, strict=True))
    repeats = min(max(int(BUDGET / once), FEWEST), MOST)
    least = [np.inf] * len(actions)
    for _ in range(repeats):
        for i, action in enumerate(actions):
            least[i] = min(least[i], seconds(action, times[i]))
    return least


def peak(action: Callable[[], Any]) -> float:
    """The most that one call allocates at a time, in MB."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        # The result is held until the peak is read.
        result = action()
        _, most = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return (most - before) / 1e6


def cost(specification: str) -> Cost:
    """Measure one problem."""
    problem = find(specification)
    alone, among = call(problem, 1), call(problem, LANES)
    # Runs also keep matrix products on one thread, and overflow without a warning.
    with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
        taken = fastest([alone, among, *([plain_call(problem)] if problem.scalar else [])])
        memory = peak(among)
    one, many = taken[0] * 1e9, taken[1] * 1e9 / LANES
    return Cost(
        problem=specification,
        dimension=problem.dimension,
        plain=taken[2] * 1e9 if problem.scalar else None,
        alone=one,
        among=many,
        ratio=one / many,
        reached=one / many >= TARGET if problem.dimension <= SMALL else None,
        memory=memory,
    )


def cost_or_failure(specification: str) -> Cost | str:
    """The cost, or why there is none: one problem must not hide what the others cost.

    Each problem has a process of its own. What was allocated before decides whether the system
    takes large arrays back after each call, which may triple the cost of a gradient.
    """
    try:
        with ProcessPoolExecutor(1) as process:
            return process.submit(cost, specification).result()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def table(costs: list[Cost]) -> str:
    """The costs, the least gain from lanes first."""
    width = max(len(c.problem) for c in costs)
    head = f"{'problem':{width}}      n     plain       alone  among {LANES}   ratio  target"
    lines = [f"{head}  memory/MB", f"{'':{width}}             ns          ns    ns/lane"]
    for c in costs:
        plain = f"{c.plain:9.0f}" if c.plain is not None else " " * 9
        target = {True: "yes", False: "NO", None: "-"}[c.reached]
        lines.append(
            f"{c.problem:{width}}  {c.dimension:5} {plain}  {c.alone:10.0f} {c.among:10.1f}"
            f"  {c.ratio:6.1f}  {target:>6}  {c.memory:9.2f}{'  LARGE' if c.memory > LARGE else ''}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="PATTERN", default="*", help="such as 'diabetes-*'")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the costs here as well")
    arguments = parser.parse_args()

    begin = time.perf_counter()
    chosen = [s for s in specifications() if fnmatchcase(s, arguments.only)]
    outcomes = {s: cost_or_failure(s) for s in chosen}
    costs = [c for c in outcomes.values() if isinstance(c, Cost)]
    failed = {s: why for s, why in outcomes.items() if isinstance(why, str)}
    costs.sort(key=lambda c: (c.ratio, c.problem))

    if costs:
        print(table(costs))
    for specification, why in failed.items():
        print(f"{specification} failed: {why}")
    small = [c for c in costs if c.reached is not None]
    print(
        f"\n{len(costs)} problems, {time.perf_counter() - begin:.0f} s; "
        f"{sum(bool(c.reached) for c in small)} of {len(small)} with n <= {SMALL} are at least "
        f"{TARGET} times cheaper per lane; {sum(c.memory > LARGE for c in costs)} take more than "
        f"{LARGE} MB"
    )
    if arguments.json:
        document = {
            "lanes": LANES,
            "target": {"ratio": TARGET, "dimension": SMALL},
            "numpy": np.__version__,
            "processors": os.cpu_count(),
            "costs": [asdict(c) for c in costs],
            "failed": failed,
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
