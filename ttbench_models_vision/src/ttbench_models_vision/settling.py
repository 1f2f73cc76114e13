"""Random weights under which a network computes something.

With what libraries draw, the activations of deep convolutional networks die away or explode: a
random MobileNet gave 1e-22 for any image, a random HRNet little but its last bias. On that
nothing can be verified, and numbers so small are slow on some processors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["settle"]

#: Images to measure with.
_IMAGES = 2
_LARGEST = 128
#: Root mean square behind a normalisation. Around 1 a smooth activation is so near to a line that
#: rounding grows from layer to layer (YOLOv5 in Bfp8_b: PCC of 0.96, with 2 of 0.997); at 4 those
#: that end at 6 begin to clip.
_SPREAD = 2.0


def settle(network: Any, image_size: int) -> Any:
    """Draw the weights of convolutions, and set what batch normalisation normalises by.

    The weights are those of He et al. (2015, arXiv:1502.01852). Each normalisation then brings
    what reaches it to one size, measured layer by layer on random images. Means stay zero: to
    subtract them would leave what rounding differs by, and make it large. Nothing is done on the
    meta device.

    Args:
        network: takes images (samples, 3, image_size, image_size).
        image_size: rows and columns; larger images are measured on smaller ones.

    Returns:
        The network.
    """
    import torch

    if any(parameter.is_meta for parameter in network.parameters()):
        return network
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.normal_(module.weight, std=math.sqrt(2 / _summed(module)))
    size = min(image_size, _LARGEST)
    was_training = network.training
    hooks = [
        module.register_forward_pre_hook(_measure)
        for module in network.modules()
        # not by class: detectors have frozen ones of their own
        if getattr(module, "running_var", None) is not None
    ]
    try:
        with torch.no_grad():
            network.eval()(torch.rand(_IMAGES, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    return network


def _summed(module: Any) -> float:
    """Give how many products an output of a convolution sums, on average."""
    products = float(module.in_channels // module.groups * math.prod(module.kernel_size))
    # a transposed one spreads each input over a kernel, and its outputs are denser by the stride
    return products / math.prod(module.stride) if module.transposed else products


def _measure(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
    module.running_mean.zero_()
    module.running_var.fill_(inputs[0].square().mean() / _SPREAD**2)
    # some libraries draw these too, as if they were weights of a convolution
    module.weight.fill_(1.0)
    module.bias.zero_()
