"""Performance traces with torch.profiler, recorded outside the timed passes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch

from ttbench_core.backends.shared.stages import Step
from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

__all__ = ["write_trace"]

#: Inputs under the profiler: enough to reach a steady state, few enough for a small file.
_TRACED_INPUTS: Final = 3
#: Operators in the table.
_TABLE_ROWS: Final = 20


def write_trace(
    step: Step, inputs: Inputs, level: Trace, folder: Path, device: torch.device
) -> Sequence[Path]:
    """Profile a few inputs and write the table of operators, and the timeline if verbose.

    Returns:
        `operators.txt`, and `trace.json` (Chrome trace format, which Perfetto
        opens) for `Trace.VERBOSE`.
    """
    on_cuda = device.type == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU]
    if on_cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with (
        _silenced_profiler(),
        torch.profiler.profile(
            activities=activities, record_shapes=level is Trace.VERBOSE
        ) as profile,
    ):
        for _ in range(_TRACED_INPUTS):
            step(inputs)
        if on_cuda:
            torch.cuda.synchronize(device)
    order = "self_cuda_time_total" if on_cuda else "self_cpu_time_total"
    table = folder / "operators.txt"
    table.write_text(
        profile.key_averages().table(sort_by=order, row_limit=_TABLE_ROWS), encoding="utf-8"
    )
    if level is not Trace.VERBOSE:
        return [table]
    timeline = folder / "trace.json"
    profile.export_chrome_trace(str(timeline))
    return [table, timeline]


@contextlib.contextmanager
def _silenced_profiler() -> Iterator[None]:
    """Keep the profiler's library from printing two lines of its own to stderr."""
    name = "KINETO_LOG_LEVEL"
    previous = os.environ.get(name)
    os.environ.setdefault(name, "99")
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
