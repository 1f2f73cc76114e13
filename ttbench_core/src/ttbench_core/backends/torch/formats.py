"""Data formats and math fidelity on PyTorch: dtypes, emulation, global flags."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import torch

from ttbench_core.backends.torch.blockfloat import block_format, quantise
from ttbench_core.options import DataFormat, MathFidelity

__all__ = ["compute_dtype", "format_notes", "matmul_precision", "to_format"]

_DTYPES: Final = {
    DataFormat.FP32: torch.float32,
    DataFormat.FP16: torch.float16,
    DataFormat.FP16_B: torch.bfloat16,
}
#: PyTorch's names for how much of float32 a matrix multiplication keeps.
_PRECISIONS: Final = {
    MathFidelity.LOFI: "medium",
    MathFidelity.HIFI2: "high",
    MathFidelity.HIFI3: "highest",
    MathFidelity.HIFI4: "highest",
}
#: Modules whose weights feed matrix multiplications and convolutions.
_MATMUL_LIKE: Final = (
    torch.nn.Linear,
    torch.nn.Bilinear,
    torch.nn.modules.conv._ConvNd,  # noqa: SLF001 - the one base of all convolutions
    torch.nn.MultiheadAttention,
)
#: The same, of libraries that are not imported for it: GPT-2's projections in transformers.
_MATMUL_LIKE_NAMES: Final = frozenset({"Conv1D"})


def compute_dtype(data_format: DataFormat) -> torch.dtype:
    """Give the dtype that a format is computed in; float32 for block floating point."""
    return _DTYPES.get(data_format, torch.float32)


def to_format(module: torch.nn.Module, data_format: DataFormat) -> None:
    """Bring a module's parameters and buffers into a format, in place.

    Block floating point quantises the weights (not the biases) of the
    matmul-like modules, seen as matrices of one row an output channel, and
    leaves everything in float32.
    """
    module.to(compute_dtype(data_format))
    if data_format.is_block_float:
        layout = block_format(data_format)
        for weight in _matmul_weights(module):
            as_matrix = weight.detach().flatten(1)
            weight.data = quantise(as_matrix, layout).reshape(weight.shape)


def format_notes(
    data_format: DataFormat, fidelity: MathFidelity | None, device_kind: str
) -> Iterator[str]:
    """Say what a reader of the numbers must know about format and fidelity."""
    if data_format.is_block_float:
        yield (
            f"{data_format} is emulated: weights are quantised to it and computed in float32,"
            " so the speed is not the format's"
        )
    if data_format is DataFormat.FP16 and device_kind == "cpu":
        yield "float16 on a CPU can be hundreds of times slower than Fp16_b: expect a long run"
    if fidelity is not None and compute_dtype(data_format) is not torch.float32:
        yield f"math fidelity {fidelity} changes float32 products only, not those of {data_format}"


@contextlib.contextmanager
def matmul_precision(fidelity: MathFidelity | None) -> Iterator[None]:
    """Set PyTorch's global float32 matmul precision for a fidelity; put it back after."""
    before = torch.get_float32_matmul_precision()
    if fidelity is not None:
        torch.set_float32_matmul_precision(_PRECISIONS[fidelity])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _matmul_weights(module: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    seen: set[int] = set()
    for part in module.modules():
        if isinstance(part, _MATMUL_LIKE) or type(part).__name__ in _MATMUL_LIKE_NAMES:
            for name, parameter in part.named_parameters(recurse=False):
                if "weight" in name and id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield parameter
