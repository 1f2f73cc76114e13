"""Data formats on PyTorch: dtypes, and the emulation of block floating point.

`quantising` has those formats that torchao quantises to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch

from ttbench_core.backends.torch.blockfloat import block_format, quantise
from ttbench_core.backends.torch.quantised_formats import FP8, INT4_W, is_quantised
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import MathFidelity

__all__ = ["Quantised", "compute_dtype", "format_notes", "matmul_like", "to_format"]

_DTYPES: Final[dict[NumberFormat, torch.dtype]] = {
    DataFormat.FP32: torch.float32,
    DataFormat.FP16: torch.float16,
    DataFormat.FP16_B: torch.bfloat16,
    # what torchao's kernels for them multiply in, or give back
    INT4_W: torch.bfloat16,
    FP8: torch.bfloat16,
}
#: Modules whose weights feed matrix multiplications and convolutions.
_MATMUL_LIKE: Final = (
    torch.nn.Linear,
    torch.nn.Bilinear,
    torch.nn.modules.conv._ConvNd,  # noqa: SLF001 - the one base of all convolutions
    torch.nn.MultiheadAttention,
)
#: Class names of such modules in libraries that are not imported here: GPT-2's projections in
#: transformers.
_MATMUL_LIKE_NAMES: Final = frozenset({"Conv1D"})
_WEIGHT_NAMES: Final = (
    "weight",
    "in_proj_weight",
    "q_proj_weight",
    "k_proj_weight",
    "v_proj_weight",
)


@dataclass(frozen=True)
class Quantised:
    """How many weights were quantised."""

    weights: int = 0
    #: Matmul-like modules whose weights stay unchanged.
    left_out: int = 0


def compute_dtype(data_format: NumberFormat) -> torch.dtype:
    """Give the dtype of what is not quantised in a format; float32 for block floating point."""
    return _DTYPES.get(data_format, torch.float32)


def to_format(module: torch.nn.Module, data_format: NumberFormat) -> Quantised:
    """Convert a module's parameters and buffers to a format, in place.

    Block floating point quantises the weights (not the biases) of the
    matmul-like modules, seen as matrices whose rows run along their first
    dimension, and leaves everything in float32.
    """
    module.to(compute_dtype(data_format))
    if not data_format.is_block_float:
        return Quantised()
    layout = block_format(data_format)
    weights: dict[int, torch.nn.Parameter] = {}
    left_out = 0
    for part in matmul_like(module):
        parameters = dict(part.named_parameters(recurse=False))
        found = [parameters[name] for name in _WEIGHT_NAMES if name in parameters]
        weights.update((id(weight), weight) for weight in found)  # a shared weight counts once
        left_out += not found
    for weight in weights.values():
        as_matrix = weight.detach().flatten(1)
        weight.data = quantise(as_matrix, layout).reshape(weight.shape)
    return Quantised(len(weights), left_out)


def format_notes(
    data_format: NumberFormat,
    fidelity: MathFidelity | None,
    device_kind: str,
    quantised: Quantised,
) -> Iterator[str]:
    """Give the notes that a reader of the numbers needs about format and fidelity."""
    if data_format.is_block_float and quantised.weights:
        yield (
            f"{data_format} is emulated: weights are quantised to it and computed in float32,"
            " so the speed is not the format's"
        )
    elif (data_format.is_block_float or is_quantised(data_format)) and not quantised.weights:
        yield f"{data_format} changes nothing here: the device stage has no weights to quantise"
    if quantised.left_out and is_quantised(data_format):
        yield (
            f"torchao quantises linear layers whose shapes it supports; layers that stay in"
            f" {str(compute_dtype(data_format)).removeprefix('torch.')}: {quantised.left_out}"
        )
    elif quantised.left_out:
        yield (
            f"in float32 stay the weights of layers that compute them at each call:"
            f" {quantised.left_out}"
        )
    if data_format is DataFormat.FP16 and device_kind == "cpu":
        yield "float16 on a CPU can be hundreds of times slower than Fp16_b: expect a long run"
    if fidelity is not None and compute_dtype(data_format) is not torch.float32:
        yield f"math fidelity {fidelity} changes float32 products only, not those of {data_format}"


def matmul_like(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Give the parts whose weights feed matrix multiplications and convolutions."""
    for part in module.modules():
        if isinstance(part, _MATMUL_LIKE) or type(part).__name__ in _MATMUL_LIKE_NAMES:
            yield part
