"""What PyTorch/XLA has compiled and run so far, as it counts it itself."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch_xla.debug.metrics as met

from ttbench_core.backends.shared.xla.runtime import CACHE_VARIABLE

__all__ = ["Work", "compile_cache", "host_operators", "work_so_far"]


@dataclass(frozen=True)
class Work:
    """Graphs that were compiled and run."""

    #: Graphs that were not found among those of this process.
    compilations: int
    #: Time in the compiler of XLA, in seconds.
    compile_s: float
    #: Graphs that were run, by lazy tensors or by torch.compile, on one device or on a mesh.
    executions: int

    def since(self, before: Work) -> Work:
        """Give what came after an earlier reading."""
        return Work(
            self.compilations - before.compilations,
            self.compile_s - before.compile_s,
            self.executions - before.executions,
        )


def work_so_far() -> Work:
    """Read the counters of this process; a graph counts as run when it has ended."""
    compile_time = met.metric_data("CompileTime")
    # the counter ExecuteComputation leaves out the graphs that torch.compile runs
    runs = (met.metric_data("ExecuteTime"), met.metric_data("ExecuteReplicatedTime"))
    return Work(
        compilations=int(met.counter_value("UncachedCompile") or 0),
        compile_s=compile_time[1] / 1e9 if compile_time else 0.0,
        executions=sum(int(one[0]) for one in runs if one),
    )


def host_operators() -> list[str]:
    """Name the operators that XLA lacks and PyTorch has run on the host instead."""
    return sorted({str(name).removeprefix("aten::") for name in met.executed_fallback_ops()})


def compile_cache() -> str:
    """Say whether compiled graphs outlive the process: `given` in a folder of the user, or `none`.

    It is off unless the user names a folder.
    """
    return "given" if os.environ.get(CACHE_VARIABLE) else "none"
