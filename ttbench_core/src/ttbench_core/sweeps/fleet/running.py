"""Running a sweep on the machines of a cluster."""

from __future__ import annotations

from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.fleet.asking import plan_fleet
from ttbench_core.sweeps.fleet.cluster import Cluster
from ttbench_core.sweeps.fleet.fleet_plan import fleet_sentences
from ttbench_core.sweeps.fleet.fleet_pool import FleetPool
from ttbench_core.sweeps.journal.journal import read_journal
from ttbench_core.sweeps.progress.progress import SILENT_SWEEP, SweepObserver
from ttbench_core.sweeps.running import FinishedSweep, Planned, locked, run_what_is_left

__all__ = ["run_on_cluster"]


def run_on_cluster(
    asked: SweepAsked, cluster: Cluster, observer: SweepObserver = SILENT_SWEEP
) -> FinishedSweep:
    """Run what a sweep has no record of yet on the machines of a cluster.

    This process alone writes records, each as soon as it is there. A cell that is lost with its
    machine has a row, and is tried once more.

    Args:
        asked: the sweep; its `jobs` are those of each machine.
        cluster: what runs the cells.
        observer: is shown what happens.

    Raises what `run_planned` does, and `ClusterError`.
    """
    sweep, jobs = asked.sweep, asked.jobs
    with locked(asked, observer) as locks:
        journal = read_journal(asked.targets, sweep.name)
        fleet = plan_fleet(sweep, cluster, measured=journal.ended_cells())
        pool = FleetPool(cluster, fleet, jobs)
        planned = Planned(fleet.plan, pool, tuple(fleet_sentences(fleet)))
        return run_what_is_left(asked, planned, journal, locks, observer)
