"""Global settings of torch, set for a time and restored at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import torch

from ttbench_core.request.options import MathFidelity

__all__ = ["matmul_precision"]

#: PyTorch's names for the float32 precision of a matrix multiplication.
_PRECISIONS: Final = {
    MathFidelity.LOFI: "medium",
    MathFidelity.HIFI2: "high",
    MathFidelity.HIFI3: "highest",
    MathFidelity.HIFI4: "highest",
}


@contextlib.contextmanager
def matmul_precision(fidelity: MathFidelity | None) -> Iterator[None]:
    """Set torch's float32 precision for a fidelity; None changes nothing.

    Covers matrix multiplications and, on CUDA, convolutions, which PyTorch
    lets round to TF32 by a flag of their own that is on by default.
    """
    previous_precision = torch.get_float32_matmul_precision()
    previous_convolution_tf32 = torch.backends.cudnn.allow_tf32
    if fidelity is not None:
        torch.set_float32_matmul_precision(_PRECISIONS[fidelity])
        torch.backends.cudnn.allow_tf32 = _PRECISIONS[fidelity] != "highest"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(previous_precision)
        torch.backends.cudnn.allow_tf32 = previous_convolution_tf32
