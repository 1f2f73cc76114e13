"""The entry point of the TensorRT backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ttbench_core.backends.device_selection import select_devices
from ttbench_core.backends.protocol import Availability, CompileOptions, Device, Session
from ttbench_core.backends.shared.cuda_devices import cuda_devices
from ttbench_core.backends.shared.exported_backend import (
    ExportedBackend,
    exported_capabilities,
    require_one_device,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["TensorrtBackend"]

_FORMATS: Final = (DataFormat.FP32, DataFormat.FP16, DataFormat.FP16_B)


class TensorrtBackend(ExportedBackend):
    """TensorRT on `cuda`, in Fp32, float16 and bfloat16."""

    name: Final = "tensorrt"
    modules = ("torch_tensorrt",)
    distributions = ("torch", "torch-tensorrt", "tensorrt-cu12", "tensorrt-cu13")
    extra = "tensorrt"
    _capabilities = exported_capabilities(
        _FORMATS,
        kinds=("cuda",),
        variables=("NVIDIA_TF32_OVERRIDE", "TORCHTRT_*"),
    )

    def availability(self) -> Availability:
        """Report whether torch finds a GPU, and torch-tensorrt can be imported."""
        try:
            import torch
        except (ImportError, OSError):
            return super().availability()
        if not torch.cuda.is_available():
            lacks = "is built without CUDA" if torch.version.cuda is None else "finds no GPU"
            return Availability(
                False,
                f"torch {torch.__version__} {lacks}, and TensorRT runs on NVIDIA GPUs alone",
                "on a machine with one, install a torch with CUDA and"
                f" 'ttbench-core[{self.extra}]'",
            )
        return super().availability()

    def devices(self) -> Sequence[Device]:
        """List the CUDA devices that torch can use."""
        return tuple(cuda_devices())

    def devices_for(self, options: RunOptions, engine: Any) -> Sequence[Device]:  # noqa: ARG002 - of the protocol
        """Give the device that was asked for; raises `UnsupportedOptionError` for several."""
        return require_one_device(select_devices(options, self), self.name)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.tensorrt.compiling import compile_session

        return compile_session(model, options)
