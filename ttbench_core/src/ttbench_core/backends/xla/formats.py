"""Data formats on PyTorch/XLA: the types that it computes in."""

from __future__ import annotations

from typing import Final

import torch

from ttbench_core.request.formats import DataFormat, NumberFormat

__all__ = ["compute_dtype"]

_DTYPES: Final[dict[NumberFormat, torch.dtype]] = {
    DataFormat.FP32: torch.float32,
    DataFormat.FP16: torch.float16,
    DataFormat.FP16_B: torch.bfloat16,
}


def compute_dtype(data_format: NumberFormat) -> torch.dtype:
    """Give the type of weights, of inputs that are floats, and of products in a format."""
    return _DTYPES[data_format]
