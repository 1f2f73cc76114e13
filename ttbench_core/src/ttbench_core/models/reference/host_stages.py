"""A model around a function of its device stage: the stages of the host run by PyTorch in Fp32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.inputs import call_with
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import HOST, float32_copy, in_float32

__all__ = ["run_around"]


def run_around(
    model: BenchmarkModel, run_device: Callable[..., Any]
) -> Callable[[Inputs], tuple[torch.Tensor, ...]]:
    """Make a function that runs one input through all stages of a model, without its loss.

    Args:
        model: whose `cpu_pre` and `cpu_post` are `torch.nn.Module`; private copies of them run
            on the CPU in float32, in eval mode.
        run_device: called as the device stage is, by position or by name; what it returns may be
            on any device.

    Returns:
        A function from an input to the tensors of its outputs, in inference mode.

    Raises `TypeError` for a module that cannot be copied.
    """
    before, after = (
        None if module is None else float32_copy(module)
        for module in (model.stages.cpu_pre, model.stages.cpu_post)
    )

    def run(inputs: Inputs) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            if before is not None:
                inputs = as_tensors(call_with(before, in_float32(inputs)))
            outputs = as_tensors(call_with(run_device, inputs))
            if after is not None:
                outputs = as_tensors(after(*in_float32(outputs, HOST)))
            return tuple(tensor.to(HOST) for tensor in outputs)

    return run
