"""What a detector with queries predicts on its way, and not only at its end."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["EveryPrediction"]


class EveryPrediction(nn.Module):
    """A detector in training: the predictions of its encoder and of every layer of its decoder.

    Args:
        detector: an RT-DETR or a D-FINE of transformers.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict for images (samples, 3, rows, columns).

        Gives logits (samples, predictions, queries, classes), then boxes
        (samples, predictions, queries, 4); the encoder's come first.
        """
        found = self.detector(images)
        return (
            torch.cat([found.enc_topk_logits.unsqueeze(1), found.intermediate_logits], 1),
            torch.cat([found.enc_topk_bboxes.unsqueeze(1), found.intermediate_reference_points], 1),
        )
