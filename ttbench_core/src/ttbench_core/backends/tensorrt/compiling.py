"""From an exported stage to engines of TensorRT, by torch-tensorrt."""

from __future__ import annotations

import operator
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
import torch_tensorrt
from torch.export.passes import move_to_device_pass

from ttbench_core.backends.protocol import CompileOptions, Device, Session, Tensors
from ttbench_core.backends.shared.call_engine import CallEngine
from ttbench_core.backends.shared.computed_type import computed_type
from ttbench_core.backends.shared.converting import converting
from ttbench_core.backends.shared.exported_session import (
    CompiledStage,
    compile_exported,
)
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.request.formats import DataFormat

__all__ = ["compile_session"]

_DTYPES: Final = {
    DataFormat.FP32: torch.float32,
    DataFormat.FP16: torch.float16,
    DataFormat.FP16_B: torch.bfloat16,
}


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model in its format and compile it; raises what `compile_exported` raises.

    The types of the graph are those that TensorRT computes in: typing is explicit.
    """
    dtype = _DTYPES[DataFormat(options.data_format.value)]

    def compiler(stage: ExportedStage, threads: int) -> CompiledStage:
        return _compiled(stage, threads, options.devices[0])

    return compile_exported(model, options, compiler, dtype)


def _compiled(stage: ExportedStage, threads: int, device: Device) -> CompiledStage:
    place = _place(device)
    compiled = _module(stage, place)
    engines, outside = _engines(compiled), sum(1 for _ in _calls(compiled))
    if not engines:
        raise UnsupportedOptionError(
            f"TensorRT took none of the {outside} operators of the device stage; backend 'torch'"
            " runs it as it is"
        )

    def run(tensors: Sequence[torch.Tensor]) -> Tensors:
        outputs = as_tensors(compiled(*[one.to(place) for one in tensors]))
        return tuple(one.cpu() for one in outputs)

    effective = {
        "dtype": computed_type(stage),
        "threads": threads,
        "device": str(place),
        "tf32": False,
        "tensorrt_engines": engines,
        "torch_operators": outside,
    }
    notes = (f"{outside} operators run by PyTorch, between TensorRT's engines",) if outside else ()
    return CompiledStage(CallEngine(run), effective, notes)


def _module(stage: ExportedStage, place: torch.device) -> Any:
    """Compile a stage on its device, with a cache of timings of its own: every build is cold."""
    with (
        tempfile.TemporaryDirectory(prefix="ttbench-tensorrt-") as folder,
        converting("TensorRT"),
    ):
        return torch_tensorrt.dynamo.compile(
            move_to_device_pass(stage.program, place),
            inputs=[one.to(place) for one in stage.example],
            device=place,
            # Fp32 means float32: by itself TensorRT rounds what it multiplies to TF32
            disable_tf32=True,
            # by itself it takes every mask of attention for a causal one, which changes outputs
            attn_bias_is_causal=False,
            timing_cache_path=str(Path(folder) / "timing.bin"),
        )


def _engines(compiled: Any) -> int:
    kind = torch_tensorrt.dynamo.runtime.TorchTensorRTModule
    return sum(isinstance(part, kind) for part in compiled.modules())


def _calls(compiled: Any) -> Iterator[torch.fx.Node]:
    """Give the operators that PyTorch runs: those in graphs, outside of engines."""
    for part in compiled.modules():
        if isinstance(part, torch.fx.GraphModule):
            for node in part.graph.nodes:
                if node.op == "call_function" and node.target is not operator.getitem:
                    yield node


def _place(device: Device) -> torch.device:
    return torch.device(device.kind, device.index)
