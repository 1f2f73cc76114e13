"""Models that give each pixel a class; they train against random ones with cross entropy."""

from __future__ import annotations

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Family, Recipe, four_bits
from ttbench_models_vision.settling import settle

__all__ = ["segformer", "unet"]

_TASK = "image segmentation"

_UNET = Family(
    name="unet",
    least_alone=32,
    pcc=four_bits(0.75),
    least=16,
    multiple=16,
    recipes={"256": Recipe(7_763_041, 4, image_size=256)},
)
_SEGFORMER = LibraryFamily(
    name="segformer",
    pcc=four_bits(0.91),
    model_class="SegformerForSemanticSegmentation",
    config_class="SegformerConfig",
    settings={"num_labels": 150},
    multiple=32,
    recipes={
        "b0": Recipe(
            parameters=3_752_694,
            microbatch=2,
            image_size=512,
            origin="nvidia/segformer-b0-finetuned-ade-512-512",
        ),
        "b2": Recipe(
            parameters=27_461_974,
            microbatch=1,
            image_size=512,
            origin="nvidia/segformer-b2-finetuned-ade-512-512",
            settings={
                "depths": [3, 4, 6, 3],
                "hidden_sizes": [64, 128, 320, 512],
                "decoder_hidden_size": 768,
            },
        ),
    },
)


@benchmark_model(configs=_UNET.declared(), task=_TASK)
def unet(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a U-Net (Ronneberger et al., 2015, arXiv:1505.04597) that segments brain images.

    Its input is images (microbatch, 3, 256, 256) in [0, 1); it gives each pixel a probability.
    """
    import torch

    from ttbench_models_vision.losses import PixelBinaryCrossEntropyLoss
    from ttbench_models_vision.networks.unet import UNet

    samples, size = _UNET.asked(training, config, microbatch, image_size)
    return StagedModel(
        stages=Stages(device=settle(UNet(), size), loss=PixelBinaryCrossEntropyLoss()),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[torch.randint(2, (samples, 1, size, size)).float()],
        pcc=_UNET.pcc,
    )


@benchmark_model(configs=_SEGFORMER.declared(), default_config="b0", task=_TASK)
def segformer(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a SegFormer (Xie et al., 2021, arXiv:2105.15203) of ADE20K's 150 classes.

    Its input is images (microbatch, 3, 512, 512) in [0, 1); it gives logits for every fourth
    pixel, which its training brings to the size of the image.
    """
    import torch

    from ttbench_models_vision.losses import PixelCrossEntropyLoss

    network, size = _SEGFORMER.network(config, image_size, weights)
    samples = _SEGFORMER.samples(config, microbatch)
    return StagedModel(
        stages=Stages(device=network, loss=PixelCrossEntropyLoss()),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[torch.randint(network.config.num_labels, (samples, size, size))],
        pcc=_SEGFORMER.pcc,
    )
