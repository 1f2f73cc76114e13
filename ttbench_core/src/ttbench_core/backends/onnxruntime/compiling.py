"""From an exported stage to a session of ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime
import torch

from ttbench_core.backends.onnxruntime.options import Provider, onnxruntime_options
from ttbench_core.backends.onnxruntime.providers import (
    chosen_provider,
    provider_facts,
    provider_notes,
    started,
)
from ttbench_core.backends.protocol import CompileOptions, Session, Tensors
from ttbench_core.backends.shared.call_engine import CallEngine
from ttbench_core.backends.shared.computed_type import computed_type
from ttbench_core.backends.shared.converting import converting
from ttbench_core.backends.shared.exported_session import CompiledStage, compile_exported
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage
from ttbench_core.models.exported.quiet import quiet_conversion

__all__ = ["compile_session"]

#: ONNX Runtime's names for types.
_FLOATS: Final = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(bfloat16)": torch.bfloat16,
    "tensor(double)": torch.float64,
}


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model in Fp32 and load it; raises what `compile_exported` raises.

    Raises `UnsupportedOptionError` for a provider that cannot run it, too.
    """
    device = options.devices[0]
    provider = chosen_provider(device.kind, onnxruntime_options(options).provider)

    def compiler(stage: ExportedStage, threads: int) -> CompiledStage:
        return _compiled(stage, threads, provider, device.index)

    return compile_exported(model, options, compiler)


def _compiled(stage: ExportedStage, threads: int, provider: Provider, index: int) -> CompiledStage:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3  # errors
    with tempfile.TemporaryDirectory(prefix="ttbench-onnx-") as folder:
        file = _saved(stage, Path(folder))
        with converting("ONNX Runtime"):
            session = started(provider, str(file), settings, index)
    names = [one.name for one in session.get_inputs()]

    def run(tensors: Sequence[torch.Tensor]) -> Tensors:
        feeds = {
            name: tensor.contiguous().numpy() for name, tensor in zip(names, tensors, strict=True)
        }
        return [torch.from_numpy(one) for one in session.run(None, feeds)]

    effective = {
        "dtype": computed_type(stage, _output_types(session)),
        "threads": int(session.get_session_options().intra_op_num_threads),
        **provider_facts(session, provider),
    }
    return CompiledStage(CallEngine(run), effective, provider_notes(session, provider))


def _output_types(session: Any) -> list[torch.dtype]:
    """Give the types of a session's outputs that are floats."""
    types = [str(one.type) for one in session.get_outputs()]
    return [_FLOATS[one] for one in types if one in _FLOATS]


def _saved(stage: ExportedStage, folder: Path) -> Path:
    """Write a stage as an ONNX model, its weights beside it: one file alone ends at 2 GiB."""
    file = folder / "stage.onnx"
    with converting("the exporter to ONNX"):
        program: Any = torch.onnx.export(stage.program, dynamo=True, verbose=False)
    with quiet_conversion():
        program.save(str(file), external_data=True)
    return file
