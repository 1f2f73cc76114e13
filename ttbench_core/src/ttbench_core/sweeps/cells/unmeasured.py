"""The records of cells that measured nothing: refused, out of time, or ended from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ttbench_core.errors import RequestError, SessionError
from ttbench_core.record.result import LOST, Result
from ttbench_core.running.failed_runs import failed_before_start, record_of_crash
from ttbench_core.running.record_secrets import without_secrets
from ttbench_core.running.request import RunRequest

__all__ = [
    "ended_record",
    "lost_record",
    "of_another_machine",
    "refused_record",
    "timed_out_record",
]


def refused_record(request: RunRequest, refusal: RequestError) -> Result:
    """Make the record of what an engine refused before anything ran."""
    failed = failed_before_start(request, "request", refusal)
    refused = replace(
        failed,
        status="refused",
        error=str(refusal),
        backend=request.options.backend,
        sweep=request.sweep,
    )
    return without_secrets(refused, request.options)


def timed_out_record(
    request: RunRequest, measured: Result | None, timeout_s: float | None
) -> Result:
    """Make the failed record of a run that took too long.

    Args:
        request: what was asked.
        measured: what was measured until then, if anything was.
        timeout_s: seconds that it had.
    """
    reason = f"it took longer than the {timeout_s:g} s that a cell may take"
    known = None if measured is None else measured.to_record()
    ended = record_of_crash(failed_before_start(request, "timeout", SessionError(reason)), known)
    # a part of a measurement is no rate
    return replace(
        ended,
        status="failed",
        total_time=None,
        samples_per_sec=None,
        confidence=None,
        sweep=request.sweep,
    )


def ended_record(request: RunRequest, reason: str) -> Result:
    """Make the failed record of a cell whose process ended without an outcome."""
    failed = failed_before_start(request, "process", SessionError(reason))
    return replace(failed, backend=request.options.backend, sweep=request.sweep)


def lost_record(request: RunRequest, reason: str) -> Result:
    """Make the failed record of a cell that ended with its machine: it says nothing of the cell."""
    failed = failed_before_start(request, LOST, SessionError(reason))
    return replace(failed, backend=request.options.backend, sweep=request.sweep)


def of_another_machine(record: Result, launch: Mapping[str, str]) -> Result:
    """Take what a record says of this machine out of it: it is of another one.

    Args:
        record: of a cell that measured nothing.
        launch: what is known of the other machine, for `sweep.launch`.
    """
    stamp = {**(record.sweep or {}), "launch": dict(launch)}
    return replace(record, host={}, machine_name="", sweep=stamp)
