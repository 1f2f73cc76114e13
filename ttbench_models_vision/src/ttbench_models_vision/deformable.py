"""Deformable attention in 16 bits on the CPU, where PyTorch's sampling goes wrong.

`grid_sample` of torch 2.13 reads wrong numbers in float16 and bfloat16 on the CPU, NaN among them,
where the channels of a value lie side by side and those of its heads between each other. So
transformers lays them out for RT-DETR and D-FINE. With the places side by side instead the
numbers are right; in float32, and on other devices, they are so anyway, and nothing is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["sampled_rightly"]

#: Classes of transformers whose attention samples a value.
_PROJECTING = "RTDetrMultiscaleDeformableAttention"
_PLAIN = "DFineMultiscaleDeformableAttention"
_HALF_BYTES = 2


def sampled_rightly(network: Any) -> Any:
    """Let the attention of a detector sample values that are laid out by places.

    Works by hooks, which go along where the network is copied or sent to another process.

    Args:
        network: a detector of transformers; one without such attention stays as it is.

    Returns:
        The network.
    """
    for module in network.modules():
        if type(module).__name__ == _PROJECTING:
            module.value_proj.register_forward_hook(_lay_out_output)
        elif type(module).__name__ == _PLAIN:
            module.register_forward_pre_hook(_lay_out_argument, with_kwargs=True)
    return network


def _lay_out_output(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return _by_places(output)


def _lay_out_argument(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    name = "encoder_hidden_states"
    return args, {**kwargs, name: _by_places(kwargs[name])} if name in kwargs else kwargs


def _by_places(value: torch.Tensor) -> torch.Tensor:
    """Lay (samples, places, channels) out so that the places of a channel are side by side."""
    if value.device.type != "cpu" or value.dtype.itemsize != _HALF_BYTES:
        return value
    return value.transpose(1, 2).contiguous().transpose(1, 2)
