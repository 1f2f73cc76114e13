"""Encoders of text beside BERT: one table a family, one way to build them."""

from __future__ import annotations

from typing import Final

from ttbench_core import BenchmarkModel, StagedModel, Stages
from ttbench_models_nlp.builders import encoder_builder
from ttbench_models_nlp.networks import check_positions, network_of, settings_of
from ttbench_models_nlp.tables import Architecture, Asked, Family, Variant
from ttbench_models_nlp.texts import drawn_ids

__all__ = ["albert", "distilbert", "electra", "minilm", "modernbert", "roberta"]

_ROBERTA: Final = Architecture(
    # positions are numbered from 2, after that of padding
    "RobertaModel",
    "RobertaConfig",
    reserved=2,
)
_ROBERTA_SETTINGS: Final = {
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}


def _construct(asked: Asked) -> BenchmarkModel:
    """Build an encoder; it trains against random hidden states with an L1 loss, as `bert` does.

    Texts have full length, so token ids (int64) are its only input.
    """
    import torch

    from ttbench_models_nlp.losses import FirstOutputL1Loss

    settings = settings_of(asked)
    check_positions(asked, settings, asked.sequence)
    ids = drawn_ids(settings.vocab_size, asked.samples, asked.sequence)
    targets = torch.rand(asked.samples, asked.sequence, settings.hidden_size)
    network, notes = network_of(asked, settings)
    return StagedModel(
        stages=Stages(device=network, loss=FirstOutputL1Loss()),
        inputs=[ids],
        targets=[targets],
        notes=notes,
    )


distilbert = encoder_builder(
    Family(
        "distilbert",
        "Build DistilBERT (Sanh et al., 2019, arXiv:1910.01108): BERT distilled to six layers.",
        "text encoder",
        {
            "base": Variant(
                Architecture("DistilBertModel", "DistilBertConfig", layers=("n_layers",)),
                parameters=66_362_880,
                hub="distilbert/distilbert-base-uncased",
                microbatch=4,
            )
        },
    ),
    _construct,
)

roberta = encoder_builder(
    Family(
        "roberta",
        "Build RoBERTa (Liu et al., 2019, arXiv:1907.11692): BERT with a larger vocabulary.",
        "text encoder",
        {
            "base": Variant(
                _ROBERTA,
                parameters=124_645_632,
                hub="FacebookAI/roberta-base",
                settings=_ROBERTA_SETTINGS,
                microbatch=4,
            ),
            "large": Variant(
                _ROBERTA,
                parameters=355_359_744,
                hub="FacebookAI/roberta-large",
                settings={
                    **_ROBERTA_SETTINGS,
                    "num_hidden_layers": 24,
                    "hidden_size": 1024,
                    "num_attention_heads": 16,
                    "intermediate_size": 4096,
                },
            ),
        },
    ),
    _construct,
)

albert = encoder_builder(
    Family(
        "albert",
        "Build ALBERT (Lan et al., 2019, arXiv:1909.11942): one layer's weights, used twelve"
        " times.",
        "text encoder",
        {
            "base": Variant(
                Architecture("AlbertModel", "AlbertConfig"),
                parameters=11_683_584,
                hub="albert/albert-base-v2",
                settings={
                    "vocab_size": 30000,
                    "embedding_size": 128,
                    "hidden_size": 768,
                    "num_attention_heads": 12,
                    "intermediate_size": 3072,
                    "num_hidden_layers": 12,
                    "inner_group_num": 1,
                },
                microbatch=4,
            )
        },
    ),
    _construct,
)

electra = encoder_builder(
    Family(
        "electra",
        "Build ELECTRA's discriminator (Clark et al., 2020, arXiv:2003.10555).",
        "text encoder",
        {
            "small": Variant(
                Architecture("ElectraModel", "ElectraConfig"),
                parameters=13_483_008,
                hub="google/electra-small-discriminator",
                settings={
                    "vocab_size": 30522,
                    "embedding_size": 128,
                    "hidden_size": 256,
                    "num_hidden_layers": 12,
                    "num_attention_heads": 4,
                    "intermediate_size": 1024,
                },
                microbatch=8,
            )
        },
    ),
    _construct,
)

modernbert = encoder_builder(
    Family(
        "modernbert",
        "Build ModernBERT (Warner et al., 2024, arXiv:2412.13663): rotary positions, and attention"
        " that is local in two layers of three.",
        "text encoder",
        {
            "base": Variant(
                Architecture("ModernBertModel", "ModernBertConfig", since="4.48"),
                parameters=149_014_272,
                hub="answerdotai/ModernBERT-base",
                microbatch=4,
            )
        },
    ),
    _construct,
)

minilm = encoder_builder(
    Family(
        "minilm",
        "Build MiniLM (Wang et al., 2020, arXiv:2002.10957), as sentence embeddings use it.",
        "text encoder",
        {
            "l6": Variant(
                Architecture("BertModel", "BertConfig"),
                parameters=22_713_216,
                hub="sentence-transformers/all-MiniLM-L6-v2",
                settings={
                    "num_hidden_layers": 6,
                    "hidden_size": 384,
                    "num_attention_heads": 12,
                    "intermediate_size": 1536,
                    "vocab_size": 30522,
                },
                microbatch=8,
            )
        },
    ),
    _construct,
)
