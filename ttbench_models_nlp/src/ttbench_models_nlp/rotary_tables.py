"""Causal language models with rotary positions (Su et al., 2021, arXiv:2104.09864).

Texts are short where the network has a billion parameters, or nearly; knows no
torch.
"""

from __future__ import annotations

from typing import Any, Final

from ttbench_models_nlp.tables import Architecture, Family, Variant

__all__ = ["FALCON", "GEMMA", "LLAMA", "MOE", "PHI", "QWEN"]

_TASK: Final = "text generation"
_SHORT: Final = 32
_LLAMA: Final = Architecture("LlamaForCausalLM", "LlamaConfig", declares_cache=True)


def _shape(
    layers: int, hidden: int, inner: int, heads: int, *, vocabulary: int, **more: Any
) -> dict[str, Any]:
    """Give settings as most of these networks call them."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        **more,
    }


LLAMA: Final = Family(
    "llama",
    "Build networks of Llama's shape (Touvron et al., 2023, arXiv:2302.13971): SmolLM2 (Ben Allal"
    " et al., 2025, arXiv:2502.02737), TinyLlama (Zhang et al., 2024, arXiv:2401.02385) and"
    " Llama 3.2 (Grattafiori et al., 2024, arXiv:2407.21783).",
    _TASK,
    {
        "smollm2-135m": Variant(
            _LLAMA,
            134_515_008,
            "HuggingFaceTB/SmolLM2-135M",
            _shape(
                *(30, 576, 1536, 9),
                vocabulary=49152,
                num_key_value_heads=3,
                tie_word_embeddings=True,
                max_position_embeddings=8192,
            ),
        ),
        "tinyllama-1.1b": Variant(
            _LLAMA,
            1_100_048_384,
            "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
            _shape(
                *(22, 2048, 5632, 32),
                vocabulary=32000,
                num_key_value_heads=4,
                max_position_embeddings=2048,
            ),
            sequence=_SHORT,
        ),
        "llama-3.2-1b": Variant(
            _LLAMA,
            1_235_814_400,
            "meta-llama/Llama-3.2-1B",
            _shape(
                *(16, 2048, 8192, 32),
                vocabulary=128256,
                num_key_value_heads=8,
                head_dim=64,
                tie_word_embeddings=True,
                max_position_embeddings=131072,
                # transformers 4 knows these by another name, and leaves them out: the same work,
                # at other frequencies
                rope_parameters={
                    "rope_type": "llama3",
                    "rope_theta": 500000.0,
                    "factor": 32.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 8192,
                },
            ),
            sequence=_SHORT,
        ),
    },
)

QWEN: Final = Family(
    "qwen",
    "Build Qwen2.5 (Qwen Team, 2024, arXiv:2412.15115) and Qwen3 (Qwen Team, 2025,"
    " arXiv:2505.09388).",
    _TASK,
    {
        "2.5-0.5b": Variant(
            Architecture("Qwen2ForCausalLM", "Qwen2Config", declares_cache=True),
            494_032_768,
            "Qwen/Qwen2.5-0.5B",
            _shape(
                *(24, 896, 4864, 14),
                vocabulary=151936,
                num_key_value_heads=2,
                tie_word_embeddings=True,
                max_position_embeddings=32768,
            ),
            sequence=_SHORT,
        ),
        "3-0.6b": Variant(
            Architecture("Qwen3ForCausalLM", "Qwen3Config", since="4.51", declares_cache=True),
            596_049_920,
            "Qwen/Qwen3-0.6B",
            _shape(
                *(28, 1024, 3072, 16),
                vocabulary=151936,
                num_key_value_heads=8,
                head_dim=128,
                tie_word_embeddings=True,
                max_position_embeddings=40960,
            ),
            sequence=_SHORT,
        ),
    },
)

PHI: Final = Family(
    "phi",
    "Build Phi-1.5 (Li et al., 2023, arXiv:2309.05463) and Phi-3 (Abdin et al., 2024,"
    " arXiv:2404.14219).",
    _TASK,
    {
        "1.5": Variant(
            Architecture("PhiForCausalLM", "PhiConfig"),
            1_418_270_720,
            "microsoft/phi-1_5",
            _shape(24, 2048, 8192, 32, vocabulary=51200),
            sequence=_SHORT,
        ),
        "3-mini": Variant(
            Architecture("Phi3ForCausalLM", "Phi3Config"),
            3_821_079_552,
            "microsoft/Phi-3-mini-4k-instruct",
            _shape(
                *(32, 3072, 8192, 32),
                vocabulary=32064,
                num_key_value_heads=32,
                pad_token_id=32000,
            ),
            sequence=_SHORT,
        ),
    },
)

GEMMA: Final = Family(
    "gemma",
    "Build Gemma 3 (Gemma Team, 2025, arXiv:2503.19786): attention that is local in most layers.",
    _TASK,
    {
        "3-270m": Variant(
            Architecture("Gemma3ForCausalLM", "Gemma3TextConfig", since="4.50"),
            268_098_176,
            "google/gemma-3-270m",
            _shape(18, 640, 2048, 4, vocabulary=262144, num_key_value_heads=1, head_dim=256),
            sequence=_SHORT,
        )
    },
)

FALCON: Final = Family(
    "falcon",
    "Build Falcon (Almazrouei et al., 2023, arXiv:2311.16867). Whole, its weights are 28 GB in"
    " Fp32: most machines want --layers.",
    _TASK,
    {
        "7b": Variant(
            Architecture("FalconForCausalLM", "FalconConfig"),
            6_921_720_704,
            "tiiuae/falcon-7b",
            {
                "vocab_size": 65024,
                "hidden_size": 4544,
                "num_attention_heads": 71,
                "multi_query": True,
                "parallel_attn": True,
                "new_decoder_architecture": False,
                "alibi": False,
                "bias": False,
                "num_hidden_layers": 32,
            },
            sequence=_SHORT,
        )
    },
)

MOE: Final = Family(
    "moe",
    "Build a small mixture of experts, two of eight for each token and a shared one, of the"
    " network of Qwen2-57B-A14B (Yang et al., 2024, arXiv:2407.10671).",
    _TASK,
    {
        "small": Variant(
            Architecture("Qwen2MoeForCausalLM", "Qwen2MoeConfig"),
            25_048_320,
            None,
            _shape(
                *(4, 256, 512, 8),
                vocabulary=32000,
                num_key_value_heads=4,
                num_experts=8,
                num_experts_per_tok=2,
                moe_intermediate_size=256,
                shared_expert_intermediate_size=512,
            ),
            sequence=_SHORT,
        )
    },
)
