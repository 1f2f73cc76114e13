"""Causal language models with learned positions, or without any; knows no torch."""

from __future__ import annotations

from typing import Final

from ttbench_models_nlp.tables import Architecture, Family, Variant

__all__ = ["GPT2", "MAMBA", "OPT"]

_TASK: Final = "text generation"
_GPT2: Final = Architecture(
    "GPT2LMHeadModel",
    "GPT2Config",
    layers=("n_layer",),
    positions="n_positions",
    declares_cache=True,
)

GPT2: Final = Family(
    "gpt2",
    "Build GPT-2 (Radford et al., 2019, Language Models are Unsupervised Multitask Learners);"
    " `distil` is DistilGPT2 (Sanh et al., 2019, arXiv:1910.01108).",
    _TASK,
    {
        "base": Variant(_GPT2, 124_439_808, "openai-community/gpt2"),
        "medium": Variant(
            _GPT2,
            354_823_168,
            "openai-community/gpt2-medium",
            {"n_embd": 1024, "n_layer": 24, "n_head": 16},
        ),
        "distil": Variant(_GPT2, 81_912_576, "distilbert/distilgpt2", {"n_layer": 6}),
    },
)

OPT: Final = Family(
    "opt",
    "Build OPT (Zhang et al., 2022, arXiv:2205.01068).",
    _TASK,
    {
        "125m": Variant(
            Architecture("OPTForCausalLM", "OPTConfig"),
            125_239_296,
            "facebook/opt-125m",
            {
                "vocab_size": 50272,
                "hidden_size": 768,
                "num_hidden_layers": 12,
                "ffn_dim": 3072,
                "num_attention_heads": 12,
                "max_position_embeddings": 2048,
                "word_embed_proj_dim": 768,
            },
        )
    },
)

MAMBA: Final = Family(
    "mamba",
    "Build Mamba (Gu and Dao, 2023, arXiv:2312.00752), a state space model: no attention, and a"
    " state that does not grow.",
    _TASK,
    {
        "130m": Variant(
            Architecture("MambaForCausalLM", "MambaConfig", positions=None),
            129_135_360,
            "state-spaces/mamba-130m-hf",
            {"vocab_size": 50280, "hidden_size": 768, "num_hidden_layers": 24, "state_size": 16},
            # on a CPU its scan goes token by token
            sequence=32,
        )
    },
)
