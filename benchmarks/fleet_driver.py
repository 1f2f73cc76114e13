"""What the driver of a sweep on many machines costs, with cells that measure nothing.

The machines are made up and answer at once, with a whole record; the driver plans, queues, reads,
checks and stores each record in SQLite, as with a cluster. Each size runs in a process of its own.
Printed: time a cell, and the most memory of the driver, for each size.

    python benchmarks/fleet_driver.py [--machines 1000] [SIZES...]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "helpers"), str(ROOT / "tests" / "packs" / "engine")]

from made_up_cluster import MadeUpCluster, report, sweep_of_cells  # noqa: E402

from ttbench_core.sinks.targets import check_targets  # noqa: E402
from ttbench_core.sweeps.asked import SweepAsked  # noqa: E402
from ttbench_core.sweeps.fleet.running import run_on_cluster  # noqa: E402
from ttbench_core.sweeps.progress.progress import CellOutcome, SweepState  # noqa: E402
from ttbench_core.sweeps.progress.progress_display import LinesDisplay  # noqa: E402

_SIZES = (1_000, 10_000, 100_000)
_KIB = 1024
_MIB = 1 << 20


class Watching(LinesDisplay):
    """Notes the time when the plan is there, and then when each tenth of the cells has ended."""

    def __init__(self, total: int) -> None:
        super().__init__(self._forget)
        self._every = max(1, total // 10)
        self.times_s: list[float] = []
        self.peaks_mib: list[float] = []

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Note the time."""
        super().began(sentences, state)
        self._note()

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Note the time of each tenth."""
        super().ended(outcome, state)
        if state.done % self._every == 0:
            self._note()

    @staticmethod
    def _forget(_line: str) -> None:
        """Show nothing."""

    def _note(self) -> None:
        self.times_s.append(time.perf_counter())
        self.peaks_mib.append(_peak_mib())


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / _MIB


def _run(cells: int, machines: int) -> None:
    """Run a sweep of one size, and print what it cost as JSON."""
    cluster = MadeUpCluster({f"node-{number}": report() for number in range(machines)})
    watching = Watching(cells)
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ttbench-fleet-") as folder:
        targets = check_targets(f"sqlite:///{folder}/perf.db")
        ended = run_on_cluster(SweepAsked(sweep_of_cells(cells), targets), cluster, watching)
        size_mib = sum(one.stat().st_size for one in Path(folder).iterdir()) / _MIB
    times_s = watching.times_s
    print(
        json.dumps(
            {
                "done": ended.outcome.state.done,
                "plan_s": times_s[0] - began_s,
                "cell_ms": 1e3 * (times_s[-1] - times_s[0]) / cells,
                "first_tenth_ms": 1e3 * (times_s[1] - times_s[0]) / (cells / 10),
                "last_tenth_ms": 1e3 * (times_s[-1] - times_s[-2]) / (cells / 10),
                "planned_mib": watching.peaks_mib[0],
                "peak_mib": _peak_mib(),
                "most_queued": cluster.most_queued,
                "database_mib": size_mib,
            }
        )
    )


def main() -> None:
    """Run each size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=list(_SIZES))
    parser.add_argument("--machines", type=int, default=1_000)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        _run(asked.sizes[0], asked.machines)
        return
    for cells in asked.sizes:
        words = [sys.executable, __file__, "--one", str(cells), "--machines", str(asked.machines)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        shown = ", ".join(f"{name} {value:,.1f}" for name, value in found.items())
        print(f"{cells:,} cells: {shown}", flush=True)


if __name__ == "__main__":
    main()
