"""Two variants measured side by side, in pairs of fresh processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.running.processes.series import Series
from ttbench_core.running.progress import Observer
from ttbench_core.running.request import RunRequest

__all__ = ["MeasurePair", "Pair", "measure_pairs"]

#: One series of processes for each variant, A and B.
Pair: TypeAlias = tuple[Series, Series]
#: Adds one process to both series; takes the number of the pair, from 0.
MeasurePair: TypeAlias = Callable[[Pair, int], None]


def measure_pairs(
    requests: tuple[RunRequest, RunRequest], measure_pair: MeasurePair, observer: Observer
) -> tuple[Result, Result]:
    """Measure two variants in `options.processes` pairs of processes, as two records.

    Args:
        requests: A and B; what belongs to the measurement as a whole is the same in both.
        measure_pair: measures one pair.
        observer: is shown which pair it is.

    Raises `RequestError`, `BenchmarkError` and `RunInterrupted` as `run` does, with
    the record of one variant as `result` and what there is of the other in `others`.
    """
    pair, count = (Series(requests[0]), Series(requests[1])), requests[0].options.processes
    try:
        for number in range(count):
            observer.phase(f"pair {number + 1} of {count}")
            measure_pair(pair, number)
            observer.passes(number + 1, count)
        return pair[0].result(), pair[1].result()
    except BenchmarkError as error:
        error.others = tuple(one.result() for one in pair if one.results and not one.has_failed)
        raise
    except KeyboardInterrupt:
        raise _interrupted(pair) from None


def _interrupted(pair: Pair) -> RunInterrupted:
    results = [result for one in pair if (result := one.interrupted_result()) is not None]
    interruption = RunInterrupted(results[0] if results else None)
    interruption.others = tuple(results[1:])
    return interruption
