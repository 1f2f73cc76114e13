"""From an exported stage to a package of native code, and from the package to a function."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
import torch._inductor

from ttbench_core.backends.aot_inductor.options import AotInductorOptions, aot_inductor_options
from ttbench_core.backends.aot_inductor.packages import keep_package
from ttbench_core.backends.protocol import CompileOptions, Session, Tensors
from ttbench_core.backends.shared.call_engine import CallEngine
from ttbench_core.backends.shared.compile_cache import compile_cache
from ttbench_core.backends.shared.computed_type import computed_type
from ttbench_core.backends.shared.exported_session import (
    CompiledStage,
    compile_exported,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage
from ttbench_core.models.exported.quiet import quiet_conversion
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.request.formats import DataFormat

__all__ = ["compile_session"]

_DTYPES: Final = {DataFormat.FP32: torch.float32, DataFormat.FP16_B: torch.bfloat16}


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model in its format and compile it; raises what `compile_exported` raises."""
    dtype = _DTYPES[DataFormat(options.data_format.value)]
    asked = aot_inductor_options(options)

    def compiler(stage: ExportedStage, threads: int) -> CompiledStage:
        return _compiled(stage, threads, asked)

    return compile_exported(model, options, compiler, dtype)


def _compiled(stage: ExportedStage, threads: int, asked: AotInductorOptions) -> CompiledStage:
    with (
        tempfile.TemporaryDirectory(prefix="ttbench-aot-") as folder,
        compile_cache() as cache,
        cache.used(),
        quiet_conversion(),
    ):
        started_s = time.perf_counter()
        package = torch._inductor.aoti_compile_and_package(  # noqa: SLF001 - its public door
            stage.program,
            package_path=str(Path(folder) / "stage.pt2"),
            # weights are constants, which lets it lay them out as the processor wants them
            inductor_configs={"freezing": True},
        )
        compiled_s = time.perf_counter()
        loaded: Any = torch._inductor.aoti_load_package(package)  # noqa: SLF001
        load_s = time.perf_counter() - compiled_s
        package_bytes = Path(package).stat().st_size
        if asked.package is not None:
            keep_package(Path(package), asked.package, may_replace=asked.replace)

    def run(tensors: Sequence[torch.Tensor]) -> Tensors:
        return as_tensors(loaded(*tensors))

    with torch.inference_mode():
        outputs = run(stage.example)  # only a call tells the types of what a package gives
    effective = {
        "dtype": computed_type(stage, [one.dtype for one in outputs]),
        "threads": threads,
        "compile_cache": cache.kind,
        "package_compile_s": compiled_s - started_s,
        "package_load_s": load_s,
        "package_bytes": package_bytes,
    }
    return CompiledStage(CallEngine(run), effective)
