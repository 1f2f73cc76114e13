"""The same run on this machine directly and through Ray, in turns.

Printed: the ratio of the rates with its 95 % interval, the thread counts of both, and how much
longer a cell takes through Ray, from one record to the next.

    python benchmarks/ray_same_numbers.py [--times 10] [--max_time 5]
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "helpers")]

from ray_nodes import ray_nodes  # noqa: E402

from ttbench_core.measure.student import two_sided_quantile  # noqa: E402
from ttbench_core.record.result import Result  # noqa: E402
from ttbench_core.sinks.targets import check_targets  # noqa: E402
from ttbench_core.sweeps.asked import SweepAsked  # noqa: E402
from ttbench_core.sweeps.definition.definition_checks import sweep_of  # noqa: E402
from ttbench_core.sweeps.fleet.ray_cluster import RayCluster  # noqa: E402
from ttbench_core.sweeps.fleet.running import run_on_cluster  # noqa: E402
from ttbench_core.sweeps.progress.progress import CellOutcome, SweepState  # noqa: E402
from ttbench_core.sweeps.progress.progress_display import LinesDisplay  # noqa: E402
from ttbench_core.sweeps.running import records_of, run_planned  # noqa: E402


class CellClock(LinesDisplay):
    """Measures the time from one record to the next."""

    def __init__(self) -> None:
        super().__init__(self._forget)
        self._last_s = 0.0
        self.seconds: list[float] = []

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Begin to count."""
        super().began(sentences, state)
        self._last_s = time.perf_counter()

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Note the time of a cell."""
        super().ended(outcome, state)
        now_s = time.perf_counter()
        self.seconds.append(now_s - self._last_s)
        self._last_s = now_s

    @staticmethod
    def _forget(_line: str) -> None:
        """Show nothing."""


def _measured(run: Callable[..., object], folder: Path, max_time_s: float) -> tuple[Result, float]:
    """Run one cell, into a file of its own."""
    settings = {"backend": "torch", "config": "tiny", "max_time": max_time_s, "verify": False}
    sweep = sweep_of(grid={"model": "bert"}, settings={**settings, "roofline": False})
    targets = check_targets(folder / f"{time.monotonic_ns()}.jsonl")
    clock = CellClock()
    ended = run(SweepAsked(sweep, targets), clock)
    [result] = records_of(ended.plan, targets)  # type: ignore[attr-defined]
    return result, clock.seconds[0]


def main() -> None:
    """Measure in turns, and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--max_time", type=float, default=5.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ttbench-ray-") as name:
        folder = Path(name)
        with ray_nodes(folder, [{}]) as (head, _), RayCluster(head) as cluster:

            def on_ray(one: SweepAsked, clock: CellClock) -> object:
                return run_on_cluster(one, cluster, clock)

            ways = {"local": run_planned, "ray": on_ray}
            found: dict[str, list[tuple[Result, float]]] = {one: [] for one in ways}
            for number in range(asked.times):
                order = list(ways.items())[:: 1 if number % 2 == 0 else -1]
                for way, run in order:
                    found[way].append(_measured(run, folder, asked.max_time))
                shown = {way: round(of[-1][0].samples_per_sec or 0, 1) for way, of in found.items()}
                print(f"{number + 1}: {shown}", flush=True)
    _print(found)


def _print(found: dict[str, list[tuple[Result, float]]]) -> None:
    rates = {way: [one.samples_per_sec or math.nan for one, _ in of] for way, of in found.items()}
    logs = [math.log(new / old) for old, new in zip(rates["local"], rates["ray"], strict=True)]
    half = two_sided_quantile(0.95, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    mean = statistics.fmean(logs)
    print(
        f"rate through Ray / local: {math.exp(mean):.4f}"
        f" ({math.exp(mean - half):.4f} to {math.exp(mean + half):.4f})"
    )
    for way, of in found.items():
        threads = {str(one.effective.get("threads")) for one, _ in of}
        seconds = statistics.median(one for _, one in of)
        print(f"{way}: threads {', '.join(threads)}; a cell takes {seconds:.2f} s")
    extra = [new[1] - old[1] for old, new in zip(found["local"], found["ray"], strict=True)]
    print(f"a cell takes {statistics.median(extra):+.2f} s more through Ray (median)")


if __name__ == "__main__":
    main()
