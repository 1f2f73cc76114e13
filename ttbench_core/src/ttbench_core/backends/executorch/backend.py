"""The entry point of the ExecuTorch backend."""

from __future__ import annotations

from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.exported_backend import ExportedBackend, exported_capabilities
from ttbench_core.backends.shared.quiet_imports import hide_import_warnings
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import DataFormat

__all__ = ["ExecutorchBackend"]


class ExecutorchBackend(ExportedBackend):
    """ExecuTorch with XNNPACK on `cpu`, in Fp32."""

    name: Final = "executorch"
    modules = ("executorch.runtime",)
    distributions = ("torch", "executorch")
    extra = "executorch"
    _capabilities = exported_capabilities((DataFormat.FP32,))

    def before_import(self) -> None:
        """Hide what torchao logs, which ExecuTorch imports."""
        hide_import_warnings()

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        self.before_import()
        from ttbench_core.backends.executorch.compiling import compile_session

        return compile_session(model, options)
