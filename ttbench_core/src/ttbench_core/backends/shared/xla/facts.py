"""How a session on PyTorch/XLA runs, as far as its device and its format decide."""

from __future__ import annotations

import torch
import torch_xla.runtime as xr

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.shared.xla.runtime import device_attributes, pool_threads

__all__ = ["device_facts"]


def device_facts(options: CompileOptions, dtype: torch.dtype) -> dict[str, object]:
    """Give the facts for a record: PJRT's type of device and its attributes, dtype, threads."""
    index = options.devices[0].index
    return {
        "device_type": xr.device_type(),
        "device": f"xla:{index}",
        "device_attributes": device_attributes()[index],
        "dtype": str(dtype).removeprefix("torch."),
        # on another device they compute the stages of the host
        "threads": pool_threads() or torch.get_num_threads(),
    }
