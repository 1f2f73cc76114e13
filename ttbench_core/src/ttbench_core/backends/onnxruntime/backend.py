"""The entry point of the ONNX Runtime backend."""

from __future__ import annotations

import os
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.exported_backend import ExportedBackend, exported_capabilities
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import DataFormat

__all__ = ["OnnxruntimeBackend"]


class OnnxruntimeBackend(ExportedBackend):
    """ONNX Runtime on `cpu`, in Fp32; its processor kernels have no bfloat16."""

    name: Final = "onnxruntime"
    modules = ("onnx", "onnxscript", "onnxruntime")
    distributions = ("torch", "onnx", "onnxscript", "onnxruntime")
    extra = "onnxruntime"
    _capabilities = exported_capabilities((DataFormat.FP32,), variables=("ORT_*",))

    def before_import(self) -> None:
        """Switch its telemetry off, which is read when it is imported and not later."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        self.before_import()
        from ttbench_core.backends.onnxruntime.compiling import compile_session

        return compile_session(model, options)
