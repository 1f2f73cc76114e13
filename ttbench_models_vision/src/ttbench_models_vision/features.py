"""Models of features: of images alone (DINOv2), of images and texts in one space (CLIP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_core.errors import OptionError
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

if TYPE_CHECKING:
    import torch

__all__ = ["clip", "dinov2"]

#: CLIP's: the longest text, and the id that ends it, the highest of the vocabulary.
_LONGEST_TEXT = 77
_END_OF_TEXT = 49407
_SHORTEST_TEXT = 2

_DINOV2 = LibraryFamily(
    name="dinov2",
    pcc=four_bits(0.92),
    model_class="Dinov2Model",
    config_class="Dinov2Config",
    settings={"image_size": 518, "patch_size": 14},
    multiple=14,
    least=14,
    recipes={
        "small": Recipe(
            parameters=22_056_576,
            microbatch=4,
            origin="facebook/dinov2-small",
            settings={"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12},
        ),
        "base": Recipe(parameters=86_580_480, microbatch=1, origin="facebook/dinov2-base"),
    },
)
_CLIP = LibraryFamily(
    name="clip",
    model_class="CLIPModel",
    config_class="CLIPConfig",
    has_positions=True,
    towers=("text_config", "vision_config"),
    multiple=32,
    recipes={
        "vit-b-32": Recipe(
            parameters=151_277_313, microbatch=4, origin="openai/clip-vit-base-patch32"
        ),
    },
)


@benchmark_model(configs=_DINOV2.declared(), default_config="small", task="image features")
def dinov2(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    force_num_layers: int | None = None,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a DINOv2 (Oquab et al., 2023, arXiv:2304.07193); images (microbatch, 3, 224, 224).

    Positions are those of 518 x 518, as published, and interpolated to the image. It does not
    train: a teacher, heads and crops that its training has are no part of the network.
    """
    import torch

    network, size = _DINOV2.network(config, image_size, weights, force_num_layers)
    samples = _DINOV2.samples(config, microbatch)
    return StagedModel(
        stages=Stages(device=network),
        inputs=[torch.rand(samples, 3, size, size)],
        pcc=_DINOV2.pcc,
    )


@benchmark_model(configs=_CLIP.declared(), task="image-text similarity")
def clip(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    force_num_layers: int | None = None,
    seq_len: int | None = None,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a CLIP (Radford et al., 2021, arXiv:2103.00020).

    Inputs are token ids (microbatch, 77) and images (microbatch, 3, 224, 224); every text is
    compared with every image. `force_num_layers` counts in both towers. Trains as published,
    with cross entropy over the similarities, where a text and its image are partners.
    """
    import torch

    from ttbench_models_vision.losses import ContrastiveLoss

    length, samples = _checked(seq_len), _CLIP.samples(config, microbatch)
    if training and samples == 1:
        raise OptionError("-mb 1: clip learns from what differs among pairs: take -mb 2 or more")
    network, size = _CLIP.network(config, image_size, weights, force_num_layers)
    return StagedModel(
        stages=Stages(device=network, loss=ContrastiveLoss()),
        inputs=[_texts(samples, length), torch.rand(samples, 3, size, size)],
        targets=[torch.arange(samples)],
    )


def _checked(length: int | None) -> int:
    if length and not _SHORTEST_TEXT <= length <= _LONGEST_TEXT:
        raise OptionError(f"--seq_len {length}: clip takes {_SHORTEST_TEXT} to {_LONGEST_TEXT}")
    return length or _LONGEST_TEXT


def _texts(samples: int, length: int) -> torch.Tensor:
    import torch

    ids = torch.randint(_END_OF_TEXT, (samples, length))
    ids[:, -1] = _END_OF_TEXT
    return ids
