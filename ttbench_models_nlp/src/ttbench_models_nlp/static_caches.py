"""Networks of transformers that generate with a declared cache; imported by builders only.

Their cache is keys and values of each layer as plain tensors of full length. Masks and positions
are given explicitly, so transformers looks neither at values nor at the state of its cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

import torch
from transformers.cache_utils import Cache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from ttbench_core.model import CacheTensor, StaticCache
from ttbench_models_nlp.generating import DecoderOnly, EncoderDecoder

__all__ = ["StaticDecoderOnly", "StaticEncoderDecoder"]

Tensors: TypeAlias = Mapping[str, torch.Tensor]

#: Before the names of an encoder-decoder's tensors.
_OWN: Final = "own_"
_ENCODED: Final = "encoded_"


@dataclass
class _Layer:
    """Keys and values of one layer, under the names that transformers reads them by."""

    #: Transformers 4 asks whether the shapes are fixed.
    is_compileable: ClassVar[bool] = True

    keys: torch.Tensor
    values: torch.Tensor


class _TensorCache(Cache):
    """Tensors of full length as a cache of transformers.

    Args:
        prefix: of the tensors' names.
        tensors: keys and values of each layer, which are not changed.
        position: places of the tokens that are read; None where the whole length is replaced.
    """

    def __init__(self, prefix: str, tensors: Tensors, position: torch.Tensor | None) -> None:
        count = sum(name.startswith(prefix) for name in tensors) // 2
        names = [_names(prefix, layer) for layer in range(count)]
        layers: Any = [_Layer(tensors[keys], tensors[values]) for keys, values in names]
        super().__init__(layers=layers)
        self._layers: list[_Layer] = layers
        self._prefix = prefix
        self._position = position

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put in what the network computed for the new tokens; gives all places."""
        layer = self._layers[layer_idx]
        if self._position is None:
            layer.keys, layer.values = key_states, value_states
        else:
            layer.keys = layer.keys.index_copy(2, self._position, key_states)
            layer.values = layer.values.index_copy(2, self._position, value_states)
        return layer.keys, layer.values

    def get_seq_length(self, layer_idx: int = 0) -> Any:  # noqa: ARG002 - all layers are alike
        """Give the position of the first new token: T5 computes its biases from it."""
        return 0 if self._position is None else self._position[0]

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        """Give the number of places: transformers 4 asks for it."""
        return self._layers[layer_idx].keys.shape[2]

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Give the tensors by name."""
        for number, layer in enumerate(self._layers):
            yield from zip(_names(self._prefix, number), (layer.keys, layer.values), strict=True)


class _CacheOfBoth(EncoderDecoderCache):
    """The caches of a decoder: for what it has written, and for what was encoded.

    Args:
        own: for attention to the decoder's own tokens.
        encoded: for attention to what was encoded.
        filled: whether `encoded` has been computed already.
    """

    self_attention_cache: Any
    cross_attention_cache: Any

    def __init__(self, own: _TensorCache, encoded: _TensorCache, *, filled: bool) -> None:
        # not that of the base: it would ask for the length that has been encoded
        self.self_attention_cache = own
        self.cross_attention_cache = encoded
        self.is_updated = dict.fromkeys(range(len(encoded.layers)), filled)

    def get_seq_length(self, layer_idx: int = 0) -> Any:
        """Give the position of the first new token."""
        return self.self_attention_cache.get_seq_length(layer_idx)


class StaticDecoderOnly(DecoderOnly):
    """A causal language model with a declared cache; see `StaticCacheModule` of the core.

    Args:
        network: has keys and values of all tokens, in every layer.
    """

    def static_cache(self, inputs: Sequence[torch.Tensor], new_tokens: int) -> StaticCache:
        """Declare keys and values: (microbatch, heads, tokens, width of a head)."""
        rows, prompt = inputs[0].shape
        length = prompt + new_tokens - 1  # the last token is not read
        settings = self.network.config
        heads = getattr(settings, "num_key_value_heads", None) or settings.num_attention_heads
        width = getattr(settings, "head_dim", None)
        width = width or settings.hidden_size // settings.num_attention_heads
        tensors = _declared("", settings.num_hidden_layers, (rows, heads, length, width), 2)
        return StaticCache(tensors, length, prompt)

    def prefill_static(
        self, inputs: Sequence[torch.Tensor], cache: Tensors
    ) -> tuple[torch.Tensor, Tensors]:
        """Read a prompt."""
        (ids,) = inputs
        return self._static_step(ids, torch.arange(ids.shape[1], device=ids.device), cache)

    def decode_static(
        self, token: torch.Tensor, position: torch.Tensor, cache: Tensors
    ) -> tuple[torch.Tensor, Tensors]:
        """Take one token more."""
        return self._static_step(token, position, cache)

    def _static_step(
        self, ids: torch.Tensor, position: torch.Tensor, cache: Tensors
    ) -> tuple[torch.Tensor, Tensors]:
        past = _TensorCache("", cache, position)
        outputs = self.network(
            input_ids=ids,
            attention_mask=_causal_mask(position, next(iter(cache.values()))),
            position_ids=position[None],
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
            **_cache_position(self.network, position),
        )
        return outputs.logits[:, -1], dict(past.tensors())


class StaticEncoderDecoder(EncoderDecoder):
    """An encoder and a decoder of text with a declared cache; see `StaticCacheModule` of the core.

    Args:
        network: a T5.
    """

    def static_cache(self, inputs: Sequence[torch.Tensor], new_tokens: int) -> StaticCache:
        """Declare keys and values of the decoder's tokens, and of those that were encoded."""
        (rows, encoded), prompt = inputs[0].shape, inputs[1].shape[1]
        length = prompt + new_tokens - 1  # the last token is not read
        settings = self.network.config
        layers, heads, width = settings.num_decoder_layers, settings.num_heads, settings.d_kv
        own = _declared(_OWN, layers, (rows, heads, length, width), 2)
        cross = _declared(_ENCODED, layers, (rows, heads, encoded, width), None)
        return StaticCache({**own, **cross}, length, prompt)

    def prefill_static(
        self, inputs: Sequence[torch.Tensor], cache: Tensors
    ) -> tuple[torch.Tensor, Tensors]:
        """Encode, and read the ids that the text begins with."""
        source, ids = inputs
        encoded = self.network.get_encoder()(source)[0]
        position = torch.arange(ids.shape[1], device=ids.device)
        return self._static_step(ids, position, cache, encoded, filled=False)

    def decode_static(
        self, token: torch.Tensor, position: torch.Tensor, cache: Tensors
    ) -> tuple[torch.Tensor, Tensors]:
        """Take one token more."""
        keys = cache[_names(_ENCODED, 0)[0]]
        # only its length is looked at: keys and values of it are in the cache
        encoded = keys.new_zeros((keys.shape[0], keys.shape[2], 1))
        return self._static_step(token, position, cache, encoded, filled=True)

    def _static_step(
        self,
        ids: torch.Tensor,
        position: torch.Tensor,
        cache: Tensors,
        encoded: torch.Tensor,
        *,
        filled: bool,
    ) -> tuple[torch.Tensor, Tensors]:
        own, cross = _TensorCache(_OWN, cache, position), _TensorCache(_ENCODED, cache, None)
        outputs = self.network(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            decoder_input_ids=ids,
            decoder_attention_mask=_causal_mask(position, cache[_names(_OWN, 0)[0]]),
            past_key_values=_CacheOfBoth(own, cross, filled=filled),
            use_cache=True,
            **_cache_position(self.network, position),
        )
        return outputs.logits[:, -1], {**dict(own.tensors()), **dict(cross.tensors())}


def _names(prefix: str, layer: int) -> tuple[str, str]:
    return f"{prefix}keys_{layer}", f"{prefix}values_{layer}"


def _declared(
    prefix: str, layers: int, shape: tuple[int, ...], length_dimension: int | None
) -> dict[str, CacheTensor]:
    names = [name for layer in range(layers) for name in _names(prefix, layer)]
    return dict.fromkeys(names, CacheTensor(shape, length_dimension))


def _causal_mask(position: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Give what is added to the scores, (1, 1, tokens, length): a token sees none after it."""
    places = torch.arange(keys.shape[2], device=keys.device)
    hidden = places[None] > position[:, None]
    lowest = torch.finfo(keys.dtype).min
    return torch.zeros(hidden.shape, dtype=keys.dtype, device=keys.device).masked_fill(
        hidden, lowest
    )[None, None]


def _cache_position(network: Any, position: torch.Tensor) -> dict[str, torch.Tensor]:
    """Give the position under the name that transformers takes it by, before it left that out."""
    if "cache_position" in inspect.signature(network.forward).parameters:
        return {"cache_position": position}
    return {}
