"""A small whole Result, to try sinks and reports with."""

from __future__ import annotations

from typing import Any

from ttbench_core.record.result import Result

__all__ = ["example_result"]


def example_result(**changes: Any) -> Result:
    """Give a small whole Result, to try a sink or a report with.

    Args:
        changes: fields to replace.
    """
    values: dict[str, Any] = {
        "status": "ok",
        "total_time": 0.5,
        "total_samples": 40,
        "samples_per_sec": 80.0,
        "args": {"model": "example", "config": "small", "loop_count": 5, "microbatch": 8},
        "arch": "x86_64",
        "machine_name": "example-host",
        "hash": None,
        "date": None,
        "run_id": "0" * 32,
        "started_at": "2026-01-01T00:00:00+00:00",
        "passes": [{"e2e_ns": 500_000_000, "push_ns": [0], "pop_ns": [500_000_000]}],
    }
    return Result(**{**values, **changes})
