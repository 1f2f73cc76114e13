"""T5 as PyBuda generates with it: modules without a cache object, whose past is plain tensors.

The shapes are those of PyBuda's own benchmark: a tile of 32 decoder ids, and a
past of 480 positions before it, which the card keeps and writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from ttbench_core import BenchmarkModel, StagedModel, Stages
from ttbench_core.errors import OptionError
from ttbench_models_nlp.networks import network_of, settings_of
from ttbench_models_nlp.tables import Asked
from ttbench_models_nlp.texts import drawn_ids

__all__ = ["Encoder", "Step", "generator_on_card"]

_TILE: Final = 32
_POSITIONS: Final = 512
_PAST: Final = _POSITIONS - _TILE
#: Tokens of a text, and tokens that it becomes, by default.
_TOKENS: Final = 64
#: Keys and values, of the decoder itself and of what it reads of the encoder.
_TENSORS_A_LAYER: Final = 4


class Encoder(torch.nn.Module):
    """T5's encoder.

    Args:
        network: T5 of transformers.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give hidden states, (1, tokens, width), of ids and mask (1, tokens)."""
        states: torch.Tensor = self.network.encoder(input_ids=ids, attention_mask=mask)[0]
        return states


class Step(torch.nn.Module):
    """T5's decoder over a tile of ids, after a past that it is given as tensors.

    Args:
        network: T5 of transformers.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        states: torch.Tensor,
        states_mask: torch.Tensor,
        *past: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Give logits, (1, tile, vocabulary), then the past with this tile at its end.

        Args:
            ids: a tile of decoder ids, (1, tile).
            mask: which positions of past and tile count, (1, positions).
            states: what the encoder gave, (1, tokens, width).
            states_mask: which of its tokens count, (1, tokens).
            past: keys and values of each layer's self-attention, (1, heads, past, width of a
                head), then of its cross-attention; where these are of one position only, they
                are computed from `states`.
        """
        network = self.network
        outputs = network.decoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=states,
            encoder_attention_mask=states_mask,
            past_key_values=_given(past),
            use_cache=True,
            return_dict=True,
        )
        hidden = outputs.last_hidden_state
        settings = network.config
        if getattr(settings, "scale_decoder_outputs", settings.tie_word_embeddings):
            hidden = hidden * network.model_dim**-0.5
        return (network.lm_head(hidden), *_taken(outputs.past_key_values))


def generator_on_card(asked: Asked) -> BenchmarkModel:
    """Build a T5 that backend `pybuda` generates with: encoder, first step, and all further ones.

    Raises `OptionError` for more tokens than its positions hold, and for a text of one.
    """
    tokens, sequence = asked.new_tokens or _TOKENS, asked.seq_len or _TOKENS
    if tokens > _POSITIONS:
        raise OptionError(
            f"--new_tokens {tokens}: on a card {asked.where} has {_POSITIONS} positions;"
            f" use {_POSITIONS} or less"
        )
    if sequence < 2:
        raise OptionError(f"--seq_len {sequence}: on a card {asked.where} reads 2 tokens or more")
    settings = settings_of(asked)
    ids = drawn_ids(settings.vocab_size, asked.samples, sequence)
    mask = torch.ones(asked.samples, sequence)
    decoder_ids = torch.full((asked.samples, _TILE), settings.pad_token_id)
    decoder_ids[:, 0] = settings.decoder_start_token_id
    decoder_mask = torch.zeros(asked.samples, _POSITIONS)
    decoder_mask[:, _PAST] = 1
    network, notes = network_of(asked, settings)
    network.eval()
    read = [decoder_ids, decoder_mask, torch.zeros(asked.samples, sequence, settings.d_model), mask]
    head = (settings.num_heads, settings.d_kv)
    return StagedModel(
        stages=Stages(device=[Encoder(network), Step(network), Step(network)]),
        inputs=[ids, mask, decoder_ids, decoder_mask],
        generation={
            "max_length": tokens,
            "prompt_length": sequence,
            "first_current_index": _PAST,
            "pad_token_id": settings.pad_token_id,
            "write_index": 0,
            "compile_inputs": [
                [ids, mask],
                [*read, *_empty(asked.samples, settings.num_decoder_layers, head, None)],
                [*read, *_empty(asked.samples, settings.num_decoder_layers, head, sequence)],
            ],
        },
        notes=notes,
    )


def _empty(
    samples: int, layers: int, head: tuple[int, int], sequence: int | None
) -> list[torch.Tensor]:
    """Give a past of nothing; `sequence` is None before the encoder's states were read."""
    heads, width = head
    own = [torch.zeros(samples, heads, _PAST, width) for _ in range(2)]
    of_states = (1, 1, 1, 1) if sequence is None else (samples, heads, sequence, width)
    read = [torch.zeros(of_states) for _ in range(2)]
    return [*own, *read] * layers


def _given(past: Sequence[torch.Tensor]) -> Any:
    """Make of tensors what the installed transformers takes: tuples, or a cache from 5 on."""
    layers = [
        tuple(past[first : first + _TENSORS_A_LAYER])
        for first in range(0, len(past), _TENSORS_A_LAYER)
    ]
    if not _has_cache():
        return tuple(layers)
    from transformers import DynamicCache, EncoderDecoderCache

    own, read = DynamicCache(), DynamicCache()
    for index, (key, value, states_key, states_value) in enumerate(layers):
        own.update(key, value, index)
        if states_key.shape[2] > 1:
            read.update(states_key, states_value, index)
    return EncoderDecoderCache(own, read)


def _taken(cache: Any) -> list[torch.Tensor]:
    if not _has_cache():
        return [tensor for layer in cache for tensor in layer]
    own, read = cache.self_attention_cache.layers, cache.cross_attention_cache.layers
    return [
        tensor
        for layers in zip(own, read, strict=True)
        for layer in layers
        for tensor in (layer.keys, layer.values)
    ]


def _has_cache() -> bool:
    import transformers

    return int(transformers.__version__.partition(".")[0]) >= 5
