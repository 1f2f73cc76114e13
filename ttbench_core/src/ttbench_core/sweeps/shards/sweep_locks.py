"""The locks on a sweep in its targets: the same one does not run twice on a machine.

A whole sweep has its lock alone. Shards share it, and each has one of its own beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.shards.shards import Shard

__all__ = ["sweep_locks"]


def sweep_locks(
    name: str,
    shard: Shard | None,
    targets: Sequence[Target],
    on_wait: Callable[[str], None],
    held: contextlib.ExitStack,
) -> list[HostLock]:
    """Wait for the locks of a sweep in its targets.

    Args:
        name: of the sweep.
        shard: that is run; None is all of it.
        targets: each has locks of its own.
        on_wait: is called with a sentence where one is not free at once.
        held: gives them back at its end.
    """
    locks = []
    # in an order that is the same for everyone who locks several
    for target in sorted(targets, key=lambda one: one.identity):
        name_here, shown = f"sweep {name} in {target.identity}", f"sweep {name} in {target}"
        wanted = [HostLock(name_here, shown=shown, shared=shard is not None)]
        if shard is not None:
            part = f"shard {shard} of "
            wanted.append(HostLock(f"{part}{name_here}", shown=f"{part}{shown}"))
        for lock in wanted:
            held.callback(lock.release)
            lock.wait(on_wait)
            locks.append(lock)
    return locks
