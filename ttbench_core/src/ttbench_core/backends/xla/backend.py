"""The entry point of the PyTorch/XLA backend; it imports torch only when it must."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from ttbench_core.backends.device_selection import select_devices
from ttbench_core.backends.helpers import seeded
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    Peak,
    Session,
)
from ttbench_core.backends.shared.exported_backend import require_one_device
from ttbench_core.backends.shared.xla.runtime import TYPE_VARIABLE
from ttbench_core.backends.xla.options import XlaOptions
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import MathFidelity, RunOptions

__all__ = ["XlaBackend"]

#: The types of devices of PJRT, by what `-d` names them; the first one is the default.
_TYPES: Final = {"cpu": "CPU", "tpu": "TPU", "cuda": "CUDA", "neuron": "NEURON"}
_REMEDY: Final = (
    "ttbench env create xla --backend xla, an interpreter of its own: it needs the torch that it"
    " was built for"
)
#: The default timeout in seconds, as of other compilers: a large model takes most of it.
_DEFAULT_TIMEOUT_S: Final = 1800.0
_CAPABILITIES: Final = Capabilities(
    device_kinds=tuple(_TYPES),
    untested_kinds=("tpu", "cuda", "neuron"),
    data_formats=(DataFormat.FP32, DataFormat.FP16, DataFormat.FP16_B),
    default_format=DataFormat.FP32,
    math_fidelities=frozenset(MathFidelity),
    training=True,
    generation=True,
    host_stages=True,
    input_kinds=INPUT_KINDS,
    threads=True,
    options=XlaOptions,
    variables=(
        "CPU_NUM_DEVICES",
        "LIBTPU_INIT_ARGS",
        "NEURON_*",
        "NPROC",
        "PJRT_*",
        "TPU_*",
        "XLA_*",
    ),
    own_process=True,
    patience_s=_DEFAULT_TIMEOUT_S,
)


class XlaBackend:
    """PyTorch/XLA on the devices that PJRT has; on `cpu` tested, on all others not."""

    name: Final = "xla"
    #: Of ttbench-core, which installs what it needs.
    extra: Final = "xla"

    def availability(self) -> Availability:
        """Report whether torch_xla can be imported; it starts no runtime."""
        from ttbench_core.backends.shared.xla.runtime import import_fault

        return import_fault(_REMEDY) or Availability(True)

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return _CAPABILITIES

    def devices(self) -> Sequence[Device]:
        """List the devices of the type that the runtime of this process has, or would have.

        That is the one of PJRT_DEVICE, else the processor.
        """
        from ttbench_core.backends.shared.xla.runtime import runtime_devices, start_runtime

        kind = _default_kind()
        start_runtime(_TYPES[kind])
        return runtime_devices(kind)

    def devices_for(self, options: RunOptions, engine: XlaOptions) -> Sequence[Device]:  # noqa: ARG002
        """Start the runtime for the device of a request, and give that device.

        Raises `DeviceError` where it is missing, `UnsupportedOptionError` for more than one and in
        a process that runs with another type of device.
        """
        from ttbench_core.backends.shared.xla.runtime import start_runtime

        device = options.device or _default_kind()
        kind = device.partition(":")[0]
        if kind in _TYPES:
            start_runtime(_TYPES[kind], options.threads)
        return require_one_device(select_devices(replace(options, device=device), self), self.name)

    def versions(self) -> Mapping[str, str]:
        """Give the versions of torch and torch_xla."""
        from ttbench_core.backends.shared.xla.runtime import installed_versions

        return installed_versions()

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Seed torch's generators, and restore them at the end; `compile` seeds the device's."""
        return seeded(seed, [one for one in devices if one.kind == "cpu"])

    def peak(self, device: Device, data_format: NumberFormat, threads: int | None) -> Peak:
        """Measure matrix products and memory of a processor by PyTorch alone.

        Raises `UnsupportedOptionError` for any other device.
        """
        if device.kind != "cpu":
            raise UnsupportedOptionError(f"the peak of a {device.kind} device cannot be measured")
        import torch

        from ttbench_core.backends.shared.roofline import measure_peak
        from ttbench_core.backends.xla.formats import compute_dtype

        return measure_peak(torch.device("cpu"), compute_dtype(data_format), threads)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.xla.compiling import compile_session

        return compile_session(model, options)


def _default_kind() -> str:
    """Give the kind of device where `-d` names none; raises `UnsupportedOptionError`."""
    asked = os.environ.get(TYPE_VARIABLE) or "CPU"
    kinds = {name: kind for kind, name in _TYPES.items()}
    if asked not in kinds:
        raise UnsupportedOptionError(
            f"{TYPE_VARIABLE} is {asked!r}, and backend 'xla' has {', '.join(kinds)}: unset it, or"
            " name a device with -d"
        )
    return kinds[asked]
