"""Finders of poses: maps of how likely each point of a body or a hand is where.

All train with the squared error of the maps, as OpenPose does, against random ones; of networks
with several stages the last one's maps alone are compared.
"""

from __future__ import annotations

from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_vision.collection import construct
from ttbench_models_vision.recipes import Family, Recipe, four_bits
from ttbench_models_vision.settling import settle

__all__ = ["openpose_hand", "openpose_osmr_body"]

_TASK = "pose estimation"
#: Pixels of an image for one of its maps.
_STRIDE = 8
#: Heat maps and affinity fields of 19 points; in 3d the fields of their places as well.
_BODY_MAPS = {"2d": 57, "3d": 114}
_HAND_MAPS = 22

_BODY = Family(
    name="openpose_osmr_body",
    pcc=four_bits(0.91),
    multiple=_STRIDE,
    recipes={
        "2d": Recipe(4_091_698, 8, origin="lwopenpose2d_mobilenet_cmupan_coco"),
        "3d": Recipe(5_085_983, 8, origin="lwopenpose3d_mobilenet_cmupan_coco"),
    },
)
_HAND = Family(
    name="openpose_hand",
    pcc=four_bits(0.91),
    multiple=_STRIDE,
    recipes={"basic": Recipe(36_832_324, 1)},
)


@benchmark_model(configs=_BODY.declared(), default_config="2d", task=_TASK)
def openpose_osmr_body(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a lightweight OpenPose (Osokin, 2018, arXiv:1811.12004), as pytorchcv has it.

    Its input is images (microbatch, 3, 224, 224) in [0, 1), the original's; it was published
    for 368 x 368.
    """
    samples, size = _BODY.asked(training, config, microbatch, image_size)
    network = construct("lwopenpose_cmupan", _BODY.recipes[config].origin)
    return _finder(network, _BODY, _BODY_MAPS[config], samples, size)


@benchmark_model(configs=_HAND.declared(), task=_TASK)
def openpose_hand(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build OpenPose's network for hands (Simon et al., 2017, arXiv:1704.07809).

    Its input is images (microbatch, 3, 224, 224) in [0, 1), the original's; it was published
    for 368 x 368.
    """
    from ttbench_models_vision.networks.openpose_hand import OpenPoseHand

    samples, size = _HAND.asked(training, config, microbatch, image_size)
    return _finder(OpenPoseHand(), _HAND, _HAND_MAPS, samples, size)


def _finder(network: Any, family: Family, maps: int, samples: int, size: int) -> StagedModel:
    import torch

    cells = size // _STRIDE
    return StagedModel(
        stages=Stages(device=settle(network, size), loss=torch.nn.MSELoss()),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[torch.rand(samples, maps, cells, cells)],
        pcc=family.pcc,
    )
