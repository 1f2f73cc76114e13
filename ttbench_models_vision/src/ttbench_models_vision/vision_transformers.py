"""Vision transformers that classify, as transformers builds them.

Inputs are images (microbatch, 3, 224, 224) in [0, 1); all train against random classes with
cross entropy.
"""

from __future__ import annotations

from ttbench_models_vision.classification import CLASSES, library_classifier
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

__all__ = ["deit", "swin", "vit"]


_VIT = LibraryFamily(
    name="vit",
    pcc=four_bits(0.93),
    model_class="ViTForImageClassification",
    config_class="ViTConfig",
    settings={"num_labels": CLASSES},
    has_positions=True,
    multiple=16,
    least=16,
    recipes={
        "base": Recipe(parameters=86_567_656, microbatch=2, origin="google/vit-base-patch16-224"),
        "large": Recipe(
            parameters=304_326_632,
            microbatch=1,
            origin="google/vit-large-patch16-224",
            settings={
                "hidden_size": 1024,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
            },
        ),
    },
)
_DEIT = LibraryFamily(
    name="deit",
    pcc=four_bits(0.93),
    model_class="ViTForImageClassification",
    config_class="ViTConfig",
    settings={"num_labels": CLASSES},
    has_positions=True,
    multiple=16,
    least=16,
    recipes={
        "base": Recipe(
            parameters=86_567_656, microbatch=2, origin="facebook/deit-base-patch16-224"
        ),
        "small": Recipe(
            parameters=22_050_664,
            microbatch=4,
            origin="facebook/deit-small-patch16-224",
            settings={"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536},
        ),
    },
)
_SWIN = LibraryFamily(
    name="swin",
    pcc=four_bits(0.93),
    model_class="SwinForImageClassification",
    config_class="SwinConfig",
    settings={"num_labels": CLASSES},
    # below, the last map is smaller than a window, whose weights are for 7 x 7
    least=224,
    multiple=32,
    recipes={
        "tiny": Recipe(
            parameters=28_288_354,
            microbatch=4,
            origin="microsoft/swin-tiny-patch4-window7-224",
            settings={
                "image_size": 224,
                "embed_dim": 96,
                "depths": [2, 2, 6, 2],
                "num_heads": [3, 6, 12, 24],
                "window_size": 7,
            },
        ),
    },
)

vit = library_classifier(
    _VIT,
    "Build a Vision Transformer (Dosovitskiy et al., 2020, arXiv:2010.11929), patches of 16.",
    default="base",
    layered=True,
)
# the one without a token for distillation, whose network is a ViT: as such
# facebook/deit-base-patch16-224, which the original runs, is published
deit = library_classifier(
    _DEIT,
    "Build a DeiT (Touvron et al., 2020, arXiv:2012.12877), patches of 16.",
    default="base",
    layered=True,
)
swin = library_classifier(
    _SWIN,
    "Build a Swin Transformer (Liu et al., 2021, arXiv:2103.14030), patches of 4, windows of 7.",
)
