"""P measurements in P fresh processes, as one Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ttbench_core.environment import host_facts, machine_name
from ttbench_core.errors import BenchmarkError, RunInterrupted, SessionError
from ttbench_core.job import Source
from ttbench_core.options import RunOptions, Trace
from ttbench_core.processes.child import Child
from ttbench_core.processes.combining import combined
from ttbench_core.progress import Observer
from ttbench_core.result import Result

__all__ = ["measure_in_processes", "nothing_measured", "options_of_process"]


def measure_in_processes(options: RunOptions, source: Source, observer: Observer) -> Result:
    """Measure in `options.processes` processes, one after the other.

    Raises `RequestError` as the first child does, `BenchmarkError` when one
    fails and `RunInterrupted` after Ctrl-C, with what was measured until then.
    """
    results: list[Result] = []
    for number in range(options.processes):
        observer.phase(f"process {number + 1} of {options.processes}")
        observer.passes(number, options.processes)
        with Child(options_of_process(options, results), source) as child:
            message = _heard(child, options, results)
        results.append(_result_of(message))
        if (failure := message.get("failure")) is not None:
            whole = combined(options, results)
            phase = f"{failure['phase']} of process {number + 1}"
            raise BenchmarkError(phase, failure["reason"], whole)
    return combined(options, results)


def options_of_process(options: RunOptions, earlier: Sequence[Result]) -> RunOptions:
    """Give what the next process measures.

    Later ones warm up as long as the first did, so that they are alike, and
    leave the checks to it: outputs, the machine's peak and traces.
    """
    if not earlier:
        return replace(options, processes=1)
    warmup = options.warmup
    if warmup is None and earlier[0].warmup is not None:
        warmup = earlier[0].warmup["inputs"]
    return replace(
        options,
        processes=1,
        warmup=warmup,
        verify=False,
        pcc=None,
        roofline=False,
        trace=Trace.NONE,
    )


def nothing_measured(options: RunOptions, reason: str) -> Result:
    """Make the record of a run whose process ended without one."""
    return Result(
        status="failed",
        total_time=None,
        total_samples=None,
        samples_per_sec=None,
        args=options.as_asked(),
        arch=None,
        machine_name=machine_name(),
        hash=None,
        date=None,
        error=f"process: {reason}",
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        requested=options.as_asked(),
        host=host_facts(),
        failure={"phase": "process", "kind": SessionError.__name__, "message": reason},
    )


def _heard(child: Child, options: RunOptions, earlier: Sequence[Result]) -> Mapping[str, Any]:
    try:
        return child.hear()
    except KeyboardInterrupt:
        message = child.interrupt()
        record = message.get("record") if message else None
        results = [*earlier, *([Result.from_record(record)] if record else [])]
        measured = any(result.passes or result.partial_pass for result in results)
        whole = combined(options, results, "interrupted") if measured else None
        raise RunInterrupted(whole) from None
    except SessionError as crash:
        lost = nothing_measured(options, str(crash))
        whole = combined(options, [*earlier, lost])
        raise BenchmarkError(f"process {len(earlier) + 1}", str(crash), whole) from crash


def _result_of(message: Mapping[str, Any]) -> Result:
    return Result.from_record(message["record"])
