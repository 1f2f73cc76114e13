"""What every classifier of images has in common: its input, its targets, its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ttbench_core import BenchmarkModel, Builder, StagedModel, Stages, benchmark_model
from ttbench_models_vision.library import LibraryFamily

__all__ = ["CLASSES", "TASK", "classifier", "library_classifier"]

#: Classes of ImageNet.
CLASSES = 1000
TASK = "image classification"


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
    family: LibraryFamily, about: str, *, default: str | None = None, layered: bool = False
) -> Builder:
    """Give the builder of a classifier of transformers.

    Args:
        family: its table.
        about: what becomes the builder's docstring: the network and its paper.
        default: the configuration that runs without `-c`; the first if not given.
        layered: whether the number of its layers can be asked for.
    """

    def build(
        training: bool,
        config: str,
        microbatch: int | None = None,
        *,
        image_size: int | None = None,
        weights: str | None = None,
    ) -> BenchmarkModel:
        return build_layered(training, config, microbatch, image_size=image_size, weights=weights)

    def build_layered(
        training: bool,
        config: str,
        microbatch: int | None = None,
        *,
        force_num_layers: int | None = None,
        image_size: int | None = None,
        weights: str | None = None,
    ) -> BenchmarkModel:
        samples, _ = family.asked(training, config, microbatch, image_size)
        network, size = family.network(config, image_size, weights, force_num_layers)
        return classifier(network, samples, size, network.config.num_labels, family.pcc)

    # the core refuses an option that the signature has not
    function = build_layered if layered else build
    function.__name__ = function.__qualname__ = family.name
    function.__doc__ = about
    declare = benchmark_model(configs=family.declared(), default_config=default, task=TASK)
    return declare(function)
