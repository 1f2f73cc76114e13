"""The CUDA devices that torch can use."""

from __future__ import annotations

from collections.abc import Iterator

from ttbench_core.backends.protocol import Device

__all__ = ["cuda_devices"]


def cuda_devices() -> Iterator[Device]:
    """Give them in torch's order; none where torch is built without CUDA."""
    import torch

    if not torch.cuda.is_available():
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        arch = f"sm_{properties.major}{properties.minor}"
        yield Device("cuda", index, properties.name, arch, properties.total_memory)
