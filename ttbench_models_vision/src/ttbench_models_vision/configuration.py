"""Configurations that come with weights: read so that nothing in them runs code, and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, one_line

__all__ = ["FILE", "check_file", "first_difference", "harmless"]

FILE: Final = "config.json"
#: What can lead transformers to code, native code among it: kernels and modules of the hub; and
#: to other files than those that were looked at.
_DROPPED: Final = re.compile(
    r"_*(attn_implementation|experts_implementation)\w*|auto_map|kernel_config|use_kernels"
    r"|transformers_weights"
    # what a model gives: the libraries' own choice is what the pack reads
    r"|return_dict|use_return_dict|torchscript|output_hidden_states|output_attentions"
)
_QUANTIZED: Final = ("quantization_config", "compression_config")
#: Settings that make a network another one. Those that are left out make none (initialisation,
#: dropout, losses), or differ among weights of one network (labels, the size of images).
_SHAPING: Final = re.compile(
    r"model_type|patch_sizes?|hidden_sizes?|hidden_dim|hidden_expansion|embed_dim|embedding_size"
    r"|d_model|projection_dim|intermediate_size|depths|depth_\w+|width_coefficient"
    r"|layer_type|(num_hidden|num_encoder|encoder|decoder)_(layers|blocks)|num_(attention_)?heads"
    r"|(encoder|decoder)_(attention_heads|ffn_dim|hidden_dim|hidden_size|in_channels)"
    r"|hidden_act|(\w+_)?activation_function|window_size|mlp_ratios?|sr_ratios|strides"
    r"|kernel_sizes|num_block_repeats|expand_ratios?|output_stride|tf_padding"
    r"|(stem|stage)_(channels|strides|\w+_channels|num_blocks|numb_of_layers|kernel_size)"
    r"|downsample_in_\w+|num_queries|num_feature_levels|use_swiglu_ffn|use_absolute_embeddings"
)


def check_file(folder: Path) -> None:
    """Raise `OptionError` where a folder has no configuration that can be read."""
    file = folder / FILE
    if not file.is_file():
        raise OptionError(
            f"--weights {folder}: there is no {FILE} in it;"
            " give a folder that save_pretrained or a download made"
        )
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(
            f"--weights {folder}: {FILE} cannot be read: {one_line(error)}"
        ) from error
    if not isinstance(read, dict):
        raise OptionError(f"--weights {folder}: {FILE} is no JSON object, so no configuration")


def harmless(settings: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Give settings without those that lead to code, nested ones too.

    Args:
        settings: as they were read.
        what: the weights, for the message.

    Raises `OptionError` for weights that are quantized: they take the code of a quantizer, and
    are numbers of another format than the one that is measured.
    """
    for name in _QUANTIZED:
        if settings.get(name) is not None:
            raise OptionError(f"{what} are quantized ({name}): give those that are not")
    kept = {name: value for name, value in settings.items() if not _DROPPED.fullmatch(name)}
    if "use_pretrained_backbone" in kept:
        # it would fetch what the weights have anyway
        kept["use_pretrained_backbone"] = False
    return {
        name: harmless(value, what) if isinstance(value, Mapping) else value
        for name, value in kept.items()
    }


def first_difference(
    found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[str, Any, Any] | None:
    """Give the first setting that makes another network: its name, what it is, what it should be.

    Args:
        found: all settings of a configuration, those of its parts nested.
        wanted: those of the network that is named.
    """
    for name, value in wanted.items():
        # HGNet's stem says its channels itself, and published weights have anything here
        if name == "embedding_size" and "stem_channels" in wanted:
            continue
        other = found.get(name)
        if isinstance(value, Mapping) and name.endswith("_config"):
            nested = first_difference(other if isinstance(other, Mapping) else {}, value)
            if nested:
                return f"{name}.{nested[0]}", *nested[1:]
        elif _SHAPING.fullmatch(name) and _plain(other) != _plain(value):
            return name, other, value
    return None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
