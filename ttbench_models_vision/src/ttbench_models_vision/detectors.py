"""Detectors with queries, as transformers builds them.

Inputs are images (microbatch, 3, 640, 640) in [0, 1); they give logits and a box for every query,
first of all. All train with an L1 loss against random targets, a stand-in: the losses of the
papers match queries with objects on the host, by a solver of scipy, which the network has no part
in. What it compares is what those do: of RT-DETR and D-FINE the predictions of the encoder and of
every layer of the decoder, so that every parameter has its gradient. Queries that start from noisy
objects (denoising) are left out with the objects, and their embedding is not trained.

RT-DETR and D-FINE make queries of the 300 places with the highest scores. Under random weights
these are so near to each other that any format below Fp32 takes them in another order, whatever
the spread of the weights: 300 ranks are finer than what the format, after a hundred layers, tells
apart. Outputs are compared query by query, so numbers that are right agree little better than
those of queries that are shuffled: of thirty networks at 128 and 640 the lowest correlation was
0.46 in Fp16, 0.25 in Fp16_b and Bfp8_b, and -0.06 in Bfp4_b. So they are called neither right nor
wrong; outputs that are not finite or of another shape are wrong.
"""

from __future__ import annotations

from dataclasses import replace

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_vision.deformable import sampled_rightly
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

__all__ = ["d_fine", "detr", "rt_detr"]

_TASK = "object detection"
_COORDINATES = 4
_IMAGE_SIZE = 640
#: The smallest whose three maps have a place for each of 300 queries: 256 + 64 + 16.
_LEAST_FOR_QUERIES = 128

#: See above.
_REORDERED = (
    "its queries are the places with the highest scores, which every format orders in its own way"
)

_DETR = LibraryFamily(
    name="detr",
    model_class="DetrForObjectDetection",
    config_class="DetrConfig",
    settles=True,
    # its random boxes differ by little more than what the format tells apart
    pcc={"Fp16_b": 0.85, **four_bits(0.6)},
    # transformers 4 would take a backbone of timm where it is not told
    settings={
        "use_timm_backbone": False,
        "use_pretrained_backbone": False,
        "backbone": None,
        "backbone_config": {"model_type": "resnet", "out_features": ["stage4"]},
        "num_labels": 91,
        "num_queries": 100,
    },
    multiple=32,
    recipes={
        "resnet50": Recipe(
            parameters=41_524_768,
            microbatch=1,
            image_size=_IMAGE_SIZE,
            origin="facebook/detr-resnet-50",
            revision="no_timm",
        ),
    },
)
_RT_DETR = LibraryFamily(
    name="rt_detr",
    model_class="RTDetrForObjectDetection",
    config_class="RTDetrConfig",
    settles=True,
    settings={"num_labels": 80},
    least=_LEAST_FOR_QUERIES,
    multiple=32,
    since="4.42",
    recipes={
        "r18vd": Recipe(
            parameters=20_174_608,
            microbatch=1,
            image_size=_IMAGE_SIZE,
            origin="PekingU/rtdetr_r18vd",
            settings={
                "backbone_config": {
                    "model_type": "rt_detr_resnet",
                    "embedding_size": 64,
                    "hidden_sizes": [64, 128, 256, 512],
                    "depths": [2, 2, 2, 2],
                    "layer_type": "basic",
                    "out_features": ["stage2", "stage3", "stage4"],
                },
                "encoder_in_channels": [128, 256, 512],
                "hidden_expansion": 0.5,
                "decoder_layers": 3,
            },
        ),
        "r50vd": Recipe(
            parameters=42_891_372,
            microbatch=1,
            image_size=_IMAGE_SIZE,
            origin="PekingU/rtdetr_r50vd",
        ),
    },
)
_D_FINE = LibraryFamily(
    name="d_fine",
    model_class="DFineForObjectDetection",
    config_class="DFineConfig",
    settles=True,
    settings={"num_labels": 80},
    least=_LEAST_FOR_QUERIES,
    multiple=32,
    since="4.52",
    recipes={
        "l": Recipe(
            parameters=31_244_152,
            microbatch=1,
            image_size=_IMAGE_SIZE,
            origin="ustc-community/dfine-large-coco",
        ),
    },
)


@benchmark_model(configs=_DETR.declared(), task=_TASK)
def detr(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a DETR (Carion et al., 2020, arXiv:2005.12872) over a ResNet-50."""
    # one class more: nothing
    return _detector(
        _DETR, config, microbatch, image_size=image_size, weights=weights, more_classes=1
    )


@benchmark_model(configs=_RT_DETR.declared(), default_config="r50vd", task=_TASK)
def rt_detr(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build an RT-DETR (Zhao et al., 2023, arXiv:2304.08069) over a ResNet-18 or -50, form vd."""
    return _chooser(_RT_DETR, training, config, microbatch, image_size=image_size, weights=weights)


@benchmark_model(configs=_D_FINE.declared(), task=_TASK)
def d_fine(
    training: bool,
    config: str,
    microbatch: int | None = None,
    *,
    image_size: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build a D-FINE (Peng et al., 2024, arXiv:2410.13842), the large one."""
    return _chooser(_D_FINE, training, config, microbatch, image_size=image_size, weights=weights)


def _detector(
    family: LibraryFamily,
    config: str,
    microbatch: int | None,
    *,
    image_size: int | None,
    weights: str | None,
    more_classes: int = 0,
) -> StagedModel:
    import torch

    from ttbench_models_vision.losses import FirstOutputsL1Loss

    network, size = family.network(config, image_size, weights)
    samples, queries = family.samples(config, microbatch), network.config.num_queries
    classes = network.config.num_labels + more_classes
    return StagedModel(
        stages=Stages(device=network, loss=FirstOutputsL1Loss(targets=2)),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[
            torch.rand(samples, queries, classes),
            torch.rand(samples, queries, _COORDINATES),
        ],
        pcc=family.pcc,
    )


def _chooser(
    family: LibraryFamily,
    training: bool,
    config: str,
    microbatch: int | None,
    *,
    image_size: int | None,
    weights: str | None,
) -> StagedModel:
    """Build a detector whose encoder chooses the queries, and whose every layer is trained."""
    from ttbench_models_vision.networks.predictions import EveryPrediction

    built = _detector(family, config, microbatch, image_size=image_size, weights=weights)
    network, loss = sampled_rightly(built.stages.device), built.stages.loss
    if not training:
        stages = Stages(device=network, loss=loss)
        return replace(built, stages=stages, incomparable=_REORDERED)
    return replace(
        built,
        stages=Stages(device=EveryPrediction(network), loss=loss),
        targets=[target.unsqueeze(1) for target in built.targets],
    )
