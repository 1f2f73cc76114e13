"""Losses of the pack; imported by builders only, because they are torch modules."""

from __future__ import annotations

import torch

__all__ = ["CtcLoss", "FirstOutputL1Loss", "NextTokenLoss", "TokenLoss"]


class FirstOutputL1Loss(torch.nn.Module):
    """Mean absolute difference of a model's first output and the target.

    The target is the last argument: a model may have more outputs, and they
    take no part.
    """

    def forward(self, output: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        """Compare; both of one shape; gives a scalar."""
        return torch.nn.functional.l1_loss(output, rest[-1])


class TokenLoss(torch.nn.Module):
    """Cross entropy of each token, of a decoder that was given the ones before it."""

    def forward(self, logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Compare logits (samples, tokens, vocabulary) with ids (samples, tokens)."""
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())


class NextTokenLoss(TokenLoss):
    """Cross entropy of each token with the one after it, as language models are trained."""

    def forward(self, logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Compare logits (samples, tokens, vocabulary) with the inputs' ids (samples, tokens)."""
        return super().forward(logits[:, :-1], ids[:, 1:])


class CtcLoss(torch.nn.Module):
    """Connectionist temporal classification (Graves et al., ICML 2006); the blank has id 0."""

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compare logits (samples, frames, vocabulary) with labels (samples, letters)."""
        samples, frames, _ = logits.shape
        return torch.nn.functional.ctc_loss(
            logits.log_softmax(-1, dtype=torch.float32).transpose(0, 1),
            labels,
            input_lengths=torch.full((samples,), frames),
            target_lengths=torch.full((samples,), labels.shape[1]),
        )
