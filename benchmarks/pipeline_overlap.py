"""Three stages of equal length: the pipeline's throughput against the slowest stage's own.

The stages sleep, so that the cores of this machine do not limit the overlap. Prints the
share of a stage's own rate that the pipeline reaches, with its filling and draining.

    python benchmarks/pipeline_overlap.py
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ttbench_core.backends.pipeline import Pipeline
from ttbench_core.measure.passes import drive

STAGE_S = 0.005
STAGES = 3


def stage(items: Sequence[object]) -> Sequence[object]:
    """Take a stage's time."""
    time.sleep(STAGE_S)
    return items


def alone(count: int) -> float:
    """Inputs per second of one stage by itself."""
    start = time.perf_counter_ns()
    for _ in range(count):
        stage(())
    return count / (time.perf_counter_ns() - start) * 1e9


def main() -> None:
    """Measure both in turn, for several lengths of a pass."""
    for count in (16, 64, 256):
        own = alone(count)
        with Pipeline([stage] * STAGES) as session:
            drive(session, (), 2 * session.depth)
            together = count / drive(session, (), count).e2e_ns * 1e9
        print(f"{count:4} inputs: one stage {own:6.1f}/s, pipeline {together:6.1f}/s,", end=" ")
        print(f"share {together / own:.3f}")


if __name__ == "__main__":
    main()
