"""What every classifier of images has in common: its input, its targets, its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttbench_core import StagedModel, Stages
from ttbench_models_vision.library import LibraryFamily

__all__ = ["CLASSES", "classifier", "library_classifier"]

#: Classes of ImageNet.
CLASSES = 1000


def classifier(
    network: Any,
    samples: int,
    size: int,
    classes: int = CLASSES,
    pcc: Mapping[str, float] | None = None,
) -> StagedModel:
    """Give a classifier images (samples, 3, size, size) in [0, 1), random classes to learn.

    Args:
        network: gives logits (samples, classes).
        samples: the microbatch.
        size: rows and columns.
        classes: how many there are.
        pcc: see `DeclaresAccuracy`.
    """
    import torch

    return StagedModel(
        stages=Stages(device=network, loss=torch.nn.CrossEntropyLoss()),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[torch.randint(classes, (samples,))],
        pcc=pcc or {},
    )


def library_classifier(
    family: LibraryFamily,
    training: bool,
    config: str,
    microbatch: int | None,
    *,
    image_size: int | None,
    weights: str | None,
    layers: int | None = None,
) -> StagedModel:
    """Build a classifier of transformers; the arguments are those of the builders."""
    samples, _ = family.asked(training, config, microbatch, image_size)
    network, size = family.network(config, image_size, weights, layers)
    return classifier(network, samples, size, network.config.num_labels, family.pcc)
