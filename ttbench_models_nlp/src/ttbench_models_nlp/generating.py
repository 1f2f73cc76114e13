"""Networks of transformers that generate, by its own caches; imported by builders only.

Prompts have full length, so no attention mask is given: transformers would
look at its values, which waits for a device, and fails on shapes alone. For
the same reason a plain forward leaves the cache as transformers has it: without
one, it looks at the positions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["DecoderOfStates", "DecoderOnly", "EncoderDecoder"]


class DecoderOnly(torch.nn.Module):
    """A causal language model, run once an input or token by token.

    Args:
        network: gives logits for token ids, and takes back the cache that it gave.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        takes = _parameters(network.forward)
        # a state space model has a state where others have keys and values
        self._cache = "cache_params" if "cache_params" in takes else "past_key_values"
        self._keeps_last = "logits_to_keep" in takes
        self._counts = self._cache == "cache_params" and "cache_position" in takes

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Give logits, (microbatch, tokens, vocabulary), of ids (microbatch, tokens)."""
        logits: torch.Tensor = self.network(input_ids=ids).logits
        return logits

    def prefill(self, ids: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Read a prompt; see `ttbench_core.model.GeneratingModule`."""
        return self._step(ids, None, 0)

    def decode(self, token: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        """Take one token more."""
        return self._step(token, *past)

    def _step(self, ids: torch.Tensor, cache: Any, seen: int) -> tuple[torch.Tensor, Any]:
        options: dict[str, Any] = {"logits_to_keep": 1} if self._keeps_last else {}
        length = seen + ids.shape[1]
        if cache is not None:
            options[self._cache] = cache
            if self._counts:
                options["cache_position"] = torch.arange(seen, length, device=ids.device)
        outputs = self.network(input_ids=ids, use_cache=True, **options)
        return outputs.logits[:, -1], (outputs[self._cache], length)


class EncoderDecoder(torch.nn.Module):
    """An encoder of text or sound with a decoder of text, run once an input or token by token.

    Args:
        network: gives logits for what is encoded and the decoder's token ids.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: torch.Tensor, decoder_ids: torch.Tensor) -> torch.Tensor:
        """Give logits, (microbatch, tokens, vocabulary), of the decoder's ids.

        Args:
            source: what the encoder reads: ids (microbatch, tokens), or features of sound.
            decoder_ids: (microbatch, tokens).
        """
        logits: torch.Tensor = self.network(source, decoder_input_ids=decoder_ids).logits
        return logits

    def prefill(self, source: torch.Tensor, decoder_ids: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Encode, and read the ids that the text begins with."""
        return self._step(decoder_ids, self.network.get_encoder()(source)[0], None)

    def decode(self, token: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        """Take one token more."""
        return self._step(token, *past)

    def _step(
        self, ids: torch.Tensor, encoded: torch.Tensor, cache: Any
    ) -> tuple[torch.Tensor, Any]:
        from transformers.modeling_outputs import BaseModelOutput

        outputs = self.network(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            decoder_input_ids=ids,
            past_key_values=cache,
            use_cache=True,
        )
        return outputs.logits[:, -1], (encoded, outputs.past_key_values)


class DecoderOfStates(torch.nn.Module):
    """A decoder of text without its encoder, run once an input.

    Args:
        network: an encoder-decoder, of which decoder and head are taken.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.decoder = network.get_decoder()
        self.head = network.get_output_embeddings()

    def forward(self, decoder_ids: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Give logits, (microbatch, tokens, vocabulary).

        Args:
            decoder_ids: (microbatch, tokens).
            states: what an encoder gave, (microbatch, positions, width).
        """
        hidden = self.decoder(input_ids=decoder_ids, encoder_hidden_states=states)[0]
        logits: torch.Tensor = self.head(hidden)
        return logits


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
