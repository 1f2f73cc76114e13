"""Two variants in whole processes one after the other, where a device serves one process.

Pairs go A B, B A: what the machine does over minutes reaches both variants alike.
Passes cannot take turns here, so a pair of processes gives one ratio.
"""

from __future__ import annotations

from ttbench_core.running.processes.pairs import MeasurePair, Pair
from ttbench_core.running.processes.supervision import Supervision

__all__ = ["measure_alternately"]


def measure_alternately(supervisions: tuple[Supervision, Supervision]) -> MeasurePair:
    """Give what measures one pair of processes, one after the other; see `measure_pairs`.

    Args:
        supervisions: how the processes of A and of B are followed.
    """

    def measure_pair(pair: Pair, number: int) -> None:
        count = pair[0].request.options.processes
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            supervision = supervisions[side]
            supervision.observer.phase(f"pair {number + 1} of {count}, {'AB'[side]}")
            pair[side].measure(supervision)

    return measure_pair
