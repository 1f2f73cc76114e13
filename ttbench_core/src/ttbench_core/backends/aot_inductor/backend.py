"""The entry point of the AOTInductor backend."""

from __future__ import annotations

from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.exported_backend import (
    CPU_FORMATS,
    ExportedBackend,
    exported_capabilities,
)
from ttbench_core.model import BenchmarkModel

__all__ = ["AotInductorBackend"]


class AotInductorBackend(ExportedBackend):
    """AOTInductor on `cpu`, in Fp32 and bfloat16."""

    name: Final = "aot_inductor"
    _capabilities = exported_capabilities(CPU_FORMATS, variables=("TORCHINDUCTOR_*", "AOT_*"))

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.aot_inductor.compiling import compile_session

        return compile_session(model, options)
