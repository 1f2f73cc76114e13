"""ttbench: benchmarks of PyTorch models on Tenstorrent cards, GPUs and CPUs.

    import ttbench_core
    result = ttbench_core.run("bert", config="tiny")
    print(result.samples_per_sec)

Importing this imports neither torch nor a backend, and of ttbench itself only
what is used: each public name is imported when it is first asked for, so that
packs stay cheap to list.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ttbench_core.errors import RequestError, TtbenchError
    from ttbench_core.model import (
        BenchmarkModel,
        Builder,
        Declared,
        StagedModel,
        Stages,
        benchmark_model,
    )
    from ttbench_core.plugins.catalogue import ModelEntry, installed_models
    from ttbench_core.record.result import Result
    from ttbench_core.record.run_errors import BenchmarkError, ResultNotStoredError, RunInterrupted
    from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Scenario, Trace
    from ttbench_core.results.comparison import Comparison, compare
    from ttbench_core.results.comparison.paired import SideBySide
    from ttbench_core.results.history import History, history
    from ttbench_core.results.reading import load
    from ttbench_core.running.runner import run
    from ttbench_core.running.side_by_side import run_ab
    from ttbench_core.sweeps.calling import run_sweep
    from ttbench_core.sweeps.definition.sweep import Sweep

    __version__: str

__all__ = [
    "BenchmarkError",
    "BenchmarkModel",
    "Builder",
    "Comparison",
    "DataFormat",
    "Declared",
    "History",
    "MathFidelity",
    "ModelEntry",
    "RequestError",
    "Result",
    "ResultNotStoredError",
    "RunInterrupted",
    "RunOptions",
    "Scenario",
    "SideBySide",
    "StagedModel",
    "Stages",
    "Sweep",
    "Trace",
    "TtbenchError",
    "benchmark_model",
    "compare",
    "history",
    "installed_models",
    "load",
    "run",
    "run_ab",
    "run_sweep",
]

_NAMES_BY_MODULE: Final = {
    "plugins.catalogue": ("ModelEntry", "installed_models"),
    "results.comparison": ("Comparison", "compare"),
    "errors": ("RequestError", "TtbenchError"),
    "model": ("BenchmarkModel", "Builder", "Declared", "StagedModel", "Stages", "benchmark_model"),
    "request.options": ("DataFormat", "MathFidelity", "RunOptions", "Scenario", "Trace"),
    "results.history": ("History", "history"),
    "results.reading": ("load",),
    "record.result": ("Result",),
    "record.run_errors": ("BenchmarkError", "ResultNotStoredError", "RunInterrupted"),
    "running.runner": ("run",),
    "results.comparison.paired": ("SideBySide",),
    "running.side_by_side": ("run_ab",),
    "sweeps.definition.sweep": ("Sweep",),
    "sweeps.calling": ("run_sweep",),
}
_MODULE_OF: Final = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        import importlib_metadata

        return importlib_metadata.version("ttbench-core")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
