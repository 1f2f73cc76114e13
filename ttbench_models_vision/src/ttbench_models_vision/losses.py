"""Losses of the pack; imported by builders only, because they are torch modules."""

from __future__ import annotations

import torch

__all__ = [
    "ContrastiveLoss",
    "FirstOutputsL1Loss",
    "PixelBinaryCrossEntropyLoss",
    "PixelCrossEntropyLoss",
]


class PixelCrossEntropyLoss(torch.nn.Module):
    """Cross entropy of every pixel's class.

    Logits (microbatch, classes, rows, columns) of a coarser grid are brought to that of the
    classes first, as SegFormer trains.
    """

    def forward(self, logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Compare with classes (microbatch, rows, columns); gives a scalar."""
        size = classes.shape[-2:]
        if logits.shape[-2:] != size:
            logits = torch.nn.functional.interpolate(
                logits, size=size, mode="bilinear", align_corners=False
            )
        return torch.nn.functional.cross_entropy(logits, classes)


class PixelBinaryCrossEntropyLoss(torch.nn.Module):
    """Binary cross entropy of every pixel's probability; in float32, where logarithms are safe."""

    def forward(self, probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Compare; both of one shape and within [0, 1]; gives a scalar."""
        return torch.nn.functional.binary_cross_entropy(probabilities.float(), targets.float())


class FirstOutputsL1Loss(torch.nn.Module):
    """Mean absolute difference, summed over the first outputs of a model.

    A stand-in for losses of detection: those match boxes with objects on the host, and what they
    add to a step is not the network's. Further outputs take no part. Where a target has one row
    for several of an output, each is compared with it.

    Args:
        targets: how many targets there are; one for each of the first outputs.
    """

    def __init__(self, targets: int) -> None:
        super().__init__()
        self.targets = targets

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Compare outputs with the targets behind them; gives a scalar."""
        pairs = zip(tensors[: self.targets], tensors[-self.targets :], strict=True)
        losses = [
            torch.nn.functional.l1_loss(output, target.expand_as(output))
            for output, target in pairs
        ]
        return torch.stack(losses).sum()


class ContrastiveLoss(torch.nn.Module):
    """Symmetric cross entropy over the similarities of images and texts (Radford et al., 2021)."""

    def forward(
        self, images: torch.Tensor, texts: torch.Tensor, *rest: torch.Tensor
    ) -> torch.Tensor:
        """Compare similarities (images, texts) and (texts, images) with each one's partner."""
        partners = rest[-1]
        entropy = torch.nn.functional.cross_entropy
        return (entropy(images, partners) + entropy(texts, partners)) / 2
