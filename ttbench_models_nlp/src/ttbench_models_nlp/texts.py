"""Texts of random tokens; torch is imported when they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ttbench_models_nlp.tables import Asked

if TYPE_CHECKING:
    import torch

__all__ = ["decoder_texts", "drawn_ids"]

#: Ids below have a meaning of their own in most vocabularies, such as padding, which some
#: networks number differently.
_SPECIAL_IDS: Final = 5
#: Tokens of a decoder's text, where none are generated.
_DECODER_TOKENS: Final = 16


def drawn_ids(vocabulary: int, samples: int, tokens: int) -> torch.Tensor:
    """Draw token ids, (samples, tokens), int64, none of them special."""
    import torch

    return torch.randint(_SPECIAL_IDS, vocabulary, (samples, tokens))


def decoder_texts(
    asked: Asked, vocabulary: int, start: Sequence[int]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Give what a decoder reads, and its targets.

    Args:
        asked: whether texts are generated, and of how many samples.
        vocabulary: number of token ids.
        start: tokens that every text begins with.

    Returns:
        Ids (samples, tokens): the start alone where texts are generated, else a text after the
        first token of it. Then the text itself, which is that one shifted by one, as target.
    """
    import torch

    begun = torch.tensor(start).repeat(asked.samples, 1)
    if asked.generates:
        return begun, []
    text = drawn_ids(vocabulary, asked.samples, _DECODER_TOKENS)
    return torch.cat([begun[:, :1], text[:, :-1]], dim=1), [text]
