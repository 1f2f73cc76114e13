"""A sweep on two nodes of Ray with two made-up devices each; a worker and a node are killed.

Every cell notes when it begins and ends on which device. Printed: whether two cells were ever on
one device at once, and whether each cell has one record with a number and nothing else is lost.

    python benchmarks/ray_lost_nodes.py [--cells 200]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "helpers")]

from fleet_sweeps import NODE_COUNT, fleet_sweep, node_variables, overlaps_in  # noqa: E402
from ray_nodes import RayNode, ray_nodes  # noqa: E402

from ttbench_core.sinks.targets import check_targets  # noqa: E402
from ttbench_core.sweeps.asked import SweepAsked  # noqa: E402
from ttbench_core.sweeps.fleet.ray_cluster import RayCluster  # noqa: E402
from ttbench_core.sweeps.fleet.running import run_on_cluster  # noqa: E402
from ttbench_core.sweeps.progress.progress import CellOutcome, SweepState  # noqa: E402
from ttbench_core.sweeps.progress.progress_display import LinesDisplay  # noqa: E402


class Killing(LinesDisplay):
    """Kills a worker after a quarter of the cells, and a node after half of them."""

    def __init__(self, nodes: list[RayNode], cells: int) -> None:
        super().__init__(print)
        self._nodes, self._cells, self._killed = nodes, cells, 0

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Count the cells that have ended."""
        super().ended(outcome, state)
        ended = state.done
        if self._killed == 0 and ended >= self._cells // 4:
            for worker in self._nodes[0].workers()[:1]:
                print(f"-- killing the worker {worker.pid}")
                worker.kill()
                self._killed = 1
        elif self._killed == 1 and ended >= self._cells // 2:
            print("-- killing the second node")
            self._nodes[1].kill()
            self._killed = 2


def main() -> None:
    """Run the sweep, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200)
    cells = parser.parse_args().cells
    with tempfile.TemporaryDirectory(prefix="ttbench-ray-") as name:
        folder = Path(name)
        log = folder / "uses.jsonl"
        variables = [node_variables(folder, number, log) for number in range(NODE_COUNT)]
        with ray_nodes(folder, variables, resources='{"slots": 2}') as (head, nodes):
            began_s = time.monotonic()
            with RayCluster(head) as cluster:
                asked = SweepAsked(fleet_sweep(cells), check_targets(folder / "perf.jsonl"), jobs=2)
                ended = run_on_cluster(asked, cluster, Killing(nodes, cells))
        seconds = time.monotonic() - began_s
        records = [json.loads(one) for one in (folder / "perf.jsonl").read_text().splitlines()]
        uses = [json.loads(one) for one in log.read_text().splitlines()]
    good = Counter(one["sweep"]["cell"] for one in records if one["status"] == "ok")
    lost = [one for one in records if one["status"] != "ok"]
    print(f"{ended.outcome.state}; {seconds:.0f} s")
    print(f"cells with one good record: {sum(count == 1 for count in good.values())} of {cells}")
    print(f"cells with two: {sum(count > 1 for count in good.values())}")
    print(f"failed records: {[one['error'] for one in lost]}")
    print(f"second tries: {sum(one['sweep']['attempt'] == 2 for one in records)}")
    print(f"uses of a device by two cells at once: {overlaps_in(uses)} of {len(uses)} notes")


if __name__ == "__main__":
    main()
