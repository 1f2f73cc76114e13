"""What a run went through, as plain values of its record."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from ttbench_core.environment import host_facts, machine_name, recorded_options
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.stopping import Stop
from ttbench_core.measure.warmup import WarmUp
from ttbench_core.options import RunOptions
from ttbench_core.result import Result

__all__ = [
    "cut_short",
    "pass_record",
    "stopping_record",
    "tensor_record",
    "unmeasured",
    "warmup_record",
]


def pass_record(one: Pass) -> dict[str, Any]:
    """Give the times of a pass of the first process."""
    return {
        "process": 0,
        "e2e_ns": one.e2e_ns,
        "push_ns": list(one.push_ns),
        "pop_ns": list(one.pop_ns),
        **({"token_ns": [list(tokens) for tokens in one.token_ns]} if one.token_ns else {}),
    }


def warmup_record(warmup: WarmUp) -> dict[str, Any]:
    """Give what warming up took."""
    return {
        "inputs": warmup.inputs,
        "settled": warmup.settled,
        "fixed": warmup.fixed,
        "latency_ns": list(warmup.latency_ns),
    }


def stopping_record(stop: Stop) -> dict[str, Any]:
    """Give why there was no further pass."""
    return {**asdict(stop), "missed": stop.missed}


def tensor_record(tensor: Any) -> dict[str, Any]:
    """Give shape and type of an input or a target."""
    return {
        "shape": [int(size) for size in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
    }


def cut_short(ended: Result, known: Mapping[str, Any] | None) -> Result:
    """Fill the record of a run that ended without a word with what was known when it began.

    Args:
        ended: see `unmeasured`.
        known: a record.
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


def unmeasured(options: RunOptions, phase: str, error: BaseException) -> Result:
    """Make the failed record of a run that ended before anything was known of it.

    Args:
        options: what was asked.
        phase: what it ended in.
        error: why.
    """
    return Result(
        status="failed",
        total_time=None,
        total_samples=None,
        samples_per_sec=None,
        args=recorded_options(options),
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
