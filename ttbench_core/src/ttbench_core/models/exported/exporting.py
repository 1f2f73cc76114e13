"""Exporting the device stage of a model: one graph of fixed shapes, from tensors to tensors.

`torch.export` takes and gives whatever a module takes and gives; engines differ in what of that
they read. So the graph that is handed to them is that of a wrapper: its inputs are the tensors of
the stage's inputs in their order, numbers are constants in it, and its outputs are a flat tuple.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ttbench_core.errors import UnsupportedOptionError, one_line
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.exported.graph_identity import count_operators, graph_sha256
from ttbench_core.models.exported.loaded_model import LoadedModel, LoadedStage
from ttbench_core.models.exported.quiet import quiet_conversion
from ttbench_core.models.exported.simplifying import drop_empty_parts
from ttbench_core.models.inputs import call_with, is_tensor, map_tensors, named_leaves
from ttbench_core.models.reference.copies import private_copy
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import float32_copy, in_float32

__all__ = ["ExportedStage", "device_inputs", "export_stage", "stage_tensors"]

#: How much of what the exporter says is shown.
_MAX_REASON: int = 300


@dataclass(frozen=True)
class ExportedStage:
    """The device stage of a model as a graph, and what a record says of it."""

    program: torch.export.ExportedProgram
    #: The inputs of the graph for one input of the model, on the host.
    example: tuple[torch.Tensor, ...]
    #: Names of these inputs in the order of the graph, such as `input_ids` or `0`.
    names: tuple[str, ...]
    #: Identifies the operators with their shapes and types; see `graph_sha256`.
    sha256: str
    #: Calls of operators in it.
    operators: int
    #: How long exporting took.
    export_s: float

    def record(self) -> dict[str, object]:
        """Give what a record keeps of it."""
        return {
            "graph_sha256": self.sha256,
            "graph_operators": self.operators,
            "export_s": self.export_s,
        }


def export_stage(model: BenchmarkModel, dtype: torch.dtype = torch.float32) -> ExportedStage:
    """Export the device stage of a model for inference, with the shapes of the model's inputs.

    Args:
        model: whose stages are `torch.nn.Module`; they stay as they are.
        dtype: of parameters and of inputs that are floats.

    Raises `UnsupportedOptionError` for a stage that cannot be exported, with the reason.
    """
    if isinstance(model, LoadedModel) and model.stage is not None:
        return _as_loaded(model, model.stage, dtype)
    stage = model.stages.device
    if not isinstance(stage, torch.nn.Module):
        raise UnsupportedOptionError(
            f"the device stage is a {type(stage).__name__} of {type(stage).__module__}, and only a"
            " torch.nn.Module can be exported; another backend may run it: ttbench doctor"
        )
    inputs = device_inputs(model, dtype)
    example = stage_tensors(inputs)
    with torch.inference_mode(False), torch.no_grad():
        module = private_copy(stage).eval().to(dtype)
        wrapper = _FlatStage(module, inputs)
        started_s = time.perf_counter()
        program = _exported(wrapper, example)
        drop_empty_parts(program)
        export_s = time.perf_counter() - started_s
    return ExportedStage(
        program=program,
        example=example,
        names=tuple(name for name, leaf in named_leaves(inputs) if is_tensor(leaf)),
        sha256=graph_sha256(program),
        operators=count_operators(program),
        export_s=export_s,
    )


def _as_loaded(model: LoadedModel, stage: LoadedStage, dtype: torch.dtype) -> ExportedStage:
    """Give the graph that was handed over: it is not exported again."""
    if dtype != torch.float32:
        raise UnsupportedOptionError(
            "the model was handed over as a graph in Fp32, and this engine needs one in"
            f" {str(dtype).removeprefix('torch.')}: install its pack in the interpreter that"
            " measures"
        )
    return ExportedStage(
        program=stage.program,
        example=stage_tensors(model.inputs),
        names=stage.names,
        sha256=stage.sha256,
        operators=stage.operators,
        export_s=stage.export_s,
    )


def device_inputs(model: BenchmarkModel, dtype: torch.dtype = torch.float32) -> Inputs:
    """Give the inputs of the device stage: what the stage before it makes of the model's.

    Args:
        model: whose first stages PyTorch runs.
        dtype: of tensors that are floats.
    """
    inputs = in_float32(model.inputs, copy=True)
    with torch.inference_mode(False), torch.no_grad():
        if model.stages.cpu_pre is not None:
            before = float32_copy(model.stages.cpu_pre)
            inputs = as_tensors(call_with(before, inputs))
        converted: Inputs = map_tensors(
            lambda one: one.to(dtype) if one.is_floating_point() else one, inputs
        )
        return converted


def stage_tensors(inputs: Any) -> tuple[torch.Tensor, ...]:
    """Give the tensors in inputs of a device stage, in the order of the inputs of its graph."""
    return tuple(leaf for _, leaf in named_leaves(inputs) if is_tensor(leaf))


class _FlatStage(torch.nn.Module):
    """A stage that takes the tensors of its inputs and gives those of its outputs."""

    def __init__(self, stage: torch.nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.stage = stage
        self._inputs = inputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the stage."""
        left = iter(tensors)
        return as_tensors(call_with(self.stage, map_tensors(lambda _: next(left), self._inputs)))


def _exported(
    wrapper: torch.nn.Module, example: Sequence[torch.Tensor]
) -> torch.export.ExportedProgram:
    try:
        with quiet_conversion():
            return torch.export.export(wrapper, tuple(example), strict=False)
    except Exception as error:
        reason = one_line(error)
        shown = reason if len(reason) <= _MAX_REASON else f"{reason[:_MAX_REASON]}..."
        raise UnsupportedOptionError(
            f"the device stage cannot be exported ({shown}); backend 'torch' runs it as it is"
        ) from error
