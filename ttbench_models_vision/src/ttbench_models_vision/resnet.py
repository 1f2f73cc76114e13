"""ResNet (He et al., 2015, arXiv:1512.03385), as transformers builds it.

The networks are those of microsoft/resnet-18 and microsoft/resnet-50: stride
in the 3 x 3 convolution of a bottleneck, so 4.09 GMAC at 224 x 224.
"""

from __future__ import annotations

from typing import NamedTuple

from ttbench_core import BenchmarkModel, Declared, StagedModel, Stages, benchmark_model
from ttbench_models_vision.classification import CLASSES, library_classifier
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

__all__ = ["resnet", "resnet50_layer"]

_RESNET = LibraryFamily(
    name="resnet",
    least_alone=33,
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


class _Layer(NamedTuple):
    """A part of the ResNet-50 at 224 x 224: channels and rows of its maps, before and behind."""

    parameters: int
    inputs: tuple[int, int]
    outputs: tuple[int, int]


_LAYERS = {
    "head": _Layer(9_536, (3, 224), (64, 56)),
    "layer1": _Layer(215_808, (64, 56), (256, 56)),
    "layer2": _Layer(1_219_584, (256, 56), (512, 28)),
    "layer3": _Layer(7_098_368, (512, 28), (1024, 14)),
    "layer4": _Layer(14_964_736, (1024, 14), (2048, 7)),
}
_LAYER_SAMPLES = 8


resnet = library_classifier(
    _RESNET,
    "Build a ResNet (He et al., 2015, arXiv:1512.03385).",
    default="resnet50",
)


@benchmark_model(
    configs={name: Declared(one.parameters, _LAYER_SAMPLES) for name, one in _LAYERS.items()},
    task="part of a classifier",
)
def resnet50_layer(training: bool, config: str, microbatch: int | None = None) -> BenchmarkModel:
    """Build a part of the ResNet-50: `head` takes the images, `layer1` to `layer4` follow.

    Its input is what it gets in the whole network at 224 x 224: (microbatch, 3, 224, 224), then
    (microbatch, 64, 56, 56) and so on. Trains against random maps with an L1 loss.
    """
    import torch

    whole, _ = _RESNET.network("resnet50", None, None)
    parts = [whole.resnet.embedder, *whole.resnet.encoder.stages]
    network = parts[list(_LAYERS).index(config)]
    samples = microbatch or _LAYER_SAMPLES
    (channels, rows), (maps, cells) = _LAYERS[config].inputs, _LAYERS[config].outputs
    return StagedModel(
        stages=Stages(device=network, loss=torch.nn.L1Loss()),
        inputs=[torch.rand(samples, channels, rows, rows)],
        targets=[torch.rand(samples, maps, cells, cells)],
        # the lowest of six random networks was 0.954
        pcc=four_bits(0.94),
    )
