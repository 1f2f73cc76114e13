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
    from ttbench_core.catalogue import ModelEntry, installed_models
    from ttbench_core.errors import (
        BenchmarkError,
        RequestError,
        ResultNotStoredError,
        RunInterrupted,
        TtbenchError,
    )
    from ttbench_core.model import BenchmarkModel, Builder, StagedModel, Stages, benchmark_model
    from ttbench_core.options import DataFormat, MathFidelity, RunOptions, Trace
    from ttbench_core.result import Result
    from ttbench_core.runner import run

    __version__: str

__all__ = [
    "BenchmarkError",
    "BenchmarkModel",
    "Builder",
    "DataFormat",
    "MathFidelity",
    "ModelEntry",
    "RequestError",
    "Result",
    "ResultNotStoredError",
    "RunInterrupted",
    "RunOptions",
    "StagedModel",
    "Stages",
    "Trace",
    "TtbenchError",
    "benchmark_model",
    "installed_models",
    "run",
]

_HOMES: Final = {
    "catalogue": ("ModelEntry", "installed_models"),
    "errors": (
        "BenchmarkError",
        "RequestError",
        "ResultNotStoredError",
        "RunInterrupted",
        "TtbenchError",
    ),
    "model": ("BenchmarkModel", "Builder", "StagedModel", "Stages", "benchmark_model"),
    "options": ("DataFormat", "MathFidelity", "RunOptions", "Trace"),
    "result": ("Result",),
    "runner": ("run",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        import importlib_metadata

        return importlib_metadata.version("ttbench-core")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
