"""What the parent of `--processes` uses while its children measure, as a share of the wall time.

    python benchmarks/parent_cpu.py [processes]

A parent that polls takes a core from what it measures. This one sleeps: the bar is 1 %.
"""

from __future__ import annotations

import resource
import sys
import time

import ttbench_core
from ttbench_core.plugins.catalogue import find_model


def own_cpu_s() -> float:
    """CPU seconds of this process alone, without its children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(processes: int) -> None:
    """Measure bert tiny in fresh processes and print what this one used."""
    find_model("bert")  # imports what a command line imports before it starts anything
    before_s, start_s = own_cpu_s(), time.monotonic()
    result = ttbench_core.run("bert", config="tiny", processes=processes, progress=False)
    used_s, wall_s = own_cpu_s() - before_s, time.monotonic() - start_s
    print(f"wall time        {wall_s:8.2f} s, {processes} processes")
    print(f"parent's CPU     {used_s:8.3f} s")
    print(f"share            {used_s / wall_s:8.4%}   (bar: 1 %)")
    print(f"measured         {result}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
