"""The records of cells that measured nothing: refused, out of time, or ended from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ttbench_core.errors import RequestError, SessionError
from ttbench_core.record.result import Result
from ttbench_core.running.record_secrets import without_secrets
from ttbench_core.running.record_values import failed_before_start, record_of_crash
from ttbench_core.running.request import RunRequest

__all__ = ["LOST", "ended_record", "lost_record", "refused_record", "timed_out_record"]

#: The phase of a run that ended with the machine that it ran on.
LOST: Final = "lost"


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
    """Make the failed record of a cell that ended with its machine.

    It says nothing about the cell, and nothing of this machine, which is another one.
    """
    failed = failed_before_start(request, LOST, SessionError(reason))
    return replace(
        failed,
        backend=request.options.backend,
        sweep=request.sweep,
        host={},
        machine_name="",
    )
