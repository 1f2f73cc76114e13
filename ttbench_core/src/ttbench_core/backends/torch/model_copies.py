"""Private copies of a model's stages in the format and memory layout of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.torch.formats import Quantised, compute_dtype, to_format
from ttbench_core.backends.torch.levels import CHANNELS_LAST_LEVEL
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.backends.torch.quantised_formats import quantised_format
from ttbench_core.backends.torch.quantising import quantise_linear
from ttbench_core.model import Stages
from ttbench_core.models.reference.copies import private_copy

__all__ = ["ModelCopy", "copy_model", "is_channels_last", "stage_dtype"]


@dataclass(frozen=True)
class ModelCopy:
    """Private copies of a model's stages, ready to run on one device."""

    #: Modules by the name of their stage.
    modules: Mapping[str, Any]
    quantised: Quantised


def copy_model(stages: Stages, options: CompileOptions, device: torch.device) -> ModelCopy:
    """Copy the stages that a run uses, and prepare the device stage for its device.

    Stages on the host stay in float32.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    present = stages.present(training=options.training)
    modules: dict[str, Any] = {name: private_copy(module) for name, module in present.items()}
    for name, module in modules.items():
        module.train(options.training)
        if name != "device":
            module.to(torch.float32)
    stage = modules["device"]
    quantised = Quantised()
    if torch_options(options).autocast:
        stage.to(stage_dtype(options))
    else:
        quantised = to_format(stage, options.data_format)
    stage.to(device)
    if is_channels_last(options):
        _convert_to_channels_last(stage)
    data_format = quantised_format(options.data_format)
    if data_format is not None:
        quantised = quantise_linear(stage, data_format)
    return ModelCopy(modules, quantised)


def stage_dtype(options: CompileOptions) -> torch.dtype:
    """Give the dtype of the weights of the device stage, and of its floating point inputs."""
    is_autocast = torch_options(options).autocast
    return torch.float32 if is_autocast else compute_dtype(options.data_format)


def is_channels_last(options: CompileOptions) -> bool:
    """Say whether the weights of convolutions are stored channels last."""
    wanted = torch_options(options).channels_last
    return options.opt_level >= CHANNELS_LAST_LEVEL if wanted == "level" else wanted == "on"


def _convert_to_channels_last(module: torch.nn.Module) -> None:
    # the weights are enough: a convolution converts its input to the layout of its weights
    for part in module.modules():
        if isinstance(part, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            for weight in part.parameters(recurse=False):
                if weight.dim() == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
