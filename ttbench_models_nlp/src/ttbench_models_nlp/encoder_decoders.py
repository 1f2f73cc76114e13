"""Encoders of text with a decoder of text: T5, FLAN-T5 and BART."""

from __future__ import annotations

from typing import Any, Final

from ttbench_core import BenchmarkModel, StagedModel, Stages
from ttbench_models_nlp.builders import generator_builder
from ttbench_models_nlp.networks import (
    can_declare_cache,
    check_positions,
    network_of,
    settings_of,
)
from ttbench_models_nlp.tables import Architecture, Asked, Family, Variant
from ttbench_models_nlp.texts import decoder_texts, drawn_ids

__all__ = ["bart", "flan_t5", "t5"]

#: Kinds of a Tenstorrent device: a card, and what imitates one.
_CARDS: Final = ("silicon", "golden", "model")
_T5: Final = Architecture(
    "T5ForConditionalGeneration",
    "T5Config",
    layers=("num_layers", "num_decoder_layers"),
    positions=None,
    declares_cache=True,
)
_BART: Final = Architecture(
    "BartForConditionalGeneration", "BartConfig", layers=("encoder_layers", "decoder_layers")
)


def _construct(asked: Asked) -> BenchmarkModel:
    """Build a model that generates from the token that its texts begin with.

    Else it runs a text and a decoder's text once, and trains on the latter.
    """
    from ttbench_models_nlp.losses import TokenLoss

    settings = settings_of(asked)
    check_positions(asked, settings, max(asked.sequence, asked.tokens))
    ids = drawn_ids(settings.vocab_size, asked.samples, asked.sequence)
    start = [settings.decoder_start_token_id]
    decoder_ids, targets = decoder_texts(asked, settings.vocab_size, start)
    network, notes = network_of(asked, settings)
    return StagedModel(
        stages=Stages(device=_generator(asked, network), loss=TokenLoss()),
        inputs=[ids, decoder_ids],
        targets=targets,
        generation=asked.generation(prompt=asked.sequence),
        notes=notes,
    )


def _generator(asked: Asked, network: Any) -> Any:
    from ttbench_models_nlp.generating import EncoderDecoder

    if not can_declare_cache(asked, network.config):
        return EncoderDecoder(network)
    from ttbench_models_nlp.static_caches import StaticEncoderDecoder

    return StaticEncoderDecoder(network)


def _construct_t5(asked: Asked) -> BenchmarkModel:
    """Build a T5; one that generates on a card as PyBuda wants it."""
    if asked.generates and asked.devtype in _CARDS:
        from ttbench_models_nlp.t5_on_cards import generator_on_card

        return generator_on_card(asked)
    return _construct(asked)


def _t5(layers: int, width: int, inner: int, heads: int, **settings: Any) -> dict[str, Any]:
    return {
        "vocab_size": 32128,
        "d_model": width,
        "d_ff": inner,
        "num_layers": layers,
        "num_decoder_layers": layers,
        "num_heads": heads,
        "d_kv": 64,
        "decoder_start_token_id": 0,
        **settings,
    }


def _flan(layers: int, width: int, inner: int, heads: int) -> dict[str, Any]:
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    return _t5(layers, width, inner, heads, **gated)


t5 = generator_builder(
    Family(
        "t5",
        "Build T5 (Raffel et al., 2019, arXiv:1910.10683).",
        "text to text generation",
        {
            "small": Variant(_T5, 60_506_624, "google-t5/t5-small", _t5(6, 512, 2048, 8)),
            "base": Variant(_T5, 222_903_552, "google-t5/t5-base", _t5(12, 768, 3072, 12)),
            "large": Variant(_T5, 737_668_096, "google-t5/t5-large", _t5(24, 1024, 4096, 16)),
        },
    ),
    _construct_t5,
)

flan_t5 = generator_builder(
    Family(
        "flan_t5",
        "Build FLAN-T5 (Chung et al., 2022, arXiv:2210.11416): T5 1.1, gated and with a head of"
        " its own.",
        "text to text generation",
        {
            "small": Variant(_T5, 76_961_152, "google/flan-t5-small", _flan(8, 512, 1024, 6)),
            "base": Variant(_T5, 247_577_856, "google/flan-t5-base", _flan(12, 768, 2048, 12)),
            "large": Variant(_T5, 783_150_080, "google/flan-t5-large", _flan(24, 1024, 2816, 16)),
        },
    ),
    _construct_t5,
)

bart = generator_builder(
    Family(
        "bart",
        "Build BART (Lewis et al., 2019, arXiv:1910.13461).",
        "text to text generation",
        {
            "base": Variant(
                _BART,
                139_420_416,
                "facebook/bart-base",
                {
                    "vocab_size": 50265,
                    "d_model": 768,
                    "encoder_layers": 6,
                    "decoder_layers": 6,
                    "encoder_attention_heads": 12,
                    "decoder_attention_heads": 12,
                    "encoder_ffn_dim": 3072,
                    "decoder_ffn_dim": 3072,
                },
            )
        },
    ),
    _construct,
)
