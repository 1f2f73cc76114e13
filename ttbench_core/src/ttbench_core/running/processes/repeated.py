"""One request measured in several processes, one after the other, as one Result."""

from __future__ import annotations

from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import RunInterrupted
from ttbench_core.running.processes.series import Series
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.request import RunRequest

__all__ = ["measure_in_processes"]


def measure_in_processes(request: RunRequest, supervision: Supervision) -> Result:
    """Measure in `options.processes` processes, one after the other, as one Result.

    Raises `RequestError` as the first child does, `BenchmarkError` when one
    fails and `RunInterrupted` after Ctrl-C, with what was measured until then.
    """
    series, count = Series(request), request.options.processes
    try:
        for number in range(count):
            if count > 1:
                supervision.observer.phase(f"process {number + 1} of {count}")
                supervision.observer.passes(number, count)
            series.measure(supervision)
        return series.result()
    except KeyboardInterrupt:
        raise RunInterrupted(series.interrupted_result()) from None
