"""Records of runs that ended before they could say anything themselves."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ttbench_core.record.environment import host_facts, machine_name
from ttbench_core.record.result import Result
from ttbench_core.running.record_secrets import without_secrets
from ttbench_core.running.recorded_options import options_that_failed, recorded_options
from ttbench_core.running.request import RunRequest

__all__ = ["failed_before_start", "record_of_crash"]


def failed_before_start(request: RunRequest, phase: str, error: BaseException) -> Result:
    """Make the failed record of a run that ended before anything was measured.

    Args:
        request: what was asked.
        phase: what it ended in.
        error: why.
    """
    options, source = request.options, request.source
    ended = Result(
        status="failed",
        total_time=None,
        total_samples=None,
        samples_per_sec=None,
        args=options_that_failed(options, source),
        arch=None,
        machine_name=machine_name(),
        hash=None,
        date=None,
        error=f"{phase}: {error}",
        run_id=uuid.uuid4().hex,
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        requested=recorded_options(options),
        host=host_facts(),
        failure={"phase": phase, "kind": type(error).__name__, "message": str(error)},
    )
    return without_secrets(ended, options)


def record_of_crash(ended: Result, known: Mapping[str, Any] | None) -> Result:
    """Complete the record of a process that crashed with what was known when it began.

    Args:
        ended: see `failed_before_start`.
        known: the record that the process sent when it began; None if it sent none.
    """
    if known is None:
        return ended
    return replace(
        Result.from_record(known),
        run_id=ended.run_id,
        error=ended.error,
        failure=ended.failure,
        requested=ended.requested,
    )
