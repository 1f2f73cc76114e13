"""ResNet (He et al., 2015, arXiv:1512.03385), as transformers builds it.

The networks are those of microsoft/resnet-18 and microsoft/resnet-50: stride
in the 3 x 3 convolution of a bottleneck, so 4.09 GMAC at 224 x 224.
"""

from __future__ import annotations

from ttbench_core import BenchmarkModel, benchmark_model
from ttbench_models_vision.classification import CLASSES, library_classifier
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

__all__ = ["resnet"]

_RESNET = LibraryFamily(
    name="resnet",
    model_class="ResNetForImageClassification",
    config_class="ResNetConfig",
    # the lowest of twenty random networks was 0.969
    pcc=four_bits(0.95),
    settings={"embedding_size": 64, "num_labels": CLASSES, "downsample_in_bottleneck": False},
    recipes={
        "resnet18": Recipe(
            parameters=11_689_512,
            microbatch=8,
            origin="microsoft/resnet-18",
            settings={
                "layer_type": "basic",
                "depths": [2, 2, 2, 2],
                "hidden_sizes": [64, 128, 256, 512],
            },
        ),
        "resnet50": Recipe(
            parameters=25_557_032,
            microbatch=8,
            origin="microsoft/resnet-50",
            settings={
                "layer_type": "bottleneck",
                "depths": [3, 4, 6, 3],
                "hidden_sizes": [256, 512, 1024, 2048],
            },
        ),
    },
)


@benchmark_model(configs=_RESNET.declared(), default_config="resnet50", task="image classification")
def resnet(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a ResNet; its input is images (microbatch, 3, 224, 224) in [0, 1).

    Trains against random classes with cross entropy.
    """
    return library_classifier(_RESNET, config, microbatch, image_size=image_size, weights=weights)
