"""The format of a model on the cards, and the mesh of chips that its inputs are split among."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.tt_xla.options import WEIGHT_DTYPES
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import microbatch_of
from ttbench_core.models.inputs import has_dimensions, input_kinds, map_tensors
from ttbench_core.request.formats import DataFormat

__all__ = ["compute_dtype", "refuse_mesh", "splitting"]


def compute_dtype(options: CompileOptions) -> torch.dtype:
    """Give the dtype of the model; formats of weights alone need a model in bfloat16."""
    in_bfloat16 = {DataFormat.FP16_B, *WEIGHT_DTYPES}
    return torch.bfloat16 if options.data_format in in_bfloat16 else torch.float32


def refuse_mesh(model: BenchmarkModel, chips: int) -> None:
    """Raise `UnsupportedOptionError` for a model whose inputs several chips cannot share."""
    if chips == 1:
        return
    if model.generation:
        raise UnsupportedOptionError(
            "backend 'tt_xla' generates on one chip: leave out --chips, or add --no-generative"
        )
    is_mixed = bool(input_kinds(model) & {"numbers", "unbatched"})
    if is_mixed or microbatch_of(model) % chips:
        what = (
            "its inputs are not all tensors of the microbatch"
            if is_mixed
            else f"its microbatch of {microbatch_of(model)} cannot be divided by {chips}"
        )
        raise UnsupportedOptionError(
            f"{chips} chips each take a share of the microbatch, and {what}: choose another -mb, or"
            " --chips 1"
        )


def splitting(call: Callable[..., Any], mesh: Any) -> Callable[..., Any]:
    """Make a call split each tensor that it gets among the chips, by its first dimension.

    Args:
        call: the device stage; its tensors are on the device.
        mesh: with an axis `data`.
    """
    import torch_xla.distributed.spmd as xs

    def split(tensor: torch.Tensor) -> torch.Tensor:
        if has_dimensions(tensor):
            xs.mark_sharding(tensor, mesh, ("data", *[None] * (tensor.dim() - 1)))
        return tensor

    def run(*args: Any, **named: Any) -> Any:
        return call(*map_tensors(split, args), **map_tensors(split, named))

    return run
