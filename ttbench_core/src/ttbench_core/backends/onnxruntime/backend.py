"""The entry point of the ONNX Runtime backend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ttbench_core.backends.device_selection import select_devices
from ttbench_core.backends.helpers import cpu_device
from ttbench_core.backends.onnxruntime.options import OnnxruntimeOptions
from ttbench_core.backends.onnxruntime.providers import KINDS, chosen_provider, require_provider
from ttbench_core.backends.protocol import CompileOptions, Device, Session
from ttbench_core.backends.shared.cuda_devices import cuda_devices
from ttbench_core.backends.shared.exported_backend import (
    ExportedBackend,
    exported_capabilities,
    require_one_device,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["OnnxruntimeBackend"]


class OnnxruntimeBackend(ExportedBackend):
    """ONNX Runtime on `cpu` and `cuda`, in Fp32; its processor kernels have no bfloat16."""

    name: Final = "onnxruntime"
    modules = ("onnx", "onnxscript", "onnxruntime")
    distributions = ("torch", "onnx", "onnxscript", "onnxruntime", "onnxruntime-gpu")
    extra = "onnxruntime"
    _capabilities = exported_capabilities(
        (DataFormat.FP32,),
        kinds=("cpu", "cuda"),
        options=OnnxruntimeOptions,
        variables=("ORT_*", "NVIDIA_TF32_OVERRIDE"),
    )

    def before_import(self) -> None:
        """Switch its telemetry off, which is read when it is imported and not later."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

    def check(self, options: RunOptions, engine: OnnxruntimeOptions) -> None:
        """Refuse a provider that does not run on the device of `-d`."""
        chosen_provider(options.device, engine.provider)

    def devices(self) -> Sequence[Device]:
        """Give this machine's processor, then the CUDA devices if the wheel is built for them."""
        self.before_import()
        import onnxruntime

        has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        return (cpu_device(), *(cuda_devices() if has_cuda else ()))

    def devices_for(self, options: RunOptions, engine: OnnxruntimeOptions) -> Sequence[Device]:
        """Give the device of the provider; raises `UnsupportedOptionError` for one not here."""
        self.before_import()
        provider = chosen_provider(options.device, engine.provider)
        require_provider(provider)
        found = select_devices(replace(options, device=options.device or KINDS[provider]), self)
        return require_one_device(found, self.name)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        self.before_import()
        from ttbench_core.backends.onnxruntime.compiling import compile_session

        return compile_session(model, options)
