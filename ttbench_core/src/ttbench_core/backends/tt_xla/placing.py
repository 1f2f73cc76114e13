"""Putting a device stage and its inputs onto the cards: their format, and the mesh of chips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.tt_xla.options import WEIGHT_DTYPES
from ttbench_core.backends.tt_xla.runtime import use_mesh
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import microbatch_of
from ttbench_core.models.inputs import input_kinds
from ttbench_core.models.reference.copies import private_copy
from ttbench_core.request.formats import DataFormat

__all__ = ["Placement", "check_model", "device_module", "placement"]


@dataclass(frozen=True)
class Placement:
    """Where a device stage runs, and in what it computes."""

    device: torch.device
    #: Of weights and inputs that are floating point numbers.
    dtype: torch.dtype
    #: Splits each input among chips; None for one chip.
    mesh: Any = None

    def mover(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """Give a function that brings a tensor to the cards, split by its first dimension."""
        if self.mesh is None:
            return self._moved
        import torch_xla.distributed.spmd as xs

        def move_and_split(tensor: torch.Tensor) -> torch.Tensor:
            moved = self._moved(tensor)
            xs.mark_sharding(moved, self.mesh, ("data", *[None] * (moved.dim() - 1)))
            return moved

        return move_and_split

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype if tensor.is_floating_point() else tensor.dtype)


def check_model(model: BenchmarkModel, options: CompileOptions) -> None:
    """Raise `UnsupportedOptionError` for a model that cannot run as it is asked to."""
    for name, module in model.stages.present(training=False).items():
        if not isinstance(module, torch.nn.Module):
            raise UnsupportedOptionError(
                f"stage {name} is a {type(module).__name__}, and backend 'tt_xla' runs a"
                " torch.nn.Module"
            )
    chips = len(options.devices)
    if chips == 1:
        return
    if model.generation:
        raise UnsupportedOptionError(
            "backend 'tt_xla' generates on one chip: leave out --chips, or add --no-generative"
        )
    kinds = sorted(input_kinds(model) & {"numbers", "unbatched"})
    if kinds or microbatch_of(model) % chips:
        what = (
            "its inputs are not all tensors of the microbatch"
            if kinds
            else f"its microbatch of {microbatch_of(model)} cannot be divided by {chips}"
        )
        raise UnsupportedOptionError(
            f"{chips} chips each take a share of the microbatch, and {what}: choose another -mb, or"
            " --chips 1"
        )


def placement(options: CompileOptions) -> Placement:
    """Give the place of a run, with its chips as one mesh where it has several."""
    import torch_xla

    chips = len(options.devices)
    # before the first device: its tensors would have no sharding
    mesh = use_mesh(chips) if chips > 1 else None
    return Placement(torch_xla.device(), compute_dtype(options), mesh)


def compute_dtype(options: CompileOptions) -> torch.dtype:
    """Give the dtype of the model; formats of weights alone need a model in bfloat16."""
    in_bfloat16 = {DataFormat.FP16_B, *WEIGHT_DTYPES}
    return torch.bfloat16 if options.data_format in in_bfloat16 else torch.float32


def device_module(module: torch.nn.Module, place: Placement) -> torch.nn.Module:
    """Copy a device stage to its place, for inference."""
    copied = private_copy(module).eval()
    for part in copied.modules():
        # unused in inference, and on the device it would be a graph of its own
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            part.num_batches_tracked = None
    return copied.to(place.device, place.dtype)
