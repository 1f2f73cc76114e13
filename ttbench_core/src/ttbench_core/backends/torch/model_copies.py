"""Private copies of a model's stages in the format, memory layout and level of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.torch.formats import Quantised, to_format
from ttbench_core.model import Stages
from ttbench_core.models.reference.copies import private_copy

__all__ = ["COMPILE_LEVEL", "ModelCopy", "copy_model"]

#: From this optimization level on, convolution weights are channels last.
_CHANNELS_LAST_LEVEL: Final = 1
#: From this optimization level on, the device stage goes through torch.compile.
COMPILE_LEVEL: Final = 2


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
    quantised = to_format(modules["device"], options.data_format)
    modules["device"].to(device)
    if options.opt_level >= _CHANNELS_LAST_LEVEL:
        _convert_to_channels_last(modules["device"])
    if options.opt_level >= COMPILE_LEVEL:
        modules["device"] = torch.compile(modules["device"], dynamic=False)
    return ModelCopy(modules, quantised)


def _convert_to_channels_last(module: torch.nn.Module) -> None:
    # the weights are enough: a convolution converts its input to the layout of its weights
    for part in module.modules():
        if isinstance(part, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            for weight in part.parameters(recurse=False):
                if weight.dim() == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
