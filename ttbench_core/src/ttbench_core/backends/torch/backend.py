"""The entry point of the torch backend; it imports torch only when it must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from ttbench_core.backends.helpers import cpu_device, seeded
from ttbench_core.backends.protocol import (
    TORCH_RANK,
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Peak,
    Session,
)
from ttbench_core.backends.shared.cuda_devices import cuda_devices
from ttbench_core.backends.torch.contradictions import refuse_contradictions
from ttbench_core.backends.torch.levels import COMPARED_LEVELS, DEFAULT_LEVEL, LEVEL_HELP, LEVELS
from ttbench_core.backends.torch.options import TorchOptions
from ttbench_core.backends.torch.quantised_formats import (
    QUANTISED_FORMATS,
    multiplies_in_8_bits,
)
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import MathFidelity, RunOptions, Trace

__all__ = ["TorchBackend"]

_CAPABILITIES: Final = Capabilities(
    data_formats=(*DataFormat, *QUANTISED_FORMATS),
    math_fidelities=frozenset(MathFidelity),
    opt_levels=LEVELS,
    opt_level_help=LEVEL_HELP,
    compared_opt_levels=COMPARED_LEVELS,
    traces=frozenset(Trace),
    device_kinds=("cuda", "cpu"),
    training=True,
    training_chips=False,
    generation=True,
    host_stages=True,
    input_kinds=INPUT_KINDS,
    default_format=DataFormat.FP32,
    default_opt_level=DEFAULT_LEVEL,
    threads=True,
    options=TorchOptions,
    variables=(
        "CUDA_LAUNCH_BLOCKING",
        "NVIDIA_TF32_OVERRIDE",
        "PYTORCH_*",
        "TORCHINDUCTOR_*",
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    ),
    rank=TORCH_RANK,
)


class TorchBackend:
    """PyTorch, eager or compiled, on `cuda` and `cpu`."""

    name: Final = "torch"
    #: Of ttbench-core, which installs what it needs.
    extra: Final = "torch"

    def availability(self) -> Availability:
        """Report whether torch can be imported."""
        try:
            import torch  # noqa: F401
        except (ImportError, OSError) as error:  # OSError: a shared library of torch is missing
            return Availability(
                False, f"torch cannot be imported ({error})", "pip install 'ttbench-core[torch]'"
            )
        from ttbench_core.backends.shared.quiet_imports import hide_import_warnings

        hide_import_warnings()
        return Availability(True)

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return _CAPABILITIES

    def devices(self) -> Sequence[Device]:
        """List the CUDA devices that torch can use, then the CPU."""
        return (*cuda_devices(), cpu_device())

    def versions(self) -> Mapping[str, str]:
        """Give the versions of torch and of its CUDA libraries."""
        import torch

        versions = {"torch": str(torch.__version__)}
        if torch.version.cuda is not None:
            versions["cuda"] = torch.version.cuda
        if torch.cuda.is_available():
            versions["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call,unused-ignore]
        return versions

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Seed torch's generators, and restore those of the CPU and the devices at the end."""
        return seeded(seed, devices)

    def check(self, options: RunOptions, engine: TorchOptions) -> None:
        """Refuse options that contradict each other; see `contradictions`."""
        refuse_contradictions(options, engine)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.torch.compiling import compile_session

        return compile_session(model, options)

    def peak(self, device: Device, data_format: NumberFormat, threads: int | None) -> Peak:
        """Measure matrix products and memory; see `roofline`.

        Raises `UnsupportedOptionError` for products of 8-bit numbers, which it cannot measure.
        """
        if multiplies_in_8_bits(data_format):
            raise UnsupportedOptionError(
                f"{data_format} multiplies in 8 bits, and only 16 and 32 bits are measured"
            )
        import torch

        from ttbench_core.backends.shared.roofline import measure_peak
        from ttbench_core.backends.torch.formats import compute_dtype

        is_cpu = device.kind == "cpu"
        torch_device = torch.device("cpu") if is_cpu else torch.device(device.kind, device.index)
        return measure_peak(torch_device, compute_dtype(data_format), threads)
