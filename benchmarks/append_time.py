"""What appending one result takes as a file grows: JSON list and JSON lines.

python benchmarks/append_time.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from ttbench_core import Result
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result

SIZES = (0, 100, 1_000, 10_000)
APPENDS = 5


def sample() -> Result:
    """A result with as many times in it as a default run has."""
    times = [number * 1_234_567 for number in range(5)]
    passes = [{"e2e_ns": 9_876_543, "push_ns": times, "pop_ns": times} for _ in range(5)]
    return example_result(passes=passes, notes=["a note of usual length"] * 3)


def filled(path: Path, count: int) -> None:
    """Write a file of so many results."""
    line = sample().to_json()
    if path.suffix == ".jsonl":
        path.write_text(f"{line}\n" * count)
    elif count:
        path.write_text("[\n" + ",\n".join([line] * count) + "\n]\n")


def main() -> None:
    """Print the median append for each size."""
    print("results in file    file size    JSON list   JSON lines")
    with tempfile.TemporaryDirectory() as folder:
        for count in SIZES:
            medians = []
            for suffix in ("json", "jsonl"):
                path = Path(folder) / f"perf-{count}.{suffix}"
                filled(path, count)
                target, times = check_target(path), []
                for _ in range(APPENDS):
                    start = time.perf_counter()
                    store_result(sample(), target)
                    times.append(time.perf_counter() - start)
                medians.append(statistics.median(times))
                size = path.stat().st_size / 1e6
            print(f"{count:15}  {size:8.1f} MB", *(f"{one * 1e3:9.1f} ms" for one in medians))


if __name__ == "__main__":
    main()
