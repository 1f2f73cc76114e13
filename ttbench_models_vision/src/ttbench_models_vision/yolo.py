"""YOLO detectors, own networks: raw predictions of 80 classes on a grid for each stride.

Inputs are images (microbatch, 3, size, size) in [0, 1). All train with an L1 loss of the raw
predictions against random targets: a detection loss assigns boxes to anchors on the host, which
the network has no part in.
"""

from __future__ import annotations

from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_vision.recipes import Family, Recipe, four_bits
from ttbench_models_vision.settling import settle

__all__ = ["yolo_v3", "yolo_v5"]

_TASK = "object detection"
_CLASSES = 80
#: Of a cell: for three anchors a box, whether there is anything, and what.
_PREDICTIONS = 3 * (4 + 1 + _CLASSES)

_V3 = Family(
    name="yolo_v3",
    least_alone=64,
    pcc=four_bits(0.91),
    multiple=32,
    recipes={
        "default": Recipe(61_949_149, 1, image_size=512),
        "tiny": Recipe(8_852_366, 8, image_size=512),
    },
)
_V3_STRIDES = {"default": (32, 16, 8), "tiny": (32, 16)}
_V5 = Family(
    name="yolo_v5",
    least_alone=64,
    pcc=four_bits(0.74),
    multiple=32,
    recipes={
        "s": Recipe(7_235_389, 8, image_size=320),
        "m": Recipe(21_190_557, 1, image_size=640),
    },
)
_V5_STRIDES = (8, 16, 32)


@benchmark_model(configs=_V3.declared(), default_config="default", task=_TASK)
def yolo_v3(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a YOLOv3 (Redmon and Farhadi, 2018, arXiv:1804.02767) for the original's 512 x 512."""
    from ttbench_models_vision.networks.yolo_v3 import YOLOv3, YOLOv3Tiny

    samples, size = _V3.asked(training, config, microbatch, image_size)
    network = YOLOv3Tiny(_CLASSES) if config == "tiny" else YOLOv3(_CLASSES)
    return _detector(network, _V3, _V3_STRIDES[config], samples, size)


@benchmark_model(configs=_V5.declared(), default_config="s", task=_TASK)
def yolo_v5(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a YOLOv5-style detector, written from published layer tables.

    The original's sizes: `s` sees 320 x 320 and `m` 640 x 640.
    """
    from ttbench_models_vision.networks.yolo_v5 import YOLOv5Style

    samples, size = _V5.asked(training, config, microbatch, image_size)
    return _detector(YOLOv5Style(config, _CLASSES), _V5, _V5_STRIDES, samples, size)


def _detector(
    network: Any, family: Family, strides: tuple[int, ...], samples: int, size: int
) -> StagedModel:
    import torch

    from ttbench_models_vision.losses import FirstOutputsL1Loss

    return StagedModel(
        stages=Stages(device=settle(network, size), loss=FirstOutputsL1Loss(targets=len(strides))),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[
            torch.rand(samples, _PREDICTIONS, size // stride, size // stride) for stride in strides
        ],
        pcc=family.pcc,
    )
