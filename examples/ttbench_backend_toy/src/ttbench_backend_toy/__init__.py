"""A backend in one module: PyTorch on the CPU, with weights rounded to small integers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ttbench_core.backends.helpers import SyncSession, cpu_device, private_copy, seeded, staged_run
from ttbench_core.backends.protocol import (
    TORCH_RANK,
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    EngineFormat,
    Session,
    engine_option,
)
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel

INT8 = EngineFormat("Int8", help="weights in 8-bit integers", pcc=0.99)
INT4 = EngineFormat("Int4", help="weights in 4-bit integers", pcc=0.9)
LARGEST = {INT8: 127, INT4: 7}


class Scale(Enum):
    ROW = "row"
    TENSOR = "tensor"


@dataclass(frozen=True)
class ToyOptions:
    scale: Scale = engine_option(
        Scale.ROW, help="What has a scale of its own: each row of a weight, or the whole tensor"
    )


class ToyBackend:
    name = "toy"

    def availability(self) -> Availability:
        if importlib.util.find_spec("torch") is None:
            return Availability(False, "PyTorch is not installed", "pip install torch")
        return Availability(True)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            device_kinds=("toy",),
            data_formats=(INT8, INT4),
            default_format=INT8,
            host_stages=True,
            options=ToyOptions,
            rank=TORCH_RANK + 1,
        )

    def devices(self) -> Sequence[Device]:
        return [cpu_device("toy")]

    def versions(self) -> Mapping[str, str]:
        import torch

        return {"torch": str(torch.__version__)}

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        return seeded(seed, devices)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        import torch

        if not isinstance(model.stages.device, torch.nn.Module):
            kind = type(model.stages.device).__name__
            raise UnsupportedOptionError(f"backend 'toy' runs a torch.nn.Module, not a {kind}")
        stage = private_copy(model.stages.device).eval().float()
        count = round_weights(stage, LARGEST[options.data_format], options.engine.scale)
        return SyncSession(
            staged_run(model, stage),
            effective={"rounded_weights": count, "threads": torch.get_num_threads()},
            notes=[f"{options.data_format} is emulated: its speed is that of float32"],
        )


def round_weights(module: Any, largest: int, scale: Scale) -> int:
    """Round the matrices among the parameters of a module, and give their number."""
    matrices = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    for matrix in matrices:
        rows = matrix.detach().flatten(1)
        size = rows.abs().amax(dim=1, keepdim=True) if scale is Scale.ROW else rows.abs().max()
        step = (size / largest).clamp(min=1e-12)
        # a new tensor: the copy shares the memory of the caller's weights
        matrix.data = ((rows / step).round() * step).reshape(matrix.shape)
    return len(matrices)
