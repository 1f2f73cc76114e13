"""Causal language models: the way to build them; their tables lie beside it."""

from __future__ import annotations

from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, Stages
from ttbench_core.errors import OptionError
from ttbench_models_nlp import decoder_tables, rotary_tables
from ttbench_models_nlp.builders import generator_builder
from ttbench_models_nlp.networks import (
    can_declare_cache,
    check_positions,
    network_of,
    settings_of,
)
from ttbench_models_nlp.tables import Asked
from ttbench_models_nlp.texts import drawn_ids

__all__ = ["falcon", "gemma", "gpt2", "llama", "mamba", "moe", "opt", "phi", "qwen"]


def _construct(asked: Asked) -> BenchmarkModel:
    """Build a language model that generates, or else runs a text once and trains on it."""
    from ttbench_models_nlp.losses import NextTokenLoss

    if asked.training and asked.sequence < 2:
        raise OptionError(
            f"--seq_len {asked.sequence}: {asked.where} is trained on the token after each, so a"
            " text has 2 or more"
        )
    settings = settings_of(asked)
    # the last token is not read again
    check_positions(asked, settings, asked.sequence + max(asked.tokens - 1, 0))
    ids = drawn_ids(settings.vocab_size, asked.samples, asked.sequence)
    network, notes = network_of(asked, settings)
    return StagedModel(
        stages=Stages(device=_generator(asked, network), loss=NextTokenLoss()),
        inputs=[ids],
        targets=[ids],
        generation=asked.generation(prompt=asked.sequence),
        notes=notes,
    )


def _generator(asked: Asked, network: Any) -> Any:
    from ttbench_models_nlp.generating import DecoderOnly

    if not can_declare_cache(asked, network.config):
        return DecoderOnly(network)
    from ttbench_models_nlp.static_caches import StaticDecoderOnly

    return StaticDecoderOnly(network)


gpt2 = generator_builder(decoder_tables.GPT2, _construct)
opt = generator_builder(decoder_tables.OPT, _construct)
llama = generator_builder(rotary_tables.LLAMA, _construct)
qwen = generator_builder(rotary_tables.QWEN, _construct)
phi = generator_builder(rotary_tables.PHI, _construct)
gemma = generator_builder(rotary_tables.GEMMA, _construct)
falcon = generator_builder(rotary_tables.FALCON, _construct)
mamba = generator_builder(decoder_tables.MAMBA, _construct)
moe = generator_builder(rotary_tables.MOE, _construct)
