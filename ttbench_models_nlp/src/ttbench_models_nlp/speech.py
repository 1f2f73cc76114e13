"""Models of speech: Whisper, which writes what it hears, and wav2vec 2.0, which spells it."""

from __future__ import annotations

from typing import Any, Final

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_nlp.networks import check_positions, network_of, settings_of
from ttbench_models_nlp.tables import Architecture, Asked, Family, Variant
from ttbench_models_nlp.texts import decoder_texts, drawn_ids

__all__ = ["wav2vec2", "whisper", "whisper_decoder"]

#: Half a minute of sound, which Whisper's encoder always reads, in frames of 10 ms.
_FRAMES: Final = 3000
#: What a text of Whisper begins with: start of transcript, English, transcribe, no timestamps.
_START: Final = (50258, 50259, 50359, 50363)
#: A second of sound.
_WAVES: Final = 16000
_LETTERS: Final = 12
_WHISPER: Final = Architecture(
    "WhisperForConditionalGeneration",
    "WhisperConfig",
    layers=("encoder_layers", "decoder_layers"),
    positions="max_target_positions",
)


def _whisper(layers: int, width: int, heads: int) -> dict[str, Any]:
    return {
        "d_model": width,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": 4 * width,
        "decoder_ffn_dim": 4 * width,
        "vocab_size": 51865,
        "num_mel_bins": 80,
    }


_WHISPERS: Final = Family(
    "whisper",
    "Whisper",
    "speech recognition",
    {
        "tiny": Variant(_WHISPER, 37_760_640, "openai/whisper-tiny", _whisper(4, 384, 6)),
        "base": Variant(_WHISPER, 72_593_920, "openai/whisper-base", _whisper(6, 512, 8)),
        "small": Variant(_WHISPER, 241_734_912, "openai/whisper-small", _whisper(12, 768, 12)),
    },
)
#: What the encoder makes of half a minute.
_STATES: Final = 1500
_WHISPER_DECODERS: Final = Family(
    "whisper_decoder",
    "Whisper's decoder",
    "speech recognition, decoder alone",
    {
        "tiny": Variant(_WHISPER, 29_552_256, None, _whisper(4, 384, 6)),
        "small": Variant(_WHISPER, 153_580_800, None, _whisper(12, 768, 12)),
    },
)
_WAV2VEC2S: Final = Family(
    "wav2vec2",
    "wav2vec 2.0",
    "speech recognition",
    {
        "base": Variant(
            Architecture("Wav2Vec2ForCTC", "Wav2Vec2Config", positions=None),
            94_396_320,
            "facebook/wav2vec2-base-960h",
        )
    },
)


@benchmark_model(configs=_WHISPERS.declared, task=_WHISPERS.task)
def whisper(
    training: bool,
    config: str,
    *,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
    generative: bool | None = None,
    new_tokens: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build Whisper (Radford et al., 2022, arXiv:2212.04356).

    Its inputs are spectrograms of half a minute, (microbatch, 80, 3000), and the ids that the
    text begins with; it trains on random texts with cross entropy.
    """
    import torch

    from ttbench_models_nlp.generating import EncoderDecoder
    from ttbench_models_nlp.losses import TokenLoss

    asked = Asked(
        _WHISPERS,
        config,
        training=training,
        microbatch=microbatch,
        layers=force_num_layers,
        generative=generative,
        new_tokens=new_tokens,
        weights=weights,
    )
    settings = settings_of(asked)
    check_positions(asked, settings, len(_START) + max(asked.tokens - 1, 0))
    spectrograms = torch.rand(asked.samples, settings.num_mel_bins, _FRAMES)
    ids, targets = decoder_texts(asked, settings.vocab_size, _START)
    network, notes = network_of(asked, settings)
    return StagedModel(
        stages=Stages(device=EncoderDecoder(network), loss=TokenLoss()),
        inputs=[spectrograms, ids],
        targets=targets,
        # no prompt of tokens: what is read first is sound
        generation=asked.generation(prompt=None),
        notes=notes,
    )


@benchmark_model(configs=_WHISPER_DECODERS.declared, task=_WHISPER_DECODERS.task)
def whisper_decoder(
    training: bool,
    config: str,
    *,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build the decoder of Whisper alone, run once an input.

    Its inputs are ids of a text and what an encoder would give, (microbatch, 1500, width),
    random; it trains on the text shifted by one with cross entropy.
    """
    import torch

    from ttbench_models_nlp.generating import DecoderOfStates
    from ttbench_models_nlp.losses import TokenLoss

    asked = Asked(
        _WHISPER_DECODERS,
        config,
        training=training,
        microbatch=microbatch,
        layers=force_num_layers,
        weights=weights,
    )
    settings = settings_of(asked)
    network, notes = network_of(asked, settings)
    ids, targets = decoder_texts(asked, settings.vocab_size, _START)
    return StagedModel(
        stages=Stages(device=DecoderOfStates(network), loss=TokenLoss()),
        inputs=[ids, torch.randn(asked.samples, _STATES, settings.d_model)],
        targets=targets,
        notes=notes,
    )


@benchmark_model(configs=_WAV2VEC2S.declared, task=_WAV2VEC2S.task)
def wav2vec2(
    training: bool,
    config: str,
    *,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build wav2vec 2.0 with a head of letters (Baevski et al., 2020, arXiv:2006.11477).

    Its input is a second of sound, (microbatch, 16000); it trains on random letters with CTC.
    Layers are never dropped and nothing is masked in training, so that every pass is one work.
    """
    import torch

    from ttbench_models_nlp.losses import CtcLoss

    asked = Asked(
        _WAV2VEC2S,
        config,
        training=training,
        microbatch=microbatch,
        layers=force_num_layers,
        weights=weights,
    )
    settings = settings_of(asked)
    settings.layerdrop = 0.0
    settings.apply_spec_augment = False
    waves = torch.randn(asked.samples, _WAVES)
    letters = drawn_ids(settings.vocab_size, asked.samples, _LETTERS)
    network, notes = network_of(asked, settings)
    return StagedModel(
        stages=Stages(device=network, loss=CtcLoss()),
        inputs=[waves],
        targets=[letters],
        notes=notes,
    )
