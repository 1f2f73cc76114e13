"""The outputs that a run's outputs are compared with."""

from __future__ import annotations

from typing import Any

import torch

from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.loaded_model import LoadedModel
from ttbench_core.models.inputs import call_with
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import (
    HOST,
    float32_stages,
    generates_in_torch,
    in_float32,
    reference_conditions,
)

__all__ = ["reference_outputs"]


def reference_outputs(model: BenchmarkModel) -> tuple[torch.Tensor, ...]:
    """Run one input through a model's stages, without loss, in float32 on the CPU.

    Works on private copies of modules and inputs, in eval mode: the model stays
    as it is, and so do torch's settings and random state.

    Args:
        model: one that `runs_in_torch`.

    Of a model that generates, only the prompt is processed: after the first token that
    differs all later ones differ, however close the numbers are.

    Returns:
        The last stage's tensors in order, floats in float32; of a model that generates, the
        logits of the first token. A model that was handed over as a graph brings them along.

    Raises `TypeError` for a module that cannot be copied or returns no tensor;
    what a stage itself raises passes through.
    """
    if isinstance(model, LoadedModel):
        return model.reference
    stages = float32_stages(model)
    with reference_conditions(), torch.inference_mode():
        values = in_float32(model.inputs, HOST, copy=True)
        if generates_in_torch(model):
            generating: Any = stages["device"]
            return tuple(in_float32([call_with(generating.prefill, values)[0]]))
        for stage in stages.values():
            values = in_float32(as_tensors(call_with(stage, values)))
    return tuple(values)
