"""From an exported stage to OpenVINO's infer requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import openvino
import torch

from ttbench_core.backends.openvino.formats import quantisation_of
from ttbench_core.backends.openvino.options import openvino_options
from ttbench_core.backends.openvino.quantising import (
    GROUP_PROPERTY,
    compress_weights,
    quantised_facts,
    quantised_notes,
    require_activations,
)
from ttbench_core.backends.protocol import CompileOptions, Session, Tensors
from ttbench_core.backends.shared.converting import converting
from ttbench_core.backends.shared.exported_session import CompiledStage, compile_exported
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage
from ttbench_core.request.formats import DataFormat

__all__ = ["compile_session"]

#: OpenVINO's names for the precision that a format is computed in. It is always set: on a
#: processor with bfloat16 OpenVINO computes in it by itself.
_PRECISIONS: Final = {DataFormat.FP32: "f32", DataFormat.FP16_B: "bf16"}
_NAMES: Final = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model in Fp32 and compile it; raises what `compile_exported` raises."""

    def compiler(stage: ExportedStage, threads: int) -> CompiledStage:
        return _compiled(stage, threads, options)

    return compile_exported(model, options, compiler)


def _compiled(stage: ExportedStage, threads: int, options: CompileOptions) -> CompiledStage:
    how = quantisation_of(options.data_format)
    settings = _settings(threads, options)
    graph = _graph(stage, options)
    with converting("OpenVINO"):
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
    _require_precision(compiled, settings["INFERENCE_PRECISION_HINT"])
    effective = {
        "dtype": _dtype(compiled),
        "threads": int(compiled.get_property("INFERENCE_NUM_THREADS")),
        "streams": int(compiled.get_property("NUM_STREAMS")),
        "hint": openvino_options(options).hint,
    }
    if how is None:
        return CompiledStage(_Requests(compiled), effective)
    notes = tuple(quantised_notes(compiled, options.data_format, how))
    return CompiledStage(_Requests(compiled), {**effective, **quantised_facts(compiled)}, notes)


def _graph(stage: ExportedStage, options: CompileOptions) -> Any:
    """Convert a stage, for its sizes, with weights as its format has them."""
    with converting("OpenVINO"):
        graph = openvino.convert_model(stage.program)
        # it takes sizes for unknown, and what is compiled for one size is faster
        shapes = zip(graph.inputs, stage.example, strict=True)
        graph.reshape({port: list(tensor.shape) for port, tensor in shapes})
    how = quantisation_of(options.data_format)
    if how is None:
        return graph
    require_activations(options.data_format, how)
    return compress_weights(graph, options.data_format, how)


def _settings(threads: int, options: CompileOptions) -> dict[str, Any]:
    asked, how = openvino_options(options), quantisation_of(options.data_format)
    precision = DataFormat.FP32 if how else DataFormat(options.data_format.value)
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": asked.hint.upper(),
    }
    if asked.streams:
        settings["NUM_STREAMS"] = str(asked.streams)
    if how:
        # always set: by itself OpenVINO rounds activations where the processor can
        settings[GROUP_PROPERTY] = how.activation_group
    return settings


def _require_precision(compiled: Any, asked: str) -> None:
    if (runs := _dtype(compiled)) != _NAMES[asked]:
        raise UnsupportedOptionError(
            f"OpenVINO computes in {runs} instead of {_NAMES[asked]} on this processor; use"
            " -df Fp32, or --backend torch"
        )


def _dtype(compiled: Any) -> str:
    """Read the precision back that the compiled model computes in."""
    name = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
    return _NAMES.get(name, name)


class _Requests:
    """The `StageEngine` of a compiled model: an infer request for each input at a time."""

    def __init__(self, compiled: Any) -> None:
        self.slots: Final = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._requests: list[Any] = [compiled.create_infer_request() for _ in range(self.slots)]

    def start(self, slot: int, tensors: Sequence[torch.Tensor]) -> None:
        """Begin with one input, whose memory the request uses as it is."""
        values = [tensor.contiguous().numpy() for tensor in tensors]
        self._requests[slot].start_async(dict(enumerate(values)), share_inputs=True)

    def finish(self, slot: int) -> Tensors:
        """Wait for its outputs and copy them: the request writes the next ones there."""
        request = self._requests[slot]
        request.wait()
        return [torch.from_numpy(one.data.copy()) for one in request.output_tensors]

    def close(self) -> None:
        """Free the requests, and with them the compiled model."""
        self._requests = []
