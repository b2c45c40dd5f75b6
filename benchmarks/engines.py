"""Nanoseconds per step of the engines, as ratios against a hand-written loop in the same run.

python benchmarks/engines.py
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from convergence import run

STEPS = 100_000
LANES = 256


def by_hand() -> None:
    """Adam on 3, -1, -1 in plain Python: the peer."""
    x, m, v, power1, power2, total = 0.0, 0.0, 0.0, 1.0, 1.0, 0.0
    for t in range(1, STEPS + 1):
        g = 3.0 if t % 3 == 1 else -1.0
        total += g * x
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        power1, power2 = 0.9 * power1, 0.999 * power2
        step = 0.1 / math.sqrt(t) * (m / (1 - power1)) / (math.sqrt(v / (1 - power2)) + 1e-8)
        x = min(1.0, max(-1.0, x - step))


def seconds(action: Callable[[], object]) -> float:
    """The fastest of three runs."""
    taken = []
    for _ in range(3):
        begin = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def main() -> None:
    """Measure and print."""
    schedule = "inverse-sqrt:alpha=0.1"
    peer = seconds(by_hand) / STEPS
    number = seconds(lambda: run("periodic-linear", "adam", schedule, STEPS)) / STEPS
    rounds = STEPS // 20
    lanes = (
        seconds(lambda: run("reddi-2018-stochastic", "adam", schedule, rounds, seeds=LANES))
        / rounds
        / LANES
    )
    print(f"hand-written loop      {peer * 1e9:8.1f} ns per step")
    print(f"number engine, 1 lane  {number * 1e9:8.1f} ns per step   ratio {number / peer:.2f}")
    print(f"array engine, {LANES} lanes{lanes * 1e9:8.1f} ns per lane   ratio {lanes / peer:.2f}")


if __name__ == "__main__":
    main()
