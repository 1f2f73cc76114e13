"""ResNet (He et al., 2015, arXiv:1512.03385), as transformers builds it.

The networks are those of microsoft/resnet-18 and microsoft/resnet-50: stride
in the 3 x 3 convolution of a bottleneck, so 4.09 GMAC at 224 x 224.
"""

from __future__ import annotations

from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model

__all__ = ["resnet"]

_IMAGE_SIZE = 224
_CLASSES = 1000
#: Samples an input that a laptop bears.
_MICROBATCH = 8
#: Lowest correlation with Fp32 that counts as right: a little below the lowest of twenty random
#: networks (0.969), whose weights were rounded to four bits in every convolution.
_PCC = {"Bfp4": 0.95, "Bfp4_b": 0.95}

_COMMON: dict[str, Any] = {
    "embedding_size": 64,
    "num_labels": _CLASSES,
    "downsample_in_bottleneck": False,
}
_NETWORKS: dict[str, dict[str, Any]] = {
    "resnet18": {
        "layer_type": "basic",
        "depths": [2, 2, 2, 2],
        "hidden_sizes": [64, 128, 256, 512],
    },
    "resnet50": {
        "layer_type": "bottleneck",
        "depths": [3, 4, 6, 3],
        "hidden_sizes": [256, 512, 1024, 2048],
    },
}


@benchmark_model(configs=list(_NETWORKS), default_config="resnet50")
def resnet(training: bool, config: str, microbatch: int | None = None) -> BenchmarkModel:
    """Build a ResNet; its input is images (microbatch, 3, 224, 224) in [0, 1).

    Trains against random classes with cross entropy.
    """
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    samples = microbatch or _MICROBATCH
    settings = ResNetConfig(**_COMMON, **_NETWORKS[config])
    return StagedModel(
        stages=Stages(
            device=ResNetForImageClassification(settings), loss=torch.nn.CrossEntropyLoss()
        ),
        inputs=[torch.rand(samples, 3, _IMAGE_SIZE, _IMAGE_SIZE)],
        targets=[torch.randint(_CLASSES, (samples,))],
        pcc=_PCC,
    )
